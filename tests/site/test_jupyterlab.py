"""The downloaded notebooks in a real JupyterLab: all cells run, the control moved by keys, and what is then drawn."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

import optexec as ox

pytestmark = pytest.mark.browser
LIMIT = 600_000  # [ms], for one condition: a notebook has run, a figure has changed
STEP = 0.05  # of the control, in powers of ten

STATE = """cell => {
    const graph = cell.querySelector('.jp-OutputArea-output .js-plotly-plot');
    if (!graph || !graph._fullData || !graph.querySelector('.main-svg')) return null;
    const paths = {};
    for (const group of graph.querySelectorAll('.scatterlayer .trace')) {
        const trace = group.__data__[0].trace, path = group.querySelector('path.js-line');
        if (!path) continue;
        const [x, y] = [trace.xaxis, trace.yaxis].map((id) => graph._fullLayout[id.replace(/^[xy]/, '$&axis')]);
        const points = path.getAttribute('d').match(/[-+.\\de]+,[-+.\\de]+/g).map((pair) => pair.split(','));
        paths[trace.index] = points.map(([across, down]) => [x.p2d(+across), y.p2d(+down)]);
    }
    const numbers = (values) => values === undefined ? null
        : Array.from(values, (value) => typeof value === 'object' && value ? Array.from(value) : value);
    return {
        traces: graph._fullData.map((trace) => (
            {name: trace.name, x: numbers(trace.x), y: numbers(trace.y), z: numbers(trace.z)}
        )),
        paths,
        top: graph.getBoundingClientRect().top - cell.querySelector('[role=slider]').getBoundingClientRect().bottom,
        height: cell.getBoundingClientRect().height,
    };
}"""
"""What plotly drew in a cell's output: its traces as it understood them, and the lines on the screen in data units."""

WITHOUT = """
import sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name in ("myst_nb", "sphinx", "docutils"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Finder)
"""
"""A Python that has none of what builds the report, as where the package alone is installed."""


@pytest.fixture(scope="module")
def lab(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server on a copy of the downloads, with settings of its own: address with its token in place of {}, folder."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = Path(shutil.copytree(report / "_downloads", home / "notebooks"))
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = os.environ | {f"JUPYTER_{name}": str(home / name) for name in places}
    environment |= {f"JUPYTERLAB_{name}": str(home / name) for name in ("SETTINGS_DIR", "WORKSPACES_DIR")}
    environment |= {"IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"}
    (home / "site").mkdir()
    (home / "site" / "sitecustomize.py").write_text(WITHOUT)
    paths = [str(home / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths)}
    token = secrets.token_hex(16)
    command = [str(Path(sys.executable).with_name("jupyter-lab")), str(folder), "--no-browser", "--allow-root"]
    command += ["--port=0", f"--IdentityProvider.token={token}"]
    with open(home / "log", "w+", encoding="utf-8") as log:
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield f"{address_of(server, home)}lab/tree/{{}}?token={token}&reset", folder
        finally:
            server.terminate()  # its kernels too
            server.wait(60)


def address_of(server: subprocess.Popen[bytes], home: Path) -> str:
    """Where a server answers, which it writes into a file once it does."""
    file = home / "RUNTIME_DIR" / f"jpserver-{server.pid}.json"
    for _ in range(LIMIT // 100):
        assert server.poll() is None, (home / "log").read_text(encoding="utf-8")
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["url"])
        except (FileNotFoundError, json.JSONDecodeError):  # not yet there, or not all of it
            time.sleep(0.1)
    raise TimeoutError("JupyterLab did not start")


def run_all(page: Page, address: str) -> None:
    """Open a notebook and run all of its cells, as a reader does by the menu."""
    page.set_default_timeout(LIMIT)
    page.goto(address)
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def check_first_page(shown: dict[str, Any], value: float) -> None:
    plan = ox.almgren_chriss(
        ox.Problem(order=ox.Order(shares=5_000, periods=30), risk_aversion=value)  # the notebook's my_order
    )
    close(shown["traces"][4]["y"], plan.inventory, 0.1)
    close(shown["traces"][5]["y"], plan.trades, 0.1)
    close([shown["traces"][6][axis][0] for axis in "xy"], [plan.variance**0.5, plan.expected_cost], 0.2)
    on_screen(shown, 4, plan.inventory)


def check_frontier(shown: dict[str, Any], value: float) -> None:
    mine = ox.presets.reference().replace(volatility=0.02, temporary=0.01, risk_aversion=value)
    plan = ox.almgren_chriss(mine)
    (which,) = (i for i, trace in enumerate(shown["traces"]) if trace["name"] == "Almgren–Chriss")
    close(shown["traces"][which]["y"], plan.inventory, 1e-2)
    on_screen(shown, which, plan.inventory)


def check_optimum(shown: dict[str, Any], value: float) -> None:
    mine = ox.presets.stochastic().replace(risk_aversion=value)
    best, plan, levels = ox.optimum(mine), ox.almgren_chriss(mine).fractions, np.array(shown["traces"][0]["y"])
    for k in (0, 9, 18):
        close(np.array(shown["traces"][0]["z"])[:, k], best.fraction(k, levels), 5e-3)
        close(np.array(shown["traces"][1]["z"])[:, k], plan[k], 5e-3)


def close(shown: Any, computed: Any, within: float) -> None:
    np.testing.assert_allclose(np.asarray(shown, dtype=np.float64), computed, rtol=1e-4, atol=within)


def on_screen(shown: dict[str, Any], trace: int, curve: Any) -> None:
    """That the line which is drawn, from first point to last, is a curve over the periods, to half a percent."""
    x, y = np.array(shown["paths"][str(trace)]).T
    assert (x.min(), x.max()) == pytest.approx((0, len(curve) - 1), abs=0.1)
    np.testing.assert_allclose(y, np.interp(x, np.arange(len(curve)), curve), atol=5e-3 * max(curve))


NOTEBOOKS: dict[str, tuple[float, Callable[[dict[str, Any], float], None]]] = {
    "index": (0.1, check_first_page),
    "03-frontier": (0.5, check_frontier),
    "08-optimum": (0.5, check_optimum),
}
"""The first value of the control of a notebook, and what holds its figure against the package."""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_moved_control_changes_the_curve_on_the_screen(browser: Browser, lab: tuple[str, Path], name: str) -> None:
    first, check = NOTEBOOKS[name]
    page = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    run_all(page, lab[0].format(f"{name}.ipynb"))
    cells = page.locator(".jp-CodeCell", has=page.get_by_role("slider"))
    cells.wait_for()
    cell = cells.element_handle()
    handle = cells.get_by_role("slider")
    handle.scroll_into_view_if_needed()

    def changed() -> dict[str, Any]:
        """What is drawn, once it is no longer what this returned last."""
        new = f"""(cell) => {{
            const state = ({STATE})(cell), text = JSON.stringify(state && state.traces);
            return state && text !== window.before && ((window.before = text), state);
        }}"""
        found: dict[str, Any] = page.wait_for_function(new, arg=cell).json_value()
        return found

    shown = changed()
    check(shown, first)
    value, places = first, set()
    handle.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageDown", "ArrowUp"):
        page.keyboard.press(key)
        shown = changed()
        readout = float(cells.locator(".widget-readout").inner_text())
        assert (readout > value) == (key in ("ArrowRight", "ArrowUp"))
        value = 10 ** (STEP * round(np.log10(readout) / STEP))
        assert readout == pytest.approx(value, rel=5e-3)
        check(shown, value)
        places.add((shown["top"], shown["height"]))
    ((top, _),) = places  # nothing on the page has jumped
    assert top > 0  # below the control
    assert cells.locator(".js-plotly-plot").count() == 1
    assert "Traceback" not in str(page.locator(".jp-Notebook").text_content())
    page.context.close()
