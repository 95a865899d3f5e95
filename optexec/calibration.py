"""A market estimated from bars of it, with 95% intervals, and what the errors of the estimates do to a plan.

A **bar** is a row with a timestamp, the shares that the market traded and a price. `calibrate` reads D days of B bars
each as

    S_{d,j+1} = S_{d,j} + sigma eps,    W_{d,j} = V w_j L_{d,j},    L_{d,j+1} = L_{d,j} + speed (1 - L_{d,j}) + omega z,

and estimates the volatility sigma [$/share/sqrt(bar)], the mean volume V [shares a bar], the profile w (mean 1) and the
Ornstein-Uhlenbeck process of relative volume L (mean 1: V carries the level). That L is also the *depth*, the level
that divides impact in `optexec.Market`, is an assumption, and bars cannot test it. Nor do they know the spread, fill
noise and impact: the first two are arguments, impact is a published law (`Almgren2005`, `SquareRoot`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from optexec._validate import integer, real, store
from optexec.evaluation import Estimate, mean
from optexec.interval import Interval
from optexec.liquidity import OrnsteinUhlenbeck
from optexec.noise import stream
from optexec.optimum import exact_value
from optexec.problem import Market, Order, Problem
from optexec.simulator import Policy

__all__ = [
    "Almgren2005",
    "Calibration",
    "Estimated",
    "Impact",
    "SquareRoot",
    "calibrate",
    "forecast",
    "read_bars",
    "synthetic",
]

Array = NDArray[np.float64]

COLUMNS = ("timestamp", "volume", "price")
"""What a table of bars must have; other columns are left alone."""

DAYS, BARS = 5, 3
"""The fewest days, and bars a day, that are calibrated from: below, the intervals would mean nothing."""

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


@runtime_checkable
class Impact(Protocol):
    """A law of market impact that can be made linear at an order's own participation."""

    def coefficients(
        self, order: Order, volume: float, day_volume: float, day_volatility: float
    ) -> tuple[float, float]:
        """Eta and gamma [$/share per share] for an order in periods of ``volume`` shares each."""

    def redrawn(self, noise: np.random.Generator) -> Impact:
        """The law with its constants drawn from the distribution of their estimates."""


@dataclass(frozen=True)
class Almgren2005:
    """The law of Almgren, Thum, Hauptmann & Li (2005), fitted to institutional orders in US stocks.

    An order of X shares sold evenly in T days moves a price of daily volatility sigma [$] permanently by
    I = 0.314 sigma (X/V) (Theta/V)^(1/4) and pays K = 0.142 sigma (X/(V T))^0.6 [$/share] of temporary impact, V shares
    a day being the market's volume (V T its volume during the order) and Theta the shares outstanding. Its mean cost is
    I/2 + K a share. I is linear: gamma = I/X. K is not; eta = K/v + gamma/2 at the even trade v = X/N costs the even
    sale the same (gamma/2 because within a period `optexec.Market` charges no permanent impact).

    Args:
        outstanding: Theta > 0, shares outstanding.
        permanent: the constant of I, > 0, dimensionless.
        temporary: the constant of K, > 0, dimensionless.
        permanent_error: published standard error of ``permanent``, >= 0: of a mean over stocks and orders, exponents
            held at 1, 1/4 and 3/5; a single stock may differ by more.
        temporary_error: the same of ``temporary``, >= 0.
    """

    outstanding: float
    permanent: float = 0.314
    temporary: float = 0.142
    permanent_error: float = 0.041
    temporary_error: float = 0.0062

    def __post_init__(self) -> None:
        for name in ("outstanding", "permanent", "temporary"):
            store(self, **{name: real(name, getattr(self, name), above=0)})
        for name in ("permanent_error", "temporary_error"):
            store(self, **{name: real(name, getattr(self, name), minimum=0)})

    def coefficients(
        self, order: Order, volume: float, day_volume: float, day_volatility: float
    ) -> tuple[float, float]:
        """Eta and gamma [$/share per share] at the participation of the even sale.

        Args:
            order: X and N.
            volume: shares that the market trades in a period of the order.
            day_volume: V [shares].
            day_volatility: sigma [$/share/sqrt(day)].
        """
        even = order.shares / order.periods
        gamma = self.permanent * day_volatility / day_volume * (self.outstanding / day_volume) ** 0.25
        return self.temporary * day_volatility * (even / volume) ** 0.6 / even + gamma / 2, gamma

    def redrawn(self, noise: np.random.Generator) -> Almgren2005:
        """With both constants drawn from normal distributions (and kept positive)."""
        first, second = noise.standard_normal(2)
        return dataclasses.replace(
            self,
            permanent=max(self.permanent + self.permanent_error * first, 0.01 * self.permanent),
            temporary=max(self.temporary + self.temporary_error * second, 0.01 * self.temporary),
        )


@dataclass(frozen=True)
class SquareRoot:
    """The square-root law: an order of X shares moves the price by M = Y sigma sqrt(X/V) while it is executed.

    sigma is the daily volatility [$/share], V the daily volume; how long the order takes does not matter. On the way
    there the mean cost is 2/3 M a share. A part of M stays, I = ``stays`` M, and the cost is I/2 + K, so that
    K = (2/3 - stays/2) M; gamma = I/X and eta = K/v + gamma/2 at the even trade v = X/N, as for `Almgren2005`. With
    stays = 2/3 the price comes back to what was paid on average. Toth et al. (2011); Bouchaud et al. (2018).

    Args:
        prefactor: Y > 0, of order 1, dimensionless.
        error: standard error of Y as you know it, >= 0; 0 takes Y as known.
        stays: permanent part of M, in [0, 1].

    Examples:
        >>> order = Order(shares=40_000, periods=10)
        >>> eta, gamma = SquareRoot().coefficients(order, 1e5, day_volume=1e6, day_volatility=0.5)
        >>> f"{1e6 * eta:.2f} {1e6 * gamma:.2f}"  # $/share per million shares
        '9.17 1.67'
    """

    prefactor: float = 1.0
    error: float = 0.0
    stays: float = 2 / 3

    def __post_init__(self) -> None:
        store(
            self,
            prefactor=real("prefactor", self.prefactor, above=0),
            error=real("error", self.error, minimum=0),
            stays=real("stays", self.stays, minimum=0, maximum=1),
        )

    def coefficients(
        self, order: Order, volume: float, day_volume: float, day_volatility: float
    ) -> tuple[float, float]:
        """Eta and gamma [$/share per share]; arguments as for `Almgren2005.coefficients`."""
        moved = self.prefactor * day_volatility * (order.shares / day_volume) ** 0.5
        gamma = self.stays * moved / order.shares
        return (2 / 3 - self.stays / 2) * moved * order.periods / order.shares + gamma / 2, gamma

    def redrawn(self, noise: np.random.Generator) -> SquareRoot:
        """With Y drawn from a normal distribution (and kept positive)."""
        drawn = self.prefactor + self.error * noise.standard_normal()
        return dataclasses.replace(self, prefactor=max(drawn, 0.01 * self.prefactor))


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
    """

    price: float
    volatility: Estimated
    volume: Estimated
    profile: tuple[Estimated, ...]
    speed: Estimated
    depth_volatility: Estimated
    floor: float
    relative: Array = field(repr=False)

    def __repr__(self) -> str:
        rows = {name: f"{found} {unit}" for name, (found, unit) in self._estimates().items()}
        shape = [found.value for found in self.profile]
        rows |= {"profile": f"{self.bars} values from {min(shape):.4g} to {max(shape):.4g}", "floor": f"{self.floor:g}"}
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
        return [_estimate(price[days], volume[days], self.floor, self.price) for days in pieces]


def read_bars(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Bars from a CSV file or a table, checked.

    Args:
        source: a path, or a DataFrame; columns timestamp, volume [shares] and price [$/share], a row a bar, every day
            with the same bars at the same times. A bar's price is its last one; its timestamp may be either end.

    Returns:
        A DataFrame with these columns, of types datetime64, float64 and float64.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no table; a column missing; a value missing, not a number or not > 0; timestamps that do not
            increase; days that differ in their bars; or fewer than 5 days or 3 bars a day.
    """
    if isinstance(source, pd.DataFrame):
        table, name = source, "the table"
    else:
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist or is not a file")
        name = str(path)
        try:
            table = pd.read_csv(path)
        except (ValueError, UnicodeError) as error:  # pandas' own errors are ValueErrors
            raise ValueError(f"{path} cannot be read as CSV: {error}") from None
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise ValueError(f"{name} must have the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing")
    table = table[list(COLUMNS)].reset_index(drop=True)
    if table.empty:
        raise ValueError(f"{name} has no bars")
    try:
        times = pd.to_datetime(table["timestamp"])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: timestamp must hold dates with times: {error}") from None
    if times.isna().any():
        raise ValueError(f"{name}: timestamp is missing in row {int(times.isna().argmax())}")
    later = times.diff().iloc[1:] > pd.Timedelta(0)
    if not later.all():
        row = int((~later).to_numpy().argmax()) + 1
        raise ValueError(
            f"{name}: timestamps must increase, but row {row} ({times[row]}) does not follow the one before"
        )
    checked: dict[str, Any] = {"timestamp": times}
    for column in ("volume", "price"):
        numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
        bad = ~(np.isfinite(numbers) & (numbers > 0))
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(f"{name}: {column} must be finite and > 0, got {table[column].iloc[row]!r} in row {row}")
        checked[column] = numbers
    _same_times(times, name)
    return pd.DataFrame(checked)


def _same_times(times: pd.Series[Any], name: str) -> None:
    """Every day must have the bars of the first."""
    clock = times.groupby(times.dt.date).apply(lambda day: tuple(day.dt.time))
    for date, bars in clock.items():
        if bars != clock.iloc[0]:
            raise ValueError(
                f"{name}: every day must have bars at the same times; {date} has {len(bars)} that are not those of "
                f"{clock.index[0]} ({len(clock.iloc[0])}): leave out short days"
            )
    if len(clock) < DAYS or len(clock.iloc[0]) < BARS:
        raise ValueError(
            f"{name} must hold at least {DAYS} days of at least {BARS} bars, got {len(clock)} days of "
            f"{len(clock.iloc[0])}"
        )


def calibrate(bars: str | Path | pd.DataFrame, *, floor: float = 0.1) -> Calibration:
    """Estimate volatility, volume, profile and the liquidity process from bars.

    - volatility: the root mean square of price changes within days, error by its influence function (so that fat tails
      widen the interval), drift neglected;
    - volume and profile: means over days of W_{d,j} and ratios of means, errors from the scatter of days, which are
      taken for independent: Student's t with D - 1 degrees of freedom;
    - speed and depth_volatility: conditional Gaussian maximum likelihood of the autoregression of the relative volumes
      L_{d,j} = W_{d,j} / (V w_j) within days, which is least squares: with l = L - 1, phi = sum l l' / sum l^2, speed =
      1 - phi, omega^2 = sum (l' - phi l)^2 / f, f = (D - 1)(B - 1) - 1 because the profile took one mean a bar. Errors
      omega / sqrt(sum l^2) and omega sqrt(1/(2 f) + c^2), c being the relative error of V, to which omega is relative.

    Args:
        bars: a CSV file or a table, see `read_bars`.
        floor: lowest level of the liquidity process, in (0, 1); stated by you, because the bars' own lowest is what
            chance made it.

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
    table = read_bars(bars)
    days = table["timestamp"].dt.date.nunique()
    price, volume = (table[column].to_numpy().reshape(days, -1) for column in ("price", "volume"))
    floor = real("floor", floor, above=0, below=1)
    with np.errstate(all="ignore"):  # what overflows is refused below
        found = _estimate(price, volume, floor, float(price[-1, -1]))
    numbers = found.table()[["value", "error", "low", "high"]].to_numpy(np.float64)
    if not np.isfinite(numbers).all() or not np.isfinite(found.relative).all():
        raise ValueError("price and volume must be numbers whose squares are finite and not 0: rescale them")
    low = float((found.relative <= floor).mean())
    if low > AT_FLOOR:
        raise ValueError(
            f"floor must lie below {1 - AT_FLOOR:.0%} of the relative volumes, got {floor:g}, above {low:.1%} of them"
        )
    return found


def _estimate(price: Array, volume: Array, floor: float, last: float) -> Calibration:
    """The estimators of `calibrate` on arrays (D, B)."""
    days, bars = volume.shape
    changes = np.diff(price, axis=1).ravel()
    square = mean(changes**2)
    if square.value == 0:
        raise ValueError("price must change within days, got a constant one")
    sigma = Estimate(square.value**0.5, square.influence / (2 * square.value**0.5))
    total = mean(volume.mean(axis=1))
    shares = [mean(volume[:, j]) / total for j in range(bars)]
    relative = volume / np.mean(volume, axis=0)
    before, after = relative[:, :-1].ravel() - 1, relative[:, 1:].ravel() - 1
    information = float(before @ before)
    if information == 0:
        raise ValueError("volume must differ between days, got the same day again and again")
    phi = float(before @ after) / information
    freedom = (days - 1) * (bars - 1) - 1
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
    )


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


def forecast(
    problem: Problem, alternatives: Sequence[Problem], planners: Mapping[str, Callable[[Problem], Policy]]
) -> pd.DataFrame:
    """What plans made from estimates will cost, and what the error of the estimates makes of it.

    Every plan is made for ``problem`` and priced in each of the ``alternatives``, the markets that the data allow;
    there it is also made anew, which says what knowing the market better would be worth. Costs are exact
    (`optexec.exact_value`).

    Args:
        problem: made of the estimates.
        alternatives: made of draws of them, such as those of `Calibration.resampled`.
        planners: how each policy is made from the problem that it believes in, by name.

    Returns:
        A DataFrame by policy with ``cost``, E[IS] in ``problem`` [$], and its 2.5% and 97.5% quantiles over the
        alternatives in ``cost_low`` and ``cost_high``; ``objective`` (J) with its two likewise; ``regret``, the mean
        over the alternatives of J of the plan over J of the plan made anew, less 1, and ``regret_high``, its 97.5%
        quantile.

    Raises:
        ValueError: no alternatives, or a problem or policy that `optexec.exact_value` refuses.
    """
    if not alternatives:
        raise ValueError("alternatives must hold at least one problem, got none")
    rows = {}
    for name, make in planners.items():
        plan = make(problem)
        cost, objective = _bill(problem, plan)
        bills = np.array([_bill(other, plan) for other in alternatives])
        anew = np.array([exact_value(other, make(other)) for other in alternatives])
        regret = bills[:, 1] / anew - 1
        (cost_low, objective_low), (cost_high, objective_high) = np.quantile(bills, [0.025, 0.975], axis=0)
        rows[name] = {
            "cost": cost,
            "cost_low": cost_low,
            "cost_high": cost_high,
            "objective": objective,
            "objective_low": objective_low,
            "objective_high": objective_high,
            "regret": regret.mean(),
            "regret_high": np.quantile(regret, 0.975),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def _bill(problem: Problem, policy: Policy) -> tuple[float, float]:
    """E[IS] and J of a policy [$]."""
    return exact_value(problem.replace(risk_aversion=0.0), policy), exact_value(problem, policy)
