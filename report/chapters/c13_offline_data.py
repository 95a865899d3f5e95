"""*Offline data*: what a log of executions holds, how much of the optimum it covers, and what noise costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

import optexec as ox
from optexec import offline
from optexec.figures.style import COLOURS, CONTRAST, NEUTRAL, SMALL_SLIDER, clear
from optexec.observation import COLUMNS, period_of
from optexec.offline.data import NOISE, behaviour
from report.plot import Moving, Plot

__all__ = [
    "Counted",
    "Covered",
    "Desks",
    "Mended",
    "Noisier",
    "Parabola",
    "Prize",
    "Signal",
    "Wider",
    "action_clouds",
    "action_coverage",
    "check_arrays",
    "counted",
    "counted_figure",
    "covered",
    "desks",
    "desks_table",
    "effective_sizes",
    "mended",
    "noise_figure",
    "noise_levels",
    "noise_table",
    "noisier",
    "pairs",
    "parabola",
    "prize",
    "signal",
    "wider",
]

Array = NDArray[np.float64]
Logs = Mapping[str, ox.Transitions]
"""By behaviour."""

KEYS = {"twap": "twap", "twap-noise": "noise", "mixture": "mixture", "hurried desk": "hurried"}
"""What the text calls a behaviour."""
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Levels of a sweep."""


def by_episode(log: ox.Transitions, rewards: Array) -> Array:
    """(episodes, N): rewards of a log."""
    return np.asarray(rewards.reshape(log.episodes, log.problem.order.periods))


def cost(log: ox.Transitions) -> float:
    """J of who was logged, from expected rewards [$]."""
    return float(-log.expected.sum() / log.episodes)


@dataclass(frozen=True)
class Prize:
    """What the exact optimum saves beside the best schedule."""

    gap: float
    """[$]"""
    percent: float
    """of J"""


def prize(problem: ox.Problem) -> Prize:
    """The gap between the best schedule and the optimum."""
    static, best = ox.exact_objective(problem, ox.best_static(problem)), ox.optimum(problem).value
    return Prize(static - best, 100 * (static / best - 1))


class StartAt:
    """A first fraction, then TWAP of what is left."""

    def __init__(self, fraction: float, periods: int) -> None:
        self.fraction, self.periods = fraction, periods

    def act(self, observation: Any) -> Array:
        """Fractions (n,) from observations (n, 6)."""
        left = self.periods - period_of(observation, self.periods)
        return np.where(left == self.periods, self.fraction, 1 / left)


@dataclass(frozen=True)
class Parabola:
    """How fast to start before TWAP, as a multiple of its rate."""

    start: float
    """from a log of noisy TWAP"""
    ci: float
    truth: float


def parabola(problem: ox.Problem, start: float, half_width: float) -> Parabola:
    """The lowest point of a parabola that was fitted to a log, beside the exact one."""
    periods = problem.order.periods
    least = minimize_scalar(
        lambda a: ox.exact_value(problem, StartAt(a, periods)), bounds=(0.01, 0.9), method="bounded"
    )
    found = Parabola(start, half_width, periods * least.x)
    assert abs(start - found.truth) < 2 * half_width
    assert start - half_width > 1
    assert half_width > 0.5
    return found


@dataclass(frozen=True)
class Covered:
    """How much of what the optimum would do is in a log [%]; the rest is of noisy TWAP where nothing else is said."""

    overlap: dict[str, float]
    """by behaviour"""
    early: float
    """over the first five periods"""
    late: float
    """from period 10 on"""
    enters: int
    """period from which on the optimum's median is in the band"""
    sold_early: float
    """part of the order that the optimum sells in the first five periods [%]"""
    first: float
    """the optimum's first trade, as a multiple of TWAP's"""
    first_high: float
    """97.5% of the first trades are below it"""
    mixture_low: float
    """ends of the central 95% of the mixture's first trades"""
    mixture_high: float


def covered(problem: ox.Problem, coverage: Mapping[str, pd.DataFrame], overlap: Mapping[str, float]) -> Covered:
    """Coverage of the three behaviours' logs.

    Args:
        problem: the market.
        coverage: by behaviour, `optexec.offline.coverage` of its log.
        overlap: by behaviour.
    """
    periods, best = problem.order.periods, ox.optimum(problem)
    noisy, mixture = coverage["twap-noise"], coverage["mixture"]
    early, late = noisy["inside"].iloc[:5], noisy["inside"].iloc[10:]
    entered = (noisy["optimum_median"] < noisy["high"]).to_numpy()
    enters = int(entered.argmax())
    assert overlap["twap"] == 0
    assert 0.6 < overlap["twap-noise"] < 0.75
    assert overlap["mixture"] > 0.99
    assert entered[enters:].all()  # and stays
    assert early.max() < 0.35
    assert late.min() > 0.9
    held = ox.simulate(problem, best, 1_000, 0).inventory[:, 5].mean() / problem.order.shares
    return Covered(
        overlap={KEYS[name]: 100 * share for name, share in overlap.items()},
        early=100 * early.mean(),
        late=100 * late.mean(),
        enters=enters,
        sold_early=100 * (1 - held),
        first=periods * best.fraction(0, 1.0),
        first_high=periods * noisy["high"].iloc[0],
        mixture_low=periods * mixture["low"].iloc[0],
        mixture_high=periods * mixture["high"].iloc[0],
    )


def pairs(log: ox.Transitions, k: int, most: int = 400) -> tuple[Array, Array]:
    """Logged liquidity and action of period k, as a multiple of TWAP's fraction."""
    here = np.flatnonzero(log.period == k)[:most]
    level = log.observations[here, COLUMNS.index("L")].astype(float)
    return level, (log.problem.order.periods - k) * log.fractions[here]


@dataclass(frozen=True)
class Desks:
    """Four desks; by behaviour."""

    overlap: dict[str, float]
    """with the optimum's decisions [%]"""
    given: dict[str, float]
    """within tenths of liquidity [%]"""
    cost: dict[str, float]
    """mean J of the trading [$]"""
    deviation: dict[str, float]
    """realised standard deviation of an episode [$]"""
    episodes: dict[str, float]
    """of each of two such desks, to tell a difference of the gap"""
    table: pd.DataFrame


def desks(logs: Logs, found: Prize, conditional: Callable[[ox.Transitions], float]) -> Desks:
    """What four desks cover and cost, and what can be told from their averages.

    Args:
        logs: by behaviour.
        found: the gap.
        conditional: the overlap within tenths of liquidity.
    """
    rows = {}
    for name, log in logs.items():
        realised, expected = (-by_episode(log, log.rewards(kind)).sum(axis=1) for kind in ("realised", "expected"))
        deviation = realised.std(ddof=1)
        rows[name] = {
            "overlap": offline.overlap(log),
            "given L": conditional(log),
            "J ($)": expected.mean(),
            "±": 1.96 * expected.std(ddof=1) / log.episodes**0.5,
            "s.d. ($)": deviation,
            "episodes": 2 * (2 * deviation / found.gap) ** 2,
        }
    table = pd.DataFrame(rows).T.rename_axis("behaviour")
    for name in offline.BEHAVIOURS:  # none of their arms looks at liquidity
        assert abs(rows[name]["overlap"] - rows[name]["given L"]) < 0.03, name
    assert rows["hurried desk"]["overlap"] > 0.97
    assert rows["hurried desk"]["given L"] < 0.7
    assert rows["hurried desk"]["J ($)"] == table["J ($)"].min()
    assert rows["mixture"]["episodes"] > logs["mixture"].episodes

    def named(column: str, unit: float = 1.0) -> dict[str, float]:
        return {KEYS[name]: float(unit * row[column]) for name, row in rows.items()}

    return Desks(
        overlap=named("overlap", 100),
        given=named("given L", 100),
        cost=named("J ($)"),
        deviation=named("s.d. ($)"),
        episodes=named("episodes"),
        table=table,
    )


def desks_table(found: Desks) -> Any:
    """Overlap, cost and noise of the desks."""
    shares, money = (
        {"overlap": "{:.3f}", "given L": "{:.3f}"},
        {"J ($)": "{:,.0f}", "±": "{:.0f}", "s.d. ($)": "{:.0f}"},
    )
    return found.table.style.format({**shares, **money, "episodes": "{:,.0f}"})


@dataclass(frozen=True)
class Signal:
    """The prize beside the noise [$]."""

    noise: float
    """standard deviation of one realised reward"""
    worth: float
    """the gap by free decision of an episode"""
    ratio: float


def signal(log: ox.Transitions, noise: float, worth: float) -> Signal:
    """What one reward of a log says of the gap.

    Args:
        log: of the mixture.
        noise: from price and slippage [$].
        worth: the gap a decision [$].
    """
    free = log.period < log.problem.order.periods - 1
    assert log.problem.market.slippage == 0.01
    assert np.isclose(np.std((log.realised - log.expected)[free]), noise, rtol=0.05)
    assert noise > 5 * worth
    return Signal(noise, worth, noise / worth)


@dataclass(frozen=True)
class Counted:
    """Effective number of logged episodes for a target that is the optimum with noise."""

    decisions: float
    """single ones of the mixture, in its worst period"""
    noisy_early: float
    """single ones of noisy TWAP, over the first four periods"""
    five: float
    """histories of the mixture over five periods"""
    whole: float
    """whole episodes of the mixture"""
    by_period: dict[str, Array]
    """by behaviour: single decisions"""
    histories: dict[str, Array]


def counted(
    logs: Logs,
    density: Callable[[Array, Array, float], Array],
    effective: Callable[[Array], Array],
    noise: float = 0.2,
) -> Counted:
    """How many episodes count, by decision and by history; those with a clipped action are left out.

    Args:
        logs: by behaviour.
        density: log density of an action, with its mean and noise, up to a constant.
        effective: effective number from log weights (n, ...).
        noise: of the target.
    """
    decisions, histories = {}, {}
    for name in ("twap-noise", "mixture"):
        log = logs[name]
        free = log.problem.order.periods - 1
        plans = [arm.fractions[:free] for arm in behaviour(log.problem, name).arms.values()]  # type: ignore[attr-defined]
        actions = by_episode(log, log.fractions)[:, :free]
        kept = ((actions > 0) & (actions < 1)).all(axis=1)
        wanted = by_episode(log, ox.optimum(log.problem).act(log.observations))[kept, :free]
        target = density(actions[kept], wanted, noise)
        by_arm = np.stack([density(actions[kept], plan, NOISE) for plan in plans])
        so_far = by_arm.cumsum(axis=2)
        single, joint = (np.logaddexp.reduce(logs, axis=0) - np.log(len(plans)) for logs in (by_arm, so_far))
        decisions[name] = effective(target - single)
        histories[name] = effective(target.cumsum(axis=1) - joint)
        assert np.isclose(decisions[name][0], histories[name][0])
        assert histories[name][-1] < 5
    assert decisions["mixture"].min() > 250
    assert decisions["twap-noise"][:4].max() < 60
    return Counted(
        decisions=decisions["mixture"].min(),
        noisy_early=decisions["twap-noise"][:4].mean(),
        five=histories["mixture"][4],
        whole=histories["mixture"][-1],
        by_period=decisions,
        histories=histories,
    )


def counted_figure(found: Counted, episodes: int) -> go.Figure:
    """`effective_sizes` of both behaviours."""
    return effective_sizes(found.by_period, found.histories, episodes)


@dataclass(frozen=True)
class Noisier:
    """What more noise covers and what it costs."""

    factor: float
    """by which the noise of the named behaviours makes temporary impact dearer"""
    square: float
    """and the mean square of its cost"""
    factor_wide: float
    """those at twice the noise"""
    square_wide: float
    top: float
    """share of the mixture's squared deviations in the largest hundredth, at the named noise [%]"""
    top_wide: float
    """at twice that"""
    top_none: float
    """without noise"""
    largest: float
    """cost of one transition at twice the noise [$]"""
    times: float
    """variance there, beside that at the named noise"""
    extra: dict[str, float]
    """what noise adds to J of the mixture, at half the named level and at it [$]"""
    extra_percent: float
    """the former in percent of J"""
    half_cost: float
    """J of the mixture at half the named level [$]"""
    half_overlap: float
    none_overlap: float
    twap_overlap: float
    """of TWAP at twice the named level"""
    twap_cost: float
    """J of that [$]"""
    less: float
    """its variance beside that of the mixture at half the level"""
    fast: float
    """first trade of the mixture's fastest arm, as a multiple of TWAP's"""
    sweeps: dict[str, pd.DataFrame]


def noisier(
    log: ox.Transitions,
    arms: Mapping[str, ox.Schedule],
    at_noise: Callable[[Mapping[str, ox.Policy], float], Mapping[str, float]],
) -> Noisier:
    """The sweep over the noise of TWAP and of the mixture.

    Args:
        log: of noisy TWAP.
        arms: of the mixture.
        at_noise: overlap, top, variance, largest and J of arms at a noise level.
    """
    who: dict[str, Mapping[str, ox.Policy]] = {"TWAP": {"TWAP": ox.twap(log.problem)}, "mixture": arms}
    sweeps = {name: pd.DataFrame({s: at_noise(each, s) for s in NOISES}).T for name, each in who.items()}
    mixed, single = sweeps["mixture"], sweeps["TWAP"]
    half, wide = NOISE / 2, 2 * NOISE
    assert mixed["top"].loc[:wide].is_monotonic_increasing
    assert mixed["J"].is_monotonic_increasing
    assert mixed["overlap"][half] > single["overlap"][wide] > 0.99 > single["overlap"][0.6]
    assert mixed["variance"][half] < 0.5 * single["variance"][wide]  # at about the same overlap
    assert mixed["top"][wide] > 0.75
    assert mixed["variance"][wide] > 4 * mixed["variance"][NOISE]
    periods = log.problem.order.periods
    first = by_episode(log, log.wishes)[:, :8] * (periods - np.arange(8))
    assert np.isclose(np.mean(first**2), np.exp(NOISE**2), rtol=0.02)
    assert np.isclose(np.mean(first**4), np.exp(6 * NOISE**2), rtol=0.25)
    extra = mixed["J"] - mixed["J"][0.0]
    assert np.isclose(extra[half] / extra[NOISE], np.expm1(half**2) / np.expm1(NOISE**2), rtol=0.1)
    return Noisier(
        factor=np.exp(NOISE**2),
        square=np.exp(6 * NOISE**2),
        factor_wide=np.exp(wide**2),
        square_wide=np.exp(6 * wide**2),
        top=100 * mixed["top"][NOISE],
        top_wide=100 * mixed["top"][wide],
        top_none=100 * mixed["top"][0.0],
        largest=mixed["largest"][wide],
        times=mixed["variance"][wide] / mixed["variance"][NOISE],
        extra={"half": extra[half], "named": extra[NOISE]},
        extra_percent=100 * extra[half] / mixed["J"][0.0],
        half_cost=mixed["J"][half],
        half_overlap=mixed["overlap"][half],
        none_overlap=mixed["overlap"][0.0],
        twap_overlap=single["overlap"][wide],
        twap_cost=single["J"][wide],
        less=single["variance"][wide] / mixed["variance"][half],
        fast=periods * arms["AC, λ × 4"].fractions[0],
        sweeps=sweeps,
    )


def noise_figure(found: Noisier) -> go.Figure:
    """`noise_levels` of TWAP and the mixture."""
    return noise_levels(found.sweeps, NOISE)


def noise_table(found: Noisier) -> Any:
    """The mixture by noise level."""
    mixed = found.sweeps["mixture"]
    table = mixed.assign(deviation=mixed["variance"] ** 0.5)[["J", "deviation", "largest", "top", "overlap"]]
    table.columns = pd.Index(["J ($)", "s.d. ($)", "largest ($)", "in 1%", "overlap"])
    formats: Any = {
        "J ($)": "{:,.0f}",
        "s.d. ($)": "{:.0f}",
        "largest ($)": "{:,.0f}",
        "in 1%": "{:.2f}",
        "overlap": "{:.3f}",
    }
    return table.rename_axis("s").style.format(formats).format_index("{:.1f}")


def check_arrays(log: ox.Transitions, path: Any) -> None:
    """What other libraries read from a file of a log's arrays is what they ask for."""
    np.savez(path, **log.arrays())  # type: ignore[arg-type]
    with np.load(path) as arrays:
        taken = dict(**arrays)
    assert list(taken) == ["observations", "actions", "rewards", "terminals"]
    assert all(np.array_equal(taken[name], values) for name, values in log.arrays().items())


@dataclass(frozen=True)
class Wider:
    """The least noise on TWAP with which the optimum's first trade is below the 97.5% point."""

    noise: float
    fourth: float
    """E[m^4] there"""


def wider(problem: ox.Problem) -> Wider:
    """The root, with noise on both sides of it tried."""
    best = ox.optimum(problem)
    root = 1.96 - np.sqrt(1.96**2 - 2 * np.log(problem.order.periods * best.fraction(0, 1.0)))
    for noise, inside in ((root - 0.06, 0), (root + 0.06, 1)):
        tried = ox.collect(problem, offline.Behaviour("wide", {"TWAP": ox.twap(problem)}, noise), 4_000, 0)
        assert offline.coverage(tried)["inside"].iloc[0] == inside
    return Wider(root, np.exp(6 * root**2))


@dataclass(frozen=True)
class Mended:
    """The hurried desk alone, with more noise (noisy), and with the mixture's schedules in half of its programmes."""

    overlap: dict[str, float]
    """given liquidity"""
    cost: dict[str, float]
    """J of the trading [$]"""


def mended(logs: Logs, conditional: Callable[[ox.Transitions], float]) -> Mended:
    """What two ways to mend a desk do for its conditional overlap.

    Args:
        logs: alone, noisy and mixed.
        conditional: the overlap within tenths of liquidity.
    """
    found = Mended(
        {name: conditional(log) for name, log in logs.items()}, {name: cost(log) for name, log in logs.items()}
    )
    assert found.overlap["alone"] < found.overlap["noisy"] < found.overlap["mixed"]
    assert found.cost["alone"] < found.cost["mixed"] < found.cost["noisy"]
    assert -logs["mixed"].realised.min() < -logs["noisy"].realised.min()
    return found


RATES = {0.25: "¼", 0.5: "½", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8"}


def action_coverage(tables: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Bands of the data's and of the optimum's actions by period, a panel a behaviour.

    Args:
        tables: by behaviour, what `optexec.offline.coverage` returns.
    """
    titles = [f"{name}: overlap {table['inside'].mean():.3f}" for name, table in tables.items()]
    plot = Plot(titles, gap=0.03, shared_y=True)
    plot.figure.update_annotations(font={"size": 13})  # three long titles
    for panel, table in zip(plot, tables.values(), strict=True):
        k = table.index.to_numpy()
        rate = table.mul(len(table) + 1 - k, axis=0).round(3)  # in units of TWAP's 1/(N - k)
        for who, prefix, colour, dash in (
            ("data", "", NEUTRAL, "dot"),
            ("optimum", "optimum_", COLOURS["optimum"], "solid"),
        ):
            low, median, high = (rate[f"{prefix}{part}"].to_numpy() for part in ("low", "median", "high"))
            edge, hover = {"width": 1, "color": colour}, f"{who}: %{{y:.2f}} times TWAP"
            panel.band(k, high, low, clear(colour, 0.3), line=edge, name=f"{who}, central 95%", key=who)
            panel.line(k, median, colour, dash=dash, name=f"{who}, median", key=who, hover=hover)
    plot.x("period k", [-0.4, len(table) - 0.6])
    plot.y(log=True, span=[0.3, 9], ticks=RATES)
    plot[0].y("executed fraction (multiples of TWAP's)")
    return plot.done(
        "Bands of executed fractions by period, in multiples of TWAP's, a panel a behaviour. "
        + "; ".join(titles)
        + ". The optimum starts at nearly three times TWAP's rate and comes down to it.",
        height=450,
        legend={"y": 1.09},
        margin={"t": 90},
        phone=plot.stacked(1150, legend={"y": 1.04}, margin={"t": 120}),
    )


def action_clouds(
    clouds: Mapping[str, Sequence[tuple[Array, Array]]],
    periods: Sequence[int],
    curve: Sequence[tuple[Array, Array]],
    active: int = 0,
) -> go.Figure:
    """Logged (liquidity, action) pairs of one period with the optimum's action, a panel a behaviour.

    Args:
        clouds: by behaviour, for every period liquidity (n,) and fraction as a multiple of TWAP's (n,).
        periods: the periods k of the slider.
        curve: for every period liquidity (g,) and the optimum's multiples (g,).
        active: index of the period that is shown first.
    """
    plot = Plot(clouds, gap=0.03, shared_y=True)
    best_level, best_rate = Moving(level.round(2) for level, _ in curve), Moving(rate.round(3) for _, rate in curve)
    for panel, parts in zip(plot, clouds.values(), strict=True):
        level, rate = Moving(level.round(2) for level, _ in parts), Moving(rate.round(2) for _, rate in parts)
        panel.dots(level, rate, NEUTRAL, 4, alpha=0.7, name="logged", hover=False)
        hover = "L = %{x}: %{y:.2f} times TWAP<extra>optimum</extra>"
        panel.line(best_level, best_rate, COLOURS["optimum"], 3, name="optimum", hover=hover)
    plot.slider("period k", periods, active)
    plot.x("liquidity L", [0.3, 1.75])
    plot.y(log=True, span=[0.2, 12], ticks=RATES)
    plot[0].y("executed fraction (multiples of TWAP's)")
    return plot.done(
        "Logged liquidity and action of one period, a panel a behaviour, with the optimum's action, which rises "
        "with liquidity. Noisy TWAP lies below it, the mixture around all of it, and the hurried desk across it.",
        height=500,
        legend={"y": 1.09},
        margin={"t": 80},
        phone=plot.stacked(1250, legend={"y": 1.04}, **SMALL_SLIDER),
    )


def noise_levels(tables: Mapping[str, pd.DataFrame], chosen: float) -> go.Figure:
    """What more noise covers and what it costs, against its level.

    Args:
        tables: by behaviour, a frame by noise level with the columns ``overlap`` and ``top``, the share of the squares
            that is in the largest hundredth.
        chosen: the level that the named behaviours have.
    """
    plot = Plot(["Overlap with the optimum", "Weight of the largest 1%"], gap=0.12)
    for (name, table), colour in zip(tables.items(), (NEUTRAL, CONTRAST), strict=True):
        for panel, column in zip(plot, ("overlap", "top"), strict=True):
            hover = f"{name}, s = %{{x}}: %{{y:.2f}}"
            panel.line(table.index, table[column].round(4), colour, marks=7, key=name, hover=hover)
    plot.vline(chosen, "gray")
    plot.x("noise level s")
    plot.y(span=[-0.03, 1.05])
    plot[0].y("share of decisions")
    plot[1].y("share of squared deviations")
    return plot.done(
        "First panel: overlap against noise; the mixture's is near one from little noise on, TWAP's rises slowly. "
        "Second panel: the share of the squared deviations of rewards that is in the largest hundredth; it rises "
        "towards one.",
        height=410,
        legend={"y": 1.12},
        margin={"t": 80},
        phone=plot.stacked(760, 0.17, legend={"y": 1.07}),
    )


def effective_sizes(decisions: Mapping[str, Array], histories: Mapping[str, Array], episodes: int) -> go.Figure:
    """How many of the logged episodes count for a policy near the optimum.

    Args:
        decisions: by behaviour, the effective number of single decisions by period (N - 1,).
        histories: by behaviour, that of histories of 1, 2, ... periods (N - 1,).
        episodes: n, how many there are.
    """
    plot = Plot(["Single decisions", "Histories from the start"], gap=0.05, shared_y=True)
    for panel, sizes, first in zip(plot, (decisions, histories), (0, 1), strict=True):
        for (name, values), colour in zip(sizes.items(), (NEUTRAL, CONTRAST), strict=True):
            x, y = np.arange(len(values)) + first, np.round(values, 2)
            panel.line(x, y, colour, marks=6, key=name, hover=f"{name}: %{{y:.3g}}")
    plot[0].x("period k")
    plot[1].x("periods in the history")
    plot.y(type="log", span=[-0.1, np.log10(1.3 * episodes)], dtick=1, tickformat=",")
    plot[0].y(f"effective number, of {episodes:,}")
    return plot.done(
        "Effective numbers on a logarithmic axis. First panel: single decisions, hundreds in every period "
        "for the mixture and a dozen at the start for noisy TWAP. Second panel: whole histories, which fall to "
        "about one for both.",
        height=410,
        legend={"y": 1.12},
        margin={"t": 80},
        phone=plot.stacked(760, 0.17, legend={"y": 1.07}),
    )
