"""How time and memory of the planners and exact values grow with the number of periods.

    python benchmarks/long_orders.py [METHOD ...] [--periods 20 100 1000 10000]

Each method and N runs in a process of its own, so that its peak memory is its own; the last column is the time as a
multiple of that at N = 20. The order is cut into more periods, in a market of the same day: sigma, speed and volatility
of liquidity scale with dt, the cost of a trade with 1/dt. What a method refuses is said in place of its time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import optexec as ox
from optexec.policies import exact_objective

METHODS: dict[str, Callable[[ox.Problem], object]] = {
    "optimum": ox.optimum,
    "optimum, transient": lambda problem: ox.optimum(lingering(problem)),
    "optimum, participation": lambda problem: ox.optimum(capped(problem)),
    "exact_value of the optimum": lambda problem: ox.exact_value(problem, ox.optimum(problem)),
    "exact_value of TWAP": lambda problem: ox.exact_value(problem, ox.twap(problem)),
    "exact_objective of TWAP": lambda problem: exact_objective(problem, ox.twap(problem)),
    "exact_objective, transient": lambda problem: exact_objective(lasting := lingering(problem), ox.twap(lasting)),
    "best_static": ox.best_static,
    "best_static, transient": lambda problem: ox.best_static(lingering(problem)),
    "best_static, participation": lambda problem: ox.best_static(capped(problem)),
    "rolling": ox.rolling,
    "rolling, level forgotten": lambda problem: ox.rolling(
        ox.presets.stochastic().replace(periods=problem.order.periods)
    ),
}


def long_order(periods: int) -> ox.Problem:
    """The note's order in ``periods`` periods of a day of 20."""
    return ox.presets.stochastic().replace(periods=periods, dt=20 / periods, temporary=0.01 * periods / 20)


def lingering(problem: ox.Problem) -> ox.Problem:
    """The same, with transient impact."""
    return problem.replace(transient=0.002)


def capped(problem: ox.Problem) -> ox.Problem:
    """The same, at most 0.7% of the volume."""
    volume = problem.market.volume * 20 / problem.order.periods
    return problem.replace(volume=volume, max_participation=0.007, leftover_haircut=1.0)


def measured(method: str, periods: int) -> tuple[float | None, float, str]:
    """Seconds (None where it refuses), peak memory beyond the start's [MB], and why it refused."""
    problem, before = long_order(periods), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, refused = time.perf_counter(), ""
    try:
        METHODS[method](problem)
    except ValueError as error:
        refused = str(error)
    seconds = time.perf_counter() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return None if refused else seconds, peak, refused


def main() -> None:
    """Print a line a method and N."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--periods", nargs="*", type=int, default=[20, 100, 1_000, 10_000])
    chosen = parser.parse_args()
    if unknown := set(chosen.methods) - set(METHODS):
        parser.error(f"METHOD must be one of {', '.join(METHODS)}, got {sorted(unknown)}")
    print(f"{'method':<28} {'periods':>8} {'seconds':>9} {'MB':>7} {'multiple':>9}")
    for method in chosen.methods or METHODS:
        first: float | None = None
        for periods in chosen.periods:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, peak, refused = pool.apply(measured, (method, periods))
            if seconds is None:
                print(f"{method:<28} {periods:>8,} refused: {refused}")
                continue
            first = first or seconds
            print(f"{method:<28} {periods:>8,} {seconds:>9.3f} {peak:>7.0f} {seconds / first:>8.1f}x", flush=True)


if __name__ == "__main__":
    main()
