"""Tables in pages: numbered where their cell says so, and every one with a caption as CSV beside it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx

__all__ = ["setup", "table_nodes"]

TABLES = "_tables"


LONG = 45
"""Characters from which a table's cell is prose and not a number or a name."""


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


def table_nodes(renderer: NbElementRenderer, data: MimeData, options: dict[str, Any]) -> list[nodes.Element]:
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the files when numbers are known."""
    app.connect("doctree-resolved", _link_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
