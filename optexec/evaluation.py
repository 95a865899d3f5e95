"""Policies compared on the same shocks, with 95% intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec._streams import Covariance, Tail
from optexec._threads import Crew
from optexec._validate import brief, integer
from optexec.interval import Interval, from_to, plus_minus
from optexec.liquidity import Outlook
from optexec.noise import BLOCK, Drawing, Noise
from optexec.optimum import BellmanGaps, CappedOptimum, Optimum, covered, optimum
from optexec.policies import exact_objective, objective_error, reference_schedule
from optexec.problem import Problem
from optexec.simulator import Episodes, Policy, check_policy, rollout

__all__ = [
    "COLUMNS",
    "Estimate",
    "Regret",
    "evaluate",
    "from_to",
    "lost",
    "mean",
    "plus_minus",
    "regret",
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
    "regret",
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
        error: what the estimate may be off by for other reasons than chance, such as a grid; the interval holds it.
    """

    value: float
    influence: Array = field(repr=False)
    features: Covariance | None = field(default=None, repr=False)
    error: float = 0.0

    __repr__ = brief

    @property
    def ci(self) -> float:
        """Half-width of the 95% interval; NaN from a single episode."""
        if self.features is not None:
            chance = self.features.deviation(self.influence) / float(np.sqrt(self.features.count))
        else:
            n = len(self.influence)
            chance = float(self.influence.std(ddof=1)) / n**0.5 if n > 1 else float("nan")
        return Z95 * chance + self.error

    @property
    def interval(self) -> Interval:
        """The value with its 95% interval."""
        return Interval.around(self.value, self.ci)

    def _moved(self, value: float, influence: Array, error: float) -> Estimate:
        return replace(self, value=value, influence=influence, error=error)

    def __add__(self, other: Estimate) -> Estimate:
        return self._moved(self.value + other.value, self.influence + other.influence, self.error + other.error)

    def __mul__(self, factor: float) -> Estimate:
        return self._moved(self.value * factor, self.influence * factor, self.error * abs(factor))

    def __truediv__(self, other: Estimate) -> Estimate:
        ratio = self.value / other.value
        error = (self.error + abs(ratio) * other.error) / abs(other.value)
        return self._moved(ratio, (self.influence - ratio * other.influence) / other.value, error)

    def squared(self) -> Estimate:
        """The square, by the chain rule."""
        return self._moved(self.value**2, 2 * self.value * self.influence, 2 * abs(self.value) * self.error)


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
        - regret: J - J_optimum [$], the mean of the sum of Bellman gaps along the policy's own episodes, see `regret`.
          Without caps the best schedule's regret is known exactly, and is a control variate; under caps the interval
          holds what their grids may add. NaN where J_optimum is not known (caps with `LogOU`), or only a bound of it
          (caps with transient impact, for one);
        - gap_closed: (J_static - J) / (J_static - J_optimum) = 1 - regret / gap, J_static that of the best schedule and
          the gap its regret. NaN with regret, and where the gap is below 1e-6 of J_optimum, the error of the grids or
          twice its own 95% half-width;
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
    reference = _reference(problem)
    contestants = dict(policies) if reference is None else {**policies, _STATIC: reference.static}
    base = next(iter(policies))
    streams = {name: _Stream() for name in policies}
    with Crew(threads) as crew:
        for low, noise in _drawn(problem, episodes, seed, crew):
            measure = None if reference is None else _Measure.along(reference.optimum, noise.seen, first=low == 0)
            runs = {
                name: _results(rollout(problem, policy, noise, observe_liquidity=observe_liquidity), measure)
                for name, policy in contestants.items()
            }
            for name, stream in streams.items():
                stream.add(runs[name], runs[base], runs.get(_STATIC, runs[base]))
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


@dataclass(frozen=True, eq=False)
class Regret:
    """What a policy loses against the optimum, and where.

    Attributes:
        total: J - J_optimum [$].
        ci: half-width of its 95% interval [$].
        by_period: (N,) the parts of the total by period [$].
        by_period_ci: (N,) half-widths of their 95% intervals [$].
        edges: (B+1,) ascending levels of the process, between which bins lie; from 0 to infinity.
        by_level: (N, B) the parts of the total by period and by the level's bin in it [$].
        visits: (N, B) share of the episodes that are in the bin; 1 in every period.
    """

    total: float
    ci: float
    by_period: Array
    by_period_ci: Array
    edges: Array
    by_level: Array
    visits: Array

    __repr__ = brief

    def table(self) -> pd.DataFrame:
        """A row per period and bin: period, level_from, level_to, visits, regret [$]."""
        periods, bins = self.by_level.shape
        columns = {
            "period": np.repeat(np.arange(periods), bins),
            "level_from": np.tile(self.edges[:-1], periods),
            "level_to": np.tile(self.edges[1:], periods),
            "visits": self.visits.ravel(),
            "regret": self.by_level.ravel(),
        }
        return pd.DataFrame(columns)


def regret(
    problem: Problem,
    policy: Policy,
    episodes: int = 100_000,
    seed: int = 42,
    *,
    observe_liquidity: bool = True,
    bins: int = 10,
    threads: int | None = None,
) -> Regret:
    """Where a policy loses against the exact optimum: by period and level, on its own episodes.

    What a trade costs more than the optimum's from the same state is the Bellman gap Q_k - V_k, which is
    q2_k(L) (v - v*_k)^2 without caps. Added up along the policy's own path it is what the policy loses,

        J - J_optimum = E sum_k [Q_k(x_k, I_k, L_k, v_k) - V_k(x_k, I_k, L_k)],

    whatever the policy is, as long as it knows no more than the optimum sees: adaptive or learned, with memory or with
    less sight. So nothing is subtracted that is random in itself, and a policy near the optimum is measured with some
    thousandth of the episodes that a comparison of costs takes. Kakade & Langford (2002) have it as the performance
    difference lemma.

    Args:
        problem: the order and market.
        policy: anything with ``act``.
        episodes: n >= 2.
        seed: >= 0.
        observe_liquidity: whether the policy sees L and I; see `simulate`. The optimum does.
        bins: most bins of the level of liquidity, the profile left out. A process of no more levels has one for each,
            others have bins that are visited about equally often.
        threads: how many draw the noise, >= 1; None for as many as there are cores. The numbers are the same for any.

    Returns:
        A `Regret`. Its intervals hold what the optimum's grids may add.

    Raises:
        TypeError: no policy.
        ValueError: the policy was made for another order, or only a bound of the optimum is known, as with caps and
            transient impact (`optexec.optimum.Optimum.bound`).

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> lost = ox.regret(problem, ox.rolling(problem), episodes=2000)
        >>> round(lost.total, 2), round(ox.exact_value(problem, ox.rolling(problem)) - ox.optimum(problem).value, 2)
        (0.31, 0.31)
        >>> int(lost.by_period.argmax())  # it loses most at once
        0
    """
    check_policy(problem, policy)
    integer("episodes", episodes, minimum=2)
    best, edges = optimum(problem), _edges(problem, integer("bins", bins, minimum=1))
    if best.bound:
        raise ValueError(
            "regret needs the optimum, and of this problem's only a bound is known: caps (max_fraction, "
            "max_participation) need transient = 0, transient impact a value above 0, and states of the liquidity "
            "process different levels"
        )
    periods, size = problem.order.periods, len(edges) - 1
    sums, visits, errors = np.zeros((periods, size)), np.zeros((periods, size)), np.zeros(periods)
    whole, parts = Covariance(1), [Covariance(1) for _ in range(periods)]
    with Crew(threads) as crew:
        for low, noise in _drawn(problem, episodes, seed, crew):
            measure = _Measure.along(best, noise.seen, first=low == 0)
            run = rollout(problem, policy, noise, observe_liquidity=observe_liquidity)
            total = np.zeros(len(run.shortfall))
            for k, (gaps, error) in enumerate(measure.periods(run)):
                place = np.searchsorted(edges[1:-1], noise.seen[k] / problem.profile[k], side="right")
                sums[k] += np.bincount(place, gaps, minlength=size)
                visits[k] += np.bincount(place, minlength=size)
                parts[k].add(gaps[None])
                errors[k] += error
                total += gaps
            whole.add(total[None])
    found = _average(whole, abs(float(errors.sum())))
    by_period = [_average(part, abs(float(error))) for part, error in zip(parts, errors, strict=True)]
    return Regret(
        total=found.value,
        ci=found.ci,
        by_period=np.array([part.value for part in by_period]),
        by_period_ci=np.array([part.ci for part in by_period]),
        edges=edges,
        by_level=sums / episodes,
        visits=visits / episodes,
    )


def _average(sample: Covariance, error: float) -> Estimate:
    """The mean of a single feature."""
    return Estimate(float(sample.mean[0]), np.ones(1), sample, error)


def _edges(problem: Problem, bins: int) -> Array:
    """Edges of bins of the level that an order meets, about equally often each; one bin a level if there are few."""
    order = problem.order
    chain = problem.chain()
    if isinstance(chain, Outlook) and chain.known:
        inner = [float(chain.quantiles(part).mean()) for part in np.arange(1, bins) / bins]
        return np.array([0.0, *inner, np.inf])
    met = np.sum([now / order.periods for now in chain.distributions(order.periods)], axis=0)
    levels, place = np.unique(chain.levels, return_inverse=True)
    below = np.cumsum(np.bincount(place, met))
    last = np.arange(len(levels)) if len(levels) <= bins else np.searchsorted(below, np.arange(1, bins) / bins)
    last = np.unique(last[last < len(levels) - 1])
    return np.concatenate([[0.0], (levels[last] + levels[last + 1]) / 2, [np.inf]])


CONTROLLED = 100
"""Episodes from which the coefficient of a control variate is taken for known."""

_STATIC = "\0best static"  # a key that no policy's name takes


class _Results(NamedTuple):
    """What `evaluate` looks at, arrays (m,) of one policy's episodes in a chunk."""

    shortfall: Array
    objective: Array
    completion: Array
    violations: Array
    regret: Array
    error: float
    """of the mean regret, from the grids, with its sign"""


def _results(run: Episodes, measure: _Measure | None) -> _Results:
    regret, error = measure.total(run) if measure else (np.zeros(len(run.shortfall)), 0.0)
    return _Results(run.shortfall, run.objective, run.completion, run.violations, regret, error)


class _Measure(NamedTuple):
    """What the regrets of a chunk's episodes are measured with: Bellman gaps by period, at the chunk's liquidity."""

    fine: Sequence[BellmanGaps]
    coarse: Sequence[BellmanGaps]
    """those of coarser grids, or ``fine`` again"""
    share: float
    """of what the coarser grids add to a regret, which the fine ones may add too"""

    @classmethod
    def along(cls, best: Optimum | CappedOptimum, liquidity: Array, *, first: bool) -> _Measure:
        """For a chunk's liquidity (N, m) as it is seen; a run's ``first`` is enough to see what the grids do."""
        fine = best.along(liquidity)
        coarse = best.coarse.along(liquidity) if first else fine
        return cls(fine, coarse, 1 / 3 if isinstance(best, Optimum) else 1.0)

    def periods(self, run: Episodes) -> Iterator[tuple[Array, float]]:
        """Period after period the gaps (m,), and what the grids may add to their mean, with its sign [$]."""
        for k, (fine, coarse) in enumerate(zip(self.fine, self.coarse, strict=True)):
            made = run.inventory[:, k], run.transient[:, k], run.trades[:, k]
            gaps = fine(*made)
            yield gaps, 0.0 if coarse is fine else self.share * float((coarse(*made) - gaps).mean())

    def total(self, run: Episodes) -> tuple[Array, float]:
        """The regret of every episode (m,), and what the grids may add to its mean, with its sign [$]."""
        total, error = np.zeros(len(run.shortfall)), 0.0
        for gaps, wrong in self.periods(run):
            total += gaps
            error += wrong
        return total, error


def lost(best: Optimum | CappedOptimum, run: Episodes) -> tuple[Array, float]:
    """What a policy loses against the optimum in every episode of its own (n,), and the grids' part in the mean [$]."""
    regret, error = _Measure.along(best, run.seen.T, first=True).total(run)
    return regret, abs(error)


def worth(gap: float, best: Optimum | CappedOptimum, error: float) -> bool:
    """Whether J_static - J_optimum [$] is a gap that can be divided by.

    It is one above 1e-6 of J_optimum, and above all that it may be wrong by: the optimum's grid error and the ``error``
    of J_static, which is its grid's (`optexec.policies.objective_error`) or the half-width of a simulation.
    """
    return gap > max(1e-6 * abs(best.value), best.grid_error + error)


@dataclass(frozen=True, eq=False)
class _Reference:
    """What policies are measured against: the best schedule and the optimum."""

    static: Policy
    optimum: Optimum | CappedOptimum
    gap: float | None
    """J_static - J_optimum [$], exactly; None where caps clip the schedule"""
    error: float
    """of J_static [$]"""

    def measured(self, regret: Estimate, gap: Estimate) -> dict[str, Estimate]:
        """The columns that are measured against the optimum, from a policy's and the best schedule's Bellman gaps.

        Their errors come with signs.

        Where the gap is known exactly, the best schedule's episodes are a control variate: regret - beta (gap - E[gap])
        with beta = Cov[regret, gap] / Var[gap] has the least variance (Glasserman 2004, section 4.1).
        """
        if self.gap is None:
            regret, gap = (replace(estimate, error=abs(estimate.error)) for estimate in (regret, gap))
            return {"regret": regret, **self._closed(regret / gap if gap.value else None, gap, 2 * gap.ci)}
        beta = _slope(regret, gap)
        grids = abs(regret.error - beta * gap.error)
        regret = replace(regret + replace(gap, value=gap.value - self.gap) * -beta, error=grids)
        exact = Estimate(self.gap, 0 * gap.influence, gap.features)
        missed = regret / exact if self.gap else None
        if missed:
            missed = replace(missed, error=missed.error + abs(beta - missed.value) * self.error / abs(self.gap))
        return {
            "regret": replace(regret, error=grids + abs(beta) * self.error),
            **self._closed(missed, exact, self.error),
        }

    def _closed(self, missed: Estimate | None, gap: Estimate, error: float) -> dict[str, Estimate]:
        """1 - regret / gap, where the gap can be divided by."""
        if missed is None or not worth(gap.value, self.optimum, error):
            return {}
        return {"gap_closed": replace(missed, value=1 - missed.value, influence=-missed.influence)}


def _slope(estimate: Estimate, other: Estimate) -> float:
    """The slope of a regression on another estimate of the same features; 0 where it is not well known."""
    episodes = other.features
    if episodes is None or episodes.count < CONTROLLED:
        return 0.0
    if episodes.deviation(other.influence) <= 1e-6 * abs(other.value):  # rounding
        return 0.0
    products = episodes.products @ other.influence
    return float((estimate.influence @ products) / (other.influence @ products))


def _reference(problem: Problem) -> _Reference | None:
    """What policies are measured against, None where only a bound of the optimum is known."""
    if not covered(problem):
        return None
    static, best = reference_schedule(problem), optimum(problem)
    if best.bound:
        return None
    if problem.order.capped:
        return _Reference(static, best, None, 0.0)
    return _Reference(static, best, exact_objective(problem, static) - best.value, objective_error(problem, static))


class _Stream:
    """One policy's estimates from chunk after chunk; what it holds does not grow with their number.

    Every influence function here is a linear combination of a few features of an episode, so that their means and
    covariances are enough. The shortfall's are its deviation d from a fixed centre, and d^2.
    """

    FEATURES = ("d", "d^2", "objective", "completion", "violations", "diff", "regret", "gap")

    def __init__(self) -> None:
        self.centre: float | None = None
        self.features = Covariance(len(self.FEATURES))
        self.tail = Tail(0.95)
        self.errors: dict[str, float] = {}

    def add(self, run: _Results, base: _Results, static: _Results) -> None:
        """Take in a chunk, with what the base policy and the best schedule do on its shocks."""
        if self.centre is None:
            self.centre = float(np.median(run.shortfall))
            self.errors = {"regret": run.error, "gap": static.error}
        d = run.shortfall - self.centre
        paired = run.objective - base.objective
        rows = [d, d**2, run.objective, run.completion, run.violations, paired, run.regret, static.regret]
        self.features.add(np.stack(rows))
        self.tail.add(run.shortfall)

    def mean(self, feature: str) -> Estimate:
        """The mean of a feature."""
        i = self.FEATURES.index(feature)
        error = self.errors.get(feature, 0.0)
        return Estimate(float(self.features.mean[i]), np.eye(len(self.FEATURES))[i], self.features, error)

    def statistics(self, problem: Problem, reference: _Reference | None) -> dict[str, Estimate]:
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
            row |= reference.measured(self.mean("regret"), self.mean("gap"))
        return row


def _unit(count: int) -> Covariance:
    """One feature of standard deviation 1."""
    unit = Covariance(1)
    unit.count, unit.products = count, np.full((1, 1), count - 1.0)
    return unit
