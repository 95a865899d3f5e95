"""Logged transitions: behaviour policies that trade with noise, what they leave behind, and how much of it is useful.

A data set is what a desk has: observations, executed fractions and rewards of programs that somebody else ran. Nothing
of the model is in it. Its noise is keyed by blocks of episodes like that of the simulator, so that the first episodes
of a longer data set are the same bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec._files import digest, read_arrays, write_arrays
from optexec._validate import brief, choice, integer, real
from optexec.config import describe, restore
from optexec.env import REWARDS, ExecutionVectorEnv
from optexec.noise import BLOCK, stream
from optexec.observation import TOLERANCE, columns, period_of
from optexec.optimum import optimum
from optexec.policies import almgren_chriss, twap, vwap
from optexec.problem import Problem
from optexec.simulator import Policy, check_acts, check_policy, checked_action

__all__ = ["BEHAVIOURS", "Behaviour", "Transitions", "behaviour", "collect", "coverage", "mixture", "overlap"]

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

BEHAVIOURS = ("twap", "twap-noise", "mixture")
"""Names that `behaviour` knows."""

NOISE = 0.4
"""Standard deviation of the log of the noise that multiplies a behaviour's fraction; its mean is one."""

ARM, WOBBLE = 100, 101
"""Channels of a behaviour's randomness, apart from the simulator's."""


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Who traded: one arm an episode, drawn with equal chances, its fraction disturbed in every period.

    The executed wish is arm(observation) exp(noise e - noise^2/2), e ~ N(0, 1), clipped to [0, 1]: feedback, because
    the fraction is of what is left.

    Args:
        name: of the behaviour, kept with the data.
        arms: policy by name.
        noise: standard deviation of the log of the disturbance, >= 0.
    """

    name: str
    arms: Mapping[str, Policy]
    noise: float = 0.0

    __repr__ = brief

    def __post_init__(self) -> None:
        if not self.arms:
            raise ValueError("arms must name at least one policy, got none")
        for name, policy in self.arms.items():
            check_acts(policy, f"arms[{name!r}]")
        object.__setattr__(self, "noise", real("noise", self.noise, minimum=0))


def behaviour(problem: Problem, name: str) -> Behaviour:
    """A named behaviour for a problem.

    - twap: the TWAP schedule and nothing else, the original note's protocol;
    - twap-noise: its rate times exp(0.4 e - 0.08);
    - mixture: one arm an episode out of TWAP, VWAP and Almgren-Chriss planned at lambda times 0.5, 1, 2 and 4, with the
      same disturbance. At lambda = 0 the four are one.

    Raises:
        ValueError: an unknown name; the message lists those there are.
    """
    choice("behaviour", name, BEHAVIOURS)
    if name != "mixture":
        return Behaviour(name, {"TWAP": twap(problem)}, NOISE if name == "twap-noise" else 0.0)
    return mixture(problem, name, (0.5, 1.0, 2.0, 4.0), NOISE)


def mixture(problem: Problem, name: str, factors: Sequence[float], noise: float) -> Behaviour:
    """One arm an episode out of TWAP, VWAP and Almgren-Chriss planned at lambda times each of the factors."""
    planned = {
        f"AC, λ × {factor:g}": almgren_chriss(problem.replace(risk_aversion=problem.risk_aversion * factor))
        for factor in factors
    }
    return Behaviour(name, {"TWAP": twap(problem), "VWAP": vwap(problem), **planned}, noise)


@dataclass(frozen=True, eq=False)
class Transitions:
    """A data set of m = n N transitions, episode after episode and period after period.

    Attributes:
        problem: the order and market in which it was logged.
        seed: of the shocks and of the behaviour's own noise.
        behaviour: name of who traded.
        arms: names of the arms.
        observations: (m, 6) float32, as in `optexec.env`.
        fractions: (m,) executed fraction of the remaining inventory; 0 where nothing remained.
        wishes: (m,) what the behaviour asked for.
        realised: (m,) rewards as they came [$].
        expected: (m,) their means given liquidity and decay [$].
        next_observations: (m, 6) float32.
        terminated: (m,) True in the last period of an episode.
        episode: (m,) index of the episode.
        arm: (m,) index into ``arms``.
        observe_liquidity: whether the observations show L and I.

    Raises:
        ValueError: a wrong shape, a number that is not finite, or episodes that are not whole and in order.
    """

    problem: Problem
    seed: int
    behaviour: str
    arms: tuple[str, ...]
    observations: Float32
    fractions: Array
    wishes: Array
    realised: Array
    expected: Array
    next_observations: Float32
    terminated: Bools
    episode: Integers
    arm: Integers
    observe_liquidity: bool = True

    __repr__ = brief

    def __post_init__(self) -> None:
        periods, m = self.problem.order.periods, len(self.observations)
        if m == 0 or m % periods:
            raise ValueError(f"a data set must hold whole episodes of {periods} transitions, got {m} transitions")
        for name, kind in _ARRAYS.items():
            array = np.asarray(getattr(self, name))
            shape = (m, 6) if name.endswith("observations") else (m,)
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
            if not np.can_cast(array.dtype, kind, "same_kind"):
                raise ValueError(f"{name} must be of type {np.dtype(kind)}, got {array.dtype}")
            with np.errstate(over="ignore"):  # what becomes infinite is refused below
                array = np.ascontiguousarray(array, dtype=kind)
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                row = int(np.flatnonzero(~np.isfinite(array.reshape(m, -1)).all(axis=1))[0])
                raise ValueError(f"{name} must be finite, got {array[row]} in transition {row}")
            object.__setattr__(self, name, array)
        ordered = np.array_equal(period_of(self.observations, periods), np.tile(np.arange(periods), m // periods))
        ends = np.array_equal(self.terminated, np.arange(m) % periods == periods - 1)
        if not (ordered and ends and np.array_equal(self.episode, np.repeat(self.episode[::periods], periods))):
            raise ValueError(f"observations must go through periods 0 to {periods - 1} of one episode after the other")
        if not ((self.fractions >= 0) & (self.fractions <= 1)).all():
            raise ValueError("fractions must lie in [0, 1]")
        if not ((self.arm >= 0) & (self.arm < len(self.arms))).all():
            raise ValueError(f"arm must be an index into {list(self.arms)}")

    def __len__(self) -> int:
        return len(self.observations)

    @property
    def episodes(self) -> int:
        """n, how many episodes."""
        return len(self) // self.problem.order.periods

    @property
    def period(self) -> NDArray[np.int64]:
        """K (m,)."""
        return np.tile(np.arange(self.problem.order.periods), self.episodes)

    def rewards(self, kind: str) -> Array:
        """(m,) "realised" or "expected" rewards [$]."""
        rewards: Array = getattr(self, choice("reward", kind, REWARDS))
        return rewards

    def take(self, episodes: int) -> Transitions:
        """The first episodes, the same as a shorter `collect` of the same seed."""
        m = integer("episodes", episodes, minimum=1) * self.problem.order.periods
        if m > len(self):
            raise ValueError(f"episodes must be at most {self.episodes}, got {episodes}")
        arrays = {name: getattr(self, name)[:m] for name in _ARRAYS}
        return dataclasses.replace(self, **arrays)

    def _meta(self) -> dict[str, Any]:
        return {
            "kind": _KIND,
            "problem": describe(self.problem),
            "seed": self.seed,
            "behaviour": self.behaviour,
            "arms": list(self.arms),
            "observe_liquidity": self.observe_liquidity,
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in the data set, the problem included."""
        return digest(self._meta(), {name: getattr(self, name) for name in _ARRAYS})

    def save(self, path: str | Path) -> None:
        """Write an npz file, whole or not at all."""
        write_arrays(Path(path), self._meta(), {name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: str | Path, problem: Problem | None = None) -> Transitions:
        """Read a file of `save`; pickles are refused.

        Args:
            path: the file.
            problem: what the data must have been logged in; None for whatever the file says.

        Raises:
            FileNotFoundError: no such file.
            ValueError: truncated, changed, not finite, wrongly shaped, or logged in another problem; it is named.
        """
        meta, arrays = read_arrays(Path(path), _KIND)
        if arrays.keys() != _ARRAYS.keys():
            raise ValueError(f"{path} must hold the arrays {', '.join(_ARRAYS)}, got {', '.join(arrays)}")
        try:
            logged_in = restore(meta["problem"])
            seed = integer("seed", meta["seed"], minimum=0)
            for name, kind in {"behaviour": str, "arms": list, "observe_liquidity": bool}.items():
                if not isinstance(meta[name], kind):
                    raise ValueError(f"{name} must be of type {kind.__name__}, got {meta[name]!r}")
            arms = tuple(map(str, meta["arms"]))
            if problem is None or problem == logged_in:
                return cls(
                    logged_in, seed, meta["behaviour"], arms, observe_liquidity=meta["observe_liquidity"], **arrays
                )
        except KeyError as error:
            raise ValueError(f"{path} does not say its {error}") from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None
        raise ValueError(f"{path} was logged in another problem: {differences(problem, logged_in)}")

    def arrays(self, reward: str = "realised") -> dict[str, Float32]:
        """Flat arrays for other libraries, such as d3rlpy's ``MDPDataset(**data.arrays())``.

        Returns:
            observations (m, 6), actions (m, 1) executed fractions, rewards (m,) [$], terminals (m,) 1 on the last
            transition of each episode; all float32.
        """
        return {
            "observations": self.observations,
            "actions": self.fractions.astype(np.float32)[:, None],
            "rewards": self.rewards(reward).astype(np.float32),
            "terminals": self.terminated.astype(np.float32),
        }


_KIND = "optexec transitions"
_ARRAYS: dict[str, Any] = {
    "observations": np.float32,
    "fractions": np.float64,
    "wishes": np.float64,
    "realised": np.float64,
    "expected": np.float64,
    "next_observations": np.float32,
    "terminated": np.bool_,
    "episode": np.int64,
    "arm": np.int64,
}


def differences(wanted: Problem, found: Problem) -> str:
    """The fields in which two problems differ, as "name is found and not wanted"."""
    return unlike(describe(wanted), describe(found))


def unlike(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The same for plain data."""

    def flat(value: Any, prefix: str = "") -> dict[str, Any]:
        if not isinstance(value, dict):
            return {prefix.removesuffix("."): value}
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, f"{prefix}{name}.").items()}

    first, second = flat(dict(wanted)), flat(dict(found))
    names = [name for name in first | second if first.get(name) != second.get(name)]
    return ", ".join(f"{name} is {second.get(name)!r} and not {first.get(name)!r}" for name in names)


def collect(
    problem: Problem,
    behaviour: str | Behaviour | Policy,
    episodes: int = 1000,
    seed: int = 0,
    *,
    observe_liquidity: bool = True,
) -> Transitions:
    """Let a behaviour trade and log what happens.

    Args:
        problem: the order and market.
        behaviour: "twap" (the schedule and nothing else), "twap-noise" (its rate times exp(0.4 e - 0.08), e ~ N(0, 1)),
            "mixture" (one arm an episode of TWAP, VWAP and Almgren-Chriss planned at lambda times 0.5, 1, 2 and 4, with
            the same disturbance), a `Behaviour`, or any policy.
        episodes: n >= 1.
        seed: >= 0, of the shocks (those of ``simulate`` with the same seed) and of the behaviour's own noise.
        observe_liquidity: whether L and I are in the observations; see `optexec.simulate`.

    Returns:
        `Transitions` with n N rows.

    Raises:
        ValueError: an unknown name, a number outside its range, or a policy that was made for another order.
        TypeError: no behaviour at all.

    Examples:
        >>> import optexec as ox
        >>> data = ox.collect(ox.presets.stochastic(), "mixture", episodes=10, seed=0)
        >>> len(data), data.observations.shape
        (200, (200, 6))
    """
    n, seed = integer("episodes", episodes, minimum=1), integer("seed", seed, minimum=0)
    trader = _trader(problem, behaviour)
    arms = tuple(trader.arms.values())
    arm, wobble = _own_noise(n, seed, problem.order.periods, len(arms))
    for name, policy in trader.arms.items():
        check_policy(problem, policy, f"arms[{name!r}]")
    for policy in arms:
        if hasattr(policy, "reset"):
            policy.reset(n)
    environment = ExecutionVectorEnv(n, problem, "realised", observe_liquidity)
    observation, _ = environment.reset(seed=seed)
    held = np.full(n, problem.order.shares)
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in _ARRAYS}
    for k in range(problem.order.periods):
        wished = np.stack([checked_action(policy.act(observation), n, k) for policy in arms])[arm, np.arange(n)]
        wish = np.clip(wished * np.exp(trader.noise * wobble[k] - trader.noise**2 / 2), 0.0, 1.0)
        after, reward, terminated, _, info = environment.step(wish)
        row = {
            "observations": observation,
            "fractions": np.divide(info["trade"], held, out=np.zeros(n), where=held > 0),
            "wishes": wish,
            "realised": reward,
            "expected": reward + info["slippage"] + info["timing"],
            "next_observations": after,
            "terminated": terminated,
            "episode": np.arange(n),
            "arm": arm,
        }
        for name, value in row.items():
            rows[name].append(value)
        observation, held = after, held - info["trade"]
    whole = {
        name: np.stack(parts, axis=1).reshape(n * problem.order.periods, *parts[0].shape[1:])
        for name, parts in rows.items()
    }
    return Transitions(problem, seed, trader.name, tuple(trader.arms), observe_liquidity=observe_liquidity, **whole)


def _trader(problem: Problem, given: str | Behaviour | Policy) -> Behaviour:
    if isinstance(given, str):
        return behaviour(problem, given)
    if isinstance(given, Behaviour):
        return given
    check_acts(given, "behaviour", f"one of {', '.join(BEHAVIOURS)}, a Behaviour or a policy")
    name = type(given).__name__
    return Behaviour(name, {name: given})


def _own_noise(n: int, seed: int, periods: int, arms: int) -> tuple[NDArray[np.int64], Array]:
    """The arm of every episode (n,) and standard normals (N, n), from fixed blocks of episodes."""
    arm, wobble = [], []
    for block in range((n - 1) // BLOCK + 1):
        arm.append(stream(seed, block, ARM).integers(arms, size=BLOCK))
        wobble.append(stream(seed, block, WOBBLE).standard_normal((periods, BLOCK)))
    return np.concatenate(arm)[:n], np.concatenate(wobble, axis=1)[:, :n]


def coverage(data: Transitions, level: float = 0.95) -> pd.DataFrame:
    """Where the data's actions lie, and where the optimum's would, period by period.

    The optimum acts in the logged episodes' own states. The last period, where everything must go, is left out, and so
    are states in which nothing is left to trade.

    Args:
        data: logged transitions.
        level: part of the data's actions that counts as their support, in (0, 1): its central part.

    Returns:
        A DataFrame by period with ``low, median, high`` of the data's fractions (the central ``level``), ``optimum_low,
        optimum_median, optimum_high`` likewise, and ``inside``, the share of the optimum's actions in [low, high].
    """
    real("level", level, above=0, below=1)
    best = optimum(data.problem).act(data.observations)
    tail = (1 - level) / 2
    rows = []
    for k in range(data.problem.order.periods - 1):
        here = (data.period == k) & (columns(data.observations).inventory > 0)
        if not here.any():
            rows.append([np.nan] * 7)
            continue
        logged, wanted = data.fractions[here], best[here]
        low, median, high = np.quantile(logged, [tail, 0.5, 1 - tail])
        quantiles = np.quantile(wanted, [tail, 0.5, 1 - tail])
        inside = float(np.mean((wanted >= low - TOLERANCE) & (wanted <= high + TOLERANCE)))
        rows.append([low, median, high, *quantiles, inside])
    names = ["low", "median", "high", "optimum_low", "optimum_median", "optimum_high", "inside"]
    return pd.DataFrame(rows, columns=names).rename_axis("period")


def overlap(data: Transitions, level: float = 0.95) -> float:
    """Share of the optimum's decisions that lie inside the data's support: the mean of `coverage`'s ``inside``."""
    return float(coverage(data, level)["inside"].mean())
