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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtr, ndtri

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

COARSEST = 0.01
"""A relative grid error above this is refused."""

_TAIL = 8.0
"""The grid ends this many standard deviations above the mean path: P(beyond) < 1e-15 a step."""

_FAR = 40.0
"""Standard deviations beyond which the normal density and tail are 0 in floating point."""

_RARE = 1e-12
"""More shocks than this probability allows are not on the grid."""

_CERTAIN = 12.0
"""Standard deviations beyond which a normal is on one side for certain, so that differences need not be taken."""

_NARROW = 1e-4
"""Cells of fewer standard deviations have their moments by quadrature: differences of tails would lose them."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Conditional expectations of a liquidity process on a finite set of levels.

    Levels that come in another order are put into theirs, and the matrix with them.

    Attributes:
        levels: (G,) ascending liquidity levels, dimensionless.
        matrix: (G, G) row-stochastic; ``matrix @ f(levels)`` is E[f(L_{k+1}) | L_k = levels]. It is exact for a
            discrete process, and for a continuous one when f is linear between neighbouring levels.
        start: index of L_0 in ``levels``.
    """

    levels: Array
    matrix: Array
    start: int

    __repr__ = brief

    def __post_init__(self) -> None:
        order = np.argsort(self.levels, kind="stable")
        if not (order == np.arange(len(order))).all():
            start = int(np.flatnonzero(order == self.start)[0])
            store(self, levels=self.levels[order], matrix=self.matrix[np.ix_(order, order)], start=start)

    def distributions(self, periods: int) -> Iterator[Array]:
        """Period after period the probabilities (G,) of the levels; the process starts from ``start``."""
        now = np.zeros(len(self.levels))
        now[self.start] = 1.0
        for _ in range(periods):
            yield now
            now = now @ self.matrix


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

    def highest(self, dt: float, periods: int, hits: int = 0, factor: float = 1.0) -> float:
        """A level that the process passes within ``periods`` with negligible probability; infinite if it overflows.

        Where some steps are followed by a jump by a ``factor`` > 1, ``hits`` of them in a row lead furthest.
        """
        top, drift = max(self.start, self.mean), 1.0 - self.speed * dt
        for mean, variance in self._moments(dt, periods):
            top = max(top, mean + _TAIL * variance**0.5)
        mean = max(self.start, self.mean)
        for _ in range(hits):
            mean = factor * (self.mean + abs(drift) * (mean - self.mean))
            variance = factor * factor * (drift * drift * variance + self.volatility * self.volatility * dt)
            top = max(top, mean + _TAIL * variance**0.5)
        return top

    def lowest(self, dt: float, periods: int) -> float:
        """A level that the process stays above within ``periods`` but for a negligible probability; at least floor."""
        reached = (mean - _TAIL * float(variance**0.5) for mean, variance in self._moments(dt, periods))
        return max(self.floor, min(reached))

    def _moments(self, dt: float, periods: int) -> Iterator[tuple[float, float]]:
        """Mean and variance of every period's level, the floor left out."""
        drift, step = 1.0 - self.speed * dt, self.volatility * self.volatility * dt
        mean, variance = self.start, 0.0
        yield mean, variance
        for _ in range(periods - 1):
            mean = self.mean + drift * (mean - self.mean)
            variance = drift * drift * variance + step
            yield mean, variance

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """A geometric grid from the floor upwards; rows integrate a piecewise-linear function exactly."""
        reached = self.lowest(dt, periods), self.highest(dt, periods)
        levels, start = _grid(self.floor, *reached, self.start, points)
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

    def highest(self, dt: float, periods: int) -> float:
        """A level that the process passes within ``periods`` with negligible probability; infinite if it overflows."""
        if not isinstance(self.base, OrnsteinUhlenbeck):
            base = self.base.high if isinstance(self.base, RegimeSwitching) else self.base.level
            return base * max(1.0, 1 + self.size)
        if self.size <= 0 or periods == 1:
            return self.base.highest(dt, periods)
        counts = np.arange(periods)
        hits = int(np.argmax(bdtrc(counts, periods - 1, self.probability) < _RARE))
        return self.base.highest(dt, periods, hits, 1 + self.size)

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
        """The base's chain and its shocked copy, mixed with the shock's probability."""
        calm, hit = 1 - self.probability, self.probability
        if isinstance(self.base, OrnsteinUhlenbeck):
            base = self.base
            reached = base.lowest(dt, periods) if self.size >= 0 else base.floor, self.highest(dt, periods)
            levels, start = _grid(base.floor, *reached, base.start, points)
            matrix = calm * base.operator(levels, dt) + hit * base.operator(levels, dt, scale=1 + self.size)
            return Chain(levels, matrix, start)
        chain = self.base.chain(dt, periods, points)
        levels = np.concatenate([chain.levels, chain.levels * (1 + self.size)])
        rows = np.hstack([calm * chain.matrix, hit * chain.matrix])
        return Chain(levels, np.vstack([rows, rows]), chain.start)


def check(process: Liquidity, dt: float, periods: int) -> None:
    """Refuse a process whose levels leave the numbers within ``periods`` of length dt.

    Raises:
        ValueError: Ornstein-Uhlenbeck liquidity with speed dt > 2, which overshoots its mean by more every period; or a
            level that is too large to represent.
    """
    base = process.base if isinstance(process, Shocks) else process
    if isinstance(base, OrnsteinUhlenbeck) and base.speed * dt > 2:
        raise ValueError(
            f"speed dt must be <= 2 (beyond it liquidity swings about its mean ever more widely), got speed "
            f"{base.speed!r} of {base!r} and dt {dt!r}: shorten the period or lower the speed"
        )
    if isinstance(process, OrnsteinUhlenbeck | Shocks) and not process.highest(dt, periods) <= LARGEST:
        raise ValueError(
            f"liquidity must stay below {LARGEST:g}, but within {periods} periods of length {dt!r} {process!r} may go "
            "beyond it: lower its volatility or the size of its shocks"
        )


LARGEST = 1e100
"""Liquidity levels beyond this are refused: impact would vanish beside everything else."""


@lru_cache(maxsize=64)
def cached_chain(process: Liquidity, dt: float, periods: int, points: int = GRID_POINTS) -> Chain:
    """``process.chain(...)``, kept: the planners of one problem share one operator."""
    return process.chain(dt, periods, points)


def extrapolated(
    value: Callable[[Chain], Result], process: Liquidity, dt: float, periods: int
) -> tuple[Result, Result]:
    """A functional of the process, from its chains with `GRID_POINTS` levels, half and a quarter as many.

    Linear interpolation errs by O(spacing^2), so (4 fine - coarse) / 3 removes the leading error.

    Returns:
        The extrapolated value and an upper estimate of the error left: the distance of fine from coarse, or a quarter
        of that of coarse from coarsest if that is more. It is three times the correction made, because a step that is
        small beside the spacing leaves an error of O(spacing), whose sign also changes.
    """
    fine = value(cached_chain(process, dt, periods))
    coarse, coarsest = (value(cached_chain(process, dt, periods, (GRID_POINTS - 1) // part + 1)) for part in (2, 4))
    error: Result = np.maximum(abs(fine - coarse), abs(coarse - coarsest) / 4)
    return fine + (fine - coarse) / 3, error


def resolved(value: Callable[[Chain], Result], process: Liquidity, dt: float, periods: int) -> tuple[Result, Result]:
    """`extrapolated` for a cost, which is refused where it would not be one.

    Raises:
        ValueError: the error is more than 1% of the value, or the value is no number: the grid cannot resolve the
            process.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused here
        found, error = extrapolated(value, process, dt, periods)
        if not np.all(error <= COARSEST * abs(found)):
            raise ValueError(unresolved(process, dt, periods))
    return found, error


def unresolved(process: Liquidity, dt: float, periods: int) -> str:
    """Why a solution is refused although the problem may have one."""
    levels = cached_chain(process, dt, periods).levels
    return (
        f"a grid of {len(levels)} liquidity levels from {levels.min():g} to {levels.max():g} cannot resolve "
        f"{process!r}: its floor must be closer to its mean"
    )


def _grid(floor: float, low: float, top: float, start: float, points: int) -> tuple[Array, int]:
    """A geometric grid over [floor, top] that holds ``start``, and the index of ``start`` in it.

    Where liquidity is so calm that it stays above some low > floor, seven eighths of the points are spent there.
    """
    beyond = points // 8 if low > floor else 0
    rare = np.geomspace(floor, low, beyond, endpoint=False)
    levels = np.unique(np.concatenate([rare, np.geomspace(low, max(top, start), points - beyond), [floor, start]]))
    return levels, int(np.searchsorted(levels, start))


def _piecewise_linear_expectation(levels: Array, centre: Array, deviation: float, lowest: float) -> Array:
    """Weights w (G, G): (w @ f)_i = E f(min(max(Y, lowest), levels[-1])) for Y ~ N(centre_i, deviation^2).

    Exact for f linear between levels: E f = f_0 + sum_j slope_j (C_j - C_{j+1}) with C_j = E[(max(Y, lowest) -
    level_j)^+], and E[(Y - c)^+] = (centre - c) Phi(d) + deviation phi(d), d = (centre - c) / deviation.
    """
    strike, width = np.maximum(levels, lowest), np.diff(levels)
    if deviation > 0:
        distance = centre[:, None] - strike
        with np.errstate(over="ignore"):  # an infinite distance is clipped like a far one
            d = np.clip(distance / deviation, -_FAR, _FAR)
        call = distance * ndtr(d) + deviation * np.exp(-(d**2) / 2) / np.sqrt(2 * np.pi)
        call += strike - levels
        upper = (call[:, :-1] - call[:, 1:]) / width
        upper[d[:, 1:] > _CERTAIN] = 1.0
    else:
        upper = np.clip((np.maximum(centre, lowest)[:, None] - levels[:-1]) / width, 0.0, 1.0)
    weights = np.zeros((len(centre), len(levels)))
    weights[:, 0] = 1.0
    weights[:, 1:] += upper
    weights[:, :-1] -= upper
    narrow = int(np.argmin(np.append(width < _NARROW * deviation, False)))
    if narrow:
        _integrate_cells(weights, upper, levels, centre, deviation, lowest, narrow)
    return weights


def _integrate_cells(
    weights: Array, upper: Array, levels: Array, centre: Array, deviation: float, lowest: float, cells: int
) -> None:
    """Put the weights of the lowest cells right, which are too narrow for differences of tails."""
    left, width = levels[:cells], np.diff(levels[: cells + 1])
    low, high = np.maximum(left, lowest), np.maximum(levels[1 : cells + 1], lowest)
    mass, moment = np.zeros((2, len(centre), cells))
    for node in (0.5 - 0.75**0.5 / 3, 0.5 + 0.75**0.5 / 3):  # Gauss-Legendre on (0, 1)
        y = low + node * (high - low)
        density = np.exp(-(((y - centre[:, None]) / deviation) ** 2) / 2) / (np.sqrt(2 * np.pi) * deviation)
        part = density * (high - low) / 2
        mass += part
        moment += part * (y - left) / width
    weights[:, :cells] = mass - moment
    weights[:, 1:cells] += moment[:, :-1]
    end = levels[cells]
    above = ndtr((centre - end) / deviation) if end > lowest else np.ones(len(centre))
    weights[:, cells] = moment[:, -1] + above - (upper[:, cells] if cells < len(levels) - 1 else 0.0)
    if end > lowest:  # what the floor catches
        cell = int(np.searchsorted(levels, lowest, side="right")) - 1
        share, caught = (lowest - levels[cell]) / width[cell], ndtr((lowest - centre) / deviation)
        weights[:, cell] += (1 - share) * caught
        weights[:, cell + 1] += share * caught
