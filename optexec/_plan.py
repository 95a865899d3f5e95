"""The trade list of least cost where impact is known: a linear-quadratic problem, and a quadratic programme under caps.

Over v_0 .. v_{N-1}, from x_0 = X and m_0 = 0 with x_{k+1} = x_k - v_k and m_{k+1} = d (m_k + u_k v_k), the cost is

    sum_k [h_k v_k^2 + v_k m_k + gamma v_k x_{k+1} + r_k x_{k+1}^2] + c x_N,

and the last trade is all that the caps allow. Its cost-to-go A x^2 + B x m + C m^2 + D x + E m + constant comes from a
backward recursion, which completes the square: the cost of any list is the least one plus sum_k q2_k (v_k - f_k x_k -
g_k m_k - o_k)^2. So a bound that binds makes it a sparse least squares problem, convex wherever all q2_k > 0. Time and
memory are linear in N.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

__all__ = ["Costs", "least", "total"]

Array = NDArray[np.float64]

ROUNDS = 30
"""Corrections of the active set that the solver's tolerance gave."""


class Costs(NamedTuple):
    """What a trade list costs."""

    impact: Array
    """h_k (N,) [$/share per share]"""
    push: Array
    """u_k (N,), what a share traded adds to m [$/share per share]"""
    decay: float
    """d"""
    permanent: float
    """gamma [$/share per share]"""
    risk: Array
    """r_k (N,) [$/share^2]"""
    leftover: float
    """c, the cost of what is left beyond that of what is sold [$/share]"""


class _Rules(NamedTuple):
    """v_k = f_k x_k + g_k m_k + o_k, the best in period k, with x_{k+1} = K_k x_k - g_k m_k - o_k; arrays (N,)."""

    q2: Array
    f: Array
    g: Array
    o: Array
    K: Array


def total(costs: Costs, trades: Array, inventory: Array) -> float:
    """The cost of trades (N,) that take the inventory (N+1,) from X to what is left."""
    paid = costs.impact * trades**2 + costs.permanent * trades * inventory[1:] + costs.risk * inventory[1:] ** 2
    m = lingering = 0.0
    if costs.push.any():
        for v, u in zip(trades.tolist(), costs.push.tolist(), strict=True):
            lingering += v * m
            m = costs.decay * (m + u * v)
    return float(paid.sum() + lingering + costs.leftover * inventory[-1])


def least(costs: Costs, shares: float, fraction: float = 1.0, most: Array | None = None) -> Array:
    """The cheapest trades (N,) with 0 <= v_k <= min(fraction x_k, most_k).

    Args:
        costs: what trades cost.
        shares: X.
        fraction: the largest part of what is left that a period may trade.
        most: the largest trade of every period (N,); None for no limit.

    Raises:
        ValueError: the cost is not convex; the message has the smallest q2.
    """
    unit = Costs(costs.impact, costs.push, costs.decay, costs.permanent, costs.risk, costs.leftover / shares)
    limit = np.full(len(costs.impact), np.inf) if most is None else most / shares
    best, lowest = None, np.inf
    for trades in _candidates(unit, fraction, limit):
        held = np.append(1.0, 1.0 - np.cumsum(trades))
        found = total(unit, trades, held)
        if best is None or found < lowest:
            best, lowest = trades, found
    assert best is not None  # not to trade before the last period satisfies one of the two cases
    return best * shares


def _candidates(costs: Costs, fraction: float, limit: Array) -> Iterator[Array]:
    """The best of those lists whose last trade is `fraction` of what is left, and of those where it is the limit."""
    last = float(limit[-1])
    if last < fraction:
        yield from _best(costs, fraction, limit, (0.0, last), at_least=last / fraction)
    yield from _best(costs, fraction, limit, (fraction, 0.0), at_most=last / fraction)


def _best(
    costs: Costs,
    fraction: float,
    limit: Array,
    last: tuple[float, float],
    at_least: float = 0.0,
    at_most: float = np.inf,
) -> Iterator[Array]:
    """The best list whose last trade is last[0] x + last[1], with x_{N-1} in a range; none where there is none."""
    rules = _backward(costs, last)
    trades, before_last = _forward(costs, rules)
    free, held = trades[:-1], 1.0 - np.append(0.0, np.cumsum(trades[:-2]))[: len(trades) - 1]
    within = (free >= 0).all() and (free <= np.minimum(fraction * held + 1e-15, limit[:-1])).all()
    if within and at_least <= before_last <= at_most:
        yield trades
    elif len(trades) == 1:
        if at_least <= 1.0 <= at_most:
            yield trades
    else:
        yield from _programme(costs, rules, fraction, limit, last, at_least, at_most)


def _backward(costs: Costs, last: tuple[float, float]) -> _Rules:
    """The rules of least cost, from the last period to the first, in a form without cancellation."""
    periods, gamma, d = len(costs.impact), costs.permanent, costs.decay
    rules = np.empty((5, periods))
    a = b = c = e = 0.0
    linear = costs.leftover
    for k in range(periods - 1, -1, -1):
        h, u, s = float(costs.impact[k]), float(costs.push[k]), float(costs.risk[k]) + a
        bd, cd = b * d, c * d * d
        if k == periods - 1:
            q2, f, g, o = np.nan, last[0], 0.0, last[1]
            keep = 1.0 - f
        else:
            q2 = h - gamma + s - bd * u + cd * u * u
            if not q2 > 0:
                raise ValueError(f"q2 = {q2:g} in period {k}")
            f, keep = (s - (gamma + bd * u) / 2) / q2, (h - (gamma + bd * u) / 2 + cd * u * u) / q2
            g, o = (bd - 1 - 2 * cd * u) / (2 * q2), (linear - e * d * u) / (2 * q2)
        w = 1 + u * g
        a, b, c, linear, e = (
            h * f * f + gamma * f * keep + s * keep * keep + bd * keep * u * f + cd * u * u * f * f,
            2 * h * f * g + f + gamma * g * (keep - f) - 2 * s * keep * g + bd * (keep * w - g * u * f)
            + 2 * cd * u * f * w,
            h * g * g + g - gamma * g * g + s * g * g - bd * g * w + cd * w * w,
            2 * h * f * o + gamma * o * (keep - f) - 2 * s * keep * o + bd * u * o * (keep - f) + 2 * cd * u * u * f * o
            + linear * keep + e * d * u * f,
            2 * h * g * o + o - 2 * gamma * g * o + 2 * s * g * o - bd * o * (w + u * g) + 2 * cd * w * u * o
            - linear * g + e * d * w,
        )  # fmt: skip
        rules[:, k] = q2, f, g, o, keep
    return _Rules(*rules)


def _forward(costs: Costs, rules: _Rules) -> tuple[Array, float]:
    """The trades (N,) that rules make, and x_{N-1}."""
    trades, x, m, before = [], 1.0, 0.0, 1.0
    for f, g, o, keep, u in zip(*(each.tolist() for each in (*rules[1:], costs.push)), strict=True):
        v, before = f * x + g * m + o, x
        trades.append(v)
        x, m = keep * x - g * m - o, costs.decay * (m + u * v)
    return np.array(trades), before


def _programme(
    costs: Costs,
    rules: _Rules,
    fraction: float,
    limit: Array,
    last: tuple[float, float],
    at_least: float,
    at_most: float,
) -> Iterator[Array]:
    """The quadratic programme over z = (v_0 .. v_{n-1}, x_1 .. x_n, m_1 .. m_n), n = N - 1, m in units of max u."""
    import clarabel  # a tenth of a second, for those who need it

    n, size = len(costs.impact) - 1, float(costs.push.max())
    push, scale = (costs.push[:n] / size, size) if size else (costs.push[:n], 1.0)
    one, zero = scipy.sparse.eye_array(n, format="csr"), scipy.sparse.csr_array((n, n))
    back = scipy.sparse.eye_array(n, k=-1, format="csr")  # from x_1 .. x_n to x_0 .. x_{n-1}, x_0 = 1 apart
    first = np.eye(1, n)[0]

    def diagonal(values: Array) -> scipy.sparse.csr_array:
        return scipy.sparse.diags_array(values, format="csr")

    weight = np.sqrt(rules.q2[:n] / rules.q2[:n].max())
    squares = scipy.sparse.hstack(
        [diagonal(weight), -diagonal(weight * rules.f[:n]) @ back, -diagonal(weight * scale * rules.g[:n]) @ back],
        format="csc",
    )
    wished = weight * (rules.o[:n] + rules.f[:n] * first)
    dynamics = scipy.sparse.block_array(
        [[one, one - back, zero], [-costs.decay * diagonal(push), None, one - costs.decay * back]], format="csc"
    )
    start = np.concatenate([first, np.zeros(n)])
    some = np.flatnonzero(np.isfinite(limit[:n]))
    tail = scipy.sparse.csr_array(np.ones((1, 1)))
    rows, bounds = [scipy.sparse.hstack([-one, zero, zero])], [np.zeros(n)]
    if fraction < 1:  # else x_{N-1} >= 0 says it, and twice would be once too many
        rows.append(scipy.sparse.hstack([one, -fraction * back, zero]))
        bounds.append(fraction * first)
    rows.append(scipy.sparse.hstack([one, zero, zero], format="csr")[some])
    bounds.append(limit[some])
    ending = scipy.sparse.hstack([scipy.sparse.csr_array((1, 2 * n - 1)), tail, scipy.sparse.csr_array((1, n))])
    for sign, bound, needed in ((-1.0, -at_least, at_least > 0 or fraction == 1), (1.0, at_most, at_most < 1)):
        if needed:
            rows.append(sign * ending)
            bounds.append(np.array([bound]))
    inside, edge = scipy.sparse.vstack(rows, format="csr"), np.concatenate(bounds)

    form, gradient = (squares.T @ squares).tocsc(), squares.T @ wished
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    solved = clarabel.DefaultSolver(
        scipy.sparse.triu(form, format="csc"),
        -gradient,
        scipy.sparse.vstack([dynamics, inside], format="csc"),
        np.concatenate([start, edge]),
        [clarabel.ZeroConeT(2 * n), clarabel.NonnegativeConeT(len(edge))],
        settings,
    ).solve()
    if "Solved" not in str(solved.status):
        return  # no list ends in this range
    slack, price = np.array(solved.s)[2 * n :], np.array(solved.z)[2 * n :]
    found = _on_active(form, gradient, dynamics, start, inside, edge, slack < price)
    z = np.array(solved.x) if found is None else found
    before_last = float(z[2 * n - 1])
    yield np.append(np.maximum(z[:n], 0.0), last[0] * before_last + last[1])


def _on_active(
    form: scipy.sparse.csc_array,
    gradient: Array,
    dynamics: scipy.sparse.csc_array,
    start: Array,
    inside: scipy.sparse.csr_array,
    edge: Array,
    active: NDArray[np.bool_],
) -> Array | None:
    """The minimiser with the active constraints as equations, to rounding; None where no set is found to be right.

    A set is right where all others hold and no price is negative; else those are added and these left out.
    """
    size = form.shape[0]
    for _ in range(ROUNDS):
        rows = scipy.sparse.vstack([dynamics, inside[np.flatnonzero(active)]], format="csc")
        system = scipy.sparse.block_array([[form, rows.T], [rows, None]], format="csc")
        right = np.concatenate([gradient, start, edge[active]])
        try:
            factors = scipy.sparse.linalg.splu(system)
        except RuntimeError:
            return None  # dependent constraints
        solution = factors.solve(right)
        solution += factors.solve(right - system @ solution)
        z, price = solution[:size], np.zeros(len(edge))
        price[active] = solution[size + dynamics.shape[0] :]
        violated = ~active & (inside @ z > edge + 1e-14)
        corrected = (active & (price >= 0)) | violated
        if (corrected == active).all():
            trades = z[: size // 3]
            trades[active[: size // 3]] = 0.0  # the first constraints are v >= 0
            return np.asarray(z)
        active = corrected
    return None
