"""Logged transitions as d3rlpy takes them. Runs in the environment of optexec.

    python benchmarks/peers/export.py FOLDER

Writes one npz a behaviour: the flat arrays of `Transitions.arrays`, actions moved from [0, 1] to [-1, 1] as the plain
view has them (d3rlpy's actor ends in tanh), and where the data come from.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import optexec as ox
from optexec._files import beside

SEED = 7
"""Of the data."""


def export(folder: Path, behaviour: str, episodes: int, seed: int) -> None:
    """Collect one data set and write it."""
    data = ox.collect(ox.presets.stochastic(), behaviour, episodes, seed)
    arrays: dict[str, Any] = data.arrays()
    arrays["actions"] = 2 * arrays["actions"] - 1
    arrays |= {"behaviour": behaviour, "episodes": episodes, "seed": seed, "digest": data.digest}
    with beside(folder / f"{behaviour}.npz") as file:
        np.savez_compressed(file, **arrays)
    print(f"{behaviour}.npz: {len(data):,} transitions, {data.digest[:12]}")


def main() -> None:
    """Write the mixture's data and TWAP's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SEED, help="of the data")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for behaviour in ("mixture", "twap"):
        export(given.folder, behaviour, given.episodes, given.seed)


if __name__ == "__main__":
    main()
