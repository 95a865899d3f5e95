"""Schedules and rules: TWAP, VWAP, Almgren-Chriss, the best static schedule and the rolling rule, all as policies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optexec import almgren_chriss as closed_form
from optexec._plan import Costs, least, total
from optexec._validate import brief, integer, remade
from optexec.liquidity import Chain, Outlook, resolved
from optexec.observation import TOLERANCE, Observation, answered, columns, observed
from optexec.problem import Problem
from optexec.simulator import Policy, check_policy, simulate

__all__ = [
    "Belief",
    "Filtered",
    "Rolling",
    "Schedule",
    "almgren_chriss",
    "best_static",
    "exact_objective",
    "expected_inverse_liquidity",
    "filtered",
    "reference_schedule",
    "rolling",
    "twap",
    "u_shape",
    "vwap",
]

Array = NDArray[np.float64]

BLOCK = 1 << 13
"""Numbers that the rolling rule's recursion works on at once: few enough for the processor's cache."""

MOST_WORK = 1 << 36
"""Periods times lags times levels that the rolling rule takes on: minutes."""

CELLS, STEPS = 16, 4
"""Cells a level in which liquidity is looked up, and the most levels that one may hold to be worth it."""

FORGOTTEN = 1e-14
"""Relative difference between levels' forecasts below which the level is forgotten."""


def _fields(problem: Problem, *names: str) -> dict[str, Any]:
    """Fields of a problem's order by name, for ``made_for``."""
    return {name: getattr(problem.order, name) for name in names}


def _largest(problem: Problem) -> Array:
    """The participation cap (N,) at the liquidity that schedules plan with, profile times long-run mean [shares]."""
    order, market = problem.order, problem.market
    part = np.inf if order.max_participation is None else order.max_participation
    return np.asarray(part * market.volume * market.liquidity.long_run_mean * problem.profile, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Schedule:
    """A deterministic trade list; as a policy it trades the same fraction of whatever inventory there is.

    Args:
        problem: the order and market that it was made for.
        trades: v_k (N,) [shares], summing to the order's shares; where the order has caps, to no more than that, and
            what is missing is left over.

    Raises:
        ValueError: wrong shape, a non-finite trade, or a sum that is not X to 1e-9 relative (above X with caps).
    """

    problem: Problem
    trades: Array

    __repr__ = brief
    __setstate__ = remade

    def __post_init__(self) -> None:
        trades = np.array(self.trades, dtype=np.float64)
        order = self.problem.order
        if trades.shape != (order.periods,):
            raise ValueError(f"trades must have shape ({order.periods},), got {trades.shape}")
        if not np.isfinite(trades).all():
            raise ValueError(f"trades must be finite, got {trades}")
        missing, capped = order.shares - float(trades.sum()), self.problem.order.capped
        if (abs(missing) if not capped else -missing) > 1e-9 * order.shares:
            most = "at most " if capped else ""
            raise ValueError(f"trades must sum to {most}order.shares = {order.shares:g}, got {trades.sum()!r}")
        trades.setflags(write=False)
        object.__setattr__(self, "trades", trades)

    @cached_property
    def inventory(self) -> Array:
        """x_k (N+1,) [shares], from X down to what is left: exactly 0 unless the order has caps."""
        held = closed_form.holdings(self.problem, self.trades)
        held[0] = self.problem.order.shares
        held.setflags(write=False)
        return held

    @cached_property
    def excess(self) -> Array:
        """How far each trade exceeds the order's caps at the planned liquidity (N,) [shares]; 0 without caps.

        TWAP, VWAP and Almgren-Chriss are what they are whatever the caps: what they wish beyond these is clipped when
        they trade, and counted by ``violations``. `best_static` plans with the caps. Planned liquidity is the profile
        times the long-run mean; a period of less clips more.
        """
        held, order = self.inventory[:-1], self.problem.order
        excess = np.maximum(self.trades - np.minimum(order.max_fraction * held, _largest(self.problem)), 0.0)
        excess[excess <= TOLERANCE * held] = 0.0
        excess.setflags(write=False)
        return excess

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
        """E[IS] in the deterministic-liquidity market [$], where L_k is the profile times the long-run mean.

        gamma X^2 / 2 + sum_k (h_k - gamma/2) v_k^2 + half_spread X + sum_k v_k E[I_k], h_k = (eta + q/2)/L_k.
        """
        return closed_form.expected_cost(self.problem, self.trades)

    @property
    def variance(self) -> float:
        """Var[IS] in the deterministic-liquidity market [$^2], where L_k is the profile times the long-run mean.

        sigma^2 dt sum_k x_{k+1}^2 + slippage^2 sum_k v_k^2, plus what the noise of the decay gives to sum_k v_k I_k.
        """
        return closed_form.variance(self.problem, self.trades)

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the fractions depend on, with their values."""
        return _fields(self.problem, "periods", "dt", *(("shares",) if self.problem.order.capped else ()))

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6), one from (6,); only the period matters."""
        return answered(observation, self.fractions[observed(observation, self.problem.order)[1]])


def twap(problem: Problem) -> Schedule:
    """Time-weighted average price: X/N in every period.

    Of all policies the cheapest on average where liquidity is constant and no impact decays. It is X/N whatever the
    order's caps; `Schedule.excess` says by how much it exceeds them.

    Examples:
        >>> import optexec as ox
        >>> ox.twap(ox.Problem(order=ox.Order(shares=1000, periods=4))).trades
        array([250., 250., 250., 250.])
    """
    return Schedule(problem, np.full(problem.order.periods, problem.order.shares / problem.order.periods))


def u_shape(periods: int) -> Array:
    """The textbook intraday volume profile (N,): a parabola in time, twice as high at the ends as in the middle.

    Proportional to 1 + t^2 with t from -1 to 1 at the periods' midpoints, scaled to mean 1.

    Examples:
        >>> u_shape(4).round(3)
        array([1.19, 0.81, 0.81, 1.19])
    """
    t = (2 * np.arange(integer("periods", periods, minimum=1)) + 1) / periods - 1
    shape = 1 + t**2
    return np.asarray(shape / shape.mean(), dtype=np.float64)


def vwap(problem: Problem) -> Schedule:
    """Volume-weighted average price: trades proportional to the market's volume profile.

    Where the market has none it assumes `u_shape`, and loses to TWAP by construction. The order's caps are not applied;
    `Schedule.excess` says by how much it exceeds them.
    """
    flat = problem.market.volume_profile is None
    weights = u_shape(problem.order.periods) if flat else problem.profile
    return Schedule(problem, problem.order.shares * weights / weights.sum())


def almgren_chriss(problem: Problem) -> Schedule:
    """The Almgren-Chriss schedule: the lowest J of all schedules where liquidity is deterministic (profile times mean).

    With a flat profile x_k = X sinh(kappa (N-k) dt) / sinh(kappa N dt), kappa from `optexec.urgency`; with another the
    minimiser of sum_k (h_k - gamma/2) v_k^2 + lambda sigma^2 s_k^2 dt x_{k+1}^2, h_k = (eta + q/2)/D_k. Decay is
    ignored, and so are the order's caps: `Schedule.excess` says by how much it exceeds them, and `best_static` is the
    plan that keeps them. Almgren & Chriss (2000), section 2.2.

    Raises:
        ValueError: the quadratic form is not positive definite.

    Examples:
        >>> import optexec as ox
        >>> ox.almgren_chriss(ox.presets.reference()).inventory[:4].round(1)
        array([1000. ,  864.2,  746.5,  644.6])
    """
    return Schedule(problem, closed_form.trade_list(problem))


def expected_inverse_liquidity(problem: Problem) -> Array:
    """E[1/D_k] (N,) as seen before the first trade, dimensionless; the profile included, D = L but for another depth.

    By propagating the chain's distribution from L_0, for `optexec.LogOU` in closed form. E[1/L] > 1/E[L]: stochastic
    liquidity makes every schedule dearer.
    """
    return _inverse_liquidity(problem)[0]


def objective_error(problem: Problem, schedule: Schedule) -> float:
    """What the grid may add to `exact_objective` of a schedule [$]: the errors of E[1/L_k], times what multiplies them.

    sum_k error_k v_k ((eta + q/2) v_k + q x_{k+1}), an upper bound of the last term since decay only lowers it.
    """
    market, error = problem.market, _inverse_liquidity(problem)[1]
    v, kept = schedule.trades, schedule.inventory[1:]
    return float(np.sum(error * v * (market.instantaneous * v + market.transient * kept)))


def _inverse_liquidity(problem: Problem) -> tuple[Array, Array]:
    """E[1/D_k] (N,) and its errors from the grid."""
    periods, chain = problem.order.periods, problem.chain()
    if isinstance(chain, Outlook):
        return chain.inverse_means(problem.market.depth_exponent) / problem.depth(problem.profile), np.zeros(periods)

    block = 1 if periods <= 256 else math.isqrt(periods)

    def expectation(chain: Chain) -> Array:
        ahead = [1 / problem.depth(chain.levels)]  # E[1/D_{k+i} | L_k], i < block, the profile left out
        for _ in range(block - 1):
            ahead.append(chain.matrix @ ahead[-1])
        leap = np.linalg.matrix_power(chain.matrix, block)
        distribution = np.zeros(len(chain.levels))
        distribution[chain.start] = 1.0
        inverse = np.empty((-(-periods // block), block))
        for row in inverse:
            row[:] = np.stack(ahead) @ distribution
            distribution = distribution @ leap
        return inverse.ravel()[:periods]

    value, error = resolved(expectation, problem.market.liquidity, problem.order.dt, periods)
    return value / problem.depth(problem.profile), error / problem.depth(problem.profile)


def _costs(problem: Problem) -> Costs:
    """What trade lists cost in expectation, the half spread on the whole order apart."""
    market, inverse = problem.market, expected_inverse_liquidity(problem)
    decay, leftover = closed_form.decay_moments(problem)[0], problem.haircut - market.half_spread
    impact, push = market.instantaneous * inverse, market.transient * inverse
    return Costs(impact, push, decay, market.permanent, problem.risk_weights, leftover)


def exact_objective(problem: Problem, schedule: Schedule) -> float:
    """J of a schedule under stochastic liquidity [$], exactly: no Monte Carlo, because J is quadratic in the trades.

    J = E[IS] + lambda sigma^2 dt sum_k s_k^2 x_{k+1}^2, with E[1/D_k] and E[D] in place of the random variables. The
    schedule is taken as it is: caps of the order are not applied to it, and what it leaves unsold costs the haircut.
    Under max_fraction alone `best_static` trades as planned, and this is its J; under max_participation it is J
    where liquidity never clips the plan further, and `optexec.evaluate` has what happens.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> round(ox.exact_objective(problem, ox.twap(problem)), 2)
        2240.61
    """
    check_policy(problem, schedule, "schedule")
    if schedule.problem.order.shares != problem.order.shares:
        made, asked = schedule.problem.order.shares, problem.order.shares
        raise ValueError(f"schedule was made for an order with shares = {made!r}, but problem.order has {asked!r}")
    spread = problem.market.half_spread * problem.order.shares
    return total(_costs(problem), schedule.trades, schedule.inventory) + spread


def best_static(problem: Problem) -> Schedule:
    """The schedule with the lowest J of all with v >= 0, under the problem's stochastic liquidity.

    A linear-quadratic problem, solved by a backward recursion where no bound binds, else a quadratic programme; time
    and memory grow linearly with N. Where the order has caps it keeps them: v_k <= max_fraction x_k, and v_k <=
    max_participation volume times the planned liquidity, profile times long-run mean, since a schedule does not know
    L_k. The last trade is all that they allow, and what is left costs the haircut. Under a participation cap and random
    liquidity it is the best plan, not the best policy among schedules: one that wishes more, and is clipped, can cost
    less, since it uses periods of more liquidity than planned.

    Raises:
        ValueError: the quadratic form is not positive definite on trade lists that sum to X.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> round(ox.exact_objective(problem, ox.best_static(problem)), 2)
        1824.06
    """
    order = problem.order
    most = None if order.max_participation is None else _largest(problem)
    try:
        trades = least(_costs(problem), order.shares, order.max_fraction, most)
    except ValueError as error:
        raise ValueError(
            "the expected cost of schedules is not convex, so that round trips would earn money: temporary impact must "
            f"outweigh permanent impact, and the decay of transient impact, at every period's liquidity ({error})"
        ) from None
    return Schedule(problem, trades if problem.order.capped else trades * (order.shares / trades.sum()))


def reference_schedule(problem: Problem) -> Schedule:
    """The schedule that gap closed is measured from: of those here the cheapest as it is executed.

    That is `best_static`, but for one case. Where liquidity is random a plan that keeps the participation cap at the
    planned liquidity forgoes what periods of more would allow, and a plan that ignores this cap and is clipped in every
    period can be cheaper: then it is that one. Which of the two is decided on 4,096 episodes of one seed.
    """
    plan = best_static(problem)
    if problem.order.max_participation is None:
        return plan
    wish = Schedule(problem, best_static(problem.replace(max_participation=None)).trades)
    costs = [simulate(problem, each, 4_096, seed=0).objective.mean() for each in (plan, wish)]
    return wish if costs[1] < costs[0] else plan


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Functions of the liquidity level, one a period: values (N, G) on ascending levels (G,) of the process."""

    problem: Problem
    levels: Array
    values: Array

    __repr__ = brief

    def of_liquidity(self, k: int, liquidity: Array) -> Array:
        """Values (n,) in period k at liquidity L = profile x level (n,), linear between levels, level beyond.

        It is numpy's ``interp`` to the last bit. That looks for the levels of one number after the other; for many it
        is faster to find, for all of them, their cell and then the few levels in it.
        """
        level = liquidity / self.problem.profile[k]
        cells, before, steps = self._cells
        if steps > STEPS or len(level) < len(self.levels):
            return np.asarray(np.interp(level, self.levels, self.values[k]))
        inside: Array = level.clip(self.levels[0], self.levels[-1])
        below = before.take((cells * (inside - self.levels[0])).astype(np.intp), mode="clip")
        above = np.append(self.levels[1:], np.inf)
        for _ in range(steps):
            below += above.take(below) <= level
        gaps, slopes = np.diff(self.levels), np.zeros(len(self.levels))
        np.divide(np.diff(self.values[k]), gaps, out=slopes[:-1], where=gaps > 0)  # states may share a level
        inside -= self.levels.take(below)
        inside *= slopes.take(below)
        inside += self.values[k].take(below)
        return inside

    @cached_property
    def _cells(self) -> tuple[float, NDArray[np.int32], int]:
        """Cells of equal width over the levels: how many a unit, the last level before each, how many one may hold."""
        lowest, number = self.levels[0], CELLS * len(self.levels)
        cells = number / max(self.levels[-1] - lowest, number * np.finfo(np.float64).tiny)
        cell = (cells * (self.levels - lowest)).astype(np.intp)
        before = np.searchsorted(cell, np.arange(number + 1)) - 1
        return cells, np.maximum(before, 0).astype(np.int32), int(np.bincount(cell).max())

    def at(self, period: NDArray[np.int64], liquidity: ArrayLike) -> Array:
        """Values (n,) at periods (n,) and liquidity L = profile x level (n,), linear between levels, level beyond."""
        if len(period) and (period == period[0]).all():  # as in a simulation
            return self.of_liquidity(int(period[0]), np.asarray(liquidity, dtype=np.float64))
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

    __repr__ = brief

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the fractions depend on, with their values."""
        return _fields(self.problem, "periods", "dt")

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6), one from (6,); period and L matter.

        Beyond the table's levels the answer is that of the nearest level.
        """
        seen, period = observed(observation, self.problem.order)
        return answered(observation, self.table.at(period, columns(seen).liquidity))

    def of_liquidity(self, k: int, liquidity: Array) -> Array:
        """What ``act`` says in period k at observed liquidity (n,)."""
        return self.table.of_liquidity(k, liquidity)


def rolling(problem: Problem) -> Rolling | Watching:
    """The rolling rule: re-solve the deterministic problem every period with E[(eta + q/2)/D_j | L_k], j >= k.

    For each period k and level L_k a Riccati recursion from N-1 down to k gives the first trade as a fraction of the
    inventory, which is all that the rule needs (the problem is homogeneous in x). Transient decay is ignored. The time
    grows with N times the number of periods after which a level of liquidity is forgotten, or N. Where `optexec.LogOU`
    is observed as it is, L_k and what it tells of the next levels are two things: the rule is a `Watching` then.

    Raises:
        ValueError: the deterministic problem of some period and level is not convex; or the order has too many periods
            for it (some 13,000 where liquidity is never forgotten); the message says how many it can have.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> round(ox.exact_value(problem, ox.rolling(problem)), 1)
        1798.9
    """
    market, periods = problem.market, problem.order.periods
    chain = problem.chain()
    impact, factors = _impact_ahead(problem, chain)
    lags, size = impact.shape
    gamma, profile, risks = market.permanent, problem.depth(problem.profile), problem.risk_weights

    def one_period(at: int, h: Array, s: Array) -> Array:
        """Turn s = r_k + V's coefficient after period k into r_{k-1} + that before it; the last row's fraction."""
        curvature = h + s
        curvature -= gamma
        if isinstance(chain, Outlook):
            held = held_fraction(curvature, s - gamma / 2, h, s, 1.0)
            kept = 1 - held
            s *= kept**2
            s += h * held**2 + gamma * held * kept
            s += risks[at - 1]
            return np.asarray(held[-1])
        if not curvature.min() > 0:
            bad = chain.levels[int(np.argmin(curvature.min(axis=0)))]
            raise ValueError(f"the rolling rule's problem is not convex in period {at} from liquidity level {bad:g}")
        fraction: Array = (s[-1] - gamma / 2) / curvature[-1]
        s *= h
        s -= gamma**2 / 4
        s /= curvature
        s += risks[at - 1]
        return fraction

    # from the last lag on all levels foresee the same, so that all starts share one recursion there
    far = np.full(periods + 1, np.nan)
    s = impact[-1:, :1] / profile[-1] + risks[periods - 2]
    for j in range(periods - 1, lags - 1, -1):
        if j < periods - 1:
            one_period(j, impact[-1:, :1] / profile[j], s)
        far[j] = s[0, 0]
    fractions, later = np.ones((periods, size)), np.empty((periods, size))
    later[-1] = impact[0] / profile[-1] * (1.0 if factors is None else factors[-1, 0])
    together = max(1, BLOCK // size)
    for low in range(0, periods - 1, together):
        many = min(together, periods - 1 - low)  # starts low to low + many - 1
        coming = np.empty((many, size))
        for j in range(min(low + many - 1 + lags, periods) - 1, low - 1, -1):
            # those that look at period j: not later than it, and no more than the lags earlier
            first, after = max(0, j - lags + 1 - low), min(many, j - low + 1)
            h = impact[j - low - after + 1 : j - low - first + 1][::-1] / profile[j]
            if factors is not None:
                starts = np.arange(low + first, low + after)
                h *= factors[starts, j - starts][:, None]
            if j == periods - 1:
                coming[first:after] = h + risks[periods - 2]
                continue
            if j - lags + 1 >= low:
                coming[first] = far[j + 1]  # its last lag
            found = one_period(j, h, coming[first:after])
            if after == j - low + 1:
                fractions[j] = found
                later[j] = coming[after - 1] - risks[j - 1]
    if isinstance(chain, Outlook) and chain.known:
        return Watching(problem, chain, later)
    return Rolling(problem, LevelTable(problem, chain.levels, fractions))


class Choice(NamedTuple):
    """The best trade v = f x + p I where fractions are held in [0, cap]; arrays of one shape."""

    q2: Array
    fraction: Array
    kept: Array
    push: Array
    free: NDArray[np.bool_]
    """whether no bound holds it"""


def choose(h: Array, s: Array, cross: Array, square: Array, slope: Array, gamma: float, cap: float) -> Choice:
    """The trade that is best for h f^2 + gamma f g + s g^2 + cross f g + square f^2, g = 1 - f; see `optimum`.

    Where a bound holds f, I does not matter.
    """
    q2 = h - gamma + s - cross + square
    wish, rest = s - gamma / 2 - cross / 2, h + square - gamma / 2 - cross / 2
    fraction = held_fraction(q2, wish, h + square, s, cap)
    free = (q2 > 0) & (wish > 0) & (rest > (1 - cap) * q2)
    push = -np.divide(slope, 2 * q2, out=np.zeros_like(q2), where=free)
    return Choice(q2, fraction, 1 - fraction, push, free)


def held_fraction(curvature: Array, numerator: Array, h: Array, s: Array, cap: float) -> Array:
    """The fraction f in [0, cap] that makes h f^2 + gamma f (1 - f) + s (1 - f)^2 least, curvature = h + s - gamma.

    It is numerator / curvature where that is in the interval; where the cost is concave, the better end.
    """
    convex = curvature > 0
    inside = np.divide(numerator, curvature, out=np.zeros(np.broadcast(numerator, curvature).shape), where=convex)
    gamma = h + s - curvature
    better = np.where(h * cap**2 + gamma * cap * (1 - cap) + s * (1 - cap) ** 2 < s, cap, 0.0)
    return np.where(convex, np.clip(inside, 0.0, cap), better)


def _impact_ahead(problem: Problem, chain: Chain) -> tuple[Array, Array | None]:
    """E[(eta + q/2)/D_{k+j} | L_k], the profile left out, by lag and level (J, G).

    Lags go up to N - 1, or to the first at which all levels agree. Where the level is forecast the expectation also
    depends on the period, by a factor (N, J).

    Raises:
        ValueError: these are more than the rolling rule takes on.
    """
    if isinstance(chain, Outlook):
        by_level, by_period = chain.inverse_ahead(problem.market.depth_exponent)
        return problem.market.instantaneous * by_level, by_period
    ahead = [1 / problem.depth(chain.levels)]
    periods, size = problem.order.periods, len(chain.levels)
    while len(ahead) < periods and np.ptp(ahead[-1]) > FORGOTTEN * ahead[-1].max():
        if periods * len(ahead) * size > MOST_WORK:
            raise ValueError(
                f"the rolling rule must look more than {len(ahead):,} periods ahead from {size} levels in each of "
                f"{periods:,} periods, which is too much: order.periods must be <= {math.isqrt(MOST_WORK // size):,}"
            )
        ahead.append(chain.matrix @ ahead[-1])
    return problem.market.instantaneous * np.array(ahead), None


class Belief(NamedTuple):
    """What a trader who sees only fills thinks of a period's liquidity and transient impact; arrays (n,)."""

    level: Array
    """m, expected level of the process (the profile left out) given all fills so far"""
    variance: Array
    """P, its variance"""
    transient: Array
    """expected I_k [$/share]"""
    held: Array
    """x_k [shares], from which the next observation tells the trade"""
    implied: Array
    """level in the last observation: a fill that implied nothing leaves it as it was"""


_BELIEFS: ContextVar[Mapping[Any, tuple[int, Any]]] = ContextVar("_BELIEFS", default=MappingProxyType({}))
"""What every filter believed last, and in which period: a context's own, so that threads and nested simulations that
share a filter do not share its beliefs. Never changed in place."""


class Remembering:
    """A policy that remembers, period after period: its memory belongs to the thread and simulation that it acts in."""

    def _last(self) -> tuple[int, Any] | None:
        """The period acted in last and what is remembered of it; None before an episode."""
        return _BELIEFS.get().get(self)

    def _remember(self, memory: tuple[int, Any] | None) -> None:
        others = WeakKeyDictionary({one: kept for one, kept in _BELIEFS.get().items() if one is not self})
        _BELIEFS.set(others if memory is None else WeakKeyDictionary({**others, self: memory}))

    def _before(self, periods: NDArray[np.int64]) -> tuple[int, Any]:
        """The period that is seen now, and what is remembered of the last; None for period 0.

        Raises:
            ValueError: observations of several periods at once; not those of period 0 or of the period after the last.
        """
        period, last = int(periods[0]), self._last()
        if (periods != period).any():
            raise ValueError(f"a filter must see one period at a time, got periods {np.unique(periods).tolist()}")
        if period == 0:
            return 0, None
        if last is None:
            raise ValueError(f"a filter must see an episode from period 0 on, got period {period} first")
        if period != last[0] + 1:
            raise ValueError(f"a filter must see period {last[0] + 1} after period {last[0]}, got period {period}")
        return period, last[1]


@dataclass(frozen=True, eq=False)
class Watching(Remembering):
    """A rule for who sees L_k as it is, and knows of the next levels what those seen so far tell (`optexec.LogOU`).

    It filters the levels that it is shown, so that it must see the periods of an episode in order. In period k it takes
    v = f x + p I, the best for h = (eta + q/2)/D_k of the level seen and the next cost-to-go A x^2 + B x I + C I^2 at
    the forecast level of period k + 1.

    Attributes:
        problem: order and market that the rule believes in.
        chain: forecast levels, and the filter.
        A, B, C: (N, G) cost-to-go by period and forecast level; None where there is no I.
    """

    problem: Problem
    chain: Outlook
    A: Array
    B: Array | None = None
    C: Array | None = None

    __repr__ = brief

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the fractions depend on, with their values."""
        return _fields(self.problem, "periods", "dt", *(() if self.B is None else ("shares",)))

    def reset(self, n: int) -> None:
        """Forget, because n new episodes begin."""
        self._remember(None)

    def choice(self, k: int, liquidity: Array, logs: Array) -> Choice:
        """What is done in period k at liquidity, the profile included, and the log forecast level of period k + 1."""
        market, between = self.problem.market, self.chain.between
        depth = self.problem.depth(liquidity)
        h, s = market.instantaneous / depth, self.problem.risk_weights[k] + between(self.A[k + 1], logs)
        zero = np.zeros_like(h)
        if self.B is None or self.C is None:
            return choose(h, s, zero, zero, zero, market.permanent, 1.0)
        d1, d2 = closed_form.decay_moments(self.problem)
        u, b, c = market.transient / depth, between(self.B[k + 1], logs), between(self.C[k + 1], logs)
        slope = 1 - b * d1 + 2 * c * d2 * u
        return choose(h, s, b * d1 * u, c * d2 * u**2, slope, market.permanent, 1.0)

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6) of one period after the other.

        Raises:
            ValueError: observations of several periods at once, or not of period 0 or of the period after the last.
        """
        seen, periods = observed(observation, self.problem.order)
        k, mean = self._before(periods)
        held, _, _, _, liquidity, impact = columns(seen)
        mean = np.full(len(seen), self.chain.filter.mean[0]) if mean is None else mean
        if len(mean) != len(seen):
            raise ValueError(f"a filter must see the {len(mean)} episodes it began with, got {len(seen)}")
        log = np.log(liquidity / self.problem.profile[k])
        mean = self.chain.process.updated(self.chain.filter, k, mean, log)
        self._remember((k, mean))
        if k == self.problem.order.periods - 1:
            return answered(observation, np.ones(len(seen)))
        made = self.choice(k, liquidity, mean - self.chain.shift[k + 1])
        held = held * self.problem.order.shares
        push = np.divide(made.push * impact, held, out=np.zeros_like(held), where=held > 0)
        return answered(observation, made.fraction + (0.0 if self.B is None else push))


@dataclass(frozen=True, eq=False)
class Filtered(Remembering):
    """A rule for a trader who does not see liquidity: L and I are estimated from fills, then ``policy`` is asked.

    Made by `filtered`, which has the equations. What it remembers, `belief`, belongs to the thread that it acts in, and
    there to one simulation.

    Attributes:
        problem: order and market that the filter believes in.
        policy: what is asked.
        levels, mean, variance: (G,) levels of the process, and E[L'|L] and Var[L'|L] on them.
        start: L_0, the profile left out.

    Raises:
        TypeError, ValueError: ``policy`` is none, or was made for another order.
    """

    problem: Problem
    policy: Policy
    levels: Array
    mean: Array
    variance: Array
    start: float

    def __post_init__(self) -> None:
        check_policy(self.problem, self.policy)

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the filter depends on, with their values."""
        return _fields(self.problem, "periods", "dt", "shares")

    @property
    def belief(self) -> Belief | None:
        """That of the period acted in last; None before an episode."""
        last = self._last()
        return last[1] if last else None

    __repr__ = brief

    def reset(self, n: int) -> None:
        """Forget, because n new episodes begin; the wrapped policy is told too, if it remembers."""
        self._remember(None)
        if hasattr(self.policy, "reset"):
            self.policy.reset(n)

    def act(self, observation: Observation) -> Array:
        """The wrapped policy's fractions (n,), from observations (n, 6) of one period after the other.

        Raises:
            ValueError: observations of several periods at once; not those of period 0 or of the period after the last;
                not as many as in the last.
        """
        seen, periods = observed(observation, self.problem.order)
        period, last = self._before(periods)
        if period == 0:
            zero, held = np.zeros(len(seen)), columns(seen).inventory * self.problem.order.shares
            belief = Belief(zero + self.start, zero, zero, held, columns(seen).liquidity / self.problem.profile[0])
        elif len(seen) != len(last.level):
            raise ValueError(f"a filter must see the {len(last.level)} episodes it began with, got {len(seen)}")
        else:
            belief = self.predicted(self.updated(last, seen, period))
        self._remember((period, belief))
        shown = columns(seen)
        shown.liquidity[:] = np.maximum(belief.level - belief.variance / belief.level, self.levels[0])
        shown.liquidity[:] *= self.problem.profile[period]
        shown.transient[:] = belief.transient
        return answered(observation, self.policy.act(seen))

    def updated(self, prior: Belief, seen: Array, period: int) -> Belief:
        """The belief about the level of the period before ``period``, given its fill; and about I after it."""
        market, profile = self.problem.market, self.problem.profile[period - 1]
        held = columns(seen).inventory * self.problem.order.shares
        trade, implied = prior.held - held, columns(seen).liquidity / self.problem.profile[period]
        # without slippage every trade tells the level; with it, no two fills imply the same one
        fresh = (trade > 0) & ((market.slippage == 0) | (np.abs(implied - prior.implied) > 1e-6 * implied))
        at_one = market.instantaneous / profile * np.where(fresh, trade, 1.0)  # h v
        paid = at_one / implied - prior.transient
        fresh &= paid > 0
        level = np.where(fresh, at_one / np.where(fresh, paid, 1.0), prior.level)
        noise = (market.slippage * prior.level * level / at_one) ** 2
        total = prior.variance + noise
        gain = np.divide(prior.variance, total, out=np.zeros_like(total), where=fresh & (total > 0))
        level = prior.level + gain * (level - prior.level)
        pushed = prior.transient + market.transient * trade / (level * profile)
        decay = closed_form.decay_moments(self.problem)[0]
        return Belief(level, (1 - gain) * prior.variance, pushed * decay, held, implied)

    def predicted(self, belief: Belief) -> Belief:
        """The belief about the level one period on, from the points one standard deviation to either side."""
        spread = np.sqrt(belief.variance)
        low, high = belief.level - spread, belief.level + spread
        below, above = np.interp(low, self.levels, self.mean), np.interp(high, self.levels, self.mean)
        scatter = np.interp(low, self.levels, self.variance) + np.interp(high, self.levels, self.variance)
        return belief._replace(level=(below + above) / 2, variance=((above - below) / 2) ** 2 + scatter / 2)


def filtered(problem: Problem, policy: Policy) -> Filtered:
    """``policy`` for a trader who does not see liquidity: L and I are filtered from the trader's own fills.

    It is for ``observe_liquidity=False``, where an observation has the level Y that the last fill implied in place of L
    (`optexec.simulator.implied_level`, times the profile) and 0 in place of I. Let the level before a trade v have mean
    m and variance P, h = (eta + q/2)/profile and slippage e ~ N(0, s^2). The trade paid h v/Y = I + h v/L + e a share;
    what is left of Y without I, at its expected value, is L up to noise: Y - L = -Y L e/(h v) exactly. With m for L in
    this product, the Kalman update of the level and its prediction over a period are

        R = (s m Y / (h v))^2,    K = P / (P + R),    m <- m + K (Y - m),    P <- (1 - K) P;
        m <- (f(a) + f(b)) / 2,    P <- ((f(b) - f(a)) / 2)^2 + (g(a) + g(b)) / 2,    a, b = m -/+ sqrt(P),

    with f(L) = E[L' given L] and g(L) = Var[L' given L] of the process, whichever it is. For Ornstein-Uhlenbeck
    liquidity away from its floor the prediction is m <- mean + phi (m - mean), P <- phi^2 P + volatility^2 dt, phi =
    1 - speed dt. Transient impact follows I <- (I + q v/L) E[D] at the updated level; its own uncertainty is left out
    of R.

    Costs go with 1/L, so ``policy`` is shown 1/E[1/L], to second order m - P/m, times the profile. L_0 is taken as
    known. A fill at the mid or better implies nothing and is skipped: the update's own limit for Y -> infinity. Levels
    are dimensionless, v in shares, s, e and I in $/share, h in $/share per share.

    Sources: Kalman (1960), A new approach to linear filtering and prediction problems; the prediction from two points
    is that of Julier & Uhlmann (1997), A new extension of the Kalman filter to nonlinear systems.

    Args:
        problem: order and market that the filter believes in.
        policy: a policy of the observed L and I, such as ``rolling(problem)`` or ``optimum(problem)``.

    Returns:
        A policy with memory, which must see the periods of an episode in order. Threads may share it.

    Raises:
        TypeError, ValueError: ``policy`` is none, or was made for another order; or depth_exponent is not 1.
    """
    check_policy(problem, policy)
    if problem.market.depth_exponent != 1:
        raise ValueError(
            "filtered needs depth_exponent = 1, since its equations are those of depth that goes with liquidity, got "
            f"{problem.market.depth_exponent!r}"
        )
    chain = problem.chain()
    if isinstance(chain, Outlook):
        raise ValueError(
            "filtered needs liquidity whose level can be seen, so that a fill may stand for it, got "
            f"{problem.market.liquidity!r}"
        )
    mean = chain.matrix @ chain.levels
    variance = np.maximum(chain.matrix @ chain.levels**2 - mean**2, 0.0)
    start = float(chain.levels[chain.start])
    return Filtered(problem, policy, chain.levels, mean, variance, start)
