"""The command line: files that are whole and valid, and one line with exit code 2 for bad input."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import optexec as ox
from optexec import cli, config
from optexec.cli import plots
from optexec.evaluation import COLUMNS

RUNNER = CliRunner()
NUMBERS = {name for column in COLUMNS for name in (column, f"{column}_ci")}
OWN = ox.Problem(
    order=ox.Order(shares=50_000, periods=6, side="buy"),
    market=ox.Market(price=40, volatility=0.12, temporary=1e-5, permanent=1e-6, volume=1e6),
    risk_aversion=5e-6,
)


def run(*arguments: object, code: int = 0) -> str:
    """What a command prints, if its exit code is the one expected."""
    done = RUNNER.invoke(cli.app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with agents of the normal market, as optexec train writes it, and a checkpoint of others."""
    folder = tmp_path_factory.mktemp("agents")
    run(
        "train",
        "--agent",
        "bc",
        "--offline-episodes",
        20,
        "--steps",
        3,
        "--batch-size",
        8,
        "--seeds",
        2,
        "--out",
        folder,
    )
    (folder / "td3bc-mixture.checkpoint.npz").write_bytes(b"unfinished")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration file of an order that is not the note's."""
    path = tmp_path_factory.mktemp("config") / "own.toml"
    config.save(OWN, path)
    return path


def test_stress_writes_valid_json(tmp_path: Path) -> None:
    target = tmp_path / "rows.json"
    arguments = ["stress", "--episodes", "20", "--seed", "7", "--scenario", "regimes", "--json", str(target)]
    done = RUNNER.invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    assert "optimum, told" in done.output
    written = json.loads(target.read_text())
    assert written["seed"] == 7
    assert written["problem"]["market"]["liquidity"] == {
        "type": "OrnsteinUhlenbeck", "mean": 1.0, "speed": 0.5, "volatility": 0.2, "floor": 0.1, "initial": None,
    }  # fmt: skip
    assert {row["scenario"] for row in written["rows"]} == {"regimes"}
    assert all(row.keys() == {"scenario", "policy"} | NUMBERS for row in written["rows"])
    assert list(tmp_path.iterdir()) == [target]


def test_solve() -> None:
    done = RUNNER.invoke(cli.app, ["solve", "--episodes", "200"])
    assert done.exit_code == 0, done.output
    assert f"exact optimum: J = ${ox.optimum(ox.presets.stochastic()).value:,.4f}" in done.output


def test_what_is_not_defined_is_null(tmp_path: Path) -> None:
    rows = pd.DataFrame([{"policy": "TWAP", "gap_closed": math.nan, "sharpe": -math.inf, "objective": 1.0}])
    cli.write_json(tmp_path / "a.json", ox.presets.reference(), 1, rows)
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["rows"] == [{"policy": "TWAP", "gap_closed": None, "sharpe": None, "objective": 1.0}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stress", "--scenario", "crash"], "scenario must be one of liquidity_collapse"),
        (["stress", "--scenario", "regimes", "--episodes", "1"], "episodes must be an integer >= 2, got 1"),
        (["stress", "--scenario", "regimes", "--seed", "-1"], "seed must be an integer >= 0, got -1"),
        (["solve", "--json", "no/such/folder/a.json"], "--json must be in an existing folder"),
        (["solve", "--json", "."], "--json must be a file, got the folder ."),
        (["solve", "--config", "no.toml"], "no.toml does not exist or is not a file"),
        (["benchmark", "--episodes", "1"], "episodes must be an integer >= 2, got 1"),
        (
            ["benchmark", "--agents", "nowhere"],
            "--agents must be a folder with *.npz files of optexec train, got nowhere",
        ),
        (["plots", "--out", "no/where"], "--out must be a folder or a new name in one, got no/where"),
        (["plots", "--out", ".", "--episodes", "1"], "episodes must be an integer >= 2, got 1"),
        (["sweep", "--out", "no/where"], "folder must be a folder or a new name in one, got no/where"),
        (["sweep", "--out", "x", "--agent", "dqn"], "--agent must be one of twap, vwap, ac, best-static, "),
        (["sweep", "--out", "x", "--agent", "bc", "--steps", "0"], "steps must be an integer >= 1, got 0"),
        (["sweep", "--out", "x", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["sweep", "--out", "x", "--backend", "dask"], "scheduler must be the scheduler's address with dask"),
        (["sweep", "--out", "x", "--backend", "mpi"], "backend must be one of"),
        (["config", "--preset", "mine"], "--preset must be one of stochastic"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = RUNNER.invoke(cli.app, arguments)
    assert done.exit_code == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("optexec: ")]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    rows = pd.DataFrame([{"policy": object()}])
    with pytest.raises(TypeError):
        cli.write_json(target, ox.presets.reference(), 1, rows)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_train_leaves_agents_and_no_checkpoint(tmp_path: Path) -> None:
    arguments = "train --agent bc --offline_episodes 20 --steps 5 --batch-size 8 --seeds 2 --behaviour twap-noise --out"
    done = RUNNER.invoke(cli.app, [*arguments.split(), str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["bc-twap-noise.npz"]
    agents = ox.offline.Agents.load(tmp_path / "bc-twap-noise.npz")
    assert (agents.seeds, agents.origin["episodes"], agents.origin["steps"]) == ((0, 1), 20, 5)


@pytest.mark.parametrize("scenario", ["transient_impact", "participation_cap"])
def test_train_in_a_stressed_market(scenario: str, tmp_path: Path) -> None:
    arguments = f"train --agent bc --offline-episodes 20 --steps 5 --batch-size 8 --seeds 2 --scenario {scenario} --out"
    done = RUNNER.invoke(cli.app, [*arguments.split(), str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert scenario in done.output
    agents = ox.offline.Agents.load(tmp_path / f"bc-{scenario}-mixture.npz")
    assert agents.problem == ox.presets.stress()[scenario]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--agent", "dqn", "algorithm must be one of"),
        ("--scenario", "bliss", "scenario must be one of"),
        ("--behaviour", "luck", "behaviour must be one of"),
        ("--seeds", "0", "seeds must be one or more"),
        ("--offline-episodes", "0", "episodes must be an integer >= 1"),
        ("--out", "nowhere", "--out must be an existing folder"),
    ],
)
def test_train_names_bad_input(option: str, value: str, said: str, tmp_path: Path) -> None:
    arguments = {"--agent": "bc", "--offline-episodes": "5", "--out": str(tmp_path), option: value}
    done = RUNNER.invoke(cli.app, ["train", *(part for pair in arguments.items() for part in pair)])
    assert done.exit_code == 2
    assert said in done.output
    assert not list(tmp_path.iterdir())


def test_benchmark_puts_trained_agents_in_the_table(agents: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.json"
    said = run("benchmark", "--episodes", 50, "--seed", 3, "--agents", agents, "--json", target)
    assert "bc-mixture" in said
    written = json.loads(target.read_text())
    assert (written["seed"], written["problem"]["order"]["shares"]) == (3, 1000.0)
    rows = {row["policy"]: row for row in written["rows"]}
    assert list(rows) == ["TWAP", "VWAP", "AC", "best static", "rolling", "optimum", "bc-mixture"]
    assert all(row.keys() == {"scenario", "policy"} | NUMBERS for row in rows.values())
    loaded = ox.offline.Agents.load(agents / "bc-mixture.npz")
    expected = ox.evaluate(ox.presets.stochastic(), {"bc": loaded}, 50, 3)["objective"].item()
    assert rows["bc-mixture"]["objective"] == expected


def test_stress_puts_trained_agents_in_the_table(agents: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.json"
    run("stress", "--episodes", 20, "--scenario", "regimes", "--agents", agents, "--json", target)
    assert "bc-mixture" in {row["policy"] for row in json.loads(target.read_text())["rows"]}


def test_agents_of_another_order_are_refused(agents: Path, own: Path) -> None:
    said = run("benchmark", "--agents", agents, "--config", own, code=2)
    assert "bc-mixture.npz was trained for shares = 1000.0, but the order here has 50000.0" in said


def test_a_damaged_agent_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"\x80\x04K\x01.")
    assert "bad.npz cannot be read as optexec agents" in run("benchmark", "--agents", tmp_path, code=2)


def test_every_command_takes_your_own_problem(own: Path, tmp_path: Path) -> None:
    value = f"exact optimum: J = ${ox.optimum(OWN).value:,.4f}"
    assert value in run("solve", "--episodes", 50, "--config", own)
    for command in (
        ["benchmark"],
        ["stress", "--scenario", "combined"],
        ["sweep", "--backend", "serial", "--agent", "Best-static"],
    ):
        target = tmp_path / f"{command[0]}.json"
        out = ["--out", tmp_path / "cells"] if command[0] == "sweep" else []
        run(*command, *out, "--episodes", 20, "--config", own, "--json", target)
        described = json.loads(target.read_text())["problem"]
        assert described["order"]["shares"] == 50_000
    arguments = ("--offline-episodes", 20, "--steps", 2, "--batch-size", 8, "--seeds", 1, "--out", tmp_path)
    run("train", "--agent", "bc", "--config", own, "--json", tmp_path / "train.json", *arguments)
    assert ox.offline.Agents.load(tmp_path / "bc-mixture.npz").problem == OWN
    assert [row["policy"] for row in json.loads((tmp_path / "train.json").read_text())["rows"]] == [
        "seed 0",
        "mean action",
    ]


def test_config_prints_what_config_reads(own: Path) -> None:
    assert config.parse(run("config")) == ox.presets.stochastic()
    assert config.parse(run("config", "--preset", "almgren_chriss_2000")) == ox.presets.almgren_chriss_2000()
    assert config.parse(run("config", "--config", own)) == OWN


def test_calibrate_prints_what_config_reads(tmp_path: Path) -> None:
    """Two files of one market in UTC, with a bar that is not credible, to an order and its market."""
    market = ox.Market(price=40.0, volatility=0.1, volume=1e5, liquidity=ox.OrnsteinUhlenbeck(1.0, 0.3, 0.2, 0.1))
    table = ox.calibration.synthetic(market, bars=13, days=12, seed=4, start="2026-03-02 09:30", minutes=30)
    table["volume"] = table["volume"].where(table.index != 20, 5000 * table["volume"])
    kept = ox.calibration.calibrate(table, suspect="repair", floor=0.05)
    table["timestamp"] = table["timestamp"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    files = [tmp_path / "a.csv", tmp_path / "b.csv.gz"]
    table.iloc[:50].to_csv(files[0], index=False)
    table.iloc[50:].to_csv(files[1], index=False)
    refused = CliRunner().invoke(cli.app, ["calibrate", *map(str, files)])
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    for said in ("has 2 problems", "zone='America/New_York'", "row 20 of", "suspect='repair'"):
        assert said in refused.stderr
    options = ["--zone", "America/New_York", "--session", "09:30-16:00", "--suspect", "repair", "--floor", "0.05"]
    done = CliRunner().invoke(cli.app, ["calibrate", *map(str, files), *options, "--shares", "40000", "--first", "3"])
    assert done.exit_code == 0, done.stderr
    problem = config.parse(done.stdout)
    assert problem.order == ox.Order(shares=40_000, periods=10)
    assert problem.market.volatility == pytest.approx(kept.volatility.value)
    assert problem.market.liquidity.speed == pytest.approx(kept.speed.value)  # type: ignore[attr-defined]
    assert "12 days of 13 bars" in done.stderr
    assert "repaired    volume in row 20" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--unit", "price=cents"], "--unit must be name=number, got 'price=cents'"),
        (["--column", "price=Kurs"], "'Kurs' for price"),
        (["--session", "late"], "session must be two times"),
        (["--adjust", "2027-01-01=2"], "adjust must name days of the file"),
        (["--zone", "UTC,Nowhere"], "zone must be a name"),
    ],
)
def test_calibrate_names_bad_options(options: list[str], said: str, tmp_path: Path) -> None:
    market = ox.Market(price=40.0, volatility=0.1, liquidity=ox.OrnsteinUhlenbeck(1.0, 0.3, 0.2, 0.1))
    file = tmp_path / "bars.csv"
    ox.calibration.synthetic(market, bars=5, days=6).to_csv(file, index=False)
    done = CliRunner().invoke(cli.app, ["calibrate", str(file), *options])
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_bad_configuration_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[market]\nprice = 'high'")
    done = RUNNER.invoke(cli.app, ["solve", "--config", str(tmp_path / "a.toml")])
    assert done.exit_code == 2
    assert done.stderr == f"optexec: {tmp_path / 'a.toml'}: market.price must be a real number, got 'high' (str)\n"


@pytest.mark.parametrize(
    "toml",
    [
        "[order]\nperiods = 1_000_000_000_000_000",
        "[order]\nshares = 1e300",
        "[order]\nshares = 1e-300",
        "[order]\ndt = 1e300",
        "[market]\nvolatility = 1e200",
        "risk_aversion = 1e300",
    ],
)
def test_numbers_too_large_for_the_machine_are_one_line(toml: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(toml)
    done = RUNNER.invoke(cli.app, ["benchmark", "--config", str(tmp_path / "a.toml")])
    assert done.exit_code == 2
    said = [line for line in done.stderr.splitlines() if not line.startswith("episodes: ")]
    assert len(said) == 1
    assert said[0].startswith("optexec: ")


def test_what_is_not_defined_in_a_table_is_null(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[market.liquidity]\ntype = 'ConstantLiquidity'")  # no gap to close
    done = RUNNER.invoke(cli.app, ["solve", "--config", str(tmp_path / "a.toml"), "--json", str(tmp_path / "a.json")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "a.json").read_text())["rows"][0]["gap_closed"] is None


def test_what_overflows_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[market]\nprice = 1e308")
    done = RUNNER.invoke(cli.app, ["solve", "--config", str(tmp_path / "a.toml"), "--json", str(tmp_path / "a.json")])
    assert done.exit_code == 2
    assert "price" in done.output
    assert not (tmp_path / "a.json").exists()


def test_sweep_writes_cells_and_rows(tmp_path: Path) -> None:
    arguments = [
        "sweep",
        "--backend",
        "serial",
        "--episodes",
        "50",
        "--agent",
        "AC",
        "--agent",
        "rolling",
        "--seeds",
        "2",
    ]
    arguments += ["--scenario", "normal", "--scenario", "regimes", "--risk-aversion", "0.5", "--risk_aversion", "1"]
    said = run(*arguments, "--out", tmp_path / "cells", "--json", tmp_path / "rows.json")
    assert "16 cells of 50 episodes" in said
    assert len(list((tmp_path / "cells").iterdir())) == 16
    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["seed"] == [42, 43]
    assert len(written["rows"]) == 16
    assert written["rows"][0].keys() == {"policy", "scenario", "risk_aversion", "seed"} | NUMBERS


FIGURES = ["costs", "frontier", "policy_maps", "stress", "stress_tails", "trajectories"]


def test_plots_are_pages_that_need_no_network(agents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "browser", lambda: None)
    said = run("plots", "--episodes", 50, "--agents", agents, "--out", tmp_path / "figures")
    assert "no pictures: none of chromium, " in said
    assert sorted(path.stem for path in (tmp_path / "figures").glob("*.html")) == FIGURES
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {f"{name}.html" for name in FIGURES} | {
        plots.SCRIPT
    }
    for page in (tmp_path / "figures").glob("*.html"):
        text = page.read_text()
        assert re.findall(r'(?:src|href)="([^"]*)"', text) == [plots.SCRIPT]
        assert "//" not in re.sub(r"\\u[0-9a-f]{4}", "", text)
    assert "bc-mixture" in (tmp_path / "figures" / "costs.html").read_text()


def test_plots_of_constant_liquidity_have_no_policy_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "browser", lambda: None)
    calm = ox.presets.reference().replace(periods=4, risk_aversion=0.0)
    config.save(calm, tmp_path / "calm.toml")
    run("plots", "--episodes", 20, "--config", tmp_path / "calm.toml", "--out", tmp_path / "figures")
    assert sorted(path.stem for path in (tmp_path / "figures").glob("*.html")) == [
        n for n in FIGURES if n != "policy_maps"
    ]
    config.save(calm.replace(volatility=0.0), tmp_path / "still.toml")
    said = run("plots", "--config", tmp_path / "still.toml", "--out", tmp_path / "other", code=2)
    assert "plots need volatility > 0 and periods >= 3" in said
    assert not (tmp_path / "other").exists()


def test_a_browser_draws_the_pictures(tmp_path: Path) -> None:
    if plots.browser() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have a Chromium or Chrome on the path")
        pytest.skip("no Chromium or Chrome on the path")
    said = run("plots", "--episodes", 50, "--out", tmp_path)
    assert "no pictures" not in said
    for name in FIGURES:
        picture = (tmp_path / f"{name}.svg").read_text()
        assert picture.startswith("<svg")
        assert picture.endswith("</svg>")
    assert "best static" in (tmp_path / "costs.svg").read_text()


def test_a_browser_that_fails_leaves_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "browser", lambda: sys.executable)  # which draws nothing
    assert "drew none" in run("plots", "--episodes", 50, "--out", tmp_path)
    assert not list(tmp_path.glob("*.svg"))
    assert len(list(tmp_path.glob("*.html"))) == len(FIGURES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["benchmark", "--episodes", "many"], "'--episodes'"),
        (["benchmark", "--frob"], "--frob"),
        (["trade"], "'trade'"),
        (["train"], "'--agent'"),
    ],
)
def test_options_that_cannot_be_understood_are_one_line(arguments: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "optexec", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("optexec: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_no_arguments_show_the_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "optexec"], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(
        name in done.stdout
        for name in ("solve", "train", "benchmark", "stress", "plots", "sweep", "calibrate", "config")
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a process")
@pytest.mark.parametrize("command", [["benchmark", "--episodes", "10000000"], ["stress", "--episodes", "1000000"]])
def test_ctrl_c_is_130_and_nothing_half_written(command: list[str], tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's job in the background is started deaf to it
    target = tmp_path / "rows.json"
    target.write_text("old")
    with subprocess.Popen(
        [sys.executable, "-m", "optexec", *command, "--json", str(target)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert " of " in first  # a plain line of progress, not a bar
    assert "Traceback" not in rest
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("rows.json", "old")]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_gets_a_bar() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "optexec", "benchmark", "--episodes", "20000"]
    seen = bytearray()

    def watch() -> None:
        """A terminal holds few bytes that nobody reads."""
        with suppress(OSError):  # how Linux says that the other side has closed
            while part := os.read(ours, 1 << 16):
                seen.extend(part)

    reader = threading.Thread(target=watch)
    reader.start()
    done = subprocess.run(
        command, stderr=theirs, stdout=subprocess.PIPE, text=True, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    reader.join(timeout=60)
    os.close(ours)
    shown = seen.decode(errors="replace")
    assert done.returncode == 0
    assert "\x1b[" in shown  # the bar is drawn over
    assert "20000/20000" in shown
    assert " of " not in shown
    assert "\x1b[" not in done.stdout
