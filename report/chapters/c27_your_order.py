"""*Your own order*: what bars say, the plan that they make, and where the forecast's interval comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec.almgren_chriss import expected_cost, frontier, trade_list, variance
from optexec.calibration import Almgren2005, Calibration, Estimated, SquareRoot, calibrate, forecast, synthetic
from optexec.evaluation import plus_minus
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, STACKED
from optexec.problem import Market, Problem
from report.plot import Moving, Plot, whiskers

__all__ = [
    "Coverage",
    "Days",
    "Estimation",
    "Laws",
    "Line",
    "Plans",
    "Sources",
    "bar_estimates",
    "cost_sources",
    "coverage",
    "days",
    "ends",
    "estimates",
    "estimation",
    "in_basis_points",
    "known",
    "law_table",
    "laws",
    "line",
    "own_plan",
    "plan_table",
    "plans",
    "source_rows",
    "sources",
    "truth_of",
]

SYMBOLS = {
    "volatility": "volatility $\\sigma$",
    "volume": "volume $V$",
    "speed": "speed $\\theta$",
    "depth_volatility": "volatility of depth $\\omega$",
}
"""Estimated parameters as tables name them."""
HALF_SPREAD = 0.005


def in_basis_points(dollars: float, problem: Problem) -> float:
    """Dollars as basis points of the order's value."""
    return 1e4 * dollars / (problem.order.shares * problem.market.price)


def truth_of(market: Market) -> dict[str, float]:
    """The parameters behind a simulated file, as `Calibration.table` names them."""
    process: Any = market.liquidity
    return {
        "volatility": market.volatility,
        "volume": float(market.volume),
        "speed": process.speed,
        "depth_volatility": process.volatility,
    }


def ends(bars: pd.DataFrame) -> pd.DataFrame:
    """The first and the last bars."""
    shown = pd.concat([bars.head(3), bars.tail(2)]).set_index("timestamp")
    return shown.assign(volume=shown["volume"].map("{:,.0f}".format))


def estimates(found: Calibration, truth: Market) -> pd.DataFrame:
    """What the bars say with intervals, and the truth."""
    true, digits = truth_of(truth), {"volatility": 4, "volume": 0, "speed": 3, "depth_volatility": 4}
    return pd.DataFrame(
        {
            SYMBOLS[name]: {
                "estimate": f"{row['value']:,.{digits[name]}f}",
                "95% interval": f"{row['low']:,.{digits[name]}f} to {row['high']:,.{digits[name]}f}",
                "error (%)": f"{100 * row['error'] / row['value']:.1f}",
                "truth": f"{true[name]:,g}",
                "unit": row["unit"],
            }
            for name, row in _rows(found.table())
        }
    ).T.rename_axis("parameter")


def _rows(table: pd.DataFrame) -> list[tuple[str, Any]]:
    return [(str(name), row) for name, row in table.iterrows()]


@dataclass(frozen=True)
class Estimation:
    """Standard errors of what the bars say [% of the value]."""

    volume: float
    volatility: float
    speed: float
    depth_volatility: float
    profile: float
    """of a single value of the profile, mean"""
    bars: int
    """values of the profile"""


def estimation(found: Calibration, truth: Market) -> Estimation:
    """How well the bars know the market, whose truth every interval holds."""
    table, true, profile = found.table(), truth_of(truth), truth.volume_profile
    error = {name: 100 * row["error"] / row["value"] for name, row in _rows(table)}
    assert error["volume"] < error["volatility"] < error["speed"]
    assert all(row["low"] <= true[name] <= row["high"] for name, row in _rows(table))
    assert profile is not None
    assert all(p.low <= t <= p.high for p, t in zip(found.profile, profile, strict=True))
    return Estimation(
        volume=error["volume"],
        volatility=error["volatility"],
        speed=error["speed"],
        depth_volatility=error["depth_volatility"],
        profile=float(np.mean([100 * p.error / p.value for p in found.profile])),
        bars=found.bars,
    )


def known(found: Calibration, truth: Market) -> Calibration:
    """A calibration that is the truth, to simulate data sets from."""
    assert truth.volume_profile is not None
    exact: Any = {name: Estimated(value, value, value, 0.0) for name, value in truth_of(truth).items()}
    return dataclasses.replace(found, **exact, profile=tuple(Estimated(p, p, p, 0.0) for p in truth.volume_profile))


@dataclass(frozen=True)
class Coverage:
    """How often the 95% intervals of simulated data sets hold the truth [%]."""

    table: pd.DataFrame
    low: float
    """of the parameter whose interval does least often"""
    high: float
    too_short: float
    """by how much omega's interval would be shorter without the error of V"""


def coverage(again: Sequence[Calibration], truth: Market, errors: Estimation) -> Coverage:
    """Coverage and bias over calibrations of data sets from the true market."""
    true, rows, held = truth_of(truth), {}, {}
    for name, value in true.items():
        found = [getattr(calibration, name) for calibration in again]
        share = float(np.mean([one.low <= value <= one.high for one in found]))
        half = 196 * (share * (1 - share) / len(again)) ** 0.5
        bias = 100 * (np.array([one.value for one in found]).mean() / value - 1)
        shown = {"coverage (%)": plus_minus(100 * share, half), "bias (%)": f"{bias:+.1f}".replace("-", "−")}
        rows[SYMBOLS[name]], held[name] = shown, share
    assert truth.volume_profile is not None
    profile = np.array(truth.volume_profile)
    low, values, high = (
        np.array([[getattr(period, end) for period in one.profile] for one in again])
        for end in ("low", "value", "high")
    )
    inside = np.mean((low <= profile) & (profile <= high))
    biased = 100 * np.abs(values.mean(axis=0) / profile - 1).max()
    rows["profile $w_j$"] = {"coverage (%)": f"{100 * inside:.1f}", "bias (%)": f"{biased:.1f} at most"}
    assert all(0.92 <= share <= 0.98 for share in held.values())
    assert 0.94 < inside < 0.96
    return Coverage(
        table=pd.DataFrame(rows).T.rename_axis("parameter"),
        low=100 * min(held.values()),
        high=100 * max(held.values()),
        too_short=100 * (1 - (2 * (19 * 25 - 1)) ** -0.5 / (errors.depth_volatility / 100)),
    )


@dataclass(frozen=True)
class Laws:
    """The order under two laws of impact."""

    even: dict[str, float]
    """expected cost of the even sale in mean liquidity by law [bps]"""
    ratio: float
    """the larger over the smaller"""
    participation: float
    """of the even sale [%]"""


def _even(problem: Problem) -> float:
    """Expected cost of TWAP on a flat day of mean liquidity [bps]."""
    return in_basis_points(ox.twap(problem.replace(volume_profile=None)).expected_cost, problem)


def laws(found: Calibration, direct: Problem, root: Problem) -> Laws:
    """What two laws ask for the even sale, which the linear market prices exactly as they do."""
    sigma, volume = found.volatility.value * 26**0.5, found.volume.value * 26
    participation = direct.order.shares / volume
    permanent = 0.314 * sigma * participation * (500e6 / volume) ** 0.25
    temporary = 0.142 * sigma * participation**0.6
    even, rooted = _even(direct), _even(root)
    assert np.isclose(even, 1e4 * (permanent / 2 + temporary + HALF_SPREAD) / found.price, rtol=1e-12)
    moved = sigma * participation**0.5
    assert np.isclose(rooted, 1e4 * (2 / 3 * moved + HALF_SPREAD) / found.price, rtol=1e-12)
    assert rooted > 2 * even
    return Laws({"direct": even, "root": rooted}, rooted / even, 100 * participation)


def law_table(problems: Mapping[str, Problem]) -> pd.DataFrame:
    """The coefficients and the even sale by law."""
    return pd.DataFrame(
        {
            name: {
                "η ($ per million)": f"{1e6 * at.market.temporary:.2f}",
                "γ ($ per million)": f"{1e6 * at.market.permanent:.2f}",
                "even sale (bps)": f"{_even(at):.1f}",
            }
            for name, at in problems.items()
        }
    ).T.rename_axis("law")


def plan_table(fore: pd.DataFrame, scores: pd.DataFrame, problem: Problem) -> pd.DataFrame:
    """The order's plans: cost and its interval, scatter, J above the optimum's, and regret."""
    best = fore["objective"]["optimum"]

    def bps(dollars: float, digits: int = 2) -> str:
        return f"{in_basis_points(dollars, problem):.{digits}f}"

    return pd.DataFrame(
        {
            name: {
                "E[IS] (bps)": f"{bps(row['cost'])} ({bps(row['cost_low'])} to {bps(row['cost_high'])})",
                "std (bps)": bps(scores["is_std"][name], 0),
                "above J* (%)": f"{100 * (row['objective'] / best - 1):.2f}",
                "regret (%)": f"{100 * row['regret']:.3f} (≤ {100 * row['regret_high']:.3f})"
                if row["regret_high"] > 1e-9
                else "0",
            }
            for name, row in _rows(fore)
        }
    ).T.rename_axis("policy")


@dataclass(frozen=True)
class Plans:
    """The Almgren-Chriss plan of the order: what it will cost, and what the errors of the estimates make of it."""

    half_life: float
    """[bars]"""
    cost: float
    """expected [bps]"""
    cost_low: float
    """95% interval from the errors of estimates and law [bps]"""
    cost_high: float
    dollars: float
    """expected cost [$]"""
    half: float
    """half-width of its interval [% of the cost]"""
    regret: float
    """J of the plan above that of one who knows the market, mean over the draws [%]"""
    regret_high: float
    """97.5% quantile [%]"""
    regret_bps: float
    """the mean [bps]"""
    adapting: float
    """J above the optimum's [%]"""
    rolling: float
    """the rolling rule's [%]"""
    std: float
    """of a single sale [bps]"""
    times: float
    """that over the half-width of the interval"""


def plans(fore: pd.DataFrame, scores: pd.DataFrame, problem: Problem) -> Plans:
    """The forecast of the Almgren-Chriss plan beside the simulation."""
    ac: Any = fore.loc["AC"]
    objective = fore["objective"]
    assert (np.abs(scores["is_mean"] - fore["cost"]) < 1.6 * scores["is_mean_ci"]).all()  # exact values, simulated
    assert (np.abs(scores["objective"] - objective) < 1.6 * scores["objective_ci"]).all()
    half = 100 * (ac["cost_high"] - ac["cost_low"]) / 2 / ac["cost"]
    assert half > 5
    assert fore["regret_high"].max() < 0.01
    assert ac["regret"] < 0.004
    assert objective["rolling"] < objective["AC"] < objective["TWAP"]
    std = in_basis_points(scores["is_std"]["AC"], problem)
    return Plans(
        half_life=ox.half_life(problem),
        cost=in_basis_points(ac["cost"], problem),
        cost_low=in_basis_points(ac["cost_low"], problem),
        cost_high=in_basis_points(ac["cost_high"], problem),
        dollars=ac["cost"],
        half=half,
        regret=100 * ac["regret"],
        regret_high=100 * ac["regret_high"],
        regret_bps=in_basis_points(ac["regret"] * ac["objective"], problem),
        adapting=100 * (ac["objective"] / objective["optimum"] - 1),
        rolling=100 * (objective["rolling"] / objective["optimum"] - 1),
        std=std,
        times=std / (in_basis_points(ac["cost_high"] - ac["cost_low"], problem) / 2),
    )


@dataclass(frozen=True)
class Sources:
    """Half-widths of the forecast's 95% interval by what is uncertain, and the other law [bps]."""

    bars: float
    law: float
    both: float
    root: float
    """expected cost under the square-root law"""
    ratio: float
    """that over the cost under the first law"""


def sources(found: Mapping[str, Any], root: Any, problem: Problem) -> Sources:
    """Widths from rows of `optexec.calibration.forecast`, and the row of the other law."""
    width = {what: in_basis_points(row["cost_high"] - row["cost_low"], problem) / 2 for what, row in found.items()}
    both = found["both"]
    assert root["cost_low"] > both["cost_high"]
    assert 0.4 < width["the bars alone"] / width["the law alone"] < 2.5
    return Sources(
        bars=width["the bars alone"],
        law=width["the law alone"],
        both=width["both"],
        root=in_basis_points(root["cost"], problem),
        ratio=root["cost"] / both["cost"],
    )


def source_rows(found: Mapping[str, Any], root: Any, problem: Problem) -> pd.DataFrame:
    """The rows of `cost_sources`."""
    lines = [(what, COLOURS["AC"], row) for what, row in found.items()]
    lines.append(("square root, bars alone", COLOURS["rolling"], root))
    columns = {"value": "cost", "low": "cost_low", "high": "cost_high"}
    return pd.DataFrame(
        {"label": label, "colour": colour} | {new: in_basis_points(row[old], problem) for new, old in columns.items()}
        for label, colour, row in lines
    )


@dataclass(frozen=True)
class Days:
    """What files of more days are worth, by their number of days."""

    width: dict[str, float]
    """half-width of the plan's expected cost from the bars alone [bps]"""
    regret: dict[str, float]
    """[% of J]"""


def days(truth: Market, problem: Problem, law: Almgren2005 | SquareRoot) -> Days:
    """Calibrate simulated files of 5, 10, 40 and 80 days and forecast the order's cost from each."""

    def world(calibration: Calibration) -> Problem:
        return calibration.problem(
            problem.order, law, risk_aversion=problem.risk_aversion, half_spread=problem.market.half_spread
        )

    widths, regrets = {}, {}
    for count in (5, 10, 40, 80):
        fewer = calibrate(synthetic(truth, days=count, seed=7))
        worlds = [world(calibration) for calibration in fewer.resampled(60, seed=8)]
        row: Any = forecast(world(fewer), worlds, {"AC": ox.almgren_chriss}).loc["AC"]
        widths[str(count)] = in_basis_points(row["cost_high"] - row["cost_low"], problem) / 2
        regrets[str(count)] = 100 * row["regret"]
    assert 2.5 < widths["5"] / widths["80"] < 6.5
    assert regrets["5"] > 5 * regrets["80"]
    return Days(widths, regrets)


@dataclass(frozen=True)
class Line:
    """Temporary impact of the Almgren-Chriss plan by the concave law and by its line, at mean liquidity."""

    concave: float
    """[bps]"""
    linear: float
    """[bps]"""
    over: float
    """the line above the law [%]"""
    fastest: float
    """largest share of a bar's volume [%]"""


def line(problem: Problem, found: Calibration) -> Line:
    """What the straight line hides."""
    plan, market = ox.almgren_chriss(problem).trades, problem.market
    assert market.volume is not None
    rate = plan / (market.volume * problem.profile)
    sigma = found.volatility.value * 26**0.5
    concave = in_basis_points(np.sum(plan * 0.142 * sigma * rate**0.6), problem)
    linear = in_basis_points(np.sum(plan * (market.temporary - market.permanent / 2) * plan / problem.profile), problem)
    assert linear > concave
    return Line(concave, linear, 100 * (linear / concave - 1), 100 * rate.max())


def bar_estimates(found: Calibration, truth: Market | None = None) -> go.Figure:
    """Volume profile with intervals, and relative volume of a bar against that of the bar before.

    Args:
        found: the estimates.
        truth: the simulated market, where there is one: its profile is drawn too.
    """
    plot = Plot(2, gap=0.13)
    profile, relative = plot
    bars = np.arange(1, found.bars + 1)
    value, low, high = np.array([[period.value, period.low, period.high] for period in found.profile]).T
    error = whiskers(value, low, high, LIQUIDITY, 1.2, 2, decimals=4)
    profile.dots(bars, value.round(4), LIQUIDITY, 7, error_y=error, name="estimate, 95% interval")
    if truth is not None:
        shape = np.ones(found.bars) if truth.volume_profile is None else np.array(truth.volume_profile)
        profile.line(bars, shape.round(4), CONTRAST, 2, name="truth")
    before, after = found.relative[:, :-1].ravel(), found.relative[:, 1:].ravel()
    relative.dots(before.round(3), after.round(3), LIQUIDITY, 4, alpha=0.45, hover=False)
    slope, ends = 1 - found.speed.value, np.array([before.min(), before.max()])
    line = (1 + slope * (ends - 1)).round(4)
    relative.line(ends.round(3), line, CONTRAST, 2, "dash", name="1 + (1 − θ)(L − 1)")
    profile.x("bar of the day")
    profile.y("volume profile", rangemode="tozero")
    relative.x("relative volume L of a bar")
    relative.y("L of the next bar")
    return plot.done(
        f"First panel: estimated volume profile of {found.bars} bars with 95% intervals, from {value.max():.2f} at "
        f"its highest to {value.min():.2f} at its lowest. Second panel: relative volume of a bar against that of the "
        f"one before, a cloud around a line of slope {slope:.2f}.",
        height=420,
        phone={"height": 760, **STACKED},
    )


def own_plan(
    problem: Problem,
    alternatives: Sequence[Problem],
    risk_aversions: Sequence[float],
    selected: float | None = None,
) -> go.Figure:
    """The Almgren-Chriss plan for every risk aversion, with what the estimates' errors make of it.

    First panel, holdings: the plan, and the band that holds 95% of the plans that the alternatives lead to. Second,
    expected cost against standard deviation in the deterministic-liquidity market, in basis points of the order's
    value: the frontier, and the plan with the range of its cost and deviation over the alternatives.

    Args:
        problem: made of the estimates.
        alternatives: made of draws of them; none leaves bands and ranges out.
        risk_aversions: lambda values > 0 [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    active = int(np.argmin(np.abs(values - (problem.risk_aversion if selected is None else selected))))
    bps = 1e4 / (problem.order.shares * problem.market.price)
    time = np.arange(problem.order.periods + 1)
    curve = frontier(problem, [0.0, *np.geomspace(values[0] / 10, values[-1] * 10, 81)])
    even = problem.order.shares * np.linspace(1, 0, problem.order.periods + 1)

    def planned(value: float) -> dict[str, Any]:
        at = problem.replace(risk_aversion=value)
        trades = trade_list(at)
        worlds = [other.replace(risk_aversion=value) for other in alternatives] or [at]
        low, high = np.quantile([_held(world) for world in worlds], [0.025, 0.975], axis=0)
        cost = np.array([expected_cost(world, trades) for world in [at, *worlds]]) * bps
        deviation = np.array([variance(world, trades) ** 0.5 for world in [at, *worlds]]) * bps
        return {
            "held": _held(at).round(1),
            "low": low.round(1),
            "high": high.round(1),
            "cost": cost[:1].tolist(),
            "costs": np.quantile(cost[1:], [0.025, 0.975]).round(4),
            "deviation": deviation[:1].tolist(),
            "deviations": np.quantile(deviation[1:], [0.025, 0.975]).round(4),
        }

    plans = [planned(float(value)) for value in values]
    moving = {name: Moving(plan[name] for plan in plans) for name in plans[0]}
    plot, blue = Plot(2, gap=0.14), COLOURS["AC"]
    holdings, costs = plot
    holdings.line(time, even, COLOURS["TWAP"], 2, "dot", name="TWAP")
    costs.line((curve["std"] * bps).round(4), (curve["expected_cost"] * bps).round(4), NEUTRAL, 2, name="frontier")
    fill: dict[str, Any] = {"fill": "tonexty", "fillcolor": "rgba(47,127,209,0.3)", "visible": bool(alternatives)}
    holdings.line(time, moving["low"], blue, 0, hover=False)
    holdings.line(time, moving["high"], blue, 0, name="95% of plans", hover=False, **fill)
    holdings.line(time, moving["held"], blue, name="plan")
    costs.dots(moving["deviation"], moving["cost"], blue, 10, name="its cost")
    entry: dict[str, Any] = {"name": "95% of markets", "hover": False}
    upright, level = Moving(2 * x for x in moving["deviation"]), Moving(2 * y for y in moving["cost"])
    costs.line(upright, moving["costs"], blue, 2, showlegend=bool(alternatives), **entry)
    costs.line(moving["deviations"], level, blue, 2, showlegend=False, **entry)
    holdings.x("bars since the start", [0, time[-1]])
    holdings.y("shares held", [0, 1.03 * problem.order.shares])
    top, right = _room(problem, values, bps)
    costs.x("standard deviation of cost (bps)", [0, right])
    costs.y("expected cost (bps)", [0, top])
    plot.slider("risk aversion λ", [f"{1e6 * value:.2g} per million dollars" for value in values], active)
    (cost,), (least, most) = moving["cost"][active], moving["costs"][active]
    return plot.done(
        "First panel: shares held by the Almgren-Chriss plan of the risk aversion set by the slider, in a "
        "narrow band of the plans that other draws of the estimates lead to. Second panel: expected cost against "
        "standard deviation in basis points, a falling curve; at the selected risk aversion the plan costs "
        f"{cost:.1f} basis points, from {least:.1f} to {most:.1f} over the draws.",
        height=500,
        legend={"traceorder": "normal"},
        phone={"height": 860, **STACKED, **SMALL_SLIDER},
    )


def _held(problem: Problem) -> NDArray[np.float64]:
    """Holdings of the Almgren-Chriss plan (N+1,) [shares]."""
    trades = trade_list(problem)
    held = problem.order.shares - np.append(0.0, np.cumsum(trades))
    held[-1] = 0.0
    return np.asarray(held, dtype=np.float64)


def _room(problem: Problem, values: NDArray[np.float64], bps: float) -> tuple[float, float]:
    """Ends of the cost and deviation axes [bps], which stand still while lambda moves."""
    hasty, even = problem.replace(risk_aversion=float(values[-1])), problem.replace(risk_aversion=0.0)
    top = expected_cost(hasty, trade_list(hasty)) * bps
    return 1.25 * top, 1.15 * variance(even, trade_list(even)) ** 0.5 * bps


def cost_sources(rows: pd.DataFrame) -> go.Figure:
    """Intervals of an expected cost by what is uncertain.

    Args:
        rows: a row an interval, first at the top: label, colour, value, low, high [bps].
    """
    plot, hover = Plot(), "%{y}: %{x:.2f} bps"
    plot.dots(rows["value"], rows["label"], rows["colour"], 11, hover=hover)
    for row in rows.itertuples():
        plot.line([row.low, row.high], [row.label] * 2, str(row.colour), 3, hover=hover)
    plot.x("expected cost of the plan (bps)", [0, 1.05 * float(rows["high"].max())])
    plot.y(categoryorder="array", categoryarray=list(rows["label"])[::-1])
    said = (f"{row.label}, {row.value:.1f} ({row.low:.1f} to {row.high:.1f}) bps" for row in rows.itertuples())
    return plot.done(
        f"Expected cost with 95% intervals: {'; '.join(said)}.",
        height=130 + 44 * len(rows),
        phone={"yaxis": {"tickfont": {"size": 10}}},
    )
