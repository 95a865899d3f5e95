"""The command line: files that are whole and valid, and one line with exit code 2 for bad input."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import optexec as ox
from optexec import cli
from optexec.evaluation import COLUMNS

RUNNER = CliRunner()


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
    names = {"scenario", "policy"} | {name for column in COLUMNS for name in (column, f"{column}_ci")}
    assert all(row.keys() == names for row in written["rows"])
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
