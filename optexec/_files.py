"""Files that are there whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["beside", "digest", "read_arrays", "write_arrays"]

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


@contextmanager
def beside(path: Path, writer: str = "") -> Iterator[IO[bytes]]:
    """Open a file next to ``path`` for writing; it takes the place of ``path`` when the block ends without an error.

    Its name ends in ``.part``, before which stands who writes: what a killed process leaves can be told by it.
    """
    # no other process, thread or machine on the same folder writes to this name
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}-{writer or os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: {path.parent} is not a folder")
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
