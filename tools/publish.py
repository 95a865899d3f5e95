"""Make the agents that the report ships, or check them: everything in optexec/offline/shipped/ comes from here.

python tools/publish.py             train what is missing, score everything, write the manifest (about an hour)
python tools/publish.py --verify    train all again elsewhere, score, fail if a published figure left its interval

A run keeps checkpoints below .cache/: after Ctrl-C the same command goes on where it was. What is missing is told by
the settings; after a change of the algorithms' code, delete the files first.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from joblib import Parallel, delayed
from rich import print as say

import optexec as ox
from optexec._files import beside
from optexec.offline import ALGORITHMS, Agents, published, scoring
from optexec.offline.protocol import BATCH, EPISODES, SCORED, SCORING, STEPS, STUDIES, Study

CACHE = Path(__file__).parents[1] / ".cache"


def settings(study: Study) -> Any:
    """The config of a study."""
    kind = ALGORITHMS[study.algorithm].settings
    config = kind.tuned() if study.config == "tuned" else kind.paper()
    return dataclasses.replace(config, view=dataclasses.replace(config.view, reward=study.reward))


def key(study: Study) -> str:
    """What a study's agents depend on besides the code, hashed."""
    return hashlib.sha256(repr((study, settings(study), EPISODES, STEPS, BATCH)).encode()).hexdigest()


def trained(study: Study, folder: Path) -> None:
    """Train a study, or go on with it, unless its file is there and of the same settings."""
    torch.set_num_threads(1)
    path = folder / f"{study.name}.npz"
    if path.exists() and Agents.load(path).origin.get("key") == key(study):
        return
    CACHE.mkdir(exist_ok=True)
    checkpoint = CACHE / f"{study.name}-{key(study)[:12]}.npz"
    data = ox.collect(ox.presets.stochastic(), study.behaviour, EPISODES, study.data)
    agents = ox.offline.train(
        study.algorithm, data, study.seeds, STEPS, BATCH, config=settings(study), checkpoint=checkpoint, progress=False
    )
    dataclasses.replace(agents, origin={**agents.origin, "key": key(study)}).save(path)
    checkpoint.unlink()
    say(f"trained {study.name} in {agents.origin['cpu_seconds']:.0f} CPU s")


def scored(study: Study, folder: Path) -> dict[str, Any]:
    """The manifest's entry of a study."""
    torch.set_num_threads(1)
    path = folder / f"{study.name}.npz"
    agents = Agents.load(path)
    table = scoring.score(agents)
    seeds, mean = table.iloc[:-1], table.iloc[-1]
    columns = ("gap_closed", "gap_closed_ci", "objective", "objective_ci", "is_mean", "is_std")
    say(f"scored {study.name}: {mean['gap_closed']:.3f} (mean action)")
    return {
        "study": study.describe(),
        "sha256": published.file_digest(path),
        "config": dataclasses.asdict(agents.config),
        "origin": agents.origin,
        "scores": {column: [float(value) for value in seeds[column]] for column in columns},
        "mean_action": {column: float(mean[column]) for column in columns},
    }


def produce(folder: Path, jobs: int) -> dict[str, Any]:
    """Train what is missing in a folder and score all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    Parallel(n_jobs=jobs)(delayed(trained)(study, folder) for study in STUDIES)
    entries = Parallel(n_jobs=jobs)(delayed(scored)(study, folder) for study in STUDIES)
    return {study.name: entry for study, entry in zip(STUDIES, entries, strict=True)}


def within(study: Study, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a figure that was made again lies in the interval of the published one."""
    before = scoring.summary([np.array(old["scores"]["gap_closed"])], [np.array(old["scores"]["gap_closed_ci"])])
    after = scoring.summary([np.array(new["scores"]["gap_closed"])])
    held = before.low - before.path_ci <= after.value <= before.high + before.path_ci
    word = "[green]holds[/]" if held else "[red]left its interval[/]"
    say(f"{study.name}: {before.value:.3f} ({before.low:.3f} to {before.high:.3f}), now {after.value:.3f}: {word}")
    return held


def main(
    verify: Annotated[bool, typer.Option(help="Train again and compare; write nothing that is shipped.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes, one thread each.")] = 2,
) -> None:
    """Make or check the shipped agents."""
    say(f"{len(STUDIES)} studies, {STEPS:,} steps each, {SCORED:,} episodes of seed {SCORING.episodes} a score")
    if verify:
        again = produce(CACHE / "verify", jobs)
        held = [within(study, published.manifest()[study.name], again[study.name]) for study in STUDIES]
        raise typer.Exit(0 if all(held) else 1)
    entries = produce(published.FOLDER, jobs)
    with beside(published.FOLDER / "manifest.json") as file:
        file.write(f"{json.dumps(entries, indent=1)}\n".encode())


if __name__ == "__main__":
    typer.run(main)
