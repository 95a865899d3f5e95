"""Problems as plain data and as TOML files: a reader that names what is wrong, and a writer.

    risk_aversion = 0.5

    [order]
    shares = 1000

    [market]
    volatility = 0.02

    [market.liquidity]
    type = "OrnsteinUhlenbeck"
    speed = 0.5

What is left out has its default; ``None`` is what is left out, and the writer says in a comment what could stand there.
A number without a point is as good as one with.
"""

from __future__ import annotations

import codecs
import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from optexec._files import beside
from optexec.liquidity import ConstantLiquidity, Liquidity, LogOU, OrnsteinUhlenbeck, RegimeSwitching, Shocks
from optexec.problem import Market, Order, Problem

__all__ = ["describe", "load", "parse", "read", "restore", "save", "text"]

PROCESSES = {kind.__name__: kind for kind in (ConstantLiquidity, OrnsteinUhlenbeck, RegimeSwitching, LogOU, Shocks)}
"""Liquidity processes that a problem's description can name."""

LARGEST = 1 << 20
"""Bytes above which a file is no configuration."""


def describe(problem: Problem) -> dict[str, Any]:
    """A problem as plain data, for JSON; a liquidity process carries its ``type``. `restore` is the inverse.

    Fields that are newer than files of 0.1 are there only if they are set: an older file's digest stays what it is.

    Raises:
        TypeError: a liquidity process of your own, which `restore` would not know.
    """
    return _described(problem, every=False)


def _described(problem: Problem, *, every: bool) -> dict[str, Any]:
    def stands(field: Any, value: Any) -> bool:
        return every or not field.metadata.get("since") or getattr(value, field.name) != field.default

    def plain(value: Any) -> Any:
        if isinstance(value, Liquidity) and type(value) not in PROCESSES.values():
            known = ", ".join(PROCESSES)
            raise TypeError(f"liquidity must be one of {known} to be described, got {value!r}")
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return list(value) if isinstance(value, tuple) else value
        held = [field for field in dataclasses.fields(value) if stands(field, value)]
        fields = {field.name: plain(getattr(value, field.name)) for field in held}
        kind = type(value).__name__
        return {"type": kind, **fields} if kind in PROCESSES else fields

    described: dict[str, Any] = plain(problem)
    return described


def restore(described: Mapping[str, Any], *, partial: bool = False) -> Problem:
    """The problem that a mapping describes: the inverse of `describe`. A field that is left out has its default.

    Args:
        described: the tables ``order`` and ``market``, in this ``liquidity``, and the other fields.
        partial: whether a table may be left out too, as in a file that a user writes. In what was stored with a result
            it may not, or the result would pass for one of the default problem.

    Raises:
        ValueError: a key or a value that does not fit; the field, its value and what is allowed are in the message.
    """
    whole = _table("problem", described)
    if not partial:
        _table("order", whole.get("order"))
        _table("market.liquidity", _table("market", whole.get("market")).get("liquidity"))
    order = _build("order", Order, whole.pop("order", {}))
    market = _table("market", whole.pop("market", {}))
    process = _process("market.liquidity", market.pop("liquidity")) if "liquidity" in market else {}
    market = _build("market", Market, market, **({"liquidity": process} if process else {}))
    return _build("", Problem, whole, order=order, market=market)  # type: ignore[no-any-return]


def load(path: str | Path) -> Problem:
    """Read a problem from a TOML file, or from a pipe that has a name.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML in UTF-8, or a key or value that does not fit; the file, the field, its value and what is
            allowed are in the message.
    """
    path = Path(path)
    if not path.exists() or path.is_dir():
        raise FileNotFoundError(f"{path} does not exist or is not a file")
    with path.open("rb") as file:
        return read(file, str(path))


def read(file: IO[bytes], name: str) -> Problem:
    """Read a problem from an open file, such as standard input; errors as those of `load`."""
    content = file.read(LARGEST + 1)
    try:
        if len(content) > LARGEST:
            raise ValueError(f"a configuration has at most {LARGEST} bytes, got more")
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
            raise ValueError("a configuration must be text in UTF-8, got UTF-16 or no text: save it as UTF-8")
        return parse(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def parse(toml: str) -> Problem:
    """The problem that a TOML text describes; errors as those of `load`, without the file's name."""
    try:
        whole = tomllib.loads(toml)
    except RecursionError:
        raise ValueError("no TOML of a problem is nested that deep") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise ValueError(f"not valid TOML: {error}") from None
    return restore(whole, partial=True)


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a table, got {value!r}")
    return dict(value)


def _build(name: str, kind: Any, value: Any, **built: Any) -> Any:
    """An instance of a dataclass from a table, and from parts that are built already."""
    fields, prefix = _table(name, value), f"{name}." if name else ""
    known = [field.name for field in dataclasses.fields(kind)]
    for key in fields:
        if key not in known:
            shown = key if key.isidentifier() else repr(key)
            raise ValueError(f"{prefix}{shown} is no field here; allowed: {', '.join(known)}; got {fields[key]!r}")
    try:
        return kind(**fields, **built)
    except (TypeError, ValueError) as error:
        about_one = re.match(r"\w+", str(error))[0] in fields and " + " not in str(error)  # type: ignore[index]
        raise ValueError(f"{prefix if about_one or not name else f'{name}: '}{error}") from None


def _process(name: str, value: Any) -> Any:
    """A liquidity process from a table with its ``type``."""
    fields = _table(name, value)
    kind = fields.pop("type", None)
    if kind is None:  # what `dataclasses.asdict` leaves of a process, in a specification of Gymnasium's
        told = (known for known, process in PROCESSES.items() if fields.keys() == process.__dataclass_fields__.keys())
        kind = next(told, None)
    if not isinstance(kind, str) or kind not in PROCESSES:
        raise ValueError(f"{name}.type must be one of {', '.join(PROCESSES)}, got {kind!r}")
    base = {}
    if kind == "Shocks":
        if "base" not in fields:
            raise ValueError(f"{name}.base must be a table with a type, got none")
        base["base"] = _process(f"{name}.base", fields.pop("base"))
    return _build(name, PROCESSES[kind], fields, **base)


def text(problem: Problem) -> str:
    """A problem as TOML, every field of it; `parse` gives the problem back.

    A field that is ``None`` is a comment: what could stand there, and what it would mean.

    Raises:
        TypeError: a liquidity process of your own.
    """
    lines: list[str] = []
    examples = {"max_participation": 0.1, "volume_profile": [1.0] * problem.order.periods}
    examples["volatility_profile"] = examples["volume_profile"]

    def write(name: str, fields: dict[str, Any]) -> None:
        if name:
            lines.extend(["", f"[{name}]"])
        tables = {key: value for key, value in fields.items() if isinstance(value, dict)}
        for key, value in fields.items():
            if value is None:
                lines.extend([f"# {_UNSET[key]}:", f"# {key} = {json.dumps(examples.get(key, fields.get('mean')))}"])
            elif key not in tables:
                lines.append(f"{key} = {json.dumps(value)}")  # strings, numbers and lists of numbers are TOML too
        for key, value in tables.items():
            write(f"{name}.{key}" if name else key, value)

    write("", _described(problem, every=True))
    return "\n".join(lines) + "\n"


_UNSET = {
    "max_participation": "no limit; the largest trade as a fraction of a period's volume, in (0, 1], would be",
    "volume_profile": "a flat day; a number a period, > 0 and with mean 1, is its shape",
    "volatility_profile": "a flat day; a number a period, > 0 and with mean 1 of their squares, is its shape",
    "initial": "liquidity begins at its mean; another level of period 0 would be",
}
"""Fields that may be None: what that means, and what a value would."""


def save(problem: Problem, path: str | Path) -> None:
    """Write a problem as TOML, the whole file or none.

    Raises:
        TypeError: a liquidity process of your own.
    """
    content = text(problem).encode()
    with beside(Path(path)) as file:
        file.write(content)
