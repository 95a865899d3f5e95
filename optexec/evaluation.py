"""Policies compared on the same shocks, with 95% intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec._validate import integer
from optexec.optimum import optimum
from optexec.policies import best_static, exact_objective
from optexec.problem import Problem
from optexec.simulator import Policy, drawn, rollout

__all__ = ["COLUMNS", "Estimate", "evaluate", "mean", "standard_deviation", "tail_mean"]

Array = NDArray[np.float64]

Z95 = 1.959963984540054
"""The 97.5% quantile of the standard normal."""

COLUMNS = (
    "is_mean",
    "is_bps",
    "is_std",
    "objective",
    "objective_mv",
    "cvar95",
    "sharpe",
    "completion",
    "violations",
    "gap_closed",
    "diff",
)
"""What `evaluate` estimates; each has a companion ``<column>_ci``, the half-width of its 95% interval."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A statistic of n episodes with its influence function.

    To first order the statistic's error is the mean of ``influence``, so its standard error is that of a mean, whatever
    the statistic; sums and products of estimates on the same episodes keep their correlation.

    Attributes:
        value: the estimate.
        influence: (n,) influence of each episode, with mean 0.
    """

    value: float
    influence: Array = field(repr=False)

    @property
    def ci(self) -> float:
        """Half-width of the 95% interval; NaN from a single episode."""
        n = len(self.influence)
        return Z95 * float(self.influence.std(ddof=1)) / n**0.5 if n > 1 else float("nan")

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.value + other.value, self.influence + other.influence)

    def __mul__(self, factor: float) -> Estimate:
        return Estimate(self.value * factor, self.influence * factor)

    def __truediv__(self, other: Estimate) -> Estimate:
        ratio = self.value / other.value
        return Estimate(ratio, (self.influence - ratio * other.influence) / other.value)

    def squared(self) -> Estimate:
        """The square, by the chain rule."""
        return Estimate(self.value**2, 2 * self.value * self.influence)


def mean(sample: Array) -> Estimate:
    """The mean of a sample (n,)."""
    value = float(sample.mean())
    return Estimate(value, sample - value)


def standard_deviation(sample: Array) -> Estimate:
    """The standard deviation (n - 1 in the denominator) of a sample (n,)."""
    deviation = sample - sample.mean()
    value = float(sample.std(ddof=1)) if len(sample) > 1 else float("nan")
    influence = (deviation**2 - value**2) / (2 * value) if value > 0 else np.zeros_like(sample)
    return Estimate(value, influence)


def tail_mean(sample: Array, level: float = 0.95) -> Estimate:
    """Conditional value at risk: the mean of the worst (largest) 1 - level of a sample (n,).

    CVaR = min_q q + E[(sample - q)^+] / (1 - level), at its minimiser, the level-quantile (Rockafellar & Uryasev 2000).
    """
    quantile = float(np.quantile(sample, level))
    shortfall = quantile + np.maximum(sample - quantile, 0.0) / (1 - level)
    return mean(shortfall)


def evaluate(
    problem: Problem,
    policies: Mapping[str, Policy],
    episodes: int = 100_000,
    seed: int = 42,
    *,
    observe_liquidity: bool = True,
) -> pd.DataFrame:
    """Compare policies on common random numbers.

    Args:
        problem: the order and market.
        policies: policy by name; the first is the base of ``diff``.
        episodes: n >= 2, the same for all.
        seed: >= 0.
        observe_liquidity: whether the policies see L and I; see `simulate`.

    Returns:
        A DataFrame indexed by policy. Every column has ``<column>_ci``, the 95% half-width from the influence function
        (price paths alone are random: a learned policy's training is not in it).

        - is_mean, is_bps, is_std: realised shortfall [$], in basis points of X S_0, standard deviation [$];
        - objective: J, the mean of the conditional shortfall plus running risk [$];
        - objective_mv: E[IS] + lambda Var[IS] [$];
        - cvar95: mean of the worst 5% of IS [$];
        - sharpe: -mean/std of the total cost X S_0 + IS, the original note's figure; NaN where IS has no variance;
        - completion: traded share of the order; violations: infeasible wishes per episode;
        - gap_closed: (J_static - J) / (J_static - J_optimum), the numerator paired with the best static schedule on
          the same shocks, J_static exact (simulated where caps clip it), J_optimum that of the problem with its caps;
          NaN where the gap is below 1e-6 of J_optimum, or caps meet transient impact and only a bound is known;
        - diff: paired difference of objective to the first policy [$].

    Raises:
        ValueError: no policies, or fewer than two episodes.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> table = ox.evaluate(problem, {"TWAP": ox.twap(problem), "AC": ox.almgren_chriss(problem)}, episodes=1000)
        >>> bool(table.loc["AC", "diff"] + table.loc["AC", "diff_ci"] < 0)  # AC has the lower J
        True
    """
    integer("episodes", episodes, minimum=2)
    if not policies:
        raise ValueError("policies must name at least one policy, got none")
    reference = _gap(problem)
    contestants = dict(policies) if reference is None else {**policies, _STATIC: reference.static}
    samples: dict[str, dict[str, list[Array]]] = {name: {kept: [] for kept in _KEPT} for name in contestants}
    for _, shocks in drawn(problem, episodes, seed):
        for name, policy in contestants.items():
            run = rollout(problem, policy, shocks, observe_liquidity=observe_liquidity)
            for kept, parts in samples[name].items():
                parts.append(getattr(run, kept))
    joined = {
        name: {kept: np.concatenate(parts) for kept, parts in kept_parts.items()}
        for name, kept_parts in samples.items()
    }
    base = joined[next(iter(policies))]["objective"]
    rows = []
    for name in policies:
        row = _statistics(problem, joined[name])
        row["diff"] = mean(joined[name]["objective"] - base)
        if reference is not None:
            row["gap_closed"] = reference.closed(joined[_STATIC]["objective"], joined[name]["objective"])
        rows.append(row)
    missing = Estimate(float("nan"), np.zeros(2))
    table: dict[str, list[float]] = {}
    for column in COLUMNS:
        estimates = [row.get(column, missing) for row in rows]
        table[column] = [estimate.value for estimate in estimates]
        table[f"{column}_ci"] = [estimate.ci if estimate is not missing else float("nan") for estimate in estimates]
    return pd.DataFrame(table, index=pd.Index(policies, name="policy"))


_KEPT = ("shortfall", "objective", "completion", "violations")
_STATIC = "\0best static"  # a key that no policy's name takes


@dataclass(frozen=True, eq=False)
class _Gap:
    """What adapting is worth: the best schedule, its exact J (None where caps clip it) and the optimum's [$]."""

    static: Policy
    objective: float | None
    optimum: float

    def closed(self, static: Array, policy: Array) -> Estimate:
        """(J_static - J) / (J_static - J_optimum) from objectives (n,) on the same shocks."""
        gained = mean(static - policy)
        if self.objective is not None:
            return gained * (1 / (self.objective - self.optimum))
        sampled = mean(static)
        return gained / Estimate(sampled.value - self.optimum, sampled.influence)


def _gap(problem: Problem) -> _Gap | None:
    """The gap of a problem, None where it is not defined."""
    static, best = best_static(problem), optimum(problem)
    capped = problem.order.max_fraction < 1 or problem.order.max_participation is not None
    objective = exact_objective(problem, static)
    if best.bound or (not capped and objective - best.value < 1e-6 * abs(best.value)):
        return None
    return _Gap(static, None if capped else objective, best.value)


def _statistics(problem: Problem, kept: dict[str, Array]) -> dict[str, Estimate]:
    """The estimates of one policy that need no other policy."""
    notional = problem.order.shares * problem.market.price
    average, deviation = mean(kept["shortfall"]), standard_deviation(kept["shortfall"])
    total = Estimate(average.value + notional, average.influence)
    row = {
        "is_mean": average,
        "is_bps": average * (1e4 / notional),
        "is_std": deviation,
        "objective": mean(kept["objective"]),
        "objective_mv": average + deviation.squared() * problem.risk_aversion,
        "cvar95": tail_mean(kept["shortfall"]),
        "completion": mean(kept["completion"]),
        "violations": mean(kept["violations"]),
    }
    if deviation.value > 0:
        row["sharpe"] = (total / deviation) * -1
    return row
