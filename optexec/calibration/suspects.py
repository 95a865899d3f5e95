"""What is read without an error and is wrong all the same: found by comparing each number with the others.

Robust statistics throughout (medians, and median deviations from them): what is sought must not hide itself. The
thresholds are far outside what markets do, heavy tails included.
"""

from __future__ import annotations

import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["clock_change", "cumulative", "heaps", "odd_prices", "odd_volumes", "splits", "usual"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROBUST = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation."""

RATIOS = (1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
"""Of splits; their inverses are those of reverse splits."""


def odd_prices(price: Array, day: NDArray[Any]) -> Mask:
    """Prices far from all around them: 5% and 20 robust standard deviations of a bar from the median of seven.

    A level that stays is no spike; but no price moves by half within a bar.

    Args:
        price: (n,), in order of time, NaN where there is none.
        day: (n,), the day of each.
    """
    series = pd.Series(price)
    log = series[series > 0].map(np.log)
    if len(log) < 4:
        return np.zeros(len(price), dtype=np.bool_)
    apart = (log - log.rolling(7, center=True, min_periods=4).median()).abs()
    step = log.diff().where(pd.Series(day).loc[log.index].eq(pd.Series(day).loc[log.index].shift()))
    scale = ROBUST * float(step.abs()[step != 0].median())  # a tick may be most of what moves
    spike = apart > max(0.05, 20 * scale)
    jump = step.abs() > max(np.log(1.5), 10 * scale)
    beside = spike | spike.shift(1, fill_value=False) | spike.shift(-1, fill_value=False)
    odd = spike | (jump & ~beside)
    return np.asarray(odd.reindex(range(len(price)), fill_value=False), dtype=np.bool_)


def odd_volumes(volume: Array) -> Mask:
    """Volumes 30 times, and seven robust standard deviations of their logarithm, above what hour and day say.

    Args:
        volume: (D, B), NaN where there is none.
    """
    table = pd.DataFrame(volume).where(lambda x: x > 0)
    over = np.log((table / usual(table)).to_numpy())
    scale = ROBUST * float(np.nanmedian(np.abs(over))) if np.isfinite(over).any() else 0.0
    return np.asarray(over > max(np.log(30), 7 * scale), dtype=np.bool_)


def usual(volume: pd.DataFrame) -> pd.DataFrame:
    """What the time of the day and the day let expect of each bar: medians of the logarithm.

    Args:
        volume: by day and time of the day, NaN where there is none.
    """
    log = volume.where(volume > 0).map(np.log)
    left = log - log.median()
    return pd.DataFrame(
        np.exp(log.median().to_numpy()[None, :] + left.median(axis=1).fillna(0.0).to_numpy()[:, None]),
        index=volume.index,
        columns=volume.columns,
    )


def heaps(volume: Array) -> NDArray[np.intp]:
    """Bars of the day that hold more than all others of their day together, on most days.

    Args:
        volume: (D, B), NaN where there is none.
    """
    days, bars = volume.shape
    if bars < 7 or days == 0:
        return np.array([], dtype=np.intp)
    filled = np.nan_to_num(volume)
    more = filled > filled.sum(axis=1, keepdims=True) - filled
    return np.flatnonzero(more.mean(axis=0) > 0.5)


def cumulative(volume: pd.Series[Any], day: pd.Series[Any]) -> str:
    """Whether volumes are sums since the day's first bar ("day"), or the file's ("file"), or not ("").

    Within a day they never fall, and mostly rise. By chance the bars of one day of B rise once in B! times.
    """
    known = volume.notna()
    volume, day = volume[known], day[known]
    within = volume.groupby(day).diff().dropna()
    if len(within) < 20 or (within < 0).any() or (within > 0).mean() < 0.8:
        return ""
    between = volume.diff()[day.ne(day.shift())].dropna()
    return "file" if len(between) and (between >= 0).all() else "day"


def splits(last: Array, first: Array) -> dict[int, float]:
    """Days that open a quarter away from the last close, by place, with the nearest ratio of a split (1/2: reverse).

    Args:
        last: (D,), last price of each day.
        first: (D,), its first.
    """
    found = {}
    for d in range(1, len(first)):
        moved = float(np.log(last[d - 1] / first[d]))
        if abs(moved) > 0.25:
            ratio = min(RATIOS, key=lambda each: abs(np.log(each) - abs(moved)))
            found[d] = ratio if moved > 0 else 1 / ratio
    return found


ZONES = ("America/New_York", "Europe/London", "Australia/Sydney")
"""Zones whose changes of the clock are those of the markets that have them, near enough."""


def clock_change(volume: pd.DataFrame, zone: str | None) -> pd.Timestamp | None:
    """The day of a change of the clock from which on the day's pattern of volume stands an hour off, if there is one.

    Args:
        volume: by day and time of the day, NaN where there is none.
        zone: that the times were put on: where its own clock changes, they are right.
    """
    clock = volume.columns
    if len(volume) < 4 or len(clock) < 3:
        return None
    step = pd.Series(clock.to_numpy()).diff().mode().iloc[0]
    hour = pd.Timedelta(hours=1) / step
    if hour < 1 or hour % 1:
        return None
    axis = pd.timedelta_range(clock.min(), clock.max(), freq=step)
    even = volume.reindex(columns=axis).fillna(0.0)
    share = even.div(even.sum(axis=1), axis=0)
    for day in _changes(pd.DatetimeIndex(volume.index), zone):
        before, after = (share[part].median().to_numpy() for part in (share.index < day, share.index >= day))
        here, k = _apart(before, after), int(hour)
        if k < len(axis) - 2 and here > 0.25:
            off = min(_apart(before[k:], after[:-k]), _apart(before[:-k], after[k:]))
            if off < 0.6 * here:
                return day
    return None


def _apart(one: Array, other: Array) -> float:
    """How far two patterns are apart, each made one in sum: from 0 to 2."""
    if not (one.sum() > 0 and other.sum() > 0):
        return 2.0
    return float(np.abs(one / one.sum() - other / other.sum()).sum())


def _changes(days: pd.DatetimeIndex, zone: str | None) -> list[pd.Timestamp]:
    """Days with at least two before and one after them, before which clocks changed somewhere, and not in a zone."""
    noon = [day.to_pydatetime().replace(hour=12) for day in days]

    def changed(name: str) -> set[int]:
        offsets = [time.replace(tzinfo=zoneinfo.ZoneInfo(name)).utcoffset() for time in noon]
        return {d for d in range(2, len(days) - 1) if offsets[d] != offsets[d - 1]}

    found = set().union(*map(changed, ZONES)) - (changed(zone) if zone is not None else set())
    return [days[d] for d in sorted(found)]
