"""The exact optimum: known cases, its own Monte Carlo, and no policy below it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec.optimum import CappedOptimum, Optimum
from tests.strategies import problems

NORMAL = ox.presets.stochastic()


def test_constant_liquidity_is_almgren_chriss() -> None:
    for problem in (ox.presets.reference(), ox.presets.almgren_chriss_2000()):
        solution, schedule = ox.optimum(problem), ox.almgren_chriss(problem)
        assert solution.value == pytest.approx(ox.exact_objective(problem, schedule), rel=1e-10)
        fractions = [solution.fraction(k, 1.0) for k in range(problem.order.periods)]
        assert fractions == pytest.approx(schedule.fractions, rel=1e-10)
        assert solution.grid_error == 0


@settings(deadline=None, max_examples=40)
@given(problem=problems(), seed=st.integers(0, 1000))
def test_value_is_the_mean_of_its_own_simulation_and_below_every_schedule(problem: ox.Problem, seed: int) -> None:
    solution = ox.optimum(problem)
    slack = solution.grid_error + 2e-5 * abs(solution.value)
    assert solution.value <= ox.exact_objective(problem, ox.best_static(problem)) + slack
    run = ox.simulate(problem, solution, 2_000, seed=seed)
    assume(not run.violations.any())  # exact where 0 <= v <= x does not bind
    error = run.objective.std() / len(run.objective) ** 0.5
    assert abs(run.objective.mean() - solution.value) <= 5 * error + slack


@pytest.mark.parametrize("transient", [0.0, 0.002])
def test_the_original_notes_market(transient: float) -> None:
    problem = NORMAL.replace(transient=transient)
    solution = ox.optimum(problem)
    run = ox.simulate(problem, solution, 200_000, seed=8)
    assert abs(run.objective.mean() - solution.value) < 3 * run.objective.std() / 200_000**0.5
    assert solution.grid_error < 1e-5 * solution.value


def test_fraction_takes_floats_and_arrays() -> None:
    solution = ox.optimum(NORMAL)
    levels = np.array([0.5, 1.0, 1.5])
    fractions = solution.fraction(3, levels)
    assert fractions.shape == (3,)
    assert (np.diff(fractions) > 0).all()  # trade more when it is cheap
    assert solution.fraction(3, 1.0) == fractions[1]
    assert solution.fraction(19, 0.2) == 1


@settings(deadline=None, max_examples=30)
@given(problem=problems(), seed=st.integers(0, 1000))
def test_what_a_policy_loses_is_its_squared_distance_from_the_optimum(problem: ox.Problem, seed: int) -> None:
    """J_policy - V_0 = E sum_k q2 (v_k - v*_k)^2, for a wild policy and with a martingale as the only noise."""
    solution = ox.optimum(problem)
    assert isinstance(solution, Optimum)
    rng = np.random.default_rng(seed)
    schedule = ox.Schedule(problem, problem.order.shares * rng.dirichlet(np.ones(problem.order.periods)))
    run = ox.simulate(problem, schedule, 2_000, seed=seed)
    levels, lost = run.liquidity / problem.profile, np.zeros(2_000)
    for k in range(problem.order.periods - 1):
        q2, of_inventory, of_impact = (
            np.interp(levels[:, k], solution.levels, surface[k]) for surface in solution.coefficients[3:]
        )
        best = of_inventory * run.inventory[:, k] + of_impact * run.transient[:, k]
        lost += q2 * (run.trades[:, k] - best) ** 2
    difference = run.objective - lost
    error = difference.std() / len(difference) ** 0.5
    assert abs(difference.mean() - solution.value) <= 5 * error + solution.grid_error + 3e-5 * abs(solution.value)


@pytest.mark.parametrize("permanent", [0.0, 0.001])
def test_max_fraction_is_exact(permanent: float) -> None:
    """Against a brute-force minimisation over the fraction in constant liquidity."""
    problem = ox.presets.reference().replace(max_fraction=0.12, periods=6, permanent=permanent)
    h, r, value = 0.01, problem.risk_weight, 0.0
    fractions = np.linspace(0, 0.12, 120_001)
    for k in range(5, -1, -1):
        cost = h * fractions**2 + permanent * fractions * (1 - fractions) + (1 - fractions) ** 2 * (r + value)
        value = cost[-1] if k == 5 else cost.min()
    solution = ox.optimum(problem)
    assert solution.value == pytest.approx(value * 1e6, rel=1e-9)
    assert not solution.bound
    assert ox.simulate(problem, solution, 2).objective == pytest.approx(np.full(2, solution.value), rel=1e-9)


def test_a_cap_that_never_binds_changes_nothing() -> None:
    free = ox.optimum(NORMAL)
    capped = ox.optimum(NORMAL.replace(max_participation=1.0))
    assert isinstance(capped, CappedOptimum)
    assert abs(capped.value - free.value) <= capped.grid_error + free.grid_error
    assert capped.grid_error < 1e-5 * capped.value
    levels = np.array([0.5, 1.0, 1.4])
    assert capped.fraction(4, levels) == pytest.approx(free.fraction(4, levels), rel=2e-3)
    assert capped.fraction(4, 1.0, inventory=250.0) == pytest.approx(free.fraction(4, 1.0), rel=2e-3)


CAPS = [
    {"max_participation": 0.006, "leftover_haircut": 5.0},
    {"max_participation": 0.01, "max_fraction": 0.15, "half_spread": 0.02, "leftover_haircut": 0.3},
    {"max_fraction": 0.2, "leftover_haircut": 1.0},
    {"max_participation": 0.01, "liquidity": ox.RegimeSwitching()},
]


@pytest.mark.parametrize("caps", CAPS, ids=str)
def test_capped_optimum_is_attained_and_not_beaten(caps: dict[str, Any]) -> None:
    problem = NORMAL.replace(**caps)
    solution = ox.optimum(problem)
    assert isinstance(solution, CappedOptimum)
    run = ox.simulate(problem, solution, 50_000, seed=6)
    assert run.violations.max() == 0
    assert solution.binding(500) == 0
    error = run.objective.std() / 50_000**0.5
    assert abs(run.objective.mean() - solution.value) < 3 * error + solution.grid_error
    free = problem.replace(max_fraction=1.0, max_participation=None)
    rivals: list[ox.Policy] = [ox.twap(problem), ox.best_static(problem), ox.rolling(problem), ox.optimum(free)]
    for rival in rivals:
        other = ox.simulate(problem, rival, 50_000, seed=6).objective - run.objective
        assert other.mean() > -3 * other.std() / 50_000**0.5


def test_caps_with_transient_impact_give_a_bound() -> None:
    problem = NORMAL.replace(transient=0.002, max_participation=0.01)
    solution = ox.optimum(problem)
    assert solution.bound
    assert solution.value == ox.optimum(problem.replace(max_participation=None)).value
    assert 0.05 < solution.binding(2_000) < 1
    run = ox.simulate(problem, solution, 20_000)
    assert run.objective.mean() > solution.value


def test_how_often_the_trivial_bounds_bind() -> None:
    assert ox.optimum(NORMAL).binding() == 0
    assert 0 < ox.optimum(NORMAL.replace(transient=0.002)).binding() < 0.01


def test_a_process_that_the_grid_cannot_resolve_is_refused() -> None:
    wild = ox.OrnsteinUhlenbeck(volatility=1000.0, floor=1e-9)
    with pytest.raises(ValueError, match=r"a grid of \d+ liquidity levels from 1e-09 to .* cannot resolve Ornstein"):
        ox.optimum(NORMAL.replace(liquidity=wild, permanent=0.0))


@settings(deadline=None, max_examples=20)
@given(problem=problems(transient=False))
def test_the_exact_value_of_known_policies(problem: ox.Problem) -> None:
    solution = ox.optimum(problem)
    for schedule in (ox.twap(problem), ox.best_static(problem)):
        assert ox.exact_value(problem, schedule) == pytest.approx(ox.exact_objective(problem, schedule), rel=1e-5)
    if solution.binding(200) == 0:
        assert ox.exact_value(problem, solution) == pytest.approx(solution.value, rel=1e-4)


def test_the_exact_value_is_the_simulation_s_mean() -> None:
    rolling = ox.rolling(NORMAL)
    objective = ox.simulate(NORMAL, rolling, 20_000, seed=11).objective
    error = objective.std() / len(objective) ** 0.5
    assert abs(objective.mean() - ox.exact_value(NORMAL, rolling)) < 4 * error


def test_no_exact_value_where_it_would_be_wrong() -> None:
    class Hoarder:
        def act(self, observation: Any) -> Any:
            return 0.5 * observation[:, 0]

    with pytest.raises(ValueError, match="period and on liquidity alone"):
        ox.exact_value(NORMAL, Hoarder())
    for change in ({"transient": 0.002}, {"max_fraction": 0.5}, {"max_participation": 0.01}):
        with pytest.raises(ValueError, match="an exact value needs"):
            ox.exact_value(NORMAL.replace(**change), ox.twap(NORMAL))
