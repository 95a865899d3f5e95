"""What the commands share: one-line errors, tables, JSON files and progress."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Protocol

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from optexec._files import beside
from optexec.problem import Problem, describe

__all__ = ["check_writable", "one_line_errors", "progress_of", "show", "show_sweep", "write_json"]

P = ParamSpec("P")


def one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a bad value into one line and exit code 2."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with warnings.catch_warnings():  # what overflows is an error later, with a message
                warnings.simplefilter("ignore", RuntimeWarning)
                command(*args, **kwargs)
        except BrokenPipeError:  # the reader of our output has gone, which is nobody's bad input
            raise
        except ModuleNotFoundError as error:
            said = f"this command needs {error.name}: python -m pip install {error.name}"
        except (MemoryError, ArithmeticError) as error:
            said = f"a number is too large or too small for this machine ({type(error).__name__}: {error})"
        except (ValueError, TypeError, OSError) as error:
            said = str(error)
        else:
            return
        print("optexec:", " ".join(said.split()), file=sys.stderr)
        raise typer.Exit(2)

    return wrapped


def check_writable(path: Path | None) -> None:
    """Refuse a file that cannot be written before hours of work, not after."""
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"--json must be in an existing folder, got {path}")
    if path is not None and path.is_dir():
        raise ValueError(f"--json must be a file, got the folder {path}")


def write_json(path: Path | None, problem: Problem, seed: int | list[int], rows: pd.DataFrame) -> None:
    """Write the problem, the seed and the rows, with null for what is not defined; nothing where there is no path."""
    if path is None:
        return
    records = [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in rows.to_dict(orient="records")
    ]
    text = json.dumps({"problem": describe(problem), "seed": seed, "rows": records}, indent=1, allow_nan=False)
    with beside(path) as file:
        file.write(f"{text}\n".encode())
    print(f"wrote {path}")


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _shown(row: dict[Any, Any], column: str, digits: int) -> str:
    if not math.isfinite(row[column]):
        return "-"
    return f"{row[column]:,.{digits}f} ±{row[column + '_ci']:,.{digits}f}"


def show(title: str, rows: pd.DataFrame) -> None:
    """Print the columns that a reader compares: means with the half-widths of their 95% intervals."""
    columns = {
        "is_mean": ("IS ($)", 1), "objective": ("J ($)", 1), "objective_mv": ("J_mv ($)", 0),
        "cvar95": ("CVaR95 ($)", 0), "completion": ("completion", 3), "violations": ("violations", 2),
        "gap_closed": ("gap closed", 3),
    }  # fmt: skip
    table = Table("policy", *(heading for heading, _ in columns.values()), title=title)
    for row in rows.to_dict(orient="records"):
        table.add_row(str(row["policy"]), *(_shown(row, column, digits) for column, (_, digits) in columns.items()))
    _print(table)


def show_sweep(rows: pd.DataFrame) -> None:
    """Print the means over seeds of a sweep, with the lowest and highest seed's."""
    table = Table("policy", "scenario", "λ (1/$)", "seeds", "J ($)", "lowest to highest", "gap closed", "completion")
    for (policy, scenario, value), group in rows.groupby(["policy", "scenario", "risk_aversion"], sort=False):
        J, gap = group["objective"], group["gap_closed"].mean()
        table.add_row(
            str(policy), str(scenario), f"{value:g}", f"{len(group)}", f"{J.mean():,.1f}",
            f"{J.min():,.1f} to {J.max():,.1f}", f"{gap:.3f}" if math.isfinite(gap) else "-",
            f"{group['completion'].mean():.3f}",
        )  # fmt: skip
    _print(table)


class Report(Protocol):
    """Something to call with how much is done, of how much, and what is being done."""

    def __call__(self, done: int, total: int = ..., doing: str = ...) -> None:
        """Take note."""


@contextmanager
def progress_of(what: str, whole: int = 0) -> Iterator[Report]:
    """A bar on a terminal, plain lines elsewhere: for every tenth of the whole, and when what is being done changes."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(what, total=whole)

            def bar(done: int, total: int = whole, doing: str = "") -> None:
                progress.update(task, completed=done, total=total, description=doing or what)

            yield bar
        return
    last = ("", -1)

    def line(done: int, total: int = whole, doing: str = "") -> None:
        nonlocal last
        now = (doing, 10 * done // max(total, 1))
        if now != last:
            print(f"{doing or what}: {done:,} of {total:,}", file=sys.stderr, flush=True)
        last = now

    yield line
