"""How the time of a sweep falls with workers, as ratios within one run.

    python benchmarks/sweep.py [--workers 1 2 4] [--cells 16] [--episodes 50000]

Every sweep starts from an empty folder, with processes that are up (what starting them costs is the last line, once);
they take turns, and each keeps its best. The ratio is the serial time over the sweep's. What limits it is the number
of free cores: two hyper-threads of one are worth little more than one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor

from optexec.sweep import sweep


def seconds(folder: Path, workers: int, cells: int, episodes: int) -> float:
    """Of one sweep; no workers is the serial one."""
    backend = "loky" if workers else "serial"
    if workers:
        with parallel_config("loky", inner_max_num_threads=1):  # as the sweep asks for them
            Parallel(workers)(
                delayed(sweep)(["AC"], folder / f"up{i}", episodes=100, backend="serial") for i in range(workers)
            )
    began = time.perf_counter()
    sweep(
        ["rolling"], folder / "cells", seeds=range(cells), episodes=episodes, backend=backend, workers=workers or None
    )
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--episodes", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    best = dict.fromkeys([0, *options.workers], float("inf"))
    for _ in range(options.repeat):
        for workers in best:
            with tempfile.TemporaryDirectory() as folder:
                took = seconds(Path(folder), workers, options.cells, options.episodes)
            best[workers] = min(best[workers], took)
    print(f"{options.cells} cells of {options.episodes:,} episodes")
    for workers, took in best.items():
        name = f"{workers} worker{'s' if workers > 1 else ''}" if workers else "serial"
        print(f"{name:<12} {took:7.2f} s   {best[0] / took:5.2f}x the serial speed")
    get_reusable_executor().shutdown()
    began = time.perf_counter()
    Parallel(max(best))(delayed(time.time)() for _ in range(max(best)))
    print(f"starting {max(best)} workers: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
