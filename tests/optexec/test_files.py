"""The one writer: through links and to pipes, modes and old contents kept, and refusals before any work.

Nodes of devices are made in a temporary folder where that is allowed; the machine's own are left alone.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import optexec as ox
from optexec import cli, config
from optexec._files import beside, check_folder, check_writable

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def put(path: Path, content: bytes = b"new") -> None:
    with beside(path) as file:
        file.write(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


DATA = ox.collect(ox.presets.stochastic().replace(periods=3), "mixture", episodes=4, seed=1)


def agents() -> ox.offline.Agents:
    return ox.offline.train("bc", DATA, [0], 2, 4, progress=False)


WRITERS: dict[str, Callable[[Path], object]] = {
    "config": lambda path: config.save(ox.Problem(), path),
    "json": lambda path: cli.write_json(path, ox.Problem(), 1, pd.DataFrame([{"policy": "TWAP"}])),
    "data": DATA.save,
    "agents": lambda path: agents().save(path),
    "checkpoint": lambda path: ox.offline.train("bc", DATA, [0], 2, 4, progress=False, checkpoint=path),
}


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_goes_through_links_and_keeps_modes(name: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    target, link, chain = tmp_path / "store" / "real", tmp_path / "link", tmp_path / "chain"
    chain.symlink_to("link")
    link.symlink_to(Path("store") / "real")  # which is not there yet
    WRITERS[name](chain)
    assert (os.readlink(chain), os.readlink(link)) == ("link", "store/real")
    whole = target.read_bytes()
    assert whole
    if name == "checkpoint":  # one that is there is gone on from
        return
    target.write_bytes(b"old")
    target.chmod(0o600)
    WRITERS[name](link)
    assert target.stat().st_mode & 0o777 == 0o600
    assert len(target.read_bytes()) > 3
    assert (names(tmp_path), names(tmp_path / "store")) == (["chain", "link", "store"], ["real"])
    target.chmod(0o400)
    before = target.read_bytes()
    with pytest.raises(PermissionError, match="read-only"):  # root too
        WRITERS[name](link)
    assert target.read_bytes() == before


@posix
@pytest.mark.parametrize("content", [b"new", b"longer than the old one"])
def test_hard_links_stay_one_file(content: bytes, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old and long")
    os.link(first, second)
    put(first, content)
    assert second.read_bytes() == content
    assert first.samefile(second)
    assert names(tmp_path) == ["a", "b"]


LIMITED = """
import resource, sys
from pathlib import Path
from optexec._files import beside
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with beside(Path(sys.argv[1])) as file:
        file.write(b"x" * 5000)
except OSError as error:
    sys.exit(7)
"""


@posix
@pytest.mark.parametrize("links", [1, 2])
def test_a_full_disk_leaves_what_was_there(links: int, tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    if links == 2:
        os.link(target, tmp_path / "b")
    assert subprocess.run([sys.executable, "-c", LIMITED, str(target)]).returncode == 7
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a", "b"][:links]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("there", [False, True])
def test_what_ends_early_leaves_nothing(error: type[BaseException], there: bool, tmp_path: Path) -> None:
    target = tmp_path / "a"
    if there:
        target.write_bytes(b"old")

    def broken() -> None:
        with beside(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        broken()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"] * there


def listened(path: Path) -> tuple[threading.Thread, list[bytes]]:
    heard: list[bytes] = []
    thread = threading.Thread(target=lambda: heard.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, heard


@posix
@pytest.mark.parametrize("name", [name for name in WRITERS if name != "checkpoint"])
def test_named_pipes_are_written_to(name: str, tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    check_writable(link)
    thread, heard = listened(pipe)
    WRITERS[name](link)
    thread.join(30)
    assert heard[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert link.is_symlink()


def node(path: Path, minor: int) -> Path:
    """A memory device of one's own: 3 takes everything, 7 is always full."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        path.open("wb").close()
    except (OSError, AttributeError):
        pytest.skip("no device may be made here")
    return path


@posix
def test_devices_are_written_to(tmp_path: Path) -> None:
    null = node(tmp_path / "null", 3)
    put(null)
    assert stat.S_ISCHR(null.stat().st_mode)
    full = node(tmp_path / "full", 7)
    with pytest.raises(OSError, match="No space left"):
        put(full)
    assert stat.S_ISCHR(full.stat().st_mode)
    assert names(tmp_path) == ["full", "null"]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="open files have no names here")
def test_open_files_are_written_to(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    check_writable(f"/dev/fd/{theirs}")
    put(Path(f"/dev/fd/{theirs}"))
    os.close(theirs)
    assert os.read(ours, 100) == b"new"
    with pytest.raises(PermissionError, match="must be open for writing"):
        check_writable(f"/dev/fd/{ours}")
    os.close(ours)
    with pytest.raises(ValueError, match=f"cannot be /dev/fd/{ours}"):
        check_writable(f"/dev/fd/{ours}")
    with (tmp_path / "a").open("wb") as file:  # as > a
        file.write(b"printed ")
        file.flush()
        put(Path(f"/dev/fd/{file.fileno()}"))
    assert (tmp_path / "a").read_bytes() == b"printed new"


@posix
def test_new_files_follow_the_umask_and_owners_stay(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        put(tmp_path / "a")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    if os.geteuid() == 0:
        os.chown(tmp_path / "a", 1234, 4321)
        put(tmp_path / "a", b"newer")
        status = (tmp_path / "a").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1234, 4321, 0o640)


@posix
def test_where_no_file_can_take_the_place_it_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file that is mounted, or another's in a folder where only owners rename."""

    def busy(self: Path, target: Path) -> None:
        raise OSError(16, "Device or resource busy")

    target = tmp_path / "a"
    target.write_bytes(b"old and long")
    number = target.stat().st_ino
    monkeypatch.setattr(Path, "replace", busy)
    put(target)
    assert (target.read_bytes(), target.stat().st_ino) == (b"new", number)
    assert names(tmp_path) == ["a"]
    with pytest.raises(OSError, match="busy"):
        put(tmp_path / "b")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["n" * 250, "n" * 255, "λ" * 125])
def test_long_names(name: str, tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        put(tmp_path / name, content)
        assert (tmp_path / name).read_bytes() == content
    assert names(tmp_path) == [name]


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--json must be in an existing folder"):
        check_writable(tmp_path / "no" / "a", "--json")
    with pytest.raises(ValueError, match="--json must be a file, got the folder"):
        check_writable(tmp_path, "--json")
    with pytest.raises(ValueError, match=r"--json cannot be .*nnn"):
        check_writable(tmp_path / ("n" * 300), "--json")
    with pytest.raises(ValueError, match="--json cannot be"):
        check_writable(tmp_path / "a\0b", "--json")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="--json must be in an existing folder"):
        check_writable(tmp_path / "file" / "a", "--json")
    for folder in (tmp_path / "file", tmp_path / "no" / "where"):
        with pytest.raises(ValueError, match="--out must be a folder or a new name in one"):
            check_folder(folder, "--out")
    assert names(tmp_path) == ["file"]


@posix
def test_links_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "away").symlink_to(Path("no") / "where")
    with pytest.raises(ValueError, match=r"--json cannot be .*circle"):
        check_writable(tmp_path / "circle", "--json")
    with pytest.raises(ValueError, match="--json must be in an existing folder"):
        check_writable(tmp_path / "away", "--json")
    assert names(tmp_path) == ["away", "circle"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder here takes no files, even from root")
def test_a_folder_that_takes_no_files_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optexec.cli.commands.optimum", None)  # any work fails
    for command in (
        ["solve", "--json", "/proc/a.json"],
        ["train", "--agent", "bc", "--out", "/proc"],
        ["plots", "--out", "/proc/plots"],
        ["sweep", "--agent", "ac", "--out", "/proc/cells"],
    ):
        from typer.testing import CliRunner

        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 2
        assert "must be in a folder that takes files, got /proc" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@posix
def test_a_file_in_a_folder_that_takes_no_others_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def refused(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refused)
    check_writable(target)
    put(target)
    assert target.read_bytes() == b"new"
    with pytest.raises(PermissionError, match="takes files"):
        check_writable(tmp_path / "b")


@posix
def test_commands_refuse_read_only_files_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    monkeypatch.setattr("optexec.cli.commands.optimum", None)
    monkeypatch.setattr("optexec.cli.commands.collect", None)
    for name in ("rows.json", "bc-mixture.npz", "costs.svg"):
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(0o444)
    for command in (
        ["solve", "--json", "rows.json"],
        ["benchmark", "--json", "rows.json"],
        ["stress", "--json", "rows.json"],
        ["sweep", "--out", "cells", "--json", "rows.json"],
        ["train", "--agent", "bc", "--out", "cells", "--json", "rows.json"],
        ["train", "--agent", "bc", "--out", "."],
        ["plots", "--out", "."],
    ):
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 2, command
        assert "must not be read-only" in done.stderr
    assert names(tmp_path) == ["bc-mixture.npz", "costs.svg", "rows.json"]
