"""Bars from files as they come: what is read equals the clean table, or one message says what cures it."""

from __future__ import annotations

import gzip
import importlib.util
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.calibration import BarReport, Bars, calibrate, read_bars, synthetic

MARKET = ox.Market(
    price=50.0,
    volatility=0.12,
    volume=20_000.0,
    volume_profile=tuple(ox.u_shape(13)),
    liquidity=ox.OrnsteinUhlenbeck(mean=1.0, speed=0.25, volatility=0.3, floor=0.05),
)


def clean(start: str = "2026-02-02 09:30", days: int = 10, seed: int = 1, minutes: int = 30) -> pd.DataFrame:
    """A market's bars, with open, high and low."""
    table = synthetic(MARKET, bars=13, days=days, seed=seed, start=start, minutes=minutes)
    table["open"] = table["price"].shift(1, fill_value=50.0)
    table["high"], table["low"] = table[["open", "price"]].max(axis=1), table[["open", "price"]].min(axis=1)
    return table


TABLE = clean()


def same(found: pd.DataFrame, table: pd.DataFrame = TABLE) -> None:
    """The same numbers at the same times."""
    assert list(found.columns) == ["timestamp", "volume", "price"]
    wanted = table[["timestamp", "volume", "price"]].astype({"volume": np.float64, "timestamp": "datetime64[ns]"})
    pd.testing.assert_frame_equal(
        pd.DataFrame(found).astype({"timestamp": "datetime64[ns]"}), wanted.reset_index(drop=True), rtol=1e-14
    )


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "bars.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# --- layouts


def stamped(form: str, zone: str | None = None) -> pd.Series[Any]:
    times = TABLE["timestamp"]
    return (times if zone is None else times.dt.tz_localize(zone).dt.tz_convert("UTC")).dt.strftime(form)


P, O, H, L, V = (TABLE[name].map(str) for name in ("price", "open", "high", "low", "volume"))


def lines(*columns: Any, head: str | None = None, separator: str = ",") -> str:
    rows = [separator.join(row) for row in zip(*columns, strict=True)]
    return "\n".join([*([head] if head is not None else []), *rows]) + "\n"


NEW_YORK = {"zone": "America/New_York"}
HEAD = "timestamp,open,high,low,close,volume"
PLAIN = stamped("%Y-%m-%d %H:%M:%S")
LAYOUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "alpha vantage": (lines(PLAIN, O, H, L, P, V, head=HEAD), {}),
    "yfinance": (lines(stamped("%Y-%m-%d %H:%M:%S-05:00"), O, H, L, P, V, head=HEAD.title()), {}),
    "iso with T": (lines(stamped("%Y-%m-%dT%H:%M:%S-0500"), O, H, L, P, V, head="time,open,high,low,close,Volume"), {}),
    "three rows": (
        "Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A\nDatetime,,,,,\n"
        + lines(stamped("%Y-%m-%d %H:%M:%S+00:00", "America/New_York"), P, H, L, O, V),
        NEW_YORK,
    ),
    "two symbols side by side": (
        "Price,Close,Close,Volume,Volume\nTicker,B,A,B,A\nDatetime,,,,\n"
        + lines(stamped("%Y-%m-%d %H:%M:%S+00:00", "America/New_York"), O, P, V, V),
        NEW_YORK | {"symbol": "A"},
    ),
    "polygon": (
        lines(V, O, P, [str(t.value // 10**6) for t in TABLE["timestamp"].dt.tz_localize("America/New_York")], V,
              head="v,o,c,t,n"),
        NEW_YORK,
    ),
    "tradingview": (
        lines([str(t.value // 10**9) for t in TABLE["timestamp"].dt.tz_localize("America/New_York")], O, H, L, P, V,
              head="time,open,high,low,close,Volume"),
        NEW_YORK,
    ),
    "databento": (
        lines([str(t.value) for t in TABLE["timestamp"].dt.tz_localize("America/New_York")], O, H, L, P, V, ["A"] * 130,
              head="ts_event,open,high,low,close,volume,symbol"),
        NEW_YORK,
    ),
    "ninjatrader": (lines(stamped("%Y%m%d %H%M%S"), O, H, L, P, V, separator=";"), {}),
    "metatrader": (lines(stamped("%Y.%m.%d"), stamped("%H:%M"), O, H, L, P, V), {}),
    "metatrader 5": (
        lines(stamped("%Y.%m.%d"), stamped("%H:%M:%S"), O, H, L, P, ["7"] * 130, V, ["3"] * 130, separator="\t",
              head="<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"),
        {},
    ),
    "stooq": (
        lines(["A.US"] * 130, ["30"] * 130, stamped("%Y%m%d"), stamped("%H%M%S"), O, H, L, P, V, ["0"] * 130,
              head="<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"),
        {},
    ),
    "zeros lost in front": (
        lines(stamped("%Y%m%d"), [t.lstrip("0") for t in stamped("%H%M%S")], P, V, head="date,time,close,vol"), {},
    ),
    "kibot": (lines(stamped("%m/%d/%Y"), stamped("%H:%M"), O, H, L, P, V), {}),
    "american, two columns": (lines(stamped("%m/%d/%Y"), stamped("%I:%M %p"), P, V, head="Date,Time,Last,Volume"), {}),
    "american": (
        lines(stamped("%m/%d/%y %I:%M:%S %p"), P, V, head="Date,Close/Last,Volume"),
        {"columns": {"price": "Close/Last"}},
    ),
    "british": (lines(stamped("%d/%m/%Y %H:%M"), P, V, head="Date,Price,Volume"), {}),
    "german": (
        "\ufeff" + lines(stamped("%d.%m.%Y"), stamped("%H:%M"), [f"{p:.2f}".replace(".", ",") for p in TABLE["price"]],
              [f"{v:,}".replace(",", ".") for v in TABLE["volume"]], head="Datum;Zeit;Schluss;Volumen", separator=";"),
        {},
    ),
    "french": (
        lines(stamped("%d/%m/%Y %H:%M"), [f"{p:.2f}".replace(".", ",") for p in TABLE["price"]],
              [f"{v:,}".replace(",", "\u202f") for v in TABLE["volume"]], head="Date;Clôture;Volume", separator=";"),
        {},
    ),
    "thousands": (
        lines(stamped("%Y-%m-%d %H:%M"), [f"${p:.2f}" for p in TABLE["price"]], [f'"{v:,}"' for v in TABLE["volume"]],
              head="Date,Close,Volume"),
        {},
    ),
    "named months": (lines(stamped("%d-%b-%Y %H:%M:%S"), P, V, head="Date,Close,Volume"), {}),
    "dukascopy": (
        lines(stamped("%d.%m.%Y %H:%M:%S.000 GMT-0500"), O, H, L, P, V, head="Local time,Open,High,Low,Close,Volume"),
        {},
    ),
    "interactive brokers": (lines(stamped("%Y%m%d %H:%M:%S America/New_York"), P, V, head="date,close,volume"), {}),
    "binance": (
        lines([str(t.value // 10**6) for t in TABLE["timestamp"]], O, H, L, P, V, ["0"] * 130, ["1"] * 130),
        {"zone": "UTC"},
    ),
    "cryptodatadownload": (
        "https://example.org\n" + lines([str(t.value // 10**9) for t in TABLE["timestamp"]], PLAIN,
              ["X/USD"] * 130, O, H, L, P, V, P, head="unix,date,symbol,open,high,low,close,Volume X,Volume USD"),
        {},
    ),
    "comments": ("# made by hand\n# in New York\n\n" + lines(PLAIN, P, V, head="timestamp,price,volume"), {}),
    "spaces": (lines(stamped("%Y%m%d"), stamped("%H%M"), P, V, head="date time close volume", separator=" "), {}),
    "workbook days": (
        lines([f"{(t - pd.Timestamp('1899-12-30')) / pd.Timedelta('1D'):.8f}" for t in TABLE["timestamp"]], P, V,
              head="Date,Close,Volume"),
        {},
    ),
    "an index without a name": (lines(PLAIN, P, V, head=",Close,Volume"), {}),
    "own words": (
        lines(stamped("%Y-%m-%d %H:%M:%S"), P, V, head="when,paid,dealt"),
        {"columns": {"timestamp": "when", "price": "paid", "volume": "dealt"}},
    ),
    "by place": (lines(P, V, stamped("%Y-%m-%d %H:%M:%S")), {"columns": {"price": 0, "volume": 1, "timestamp": 2}}),
    "all names": (lines(P, V, stamped("%Y-%m-%d %H:%M:%S")), {"columns": ["price", "volume", "timestamp"]}),
    "zone of the stamps": (lines(stamped("%Y-%m-%d %H:%M:%S", "America/New_York"), P, V, head="date,close,volume"),
                           {"zone": ("UTC", "America/New_York")}),
    "lots and cents": (
        lines(stamped("%Y-%m-%d %H:%M:%S"), [f"{100 * p:.0f}" for p in TABLE["price"]], V, head="date,close,volume"),
        {"unit": {"price": 0.01}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_known(name: str, file: Callable[..., Path]) -> None:
    text, options = LAYOUTS[name]
    same(read_bars(file(text), **options))
    same(read_bars(file(text.replace("\n", "\r\n")), **options))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_encodings(encoding: str, file: Callable[..., Path]) -> None:
    same(read_bars(file(LAYOUTS["french"][0].replace("\u202f", "").encode(encoding))))


# --- kinds of file


def packed(kind: str) -> bytes:
    text = LAYOUTS["alpha vantage"][0].encode()
    if kind == "gz":
        return gzip.compress(text)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        rows = text.decode().splitlines(keepends=True)
        if kind == "zip":
            archive.writestr("bars.csv", text)
            archive.writestr("__MACOSX/bars.csv", "x")
        else:
            archive.writestr("b.csv", "".join([rows[0], *rows[66:]]))
            archive.writestr("a.csv", "".join(rows[:66]))
    return content.getvalue()


@pytest.mark.parametrize(
    ("kind", "name"), [("gz", "bars.csv.gz"), ("gz", "bars.txt"), ("zip", "bars.zip"), ("zips", "b")]
)
def test_packed_files(kind: str, name: str, file: Callable[..., Path]) -> None:
    same(read_bars(file(packed(kind), name)))


def test_several_files_are_one(file: Callable[..., Path]) -> None:
    rows = LAYOUTS["alpha vantage"][0].splitlines(keepends=True)
    first, second = file("".join(rows[:66])), file("".join([rows[0], *rows[60:]]), "more.csv")
    found = read_bars([second, first])
    same(found)
    assert found.report.duplicates == 6
    with pytest.raises(ValueError, match=r"row 3 of .*more\.csv"):
        read_bars([first, file("".join([rows[0], *rows[66:69], "2026-02-09,no,1,1,x,1\n", *rows[70:]]), "more.csv")])


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_columnar_files(kind: str, tmp_path: Path) -> None:
    table = TABLE.assign(timestamp=TABLE["timestamp"].dt.tz_localize("America/New_York"))
    path = tmp_path / "bars"
    (table if kind == "feather" else table.set_index("timestamp")).__getattribute__(f"to_{kind}")(path)
    same(read_bars(path))


def test_without_pyarrow_it_says_what_to_install(file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'optexec\[parquet\]'"):
        read_bars(file(b"PAR1...", "bars.parquet"))


TIMED = TABLE.set_index("timestamp")
FRAMES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "plain": (TABLE, {}),
    "an index of times": (TIMED, {}),
    "without a name": (TIMED.rename_axis(None), {}),
    "with a zone": (TIMED.tz_localize("America/New_York"), {}),
    "in UTC": (TIMED.tz_localize("America/New_York").tz_convert("UTC"), NEW_YORK),
    "yfinance's columns": (
        TIMED[["price", "volume"]].set_axis(pd.MultiIndex.from_product([["Close", "Volume"], ["A"]]), axis=1), {},
    ),
    "symbol and time": (pd.concat({"A": TIMED, "B": 2 * TIMED}, names=["symbol"]), {"symbol": "A"}),
    "texts": (TABLE.astype(str), {}),
    "whole numbers": (
        TABLE.assign(date=TABLE["timestamp"].dt.strftime("%Y%m%d").astype(int),
                     time=TABLE["timestamp"].dt.strftime("%H%M%S").astype(int))[["date", "time", "price", "volume"]],
        {},
    ),
    "other rows' numbers": (TABLE.set_axis(np.arange(130) * 3 + 7), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_read(name: str) -> None:
    table, options = FRAMES[name]
    before = table.copy()
    same(read_bars(table, **options))
    pd.testing.assert_frame_equal(table, before)


def test_what_was_read_is_not_read_again() -> None:
    found = read_bars(TABLE)
    assert isinstance(found, Bars)
    assert read_bars(found) is found
    assert not isinstance(found[found["price"] > 0], Bars)
    assert calibrate(found).report == calibrate(TABLE).report == found.report


# --- what is put in order, and counted


def report(table: pd.DataFrame, **options: Any) -> BarReport:
    """The report on a table that is read as the clean one."""
    found = read_bars(table, **options)
    same(found)
    assert 1 < len(str(found.report).splitlines()) <= 10
    return found.report


def test_rows_are_sorted_and_twins_count_once() -> None:
    twins = pd.concat([TABLE, TABLE.iloc[[17, 40]]]).sort_values("timestamp", ascending=False)
    said = report(twins)
    assert (said.duplicates, said.rows) == (2, 132)
    assert "newest first" in str(said)
    assert "out of order" in str(report(TABLE.sample(frac=1, random_state=0)))
    other = pd.concat([TABLE, TABLE.iloc[[17]].assign(price=50.0)])
    with pytest.raises(ValueError, match=r"rows 17, 130 have the same, .* and other numbers"):
        read_bars(other.reset_index(drop=True))


def extended(volume: int = 0) -> pd.DataFrame:
    """With bars before and after the session."""
    rows = [TABLE]
    for hours in (-1.5, -1.0, -0.5, 6.5, 7.0):
        opening = TABLE.iloc[::13]
        rows.append(opening.assign(timestamp=opening["timestamp"] + pd.Timedelta(hours=hours), volume=volume))
    return pd.concat(rows, ignore_index=True).sort_values("timestamp", ignore_index=True)


def test_bars_outside_the_session() -> None:
    with pytest.raises(ValueError, match=r"all 50 bars without trades .* 09:30-16:00; session=\('09:30', '16:00'\)"):
        read_bars(extended())
    for volume in (0, 700):
        for options in ({"session": ("09:30", "16:00")}, {"calendar": "XNYS"}):
            said = report(extended(volume), **options)
            assert said.outside == 50
            assert "bars' starts" in said.hours
    assert read_bars(extended(700)).report.bars == 18


def test_the_ends_of_bars_are_in_their_session() -> None:
    ends = TABLE.assign(timestamp=TABLE["timestamp"] + pd.Timedelta(minutes=30))
    found = read_bars(ends, session=("09:30", "16:00"))
    same(found, ends)
    assert "bars' ends" in found.report.hours
    later = extended(700)
    later["timestamp"] += pd.Timedelta(minutes=30)
    same(read_bars(later, calendar="XNYS"), ends)


def gappy() -> pd.DataFrame:
    """A half day, a day that lacks two bars, and a bar without trades."""
    table = clean(days=12)
    table.loc[table.index[9 * 13 + 6], "volume"] = 0
    return table.drop(index=[*range(4 * 13 + 7, 5 * 13), 7 * 13 + 5, 7 * 13 + 6]).reset_index(drop=True)


def test_days_that_lack_bars() -> None:
    whole = [d for d in range(12) if d not in (4, 7, 9)]
    table = clean(days=12)
    found = read_bars(gappy())
    same(found, pd.concat([table.iloc[13 * d : 13 * d + 13] for d in whole]))
    assert found.report.left_out == {
        "2026-02-06": "7 of 13 bars, 09:30 to 12:30",
        "2026-02-11": "12:00, 12:30 missing",
        "2026-02-13": "12:30 without trades",
    }
    filled = read_bars(gappy(), missing="fill")
    said = filled.report
    assert (said.days, said.filled, said.without_trades, list(said.left_out)) == (11, 2, 1, ["2026-02-06"])
    day = filled.iloc[6 * 13 : 7 * 13]
    assert day["volume"].iloc[5:7].tolist() == [0.0, 0.0]
    assert day["price"].iloc[5:7].tolist() == [day["price"].iloc[4]] * 2


def test_half_days_and_holidays_of_a_calendar() -> None:
    table = clean(start="2025-12-15 09:30", days=14)  # 24 December is a half day, 25 December a holiday
    found = read_bars(table, calendar="XNYS")
    assert list(found.report.left_out) == ["2025-12-24"]
    assert "2025-12-25" in str(found.report)
    assert found.report.days == 14 - 3
    absent = read_bars(table[table["timestamp"].dt.day != 17], calendar="XNYS").report
    assert "2025-12-17" in str(absent.suspected)


def test_a_break_is_no_step() -> None:
    lunch = TABLE.drop(index=[13 * d + j for d in range(10) for j in (5, 6)]).reset_index(drop=True)
    found = read_bars(lunch)
    assert found.report.breaks == (4,)
    assert "break after 11:30" in found.report.hours
    level = lunch["volume"].to_numpy(np.float64).reshape(10, 11)
    level = level / level.mean(axis=0) - 1
    inner = [0, 1, 2, 3, 5, 6, 7, 8, 9]
    before, after = level[:, inner].ravel(), level[:, [j + 1 for j in inner]].ravel()
    made = calibrate(lunch, floor=0.02)
    assert made.speed.value == pytest.approx(1 - before @ after / (before @ before))
    moves = np.diff(lunch["price"].to_numpy().reshape(10, 11), axis=1)
    assert made.volatility.value == pytest.approx(np.sqrt((moves[:, inner] ** 2).mean()))
    assert made.breaks[4].value == pytest.approx(np.sqrt((moves[:, 4] ** 2).mean()))
    assert "over break 4" in repr(made)
    assert list(made.resampled(1)[0].breaks) == [4]
    told = read_bars(TABLE, session=("09:30", "12:00", "13:00", "16:00"))
    same(told, lunch)
    assert (told.report.breaks, told.report.outside) == ((4,), 20)


def test_a_session_over_midnight() -> None:
    night = TABLE.assign(timestamp=TABLE["timestamp"] + pd.Timedelta(hours=9))  # 18:30 to 00:30
    found = read_bars(night, session=("18:30", "01:00"))
    same(found, night)
    assert found.report.days == 10
    assert found.report.hours.startswith("18:30 to 00:30 every 30 min")


# --- what is read without an error, and wrong


def spoiled(row: int, **values: Any) -> pd.DataFrame:
    table = TABLE.astype({"volume": np.float64})
    for name, value in values.items():
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize("row", [0, 1, 12, 13, 60, 128, 129])
@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0, 1.25])
def test_a_bad_print_is_named(row: int, factor: float) -> None:
    table = spoiled(row, price=TABLE["price"][row] * factor)
    with pytest.raises(ValueError, match=rf"price is not credible in row {row} .*suspect='repair'") as error:
        read_bars(table)
    assert "problems" not in str(error.value)
    truth = calibrate(TABLE, floor=0.02).volatility.value
    assert calibrate(table, suspect="repair", floor=0.02).volatility.value == pytest.approx(truth, rel=0.05)
    dropped = read_bars(table, suspect="drop").report
    assert list(dropped.left_out.values()) == ["not credible"]
    assert f"row {row}" in str(read_bars(table, suspect="keep").report)


def test_a_level_that_changes_within_a_day_is_not_mended() -> None:
    table = TABLE.assign(price=TABLE["price"].where(~TABLE.index.isin(range(40, 46)), 10 * TABLE["price"]))
    with pytest.raises(ValueError, match="price is not credible in rows 40, 46"):
        read_bars(table)
    with pytest.raises(ValueError, match=r"price changes its level at row.* suspect='repair' cannot mend"):
        read_bars(table, suspect="repair")
    assert list(read_bars(table, suspect="drop").report.left_out) == ["2026-02-05"]


@pytest.mark.parametrize("row", [0, 12, 77, 129])
@pytest.mark.parametrize("factor", [100, 400, 1e4])
def test_a_bad_volume_is_named(row: int, factor: float) -> None:
    table = spoiled(row, volume=TABLE["volume"][row] * factor)
    with pytest.raises(ValueError, match=rf"volume is not credible in row {row} .*suspect='repair'"):
        read_bars(table)
    truth = calibrate(TABLE, floor=0.02)
    mended = calibrate(table, suspect="repair", floor=0.02)
    assert mended.volume.value == pytest.approx(truth.volume.value, rel=0.02)
    assert mended.volatility.value == truth.volatility.value
    assert mended.report is not None
    assert f"volume in row {row}" in str(mended.report)


def test_wild_markets_are_credible() -> None:
    """Heavy tails, news and busy days are no faults of a file."""
    noise = np.random.default_rng(0)
    for _ in range(10):
        days = np.repeat(np.exp(0.5 * noise.standard_normal(60)), 13)
        volume = np.ceil(1e4 * days * np.exp(0.5 * noise.standard_t(10, 780)))
        moves = 0.004 * noise.standard_t(4, 780)
        moves[::13] += 0.03 * noise.standard_normal(60)
        moves[400] += 0.12  # news, and the level stays
        read_bars(clean(days=60).assign(volume=volume, price=50 * np.exp(np.cumsum(moves))))


def test_a_tick_may_be_large() -> None:
    """A stock at five cents that moves by one of them now and then."""
    noise = np.random.default_rng(1)
    ticks = 5 + np.cumsum(noise.choice([-1, 0, 0, 0, 0, 0, 0, 0, 1], 130)) % 4
    same(read_bars(TABLE.assign(price=ticks / 100), adjust=False), TABLE.assign(price=ticks / 100))


@pytest.mark.parametrize("kind", ["day", "file"])
def test_cumulative_volumes_become_those_of_bars(kind: str) -> None:
    days = TABLE["volume"].groupby(TABLE["timestamp"].dt.date)
    summed = TABLE.assign(volume=days.cumsum() if kind == "day" else 10**6 + TABLE["volume"].cumsum())
    found = read_bars(summed)
    assert "cumulative" in str(found.report.repaired)
    if kind == "day":
        same(found)
    else:
        same(found, TABLE.iloc[13:])


@pytest.mark.parametrize("ratio", [2, 7, 20, 0.1, 1.5])
def test_a_split_is_asked_about(ratio: float) -> None:
    split = TABLE.assign(
        price=TABLE["price"].where(TABLE.index >= 65, TABLE["price"] * ratio),
        volume=TABLE["volume"].where(TABLE.index >= 65, TABLE["volume"] / ratio),
    )
    date = "2026-02-09"
    with pytest.raises(ValueError, match=rf"split of {ratio:g}: adjust={{'{date}': {ratio:g}}}"):
        read_bars(split)
    for adjust in ({date: ratio}, True):
        found = read_bars(split, adjust=adjust)
        pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(read_bars(TABLE)), rtol=1e-12)
        assert "split" in str(found.report.repaired)
    assert date in str(read_bars(split, adjust=False).report.suspected)


def test_the_bar_that_holds_a_day() -> None:
    table = TABLE.astype({"volume": np.float64})
    table.loc[table.index % 13 == 12, "volume"] = 3e5
    with pytest.raises(ValueError, match="volume at 15:30 is more than that of the rest of the day"):
        read_bars(table)


def test_days_and_months() -> None:
    few = clean(start="2026-02-02 09:30", days=9)  # to the twelfth: nothing is above twelve
    for form, dayfirst in (("%d/%m/%Y %H:%M", True), ("%m/%d/%Y %H:%M", False)):
        text = few.assign(timestamp=few["timestamp"].dt.strftime(form))
        same(read_bars(text), few)
        assert ("day first" if dayfirst else "month first") in read_bars(text).report.read
        with pytest.raises(ValueError, match=r"dayfirst must be"):
            read_bars(TABLE.assign(timestamp=TABLE["timestamp"].dt.strftime(form)), dayfirst=not dayfirst)
    two = TABLE.assign(timestamp=TABLE["timestamp"].dt.strftime("%d/%m/%Y %H:%M")).iloc[:26]
    with pytest.raises(ValueError, match="dayfirst=True or False"):
        read_bars(two)
    mixed = TABLE["timestamp"].dt.strftime("%d/%m/%Y %H:%M").mask(TABLE.index < 30, "02/13/2026 10:00")
    with pytest.raises(ValueError, match=r"begins with the day in row .* with the month in row 0"):
        read_bars(TABLE.assign(timestamp=mixed))


SPRING = clean(start="2026-03-02 09:30")
"""Over New York's change of the clock."""


def test_utc_over_a_change_of_the_clock() -> None:
    utc = SPRING.assign(timestamp=SPRING["timestamp"].dt.tz_localize("America/New_York").dt.tz_convert("UTC"))
    with pytest.raises(ValueError, match="timestamps are in UTC: zone="):
        read_bars(utc)
    same(read_bars(utc, zone="America/New_York"), SPRING)
    same(read_bars(utc, calendar="XNYS"), SPRING)
    naive = utc.assign(timestamp=utc["timestamp"].dt.tz_localize(None))
    for options in ({}, {"missing": "fill"}, {"session": ("13:30", "21:00")}):
        with pytest.raises(ValueError, match=r"moves by an hour on 2026-03-09.*zone=\('UTC', 'America/New_York'\)"):
            read_bars(naive, **options)
    same(read_bars(naive, zone=("UTC", "America/New_York")), SPRING)
    fixed = naive.assign(timestamp=naive["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%S-05:00"))
    with pytest.raises(ValueError, match="an hour on 2026-03-09"):
        read_bars(fixed)


@pytest.mark.parametrize("seed", range(8))
def test_a_fixed_window_in_utc(seed: int) -> None:
    """14:30 to 21:00 UTC is half past nine to four in winter, and an hour later in summer."""
    whole = clean(start="2026-02-25 09:30", days=16, seed=seed)
    late = pd.concat(
        [
            whole,
            whole.iloc[12::13].assign(timestamp=lambda t: t["timestamp"] + pd.Timedelta(minutes=30), volume=300),
            whole.iloc[12::13].assign(timestamp=lambda t: t["timestamp"] + pd.Timedelta(minutes=60), volume=200),
        ]
    )
    utc = late.assign(timestamp=late["timestamp"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")).sort_values(
        "timestamp"
    )
    clock = utc["timestamp"].dt.strftime("%H:%M")
    window = utc[(clock >= "14:30") & (clock < "21:00")].reset_index(drop=True)
    with pytest.raises(ValueError, match="an hour on 2026-03-09"):
        read_bars(window, zone="UTC")
    assert "an hour on 2026-03-09" in str(read_bars(window, zone="UTC", suspect="keep").report)
    with pytest.raises(ValueError, match=r"lack bars .*09:30 on 8"):
        read_bars(window, zone="America/New_York", session=("09:30", "16:00"))
    assert read_bars(window, zone="America/New_York", session=("10:30", "16:00")).report.bars == 11


@pytest.mark.parametrize("seed", range(12))
def test_a_change_of_the_clock_alone_is_no_fault(seed: int) -> None:
    same(read_bars(clean(start="2026-03-02 09:30", seed=seed)), clean(start="2026-03-02 09:30", seed=seed))


# --- what cannot be read


def test_all_problems_come_in_one_message() -> None:
    table = spoiled(3, price=-1.0).astype(object)
    table.loc[5, "volume"] = "many"
    table.loc[7, "timestamp"] = "yesterday"
    table.loc[8, "timestamp"] = None
    table.loc[20, "price"] = 500.0
    table.loc[40, "volume"] = 1e9
    table.loc[65:, "price"] = [price / 2 for price in table.loc[65:, "price"]]
    again = pd.concat([table, table.iloc[[90]].assign(price=1.0)], ignore_index=True)
    with pytest.raises(ValueError, match="has 8 problems") as error:
        read_bars(again)
    said = str(error.value)
    for words in (
        "timestamp is missing in row 8", "timestamp must hold dates with times, got 'yesterday' in row 7",
        "price must be finite and > 0, got -1.0 in row 3", "volume must be finite and >= 0, got 'many' in row 5",
        "rows 90, 130 have the same", "price is not credible in row 20 (500)",
        "volume is not credible in row 40 (1,000,000,000)", "split of 2: adjust={'2026-02-09': 2}",
    ):  # fmt: skip
        assert words in said
    assert len(said.splitlines()) == 9


def test_bad_cells_are_mended_or_left_out() -> None:
    table = spoiled(3, price=-1.0).astype(object)
    table.loc[15, "volume"] = "many"
    found = read_bars(table, suspect="repair")
    assert found["price"][3] == TABLE["price"][2]
    assert found["volume"][15] == pytest.approx(TABLE["volume"][15], rel=1)
    assert "price in row 3" in str(found.report)
    assert list(read_bars(table, suspect="drop").report.left_out) == ["2026-02-02", "2026-02-03"]


def test_empty_rows_are_missing_bars() -> None:
    table = TABLE.astype({"volume": np.float64})
    table.loc[17, ["price", "volume"]] = np.nan
    table.loc[30, ["price", "volume"]] = [np.nan, 0.0]
    assert len(read_bars(table).report.left_out) == 2
    assert read_bars(table, missing="fill").report.filled == 2


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no volumes": (TABLE.assign(volume=0), {}, "volume is 0 or missing in every row"),
    "no volume column": (TABLE[["timestamp", "price"]], {}, r"volume missing among .*'price'; columns={'volume'"),
    "nothing": (TABLE.iloc[:0], {}, "no bars"),
    "daily": (TABLE.iloc[::13], {}, "10 days of one: are these daily"),
    "few days": (TABLE.iloc[:52], {}, "at least 5 days of at least 3 bars, got 4 days of 13"),
    "few bars": (TABLE[TABLE["timestamp"].dt.hour == 10], {}, "at least 3 bars, got 10 days of 2"),
    "gone days": (TABLE.drop(index=[5, 20, 33]).iloc[:91], {}, "lack bars|missing='fill'"),
    "illiquid": (TABLE.drop(index=range(5, 130, 13)[:4]), {}, r"4 of 10 days .*12:00 on 4.* missing='fill'"),
    "other times": (
        TABLE.assign(timestamp=TABLE["timestamp"].mask(TABLE.index == 17, TABLE["timestamp"] + pd.Timedelta("7min"))),
        {}, r"at the same times, but row 17 \(2026-02-03 11:37:00\)",
    ),
    "two symbols": (TABLE.assign(symbol=["A", "B"] * 65), {}, "2 symbols, A, B: symbol='A'"),
    "another symbol": (TABLE.assign(symbol="A"), {"symbol": "C"}, "symbol must be one of A, got 'C'"),
    "no such column": (TABLE, {"columns": {"price": "Kurs"}}, "'Kurs' for price, which the file does not have"),
    "no such field": (TABLE, {"columns": {"cost": "price"}}, "columns must map fields"),
    "names": (TABLE, {"columns": ["timestamp", "price"]}, "columns must have 6 names"),
    "zone": (TABLE, {"zone": "New York"}, "zone must be a name such as"),
    "zones": (TABLE, {"zone": ("UTC",)}, "zone must be a zone, or a pair"),
    "session": (TABLE, {"session": ("16:00",)}, "session must be two times"),
    "session text": (TABLE, {"session": ("open", "close")}, "session must be two times"),
    "session elsewhere": (TABLE, {"session": ("18:00", "20:00")}, "session leaves no bars: .* 09:30 to 15:30"),
    "calendar": (TABLE, {"calendar": "NOWHERE"}, "calendar must be a name that exchange_calendars knows"),
    "unit": (TABLE, {"unit": "weeks"}, "unit must be one of s, ms, us, ns"),
    "unit of volume": (TABLE, {"unit": {"volume": 0}}, "unit must be"),
    "missing": (TABLE, {"missing": "guess"}, r"missing must be one of \['drop', 'fill'\]"),
    "suspect": (TABLE, {"suspect": "hide"}, "suspect must be one of"),
    "decimal": (TABLE, {"decimal": ";"}, "decimal must be one of"),
    "adjust date": (TABLE, {"adjust": {"soon": 2}}, "adjust must map dates to ratios of splits, got the date 'soon'"),
    "adjust ratio": (TABLE, {"adjust": {"2026-02-04": 0}}, "ratios > 0"),
    "adjust nothing": (TABLE, {"adjust": {"2027-02-04": 2}}, "adjust must name days of the file"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    table, options, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        read_bars(table, **options)


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "prose": (b"Nothing\nhere\n", "no rows of numbers with a separator"),
    "no head": (lines(PLAIN, P, V).encode(), r"no head: name its 3 columns .* columns=\['timestamp', 'open'"),
    "torn": (b"a,b,c\n1,2,3\n1,2,3,4,5\n", "cannot be read as a table"),
    "torn zip": (b"PK\x03\x04\xff\xfe\x00" * 20, "cannot be read as a table"),
    "torn gzip": (gzip.compress(b"a,b")[:12], "cannot be read as a table"),
    "binary": (b"\x00\x01\x02" * 50, "neither text nor gzip"),
    "side by side": (LAYOUTS["two symbols side by side"][0].encode(), "symbol must be one of A, B, .* symbol='A'"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_tables(name: str, file: Callable[..., Path]) -> None:
    content, message = FILES[name]
    with pytest.raises(ValueError, match=rf"bars\.csv.*{message}"):
        read_bars(file(content))


def test_a_workbook_is_named(file: Callable[..., Path]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<xml/>")
    with pytest.raises(ValueError, match="save the sheet as CSV"):
        read_bars(file(content.getvalue(), "bars.xlsx"))
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read_bars(Path("none.csv"))
