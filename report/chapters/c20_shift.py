"""*Out of distribution*: what it costs to act in markets that nobody logged, and how far from the log that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

import optexec as ox
from optexec.evaluation import from_to
from optexec.figures.style import COLOURS, NEUTRAL, SMALL_SLIDER, digits
from optexec.interval import Interval
from optexec.observation import COLUMNS
from optexec.offline import fitted, scoring
from optexec.offline.bcq import BCQ
from optexec.policies import LevelTable, Rolling
from report.agents import published
from report.agents.protocol import EPISODES, FEW, LOGS, PAIRED, SCORING
from report.chapters.c10_stress import market, title
from report.chapters.c16_learned import observations
from report.chapters.c17_markets import column as observed
from report.chapters.c17_markets import cost_by_level
from report.plot import Moving, Plot, bundle, places, whiskers

__all__ = [
    "Absence",
    "Alarm",
    "Beyond",
    "Dearer",
    "Deepest",
    "Desk",
    "Distance",
    "Guard",
    "Same",
    "absence",
    "absence_figure",
    "absence_table",
    "alarm",
    "beyond",
    "beyond_figure",
    "beyond_the_log",
    "costs_by_scenario",
    "dearer",
    "dearer_table",
    "deepest",
    "desk",
    "desk_table",
    "distance",
    "distance_figure",
    "distance_table",
    "far_from_the_log",
    "guard",
    "same",
    "same_figure",
    "same_place",
    "walks",
]

Array = NDArray[np.float64]

LABELS = {"td3bc": "TD3+BC", "bcq": "BCQ", "bc": "behaviour cloning"}
CRITICS = ("td3bc", "bcq")
SPIKE, SHIFT, COLLAPSE, BOTH = "volatility_spike", "impact_shift", "liquidity_collapse", "combined"
DEEP, REGIMES, TRANSIENT, CAP = "extreme_shocks_95", "regimes", "transient_impact", "participation_cap"
HARMFUL = (SPIKE, BOTH, COLLAPSE, SHIFT)
"""Scenarios in which it is expensive not to have been there."""
WALKED = 2_000
"""Episodes along which distances are counted."""
LENGTHS = (10, EPISODES)
"""Logged episodes of the new market from which one plans again."""
REACH = 1.75
"""BCQ's, in spreads of the log."""
THIN = 0.02
"""Liquidity from here to 0.1 is in next to no log."""
LIMIT = 1.05
"""The most that an agent may cost, beside TWAP."""
GRID = np.geomspace(0.01, 3.0, 97)
"""Levels at which policies are asked."""


def names() -> list[str]:
    """The scenarios."""
    return list(ox.presets.stress())


@lru_cache
def best(name: str) -> Any:
    """The optimum of a scenario."""
    return ox.optimum(market(name))


def inexact(name: str) -> bool:
    """Whether J of a scenario has to be simulated."""
    problem = market(name)
    return bool(problem.market.transient) or problem.order.max_participation is not None


def from_normal(algorithm: str, s: str) -> Array:
    """Excess of the normal market's eight agents in a scenario [%]."""
    scores = published.manifest()[f"{algorithm}-mixture-8logs"]["elsewhere"][s]["scores"]
    return np.asarray(100 * (np.array(scores["objective"]) / best(s).value - 1))


def from_there(algorithm: str, s: str) -> Array:
    """Excess of the agents that were trained in the scenario [%]."""
    manifest = published.manifest()
    studies = (f"{algorithm}-{s}-mixture-{n}logs" for n in (8, 4))
    scores = manifest[next(name for name in studies if name in manifest)]["scores"]
    return np.asarray(100 * (np.array(scores["objective"]) / best(s).value - 1))


@lru_cache
def base(s: str) -> Array:
    """J of the optimum in each of the common episodes [$]."""
    return ox.simulate(market(s), best(s), PAIRED, SCORING.episodes).objective


def excess(s: str, policy: ox.Policy) -> float:
    """Excess of any other policy [%]: exact, or paired with the optimum as the agents are."""
    if inexact(s):
        run = ox.simulate(market(s), policy, PAIRED, SCORING.episodes)
        return float(100 * (run.objective - base(s)).mean() / best(s).value)
    return float(100 * (ox.exact_value(market(s), policy) / best(s).value - 1))


def middle(values: Array) -> scoring.Summary:
    """Interquartile mean over agents with its 95% interval."""
    return scoring.summary([np.asarray(values)])


@dataclass(frozen=True)
class Absence:
    """What it costs not to have been there, and not to be told [% of J*]; by scenario."""

    cost: dict[str, dict[str, Interval]]
    """not having been there, by algorithm: both sides resampled"""
    harmless: float
    """the largest upper end of TD3+BC's in the seven harmless scenarios"""
    saved: dict[str, Interval]
    """by algorithm: what it saves not to have been among the deepest shocks"""
    there: scoring.Summary
    """excess of TD3+BC's agents that were"""
    untold: dict[str, dict[str, float]]
    """by planner: excess of who plans for the normal market"""
    told: dict[str, dict[str, float]]
    """and of who plans for the scenario"""
    twap: dict[str, float]
    collapsed: float
    """where liquidity starts in the collapse [% of the normal]"""


def absence() -> Absence:
    """Agents and planners who know the normal market, beside those who know the scenario."""
    normal = market("normal")
    makers: dict[str, Any] = {"AC": ox.almgren_chriss, "rolling": ox.rolling, "optimum": ox.optimum}
    untold = {who: {s: excess(s, make(normal)) for s in names()} for who, make in makers.items()}
    told = {who: {s: excess(s, makers[who](market(s))) for s in names()} for who in ("AC", "rolling")}
    cost = {a: {s: scoring.difference(from_normal(a, s), from_there(a, s)) for s in names()} for a in CRITICS}
    harmless = [s for s in names() if s not in HARMFUL]
    process = market(COLLAPSE).market.liquidity
    assert isinstance(process, ox.OrnsteinUhlenbeck)
    rows = order(cost)
    assert set(rows[:4]) == set(HARMFUL)
    assert rows[0] == SPIKE
    for own in cost.values():
        assert min(own[s].low for s in HARMFUL) > 5  # five percent of J and more
        assert max(own[s].value for s in harmless) < 3
    highest = max(cost["td3bc"][s].high for s in harmless)
    assert highest < 1
    assert cost["td3bc"][DEEP].high < -0.5  # trained among the deepest shocks, TD3+BC is worse than without
    assert cost["bcq"][DEEP].low < 0 < cost["bcq"][DEEP].high
    return Absence(
        cost=cost,
        harmless=highest,
        saved={a: -own[DEEP] for a, own in cost.items()},
        there=middle(from_there("td3bc", DEEP)),
        untold=untold,
        told=told,
        twap={s: excess(s, ox.twap(normal)) for s in names()},
        collapsed=100 * process.start,
    )


def order(cost: Mapping[str, Mapping[str, Interval]]) -> list[str]:
    """The scenarios by what it costs TD3+BC not to have been there."""
    return sorted(names(), key=lambda s: -cost["td3bc"][s].value)


def absence_figure(found: Absence) -> go.Figure:
    """`costs_by_scenario` of agents and planners."""
    rows = order(found.cost)
    dots = [
        {"scenario": title(s), "algorithm": LABELS[a], "there": there, "excess": value}
        for s in rows
        for a in CRITICS
        for there, values in ((False, from_normal(a, s)), (True, from_there(a, s)))
        for value in values
    ]
    planners = [
        {"scenario": title(s), "planner": who, "untold": found.untold[who][s], "told": told}
        for s in rows
        for who, told in (("rolling", found.told["rolling"][s]), ("optimum", 0.0))
    ]
    planners += [{"scenario": title(s), "planner": "TWAP", "untold": found.twap[s], "told": np.nan} for s in rows]
    return costs_by_scenario(pd.DataFrame(dots), pd.DataFrame(planners))


def number(x: float) -> str:
    """Three figures, more where there is little."""
    if abs(x) < 0.0005:
        return "<0.001"
    steps = ((100, 0), (10, 1), (0.095, 2), (0.0, 3))
    return f"{x:.{next(decimals for least, decimals in steps if abs(x) >= least)}f}"


def spanned(value: float, low: float, high: float) -> str:
    """A value and its interval, which is left out where it shows nothing."""
    ends = number(low), number(high)
    return number(value) + (f" ({ends[0]} to {ends[1]})" if ends[0] != ends[1] else "")


def shown(values: Array) -> str:
    """The interquartile mean over agents with its interval."""
    s = middle(values)
    return spanned(s.value, s.low, s.high)


def absence_table(found: Absence) -> pd.DataFrame:
    """Excesses of TD3+BC, and the two costs."""
    rows = {}
    for s in order(found.cost):
        apart = [spanned(one.value, one.low, one.high) for one in (found.cost[a][s] for a in CRITICS)]
        told = number(found.untold["optimum"][s])
        rows[title(s)] = [shown(from_normal("td3bc", s)), shown(from_there("td3bc", s)), *apart, told]
    columns = ["TD3+BC, normal", "TD3+BC, there", "not there: TD3+BC", "not there: BCQ", "not told"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("scenario").replace("-", "−", regex=True)


@dataclass(frozen=True)
class Deepest:
    """What the deepest shocks do to a log [%]; over four agents."""

    thin: float
    """share of periods with L < 0.1"""
    ruled_low: float
    """what these make up of the sum of squared rewards, as the learner sees them: least"""
    ruled_high: float
    calm_low: float
    """share of an agent's loss that is made at L > 0.3: least"""
    calm_high: float


def _seen(problem: ox.Problem, levels: Array, periods: int) -> NDArray[np.float32]:
    """`observations` in one column of rows (periods x G, 6), as agents take them."""
    return observations(problem, levels, periods).astype(np.float32).reshape(-1, len(COLUMNS))


def deepest() -> Deepest:
    """Why agents that were trained among the deepest shocks are worse there."""
    problem = market(DEEP)
    there, levels = published.agents(f"td3bc-{DEEP}-mixture-4logs"), best(DEEP).levels
    thin, ruled, calm = [], [], []
    for seed, view in zip(FEW, there.views, strict=True):
        log = ox.collect(problem, "mixture", EPISODES, seed)
        empty = observed(log, "L").ravel() < 0.1
        packed = view.pack(log)  # as the learner sees it: scaled, shaped, weighted
        squares = packed.weight * packed.reward**2
        thin.append(100 * float(empty.mean()))
        ruled.append(100 * float(squares[empty].sum() / squares.sum()))
    periods = problem.order.periods
    tables = there.fractions(_seen(problem, levels, periods)).reshape(len(there), periods, -1)
    for table, total in zip(tables, from_there("td3bc", DEEP), strict=True):
        lost = cost_by_level(problem, table)
        assert np.isclose(100 * lost.sum() / best(DEEP).value, total, rtol=0.02)
        calm.append(float(100 * lost[levels > 0.3].sum() / lost.sum()))
    assert max(thin) < 6
    assert min(ruled) > 85
    assert min(calm) > 50
    return Deepest(float(np.mean(thin)), min(ruled), max(ruled), min(calm), max(calm))


@dataclass(frozen=True)
class Same:
    """Agents from the normal market beside its optimum, excess [%]; by scenario."""

    agents: dict[str, dict[str, scoring.Summary]]
    """by algorithm: over agents"""
    least: dict[str, dict[str, float]]
    """of the agents"""
    most: dict[str, dict[str, float]]


def same(found: Absence) -> Same:
    """Whether agents lose what the exact optimum of their market loses."""
    excesses = {a: {s: from_normal(a, s) for s in names()} for a in LABELS}
    agents = {a: {s: middle(values) for s, values in own.items()} for a, own in excesses.items()}
    untold = found.untold["optimum"]
    for s in (SPIKE, SHIFT, TRANSIENT, CAP, "liquidity_shocks"):  # states as in the log, or nearly
        for a in CRITICS:
            assert abs(agents[a][s].value - untold[s]) < max(0.02 * untold[s], 0.06)
    assert untold[COLLAPSE] > found.untold["AC"][COLLAPSE] > found.twap[COLLAPSE]  # knowing more is no help
    assert agents["bc"][COLLAPSE].high < found.twap[COLLAPSE] + 8 < untold[COLLAPSE]
    return Same(
        agents=agents,
        least={a: {s: float(values.min()) for s, values in own.items()} for a, own in excesses.items()},
        most={a: {s: float(values.max()) for s, values in own.items()} for a, own in excesses.items()},
    )


def same_figure(found: Absence) -> go.Figure:
    """`same_place` of all agents."""
    rows = order(found.cost)
    everyone = [
        {"scenario": title(s), "algorithm": label, "excess": value}
        for a, label in LABELS.items()
        for s in rows
        for value in from_normal(a, s)
    ]
    common = {REGIMES: "bottom right", TRANSIENT: "bottom right", CAP: "top right", "liquidity_shocks": "bottom right"}
    wide = {SPIKE: "middle right", BOTH: "bottom right", SHIFT: "middle left", COLLAPSE: "top left", DEEP: "top right"}
    narrow = {SPIKE: "top center", BOTH: "middle right", COLLAPSE: "bottom center"}
    places = ({title(s): place for s, place in {**some, **common}.items()} for some in (wide, narrow))
    return same_place(pd.DataFrame(everyone), {title(s): found.untold["optimum"][s] for s in rows}, *places)


@dataclass(frozen=True)
class Walks:
    """The normal market's agents as tables over period and liquidity, and their logs; (agents, ...)."""

    tables: dict[str, Array]
    """fractions (agents, N - 1, G) by algorithm"""
    odds: dict[str, Array]
    """their log-odds y"""
    spread: Array
    """of each log's y"""
    least: Array
    """lowest level of the log by period (agents, 1, N - 1)"""
    most: Array
    rare: Array
    """its first and last hundredth"""
    ample: Array
    bottom: Array
    """those of its actions"""
    top: Array
    at_bound: NDArray[np.bool_]
    """whether BCQ's moves are at their bound"""
    paths: dict[str, Array]
    """liquidity (n, N - 1) by market"""
    habit: Array
    """highest realised volatility of log 0 by period"""


def walks() -> Walks:
    """Policies as tables, what their logs hold, and where liquidity goes in every market."""
    normal = market("normal")
    free = normal.order.periods - 1
    probe, period = _seen(normal, GRID, free), np.repeat(np.arange(free), len(GRID))
    agents = {a: published.agents(f"{a}-mixture-8logs") for a in LABELS}
    logs = [ox.collect(normal, "mixture", EPISODES, seed) for seed in LOGS]
    tables = {a: group.fractions(probe).reshape(len(LOGS), free, -1) for a, group in agents.items()}
    view = agents["td3bc"].view
    odds = {a: view.encode(own.reshape(len(LOGS), -1), period).reshape(own.shape) for a, own in tables.items()}
    spread = np.array([own.spread(log) for own, log in zip(agents["td3bc"].views, logs, strict=True)])
    level = np.array([observed(log, "L")[:, :-1] for log in logs])
    chosen = np.array([log.fractions.astype(float).reshape(log.episodes, -1)[:, :-1] for log in logs])
    rare, ample = np.quantile(level, [0.01, 0.99], axis=1)[:, :, None]
    bottom, top = np.quantile(chosen, [0.01, 0.99], axis=1)[:, :, None]
    bcq = agents["bcq"]
    with torch.inference_mode():  # which of BCQ's candidates acts, and how far it was moved
        candidates = BCQ.candidates(bcq.config, bcq.networks, bcq.states(probe))  # type: ignore[arg-type]
        sampled, moved = (part.numpy() for part in candidates)
    acts = np.abs(moved - odds["bcq"].reshape(len(LOGS), -1, 1)).argmin(axis=-1)[..., None]
    (reach,) = (part.numpy().reshape(-1, 1) for part in bcq.networks["reach"])
    travelled = np.take_along_axis(moved - sampled, acts, axis=-1)[..., 0] / reach
    assert np.allclose(reach[:, 0] / spread, REACH, atol=1e-3)
    assert (np.abs(travelled) <= 1 + 1e-5).all()  # the bound holds, everywhere
    found = Walks(
        tables=tables,
        odds=odds,
        spread=spread,
        least=level.min(axis=1)[:, None],
        most=level.max(axis=1)[:, None],
        rare=rare,
        ample=ample,
        bottom=bottom,
        top=top,
        at_bound=(np.abs(travelled) > 0.95).reshape(odds["bcq"].shape),
        paths={
            s: ox.simulate(market(s), ox.twap(market(s)), WALKED, SCORING.episodes).liquidity[:, :-1]
            for s in ("normal", *names())
        },
        habit=observed(logs[0], "realised volatility").max(axis=0),
    )
    assert observed(logs[0], "I").max() == 0
    for s in (s for s in names() if not inexact(s)):  # the tables are the agents
        for a in CRITICS:
            for i in (0, 1):
                again = excess(s, acting(s, found.tables[a][i]))
                assert np.isclose(again, from_normal(a, s)[i], rtol=0.01, atol=0.01)
    return found


def acting(s: str, table: Array) -> Rolling:
    """The policy of a table (N - 1, G) of fractions."""
    return Rolling(market(s), LevelTable(market(s), GRID, np.vstack([table, np.ones(len(GRID))])))


def walk(table: Array, problem: ox.Problem, levels: Array) -> tuple[Array, Array]:
    """Fractions (A, n, N - 1) that agents sell along paths of liquidity, and the weights of these decisions."""
    x, parts, weights = np.ones((len(table), len(levels))), [], []
    for k in range(levels.shape[1]):
        part = np.array([np.interp(levels[:, k], GRID, own[k]) for own in table])
        if problem.order.max_participation is not None:
            most = problem.order.max_participation * problem.market.volume / problem.order.shares * levels[:, k]
            part = np.minimum(part, most / np.maximum(x, 1e-12))
        parts.append(part)
        weights.append(x**2)
        x = x * (1 - part)
    weight = np.stack(weights, axis=-1)
    return np.stack(parts, axis=-1), weight / weight.sum(axis=(1, 2), keepdims=True)


def share(weights: Array, what: Any) -> Array:
    """Weighted share (A,) [%]."""
    return np.asarray(100 * (weights * what).sum(axis=(1, 2)))


def cells(levels: Array) -> NDArray[np.int64]:
    """The nearest levels of the grid."""
    return np.asarray(np.abs(np.log(levels)[..., None] - np.log(GRID)).argmin(axis=-1))


@dataclass(frozen=True)
class Distance:
    """How far from their logs agents act: weighted shares of decisions [%], mean over agents; by market."""

    walked: int
    states: dict[str, dict[str, float]]
    """by algorithm: in states that the log does not hold"""
    rare: dict[str, float]
    """TD3+BC's beyond the central 98% of its levels"""
    actions: dict[str, dict[str, float]]
    """by algorithm: outside the logged actions"""
    wanted: dict[str, float]
    """those of the scenario's optimum"""
    bound: dict[str, float]
    """BCQ's moves at their bound"""
    bound_low: dict[str, float]
    """least of its agents"""
    bound_high: dict[str, float]
    disagreement: dict[str, dict[str, float]]
    """by algorithm: of the agents, in spreads of the log"""
    rank_cost: float
    """rank correlation of the share of new states with TD3+BC's excess"""
    rank_doubt: float
    """and with its agents' disagreement"""
    volatility_seen: float
    """share of the spike's observations with a realised volatility that log 0 did not hold [%]"""
    lingering: float
    """share of observations with positive impact, where it lingers [%]"""
    counts: dict[tuple[str, str], dict[str, Array]]
    """by market and algorithm, of each agent"""


def distance(found: Walks, agents: Same) -> Distance:
    """States and actions outside the log, and what agents disagree about."""
    counts: dict[tuple[str, str], dict[str, Array]] = {}
    wanted, disagreement = {}, {a: dict[str, float]() for a in CRITICS}
    for s in ("normal", *names()):
        levels, problem = found.paths[s], market(s)
        at, periods = cells(levels), np.arange(levels.shape[1])
        for a in CRITICS:
            parts, weights = walk(found.tables[a], problem, levels)
            counts[s, a] = {
                "states": share(weights, (levels < found.least) | (levels > found.most)),
                "rare": share(weights, (levels < found.rare) | (levels > found.ample)),
                "actions": share(weights, (parts < found.bottom) | (parts > found.top)),
            }
            apart = found.odds[a].std(axis=0) / found.spread.mean()
            disagreement[a][s] = float((weights.mean(axis=0) * apart[periods, at]).sum())
        counts[s, "bcq"]["bound"] = share(weights, found.at_bound[:, periods, at])
        run = ox.simulate(problem, best(s), WALKED, SCORING.episodes)
        x = run.inventory[:, : len(periods)]
        sold = np.divide(x - run.inventory[:, 1 : len(periods) + 1], x, out=np.zeros_like(x), where=x > 1e-9)
        outside = (sold < found.bottom) | (sold > found.top)
        wanted[s] = float(share(x**2 / (x**2).sum(), outside).mean())
    states = {a: {s: float(counts[s, a]["states"].mean()) for s in ("normal", *names())} for a in CRITICS}
    own, doubt = states["td3bc"], disagreement["td3bc"]
    assert own[SPIKE] < 0.5  # nothing new in the spike, a third new in the regimes
    assert own[REGIMES] > 25
    assert agents.agents["td3bc"][SPIKE].low > 150
    assert agents.agents["td3bc"][REGIMES].high < 1
    for s in (COLLAPSE, BOTH):
        assert own[s] > 40
        assert doubt[s] > 5 * doubt[SPIKE]
    assert max(doubt[SPIKE], doubt[SHIFT]) < 1.1 * doubt["normal"]
    new = [own[s] for s in names()]
    lost = [agents.agents["td3bc"][s].value for s in names()]
    rank_cost, rank_doubt = (float(spearmanr(new, other).statistic) for other in (lost, [doubt[s] for s in names()]))
    assert rank_cost < 0.5
    assert rank_doubt > 0.8
    there = {s: ox.collect(market(s), "mixture", 200, 0) for s in (SPIKE, SHIFT, TRANSIENT)}
    unlike = {s: float((observed(log, "realised volatility") > found.habit).mean()) for s, log in there.items()}
    lingering = float((observed(there[TRANSIENT], "I") > 0).mean())
    assert unlike[SPIKE] > 0.95
    assert unlike[SHIFT] < 0.05
    assert lingering > 0.9
    bound = {s: counts[s, "bcq"]["bound"] for s in ("normal", *names())}
    actions = {a: {s: float(counts[s, a]["actions"].mean()) for s in bound} for a in CRITICS}
    assert bound["normal"].max() < 0.5
    assert bound[BOTH].mean() > 5
    assert wanted[SPIKE] > 90
    for s in (*HARMFUL, DEEP):
        assert actions["bcq"][s] <= actions["td3bc"][s] + 0.01
    return Distance(
        walked=WALKED,
        states=states,
        rare={s: float(counts[s, "td3bc"]["rare"].mean()) for s in names()},
        actions=actions,
        wanted=wanted,
        bound={s: float(values.mean()) for s, values in bound.items()},
        bound_low={s: float(values.min()) for s, values in bound.items()},
        bound_high={s: float(values.max()) for s, values in bound.items()},
        disagreement=disagreement,
        rank_cost=rank_cost,
        rank_doubt=rank_doubt,
        volatility_seen=100 * unlike[SPIKE],
        lingering=100 * lingering,
        counts=counts,
    )


def distance_table(found: Distance, costs: Absence) -> pd.DataFrame:
    """How far from their logs agents act."""

    def ranged(values: Array) -> str:
        places = 0 if values.mean() >= 9.5 else 1
        return f"{values.mean():.{places}f} ({values.min():.{places}f}–{values.max():.{places}f})"

    rows = {}
    for s in ("normal", *order(costs.cost)):
        td3, bcq = (found.counts[s, a] for a in CRITICS)
        rows[title(s)] = [
            *(ranged(values) for values in (td3["states"], td3["actions"], bcq["actions"], bcq["bound"])),
            f"{found.wanted[s]:.1f}",
            f"{found.disagreement['td3bc'][s]:.2f}",
        ]
    columns = ["states", "actions: TD3+BC", "actions: BCQ", "BCQ at its bound", "optimum's actions", "disagreement"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("scenario")


def distance_figure(found: Distance, agents: Same, costs: Absence) -> go.Figure:
    """`far_from_the_log` of both algorithms."""
    points = [
        {
            "scenario": title(s),
            "algorithm": LABELS[a],
            "outside": found.states[a][s],
            "excess": agents.agents[a][s].value,
            "excess_low": agents.least[a][s],
            "excess_high": agents.most[a][s],
            "disagreement": found.disagreement[a][s],
        }
        for a in CRITICS
        for s in order(costs.cost)
    ]
    named = {
        SPIKE: ("middle right", ""),
        SHIFT: ("top right", ""),
        CAP: ("middle right", ""),
        DEEP: ("middle right", "middle right"),
        REGIMES: ("bottom right", "bottom right"),
        COLLAPSE: ("bottom left", "bottom left"),
        BOTH: ("top center", "top left"),
    }
    return far_from_the_log(pd.DataFrame(points), {title(s): places for s, places in named.items()})


@dataclass(frozen=True)
class Beyond:
    """What constraints do in new states."""

    reach: float
    """BCQ's [spreads]"""
    thin: float
    """liquidity from here to 0.1 is in next to no log"""
    low: dict[str, scoring.Summary]
    """by algorithm: distance from the clone of the own log there [spreads]"""
    usual: dict[str, float]
    """at usual levels"""
    clone: float
    """excess of the second worst clone among the deepest shocks [%]"""
    clone_most: float
    """and of the worst"""
    worst: float
    """excess of the BCQ agent of the better of these two logs [%]"""
    rest: float
    """the largest of the other six"""


def beyond(found: Walks) -> Beyond:
    """How far agents go from their clones, and what that does among the deepest shocks."""
    gap = {a: np.abs(found.odds[a] - found.odds["bc"]) / found.spread[:, None, None] for a in CRITICS}
    low, usual = (GRID > THIN) & (GRID < 0.1), (GRID > 0.6) & (GRID < 1.4)
    far, near = ({a: gap[a][:, 1:, where].mean(axis=(1, 2)) for a in CRITICS} for where in (low, usual))
    assert (far["td3bc"] > far["bcq"]).all()
    assert gap["td3bc"][:, :, low].max() > 2 * gap["bcq"][:, :, low].max()
    bcq, td3, bc = (from_normal(a, DEEP) for a in ("bcq", "td3bc", "bc"))
    worst = np.argsort(-bc)[:2]
    rest = float(np.delete(bcq, worst).max())
    assert set(worst) == set(np.argsort(-bcq)[:2])  # the logs with the worst clones have the worst BCQ agents
    assert bcq[worst].min() > 4 * rest
    assert td3.max() < 1
    assert middle(bcq).low > td3.max()
    assert np.ptp(from_normal("bcq", COLLAPSE)) < 0.5 * np.ptp(from_normal("td3bc", COLLAPSE))
    return Beyond(
        reach=REACH,
        thin=THIN,
        low={a: middle(values) for a, values in far.items()},
        usual={a: middle(values).value for a, values in near.items()},
        clone=bc[worst].min(),
        clone_most=bc.max(),
        worst=bcq[worst].min(),
        rest=rest,
    )


def beyond_figure(found: Walks) -> go.Figure:
    """`beyond_the_log`, period 5 first."""
    cuts = [0, 1, 5, 10, 15]
    thin = np.unique(np.searchsorted(GRID, np.geomspace(0.0201, 2.99, 41)))
    levels = GRID[thin]
    fractions = {label: found.tables[a][:, cuts][:, :, thin] for a, label in reversed(LABELS.items())}
    for words, s in {"": "normal", ", collapse": COLLAPSE, ", shocks of 95%": DEEP}.items():
        planner = best(s)
        known = (levels >= planner.levels[0]) & (levels <= planner.levels[-1])
        curves = [np.where(known, planner.fraction(k, levels), np.nan) for k in cuts]
        fractions["optimum" + words] = np.array([curves])
    apart = {a: (found.odds[a] - found.odds["bc"]) / found.spread[:, None, None] for a in ("bcq", "td3bc")}
    distances = {LABELS[a]: own[:, cuts][:, :, thin] for a, own in apart.items()}
    logged = np.stack([found.least.min(axis=(0, 1)), found.most.max(axis=(0, 1))], axis=1)[cuts]
    return beyond_the_log(levels, cuts, fractions, distances, logged, REACH, active=2)


@dataclass(frozen=True)
class Dearer:
    """J over TWAP's."""

    limit: float
    """the most that an agent may cost above it [%]"""
    there: float
    """the largest of agents that were trained in a scenario"""
    spike: float
    """interquartile mean of TD3+BC's from the normal market, in the spike"""
    worse: dict[tuple[str, str], Array]
    """of all agents, by algorithm and scenario, where one is above the limit"""


def dearer(found: Walks, costs: Absence) -> Dearer:
    """Who is dearer than TWAP."""

    def over(values: Array, s: str) -> Array:
        return np.asarray((1 + values / 100) / (1 + costs.twap[s] / 100))

    for s in names():  # no agent breaks down anywhere
        assert all(np.isfinite(from_normal(a, s)).all() for a in LABELS)
        assert all(np.isfinite(from_there(a, s)).all() for a in CRITICS)
    there = max(float(over(from_there(a, s), s).max()) for a in CRITICS for s in names())
    assert there < LIMIT  # trained there: no agent is 5% dearer than TWAP
    ratios = {(a, s): over(from_normal(a, s), s) for a in LABELS for s in names()}
    worse = {key: values for key, values in ratios.items() if (values > LIMIT).any()}
    assert {(a, s) for a, s in worse if a != "bc"} == {(a, s) for a in CRITICS for s in (COLLAPSE, BOTH, SHIFT)}
    thin, usual = (found.odds["bc"][:, 1:, np.abs(GRID - level).argmin()].mean(axis=1) for level in (0.15, 1))
    slope = thin - usual
    for (a, _), values in worse.items():
        if a == "bc":
            assert set(np.flatnonzero(values > LIMIT)) <= set(np.argsort(-slope)[:2])
            assert np.sort(slope)[-2] > 0.05 > np.sort(slope)[-3]
    assert max(ratios[a, SPIKE].max() for a in CRITICS) < 0.55  # TWAP is the dearest in the spike
    return Dearer(100 * (LIMIT - 1), there, middle(ratios["td3bc", SPIKE]).value, worse)


def dearer_table(found: Dearer) -> pd.DataFrame:
    """Where agents from the normal market are dearer than TWAP."""
    why = {COLLAPSE: "waits for a recovery", BOTH: "waits for a recovery", SHIFT: "too fast for the new impact"}
    rows = []
    for (a, s), ratios in sorted(found.worse.items(), key=lambda item: -middle(item[1]).value):
        one = middle(ratios)
        rows.append(
            {
                "scenario": title(s),
                "agents": LABELS[a],
                "above 1.05": f"{(ratios > LIMIT).sum()} of {len(ratios)}",
                "J over TWAP's": from_to(one.value, one.low, one.high, 2),
                "reason": "sells more in thinner books" if a == "bc" else why[s],
            }
        )
    return pd.DataFrame(rows).set_index("scenario")


@dataclass(frozen=True)
class Desk:
    """What can be done after the change: excess [%]."""

    few: float
    """the largest of a plan from ten episodes, where impact is linear"""
    few_harmful: float
    """and in the four expensive scenarios"""
    linear: int
    """how many scenarios have no cap and no transient impact"""
    nearer: int
    """in how many of them a plan from 1,000 episodes is nearer than both learners"""
    median: dict[str, dict[str, float]]
    """of four plans, by scenario and length (few, many)"""
    most: dict[str, float]
    """the largest of four plans from 1,000 episodes"""
    there: dict[str, dict[str, scoring.Summary]]
    """by algorithm and scenario: agents that were retrained"""
    plans: dict[tuple[str, int], list[float]]


def desk(costs: Absence, agents: Same) -> Desk:
    """Stay, retrain or plan again."""
    rows = [s for s in order(costs.cost) if s != CAP]
    plans: dict[tuple[str, int], list[float]] = {(s, n): [] for s in rows for n in LENGTHS}
    for s in rows:
        for seed in FEW:
            log = ox.collect(market(s), "mixture", EPISODES, seed)
            for n in LENGTHS:
                plans[s, n].append(excess(s, ox.optimum(fitted(log.take(n)))))
    there = {a: {s: middle(from_there(a, s)) for s in names()} for a in CRITICS}
    linear = [s for s in rows if not inexact(s)]  # nothing lingers, no cap
    stay = agents.agents["td3bc"]
    for s in linear:
        assert max(plans[s, 10]) < min(0.4, stay[s].value)  # ten are better than to stay
    for own in there.values():  # a thousand, better than to retrain
        assert {s for s in linear if max(plans[s, EPISODES]) < own[s].low} == {*linear} - {REGIMES}
        assert own[REGIMES].high < min(plans[REGIMES, EPISODES])
        assert own[TRANSIENT].high < min(plans[TRANSIENT, EPISODES])  # where the form is wrong learners are ahead
    assert np.median(plans[TRANSIENT, 10]) > stay[TRANSIENT].value  # and ten are too few
    return Desk(
        few=max(max(plans[s, 10]) for s in linear),
        few_harmful=max(max(plans[s, 10]) for s in HARMFUL),
        linear=len(linear),
        nearer=len(linear) - 1,
        median={
            s: {word: float(np.median(plans[s, n])) for word, n in zip(("few", "many"), LENGTHS, strict=True)}
            for s in rows
        },
        most={s: max(plans[s, EPISODES]) for s in rows},
        there=there,
        plans=plans,
    )


def desk_table(found: Desk, costs: Absence) -> pd.DataFrame:
    """What can be done after the change."""

    def several(values: Sequence[float]) -> str:
        small = number(max(values, key=abs)).startswith("<")  # then the range says nothing
        typical = float(np.median(values))
        return number(typical) if small else spanned(typical, min(values), max(values))

    rows = {
        title(s): [
            number(middle(from_normal("td3bc", s)).value),
            *(several(found.plans[s, n]) for n in LENGTHS),
            *(shown(from_there(a, s)) for a in CRITICS),
            number(costs.twap[s]),
        ]
        for s in order(costs.cost)
        if s != CAP
    }
    columns = ["stay", "plan: 10", "plan: 1,000", "retrain: TD3+BC", "retrain: BCQ", "TWAP"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("scenario").replace("-", "−", regex=True)


@dataclass(frozen=True)
class Alarm:
    """How often an alarm from disagreement rings, which rings in one normal episode in a hundred."""

    rings: dict[str, float]
    """by scenario, share of the episodes [%]"""


def alarm(found: Walks) -> Alarm:
    """The largest disagreement of TD3+BC's agents in every episode, against its normal level."""
    doubt = found.odds["td3bc"].std(axis=0)

    def loudest(s: str) -> Array:
        return np.asarray(doubt[np.arange(len(doubt)), cells(found.paths[s])].max(axis=1))

    threshold = np.quantile(loudest("normal"), 0.99)
    rings = {s: float(100 * (loudest(s) > threshold).mean()) for s in (REGIMES, COLLAPSE, DEEP, SPIKE, SHIFT)}
    assert rings[COLLAPSE] > 95
    assert rings[DEEP] > 20
    assert rings[SPIKE] == rings[SHIFT] < 1.5
    assert rings[REGIMES] < 5
    return Alarm(rings)


@dataclass(frozen=True)
class Guard:
    """Excess of TD3+BC's agents, interquartile means [%]; by market."""

    without: dict[str, float]
    guarded: dict[str, float]
    """where liquidity is clipped to what the log held before a network sees it"""


def guard(found: Walks) -> Guard:
    """What it does to refuse to extrapolate."""
    markets = ("normal", COLLAPSE, DEEP)

    def excesses(s: str, *, clip: bool) -> Array:
        values = []
        for table, least, most in zip(found.tables["td3bc"], found.least[:, 0], found.most[:, 0], strict=True):
            seen = [np.clip(GRID, low, high) if clip else GRID for low, high in zip(least, most, strict=True)]
            own = np.array([np.interp(at, GRID, row) for at, row in zip(seen, table, strict=True)])
            values.append(100 * (ox.exact_value(market(s), acting(s, own)) / best(s).value - 1))
        return np.array(values)

    without, guarded = ({s: excesses(s, clip=clip) for s in markets} for clip in (False, True))
    assert (guarded[COLLAPSE] < without[COLLAPSE]).all()
    assert (guarded[DEEP] > without[DEEP]).all()
    means = [{s: middle(values).value for s, values in own.items()} for own in (without, guarded)]
    assert abs(means[1]["normal"] - means[0]["normal"]) < 0.01
    return Guard(*means)


SMALLEST = 0.002
"""An excess [%] is drawn as this at least."""

TICKS = [0.01, 0.1, 1, 10, 100]

BAND = "rgba(128,128,128,0.22)"
"""Where the log is."""


def _percent_axis(high: float) -> dict[str, Any]:
    """The scale of a logarithmic axis of excesses."""
    ticks = {SMALLEST: f"≤{SMALLEST:g}"} | {tick: f"{tick:g}" for tick in TICKS}
    return {"span": [0.7 * SMALLEST, 1.4 * high], "log": True, "ticks": ticks}


def _drawn(excess: Any) -> Array:
    return np.asarray(np.maximum(np.asarray(excess, dtype=np.float64), SMALLEST).round(5), dtype=np.float64)


def _offsets(count: int, step: float) -> list[float]:
    return [step * ((count - 1) / 2 - i) for i in range(count)]


def costs_by_scenario(agents: pd.DataFrame, planners: pd.DataFrame) -> go.Figure:
    """J above the scenario's optimum, open where the market before is all that was known, filled where this one is.

    Args:
        agents: a row an agent: scenario, algorithm, there (whether it was trained in the scenario), excess [%].
        planners: a row for every scenario and planner: scenario, planner, untold, told, both excesses [%]; told is NaN
            for the planner whose plan is the same everywhere. The optimum's own told excess is 0 and not drawn.
    """
    plot, place = Plot(), places(agents["scenario"])
    algorithms, rules = list(dict.fromkeys(agents["algorithm"])), list(dict.fromkeys(planners["planner"]))
    lanes = dict(zip([*algorithms, *rules], _offsets(len(algorithms) + len(rules), 0.145), strict=True))

    def heights(rows: pd.DataFrame, who: str) -> list[float]:
        return [place[scenario] + lanes[who] for scenario in rows["scenario"]]

    for scenario, row in place.items():
        if row % 2:
            stripe = {"fillcolor": "gray", "opacity": 0.08, "line_width": 0, "layer": "below"}
            plot.figure.add_hrect(y0=row - 0.5, y1=row + 0.5, **stripe)
        middles = agents[agents["scenario"] == scenario].groupby(["algorithm", "there"])["excess"].median()
        for algorithm in algorithms:
            ends = _drawn([middles[algorithm, True], middles[algorithm, False]])
            plot.line(ends, [row + lanes[algorithm]] * 2, COLOURS[algorithm], 1.2, opacity=0.6, hover=False)
    for algorithm in algorithms:
        for there, rows in agents[agents["algorithm"] == algorithm].groupby("there"):
            x, y, values = _drawn(rows["excess"]), heights(rows, algorithm), rows["excess"].round(4)
            symbol, words = ("circle", "there") if there else ("circle-open", "in the normal market")
            entry: dict[str, Any] = {"key": algorithm, "showlegend": bool(there), "customdata": values}
            hover = f"{algorithm}, trained {words}: %{{customdata}}%"
            plot.dots(x, y, COLOURS[algorithm], 6, symbol, edge=1.3, hover=hover, **entry)
    for rule in rules:
        for column, symbol, words in (("untold", "diamond-open", "not told"), ("told", "diamond", "told")):
            rows = planners[planners["planner"] == rule].dropna(subset=[column])
            if not rows.empty and (rule, column) != ("optimum", "told"):
                x, y = _drawn(rows[column]), heights(rows, rule)
                entry = {"key": rule, "customdata": rows[column].round(4)}
                hover = f"{rule}, {words}: %{{customdata}}%"
                plot.dots(x, y, COLOURS[rule], 9, symbol, edge=2, hover=hover, **entry)
    for symbol, words in (("circle-open", "knows the normal market"), ("circle", "knows the scenario")):
        plot.dots([None], [None], NEUTRAL, 8, symbol, edge=1.5, name=words)
    high = max(float(agents["excess"].max()), float(planners["untold"].max()))
    plot.x("J above the scenario's own optimum (%)", **_percent_axis(high))
    plot.rows(place, span=[-0.55, len(place) - 0.45], showgrid=False)
    return plot.done(
        "J above the optimum of each scenario on a logarithmic axis. Agents trained in the normal market and "
        "planners who were not told, open marks, lie together; agents trained in the scenario and told planners, "
        "filled marks, lie far to the left of them in the volatility spike, the collapse, the combined scenario and "
        "the impact shift, close to them in the others, and to the right of them where shocks are deepest.",
        height=900,
        legend={"y": 1.01},
        phone={
            "height": 1040,
            "margin": {"l": 92, "r": 12, "t": 80},
            "yaxis": {"tickfont": {"size": 10}},
            "xaxis": {
                "title": {"text": "J above the optimum (%)"},
                "range": np.log10([0.45 * SMALLEST, 1.4 * high]).tolist(),
                "tickvals": [SMALLEST, *TICKS],
                # no room for the second
                "ticktext": [f"≤{SMALLEST:g}", "", *(f"{tick:g}" for tick in TICKS[1:])],
            },
        },
    )


def same_place(
    agents: pd.DataFrame,
    untold: Mapping[str, float],
    labels: Mapping[str, str],
    narrow: Mapping[str, str] | None = None,
) -> go.Figure:
    """Excess of agents trained in the normal market against that of the normal market's exact optimum.

    Args:
        agents: a row an agent: scenario, algorithm, excess [%].
        untold: excess [%] of the normal market's optimum, by scenario.
        labels: where the name of each scenario stands, as in `textposition`: beside the circles, or above or
            below all marks.
        narrow: the same on a phone; a scenario that is not here has no name there.
    """
    plot, top = Plot(), 1.3 * float(agents["excess"].max())
    ends = [SMALLEST / 4, 2 * top]
    plot.line(ends, ends, NEUTRAL, 1.5, "dot", name="as much as the exact optimum", hover=False)
    for algorithm, shift in zip(dict.fromkeys(agents["algorithm"]), (0.96, 1.04, 1.0), strict=False):
        rows = agents[agents["algorithm"] == algorithm]
        x, y = _drawn(rows["scenario"].map(dict(untold))) * shift, _drawn(rows["excess"])
        symbol = "x-thin" if algorithm == "behaviour cloning" else "circle-open"
        entry: dict[str, Any] = {"name": algorithm, "customdata": rows["scenario"]}
        hover = f"{algorithm}, %{{customdata}}: %{{y:.3g}}%"
        plot.dots(x, y, COLOURS[algorithm], 7, symbol, edge=1.5, hover=hover, **entry)
    circles = agents[agents["algorithm"] != "behaviour cloning"]

    def placed(scenario: str, place: str) -> dict[str, Any]:
        """A name beside the circles of its scenario; in the centre, above or below all marks."""
        vertical, horizontal = place.split()
        marks = agents if horizontal == "center" else circles
        of = marks.loc[marks["scenario"] == scenario, "excess"]
        y = {"top": of.max(), "bottom": of.min(), "middle": of.median()}[vertical]
        return {
            "y": float(np.log10(_drawn(y))),
            "xanchor": {"left": "right", "right": "left", "center": "center"}[horizontal],
            "yanchor": {"top": "bottom", "bottom": "top", "middle": "middle"}[vertical],
            "xshift": {"left": -7, "right": 7, "center": 0}[horizontal],
            "yshift": {"top": 3, "bottom": -3, "middle": 0}[vertical],
        }

    on_phone = {}
    for i, (scenario, place) in enumerate(labels.items()):
        across = float(np.log10(max(untold[scenario], SMALLEST)))
        plot.note(scenario, across, font={"size": 11}, borderpad=0, **placed(scenario, place))
        there = (narrow or {}).get(scenario)
        on_phone[i] = placed(scenario, there) if there else {"visible": False}
    # room for names on the right
    plot.x("the normal market's exact optimum: J above the scenario's (%)", **_percent_axis(6 * top))
    plot.y("trained in the normal market: J above it (%)", **_percent_axis(top))
    ticks = {"tickvals": TICKS, "ticktext": [f"{tick:g}" for tick in TICKS]}
    return plot.done(
        "What agents trained in the normal market cost above each scenario's optimum, against what the exact "
        "optimum of the normal market costs there, both logarithmic. TD3+BC and BCQ lie along the diagonal; behaviour "
        "cloning lies below it where most is lost, the spike apart, and far above it where little is lost.",
        height=600,
        legend={"y": 1.02},
        phone={
            "height": 640,
            "margin": {"t": 96, "r": 10},
            "annotations": on_phone,
            "xaxis": {"title": {"text": "normal market's optimum: excess (%)"}} | ticks,
            "yaxis": {"title": {"text": "agents: excess (%)"}},
        },
    )


def far_from_the_log(points: pd.DataFrame, labels: Mapping[str, tuple[str, str]]) -> go.Figure:
    """What acting far from the log costs, and how much agents disagree there, against the share of unseen states.

    Args:
        points: a row for every scenario and algorithm: scenario, algorithm, outside [%], and excess [%] and
            disagreement [spreads of the log] with their ends excess_low, excess_high. Two algorithms are drawn half a
            percent to either side of their share.
        labels: where the name of a scenario stands, as in `textposition`, left and right; "" for no name.
    """
    plot = Plot(["What the agents cost", "How much they disagree"], gap=0.13)
    cost, apart = plot
    for algorithm, side in zip(dict.fromkeys(points["algorithm"]), (-0.5, 0.5), strict=False):
        rows = points[points["algorithm"] == algorithm]
        x, y = (rows["outside"] + side).round(3), np.maximum(rows["excess"], SMALLEST)
        low, high = rows["excess_low"].clip(SMALLEST, y), np.maximum(rows["excess_high"], y)
        error = whiskers(y, low, high, thickness=1.5, width=0)
        entry: dict[str, Any] = {"key": algorithm, "customdata": rows["scenario"]}
        entry["hover"] = f"{algorithm}, %{{customdata}}: %{{y:.3g}}"
        cost.dots(x, y.round(5), COLOURS[algorithm], 8, error_y=error, **entry)
        apart.dots(x, rows["disagreement"].round(5), COLOURS[algorithm], 8, **entry)
    first = points[points["algorithm"] == points["algorithm"].iloc[0]].set_index("scenario")
    bars = points.groupby("scenario")  # names in the first panel stand clear of them
    ends = {"top": bars["excess_high"].max(), "bottom": bars["excess_low"].min(), "middle": first["excess"]}
    for i, panel in enumerate(plot):
        for scenario, both in labels.items():
            if at := both[i]:
                y = first["disagreement"] if i else ends[at.split()[0]].clip(lower=SMALLEST)
                panel.words([first.loc[scenario, "outside"]], [y[scenario]], [f"  {scenario}  "], at, textfont_size=11)
    plot.x("decisions in unlogged states (%)", [-3.5, 63], zeroline=False)
    cost.y("J above the optimum (%)", **_percent_axis(3 * float(points["excess_high"].max())))
    apart.y("between agents (spreads of the log)", rangemode="tozero")
    return plot.done(
        "First panel: cost above the optimum against the share of decisions in states that no log holds. The "
        "volatility spike is highest at a share of nearly zero, the collapse and the combined scenario are high at "
        "about half, and regimes are low at a third: no relation. Second panel: how much the eight agents' actions "
        "differ, which rises with the share.",
        height=480,
        legend={"y": 1.1},
        margin={"t": 90},
        phone=plot.stacked(900, 0.14, legend={"y": 1.06}, margin={"t": 110}),
    )


def beyond_the_log(
    levels: Array,
    periods: Sequence[int],
    fractions: Mapping[str, Array],
    distances: Mapping[str, Array],
    logged: Array,
    reach: float,
    active: int,
) -> go.Figure:
    """Fractions of all agents far outside the logged liquidity, and how far each is from its clone.

    Args:
        levels: (G,) liquidity levels.
        periods: those of the slider, (K,).
        fractions: by policy (A, K, G), a row an agent, NaN where there is none; a single row is drawn thick, and one
            line style stands for what follows a comma in the name.
        distances: by algorithm (A, K, G), y minus that of the clone of the same log [spreads of the log].
        logged: (K, 2) least and largest level that any log holds in the period.
        reach: of BCQ's perturbation [spreads of the log].
        active: index of the period shown first.
    """
    plot = Plot(["Fraction sold", "Distance from the log's clone"], gap=0.12)
    far = 1.1 * max(float(np.abs(distance).max()) for distance in distances.values())
    spans = ((0.004, 1.1), (-far, far))
    band = Moving([low / 1.01, low / 1.01, high * 1.01, high * 1.01] for low, high in logged.tolist())
    for panel, (low, high) in zip(plot, spans, strict=True):
        panel.line(band, [low, high, high, low], BAND, 0, fill="toself", fillcolor=BAND, name="logged", hover=False)

    def lines(rows: Array) -> list[float | None]:
        return bundle(digits(row, 3) for row in rows)

    dashes: dict[str, str] = {}
    for panel, part in zip(plot, (fractions, distances), strict=True):
        for name, rows in part.items():
            base, _, of = name.partition(", ")
            dash = dashes.setdefault(of, ("solid", "dash", "dot")[len(dashes) % 3])
            x, y = lines(np.tile(levels, (len(rows), 1))), Moving(lines(rows[:, i]) for i in range(len(periods)))
            width, hover = 3 if len(rows) == 1 else 1.3, f"{name}, L = %{{x:.2f}}: %{{y:.3g}}"
            panel.line(x, y, COLOURS[base], width, dash, key=name, hover=hover)
    sold, distance = plot
    for end in (-reach, reach):
        distance.hline(end, COLOURS["BCQ"])
    plot.slider("period k", periods, active, frames=True)
    plot.x("liquidity L", [levels.min(), levels.max()], log=True, ticks=[0.02, 0.05, 0.1, 0.3, 1, 3])
    sold.y("fraction of what is left", spans[0], log=True, ticks=[0.01, 0.03, 0.1, 0.3, 1])
    distance.y("log-odds, in spreads of the log", spans[1])
    return plot.done(
        "First panel: fraction sold against liquidity, a line an agent, far beyond the band of logged levels. "
        "Inside the band the lines of each algorithm run together; below it they fan out. Second panel: distance of "
        "each agent from the clone of its log; BCQ's lines bend back near the dotted bound, TD3+BC's go on.",
        height=560,
        legend={"y": 1.1},
        margin={"t": 100},
        phone=plot.stacked(980, 0.13, legend={"y": 1.06}, margin={"t": 140}) | SMALL_SLIDER,
    )
