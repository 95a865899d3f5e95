"""Liquidity processes: how much can be traded in a period for a given impact.

Every process is a frozen dataclass with the same four members (the `Liquidity` protocol):

- ``long_run_mean``: the level that a planner who ignores the state uses (dimensionless, as every level);
- ``noises``: how many standard normals a step consumes;
- ``paths(z, dt)``: levels of many episodes at once, from noise that was drawn before;
- ``chain(dt, periods)``: a grid of levels with the one-step conditional expectation operator on it.

Levels are dimensionless: 1 is a normal period, 0.5 one in which the same trade has twice the impact. They are
strictly positive. A deterministic intraday profile multiplies the process; it belongs to `optexec.Market`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from optexec._validate import brief, choice, real, store

__all__ = [
    "GRID_POINTS",
    "Chain",
    "ConstantLiquidity",
    "Liquidity",
    "OrnsteinUhlenbeck",
    "RegimeSwitching",
    "Shocks",
]

Array = NDArray[np.float64]
Result = TypeVar("Result", float, NDArray[np.float64])

GRID_POINTS = 401
"""Grid size for processes with a continuous level (the discrete ones need only their own levels)."""

_TAIL = 8.0
"""The grid ends this many standard deviations above the mean path: P(beyond) < 1e-15 a step."""


_FAR = 40.0
"""Standard deviations beyond which the normal density and tail are 0 in floating point."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Conditional expectations of a liquidity process on a finite set of levels.

    Attributes:
        levels: (G,) liquidity levels, dimensionless.
        matrix: (G, G) row-stochastic; ``matrix @ f(levels)`` is E[f(L_{k+1}) | L_k = levels]. It is exact for a
            discrete process, and for a continuous one when f is linear between neighbouring levels.
        start: index of L_0 in ``levels``.
    """

    levels: Array
    matrix: Array
    start: int

    __repr__ = brief


@runtime_checkable
class Liquidity(Protocol):
    """What the simulator and the planners need to know about a liquidity process."""

    def __hash__(self) -> int:
        """Processes are values: equal parameters share one cached operator."""

    @property
    def long_run_mean(self) -> float:
        """The level that deterministic planning uses, dimensionless."""

    @property
    def noises(self) -> int:
        """Standard normals per step."""

    def paths(self, z: Array, dt: float) -> Array:
        """Levels (N, n) of n episodes over N periods from standard normals z (noises, N, n)."""

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """The conditional expectation operator over one period of length dt."""


@dataclass(frozen=True)
class ConstantLiquidity:
    """Liquidity that never changes: L_k = level. The Almgren-Chriss world.

    Args:
        level: L > 0, dimensionless.
    """

    level: float = 1.0

    def __post_init__(self) -> None:
        store(self, level=real("level", self.level, above=0))

    @property
    def long_run_mean(self) -> float:
        """The level itself."""
        return self.level

    @property
    def noises(self) -> int:
        """No randomness."""
        return 0

    def paths(self, z: Array, dt: float) -> Array:
        """Levels (N, n), all equal to ``level``; z has shape (0, N, n)."""
        return np.full(z.shape[1:], self.level)

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """One level that leads to itself."""
        return Chain(np.array([self.level]), np.ones((1, 1)), 0)


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """Mean-reverting liquidity on an Euler grid, kept above a floor.

    L_{k+1} = max(floor, L_k + speed (mean - L_k) dt + volatility sqrt(dt) z_k),   z_k ~ N(0, 1).

    Away from the floor this is an autoregression with phi = 1 - speed dt, stationary mean ``mean``, stationary
    variance volatility^2 dt / (1 - phi^2) and half-life -ln 2 / ln phi periods.

    Args:
        mean: long-run level, dimensionless, > floor.
        speed: mean reversion per unit of time, >= 0.
        volatility: standard deviation of the level per sqrt(time), >= 0.
        floor: smallest possible level, > 0.
        initial: L_0, at least ``floor``; None means ``mean``.

    Examples:
        >>> OrnsteinUhlenbeck(mean=1.0, speed=0.5, volatility=0.2, initial=0.5).start
        0.5
    """

    mean: float = 1.0
    speed: float = 0.5
    volatility: float = 0.2
    floor: float = 0.1
    initial: float | None = None

    def __post_init__(self) -> None:
        floor = real("floor", self.floor, above=0)
        mean = real("mean", self.mean, above=floor)
        initial = None if self.initial is None else real("initial", self.initial, minimum=floor)
        store(
            self,
            floor=floor,
            mean=mean,
            speed=real("speed", self.speed, minimum=0),
            volatility=real("volatility", self.volatility, minimum=0),
            initial=initial,
        )

    @property
    def long_run_mean(self) -> float:
        """The level that the process reverts to."""
        return self.mean

    @property
    def noises(self) -> int:
        """One normal a step."""
        return 1

    @property
    def start(self) -> float:
        """L_0 as a float."""
        return self.mean if self.initial is None else self.initial

    def step(self, level: Array, z: Array, dt: float) -> Array:
        """The next level (n,) from the present level (n,) and standard normals (n,)."""
        drift = 1.0 - self.speed * dt
        unfloored = drift * level + (self.speed * dt * self.mean + self.volatility * dt**0.5 * z)
        result: Array = np.maximum(unfloored, self.floor)
        return result

    def paths(self, z: Array, dt: float) -> Array:
        """Levels (N, n) from standard normals z (1, N, n); row 0 is ``initial``."""
        levels = np.empty(z.shape[1:])
        levels[0] = self.start
        for k in range(len(levels) - 1):
            levels[k + 1] = self.step(levels[k], z[0, k], dt)
        return levels

    def highest(self, dt: float, periods: int) -> float:
        """A level that the process passes within ``periods`` with negligible probability."""
        drift = 1.0 - self.speed * dt
        mean, variance = self.start, 0.0
        top = max(mean, self.mean)
        for _ in range(periods - 1):
            mean = self.mean + drift * (mean - self.mean)
            variance = drift**2 * variance + self.volatility**2 * dt
            top = max(top, mean + _TAIL * variance**0.5)
        return top

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """A geometric grid from the floor upwards; rows integrate a piecewise-linear function exactly."""
        levels, start = _grid(self.floor, self.highest(dt, periods), self.start, points)
        return Chain(levels, self.operator(levels, dt), start)

    def operator(self, levels: Array, dt: float, scale: float = 1.0) -> Array:
        """Row-stochastic (G, G): E[f(max(floor, scale L_{k+1})) | L_k] for f linear between levels."""
        centre = scale * (levels + self.speed * (self.mean - levels) * dt)
        lowest = self.floor * max(1.0, scale)
        return _piecewise_linear_expectation(levels, centre, scale * self.volatility * dt**0.5, lowest)


@dataclass(frozen=True)
class RegimeSwitching:
    """Two liquidity regimes; in every period the regime switches with the same probability.

    L_k is ``high`` or ``low``; P(L_{k+1} != L_k) = switch. Symmetric, so each regime has stationary probability
    one half, and the autocorrelation of the level after j periods is (1 - 2 switch)^j.

    Args:
        high: level in the liquid regime, > low, dimensionless.
        low: level in the illiquid regime, > 0.
        switch: switching probability per period, in [0, 1].
        initial: the regime of period 0, "high" or "low".
    """

    high: float = 1.5
    low: float = 0.5
    switch: float = 0.05
    initial: str = "high"

    def __post_init__(self) -> None:
        low = real("low", self.low, above=0)
        store(
            self,
            low=low,
            high=real("high", self.high, above=low),
            switch=real("switch", self.switch, minimum=0, maximum=1),
            initial=choice("initial", self.initial, ("high", "low")),
        )

    @property
    def long_run_mean(self) -> float:
        """The stationary mean (high + low) / 2."""
        return (self.high + self.low) / 2

    @property
    def noises(self) -> int:
        """One normal a step: the regime switches when it falls below the ``switch`` quantile."""
        return 1

    def paths(self, z: Array, dt: float) -> Array:
        """Levels (N, n) from standard normals z (1, N, n)."""
        switches = np.zeros(z.shape[1:], dtype=np.int64)
        switches[1:] = z[0, :-1] < ndtri(self.switch)
        in_first = np.cumsum(switches, axis=0) % 2 == 0
        first, other = (self.high, self.low) if self.initial == "high" else (self.low, self.high)
        return np.where(in_first, first, other)

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """Two levels, low first."""
        stay, go = 1 - self.switch, self.switch
        levels = np.array([self.low, self.high])
        return Chain(levels, np.array([[stay, go], [go, stay]]), 1 if self.initial == "high" else 0)


@dataclass(frozen=True)
class Shocks:
    """A process whose level is hit by multiplicative shocks.

    After each step of ``base`` the level is multiplied by (1 + size) with the given probability and kept above the
    base's floor. Over `OrnsteinUhlenbeck` the shocked level is the state that the next step starts from, so a shock
    reverts at the base's speed; over a base whose level has no memory of its own (constant, regimes) it lasts one
    period.

    Args:
        base: `ConstantLiquidity`, `OrnsteinUhlenbeck` or `RegimeSwitching`.
        probability: of a shock, per period, in [0, 1].
        size: relative change of the level, > -1; -0.5 halves it.
    """

    base: ConstantLiquidity | OrnsteinUhlenbeck | RegimeSwitching
    probability: float = 0.01
    size: float = -0.5

    def __post_init__(self) -> None:
        if not isinstance(self.base, ConstantLiquidity | OrnsteinUhlenbeck | RegimeSwitching):
            raise TypeError(
                "base must be a ConstantLiquidity, OrnsteinUhlenbeck or RegimeSwitching, "
                f"got {self.base!r} ({type(self.base).__name__})"
            )
        store(
            self,
            probability=real("probability", self.probability, minimum=0, maximum=1),
            size=real("size", self.size, above=-1),
        )

    @property
    def long_run_mean(self) -> float:
        """The base's: planning on it ignores the shocks."""
        return self.base.long_run_mean

    @property
    def noises(self) -> int:
        """The base's normals and one for the shock, which comes when it falls below the ``probability`` quantile."""
        return self.base.noises + 1

    def paths(self, z: Array, dt: float) -> Array:
        """Levels (N, n) from standard normals z (noises, N, n); the last noise row decides on the shocks."""
        hit = np.zeros(z.shape[1:], dtype=bool)
        hit[1:] = z[-1, :-1] < ndtri(self.probability)
        if not isinstance(self.base, OrnsteinUhlenbeck):
            levels = self.base.paths(z[:-1], dt)
            return np.where(hit, levels * (1 + self.size), levels)
        levels = np.empty(z.shape[1:])
        levels[0] = self.base.start
        for k in range(len(levels) - 1):
            after = self.base.step(levels[k], z[0, k], dt)
            levels[k + 1] = np.where(hit[k + 1], np.maximum(after * (1 + self.size), self.base.floor), after)
        return levels

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """The base's chain and its shocked copy, mixed with the shock's probability."""
        calm, hit = 1 - self.probability, self.probability
        if isinstance(self.base, OrnsteinUhlenbeck):
            base = self.base
            top = base.highest(dt, periods) * max(1.0, 1 + self.size)
            levels, start = _grid(base.floor, top, base.start, points)
            matrix = calm * base.operator(levels, dt) + hit * base.operator(levels, dt, scale=1 + self.size)
            return Chain(levels, matrix, start)
        chain = self.base.chain(dt, periods, points)
        levels = np.concatenate([chain.levels, chain.levels * (1 + self.size)])
        rows = np.hstack([calm * chain.matrix, hit * chain.matrix])
        return Chain(levels, np.vstack([rows, rows]), chain.start)


@lru_cache(maxsize=64)
def cached_chain(process: Liquidity, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
    """``process.chain(...)``, kept: the planners of one problem share one operator."""
    return process.chain(dt, periods, points)


def extrapolated(
    value: Callable[[Chain], Result], process: Liquidity, dt: float, periods: int
) -> tuple[Result, Result]:
    """A functional of the process, from its chains with `GRID_POINTS` levels and half as many.

    Linear interpolation errs by O(spacing^2), so (4 fine - coarse) / 3 removes the leading error.

    Returns:
        The extrapolated value, and its distance from the fine grid's as an upper estimate of the error left.
    """
    fine = value(cached_chain(process, dt, periods))
    coarse = value(cached_chain(process, dt, periods, (GRID_POINTS + 1) // 2))
    correction = (fine - coarse) / 3
    return fine + correction, abs(correction)


def _grid(floor: float, top: float, start: float, points: int) -> tuple[Array, int]:
    """A geometric grid over [floor, top] that holds ``start``, and the index of ``start`` in it."""
    levels = np.unique(np.append(np.geomspace(floor, max(top, start), points), [floor, start]))
    return levels, int(np.searchsorted(levels, start))


def _piecewise_linear_expectation(levels: Array, centre: Array, deviation: float, lowest: float) -> Array:
    """Weights w (G, G): (w @ f)_i = E f(min(max(Y, lowest), levels[-1])) for Y ~ N(centre_i, deviation^2).

    Exact for f linear between levels: E f = f_0 + sum_j slope_j (C_j - C_{j+1}) with C_j = E[(max(Y, lowest) -
    level_j)^+], and E[(Y - c)^+] = (centre - c) Phi(d) + deviation phi(d), d = (centre - c) / deviation.
    """
    strike = np.maximum(levels, lowest)
    distance = centre[:, None] - strike
    if deviation > 0:
        with np.errstate(over="ignore"):  # an infinite distance is clipped like a far one
            d = np.clip(distance / deviation, -_FAR, _FAR)
        call = distance * ndtr(d) + deviation * np.exp(-(d**2) / 2) / np.sqrt(2 * np.pi)
    else:
        call = np.maximum(distance, 0.0)
    call += strike - levels
    upper = (call[:, :-1] - call[:, 1:]) / np.diff(levels)
    weights = np.zeros((len(centre), len(levels)))
    weights[:, 0] = 1.0
    weights[:, 1:] += upper
    weights[:, :-1] -= upper
    return weights
