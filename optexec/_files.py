"""The one writer of files: whole or not at all, through links, to pipes and devices, with the modes that were there."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import secrets
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["beside", "check_folder", "check_writable", "digest", "read_arrays", "write_arrays"]

Arrays = dict[str, NDArray[Any]]
_META = "meta"

_UNREADABLE = (
    OSError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    MemoryError,
    OverflowError,
    RuntimeError,  # a damaged header may ask for a password, or for a compression that Python does not have
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What damage makes zipfile, numpy and json raise."""


LINKS = 40
"""Symbolic links that are followed; more are a circle."""


class _Place(NamedTuple):
    """Where a name leads."""

    target: Path | int
    """a path that is no link, or the number of an open file of this process"""
    status: os.stat_result | None
    """None where nothing is there yet"""

    @property
    def special(self) -> bool:
        """A pipe, a device or an open file: what is written to it goes on, and nothing may take its place."""
        return isinstance(self.target, int) or (self.status is not None and not stat.S_ISREG(self.status.st_mode))


def check_writable(path: str | Path, name: str = "file") -> None:
    """Refuse, before the work, a file that `beside` could not write after it.

    Args:
        path: where it is to be.
        name: what the message calls it.

    Raises:
        ValueError: a folder, or a name in no folder.
        PermissionError: a file that is read-only, or a new one in a folder that takes none.
    """
    place = _place(Path(path), name)
    if place.status is None and isinstance(place.target, Path):
        _try(place.target.parent, name, path)


def check_folder(path: str | Path, name: str) -> Path:
    """Refuse, before the work, a folder in which no file can be made; return it without links, there or not yet.

    Raises:
        ValueError: a file, or a name in no folder.
        PermissionError: a folder that takes no files.
    """
    folder = Path(os.path.realpath(path))
    if folder.exists() != folder.is_dir() or not folder.parent.is_dir():
        raise ValueError(f"{name} must be a folder or a new name in one, got {path}")
    _try(folder if folder.is_dir() else folder.parent, name, path)
    return folder


def _try(folder: Path, name: str, path: str | Path) -> None:
    """Make a file in a folder and take it away: only this tells for root, for a network and for what is no real folder.

    Raises:
        PermissionError: it cannot be made.
    """
    part = folder / f".{secrets.token_hex(8)}.part"
    try:
        part.touch()
    except OSError as error:
        raise PermissionError(f"{name} must be in a folder that takes files, got {path} ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)


def _place(path: Path, name: str) -> _Place:
    """Where a name leads, if it can be written there; errors as of `check_writable`."""
    try:
        target, status = _behind(path), None
        with suppress(FileNotFoundError, NotADirectoryError):
            status = os.stat(target)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name} cannot be {path}: {getattr(error, 'strerror', None) or error}") from None
    if isinstance(target, int):
        import fcntl  # there is one where files have numbers in /dev/fd

        if fcntl.fcntl(target, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise PermissionError(f"{name} must be open for writing, got {path}")
        return _Place(target, status)
    if status is None:
        if not target.parent.is_dir():
            raise ValueError(f"{name} must be in an existing folder, got {path} ({target.parent} is not a folder)")
        return _Place(target, None)
    if stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{name} must be a file, got the folder {path}")
    if stat.S_ISREG(status.st_mode):
        allowed = bool(status.st_mode & 0o222)  # root may write what is read-only, and should not
        try:
            target.open("r+b").close()
        except OSError:
            allowed = False
    else:
        allowed = os.access(target, os.W_OK) and not stat.S_ISSOCK(status.st_mode)
    if not allowed:
        raise PermissionError(f"{name} must not be read-only, got {path}: choose another, or chmod u+w")
    return _Place(target, status)


def _behind(path: Path) -> Path | int:
    """What a name stands for when its links are followed, whether it is there or not."""
    for _ in range(LINKS):
        folder = os.path.realpath(path.parent)
        if path.name.isdigit() and re.fullmatch(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd", folder):
            return int(path.name)
        path = Path(folder, path.name)
        if not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


@contextmanager
def beside(path: Path, writer: str = "") -> Iterator[IO[bytes]]:
    """Open a file for writing whose content comes to ``path`` when the block ends without an error, and not before.

    Links are followed and stay. A file is written next to the one that is there and takes its place, with its mode and
    its owner. One that has several names, or whose place cannot be taken (it is another's, or mounted), is overwritten
    in the end, and gets back what it held if that fails. To a pipe or a device the whole is written in the end.

    The name of what is written next to it ends in ``.part``, before which stands who writes: what a killed process
    leaves can be told by it.

    Raises:
        ValueError, PermissionError: as `check_writable`.
    """
    place = _place(Path(path), "file")
    part = None if place.special or (place.status and place.status.st_nlink > 1) else _part(place, writer)
    if part is None:
        memory = io.BytesIO()
        yield memory
        _pour(place, memory.getvalue())
        return
    assert isinstance(place.target, Path)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            if place.status is not None:
                _like(part, place.status)
            part.replace(place.target)
        except OSError:
            if place.status is None:
                raise
            _pour(place, part.read_bytes())
    finally:
        part.unlink(missing_ok=True)


def _part(place: _Place, writer: str) -> Path | None:
    """A new file next to a place; None where its folder takes none, but the file that is there can be written."""
    assert isinstance(place.target, Path)
    # no other process, thread or machine on the same folder writes to this name; the whole of a long one would not fit
    name = f"{place.target.name[:40]}.{secrets.token_hex(4)}-{writer or os.getpid()}.part"
    part = place.target.with_name(name)
    try:
        part.touch(
            0o666 if place.status is None else 0o600, exist_ok=False
        )  # what nobody may read is never open to all
    except OSError:
        if place.status is None:
            raise
        return None
    return part


def _like(part: Path, status: os.stat_result) -> None:
    """Give a file the owner and the mode of another."""
    own = part.stat()
    if hasattr(os, "chown") and (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        os.chown(part, status.st_uid, status.st_gid)
    part.chmod(stat.S_IMODE(status.st_mode))


def _pour(place: _Place, content: bytes) -> None:
    """Write into what is there."""
    if place.special:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # it may be the same: what was printed comes first
            stream.flush()
        with open(os.dup(place.target) if isinstance(place.target, int) else place.target, "wb") as file:
            file.write(content)
        return
    with open(place.target, "r+b", buffering=0) as there:
        before = there.read()
        try:
            _fill(there, content)
        except BaseException:
            _fill(there, before)
            raise


def _fill(file: io.FileIO, content: bytes) -> None:
    file.seek(0)
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    file.truncate()
    os.fsync(file.fileno())


def digest(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256, in hexadecimal, of plain data and arrays: of their JSON, names, shapes, types and bytes."""
    found = hashlib.sha256(json.dumps(meta, sort_keys=True, allow_nan=False).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.shape} {array.dtype.str}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def write_arrays(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write plain data and arrays as one npz file that carries its own digest; nothing in it is pickled."""
    for name, array in arrays.items():
        if array.dtype.hasobject:  # numpy would pickle it; its switch against that came after 2.1
            raise ValueError(f"{name} must hold numbers, got an array of objects")
    text = json.dumps({**meta, "digest": digest(meta, arrays)}, allow_nan=False)
    stored: dict[str, Any] = {_META: np.array(text), **arrays}
    with beside(path) as file:
        np.savez_compressed(file, **stored)


def read_arrays(path: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    """Read what `write_arrays` wrote, if its ``kind`` is the one asked for.

    Raises:
        FileNotFoundError: no such file.
        ValueError: truncated, changed since it was written, holding pickles, or of another kind; the file is named.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is not a file")
    try:
        # opened here: numpy leaves a file open that it cannot read
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop(_META)))
        if not isinstance(meta, dict):
            raise TypeError("its description is not an object")
        stated = meta.pop("digest")
        same = stated == digest(meta, arrays)
    except _UNREADABLE as error:
        why = f"it is truncated, damaged or another file ({error})"
        raise ValueError(f"{path} cannot be read as {kind}: {why}") from None
    if meta.get("kind") != kind:
        raise ValueError(f"{path} must hold {kind}, got {meta.get('kind')!r}")
    if not same:
        raise ValueError(f"{path} was changed after it was written: its contents do not have the digest that it states")
    return meta, arrays
