"""The first page: what minding risk costs, the report's finding, and each policy's distance from the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

import optexec as ox
from optexec.figures.schedules import trade_off
from optexec.figures.style import COLOURS, NEUTRAL
from optexec.problem import Problem
from report import claims
from report.agents import published
from report.live import live_control
from report.plot import Plot, whiskers

__all__ = [
    "Distances",
    "Finding",
    "Hurry",
    "above_optimum",
    "distances",
    "finding",
    "hurry",
    "risk_slider",
    "trade_offs",
]


@dataclass(frozen=True)
class Hurry:
    """What the Almgren–Chriss schedule of the note pays more than TWAP, and for what."""

    extra_cost: float
    """expected cost above TWAP's [$]"""
    less_risk: float
    """standard deviation of the cost below TWAP's [%]"""
    half_life: float
    """of its holdings [periods]"""


def hurry(note: Problem) -> Hurry:
    """Cost and risk of the Almgren–Chriss schedule beside TWAP's."""
    plan, even = ox.almgren_chriss(note), ox.twap(note)
    assert plan.expected_cost > even.expected_cost
    assert plan.variance < even.variance
    return Hurry(
        extra_cost=plan.expected_cost - even.expected_cost,
        less_risk=100 * (1 - (plan.variance / even.variance) ** 0.5),
        half_life=ox.half_life(note),
    )


def trade_offs(note: Problem) -> go.Figure:
    """The frontier with a slider of lambda that stops at TWAP, at the least L-VaR and at the original note's."""
    marks = {"TWAP": 0.0, "95% L-VaR": ox.lvar_risk_aversion(note, 0.95), "original note": note.risk_aversion}
    risk_aversions = sorted({*marks.values(), *np.geomspace(0.0025, 2.0, 36)})
    return trade_off(note, risk_aversions, note.risk_aversion, marks)


@dataclass(frozen=True)
class Finding:
    """The report's finding in three sentences."""

    claims: str
    """of the original note: how many hold"""
    adapting: str
    """what it is worth, and who gets how much of it"""
    learning: str
    """when it wins"""


def finding() -> Finding:
    """The report's finding, as the README states it."""
    return Finding(*claims.finding())


@dataclass(frozen=True)
class Distances:
    """J of every policy in the default market, and of the optimum below them [$]."""

    objectives: dict[str, float]
    optimum: float
    intervals: dict[str, tuple[float, float]]
    """ends of the 95% interval of those that are learned"""


def distances(problem: Problem) -> Distances:
    """J of schedules and the rolling rule, exactly, and of the published learners from the gap that they close."""
    policies: dict[str, ox.Policy] = {
        "TWAP": ox.twap(problem),
        "VWAP": ox.vwap(problem),
        "AC": ox.almgren_chriss(problem),
        "best static": ox.best_static(problem),
        "rolling": ox.rolling(problem),
    }
    objectives = {name: ox.exact_value(problem, policy) for name, policy in policies.items()}
    optimum, static = ox.optimum(problem).value, objectives["best static"]
    intervals = {}
    for name, study in {"TD3+BC": "td3bc-mixture-8logs", "BCQ": "bcq-mixture-8logs"}.items():
        closed: Any = published.results().loc[study]
        objectives[name], low, high = (static - closed[end] * (static - optimum) for end in ("value", "high", "low"))
        assert low < objectives["rolling"] < high  # not told apart
        intervals[name] = (low, high)
    assert objectives["TWAP"] > objectives["VWAP"] > objectives["AC"] > static
    assert optimum < min(objectives["rolling"], objectives["TD3+BC"], objectives["BCQ"]) < static
    assert (objectives["AC"] - static) / static < 0.001 < 0.01 < (static - optimum) / optimum
    return Distances(objectives, optimum, intervals)


def above_optimum(
    problem: Problem,
    objectives: Mapping[str, float],
    optimum: float,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> go.Figure:
    """Each policy's J above the exact optimum in percent, a dot a policy on a logarithmic scale; the report's cover.

    Args:
        problem: order and market, for the description.
        objectives: J by policy [$], all above ``optimum``, in the order in which they are shown from the top.
        optimum: V_0 [$].
        intervals: ends of the 95% interval of J [$] of those that are estimated.
    """
    names, ends = list(objectives), dict(intervals or {})
    J = np.array([(value, *ends.get(name, (value, value))) for name, value in objectives.items()])
    value, low, high = 100 * (J.T / optimum - 1)
    plot, error = Plot(), whiskers(value, low, high, NEUTRAL, 2)
    colours = [COLOURS[name] for name in names]
    plot.dots(value, names, colours, 13, error_x=error, cliponaxis=False, hover="%{y}: %{x:.2g}%")
    plot.words(high, names, [f"   {excess:.2g}%" for excess in value], "middle right", cliponaxis=False)
    plot.x("above the exact optimum (% of J)", [low.min() / 2, 3 * high.max()], log=True, dtick=1)
    plot.y(autorange="reversed")
    said = (
        f"{name} {excess:.2g}%" + (f" ({least:.2g} to {most:.2g})" if most > least else "")
        for name, excess, least, most in zip(names, value, low, high, strict=True)
    )
    return plot.done(f"J above the exact optimum over {problem.order.periods} periods: {', '.join(said)}", height=300)


def risk_slider(problem: Problem, low: float = 1e-3, high: float = 1e1) -> Any:
    """A live ipywidgets control of lambda over `trade_off`, for notebooks with a kernel."""
    return live_control(lambda risk_aversion: trade_off(problem, [risk_aversion]), problem.risk_aversion, low, high)
