"""*Almgren-Chriss derived*: what its formulas come to in numbers, and what they are checked against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas.io.formats.style import Styler

import optexec as ox
from optexec.figures.schedules import holdings
from optexec.figures.style import CAUSES, COLOURS, CONTRAST
from report.live import live_control
from report.plot import Plot

__all__ = [
    "NoisyFills",
    "Published",
    "Refining",
    "Valley",
    "cost_of_urgency",
    "holdings_control",
    "noisy_fills",
    "published",
    "published_table",
    "refined_table",
    "refining",
    "valley",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Refining:
    """The urgency of one order cut into ever shorter periods [1/time]."""

    cuts: pd.DataFrame
    """a row a number of periods"""
    limit: float
    """what the urgency falls to"""
    limit_horizon: float
    """the limit times the horizon"""
    own: float
    """the urgency at the order's own number of periods"""
    above: float
    """and by how much that is above the limit [%]"""


def refining(problem: ox.Problem, cuts: Sequence[ox.Problem]) -> Refining:
    """How the urgency comes down to that of continuous time, and how the first correction predicts it.

    Args:
        problem: an order in periods of length one, so that its impact is per unit of rate, too.
        cuts: the same order in more and shorter periods, the same impact by rate.
    """
    market, size = problem.market, problem.order.periods
    limit = (problem.risk_aversion * market.volatility**2 / market.temporary) ** 0.5
    urgencies = np.array([ox.urgency(cut) for cut in cuts])
    lengths = [cut.order.dt for cut in cuts]
    table = pd.DataFrame(
        {
            "periods": [cut.order.periods for cut in cuts],
            "length": lengths,
            "urgency": urgencies,
            "above": 100 * (urgencies / limit - 1),
            "predicted": [100 * (market.permanent * length / (4 * market.temporary)) for length in lengths],
        }
    ).set_index("periods")
    found = Refining(table, limit, size * limit, table["urgency"][size], table["above"][size])
    finest = table.iloc[-1]
    assert abs(finest["above"] / finest["predicted"] - 1) < 0.01
    assert table["urgency"].is_monotonic_decreasing
    assert abs(limit - 0.141421) < 1e-6
    assert abs(found.own - ox.urgency(problem)) < 1e-15
    return found


def refined_table(found: Refining) -> Styler:
    """The urgency by number of periods."""
    columns = {
        "periods": ("periods", "{:d}"),
        "length": ("period length", "{:g}"),
        "urgency": ("κ (1/time)", "{:.5f}"),
        "above": ("above the limit (%)", "{:.3f}"),
        "predicted": ("predicted (%)", "{:.3f}"),
    }
    shown = found.cuts.reset_index().rename(columns={name: label for name, (label, _) in columns.items()})
    return shown.style.hide().format(dict(columns.values()))


@dataclass(frozen=True)
class Valley:
    """J along the sinh schedules of every urgency."""

    lowest: float
    """J at the bottom [$]"""
    off: float
    """what an urgency 20% too high adds to it [% of the lowest J]"""
    stretched: float
    """by how much lambda sigma^2 / eta~ must be overestimated for that [%]"""


def valley(objective: Callable[[float], float], urgency: float) -> Valley:
    """How flat J is around the best urgency.

    Args:
        objective: J of the sinh schedule of an urgency [$].
        urgency: the best one [1/period].
    """
    lowest, steeper = objective(urgency), 1.2 * urgency
    found = Valley(
        lowest=lowest,
        off=100 * (objective(steeper) / lowest - 1),
        stretched=100 * ((np.cosh(steeper) - 1) / (np.cosh(urgency) - 1) - 1),
    )
    assert abs(found.lowest - 1790.43) < 0.01
    assert 0 < found.off < 1.5
    return found


@dataclass(frozen=True)
class Published:
    """The example of Almgren and Chriss (2000)."""

    plans: pd.DataFrame
    """a row a plan: rates [1/day, days], moments of IS [$] and what is left after each of four days [shares]"""
    half_life: float
    """days"""
    e_folding_time: float
    """days"""
    halved: float
    """when the holdings, read as a curve, have halved [days]"""
    dearer: float
    """what the averse plan costs more than TWAP, expected [$]"""
    steadier: float
    """by how much its standard deviation is lower [%]"""


def published(averse: ox.Schedule, even: ox.Schedule, at_once: ox.Schedule) -> Published:
    """Three plans for the published order against the published numbers."""
    paper = averse.problem
    urgency, horizon = ox.urgency(paper), paper.order.periods * paper.order.dt
    rates = {"κ (1/day)": urgency, "1/κ (days)": 1 / urgency, "ln 2/κ (days)": np.log(2) / urgency}
    rows = {"λ = 1e-6": averse, "λ = 0 (TWAP)": even, "all in the first period": at_once}
    plans = pd.DataFrame(
        [[*[np.nan] * 3, plan.expected_cost, plan.variance**0.5, *plan.inventory[1:5]] for plan in rows.values()],
        index=list(rows),
        columns=[*rates, "E[IS] ($)", "std ($)", "x₁", "x₂", "x₃", "x₄"],
    )
    plans.loc["λ = 1e-6", list(rates)] = list(rates.values())
    found = Published(
        plans=plans,
        half_life=ox.half_life(paper),
        e_folding_time=ox.e_folding_time(paper),
        # sinh(kappa (T - t)) / sinh(kappa T) = 1/2
        halved=horizon - np.arcsinh(np.sinh(urgency * horizon) / 2) / urgency,
        dearer=averse.expected_cost - even.expected_cost,
        steadier=100 * (1 - (averse.variance / even.variance) ** 0.5),
    )
    _check_published(found)
    return found


def _check_published(found: Published) -> None:
    row = found.plans.loc["λ = 1e-6"]
    assert abs(row["κ (1/day)"] - 0.607076) < 1e-6
    assert abs(row["1/κ (days)"] - 1.6472) < 1e-4
    assert abs(row["E[IS] ($)"] - 911_226.99) < 0.01
    assert abs(row["std ($)"] - 603_430.67) < 0.01
    assert np.abs(row["x₁":] - [541_955.6, 289_854.2, 147_897.5, 62_141.8]).max() < 0.05
    row = found.plans.loc["λ = 0 (TWAP)"]
    assert abs(row["E[IS] ($)"] - 662_500) < 1e-6
    assert abs(row["std ($)"] - 1_040_672.86) < 0.01
    assert np.allclose(row["x₁":], [800_000, 600_000, 400_000, 200_000])
    row = found.plans.loc["all in the first period"]
    assert abs(row["E[IS] ($)"] - 2_562_500) < 1e-6
    assert row["std ($)"] == 0
    assert found.halved < found.half_life < found.e_folding_time


def published_table(found: Published) -> Styler:
    """The published example, a column a plan."""
    rates = pd.IndexSlice["κ (1/day)":"ln 2/κ (days)", :]
    return found.plans.T.style.format("{:,.0f}").format("{:.4f}", subset=rates, na_rep="–")


@dataclass(frozen=True)
class NoisyFills:
    """What an error of every fill does to the plan of least E[IS] + lambda Var[IS]."""

    slower: float
    """how much lower its urgency is [%]"""
    lost: float
    """what planning without the error adds to the criterion [%]"""


def noisy_fills(problem: ox.Problem, slippage: float) -> NoisyFills:
    """The plan that knows of errors with this standard deviation [$/share], against the one that does not."""
    noisy = problem.replace(slippage=slippage)
    extra = noisy.risk_aversion * noisy.market.slippage**2
    adjusted = problem.replace(temporary=problem.market.temporary + extra)

    def mean_variance(trades: Array) -> float:
        plan = ox.Schedule(noisy, trades)
        return plan.expected_cost + noisy.risk_aversion * plan.variance

    best, plain = ox.almgren_chriss(adjusted).trades, ox.almgren_chriss(problem).trades
    lowest = mean_variance(best)
    for wiggle in np.random.default_rng(0).normal(size=(100, problem.order.periods)):
        assert mean_variance(best + wiggle - wiggle.mean()) > lowest
    found = NoisyFills(
        slower=100 * (1 - ox.urgency(adjusted) / ox.urgency(problem)), lost=100 * (mean_variance(plain) / lowest - 1)
    )
    assert found.slower > 0
    assert 0 < found.lost < 1e-2
    return found


def holdings_control(problem: ox.Problem, low: float = 1e-3, high: float = 1e2) -> Any:
    """A live ipywidgets control of lambda over `holdings`, for notebooks with a kernel."""
    return live_control(lambda risk_aversion: holdings(problem, [risk_aversion]), problem.risk_aversion, low, high)


def cost_of_urgency(
    expected: Callable[[float], float], risk: Callable[[float], float], best: float, kappas: Array
) -> go.Figure:
    """Expected cost, lambda times variance and their sum for sinh schedules of any urgency, and the best one.

    Args:
        expected: E[IS] of the schedule of an urgency [$].
        risk: lambda Var[IS] of the same [$].
        best: the urgency that the first-order condition asks for [1/period].
        kappas: urgencies to draw [1/period], ascending.
    """
    costs, risks = (np.array([cost(kappa) for kappa in kappas]) for cost in (expected, risk))
    total = costs + risks
    lowest = float(np.interp(best, kappas, total))
    plot = Plot()
    for name, y, colour, dash in (
        ("E[IS]", costs, CAUSES["temporary"], "dash"),
        ("λ Var[IS]", risks, CAUSES["timing"], "dot"),
        ("their sum", total, COLOURS["AC"], "solid"),
    ):
        plot.line(kappas, np.round(y, 3), colour, dash=dash, name=name)
    plot.line([best, best], [lowest, 0], CONTRAST, 2, "dash", marks=[11, 0], name="κ of the difference equation")
    plot.x("urgency κ (1/period)", [0, float(np.max(kappas))])
    plot.y("cost ($)", [0, 1.05 * float(total.max())])
    return plot.done(
        "Expected cost rises and the cost of risk falls with the urgency of the schedule; their sum is lowest at "
        "the urgency that the difference equation gives.",
        height=400,
    )
