"""Every policy in every scenario, planned for the normal market and told the truth.

The difference between the two is the cost of not knowing; what remains above the normal market's cost is the cost of
the event itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.evaluation import COLUMNS, Estimate, evaluate, mean
from optexec.liquidity import OrnsteinUhlenbeck, Shocks
from optexec.optimum import covered, optimum
from optexec.policies import almgren_chriss, best_static, rolling, twap, vwap
from optexec.presets import stochastic, stress
from optexec.problem import Problem
from optexec.simulator import Policy, simulate

__all__ = ["PLANNERS", "TOLD", "contestants", "failure", "run", "scenario", "severity"]

Array = NDArray[np.float64]

PLANNERS: dict[str, Callable[[Problem], Policy]] = {
    "TWAP": twap,
    "VWAP": vwap,
    "AC": almgren_chriss,
    "best static": best_static,
    "rolling": rolling,
    "optimum": optimum,
}
"""How each policy of the tables is made from the problem that it believes in."""

TOLD = ", told"
"""Suffix of a policy's name where it was planned for the scenario itself and not for the normal market."""

BLIND = ("TWAP", "VWAP")
"""Policies whose plan is the same in every scenario: no told version."""


def scenario(name: str, normal: Problem | None = None) -> Problem:
    """The stressed problem of a key of `optexec.presets.stress`; ``normal`` is the market before the stress.

    Raises:
        ValueError: no such scenario; the message lists those there are.
    """
    scenarios = stress(normal)
    if name not in scenarios:
        raise ValueError(f"scenario must be one of {', '.join(scenarios)}, got {name!r}")
    return scenarios[name]


def contestants(problem: Problem, normal: Problem | None = None) -> dict[str, Policy]:
    """All policies planned for the normal market, and those that plan also for ``problem``."""
    planned = {name: make(stochastic() if normal is None else normal) for name, make in PLANNERS.items()}
    blind = BLIND if covered(problem) else (*BLIND, "optimum")
    told = {name + TOLD: make(problem) for name, make in PLANNERS.items() if name not in blind}
    return planned | told


def run(
    names: Iterable[str] | None = None,
    episodes: int = 100,
    seed: int = 42,
    policies: dict[str, Policy] | None = None,
    progress: Callable[[str], Any] | None = None,
    normal: Problem | None = None,
) -> pd.DataFrame:
    """Evaluate every policy in every scenario on common random numbers.

    Args:
        names: scenario keys; None for all.
        episodes: per scenario, >= 2.
        seed: >= 0; the same in every scenario, so that scenarios share their price noise too.
        policies: further policies to put beside the others, by name.
        progress: called with each scenario's name before it starts.
        normal: the market before the stress, for which policies plan that are not told; None for the original note's.

    Returns:
        A row per scenario and policy, with columns scenario, policy, then those of `optexec.evaluate`; ``diff`` is to
        TWAP.
    """
    tables = []
    for name in stress(normal) if names is None else names:
        problem = scenario(name, normal)
        if progress is not None:
            progress(name)
        table = evaluate(problem, contestants(problem, normal) | (policies or {}), episodes, seed).reset_index()
        table.insert(0, "scenario", name)
        tables.append(table)
    columns = ["scenario", "policy", *(name for column in COLUMNS for name in (column, f"{column}_ci"))]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def failure(shortfall: Array, completion: Array, normal_shortfall: float) -> dict[str, Estimate | bool]:
    """The criterion for "the strategy fails", from per-episode results (n,) of one policy.

    A policy fails if completion is below 99% in more than 5% of episodes, or if its mean shortfall is above twice
    ``normal_shortfall``, its mean in the normal market [$]. Point estimates decide; the intervals say how surely.

    Returns:
        A dictionary of ``unfinished``, the share of episodes below 99% completion, ``cost_ratio``, the mean shortfall
        over the normal one, and ``fails``, whether either is above its threshold.
    """
    unfinished = mean((completion < 0.99).astype(np.float64))
    ratio = mean(shortfall / normal_shortfall)
    return {"unfinished": unfinished, "cost_ratio": ratio, "fails": unfinished.value > 0.05 or ratio.value > 2}


def severity(
    drops: Sequence[float],
    episodes: int = 2_000,
    seed: int = 42,
    *,
    max_participation: float | None = None,
    probability: float = 0.05,
) -> pd.DataFrame:
    """`failure` of every policy as liquidity shocks grow.

    Args:
        drops: relative falls of liquidity in [0, 1), e.g. 0.8 for -80%.
        episodes: per drop.
        seed: >= 0.
        max_participation: a cap on participation, with a $1 haircut on what it leaves; None for none.
        probability: of a shock, per period.

    Returns:
        A row per drop and policy, with columns drop, policy, unfinished, cost_ratio (both with _ci), is_mean, is_std
        [$], fails. Policies are planned for the normal market and, with the suffix ", told", for the shocked one.
    """
    normal = stochastic()
    haircut = {} if max_participation is None else {"max_participation": max_participation, "leftover_haircut": 1.0}
    usual = {
        name: float(simulate(normal, make(normal), episodes, seed).shortfall.mean()) for name, make in PLANNERS.items()
    }
    rows = []
    for drop in drops:
        shocked = Shocks(OrnsteinUhlenbeck(floor=0.01), probability=probability, size=-drop)
        problem = normal.replace(liquidity=shocked, **haircut)
        for name, policy in contestants(problem).items():
            episodes_run = simulate(problem, policy, episodes, seed)
            found = failure(episodes_run.shortfall, episodes_run.completion, usual[name.removesuffix(TOLD)])
            row: dict[str, Any] = {"drop": drop, "policy": name}
            for key, value in found.items():
                row |= {key: value.value, f"{key}_ci": value.ci} if isinstance(value, Estimate) else {key: value}
            row |= {"is_mean": episodes_run.shortfall.mean(), "is_std": episodes_run.shortfall.std(ddof=1)}
            rows.append(row)
    return pd.DataFrame(rows)
