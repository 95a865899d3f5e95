"""CPU time a step of d3rlpy's learners at its defaults. Runs in the environment of d3rlpy, from benchmarks/offline.py.

    python benchmarks/peers/speed.py FOLDER/mixture.npz --steps td3_plus_bc=300 bcq=60

The last line of the output is JSON: CPU ms a step by learner, and versions. A step is all that ``fit`` does in one,
sampling of the batch included, on one thread and without progress bar or files.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import d3rlpy
import numpy as np
import torch

DEFAULTS = {"td3_plus_bc": d3rlpy.algos.TD3PlusBCConfig, "bcq": d3rlpy.algos.BCQConfig}


def milliseconds(algo: Any, data: Any, steps: int, warm: int) -> float:
    """CPU ms a step after some steps to warm up."""
    clock: list[float] = []

    def note(_algo: Any, _epoch: int, step: int) -> None:
        if step in (warm, warm + steps):
            clock.append(time.process_time())

    algo.fit(
        data,
        n_steps=warm + steps,
        n_steps_per_epoch=warm + steps,
        show_progress=False,
        logger_adapter=d3rlpy.logging.NoopAdapterFactory(),
        callback=note,
    )
    return 1e3 * (clock[1] - clock[0]) / steps


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", nargs="+", default=["td3_plus_bc=300", "bcq=60"], metavar="LEARNER=STEPS")
    parser.add_argument("--warm", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    d3rlpy.seed(0)
    with np.load(given.data, allow_pickle=False) as file:
        flat = {name: file[name] for name in ("observations", "actions", "rewards", "terminals")}
    data = d3rlpy.dataset.MDPDataset(**flat, action_space=d3rlpy.ActionSpace.CONTINUOUS)
    found: dict[str, Any] = {}
    for entry in given.steps:
        name, steps = entry.split("=")
        found[name] = milliseconds(DEFAULTS[name]().create(device="cpu:0"), data, int(steps), given.warm)
    found["versions"] = f"d3rlpy {d3rlpy.__version__}, torch {torch.__version__}, numpy {np.__version__}"
    print(json.dumps(found))


if __name__ == "__main__":
    main()
