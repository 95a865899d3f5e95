"""The built report, opened in a browser from disk: nothing asked of a network, every figure drawn, every slider alive.

The pages are those of ``_toc.yml``; ``tests/conftest.py`` has the report and the browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

ROOT = Path(__file__).parents[1]

# One worker builds the report once and keeps one browser (conftest.py distributes by group).
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def pages() -> list[str]:
    """The names of the report's pages, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))

    def files(entry: dict[str, Any]) -> Iterator[str]:
        if "file" in entry:
            yield entry["file"].removesuffix(".md")
        for key in ("parts", "chapters", "sections"):
            for child in entry.get(key, []):
                yield from files(child)

    return [toc["root"], *files(toc)]


@dataclass
class Opened:
    """A page of the report, and what happened while it was open."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note_request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.foreign.append(request.url)

    def note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def note_failure(self, request: Request) -> None:
        self.errors.append(f"{request.url} could not be loaded: {request.failure}")


def open_page(browser: Browser, path: Path, width: int, scheme: Any) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    opened = Opened(page)
    page.on("request", opened.note_request)
    page.on("requestfailed", opened.note_failure)
    page.on("console", opened.note_message)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.goto(path.as_uri())
    # Dropdowns open: a figure inside one is drawn when it is first seen.
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.optexec-figure')].every((figure) => figure.dataset.state)",
        timeout=60_000,
    )
    yield opened
    context.close()


# A page stays open while all tests of it run.
@pytest.fixture(scope="module", params=pages())
def desktop(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    yield from open_page(browser, report / f"{request.param}.html", 1440, "light")


@pytest.fixture(scope="module", params=pages())
def phone(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    yield from open_page(browser, report / f"{request.param}.html", 390, "dark")


DRAWN = """() => [...document.querySelectorAll('.optexec-figure')].map((figure) => {
  const svg = figure.querySelector('.main-svg');
  const box = svg ? svg.getBoundingClientRect() : {width: 0, height: 0};
  const place = figure.getBoundingClientRect();
  const texts = [...figure.querySelectorAll('text')]
    .filter((text) => text.textContent && text.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  return {
    state: figure.dataset.state,
    label: figure.getAttribute('aria-label') || '',
    traces: figure.querySelectorAll('.trace, .traces, .point, path').length,
    width: box.width, height: box.height,
    room: place.width,
    // plotly keeps the source of a label that it has set, out of sight; "$5 and $6" is no TeX
    raw: texts.map((text) => text.textContent)
      .filter((text) => /\\$[^$]*[\\\\^_][^$]*\\$|\\$\\w\\$|&#/.test(text)),
    cut: texts
      .filter((text) => getComputedStyle(text).fillOpacity !== '0')
      .filter((text) => {
        const { left, right } = text.getBoundingClientRect();
        return left < place.left - 3 || right > place.right + 3;
      })
      .map((text) => text.textContent),
  };
})"""


def check_figures(opened: Opened) -> None:
    for number, figure in enumerate(opened.page.evaluate(DRAWN), 1):
        assert figure["state"] == "drawn", f"figure {number} is not drawn"
        assert figure["traces"] > 0, f"figure {number} is empty"
        assert figure["height"] > 100, f"figure {number} has no height"
        assert 0 < figure["width"] <= figure["room"] + 1, f"figure {number} is wider than its place"
        assert not figure["raw"], f"figure {number} shows TeX as it was typed"
        assert not figure["cut"], f"figure {number} has text that its edge cuts off"
        assert figure["label"], f"figure {number} has no description for a screen reader"


def test_figures_are_drawn(desktop: Opened) -> None:
    check_figures(desktop)


def test_figures_are_drawn_on_a_phone(phone: Opened) -> None:
    check_figures(phone)


def test_phone_does_not_scroll_sideways(phone: Opened) -> None:
    wide = phone.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is {wide} px wider than the screen"


# What a figure shows: the data of its traces, and the marks that a step may move.
SHOWN = """(figure) => {
  const plot = figure.querySelector('.js-plotly-plot');
  const { annotations, shapes, title } = plot.layout;
  return JSON.stringify([plot.data, annotations, shapes, title]);
}"""


def test_sliders_move_their_figures(desktop: Opened) -> None:
    """A click near either end of a rail changes what the figure shows."""
    for figure in desktop.page.locator(".optexec-figure").all():
        rails = figure.locator(".slider-rail-touch-rect")
        assert (
            figure.evaluate("(f) => (f.querySelector('.js-plotly-plot').layout.sliders || []).length") == rails.count()
        )
        for rail in rails.all():
            seen = {figure.evaluate(SHOWN)}
            box = rail.bounding_box()
            assert box is not None
            for x in (0.02, 0.98):
                rail.click(position={"x": x * box["width"], "y": box["height"] / 2}, force=True)
                desktop.page.wait_for_timeout(250)
                seen.add(figure.evaluate(SHOWN))
            assert len(seen) > 1, f"a slider of figure '{figure.get_attribute('aria-label')}' moves nothing"


def test_sliders_follow_the_keyboard(desktop: Opened) -> None:
    for figure in desktop.page.locator(".optexec-figure").all():
        for slider in figure.get_by_role("slider").all():
            seen = set()
            for key in ("Home", "End"):
                slider.press(key)
                desktop.page.wait_for_timeout(250)
                seen.add((slider.get_attribute("aria-valuetext"), figure.evaluate(SHOWN)))
            assert len({value for value, _ in seen}) == len({shown for _, shown in seen}) == 2


INK = """() => [...document.querySelectorAll('.optexec-figure')].map((figure) => {
  // the labels of an axis, or of a slider: what else there is may have a colour of its own
  const text = figure.querySelector('.xtick text, .ytick text, .slider-group text');
  return text ? getComputedStyle(text).fill : null;
})"""


def test_figures_follow_the_dark_mode(desktop: Opened) -> None:
    light = desktop.page.evaluate(INK)
    desktop.page.emulate_media(color_scheme="dark")
    try:
        desktop.page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        desktop.page.wait_for_timeout(500)
        dark = desktop.page.evaluate(INK)
    finally:
        desktop.page.emulate_media(color_scheme="light")
    assert [a != b for a, b in zip(light, dark, strict=True)] == [colour is not None for colour in light]


def test_numbers_in_the_prose_are_formatted(desktop: Opened) -> None:
    """A glued numpy number without a format would show as np.float64(1.0)."""
    text = desktop.page.evaluate(
        "[...document.querySelectorAll('article p, article li, article td')].map((e) => e.textContent).join(' ')"
    )
    assert "np.float64(" not in text
    assert "np.int64(" not in text


# Last, so that what the tests above did to the page is covered too.
def test_nothing_is_asked_of_other_hosts(desktop: Opened) -> None:
    assert desktop.foreign == []


def test_no_console_errors(desktop: Opened) -> None:
    assert desktop.errors == []


def test_no_console_errors_on_a_phone(phone: Opened) -> None:
    assert (phone.errors, phone.foreign) == ([], [])
