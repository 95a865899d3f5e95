"""TD3+BC: Fujimoto & Gu (2021), A minimalist approach to offline reinforcement learning.

Twin critics learn the value of the data's actions followed by the actor's,

    y = r + gamma min_i Q'_i(s', pi'(s') + clip(noise)),    minimise E (Q_i(s, a) - y)^2,

and every second step the actor climbs the first critic while it stays near the data,

    maximise E [ lambda Q_1(s, pi(s)) - (pi(s) - a)^2 ],    lambda = alpha / mean |Q_1|.

Primes are targets that follow slowly. Where a period's action is forced, there is no actor loss.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from optexec._validate import integer, real
from optexec.offline.learner import PUBLISHED, Batch, Config, Critics, Learner, over_batch
from optexec.offline.names import LEARNERS
from optexec.offline.networks import ACTIVATIONS, blend, perceptron

__all__ = ["TD3BC", "TD3BCConfig"]


@dataclass(frozen=True, kw_only=True)
class TD3BCConfig(Config):
    """Settings of TD3+BC: those of `Config`, and its own, all from Fujimoto & Gu (2021).

    Args:
        alpha: weight of the critic against cloning, >= 0, the critic being divided by its mean size.
        target_noise: standard deviation of the noise on the target's action, >= 0, in units of the action y.
        noise_clip: where that noise is clipped, >= 0, in the same units.
        delay: critic steps for each step of the actor, >= 1.
        tau: a step's weight in the slowly moving targets, in (0, 1].
    """

    alpha: float = 125.0
    target_noise: float = 0.05
    noise_clip: float = 0.1
    delay: int = 2
    tau: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("alpha", "target_noise", "noise_clip"):
            real(name, getattr(self, name), minimum=0)
        integer("delay", self.delay, minimum=1)
        real("tau", self.tau, above=0, maximum=1)

    @classmethod
    def paper(cls) -> Self:
        """Appendix A of the paper and the authors' code."""
        return cls(
            **PUBLISHED,
            widths=(256, 256),
            rate=3e-4,
            alpha=2.5,
            target_noise=0.2,
            noise_clip=0.5,
            delay=2,
            tau=0.005,
        )

    @classmethod
    def tuned(cls) -> Self:
        """The same algorithm, seen through the view of `optexec.offline.view`."""
        return cls()


class TD3BC(Learner):
    """Actor, twin critics and their targets, for all seeds."""

    name: ClassVar[str] = "td3bc"
    label: ClassVar[str] = LEARNERS[name]
    settings: ClassVar[type[Config]] = TD3BCConfig
    noise = 1

    def build(self, dimension: int, streams: Sequence[np.random.Generator]) -> None:
        """Make the networks and their optimisers."""
        self.actor = self.stack(streams, dimension)
        self.critic = Critics(self.config, dimension, streams, self.transient)
        self.average = copy.deepcopy(self.actor)
        self.actor_target, self.critic_target = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.optimise("actor", self.actor)
        self.optimise("critic", self.critic)

    def update(self, step: int, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """A critic step, and every ``delay`` steps an actor step after which the targets follow."""
        c: TD3BCConfig = self.config
        with torch.no_grad():
            wobble = (noise * c.target_noise).clamp(-c.noise_clip, c.noise_clip)
            action = (torch.tanh(self.actor_target(batch.after)) + wobble).clamp(-1, 1)
            action = torch.minimum(action, batch.ceiling_after) * batch.free_after
            following = torch.minimum(*self.critic_target.twins(batch.after, action))
            target = batch.reward + batch.discount * following
        first, second = self.critic.twins(batch.state, batch.action)
        loss = over_batch((first - target) ** 2 + (second - target) ** 2, batch.weight)
        self.descend("critic", loss)
        trace = {"loss": loss.detach() / 2, "q": first.detach().mean(dim=(1, 2))}
        if step % c.delay:
            return trace
        action = torch.minimum(torch.tanh(self.actor(batch.state)), batch.ceiling)
        value = self.critic.judge(batch.state, action)
        size = over_batch(value.detach().abs(), batch.free)
        climb = c.alpha * batch.free.mean(dim=(1, 2)) * over_batch(value, batch.free)
        climb = climb / size.clamp_min(1e-12)
        clone = over_batch(((action - batch.action) / self.spread) ** 2, batch.free)
        self.descend("actor", clone - climb)
        blend(self.critic_target, self.critic, c.tau)
        blend(self.actor_target, self.actor, c.tau)
        self.follow([(self.average, self.actor)])
        return trace

    def acting(self) -> dict[str, list[Tensor]]:
        """The averaged actor."""
        return {"actor": list(self.average.layers)}

    @staticmethod
    def decide(
        config: TD3BCConfig, networks: Mapping[str, Sequence[Tensor]], state: Tensor, ceiling: Tensor | float = 1.0
    ) -> Tensor:
        """Return tanh of the actor's output, at most the ceiling."""
        y = torch.tanh(perceptron(networks["actor"], state, ACTIVATIONS[config.activation]))
        return y.clamp(max=ceiling).squeeze(-1)
