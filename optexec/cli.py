"""The command line: ``optexec stress`` runs the stress tests, ``solve`` the exact optimum, ``train`` the learners.

Bad input is one line on standard error and exit code 2. A file is written beside its place and renamed, so that it is
there whole or not at all.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import pandas as pd
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from optexec import stress as stress_tests
from optexec._files import beside
from optexec.evaluation import evaluate
from optexec.offline.data import collect
from optexec.offline.protocol import SCORING
from optexec.presets import stochastic
from optexec.presets import stress as scenarios
from optexec.problem import Problem, describe

__all__ = ["app", "main"]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Optimal execution under stochastic liquidity.")

Episodes = Annotated[int, typer.Option("--episodes", help="Episodes per policy and scenario, at least 2.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the shocks, >= 0.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the rows to this file.")]
Names = Annotated[list[str] | None, typer.Option("--scenario", help="Only this scenario; may be repeated.")]


P = ParamSpec("P")


def one_line_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn a bad value into one line and exit code 2."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (ValueError, TypeError, OSError) as error:
            print(f"optexec: {error}", file=sys.stderr)
            raise typer.Exit(2) from None

    return wrapped


def write_json(path: Path, problem: Problem, seed: int, rows: pd.DataFrame) -> None:
    """Write the problem, the seed and the rows, with null for what is not defined."""
    records = [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in rows.to_dict(orient="records")
    ]
    text = json.dumps({"problem": describe(problem), "seed": seed, "rows": records}, indent=1, allow_nan=False)
    with beside(path) as file:
        file.write(f"{text}\n".encode())


def show(title: str, rows: pd.DataFrame) -> None:
    """Print the rows that a reader compares: means with the half-widths of their 95% intervals."""
    table = Table(
        "policy", "IS ($)", "J ($)", "J_mv ($)", "CVaR95 ($)", "completion", "violations", "gap closed", title=title
    )
    for row in rows.to_dict(orient="records"):
        cells = [
            f"{row[column]:,.{digits}f} ±{row[column + '_ci']:,.{digits}f}" if math.isfinite(row[column]) else "-"
            for column, digits in (
                ("is_mean", 1), ("objective", 1), ("objective_mv", 0), ("cvar95", 0),
                ("completion", 3), ("violations", 2), ("gap_closed", 3),
            )
        ]  # fmt: skip
        table.add_row(str(row["policy"]), *cells)
    wide = None if sys.stdout.isatty() else 160
    Console(width=wide).print(table)


@app.command()
@one_line_errors
def stress(episodes: Episodes = 100, seed: Seed = 42, json_file: Json = None, scenario: Names = None) -> None:
    """Run every policy in every stressed market, planned for the normal market and told the truth."""
    names = list(scenarios()) if scenario is None else scenario
    for name in names:
        stress_tests.scenario(name)  # an unknown name fails before any work
    check_writable(json_file)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("scenarios", total=len(names))

        def started(name: str) -> None:
            progress.update(task, description=name, completed=names.index(name))
            if not sys.stderr.isatty():
                print(f"{name} ...", file=sys.stderr, flush=True)

        rows = stress_tests.run(names, episodes, seed, progress=started)
    for name in names:
        show(name, rows[rows["scenario"] == name])
    print(f"{len(names)} scenarios, {episodes} episodes each, seed {seed}; ± is the 95% half-width over episodes")
    if json_file is not None:
        write_json(json_file, stochastic(), seed, rows)
        print(f"wrote {json_file}")


@app.command()
@one_line_errors
def solve(episodes: Episodes = 10_000, seed: Seed = 42, json_file: Json = None) -> None:
    """Solve the normal market exactly and put every policy beside the optimum."""
    check_writable(json_file)
    problem = stochastic()
    policies = {name: make(problem) for name, make in stress_tests.PLANNERS.items()}
    best = stress_tests.PLANNERS["optimum"](problem)
    rows = evaluate(problem, policies, episodes, seed).reset_index()
    rows.insert(0, "scenario", "normal")
    show("normal market", rows)
    print(f"exact optimum: J = ${best.value:,.4f}, grid error ${best.grid_error:.4f}")  # type: ignore[attr-defined]
    if json_file is not None:
        write_json(json_file, problem, seed, rows)
        print(f"wrote {json_file}")


@app.command()
@one_line_errors
def train(
    agent: Annotated[str, typer.Option("--agent", help="bcq, td3bc or bc.")],
    offline_episodes: Annotated[
        int, typer.Option("--offline-episodes", "--offline_episodes", help="Logged episodes to learn from.")
    ] = 1000,
    steps: Annotated[int, typer.Option("--steps", help="Gradient steps.")] = 10_000,
    batch_size: Annotated[int, typer.Option("--batch-size", "--batch_size", help="Transitions a step and seed.")] = 256,
    seeds: Annotated[int, typer.Option("--seeds", help="Agents, trained at once from seeds 0, 1, ...")] = 8,
    behaviour: Annotated[str, typer.Option("--behaviour", help="twap, twap-noise or mixture.")] = "mixture",
    scenario: Annotated[str, typer.Option("--scenario", help="normal, or a market of the stress tests.")] = "normal",
    data_seed: Annotated[int, typer.Option("--data-seed", "--data_seed", help="Seed of the logged episodes.")] = 0,
    out: Annotated[Path, typer.Option("--out", help="Existing folder for the agents and the checkpoint.")] = Path(),
) -> None:
    """Train agents on logged data of a market; after Ctrl-C the same command goes on where it was."""
    from optexec.offline import scoring  # torch takes seconds to import
    from optexec.offline import train as fit

    if not out.is_dir():
        raise ValueError(f"--out must be an existing folder, got {out}")
    problem = stochastic() if scenario == "normal" else stress_tests.scenario(scenario)
    data = collect(problem, behaviour, offline_episodes, data_seed)
    print(f"{behaviour}: {data.episodes} episodes, {len(data)} transitions, digest {data.digest[:12]}")
    name = f"{agent}-{behaviour}" if scenario == "normal" else f"{agent}-{scenario}-{behaviour}"
    checkpoint = out / f"{name}.checkpoint.npz"
    agents = fit(agent, data, range(seeds), steps, batch_size, checkpoint=checkpoint, progress=sys.stdout.isatty())
    path = out / f"{name}.npz"
    agents.save(path)
    checkpoint.unlink()
    if problem.order.max_participation is None:
        table = scoring.score(agents, episodes=2_000)
    else:  # no exact gap to pair with
        table = evaluate(problem, scoring.each(agents), 2_000, SCORING.episodes)
    show(f"2,000 fresh episodes of the market: {scenario}", table.reset_index())
    print(f"wrote {path}")


def check_writable(path: Path | None) -> None:
    """Refuse a file that cannot be written before hours of work, not after."""
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"--json must be in an existing folder, got {path}")
    if path is not None and path.is_dir():
        raise ValueError(f"--json must be a file, got the folder {path}")


def main() -> None:
    """Entry point; Ctrl-C ends with exit code 130."""
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
