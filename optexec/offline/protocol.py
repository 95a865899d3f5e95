"""The protocol of the published results: which seeds, how much data and training, and the list of all studies.

Settings were chosen on `TUNING` alone. `SCORING` was used once, for what is published. No seed is in both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["BATCH", "EPISODES", "SCORED", "SCORING", "STEPS", "STUDIES", "TUNING", "Seeds", "Study"]


@dataclass(frozen=True)
class Seeds:
    """Everything random of a set of experiments."""

    data: tuple[int, ...]
    """of the data sets"""
    training: tuple[int, ...]
    """of the agents"""
    episodes: int
    """of the fresh episodes that score them"""


TUNING = Seeds(data=(900, 901), training=tuple(range(100, 108)), episodes=990)
SCORING = Seeds(data=(0, 1), training=tuple(range(8)), episodes=10)

EPISODES = 1_000
"""Logged episodes a data set."""
STEPS = 10_000
"""Gradient steps; the last step's running average is scored, never the best of several."""
BATCH = 256
"""Transitions a step and seed."""
SCORED = 20_000
"""Fresh episodes that score an agent."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One training run of the published tables, in the normal market (`optexec.presets.stochastic`)."""

    algorithm: str
    behaviour: str
    data: int = SCORING.data[0]
    config: str = "tuned"
    reward: str = "realised"
    seeds: tuple[int, ...] = SCORING.training

    @property
    def name(self) -> str:
        """Name of its file: what differs from the usual is in it."""
        marks = [self.algorithm, self.behaviour]
        marks += [mark for mark, usual in ((self.config, "tuned"), (self.reward, "realised")) if mark != usual]
        return "-".join([*marks, f"data{self.data}"])

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "seeds": list(self.seeds)}


STUDIES = (
    *(
        Study(algorithm=name, behaviour="mixture", data=data)
        for data in SCORING.data
        for name in ("td3bc", "bcq", "bc")
    ),
    *(Study(algorithm=name, behaviour=log) for log in ("twap", "twap-noise") for name in ("td3bc", "bcq", "bc")),
    Study(algorithm="td3bc", behaviour="mixture", reward="expected"),
    *(
        Study(algorithm="td3bc", behaviour=log, config="paper", seeds=SCORING.training[:3])
        for log in ("mixture", "twap")
    ),
)
"""Every run whose agents are shipped."""
