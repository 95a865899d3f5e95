"""What the words of the report may claim: what is best says among what or by what, pictures are not pointed into where
their panels move, tables are whole, and an interval has digits.

The first part reads the sources, the second the built report.
"""

from __future__ import annotations

import ast
import csv
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec import stress
from report.chapters import c11_parameters
from tests.report.test_chapters import PAGES

ROOT = Path(__file__).parents[2]

ABSOLUTE = re.compile(
    r"\b(optimal(?:ly|ity)?|unbeatable|(?:best|least|lowest) (?:possible|there is|that (?:any|can|there))"
    r"|(?:nothing|nobody|no one|nothing else) (?:can|could|may) (?:\w+ )?(?:beat|improve|better|add)\w*"
    r"|cannot be (?:beaten|improved|bettered)|(?:nothing|nobody) (?:beats|trades better|does better))\b",
    re.IGNORECASE,
)
AMONG_OR_BY = re.compile(
    r"schedule|polic(?:y|ies)|\brules?\b|trajector|agents|strateg|\bJ\b|Var\b|mean.variance|objective|criteri"
    r"|lower bound|variance|expected cost|cost.to.go|\bv\^",
    re.IGNORECASE,
)
QUOTED = {
    # titles of the note's claims and how the verdict on them is reached: {numref}`tab-claims` says by what
    "Almgren–Chriss is optimal under its assumptions": "23-claims",
    '("optimal", "comparable")': "23-claims",
    'what counts as "optimal"': "23-claims",
}
"""Sentences that quote the word, by a part of them: no claim of the report's."""


def sentences(text: str) -> Iterator[str]:
    """The sentences of a Markdown text, cells of tables and items of lists each by itself."""
    text = re.sub(r"^`{3,}.*$|^:[\w-]+:.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\{[\w:]+\}`[^`]*`", lambda role: role[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|] |\d\. |#))", text):
        yield from re.split(r"(?<=[.?!])[*)\"”]*\s+(?=\W*[A-Z{$])", " ".join(block.split(" \n")).replace("\n", " "))


def docstrings(path: Path) -> str:
    """Every docstring of a module, and the strings that stand below a name as its description."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = [n.value.value for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    return re.sub(r"^ +\w+:", "", "\n\n".join(text for text in texts if isinstance(text, str)), flags=re.MULTILINE)


TEXTS = {name: "\n\n".join([page.prose, *page.named.values()]) for name, page in PAGES.items()}
TEXTS["README.md"] = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS |= {path.relative_to(ROOT).as_posix(): docstrings(path) for path in sorted((ROOT / "optexec").rglob("*.py"))}


def unqualified(text: str) -> list[str]:
    """Sentences that call something best of all and say neither among what nor by what."""
    named = r"`[^`]*`|optimal (?:trade )?execution"  # code, and what the field is called
    plain = {s: re.sub(named, "", s, flags=re.IGNORECASE) for s in sentences(text)}
    return [s for s in plain if ABSOLUTE.search(plain[s]) and not AMONG_OR_BY.search(s)]


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_best_says_among_what_or_by_what(name: str) -> None:
    found = unqualified(TEXTS[name])
    assert not [s for s in found if not any(part in s and where == name for part, where in QUOTED.items())]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("It halves its holdings. Nothing can improve on it: in that market the formula is exact.", 1),
        ("ox.optimum(problem).value  # what nobody can beat, in $", 1),
        ("Where liquidity is constant nothing can be added to it.", 1),
        ("Nobody can improve on its $J$. By J it is optimal.\n\nAmong schedules it is optimal.", 0),
        ("The rest is known. It is optimal.", 1),
    ],
)
def test_the_check_sees_what_is_not_qualified(text: str, number: int) -> None:
    assert len(unqualified(text)) == number


def test_what_is_quoted_is_still_there() -> None:
    for part, name in QUOTED.items():
        assert part in TEXTS[name]


# -- the built report --------------------------------------------------------------------------------------------------

BUILT = pytest.mark.browser
PLACE = re.compile(
    r"\b(left|right|above|below|top|bottom|upper|lower|beside|next to|side by side|underneath|beneath)\b", re.IGNORECASE
)
NO_PLACE = re.compile(
    # what remains, and what is correct
    r"\b(?:what|that|shares?|time|periods?|is|are|was|were|has|have|still) (?:is |are |less )?left\b(?! panel)"
    r"|\bleft(?:-| )over\b|\bleft (?:of the (?:gap|order)|in hand|unsold|open|out|to (?:win|gain|sell))\b"
    r"|\b(?:parameters?|others|nearly|closer to|is|are|be|planned) (?:all )?right\b"
    r"|\bright (?:one|form|sign|actions?|models?|parameters|side of|mean|number|way|moment)\b"
    # more or less than a number, a curve or a rival, on an axis that every panel keeps
    r"|\b(?:above|below) (?=\w|\$|\\)(?!and\b|or\b|are\b|is\b|the (?:panel|figure|table|first|second))"
    r"|\b(?:upper|lower) (?:ends?|bounds?|limit)\b|\bon top of\b|\blower (?:than|[A-Z]\b|cost|risk|variance)"
    # together with, and almost
    r"|\bbeside (?=a |the |that |what )|\bnext to (?:nothing|none)\b",
    re.IGNORECASE,
)
"""Uses of these words that say nothing of where a panel stands, which a phone changes."""


PANEL = re.compile(
    r"\b(?:left|right|upper|lower|top|bottom)(?:-hand)? (?:panel|figure|map|plot|picture|half)\b"
    r"|\b(?:panel|figure|map|plot|picture)s? (?:on the|to the|at the) (?:left|right|top|bottom)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", PAGES)
def test_panels_are_named_by_their_order(name: str) -> None:
    assert not PANEL.findall(TEXTS[name])


@pytest.mark.parametrize("name", PAGES)
def test_caps_are_in_shares(name: str) -> None:
    """The volume of the original note's market is ours; as parts of it caps that bind would look absurdly tight."""
    assert not re.findall(r"(?:caps?|limits?)\b[^.]{0,60}% of (?:the )?volume|\"[\d.]+% of volume", PAGES[name].text)


def test_the_note_exaggerates_impact() -> None:
    """Its order is half a percent of the volume: no heavy one, but one that is charged far too much."""
    assert "a heavy order" not in " ".join(PAGES["01-problem"].prose.split())
    assert "exaggerates impact" in PAGES["01-problem"].prose
    order, market = ox.presets.reference().order, ox.presets.reference().market
    part, day = order.shares / (order.periods * market.volume), market.volatility * order.periods**0.5
    law = 0.142 * day / market.price * part**0.6  # Almgren, Thum, Hauptmann & Li (2005), temporary impact
    here = ox.twap(ox.presets.reference()).expected_cost / (order.shares * market.price)
    assert part == 0.005
    assert 1750 < here / law < 1850


def test_the_tornado_is_read_as_it_is_drawn() -> None:
    """A panel a policy; half and twice are two colours of bars."""
    rows = [("AC", "σ", 0.5), ("AC", "σ", 2.0), ("rolling", "σ", 0.5), ("rolling", "σ", 2.0)]
    regrets = pd.DataFrame(rows, columns=["policy", "parameter", "factor"]).assign(regret=3.0, ci=0.5, right=1.0)
    figure = c11_parameters.tornado(regrets)
    assert [title.text for title in figure.layout.annotations] == ["AC", "rolling"]
    red, _, blue = (int(figure.data[0].marker.color[i : i + 2], 16) for i in (1, 3, 5))
    assert figure.data[0].name == "believed ½×"
    assert blue > red
    assert all(trace.error_x.array == pytest.approx([0.5]) for trace in figure.data)
    for text in (PAGES["11-parameters"].named["fig-par-tornado"], figure.layout.meta["alt"]):
        assert "half (blue bars)" in text
        assert "twice (brown bars)" in text
        assert "a panel" in text


@dataclass(frozen=True)
class Drawn:
    """A figure of a built page: its name, what a screen reader says of it, and its JSON."""

    name: str
    alt: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]

    @property
    def axes(self) -> list[str]:
        """The names of its horizontal axes: as many as it has panels."""
        return [axis for axis in self.layout if re.fullmatch(r"xaxis\d*", axis)]

    @property
    def stacks(self) -> bool:
        """Whether a phone moves its panels."""
        phone = (self.layout.get("meta") or {}).get("phone") or {}
        here = {axis: self.layout.get(axis, {}).get("domain") for axis in phone if re.match("[xy]axis", axis)}
        return any(phone[axis].get("domain", domain) != domain for axis, domain in here.items())


def figures(page: Path) -> Iterator[Drawn]:
    """The figures of a page, from their JSON."""
    pattern = r'<div class="optexec-figure"[^>]* aria-label="(.*?)"[^>]*><script type="application/json">(.*?)</script>'
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(pattern, text, re.DOTALL):
        name = re.findall(r'<figure[^>]* id="([\w-]+)"', text[: match.start()])[-1]
        figure = json.loads(match[2])
        yield Drawn(name, html.unescape(match[1]), figure["data"], figure["layout"])


def places(text: str) -> list[str]:
    """The words of a text that say where something stands."""
    return [match[0] for match in PLACE.finditer(NO_PLACE.sub("", re.sub(r"\{[\w:]+\}`[^`]*`", "", text)))]


class TestBuilt:
    pytestmark = BUILT

    @pytest.mark.parametrize("name", PAGES)
    def test_no_words_point_to_where_panels_stand(self, report: Path, name: str) -> None:
        """A phone puts them one above the other: panels are first and second, or have names."""
        page = PAGES[name]
        for figure in figures(report / f"{name}.html"):
            if not figure.stacks:
                continue
            referring = [s for s in sentences(page.prose) if f"`{figure.name}`" in s]
            for text in (page.named[figure.name], figure.alt, *referring):
                assert not places(text), f"{figure.name}: '{text}'"

    @pytest.mark.parametrize("name", PAGES)
    def test_captions_count_panels_that_are_there(self, report: Path, name: str) -> None:
        ordinals = ("first", "second", "third", "fourth")
        for figure in figures(report / f"{name}.html"):
            text = f"{PAGES[name].named[figure.name]} {figure.alt}".lower()
            counted = [number for number, word in enumerate(ordinals, 1) if re.search(rf"\b{word} panel", text)]
            assert max(counted, default=0) <= len(figure.axes), figure.name

    @pytest.mark.parametrize("name", PAGES)
    def test_no_length_stands_on_a_logarithmic_axis(self, report: Path, name: str) -> None:
        """There a bar, an area or a stem begins where somebody cut the axis off."""
        for figure in figures(report / f"{name}.html"):
            for trace in figure.data:
                for letter, across in (("x", "h"), ("y", "v")):
                    axis = figure.layout.get(f"{letter}axis" + trace.get(f"{letter}axis", letter)[1:], {})
                    if axis.get("type") != "log":
                        continue
                    bar = trace["type"] == "bar" and trace.get("orientation", "v") == across
                    area = trace.get("fill") == f"tozero{letter}"
                    values, start = trace.get(letter), 10 ** axis.get("range", [np.inf])[0]
                    stem = isinstance(values, list) and len(values) == 2 and np.isclose(values[0], start, rtol=1e-3)
                    assert not any((bar, area, stem)), figure.name

    @pytest.mark.parametrize("name", PAGES)
    def test_no_interval_is_rounded_to_nothing(self, report: Path, name: str) -> None:
        """What is exactly known is shown without one; see `optexec.evaluation.plus_minus`."""
        page = (report / f"{name}.html").read_text(encoding="utf-8")
        text = re.sub(r"<script.*?</script>|<pre>.*?</pre>", "", page, flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\N{WORD JOINER}", "")
        nothing = re.findall(r"\S+\s±\s?\$?0(?:\.0*)?(?![\d.]).{0,20}", text)
        assert not nothing
        number = r"([+−-]?\d[\d,]*(?:\.\d+)?)%?"
        points = [match[0] for match in re.finditer(rf"\S+ \({number} to {number}\)", text) if match[1] == match[2]]
        assert not points

    def test_no_table_is_cut(self, report: Path) -> None:
        """Neither in the page nor in its CSV, which have the rows that were computed."""
        for page in sorted(report.glob("*.html")):
            for table in re.findall(r"<table.*?</table>", page.read_text("utf-8"), re.DOTALL):
                cells = re.findall(r"<t[dh].*?</t[dh]>", table, re.DOTALL)
                cells = [re.sub("<[^>]*>", "", cell).strip() for cell in cells]
                assert not {"...", "…"} & set(cells), f"{page.name}: {cells[:5]}"
        for file in sorted(report.rglob("tab-*.csv")):
            with open(file, encoding="utf-8-sig", newline="") as lines:
                head, *rows = csv.reader(lines)
            assert rows, file.name
            for row in rows:
                assert len(row) == len(head), file.name
                assert not [cell for cell in row if cell.endswith(("...", "…"))], file.name
        everything = pd.read_csv(next(report.rglob("tab-stress-everything.csv")))
        versions = 2 * len(stress.PLANNERS) - len(stress.BLIND)
        assert len(everything.drop_duplicates(["scenario", "policy"])) == len(ox.presets.stress()) * versions
