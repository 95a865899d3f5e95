"""Bars of a market out of anybody's files: read, put in order, and whatever is wrong with them said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from optexec._validate import choice
from optexec.calibration import files, sessions, stamps, suspects
from optexec.calibration.days import BARS, Days, Work, at, dates, doubt, rows, some, whole_days

__all__ = ["BarReport", "Bars", "read_bars"]


@dataclass(frozen=True)
class BarReport:
    """What `read_bars` made of a file; print it before you believe what follows from it.

    Attributes:
        source: the file, or the files.
        read: which columns were read, and how the times were.
        rows: rows of the file.
        days: days that were kept.
        bars: bars a day.
        span: the first and the last of these days, as texts.
        hours: times of the day's first and last bar, and what is between bars.
        breaks: places j from 0 of the bars after which the market pauses: bar j + 1 is not the next step.
        duplicates: rows that stood there twice, number for number, and count once.
        outside: rows outside the session or the usual hours, left out.
        without_trades: bars with a volume of 0 that were kept.
        filled: bars that were missing and count as such without trades.
        left_out: days that were left out, each with its reason.
        repaired: what was put right, in words.
        suspected: what was kept though it may be wrong, in words.
    """

    source: str
    read: str
    rows: int
    days: int
    bars: int
    span: tuple[str, str]
    hours: str
    breaks: tuple[int, ...] = ()
    duplicates: int = 0
    outside: int = 0
    without_trades: int = 0
    filled: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    repaired: tuple[str, ...] = ()
    suspected: tuple[str, ...] = ()

    def __str__(self) -> str:
        days = [f"{day} ({why})" for day, why in self.left_out.items()]
        lines = [
            f"{self.source}: {self.rows:,} rows, {self.days} days of {self.bars} bars, {' to '.join(self.span)}",
            f"read        {self.read}",
            f"hours       {self.hours}",
            f"rows        {self.duplicates} twice, {self.outside} outside these hours, left out",
            f"bars        {self.without_trades} without trades, {self.filled} missing and taken for such",
            f"left out    {some(days) or 'no day'}",
            f"repaired    {some(self.repaired) or 'nothing'}",
            f"suspected   {some(self.suspected) or 'nothing'}",
        ]
        return "\n".join(lines)


class Bars(pd.DataFrame):
    """The bars that `read_bars` found: a DataFrame, every day with the same bars, and a report of how it came about.

    What is derived from it by pandas is a DataFrame like any other, without the report.

    Attributes:
        report: a `BarReport`.
    """

    _metadata = ["report"]  # noqa: RUF012  (pandas' name)
    report: BarReport

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame


def read_bars(
    source: files.Source | Sequence[files.Source],
    *,
    columns: Mapping[str, str | int] | Sequence[str] | None = None,
    zone: stamps.Zone = None,
    session: Sequence[Any] | None = None,
    calendar: str | None = None,
    symbol: str | None = None,
    unit: str | float | Mapping[str, Any] | None = None,
    dayfirst: bool | None = None,
    decimal: str | None = None,
    missing: str = "drop",
    suspect: str = "refuse",
    adjust: bool | Mapping[Any, float] | None = None,
) -> Bars:
    """Read bars from files as they come, to see what is in them before a market is estimated.

    Text with any separator and with any of the usual heads (or none, where a row is a time, open, high, low, close and
    volume), gzip, zip, parquet and feather (these two need pyarrow), or a DataFrame. Rows are sorted; rows that stand
    there twice count once; volumes that are sums since the open become volumes of bars. All that is wrong comes in one
    message, with the argument that mends it, and what was changed is in the `BarReport`.

    Args:
        source: a path or a DataFrame, or several of one market. A price is the bar's last; a timestamp is either end.
        columns: the file's names of the fields timestamp (or date and time), price, volume and symbol, where they are
            not found by themselves: ``{"price": "Kurs"}``; or names for all columns from left to right.
        zone: the exchange's zone, ``"America/New_York"``. Times with an offset, and those since 1970, are put on its
            clock, others are on it already; a pair says which clock these are on, ``("UTC", "America/New_York")``.
        session: open and close on the exchange's clock, ``("09:30", "16:00")``, or with a break between them, four
            times. What lies outside is left out.
        calendar: the exchange's name in `exchange_calendars`, ``"XNYS"``: sessions, half days, breaks and zone.
        symbol: which of several to read.
        unit: of times since 1970, ``"s"`` to ``"ns"`` (their size tells); a number for $ per unit of price; or a
            mapping of ``timestamp``, ``price`` [$] and ``volume`` [shares] to theirs: ``{"volume": 100}`` for lots.
        dayfirst: whether 02/03/2026 is in March (the dates tell, if a day is above the twelfth).
        decimal: the sign in numbers, ``"."`` or ``","`` (they tell, mostly).
        missing: what a bar that lacks, or has no trades, means: ``"drop"`` leaves its day out, ``"fill"`` takes it for
            one without trades, volume 0 at the last price. Days that lack a sixth of their bars in a row, such as half
            days, are left out in any case.
        suspect: what to do with numbers that are none or not credible: ``"refuse"``, ``"repair"`` (the last price, or
            the volume that is usual at that time, in its place), ``"drop"`` (leaves the day out) or ``"keep"``.
        adjust: splits, by the first day of the new price: ``{"2026-06-09": 7}`` divides the prices before by 7 and
            multiplies the volumes. True takes those that the prices show, False none, None refuses where they show one.

    Returns:
        Bars with the columns timestamp (datetime64), volume [shares] and price [$/share], whole days in order, and
        ``.report``.

    Raises:
        FileNotFoundError: no such file.
        ModuleNotFoundError: parquet without pyarrow.
        ValueError: all that is wrong with the file, or an argument outside what is allowed.
        TypeError: an argument of another type.

    Examples:
        >>> import pandas as pd
        >>> clock = pd.date_range("2026-02-02 10:00", periods=4, freq="h")
        >>> times = [time + pd.Timedelta(days=day) for day in range(5) for time in clock]
        >>> table = pd.DataFrame({"close": 40.0, "volume": [500, 200, 300, 600] * 5}, index=times)
        >>> print(str(read_bars(table).report).splitlines()[2])
        hours       10:00 to 13:00 every 60 min
    """
    if isinstance(source, Bars):
        return source
    choice("missing", missing, ("drop", "fill"))
    choice("suspect", suspect, ("refuse", "repair", "drop", "keep"))
    units = _units(unit)
    times = None if session is None else sessions.hours(session)
    stamps.zones(zone)
    exchange = None if calendar is None else sessions.zone_of(calendar)

    parts = files.load(source)
    name = parts[0].name if len(parts) == 1 else f"{parts[0].name} and {len(parts) - 1} more"
    work = Work(name)
    tables, read = [], []
    for part in parts:
        label = "" if len(parts) == 1 else f"{part.name}: "
        try:
            table, how = _table(part, columns, symbol, units, dayfirst, decimal, zone, exchange, work, label)
        except ValueError as error:
            work.problems.append(f"{label}{error}")
        else:
            tables.append(table)
            read.append(how)
    if not tables:
        work.stop()
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        raise ValueError(f"{name} has no bars")
    work.rows, work.read = len(table), "; ".join(dict.fromkeys(read))
    if len(tables) < len(parts) or table["time"].isna().all():
        work.stop()
    table = _one_symbol(table, symbol, work)
    bad = _judged(table, suspect, work)
    table = _in_order(table.assign(bad=bad), work)
    if not (table["volume"] > 0).any():
        work.problems.append(
            "volume is 0 or missing in every row: bars without volumes (foreign exchange, indices) say nothing of "
            "liquidity; take a file that has them"
        )
        work.stop()
    table = _sums(table, work)
    table = _adjusted(table, adjust, suspect, work)
    table = _in_session(table, times, calendar, work)
    return _bars(whole_days(table, missing, suspect, work), work)


def _units(unit: str | float | Mapping[str, Any] | None) -> dict[str, Any]:
    """The units of timestamp, price and volume.

    Raises:
        ValueError: others.
    """
    given = {"timestamp": unit} if isinstance(unit, str) else {"price": unit} if isinstance(unit, int | float) else unit
    units: dict[str, Any] = {"timestamp": None, "price": 1.0, "volume": 1.0} | dict(given or {})
    fine = len(units) == 3 and units["timestamp"] in (None, *stamps.UNITS)
    if not fine or not all(isinstance(units[name], int | float) and units[name] > 0 for name in ("price", "volume")):
        raise ValueError(
            f"unit must be one of {', '.join(stamps.UNITS)} for times since 1970, a number > 0 for $ per unit of "
            f"price, or a mapping of timestamp, price and volume to these, got {unit!r}"
        )
    return units


def _table(
    part: files.Part, columns: Any, symbol: str | None, units: Mapping[str, Any], dayfirst: bool | None,
    decimal: str | None, zone: stamps.Zone, exchange: str | None, work: Work, label: str,
) -> tuple[pd.DataFrame, str]:  # fmt: skip
    """Times, numbers and what stood there, a row a row of the file; and how it was read.

    Raises:
        ValueError: columns that are missing, or times that can be read in two ways.
    """
    found, where = files.fields(part, columns, symbol)
    sign = (
        choice("decimal", decimal, (".", ","))
        if decimal is not None
        else files.decimal_of(pd.DataFrame({name: found[name] for name in ("price", "volume")}), part.separator)
    )
    table = pd.DataFrame(index=part.table.index)
    for name in ("price", "volume"):
        table[name] = files.numbers(found[name], sign) * units[name]
        table[f"{name}_said"] = found[name].astype(object)
    first = next(name for name in ("timestamp", "date", "time") if name in found)
    rest = found.get("time") if first == "date" else None
    clock = stamps.read_stamps(found[first], rest, units["timestamp"], dayfirst)
    table["time"], table["order"], made, ask = stamps.local(clock, zone, exchange)
    work.zone = work.zone or made or None
    if ask:
        work.asked = True
        work.problems.append(ask)
    table["time_said"] = (
        found[first].astype(object) if rest is None else found[first].astype(str) + " " + rest.astype(str)
    )
    table["symbol"] = found["symbol"].astype(object) if "symbol" in found else None
    table["row"] = [f"{i} of {part.name}" if label else str(i) for i in range(len(table))]
    return table, ", ".join(
        filter(None, [where, clock.said, "decimal comma" if sign == "," else "", made and f"clock of {made}"])
    )


def _one_symbol(table: pd.DataFrame, symbol: str | None, work: Work) -> pd.DataFrame:
    """The rows of one symbol."""
    there = sorted(map(str, table["symbol"].dropna().unique()))
    if symbol is None and len(there) > 1:
        work.problems.append(f"there are {len(there)} symbols, {some(there)}: symbol={there[0]!r} reads one")
        return table[table["symbol"].astype(str) == there[0]]
    if symbol is not None and there:
        if symbol not in there:
            work.problems.append(f"symbol must be one of {some(there)}, got {symbol!r}")
            work.stop()
        return table[table["symbol"].astype(str) == symbol]
    return table


def _judged(table: pd.DataFrame, suspect: str, work: Work) -> pd.Series[Any]:
    """Which rows have numbers that are none, and what is to be said of them; rows without any are missing bars."""
    lost = table["time"].isna()
    for which, says in (
        (lost & table["time_said"].isna(), "is missing"),
        (lost & table["time_said"].notna(), "must hold dates with times"),
    ):
        if which.any():
            these = table[which]
            got = f", got {_said(these['time_said'].iloc[0])}" if says.startswith("must") else ""
            work.problems.append(f"timestamp {says}{got} in {rows(these['row'])}: mend or delete what is no bar")
    empty = table["price_said"].isna() & (table["volume_said"].isna() | table["volume"].eq(0))
    bad = pd.Series(False, index=table.index)
    for name, fine, allowed in (("price", table["price"] > 0, "> 0"), ("volume", table["volume"] >= 0, ">= 0")):
        these = table[~fine & ~empty & ~lost]
        bad |= ~fine & ~empty
        if len(these) and suspect not in ("repair", "drop"):
            work.problems.append(
                f"{name} must be finite and {allowed}, got {_said(these[f'{name}_said'].iloc[0])} in "
                f"{rows(these['row'])}: suspect='repair' puts what is usual in its place, 'drop' leaves out the day"
            )
    return bad


def _said(value: Any) -> str:
    """What stood in a cell."""
    return repr(value.item() if hasattr(value, "item") else value)


def _in_order(table: pd.DataFrame, work: Work) -> pd.DataFrame:
    """Rows in the order of time, each time once."""
    table = table[table["time"].notna()]
    steps = table["order"].diff().iloc[1:]
    if (steps < pd.Timedelta(0)).any():
        newest = bool((steps <= pd.Timedelta(0)).all())
        work.repaired.append("newest first, turned round" if newest else "rows out of order, sorted")
    table = table.sort_values("order", kind="stable")
    same = table.duplicated(["order", "price", "volume"]) & ~table["bad"]
    work.duplicates = int(same.sum())
    table = table[~same]
    if not table["time"].dt.normalize().duplicated().any():
        work.problems.append(
            f"there must be at least {BARS} bars a day, got {len(table)} days of one: are these daily?"
        )
        work.stop()
    again = table[table.duplicated("order")]
    if len(again):
        first = table[table["order"] == again["order"].iloc[0]]
        many = f" ({len(again)} times in all)" if len(again) > 1 else ""
        work.problems.append(
            f"timestamps must increase, but {rows(first['row'])} have the same, {first['time'].iloc[0]}, and other "
            f"numbers{many}: delete all but one of each, or name the column that tells them apart, "
            "columns={'symbol': ...}"
        )
        table = table[~table.duplicated("order")]
    return table


def _sums(table: pd.DataFrame, work: Work) -> pd.DataFrame:
    """Volumes of bars where there were sums of them."""
    day = table["time"].dt.normalize()
    kind = suspects.cumulative(table["volume"], day)
    if not kind:
        return table
    work.repaired.append(f"volume is cumulative, since the first bar of the {kind}: differences taken")
    volume = table["volume"].diff() if kind == "file" else table["volume"].groupby(day).diff().fillna(table["volume"])
    return table.assign(volume=volume)[volume.notna()]


def _adjusted(table: pd.DataFrame, adjust: bool | Mapping[Any, float] | None, suspect: str, work: Work) -> pd.DataFrame:
    """Prices and volumes on one footing, and prices that are not credible marked."""
    day = table["time"].dt.normalize()
    if isinstance(adjust, Mapping):
        for date, ratio in adjust.items():
            table = _divided(table, day < _date(date), _ratio(ratio), date, work)
    odd = pd.Series(suspects.odd_prices(table["price"].to_numpy(), day.to_numpy()), index=table.index)
    table = table.assign(odd=odd)
    sound = table["price"].where(~odd & ~table["bad"]).dropna()
    ends = sound.groupby(day).agg(["first", "last"])
    found = suspects.splits(ends["last"].to_numpy(), ends["first"].to_numpy())
    if odd.any():
        doubt("price", table["price"][odd], table["row"][odd], suspect, work)
    if odd.any() and suspect == "repair":
        left = suspects.odd_prices(table["price"].mask(odd).ffill().to_numpy(), day.to_numpy())
        if left.any():
            work.problems.append(
                f"price changes its level at {rows(table['row'][left])}, which suspect='repair' cannot mend: "
                "suspect='drop' leaves out the day"
            )
    cure = ", ".join(f"'{ends.index[d].date()}': {ratio:g}" for d, ratio in found.items())
    moved = some(
        f"{ends['last'].iloc[d - 1]:g} to {ends['first'].iloc[d]:g} before {ends.index[d].date()}" for d in found
    )
    if adjust is True:
        for d, ratio in found.items():
            table = _divided(table, day < ends.index[d], ratio, ends.index[d].date(), work)
    elif found and (adjust is False or suspect == "keep"):
        work.suspected.append(f"price over night from {moved}, kept")
    elif found:
        work.problems.append(
            f"price goes over night from {moved}, as at a split of {some(f'{ratio:g}' for ratio in found.values())}: "
            f"adjust={{{cure}}} puts what is before on the new footing, adjust=False keeps it"
        )
    whole = table["price"].dropna()
    if len(whole) and (whole >= 10_000).all() and (whole % 1 == 0).all():
        work.suspected.append("prices are whole numbers of 10,000 and more: unit=0.0001 if they are ten-thousandths")
    return table


def _date(date: Any) -> pd.Timestamp:
    try:
        return pd.Timestamp(date).normalize()
    except (ValueError, TypeError):
        raise ValueError(f"adjust must map dates to ratios of splits, got the date {date!r}") from None


def _ratio(ratio: Any) -> float:
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < np.inf:
        raise ValueError(f"adjust must map dates to ratios > 0, such as 7 for a split of 7 to 1, got {ratio!r}")
    return float(ratio)


def _divided(table: pd.DataFrame, before: pd.Series[Any], ratio: float, date: Any, work: Work) -> pd.DataFrame:
    """Prices before a split in its new shares, and volumes."""
    if not before.any() or before.all():
        work.problems.append(f"adjust must name days of the file after its first, got {date}")
        return table
    work.repaired.append(f"split of {ratio:g} on {date}")
    price = table["price"].where(~before, table["price"] / ratio)
    return table.assign(price=price, volume=table["volume"].where(~before, table["volume"] * ratio))


def _in_session(
    table: pd.DataFrame, times: Sequence[pd.Timedelta] | None, calendar: str | None, work: Work
) -> pd.DataFrame:
    """With the day and the time of the day of each bar; without those outside the session."""
    time = table["time"]
    schedules = []
    if calendar is not None:
        schedules.append(sessions.of_calendar(calendar, time.min(), time.max()))
        before = schedules[0]["open"].dt.normalize() < schedules[0].index
        if before.mean() > 0.5:  # it opens on the evening before
            work.shift = sessions.DAY - (schedules[0]["open"] - schedules[0]["open"].dt.normalize()).mode().iloc[0]
    elif times is not None and times[-1] > sessions.DAY:
        work.shift = sessions.DAY - times[0]
    day = (time + work.shift).dt.normalize()
    if times is not None:
        days = pd.DatetimeIndex(day.unique()).sort_values()
        late = times[-1] > sessions.DAY or (work.shift > pd.Timedelta(0) and times[0] + work.shift >= sessions.DAY)
        schedules.append(sessions.of_hours(times, days - sessions.DAY if late else days).set_axis(days))
    keep = pd.Series(True, index=table.index)
    for schedule in schedules:
        within, work.ends = sessions.inside(time, table["volume"], day, schedule)
        keep &= within
    if calendar is not None:
        half = schedules[0][sessions.short(schedules[0])]
        work.half = set(half.index)
        none = pd.DatetimeIndex(day[~day.isin(schedules[0].index)].unique())
        if len(none):
            work.repaired.append(f"rows on {len(none)} days without a session left out ({dates(none)})")
        sessions_in = schedules[0].loc[day.min() : day.max()].index
        absent = sessions_in.difference(pd.DatetimeIndex(day.unique()))
        if len(absent):
            work.suspected.append(f"no bars on {len(absent)} days with a session ({dates(absent)})")
    work.outside = int((~keep).sum())
    table = table.assign(day=day, clock=time + work.shift - day)[keep]
    if table.empty:
        spread = time - time.dt.normalize()
        work.problems.append(
            f"session leaves no bars: those of the file are from {at(spread.min())} to {at(spread.max())}; see "
            "session, calendar and zone"
        )
        work.stop()
    return table


def _bars(found: Days, work: Work) -> Bars:
    """The table and its report."""
    clock = pd.TimedeltaIndex(found.volume.columns)
    times = pd.DatetimeIndex(found.volume.index).to_numpy()[:, None] + (clock - work.shift).to_numpy()
    bars = Bars(
        {
            "timestamp": times.ravel(),
            "volume": found.volume.to_numpy().ravel(),
            "price": found.price.to_numpy().ravel(),
        }
    )
    breaks = tuple(int(j) for j in np.flatnonzero(np.diff(clock.to_numpy()) > 1.5 * found.step.to_timedelta64()))
    hours = f"{work.clock(clock[0])} to {work.clock(clock[-1])} every {found.step / pd.Timedelta(minutes=1):g} min"
    hours += "".join(f", a break after {work.clock(clock[j])}" for j in breaks)
    bars.report = BarReport(
        source=work.name,
        read=work.read,
        rows=work.rows,
        days=len(found.volume),
        bars=len(clock),
        span=(str(found.volume.index[0].date()), str(found.volume.index[-1].date())),
        hours=f"{hours}, times are bars' {work.ends}s" if work.ends else hours,
        breaks=breaks,
        duplicates=work.duplicates,
        outside=work.outside,
        without_trades=found.quiet,
        filled=found.filled,
        left_out={str(day.date()): why for day, why in found.out.items()},
        repaired=tuple(work.repaired),
        suspected=tuple(work.suspected),
    )
    return bars
