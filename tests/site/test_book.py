"""The built report, opened in a browser from disk: nothing asked of a network, every figure drawn, every slider alive.

First what can be seen in the files alone: links, weight, titles, downloads.

The pages are those of ``_toc.yml``; ``tests/conftest.py`` has the report and the browser.
"""

from __future__ import annotations

import html
import importlib.util
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
import nbformat
import pandas as pd
import pytest
from playwright.sync_api import Browser

from tests.site.browsing import Opened, open_page, pages
from tests.site.test_reach import THIN, barriers

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.browser


class Html(HTMLParser):
    """What the tests ask of a page's file."""

    VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []  # of the article
        self.visible_code: list[str] = []  # of cells that are not folded
        self._in_code = False
        self._open: list[tuple[str, str]] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        inside = {name for name, _ in self._open}
        if re.fullmatch("h[1-6]", tag) and "article" in inside:
            self.headings.append(int(tag[1]))
        if tag == "pre" and any("cell_input" in style for _, style in self._open):
            self._in_code = "details" not in inside
            if self._in_code:
                self.visible_code.append("")
        if tag not in self.VOID:
            self._open.append((tag, given.get("class") or ""))

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.visible_code[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_code = self._in_code and tag != "pre"
        # an end that has no start, or skips some, is the browser's business
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth][0] == tag:
                del self._open[depth:]
                return

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """The attributes of the elements of a kind."""
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]

    @property
    def ids(self) -> set[str | None]:
        return {found.get("id") or found.get("name") for _, found in self.elements}


@pytest.fixture(scope="session")
def files(report: Path) -> dict[str, Html]:
    return {path.name: Html(path) for path in sorted(report.glob("*.html"))}


@pytest.fixture(params=pages())
def file(request: pytest.FixtureRequest, files: dict[str, Html]) -> Html:
    return files[f"{request.param}.html"]


def test_every_link_leads_somewhere(report: Path, files: dict[str, Html]) -> None:
    """Pages, their parts, scripts, styles, pictures and downloads; whatever a page loads lies beside it."""
    broken = set()
    for page, found in files.items():
        for tag, attributes in found.elements:
            for value in filter(None, (attributes.get("href"), attributes.get("src"))):
                address = urlsplit(value)
                if address.scheme in ("http", "https", "mailto"):
                    if tag != "a":
                        broken.add(f"{page}: <{tag}> asks {address.netloc} for {address.path}")
                    continue
                target, part = unquote(address.path) or page, unquote(address.fragment)
                if not (report / target).is_file():
                    broken.add(f"{page}: there is no {value}")
                elif part and target.endswith(".html") and part not in files[target].ids:
                    broken.add(f"{page}: {target} has no part {part}")
    assert not broken


def test_pages_are_light(file: Html) -> None:
    assert len(file.text.encode()) < 450_000  # the API is the largest, and compresses to an eighth of that


def test_plotly_is_loaded_once_and_late_where_a_figure_is(file: Html) -> None:
    scripts = [script for script in file.all("script") if "plotly" in (script.get("src") or "")]
    assert all("defer" in script for script in scripts)
    assert len(scripts) == ("optexec-figure" in file.text)
    assert file.text.count("Plotly.newPlot") == 0


def test_code_has_no_marks_that_change_nothing(report: Path) -> None:
    """report.site.extension leaves out marks around names and punctuation, since those have the colour of the text."""
    style = (report / "_static" / "pygments.css").read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        rules = re.findall(rf'html\[data-theme="{theme}"\] (\.highlight[^{{]*?) ?{{([^}}]*)}}', style)
        colours = {selector: re.findall(r"(?<![-\w])color: *(#\w+)", rule) for selector, rule in rules}
        assert colours[".highlight"]
        for mark in ("n", "nn", "p", "w"):
            assert colours[f".highlight .{mark}"] == colours[".highlight"]


def test_titles_and_descriptions_tell_pages_apart(files: dict[str, Html]) -> None:
    shown = [files[f"{page}.html"] for page in pages()]
    titles = [re.findall("<title>(.*?)</title>", page.text)[0] for page in shown]
    descriptions = [page.all("meta", name="description")[0]["content"] or "" for page in shown]
    assert len(set(titles)) == len(set(descriptions)) == len(shown)
    assert all("Optimal execution under stochastic liquidity" in title for title in titles)
    for page, description in zip(shown, descriptions, strict=True):
        assert 40 < len(description) <= 200
        assert "\\" not in description
        assert [tag["content"] for tag in page.all("meta", property="og:description")] == [description]
        assert page.all("link", rel="icon")


def test_previews_and_reference_managers_are_served(report: Path, files: dict[str, Html]) -> None:
    for name in pages():
        page = files[f"{name}.html"]
        told = {tag.get("property") or tag.get("name"): tag.get("content") or "" for tag in page.all("meta")}
        assert (report / told["og:image"]).read_bytes().startswith(b"\x89PNG")
        assert [link["href"] for link in page.all("link", rel="canonical")] == [f"{name}.html"]
        assert re.fullmatch(r"20\d\d", told["citation_publication_date"])
        assert told["citation_author"] == "optexec authors"
        report_title = "Optimal execution under stochastic liquidity"
        if name == "index":
            assert told["citation_title"] == report_title
        else:
            assert told["citation_inbook_title"] == report_title
            assert re.search(r"<h1>.*?" + re.escape(told["citation_title"]), page.text, re.S)
        assert page.all("html", lang="en")


def test_what_is_missing_leads_to_all_that_is_there(files: dict[str, Html]) -> None:
    missing = files["404.html"]
    article = missing.text.split("<article")[1].split("</article>")[0]
    assert re.findall(r'href="([^"#]*)\.html"', article) == pages()
    assert 'action="search.html"' in article
    assert not missing.all("link", rel="canonical")  # it stands at any address


def test_headings_are_in_order(file: Html) -> None:
    assert file.headings[0] == 1
    assert file.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(file.headings, file.headings[1:], strict=False))


def test_code_beside_the_point_is_folded(file: Html) -> None:
    assert all("open" not in details for details in file.all("details"))
    assert all(code.strip().count("\n") < 25 for code in file.visible_code)


def test_no_page_shows_a_warning_or_a_path_of_the_machine_that_built_it(report: Path, file: Html) -> None:
    assert re.findall(r"\w*Warning: .*", file.text) == []
    assert str(report.parents[1]) not in file.text


def test_every_numbered_table_is_there_as_csv(report: Path, file: Html) -> None:
    tables = re.findall(r"<table[^>]*>\s*<caption>.*?</table>", file.text, re.S)
    links = file.all("a", **{"class": "optexec-csv"})
    assert len(links) == len(tables)
    for table, link in zip(tables, links, strict=True):
        name = (link["href"] or "").split("/")[-1].removesuffix(".csv")
        assert f'id="{name}"' in table
        rows = pd.read_csv(report / (link["href"] or ""))
        assert len(rows) == table.split("<tbody>")[1].count("<tr")
        assert rows.shape[1] >= len(re.findall("<t[hd]", table.split("<tr")[-1]))


def test_every_chapter_is_there_as_a_notebook(report: Path, files: dict[str, Html]) -> None:
    for page in pages():
        source = ROOT / "book" / f"{page}.md"
        links = files[f"{page}.html"].all("a", href=f"_downloads/{page}.ipynb")
        if "jupytext:" not in source.read_text(encoding="utf-8"):  # prose alone
            assert not links
            continue
        assert len(links) == 1
        notebook = nbformat.read(report / (links[0]["href"] or ""), as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
        check, *code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert check.metadata.jupyter.source_hidden
        assert [cell.source for cell in code] == [
            cell.source.replace("from myst_nb import glue\n", "").strip("\n")
            for cell in jupytext.read(source).cells
            if cell.cell_type == "code"
        ]
        assert not any(cell.outputs or cell.execution_count for cell in code)


def test_the_folder_of_notebooks_holds_notebooks_and_what_they_read(report: Path) -> None:
    sources = [ROOT / "book" / f"{page}.md" for page in pages()]
    chapters = [source.stem for source in sources if "jupytext:" in source.read_text(encoding="utf-8")]
    found = {path.name for path in (report / "_downloads").iterdir() if not path.name.startswith(".")}
    assert found == {"data", *(f"{name}.ipynb" for name in chapters)}


def test_a_notebook_needs_nothing_of_what_builds_the_page(report: Path) -> None:
    for path in sorted((report / "_downloads").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        assert not re.search(r"import.*\b(myst_nb|sphinx|docutils|jupytext|jupyter_book)\b", code), path.name
        assert ("glue(" in code) == ("def glue(" in code), path.name


def test_a_notebook_says_first_what_it_misses(report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened where the package is not, or without the folder that it lay in."""

    def first_cell(path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        exec(next(cell.source for cell in notebook.cells if cell.cell_type == "code"), {})

    read_by = {"27-your-order": "data/bars.csv"}
    for path in sorted((report / "_downloads").glob("*.ipynb")):
        monkeypatch.chdir(path.parent)
        first_cell(path)
        monkeypatch.chdir(tmp_path)
        if path.stem in read_by:
            with pytest.raises(FileNotFoundError, match=rf"reads {read_by[path.stem]}\. Put the folder data beside it"):
                first_cell(path)
        else:
            first_cell(path)
        with monkeypatch.context() as without:
            without.setattr(importlib.util, "find_spec", lambda name: None)
            with pytest.raises(ModuleNotFoundError, match=r"needs .*(optexec|report).*install -r requirements\.txt"):
                first_cell(path)


def test_a_notebook_reads_as_its_page(report: Path, files: dict[str, Html]) -> None:
    found = 0
    for path in (ROOT / "book" / "data").iterdir():  # what the notebooks read
        assert (report / "_downloads" / "data" / path.name).read_bytes() == path.read_bytes()
    for path in sorted((report / "_downloads").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        left = re.findall(r"\{[a-z:]+\}`.*|^ *(?:```|:::)\{.*|^\(.*\)=$|^\$\$ \(.*\)$", text, re.MULTILINE)
        assert not left, path.name  # of MyST, which Jupyter alone does not know
        words = re.sub(r"\s+", " ", text.replace("<span>&#36;</span>", "$"))
        page = files[f"{path.stem}.html"].text
        pasted = re.findall(r'<span class="pasted-text">(.*?)</span>', page)
        numbers = [re.sub(r"\s+", " ", html.unescape(number)) for number in pasted]
        assert not [number for number in numbers if number not in words], path.name
        for kind, number in re.findall(r'<span class="caption-number">(Figure|Table) ([\d.]+) ?</span>', page):
            assert f"**{kind} {number}** " in words, path.name
            found += 1
        formulas = re.findall(r'<span class="eqno">\(([\d.]+)\)', page)
        assert re.findall(r"\\tag\{([\d.]+)\}", text) == formulas, path.name
    assert found > 50


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


def test_nothing_moves_while_a_page_loads(desktop: Opened) -> None:
    assert desktop.shift < 0.1


def test_nothing_moves_while_a_page_loads_on_a_phone(phone: Opened) -> None:
    assert phone.shift < 0.1


# What a figure shows: the data of its traces, and the marks that a step may move.
SHOWN = """(figure) => {
  const plot = figure.querySelector('.js-plotly-plot');
  const { annotations, shapes, title } = plot.layout;
  return JSON.stringify([plot.data, annotations, shapes, title]);
}"""

# A slider acts in the frame after the next, and an animation in frames of its own.
SETTLED = """async (figure) => {
  const plot = figure.querySelector('.js-plotly-plot');
  const frame = () => new Promise(requestAnimationFrame);
  do {
    for (let i = 0; i < 4; i++) await frame();
  } while (plot._transitioning || plot._transitionData?._frameQueue?.length);
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
                figure.evaluate(SETTLED)
                seen.add(figure.evaluate(SHOWN))
            assert len(seen) > 1, f"a slider of figure '{figure.get_attribute('aria-label')}' moves nothing"


def test_sliders_follow_the_keyboard(desktop: Opened) -> None:
    for figure in desktop.page.locator(".optexec-figure").all():
        for slider in figure.get_by_role("slider").all():
            seen = set()
            for key in ("Home", "End"):
                slider.press(key)
                figure.evaluate(SETTLED)
                seen.add((slider.get_attribute("aria-valuetext"), figure.evaluate(SHOWN)))
            assert len({value for value, _ in seen}) == len({shown for _, shown in seen}) == 2


INK = """[...document.querySelectorAll('.optexec-figure')].map((figure) => {
  // the labels of an axis, or of a slider: what else there is may have a colour of its own
  const text = figure.querySelector('.xtick text, .ytick text, .slider-group text');
  return text ? getComputedStyle(text).fill : null;
})"""


def test_figures_follow_the_dark_mode(desktop: Opened) -> None:
    light = desktop.page.evaluate(INK)
    desktop.page.emulate_media(color_scheme="dark")
    try:
        # all of them, which is what is waited for
        recoloured = f"(light) => {INK}.every((ink, i) => ink === null || ink !== light[i])"
        desktop.page.wait_for_function(recoloured, arg=light)
    finally:
        desktop.page.emulate_media(color_scheme="light")


def test_numbers_in_the_prose_are_formatted(desktop: Opened) -> None:
    """A glued numpy number without a format would show as np.float64(1.0)."""
    text = desktop.page.evaluate(
        "[...document.querySelectorAll('article p, article li, article td')].map((e) => e.textContent).join(' ')"
    )
    assert "np.float64(" not in text
    assert "np.int64(" not in text
    assert re.findall(r"(?<![\d./])\d\.\d{7,}", text) == []  # as Python prints a number that nobody rounded


TOOLBARS = """() => [...document.querySelectorAll('.optexec-figure')].map((figure) => {
  const buttons = [...figure.querySelectorAll('.modebar-btn')];
  return buttons.filter((button) => { button.focus(); return document.activeElement === button; })
    .map((button) => button.ariaLabel);
})"""


def test_every_toolbar_saves_and_is_reached_with_the_keyboard(desktop: Opened) -> None:
    for names in desktop.page.evaluate(TOOLBARS):
        assert set(names) >= {"Save as PNG", "Save as SVG"}
        assert set(names) <= {"Zoom", "Pan", "Reset axes", "Save as PNG", "Save as SVG"}  # none sends data away


SCROLLS = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll('article table, article mjx-container[display] > svg, article pre')]
    .filter((wide) => wide.getBoundingClientRect().width > width)
    .filter((wide) => {
      for (let box = wide; box.tagName !== 'ARTICLE'; box = box.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX) && box.clientWidth <= width) return false;
      return true;
    })
    .map((wide) => wide.outerHTML.slice(0, 100));
}"""


def test_what_is_wider_than_a_phone_scrolls_in_itself(phone: Opened) -> None:
    assert phone.page.evaluate(SCROLLS) == []


# Last, so that what the tests above did to the page is covered too.
def test_nothing_is_asked_of_other_hosts(desktop: Opened) -> None:
    assert desktop.foreign == []


def test_no_console_errors(desktop: Opened) -> None:
    assert desktop.errors == []


def test_no_console_errors_on_a_phone(phone: Opened) -> None:
    assert (phone.errors, phone.foreign) == ([], [])


def test_generated_pages_fit_a_phone_and_keep_nobody_out(browser: Browser, report: Path) -> None:
    """The index, the search, the page for what is missing: whatever is not in the table of contents."""
    generated = [path for path in sorted(report.glob("*.html")) if path.stem not in pages()]
    assert {"genindex", "search", "404"} <= {path.stem for path in generated}
    for path in generated:
        for width, scheme in ((1440, "light"), (390, "dark")):
            for opened in open_page(browser, path, width, scheme):
                wide = opened.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{path.name} is {wide} px wider than the screen"
                opened.page.evaluate(THIN, True)
                assert barriers(opened.page) == [], path.name
                assert opened.shift < 0.1, path.name
                assert (opened.errors, opened.foreign) == ([], [])


@pytest.fixture
def fresh(browser: Browser, report: Path) -> Iterator[Opened]:
    """The first page, opened for one test."""
    yield from open_page(browser, report / "index.html", 1440, "light")


def test_search_works_from_a_folder(fresh: Opened, report: Path) -> None:
    page = fresh.page
    page.keyboard.press("Control+k")
    page.keyboard.type("urgency")
    page.keyboard.press("Enter")
    for name in ("02-almgren-chriss", "notation"):  # the list grows one by one
        page.locator(f'#search-results li a[href^="{name}.html"]').first.wait_for()
    assert "q=urgency" in page.url
    assert "random walk" in page.locator("#search-results li", has_text="Almgren–Chriss derived").inner_text()
    assert barriers(page) == []
    page.locator("#search-results").get_by_role("link", name="Almgren–Chriss derived").click()
    page.wait_for_url("**/02-almgren-chriss.html*")
    assert (fresh.errors, fresh.foreign) == ([], [])


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_is_saved_under_its_name(fresh: Opened, suffix: str) -> None:
    figure = fresh.page.locator("#fig-trade-off .optexec-figure")
    figure.hover()
    with fresh.page.expect_download() as download:
        figure.get_by_role("button", name=f"Save as {suffix.upper()}").click()
    assert download.value.suggested_filename == f"fig-trade-off.{suffix}"
    content = download.value.path().read_bytes()
    assert content.startswith({"png": b"\x89PNG", "svg": b"<svg"}[suffix])
    if suffix == "svg":
        assert b"expected cost" in content  # an axis
    assert fresh.errors == []


def test_downloads_are_saved_from_a_folder(browser: Browser, report: Path) -> None:
    for opened in open_page(browser, report / "03-frontier.html", 1440, "light"):
        for link, folder, name in (
            (".btn-notebook", "_downloads", "03-frontier.ipynb"),
            ("#tab-fr-points .optexec-csv", "_tables", "tab-fr-points.csv"),
        ):
            with opened.page.expect_download() as download:
                opened.page.locator(link).click()
            assert download.value.suggested_filename == name
            assert download.value.path().read_text("utf-8").strip() == (
                (report / folder / name).read_text("utf-8").strip()
            )
        assert opened.errors == []
