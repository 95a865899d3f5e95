"""Behaviour cloning: the regression of logged actions on states (Pomerleau 1988), what learning without rewards gives.

minimise over pi   E_data (pi(s) - a)^2
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from optexec.offline.learner import PUBLISHED, Batch, Config, Learner, over_batch
from optexec.offline.names import LEARNERS
from optexec.offline.networks import ACTIVATIONS, perceptron

__all__ = ["BC", "BCConfig"]


@dataclass(frozen=True, kw_only=True)
class BCConfig(Config):
    """Settings of behaviour cloning: those of `Config`, and none of its own (critic and judge are not used)."""

    @classmethod
    def paper(cls) -> Self:
        """The actor of the TD3+BC paper without its critic."""
        return cls(**PUBLISHED, widths=(256, 256), rate=3e-4)

    @classmethod
    def tuned(cls) -> Self:
        """The tuned actor of TD3+BC without its critic."""
        return cls()


class BC(Learner):
    """A network a seed, fitted to the data's actions."""

    name: ClassVar[str] = "bc"
    label: ClassVar[str] = LEARNERS[name]
    settings: ClassVar[type[Config]] = BCConfig

    def build(self, dimension: int, streams: Sequence[np.random.Generator]) -> None:
        """Make the networks and their optimisers."""
        self.actor = self.stack(streams, dimension)
        self.average = copy.deepcopy(self.actor)
        self.optimise("actor", self.actor)

    def update(self, step: int, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """Descend the squared distance to the logged action."""
        loss = over_batch((torch.tanh(self.actor(batch.state)) - batch.action) ** 2, batch.free)
        self.descend("actor", loss)
        self.follow([(self.average, self.actor)])
        return {"loss": loss.detach()}

    def acting(self) -> dict[str, list[Tensor]]:
        """The averaged actor."""
        return {"actor": list(self.average.layers)}

    @staticmethod
    def decide(
        config: BCConfig, networks: Mapping[str, Sequence[Tensor]], state: Tensor, ceiling: Tensor | float = 1.0
    ) -> Tensor:
        """Return tanh of the actor's output, at most the ceiling."""
        y = torch.tanh(perceptron(networks["actor"], state, ACTIVATIONS[config.activation]))
        return y.clamp(max=ceiling).squeeze(-1)
