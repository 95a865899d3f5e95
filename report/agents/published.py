"""The shipped agents: small files and a manifest that says where each comes from and how it scored.

``python -m report.agents.publish`` makes them all; nobody edits them.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optexec._validate import choice
from optexec.offline.scoring import summary
from report.agents.protocol import STUDIES, Study

if TYPE_CHECKING:
    from optexec.offline.agents import Agents

__all__ = ["FOLDER", "agents", "file_digest", "manifest", "results", "study"]

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


def results(**fields: Any) -> pd.DataFrame:
    """The published studies whose fields have these values, e.g. ``results(market="regimes", hidden=False)``.

    Returns:
        A row a study, indexed by name: the study's fields, then value, low, high, path_ci and lowest of its agents'
        gap closed (`optexec.offline.scoring.summary`: the bootstrap is over seeds and, with a log each, over logs),
        mean_action, the gap closed by the mean of their actions, dearest, the largest J of an agent [$], and the means
        over agents of completion, violations and clipped (NaN where nothing was simulated).

    Raises:
        ValueError: a field that studies do not have.
    """
    rows = {}
    for name, entry in manifest().items():
        described = entry["study"]
        for field in fields:
            choice("field", field, tuple(described))
        if any(described[field] != value for field, value in fields.items()):
            continue
        scores = {key: np.array(values, dtype=np.float64) for key, values in entry["scores"].items()}
        found = summary([scores["gap_closed"]], [scores["gap_closed_ci"]])
        rows[name] = {
            **described,
            **vars(found),
            "mean_action": entry["mean_action"]["gap_closed"],
            "dearest": scores["objective"].max(),
            **{key: scores[key].mean() if key in scores else np.nan for key in ("completion", "violations", "clipped")},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("study")


def agents(name: str) -> Agents:
    """The shipped agents of a study.

    Raises:
        ValueError: an unknown name, a study without shipped agents, or a file that is not the one in the manifest.
    """
    if not study(name).shipped:
        raise ValueError(f"{name} is published with its scores alone, got asked for its agents")
    path = FOLDER / f"{name}.npz"
    if file_digest(path) != manifest()[name]["sha256"]:
        raise ValueError(
            f"{path} is not the file that the manifest describes: python -m report.agents.publish makes it"
        )
    from optexec.offline.agents import Agents  # torch, which the manifest alone does not need

    return Agents.load(path)


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
