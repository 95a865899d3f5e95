"""Closed forms, against the 2000 paper, a linear solve and Monte Carlo."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.almgren_chriss import trajectory
from tests.optexec.strategies import problems

PAPER = ox.presets.almgren_chriss_2000()


@pytest.mark.parametrize(
    ("risk_aversion", "expected", "deviation", "holdings"),
    [
        (1e-6, 911_226.99, 603_430.67, [541955.6, 289854.2, 147897.5, 62141.8]),
        (0.0, 662_500.0, 1_040_672.86, [800_000, 600_000, 400_000, 200_000]),
    ],
)
def test_the_papers_example(risk_aversion: float, expected: float, deviation: float, holdings: list[float]) -> None:
    schedule = ox.almgren_chriss(PAPER.replace(risk_aversion=risk_aversion))
    assert schedule.expected_cost == pytest.approx(expected, abs=0.005)
    assert schedule.variance**0.5 == pytest.approx(deviation, abs=0.005)
    assert schedule.inventory[1:5] == pytest.approx(holdings, abs=0.05)


def test_the_papers_urgency_and_times() -> None:
    assert ox.urgency(PAPER) == pytest.approx(0.607076, abs=5e-7)
    assert ox.e_folding_time(PAPER) == pytest.approx(1.6472, abs=5e-5)
    assert ox.half_life(PAPER) == pytest.approx(np.log(2) * 1.6472, abs=5e-5)
    assert ox.half_life(PAPER.replace(risk_aversion=0)) == np.inf


def test_selling_everything_at_once() -> None:
    at_once = ox.Schedule(PAPER, np.array([1e6, 0, 0, 0, 0]))
    assert at_once.expected_cost == pytest.approx(2_562_500)
    assert at_once.variance == 0
    urgent = ox.almgren_chriss(PAPER.replace(risk_aversion=1e6))
    assert urgent.trades[0] == pytest.approx(1e6, rel=1e-9)


def test_urgency_of_the_original_note() -> None:
    """kappa = sqrt(lambda sigma^2 / eta) = 0.1414 in continuous time; the discrete one differs by the correction."""
    problem = ox.presets.reference()
    continuous = (0.5 * 0.02**2 / 0.01) ** 0.5
    assert continuous * 20 == pytest.approx(2.83, abs=0.005)
    assert 2 * (np.cosh(ox.urgency(problem)) - 1) == pytest.approx(0.5 * 0.02**2 / (0.01 - 0.0005), rel=1e-12)
    fine = problem.replace(periods=20_000, dt=1e-3, temporary=0.01 / 1e-3)
    assert ox.urgency(fine) == pytest.approx(continuous, rel=1e-4)


@given(problem=problems())
def test_trajectory_solves_the_first_order_conditions(problem: ox.Problem) -> None:
    """An independent dense solve of d(E + lambda V)/dx_k = 0."""
    n = problem.order.periods
    level = problem.profile * problem.market.liquidity.long_run_mean
    h = problem.market.instantaneous / problem.depth(level) - problem.market.permanent / 2
    steps = np.eye(n, n + 1) - np.eye(n, n + 1, 1)  # v = steps @ x
    hessian = steps.T @ np.diag(h) @ steps + np.diag([0.0, *problem.risk_weights[:-1], 0.0])
    inner = np.linalg.solve(hessian[1:n, 1:n], -hessian[1:n, 0] * problem.order.shares)
    assert trajectory(problem)[1:n] == pytest.approx(inner, rel=1e-8, abs=1e-8 * problem.order.shares)


@given(problem=problems(), seed=st.integers(0, 1000))
def test_no_other_schedule_does_better_in_the_planned_market(problem: ox.Problem, seed: int) -> None:
    problem = problem.replace(transient=0.0, slippage=0.0)
    best = ox.almgren_chriss(problem)
    weights = np.random.default_rng(seed).exponential(size=problem.order.periods)
    other = ox.Schedule(problem, problem.order.shares * weights / weights.sum())

    def objective(schedule: ox.Schedule) -> float:
        return schedule.expected_cost + problem.risk_aversion * schedule.variance

    assert objective(best) <= objective(other) * (1 + 1e-9)


@given(problem=problems())
def test_trades_sum_to_the_order(problem: ox.Problem) -> None:
    for make in (ox.twap, ox.vwap, ox.almgren_chriss, ox.best_static):
        schedule = make(problem)
        assert schedule.trades.sum() == pytest.approx(problem.order.shares, rel=1e-12)
        assert schedule.inventory[0] == problem.order.shares
        assert schedule.inventory[-1] == 0
        assert schedule.trades.dtype == schedule.inventory.dtype == np.float64
        assert (schedule.trades >= -1e-12 * problem.order.shares).all()


def test_twap_is_almgren_chriss_at_zero_risk_aversion_bit_for_bit() -> None:
    for problem in (ox.presets.reference(), ox.presets.stochastic(), PAPER):
        neutral = problem.replace(risk_aversion=0)
        assert np.array_equal(ox.twap(neutral).trades, ox.almgren_chriss(neutral).trades)


@pytest.mark.parametrize("risk_aversion", [1e-300, 1e-12, 1e-3, 1.0, 1e6, 1e30])
def test_extreme_urgency_is_finite(risk_aversion: float) -> None:
    problem = ox.presets.reference().replace(risk_aversion=risk_aversion, periods=500)
    schedule = ox.almgren_chriss(problem)
    assert np.isfinite(schedule.fractions).all()
    assert (np.diff(schedule.inventory) <= 0).all()


@pytest.mark.parametrize("transient", [0.0, 0.002])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_moments_agree_with_simulation(transient: float, side: str) -> None:
    problem = ox.presets.reference().replace(
        transient=transient, decay_noise=0.5, slippage=0.05, half_spread=0.02, volatility=0.1, side=side
    )
    for schedule in (ox.twap(problem), ox.almgren_chriss(problem), ox.vwap(problem)):
        sample = ox.simulate(problem, schedule, 100_000, seed=5).shortfall
        error = sample.std() / len(sample) ** 0.5
        assert abs(sample.mean() - schedule.expected_cost) < 4 * error
        squares = (sample - schedule.expected_cost) ** 2
        assert abs(squares.mean() - schedule.variance) < 4 * squares.std() / len(sample) ** 0.5


def test_frontier() -> None:
    problem = ox.presets.reference()
    table = ox.frontier(problem, [0, 0.1, 0.5, 2.0])
    assert list(table.columns) == ["risk_aversion", "expected_cost", "std", "kappa", "half_life"]
    assert (table["expected_cost"].diff().dropna() > 0).all()
    assert (table["std"].diff().dropna() < 0).all()
    assert table["half_life"].iloc[0] == np.inf
    at = ox.almgren_chriss(problem)
    assert table["expected_cost"].iloc[2] == at.expected_cost
    assert table["kappa"].iloc[2] == ox.urgency(problem)
    with pytest.raises(ValueError, match="risk_aversion"):
        ox.frontier(problem, [-1.0])


def test_a_cost_that_is_not_convex_is_refused() -> None:
    liquid = ox.Problem(market=ox.Market(liquidity=ox.ConstantLiquidity(50.0)), risk_aversion=0)
    with pytest.raises(ValueError, match="not convex"):
        ox.almgren_chriss(liquid)
    with pytest.raises(ValueError, match="must be > permanent/2"):
        ox.urgency(liquid)


@pytest.mark.parametrize("confidence", [0.75, 0.95, 0.99])
@pytest.mark.parametrize("problem", [PAPER, ox.presets.reference()], ids=["paper", "note"])
def test_least_lvar_is_where_the_frontier_falls_at_the_quantile(problem: ox.Problem, confidence: float) -> None:
    """dE/d sqrt(V) = -z, which at the slope -lambda of the frontier against V is z = 2 lambda sqrt(V)."""
    risk_aversion = ox.lvar_risk_aversion(problem, confidence)
    z = NormalDist().inv_cdf(confidence)
    here = ox.frontier(problem, [risk_aversion]).iloc[0]
    assert 2 * risk_aversion * here["std"] == pytest.approx(z, rel=1e-5)
    beside = ox.frontier(problem, risk_aversion * np.array([0.5, 0.9, 1.1, 2.0]))
    lvar = here["expected_cost"] + z * here["std"]
    assert (beside["expected_cost"] + z * beside["std"] > lvar).all()


def test_least_lvar_at_the_ends() -> None:
    corner = 2 * (PAPER.market.temporary - PAPER.market.permanent / 2) * 1e6 / 0.95  # beyond it one sells at once
    assert NormalDist().inv_cdf(1 - 1e-8) > corner
    urgent = ox.almgren_chriss(PAPER.replace(risk_aversion=ox.lvar_risk_aversion(PAPER, 1 - 1e-8)))
    assert urgent.trades[0] > 0.99e6
    assert ox.lvar_risk_aversion(PAPER.replace(volatility=0.0)) == 0.0
    for confidence in (0.5, 1.0, float("nan")):
        with pytest.raises(ValueError, match=r"confidence must be finite and > 0.5 and < 1, got"):
            ox.lvar_risk_aversion(PAPER, confidence)
