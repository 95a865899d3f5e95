"""The exact optimum under stochastic liquidity, by dynamic programming.

Without caps, inventory and transient impact enter linearly and costs are quadratic, so the cost-to-go of J is
V_k(x, I, L) = A_k(L) x^2 + B_k(L) x I + C_k(L) I^2 + half_spread x, whatever the liquidity process. With h = (eta +
q/2)/L, u = q/L (or another power of L, `Problem.depth`), r = lambda sigma^2 s_k^2 dt, d1 = E[D], d2 = E[D^2] and a, b,
c the conditional expectations of the next A, B, C given L:

    q2 = h - gamma + r + a - b d1 u + c d2 u^2
    qx = gamma - 2 r - 2 a + b d1 u,    qi = 1 - b d1 + 2 c d2 u
    v* = -(qx x + qi I) / (2 q2)
    A = r + a - qx^2 / (4 q2),    B = b d1 - qx qi / (2 q2),    C = c d2 - qi^2 / (4 q2)

starting from A = h, B = 1, C = 0 in the last period, which sells everything. It is exact where 0 <= v* <= x. Numbers
come from the same cost written as that of the rule v*, what it sells and what it keeps each computed for itself: where
risk outweighs impact by far, r + a - qx^2 / (4 q2) would be the small difference of large numbers.

With caps and q = 0 the cost-to-go V_k(x, L) is convex in x, unless what is left costs less than the forced last sale.
Under max_fraction alone, and a haircut that is the
half-spread, it stays A_k(L) x^2, with the fraction clipped; otherwise it is found on a grid in (x, L) by the endogenous
grid method: the first-order condition gives, for every remaining inventory, the one to come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optexec._validate import brief, integer, real
from optexec.almgren_chriss import decay_moments
from optexec.liquidity import COARSEST, GRID_POINTS, Chain, Outlook, log_ou, resolved, unresolved
from optexec.observation import Columns, Observation, answered, columns, observed, stacked
from optexec.policies import LevelTable, Watching, choose
from optexec.problem import Problem
from optexec.simulator import Policy, check_policy, simulate

__all__ = ["CappedOptimum", "Coefficients", "Optimum", "exact_value", "optimum"]

Array = NDArray[np.float64]
BellmanGaps = Callable[[Array, Array, Array], Array]
Place = tuple[NDArray[np.int64], Array]

INVENTORY_POINTS = 321
"""Inventories on the grid of a capped problem, from 0 to X."""

LARGEST = 2**30
"""Bytes of the largest table that is held."""

REPORTED = 1e-9
"""A relative error from rounding above this is part of a grid error."""


class Coefficients(NamedTuple):
    """The quadratic cost-to-go and its minimiser on a grid of levels, arrays (N, G) by period and level.

    V_k = A x^2 + B x I + C I^2 + half_spread x, and choosing v instead of v* costs q2 (v - v*)^2 more. Where q = 0
    there is no I, and B, C and of_impact are 0.
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
        bound: True where ``value`` is only a lower bound. That is so where caps were ignored (q > 0): it then holds for
            policies that sell everything, and for others where what they leave costs at least what selling it in the
            last period would. It is so where ``value`` is not positive: with transient impact and liquidity that moves
            far it can pay to buy where a purchase lifts the price most and sell where a sale lowers it least, which an
            order to sell may not. And it is so where states of the process share a level and are worth differently:
            who sees the level does not know in which it is.
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

    @property
    def of_liquidity(self) -> Callable[[int, Array], Array] | None:
        """What ``act`` says in a period at observed liquidity (n,); None with transient impact, which matters too."""
        return None if self.problem.market.transient else self._table("of_inventory").of_liquidity

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
        held, _, _, _, liquidity, transient = columns(seen)
        fraction = self._table("of_inventory").at(period, liquidity)
        if self.problem.market.transient:
            held = held * self.problem.order.shares
            push = self._table("of_impact").at(period, liquidity) * transient
            fraction = fraction + np.divide(push, held, out=np.zeros_like(held), where=held > 0)
        return answered(observation, fraction)

    def gaps(self, k: int, liquidity: ArrayLike) -> BellmanGaps:
        """What trades in period k at liquidity L (n,) cost more than the optimum's, Q_k - V_k [$], as a function.

        It takes inventories x_k [shares], impacts I_k [$/share] and the trades v_k as executed [shares], all (n,).
        Bellman gaps are q2 (v - v*)^2, and where a bound of max_fraction holds v* also what is lost to first order; the
        last period's trade is forced, and its gap 0. For every policy that knows no more than the optimum sees,
        whatever it remembers or leaves unseen, the gaps of an episode add up to J - V_0 on average: `optexec.regret`.
        """
        k, liquidity = _asked(self.problem, k, liquidity)
        if k == self.problem.order.periods - 1:
            return _forced
        market, cap, profile = self.problem.market, _largest_fraction(self.problem), self.problem.profile[k]
        row, across = _position(self.levels, liquidity / profile)
        unbounded = log_ou(market.liquidity) is not None and not market.transient

        def at(surface: Array) -> Array:
            start = surface.take(row)
            return np.asarray(start + across * (surface.take(row + 1, mode="clip") - start))  # what is even stays so

        depth, on_grid = (self.problem.depth(each) for each in (liquidity, self.levels * profile))
        h, on_grid = market.instantaneous / depth, market.instantaneous / on_grid
        q2 = h + at(self.coefficients.q2[k] - on_grid)  # the rest is smoother
        fraction = at(self.coefficients.of_inventory[k])
        push = at(self.coefficients.of_impact[k]) if market.transient else 0.0

        def gaps(inventory: Array, impact: Array, trades: Array) -> Array:
            away = trades - (fraction * inventory + push * impact)
            if cap == 1 and not unbounded:
                return np.asarray(q2 * away**2)
            wish = 1 - (h - market.permanent / 2) / q2  # v*/x, had it no bound
            nearest = np.where(q2 > 0, np.clip(wish, 0.0, cap), fraction)
            beyond = np.where((fraction <= 0) | (fraction >= cap), wish - nearest, 0.0)
            return np.asarray(np.maximum(q2 * away * (away - 2 * beyond * inventory), 0.0))  # but for rounding >= 0

        return gaps

    def along(self, liquidity: Array) -> list[BellmanGaps]:
        """`gaps` of every period, at what was seen of liquidity (N, n)."""
        return [self.gaps(k, levels) for k, levels in enumerate(liquidity)]

    @cached_property
    def coarse(self) -> Optimum:
        """The same on a grid half as fine, to see what the grid does to a regret.

        Linear interpolation errs by O(spacing^2): a third of the difference.
        """
        chain = self.problem.chain(GRID_POINTS // 2 + 1)
        surfaces, _ = _coefficients(self.problem, chain, _largest_fraction(self.problem))
        return replace(self, levels=chain.levels, coefficients=surfaces)

    def binding(self, episodes: int = 10_000, seed: int = 42) -> float:
        """Share of decisions (the forced last period left out) in which its wish is infeasible and clipped."""
        return _binding(self.problem, self, episodes, seed)


@dataclass(frozen=True, eq=False)
class WatchingOptimum(Optimum):
    """The optimum where `optexec.LogOU` is observed as it is: it knows L_k, and the next forecast from all levels.

    The cost-to-go ahead of L_k is a function of the forecast level, and so are ``coefficients``; ``q2`` and
    what follows it have the mean over L_k. As a policy it has the memory of `optexec.policies.Watching`.
    """

    @cached_property
    def rule(self) -> Watching:
        """The policy: it remembers, and acts."""
        chain, surfaces = self.problem.chain(len(self.levels)), self.coefficients
        assert isinstance(chain, Outlook)
        impact = (surfaces.B, surfaces.C) if self.problem.market.transient else ()
        return Watching(self.problem, chain, surfaces.A, *impact)

    @property
    def of_liquidity(self) -> None:
        """None: the levels before matter too."""

    def reset(self, n: int) -> None:
        """Forget, because n new episodes begin."""
        self.rule.reset(n)

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6) of one period after the other."""
        return self.rule.act(observation)

    def fraction(self, k: int, liquidity: ArrayLike, forecast: float | None = None) -> Any:
        """v*/x in period k at liquidity L (the profile included) where I = 0; a float for a float, else (n,).

        Args:
            k: the period.
            liquidity: L_k.
            forecast: the forecast level of period k before L_k was seen, the profile left out; None for the usual one.

        Raises:
            TypeError, ValueError: k is no integer from 0 to N-1, or a level is not finite and > 0.
        """
        k, levels = _asked(self.problem, k, liquidity)
        chain = self.rule.chain
        usual = float(chain.filter.mean[k])
        mean = usual if forecast is None else float(np.log(real("forecast", forecast, above=0))) + chain.shift[k]
        if k == self.problem.order.periods - 1:
            return np.ones(len(levels)) if np.ndim(liquidity) else 1.0
        log = np.log(levels / self.problem.profile[k])
        after = chain.process.updated(chain.filter, k, np.full(len(levels), mean), log)
        found = self.rule.choice(k, levels, after - chain.shift[k + 1]).fraction
        return found if np.ndim(liquidity) else float(found[0])

    def along(self, liquidity: Array) -> list[BellmanGaps]:
        """The Bellman gaps of every period, at levels (N, n) from the first on; see `Optimum.gaps`."""
        chain = self.rule.chain
        mean, found = np.full(liquidity.shape[1], chain.filter.mean[0]), []
        for k in range(len(liquidity) - 1):
            log = np.log(liquidity[k] / self.problem.profile[k])
            mean = chain.process.updated(chain.filter, k, mean, log)
            found.append(self._lost(k, liquidity[k], mean - chain.shift[k + 1]))
        return [*found, _forced]

    def gaps(self, k: int, liquidity: ArrayLike) -> BellmanGaps:
        """Not of a single period: what the levels before tell matters, `along`."""
        raise ValueError("gaps needs the levels of all periods where LogOU is observed as it is: use along(liquidity)")

    def _lost(self, k: int, liquidity: Array, logs: Array) -> BellmanGaps:
        made, market = self.rule.choice(k, liquidity, logs), self.problem.market
        push = made.push if market.transient else 0.0
        h = market.instantaneous / self.problem.depth(liquidity)
        bound = (
            0.0 if market.transient else np.where(made.free, 0.0, 2 * (h - market.permanent / 2 - made.q2 * made.kept))
        )

        def gaps(inventory: Array, impact: Array, trades: Array) -> Array:
            away = trades - (made.fraction * inventory + push * impact)
            return np.asarray(np.maximum(away * (made.q2 * away + bound * inventory), 0.0))

        return gaps


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
        ahead: (N-1, G, M) W_k(y, L), what is left after the period's trade costs later [$], by the level before it.
        bound: True where ``value`` is only a lower bound, because states of the process share a level and are worth
            differently.
    """

    problem: Problem
    value: float
    grid_error: float
    levels: Array
    inventory: Array
    table: Array
    ahead: Array
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
        fractions = self._at(k, levels, self._place(k, levels), np.full(len(levels), held))
        return fractions if np.ndim(liquidity) else float(fractions[0])

    def act(self, observation: Observation) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6), one from (6,): period, x and L matter."""
        seen, period = observed(observation, self.problem.order)
        held, liquidity = columns(seen).inventory * self.problem.order.shares, columns(seen).liquidity
        result = np.empty(len(seen))
        for k in np.unique(period):
            here = period == k
            level = liquidity[here]
            result[here] = self._at(int(k), level, self._place(int(k), level), held[here])
        return answered(observation, result)

    def gaps(self, k: int, liquidity: ArrayLike) -> BellmanGaps:
        """What trades in period k at liquidity L (n,) cost more than the optimum's, Q_k - V_k [$], as `Optimum.gaps`.

        From W of what is left: with s = v + v* and h = (eta + q/2)/D, and with no impact I here,

            (h s + half_spread + gamma (x - s) - r (2 x - s)) (v - v*) + W(x - v) - W(x - v*).
        """
        k, liquidity = _asked(self.problem, k, liquidity)
        if k == self.problem.order.periods - 1:
            return _forced
        market, r, points = self.problem.market, float(self.problem.risk_weights[k]), len(self.inventory)
        h, (row, across) = market.instantaneous / self.problem.depth(liquidity), self._place(k, liquidity)
        width, ahead = self.inventory[1], self.ahead[k]
        slope = np.gradient(ahead, width, axis=1, edge_order=2)

        def later(left: Array) -> Array:
            """W by cubic Hermite interpolation, linear between levels."""
            cell = np.minimum((left / width).astype(np.int64), points - 2)
            t, place, cost = left / width - cell, row * points + cell, np.zeros(len(left))
            for weight in (1 - across, across):
                f0, f1 = (ahead.take(place + i, mode="clip") for i in (0, 1))
                s0, s1 = (width * slope.take(place + i, mode="clip") for i in (0, 1))
                cost += weight * (f0 + t * (s0 + t * (3 * (f1 - f0) - 2 * s0 - s1 + t * (s0 + s1 - 2 * (f1 - f0)))))
                place += points
            return cost

        def gaps(inventory: Array, impact: Array, trades: Array) -> Array:
            best = self._at(k, liquidity, (row, across), inventory) * inventory
            both = trades + best
            now = h * both + market.half_spread + market.permanent * (inventory - both) - r * (2 * inventory - both)
            return np.asarray(now * (trades - best) + later(inventory - trades) - later(inventory - best))

        return gaps

    def along(self, liquidity: Array) -> list[BellmanGaps]:
        """`gaps` of every period, at what was seen of liquidity (N, n)."""
        return [self.gaps(k, levels) for k, levels in enumerate(liquidity)]

    @cached_property
    def coarse(self) -> CappedOptimum:
        """The same on grids half as fine, to see what the grids do to a regret.

        Where caps set in there are kinks, which make it O(spacing): as much as the difference.
        """
        grid = _endogenous_grid(self.problem, 4, _fineness(self.problem), keep=True)
        return replace(self, levels=grid.levels, inventory=grid.inventory, table=grid.table, ahead=grid.ahead)

    def binding(self, episodes: int = 10_000, seed: int = 42) -> float:
        """Share of decisions in which its wish is infeasible: interpolation alone, since it plans with the caps."""
        return _binding(self.problem, self, episodes, seed)

    def _place(self, k: int, liquidity: Array) -> Place:
        return _position(self.levels, liquidity / self.problem.profile[k])

    def _at(self, k: int, liquidity: Array, place: Place, held: Array) -> Array:
        """Bilinear interpolation, then the caps: between grid points they hold exactly."""
        order, market = self.problem.order, self.problem.market
        row, across = place
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


def _forced(inventory: Array, impact: Array, trades: Array) -> Array:
    """The Bellman gaps of the last period."""
    return np.zeros(len(trades))


def _largest_fraction(problem: Problem) -> float:
    """The max_fraction that a cost-to-go A x^2 + ... minds."""
    return 1.0 if problem.market.transient else problem.order.max_fraction


def _binding(problem: Problem, policy: Policy, episodes: int, seed: int) -> float:
    """Violations per decision of a policy."""
    decisions = max(problem.order.periods - 1, 1)
    return float(simulate(problem, policy, episodes, seed).violations.mean()) / decisions


def _position(grid: Array, value: Array) -> Place:
    """Index of the cell of an ascending grid, and the place in it from 0 to 1 (clamped at the ends).

    States of a process may share a level: a cell of no width is at its upper end.
    """
    if len(grid) == 1:
        return np.zeros(len(value), dtype=np.int64), np.zeros(len(value))
    index = np.clip(np.searchsorted(grid, value, side="right") - 1, 0, len(grid) - 2)
    width = grid[index + 1] - grid[index]
    place = np.divide(value - grid[index], width, out=np.ones(len(value)), where=width > 0)
    return index, np.clip(place, 0.0, 1.0)


def _ambiguous(levels: Array, worth: NDArray[np.floating[Any]]) -> bool:
    """Whether states that share a level (G,), as it is observed, are worth differently: ``worth`` is (N, G, ...).

    A shock that halves liquidity makes the high regime's level that of the low one.
    """
    same = np.flatnonzero(np.diff(levels) <= np.finfo(np.float32).eps * levels[1:])
    return not np.allclose(worth[:, same], worth[:, same + 1], rtol=1e-5, atol=0.0)


def covered(problem: Problem) -> bool:
    """Whether `optimum` takes a problem: one whose level is forecast must have no caps."""
    return not (problem.order.capped and log_ou(problem.market.liquidity))


def optimum(problem: Problem) -> Optimum | CappedOptimum:
    """The exact optimum of J.

    Without caps and under max_fraction it is exact between grid levels; under max_participation (or a haircut on what
    max_fraction leaves) it is a `CappedOptimum`; with transient impact and caps it is the uncapped optimum, a lower
    ``bound``.

    Where the level is a forecast (`optexec.LogOU`) it is the optimum of all who know the past, E[. | past] taken over
    what L_k may be before q2, qx and qi are formed, or of all who know L_k too (`WatchingOptimum`). Levels have no
    bound there: beyond some 2 eta/gamma more than all would be sold, and fractions are held between nothing and all.
    With transient impact a held fraction leaves I out of account, a jump that ``grid_error`` shows where it is met
    often.

    Raises:
        ValueError: q2 <= 0 in some period at some level (both are named): the problem has no optimum; the liquidity
            grid cannot resolve the process (relative error above 1%); or caps with `LogOU`.

    Examples:
        >>> import optexec as ox
        >>> solution = ox.optimum(ox.presets.stochastic())
        >>> round(solution.value, 2)
        1798.63
        >>> solution.fraction(0, 0.5) < solution.fraction(0, 1.5)  # it waits for liquidity
        True
    """
    order, market = problem.order, problem.market
    homogeneous = order.max_participation is None and problem.haircut == market.half_spread
    if not covered(problem):
        raise ValueError(
            "the optimum of LogOU liquidity needs an order without caps, since p volume L_k is not known when v_k is "
            f"chosen: max_participation = None and max_fraction = 1, got {order.max_participation!r} and "
            f"{order.max_fraction!r}"
        )
    if problem.order.capped and not market.transient and not homogeneous:
        return _capped(problem)

    cap = _largest_fraction(problem)
    chain = problem.chain()
    surfaces, rounding = _coefficients(problem, chain, cap)

    def value(other: Chain) -> float:
        if other is chain:
            return chain.at_start(surfaces.A[0])
        *_, first = _backwards(problem, other, cap)
        return other.at_start(first.value[0])

    at_start, error = resolved(value, market.liquidity, order.dt, order.periods, market.depth_exponent)
    if rounding > COARSEST * abs(at_start):
        raise ValueError(
            f"the value is lost to rounding: transient={market.transient!r} and permanent={market.permanent!r} all but "
            f"make up for temporary={market.temporary!r} at the liquidity of {market.liquidity!r}"
        )
    if rounding > REPORTED * abs(at_start):
        error += rounding
    square = order.shares**2
    found = at_start * square + market.half_spread * order.shares
    kind = WatchingOptimum if isinstance(chain, Outlook) and chain.known else Optimum
    return kind(
        problem,
        found,
        float(error * square),
        chain.levels,
        surfaces,
        bound=(market.transient > 0 and (problem.order.capped or found <= 0)) or _ambiguous(chain.levels, surfaces.A),
    )


def exact_value(problem: Problem, policy: Policy) -> float:
    """J of a policy whose fraction depends on the period and on observed liquidity alone [$], without Monte Carlo.

    The cost-to-go of a rule that trades the fraction f_k(L) is A_k(L) x^2 + half_spread x with

        A_k = h f_k^2 + gamma f_k (1 - f_k) + (lambda sigma^2 s_k^2 dt + E[A_{k+1} | L]) (1 - f_k)^2,    h = eta / D_k,

    and A = h in the last period, which sells everything; J = A_0(L_0) X^2 + half_spread X. For schedules, the rolling
    rule, the optimum and learned policies that see no inventory; q = 0 and no caps. Rules with the memory of
    `optexec.policies.Watching` have one too.

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
    if market.transient or problem.order.capped:
        raise ValueError("an exact value needs transient = 0, max_fraction = 1 and no max_participation")
    check_policy(problem, policy)
    if hasattr(policy, "reset") and not isinstance(policy, Watching | WatchingOptimum):
        raise ValueError("an exact value needs a policy without memory, and this one has a method reset")
    open_loop = getattr(policy, "open_loop", None)

    def fractions(chain: Chain, held: float, price: float) -> list[Array]:
        """By period (G, J) or (G, 1), by level and by what is seen of the outcome."""
        if open_loop is not None:
            return [np.full((1, 1), fraction) for fraction in [*np.asarray(open_loop)[:-1], 1.0]]
        rule = []
        for k in range(periods - 1):
            levels = chain.outcomes(k)[0] if chain.known else chain.levels[:, None]
            if isinstance(policy, Watching | WatchingOptimum):
                watching = policy if isinstance(policy, Watching) else policy.rule
                logs = chain.ahead(k, np.log(chain.levels))
                rule.append(watching.choice(k, levels * problem.profile[k], logs).fraction)
                continue
            liquidity = np.maximum(levels.ravel() * problem.profile[k], np.finfo(np.float32).tiny)
            seen = Columns(held, (periods - k) / periods, price, price * market.volatility, liquidity, 0.0)
            rule.append(policy.act(stacked(seen, levels.size)).reshape(levels.shape))
        return [*rule, np.ones((1, 1))]

    def value(chain: Chain) -> float:
        rule = fractions(chain, 0.5, 1.0)
        for one, other in zip(rule, fractions(chain, 0.25, 1.01), strict=True):
            if np.abs(one - other).max() > 1e-6:
                raise ValueError("an exact value needs a policy that depends on the period and on liquidity alone")
        sold = [np.clip(each, 0.0, 1.0) for each in rule]
        A = np.zeros(len(chain.levels))
        for k in range(periods - 1, -1, -1):
            outcomes, weights = chain.outcomes(k)
            h, f = market.instantaneous / problem.depth(outcomes * problem.profile[k]), sold[k]
            ahead = chain.ahead(k, A) if k < periods - 1 else np.zeros(h.shape)
            kept, ahead = 1 - f, ahead + problem.risk_weights[k]
            A = (h * f**2 + market.permanent * f * kept + ahead * kept**2) @ weights
        return chain.at_start(A)

    found = resolved(value, market.liquidity, order.dt, periods, market.depth_exponent)[0]
    return found * order.shares**2 + market.half_spread * order.shares


def _coefficients(problem: Problem, chain: Chain, cap: float) -> tuple[Coefficients, float]:
    """The surfaces of `_backwards` by ascending level, and the rounding error of A at the start.

    Raises:
        ValueError: they would not fit into `LARGEST`.
    """
    periods, transient = problem.order.periods, problem.market.transient > 0
    kept = range(6) if transient else (0, 3, 4)
    shape = (periods, len(chain.levels))
    needed = 8 * len(kept) * periods * len(chain.levels)
    if needed > LARGEST:
        raise ValueError(
            f"the optimum of {periods:,} periods needs a table of {needed / 1e9:.1f} GB, and at most "
            f"{LARGEST / 1e9:.1f} GB is held: periods must be at most {periods * LARGEST // needed:,} here"
        )
    surfaces = [np.empty(shape) if part in kept else np.broadcast_to(0.0, shape) for part in range(6)]
    for step in _backwards(problem, chain, cap):
        rows = (*step.value, step.q2, step.fraction, step.push)
        for part in kept:
            surfaces[part][step.period] = rows[part]
    return Coefficients(*surfaces), chain.at_start(step.rounding)


class _Step(NamedTuple):
    """A period of the recursion, arrays (G,)."""

    period: int
    value: Array
    """(3, G) A, B, C"""
    q2: Array
    fraction: Array
    push: Array
    rounding: Array
    """bound on the rounding error of A, to first order"""


def _backwards(problem: Problem, chain: Chain, cap: float) -> Iterator[_Step]:
    """The recursion of the module's docstring from the last period on, fractions clipped to [0, cap] where cap < 1.

    (q = 0 where cap < 1.) The cost of v = f x + p I, which keeps g x - p I with g = 1 - f, is

        A = h f^2 + gamma f g + (r + a) g^2 + b d1 u f g + c d2 u^2 f^2

    and so on; f and g are computed apart. Arrays are (G, J), by level and by what L_k turns out to be. Where levels are
    forecasts the trade is chosen before that is known: f and p come from averages over J, in which u and the next A, B,
    C move together. Else J is 1. Where there is no highest level, and so no convex cost beyond some, fractions are held
    in [0, cap]. An error of f moves A by its square alone, so that what rounding does to A is eps times the sum of the
    terms' sizes, and what it did to a, b and c.
    """
    market, periods, profile = problem.market, problem.order.periods, problem.profile
    gamma, eps = market.permanent, 4 * np.finfo(np.float64).eps
    transient = market.transient > 0
    d1, d2 = decay_moments(problem) if transient else (0.0, 0.0)
    value, errors = np.zeros((2, 3, len(chain.levels)))
    rows = slice(0, 3 if transient else 1)
    for k in range(periods - 1, -1, -1):
        outcomes, weights = chain.outcomes(k)
        depth, r = problem.depth(outcomes * profile[k]), problem.risk_weights[k]
        h, u = market.instantaneous / depth, market.transient / depth
        ahead, blur = np.zeros((2, 3, *h.shape))
        if k < periods - 1:
            ahead[rows], blur[rows] = chain.ahead(k, value[rows]), abs(chain.ahead(k, errors[rows]))
            blur += eps * abs(ahead)
        a, b, c = ahead
        s, cross, square = r + a, b * d1 * u, c * d2 * u**2
        parts = h, s, cross, square, 1 - b * d1 + 2 * c * d2 * u
        if not chain.known:
            parts = tuple((part @ weights)[:, None] for part in parts)
        q2, slope = parts[0] - gamma + parts[1] - parts[2] + parts[3], parts[4]
        zero = np.zeros_like(q2)
        if k == periods - 1:
            f, g, p = np.full_like(q2, cap), np.full_like(q2, 1 - cap), zero
            rough = zero
        elif chain.unbounded:
            q2, f, g, p, free = choose(*parts, gamma, cap)
            p = p if transient else zero
            rough = eps * np.divide(parts[0] + gamma + parts[1], q2, out=np.zeros_like(q2), where=free)
        else:
            if not (q2 > 0).all():
                bad = int(np.argmin(q2))
                # but for rounding q2 >= h - gamma
                if not np.isfinite(q2).all() or (not transient and h[bad, 0] > gamma):
                    raise ValueError(unresolved(market.liquidity, problem.order.dt, periods))
                raise ValueError(
                    f"the cost is not convex in period {k} at liquidity level {chain.levels[bad]:g}: "
                    f"q2 = {q2[bad, 0]:g} must be > 0"
                )
            f, g = (s - gamma / 2 - cross / 2) / q2, (h - gamma / 2 - cross / 2 + square) / q2
            f, g = np.where(f < 0.5, f, 1 - g), np.where(f < 0.5, 1 - f, g)
            if cap < 1:
                clipped = np.clip(f, 0.0, cap)
                f, g = clipped, np.where(clipped == f, g, 1 - clipped)
            p = -slope / (2 * q2) if transient else zero
            rough = eps * (h + gamma + s + abs(cross) + abs(square)) / q2
        q2, f, g, p, rough = (np.broadcast_to(each, h.shape) for each in (q2, f, g, p, rough))
        terms = np.stack([h * f**2, gamma * f * g, s * g**2, cross * f * g, square * f**2])
        astray = rough * np.minimum(abs(f), abs(g))  # of whichever of f and g is not 1 less the other
        new, error = np.zeros((2, 3, *h.shape))
        new[0] = terms.sum(axis=0)
        error[0] = g**2 * blur[0] + eps * abs(terms).sum(axis=0) + q2 * astray**2
        if transient:
            carried = 1 + u * p  # I ahead of decay, a unit of I
            terms = np.stack(
                [
                    2 * h * f * p,
                    gamma * p * (g - f),
                    -2 * s * g * p,
                    f,
                    b * d1 * g * carried,
                    -cross * p * f,
                    2 * c * d2 * u * f * carried,
                ]
            )
            squares = np.stack(
                [h * p**2, -gamma * p**2, s * p**2, p, -b * d1 * p * carried, c * d2 * carried**2],
            )
            new[1], new[2] = terms.sum(axis=0), squares.sum(axis=0)
            blurred = eps * (1 + abs(b * d1) + 2 * abs(c * d2 * u))  # of slope; in the last period nothing is chosen
            stray = 0 * q2 if k == periods - 1 else rough * abs(p) + blurred / (2 * q2)
            mixed = abs(g * carried - p * u * f)
            error[0] += abs(d1 * u * f * g) * blur[1] + d2 * (u * f) ** 2 * blur[2]
            error[1] = 2 * abs(g * p) * blur[0] + d1 * mixed * blur[1] + 2 * d2 * abs(u * f * carried) * blur[2]
            error[1] += eps * abs(terms).sum(axis=0) + 2 * q2 * astray * stray
            error[2] = p**2 * blur[0] + d1 * abs(p * carried) * blur[1] + d2 * carried**2 * blur[2]
            error[2] += eps * abs(squares).sum(axis=0) + q2 * stray**2
        value, errors = new @ weights, error @ weights
        yield _Step(k, value, q2 @ weights, f @ weights, p @ weights, errors[0])


def _capped(problem: Problem) -> CappedOptimum:
    """The optimum under caps with q = 0, extrapolated from grids of which one is half as fine in both directions.

    Raises:
        ValueError: there are too many periods, or the grids cannot resolve the problem.
    """
    fineness = _fineness(problem)
    coarsest, coarse, fine = (_endogenous_grid(problem, part, fineness, keep=part == 2) for part in (8, 4, 2))
    value = fine.value + (fine.value - coarse.value) / 3
    # where caps set in there are kinks: O(spacing), with a sign that changes from grid to grid
    error = abs(fine.value - coarse.value) + abs(coarse.value - coarsest.value) / 2
    if not error <= COARSEST * abs(value):
        raise ValueError(
            f"a grid of {len(fine.levels)} liquidity levels and {len(fine.inventory)} inventories cannot resolve the "
            f"caps: the value is {value:g} and its error {error:g}; its floor must be closer to the mean of "
            f"{problem.market.liquidity!r}, or the order have fewer periods"
        )
    return CappedOptimum(problem, value, error, *fine[1:], bound=_ambiguous(fine.levels, fine.ahead))


def _fineness(problem: Problem) -> float:
    """How fine the grids of a capped problem are in each direction, 1 where the table fits into `LARGEST` bytes.

    Orders of so many periods that it would not get coarser grids, as long as these have a fifth of the points.

    Raises:
        ValueError: there are more periods than that.
    """
    order = problem.order
    most = len(problem.chain(GRID_POINTS // 2 + 1).levels)
    needed = 8 * order.periods * most * INVENTORY_POINTS
    if needed <= LARGEST:
        return 1.0
    fineness: float = (LARGEST / needed) ** 0.5 if most > 2 else LARGEST / needed
    if fineness < 0.2:
        raise ValueError(
            f"the optimum under caps of {order.periods:,} periods needs a table of {0.04 * needed / 1e9:.1f} GB at "
            f"least, and at most {LARGEST / 1e9:.1f} GB is held: use fewer and longer periods"
        )
    return fineness


class _Grid(NamedTuple):
    """V_0(X, L_0) on a grid, and the fields of a `CappedOptimum`."""

    value: float
    levels: Array
    inventory: Array
    table: Array
    ahead: Array


def _endogenous_grid(problem: Problem, part: int, fineness: float, keep: bool) -> _Grid:
    """The optimum under caps on a grid ``part`` times as coarse as an uncapped one's; its tables if they are kept.

    With y = x - v left and W(y) = E[V_{k+1}(y, L') | L], V_k = min_y h (x-y)^2 + half_spread (x-y) + gamma (x-y) y +
    r y^2 + W(y). Its first-order condition gives x = y + ((2r - gamma) y + W'(y) - half_spread) / (2h - gamma).
    """
    order, market, profile = problem.order, problem.market, problem.profile
    gamma, spread = market.permanent, market.half_spread
    chain = problem.chain(int(fineness * GRID_POINTS) // part + 1)
    assert isinstance(chain, Chain)
    points = int(fineness * (INVENTORY_POINTS - 1)) // (part // 2) + 1
    x = np.linspace(0.0, order.shares, points)
    size = len(chain.levels)
    value, slope = np.tile(problem.haircut * x, (size, 1)), np.full((size, points), problem.haircut)
    fractions = np.empty((order.periods if keep else 1, size, points))
    waiting = np.empty((order.periods - 1 if keep else 0, size, points))
    participation = np.inf if order.max_participation is None else order.max_participation * market.volume
    for k in range(order.periods - 1, -1, -1):
        liquidity = (chain.levels * profile[k])[:, None]
        h, cap, r = market.instantaneous / problem.depth(liquidity), participation * liquidity, problem.risk_weights[k]
        if (2 * h <= gamma).any():
            bad = chain.levels[int(np.argmin(h))]
            raise ValueError(
                f"the cost is not convex in period {k} at liquidity level {bad:g}: 2 h - gamma must be > 0"
            )
        if k < order.periods - 1:
            value, slope = chain.matrix @ value, chain.matrix @ slope
            if keep:
                waiting[k] = value
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
        # by the envelope theorem: v absorbs a change of x unless it is capped or 0, and then what is left does
        by_trade = 2 * h * v + spread + gamma * left
        by_left = gamma * v + 2 * r * left + ahead_slope
        at_participation = (left <= smallest) & (x - cap >= (1 - order.max_fraction) * x) & (x > cap)
        at_fraction = (left <= smallest) & ~at_participation & (order.max_fraction < 1)
        waits = (left >= x) & (by_left <= by_trade)
        share = np.where(at_participation | waits, 0.0, np.where(at_fraction, order.max_fraction, 1.0))
        slope = share * by_trade + (1 - share) * by_left
        row = fractions[k if keep else 0]
        np.divide(v, x, out=row, where=x > 0)
        row[:, 0] = row[:, 1]
    return _Grid(float(value[chain.start, -1]), chain.levels, x, fractions, waiting)


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
