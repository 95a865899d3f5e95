"""How fast the vector environment is beside Gymnasium's vector of single ones, as ratios within one run.

    python benchmarks/environments.py

Random actions, automatic resets included. Both take turns of about an episode, and what is compared is the median of
the turns' ratios, so that a busy machine is busy for both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np

import optexec as ox

PROBLEM = ox.presets.stochastic()
TURN = PROBLEM.order.periods + 1
"""Steps: an episode, and the one that starts the next."""


def turns(env: gymnasium.vector.VectorEnv[Any, Any, Any]) -> Iterator[float]:
    """Seconds a step, turn after turn."""
    env.reset(seed=1)
    generator = np.random.default_rng(0)
    while True:
        actions = generator.random((TURN, env.num_envs, 1), dtype=np.float32)
        start = time.perf_counter()
        for action in actions:
            env.step(action)
        yield (time.perf_counter() - start) / TURN


def compare(name: str, ours: Callable[[int], Any], single: Callable[[], Any]) -> None:
    """Print a line for every number of environments."""
    for n in (1, 4, 16, 256, 1024):
        own, other = turns(ours(n)), turns(gymnasium.vector.SyncVectorEnv([single] * n))
        next(own), next(other)
        pairs = [(next(own), next(other)) for _ in range(max(5, 400 // n))]
        rates = [n / statistics.median(column) for column in zip(*pairs, strict=True)]
        ratio = statistics.median(slow / fast for fast, slow in pairs)
        wanted = "no promise" if n == 1 else ">= 2"
        print(
            f"{name:<20} {n:>5} {rates[0]:>10,.0f} steps/s, SyncVectorEnv {rates[1]:>8,.0f}: {ratio:6.1f}x ({wanted})"
        )


if __name__ == "__main__":
    compare("ExecutionVectorEnv", lambda n: ox.ExecutionVectorEnv(n, PROBLEM), lambda: ox.ExecutionEnv(PROBLEM))
