"""The shipped agents: small files and a manifest that says where each comes from and how it scored.

``python tools/publish.py`` makes them all; nobody edits them.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optexec._validate import choice
from optexec.offline.protocol import STUDIES, Study

if TYPE_CHECKING:
    from optexec.offline.agents import Agents

__all__ = ["FOLDER", "agents", "file_digest", "manifest", "study"]

FOLDER = Path(__file__).parent / "shipped"
"""Where they lie; ``manifest.json`` is beside them."""


@lru_cache
def manifest() -> dict[str, Any]:
    """What is known of each shipped file, by the study's name: study, origin, sha256 and scores."""
    read: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    return read


def study(name: str) -> Study:
    """The study of a name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    names = tuple(one.name for one in STUDIES)
    return STUDIES[names.index(choice("study", name, names))]


def agents(name: str) -> Agents:
    """The shipped agents of a study.

    Raises:
        ValueError: an unknown name, or a file that is not the one in the manifest.
    """
    path = FOLDER / f"{study(name).name}.npz"
    if file_digest(path) != manifest()[name]["sha256"]:
        raise ValueError(f"{path} is not the file that the manifest describes: make it again with tools/publish.py")
    from optexec.offline.agents import Agents  # torch, which the manifest alone does not need

    return Agents.load(path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
