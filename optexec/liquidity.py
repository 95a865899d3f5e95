"""Liquidity processes: how much can be traded in a period for a given impact.

Every process is a frozen dataclass with the same four members (the `Liquidity` protocol):

- ``long_run_mean``: the level that a planner who ignores the state uses (dimensionless, as every level);
- ``noises``: how many standard normals a step consumes;
- ``paths(z, dt)``: levels of many episodes at once, from noise that was drawn before;
- ``chain(dt, periods)``: a grid of levels with the one-step conditional expectation operator on it.

A process whose level is forecast (`LogOU`) also says what is shown of it before a trade, ``forecasts``, and its chain
is an `Outlook`.

Levels are dimensionless: 1 is a normal period, 0.5 one in which the same trade has twice the impact. They are
strictly positive. A deterministic intraday profile multiplies the process; it belongs to `optexec.Market`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import bdtrc, ndtr, ndtri

from optexec._validate import brief, choice, real, store

__all__ = [
    "GRID_POINTS",
    "Chain",
    "ConstantLiquidity",
    "Liquidity",
    "LogOU",
    "OrnsteinUhlenbeck",
    "Outlook",
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

    @property
    def known(self) -> bool:
        """Whether L_k is known before the trade of period k."""
        return True

    @property
    def unbounded(self) -> bool:
        """Whether there is no highest level, so that fractions have to be held in their bounds where it is high."""
        return False

    @property
    def shown(self) -> Array:
        """(G,) ascending levels that policies may be shown."""
        return self.levels

    def at_start(self, values: Array) -> float:
        """The value of period 0 from values (G,) by level."""
        return float(values[self.start])

    def outcomes(self, k: int) -> tuple[Array, Array]:
        """What L_k may turn out to be (G, J), profile left out, and how probable that is (J,): the level, surely."""
        return self.levels[:, None], np.ones(1)

    def ahead(self, k: int, values: Array) -> Array:
        """Expectations (..., G, J) of values (..., G) of period k + 1, by this period's level and outcome."""
        expected: Array = values @ self.matrix.T
        return expected[..., None]

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


class _Filter(NamedTuple):
    """The Kalman filter of a `LogOU` over an order, arrays (N,) by period; mu_k is E[m_k | y_0 .. y_{k-1}]."""

    phi: float
    variance: Array
    """P_k = Var[m_k | y_0 .. y_{k-1}]"""
    total: Array
    """S_k = P_k + noise^2, the variance of y_k given the past"""
    gain: Array
    """g_k"""
    step: Array
    """tau_k, standard deviation of mu_{k+1} given mu_k"""
    mean: Array
    """E[mu_k], before the first period"""
    spread: Array
    """Var[mu_k], before the first period"""


@dataclass(frozen=True)
class LogOU:
    """Relative volume as it is: log-normal, mean-reverting, with the noise of single bars; known only by its past.

    The exponential Ornstein-Uhlenbeck process with bar noise. With phi = exp(-speed dt), V = volatility^2 / (2 speed)
    and c = log(mean) - (V + noise^2)/2, so that E[L] = mean,

        log L_k = m_k + e_k,   m_{k+1} = c + phi (m_k - c) + w_k,   w ~ N(0, V (1 - phi^2)),   e ~ N(0, noise^2).

    What the past tells is the Kalman mean mu_k of m_k, with variance P_k: S = P + noise^2, g = P/S,

        mu' = c + phi (mu + g (log L - mu) - c),   P' = phi^2 P (1 - g) + V (1 - phi^2),

    and with observe="past" the policy is shown the *forecast level*, E[L_k^-b | past]^(-1/b) = exp(mu_k - b S_k / 2)
    times the profile, b the depth's exponent: impact at that level is what impact will be on average. L_k itself is the
    volume of the bar that is being traded; nobody knows it before the bar is over.

    Under `Shocks` a shock lasts one period, and is known for one when the bar is over. Caps on participation are
    refused by the optimum, since p V L_k is not known when v_k is chosen.

    Sources: Chen, Feng & Palomar (2016), Forecasting intraday trading volume: a Kalman filter approach; Brownlees,
    Cipollini & Gallo (2011), Intra-daily volume modeling and prediction for algorithmic trading.

    Args:
        mean: E[L] in the long run, > 0, dimensionless.
        speed: mean reversion of log L per unit of time, > 0.
        volatility: standard deviation of m per sqrt(time), >= 0.
        noise: standard deviation of log L that a single bar adds, whatever dt is, >= 0.
        start: "stationary" (mu_0 = c, P_0 = V), "running" (the desk has watched: P_0 is the filter's in the long run,
            and mu_0 ~ N(c, V - P_0)), or a level > 0 (E[L_0] is that level, P_0 = 0).
        observe: "past": L_0 .. L_{k-1} are known when v_k is chosen; "current": L_k too, as if the bar were over. The
            policy is then shown L_k itself, and what it knows of the next bars comes from the levels it has seen.

    Examples:
        >>> process = LogOU(start=0.5)
        >>> process.forecasts(np.array([[0.5], [0.5]]), 1.0).round(3)  # of two bars
        array([[0.47 ],
               [0.488]])
    """

    mean: float = 1.0
    speed: float = 0.1
    volatility: float = 0.2
    noise: float = 0.25
    start: str | float = "stationary"
    observe: str = "past"

    def __post_init__(self) -> None:
        start: str | float = self.start
        if isinstance(start, str):
            if start not in ("stationary", "running"):
                raise ValueError(f'start must be "stationary", "running" or a level > 0, got {start!r}')
        else:
            start = real("start", start, above=0)
        store(
            self,
            mean=real("mean", self.mean, above=0),
            speed=real("speed", self.speed, above=0),
            volatility=real("volatility", self.volatility, minimum=0),
            noise=real("noise", self.noise, minimum=0),
            start=start,
            observe=choice("observe", self.observe, ("past", "current")),
        )
        if self.observe == "current" and start == "running":
            raise ValueError(
                'observe must be "past" with start="running", got "current": what the desk knew before the first bar '
                "is in no observation of L_0"
            )

    @property
    def long_run_mean(self) -> float:
        """E[L] in the long run."""
        return self.mean

    @property
    def noises(self) -> int:
        """Two normals a step, of m and of the bar; a running start needs a third."""
        return 3 if self.start == "running" else 2

    @property
    def stationary(self) -> tuple[float, float]:
        """The mean c and variance V of m."""
        variance = self.volatility * self.volatility / (2 * self.speed)
        return float(np.log(self.mean)) - (variance + self.noise * self.noise) / 2, variance

    def _prior(self, dt: float) -> tuple[float, float, float]:
        """E[mu_0], Var[mu_0] and P_0."""
        (centre, variance), bar = self.stationary, self.noise * self.noise
        if not isinstance(self.start, str):
            return float(np.log(self.start)) - bar / 2, 0.0, 0.0
        if self.start == "stationary":
            return centre, 0.0, variance
        fresh = -variance * float(np.expm1(-2 * self.speed * dt))
        half = (fresh + bar * float(np.expm1(-2 * self.speed * dt))) / 2
        steady = min(half + (half * half + fresh * bar) ** 0.5, variance)
        return centre, variance - steady, steady

    def filter(self, dt: float, periods: int) -> _Filter:
        """Gains and variances of the Kalman filter over an order, and what mu_k is before it."""
        (centre, variance), bar = self.stationary, self.noise * self.noise
        phi, fresh = float(np.exp(-self.speed * dt)), -variance * float(np.expm1(-2 * self.speed * dt))
        rows = np.empty((6, periods))
        mean, spread, known = self._prior(dt)
        for k in range(periods):
            total = known + bar
            gain = known / total if total > 0 else 0.0
            step = phi * gain * total**0.5
            rows[:, k] = known, total, gain, step, mean, spread
            known = phi * phi * known * (1 - gain) + fresh
            mean, spread = centre + phi * (mean - centre), phi * phi * spread + step * step
        return _Filter(phi, *rows)

    def paths(self, z: Array, dt: float) -> Array:
        """Levels (N, n) from standard normals z (noises, N, n)."""
        (centre, variance), phi = self.stationary, np.exp(-self.speed * dt)
        mean, _, known = self._prior(dt)
        move = (-variance * np.expm1(-2 * self.speed * dt)) ** 0.5
        logs = np.empty(z.shape[1:])
        logs[0] = (mean if self.start != "running" else self._watched(z, dt)) + known**0.5 * z[0, 0]
        for k in range(1, len(logs)):
            logs[k] = centre + phi * (logs[k - 1] - centre) + move * z[0, k]
        return np.asarray(np.exp(logs + self.noise * z[1]))

    def _watched(self, z: Array, dt: float) -> Array:
        """mu_0 (n,) of a desk that has watched."""
        mean, spread, _ = self._prior(dt)
        return np.asarray(mean + spread**0.5 * z[2, 0])

    def forecasts(self, levels: Array, dt: float, exponent: float = 1.0, z: Array | None = None) -> Array:
        """Forecast levels (N, n), E[L_k^-b | L_0 .. L_{k-1}]^(-1/b), from levels (N, n).

        Args:
            levels: L_k (N, n), the profile left out.
            dt: length of a period.
            exponent: b; 0 for the limit exp(E[log L_k | past]).
            z: the normals (noises, N, n) that the levels came from. A running start has mu_0 from them, else it is c.
        """
        known = self.filter(dt, len(levels))
        mu = np.full(levels.shape[1:], known.mean[0])
        if z is not None and self.start == "running":
            mu = self._watched(z, dt)
        forecasts = np.empty(levels.shape)
        for k, level in enumerate(levels):
            forecasts[k] = np.exp(mu - exponent * known.total[k] / 2)
            mu = self.updated(known, k, mu, np.log(level))
        return forecasts

    def updated(self, known: _Filter, k: int, mu: Array, log: Array) -> Array:
        """mu_{k+1} from mu_k and log L_k, of any shape."""
        centre, _ = self.stationary
        means: Array = centre + known.phi * (mu + known.gain[k] * (log - mu) - centre)
        return means

    def highest(self, dt: float, periods: int) -> float:
        """A level that the process, and its inverse, pass with negligible probability; infinite if it overflows."""
        centre, variance = self.stationary
        far = max(abs(centre), abs(self._prior(dt)[0])) + _TAIL * (variance + self.noise * self.noise) ** 0.5
        return float(np.exp(far)) if far < np.log(np.finfo(float).max) else np.inf

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS, exponent: float = 1.0) -> Outlook:
        """An `Outlook` on a geometric grid of forecast levels."""
        return Outlook.of(self, dt, periods, points, exponent)


@dataclass(frozen=True, eq=False)
class Outlook(Chain):
    """Conditional expectations of a process whose level is forecast, on a grid of forecast levels.

    In period k the logarithm of the forecast level is mu_k - shift_k, and log L_k = mu_k + sqrt(S_k) z, which decides
    on the next: mu_{k+1} = c + phi (mu_k - c) + tau_k z. Values are smooth in mu: splines between levels, and the
    trapezoid rule in z.

    Attributes:
        levels: (G,) ascending forecast levels E[L_k^-b | past]^(-1/b), dimensionless.
        matrix: (0, 0), since every period has another: `ahead`.
        start: index of the level that is nearest to the mean of the first forecast.
        process: what is forecast, shocks left out.
        filter: its Kalman filter.
        shift: (N,) mu_k less the logarithm of the forecast level.
        nodes: (J,) values of z.
        weights: (J,) probabilities of the nodes.
        shocks: (N,) probability that L_k is hit.
        factor: by which it then is multiplied.
    """

    process: LogOU
    filter: _Filter
    shift: Array
    nodes: Array
    weights: Array
    shocks: Array
    factor: float

    __repr__ = brief

    @classmethod
    def of(
        cls,
        process: LogOU,
        dt: float,
        periods: int,
        points: int,
        exponent: float,
        probability: float = 0.0,
        factor: float = 1.0,
    ) -> Outlook:
        """That of a process, whose level is hit after the first period with a probability."""
        known = process.filter(dt, periods)
        shocks = np.full(periods, probability)
        shocks[0] = 0.0
        dearer = 1 + shocks * (factor**-exponent - 1)
        shift = exponent * known.total / 2 + (np.log(dearer) / exponent if exponent else 0.0)
        reach = _TAIL * np.sqrt(known.spread)
        low, high = (known.mean - shift - reach).min() - 0.01, (known.mean - shift + reach).max() + 0.01
        far = _TAIL + 2 * exponent * float(np.sqrt(known.total.max()))  # where L^-2b has its weight
        nodes = np.linspace(-far, far, 2 * int(far * (points - 1) / 80) + 1)
        weights = np.exp(-(nodes**2) / 2)
        grid = np.linspace(low, high, points)
        start = int(np.argmin(abs(grid - known.mean[0] + shift[0])))
        return cls(
            np.exp(grid), np.empty((0, 0)), start, process, known, shift, nodes, weights / weights.sum(), shocks, factor
        )

    @property
    def known(self) -> bool:
        """Whether L_k is known before the trade of period k."""
        return self.process.observe == "current"

    @property
    def shown(self) -> Array:
        """(G,) ascending levels that policies may be shown."""
        if not self.known:
            return self.levels
        ends = self.outcomes(int(np.argmax(self.filter.total)))[0]
        return np.geomspace(ends.min(), ends.max(), len(self.levels))

    @property
    def unbounded(self) -> bool:
        """There is no highest level."""
        return True

    def _means(self, k: int) -> Array:
        """mu_k (G, 1) by forecast level."""
        means: Array = np.log(self.levels)[:, None] + self.shift[k]
        return means

    def at_start(self, values: Array) -> float:
        """The value of period 0 from values (G,) by forecast level, its mean where that is random."""
        mean, deviation = self.filter.mean[0] - self.shift[0], self.filter.spread[0] ** 0.5
        return float(self.between(values, mean + deviation * self.nodes) @ self.weights)

    def outcomes(self, k: int) -> tuple[Array, Array]:
        """What L_k may turn out to be (G, J), the profile left out, and how probable each outcome is (J,)."""
        levels = np.exp(self._means(k) + self.filter.total[k] ** 0.5 * self.nodes)
        if self.factor == 1:
            return levels, self.weights
        hit = self.shocks[k]
        return np.hstack([levels, self.factor * levels]), np.append((1 - hit) * self.weights, hit * self.weights)

    def ahead(self, k: int, values: Array) -> Array:
        """Values (..., G) of period k + 1 by this period's forecast level and what L_k turns out to be (..., G, J)."""
        centre, _ = self.process.stationary
        means = centre + self.filter.phi * (self._means(k) - centre) + self.filter.step[k] * self.nodes
        found = self.between(values, means - self.shift[k + 1])
        return found if self.factor == 1 else np.concatenate([found, found], axis=-1)

    def between(self, values: Array, logs: Array) -> Array:
        """Values (..., G) between levels, at logarithms of levels of any shape."""
        grid = np.log(self.levels)
        found: Array = CubicSpline(grid, values, axis=-1)(np.clip(logs, grid[0], grid[-1]))
        return found

    def distributions(self, periods: int) -> Iterator[Array]:
        """Period after period the probabilities (G,) of the forecast levels."""
        grid = np.log(self.levels)
        edges = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]) / 2, [np.inf]])
        for k in range(periods):
            deviation = max(self.filter.spread[k] ** 0.5, 1e-12)
            yield np.diff(ndtr((edges - self.filter.mean[k] + self.shift[k]) / deviation))

    def inverse_means(self, exponent: float) -> Array:
        """E[L_k^-b] (N,) before the first period, exactly."""
        known, dearer = self.filter, 1 + self.shocks * (self.factor**-exponent - 1)
        means: Array = dearer * np.exp(-exponent * known.mean + exponent**2 * (known.spread + known.total) / 2)
        return means

    def quantiles(self, probability: float) -> Array:
        """The level (N,) that L_k falls short of with a small probability, or a lower one where shocks come."""
        known = self.filter
        calm = np.exp(known.mean + ndtri(probability) * np.sqrt(known.spread + known.total))
        return calm * np.where(self.shocks > 0, min(self.factor, 1.0), 1.0)

    def inverse_ahead(self, exponent: float) -> tuple[Array, Array]:
        """E[L_{k+j}^-b | past of k] as a product: by lag j and forecast level (N, G), by period k and lag (N, N)."""
        (centre, stationary), periods = self.process.stationary, np.arange(len(self.shift))
        memory = self.filter.phi**periods
        by_level = np.exp(-exponent * (centre + memory[:, None] * (np.log(self.levels) - centre)))
        variance = memory**2 * self.filter.variance[:, None] + stationary * (1 - memory**2) + self.process.noise**2
        coming = np.minimum(periods[:, None] + periods, periods[-1])
        dearer = 1 + self.shocks * (self.factor**-exponent - 1)
        moved = exponent * variance / 2 - memory * self.shift[:, None]
        return by_level, dearer[coming] * np.exp(exponent * moved)


@dataclass(frozen=True)
class Shocks:
    """A process whose level is hit by multiplicative shocks.

    After each step of ``base`` the level is multiplied by (1 + size) with the given probability and kept above the
    base's floor. Over `OrnsteinUhlenbeck` the shocked level is the state that the next step starts from, so a shock
    reverts at the base's speed; over a base whose level has no memory of its own (constant, regimes, the noisy bars of
    `LogOU`) it lasts one period.

    Args:
        base: `ConstantLiquidity`, `OrnsteinUhlenbeck`, `RegimeSwitching` or `LogOU`.
        probability: of a shock, per period, in [0, 1].
        size: relative change of the level, > -1; -0.5 halves it.
    """

    base: ConstantLiquidity | OrnsteinUhlenbeck | RegimeSwitching | LogOU
    probability: float = 0.01
    size: float = -0.5

    def __post_init__(self) -> None:
        if not isinstance(self.base, ConstantLiquidity | OrnsteinUhlenbeck | RegimeSwitching | LogOU):
            raise TypeError(
                "base must be a ConstantLiquidity, OrnsteinUhlenbeck, RegimeSwitching or LogOU, "
                f"got {self.base!r} ({type(self.base).__name__})"
            )
        if isinstance(self.base, LogOU) and self.base.observe == "current":
            raise ValueError(
                f'base must be a LogOU with observe="past", got {self.base!r}: a level does not tell a shock from '
                "noise before the bar is over"
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
        hit = self._hit(z)
        if not isinstance(self.base, OrnsteinUhlenbeck):
            levels = self.base.paths(z[:-1], dt)
            return np.where(hit, levels * (1 + self.size), levels)
        levels = np.empty(z.shape[1:])
        levels[0] = self.base.start
        for k in range(len(levels) - 1):
            after = self.base.step(levels[k], z[0, k], dt)
            levels[k + 1] = np.where(hit[k + 1], np.maximum(after * (1 + self.size), self.base.floor), after)
        return levels

    def _hit(self, z: Array) -> NDArray[np.bool_]:
        """Which periods (N, n) a shock hits, never the first."""
        hit = np.zeros(z.shape[1:], dtype=bool)
        hit[1:] = z[-1, :-1] < ndtri(self.probability)
        return hit

    def forecasts(self, levels: Array, dt: float, exponent: float, z: Array) -> Array:
        """Forecast levels (N, n) from levels (N, n) and the normals that they came from; see `LogOU.forecasts`."""
        assert isinstance(self.base, LogOU)
        calm = self.base.forecasts(np.where(self._hit(z), levels / (1 + self.size), levels), dt, exponent, z[:-1])
        if exponent:
            calm[1:] *= (1 + self.probability * ((1 + self.size) ** -exponent - 1)) ** (-1 / exponent)
        return calm

    def highest(self, dt: float, periods: int) -> float:
        """A level that the process passes within ``periods`` with negligible probability; infinite if it overflows."""
        if isinstance(self.base, LogOU):
            return self.base.highest(dt, periods) * max(1 + self.size, 1 / (1 + self.size))
        if not isinstance(self.base, OrnsteinUhlenbeck):
            base = self.base.high if isinstance(self.base, RegimeSwitching) else self.base.level
            return base * max(1.0, 1 + self.size)
        if self.size <= 0 or periods == 1:
            return self.base.highest(dt, periods)
        counts = np.arange(periods)
        hits = int(np.argmax(bdtrc(counts, periods - 1, self.probability) < _RARE))
        return self.base.highest(dt, periods, hits, 1 + self.size)

    def chain(self, dt: float, periods: int, points: int = GRID_POINTS, exponent: float = 1.0) -> Chain:
        """The base's chain and its shocked copy, mixed with the shock's probability."""
        if isinstance(self.base, LogOU):
            return Outlook.of(self.base, dt, periods, points, exponent, self.probability, 1 + self.size)
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
    if isinstance(process, OrnsteinUhlenbeck | Shocks | LogOU) and not process.highest(dt, periods) <= LARGEST:
        raise ValueError(
            f"liquidity must stay below {LARGEST:g}, but within {periods} periods of length {dt!r} {process!r} may go "
            "beyond it: lower its volatility or the size of its shocks"
        )


LARGEST = 1e100
"""Liquidity levels beyond this are refused: impact would vanish beside everything else."""


def log_ou(process: Liquidity) -> LogOU | None:
    """The process whose level is forecast, shocks left out; None where the level is known before a trade."""
    base = process.base if isinstance(process, Shocks) else process
    return base if isinstance(base, LogOU) else None


def shown(process: Liquidity, levels: Array, dt: float, exponent: float, z: Array) -> Array:
    """What a policy is shown of levels (N, n) that came from the normals z: themselves, or what was forecast."""
    forecast = log_ou(process)
    if isinstance(process, LogOU | Shocks) and forecast and forecast.observe == "past":
        return process.forecasts(levels, dt, exponent, z)
    return levels


@lru_cache(maxsize=64)
def cached_chain(
    process: Liquidity, dt: float, periods: int, points: int = GRID_POINTS, exponent: float = 1.0
) -> Chain:
    """``process.chain(...)``, kept: the planners of one problem share one operator. Forecasts need ``exponent``."""
    if isinstance(process, LogOU | Shocks):
        return process.chain(dt, periods, points, exponent)
    return process.chain(dt, periods, points)


def extrapolated(
    value: Callable[[Any], Result], process: Liquidity, dt: float, periods: int, exponent: float = 1.0
) -> tuple[Result, Result]:
    """A functional of the process, from its chains with `GRID_POINTS` levels, half and a quarter as many.

    Linear interpolation errs by O(spacing^2), so (4 fine - coarse) / 3 removes the leading error.

    Returns:
        The extrapolated value and an upper estimate of the error left: the distance of fine from coarse, or a quarter
        of that of coarse from coarsest if that is more. It is three times the correction made, because a step that is
        small beside the spacing leaves an error of O(spacing), whose sign also changes.
    """
    fine, coarse, coarsest = (
        value(cached_chain(process, dt, periods, (GRID_POINTS - 1) // part + 1, exponent)) for part in (1, 2, 4)
    )
    error: Result = np.maximum(abs(fine - coarse), abs(coarse - coarsest) / 4)
    return fine + (fine - coarse) / 3, error


def resolved(
    value: Callable[[Any], Result], process: Liquidity, dt: float, periods: int, exponent: float = 1.0
) -> tuple[Result, Result]:
    """`extrapolated` for a cost, which is refused where it would not be one.

    Raises:
        ValueError: the error is more than 1% of the value, or the value is no number: the grid cannot resolve the
            process.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused here
        found, error = extrapolated(value, process, dt, periods, exponent)
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
