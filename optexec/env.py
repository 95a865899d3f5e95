"""The simulator as a Gymnasium environment: one episode at a time in floats, or many at once in arrays.

Episodes are those of `simulate`: after ``reset(seed=s)`` an environment plays episode 0 of seed s, and each further
reset without a seed plays the next one. A vector environment of n plays episodes 0 to n-1, then n to 2n-1.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from optexec._validate import choice, integer
from optexec.presets import stochastic
from optexec.problem import Problem
from optexec.simulator import (
    BLOCK,
    Shock,
    Shocks,
    State,
    checked_action,
    cost_parts,
    draw,
    implied_level,
    observe,
    step,
    violated,
)

__all__ = ["ENV_ID", "ExecutionEnv", "ExecutionVectorEnv", "register"]

ENV_ID = "optexec/Execution-v0"
REWARDS = ("realised", "expected")
NOISE = ("slippage", "timing")
"""Parts of the cost whose conditional mean is zero: the expected reward leaves them out."""

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Bools = NDArray[np.bool_]
_HUGE = float(np.finfo(np.float32).max)


def observation_space() -> gymnasium.spaces.Space[Any]:
    """[x/X, (N-k)/N, S/S_0, realised volatility, L, I]; the price may go anywhere, the rest is not negative."""
    low = np.array([0, 0, -_HUGE, 0, 0, 0], dtype=np.float32)
    high = np.array([1, 1, _HUGE, _HUGE, _HUGE, _HUGE], dtype=np.float32)
    return gymnasium.spaces.Box(low, high, dtype=np.float32)


def action_space() -> gymnasium.spaces.Space[Any]:
    """The wished fraction of the remaining inventory; what the order does not allow is clipped and counted."""
    return gymnasium.spaces.Box(0.0, 1.0, (1,), dtype=np.float32)


class _Session:
    """What both environments share: the problem, the reward and the bookkeeping of one batch of episodes."""

    def __init__(self, problem: Problem | None, reward: str, observe_liquidity: bool) -> None:
        if problem is not None and not isinstance(problem, Problem):
            raise TypeError(f"problem must be an optexec.Problem or None, got {problem!r}")
        self.problem = stochastic() if problem is None else problem
        self.reward = choice("reward", reward, REWARDS)
        self.observe_liquidity = bool(observe_liquidity)
        self.state: State | None = None
        self.seen: Any = self.problem.market.liquidity.long_run_mean
        self.shortfall: Any = 0.0

    def begin(self, inventory: Any) -> None:
        """Start new episodes from an inventory, a float or an array (n,)."""
        zero = 0.0 * inventory
        self.state = State(0, inventory, zero, zero)
        self.seen = zero + self.problem.market.liquidity.long_run_mean
        self.shortfall = zero

    def observation(self, volatility: Any, liquidity: Any) -> tuple[Any, ...]:
        """The six observed numbers at the present state."""
        assert self.state is not None
        if self.observe_liquidity:
            return observe(self.problem, self.state, volatility, liquidity, self.state.transient)
        last = min(self.state.period, self.problem.order.periods - 1)
        return observe(self.problem, self.state, volatility, self.seen * self.problem.profile[last], 0.0 * self.seen)

    def advance(self, action: Any, shock: Shock) -> tuple[Any, bool, dict[str, Any]]:
        """Play one period: reward [$], whether it was the last, and the info with the parts of the cost [$]."""
        problem, state = self.problem, self.state
        assert state is not None
        after, outcome = step(problem, state, action, shock)
        info = cost_parts(problem, state, outcome, after, shock)
        cost = functools.reduce(operator.add, info.values())  # sum() rounds floats otherwise than arrays
        self.shortfall = self.shortfall + cost
        if self.reward == "expected":
            cost = cost - info["slippage"] - info["timing"]
        penalty = problem.order.violation_penalty * outcome.clipped
        reward = -(cost + problem.risk_weight * after.inventory**2 + penalty)
        if not self.observe_liquidity:
            self.seen = implied_level(problem, self.seen, state, outcome)
        self.state = after
        done = after.period == problem.order.periods
        info["violation"] = violated(state, outcome)
        info["trade"] = outcome.trade
        if done:
            info["shortfall"] = self.shortfall
            info["completion"] = 1.0 - after.inventory / problem.order.shares
        return reward, done, info


class ExecutionEnv(gymnasium.Env[Float32, Any]):
    """One execution episode at a time.

    Args:
        problem: order and market; None for `optexec.presets.stochastic`.
        reward: "realised", r_k = -(x_{k+1} (S_k - S_{k+1}) + v_k (S_k - P_k)) - lambda sigma^2 dt x_{k+1}^2 -
            penalties, or "expected", its mean given liquidity and decay (less noise, but it knows the model) [$].
        observe_liquidity: whether L and I are observed; see `optexec.simulate`.

    Examples:
        >>> import gymnasium
        >>> import optexec as ox
        >>> env = gymnasium.make("optexec/Execution-v0", problem=ox.presets.stochastic())
        >>> observation, _ = env.reset(seed=42)
        >>> observation.shape, env.action_space.shape
        ((6,), (1,))
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (declared so by the base class)

    def __init__(
        self, problem: Problem | None = None, reward: str = "realised", observe_liquidity: bool = True
    ) -> None:
        self._session = _Session(problem, reward, observe_liquidity)
        self.observation_space = observation_space()
        self.action_space = action_space()
        self._seed: int | None = None
        self._episode = 0
        self._block: Shocks | None = None

    @property
    def problem(self) -> Problem:
        """The order and market."""
        return self._session.problem

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Start the first episode of a seed, or without one the next episode."""
        super().reset(seed=seed)
        if seed is not None or self._seed is None:
            self._seed = int(self.np_random.integers(2**63)) if seed is None else integer("seed", seed, minimum=0)
            self._episode = 0
        if self._episode % BLOCK == 0:
            self._block = draw(self.problem, BLOCK, self._seed, self._episode)
        assert self._block is not None
        column = self._episode % BLOCK
        self._shocks = self._block.episode(column)
        self._volatility = self._block.volatility[:, column].tolist()
        self._episode += 1
        self._session.begin(self.problem.order.shares)
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Trade a fraction of the remaining inventory for one period.

        Raises:
            ValueError: the action is not one finite number; the environment does not advance.
            gymnasium.error.ResetNeeded: the episode is over, or none was started.
        """
        state = self._session.state
        if state is None or state.period == self.problem.order.periods:
            raise gymnasium.error.ResetNeeded("call reset() before step(): no episode is under way")
        wish = np.asarray(action)
        if wish.size != 1 or not math.isfinite(wish.item()):
            raise ValueError(f"action must be one finite number in period {state.period}, got {action!r}")
        reward, terminated, info = self._session.advance(float(wish.item()), self._shocks[state.period])
        return self._observation(), reward, terminated, False, info

    def _observation(self) -> Float32:
        state = self._session.state
        assert state is not None
        k = state.period
        shock = self._shocks[min(k, len(self._shocks) - 1)]
        return np.array(self._session.observation(self._volatility[k], shock.liquidity), dtype=np.float32)


class ExecutionVectorEnv(VectorEnv[Any, Any, Any]):
    """Many execution episodes in step: arrays throughout, equal to `optexec.simulate` on the same draws.

    All environments end together. Autoreset mode is NEXT_STEP: the step after the last one ignores its actions, starts
    new episodes and returns their first observations with zero rewards.

    Args:
        num_envs: how many, n >= 1.
        problem, reward, observe_liquidity: as for `ExecutionEnv`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (declared so by the base class)
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        problem: Problem | None = None,
        reward: str = "realised",
        observe_liquidity: bool = True,
    ) -> None:
        self.num_envs = integer("num_envs", num_envs, minimum=1)
        self._session = _Session(problem, reward, observe_liquidity)
        self.single_observation_space = observation_space()
        self.single_action_space = action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._seeds: list[int] = []
        self._first = 0

    @property
    def problem(self) -> Problem:
        """The order and market."""
        return self._session.problem

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: an int s starts episodes 0 to n-1 of s; n ints start episode 0 of each; None goes on with the next.
            options: not used.
        """
        if isinstance(seed, Sequence):
            if len(seed) != self.num_envs:
                raise ValueError(f"seed must be an int or {self.num_envs} ints, got {len(seed)} values")
            super().reset(seed=None)
            self._seeds = [integer(f"seed[{i}]", value, minimum=0) for i, value in enumerate(seed)]
            self._first = 0
        elif seed is not None or not self._seeds:
            super().reset(seed=seed)
            drawn = int(self.np_random.integers(2**63)) if seed is None else integer("seed", seed, minimum=0)
            self._seeds, self._first = [drawn], 0
        self._start()
        return self._observation(), {}

    def step(self, actions: Any) -> tuple[Float32, Array, Bools, Bools, dict[str, Any]]:
        """Trade for one period in every environment.

        Raises:
            ValueError: actions of the wrong shape or not finite; nothing advances.
            gymnasium.error.ResetNeeded: no episode was started.
        """
        state, n = self._session.state, self.num_envs
        if state is None:
            raise gymnasium.error.ResetNeeded("call reset() before step(): no episode is under way")
        never = np.zeros(n, dtype=np.bool_)
        if state.period == self.problem.order.periods:
            self._start()
            return self._observation(), np.zeros(n), never, never.copy(), {}
        wishes = checked_action(np.reshape(actions, -1), n, state.period)
        reward, done, info = self._session.advance(wishes, self._shocks[state.period])
        present = dict.fromkeys(
            (f"_{key}" for key in info), ~never
        )  # Gymnasium's masks: every environment has every key
        return self._observation(), reward, np.full(n, done), never, info | present

    def _start(self) -> None:
        n, problem = self.num_envs, self.problem
        if len(self._seeds) == 1:
            self._shocks = draw(problem, n, self._seeds[0], self._first)
            self._first += n
        else:
            single = [draw(problem, 1, seed, self._first) for seed in self._seeds]
            fields = ("price", "slippage", "decay", "liquidity")
            self._shocks = Shocks(problem, *(np.hstack([getattr(s, name) for s in single]) for name in fields))
            self._first += 1
        self._session.begin(np.full(n, problem.order.shares))

    def _observation(self) -> Float32:
        state = self._session.state
        assert state is not None
        k = state.period
        observation = np.empty((self.num_envs, 6), dtype=np.float32)
        liquidity = self._shocks.liquidity[min(k, self.problem.order.periods - 1)]
        for column, value in enumerate(self._session.observation(self._shocks.volatility[k], liquidity)):
            observation[:, column] = value
        return observation


def register() -> None:
    """Register `ENV_ID` with Gymnasium, for ``gymnasium.make`` and ``gymnasium.make_vec``; done on import."""
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(
            ENV_ID, entry_point="optexec.env:ExecutionEnv", vector_entry_point="optexec.env:ExecutionVectorEnv"
        )
