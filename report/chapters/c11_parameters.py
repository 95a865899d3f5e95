"""*When parameters are wrong*: what misestimates cost, exactly and on common shocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

import optexec as ox
from optexec.evaluation import mean, plus_minus
from optexec.figures.style import COLOURS, NEUTRAL, digits
from optexec.stress import PLANNERS
from report.chapters.c08_optimum import uncapped
from report.plot import Plot

__all__ = [
    "EPISODES",
    "MAKERS",
    "SEED",
    "TITLES",
    "Corners",
    "Distance",
    "Enough",
    "Regret",
    "Regrets",
    "Right",
    "SmallErrors",
    "Urgencies",
    "Valleys",
    "believed",
    "corners",
    "corners_table",
    "distance",
    "enough",
    "only_ratios",
    "regret",
    "regret_curves",
    "regret_valleys",
    "regrets",
    "regrets_table",
    "right",
    "small_errors",
    "tornado",
    "urgencies",
    "valleys",
]

EPISODES, SEED = 20_000, 42
TITLES = {"eta": "impact η", "sigma": "volatility σ", "mean": "mean of L", "speed": "speed of L"}
"""What is misjudged, as the figures call it."""
MAKERS = {name: PLANNERS[name] for name in ("AC", "rolling", "optimum")}
TRUTH = ox.presets.stochastic()
PROCESS: ox.OrnsteinUhlenbeck = TRUTH.market.liquidity  # type: ignore[assignment]


def believed(eta: float = 1.0, sigma: float = 1.0, mean: float = 1.0, speed: float = 1.0, **others: Any) -> ox.Problem:
    """The problem of a trader who misjudges parameters of the default market by these factors; L_0 is observed."""
    liquidity = replace(PROCESS, mean=mean * PROCESS.mean, speed=speed * PROCESS.speed, initial=PROCESS.start)
    market = TRUTH.market
    changed = {"temporary": eta * market.temporary, "volatility": sigma * market.volatility, "liquidity": liquidity}
    return TRUTH.replace(**changed, **others)


def regret(policy: ox.Policy) -> float:
    """J above the optimum's in the true market [$], exactly."""
    J = ox.exact_objective(TRUTH, policy) if isinstance(policy, ox.Schedule) else ox.exact_value(TRUTH, policy)
    return J - ox.optimum(TRUTH).value


def planned(name: str, key: str, factor: float) -> float:
    """The regret of a policy that was planned with one parameter misjudged [$]."""
    return regret(MAKERS[name](believed(**{key: factor})))


@dataclass(frozen=True)
class Right:
    """The costs of the methods: regret with all parameters right [$]."""

    ac: float
    rolling: float
    optimum: float
    value: float
    """the optimum's J [$]"""


def right() -> Right:
    """What each method costs with the right numbers."""
    averse, rolling, best = (regret(make(TRUTH)) for make in MAKERS.values())
    found = Right(averse, rolling, best, ox.optimum(TRUTH).value)
    plan = ox.almgren_chriss(TRUTH)
    assert np.isclose(ox.exact_value(TRUTH, plan), ox.exact_objective(TRUTH, plan), rtol=1e-8)
    assert abs(found.optimum) < 1e-3 < found.rolling < 0.02 * found.ac
    return found


@dataclass(frozen=True)
class Regret:
    """What believing a parameter half or twice as large costs a policy [$]."""

    total: float
    """above the optimum"""
    total_ci: float
    own: float
    """above the same policy planned right"""
    own_ci: float


@dataclass(frozen=True)
class Regrets:
    """Every policy with one parameter wrong by a factor of two."""

    table: pd.DataFrame
    """a row each, as `tornado` draws them"""
    half: Mapping[str, Mapping[str, Regret]]
    """by parameter (its key in `TITLES`) and policy"""
    twice: Mapping[str, Mapping[str, Regret]]
    worst: float
    """the optimum's regret with twice the volatility [% of its J]"""
    speed_optimum: float
    """the larger regret with a wrong speed [$]"""
    speed_rolling: float


def _wrong_by_two(best: Right) -> Iterator[dict[str, Any]]:
    base = {name: ox.simulate(TRUTH, make(TRUTH), EPISODES, SEED).objective for name, make in MAKERS.items()}
    methods = dict(zip(MAKERS, (best.ac, best.rolling, best.optimum), strict=True))
    for key, factor, (name, make) in product(TITLES, (0.5, 2.0), MAKERS.items()):
        policy = make(believed(**{key: factor}))
        exact = regret(policy)
        row = {"key": key, "parameter": TITLES[key], "factor": factor, "policy": name, "right": methods[name]}
        if name == "AC":
            yield row | {"exact": exact, "regret": exact, "ci": 0.0, "own": exact - methods[name], "own_ci": 0.0}
            continue
        J = ox.simulate(TRUTH, policy, EPISODES, SEED).objective
        over, own = mean(J - base["optimum"]), mean(J - base[name])
        yield row | {"exact": exact, "regret": over.value, "ci": over.ci, "own": own.value, "own_ci": own.ci}


def regrets(best: Right) -> Regrets:
    """What misjudging a parameter by a factor of two costs: AC exactly, the others paired on the same shocks.

    Args:
        best: the same policies with all parameters right.
    """
    rows = list(_wrong_by_two(best))
    by: dict[float, dict[str, dict[str, Regret]]] = {0.5: {}, 2.0: {}}
    exact = {(row["policy"], row["key"], row["factor"]): row["exact"] for row in rows}
    for row in rows:
        found = Regret(row["regret"], row["ci"], row["own"], row["own_ci"])
        by[row["factor"]].setdefault(row["key"], {})[row["policy"].lower()] = found
        if row["policy"] != "AC":  # sixteen simulated regrets against the recursion
            assert abs((row["regret"] - row["exact"]) / (row["ci"] / 1.96)) < 3.5
        assert row["exact"] > -1e-3  # nothing is better than the optimum
    for name, method in zip(MAKERS, (best.ac, best.rolling, best.optimum), strict=True):
        of = {(key, factor): exact[name, key, factor] for key, factor in product(TITLES, (0.5, 2.0))}
        assert max(of, key=lambda which: of[which]) == ("sigma", 2.0)
        assert max(of["speed", factor] for factor in (0.5, 2.0)) - method < 2
        assert of["eta", 0.5] > 1.3 * of["eta", 2.0]  # the hasty error is the dearer one
        assert of["sigma", 2.0] > 1.8 * of["sigma", 0.5]
    assert exact["rolling", "mean", 0.5] > exact["AC", "mean", 0.5] + 20
    assert abs(exact["optimum", "mean", 0.5] - exact["optimum", "mean", 2.0]) < 5
    half, twice = by[0.5], by[2.0]
    return Regrets(
        pd.DataFrame(rows),
        half,
        twice,
        worst=100 * twice["sigma"]["optimum"].total / best.value,
        speed_optimum=max(half["speed"]["optimum"].total, twice["speed"]["optimum"].total),
        speed_rolling=max(half["speed"]["rolling"].total, twice["speed"]["rolling"].total),
    )


def regrets_table(found: Regrets, column: str, value: float) -> pd.DataFrame:
    """Regrets in dollars and in percent of the optimum's J, by belief and policy.

    Args:
        found: what was measured.
        column: "regret", above the optimum, or "own", above the same policy planned right.
        value: the optimum's J [$].
    """
    table, half = found.table, "ci" if column == "regret" else "own_ci"
    labels = table["parameter"] + table["factor"].map({0.5: ", believed ½×", 2.0: ", believed 2×"})
    pairs = zip(table[column], table[half], strict=True)
    cells = [f"{plus_minus(x, ci, 2)} ({100 * x / value:.2f}%)" for x, ci in pairs]
    wide = table.assign(belief=labels, cell=cells).pivot_table(
        index="belief", columns="policy", values="cell", aggfunc="first"
    )
    named = wide.loc[list(labels.unique()), list(MAKERS)].rename(columns=lambda name: f"{name} ($)")
    return named.rename_axis(columns=None)


def only_ratios() -> None:
    """Which errors cancel: common factors for everyone, impact and the mean of liquidity for AC."""

    def same(one: ox.Problem, other: ox.Problem) -> bool:
        runs = [[ox.simulate(TRUTH, make(p), 50).trades for make in MAKERS.values()] for p in (one, other)]
        return all(np.allclose(a, b, rtol=0, atol=0.01) for a, b in zip(*runs, strict=True))  # shares

    assert same(believed(sigma=2), believed(risk_aversion=4 * TRUTH.risk_aversion))
    assert same(believed(eta=2, permanent=2 * TRUTH.market.permanent, sigma=2**0.5), believed())
    assert not same(believed(eta=2), believed())

    def plan(key: str, factor: float) -> NDArray[np.float64]:
        return ox.almgren_chriss(believed(**{key: factor})).trades

    assert np.allclose(plan("eta", 2.0), plan("mean", 0.5), rtol=1e-12)
    assert np.array_equal(plan("speed", 2.0), plan("speed", 1.0))


@dataclass(frozen=True)
class Valleys:
    """Regret with impact and volatility misjudged together."""

    maps: Mapping[str, NDArray[np.float64]]
    """by policy, (volatilities, impacts) [$]"""
    along: float
    """the optimum's at 4 eta and 2 sigma [$]"""
    across: float
    """at 4 eta and sigma / 2"""
    impact: float
    """at 4 eta"""


def valleys(impacts: Sequence[float], volatilities: Sequence[float], best: Right) -> Valleys:
    """Two parameters misjudged at once, by these factors from 1/4 to 4 and from 1/2 to 2."""
    maps = {
        name: np.array([[regret(MAKERS[name](believed(eta=e, sigma=s))) for e in impacts] for s in volatilities])
        for name in ("AC", "optimum")
    }
    optimal = maps["optimum"]
    found = Valleys(maps, optimal[-1, -1], optimal[0, -1], optimal[len(volatilities) // 2, -1])
    assert found.along < 0.001 * found.across
    assert maps["AC"][-1, -1] - best.ac < 0.05 * best.ac
    return found


@dataclass(frozen=True)
class Corners:
    """All four parameters wrong by a factor of two: regrets of sixteen combinations [$]."""

    table: pd.DataFrame
    """by factors and policy"""
    ac_worst: float
    lucky: float
    """AC with twice eta and sigma, and half the mean"""
    bent: float
    """the factor of eta with which AC does best"""
    gained: float
    """what AC then gains"""


def corners(best: Right) -> Corners:
    """What four errors at once cost, and which error of one parameter helps AC."""
    factors = list(product((0.5, 2.0), repeat=4))
    names = [", ".join("½" if c < 1 else "2" for c in corner) for corner in factors]
    found = {name: [regret(make(believed(*corner))) for corner in factors] for name, make in MAKERS.items()}
    table = pd.DataFrame(found, index=names)
    lucky = regret(ox.almgren_chriss(believed(2, 2, 0.5)))
    assert 0.9 * best.value < table["AC"].max() < best.value
    assert lucky < best.ac
    assert np.isclose(lucky, table["AC"].min())
    assert table["optimum"].min() < best.ac < table["optimum"].median()

    bent = minimize_scalar(
        lambda c: ox.exact_objective(TRUTH, ox.almgren_chriss(believed(eta=c))), bounds=(0.8, 1.5), method="bounded"
    )
    gained = best.ac - (bent.fun - best.value)
    averse, static = ox.almgren_chriss(TRUTH), ox.best_static(TRUTH)
    assert 1.0 < bent.x < 1.2
    assert 0 < gained < 1
    assert gained <= ox.exact_objective(TRUTH, averse) - ox.exact_objective(TRUTH, static)
    return Corners(table, table["AC"].max(), lucky, bent.x, gained)


def corners_table(found: Corners) -> pd.DataFrame:
    """The cheapest, the median and the dearest combination, by policy."""
    table = found.table
    return pd.DataFrame(
        {
            "cheapest: η, σ, mean, speed": table.idxmin(),
            "its regret ($)": table.min().map("{:,.2f}".format),
            "median ($)": table.median().map("{:,.0f}".format),
            "dearest: η, σ, mean, speed": table.idxmax(),
            "its regret ($)\N{NO-BREAK SPACE}": table.max().map("{:,.0f}".format),
        }
    ).T.rename_axis("factors and regret")


@dataclass(frozen=True)
class Distance:
    """Twice the impact, two ways: the regret as a squared distance, and as a difference of costs [$]."""

    squared: float
    squared_ci: float
    direct: float
    direct_ci: float


def distance() -> Distance:
    """The identity in simulation, for an optimum that was planned with twice the impact."""
    run, best = ox.simulate(TRUTH, ox.optimum(believed(eta=2)), EPISODES, SEED), uncapped(TRUTH)
    base = ox.simulate(TRUTH, best, EPISODES, SEED).objective
    squares = np.zeros(EPISODES)
    for k in range(TRUTH.order.periods - 1):
        L, x = run.liquidity[:, k], run.inventory[:, k]
        q2 = np.interp(L, best.levels, best.coefficients.q2[k])
        squares += q2 * (run.trades[:, k] - best.fraction(k, L) * x) ** 2
    squared, direct = mean(squares), mean(run.objective - base)
    assert abs(mean(squares - run.objective + base).value) < 1.5 * direct.ci
    assert squared.ci < direct.ci
    return Distance(squared.value, squared.ci, direct.value, direct.ci)


@dataclass(frozen=True)
class Ends:
    """Below and above these factors of belief."""

    low: float
    high: float


@dataclass(frozen=True)
class SmallErrors:
    """Regret near the truth, and where an error costs more than adapting is worth."""

    curves: pd.DataFrame
    """a row a parameter, policy and factor, as `regret_curves` draws them"""
    power_low: float
    """the least power of the error, between the two, over the parameters"""
    power_high: float
    rule: float
    """how many times less the larger of them costs than one of a factor of two, if as the square"""
    volatility: float
    """the optimum's regret with so much too much volatility [$]"""
    volatility_percent: float
    """[% of its J]"""
    tuned: float
    """by how much too large an impact the rolling rule does best with [%]"""
    tuned_regret: float
    """and its regret then [$]"""
    even: Mapping[str, Ends]
    """by parameter, where AC's error costs more than adapting"""
    crossing: Mapping[str, Ends]
    """where the optimum planned wrong falls behind AC planned right"""
    quarter: float
    """how well volatility must be known for the finest method to be worth it [%]"""


def small_errors(best: Right, errors: tuple[float, float]) -> SmallErrors:
    """Why small errors are almost free, and those of a factor of two are not.

    Args:
        best: the methods with the right numbers.
        errors: two relative errors, the larger one last.
    """
    near = np.exp([0.01, 0.04, 0.1, 0.18])
    fine = np.sort([*np.geomspace(1 / 4, 4, 9), *near, *1 / near])
    curves = pd.DataFrame(
        [
            {"parameter": TITLES[key], "policy": name, "factor": factor, "regret": planned(name, key, factor)}
            for key, name, factor in product(TITLES, MAKERS, fine)
            if not (key == "speed" and factor > 2)  # 1 - speed dt must not be negative
        ]
    )
    speed = (curves["parameter"] == TITLES["speed"]) & (curves["policy"] == "optimum")
    assert curves[speed]["regret"].max() < best.ac
    once, twice = (np.array([planned("optimum", key, np.exp(error)) for key in TITLES]) for error in errors)
    powers = np.log(twice / once) / np.log(errors[1] / errors[0])
    assert (powers > 1.8).all()
    assert (powers < 2.2).all()
    tuned = minimize_scalar(
        lambda c: planned("rolling", "eta", c), bounds=(0.9, 1.3), method="bounded", options={"xatol": 1e-3}
    )
    assert 1.02 < tuned.x < 1.1
    assert tuned.fun < 0.1 * best.rolling

    def ends(name: str, key: str, level: float) -> Ends:
        sides = ((0.25, 1), (1, 4))
        return Ends(*(brentq(lambda c: planned(name, key, c) - level, *side) for side in sides))

    known = ("eta", "sigma", "mean")
    crossing = {key: ends("optimum", key, best.ac) for key in known}
    volatile = planned("optimum", "sigma", 1 + errors[1])
    return SmallErrors(
        curves,
        powers.min(),
        powers.max(),
        rule=(np.log(2) / np.log(1 + errors[1])) ** 2,
        volatility=volatile,
        volatility_percent=100 * volatile / best.value,
        tuned=100 * (tuned.x - 1),
        tuned_regret=tuned.fun,
        even={key: ends("AC", key, 2 * best.ac) for key in known},
        crossing=crossing,
        quarter=100 * (crossing["sigma"].high - 1),
    )


@dataclass(frozen=True)
class Urgencies:
    """The urgency kappa [1/period] that AC plans with."""

    impact: float
    """believing four times the impact"""
    volatility: float
    """believing half the volatility"""


def urgencies() -> Urgencies:
    """Two errors that are one without permanent impact, and not quite one with it."""

    def both(permanent: float) -> Urgencies:
        errors: tuple[dict[str, float], ...] = ({"eta": 4}, {"sigma": 0.5})
        return Urgencies(*(ox.urgency(believed(permanent=permanent, **error)) for error in errors))

    without, found = both(0.0), both(TRUTH.market.permanent)
    assert np.isclose(without.impact, without.volatility, rtol=1e-12)
    assert found.impact < found.volatility
    return found


@dataclass(frozen=True)
class Enough:
    """How many returns a volatility needs, for an expected regret of $1."""

    curvature: float
    """of the optimum's regret in the relative error [$]"""
    returns: int
    orders: float
    """executions that last as long"""
    draws: int
    """estimates drawn"""
    regret: float
    """their mean [$]"""
    regret_ci: float


def enough() -> Enough:
    """The number of returns by the curvature of regret at the truth, checked on drawn estimates."""
    sides = planned("optimum", "sigma", np.exp(0.05)) + planned("optimum", "sigma", np.exp(-0.05))
    curvature = sides / 0.05**2
    n = int(np.ceil(curvature / 4))
    estimates = np.sqrt(np.random.default_rng(SEED).chisquare(n, size=100) / n)
    found = mean(np.array([planned("optimum", "sigma", estimate) for estimate in estimates]))
    assert abs(found.value - 1) < 1.5 * found.ci + 0.05
    return Enough(curvature, n, n / TRUTH.order.periods, len(estimates), found.value, found.ci)


WRONG = {"½": "#6c8ebf", "2": "#c8775a"}
"""Colours of a parameter believed to be half and twice what it is."""


FACTORS = ["¼×", "½×", "1×", "2×", "4×"]


def tornado(regrets: pd.DataFrame) -> go.Figure:
    """What misestimates by a factor of two cost: bars on either side of zero, with 95% intervals, a panel a policy.

    Args:
        regrets: a row an estimate, with columns policy, parameter, factor (0.5 or 2), regret and ci [$], and right, the
            regret of the same policy with all parameters right [$].
    """
    policies = list(dict.fromkeys(regrets["policy"]))
    largest = regrets.groupby("parameter")["regret"].max().sort_values()
    reach = 1.3 * float(regrets["regret"].max())
    plot = Plot(policies, gap=0.04, shared_y=True)
    for panel, policy in zip(plot, policies, strict=True):
        here = regrets[regrets["policy"] == policy].set_index("parameter")
        for (label, colour), side in zip(WRONG.items(), (-1, 1), strict=True):
            rows = here[here["factor"] == (0.5 if side < 0 else 2.0)].loc[largest.index]
            regret, half = rows["regret"], rows["ci"]
            panel.bars(
                (side * regret).round(2),
                list(rows.index),
                colour,
                orientation="h",
                name=f"believed {label}×",
                key=label,
                text=[f"\N{EN SPACE}{value:,.0f}\N{EN SPACE}" if value >= 9.5 else f"{value:.2g}" for value in regret],
                textposition="outside",
                textangle=0,
                cliponaxis=False,
                error_x={"array": half.round(2), "color": NEUTRAL, "thickness": 1.5, "width": 3},
                customdata=[plus_minus(value, around, 2) for value, around in zip(regret, half, strict=True)],
                hover=f"{policy}, %{{y}} believed {label}×: %{{customdata}} $",
            )
            panel.vline(side * float(here["right"].iloc[0]), COLOURS[policy])
    plot.x(span=[-reach, reach], ticks={tick: f"{abs(tick)}" for tick in (-300, -150, 0, 150, 300)}, zeroline=True)
    title = "J above the optimum ($)"
    plot[(len(policies) - 1) // 2].x(title)
    phone = plot.stacked(250 * len(policies), 0.1, legend={"y": 1.06})
    for i, axis in enumerate(axis for axis in phone if axis.startswith("xaxis")):
        phone[axis]["title"] = {"text": title if i == len(policies) - 1 else ""}
    return plot.done(
        "Tornado: J above the optimum when one parameter is believed to be half (blue bars) or twice (brown "
        f"bars) what it is, a panel each for {', '.join(policies)}, sorted by size: {', '.join(largest.index[::-1])}.",
        height=390,
        barmode="overlay",
        bargap=0.35,
        margin={"t": 70, "l": 110},
        legend={"y": 1.12},
        phone=phone,
    )


def regret_curves(curves: pd.DataFrame, level: float) -> go.Figure:
    """J above the optimum against the factor by which a parameter is misjudged, both on log scales.

    Args:
        curves: columns parameter (a panel each), policy, factor and regret [$].
        level: a regret to compare with, that of AC with all parameters right [$].
    """
    parameters = list(dict.fromkeys(curves["parameter"]))
    plot = Plot(parameters, rows=2, gap=0.05, shared_y=True, vertical_spacing=0.2)
    for panel, parameter in zip(plot, parameters, strict=True):
        rows = curves[curves["parameter"] == parameter]
        for policy in dict.fromkeys(rows["policy"]):
            line = rows[rows["policy"] == policy]
            hover = f"{policy}, believed %{{x:.2f}}×: %{{y:.3g}} $<extra>{parameter}</extra>"
            y = digits(line["regret"].clip(lower=1e-3), 4)
            panel.line(line["factor"].round(4), y, COLOURS[policy], key=policy, hover=hover)
        panel.hline(level, COLOURS["AC"], 1.2)
        panel.vline(1, width=1, dash=None)
    plot.x(type="log", ticks=dict(zip([0.25, 0.5, 1, 2, 4], FACTORS, strict=True)))
    plot.x("believed / true", row=2)
    plot.y(type="log", ticks=[0.01, 0.1, 1, 10, 100, 1000], tickformat=",", span=[-2, 3.5])
    plot.y("J above the optimum ($)", col=1)
    return plot.done(
        "Regret against the factor of misjudgement on log-log axes, one panel each for "
        f"{', '.join(parameters)}. The optimum's regret falls to zero at the true value; AC's has a floor there.",
        height=620,
        legend={"y": 1.07},
        margin={"t": 64},
        phone=plot.stacked(1300, 0.07, legend={"y": 1.04}),
    )


def regret_valleys(
    impacts: Sequence[float], volatilities: Sequence[float], panels: Mapping[str, NDArray[np.float64]]
) -> go.Figure:
    """Maps of J above the optimum with eta (across) and sigma (up) misjudged; a valley where the errors cancel.

    Args:
        impacts: eta, believed over true, ascending (E,).
        volatilities: sigma, believed over true, ascending (S,).
        panels: regret (S, E) [$] by policy.
    """
    plot = Plot(panels, gap=0.05, shared_y=True)
    contours = [3, 10, 30, 100, 300, 1000]
    reach = float(np.log2(impacts[-1]))
    for panel, (name, regret) in zip(plot, panels.items(), strict=True):
        panel.add(
            "contour",
            x=np.log2(impacts).round(4),
            y=np.log2(volatilities).round(4),
            z=np.log10(np.maximum(regret, 0.1)).round(3),  # below the last colour, or the valley breaks into beads
            customdata=np.round(regret, 2),
            zmin=np.log10(contours[0]),
            zmax=3,
            contours={"start": 0.75, "end": 3, "size": 0.25, "coloring": "heatmap"},
            line={"width": 0.5, "color": "rgba(128,128,128,0.6)"},
            colorscale="Viridis_r",
            showscale=panel is plot[-1],
            colorbar={
                "title": {"text": "$ above<br>optimum"},
                "tickvals": np.log10(contours),
                "ticktext": [f"{'≤ ' if value == contours[0] else ''}{value:,.0f}" for value in contours],
                "thickness": 14,
            },
            hover=f"{name}: %{{customdata:,.1f}} $",
        )
        panel.line([-reach, reach], [-reach / 2, reach / 2], "#ff8c69", 2, "dash", hover=False)
        panel.dots([0], [0], COLOURS["optimum"], 10, "x", hover="the truth")
    ticks = dict(zip([-2, -1, 0, 1, 2], FACTORS, strict=True))
    ends, heights = np.log2([impacts[0], impacts[-1]]), np.log2([volatilities[0], volatilities[-1]])
    plot.x("believed η / true η", ends, ticks=ticks, showgrid=False, zeroline=False)
    plot.y(span=heights, ticks=ticks, showgrid=False, zeroline=False)
    plot[0].y("believed σ / true σ")
    return plot.done(
        f"Maps of regret over the believed impact and the believed volatility for {' and '.join(panels)}: a "
        "valley of low regret runs through the truth along a dashed line, on which impact grows with the variance.",
        height=430,
        phone=plot.stacked(760, 0.16, annotations={1: {"x": 0.5, "y": 0.43}}),
    )
