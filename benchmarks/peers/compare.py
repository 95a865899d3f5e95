"""TD3+BC at the paper's settings, ours against d3rlpy's. Runs in the environment of optexec.

    python benchmarks/peers/compare.py FOLDER/td3_plus_bc.npz

Trains ours on the same data for as many steps and seeds, and scores all actors on the same fresh episodes. Says

- whether d3rlpy's first updates, made again by our learner from the same weights, batches and noise, give its weights;
- whether the means over seeds agree: the 95% interval of their difference (Welch's, over seeds) contains 0.

Exit code 1 if one of them does not.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

import optexec as ox
from optexec.offline.learner import Batch
from optexec.offline.td3_bc import TD3BC
from optexec.offline.view import View

EPISODES, SEED = 20_000, 8
"""Fresh episodes for the scores, and their seed."""

ALIKE = 1e-3
"""Part of what the weights moved by that may separate ours from d3rlpy's after the shared updates: float32 rounding."""

Array = NDArray[np.float64]
Kept = Mapping[str, NDArray[Any]]


class Peer:
    """An actor of d3rlpy as a policy: standardise, a ReLU network, tanh, and from [-1, 1] back to fractions."""

    def __init__(self, kept: Kept, seed: int) -> None:
        self.mean, self.scale = kept[f"{seed}.mean"], kept[f"{seed}.scale"]
        self.layers = layers(kept, f"{seed}.actor")
        gap = np.abs(self.answer(kept["probes"]) - kept[f"{seed}.answers"]).max()
        if gap > 1e-5:
            raise ValueError(f"the rebuilt actor of seed {seed} is {gap:.2g} away from d3rlpy's own answers")

    def answer(self, observation: NDArray[np.floating[Any]]) -> Array:
        """Y (n,) in [-1, 1]."""
        hidden = (observation - self.mean) / self.scale
        for weight, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weight.T + bias, 0.0)
        weight, bias = self.layers[-1]
        return np.asarray(np.tanh(hidden @ weight.T + bias)[:, 0], dtype=np.float64)

    def act(self, observation: NDArray[np.floating[Any]]) -> Array:
        """Fractions (n,)."""
        return (self.answer(observation) + 1) / 2


def layers(kept: Kept, prefix: str) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Weights (out, in) and biases (out,) of a network."""
    parts = [kept[f"{prefix}.{i}"] for i in range(6)]
    return list(zip(parts[::2], parts[1::2], strict=True))


def moved(kept: Kept, data: ox.Transitions) -> tuple[float, float]:
    """How far our weights are from d3rlpy's after the shared updates, and how far those moved: Euclidean norms."""
    config = ox.offline.TD3BCConfig.paper()
    view = View.fit(config.view, data)
    learner = TD3BC(config, view.dimension, [np.random.default_rng(0)])

    def stacked(when: str, *names: str) -> list[torch.Tensor]:
        networks = [[array for pair in layers(kept, f"{when}.{name}") for array in pair] for name in names]
        columns = [np.stack([np.atleast_2d(part.T) for part in parts]) for parts in zip(*networks, strict=True)]
        return [torch.from_numpy(column) for column in columns]

    actors, critics = (learner.actor, learner.actor_target), (learner.critic, learner.critic_target)
    with torch.no_grad():
        for networks, names in ((actors, ("actor",)), (critics, ("first", "second"))):
            for network in networks:
                for layer, value in zip(network.layers, stacked("before", *names), strict=True):
                    layer.copy_(value)
    for step in range(int(kept["updates"])):
        batch = {key.rpartition(".")[2]: part for key, part in kept.items() if key.startswith(f"batch.{step}.")}
        rows = len(batch["rewards"])
        fields = {
            "state": view.state(batch["observations"]),
            "action": batch["actions"],
            "reward": batch["rewards"],
            "discount": config.view.discount * (1 - batch["terminals"]),
            "after": view.state(batch["next_observations"]),
            "weight": np.ones((rows, 1)),
            "free": np.ones((rows, 1)),
            "free_after": np.ones((rows, 1)),
        }
        tensors = {name: torch.from_numpy(np.asarray(part, dtype=np.float32))[None] for name, part in fields.items()}
        learner.update(step, Batch(**tensors), torch.from_numpy(batch["noise"])[None])
    apart = length = 0.0
    for network, names in ((learner.actor, ("actor",)), (learner.critic, ("first", "second"))):
        for ours, before, after in zip(
            network.layers, stacked("before", *names), stacked("after", *names), strict=True
        ):
            apart += float(((ours.detach() - after) ** 2).sum())
            length += float(((after - before) ** 2).sum())
    return apart**0.5, length**0.5


def difference(ours: Array, theirs: Array) -> tuple[float, float]:
    """The difference of two means and the half-width of its 95% interval (Welch)."""
    parts = np.array([sample.var(ddof=1) / len(sample) for sample in (ours, theirs)])
    freedom = parts.sum() ** 2 / sum(part**2 / (len(s) - 1) for part, s in zip(parts, (ours, theirs), strict=True))
    return float(ours.mean() - theirs.mean()), float(stats.t.ppf(0.975, freedom) * parts.sum() ** 0.5)


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", type=Path, help="what td3_plus_bc.py wrote")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(given.peer, allow_pickle=False) as file:
        kept = {name: file[name] for name in file.files}
    problem, seeds, steps = ox.presets.stochastic(), kept["seeds"].tolist(), int(kept["steps"])
    data = ox.collect(problem, str(kept["behaviour"]), int(kept["episodes"]), int(kept["seed"]))
    if data.digest != str(kept["digest"]):
        sys.exit(f"{given.peer} was trained on other data than this version collects: export and train again")

    apart, length = moved(kept, data)
    alike = apart < ALIKE * length
    print(
        f"{int(kept['updates'])} shared updates: the weights moved by {length:.4f}, ours are {apart:.2g} away from "
        f"d3rlpy's: {'the same algorithm' if alike else 'NOT the same algorithm'}"
    )

    began = time.process_time()
    agents = ox.offline.train("td3bc", data, seeds, steps, config="paper", progress=False)
    seconds = (time.process_time() - began) / len(seeds)
    theirs = {seed: Peer(kept, seed) for seed in seeds}
    policies: dict[str, Any] = {f"ours {seed}": agent for seed, agent in zip(seeds, agents, strict=True)}
    policies |= {f"d3rlpy {seed}": peer for seed, peer in theirs.items()}
    scores = ox.evaluate(problem, policies, EPISODES, SEED)

    print(f"gap closed, {kept['behaviour']} data, {steps:,} steps, {EPISODES:,} fresh episodes:")
    table = Table()
    for name in ("seed", "ours", "± paths", "d3rlpy", "± paths"):
        table.add_column(name, justify="right")
    for seed in seeds:
        pair: list[Any] = [scores.loc[f"{who} {seed}", ["gap_closed", "gap_closed_ci"]] for who in ("ours", "d3rlpy")]
        table.add_row(str(seed), *(f"{number:.3f}" for row in pair for number in row))
    closed = scores["gap_closed"].to_numpy()
    ours, peers = closed[: len(seeds)], closed[len(seeds) :]
    table.add_row("mean", f"{ours.mean():.3f}", "", f"{peers.mean():.3f}", "", end_section=True)
    Console(highlight=False).print(table)

    gap, half = difference(ours, peers)
    agree = abs(gap) <= half
    print(
        f"ours - d3rlpy: {gap:.3f} ± {half:.3f} (95%, over {len(seeds)} + {len(seeds)} seeds): "
        f"{'contains 0' if agree else 'does NOT contain 0'}"
    )
    peer_seconds = float(np.mean([kept[f"{seed}.seconds"] for seed in seeds]))
    print(f"CPU seconds a seed: ours {seconds:.0f}, d3rlpy {peer_seconds:.0f} (its own run)")
    print(f"ours: python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}")
    versions = json.loads(str(kept["versions"])).items()
    print("d3rlpy's: " + ", ".join(f"{name} {version}" for name, version in versions))
    sys.exit(0 if alike and agree else 1)


if __name__ == "__main__":
    main()
