"""Everything random, drawn before the first trade: streams by seed and purpose, and the noise of the market.

A stream gives whole blocks of episodes: an episode is the same bits alone or among a million, whoever draws it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optexec._threads import Crew
from optexec._validate import brief, integer
from optexec.liquidity import shown
from optexec.problem import Problem

__all__ = ["BLOCK", "Drawing", "Noise", "Shock", "draw", "next_variance", "stream"]

Array = NDArray[np.float64]

BLOCK = 1024
"""Episodes per random stream: block b of a channel has its own generator, keyed by (seed, b, channel)."""

PRICE, SLIPPAGE, DECAY, OWN = range(4)
"""Channels of noise, each with its own streams; the liquidity process's channels are OWN, OWN + 1, ..."""

VOLATILITY_WEIGHT = 0.1
"""Weight of the newest squared mid change in the observed volatility."""


def stream(seed: int, *purpose: int) -> np.random.Generator:
    """The random numbers of a seed for one purpose, independent of those for any other."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=purpose)))


class Shock(NamedTuple):
    """Everything random in one period, for one episode (floats) or many (arrays (n,))."""

    price: Any
    """sigma s_k sqrt(dt) eps_k [$/share]"""
    slippage: Any
    """slippage_k [$/share]"""
    decay: Any
    """D_k, dimensionless"""
    liquidity: Any
    """L_k, the process times the profile, dimensionless"""
    seen: Any
    """what is known of it before the trade: itself, or its forecast"""


@dataclass(frozen=True, eq=False)
class Noise:
    """All exogenous randomness of n episodes, period first: arrays (N, n).

    Attributes:
        price: unaffected mid changes sigma s_k sqrt(dt) eps_k of a sale [$/share].
        slippage: fill noise [$/share].
        decay: decay factors D_k of transient impact.
        liquidity: L_k, process times profile.
        seen: what a policy is shown of it: itself, or for `optexec.LogOU` its forecast.
        volatility: observed volatility (N+1, n) at the start of each period and after the last [$/share/sqrt(time)];
            made when first asked for.
    """

    problem: Problem
    price: Array
    slippage: Array
    decay: Array
    liquidity: Array
    seen: Array

    __repr__ = brief

    def __getitem__(self, k: int) -> Shock:
        """The shocks of period k, arrays (n,)."""
        return Shock(self.price[k], self.slippage[k], self.decay[k], self.liquidity[k], self.seen[k])

    def columns(self, episodes: slice) -> Noise:
        """The noise of consecutive episodes, sharing memory."""
        return Noise(self.problem, *(getattr(self, name)[:, episodes] for name in Shock._fields))

    def episode(self, i: int) -> list[Shock]:
        """The shocks of episode i, period by period, as floats."""
        columns = (getattr(self, name)[:, i] for name in Shock._fields)
        return [Shock(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    @cached_property
    def volatility(self) -> Array:
        """Sqrt of the exponential average of squared unaffected mid changes over dt, starting at sigma."""
        variance = np.empty((len(self.price) + 1, self.price.shape[1]))
        variance[0] = self.problem.market.volatility**2
        for k, price in enumerate(self.price):
            variance[k + 1] = next_variance(self.problem, variance[k], price)
        return np.sqrt(variance, out=variance)


def next_variance(problem: Problem, variance: Any, price: Any) -> Any:
    """The observed variance a period on: an exponential average of squared unaffected mid changes over dt."""
    newest = price * price
    newest *= VOLATILITY_WEIGHT / problem.order.dt
    newest += (1 - VOLATILITY_WEIGHT) * variance
    return newest


def draw(problem: Problem, episodes: int, seed: int = 42, first: int = 0) -> Noise:
    """Draw the exogenous noise of episodes ``first`` to ``first + episodes - 1`` of a seed.

    Each channel (price, slippage, decay, the liquidity process's own) draws fixed blocks of `BLOCK` episodes from
    its own stream. So the same seed gives every policy the same shocks, episode i is the same bits whether drawn
    alone or among a million, and a parameter changes only what depends on it.

    Args:
        problem: the order and market.
        episodes: how many, n >= 1.
        seed: >= 0.
        first: index of the first episode, >= 0.

    Returns:
        Noise with arrays (N, n).
    """
    return Drawing(problem, integer("episodes", episodes, minimum=1), seed, first, Crew(1)).finish()


class Drawing:
    """Noise that a crew draws, block by block.

    Args:
        problem, episodes, seed, first: as for `draw`.
        crew: who draws; it begins at once.
        room: memory (N, n) to draw into, by channel; the others get their own.
    """

    def __init__(
        self,
        problem: Problem,
        episodes: int,
        seed: int,
        first: int,
        crew: Crew,
        room: Mapping[int, Array] = MappingProxyType({}),
    ) -> None:
        self.problem, self.episodes = problem, episodes
        self.seed, self.first = integer("seed", seed, minimum=0), integer("first", first, minimum=0)
        market, dt, shape = problem.market, problem.order.dt, (problem.order.periods, episodes)
        noises = market.liquidity.noises
        scales = {
            PRICE: problem.step_variance**0.5,
            SLIPPAGE: market.slippage,
            DECAY: market.decay_noise * dt**0.5 if market.transient else 0.0,
        }
        self.scales: dict[int, Any] = {channel: scale for channel, scale in scales.items() if scale}
        if PRICE in self.scales and market.volatility_profile is not None:
            self.scales[PRICE] = scales[PRICE] * problem.variance_profile[:, None] ** 0.5
        self.noise = {channel: room[channel] if channel in room else np.empty(shape) for channel in self.scales}
        self.own = room[OWN][None] if noises == 1 and OWN in room else np.empty((noises, *shape))
        blocks = range(self.first // BLOCK, (self.first + episodes - 1) // BLOCK + 1)
        self._drawn = crew.begin(self._draw, blocks)

    def _draw(self, block: int) -> None:
        low, high = max(self.first, block * BLOCK), min(self.first + self.episodes, (block + 1) * BLOCK)
        columns, within = slice(low - self.first, high - self.first), slice(low - block * BLOCK, high - block * BLOCK)
        normals = np.empty((self.problem.order.periods, BLOCK))
        scaled = [(channel, self.noise[channel], scale) for channel, scale in self.scales.items()]
        for channel, rows, scale in scaled + [(OWN + i, rows, 1.0) for i, rows in enumerate(self.own)]:
            stream(self.seed, block, channel).standard_normal(out=normals)
            np.multiply(normals[:, within], scale, out=rows[:, columns])

    def finish(self) -> Noise:
        """The noise, when all is drawn; the caller takes part."""
        self._drawn()
        problem, market, dt = self.problem, self.problem.market, self.problem.order.dt
        liquidity = market.liquidity.paths(self.own, dt)
        seen = shown(market.liquidity, liquidity, dt, market.depth_exponent, self.own)
        if market.volume_profile is not None:
            liquidity *= problem.profile[:, None]
            if seen is not liquidity:
                seen *= problem.profile[:, None]
        zero = np.broadcast_to(0.0, self.own.shape[1:])
        decay = np.exp(self.noise.get(DECAY, np.zeros((1, 1))) - market.decay * dt)
        price, slippage = (self.noise.get(channel, zero) for channel in (PRICE, SLIPPAGE))
        return Noise(problem, price, slippage, np.broadcast_to(decay, zero.shape), liquidity, seen)
