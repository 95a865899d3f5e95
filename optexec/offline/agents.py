"""Trained agents: policies that carry where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from optexec._files import Arrays, digest, read_arrays, write_arrays
from optexec._validate import brief
from optexec.config import describe, restore
from optexec.observation import Observation, answered, observed
from optexec.offline.bc import BC
from optexec.offline.bcq import BCQ
from optexec.offline.data import differences
from optexec.offline.learner import Config, Learner
from optexec.offline.names import LEARNERS
from optexec.offline.td3_bc import TD3BC
from optexec.offline.view import View, ViewConfig
from optexec.problem import Problem

__all__ = ["ALGORITHMS", "Agents"]

Array = NDArray[np.float64]

ALGORITHMS: dict[str, type[Learner]] = {learner.name: learner for learner in (TD3BC, BCQ, BC)}
"""Algorithm by name."""

_KIND = "optexec agents"

UNFIT = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError)
"""What a file with a right digest and wrong contents makes Python, numpy and torch raise."""

ROWS = 1 << 15
"""Rows that go through the networks at once when acting: few enough for the processor's cache."""


@dataclass(frozen=True, eq=False)
class Agents:
    """The policies that one training run made, one a seed; as a policy, the mean of their fractions.

    Iterate for one policy a seed; ``agents[i]`` is the i-th.

    Attributes:
        algorithm: "td3bc", "bcq" or "bc".
        config: its settings.
        problem: in which the data were logged.
        views: how each agent sees observations, fitted to its own log.
        seeds: of the training, one an agent.
        networks: layers of the networks that act, by network; tensors (S, ...).
        trace: training curves, indexed by step and seed: loss, mean Q of the data (and BCQ's distance to the data).
        origin: plain data on the run: behaviour, episodes, data seed and digest, steps, batch size, versions, CPU
            seconds.
    """

    algorithm: str
    config: Config
    problem: Problem
    views: tuple[View, ...]
    seeds: tuple[int, ...]
    networks: dict[str, list[Tensor]] = field(repr=False)
    trace: pd.DataFrame = field(repr=False)
    origin: dict[str, Any] = field(repr=False)

    __repr__ = brief

    @property
    def label(self) -> str:
        """What a table calls the algorithm."""
        return LEARNERS[self.algorithm]

    @property
    def view(self) -> View:
        """How the first agent sees observations, and the others too where all learned from one log."""
        return self.views[0]

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, i: int) -> Agents:
        i = range(len(self))[i]  # negative indices count from the end, others raise
        networks = {name: [layer[i : i + 1] for layer in layers] for name, layers in self.networks.items()}
        trace = self.trace.loc[self.trace.index.get_level_values("seed") == self.seeds[i]]
        return replace(self, views=(self.views[i],), seeds=(self.seeds[i],), networks=networks, trace=trace)

    def __iter__(self) -> Iterator[Agents]:
        return (self[i] for i in range(len(self)))

    def states(self, observation: Observation) -> Tensor:
        """What the networks are given (S, n, d) at observations (n, 6)."""
        device = next(iter(self.networks.values()))[0].device
        if all(view is self.view for view in self.views):
            state = torch.from_numpy(self.view.state(observation)).to(device)
            return state.expand(len(self), *state.shape)
        return torch.from_numpy(np.stack([view.state(observation) for view in self.views])).to(device)

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the agents were trained for, with their values."""
        order, market = self.problem.order, self.problem.market
        by_size = market.transient > 0 or order.max_participation is not None
        return {"periods": order.periods, "dt": order.dt} | ({"shares": order.shares} if by_size else {})

    def fractions(self, observation: Observation) -> Array:
        """Every seed's fraction of current inventory (S, n) at observations (n, 6), (S,) at a single one (6,)."""
        seen, period = observed(observation, self.problem.order)
        learner, states = ALGORITHMS[self.algorithm], self.states(seen)
        rows = max(1, ROWS // (len(self) * learner.width(self.config)))  # at a time
        limit = torch.from_numpy(self.view.ceiling(seen).astype(np.float32)).to(states.device)[None, :, None]
        with torch.inference_mode():
            parts = [
                learner.decide(self.config, self.networks, part, ceiling)
                for part, ceiling in zip(torch.split(states, rows, 1), torch.split(limit, rows, 1), strict=True)
            ]
        y = torch.cat(parts, dim=1).cpu().numpy().astype(np.float64)
        fraction = self.view.decode(y, period)
        if self.config.view.trade != "wish":
            fraction = np.minimum(fraction, self.view.cap(seen))
        return answered(observation, fraction)

    def act(self, observation: Observation) -> Array:
        """The mean of the seeds' fractions (n,) at observations (n, 6), one at a single one (6,)."""
        mean: Array = self.fractions(observation).mean(axis=0)
        return mean

    def save(self, path: str | Path, half: bool = False) -> None:
        """Write an npz file of arrays and plain data, whole or not at all; ``half`` rounds the weights to 16 bits."""
        meta = {"kind": _KIND, **self._described(), "origin": self.origin}
        write_arrays(Path(path), meta, self._layers(np.float16 if half else np.float32) | pack_trace(self.trace))

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides how the agents act."""
        return digest(self._described(), self._layers(np.float32))

    def _described(self) -> dict[str, Any]:
        return {
            "algorithm": self.algorithm,
            "config": asdict(self.config),
            "problem": describe(self.problem),
            "views": [view.describe() for view in dict.fromkeys(self.views)],
            "seeds": list(self.seeds),
        }

    def _layers(self, kind: type[np.floating[Any]]) -> Arrays:
        return {
            f"{name}.{i}": layer.cpu().numpy().astype(kind)
            for name, part in self.networks.items()
            for i, layer in enumerate(part)
        }

    @classmethod
    def load(cls, path: str | Path, problem: Problem | None = None) -> Agents:
        """Read a file of `save`; no code in it is run.

        Args:
            path: the file.
            problem: what the agents must have been trained in; None for whatever the file says.

        Raises:
            FileNotFoundError: no such file.
            ValueError: truncated, changed, of another kind, or trained in another problem; the file is named.
        """
        meta, arrays = read_arrays(Path(path), _KIND)
        try:
            trained_in = restore(meta["problem"])
            config = restore_config(meta["algorithm"], meta["config"])
            fitted = [View.restore(view) for view in meta["views"]]
            views = tuple(fitted * len(meta["seeds"]) if len(fitted) == 1 else fitted)
            if len(views) != len(meta["seeds"]):
                raise ValueError(f"{len(views)} views for {len(meta['seeds'])} agents")
            trace = unpack_trace(arrays, meta["seeds"])
            networks = unpack_layers(arrays)
            agents = cls(
                meta["algorithm"], config, trained_in, views, tuple(meta["seeds"]), networks, trace, meta["origin"]
            )
            probe = np.tile(np.array([1, 1, 1, 0.02, 1, 0], dtype=np.float32), (3, 1))
            fractions = agents.fractions(probe)
            if fractions.shape != (len(views), 3) or not np.isfinite(fractions).all():
                raise ValueError("the weights do not give one finite fraction an agent")
        except UNFIT as error:
            said = " ".join(str(error).split())
            raise ValueError(f"{path} does not describe agents that this version knows: {said}") from None
        if problem is not None and problem != trained_in:
            raise ValueError(f"{path} was trained in another problem: {differences(problem, trained_in)}")
        return agents


def restore_config(algorithm: str, described: dict[str, Any]) -> Config:
    """The settings of an algorithm from plain data."""
    plain = dict(described)
    view = ViewConfig(**plain.pop("view"))
    lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
    return ALGORITHMS[algorithm].settings(view=view, **{**plain, **lists})


def pack_trace(trace: pd.DataFrame) -> Arrays:
    """A trace as arrays (T, S), float32, and its steps."""
    table = trace.unstack("seed", sort=False)  # noqa: PD010 (a pivot of an index)
    columns = {f"trace.{name}": table[name].to_numpy(dtype=np.float32) for name in trace.columns}
    return {"trace": table.index.to_numpy(dtype=np.int64), **columns}


def unpack_trace(arrays: Arrays, seeds: Sequence[int]) -> pd.DataFrame:
    """The inverse of `pack_trace`; takes its arrays out."""
    steps = arrays.pop("trace")
    names = [name for name in arrays if name.startswith("trace.")]
    index = pd.MultiIndex.from_product([steps, seeds], names=["step", "seed"])
    columns = {name.removeprefix("trace."): numbers(name, arrays.pop(name)).ravel() for name in names}
    return pd.DataFrame(columns, index=index)


def unpack_layers(arrays: Arrays) -> dict[str, list[Tensor]]:
    """Layers by network, in order."""
    networks: dict[str, list[Tensor]] = {}
    for key in sorted(arrays, key=lambda key: (key.rpartition(".")[0], int(key.rpartition(".")[2]))):
        networks.setdefault(key.rpartition(".")[0], []).append(torch.from_numpy(numbers(key, arrays[key])))
    return networks


def numbers(name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """An array of a file as float32.

    Raises:
        ValueError: not floating-point, or not finite.
    """
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must hold floating-point numbers, got {array.dtype}")
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite")
    return found
