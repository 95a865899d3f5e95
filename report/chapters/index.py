"""The first page: what minding risk costs, the report's finding, and each policy's distance from the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

import optexec as ox
from optexec.figures.schedules import trade_off
from optexec.figures.style import COLOURS, NEUTRAL, finish
from optexec.problem import Problem
from report import claims
from report.agents import published
from report.live import live_control

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
    ends = {name: (value, value) for name, value in objectives.items()} | dict(intervals or {})
    excess = {name: 100 * (value / optimum - 1) for name, value in objectives.items()}
    low, high = ({name: 100 * (ends[name][side] / optimum - 1) for name in excess} for side in (0, 1))
    names = list(excess)
    figure = go.Figure()
    figure.add_scatter(
        x=list(excess.values()),
        y=names,
        mode="markers",
        marker={"size": 13, "color": [COLOURS[name] for name in names]},
        error_x={
            "array": [high[name] - excess[name] for name in names],
            "arrayminus": [excess[name] - low[name] for name in names],
            "color": NEUTRAL,
            "thickness": 2,
        },
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{y}: %{x:.2g}%<extra></extra>",
    )
    figure.add_scatter(
        x=[high[name] for name in names],
        y=names,
        mode="text",
        text=[f"   {excess[name]:.2g}%" for name in names],
        textposition="middle right",
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(
        type="log",
        dtick=1,
        title="above the exact optimum (% of J)",
        range=np.log10([min(low.values()) / 2, 3 * max(high.values())]).tolist(),
    )
    figure.update_yaxes(autorange="reversed")
    return finish(
        figure,
        height=300,
        alt=f"J above the exact optimum over {problem.order.periods} periods: "
        + ", ".join(
            f"{name} {excess[name]:.2g}%"
            + (f" ({low[name]:.2g} to {high[name]:.2g})" if high[name] > low[name] else "")
            for name in names
        ),
    )


def risk_slider(problem: Problem, low: float = 1e-3, high: float = 1e1) -> Any:
    """A live ipywidgets control of lambda over `trade_off`, for notebooks with a kernel."""
    return live_control(lambda risk_aversion: trade_off(problem, [risk_aversion]), problem.risk_aversion, low, high)
