"""Every chapter keeps the form that docs/writing.md describes, read from its text: nothing is run here.

What the rules are for: a reader finds the same parts in every chapter, can refer to every figure and table, can
look up every source and every symbol, and finds no number in the prose that a computation could contradict.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import jupytext
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from pybtex.database import parse_file

from report.site.typeset import typeset

BOOK = Path(__file__).parents[2] / "book"
FENCES = re.compile(r"^(`{3,}|~{3,}|:{3,})\{([\w:-]+)\}[ ]*(.*)$")
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


class Page:
    """A page of the book: its code cells, and its prose as Markdown with the code taken out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notebook = jupytext.read(path)

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def cells(self) -> list[Any]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")

    @cached_property
    def tokens(self) -> list[Token]:
        return list(parsed(self.prose))

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        pairs = itertools.pairwise(self.tokens)
        return [(int(token.tag[1]), inline.content) for token, inline in pairs if token.type == "heading_open"]

    @cached_property
    def directives(self) -> list[tuple[str, str, str]]:
        """Name, argument and content of every directive, those inside others too."""
        found = []
        for token in self.tokens:
            if token.type == "fence" and (match := re.match(r"\{([\w:-]+)\}\s*(.*)", token.info.strip())):
                found.append((match[1], match[2], token.content))
        return found

    @cached_property
    def named(self) -> dict[str, str]:
        """The captions of figures and tables by name: those of cells, and those of directives."""
        captions = {}
        for cell in self.cells:
            for kind in ("figure", "table"):
                if options := cell.metadata.get("mystnb", {}).get(kind):
                    captions[str(options.get("name", ""))] = str(options.get("caption", ""))
        for name, argument, content in self.directives:
            if name in ("table", "figure", "list-table", "csv-table"):
                label = re.search(r"^:name: *(\S+)$", content, re.MULTILINE)
                captions[label[1] if label else ""] = argument
        return captions

    @cached_property
    def code_numbers(self) -> set[float]:
        """The numbers that stand in the code of the page, of either sign."""
        numbers = set()
        for cell in self.cells:
            for node in ast.walk(ast.parse(code_of(cell))):
                if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
                    numbers.add(abs(float(node.value)))
        return numbers


def parsed(text: str) -> Iterator[Token]:
    """The tokens of a Markdown text; those of a directive's content follow its own."""
    markdown = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin).use(myst_role_plugin)
    for token in markdown.parse(text):
        yield token
        nested = token.type == "fence" and re.match(r"\{(admonition|dropdown|table|note|tip|warning)\}", token.info)
        if nested:
            yield from parsed(re.sub(r"^:[\w-]+:.*$", "", token.content, flags=re.MULTILINE))


def code_of(cell: Any) -> str:
    return "\n".join(line for line in cell.source.split("\n") if not line.startswith("%"))


PAGES = {path.stem: Page(path) for path in sorted(BOOK.glob("*.md"))}
CHAPTERS = {name: page for name, page in PAGES.items() if re.match(r"\d\d-", name)}
chapters = pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=CHAPTERS)
pages = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def test_there_are_chapters() -> None:
    numbers = [int(name[:2]) for name in CHAPTERS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 21


@chapters
def test_opens_with_what_is_learned(chapter: Page) -> None:
    found = [content for name, argument, content in chapter.directives if argument == "What you will learn"]
    assert len(found) == 1
    items = re.findall(r"^- (.*)", found[0], re.MULTILINE)
    assert 3 <= len(items) <= 5
    for item in items:
        assert re.match(r"\*\*[A-Z][a-z]+", item), f"'{item}' begins with no bold verb"
    before = chapter.prose[: chapter.prose.index("What you will learn")]
    assert "\n## " not in before, "what is learned comes before the first section"


@chapters
def test_asks_for_a_prediction_and_ends_with_exercises(chapter: Page) -> None:
    sections = [title for level, title in chapter.headings if level == 2]
    assert sections[0] == "A prediction to make"
    assert sections[-2:] == ["Summary", "Exercises"]
    later = chapter.prose[chapter.prose.index("## A prediction to make") + 25 :]
    assert "prediction" in later.lower() or "predicted" in later.lower(), "the prediction is never answered"


@chapters
def test_two_exercises_have_solutions(chapter: Page) -> None:
    exercises = [(argument, content) for name, argument, content in chapter.directives if argument.startswith("Exerc")]
    assert len(exercises) == 2
    for argument, content in exercises:
        assert re.match(r"Exercise: \S", argument)
        assert ":class: exercise" in content
        assert content.count("```{dropdown} Solution") == 1


@pages
def test_headings_go_down_one_level_at_a_time(page: Page) -> None:
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels)), page.headings


@pages
def test_sections_begin_with_words(page: Page) -> None:
    """Not with code, a figure or a table, of which the reader does not know yet what to see in it."""
    unseen = re.sub(r"^```\{code-cell\}[^\n]*\n:tags: \[remove-cell\].*?^```\n", "", page.text, flags=re.M | re.S)
    bare = re.findall(r"^(##+ .+)\n\s*```\{(?:code-cell|table|figure)\}", unseen, re.MULTILINE)
    assert not bare


@pages
def test_figures_and_tables_have_names_and_captions(page: Page) -> None:
    for name, caption in page.named.items():
        assert re.fullmatch(r"(fig|tab)-[a-z0-9-]+", name), f"'{name}' ({caption[:40]}) is no name"
        assert len(caption.split()) >= 5, f"{name} needs a caption"
        assert caption.rstrip()[-1] in ".?)", f"the caption of {name} is no sentence"
        assert "\n" not in caption, f"the caption of {name} is on several lines"
    assert not [cell for cell in page.cells if {"figure", "table"} <= set(cell.metadata.get("mystnb", {}))]


@pages
def test_what_a_cell_shows_has_a_name(page: Page) -> None:
    """A cell that ends with a figure or a table says so; algebra and printed text may stand as they are."""
    for cell in page.cells:
        tags = set(cell.metadata.get("tags", []))
        if tags & {"remove-cell", "remove-output"} or set(cell.metadata.get("mystnb", {})) & {"figure", "table"}:
            continue
        last = ast.parse(code_of(cell)).body[-1:]
        if not last or not isinstance(last[0], ast.Expr):
            continue
        shown = ast.unparse(last[0].value)
        silent = re.match(r"(glue|publish|print|assert|display|np\.testing)\b|\w+\.\w+\.assert_", shown)
        algebra = re.match(r"sp\.", shown)
        quoted = re.match(r"(quote|Markdown)\(", shown)
        assert silent or algebra or quoted or cell.source.rstrip().endswith(";"), f"'{shown}' is shown without a name"


def test_every_figure_and_table_is_referred_to() -> None:
    everything = "\n".join(page.prose for page in PAGES.values())
    referred = set(re.findall(r"\{numref\}`(?:[^`<]*<)?([\w-]+)>?`", everything))
    named = [name for page in PAGES.values() for name in page.named]
    assert len(named) == len(set(named)), "a name is used twice"
    missing = [f"{page.path.stem}: {name}" for page in PAGES.values() for name in page.named if name not in referred]
    assert not missing, "no sentence refers to " + ", ".join(missing)


@pages
def test_tables_in_prose_are_numbered(page: Page) -> None:
    """A Markdown table stands in a {table} directive, so that it has a number and a caption."""
    markdown = MarkdownIt("commonmark").enable("table")
    loose = [token for token in markdown.parse(page.prose) if token.type == "table_open"]
    assert not loose, f"line {loose[0].map[0] if loose[0].map else 0} of the prose begins a table without a caption"


@chapters
def test_visible_cells_are_short(chapter: Page) -> None:
    for cell in chapter.cells:
        if FOLDED & set(cell.metadata.get("tags", [])):
            continue
        lines = [line for line in cell.source.split("\n") if line.strip()]
        assert len(lines) <= 18, f"{len(lines)} lines from '{lines[0]}' on: fold the cell, or move it to the package"
        wide = max(lines, key=len, default="")
        assert len(wide) <= 100, f"the page cuts off '{wide}': break it, or fold the cell"


def analysis_in_cells(page: Page) -> list[str]:
    """What of a page's own analysis stands in its cells, where no linter sees it."""
    found, folded = [], False
    for cell in page.notebook.cells:
        if cell.cell_type != "code":
            folded = False
            continue
        tags, lines = set(cell.metadata.get("tags", [])), [line for line in cell.source.split("\n") if line.strip()]
        if len(lines) > 18:
            found.append(f"{len(lines)} lines from '{lines[0]}' on")
        if "glue(" in cell.source:
            found.append(f"a number without the path of its result: {cell.source[cell.source.index('glue(') :][:40]}")
        if {"hide-input", "hide-cell"} & tags:
            if folded:
                found.append(f"two folds in a row, the second from '{lines[0]}' on")
            folded = "mystnb" not in cell.metadata  # a figure or a table parts them
        elif not {"remove-cell", "remove-input"} & tags:
            folded = False
    return found


@pages
def test_analysis_is_in_modules(page: Page) -> None:
    """Cells, folded ones too, are short, and no two folds come in a row; numbers have the names of results."""
    assert analysis_in_cells(page) == []


@chapters
def test_imports_are_folded(chapter: Page) -> None:
    for cell in chapter.cells:
        lines = [line for line in cell.source.split("\n") if line.strip()]
        if lines and all(line.startswith(("import ", "from ")) for line in lines):
            assert FOLDED & set(cell.metadata.get("tags", []))


# A number with two decimals, or a percentage. Mathematics, code and roles are taken out before.
TYPED = re.compile(r"(?<![\w.])(\d[\d,]*\.\d{2,}|\d+(?:\.\d+)?(?=\s?(?:%|per cent)))")
LEVELS = {95.0, 97.5, 98.0, 99.0, 100.0, 37.0}
"""Levels of confidence and of coverage, and percentages that say all, or an e-th part."""
QUOTED = {
    "10-stress": {1.3, 2.0, 30.0, 80.0},
    "22-normal": {0.4},
    "23-claims": {0.07, 5.0, 0.1, 0.4, 1.3, 2.0, 30.0, 80.0, 90.0},
    "24-note": {0.4, 0.7, 1.3},
    "26-beyond": {80.0},
}
"""Statements of the original note, and criteria that the code of a test states, by chapter."""


def typed_numbers(prose: str) -> Iterator[tuple[float, str]]:
    """The numbers that are typed in a text, each with where it stands."""
    for token in parsed(prose):
        for child in token.children or []:
            for match in TYPED.finditer(child.content) if child.type == "text" else ():
                yield float(match[1].replace(",", "")), child.content.strip()


@chapters
def test_numbers_in_prose_are_parameters(chapter: Page) -> None:
    """What is typed and not glued was chosen: it stands in the page's code too, as it is or as a part of one."""
    for number, place in typed_numbers(chapter.prose):
        forms = {number, number / 100, 1 - number / 100, 1 + number / 100, (1 - number / 100) / 2}
        chosen = any(abs(form - other) < 1e-9 for form in forms for other in chapter.code_numbers)
        quoted = number in LEVELS or number in QUOTED.get(chapter.path.stem, set())
        assert chosen or quoted, f"{number} is typed in '{place[:120]}': glue it"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It costs 12.34 dollars, $0.55$ and `6.78` apart, or {glue:text}`x:.2f`.", [12.34]),
        ("By 7% and 3.5 % of 1,000 episodes.", [7, 3.5]),
        ("```{admonition} A\n- Nearly 8.25.\n```", [8.25]),
    ],
)
def test_the_check_sees_a_typed_number(text: str, numbers: list[float]) -> None:
    assert [number for number, _ in typed_numbers(text)] == numbers


@pytest.mark.parametrize(
    ("python", "printed"),
    [
        ("-1.5", "−1.5"),
        ("-0.2 (-3 to -0.1)", "−0.2 (−3 to −0.1)"),
        ("-1e-16", "−1 × 10⁻¹⁶"),
        ("0.0e+00, 1.6e+02", "0, 1.6 × 10²"),
        ("$-224", "$−224"),
        ("1/(N-1), x-2, 3-4, TD3-8, b8c37e33, sha1e-5", "1/(N-1), x-2, 3-4, TD3-8, b8c37e33, sha1e-5"),
    ],
)
def test_numbers_are_set_as_in_print(python: str, printed: str) -> None:
    assert typeset(python) == printed


GREEK = re.compile(
    "(var)?(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega)",
    re.IGNORECASE,
)


def letters(page: Page) -> set[str]:
    """The letters in the mathematics of a page's prose, Greek ones as commands; words and operators are left out."""
    formulas = []
    for token in page.tokens:
        if token.type.startswith("math_block") or (token.type == "fence" and token.info.startswith("{math}")):
            formulas.append(re.sub(r"^:\w+:.*$", "", token.content, flags=re.MULTILINE))
        formulas += [child.content for child in token.children or [] if child.type == "math_inline"]
    found = set()
    for formula in formulas:
        plain = re.sub(r"\\(text|mathrm|operatorname|mathcal|mathbb|begin|end|label)\*?\{[^}]*\}", " ", formula)
        for command, letter in re.findall(r"\\([A-Za-z]+)|([A-Za-z])", plain):
            found |= {letter or command} if letter or GREEK.fullmatch(command) else set()
    return found


@chapters
def test_the_notation_has_every_letter(chapter: Page) -> None:
    missing = letters(chapter) - letters(PAGES["notation"])
    assert not missing, f"notation.md does not explain {sorted(missing)}"


BIBLIOGRAPHY = parse_file(str(BOOK / "references.bib")).entries


def test_every_source_is_cited_and_every_citation_has_a_source() -> None:
    cited = set()
    for page in PAGES.values():
        captions = "\n".join(page.named.values())
        for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", page.prose + captions):
            cited |= {key.strip() for key in keys.split(",")}
    assert cited == set(BIBLIOGRAPHY)


@pytest.mark.parametrize("key", list(BIBLIOGRAPHY))
def test_sources_can_be_found(key: str) -> None:
    """A DOI, or an address and a note that says why there is no DOI."""
    entry = BIBLIOGRAPHY[key]
    _family, year, _word = re.fullmatch(r"([a-z]+)(\d{4})([a-z]+)", key).groups()  # type: ignore[union-attr]
    assert entry.fields["year"] == year
    if "doi" in entry.fields:
        assert re.fullmatch(r"10\.\d{4,5}/\S+", entry.fields["doi"])
        assert "url" not in entry.fields, "the DOI is the address"
    else:
        assert entry.fields.get("url", "").startswith("https://")
        assert "no doi" in entry.fields.get("note", "").lower()


def test_author_year_everywhere() -> None:
    for name, page in PAGES.items():
        assert set(re.findall(r"\{cite:(\w+)\}", page.prose)) <= {"t", "p"}, name
