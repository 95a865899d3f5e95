"""What the algorithms share: the batch that they are given, the optimiser, and the tensors that act."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from optexec._validate import choice, integer, real
from optexec.offline.networks import ACTIVATIONS, Stack, blend, perceptron
from optexec.offline.view import ViewConfig, multiple, pressure

__all__ = ["Batch", "Config", "Learner"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings that every algorithm has; dimensionless.

    The defaults are those of ``tuned()``, chosen on seeds that no published score uses; ``paper()`` has the published
    ones, on raw states, actions and rewards.

    Args:
        view: how states, actions and rewards are seen.
        widths: of the hidden layers of actor and critics.
        activation: between layers: "silu" or "relu".
        rate: Adam's learning rate at the start, > 0 (Kingma & Ba 2015).
        final_rate: part of it that a cosine leaves at the end, in (0, 1]; 1 keeps it constant.
        relative: whether distances between actions are in units of the data's own spread.
        critic: "quadratic", Q is a quadratic in the traded fraction with coefficients from a network of the state; or
            "free", a network of state and action.
        judge: of the twin critics, what the actor climbs: their "mean", or the papers' "first".
        average: a step's weight in the running average of the weights that act, in (0, 1]; 1 takes the last ones.
    """

    view: ViewConfig = field(default_factory=ViewConfig)
    widths: tuple[int, ...] = (64, 64)
    activation: str = "silu"
    rate: float = 1e-3
    final_rate: float = 0.02
    relative: bool = True
    critic: str = "quadratic"
    judge: str = "mean"
    average: float = 0.001

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        choice("critic", self.critic, ("free", "quadratic"))
        if self.critic == "quadratic" and self.view.state != "homogeneous":
            raise ValueError('critic must be "free" where view.state is not "homogeneous"')
        choice("judge", self.judge, ("first", "mean"))
        object.__setattr__(self, "widths", tuple(integer("widths", width, minimum=1) for width in self.widths))
        real("rate", self.rate, above=0)
        real("final_rate", self.final_rate, above=0, maximum=1)
        real("average", self.average, above=0, maximum=1)

    @classmethod
    def paper(cls) -> Self:
        """The published settings, on raw states, actions and rewards."""
        raise NotImplementedError

    @classmethod
    def tuned(cls) -> Self:
        """The settings chosen on the tuning seeds of `report.agents.protocol`."""
        raise NotImplementedError


PUBLISHED: dict[str, Any] = {
    "view": ViewConfig(state="plain", action="fraction", scaled=False, shaped=False, discount=0.99),
    "activation": "relu",
    "final_rate": 1.0,
    "relative": False,
    "critic": "free",
    "judge": "first",
    "average": 1.0,
}
"""What the published settings of all algorithms share: raw numbers, and none of our additions."""


class Batch(NamedTuple):
    """A step's transitions, (S, B, width) a field; see `optexec.offline.view.Batchable`."""

    state: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    after: Tensor
    weight: Tensor
    free: Tensor
    free_after: Tensor
    ceiling: Tensor
    ceiling_after: Tensor


def value(config: Config, layers: Sequence[Tensor], state: Tensor, action: Tensor) -> Tensor:
    """A critic's Q (S, n, 1) at states (S, n, d) and actions y (S, n, 1), from its layers.

    A free critic is a network of both. A quadratic one is c_0(s) + c_1(s) u + c_2(s) u^2 with u = a n - 1, the traded
    fraction as a multiple of TWAP's: where impact is linear in the trade, that is the form of the true Q. With
    transient impact it is quadratic in (u, p) for p = I n / x, of which the coefficients then know nothing.
    """
    activation = ACTIVATIONS[config.activation]
    if config.critic == "free":
        return perceptron(layers, join(state, action), activation)
    u = multiple(config.view, state, action) - 1
    terms = [torch.ones_like(u), u, u**2]
    if layers[-1].shape[-1] > len(terms):
        p = pressure(state)
        terms += [p, p * u, p**2]
        state = join(state[..., :2], state[..., 3:])
    return (perceptron(layers, state, activation) * torch.cat(terms, dim=-1)).sum(-1, True)


class Critics(Stack):
    """Twin critics of all seeds."""

    def __init__(
        self, config: Config, dimension: int, streams: Sequence[np.random.Generator], transient: bool = False
    ) -> None:
        ends = (dimension - 1, 6) if transient else (dimension, 3)
        if config.critic == "free":
            ends = (dimension + 1, 1)
        super().__init__((ends[0], *config.widths, ends[1]), streams, config.activation, copies=2)
        self.config = config

    def twins(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Both critics' Q, (S, n, 1) each."""
        both = value(self.config, list(self.layers), state.repeat(2, 1, 1), action.repeat(2, 1, 1))
        first, second = both.chunk(2)
        return first, second

    def judge(self, state: Tensor, action: Tensor) -> Tensor:
        """What an actor climbs (S, n, 1), with the critics as constants."""
        layers = [layer.detach() for layer in self.layers]
        if self.config.judge == "first":
            return value(self.config, [layer[: len(state)] for layer in layers], state, action)
        first, second = value(self.config, layers, state.repeat(2, 1, 1), action.repeat(2, 1, 1)).chunk(2)
        return (first + second) / 2


class Learner(torch.nn.Module, ABC):
    """One algorithm with the networks of all seeds.

    Args:
        config: settings.
        dimension: of a state.
        streams: one generator a seed, for the initial weights.
        spread: of the data's actions, the unit of distances between actions; a number, or (S, 1, 1) for a log a seed.
        transient: whether states hold I n / x.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    """What `optexec.offline.train` calls it."""
    """What a table calls it."""
    settings: ClassVar[type[Config]]
    noise: int = 0
    """Standard normals that a step takes for each of its transitions."""

    def __init__(
        self,
        config: Any,
        dimension: int,
        streams: Sequence[np.random.Generator],
        spread: float | Tensor = 1.0,
        transient: bool = False,
    ) -> None:
        super().__init__()
        self.transient = transient
        self.spread = spread if config.relative else 1.0
        self.config = config
        self.seeds = len(streams)
        self.optimisers: dict[str, torch.optim.Adam] = {}
        self.build(dimension, streams)

    @abstractmethod
    def build(self, dimension: int, streams: Sequence[np.random.Generator]) -> None:
        """Make the networks, from one generator a seed, and their optimisers."""

    def stack(self, streams: Sequence[np.random.Generator], inputs: int) -> Stack:
        """Networks of this config's shape with one output."""
        return Stack((inputs, *self.config.widths, 1), streams, self.config.activation)

    @staticmethod
    def width(config: Any) -> int:
        """Rows that acting on one state takes."""
        return 1

    def optimise(self, name: str, *modules: torch.nn.Module) -> None:
        """Give the weights of some networks an optimiser of their own."""
        weights = [weight for module in modules for weight in module.parameters()]
        self.optimisers[name] = torch.optim.Adam(weights, lr=self.config.rate, fused=True)

    def descend(self, name: str, losses: Tensor) -> None:
        """One step down losses (S,): their sum, so that each seed's gradient is as if it were alone."""
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def anneal(self, done: float) -> None:
        """Set the learning rate for a part of the training in [0, 1] that is done: a cosine from 1 to final_rate."""
        low = self.config.final_rate
        factor = low + (1 - low) * (1 + math.cos(math.pi * done)) / 2
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = self.config.rate * factor

    @abstractmethod
    def update(self, step: int, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """One gradient step; ``noise`` is (S, B, self.noise). Returns what the trace keeps, (S,) each."""

    @abstractmethod
    def acting(self) -> dict[str, list[Tensor]]:
        """The layers of the networks that act, by network, each tensor (S, ...)."""

    @staticmethod
    @abstractmethod
    def decide(
        config: Any, networks: Mapping[str, Sequence[Tensor]], state: Tensor, ceiling: Tensor | float = 1.0
    ) -> Tensor:
        """Y (S, n) in [-1, 1] at states (S, n, d), from the layers of `acting`; at most the ceiling, (S, n, 1)."""

    def follow(self, averages: Iterable[tuple[torch.nn.Module, torch.nn.Module]]) -> None:
        """Move running averages a step towards the networks: pairs (average, network)."""
        for average, network in averages:
            blend(average, network, self.config.average)


def join(*parts: Tensor) -> Tensor:
    """Side by side: (S, n, a), (S, n, b) -> (S, n, a + b)."""
    return torch.cat(parts, dim=-1)


def over_batch(losses: Tensor, weight: Tensor) -> Tensor:
    """Weighted means (S,) of losses (S, B, 1)."""
    return (losses * weight).mean(dim=(1, 2))
