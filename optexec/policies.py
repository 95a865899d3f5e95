"""Schedules and rules: TWAP, VWAP, Almgren-Chriss, the best static schedule and the rolling rule, all as policies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from optexec import almgren_chriss as closed_form
from optexec._validate import integer
from optexec.liquidity import Chain, cached_chain, extrapolated
from optexec.problem import Problem

__all__ = [
    "Rolling",
    "Schedule",
    "almgren_chriss",
    "best_static",
    "exact_objective",
    "expected_inverse_liquidity",
    "rolling",
    "twap",
    "u_shape",
    "vwap",
]

Array = NDArray[np.float64]
Observation = NDArray[np.floating[Any]]


def period_of(observation: Observation, periods: int) -> NDArray[np.int64]:
    """K (n,) from observations (n, 6), whose second column is (N - k)/N."""
    period: NDArray[np.int64] = np.rint(periods * (1.0 - np.asarray(observation)[:, 1])).astype(np.int64)
    return period


@dataclass(frozen=True, eq=False)
class Schedule:
    """A deterministic trade list; as a policy it trades the same fraction of whatever inventory there is.

    Args:
        problem: the order and market that it was made for.
        trades: v_k (N,) [shares], summing to the order's shares.

    Raises:
        ValueError: wrong shape, a non-finite trade, or a sum that is not X to 1e-9 relative.
    """

    problem: Problem
    trades: Array

    def __post_init__(self) -> None:
        trades = np.array(self.trades, dtype=np.float64)
        order = self.problem.order
        if trades.shape != (order.periods,):
            raise ValueError(f"trades must have shape ({order.periods},), got {trades.shape}")
        if not np.isfinite(trades).all():
            raise ValueError(f"trades must be finite, got {trades}")
        if abs(trades.sum() - order.shares) > 1e-9 * order.shares:
            raise ValueError(f"trades must sum to order.shares = {order.shares:g}, got {trades.sum()!r}")
        trades.setflags(write=False)
        object.__setattr__(self, "trades", trades)

    @cached_property
    def inventory(self) -> Array:
        """x_k (N+1,) [shares], from X down to exactly 0."""
        held = np.append(np.cumsum(self.trades[::-1])[::-1], 0.0)
        held[0] = self.problem.order.shares
        held.setflags(write=False)
        return held

    @cached_property
    def fractions(self) -> Array:
        """trades[k] / inventory[k] (N,), 0 where the inventory is 0."""
        held = self.inventory[:-1]
        fractions = np.divide(self.trades, held, out=np.zeros_like(held), where=held != 0)
        fractions.setflags(write=False)
        return fractions

    @property
    def open_loop(self) -> Array:
        """The fractions (N,): they tell `simulate` that observations do not matter."""
        return self.fractions

    @property
    def expected_cost(self) -> float:
        """E[IS] in the deterministic-liquidity market [$]; see `optexec.almgren_chriss`."""
        return closed_form.expected_cost(self.problem, self.trades)

    @property
    def variance(self) -> float:
        """Var[IS] in the deterministic-liquidity market [$^2]; see `optexec.almgren_chriss`."""
        return closed_form.variance(self.problem, self.trades)

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6); only the period matters."""
        return self.fractions[period_of(observation, self.problem.order.periods)]


def twap(problem: Problem) -> Schedule:
    """Time-weighted average price: X/N in every period. Optimal at lambda = 0 when liquidity is constant."""
    return Schedule(problem, np.full(problem.order.periods, problem.order.shares / problem.order.periods))


def u_shape(periods: int) -> Array:
    """The textbook intraday volume profile (N,): a parabola in time, twice as high at the ends as in the middle.

    Proportional to 1 + t^2 with t from -1 to 1 at the periods' midpoints, scaled to mean 1.
    """
    t = (2 * np.arange(integer("periods", periods, minimum=1)) + 1) / periods - 1
    shape = 1 + t**2
    return np.asarray(shape / shape.mean(), dtype=np.float64)


def vwap(problem: Problem) -> Schedule:
    """Volume-weighted average price: trades proportional to the market's volume profile.

    Where the market has none it assumes `u_shape`, and loses to TWAP by construction.
    """
    flat = problem.market.volume_profile is None
    weights = u_shape(problem.order.periods) if flat else problem.profile
    return Schedule(problem, problem.order.shares * weights / weights.sum())


def almgren_chriss(problem: Problem) -> Schedule:
    """The Almgren-Chriss schedule: optimal in the deterministic-liquidity market, see `optexec.almgren_chriss`.

    Raises:
        ValueError: the quadratic form is not positive definite.
    """
    return Schedule(problem, closed_form.trade_list(problem))


def expected_inverse_liquidity(problem: Problem) -> Array:
    """E[1/L_k] (N,) as seen before the first trade, dimensionless; the profile included.

    By propagating the chain's distribution from L_0. E[1/L] > 1/E[L]: stochastic liquidity makes every schedule dearer.
    """
    periods = problem.order.periods

    def expectation(chain: Chain) -> Array:
        inverse = np.empty(periods)
        distribution = np.zeros(len(chain.levels))
        distribution[chain.start] = 1.0
        for k in range(periods):
            inverse[k] = distribution @ (1 / chain.levels)
            distribution = distribution @ chain.matrix
        return inverse

    return extrapolated(expectation, problem.market.liquidity, problem.order.dt, periods)[0] / problem.profile


def _quadratic_form(problem: Problem) -> Array:
    """M (N, N) with J = v' M v + half_spread X for every trade list v that sums to X.

    J = gamma X^2 / 2 + sum_k ((eta + q/2) E[1/L_k] - gamma/2) v_k^2 + q sum_{j<k} E[1/L_j] E[D]^(k-j) v_j v_k
    + lambda sigma^2 dt sum_k x_{k+1}^2.
    """
    market, periods = problem.market, problem.order.periods
    inverse = expected_inverse_liquidity(problem)
    later = np.triu(np.ones((periods, periods)), 1)  # later[k] @ v = x_{k+1}
    form = market.permanent / 2 + problem.risk_weight * (later.T @ later)
    form[np.diag_indices(periods)] += market.instantaneous * inverse - market.permanent / 2
    if market.transient:
        lag = np.subtract.outer(np.arange(periods), np.arange(periods))
        decay = closed_form.decay_moments(problem)[0] ** np.maximum(lag, 0)
        memory = np.where(lag > 0, market.transient * inverse * decay, 0.0)
        form += (memory + memory.T) / 2
    return form


def exact_objective(problem: Problem, schedule: Schedule) -> float:
    """J of a schedule under stochastic liquidity [$], exactly: no Monte Carlo, because J is quadratic in the trades.

    J = E[IS] + lambda sigma^2 dt sum_k x_{k+1}^2, with E[1/L_k] and E[D] in place of the random variables. The
    schedule is taken as it is: caps of the order are not applied.
    """
    v = schedule.trades
    return float(v @ _quadratic_form(problem) @ v + problem.market.half_spread * problem.order.shares)


def best_static(problem: Problem) -> Schedule:
    """The schedule with the lowest J of all with v >= 0, under the problem's stochastic liquidity.

    A quadratic programme over the simplex sum v = X, v >= 0: a KKT solve where no bound binds, else the active set
    from a non-negative least squares problem with the same solution up to scale. Caps of the order are not applied.

    Raises:
        ValueError: the quadratic form is not positive definite on trade lists that sum to X.
    """
    form, shares = _quadratic_form(problem), problem.order.shares
    steps = np.diff(np.eye(problem.order.periods), axis=0)  # a basis of the trade lists that sum to 0
    try:
        np.linalg.cholesky(steps @ form @ steps.T)
    except np.linalg.LinAlgError:
        worst = float(np.linalg.eigvalsh(steps @ form @ steps.T).min())
        raise ValueError(
            "the expected cost of schedules is not convex: (temporary + transient/2) E[1/L_k] must exceed "
            f"permanent/2 (smallest eigenvalue of the quadratic form: {worst:g})"
        ) from None
    trades = _stationary(form, np.ones(problem.order.periods, dtype=bool), shares)
    if (trades < 0).any():
        root = scipy.linalg.cholesky(form + np.abs(form).sum(), lower=True)
        target = scipy.linalg.solve_triangular(root, np.ones(len(form)), lower=True)
        support = scipy.optimize.nnls(root.T, target)[0] > 0
        trades = np.maximum(_stationary(form, support, shares), 0.0)
    return Schedule(problem, trades * (shares / trades.sum()))


def _stationary(form: Array, support: NDArray[np.bool_], shares: float) -> Array:
    """The minimiser of v' form v over sum v = shares with v = 0 off the support."""
    size = int(support.sum())
    system = np.ones((size + 1, size + 1))
    scale = float(np.abs(form).max())
    system[:size, :size] = form[np.ix_(support, support)] / scale
    system[size, size] = 0.0
    trades = np.zeros(len(form))
    trades[support] = shares * np.linalg.solve(system, np.append(np.zeros(size), 1.0))[:size]
    return trades


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Functions of the liquidity level, one a period: values (N, G) on ascending levels (G,) of the process."""

    problem: Problem
    levels: Array
    values: Array

    def at(self, period: NDArray[np.int64], liquidity: ArrayLike) -> Array:
        """Values (n,) at periods (n,) and liquidity L = profile x level (n,), linear between levels."""
        level = np.asarray(liquidity, dtype=np.float64) / self.problem.profile[period]
        result = np.empty(len(period))
        for k in np.unique(period):
            here = period == k
            result[here] = np.interp(level[here], self.levels, self.values[k])
        return result


@dataclass(frozen=True, eq=False)
class Rolling:
    """Certainty equivalence: in every period, Almgren-Chriss for what is left, with impact at its conditional mean.

    Args:
        problem: order and market that the rule believes in.
        table: fractions by period and liquidity level.
    """

    problem: Problem
    table: LevelTable

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6); period and liquidity matter."""
        observation = np.asarray(observation)
        return self.table.at(period_of(observation, self.problem.order.periods), observation[:, 4])


def rolling(problem: Problem) -> Rolling:
    """The rolling rule: re-solve the deterministic problem every period with E[(eta + q/2)/L_j | L_k], j >= k.

    For each period k and level L_k a Riccati recursion from N-1 down to k gives the first trade as a fraction of the
    inventory, which is all that the rule needs (the problem is homogeneous in x). Transient decay is ignored.

    Raises:
        ValueError: the deterministic problem of some period and level is not convex.
    """
    market, periods = problem.market, problem.order.periods
    chain = cached_chain(market.liquidity, problem.order.dt, periods)
    order = np.argsort(chain.levels, kind="stable")
    ahead = [1 / chain.levels]
    for _ in range(periods - 1):
        ahead.append(chain.matrix @ ahead[-1])
    impact = market.instantaneous * np.array(ahead)  # (lag, G)
    r, gamma = problem.risk_weight, market.permanent
    fractions = np.ones((periods, len(chain.levels)))
    for k in range(periods - 1):
        value = impact[periods - 1 - k] / problem.profile[-1]
        for j in range(periods - 2, k - 1, -1):
            curvature = impact[j - k] / problem.profile[j] - gamma + r + value
            if not (curvature > 0).all():
                bad = chain.levels[np.argmin(curvature)]
                raise ValueError(f"the rolling rule's problem is not convex in period {j} from liquidity level {bad:g}")
            slope = gamma - 2 * r - 2 * value
            fractions[k] = -slope / (2 * curvature)
            value = r + value - slope**2 / (4 * curvature)
    return Rolling(problem, LevelTable(problem, chain.levels[order], fractions[:, order]))
