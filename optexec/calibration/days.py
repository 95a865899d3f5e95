"""Rows in the order of time made to days with the same bars each: what lacks, what is too much, what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.calibration import suspects

__all__ = ["BARS", "DAYS", "Days", "Work", "at", "dates", "doubt", "rows", "some", "whole_days"]

DAYS, BARS = 5, 3
"""The fewest days, and bars a day, that are calibrated from: below, the intervals would mean nothing."""

LACKING = 1 / 3
"""Largest share of days that may be left out for lack of bars before a reader must choose what that means."""

SHOWN = 3
"""Rows, days and reasons that a message names; of the others it says how many."""

LAST = pd.Timedelta(days=1)


class Work:
    """What is found on the way: the problems, and what the report will say."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[str] = []
        self.rows = self.duplicates = self.outside = 0
        self.read = self.ends = ""
        self.zone: str | None = None
        self.asked = False
        """whether the exchange's zone is asked for: what follows from the times is not known before"""
        self.shift = pd.Timedelta(0)
        """from the clock to a day that begins with the session, where that goes over midnight"""
        self.half: set[pd.Timestamp] = set()
        """days on which the session is short"""
        self.repaired: list[str] = []
        self.suspected: list[str] = []

    def clock(self, time: Any) -> str:
        """A time since the beginning of the day, as the clock shows it."""
        return at(time - self.shift)

    def stop(self) -> None:
        """Raise all problems, if there are any."""
        found = list(dict.fromkeys(self.problems))
        if len(found) == 1:
            raise ValueError(f"{self.name}: {found[0]}")
        if found:
            said = "\n".join(f"({i}) {each}" for i, each in enumerate(found, 1))
            raise ValueError(f"{self.name} has {len(found)} problems:\n{said}")


class Days(NamedTuple):
    """Whole days: tables by day and time since its beginning."""

    volume: pd.DataFrame
    price: pd.DataFrame
    filled: int
    quiet: int
    out: Mapping[pd.Timestamp, str]
    step: pd.Timedelta


def some(texts: Iterable[Any]) -> str:
    """The first few of a list, and how many more there are."""
    said = [str(text) for text in texts]
    return ", ".join(said[:SHOWN]) + (f" and {len(said) - SHOWN} more" if len(said) > SHOWN else "")


def rows(names: Iterable[Any]) -> str:
    """Rows by their number in the file, from 0."""
    names = list(names)
    return f"row{'' if len(names) == 1 else 's'} {some(names)}"


def at(time: Any) -> str:
    """A time of the day."""
    return str(pd.Timestamp(0) + time % LAST)[11:19].removesuffix(":00")


def dates(days: Iterable[Any]) -> str:
    """Some days."""
    return some(day.date() for day in days)


def doubt(name: str, values: Iterable[float], names: Iterable[Any], suspect: str, work: Work) -> None:
    """Say of numbers that they are not credible, in the report or as a problem."""
    what = f"{name} is not credible in {rows(names)} ({some(f'{value:,.10g}' for value in values)})"
    if suspect == "keep":
        work.suspected.append(f"{what}, kept")
    elif suspect == "refuse":
        work.problems.append(
            f"{what}: suspect='repair' puts what is usual in its place, suspect='drop' leaves out the day, "
            "suspect='keep' takes it"
        )


def whole_days(table: pd.DataFrame, missing: str, suspect: str, work: Work) -> Days:
    """Every day with the same bars; what lacks some is left out, or they are filled.

    Args:
        table: day, clock (time since its beginning), volume, price, row, and whether the numbers are bad or odd.
        missing: as of `read_bars`.
        suspect: as of `read_bars`.
        work: gets the problems.

    Raises:
        ValueError: all problems that were found until here and on the way.
    """
    steps = table.groupby("day")["clock"].diff().mode()
    step = steps.iloc[0]
    moved = None if work.asked else suspects.clock_change(_by_day(table, "volume"), work.zone)
    if moved is not None:
        what = f"the day's pattern moves by an hour on {moved.date()}, when clocks change"
        if suspect == "keep":
            work.suspected.append(what)
        else:
            work.problems.append(
                f"{what}: the times are not on the exchange's clock; zone=('UTC', 'America/New_York'), or another, "
                "puts times in UTC on it, suspect='keep' takes them"
            )
    table = _usual_times(table, work)
    dead = _dead(_by_day(table, "volume"), step, work)
    table = table[~table["clock"].isin(dead)]
    volume, price = (_by_day(table, name).astype(np.float64) for name in ("volume", "price"))
    names = _by_day(table, "row")
    bad, odd = (_by_day(table, name).eq(True).to_numpy() for name in ("bad", "odd"))
    busy = suspects.odd_volumes(volume.to_numpy())
    if busy.any():
        doubt("volume", volume.to_numpy()[busy], names.to_numpy()[busy], suspect, work)
    _heaps(volume, suspect, work)
    out = {day: "half day" for day in volume.index if day in work.half}
    if suspect == "repair":
        volume, price = _mended(volume, price, names, busy, odd, work)
    elif suspect == "drop":
        out |= dict.fromkeys(volume.index[(busy | odd | bad).any(axis=1)], "not credible")
    lacks = volume.isna() | price.isna()
    quiet = volume.eq(0) & ~lacks
    unclear = work.asked or (moved is not None and suspect != "keep") or len(dead) > 0
    out = _lacking(lacks, quiet, missing, out, work, ask=not unclear)
    kept = ~volume.index.isin(list(out))
    volume, price, lacks, quiet = (each[kept] for each in (volume, price, lacks, quiet))
    if not work.problems and (len(volume) < DAYS or volume.shape[1] < BARS):
        gone = f"; left out: {some(f'{day.date()} ({why})' for day, why in out.items())}" if out else ""
        cure = "; missing='fill' takes bars that lack for ones without trades" if out and missing == "drop" else ""
        work.problems.append(
            f"there must be at least {DAYS} days of at least {BARS} bars, got {len(volume)} days of {volume.shape[1]}"
            f"{gone}{cure}"
        )
    work.stop()
    price = price.ffill(axis=1).bfill(axis=1)
    counts = (int(lacks.to_numpy().sum()), int(quiet.to_numpy().sum()))
    return Days(volume.fillna(0.0), price, *counts, dict(sorted(out.items())), step)


def _by_day(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A column by day and time of the day."""
    return table.set_index(["day", "clock"])[name].unstack()  # noqa: PD010  (each is there once)


def _usual_times(table: pd.DataFrame, work: Work) -> pd.DataFrame:
    """The bars at the times that at least half of the days have."""
    share = _by_day(table, "row").notna().mean()
    usual = share.index[share >= 0.5]
    if len(usual) == 0:
        work.problems.append("there is no time of the day at which half of the days have a bar: take longer bars")
        work.stop()
    rare = ~table["clock"].isin(usual)
    within = rare & table["clock"].between(usual[0], usual[-1]) & table["volume"].ne(0)
    if within.any():
        these = table[within]
        work.problems.append(
            f"every day must have bars at the same times, but {rows(these['row'])} ({some(these['time'])}) are at "
            f"times that most days do not have: {_core(share, work)}mend or delete them, or take longer bars"
        )
    work.outside += int((rare & ~within).sum())
    return table[~rare]


def _dead(volume: pd.DataFrame, step: pd.Timedelta, work: Work) -> pd.Index[Any]:
    """The times at which nothing was ever traded."""
    dead = volume.columns[volume.fillna(0).eq(0).all()]
    if len(dead):
        alive = volume.columns.difference(dead)
        first, end = work.clock(alive[0]), work.clock(pd.Timedelta(alive[-1]) + step)
        zeros, inside = (int(each.eq(0).to_numpy().sum()) for each in (volume, volume[alive]))
        which = f"all {zeros} bars" if inside == 0 else f"{zeros - inside} of {zeros} bars"
        work.problems.append(
            f"volume must be > 0 on some day at each time: {which} without trades lie outside {first}-{end}; "
            f"session=({first!r}, {end!r}) leaves them out"
        )
    return dead


def _heaps(volume: pd.DataFrame, suspect: str, work: Work) -> None:
    """Bars that hold a day's volume."""
    for j in suspects.heaps(volume.to_numpy()):
        what = f"volume at {work.clock(volume.columns[int(j)])} is more than that of the rest of the day, on most days"
        if suspect == "keep":
            work.suspected.append(what)
        else:
            work.problems.append(f"{what}: is it the day's? session=(...) leaves it out, suspect='keep' takes it")


def _mended(
    volume: pd.DataFrame, price: pd.DataFrame, names: pd.DataFrame, busy: NDArray[np.bool_], odd: NDArray[np.bool_],
    work: Work,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """What is usual in the place of numbers that are not credible, or none: the last price, the usual volume."""
    there = names.notna()
    no_price, no_volume = there & (odd | ~price.gt(0)), there & (busy | ~volume.ge(0))
    price = price.mask(odd | ~price.gt(0)).ffill(axis=1).bfill(axis=1).where(no_price, price)
    volume = volume.where(~no_volume, suspects.usual(volume.mask(no_volume)))
    for name, which in (("price", no_price), ("volume", no_volume)):
        if which.any(axis=None):
            work.repaired.append(f"{name} in {rows(names.to_numpy()[which.to_numpy()])}: what is usual in its place")
    return volume, price


def _lacking(
    lacks: pd.DataFrame, quiet: pd.DataFrame, missing: str, out: Mapping[Any, str], work: Work, ask: bool
) -> dict[pd.Timestamp, str]:
    """The days that are left out, with the reason; a problem where they are many."""
    out = dict(out)
    bars = lacks.shape[1]
    for day in lacks.index[_longest(lacks.to_numpy()) > max(2, bars / 6)]:
        there = lacks.columns[~lacks.loc[day]]
        span = f", {work.clock(there[0])} to {work.clock(there[-1])}" if len(there) else ""
        out.setdefault(day, f"{len(there)} of {bars} bars{span}")
    if missing == "drop":
        for day in lacks.index[(lacks | quiet).any(axis=1)]:
            kinds = ((lacks.loc[day], "missing"), (quiet.loc[day], "without trades"))
            why = [f"{some(map(work.clock, which.index[which]))} {said}" for which, said in kinds if which.any()]
            out.setdefault(day, " and ".join(why))
    gaps = lacks | quiet if missing == "drop" else lacks
    gaps = gaps[~gaps.index.isin(list(work.half))]
    days = gaps.index[gaps.any(axis=1)]
    worst = gaps.mean().sort_values(ascending=False).head(SHOWN)
    if ask and (len(days) if missing == "drop" else worst.max() * len(gaps)) > LACKING * len(gaps):
        where = ", ".join(f"{work.clock(time)} on {int(gaps[time].sum())}" for time in worst.index if worst[time] > 0)
        fill = "missing='fill' takes them for bars without trades, " if missing == "drop" else ""
        work.problems.append(
            f"{len(days)} of {len(gaps)} days lack bars or have some without trades ({where}; {dates(days)}): "
            f"{fill}{_core(1 - gaps.mean(), work)}or take longer bars"
        )
    return out


def _core(share: pd.Series[Any], work: Work) -> str:
    """The session at whose times nine days in ten have a bar, where there is one that is shorter than the day."""
    clock = share.index.to_numpy()
    step = np.diff(clock).min()
    run = (share < 0.9).cumsum()[share >= 0.9]
    run += np.append(0, np.diff(run.index.to_numpy()) > step).cumsum()
    if run.empty or len(longest := run.index[run == run.mode()[0]]) < BARS or len(longest) == len(share):
        return ""
    first, end = work.clock(longest[0]), work.clock(longest[-1] + pd.Timedelta(step))
    return f"session=({first!r}, {end!r}) has the times that most days have, "


def _longest(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The longest run of True in each row."""
    run = np.zeros(len(mask), dtype=np.intp)
    best = run.copy()
    for column in mask.T:
        run = np.where(column, run + 1, 0)
        best = np.maximum(best, run)
    return best
