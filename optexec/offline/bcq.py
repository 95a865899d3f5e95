"""BCQ: Fujimoto, Meger & Precup (2019), Off-policy deep reinforcement learning without exploration.

A conditional variational autoencoder learns which actions the data take in a state,

    minimise E [ (decode(s, z) - a)^2 + (1/2) KL(encode(s, a) || N(0, 1)) ],    z ~ encode(s, a),

and the only actions ever considered are its samples, each moved by at most phi by a perturbation network xi:

    a_j = decode(s, z_j) + phi xi(s, decode(s, z_j)),    z_j ~ N(0, 1) clipped.

Twin critics learn y = r + gamma max_j [ (3/4) min_i Q'_i(s', a_j) + (1/4) max_i Q'_i(s', a_j) ], the perturbation
network climbs the first critic, and the policy takes the best of a few samples by the first critic.
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
from optexec.offline.learner import PUBLISHED, Batch, Config, Critics, Learner, join, over_batch, value
from optexec.offline.names import LEARNERS
from optexec.offline.networks import ACTIVATIONS, Stack, blend, perceptron

__all__ = ["BCQ", "BCQConfig"]

_ACTING = ("decoder", "shift", "critic")
"""Networks that the policy needs."""


@dataclass(frozen=True, kw_only=True)
class BCQConfig(Config):
    """Settings of BCQ: those of `Config`, and its own, all from Fujimoto, Meger & Precup (2019).

    Args:
        behaviour: widths of the hidden layers of the behaviour model's encoder and decoder.
        latent: dimension of its latent variable z, >= 1.
        divergence: weight of its Kullback-Leibler term, >= 0.
        clip: where sampled z are clipped, >= 0.
        reach: phi, the furthest that a sampled action is moved, >= 0, in units of the action y or, where ``relative``,
            of the data's spread of y.
        pessimism: weight of the smaller critic in the target, in [0, 1]; the larger one has the rest.
        samples: actions considered in the target, >= 1.
        choices: actions considered when acting, >= 1.
        tau: a step's weight in the slowly moving targets, in (0, 1].
    """

    behaviour: tuple[int, ...] = (32, 32)
    latent: int = 2
    divergence: float = 0.5
    clip: float = 0.5
    reach: float = 1.75
    pessimism: float = 0.75
    samples: int = 4
    choices: int = 8
    tau: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "behaviour", tuple(integer("behaviour", width, minimum=1) for width in self.behaviour))
        for name in ("latent", "samples", "choices"):
            integer(name, getattr(self, name), minimum=1)
        for name in ("divergence", "clip", "reach"):
            real(name, getattr(self, name), minimum=0)
        real("pessimism", self.pessimism, minimum=0, maximum=1)
        real("tau", self.tau, above=0, maximum=1)

    @classmethod
    def paper(cls) -> Self:
        """The authors' code for the continuous algorithm."""
        return cls(
            **PUBLISHED,
            widths=(400, 300),
            behaviour=(750, 750),
            rate=1e-3,
            reach=0.05,
            samples=10,
            choices=100,
            tau=0.005,
        )

    @classmethod
    def tuned(cls) -> Self:
        """The same algorithm, seen through the view of `optexec.offline.view`."""
        return cls()


class BCQ(Learner):
    """Behaviour model, perturbation network, twin critics and their targets, for all seeds."""

    name: ClassVar[str] = "bcq"
    label: ClassVar[str] = LEARNERS[name]
    settings: ClassVar[type[Config]] = BCQConfig
    latents: Tensor
    reach: Tensor

    def build(self, dimension: int, streams: Sequence[np.random.Generator]) -> None:
        """Make the networks and their optimisers."""
        config: BCQConfig = self.config
        latent, act = config.latent, config.activation
        self.noise = latent * (2 + config.samples)
        self.encoder = Stack((dimension + 1, *config.behaviour, 2 * latent), streams, act)
        self.decoder = Stack((dimension + latent, *config.behaviour, 1), streams, act)
        self.shift = self.stack(streams, dimension + 1)
        self.critic = Critics(config, dimension, streams, self.transient)
        self.shift_target, self.critic_target = copy.deepcopy(self.shift), copy.deepcopy(self.critic)
        # what acts: running averages, and latents that are drawn once, so that the policy is a function
        self.averages = torch.nn.ModuleDict({name: copy.deepcopy(getattr(self, name)) for name in _ACTING})
        drawn = [stream.standard_normal((config.choices, latent)) for stream in streams]
        self.register_buffer(
            "latents", torch.tensor(np.array(drawn), dtype=torch.float32).clamp(-config.clip, config.clip)
        )
        self.register_buffer("reach", torch.ones((len(streams), 1, 1)) * config.reach * self.spread)
        self.optimise("behaviour", self.encoder, self.decoder)
        self.optimise("shift", self.shift)
        self.optimise("critic", self.critic)

    def update(self, step: int, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """A step of the behaviour model, of the critics and of the perturbation network; then the targets follow."""
        c: BCQConfig = self.config
        for_code, for_shift, for_target = torch.split(noise, [c.latent, c.latent, c.latent * c.samples], dim=-1)

        mean, log_std = self.encoder(join(batch.state, batch.action)).chunk(2, dim=-1)
        log_std = log_std.clamp(-4, 15)
        decoded = torch.tanh(self.decoder(join(batch.state, mean + log_std.exp() * for_code)))
        distance = over_batch((decoded - batch.action) ** 2, batch.free)
        divergence = -0.5 * (1 + 2 * log_std - mean**2 - (2 * log_std).exp()).mean(dim=-1, keepdim=True)
        self.descend("behaviour", distance + c.divergence * over_batch(divergence, batch.free))

        with torch.no_grad():
            after = batch.after.repeat_interleave(c.samples, dim=1)
            free = batch.free_after.repeat_interleave(c.samples, dim=1)
            ceiling = batch.ceiling_after.repeat_interleave(c.samples, dim=1)
            latents = for_target.reshape(len(noise), -1, c.latent).clamp(-c.clip, c.clip)
            action = self.perturbed(after, torch.tanh(self.decoder(join(after, latents))), self.shift_target)
            action = torch.minimum(action, ceiling) * free
            first, second = self.critic_target.twins(after, action)
            low, high = torch.minimum(first, second), torch.maximum(first, second)
            future = c.pessimism * low + (1 - c.pessimism) * high
            best = future.reshape(len(noise), -1, c.samples).amax(dim=-1, keepdim=True)
            target = batch.reward + batch.discount * best
        first, second = self.critic.twins(batch.state, batch.action)
        loss = over_batch((first - target) ** 2 + (second - target) ** 2, batch.weight)
        self.descend("critic", loss)

        with torch.no_grad():
            sampled = torch.tanh(self.decoder(join(batch.state, for_shift.clamp(-c.clip, c.clip))))
        action = torch.minimum(self.perturbed(batch.state, sampled, self.shift), batch.ceiling)
        self.descend("shift", -over_batch(self.critic.judge(batch.state, action), batch.free))
        blend(self.critic_target, self.critic, c.tau)
        blend(self.shift_target, self.shift, c.tau)
        self.follow((self.averages[name], getattr(self, name)) for name in _ACTING)
        return {
            "loss": loss.detach() / 2,
            "q": first.detach().mean(dim=(1, 2)),
            "distance": distance.detach(),
        }

    def perturbed(self, state: Tensor, action: Tensor, shift: Stack) -> Tensor:
        """Return a + phi tanh(xi(s, a)), clipped to [-1, 1]."""
        moved: Tensor = (action + self.reach * torch.tanh(shift(join(state, action)))).clamp(-1, 1)
        return moved

    def acting(self) -> dict[str, list[Tensor]]:
        """Averaged decoder, perturbation network and first critic, and the latents."""
        networks: dict[str, list[Tensor]] = {name: list(self.averages[name].parameters()) for name in _ACTING}
        networks["critic"] = [layer[: self.seeds] for layer in networks["critic"]]
        return {**networks, "latents": [self.latents], "reach": [self.reach]}

    @staticmethod
    def width(config: BCQConfig) -> int:
        """Rows that acting on one state takes: a sample each."""
        return config.choices

    @staticmethod
    def candidates(config: BCQConfig, networks: Mapping[str, Sequence[Tensor]], state: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions and where the perturbation moves them, both (S, n, choices), at states (S, n, d)."""
        act, (latents,) = ACTIVATIONS[config.activation], networks["latents"]
        (reach,) = networks["reach"]
        seeds, n, choices = len(state), state.shape[1], latents.shape[1]
        each = state.repeat_interleave(choices, dim=1)
        sampled = torch.tanh(perceptron(networks["decoder"], join(each, latents.repeat(1, n, 1)), act))
        moved = reach * torch.tanh(perceptron(networks["shift"], join(each, sampled), act))
        action = (sampled + moved).clamp(-1, 1)
        return sampled.reshape(seeds, n, choices), action.reshape(seeds, n, choices)

    @staticmethod
    def decide(
        config: BCQConfig, networks: Mapping[str, Sequence[Tensor]], state: Tensor, ceiling: Tensor | float = 1.0
    ) -> Tensor:
        """The best of the candidates by the first critic."""
        _, action = BCQ.candidates(config, networks, state)
        action = action.clamp(max=ceiling)
        each = state.repeat_interleave(action.shape[-1], dim=1)
        flat = action.reshape(len(state), -1, 1)
        best = value(config, networks["critic"], each, flat).reshape(action.shape).argmax(dim=-1, keepdim=True)
        return action.gather(-1, best).squeeze(-1)
