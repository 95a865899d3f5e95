"""*The efficient frontier*: its price of risk, schedules above it, value at risk, and rules that leave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas.io.formats.style import Styler
from scipy.stats import norm

import optexec as ox
from optexec.almgren_chriss import frontier
from optexec.evaluation import mean, plus_minus, standard_deviation, tail_mean
from optexec.figures.schedules import at_once, frontier_tangent
from optexec.figures.style import CAUSES, COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, digits, nearest
from optexec.policies import twap
from optexec.problem import Problem
from report.live import live_control
from report.plot import Moving, Panel, Plot

__all__ = [
    "Above",
    "Below",
    "Bought",
    "OnScale",
    "Safety",
    "Sampled",
    "Tails",
    "Tangent",
    "TwoMarkets",
    "above",
    "below",
    "below_frontier",
    "bought",
    "corner",
    "frontier_control",
    "least_lvar",
    "on_one_scale",
    "points_table",
    "responses",
    "responses_table",
    "safety",
    "sampled",
    "sampled_frontier",
    "tails",
    "two_frontiers",
    "value_at_risk_tangent",
]

Array = NDArray[np.float64]
Rule = Callable[[Problem, float], ox.Policy]
"""A rule of a problem and of the strength of its response to the price; at strength 0 it is the schedule."""

EPISODES, SEED = 50_000, 42


@dataclass(frozen=True)
class Bought:
    """What a little more than the lowest expected cost buys."""

    extra: float
    """expected cost above TWAP's [$]"""
    extra_percent: float
    """% of TWAP's"""
    saved: float
    """by how much the standard deviation falls [%]"""


def bought(plan: ox.Schedule, even: ox.Schedule) -> Bought:
    """A plan against TWAP."""
    found = Bought(
        extra=plan.expected_cost - even.expected_cost,
        extra_percent=100 * (plan.expected_cost / even.expected_cost - 1),
        saved=100 * (1 - (plan.variance / even.variance) ** 0.5),
    )
    assert found.saved > 5
    return found


def corner(problem: Problem) -> float:
    """The slope of the frontier against the standard deviation where everything is sold at once."""
    corrected = problem.market.temporary - problem.market.permanent / 2
    return float(-2 * corrected * problem.order.shares / problem.step_variance**0.5)


def basis_point(problem: Problem) -> float:
    """The inverse of a basis point of the order's value at arrival [bps/$]."""
    return 1e4 / (problem.order.shares * problem.market.price)


def points_table(problem: Problem, risk_aversions: Sequence[float]) -> Styler:
    """Points on the frontier from TWAP on, in dollars and basis points, and selling at once below them."""
    points = frontier(problem, risk_aversions)
    end = {"risk_aversion": np.inf, "expected_cost": at_once(problem), "std": 0.0, "kappa": np.inf, "half_life": 0.0}
    points, bps = pd.concat([points, pd.DataFrame([end])], ignore_index=True), basis_point(problem)
    table = pd.DataFrame(
        {
            "λ (1/$)": points["risk_aversion"],
            "half-life (periods)": points["half_life"],
            "E[IS] ($)": points["expected_cost"],
            "std ($)": points["std"],
            "E[IS] (bps)": bps * points["expected_cost"],
            "std (bps)": bps * points["std"],
        }
    )
    table.index = pd.Index(["TWAP", *[""] * (len(risk_aversions) - 1), "sell now"])
    return table.style.format(
        {
            "λ (1/$)": lambda value: f"{value:g}".replace("inf", "–"),
            "half-life (periods)": lambda value: f"{value:.1f}".replace("inf", "–"),
            "E[IS] ($)": "{:,.1f}",
            "std ($)": "{:.2f}",
            "E[IS] (bps)": "{:,.1f}",
            "std (bps)": "{:.2f}",
        }
    )


@dataclass(frozen=True)
class Sampled:
    """Simulated schedules of the frontier against their closed forms."""

    table: pd.DataFrame
    """a row a schedule"""
    covering: int
    """how many of the 95% intervals contain the closed form"""
    episodes: int
    twap_ci: float
    """half-width of the interval of TWAP's mean [$]"""
    note_ci: float
    """what the hundred episodes of the original note would give for it [$]"""


def sampled(plans: Sequence[ox.Schedule], shortfalls: Sequence[Array]) -> Sampled:
    """Means and standard deviations of simulated shortfalls.

    Args:
        plans: schedules of the frontier, TWAP first.
        shortfalls: IS (n,) of each [$], independent of the others.
    """
    rows = []
    for plan, shortfall in zip(plans, shortfalls, strict=True):
        average, deviation = mean(shortfall), standard_deviation(shortfall)
        closed = [plan.problem.risk_aversion, plan.expected_cost, plan.variance**0.5]
        rows.append([*closed, average.value, average.ci, deviation.value, deviation.ci])
    columns = ["risk_aversion", "expected_cost", "std", "mean", "mean_ci", "std_sample", "std_sample_ci"]
    table = pd.DataFrame(rows, columns=columns)
    of_mean = (table["mean"] - table["expected_cost"]) / table["mean_ci"]
    of_std = (table["std_sample"] - table["std"]) / table["std_sample_ci"]
    misses = np.abs([of_mean, of_std])  # in half-widths of the intervals
    assert misses.max() < 4 / 1.96  # nothing further off than four standard errors
    assert (misses < 1).sum() >= 13  # by chance fewer would be, once in more than a hundred times
    episodes, twap_ci = len(shortfalls[0]), float(table["mean_ci"][0])
    return Sampled(table, int((misses < 1).sum()), episodes, twap_ci, twap_ci * (episodes / 100) ** 0.5)


def cheapest(problem: Problem, std: Array) -> Array:
    """At least the lowest expected cost [$] of any schedule with these standard deviations [$].

    Chords between points of the frontier, which lie above it because it is convex, and TWAP's cost to its right.
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e7, 600)])[::-1]
    return np.asarray(np.interp(std, curve["std"], curve["expected_cost"]))


@dataclass(frozen=True)
class Above:
    """What schedules cost above the frontier at their own risk [$]."""

    vwap: float
    five: float
    halves: float
    random: float
    """the median"""


def above(problem: Problem, others: Mapping[str, Sequence[ox.Schedule]]) -> Above:
    """How far schedules of several kinds are above the frontier."""
    excess = {
        name: [plan.expected_cost for plan in kind] - cheapest(problem, np.array([plan.variance**0.5 for plan in kind]))
        for name, kind in others.items()
    }
    assert all(values.min() > 0 for values in excess.values())
    assert others["VWAP"][0].variance < twap(problem).variance
    return Above(
        vwap=float(excess["VWAP"][0]),
        five=float(excess["five equal trades"][0]),
        halves=float(excess["half now, half at the end"][0]),
        random=float(np.median(excess["random schedules"])),
    )


@dataclass(frozen=True)
class Tangent:
    """The point of least value at risk on the frontier."""

    confidence: float
    z: float
    """the standard normal's quantile at that confidence"""
    risk_aversion: float
    """1/$"""
    expected_cost: float
    """$"""
    std: float
    """$"""
    lvar: float
    """$"""


def least_lvar(problem: Problem, confidence: float) -> Tangent:
    """The point of least L-VaR at a confidence; the package searches over lambda."""
    best, z = ox.lvar_risk_aversion(problem, confidence), float(norm.ppf(confidence))
    row = frontier(problem, [best]).iloc[0]
    cost, std = float(row["expected_cost"]), float(row["std"])
    return Tangent(confidence, z, float(row["risk_aversion"]), cost, std, cost + z * std)


@dataclass(frozen=True)
class Safety:
    """Risk aversions read as confidences, and confidences as risk aversions."""

    paper_risk_aversion: float
    """of least 95% L-VaR in the paper's market [1e-6/$]"""
    paper_lvar: float
    """that L-VaR [$]"""
    exceeded: float
    """how often it was exceeded [%]"""
    exceeded_ci: float
    paper_at_once: float
    """z from which on it is best to sell at once there"""
    paper_z: float
    """z of the paper's own risk aversion"""
    paper_confidence: float
    """the same [%]"""
    note_z: float
    """z of the original note's risk aversion"""
    note_zeros: int
    """zeros after the decimal point of the probability that it is exceeded"""
    note_risk_aversion: float
    """of least 95% L-VaR in the note's market [1/$]"""
    note_saved: float
    """how far that is below TWAP's standard deviation [%]"""


def safety(note: Problem, paper: Problem, exceeded: Array) -> Safety:
    """What the risk aversions of both markets say about value at risk.

    Args:
        note: the original note's order and market.
        paper: those of Almgren and Chriss (2000).
        exceeded: (n,) whether a simulated sale cost more than the least 95% L-VaR of the paper's market.
    """
    best, best_note, often = least_lvar(paper, 0.95), least_lvar(note, 0.95), mean(100.0 * exceeded)
    note_z, paper_z = (2 * market.risk_aversion * ox.almgren_chriss(market).variance ** 0.5 for market in (note, paper))
    assert abs(often.value - 5) < 2 * often.ci
    assert 30 < note_z < -corner(note)
    assert paper_z < -corner(paper)
    assert best_note.risk_aversion < 0.05 * note.risk_aversion
    return Safety(
        paper_risk_aversion=1e6 * best.risk_aversion,
        paper_lvar=best.lvar,
        exceeded=often.value,
        exceeded_ci=often.ci,
        paper_at_once=-corner(paper),
        paper_z=paper_z,
        paper_confidence=100 * float(norm.cdf(paper_z)),
        note_z=note_z,
        note_zeros=int(-norm.logsf(note_z) / np.log(10)),
        note_risk_aversion=best_note.risk_aversion,
        note_saved=100 * (1 - best_note.std / twap(note).variance ** 0.5),
    )


@dataclass(frozen=True)
class OnScale:
    """A market in basis points of its order's value at arrival."""

    cost: float
    """TWAP's expected cost"""
    std: float
    """TWAP's standard deviation"""
    more: float
    """what the plan of the source's risk aversion costs more"""
    less: float
    """and what it takes off the standard deviation"""


@dataclass(frozen=True)
class TwoMarkets:
    """Both markets on one scale [bps]."""

    note: OnScale
    paper: OnScale


def on_one_scale(note: Problem, paper: Problem) -> TwoMarkets:
    """What TWAP costs in both markets, and what it costs to leave it."""

    def scaled(problem: Problem) -> OnScale:
        even, plan, bps = twap(problem), ox.almgren_chriss(problem), basis_point(problem)
        return OnScale(
            cost=bps * even.expected_cost,
            std=bps * even.variance**0.5,
            more=bps * (plan.expected_cost - even.expected_cost),
            less=bps * (even.variance**0.5 - plan.variance**0.5),
        )

    found = TwoMarkets(scaled(note), scaled(paper))
    assert found.note.more > 10 * found.note.less
    assert found.paper.more < found.paper.less
    return found


def responses(problem: Problem, rule: Rule, strengths: Sequence[float]) -> pd.DataFrame:
    """Cost and risk of rules that respond to the price, and what they add to both objectives of the schedule [$].

    Args:
        problem: order and market.
        rule: of the problem and a strength.
        strengths: the first is 0, the schedule.
    """
    rows, totals, running = [], [], []
    for strength in strengths:
        runs = ox.simulate(problem, rule(problem, strength), episodes=EPISODES, seed=SEED)
        average, deviation = mean(runs.shortfall), standard_deviation(runs.shortfall)
        totals.append(average + deviation.squared() * problem.risk_aversion)
        running.append(runs.objective)
        estimates = (average, deviation, totals[-1] + totals[0] * -1, mean(running[-1] - running[0]))
        rows.append([strength, *(number for one in estimates for number in (one.value, one.ci))])
    columns = ["response", "mean", "mean_ci", "std", "std_ci", "total", "total_ci", "running", "running_ci"]
    found = pd.DataFrame(rows, columns=columns)
    assert (found["total"] + found["total_ci"])[1:].max() < 0  # better by E + lambda Var
    assert (found["running"] - found["running_ci"])[1:].min() > 0  # worse by J
    return found


def responses_table(markets: Mapping[str, pd.DataFrame]) -> Styler:
    """The rules of each market but the schedule."""
    both = pd.concat({name: table[1:] for name, table in markets.items()}, names=["market", None]).reset_index()
    shown = both[["market", "response", "mean", "std"]].set_axis(["market", "β", "mean ($)", "std ($)"], axis=1)
    for name, label in (("total", "Δ E + λ Var ($)"), ("running", "Δ J ($)")):
        pairs = zip(both[name], both[f"{name}_ci"], strict=True)
        shown[label] = [plus_minus(value, half, digits=9) for value, half in pairs]  # as many as the interval leaves
    return shown.style.hide().format({"β": "{:g}", "mean ($)": "{:,.1f}", "std ($)": "{:,.1f}"})


@dataclass(frozen=True)
class Below:
    """The strongest responses against the frontier of schedules."""

    std_before: float
    """of the schedule in the note's market [$]"""
    std: float
    """of the rule [$]"""
    dearer: float
    """what the rule adds to the expected cost [$]"""
    curve: float
    """at least the expected cost of a schedule with the rule's standard deviation [$]"""
    gain: float
    """what the rule takes off E + lambda Var [% of the schedule's]"""
    paper_gain: float
    """the same in the paper's market [%]"""


def below(note: Problem, note_rules: pd.DataFrame, paper: Problem, paper_rules: pd.DataFrame) -> Below:
    """How far below the frontier the last of each market's `responses` is."""

    def gain(problem: Problem, rules: pd.DataFrame) -> float:
        plan = ox.almgren_chriss(problem)
        total = plan.expected_cost + problem.risk_aversion * plan.variance
        return float(-100 * rules["total"].iloc[-1] / total)

    schedule, rule = note_rules.iloc[0], note_rules.iloc[-1]
    curve = float(cheapest(note, rule["std"]))
    assert rule["mean"] + rule["mean_ci"] < 0.5 * curve  # far below
    return Below(
        std_before=float(schedule["std"]),
        std=float(rule["std"]),
        dearer=float(rule["mean"] - schedule["mean"]),
        curve=curve,
        gain=gain(note, note_rules),
        paper_gain=gain(paper, paper_rules),
    )


@dataclass(frozen=True)
class Tails:
    """What the strongest responses do to the extremes [$]."""

    paper_worst: float
    """by how much the mean of the dearest 5% of sales rises in the paper's market"""
    paper_best: float
    """by how much that of the cheapest 5% does"""
    note_worst: float
    """by how much the dearest 5% fall in the note's market"""
    note_best: float
    """by how much the cheapest 5% rise there"""


def tails(note: tuple[Array, Array], paper: tuple[Array, Array]) -> Tails:
    """Who gives and who gains: the mean costs of the best and of the worst 5% of sales.

    Args:
        note: IS (n,) of the schedule and of the rule in the note's market [$].
        paper: the same in the paper's.
    """

    def rises(costs: tuple[Array, Array]) -> tuple[float, float]:
        schedule, rule = costs
        worst = tail_mean(rule).value - tail_mean(schedule).value
        return worst, tail_mean(-schedule).value - tail_mean(-rule).value

    (paper_worst, paper_best), (note_worst, note_best) = rises(paper), rises(note)
    found = Tails(paper_worst, paper_best, -note_worst, note_best)
    assert found.paper_worst > 0
    assert found.paper_best > 0
    assert found.note_worst > 0
    assert found.note_best > 0
    return found


def frontier_control(problem: Problem, low: float = 1e-3, high: float = 1e1) -> Any:
    """A live ipywidgets control of lambda over `frontier_tangent`, for notebooks with a kernel."""
    return live_control(
        lambda risk_aversion: frontier_tangent(problem, [risk_aversion]), problem.risk_aversion, low, high
    )


def _ends(plane: Panel, problem: Problem, at: Sequence[str]) -> None:
    """Both ends of the frontier, named."""
    even, once = twap(problem), at_once(problem)
    x, y, text = [even.variance**0.5, 0], [even.expected_cost, once], ["TWAP", "sell now"]
    plane.dots(x, y, COLOURS["TWAP"], 10, "diamond", text=text, at=at, cliponaxis=False)


def sampled_frontier(problem: Problem, sampled: pd.DataFrame, others: Mapping[str, Sequence[ox.Schedule]]) -> go.Figure:
    """The frontier with simulated schedules on it and inefficient ones above it, and the errors of the former.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        sampled: a row per lambda: risk_aversion [1/$], expected_cost and std (closed form) and mean, mean_ci,
            std_sample, std_sample_ci (simulated, with 95% half-widths), all [$].
        others: schedules off the frontier, by name.
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e6, 161) * max(problem.risk_aversion, 1e-12)])
    plot = Plot(2, gap=0.15, column_widths=[0.58, 0.42])
    plane, errors = plot
    plane.line(curve["std"].round(4), curve["expected_cost"].round(3), NEUTRAL, 2, name="efficient frontier")
    symbols = ("circle-open", "diamond", "triangle-up", "star", "cross", "x")
    hues = (NEUTRAL, COLOURS["VWAP"], LIQUIDITY, CAUSES["timing"], CONTRAST)
    for i, (name, kind) in enumerate(others.items()):
        x = np.round([plan.variance**0.5 for plan in kind], 3)
        y = np.round([plan.expected_cost for plan in kind], 2)
        plane.dots(x, y, hues[i % 5], 5 if len(kind) > 1 else 10, symbols[i % 6], alpha=0.8, name=name)
    blue, bar = COLOURS["AC"], {"thickness": 1.5, "width": 4}
    across, up = ({"array": sampled[ci], "color": blue, **bar} for ci in ("std_sample_ci", "mean_ci"))
    plane.dots(sampled["std_sample"], sampled["mean"], blue, 8, name="simulated", error_x=across, error_y=up)
    _ends(plane, problem, ["bottom right", "top right"])
    place = np.arange(len(sampled))
    for name, found, exact, ci, colour, symbol, shift in (
        ("error of the mean", "mean", "expected_cost", "mean_ci", blue, "circle", -0.12),
        ("error of the st. dev.", "std_sample", "std", "std_sample_ci", CAUSES["timing"], "square", 0.12),
    ):
        error = {"array": sampled[ci], "color": colour, **bar}
        errors.dots(place + shift, sampled[found] - sampled[exact], colour, 7, symbol, name=name, error_y=error)
    right = 1.08 * max(plan.variance**0.5 for kind in (*others.values(), [twap(problem)]) for plan in kind)
    plane.x("standard deviation of cost ($)", [-0.04 * right, right])
    plane.y("expected cost ($)", [0, 1.12 * at_once(problem)])
    ticks = {i: f"{value:g}" for i, value in enumerate(sampled["risk_aversion"])}
    errors.x("risk aversion λ (1/$)", [-0.5, len(sampled) - 0.5], ticks=ticks)
    errors.y("simulated less closed form ($)")
    return plot.done(
        "First panel: the efficient frontier from TWAP to selling at once, simulated schedules on it, and "
        "inefficient schedules above it. Second panel: simulated mean and standard deviation less their closed forms, "
        "with 95% intervals, around zero.",
        height=470,
        phone=plot.stacked(860, 0.2),
    )


def value_at_risk_tangent(problem: Problem, confidences: Sequence[float], selected: float) -> go.Figure:
    """Expected cost against standard deviation, and the line of slope -z that touches it at the least value at risk.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        confidences: the slider's positions.
        selected: the confidence shown first; the nearest position is taken.
    """
    points = pd.DataFrame([least_lvar(problem, confidence) for confidence in confidences])
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e4, 141) * max(problem.risk_aversion, 1e-12)])
    right = 1.12 * twap(problem).variance ** 0.5
    plot = Plot()
    plot.line(curve["std"], curve["expected_cost"], NEUTRAL, name="efficient frontier")
    _ends(plot, problem, ["top center", "top right"])
    std, cost, lvar = (Moving(digits([value]) for value in points[key]) for key in ("std", "expected_cost", "lvar"))
    slope = Moving(digits([J, J - z * right]) for J, z in zip(points["lvar"], points["z"], strict=True))
    plot.line(digits([0, right]), slope, CONTRAST, 1.5, "dash", name="slope −z")
    plot.dots(std, cost, COLOURS["AC"], 13, name="least L-VaR schedule", cliponaxis=False)
    plot.dots([0], lvar, CONTRAST, 12, "square", name="L-VaR", cliponaxis=False)
    plot.x("standard deviation of cost ($)", [-0.03 * right, right])
    plot.y("expected cost ($)", [0, 1.12 * at_once(problem)])
    small = float(points["risk_aversion"].max()) < 1e-3
    values = [f"{1e6 * v:.2g} × 10⁻⁶" if small else f"{v:.2g}" for v in points["risk_aversion"]]
    labels = [
        f"{100 * row['confidence']:.4g}%  (z = {row['z']:.2f}, λ = {value})"
        for value, (_, row) in zip(values, points.iterrows(), strict=True)
    ]
    plot.slider("confidence p", labels, nearest(points["confidence"], selected))
    return plot.done(
        "The efficient frontier in standard deviation and expected cost, with the line of slope minus z that "
        "touches it; the line meets the vertical axis at the least value at risk, and turns as the confidence changes.",
        height=500,
        phone=SMALL_SLIDER,
    )


def two_frontiers(problems: Mapping[str, Problem]) -> go.Figure:
    """Frontiers of different markets on common axes, in basis points of each order's notional.

    Args:
        problems: problem by name; its risk aversion is the source's.
    """
    plot = Plot()
    colours = (COLOURS["AC"], NEUTRAL)
    symbols = ("circle-open", "square", "diamond", "x")
    scales = [basis_point(problem) for problem in problems.values()]
    for i, (name, problem) in enumerate(problems.items()):
        base = max(problem.risk_aversion, 1e-12)
        curve = scales[i] * frontier(problem, [0.0, *np.geomspace(1e-4, 1e6, 141) * base])
        plot.line(curve["std"].round(4), curve["expected_cost"].round(4), colours[i % 2], 3, name=name)
    for i, (problem, bps) in enumerate(zip(problems.values(), scales, strict=True)):
        marked = {
            "TWAP": 0.0,
            "least 95% L-VaR": least_lvar(problem, 0.95).risk_aversion,
            "the source’s λ": problem.risk_aversion,
            "sell now": 1e9 * problem.risk_aversion,
        }
        for j, (label, value) in enumerate(marked.items()):
            at, size = bps * frontier(problem, [value]), 11 if j else 15
            plot.dots(at["std"], at["expected_cost"], colours[i % 2], size, symbols[j], key=label, cliponaxis=False)
    right = max(scale * twap(problem).variance ** 0.5 for scale, problem in zip(scales, problems.values(), strict=True))
    plot.x("standard deviation of cost (bps of notional)", [-0.03 * right, 1.06 * right])
    plot.y("expected cost (bps of notional)", rangemode="tozero")
    return plot.done(
        "The two frontiers in basis points on the same axes: the original note's is a nearly vertical line at the "
        "left, the 2000 paper's a broad curve.",
        height=430,
    )


def below_frontier(problem: Problem, points: pd.DataFrame) -> go.Figure:
    """Simulated mean and standard deviation of price-dependent rules beside the frontier of schedules.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        points: a row per strength of the response: response, mean, mean_ci, std, std_ci [$].
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e2, 121) * max(problem.risk_aversion, 1e-12)])
    plot = Plot()
    plot.line(curve["std"].round(4), curve["expected_cost"].round(3), NEUTRAL, 2, name="frontier of schedules")
    bar, last = {"color": CONTRAST, "thickness": 1.5, "width": 4}, len(points) - 1
    plot.line(
        points["std"],
        points["mean"],
        CONTRAST,
        1,
        "dot",
        marks=8,
        error_x={"array": points["std_ci"], **bar},
        error_y={"array": points["mean_ci"], **bar},
        text=[f"β = {value:g}" for value in points["response"]],
        at=["middle left" if i == last else "bottom center" if i % 2 else "top right" for i in range(last + 1)],
        name="rules that respond to the price",
    )
    plot.x("standard deviation of cost ($)", rangemode="tozero")
    plot.y("expected cost ($)", [0, 3.2 * float(points["mean"].max())])
    return plot.done(
        "The efficient frontier of schedules, and points far to the left of it and below it reached by rules that "
        "sell faster after the price has risen.",
        height=420,
    )
