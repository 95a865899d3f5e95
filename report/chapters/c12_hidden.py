"""*When liquidity is hidden*: what fills tell of the level, what knowing it is worth, and the bound for the blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec.figures.style import COLOURS, LIQUIDITY, NEUTRAL, clear
from optexec.interval import Interval, plus_minus
from optexec.liquidity import Chain, cached_chain, extrapolated
from optexec.observation import Columns, Observation, columns, stacked
from optexec.optimum import Optimum
from optexec.policies import Belief, Filtered, LevelTable, Rolling
from report.plot import Plot

__all__ = [
    "EPISODES",
    "SEED",
    "SLIPPAGES",
    "Both",
    "Fills",
    "Limits",
    "Markets",
    "Memory",
    "Noise",
    "Rungs",
    "Settled",
    "best_late",
    "both",
    "bound",
    "by_slippage",
    "check_assumed",
    "fills",
    "hidden_level",
    "information_curves",
    "late",
    "limits",
    "markets",
    "memory",
    "memory_figure",
    "noise",
    "noise_figure",
    "perfect",
    "rungs",
    "rungs_table",
    "settled",
    "shown_the_mean",
    "unsighted",
]

Array = NDArray[np.float64]

EPISODES, SWEEP, SEED = 50_000, 10_000, 42
NORMAL = ox.presets.stochastic()
PROCESS: ox.OrnsteinUhlenbeck = NORMAL.market.liquidity  # type: ignore[assignment]
RULES = ("rolling", "optimum")
BOUND = "bound, one period late"
SLIPPAGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
HALF_LIVES = {0.25: "¼", 0.5: "½", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8", 16.0: "16"}
"""Of liquidity's deviations [periods], as an axis has them."""
SPREAD = PROCESS.volatility / np.sqrt(1 - (1 - PROCESS.speed) ** 2)
"""Standard deviation of a level of which nothing has been seen for long."""


class Diary:
    """A filter's policy with the beliefs that it acts on, period by period."""

    def __init__(self, trader: Filtered) -> None:
        self.trader = trader
        self.kept: list[Belief] = []

    def act(self, observation: Observation) -> Array:
        """What the filter does; what it believed is kept."""
        fractions = self.trader.act(observation)
        assert self.trader.belief is not None
        self.kept.append(self.trader.belief)
        return fractions


@dataclass(frozen=True, eq=False)
class Fills:
    """What fills tell of the level: errors of three forecasts of it, and an episode (N,) as the filter lives it."""

    miss: float
    """by how much the first five fills miss the level that they met, on average [%]"""
    rms_fill: float
    """root mean square error of the level that the last fill implied, in periods 2 to 14"""
    rms_filter: float
    rms_mean: float
    """that of the long-run mean"""
    inside: float
    """how often the filter's 95% band holds the truth [%]"""
    truth: Array
    implied: Array
    level: Array
    deviation: Array


def fills(episodes: int = 2_000, pictured: int = 7) -> Fills:
    """The level, what the last fill implies and what a filter believes, when the rolling rule trades on the filter."""
    diary = Diary(ox.filtered(NORMAL, ox.rolling(NORMAL)))
    run = ox.simulate(NORMAL, diary, episodes, SEED, observe_liquidity=False)
    paid = run.mid[:, :-1] - run.fills
    implied = np.column_stack([np.ones(len(paid)), (NORMAL.market.temporary * run.trades / paid)[:, :-1]])
    level = np.column_stack([belief.level for belief in diary.kept])
    deviation = np.sqrt(np.column_stack([belief.variance for belief in diary.kept]))

    def rms(forecast: Array | float) -> float:
        return float(np.sqrt(np.mean((forecast - run.liquidity)[:, 2:15] ** 2)))

    inside = np.abs((level - run.liquidity)[:, 1:]) < 1.96 * deviation[:, 1:]
    found = Fills(
        miss=100 * float(np.abs(implied[:, 1:6] / run.liquidity[:, :5] - 1).mean()),
        rms_fill=rms(implied),
        rms_filter=rms(level),
        rms_mean=rms(PROCESS.mean),
        inside=100 * float(np.mean(inside)),
        truth=run.liquidity[pictured],
        implied=implied[pictured],
        level=level[pictured],
        deviation=deviation[pictured],
    )
    assert found.rms_filter < found.rms_mean < 1.05 * found.rms_fill
    assert 94 < found.inside < 96  # the 95% band holds 95%
    assert 0.8 < deviation[:, 5:].mean() / SPREAD < 1  # little narrower than without any fill
    assert found.miss < 2
    return found


def check_assumed(schedule: ox.Schedule, *assuming: ox.Policy) -> None:
    """Rules that take liquidity for constant trade the schedule."""
    for rule in assuming:
        blind = ox.simulate(NORMAL, rule, 200, SEED, observe_liquidity=False)
        assert np.allclose(blind.trades, schedule.trades, rtol=0, atol=1e-3)  # shares


def unsighted(problem: ox.Problem, rules: Mapping[str, ox.Policy]) -> dict[str, ox.Policy]:
    """Rules without sight, by name: those shown the level that the last fill implied, then those behind a filter."""
    naive = {f"{name}, last fill": rule for name, rule in rules.items()}
    return naive | {f"{name}, filtered": ox.filtered(problem, rule) for name, rule in rules.items()}


def late(problem: ox.Problem, chain: Chain) -> tuple[float, Array]:
    """A_0 at the start and fractions (N, G) for who knows L one period late."""
    gamma, r, N = problem.market.permanent, problem.risk_weight, problem.order.periods
    h, A = problem.market.temporary / chain.levels, np.zeros(len(chain.levels))
    fractions = np.ones((N, len(h)))
    for k in reversed(range(N)):
        expect = chain.matrix if k > 0 else np.eye(len(h))
        h_mean, a = expect @ h, expect @ A
        q2, qx = h_mean - gamma + r + a, gamma - 2 * r - 2 * a
        if k < N - 1:
            fractions[k] = -qx / (2 * q2)
        A = r + a + qx * fractions[k] + q2 * fractions[k] ** 2
    return float(A[chain.start]), fractions


def bound(problem: ox.Problem) -> float:
    """J of the best policy that knows L one period late [$]."""
    order = problem.order
    start, _ = extrapolated(lambda chain: late(problem, chain)[0], problem.market.liquidity, order.dt, order.periods)
    return start * order.shares**2 + problem.market.half_spread * order.shares


def best_late(problem: ox.Problem) -> Rolling:
    """The policy that attains the bound where fills have no noise; it sees the level of the last period."""
    chain = cached_chain(problem.market.liquidity, problem.order.dt, problem.order.periods)
    return Rolling(problem, LevelTable(problem, chain.levels, late(problem, chain)[1]))


@dataclass(frozen=True)
class Limits:
    """What sight is worth, and how much of that anyone can have without it."""

    static: float
    """J of the best schedule [$]"""
    late: float
    """J of who knows the level one period late: nobody without sight has less [$]"""
    optimum: float
    value: float
    """of seeing, over the best schedule [$]"""
    value_late: float
    """of knowing one period late [$]"""
    survives: float
    """that as a part of the value of seeing [%]"""
    gone: float
    """the rest [%]"""


def limits(problem: ox.Problem = NORMAL) -> Limits:
    """The three J that frame all policies without sight, exactly."""
    static, last, best = ox.exact_objective(problem, ox.best_static(problem)), bound(problem), ox.optimum(problem).value
    assert best < last < static
    survives = (static - last) / (static - best)
    return Limits(
        static=static,
        late=last,
        optimum=best,
        value=static - best,
        value_late=static - last,
        survives=100 * survives,
        gone=100 * (1 - survives),
    )


@dataclass(frozen=True)
class Both:
    """A number of both rules."""

    rolling: Interval
    optimum: Interval


def both(table: pd.DataFrame, key: str, suffix: str = "", unit: float = 1.0) -> Both:
    """A column of an evaluation for the rules with a suffix to their names."""
    values, halves = unit * table[key], unit * table[f"{key}_ci"]
    return Both(*(Interval.around(values[name + suffix], halves[name + suffix]) for name in RULES))


def perfect(table: pd.DataFrame, limit: Limits) -> Both:
    """How far filters are above the best late policy [$], from an evaluation that has it first, as ``late``."""
    assert abs(table["objective"]["late"] - limit.late) < 1.5 * table["objective_ci"]["late"]
    for name in RULES:  # no filter beats the bound beyond its error, nor is it far behind
        assert -table["diff_ci"][name] < table["diff"][name] < 0.03 * limit.value
    return both(table, "diff")


@dataclass(frozen=True)
class Rungs:
    """The gap closed on each rung of knowledge, between the best schedule and the optimum that sees [%]."""

    assumed: float
    """by Almgren-Chriss"""
    last_fill: Both
    filtered: Both
    seen: Both
    short: float
    """what the better of the filters is below the bound [percentage points]"""


def rungs(hidden: pd.DataFrame, seen: pd.DataFrame, limit: Limits) -> Rungs:
    """The rungs, from evaluations of the same rules without sight and with it."""
    assert seen.loc[["AC"]].equals(hidden.loc[["AC"]])  # same shocks
    found = Rungs(
        assumed=100 * float(hidden["gap_closed"]["AC"]),
        last_fill=both(hidden, "gap_closed", ", last fill", 100),
        filtered=both(hidden, "gap_closed", ", filtered", 100),
        seen=both(seen, "gap_closed", unit=100),
        short=limit.survives - 100 * max(hidden["gap_closed"][f"{name}, filtered"] for name in RULES),
    )
    for name in RULES:
        naive, filtered, see = (getattr(rung, name) for rung in (found.last_fill, found.filtered, found.seen))
        assert naive.high < filtered.low
        assert filtered.low < limit.survives
        assert filtered.value > 0.9 * limit.survives
        assert filtered.high < see.low
    assert 15 < limit.survives < 25
    assert 0 < found.short < 2.5
    low, high = (hidden["objective_mv"] + sign * hidden["objective_mv_ci"] for sign in (-1, 1))
    for name in RULES:  # by the realised criterion the two middle rungs change places
        assert high[f"{name}, last fill"] < low[f"{name}, filtered"]
        assert high[f"{name}, filtered"] < low["AC"]
        assert hidden["diff"][f"{name}, filtered"] + hidden["diff_ci"][f"{name}, filtered"] < 0
    return found


def _rung(table: pd.DataFrame, policy: str) -> dict[str, str]:
    def shown(key: str, digits: int = 2, unit: float = 1.0) -> str:
        return plus_minus(unit * table[key][policy], unit * table[f"{key}_ci"][policy], digits)

    return {
        "J ($)": shown("objective", 1),
        "J less AC's": shown("diff") if policy != "AC" else "–",
        "gap (%)": shown("gap_closed", 1, 100),
        "J_mv ($)": shown("objective_mv", 0),
    }


def rungs_table(hidden: pd.DataFrame, seen: pd.DataFrame, limit: Limits) -> pd.DataFrame:
    """Every rung of knowledge with its policies, the bound among them."""
    rows = [{"known of L": "its mean", "policy": "AC", **_rung(hidden, "AC")}]
    for words, suffix in (("last fill as if current", ", last fill"), ("all fills, filtered", ", filtered")):
        rows += [{"known of L": words, "policy": name, **_rung(hidden, name + suffix)} for name in RULES]
    last = {
        "J ($)": f"{limit.late:,.1f}",
        "J less AC's": f"{limit.late - ox.exact_objective(NORMAL, ox.almgren_chriss(NORMAL)):.2f}",
        "gap (%)": f"{limit.survives:.1f}",
        "J_mv ($)": "–",
    }
    rows.append({"known of L": "last value (bound)", "policy": "best of all", **last})
    rows += [{"known of L": "present value", "policy": name, **_rung(seen, name)} for name in RULES]
    return pd.DataFrame(rows).set_index("known of L")


def _sweep(problem: ox.Problem, episodes: int = SWEEP, seed: int = SEED) -> dict[str, float]:
    """Gap closed by the blind policies and the bound, and what seeing is worth [$]."""
    rules = {"rolling": ox.rolling(problem), "optimum": ox.optimum(problem)}
    contenders = unsighted(problem, rules)
    table = ox.evaluate(problem, contenders, episodes, seed, observe_liquidity=False)
    gaps = {name: float(table["gap_closed"][name]) for name in contenders}
    halves = {f"{name}_ci": float(table["gap_closed_ci"][name]) for name in contenders}
    limit = limits(problem)
    return {**gaps, **halves, BOUND: limit.value_late / limit.value, "value": limit.value}


def by_slippage(
    problem: ox.Problem, slippages: Sequence[float] = SLIPPAGES, episodes: int = SWEEP, seed: int = SEED
) -> pd.DataFrame:
    """Gap closed without sight as fills become noisier, a row for each slippage [$/share]."""
    rows = [_sweep(problem.replace(slippage=s), episodes, seed) for s in slippages]
    return pd.DataFrame(rows, index=pd.Index(slippages, name="slippage"))


@dataclass(frozen=True, eq=False)
class Noise:
    """What noise in fills leaves of the gap."""

    table: pd.DataFrame
    """by slippage"""
    middle: float
    """that the filter behind the rolling rule closes at s = $0.1 [%]"""
    rolling: float
    """the same at s = $1 [%]"""
    optimum: float
    """and behind the optimum [%]"""
    naive: float
    """what the last fill costs the rolling rule at s = $1, in times what seeing is worth"""


def noise(limit: Limits) -> Noise:
    """Filter and shortcut from a slippage that a fill hardly has to one at which it says nothing."""
    table = by_slippage(NORMAL)
    for name in RULES:
        curve, half, naive = table[f"{name}, filtered"], table[f"{name}, filtered_ci"], table[f"{name}, last fill"]
        assert (curve < limit.survives / 100 + 2 * half).all()
        assert curve[0.01] > 2 * curve[0.3] > 0
        assert abs(curve[1.0]) < 0.03
        assert naive[1.0] < -5
        assert (curve > naive).all()
        assert naive[0.03] < table[f"{name}, last fill_ci"][0.03]
    return Noise(
        table=table,
        middle=100 * float(table["rolling, filtered"][0.1]),
        rolling=100 * float(table["rolling, filtered"][1.0]),
        optimum=100 * float(table["optimum, filtered"][1.0]),
        naive=-float(table["rolling, last fill"][1.0]),
    )


@dataclass(frozen=True, eq=False)
class Memory:
    """What liquidity's memory leaves of the value of seeing to who knows it one period late."""

    table: pd.DataFrame
    """gap closed by half-life, and the value of seeing [$]"""
    dollars: pd.DataFrame
    """what each gains over the best schedule [$]"""
    shortest: float
    """the part that survives at a half-life of a quarter of a period [%]"""
    longest: float
    """and at one of 16 periods [%]"""
    value_shortest: float
    """of seeing [$]"""
    value_longest: float
    peak: float
    """the most that who knows late can gain [$]"""
    peak_at: float
    """at this half-life [periods]"""


def memory() -> Memory:
    """The rungs in markets whose liquidity remembers longer and is as spread."""
    kept = [0.5 ** (1 / half_life) for half_life in HALF_LIVES]
    processes = [ox.OrnsteinUhlenbeck(speed=1 - phi, volatility=SPREAD * np.sqrt(1 - phi**2)) for phi in kept]
    rows = [_sweep(NORMAL.replace(liquidity=process)) for process in processes]
    table = pd.DataFrame(rows, index=pd.Index(list(HALF_LIVES), name="half-life"))
    value, share = table["value"], table[BOUND]
    dollars = pd.DataFrame({"see it": value, BOUND: share * value})
    for name in RULES:
        for column in (f"{name}, filtered", f"{name}, filtered_ci"):
            dollars[column] = table[column] * value
    gain = dollars[BOUND]
    assert share.is_monotonic_increasing
    assert value.is_monotonic_decreasing
    assert gain.idxmax() in (2.0, 4.0)
    assert gain.iloc[0] < 0.2 * gain.max()
    assert (share < np.square(kept)).all()
    for name in RULES:
        assert (table[f"{name}, filtered"] < share + 2 * table[f"{name}, filtered_ci"]).all()
        assert (table[f"{name}, last fill"].loc[:0.5] < -0.2).all()
    assert (table["rolling, last fill"].loc[8.0:] > 0.9 * share.loc[8.0:]).all()
    return Memory(
        table=table,
        dollars=dollars,
        shortest=100 * float(share.iloc[0]),
        longest=100 * float(share.iloc[-1]),
        value_shortest=float(value.iloc[0]),
        value_longest=float(value.iloc[-1]),
        peak=float(gain.max()),
        peak_at=list(HALF_LIVES)[int(gain.argmax())],
    )


@dataclass(frozen=True, eq=False)
class Markets:
    """The filter in other markets."""

    table: pd.DataFrame
    drop: float
    """by how much liquidity falls in a shock [%]"""


def markets() -> Markets:
    """The optimum without sight in other markets: with the last fill, and with the filter."""
    stress = ox.presets.stress()
    others = {"two regimes": "regimes", "liquidity shocks": "liquidity_shocks", "transient impact": "transient_impact"}
    rows, gaps = {}, {}
    for title, market in {"default": NORMAL, **{title: stress[key] for title, key in others.items()}}.items():
        rule, static = ox.optimum(market), ox.exact_objective(market, ox.best_static(market))
        contenders = {"last fill": rule, "filter": ox.filtered(market, rule)}
        table = ox.evaluate(market, contenders, SWEEP, SEED, observe_liquidity=False)
        gap, half = 100 * table["gap_closed"], 100 * table["gap_closed_ci"]
        survives = None if market.market.transient else limits(market).survives
        assert survives is None or gap["filter"] < survives + half["filter"]
        assert gap["filter"] > max(gap["last fill"], 5)
        gaps[title] = gap
        rows[title] = {
            **{f"{name} (%)": plus_minus(gap[name], half[name]) for name in contenders},
            "bound (%)": "–" if survives is None else f"{survives:.1f}",
            "sight is worth ($)": f"{static - rule.value:,.1f}",
        }
    assert gaps["two regimes"]["filter"] > 2 * gaps["default"]["filter"]
    assert gaps["transient impact"]["last fill"] < -1000
    shocks: Any = stress["liquidity_shocks"].market.liquidity
    return Markets(pd.DataFrame.from_dict(rows, orient="index").rename_axis("market"), drop=-100 * shocks.size)


class ShownTheMean:
    """A rule that reads m from the filter that asks it, in place of what it is shown."""

    def __init__(self, rule: ox.Policy) -> None:
        self.rule = rule
        self.trader = ox.filtered(NORMAL, self)

    def act(self, observation: Observation) -> Array:
        """What the rule does at the expected level."""
        assert self.trader.belief is not None
        columns(observation).liquidity[:] = self.trader.belief.level
        return np.asarray(self.rule.act(observation))


def shown_the_mean(rules: Mapping[str, Rolling | Optimum], rung: Rungs) -> Both:
    """The exercise: the gap that the filter closes if it shows its rule the expected level [%]."""
    traders = {name: ShownTheMean(rule).trader for name, rule in rules.items()}
    plain = both(ox.evaluate(NORMAL, traders, SWEEP, SEED, observe_liquidity=False), "gap_closed", unit=100)
    assert plain.rolling.value < rung.filtered.rolling.value - 1
    assert plain.optimum.value < rung.filtered.optimum.value - 1
    assert plain.rolling.value < plain.optimum.value
    usual = stacked(Columns(1.0, 1.0, 1.0, NORMAL.market.volatility, PROCESS.mean, 0.0), 1)
    assert rules["optimum"].act(usual) < rules["rolling"].act(usual)  # it waits
    return plain


@dataclass(frozen=True)
class Settled:
    """The exercise's measurement error, at which half of what can be known about the next level is known."""

    variance: float
    """R"""
    deviation: float
    spread: float
    """stationary standard deviation of the level"""


def settled() -> Settled:
    """The R at which the filter's variance settles half-way between that of perfect fills and that of none."""
    phi, w = 1 - PROCESS.speed, PROCESS.volatility**2
    P = w / (1 - phi**2) - 0.5 * w * phi**2 / (1 - phi**2)
    R = P * (P - w) / (w - P * (1 - phi**2))
    variance = w
    for _ in range(200):
        variance = phi**2 * variance * R / (variance + R) + w
    assert np.isclose(variance, P, rtol=1e-10)
    return Settled(variance=R, deviation=R**0.5, spread=float(SPREAD))


def hidden_level(
    truth: NDArray[np.float64],
    implied: NDArray[np.float64],
    level: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> go.Figure:
    """One episode's liquidity as it is, as the last fill implied it, and as a filter believes it to be.

    Args:
        truth: L_k (N,).
        implied: the level that the last fill before period k implied (N,).
        level: the filter's mean before the trade of period k (N,).
        deviation: its standard deviation (N,).
    """
    k, colour = np.arange(len(truth)), COLOURS["rolling"]
    low, high = ((level + side * 1.96 * deviation).round(3) for side in (-1, 1))
    plot = Plot()
    plot.band(k, high, low, clear(colour, 0.18), name="filter, 95% band")
    plot.line(k, implied.round(3), NEUTRAL, 1.5, "dot", marks=6, name="implied by the last fill")
    plot.line(k, truth.round(3), LIQUIDITY, marks=6, name="true")
    plot.line(k, level.round(3), colour, name="filtered")
    plot.x("time (periods)")
    plot.y("liquidity level L", rangemode="tozero")
    return plot.done(
        "One episode of liquidity: the true level, the level implied by the last fill, which lags it by a period, "
        "and the filter's estimate between that and the mean, with a band around it.",
        height=420,
        phone={"height": 460, "margin": {"t": 90}},
    )


def information_curves(
    panels: Mapping[str, tuple[str, pd.DataFrame]], span: tuple[float, float], ticks: Mapping[float, str]
) -> go.Figure:
    """What each degree of information is worth, against a parameter.

    Args:
        panels: by axis title of y, the axis title of x and a frame indexed by the parameter, with a column a line and
            ``<line>_ci`` (95% half-width) for the estimated ones.
        span: ends of the first panel's y-axis.
        ticks: labels by value of the logarithmic x-axes.
    """
    styles = {
        "see it": (LIQUIDITY, "solid"),
        "bound, one period late": ("rgba(128,128,128,0.5)", "solid"),
        "optimum, filtered": (COLOURS["optimum"], "solid"),
        "rolling, filtered": (COLOURS["rolling"], "solid"),
        "optimum, last fill": (COLOURS["optimum"], "dot"),
        "rolling, last fill": (COLOURS["rolling"], "dot"),
        "assume constant": (COLOURS["AC"], "solid"),
    }
    plot = Plot(len(panels), gap=0.12)
    for panel, (title, (across, frame)) in zip(plot, panels.items(), strict=True):
        for name in [name for name in styles if name in frame.columns]:
            colour, dash = styles[name]
            x, y, width = frame.index, frame[name].round(4), 7 if name.startswith("bound") else 2.2
            spread: dict[str, Any] = {}
            if f"{name}_ci" in frame:
                error = {"array": frame[f"{name}_ci"].round(4), "thickness": 1.2, "width": 3}
                spread = {"error_y": error, "marks": 6}
            panel.line(x, y, colour, width, dash, key=name, hover=f"{name}: %{{y:.3g}}", **spread)
        panel.x(across, type="log", ticks=ticks)
        panel.y(title)
    plot[0].y(span=span)
    alone = {"height": 520, "legend": {"y": 1.03}}
    return plot.done(
        f"{' and '.join(panels)} by degree of information, against {next(iter(panels.values()))[1].index.name}.",
        height=470,
        legend={"y": 1.05},
        margin={"t": 80},
        phone=plot.stacked(860, 0.14, legend={"y": 1.03}) if len(panels) > 1 else alone,
    )


def noise_figure(table: pd.DataFrame) -> go.Figure:
    """Gap closed against the slippage of a fill, from `by_slippage`."""
    panels = {"gap closed": ("slippage s ($/share)", table.drop(columns="value"))}
    return information_curves(panels, (-0.45, 0.3), {s: f"{s:g}" for s in table.index})


def memory_figure(found: Memory) -> go.Figure:
    """Gap closed, and dollars gained, against liquidity's half-life."""
    across = "half-life of liquidity (periods)"
    panels = {
        "gap closed": (across, found.table.drop(columns="value")),
        "gain over the best schedule ($)": (across, found.dollars),
    }
    return information_curves(panels, (-0.75, 0.75), HALF_LIVES)
