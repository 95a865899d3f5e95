"""How long a reader waits for the first figure, against a bare page with plotly.js and that figure alone.

    python benchmarks/page.py [--runs 5] [--page index ...] [--report _build/html]

Opens every page of a built report that has figures, or those named, from disk in Chromium, each in turn with its bare
counterpart. A figure counts as visible in the frame after its traces stand in the page. The claim: within
twice the bare page's time.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FIGURE = re.compile(r'<div class="optexec-figure".*?<script type="application/json">(.*?)</script>', re.S)

# Runs before the page's own scripts. The second frame is the one that shows what was found in the first.
WATCH = """
const look = () => {
  const svg = document.querySelector('.js-plotly-plot .main-svg');
  if (svg && svg.getBoundingClientRect().height > 0 && svg.querySelector('.trace, .barlayer .point, .hm image'))
    requestAnimationFrame(() => { window.shownAt = performance.now(); });
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""

BARE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>bare</title></head><body><div id="figure"></div>
<script src="{plotly}"></script>
<script>const figure = {figure}; Plotly.newPlot("figure", figure.data, figure.layout);</script></body></html>"""


def shown(browser: Browser, page: Path) -> float:
    """Open a page in a fresh context; return the milliseconds until its first figure is visible."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.add_init_script(WATCH)
    tab.goto(page.as_uri(), wait_until="commit")
    tab.wait_for_function("window.shownAt", timeout=60_000)
    time = float(tab.evaluate("window.shownAt"))
    context.close()
    return time


def main() -> None:
    """Print a line a page."""
    parser = argparse.ArgumentParser(description="Time to the first visible figure, against a bare plotly page.")
    parser.add_argument("--runs", type=int, default=5, help="of a page, after one that is not counted")
    parser.add_argument("--page", nargs="*", default=[], help="names of pages, as index; all if not given")
    parser.add_argument("--report", type=Path, default=ROOT / "_build" / "html")
    options = parser.parse_args()
    report = options.report.resolve()
    pages = [page for page in sorted(report.glob("*.html")) if not options.page or page.stem in options.page]
    figures = {page: found for page in pages if (found := FIGURE.findall(page.read_text(encoding="utf-8")))}
    ratios = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, BROWSERS))), args=["--no-sandbox", "--disable-gpu"]
        )
        print(f"{'page':<24} {'kB':>5} {'figures':>8} {'shown (ms)':>11} {'bare (ms)':>10} {'ratio':>6}")
        for page in figures:
            bare = Path(folder) / page.name
            plotly = (report / "_static" / "plotly.min.js").as_uri()
            bare.write_text(BARE.format(plotly=plotly, figure=figures[page][0]), encoding="utf-8")
            times = [(shown(browser, page), shown(browser, bare)) for _ in range(options.runs + 1)][1:]
            ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
            ratios.append(ratio := statistics.median(a / b for a, b in times))
            print(
                f"{page.stem:<24} {page.stat().st_size / 1e3:5.0f} {len(figures[page]):8d}"
                f" {ours:11.0f} {theirs:10.0f} {ratio:6.2f}"
            )
        browser.close()
    middle = statistics.median(ratios)
    print(f"{len(ratios)} pages: at most {max(ratios):.2f} times the bare page, {middle:.2f} in the median")


if __name__ == "__main__":
    main()
