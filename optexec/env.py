"""The simulator as a Gymnasium environment: one episode at a time in floats, or many at once in arrays.

Episodes are those of `simulate`: after ``reset(seed=s)`` an environment plays episode 0 of seed s, and each further
reset without a seed plays the next one. A vector environment of n plays episodes 0 to n-1, then n to 2n-1.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from optexec._validate import choice, integer
from optexec.config import describe, restore
from optexec.noise import BLOCK, Noise, Shock, draw
from optexec.observation import Columns, observe, stacked
from optexec.presets import stochastic
from optexec.problem import Problem
from optexec.simulator import (
    State,
    checked_action,
    cost_parts,
    implied_level,
    step,
    violated,
)

__all__ = ["ENV_ID", "TRAINING_ID", "ExecutionEnv", "ExecutionVectorEnv", "Session", "register"]

ENV_ID = "optexec/Execution-v0"
TRAINING_ID = "optexec/Training-v0"
REWARDS = ("realised", "expected")
NOISE = ("slippage", "timing")
"""Parts of the cost whose conditional mean is zero: the expected reward leaves them out."""

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Bools = NDArray[np.bool_]
HUGE = float(np.finfo(np.float32).max)
_AHEAD = 1 << 20
"""Numbers of each kind of noise that an environment draws ahead, unless its next episodes alone need more."""


def observation_space() -> gymnasium.spaces.Space[Any]:
    """[x/X, (N-k)/N, S/S_0, realised volatility, L, I]; the price may go anywhere, the rest is not negative."""
    low = np.array([0, 0, -HUGE, 0, 0, 0], dtype=np.float32)
    high = np.array([1, 1, HUGE, HUGE, HUGE, HUGE], dtype=np.float32)
    return gymnasium.spaces.Box(low, high, dtype=np.float32)


def action_space() -> gymnasium.spaces.Space[Any]:
    """The wished fraction of the remaining inventory; what the order does not allow is clipped and counted."""
    return gymnasium.spaces.Box(0.0, 1.0, (1,), dtype=np.float32)


def _problem(given: Problem | Mapping[str, Any] | None) -> Problem:
    """The problem that an environment was given, or given a description of."""
    if given is None:
        return stochastic()
    if isinstance(given, Mapping):
        return restore(given, partial=True)
    if not isinstance(given, Problem):
        raise TypeError(f"problem must be an optexec.Problem, a mapping that describes one, or None, got {given!r}")
    return given


class _OwnSpec(EnvSpec):
    """The specification of an environment whose liquidity process has no description."""

    def to_json(self) -> str:
        describe(self.kwargs["problem"])  # says so
        return super().to_json()


class _Specified:
    """An environment whose specification holds its problem as plain data, so that it goes through JSON and back."""

    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """What `gymnasium.make` and `gymnasium.make_vec` made the environment from, and can make it from again."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        problem = spec.kwargs.get("problem") if spec is not None else None
        if spec is not None and isinstance(problem, Problem):
            try:
                spec.kwargs = {**spec.kwargs, "problem": describe(problem)}
            except TypeError:
                spec = _OwnSpec(**{field.name: getattr(spec, field.name) for field in fields(spec) if field.init})
        self._spec = spec


class _Ahead:
    """The noise of the episodes that an environment plays next, n side by side.

    A stream of noise gives whole blocks, so that episodes are drawn many at a time and handed out in turn.

    Args:
        problem: the order and market.
        n: episodes side by side.
        seeds: one, for episodes 0 to n-1, then n to 2n-1 of it; or n, for episode 0 of each, then 1.
    """

    def __init__(self, problem: Problem, n: int, seeds: Sequence[int]) -> None:
        self.problem, self.n, self.seeds = problem, n, seeds
        self.rounds = max(1, min(BLOCK, _AHEAD // problem.order.periods) // n)
        self.played = 0

    def __next__(self) -> tuple[Noise, Array]:
        """The noise (N, n) of the next n episodes and their observed volatility (N+1, n)."""
        turn = self.played % self.rounds
        if turn == 0:
            self.drawn = self._draw()
        self.played += 1
        columns = slice(turn * self.n, (turn + 1) * self.n)
        return self.drawn.columns(columns), self.drawn.volatility[:, columns]

    def _draw(self) -> Noise:
        if len(self.seeds) == 1:
            return draw(self.problem, self.n * self.rounds, self.seeds[0], self.n * self.played)
        single = [draw(self.problem, self.rounds, seed, self.played) for seed in self.seeds]
        arrays = (np.stack([getattr(one, name) for one in single], axis=2) for name in Shock._fields)
        return Noise(self.problem, *(array.reshape(len(array), -1) for array in arrays))


class Session:
    """What both environments share: the problem, the reward and the bookkeeping of one batch of episodes."""

    def __init__(self, problem: Problem | Mapping[str, Any] | None, reward: str, observe_liquidity: bool) -> None:
        self.problem = _problem(problem)
        self.reward = choice("reward", reward, REWARDS)
        self.observe_liquidity = bool(observe_liquidity)
        self.state: State | None = None
        self.seen: Any = 0.0
        self.shortfall: Any = 0.0

    def begin(self, inventory: Any) -> None:
        """Start new episodes from an inventory, a float or an array (n,)."""
        zero = 0.0 * inventory
        self.state = State(0, inventory, zero, zero)
        self.seen = zero + self.problem.market.liquidity.long_run_mean
        self.shortfall = zero

    def observation(self, volatility: Any, liquidity: Any) -> Columns[Any]:
        """What is observed at the present state."""
        assert self.state is not None
        k, inventory, displacement, transient = self.state
        if self.observe_liquidity:
            return observe(self.problem, k, inventory, displacement, volatility, liquidity, transient)
        implied = self.seen * self.problem.profile[min(k, self.problem.order.periods - 1)]
        return observe(self.problem, k, inventory, displacement, volatility, implied, 0.0 * self.seen)

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
        charged = cost + float(problem.risk_weights[state.period]) * (after.inventory * after.inventory)
        if problem.order.violation_penalty:
            charged = charged + problem.order.violation_penalty * outcome.clipped
        if not self.observe_liquidity:
            self.seen = implied_level(problem, self.seen, state, outcome)
        self.state = after
        done = after.period == problem.order.periods
        info["violation"] = violated(state, outcome)
        info["trade"] = outcome.trade
        if done:
            info["shortfall"] = self.shortfall
            info["completion"] = 1.0 - after.inventory / problem.order.shares
        return -charged, done, info


class ExecutionEnv(_Specified, gymnasium.Env[Float32, Any]):
    """One execution episode at a time.

    Args:
        problem: order and market, or a mapping that describes them as a configuration file does (what is left out has
            its default); None for `optexec.presets.stochastic`.
        reward: "realised", r_k = -(x_{k+1} (S_k - S_{k+1}) + v_k (S_k - P_k)) - lambda sigma^2 s_k^2 dt x_{k+1}^2 -
            penalties, or "expected", its mean given liquidity and decay (less noise, but it knows the model) [$].
        observe_liquidity: whether L and I are observed; see `optexec.simulate`.

    Raises:
        ValueError: an unknown reward, or a mapping with a field that does not fit.
        TypeError: a problem that is neither of these.

    Examples:
        >>> import gymnasium
        >>> import optexec as ox
        >>> env = gymnasium.make("optexec/Execution-v0", problem=ox.presets.stochastic())
        >>> observation, _ = env.reset(seed=42)
        >>> observation.shape, env.action_space.shape
        ((6,), (1,))
        >>> again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
        >>> again.unwrapped.problem == env.unwrapped.problem
        True
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (declared so by the base class)

    def __init__(
        self,
        problem: Problem | Mapping[str, Any] | None = None,
        reward: str = "realised",
        observe_liquidity: bool = True,
    ) -> None:
        self._session = Session(problem, reward, observe_liquidity)
        self.observation_space = observation_space()
        self.action_space = action_space()
        self._ahead: _Ahead | None = None

    @property
    def problem(self) -> Problem:
        """The order and market."""
        return self._session.problem

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Start the first episode of a seed, or without one the next episode.

        Args:
            seed: >= 0, or None.
            options: none are known; others are left to those who know them.
        """
        seed = None if seed is None else integer("seed", seed, minimum=0)
        super().reset(seed=seed)
        if seed is not None or self._ahead is None:
            self._ahead = _Ahead(self.problem, 1, [_fresh(self.np_random) if seed is None else seed])
        noise, volatility = next(self._ahead)
        self._shocks = noise.episode(0)
        self._volatility = volatility[:, 0].tolist()
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
        given = np.asarray(action)
        wish = float(given.item()) if given.size == 1 and given.dtype.kind in "fiub" else math.nan
        if not math.isfinite(wish):
            raise ValueError(f"action must be one finite number in period {state.period}, got {action!r}")
        reward, terminated, info = self._session.advance(wish, self._shocks[state.period])
        return self._observation(), reward, terminated, False, info

    def _observation(self) -> Float32:
        state = self._session.state
        assert state is not None
        k = state.period
        shock = self._shocks[min(k, len(self._shocks) - 1)]
        return np.array(self._session.observation(self._volatility[k], shock.seen), dtype=np.float32)


class ExecutionVectorEnv(_Specified, VectorEnv[Any, Any, Any]):
    """Many execution episodes in step: arrays throughout, equal to `optexec.simulate` on the same draws.

    All environments end together. Autoreset mode is NEXT_STEP: the step after the last one ignores its actions, starts
    new episodes and returns their first observations with zero rewards.

    Args:
        num_envs: how many, n >= 1.
        problem, reward, observe_liquidity: as for `ExecutionEnv`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (declared so by the base class)
    if hasattr(gymnasium.vector, "AutoresetMode"):  # Gymnasium 1.0 knows no other and has no name for it
        metadata["autoreset_mode"] = gymnasium.vector.AutoresetMode.NEXT_STEP

    def __init__(
        self,
        num_envs: int = 1,
        problem: Problem | Mapping[str, Any] | None = None,
        reward: str = "realised",
        observe_liquidity: bool = True,
    ) -> None:
        self.num_envs = integer("num_envs", num_envs, minimum=1)
        self._session = Session(problem, reward, observe_liquidity)
        self.single_observation_space = observation_space()
        self.single_action_space = action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._ahead: _Ahead | None = None
        self._all = np.ones(self.num_envs, np.bool_)
        self._all.setflags(write=False)

    @property
    def problem(self) -> Problem:
        """The order and market."""
        return self._session.problem

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: an int s starts episodes 0 to n-1 of s; n of them start episode 0 of each, where None stands for a
                fresh one; None goes on with the next episodes.
            options: ``reset_mask``, booleans (n,), may say which environments to reset: all of them, since they end
                together. Other options are left to those who know them.

        Raises:
            ValueError: a seed < 0, or not n of them; a mask that leaves environments out.
            TypeError: a seed that is no integer, or a mask of anything but booleans.
        """
        self._check_mask((options or {}).get("reset_mask"))
        n = self.num_envs
        if isinstance(seed, Sequence) or np.ndim(seed):  # type: ignore[arg-type]
            each: Any = seed  # a list, a tuple or an array
            if len(each) != n:
                raise ValueError(f"seed must be an int or {n} ints, got {seed!r}")
            given = [None if one is None else integer(f"seed[{i}]", one, minimum=0) for i, one in enumerate(each)]
            self._ahead = _Ahead(self.problem, n, [_fresh(self.np_random) if s is None else s for s in given])
        elif seed is not None or self._ahead is None:
            seed = None if seed is None else integer("seed", seed, minimum=0)
            super().reset(seed=seed)
            self._ahead = _Ahead(self.problem, n, [_fresh(self.np_random) if seed is None else seed])
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
        if state.period == self.problem.order.periods:
            self._start()
            return self._observation(), np.zeros(n), np.zeros(n, np.bool_), np.zeros(n, np.bool_), {}
        wishes = checked_action(np.asarray(actions).reshape(-1), n, state.period)
        reward, done, info = self._session.advance(wishes, self._noise[state.period])
        for key in (*info,):  # Gymnasium's masks: every environment has every key
            info["_" + key] = self._all
        terminated = self._all.copy() if done else np.zeros(n, np.bool_)
        return self._observation(), reward, terminated, np.zeros(n, np.bool_), info

    def _start(self) -> None:
        assert self._ahead is not None
        self._noise, self._volatility = next(self._ahead)
        self._session.begin(np.full(self.num_envs, self.problem.order.shares))

    def _check_mask(self, mask: Any) -> None:
        n = self.num_envs
        if mask is None:
            return
        if np.shape(mask) != (n,) or np.asarray(mask).dtype != np.bool_:
            raise TypeError(f"options['reset_mask'] must be {n} booleans, got {mask!r}")
        if not np.all(mask):
            raise ValueError(
                f"options['reset_mask'] must be True throughout, since these environments end together, got {mask!r}; "
                'gymnasium.make_vec(..., vectorization_mode="sync") resets each on its own'
            )

    def _observation(self) -> Float32:
        state = self._session.state
        assert state is not None
        k = state.period
        liquidity = self._noise.seen[min(k, self.problem.order.periods - 1)]
        return stacked(self._session.observation(self._volatility[k], liquidity), self.num_envs)


def _fresh(generator: np.random.Generator) -> int:
    """A seed that nobody chose."""
    return int(generator.integers(2**63))


def register() -> None:
    """Register both environments with Gymnasium, for ``gymnasium.make`` and ``gymnasium.make_vec``; done on import."""
    for name, stem in {ENV_ID: "optexec.env:Execution", TRAINING_ID: "optexec.training_env:Training"}.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=f"{stem}Env", vector_entry_point=f"{stem}VectorEnv")
