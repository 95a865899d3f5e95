"""The commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optexec import config as configuration
from optexec import stress as stress_tests
from optexec._files import check_folder, check_writable
from optexec._version import VERSION
from optexec.cli.output import counted, number, one_line_errors, progress_of, report, say, show, show_sweep
from optexec.config import describe
from optexec.evaluation import evaluate
from optexec.offline.data import collect, unlike
from optexec.offline.names import LEARNERS
from optexec.optimum import optimum
from optexec.presets import stochastic
from optexec.presets import stress as scenarios
from optexec.problem import Order, Problem
from optexec.simulator import Policy
from optexec.sweep import NORMAL, Planner, Training
from optexec.sweep import sweep as run_sweep

if TYPE_CHECKING:
    from optexec.offline import Agents

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # --offline_episodes is --offline-episodes
    context_settings={"token_normalize_func": lambda name: name.replace("_", "-")},
)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="TOML file of the problem, in place of the original note's, or - for standard input."
    ),
]
Episodes = Annotated[int, typer.Option("--episodes", help="Episodes per policy and scenario, at least 2.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the shocks, >= 0.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the problem and the rows to this file.")]
Names = Annotated[list[str] | None, typer.Option("--scenario", help="Only this scenario; may be repeated.")]
Folder = Annotated[
    Path | None,
    typer.Option("--agents", help="Folder of trained agents (*.npz), which join the table: the mean of their seeds."),
]
OfflineEpisodes = Annotated[int, typer.Option("--offline-episodes", help="Logged episodes to learn from.")]
Steps = Annotated[int, typer.Option("--steps", help="Gradient steps.")]
BatchSize = Annotated[int, typer.Option("--batch-size", help="Transitions a step and seed.")]
Behaviour = Annotated[str, typer.Option("--behaviour", help="Who is logged: twap, twap-noise or mixture.")]


def problem_of(config: Path | None) -> Problem:
    """The problem of a configuration file, that of the original note without one."""
    if config is None:
        return stochastic()
    return configuration.read(sys.stdin.buffer, "standard input") if str(config) == "-" else configuration.load(config)


def check_json(path: Path | None) -> None:
    """Refuse a file of rows that cannot be written before hours of work, not after."""
    if path is not None:
        check_writable(path, "--json")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"optexec {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)]
    = False,
) -> None:  # fmt: skip
    """Optimal execution under stochastic liquidity."""


def trained(folder: Path | None, problem: Problem) -> dict[str, Policy]:
    """The agents of a folder by file name, checkpoints aside; none without a folder."""
    if folder is None:
        return {}
    paths = sorted(path for path in folder.glob("*.npz") if not path.name.endswith(".checkpoint.npz"))
    if not paths:
        raise ValueError(f"--agents must be a folder with *.npz files of optexec train, got {folder}")
    from optexec.offline import Agents  # torch takes seconds to import

    agents: dict[str, Policy] = {}
    for path in paths:
        agents[path.stem] = found = Agents.load(path)
        for name in ("shares", "periods", "dt"):
            theirs, ours = getattr(found.problem.order, name), getattr(problem.order, name)
            if theirs != ours:
                raise ValueError(f"{path} was trained for {name} = {theirs!r}, but the order here has {ours!r}")
    return agents


@app.command()
@one_line_errors
def solve(episodes: Episodes = 10_000, seed: Seed = 42, json_file: Json = None, config: Config = None) -> None:
    """Solve the normal market exactly and put every classical policy beside the optimum."""
    check_json(json_file)
    problem = problem_of(config)
    best = optimum(problem)
    compare(problem, {}, episodes, seed, json_file)
    form, error = number([best.value], 4), number([best.grid_error], 4)
    say(f"exact optimum: J = ${best.value:{form}}, grid error ${best.grid_error:{error}}")


@app.command()
@one_line_errors
def benchmark(
    episodes: Episodes = 100, seed: Seed = 42, json_file: Json = None, agents: Folder = None, config: Config = None
) -> None:
    """Compare the classical policies, the exact optimum and trained agents in the normal market.

    Memory does not grow with the episodes: ten million are a matter of time alone.
    """
    check_json(json_file)
    problem = problem_of(config)
    compare(problem, trained(agents, problem), episodes, seed, json_file)


def compare(problem: Problem, agents: dict[str, Policy], episodes: int, seed: int, json_file: Path | None) -> None:
    """The table of the normal market."""
    policies = {name: make(problem) for name, make in stress_tests.PLANNERS.items()} | agents
    with progress_of("episodes", episodes) as progress:
        rows = evaluate(problem, policies, episodes, seed, progress=progress).reset_index()
    rows.insert(0, "scenario", NORMAL)
    title = f"normal market, {counted(episodes, 'episode')}, seed {seed}; ± is the 95% half-width over episodes"
    report(json_file, problem, seed, rows, lambda: show(title, rows))


@app.command()
@one_line_errors
def stress(
    episodes: Episodes = 100, seed: Seed = 42, json_file: Json = None, agents: Folder = None,
    scenario: Names = None, config: Config = None,
) -> None:  # fmt: skip
    """Run every policy in every stressed market, planned for the normal market and told the truth."""
    problem = problem_of(config)
    names = list(scenarios()) if scenario is None else scenario
    for name in names:
        stress_tests.scenario(name, problem)  # an unknown name fails before any work
    check_json(json_file)
    policies = trained(agents, problem)
    with progress_of("scenarios", len(names)) as progress:
        rows = stress_tests.run(
            names, episodes, seed, policies, lambda name: progress(names.index(name), doing=name), normal=problem
        )

    def shown() -> None:
        for name in names:
            show(name, rows[rows["scenario"] == name])
        each = f"{counted(episodes, 'episode')} each, seed {seed}"
        say(f"{counted(len(names), 'scenario')}, {each}; ± is the 95% half-width over episodes")

    report(json_file, problem, seed, rows, shown)


@app.command()
@one_line_errors
def train(
    agent: Annotated[str, typer.Option("--agent", help="bcq, td3bc or bc.")],
    offline_episodes: OfflineEpisodes = 1000,
    steps: Steps = 10_000,
    batch_size: BatchSize = 256,
    seeds: Annotated[int, typer.Option("--seeds", help="Agents, trained at once from seeds 0, 1, ...")] = 8,
    behaviour: Behaviour = "mixture",
    scenario: Annotated[str, typer.Option("--scenario", help="normal, or a market of the stress tests.")] = NORMAL,
    data_seed: Annotated[int, typer.Option("--data-seed", help="Seed of the logged episodes.")] = 0,
    out: Annotated[Path, typer.Option("--out", help="Existing folder for the agents and the checkpoint.")] = Path(),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace finished agents, and a checkpoint of other settings.")
    ] = False,
    json_file: Json = None,
    config: Config = None,
) -> None:
    """Train agents on logged data of a market; after Ctrl-C the same command goes on where it was.

    Agents that are there already are not trained again: the same command scores them, another is refused.
    """
    from optexec.offline import scoring  # torch takes seconds to import

    check_json(json_file)
    if not out.is_dir():
        raise ValueError(f"--out must be an existing folder, got {out}")
    check_folder(out, "--out")
    normal = problem_of(config)
    problem = normal if scenario == NORMAL else stress_tests.scenario(scenario, normal)
    name = f"{agent}-{behaviour}" if scenario == NORMAL else f"{agent}-{scenario}-{behaviour}"
    path, checkpoint = out / f"{name}.npz", out / f"{name}.checkpoint.npz"
    for file in (path, checkpoint):
        check_writable(file, "--out")
    wanted: dict[str, Any] = {
        "algorithm": agent, "seeds": list(range(seeds)), "steps": steps, "batch_size": batch_size,
        "behaviour": behaviour, "episodes": offline_episodes, "data_seed": data_seed,
    }  # fmt: skip
    agents = finished(path, problem, wanted) if path.exists() and not overwrite else None
    if agents is None:
        agents = fitted(problem, wanted, checkpoint, overwrite)
        agents.save(path)
        checkpoint.unlink(missing_ok=True)  # another run of this command may have been here
        say(f"wrote {path}")
    else:
        what = f"{counted(seeds, 'seed')} of {agents.label} after {counted(steps, 'step')}"
        say(f"{path} is finished: {what}; nothing was trained (--overwrite trains again)")
    rows = scoring.score(agents, episodes=2_000).rename_axis("policy").reset_index()
    rows.insert(0, "scenario", scenario)
    title = f"2,000 fresh episodes of the market: {scenario}"
    report(json_file, problem, scoring.SEED, rows, lambda: show(title, rows))


def finished(path: Path, problem: Problem, wanted: dict[str, Any]) -> Agents:
    """The agents of a file, if they are those that a command would train.

    Raises:
        ValueError: they are others, or the file holds none.
    """
    from optexec.offline import ALGORITHMS, Agents

    instead = "choose another --out, or --overwrite to replace it"
    try:
        agents = Agents.load(path)
    except ValueError as error:
        raise ValueError(f"{error}; {instead}") from None
    made = {**agents.origin, "algorithm": agents.algorithm, "seeds": list(agents.seeds)}
    there = {name: made.get(name) for name in wanted} | describe(agents.problem)
    others = unlike(wanted | describe(problem), there)
    if not others and agents.config != ALGORITHMS[agents.algorithm].settings.tuned():
        others = "the settings of the algorithm are not those of this version"
    if others:
        raise ValueError(f"{path} holds other agents: {others}; {instead}")
    return agents


def fitted(problem: Problem, wanted: dict[str, Any], checkpoint: Path, overwrite: bool) -> Agents:
    """Log, and train from where the checkpoint is."""
    from optexec.offline.training import OtherRunError, train

    data = collect(problem, wanted["behaviour"], wanted["episodes"], wanted["data_seed"])
    amount = f"{counted(data.episodes, 'episode')}, {counted(len(data), 'transition')}"
    say(f"{data.behaviour}: {amount}, digest {data.digest[:12]}")
    run = (wanted["algorithm"], data, wanted["seeds"], wanted["steps"], wanted["batch_size"])
    bar = sys.stdout is not None and sys.stdout.isatty()
    try:
        return train(*run, checkpoint=checkpoint, progress=bar)
    except OtherRunError as error:
        if not overwrite:
            raise ValueError(f"{error}; choose another --out, or --overwrite to begin anew") from None
    checkpoint.unlink()
    return train(*run, checkpoint=checkpoint, progress=bar)


@app.command()
@one_line_errors
def plots(
    out: Annotated[Path, typer.Option("--out", help="Folder for the figures; made if its parent exists.")],
    episodes: Episodes = 2_000, seed: Seed = 42, agents: Folder = None, config: Config = None,
) -> None:  # fmt: skip
    """Draw trajectories, frontier, cost distributions, policy maps and stress tests, as HTML and as SVG.

    The HTML files are interactive and need nothing but plotly.min.js beside them; a Chromium or Chrome on the path
    draws the SVG files.
    """
    from optexec.cli import plots as drawing  # plotly takes a second to import

    problem = problem_of(config)
    drawing.check(problem, out, episodes)
    drawing.write(problem, out, episodes, seed, trained(agents, problem))


@app.command()
@one_line_errors
def sweep(
    out: Annotated[Path, typer.Option("--out", help="Folder of the cells' results; a rerun does what is missing.")],
    agent: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            help="twap, vwap, ac, best-static, rolling, optimum; or bcq, td3bc, bc, trained in its cells; repeat.",
        ),
    ] = None,
    agents: Folder = None,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", help="normal or a stressed market; repeat.")
    ] = None,
    risk_aversion: Annotated[list[float] | None, typer.Option("--risk-aversion", help="lambda (1/$); repeat.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="How many, from --seed on.")] = 1,
    seed: Seed = 42,
    episodes: Episodes = 10_000,
    offline_episodes: OfflineEpisodes = 1000,
    steps: Steps = 10_000,
    batch_size: BatchSize = 256,
    behaviour: Behaviour = "mixture",
    backend: Annotated[str, typer.Option("--backend", help="loky (processes), dask or serial.")] = "loky",
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; one a core if not given.")] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Address of the Dask scheduler.")] = None,
    json_file: Json = None,
    config: Config = None,
) -> None:
    """Agents x scenarios x risk aversions x seeds, on all cores or on a cluster."""
    check_json(json_file)
    problem = problem_of(config)
    chosen: dict[str, Any] = trained(agents, problem)
    learned = {"episodes": offline_episodes, "steps": steps, "batch_size": batch_size, "behaviour": behaviour}
    known = {_word(name): name for name in [*stress_tests.PLANNERS, *LEARNERS]}
    for given in agent if agent is not None else [] if chosen else stress_tests.PLANNERS:
        name = known.get(_word(given))
        if name is None:
            raise ValueError(f"--agent must be one of {', '.join(known)}, got {given!r}")
        chosen[name] = Training(algorithm=name, **learned) if name in LEARNERS else Planner(name)  # type: ignore[arg-type]
    if seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {seeds}")
    with progress_of("cells") as progress:
        rows = run_sweep(
            chosen, out, problem=problem, scenarios=scenario or [NORMAL], risk_aversions=risk_aversion,
            seeds=range(seed, seed + seeds), episodes=episodes, backend=backend, workers=workers,
            scheduler=scheduler, progress=progress,
        )  # fmt: skip

    def shown() -> None:
        show_sweep(rows)
        say(f"{counted(len(rows), 'cell')} of {counted(episodes, 'episode')}, kept in {out}")

    report(json_file, problem, list(range(seed, seed + seeds)), rows, shown)


@app.command()
@one_line_errors
def calibrate(
    files: Annotated[list[Path], typer.Argument(help="Bars of one market: CSV, gz, zip, parquet; several are joined.")],
    column: Annotated[list[str] | None, typer.Option("--column", help="price=Kurs: the file's own name.")] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="The exchange's zone; UTC,America/New_York if stamps are in UTC.")
    ] = None,
    session: Annotated[str | None, typer.Option("--session", help="09:30-16:00, or 09:30-12:00,13:00-16:00.")] = None,
    calendar: Annotated[
        str | None, typer.Option("--calendar", help="The exchange, as XNYS: sessions, half days, breaks, zone.")
    ] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Which of several.")] = None,
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="ms, for times since 1970; price=0.01 ($), volume=100 (shares).")
    ] = None,
    dayfirst: Annotated[
        bool | None, typer.Option("--dayfirst/--monthfirst", help="Whether 02/03/2026 is in March.")
    ] = None,
    decimal: Annotated[str | None, typer.Option("--decimal", help="The sign in numbers: . or ,")] = None,
    missing: Annotated[
        str, typer.Option("--missing", help="drop a day that lacks bars, or fill: no trades in them.")
    ] = "drop",
    suspect: Annotated[
        str, typer.Option("--suspect", help="Numbers that are not credible: refuse, repair, drop the day, keep.")
    ] = "refuse",
    adjust: Annotated[
        list[str] | None, typer.Option("--adjust", help="2026-06-09=7: a split; true: those that prices show; false.")
    ] = None,
    floor: Annotated[float, typer.Option("--floor", help="Lowest level of liquidity, in (0, 1).")] = 0.1,
    shares: Annotated[
        float | None, typer.Option("--shares", help="Of the order; a twentieth of a day's volume if not given.")
    ] = None,
    first: Annotated[int, typer.Option("--first", help="The order's first bar of the day, from 0.")] = 0,
    periods: Annotated[int | None, typer.Option("--periods", help="Bars of the order; to the close without.")] = None,
    outstanding: Annotated[
        float | None,
        typer.Option("--outstanding", help="Shares outstanding: impact by Almgren et al. (2005), else square root."),
    ] = None,
    half_spread: Annotated[float, typer.Option("--half-spread", help="$/share.")] = 0.0,
    risk_aversion: Annotated[float, typer.Option("--risk-aversion", help="lambda (1/$).")] = 1e-6,
) -> None:  # fmt: skip
    """Estimate a market from files of bars and print an order in it as the TOML that --config reads.

    What the reader left out, put right and suspects, and the estimates, go to standard error. A message names an
    argument of the library; the option has the same name.
    """
    from optexec import calibration as bars

    found = bars.calibrate(
        files,
        floor=floor,
        columns=_pairs(column, "--column"),
        zone=None if zone is None else tuple(zone.split(",")) if "," in zone else zone,
        session=None if session is None else session.replace("-", ",").split(","),
        calendar=calendar,
        symbol=symbol,
        unit=_pairs(unit, "--unit", number=True),
        dayfirst=dayfirst,
        decimal=decimal,
        missing=missing,
        suspect=suspect,
        adjust=_splits(adjust),
    )
    say(f"{found.report}\n{found!r}", error=True)
    if shares is None:
        shares = float(f"{0.05 * found.volume.value * found.bars:.2g}")
    order = Order(shares=shares, periods=found.bars - first if periods is None else periods)
    law = bars.SquareRoot() if outstanding is None else bars.Almgren2005(outstanding=outstanding)
    problem = found.problem(order, law, first=first, half_spread=half_spread, risk_aversion=risk_aversion)
    say(configuration.text(problem).rstrip("\n"))


def _splits(given: list[str] | None) -> bool | dict[str, Any] | None:
    """What --adjust says."""
    if given and given[0].lower() in ("true", "false"):
        return given[0].lower() == "true"
    return _pairs(given, "--adjust", number=True)


def _pairs(given: list[str] | None, name: str, *, number: bool = False) -> dict[str, Any] | None:
    """What name=value options say; for times, a unit stands alone."""
    if not given:
        return None
    pairs: dict[str, Any] = {}
    for each in given:
        key, sign, value = each.partition("=")
        if not sign and name == "--unit":
            key, value = "timestamp", each
        try:
            pairs[key] = float(value) if number and key != "timestamp" else value
        except ValueError:
            raise ValueError(f"{name} must be name=number, got {each!r}") from None
    return pairs


def _word(policy: str) -> str:
    """The name of a policy as one word of a command line: "best static" is best-static."""
    return policy.lower().replace(" ", "-").replace("_", "-")


@app.command()
@one_line_errors
def config(
    config: Config = None,
    preset: Annotated[
        str, typer.Option("--preset", help="stochastic, reference or almgren_chriss_2000.")
    ] = "stochastic",
) -> None:
    """Print a problem as the TOML that --config reads: every field, to be edited."""
    from optexec import presets

    if preset not in ("stochastic", "reference", "almgren_chriss_2000"):
        raise ValueError(f"--preset must be one of stochastic, reference, almgren_chriss_2000, got {preset!r}")
    problem = getattr(presets, preset)() if config is None else problem_of(config)
    say(configuration.text(problem).rstrip("\n"))
