"""Agents from outside: anything with `act` enters every table, and Stable-Baselines3 trains on the environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import RescaleAction, TransformReward

import optexec as ox
from optexec import stress
from optexec.stress import TOLD

PROBLEM = ox.presets.stochastic()


class Opportunist:
    """The rule of the chapter: Almgren-Chriss, faster where liquidity is high."""

    def __init__(self, problem: ox.Problem, strength: float) -> None:
        self.plan, self.strength = ox.almgren_chriss(problem), strength

    def act(self, observation: Any) -> Any:
        return np.clip(self.plan.act(observation) * observation[:, 4] ** self.strength, 0, 1)


def test_ten_lines_enter_every_table() -> None:
    agent = Opportunist(PROBLEM, 0.8)
    assert isinstance(agent, ox.Policy)
    table: Any = ox.evaluate(PROBLEM, {"AC": ox.almgren_chriss(PROBLEM), "mine": agent}, episodes=2_000)
    assert table.loc["mine", "diff"] + table.loc["mine", "diff_ci"] < 0
    stressed = stress.run(["liquidity_shocks"], episodes=200, policies={"mine": agent})
    assert {"mine", "optimum", "optimum" + TOLD} <= set(stressed["policy"])
    assert ox.exact_value(PROBLEM, agent) < 1.005 * ox.optimum(PROBLEM).value
    assert len(ox.collect(PROBLEM, agent, episodes=3)) == 60
    filtered: Any = ox.filtered(PROBLEM, agent)
    assert np.isfinite(ox.simulate(PROBLEM, filtered, 10, observe_liquidity=False).shortfall).all()


def test_strength_zero_is_almgren_chriss() -> None:
    runs = [ox.simulate(PROBLEM, policy, 50) for policy in (Opportunist(PROBLEM, 0.0), ox.almgren_chriss(PROBLEM))]
    assert runs[0].shortfall == pytest.approx(runs[1].shortfall)


class FromPredict:
    """The chapter's adapter: a model with `predict`, its actions in [-1, 1]."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def act(self, observation: Any) -> Any:
        action, _ = self.model.predict(observation, deterministic=True)
        return (np.clip(action[:, 0], -1, 1) + 1) / 2


@pytest.mark.parametrize("algorithm", ["PPO", "SAC"])
def test_stable_baselines3_trains_and_is_scored(algorithm: str) -> None:
    sb3 = pytest.importorskip("stable_baselines3", reason="stable_baselines3 is not installed")
    env = gymnasium.make("optexec/Execution-v0", problem=PROBLEM)
    scaled: Any = RescaleAction(TransformReward(env, lambda reward: float(reward) / 100), np.float32(-1), np.float32(1))
    settings = {"PPO": {"n_steps": 100, "batch_size": 50}, "SAC": {"learning_starts": 100, "batch_size": 32}}
    model = getattr(sb3, algorithm)("MlpPolicy", scaled, seed=0, device="cpu", gamma=1.0, **settings[algorithm])
    model.learn(300)
    agent = FromPredict(model)
    fractions = agent.act(np.tile(np.array([1, 1, 1, 0.02, 1, 0], dtype=np.float32), (5, 1)))
    assert fractions.shape == (5,)
    assert ((fractions >= 0) & (fractions <= 1)).all()
    table: Any = ox.evaluate(PROBLEM, {"TWAP": ox.twap(PROBLEM), algorithm: agent}, episodes=200)
    assert np.isfinite(table.loc[algorithm, "objective"])
    assert table.loc[algorithm, "completion"] == pytest.approx(1.0)


def test_the_environment_passes_their_checker() -> None:
    pytest.importorskip("stable_baselines3", reason="stable_baselines3 is not installed")
    from stable_baselines3.common.env_checker import check_env

    env = gymnasium.make("optexec/Execution-v0", problem=PROBLEM)
    scaled: Any = RescaleAction(env, np.float32(-1), np.float32(1))
    check_env(scaled, warn=True)
