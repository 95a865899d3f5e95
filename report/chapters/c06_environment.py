"""*The environment*: an episode's observations and rewards, noise, caps, and what seeing depth is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec.evaluation import mean, standard_deviation
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL
from optexec.interval import Interval, plus_minus
from optexec.observation import Observation, columns
from report.plot import Plot

__all__ = [
    "EPISODES",
    "PARTS",
    "REWARD_PARTS",
    "SEED",
    "Booked",
    "Cap",
    "Cash",
    "Completion",
    "Sight",
    "Unsold",
    "Variances",
    "booked",
    "cap",
    "capped_inventory",
    "cash",
    "check_dear",
    "check_episode",
    "check_limited",
    "check_next",
    "check_refused",
    "check_seeds",
    "check_vector",
    "completion",
    "episode_story",
    "one_step_noise",
    "repaired",
    "reward_noise",
    "reward_parts",
    "sight",
    "unsold",
    "variances",
]

Array = NDArray[np.float64]
Infos = Sequence[Mapping[str, Any]]
"""What the environment says of every step of an episode."""

EPISODES, SEED = 20_000, 42
PARTS = ("spread", "temporary", "transient", "permanent", "slippage", "timing", "leftover")
"""The causes of a loss, which sum to the shortfall."""

REWARD_PARTS = {
    "temporary": "#14707d",
    "transient": "#52a0ab",
    "spread": "#a08c33",
    "permanent": "#d0805a",
    "running risk": CONTRAST,
    "slippage": "#8f79b8",
    "timing": NEUTRAL,
    "leftover": "#5b6f95",
    "penalty": "#8a5a33",
}
"""Colours of the parts of a reward; greys and violets are noise with conditional mean zero."""


def reward_parts(problem: ox.Problem, observations: Observation, infos: Infos) -> pd.DataFrame:
    """The parts of an episode's rewards [$] in a market without spread and transient impact, a row a period."""
    parts = -pd.DataFrame(infos)[["temporary", "permanent", "slippage", "timing"]]
    held = columns(observations[1:]).inventory.astype(np.float64) * problem.order.shares
    parts.insert(2, "running risk", -problem.risk_weight * held**2)
    return parts


def check_episode(problem: ox.Problem, observations: Observation, rewards: Array, infos: Infos) -> None:
    """What the chapter says of the episode that it pictures."""
    costs, price = pd.DataFrame(infos), columns(observations).price
    assert (costs[["spread", "transient", "leftover"]] == 0).all().all()
    summed = reward_parts(problem, observations, infos).sum(axis=1)
    assert np.allclose(summed, rewards, atol=0.01)  # the observation is float32
    fall = problem.market.price * (1 - float(price[-1]))
    assert 0.8 < fall / (problem.market.permanent * problem.order.shares) < 1
    assert np.flatnonzero(np.diff(costs["temporary"]) > 5).tolist() == [4]  # into period 5


@dataclass(frozen=True)
class Booked:
    """What an episode was charged [$]."""

    loss: float
    """minus the sum of rewards"""
    shortfall: float
    risk: float
    """running risk"""
    penalties: float
    leftover: float
    """what the haircut on the shares left took"""


def booked(problem: ox.Problem, policy: ox.Policy, rewards: Array, infos: Infos) -> Booked:
    """The identity of rewards and shortfall, in the environment's first episode."""
    run = ox.simulate(problem, policy, episodes=1, seed=SEED)
    found = Booked(
        loss=-float(rewards.sum()),
        shortfall=float(run.shortfall[0]),
        risk=float(run.running_risk[0]),
        penalties=problem.order.violation_penalty * float(run.clipped[0]),
        leftover=sum(info["leftover"] for info in infos),
    )
    assert abs(found.loss - found.shortfall - found.risk - found.penalties) < 1e-9
    assert abs(sum(info[part] for info in infos for part in PARTS) - found.shortfall) < 1e-9
    assert abs(infos[-1]["shortfall"] - found.shortfall) < 1e-9
    assert abs(found.leftover - problem.haircut * run.leftover[0]) < 1e-9
    return found


def check_limited(sale: Booked, purchase: Booked, limited: Booked) -> None:
    """A purchase is the sale's mirror image; a limit leaves shares over and is paid for."""
    assert abs(purchase.shortfall - sale.shortfall) < 1e-9
    assert limited.penalties > 0
    assert limited.leftover > 0


def check_dear(cheap: Array, dear: Array) -> None:
    """Rewards do not depend on the price level."""
    assert np.abs(cheap - dear).max() < 1e-9


@dataclass(frozen=True, eq=False)
class Cash:
    """Two rewards for the same trades, marked to market and in cash."""

    table: pd.DataFrame
    marked_later: float
    """standard deviation of the sum of the last ten rewards at a price of $100 [$]"""
    cash_later: float
    factor: float
    """the ratio of the two variances"""
    total: float
    """standard deviation of the whole sum [$]"""


def cash(paid: Mapping[tuple[str, float], Array]) -> Cash:
    """How noisy both rewards are; they are given (n, N) [$] by name and price, at $100 and at $1,000,000."""

    def noise(reward: Array) -> dict[str, float]:
        return {
            "one reward ($)": (reward**2).mean() ** 0.5,
            "last ten ($)": reward[:, 10:].sum(axis=1).std(),
            "whole sum ($)": reward.sum(axis=1).std(),
        }

    found = pd.DataFrame({key: noise(reward) for key, reward in paid.items()}).T
    (low, high), (cash_low, cash_high) = (found.loc[name].to_numpy() for name in ("mark-to-market", "cash"))
    assert np.allclose(low, high, rtol=1e-6)  # the price level is gone
    assert (cash_high[:2] > 9_000 * cash_low[:2]).all()
    assert (cash_low[:2] > 30 * low[:2]).all()
    assert np.allclose(cash_low[2], low[2])
    assert np.allclose(cash_high[2], low[2], rtol=1e-4)
    table = found.map(lambda value: f"{value:,.{1 if value < 1000 else 0}f}")
    table.index = pd.Index([f"{name} at {price:,.0f}" for name, price in paid], name="reward, price ($)")
    return Cash(table, marked_later=low[1], cash_later=cash_low[1], factor=(cash_low[1] / low[1]) ** 2, total=low[2])


def one_step_noise(problem: ox.Problem, schedule: ox.Schedule, realised: Array, expected: Array) -> Array:
    """Standard deviation (N,) [$] of realised rewards (N, n) about expected ones, which is what theory says."""
    difference = mean((realised - expected).sum(axis=0))
    assert abs(difference.value) < 4 / 1.96 * difference.ci  # the same mean
    noise = np.asarray((realised - expected).std(axis=1))
    price, slippage = problem.step_variance * schedule.inventory[1:] ** 2, problem.market.slippage**2
    theory = (price + slippage * schedule.trades**2) ** 0.5
    assert np.allclose(noise, theory, rtol=4 / (2 * realised.shape[1]) ** 0.5)
    return noise


@dataclass(frozen=True, eq=False)
class Variances:
    """What the expected reward takes off the variance of an episode's sum."""

    table: pd.DataFrame
    gone: float
    """of the optimum's [%]"""
    gone_twap: float
    """of TWAP's [%]"""
    ratio_gap: float
    """realised over expected, of the paired difference of the best schedule and the optimum"""


def variances(problem: ox.Problem) -> Variances:
    """Sums of both rewards on the same shocks, under constant liquidity and under the market's own."""

    def sums(market: ox.Problem, policy: ox.Policy) -> Array:
        run = ox.simulate(market, policy, EPISODES, SEED)
        return np.array([run.shortfall + run.running_risk, run.objective])

    even, best = ox.twap(problem), sums(problem, ox.best_static(problem))
    samples = {
        "constant: TWAP": sums(problem.replace(liquidity=ox.ConstantLiquidity()), even),
        "OU: TWAP": sums(problem, even),
        "OU: AC": sums(problem, ox.almgren_chriss(problem)),
        "OU: optimum": sums(problem, ox.optimum(problem)),
    }
    samples["OU: AC − TWAP"] = samples["OU: AC"] - samples["OU: TWAP"]
    samples["OU: optimum − best static"] = samples["OU: optimum"] - best
    rows, ratios = {}, {}
    for name, (loud, quiet) in samples.items():
        shift, noisy, silent = mean(loud - quiet), standard_deviation(loud), standard_deviation(quiet)
        assert abs(shift.value) < 4 / 1.96 * shift.ci  # the same mean, on the same shocks
        if name.startswith("OU"):
            ratios[name] = (noisy / silent).squared()
        rows[name] = {
            "realised ($)": f"{noisy.value:.1f}",
            "expected ($)": f"{silent.value:.1f}",
            "variance ratio": plus_minus(ratios[name].value, ratios[name].ci, 2) if name in ratios else "–",
            "difference ($)": plus_minus(shift.value, shift.ci, 2),
        }
    assert samples["constant: TWAP"][1].std() < 1e-6
    assert all(1 < ratio.value < 2 for ratio in ratios.values())
    found = Variances(
        table=pd.DataFrame.from_dict(rows, orient="index").rename_axis("liquidity: policy"),
        gone=100 * (1 - 1 / ratios["OU: optimum"].value),
        gone_twap=100 * (1 - 1 / ratios["OU: TWAP"].value),
        ratio_gap=ratios["OU: optimum − best static"].value,
    )
    assert found.ratio_gap < 1.1
    return found


@dataclass(frozen=True, eq=False)
class Cap:
    """What a cap of 30% on the fraction traded leaves of an order."""

    start: float
    """the fraction that TWAP starts with [%]"""
    left: float
    """of TWAP's [%]"""
    fast: float
    """of the Almgren-Chriss schedule's [%]"""
    greedy: float
    """of one that sells as fast as the cap allows [%]"""
    inventories: Mapping[str, Array]
    """(N + 1,) by policy and cap [shares]"""


def cap(problem: ox.Problem, capped: ox.Problem, run: ox.Episodes) -> Cap:
    """The cap, with TWAP's episodes under it."""
    left = run.leftover / capped.order.shares
    assert np.allclose(left, 3 / 20 * 0.7**3)
    assert (run.violations == 2).all()  # periods 17 and 18; the last period's cap is not one
    fast = ox.simulate(capped, ox.almgren_chriss(capped), 1, SEED).inventory[0]
    assert 0 < fast[-1] < run.inventory[0, -1]
    return Cap(
        start=100 / problem.order.periods,
        left=100 * float(left[0]),
        fast=100 * float(fast[-1]) / capped.order.shares,
        greedy=100 * 0.7**20,
        inventories={
            "TWAP, no cap": ox.twap(problem).inventory,
            "TWAP, cap 0.3": run.inventory[0],
            "AC, cap 0.3": fast,
        },
    )


class Everything:
    """Wishes to sell all that is left; the limit decides."""

    def act(self, observation: Observation) -> Array:
        """Everything."""
        return np.ones(len(observation))


@dataclass(frozen=True, eq=False)
class Completion:
    """What a limit on participation leaves undone when depth falls: completion [%]."""

    table: pd.DataFrame
    collapse: float
    """of who sells all that is allowed, in a collapse of depth to 0.3"""
    twap: float
    """under shocks of 80%"""
    ac: float
    most: float
    """of who sells all that is allowed, under shocks of 80%"""


def completion(problem: ox.Problem) -> Completion:
    """Completion and violations under a limit of 100 L shares a period."""

    def shocked(size: float) -> ox.Shocks:
        return ox.Shocks(ox.OrnsteinUhlenbeck(speed=0.05, volatility=0.05), probability=0.05, size=size)

    markets: dict[str, ox.OrnsteinUhlenbeck | ox.Shocks] = {
        "standard": ox.OrnsteinUhlenbeck(),
        "collapse to 0.3": ox.OrnsteinUhlenbeck(mean=0.3, volatility=0.1),
        "shocks of −50%": shocked(-0.5),
        "shocks of −80%": shocked(-0.8),
        "shocks of −95%": shocked(-0.95),
    }
    greedy = "all that is allowed"
    policies: dict[str, ox.Policy] = {
        "TWAP": ox.twap(problem),
        "AC": ox.almgren_chriss(problem),
        greedy: Everything(),
    }
    rows, done, wishes = {}, {}, {}
    for market, process in markets.items():
        limited = problem.replace(liquidity=process, max_participation=0.01)
        for name, policy in policies.items():
            run = ox.simulate(limited, policy, EPISODES, SEED)
            completed, violated = mean(100 * run.completion), mean(run.violations)
            full = mean(np.where(run.leftover < 1e-6, 100.0, 0.0))
            done[market, name], wishes[market, name] = completed.value, violated.value
            rows[f"{market}: {name}"] = {
                "completion (%)": plus_minus(completed.value, completed.ci),
                "complete (%)": plus_minus(full.value, full.ci),
                "violations": plus_minus(violated.value, violated.ci, 2),
            }
        assert done[market, "TWAP"] <= done[market, "AC"] + 1e-9 <= done[market, greedy] + 2e-9
    found = Completion(
        table=pd.DataFrame.from_dict(rows, orient="index").rename_axis("market: policy"),
        collapse=done["collapse to 0.3", greedy],
        twap=done["shocks of −80%", "TWAP"],
        ac=done["shocks of −80%", "AC"],
        most=done["shocks of −80%", greedy],
    )
    assert done["standard", "TWAP"] > 99.9
    assert found.collapse < 62
    asked = [wishes["shocks of −80%", name] for name in policies]
    assert asked == sorted(asked)
    return found


def check_refused(problem: ox.Problem, fraction: float, first: float) -> None:
    """A wish of NaN is refused, and what comes after it is paid as if nothing had happened."""
    env = gymnasium.make("optexec/Execution-v0", problem=problem)
    env.reset(seed=SEED)
    try:
        env.step(np.array([np.nan]))
    except ValueError:
        _, reward, *_ = env.step(np.array([fraction]))
        assert reward == first
    else:
        raise AssertionError("a wish of NaN was taken")


def check_vector(run: ox.Episodes, total: Array, ended: Sequence[NDArray[np.bool_]], info: Mapping[str, Any]) -> None:
    """A vector environment's episodes are the simulator's, and end together: terminated, not truncated."""
    terminated, truncated = ended
    assert terminated.all()
    assert not truncated.any()
    assert np.allclose(info["shortfall"], run.shortfall, rtol=0, atol=1e-9)
    assert np.allclose(total, -(run.shortfall + run.running_risk), rtol=0, atol=1e-9)


def check_next(envs: Any, policy: ox.Policy, step: Sequence[Any], following: ox.Episodes) -> None:
    """The step after the last one paid nothing, and began the episodes that follow."""
    observation, reward, terminated, *_ = step
    assert envs.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.NEXT_STEP
    assert (reward == 0).all()
    assert not terminated.any()
    assert (columns(observation).inventory == 1).all()
    observation, *_ = envs.step(policy.act(observation))
    assert np.array_equal(columns(observation).liquidity, following.liquidity[:, 1].astype(np.float32))


def check_seeds(run: ox.Episodes, following: ox.Episodes, longer: ox.Episodes, other: ox.Episodes) -> None:
    """A longer run is a run and those that follow it; another policy meets the same market."""
    n = len(run.shortfall)
    assert np.array_equal(longer.shortfall[:n], run.shortfall)
    assert np.array_equal(longer.shortfall[n:], following.shortfall)
    assert np.array_equal(other.liquidity, run.liquidity)
    gamma = run.problem.market.permanent
    mine, theirs = (each.mid[:, 1:] + gamma * np.cumsum(each.trades, axis=1) for each in (run, other))
    assert np.allclose(mine, theirs, rtol=0, atol=1e-9)  # prices without own impact


@dataclass(frozen=True, eq=False)
class Sight:
    """What seeing the depth is worth."""

    table: pd.DataFrame
    follower: Interval
    """gap that the depth follower closes [%]"""
    optimum: Interval
    """that the optimum closes which takes the depth of the last fill for the present one [%]"""
    last: float
    """correlation of the depth shown in period 5 with that of the last period"""
    present: float
    """and with the present one"""
    late: float
    """the first of them at the end, where trades are small"""
    correlation_ci: float
    """of the least of them"""


def sight(seen: pd.DataFrame, unseen: pd.DataFrame, shown: Array, depth: Array) -> Sight:
    """Evaluations with the depth seen and not; the depth shown by period (N, n), and as it was (n, N)."""

    def correlation(k: int, lag: int) -> float:
        return float(np.corrcoef(shown[k], depth[:, k - lag])[0, 1])

    last, present, late = correlation(5, 1), correlation(5, 0), correlation(19, 1)
    gap, gap_ci, blind, blind_ci = (
        100 * table[key] for table in (seen, unseen) for key in ("gap_closed", "gap_closed_ci")
    )
    assert (shown[0] == 1).all()  # the long-run mean, before there is a fill
    assert last > 0.95
    assert 0.3 < present < 0.6
    assert late < last
    assert abs(gap["optimum"] - 100) < 1.6 * gap_ci["optimum"]
    assert gap["depth follower"] > 90
    assert blind["optimum"] < 10
    assert unseen["objective"]["depth follower"] > unseen["objective"]["best static"]
    rows = {
        f"{what}, {how} ({unit})": [
            plus_minus(scale * a, scale * b) for a, b in zip(table[key], table[f"{key}_ci"], strict=True)
        ]
        for how, table in {"seen": seen, "not seen": unseen}.items()
        for what, unit, key, scale in (("J", "$", "objective", 1), ("gap", "%", "gap_closed", 100))
    }
    return Sight(
        table=pd.DataFrame(rows, index=seen.index),
        follower=Interval.around(gap["depth follower"], gap_ci["depth follower"]),
        optimum=Interval.around(blind["optimum"], blind_ci["optimum"]),
        last=last,
        present=present,
        late=late,
        correlation_ci=1.96 * (1 - present**2) / len(depth) ** 0.5,
    )


@dataclass(frozen=True)
class Unsold:
    """The exercise: what a cap on the fraction traded leaves of TWAP's order."""

    fifth: float
    """at a cap of 20% [%]"""


def unsold(problem: ox.Problem) -> Unsold:
    """The formula, and the simulator for several caps."""
    left, periods = {}, problem.order.periods
    for fraction in (0.02, 0.1, 0.2, 0.3, 0.5, 0.7, 0.99, 1.0):
        binding = min(int(np.ceil(1 / fraction - 1e-12)) - 1, periods)
        share = binding / periods * (1 - fraction) ** binding
        market = problem.replace(max_fraction=fraction)
        run = ox.simulate(market, ox.twap(market), episodes=3, seed=SEED)
        assert np.allclose(run.leftover / market.order.shares, share, atol=1e-12), fraction
        left[fraction] = 100 * share
    return Unsold(fifth=left[0.2])


def repaired(table: pd.DataFrame) -> Interval:
    """The exercise: the gap that the repaired rule closes [%], from an evaluation with the depth follower first."""
    assert table["diff"]["repaired"] + table["diff_ci"]["repaired"] < 0
    assert table["gap_closed"]["repaired"] > table["gap_closed"]["optimum"]
    return Interval.around(100 * table["gap_closed"]["repaired"], 100 * table["gap_closed_ci"]["repaired"])


def episode_story(observations: NDArray[np.float64], rewards: pd.DataFrame) -> go.Figure:
    """One episode: what the policy saw, and what it was paid for.

    Args:
        observations: (N + 1, 6), from the reset to the last step.
        rewards: parts of the reward [$] by period, in columns named as in `REWARD_PARTS`; they sum to the reward.
    """
    periods = len(rewards)
    time = np.arange(periods + 1)
    plot = Plot(
        ["Inventory and time", "Liquidity", "Price", "Reward by period"],
        rows=2,
        columns=3,
        specs=[[{}, {}, {}], [{"colspan": 3}, None, None]],
        row_heights=[0.4, 0.6],
        vertical_spacing=0.19,
        gap=0.1,
    )
    inventory, liquidity, price, reward = plot
    seen = columns(observations)
    basis_points = 1e4 * (seen.price.astype(np.float64) - 1)
    inventory.line(time, np.round(seen.inventory, 4), LIQUIDITY, name="x/X", showlegend=False)
    inventory.line(time, np.round(seen.remaining, 4), NEUTRAL, dash="dot", name="(N − k)/N", showlegend=False)
    liquidity.line(time, np.round(seen.liquidity, 4), LIQUIDITY, shape="hv", name="L", showlegend=False)
    price.line(time, np.round(basis_points, 2), LIQUIDITY, name="S/S₀ − 1", showlegend=False)
    for name, values in rewards.items():
        reward.bars(time[:-1], np.round(values.to_numpy(), 3), REWARD_PARTS.get(str(name), NEUTRAL), name=name)
    total = np.round(rewards.sum(axis=1).to_numpy(), 3)
    reward.dots(time[:-1], total, "#4f86c6", 9, "diamond-open", edge=2, name="reward")
    for panel in plot.panels[:3]:
        panel.x("period k", [0, periods])
    inventory.y("fraction (dotted: time)", [0, 1.03])
    liquidity.y("L", rangemode="tozero")
    price.y("S − S₀ (bps of S₀)")
    reward.x("period k", [-0.6, periods - 0.4])
    reward.y("reward ($)")
    return plot.done(
        "Three panels: inventory, liquidity and price through one episode, as the policy observes them. "
        "Fourth panel: the reward of every period as stacked parts; temporary impact, permanent impact and "
        "running risk are paid for certain, slippage and timing go either way.",
        height=640,
        barmode="relative",
        legend={"y": -0.13, "yanchor": "top"},
        phone=plot.stacked(1240, 0.1, legend={"y": -0.07}),
    )


def reward_noise(spread: Mapping[str, NDArray[np.float64]], totals: Mapping[str, NDArray[np.float64]]) -> go.Figure:
    """How noisy two forms of the reward are: by period with liquidity known, and over the episode.

    Args:
        spread: by reward, standard deviation of r_k given what is observed and done in period k (N,) [$].
        totals: by reward, sums over the episode (n,) [$].
    """
    plot = Plot(["One reward, state and action given", "Sum over an episode"], gap=0.13)
    single, whole = plot
    every = np.concatenate(list(totals.values()))
    edges = np.histogram_bin_edges(every, 60)
    middles = np.round((edges[1:] + edges[:-1]) / 2, 1)
    for name, colour in zip(spread, (NEUTRAL, LIQUIDITY), strict=True):
        single.line(np.arange(len(spread[name])), np.round(spread[name], 3), colour, marks=6, name=name)
        density = np.histogram(totals[name], edges, density=True)[0]
        whole.line(middles, np.round(1000 * density, 3), colour, shape="hvh", name=name)
    single.x("period k")
    single.y("standard deviation ($)", rangemode="tozero")
    low, high = np.quantile(every, [0.001, 0.999])
    whole.x("sum of rewards ($)", [low, high + 0.06 * (high - low)])
    whole.y("density (per 1,000 $)", rangemode="tozero")
    return plot.done(
        "First panel: given state and action the realised reward is noisy and the expected one is not. "
        "Second panel: summed over an episode the two have the same mean, and the expected reward's distribution "
        "is only somewhat narrower.",
        height=420,
        legend={"y": 1.1},
        phone=plot.stacked(780, 0.16, legend={"y": 1.05}),
    )


def capped_inventory(inventories: Mapping[str, NDArray[np.float64]], first: int = 0) -> go.Figure:
    """Holdings with and without a limit on each period's trade.

    Args:
        inventories: holdings (N + 1,) by policy and, after a comma, its cap; the first one is drawn as the reference.
        first: the period from which on they are shown.
    """
    plot = Plot()
    for i, (name, held) in enumerate(inventories.items()):
        x, y = np.arange(first, len(held)), np.round(held[first:], 3)
        plot.line(x, y, COLOURS.get(name.split(",")[0], NEUTRAL), dash=None if i else "dot", marks=7, name=name)
    plot.x("time (periods)")
    plot.y("inventory (shares)", rangemode="tozero")
    return plot.done(
        "Holdings over time: without a cap they reach zero, with one they do not.",
        height=380,
        phone={"height": 420, "legend": {"orientation": "v"}},
    )
