"""What a learner sees of a data set: its state, its action, and the scale of its reward.

The public observation is six raw numbers and the public action a fraction. Learning on these as they are is the
``plain`` view, the published algorithms' own. The other view uses what is known of every execution problem and nothing
of this one's parameters; with l = log L, n = N - k periods left and c_k, b_k fitted to the data alone it is

- action: y = (logit a + log(n - 1)) / 2.5, log-odds relative to TWAP's 1/n, clipped to [-1, 1] and, because a desk
  knows the caps of its own order, to what they allow;
- state: 1/n, l (standardised), where the data hold transient impact p = I n / x (standardised, levelled off), the
  period (one-hot), and where participation is capped at c shares the room that this leaves, log(n c / x). Price and
  otherwise inventory drop out: costs are homogeneous of degree two in (x, I);
- reward: r / (x^2 c_k) with discount x'^2 c_{k+1} / (x^2 c_k), where c_k is the behaviour's mean cost-to-go over x^2;
- shaping (Ng, Harada & Russell 1999, potential-based): b_k(l) x^2, the regression of the behaviour's cost-to-go on
  (1, l, l^2) x^2, is added, and x'^2 E^[b_{k+1}(l') | l] taken off. Up to the error of the second regression this
  leaves the best action as it is; because it takes the expected potential and not the next one, it is at the same time
  a control variate for the noise of l'.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optexec._validate import brief, choice, integer, real
from optexec.env import REWARDS
from optexec.observation import columns, period_of
from optexec.offline.data import Transitions

__all__ = ["Batchable", "View", "ViewConfig", "multiple", "pressure"]

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]

PRESSURE = 5.0
"""Where the state's I n / x, standardised to p, levels off: it holds p / (1 + p/5)."""

RATES = 8.0
"""Multiple of TWAP's rate that y = 1 stands for, in the view by rates; y = -1 is no trade."""


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How a learner sees the data; dimensionless.

    Args:
        state: "homogeneous", period, logarithm of L and, where there are any, transient impact and the cap's room, each
            relative to what is left; or "plain", the six observed numbers, standardised.
        action: y = 1 stands for ``odds`` in "log-odds" relative to TWAP; for eight times TWAP's fraction with "rate";
            for a = 1 with "fraction".
        reward: "realised", or "expected", which knows the model.
        scaled: whether rewards are in units of x^2 c_k, c_k the log's mean cost-to-go over x^2 in period k.
        shaped: whether a potential with control variate is added (Ng, Harada & Russell 1999); needs ``scaled``.
        weight: power of x over TWAP's x in the critic's loss, >= 0.
        discount: per period, besides what scaling brings, in [0, 1].
        trade: "executed", or "wish", what was asked for, beyond the caps or not, at the order's violation_penalty.
        odds: log-odds relative to TWAP that y = 1 stands for, > 0; 2.5 is 12 times TWAP's odds.
        beyond: weight in the critic's loss of actions that y clips, >= 0.
    """

    state: str = "homogeneous"
    action: str = "log-odds"
    reward: str = "realised"
    scaled: bool = True
    shaped: bool = True
    weight: float = 1.0
    discount: float = 1.0
    trade: str = "executed"
    odds: float = 2.5
    beyond: float = 0.0

    def __post_init__(self) -> None:
        choice("state", self.state, ("homogeneous", "plain"))
        choice("action", self.action, ("log-odds", "rate", "fraction"))
        choice("reward", self.reward, REWARDS)
        real("weight", self.weight, minimum=0)
        real("discount", self.discount, minimum=0, maximum=1)
        choice("trade", self.trade, ("executed", "wish"))
        real("odds", self.odds, above=0)
        real("beyond", self.beyond, minimum=0)
        if self.shaped and not self.scaled:
            raise ValueError("shaped must be False where scaled is False: the potential is in scaled units")


class Batchable(NamedTuple):
    """Transitions as a learner's arrays, float32."""

    state: Float32
    """(m, d)"""
    action: Float32
    """(m,) y in [-1, 1]"""
    reward: Float32
    """(m,)"""
    discount: Float32
    """(m,) factor of the next value, 0 at the end"""
    after: Float32
    """(m, d) next state"""
    weight: Float32
    """(m,) weight in the critic's loss"""
    free: Float32
    """(m,) 1 where the action was free to choose, 0 in the forced last period"""
    free_after: Float32
    """(m,) the same for the next state"""
    ceiling: Float32
    """(m,) the largest y that the order's caps allow"""
    ceiling_after: Float32
    """(m,) the same for the next state"""


@dataclass(frozen=True, eq=False)
class View:
    """A fitted view: plain numbers that go into a checkpoint with the weights.

    Attributes:
        config: what it does.
        periods: N.
        centre, scale: of the numbers that are standardised.
        transient: whether the state holds I n / x.
        max_fraction, participation: the order's caps as fractions of inventory: the second is p volume / X, to be
            multiplied by L X / x, and None without a cap.
    """

    config: ViewConfig
    periods: int
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    transient: bool
    max_fraction: float = 1.0
    participation: float | None = None

    __repr__ = brief

    @classmethod
    def fit(cls, config: ViewConfig, data: Transitions) -> View:
        """The view of a data set."""
        order = data.problem.order
        periods, part = order.periods, order.max_participation
        caps = (order.max_fraction, None if part is None else part * data.problem.market.volume / order.shares)
        if config.state == "plain":
            seen = data.observations.astype(np.float64)
            centre, scale = seen.mean(axis=0), seen.std(axis=0) + 1e-3
            return cls(config, periods, tuple(centre.tolist()), tuple(scale.tolist()), True, *caps)
        transient = bool((columns(data.observations).transient > 0).any())
        level = np.log(columns(data.observations).liquidity.astype(np.float64))
        pressed = _pressure(data.observations, periods)
        heavy = columns(data.observations).inventory.astype(np.float64) * (periods / _left(data.observations, periods))
        spread = np.sqrt(np.average(pressed**2, weights=heavy**2)) if transient else 1.0
        centre, scale = (float(level.mean()), 0.0), (float(level.std()) or 1.0, float(spread) or 1.0)
        return cls(config, periods, centre, scale, transient, *caps)

    @property
    def dimension(self) -> int:
        """D, length of a state."""
        plain = self.config.state == "plain"
        return 6 if plain else self.periods + 2 + self.transient + (self.participation is not None)

    def state(self, observation: NDArray[np.floating[Any]]) -> Float32:
        """States (n, d) from observations (n, 6)."""
        seen = np.asarray(observation, dtype=np.float64)
        if self.config.state == "plain":
            return np.asarray((seen - self.centre) / self.scale, dtype=np.float32)
        state = np.zeros((len(seen), self.dimension), dtype=np.float32)
        # the observation after the last period has no period of its own; nothing is done with it
        state[:, 0] = 1 / _left(seen, self.periods)
        state[:, 1] = (np.log(columns(seen).liquidity) - self.centre[0]) / self.scale[0]
        if self.transient:
            pressed = _pressure(seen, self.periods) / self.scale[1]
            state[:, 2] = pressed / (1 + pressed / PRESSURE)
        first = 2 + self.transient
        state[np.arange(len(seen)), first + np.minimum(period_of(seen, self.periods), self.periods - 1)] = 1.0
        if self.participation is not None:
            room = np.log(np.maximum(self._allowance(seen) * _left(seen, self.periods), 1e-12))
            state[:, -1] = np.clip(room / self.config.odds, -2.0, 2.0)
        return state

    def cap(self, observation: NDArray[np.floating[Any]]) -> Array:
        """The largest fraction (n,) that the order allows at observations (n, 6)."""
        seen = np.asarray(observation, dtype=np.float64)
        if self.participation is None:
            return np.full(len(seen), self.max_fraction)
        return np.minimum(self._allowance(seen), self.max_fraction)

    def ceiling(self, observation: NDArray[np.floating[Any]]) -> Array:
        """The largest y (n,) that a learner of executed trades may choose at observations (n, 6)."""
        free = np.ones(len(observation))
        if self.config.trade == "wish" or (self.participation is None and self.max_fraction == 1):
            return free
        period = np.minimum(period_of(observation, self.periods), self.periods - 1)
        capped = self.encode(self.cap(observation), period)
        return np.where(period < self.periods - 1, capped, free) if self.config.action != "fraction" else capped

    def _allowance(self, seen: Array) -> Array:
        """The cap on participation as a fraction of x (n,), a huge number where nothing is held."""
        return (self.participation or 0.0) * columns(seen).liquidity / np.maximum(columns(seen).inventory, 1e-12)

    def encode(self, fraction: Array, period: NDArray[np.int64]) -> Array:
        """Y (n,) in [-1, 1] from fractions (n,); 0 in the forced last period of a view relative to TWAP."""
        if self.config.action == "fraction":
            return 2 * fraction - 1
        left = self.periods - period
        if self.config.action == "rate":
            y = 2 * fraction * left / RATES - 1
        else:
            inside = np.clip(fraction, 1e-12, 1 - 1e-12)
            y = (np.log(inside / (1 - inside)) + np.log(np.maximum(left - 1, 1))) / self.config.odds
        return np.where(left > 1, np.clip(y, -1.0, 1.0), 0.0)

    def decode(self, y: Array, period: NDArray[np.int64]) -> Array:
        """Fractions (n,) from y (n,); 1 in the forced last period of a view relative to TWAP."""
        if self.config.action == "fraction":
            return (y + 1) / 2
        left = self.periods - period
        if self.config.action == "rate":
            fraction = np.clip((y + 1) / 2 * RATES / left, 0.0, 1.0)
        else:
            fraction = 1 / (1 + np.maximum(left - 1, 1) * np.exp(-self.config.odds * y))
        return np.where(left > 1, fraction, 1.0)

    def spread(self, data: Transitions) -> float:
        """Standard deviation of the data's y about its mean in the same period, free choices alone, at least 0.001.

        How far an action may go from the data is measured in it: where everybody did the same, hardly at all.
        """
        y = self.encode(self._actions(data), data.period).reshape(data.episodes, -1)
        free = slice(None) if self.config.action == "fraction" else slice(-1)
        return float(max(np.sqrt(y[:, free].var(axis=0).mean()) if y[:, free].size else 0.0, 0.001))

    def pack(self, data: Transitions) -> Batchable:
        """The learner's arrays of a data set."""
        config, period, m = self.config, data.period, len(data)
        reward: Array = data.rewards(config.reward)
        discount = np.full(m, config.discount)
        weight = np.ones(m)
        free = np.ones(m) if config.action == "fraction" else (period < self.periods - 1).astype(np.float64)
        if config.scaled:
            held = columns(data.observations).inventory.astype(np.float64) * data.problem.order.shares
            after = columns(data.next_observations).inventory.astype(np.float64) * data.problem.order.shares
            some = held > 1e-6 * data.problem.order.shares
            square = np.where(some, held, 1.0) ** 2
            value, potential, expected = self._values(data, reward, held)
            kept = np.where(some, after**2 / square, 0.0)
            shaping = potential - kept * expected if config.shaped else 0.0
            reward = reward / square + shaping
            reward = np.where(some, reward, 0.0) / value[period]
            discount *= kept * np.append(value[1:], 0.0)[period] / value[period]
            planned = data.problem.order.shares * _left(data.observations, self.periods) / self.periods
            weight = np.where(some, (held / planned) ** config.weight, 0.0)
        discount[data.terminated] = 0.0
        action = self.encode(self._actions(data), period)
        if config.action != "fraction":
            weight[np.abs(action) >= 1] *= config.beyond  # clipped: not what the reward is for
        if self.transient and config.state == "homogeneous":
            weight[_pressure(data.observations, self.periods) > PRESSURE * self.scale[1]] = 0.0  # next to nothing held
        arrays = (
            self.state(data.observations),
            action,
            reward,
            discount,
            self.state(data.next_observations),
            weight,
            free,
            np.roll(free, -1),
            self.ceiling(data.observations),
            self.ceiling(data.next_observations),
        )
        return Batchable(*(np.asarray(column, dtype=np.float32) for column in arrays))

    def _actions(self, data: Transitions) -> Array:
        """The fractions (m,) that the learner takes for actions."""
        return data.wishes if self.config.trade == "wish" else data.fractions

    def _values(self, data: Transitions, reward: Array, held: Array) -> tuple[Array, Array, Array]:
        """The behaviour's c_k (N,), its b_k(l) at every transition (m,), and E^[b_{k+1}(l') | l] (m,), all over x^2."""
        shape = (data.episodes, self.periods)
        to_go = -np.cumsum(reward.reshape(shape)[:, ::-1], axis=1)[:, ::-1]
        x = held.reshape(shape)
        value = to_go.sum(axis=0) / np.maximum((x**2).sum(axis=0), 1e-300)
        value = np.maximum(value, 1e-3 * np.abs(value).max())
        # not of I n / x, which follows from the action: E^[.. | l] would take the action's own effect out
        level = np.log(columns(data.observations).liquidity.astype(np.float64))
        level = (level - level.mean()) / (level.std() or 1.0)
        basis = np.stack([np.ones_like(level), level, level**2], axis=1).reshape(*shape, -1)
        potential, expected = np.zeros(shape), np.zeros(shape)
        for k in range(self.periods):
            weighted = basis[:, k] * x[:, k, None]  # the noise of cost-to-go over x^2 goes with 1/x
            target = np.divide(to_go[:, k], x[:, k], out=np.zeros(shape[0]), where=x[:, k] > 0)
            potential[:, k] = basis[:, k] @ np.linalg.lstsq(weighted, target, rcond=1e-9)[0]
        for k in range(self.periods - 1):
            expected[:, k] = basis[:, k] @ np.linalg.lstsq(basis[:, k], potential[:, k + 1], rcond=1e-9)[0]
        return value, potential.reshape(-1), expected.reshape(-1)

    def describe(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return asdict(self)

    @classmethod
    def restore(cls, described: dict[str, Any]) -> View:
        """The inverse of `describe`.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        plain = dict(described)
        config = ViewConfig(**plain.pop("config"))
        numbers = 6 if config.state == "plain" else 2
        centre = tuple(real(f"centre[{i}]", value) for i, value in enumerate(plain.pop("centre")))
        scale = tuple(real(f"scale[{i}]", value, above=0) for i, value in enumerate(plain.pop("scale")))
        if (len(centre), len(scale)) != (numbers, numbers):
            raise ValueError(f"centre and scale must have {numbers} numbers, got {len(centre)} and {len(scale)}")
        plain["periods"] = integer("periods", plain["periods"], minimum=1)
        return cls(config, centre=centre, scale=scale, **plain)


def pressure(state: Any) -> Any:
    """The standardised I n / x (S, n, 1), in torch, at states (S, n, d) that have it."""
    levelled = state[..., 2:3]
    return levelled / (1 - levelled / PRESSURE).clamp_min(1e-3)


def multiple(config: ViewConfig, state: Any, y: Any) -> Any:
    """Return a n (S, n, 1), the fraction as a multiple of TWAP's, at homogeneous states and actions y, in torch."""
    twap = state[..., :1]
    if config.action == "log-odds":
        return 1 / (twap + (1 - twap) * (-config.odds * y).exp())
    return (y + 1) / 2 * (RATES if config.action == "rate" else 1 / twap)


def _left(observation: NDArray[np.floating[Any]], periods: int) -> Array:
    """Periods left (n,), at least one."""
    return np.maximum(np.rint(periods * np.asarray(columns(observation).remaining, dtype=np.float64)), 1.0)


def _pressure(observation: NDArray[np.floating[Any]], periods: int) -> Array:
    """I n / x (n,), x as a part of the order; 0 where nothing is held."""
    held = np.asarray(columns(observation).inventory, dtype=np.float64)
    pushed = columns(observation).transient * _left(observation, periods)
    return np.divide(pushed, held, out=np.zeros_like(held), where=held > 1e-9)
