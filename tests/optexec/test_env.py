"""The Gymnasium environments: checked by Gymnasium, equal to simulate, exact in their accounting."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import NormalizeObservation, RecordEpisodeStatistics, TimeLimit
from gymnasium.wrappers import vector as wrappers
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from tests.optexec.strategies import problems

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


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("reward", ["realised", "expected"])
@pytest.mark.parametrize("problem", [None, ox.presets.reference(), RICH])
def test_registered_and_clean(problem: ox.Problem | None, reward: str, seen: bool) -> None:
    env = gymnasium.make("optexec/Execution-v0", problem=problem, reward=reward, observe_liquidity=seen)
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
    if hasattr(gymnasium.vector, "AutoresetMode"):  # Gymnasium 1.0 knows no other and has no name for it
        assert env.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.NEXT_STEP
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
    with pytest.raises(ValueError, match=r"seed must be an int or 2 ints, got \[1, 2, 3\]"):
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


# --- specifications


class Own(ox.OrnsteinUhlenbeck):
    """A process that only its author knows."""


@pytest.mark.parametrize(
    "liquidity",
    [
        ox.ConstantLiquidity(0.7),
        ox.OrnsteinUhlenbeck(speed=0.3, initial=0.6),
        ox.RegimeSwitching(initial="low"),
        ox.Shocks(ox.RegimeSwitching(), probability=0.2),
    ],
)
def test_a_specification_goes_through_json(liquidity: Any) -> None:
    problem = RICH.replace(liquidity=liquidity, side="buy")
    env = gymnasium.make("optexec/Execution-v0", problem=problem, reward="expected", observe_liquidity=False)
    assert env.spec is not None
    again: Any = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.problem == problem
    assert again.spec == env.spec == pickle.loads(pickle.dumps(env.spec))
    assert play(again, Oscillating(), 3) == play(env, Oscillating(), 3)
    for mode in (None, "sync"):  # the second is Gymnasium's, which knows nothing of problems
        vector = gymnasium.make_vec("optexec/Execution-v0", 2, problem=problem, vectorization_mode=mode)
        assert vector.spec is not None
        back = gymnasium.make_vec(EnvSpec.from_json(vector.spec.to_json()))
        assert type(back) is type(vector)
        assert back.num_envs == 2
        act = np.full((2, 1), 0.4, dtype=np.float32)
        results = [(e.reset(seed=5)[0], e.step(act)[1]) for e in (vector, back)]
        assert np.array_equal(results[0][0], results[1][0])
        assert np.array_equal(results[0][1], results[1][1])


def test_a_wrapped_environment_goes_through_json() -> None:
    env: Any = TimeLimit(RecordEpisodeStatistics(gymnasium.make("optexec/Execution-v0", problem=RICH)), 7)
    again: Any = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.problem == RICH
    assert again.spec == env.spec


def test_an_own_process_is_specified_but_has_no_json() -> None:
    problem = RICH.replace(liquidity=Own())
    for env in (
        gymnasium.make("optexec/Execution-v0", problem=problem),
        gymnasium.make_vec("optexec/Execution-v0", 2, problem=problem),
    ):
        assert env.spec is not None
        again: Any = gymnasium.make(env.spec) if isinstance(env, gymnasium.Env) else gymnasium.make_vec(env.spec)
        assert again.unwrapped.problem == problem
        with pytest.raises(TypeError, match=r"liquidity must be one of ConstantLiquidity, .* to be described, got Own"):
            env.spec.to_json()


def test_a_problem_may_be_a_mapping_with_defaults() -> None:
    described = {"order": {"shares": 500}, "market": {"liquidity": {"type": "OrnsteinUhlenbeck", "speed": 0.2}}}
    wanted = ox.Problem(order=ox.Order(shares=500), market=ox.Market(liquidity=ox.OrnsteinUhlenbeck(speed=0.2)))
    assert ox.ExecutionEnv(described).problem == ox.ExecutionVectorEnv(2, described).problem == wanted
    assert ox.ExecutionEnv({}).problem == ox.Problem()
    with pytest.raises(ValueError, match=r"order\.shares must be finite and > 0, got -5"):
        gymnasium.make("optexec/Execution-v0", problem={"order": {"shares": -5}})
    with pytest.raises(ValueError, match=r"market\.liquidity\.type must be one of ConstantLiquidity, .*, got None"):
        gymnasium.make("optexec/Execution-v0", problem={"market": {"liquidity": {"mean": 2.0}}})


# --- finite in, finite out


@pytest.mark.parametrize("penalty", [0.0, 0.5])
@pytest.mark.parametrize("wish", [1e308, -1e308, float(np.finfo(np.float32).max), 1e20])
def test_a_finite_action_has_a_finite_reward(wish: float, penalty: float) -> None:
    problem = RICH.replace(violation_penalty=penalty)
    single, vector = ox.ExecutionEnv(problem), ox.ExecutionVectorEnv(2, problem)
    single.reset(seed=1)
    vector.reset(seed=1)
    reward, info = single.step([wish])[1::3]
    rewards, infos = vector.step(np.full((2, 1), wish))[1::3]
    assert math.isfinite(reward)
    assert np.isfinite(rewards).all()
    assert reward == rewards[0]
    assert info["violation"]
    assert infos["violation"].all()
    assert all(np.isfinite(info[part]) for part in PARTS)
    if penalty == 0:  # nothing but the clip
        single.reset(seed=1)
        assert single.step([max(0.0, min(wish, 1.0))])[1] == reward

    class Wishful:
        def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return np.full(len(observation), wish)

    runs = ox.simulate(problem, Wishful(), 2)
    assert np.isfinite(runs.shortfall).all()
    assert np.isfinite(runs.clipped).all()


def test_penalties_of_wishes_within_reason_are_per_share() -> None:
    env = ox.ExecutionEnv(ox.presets.stochastic().replace(violation_penalty=0.5))
    rewards = []
    for wish in (1.0, 3.0, 1001.0, -2.0, 0.0):
        env.reset(seed=1)
        rewards.append(env.step([wish])[1])
    assert rewards[0] - rewards[1] == pytest.approx(0.5 * 2 * 1000)
    assert rewards[0] - rewards[2] == pytest.approx(0.5 * 1000 * 1000)
    assert rewards[4] - rewards[3] == pytest.approx(0.5 * 2 * 1000)


@pytest.mark.parametrize("bad", ["0.1", None, [None], [10**400], [0.1j], {}])
def test_an_action_that_is_no_number_is_refused(bad: Any) -> None:
    env = ox.ExecutionEnv()
    env.reset(seed=1)
    with pytest.raises(ValueError, match="action must be one finite number in period 0, got"):
        env.step(bad)


# --- seeds and options of the vector environment


def test_seeds_of_every_kind() -> None:
    env = ox.ExecutionVectorEnv(3)
    act = np.full((3, 1), 0.1)

    def first(seed: Any) -> list[float]:
        env.reset(seed=seed)
        return [float(reward) for reward in env.step(act)[1]]

    three = first([3, 4, 5])
    for same in ((3, 4, 5), np.array([3, 4, 5]), [np.int64(3), 4, np.uint8(5)], range(3, 6)):
        assert first(same) == three
    assert first(np.int64(3)) == first(3)
    one, other = first([None, 4, None]), first([None, 4, None])
    assert one[1] == other[1] == three[1]
    assert len({one[0], one[2], other[0], other[2]}) == 4  # fresh ones
    refused: dict[Any, str] = {
        -1: r"seed must be an integer >= 0, got -1",
        (1, 2): r"seed must be an int or 3 ints, got \(1, 2\)",
        (1, None, -3): r"seed\[2\] must be an integer >= 0, got -3",
    }
    for bad, message in refused.items():
        with pytest.raises(ValueError, match=message):
            env.reset(seed=bad)
    for wrong in (1.5, True, [1, 2.0, 3], "abc", np.array(3.0)):
        with pytest.raises(TypeError, match=r"seed(\[\d\])? must be an integer >= 0"):
            env.reset(seed=wrong)  # type: ignore[arg-type]
    assert first(None) != first(None)


def test_each_seed_of_a_list_goes_on_with_its_next_episodes() -> None:
    problem = ox.presets.stochastic().replace(periods=2)
    env = ox.ExecutionVectorEnv(3, problem)
    env.reset(seed=[7, 8, 9])
    half = np.full((3, 1), 0.5)
    for episode in range(4):
        env.step(half)
        *_, info = env.step(half)
        for i, seed in enumerate((7, 8, 9)):
            alone = ox.simulate(problem, ox.twap(problem), 1, seed, first=episode)
            assert info["shortfall"][i] == pytest.approx(alone.shortfall[0])
        env.step(half)


@pytest.mark.parametrize("n", [1, 3, 400])
def test_episodes_go_on_from_block_to_block(n: int) -> None:
    problem = ox.presets.stochastic().replace(periods=1)
    env = ox.ExecutionVectorEnv(n, problem)
    env.reset(seed=2)
    everything, played = np.ones((n, 1)), []
    for _ in range(-(-1100 // n)):
        played.append(env.step(everything)[-1]["shortfall"])
        env.reset()
    total = np.concatenate(played)
    assert total == pytest.approx(ox.simulate(problem, ox.twap(problem), len(total), 2).shortfall, abs=1e-9)


def test_a_reset_mask_resets_all_or_is_refused() -> None:
    env = ox.ExecutionVectorEnv(3)
    env.reset(seed=1)
    env.step(np.full((3, 1), 0.5))
    observation, _ = env.reset(options={"reset_mask": np.ones(3, dtype=bool), "minari_autoseed": False})
    assert (observation[:, :2] == 1).all()
    before, _ = env.reset(seed=1)
    for mask in ([True, False, True], np.zeros(3, dtype=bool)):
        with pytest.raises(ValueError, match=r"options\['reset_mask'\] must be True throughout"):
            env.reset(options={"reset_mask": mask})
    for wrong in (np.ones(3), [True], 1):
        with pytest.raises(TypeError, match=r"options\['reset_mask'\] must be 3 booleans"):
            env.reset(options={"reset_mask": wrong})
    assert np.array_equal(env.reset(seed=1)[0], before)


# --- what others build around it


def test_wrappers_and_vectors_of_gymnasium() -> None:
    make = "optexec/Execution-v0"
    single: Any = NormalizeObservation(RecordEpisodeStatistics(gymnasium.make(make, problem=RICH)))
    _, infos = play(single, Oscillating(), 1)
    assert infos[-1]["episode"]["l"] == 20
    assert play(TimeLimit(ox.ExecutionEnv(RICH), 21), Oscillating(), 1)
    act = np.full((3, 1), 0.1, dtype=np.float32)
    vector: Any = wrappers.NormalizeObservation(
        wrappers.RecordEpisodeStatistics(gymnasium.make_vec(make, 3, problem=RICH))
    )
    vector.reset(seed=[None, 3, 4])
    lengths = [info["episode"]["l"].tolist() for *_, info in (vector.step(act) for _ in range(41)) if "episode" in info]
    assert lengths == [[20] * 3, [20] * 3]

    own = ox.ExecutionVectorEnv(3, RICH)
    sync = gymnasium.vector.SyncVectorEnv([lambda: ox.ExecutionEnv(RICH)] * 3)
    own.reset(seed=[4, 5, 6])
    sync.reset(seed=[4, 5, 6])
    for _ in range(45):
        one, other = own.step(act), sync.step(act)
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])
        assert np.array_equal(one[2], other[2])
        assert {key: np.asarray(value).tolist() for key, value in one[4].items()} == {
            key: np.asarray(value).tolist() for key, value in other[4].items()
        }
    for kept in (copy.deepcopy(own), pickle.loads(pickle.dumps(own))):
        assert np.array_equal(kept.step(act)[1], copy.deepcopy(own).step(act)[1])
