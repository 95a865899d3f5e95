"""The Gymnasium environments: checked by Gymnasium, equal to simulate, exact in their accounting."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from tests.strategies import problems

PARTS = ["spread", "temporary", "transient", "permanent", "slippage", "timing", "leftover"]
RICH = ox.presets.stochastic().replace(
    transient=0.002,
    half_spread=0.01,
    max_fraction=0.3,
    max_participation=0.02,
    violation_penalty=0.5,
    leftover_haircut=0.2,
    volume_profile=tuple(ox.u_shape(20)),
)


class Oscillating:
    """Wishes between 0 and 0.6, some of them infeasible under a cap."""

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return 0.3 + 0.3 * np.sin(17 * observation[:, 0].astype(float) + observation[:, 4])


def play(env: gymnasium.Env[Any, Any], policy: Any, seed: int | None) -> tuple[float, list[dict[str, Any]]]:
    """Sum of rewards and the infos of one episode."""
    observation, _ = env.reset(seed=seed)
    rewards, infos, done = 0.0, [], False
    while not done:
        observation, reward, done, truncated, info = env.step(policy.act(observation[None]))
        assert not truncated
        rewards += float(reward)
        infos.append(info)
    return rewards, infos


def test_registered_and_clean() -> None:
    for problem in (None, ox.presets.reference(), RICH):
        env = gymnasium.make("optexec/Execution-v0", problem=problem)
        check_env(env.unwrapped)
    assert env.observation_space.shape == (6,)
    assert env.observation_space.dtype == np.float32


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("seen", [True, False])
def test_rewards_and_parts_add_up(side: str, seen: bool) -> None:
    problem = RICH.replace(side=side)
    policy = Oscillating()
    env = gymnasium.make("optexec/Execution-v0", problem=problem, observe_liquidity=seen)
    runs = ox.simulate(problem, policy, 3, seed=9, observe_liquidity=seen)
    assert runs.violations.sum() > 0
    for i in range(3):
        rewards, infos = play(env, policy, 9 if i == 0 else None)
        total = sum(info[part] for info in infos for part in PARTS)
        assert total == pytest.approx(infos[-1]["shortfall"], rel=1e-12)
        assert infos[-1]["shortfall"] == pytest.approx(runs.shortfall[i], rel=1e-9)
        assert infos[-1]["completion"] == pytest.approx(runs.completion[i], rel=1e-12)
        assert sum(info["violation"] for info in infos) == runs.violations[i]
        penalties = problem.order.violation_penalty * runs.clipped[i]
        assert rewards == pytest.approx(-(runs.shortfall[i] + runs.running_risk[i] + penalties), rel=1e-9)


def test_expected_reward_is_the_conditional_form() -> None:
    policy = Oscillating()
    env = gymnasium.make("optexec/Execution-v0", problem=RICH, reward="expected")
    run = ox.simulate(RICH, policy, 1, seed=4)
    rewards, _ = play(env, policy, 4)
    penalties = RICH.order.violation_penalty * run.clipped[0]
    assert rewards == pytest.approx(-(run.objective[0] + penalties), rel=1e-9)


def test_rewards_do_not_depend_on_the_price_level() -> None:
    policy = Oscillating()
    totals = []
    for price in (1.0, 100.0, 1e9):
        env = gymnasium.make("optexec/Execution-v0", problem=RICH.replace(price=price))
        totals.append(play(env, policy, 4)[0])
    assert totals[0] == totals[1] == totals[2]


@settings(deadline=None, max_examples=30)
@given(problem=problems(caps=True), seed=st.integers(0, 2**40), reward=st.sampled_from(["realised", "expected"]))
def test_vector_env_equals_simulate(problem: ox.Problem, seed: int, reward: str) -> None:
    n, periods, policy = 5, problem.order.periods, Oscillating()
    env = gymnasium.make_vec("optexec/Execution-v0", num_envs=n, problem=problem, reward=reward)
    observation, _ = env.reset(seed=seed)
    total = np.zeros(n)
    parts = np.zeros(n)
    for k in range(periods):
        assert env.observation_space.contains(observation)
        observation, rewards, terminated, truncated, info = env.step(policy.act(observation)[:, None])
        total += rewards
        parts += sum(info[part] for part in PARTS)
        assert terminated.tolist() == [k == periods - 1] * n
        assert not truncated.any()
    runs = ox.simulate(problem, policy, n, seed)
    cost = runs.shortfall if reward == "realised" else runs.expected_shortfall
    penalties = problem.order.violation_penalty * runs.clipped
    scale = problem.order.shares * problem.market.price
    assert total == pytest.approx(-(cost + runs.running_risk + penalties), rel=1e-9, abs=1e-10 * scale)
    assert np.array_equal(parts, info["shortfall"]) or parts == pytest.approx(info["shortfall"], rel=1e-9)
    assert info["shortfall"] == pytest.approx(runs.shortfall, rel=1e-9, abs=1e-10 * scale)


def test_vector_env_equals_single_envs() -> None:
    vector = gymnasium.make_vec("optexec/Execution-v0", num_envs=3, problem=RICH)
    single = gymnasium.make("optexec/Execution-v0", problem=RICH)
    wish = np.full((3, 1), 0.15, dtype=np.float32)
    observations, _ = vector.reset(seed=21)
    steps = [vector.step(wish) for _ in range(20)]
    for i in range(3):
        observation, _ = single.reset(seed=21 if i == 0 else None)
        assert np.array_equal(observation, observations[i])
        for observation_n, rewards, *_ in steps:
            observation, reward = single.step(wish[0])[:2]
            assert np.array_equal(observation, observation_n[i])
            assert reward == rewards[i]


def test_autoreset_is_next_step_and_goes_on_with_new_episodes() -> None:
    problem = ox.presets.stochastic().replace(periods=2)
    env = gymnasium.make_vec("optexec/Execution-v0", num_envs=3, problem=problem)
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    env.reset(seed=5)
    half = np.full((3, 1), 0.5)
    env.step(half)
    _, _, terminated, _, first = env.step(half)
    assert terminated.all()
    observation, rewards, terminated, _, info = env.step(np.full((3, 1), 0.9))
    assert (rewards == 0).all()
    assert not terminated.any()
    assert info == {}
    assert (observation[:, 0] == 1).all()
    env.step(half)
    *_, second = env.step(half)
    policy = ox.twap(problem)
    assert first["shortfall"] == pytest.approx(ox.simulate(problem, policy, 3, 5).shortfall)
    assert second["shortfall"] == pytest.approx(ox.simulate(problem, policy, 3, 5, first=3).shortfall)


def test_seeds() -> None:
    env = gymnasium.make_vec("optexec/Execution-v0", num_envs=2)
    act = np.full((2, 1), 0.1)

    def first_rewards(seed: Any) -> np.ndarray[Any, Any]:
        env.reset(seed=seed)
        return np.asarray(env.step(act)[1])

    assert np.array_equal(first_rewards(3), first_rewards(3))
    assert not np.array_equal(first_rewards(3), first_rewards(4))
    by_list = first_rewards([3, 4])
    assert by_list.tolist() == [first_rewards(3)[0], first_rewards(4)[0]]
    with pytest.raises(ValueError, match="seed must be an int or 2 ints, got 3 values"):
        env.reset(seed=[1, 2, 3])  # type: ignore[arg-type]  # make_vec promises the base class

    one, other = (gymnasium.make("optexec/Execution-v0") for _ in range(2))
    one.reset()
    other.reset()
    assert one.step([0.1])[1] != other.step([0.1])[1]  # unseeded environments are not copies of each other


@pytest.mark.parametrize("bad", [np.array([np.nan]), np.array([np.inf]), np.array([0.1, 0.2]), np.array([])])
def test_a_bad_action_is_refused_and_nothing_advances(bad: np.ndarray[Any, Any]) -> None:
    problem = ox.presets.stochastic()
    spoiled, clean = (gymnasium.make("optexec/Execution-v0", problem=problem) for _ in range(2))
    for env in (spoiled, clean):
        env.reset(seed=1)
    with pytest.raises(ValueError, match="action must be one finite number in period 0, got"):
        spoiled.unwrapped.step(bad)
    good = np.array([0.1], dtype=np.float32)
    one, other = spoiled.step(good), clean.step(good)
    assert np.array_equal(one[0], other[0])
    assert one[1] == other[1]


def test_a_bad_batch_is_refused_and_nothing_advances() -> None:
    env = gymnasium.make_vec("optexec/Execution-v0", num_envs=2)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="action must be finite, got nan for episode 1 in period 0"):
        env.step(np.array([[0.1], [np.nan]]))
    with pytest.raises(ValueError, match=r"action must have shape \(2,\) in period 0, got \(3,\)"):
        env.step(np.zeros((3, 1)))
    observation, *_ = env.step(np.full((2, 1), 0.1))
    assert observation[:, 1] == pytest.approx(0.95)


def test_step_needs_reset() -> None:
    env = ox.ExecutionEnv()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step([0.1])
    env.reset(seed=0)
    for _ in range(20):
        *_, terminated, _, _ = env.step([0.1])
    assert terminated
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step([0.1])
    with pytest.raises(gymnasium.error.ResetNeeded):
        ox.ExecutionVectorEnv(2).step(np.zeros((2, 1)))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"reward must be one of \['realised', 'expected'\], got 'sparse'"):
        gymnasium.make("optexec/Execution-v0", reward="sparse")
    with pytest.raises(TypeError, match=r"problem must be an optexec.Problem"):
        gymnasium.make("optexec/Execution-v0", problem="seed")
    with pytest.raises(ValueError, match="num_envs must be an integer >= 1, got 0"):
        ox.ExecutionVectorEnv(0)
