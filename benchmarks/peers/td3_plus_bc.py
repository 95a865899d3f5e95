"""Train d3rlpy's TD3PlusBC at the paper's settings. Runs in the environment of d3rlpy.

    python benchmarks/peers/td3_plus_bc.py FOLDER/mixture.npz FOLDER/td3_plus_bc.npz

Every seed's actor is written as plain arrays, with its standardiser and its own answers to a few observations, so that
`compare.py` can rebuild it without d3rlpy and check that it did. So are some first updates from known weights on known
batches, for `compare.py` to make again with our own learner.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import d3rlpy
import gymnasium
import numpy as np
import torch

PROBES = 256
"""Observations whose actions are written."""

UPDATES = 20
"""First updates that are written in full."""


def load(path: Path) -> tuple[Any, dict[str, Any]]:
    """An exported data set and its arrays."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    flat = {name: arrays[name] for name in ("observations", "actions", "rewards", "terminals")}
    return d3rlpy.dataset.MDPDataset(**flat, action_space=d3rlpy.ActionSpace.CONTINUOUS), arrays


def paper(scaler: Any) -> Any:
    """TD3+BC as published; every number is the one of ``TD3BCConfig.paper()``."""
    networks = d3rlpy.models.VectorEncoderFactory(hidden_units=[256, 256], activation="relu")
    return d3rlpy.algos.TD3PlusBCConfig(
        observation_scaler=scaler,
        actor_learning_rate=3e-4,
        critic_learning_rate=3e-4,
        actor_encoder_factory=networks,
        critic_encoder_factory=networks,
        batch_size=256,
        gamma=0.99,
        tau=0.005,
        n_critics=2,
        target_smoothing_sigma=0.2,
        target_smoothing_clip=0.5,
        alpha=2.5,
        update_actor_interval=2,
        compile_graph=False,
    ).create(device="cpu:0")


def weights(prefix: str, network: torch.nn.Module) -> dict[str, Any]:
    """Weights (out, in) and biases (out,) in the order of the layers."""
    return {f"{prefix}.{i}": part.detach().numpy().copy() for i, part in enumerate(network.parameters())}


def trained(data: Any, probes: Any, seed: int, steps: int) -> dict[str, Any]:
    """One seed's actor after training."""
    d3rlpy.seed(seed)
    algo = paper(d3rlpy.preprocessing.StandardObservationScaler())
    began = time.process_time()
    algo.fit(
        data,
        n_steps=steps,
        n_steps_per_epoch=steps,
        show_progress=False,
        logger_adapter=d3rlpy.logging.NoopAdapterFactory(),
    )
    seconds = time.process_time() - began
    print(f"seed {seed}: {steps:,} steps, {seconds:.0f} CPU seconds", flush=True)
    scaler = algo.config.observation_scaler
    return {
        f"{seed}.mean": scaler.mean,
        f"{seed}.scale": scaler.std + scaler.eps,
        f"{seed}.answers": algo.predict(probes)[:, 0],
        f"{seed}.seconds": np.array(seconds),
        **weights(f"{seed}.actor", algo.impl.policy),
    }


def first_updates(data: Any, arrays: dict[str, Any], updates: int) -> dict[str, Any]:
    """Weights, batches and noise of the first updates, and the weights after them."""
    d3rlpy.seed(0)
    seen = arrays["observations"].astype(np.float64)
    algo = paper(d3rlpy.preprocessing.StandardObservationScaler(mean=seen.mean(axis=0), std=seen.std(axis=0)))
    algo.build_with_dataset(data)
    networks = {"actor": algo.impl.policy, "first": algo.impl.q_function[0], "second": algo.impl.q_function[1]}
    kept: dict[str, Any] = {}
    for name, network in networks.items():
        kept |= weights(f"before.{name}", network)
    for step in range(updates):
        batch = data.sample_transition_batch(256)
        torch.manual_seed(step)
        noise = torch.randn(256, 1).numpy()
        torch.manual_seed(step)  # the update draws the same again
        algo.update(batch)
        fields = ("observations", "actions", "rewards", "next_observations", "terminals")
        kept |= {f"batch.{step}.{name}": getattr(batch, name) for name in fields}
        kept[f"batch.{step}.noise"] = noise
    for name, network in networks.items():
        kept |= weights(f"after.{name}", network)
    return kept


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)
    data, arrays = load(given.data)
    versions = {
        "d3rlpy": d3rlpy.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "gymnasium": gymnasium.__version__,
        "python": platform.python_version(),
    }
    probes = arrays["observations"][:: max(1, len(arrays["observations"]) // PROBES)][:PROBES]
    kept: dict[str, Any] = {name: arrays[name] for name in ("behaviour", "episodes", "seed", "digest")}
    kept |= {"steps": np.array(given.steps), "seeds": np.array(given.seeds), "versions": np.array(json.dumps(versions))}
    kept |= {"probes": probes, "updates": np.array(UPDATES), **first_updates(data, arrays, UPDATES)}
    for seed in given.seeds:
        kept |= trained(data, probes, seed, given.steps)
        np.savez_compressed(given.out, **kept)


if __name__ == "__main__":
    main()
