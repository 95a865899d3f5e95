"""How the report is built: plotly figures that need no network, and no stale results.

This module is two things at once, and nothing else in the package imports it:

- a Sphinx extension, named in ``_config.yml``;
- a renderer of notebook outputs, which myst-nb finds through an entry point in ``pyproject.toml``.

**Figures.** A chapter ends a cell with a plotly figure and JupyterLab shows it live, with no code for it
in the chapter. In the built page the figure stands once, as JSON; ``plotly.min.js`` is copied from the
installed plotly package, and ``assets/figures.js`` draws the figures with it. Both are loaded only
on pages that have figures. Nothing is asked of another host, so the report works from a folder on disk.

**Tables.** A cell that shows a pandas table and carries ``mystnb: {table: {caption, name}}`` gives a
numbered table that prose can refer to. Without that, the table stands as pandas draws it. Kernels start with
``assets/kernel.py``, so that pandas cuts none.

**Downloads.** Every table with a caption links its rows as CSV, every chapter itself as a notebook without outputs
(``assets/page.js`` hands it over where the report is read from a folder), and a figure's toolbar saves it as PNG
or SVG. The folder of the notebooks holds them and the data that they read, and nothing else: JupyterLab lists it.

**Weight.** Curves are sent as 32-bit numbers where nobody can see the difference, and code without marks around what
has no colour of its own.

**Controls that need a kernel.** An ipywidgets slider in a page without a kernel moves and nothing
follows. Cells that show one are tagged ``remove-output``; showing one anyway is a warning, and no widget
scripts reach the page.

**Runs.** Chapters run before Sphinx reads its pages, one a core, and only those without a run; ``runs.py`` says when a
kept run is good. An edit of the prose runs nothing.
"""

from __future__ import annotations

import base64
import csv
import html
import importlib.resources
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, Any

import nbformat
import numpy as np
import yaml
from docutils import nodes
from myst_nb.core.render import WIDGET_VIEW_MIMETYPE, MimeData, NbElementRenderer
from pygments.formatters import HtmlFormatter
from pygments.token import Token
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.highlighting import PygmentsBridge
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset_file

from report.site import runs
from report.site.notebook import notebook
from report.site.runs import digest

__all__ = ["CodeFormatter", "FigureRenderer", "PlotlyFigure", "compact", "is_fresh", "setup"]

PLOTLY_MIMETYPE = "application/vnd.plotly.v1+json"
ASSETS = Path(__file__).parent / "assets"
NOTEBOOKS = "_downloads"
HANDED = "_static/notebooks"
TABLES = "_tables"
SOURCES = (
    "book/**/*",
    "optexec/**/*",
    "report/**/*.py",
    "report/site/assets/*",
    "report/agents/shipped/*",
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "constraints.txt",
)
STAMP = ".optexec-built"
LONG = 45
"""Characters from which a table's cell is prose and not a number or a name."""
CURVES = {"x", "y", "z", "array", "arrayminus"}
"""Attributes of plotly's traces that hold coordinates."""

logger = logging.getLogger(__name__)


class PlotlyFigure(nodes.General, nodes.Element):
    """One plotly figure in a document: attributes ``figure`` (JSON text), ``height`` (px) and ``alt``."""


class FigureRenderer:
    """Renders the outputs that myst-nb leaves to us; its ``MimeRenderPlugin`` is the pattern."""

    mime_priority_overrides = (("*", PLOTLY_MIMETYPE, 0), ("*", WIDGET_VIEW_MIMETYPE, 1))

    @staticmethod
    def handle_mime(renderer: NbElementRenderer, data: MimeData, inline: bool) -> list[nodes.Element] | None:
        """Return the nodes for one output, or None to leave it to myst-nb."""
        if data.mime_type == WIDGET_VIEW_MIMETYPE:
            renderer.logger.warning(
                "an ipywidgets control does nothing in a page without a kernel: tag its cell remove-output "
                "(or remove-cell) and give the page a figure that moves by itself",
                subtype="widget",
                line=data.line,
            )
            return []
        if inline:
            return None
        if data.mime_type == "text/html" and (options := data.cell_metadata.get("mystnb", {}).get("table")):
            return _table(renderer, data, options)
        if data.mime_type == PLOTLY_MIMETYPE:
            return _figure(renderer, data)
        return None


def _figure(renderer: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    content: Any = data.content
    figure = json.loads(content) if isinstance(content, str) else content
    layout = figure.get("layout", {})
    alt = _alternative_text(layout, data.cell_metadata)
    if not alt:
        renderer.logger.warning(
            "a figure that a screen reader cannot name: give its cell a caption "
            "(mystnb: {figure: {caption: ...}}) or the figure a layout.meta.alt",
            subtype="figure",
            line=data.line,
        )
    figure, mixed = _spell_money({key: figure[key] for key in ("data", "layout", "frames") if key in figure})
    for label in sorted(mixed):
        renderer.logger.warning(
            f"plotly shows only what is between the dollar signs of {label!r}: make it TeX altogether, or not at all",
            subtype="figure",
            line=data.line,
        )
    return [
        PlotlyFigure(
            figure=json.dumps(compact(figure)),
            height=int(layout.get("height") or 450),
            alt=alt,
        )
    ]


def compact(value: Any, name: str = "") -> Any:
    """Return a figure's JSON with long curves as 32-bit numbers, where that changes no pixel.

    Only coordinates and error bars: what is shown as text, or sets a colour, stays as it is. A list is replaced if it
    gets shorter, and no number by one that is further off than a hundred-thousandth of what the curve spans.
    """
    if isinstance(value, dict):
        if value.get("dtype") == "f8" and name in CURVES:
            numbers = np.frombuffer(base64.b64decode(value["bdata"]), dtype="<f8")
            return _singles(numbers, value, {key: value[key] for key in ("shape",) if key in value})
        return {key: compact(child, key) for key, child in value.items()}
    if isinstance(value, list):
        # plotly.js reads the rows of a grid as they are
        if (
            name in CURVES - {"z"}
            and len(value) >= 16
            and all(type(item) in (int, float, type(None)) for item in value)
        ):
            return _singles(np.array(value, dtype="<f8"), value, {})
        return [compact(child, name) for child in value]
    return value


def _singles(numbers: np.ndarray[Any, Any], given: Any, shape: dict[str, Any]) -> Any:
    singles = numbers.astype("<f4")
    finite = np.isfinite(numbers)
    if not finite.any():
        return given
    span = np.ptp(numbers[finite]) or np.abs(numbers[finite]).max()
    if not np.abs(singles[finite] - numbers[finite]).max() <= 1e-5 * span:
        return given
    found = {"dtype": "f4", "bdata": base64.b64encode(singles.tobytes()).decode(), **shape}
    return min(found, given, key=lambda form: len(json.dumps(form, separators=(",", ":"))))


def _spell_money(value: Any) -> tuple[Any, set[str]]:
    """Return ``value`` with money that plotly would take for TeX spelled as an entity, and texts that mix the two.

    plotly sets whatever stands between two dollar signs as TeX and drops the rest. A label that is TeX
    altogether stays. "cost $5, risk $2" gets ``&#36;`` for its dollar signs. "time $t$" cannot be shown.
    """
    if isinstance(value, dict):
        pairs = {key: _spell_money(child) for key, child in value.items()}
        return {key: child for key, (child, _) in pairs.items()}, set().union(*(mixed for _, mixed in pairs.values()))
    if isinstance(value, list):
        items = [_spell_money(child) for child in value]
        return [child for child, _ in items], set().union(*(mixed for _, mixed in items))
    if not isinstance(value, str) or value.count("$") < 2 or re.fullmatch(r"\$[^$]+\$", value.strip()):
        return value, set()
    if any(re.search(r"[\\^_]", tex) or re.fullmatch(r"\w", tex) for tex in value.split("$")[1::2]):
        return value, {value}
    return value.replace("$", "&#36;"), set()


def _alternative_text(layout: dict[str, Any], cell_metadata: dict[str, Any]) -> str:
    """Return what stands for the figure where it cannot be seen: layout.meta.alt, or the bare caption."""
    meta = layout.get("meta")
    if isinstance(meta, dict) and meta.get("alt"):
        return str(meta["alt"])
    caption = str((cell_metadata.get("mystnb", {}).get("figure") or {}).get("caption", ""))
    plain = re.sub(r"\{[\w:+-]+\}`([^`]*)`", r"\1", caption)  # {role}`text`
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", plain)  # [text](address)
    plain = re.sub(r"\\(?:mathrm|text|mathbf|left|right)\b", "", plain)
    return " ".join(re.sub(r"[`$*{}\\]", "", plain).split())


class _TableReader(HTMLParser):
    """Reads an HTML table's rows, ``head`` and ``body``; a cell is (text, columns, rows, is a heading)."""

    def __init__(self) -> None:
        super().__init__()
        self.head: list[list[tuple[str, int, int, bool]]] = []
        self.body: list[list[tuple[str, int, int, bool]]] = []
        self._part = self.body
        self._cell: list[str] | None = None
        self._span = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("thead", "tbody"):
            self._part = self.head if tag == "thead" else self.body
        elif tag == "tr":
            self._part.append([])
        elif tag in ("th", "td"):
            given = dict(attrs)
            self._cell = []
            self._span = (int(given.get("colspan") or 1), int(given.get("rowspan") or 1))

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            text = "".join(self._cell).replace("\xa0", " ").strip()
            self._part[-1].append((text, *self._span, tag == "th"))
            self._cell = None


def _table(renderer: NbElementRenderer, data: MimeData, options: dict[str, Any]) -> list[nodes.Element]:
    """Return a pandas table as a numbered one, with ``options`` caption and name."""
    reader = _TableReader()
    reader.feed(data.string)
    if not reader.body:
        renderer.logger.warning("a cell with mystnb.table shows no table", subtype="table", line=data.line)
        return []
    head = reader.head
    # pandas gives the names of the index a row of their own: put them where the row above is empty.
    if len(head) > 1 and not any(cell[0] for row in head[-1:] for cell in row if cell not in head[-1][:1]):
        named, above = head[-1][0], head[-2][0]
        if named[0] and not above[0] and named[1:] == above[1:]:
            head = [*head[:-2], [named, *head[-2][1:]]]

    md = renderer.renderer
    line = data.line or 0
    # Cells of words wrap, as heads of rows may, cells of numbers do not; what a cell's link leads to takes no room.
    cells = [re.sub(r"\]\([^)]*\)", "", text) for row in reader.body for text, _, _, stub in row if not stub]
    words = any(len(text) > LONG for text in cells)

    def fill(node: nodes.Element, text: str) -> nodes.Element:
        if re.search(r"\$[^$]+\$|`|\]\(", text):
            with md.current_node_context(node):
                md.nested_render_text(text, line, inline=True)
        else:
            node += nodes.Text(text)
        return node

    def row_of(cells: list[tuple[str, int, int, bool]], heading: bool) -> nodes.row:
        row = nodes.row()
        for text, columns, rows, stub in cells:
            entry = nodes.entry()
            if columns > 1:
                entry["morecols"] = columns - 1
            if rows > 1:
                entry["morerows"] = rows - 1
            number = not stub and re.fullmatch(r"[-+−±$≈<>~ ]*\d([\d,. eE+−±–%()^{}$-]|to)*|nan|NaN|–|—", text)
            right = (number or (heading and len(row) > 0)) and not words
            entry["classes"].append("text-right" if right else "text-left")
            entry += fill(nodes.paragraph(), text)
            row += entry
        return row

    width = max(sum(cell[1] for cell in row) for row in (*head, *reader.body))
    stubs = 0
    while stubs < len(reader.body[0]) and reader.body[0][stubs][3]:
        stubs += 1
    table = nodes.table(classes=["colwidths-auto", "optexec-table", *(["optexec-words"] if words else [])])
    if options.get("caption"):
        table += fill(nodes.title(), str(options["caption"]))
    group = nodes.tgroup(cols=width)
    table += group
    for column in range(width):
        group += nodes.colspec(colwidth=1, **({"stub": 1} if column < stubs else {}))
    if head:
        group += nodes.thead("", *(row_of(row, True) for row in head))
    group += nodes.tbody("", *(row_of(row, False) for row in reader.body))
    if options.get("name"):
        table["names"].append(nodes.fully_normalize_name(str(options["name"])))
        md.document.note_explicit_target(table, table)
    return [table]


def _visit_html(translator: Any, node: PlotlyFigure) -> None:
    # "<" cannot end the script element early, and JSON reads it back.
    text = json.dumps(json.loads(node["figure"]), separators=(",", ":")).replace("<", "\\u003c")
    alt = html.escape(node["alt"], quote=True)
    translator.body.append(
        # no "img": that may not hold the buttons of a toolbar
        f'<div class="optexec-figure" role="figure" aria-label="{alt}"'
        f' style="min-height:{node["height"]}px">'
        f'<script type="application/json">{text}</script>'
        f"<noscript><p>This figure is drawn by JavaScript, which is switched off here. {alt}</p></noscript>"
        "</div>\n"
    )
    raise nodes.SkipNode


class CodeFormatter(HtmlFormatter[str]):
    """Writes code without marks around names, punctuation and spaces: half of all, and they have the text's colour."""

    PLAIN = (Token.Name, Token.Name.Namespace, Token.Punctuation, Token.Text.Whitespace)

    def format(self, tokensource: Iterable[tuple[Any, str]], outfile: IO[str]) -> None:
        """Write the tokens."""
        super().format(((Token.Text if kind in self.PLAIN else kind, text) for kind, text in tokensource), outfile)


def _visit_other(translator: Any, node: PlotlyFigure) -> None:
    raise nodes.SkipNode


def is_fresh(root: Path) -> bool:
    """Say whether ``_build/html`` under ``root`` was built from the files as they are now."""
    stamp = root / "_build" / STAMP
    return stamp.is_file() and stamp.read_text() == digest(root, SOURCES)


def _configure(app: Sphinx, config: Config) -> None:
    """Settle what depends on where things are.

    The state of the inputs becomes part of the configuration: Sphinx reads every page again when it changes. So does
    that of scripts and styles, which Sphinx would not copy again while no page has changed.
    """
    root = Path(app.srcdir).parent
    # Jupyter Book takes a table of contents only from the folder of the pages: it may be the address of the real one.
    toc = Path(app.srcdir, config.external_toc_path)
    meta = yaml.safe_load(toc.read_text(encoding="utf-8")).get("meta", {})
    config.external_toc_path = str(toc.parent / meta.get("toc", toc.name))
    config.optexec_state = " ".join([runs.state(root), digest(root, ["report/site/assets/*", "book/_static/*"])])
    config.html_static_path.append(str(ASSETS))
    # sphinx-mathjax-offline would have the page set in web fonts. plotly needs labels as pictures (SVG).
    config.mathjax_path = "mathjax/tex-svg.js"
    # assets/page.js starts it, so that it does not stand before the first figure.
    config.mathjax_options = {"type": "text/plain"}


def _drop_stale_runs(app: Sphinx) -> None:
    root = Path(app.srcdir).parent
    if runs.refresh(root, runs.state(root)):
        logger.info("optexec: the package changed, so every chapter runs again")


def _run_chapters(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Run the chapters among the pages to be read that have no run, one a core; myst-nb then finds their runs."""
    root = Path(app.srcdir).parent
    # the last ones take longest
    pages = [Path(env.doc2path(name)) for name in reversed(names)]
    waiting = [page for page in pages if runs.is_chapter(page) and runs.kept(root, page) is None]
    raised = runs.execute(root, waiting, logger.info)
    for page, error in raised.items():
        logger.warning("%s: %s", page, error)
    if raised:
        raise ExtensionError(f"chapters that raise: {', '.join(page.name for page in raised)}")


def _link_tables(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write every table that has a caption as CSV, and link the file from the caption."""
    if app.builder.format != "html":
        return
    numbers = app.env.toc_fignumbers.get(docname, {}).get("table", {})
    for table in doctree.findall(nodes.table):
        title = table.next_node(nodes.title)
        if title is None or not table["ids"]:
            continue
        name = f"{table['ids'][0]}.csv"
        folder = Path(app.outdir) / TABLES
        folder.mkdir(parents=True, exist_ok=True)
        # with the mark by which spreadsheets know UTF-8
        with open(folder / name, "w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(_split_intervals(list(_rows(table))))
        label = "Table " + ".".join(map(str, numbers.get(table["ids"][0], ())))
        link = f'<a class="optexec-csv" href="{TABLES}/{name}" aria-label="{label.strip()} as CSV" download>CSV</a>'
        title += nodes.raw("", " " + link, format="html")


def _rows(table: nodes.table) -> Iterator[list[str]]:
    """Yield a table's rows as text, first its heading in one row; a cell that spans others stands in each of them."""
    below: dict[int, tuple[int, str]] = {}  # column: rows still covered from above, and the text there

    def row_of(row: nodes.row) -> list[str]:
        texts: list[str] = []
        entries = iter(row.findall(nodes.entry))
        while True:
            column = len(texts)
            if column in below:
                left, text = below.pop(column)
                if left > 1:
                    below[column] = (left - 1, text)
                texts.append(text)
                continue
            if (entry := next(entries, None)) is None:
                return texts
            text = " ".join(entry.astext().split())
            for _ in range(entry.get("morecols", 0) + 1):
                if entry.get("morerows"):
                    below[len(texts)] = (entry["morerows"], text)
                texts.append(text)

    heads = [row_of(row) for part in table.findall(nodes.thead) for row in part.findall(nodes.row)]
    if heads:
        columns = ([text for text in dict.fromkeys(levels) if text] for levels in zip(*heads, strict=True))
        yield [" / ".join(levels) for levels in columns]
    for part in table.findall(nodes.tbody):
        yield from (row_of(row) for row in part.findall(nodes.row))


_NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_ESTIMATE = re.compile(rf"({_NUMBER})(?: ± ({_NUMBER})| \(({_NUMBER}) to ({_NUMBER})\))?")
_MISSING = {"", "-", "–", "—", "nan", "NaN"}


def _split_intervals(rows: list[list[str]]) -> list[list[str]]:
    """Return a table with numbers as a program reads them: an estimate and its interval in columns of their own.

    That is done where a whole column is numbers, a "5,204 ± 3" or a "0.98 (0.97 to 0.99)" among them; an empty cell, or
    one with a dash, is a number that is missing. Other columns stay as they are.
    """
    split = []
    for name, *cells in zip(*rows, strict=True):
        plain = [re.sub(r"^(-?)10\^{(-?\d+)}$", r"\g<1>1e\2", cell.replace("\N{MINUS SIGN}", "-")) for cell in cells]
        found = [_ESTIMATE.fullmatch(cell) for cell in plain]
        if not any(found) or not all(match or cell in _MISSING for match, cell in zip(found, plain, strict=True)):
            split.append([name, *cells])
            continue
        parts = [match.groups(default="") if match else ("",) * 4 for match in found]
        for end, column in zip(("", " ±", " from", " to"), zip(*parts, strict=True), strict=True):
            if any(column) or not end:
                split.append([name + end, *(number.replace(",", "") for number in column)])
    return [list(row) for row in zip(*split, strict=True)]


def _offer_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a chapter the button of its notebook."""
    # A list may hold list items only, and the theme's style goes by the class.
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    if doctree is not None and (address := _write_notebook(app, pagename)):
        context["header_buttons"].append(
            {
                "type": "link",
                "url": address,
                "icon": "fas fa-download",
                "tooltip": "Download this chapter as a notebook",
                "label": "notebook",
                "classes": "pst-navbar-icon",
            }
        )


def _write_notebook(app: Sphinx, pagename: str) -> str:
    """Write a chapter as a notebook without outputs; return its address, or nothing for a page without code.

    A browser shows such a file instead of saving it where the page was opened from a folder. So the notebook is there
    a second time, as a script that ``assets/page.js`` can load and hand over.
    """
    source = Path(app.env.doc2path(pagename))
    if source.suffix != ".md" or not source.read_text(encoding="utf-8").startswith("---\njupytext:"):
        return ""
    text = str(nbformat.writes(notebook(app, pagename)))  # type: ignore[no-untyped-call]
    address = f"{NOTEBOOKS}/{source.stem}.ipynb"
    for name, content in {
        address: text + "\n",
        f"{HANDED}/{source.stem}.js": f"optexecSave({json.dumps(text)});\n",
    }.items():
        file = Path(app.outdir) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return address


def _add_page_assets(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page with figures the scripts that draw them, and no page the scripts of ipywidgets."""
    getattr(app.env, "nb_metadata", {}).get(pagename, {}).pop("js_files", None)
    app.add_js_file("page.js", loading_method="defer")
    figures = list(doctree.findall(PlotlyFigure)) if doctree is not None else []
    if not figures:
        return
    app.add_js_file("plotly.min.js", loading_method="defer")
    app.add_js_file("figures.js", loading_method="defer")
    # Labels may hold mathematics even where the page's own text has none.
    if any(re.search(r'"\$[^"]*\$"', figure["figure"]) for figure in figures):
        app.env.get_domain("math").data["has_equations"][pagename] = True


def _copy_assets_and_stamp(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static, pages = Path(app.outdir) / "_static", sorted(Path(app.outdir).glob("*.html"))
    with importlib.resources.as_file(importlib.resources.files("plotly") / "package_data" / "plotly.min.js") as source:
        copy_asset_file(str(source), str(static))
    # What chapters read, for those that are run where they were downloaded.
    if (data := Path(app.srcdir) / "data").is_dir():
        shutil.copytree(data, Path(app.outdir) / NOTEBOOKS / "data", dirs_exist_ok=True)
    found = (
        (page, re.search(r'<meta name="description" content="([^"]*)"', page.read_text("utf-8"))) for page in pages
    )
    descriptions = {page.name: html.unescape(match[1]) for page, match in found if match}
    (static / "descriptions.js").write_text(f"optexecDescribe({json.dumps(descriptions)});\n", encoding="utf-8")
    root = Path(app.srcdir).parent
    (Path(app.outdir).parent / STAMP).write_text(digest(root, SOURCES))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect everything above to Sphinx; see the module's description."""
    runs.prepare()
    app.add_config_value("optexec_state", "", "env", [str])
    app.add_node(
        PlotlyFigure,
        html=(_visit_html, None),
        latex=(_visit_other, None),
        text=(_visit_other, None),
    )
    PygmentsBridge.html_formatter = CodeFormatter
    app.setup_extension("report.site.typeset")
    app.setup_extension("report.site.meta")
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _drop_stale_runs)
    app.connect("env-before-read-docs", _run_chapters)
    app.connect("doctree-resolved", _link_tables)
    app.connect("html-page-context", _offer_notebook, priority=600)  # after the theme has made its buttons
    app.connect("html-page-context", _add_page_assets, priority=400)  # before MathJax decides whether to load
    app.connect("build-finished", _copy_assets_and_stamp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
