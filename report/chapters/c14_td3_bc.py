"""*Behaviour cloning and TD3+BC*: what cloning can do, what a critic is asked to see, and what was learned."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec import offline
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, digits
from optexec.liquidity import Chain, cached_chain
from optexec.observation import Columns, Observation, columns, period_of, stacked
from optexec.offline import scoring
from optexec.offline.agents import Agents
from optexec.offline.data import Transitions, behaviour
from optexec.offline.td3_bc import TD3BC
from optexec.offline.view import Batchable, View, ViewConfig
from optexec.optimum import Optimum
from optexec.policies import LevelTable, Rolling
from report.agents import published
from report.agents.protocol import SCORING, STEPS, TUNING
from report.chapters.c08_optimum import uncapped
from report.plot import Plot, bundle, places

__all__ = [
    "Allows",
    "Clones",
    "Constant",
    "Coordinates",
    "CriticTask",
    "Forms",
    "Learned",
    "Leash",
    "Log",
    "Missing",
    "Pairs",
    "Paper",
    "PerfectCritic",
    "PoorLogs",
    "Prize",
    "Reaction",
    "ScoreRow",
    "Shaping",
    "Training",
    "clone_table",
    "clones",
    "constant",
    "coordinates",
    "critic_task",
    "discounted",
    "forms",
    "gap_by_seed",
    "learned",
    "learned_reactions",
    "leash",
    "leash_table",
    "missing",
    "pairs",
    "paper",
    "paper_table",
    "poor_logs",
    "poor_table",
    "prize",
    "reactions",
    "regret",
    "reward_scales",
    "schedule",
    "score_table",
    "scores_figure",
    "seed_traces",
    "settings",
    "shaping",
    "training",
    "update",
    "where_regret_is",
]

Array = NDArray[np.float64]
Styled = Any
"""A table with its format: pandas' ``Styler``, whose type pandas keeps to itself."""

CLONE = COLOURS["behaviour cloning"]
"""Colour of behaviour cloning."""

_PAIR = (COLOURS["TD3+BC"], "#9a9730")
"""TD3+BC's colour, for two data sets; the second is that of single seeds, too."""

FRACTIONS = "clone: mean of the arms' fractions"
ODDS = "clone: mean of the logged log-odds"
NETWORK = "clone: network on log-odds"

FIRST, SECOND, EXPECTED = "TD3+BC, data seed 0", "TD3+BC, data seed 1", "TD3+BC, expected rewards"
RUNS = {
    FIRST: "td3bc-mixture-data0",
    SECOND: "td3bc-mixture-data1",
    EXPECTED: "td3bc-mixture-expected-data0",
    "cloning, data seed 0": "bc-mixture-data0",
    "cloning, data seed 1": "bc-mixture-data1",
}
"""Published studies of the chapter, by label."""


@lru_cache
def trained(label: str) -> Agents:
    """The agents of a run."""
    return published.agents(RUNS[label])


@dataclass(frozen=True, eq=False)
class Log:
    """A log of the mixture, with what the exact optimum says at its states (m,)."""

    problem: ox.Problem
    data: Transitions

    @property
    def periods(self) -> int:
        """N."""
        return self.problem.order.periods

    @cached_property
    def best(self) -> Optimum:
        """The exact optimum."""
        return uncapped(self.problem)

    @cached_property
    def static(self) -> float:
        """J of the best schedule [$]."""
        return ox.exact_objective(self.problem, ox.best_static(self.problem))

    @property
    def gap(self) -> float:
        """What the optimum saves [$]."""
        return self.static - self.best.value

    def closed(self, policy: ox.Policy) -> float:
        """Gap closed by a policy of period and liquidity, without Monte Carlo."""
        return (self.static - ox.exact_value(self.problem, policy)) / self.gap

    @cached_property
    def chain(self) -> Chain:
        """Liquidity on the optimum's levels."""
        found = cached_chain(self.problem.market.liquidity, self.problem.order.dt, self.periods)
        assert np.array_equal(found.levels, self.best.levels)
        return found

    def table(self, fractions: Array) -> Rolling:
        """The policy of fractions (N, G) by period and level."""
        return Rolling(self.problem, LevelTable(self.problem, self.best.levels, fractions))

    @cached_property
    def view(self) -> View:
        """What the learners see of it."""
        return View.fit(ViewConfig(), self.data)

    @cached_property
    def average(self) -> Array:
        """The mean fraction of the mixture's arms by period (N,)."""
        arms: Any = behaviour(self.problem, "mixture").arms
        average: Array = np.mean([arm.fractions for arm in arms.values()], axis=0)
        return average

    @cached_property
    def odds(self) -> Array:
        """The logged y by episode and period."""
        return self.rows(self.view.encode(self.data.fractions, self.data.period))

    def rows(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (m,) by episode and period."""
        return values.reshape(self.data.episodes, self.periods)

    def tiled(self, values: Array) -> Array:
        """Values by period (N,) at every state (m,)."""
        return np.tile(values, self.data.episodes)

    def at_states(self, surface: Array, observations: Observation | None = None) -> Array:
        """A surface by period and level (N, G) at the log's states, or at others."""
        seen = self.data.observations if observations is None else observations
        liquidity = self.rows(columns(seen).liquidity.astype(float))
        values = [np.interp(liquidity[:, k], self.best.levels, surface[k]) for k in range(self.periods)]
        return np.stack(values, axis=1).ravel()

    @cached_property
    def cost(self) -> Array:
        """A, the optimum's cost-to-go per squared share."""
        return self.at_states(self.best.coefficients.A)

    @cached_property
    def curvature(self) -> Array:
        """q2."""
        return self.at_states(self.best.coefficients.q2)

    @cached_property
    def wish(self) -> Array:
        """The optimum's fraction."""
        return self.at_states(self.best.coefficients.of_inventory)

    @cached_property
    def held(self) -> NDArray[np.float32]:
        """Inventory x [shares]."""
        held: NDArray[np.float32] = columns(self.data.observations).inventory * float(self.problem.order.shares)
        return held

    @cached_property
    def kept(self) -> Array:
        """What is left of it after the trade [shares]."""
        return self.held * (1 - self.data.fractions)

    @cached_property
    def prize(self) -> Array:
        """What the optimum's action is worth in place of the arms' mean [$]."""
        prize: Array = self.curvature * (self.tiled(self.average) - self.wish) ** 2 * self.held**2
        return prize

    @cached_property
    def price_luck(self) -> Array:
        """Standard deviation of a reward by prices and fills [$]."""
        traded = self.data.fractions * self.held
        variance = self.problem.step_variance * self.kept**2 + self.problem.market.slippage**2 * traded**2
        luck: Array = np.sqrt(variance)
        return luck

    def level_luck(self, surface: Array) -> Array:
        """What the next level adds to a cost-to-go ``surface`` (N, G) beyond its conditional mean [$]."""
        ahead = np.vstack([surface[1:], np.zeros_like(surface[:1])])
        surprise = self.at_states(ahead, self.data.next_observations) - self.at_states(ahead @ self.chain.matrix.T)
        return self.kept**2 * surprise

    @cached_property
    def size(self) -> float:
        """Mean |Q| of the clone's actions [$]."""
        missed = self.curvature * (self.tiled(self.average) - self.wish) ** 2
        return float(np.mean(self.held**2 * (self.cost + missed)))

    def by_period(self, values: NDArray[Any], weight: NDArray[Any] | None = None) -> Array:
        """Weighted root mean square of the free periods."""
        rows, weights = self.rows(values), self.rows(np.ones(len(self.data)) if weight is None else weight)
        found: Array = np.sqrt((weights * rows**2).sum(axis=0) / weights.sum(axis=0))[: self.periods - 1]
        return found

    def seen_at(self, k: int, levels: Array) -> NDArray[np.float32]:
        """Observations (n, 6) in period k at levels of liquidity (n,), on TWAP's path."""
        left = (self.periods - k) / self.periods
        return stacked(Columns(left, left, 1.0, self.problem.market.volatility, levels, 0.0), len(levels))


@dataclass(frozen=True)
class Prize:
    """The scale of the scores."""

    gap: float
    """J of the best schedule less J* [$]"""
    percent: float
    """of J*"""
    twap: float
    """gap closed"""


def prize(log: Log) -> Prize:
    """What there is to win, and what TWAP scores."""
    return Prize(log.gap, 100 * log.gap / log.best.value, log.closed(ox.twap(log.problem)))


def schedule(problem: ox.Problem, fractions: Array) -> ox.Schedule:
    """The schedule that sells these fractions (N,) of what is left."""
    left = np.cumprod(np.append(1.0, 1 - fractions[:-1]))
    return ox.Schedule(problem, problem.order.shares * left * fractions)


@dataclass(frozen=True)
class Clones:
    """Gap closed by the mixture's arms and by clones of them."""

    table: pd.DataFrame
    """J and gap closed by policy"""
    best_arm: float
    mean_arm: float
    of_fractions: float
    """the clone that takes the arms' mean fraction"""
    of_odds: float
    """the clone that takes the mean of the logged log-odds"""
    network: float


def clones(log: Log, policies: Mapping[str, ox.Policy]) -> Clones:
    """Score the arms, and clones by the labels of this module."""
    arms = behaviour(log.problem, "mixture").arms
    objectives = {name: ox.exact_value(log.problem, policy) for name, policy in {**arms, **policies}.items()}
    scores = {name: (log.static - objective) / log.gap for name, objective in objectives.items()}
    of_arms = [scores[arm] for arm in arms]
    found = Clones(
        table=pd.DataFrame({"J ($)": objectives, "gap closed": scores}),
        best_arm=max(of_arms),
        mean_arm=float(np.mean(of_arms)),
        of_fractions=scores[FRACTIONS],
        of_odds=scores[ODDS],
        network=scores[NETWORK],
    )
    assert max(scores.values()) < 0
    assert found.of_fractions > -0.1
    assert -1.5 < found.of_odds < -0.7
    assert abs(found.network - found.of_odds) < 0.15  # it has found the solution
    assert min(of_arms) == log.closed(ox.twap(log.problem))
    return found


def clone_table(found: Clones) -> Styled:
    """J and gap closed, an arm or a clone a row."""
    return found.table.rename_axis("policy").style.format("{:,.2f}").format("{:.2f}", subset=["gap closed"])


def update() -> str:
    """The learner's update as the package has it, in Markdown."""
    return f"```python\n{textwrap.dedent(inspect.getsource(TD3BC.update))}```"


MEANINGS = {
    "view: state": "what the networks see",
    "view: action": "coordinate of actions",
    "view: scaled": "rewards in parts of the cost-to-go",
    "view: shaped": "a potential in the rewards",
    "view: discount": "discount of a period",
    "widths": "hidden layers",
    "activation": "between layers",
    "rate": "Adam's learning rate at first",
    "final_rate": "part of it left at the end",
    "relative": "distances in units of the data's spread",
    "critic": "form of Q in the action",
    "judge": "critic that the actor climbs",
    "average": "a step's weight in the average that acts",
    "alpha": r"$\alpha$",
    "target_noise": r"$\varsigma$",
    "noise_clip": "$c$",
    "tau": r"$\tau$",
}
"""Settings in words."""


def settings(data: Transitions) -> pd.DataFrame:
    """The paper's settings and the report's where they differ, once it is sure that the agents have them."""
    paper, tuned = offline.TD3BCConfig.paper(), offline.TD3BCConfig.tuned()
    assert published.agents("td3bc-mixture-data0").config == tuned
    assert published.agents("td3bc-mixture-paper-data0").config == paper
    used = [{*seeds.data, *seeds.training, seeds.episodes} for seeds in (TUNING, SCORING)]
    assert not used[0] & used[1]
    assert data.seed in SCORING.data

    def flat(config: offline.TD3BCConfig) -> dict[str, Any]:
        plain = dataclasses.asdict(config)
        return {f"view: {name}": value for name, value in plain.pop("view").items()} | plain

    both = pd.DataFrame({"paper": flat(paper), "tuned": flat(tuned)}).astype(str)
    both = both[both["paper"] != both["tuned"]]
    both.insert(0, "meaning", [MEANINGS[name] for name in both.index])
    return both.rename_axis("setting")


@dataclass(frozen=True)
class Paper:
    """TD3+BC with the settings of its paper on raw numbers."""

    table: pd.DataFrame
    low: float
    """least gap closed of an agent of the mixture"""
    high: float
    """the most"""
    dearer_least: float
    """J of an agent of TWAP's log above TWAP's, the least [%]"""
    dearer_most: float
    idle: float
    """gap closed by who sells nothing until the last period"""


def paper(log: Log, cloned: Clones) -> Paper:
    """The published scores of the agents with the paper's settings."""
    twap, rows = ox.exact_value(log.problem, ox.twap(log.problem)), {}
    for behaves, label in (("mixture", "mixture"), ("twap", "TWAP")):
        entry = published.manifest()[f"td3bc-{behaves}-paper-data0"]
        found, seeds = entry["scores"], entry["study"]["seeds"]
        runs = zip(seeds, found["gap_closed"], found["gap_closed_ci"], found["objective"], strict=True)
        for seed, score, ci, objective in runs:
            rows[f"{label}, seed {seed}"] = {"gap closed": score, "±": ci, "J / TWAP's J": objective / twap}
    table = pd.DataFrame(rows).T
    of_mixture, dearer = table["gap closed"].iloc[:3], 100 * (table["J / TWAP's J"].iloc[3:] - 1)
    assert of_mixture.max() < cloned.of_odds
    assert of_mixture.min() > cloned.mean_arm
    assert dearer.min() > 20
    idle = schedule(log.problem, np.eye(log.periods)[-1])
    return Paper(table, of_mixture.min(), of_mixture.max(), dearer.min(), dearer.max(), log.closed(idle))


def paper_table(found: Paper) -> Styled:
    """A row an agent."""
    return (
        found.table.rename_axis("log and training seed")
        .style.format("{:.2f}")
        .format("{:.3f}", subset=["J / TWAP's J"])
    )


@dataclass(frozen=True, eq=False)
class PerfectCritic:
    """The best actor of the published loss, given the exact Q."""

    log: Log
    alpha: float

    def act(self, observation: Observation) -> Array:
        """A weighted mean of the optimum's fraction and the log's."""
        log, held, level = self.log, columns(observation).inventory, columns(observation).liquidity.astype(float)
        k, surfaces = int(period_of(observation, log.periods)[0]), log.best.coefficients
        q2, wish = (np.interp(level, log.best.levels, surface[k]) for surface in (surfaces.q2, surfaces.of_inventory))
        w = self.alpha * q2 * (held * float(log.problem.order.shares)) ** 2 / log.size
        fractions: Array = (w * wish + 4 * log.average[k]) / (w + 4)
        return fractions


def _planned(log: Log, ahead: Callable[[int, Array], Array], potential: Array | None = None) -> Rolling:
    """The best policy where ``ahead(k, value)`` is what follows period k, and a potential (N, G) is taken off."""
    market, r, N = log.problem.market, log.problem.risk_weight, log.periods
    h, gamma = market.instantaneous / log.best.levels, market.permanent
    rule = np.ones((N, len(h)))
    off = np.zeros_like(rule) if potential is None else potential
    value = h - off[N - 1]
    for k in range(N - 2, -1, -1):
        total = ahead(k, value)
        square, slope = h - gamma + r + total, gamma - 2 * r - 2 * total
        rule[k] = -slope / (2 * square)
        value = r + total - slope**2 / (4 * square) - off[k]
    return log.table(rule)


def discounted(log: Log, discount: float) -> Rolling:
    """The policy that minimises costs discounted like this a period."""

    def found(factor: float) -> Rolling:
        return _planned(log, lambda _, value: factor * (log.chain.matrix @ value))

    assert abs(log.closed(found(1.0)) - 1) < 1e-5
    return found(discount)


@dataclass(frozen=True)
class Allows:
    """Gap closed by the paper's settings where nothing but the settings is in the way."""

    perfect: float
    """with a perfect critic"""
    ci: float
    impatient: float
    """by who minimises costs with the paper's discount"""

    def check(self, found: Paper) -> None:
        """It is the critic, or the chapter does not build."""
        assert 0.93 < self.impatient < 0.96
        assert 0.9 < self.perfect < 0.97
        assert self.ci < 0.01
        assert found.high < self.perfect - 2


@dataclass(frozen=True)
class CriticTask:
    """What a critic has to see in raw numbers, and how well it does."""

    sizes: pd.DataFrame
    """by free period: rewards, luck and the prize [$]"""
    worth: float
    """of the optimum's action in place of the arms' mean, a decision [$]"""
    size: float
    """mean |Q| of the clone's actions [$]"""
    size_logged: float
    """what the logged actions cost if the best follows [$]"""
    q_half: float
    """the critics' mean Q of the logged actions half-way through training [$]"""
    q_end: float
    """at the end [$]"""
    missed: float
    """root mean square of what the critics missed their targets by [$]"""
    luck: float
    """root mean square of the luck in the targets [$]"""
    first_squares: float
    """the first three periods' part of the squared rewards [%]"""
    later_worth: float
    """the other periods' part of the prize [%]"""
    react: float
    """how much more agents sell in a deep market than in a thin one [%]"""
    react_best: float
    """and the optimum [%]"""
    much: float
    """fraction of who holds much [%]"""
    little: float
    """fraction of who holds little [%]"""
    raw_first: float
    """the optimum's mean 2a - 1 in the first period"""
    raw_last: float
    """and in the last free one"""


def critic_task(log: Log, levels: tuple[float, float], held: tuple[float, float]) -> CriticTask:
    """Take the targets of the raw critic apart, and look at what its agents do.

    Args:
        log: whose targets they are.
        levels: a thin market and a deep one in which the agents act.
        held: quantiles of the log's inventory at which they do: little and much.
    """
    level_luck, N = log.level_luck(log.best.coefficients.A), log.periods
    sizes = pd.DataFrame(
        {
            "target": log.by_period(log.data.realised),
            "price": log.by_period(log.price_luck),
            "liquidity": log.by_period(level_luck),
            "worth": log.by_period(np.sqrt(log.prize)) ** 2,
        }
    )
    squares = log.rows(log.data.realised**2).sum(axis=0)
    agents = published.agents("td3bc-mixture-paper-data0")
    curve = agents.trace.groupby("step").mean()
    typical = log.data.observations.reshape(log.data.episodes, N, 6)[:, 5]
    seen = np.tile(typical.mean(axis=0), (4, 1)).astype(np.float32)
    columns(seen).liquidity[:2] = levels
    columns(seen).inventory[2:] = np.quantile(columns(typical).inventory, held)
    thin, deep, little, much = agents.fractions(seen).T
    best_thin, best_deep, best_little, best_much = log.best.act(seen)
    found = CriticTask(
        sizes=sizes,
        worth=sizes["worth"].mean(),
        size=log.size,
        size_logged=float(np.mean(log.held**2 * (log.cost + log.curvature * (log.data.fractions - log.wish) ** 2))),
        q_half=curve["q"].loc[STEPS // 2],
        q_end=curve["q"].iloc[-1],
        missed=float(np.sqrt(curve["loss"].loc[STEPS - 1000 :].mean())),
        luck=float(np.sqrt(np.mean(log.price_luck**2 + level_luck**2))),
        first_squares=100 * squares[:3].sum() / squares.sum(),
        later_worth=100 * (1 - sizes["worth"][:3].sum() / sizes["worth"].sum()),
        react=100 * (np.mean(deep / thin) - 1),
        react_best=100 * (best_deep / best_thin - 1),
        much=100 * much.mean(),
        little=100 * little.mean(),
        raw_first=log.rows(2 * log.wish - 1)[:, 0].mean(),
        raw_last=log.rows(2 * log.wish - 1)[:, N - 2].mean(),
    )
    assert (sizes["worth"] < 0.4 * sizes["price"]).all()
    assert found.worth < 0.01 * found.size
    assert found.later_worth > 100 * 2 / 3
    assert found.first_squares > 80
    assert found.missed > 1.3 * found.luck
    assert found.q_half > 0.9 * found.q_end
    assert abs(found.react / found.react_best - 1) < 0.5
    assert (little > 1.3 * much).all()
    assert np.isclose(best_little, best_much)
    return found


@dataclass(frozen=True)
class Coordinates:
    """How the optimum moves over periods, and with liquidity (s.d.), in two coordinates of the action."""

    drift_odds: float
    drift_fraction: float
    """in 2a - 1"""
    reaction_odds: float
    reaction_fraction: float


def coordinates(log: Log) -> Coordinates:
    """The optimum at the log's states, in log-odds relative to TWAP and in fractions."""
    odds = log.rows(log.view.encode(log.wish, log.data.period))[:, :-1]
    fraction = log.rows(2 * log.wish - 1)[:, :-1]
    drifts = [float(np.ptp(y.mean(axis=0))) for y in (odds, fraction)]
    reactions = [float(y[:, 1:].std(axis=0).mean()) for y in (odds, fraction)]
    found = Coordinates(*drifts, *reactions)
    assert found.drift_fraction / found.reaction_fraction > 2 * found.drift_odds / found.reaction_odds
    assert np.abs(odds).max() < 1
    return found


@dataclass(frozen=True)
class Shaping:
    """What the fitted potential does to the best action, and to luck."""

    scale: Array
    """c_k, the behaviour's cost-to-go per squared share (N,)"""
    potential: Array
    """b_k on the optimum's levels (N, G)"""
    sizes: pd.DataFrame
    """by free period, in parts of the cost-to-go: rewards, luck with and without shaping, the prize"""
    best: float
    """gap closed by the optimum of the shaped problem"""
    before: float
    """standard deviation of the packed rewards within a period, unshaped"""
    after: float
    """and shaped"""
    liquidity: float
    """luck of the next liquidity in the median period [% of the cost-to-go]"""
    left: float
    """what shaping leaves of it"""
    price: float
    """luck of price and fills"""
    worth: float
    """the prize of a decision [% of the cost-to-go]"""
    span_raw: float
    """the largest prize over the least from the second period on, in dollars"""
    span_view: float
    """and in the view"""


def _deviation(log: Log, batch: Batchable) -> float:
    """Standard deviation of the free periods' rewards around their period's mean, weighted."""
    reward, weight = (log.rows(part.astype(float))[:, :-1] for part in (batch.reward, batch.weight))
    centred = reward - (weight * reward).sum(axis=0) / weight.sum(axis=0)
    return float(np.sqrt((weight * centred**2).sum() / weight.sum()))


def _surface(log: Log, fitted: Array) -> Array:
    """The view's quadratics of log L, given at the log's states, on levels (N, G); in period 0 there is one level."""
    rows, level = log.rows(fitted), np.log(log.rows(columns(log.data.observations).liquidity.astype(float)))
    fits = [np.polyfit(level[:, k], rows[:, k], 2 if k else 0) for k in range(log.periods)]
    assert all(np.allclose(np.polyval(fit, level[:, k]), rows[:, k], atol=1e-9) for k, fit in enumerate(fits))
    return np.stack([np.polyval(fit, np.log(log.best.levels)) for fit in fits])


def shaping(log: Log, raw: CriticTask) -> Shaping:
    """Solve the shaped problem with the fitted potential, and take the targets of the view apart."""
    held: Any = log.held
    scale, *fitted = log.view._values(log.data, log.data.realised, held)
    potential, expected = (_surface(log, values) for values in fitted)
    best = log.closed(_planned(log, lambda k, value: log.chain.matrix @ value + expected[k], potential))
    assert 0.999 < best < 1
    packed = log.view.pack(log.data)
    unit = log.held**2 * log.tiled(scale)

    def in_view(values: Array) -> Array:
        return log.by_period(np.divide(values, unit, out=np.zeros(len(unit)), where=log.held > 0), packed.weight)

    A = log.best.coefficients.A
    sizes = pd.DataFrame(
        {
            "price": in_view(log.price_luck),
            "liquidity": in_view(log.level_luck(A)),
            "kept": in_view(log.level_luck(A - potential)),
            "worth": in_view(np.sqrt(log.prize) * np.sqrt(unit)) ** 2,
            "target": log.by_period(packed.reward.astype(float), packed.weight),
        }
    )
    middle = sizes.median()
    worths = (raw.sizes["worth"][1:], sizes["worth"][1:])
    found = Shaping(
        scale=scale,
        potential=potential,
        sizes=sizes,
        best=best,
        before=_deviation(log, dataclasses.replace(log.view, config=ViewConfig(shaped=False)).pack(log.data)),
        after=_deviation(log, packed),
        liquidity=100 * middle["liquidity"],
        left=100 * middle["kept"],
        price=100 * middle["price"],
        worth=100 * sizes["worth"][1:].mean(),
        span_raw=worths[0].max() / worths[0].min(),
        span_view=worths[1].max() / worths[1].min(),
    )
    assert found.after < 0.6 * found.before
    assert found.left < 0.5 * found.liquidity
    assert (sizes["kept"] < sizes["liquidity"]).sum() >= 18
    assert (sizes["liquidity"] > sizes["price"])[:8].all()
    assert (sizes["kept"] < sizes["price"]).sum() >= 16
    assert found.span_raw > 20
    assert found.span_view < 3
    return found


def _q_size(log: Log, found: Shaping, *, shaped: bool) -> float:
    """Mean |Q| in the view, of the arms' mean action in free periods."""
    cost = log.cost - log.at_states(found.potential) if shaped else log.cost
    size = np.abs(cost + log.curvature * (log.tiled(log.average) - log.wish) ** 2) / log.tiled(found.scale)
    return float(np.mean(size[log.data.period < log.periods - 1]))


def _tied(log: Log, found: Shaping, alpha: float, *, shaped: bool = True) -> Rolling:
    """The best actor of the loss in the view, given the exact Q."""
    size, grid, c = _q_size(log, found, shaped=shaped), np.linspace(-1, 1, 801), log.best.coefficients
    rule, spread = np.ones_like(c.q2), log.view.spread(log.data)
    for k in range(log.periods - 1):
        fractions = log.view.decode(grid, np.full(len(grid), k))
        missed = c.q2[k][:, None] * (fractions - c.of_inventory[k][:, None]) ** 2 / found.scale[k]
        apart = ((grid - log.odds[:, k].mean()) / spread) ** 2
        rule[k] = fractions[np.argmin(alpha / size * missed + apart, axis=1)]
    return log.table(rule)


@dataclass(frozen=True)
class Forms:
    """Gap closed after a short run by two agents a form of the critic."""

    parabola: float
    other_parabola: float
    free: float
    other_free: float


def forms(log: Log, short: Mapping[str, Agents]) -> Forms:
    """Score two agents with parabolas and two with free networks."""
    found = Forms(*(log.closed(agent) for form in ("parabola", "free") for agent in short[form]))
    parabolas, free = (found.parabola, found.other_parabola), (found.free, found.other_free)
    assert min(parabolas) > 0.25
    assert max(free) < min(parabolas) - 1
    return found


@dataclass(frozen=True)
class Leash:
    """Gap closed by the exact maximiser of the actor's loss in the view."""

    table: pd.DataFrame
    """by alpha, with the potential and without"""
    tuned: float
    """at the report's alpha"""
    papers: float
    """at the paper's"""


def leash(log: Log, found: Shaping, tuned: float, papers: float = 2.5) -> Leash:
    """What the constraint costs an actor with a perfect critic, at several alpha."""
    alphas = [0.0, papers, 10.0, 40.0, tuned, 500.0]
    table = pd.DataFrame(
        {
            title: {alpha: log.closed(_tied(log, found, alpha, shaped=shaped)) for alpha in alphas}
            for title, shaped in (("with the potential", True), ("without", False))
        }
    )
    shaped = table["with the potential"]
    assert shaped.is_monotonic_increasing
    assert (shaped[1:] > table["without"][1:]).all()
    assert table.loc[papers].max() < 0.1
    assert shaped[tuned] > 0.99
    return Leash(table, shaped[tuned], shaped[papers])


def leash_table(found: Leash) -> Styled:
    """A row an alpha."""
    return found.table.rename_axis("α").style.format("{:.3f}").format_index("{:g}")


@dataclass(frozen=True)
class Training:
    """A run that stops early, and the shipped one."""

    low: float
    """gap closed by the worse agent of the short run"""
    high: float
    cpu: float
    """of the shipped run [s an agent]"""


def training(log: Log, shipped: Agents, live: Agents) -> Training:
    """How far the short run has come, and how the shipped one went on."""
    scores = [log.closed(agent) for agent in live]
    assert max(scores) < -1  # far from trained
    loss, q = (shipped.trace[column].groupby("step").mean() for column in ("loss", "q"))
    assert loss.loc[20] > 3 * loss.loc[1000]
    assert abs(loss.loc[800:1200].mean() / loss.loc[5000:].mean() - 1) < 0.4
    assert q.loc[500] < 0.7 * q.iloc[-1]
    assert abs(q.loc[3000] / q.iloc[-1] - 1) < 0.1
    return Training(min(scores), max(scores), shipped.origin["cpu_seconds"] / len(shipped))


@dataclass(frozen=True)
class Learned:
    """Gap closed by the agents of the mixture."""

    scores: dict[str, Array]
    """of the seeds (S,), by run"""
    of_mean: pd.Series[float]
    """of the seeds' mean action, by run"""
    table: pd.DataFrame
    iqm: float
    """TD3+BC's interquartile mean over both logs"""
    low: float
    high: float
    lowest: float
    mean_action: float
    """of the log where it is lower"""
    expected: float
    """interquartile mean with expected rewards"""
    first: float
    """mean over seeds on the first log"""
    second: float
    first_sd: float
    """standard deviation over seeds"""
    second_sd: float
    both: float
    """the mean action of the agents of both logs"""
    rolling: float


@dataclass(frozen=True, eq=False)
class _Together:
    """The mean action of several sets of agents."""

    sets: Sequence[Agents]

    def act(self, observation: Observation) -> Array:
        action: Array = np.mean([agents.act(observation) for agents in self.sets], axis=0)
        return action


def learned(log: Log) -> Learned:
    """Score every published agent of the chapter, exactly."""
    scores = {label: np.array([log.closed(agent) for agent in trained(label)]) for label in RUNS}
    of_mean = pd.Series({label: log.closed(trained(label)) for label in RUNS})

    def summarised(labels: Sequence[str]) -> dict[str, float]:
        found, pooled = (
            scoring.summary([scores[run] for run in labels]),
            np.concatenate([scores[run] for run in labels]),
        )
        interval = {"IQM": found.value, "from": found.low, "to": found.high}
        ends = {"lowest": pooled.min(), "highest": pooled.max()}
        return interval | ends | {"mean action": min(of_mean[run] for run in labels)}

    groups = {
        "TD3+BC, realised rewards": [FIRST, SECOND],
        "TD3+BC, expected rewards (data seed 0)": [EXPECTED],
        "cloning": [label for label in RUNS if label.startswith("cloning")],
    }
    rows = {title: summarised(labels) for title, labels in groups.items()}
    td3, first, second = rows["TD3+BC, realised rewards"], scores[FIRST], scores[SECOND]
    found = Learned(
        scores=scores,
        of_mean=of_mean,
        table=pd.DataFrame(rows).T,
        iqm=td3["IQM"],
        low=td3["from"],
        high=td3["to"],
        lowest=td3["lowest"],
        mean_action=td3["mean action"],
        expected=rows["TD3+BC, expected rewards (data seed 0)"]["IQM"],
        first=first.mean(),
        second=second.mean(),
        first_sd=first.std(ddof=1),
        second_sd=second.std(ddof=1),
        both=log.closed(_Together([trained(FIRST), trained(SECOND)])),
        rolling=log.closed(ox.rolling(log.problem)),
    )
    assert found.iqm > 0.97
    assert found.lowest > 0.95
    assert rows["cloning"]["highest"] < 0
    assert all(0 < of_mean[label] - scores[label].mean() < 0.01 for label in (FIRST, SECOND))
    assert found.first - found.second > 2 * max(found.first_sd, found.second_sd)  # the log matters more than the seed
    for label, name in RUNS.items():  # the manifest's 20,000 fresh episodes tell the same
        entry = published.manifest()[name]["scores"]
        assert (np.abs(np.array(entry["gap_closed"]) - scores[label]) < 2 * np.array(entry["gap_closed_ci"])).all()
    assert first.min() > found.rolling > second.max() > first.max() - 0.05
    assert abs(found.iqm - found.rolling) < 0.01
    return found


def score_table(found: Learned) -> Styled:
    """A row a group of agents."""
    return found.table.rename_axis("agents").style.format("{:.3f}")


def reactions(log: Log, found: Learned, periods: Sequence[int] = (1, 8, 16)) -> dict[int, Reaction]:
    """The learned reactions to liquidity beside the clone's and the optimum's, by period."""
    agents, cloned, drawn = trained(FIRST), trained("cloning, data seed 0"), {}
    for k in periods:
        logged = columns(log.data.observations).liquidity[k :: log.periods]
        low, high = np.quantile(logged, [0.005, 0.995])
        levels: Array = np.linspace(low, high, 25)
        seen = log.seen_at(k, levels)
        fractions = agents.fractions(seen)
        lines = (fractions, fractions.mean(axis=0), cloned.act(seen), log.best.act(seen))
        drawn[k] = Reaction(levels, *((log.periods - k) * line for line in lines))
    return drawn


def regret(log: Log, policy: ox.Policy, missed: Callable[[Observation], Array] | None = None) -> Array:
    """E[q2 (v - v*)^2] by free period, in parts of the gap, without simulation: E[x^2; L] is carried along.

    Args:
        log: its problem and optimum.
        policy: of period and liquidity.
        missed: the squares (G,) to weigh at observations (G, 6); None for (a - a*)^2.
    """
    chain, c = log.chain, log.best.coefficients
    mass, found = np.zeros(len(chain.levels)), []
    mass[chain.start] = log.problem.order.shares**2
    for k in range(log.periods - 1):
        seen = log.seen_at(k, chain.levels)
        a = policy.act(seen)
        square = (a - c.of_inventory[k]) ** 2 if missed is None else missed(seen)
        found.append((mass * c.q2[k] * square).sum() / log.gap)
        mass = (mass * (1 - a) ** 2) @ chain.matrix
    return np.array(found)


@dataclass(frozen=True)
class Missing:
    """What is missing to the optimum, and why."""

    together: dict[str, Array]
    """of the seeds' mean action by period, by log [parts of the gap]"""
    constraint: Array
    """of the actor with a perfect critic by period"""
    clone: Array
    """of cloning by period"""
    percent: float
    """of the gap: what a seed misses on the first log"""
    dollars: float
    """an episode"""
    luck_part: float
    """of it: disagreement between seeds [%]"""
    tied_part: float
    """of it: the constraint [%]"""
    shaped_part: float
    """of it: the fitted potential [%]"""
    second: float
    """what the mean action misses on the second log [% of the gap]"""
    second_early: float
    """of it: the first six periods [%]"""
    of_clone: float
    """gaps that the clone misses"""
    clone_first: float
    """of them: the first five periods [%]"""


def missing(log: Log, found: Learned, shaped: Shaping, alpha: float) -> Missing:
    """Regret by period, of seeds and of their mean action, and its parts."""
    seeds = {label: np.array([regret(log, agent) for agent in trained(label)]) for label in (FIRST, SECOND)}
    together = {label: regret(log, trained(label)) for label in seeds}
    clone, tied = regret(log, trained("cloning, data seed 0")), regret(log, _tied(log, shaped, alpha))
    agents = trained(FIRST)
    luck = regret(log, agents, missed=lambda seen: agents.fractions(seen).var(axis=0)).sum()
    for label, parts in seeds.items():
        assert np.allclose(1 - parts.sum(axis=1), found.scores[label], atol=1e-4)  # the identity
        assert np.isclose(1 - together[label].sum(), found.of_mean[label], atol=1e-4)
    average, (first, second) = seeds[FIRST].mean(axis=0).sum(), together.values()
    assert np.isclose(average, first.sum() + luck, rtol=0.03)
    assert 0.25 < tied.sum() / first.sum() < 0.75
    assert luck < 0.25 * first.sum()
    assert second.sum() < 0.02 * clone.sum()
    assert first[0] < 0.02 * first.sum()
    assert second[0] < 0.02 * second.sum()
    assert second[:6].sum() > 0.6 * second.sum()
    assert clone[:5].sum() > 0.6 * clone.sum()
    return Missing(
        together={label.removeprefix("TD3+BC, "): parts for label, parts in together.items()},
        constraint=tied,
        clone=clone,
        percent=100 * average,
        dollars=average * log.gap,
        luck_part=100 * luck / average,
        tied_part=100 * tied.sum() / average,
        shaped_part=100 * (1 - shaped.best) / average,
        second=100 * second.sum(),
        second_early=100 * second[:6].sum() / second.sum(),
        of_clone=clone.sum(),
        clone_first=100 * clone[:5].sum() / clone.sum(),
    )


@dataclass(frozen=True)
class PoorLogs:
    """Agents of TWAP's log and of noisy TWAP's."""

    table: pd.DataFrame
    twap: float
    """how far an agent of TWAP's log is from TWAP at most [% of J]"""
    noisy: float
    """gap closed by TD3+BC from noisy TWAP (IQM)"""
    noisy_clone: float
    overlap: float
    """of noisy TWAP's log with the optimum's decisions [%]"""


def poor_logs(log: Log) -> PoorLogs:
    """J of the agents of poorer logs relative to TWAP's, and the gap that they close."""
    twap, rows = ox.exact_value(log.problem, ox.twap(log.problem)), {}
    for label, behaves in (("TWAP", "twap"), ("noisy TWAP", "twap-noise")):
        for kind in ("td3bc", "bc"):
            agents = published.agents(f"{kind}-{behaves}-data0")
            rows[f"{label}: {agents.label}"] = np.array([ox.exact_value(log.problem, agent) for agent in agents])
    papers = "TWAP: TD3+BC, published settings"
    rows[papers] = np.array(published.manifest()["td3bc-twap-paper-data0"]["scores"]["objective"])
    table = pd.DataFrame(
        {
            name: {
                "J / TWAP's J: lowest": costs.min() / twap,
                "highest": costs.max() / twap,
                "gap closed (IQM)": scoring.summary([(log.static - costs) / log.gap]).value,
            }
            for name, costs in rows.items()
        }
    ).T
    closes, ratio = table["gap closed (IQM)"], table[["J / TWAP's J: lowest", "highest"]]
    noisy = ox.collect(log.problem, "twap-noise", log.data.episodes, SCORING.data[0])
    found = PoorLogs(
        table=table,
        twap=100 * abs(rows["TWAP: TD3+BC"] / twap - 1).max(),
        noisy=closes["noisy TWAP: TD3+BC"],
        noisy_clone=closes["noisy TWAP: behaviour cloning"],
        overlap=100 * offline.overlap(noisy),
    )
    assert ratio["highest"].drop(papers).max() < 1.05
    assert found.twap < 1
    assert ratio.loc[papers].min() > 1.2
    assert found.noisy > 0.5
    assert found.noisy_clone < closes["TWAP: behaviour cloning"]
    agents = published.agents("td3bc-twap-noise-data0")
    bolder = [agents.act(log.seen_at(k, np.ones(1)))[0] for k in range(1, 4)]
    assert (bolder > 1.05 * offline.coverage(noisy)["high"].iloc[1:4]).all()
    return found


def poor_table(found: PoorLogs) -> Styled:
    """A row a log and learner."""
    shown = found.table.rename_axis("log and agents").style.format("{:.3f}")
    return shown.format("{:.2f}", subset=["gap closed (IQM)"])


@dataclass(frozen=True)
class Pairs:
    """Regrets of mean actions [parts of the gap], which are C + V / m for m seeds."""

    common: float
    """C"""
    luck: float
    """V"""
    predicted: float
    """of pairs"""
    found: float
    limit: float
    """gap closed by infinitely many seeds"""


def pairs(log: Log, learned: Learned) -> Pairs:
    """C and V from single seeds and all eight, and the regret of all pairs."""
    agents = trained(FIRST)
    every = np.ones((len(agents), log.periods, len(log.chain.levels)))
    for k in range(log.periods - 1):
        every[:, k] = agents.fractions(log.seen_at(k, log.chain.levels))
    two = [1 - log.closed(log.table(every[[i, j]].mean(axis=0))) for i, j in combinations(range(len(agents)), 2)]
    single, eight = 1 - learned.scores[FIRST].mean(), 1 - learned.of_mean[FIRST]
    luck = (single - eight) * 8 / 7
    found = Pairs(single - luck, luck, single - luck / 2, float(np.mean(two)), 1 - single + luck)
    assert abs(found.found - found.predicted) < 0.1 * luck
    return found


@dataclass(frozen=True)
class Constant:
    """What a constant added to Q does."""

    size: float
    """mean |Q| with the potential"""
    size_without: float
    ratio: float
    """by which alpha must be larger without"""
    score: float
    """gap closed by both then"""


def constant(log: Log, found: Shaping, alpha: float) -> Constant:
    """The same maximiser with and without the potential."""
    size, without = (_q_size(log, found, shaped=shaped) for shaped in (True, False))
    ratio, score = without / size, log.closed(_tied(log, found, alpha))
    assert np.isclose(log.closed(_tied(log, found, alpha * ratio, shaped=False)), score, rtol=1e-9)
    assert ratio > 2
    return Constant(size, without, ratio, score)


def scores_figure(found: Learned) -> go.Figure:
    """`gap_by_seed` of the chapter's runs."""
    colours = {label: COLOURS["TD3+BC"] if label.startswith("TD3") else CLONE for label in RUNS}
    rows = {label: ScoreRow(found.scores[label], found.of_mean[label], colours[label]) for label in RUNS}
    return gap_by_seed(rows, {"best static": 0.0, "rolling": found.rolling, "optimum": 1.0}, zoom=(0.97, 1.002))


def reward_scales(panels: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Root mean squares of what is in a critic's target beside what it has to find there, by period.

    Args:
        panels: by title, whose last word in brackets is the unit, a frame by period; columns ``target``, ``price``,
            ``liquidity`` and ``worth``, and ``kept`` where shaping has left part of the noise of liquidity.
    """
    styles = {
        "target": ("reward", NEUTRAL, "solid"),
        "price": ("noise: price and fills", CONTRAST, "solid"),
        "liquidity": ("noise: next liquidity", LIQUIDITY, "solid"),
        "kept": ("noise: next liquidity, after shaping", LIQUIDITY, "dot"),
        "worth": ("worth of the best action", COLOURS["optimum"], "solid"),
    }
    plot = Plot(panels, gap=0.11)
    for panel, frame in zip(plot, panels.values(), strict=True):
        for column in [name for name in styles if name in frame]:
            name, colour, dash = styles[column]
            width, hover = 3 if column == "worth" else 2.2, f"{name}: %{{y:.3g}}<extra>period %{{x}}</extra>"
            panel.line(frame.index, digits(frame[column], 4), colour, width, dash, key=name, hover=hover)
    plot.x("period k")
    plot.y(type="log", dtick=1, exponentformat="none", tickformat=",")
    plot[0].y("dollars")
    plot[1].y("parts of the cost-to-go")
    return plot.done(
        "Sizes by period on a logarithmic axis. In dollars all of them fall by two orders of magnitude. In "
        "units of the cost-to-go the worth of the best action is level from period 1 on, and shaping takes the "
        "noise of liquidity from above that of price to below it.",
        height=440,
        legend={"y": 1.12},
        margin={"t": 90},
        phone=plot.stacked(860, 0.15, legend={"y": 1.06}, margin={"t": 130}),
    )


def seed_traces(shipped: pd.DataFrame, live: pd.DataFrame) -> go.Figure:
    """Training curves of a whole run, a line a seed, with a short run's over their beginning.

    Args:
        shipped: by step and seed, the columns ``loss`` and ``q``.
        live: the same, of the run that stopped early.
    """
    plot = Plot(["Loss of the critics", "Mean Q of the logged actions"], gap=0.12)
    runs = ((shipped, "shipped run", _PAIR[1], 1.5), (live, "this page's run", LIQUIDITY, 3))
    for panel, column in zip(plot, ("loss", "q"), strict=True):
        for table, name, colour, width in runs:
            for seed, part in table[column].groupby(level="seed"):
                x, hover = part.index.get_level_values("step"), f"seed {seed}, step %{{x}}: %{{y:.3g}}"
                panel.line(x, digits(part, 3), colour, width, key=name, hover=f"{hover}<extra>{name}</extra>")
    ticks = {step: f"{step:,}" for step in (20, 100, 300, 1_000, 3_000, 10_000)}
    plot.x("gradient step", type="log", ticks=ticks)
    plot[0].y(type="log", dtick=1)
    return plot.done(
        "Loss and mean Q against gradient steps on a logarithmic axis, eight thin lines of the shipped run over "
        "10,000 steps, and two thick ones of the short run that lie on them for its few hundred steps.",
        height=410,
        legend={"y": 1.12},
        margin={"t": 80},
        phone=plot.stacked(760, 0.17, legend={"y": 1.07}),
    )


@dataclass(frozen=True)
class ScoreRow:
    """The seeds of one training run."""

    scores: Array
    """gap closed (S,)"""
    mean_action: float
    """gap closed by the policy of their mean action"""
    colour: str


def gap_by_seed(rows: Mapping[str, ScoreRow], references: Mapping[str, float], zoom: tuple[float, float]) -> go.Figure:
    """Gap closed: a dot a seed, a diamond for their mean action, a row a run, and its upper end enlarged beside it.

    Args:
        rows: by label, from top to bottom.
        references: scores by policy, whose colours are those of the report; drawn as vertical lines.
        zoom: ends of the second panel's axis; rows that lie outside are left out there.
    """
    plot, at = Plot(["Gap closed", "Its upper end"], gap=0.04, shared_y=True), places(rows)
    whole, end = plot
    near = [label for label, row in rows.items() if zoom[0] < row.mean_action < zoom[1]]
    for label, row in rows.items():
        # neighbours in score apart
        wiggle = np.array([0.0, 0.2, -0.2, 0.1, -0.1])[np.arange(len(row.scores)) % 5]
        edge = {"size": 13, "symbol": "diamond", "color": row.colour, "line": {"width": 1.5, "color": "gray"}}
        for panel in plot if label in near else [whole]:
            x, y, hover = np.sort(row.scores).round(5), at[label] + wiggle, f"{label}: %{{x:.4f}}"
            panel.dots(x, y, row.colour, 8, "circle-open", edge=2, name="one seed", key="seed", hover=hover)
            mean, hover = [round(row.mean_action, 5)], f"{label}, mean action: %{{x:.4f}}"
            panel.dots(mean, [at[label]], None, marker=edge, name="their mean action", key="mean", hover=hover)
    whole.x(span=[min(*(float(row.scores.min()) for row in rows.values()), 0.0) - 0.15, 1.15], zeroline=False)
    end.x(span=zoom, zeroline=False)
    ends = [-0.6, len(rows) - 0.4]
    for name, value in references.items():
        colour, hover = COLOURS.get(name, NEUTRAL), f"{name}: {value:.3f}"
        for panel in plot if zoom[0] < value < zoom[1] else [whole]:
            panel.line([value, value], ends, colour, 2, "dot", key=name, hover=hover)
    plot.rows(at, showgrid=False)
    labels = [label.replace(", ", ",<br>") for label in at]
    heights = [at[label] for label in near]
    return plot.done(
        "Gap closed by single seeds and by their mean action, a row a training run: "
        + "; ".join(
            f"{label} from {row.scores.min():.3f} to {row.scores.max():.3f}, mean action {row.mean_action:.3f}"
            for label, row in rows.items()
        ),
        height=210 + 44 * len(rows),
        legend={"y": 1.14},
        margin={"t": 90},
        phone=plot.stacked(
            780,
            0.12,
            legend={"y": 1.06},
            margin={"t": 130},
            xaxis={"tick0": 0, "dtick": 1},
            yaxis={"ticktext": labels},
            yaxis2={"ticktext": labels, "matches": None, "range": [min(heights) - 0.6, max(heights) + 0.6]},
        ),
    )


def where_regret_is(learned: Mapping[str, Array], tied: Array, clone: Array) -> go.Figure:
    """What is missing to the optimum by period, in percent of the gap: of the learner, and of the clone.

    Args:
        learned: (K,) parts of the gap by period, by data set.
        tied: (K,) of the actor that has a perfect critic and the same constraint.
        clone: (K,) of behaviour cloning's.
    """
    plot, periods = Plot(["TD3+BC", "Behaviour cloning, on another scale"], gap=0.12), np.arange(len(clone))
    own, cloning = plot
    missing = "period %{x}: %{y:.2f}% of the gap"
    for (log, values), colour in zip(learned.items(), _PAIR, strict=True):
        name = f"TD3+BC, {log}"
        own.bars(periods, (100 * values).round(4), colour, name=name, hover=f"{name}, {missing}")
    cloning.bars(periods, (100 * clone).round(4), CLONE, name="cloning", hover=f"cloning, {missing}")
    name, hover = "perfect critic, same constraint", f"perfect critic, {missing}"
    own.dots(periods, (100 * tied).round(4), CONTRAST, 7, name=name, hover=hover)
    plot.x("period k")
    own.y("missing (% of the gap)")
    return plot.done(
        "Bars by period of what is missing to the optimum, in percent of the gap: for TD3+BC a few tenths of a "
        "percent a period at most, on one log more than on the other; for cloning many percent a period.",
        height=430,
        barmode="group",
        bargap=0.15,
        legend={"y": 1.12},
        margin={"t": 90},
        phone=plot.stacked(780, 0.16, legend={"y": 1.06}, margin={"t": 130}),
    )


@dataclass(frozen=True)
class Reaction:
    """Fractions of one period on levels of liquidity, as multiples of TWAP's fraction."""

    levels: Array
    """(G,)"""
    seeds: Array
    """(S, G)"""
    mean_action: Array
    """(G,)"""
    clone: Array
    """(G,)"""
    optimum: Array
    """(G,)"""


def learned_reactions(reactions: Mapping[int, Reaction]) -> go.Figure:
    """The reaction to liquidity in a few periods, a panel a period: single seeds, their mean, the clone, the optimum.

    Args:
        reactions: by period.
    """
    plot = Plot([f"period {k}" for k in reactions], gap=0.03, shared_y=True)
    for panel, here in zip(plot, reactions.values(), strict=True):
        levels, seeds = here.levels.round(3), here.seeds.round(3)
        lines: list[tuple[str, Any, Any, str, float, str]] = [
            ("TD3+BC, one seed", bundle([levels] * len(seeds)), bundle(seeds), _PAIR[1], 1.5, "solid"),
            ("cloning", levels, here.clone.round(3), CLONE, 2.5, "dash"),
            ("optimum", levels, here.optimum.round(3), COLOURS["optimum"], 3, "solid"),
            ("TD3+BC, mean action", levels, here.mean_action.round(3), COLOURS["TD3+BC"], 3, "dot"),
        ]
        for name, x, y, colour, width, dash in lines:
            hover = f"L = %{{x:.2f}}: %{{y:.2f}} times TWAP<extra>{name}</extra>"
            panel.line(x, y, colour, width, dash, key=name, hover=hover)
    plot.x("liquidity L", [0.4, 1.7])
    plot.y(rangemode="tozero")
    plot[0].y("fraction (multiples of TWAP's)")
    return plot.done(
        "Fractions against liquidity in three periods. The learned curves follow the optimum's, which rises with "
        "liquidity; the clone's is flat.",
        height=440,
        legend={"y": 1.12},
        margin={"t": 90},
        phone=plot.stacked(1150, 0.1, legend={"y": 1.05}, margin={"t": 130}),
    )
