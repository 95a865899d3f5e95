"""How fast the simulator, the environments and the planners are, as ratios within one run.

    python benchmarks/speed.py

Every figure stands beside a ceiling measured in the same run: the rate at which numpy alone draws the same normals, or
another environment on the same machine. Absolute times belong to the machine; the ratios are what to watch.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

import optexec as ox

PROBLEM = ox.presets.stochastic()
PERIODS = PROBLEM.order.periods


class Constant:
    """A policy that looks at its observations' shape and no further."""

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A tenth of what is left."""
        return np.full(len(observation), 0.1)


def best(*jobs: Callable[[], object], repeat: int = 15) -> list[float]:
    """Shortest time of each job [s]; the jobs take turns, so that they see the same weather."""
    times = [float("inf")] * len(jobs)
    for _ in range(repeat):
        for i, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            times[i] = min(times[i], time.perf_counter() - start)
    return times


def report(name: str, seconds: float, ceiling: str, ceiling_seconds: float, wanted: str) -> None:
    """One line: the time, the ceiling's, their ratio and what was promised."""
    ratio = ceiling_seconds / seconds
    print(
        f"{name:<44} {1e3 * seconds:9.2f} ms   {ceiling:<34} {1e3 * ceiling_seconds:9.2f} ms   {ratio:5.2f}x ({wanted})"
    )


def batch_simulator(episodes: int) -> None:
    """`simulate` with three normals a step (price, slippage, liquidity) against one thread that draws them alone."""
    generator = np.random.Generator(np.random.SFC64(1))
    buffer = np.empty((PERIODS, episodes))
    policies: dict[str, tuple[ox.Policy, str]] = {
        "a schedule": (ox.twap(PROBLEM), ">= 0.8"),
        "the rolling rule": (ox.rolling(PROBLEM), ">= 0.6"),
        "a policy that observes": (Constant(), ">= 0.6"),
    }

    def draw() -> None:
        for _ in range(3):
            generator.standard_normal(out=buffer)

    def run(policy: ox.Policy, threads: int) -> None:
        done = ox.simulate(PROBLEM, policy, episodes, threads=threads)
        assert len(done.shortfall) == len(done.running_risk) == episodes

    jobs = [functools.partial(run, policy, threads) for policy, _ in policies.values() for threads in (1, 2)]
    draws, *times = best(draw, *jobs, repeat=max(5, 300_000 // episodes))
    print(f"simulate, {episodes:,} episodes; numpy draws the normals that it needs in {1e3 * draws:.2f} ms")
    for (name, (_, wanted)), one, two in zip(policies.items(), times[::2], times[1::2], strict=True):
        print(
            f"    {name:<24} one thread {1e3 * one:8.2f} ms {draws / one:5.2f}x   two threads {1e3 * two:8.2f} ms "
            f"{draws / two:5.2f}x ({wanted})   two over one {one / two:5.2f} (>= 1.7 on two cores)"
        )


def single_environment(steps: int = 4_000) -> None:
    """One environment against Gymnasium's Pendulum-v1, both as `gymnasium.make` gives them."""

    def play(env: gymnasium.Env[Any, Any]) -> None:
        env.reset(seed=1)
        for _ in range(steps):
            _, _, terminated, truncated, _ = env.step(action[env])
            if terminated or truncated:
                env.reset()

    ours, pendulum = gymnasium.make("optexec/Execution-v0"), gymnasium.make("Pendulum-v1")
    action = {env: np.array([0.1], dtype=np.float32) for env in (ours, pendulum)}
    own, other = best(lambda: play(ours), lambda: play(pendulum))
    report(f"Env, {steps:,} steps", own, "Pendulum-v1, as many steps", other, ">= 1")


def vector_environment(n: int = 1_024) -> None:
    """The vector environment against `simulate` with a policy that observes."""
    env = gymnasium.make_vec("optexec/Execution-v0", num_envs=n, problem=PROBLEM)
    actions, constant = np.full((n, 1), 0.1), Constant()

    def play() -> None:
        env.reset(seed=42)
        for _ in range(PERIODS):
            env.step(actions)

    own, batch = best(play, lambda: ox.simulate(PROBLEM, constant, n), repeat=60)
    report("VectorEnv, 1,024 environments", own, "simulate, as many episodes", batch, ">= 0.5")


def growth() -> None:
    """Time per step as episodes and periods double: 1 is exactly linear."""
    schedule = ox.twap(PROBLEM)
    once, twice = best(
        lambda: ox.simulate(PROBLEM, schedule, 20_000), lambda: ox.simulate(PROBLEM, schedule, 40_000), repeat=7
    )
    print(f"{'twice the episodes cost':<44} {twice / once:9.2f} times as much (about 2)")
    long = PROBLEM.replace(periods=2 * PERIODS)
    long_schedule = ox.twap(long)
    once, twice = best(
        lambda: ox.simulate(PROBLEM, schedule, 20_000), lambda: ox.simulate(long, long_schedule, 20_000), repeat=7
    )
    print(f"{'twice the periods cost':<44} {twice / once:9.2f} times as much (about 2)")


def planners() -> None:
    """The planners, once their operator is cached and from nothing."""
    from optexec.liquidity import cached_chain

    def cold(make: Callable[[ox.Problem], object]) -> Callable[[], object]:
        def job() -> object:
            cached_chain.cache_clear()
            return make(PROBLEM)

        return job

    for name, make in (("best_static", ox.best_static), ("rolling", ox.rolling), ("optimum", ox.optimum)):
        first, again = best(cold(make), lambda make=make: make(PROBLEM), repeat=7)  # type: ignore[misc]
        print(f"{name:<44} {1e3 * first:9.2f} ms from nothing, {1e3 * again:.2f} ms with the operator cached")


def optimum_growth() -> None:
    """Time of the exact optimum as the periods double, its operator cached: 2 is exactly linear."""
    problems = [PROBLEM.replace(periods=periods) for periods in (40, 80)]
    for problem in problems:
        ox.optimum(problem)
    once, twice = best(*(lambda problem=problem: ox.optimum(problem) for problem in problems), repeat=15)
    print(f"{'optimum: twice the periods cost':<44} {twice / once:9.2f} times as much (about 2)")


if __name__ == "__main__":
    batch_simulator(10_000)
    batch_simulator(100_000)
    single_environment()
    vector_environment()
    growth()
    planners()
    optimum_growth()
