"""*Other markets*: where learning wins, and against whom, when a rule or a fitted model may have the wrong form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

import optexec as ox
from optexec import offline
from optexec.almgren_chriss import decay_moments
from optexec.evaluation import from_to, mean, plus_minus
from optexec.figures.style import CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, clear
from optexec.interval import Interval
from optexec.liquidity import cached_chain
from optexec.observation import COLUMNS, Columns, period_of
from optexec.offline import ALGORITHMS, scoring
from optexec.policies import LevelTable, expected_inverse_liquidity
from report.agents import published
from report.agents.protocol import EPISODES, LOGS, MARKETS, PAIRED, SCORING, STEPS, market
from report.chapters.c08_optimum import uncapped
from report.chapters.c16_learned import COLOUR as LEARNED
from report.plot import Moving, Plot, gap_axis, jitter, left, places

__all__ = [
    "NAMES",
    "Corrected",
    "Episode",
    "Even",
    "Forms",
    "Pressed",
    "Prizes",
    "Results",
    "Shaped",
    "Shared",
    "Shocked",
    "Switching",
    "Trials",
    "check_actions",
    "check_logs",
    "corrected",
    "duels_table",
    "even_seller",
    "forms",
    "forms_table",
    "levels_figure",
    "market_episode",
    "market_mistakes",
    "market_scores",
    "markets_table",
    "mistakes_figure",
    "pressed",
    "pressure_figure",
    "prizes",
    "results",
    "results_table",
    "scores_figure",
    "seen_and_done",
    "shaped",
    "shared_episode",
    "shocked",
    "switching",
    "trials",
    "trials_table",
    "worst_table",
]

Array = NDArray[np.float64]

NAMES = dict(zip(MARKETS, ("normal", "shocks", "transient impact", "regimes"), strict=True))
"""What tables and figures call the markets."""
SEES = dict(zip(MARKETS, ("L", "L, deep levels", "L and I", "L, two levels"), strict=True))
"""What there is to see in each."""
SHOCKS, TRANSIENT, REGIMES = MARKETS[1:]
CRITICS = {"TD3+BC": "td3bc", "BCQ": "bcq"}
"""The learners that are paid for what they do: label and algorithm."""
LEARNERS = {**CRITICS, "behaviour cloning": "bc"}
KEYS = {**LEARNERS, "fitted model": "fitted", "fitted, right form": "right", "rolling": "rolling"}
"""What the text calls a policy that tables and figures call by its full name."""
OPPONENTS = ("rolling", "fitted model")
ORDER = ["TWAP", "behaviour cloning", "rolling", "fitted model", "TD3+BC", "BCQ", "fitted, right form"]
"""Of a table's rows."""
DEEP = 0.4
"""Levels below this are deep."""
LIMIT = 1.05
"""The most that an agent may cost, beside TWAP."""

Logs = Mapping[str, Sequence[ox.Transitions]]
"""By market, a log a seed."""


@dataclass(frozen=True)
class Prizes:
    """What there is to win, by market."""

    optimum: dict[str, float]
    """J [$]"""
    prize: dict[str, float]
    """J of the best static schedule less that of the optimum [$]"""
    percent: dict[str, float]
    """that in percent of the optimum's J"""
    twap: dict[str, float]
    """J of TWAP [$]"""
    twap_closed: dict[str, float]
    """gap closed by TWAP"""
    half_life: float
    """of pressure [periods]"""
    shock: float
    """probability of one in a period [%]"""
    drop: float
    """by which the level falls then [%]"""
    switch: float
    """probability that the regime changes in a period [%]"""


def prizes(problems: Mapping[str, ox.Problem]) -> Prizes:
    """The exact prize of every market."""
    least = {name: ox.optimum(problem).value for name, problem in problems.items()}
    static, twap = (
        {name: ox.exact_objective(problem, make(problem)) for name, problem in problems.items()}
        for make in (ox.best_static, ox.twap)
    )
    prize = {name: static[name] - least[name] for name in problems}
    assert prize[SHOCKS] > prize[TRANSIENT] > prize[REGIMES] > prize["normal"] > 20
    kept_on_average, _ = decay_moments(problems[TRANSIENT])
    shocks, regimes = problems[SHOCKS].market.liquidity, problems[REGIMES].market.liquidity
    assert isinstance(shocks, ox.Shocks)
    assert isinstance(regimes, ox.RegimeSwitching)
    return Prizes(
        optimum=least,
        prize=prize,
        percent={name: 100 * value / least[name] for name, value in prize.items()},
        twap=twap,
        twap_closed={name: (static[name] - twap[name]) / prize[name] for name in problems},
        half_life=np.log(0.5) / np.log(kept_on_average),
        shock=100 * shocks.probability,
        drop=-100 * shocks.size,
        switch=100 * regimes.switch,
    )


def markets_table(found: Prizes) -> pd.DataFrame:
    """What there is to see and to win in every market."""
    rows = {
        NAMES[name]: [
            SEES[name],
            f"{found.optimum[name]:,.1f}",
            f"{found.prize[name]:.2f}",
            f"{found.percent[name]:.2f}",
            f"{found.twap_closed[name]:.1f}",
        ]
        for name in MARKETS
    }
    columns = ["the state", "J optimum ($)", "prize ($)", "prize (% of J)", "TWAP (gap closed)"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("market").replace("-", "−", regex=True)


@dataclass(frozen=True)
class Shared:
    """An episode whose random numbers are put into every market."""

    which: int
    """its number"""
    liquidity: dict[str, Array]
    """by market: L (n, N) of all episodes it was chosen from"""
    episodes: dict[str, Episode]
    """by the market's name in figures"""


def shared_episode(problems: Mapping[str, ox.Problem]) -> Shared:
    """The first episode in which a shock falls early and the regime changes downwards, under three policies."""
    makers = {"optimum": ox.optimum, "rolling": ox.rolling, "best static": ox.best_static}
    runs = {
        name: {policy: ox.simulate(problem, make(problem), 2_000, SCORING.episodes) for policy, make in makers.items()}
        for name, problem in problems.items()
    }
    moves = {name: played["optimum"].liquidity for name, played in runs.items()}
    falls = (moves[SHOCKS][:, 2:8] < 0.35).any(axis=1)
    thins = moves[REGIMES][:, 4:12].min(axis=1) < moves[REGIMES][:, 0]
    i = int(np.flatnonzero(falls & thins)[0])
    typical = {name: played["optimum"].trades.mean(axis=0) for name, played in runs.items()}
    assert typical[TRANSIENT][1:5].sum() < typical["normal"][1:5].sum()
    assert typical[TRANSIENT][-1] > 1.5 * typical["normal"][-1]
    episodes = {
        NAMES[name]: Episode(
            moves[name][i],
            np.quantile(moves[name], 0.025, axis=0),
            np.quantile(moves[name], 0.975, axis=0),
            {policy: run.trades[i] for policy, run in runs[name].items()},
        )
        for name in problems
    }
    return Shared(i, moves, episodes)


def study(name: str, algorithm: str) -> str:
    """The published study of an algorithm in a market."""
    return f"{algorithm}{'' if name == 'normal' else '-' + name}-mixture-8logs"


def check_logs(logs: Logs) -> None:
    """These are the very logs that the agents learned from."""
    for name, own in logs.items():
        origin = published.manifest()[study(name, "td3bc")]["origin"]
        assert origin["data"] == [log.digest for log in own], name


def two_levels(log: ox.Transitions) -> ox.Problem:
    """The fitted model with two levels of liquidity."""
    level = column(log, "L")
    changes = np.diff(level) != 0
    process = ox.RegimeSwitching(high=level.max(), low=level.min(), switch=changes.mean())
    return offline.fitted(log).replace(liquidity=process)


def lingering(log: ox.Transitions) -> ox.Problem:
    """The fitted model with transient impact."""
    return offline.fitted(log, transient=True)


RIGHT = {REGIMES: two_levels, TRANSIENT: lingering}
"""How to fit the right form where the usual one is wrong."""


@dataclass(frozen=True)
class Lead(Interval):
    """An interquartile mean of differences in gap closed, with its 95% interval, and how many are positive."""

    wins: int


@dataclass(frozen=True)
class Results:
    """Gap closed by market and policy (0: best static schedule, 1: exact optimum)."""

    gap: dict[str, dict[str, scoring.Summary]]
    """of agents and fitted models, over logs"""
    rolling: dict[str, float]
    mean_action: dict[str, dict[str, float]]
    """of eight agents"""
    lead: dict[str, dict[str, dict[str, Lead]]]
    """by market and algorithm, over the rolling rule and over the model fitted to the agent's own log"""
    agents: int
    """an algorithm and market has"""
    lowest: float
    """score of an agent of TD3+BC or BCQ"""
    limit: float
    """the most that an agent may cost, beside TWAP"""
    scores: dict[str, dict[str, Array]]
    """of every policy's logs, by its full name"""
    published: dict[str, dict[str, Any]]
    """the other scores of learners, by full name"""

    def summary(self, name: str, policy: str) -> scoring.Summary:
        """That of a policy by its full name."""
        return self.gap[name][KEYS[policy]]


def results(
    problems: Mapping[str, ox.Problem], logs: Logs, scored: Mapping[str, pd.DataFrame], found: Prizes
) -> Results:
    """What learners, rules and fitted models close of the gap, and who leads.

    Args:
        problems: by market.
        logs: by market.
        scored: by market, `optexec.offline.scoring.closed` of the optima of the models fitted to its logs.
        found: what there is to close.
    """
    scores: dict[str, dict[str, Array]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, problem in problems.items():
        rolled = scoring.closed({"rolling": ox.rolling(problem)}, problem)
        scores[name] = {
            "TWAP": np.array([found.twap_closed[name]]),
            "rolling": rolled["gap_closed"].to_numpy(),
            "fitted model": scored[name]["gap_closed"].to_numpy(),
        }
        shown = published.results(
            market=name, hidden=False, variant="", behaviour="mixture", config="tuned", episodes=EPISODES, steps=STEPS
        )
        rows[name] = {}
        for one, row in shown[shown["data"].map(len) == len(LOGS)].iterrows():
            label = ALGORITHMS[row["algorithm"]].label
            scores[name][label] = np.array(published.manifest()[str(one)]["scores"]["gap_closed"])
            rows[name][label] = row
        assert set(rows[name]) == set(LEARNERS)
    for name, form in RIGHT.items():
        policies = {f"log {i}": ox.optimum(form(log)) for i, log in enumerate(logs[name])}
        scores[name]["fitted, right form"] = scoring.closed(policies, problems[name])["gap_closed"].to_numpy()
    measured = Results(
        gap={
            name: {KEYS[policy]: scoring.summary([values]) for policy, values in own.items() if len(values) > 1}
            for name, own in scores.items()
        },
        rolling={name: own["rolling"][0] for name, own in scores.items()},
        mean_action={
            name: {KEYS[label]: row["mean_action"] for label, row in own.items()} for name, own in rows.items()
        },
        lead={name: {key: leads(own, label) for label, key in CRITICS.items()} for name, own in scores.items()},
        agents=len(LOGS),
        limit=LIMIT,
        lowest=min(own[label]["lowest"] for own in rows.values() for label in CRITICS),
        scores=scores,
        published=rows,
    )
    check(measured, found)
    return measured


def leads(scores: Mapping[str, Array], label: str) -> dict[str, Lead]:
    """The lead of a learner over its opponents, log by log."""
    found = {}
    for opponent in OPPONENTS:
        difference = scores[label] - scores[opponent]
        s = scoring.summary([difference])
        found[KEYS[opponent]] = Lead(s.value, s.low, s.high, int((difference > 0).sum()))
    return found


def check(found: Results, prize: Prizes) -> None:
    """What the chapter says of its results, or it does not build."""
    assert found.gap[SHOCKS]["td3bc"].value >= 0.80  # what the project asks for
    assert found.gap[TRANSIENT]["td3bc"].value >= 0.65
    for name in MARKETS:
        scores = found.scores[name]
        assert min(scores["BCQ"].min(), scores["TD3+BC"].min()) > 0.5  # every agent is far ahead of the best schedule
        assert found.gap[name]["bc"].high < 0
        assert 0 < found.rolling[name] < 1
        for label in LEARNERS:
            row = found.published[name][label]
            assert np.isfinite(scores[label]).all()
            assert np.isfinite(row["mean_action"])
            assert row["dearest"] <= found.limit * prize.twap[name]
            assert row["dearest"] < prize.twap[name]
    for key in CRITICS.values():
        leads = {name: own[key] for name, own in found.lead.items()}
        assert min(leads[TRANSIENT]["rolling"].low, leads[TRANSIENT]["fitted"].low) > 0.15
        assert max(leads["normal"]["fitted"].high, leads[SHOCKS]["fitted"].high) < 0
        assert leads[REGIMES]["fitted"].low > 0
        assert leads[SHOCKS]["rolling"].low > 0
        assert leads[TRANSIENT]["rolling"].wins == len(LOGS)  # every agent is ahead of both opponents
        assert leads[TRANSIENT]["fitted"].wins == len(LOGS)
        for name in MARKETS:
            assert found.mean_action[name][key] > found.gap[name][key].value
        for name in RIGHT:
            assert found.gap[name]["right"].low > found.gap[name][key].high
    assert found.lead[REGIMES]["bcq"]["rolling"].low > 0
    assert found.lead["normal"]["td3bc"]["rolling"].low < 0 < found.lead["normal"]["td3bc"]["rolling"].high
    assert found.lowest == found.gap[TRANSIENT]["td3bc"].lowest


def words(s: Any, sign: str = "") -> str:
    """An interquartile mean with its interval; a sign is for differences."""
    if sign:
        digits = 4 if abs(s.value) < 0.01 else 3
    else:
        digits = 2 if min(s.value, s.low) < -0.1 else 4 if s.low > 0.999 else 3
    return from_to(s.value, s.low, s.high, digits, sign or "-")


def alone(score: float) -> str:
    """A gap closed without an interval."""
    return f"{score:.{2 if score < -0.1 else 3}f}"


def results_table(found: Results) -> pd.DataFrame:
    """Gap closed by policy and market."""
    rows = {}
    for policy in ORDER:
        cells = []
        for name, scores in found.scores.items():
            several = len(scores.get(policy, ())) > 1
            one = alone(scores[policy][0]) if policy in scores else "–"
            cells.append(words(found.summary(name, policy)) if several else one)
        rows[policy] = cells
        if policy in CRITICS:
            rows[f"{policy}, mean action"] = [f"{own[KEYS[policy]]:.3f}" for own in found.mean_action.values()]
        if policy == "behaviour cloning":
            rows["best static"] = ["0"] * len(MARKETS)
    rows["optimum"] = ["1"] * len(MARKETS)
    return pd.DataFrame(rows, index=list(NAMES.values())).T.rename_axis("policy").replace("-", "−", regex=True)


def scores_figure(found: Results) -> go.Figure:
    """`market_scores` of everything."""
    points = [
        {"market": NAMES[name], "policy": policy, "score": value, "mean_action": False}
        for name, scores in found.scores.items()
        for policy in ORDER
        for value in scores.get(policy, [])
    ]
    points += [
        {"market": NAMES[name], "policy": label, "score": row["mean_action"], "mean_action": True}
        for name, rows in found.published.items()
        for label, row in rows.items()
    ]
    bars = [
        {"market": NAMES[name], "policy": policy, "value": s.value, "low": s.low, "high": s.high}
        for name, scores in found.scores.items()
        for policy in scores
        if len(scores[policy]) > 1
        for s in [found.summary(name, policy)]
    ]
    return market_scores(pd.DataFrame(points), pd.DataFrame(bars))


def duels_table(found: Results) -> pd.DataFrame:
    """Leads of the learners, by market."""
    rows = {
        NAMES[name]: {
            f"{label} − {opponent.split()[0]}": words(own[key][KEYS[opponent]], "+")
            for label, key in CRITICS.items()
            for opponent in OPPONENTS
        }
        for name, own in found.lead.items()
    }
    return pd.DataFrame(rows).T.rename_axis("market").replace(r"(?<![A-Z+])-(?=\d)", "−", regex=True)


def worst_table(found: Results, prize: Prizes) -> pd.DataFrame:
    """The worst agent of every algorithm and market."""
    rows = {}
    for label in ("TD3+BC", "BCQ", "behaviour cloning"):
        own = {name: published[label] for name, published in found.published.items()}
        rows[label] = [
            f"{alone(row['lowest'])} ({100 * row['dearest'] / prize.twap[name]:.1f}%)" for name, row in own.items()
        ]
    return pd.DataFrame(rows, index=list(NAMES.values())).T.rename_axis("worst agent of").replace("-", "−", regex=True)


def column(log: ox.Transitions, name: str) -> Array:
    """(episodes, N): a column of a log's observations."""
    values = log.observations[:, COLUMNS.index(name)].astype(float)
    return np.asarray(values.reshape(log.episodes, log.problem.order.periods))


def seen(problem: ox.Problem, k: int, level: Array, pressure: ArrayLike = 0.0) -> Array:
    """Observations (n, 6) in period k with half of the order left; pressure is I n / x, x in parts of the order."""
    left, n = problem.order.periods - k, problem.order.periods
    transient = 0.5 * np.asarray(pressure) / left
    at: Columns[Any] = Columns(0.5, left / n, 1.0, problem.market.volatility, level, transient)
    return np.stack(np.broadcast_arrays(*at), axis=-1).astype(float)


def multiples(fractions: ArrayLike, k: int, periods: int) -> Array:
    """Fractions as multiples of TWAP's."""
    return np.asarray(fractions) * (periods - k)


def agents(name: str) -> dict[str, Any]:
    """The published agents of a market, by full name."""
    return {label: published.agents(study(name, algorithm)) for label, algorithm in LEARNERS.items()}


def cost_by_level(problem: ox.Problem, table: Array) -> Array:
    """(G,): what the mistakes of fractions (N, G) cost at each of the optimum's levels [$], by its identity."""
    best = uncapped(problem)
    q2, wanted = best.coefficients.q2, best.coefficients.of_inventory
    chain = cached_chain(problem.market.liquidity, problem.order.dt, problem.order.periods)
    square = problem.order.shares**2 * (np.arange(len(chain.levels)) == chain.start).astype(float)
    cost = np.zeros(len(chain.levels))
    for k in range(problem.order.periods - 1):
        cost += square * q2[k] * (table[k] - wanted[k]) ** 2
        square = (square * (1 - table[k]) ** 2) @ chain.matrix
    return cost


@dataclass(frozen=True)
class Shocked:
    """Levels that are seldom seen, and what is at stake there."""

    deep: float
    """levels below it count as deep"""
    time: float
    """share of decisions under shocks that are made there [%]"""
    time_normal: float
    """and of the normal market's"""
    decisions: float
    """how many of them a log has, to the next hundred"""
    prize: float
    """share of the best schedule's loss that is made there [%]"""
    lost_static: float
    """that in dollars"""
    lost_td3bc: float
    """what the mean action of TD3+BC loses there [$]"""
    hurry: float
    """by how much the rolling rule starts faster than the optimum [%]"""
    uninformed: float
    """gap closed by the rolling rule of who knows of no shocks"""


def shocked(problems: Mapping[str, ox.Problem], logs: Logs, found: Results, prize: Prizes) -> Shocked:
    """What happens at the lowest levels of the market with shocks."""
    problem = problems[SHOCKS]
    levels, n = ox.optimum(problem).levels, problem.order.periods

    def lost(policy: ox.Policy) -> tuple[float, float]:
        """In deep levels and in all [$]."""
        cost = cost_by_level(problem, np.stack([policy.act(seen(problem, k, levels)) for k in range(n)]))
        return float(cost[levels < DEEP].sum()), float(cost.sum())

    static, everything = lost(ox.best_static(problem))
    assert np.isclose(everything, prize.prize[SHOCKS], rtol=0.01)
    learned, _ = lost(published.agents(study(SHOCKS, "td3bc")))
    share = {
        name: float(np.mean([(column(log, "L")[:, 1:-1] < DEEP).mean() for log in logs[name]]))
        for name in ("normal", SHOCKS)
    }
    first = {
        name: float(policy.act(seen(problem, 0, np.ones(1)))[0])
        for name, policy in {"optimum": ox.optimum(problem), "rolling": ox.rolling(problem)}.items()
    }
    uninformed = scoring.closed({"rolling": ox.rolling(problems["normal"])}, problem)["gap_closed"].iloc[0]
    assert share[SHOCKS] < 0.1
    assert static > 0.3 * prize.prize[SHOCKS]
    assert learned < 0.1 * static
    assert uninformed > found.rolling[SHOCKS] + 0.02
    assert first["rolling"] > 1.02 * first["optimum"]
    return Shocked(
        deep=DEEP,
        time=100 * share[SHOCKS],
        time_normal=100 * share["normal"],
        decisions=round(share[SHOCKS] * (n - 2) * EPISODES, -2),
        prize=100 * static / prize.prize[SHOCKS],
        lost_static=static,
        lost_td3bc=learned,
        hurry=100 * (first["rolling"] / first["optimum"] - 1),
        uninformed=uninformed,
    )


def levels_figure(problem: ox.Problem, logs: Sequence[ox.Transitions]) -> go.Figure:
    """`seen_and_done` over liquidity, under shocks."""
    cuts, level, n = [1, 4, 8, 12, 16], np.linspace(0.1, 1.6, 46), problem.order.periods
    acting = {
        label: np.stack([multiples(group.fractions(seen(problem, k, level)), k, n) for k in cuts], axis=1)
        for label, group in agents(SHOCKS).items()
    }
    ruled = {
        label: np.stack([multiples(rule.act(seen(problem, k, level)), k, n) for k in cuts])
        for label, rule in {"optimum": ox.optimum(problem), "rolling": ox.rolling(problem)}.items()
    }
    edges = np.linspace(0.1, 1.6, 31)
    visits = {"log": (edges, visited(np.concatenate([column(log, "L") for log in logs]), cuts, edges))}
    return seen_and_done(level, cuts, ruled, acting, visits, axis="liquidity L", active=1)


def visited(values: Array, periods: Sequence[int], edges: Array) -> Array:
    """(periods, bins): the share of episodes in each bin."""
    return np.array([np.histogram(values[:, k], edges)[0] / len(values) for k in periods])


@dataclass(frozen=True)
class Switching:
    """What an autoregression makes of two regimes."""

    inverse_low: float
    """E[1/L] of the next period from the low level"""
    inverse_low_fitted: float
    inverse_high: float
    inverse_high_fitted: float
    off_low: float
    """by how much the fitted model's optimum sells more in period 15 at the low level [%]"""
    off_high: float
    """and less at the high one"""


def switching(problem: ox.Problem, guess: ox.Problem) -> Switching:
    """What the fitted model expects at either level, and what it does.

    Args:
        problem: the market with regimes.
        guess: the model fitted to a log of it.
    """
    places = np.array([0.5, 1.5])

    def ahead(process: Any) -> tuple[Array, Array]:
        """E[L'|L] and E[1/L'|L] from the low and from the high level."""
        chain = cached_chain(process, problem.order.dt, problem.order.periods)
        level, inverse = (
            np.interp(places, chain.levels, chain.matrix @ values) for values in (chain.levels, 1 / chain.levels)
        )
        return level, inverse

    (level, inverse), (level_fitted, inverse_fitted) = (ahead(each.market.liquidity) for each in (problem, guess))
    true, planned = (ox.optimum(each).act(seen(problem, 15, places)) for each in (problem, guess))
    off = planned / true - 1
    assert np.allclose(level_fitted, level, rtol=0.02)
    assert inverse_fitted[0] > 1.1 * inverse[0]
    assert inverse_fitted[1] < 0.98 * inverse[1]
    assert off[0] > 0.1
    assert off[1] < -0.02
    return Switching(inverse[0], inverse_fitted[0], inverse[1], inverse_fitted[1], 100 * off[0], -100 * off[1])


@dataclass(frozen=True)
class Pressed:
    """How policies react to pressure in period 5, at L = 1; by policy."""

    slope: dict[str, float]
    """change of the action, as a multiple of TWAP's, with $10 more of p"""
    typical: dict[str, float]
    """the action at the pressure that the optimum usually meets"""
    too_fast: float
    """the rolling rule there, beside the optimum [%]"""
    pressures: Array
    cuts: tuple[int, ...]
    ruled: dict[str, Array]
    acting: dict[str, Array]
    visits: dict[str, tuple[Array, Array]]


def pressed(problem: ox.Problem, logs: Sequence[ox.Transitions]) -> Pressed:
    """Actions against pressure, of agents and rules, and how often each pressure is met."""
    n, best, cuts = problem.order.periods, ox.optimum(problem), (2, 5, 8, 12, 16)
    tested = ox.simulate(problem, best, PAIRED, SCORING.episodes)

    def pressures(transient: Array, inventory: Array) -> Array:
        """I n / x by episode and period (n, N)."""
        return transient * (n - np.arange(n)) / np.maximum(inventory / problem.order.shares, 1e-3)

    logged = np.concatenate([pressures(column(log, "I"), problem.order.shares * column(log, "x/X")) for log in logs])
    own = pressures(tested.transient, tested.inventory[:, :-1])
    p, edges = np.linspace(0.0, 60.0, 41), np.linspace(0.0, 60.0, 31)

    def at(k: int) -> Array:
        return seen(problem, k, np.ones_like(p), p)

    acting = {
        label: np.stack([multiples(group.fractions(at(k)), k, n) for k in cuts], axis=1)
        for label, group in agents(TRANSIENT).items()
    }
    ruled = {
        label: np.stack([multiples(np.clip(rule.act(at(k)), 0, 1), k, n) for k in cuts])
        for label, rule in {"optimum": best, "rolling": ox.rolling(problem)}.items()
    }
    five, where = cuts.index(5), (p >= 10) & (p <= 40)
    lines = {label: values.mean(axis=0)[five] for label, values in acting.items()}
    lines |= {label: values[five] for label, values in ruled.items()}
    slopes = {label: float(10 * np.polyfit(p[where], line[where], 1)[0]) for label, line in lines.items()}
    typical = {label: float(np.interp(np.median(own[:, 5]), p, line)) for label, line in lines.items()}
    assert abs(slopes["rolling"]) < 1e-6
    assert slopes["BCQ"] < 0.6 * slopes["optimum"] < 0 < slopes["behaviour cloning"]
    assert slopes["optimum"] < slopes["TD3+BC"] - 0.05
    assert slopes["TD3+BC"] < slopes["behaviour cloning"]
    assert max(abs(typical[label] / typical["optimum"] - 1) for label in CRITICS) < 0.03
    assert typical["rolling"] > 1.1 * typical["optimum"]
    ratio, often = lines["BCQ"] / lines["optimum"], np.quantile(logged[:, 5], 0.025)
    assert np.abs(ratio[p >= 7.5] - 1).max() < 0.04
    assert ratio[0] < 0.7
    assert (lines["rolling"] > lines["optimum"])[p >= often].all()
    assert often < own[:, 5].min()
    keys = {**KEYS, "optimum": "optimum"}
    return Pressed(
        slope={keys[label]: value for label, value in slopes.items()},
        typical={keys[label]: value for label, value in typical.items()},
        too_fast=100 * (typical["rolling"] / typical["optimum"] - 1),
        pressures=p,
        cuts=cuts,
        ruled=ruled,
        acting=acting,
        visits={
            "log": (edges, visited(logged, cuts, edges)),
            "optimum": (edges, visited(own, cuts, edges)),
        },
    )


def pressure_figure(found: Pressed) -> go.Figure:
    """`seen_and_done` over pressure."""
    axis = "pressure p = I n X / x ($/share)"
    return seen_and_done(found.pressures, found.cuts, found.ruled, found.acting, found.visits, axis=axis, active=1)


class Shown:
    """The optimum, but what it sees as pressure is an average: mean[k] times what is held."""

    def __init__(self, problem: ox.Problem, mean: Array) -> None:
        self.problem, self.mean = problem, mean

    def act(self, observation: Any) -> Array:
        """Fractions (n,) from observations (n, 6)."""
        told = np.array(observation, dtype=float)
        held = told[:, COLUMNS.index("x/X")] * self.problem.order.shares
        told[:, COLUMNS.index("I")] = self.mean[period_of(told, self.problem.order.periods)] * held
        return ox.optimum(self.problem).act(told)


class Responding:
    """The rolling rule with the optimum's response to the pressure added."""

    def __init__(self, problem: ox.Problem) -> None:
        self.rolling, self.best = ox.rolling(problem), ox.optimum(problem)

    def act(self, observation: Any) -> Array:
        """Fractions (n,) from observations (n, 6)."""
        free = np.array(observation, dtype=float)
        free[:, COLUMNS.index("I")] = 0.0
        return self.rolling.act(free) + self.best.act(observation) - self.best.act(free)


@dataclass(frozen=True)
class Trials:
    """What a policy of the transient market has to know: gap closed."""

    responding: float
    """the rolling rule with the optimum's response to pressure"""
    blind: float
    """the optimum, shown none"""
    averaged: float
    """the optimum, shown the period's average"""
    averaged_ci: float
    without: float
    """the optimum of the market without transient impact"""
    explained: float
    """share of the rolling rule's loss that the response takes away [%]"""
    lost: dict[str, float]
    """by policy: what its mistakes cost [$]"""
    first: float
    """what the rolling rule's first trade costs [$]"""
    peak: int
    """period in which its mistakes are dearest"""
    table: pd.DataFrame
    by_period: dict[str, Array]
    """cost of mistakes, by full name [$]"""
    within: dict[str, Array]
    """half-widths"""


def trials(problems: Mapping[str, ox.Problem], found: Results, prize: Prizes) -> Trials:
    """Rules that know one thing more or less, and where mistakes are made."""
    problem = problems[TRANSIENT]
    best, n = ox.optimum(problem), problem.order.periods
    tested = ox.simulate(problem, best, PAIRED, SCORING.episodes)
    x = tested.inventory[:, :-1]
    usual = (tested.transient * x).mean(axis=0) / (x**2).mean(axis=0)  # the best guess of I / x by period
    policies: dict[str, ox.Policy] = {
        "rolling": ox.rolling(problem),
        "rolling + response to I": Responding(problem),
        "optimum, shown I = 0": Shown(problem, np.zeros(n)),
        "optimum, shown the period's average": Shown(problem, usual),
        "optimum of the market without q": ox.optimum(problems["normal"]),
    }
    table = scoring.closed(policies, problem)
    rolling, responding, blind, averaged, without = table["gap_closed"]
    assert rolling + 0.2 < responding < averaged
    assert averaged > 0.98
    assert blind < 0.7
    learners = agents(TRANSIENT)
    costs = {
        "rolling": mistakes(problem, policies["rolling"]),
        "TD3+BC": mistakes(problem, learners["TD3+BC"]),
        "BCQ": mistakes(problem, learners["BCQ"]),
        "average pressure": mistakes(problem, policies["optimum, shown the period's average"]),
    }
    by_period, within = ({name: one[i] for name, one in costs.items()} for i in (0, 1))
    known = {"rolling": rolling, "average pressure": averaged}
    known |= {label: found.mean_action[TRANSIENT][key] for label, key in CRITICS.items()}
    for label, cost in by_period.items():  # the identity holds: the mistakes' cost is what is left of the prize
        assert abs(1 - cost.sum() / prize.prize[TRANSIENT] - known[label]) < 0.015
    lost = {KEYS.get(label, "averaged"): float(cost.sum()) for label, cost in by_period.items()}
    rule = by_period["rolling"]
    assert lost["bcq"] < lost["td3bc"] < 0.4 * lost["rolling"]
    assert (by_period["TD3+BC"] + within["TD3+BC"] < rule - within["rolling"])[2:].all()
    assert (by_period["TD3+BC"] < rule)[1:].all()
    assert (by_period["BCQ"] < 0.2 * rule).all()
    assert 4 <= rule.argmax() <= 10
    assert rule[0] < 0.2 * rule.max()
    return Trials(
        responding=responding,
        blind=blind,
        averaged=averaged,
        averaged_ci=table["gap_closed_ci"]["optimum, shown the period's average"],
        without=without,
        explained=100 * (responding - rolling) / (1 - rolling),
        lost=lost,
        first=rule[0],
        peak=int(rule.argmax()),
        table=table,
        by_period=by_period,
        within=within,
    )


def mistakes(problem: ox.Problem, policy: ox.Policy, count: int = 1_000) -> tuple[Array, Array]:
    """E[q2 (v - v*)^2] by period (N - 1,) [$], and the half-widths of its 95% intervals."""
    run, best = ox.simulate(problem, policy, count, SCORING.episodes), uncapped(problem)
    surfaces = [getattr(best.coefficients, part) for part in ("q2", "of_inventory", "of_impact")]
    cost = []
    for k in range(problem.order.periods - 1):
        curvature, without, push = (np.interp(run.liquidity[:, k], best.levels, surface[k]) for surface in surfaces)
        wanted = without * run.inventory[:, k] + push * run.transient[:, k]
        cost.append(mean(curvature * (run.trades[:, k] - wanted) ** 2))
    return np.array([estimate.value for estimate in cost]), np.array([estimate.ci for estimate in cost])


def trials_table(found: Trials) -> pd.DataFrame:
    """Gap closed by the rules."""
    rows = {label: plus_minus(row["gap_closed"], row["gap_closed_ci"], 3) for label, row in found.table.iterrows()}
    return pd.DataFrame({"gap closed": rows}).rename_axis("policy")


def mistakes_figure(found: Trials) -> go.Figure:
    """`market_mistakes` of the rolling rule, the learners and the optimum that is shown an average."""
    return market_mistakes(found.by_period, found.within)


@dataclass(frozen=True)
class Forms:
    """Models of the wrong and of the right form, fitted to the same logs."""

    off_most: float
    """the furthest that a parameter of the right form is off [%]"""
    wrong: tuple[ox.Problem, ...]
    right: tuple[ox.Problem, ...]


def forms(problem: ox.Problem, logs: Sequence[ox.Transitions], wrong: Sequence[ox.Problem], found: Results) -> Forms:
    """What a missing term does to the estimates of the others.

    Args:
        problem: the market with transient impact.
        logs: of it.
        wrong: the models without transient impact, fitted to these.
        found: what these close.
    """
    right = [lingering(log) for log in logs]
    off = max(
        abs(getattr(guess.market, part) / getattr(problem.market, part) - 1)
        for guess in right
        for part in ("temporary", "permanent", "volatility", "transient")
    )
    without, with_term = (np.array([guess.market.volatility for guess in guesses]) for guesses in (wrong, right))
    assert off < 0.05
    assert np.std(without) > 10 * np.std(with_term)
    assert np.abs(with_term / 0.02 - 1).max() < 0.02
    # little assumed risk, long waiting, large loss
    assert np.corrcoef(without, found.scores[TRANSIENT]["fitted model"])[0, 1] > 0.8
    return Forms(100 * off, tuple(wrong), tuple(right))


def forms_table(problem: ox.Problem, fitted: Forms, found: Results) -> pd.DataFrame:
    """Range of the estimates over the logs, by form."""

    def span(values: Sequence[float], digits: int) -> str:
        return f"{min(values):.{digits}f} to {max(values):.{digits}f}"

    parts = {"temporary": 5, "permanent": 5, "volatility": 5, "transient": 6}
    rows = {"truth": [*(f"{getattr(problem.market, part):.{digits}f}" for part, digits in parts.items()), "1"]}
    scores = found.scores[TRANSIENT]
    for label, guesses, policy, closing in (
        ("nothing lingers", fitted.wrong, "fitted model", 2),
        ("right form", fitted.right, "fitted, right form", 4),
    ):
        estimates = [span([getattr(guess.market, part) for guess in guesses], digits) for part, digits in parts.items()]
        if label == "nothing lingers":
            estimates[-1] = "0"  # by assumption
        rows[label] = [*estimates, span(scores[policy].tolist(), closing)]
    table = pd.DataFrame(rows, index=["η", "γ", "σ", "q", "gap closed"]).T.rename_axis("form")
    return table.replace("-", "−", regex=True)


class Linear:
    """v = f x + g I, clipped to what is possible."""

    def __init__(self, problem: ox.Problem, f: Array, g: Array) -> None:
        self.problem = problem
        self.f, self.g = (LevelTable(problem, ox.optimum(problem).levels, part) for part in (f, g))

    def act(self, observation: Any) -> Array:
        """Fractions (n,) from observations (n, 6)."""
        told = np.asarray(observation, dtype=float)
        left, level, pressure = (told[:, COLUMNS.index(name)] for name in ("x/X", "L", "I"))
        period = period_of(told, self.problem.order.periods)
        held = np.maximum(left * self.problem.order.shares, 1e-9)
        fraction = self.f.at(period, level) + self.g.at(period, level) * pressure / held
        return np.asarray(np.clip(fraction, 0, 1))


def shaped_optimum(
    problem: ox.Problem, held_by: Array | None = None, squared: Array | None = None
) -> tuple[Array, Array]:
    """Fractions and responses to I that maximise shaped rewards, by period and level (N, G).

    The recursion of the optimum with three changes: the potential's pressure is paid back, and what is charged for it
    is an average over a log.

    Args:
        problem: the market with transient impact.
        held_by: E[x I] / E[x^2] of a log by period; None for the right expectation, which changes nothing.
        squared: E[I^2] / E[x^2] likewise.
    """
    true, r, n = uncapped(problem).coefficients, problem.risk_weight, problem.order.periods
    chain = cached_chain(problem.market.liquidity, problem.order.dt, n)
    d1, d2 = decay_moments(problem)
    h, u = problem.market.instantaneous / chain.levels, problem.market.transient / chain.levels
    gamma = problem.market.permanent
    A, B, C = h, np.ones_like(h), np.zeros_like(h)
    f, g = np.ones((n, len(h))), np.zeros((n, len(h)))
    for k in range(n - 2, -1, -1):
        if held_by is not None and squared is not None:
            A = A + true.B[k + 1] * held_by[k + 1] + true.C[k + 1] * squared[k + 1]
            B, C = B - true.B[k + 1], C - true.C[k + 1]
        a, b, c = (chain.matrix @ part for part in (A, B, C))
        q2 = h - gamma + r + a - b * d1 * u + c * d2 * u**2
        qx, qi = gamma - 2 * r - 2 * a + b * d1 * u, 1 - b * d1 + 2 * c * d2 * u
        assert (q2 > 0).all()
        f[k], g[k] = -qx / (2 * q2), -qi / (2 * q2)
        A, B, C = r + a - qx**2 / (4 * q2), b * d1 - qx * qi / (2 * q2), c * d2 - qi**2 / (4 * q2)
    return f, g


@dataclass(frozen=True)
class Shaped:
    """The optimum of rewards whose potential depends on the pressure."""

    gap: float
    """that it closes where the expectation is not given the action"""
    first: float
    """what it sells in the first period at L = 1 [% of the order]"""
    first_right: float
    """what is best"""


def shaped(problem: ox.Problem, logs: Sequence[ox.Transitions]) -> Shaped:
    """What a potential does that hides what an action does."""
    pressure = np.concatenate([column(log, "I") for log in logs])
    x = np.concatenate([problem.order.shares * column(log, "x/X") for log in logs])
    square = (x**2).mean(axis=0)
    right = shaped_optimum(problem)
    mistaken = shaped_optimum(problem, (x * pressure).mean(axis=0) / square, (pressure**2).mean(axis=0) / square)
    policies = {"right": Linear(problem, *right), "mistaken": Linear(problem, *mistaken)}
    gap = scoring.closed(policies, problem)["gap_closed"]
    assert gap["right"] > 0.999
    assert gap["mistaken"] < -1
    normal = np.abs(ox.optimum(problem).levels - 1).argmin()
    return Shaped(gap["mistaken"], 100 * mistaken[0][0][normal], 100 * right[0][0][normal])


def check_actions() -> None:
    """Far beyond any log actions stay fractions."""
    extreme = np.linspace(0.02, 5.0, 40)
    for name in (SHOCKS, TRANSIENT):
        for label, group in agents(name).items():
            far = group.fractions(seen(market(name), 10, extreme, 100 * extreme[::-1]))
            assert np.isfinite(far).all(), label
            assert far.min() >= 0, label
            assert far.max() <= 1, label


@dataclass(frozen=True)
class Even:
    """What pressure costs TWAP [$]."""

    last: float
    """pressure in the last period [$/share]"""
    paid: float
    """for the pressure of earlier trades"""
    push: float
    """for each trade's own"""


def even_seller(problem: ox.Problem, prize: Prizes) -> Even:
    """The pressure of an even seller, in closed form."""
    n = problem.order.periods
    inverse, v = expected_inverse_liquidity(problem), problem.order.shares / n
    d, q = decay_moments(problem)[0], problem.market.transient
    pressure = np.array([q * v * sum(d ** (k - j) * inverse[j] for j in range(k)) for k in range(n)])
    found = Even(pressure[-1], v * pressure.sum(), q / 2 * v**2 * inverse.sum())
    assert np.isclose(found.paid + found.push, prize.twap[TRANSIENT] - prize.twap["normal"], rtol=1e-3)
    return found


@dataclass(frozen=True)
class Corrected:
    """Gap closed by the wrong form with the right volatility, over logs."""

    low: float
    high: float
    was_low: float
    """with the estimated volatility"""
    was_high: float


def corrected(problem: ox.Problem, fits: Sequence[ox.Problem], found: Results) -> Corrected:
    """Whether the volatility saves the wrong model."""
    plans = {f"log {i}": ox.optimum(fit.replace(volatility=problem.market.volatility)) for i, fit in enumerate(fits)}
    saved, scores = scoring.closed(plans, problem)["gap_closed"], found.scores[TRANSIENT]
    was = scores["fitted model"]
    assert saved.min() > was.min() + 1
    assert saved.max() < scores["TD3+BC"].min()
    return Corrected(saved.min(), saved.max(), was.min(), was.max())


COLOUR = LEARNED | {"fitted model": CONTRAST, "fitted, right form": LIQUIDITY, "average pressure": LIQUIDITY}
"""Those of the policies of this chapter."""

FLOOR = 1e-4
"""What is left of the gap is drawn as this at least."""

MARKS = [0.9999, 0.999, 0.99, 0.9, 0, -9]
"""Gaps closed that the axis names."""


class Episode(NamedTuple):
    """One episode in one market."""

    liquidity: Array
    """L_k (N,)"""
    low: Array
    """(N,) below which L_k is in 2.5% of the episodes"""
    high: Array
    """(N,) above which it is in 2.5%"""
    trades: Mapping[str, Array]
    """(N,) shares by policy"""


def market_episode(episodes: Mapping[str, Episode], selected: str) -> go.Figure:
    """Liquidity and trades of one episode, on the same random numbers in every market of a slider.

    Args:
        episodes: by market; all have the same policies.
        selected: the market that is shown first.
    """
    plot = Plot(["Liquidity", "Trades"], gap=0.12)
    level, traded = plot
    markets, k = list(episodes.values()), np.arange(len(episodes[selected].liquidity))
    low, high, own = (Moving(np.round(getattr(one, of), 3) for one in markets) for of in ("low", "high", "liquidity"))
    level.band(k, low, high, clear(LIQUIDITY, 0.18), name="95% of the episodes")
    level.line(k, own, LIQUIDITY, name="this episode")
    for policy in episodes[selected].trades:
        trades = Moving(np.round(one.trades[policy], 3) for one in markets)
        dash, hover = "dot" if policy == "best static" else "solid", f"{policy}, period %{{x}}: %{{y:.0f}} shares"
        traded.line(k, trades, COLOUR[policy], 2, dash, marks=5, name=policy, hover=hover)
    plot.slider("market", episodes, list(episodes).index(selected))
    deepest = max(float(max(one.high.max(), one.liquidity.max())) for one in markets)
    largest = max(float(trades.max()) for one in markets for trades in one.trades.values())
    plot.x("period k")
    level.y("liquidity L", [0, 1.05 * deepest])
    traded.y("shares sold", [-0.02 * largest, 1.05 * largest])
    return plot.done(
        "Liquidity of one episode with the band that holds 95% of all, and the shares that the optimum, the "
        "rolling rule and the best schedule sell in it. A slider chooses among the markets "
        f"{', '.join(episodes)}.",
        height=460,
        legend={"y": 1.12},
        margin={"t": 90},
        phone=plot.stacked(800, 0.16, legend={"y": 1.06}, margin={"t": 130}) | SMALL_SLIDER,
    )


def market_scores(scores: pd.DataFrame, summaries: pd.DataFrame) -> go.Figure:
    """Gap closed, a panel a market and a row a policy, on an axis that is logarithmic in what is left.

    Args:
        scores: a row a dot: market, policy, score, and mean_action, True for the mean of several agents' actions.
        summaries: a row for every market and policy with several dots: market, policy, value, low and high.
    """
    markets, place = list(dict.fromkeys(scores["market"])), places(scores["policy"])
    plot = Plot(markets, rows=2, gap=0.04, shared_y=True, vertical_spacing=0.16)

    def there(values: Any) -> Array:
        return np.asarray(left(values, FLOOR).round(6))

    for panel, name in zip(plot, markets, strict=True):
        for policy, row in place.items():
            dots, bars = (part[(part["market"] == name) & (part["policy"] == policy)] for part in (scores, summaries))
            colour, hover = COLOUR[policy], f"{policy}, interquartile mean: %{{customdata}}"
            for bar in bars.itertuples():
                panel.line(there([bar.low, bar.high]), [row] * 2, colour, 9, opacity=0.3, hover=False)
                middle = round(float(str(bar.value)), 4)
                panel.strokes(there([bar.value]), [row], colour, 18, customdata=[middle], hover=hover)
            for mean_action, part in dots.groupby("mean_action"):
                many = len(part) > 1 and not mean_action
                look = (10, "diamond-open") if mean_action else (5, "circle") if many else (10, "square")
                y = np.round(row + many * jitter(len(part), 0.16), 3)
                entry: dict[str, Any] = {"customdata": part["score"].round(4), "edge": 2 if mean_action else None}
                hover = f"{policy}{', mean action' if mean_action else ''}: %{{customdata}}"
                panel.dots(there(part["score"]), y, colour, *look, hover=hover, **entry)
    plot.vline(1.0, COLOUR["best static"])
    plot.x(**gap_axis(1 - 10**1.5, 1 - 0.7 * FLOOR, MARKS), tickangle=0)
    plot.x("gap closed", row=2)
    plot.rows(place)
    numbers: list[Any] = ["", *range(2, len(plot) + 1)]
    axes: dict[str, Any] = {f"yaxis{n}": {"tickfont": {"size": 11}} for n in numbers}
    for n in numbers:
        title = {"text": "gap closed" if n == numbers[-1] else ""}
        axes[f"xaxis{n}"] = {"tickfont": {"size": 10}, "showticklabels": True, "title": title}
    return plot.done(
        "Gap closed, a panel a market and a row a policy. "
        + "; ".join(
            f"{row.market}, {row.policy}: interquartile mean {row.value:.3g}" for row in summaries.itertuples()
        ),
        height=640,
        phone=plot.stacked(1240, 0.065, **axes),
    )


def seen_and_done(
    x: Array,
    periods: Sequence[int],
    rules: Mapping[str, Array],
    agents: Mapping[str, Array],
    visits: Mapping[str, tuple[Array, Array]],
    *,
    axis: str,
    active: int = 0,
) -> go.Figure:
    """Speed of selling against one number that a policy sees, and below how often that number is seen.

    Args:
        x: (G,) values of the number.
        periods: (K,) those of the slider.
        rules: by policy, (K, G) the fraction as a multiple of TWAP's.
        agents: by algorithm, the same (S, K, G) of its agents; drawn as their mean and range.
        visits: by name of who trades, edges of bins (B + 1,) and shares of the episodes (K, B).
        axis: title of the horizontal axis.
        active: index of the period that is shown first.
    """
    plot = Plot(2, rows=2, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    speed, seen = plot
    for name, each in agents.items():
        low, high = (Moving(np.round(end, 3)) for end in (each.min(axis=0), each.max(axis=0)))
        speed.band(x.round(4), low, high, clear(COLOUR[name], 0.2), key=name, showlegend=False)
    for name, curves in ({name: each.mean(axis=0) for name, each in agents.items()} | dict(rules)).items():
        hover = f"{name} at %{{x:.2f}}: %{{y:.2f}} times TWAP's fraction"
        dash, y = "solid" if name in agents else "dash", Moving(np.round(curves, 3))
        speed.line(x.round(4), y, COLOUR[name], dash=dash, key=name, hover=hover)
    for name, (edges, shares) in visits.items():
        marker = {"color": COLOUR.get(name, NEUTRAL), "opacity": 0.5, "line": {"width": 0}}
        entry = {"name": "seen in the log" if name == "log" else f"seen by the {name}"}
        entry["hover"] = "%{x:.2f}: %{y:.1f}% of the episodes"
        middles, y = ((edges[1:] + edges[:-1]) / 2).round(4), Moving(np.round(100 * shares, 2))
        seen.add("bar", x=middles, y=y, width=float(edges[1] - edges[0]), marker=marker, **entry)
    plot.slider("period k", periods, active)
    fastest = max(float(each.max()) for each in (*agents.values(), *rules.values()))
    speed.y("times TWAP's fraction", [0, 1.05 * fastest])
    tallest = 100 * max(float(share.max()) for _, share in visits.values())
    seen.y("episodes (%)", [0, 1.05 * tallest])
    plot.x(span=[float(x.min()), float(x.max())])
    seen.x(axis)
    phone = {"height": 660, "margin": {"t": 130}, "legend": {"y": 1.03}, "xaxis2": {"title": {"font": {"size": 11}}}}
    return plot.done(
        f"First panel: the fraction sold in one period as a multiple of TWAP's, against {axis}, for "
        f"{', '.join((*agents, *rules))}; a band spans the agents of an algorithm. Second panel: how often each "
        "value is seen. A slider chooses the period.",
        height=580,
        barmode="overlay",
        legend={"y": 1.02},
        margin={"t": 70},
        phone=phone | SMALL_SLIDER,
    )


def market_mistakes(by_period: Mapping[str, Array], intervals: Mapping[str, Array]) -> go.Figure:
    """What a policy's departures from the optimum cost, by the period in which they are made.

    Args:
        by_period: dollars (N - 1,) by policy.
        intervals: half-widths (N - 1,) of their 95% intervals [$].
    """
    plot = Plot()
    for name, cost in by_period.items():
        error = {"array": np.round(intervals[name], 4), "thickness": 1.5, "width": 3}
        dash, hover = "dash" if name == "average pressure" else "solid", f"{name}, period %{{x}}: $%{{y:.2f}}"
        x, y = np.arange(len(cost)), np.round(cost, 4)
        plot.line(x, y, COLOUR[name], dash=dash, marks=5, error_y=error, name=name, hover=hover)
    plot.x("period k")
    plot.y("cost of mistakes ($)", rangemode="tozero")
    return plot.done(
        "Expected cost of departures from the optimum in dollars, by period, under transient impact. In all, "
        + ", ".join(f"{name} {cost.sum():.1f}" for name, cost in by_period.items())
        + ".",
        height=420,
        phone={"height": 480, "margin": {"t": 80}},
    )
