"""How the report is built, on a book of one page: what reaches the page, what runs again, what fails.

``tests/site/test_book.py`` looks at the real report. Here the book is small enough to break.
"""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import numpy as np
import pytest

from report.site.figures import compact
from report.site.state import digest

ROOT = Path(__file__).parents[2]

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A page

"""

CHAPTER = (
    HEADER
    + """See {numref}`fig-line` and {numref}`tab-costs`. It costs 7.5 ± 0.5 dollars.

```{code-cell} python
---
mystnb:
  figure:
    name: fig-line
    caption: The cost falls with **patience**, $\\lambda$ and "all".
---
import plotly.graph_objects as go

go.Figure(
    go.Scatter(y=[3, 1, 2], name="</script>"),
    layout={
        "sliders": [{"steps": []}],
        "height": 321,
        "xaxis": {"title": {"text": "cost $5, risk $2"}},
        "yaxis": {"title": {"text": r"$\\lambda$"}},
    },
)
```

```{code-cell} python
---
mystnb:
  table:
    name: tab-costs
    caption: Costs in dollars.
---
import pandas as pd

pd.DataFrame({"J ($)": [2210.0, -1790.43], "unit": ["$", "$"]}, index=pd.Index(["TWAP", "AC"], name="policy"))
```

```{code-cell} python
---
mystnb:
  table:
    name: tab-spans
    caption: Costs with intervals.
---
pd.DataFrame(
    {
        ("calm", "J ($)"): ["1,005.5 ± 0.5", "−3 ± 1"],
        ("calm", "share"): ["–", "$-10^{23}$"],
        ("wild", "who"): ["a, b", "c"],
    },
    index=pd.MultiIndex.from_product([["TWAP"], ["first", "second"]], names=["policy", "seed"]),
)
```

```{code-cell} python
---
mystnb:
  table:
    name: tab-large
    caption: More rows, columns and characters than pandas shows by itself.
---
pd.DataFrame([[f"{row} {column} " + "x" * 60 for column in range(30)] for row in range(70)])
```

```{code-cell} python
---
mystnb:
  table:
    name: tab-bare
    caption: No index.
---
pd.DataFrame({"N": [5, 10], "who": ["a", "b"]}).style.hide()
```

```{code-cell} python
:tags: [remove-output]
import ipywidgets

ipywidgets.IntSlider()
```

```{code-cell} python
from pathlib import Path

with open("../ran", "a") as file:
    file.write("x")
print("the package says", Path("../optexec/model.py").read_text())
```
"""
)


class SmallBook:
    """A repository of its own: this one's configuration around a single page."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.chapter = root / "book" / "index.md"
        self.package = root / "optexec" / "model.py"
        for folder in ("book", "optexec"):
            (root / folder).mkdir()
        for name in ("_config.yml", "conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / name, root)
        shutil.copy(ROOT / "book" / "references.bib", root / "book")
        shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
        (root / "book" / "_toc.yml").write_text("format: jb-book\nroot: index\n")
        self.package.write_text("first")
        self.chapter.write_text(CHAPTER)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name(command[0]))
        return subprocess.run(
            [program, *command[1:]], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def build(self) -> subprocess.CompletedProcess[str]:
        return self.run("jupyter-book", "build", "book", "-W", "--keep-going")

    def test(self) -> subprocess.CompletedProcess[str]:
        return self.run("pytest", "--nbmake", "-n0", "book")

    def count(self) -> int:
        """How often the chapter ran so far."""
        return len((self.root / "ran").read_text())

    def page(self) -> str:
        return (self.root / "_build" / "html" / "index.html").read_text()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    book = SmallBook(tmp_path_factory.mktemp("small-book"))
    done = book.build()
    assert done.returncode == 0, done.stdout
    return book


def test_a_figure_is_in_the_page_once_as_json(book: SmallBook) -> None:
    page = book.page()
    element = re.search(r'<div class="optexec-figure"(.*?)>(.*?)</div>', page, re.S)
    assert element is not None
    assert 'role="figure"' in element[1]
    assert 'aria-label="The cost falls with patience, lambda and &quot;all&quot;."' in element[1]
    assert "321px" in element[1]
    text = re.search(r'<script type="application/json">(.*?)</script>', element[2], re.S)
    assert text is not None
    figure = json.loads(text[1])
    assert figure["data"][0]["name"] == "</script>"
    assert figure["layout"]["xaxis"]["title"]["text"] == "cost &#36;5, risk &#36;2"  # or plotly makes it TeX
    assert figure["layout"]["yaxis"]["title"]["text"] == r"$\lambda$"
    assert "<noscript>" in element[2]
    assert "Figure 1" in page
    assert page.count("plotly.min.js") == 1
    assert (book.root / "_build/html/_static/plotly.min.js").stat().st_size > 1e6
    # Even where only a label of a figure has mathematics:
    assert "mathjax/tex-svg.js" in page


def test_a_table_is_numbered_and_its_index_named(book: SmallBook) -> None:
    table = re.search(r'<table class="[^"]*optexec-table.*?</table>', book.page(), re.S)
    assert table is not None
    rows = [re.findall(r"<t[hd][^>]*><p>(.*?)</p>", row) for row in re.findall(r"<tr.*?</tr>", table[0], re.S)]
    rows = [[re.sub("<[^>]*>", "", cell) for cell in row] for row in rows]
    assert rows == [["policy", "J ($)", "unit"], ["TWAP", "2210.00", "$"], ["AC", "−1790.43", "$"]]
    assert "Costs in dollars." in table[0]
    assert "Table 1" in book.page()


def test_a_column_of_numbers_is_set_to_the_right_with_its_heading(book: SmallBook) -> None:
    """The first one too, where it is no index."""
    tables = re.findall(r'<table class="[^"]*optexec-table.*?</table>', book.page(), re.S)
    (bare,) = (table for table in tables if "No index." in table)
    sides = re.findall(r'<t[hd][^>]*class="[^"]*text-(left|right)[^"]*"[^>]*><p>(.*?)</p>', bare)
    assert [(side, re.sub("<[^>]*>", "", text)) for side, text in sides] == [
        ("right", "N"),
        ("left", "who"),
        ("right", "5"),
        ("left", "a"),
        ("right", "10"),
        ("left", "b"),
    ]


def test_an_interval_stays_with_its_number(book: SmallBook) -> None:
    page = book.page()
    assert "7.5\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.5" in page
    assert ">±\N{NO-BREAK SPACE}0.5<" in page.split('id="tab-spans"')[1]  # in a cell, the line may end before the ±


def test_a_table_is_there_as_csv(book: SmallBook) -> None:
    """With an estimate and its interval apart, numbers as a program reads them, and nothing left out by spans."""
    assert 'href="_tables/tab-costs.csv" aria-label="Table 1 as CSV" download' in book.page()
    tables = book.root / "_build/html/_tables"
    with open(tables / "tab-costs.csv", encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["policy", "J ($)", "unit"],
            ["TWAP", "2210.00", "$"],
            ["AC", "-1790.43", "$"],
        ]
    with open(tables / "tab-spans.csv", encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["policy", "seed", "calm / J ($)", "calm / J ($) ±", "calm / share", "wild / who"],
            ["TWAP", "first", "1005.5", "0.5", "", "a, b"],
            ["TWAP", "second", "-3", "1", "-1e23", "c"],
        ]


def test_a_table_is_whole_however_large(book: SmallBook) -> None:
    with open(next((book.root / "_build/html").rglob("tab-large.csv")), encoding="utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file)
    assert rows == [[str(row), *(f"{row} {column} " + "x" * 60 for column in range(30))] for row in range(70)]


def test_a_chapter_is_there_as_a_notebook(book: SmallBook) -> None:
    downloads = book.root / "_build/html/_downloads"
    notebook = nbformat.read(downloads / "index.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert "jupytext" not in notebook.metadata  # or JupyterLab writes a text beside it
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "['ipywidgets', 'pandas', 'plotly']" in code[0].source  # what it needs
    assert "go.Figure(" in code[1].source
    assert not any(cell.outputs for cell in code)
    script = (book.root / "_build/html/_static/notebooks/index.js").read_text(encoding="utf-8")
    handed_over = json.loads(script.removeprefix("optexecSave(").removesuffix(");\n"))
    assert handed_over == (downloads / "index.ipynb").read_text(encoding="utf-8").rstrip("\n")


def test_a_page_is_described_by_its_first_paragraph(book: SmallBook) -> None:
    assert '<meta name="description" content="See Fig' in book.page()
    assert '<meta property="og:title" content="A page" />' in book.page()


def test_names_and_punctuation_carry_no_marks(book: SmallBook) -> None:
    code = re.search(r"<pre>(.*?)</pre>", book.page(), re.S)
    assert code is not None
    assert 'Scatter(y<span class="o">=</span>[<span class="mi">3</span>, <span class="mi">1</span>' in code[1]


def curve(numbers: np.ndarray[Any, Any]) -> dict[str, Any]:
    """As plotly writes one."""
    return {"dtype": "f8", "bdata": base64.b64encode(numbers.astype("<f8").tobytes()).decode()}


def test_curves_are_sent_in_half_the_bytes() -> None:
    numbers = 100 + np.sin(np.linspace(0, 3, 50))
    steps = [{"args": [{"y": [numbers.tolist()], "visible": True}, [0]]}]
    figure = {"data": [{"x": curve(numbers), "customdata": curve(numbers)}], "layout": {"sliders": [{"steps": steps}]}}
    found = compact(figure)
    for coded in (found["data"][0]["x"], found["layout"]["sliders"][0]["steps"][0]["args"][0]["y"][0]):
        assert coded["dtype"] == "f4"
        singles = np.frombuffer(base64.b64decode(coded["bdata"]), "<f4")
        assert np.abs(singles - numbers).max() < 1e-5 * np.ptp(numbers)
    assert found["data"][0]["customdata"] == curve(numbers)  # may be shown as it is
    gap = compact({"y": [*numbers.tolist(), None]})["y"]
    assert np.isnan(np.frombuffer(base64.b64decode(gap["bdata"]), "<f4")[-1])


@pytest.mark.parametrize(
    "kept",
    [
        {"x": list(range(100))},  # shorter as it is
        {"x": [0.12345678, 0.5]},  # a domain, say
        {"z": [np.linspace(0, 1, 40).tolist()] * 2},
        {"x": ["a"] * 40},
        {"x": [True, 0.123456789] * 20},
        {"x": [None] * 40},
        {"y": curve(1e8 + np.linspace(0, 1, 40))},  # 32 bits do not tell these apart
    ],
    ids=["integers", "short", "grid", "names", "flags", "nothing", "far from zero"],
)
def test_other_data_stay_as_they_are(kept: dict[str, Any]) -> None:
    assert compact(kept) == kept


def test_no_widget_reaches_a_page(book: SmallBook) -> None:
    assert "IntSlider" in book.page()  # the code does
    assert "widget" not in book.page().replace("ipywidgets", "")


def test_formulas_have_their_room_before_they_are_set(book: SmallBook) -> None:
    assert re.search(
        r'<span style="--width: 1\.\dex" class="math notranslate nohighlight">\\\(\\lambda\\\)', book.page()
    )


def test_a_published_report_says_where_it_is(book: SmallBook, monkeypatch: pytest.MonkeyPatch) -> None:
    site = "https://example.org/report/"
    assert '<link rel="canonical" href="index.html" />' in book.page()  # else it cannot know
    assert not (book.root / "_build/html/sitemap.xml").exists()
    monkeypatch.setenv("REPORT_URL", site.rstrip("/"))
    again = book.build()
    assert again.returncode == 0, again.stdout
    assert f'<link rel="canonical" href="{site}index.html" />' in book.page()
    assert f'<meta property="og:url" content="{site}index.html" />' in book.page()
    assert f'<meta property="og:image" content="{site}_static/cover.png" />' in book.page()
    assert (book.root / "_build/html/sitemap.xml").read_text().count(f"<loc>{site}index.html</loc>") == 1
    missing = (book.root / "_build/html/404.html").read_text()  # which is shown at any address
    assert missing.index(f'<base href="{site}" />') < missing.index("href=", missing.index("<base") + 10)
    assert 'href="#' not in missing


def test_a_chapter_runs_once_for_the_build_and_the_tests(book: SmallBook) -> None:
    assert book.count() == 1
    tests = book.test()
    assert tests.returncode == 0, tests.stdout
    assert "1 passed" in tests.stdout
    assert book.count() == 1


def test_an_edit_of_the_package_runs_the_chapters_again(book: SmallBook) -> None:
    """Whoever is the first to run them keeps the run for the other."""
    assert "the package says first" in book.page()
    book.package.write_text("second")
    tests = book.test()
    assert tests.returncode == 0, tests.stdout
    assert book.count() == 2
    again = book.build()
    assert again.returncode == 0, again.stdout
    assert "the package says second" in book.page()
    assert book.count() == 2
    # and an edit of the prose does not
    book.chapter.write_text(CHAPTER.replace("# A page", "# The page"))
    again = book.build()
    assert "Executing notebook" not in again.stdout
    assert "The page" in book.page()
    # nor does one of a script or a style, but it reaches the report
    style = book.root / "book" / "_static" / "custom.css"
    style.write_text(style.read_text() + "\n/* new */\n")
    again = book.build()
    assert "Executing notebook" not in again.stdout
    assert "/* new */" in (book.root / "_build/html/_static/custom.css").read_text()


def test_what_a_reader_could_not_use_fails_the_build(book: SmallBook) -> None:
    widget, nameless = "ipywidgets.IntSlider()", "go.Figure(go.Scatter(y=[1, 2]))"
    half_tex = 'go.Figure(layout={"xaxis": {"title": {"text": "time $t$"}}, "meta": {"alt": "x"}})'
    cells = [f"\n```{{code-cell}} python\n{code}\n```\n" for code in (widget, nameless, half_tex)]
    book.chapter.write_text(CHAPTER + "".join(cells))
    done = book.build()
    assert done.returncode != 0
    assert "does nothing in a page without a kernel" in done.stdout
    assert "a screen reader cannot name" in done.stdout
    assert "between the dollar signs of 'time $t$'" in done.stdout


def test_a_chapter_that_raises_fails_the_build_and_the_tests(book: SmallBook) -> None:
    book.chapter.write_text(HEADER + "```{code-cell} python\nx = 1\n```\n\n```{code-cell} python\nassert x == 2\n```\n")
    build = book.build()
    assert build.returncode != 0
    assert "assert x == 2" in build.stdout
    assert "chapters that raise: index.md" in build.stdout
    tests = book.test()
    assert tests.returncode == 1
    assert "index.md: code cell 2 of 2 failed" in tests.stdout


@pytest.mark.parametrize(("nbmake", "collected"), [(True, True), (False, False)])
def test_a_chapter_is_a_test_only_with_nbmake(pytestconfig: pytest.Config, nbmake: bool, collected: bool) -> None:
    conftest = pytestconfig.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    assert conftest is not None
    parent = mock.Mock(spec=pytest.Dir)
    parent.config.getoption.side_effect = lambda name, default=None: nbmake if name == "nbmake" else default
    with mock.patch.object(conftest.ChapterFile, "from_parent", return_value="a test"):
        for name, chapter in (("01-problem.md", True), ("bibliography.md", False), ("references.bib", False)):
            found = conftest.pytest_collect_file(ROOT / "book" / name, parent)
            assert (found == "a test") == (collected and chapter), name


def test_digest_sees_names_and_contents_and_ignores_what_is_made(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = digest(tmp_path, ["**/*.py"])
    assert digest(tmp_path, ["*.py", "**/*.py"]) == first
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "b.py").write_text("2")
    assert digest(tmp_path, ["**/*.py"]) == first
    (tmp_path / "a.py").write_text("2")
    second = digest(tmp_path, ["**/*.py"])
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert len({first, second, digest(tmp_path, ["**/*.py"])}) == 3
