"""What a gradient step of the offline learners costs, in one run, on one thread, beside d3rlpy's.

    python benchmarks/offline.py
    python benchmarks/offline.py --peer PYTHON      # the interpreter of benchmarks/peers/README.md

CPU time a step and seed, after warm-up, the sampling of batches included; all take turns on the same data, and each
keeps its best. d3rlpy trains one seed at a time, ours all together. Absolute times belong to the machine; the ratios
are what to watch. With ``--peer`` the exit code is 1 if a promised ratio is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

import optexec as ox

PEERS = Path(__file__).parent / "peers"
DATA_SEED = 7
WARM, STEPS = 50, 250
PEER_STEPS = {"td3_plus_bc": 250, "bcq": 60}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Contest(NamedTuple):
    """A learner of ours, d3rlpy's, and what was promised."""

    name: str
    algorithm: str
    config: str
    seeds: int
    peer: str
    wanted: float
    """d3rlpy's CPU time a seed over ours must be at least this"""


CONTESTS = (
    Contest("TD3+BC, default, 8 seeds", "td3bc", "tuned", 8, "td3_plus_bc", 10.0),
    Contest("TD3+BC, 256 x 256, 1 seed", "td3bc", "paper", 1, "td3_plus_bc", 1.0),
    Contest("BCQ, default, 8 seeds", "bcq", "tuned", 8, "bcq", 10.0),
)


def milliseconds(data: ox.Transitions, contest: Contest) -> float:
    """CPU ms a step and seed: a longer run less a shorter one, so that what a run costs at its start is not in it."""
    spent = []
    for steps in (WARM, WARM + STEPS):
        began = time.process_time()
        ox.offline.train(contest.algorithm, data, range(contest.seeds), steps, config=contest.config, progress=False)
        spent.append(time.process_time() - began)
    return 1e3 * (spent[1] - spent[0]) / STEPS / contest.seeds


def peer_milliseconds(python: str, arrays: Path) -> dict[str, Any]:
    """The same of d3rlpy's learners, in its own environment."""
    steps = [f"{name}={number}" for name, number in PEER_STEPS.items()]
    command = [python, str(PEERS / "speed.py"), str(arrays), "--steps", *steps]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ONE_THREAD
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Time, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", help="interpreter of an environment with d3rlpy")
    parser.add_argument("--rounds", type=int, default=3, help="turns that everyone takes")
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = ox.collect(ox.presets.stochastic(), "mixture", 1000, DATA_SEED)
    own = {contest: float("inf") for contest in CONTESTS}
    peer = dict.fromkeys(PEER_STEPS, float("inf"))
    versions = ""
    with tempfile.TemporaryDirectory() as folder:
        if given.peer:
            export = [sys.executable, str(PEERS / "export.py"), folder, "--seed", str(DATA_SEED)]
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
        for _ in range(given.rounds):
            for contest in CONTESTS:
                own[contest] = min(own[contest], milliseconds(data, contest))
            if given.peer:
                found = peer_milliseconds(given.peer, Path(folder) / "mixture.npz")
                versions = found["versions"]
                peer = {name: min(peer[name], found[name]) for name in peer}

    table = Table(title="CPU ms a gradient step and seed, one thread; d3rlpy at its defaults")
    for name in ("learner", "optexec", "d3rlpy", "ratio", "wanted", ""):
        table.add_column(name, justify="left" if name == "learner" else "right")
    missed = False
    for contest, cost in own.items():
        row = [contest.name, f"{cost:.2f}"]
        if given.peer:
            ratio = peer[contest.peer] / cost
            met = ratio >= contest.wanted
            missed |= not met
            row += [f"{peer[contest.peer]:.1f}", f"{ratio:.1f}x", f">= {contest.wanted:g}x", "met" if met else "MISSED"]
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"optexec: torch {torch.__version__}" + (f"; {versions}" if versions else ""))
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
