"""What the commands share: one-line errors, what is printed and where it goes, tables, JSON files and progress."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec, Protocol, TextIO

import pandas as pd
import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from optexec._files import beside
from optexec.config import describe
from optexec.problem import Problem

__all__ = [
    "counted",
    "lost",
    "number",
    "one_line_errors",
    "progress_of",
    "report",
    "say",
    "show",
    "show_sweep",
    "write_json",
]

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
        say(f"optexec: {' '.join(said.split())}", error=True)
        raise typer.Exit(2)

    return wrapped


lost: list[OSError] = []
"""Why what was printed did not arrive, if it did not; the exit code tells."""

SIGNS = {"λ": "lambda", "±": "+-", "–": "-", "×": "x", "…": "..."}
"""What stands for a sign that a terminal does not have; for any other, a question mark."""


def say(text: str, *, error: bool = False) -> None:
    """Print; the work goes on even if nobody listens any more, for its files are still to be written."""
    to = sys.stderr if error else sys.stdout
    if to is None:  # it was closed before the start
        return
    try:
        print(plain(text, to), file=to, flush=True)
    except OSError as problem:
        if not error:
            lost.append(problem)
        with suppress(OSError):  # what is left in its buffer, and what is printed later, goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())


def plain(text: str, stream: TextIO | None) -> str:
    """A text in the signs that a stream can take."""
    encoding = getattr(stream, "encoding", None) or "utf-8"

    def shown(sign: str) -> str:
        try:
            sign.encode(encoding)
        except UnicodeEncodeError:
            return SIGNS.get(sign, "?")
        return sign

    return "".join(map(shown, text))


def counted(number: int, noun: str) -> str:
    """A number of things: "1 cell", "2 cells"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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


def report(
    path: Path | None, problem: Problem, seed: int | list[int], rows: pd.DataFrame, shown: Callable[[], None]
) -> None:
    """Write the rows, then show them: there is a file even if nobody reads, and a table even if the disk is full."""
    try:
        write_json(path, problem, seed, rows)
    finally:
        shown()
    if path is not None:
        say(f"wrote {path}")


def _print(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], keys: int) -> None:
    """Print a table in which nothing is cut.

    Columns that do not fit beside the others go into another table below, behind the first ``keys`` columns again;
    where not even one does, every row is a list.
    """
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size((80 if terminal else 160, 24)).columns
    heads = [plain(head, sys.stdout) for head in heads]
    rows = [[" ".join(plain(cell, sys.stdout).split()) for cell in row] for row in rows]
    sizes = [max(map(cell_len, column)) + 3 for column in zip(heads, *rows, strict=True)]  # a line and two spaces
    room = width - 1 - sum(sizes[:keys])
    if room < max(sizes[keys:]):
        words = max(map(cell_len, heads))
        lists = ["\n".join(f"{head:<{words}}  {cell}" for head, cell in zip(heads, row, strict=True)) for row in rows]
        say("\n\n".join(filter(None, [title, *lists])) + "\n")
        return
    blocks: list[list[int]] = [[]]
    for i in range(keys, len(heads)):
        if sum(sizes[j] for j in [*blocks[-1], i]) > room:
            blocks.append([])
        blocks[-1].append(i)
    lines = box.HEAVY_HEAD if plain("┏", sys.stdout) == "┏" else box.ASCII
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, markup=False, emoji=False, highlight=False
    )
    for block in blocks:
        table = Table(box=lines, title=plain(title, sys.stdout) if title and block is blocks[0] else None)
        for i in [*range(keys), *block]:
            table.add_column(heads[i], no_wrap=True, justify="left" if i < keys else "right")
        for row in rows:
            table.add_row(*(row[i] for i in [*range(keys), *block]))
        console.print(table)
    say(console.file.getvalue().rstrip("\n"))  # type: ignore[attr-defined]


def number(values: Sequence[float], fewest: int) -> str:
    """The format of a column: some decimals, and more where the largest of it has not three digits with them."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0:
        return f"z,.{fewest}f"
    return f"z,.{max(fewest, 2 - math.floor(math.log10(largest)))}f" if 1e-6 <= largest < 1e12 else ".4g"


def _cell(value: float, half: float, form: str) -> str:
    """An estimate and the half-width of its interval: none where nothing is estimated, and never one that reads 0."""
    if not math.isfinite(value):
        return "-"
    if not half > 1e-9 * abs(value):  # what is the same in every episode, but for rounding; or NaN
        return f"{value:{form}}"
    if not re.search("[1-9]", f"{half:{form}}"):
        form = number([half], 0)
    return f"{value:{form}} ±{half:{form}}"


def show(title: str, rows: pd.DataFrame) -> None:
    """Print the columns that a reader compares: means with the half-widths of their 95% intervals."""
    columns = {
        "is_mean": ("IS ($)", 1), "objective": ("J ($)", 1), "objective_mv": ("J_mv ($)", 0),
        "cvar95": ("CVaR95 ($)", 0), "completion": ("completion", 3), "violations": ("violations", 2),
        "gap_closed": ("gap closed", 3),
    }  # fmt: skip

    def cells(column: str, fewest: int) -> list[str]:
        form = number(rows[column].tolist(), fewest)
        return [_cell(value, half, form) for value, half in zip(rows[column], rows[f"{column}_ci"], strict=True)]

    shown = [list(map(str, rows["policy"])), *(cells(column, fewest) for column, (_, fewest) in columns.items())]
    _print(title, ["policy", *(head for head, _ in columns.values())], list(zip(*shown, strict=True)), keys=1)


def show_sweep(rows: pd.DataFrame) -> None:
    """Print the means over seeds of a sweep, with the lowest and highest seed's."""
    groups = rows.groupby(["policy", "scenario", "risk_aversion"], sort=False)
    J, gap = number(rows["objective"].tolist(), 1), number(groups["gap_closed"].mean().tolist(), 3)
    cells = [
        [
            str(policy), str(scenario), f"{value:g}", f"{len(group)}", f"{group['objective'].mean():{J}}",
            f"{group['objective'].min():{J}} to {group['objective'].max():{J}}",
            f"{closed:{gap}}" if math.isfinite(closed := group["gap_closed"].mean()) else "-",
            f"{group['completion'].mean():.3f}",
        ]
        for (policy, scenario, value), group in groups
    ]  # fmt: skip
    heads = ["policy", "scenario", "λ (1/$)", "seeds", "J ($)", "lowest to highest", "gap closed", "completion"]
    _print("", heads, cells, keys=3)


class Report(Protocol):
    """Something to call with how much is done, of how much, and what is being done."""

    def __call__(self, done: int, total: int = ..., doing: str = ...) -> None:
        """Take note."""


@contextmanager
def progress_of(what: str, whole: int = 0) -> Iterator[Report]:
    """A bar on a terminal, plain lines elsewhere: for every tenth of the whole, and when what is being done changes."""
    if sys.stderr is not None and sys.stderr.isatty():
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
            say(f"{doing or what}: {done:,} of {total:,}", error=True)
        last = now

    yield line
