"""The one training loop: all seeds at once, with progress, checkpoints and an exact way to go on from one.

Everything random is keyed by (seed, purpose, chunk of steps) and drawn on the processor, so a seed's batches do not
depend on the others or on the device, and a resumed run needs to know the step alone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from optexec._files import Arrays, check_writable, read_arrays, write_arrays
from optexec._validate import choice, integer, real
from optexec.config import describe
from optexec.noise import stream
from optexec.offline.agents import ALGORITHMS, UNFIT, Agents, numbers, pack_trace, unpack_trace
from optexec.offline.data import Transitions, unlike
from optexec.offline.learner import Batch, Config, Learner
from optexec.offline.names import LEARNERS
from optexec.offline.view import View

__all__ = ["OtherRunError", "train"]

CHUNK = 50
"""Steps whose batches are drawn at once."""

EVERY = 100
"""Steps between two entries of the trace."""

FIRST = 20
"""Step of an early entry, by which a training that is begun again can be told from the one that was published."""

INITIAL, ROWS, NOISE = 200, 201, 202
"""Channels of a training seed."""

_KIND = "optexec checkpoint"


class OtherRunError(ValueError):
    """A checkpoint is of a run with other settings."""


def train(
    algorithm: str,
    data: Transitions | Sequence[Transitions],
    seeds: Iterable[int] = range(8),
    steps: int = 10_000,
    batch_size: int = 256,
    *,
    config: Config | str = "tuned",
    device: str | torch.device = "cpu",
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 500,
    stop_after: int | None = None,
    progress: bool = True,
) -> Agents:
    """Train one agent a seed on logged data.

    Args:
        algorithm: "td3bc", "bcq" or "bc".
        data: from `optexec.collect` or `Transitions.load`; or one log a seed, of the same problem and length, so that
            the spread between agents holds the luck of the log too.
        seeds: of initial weights, batches and noise; one agent each, all trained together.
        steps: gradient steps, >= 1.
        batch_size: transitions a step and seed, >= 1.
        config: settings, or "tuned" or "paper" for the algorithm's own.
        device: of torch, e.g. "cpu" or "cuda"; one that is on this machine.
        checkpoint: file to keep the run in; if it is there already the run goes on from it. On one machine with one
            thread the weights are then those of a run that was never interrupted, bit for bit.
        checkpoint_every: steps between two writes of the checkpoint. Ctrl-C leaves the last one.
        stop_after: train only this many of the steps, as the beginning of the whole; None for all.
        progress: whether to show a bar with the loss and the mean Q of the data.

    Returns:
        `Agents`, whose weights are the running average of the last ones (or the last, if the settings say so).

    Raises:
        ValueError: an unknown algorithm or setting, no seeds, a seed twice, a number outside its range, a diverged
            training, or a checkpoint of another run; the message says what differs.
    """
    settings = _settled(algorithm, seeds, steps, batch_size, config, device)
    every = integer("checkpoint_every", checkpoint_every, minimum=1)
    end = settings.steps
    if stop_after is not None:
        end = min(end, integer("stop_after", stop_after, minimum=1))
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None:
        check_writable(path, "checkpoint")
    logs = _logs(data, len(settings.seeds))
    views = [View.fit(settings.config.view, log) for log in logs]
    batches, learner = _Batches.of(settings, views, logs), _learner(settings, views, logs)
    run = _Run(path, settings, logs, learner)
    first = run.resume()
    with _bar(progress) as bar:
        task = None if bar is None else bar.add_task(LEARNERS[settings.algorithm], total=end, completed=first, shown="")
        for done, entry in _steps(settings, learner, batches, first, end):
            if done in (FIRST, settings.steps) or done % EVERY == 0:
                run.trace.add(done, entry)
                if bar is not None and task is not None:
                    bar.update(task, completed=done, shown=run.trace.latest())
            if done % every == 0 and done < end:
                run.keep(done)
    if first < end:
        run.keep(end)
    return run.agents(views)


@dataclass(frozen=True)
class _Settings:
    """What a training is asked for, checked."""

    algorithm: str
    config: Config
    seeds: tuple[int, ...]
    steps: int
    batch_size: int
    device: str


def _settled(algorithm: str, seeds: Any, steps: int, batch_size: int, config: Config | str, device: Any) -> _Settings:
    """The settings of a training, or an error that names what does not fit."""
    learner_type = ALGORITHMS[choice("algorithm", algorithm, tuple(ALGORITHMS))]
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds must be one or more different integers, such as range(8), got {seeds!r}")
    chosen = tuple(integer("seeds", seed, minimum=0) for seed in seeds)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds must be one or more different integers, got {list(chosen)}")
    if isinstance(config, str):
        choice("config", config, ("tuned", "paper"))
        config = learner_type.settings.tuned() if config == "tuned" else learner_type.settings.paper()
    elif not isinstance(config, learner_type.settings):
        raise TypeError(f"config must be a {learner_type.settings.__name__} or its name, got {config!r}")
    steps, batch_size = integer("steps", steps, minimum=1), integer("batch_size", batch_size, minimum=1)
    return _Settings(algorithm, config, chosen, steps, batch_size, _device(device))


def _learner(settings: _Settings, views: Sequence[View], logs: Sequence[Transitions]) -> Learner:
    """The networks of all seeds, with their initial weights."""
    spreads = [view.spread(log) for view, log in zip(views, logs, strict=True)]
    spread = spreads[0] if len(logs) == 1 else torch.tensor(spreads, device=settings.device)[:, None, None]
    streams = [stream(seed, INITIAL, 0) for seed in settings.seeds]
    pressed = views[0].transient and settings.config.view.state == "homogeneous"
    made = ALGORITHMS[settings.algorithm](settings.config, views[0].dimension, streams, spread, pressed)
    return made.to(settings.device)


@dataclass(frozen=True)
class _Batches:
    """The data as training reads them."""

    packed: Tensor
    """(logs x length, width), log after log"""
    widths: list[int]
    """of a batch's fields"""
    length: int
    """of a log"""
    offset: Tensor | int
    """where each seed's log begins"""

    @classmethod
    def of(cls, settings: _Settings, views: Sequence[View], logs: Sequence[Transitions]) -> _Batches:
        """All logs, as their views see them."""
        packed, widths = _packed(views, logs, settings.device)
        starts = torch.arange(len(logs), device=settings.device)[:, None] * len(logs[0])
        return cls(packed, widths, len(logs[0]), starts if len(logs) > 1 else 0)

    def at(self, rows: Tensor) -> Batch:
        """The transitions of rows (S, B) of each seed's log."""
        gathered = self.packed[(rows + self.offset).reshape(-1)].reshape(*rows.shape, -1)
        return Batch(*torch.split(gathered, self.widths, dim=-1))


def _steps(
    settings: _Settings, learner: Learner, batches: _Batches, first: int, end: int
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Train from one step to another: how many are done, and each step's entry of the trace."""
    for step in range(first, end):
        chunk, place = divmod(step, CHUNK)
        if step == first or place == 0:
            rows, noise = _drawn(settings, chunk, batches.length, learner.noise)
        learner.anneal(step / settings.steps)
        yield step + 1, learner.update(step + 1, batches.at(rows[place]), noise[place])


class _Run:
    """A training as it goes on: what it is of, how long it took, its curves, and the file that it is kept in."""

    def __init__(self, path: Path | None, settings: _Settings, logs: Sequence[Transitions], learner: Learner) -> None:
        self.path, self.settings, self.log, self.learner = path, settings, logs[0], learner
        self.trace = Trace(settings.seeds)
        alone = len(logs) == 1
        self.described = {
            "algorithm": settings.algorithm,
            "config": asdict(settings.config),
            "seeds": list(settings.seeds),
            "steps": settings.steps,
            "batch_size": settings.batch_size,
            "behaviour": self.log.behaviour,
            "episodes": self.log.episodes,
            "data_seed": self.log.seed if alone else [log.seed for log in logs],
            "data": self.log.digest if alone else [log.digest for log in logs],
            "torch": torch.__version__,
            "problem": describe(self.log.problem),
        }
        self.versions = {"python": platform.python_version(), "numpy": np.__version__}
        self._before, self._began = 0.0, time.process_time()

    @property
    def seconds(self) -> float:
        """CPU time so far, that of interrupted runs included."""
        return self._before + time.process_time() - self._began

    def resume(self) -> int:
        """Go on from the file, if it is there: how many steps are done."""
        if self.path is None or not self.path.exists():
            return 0
        done, self._before = _resume(self.path, self.described, self.learner, self.trace)
        self._began = time.process_time()
        return done

    def keep(self, done: int) -> None:
        """Write the state after so many steps."""
        if self.path is not None:
            meta = {"kind": _KIND, **self.described, **self.versions, "done": done, "seconds": self.seconds}
            write_arrays(self.path, meta, _tensors(self.learner) | pack_trace(self.trace.table()))

    def agents(self, views: Sequence[View]) -> Agents:
        """What was trained."""
        settings, problem = self.settings, self.log.problem
        told = ("steps", "batch_size", "data", "torch", "behaviour", "episodes", "data_seed")
        origin = {
            **{key: self.described[key] for key in told},
            "observe_liquidity": self.log.observe_liquidity,
            **self.versions,
            "device": settings.device,
            "cpu_seconds": round(self.seconds, 1),
        }
        acting = self.learner.acting().items()
        networks = {name: [layer.detach().clone() for layer in layers] for name, layers in acting}
        each = tuple(views) * (len(settings.seeds) // len(views))
        return Agents(
            settings.algorithm, settings.config, problem, each, settings.seeds, networks, self.trace.table(), origin
        )


class Trace:
    """Training curves as they grow."""

    def __init__(self, seeds: tuple[int, ...]) -> None:
        self.seeds = seeds
        self.steps: list[int] = []
        self.columns: dict[str, list[np.ndarray[Any, Any]]] = {}

    def add(self, step: int, entry: dict[str, Tensor]) -> None:
        """Keep one step's entries (S,).

        Raises:
            ValueError: one is not finite.
        """
        self.steps.append(step)
        for name, values in entry.items():
            array = values.cpu().numpy()
            if not np.isfinite(array).all():
                seed = self.seeds[int(np.flatnonzero(~np.isfinite(array))[0])]
                raise ValueError(f"training diverged: {name} is not finite at step {step} for seed {seed}")
            self.columns.setdefault(name, []).append(array)

    def latest(self) -> str:
        """The newest entries, averaged over seeds."""
        return "  ".join(f"{name} {values[-1].mean():.4g}" for name, values in self.columns.items())

    def table(self) -> pd.DataFrame:
        """All entries, indexed by step and seed."""
        index = pd.MultiIndex.from_product([self.steps, self.seeds], names=["step", "seed"])
        return pd.DataFrame({name: np.concatenate(values) for name, values in self.columns.items()}, index=index)

    def restore(self, table: pd.DataFrame) -> None:
        """Take over the entries of a table."""
        self.steps = table.index.get_level_values("step").unique().tolist()
        shape = (len(self.steps), len(self.seeds))
        self.columns = {str(name): list(table[name].to_numpy().reshape(shape)) for name in table.columns}


def _device(given: Any) -> str:
    """The name of a device that is on this machine."""
    allowed = ["cpu"]
    if torch.accelerator.is_available() and (accelerator := torch.accelerator.current_accelerator()) is not None:
        numbers = range(torch.accelerator.device_count())
        allowed += [accelerator.type, *(f"{accelerator.type}:{number}" for number in numbers)]
    if not isinstance(given, str | torch.device):
        raise TypeError(f"device must be one of {allowed} on this machine, got {given!r}")
    if str(given) not in allowed:
        raise ValueError(f"device must be one of {allowed} on this machine, got {str(given)!r}")
    return str(given)


def _logs(data: Transitions | Sequence[Transitions], agents: int) -> list[Transitions]:
    """One log for all agents, or one each."""
    logs = [data] if isinstance(data, Transitions) else list(data)
    for log in logs:
        if not isinstance(log, Transitions):
            raise TypeError(f"data must be optexec Transitions, got {type(log).__name__}")
    if len(logs) not in (1, agents):
        raise ValueError(f"data must be one log, or one a seed, got {len(logs)} logs for {agents} seeds")
    alike = {(len(log), log.observe_liquidity) for log in logs}
    if len(alike) > 1 or any(log.problem != logs[0].problem for log in logs):
        raise ValueError("data must be logs of one problem, of one length and with the same observations")
    return logs


def _packed(views: Sequence[View], logs: Sequence[Transitions], device: str) -> tuple[Tensor, list[int]]:
    """All of the data in one tensor (m, width), log after log, and the widths of a batch's fields."""
    packed = [view.pack(log) for view, log in zip(views, logs, strict=True)]
    columns = [np.concatenate(parts).reshape(sum(map(len, logs)), -1) for parts in zip(*packed, strict=True)]
    whole = np.concatenate(columns, axis=1)
    if not np.isfinite(whole).all():
        raise ValueError("the data overflow float32 as this view sees them: rescale the problem")
    return torch.from_numpy(whole).to(device), [column.shape[1] for column in columns]


def _drawn(settings: _Settings, chunk: int, length: int, normals: int) -> tuple[Tensor, Tensor]:
    """Rows (CHUNK, S, B) of logs and standard normals (CHUNK, S, B, normals) of a chunk of steps."""
    shape = (CHUNK, settings.batch_size)
    rows = [stream(seed, ROWS, chunk).integers(length, size=shape) for seed in settings.seeds]
    noise = [stream(seed, NOISE, chunk).standard_normal((*shape, normals), dtype=np.float32) for seed in settings.seeds]
    stacked = (torch.from_numpy(np.stack(parts, axis=1)).to(settings.device) for parts in (rows, noise))
    return next(stacked), next(stacked)


def _tensors(learner: Learner) -> Arrays:
    """Weights and the optimisers' moments as arrays."""
    found = {f"weights.{name}": tensor.cpu().numpy() for name, tensor in learner.state_dict().items()}
    for name, optimiser in learner.optimisers.items():
        for i, state in optimiser.state_dict()["state"].items():
            found |= {f"{name}/{i}/{key}": value.cpu().numpy() for key, value in state.items()}
    return found


def _resume(path: Path, run: dict[str, Any], learner: Learner, trace: Trace) -> tuple[int, float]:
    """Put a checkpoint's state in place: steps done, CPU seconds."""
    meta, arrays = read_arrays(path, _KIND)
    here = _plain(run)
    there = {key: meta.get(key) for key in run}
    if there != here:
        raise OtherRunError(f"{path} is of another run: {unlike(here, there) or 'its settings are damaged'}")
    try:
        trace.restore(unpack_trace(arrays, meta["seeds"]))
        learner.load_state_dict(_stored(arrays, learner.state_dict(), "weights."))
        for name, optimiser in learner.optimisers.items():
            described = optimiser.state_dict()
            parameters = optimiser.param_groups[0]["params"]
            described["state"] = {
                i: _stored(arrays, dict.fromkeys(("exp_avg", "exp_avg_sq"), parameter), f"{name}/{i}/")
                | _stored(arrays, {"step": torch.zeros(())}, f"{name}/{i}/")
                for i, parameter in enumerate(parameters)
                if f"{name}/{i}/step" in arrays
            }
            optimiser.load_state_dict(described)
        done = integer("done", meta["done"], minimum=1)
        if done > run["steps"] or arrays.keys() - _tensors(learner).keys():
            raise ValueError("its steps or its arrays are not those of such a run")
        return done, real("seconds", meta["seconds"], minimum=0)
    except UNFIT as error:
        said = " ".join(str(error).split())
        raise ValueError(f"{path} does not describe a checkpoint that this version knows: {said}") from None


def _stored(arrays: Arrays, like: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors from arrays of the same names behind a prefix, and of the same shapes."""
    found = {}
    for name, tensor in like.items():
        array = numbers(name, arrays[f"{prefix}{name}"])
        if array.shape != tuple(tensor.shape):
            raise ValueError(f"{name} must have shape {tuple(tensor.shape)}, got {array.shape}")
        found[name] = torch.from_numpy(array)
    return found


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON: tuples are lists."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _bar(progress: bool) -> Any:
    """A progress bar, or nothing."""
    if not progress:
        return nullcontext()
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[shown]}"), TimeRemainingColumn(),
    )  # fmt: skip
