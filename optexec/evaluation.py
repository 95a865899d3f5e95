"""Policies compared on the same shocks, with 95% intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec._streams import Covariance, Tail
from optexec._threads import Crew
from optexec._validate import brief, integer
from optexec.noise import BLOCK, Drawing, Noise
from optexec.optimum import CappedOptimum, Optimum, optimum
from optexec.policies import exact_objective, objective_error, reference_schedule
from optexec.problem import Problem
from optexec.simulator import Episodes, Policy, check_policy, rollout

__all__ = [
    "COLUMNS",
    "Estimate",
    "evaluate",
    "from_to",
    "mean",
    "plus_minus",
    "standard_deviation",
    "tail_mean",
    "worth",
]

Array = NDArray[np.float64]

Z95 = 1.959963984540054
"""The 97.5% quantile of the standard normal."""

CHUNK = 5 * BLOCK
"""Episodes that are estimated from at once; how many changes the last bits of sums."""

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
        influence: (n,) influence of each episode, with mean 0; or, given ``features``, the weights (d,) that make it
            from them.
        features: of the episodes, where these are too many to keep.
    """

    value: float
    influence: Array = field(repr=False)
    features: Covariance | None = field(default=None, repr=False)

    __repr__ = brief

    @property
    def ci(self) -> float:
        """Half-width of the 95% interval; NaN from a single episode."""
        if self.features is not None:
            return Z95 * self.features.deviation(self.influence) / float(np.sqrt(self.features.count))
        n = len(self.influence)
        return Z95 * float(self.influence.std(ddof=1)) / n**0.5 if n > 1 else float("nan")

    def __add__(self, other: Estimate) -> Estimate:
        return replace(self, value=self.value + other.value, influence=self.influence + other.influence)

    def __mul__(self, factor: float) -> Estimate:
        return replace(self, value=self.value * factor, influence=self.influence * factor)

    def __truediv__(self, other: Estimate) -> Estimate:
        ratio = self.value / other.value
        return replace(self, value=ratio, influence=(self.influence - ratio * other.influence) / other.value)

    def squared(self) -> Estimate:
        """The square, by the chain rule."""
        return replace(self, value=self.value**2, influence=2 * self.value * self.influence)


def plus_minus(value: float, half: float, digits: int = 1, sign: str = "-") -> str:
    """An estimate and the half-width of its interval as text, with the decimals that the half-width supports.

    Args:
        value: the estimate.
        half: half-width >= 0 of its interval; it is left out where two decimals more than wanted would not show it.
        digits: decimals that are wanted. There are more if the half-width would be rounded to nothing, and fewer if it
            would show more than two digits.
        sign: "+" for one in front of what is not negative.
    """
    if half < 0.5 * 10.0 ** -(digits + 2):
        return f"{value:{sign},.{digits}f}"
    first = -math.floor(math.log10(half))  # the decimal of the half-width's first digit
    decimals = max(0, min(max(digits, first), first + 1))
    return f"{value:{sign},.{decimals}f} ± {half:,.{decimals}f}"


def from_to(value: float, low: float, high: float, digits: int = 1, sign: str = "-") -> str:
    """An estimate and its interval as text, with the decimals that tell the ends apart; see `plus_minus`."""
    for decimals in range(digits, digits + 3):
        shown = [f"{number:{sign},.{decimals}f}" for number in (value, low, high)]
        if shown[1] != shown[2]:
            return "{} ({} to {})".format(*shown)
    return f"{value:{sign},.{digits}f}"


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
    progress: Callable[[int], object] | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Compare policies on common random numbers, in memory that does not grow with their number.

    Args:
        problem: the order and market.
        policies: policy by name; the first is the base of ``diff``.
        episodes: n >= 2, the same for all.
        seed: >= 0.
        observe_liquidity: whether the policies see L and I; see `simulate`.
        progress: called with the number of episodes done, every few thousand.
        threads: how many draw the noise, >= 1; None for as many as there are cores. The table is the same for any.

    Returns:
        A DataFrame indexed by policy. Every column has ``<column>_ci``, the 95% half-width from the influence function
        (price paths alone are random: a learned policy's training is not in it).

        - is_mean, is_bps, is_std: realised shortfall [$], in basis points of X S_0, standard deviation [$];
        - objective: J, the mean of the conditional shortfall plus running risk [$];
        - objective_mv: E[IS] + lambda Var[IS] [$];
        - cvar95: mean of the worst 5% of IS [$]; beyond 131,072 episodes the quantile is the best of 4,096
          thresholds around it, and the error of that is of second order in their distance;
        - sharpe: -mean/std of the total cost X S_0 + IS, the original note's figure; NaN where IS has no variance;
        - completion: traded share of the order; violations: infeasible wishes per episode;
        - gap_closed: (J_static - J) / (J_static - J_optimum), the numerator paired with the best schedule on
          the same shocks, J_static exact (simulated where caps clip it), J_optimum that of the problem with its caps;
          NaN where the gap is below 1e-6 of J_optimum, the error of the grids or its own 95% half-width, or where
          caps meet transient impact and only a bound is known;
        - diff: paired difference of objective to the first policy [$].

    Raises:
        TypeError: one is no policy.
        ValueError: no policies, one that was made for another order, or fewer than two episodes.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> table = ox.evaluate(problem, {"TWAP": ox.twap(problem), "AC": ox.almgren_chriss(problem)}, episodes=1000)
        >>> bool(table.loc["AC", "diff"] + table.loc["AC", "diff_ci"] < 0)  # AC has the lower J
        True
    """
    integer("episodes", episodes, minimum=2)
    if not isinstance(policies, Mapping):
        raise TypeError(
            f"policies must be policies by name, {{'TWAP': optexec.twap(problem)}} for one, got {policies!r}"
        )
    if not policies:
        raise ValueError("policies must name at least one policy, got none")
    for name, policy in policies.items():
        check_policy(problem, policy, f"policies[{name!r}]")
    reference = _gap(problem)
    contestants = dict(policies) if reference is None else {**policies, _STATIC: reference.static}
    base = next(iter(policies))
    streams = {name: _Stream() for name in policies}
    with Crew(threads) as crew:
        for low, noise in _drawn(problem, episodes, seed, crew):
            runs = {
                name: _results(rollout(problem, policy, noise, observe_liquidity=observe_liquidity))
                for name, policy in contestants.items()
            }
            static = runs[base if reference is None else _STATIC].objective
            for name, stream in streams.items():
                stream.add(runs[name], runs[base].objective, static)
            if progress is not None:
                progress(low + noise.price.shape[1])
    rows = [stream.statistics(problem, reference) for stream in streams.values()]
    missing = Estimate(float("nan"), np.full(2, np.nan))
    table: dict[str, list[float]] = {}
    for column in COLUMNS:
        estimates = [row.get(column, missing) for row in rows]
        table[column] = [estimate.value for estimate in estimates]
        table[f"{column}_ci"] = [estimate.ci for estimate in estimates]
    return pd.DataFrame(table, index=pd.Index(policies, name="policy"))


def _drawn(problem: Problem, episodes: int, seed: int, crew: Crew) -> Iterator[tuple[int, Noise]]:
    """Yield a run's noise in chunks of at most `CHUNK` episodes, each with its place in the run.

    While one chunk is used the crew draws the next.
    """

    def begun(low: int) -> Drawing:
        return Drawing(problem, min(CHUNK, episodes - low), seed, low, crew)

    coming = begun(0)
    for low in range(0, episodes, CHUNK):
        noise = coming.finish()
        if low + CHUNK < episodes:
            coming = begun(low + CHUNK)
        yield low, noise


_STATIC = "\0best static"  # a key that no policy's name takes


class _Results(NamedTuple):
    """What `evaluate` looks at, arrays (m,) of one policy's episodes in a chunk."""

    shortfall: Array
    objective: Array
    completion: Array
    violations: Array


def _results(run: Episodes) -> _Results:
    return _Results(run.shortfall, run.objective, run.completion, run.violations)


def worth(gap: float, best: Optimum | CappedOptimum, error: float) -> bool:
    """Whether J_static - J_optimum [$] is a gap that can be divided by.

    It is one above 1e-6 of J_optimum, and above all that it may be wrong by: the optimum's grid error and the ``error``
    of J_static, which is its grid's (`optexec.policies.objective_error`) or the half-width of a simulation.
    """
    return gap > max(1e-6 * abs(best.value), best.grid_error + error)


@dataclass(frozen=True, eq=False)
class _Gap:
    """What adapting is worth: the best schedule, its exact J (None where caps clip it) and the optimum."""

    static: Policy
    objective: float | None
    optimum: Optimum | CappedOptimum

    def closed(self, gained: Estimate, static: Estimate) -> Estimate | None:
        """(J_static - J) / (J_static - J_optimum) from the estimates of the numerator and of J_static; None for NaN."""
        if self.objective is not None:
            return gained * (1 / (self.objective - self.optimum.value))
        gap = replace(static, value=static.value - self.optimum.value)
        return gained / gap if worth(gap.value, self.optimum, gap.ci) else None


def _gap(problem: Problem) -> _Gap | None:
    """The gap of a problem, None where it is not defined."""
    static, best = reference_schedule(problem), optimum(problem)
    if best.bound:
        return None
    if problem.capped:
        return _Gap(static, None, best)
    objective = exact_objective(problem, static)
    known = worth(objective - best.value, best, objective_error(problem, static))
    return _Gap(static, objective, best) if known else None


class _Stream:
    """One policy's estimates from chunk after chunk; what it holds does not grow with their number.

    Every influence function here is a linear combination of a few features of an episode, so that their means and
    covariances are enough. The shortfall's are its deviation d from a fixed centre, and d^2.
    """

    FEATURES = ("d", "d^2", "objective", "completion", "violations", "diff", "gained", "static")

    def __init__(self) -> None:
        self.centre: float | None = None
        self.features = Covariance(len(self.FEATURES))
        self.tail = Tail(0.95)

    def add(self, run: _Results, base: Array, static: Array) -> None:
        """Take in a chunk, with the objectives (m,) of the base policy and of the best schedule on its shocks."""
        if self.centre is None:
            self.centre = float(np.median(run.shortfall))
        d = run.shortfall - self.centre
        paired = (run.objective - base, static - run.objective, static)
        self.features.add(np.stack([d, d**2, run.objective, run.completion, run.violations, *paired]))
        self.tail.add(run.shortfall)

    def mean(self, feature: str) -> Estimate:
        """The mean of a feature."""
        i = self.FEATURES.index(feature)
        return Estimate(float(self.features.mean[i]), np.eye(len(self.FEATURES))[i], self.features)

    def statistics(self, problem: Problem, reference: _Gap | None) -> dict[str, Estimate]:
        """The estimates by column."""
        assert self.centre is not None
        notional = problem.order.shares * problem.market.price
        offset = self.mean("d")
        average = replace(offset, value=offset.value + self.centre)
        total = replace(average, value=average.value + notional)
        # (x - mean)^2 = d^2 - 2 (mean - centre) d + constant
        squares = self.mean("d^2") + offset * (-2 * offset.value)
        value = self.features.deviation(offset.influence)
        deviation = replace(
            squares, value=value, influence=squares.influence / (2 * value) if value else 0 * squares.influence
        )
        worst, spread = self.tail.mean_and_deviation()
        row = {
            "is_mean": average,
            "is_bps": average * (1e4 / notional),
            "is_std": deviation,
            "objective": self.mean("objective"),
            "objective_mv": average + deviation.squared() * problem.risk_aversion,
            "cvar95": Estimate(worst, np.array([spread]), _unit(self.tail.count)),
            "completion": self.mean("completion"),
            "violations": self.mean("violations"),
            "diff": self.mean("diff"),
        }
        if deviation.value > 0:
            row["sharpe"] = (total / deviation) * -1
        if reference is not None:
            closed = reference.closed(self.mean("gained"), self.mean("static"))
            if closed is not None:
                row["gap_closed"] = closed
        return row


def _unit(count: int) -> Covariance:
    """One feature of standard deviation 1."""
    unit = Covariance(1)
    unit.count, unit.products = count, np.full((1, 1), count - 1.0)
    return unit
