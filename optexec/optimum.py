"""The exact optimum under stochastic liquidity, by dynamic programming.

Without caps, inventory and transient impact enter linearly and costs are quadratic, so the cost-to-go of J is
V_k(x, I, L) = A_k(L) x^2 + B_k(L) x I + C_k(L) I^2 + half_spread x, whatever the liquidity process. With h = (eta +
q/2)/L, u = q/L, r = lambda sigma^2 dt, d1 = E[D], d2 = E[D^2] and a, b, c the conditional expectations of the next
A, B, C given L:

    q2 = h - gamma + r + a - b d1 u + c d2 u^2
    qx = gamma - 2 r - 2 a + b d1 u,    qi = 1 - b d1 + 2 c d2 u
    v* = -(qx x + qi I) / (2 q2)
    A = r + a - qx^2 / (4 q2),    B = b d1 - qx qi / (2 q2),    C = c d2 - qi^2 / (4 q2)

starting from A = h, B = 1, C = 0 in the last period, which sells everything. It is exact where 0 <= v* <= x.

With caps and q = 0 the cost-to-go V_k(x, L) is convex in x. Under max_fraction alone it stays A_k(L) x^2, with the
fraction clipped; under max_participation (or where what is left costs a haircut) it is found on a grid in (x, L) by the
endogenous grid method: the first-order condition gives, for every remaining inventory, the one to come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optexec._validate import brief, integer, real
from optexec.almgren_chriss import decay_moments
from optexec.liquidity import GRID_POINTS, Chain, cached_chain, extrapolated
from optexec.policies import LevelTable
from optexec.problem import Problem
from optexec.simulator import Observation, Policy, answered, check_policy, observed, simulate

__all__ = ["CappedOptimum", "Coefficients", "Optimum", "exact_value", "optimum"]

Array = NDArray[np.float64]

INVENTORY_POINTS = 321
"""Inventories on the grid of a capped problem, from 0 to X."""


COARSEST = 0.01
"""A relative grid error above this is refused."""


class Coefficients(NamedTuple):
    """The quadratic cost-to-go and its minimiser on a grid of levels, arrays (N, G) by period and level.

    V_k = A x^2 + B x I + C I^2 + half_spread x, and choosing v instead of v* costs q2 (v - v*)^2 more.
    """

    A: Array
    B: Array
    C: Array
    q2: Array
    of_inventory: Array
    """v* / x where I = 0"""
    of_impact: Array
    """dv* / dI [shares per $/share]"""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The policy with the lowest J of all, and its value.

    Attributes:
        problem: what it was made for.
        value: V_0, the smallest J that any policy attains [$].
        grid_error: estimate of the absolute error of ``value`` from quadrature and grid [$].
        levels: (G,) ascending levels of the process.
        coefficients: the coefficient surfaces on ``levels``.
        bound: True where caps were ignored (q > 0): ``value`` is then a lower bound for policies that sell everything,
            and for others where what they leave costs at least what selling it in the last period would.
    """

    problem: Problem
    value: float
    grid_error: float
    levels: Array
    coefficients: Coefficients
    bound: bool = False

    __repr__ = brief

    def _table(self, name: str) -> LevelTable:
        return LevelTable(self.problem, self.levels, getattr(self.coefficients, name))

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the fractions depend on, with their values."""
        order, fields = self.problem.order, {"periods": self.problem.order.periods, "dt": self.problem.order.dt}
        return fields | ({"shares": order.shares} if self.problem.market.transient else {})

    def fraction(self, k: int, liquidity: ArrayLike) -> Any:
        """v*/x in period k at liquidity L (the profile included) where I = 0; a float for a float, else (n,).

        Beyond the grid's levels the answer is that of the nearest level.

        Raises:
            TypeError, ValueError: k is no integer from 0 to N-1, or a liquidity is not finite and > 0.
        """
        k, levels = _asked(self.problem, k, liquidity)
        fractions = self._table("of_inventory").at(np.full(len(levels), k), levels)
        return fractions if np.ndim(liquidity) else float(fractions[0])

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6), one from (6,): period, x, L and I matter."""
        seen, period = observed(observation, self.problem.order)
        fraction = self._table("of_inventory").at(period, seen[:, 4])
        if self.problem.market.transient:
            held = seen[:, 0] * self.problem.order.shares
            push = self._table("of_impact").at(period, seen[:, 4]) * seen[:, 5]
            fraction = fraction + np.divide(push, held, out=np.zeros_like(held), where=held > 0)
        return answered(observation, fraction)

    def binding(self, episodes: int = 10_000, seed: int = 42) -> float:
        """Share of decisions (the forced last period left out) in which its wish is infeasible and clipped."""
        return _binding(self.problem, self, episodes, seed)


@dataclass(frozen=True, eq=False)
class CappedOptimum:
    """The optimum under a cap on participation, on a grid in inventory and liquidity.

    Attributes:
        problem: what it was made for.
        value: V_0 [$].
        grid_error: estimate of the absolute error of ``value`` from both grids [$].
        levels: (G,) ascending levels of the process.
        inventory: (M,) inventories [shares].
        table: (N, G, M) v*/x; at zero inventory, its limit.
        bound: False.
    """

    problem: Problem
    value: float
    grid_error: float
    levels: Array
    inventory: Array
    table: Array
    bound: bool = False

    __repr__ = brief

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the fractions depend on, with their values."""
        order = self.problem.order
        return {"periods": order.periods, "dt": order.dt, "shares": order.shares}

    def fraction(self, k: int, liquidity: ArrayLike, inventory: float | None = None) -> Any:
        """v*/x in period k at liquidity L (the profile included) and an inventory (X by default) [shares].

        A float for a float, else (n,). Beyond the grid's levels the answer is that of the nearest level.

        Raises:
            TypeError, ValueError: k is no integer from 0 to N-1, a liquidity is not finite and > 0, or the inventory is
                not from 0 to X.
        """
        k, levels = _asked(self.problem, k, liquidity)
        shares = self.problem.order.shares
        held = shares if inventory is None else real("inventory", inventory, minimum=0, maximum=shares)
        fractions = self._at(k, levels, np.full(len(levels), held))
        return fractions if np.ndim(liquidity) else float(fractions[0])

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6), one from (6,): period, x and L matter."""
        seen, period = observed(observation, self.problem.order)
        held = seen[:, 0] * self.problem.order.shares
        result = np.empty(len(seen))
        for k in np.unique(period):
            here = period == k
            result[here] = self._at(int(k), seen[here, 4], held[here])
        return answered(observation, result)

    def binding(self, episodes: int = 10_000, seed: int = 42) -> float:
        """Share of decisions in which its wish is infeasible: interpolation alone, since it plans with the caps."""
        return _binding(self.problem, self, episodes, seed)

    def _at(self, k: int, liquidity: Array, held: Array) -> Array:
        """Bilinear interpolation, then the caps: between grid points they hold exactly."""
        order, market = self.problem.order, self.problem.market
        row, across = _position(self.levels, liquidity / self.problem.profile[k])
        column, along = _position(self.inventory, held)
        table = self.table[k]
        low = table[row, column] * (1 - along) + table[row, column + 1] * along
        row = np.minimum(row + 1, len(self.levels) - 1)
        high = table[row, column] * (1 - along) + table[row, column + 1] * along
        wish: Array = np.clip(low * (1 - across) + high * across, 0.0, order.max_fraction)
        if order.max_participation is not None:
            cap = order.max_participation * market.volume * liquidity
            wish = np.minimum(wish, np.divide(cap, held, out=np.ones_like(held), where=held > 0))
        return wish


def _asked(problem: Problem, k: int, liquidity: ArrayLike) -> tuple[int, Array]:
    """The period and the levels (n,) that ``fraction`` is asked for, checked."""
    levels = np.atleast_1d(np.asarray(liquidity))
    if levels.ndim != 1 or levels.dtype.kind not in "fiu":
        raise TypeError(f"liquidity must be a real number or numbers (n,), got {liquidity!r}")
    if not (np.isfinite(levels) & (levels > 0)).all():
        raise ValueError(f"liquidity must be finite and > 0, got {liquidity!r}")
    return integer("k", k, minimum=0, maximum=problem.order.periods - 1), levels.astype(np.float64)


def _binding(problem: Problem, policy: Policy, episodes: int, seed: int) -> float:
    """Violations per decision of a policy."""
    decisions = max(problem.order.periods - 1, 1)
    return float(simulate(problem, policy, episodes, seed).violations.mean()) / decisions


def _position(grid: Array, value: Array) -> tuple[NDArray[np.int64], Array]:
    """Index of the cell of an ascending grid, and the place in it from 0 to 1 (clamped at the ends)."""
    if len(grid) == 1:
        return np.zeros(len(value), dtype=np.int64), np.zeros(len(value))
    index = np.clip(np.searchsorted(grid, value, side="right") - 1, 0, len(grid) - 2)
    return index, np.clip((value - grid[index]) / (grid[index + 1] - grid[index]), 0.0, 1.0)


def optimum(problem: Problem) -> Optimum | CappedOptimum:
    """The exact optimum of J.

    Without caps and under max_fraction it is exact between grid levels; under max_participation (or a haircut on what
    max_fraction leaves) it is a `CappedOptimum`; with transient impact and caps it is the uncapped optimum, a lower
    ``bound``.

    Raises:
        ValueError: q2 <= 0 in some period at some level (both are named): the problem has no optimum; or the liquidity
            grid cannot resolve the process (relative error above 1%).

    Examples:
        >>> import optexec as ox
        >>> solution = ox.optimum(ox.presets.stochastic())
        >>> round(solution.value, 2)
        1798.63
        >>> solution.fraction(0, 0.5) < solution.fraction(0, 1.5)  # it waits for liquidity
        True
    """
    order, market = problem.order, problem.market
    capped = order.max_fraction < 1 or order.max_participation is not None
    homogeneous = order.max_participation is None and order.leftover_haircut == market.half_spread
    if capped and not market.transient and not homogeneous:
        return _capped(problem)

    cap = 1.0 if market.transient else order.max_fraction

    def value(chain: Chain) -> float:
        return float(_coefficients(problem, chain, cap).A[0, chain.start])

    at_start, error = extrapolated(value, market.liquidity, order.dt, order.periods)
    if not error <= COARSEST * abs(at_start):
        raise ValueError(_unresolved(problem, cached_chain(market.liquidity, order.dt, order.periods)))
    chain = cached_chain(market.liquidity, order.dt, order.periods)
    ascending = np.argsort(chain.levels, kind="stable")
    surfaces = Coefficients(*(surface[:, ascending] for surface in _coefficients(problem, chain, cap)))
    spread, square = market.half_spread * order.shares, order.shares**2
    return Optimum(
        problem,
        at_start * square + spread,
        error * square,
        chain.levels[ascending],
        surfaces,
        bound=capped and market.transient > 0,
    )


def exact_value(problem: Problem, policy: Policy) -> float:
    """J of a policy whose fraction depends on the period and on observed liquidity alone [$], without Monte Carlo.

    The cost-to-go of a rule that trades the fraction f_k(L) is A_k(L) x^2 + half_spread x with

        A_k = h f_k^2 + gamma f_k (1 - f_k) + (lambda sigma^2 dt + E[A_{k+1} | L]) (1 - f_k)^2,    h = eta / L,

    and A = h in the last period, which sells everything; J = A_0(L_0) X^2 + half_spread X. For schedules, the rolling
    rule, the optimum and learned policies that see no inventory; q = 0 and no caps.

    Raises:
        TypeError: no policy.
        ValueError: transient impact or caps; a policy that was made for another order, that remembers (it has
            ``reset``), or whose fraction moves with inventory, price or volatility.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> round(ox.exact_value(problem, ox.almgren_chriss(problem)), 2)
        1824.52
    """
    order, market, periods = problem.order, problem.market, problem.order.periods
    if market.transient or order.max_fraction < 1 or order.max_participation is not None:
        raise ValueError("an exact value needs transient = 0, max_fraction = 1 and no max_participation")
    check_policy(problem, policy)
    if hasattr(policy, "reset"):
        raise ValueError("an exact value needs a policy without memory, and this one has a method reset")

    def fractions(levels: Array, held: float, price: float) -> Array:
        rule = np.ones((periods, len(levels)))
        for k in range(periods - 1):
            seen = np.zeros((len(levels), 6), dtype=np.float32)
            seen[:] = held, (periods - k) / periods, price, price * market.volatility, 0.0, 0.0
            seen[:, 4] = levels * problem.profile[k]
            rule[k] = policy.act(seen)
        return rule

    def value(chain: Chain) -> float:
        rule = fractions(chain.levels, 0.5, 1.0)
        if np.abs(rule - fractions(chain.levels, 0.25, 1.01)).max() > 1e-6:
            raise ValueError("an exact value needs a policy that depends on the period and on liquidity alone")
        return float(_coefficients(problem, chain, 1.0, np.clip(rule, 0.0, 1.0)).A[0, chain.start])

    found = extrapolated(value, market.liquidity, order.dt, periods)[0]
    return found * order.shares**2 + market.half_spread * order.shares


def _unresolved(problem: Problem, chain: Chain) -> str:
    """Why a solution is refused although the problem has one."""
    return (
        f"a grid of {len(chain.levels)} liquidity levels from {chain.levels.min():g} to {chain.levels.max():g} cannot "
        f"resolve {problem.market.liquidity!r}: its floor must be closer to its mean"
    )


def _coefficients(problem: Problem, chain: Chain, cap: float, rule: Array | None = None) -> Coefficients:
    """The recursion of the module's docstring, with fractions clipped to [0, cap] where cap < 1 (and then q = 0).

    With a rule, fractions (N, G) and q = 0, it is the cost-to-go of that rule and not the smallest.
    """
    market, periods, profile = problem.market, problem.order.periods, problem.profile
    gamma, r = market.permanent, problem.risk_weight
    d1, d2 = decay_moments(problem)
    surfaces = np.empty((6, periods, len(chain.levels)))
    value = np.zeros((3, len(chain.levels)))  # A, B, C after the last period: nothing is left, or q = 0
    for k in range(periods - 1, -1, -1):
        liquidity = chain.levels * profile[k]
        h, u = market.instantaneous / liquidity, market.transient / liquidity
        a, b, c = value @ chain.matrix.T
        q2 = h - gamma + r + a - b * d1 * u + c * d2 * u**2
        qx = gamma - 2 * r - 2 * a + b * d1 * u
        qi = 1 - b * d1 + 2 * c * d2 * u
        if rule is not None:
            fraction, push = rule[k], np.zeros_like(h)
        elif k == periods - 1:
            fraction, push = np.full_like(h, cap), np.zeros_like(h)
        else:
            if not (q2 > 0).all():
                bad = int(np.argmin(q2))
                if market.transient == 0 and (h[bad] > gamma):  # then q2 >= h - gamma but for rounding
                    raise ValueError(_unresolved(problem, chain))
                raise ValueError(
                    f"the cost is not convex in period {k} at liquidity level {chain.levels[bad]:g}: "
                    f"q2 = {q2[bad]:g} must be > 0"
                )
            fraction, push = -qx / (2 * q2), -qi / (2 * q2)
            if cap < 1:
                fraction = np.clip(fraction, 0.0, cap)
        # the cost of any linear rule v = fraction x + push I; at the minimiser it is that of the docstring
        value = np.stack(
            [
                r + a + qx * fraction + q2 * fraction**2,
                b * d1 + qx * push + qi * fraction + 2 * q2 * fraction * push,
                c * d2 + qi * push + q2 * push**2,
            ]
        )
        surfaces[:, k] = *value, q2, fraction, push
    return Coefficients(*surfaces)


def _capped(problem: Problem) -> CappedOptimum:
    """The optimum under caps with q = 0, extrapolated from grids of which one is half as fine in both directions."""
    order, process = problem.order, problem.market.liquidity
    results = []
    for points, inventories in (
        (GRID_POINTS // 4 + 1, INVENTORY_POINTS // 2 + 1),
        (GRID_POINTS // 2 + 1, INVENTORY_POINTS),
    ):
        chain = cached_chain(process, order.dt, order.periods, points)
        results.append((*_endogenous_grid(problem, chain, inventories), chain))
    (coarse, *_), (value, inventory, fractions, chain) = results
    ascending = np.argsort(chain.levels, kind="stable")
    correction = (value - coarse) / 3
    return CappedOptimum(
        problem, value + correction, abs(correction), chain.levels[ascending], inventory, fractions[:, ascending]
    )


def _endogenous_grid(problem: Problem, chain: Chain, points: int) -> tuple[float, Array, Array]:
    """V_0(X, L_0), inventories (M,) and the optimum's fractions (N, G, M) on a grid.

    With y = x - v left and W(y) = E[V_{k+1}(y, L') | L], V_k = min_y h (x-y)^2 + half_spread (x-y) + gamma (x-y) y +
    r y^2 + W(y). Its first-order condition gives x = y + ((2r - gamma) y + W'(y) - half_spread) / (2h - gamma).
    """
    order, market, profile = problem.order, problem.market, problem.profile
    gamma, r, spread = market.permanent, problem.risk_weight, market.half_spread
    x = np.linspace(0.0, order.shares, points)
    size = len(chain.levels)
    value, slope = np.tile(order.leftover_haircut * x, (size, 1)), np.full((size, points), order.leftover_haircut)
    fractions = np.empty((order.periods, size, points))
    participation = np.inf if order.max_participation is None else order.max_participation * market.volume
    for k in range(order.periods - 1, -1, -1):
        liquidity = (chain.levels * profile[k])[:, None]
        h, cap = market.instantaneous / liquidity, participation * liquidity
        if (2 * h <= gamma).any():
            bad = chain.levels[int(np.argmin(h))]
            raise ValueError(
                f"the cost is not convex in period {k} at liquidity level {bad:g}: 2 h - gamma must be > 0"
            )
        if k < order.periods - 1:
            value, slope = chain.matrix @ value, chain.matrix @ slope
        smallest = np.maximum(np.maximum(x - cap, (1 - order.max_fraction) * x), 0.0)
        if k == order.periods - 1:
            left = smallest
        else:
            source = x + ((2 * r - gamma) * x + slope - spread) / (2 * h - gamma)
            wished = np.array([np.interp(x, row, x) for row in np.maximum.accumulate(source, axis=1)])
            left = np.clip(wished, smallest, x)
        ahead, ahead_slope = _hermite(x, value, slope, left)
        v = x - left
        value = h * v**2 + spread * v + gamma * v * left + r * left**2 + ahead
        # by the envelope theorem: v absorbs a change of x unless it is capped, and then what is left does
        by_trade = 2 * h * v + spread + gamma * left
        by_left = gamma * v + 2 * r * left + ahead_slope
        at_participation = (left <= smallest) & (x - cap >= (1 - order.max_fraction) * x) & (x > cap)
        at_fraction = (left <= smallest) & ~at_participation & (order.max_fraction < 1)
        share = np.where(at_participation, 0.0, np.where(at_fraction, order.max_fraction, 1.0))
        slope = share * by_trade + (1 - share) * by_left
        np.divide(v, x, out=fractions[k], where=x > 0)
        fractions[k, :, 0] = fractions[k, :, 1]
    return float(value[chain.start, -1]), x, fractions


def _hermite(x: Array, value: Array, slope: Array, at: Array) -> tuple[Array, Array]:
    """Cubic Hermite interpolation and its derivative, row by row: x (M,) even, value, slope and at (G, M).

    scipy's spline takes one set of nodes and values at a time; a loop over the rows was six times as slow.
    """
    width = x[1] - x[0]
    cell = np.minimum((at / width).astype(np.int64), len(x) - 2)
    t = at / width - cell
    f0, f1 = np.take_along_axis(value, cell, 1), np.take_along_axis(value, cell + 1, 1)
    s0, s1 = (width * np.take_along_axis(slope, cell + shift, 1) for shift in (0, 1))
    rise = f1 - f0
    square, cube = 3 * rise - 2 * s0 - s1, s0 + s1 - 2 * rise
    return f0 + t * (s0 + t * (square + t * cube)), (s0 + t * (2 * square + 3 * t * cube)) / width
