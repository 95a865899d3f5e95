"""The report on paper: an A4 PDF of every page, as Chromium prints it, with figures, formulas and lines of code whole.

Each page is opened, its parts are marked at their corners with a word too small to see, and printed; then the PDF is
read: marks say on which sheet a part begins and ends and how wide it is, the text that nothing of the code is missing,
and the picture of every sheet that its margins are blank.
"""

from __future__ import annotations

import ctypes
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from playwright.sync_api import Browser, Page

from tests.site.browsing import Opened, open_page

pytestmark = pytest.mark.browser

MM = 72 / 25.4
WIDTH, MARGIN = 210 * MM, 15 * MM

# Two words for every part that may not be cut: at its upper left and its lower right corner. And a ruler.
MARK = """() => {
  const mark = (element, name, place) => {
    const word = document.createElement('span');
    word.textContent = name;
    word.className = 'qx';
    word.style.cssText = `position: absolute; font: 2px/1 monospace; color: white; white-space: nowrap; ${place}`;
    element.append(word);
  };
  const article = document.querySelector('article');
  window.placed = [article];
  article.style.position = 'relative';
  mark(article, 'qxrulera', 'left: 0; top: 0');
  mark(article, 'qxrulerb', 'left: 400px; top: 0');
  const parts = [...document.querySelectorAll('article figure, article .svg-container, article div.math, article tr')]
    .filter((part) => part.checkVisibility());
  parts.forEach((part, number) => {
    let [first, last] = [part, part];
    if (part.tagName === 'TR') [first, last] = [part.firstElementChild, part.lastElementChild];
    for (const box of [first, last]) if (getComputedStyle(box).position === 'static') {
      box.style.position = 'relative';
      placed.push(box);
    }
    mark(first, `qx${number}a`, 'left: 0; top: 0');
    mark(last, `qx${number}z`, 'right: 0; bottom: 0');
  });
  return parts.map((part) => `${part.tagName} ${part.className} ${part.closest('[id]').id}`);
}"""

UNMARK = """() => {
  document.querySelectorAll('.qx').forEach((word) => word.remove());
  placed.forEach((box) => box.style.removeProperty('position'));
}"""

CODE = """() => [...document.querySelectorAll('article pre')]
  .filter((code) => !code.closest('details.hide') && code.checkVisibility())
  .flatMap((code) => code.innerText.split('\\n'))"""

# What the PDF does not tell: that a line of code goes on where its box ends.
CUT = """() => [...document.querySelectorAll('article :is(pre, table, .main-svg, mjx-container > svg)')]
  .filter((box) => box.checkVisibility())
  .filter((box) => box.getBoundingClientRect().right > innerWidth + 1
    || (box.tagName === 'PRE' && box.scrollWidth > box.clientWidth))
  .map((box) => box.outerHTML.slice(0, 100))"""

# The longest run of plain words in every dropdown.
SOLUTIONS = """() => [...document.querySelectorAll('details.sd-dropdown .sd-summary-content')].map((content) => {
  const texts = document.createNodeIterator(content, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let text; (text = texts.nextNode());) if (!text.parentElement.closest('.math')) found.push(text.textContent);
  return found.sort((a, b) => b.length - a.length)[0];
})"""


class Paper:
    """A printed page of the report."""

    def __init__(self, pdf: bytes) -> None:
        self.sheets = list(pypdfium2.PdfDocument(pdf))
        self.texts = [sheet.get_textpage() for sheet in self.sheets]

    def words(self) -> dict[str, tuple[int, float, float]]:
        """The marks: on which sheet, and where."""
        found = {}
        for number, text in enumerate(self.texts):
            for word in re.finditer(r"qx(?:ruler|\d+)[abz]", text.get_text_range()):
                left, bottom, right, top = text.get_charbox(word.start())
                ends = text.get_charbox(word.end() - 1)
                found[word[0]] = (number, left if word[0][-1] != "z" else ends[2], (top + bottom) / 2)
                assert right <= WIDTH
        return found

    def text(self) -> str:
        return "".join(bare(text.get_text_range()) for text in self.texts)

    def pictures(self) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
        """Every sheet as grey pixels, two a point."""
        return [sheet.render(scale=2, grayscale=True).to_numpy() for sheet in self.sheets]

    def colours(self) -> set[tuple[int, ...]]:
        """Red, green, blue and opacity of all text, lines and areas, from 0 to 255."""
        found, kinds = set(), (pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_PATH)
        for part in itertools.chain.from_iterable(sheet.get_objects(kinds, max_depth=9) for sheet in self.sheets):
            for colour_of in (pdfium.FPDFPageObj_GetFillColor, pdfium.FPDFPageObj_GetStrokeColor):
                channels = [ctypes.c_uint() for _ in range(4)]
                if colour_of(part.raw, *channels):
                    found.add(tuple(channel.value for channel in channels))
        return found


def bare(text: str) -> str:
    """Text without marks, and without what a line's end adds or takes."""
    return re.sub(r"qx(?:ruler|\d+)[abz]|[\s\-\x02\ufffe\xad]", "", text)


def print_out(page: Page) -> Paper:
    return Paper(page.pdf(format="A4"))


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1440, scheme: str = "light") -> Iterator[Opened]:
    yield from open_page(browser, path, width, scheme)


def check_paper(paper: Paper, parts: list[str]) -> None:
    """No part crosses the margins or goes over two sheets, and nothing was made smaller to fit."""
    words = paper.words()
    assert words["qxrulerb"][1] - words["qxrulera"][1] == pytest.approx(300, abs=2)  # 400 px
    for number, part in enumerate(parts):
        (first, left, above), (last, right, below) = words[f"qx{number}a"], words[f"qx{number}z"]
        assert first == last, f"{part} goes over two sheets"
        assert MARGIN - 2 <= left < right <= WIDTH - MARGIN + 2, f"{part} is wider than the sheet"
        assert above > below
    for picture in paper.pictures():
        edge = int(2 * MARGIN) - 4
        for strip in (picture[:edge], picture[-edge:], picture[:, :edge], picture[:, -edge:]):
            assert strip.min() == 255, "something stands in the margin"


def test_every_page_is_whole_on_paper(desktop: Opened) -> None:
    """With everything unfolded; a figure, a formula, a row or a block of code that is cut fails."""
    page = desktop.page
    parts, code = page.evaluate(MARK), page.evaluate(CODE)
    try:
        paper = print_out(page)
        check_paper(paper, parts)
        text = paper.text()
        assert not [line for line in code if bare(line) not in text]
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 680, "height": 1009})  # 180 mm by 267
        assert page.evaluate(CUT) == []
        assert desktop.errors == []
    finally:
        page.emulate_media(media="null")
        page.set_viewport_size({"width": 1440, "height": 844})
        page.evaluate(UNMARK)


@pytest.mark.parametrize("name", ["index", "03-frontier", "08-optimum"])
def test_a_dark_phone_prints_whole_sheets_in_the_light(browser: Browser, report: Path, name: str) -> None:
    with opened(browser, report / f"{name}.html", 390, "dark") as shown:
        before = shown.page.locator(".optexec-figure").first.inner_html()
        paper = print_out(shown.page)
        assert shown.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert shown.page.locator(".optexec-figure").first.inner_html() == before
        check_paper(print_out_marked(shown.page), shown.page.evaluate("window.parts"))
    with opened(browser, report / f"{name}.html", 390, "light") as shown:
        light = print_out(shown.page)
    # not pixels: in a figure that was drawn again a label may stand elsewhere
    assert paper.colours() == light.colours()


def print_out_marked(page: Page) -> Paper:
    page.evaluate(f"window.parts = ({MARK})()")
    return print_out(page)


def test_figures_that_wait_for_their_turn_are_printed(browser: Browser, report: Path) -> None:
    """A reader may print before all figures are drawn, which takes frames of a page that a print does not have."""
    context = browser.new_context(viewport={"width": 1440, "height": 844})
    context.set_default_timeout(180_000)
    page = context.new_page()
    page.add_init_script(
        "window.requestAnimationFrame = () => 0; const later = setTimeout;"
        "window.setTimeout = (call, time) => time === 200 ? 0 : later(call, time);"
    )
    page.goto((report / "03-frontier.html").as_uri())
    shown = page.locator(".optexec-figure")
    page.wait_for_function("() => document.querySelector('.optexec-figure').dataset.state")
    drawn = page.locator(".optexec-figure[data-state]")
    assert drawn.count() < shown.count()
    print_out(page)
    assert drawn.count() == shown.count()
    context.close()


def test_dropdowns_are_printed_open_and_folded_code_and_controls_not_at_all(browser: Browser, report: Path) -> None:
    with opened(browser, report / "03-frontier.html") as shown:
        shown.page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = false; })")
        text = print_out(shown.page).text()
        assert shown.page.locator("details[open]").count() == 0  # again
        solutions = shown.page.evaluate(SOLUTIONS)
        assert len(solutions) >= 2  # exercises
        assert [words for words in solutions if bare(words) not in text] == []
        for words in ("Show the code", "Download", "Previous", "Search", "CSV"):
            assert bare(words) not in text, words
        assert bare("risk aversion λ = 0.5") in text  # what the figure shows
        shown.page.emulate_media(media="print")
        for control in (".slider-rail-rect", ".modebar-container", ".bd-sidebar-primary", "details.hide"):
            assert not shown.page.locator(control).first.is_visible(), control
