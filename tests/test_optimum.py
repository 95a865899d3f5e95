"""The exact optimum: known cases, its own Monte Carlo, and no policy below it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optexec as ox
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


def test_caps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"without caps, got max_fraction=0.3"):
        ox.optimum(NORMAL.replace(max_fraction=0.3))


def test_fraction_takes_floats_and_arrays() -> None:
    solution = ox.optimum(NORMAL)
    levels = np.array([0.5, 1.0, 1.5])
    fractions = solution.fraction(3, levels)
    assert fractions.shape == (3,)
    assert (np.diff(fractions) > 0).all()  # trade more when it is cheap
    assert solution.fraction(3, 1.0) == fractions[1]
    assert solution.fraction(19, 0.2) == 1
