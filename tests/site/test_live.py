"""Live notebooks: every control of the chapters in a kernel, moved, and what is then displayed against the package.

A chapter's control is run as the chapter has it: the cell that builds it, after those statements of the cells before it
that define what it uses. What counts is the display, a figure below the slider as a front end has it, and not an object
in the kernel. ``test_jupyterlab.py`` looks at three of them on a screen.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import re
import symtable
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import jupytext
import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
from nbclient import NotebookClient

import optexec as ox

BOOK = Path(__file__).parents[2] / "book"

WITHOUT = {
    "01-problem": "its figures are of TWAP, which knows no lambda",
    "14-td3-bc": "its agents were trained at lambda = 0.5",
    "15-bcq": "as 14",
    "16-learned": "as 14",
    "19-wrong": "as 14",
    "20-shift": "as 14",
    "21-data": "as 14",
    "22-normal": "its table is the note's, at the note's lambda",
    "23-claims": "its claims are the note's, at the note's lambda",
    "24-note": "its numbers are the note's, at the note's lambda",
    "25-advice": "its agents were trained at lambda = 0.5",
    "26-beyond": "its examples are published ones, at their own lambda",
    "27-your-order": "its own control has the risk aversion beside the file and the order",
    "28-your-agent": "its agent is trained at lambda = 0.5",
}


Cells = list[tuple[str, list[str]]]


def code_cells(notebook: Any) -> Cells:
    """Source and tags of a notebook's code cells."""
    return [(cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells if cell.cell_type == "code"]


CHAPTERS = {
    path.stem: code_cells(jupytext.read(path))
    for path in sorted(BOOK.glob("*.md"))
    if path.stem == "index" or path.stem[:2].isdigit()
}
EXAMPLE = re.findall(
    r"^``````markdown\n(.*?)^``````$", (BOOK.parent / "docs" / "writing.md").read_text("utf-8"), re.M | re.S
)
WITH = [name for name, cells in CHAPTERS.items() if any("remove-output" in tags for _, tags in cells)]


def symbols(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a top-level statement defines, or fills as in ``table[key] = value``, and those that it reads."""
    top = symtable.symtable(ast.unparse(statement), "cell", "exec")
    defined = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    defined |= {table.get_name() for table in top.get_children()}  # functions and classes
    for part in ast.walk(statement):
        if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store) and isinstance(part.value, ast.Name):
            defined.add(part.value.id)
    read, tables = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}, top.get_children()
    while tables:
        table = tables.pop()
        read |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        tables += table.get_children()
    return defined, read


def sliced(statements: list[ast.stmt], wanted: set[str]) -> Iterator[ast.stmt]:
    """Those of the statements, last first, that define what is wanted, or what those use in turn."""
    for statement in reversed(statements):
        defined, read = symbols(statement)
        if defined & wanted and not isinstance(statement, ast.Assert):
            wanted |= read
            yield statement


class Live:
    """The cell of a control, run in a kernel after what it needs."""

    def __init__(self, client: NotebookClient, scope: dict[str, Any]) -> None:
        self.client = client
        self.scope = scope
        """The names that the control was built from, here."""

    def run(self, source: str) -> list[Any]:
        """The outputs of a cell."""
        cells = self.client.nb.cells
        cells.append(nbformat.v4.new_code_cell(source))  # type: ignore[no-untyped-call]
        outputs: list[Any] = self.client.execute_cell(cells[-1], len(cells) - 1).outputs
        return outputs

    def show(self, source: str) -> None:
        """Run the cell of the control, which displays one widget and nothing else."""
        (output,) = self.run(source)
        self.root = output["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]

    def widgets(self, root: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Every widget that is displayed, from top to bottom, with its state."""
        state = self.client.widget_state[root or self.root]
        yield root or self.root, state
        for child in state.get("children", ()):
            yield from self.widgets(child.removeprefix("IPY_MODEL_"))

    def controls(self) -> dict[str, dict[str, Any]]:
        """The state of the widgets that hold a value, by what stands beside them."""
        return {state["description"]: state for _, state in self.widgets() if "value" in state}

    def output(self) -> Any:
        """What is displayed below the controls."""
        *_, (_, last) = self.widgets()
        (output,) = last["outputs"]
        return output

    def figure(self) -> go.Figure:
        """The figure below the controls."""
        output = self.output()
        assert output["output_type"] == "display_data", output
        return go.Figure(decoded(output["data"]["application/vnd.plotly.v1+json"]), skip_invalid=True)

    def move(self, description: str, value: object) -> None:
        """Set one of the controls as a front end does, by a message to its widget."""
        (model,) = (model for model, state in self.widgets() if state.get("description") == description)
        message = {"content": {"data": {"method": "update", "state": {"value": value}}}}
        assert self.run(f"get_ipython().kernel.comm_manager.get_comm({model!r}).handle_msg({message!r})") == []


def decoded(value: Any) -> Any:
    """A figure's JSON with its arrays as arrays."""
    if isinstance(value, dict):
        if "bdata" in value:
            shape = [int(size) for size in str(value.get("shape", -1)).split(",")]
            return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).reshape(shape)
        return {key: decoded(child) for key, child in value.items()}
    return [decoded(child) for child in value] if isinstance(value, list) else value


@contextlib.contextmanager
def live(cells: Cells) -> Iterator[Live]:
    """The control of a notebook, in a kernel."""
    (index,) = (i for i, (_, tags) in enumerate(cells) if "remove-output" in tags)
    control = cells[index][0]
    before = [statement for source, _ in cells[:index] for statement in ast.parse(source).body]
    wanted = set().union(*(symbols(statement)[1] for statement in ast.parse(control).body))
    needed = ast.Module([*reversed(list(sliced(before, wanted)))], [])
    *own, _ = ast.parse(control).body
    scope: dict[str, Any] = {}
    client = NotebookClient(
        nbformat.v4.new_notebook(),  # type: ignore[no-untyped-call]
        timeout=600,
        startup_timeout=600,
        iopub_timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(BOOK)}},
    )
    with (
        contextlib.chdir(BOOK),
        mock.patch("nbclient.output_widget.OutputWidget.sync_state", return_value=None),  # as in the build
        client.setup_kernel(),
    ):
        exec(compile(ast.Module([*needed.body, *own], []), "cells", "exec"), scope)
        found = Live(client, scope)
        found.run(ast.unparse(needed))
        found.show(control)
        yield found


def y(figure: go.Figure, name: str, which: int = 0) -> Any:
    """The vertical data of a figure's trace by name."""
    return np.asarray([trace for trace in figure.data if trace.name == name][which].y, dtype=np.float64)


def close(shown: Any, computed: Any, within: float) -> None:
    """That a figure shows what was computed, to the last digit that it keeps."""
    np.testing.assert_allclose(np.asarray(shown, dtype=np.float64), computed, rtol=1e-5, atol=within)


def check_index(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    plan = ox.almgren_chriss(at)
    held, sold, point = figure.data[4], figure.data[5], figure.data[6]
    close(held.y, plan.inventory, 0.1)
    close(sold.y, plan.trades, 0.1)
    close([point.x[0], point.y[0]], [plan.variance**0.5, plan.expected_cost], 0.1)


def check_02(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    close(y(figure, "Almgren–Chriss"), ox.almgren_chriss(at).inventory, 1e-3)
    close(figure.data[4].x[0], ox.half_life(at), 1e-6)


def check_03(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    plan = ox.almgren_chriss(at)
    close(y(figure, "Almgren–Chriss"), plan.inventory, 1e-2)
    close(y(figure, "the schedule"), [plan.expected_cost], 0.1)
    close(y(figure, "J"), [plan.expected_cost + at.risk_aversion * plan.variance], 0.5)


def check_04(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    close(y(figure, "AC in calendar time"), ox.almgren_chriss(at).trades, 0.01)
    close(y(figure, "AC in calendar time", 1)[0], 0.0, 0.01)  # the best there is on that clock
    assert y(figure, "AC in volume time", 1)[0] >= 0


def check_05(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    close(y(figure, "AC"), ox.almgren_chriss(at).trades, 0.02)
    close(y(figure, "best static"), ox.best_static(at).trades, 0.02)


def check_06(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    run = ox.simulate(at, ox.almgren_chriss(at), 1, scope["SEED"])
    close(y(figure, "x/X"), run.inventory[0] / at.order.shares, 1e-4)
    close(y(figure, "reward").sum(), -(run.shortfall[0] + run.running_risk[0]), 0.5)


def check_07(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    table = ox.evaluate(at, {"optimum": ox.optimum(at), "TWAP": ox.twap(at)}, 10_000, scope["SEED"])
    dots = {trace.legendgroup: trace.x[0] for trace in figure.data if trace.mode == "markers"}
    close([dots["optimum"], dots["TWAP"]], table["is_mean"], 0.1)


def check_08(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    best, plan, levels = ox.optimum(at), ox.almgren_chriss(at).fractions, np.asarray(figure.data[0].y)
    for k in (0, 9, 18):
        close(np.array(figure.data[0].z)[:, k], best.fraction(k, levels), 5e-3)
        close(np.array(figure.data[1].z)[:, k], plan[k], 5e-3)
        close(np.array(figure.data[2].z)[:, k], best.fraction(k, levels) / plan[k], 5e-3)


def check_09(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    makers = scope["makers"]
    table = ox.evaluate(at, {name: make(at) for name, make in makers.items()}, 8_192, scope["SEED"])
    values = table[["objective", "objective_mv", "cvar95"]].to_numpy()
    shown = {name: trace.y for trace in figure.data if trace.legend == "legend2" for name in trace.name.split(", ")}
    assert set(shown) == set(makers)
    ranks = np.array([shown[name] for name in makers])
    close(ranks.sum(axis=0), len(makers) * (len(makers) + 1) / 2, 1e-9)
    lower = values[:, None] < values[None, :]
    assert (lower == (ranks[:, None] < ranks[None, :]))[ranks[:, None] != ranks[None, :]].all()  # those not shared
    assert (ranks.max(axis=0) > ranks.min(axis=0)).all()


def check_10(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    drops = list(scope["drops"])
    close(y(figure, "optimum, normal market"), 1000 * ox.optimum(at).fraction(0, 1.0), 0.02)
    told = at.replace(liquidity=ox.Shocks(ox.OrnsteinUhlenbeck(floor=0.01), probability=0.05, size=-0.9))
    close(y(figure, "optimum, told")[drops.index(0.9)], 1000 * ox.optimum(told).fraction(0, 1.0), 0.02)


def check_11(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    plan, least = ox.almgren_chriss(at), ox.optimum(at).value
    wrong = at.replace(temporary=2 * at.market.temporary, volatility=at.market.volatility / 2)
    regrets = np.array(figure.data[0].customdata)  # of AC, (volatility, impact)
    close(regrets[3, 3], ox.exact_objective(at, plan) - least, 0.02)
    close(regrets[0, -1], ox.exact_objective(at, ox.almgren_chriss(wrong)) - least, 0.02)
    close(np.array(figure.data[3].customdata)[3, 3], 0.0, 0.02)  # the optimum of the truth


def check_12(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    here = at.replace(slippage=scope["slippages"][2])
    rules = {"filtered": ox.filtered(here, ox.optimum(here))}
    table = ox.evaluate(here, rules, 2_000, scope["SEED"], observe_liquidity=False)
    close(y(figure, "optimum, filtered")[2], table.loc["filtered", "gap_closed"], 1e-3)


def check_13(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    levels, period = scope["levels"], scope["periods"][1]
    close(y(figure, "optimum"), (20 - period) * ox.optimum(at).fraction(period, levels), 1e-2)


def check_17(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    problem = scope["problems"]["liquidity_shocks"].replace(risk_aversion=at.risk_aversion)
    run = ox.simulate(problem, ox.best_static(problem), 1, scope["SCORING"].episodes, first=scope["i"])
    close(y(figure, "best static"), run.trades[0], 0.01)


def check_18(figure: go.Figure, at: ox.Problem, scope: dict[str, Any]) -> None:
    problem = scope["markets"]["participation"].replace(risk_aversion=at.risk_aversion)
    run = ox.simulate(problem, ox.rolling(problem), 1_000, scope["SEED"])
    room = np.minimum(0.007 * problem.market.volume * run.liquidity, run.inventory[:, :-1])
    close(y(figure, "rolling"), 100 * (run.trades > 0.99 * room)[:, :-1].mean(axis=0), 0.1)


CHECKS: dict[str, Callable[[go.Figure, ox.Problem, dict[str, Any]], None]] = {
    "02-almgren-chriss": check_02,
    "03-frontier": check_03,
    "04-liquidity": check_04,
    "05-impact": check_05,
    "06-environment": check_06,
    "07-benchmarks": check_07,
    "08-optimum": check_08,
    "09-objectives": check_09,
    "10-stress": check_10,
    "11-parameters": check_11,
    "12-hidden": check_12,
    "13-offline-data": check_13,
    "17-markets": check_17,
    "18-constraints": check_18,
    "index": check_index,
}


def test_a_chapter_has_a_control_unless_lambda_is_out_of_its_hands() -> None:
    assert sorted({*WITH, *WITHOUT}) == sorted(CHAPTERS)
    assert sorted([*CHECKS, "27-your-order"]) == sorted(WITH)


@pytest.mark.parametrize("name", CHECKS)
def test_a_control_shows_what_the_package_computes(name: str) -> None:
    """When it is first shown, at both ends, and between them."""
    with live(CHAPTERS[name]) as shown:
        own = shown.scope.get("mine", shown.scope.get("my_order", ox.presets.stochastic()))
        own = own["stochastic liquidity"] if isinstance(own, dict) else own
        (slider,) = shown.controls().values()
        assert slider["description"] == "risk aversion λ (1/$)"
        assert not slider["continuous_update"]  # a figure a stop, not a figure a pixel
        CHECKS[name](shown.figure(), own.replace(risk_aversion=slider["value"]), shown.scope)
        for place in (0.0, 0.55, 1.0):
            shown.move(slider["description"], 10 ** (slider["min"] + place * (slider["max"] - slider["min"])))
            (moved,) = shown.controls().values()
            CHECKS[name](shown.figure(), own.replace(risk_aversion=moved["value"]), shown.scope)


def test_the_control_of_an_order_shows_its_plan() -> None:
    """Chapter 27: file, order, shares outstanding and risk aversion, and none of them while it is being typed."""
    with live(CHAPTERS["27-your-order"]) as shown:
        scope = shown.scope
        calibration = scope["calibrate"]("data/bars.csv")
        assert not any(state["continuous_update"] for state in shown.controls().values())
        for name, value in {"draws": 20, "shares": 500_000, "millions": 2_000.0, "log_risk": -4.0}.items():
            shown.move(name, value)
            at = {name: state["value"] for name, state in shown.controls().items()}
            law = scope["Almgren2005"](outstanding=1e6 * at["millions"])
            order = ox.Order(shares=at["shares"], periods=calibration.bars)
            problem = calibration.problem(order, law, risk_aversion=10 ** at["log_risk"])
            close(y(shown.figure(), "plan"), ox.almgren_chriss(problem).inventory, 0.1)
        shown.move("file", "data/none.csv")
        assert shown.output()["ename"] == "FileNotFoundError"


def test_the_control_of_the_example_shows_its_figure() -> None:
    """The chapter in docs/writing.md."""
    (example,) = EXAMPLE
    with live(code_cells(jupytext.reads(example, fmt="md:myst"))) as shown:
        for kappa in (0.2, 0.4):
            shown.move("kappa", kappa)
            close(shown.figure().data[0].y[7], 1000 * np.sinh(kappa * 13) / np.sinh(kappa * 20), 1e-3)
