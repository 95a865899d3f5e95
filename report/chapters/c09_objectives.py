"""*Three objectives*: the same policies by each of them, where the variance comes from, and plans that change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

import optexec as ox
from optexec.evaluation import Estimate, mean, standard_deviation, tail_mean
from optexec.figures.style import COLOURS, NEUTRAL, SPLIT_SCALE
from optexec.interval import Interval, plus_minus
from optexec.liquidity import cached_chain
from optexec.optimum import Optimum
from report.chapters.c07_benchmarks import mean_variance
from report.plot import Moving, Plot

__all__ = [
    "EPISODES",
    "SEED",
    "Claims",
    "Luck",
    "Planned",
    "Scores",
    "SecondThoughts",
    "Tail",
    "Ties",
    "Turning",
    "check_consistent",
    "check_ranks",
    "claims",
    "exact_mv",
    "families_figure",
    "families_table",
    "inverse_moments",
    "luck",
    "maps",
    "moments",
    "objectives_table",
    "parts_table",
    "planned",
    "planned_risk",
    "play",
    "rankings",
    "ranks_figure",
    "reversal",
    "second_thoughts",
    "tail",
    "ties",
    "turning",
]

Array = NDArray[np.float64]
Moments = tuple[Array, Array]
"""Means (N,) and covariances (N, N) of 1/L."""

EPISODES, SEED = 100_000, 42
CALM, PROBLEM = ox.presets.reference(), ox.presets.stochastic()
OBJECTIVES = ("J", "J_mv", "CVaR")
KAPPAS = (0.5, 1.5, 2.83, 5.0)
"""Urgencies kappa T of the map; the third is the note's."""

SAME = 1e-6
"""Relative difference below which two exact values are one number."""


@dataclass(frozen=True)
class Scores:
    """A policy by the three objectives [$], with what they are made of."""

    mean: Estimate
    """E[IS]"""
    std: Estimate
    J: Estimate
    J_mv: Estimate
    """E[IS] + lambda Var[IS]"""
    CVaR: Estimate
    """mean of the worst 5% of IS"""


def play(market: ox.Problem, policy: ox.Policy, episodes: int = EPISODES, seed: int = SEED) -> Scores:
    """A policy's scores in a market."""
    run = ox.simulate(market, policy, episodes, seed)
    return Scores(
        mean=mean(run.shortfall),
        std=standard_deviation(run.shortfall),
        J=mean(run.objective),
        J_mv=mean_variance(run.shortfall, market.risk_aversion),
        CVaR=tail_mean(run.shortfall),
    )


def less(first: Scores, second: Scores, key: str) -> bool:
    """Whether the first is below the second by more than the 95% interval of their paired difference."""
    difference: Estimate = getattr(second, key) + getattr(first, key) * -1
    return difference.value > difference.ci


def objectives_table(rows: Mapping[str, Scores]) -> pd.DataFrame:
    """What each policy's sale costs, by every measure."""
    shown = {}
    for name, scores in rows.items():
        estimates = {key: getattr(scores, key) for key in ("mean", "std", *OBJECTIVES)}
        cells = {f"{key} ($)": plus_minus(estimate.value, estimate.ci) for key, estimate in estimates.items()}
        shown["TWAP (AC neutral)" if name == "TWAP" else name] = cells
    return pd.DataFrame(shown).T.rename_axis("policy")


def ranks_figure(results: Mapping[str, Mapping[str, Scores]]) -> go.Figure:
    """The policies' ranks by the three objectives, a panel a market."""
    labels = {"J": "J", "J_mv": "J<sub>mv</sub>", "CVaR": "CVaR<sub>95</sub>"}
    panels = {
        title: {name: {label: getattr(scores, key) for key, label in labels.items()} for name, scores in rows.items()}
        for title, rows in results.items()
    }
    return rankings(panels)


def check_ranks(constant: Mapping[str, Scores], stochastic: Mapping[str, Scores]) -> None:
    """What the text says of both rankings."""
    for name in ("best static", "rolling", "optimum"):
        for key in OBJECTIVES:
            assert np.isclose(getattr(constant[name], key).value, getattr(constant["AC"], key).value, rtol=1e-4)
    for scores in constant.values():
        assert abs(scores.J_mv.value - scores.J.value) < 1.6 * scores.J_mv.ci  # schedules: one number

    def order(rows: Mapping[str, Scores], key: str) -> list[str]:
        return sorted(rows, key=lambda name: getattr(rows[name], key).value)

    by_J, by_mv, by_tail = (order(stochastic, key) for key in OBJECTIVES)
    assert by_J == ["optimum", "rolling", "best static", "AC", "VWAP", "TWAP"]
    assert by_mv[:2] == ["optimum", "rolling"]
    assert by_mv[-2:] == ["best static", "AC"]
    assert by_tail == ["TWAP", "VWAP", "optimum", "rolling", "best static", "AC"]
    assert order(constant, "CVaR")[0] == order(constant, "J")[-1] == "TWAP"
    for ranking, key in ((by_J, "J"), (by_tail, "CVaR"), ([*by_mv[:3], *by_mv[-2:]], "J_mv")):
        assert all(less(stochastic[first], stochastic[second], key) for first, second in pairwise(ranking))
    assert not less(stochastic[by_mv[2]], stochastic[by_mv[3]], "J_mv")
    assert set(by_mv[2:4]) == {"TWAP", "VWAP"}


Z = float(norm.pdf(norm.ppf(0.95))) / 0.05
"""Mean of the worst 5% of a standard normal variable."""


@dataclass(frozen=True)
class Claims:
    """The averse schedule against TWAP by E + lambda Var, and the optimum's standard deviation."""

    z: float
    """how far the mean of a normal variable's worst 5% is above its mean [standard deviations]"""
    lambda_tail: float
    """the risk aversion that minimising it amounts to at TWAP's risk [1/$]"""
    worse: Estimate
    """J_mv of AC above TWAP's in random liquidity [$]"""
    better_when_calm: Estimate
    """and below it in constant liquidity [$]"""
    less_risk: Interval
    """the optimum's standard deviation below AC's [%]"""
    factor: float
    """J_mv of AC over its J"""


def claims(constant: Mapping[str, Scores], stochastic: Mapping[str, Scores]) -> Claims:
    """The two claims, on common shocks."""
    averse = stochastic["AC"]
    ratio = stochastic["optimum"].std / averse.std
    found = Claims(
        z=Z,
        lambda_tail=Z / (2 * ox.twap(CALM).variance ** 0.5),
        worse=averse.J_mv + stochastic["TWAP"].J_mv * -1,
        better_when_calm=constant["TWAP"].J_mv + constant["AC"].J_mv * -1,
        less_risk=Interval.around(100 * (1 - ratio.value), 100 * ratio.ci),
        factor=averse.J_mv.value / averse.J.value,
    )
    assert found.worse.value > found.worse.ci  # the averse schedule is worse than TWAP by E + lambda Var
    assert found.less_risk.low > 50  # the optimum more than halves AC's
    assert found.better_when_calm.value > found.better_when_calm.ci  # with constant liquidity the first is false
    return found


def inverse_moments(market: ox.Problem, points: int = 201) -> Moments:
    """Means (N,) and covariances (N, N) of 1/L_k, seen from the start."""
    periods = market.order.periods
    chain = cached_chain(market.market.liquidity, market.order.dt, periods, points)
    ahead = [1 / chain.levels]  # E[1/L_{k+j} | L_k]
    for _ in range(periods - 1):
        ahead.append(chain.matrix @ ahead[-1])
    second, weights = np.empty((periods, periods)), np.eye(len(chain.levels))[chain.start]
    for k in range(periods):
        products = [weights @ (ahead[0] * later) for later in ahead[: periods - k]]
        second[k, k:] = second[k:, k] = products
        weights = weights @ chain.matrix
    first = np.array([later[chain.start] for later in ahead])
    return first, second - np.outer(first, first)


def moments(market: ox.Problem, schedule: ox.Schedule, inverse: Moments) -> tuple[float, Array]:
    """E[IS] and the three parts of Var[IS], exact: price, slippage, liquidity; q = 0."""
    m, v, held = market.market, schedule.trades, schedule.inventory[1:]
    (first, covariance), squares = inverse, schedule.trades**2
    cost = m.permanent / 2 * v.sum() ** 2 + (m.temporary * first - m.permanent / 2) @ squares
    liquid = m.temporary**2 * squares @ covariance @ squares
    return cost, np.array([market.step_variance * held @ held, m.slippage**2 * v @ v, liquid])


def exact_mv(market: ox.Problem, schedule: ox.Schedule, inverse: Moments) -> float:
    """J_mv of a schedule [$]."""
    cost, parts = moments(market, schedule, inverse)
    return cost + market.risk_aversion * float(parts.sum())


def parts_table(stochastic: Mapping[str, Scores], inverse: Moments) -> Any:
    """Parts of the variance and both objectives: exact for the schedules, sampled for the optimum."""
    schedules = {
        "TWAP": ox.twap(PROBLEM),
        "VWAP": ox.vwap(PROBLEM),
        "AC": ox.almgren_chriss(PROBLEM),
        "best static": ox.best_static(PROBLEM),
    }
    risk_aversion, rows = PROBLEM.risk_aversion, {}
    for name, schedule in schedules.items():
        sampled = stochastic[name].J_mv
        cost, (price, slip, liquid) = moments(PROBLEM, schedule, inverse)
        J, J_mv = cost + risk_aversion * price, cost + risk_aversion * (price + slip + liquid)
        assert abs(J_mv - sampled.value) < 1.6 * sampled.ci  # the simulation agrees
        assert np.isclose(J, ox.exact_objective(PROBLEM, schedule), rtol=1e-4)
        rows[name] = [cost, price, slip, liquid, J, J_mv]
    run = ox.simulate(PROBLEM, ox.optimum(PROBLEM), EPISODES, SEED)
    price = run.running_risk.mean() / risk_aversion
    slip = PROBLEM.market.slippage**2 * (run.trades**2).sum(axis=1).mean()
    liquid, cost = run.expected_shortfall.var(), run.expected_shortfall.mean()
    total = price + slip + liquid
    rows["optimum"] = [cost, price, slip, liquid, cost + risk_aversion * price, cost + risk_aversion * total]
    names = ["E[IS]", "price", "slippage", "liquidity", "J", "J_mv"]
    parts = pd.DataFrame({name: rows[name] for name in ("TWAP", "AC", "optimum")}, index=names).T
    price, liquid = parts["price"], parts["liquidity"]
    assert price["AC"] < price["TWAP"]
    assert liquid["AC"] > 2 * liquid["TWAP"]
    assert abs(price["optimum"] / price["AC"] - 1) < 0.05
    assert liquid["optimum"] < price["optimum"] < 0.3 * liquid["AC"]
    return parts.rename_axis("policy").style.format("{:,.0f}")


@dataclass(frozen=True)
class Turning:
    """Where the averse schedule stops being the better one."""

    risk_aversion: float
    """[1/$]"""
    urgency: float
    """kappa T"""


def turning(risk_aversion: float, advantage: Callable[[float], float]) -> Turning:
    """The risk aversion at which the advantage of AC over TWAP is 0."""
    assert advantage(0.05) > 0 > advantage(0.5)
    assert 0.1 < risk_aversion < 0.2
    at = PROBLEM.replace(risk_aversion=risk_aversion)
    return Turning(risk_aversion, PROBLEM.order.periods * ox.urgency(at))


def over_luck(problem: ox.Problem) -> float:
    """TWAP's mean cost of impact over its standard deviation, in constant liquidity."""
    even = ox.twap(problem)
    impact = even.expected_cost - problem.market.half_spread * problem.order.shares
    return float(impact / even.variance**0.5)


def maps() -> dict[float, pd.DataFrame]:
    """J_mv of AC over TWAP's by urgency kappa T: tables by volatility of liquidity and impact over luck."""
    volatilities = np.array([0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24, 0.28, 0.32])
    sigmas, usual = np.geomspace(4.0, 0.004, 31), PROBLEM.market.volatility
    temporary, permanent = PROBLEM.market.temporary, PROBLEM.market.permanent
    frictionless = PROBLEM.replace(slippage=0.0)
    calm = ox.twap(CALM)
    across = calm.expected_cost / (calm.variance**0.5 * sigmas / usual)
    scale = (sigmas / usual) ** 2  # at another sigma, lambda sigma^2 the same
    found = {}
    for kappa_T in KAPPAS:
        weight = 2 * (np.cosh(kappa_T / 20) - 1) * (temporary - permanent / 2) / usual**2  # lambda
        ratios = np.empty((len(volatilities), len(sigmas)))
        for i, volatility in enumerate(volatilities):
            at = frictionless.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=volatility), risk_aversion=weight)
            known = inverse_moments(at, 101)
            averse, even = (moments(at, make(at), known) for make in (ox.almgren_chriss, ox.twap))
            above, below = (cost + weight * (part[0] + part[2] / scale) for cost, part in (averse, even))
            ratios[i] = above / below
        found[kappa_T] = pd.DataFrame(ratios, index=volatilities, columns=across)
    return found


@dataclass(frozen=True)
class Luck:
    """What decides whether the ranking turns over: impact over luck."""

    note: float
    """TWAP's mean cost over its standard deviation in the note's market, with constant liquidity"""
    paper: float
    """and in that of the paper of 2000"""
    paper_ratio: float
    """J_mv of AC over TWAP's there, with the note's random liquidity"""
    here: float
    """and in the note's market"""
    break_even: float
    """impact over luck at which both are equal"""


def luck(tables: Mapping[float, pd.DataFrame], paper: ox.Problem, paper_ratio: float) -> Luck:
    """The map at the note's urgency, beside the order of the paper."""
    table = tables[2.83]
    across, row = np.log(table.columns.to_numpy(float)), table.loc[0.2].to_numpy()
    found = Luck(
        note=over_luck(CALM),
        paper=over_luck(paper),
        paper_ratio=paper_ratio,
        here=float(np.interp(np.log(over_luck(CALM)), across, row)),
        break_even=float(np.exp(np.interp(0.0, np.log(row), across))),
    )
    assert found.here > 1.2
    assert (table.loc[0.0] < 1).all()  # constant liquidity: never worse
    assert (table.to_numpy()[:, table.columns.to_numpy(float) < 3] < 1).all()  # much luck: never worse here
    assert paper_ratio < 0.8
    assert found.paper < 1 < found.break_even < found.note
    return found


Family = Mapping[float, Scores]
"""By planned risk aversion."""


@dataclass(frozen=True)
class Planned:
    """What planning with another risk aversion than that of the judge does."""

    least: Mapping[str, Mapping[str, float]]
    """by family and objective: the planned risk aversion at which it is least [1/$]"""
    bend: float
    """that of the schedule with the least standard deviation [1/$]"""
    cheaper: float
    """what a policy that reacts, planned for the tail, saves against TWAP in the mean [$]"""
    steadier: float
    """in the standard deviation [%]"""
    milder: Estimate
    """in the mean of the worst 5% [$]"""


def planned(families: Mapping[str, Family]) -> Planned:
    """The least of every objective in the family of schedules, and in that of policies that react."""
    static, adaptive = families["AC"], families["optimum"]
    least = {
        name: {key: min(family, key=lambda at: getattr(family[at], key).value) for key in OBJECTIVES}
        for name, family in families.items()
    }
    even, reacting = static[0.0], adaptive[0.06]
    risk = {at: scores.std.value for at, scores in static.items()}
    assert risk[0.1] < risk[0.0] < risk[0.5] < risk[2.0]  # it bends back
    for key in ("mean", "std", *OBJECTIVES):  # one reacting policy beats TWAP in everything
        assert less(reacting, even, key)
    for key in OBJECTIVES:  # and to react is better by every objective, for each plan
        assert all(less(adaptive[at], static[at], key) for at in static)
    for name in families:
        assert least[name]["CVaR"] < least[name]["J"]
    assert least["AC"]["J_mv"] < 0.2
    assert least["optimum"]["J_mv"] == least["optimum"]["J"] == 0.5
    return Planned(
        least=least,
        bend=min(risk, key=lambda at: risk[at]),
        cheaper=even.mean.value - reacting.mean.value,
        steadier=100 * (1 - reacting.std.value / even.std.value),
        milder=even.CVaR + reacting.CVaR * -1,
    )


def families_figure(families: Mapping[str, Family], found: Planned) -> go.Figure:
    """Both families by mean and standard deviation, with the least of each objective."""
    labels = {"J": "least J", "J_mv": "least J<sub>mv</sub>", "CVaR": "least CVaR<sub>95</sub>"}
    curves = {
        name: pd.DataFrame({at: {"mean": row.mean.value, "std": row.std.value} for at, row in family.items()})
        for name, family in families.items()
    }
    marked = {name: {labels[key]: at for key, at in row.items()} for name, row in found.least.items()}
    return planned_risk({name: curve.T for name, curve in curves.items()}, marked)


def families_table(families: Mapping[str, Family], found: Planned) -> Any:
    """The planned risk aversion at which each objective is least, and its value."""
    rows = []
    for name, row in found.least.items():
        for key, at in row.items():
            estimate = getattr(families[name][at], key)
            rows.append([name, key, f"{at:g}", plus_minus(estimate.value, estimate.ci)])
    return pd.DataFrame(rows, columns=["family", "objective", "best planned λ′", "least value"]).style.hide()


@dataclass(frozen=True)
class SecondThoughts:
    """What a rule that reacts to the price gains, and what it is worth half-way [$]."""

    mv_drop: Estimate
    """J_mv of the optimum less that of the rule"""
    mv_drop_share: float
    """[% of the optimum's]"""
    tail_drop: Estimate
    """the same of CVaR"""
    J_rise: Estimate
    """J of the rule less the optimum's"""
    at_start: Estimate
    """what restarting it half-way costs in J_mv, seen from the start"""
    at_half: Estimate
    """what carrying on costs in J_mv of the rest, seen from half-way after a loss"""


def second_thoughts(plain: Scores, kept: Scores, again: Scores, carry_on: Scores, restart: Scores) -> SecondThoughts:
    """The optimum, the rule and the rule that restarts; then the rest of the sale after a loss, both ways."""
    found = SecondThoughts(
        mv_drop=plain.J_mv + kept.J_mv * -1,
        mv_drop_share=100 * (plain.J_mv.value - kept.J_mv.value) / plain.J_mv.value,
        tail_drop=plain.CVaR + kept.CVaR * -1,
        J_rise=kept.J + plain.J * -1,
        at_start=again.J_mv + kept.J_mv * -1,
        at_half=carry_on.J_mv + restart.J_mv * -1,
    )
    assert found.mv_drop.value > found.mv_drop.ci
    assert found.tail_drop.value > found.tail_drop.ci
    assert found.J_rise.value > found.J_rise.ci
    assert found.at_start.value > found.at_start.ci  # at the start: do not restart half-way
    assert found.at_half.value > found.at_half.ci  # half-way, after a loss: restart
    return found


def check_consistent(whole: Optimum, rest: Optimum) -> None:
    """Re-solved at half-time, the optimum of J is the second half of itself."""
    periods = rest.problem.order.periods
    for k in range(periods):
        assert np.isclose(whole.fraction(k + periods, 0.7), rest.fraction(k, 0.7), rtol=1e-4)


@dataclass(frozen=True)
class Tail:
    """The exercise: the schedule with the mildest worst 5% in constant liquidity."""

    risk_aversion: float
    """that it is planned with [1/$]"""


def tail(constant: Mapping[str, Scores]) -> Tail:
    """CVaR of a normal shortfall against the sampled one, and the schedule at which it is least."""
    schedules = {"TWAP": ox.twap(CALM), "VWAP": ox.vwap(CALM), "AC": ox.almgren_chriss(CALM)}

    def worst(plan: ox.Schedule) -> float:
        return float(plan.expected_cost + Z * plan.variance**0.5)

    for name, plan in schedules.items():
        assert abs(worst(plan) - constant[name].CVaR.value) < 1.6 * constant[name].CVaR.ci

    def averse(risk_aversion: float) -> ox.Schedule:
        return ox.almgren_chriss(CALM.replace(risk_aversion=risk_aversion))

    found = Tail(brentq(lambda at: at - Z / (2 * averse(at).variance ** 0.5), 1e-4, 0.5))
    slower, best, faster = (worst(averse(found.risk_aversion * factor)) for factor in (0.9, 1.0, 1.1))
    assert best < min(slower, faster)
    return found


@dataclass(frozen=True)
class Ties:
    """The exercise: the volatility of liquidity at which AC and TWAP tie."""

    mv: float
    """by J_mv"""
    sd: float
    """by the standard deviation alone"""


def ties() -> Ties:
    """Both volatilities, from exact moments."""

    def tie(weigh: Callable[[float, float], float]) -> float:
        def difference(volatility: float) -> float:
            at = PROBLEM.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=volatility))
            known = inverse_moments(at, 101)
            averse, even = (moments(at, make(at), known) for make in (ox.almgren_chriss, ox.twap))
            return weigh(averse[0], float(averse[1].sum())) - weigh(even[0], float(even[1].sum()))

        return float(brentq(difference, 0.02, 0.3, xtol=1e-4))

    found = Ties(mv=tie(lambda cost, variance: cost + 0.5 * variance), sd=tie(lambda cost, variance: variance))
    assert 0.05 < found.mv < found.sd < 0.2
    return found


def _ranks(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Ranks from 1, least first; neighbours that the interval of their difference does not tell apart share one."""
    order = sorted(estimates, key=lambda name: estimates[name].value)
    groups = [order[:1]]
    for previous, name in pairwise(order):
        difference = estimates[name] + estimates[previous] * -1
        if difference.value > max(difference.ci, SAME * abs(estimates[name].value)):
            groups.append([])
        groups[-1].append(name)
    before = np.cumsum([0, *map(len, groups)])
    return {
        name: float(start) + (len(group) + 1) / 2
        for start, group in zip(before, groups, strict=False)
        for name in group
    }


def rankings(panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> go.Figure:
    """Rank of every policy under several objectives, one panel a market.

    Policies share the mean of their ranks where the 95% interval of their paired difference holds 0.

    Args:
        panels: by market and policy, estimates of the objectives by name, all on the same episodes.
    """
    plot = Plot(panels, gap=0.12)
    for panel, corner, rows in zip(plot, ("legend", "legend2"), panels.values(), strict=False):
        table = pd.DataFrame(rows).T
        ranks = table.apply(lambda estimates: pd.Series(_ranks(estimates.to_dict())))
        seen: dict[tuple[float, ...], list[str]] = {}
        for name in table.index:
            seen.setdefault(tuple(ranks.loc[name]), []).append(name)
        for place, names in seen.items():
            words, x = ", ".join(names), list(table.columns)
            look: dict[str, Any] = {"name": words, "hover": f"%{{x}}: rank %{{y}}<extra>{words}</extra>"}
            panel.line(x, list(place), COLOURS[names[0]], 3, marks=13, legend=corner, showlegend=True, **look)
        panel.y(span=[len(table) + 0.5, 0.5], dtick=1)
        panel.x(span=[-0.25, len(table.columns) - 0.75])
    plot[0].y("rank (1 is best)")
    legend = {"y": -0.14, "yanchor": "top", "orientation": "v"}
    return plot.done(
        "Rank of each policy under three objectives, in the constant and in the stochastic market. Lines cross in "
        "both: the schedule that is best by J is not best by the tail mean, and under random liquidity not by J_mv.",
        height=540,
        margin={"b": 150},
        legend={"x": 0, **legend},
        legend2={"x": 0.56, **legend},
        phone={
            "height": 1000,
            "margin": {"b": 20},
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.68, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0.2, 0.52]},
            "legend": {"y": 0.645},
            "legend2": {"x": 0, "y": 0.165},
            "annotations": {0: {"x": 0.5}, 1: {"x": 0.5, "y": 0.52}},
        },
    )


def planned_risk(families: Mapping[str, pd.DataFrame], marked: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Mean against standard deviation of the shortfall as the risk aversion that a family plans with grows.

    Args:
        families: by policy, a table with index the planned risk aversion and columns mean, std [$].
        marked: by policy, names of points and the planned risk aversion where each stands.
    """
    plot = Plot()
    for name, table in families.items():  # the lines first, also in the legend
        hover = name + " planned with λ′ = %{customdata:.3g}: std %{x:.1f}, mean %{y:,.0f}"
        x, y, planned = np.round(table["std"], 2), np.round(table["mean"], 2), np.array(table.index)
        plot.line(x, y, COLOURS[name], 3, marks=4, name=name, customdata=planned, hover=hover)
    ring = {"color": "rgba(0,0,0,0)", "size": 9, "line": {"color": NEUTRAL, "width": 2}}
    for name, table in families.items():
        for symbol, (label, at) in zip(("circle", "diamond", "square"), marked[name].items(), strict=False):
            point, marker = table[table.index == at], {**ring, "symbol": symbol}
            hover = f"{name}, {label}: λ′ = {at:.3g}"
            plot.add("scatter", x=point["std"], y=point["mean"], mode="markers", marker=marker, key=label, hover=hover)
    plot.x("standard deviation of the shortfall ($)", rangemode="tozero")
    plot.y("expected shortfall ($)")
    return plot.done(
        "Mean against standard deviation for two families of policies. The curve of schedules bends back: beyond a "
        "small risk aversion, more of it raises both. The adaptive family lies far to its left.",
        height=480,
    )


def reversal(maps: Mapping[float, pd.DataFrame], selected: float, note: tuple[float, float]) -> go.Figure:
    """J_mv of the averse schedule over that of TWAP, by impact over luck and liquidity's volatility.

    Args:
        maps: by kappa T, a table of ratios, with liquidity volatilities as index and impact over luck as columns.
        selected: the kappa T shown first.
        note: where the original note's market lies: (impact over luck, volatility of liquidity).
    """
    keys, first = list(maps), maps[selected]
    logs = Moving(np.round(np.log2(table.to_numpy()), 3).tolist() for table in maps.values())
    x, y = first.columns.to_numpy(float), first.index.to_numpy(float)
    plot, values = Plot(), np.round(first.to_numpy(), 3)
    plot.add("heatmap", x=x, y=y, z=logs, zsmooth="best", coloraxis="coloraxis", customdata=values, hover=False)
    plot.add(
        "contour",
        x=x,
        y=y,
        z=logs,
        contours={"start": 0, "end": 0, "size": 1, "coloring": "none"},
        line={"color": "#444", "width": 3},
        showscale=False,
        hover=False,
    )
    hover = "impact over luck %{x:.1f}, volatility of liquidity %{y}<extra>the note</extra>"
    ink, at = {"color": "#222", "size": 12}, "middle right"
    plot.dots([note[0]], [note[1]], "#222", 12, "x", text=["the note"], at=at, textfont=ink, hover=hover)
    decades = {value: f"{value:g}" for value in (0.1, 0.3, 1, 3, 10, 30, 100) if x[0] <= value <= x[-1]}
    title = "impact over luck: mean over standard deviation of TWAP's cost in constant liquidity"
    plot.x(title, [x[0], x[-1]], log=True, ticks=decades, showgrid=False)
    plot.y("volatility of liquidity", [y[0], y[-1]], showgrid=False)
    plot.slider("urgency κT", [f"{k:g}" for k in keys], keys.index(selected))
    ticks = [0.5, 0.7, 1.0, 1.4, 2.0]
    bar = {"tickvals": np.log2(ticks).tolist(), "ticktext": [f"{t:g}" for t in ticks], "outlinewidth": 0}
    above = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.5, "title": {"side": "top"}}
    return plot.done(
        "A map of the ratio of the averse schedule's J_mv to TWAP's. Where the price's luck is large beside impact "
        "the averse schedule is better; where impact is large and liquidity volatile it is worse.",
        height=520,
        coloraxis={
            "colorscale": SPLIT_SCALE,
            "cmin": -1,
            "cmax": 1,
            "colorbar": {"title": {"text": "AC / TWAP"}, "thickness": 12, **bar},
        },
        phone={
            "height": 580,
            "margin": {"t": 84},
            "xaxis": {"title": {"text": "impact over luck"}},
            "yaxis": {"title": {"standoff": 4}},
            "coloraxis": {"colorbar": above},
        },
    )
