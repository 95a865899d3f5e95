"""Times out of whatever files write for them: no format is guessed row by row, and what is ambiguous is asked."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

__all__ = ["Clock", "Zone", "local", "read_stamps", "zones"]

Zone = str | tuple[str, str] | None

UNITS = ("s", "ms", "us", "ns")

PACKED = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])(\d{4}|\d{6})")
"""Digits that are a date with a time, 202602021000, and no seconds of an epoch."""

DATE = (
    r"(?:(?P<Y>\d{4})[-./](?P<M>\d{1,2})[-./](?P<D>\d{1,2})"
    r"|(?P<a>\d{1,2})[-./](?P<b>\d{1,2})[-./](?P<y>\d{4}|\d{2})"
    r"|(?P<cY>\d{4})(?P<cM>\d{2})(?P<cD>\d{2}))"
)
TIME = (
    r"(?:(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}(?:[.,]\d+)?))?\s*(?:(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"|(?P<packed>\d{3,6})(?:\.\d+)?)"
)
ZONE = (
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?:UTC|GMT)?(?P<sign>[+-])(?P<oh>\d{2}):?(?P<om>\d{2})?"
    r"|(?P<zone>[A-Z][A-Za-z]+/[A-Za-z_/]+)|[A-Z]{1,3}T)"
)
PATTERN = re.compile(rf"{DATE}(?:[ T,;_-]*{TIME}(?:{ZONE})?)?")
"""Date, in one of three orders, time, with colons or packed, and what says the zone."""


class Clock(NamedTuple):
    """Times of a column."""

    wall: pd.Series[Any]
    """as they are written, without a zone; NaT where nothing could be read"""
    utc: pd.Series[Any] | None
    """the same in UTC, where they say it"""
    fixed: bool
    """whether what they say is UTC and nothing else: no exchange's own clock"""
    said: str
    """how they were read, where that is not plain"""


def read_stamps(date: pd.Series[Any], time: pd.Series[Any] | None, unit: str | None, dayfirst: bool | None) -> Clock:
    """Times from a column, or from two for date and time.

    Raises:
        ValueError: dates that may be read in two ways.
    """
    if pd.api.types.is_datetime64_any_dtype(date) and time is None:
        if date.dt.tz is None:
            return Clock(date.dt.as_unit("ns"), None, False, "")
        utc = date.dt.tz_convert("UTC").dt.tz_localize(None).dt.as_unit("ns")
        wall = date.dt.tz_localize(None).dt.as_unit("ns")
        return Clock(wall, utc, str(date.dt.tz) in ("UTC", "utc", "UTC+00:00", "Etc/UTC"), "")
    texts = _texts(date)
    if time is not None:
        texts = [
            day
            if day is None or ":" in re.sub(r"[ T]00:00(:00)?$", "", day)
            else f"{day[:10].strip()} {at or ''}".strip()
            for day, at in zip(texts, _times(time), strict=True)
        ]
    else:
        there = [text for text in texts if text is not None]
        digits = [text for text in there if re.fullmatch(r"\d{9,19}(\.\d+)?|\d{5}\.\d+", text)]
        if unit is not None or (len(digits) > 0.5 * len(there) and not all(map(PACKED.fullmatch, digits))):
            return _epoch(texts, date.index, unit)
    return _written(texts, date.index, dayfirst)


def _texts(column: pd.Series[Any]) -> list[str | None]:
    """Texts, of numbers their digits; None where there is nothing."""
    whole = pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 == 0).all())
    return [None if pd.isna(x) else str(int(x)) if whole else str(x).strip() for x in column.astype(object)]


def _times(column: pd.Series[Any]) -> list[str | None]:
    """Times of day as texts; zeros that a number lost in front come back."""
    texts = _texts(column)
    longest = max((len(text) for text in texts if text is not None and text.isdigit()), default=0)
    wide = 6 if longest > 4 else 4
    return [text.zfill(wide) if text is not None and text.isdigit() else text for text in texts]


def _epoch(texts: Sequence[Any], index: pd.Index[Any], unit: str | None) -> Clock:
    """Times counted from 1970 in UTC, in a unit that their size tells; or from 1900 in days, as workbooks do."""
    value = pd.to_numeric(pd.Series(texts, index=index, dtype=object), errors="coerce")
    size = float(value.median())
    if unit is None and size < 1e5:
        wall = pd.to_datetime(value.astype("float64"), unit="D", origin="1899-12-30", errors="coerce").dt.round("s")
        return Clock(wall.dt.as_unit("ns"), None, False, "days of a workbook")
    known = unit or UNITS[int(np.clip((np.log10(max(size, 1.0)) - 8) // 3, 0, 3))]
    utc = pd.to_datetime(value, unit=known, errors="coerce").dt.as_unit("ns")  # type: ignore[call-overload]
    return Clock(utc, utc, True, f"{known} since 1970")


def _written(texts: Sequence[str | None], index: pd.Index[Any], dayfirst: bool | None) -> Clock:
    """Times that are written out."""
    found = [PATTERN.fullmatch(text) if text else None for text in texts]
    swap, said = _dayfirst(texts, found, dayfirst)
    moments, offsets = np.full(len(texts), np.nan), np.full(len(texts), np.nan)
    zone = set()
    dates: list[tuple[int, int, int]] = []
    for i, match in enumerate(found):
        date, moments[i], offsets[i] = (0, 0, 0), np.nan, np.nan
        if match is not None:
            date = _date(match, swap)
            moments[i], offsets[i] = _time_of_day(match), _offset(match)
            zone.add(match["zone"])
        dates.append(date)
    wall = pd.to_datetime(
        pd.DataFrame(dates, columns=["year", "month", "day"], index=index, dtype=np.int64), errors="coerce"
    ).dt.as_unit("ns") + pd.to_timedelta(pd.Series(moments, index=index), unit="s").dt.as_unit("ns")
    words = [i for i, (text, match) in enumerate(zip(texts, found, strict=True)) if match is None and _worded(text)]
    if words:  # 02-Feb-2026 09:30
        named = pd.to_datetime(
            pd.Series([texts[i] for i in words], index=index[words]), format="mixed", errors="coerce"
        )
        wall = wall.fillna(named.dt.as_unit("ns").reindex(index))
    offset = pd.to_timedelta(pd.Series(offsets, index=index), unit="min")
    if offset.notna().sum() > 0.5 * wall.notna().sum():
        utc = wall - offset
        return Clock(wall.where(utc.notna()), utc, bool((offsets[~np.isnan(offsets)] == 0).all()), said)
    zone.discard(None)
    if len(zone) == 1 and zone <= zoneinfo.available_timezones():
        return Clock(wall, _utc(wall, zone.pop()), False, said)
    return Clock(wall, None, False, said)


def _worded(text: str | None) -> bool:
    """Whether a text may be a date with the name of a month, and a time."""
    return bool(text and re.search(r"[A-Za-z]{3}", text) and re.search(r"\d:\d\d", text))


def _date(match: re.Match[str], swap: bool) -> tuple[int, int, int]:
    """Year, month and day."""
    if match["Y"]:
        return int(match["Y"]), int(match["M"]), int(match["D"])
    if match["cY"]:
        return int(match["cY"]), int(match["cM"]), int(match["cD"])
    year = int(match["y"]) + (2000 if len(match["y"]) == 2 else 0)
    a, b = int(match["a"]), int(match["b"])
    return (year, b, a) if swap else (year, a, b)


def _time_of_day(match: re.Match[str]) -> float:
    """Seconds since midnight; 0 for a date alone, NaN for what is no time."""
    if match["packed"]:
        packed = match["packed"].zfill(4)
        packed = packed.zfill(6) if len(packed) > 4 else f"{packed}00"
        hour, minute, second = int(packed[:2]), int(packed[2:4]), float(packed[4:])
    else:
        hour, minute = int(match["h"] or 0), int(match["m"] or 0)
        second = float((match["s"] or "0").replace(",", "."))
    half = (match["half"] or "").lower()
    if half:
        hour = hour % 12 + 12 * (half == "p")
    return 3600.0 * hour + 60.0 * minute + second if hour <= 24 and minute < 60 and second < 61 else np.nan


def _offset(match: re.Match[str]) -> float:
    """Minutes that the clock is ahead of UTC, NaN if nothing says so."""
    if match["utc"]:
        return 0.0
    if not match["sign"]:
        return np.nan
    return (60.0 * int(match["oh"]) + int(match["om"] or 0)) * (1 if match["sign"] == "+" else -1)


def _dayfirst(
    texts: Sequence[str | None], found: Sequence[re.Match[str] | None], dayfirst: bool | None
) -> tuple[bool, str]:
    """Whether 02/03 is the second of March, from the dates themselves if they tell.

    Raises:
        ValueError: they do not, or they contradict each other or what was said.
    """
    rows = [i for i, match in enumerate(found) if match is not None and match["a"]]
    pairs = np.array([(int(found[i]["a"]), int(found[i]["b"])) for i in rows])  # type: ignore[index]
    if not rows:
        return bool(dayfirst), ""
    late, early = np.flatnonzero(pairs[:, 0] > 12), np.flatnonzero(pairs[:, 1] > 12)  # what can be no month
    if dayfirst is None and len(late) and len(early):
        one, other = rows[late[0]], rows[early[0]]
        raise ValueError(
            f"timestamp begins with the day in row {one} ({texts[one]}) and with the month in row {other} "
            f"({texts[other]}): write all of them as 2026-12-31"
        )
    wrong = early if dayfirst else late
    if dayfirst is not None and len(wrong):
        row = rows[wrong[0]]
        raise ValueError(f"dayfirst must be {not dayfirst} for timestamp {texts[row]!r} in row {row}, got {dayfirst}")
    if dayfirst is not None:
        return dayfirst, ""
    if len(late) or len(early):
        return bool(len(late)), "day first" if len(late) else "month first"
    first = str(texts[rows[0]])
    if first[:6].count(".") > 1:
        return True, "day first"  # 02.03.2026: nobody writes a month before a point
    steps = []
    for swap in (True, False):
        dates = {_date(found[i], swap) for i in rows}  # type: ignore[arg-type]
        days = np.unique([np.datetime64(f"{y:04}-{m:02}-{d:02}") for y, m, d in dates])
        steps.append(float(np.median(np.diff(days).astype(np.int64))) if len(days) > 2 else np.nan)
    if min(steps) <= 4 < max(steps):
        return steps[0] < steps[1], "day first" if steps[0] < steps[1] else "month first"
    raise ValueError(
        f"timestamp {first!r} in row {rows[0]} may begin with the day or the month: dayfirst=True or False"
    )


def zones(zone: Zone) -> tuple[str | None, str | None]:
    """The zone that times without one are in, and the exchange's, checked.

    Raises:
        ValueError: unknown zones.
    """
    pair: Sequence[str | None] = (None, zone) if zone is None or isinstance(zone, str) else tuple(zone)
    if len(pair) != 2:
        raise ValueError(f"zone must be a zone, or a pair of the stamps' and the exchange's, got {zone!r}")
    for each in pair:
        if each is not None:
            try:
                zoneinfo.ZoneInfo(each)
            except (ValueError, OSError, TypeError, zoneinfo.ZoneInfoNotFoundError):
                raise ValueError(f"zone must be a name such as 'America/New_York' or 'UTC', got {each!r}") from None
    return pair[0], pair[1]


def local(clock: Clock, zone: Zone, exchange: str | None) -> tuple[pd.Series[Any], pd.Series[Any], str, str]:
    """Times of the exchange's clock, times that always increase, the zone they were put on, and what is to be asked.

    Args:
        clock: times of a file.
        zone: as of `read_bars`.
        exchange: the zone of a calendar, for want of a zone.
    """
    written, wanted = zones(zone)
    wanted = wanted or exchange
    utc = clock.utc
    if utc is None and written is not None:
        utc = _utc(clock.wall, written)
    if utc is None:
        return clock.wall, clock.wall, "", ""
    if wanted is not None:
        made = utc.dt.tz_localize("UTC").dt.tz_convert(wanted).dt.tz_localize(None)
        return made, utc, wanted, ""
    if clock.fixed:
        ask = (
            "timestamps are in UTC: zone='America/New_York' (or another) makes them the exchange's clock, "
            "zone='UTC' takes them as they are"
        )
        return clock.wall, utc, "", ask
    return clock.wall, utc, "", ""


def _utc(wall: pd.Series[Any], zone: str) -> pd.Series[Any]:
    """Times of a zone in UTC; of the hour that there is twice the second, none in the hour that is left out."""
    there = wall.dt.tz_localize(zone, ambiguous=np.zeros(len(wall), dtype=np.bool_), nonexistent="NaT")
    utc: pd.Series[Any] = there.dt.tz_convert("UTC").dt.tz_localize(None)
    return utc
