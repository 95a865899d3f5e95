"""Bars of a market, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["read_bars"]

COLUMNS = ("timestamp", "volume", "price")
"""What a table of bars must have; other columns are left alone."""

DAYS, BARS = 5, 3
"""The fewest days, and bars a day, that are calibrated from: below, the intervals would mean nothing."""


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
