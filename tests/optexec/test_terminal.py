"""What a user of the command line sees: whole numbers at any width, files before words, and quiet ends."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import optexec as ox
from optexec import cli, config
from optexec.cli import output

posix = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals and no signals")
TRAIN = ["train", "--agent", "bc", "--offline-episodes", "20", "--batch-size", "8", "--seeds", "2"]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """No output was lost yet, and signals are as they were."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    output.lost.clear()
    yield
    output.lost.clear()
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


def called(monkeypatch: pytest.MonkeyPatch, stdout: Any, *arguments: object) -> Any:
    """The exit code of the command line with a standard output of one's own."""
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "__stdout__", stdout)
    monkeypatch.setattr(sys, "argv", ["optexec", *map(str, arguments)])
    monkeypatch.delenv("COLUMNS", raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def seen(monkeypatch: pytest.MonkeyPatch, width: int, *arguments: object) -> str:
    """What a pseudo-terminal of some columns shows, without colours."""
    import fcntl
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    parts: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 1 << 16):
                parts.append(part)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w", encoding="utf-8", errors="strict") as terminal:
        assert called(monkeypatch, terminal, *arguments) == 0
    reader.join(30)
    os.close(ours)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", b"".join(parts).decode()).replace("\r\n", "\n")
    assert all(len(line) <= width for line in shown.splitlines() if line[:1] in set("┏┃┡│└"))
    assert "…" not in shown
    return shown


HEADS = {
    "IS ($)": "is_mean",
    "J ($)": "objective",
    "J_mv ($)": "objective_mv",
    "CVaR95 ($)": "cvar95",
    "completion": "completion",
    "violations": "violations",
    "gap closed": "gap_closed",
}


def tables(shown: str) -> list[dict[str, str]]:
    """Rows of all tables and lists on a screen, by head; rows of the blocks of one table are put together."""
    rows: list[dict[str, str]] = []
    for block in re.split(r"\n(?=[┏\n])", shown):
        lines = [line for line in block.splitlines() if line[:1] in "┃│" and line]
        if lines:
            heads, *cells = ([cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in lines)
            rows += [dict(zip(heads, row, strict=True)) for row in cells]
        elif block.strip().startswith("policy  "):
            rows.append(dict(re.split(r"  +", line, maxsplit=1) for line in block.strip().splitlines()))
    return rows


def holds(shown: str, value: float | None) -> bool:
    """Whether a number on the screen is a rounded value."""
    if value is None:
        return shown == "-"
    digits = shown.replace(",", "")
    step = 10.0 ** (int(digits.partition("e")[2] or 0) - len(digits.partition("e")[0].partition(".")[2]))
    return abs(float(digits) - value) <= 0.501 * step


def check(shown: str, rows: list[dict[str, Any]]) -> None:
    """Hold that every head and every number of a table of policies is whole."""
    found: dict[tuple[str, int], dict[str, str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for row in tables(shown):
        for head, cell in row.items():
            if head != "policy":
                key = row["policy"], head
                counts[key] = counts.get(key, 0) + 1
                found.setdefault((row["policy"], counts[key]), {})[head] = cell
    wanted: dict[str, int] = {}
    for record in rows:
        policy = str(record["policy"])
        wanted[policy] = nth = wanted.get(policy, 0) + 1
        cells = found.pop((policy, nth))
        assert cells.keys() == HEADS.keys()
        for head, column in HEADS.items():
            value, _, half = cells[head].partition(" ±")
            assert holds(value, record[column]), (policy, head, cells[head], record[column])
            assert not half or holds(half, record[f"{column}_ci"]), (policy, head, cells[head])
            assert not half or re.search("[1-9]", half), (policy, head, cells[head])  # no interval that reads 0
            uncertain = (record[f"{column}_ci"] or 0) > 1e-9 * abs(record[column] or 0)
            assert bool(half) == uncertain, (policy, head, cells[head])
    assert not found


@posix
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_every_number_of_the_normal_market_is_whole(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = seen(monkeypatch, width, "solve", "--episodes", 50, "--json", tmp_path / "a.json")
    check(shown, json.loads((tmp_path / "a.json").read_text())["rows"])


@posix
@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(
    "fields", [{"shares": 5e6, "volume": 1e8, "temporary": 1e-7, "permanent": 1e-8}, {"price": 1e-3, "shares": 0.02}]
)
def test_large_and_small_orders_are_whole_too(
    width: int, fields: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.save(ox.presets.stochastic().replace(**fields), tmp_path / "a.toml")
    shown = seen(
        monkeypatch, width, "benchmark", "--config", tmp_path / "a.toml", "--episodes", 20, "--json", tmp_path / "a"
    )
    rows = json.loads((tmp_path / "a").read_text())["rows"]
    check(shown, rows)
    cells = [row["J ($)"] for row in tables(shown) if "J ($)" in row]
    assert len(cells) == len(rows)
    assert all(re.search("[1-9].*±", cell) for cell in cells)  # no cost is shown as zero


@posix
@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_number_under_stress_is_whole(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["--scenario", "regimes", "--scenario", "participation_cap"]
    shown = seen(monkeypatch, width, "stress", *names, "--episodes", 20, "--json", tmp_path / "a")
    check(shown, json.loads((tmp_path / "a").read_text())["rows"])
    assert "2 scenarios, 20 episodes each" in " ".join(shown.split())


@posix
@pytest.mark.parametrize("width", [50, 60, 80])
def test_every_number_of_a_sweep_is_whole(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--agent", "best-static", "--agent", "ac", "--scenario", "extreme_shocks_80", "--seeds", 2]
    shown = seen(
        monkeypatch, width, "sweep", *arguments, "--backend", "serial", "--episodes", 20,
        "--out", tmp_path / "cells", "--json", tmp_path / "a",
    )  # fmt: skip
    rows = json.loads((tmp_path / "a").read_text())["rows"]
    merged: dict[str, dict[str, str]] = {}
    for row in tables(shown):
        merged.setdefault(row["policy"], {}).update(row)
    for policy in ("best static", "AC"):
        values = [row["objective"] for row in rows if row["policy"] == policy]
        cells = merged.pop(policy)
        assert (cells["scenario"], cells["seeds"], cells["λ (1/$)"]) == ("extreme_shocks_80", "2", "0.5")
        assert holds(cells["J ($)"], sum(values) / 2)
        low, high = cells["lowest to highest"].split(" to ")
        assert holds(low, min(values))
        assert holds(high, max(values))
    assert not merged


@posix
@pytest.mark.parametrize("width", [60, 80])
def test_long_and_strange_names_of_agents(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ox.collect(ox.presets.stochastic(), "twap", 5)
    trained = ox.offline.train("bc", data, [0], 2, 8, progress=False)
    names = ["[bold]a", "n" * 40, "x" * 120]
    for name in names:
        trained.save(tmp_path / f"{name}.npz")
    arguments = ("benchmark", "--episodes", 20, "--agents", tmp_path, "--json", tmp_path / "a")
    check(seen(monkeypatch, width, *arguments), json.loads((tmp_path / "a").read_text())["rows"])


COMMANDS = ("solve", "benchmark", "stress", "train", "plots", "sweep", "config")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_whole_at_80_columns(command: str) -> None:
    shown = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).output
    assert "…" not in shown
    options = set(re.findall(r"^\W+ (--\S+)", shown, re.MULTILINE))
    assert "--help" in options
    for option in options:
        assert re.fullmatch("--[a-z]+(-[a-z]+)*", option)


def test_underscores_are_dashes() -> None:
    done = CliRunner().invoke(cli.app, ["sweep", "--out", "x", "--agent", "bc", "--batch_size", "0"])
    assert "batch_size must be an integer >= 1, got 0" in done.output


def test_the_version() -> None:
    assert CliRunner().invoke(cli.app, ["--version"]).output == f"optexec {ox.__version__}\n"
    assert re.match(r"\d+\.\d+", ox.__version__)


def test_one_is_not_many(tmp_path: Path) -> None:
    one = ["stress", "--scenario", "regimes", "--episodes", "20"]
    said = CliRunner().invoke(cli.app, one).output
    said += (
        CliRunner()
        .invoke(
            cli.app, ["sweep", "--agent", "ac", "--backend", "serial", "--episodes", "20", "--out", str(tmp_path / "a")]
        )
        .output
    )
    single = [*TRAIN, "--offline-episodes", "1", "--seeds", "1", "--steps", "1", "--out", str(tmp_path)]
    for _ in range(2):
        said += CliRunner().invoke(cli.app, single).output
    for phrase in (
        "1 scenario, 20 episodes",
        "1 cell of 20 episodes",
        "1 episode, 20 transitions",
        "1 seed of",
        "1 step;",
    ):
        assert phrase in " ".join(said.split())
    assert not re.search(r"\b1 (scenarios|cells|seeds|episodes|steps|transitions)\b", said)


class Terminal(io.TextIOWrapper):
    """A terminal of few signs that keeps what it shows."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict")

    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_terminals_of_few_signs(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (
        ["solve", "--episodes", 20, "--json", tmp_path / "a.json"],
        ["stress", "--episodes", 20, "--scenario", "regimes"],
        ["sweep", "--backend", "serial", "--agent", "ac", "--episodes", 20, "--out", tmp_path / "cells"],
        ["config"],
        ["train", "--help"],
    ):
        terminal = Terminal(encoding)
        assert called(monkeypatch, terminal, *arguments) == 0
        shown = terminal.text()
        assert shown.strip()
        assert "?" not in shown
        if arguments[0] == "sweep" and encoding != "cp437":
            assert "lambda (1/$)" in shown
    assert json.loads((tmp_path / "a.json").read_text())["rows"]


def jobs(folder: Path) -> dict[str, tuple[list[str], Path]]:
    """Commands, and the file that each must not lose."""
    rows = folder / "rows.json"
    return {
        "solve": (["solve", "--episodes", "20", "--json", str(rows)], rows),
        "benchmark": (["benchmark", "--episodes", "20", "--json", str(rows)], rows),
        "stress": (["stress", "--episodes", "20", "--scenario", "regimes", "--json", str(rows)], rows),
        "train": ([*TRAIN, "--steps", "2", "--out", str(folder), "--json", str(rows)], rows),
        "sweep": (
            ["sweep", "--agent", "ac", "--backend", "serial", "--episodes", "20", "--out", str(folder / "cells"),
             "--json", str(rows)],
            rows,
        ),
        "plots": (["plots", "--episodes", "20", "--out", str(folder)], folder / "stress_tails.html"),
    }  # fmt: skip


class Full(io.StringIO):
    """A standard output on a full disk, or one that nobody reads any more."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "config"])
def test_no_file_is_lost_where_nothing_can_be_printed(
    command: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("optexec.cli.plots.browser", lambda: None)
    arguments, file = jobs(tmp_path)[command]
    code = called(monkeypatch, Full(number), *arguments)
    assert code == (141 if number == errno.EPIPE else 1)
    assert file.stat().st_size > 100
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if number == errno.ENOSPC:
        assert said.splitlines()[-1] == "optexec: what was printed is lost: [Errno 28] No space left on device"


def test_a_table_is_shown_where_no_file_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("optexec.cli.output.beside", full)
    done = CliRunner().invoke(cli.app, jobs(tmp_path)["solve"][0])
    assert done.exit_code == 2
    assert "best static" in done.stdout
    assert done.stderr.splitlines()[-1] == "optexec: [Errno 28] No space left on device"
    assert not list(tmp_path.iterdir())


@posix
@pytest.mark.parametrize("joined", [False, True])
def test_a_pipe_that_is_closed_at_once(joined: bool, tmp_path: Path) -> None:
    """As in optexec solve --json FILE | true, and with 2>&1."""
    arguments, file = jobs(tmp_path)["solve"]
    ours, theirs = os.pipe()
    os.close(ours)
    stderr = theirs if joined else subprocess.PIPE
    done = subprocess.run([sys.executable, "-m", "optexec", *arguments], stdout=theirs, stderr=stderr, text=True)
    os.close(theirs)
    assert done.returncode == 141
    assert json.loads(file.read_text())["rows"]
    assert joined or [line for line in done.stderr.splitlines() if not line.startswith("episodes: ")] == []


@posix
def test_rows_go_to_a_pipe(tmp_path: Path) -> None:
    """As in optexec solve --json >(cat)."""
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "optexec", "solve", "--episodes", "20", "--json", f"/dev/fd/{theirs}"]
    with subprocess.Popen(command, pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        with open(ours, encoding="utf-8") as pipe:
            assert len(json.load(pipe)["rows"]) == 6
    assert process.returncode == 0


def trained(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(cli.app, [*TRAIN, "--out", str(folder), *arguments])


def test_a_finished_training_is_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained(tmp_path, "--steps", "3").exit_code == 0
    file = tmp_path / "bc-mixture.npz"
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    monkeypatch.setattr("optexec.offline.training.train", None)  # nothing is trained
    monkeypatch.setattr("optexec.cli.commands.collect", None)  # nor logged
    again = trained(tmp_path, "--steps", "3", "--json", str(tmp_path / "rows.json"))
    assert again.exit_code == 0, again.output
    assert f"{file} is finished: 2 seeds of behaviour cloning after 3 steps; nothing was trained" in again.output
    assert len(json.loads((tmp_path / "rows.json").read_text())["rows"]) == 3
    for change, said in {
        ("--steps", "2"): "steps is 3 and not 2",
        ("--steps", "3", "--seeds", "1"): "seeds is [0, 1] and not [0]",
        ("--steps", "3", "--offline-episodes", "21"): "episodes is 20 and not 21",
        ("--steps", "3", "--data-seed", "4"): "data_seed is 0 and not 4",
        ("--steps", "3", "--batch-size", "9"): "batch_size is 8 and not 9",
    }.items():
        refused = trained(tmp_path, *change)
        assert refused.exit_code == 2
        assert len(refused.stderr.splitlines()) == 1
        assert f"{file} holds other agents: {said}; choose another --out, or --overwrite" in refused.stderr
    config.save(ox.presets.stochastic().replace(volatility=0.03), tmp_path / "a.toml")
    refused = trained(tmp_path, "--steps", "3", "--config", str(tmp_path / "a.toml"))
    assert "holds other agents: market.volatility is 0.02 and not 0.03" in refused.stderr
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_what_is_there_is_replaced_when_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "bc-mixture.npz"
    file.write_bytes(b"a year of work")
    refused = trained(tmp_path, "--steps", "3")
    assert refused.exit_code == 2
    assert "cannot be read as optexec agents" in refused.stderr
    assert file.read_bytes() == b"a year of work"
    assert trained(tmp_path, "--steps", "3", "--overwrite").exit_code == 0
    assert trained(tmp_path, "--steps", "2", "--overwrite").exit_code == 0
    assert ox.offline.Agents.load(file).origin["steps"] == 2


def test_a_checkpoint_of_other_settings_is_refused_by_name(tmp_path: Path) -> None:
    data = ox.collect(ox.presets.stochastic(), "mixture", 20, 0)
    checkpoint = tmp_path / "bc-mixture.checkpoint.npz"
    run: dict[str, Any] = {"progress": False, "checkpoint": checkpoint, "stop_after": 2}
    ox.offline.train("bc", data, range(2), 6, 8, **run)
    before = checkpoint.read_bytes()
    for change, said in {
        ("--steps", "3"): "steps is 6 and not 3",
        ("--steps", "6", "--offline-episodes", "21"): "episodes is 20 and not 21",
    }.items():
        refused = trained(tmp_path, *change)
        assert refused.exit_code == 2
        assert f"{checkpoint} is of another run: {said}" in refused.stderr
        assert "choose another --out, or --overwrite" in refused.stderr
        assert checkpoint.read_bytes() == before
    done = trained(tmp_path, "--steps", "6")  # its own goes on
    assert done.exit_code == 0, done.output
    straight = ox.offline.train("bc", data, range(2), 6, 8, progress=False)
    assert ox.offline.Agents.load(tmp_path / "bc-mixture.npz").digest == straight.digest
    ox.offline.train("bc", data, range(2), 7, 8, **run)
    assert trained(tmp_path, "--steps", "3", "--overwrite").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["bc-mixture.npz"]


def ended(process: subprocess.Popen[str]) -> None:
    """Nothing of a process group is left, or the test fails."""
    for _ in range(300):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers outlived their sweep")


@posix
def test_sigterm_ends_a_sweep_and_its_workers(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    command = [sys.executable, "-m", "optexec", "sweep", "--agent", "rolling", "--workers", "2", "--out", str(folder)]
    with subprocess.Popen(
        [*command, "--episodes", "2000", "--seeds", "4000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        for _ in range(240):  # until workers are at work
            if len(list(folder.glob("*.json"))) > 4:
                break
            time.sleep(0.5)
        process.terminate()  # it alone
        said = process.communicate(timeout=120)[1]
        ended(process)
    assert process.returncode == 143
    assert "Traceback" not in said
    kept = list(folder.iterdir())
    assert len(kept) > 4
    assert all(json.loads(path.read_text())["row"] for path in kept)  # and no part of a file
    before = {path: path.stat().st_mtime_ns for path in kept}
    again = subprocess.run([*command, "--episodes", "2000", "--seeds", "2", "--backend", "serial"])
    assert again.returncode == 0
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())


WORKER = """
import os, time
from optexec.sweep import _end_with
_end_with(os.getppid())
print("at work", flush=True)
time.sleep(600)
"""


@posix
def test_a_worker_ends_with_a_sweep_that_was_killed() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", script, WORKER], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        assert process.communicate(timeout=60)[0] == b""  # the worker had the other end of the pipe too


@posix
def test_a_training_that_is_terminated_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "optexec", *TRAIN, "--steps", "3000000", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(240):
            if list(tmp_path.glob("*.checkpoint.npz")):
                break
            time.sleep(0.5)
        process.terminate()
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (143, "")
    assert [path.name for path in tmp_path.iterdir()] == ["bc-mixture.checkpoint.npz"]


def test_every_field_is_in_a_configuration() -> None:
    for problem in (ox.presets.stochastic(), ox.presets.reference(), *ox.presets.stress().values()):
        text = config.text(problem)
        assert config.parse(text) == problem
        shown = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
        process = problem.market.liquidity
        processes = [process, *([process.base] if isinstance(process, ox.Shocks) else [])]
        for part in (problem.order, problem.market, *processes):
            fields = {field.name for field in dataclasses.fields(part)}  # type: ignore[arg-type]
            assert fields - {"liquidity", "base"} <= shown
        filled = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
        assert config.parse(filled).order.max_participation is not None


OWN = ox.presets.reference().replace(shares=123.0)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_configurations_with_a_mark_and_from_standard_input(mark: bytes, tmp_path: Path) -> None:
    content = mark + config.text(OWN).replace("\n", "\r\n").encode()
    (tmp_path / "a.toml").write_bytes(content)
    assert config.load(tmp_path / "a.toml") == OWN
    done = CliRunner().invoke(cli.app, ["config", "--config", "-"], input=content)
    assert config.parse(done.output) == OWN
    bad = CliRunner().invoke(cli.app, ["config", "--config", "-"], input=b"a = ")
    assert bad.exit_code == 2
    assert bad.stderr.startswith("optexec: standard input: not valid TOML")


@posix
def test_a_configuration_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=(tmp_path / "pipe").write_text, args=(config.text(OWN),), daemon=True)
    thread.start()
    assert config.load(tmp_path / "pipe") == OWN
    thread.join(30)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_configuration_in_utf_16_is_named(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(config.text(OWN).encode(encoding))
    with pytest.raises(ValueError, match=r"a\.toml: a configuration must be text in UTF-8, got UTF-16"):
        config.load(tmp_path / "a.toml")


def test_objects_say_what_they_are_in_few_words() -> None:
    long = ox.presets.stochastic().replace(periods=390, volume_profile=tuple(ox.u_shape(390)))
    day = long.replace(periods=26, volume_profile=tuple(ox.u_shape(26)))
    data = ox.collect(ox.presets.stochastic(), "mixture", 20)
    calibrated = ox.calibration.calibrate(ox.calibration.synthetic(day.market, bars=26, days=20, seed=0))
    impact = ox.calibration.Almgren2005(outstanding=1e8)
    objects: list[Any] = [
        long, long.market, long.order, calibrated, calibrated.volatility, data,
        calibrated.problem(ox.Order(shares=4e4, periods=20), impact, risk_aversion=1e-6),
        *ox.presets.stress().values(), ox.twap(long), ox.best_static(day), ox.optimum(day), ox.rolling(day),
        ox.optimum(day.replace(max_participation=0.05)), ox.filtered(day, ox.rolling(day)),
        ox.simulate(long, ox.twap(long), 100, 1), ox.offline.train("bcq", data, range(8), 2, 8, progress=False),
        ox.offline.data.behaviour(long, "mixture"), ox.ExecutionEnv(long), ox.ExecutionVectorEnv(4, long),
        ox.offline.BCQConfig.tuned(), impact,
    ]  # fmt: skip
    for thing in objects:
        assert len(repr(thing)) <= 600, repr(thing)
    said = repr(calibrated)
    for name, row in calibrated.table().iterrows():
        found = re.search(rf"{name} +([\d.,e+-]+) \(([\d.,e+-]+) to ([\d.,e+-]+)\)", said)
        assert found, said
        for shown, value in zip(found.groups(), row[["value", "low", "high"]], strict=True):
            assert float(shown.replace(",", "")) == pytest.approx(value, rel=1e-3)
    assert repr(ox.Problem()) == repr(eval(repr(ox.Problem()), vars(ox).copy()))
