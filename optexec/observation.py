"""What a policy sees of a period: six numbers, built here and read here by their names."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from optexec.problem import Order, Problem

__all__ = ["COLUMNS", "Columns", "Observation", "answered", "columns", "observe", "observed", "period_of", "stacked"]

Array = NDArray[np.float64]
Observation = NDArray[np.floating[Any]]
Value = TypeVar("Value")
Real = TypeVar("Real", bound=np.floating[Any])

TOLERANCE = 1e-6
"""What differs by less than this part of the inventory is float32 rounding."""

COLUMNS = ("x/X", "(N-k)/N", "S/S_0", "realised volatility", "L", "I")
"""How the columns of an observation are called, in their order."""


class Columns(NamedTuple, Generic[Value]):
    """An observation by the names of its columns: floats, or arrays of one shape, in the order in which they stand."""

    inventory: Value
    """x_k / X"""
    remaining: Value
    """(N - k) / N, the part of the periods that is left"""
    price: Value
    """S_k / S_0"""
    volatility: Value
    """realised volatility [$/share/sqrt(time)]"""
    liquidity: Value
    """L_k, the profile included"""
    transient: Value
    """I_k [$/share]"""


def columns(observations: NDArray[Real]) -> Columns[NDArray[Real]]:
    """The columns (...) of observations (..., 6), sharing their memory: to read, and to write into."""
    return Columns(*(observations[..., i] for i in range(len(COLUMNS))))


def stacked(seen: Columns[Any], n: int) -> NDArray[np.float32]:
    """Observations (n, 6) of their columns, each one number or n."""
    observations = np.empty((n, len(COLUMNS)), dtype=np.float32)
    for column, values in zip(columns(observations), seen, strict=True):
        column[:] = values
    return observations


def observe(
    problem: Problem, k: int, inventory: Any, displacement: Any, volatility: Any, liquidity: Any, transient: Any
) -> Columns[Any]:
    """What is seen in period k at x_k [shares] and S_k - S_0 of a sale [$/share], floats or arrays (n,).

    ``liquidity`` and ``transient`` are what is seen of them, which may be less than the truth.
    """
    order = problem.order
    return Columns(
        inventory / order.shares,
        (order.periods - k) / order.periods,
        1.0 + displacement / (order.sign * problem.market.price),
        volatility,
        liquidity,
        transient,
    )


def period_of(observation: Observation, periods: int) -> NDArray[np.int64]:
    """The period k (n,) of observations (n, 6)."""
    period: NDArray[np.int64] = np.rint(periods * (1.0 - columns(np.asarray(observation)).remaining)).astype(np.int64)
    return period


def observed(observation: Any, order: Order) -> tuple[Array, NDArray[np.int64]]:
    """Observations (n, 6) as float64 and their periods (n,), for policies; one of shape (6,) is a batch of one.

    Raises:
        TypeError: no real numbers.
        ValueError: another shape, or a value that no observation of such an order has; it is named.
    """
    given = np.asarray(observation)
    if given.dtype.kind not in "fiu":
        raise TypeError(f"observation must hold real numbers, got {given.dtype}")
    if given.ndim not in (1, 2) or given.shape[-1] != len(COLUMNS):
        raise ValueError(f"observation must have shape (n, {len(COLUMNS)}) or ({len(COLUMNS)},), got {given.shape}")
    seen = np.array(given, dtype=np.float64, ndmin=2)
    held, remaining, _, _, level, _ = columns(seen)
    if len(seen) > 1 and (remaining == remaining[0]).all():  # as in a simulation
        remaining = remaining[:1]
    left = order.periods * np.clip(np.nan_to_num(remaining), 0.0, 1.1)
    period: NDArray[np.int64] = order.periods - np.rint(left).astype(np.int64)
    good = (
        np.isfinite(seen).all()
        and (held.min(initial=0.0) >= 0 and held.max(initial=0.0) <= 1 + TOLERANCE)
        and (np.abs(np.rint(left) - left) <= TOLERANCE * order.periods).all()
        and (period.min(initial=0) >= 0 and period.max(initial=0) < order.periods)
        and level.min(initial=1.0) > 0
    )
    if not good:
        raise ValueError(_misfit(seen, left, period, order))
    return seen, np.full(len(seen), period) if len(period) < len(seen) else period


def _misfit(seen: Array, left: Array, period: NDArray[np.int64], order: Order) -> str:
    """What is wrong with the first row of observations (n, 6) that is no observation of an order."""
    held, _, _, _, level, _ = columns(seen)
    name, allowed, good = next(
        (name, allowed, good)
        for name, allowed, good in (
            ("every number", "finite", np.isfinite(seen).all(axis=1)),
            ("x/X", "from 0 to 1", (held >= 0) & (held <= 1 + TOLERANCE)),
            ("(N-k)/N", f"a multiple of 1/{order.periods}", np.abs(np.rint(left) - left) <= TOLERANCE * order.periods),
            ("(N-k)/N", f"from 1/{order.periods} to 1", (period >= 0) & (period < order.periods)),
            ("L", "> 0", level > 0),
        )
        if not good.all()
    )
    row = int(np.argmin(good))
    bad = seen[row] if name not in COLUMNS else seen[row, COLUMNS.index(name)]
    where = f" (row {row})" if len(seen) > 1 else ""
    return (
        f"observation must have {name} {allowed}, got {bad.tolist()}{where}; "
        f"the policy was made for {order.periods} periods"
    )


def answered(observation: Any, fractions: Array) -> Array:
    """What ``act`` returns: fractions (..., n) for observations (n, 6), (...) for a single one (6,)."""
    answer: Array = fractions if np.ndim(observation) == 2 else fractions[..., 0]
    return answer
