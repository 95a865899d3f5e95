"""*Your own agent*: what a hand-made rule, an online learner and two logs of the rule come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

import optexec as ox
from optexec.evaluation import plus_minus
from optexec.figures.style import COLOURS, CONTRAST, NEUTRAL
from report.plot import Plot

__all__ = [
    "Blind",
    "Logs",
    "Memory",
    "Scan",
    "Stressed",
    "blind",
    "evaluated",
    "learning",
    "learning_curve",
    "log_table",
    "logs",
    "memory",
    "scan",
    "strength_curve",
    "stress_table",
    "stressed",
    "valley_curve",
    "verdict",
]

Array = NDArray[np.float64]


def _best_and_static(problem: ox.Problem) -> tuple[float, float]:
    """J of the optimum and of the best schedule [$]."""
    return ox.optimum(problem).value, ox.exact_objective(problem, ox.best_static(problem))


def _estimate(row: Any, column: str, digits: int, factor: float = 1) -> str:
    """An estimate with its half-width; what is 0 by definition has none."""
    value, half = factor * row[column], factor * row[f"{column}_ci"]
    return "0" if value == half == 0 else plus_minus(value, half, digits).replace("-", "−")


def evaluated(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of `optexec.evaluate` that this chapter reads."""
    return pd.DataFrame(
        {
            name: {
                "J ($)": _estimate(row, "objective", 1),
                "J − J of TWAP ($)": _estimate(row, "diff", 1),
                "gap closed (%)": _estimate(row, "gap_closed", 1, 100),
            }
            for name, row in table.iterrows()
        }
    ).T.rename_axis("policy")


@dataclass(frozen=True)
class Scan:
    """A rule with one number, and the best value of that number; exactly, unless simulated."""

    mine: float
    """gap closed by the rule as it was written down [%]"""
    simulated: str
    """the same with its 95% interval"""
    strength: float
    """the best value"""
    above: float
    """J above the optimum's with it [$]"""
    closed: float
    """gap closed with it [%]"""


def scan(problem: ox.Problem, mine: ox.Policy, table: pd.DataFrame, strengths: Array, valley: Array) -> Scan:
    """What the rule closes as written, and at the bottom of the valley of J (n,) [$] over its strengths (n,)."""
    best, static = _best_and_static(problem)
    lowest = int(np.argmin(valley))
    closed, row = (static - ox.exact_value(problem, mine)) / (static - best), table.loc["mine"]
    assert np.isclose(valley[0], ox.exact_value(problem, ox.almgren_chriss(problem)), rtol=1e-6)
    assert 0 < valley[lowest] - best < 1
    assert 0.7 < strengths[lowest] < 1.0
    assert abs(row["gap_closed"] - closed) < 2 * row["gap_closed_ci"]
    return Scan(
        mine=100 * closed,
        simulated=_estimate(row, "gap_closed", 1, 100),
        strength=strengths[lowest],
        above=valley[lowest] - best,
        closed=100 * (static - valley[lowest]) / (static - best),
    )


def valley_curve(problem: ox.Problem, strengths: Array, valley: Array) -> go.Figure:
    """`strength_curve` beside the best schedule, the rolling rule and the optimum."""
    best, static = _best_and_static(problem)
    rolling = ox.exact_value(problem, ox.rolling(problem))
    return strength_curve(strengths, valley, {"best static": static, "rolling": rolling, "optimum": best})


def stress_table(table: pd.DataFrame) -> pd.DataFrame:
    """J by policy and scenario with 95% intervals, from the table of `optexec.stress.run`."""
    chosen = ["TWAP", "AC", "rolling", "optimum", "mine", "optimum, told"]
    shown = table.assign(J=[_estimate(row, "objective", 0) for _, row in table.iterrows()])
    wide = shown.pivot_table(index="policy", columns="scenario", values="J", aggfunc="first")
    wide = wide.loc[chosen, list(table["scenario"].unique())]
    return wide.rename(columns=lambda name: name.replace("_", " ")).rename_axis(columns=None)


@dataclass(frozen=True)
class Stressed:
    """J by policy in two scenarios [$]."""

    collapse: dict[str, float]
    shocks: dict[str, float]


def stressed(table: pd.DataFrame) -> Stressed:
    """How the rule does in markets that it was not told of."""
    J = table.pivot_table(index="policy", columns="scenario", values="objective")
    collapse, shocks, spike = (J[name] for name in ("liquidity_collapse", "liquidity_shocks", "volatility_spike"))
    assert shocks["mine"] < shocks["AC"]
    assert collapse["TWAP"] < collapse["mine"] < collapse["AC"]
    assert collapse["rolling"] > 1.2 * collapse["mine"]
    assert spike["mine"] > 1.5 * spike["optimum, told"]
    return Stressed(
        collapse={"mine": collapse["mine"], "twap": collapse["TWAP"], "rolling": collapse["rolling"]},
        shocks={"mine": shocks["mine"], "ac": shocks["AC"]},
    )


def verdict(problem: ox.Problem, curve: Sequence[Any], steps: int, mine: ox.Policy) -> str:
    """What came of PPO after so many environment steps, or that nothing was trained.

    Args:
        problem: the market.
        curve: rows of `optexec.evaluate`, the last one that of the trained agent; none if nothing was trained.
        steps: of the environment.
        mine: the rule of the page.
    """
    if not curve:
        return (
            "In this build stable_baselines3 was not installed, so that nothing was trained, and the figure below "
            "shows the lines alone."
        )
    from importlib.metadata import version

    best, static = _best_and_static(problem)
    final = curve[-1]
    J, half = final["objective"], final["objective_ci"]
    assert best < J < static  # where the caption puts it
    gap = _estimate(final, "gap_closed", 0, 100) + "%"
    side = "below" if J + half < static else "above" if J - half > static else "not distinguishable from"
    costs = {
        "TWAP": ox.exact_objective(problem, ox.twap(problem)),
        "the best fixed schedule": static,
        "PPO": J,
        "the rule of this page": ox.exact_value(problem, mine),
    }
    order = ", ".join(f"{name} ({costs[name]:,.0f} dollars)" for name in sorted(costs, key=lambda name: -costs[name]))
    return (
        f"In this build PPO (stable-baselines3 {version('stable_baselines3')}, default settings, seed 0) was trained "
        f"for {steps:,} steps, which are {steps // 20:,} episodes. Its J is {J:,.1f} ± {half:.1f} dollars, {side} that "
        f"of the best fixed schedule: it closes {gap} of the gap. The prediction's order, from the dearest: {order}."
    )


def learning(problem: ox.Problem, curve: Sequence[Any], steps: int) -> go.Figure:
    """`learning_curve` of evaluations every so many steps, beside TWAP, the best schedule and the optimum."""
    best, static = _best_and_static(problem)
    lines = {"TWAP": ox.exact_objective(problem, ox.twap(problem)), "best static": static, "optimum": best}
    at = [steps * (i + 1) for i in range(len(curve))]
    return learning_curve(at, [row["objective"] for row in curve], [row["objective_ci"] for row in curve], lines)


@dataclass(frozen=True)
class Logs:
    """Two logs of the rule, as it trades (quiet) and disturbed (noisy): J in $."""

    cost: dict[str, float]
    """of who traded, disturbance included"""
    inside: dict[str, float]
    """of the optimum's decisions, in the middle 95% of the log's [%]"""
    bcq: dict[str, float]
    """of agents trained on it"""
    td3bc: dict[str, float]


def logs(problem: ox.Problem, data: Mapping[str, Any], agents: Mapping[tuple[str, str], Any]) -> Logs:
    """What the logs cost and teach.

    Args:
        problem: the market.
        data: by name of the log, quiet and noisy.
        agents: by log and algorithm.
    """
    cost = {log: -each.rewards("expected").sum() / each.episodes for log, each in data.items()}
    inside = {log: 100 * ox.offline.overlap(each) for log, each in data.items()}
    learned = {key: ox.exact_value(problem, agent) for key, agent in agents.items()}
    assert min(learned["quiet", name] for name in ("bcq", "td3bc")) > cost["quiet"]  # neither is as good as who traded
    assert max(learned["noisy", name] for name in ("bcq", "td3bc")) < cost["noisy"]  # both are better
    assert learned["noisy", "bcq"] < learned["quiet", "bcq"]
    assert inside["quiet"] < 90 < inside["noisy"]
    bcq, td3bc = ({log: learned[log, name] for log in data} for name in ("bcq", "td3bc"))
    return Logs(cost, inside, bcq, td3bc)


def log_table(found: Logs) -> pd.DataFrame:
    """The two logs as a table."""
    names = {"quiet": "as it trades", "noisy": "disturbed by 40%"}
    return pd.DataFrame(
        {
            name: {
                "J of the log ($)": f"{found.cost[log]:,.0f}",
                "optimum inside (%)": f"{found.inside[log]:.0f}",
                "BCQ ($)": f"{found.bcq[log]:,.0f}",
                "TD3+BC ($)": f"{found.td3bc[log]:,.0f}",
            }
            for log, name in names.items()
        }
    ).T.rename_axis("log")


@dataclass(frozen=True)
class Blind:
    """Gap closed without sight of liquidity, with 95% intervals [%]: as it stands, and behind a filter."""

    half: str
    half_filtered: str
    full: str
    full_filtered: str


def blind(problem: ox.Problem, half: ox.Policy, full: ox.Policy) -> Blind:
    """A rule that reacts by half and one that reacts in full, where liquidity is hidden."""
    policies = {
        "half": half,
        "half_filtered": ox.filtered(problem, half),
        "full": full,
        "full_filtered": ox.filtered(problem, full),
    }
    hidden = ox.evaluate(problem, policies, 20_000, observe_liquidity=False)
    closed = hidden["gap_closed"]
    assert closed["full"] < -0.05
    assert closed["full_filtered"] > 0.1
    assert closed["half"] > closed["half_filtered"] > 0.1
    return Blind(**{str(name): _estimate(row, "gap_closed", 1, 100) + "%" for name, row in hidden.iterrows()})


@dataclass(frozen=True)
class Memory:
    """A rule that remembers: J in $ at lambda = 0."""

    closed: float
    """gap closed at the problem's lambda [%]"""
    neutral: float
    neutral_twap: float
    neutral_best: float


def memory(problem: ox.Problem, rule: Any) -> Memory:
    """A class of rules, each made from its problem, with the problem's risk aversion and with none."""
    neutral = problem.replace(risk_aversion=0.0)
    averse: Any = ox.evaluate(problem, {"memory": rule(problem)}, 20_000).loc["memory"]
    free = ox.evaluate(neutral, {"TWAP": ox.twap(neutral), "memory": rule(neutral)}, 20_000)
    assert free["diff"]["memory"] + free["diff_ci"]["memory"] < 0
    assert averse["gap_closed"] < 0
    J = free["objective"]
    return Memory(100 * averse["gap_closed"], J["memory"], J["TWAP"], ox.optimum(neutral).value)


def _levels(plot: Plot, references: Mapping[str, float], ends: list[float]) -> None:
    """The J of other policies, as level lines."""
    for name, level in references.items():
        plot.line(ends, [level] * 2, COLOURS.get(name, NEUTRAL), 1.8, "dash", name=name)


def learning_curve(
    steps: Sequence[int], objectives: ArrayLike, half_widths: ArrayLike, references: Mapping[str, float]
) -> go.Figure:
    """J of an agent in training against environment steps, and the J of policies that need none.

    Args:
        steps: environment steps so far; none if nothing was trained.
        objectives: J at these steps [$].
        half_widths: of their 95% intervals [$].
        references: J by policy [$], drawn as lines.
    """
    values, halves = np.asarray(objectives, dtype=np.float64), np.asarray(half_widths, dtype=np.float64)
    plot = Plot()
    _levels(plot, references, [0, max(steps) if len(steps) else 1])
    error = {"array": halves.round(3), "color": CONTRAST, "thickness": 1.2, "width": 3}
    plot.line(list(steps), values.round(3), CONTRAST, marks=6, error_y=error, name="PPO")
    plot.x("environment steps")
    plot.y("J ($)")
    said = f"from {values[0]:,.0f} to {values[-1]:,.0f} dollars" if len(values) else "not trained in this build"
    lines = ", ".join(f"{name} {level:,.0f}" for name, level in references.items())
    return plot.done(f"J of PPO against environment steps, {said}; dashed lines: {lines}.", height=400)


def strength_curve(strengths: ArrayLike, objectives: ArrayLike, references: Mapping[str, float]) -> go.Figure:
    """J of a rule against the power of liquidity in it, above the exact optimum.

    Args:
        strengths: the rule's parameter.
        objectives: J [$] of the rule.
        references: J by policy [$], drawn as lines.
    """
    x, y = np.asarray(strengths, dtype=np.float64), np.asarray(objectives, dtype=np.float64)
    plot, best = Plot(), int(np.argmin(y))
    _levels(plot, references, [x.min(), x.max()])
    plot.line(x, y.round(4), CONTRAST, 3, name="the rule")
    plot.x("strength s")
    plot.y("J ($)")
    lines = ", ".join(f"{name} {level:,.1f}" for name, level in references.items())
    return plot.done(
        f"J of the rule against its strength, a valley with its lowest point, {y[best]:,.1f} dollars, at "
        f"{x[best]:.2g}; dashed lines: {lines}.",
        height=380,
    )
