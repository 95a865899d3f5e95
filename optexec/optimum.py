"""The exact optimum under stochastic liquidity, by dynamic programming in closed form between grid levels.

With inventory and transient impact entering linearly and costs quadratic, the cost-to-go of J is
V_k(x, I, L) = A_k(L) x^2 + B_k(L) x I + C_k(L) I^2 + half_spread x, whatever the liquidity process. With h = (eta +
q/2)/L, u = q/L, r = lambda sigma^2 dt, d1 = E[D], d2 = E[D^2] and a, b, c the conditional expectations of the next
A, B, C given L:

    q2 = h - gamma + r + a - b d1 u + c d2 u^2
    qx = gamma - 2 r - 2 a + b d1 u,    qi = 1 - b d1 + 2 c d2 u
    v* = -(qx x + qi I) / (2 q2)
    A = r + a - qx^2 / (4 q2),    B = b d1 - qx qi / (2 q2),    C = c d2 - qi^2 / (4 q2)

starting from A = h, B = 1, C = 0 in the last period, which sells everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optexec.almgren_chriss import decay_moments
from optexec.liquidity import Chain, cached_chain, extrapolated
from optexec.policies import LevelTable, period_of
from optexec.problem import Problem

__all__ = ["Optimum", "optimum"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Optimum:
    """The optimal policy of J and its value.

    Attributes:
        problem: what it is optimal for.
        value: V_0, the smallest J that any policy attains [$].
        grid_error: estimate of the absolute error of ``value`` from quadrature and grid [$].
        inventory_term: v* / x where I = 0, by period and level.
        impact_term: dv* / dI by period and level [shares per $/share].
    """

    problem: Problem
    value: float
    grid_error: float
    inventory_term: LevelTable
    impact_term: LevelTable

    def fraction(self, k: int, liquidity: ArrayLike) -> Array:
        """v*/x in period k at liquidity L (the profile included) where I = 0."""
        levels = np.atleast_1d(np.asarray(liquidity, dtype=np.float64))
        fractions = self.inventory_term.at(np.full(len(levels), k), levels)
        return fractions if np.ndim(liquidity) else fractions[0]

    def act(self, observation: NDArray[np.floating[Any]]) -> Array:
        """Fractions of current inventory (n,) from observations (n, 6): period, inventory, L and I matter."""
        observation = np.asarray(observation, dtype=np.float64)
        period = period_of(observation, self.problem.order.periods)
        fraction = self.inventory_term.at(period, observation[:, 4])
        if self.problem.market.transient:
            held = observation[:, 0] * self.problem.order.shares
            push = self.impact_term.at(period, observation[:, 4]) * observation[:, 5]
            fraction = fraction + np.divide(push, held, out=np.zeros_like(held), where=held > 0)
        return fraction


def optimum(problem: Problem) -> Optimum:
    """The exact optimum of J for a problem without binding caps.

    Raises:
        ValueError: the order has caps, or q2 <= 0 in some period at some level (both are named).
    """
    order = problem.order
    if order.max_fraction < 1 or order.max_participation is not None:
        raise ValueError(
            "optimum needs an order without caps, got "
            f"max_fraction={order.max_fraction!r}, max_participation={order.max_participation!r}"
        )

    def value(chain: Chain) -> float:
        first_value = _solve(problem, chain)[0]
        return float(first_value[chain.start])

    at_start, error = extrapolated(value, problem.market.liquidity, order.dt, order.periods)
    chain = cached_chain(problem.market.liquidity, order.dt, order.periods)
    _, inventory_term, impact_term = _solve(problem, chain)
    ascending = np.argsort(chain.levels, kind="stable")
    tables = [
        LevelTable(problem, chain.levels[ascending], term[:, ascending]) for term in (inventory_term, impact_term)
    ]
    spread = problem.market.half_spread * order.shares
    return Optimum(problem, at_start * order.shares**2 + spread, error * order.shares**2, *tables)


def _solve(problem: Problem, chain: Chain) -> tuple[Array, Array, Array]:
    """A_0 (G,), and the coefficients of x and of I in v* (N, G)."""
    market, periods, profile = problem.market, problem.order.periods, problem.profile
    gamma, r = market.permanent, problem.risk_weight
    d1, d2 = decay_moments(problem)
    of_inventory, of_impact = np.ones((periods, len(chain.levels))), np.zeros((periods, len(chain.levels)))
    value = np.stack([market.instantaneous / (chain.levels * profile[-1]), np.ones_like(chain.levels)])
    value = np.vstack([value, np.zeros((1, len(chain.levels)))])  # A, B, C
    for k in range(periods - 2, -1, -1):
        liquidity = chain.levels * profile[k]
        h, u = market.instantaneous / liquidity, market.transient / liquidity
        a, b, c = value @ chain.matrix.T
        q2 = h - gamma + r + a - b * d1 * u + c * d2 * u**2
        if not (q2 > 0).all():
            bad = int(np.argmin(q2))
            raise ValueError(
                f"the cost is not convex in period {k} at liquidity level {chain.levels[bad]:g}: q2 = {q2[bad]:g} <= 0"
            )
        qx = gamma - 2 * r - 2 * a + b * d1 * u
        qi = 1 - b * d1 + 2 * c * d2 * u
        of_inventory[k], of_impact[k] = -qx / (2 * q2), -qi / (2 * q2)
        value = np.stack([r + a - qx**2 / (4 * q2), b * d1 - qx * qi / (2 * q2), c * d2 - qi**2 / (4 * q2)])
    return value[0], of_inventory, of_impact
