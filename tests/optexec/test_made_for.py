"""A policy knows what it was made for: other orders, impossible observations and broken sequences are refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest

import optexec as ox
from optexec import stress, sweep
from optexec.noise import draw
from optexec.simulator import rollout

NORMAL = ox.presets.stochastic()
HEAVY = NORMAL.replace(transient=0.002)
CAPPED = NORMAL.replace(max_participation=0.02, leftover_haircut=1.0)
SEEN = np.array([[0.5, 0.5, 1.01, 0.02, 1.2, 0.0], [0.25, 0.5, 0.99, 0.02, 0.7, 0.0]], dtype=np.float32)


def agents(problem: ox.Problem) -> ox.Policy:
    data = ox.collect(problem, "mixture", episodes=20)
    return ox.offline.train("bc", data, seeds=[0, 1], steps=2, progress=False)


POLICIES: dict[str, Callable[[], Any]] = {
    "schedule": cache(lambda: ox.almgren_chriss(NORMAL)),
    "capped schedule": cache(lambda: ox.best_static(CAPPED)),
    "rolling": cache(lambda: ox.rolling(NORMAL)),
    "optimum": cache(lambda: ox.optimum(NORMAL)),
    "optimum with transient impact": cache(lambda: ox.optimum(HEAVY)),
    "capped optimum": cache(lambda: ox.optimum(CAPPED)),
    "agents": cache(lambda: agents(NORMAL)),
    "filter": lambda: ox.filtered(NORMAL, ox.rolling(NORMAL)),
}
every_policy = pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)


RUNS: dict[str, Callable[[ox.Problem, Any], Any]] = {
    "simulate": lambda problem, policy: ox.simulate(problem, policy, 3),
    "rollout": lambda problem, policy: rollout(problem, policy, draw(problem, 3)),
    "evaluate": lambda problem, policy: ox.evaluate(problem, {"TWAP": ox.twap(problem), "x": policy}, 3),
    "collect": lambda problem, policy: ox.collect(problem, policy, 3),
    "exact value": ox.exact_value,
}


@every_policy
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("change", [{"periods": 10}, {"periods": 40}, {"dt": 0.5}], ids=str)
def test_another_order_is_refused(run: Any, make: Callable[[], Any], change: dict[str, Any]) -> None:
    (name, value), *_ = change.items()
    with pytest.raises(ValueError, match=rf"was made for an order with .*problem.order has .*{name} = {value}"):
        run(NORMAL.replace(**change), make())


def test_a_stress_test_with_another_order_is_refused_before_it_runs() -> None:
    begun: list[str] = []
    with pytest.raises(ValueError, match=r"policies\['x'\] was made for an order with periods = 20"):
        stress.run(
            policies={"x": ox.twap(NORMAL)}, normal=NORMAL.replace(periods=10), progress=begun.append, episodes=2
        )
    assert len(begun) <= 1


def test_a_sweep_with_another_order_is_refused_before_it_runs(tmp_path: Any) -> None:
    with pytest.raises(ValueError, match=r"agents\['x'\] was made for an order with periods = 20"):
        sweep.sweep({"x": ox.rolling(NORMAL)}, tmp_path / "cells", problem=NORMAL.replace(periods=10), episodes=2)
    assert not (tmp_path / "cells").exists()


@pytest.mark.parametrize("name", ["capped schedule", "optimum with transient impact", "capped optimum", "filter"])
def test_another_size_is_refused_where_numbers_depend_on_it(name: str) -> None:
    with pytest.raises(ValueError, match=r"shares = 1000.0, but problem.order has .*shares = 500.0"):
        ox.simulate(NORMAL.replace(shares=500.0), POLICIES[name](), 3)


def test_another_market_and_another_size_are_allowed_where_fractions_are_the_same() -> None:
    for name in ("schedule", "rolling", "optimum", "agents"):
        small = ox.simulate(NORMAL.replace(shares=500.0, temporary=0.02), POLICIES[name](), 3)
        assert np.isfinite(small.shortfall).all()


def test_an_exact_objective_is_of_its_own_order() -> None:
    for change in ({"periods": 10}, {"shares": 500.0}, {"dt": 0.5}):
        with pytest.raises(ValueError, match="was made for an order with"):
            ox.exact_objective(NORMAL.replace(**change), ox.twap(NORMAL))
    assert ox.exact_objective(NORMAL.replace(volatility=0.1), ox.twap(NORMAL)) > 0  # another market is allowed


@pytest.mark.parametrize(
    "bad",
    [lambda o: o, ox.ExecutionEnv, "twap", None, 3, NORMAL],
    ids=["function", "class", "name", "nothing", "number", "problem"],
)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_what_is_no_policy_is_refused(run: Any, bad: Any) -> None:
    if bad == "twap" and run is RUNS["collect"]:
        return  # there a name is a behaviour
    with pytest.raises(TypeError, match=r"must be .*a policy"):
        run(NORMAL, bad)


def test_what_is_no_policy_is_refused_elsewhere() -> None:
    with pytest.raises(TypeError, match="policy must be a policy"):
        ox.filtered(NORMAL, lambda o: o)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"policies must be policies by name"):
        ox.evaluate(NORMAL, ox.twap(NORMAL), 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"problem must be an optexec.Problem, got Schedule"):
        ox.simulate(ox.twap(NORMAL), NORMAL, 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"the class Rolling: make one of it"):
        ox.simulate(NORMAL, type(ox.rolling(NORMAL)), 2)  # type: ignore[arg-type]


@every_policy
def test_one_observation_is_answered_with_one_number(make: Callable[[], Any]) -> None:
    policy, start = make(), np.array([1, 1, 1, 0.02, 1.2, 0], dtype=np.float32)
    one = policy.act(start)
    assert np.shape(one) == ()
    assert float(one) == pytest.approx(policy.act(start[None])[0], rel=1e-6)
    env = ox.ExecutionEnv(NORMAL)
    observation, _ = env.reset(seed=1)
    done = False
    while not done:
        observation, _, done, _, info = env.step(policy.act(observation))
    assert info["completion"] == 1


@every_policy
@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (SEEN[:, :5], r"shape \(n, 6\) or \(6,\), got \(2, 5\)"),
        (SEEN[0, :5], r"shape \(n, 6\) or \(6,\), got \(5,\)"),
        (SEEN[None], r"shape \(n, 6\) or \(6,\), got \(1, 2, 6\)"),
        (np.float32(1), r"shape \(n, 6\) or \(6,\), got \(\)"),
        *((SEEN[:1] * np.where(np.arange(6) == i, bad, 1), "every number finite")
          for i in range(5) for bad in (np.nan, np.inf)),
        ([1, 0.51, 1, 0, 1, 0], r"\(N-k\)/N a multiple of 1/20, got 0.51"),
        ([1, 0.0, 1, 0, 1, 0], r"\(N-k\)/N from 1/20 to 1, got 0.0"),
        ([1, 1.05, 1, 0, 1, 0], r"\(N-k\)/N from 1/20 to 1, got 1.05"),
        ([1, -0.05, 1, 0, 1, 0], r"\(N-k\)/N "),
        ([1, 1e300, 1, 0, 1, 0], r"\(N-k\)/N "),
        ([1, 1, 1, 0, 0, 0], "L > 0, got 0.0"),
        ([1, 1, 1, 0, -1, 0], "L > 0, got -1.0"),
        ([-0.1, 1, 1, 0, 1, 0], "x/X from 0 to 1, got -0.1"),
        ([1.1, 1, 1, 0, 1, 0], "x/X from 0 to 1, got 1.1"),
    ],
)  # fmt: skip
def test_impossible_observations(make: Callable[[], Any], observation: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"observation must have {message}"):
        make().act(observation)


@every_policy
@pytest.mark.parametrize("observation", ["seen", None, [[1j] * 6], [True] * 6, [{}] * 6], ids=str)
def test_observations_that_are_no_numbers(make: Callable[[], Any], observation: Any) -> None:
    with pytest.raises(TypeError, match="observation must hold real numbers"):
        make().act(observation)


@pytest.mark.parametrize("periods", [1, 3, 7, 60, 390, 23_400, 100_000])
def test_every_period_of_its_own_order_is_known(periods: int) -> None:
    """However the environment rounds (N-k)/N to float32."""
    plan = ox.twap(NORMAL.replace(periods=periods))
    k = np.arange(periods)
    seen = np.ones((periods, 6), dtype=np.float32)
    seen[:, 1] = (periods - k) / periods
    assert np.array_equal(plan.act(seen), plan.fractions)


@pytest.mark.parametrize("make", [POLICIES["optimum"], POLICIES["capped optimum"]], ids=["optimum", "capped"])
@pytest.mark.parametrize(
    ("k", "liquidity", "error"),
    [
        *((k, 1.0, "k must be an integer >= 0 and <= 19") for k in (20, -1, 1.0, 2.5, np.nan, "3", None, True, 10**30)),
        *((3, L, "liquidity must be") for L in (0.0, -1.0, np.nan, np.inf, "x", None, [], [0.5, np.nan], [[1.0]], 1j)
          if L != []),
    ],
)  # fmt: skip
def test_fraction_refuses(make: Callable[[], Any], k: Any, liquidity: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        make().fraction(k, liquidity)


@pytest.mark.parametrize("inventory", [-1.0, 1001.0, np.nan, "x"])
def test_fraction_refuses_an_inventory(inventory: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="inventory must be"):
        ox.optimum(CAPPED).fraction(0, 1.0, inventory)  # type: ignore[call-arg]


def test_beyond_the_grid_the_nearest_level_answers() -> None:
    for make in (POLICIES["optimum"], POLICIES["rolling"]):
        policy = make()
        levels = policy.levels if hasattr(policy, "levels") else policy.table.levels
        beyond, ends = np.tile(SEEN[:1].astype(float), (2, 1)), np.tile(SEEN[:1].astype(float), (2, 1))
        beyond[:, 4], ends[:, 4] = (levels[0] / 10, levels[-1] * 10), (levels[0], levels[-1])
        assert np.array_equal(policy.act(beyond), policy.act(ends))
    assert ox.optimum(NORMAL).fraction(3, 1e-9) == ox.optimum(NORMAL).fraction(3, ox.optimum(NORMAL).levels[0])


def observations(run: ox.Episodes) -> list[np.ndarray[Any, Any]]:
    """What a trader who sees only fills saw, period by period; the level is a made-up one."""
    n = len(run.inventory)
    columns = np.ones((20, n, 6))
    columns[:, :, 0] = run.inventory.T[:-1] / 1000
    columns[:, :, 1] = (np.arange(20, 0, -1) / 20)[:, None]
    columns[:, :, 4] = run.liquidity.T
    return list(columns)


def test_a_filter_refuses_a_broken_sequence() -> None:
    seen = observations(ox.simulate(NORMAL, ox.twap(NORMAL), 4))
    trader = ox.filtered(NORMAL, ox.rolling(NORMAL))
    for k in range(3):
        trader.act(seen[k])
    for jump in (1, 2, 4, 19):
        with pytest.raises(ValueError, match=f"a filter must see period 3 after period 2, got period {jump}"):
            trader.act(seen[jump])
    with pytest.raises(ValueError, match="the 4 episodes it began with, got 3"):
        trader.act(seen[3][:3])
    with pytest.raises(ValueError, match=r"one period at a time, got periods \[3, 4\]"):
        trader.act(np.vstack([seen[3][:2], seen[4][:2]]))
    after = trader.act(seen[3])  # what was refused left no trace
    again = ox.filtered(NORMAL, ox.rolling(NORMAL))
    for k in range(3):
        again.act(seen[k])
    assert np.array_equal(after, again.act(seen[3]))
    trader.act(seen[0])  # a restart is allowed, with any number of episodes
    trader.act(seen[0][:2])
    trader.act(seen[1][:2])


def test_threads_may_share_a_filter() -> None:
    problem = NORMAL.replace(slippage=0.1)
    trader = ox.filtered(problem, ox.filtered(problem, ox.rolling(problem)))  # its policy remembers too

    def play(seed: int) -> np.ndarray[Any, Any]:
        return ox.simulate(problem, trader, 300, seed, observe_liquidity=False).trades

    serial = [play(seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as threads:
        parallel = list(threads.map(play, range(12)))
    assert all(np.array_equal(one, other) for one, other in zip(serial, parallel, strict=True))


def test_a_simulation_inside_another_may_share_its_filter() -> None:
    problem = NORMAL.replace(slippage=0.1)
    trader = ox.filtered(problem, ox.rolling(problem))

    class Imagines:
        """Asks the filter, after a simulation with the same filter."""

        def act(self, observation: Any) -> Any:
            ox.simulate(problem, trader, 7, seed=5, observe_liquidity=False)
            return trader.act(observation)

    plain = ox.simulate(problem, trader, 50, observe_liquidity=False)
    nested = ox.simulate(problem, Imagines(), 50, observe_liquidity=False)
    assert np.array_equal(plain.trades, nested.trades)


def test_a_filter_has_no_exact_value() -> None:
    """Asked about levels without an episode it would answer as if no trade ever told anything."""
    with pytest.raises(ValueError, match="without memory"):
        ox.exact_value(NORMAL, ox.filtered(NORMAL, ox.rolling(NORMAL)))


def test_a_filter_refuses_a_policy_of_another_order() -> None:
    with pytest.raises(ValueError, match="was made for an order with periods = 10"):
        ox.filtered(NORMAL, ox.rolling(NORMAL.replace(periods=10)))


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "meta", "", "gpu", 0, None, 1.5, object()])
def test_a_device_that_is_not_there(device: Any) -> None:
    data = ox.collect(NORMAL, "twap", episodes=2)
    with pytest.raises((TypeError, ValueError), match=r"device must be one of \['cpu'"):
        ox.offline.train("bc", data, seeds=[0], steps=1, device=device, progress=False)


@pytest.mark.parametrize("seeds", [3, None, 2.5])
def test_seeds_that_are_no_sequence(seeds: Any) -> None:
    with pytest.raises(TypeError, match="seeds must be one or more different integers"):
        ox.offline.train("bc", ox.collect(NORMAL, "twap", episodes=2), seeds=seeds, steps=1, progress=False)
