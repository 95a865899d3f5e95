"""*Reproducing*: the versions behind a build, the published studies, and what a simulation's seed fixes."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Any

import numpy as np
import pandas as pd

import optexec as ox
from optexec.noise import BLOCK
from report.agents import published
from report.agents.protocol import (
    ABLATIONS,
    BATCH,
    CAPPED,
    EPISODES,
    MARKETS,
    ONE_LOG,
    SCORING,
    STEPS,
    STUDIES,
    TUNING,
    Study,
)

__all__ = ["Exact", "Training", "exact", "studies", "training", "versions"]

PACKAGES = ["optexec", "numpy", "scipy", "pandas", "gymnasium", "plotly", "torch", "sympy", "jupyter-book", "myst-nb"]


def versions() -> pd.DataFrame:
    """The versions of this build."""
    installed = {found.name: found.version for found in distributions()}
    shown = {"Python": platform.python_version()} | {name: installed[name] for name in PACKAGES if name in installed}
    return pd.DataFrame({"version": shown}).rename_axis("package")


def _where(study: Study) -> str:
    """Where a study is reported first."""
    if study in ONE_LOG:
        return "13 to 16: one log"
    if study.hidden or study.market.startswith("transient_0"):
        return "19: hidden liquidity, transient impact"
    if study.behaviour != "mixture" or (study.episodes, study.steps) != (EPISODES, STEPS) or study.variant in ABLATIONS:
        return "21: data and parts of the learners"
    if study.market in CAPPED or study.variant == "wish":
        return "18: constraints"
    return "17: markets" if study.market in MARKETS else "20: stress scenarios"


def _counted() -> pd.DataFrame:
    """Studies by chapter: how many, their agents, CPU time and size."""
    manifest, rows = published.manifest(), []
    for study in STUDIES:
        file = published.FOLDER / f"{study.name}.npz"
        rows.append(
            {
                "chapter": _where(study),
                "studies": 1,
                "agents": len(study.seeds),
                "CPU (min)": manifest[study.name]["origin"]["cpu_seconds"] / 60,
                "MB": file.stat().st_size / 1e6 if study.shipped else np.nan,
            }
        )
    return pd.DataFrame(rows).groupby("chapter").sum(min_count=1)


def studies() -> Any:
    """The published studies by chapter, as a table."""
    return _counted().style.format({"CPU (min)": "{:.0f}", "MB": "{:.1f}"}, na_rep="–")


@dataclass(frozen=True)
class Training:
    """The published agents, and the protocol that made them."""

    hours: float
    """of one core"""
    shipped: int
    """studies whose agents are"""
    unshipped: int
    megabytes: float
    """of shipped files"""
    episodes: int
    """of a log"""
    steps: int
    batch: int


def training() -> Training:
    """What training took; files are those of the manifest, and tuning shares no seed with scoring."""
    manifest, counted = published.manifest(), _counted()
    assert not {*TUNING.data, *TUNING.training, TUNING.episodes} & {*SCORING.data, *SCORING.training, SCORING.episodes}
    kept = [study.name for study in STUDIES if study.shipped]
    for name in kept:
        assert published.file_digest(published.FOLDER / f"{name}.npz") == manifest[name]["sha256"]
    megabytes = counted["MB"].sum()
    assert megabytes < 10
    return Training(
        hours=counted["CPU (min)"].sum() / 60,
        shipped=len(kept),
        unshipped=len(STUDIES) - len(kept),
        megabytes=megabytes,
        episodes=EPISODES,
        steps=STEPS,
        batch=BATCH,
    )


@dataclass(frozen=True)
class Exact:
    """The optimum of the report's market, and the blocks of its random streams."""

    value: float
    """[$]"""
    grid_error: float
    """[$]"""
    block: int
    """episodes of a stream"""


def exact() -> Exact:
    """How exact the optimum is."""
    solution = ox.optimum(ox.presets.stochastic())
    assert 0 < solution.grid_error < 1e-2
    return Exact(solution.value, solution.grid_error, BLOCK)
