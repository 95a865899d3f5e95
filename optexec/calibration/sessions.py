"""When a market trades: sessions, half days and breaks, from `exchange_calendars` or as they are told."""

from __future__ import annotations

import datetime
import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd

__all__ = ["hours", "inside", "of_calendar", "of_hours", "short", "zone_of"]

DAY = pd.Timedelta(days=1)


def hours(session: Sequence[Any]) -> tuple[pd.Timedelta, ...]:
    """Open and close, or open, break and close, as times of the day.

    Raises:
        ValueError: not two or four times that increase (the last may be the next day's).
    """
    try:
        times = [
            pd.Timedelta(f"{each}:00" if str(each).count(":") == 1 else str(each))
            if isinstance(each, str | datetime.time)
            else pd.Timedelta(each)
            for each in session
        ]
    except (ValueError, TypeError):
        times = []
    fine = len(times) in (2, 4) and not isinstance(session, str) and all(pd.Timedelta(0) <= t <= DAY for t in times)
    if fine and len(times) == 2 and times[1] <= times[0]:
        times[1] += DAY
    if not fine or any(later <= sooner for sooner, later in itertools.pairwise(times)):
        raise ValueError(
            f"session must be two times of the day such as ('09:30', '16:00'), or four with a break, got {session!r}"
        )
    return tuple(times)


def _calendar(name: str, first: pd.Timestamp, last: pd.Timestamp) -> Any:
    """The calendar of an exchange over a range of days.

    Raises:
        ValueError: no such calendar, or days that it does not know.
    """
    import exchange_calendars  # it takes a moment to import

    try:
        with warnings.catch_warnings():  # 4.13 uses what pandas 4 will change
            warnings.simplefilter("ignore", DeprecationWarning)
            return exchange_calendars.get_calendar(
                name, start=first.normalize() - 7 * DAY, end=last.normalize() + 7 * DAY
            )
    except exchange_calendars.errors.InvalidCalendarName:
        raise ValueError(
            f"calendar must be a name that exchange_calendars knows, such as 'XNYS', 'XLON' or 'XHKG', got {name!r}"
        ) from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"calendar {name!r} does not cover {first.date()} to {last.date()}: {error}") from None


def zone_of(name: str) -> str:
    """The zone of an exchange.

    Raises:
        ValueError: no such calendar.
    """
    now = pd.Timestamp("2020-01-31")
    return str(_calendar(name, now, now).tz)


def of_calendar(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Sessions by their date: open, break_start, break_end and close on the exchange's clock; NaT where no break is."""
    calendar = _calendar(name, first, last)
    table: pd.DataFrame = calendar.schedule.apply(lambda times: times.dt.tz_convert(calendar.tz).dt.tz_localize(None))
    return table[["open", "break_start", "break_end", "close"]].astype("datetime64[ns]")


def of_hours(times: Sequence[pd.Timedelta], days: pd.DatetimeIndex) -> pd.DataFrame:
    """The same of equal sessions on the given days."""
    opens, closes = days + times[0], days + times[-1]
    pause = (days + times[1], days + times[2]) if len(times) == 4 else (pd.NaT, pd.NaT)
    table = pd.DataFrame({"open": opens, "break_start": pause[0], "break_end": pause[1], "close": closes}, index=days)
    return table.astype("datetime64[ns]")


def inside(
    time: pd.Series[Any], volume: pd.Series[Any], day: pd.Series[Any], table: pd.DataFrame
) -> tuple[pd.Series[Any], str]:
    """Which bars lie in their day's session, and which end of a bar its time is.

    A file whose bars stand at the close and not at the open has the ends of bars; one that has both and others besides
    trades outside the session, and the busier of the two tells. One that has both and no other keeps both: the last is
    that of the closing auction.

    Args:
        time: of each bar.
        volume: of each bar.
        day: of each bar, its session's date.
        table: sessions, as of `of_calendar`.
    """
    known = day.isin(table.index)
    times = table.reindex(day).set_index(time.index)
    at_open, at_close = time == times["open"], time == times["close"]
    days = max(day[known].nunique(), 1)
    opened, closed = at_open.sum() / days >= 0.5, at_close.sum() / days >= 0.5
    longer = day[known & ((time < times["open"]) | (time > times["close"]))].nunique() / days >= 0.5
    both = bool(opened and closed)
    ends = bool(closed and not opened)
    if both and longer:
        both, ends = False, bool(volume[at_close].median() > volume[at_open].median())
    if ends:
        within = (time > times["open"]) & (time <= times["close"])
        pause = (time > times["break_start"]) & (time <= times["break_end"])
    else:
        within = (time >= times["open"]) & ((time < times["close"]) | (both & at_close))
        pause = (time >= times["break_start"]) & (time < times["break_end"])
    return known & within & ~pause, "end" if ends else "start"


def short(table: pd.DataFrame) -> pd.Series[Any]:
    """Which sessions are shorter than usual: half days and late openings."""
    pause = (table["break_end"] - table["break_start"]).fillna(pd.Timedelta(0))
    length = table["close"] - table["open"] - pause
    return length.lt(length.median())
