"""What results depend on, as one hash: sources, data and installed versions. What was kept of another is stale."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["digest", "state"]

INPUTS = (
    "optexec/**/*.py",
    "report/*.py",
    "report/agents/**/*",
    "report/chapters/**/*.py",
    "report/claims/**/*.py",
    "report/tools/**/*.py",
    "report/site/assets/kernel.py",
    "requirements.txt",
    "constraints.txt",
    "book/data/**/*",
)
"""What the code of chapters depends on besides the chapters."""


def digest(root: Path, patterns: Iterable[str]) -> str:
    """Return a hash of the names and contents of the files under ``root`` that match, in a fixed order."""
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    total = hashlib.sha256()
    for path in sorted(found):
        name = path.relative_to(root).as_posix()
        if {"__pycache__", "_build", ".ipynb_checkpoints"} & set(path.parts):
            continue
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def state(root: Path) -> str:
    """Return a hash of all that chapters' code depends on: files, Python, and what is installed of what is pinned."""
    constraints = root / "constraints.txt"
    lines = constraints.read_text(encoding="utf-8").splitlines() if constraints.is_file() else []
    installed = [sys.version, sys.prefix]
    for name in sorted(line.split("==")[0] for line in lines if "==" in line):
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            installed.append(f"{name} is missing")
    return hashlib.sha256("\n".join([digest(root, INPUTS), *installed]).encode()).hexdigest()
