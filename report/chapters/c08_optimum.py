"""*The exact optimum*: the recursion against closed forms and simulation, the rolling rule, adapting's value, caps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas.io.formats.style import Styler

import optexec as ox
from optexec.evaluation import Estimate, mean, plus_minus
from optexec.figures.style import COLOURS, NEUTRAL, add_slider, digits
from optexec.liquidity import cached_chain
from optexec.optimum import Optimum
from optexec.policies import Rolling
from optexec.stress import PLANNERS
from report.plot import Moving, Plot

__all__ = [
    "Adapting",
    "Beyond",
    "Capped",
    "Caps",
    "Conductors",
    "Reaction",
    "Refinement",
    "RollingRule",
    "Speeds",
    "adapting",
    "beyond",
    "binding",
    "caps",
    "caps_table",
    "closed_forms",
    "conductors",
    "gains",
    "haste",
    "identity",
    "played",
    "reaction",
    "refinement",
    "refinement_table",
    "rolling_rule",
    "speed_and_spread",
    "speeds",
    "value_of_adapting",
]

Array = NDArray[np.float64]
EPISODES, SEED = 20_000, 42


def uncapped(problem: ox.Problem) -> Optimum:
    """The optimum of a market without caps, with its coefficients."""
    best = ox.optimum(problem)
    assert isinstance(best, Optimum)
    return best


def closed_forms(problem: ox.Problem) -> Styler:
    """The recursion against closed forms: Almgren-Chriss in two markets, and Obizhaeva and Wang's book.

    Args:
        problem: the original note's market, whose golden value is checked too.
    """

    def planned(at: ox.Problem) -> float:
        plan = ox.almgren_chriss(at)
        return plan.expected_cost + at.risk_aversion * plan.variance

    calm, paper = ox.presets.reference(), ox.presets.almgren_chriss_2000()
    only_transient = {"temporary": 0.0, "permanent": 0.0, "transient": 0.02, "decay": 0.1, "decay_noise": 0.0}
    book = calm.replace(periods=21, risk_aversion=0.0, **only_transient)
    alpha, q = np.exp(-0.1), 0.02
    cases = {
        "the original note, constant liquidity": (calm, planned(calm)),
        "Almgren and Chriss (2000)": (paper, planned(paper)),
        "Obizhaeva and Wang, 21 trades": (book, q * 1000**2 * (1 + alpha) / 2 / (2 + 19 * (1 - alpha))),
    }
    golden = pd.DataFrame(
        {name: {"recursion": ox.optimum(at).value, "closed form": value} for name, (at, value) in cases.items()}
    ).T
    golden["relative difference"] = golden["recursion"] / golden["closed form"] - 1
    assert golden["relative difference"].abs().max() < 1e-10
    collapse = problem.replace(liquidity=ox.OrnsteinUhlenbeck(mean=0.3, volatility=0.1, initial=0.3))
    assert np.isclose(ox.optimum(problem).value, 1798.63, rtol=1e-5)
    assert np.isclose(ox.optimum(collapse).value, 3256.01, rtol=1e-5)
    return golden.rename_axis("market").style.format(
        {"recursion": "{:,.4f}", "closed form": "{:,.4f}", "relative difference": "{:.0e}"}
    )


def played(kinds: Mapping[str, ox.Problem]) -> Styler:
    """The recursion's value of each market beside the simulated J of its own policy."""
    rows = {}
    for name, at in kinds.items():
        rule = ox.optimum(at)
        J = mean(ox.simulate(at, rule, EPISODES, SEED).objective)
        rows[name] = [rule.value, rule.grid_error, J.value, J.ci, (J.value - rule.value) / (J.ci / 1.96)]
    own = pd.DataFrame(rows, index=["value", "grid error", "simulated", "±", "z"]).T
    assert own["z"].abs().max() < 3
    assert (own["grid error"] / own["value"]).max() < 1e-5
    return own.rename_axis("market").style.format("{:,.2f}").format("{:.4f}", subset=["grid error"])


def identity(
    mistakes: Callable[[ox.Problem, ox.Policy], tuple[Array, Array]], markets: Mapping[str, ox.Problem]
) -> pd.DataFrame:
    """J above the optimum by subtraction and as a sum of squared mistakes.

    Args:
        mistakes: of a policy, both, by episode (n,) [$].
        markets: by name.
    """
    rows = []
    for label, at in markets.items():
        for name in ("TWAP", "AC", "best static", "rolling"):
            subtracted, squares = mistakes(at, PLANNERS[name](at))
            by_luck, squared, gap = mean(subtracted), mean(squares), mean(subtracted - squares)
            assert abs(gap.value) < 1.6 * gap.ci  # 3 standard errors: the identity holds
            assert squared.ci < by_luck.ci or name == "TWAP"  # near the optimum it is the sharper one
            if name == "rolling" and not at.market.transient:
                assert by_luck.ci > 1000 * squared.ci
                excess = ox.exact_value(at, ox.rolling(at)) - ox.optimum(at).value
                assert abs(squared.value - excess) < 1.6 * squared.ci
            shown = (plus_minus(m.value, m.ci, 4 if m.ci < 0.01 else 2) for m in (by_luck, squared))
            rows.append([f"{label}: {name}", *shown])
    columns = ["market and policy", "by subtraction", "squared mistakes"]
    return pd.DataFrame(rows, columns=columns).set_index("market and policy")


@dataclass(frozen=True)
class Reaction:
    """What the optimum sells first, by liquidity [% of the order], and with two periods to go [% of what is left]."""

    thin: float
    """at half of normal liquidity"""
    normal: float
    deep: float
    """at twice that"""
    ac: float
    """Almgren-Chriss, whatever it sees"""
    late_thin: float
    late_deep: float


def reaction(problem: ox.Problem, risk_aversions: Sequence[float]) -> Reaction:
    """How the optimum answers to liquidity; the less, the larger the risk aversion."""
    best, plan = ox.optimum(problem), ox.almgren_chriss(problem)
    levels = np.linspace(0.2, 2.0, 37)
    optimal = np.array([best.fraction(k, levels) for k in range(19)])
    ratio = optimal / plan.fractions[:-1, None]
    thin, normal, deep = (best.fraction(0, level) for level in (0.5, 1.0, 2.0))
    assert (np.diff(optimal, axis=1) > 0).all()  # more liquidity, larger trade, in every period
    assert 0.5 < thin / normal < 0.6  # less than in proportion
    assert 1.6 < deep / normal < 2
    assert np.ptp(ratio[0]) > 2 * np.ptp(ratio[-1])  # the end of the day leaves less choice
    averse = [ox.optimum(problem.replace(risk_aversion=value)) for value in risk_aversions]
    assert (np.diff([rule.fraction(0, 2.0) / rule.fraction(0, 0.5) for rule in averse]) < 0).all()
    return Reaction(
        thin=100 * thin,
        normal=100 * normal,
        deep=100 * deep,
        ac=100 * plan.fractions[0],
        late_thin=100 * best.fraction(18, 0.5),
        late_deep=100 * best.fraction(18, 2.0),
    )


@dataclass(frozen=True)
class RollingRule:
    """What the rolling rule misses, and what adapting is worth in its market."""

    levels: Array
    """of liquidity (G,)"""
    optimal: Array
    """the optimum's fractions (K, G)"""
    rolling: Array
    """the rule's"""
    thin: float
    """sold too much in the first period when the book is half as deep [% of the optimum's trade]"""
    normal: float
    """at normal liquidity"""
    excess: float
    """J above the optimum's [$]"""
    closed: float
    """of the gap between the best schedule and the optimum [%]"""
    value: float
    """the optimum's J [$]"""
    adapting: float
    """the best schedule's J less the optimum's [$]"""
    adapting_percent: float
    """[% of the best schedule's]"""


def rolling_rule(problem: ox.Problem) -> RollingRule:
    """Where the rolling rule sells too fast, and how little that costs."""
    rolling, best = ox.rolling(problem), uncapped(problem)
    assert isinstance(rolling, Rolling)
    fractions = rolling.table.values  # noqa: PD011 - no frame
    haste = fractions - best.coefficients.of_inventory
    assert haste[:-2].min() > 0  # faster than the optimum, at any level in any period
    assert np.allclose(haste[-2:], 0, atol=1e-12)  # with one choice left there is nothing to miss
    first = rolling.table.at(np.array([0]), np.array([1.0]))[0]  # the first trade is that of the best schedule
    assert np.isclose(first, ox.best_static(problem).fractions[0], rtol=1e-4)

    levels = np.linspace(0.2, 2.0, 37)
    optimal = np.array([best.fraction(k, levels) for k in range(19)])
    sold = np.array([np.interp(levels, rolling.table.levels, row) for row in fractions[:-1]])
    half = int(np.searchsorted(levels, 0.5))
    J, static = ox.exact_value(problem, rolling), ox.exact_objective(problem, ox.best_static(problem))
    found = RollingRule(
        levels,
        optimal,
        sold,
        thin=100 * (sold[0][half] / best.fraction(0, levels[half]) - 1),
        normal=100 * (np.interp(1.0, levels, sold[0]) / best.fraction(0, 1.0) - 1),
        excess=J - best.value,
        closed=100 * (static - J) / (static - best.value),
        value=best.value,
        adapting=static - best.value,
        adapting_percent=100 * (1 - best.value / static),
    )
    assert 98 < found.closed < 99
    return found


Gain = Callable[[float, float, float], tuple[float, float]]


def gains(
    gain: Gain, spreads: Sequence[float], half_lives: Sequence[float], urgencies: Sequence[float]
) -> dict[float, pd.DataFrame]:
    """What adapting is worth by the urgency kappa T: tables of percentages, spreads by half-lives.

    Args:
        gain: of spread, half-life and urgency, what adapting saves [%], and the grid's error in it.
        spreads: standard deviations of log L.
        half_lives: in parts of T.
        urgencies: kappa T.
    """
    tables = {}
    for urgency in urgencies:
        cells = np.array([[gain(s, t, urgency) for t in half_lives] for s in spreads])
        assert cells[:, :, 1].max() < 0.3  # percentage points, an upper estimate
        tables[urgency] = pd.DataFrame(cells[:, :, 0], index=list(spreads), columns=list(half_lives))
    return tables


@dataclass(frozen=True)
class Adapting:
    """What adapting is worth at kappa T = 1 [% of the best schedule's J], by when the schedule is fixed."""

    morning: float
    """after the first look: spread 0.5, half-life T/10"""
    evening: float
    """before it"""
    slow_morning: float
    """half-life 10 T"""
    slow_evening: float
    fast: float
    """spread 0.7, half-life T/100, after the first look"""


def adapting(tables: Mapping[float, pd.DataFrame], evening: float, slow: float, market: ox.Problem) -> Adapting:
    """What the maps of `gains` say.

    Args:
        tables: they.
        evening: the gain at spread 0.5 and half-life T/10 over a schedule that is fixed before the first look [%].
        slow: at half-life 10 T.
        market: that of ``evening``, whose optimum is played.
    """
    one = tables[1.0]
    assert (one.diff().iloc[1:] > 0).all(axis=None)
    assert (one.T.diff().iloc[1:] < 0).all(axis=None)
    assert abs(np.log2(one[0.1][0.1] / one[0.1][0.05]) - 2) < 0.1  # second order in the spread
    assert one[10.0].max() < 0.05  # slow liquidity: nothing
    assert tables[6.0][0.3][0.5] < 0.5 * one[0.3][0.5]  # urgent sellers cannot wait
    assert 8.5 < evening < 10
    assert slow < 0.5
    J = ox.simulate(market, ox.optimum(market), EPISODES, SEED).objective
    assert abs(J.mean() - ox.optimum(market).value) < 3 * J.std() / EPISODES**0.5
    return Adapting(one[0.1][0.5], evening, one[10.0][0.5], slow, one[0.01][0.7])


@dataclass(frozen=True)
class Speeds:
    """What adapting is worth by speed and spread of the standard market's liquidity."""

    table: pd.DataFrame
    """[% of the best schedule's J], spreads by speeds"""
    own: tuple[float, float]
    """speed and spread of the standard market"""
    pairs: int


def speeds(problem: ox.Problem) -> Speeds:
    """What adapting saves of the best schedule's J in the standard market with other liquidity, exactly."""

    def worth(speed: float, spread: float) -> float:
        volatility = spread * (1 - (1 - speed) ** 2) ** 0.5
        at = problem.replace(liquidity=ox.OrnsteinUhlenbeck(speed=speed, volatility=volatility))
        return 100 * (1 - ox.optimum(at).value / ox.exact_objective(at, ox.best_static(at)))

    own = 0.5, 0.2 / (1 - 0.5**2) ** 0.5
    across = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    down = [0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, own[1], 0.25, 0.275, 0.3, 0.325, 0.35]
    table = pd.DataFrame([[worth(t, s) for t in across] for s in down], index=down, columns=across)
    static = ox.exact_objective(problem, ox.best_static(problem))
    assert np.isclose(table[own[0]][own[1]], 100 * (1 - ox.optimum(problem).value / static))
    assert (table.diff().iloc[1:] > 0).all(axis=None)
    assert (table.T.diff().iloc[1:] > 0).all(axis=None)
    return Speeds(table, own, table.size)


@dataclass(frozen=True)
class Refinement:
    """The optimum's value against grid points."""

    table: pd.DataFrame
    grid_error: float
    """what the package reports [$]"""
    true_error: float
    """against the extrapolation of the two finest grids [$]"""


def refinement(values: Mapping[int, float], best: Optimum) -> Refinement:
    """How a value and its extrapolation converge with the grid.

    Args:
        values: the optimum's, by grid points, each twice as fine as the one before [$].
        best: the package's, from 201 and 401 points.
    """
    sizes = list(values)
    richer = {n: (4 * values[n] - values[half]) / 3 for half, n in pairwise(sizes)}
    truth = richer[sizes[-1]]
    table = pd.DataFrame(
        {
            "value on the grid": values,
            "its error": {n: values[n] - truth for n in sizes},
            "extrapolated": richer,
            "its error ": {n: abs(richer[n] - truth) for n in richer},
        }
    ).iloc[:-1]
    rate = np.log2((table["its error"] / table["its error"].shift(-1)).to_numpy())[:-2]
    assert ((rate > 1.8) & (rate < 2.2)).all()  # second order
    assert abs(values[401] - best.value) < 2 * best.grid_error
    found = Refinement(table, best.grid_error, abs(best.value - truth))
    assert found.true_error < found.grid_error < 1e-5 * best.value
    assert np.isclose(best.value, richer[401], rtol=1e-12)
    return found


def refinement_table(found: Refinement) -> Styler:
    """Values and errors in dollars, by grid points."""
    formats = {"value on the grid": "{:,.4f}", "its error": "{:.4f}", "extrapolated": "{:,.5f}", "its error ": "{:.5f}"}
    return found.table.rename_axis("points").style.format(formats, na_rep="–")  # type: ignore[arg-type]


def binding(violating: Mapping[float, float], transient: ox.Problem) -> float:
    """How often the optimum's wish is clipped with transient impact [% of the decisions].

    Args:
        violating: the share of decisions, by transient impact, 0 and 0.002.
        transient: the market with 0.002.
    """
    assert violating[0.0] == 0
    assert 0 < violating[0.002] < 1e-3
    run = ox.simulate(transient, ox.optimum(transient), EPISODES, SEED)
    assert (run.trades[:, :-1] == 0).sum() == run.violations.sum()  # every clipped wish was one to buy
    return 100 * violating[0.002]


@dataclass(frozen=True)
class Capped:
    """An optimum under a cap, and the uncapped one that the market clips."""

    cap: str
    """its name"""
    rule: Any
    """the optimum under the cap, or a bound"""
    simulated: Estimate
    """its J [$]"""
    completion: float
    """sold [fraction]"""
    unplanned: Estimate
    """J of the clipped, less that [$]"""
    clipped: float
    """share of decisions [fraction]"""


@dataclass(frozen=True)
class Caps:
    """What caps cost, and what planning for them saves."""

    rows: tuple[Capped, ...]
    tight: float
    """the cap of 70 L shares, above the uncapped optimum [$]"""
    tight_clipped: float
    """[% of the uncapped rule's decisions]"""
    unplanned: float
    """what not planning for it costs [$]"""
    unplanned_ci: float
    completion: float
    """a fifth of holdings at most, with a haircut of a cent: sold [%]"""
    cheaper: float
    """that least cost, below the uncapped one [$]"""
    haircut: float
    """where none is given [$]"""


def caps(problem: ox.Problem, changes: Mapping[str, Mapping[str, float]]) -> Caps:
    """Optima under caps, played, beside the uncapped optimum that the market clips.

    Args:
        problem: the market.
        changes: what of it, by the cap's name; left-over shares cost a haircut of $1 unless stated.
    """
    of = {}
    for name, change in changes.items():
        at = problem.replace(**({"leftover_haircut": 1.0} | dict(change)))
        rule, unplanned = ox.optimum(at), ox.optimum(problem.replace(transient=at.market.transient))
        runs = [ox.simulate(at, policy, EPISODES, SEED) for policy in (rule, unplanned)]
        of[name] = Capped(
            name,
            rule,
            simulated=mean(runs[0].objective),
            completion=runs[0].completion.mean(),
            unplanned=mean(runs[1].objective - runs[0].objective),
            clipped=runs[1].violations.mean() / 19,
        )
    for row in of.values():
        far = (row.simulated.value - row.rule.value) / (row.simulated.ci / 1.96)
        assert far > 50 if row.rule.bound else abs(far) < 3  # a bound is not attained
    free, loose, tight = (of[name] for name in ("none", "500 L shares", "70 L shares"))
    assert abs(loose.rule.value - free.rule.value) < loose.rule.grid_error + free.rule.grid_error  # nothing binds
    assert loose.clipped == 0
    assert tight.clipped > 0.3
    cheap = of["20%, haircut of 1 cent"]
    assert cheap.rule.value < free.rule.value
    assert cheap.completion < 0.95
    dearest = ox.optimum(problem.replace(max_fraction=0.2))  # no haircut given
    assert dearest.problem.haircut > 10
    assert dearest.value > free.rule.value
    assert abs(tight.unplanned.value) < 0.1
    assert tight.rule.value > free.rule.value + 100
    return Caps(
        tuple(of.values()),
        tight=tight.rule.value - free.rule.value,
        tight_clipped=100 * tight.clipped,
        unplanned=tight.unplanned.value,
        unplanned_ci=tight.unplanned.ci,
        completion=100 * cheap.completion,
        cheaper=free.rule.value - cheap.rule.value,
        haircut=dearest.problem.haircut,
    )


def caps_table(found: Caps) -> pd.DataFrame:
    """Optima under caps, with what is sold and clipped."""
    rows = {
        row.cap: [
            ("≥ " if row.rule.bound else "") + f"{row.rule.value:,.2f}",
            f"{row.rule.grid_error:.3f}",
            plus_minus(row.simulated.value, row.simulated.ci, 2),
            f"{100 * row.completion:.1f}%",
            plus_minus(row.unplanned.value, row.unplanned.ci, 3),
            f"{100 * row.clipped:.0f}%",
        ]
        for row in found.rows
    }
    columns = ["optimum", "error", "simulated", "sold", "unplanned", "clipped"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("cap")


@dataclass(frozen=True)
class Beyond:
    """Above this level of liquidity the optimum would sell more than it has."""

    level: float
    """2 eta / gamma"""


def beyond(problem: ox.Problem) -> Beyond:
    """The level beyond which the optimum would sell short, found in markets with two regimes."""
    level = 2 * problem.market.temporary / problem.market.permanent
    for high in (level - 1, level + 1):
        at = problem.replace(liquidity=ox.RegimeSwitching(high=high, low=0.5))
        coefficients = uncapped(at).coefficients
        assert (coefficients.of_inventory[:-1, 1] > 1).all() == (high > level)
        assert (coefficients.of_inventory[:-1] >= 0).all()
        assert (coefficients.q2[:-1] > 0).all()
    return Beyond(level)


@dataclass(frozen=True)
class Conductors:
    """The least cost without risk and permanent impact, by what is known of liquidity [$]."""

    static: float
    optimum: float
    clairvoyant: float
    clairvoyant_ci: float
    share: float
    """of what perfect foresight gets, what reacting to the present does [%]"""


def conductors(problem: ox.Problem) -> Conductors:
    """The best schedule, the optimum, and a seller who knows all future levels, on 100,000 episodes."""
    at = problem.replace(risk_aversion=0.0, permanent=0.0)
    eta, rule = at.market.temporary, uncapped(at)
    levels = ox.simulate(at, ox.twap(at), 100_000, SEED).liquidity
    clairvoyant = mean(eta * at.order.shares**2 / levels.sum(axis=1))
    static = ox.exact_objective(at, ox.best_static(at))
    assert static > rule.value > clairvoyant.value + clairvoyant.ci
    ahead = cached_chain(at.market.liquidity, at.order.dt, at.order.periods).matrix @ rule.coefficients.A[1]
    assert np.allclose(1 / rule.coefficients.A[0], rule.levels / eta + 1 / ahead)
    share = 100 * (static - rule.value) / (static - clairvoyant.value)
    return Conductors(static, rule.value, clairvoyant.value, clairvoyant.ci, share)


def haste(levels: NDArray[np.float64], optimal: NDArray[np.float64], other: NDArray[np.float64]) -> go.Figure:
    """How much more than the optimum another rule sells, in percent, against liquidity and for a few periods.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) the optimum's fractions for periods 0 .. K-1.
        other: (K, G) the other rule's.
    """
    last = len(optimal) - 1
    shown = [0, last // 2, round(0.8 * last), last - 1, last]
    plot = Plot()
    shades = ("#8a5b00", "#9b6706", "#b3790f", COLOURS["rolling"], NEUTRAL)
    for k, shade, dash in zip(shown, shades, ("solid", "dash", "dashdot", "longdash", "dot"), strict=True):
        excess = np.round(100 * (other[k] / optimal[k] - 1), 4)
        plot.line(np.round(levels, 4), excess, shade, 3, dash, name=f"period {k}")
    plot.x("liquidity L")
    plot.y("sold beyond the optimum (%)", rangemode="tozero")
    return plot.done(
        "The rolling rule sells two to three percent more than the optimum early in the programme, most where "
        "liquidity is low, and exactly as much in the last period with a choice.",
        height=400,
    )


def value_of_adapting(maps: Mapping[float, pd.DataFrame], selected: float) -> go.Figure:
    """What adapting is worth, in percent, by liquidity's spread and half-life; a slider over the urgency.

    Args:
        maps: by kappa T, a table of percentages with spreads as index and half-lives over T as columns.
        selected: the kappa T shown first.
    """
    keys, tables = list(maps), [table.to_numpy() for table in maps.values()]

    def written(z: float) -> str:
        return "<0.01" if z < 0.01 else f"{z:.2f}" if z < 1 else f"{z:.1f}"

    plot = Plot()
    plot.add(
        "heatmap",
        x=[f"{value:g}" for value in maps[selected].columns],
        y=[f"{value:g}" for value in maps[selected].index],
        z=Moving(np.round(table, 5).tolist() for table in tables),
        text=Moving([[written(z) for z in row] for row in table] for table in tables),
        texttemplate="%{text}",
        coloraxis="coloraxis",
        hover="spread %{y}, half-life %{x} T: %{text}%",
        xgap=1,
        ygap=1,
    )
    plot.x("half-life of liquidity (parts of the horizon T)", type="category", showgrid=False)
    plot.y("spread: standard deviation of log L", type="category", showgrid=False)
    plot.slider("urgency κT", [f"{k:g}" for k in keys], keys.index(selected))
    above = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.5, "title": {"text": ""}, "ticksuffix": "%"}
    return plot.done(
        "A heat map of the percentage of J that adapting saves: it grows with the spread of liquidity and falls "
        "with its half-life, to nearly nothing when liquidity moves more slowly than the programme.",
        height=520,
        coloraxis={
            "colorscale": [[0.0, "#00224e"], [0.5, "#575d6d"], [1.0, "#8c6f12"]],  # white is read on all of it
            "cmin": 0,
            "cmax": max(float(table.max()) for table in tables),
            "colorbar": {"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
        },
        phone={
            "height": 560,
            "margin": {"t": 64},
            "xaxis": {"title": {"text": "half-life of liquidity / T"}},
            "yaxis": {"title": {"text": "standard deviation of log L"}},
            "coloraxis": {"colorbar": above},
        },
    )


def speed_and_spread(gains: pd.DataFrame, selected: tuple[float, float], name: str = "") -> go.Figure:
    """What adapting is worth against the speed of liquidity and against its spread, with a slider for each.

    A slider moves the dot of its own panel along its axis, and the curve of the other panel: both dots are one market.

    Args:
        gains: the worth in percent of the best schedule's J, with spreads, the standard deviation of L, as index and
            speeds of mean reversion [1/time] in a period of length 1 as columns, both ascending.
        selected: the speed and the spread shown first.
        name: what to call their market; it stays marked.
    """
    speeds, spreads = ([float(value) for value in axis] for axis in (gains.columns, gains.index))
    table, first = gains.to_numpy(), (speeds.index(selected[0]), spreads.index(selected[1]))
    colour, axes = COLOURS["optimum"], (speeds, spreads)

    def curve(panel: int, chosen: int) -> dict[str, Any]:
        """The line of the speed's panel (0) at a spread, or of the spread's (1) at a speed."""
        values = table[chosen] if panel == 0 else table[:, chosen]
        text = [f"{value:.3f}%" if value < 0.0995 else f"{value:.2f}%" for value in values]
        return {"y": digits(values, 4), "text": text}

    plot = Plot(2, gap=0.08, shared_y=True)
    for i, x in enumerate(axes):
        style: dict[str, Any] = {
            "at": "top left",
            "textfont": {"size": 14},
            "selectedpoints": [first[i]],
            "unselected": {"marker": {"opacity": 0}, "textfont": {"color": "rgba(0,0,0,0)"}},
            "cliponaxis": False,
        }
        plot[i].line(x, colour=colour, width=3, marks=14, hover="%{text}", **curve(i, first[1 - i]), **style)
    if name:
        for panel, x, at in zip(plot, axes, first, strict=True):
            y, place = digits([table[first[1], first[0]]], 4), "bottom right"
            panel.dots([x[at]], y, NEUTRAL, 20, "diamond-open", edge=2, text=[name], at=place, hover=False)
    top, ends = 1.12 * float(table.max()), np.log10([speeds[0], speeds[-1]])
    ticks = [value for value in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if speeds[0] <= value <= speeds[-1]]
    plot[0].x("speed of liquidity θ (per period)", [ends[0] - 0.08, ends[1] + 0.3], type="log", ticks=ticks)
    plot[1].x("spread of liquidity sd(L)", [0, 1.08 * spreads[-1]])
    plot.y(span=[-0.02 * top, top])
    plot[0].y("adapting is worth (% of J)")
    half_lives = [np.log(2) / -np.log1p(-speed) for speed in speeds]
    labels = (
        [f"{speed:g} (half-life {half:.1f} periods)" for speed, half in zip(speeds, half_lives, strict=True)],
        [f"{spread:.3g}" for spread in spreads],
    )
    for i, title in enumerate(("speed θ", "spread sd(L)")):
        rail = (0.0, 0.46) if i == 0 else (0.54, 1.0)
        changes = [[{"selectedpoints": [at]}, curve(1 - i, at)] for at in range(len(axes[i]))]
        add_slider(plot.figure, title, labels[i], changes, [i, 1 - i], first[i], place=rail)
    again = {"title": {"text": "adapting is worth (% of J)"}}
    return plot.done(
        "What adapting saves, in percent of J. First panel: against the speed of liquidity at the spread of "
        "one slider. Second panel: against the spread at the speed of the other. It rises with both, and with "
        "the spread like its square.",
        height=430,
        showlegend=False,
        phone=plot.stacked(
            800, 0.2, yaxis2=again, sliders={"0": {"len": 1}, "1": {"x": 0, "len": 1, "pad": {"t": 134}}}
        ),
    )
