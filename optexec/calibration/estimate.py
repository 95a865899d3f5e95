"""A market estimated from bars, with intervals, and bars simulated from a market."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from optexec._validate import integer, real
from optexec.calibration.bars import BarReport, read_bars
from optexec.calibration.files import Source
from optexec.calibration.impact import Impact
from optexec.evaluation import Estimate, mean
from optexec.interval import Interval
from optexec.liquidity import OrnsteinUhlenbeck
from optexec.noise import stream
from optexec.problem import Market, Order, Problem

__all__ = ["Calibration", "Estimated", "calibrate", "synthetic"]

Array = NDArray[np.float64]

SLOWEST = 0.01
"""Lower bound of the speed [1/bar]: a day of bars cannot tell slower reversion from none."""

AT_FLOOR = 0.05
"""Largest share of relative volumes at or below the floor: the likelihood does not know that they are cut off there."""


@dataclass(frozen=True)
class Estimated(Interval):
    """An estimate with its standard error and 95% interval.

    Attributes:
        error: the standard error.
    """

    error: float

    def __str__(self) -> str:
        value, low, high = (f"{x:,.0f}" if abs(x) >= 1_000 else f"{x:.4g}" for x in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"

    @classmethod
    def of(cls, estimate: Estimate, freedom: int, lowest: float = -np.inf) -> Estimated:
        """From a statistic of independent pieces, by Student's t with the given degrees of freedom."""
        n = len(estimate.influence)
        return cls.normal(estimate.value, float(estimate.influence.std(ddof=1)) / n**0.5, freedom, lowest)

    @classmethod
    def normal(cls, value: float, error: float, freedom: int, lowest: float = -np.inf) -> Estimated:
        """From a value and its standard error; the interval does not go below ``lowest``."""
        half = float(stdtrit(freedom, 0.975)) * error
        return cls(value, max(value - half, lowest), value + half, error)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What D days of B bars say about a market; time is in bars.

    Attributes:
        price: the last price [$/share].
        volatility: sigma [$/share/sqrt(bar)], from price changes within days: overnight moves are left out.
        volume: V, mean shares a bar.
        profile: B estimates of w_j, with mean 1.
        speed: mean reversion of relative volume [1/bar], in [0.01, 2].
        depth_volatility: omega, its standard deviation [1/sqrt(bar)].
        floor: lowest level of the process; given, not estimated.
        relative: L (D, B), volume over mean volume and profile.
        breaks: standard deviation [$/share] of the move of the price over each break of the market, by the last bar
            before it. Neither speed nor volatility is estimated from the two bars beside a break.
        report: what the reader of the bars left out, put right and suspects.
    """

    price: float
    volatility: Estimated
    volume: Estimated
    profile: tuple[Estimated, ...]
    speed: Estimated
    depth_volatility: Estimated
    floor: float
    relative: Array = field(repr=False)
    breaks: Mapping[int, Estimated] = field(default_factory=dict)
    report: BarReport | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        rows = {name: f"{found} {unit}" for name, (found, unit) in self._estimates().items()}
        shape = [found.value for found in self.profile]
        rows |= {"profile": f"{self.bars} values from {min(shape):.4g} to {max(shape):.4g}", "floor": f"{self.floor:g}"}
        rows |= {f"over break {bar}": f"{found} $" for bar, found in self.breaks.items()}
        lines = [f"  {name:<16}  {said}" for name, said in rows.items()]
        return "\n".join([f"Calibration: {self.days} days of {self.bars} bars, last price {self.price:g}", *lines])

    def _estimates(self) -> dict[str, tuple[Estimated, str]]:
        """Estimates but the profile, with their units."""
        return {
            "volatility": (self.volatility, "$/√bar"),
            "volume": (self.volume, "shares a bar"),
            "speed": (self.speed, "1/bar"),
            "depth_volatility": (self.depth_volatility, "1/√bar"),
        }

    @property
    def days(self) -> int:
        """D."""
        return len(self.relative)

    @property
    def bars(self) -> int:
        """B, bars a day."""
        return len(self.profile)

    def table(self) -> pd.DataFrame:
        """Value, standard error and interval of each estimate but the profile, by name, with the unit."""
        rows = {name: {**dataclasses.asdict(found), "unit": unit} for name, (found, unit) in self._estimates().items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    def market(self, order: Order, impact: Impact, *, first: int = 0, **fields: Any) -> Market:
        """The market of an order that trades in the bars ``first`` to ``first + N - 1`` of a day.

        Args:
            order: its size, periods and dt (the length of a bar in your unit of time) matter.
            impact: `Almgren2005`, `SquareRoot` or a law of your own.
            first: the first bar, counted from 0.
            **fields: further fields of `optexec.Market` that bars do not tell, such as ``half_spread`` and
                ``slippage`` (0 unless given).

        Raises:
            ValueError: the order goes on after the day's last bar, or a field outside its range.
        """
        last = integer("first", first, minimum=0) + order.periods
        if last > self.bars:
            raise ValueError(f"first + order.periods must be at most {self.bars}, the bars of a day, got {last}")
        if not isinstance(impact, Impact):
            raise TypeError(f"impact must be a law such as Almgren2005 or SquareRoot, got {impact!r}")
        shape = np.array([period.value for period in self.profile[first:last]])
        volume = self.volume.value * float(shape.mean())
        temporary, permanent = impact.coefficients(
            order, volume, self.volume.value * self.bars, self.volatility.value * self.bars**0.5
        )
        given: dict[str, Any] = {"slippage": 0.0, "price": self.price} | fields
        return Market(
            volatility=self.volatility.value / order.dt**0.5,
            temporary=temporary,
            permanent=permanent,
            volume=volume,
            volume_profile=tuple((shape / shape.mean()).tolist()),
            liquidity=OrnsteinUhlenbeck(
                mean=1.0,
                speed=self.speed.value / order.dt,
                volatility=self.depth_volatility.value / order.dt**0.5,
                floor=self.floor,
            ),
            **given,
        )

    def problem(self, order: Order, impact: Impact, *, risk_aversion: float, first: int = 0, **fields: Any) -> Problem:
        """`market` with the order and a risk aversion [1/$]."""
        return Problem(
            order=order, market=self.market(order, impact, first=first, **fields), risk_aversion=risk_aversion
        )

    def resampled(self, draws: int = 200, seed: int = 0) -> list[Calibration]:
        """What other D days of the estimated market would have said: the parametric bootstrap.

        Each draw simulates D days of B bars with the estimates for the truth, and estimates again; its distribution
        around this calibration stands for that of this one around the market. The price is not drawn.

        Args:
            draws: how many.
            seed: >= 0.
        """
        size = integer("draws", draws, minimum=1) * self.days
        process = OrnsteinUhlenbeck(1.0, self.speed.value, self.depth_volatility.value, self.floor)
        shape = np.array([period.value for period in self.profile])
        price, volume = _days(self.volatility.value, self.volume.value * shape, process, size, seed)
        pieces = [slice(low, low + self.days) for low in range(0, size, self.days)]
        return [_estimate(price[days], volume[days], self.floor, self.price, tuple(self.breaks)) for days in pieces]


def calibrate(bars: Source | Sequence[Source], *, floor: float = 0.1, **reading: Any) -> Calibration:
    """Estimate volatility, volume, profile and the liquidity process from bars.

    - volatility: the root mean square of price changes within days, error by its influence function (so that fat tails
      widen the interval), drift neglected;
    - volume and profile: means over days of W_{d,j} and ratios of means, errors from the scatter of days, which are
      taken for independent: Student's t with D - 1 degrees of freedom;
    - speed and depth_volatility: conditional Gaussian maximum likelihood of the autoregression of the relative volumes
      L_{d,j} = W_{d,j} / (V w_j) within days, which is least squares: with l = L - 1, phi = sum l l' / sum l^2, speed =
      1 - phi, omega^2 = sum (l' - phi l)^2 / f, f = (D - 1)(B - 1) - 1 because the profile took one mean a bar. Errors
      omega / sqrt(sum l^2) and omega sqrt(1/(2 f) + c^2), c being the relative error of V, to which omega is relative.

    Where the market breaks within the day, the two bars beside a break are no step of either process.

    Args:
        bars: files or tables, or what `read_bars` made of them.
        floor: lowest level of the liquidity process, in (0, 1); stated by you, because the bars' own lowest is what
            chance made it.
        **reading: arguments of `read_bars`, such as ``zone`` and ``session``.

    Returns:
        A `Calibration`.

    Raises:
        ValueError: bars that `read_bars` refuses, a floor outside (0, 1), prices or relative volumes that never move
            or are too large or small to square, or more than 5% of the relative volumes at or below the floor.

    Examples:
        >>> import optexec as ox
        >>> market = ox.Market(price=40.0, volatility=0.1, volume=1e5)
        >>> found = ox.calibration.calibrate(ox.calibration.synthetic(market, bars=26, days=60, seed=1))
        >>> found.volatility.low < 0.1 < found.volatility.high
        True
    """
    table = read_bars(bars, **reading)
    price, volume = (table[column].to_numpy().reshape(table.report.days, -1) for column in ("price", "volume"))
    floor = real("floor", floor, above=0, below=1)
    with np.errstate(all="ignore"):  # what overflows is refused below
        found = _estimate(price, volume, floor, float(price[-1, -1]), table.report.breaks)
    numbers = found.table()[["value", "error", "low", "high"]].to_numpy(np.float64)
    if not np.isfinite(numbers).all() or not np.isfinite(found.relative).all():
        raise ValueError("price and volume must be numbers whose squares are finite and not 0: rescale them")
    low = float((found.relative <= floor).mean())
    if low > AT_FLOOR:
        raise ValueError(
            f"floor must lie below {1 - AT_FLOOR:.0%} of the relative volumes, got {floor:g}, above {low:.1%} of them"
        )
    return dataclasses.replace(found, report=table.report)


def _estimate(price: Array, volume: Array, floor: float, last: float, breaks: Sequence[int] = ()) -> Calibration:
    """The estimators of `calibrate` on arrays (D, B), with breaks after some bars."""
    days, bars = volume.shape
    steps = np.setdiff1d(np.arange(bars - 1), breaks)  # from each of these bars to the next
    moves = np.diff(price, axis=1)
    changes = moves[:, steps].ravel()
    square = mean(changes**2)
    if square.value == 0:
        raise ValueError("price must change within days, got a constant one")
    sigma = _root(square)
    total = mean(volume.mean(axis=1))
    shares = [mean(volume[:, j]) / total for j in range(bars)]
    relative = volume / np.mean(volume, axis=0)
    before, after = relative[:, steps].ravel() - 1, relative[:, steps + 1].ravel() - 1
    information = float(before @ before)
    if information == 0:
        raise ValueError("volume must differ between days, got the same day again and again")
    phi = float(before @ after) / information
    freedom = (days - 1) * len(steps) - 1
    left = float(((after - phi * before) ** 2).sum())
    omega = (left / freedom) ** 0.5
    relative_error = float(total.influence.std(ddof=1)) / days**0.5 / total.value
    return Calibration(
        price=last,
        volatility=Estimated.of(sigma, len(changes), 0.0),
        volume=Estimated.of(total, days - 1, 0.0),
        profile=tuple(Estimated.of(share, days - 1, 0.0) for share in shares),
        speed=Estimated.normal(min(max(1 - phi, SLOWEST), 2.0), omega / information**0.5, freedom, 0.0),
        depth_volatility=Estimated.normal(omega, omega * (1 / (2 * freedom) + relative_error**2) ** 0.5, days - 1, 0.0),
        floor=floor,
        relative=relative,
        breaks={int(j): Estimated.of(_root(mean(moves[:, j] ** 2)), days, 0.0) for j in breaks},
    )


def _root(square: Estimate) -> Estimate:
    """The square root of a mean of squares."""
    root = square.value**0.5
    return Estimate(root, square.influence / (2 * root) if root > 0 else square.influence)


def _days(volatility: float, volume: Array, process: OrnsteinUhlenbeck, days: int, seed: int) -> tuple[Array, Array]:
    """Price displacements within days and volumes (days, B) of a market with mean volumes (B,), day by day afresh.

    A day's first level is drawn from the process's stationary distribution (its floor left out of account).
    """
    bars = len(volume)
    z = stream(integer("seed", seed, minimum=0)).standard_normal((days, 2, bars))
    z = z.T.swapaxes(0, 1)  # day after day: the first days are those of fewer
    phi = 1 - process.speed
    spread = process.volatility / max(1 - phi**2, SLOWEST) ** 0.5
    levels = np.empty((bars, days))
    levels[0] = np.maximum(process.mean + spread * z[1, 0], process.floor)
    for j in range(bars - 1):
        levels[j + 1] = process.step(levels[j], z[1, j + 1], 1.0)
    return np.cumsum(volatility * z[0], axis=0).T, (levels * volume[:, None]).T


def synthetic(
    market: Market, *, bars: int = 26, days: int = 20, seed: int = 0, start: str = "2026-01-05 09:45", minutes: int = 15
) -> pd.DataFrame:
    """Bars of a simulated market: what `calibrate` is tested with, and the report's own bar file.

    Prices are rounded to cents and volumes to shares. Between two days the price moves by half the standard deviation
    of a day's bars; weekends have no bars. No impact: nobody trades an order.

    Args:
        market: its price, volatility, volume, profile (of B numbers) and Ornstein-Uhlenbeck liquidity; time is in bars.
        bars: B, how many a day.
        days: how many.
        seed: >= 0.
        start: end of the first bar.
        minutes: length of a bar.

    Returns:
        A table with the columns timestamp, volume, price.

    Raises:
        ValueError: a price that falls to 0, a profile of another length, more bars than a day has room for.
        TypeError: a liquidity process that is not Ornstein-Uhlenbeck.
    """
    bars, days = integer("bars", bars, minimum=1), integer("days", days, minimum=1)
    if not isinstance(market.liquidity, OrnsteinUhlenbeck):
        raise TypeError(f"liquidity must be OrnsteinUhlenbeck, got {market.liquidity!r}")
    shape = np.ones(bars) if market.volume_profile is None else np.array(market.volume_profile)
    if len(shape) != bars:
        raise ValueError(f"volume_profile must have {bars} values, one a bar, got {len(shape)}")
    first = pd.Timestamp(start)
    clock = pd.timedelta_range(first - first.normalize(), periods=bars, freq=pd.Timedelta(minutes=minutes))
    if clock[-1] >= pd.Timedelta(days=1):
        raise ValueError(f"bars must fit into a day, got {bars} of {minutes} minutes from {first.time()}")
    moves, volume = _days(market.volatility, market.volume * shape, market.liquidity, days, seed)
    gaps = stream(seed, 1).standard_normal(days)
    opening = np.cumsum(0.5 * market.volatility * bars**0.5 * gaps) + np.append(0.0, np.cumsum(moves[:-1, -1]))
    price = np.round(market.price + opening[:, None] + moves, 2)
    if (price <= 0).any():
        raise ValueError(f"volatility must leave the price > 0 over {days} days, got {market.volatility:g}")
    dates = pd.bdate_range(first.normalize(), periods=days)
    times = dates.to_numpy()[:, None] + clock.to_numpy()
    shares = np.maximum(np.round(volume), 1).astype(np.int64)
    return pd.DataFrame({"timestamp": times.ravel(), "volume": shares.ravel(), "price": price.ravel()})
