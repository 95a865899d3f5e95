"""An environment that learners with default settings can train on, and the way back from their agents to policies.

What makes the raw environment hard for them is coordinates: a random action sells half of what is left, rewards are
hundreds of dollars, and most of their noise is the price on shares that any policy would hold. Here actions and rewards
are relative to a plan, and all numbers of order one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from optexec._validate import real
from optexec.almgren_chriss import planned_impact
from optexec.env import HUGE, ExecutionEnv, ExecutionVectorEnv, Session
from optexec.noise import Shock
from optexec.observation import Observation, answered, observed
from optexec.policies import almgren_chriss, twap
from optexec.problem import Problem

__all__ = ["TrainedPolicy", "TrainingEnv", "TrainingVectorEnv", "training_env"]

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]

EPISODES = 256
"""Episodes of random actions that the scales are taken from, fewer where they are long."""

LEVEL = 4
"""The column of the observation that holds L; its logarithm has no long tail."""

NUMBERS = 1 << 18
"""Numbers of one kind that these episodes have at most, unless one alone has more."""


class Model(Protocol):
    """What an agent of another library has to have; Stable-Baselines3's have it."""

    def predict(self, observation: Any, *, deterministic: bool) -> Any:
        """Actions (n, 1) for observations (n, 6), and a state that is not used."""


@dataclass(frozen=True, eq=False)
class Coordinates:
    """How a learner sees a problem.

    Attributes:
        plan: (N,) fractions of the Almgren-Chriss schedule, or of TWAP's where the problem has none.
        to_go: (N+1,) what the plan expects to pay from period k on, over x_k^2 [$/share^2]; 0 after the last period.
        reach: how far from the plan an action of 1 is, as a part of it.
        centre, scale: (6,) of the observations.
        unit: of the rewards [$].
    """

    plan: Array
    to_go: Array
    reach: float
    centre: Array
    scale: Array
    unit: float

    @classmethod
    def of(cls, problem: Problem, reward: str, observe_liquidity: bool, reach: float) -> Coordinates:
        """The coordinates of a problem: means and deviations over episodes of uniformly random actions, seed 0."""
        try:
            plan = almgren_chriss(problem).fractions
        except ValueError:  # not convex at the mean level
            plan = twap(problem).fractions
        to_go = np.zeros(len(plan) + 1)
        for k, (f, h) in reversed(list(enumerate(zip(plan, planned_impact(problem), strict=True)))):
            left = 1 - f
            to_go[k] = (
                h * f**2 + problem.market.permanent * f * left + left**2 * (problem.risk_weights[k] + to_go[k + 1])
            )
        unscaled = cls(plan, to_go, reach, np.zeros(6), np.ones(6), 1.0)
        periods = problem.order.periods
        n = max(1, min(EPISODES, NUMBERS // periods))
        env = ExecutionVectorEnv(n, problem, reward, observe_liquidity)
        env._session = Relative(problem, reward, observe_liquidity, unscaled)
        generator = np.random.default_rng(0)
        observations, rewards = np.empty((periods, n, 6), dtype=np.float32), np.empty((periods, n))
        observations[0] = env.reset(seed=0)[0]
        for k in range(periods):
            seen, rewards[k], *_ = env.step(generator.uniform(-1, 1, n))
            if k + 1 < periods:
                observations[k + 1] = seen
        numbers = unscaled.seen(observations)
        spread = numbers.std(axis=(0, 1), dtype=np.float64)
        spread[np.ptp(numbers, axis=(0, 1)) == 0] = 1.0
        centre = numbers.mean(axis=(0, 1), dtype=np.float64)
        return cls(plan, to_go, reach, centre, spread, float(rewards.std()) or 1.0)

    def seen(self, observation: Observation) -> Float32:
        """What the learner sees (..., 6) of observations (..., 6)."""
        numbers = np.array(observation, dtype=np.float64)
        numbers[..., LEVEL] = np.log(np.maximum(numbers[..., LEVEL], np.finfo(np.float32).tiny))
        return np.asarray((numbers - self.centre) / self.scale, dtype=np.float32)

    def fraction(self, period: Any, action: Any) -> Any:
        """Wished fractions (...) of what is left, from actions (...); one beyond [-1, 1] is taken for its end."""
        return np.minimum(self.plan[period] * (1 + self.reach * np.clip(action, -1, 1)), 1.0)


class Relative(Session):
    """A session in which actions and rewards are relative to the plan, which runs beside it on the same shocks."""

    def __init__(self, problem: Problem, reward: str, observe_liquidity: bool, coordinates: Coordinates) -> None:
        super().__init__(problem, reward, observe_liquidity)
        self.coordinates, self.planned = coordinates, Session(problem, reward, observe_liquidity)

    def begin(self, inventory: Any) -> None:
        super().begin(inventory)
        self.planned.begin(inventory)

    def advance(self, action: Any, shock: Shock) -> tuple[Any, bool, dict[str, Any]]:
        assert self.state is not None
        plan, owed = float(self.coordinates.plan[self.state.period]), self._owed()
        wish = self.coordinates.fraction(self.state.period, action)
        single = not isinstance(action, np.ndarray)
        reward, done, info = super().advance(float(wish) if single else wish, shock)
        reward_of_plan, *_ = self.planned.advance(plan if single else np.full(len(wish), plan), shock)
        gained = reward - reward_of_plan + owed - self._owed()
        return gained / self.coordinates.unit, done, info

    def _owed(self) -> Any:
        """What is still to be paid for the inventory beyond what is for the plan's, at the plan's cost to go [$]."""
        assert self.state is not None
        assert self.planned.state is not None
        k, held, planned = self.state.period, self.state.inventory, self.planned.state.inventory
        return self.coordinates.to_go[k] * (held * held - planned * planned)


@dataclass(frozen=True, eq=False)
class TrainedPolicy:
    """An agent trained on a `TrainingEnv`, as a policy for `optexec.evaluate` and everything else that takes one.

    Args:
        problem: the order and market that it was trained for.
        model: the agent, whose ``predict`` is called with ``deterministic=True``.
        coordinates: those of its environment.
    """

    problem: Problem
    model: Model
    coordinates: Coordinates

    def act(self, observation: Observation) -> Array:
        """Wished fractions (n,) from the raw observations (n, 6)."""
        seen, period = observed(observation, self.problem.order)
        action, *_ = self.model.predict(self.coordinates.seen(seen), deterministic=True)
        fraction = self.coordinates.fraction(period, np.asarray(action, dtype=np.float64).reshape(-1))
        return answered(observation, fraction)

    @property
    def made_for(self) -> dict[str, Any]:
        """The fields of the order that the agent's numbers depend on."""
        return {"periods": self.problem.order.periods, "dt": self.problem.order.dt}


class TrainingEnv(ExecutionEnv):
    """The environment to train an agent of another library on, with that library's default settings.

    The same episodes as `ExecutionEnv`, in coordinates around the Almgren-Chriss schedule (TWAP where the problem has
    none), whose fraction of what is left is f_k:

    - action y in [-1, 1]: the wish is f_k (1 + reach y), at most 1; y = 0 is the plan, beyond the ends is at the ends;
    - reward: that of `ExecutionEnv` less the plan's in the same period on the same shocks, over a constant. The plan's
      does not depend on the action, and much of the noise is in both. Inventory beyond the plan's is charged with the
      plan's expected cost from there on, c_k (x_k^2 - x'_k^2), when it arises (Ng, Harada & Russell 1999, a potential);
      c_N = 0, so that over an episode the charges cancel, and the rewards sum to what was saved against the plan;
    - observation: each of the six numbers (L as its logarithm) less a constant, over a constant.

    The constants are deviations and means over 256 episodes of random actions (fewer if they are long), so that any
    units will do. An agent that always says 0 is the plan, and earns 0. ``info`` is that of `ExecutionEnv`, in dollars.

    Args:
        problem, reward, observe_liquidity: as for `ExecutionEnv`.
        reach: how far an action of 1 is from the plan, as a part of it, in (0, 1].

    Raises:
        ValueError, TypeError: as for `ExecutionEnv`, or a reach outside its range.
    """

    def __init__(
        self,
        problem: Problem | Mapping[str, Any] | None = None,
        reward: str = "realised",
        observe_liquidity: bool = True,
        reach: float = 0.5,
    ) -> None:
        super().__init__(problem, reward, observe_liquidity)
        self.coordinates = _relate(self, reward, observe_liquidity, reach)
        self.observation_space, self.action_space = _observation_space(), _action_space()

    def policy(self, model: Model) -> TrainedPolicy:
        """An agent that was trained here, as a policy of raw observations.

        Args:
            model: anything with Stable-Baselines3's ``predict(observation, deterministic=True)``.
        """
        return TrainedPolicy(self.problem, model, self.coordinates)

    def _observation(self) -> Float32:
        return self.coordinates.seen(super()._observation())


class TrainingVectorEnv(ExecutionVectorEnv):
    """Many training environments in step: `TrainingEnv` in the form of `ExecutionVectorEnv`.

    Args:
        num_envs: how many, n >= 1.
        problem, reward, observe_liquidity, reach: as for `TrainingEnv`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        problem: Problem | Mapping[str, Any] | None = None,
        reward: str = "realised",
        observe_liquidity: bool = True,
        reach: float = 0.5,
    ) -> None:
        super().__init__(num_envs, problem, reward, observe_liquidity)
        self.coordinates = _relate(self, reward, observe_liquidity, reach)
        self.single_observation_space, self.single_action_space = _observation_space(), _action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def policy(self, model: Model) -> TrainedPolicy:
        """An agent that was trained here, as a policy of raw observations; see `TrainingEnv.policy`."""
        return TrainedPolicy(self.problem, model, self.coordinates)

    def _observation(self) -> Float32:
        return self.coordinates.seen(super()._observation())


def training_env(
    problem: Problem | Mapping[str, Any] | None = None,
    reward: str = "realised",
    observe_liquidity: bool = True,
    reach: float = 0.5,
) -> TrainingEnv:
    """The environment to train an agent of another library on; arguments, rewards and errors as of `TrainingEnv`.

    ``gymnasium.make("optexec/Training-v0", problem=...)`` makes the same, and ``gymnasium.make_vec`` many in step.

    Examples:
        >>> import optexec as ox
        >>> problem = ox.presets.stochastic()
        >>> env = ox.training_env(problem)
        >>> env.action_space
        Box(-1.0, 1.0, (1,), float32)
        >>> class Still:  # an untrained agent
        ...     def predict(self, observation, deterministic):
        ...         return 0 * observation[:, :1], None
        >>> table = ox.evaluate(problem, {"AC": ox.almgren_chriss(problem), "still": env.policy(Still())}, episodes=10)
        >>> bool(abs(table.loc["still", "diff"]) < 1e-3)
        True
    """
    return TrainingEnv(problem, reward, observe_liquidity, reach)


def _relate(env: ExecutionEnv | ExecutionVectorEnv, reward: str, observe_liquidity: bool, reach: float) -> Coordinates:
    """Put an environment into its problem's coordinates."""
    reach = real("reach", reach, above=0, maximum=1)
    coordinates = Coordinates.of(env.problem, reward, observe_liquidity, reach)
    env._session = Relative(env.problem, reward, observe_liquidity, coordinates)
    return coordinates


def _observation_space() -> gymnasium.spaces.Space[Any]:
    return gymnasium.spaces.Box(-HUGE, HUGE, (6,), dtype=np.float32)


def _action_space() -> gymnasium.spaces.Space[Any]:
    return gymnasium.spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)
