"""Sweeps: the same bits wherever they run, nothing done twice, nothing finished lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.sweep import LOG, Training, _compute, sweep

NORMAL = ox.presets.stochastic()
SMALL: dict[str, Any] = {
    "agents": ["AC", "rolling"],
    "scenarios": ["normal", "regimes"],
    "risk_aversions": [0.5, 1.0],
    "seeds": [1, 2],
    "episodes": 200,
}


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("sweep") / "serial"
    return folder, sweep(folder=folder, backend="serial", **SMALL)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_cells_are_evaluate(serial: tuple[Path, pd.DataFrame]) -> None:
    folder, table = serial
    assert len(table) == 16 == len(list(folder.iterdir()))
    assert table[["policy", "scenario", "risk_aversion", "seed"]].iloc[9].tolist() == ["rolling", "normal", 0.5, 2]
    row: Any = table.iloc[9]
    expected: Any = ox.evaluate(NORMAL, {"TWAP": ox.twap(NORMAL), "rolling": ox.rolling(NORMAL)}, 200, 2).iloc[1]
    assert row[expected.index].tolist() == expected.tolist()


def test_two_processes_give_the_same_bits(serial: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    folder, table = serial
    pd.testing.assert_frame_equal(sweep(folder=tmp_path / "loky", workers=2, **SMALL), table, check_exact=True)
    assert contents(tmp_path / "loky") == contents(folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    try:
        import distributed
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("dask and distributed must be installed in CI: they are in requirements.txt")
        pytest.skip("dask and distributed are not installed: python -m pip install 'optexec[dask]'")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as local:
        yield local


def test_a_cluster_of_two_workers_gives_the_same_bits(
    serial: tuple[Path, pd.DataFrame], cluster: Any, tmp_path: Path
) -> None:
    folder, table = serial
    there, counts = tmp_path / "dask", []
    found = sweep(
        folder=there,
        backend="dask",
        scheduler=cluster.scheduler_address,
        progress=lambda done, total: counts.append((done, total)),
        **SMALL,
    )
    pd.testing.assert_frame_equal(found, table, check_exact=True)
    assert contents(there) == contents(folder)
    assert counts == [(done, 16) for done in range(17)]


def test_a_rerun_does_only_what_is_missing(
    serial: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, table = serial
    folder = tmp_path / "copy"
    shutil.copytree(original, folder)
    before = contents(folder)
    first, second, third, fourth = sorted(folder.iterdir())[:4]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-40])  # truncated
    changed = json.loads(third.read_text())
    changed["row"]["objective"] += 1
    third.write_text(json.dumps(changed))
    fourth.write_bytes(b"\x80\x04K\x01.")  # a pickle

    asked: list[int] = []
    evaluate = ox.evaluate

    def counted(*args: Any, **kwargs: Any) -> pd.DataFrame:
        asked.append(1)
        return evaluate(*args, **kwargs)

    monkeypatch.setattr("optexec.sweep.evaluate", counted)
    pd.testing.assert_frame_equal(sweep(folder=folder, backend="serial", **SMALL), table, check_exact=True)
    assert len(asked) == 4
    assert contents(folder) == before
    wider = sweep(folder=folder, backend="serial", **{**SMALL, "seeds": [1, 2, 3]})
    assert len(asked) == 4 + 8
    assert len(wider) == 24


def test_workers_that_do_not_see_the_folder_hand_their_rows_back(
    serial: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = _compute
    monkeypatch.setattr("optexec.sweep._compute", lambda cell, folder: compute(cell, folder / "not there"))
    table = sweep(folder=tmp_path / "a", backend="serial", **SMALL)
    pd.testing.assert_frame_equal(table, serial[1], check_exact=True)
    assert contents(tmp_path / "a") == contents(serial[0])


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'{"sha256": 1}', b"[" * 100_000, b'{"a": NaN}', b"\xff"])
def test_any_damage_is_done_again(content: bytes, tmp_path: Path) -> None:
    one: dict[str, Any] = {"agents": ["AC"], "backend": "serial", "episodes": 50}
    table = sweep(folder=tmp_path / "a", **one)
    (path,) = (tmp_path / "a").iterdir()
    whole = path.read_bytes()
    path.write_bytes(content)
    pd.testing.assert_frame_equal(sweep(folder=tmp_path / "a", **one), table, check_exact=True)
    assert path.read_bytes() == whole


def test_what_failed_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    class Broken:
        def act(self, observation: Any) -> Any:
            return np.full(len(observation), np.nan)

    agents: dict[str, Any] = {"broken": Broken(), "TWAP": ox.twap(NORMAL)}
    with pytest.raises(
        ValueError, match=r"2 of 4 cells failed, .*; policy broken, scenario normal, .*, seed 1: action must"
    ):
        sweep(agents, tmp_path / "a", seeds=[1, 2], episodes=50, backend="serial")
    assert len(list((tmp_path / "a").iterdir())) == 2


def test_a_policy_is_known_by_its_digest(tmp_path: Path) -> None:
    class Mine:
        def __init__(self, fraction: float) -> None:
            self.fraction, self.digest = fraction, f"{fraction}"

        def act(self, observation: Any) -> Any:
            return np.full(len(observation), self.fraction)

    found = [
        sweep({"mine": Mine(fraction)}, tmp_path / "a", episodes=50, backend="serial")["objective"].item()
        for fraction in (0.1, 0.2, 0.1)
    ]
    assert found[0] == found[2] != found[1]
    assert len(list((tmp_path / "a").iterdir())) == 2


def test_agents_are_trained_in_their_cells(tmp_path: Path) -> None:
    training = Training(algorithm="bc", episodes=20, steps=3, batch_size=8, behaviour="twap-noise")
    table: Any = sweep({"bc": training}, tmp_path / "a", seeds=[5], episodes=100, backend="serial")
    log = ox.collect(NORMAL, "twap-noise", 20, 5 + LOG)
    agents = ox.offline.train("bc", log, [5], 3, 8, progress=False)
    expected: Any = ox.evaluate(NORMAL, {"bc": agents}, 100, 5)
    assert table["objective"].item() == expected["objective"].item()
    assert agents.digest == agents[0].digest != ox.offline.train("bc", log, [6], 3, 8, progress=False).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"agents": ["TWIP"]}, "agent must be one of"),
        ({"agents": []}, "agents must be one or more different values"),
        ({"scenarios": ["crash"]}, "scenario must be one of"),
        ({"scenarios": ["normal", "normal"]}, "scenarios must be one or more different values"),
        ({"risk_aversions": [-1.0]}, "risk_aversion must be finite and >= 0, got -1"),
        ({"risk_aversions": [float("nan")]}, "risk_aversion must be finite"),
        ({"seeds": [-1]}, "seed must be an integer >= 0, got -1"),
        ({"seeds": []}, "seeds must be one or more different values"),
        ({"episodes": 1}, "episodes must be an integer >= 2, got 1"),
        ({"workers": 0}, "workers must be an integer >= 1, got 0"),
        ({"backend": "threads"}, r"backend must be one of \['loky', 'dask', 'serial'\], got 'threads'"),
        ({"backend": "dask"}, "scheduler must be the scheduler's address with dask and None without, got None"),
        ({"scheduler": "tcp://x"}, "scheduler must be the scheduler's address with dask and None without"),
    ],
)
def test_bad_arguments_before_any_work(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        sweep(**{"agents": ["AC"], "folder": tmp_path / "a", **change})
    assert not list(tmp_path.iterdir())


def test_bad_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "no" / "where"):
        with pytest.raises(ValueError, match="folder must be a folder or a new name in one"):
            sweep(["AC"], folder, backend="serial")


COMMAND = [sys.executable, "-m", "optexec", "sweep", "--episodes", "200", "--scenario", "normal", "--seeds"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a group of processes")
def test_ctrl_c_loses_nothing_finished(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    command = [*COMMAND, "400", "--agent", "rolling", "--workers", "2", "--out", str(folder)]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's job in the background is started deaf to it
    # a session of its own, so that the interrupt reaches the workers as a terminal's would
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "40 of 400" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    kept = contents(folder)
    assert 40 <= len(kept) < 400
    for name, content in kept.items():  # and no part of a file
        assert json.loads(content)["row"]["policy"] == "rolling", name


def test_what_a_killed_worker_leaves_of_a_file_goes_with_its_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optexec.sweep.secrets.token_hex", lambda size: "ab" * size)
    folder = tmp_path / "a"
    folder.mkdir()
    for writer in ("ab" * 8, "cd" * 8):  # this sweep, and another at work on the same folder
        (folder / f"0.json.00-{writer}.part").touch()
    sweep(["AC"], folder, episodes=50, workers=2)
    assert [path.name for path in folder.glob("*.part")] == [f"0.json.00-{'cd' * 8}.part"]


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    """At once, with the same cells: both end well, and every file is whole."""
    folder = tmp_path / "a"
    command = [*COMMAND, "20", "--agent", "AC", "--agent", "TWAP", "--backend", "serial", "--out", str(folder)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = []
    for run in runs:
        with run:
            outputs.append(run.communicate(timeout=120))
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert len(list(folder.iterdir())) == 40
    table = sweep(["AC", "TWAP"], folder, seeds=range(42, 62), episodes=200, backend="serial")
    pd.testing.assert_frame_equal(
        table,
        sweep(["AC", "TWAP"], tmp_path / "b", seeds=range(42, 62), episodes=200, backend="serial"),
        check_exact=True,
    )


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    from optexec._files import beside

    target, errors = tmp_path / "a", []

    def write(letter: str) -> None:
        try:
            for _ in range(20):
                with beside(target) as file:
                    for _ in range(50):
                        file.write(letter.encode() * 100)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert list(tmp_path.iterdir()) == [target]
    content = target.read_bytes()
    assert content == content[:1] * 5_000
