"""Set the text of the built report as a printer would: minus signs, powers of ten, lines and columns.

Numbers in the prose, in tables and in the descriptions of figures come from the run, as Python writes them. This
extension, which ``report.site.extension`` loads, gives the finished pages

- a minus sign for the hyphen of a negative number, and ``3 × 10⁻¹⁵`` for ``3e-15``;
- no line that starts with the comma after a formula, or ends with the parenthesis before it, or with a ±;
- tables whose columns are set one way from the heading down, numbers to the right and text to the left, and that break
  their lines before an interval rather than run out of the page;
- formulas that have their room before MathJax sets them, so that what one reads does not move then.

It comes after everything that reads the tables as data.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["setup", "typeset"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EMPTY = {"", "-", "–", "—"}
# How wide TeX sets what, in em of its fonts, roughly: spaces around an operator are part of it.
_WIDTHS = {
    r"\\(?:[,;:!]|left|right|[bB]igg?[lr]?|displaystyle|math\w+|text|operatorname|tilde|bar|hat|t?frac)": 0.0,
    r"\\(?:sum|prod|sqrt|infty|l?dots|cdots)": 1.1,
    r"\\(?:leq?|geq?|approx|to|in|sim|ll|gg)\b|[=<>]": 1.34,
    r"\\(?:times|cdot|pm)\b|[+-]": 1.2,
    r"\\(?:sinh|cosh|tanh|coth|cos|sin|log|exp|min|max|q?quad)\b": 1.8,
    r"[{}\s&]": 0.0,
    r"[A-Zmw]": 0.76,
    r"\\[a-zA-Z]+|\\.": 0.57,
    r"[][()|,.;']": 0.4,
    r".": 0.5,
}
_TOKEN = re.compile("|".join(f"({token})" for token in _WIDTHS), re.S)
_SCRIPT = re.compile(r"[_^](\{(?:[^{}]|\{[^{}]*\})*\}|\\[a-zA-Z]+|.)", re.S)
_TALL = re.compile(r"\\(?:[dt]?frac|sum|prod|int|under\w+|min_|max_)")
_EX = 0.44
"""The height of an x, in em of TeX's fonts: MathJax sets them so that it is that of the text around."""


def typeset(text: str) -> str:
    """Return ``text`` with minus signs, and with powers of ten instead of an ``e``, in the numbers that it holds."""
    text = re.sub(r"(?<![\w.])0(?:\.0+)?e[+-]\d+(?!\w)", "0", text)
    text = re.sub(
        r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]\d+)(?!\w)",
        lambda number: f"{number[1]} × 10{str(int(number[2])).translate(_RAISED)}",
        text,
    )
    return re.sub(r"(?<![\w.)\]-])-(?=\d)", "\N{MINUS SIGN}", text)


def _set_text(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for pasted in doctree.findall(lambda node: isinstance(node, nodes.inline) and "pasted-text" in node["classes"]):
        _replace(pasted)
    for figure in doctree.findall(lambda node: "alt" in getattr(node, "attributes", {})):
        figure["alt"] = typeset(figure["alt"])
    for caption in doctree.findall(nodes.caption):
        _replace(caption)
    for formula in list(doctree.findall(nodes.math)):
        _keep_together(formula)
    for table in doctree.findall(lambda node: isinstance(node, nodes.table) and "optexec-table" in node["classes"]):
        _set_table(table)
    for text in list(doctree.findall(nodes.Text)):
        if "±" in text and not isinstance(text.parent, nodes.literal | nodes.math | nodes.raw):
            _keep_interval(text)


def _keep_interval(text: nodes.Text) -> None:
    """Keep a number and its ± on one line; a cell of a table may break before the sign."""
    ancestor: nodes.Node | None = text.parent
    while ancestor is not None and not isinstance(ancestor, nodes.entry | nodes.literal_block):
        ancestor = ancestor.parent
    if ancestor is None:
        text.parent.replace(text, nodes.Text(re.sub(r"\s±\s", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}", text)))
    elif isinstance(ancestor, nodes.entry):
        text.parent.replace(text, nodes.Text(re.sub(r"±\s", "±\N{NO-BREAK SPACE}", text)))


def _replace(node: nodes.Element) -> None:
    """Typeset the text in ``node``; "J_mv", as a column of the package is called, gets its index."""
    for text in list(node.findall(nodes.Text)):
        if isinstance(text.parent, nodes.literal | nodes.math | nodes.raw):
            continue
        new: list[nodes.Node] = []
        for part in re.split(r"(?<=\bJ)(_mv)\b", typeset(text)):
            new += [nodes.subscript("", "mv")] if part == "_mv" else [nodes.Text(part)] if part else []
        text.parent.replace(text, new)


def _keep_together(formula: nodes.math) -> None:
    """Put a formula on one line with the parenthesis before it, the comma after it, and the number that it ends in."""
    parent = formula.parent
    at = parent.index(formula)
    group: list[nodes.Node] = [formula]
    before = parent[at - 1] if at else None
    if isinstance(before, nodes.Text) and (found := re.search(r"[(\[“]+$", before)):
        group.insert(0, nodes.Text(found[0]))
        parent[at - 1] = nodes.Text(before[: found.start()])
    after = parent[at + 1 : at + 3]
    relation = formula.astext().rstrip().endswith(("=", "<", ">", r"\approx", r"\le", r"\ge"))
    if (
        relation
        and len(after) == 2
        and after[0].astext() == " "
        and "pasted-text" in getattr(after[1], "attributes", {}).get("classes", ())
    ):
        group += [nodes.Text("\N{NO-BREAK SPACE}"), after[1]]
        del parent[at + 1 : at + 3]
    following = parent[at + 1] if at + 1 < len(parent) else None
    if isinstance(following, nodes.Text) and (found := re.match(r"[^\s\w(\[“±−–-]+|-\w+", following)):
        group.append(nodes.Text(found[0]))
        parent[at + 1] = nodes.Text(following[found.end() :])
    if len(group) > 1:
        parent[at] = nodes.inline("", "", *group, classes=["text-nowrap"])


def _set_table(table: nodes.table) -> None:
    _replace(table)
    head, body = ([list(row) for part in table.findall(kind) for row in part] for kind in (nodes.thead, nodes.tbody))
    for row in head:
        for entry in row:
            entry["classes"].append("text-wrap")
    for row in body:
        for entry in row:
            _let_break(entry)
    if "optexec-words" in table["classes"] or not body or any(len(row) != len(body[0]) for row in body):
        return
    stub = any(column.get("stub") for column in table.findall(nodes.colspec))
    for column, cells in enumerate(zip(*body, strict=True)):
        if stub and not column:
            continue
        side = "text-right" if _are_numbers(cell.astext() for cell in cells) else "text-left"
        for cell in cells:
            _align(cell, side)
        for row in head:
            if len(row) == len(body[0]):
                _align(row[column], side)


def _let_break(entry: nodes.entry) -> None:
    """Let a cell that needs it go over two lines: a text anywhere, a number before its interval or its ±."""
    entry["classes"].append("text-wrap")
    if any(entry.findall(nodes.math)) or not _are_numbers([entry.astext()]):
        return
    paragraph = entry[0]
    text = entry.astext()
    pieces = re.split(r" (?=[(±])", text) if "(" in text else re.split(r" (?=±|to )", text)
    paragraph.clear()
    for number, piece in enumerate(pieces):
        paragraph += [nodes.Text(" ")] * bool(number) + [nodes.inline("", piece, classes=["text-nowrap"])]


def _are_numbers(texts: Iterable[str]) -> bool:
    """Say whether three of five cells of a column, or more, start with a number; empty ones do not count."""
    filled = [text for text in (text.strip() for text in texts) if text not in _EMPTY]
    return 5 * sum(text.lstrip("+-−±$≈<>≥≤~ ")[:1].isnumeric() for text in filled) >= 3 * len(filled) > 0


def _align(entry: nodes.entry, side: str) -> None:
    entry["classes"] = [name for name in entry["classes"] if name not in {"text-left", "text-right"}] + [side]


def _width(tex: str) -> float:
    """Return about how wide a formula in a line is, in ex."""

    def row(part: str) -> float:
        widths = list(_WIDTHS.values())
        return sum(widths[token.lastindex - 1] for token in _TOKEN.finditer(part) if token.lastindex)

    return (row(_SCRIPT.sub("", tex)) + 0.65 * sum(row(script[1]) for script in _SCRIPT.finditer(tex))) / _EX


def _height(tex: str) -> float:
    """Return about how high a displayed formula is with the space around it, in ex."""
    rows = tex.split(r"\\")
    return 4.1 + 3.15 * len(rows) + 3.1 * sum(_TALL.search(row) is not None for row in rows)


def _finish_body(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Keep the room of formulas, and let no empty cell be the head of a row or column: nothing would be read out."""

    def with_room(formula: re.Match[str]) -> str:
        tex = html.unescape(re.sub(r"<span class=\"eqno\">.*?</span>|\\[][()]", "", formula[3], flags=re.S))
        room = f"width: {_width(tex):.1f}ex" if formula[1] == "span" else f"height: {_height(tex):.0f}ex"
        return f'<{formula[1]} style="--{room}"{formula[2]}>{formula[3]}</{formula[1]}>'

    formulas = r'<(span|div)( class="[^"]*math notranslate nohighlight"[^>]*)>(.*?)</\1>'
    body = re.sub(formulas, with_room, context.get("body", ""), flags=re.S)
    context["body"] = re.sub(r"<th( [^>]*)?>(\s*(?:<p>\s*</p>)?\s*)</th>", r"<td\1>\2</td>", body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, last of all that works on the pages' text."""
    app.connect("doctree-resolved", _set_text, priority=900)
    app.connect("html-page-context", _finish_body)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
