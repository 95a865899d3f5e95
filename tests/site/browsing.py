"""The pages of the report, opened in a browser, and what happens while they are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

ROOT = Path(__file__).parents[2]


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
    shift: float = 0.0  # of the layout, while it loaded

    def note_request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.foreign.append(request.url)

    def note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def note_failure(self, request: Request) -> None:
        if not request.is_navigation_request():  # else the browser saves what it was to show
            self.errors.append(f"{request.url} could not be loaded: {request.failure}")


# What moves without a reader's doing: the sum that browsers call cumulative layout shift.
SHIFTS = """
  window.shifts = [];
  const note = (list) => shifts.push(...list.map((entry) => entry.value));
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ type: 'layout-shift', buffered: true });
  window.shift = () => { note(observer.takeRecords()); return shifts.reduce((a, b) => a + b, 0); };
"""
LOADED = """() => !document.querySelector('.math.notranslate:not(:has(mjx-container))')
  && [...document.querySelectorAll('.optexec-figure')].every((figure) => figure.dataset.state || !figure.clientWidth)"""


def open_page(browser: Browser, path: Path, width: int, scheme: Any) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(180_000)  # how fast the machine is is not what is tested
    page = context.new_page()
    opened = Opened(page)
    page.on("request", opened.note_request)
    page.on("requestfailed", opened.note_failure)
    page.on("console", opened.note_message)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.add_init_script(SHIFTS)
    page.goto(path.as_uri())
    page.wait_for_function(LOADED)
    opened.shift = page.evaluate("shift()")
    # Dropdowns open: a figure inside one is drawn when it is first seen.
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.optexec-figure')].every((figure) => figure.dataset.state)"
    )
    yield opened
    context.close()
