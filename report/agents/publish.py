"""Make the agents that the report ships and their scores, or check them: all of report/agents/shipped/ is from here.

python -m report.agents.publish                train and score what is missing (all: about two hours of two cores)
python -m report.agents.publish --only twap    the studies with "twap" in their name
python -m report.agents.publish --verify       train again elsewhere; fail if a published figure left its interval
python -m report.agents.publish --score        score again, by what scoring says today, what was simulated; agents that
                                               are not shipped are trained again for it

Each study's result is in the manifest as soon as it is there, and a training keeps checkpoints below .cache/: after
Ctrl-C the same command goes on where it was. What is missing is told by the settings; after a change of the algorithms'
code, delete the manifest first.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from joblib import Parallel, delayed
from rich import print as say

import optexec as ox
from optexec._files import beside
from optexec.offline import ALGORITHMS, Agents, scoring
from optexec.offline.training import FIRST
from report.agents import published
from report.agents.protocol import BATCH, STUDIES, Study, changes, market, trader

CACHE = Path(__file__).parents[2] / ".cache"


def settings(study: Study) -> Any:
    """The config of a study."""
    kind = ALGORITHMS[study.algorithm].settings
    config = kind.tuned() if study.config == "tuned" else kind.paper()
    changed = changes(study)
    seen = {field.name for field in dataclasses.fields(config.view)}
    view = dataclasses.replace(config.view, **{name: value for name, value in changed.items() if name in seen})
    return dataclasses.replace(
        config, view=view, **{name: value for name, value in changed.items() if name not in seen}
    )


def key(study: Study) -> str:
    """What a study's agents depend on besides the code, hashed."""
    trained_on = {name: value for name, value in study.describe().items() if name not in ("shipped", "transfers")}
    settled = dataclasses.asdict(settings(study))
    return hashlib.sha256(json.dumps([trained_on, settled, BATCH], sort_keys=True).encode()).hexdigest()


def trained(study: Study) -> Agents:
    """Train a study, or go on with it."""
    CACHE.mkdir(exist_ok=True)
    checkpoint = CACHE / f"{study.name}-{key(study)[:12]}.npz"
    problem = market(study.market)
    behaviour = trader(problem, study.behaviour)
    logs = [
        ox.collect(problem, behaviour, study.episodes, seed, observe_liquidity=not study.hidden) for seed in study.data
    ]
    agents = ox.offline.train(
        study.algorithm, logs, study.seeds, study.steps, BATCH, config=settings(study), checkpoint=checkpoint,
        checkpoint_every=2_000, progress=False,
    )  # fmt: skip
    checkpoint.unlink()
    return dataclasses.replace(agents, origin={**agents.origin, "key": key(study)})


def scored(study: Study, agents: Agents) -> dict[str, Any]:
    """Scores of agents that learned from one log, with the shortfall that tables show, or of those with a log each."""
    if len(study.data) == 1:
        return entries(scoring.score(agents), ("gap_closed", "gap_closed_ci", "objective", "is_mean", "is_std"))
    return closed(agents, market(study.market), not study.hidden)


def closed(agents: Agents, problem: ox.Problem, observe_liquidity: bool = True) -> dict[str, Any]:
    """Scores in a market, by `optexec.offline.scoring.closed`."""
    table = scoring.closed(scoring.each(agents), problem, observe_liquidity=observe_liquidity)
    return entries(table, ("gap_closed", "gap_closed_ci", "objective", "completion", "violations", "clipped"))


def entries(table: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, Any]:
    """A table of seeds that ends with their mean action as plain data; what was not simulated is null."""
    plain = {column: [None if np.isnan(value) else float(value) for value in table[column]] for column in columns}
    return {
        "scores": {column: values[:-1] for column, values in plain.items()},
        "mean_action": {column: values[-1] for column, values in plain.items()},
    }


def made(study: Study, folder: Path) -> tuple[str, dict[str, Any]]:
    """Train and score a study; its name and its entry in the manifest."""
    torch.set_num_threads(1)
    agents, file = trained(study), None
    if study.shipped:
        file = folder / f"{study.name}.npz"
        agents.save(file, half=len(study.data) > 1)
        agents = Agents.load(file)  # scored as they are shipped
    return study.name, entry(study, agents, file)


def entry(study: Study, agents: Agents, file: Path | None) -> dict[str, Any]:
    """What the manifest says of a study's agents; ``file`` holds those that are shipped."""
    transfers = {
        name: closed(agents, problem) for name, problem in ox.presets.stress().items() if name in study.transfers
    }
    return {
        "study": study.describe(),
        **({} if file is None else {"sha256": published.file_digest(file)}),
        "config": dataclasses.asdict(agents.config),
        "origin": agents.origin,
        "first": {name: values.tolist() for name, values in agents.trace.loc[FIRST].items()},
        **scored(study, agents),
        **({"elsewhere": transfers} if transfers else {}),
    }


def produce(studies: list[Study], folder: Path, jobs: int) -> dict[str, Any]:
    """Make what is missing in a folder; the manifest grows as studies are done."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.json"
    known: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}

    def there(study: Study) -> bool:
        entry, path = known.get(study.name), folder / f"{study.name}.npz"
        if entry is None or entry["origin"].get("key") != key(study):
            return False
        return not study.shipped or (path.exists() and published.file_digest(path) == entry.get("sha256"))

    missing = [study for study in studies if not there(study)]
    say(f"{len(missing)} of {len(studies)} studies to make")
    for name, found in Parallel(jobs, return_as="generator_unordered")(
        delayed(made)(study, folder) for study in missing
    ):
        known[name] = found
        write(known, folder)
        score, seconds = found["mean_action"]["gap_closed"], found["origin"]["cpu_seconds"]
        say(f"{name}: {score:.3f} (mean action) after {seconds:.0f} CPU s")
    return known


def write(known: dict[str, Any], folder: Path) -> None:
    """Write the manifest, studies in their order."""
    ordered = {study.name: known[study.name] for study in STUDIES if study.name in known}
    with beside(folder / "manifest.json") as file:
        file.write(f"{json.dumps(ordered, indent=1)}\n".encode())


def again(study: Study, folder: Path) -> tuple[str, dict[str, Any]]:
    """Score the agents of a study anew; its name and its entry in the manifest."""
    torch.set_num_threads(1)
    file = folder / f"{study.name}.npz" if study.shipped else None
    agents = trained(study) if file is None else Agents.load(file)
    return study.name, entry(study, agents, file)


def rescore(studies: list[Study], folder: Path, jobs: int) -> None:
    """Score again what episodes were simulated for; the manifest is brought up to date as studies are done."""
    known = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    simulated = [
        study
        for study in studies
        if any(any(table["scores"]["gap_closed_ci"]) for table in (known[study.name], *elsewhere(known[study.name])))
    ]
    say(f"{len(simulated)} of {len(studies)} studies to score")
    for name, found in Parallel(jobs, return_as="generator_unordered")(
        delayed(again)(study, folder) for study in simulated
    ):
        old, known[name] = known[name], found
        write(known, folder)
        within(name, old, found)


def elsewhere(known: dict[str, Any]) -> list[dict[str, Any]]:
    """The scores of a study's agents in the markets that they did not learn in."""
    return list(known.get("elsewhere", {}).values())


def within(name: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a figure that was made again lies in the interval of the published one."""
    before = scoring.summary([np.array(old["scores"]["gap_closed"])], [np.array(old["scores"]["gap_closed_ci"])])
    after = scoring.summary([np.array(new["scores"]["gap_closed"])])
    held = before.low - before.path_ci <= after.value <= before.high + before.path_ci
    word = "[green]holds[/]" if held else "[red]left its interval[/]"
    say(f"{name}: {before.value:.3f} ({before.low:.3f} to {before.high:.3f}), now {after.value:.3f}: {word}")
    return held


def main(
    verify: Annotated[bool, typer.Option(help="Train again and compare; write nothing that is shipped.")] = False,
    score: Annotated[bool, typer.Option(help="Score again what was simulated.")] = False,
    only: Annotated[str, typer.Option(help="Studies with this in their name alone.")] = "",
    jobs: Annotated[int, typer.Option(help="Processes, one thread each.")] = 2,
) -> None:
    """Make or check the shipped agents."""
    studies = [study for study in STUDIES if only in study.name]
    if not studies:
        say(f"only must be in the name of a study, got {only!r}")
        raise typer.Exit(2)
    if verify:
        anew = produce(studies, CACHE / "verify", jobs)
        held = [within(study.name, published.manifest()[study.name], anew[study.name]) for study in studies]
        raise typer.Exit(0 if all(held) else 1)
    if score:
        rescore(studies, published.FOLDER, jobs)
        return
    produce(studies, published.FOLDER, jobs)


if __name__ == "__main__":
    typer.run(main)
