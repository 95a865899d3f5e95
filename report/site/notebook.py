"""A chapter as a notebook that any Jupyter shows as the page does.

The source is a notebook in MyST, and Jupyter alone knows neither its roles nor its directives: it would show them as
they are typed. In the notebooks that the report offers for download

- a role is the text that the page has in its place: a number of the published run, "Figure 8.1", a title, an author;
- a directive is the Markdown that comes nearest: formulas keep their numbers, solutions stay folded;
- a caption follows its cell, and input that the page folds or leaves out is folded.

Nor does it have what builds the page: ``glue`` does nothing there. The first cell names what the code needs and does
not find, for a notebook that was saved alone or on another machine.

A role or directive that is not provided for is an error of the build.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import jupytext
import nbformat
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import new_document

__all__ = ["notebook"]

_ROLE = re.compile(r"\{(?P<name>[a-z]+(?::[a-z]+)?)\}`[^`]+`")
_DIRECTIVE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\} ?(?P<title>.*)\n"
    r"(?P<options>(?: *:[\w-]+:.*\n)*)(?P<body>(?:.*\n)*?)(?P=indent)(?P=fence) *$",
    re.MULTILINE,
)
_MONEY = re.compile(r"```.*?```|`[^`]+`|\$\$.*?\$\$|\$(?:\\.|[^\\$])+\$|(?P<sign>\\\$)", re.DOTALL)
"""A dollar sign that stands for dollars; code and formulas are passed over."""

_PREFIX = {"std": "", "math": "", "cite": "cite:", "prf": "prf:"}
"""How the name of a role starts, by the domain that it belongs to."""

_HEAD = (
    "*A chapter of {title}, as a notebook. The numbers in its text are those of the published run. The first cell says "
    "what the code needs and does not find here.*"
)
_GLUE = "from myst_nb import glue\n"
_FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}

_PACKAGES = """\
from importlib.util import find_spec

if missing := [name for name in {names} if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"This notebook needs {{', '.join(missing)}}. In the repository of the report, "
        "python -m pip install -r requirements.txt installs all that its notebooks use."
    )
"""
_DATA = """
from pathlib import Path

if missing := [name for name in {names} if not Path(name).is_file()]:
    raise FileNotFoundError(
        f"This notebook reads {{', '.join(missing)}}. Put the folder data beside it: it is in book/ in the repository "
        "of the report, and beside the notebooks, _build/html/_downloads/, after a build."
    )
"""
_NO_GLUE = '''

def glue(name, value, display=True):
    """Hand a number to the text of the report's page; the text of this notebook has it already."""
'''


def notebook(app: Sphinx, pagename: str) -> Any:
    """Return a chapter of the report as a notebook without outputs."""
    made = jupytext.read(Path(app.env.doc2path(pagename)))
    made.metadata.pop("jupytext", None)
    chapter = _Chapter(app, pagename)
    first = next(i for i, cell in enumerate(made.cells) if cell.cell_type == "code")
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    check = nbformat.v4.new_code_cell(_first_cell(code, Path(app.srcdir)), metadata={"tags": ["hide-input"]})  # type: ignore[no-untyped-call]
    made.cells.insert(first, check)
    made.cells = list(chain.from_iterable(chapter.cells(cell) for cell in made.cells))
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"  # not a new one at every build
    left = len(list(chapter.words)), len(list(chapter.listings))
    if left != (0, 0):
        raise ValueError(f"{pagename}: {left[0]} roles and {left[1]} listings of the page are not in its source")
    nbformat.validate(made)
    return made


class _Chapter:
    """What the page has in place of roles and listings, in their order, and the numbers of what is numbered."""

    def __init__(self, app: Sphinx, pagename: str) -> None:
        doctree = app.env.get_doctree(pagename)
        self.words = _words(app, pagename, doctree)
        self.listings = (node.astext() for node in doctree.findall(nodes.literal_block) if "source" in node)
        self.numbers = app.env.toc_fignumbers.get(pagename, {})
        self.head = _HEAD.format(title=app.config.html_title)

    def cells(self, cell: Any) -> Iterator[Any]:
        """A cell of the source, with its caption."""
        if cell.cell_type == "markdown":
            cell.source = self.text(cell.source)
            if self.head:  # below the chapter's title
                title, _, rest = cell.source.partition("\n")
                cell.source, self.head = "\n\n".join([title, self.head, rest.strip()]).strip(), ""
            yield cell
            return
        if _FOLDED & set(cell.metadata.get("tags", ())):
            cell.metadata["jupyter"] = {"source_hidden": True}
        cell.source = cell.source.replace(_GLUE, "").strip("\n")
        yield cell
        for kind, said in cell.metadata.pop("mystnb", {}).items():
            if kind in ("figure", "table") and "caption" in said:
                yield nbformat.v4.new_markdown_cell(  # type: ignore[no-untyped-call]
                    self.caption(kind, said.get("name", ""), self.text(said["caption"]))
                )

    def text(self, source: str) -> str:
        """Markdown for MyST."""
        source = re.sub(r"^\([\w-]+\)=\n", "", source, flags=re.MULTILINE)
        source = re.sub(r"^\$\$ \((.*)\)$", lambda end: f"{self.tag(end[1])}$$", source, flags=re.MULTILINE)
        source = _ROLE.sub(self.role, source)  # first all roles, in their order; then what they stand in
        while _DIRECTIVE.search(source):
            source = _DIRECTIVE.sub(lambda found: indent(self.directive(found), found["indent"]), source)
        # Jupyter pairs a dollar sign with the next one, escaped or not, unless it is alone in its element.
        return _MONEY.sub(lambda found: "<span>&#36;</span>" if found["sign"] else found[0], source)

    def role(self, match: re.Match[str]) -> str:
        """The words of the page for a role."""
        name, words = next(self.words)
        if name != match["name"]:
            raise ValueError(f"{match[0]} is a {name} in the page")
        return f"*{words}*" if name in ("doc", "ref") else words.replace("$", r"\$")

    def directive(self, match: re.Match[str]) -> str:
        """Markdown for a directive; those within it have their turn later."""
        name, title, body = match["name"], match["title"].strip(), dedent(match["body"]).strip("\n")
        options = dict(re.findall(r"^ *:([\w-]+): *(.*)$", match["options"], re.MULTILINE))
        if name == "math":
            return f"$$\n{body}\n{self.tag(options.get('label', ''))}$$"
        if name == "dropdown":
            return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
        if name in ("table", "list-table"):
            return f"{self.caption('table', options.get('name', ''), title)}\n\n{body}"
        if name == "literalinclude":
            return f"```{options['language']}\n{next(self.listings)}\n```"
        if name in ("admonition", "prf:theorem", "prf:proof"):
            kind = name.removeprefix("prf:").capitalize() + "."
            title = title if name == "admonition" else f"{kind} {title}".strip()
            return f"**{title}**\n\n{body}"
        if name == "glossary":
            return re.sub(r"^(?=\S)(.*)\n +", r"**\1**: ", body, flags=re.MULTILINE)
        raise ValueError(f"no Markdown for the directive {name}")

    def tag(self, label: str) -> str:
        """The line that gives a formula its number."""
        return f"\\tag{{{self.number('displaymath', f'equation-{label}')}}}\n" if label else ""

    def caption(self, kind: str, name: str, text: str) -> str:
        """A caption with its number."""
        return f"**{kind.capitalize()} {self.number(kind, name)}** {text}" if name else f"**{text}**"

    def number(self, kind: str, name: str) -> str:
        """The number of a figure, table or formula, as on the page."""
        return ".".join(map(str, self.numbers[kind][name]))


def _first_cell(code: Iterable[Any], folder: Path) -> str:
    """The code that says what a chapter imports, or reads, and does not find; and ``glue`` for one that calls it."""
    source = "\n".join(re.sub(r"^[%!].*", "", cell.source, flags=re.MULTILINE) for cell in code)
    needed = {"ipywidgets"} if any("remove-output" in cell.metadata.get("tags", ()) for cell in code) else set()
    for statement in ast.parse(source).body:  # not what stands in a condition
        if isinstance(statement, ast.Import):
            needed |= {alias.name.split(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            needed.add(str(statement.module).split(".")[0])
    packages = sorted(needed - {"myst_nb"} - sys.stdlib_module_names)
    data = sorted({name for name in re.findall(r'"(data/[^"]+)"', source) if (folder / name).is_file()})
    return (
        _PACKAGES.format(names=packages)
        + (_DATA.format(names=data) if data else "")
        + (_NO_GLUE if _GLUE in source else "")
    )


def _words(app: Sphinx, pagename: str, doctree: nodes.document) -> Iterator[tuple[str, str]]:
    """Name and words of every role of a page, in their order: resolved once more, one a paragraph."""
    names, paragraphs = [], new_document(pagename, doctree.settings)
    for node in doctree.findall():
        if _is_output(node):
            continue
        if isinstance(node, pending_xref) and node["refdomain"] in _PREFIX:  # and no link in brackets
            names.append(_PREFIX[node["refdomain"]] + node["reftype"])
        elif isinstance(node, nodes.inline) and "pasted-text" in node["classes"]:
            names.append("glue:text")
        else:
            continue
        paragraphs += nodes.paragraph("", "", node.deepcopy())
    app.env.apply_post_transforms(paragraphs, pagename)
    return zip(names, (paragraph.astext() for paragraph in paragraphs), strict=True)


def _is_output(node: nodes.Node) -> bool:
    """Say whether a node is in what a cell shows, and so in no Markdown: all but the caption that the page gives it."""
    while (parent := node.parent) is not None:
        if isinstance(node, nodes.caption | nodes.title):
            return False
        if "cell_output" in getattr(parent, "attributes", {}).get("classes", ()):
            return True
        node = parent
    return False
