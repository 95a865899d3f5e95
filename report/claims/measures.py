"""What the claims are measured with: effects that are exact, estimated from episodes, or spread over agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from optexec import stress
from optexec.evaluation import Estimate
from optexec.interval import Interval
from optexec.offline import scoring
from optexec.offline.names import LEARNERS
from optexec.optimum import exact_value, optimum
from optexec.policies import twap
from optexec.presets import reference, stochastic
from optexec.problem import Problem
from optexec.simulator import Policy, simulate
from report.agents import protocol, published
from report.claims.verdicts import Effect, Measured

__all__ = [
    "CONSTANT",
    "CRITICS",
    "MIXED",
    "NORMAL",
    "OPTIMAL",
    "SCATTERED",
    "SEED",
    "TWAPS",
    "agents",
    "change_of_cost",
    "exactly",
    "excess",
    "less",
    "of_learners",
    "over_agents",
    "percent_change",
    "sampled",
    "scattered",
    "shortfalls",
    "title",
]

Array = NDArray[np.float64]

SEED = 42
"""Of all shocks."""

OPTIMAL = (-0.01, 0.01)
"""What counts as optimal: J within a hundredth of a per cent of the optimum's."""

CONSTANT = "constant liquidity"
NORMAL = "normal conditions"
SCATTERED = "a price as volatile as the note's table"
CRITICS = {name: LEARNERS[name] for name in protocol.CRITICS}
TWAPS = "TWAP's log"
MIXED = "a log of mixed schedules"


def exactly(market: str, value: float, claimed: tuple[float, float], sign: int = 0) -> Effect:
    """A test of an effect that is known without sampling."""
    return Effect.of(market, Interval.exact(value), claimed, sign)


def sampled(market: str, effect: Estimate, claimed: tuple[float, float], sign: int = 0) -> Effect:
    """A test of an effect that episodes estimate."""
    return Effect.of(market, effect.interval, claimed, sign)


def over_agents(
    market: str, effects: Iterable[float | Estimate], claimed: tuple[float, float], sign: int = 0
) -> Effect:
    """A test of an effect that differs between agents: interquartile mean, and interval over them and their paths."""
    each = list(effects)
    values = np.array([effect.value if isinstance(effect, Estimate) else effect for effect in each])
    paths = np.array([effect.ci if isinstance(effect, Estimate) else 0.0 for effect in each])
    s = scoring.summary([values], [paths])
    return Effect(s.value, s.low - s.path_ci, s.high + s.path_ci, market, claimed, sign)


def excess(problem: Problem, policy: Policy) -> float:
    """J above the exact optimum's, in percent of it; exact."""
    return 100 * (exact_value(problem, policy) / optimum(problem).value - 1)


def change_of_cost(problem: Problem, policy: Policy, base: Policy) -> float:
    """E[IS] of one policy less another's in percent of the latter's total cost X S_0 + E[IS], the note's scale.

    Exact, for policies of period and liquidity: E[IS] is J where risk is not minded.
    """
    after, before = (exact_value(problem.replace(risk_aversion=0.0), one) for one in (policy, base))
    return 100 * (after - before) / (problem.order.shares * problem.market.price + before)


def shortfalls(problem: Problem, policy: Policy, n: int) -> Array:
    """IS of n episodes [$]: the same shocks for every policy of a problem."""
    return simulate(problem, policy, n, SEED).shortfall


def less(a: Estimate, b: Estimate) -> Estimate:
    """The difference a - b of estimates on the same episodes."""
    return a + b * -1


def percent_change(a: Estimate, b: Estimate) -> Estimate:
    """How much a is above b, in percent of b."""
    ratio = a / b
    return Estimate(100 * (ratio.value - 1), 100 * ratio.influence)


@lru_cache(maxsize=64)
def agents(study: str, market: str = "normal") -> tuple[Policy, ...]:
    """The shipped agents of a study, as tables over the liquidity of the market where they act."""
    problem = stochastic() if market == "normal" else stress.scenario(market)
    return tuple(scoring.tabulated(published.agents(study), problem).values())[:-1]


def of_learners(
    effect: Callable[[Policy], float | Estimate], claimed: tuple[float, float], sign: int = 0, market: str = "normal"
) -> Measured:
    """An effect for agents that learned from TWAP's log, as the note's did, and elsewhere from mixed schedules."""

    def effects(log: str, study: str) -> tuple[Effect, ...]:
        return tuple(
            over_agents(f"{label}, {log}", map(effect, agents(f"{name}-{study}", market)), claimed, sign)
            for name, label in CRITICS.items()
        )

    return Measured(effects(TWAPS, "twap-data0"), effects(MIXED, "mixture-8logs"))


def scattered() -> Problem:
    """The normal market with a price as volatile as the note's own table is, whose TWAP has a deviation of 1,850 $."""
    calm = reference()  # the price alone is random there
    return stochastic().replace(volatility=calm.market.volatility * 1850 / twap(calm).variance ** 0.5)


def title(key: str) -> str:
    """A market's key in words."""
    if key == "normal":
        return "the market of the log"
    words = key.replace("extreme_shocks_", "shocks of ").replace("_", " ")
    return f"{words}%" if "shocks of" in words else words
