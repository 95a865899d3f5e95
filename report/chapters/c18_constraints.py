"""*Constraints*: what caps cost, who should plan with them, and what a penalty teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import minimize

import optexec as ox
from optexec.evaluation import Estimate, from_to, mean, plus_minus
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER
from optexec.interval import Interval
from optexec.observation import COLUMNS
from optexec.offline import scoring
from optexec.policies import reference_schedule
from report.agents import published
from report.agents.protocol import EPISODES, LOGS, PAIRED, PENALTIES, SCORING
from report.chapters.c16_learned import observations
from report.plot import Moving, Plot, bundle, jitter, places

__all__ = [
    "CAPS",
    "Binding",
    "Charged",
    "Envelope",
    "Fines",
    "Ignored",
    "Kink",
    "Noise",
    "Reading",
    "Room",
    "Scores",
    "at_cap",
    "binding",
    "binding_figure",
    "binding_periods",
    "capped_policies",
    "capped_scores",
    "caps_table",
    "charged",
    "check_orders",
    "envelope",
    "fines",
    "fines_figure",
    "fines_table",
    "ignored",
    "kink",
    "kink_figure",
    "noise",
    "penalty_sweep",
    "policies_figure",
    "reading",
    "room",
    "rounded_kink",
    "runs",
    "scores",
    "scores_figure",
    "scores_table",
    "simulated",
]

Array = NDArray[np.float64]
Runs = Mapping[tuple[str, str], ox.Episodes]
"""By cap and policy, the common episodes."""

CAPS = {"participation": "participation_cap", "fraction": "max_fraction"}
"""Caps, and the markets of the studies that have them."""
LABELS = {"td3bc": "TD3+BC", "bcq": "BCQ", "bc": "cloning"}
"""What tables and figures call the learners."""
CRITICS = ("td3bc", "bcq")
"""Those that learn from rewards."""
RULES = ("TWAP", "best static", "rolling", "uncapped optimum", "optimum")
SIZES = dict(zip(("zero", "cent", "dime", "dollar", "ten"), PENALTIES, strict=True))
"""The penalties [$ a share], and what the text calls them."""
NEAR = 0.03
"""So far from the cap, in parts of it, is close to it."""
WIDTH = 0.15
"""Of the kernel that rounds a kink, in parts of the cap."""


def simulated(problem: ox.Problem, policy: ox.Policy) -> ox.Episodes:
    """The common episodes of a policy."""
    return ox.simulate(problem, policy, PAIRED, SCORING.episodes)


def ceiling(problem: ox.Problem, run: ox.Episodes) -> Array:
    """The largest trades (n, N) that the caps allow along simulated paths."""
    order, held = problem.order, run.inventory[:, :-1]
    if order.max_participation is None:
        return np.asarray(order.max_fraction * held)
    room = order.max_participation * problem.market.volume * run.liquidity
    return np.minimum(order.max_fraction * held, room)


def at_cap(problem: ox.Problem, run: ox.Episodes) -> NDArray[np.bool_]:
    """Whether decisions (n, N - 1) are at the cap, to within a hundredth of it."""
    return np.asarray((run.trades > 0.99 * ceiling(problem, run))[:, :-1])


def check_orders(markets: Mapping[str, ox.Problem]) -> None:
    """The caps are those of the text."""
    participation, fraction = (markets[cap].order for cap in CAPS)
    assert participation.max_participation == 0.007
    assert participation.max_fraction == 1
    assert fraction.max_fraction == 0.3
    assert fraction.max_participation is None
    for order in (participation, fraction):
        assert order.leftover_haircut == 1.0
        assert order.violation_penalty == 0


def study(algorithm: str, cap: str) -> str:
    """The published study of a learner that is told a cap."""
    return f"{algorithm}-{CAPS[cap]}-mixture-8logs"


def runs(markets: Mapping[str, ox.Problem], free: ox.Policy) -> dict[tuple[str, str], ox.Episodes]:
    """Rules, the optimum and TD3+BC's mean action under each cap.

    Args:
        markets: by cap.
        free: the optimum of the market without caps.
    """
    return {
        (cap, name): simulated(problem, policy)
        for cap, problem in markets.items()
        for name, policy in {
            "optimum": ox.optimum(problem),
            "static": reference_schedule(problem),
            "planned": ox.best_static(problem),
            "uncapped": free,
            "rolling": ox.rolling(problem),
            "TWAP": ox.twap(problem),
            "TD3+BC": published.agents(study("td3bc", cap)),
        }.items()
    }


def short(played: Runs, cap: str, name: str) -> Estimate:
    """J of a policy less that of the constrained optimum, paired [$]."""
    return mean(played[cap, name].objective - played[cap, "optimum"].objective)


@dataclass(frozen=True)
class Binding:
    """What caps cost and what they leave; by cap."""

    free: float
    """J of the optimum without caps [$]"""
    loose: float
    """the prize without caps [$]"""
    optimum: dict[str, float]
    """J of the constrained optimum [$]"""
    cost: dict[str, float]
    """what the cap adds to the least cost [$]"""
    percent: dict[str, float]
    """that in percent of J"""
    prize: dict[str, Interval]
    """J of the best schedule as it is executed less that of the optimum [$]"""
    bound: dict[str, float]
    """share of the optimum's decisions that are at the cap [%]"""
    bound_decisions: float
    """how many of an episode that is under the participation cap"""
    kept: Interval
    """what the schedule that keeps the participation cap costs more than the optimum [$]"""
    left: float
    """by the optimum under the fraction cap [shares]"""
    left_static: float
    """by the best schedule"""
    sold: dict[str, float]
    """share of the order that the optimum sells [%]"""
    sold_twap: float
    """that TWAP sells under the fraction cap [%]"""
    first_wish: float
    """what the optimum without caps sells first, at L = 1 [shares]"""
    shares: dict[str, dict[str, Array]]
    """by cap and policy, share of decisions at the cap in every period"""


def binding(markets: Mapping[str, ox.Problem], normal: ox.Problem, played: Runs) -> Binding:
    """What the caps cost, what they leave and when they bind."""
    free, best = ox.optimum(normal), {cap: ox.optimum(problem) for cap, problem in markets.items()}
    loose = ox.exact_objective(normal, ox.best_static(normal)) - free.value
    cost = {cap: one.value - free.value for cap, one in best.items()}
    prize = {cap: short(played, cap, "static") for cap in CAPS}
    kept = short(played, "participation", "planned")
    bound = {cap: at_cap(problem, played[cap, "optimum"]) for cap, problem in markets.items()}
    sold = {key: float(100 * run.completion.mean()) for key, run in played.items()}
    assert cost["participation"] > 8 * cost["fraction"] > 40
    assert prize["participation"].value + prize["participation"].ci < 0.4 * loose
    assert abs(prize["fraction"].value - loose) < 0.1 * loose
    assert kept.value - kept.ci > loose
    assert played["fraction", "static"].violations.max() == 0
    assert max(one.grid_error for one in best.values()) < 0.15
    assert sold["participation", "optimum"] > 99.9
    assert sold["fraction", "TWAP"] < 96
    assert 98 < sold["fraction", "optimum"] < 99.5
    shares = {
        cap: {
            name: at_cap(problem, played[cap, name]).mean(axis=0) for name in ("TWAP", "rolling", "TD3+BC", "optimum")
        }
        for cap, problem in markets.items()
    }
    return Binding(
        free=free.value,
        loose=loose,
        optimum={cap: one.value for cap, one in best.items()},
        cost=cost,
        percent={cap: 100 * extra / free.value for cap, extra in cost.items()},
        prize={cap: one.interval for cap, one in prize.items()},
        bound={cap: float(100 * one.mean()) for cap, one in bound.items()},
        bound_decisions=float(bound["participation"].sum(axis=1).mean()),
        kept=kept.interval,
        left=played["fraction", "optimum"].leftover.mean(),
        left_static=played["fraction", "static"].leftover.mean(),
        sold={cap: sold[cap, "optimum"] for cap in CAPS},
        sold_twap=sold["fraction", "TWAP"],
        first_wish=normal.order.shares * free.fraction(0, 1.0),
        shares=shares,
    )


def caps_table(found: Binding) -> pd.DataFrame:
    """What caps cost and what they leave."""
    rows = {"none": [f"{found.free:,.2f}", "–", "–", f"{found.loose:.2f}", "0", "100"]}
    for cap in CAPS:
        rows[cap] = [
            f"{found.optimum[cap]:,.2f}",
            f"{found.cost[cap]:.2f}",
            f"{found.percent[cap]:.2f}",
            plus_minus(found.prize[cap].value, found.prize[cap].ci, 2),
            f"{found.bound[cap]:.0f}",
            f"{found.sold[cap]:.2f}",
        ]
    columns = ["optimum ($)", "cap costs ($)", "in % of J", "prize ($)", "at the cap (%)", "sold (%)"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("cap")


def binding_figure(found: Binding) -> go.Figure:
    """`binding_periods` of rules, the optimum and TD3+BC."""
    return binding_periods({f"{cap} cap": curves for cap, curves in found.shares.items()})


@dataclass(frozen=True)
class Ignored:
    """What it costs the uncapped optimum to be clipped; by cap."""

    episodes: int
    caught: dict[str, float]
    """share of the optimum's free decisions after which the cap binds [%]"""
    lost: dict[str, Interval]
    """J above the constrained optimum [$]"""
    wished: dict[str, float]
    """share of decisions in which it is clipped [%]"""
    left: float
    """under the fraction cap [shares]"""


def ignored(played: Runs, caught: Mapping[str, float], lost: Mapping[str, Estimate], found: Binding) -> Ignored:
    """How often a free decision is followed by a bound one, and what comes of it."""
    free = {cap: played[cap, "uncapped"] for cap in CAPS}
    wished = {cap: float(100 * run.violations.mean() / (run.trades.shape[1] - 1)) for cap, run in free.items()}
    assert caught["participation"] == 0
    assert caught["fraction"] > 0.99
    assert lost["participation"].value < 0.01 * found.prize["participation"].value
    assert lost["fraction"].value - lost["fraction"].ci > 0.03 * found.prize["fraction"].value
    assert wished["participation"] > 3 * wished["fraction"]
    assert 36 < wished["participation"] < 46
    assert 9 < wished["fraction"] < 13
    return Ignored(
        episodes=PAIRED,
        caught={cap: 100 * share for cap, share in caught.items()},
        lost={cap: one.interval for cap, one in lost.items()},
        wished=wished,
        left=free["fraction"].leftover.mean(),
    )


@dataclass(frozen=True)
class Scores:
    """Policies under a cap; by cap, and then by policy."""

    episodes: int
    """a log has"""
    gap: dict[str, dict[str, scoring.Summary]]
    """closed by learners and by the optimum of an estimated market (plan), over logs"""
    rules: dict[str, dict[str, float]]
    """gap closed by the clipped rolling rule and the clipped uncapped optimum"""
    above: dict[str, dict[str, float]]
    """J above the constrained optimum [$]"""
    plan_low: float
    """the lower of the ends of the estimated optimum's intervals"""
    forgot: dict[str, float]
    """gap closed by the plan from log 0 whose regression is told nothing of the haircut"""
    off: float
    """the furthest that an estimate of impact is off [%]"""
    in_log: float
    """share of the log's free decisions under the participation cap that sold what it allowed [%]"""
    home: dict[str, float]
    """what learners lose in the market without caps [$]"""
    td3bc_on_full: float
    """gap closed by TD3+BC under the participation cap, measured by the prize without caps"""
    optimum: float
    """J under the participation cap [$]"""
    twap_above: float
    """J of TWAP above that [$]"""
    tables: dict[str, pd.DataFrame]
    agents: dict[str, dict[str, tuple[Array, Any]]]
    """gaps closed by each agent and estimate, and their mean completion, violations and clipped shares"""


def scores(
    markets: Mapping[str, ox.Problem], normal: ox.Problem, logs: Mapping[str, Sequence[ox.Transitions]], found: Binding
) -> Scores:
    """What rules, learners and estimated models close of the gap under each cap."""
    manifest = published.manifest()
    tables, off, agents = {}, [], {}
    for cap, problem in markets.items():
        rules: dict[str, ox.Policy] = {
            "TWAP": ox.twap(problem),
            "best static": reference_schedule(problem),
            "rolling": ox.rolling(problem),
            "uncapped optimum": ox.optimum(normal),
            "optimum": ox.optimum(problem),
        }
        fits = {f"estimated {seed}": ox.offline.fitted(log) for seed, log in zip(LOGS, logs[cap], strict=True)}
        table = tables[cap] = scoring.closed(rules | {name: ox.optimum(fit) for name, fit in fits.items()}, problem)
        off += [
            abs(getattr(fit.market, name) / getattr(normal.market, name) - 1)
            for fit in fits.values()
            for name in ("temporary", "permanent")
        ]
        plans = table[table.index.str.startswith("estimated")]
        others: Any = plans[["completion", "violations", "clipped"]].mean()
        agents[cap] = {"plan": (plans["gap_closed"].to_numpy(), others)}
        for algorithm in LABELS:
            entry = published.results(market=CAPS[cap], algorithm=algorithm).iloc[0]
            agents[cap][algorithm] = np.array(manifest[study(algorithm, cap)]["scores"]["gap_closed"]), entry
    gap = {cap: {name: summarised(*one) for name, one in own.items()} for cap, own in agents.items()}
    prize = {cap: found.prize[cap].value for cap in CAPS}
    rules_gap = {
        cap: {"rolling": table["gap_closed"]["rolling"], "uncapped": table["gap_closed"]["uncapped optimum"]}
        for cap, table in tables.items()
    }
    above = {
        cap: {name: (1 - one.value) * prize[cap] for name, one in gap[cap].items()}
        | {name: (1 - one) * prize[cap] for name, one in rules_gap[cap].items()}
        for cap in CAPS
    }
    home = {
        algorithm: (
            1 - scoring.summary([np.array(manifest[f"{algorithm}-mixture-8logs"]["scores"]["gap_closed"])]).value
        )
        * found.loose
        for algorithm in CRITICS
    }
    twap = tables["participation"]["objective"]["TWAP"]
    measured = Scores(
        episodes=EPISODES,
        gap=gap,
        rules=rules_gap,
        above=above,
        plan_low=min(own["plan"].low for own in gap.values()),
        forgot={cap: forgotten(problem, logs[cap][0]) for cap, problem in markets.items()},
        off=100 * max(off),
        in_log=100 * float(np.mean([sold_what_it_could(log) for log in logs["participation"]])),
        home=home,
        td3bc_on_full=1 - above["participation"]["td3bc"] / found.loose,
        optimum=found.optimum["participation"],
        twap_above=twap - found.optimum["participation"],
        tables=tables,
        agents=agents,
    )
    check(measured)
    return measured


def summarised(gaps: Array, others: Any) -> scoring.Summary:
    """The published summary of agents, or that of estimates."""
    if "value" not in others:
        return scoring.summary([gaps])
    return scoring.Summary(*(float(others[part]) for part in ("value", "low", "high", "path_ci", "lowest")))


def forgotten(problem: ox.Problem, log: ox.Transitions) -> float:
    """Gap closed after the regression that is told nothing of the haircut that is in the rewards."""
    told = problem.replace(leftover_haircut=1e-9)  # 0 would be the one that a cap implies
    fit = ox.offline.fitted(replace(log, problem=told))
    plan = ox.optimum(fit.replace(leftover_haircut=1.0))
    return float(scoring.closed({"plan": plan}, problem)["gap_closed"].iloc[0])


def sold_what_it_could(log: ox.Transitions) -> float:
    """The share of a log's free decisions that sold what the cap on participation allowed."""
    order, market = log.problem.order, log.problem.market
    assert order.max_participation is not None
    held, level = (log.observations[:, COLUMNS.index(name)] for name in ("x/X", "L"))
    at_most = log.fractions * held * order.shares > 0.99 * order.max_participation * market.volume * level
    return float(at_most[~log.terminated].mean())


def check(found: Scores) -> None:
    """What the chapter says of scores under a cap, or it does not build."""
    manifest = published.manifest()
    for cap in CAPS:
        for algorithm in LABELS:
            one = published.agents(study(algorithm, cap))
            assert one.config.view.trade == "executed"
            assert one.config.critic == "quadratic"
            assert all(view.participation is not None for view in one.views) == (cap == "participation")
            entry = manifest[study(algorithm, cap)]  # what is known is never violated, nor by the mean action
            everyone = {
                part: np.append(entry["scores"][part], entry["mean_action"][part])
                for part in ("violations", "clipped", "completion")
            }
            assert everyone["violations"].max() < 1e-4
            assert everyone["clipped"].max() < 1e-4
            assert everyone["completion"].min() > 0.94
    p, f = (found.gap[cap] for cap in CAPS)
    rolling, clipped = ({cap: found.rules[cap][name] for cap in CAPS} for name in ("rolling", "uncapped"))
    assert max(p["td3bc"].high, p["bcq"].high) < rolling["participation"]  # clipped rules win,
    assert rolling["participation"] < clipped["participation"]
    assert min(f["td3bc"].low, f["bcq"].low) > max(rolling["fraction"], clipped["fraction"])  # learners win,
    assert min(p["plan"].low, f["plan"].low) > 0.999  # the estimated model wins under both
    assert p["bc"].high < 0
    assert f["bc"].high < 0
    assert min(p["td3bc"].low, p["bcq"].low) > 0.7
    assert f["td3bc"].lowest > rolling["fraction"]
    assert found.forgot["participation"] < 0.8
    assert found.forgot["fraction"] < 0.97
    learned = [found.above[cap][algorithm] for cap in CAPS for algorithm in CRITICS]
    assert max(learned) < 1.0
    assert min(learned) > max(found.home.values())
    assert found.off < 3


def check_networks(played: Runs, found: Binding) -> None:
    """The shipped networks, simulated again, have the published score."""
    for cap in CAPS:
        again = 1 - (short(played, cap, "TD3+BC") / short(played, cap, "static")).value
        assert abs(again - published.manifest()[study("td3bc", cap)]["mean_action"]["gap_closed"]) < 1e-3


NAMES = {"plan": "estimated optimum", **LABELS}
"""What tables and figures call those that were made from logs, in their order."""


def scores_table(found: Scores, caps: Binding) -> pd.DataFrame:
    """Policies under two caps."""
    rows = {}
    for cap in CAPS:
        for rule in RULES:
            row: Any = found.tables[cap].loc[rule]
            gap = plus_minus(row["gap_closed"], row["gap_closed_ci"], 1 if row["gap_closed"] < -1 else 3)
            closed = {"best static": "0", "optimum": "1"}.get(rule, gap)
            above = row["objective"] - caps.optimum[cap]
            rows[f"{cap}: {rule}"] = [closed, *cells(above, row, 1)]
        for name, s in found.gap[cap].items():
            digits = 1 if s.value < -1 else 4 if s.value > 0.999 else 3
            closed = from_to(s.value, s.low, s.high, digits)
            rows[f"{cap}: {NAMES[name]}"] = [closed, *cells(found.above[cap][name], found.agents[cap][name][1], 1)]
    return laid_out(rows, "cap: policy")


def cells(above: float, row: Any, digits: int, clipped: str = ".0f") -> list[str]:
    """Dollars above, part sold, violations and clipped shares."""
    return [
        f"{above:.2f}",
        f"{100 * row['completion']:.2f}",
        f"{row['violations']:.{digits}f}",
        f"{row['clipped']:{clipped}}",
    ]


def laid_out(rows: Mapping[str, Sequence[str]], name: str) -> pd.DataFrame:
    """A table of policies."""
    columns = ["gap closed", "above ($)", "sold (%)", "violations", "clipped"]
    return pd.DataFrame(rows, index=columns).T.rename_axis(name).replace("-", "−", regex=True)


def scores_figure(found: Scores, caps: Binding) -> go.Figure:
    """`capped_scores` of all but the optimum."""
    dots, bars = [], []
    for cap in CAPS:
        worth = caps.prize[cap].value
        for rule in RULES[:-1]:
            above = found.tables[cap]["objective"][rule] - caps.optimum[cap]
            dots.append({"cap": f"{cap} cap", "policy": rule, "excess": above})
        for name, s in found.gap[cap].items():
            what = {"cap": f"{cap} cap", "policy": NAMES[name]}
            dots += [{**what, "excess": (1 - score) * worth} for score in found.agents[cap][name][0]]
            value, low, high = ((1 - gap) * worth for gap in (s.value, s.high, s.low))
            bars.append({**what, "value": value, "low": low, "high": high})
    places = [*RULES[:-1], *NAMES.values()]
    order = pd.DataFrame(dots).sort_values("policy", key=lambda names: names.map(places.index), kind="stable")
    return capped_scores(order, pd.DataFrame(bars), {f"{cap} cap": caps.prize[cap].value for cap in CAPS})


@dataclass(frozen=True)
class Reading:
    """What learners sell beside the optimum; by cap and algorithm where there are several."""

    near: float
    """so far from the cap is close to it [%]"""
    tight: dict[str, dict[str, float]]
    """how often the mean action is close to the cap where the optimum is at it [%]"""
    off: dict[str, dict[str, float]]
    """mean distance from the optimum's fraction elsewhere [%]"""
    leave: dict[str, float]
    """share of the episodes at the participation cap in period 6, by policy [%]"""
    arrive: dict[str, float]
    """share of the episodes at the fraction cap in period 15, by policy [%]"""
    levels: Array
    panels: dict[str, list[dict[str, Array]]]


def reading(markets: Mapping[str, ox.Problem], played: Runs, caps: Binding) -> Reading:
    """Capped policies by period and liquidity, at the optimum's mean inventory."""
    levels = np.linspace(0.4, 1.6, 33)
    middle = (levels > 0.6) & (levels < 1.4)
    panels = {}
    tight: dict[str, dict[str, float]] = {}
    off: dict[str, dict[str, float]] = {}
    for cap, problem in markets.items():
        free, n = problem.order.periods - 1, problem.order.periods
        held = played[cap, "optimum"].inventory.mean(axis=0)[:free, None] / problem.order.shares
        rows = observations(problem, levels, free, held).astype(np.float32).reshape(-1, len(COLUMNS))
        told = {algorithm: published.agents(study(algorithm, cap)) for algorithm in CRITICS}
        td3, bcq = (agents.fractions(rows) for agents in told.values())

        def multiples(fractions: Array, periods: int = n) -> Array:
            """Fractions (..., 19 x 33) as multiples of TWAP's, by period."""
            by_period = fractions.reshape(*fractions.shape[:-1], periods - 1, -1)
            return np.asarray(by_period * (periods - np.arange(periods - 1))[:, None])

        maps = {
            "rolling": multiples(ox.rolling(problem).act(rows)),
            "agents": multiples(td3),
            "BCQ": multiples(bcq.mean(axis=0)),
            "TD3+BC": multiples(td3.mean(axis=0)),
            "optimum": multiples(ox.optimum(problem).act(rows)),
            "cap": multiples(told["td3bc"].view.cap(rows)),
        }
        panels[f"{cap} cap"] = [
            {name: values[:, k] if name == "agents" else values[k] for name, values in maps.items()}
            for k in range(free)
        ]
        flat = {name: values[..., middle] for name, values in maps.items()}
        bound = flat["optimum"] > 0.999 * flat["cap"]
        assert (flat["TD3+BC"] <= flat["cap"] * (1 + 1e-6)).all()
        tight[cap], off[cap] = {}, {}
        for algorithm in CRITICS:
            own = flat[LABELS[algorithm]]
            tight[cap][algorithm] = float(100 * (own > (1 - NEAR) * flat["cap"])[bound].mean())
            off[cap][algorithm] = float(100 * np.abs(own / flat["optimum"] - 1)[~bound].mean())
    keys = {"TD3+BC": "td3bc", "optimum": "optimum", "rolling": "rolling"}
    leave, arrive = (
        {key: float(100 * caps.shares[cap][name][k]) for name, key in keys.items()}
        for cap, k in (("participation", 6), ("fraction", 15))
    )
    assert min(value for own in tight.values() for value in own.values()) > 75
    assert max(value for own in off.values() for value in own.values()) < 12
    assert leave["td3bc"] < leave["optimum"] - 10
    assert arrive["optimum"] - 20 > arrive["td3bc"] > arrive["rolling"] + 10
    return Reading(100 * NEAR, tight, off, leave, arrive, levels, panels)


def policies_figure(found: Reading) -> go.Figure:
    """`capped_policies`, period 7 first."""
    return capped_policies(found.levels, found.panels, active=7)


@dataclass(frozen=True)
class Fined:
    """Learners of one algorithm that are fined and not told; means over agents."""

    value: float
    """interquartile mean of the gap closed, without the fines, with its 95% interval"""
    low: float
    high: float
    above: float
    """J above the constrained optimum [$]"""
    violations: float
    """an episode"""
    clipped: float
    """shares an episode"""
    completion: float
    """part of the order that is sold [%]"""


@dataclass(frozen=True)
class Fines:
    """What a fine buys; by algorithm."""

    fined: dict[str, dict[str, Fined]]
    """and by penalty"""
    told: dict[str, scoring.Summary]
    """gap closed by learners that are told the cap and have the fined learners' critic"""
    left: dict[str, float]
    """how far ahead of the best fine these are"""
    agents: pd.DataFrame
    """a row an agent: algorithm, penalty, excess, clipped"""
    penalties: dict[str, float]
    """[$ a share]"""


def fines(found: Scores, caps: Binding) -> Fines:
    """The sweep over the penalty, under the participation cap."""
    manifest, worth = published.manifest(), caps.prize["participation"].value
    agents = []
    fined: dict[str, dict[str, Fined]] = {algorithm: {} for algorithm in CRITICS}
    for word, penalty in SIZES.items():
        for name, row in published.results(market=f"penalty_{penalty}", variant="wish").iterrows():
            entry = manifest[str(name)]
            assert entry["config"]["critic"] == "free"
            assert entry["config"]["view"]["trade"] == "wish"
            label = LABELS[row["algorithm"]]
            agents += [
                {"algorithm": label, "penalty": penalty, "excess": (1 - gap) * worth, "clipped": clipped}
                for gap, clipped in zip(entry["scores"]["gap_closed"], entry["scores"]["clipped"], strict=True)
            ]
            fined[row["algorithm"]][word] = Fined(
                value=row["value"],
                low=row["low"],
                high=row["high"],
                above=(1 - row["value"]) * worth,
                violations=row["violations"],
                clipped=row["clipped"],
                completion=100 * row["completion"],
            )
    told = {
        algorithm: published.results(market="participation_cap", variant="free", algorithm=algorithm).iloc[0]
        for algorithm in CRITICS
    }
    for algorithm in CRITICS:
        own, known = fined[algorithm], found.gap["participation"][algorithm]
        assert max(own, key=lambda word: own[word].value) == "dime"  # neither the smallest nor the largest
        assert own["dime"].high < known.low  # and still behind the learner that was told
        assert own["dollar"].value < 0
        assert own["ten"].value < -10
        assert all(own[one].clipped >= own[other].clipped for one, other in pairwise(SIZES))
        assert told[algorithm]["violations"] < 1e-3
        assert told[algorithm]["value"] > own["dime"].value
        assert own["zero"].violations > caps.bound_decisions + 0.5
        assert own["ten"].completion < 97
        assert own["ten"].violations < 0.5
        assert own["ten"].above > 1.2 * found.twap_above
    without = found.gap["participation"]
    assert told["td3bc"]["value"] < without["td3bc"].value
    assert told["bcq"]["value"] > without["bcq"].low
    assert told["bcq"]["low"] > fined["bcq"]["dime"].high
    assert told["td3bc"]["low"] < fined["td3bc"]["dime"].high  # not decided
    return Fines(
        fined=fined,
        told={algorithm: summarised(np.empty(0), row) for algorithm, row in told.items()},
        left={algorithm: row["value"] - fined[algorithm]["dime"].value for algorithm, row in told.items()},
        agents=pd.DataFrame(agents),
        penalties=SIZES,
    )


def fines_figure(found: Fines, told: Scores, caps: Binding) -> go.Figure:
    """`penalty_sweep` of both algorithms."""
    middles = [
        {"algorithm": LABELS[algorithm], "penalty": SIZES[word], "excess": one.above, "clipped": one.clipped}
        for algorithm, own in found.fined.items()
        for word, one in own.items()
    ]
    marks = {f"{LABELS[a]}, told the cap": told.above["participation"][a] for a in CRITICS}
    return penalty_sweep(found.agents, pd.DataFrame(middles), marks, caps.prize["participation"].value)


def fines_table(found: Fines) -> pd.DataFrame:
    """Learners that are fined and not told."""
    rows = {}
    for algorithm, own in found.fined.items():
        for word, one in own.items():
            shares = {"completion": one.completion / 100, "violations": one.violations, "clipped": one.clipped}
            gap = from_to(one.value, one.low, one.high, 2)
            rows[f"{LABELS[algorithm]}: {SIZES[word]:g}"] = [gap, *cells(one.above, shares, 2, ",.1f")]
    return laid_out(rows, "learner: penalty ($)")


@dataclass(frozen=True)
class Room:
    """What a share of room is worth under the participation cap."""

    multiplier: dict[int, float]
    """by period [$/share]"""
    above: int
    """in how many periods it is above a dollar"""


def room(multiplier: Mapping[int, float]) -> Room:
    """Multipliers of the cap by period."""
    assert multiplier[0] > 1.9
    assert all(multiplier[k] > multiplier[k + 1] for k in range(8))
    assert multiplier[6] < 0.5
    assert min(multiplier.values()) > 0.1
    above = sum(value > 1 for value in multiplier.values())
    assert above == 4
    return Room(dict(multiplier), above)


class First:
    """Sells a number of shares in the first period, and then what the constrained optimum sells."""

    def __init__(self, problem: ox.Problem, shares: float) -> None:
        self.problem, self.shares = problem, shares

    def act(self, observation: Any) -> Array:
        """Fractions (n,) from observations (n, 6)."""
        start = observation[:, COLUMNS.index("(N-k)/N")] == 1
        return np.where(start, self.shares / self.problem.order.shares, ox.optimum(self.problem).act(observation))


@dataclass(frozen=True)
class Kink:
    """The cost of a first wish under fines, and its rounded version, above the least [$]."""

    wishes: Array
    cap: float
    curves: dict[str, tuple[Array, Array]]
    """by fine"""


def kink(problem: ox.Problem) -> Kink:
    """A kinked cost and what a smooth critic makes of it, under the participation cap."""
    market, order = problem.market, problem.order
    assert order.max_participation is not None
    cap = order.max_participation * market.volume * simulated(problem, ox.optimum(problem)).liquidity[0, 0]
    tried = cap * np.array([0.4, 0.7, 1.0])
    parabola = np.polyfit(tried, [simulated(problem, First(problem, shares)).objective.mean() for shares in tried], 2)
    wishes, width = np.linspace(0.6 * cap, 1.5 * cap, 181), WIDTH * cap
    step = wishes[1] - wishes[0]
    wide = np.arange(wishes[0] - 4 * width, wishes[-1] + 4 * width + step, step)
    kernel = np.exp(-0.5 * ((np.arange(-4 * width, 4 * width + step / 2, step)) / width) ** 2)
    kernel /= kernel.sum()
    inside = slice(round((wishes[0] - wide[0]) / step), None)

    def kinked(fine: float) -> tuple[Array, Array]:
        cost = np.polyval(parabola, np.minimum(wide, cap)) + fine * np.maximum(wide - cap, 0)
        smooth = np.convolve(cost, kernel, "same")
        sharp, rounded = ((values - cost.min())[inside][: len(wishes)] for values in (cost, smooth))
        return sharp, rounded

    curves = {f"{fine:g}": kinked(fine) for fine in PENALTIES}
    least = {fine: wishes[np.argmin(rounded)] for fine, (_, rounded) in zip(PENALTIES, curves.values(), strict=True)}
    assert least[0.01] > cap
    assert least[0.1] > cap > least[10.0]
    return Kink(wishes, cap, curves)


def kink_figure(found: Kink) -> go.Figure:
    """`rounded_kink`, a fine of a dollar first."""
    return rounded_kink(found.wishes, found.curves, found.cap, PENALTIES.index(1.0), top=120.0)


@dataclass(frozen=True)
class Noise:
    """What fines add to a log's rewards [$ an episode]."""

    clipped: float
    """shares an episode"""
    cost: float
    """mean, without fines"""
    spread: dict[str, float]
    """by penalty: the standard deviation of an episode's reward"""


def noise(log: ox.Transitions) -> Noise:
    """Costs of a capped desk, fined for its wishes."""
    held = log.problem.order.shares * log.observations[:, COLUMNS.index("x/X")].astype(float)
    wishes = np.where(log.terminated, 0.0, held * np.maximum(log.wishes - log.fractions, 0.0))
    beyond = wishes.reshape(log.episodes, -1).sum(axis=1)
    paid = -log.realised.reshape(log.episodes, -1).sum(axis=1)
    spread = {word: float((paid + fine * beyond).std()) for word, fine in SIZES.items()}
    assert spread["dime"] < 1.1 * spread["zero"]
    assert spread["dollar"] > 1.5 * spread["zero"]
    assert spread["ten"] > 10 * spread["zero"]
    return Noise(beyond.mean(), paid.mean(), spread)


@dataclass(frozen=True)
class Envelope:
    """By how much the least cost falls if the participation cap is raised by a hundredth of itself [$]."""

    multipliers: float
    difference: float
    """of the optima on either side"""


def envelope(problem: ox.Problem, dearer: Mapping[int, Array], bound: NDArray[np.bool_]) -> Envelope:
    """The envelope theorem, beside the difference of two optima.

    Args:
        problem: under the participation cap.
        dearer: by period, what it costs each episode to sell 2% less than the optimum there [$].
        bound: (n, N - 1), whether the optimum is at the cap.
    """
    total = sum(float(loss[bound[:, k]].sum()) / PAIRED for k, loss in dearer.items())
    low, high = (ox.optimum(problem.replace(max_participation=cap)).value for cap in (0.0069, 0.0071))
    found = Envelope(0.01 * total / 0.02, (low - high) / np.log(71 / 69) * 0.01)
    assert 0 < found.multipliers / found.difference - 1 < 0.06
    return found


@dataclass(frozen=True)
class Charged:
    """The best schedule where shares beyond the cap are charged and not clipped."""

    multiplier: float
    """the largest of the capped schedule [$/share]"""
    margin: float
    """by how much a charge is above and below it [%]"""
    below: float
    """first trade where the charge is below it [shares]"""
    periods: int
    """in how many periods the cap is exceeded at a charge of a dollar"""


def charged(problem: ox.Problem, found: Room, most: float = 70.0) -> Charged:
    """The charge that keeps a schedule to 70 shares a period, at constant liquidity.

    Args:
        problem: the market without caps.
        found: multipliers of the cap with stochastic liquidity.
        most: shares a period beyond which they are charged.
    """
    market, risk, shares, n = problem.market, problem.risk_weight, problem.order.shares, problem.order.periods

    def cost(v: Array) -> float:
        left = shares - np.cumsum(v)
        return float((market.temporary * v**2 + market.permanent * v * left + risk * left**2).sum())

    def slope(v: Array) -> Array:
        left = shares - np.cumsum(v)
        later = np.flip(np.cumsum(np.flip(market.permanent * v + 2 * risk * left)))
        return np.asarray(2 * market.temporary * v + market.permanent * left - later)

    def schedule(charge: float) -> Array:
        """The best schedule when shares beyond the most cost this each."""
        answer: Any = minimize(  # type: ignore[call-overload]
            lambda z: cost(z[:n] + z[n:]) + charge * z[n:].sum(),
            np.concatenate([np.full(n, shares / n), np.zeros(n)]),
            jac=lambda z: np.concatenate([slope(z[:n] + z[n:]), slope(z[:n] + z[n:]) + charge]),
            bounds=[(0, most)] * n + [(0, shares)] * n,
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 1000},
            constraints={"type": "eq", "fun": lambda z: z.sum() - shares, "jac": np.ones_like},
        )
        assert answer.success
        return np.asarray(answer.x[:n] + answer.x[n:])

    capped = schedule(3.0)
    slopes, inside = slope(capped), capped < most - 1e-3
    multiplier = slopes[inside].mean() - slopes
    first, margin = float(multiplier[0]), 0.05
    below, above, dollar = (schedule(charge) for charge in ((1 - margin) * first, (1 + margin) * first, 1.0))
    periods = int(np.sum(dollar > most + 0.1))
    assert np.ptp(slopes[inside]) < 1e-4
    assert first == multiplier.max()
    assert abs(first - found.multiplier[0]) < 0.1
    assert below[0] > most + 1
    assert above.max() < most + 1e-3
    assert periods == (multiplier > 1).sum() - 1
    return Charged(first, 100 * margin, float(below[0]), periods)


COLOUR = COLOURS | {
    "cloning": COLOURS["behaviour cloning"],
    "uncapped optimum": LIQUIDITY,
    "estimated optimum": CONTRAST,
    "cap": NEUTRAL,
}
"""Those of the learners and rules of this chapter."""

DASH = {"TWAP": "dot", "rolling": "dash", "TD3+BC": "solid", "optimum": "solid"}

CENT = 0.003
"""Dollars that a logarithmic axis shows as its least."""


def binding_periods(shares: Mapping[str, Mapping[str, Array]]) -> go.Figure:
    """In which periods a cap binds, a panel a cap.

    Args:
        shares: by cap and policy, the share of decisions (K,) at the cap or beyond it.
    """
    plot = Plot(shares, gap=0.05, shared_y=True)
    for panel, curves in zip(plot, shares.values(), strict=True):
        for name, values in curves.items():
            x, y, hover = np.arange(len(values)), np.round(100 * values, 2), f"{name}, period %{{x}}: %{{y:.0f}}%"
            panel.line(x, y, COLOUR[name], dash=DASH[name], marks=5, key=name, hover=hover)
    plot.x("period k", [-0.6, 18.6])
    plot.y(span=[-3, 104])
    plot[0].y("decisions at the cap (%)")
    title = {"title": {"text": "decisions at the cap (%)"}}
    return plot.done(
        "Share of decisions at the cap by period. The cap on participation binds at the start and hardly after "
        "half of the programme, but for TWAP, which meets it now and then throughout; the cap on the fraction hardly "
        "binds before the last five periods.",
        height=430,
        legend={"y": 1.12},
        margin={"t": 90},
        phone=plot.stacked(780, 0.16, legend={"y": 1.07}, yaxis2=title),
    )


def capped_scores(dots: pd.DataFrame, bars: pd.DataFrame, prizes: Mapping[str, float]) -> go.Figure:
    """J above the constrained optimum, a panel a cap and a row a policy, on a logarithmic axis.

    Args:
        dots: a row a policy or agent: cap, policy, excess [$].
        bars: a row for every cap and learner: cap, policy, value, low and high of the excess [$].
        prizes: by cap, that of the best static schedule [$].
    """
    plot, place = Plot(prizes, gap=0.04, shared_y=True), places(dots["policy"])
    for panel, (cap, prize) in zip(plot, prizes.items(), strict=True):
        own = bars[bars["cap"] == cap].set_index("policy")[["low", "value", "high"]].clip(lower=CENT)
        for name, (low, _, high) in zip(own.index, own.to_numpy(), strict=True):
            panel.line([low, high], [place[name]] * 2, COLOUR[name], 9, opacity=0.35, hover=False)
        here = dots[dots["cap"] == cap]
        for name in place:
            excess = here.loc[here["policy"] == name, "excess"].to_numpy(dtype=np.float64)
            many = len(excess) > 1
            x, y = np.maximum(excess, CENT).round(5), place[name] + many * jitter(len(excess), 0.1)
            size, symbol = (6, "circle") if many else (11, "diamond")
            said = np.stack([excess, 1 - excess / prize], axis=1).round(4)
            hover = f"{name}: $%{{customdata[0]:,.3f}}, gap closed %{{customdata[1]:.3f}}"
            panel.dots(x, y, COLOUR[name], size, symbol, customdata=said, hover=hover)
        for name, value in own["value"].round(5).items():
            panel.strokes([value], [place[str(name)]], COLOUR[str(name)], 17, hover=False)
        panel.vline(prize, COLOURS["best static"])
    ticks = {tick: f"{tick:g}" for tick in (0.01, 0.1, 1, 10, 100)}
    plot.x("above the optimum ($)", [0.7 * CENT, 1.8 * dots["excess"].max()], log=True, ticks=ticks)
    plot.rows(place)
    small = {"tickfont": {"size": 11}}
    return plot.done(
        "J above the constrained optimum in dollars, logarithmic, a row a policy and a panel a cap. "
        + "; ".join(f"{row.cap}, {row.policy}: {row.value:.2g} dollars" for row in bars.itertuples()),
        height=470,
        showlegend=False,
        margin={"t": 60},
        phone=plot.stacked(860, 0.13, margin={"l": 126, "r": 14, "t": 50}, yaxis=small, yaxis2=small),
    )


def capped_policies(levels: Array, panels: Mapping[str, Sequence[Mapping[str, Array]]], active: int = 0) -> go.Figure:
    """Fraction sold, as a multiple of TWAP's, against liquidity, with the cap as a line; a slider sets the period.

    Args:
        levels: (G,) liquidity levels.
        panels: by cap, for every period the curves (G,) by policy, with "cap" among them, and "agents", (S, G), where
            single agents are shown.
        active: the period that is shown first.
    """
    plot = Plot(panels, gap=0.04, shared_y=True)
    look = {"cap": (2.5, "dot"), "rolling": (2.5, "dash"), "optimum": (4, "solid"), "agents": (0.8, "solid")}
    names = {"agents": "TD3+BC, an agent", "rolling": "rolling, before the clip"}
    for panel, periods in zip(plot, panels.values(), strict=True):
        for name, first in periods[active].items():
            x = bundle([levels.round(3)] * len(np.atleast_2d(first)))
            y = Moving(bundle(np.atleast_2d(curves[name]).round(3)) for curves in periods)
            colour, (width, dash) = COLOUR["TD3+BC" if name == "agents" else name], look.get(name, (2.5, "solid"))
            hover = f"{name}, L = %{{x:.2f}}: %{{y:.2f}} times TWAP's"
            panel.line(x, y, colour, width, dash, name=names.get(name), key=name, hover=hover)
    plot.slider("period k", range(len(next(iter(panels.values())))), active)
    plot.x("liquidity L", [float(levels.min()), float(levels.max())])
    plot.y(span=[0, 3.2])
    plot[0].y("fraction sold (multiples of TWAP's)")
    title = {"title": {"text": "fraction (multiples of TWAP's)"}}
    phone = plot.stacked(900, 0.14, legend={"y": 1.06}, margin={"t": 150}, yaxis=title, yaxis2=title)
    return plot.done(
        "Fraction of the remaining inventory that is sold, as a multiple of TWAP's, against liquidity. Where the "
        "optimum runs into the cap, a dotted line, the learned policies follow it along the cap; elsewhere they follow "
        "its slope.",
        height=530,
        legend={"y": 1.12},
        margin={"t": 100},
        phone=phone | SMALL_SLIDER,
    )


def penalty_sweep(agents: pd.DataFrame, middles: pd.DataFrame, marks: Mapping[str, float], best: float) -> go.Figure:
    """J above the constrained optimum, and shares of infeasible wishes, against the penalty.

    Args:
        agents: a row an agent: algorithm, penalty, excess [$], clipped [shares an episode].
        middles: a row a study: algorithm, penalty, excess (of the interquartile mean), clipped (mean).
        marks: excess of others for reference, by name [$].
        best: excess of the best static schedule [$].
    """
    plot = Plot(["J above the optimum", "Shares clipped an episode"], gap=0.12)
    penalties = {penalty: f"{penalty:g}" for penalty in sorted(middles["penalty"].unique())}
    columns = {"excess": "$%{y:,.2f}", "clipped": "%{y:,.1f} shares"}
    for i, algorithm in enumerate(dict.fromkeys(middles["algorithm"])):
        colour, shift = COLOUR[algorithm], 0.12 * (2 * i - 1)
        for panel, (column, form) in zip(plot, columns.items(), strict=True):
            for part in (agents, middles):
                rows, whole = part[part["algorithm"] == algorithm], part is middles
                x = [list(penalties).index(penalty) + shift for penalty in rows["penalty"]]
                y = np.maximum(rows[column], CENT).round(4)
                entry: dict[str, Any] = {"key": f"{algorithm} {whole}"}
                entry["customdata"] = [[penalties[penalty]] for penalty in rows["penalty"]]
                entry["hover"] = f"{algorithm}, penalty $%{{customdata[0]}}: {form}"
                if whole:
                    panel.line(x, y, colour, marks=10, symbol="diamond", name=f"{algorithm}, all agents", **entry)
                else:
                    panel.dots(x, y, colour, 5, opacity=0.6, name=f"{algorithm}, an agent", **entry)
    cost, clipped = plot
    for name, excess in {**marks, "best static": best}.items():
        cost.hline(excess, COLOUR[name.split(",")[0]])
        side = {"xanchor": "right", "yanchor": "top" if excess == min(marks.values()) else "bottom"}
        cost.note(name, len(penalties) - 0.55, np.log10(excess), font={"size": 11}, **side)
    plot.x(
        "penalty ($ a clipped share)",
        [-0.5, len(penalties) - 0.5],
        ticks=dict(enumerate(penalties.values())),
        zeroline=False,
    )
    high = 1.6 * max(float(agents["excess"].max()), best)
    low = 0.5 * min(float(agents["excess"].min()), *marks.values())
    plot.y(log=True, ticks={tick: f"{tick:,g}" for tick in (0.001, 0.01, 0.1, 1, 10, 100, 1000)})
    cost.y("dollars", [low, high], log=True)
    clipped.y("shares")
    return plot.done(
        "First panel: J above the constrained optimum, logarithmic, against the penalty for a clipped share. "
        "Second: shares of infeasible wishes an episode, which fall as the penalty grows. Dotted lines: the best "
        "static schedule, and learners that know the cap.",
        height=480,
        legend={"y": 1.12},
        margin={"t": 110},
        phone=plot.stacked(880, 0.16, legend={"y": 1.06}, margin={"t": 150}),
    )


def rounded_kink(
    wishes: Array, costs: Mapping[str, tuple[Array, Array]], cap: float, active: int, top: float
) -> go.Figure:
    """The cost of a wish under a penalty, as it is and as a critic that rounds its kink sees it; a slider chooses.

    Args:
        wishes: (G,) wishes [shares].
        costs: by penalty, the cost and its rounded version (G,) above the least cost [$].
        cap: on the wish [shares].
        active: index of the penalty that is shown first.
        top: end of the vertical axis [$].
    """
    plot, hover = Plot(), "%{x:.0f} shares: $%{y:.2f}"
    true, rounded = (Moving(np.round(costs[name][i], 3) for name in costs) for i in (0, 1))
    plot.line(wishes, true, LIQUIDITY, 3, name="cost", hover=hover)
    plot.line(wishes, rounded, CONTRAST, dash="dash", name="rounded", hover=hover)
    least = [int(np.argmin(curve)) for _, curve in costs.values()]
    x, y = Moving([wishes[i]] for i in least), Moving([curve[i]] for curve, i in zip(rounded, least, strict=True))
    plot.dots(x, y, CONTRAST, 13, "diamond", name="least of the rounded cost", hover=hover)
    plot.slider("penalty in $ a share", costs, active)
    plot.vline(cap, "gray")
    plot.note("cap", cap, 0.97 * top, xanchor="left")
    plot.x("wish in the first period (shares)", [float(wishes.min()), float(wishes.max())])
    plot.y("above the least cost ($)", [-0.04 * top, top])
    return plot.done(
        "Cost of the first wish. Up to the cap it falls; beyond it is flat without a penalty and rises with one. "
        "A rounded version has its least beyond the cap for a small penalty and below it for a large one.",
        height=470,
        phone={"height": 520} | SMALL_SLIDER,
    )
