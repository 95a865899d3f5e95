"""Stress scenarios: their keys and parameters, told and untold policies, and the criterion of failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optexec as ox
from optexec import stress

NORMAL = ox.presets.stochastic()


def test_scenarios_are_the_contract() -> None:
    scenarios = ox.presets.stress()
    assert list(scenarios) == [
        "liquidity_collapse",
        "volatility_spike",
        "impact_shift",
        "liquidity_shocks",
        "combined",
        "extreme_shocks_80",
        "extreme_shocks_90",
        "extreme_shocks_95",
        "regimes",
        "transient_impact",
        "participation_cap",
    ]
    assert scenarios["volatility_spike"] == NORMAL.replace(volatility=0.1)
    assert scenarios["impact_shift"] == NORMAL.replace(temporary=0.05, permanent=0.005)
    assert scenarios["transient_impact"] == NORMAL.replace(transient=0.002)
    assert scenarios["liquidity_shocks"].market.liquidity == ox.Shocks(ox.OrnsteinUhlenbeck(), 0.05, -0.7)
    assert scenarios["extreme_shocks_95"].market.liquidity == ox.Shocks(ox.OrnsteinUhlenbeck(floor=0.01), 0.05, -0.95)


def test_the_stress_of_another_market_is_in_its_own_units() -> None:
    assert ox.presets.stress(NORMAL) == ox.presets.stress()
    own = NORMAL.replace(shares=5e4, price=40.0, volatility=0.3, temporary=1e-5, permanent=1e-6, volume=1e6)
    stressed = ox.presets.stress(own.replace(liquidity=ox.OrnsteinUhlenbeck(mean=2.0, speed=0.1, floor=0.7)))
    assert stressed["volatility_spike"].market.volatility == 1.5
    assert stressed["impact_shift"].market.temporary == pytest.approx(5e-5)
    assert stressed["transient_impact"].market.transient == pytest.approx(2e-6)
    assert stressed["participation_cap"].order.max_participation == pytest.approx(0.0035)
    assert stressed["participation_cap"].order.leftover_haircut == 0.4
    collapsed: Any = stressed["liquidity_collapse"].market.liquidity
    assert (collapsed.mean, collapsed.initial, collapsed.floor, collapsed.speed) == (0.6, 0.6, 0.2, 0.1)
    assert stressed["combined"].market.liquidity == ox.Shocks(collapsed, 0.05, -0.7)


@pytest.mark.parametrize(
    "process", [ox.ConstantLiquidity(2.0), ox.RegimeSwitching(), ox.Shocks(ox.OrnsteinUhlenbeck(), size=0.1)]
)
def test_every_process_can_be_put_under_stress(process: Any) -> None:
    normal = NORMAL.replace(liquidity=process, periods=4)
    scenarios = ox.presets.stress(normal)
    assert list(scenarios) == list(ox.presets.stress())
    mean = scenarios["liquidity_collapse"].market.liquidity.long_run_mean
    assert mean == pytest.approx(0.3 * process.long_run_mean)
    table: Any = stress.run(["liquidity_collapse", "combined"], 5_000, normal=normal)
    rows = table.set_index(["scenario", "policy"])["objective"]
    assert (rows.xs("optimum, told", level=1) < rows.xs("AC", level=1) + 1e-6).all()


def test_a_process_of_your_own_is_refused() -> None:
    class Own:
        long_run_mean, noises = 1.0, 0

        def paths(self, z: Any, dt: float) -> Any: ...

        def chain(self, dt: float, periods: int, points: int = 0) -> Any: ...

    with pytest.raises(ValueError, match="liquidity must be a process of optexec to be put under stress"):
        ox.presets.stress(NORMAL.replace(liquidity=Own()))


def test_unknown_scenario() -> None:
    with pytest.raises(ValueError, match=r"scenario must be one of liquidity_collapse, .*, got 'crash'"):
        stress.scenario("crash")


def test_run_compares_told_and_untold() -> None:
    table: Any = stress.run(["liquidity_collapse", "participation_cap"], episodes=2_000, seed=3)
    assert table.groupby("scenario")["policy"].count().tolist() == [10, 10]
    collapse = table[table["scenario"] == "liquidity_collapse"].set_index("policy")
    assert collapse.loc["best static, told", "gap_closed"] == 0
    assert abs(collapse.loc["optimum, told", "gap_closed"] - 1) < 3 * collapse.loc["optimum, told", "gap_closed_ci"]
    # adapting with the wrong model is worse than not adapting
    assert collapse.loc["optimum", "objective"] > collapse.loc["TWAP", "objective"]
    assert collapse.loc["optimum, told", "objective"] < collapse.loc["AC, told", "objective"]
    capped = table[table["scenario"] == "participation_cap"].set_index("policy")
    assert capped.loc["AC", "violations"] > 1
    assert capped.loc["optimum, told", "violations"] == 0
    assert capped.loc["VWAP", "completion"] < 1


def test_own_policies_join_the_table_and_progress_is_told() -> None:
    started: list[str] = []
    mine = ox.twap(NORMAL)
    table: Any = stress.run(["regimes"], 50, policies={"mine": mine}, progress=started.append)
    assert started == ["regimes"]
    rows = table.set_index("policy")["objective"]
    assert rows["mine"] == rows["TWAP"]


def test_failure_criterion() -> None:
    cost, full = np.full(100, 10.0), np.ones(100)
    assert not stress.failure(cost, full, 5.0)["fails"]  # twice is not above twice
    assert stress.failure(cost, full, 4.9)["fails"]
    some = full.copy()
    some[:5] = 0.98
    assert not stress.failure(cost, some, 10.0)["fails"]
    some[5] = 0.98
    assert stress.failure(cost, some, 10.0)["fails"]


def test_severity_grows_with_the_drop() -> None:
    table: Any = stress.severity([0.0, 0.9], episodes=2_000)
    twap = table[table["policy"] == "TWAP"].set_index("drop")
    assert twap.loc[0.0, "cost_ratio"] == pytest.approx(1.0, abs=0.01)
    assert twap.loc[0.9, "cost_ratio"] > 1.2
    assert not table["fails"].any()
    capped: Any = stress.severity([0.9], episodes=500, max_participation=0.007)
    assert capped.set_index("policy").loc["TWAP", "fails"]
