"""Sweeps: agents x scenarios x risk aversions x seeds, on the cores of this machine or on a cluster.

A cell is one agent in one market on one seed. Its result is a small file in a folder, there as soon as the cell is
done, and a sweep on the same folder does what is missing. A cell's numbers depend on its parameters alone: not on who
computed it, nor on what else was computed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import pandas as pd

from optexec._files import beside, check_folder, check_writable
from optexec._validate import choice, integer, real
from optexec.config import describe
from optexec.evaluation import COLUMNS, evaluate
from optexec.offline.data import collect
from optexec.offline.names import LEARNERS
from optexec.policies import twap
from optexec.presets import stochastic, stress
from optexec.problem import Problem
from optexec.simulator import Policy, check_policy
from optexec.stress import PLANNERS

if TYPE_CHECKING:
    from optexec.offline.agents import Agents  # imports torch

__all__ = ["BACKENDS", "NORMAL", "Planner", "Training", "sweep"]

Maker = Callable[[Problem, int], Policy]

BACKENDS = ("loky", "dask", "serial")
"""Where cells are computed: in processes of this machine, on a Dask cluster, or here one after the other."""

NORMAL = "normal"
"""Name of the problem itself among its scenarios."""

LOG = 1 << 32
"""Added to a cell's seed for the log that its agent learns from: no shock of the log is in the comparison."""

BASE = "TWAP"
"""The policy that ``diff`` is taken to."""

ROUND = 4
"""Cells a worker and call where joblib hands back all results of a call at once (Dask)."""

_KIND = "optexec cell 1"


@dataclass(frozen=True, kw_only=True)
class Training:
    """An agent that is trained in its cell: on a log of the cell's market, with the cell's seed.

    Args:
        algorithm: one of `optexec.offline.LEARNERS`.
        episodes: logged episodes.
        steps: gradient steps.
        batch_size: transitions a step.
        behaviour: who trades in the log, a name of `optexec.offline.BEHAVIOURS`.
    """

    algorithm: str
    episodes: int = 1_000
    steps: int = 10_000
    batch_size: int = 256
    behaviour: str = "mixture"

    def __post_init__(self) -> None:
        choice("algorithm", self.algorithm, tuple(LEARNERS))
        for name in ("episodes", "steps", "batch_size"):
            integer(name, getattr(self, name), minimum=1)

    def __call__(self, problem: Problem, seed: int) -> Agents:
        """Log, and train."""
        from optexec.offline.training import train

        data = collect(problem, self.behaviour, self.episodes, seed + LOG)
        with _one_thread():
            return train(self.algorithm, data, [seed], self.steps, self.batch_size, progress=False)


class _Cell(NamedTuple):
    """One agent in one market on one seed."""

    key: dict[str, Any]
    """what the result depends on, as plain data"""
    agent: Policy | Maker
    problem: Problem

    @property
    def label(self) -> str:
        """What an error message calls it."""
        return ", ".join(f"{name} {self.key[name]}" for name in ("policy", "scenario", "risk_aversion", "seed"))

    def place(self, folder: Path) -> Path:
        """Its file: named by the digest of its key."""
        return folder / f"{_digest(self.key)[:32]}.json"


def sweep(
    agents: Iterable[str] | Mapping[str, Policy | Maker],
    folder: str | Path,
    *,
    problem: Problem | None = None,
    scenarios: Iterable[str] = (NORMAL,),
    risk_aversions: Iterable[float] | None = None,
    seeds: Iterable[int] = (42,),
    episodes: int = 10_000,
    backend: str = "loky",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """Evaluate every agent in every scenario at every risk aversion on every seed.

    Args:
        agents: names of `optexec.stress.PLANNERS` or of `optexec.offline.LEARNERS`; or policies by name, and functions
            of a cell's problem and seed that make one. A policy is known by its name, and by its ``digest`` if it has
            one (trained agents do): give a changed policy another name or another folder.
        folder: where the results of cells are kept; made if its parent exists.
        problem: the normal market; None for that of the original note.
        scenarios: `NORMAL`, or keys of `optexec.presets.stress` of that market.
        risk_aversions: lambda >= 0 [1/$]; None for the problem's own.
        seeds: >= 0, of the shocks, and of the trainings of agents that are trained in their cells.
        episodes: of a cell, >= 2.
        backend: one of `BACKENDS`.
        workers: processes; None for one a core. A cluster has its own.
        scheduler: address of the Dask scheduler, e.g. "tcp://10.0.0.1:8786".
        progress: called with the number of cells done and of all cells.

    Returns:
        A row a cell, in the order of the arguments: policy, scenario, risk_aversion, seed, and the columns of
        `optexec.evaluate`, where ``diff`` is to TWAP; identical to the bit whatever the backend.

    Raises:
        ValueError: an argument outside its range; or, after all others are done and kept, cells that failed: the
            first is named with its error.
        OSError: a worker process died, or the cluster cannot be reached; what was done is kept.
    """
    folder = Path(folder)
    choice("backend", backend, BACKENDS)
    if (scheduler is None) == (backend == "dask"):
        raise ValueError(f"scheduler must be the scheduler's address with dask and None without, got {scheduler!r}")
    count = -1 if workers is None else integer("workers", workers, minimum=1)
    cells = list(_cells(agents, problem or stochastic(), scenarios, risk_aversions, seeds, episodes))
    missing = [cell for cell in cells if _read(cell, folder) is None]
    if missing:
        folder = check_folder(folder, "folder")
        folder.mkdir(exist_ok=True)
    for cell in missing:
        if (place := cell.place(folder)).exists():  # damaged, to be written anew
            check_writable(place, "folder")
    done, failed = len(cells) - len(missing), []
    if progress is not None:
        progress(done, len(cells))
    try:
        with warnings.catch_warnings(), _results(missing, folder, backend, count, scheduler) as results:
            warnings.filterwarnings("ignore", ".*still being processed by the workers")  # Ctrl-C says enough
            for cell, row in results:
                if isinstance(row, str):
                    failed.append(f"{cell.label}: {row}")
                elif _read(cell, folder) is None:  # its worker does not see the folder
                    _write(cell, folder, row)
                done += not isinstance(row, str)
                if progress is not None:
                    progress(done, len(cells))
    except BrokenExecutor as error:
        raise OSError(f"a worker process died (was there too little memory?); what was done is kept: {error}") from None
    if failed:
        raise ValueError(f"{len(failed)} of {len(cells)} cells failed, the others are kept in {folder}; {failed[0]}")
    columns = ["policy", "scenario", "risk_aversion", "seed"]
    columns += [name for column in COLUMNS for name in (column, f"{column}_ci")]
    return pd.DataFrame([_read(cell, folder) for cell in cells], columns=columns)


def _cells(
    agents: Iterable[str] | Mapping[str, Policy | Maker],
    problem: Problem,
    scenarios: Iterable[str],
    risk_aversions: Iterable[float] | None,
    seeds: Iterable[int],
    episodes: int,
) -> Iterator[_Cell]:
    """All cells, checked before anything is computed."""
    named = dict(agents) if isinstance(agents, Mapping) else {name: _known(name) for name in agents}
    markets = {NORMAL: problem} | stress(problem)
    chosen = [choice("scenario", name, tuple(markets)) for name in scenarios]
    lambdas = [problem.risk_aversion] if risk_aversions is None else list(risk_aversions)
    lambdas = [real("risk_aversion", value, minimum=0) for value in lambdas]
    numbers = [integer("seed", seed, minimum=0) for seed in seeds]
    integer("episodes", episodes, minimum=2)
    for name, values in {"agents": named, "scenarios": chosen, "risk_aversions": lambdas, "seeds": numbers}.items():
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must be one or more different values, got {list(values)}")
    for name, agent in named.items():
        if hasattr(agent, "act"):
            check_policy(problem, agent, f"agents[{name!r}]")
        elif not callable(agent):
            raise TypeError(f"agents[{name!r}] must be a policy or a function that makes one, got {agent!r}")
    for name, agent in named.items():
        for scenario in chosen:
            for value in lambdas:
                market = markets[scenario].replace(risk_aversion=value)
                for seed in numbers:
                    mark = asdict(agent) if isinstance(agent, Training) else getattr(agent, "digest", None)
                    key = {
                        "kind": _KIND,
                        "policy": name,
                        "agent": mark,
                        "scenario": scenario,
                        "risk_aversion": value,
                        "seed": seed,
                        "episodes": episodes,
                        "problem": describe(market),
                    }
                    yield _Cell(key, agent, market)


@dataclass(frozen=True)
class Planner:
    """A policy of `optexec.stress.PLANNERS`, planned for its cell's own market."""

    name: str

    def __call__(self, problem: Problem, seed: int) -> Policy:
        """Plan; nothing is random."""
        return PLANNERS[self.name](problem)


def _known(name: str) -> Maker:
    choice("agent", name, (*PLANNERS, *LEARNERS))
    return Planner(name) if name in PLANNERS else Training(algorithm=name)


@contextmanager
def _results(
    cells: list[_Cell], folder: Path, backend: str, workers: int, scheduler: str | None
) -> Iterator[Iterator[tuple[_Cell, Any]]]:
    """Cells with their rows, or with what went wrong, as they finish."""
    if backend == "serial":
        yield ((cell, _compute(cell, folder)) for cell in cells)
        return
    run = secrets.token_hex(8)

    def tasks(some: Iterable[tuple[int, _Cell]]) -> Iterator[Any]:
        # asked for one by one as workers become free: another process on this folder may have done one by then
        return (joblib.delayed(_numbered)(i, cell, folder.absolute(), run, os.getpid()) for i, cell in some)

    def as_they_come() -> Generator[tuple[_Cell, Any], None, None]:
        parallel = joblib.Parallel(workers, batch_size=1, return_as="generator_unordered")
        for i, row in parallel(tasks(enumerate(cells))):
            yield cells[i], row

    def in_rounds() -> Iterator[tuple[_Cell, Any]]:
        parallel, left = joblib.Parallel(batch_size=1), enumerate(cells)
        while some := list(islice(left, ROUND * joblib.effective_n_jobs())):
            for i, row in parallel(tasks(some)):
                yield cells[i], row

    if backend == "loky":
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            results = as_they_come()
            try:
                yield results
            finally:  # after Ctrl-C workers are killed, as likely as not in the middle of a file
                results.close()
                for part in folder.glob(f"*-{run}.part"):
                    part.unlink(missing_ok=True)
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("backend dask needs dask: python -m pip install 'optexec[dask]'") from None
    with Client(scheduler), joblib.parallel_config("dask"):
        yield in_rounds()


def _numbered(i: int, cell: _Cell, folder: Path, run: str, parent: int) -> tuple[int, Any]:
    if os.getppid() == parent:  # not on a cluster, whose workers have another
        _end_with(parent)
    return i, _compute(cell, folder, run)


@cache
def _end_with(parent: int) -> None:
    """Let this process end when the one that started it has, however it ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _compute(cell: _Cell, folder: Path, run: str = "") -> dict[str, Any] | str:
    """A cell's row, kept where the folder is in reach; or what went wrong."""
    if (row := _read(cell, folder)) is not None:
        return row
    problem, key = cell.problem, cell.key
    try:
        with _one_thread():
            policy = cell.agent if hasattr(cell.agent, "act") else cell.agent(problem, key["seed"])
            threads = 1 if run else None  # a process a core
            table = evaluate(
                problem, {BASE: twap(problem), "\0": policy}, key["episodes"], key["seed"], threads=threads
            )
    except Exception as error:  # one bad cell of a thousand must not take the others with it
        return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    cells = {name: key[name] for name in ("policy", "scenario", "risk_aversion", "seed")}
    numbers = {str(name): float(value) for name, value in table.iloc[1].items()}
    row = cells | {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    if folder.is_dir():
        _write(cell, folder, row, run)
    return row


def _write(cell: _Cell, folder: Path, row: dict[str, Any], run: str = "") -> None:
    content = {"key": cell.key, "row": row}
    text = json.dumps({**content, "sha256": _digest(content)}, indent=1, allow_nan=False)
    with beside(cell.place(folder), run) as file:
        file.write(f"{text}\n".encode())


def _read(cell: _Cell, folder: Path) -> dict[str, Any] | None:
    """A cell's kept row; None where there is none, or a file that is damaged."""
    try:
        content = json.loads(cell.place(folder).read_bytes())
        stated = content.pop("sha256")
        if stated == _digest(content) and content["key"] == cell.key:
            row: dict[str, Any] = content["row"]
            return row
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch, if it is here, use one thread: how sums are split over threads changes their last bits."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 1
    try:
        if torch:
            torch.set_num_threads(1)
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
