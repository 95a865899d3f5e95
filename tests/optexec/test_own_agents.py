"""Agents from outside: anything with `act` enters every table, and Stable-Baselines3 trains on the environment."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RescaleAction

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


# --- the training environment

REAL = ox.Problem(  # README's
    order=ox.Order(shares=50_000, periods=26, side="buy"),
    market=ox.Market(price=40.0, volatility=0.12, temporary=1e-5, permanent=1e-6),
    risk_aversion=5e-6,
)
CAPPED = PROBLEM.replace(max_fraction=0.2, max_participation=0.008, violation_penalty=0.5, leftover_haircut=0.3)
PROBLEMS = {
    "standard": PROBLEM,
    "real": REAL,
    "urgent": PROBLEM.replace(risk_aversion=50.0),
    "patient": PROBLEM.replace(risk_aversion=0.0),
    "capped": CAPPED,
    "transient": PROBLEM.replace(transient=0.01, half_spread=0.01),
    "still": PROBLEM.replace(volatility=0.0, slippage=0.0, liquidity=ox.ConstantLiquidity()),
    "one period": PROBLEM.replace(periods=1),
    "long": PROBLEM.replace(periods=100),
    "cents": PROBLEM.replace(price=1e-3, volatility=1e-6, temporary=1e-12, permanent=1e-13, slippage=1e-7, shares=1e9),
}


class Answers:
    """A model that answers with numbers drawn once, or always with one."""

    def __init__(self, answer: float | None = None) -> None:
        self.answer = answer

    def predict(self, observation: Any, *, deterministic: bool) -> tuple[Any, None]:
        assert deterministic
        assert observation.dtype == np.float32
        if self.answer is None:
            return np.sin(7 * observation.sum(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32), None
        return np.full((len(observation), 1), self.answer, dtype=np.float32), None


@pytest.mark.parametrize("settings", [{}, {"reward": "expected", "observe_liquidity": False}])
@pytest.mark.parametrize("name", PROBLEMS)
def test_everything_is_of_order_one_in_any_units(name: str, settings: dict[str, Any]) -> None:
    problem = PROBLEMS[name]
    env: Any = gymnasium.make_vec("optexec/Training-v0", 100, problem=problem, **settings)
    assert (env.single_action_space.low, env.single_action_space.high) == (-1, 1)
    observation, _ = env.reset(seed=3)
    generator = np.random.default_rng(1)
    rewards = []
    for _ in range(problem.order.periods):
        assert observation in env.observation_space
        assert np.abs(observation).max() < 40
        observation, reward, *_ = env.step(generator.uniform(-1, 1, (100, 1)).astype(np.float32))
        rewards.append(reward)
    if problem.order.periods > 1:  # else all is sold whatever is said
        assert 0.5 < np.std(rewards) < 2
    else:
        assert not np.any(rewards)


@pytest.mark.parametrize("name", PROBLEMS)
def test_zero_is_the_plan_and_earns_nothing(name: str) -> None:
    problem = PROBLEMS[name]
    env = ox.training_env(problem)
    plan = ox.almgren_chriss(problem)
    env.reset(seed=5)
    for _ in range(problem.order.periods):
        _, reward, terminated, _, info = env.step(np.zeros(1, dtype=np.float32))
        assert reward == 0
    assert terminated
    run = ox.simulate(problem, plan, 1, 5)
    assert info["shortfall"] == pytest.approx(run.shortfall[0], rel=1e-9, abs=1e-9)
    still = ox.simulate(problem, env.policy(Answers(0.0)), 20, 5)
    assert still.trades == pytest.approx(ox.simulate(problem, plan, 20, 5).trades)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("name", ["standard", "real", "capped", "transient"])
def test_an_agent_does_in_every_table_what_it_did_in_training(name: str, seen: bool) -> None:
    problem = PROBLEMS[name]
    env = ox.training_env(problem, observe_liquidity=seen)
    vector = ox.TrainingVectorEnv(3, problem, observe_liquidity=seen)
    agent = env.policy(Answers())
    runs = ox.simulate(problem, agent, 3, 8, observe_liquidity=seen)
    plans = ox.simulate(problem, ox.almgren_chriss(problem), 3, 8)
    together, _ = vector.reset(seed=8)
    batches = []
    for _ in range(problem.order.periods):
        action, _ = Answers().predict(together, deterministic=True)
        together, rewards, *_ = vector.step(action)
        batches.append((together, rewards))
    for i in range(3):
        observation, _ = env.reset(seed=8 if i == 0 else None)
        total = 0.0
        for k in range(problem.order.periods):
            action, _ = Answers().predict(observation[None], deterministic=True)
            observation, reward, _, _, info = env.step(action[0])
            total += reward
            assert np.array_equal(observation, batches[k][0][i])
            assert reward == batches[k][1][i]
        assert info["shortfall"] == pytest.approx(runs.shortfall[i], rel=1e-9)
        penalty = problem.order.violation_penalty
        paid, planned = (r.shortfall[i] + r.running_risk[i] + penalty * r.clipped[i] for r in (runs, plans))
        assert total * env.coordinates.unit == pytest.approx(planned - paid, rel=1e-6, abs=1e-8 * abs(paid))
    env.reset()
    with pytest.raises(ValueError, match="action must be one finite number in period 0, got"):
        env.step([np.nan])


def test_the_training_environment_is_checked_and_specified() -> None:
    for problem in (PROBLEM, REAL, CAPPED):
        env: Any = gymnasium.make("optexec/Training-v0", problem=problem, reward="expected", reach=0.3)
        check_env(env.unwrapped)
        again: Any = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
        assert again.spec == env.spec
        assert again.unwrapped.problem == problem
        vector = gymnasium.make_vec("optexec/Training-v0", 2, problem=problem)
        assert vector.spec is not None
        back = gymnasium.make_vec(EnvSpec.from_json(vector.spec.to_json()))
        assert np.array_equal(vector.reset(seed=1)[0], back.reset(seed=1)[0])
        kept = pickle.loads(pickle.dumps(env.unwrapped.policy(Answers())))
        assert np.isfinite(ox.simulate(problem, kept, 5).shortfall).all()
    for reach in (0, 1.5, math.nan):
        with pytest.raises(ValueError, match="reach must be finite and > 0 and <= 1"):
            ox.training_env(PROBLEM, reach=reach)


def test_a_far_action_is_at_the_end() -> None:
    env = ox.training_env(PROBLEM)
    results = []
    for action in (1.0, 3.0, 1e308):
        env.reset(seed=1)
        results.append(env.step([action])[1])
    assert results[0] == results[1] == results[2]
    assert math.isfinite(results[0])


# --- Stable-Baselines3


@pytest.fixture
def sb3() -> Iterator[Any]:
    """Stable-Baselines3, on one thread."""
    module = pytest.importorskip("stable_baselines3", reason="stable_baselines3 is not installed")
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield module
    torch.set_num_threads(threads)


def objective(agent: ox.Policy) -> float:
    """J of an agent [$]."""
    table: Any = ox.evaluate(PROBLEM, {"agent": agent}, episodes=2_000)
    return float(table.loc["agent", "objective"])


class Raw:
    """A Stable-Baselines3 model that was trained on the raw environment."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def act(self, observation: Any) -> Any:
        return self.model.predict(observation, deterministic=True)[0][:, 0]


def test_their_defaults_learn_here_and_not_on_the_raw_environment(sb3: Any) -> None:
    agents: list[ox.Policy] = []
    for env in (ox.training_env(PROBLEM), ox.ExecutionEnv(PROBLEM)):
        model = sb3.PPO("MlpPolicy", env, seed=0, device="cpu").learn(2_048)
        agents.append(env.policy(model) if isinstance(env, ox.TrainingEnv) else Raw(model))
    trained, raw = map(objective, agents)
    plan = ox.exact_objective(PROBLEM, ox.almgren_chriss(PROBLEM))
    assert trained < plan
    assert raw > 2 * plan


def test_their_off_policy_learner_runs_too(sb3: Any) -> None:
    env = ox.training_env(REAL)
    model = sb3.SAC("MlpPolicy", env, seed=0, device="cpu", learning_starts=50).learn(100)
    table: Any = ox.evaluate(REAL, {"TWAP": ox.twap(REAL), "SAC": env.policy(model)}, episodes=200)
    assert np.isfinite(table.loc["SAC", "objective"])
    assert table.loc["SAC", "completion"] == pytest.approx(1.0)


def test_the_environments_pass_their_checker() -> None:
    pytest.importorskip("stable_baselines3", reason="stable_baselines3 is not installed")
    from stable_baselines3.common import env_checker

    env_checker.check_env(ox.training_env(PROBLEM), warn=True)
    env = gymnasium.make("optexec/Execution-v0", problem=PROBLEM)
    scaled: Any = RescaleAction(env, np.float32(-1), np.float32(1))  # it warns of actions that are not in [-1, 1]
    env_checker.check_env(scaled, warn=True)
