"""*Benchmarks*: what schedules lose, what 100 episodes settle, and where the variance of a shortfall comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq

import optexec as ox
from optexec.evaluation import Estimate, mean, plus_minus, standard_deviation
from optexec.figures.style import CAUSES, COLOURS, NEUTRAL, digits, nearest
from optexec.stress import PLANNERS
from report.chapters.c04_liquidity import in_volume_time
from report.plot import Moving, Plot, places

__all__ = [
    "MAKERS",
    "SEED",
    "Calm",
    "Differences",
    "EpisodesNeeded",
    "Exact",
    "Excesses",
    "Profile",
    "Protocol",
    "Realised",
    "Sweep",
    "VariancePart",
    "VarianceParts",
    "Verdict",
    "Verdicts",
    "calm",
    "differences",
    "episodes_needed",
    "exact",
    "exact_table",
    "excess_objective",
    "excesses",
    "large_table",
    "paired_forest",
    "profile",
    "profile_table",
    "protocol",
    "protocol_table",
    "realised",
    "sweep",
    "variance_of",
    "variance_parts",
    "variances",
    "verdicts",
    "verdicts_table",
]

Array = NDArray[np.float64]
Samples = Mapping[str, Mapping[str, Array]]
"""Realised IS and conditional J of every episode [$], by policy."""

SEED = 42

MAKERS = {name: PLANNERS[name] for name in ("TWAP", "AC", "best static", "rolling", "optimum")}
"""The contestants that are drawn, made from a problem."""

NOTE = pd.DataFrame(
    {
        "mean": [100_250, 100_350, 99_850, 99_920],
        "std": [1850, 1290, 1650, 1680],
        "sharpe": [-54.19, -77.79, -60.52, -59.48],
    },
    index=["TWAP", "AC", "BCQ", "TD3+BC"],
)
"""The original note's table of total costs [$]: 100 episodes each."""


@dataclass(frozen=True)
class Calm:
    """The standard deviation of IS where liquidity is constant."""

    volatility: float
    """sigma [$ per square root of a period]"""
    sd_twap: float
    """[$]"""
    sd_ac: float
    """[$]"""
    cut: float
    """what AC cuts [% of TWAP's]"""


def calm() -> Calm:
    """What the averse schedule does where liquidity is constant, and it, the best, rolling and optimum are one."""
    market = ox.presets.reference()
    plan = ox.almgren_chriss(market)
    assert np.allclose(ox.best_static(market).trades, plan.trades, rtol=0, atol=1e-6)
    for rule in (ox.rolling(market), ox.optimum(market)):
        trades = ox.simulate(market, rule, episodes=100, seed=SEED).trades
        assert np.allclose(trades, plan.trades, rtol=0, atol=1e-3)  # shares; observations are float32
    mean_variance = plan.expected_cost + market.risk_aversion * plan.variance
    assert np.isclose(ox.exact_objective(market, plan), mean_variance, rtol=1e-12)
    assert np.isclose(ox.optimum(market).value, mean_variance, rtol=1e-9)

    twap, averse = ox.twap(market).variance ** 0.5, plan.variance**0.5
    found = Calm(market.market.volatility, sd_twap=twap, sd_ac=averse, cut=100 * (1 - averse / twap))
    assert 28 < found.cut < 36  # the note's 30%, in the world without liquidity risk
    return found


@dataclass(frozen=True)
class Exact:
    """J without sampling error, in three markets."""

    objectives: pd.DataFrame
    """J [$] by market and policy"""
    largest_z: float
    """the largest distance of a simulated J to the exact one [standard errors]"""
    shape: float
    """AC above the best schedule, under OU liquidity [$]"""
    shape_percent: float
    """[% of the best schedule's J]"""
    shape_share: float
    """[% of what AC loses]"""
    adapting: float
    """the best schedule above the optimum [$]"""
    adapting_percent: float
    """[% of the optimum's J]"""
    lost: float
    """AC above the optimum [$]"""
    lost_percent: float
    """[% of the optimum's J]"""
    ratio: float
    """what adapting is worth over what the shape is"""
    collapse_ac: float
    """J of the schedule of before the collapse, in it [$]"""
    collapse_twap: float
    replanned: float
    """J of AC planned with the right mean [$]"""
    replanning_share: float
    """what that brings [% of AC's distance to the optimum]"""


def exact(markets: Mapping[str, ox.Problem], averse: ox.Schedule) -> Exact:
    """J of schedules and of the optimum by market, and how far 20,000 episodes are from it.

    Args:
        markets: by name: constant liquidity, OU and collapse, in this order.
        averse: AC as it was planned, the same in every market.
    """
    objectives, z = {}, []
    for name, market in markets.items():
        schedules = {"TWAP": ox.twap(market), "AC": averse, "best static": ox.best_static(market)}
        J = {policy: ox.exact_objective(market, schedule) for policy, schedule in schedules.items()}
        objectives[name] = J | {"optimum": ox.optimum(market).value}
        contestants = schedules | {"optimum": ox.optimum(market)}
        simulated = ox.evaluate(market, contestants, episodes=20_000, seed=SEED)[["objective", "objective_ci"]]
        rounding = 1e-6 * simulated["objective"]  # observations are float32
        error = simulated["objective_ci"] / 1.96 + rounding
        z.append((simulated["objective"] - list(objectives[name].values())) / error)
    table = pd.DataFrame(objectives).T
    golden = [
        [2210.00, 1790.43, 1790.43, 1790.43],
        [2240.61, 1824.52, 1824.06, 1798.63],
        [3646.86, 3861.27, 3464.10, 3256.01],
    ]
    assert np.allclose(table, golden, rtol=1e-5, atol=0)

    _, ou, crashed = (row for _, row in table.iterrows())
    collapse = list(markets.values())[2]
    replanned = ox.exact_objective(collapse, ox.almgren_chriss(collapse))
    shape, adapting, lost = ou["AC"] - ou["best static"], ou["best static"] - ou["optimum"], ou["AC"] - ou["optimum"]
    found = Exact(
        objectives=table,
        largest_z=float(np.abs(z).max()),
        shape=shape,
        shape_percent=100 * (ou["AC"] / ou["best static"] - 1),
        shape_share=100 * shape / lost,
        adapting=adapting,
        adapting_percent=100 * (ou["best static"] / ou["optimum"] - 1),
        lost=lost,
        lost_percent=100 * (ou["AC"] / ou["optimum"] - 1),
        ratio=adapting / shape,
        collapse_ac=crashed["AC"],
        collapse_twap=crashed["TWAP"],
        replanned=replanned,
        replanning_share=100 * (crashed["AC"] - replanned) / (crashed["AC"] - crashed["optimum"]),
    )
    assert found.largest_z < 3
    assert shape < 0.05 * lost
    assert crashed["AC"] > crashed["TWAP"] > replanned > crashed["best static"] > crashed["optimum"]
    return found


def exact_table(found: Exact) -> pd.DataFrame:
    """J in dollars by market and policy."""
    named = found.objectives.rename_axis("market").rename(columns=lambda name: f"J {name} ($)")
    return named.map("{:,.2f}".format)


@dataclass(frozen=True)
class Protocol:
    """The original note's protocol: 100 episodes of one seed."""

    note_z: float
    """the note's largest difference to TWAP [standard errors]"""
    sd_twap: float
    """of this run's IS [$]"""
    sd_twap_ci: float
    sd_ac: float
    sd_ac_ci: float
    implied_volatility: float
    """the sigma that TWAP's standard deviation in the note needs here [$ per square root of a period]"""
    implied_volatility_ac: float
    """and AC's"""


def protocol(small: pd.DataFrame, large: pd.DataFrame, samples: Samples, still: Calm) -> Protocol:
    """What 100 episodes say of the contestants, and what the note's own numbers do.

    Args:
        small: `optexec.evaluate` on 100 episodes.
        large: on 100,000, which say what is true.
        samples: their IS and J.
        still: the closed forms' standard deviations, where liquidity is constant.
    """
    assert np.isclose(small["is_std"]["AC"], samples["AC"]["IS"][:100].std(ddof=1), rtol=1e-12)
    apart = (NOTE["mean"] - NOTE["mean"]["TWAP"]).abs()
    spread, spread_ci = small["is_std"], small["is_std_ci"]
    found = Protocol(
        note_z=float((apart / np.sqrt((NOTE["std"] ** 2 + NOTE["std"]["TWAP"] ** 2) / 100)).max()),
        sd_twap=spread["TWAP"],
        sd_twap_ci=spread_ci["TWAP"],
        sd_ac=spread["AC"],
        sd_ac_ci=spread_ci["AC"],
        implied_volatility=still.volatility * float(NOTE["std"]["TWAP"]) / still.sd_twap,
        implied_volatility_ac=still.volatility * float(NOTE["std"]["AC"]) / still.sd_ac,
    )
    assert found.note_z < 1.96
    assert found.sd_ac - found.sd_ac_ci < found.sd_twap + found.sd_twap_ci  # this run does not tell the two apart
    true, true_ci = large["is_std"], large["is_std_ci"]
    assert true["AC"] - true_ci["AC"] > true["TWAP"] + true_ci["TWAP"]
    assert large["sharpe"].drop(["optimum"]).idxmax() == true.idxmax()
    assert large["sharpe"].idxmin() == true.idxmin()
    assert list(large["sharpe"].sort_values().index) == list(true.sort_values().index)
    return found


def estimates(table: pd.DataFrame, columns: Mapping[str, tuple[str, int]]) -> pd.DataFrame:
    """Columns of `optexec.evaluate` as text, each with its half-width: by title, the column and its decimals."""
    shown = {
        title: [plus_minus(value, half, digits) for value, half in zip(table[key], table[f"{key}_ci"], strict=True)]
        for title, (key, digits) in columns.items()
    }
    return pd.DataFrame(shown, index=table.index)


def protocol_table(small: pd.DataFrame, problem: ox.Problem) -> pd.DataFrame:
    """Mean, standard deviation and "Sharpe" of the total cost, beside the note's."""
    total = small.assign(total=small["is_mean"] + problem.order.shares * problem.market.price)
    total["total_ci"] = small["is_mean_ci"]
    ours = estimates(total, {"mean ($)": ("total", 0), "std ($)": ("is_std", 1), "Sharpe": ("sharpe", 0)})
    theirs = pd.DataFrame(
        {
            "mean ($)": [
                plus_minus(a, 1.96 * b / 10, 0) for a, b in NOTE[["mean", "std"]].itertuples(index=False, name=None)
            ],
            "std ($)": [plus_minus(b, 1.96 * b / 200**0.5, 0) for b in NOTE["std"]],
            "Sharpe": [f"{a:.1f}" for a in NOTE["sharpe"]],
        },
        index=NOTE.index,
    )
    both = pd.concat({"this report": ours, "the original note": theirs}, axis=1)
    return both.reindex([*ours.index, "BCQ", "TD3+BC"]).fillna("–").rename_axis("policy")


@dataclass(frozen=True)
class Verdict:
    """How often 100 episodes put two policies in their true order [% of 1,000 repetitions]."""

    what: str
    """the true order"""
    gap: float
    """the difference over all episodes [$]"""
    found: float
    """on the same shocks"""
    settled: float
    """a 95% interval of the difference excludes zero, on the right side"""
    found_apart: float
    """with shocks of their own"""
    settled_apart: float


@dataclass(frozen=True)
class Verdicts:
    """Six true orders, and what 100 episodes make of them."""

    questions: tuple[Verdict, ...]
    riskier: Verdict
    """the standard deviation: TWAP below AC"""
    subtle: Verdict
    """J: the optimum below the rolling rule"""


def verdict(
    what: str, samples: Samples, better: str, worse: str, kind: str, statistic: Callable[[Array], Estimate]
) -> Verdict:
    """What 1,000 batches of 100 episodes say of a statistic (of IS or J) that is lower for the better policy."""
    a, b = ([statistic(x) for x in samples[name][kind].reshape(-1, 100)] for name in (better, worse))
    paired = [y + x * -1 for x, y in zip(a, b, strict=True)]
    apart = np.array([(y.value - x.value, np.hypot(x.ci, y.ci)) for x, y in zip(a, b[1:] + b[:1], strict=True)])
    both = np.array([(gap.value, gap.ci) for gap in paired]), apart
    rates = [100 * float(np.mean(hit)) for gap in both for hit in (gap[:, 0] > 0, gap[:, 0] > gap[:, 1])]
    return Verdict(what, statistic(samples[worse][kind]).value - statistic(samples[better][kind]).value, *rates)


def verdicts(samples: Samples) -> Verdicts:
    """How often a run of 100 episodes finds the true order of two policies, and how often it settles it."""
    riskier, subtle = "std of IS: TWAP below AC", "J: optimum below rolling"
    orders: dict[str, tuple[str, str, str, Callable[[Array], Estimate]]] = {
        "E[IS]: TWAP below VWAP": ("TWAP", "VWAP", "IS", mean),
        "E[IS]: rolling below AC": ("rolling", "AC", "IS", mean),
        riskier: ("TWAP", "AC", "IS", standard_deviation),
        "std of IS: best static below AC": ("best static", "AC", "IS", standard_deviation),
        "J: best static below AC": ("best static", "AC", "J", mean),
        subtle: ("optimum", "rolling", "J", mean),
    }
    questions = {what: verdict(what, samples, *how) for what, how in orders.items()}
    every = list(questions.values())
    assert all(one.found >= one.found_apart for one in every)  # sharing always helps
    assert all(one.settled > one.settled_apart for one in every)
    assert min(one.found for one in every) > 85  # shared: nearly all found, most settled
    assert np.mean([one.settled for one in every]) > 60
    assert sum(one.found_apart < 62 for one in every) == 3  # apart, three of the six are close to a coin's verdict
    assert questions[subtle].found > 95
    assert questions[subtle].found_apart < 60
    return Verdicts(tuple(every), questions[riskier], questions[subtle])


def verdicts_table(found: Verdicts) -> pd.DataFrame:
    """Per cent of the repetitions that find and that settle each order."""
    rows = [[one.found, one.settled, one.found_apart, one.settled_apart] for one in found.questions]
    shown = pd.DataFrame(rows, index=[one.what for one in found.questions]).map("{:.0f}%".format)
    shown.columns = pd.MultiIndex.from_product([["same shocks", "separate shocks"], ["found", "settled"]])
    shown.insert(0, ("", "difference ($)"), [f"{one.gap:.2f}" for one in found.questions])
    return shown.rename_axis("true order")


def large_table(large: pd.DataFrame) -> pd.DataFrame:
    """All contestants with their 95% half-widths."""
    columns = {
        "E[IS] ($)": ("is_mean", 1),
        "std ($)": ("is_std", 1),
        "J ($)": ("objective", 1),
        "J_mv ($)": ("objective_mv", 0),
        "worst 5% ($)": ("cvar95", 0),
    }
    shown = estimates(large, columns)
    shown.insert(1, "E[IS] (bps)", large["is_bps"].map("{:.2f}".format))
    return shown


@dataclass(frozen=True)
class Gain:
    """What a policy gains on AC, a paired difference with the half-width of its 95% interval."""

    dollars: float
    dollars_ci: float
    bps: float
    bps_ci: float


@dataclass(frozen=True)
class Differences:
    """Paired differences to AC on 100 and on 100,000 episodes, and what the contestants' own rows say."""

    table: pd.DataFrame
    """a row an estimate, as `paired_forest` draws them"""
    comparisons: int
    unsettled: int
    """of these, on 100 episodes"""
    twap_cheaper: Gain
    """E[IS]: AC less TWAP"""
    twap_worse: Gain
    """J: TWAP less AC"""
    rolling_cheaper: Gain
    """E[IS]: AC less rolling"""
    rolling_better: Gain
    """J: AC less rolling"""
    gap_closed: float
    """by rolling [% of the gap between the best schedule and the optimum]"""
    gap_closed_ci: float
    mean_variance: Mapping[str, float]
    """J_mv of TWAP, AC and rolling [$]"""
    mean_variance_share: float
    """rolling's J_mv [% of AC's]"""
    sd_twap: float
    """of IS [$]"""
    sd_twap_ci: float
    sd_ac: float
    sd_ac_ci: float
    sd_rise: float
    """of AC over TWAP [%]"""
    vwap_dearer: float
    """E[IS]: VWAP less TWAP [$]"""
    vwap_better: float
    """J: TWAP less VWAP [$]"""
    vwap_better_ci: float


def mean_variance(shortfall: Array, risk_aversion: float) -> Estimate:
    """J_mv of episodes' realised IS."""
    return mean(shortfall) + standard_deviation(shortfall).squared() * risk_aversion


def statistics(sample: Mapping[str, Array], risk_aversion: float) -> dict[str, Estimate]:
    """The four statistics that are compared, of episodes' IS and J."""
    IS = sample["IS"]
    return {
        "E[IS]": mean(IS),
        "standard deviation of IS": standard_deviation(IS),
        "J": mean(sample["J"]),
        "J_mv": mean_variance(IS, risk_aversion),
    }


def differences(samples: Samples, large: pd.DataFrame, problem: ox.Problem) -> Differences:
    """Who is best by what is asked: every contestant less AC, the same episodes subtracted one by one."""
    rows: list[tuple[str, str, int, float, float]] = []
    every = len(samples["AC"]["IS"])
    for n in (100, every):
        of = {
            name: statistics({kind: x[:n] for kind, x in sample.items()}, problem.risk_aversion)
            for name, sample in samples.items()
        }
        for name in ("TWAP", "VWAP", "best static", "rolling", "optimum"):
            for key, estimate in of[name].items():
                paired = estimate + of["AC"][key] * -1
                rows.append((key, name, n, paired.value, paired.ci))
    table = pd.DataFrame(rows, columns=["statistic", "policy", "episodes", "difference", "ci"])

    at = {(row[0], row[1]): row[3:] for row in rows if row[2] == every}
    first = {(row[0], row[1]): row[3:] for row in rows if row[2] == 100}
    unsettled = {key for key, (value, ci) in first.items() if not abs(value) > ci}
    bps = 1e4 / (problem.order.shares * problem.market.price)

    def gain(statistic: str, policy: str, sign: float = -1.0) -> Gain:
        value, ci = at[statistic, policy]
        return Gain(sign * value, ci, sign * bps * value, bps * ci)

    spread, realised = large["is_std"], large["objective_mv"]
    found = Differences(
        table=table,
        comparisons=len(first),
        unsettled=len(unsettled),
        twap_cheaper=gain("E[IS]", "TWAP"),
        twap_worse=gain("J", "TWAP", 1.0),
        rolling_cheaper=gain("E[IS]", "rolling"),
        rolling_better=gain("J", "rolling"),
        gap_closed=100 * large["gap_closed"]["rolling"],
        gap_closed_ci=100 * large["gap_closed_ci"]["rolling"],
        mean_variance={name.lower(): realised[name] for name in ("TWAP", "AC", "rolling")},
        mean_variance_share=100 * realised["rolling"] / realised["AC"],
        sd_twap=spread["TWAP"],
        sd_twap_ci=large["is_std_ci"]["TWAP"],
        sd_ac=spread["AC"],
        sd_ac_ci=large["is_std_ci"]["AC"],
        sd_rise=100 * (spread["AC"] / spread["TWAP"] - 1),
        vwap_dearer=large["is_mean"]["VWAP"] - large["is_mean"]["TWAP"],
        vwap_better=-large["diff"]["VWAP"],
        vwap_better_ci=large["diff_ci"]["VWAP"],
    )
    assert all(abs(value) > ci for value, ci in at.values())
    assert at["E[IS]", "TWAP"][0] < 0 < at["J", "TWAP"][0]
    assert at["J_mv", "TWAP"][0] < 0
    assert 0 < found.unsettled < found.comparisons / 2
    assert {("J_mv", "TWAP"), ("standard deviation of IS", "TWAP")} <= unsettled
    assert found.vwap_better - found.vwap_better_ci > 0
    assert found.vwap_dearer > 0
    assert found.gap_closed - found.gap_closed_ci > 95
    orders = {tuple(large[key].sort_values().index) for key in ("is_mean", "objective", "objective_mv")}
    assert len(orders) == 3  # three objectives, three orders
    carried = large["objective"] - large["is_mean"]
    assert carried["optimum"] > carried["rolling"] + 5  # the optimum carries more price risk
    assert realised.idxmax() == "AC"
    assert large["is_mean"].idxmin() == "TWAP"
    assert large["objective"].idxmin() == "optimum"
    return found


@dataclass(frozen=True)
class VariancePart:
    """Var[IS] by cause [$^2], the law of total variance given the path of liquidity."""

    price: float
    slippage: float
    liquidity: float

    @property
    def total(self) -> float:
        """Var[IS] [$^2]."""
        return self.price + self.slippage + self.liquidity


def variance_of(problem: ox.Problem, policy: ox.Policy, episodes: int) -> VariancePart:
    """The parts of Var[IS] of a policy that does not look at prices."""
    run = ox.simulate(problem, policy, episodes, SEED)
    return VariancePart(
        price=problem.step_variance * (run.inventory[:, 1:] ** 2).sum(axis=1).mean(),
        slippage=problem.market.slippage**2 * (run.trades**2).sum(axis=1).mean(),
        liquidity=run.expected_shortfall.var(ddof=1),
    )


@dataclass(frozen=True)
class VarianceParts:
    """Why the averse schedule is the riskier one."""

    twap: VariancePart
    ac: VariancePart
    rolling: VariancePart
    worst: float
    """what the worst 1% of the episodes make up of AC's liquidity part [%]"""
    fourth: float
    """AC's sum of v^4 over TWAP's, after the first trade, whose liquidity is known"""
    second_trade: float
    """AC's [shares]"""


def variances(problem: ox.Problem, policies: Mapping[str, ox.Policy], large: pd.DataFrame) -> VarianceParts:
    """Var[IS] of the contestants by cause, on the episodes that the table is of."""
    episodes = 100_000
    parts = {name: variance_of(problem, policies[name], episodes) for name in MAKERS}
    for name, part in parts.items():
        row = large.loc[name]
        error = 2 * row["is_std"] * row["is_std_ci"] / 1.96
        assert abs(part.total - row["is_std"] ** 2) < 3 * error
        beyond_price = problem.risk_aversion * (part.slippage + part.liquidity)
        remainder = row["objective_mv"] - row["objective"]
        assert abs(remainder - beyond_price) < 3 / 1.96 * row["objective_mv_ci"]

    expected = ox.simulate(problem, policies["AC"], episodes, SEED).expected_shortfall
    deviations = np.sort((expected - expected.mean()) ** 2)[::-1]
    averse, even = ox.almgren_chriss(problem).trades, ox.twap(problem).trades
    found = VarianceParts(
        twap=parts["TWAP"],
        ac=parts["AC"],
        rolling=parts["rolling"],
        worst=100 * deviations[: episodes // 100].sum() / deviations.sum(),
        fourth=(averse[1:] ** 4).sum() / (even[1:] ** 4).sum(),
        second_trade=averse[1],
    )
    assert found.ac.price < found.twap.price
    assert found.ac.liquidity > 2 * found.twap.liquidity
    assert found.worst > 10
    assert found.rolling.liquidity < 0.1 * found.ac.liquidity
    return found


@dataclass(frozen=True)
class Sweep:
    """Var[IS] by cause as liquidity's volatility grows."""

    parts: pd.DataFrame
    """a row a volatility and policy, as `variance_parts` draws them"""
    turn_low: float
    """the largest volatility of liquidity at which AC is less risky than TWAP"""
    turn_high: float
    """the smallest at which it is riskier"""
    cut_still: float
    """what AC cuts of TWAP's standard deviation where liquidity never moves [%]"""
    cut_calm: float
    """at a volatility of 0.05"""
    cut_turn: float
    """at 0.1"""


def sweep(problem: ox.Problem, volatilities: Sequence[float]) -> Sweep:
    """How the ranking of TWAP and AC by risk turns over, from still liquidity to wild.

    Args:
        problem: its liquidity is replaced by default Ornstein-Uhlenbeck processes of these volatilities.
        volatilities: 0, 0.05 and 0.1 among them.
    """
    rows = []
    for volatility in volatilities:
        market = problem.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=volatility))
        for name, make in MAKERS.items():
            rule = make(market)
            spread = standard_deviation(ox.simulate(market, rule, 16_384, SEED).shortfall)
            part = variance_of(market, rule, 16_384)
            rows.append({"setting": volatility, "policy": name, "ci": spread.ci, **vars(part), "std": part.total**0.5})
    parts = pd.DataFrame(rows)
    total = parts.pivot_table(index="setting", columns="policy", values="std")
    safer = total["AC"] < total["TWAP"]
    assert safer.loc[:0.1].all()
    assert not safer.loc[0.15:].any()
    assert (total["rolling"] < total["TWAP"]).all()
    cut = 100 * (1 - total["AC"] / total["TWAP"])
    assert (np.diff(cut) < 0).all()
    found = Sweep(parts, safer[safer].index.max(), safer[~safer].index.min(), cut[0.0], cut[0.05], cut[0.1])
    assert found.cut_still > 28
    assert found.cut_calm < 28
    assert found.cut_turn < 15
    return found


@dataclass(frozen=True)
class Excesses:
    """J above the optimum's [% of that unless it says otherwise], by how liquidity moves."""

    by_volatility: pd.DataFrame
    """AC, best static, rolling and rolling_ci [fraction]"""
    by_half_life: pd.DataFrame
    permille: float
    """the volatility of liquidity at which AC is 0.1% above"""
    percent: float
    """1%"""
    tenth: float
    """10%"""
    power_ac: float
    """of the volatility, from 0.05 to 0.1"""
    power_rolling: float
    rolling: float
    """in the default market"""
    rolling_ci: float
    wild_ac: float
    """at a volatility of 0.4"""
    wild_static: float
    wild_rolling: float
    wild_rolling_ci: float
    slow: float
    """AC, at a half-life of sixteen periods"""
    fast: float
    """AC, at a quarter of a period"""


def excess(market: ox.Problem) -> dict[str, float]:
    """(J - J_optimum) / J_optimum by policy: schedules exactly, the rolling rule on 16,384 episodes."""
    best = ox.optimum(market)
    rolling, optimal = (ox.simulate(market, rule, 16_384, SEED).objective for rule in (ox.rolling(market), best))
    gap = mean(rolling - optimal) * (1 / best.value)  # paired with the optimum
    schedules = {"AC": ox.almgren_chriss(market), "best static": ox.best_static(market)}
    exactly = {name: ox.exact_objective(market, plan) / best.value - 1 for name, plan in schedules.items()}
    return exactly | {"rolling": gap.value, "rolling_ci": gap.ci}


def excesses(
    problem: ox.Problem, volatilities: Sequence[float], half_lives: Sequence[float], levels: Sequence[float]
) -> Excesses:
    """Where Almgren-Chriss no longer has the lowest J, and by how much.

    Args:
        problem: the default market.
        volatilities: of its liquidity; 0.05, 0.1, 0.2 and 0.4 among them.
        half_lives: at the default's stationary standard deviation of the level [periods]; 0.25 and 16 among them.
        levels: three excesses of AC, whose volatilities are wanted [fraction].
    """
    averse = ox.almgren_chriss(problem)

    def of_volatility(volatility: float) -> ox.Problem:
        return problem.replace(liquidity=ox.OrnsteinUhlenbeck(volatility=volatility))

    def of_half_life(periods: float, spread: float = 0.2 / (1 - 0.5**2) ** 0.5) -> ox.Problem:
        kept = 0.5 ** (1 / periods)  # what is left of a deviation after one period
        process = ox.OrnsteinUhlenbeck(speed=1 - kept, volatility=spread * (1 - kept**2) ** 0.5)
        return problem.replace(liquidity=process)

    def above(volatility: float, share: float) -> float:
        market = of_volatility(volatility)
        return ox.exact_objective(market, averse) / ox.optimum(market).value - 1 - share

    by_volatility = pd.DataFrame([excess(of_volatility(v)) for v in volatilities], index=list(volatilities))
    by_half_life = pd.DataFrame([excess(of_half_life(h)) for h in half_lives], index=list(half_lives))
    power = np.log(by_volatility.loc[0.1] / by_volatility.loc[0.05]) / np.log(2)
    permille, percent, tenth = (brentq(above, 0.01, 0.5, (share,), xtol=1e-4) for share in levels)
    found = Excesses(
        by_volatility,
        by_half_life,
        permille,
        percent,
        tenth,
        power_ac=power["AC"],
        power_rolling=power["rolling"],
        rolling=100 * by_volatility["rolling"][0.2],
        rolling_ci=100 * by_volatility["rolling_ci"][0.2],
        wild_ac=100 * by_volatility["AC"][0.4],
        wild_static=100 * by_volatility["best static"][0.4],
        wild_rolling=100 * by_volatility["rolling"][0.4],
        wild_rolling_ci=100 * by_volatility["rolling_ci"][0.4],
        slow=100 * by_half_life["AC"][16],
        fast=100 * by_half_life["AC"][0.25],
    )
    assert abs(found.power_ac - 2) < 0.2
    assert abs(found.power_rolling - 4) < 1
    assert by_volatility["AC"].is_monotonic_increasing
    assert by_half_life["AC"].is_monotonic_decreasing
    for table in (by_volatility, by_half_life):
        assert (table["rolling"] + table["rolling_ci"] < 0.1 * table["best static"]).all()
        assert (table["AC"] >= table["best static"]).all()
    return found


@dataclass(frozen=True)
class Profile:
    """J [$] in a market whose volume has a profile: neutral, averse in constant liquidity, and averse under OU."""

    objectives: pd.DataFrame
    """by policy and market"""
    halves: pd.Series[float]
    """by market, the 95% half-width of the rolling rule's"""
    vwap_gain: float
    """TWAP less VWAP, neutral"""
    volume_time: float
    """AC in volume time less AC, averse"""
    vwap_lost: float
    """VWAP less the best schedule, under OU"""
    adapting: float
    """the best schedule less the optimum, under OU"""


def profile(settings: Mapping[str, ox.Problem]) -> Profile:
    """What VWAP is worth where the market has its profile.

    Args:
        settings: by name: constant liquidity without risk aversion and permanent impact, with both, and OU.
    """
    makers = {
        "TWAP": ox.twap,
        "VWAP": ox.vwap,
        "AC in volume time": in_volume_time,
        "AC": ox.almgren_chriss,
        "best static": ox.best_static,
    }
    columns, halves = {}, {}
    for title, market in settings.items():
        exactly = {name: ox.exact_objective(market, make(market)) for name, make in makers.items()}
        best = ox.optimum(market)
        runs = [ox.simulate(market, rule, 20_000, SEED).objective for rule in (ox.rolling(market), best)]
        gap = mean(runs[0] - runs[1])
        columns[title] = exactly | {"rolling": best.value + gap.value, "optimum": best.value}
        halves[title] = gap.ci if gap.ci > 0.0005 else 0.0
    neutral, averse, random = columns.values()
    market = next(iter(settings.values()))
    assert np.allclose(ox.vwap(market).trades, ox.best_static(market).trades, rtol=0, atol=1e-6)
    assert np.isclose(neutral["VWAP"], neutral["optimum"], rtol=1e-12)
    assert neutral["TWAP"] > 1.04 * neutral["VWAP"]
    assert averse["VWAP"] > averse["AC in volume time"] > averse["AC"] + 1
    assert np.isclose(averse["AC"], averse["optimum"], rtol=1e-9)
    ranking = ["VWAP", "AC in volume time", "AC", "best static", "rolling", "optimum"]
    assert (np.diff([random[name] for name in ranking]) < 0).all()
    return Profile(
        objectives=pd.DataFrame(columns),
        halves=pd.Series(halves),
        vwap_gain=neutral["TWAP"] - neutral["VWAP"],
        volume_time=averse["AC in volume time"] - averse["AC"],
        vwap_lost=random["VWAP"] - random["best static"],
        adapting=random["best static"] - random["optimum"],
    )


def profile_table(found: Profile) -> pd.DataFrame:
    """J in dollars by policy and market, with an interval where it is estimated."""
    shown = found.objectives.map("{:,.2f}".format)
    for title, half in found.halves.items():
        shown.loc["rolling", title] = plus_minus(found.objectives[title]["rolling"], half, 2)
    return shown.rename_axis("policy").add_suffix(" ($)", axis="columns")


@dataclass(frozen=True)
class Realised:
    """The AC schedule with the lowest J_mv at the problem's risk aversion."""

    planned: float
    """the risk aversion that it is planned with [1/$]"""
    mean_variance: float
    """its J_mv [$], from 50,000 episodes"""
    mean_variance_ci: float


def realised(problem: ox.Problem, large: pd.DataFrame) -> Realised:
    """Which risk aversion to plan with, for whom the realised mean-variance criterion counts."""

    def of(planned: float) -> Estimate:
        plan = ox.almgren_chriss(problem.replace(risk_aversion=planned))
        return mean_variance(ox.simulate(problem, plan, 50_000, SEED).shortfall, problem.risk_aversion)

    scan = {planned: of(planned) for planned in (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.5)}
    best, least = min(scan.items(), key=lambda pair: pair[1].value)
    assert 0.02 < best < 0.2
    assert least.value + least.ci < scan[0.5].value - scan[0.5].ci
    assert least.value > 1.5 * large["objective_mv"]["rolling"]
    return Realised(best, least.value, least.ci)


@dataclass(frozen=True)
class EpisodesNeeded:
    """For an interval of J, rolling less optimum, that excludes zero in half of the runs; two figures."""

    gap: float
    """the difference [$]"""
    paired: float
    """conditional costs on the same shocks"""
    unpaired: float
    """conditional costs"""
    realised: float
    """IS plus running risk, unpaired"""


def episodes_needed(problem: ox.Problem, policies: Mapping[str, ox.Policy]) -> EpisodesNeeded:
    """How many episodes a ranking of the optimum and the rolling rule needs."""
    runs = [ox.simulate(problem, policies[name], 100_000, SEED) for name in ("optimum", "rolling")]
    paired = runs[1].objective - runs[0].objective
    gap = float(paired.mean())
    spreads = (
        paired.std(),
        np.hypot(*(run.objective.std() for run in runs)),
        np.hypot(*((run.shortfall + run.running_risk).std() for run in runs)),
    )
    needed = [(1.96 * spread / gap) ** 2 for spread in spreads]
    assert needed[0] < 300
    assert needed[1] > 1000 * needed[0]
    return EpisodesNeeded(gap, *(float(f"{n:.2g}") for n in needed))


VARIANCE_PARTS = {"price": CAUSES["timing"], "slippage": CAUSES["slippage"], "liquidity": "#5b6f95"}
"""Colours of the parts of Var[IS]: price risk is what `CAUSES` calls timing."""


def paired_forest(differences: pd.DataFrame, base: str) -> go.Figure:
    """Paired differences to a base policy with 95% intervals: a panel a statistic, a row a policy, a mark a budget.

    Args:
        differences: one row an estimate, with columns statistic (the panel's title), policy, episodes, difference and
            ci (95% half-width), both in $.
        base: the policy that the differences are taken to.
    """
    panels = list(dict.fromkeys(differences["statistic"]))
    policies = list(dict.fromkeys(differences["policy"]))
    budgets = sorted(set(differences["episodes"]))
    table = differences.set_index(["statistic", "policy", "episodes"])[["difference", "ci"]]
    estimates = dict(zip(table.index, table.to_numpy(dtype=np.float64).tolist(), strict=True))
    rows = (len(panels) + 1) // 2
    titles = [panel.replace("J_mv", "J<sub>mv</sub>") for panel in panels]
    plot = Plot(titles, rows=rows, gap=0.06, vertical_spacing=0.3 / rows)
    for budget in budgets:
        last = budget == budgets[-1]
        size, symbol = (9, "circle") if last else (8, "circle-open")
        plot.dots([None], [None], NEUTRAL, size, symbol, name=f"{budget:,} episodes")
        for (p, panel), (policy, height) in product(enumerate(panels), places(policies).items()):
            value, half = estimates[panel, policy, budget]
            written = f"{value:+,.1f}" if abs(value) < 10 else f"{value:+,.0f}"
            plot[p].dots(
                [round(value, 4)],
                [height + (0.17 if not last else -0.1)],
                COLOURS.get(policy, NEUTRAL),
                size,
                symbol,
                error_x={"array": [round(half, 4)], "thickness": 3 if last else 1.5, "width": 0 if last else 4},
                mode="markers+text" if last else "markers",
                text=[written.replace("-", "−") + " "],
                at="middle left" if value < 0 else "middle right",
                textfont={"size": 11},
                hover=f"{policy} − {base}: {value:+,.2f} ± {half:,.2f} $<extra>{budget:,} episodes</extra>",
                cliponaxis=False,
            )
    plot.vline(0, COLOURS.get(base, NEUTRAL))
    plot.rows(places(policies), span=[-0.75, len(policies) - 0.45], showgrid=False)
    plot.y(showticklabels=False, col=2)
    plot.x(zeroline=False, title={"text": f"difference to {base} ($)", "standoff": 6})
    for p, panel in enumerate(panels):  # room for the values
        here = table.loc[panel]
        low = min(0.0, float((here["difference"] - here["ci"]).min()))
        high = max(0.0, float((here["difference"] + here["ci"]).max()))
        edge = 0.24 * (high - low)
        plot[p].x(span=[low - edge, high + edge])
    return plot.done(
        f"Paired differences to {base} with 95% intervals, by policy: {'; '.join(panels)}. Each is shown for "
        f"{' and for '.join(f'{budget:,}' for budget in budgets)} episodes.",
        height=330 * rows,
        legend={"y": 1.09},
        margin={"t": 64},
        phone=plot.stacked(330 * len(panels), 0.075, shared_y=True, legend={"y": 1.03}),
    )


def variance_parts(parts: pd.DataFrame, name: str, selected: float) -> go.Figure:
    """Var[IS] by cause, stacked, a bar a policy, with a slider over a market parameter.

    Args:
        parts: columns setting (the slider's value), policy, price, slippage, liquidity [$^2], and ci, the 95%
            half-width of the standard deviation [$].
        name: what the slider is called.
        selected: the setting shown first.
    """
    settings = sorted(set(parts["setting"]))
    policies = list(dict.fromkeys(parts["policy"]))
    tables = [parts[parts["setting"] == value].set_index("policy").loc[policies] for value in settings]
    totals = [table[list(VARIANCE_PARTS)].sum(axis=1) for table in tables]
    plot = Plot()
    for part, colour in VARIANCE_PARTS.items():
        heights, hover = Moving(table[part].round(1).tolist() for table in tables), f"{part}: %{{y:,.0f}} $²"
        plot.bars(policies, heights, colour, name=part, hover=f"{hover}<extra>%{{x}}</extra>")
    labels = [
        [f"{plus_minus(value, half, 0)} $" for value, half in zip(total**0.5, table["ci"], strict=True)]
        for total, table in zip(totals, tables, strict=True)
    ]
    plot.words(policies, Moving(total.round(1).tolist() for total in totals), Moving(labels), "top center")
    plot.y("Var[IS] ($²)", [0, 1.1 * max(float(total.max()) for total in totals)])
    active = nearest(settings, selected)
    plot.slider(name, [f"{value:.2f}" for value in settings], active)
    return plot.done(
        "Variance of the shortfall by policy, stacked by cause: price, slippage and liquidity. As liquidity "
        "becomes more volatile the liquidity part grows from nothing, most of all for the front-loaded schedules.",
        height=480,
        barmode="stack",
        bargap=0.35,
        margin={"t": 44},
        phone={"xaxis": {"tickangle": -35, "tickfont": {"size": 11}}, "height": 520},
    )


def excess_objective(panels: Mapping[str, pd.DataFrame]) -> go.Figure:
    """(J - J_optimum) / J_optimum by policy on a log scale, a panel a market parameter.

    Args:
        panels: by axis title, a frame indexed by the parameter with a column a policy [fraction of J_optimum], and
            "<policy>_ci" (95% half-width) for those that are estimated.
    """
    plot = Plot(len(panels), gap=0.05, shared_y=True)
    for panel, (title, frame) in zip(plot, panels.items(), strict=True):
        for policy in [name for name in frame.columns if not name.endswith("_ci")]:
            values, error = 100 * frame[policy].to_numpy(), dict[str, Any]()
            if f"{policy}_ci" in frame:
                half = 100 * frame[f"{policy}_ci"].to_numpy()
                error = {"array": digits(half, 3), "arrayminus": digits(np.minimum(half, 0.95 * values), 3)}
                error |= {"thickness": 1.5, "width": 4}
            colour, dash = COLOURS.get(policy, NEUTRAL), "dot" if policy == "best static" else "solid"
            y, hover = digits(values, 4), f"{policy}: %{{y:.3g}}%"
            panel.line(frame.index, y, colour, dash=dash, marks=7, key=policy, error_y=error, hover=hover)
        wide = frame.index.max() / frame.index.min() > 30
        panel.x(title, type="log" if wide else "linear", ticks=list(frame.index) if wide else None)
    plot.y(type="log", dtick=1, tickformat="~r", ticksuffix="%")
    plot[0].y("excess of J over the optimum")
    return plot.done(
        "Excess of J over that of the optimum, in per cent on a logarithmic scale, for AC, the best static "
        f"schedule and the rolling rule, against {' and against '.join(panels)}. AC and the best static schedule "
        "lie on top of each other, one to two orders of magnitude above the rolling rule.",
        height=430,
        phone=plot.stacked(720, 0.16, yaxis2={"title": {"text": "excess of J over the optimum"}}),
    )
