"""*Stress tests*: the cost of not knowing beside the cost of the event, tails, and what failing would mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq

import optexec as ox
from optexec import figures, stress
from optexec.evaluation import Estimate, mean, standard_deviation, tail_mean
from optexec.figures.costs import dearer, stressed_line, told_key
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, SMALL_SLIDER, add_slider, finish
from optexec.interval import Interval, plus_minus
from optexec.observation import Columns, stacked
from optexec.policies import expected_inverse_liquidity
from optexec.stress import BLIND, PLANNERS, TOLD
from report.plot import Panel, Plot

__all__ = [
    "EPISODES",
    "SEED",
    "Failure",
    "Haircut",
    "Insurance",
    "Last",
    "News",
    "Outcomes",
    "Risk",
    "Room",
    "Split",
    "Telling",
    "Waiting",
    "believing",
    "completion_table",
    "everything_table",
    "failure",
    "failure_by_severity",
    "first_trades",
    "haircut",
    "insurance",
    "knowing_table",
    "last",
    "news",
    "objective_table",
    "opening",
    "outcomes",
    "risk",
    "room",
    "severities",
    "severity_tails",
    "shocked",
    "split",
    "split_figure",
    "tails_figure",
    "telling",
    "waiting",
    "waiting_for_recovery",
]

Array = NDArray[np.float64]

EPISODES, SEED = 10_000, 42
NORMAL = ox.presets.stochastic()
SPIKE, SHIFT, COLLAPSE, BOTH = "volatility_spike", "impact_shift", "liquidity_collapse", "combined"
SHOCKS, DEEP, CAP = "liquidity_shocks", "extreme_shocks_95", "participation_cap"
ADAPTED = tuple(name for name in PLANNERS if name not in BLIND)
"""Policies that have a told version."""
DRAWN = (*PLANNERS, *(name + TOLD for name in ("AC", "rolling", "optimum")))
"""Policies whose tails are shown."""
SCHEDULES = {
    "TWAP": ox.twap(NORMAL),
    "VWAP": ox.vwap(NORMAL),
    "AC": ox.almgren_chriss(NORMAL),
    "best static": ox.best_static(NORMAL),
}
SEVERITIES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98)


def title(scenario: str) -> str:
    """A scenario's key as it is read in a table."""
    shocks = scenario.startswith("extreme_shocks_")
    return scenario[len("extreme_") :].replace("_", " of ") + "%" if shocks else scenario.replace("_", " ")


def shown(estimate: Estimate, digits: int = 0) -> str:
    """An estimate with its 95% half-width; no decimals from 100 up."""
    return plus_minus(estimate.value, estimate.ci, 0 if abs(estimate.value) >= 100 else digits)


@lru_cache
def market(name: str) -> ox.Problem:
    """The normal market, or a scenario."""
    return NORMAL if name == "normal" else stress.scenario(name)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Every policy in the normal market and in every scenario, told and not told, on the same shocks."""

    table: pd.DataFrame
    """of `optexec.stress.run`, by scenario and policy"""
    IS: Mapping[str, Mapping[str, Array]]
    """by market and policy (n,) [$]"""
    J: Mapping[str, Mapping[str, Array]]
    """what the objective is the mean of (n,) [$]"""

    @property
    def scenarios(self) -> list[str]:
        """The scenarios, in their order."""
        return [name for name in self.J if name != "normal"]

    def objective(self, name: str, policy: str) -> Estimate:
        """J of a policy in a market [$]."""
        return mean(self.J[name][policy])

    def dearer(self, name: str, policy: str, than: str) -> Estimate:
        """J of one policy less that of another [$]."""
        return mean(self.J[name][policy] - self.J[name][than])

    def event(self, scenario: str, policy: str) -> Estimate:
        """The cost of the event [$]."""
        return mean(self.J[scenario].get(policy + TOLD, self.J[scenario][policy]) - self.J["normal"][policy])

    def knowing(self, scenario: str, policy: str) -> Estimate:
        """The cost of not knowing of it [$]."""
        return self.dearer(scenario, policy, policy + TOLD)

    def ignorance(self, scenario: str, policy: str) -> float:
        """The part of the damage that is due to not knowing [%]."""
        unknown = self.knowing(scenario, policy).value
        return 100 * unknown / (unknown + self.event(scenario, policy).value)

    def gap(self, scenario: str, policy: str) -> Interval:
        """The gap closed [%]."""
        closed, half = (self.table[key][scenario, policy] for key in ("gap_closed", "gap_closed_ci"))
        return Interval.around(100 * closed, 100 * half)


def outcomes(table: pd.DataFrame) -> Outcomes:
    """The episodes behind a table of `optexec.stress.run`."""
    IS: dict[str, dict[str, Array]] = {}
    J: dict[str, dict[str, Array]] = {}
    for name in ("normal", *ox.presets.stress()):
        problem = market(name)
        runs = {who: ox.simulate(problem, rule, EPISODES, SEED) for who, rule in stress.contestants(problem).items()}
        IS[name] = {who: run.shortfall for who, run in runs.items()}
        J[name] = {who: run.objective for who, run in runs.items()}
    found = Outcomes(table.set_index(["scenario", "policy"]), IS, J)
    for name in found.scenarios:  # both passes saw the same episodes
        for who, sample in J[name].items():
            assert np.isclose(sample.mean(), found.table["objective"][name, who], rtol=1e-9)
    return found


@dataclass(frozen=True)
class Split:
    """What of the damage is the event, and what is not knowing of it."""

    base: float
    """the optimum's J in the normal market [$]"""
    largest: float
    """largest half-width of a J [% of it]"""
    spike_told: float
    """the optimum's J in the volatility spike when it is told [$]"""
    spike_planned: float
    spike_share: float
    """the part of its damage that is ignorance [%]"""
    shift_share: float
    """in the impact shift [%]"""
    regimes_gap: Interval
    """what the rolling rule closes in the market with regimes, not told [%]"""
    transient_gap: Interval
    """and under transient impact, told [%]"""


def split(found: Outcomes) -> Split:
    """Events differ in what there is to know, and no policy that is not told is good everywhere."""
    base = ox.optimum(NORMAL).value
    knowing = {(name, who): found.knowing(name, who) for name in found.scenarios for who in ADAPTED}
    # the told optimum is never beaten by more than sampling allows, and the AC of liquidity shocks has nothing to learn
    for name in found.scenarios:
        assert knowing[name, "optimum"].value > -max(knowing[name, "optimum"].ci, 1e-3 * base)
        if "shocks" in name or name == "regimes":
            assert np.allclose(found.J[name]["AC"], found.J[name]["AC" + TOLD])
    for name in (COLLAPSE, SHIFT):
        for who in ADAPTED:
            difference = found.dearer(name, who, "TWAP")
            assert difference.value > difference.ci
    for name in found.J:
        untold = {who: found.objective(name, who).value for who in PLANNERS}
        assert (max(untold, key=lambda who: untold[who]) == "TWAP") == (name not in (COLLAPSE, SHIFT, BOTH))
    assert all(abs(cost.value) < 0.05 for cost in knowing.values() if cost.ci <= 0.05)  # shown as 0
    assert found.dearer(BOTH, "TWAP", "AC").value > 10_000
    kept = knowing[CAP, "best static"]
    assert kept.value + kept.ci < 0
    result = Split(
        base=base,
        largest=100 * float((found.table["objective_ci"] / found.table["objective"]).max()),
        spike_told=found.objective(SPIKE, "optimum" + TOLD).value,
        spike_planned=found.objective(SPIKE, "optimum").value,
        spike_share=found.ignorance(SPIKE, "optimum"),
        shift_share=found.ignorance(SHIFT, "optimum"),
        regimes_gap=found.gap("regimes", "rolling"),
        transient_gap=found.gap("transient_impact", "rolling" + TOLD),
    )
    assert result.largest < 2
    assert result.spike_share > 70  # nearly all ignorance
    assert result.shift_share < 20  # nearly all event
    return result


def objective_table(found: Outcomes) -> pd.DataFrame:
    """J by market and policy; of those that are told, the optimum."""
    columns = {**{name: name for name in PLANNERS}, "told": "optimum" + TOLD}
    means = {name: {who: f"{sample.mean():,.0f}" for who, sample in found.J[name].items()} for name in found.J}
    rows = {title(name): {column: means[name][who] for column, who in columns.items()} for name in means}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")


def everything_table(found: Outcomes) -> pd.DataFrame:
    """Every policy in every scenario, every column with its interval."""
    full = {
        "J ($)": ("objective", 1, 0),
        "E[IS] ($)": ("is_mean", 1, 0),
        "std ($)": ("is_std", 1, 0),
        "CVaR95 ($)": ("cvar95", 1, 0),
        "completion (%)": ("completion", 100, 2),
        "violations": ("violations", 1, 3),
        "gap closed (%)": ("gap_closed", 100, 1),
    }
    rows = found.table.reset_index()
    columns = {
        what: [plus_minus(unit * a, unit * b, d) for a, b in zip(rows[key], rows[f"{key}_ci"], strict=True)]
        for what, (key, unit, d) in full.items()
    }
    return pd.DataFrame({"policy": rows["policy"], **columns}).set_index(rows["scenario"].map(title))


def split_figure(found: Outcomes) -> go.Figure:
    """J of every policy, told and not, in multiples of the optimum's in the normal market."""
    base = ox.optimum(NORMAL).value
    rows = [
        {
            "scenario": title(name),
            "policy": who,
            "planned": found.J[name][who].mean() / base,
            "told": found.J[name][who + TOLD].mean() / base if who in ADAPTED else np.nan,
        }
        for name in found.scenarios
        for who in PLANNERS
    ]
    return figures.stress_split(pd.DataFrame(rows))


def knowing_table(found: Outcomes) -> pd.DataFrame:
    """The cost of the event for the optimum, then the cost of not knowing for the others."""

    def cost(estimate: Estimate) -> str:
        return shown(estimate, 1) if estimate.ci > 0.05 else "0"

    rows = {
        title(name): {
            "event": shown(found.event(name, "optimum")),
            **{who: cost(found.knowing(name, who)) for who in ADAPTED},
        }
        for name in found.scenarios
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")


@dataclass(frozen=True)
class Waiting:
    """What waiting for a recovery costs in the collapse, where none comes."""

    twap: Estimate
    """J of who is not told [$]"""
    ac: Estimate
    rolling: Estimate
    optimum: Estimate
    rolling_told: Estimate
    first: float
    """what the rolling rule opens with, not told [shares]"""
    first_told: float
    last: float
    """what it is left with for the last period"""
    last_told: float
    cvar_rolling: Estimate
    """mean of the worst 5% of its IS, not told [$]"""
    cvar_twap: Estimate


def waiting(found: Outcomes, held: Mapping[str, Array], level: Array) -> Waiting:
    """The collapse, with mean inventories (N + 1,) by policy and mean liquidity (N,) there."""
    for who, than in (("rolling", "TWAP"), ("rolling", "AC"), ("optimum", "rolling")):
        difference = found.dearer(COLLAPSE, who, than)
        assert difference.value > difference.ci
    untold, combined = ({who: found.objective(name, who).value for who in PLANNERS} for name in (COLLAPSE, BOTH))
    assert min(untold, key=lambda who: untold[who]) == "TWAP"
    assert max(untold, key=lambda who: untold[who]) == "optimum"
    assert max(combined, key=lambda who: combined[who]) == "optimum"
    assert found.dearer(BOTH, "rolling", "TWAP").value > 10_000
    planned, told = held["rolling"], held["rolling" + TOLD]
    assert planned[-2] > 3 * held["TWAP"][-2]
    assert planned[-2] > 5 * told[-2]
    assert level.max() < 0.35
    return Waiting(
        twap=found.objective(COLLAPSE, "TWAP"),
        ac=found.objective(COLLAPSE, "AC"),
        rolling=found.objective(COLLAPSE, "rolling"),
        optimum=found.objective(COLLAPSE, "optimum"),
        rolling_told=found.objective(COLLAPSE, "rolling" + TOLD),
        first=NORMAL.order.shares - planned[1],
        first_told=NORMAL.order.shares - told[1],
        last=planned[-2],
        last_told=told[-2],
        cvar_rolling=tail_mean(found.IS[COLLAPSE]["rolling"]),
        cvar_twap=tail_mean(found.IS[COLLAPSE]["TWAP"]),
    )


def believing(speed: float) -> ox.Policy:
    """The rolling rule of who believes that liquidity recovers at this speed."""
    return ox.rolling(NORMAL.replace(liquidity=ox.OrnsteinUhlenbeck(speed=speed, volatility=0.1)))


@dataclass(frozen=True, eq=False)
class Insurance:
    """What a belief in slow recovery costs where it is false, and saves where it is right."""

    table: pd.DataFrame
    """J less that of the rolling rule that believes in the normal market, by believed speed and market"""
    premium: Estimate
    """what the slowest belief costs in the normal market [$]"""
    premium_share: float
    """of J there [%]"""
    payout: Estimate
    """what it saves in the collapse [$]"""
    insured: float
    """its J there [$]"""


def insurance(found: Outcomes) -> Insurance:
    """Rolling rules that believe in slower and slower recovery, in four markets."""
    speeds, names = (0.5, 0.25, 0.1, 0.05), ("normal", COLLAPSE, BOTH, SHOCKS)
    more = {
        (speed, name): mean(
            ox.simulate(market(name), believing(speed), EPISODES, SEED).objective - found.J[name]["rolling"]
        )
        for speed in speeds
        for name in names
    }
    columns = {name.replace("_", " ") + " ($)": [shown(more[speed, name], 1) for speed in speeds] for name in names}
    premium, payout = more[0.05, "normal"], more[0.05, COLLAPSE] * -1
    base, usual = ox.optimum(NORMAL).value, found.objective(COLLAPSE, "rolling").value
    result = Insurance(
        table=pd.DataFrame(columns, index=pd.Index(speeds, name="believed speed")),
        premium=premium,
        premium_share=100 * premium.value / base,
        payout=payout,
        insured=usual - payout.value,
    )
    assert premium.ci < premium.value < 0.01 * base
    assert payout.value - payout.ci > 100 * premium.value
    assert result.insured < found.objective(COLLAPSE, "AC" + TOLD).value
    assert more[0.05, BOTH].value + more[0.05, BOTH].ci < -10_000
    return result


def shocked(drop: float, **changes: Any) -> ox.Problem:
    """The normal market with liquidity shocks of a size, with probability 0.05 a period."""
    liquidity = ox.Shocks(ox.OrnsteinUhlenbeck(floor=0.01), probability=0.05, size=-drop)
    return NORMAL.replace(liquidity=liquidity, **changes)


def opening(drops: Sequence[float], risk_aversion: float = NORMAL.risk_aversion) -> pd.DataFrame:
    """First trades [shares] by the size of the shocks, of rules that are told of them or not."""
    start = stacked(Columns(1.0, 1.0, 1.0, NORMAL.market.volatility, 1.0, 0.0), 1)
    first = pd.DataFrame(index=pd.Index(drops))
    for who in ("rolling", "optimum"):
        make = PLANNERS[who]
        told = [make(shocked(drop, risk_aversion=risk_aversion)).act(start)[0] for drop in drops]
        first[who + TOLD] = NORMAL.order.shares * np.array(told)
        first[who] = NORMAL.order.shares * make(NORMAL.replace(risk_aversion=risk_aversion)).act(start)[0]
    return first


@dataclass(frozen=True)
class News:
    """What being told of shocks does to rules that see liquidity."""

    inverse: float
    """E[1/L] of the next period under shocks of 95%"""
    rolling: float
    """first trade of who is not told [shares]"""
    rolling_told: float
    """and of who is told of shocks of 95%"""
    optimum: float
    optimum_told: float
    hurt70: Estimate
    """what it costs the rolling rule to be told of shocks of 70% [$]"""
    hurt95: Estimate
    help95: Estimate
    """what it saves the optimum to be told of shocks of 95% [$]"""
    gap95: Interval
    """that the rolling rule closes under shocks of 95%, not told [%]"""
    gap95_told: Interval


def news(found: Outcomes, first: pd.DataFrame) -> News:
    """Told, and the worse for it; with first trades from `opening`."""
    rolling, told = first["rolling"], first["rolling" + TOLD]
    assert told.is_monotonic_increasing
    assert told[0.95] > 1.3 * rolling[0.95]
    assert (first["optimum" + TOLD] / first["optimum"] < 1.06).all()
    for name in found.scenarios:
        if "shocks" in name:
            hurt, helped = found.knowing(name, "rolling"), found.knowing(name, "optimum")
            assert hurt.value + hurt.ci < 0
            assert helped.value - helped.ci > 0
    return News(
        inverse=float(expected_inverse_liquidity(shocked(0.95))[1]),
        rolling=float(rolling[0.95]),
        rolling_told=float(told[0.95]),
        optimum=float(first["optimum"][0.95]),
        optimum_told=float(first["optimum" + TOLD][0.95]),
        hurt70=found.knowing(SHOCKS, "rolling") * -1,
        hurt95=found.knowing(DEEP, "rolling") * -1,
        help95=found.knowing(DEEP, "optimum"),
        gap95=found.gap(DEEP, "rolling"),
        gap95_told=found.gap(DEEP, "rolling" + TOLD),
    )


def tails_figure(found: Outcomes) -> go.Figure:
    """The tails of the shortfall, with a slider through the scenarios."""
    samples = {title(name): {who: found.IS[name][who] for who in DRAWN} for name in found.scenarios}
    return figures.scenario_tails(samples, selected="liquidity shocks")


@dataclass(frozen=True, eq=False)
class Risk:
    """The note's two statements about risk: variance in the volatility spike, tails under liquidity shocks."""

    table: pd.DataFrame
    cut: Estimate
    """the part of TWAP's variance that AC removes in the spike, not told [%]"""
    sd_cut: Estimate
    """of its standard deviation [%]"""
    rolling_cut: Estimate
    """the part of its variance that the rolling rule removes [%]"""
    rolling_cut_told: Estimate
    sd: Estimate
    """AC's standard deviation in the spike, not told [$]"""
    sd_told: Estimate
    shortfall: float
    """AC's mean IS in the spike, not told [$]"""
    shortfall_told: float
    excess: Estimate
    """AC's J above the told optimum's in the spike, not told [% of that]"""
    excess_told: Estimate
    tail: Estimate
    """AC's worst 5% under liquidity shocks [$]"""
    tail_twap: Estimate
    tail_rolling: Estimate
    tail_longer: Estimate
    """AC's less TWAP's, paired [$]"""


def removed(of_twap: Estimate) -> Estimate:
    """The part of TWAP's that is gone [%], from a ratio to TWAP's."""
    return replace(of_twap * -100, value=100 * (1 - of_twap.value))


def risk(found: Outcomes) -> Risk:
    """Risk against TWAP on the same shocks."""
    sd = {who: standard_deviation(sample) for who, sample in found.IS[SPIKE].items()}
    variance = {who: removed(sd[who].squared() / sd["TWAP"].squared()) for who in sd}
    deviation = {who: removed(sd[who] / sd["TWAP"]) for who in sd}
    tails = {who: tail_mean(found.IS[SHOCKS][who]) for who in DRAWN}
    longer = {who: tails[who] + tails["TWAP"] * -1 for who in DRAWN}
    unit = 100 / ox.optimum(stress.scenario(SPIKE)).value
    rows = {
        who: {
            "variance removed (%)": plus_minus(variance[who].value, variance[who].ci),
            "std removed (%)": plus_minus(deviation[who].value, deviation[who].ci),
            "CVaR95, difference to TWAP ($)": shown(longer[who]),
        }
        for who in DRAWN[1:]
    }
    result = Risk(
        table=pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy"),
        cut=variance["AC"],
        sd_cut=deviation["AC"],
        rolling_cut=variance["rolling"],
        rolling_cut_told=variance["rolling" + TOLD],
        sd=sd["AC"],
        sd_told=sd["AC" + TOLD],
        shortfall=float(found.IS[SPIKE]["AC"].mean()),
        shortfall_told=float(found.IS[SPIKE]["AC" + TOLD].mean()),
        excess=found.dearer(SPIKE, "AC", "optimum" + TOLD) * unit,
        excess_told=found.dearer(SPIKE, "AC" + TOLD, "optimum" + TOLD) * unit,
        tail=tails["AC"],
        tail_twap=tails["TWAP"],
        tail_rolling=tails["rolling"],
        tail_longer=longer["AC"],
    )
    assert all(result.tail.value > tails[who].value for who in DRAWN if not who.startswith("AC"))
    assert result.tail_longer.value > result.tail_longer.ci  # the interval excludes a lower tail
    assert longer["rolling"].value < -longer["rolling"].ci
    assert result.cut.value - result.cut.ci > 30  # neither reading is 30%
    assert result.sd_cut.value + result.sd_cut.ci < 30
    assert abs((result.sd_told + result.sd * -1).value) < 10
    assert result.shortfall_told > 2.5 * result.shortfall
    for other in (result.rolling_cut, result.rolling_cut_told):
        assert other.value - other.ci > result.cut.value + result.cut.ci
    return result


def cost_ratio(drop: float, schedule: ox.Schedule) -> float:
    """E[IS] under shocks over E[IS] in the normal market, exactly."""
    markets = (shocked(drop, risk_aversion=0.0), NORMAL.replace(risk_aversion=0.0))
    under_shocks, usual = (ox.exact_objective(problem, schedule) for problem in markets)
    return under_shocks / usual


@dataclass(frozen=True)
class Failure:
    """Who fails by the criterion, and where."""

    twap: float
    """the size of shocks beyond which TWAP costs more than twice as much, without a cap [%]"""
    ac: float
    first: float
    """the least such size of all schedules"""
    ratio_twap: float
    """mean IS under shocks of 95%, without a cap, over the normal one"""
    ratio_ac: float
    ratio_rolling: Interval
    ratio_optimum: Interval
    """under shocks of 98%"""
    unfinished_twap: Interval
    """episodes below 99% completion with the cap and without shocks [%]"""
    unfinished_vwap: Interval
    plan_vwap: float
    """what is planned for the last period [shares]"""
    plan_ac: float
    capped_ratio_ac: float
    """mean IS with the cap under shocks of 90%, over the normal one"""


def failure(free: pd.DataFrame, capped: pd.DataFrame) -> Failure:
    """The criterion by severity, from tables of `optexec.stress.severity` without a cap and with it."""
    fails_at: dict[str, float] = {
        name: brentq(lambda drop, plan=plan: cost_ratio(drop, plan) - 2, 0.9, 0.989, xtol=1e-4)
        for name, plan in SCHEDULES.items()
    }
    assert all(cost_ratio(0.95, plan) < 1.65 for plan in SCHEDULES.values())
    assert all(0.965 < drop < 0.98 for drop in fails_at.values())
    open_, tight = (table.set_index(["policy", "drop"]) for table in (free, capped))
    ratio, ratio_ci, unfinished, unfinished_ci = (
        table[key + end] for table, key in ((open_, "cost_ratio"), (tight, "unfinished")) for end in ("", "_ci")
    )
    for name, plan in SCHEDULES.items():  # the simulation agrees with the exact ratio
        assert abs(ratio[name, 0.9] - cost_ratio(0.9, plan)) < 3 / 1.96 * ratio_ci[name, 0.9]
    assert not free[free["drop"] <= 0.95]["fails"].any()
    for name in ("rolling", "optimum", "optimum" + TOLD):
        assert ratio[name, 0.98] + ratio_ci[name, 0.98] < 1.2
    assert not tight["fails"].loc["rolling" + TOLD].any()
    for name in BLIND:
        assert unfinished[name, 0.0] - unfinished_ci[name, 0.0] > 0.05
    deep = capped[(capped["drop"] >= 0.9) & (capped["policy"] != "rolling" + TOLD)]
    assert (deep["unfinished"] - deep["unfinished_ci"] > 0.05).all()  # settled: all of them fail at 90% and beyond
    assert (capped["cost_ratio"] < 1.1).all()
    for sooner, later in (("TWAP", "AC"), ("AC", "rolling" + TOLD)):  # one after the other, beyond the intervals
        assert unfinished[sooner, 0.9] - unfinished_ci[sooner, 0.9] > unfinished[later, 0.9] + unfinished_ci[later, 0.9]
    return Failure(
        twap=100 * fails_at["TWAP"],
        ac=100 * fails_at["AC"],
        first=100 * min(fails_at.values()),
        ratio_twap=cost_ratio(0.95, SCHEDULES["TWAP"]),
        ratio_ac=cost_ratio(0.95, SCHEDULES["AC"]),
        ratio_rolling=Interval.around(ratio["rolling", 0.95], ratio_ci["rolling", 0.95]),
        ratio_optimum=Interval.around(ratio["optimum", 0.98], ratio_ci["optimum", 0.98]),
        unfinished_twap=Interval.around(100 * unfinished["TWAP", 0.0], 100 * unfinished_ci["TWAP", 0.0]),
        unfinished_vwap=Interval.around(100 * unfinished["VWAP", 0.0], 100 * unfinished_ci["VWAP", 0.0]),
        plan_vwap=float(SCHEDULES["VWAP"].trades[-1]),
        plan_ac=float(SCHEDULES["AC"].trades[-1]),
        capped_ratio_ac=float(tight["cost_ratio"]["AC", 0.9]),
    )


def severities() -> dict[float, dict[str, Array]]:
    """IS by the size of the shocks and policy (n,) [$], for `severity_tails`."""
    names = ("TWAP", "AC", "best static", "rolling", "optimum", "rolling" + TOLD, "optimum" + TOLD)
    samples = {}
    for drop in SEVERITIES:
        problem, rules = shocked(drop), stress.contestants(shocked(drop))
        samples[drop] = {name: ox.simulate(problem, rules[name], 8_192, SEED).shortfall for name in names}
    calm, deep = ({name: np.quantile(samples[drop][name], 0.99) for name in names} for drop in (0.0, 0.95))
    assert deep["AC"] > 3 * calm["AC"]
    assert deep["rolling"] < 1.4 * calm["rolling"]
    return samples


def completion_table(found: Outcomes, capped: pd.DataFrame) -> pd.DataFrame:
    """Completion under the participation cap without shocks, and the share of unfinished episodes."""
    everywhere = found.table
    others = everywhere.drop(CAP, level="scenario")
    assert np.allclose(others["completion"], 1.0)
    assert (everywhere["completion"] < 0.9999).sum() >= 2
    assert others["violations"].max() < 0.05
    cap = everywhere.loc[CAP]
    assert cap["violations"]["optimum" + TOLD] == 0
    assert cap["violations"]["AC"] > 7
    left = capped[capped["drop"] == 0.0].set_index("policy")
    columns = {
        "completion (%)": (cap, "completion", 100, 2),
        "below 99% (% of episodes)": (left, "unfinished", 100, 1),
        "violations": (cap, "violations", 1, 2),
        "J ($)": (cap, "objective", 1, 0),
    }
    rows = {
        who: {
            what: plus_minus(unit * table[key][who], unit * table[f"{key}_ci"][who], digits)
            for what, (table, key, unit, digits) in columns.items()
        }
        for who in (*PLANNERS, "optimum" + TOLD)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


@dataclass(frozen=True)
class Last:
    """What the last periods do to who trades under the cap and shocks of 90%."""

    late: float
    """AC's episodes with a shock in the last three periods that are unfinished [%]"""
    early: float
    """and of those without one [%]"""
    share: float
    """the part of its unfinished episodes that has one [%]"""
    close: Estimate
    """episodes that the told rolling rule does not finish [%]"""
    twap: float
    """what is held before the last period, on average [shares]"""
    ac: float
    rolling_told: float


def last(tight: ox.Problem, unfinished: NDArray[np.bool_], late: NDArray[np.bool_]) -> Last:
    """The last periods in a market with a cap, with what was seen in AC's episodes (n,) there."""
    told = ox.rolling(tight)
    rules: dict[str, ox.Policy] = {"TWAP": SCHEDULES["TWAP"], "AC": SCHEDULES["AC"], "told": told}
    held = {who: ox.simulate(tight, rule, 4_000, SEED).inventory[:, -2].mean() for who, rule in rules.items()}
    close = ox.simulate(tight, told, 40_000, SEED).completion < 0.99
    result = Last(
        late=100 * unfinished[late].mean(),
        early=100 * unfinished[~late].mean(),
        share=100 * late[unfinished].mean(),
        close=mean(close.astype(np.float64)) * 100,
        twap=held["TWAP"],
        ac=held["AC"],
        rolling_told=held["told"],
    )
    assert result.late > 10 * result.early
    assert result.close.value + result.close.ci < 5
    assert result.twap > 1.5 * result.ac > 1.5 * result.rolling_told
    return result


@dataclass(frozen=True)
class Room:
    """What the note's verdicts rest on: how much there is to gain on AC, and what re-planning gains."""

    collapse: float
    """the largest cut of the uninformed AC's mean cost in the collapse [% of X S_0 + IS]"""
    shift: float
    """and in the impact shift"""
    collapse_of_is: float
    """[% of IS]"""
    shift_of_is: float
    cured_spike: float
    """what AC sheds of its excess over the told optimum by being told of the spike [%]"""
    cured_collapse: float


def room(found: Outcomes) -> Room:
    """The largest cut of AC's mean cost that is possible, and the part of its excess that telling it cures."""
    plan, notional = SCHEDULES["AC"], NORMAL.order.shares * NORMAL.market.price

    def most(scenario: str) -> tuple[float, float]:
        risk_neutral = stress.scenario(scenario).replace(risk_aversion=0.0)
        of_ac = ox.exact_objective(risk_neutral, plan)
        gain = of_ac - ox.optimum(risk_neutral).value
        return 100 * gain / (notional + of_ac), 100 * gain / of_ac

    def cured(scenario: str) -> float:
        excess = found.objective(scenario, "AC").value - found.objective(scenario, "optimum" + TOLD).value
        return 100 * found.knowing(scenario, "AC").value / excess

    (collapse, collapse_of_is), (shift, shift_of_is) = most(COLLAPSE), most(SHIFT)
    result = Room(
        collapse=collapse,
        shift=shift,
        collapse_of_is=collapse_of_is,
        shift_of_is=shift_of_is,
        cured_spike=cured(SPIKE),
        cured_collapse=cured(COLLAPSE),
    )
    assert result.collapse < 1.3
    assert result.shift < 2.0
    assert result.cured_spike > 95
    assert 50 < result.cured_collapse < 80
    return result


@dataclass(frozen=True)
class Haircut:
    """The exercise: episodes that the told optimum does not finish [%]."""

    dollar: Estimate
    """where what is left is sold $1 below the mid"""
    ten: Estimate
    """and $10 below"""


def haircut() -> Haircut:
    """The told optimum under a cap and shocks of 90%, by what leaving shares over costs."""

    def unfinished(price: float) -> Estimate:
        problem = shocked(0.9, max_participation=0.007, leftover_haircut=price)
        run = ox.simulate(problem, ox.optimum(problem), EPISODES, SEED)
        return mean((run.completion < 0.99).astype(np.float64)) * 100

    found = Haircut(unfinished(1.0), unfinished(10.0))
    assert found.dollar.value - found.dollar.ci > 5 > found.ten.value + found.ten.ci
    return found


@dataclass(frozen=True)
class Telling:
    """The exercise: the part of the rolling rule's cost of not knowing the collapse [%]."""

    mean: Estimate
    """that telling it the mean of liquidity saves"""
    volatility: Estimate
    """that telling it the volatility of liquidity adds"""


def telling(found: Outcomes) -> Telling:
    """One of the collapse's two parameters told, the other not."""

    def saved(**known: float) -> Estimate:
        rule = ox.rolling(NORMAL.replace(liquidity=ox.OrnsteinUhlenbeck(**known)))
        run = ox.simulate(stress.scenario(COLLAPSE), rule, EPISODES, SEED)
        unit = 100 / found.knowing(COLLAPSE, "rolling").value
        return mean(found.J[COLLAPSE]["rolling"] - run.objective) * unit

    result = Telling(saved(mean=0.3), saved(volatility=0.1) * -1)
    assert result.mean.value > 90
    assert result.volatility.value - result.volatility.ci > 0
    return result


def _drop_axis(panel: Panel, drops: Sequence[float]) -> None:
    """An axis of shock sizes on which every halving of the liquidity left is one step, as `_drop_place` has it."""
    labels = [f"−{100 * drop:.0f}%" if drop else "none" for drop in drops]
    panel.x("size of a liquidity shock", ticks=dict(zip(_drop_place(drops), labels, strict=True)))


def _drop_place(drops: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(np.round(-np.log2(1 - np.asarray(drops, dtype=np.float64)), 4), dtype=np.float64)


def waiting_for_recovery(
    level: NDArray[np.float64],
    forecasts: Mapping[int, NDArray[np.float64]],
    holdings: Mapping[str, NDArray[np.float64]],
) -> go.Figure:
    """What a rule expects of liquidity against what comes, and what it then holds.

    Args:
        level: mean liquidity of each period (N,).
        forecasts: by the period k in which they are made, expected levels of periods k, k + 1, ... of the rule.
        holdings: mean inventory (N + 1,) by policy.
    """
    plot = Plot(["What it expects, what comes", "What it holds"], gap=0.13)
    expected, held = plot
    expected.line(np.arange(len(level)), np.round(level, 4), LIQUIDITY, 3, name="mean liquidity")
    for start, values in forecasts.items():
        x, name = np.arange(start, start + len(values)), "forecast of the normal market's model"
        expected.line(x, np.round(values, 4), CONTRAST, 1.5, "dot", name=name, key="forecast")
    for policy, shares in holdings.items():
        _, colour, dash = stressed_line(policy)
        held.line(np.arange(len(shares)), np.round(shares, 1), colour, dash=dash, name=policy)
    expected.x("period k")
    expected.y("liquidity L", [0, 1.08])
    held.x("time (periods)")
    held.y("mean inventory (shares)", rangemode="tozero")
    return plot.done(
        "First panel: liquidity stays at its collapsed level while every forecast of the normal market's "
        "model rises to one. Second panel: rules that believe it hold several times as many shares towards the "
        "end as when told.",
        height=470,
        legend={"y": -0.2, "yanchor": "top"},
        phone=plot.stacked(820, 0.17, legend={"y": -0.1}),
    )


def severity_tails(samples: Mapping[float, Mapping[str, Any]], selected: float) -> go.Figure:
    """The distribution of the shortfall by policy, with a slider over the size of liquidity shocks; axes fixed.

    Args:
        samples: by relative drop of liquidity, IS (n,) [$] by policy.
        selected: the drop shown first.
    """
    drops = list(samples)
    active = drops.index(selected)
    figure, changes = dearer({f"{drop}": samples[drop] for drop in drops}, active)

    curves = len(changes[0]["x"])
    marked = [name for name in ("rolling", "AC") if name in samples[drops[0]]]
    for drop, change in zip(drops, changes, strict=True):
        worst = [round(float(np.quantile(np.asarray(samples[drop][name]), 0.99))) for name in marked]
        change["x"] += [[value] for value in worst]
        change["text"] = [""] * curves + [[f"{name} ${value:,}"] for name, value in zip(marked, worst, strict=True)]
    for i, name in enumerate(marked):
        figure.add_scatter(
            x=changes[active]["x"][curves + i],
            y=[1.0],
            text=changes[active]["text"][curves + i],
            mode="markers+text",
            texttemplate="$%{x:,}",  # the colour says whose
            textposition="middle left" if name == "rolling" else "top right",
            marker={"color": COLOURS[name], "size": 11},
            showlegend=False,
            hovertemplate="one episode in 100 costs more than that of %{text}<extra></extra>",
        )
    labels = [f"−{100 * drop:g}% of liquidity" if drop else "none" for drop in drops]
    moving = [*range(curves), *range(len(figure.data) - len(marked), len(figure.data))]
    add_slider(figure, "size of a shock", labels, changes, moving, active)
    everything = [value for change in changes for curve in change["x"] for value in curve]
    figure.update_xaxes(
        type="log",
        range=np.log10([0.78 * min(everything), 1.05 * max(everything)]),  # room for an amount on the left
        tickvals=[1000, 1500, 2000, 3000, 5000, 10_000, 20_000],
    )
    return finish(
        figure,
        height=540,
        alt="Share of episodes whose shortfall is above an amount, on logarithmic scales, by policy. As the shocks "
        "become more severe the tails of the schedules run off to the right, and the rules that react hardly move.",
        phone={
            "height": 580,
            "xaxis": {"tickvals": [1000, 2000, 5000, 10_000]},
            **SMALL_SLIDER,
        },
    )


def first_trades(table: pd.DataFrame) -> go.Figure:
    """The first trade of each rule against the size of the shocks that it was told of.

    Args:
        table: indexed by relative drop, a column a policy [shares]; columns that do not end in `TOLD` are drawn thin.
    """
    plot, drops = Plot(), list(table.index)
    for policy in table.columns:
        base, colour, dash = stressed_line(policy)
        x, y, hover = _drop_place(drops), table[policy].round(2), f"{policy}: %{{y:.0f}} shares"
        if policy == base:
            plot.line(x, y, colour, 1.5, "dot", name=f"{policy}, normal market", hover=hover)
        else:
            plot.line(x, y, colour, dash=dash, marks=6, name=policy, hover=hover)
    _drop_axis(plot, drops)
    plot.y("first trade (shares)", rangemode="tozero")
    return plot.done(
        "First trade against the size of the shocks: the optimum's hardly moves when it is told, the rolling "
        "rule's rises steeply with severity.",
        height=380,
        phone={"legend": {"font": {"size": 11}}, "xaxis": {"tickangle": -45}, "height": 420},
    )


def failure_by_severity(free: pd.DataFrame, capped: pd.DataFrame) -> go.Figure:
    """Both halves of the criterion of failure against the size of liquidity shocks.

    Args:
        free: of `optexec.stress.severity` without a participation cap; its cost ratio is shown.
        capped: of the same with a cap; its share of unfinished episodes is shown.
    """
    plot = Plot(["Cost, without a cap", "Unfinished episodes, with the cap"], gap=0.13)
    parts = ((free, "cost_ratio", 1.0, 0.0, 2.0), (capped, "unfinished", 100.0, 0.1, 5.0))
    for panel, (table, measure, scale, least, threshold) in zip(plot, parts, strict=True):
        for policy in dict.fromkeys(table["policy"]):
            rows = table[table["policy"] == policy]
            base, colour, dash = stressed_line(policy)
            half = scale * rows[f"{measure}_ci"].to_numpy()
            value = np.maximum(scale * rows[measure].to_numpy(), least)
            error = {"array": half.round(4), "arrayminus": np.minimum(half, 0.9 * value).round(4)}
            error |= {"thickness": 1, "width": 3}
            x, hover = _drop_place(list(rows["drop"])), f"{policy}: %{{y:.3g}}"
            panel.line(x, value.round(4), colour, dash=dash, marks=6, error_y=error, key=base, hover=hover)
        _drop_axis(panel, sorted(set(table["drop"])))
        panel.hline(threshold)
    told_key(plot.figure)
    plot[0].y("mean IS over the normal market's", rangemode="tozero")
    ticks = [0.1, 0.3, 1, 2, 5, 10, 20, 50, 100]
    plot[1].y("episodes below 99% completion (%)", [0.09, 100], log=True, ticks=ticks)
    plot.x(tickangle=-45)
    return plot.done(
        "First panel: without a cap the mean cost of schedules reaches twice its normal value only beyond "
        "shocks of 97%, and that of the rules that react stays flat. Second panel: under the cap TWAP and VWAP "
        "are above 5% unfinished even without shocks, most others rise above it near 80%, and the rolling rule "
        "that was told does not.",
        height=500,
        legend={"y": 1.1},
        margin={"t": 84},
        phone=plot.stacked(900, 0.16, legend={"y": 1.04}),
    )
