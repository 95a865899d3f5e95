"""Tables as files hold them: text with any separator and head, packed or not, parquet and feather; and their columns.

Nothing is judged here but what must be known to find the columns. Cells of text stay text: `optexec.calibration.bars`
makes numbers and times of them.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

__all__ = ["FIELDS", "Part", "Source", "decimal_of", "fields", "load", "numbers"]

Source = str | Path | pd.DataFrame

FIELDS: dict[str, str] = {
    "timestamp": "timestamp datetime dateandtime datetimeutc timestamputc tsevent ts t opentime starttime bartime "
    "barstart timestart gmttime utctime localtime windowstart timekey beginsat zeitstempel timeutc",
    "date": "date datum dtyyyymmdd tradedate tradingdate tradingday day fecha dato data",
    "time": "time zeit uhrzeit hora heure ora tijd hhmmss timeofday unix unixtime unixtimestamp epoch",
    "price": "price close last closeprice lastprice closingprice c px schluss schlusskurs kurs letzter cierre ultimo "
    "clôture cloture dernier chiusura slotkoers adjclose",
    "volume": "volume vol v totalvolume tradedvolume volumetraded sharestraded qty quantity shares size volumen volym "
    "stück stueck cantidad menge umsatz tickvolume tickvol",
    "open": "open o openprice eröffnung eroeffnung erster apertura ouverture",
    "high": "high h highprice hoch höchst maximo plushaut",
    "low": "low l lowprice tief tiefst minimo plusbas",
    "symbol": "symbol ticker instrument sym isin ric stock security secid asset name contract instrumentid "
    "tradingsymbol wertpapier",
}  # fmt: skip
"""What columns are called, by field and best name first, without signs and capitals."""

KNOWN = {name: field for field, names in FIELDS.items() for name in names.split()}

HEAD = 100
"""Lines that are looked at to find separator and head."""

NUMBER = re.compile(r"[-+]?\d[\d.,']*([eE][-+]?\d+)?")
STAMP = re.compile(r"\d{4}[-./]?\d{2}[-./]?\d{2}\b.*|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}\b.*|\d{8}[ T]\d+.*")


class Part(NamedTuple):
    """A table with what stands above its columns."""

    name: str
    """of its file, or of the table"""
    table: pd.DataFrame
    """columns and rows counted from 0"""
    heads: list[list[str]]
    """by column, the words above it; none at all where the file has no head"""
    separator: str


def load(source: Source | Sequence[Source]) -> list[Part]:
    """The tables of a file, an archive, a DataFrame, or several of them.

    Raises:
        FileNotFoundError: no such file.
        ModuleNotFoundError: parquet or feather without pyarrow.
        ValueError: a file that holds no table.
    """
    if isinstance(source, pd.DataFrame):
        return [_frame(source, "the table")]
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist or is not a file")
        return list(_parts(path.read_bytes(), str(path)))
    return [part for each in source for part in load(each)]


def _parts(content: bytes, name: str) -> Iterator[Part]:
    """The tables in the bytes of a file, told by how they begin."""
    try:
        if content.startswith(b"\x1f\x8b"):
            yield from _parts(gzip.decompress(content), name)
        elif content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [each for each in archive.namelist() if not each.endswith("/") and "__MACOSX" not in each]
                if "[Content_Types].xml" in names:
                    raise ValueError("it is a workbook: save the sheet as CSV")
                for each in sorted(names):
                    yield from _parts(archive.read(each), f"{name}:{each}" if len(names) > 1 else name)
        elif content.startswith((b"PAR1", b"ARROW1")):
            importlib.import_module("pyarrow")  # pandas reads, and would not say what to install

            read = pd.read_parquet if content.startswith(b"PAR1") else pd.read_feather
            yield _frame(read(io.BytesIO(content)), name)
        else:
            yield _text(content, name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{name} needs pyarrow: python -m pip install 'optexec[parquet]'", name=error.name
        ) from None
    except (ValueError, OSError, EOFError, RuntimeError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name} cannot be read as a table: {error}") from None


def _text(content: bytes, name: str) -> Part:
    """The table of a text: separator and head are told from its first lines."""
    text = _decoded(content)
    lines = [(i, line) for i, line in enumerate(text.split("\n", HEAD)[:HEAD]) if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    separator, rows = _separated([line for _, line in lines])
    width = Counter(len(row) for row in rows[len(rows) // 2 :]).most_common(1)[0][0]
    first = next((i for i, row in enumerate(rows) if len(row) == width and _is_data(row)), len(rows))
    above = [row for row in rows[:first] if len(row) == width and any(re.search(r"[^\W\d]", cell) for cell in row)]
    heads = [[row[j].strip().lstrip("#") for row in above] for j in range(width)] if above else []
    if width == 1 or first == len(rows):
        if not above or width == 1:
            raise ValueError("it has no rows of numbers with a separator between them")
        return Part(name, pd.DataFrame(columns=range(width), dtype=str), heads, separator)
    table = pd.read_csv(
        io.StringIO(text), sep=separator, header=None, names=list(range(width)), skiprows=lines[first][0], dtype=str,
        index_col=False, skipinitialspace=True, na_values=["-", "--"],
    )  # fmt: skip
    return Part(name, table, heads, separator)


def _decoded(content: bytes) -> str:
    """Text in UTF-8, UTF-16 with its mark, or as Windows has it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16")
    else:
        if b"\0" in content:
            raise ValueError("it is neither text nor gzip, zip, parquet or feather")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _separated(lines: list[str]) -> tuple[str, list[list[str]]]:
    """The separator that most lines agree on, with the most columns, and the cells."""
    best: tuple[float, int] = (0.0, 1)
    found, cells = r"\s+", [line.split() for line in lines]
    for separator in (";", "\t", "|", ","):
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        width, count = Counter(len(row) for row in rows[len(rows) // 2 :]).most_common(1)[0]
        agreed = round(count / (len(rows) - len(rows) // 2), 1)
        if width > 1 and (agreed, width) > best:
            best, found, cells = (agreed, width), separator, rows
    return found, cells


def _is_data(row: Sequence[str]) -> bool:
    """Whether a row begins with a time, or has two numbers."""
    cells = [cell.strip() for cell in row]
    return any(STAMP.fullmatch(cell) for cell in cells[:3]) or sum(bool(NUMBER.fullmatch(c)) for c in cells) > 1


def _frame(table: pd.DataFrame, name: str) -> Part:
    """A DataFrame: an index of times, or with a known name, is a column."""
    levels = [table.index.get_level_values(i) for i in range(table.index.nlevels)]
    timed = [isinstance(level, pd.DatetimeIndex) for level in levels]
    above = [
        "timestamp" if time else str(level.name if level.name is not None else "symbol")
        for level, time in zip(levels, timed, strict=True)
    ]
    wanted = [any(timed) or (level.name is not None and _plain(level.name) in KNOWN) for level in levels]
    labels = [table.columns.get_level_values(i).astype(str) for i in range(table.columns.nlevels)]
    heads = [[word for word in label if word] for label in zip(*labels, strict=True)]
    if any(timed):  # the index is the time, whatever other columns say
        heads = [[] if _field(head) in ("timestamp", "date", "time") else head for head in heads]
    columns = [table.iloc[:, j].reset_index(drop=True) for j in range(table.shape[1])]
    columns = [pd.Series(level) for level, want in zip(levels, wanted, strict=True) if want] + columns
    heads = [[word] for word, want in zip(above, wanted, strict=True) if want] + heads
    whole = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    whole.columns = pd.RangeIndex(len(columns))
    return Part(name, whole, heads, "")


def _plain(word: Hashable) -> str:
    """A name without signs and capitals."""
    return re.sub(r"[\W_]+", "", str(word).lower())


def _field(head: Sequence[str]) -> str | None:
    """The field that the words above a column name; a word for time wins (yfinance writes Price above its times)."""
    found = [KNOWN.get(_plain(word)) for word in head]
    times = [each for each in found if each in ("timestamp", "date", "time")]
    return next((each for each in [*times, *found] if each is not None), None)


def _rank(head: Sequence[str], field: str) -> int:
    """How good a name is for a field; the lower, the better."""
    names = FIELDS[field].split()
    return min((names.index(_plain(word)) for word in head if _plain(word) in names), default=len(names))


def fields(
    part: Part, columns: Mapping[str, str | int] | Sequence[str] | None, symbol: str | None
) -> tuple[dict[str, pd.Series[Any]], str]:
    """The columns of a part by field, and in words where they were found.

    Args:
        part: what `load` found.
        columns: the file's name, or the place from 0, of fields that are not found by themselves; or names for all
            columns, from left to right.
        symbol: which of several that stand side by side.

    Raises:
        ValueError: fields that cannot be found; all of them, and what there is instead.
    """
    heads = part.heads
    width = part.table.shape[1]
    names = None if columns is None or isinstance(columns, Mapping) else list(columns)
    if names is not None:
        if len(names) != width:
            raise ValueError(f"columns must have {width} names, one a column, or map fields to names, got {columns!r}")
        heads = [[str(name)] for name in names]
    given = dict(columns) if isinstance(columns, Mapping) else {}
    if wrong := [key for key in given if key not in FIELDS]:
        raise ValueError(
            f"columns must map fields ({', '.join(FIELDS)}) to the file's names, got the field {wrong[0]!r}"
        )
    said = "" if heads else "no head, "
    if not heads:
        heads = _guessed(part) if not given else [[] for _ in range(width)]
    labels = [" ".join(head) for head in heads]
    heads, shown = _one_symbol(heads, symbol)
    places = _places(heads)
    problems = []
    for field, name in given.items():
        spots = [j for j, head in enumerate(heads) if name in head or name == labels[j]]
        spots = [name] if isinstance(name, int) and 0 <= name < width else spots
        if not spots:
            problems.append(f"columns names {name!r} for {field}, which the file does not have")
        else:
            places[field] = spots[0]
    if "timestamp" in given:
        places = {field: place for field, place in places.items() if field not in ("date", "time") or field in given}
    elif "date" in given or "time" in given:
        places.pop("timestamp", None)
    timed = "timestamp" in places or "date" in places or "time" in places
    if not timed and heads and not labels[0]:  # an index without a name, as pandas writes it
        places, timed = places | {"timestamp": 0}, True
    missing = ([] if timed else ["timestamp"]) + [field for field in ("volume", "price") if field not in places]
    if missing:
        has = ", ".join(map(repr, labels)) if any(labels) else f"{width} columns without names"
        cure = ", ".join(f"{field!r}: ..." for field in missing)
        problems.append(
            f"timestamp, volume and price are needed: {', '.join(missing)} missing among {has}; "
            f"columns={{{cure}}} names what is what"
        )
    if problems:
        raise ValueError("; ".join(problems))
    used = ", ".join(labels[place] or str(place) for field, place in sorted(places.items(), key=lambda each: each[1]))
    return {field: part.table[place] for field, place in places.items()}, f"{said}{used}{shown}"


def _places(heads: Sequence[Sequence[str]]) -> dict[str, int]:
    """The column of each field that is found by its name, the best name first."""
    places: dict[str, int] = {}
    for j, head in enumerate(heads):
        field = _field(head)
        if field is not None and (field not in places or _rank(head, field) < _rank(heads[places[field]], field)):
            places[field] = j
    if "volume" not in places:
        near = [j for j, head in enumerate(heads) if any(_plain(word).startswith("vol") for word in head)]
        places |= {"volume": near[0]} if near else {}
    return places


def _one_symbol(heads: Sequence[Sequence[str]], symbol: str | None) -> tuple[list[list[str]], str]:
    """Of symbols side by side (a second row of heads), the columns of one.

    Raises:
        ValueError: several, and none of them asked for.
    """
    labels: list[str | None] = []
    for head in heads:
        rest = [word for word in head if _plain(word) not in KNOWN and word]
        labels.append(rest[0] if len(head) > 1 and rest and _field(head) not in (None, "timestamp", "date") else None)
    found = sorted({label for label in labels if label is not None})
    if len(found) < 2:
        return [list(head) for head in heads], ""
    if symbol not in found:
        got = "none" if symbol is None else repr(symbol)
        raise ValueError(
            f"symbol must be one of {', '.join(found)}, which stand side by side, got {got}: symbol={found[0]!r}"
        )
    kept = [list(head) if label in (None, symbol) else [] for head, label in zip(heads, labels, strict=True)]
    return kept, f" of {symbol}"


def _guessed(part: Part) -> list[list[str]]:
    """Names for a file without a head whose rows are a time, open, high, low, close and volume.

    Raises:
        ValueError: they are not.
    """
    table, width = part.table.head(1000), part.table.shape[1]
    first = table.iloc[0].astype(str).tolist()
    timed = ["date", "time"] if width > 6 and re.fullmatch(r"\d{1,2}:\d\d.*|\d{4}|\d{6}", first[1]) else ["timestamp"]
    names = [*timed, "open", "high", "low", "close", "volume"]
    if width >= len(names):
        decimal = decimal_of(table, part.separator)
        cells = pd.DataFrame({name: numbers(table[j], decimal) for j, name in enumerate(names) if name not in timed})
        body = cells[["open", "close"]]
        fits = (cells["low"] <= body.min(axis=1)) & (cells["high"] >= body.max(axis=1)) & cells["volume"].notna()
        if fits.mean() > 0.9:
            return [[name] for name in names] + [[] for _ in range(width - len(names))]
    example = [*names, *(f"column {j}" for j in range(len(names), width))][:width]
    raise ValueError(
        f"the first row looks like data ({', '.join(first)}), so there is no head: name its {width} columns from left "
        f"to right, such as columns={example!r}"
    )


def decimal_of(table: pd.DataFrame, separator: str) -> str:
    """The decimal sign of a table of texts: a comma where one ends a number as no group of thousands would."""
    cells = table.select_dtypes(exclude=["number", "datetime", "datetimetz", "bool"]).head(1000).to_numpy()
    texts = [text for text in map(str, cells.ravel()) if NUMBER.fullmatch(text)]
    comma = sum(bool(re.fullmatch(r"[-+]?\d+(\.\d{3})*,\d*", text)) for text in texts if not _grouped(text, ","))
    point = sum(bool(re.fullmatch(r"[-+]?\d+(,\d{3})*\.\d*", text)) for text in texts if not _grouped(text, "."))
    if comma == point == 0:  # 50,390 may be either: a semicolon separates where a comma is decimal
        return "," if separator == ";" and any("," in text for text in texts) else "."
    return "," if comma > point else "."


def _grouped(text: str, sign: str) -> bool:
    """Whether a number may be a whole one in groups of thousands."""
    return bool(re.fullmatch(rf"[-+]?\d{{1,3}}(\{sign}\d{{3}})+", text))


def numbers(column: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    """Floats of a column, NaN where there is none."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        values = np.array([_number(cell, decimal) for cell in column.astype(object)], dtype=np.float64)
    return pd.Series(np.where(np.isfinite(values), values, np.nan), index=column.index)


def _number(cell: Any, decimal: str) -> float:
    """A number out of a cell; NaN for what is none."""
    text = re.sub(r"[\s'$\u20ac\u00a3]", "", str(cell))
    if decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    elif "," in text:
        text = re.sub(r",(?=\d{3}(\D|$))", "", text)
    try:
        return float(text)
    except ValueError:
        return np.nan
