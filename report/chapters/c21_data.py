"""*What the data must contain*: what eight desks' logs make possible, and what each part of a learner is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import t as student

import optexec as ox
from optexec import offline
from optexec.evaluation import plus_minus
from optexec.figures.style import COLOURS, NEUTRAL, SMALL_SLIDER, clear
from optexec.interval import Interval
from optexec.liquidity import cached_chain
from optexec.observation import COLUMNS
from optexec.offline import ALGORITHMS, BCQConfig, TD3BCConfig, scoring
from optexec.offline.view import View, ViewConfig
from report.agents import published
from report.agents.protocol import ABLATIONS, EPISODES, LOGS, SHARED, STEPS
from report.chapters.c16_learned import COLOUR, gap_closed, regress
from report.plot import Moving, Plot, gap_axis, left, minus, places, whiskers

__all__ = [
    "DESKS",
    "Desks",
    "Effects",
    "Enough",
    "Foretold",
    "Learned",
    "Lengths",
    "Luck",
    "Offers",
    "Paid",
    "Reach",
    "Trust",
    "amounts",
    "by_behaviour",
    "desks",
    "desks_table",
    "effects",
    "effects_figure",
    "effects_table",
    "enough",
    "foretold",
    "foretold_figure",
    "learned",
    "lengths",
    "lengths_figure",
    "lengths_table",
    "luck",
    "luck_table",
    "offers",
    "offers_table",
    "paid",
    "parts",
    "quality_and_breadth",
    "quality_figure",
    "reach_figure",
    "seen",
    "trust",
    "trust_table",
    "within_reach",
]

Array = NDArray[np.float64]
Backward = Callable[[Callable[[int, Array, Array], Array]], tuple[float, list[Array]]]
"""The gap closed by fractions that a function takes from period, slope and curvature of the cost; and the values."""
Logs = Mapping[str, Sequence[ox.Transitions]]
"""By desk."""

DESKS = {
    "twap": "TWAP",
    "twap-noise-0.1": "TWAP, 10%",
    "twap-noise-0.2": "TWAP, 20%",
    "twap-noise": "TWAP, 40%",
    "twap-noise-0.8": "TWAP, 80%",
    "ac-noise": "AC, 40%",
    "mixture": "mixture, 40%",
    "broad": "broad, 60%",
}
"""Behaviours of the studies, and what tables and figures call them."""
KEYS = dict(
    zip(DESKS.values(), ("twap", "twap10", "twap20", "twap40", "twap80", "ac", "mixture", "broad"), strict=True)
)
"""What the text calls a desk."""
NOISY = list(DESKS.values())[:5]
NARROW = ["TWAP, 10%", "TWAP, 20%"]
WIDE = ["AC, 40%", "mixture, 40%", "broad, 60%"]
CRITICS = {"td3bc": "TD3+BC", "bcq": "BCQ"}
LEARNERS = {**CRITICS, "bc": "behaviour cloning"}
SIZES = (100, 300, 1_000, 3_000)
"""Episodes of the logs that learners were given."""
RUNS = (300, 1_000, 3_000, 10_000)
"""Steps of their training."""
LIMIT = 1.05
"""The most that an agent may cost, beside TWAP."""


def keyed(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Values by the short names of desks."""
    return {KEYS[name]: value for name, value in values.items()}


def normal() -> tuple[ox.Problem, float, float]:
    """The market, and J of TWAP and the prize in it [$]."""
    problem = ox.presets.stochastic()
    return problem, ox.exact_objective(problem, ox.twap(problem)), scoring.prize_of(problem)


def seen(log: ox.Transitions) -> tuple[View, Array, float]:
    """The view of a log, and the period's mean and the spread of its log-odds y, as the learners measure them."""
    view = View.fit(ViewConfig(), log)
    y = view.encode(log.fractions, log.period).reshape(-1, log.problem.order.periods)
    return view, y.mean(axis=0)[:-1], view.spread(log)


def noise_cost(who: offline.Behaviour, taken: Sequence[ox.Transitions]) -> float:
    """What a desk's noise costs an episode [$]: logs against those of the same arms and shocks without noise."""
    calm = offline.Behaviour("calm", who.arms, 0.0)
    without = [ox.collect(log.problem, calm, EPISODES, log.seed).expected.sum() for log in taken]
    return float(np.mean([base - log.expected.sum() for base, log in zip(without, taken, strict=True)]) / EPISODES)


@dataclass(frozen=True)
class Desks:
    """Who was logged; by desk."""

    own: dict[str, float]
    """gap closed by trading with the noise, in expectation"""
    noise: dict[str, float]
    """what the noise costs [$ an episode]"""
    prize: float
    """what there is to close [$]"""
    table: pd.DataFrame


def desks(traders: Mapping[str, offline.Behaviour], logs: Logs) -> Desks:
    """How good the desks are and what their logs cover."""
    _, _, prize = normal()
    rows = {}
    for name, who in traders.items():
        arms, noise = gap_closed(who.arms), noise_cost(who, logs[name])
        rows[name] = {
            "best arm": arms.max(),
            "mean arm": arms.mean(),
            "as traded": arms.mean() - noise / prize,
            "noise ($)": noise,
            "overlap": np.mean([offline.overlap(log) for log in logs[name]]),
            "spread": np.mean([seen(log)[2] for log in logs[name]]),
        }
    table = pd.DataFrame(rows).T.rename_axis("desk")
    assert table["as traded"][NOISY].is_monotonic_decreasing
    assert table["overlap"][NOISY].is_monotonic_increasing
    assert (table["best arm"] < 0).all()
    assert (table["as traded"] < -5).all()
    assert (table["overlap"][["TWAP, 80%", *WIDE]] > 0.98).all()
    return Desks(keyed(table["as traded"].to_dict()), keyed(table["noise ($)"].to_dict()), prize, table)


def desks_table(found: Desks) -> pd.DataFrame:
    """Desks and their logs."""
    formats = {
        "best arm": "{:.2f}",
        "mean arm": "{:.2f}",
        "as traded": "{:.1f}",
        "noise ($)": "{:.0f}",
        "overlap": "{:.3f}",
        "spread": "{:.3f}",
    }
    table = found.table
    shown = {name: [form.format(value).replace("-", "−") for value in table[name]] for name, form in formats.items()}
    return pd.DataFrame(shown, index=table.index)


def of(**fields: Any) -> pd.DataFrame:
    """Published studies of this market with a log an agent, and other fields as given; None for any value."""
    usual = {"market": "normal", "hidden": False, "config": "tuned", "behaviour": "mixture", "variant": ""}
    usual |= {"episodes": EPISODES, "steps": STEPS}
    found = published.results(**{name: value for name, value in (usual | fields).items() if value is not None})
    found = found[found["data"].map(len) > 1]
    return found.assign(label=[ALGORITHMS[name].label for name in found["algorithm"]])


def scores(name: str) -> Array:
    """Gap closed by each agent of a study."""
    return np.array(published.manifest()[name]["scores"]["gap_closed"])


def mean_action(name: str) -> float:
    """Gap closed by the mean action of a study's agents."""
    return float(published.manifest()[name]["mean_action"]["gap_closed"])


@dataclass(frozen=True)
class Gap(Interval):
    """An interquartile mean of gaps closed over agents with a log each, with its 95% interval."""

    mean_action: float


def gap(row: Any) -> Gap:
    """That of a published study."""
    return Gap(row["value"], row["low"], row["high"], row["mean_action"])


@dataclass(frozen=True)
class Learned:
    """What was made of eight logs."""

    gap: dict[str, dict[str, Gap]]
    """by algorithm and desk"""
    rank: dict[str, float]
    """rank correlation of BCQ's score with the overlap and with the trader's quality"""
    over_best: float
    """how far the worst learner on three wide logs is above their best arm"""
    over_best_money: float
    """that in dollars an order"""
    over_mean_low: float
    """how far learners are above the mean arm, on the logs with several: least"""
    over_mean_high: float
    """and most"""
    table: pd.DataFrame
    """a row a study"""


def learned(found: Desks) -> Learned:
    """Scores of the learners beside the quality and the breadth of their logs."""
    table = of(behaviour=None)
    table["log"] = table["behaviour"].map(DESKS)
    for column, name in {"quality": "as traded", "overlap": "overlap"}.items():
        table[column] = table["log"].map(found.table[name])
    table["algorithm"], table["key"] = table["label"], table["algorithm"]
    value = table.set_index(["algorithm", "log"])["value"]
    bcq = value["BCQ"]
    own, arms = found.table["as traded"], found.table[["best arm", "mean arm"]]
    wide = {name: np.array([value[label, name] for label in CRITICS.values()]) for name in WIDE}
    assert min(part.min() for part in wide.values()) > 0.98
    assert min(value[label, "TWAP, 80%"] for label in CRITICS.values()) > 0.88
    assert own["TWAP, 80%"] == own.min()  # the worst trader of all
    assert bcq[NOISY].is_monotonic_increasing
    assert (value["behaviour cloning"] < 0).all()
    above = np.array([wide[name] - arms["mean arm"][name] for name in WIDE[1:]])
    over = min(part.min() for part in wide.values()) - arms["best arm"][WIDE].max()
    rank = table[table["algorithm"] == "BCQ"][["quality", "overlap", "value"]].corr("spearman")["value"]
    assert rank["overlap"] > 0.9
    assert rank["quality"] < 0.4
    assert over > 0.95
    return Learned(
        gap={
            algorithm: {KEYS[row["log"]]: gap(row) for _, row in table[table["key"] == algorithm].iterrows()}
            for algorithm in LEARNERS
        },
        rank={"overlap": rank["overlap"], "quality": rank["quality"]},
        over_best=over,
        over_best_money=over * found.prize,
        over_mean_low=above.min(),
        over_mean_high=above.max(),
        table=table,
    )


def quality_figure(found: Learned) -> go.Figure:
    """`quality_and_breadth` of all learners and logs."""
    return quality_and_breadth(found.table[["algorithm", "log", "quality", "overlap", "value", "low", "high"]])


def tied(
    log: ox.Transitions, backward: Backward, rounds: int = 3, points: int = 201, *, shaped: bool = True
) -> tuple[float, Array]:
    """The score of TD3+BC's actor with a perfect critic, and its fractions (N - 1, G) by period and level.

    Args:
        log: whose mean and spread hold the actor.
        backward: the recursion.
        rounds: of iterating the critic's mean size.
        points: of the grid of actions.
        shaped: whether the critic has the potential.
    """
    view, middle, spread = seen(log)
    order, market = log.problem.order, log.problem.market
    chain = cached_chain(market.liquidity, order.dt, order.periods)
    held, levels = (log.observations[:, COLUMNS.index(name)].astype(float) for name in ("x/X", "L"))
    levels = levels.reshape(-1, order.periods)
    unit, potential, _ = view._values(log, log.realised, order.shares * held)
    potential, grid, size = shaped * potential.reshape(-1, order.periods), np.linspace(-1, 1, points), 1.0
    alpha, free = TD3BCConfig.tuned().alpha, range(order.periods - 1)
    decoded = [view.decode(grid, np.full(points, k)) for k in free]
    distance = [((grid - y) / spread) ** 2 for y in middle]
    rule = np.empty((len(free), len(chain.levels)))

    def choose(k: int, slope: Array, square: Array) -> Array:
        f = decoded[k]
        cost = np.outer(slope, f) + np.outer(square, f**2)
        chosen = np.asarray(f[(alpha / size * cost / unit[k] + distance[k]).argmin(axis=1)])
        rule[k] = chosen
        return chosen

    for _ in range(rounds):
        score, values = backward(choose)
        off = [np.abs(np.interp(levels[:, k], chain.levels, values[k]) - potential[:, k]) / unit[k] for k in free]
        size = float(np.mean(off))
    return score, rule


@dataclass(frozen=True)
class Foretold:
    """Gap closed as computed before training, without estimation error."""

    reach: float
    """BCQ's, in spreads"""
    told: dict[str, dict[str, float]]
    """by algorithm and desk, mean over logs"""
    off: dict[str, float]
    """by algorithm, the furthest that this is from what was learned (TD3+BC: on six logs)"""
    table: pd.DataFrame


def foretold(logs: Logs, found: Learned, backward: Backward, **how: Callable[[ox.Transitions], float]) -> Foretold:
    """What the three learners can reach, from logs and the exact model.

    Args:
        logs: by desk.
        found: what was learned.
        backward: the recursion.
        how: the score of BCQ and of cloning from a log, by algorithm.
    """

    def leashed(log: ox.Transitions) -> float:
        return tied(log, backward)[0]

    ways: dict[str, Callable[[ox.Transitions], float]] = {"td3bc": leashed, **how}
    told = {
        algorithm: {KEYS[name]: float(np.mean([ways[algorithm](log) for log in part])) for name, part in logs.items()}
        for algorithm in LEARNERS
    }
    off = {
        algorithm: {key: abs(found.gap[algorithm][key].value - value) for key, value in own.items()}
        for algorithm, own in told.items()
    }
    kept = [value for key, value in off["td3bc"].items() if key not in ("twap10", "twap20")]
    assert max(off["bc"].values()) < 0.25
    assert max(off["bcq"].values()) < 0.05
    assert max(kept) < 0.15
    assert min(off["td3bc"]["twap10"], off["td3bc"]["twap20"]) > 10
    table = pd.DataFrame(
        {"log": name, "algorithm": label, "value": told[algorithm][KEYS[name]]}
        for name in logs
        for algorithm, label in LEARNERS.items()
    )
    furthest = {"td3bc": max(kept), "bcq": max(off["bcq"].values()), "bc": max(off["bc"].values())}
    return Foretold(BCQConfig.tuned().reach, told, furthest, table)


def foretold_figure(found: Foretold, learned: Learned, traders: Desks) -> go.Figure:
    """`by_behaviour`, learned and foretold."""
    columns = ["log", "algorithm", "value", "low", "high"]
    own = {str(name): value for name, value in traders.table["as traded"].items()}
    return by_behaviour(learned.table[columns], found.table, own)


def reach_figure(logs: Logs, backward: Backward) -> go.Figure:
    """`within_reach` of the logs of seed 0."""
    problem, _, _ = normal()
    free = np.arange(problem.order.periods - 1)
    levels = cached_chain(problem.market.liquidity, problem.order.dt, problem.order.periods).levels
    usual, multiple = np.abs(levels - 1).argmin(), problem.order.periods - free

    def reach_of(log: ox.Transitions) -> Reach:
        view, middle, spread = seen(log)
        cover, even = offline.coverage(log), 1 / multiple
        furthest = view.decode(np.clip(middle + BCQConfig.tuned().reach * spread, -1, 1), free)
        leashed = tied(log, backward)[1][:, usual]
        return Reach(
            *(values / even for values in (cover["low"].to_numpy(), cover["high"].to_numpy(), furthest, leashed))
        )

    cover = offline.coverage(logs["mixture, 40%"][0])
    low, median, high = ((cover[f"optimum_{part}"] * multiple).to_numpy() for part in ("low", "median", "high"))
    return within_reach({name: reach_of(part[0]) for name, part in logs.items()}, (low, median, high), "TWAP, 20%")


def least_squares(log: ox.Transitions, backward: Backward, *, anywhere: bool) -> tuple[float, float]:
    """Gap closed by the quadratic Q that least squares finds in a log, minimised among logged actions or anywhere.

    Second, the share of logged states in which it would leave the central 95%.
    """
    view, n = View.fit(ViewConfig(), log), log.problem.order.periods
    everywhere = np.linspace(-1, 1, 201)

    def among(k: int, low: float, high: float) -> Array:
        if anywhere:
            return np.asarray((n - k) * view.decode(everywhere, np.full(201, k)))
        return np.linspace(low, high, 201)

    rule, beyond = {}, []
    for k, ends, at_levels, logged in regress(log, among):
        rule[k] = at_levels / (n - k)
        if k < n - 1:
            beyond.append(np.mean(np.abs(logged - ends.mean()) > 1.02 * np.ptp(ends) / 2))
    return backward(lambda k, *_: rule[k])[0], float(np.mean(beyond))


@dataclass(frozen=True)
class Trust:
    """Least squares that may choose anywhere, and agents that follow a slope; by desk."""

    anywhere: dict[str, float]
    """gap closed, mean over logs"""
    anywhere_low: dict[str, float]
    """and the lowest"""
    beyond: dict[str, float]
    """share of logged states in which it leaves the central 95% [%]"""
    beyond_wide: float
    """the largest of the four wide logs"""
    fastest: float
    """gap closed by selling as fast as the view can express"""
    dear: dict[str, float]
    """J of the dearest agent above TWAP's [%]: TD3+BC's on two desks, and the clone's on the noisiest"""
    dear_rest: float
    """of all others"""
    table: pd.DataFrame


def trust(logs: Logs, found: Learned, backward: Backward) -> Trust:
    """Where the log does not pin the parabola down."""
    rows = {}
    lowest = {
        algorithm: dict(zip(part["log"], part["lowest"], strict=True)) for algorithm, part in found.table.groupby("key")
    }
    for name, part in logs.items():
        inside, _ = np.array([least_squares(log, backward, anywhere=False) for log in part]).T
        outside, beyond = np.array([least_squares(log, backward, anywhere=True) for log in part]).T
        rows[name] = {
            "inside": inside.mean(),
            "inside_low": inside.min(),
            "anywhere": outside.mean(),
            "anywhere_low": outside.min(),
            "beyond": beyond.mean(),
        }
        for algorithm in CRITICS:
            rows[name][algorithm] = found.gap[algorithm][KEYS[name]].value
            rows[name][f"{algorithm}_low"] = lowest[algorithm][name]
    table = pd.DataFrame(rows).T
    four = ["TWAP, 80%", *WIDE]
    assert (table["anywhere_low"][NARROW] < -40).all()
    assert (table["td3bc_low"][NARROW] < -40).all()
    assert (table["anywhere"][WIDE] > 0.9).all()
    assert (table["td3bc"][WIDE] > 0.98).all()
    assert (table["beyond"][NARROW] > 0.4).all()
    assert (table["beyond"][four] < 0.02).all()
    view, ones = (
        View.fit(ViewConfig(), logs["mixture, 40%"][0]),
        np.ones(len(backward(lambda k, slope, _: 0 * slope)[1][0])),
    )
    fastest = backward(lambda k, *_: ones * view.decode(np.ones(1), np.array([k]))[0])[0]
    assert np.median(np.abs(scores("td3bc-twap-noise-0.2-8logs") - fastest)) < 4
    _, twap, _ = normal()
    dear = {str(name): float(row["dearest"] / twap) for name, row in found.table.iterrows()}
    broken = {
        "twap10": "td3bc-twap-noise-0.1-8logs",
        "twap20": "td3bc-twap-noise-0.2-8logs",
        "clone": "bc-twap-noise-0.8-8logs",
    }
    assert {name for name, ratio in dear.items() if ratio > LIMIT} == set(broken.values())
    return Trust(
        anywhere=keyed(table["anywhere"].to_dict()),
        anywhere_low=keyed(table["anywhere_low"].to_dict()),
        beyond=keyed((100 * table["beyond"]).to_dict()),
        beyond_wide=100 * table["beyond"][four].max(),
        fastest=fastest,
        dear={key: 100 * (dear[name] - 1) for key, name in broken.items()},
        dear_rest=100 * (max(ratio for name, ratio in dear.items() if name not in broken.values()) - 1),
        table=table,
    )


def trust_table(found: Trust) -> pd.DataFrame:
    """Gap closed by least squares and by learners, with the lowest in brackets."""

    def pair(row: Any, name: str) -> str:
        digits = 1 if row[name] < -10 else 2
        return f"{row[name]:.{digits}f} ({row[name + '_low']:.{digits}f})".replace("-", "−")

    rows = {
        name: [
            pair(row, "inside"),
            pair(row, "anywhere"),
            f"{100 * row['beyond']:.0f}%",
            pair(row, "bcq"),
            pair(row, "td3bc"),
        ]
        for name, row in found.table.iterrows()
    }
    columns = ["within 95%", "anywhere", "leaves it in", "BCQ", "TD3+BC"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("desk")


@dataclass(frozen=True)
class Lengths:
    """Gap closed, and what is left of it in thousandths, by the length of log and training."""

    gap: dict[int, Gap]
    """TD3+BC's, by episodes"""
    left: dict[str, dict[int, float]]
    """by algorithm (or fitted) and episodes, mean over agents"""
    spread: dict[str, dict[int, float]]
    """standard deviation over agents"""
    shared: dict[int, float]
    """what the mean action of infinitely many agents of TD3+BC would leave"""
    shared_low: float
    """the least of it from 300 episodes on"""
    shared_high: float
    apart: dict[int, float]
    """what agents do not share"""
    apart_power: float
    """of the episodes, with which that falls"""
    fitted_power: float
    """with which what the fitted model leaves falls"""
    leash: float
    """what the leash leaves without estimation error"""
    steps: dict[str, dict[int, float]]
    """gap closed by algorithm and steps"""
    start: dict[str, dict[int, float]]
    """share of the acting weights that are those of the start [%]"""
    short_dear: float
    """J of the dearest agent of the shortest runs above TWAP's [%]"""
    scores: dict[str, dict[int, Array]]
    """what is left for each agent or log"""
    by_episodes: pd.DataFrame
    by_steps: pd.DataFrame


def power(values: Mapping[int, float]) -> float:
    """The exponent of n with which numbers by n fall."""
    return float(np.polyfit(np.log(list(values)), np.log(list(values.values())), 1)[0])


def lengths(plans: Mapping[int, Array], told: Foretold) -> Lengths:
    """What agents leave by the length of log and training, and what fitted models do.

    Args:
        plans: by episodes, the gaps closed by the optima of models that were fitted to logs.
        told: what the leash leaves.
    """
    by_episodes, by_steps = (found[found["algorithm"] != "bc"] for found in (of(episodes=None), of(steps=None)))
    left: dict[str, dict[int, Array]] = {name: {} for name in CRITICS}
    for name, row in by_episodes.iterrows():
        left[row["algorithm"]][row["episodes"]] = 1 - scores(str(name))[: 8 if row["algorithm"] == "td3bc" else 4]
    left["fitted"] = {n: 1 - plan for n, plan in plans.items()}
    mean = {name: {n: float(part.mean()) for n, part in own.items()} for name, own in left.items()}
    own = {row["episodes"]: gap(row) for _, row in by_episodes[by_episodes["algorithm"] == "td3bc"].iterrows()}
    apart = {n: 8 / 7 * (mean["td3bc"][n] - 1 + own[n].mean_action) for n in SIZES}
    shared = {n: mean["td3bc"][n] - apart[n] for n in SIZES}
    floor, leash = [shared[n] for n in SIZES[1:]], 1 - told.told["td3bc"]["mixture"]
    assert 0.5 < min(floor) / leash < max(floor) / leash < 2  # the leash's size
    assert -1.3 < power(apart) < -0.75
    assert -1.2 < power(mean["fitted"]) < -0.5
    assert mean["fitted"][30] < min(mean["td3bc"][3_000], mean["bcq"][3_000])
    assert mean["fitted"][10] < mean["td3bc"][1_000]
    for algorithm in CRITICS:
        falls = [mean[algorithm][n] for n in SIZES]
        assert falls[0] > 4 * falls[1]
        assert falls == sorted(falls, reverse=True)
    rows = {(row["algorithm"], row["steps"]): row for _, row in by_steps.iterrows()}
    steps = {algorithm: {n: float(rows[algorithm, n]["value"]) for n in RUNS} for algorithm in CRITICS}
    for curve in steps.values():
        assert list(curve.values()) == sorted(set(curve.values()))
    assert steps["td3bc"][300] < -8
    assert steps["bcq"][3_000] > 0.8
    _, twap, _ = normal()
    short = max(float(rows[algorithm, 300]["dearest"]) for algorithm in CRITICS)
    short_dear = 100 * (short / twap - 1)
    assert short_dear > 5
    assert max(row["dearest"] for row in rows.values() if row["steps"] > 300) < LIMIT * twap
    td3, bcq = TD3BCConfig.tuned(), BCQConfig.tuned()
    return Lengths(
        gap=own,
        left={name: {n: 1e3 * value for n, value in part.items()} for name, part in mean.items()},
        spread={name: {n: 1e3 * float(one.std(ddof=1)) for n, one in part.items()} for name, part in left.items()},
        shared={n: 1e3 * value for n, value in shared.items()},
        shared_low=1e3 * min(floor),
        shared_high=1e3 * max(floor),
        apart={n: 1e3 * value for n, value in apart.items()},
        apart_power=power(apart),
        fitted_power=power(mean["fitted"]),
        leash=1e3 * leash,
        steps=steps,
        start={
            "td3bc": {n: 100 * (1 - td3.average) ** (n / td3.delay) for n in RUNS},
            "bcq": {n: 100 * (1 - bcq.average) ** n for n in RUNS},
        },
        short_dear=short_dear,
        scores=left,
        by_episodes=by_episodes,
        by_steps=by_steps,
    )


def lengths_figure(found: Lengths) -> go.Figure:
    """`amounts` of episodes and steps."""
    columns = ["algorithm", "amount", "value", "low", "high"]
    curves, dots = {}, []
    for panel, rows in (("episodes", found.by_episodes), ("steps", found.by_steps)):
        named = rows.assign(algorithm=rows["label"], amount=rows[panel])[columns]
        curves[panel] = named.sort_values(["algorithm", "amount"], ascending=[False, True])
        dots += [
            {"panel": panel, "algorithm": row["label"], "amount": row[panel], "score": score}
            for name, row in rows.iterrows()
            for score in scores(str(name))
        ]
    fits = []
    for n, part in found.scores["fitted"].items():
        s = scoring.summary([1 - part])
        fits.append({"algorithm": "fitted model", "amount": n, "value": s.value, "low": s.low, "high": s.high})
        dots += [{"panel": "episodes", "algorithm": "fitted model", "amount": n, "score": 1 - score} for score in part]
    return amounts(pd.concat([curves["episodes"], pd.DataFrame(fits)]), curves["steps"], pd.DataFrame(dots))


def lengths_table(found: Lengths) -> pd.DataFrame:
    """What is left of the gap by the length of the log."""

    def thousandths(name: str, n: int) -> str:
        """Mean and standard deviation, two decimals below ten."""
        if n not in found.left[name]:
            return "–"
        digits = 1 if found.left[name][n] >= 10 else 2
        return f"{found.left[name][n]:.{digits}f} ± {found.spread[name][n]:.{digits}f}"

    labels = {**CRITICS, "fitted": "fitted model"}
    rows = {label: {f"{n:,}": thousandths(name, n) for n in found.left["fitted"]} for name, label in labels.items()}
    return pd.DataFrame(rows).rename_axis("episodes")


@dataclass(frozen=True)
class Luck:
    """Spread of the gap closed at 1,000 episodes; by algorithm."""

    within: dict[str, float]
    """standard deviation over the seeds of a log [thousandths]"""
    across: dict[str, float]
    """over agents with a log each [thousandths]"""
    share: dict[str, float]
    """the log's of the latter's variance [%]"""
    one: dict[str, float]
    """gap closed by the mean action of one log's seeds"""
    eight: dict[str, float]
    """and of eight logs' agents"""
    mean: dict[str, float]
    """of the latter by themselves"""
    common: float
    """correlation of the algorithms' scores over the logs"""


def luck(found: Lengths) -> Luck:
    """How much of the spread is the log's, and how much the seed's."""
    within, across, one, eight, mean = {}, {}, {}, {}, {}
    for algorithm in CRITICS:
        names = [f"{algorithm}-mixture-data{log}" for log in SHARED]
        within[algorithm] = float(np.sqrt(np.mean([scores(name).var(ddof=1) for name in names])))
        each = scores(f"{algorithm}-mixture-8logs")
        across[algorithm], mean[algorithm] = float(each.std(ddof=1)), float(each.mean())
        one[algorithm] = float(np.mean([mean_action(name) for name in names]))
        eight[algorithm] = mean_action(f"{algorithm}-mixture-8logs")
        assert across[algorithm] > 2 * within[algorithm]
        assert eight[algorithm] > mean[algorithm] + 0.003
        assert eight[algorithm] > one[algorithm]
    share = {algorithm: 100 * (1 - within[algorithm] ** 2 / across[algorithm] ** 2) for algorithm in CRITICS}
    assert min(share.values()) > 70
    for rows in (found.by_episodes, found.by_steps):
        assert all(row["mean_action"] > scores(str(name)).mean() for name, row in rows.iterrows())
    common = np.corrcoef(scores("td3bc-mixture-8logs"), scores("bcq-mixture-8logs"))[0, 1]
    assert common > 0.8
    within, across = ({name: 1e3 * value for name, value in part.items()} for part in (within, across))
    return Luck(within, across, share, one, eight, mean, common)


def luck_table(found: Luck) -> pd.DataFrame:
    """Spread over seeds and over logs."""
    rows = {
        label: [
            f"{found.within[algorithm]:.1f}",
            f"{found.across[algorithm]:.1f}",
            f"{found.share[algorithm]:.0f}%",
            f"{found.one[algorithm]:.4f}",
            f"{found.eight[algorithm]:.4f}",
        ]
        for algorithm, label in CRITICS.items()
    }
    columns = ["seeds of one log", "a log each", "the log's share", "mean action, one log", "mean action, 8 logs"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("learner")


PARTS = {
    "unscaled": ("units of cost", "units of $c_k x^2$; dollars, no potential", "costs go with $x^2$"),
    "level": ("weights", "$x$ over TWAP's $x$; all equal", "noise goes with $1/x$"),
    "free": ("parabola", "$c_0 + c_1 u + c_2 u^2$; a free network", "linear impact"),
    "unshaped": ("potential", "cost-to-go as control variate; none", "nothing"),
    "clipped": ("clipped actions", "no weight; full weight", "nothing"),
    "fraction": ("log-odds (1)", "$y$; the fraction, $2a - 1$", "ratios of trades matter"),
    "rate": ("log-odds (2)", "$y$; multiple of TWAP's rate, up to 8", "ratios of trades matter"),
    "relu": ("smooth networks", "SiLU; ReLU", "smooth values"),
    "expected": ("realised rewards", "as paid; conditional means", "nothing (in its place: the model)"),
}
"""By variant: the part, what it is and what stood in its place, and what it takes for granted."""


@dataclass(frozen=True)
class Effects:
    """Change of the gap closed when one part of a learner is taken away, paired by seed and log."""

    change: dict[str, dict[str, Interval]]
    """by variant and algorithm: mean and 95% half-width (Student's t)"""
    level_one: dict[str, float]
    """by algorithm: without weights, on log 1"""
    level_rest: dict[str, float]
    """and the median of the other logs"""
    shaped_drop: float
    """change for TD3+BC's actor with a perfect critic without the potential"""
    clipped_share: float
    """of the transitions [%]"""
    limit: float
    """how much dearer than TWAP an agent may be [%]"""
    pairs: dict[tuple[str, str], Array]
    """differences by variant and algorithm"""


def effects(mixture: Sequence[ox.Transitions], backward: Backward) -> Effects:
    """What each part is worth.

    Args:
        mixture: logs of the mixture.
        backward: the recursion.
    """
    assert set(PARTS) == set(ABLATIONS)
    pairs = {}
    for variant in PARTS:
        for algorithm, count in {"td3bc": 8, "bcq": 4}.items():
            without = scores(f"{algorithm}-mixture-{variant}-{count}logs")
            pairs[variant, algorithm] = without - scores(f"{algorithm}-mixture-8logs")[:count]

    def interval(differences: Array) -> Interval:
        n = len(differences)
        half = student.ppf(0.975, n - 1) * differences.std(ddof=1) / n**0.5
        return Interval.around(float(differences.mean()), float(half))

    change = {variant: {name: interval(pairs[variant, name]) for name in CRITICS} for variant in PARTS}
    for name in CRITICS:
        assert change["unscaled"][name].value < -15
        assert change["clipped"][name].value + change["clipped"][name].ci < 0
        assert abs(change["relu"][name].value) < change["relu"][name].ci  # not told from nothing
        assert change["expected"][name].ci < change["expected"][name].value < 0.01
        assert pairs["level", name].argmin() == 1
        assert pairs["level", name].min() < -1  # one log does it
    for variant in ("free", "unshaped", "fraction", "rate"):
        assert change[variant]["td3bc"].value + change[variant]["td3bc"].ci < 0
    assert change["unshaped"]["bcq"].ci > -change["unshaped"]["bcq"].value
    drop = float(np.mean([tied(log, backward, shaped=False)[0] - tied(log, backward)[0] for log in mixture]))
    assert drop < -0.02
    views = [View.fit(ViewConfig(), log) for log in mixture]
    clipped = [
        np.mean(np.abs(view.encode(log.fractions, log.period)) >= 1) for view, log in zip(views, mixture, strict=True)
    ]
    _, twap, _ = normal()
    others = [dearest for variant in PARTS if variant != "unscaled" for dearest in of(variant=variant)["dearest"]]
    assert max(others) < LIMIT * twap < of(variant="unscaled")["dearest"].min()
    return Effects(
        change=change,
        level_one={name: pairs["level", name][1] for name in CRITICS},
        level_rest={name: float(np.median(np.delete(pairs["level", name], 1))) for name in CRITICS},
        shaped_drop=drop,
        clipped_share=100 * float(np.mean(clipped)),
        limit=100 * (LIMIT - 1),
        pairs=pairs,
    )


def effects_figure(found: Effects) -> go.Figure:
    """`parts`, with pairs."""
    rows, dots = [], []
    for variant, (name, *_) in PARTS.items():
        for algorithm, label in CRITICS.items():
            one, what = found.change[variant][algorithm], {"part": name, "algorithm": label}
            rows.append({**what, "value": one.value, "low": one.value - one.ci, "high": one.value + one.ci})
            dots += [{**what, "value": value} for value in found.pairs[variant, algorithm]]
    return parts(pd.DataFrame(rows), pd.DataFrame(dots))


def effects_table(found: Effects) -> pd.DataFrame:
    """The parts one by one."""

    def shown(one: Interval) -> str:
        digits = 1 if abs(one.value) > 10 else 2 if abs(one.value) > 0.3 else 3
        return plus_minus(one.value, one.ci, digits, "+")

    rows = {
        name: [swap, given, *(shown(found.change[variant][algorithm]) for algorithm in CRITICS)]
        for variant, (name, swap, given) in PARTS.items()
    }
    columns = ["as tuned; in its place", "assumes", *CRITICS.values()]
    return pd.DataFrame(rows, index=columns).T.rename_axis("part")


@dataclass(frozen=True)
class Offers:
    """What logs cost and what they are good for; by arms and noise in percent, e.g. ac20."""

    cost: dict[str, float]
    """above the best schedule [$ an episode]"""
    overlap: dict[str, float]
    anywhere: dict[str, float]
    """the lowest gap that least squares closes when it may choose anywhere"""
    fit_worst: float
    """what the optimum of the fitted model closes at least"""
    table: pd.DataFrame


def offers(
    asked: Mapping[str, Sequence[float]],
    mixture: offline.Behaviour,
    backward: Backward,
    bounded: Callable[[ox.Transitions], float],
) -> Offers:
    """The prices of some logs.

    Args:
        asked: noise levels by arms: TWAP, AC or mixture.
        mixture: who trades it.
        backward: the recursion.
        bounded: the score of the best policy within BCQ's reach of a log.
    """
    problem, _, _ = normal()
    static = ox.exact_objective(problem, ox.best_static(problem))
    arms: dict[str, Mapping[str, Any]] = {
        "TWAP": {"TWAP": ox.twap(problem)},
        "AC": {"AC": ox.almgren_chriss(problem)},
        "mixture": dict(mixture.arms),
    }
    rows = {}
    for who, name, noise in (
        (offline.Behaviour(kind, arms[kind], noise), kind, noise) for kind, noises in asked.items() for noise in noises
    ):
        taken = [ox.collect(problem, who, EPISODES, seed) for seed in LOGS[:4]]
        spent = np.mean([ox.exact_objective(problem, arm) for arm in arms[name].values()]) - static
        fits = {str(i): ox.optimum(offline.fitted(log)) for i, log in enumerate(taken[:2])}
        rows[f"{name}, {100 * noise:.0f}%"] = {
            "cost ($)": spent + noise_cost(who, taken),
            "overlap": np.mean([offline.overlap(log) for log in taken]),
            "TD3+BC": np.mean([tied(log, backward)[0] for log in taken[:2]]),
            "BCQ": np.mean([bounded(log) for log in taken]),
            "anywhere": min(least_squares(log, backward, anywhere=True)[0] for log in taken),
            "fit": gap_closed(fits).mean(),
        }
    table = pd.DataFrame(rows).T
    dear, reach, anywhere = table["cost ($)"], table["BCQ"], table["anywhere"]
    assert table["fit"].min() > 0.998
    assert reach["TWAP, 0%"] < -16
    assert min(table["TD3+BC"]["AC, 40%"], reach["AC, 40%"]) > 0.99
    assert dear["AC, 40%"] < 0.5 * dear["mixture, 40%"]
    assert reach["AC, 20%"] > 0.9
    assert anywhere[["AC, 10%", "AC, 20%", "AC, 30%", "mixture, 10%"]].max() < 0
    assert anywhere["mixture, 40%"] > 0.95 > anywhere["AC, 40%"] > 0.5
    keys = [name.lower().replace(", ", "").removesuffix("%") for name in table.index]
    cost, overlap, lowest = (
        dict(zip(keys, table[column].tolist(), strict=True)) for column in ("cost ($)", "overlap", "anywhere")
    )
    return Offers(cost, overlap, lowest, table["fit"].min(), table)


def offers_table(found: Offers) -> pd.DataFrame:
    """Prices of logs and what they are good for."""
    formats = {
        "cost ($)": "{:.0f}",
        "overlap": "{:.2f}",
        "TD3+BC": "{:.3f}",
        "BCQ": "{:.3f}",
        "anywhere": "{:.2f}",
        "fit": "{:.4f}",
    }

    def spelled(value: float, form: str) -> str:
        """A number of the table, with one digit below −10."""
        return ("{:.1f}" if value < -10 else form).format(value).replace("-", "−")

    rows = {name: [spelled(value, form) for value in found.table[name]] for name, form in formats.items()}
    return pd.DataFrame(rows, index=found.table.index).rename_axis("desk")


@dataclass(frozen=True)
class Enough:
    """How much noise on TWAP a wall needs."""

    first: float
    """the optimum's first trade, as a multiple of TWAP's"""
    odds: float
    """its log-odds above TWAP's"""
    by_hand: float
    """noise that brings it within reach, by hand"""
    noise: float
    """noise with which 0.9 of the gap is within reach"""
    cost: float
    """of that [$ an episode]"""


def enough(bounded: Callable[[ox.Transitions], float]) -> Enough:
    """The least noise that brings the optimum within BCQ's reach, see `offers` for the argument."""
    problem, _, _ = normal()
    n, reach = problem.order.periods, BCQConfig.tuned().reach

    def noisy(noise: float) -> offline.Behaviour:
        return offline.Behaviour("noisy", {"TWAP": ox.twap(problem)}, noise)

    def within(noise: float) -> float:
        return bounded(ox.collect(problem, noisy(noise), EPISODES, 0))

    first = float(ox.optimum(problem).fraction(0, 1.0))
    odds = float(np.log(first * (1 - 1 / n) / ((1 - first) / n)))
    by_hand = reach - np.sqrt(reach**2 - 2 * odds)
    needed = float(brentq(lambda noise: within(noise) - 0.9, 0.3, 0.9, xtol=2e-3))
    extra = noise_cost(noisy(needed), [ox.collect(problem, noisy(needed), EPISODES, 0)])
    assert 0.5 < needed < by_hand < 1.2
    assert within(1.1 * needed) > 0.9 > within(0.9 * needed)
    return Enough(n * first, odds, by_hand, needed, extra)


@dataclass(frozen=True)
class Paid:
    """When a log has paid."""

    orders: float
    """after so many further ones"""
    fit: float
    """gap closed by the optimum of the model that is fitted to 100 noiseless episodes, mean of eight logs"""


def paid(prices: Offers, found: Learned) -> Paid:
    """What an experiment costs and what its learner saves."""
    problem, _, prize = normal()
    orders = EPISODES * prices.cost["ac40"] / (found.gap["bcq"]["ac"].value * prize)
    calm = offline.Behaviour("best static", {"best static": ox.best_static(problem)}, 0.0)
    fits = {str(seed): ox.optimum(offline.fitted(ox.collect(problem, calm, 100, seed))) for seed in range(8)}
    fit = gap_closed(fits).mean()
    assert 4_000 < orders < 9_000
    assert fit > 0.96
    return Paid(orders, fit)


MARKS = [0.9999, 0.999, 0.99, 0.9, 0, -9, -39]
"""Marks of an axis of gaps closed that is logarithmic in what is left."""

FINER = [0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0, -2, -5, -10, -20, -40]
"""The marks of a narrower range."""

SMALLEST = 1e-5
"""What is left open is drawn as this at least."""

_left = partial(left, least=SMALLEST)

NEAR_ZERO = 0.002
"""Differences below this are drawn on a linear scale, those above on a logarithmic one."""

SHAPES = {"TD3+BC": "circle", "BCQ": "square", "behaviour cloning": "diamond", "fitted model": "x"}
"""One marker an algorithm."""

FITTED = "#3f9c95"
COLOUR_OF = COLOUR | {"fitted model": FITTED}


class Reach(NamedTuple):
    """What a log lets a learner do, as multiples of TWAP's fraction by period, (N - 1,) each."""

    low: Array
    """end of the central 95% of the logged actions"""
    high: Array
    """the other end"""
    furthest: Array
    """the fastest trade within BCQ's reach"""
    tied: Array
    """TD3+BC's with a perfect critic, at normal liquidity"""


def _axis(worst: float, best: float, marks: Sequence[float] = MARKS) -> dict[str, Any]:
    """An axis of gaps closed, of which nothing is left open below `SMALLEST`."""
    return gap_axis(worst, min(best, 1 - SMALLEST), marks) | {"tickangle": 0, "zeroline": False}


def _said(scores: Any, form: str = ".3f") -> list[str]:
    return [minus(f"{score:{form}}") for score in scores]


def _split(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each algorithm, in their order."""
    return [(str(name), part) for name, part in rows.groupby("algorithm", sort=False)]


def _errors(rows: pd.DataFrame) -> dict[str, Any]:
    """Error bars of an axis of what is left."""
    value, low, high = (_left(rows[name]) for name in ("value", "low", "high"))
    return whiskers(value, np.minimum(high, value), np.maximum(low, value), thickness=1.5, width=3, decimals=6)


def quality_and_breadth(points: pd.DataFrame) -> go.Figure:
    """What learners make of a log, against how good its trader was and against how much it covers.

    Args:
        points: a row a log and algorithm: algorithm, log (a short name), quality (gap closed by the logged trading),
            overlap (share of the optimum's decisions), value, low and high.
    """
    plot = Plot(["how good the trader was", "how much the log covers"], gap=0.05, shared_y=True)
    trader, breadth = plot
    worst = min(float(points["low"].min()), float(points["quality"].min())) * 1.25
    span = _left([worst, 0.0])
    trader.line(span, span, "gray", 2, "dot", name="as good as the trader", hover=False)
    for algorithm, rows in _split(points):
        for panel, x in ((trader, _left(rows["quality"])), (breadth, 100 * rows["overlap"])):
            entry: dict[str, Any] = {"key": algorithm, "error_y": _errors(rows)}
            entry["customdata"] = np.stack([rows["log"], _said(rows["value"]), _said(rows["quality"])], axis=1)
            entry["hover"] = f"{algorithm}, %{{customdata[0]}}: %{{customdata[1]}}, trader %{{customdata[2]}}"
            y = _left(rows["value"]).round(6)
            panel.dots(np.round(x, 4), y, COLOUR_OF[algorithm], 9, SHAPES[algorithm], **entry)
    plot.y(**_axis(worst, 0.9995))
    trader.y("gap closed by the learner")
    trader.x("gap closed by the trader", **_axis(worst, 0.0, [-39, -19, -9, -4, 0]))
    breadth.x("overlap with the optimum (%)", [-4, 104])
    plot.x(title_standoff=8)
    closer = {"title": {"standoff": 6}}
    title = {"title": {"text": "gap closed by the learner"}}
    return plot.done(
        "Gap closed by learners on eight logs. Against the gap closed by who was logged there is no pattern; "
        "against the overlap of the log BCQ's scores rise from TWAP's to nearly 1. "
        + "; ".join(f"{row.algorithm}, {row.log}: {row.value:.2f}" for row in points.itertuples()),
        height=470,
        legend={"y": -0.2, "yanchor": "top"},
        margin={"t": 50},
        phone=plot.stacked(860, 0.13, legend={"y": -0.1}, xaxis=closer, xaxis2=closer, yaxis2=title),
    )


def by_behaviour(learned: pd.DataFrame, predicted: pd.DataFrame, traders: Mapping[str, float]) -> go.Figure:
    """A row a log: who traded, what was learned, and what was predicted without training.

    Args:
        learned: log, algorithm, value, low and high.
        predicted: log, algorithm and value.
        traders: gap closed by the logged trading, by log, in the order of the rows.
    """
    plot, place = Plot(), places(traders)
    logged = {"name": "who was logged", "hover": "who was logged: %{customdata}"}
    said = _said(traders.values())
    plot.strokes(_left(list(traders.values())).round(4), list(place.values()), NEUTRAL, 22, customdata=said, **logged)
    for i, (algorithm, rows) in enumerate(_split(learned)):
        found, symbol = predicted[predicted["algorithm"] == algorithm], SHAPES[algorithm]
        for part, what, mark in ((rows, "learned", (9, symbol)), (found, "predicted", (15, f"{symbol}-open"))):
            x, y = _left(part["value"]).round(6), [place[log] + 0.25 * (1 - i) for log in part["log"]]
            entry: dict[str, Any] = {"name": f"{algorithm}, {what}", "customdata": _said(part["value"])}
            entry["hover"] = f"{algorithm}, {what}: %{{customdata}}"
            entry |= {"error_x": _errors(rows)} if part is rows else {"edge": 1.5, "showlegend": False}
            plot.dots(x, y, COLOUR_OF[algorithm], *mark, **entry)
    plot.dots([None], [None], NEUTRAL, 15, "circle-open", edge=1.5, name="predicted (open)")
    worst = 1.3 * min([*traders.values(), float(learned["low"].min()), float(predicted["value"].min())])
    marks = [0.9999, 0.999, 0.99, 0.9, 0.5, 0, -3, -9, -39]
    title = "gap closed (0: best schedule, 1: optimum; logarithmic in what is left)"
    plot.x(title, title_standoff=8, **_axis(worst, 0.99995, marks))
    plot.rows(place)
    few = _axis(worst, 0.99995, [0.999, 0.99, 0.9, 0, -9])
    return plot.done(
        "For each log the gap closed by who was logged, by three learners, and what a calculation without training "
        "predicted for them. "
        + "; ".join(f"{row.algorithm}, {row.log}: {row.value:.2f}" for row in learned.itertuples()),
        height=560,
        legend={"y": -0.16, "yanchor": "top"},
        margin={"t": 20},
        phone={
            "height": 660,
            "margin": {"l": 86, "r": 16},
            "xaxis": {**few, "title": {"text": "gap closed"}, "tickfont": {"size": 11}},
            "yaxis": {"tickfont": {"size": 11}},
            "legend": {"y": -0.12},
        },
    )


def within_reach(reaches: Mapping[str, Reach], optimum: tuple[Array, Array, Array], selected: str) -> go.Figure:
    """By period, what was logged, how far a learner may go from it, and what the optimum does; a slider of logs.

    Args:
        reaches: by log.
        optimum: (N - 1,) low, median and high multiples of TWAP's fraction that the optimum takes.
        selected: the log that is shown first.
    """
    low, median, high = (np.round(part, 4) for part in optimum)
    plot, k, of = Plot(), np.arange(len(median)), "%{x}: %{y:.2f}"
    most, least = (Moving(np.round(getattr(reach, end), 4) for reach in reaches.values()) for end in ("high", "low"))
    edge = {"color": NEUTRAL, "width": 1}
    plot.band(k, most, least, "rgba(140,140,140,0.3)", line=edge, name="logged (central 95%)")
    colour = COLOURS["optimum"]
    plot.band(k, high, low, clear(colour, 0.25), line={"color": colour, "width": 0})
    plot.line(k, median, colour, name="optimum (median, 95%)", hover=f"optimum, period {of}")
    furthest = Moving(reach.furthest.round(4) for reach in reaches.values())
    tied = Moving(reach.tied.round(4) for reach in reaches.values())
    for y, name, colour, dash in (
        (furthest, "BCQ's furthest", COLOURS["BCQ"], "dash"),
        (tied, "TD3+BC, tied", COLOURS["TD3+BC"], "solid"),
    ):
        plot.line(k, y, colour, dash=dash, name=name, hover=f"{name}, period {of}")
    plot.slider("log", reaches, list(reaches).index(selected))
    every = np.array([*(values for part in reaches.values() for values in part), *optimum])
    ends = [max(0.9 * every.min(), 0.1), 1.1 * every.max()]
    plot.x("period k", title_standoff=6)
    plot.y("fraction sold, as a multiple of TWAP's", ends, log=True, ticks=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20])
    return plot.done(
        "By period, as multiples of TWAP's fraction: the central 95% of what a log holds, the optimum's actions, "
        "the fastest trade within BCQ's reach and TD3+BC's action with a perfect critic, for the log on the slider. "
        "With little noise the optimum's early trades are out of reach.",
        height=520,
        phone={"height": 560, "yaxis": {"title": {"text": "multiple of TWAP's fraction"}}} | SMALL_SLIDER,
    )


def amounts(episodes: pd.DataFrame, steps: pd.DataFrame, agents: pd.DataFrame) -> go.Figure:
    """Gap closed against logged episodes and against gradient steps.

    Args:
        episodes: algorithm, amount, value, low and high.
        steps: the same.
        agents: a row an agent: panel ("episodes" or "steps"), algorithm, amount and score.
    """
    plot, wide = Plot(2, gap=0.13), [0.9999, 0.999, 0.99, 0.95, 0.9, 0.5, 0]
    parts = (("episodes", episodes, "episodes in the log", wide), ("steps", steps, "gradient steps", FINER))
    for panel, (of, table, title, marks) in zip(plot, parts, strict=True):
        dots = agents[agents["panel"] == of]
        for i, (algorithm, rows) in enumerate(_split(table)):
            colour, nudge = COLOUR_OF[algorithm], 1.06 ** (i - 0.5)
            each = dots[dots["algorithm"] == algorithm]
            single: dict[str, Any] = {"customdata": _said(each["score"]), "cliponaxis": False}
            x, y, hover = (each["amount"] * nudge).round(2), _left(each["score"]).round(7), f"{algorithm}, an agent"
            panel.dots(x, y, colour, 4, alpha=0.5, hover=f"{hover}: %{{customdata}}", **single)
            mean: dict[str, Any] = {"customdata": _said(rows["value"]), "error_y": _errors(rows), "key": algorithm}
            x, y, shape = (rows["amount"] * nudge).round(2), _left(rows["value"]).round(7), SHAPES[algorithm]
            panel.line(x, y, colour, 2, marks=8, symbol=shape, hover=f"{algorithm}: %{{customdata}}", **mean)
        scores = np.concatenate([dots["score"], table["low"], table["high"]])
        panel.y(**_axis(1 - 1.3 * (1 - scores.min()), 1 - 0.7 * (1 - scores.max()), marks))
        ticks = {tick: f"{tick:,}" for tick in sorted(set(table["amount"]))}
        panel.x(title, log=True, ticks=ticks, tickangle=0)
    plot[0].y("gap closed")
    plot.x(title_standoff=8)
    closer = {"title": {"standoff": 6}}
    repeated = {"title": {"text": "gap closed"}}
    return plot.done(
        "Gap closed against the number of logged episodes and of gradient steps, with intervals, for two learners "
        "and for a model fitted to the same logs. "
        + "; ".join(f"{row.algorithm}, {row.amount:,} episodes: {row.value:.4f}" for row in episodes.itertuples()),
        height=470,
        legend={"y": -0.22, "yanchor": "top"},
        margin={"t": 24},
        phone=plot.stacked(830, 0.12, legend={"y": -0.1}, xaxis=closer, xaxis2=closer, yaxis2=repeated),
    )


def parts(differences: pd.DataFrame, pairs: pd.DataFrame) -> go.Figure:
    """Paired differences of gap closed to the base, a row a part that was taken away.

    Args:
        differences: part, algorithm, value, low and high, in the order of the rows.
        pairs: a row a pair of agents: part, algorithm and value.
    """
    plot, place = Plot(), places(differences["part"])

    def drawn(values: Any) -> Array:
        return np.asarray(np.arcsinh(np.asarray(values, dtype=np.float64) / NEAR_ZERO), dtype=np.float64)

    for i, (algorithm, rows) in enumerate(_split(differences)):
        colour, lane = COLOUR_OF[algorithm], 0.14 - 0.28 * i
        each = pairs[pairs["algorithm"] == algorithm]
        x, y = drawn(each["value"]).round(4), [place[name] + lane for name in each["part"]]
        plot.dots(x, y, colour, 4, alpha=0.6, hover=False)
        value, low, high = (drawn(rows[name]) for name in ("value", "low", "high"))
        entry: dict[str, Any] = {"name": algorithm, "customdata": _said(rows["value"], "+.4f")}
        entry["error_x"] = whiskers(value, low, high, thickness=2, width=4, decimals=4)
        y, hover = [place[name] + lane for name in rows["part"]], f"{algorithm}: %{{customdata}}"
        plot.dots(value.round(4), y, colour, 9, SHAPES[algorithm], hover=hover, **entry)
    plot.vline(0, "gray")
    every = pd.concat([differences["low"], differences["high"], pairs["value"]])
    least, most = 1.3 * float(every.min()), 1.3 * float(every.max())

    def ticks(*values: float) -> dict[float, str]:
        shown = [value for value in values if least <= value <= most]
        return {round(float(drawn(value)), 4): minus(f"{value:+g}") if value else "0" for value in shown}

    title = f"change of gap closed (logarithmic beyond ±{NEAR_ZERO:g})"
    every_ten = ticks(-100, -10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10)
    plot.x(title, drawn([least, most]).tolist(), ticks=every_ten, zeroline=False, tickangle=0)
    plot.rows(place)
    few = ticks(-100, -1, -0.01, 0, 0.01, 1)
    return plot.done(
        "What taking one part of the learners away does to the gap closed, with 95% intervals over pairs. "
        + "; ".join(f"{row.part}, {row.algorithm}: {row.value:+.3f}" for row in differences.itertuples()),
        height=460,
        margin={"t": 46},
        phone={
            "height": 560,
            "margin": {"l": 110, "r": 14},
            "xaxis": {
                "title": {"text": "change of gap closed"},
                "tickvals": list(few),
                "ticktext": list(few.values()),
                "tickfont": {"size": 11},
            },
            "yaxis": {"tickfont": {"size": 11}},
        },
    )
