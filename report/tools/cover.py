"""Draw the README's picture, book/_static/cover.svg, from the numbers that the report's first page states.

And cover.png beside it, with the report's title, for previews of its pages.

python -m report.tools.cover        (needs Chromium or Chrome)
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

import plotly
from playwright.sync_api import sync_playwright

import optexec as ox
from optexec._files import beside
from report.chapters import index

TARGET = Path(__file__).parents[2] / "book" / "_static" / "cover.svg"
PREVIEW = """
<style>body {{ margin: 40px 60px; font: 54px sans-serif; }} svg {{ width: 1080px; height: 430px; }}</style>
Optimal execution under stochastic liquidity{picture}"""


def cover() -> str:
    """The picture as a plotly figure in JSON."""
    problem = ox.presets.stochastic()
    names = {"TWAP": ox.twap, "VWAP": ox.vwap, "AC": ox.almgren_chriss, "best static": ox.best_static}
    objectives = {name: ox.exact_objective(problem, make(problem)) for name, make in names.items()}
    optimum = ox.optimum(problem).value
    objectives["rolling"] = ox.exact_value(problem, ox.rolling(problem))
    figure = index.above_optimum(problem, objectives, optimum)
    figure.update_layout(paper_bgcolor="white", width=760, margin={"l": 90, "t": 16})
    return str(figure.to_json())


def main() -> None:
    """Let a browser draw the figure, and keep its SVG."""
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if browser is None:
        sys.exit("no Chromium or Chrome on the path")
    script = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page()
        page.set_content("<div id=figure></div>")
        page.add_script_tag(content=script)
        image = page.evaluate(f"Plotly.toImage({cover()}, {{format: 'svg', width: 760, height: 300}})")
        picture = unquote(image.split(",", 1)[1])
        page.set_viewport_size({"width": 1200, "height": 630})
        page.set_content(PREVIEW.format(picture=picture))
        preview = page.screenshot()
        chromium.close()
    with beside(TARGET) as file:
        file.write(picture.encode())
    with beside(TARGET.with_suffix(".png")) as file:
        file.write(preview)


if __name__ == "__main__":
    main()
