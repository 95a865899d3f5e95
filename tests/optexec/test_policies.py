"""Schedules and rules: exact objectives, optimality among schedules, golden tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import optexec as ox
from optexec.noise import draw
from optexec.policies import LevelTable, expected_inverse_liquidity
from tests.optexec.strategies import problems

NORMAL = ox.presets.stochastic()
COLLAPSE = NORMAL.replace(liquidity=ox.OrnsteinUhlenbeck(mean=0.3, volatility=0.1))


@pytest.mark.parametrize(
    ("market", "planned_for", "expected"),
    [
        (ox.presets.reference(), ox.presets.reference(), (2210.00, 1790.43, 1790.43, 1790.43)),
        (NORMAL, NORMAL, (2240.61, 1824.52, 1824.06, 1798.63)),
        (COLLAPSE, NORMAL, (3646.86, 3861.27, 3464.10, 3256.01)),
    ],
    ids=["constant", "stochastic", "collapse"],
)
def test_golden_objectives(market: ox.Problem, planned_for: ox.Problem, expected: tuple[float, ...]) -> None:
    """J of TWAP, AC, best static and the optimum, to 1e-5 relative (DESIGN's table)."""
    schedules = [ox.twap(market), ox.almgren_chriss(planned_for), ox.best_static(market)]
    found = [ox.exact_objective(market, schedule) for schedule in schedules] + [ox.optimum(market).value]
    assert found == pytest.approx(list(expected), rel=1e-5)


@settings(deadline=None)
@given(problem=problems(), seed=st.integers(0, 100))
def test_exact_objective_is_the_mean_of_simulated_ones(problem: ox.Problem, seed: int) -> None:
    weights = np.random.default_rng(seed).exponential(size=problem.order.periods)
    schedule = ox.Schedule(problem, problem.order.shares * weights / weights.sum())
    sample = ox.simulate(problem, schedule, 2_000, seed=seed).objective
    error = sample.std() / len(sample) ** 0.5
    exact = ox.exact_objective(problem, schedule)
    # 5 standard errors: hypothesis looks for the worst of many; the second term is the grid's own error
    assert abs(sample.mean() - exact) <= 5 * error + 2e-5 * exact


@pytest.mark.parametrize("transient", [0.0, 0.002])
def test_exact_objective_of_the_original_note(transient: float) -> None:
    problem = NORMAL.replace(transient=transient, decay_noise=0.3)
    for schedule in (ox.twap(problem), ox.almgren_chriss(problem), ox.best_static(problem)):
        sample = ox.simulate(problem, schedule, 200_000, seed=11).objective
        assert abs(sample.mean() - ox.exact_objective(problem, schedule)) < 4 * sample.std() / len(sample) ** 0.5


@settings(deadline=None)
@given(problem=problems(), seed=st.integers(0, 1000))
def test_no_schedule_beats_the_best(problem: ox.Problem, seed: int) -> None:
    best = ox.best_static(problem)
    rng = np.random.default_rng(seed)
    other = rng.exponential(size=problem.order.periods) * rng.integers(0, 2, problem.order.periods)
    trades = other * (problem.order.shares / other.sum()) if other.sum() > 0 else ox.twap(problem).trades
    for rival in (trades, 0.9 * best.trades + 0.1 * trades):
        assert ox.exact_objective(problem, best) <= ox.exact_objective(problem, ox.Schedule(problem, rival)) * (
            1 + 1e-9
        )


def test_best_static_with_binding_bounds_agrees_with_a_general_solver() -> None:
    """A liquidity that recovers makes it best to trade nothing at first, so v >= 0 binds."""
    problem = ox.Problem(
        order=ox.Order(periods=10),
        market=ox.Market(temporary=0.004, permanent=0.0, transient=0.01, liquidity=ox.ConstantLiquidity(),
                         volume_profile=tuple(np.linspace(0.5, 1.5, 10))),
        risk_aversion=0.0,
    )  # fmt: skip
    best = ox.best_static(problem)
    assert (best.trades == 0).any()

    def objective(v: np.ndarray[Any, Any]) -> float:
        return ox.exact_objective(problem, ox.Schedule(problem, v * 1000 / v.sum()))

    found = scipy.optimize.minimize(
        objective,
        np.full(10, 100.0),
        bounds=[(0, None)] * 10,
        tol=1e-12,
    )
    assert ox.exact_objective(problem, best) <= found.fun * (1 + 1e-9)
    assert ox.exact_objective(problem, best) == pytest.approx(found.fun, rel=1e-5)


@pytest.mark.parametrize("resilience", [0.3, 1.0, 4.0])
def test_obizhaeva_wang(resilience: float) -> None:
    """Only transient impact, no risk: blocks at both ends, a constant trade between."""
    steps, horizon, q, shares = 10, 5.0, 0.01, 1000.0
    problem = ox.Problem(
        order=ox.Order(shares=shares, periods=steps + 1, dt=horizon / steps),
        market=ox.Market(temporary=0.0, permanent=0.0, transient=q, decay=resilience, decay_noise=0.0,
                         liquidity=ox.ConstantLiquidity()),
        risk_aversion=0.0,
    )  # fmt: skip
    a = np.exp(-resilience * horizon / steps)
    block = shares / (2 + (steps - 1) * (1 - a))
    schedule = ox.best_static(problem)
    assert schedule.trades[[0, -1]] == pytest.approx([block, block], rel=1e-9)
    assert schedule.trades[1:-1] == pytest.approx(np.full(steps - 1, block * (1 - a)), rel=1e-9)
    cost = q * shares**2 * (1 + a) / 2 / (2 + (steps - 1) * (1 - a))
    assert schedule.expected_cost == pytest.approx(cost, rel=1e-9)
    assert ox.optimum(problem).value == pytest.approx(cost, rel=1e-9)


def test_vwap_is_optimal_without_risk_and_permanent_impact() -> None:
    profile = tuple(ox.u_shape(20))
    problem = NORMAL.replace(volume_profile=profile, permanent=0.0, risk_aversion=0.0, liquidity=ox.ConstantLiquidity())
    assert ox.vwap(problem).trades == pytest.approx(ox.best_static(problem).trades, rel=1e-9)
    flat = NORMAL.replace(risk_aversion=0.0)
    assert ox.exact_objective(flat, ox.vwap(flat)) > ox.exact_objective(flat, ox.twap(flat))


def test_u_shape() -> None:
    shape = ox.u_shape(20)
    assert shape.mean() == pytest.approx(1, rel=1e-14)
    assert shape == pytest.approx(shape[::-1])
    assert shape.argmin() in (9, 10)
    assert ox.u_shape(1).tolist() == [1.0]
    with pytest.raises(ValueError, match="periods"):
        ox.u_shape(0)


def test_expected_inverse_liquidity() -> None:
    inverse = expected_inverse_liquidity(NORMAL)
    assert inverse[0] == 1
    assert (inverse[1:] > 1).all()
    sample = 1 / draw(NORMAL, 200_000, 3).liquidity
    error = sample.std(axis=1) / sample.shape[1] ** 0.5
    assert (np.abs(sample.mean(axis=1) - inverse) <= 4 * error + 1e-12).all()


def test_rolling_is_almgren_chriss_where_liquidity_is_constant() -> None:
    for problem in (ox.presets.reference(), ox.presets.almgren_chriss_2000()):
        planned, run = ox.almgren_chriss(problem), ox.simulate(problem, ox.rolling(problem), 2)
        assert run.trades[0] == pytest.approx(planned.trades, rel=1e-9)


def test_rolling_re_solves_the_deterministic_problem() -> None:
    """Its first trade is that of the static problem with E[(eta + q/2)/L_j | L_0] along the way."""
    assert ox.rolling(NORMAL).act(np.array([[1, 1, 1, 0.02, 1, 0]]))[0] == pytest.approx(
        ox.best_static(NORMAL).trades[0] / 1000, rel=1e-4
    )
    low = NORMAL.replace(liquidity=ox.OrnsteinUhlenbeck(initial=0.5))
    assert ox.rolling(NORMAL).act(np.array([[1, 1, 1, 0.02, 0.5, 0]]))[0] == pytest.approx(
        ox.best_static(low).trades[0] / 1000, rel=1e-4
    )


def test_schedule_off_its_path() -> None:
    schedule = ox.Schedule(NORMAL.replace(periods=3), np.array([1000.0, 0.0, 0.0]))
    observation = np.array([[0.5, 1, 1, 0, 1, 0], [0.2, 2 / 3, 1, 0, 1, 0], [0, 1 / 3, 1, 0, 1, 0]], dtype=np.float32)
    assert schedule.act(observation).tolist() == [1.0, 0.0, 0.0]
    assert ox.twap(NORMAL).fractions == pytest.approx(1 / np.arange(20, 0, -1))


@pytest.mark.parametrize(
    ("trades", "message"),
    [
        (np.ones(3), r"trades must have shape \(20,\), got \(3,\)"),
        (np.full(20, np.nan), "trades must be finite"),
        (np.ones(20), "trades must sum to order.shares = 1000"),
    ],
)
def test_bad_schedules(trades: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ox.Schedule(NORMAL, trades)


def test_planners_refuse_what_is_not_convex() -> None:
    liquid = ox.Problem(market=ox.Market(liquidity=ox.ConstantLiquidity(50.0)), risk_aversion=0)
    with pytest.raises(ValueError, match="not convex"):
        ox.best_static(liquid)
    with pytest.raises(ValueError, match="not convex in period 18 from liquidity level 50"):
        ox.rolling(liquid)
    with pytest.raises(ValueError, match="not convex in period 18 at liquidity level 50: q2"):
        ox.optimum(liquid)


def test_best_static_needs_a_large_shift() -> None:
    """A convex problem whose form is definite only where the trades sum to nothing, with a bound that binds."""
    problem = ox.Problem(
        order=ox.Order(periods=2),
        market=ox.Market(temporary=0.00066, permanent=0, transient=0.002, slippage=0, volume_profile=(0.2, 1.8),
                         liquidity=ox.ConstantLiquidity()),
        risk_aversion=0,
    )  # fmt: skip
    assert ox.best_static(problem).trades == pytest.approx([0, 1000])


@given(
    levels=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40).map(sorted),
    seed=st.integers(0, 1000),
    profile=st.sampled_from([None, tuple(ox.u_shape(3))]),
)
def test_a_table_interpolates_as_numpy_does(levels: list[float], seed: int, profile: Any) -> None:
    """To the last bit, on levels as between and beyond them, for many and for few; states may share a level."""
    problem, stream = NORMAL.replace(periods=3, volume_profile=profile), np.random.default_rng(seed)
    table = LevelTable(problem, np.array(levels), stream.uniform(size=(3, len(levels))))
    liquidity = np.concatenate([levels, stream.uniform(0, 1.1 * levels[-1], 100), stream.choice(levels, 100)])
    for k in range(3):
        for asked in (liquidity, liquidity[:1]):
            wanted = np.interp(asked / problem.profile[k], levels, table.values[k])
            assert np.array_equal(table.of_liquidity(k, asked), wanted)
            assert np.array_equal(table.at(np.full(len(asked), k), asked), wanted)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_a_policy_of_liquidity_alone_is_asked_without_observations(seen: bool, side: str) -> None:
    """And its episodes are those of the same policy asked by `act`, to the last bit."""
    problem = NORMAL.replace(side=side, volume_profile=tuple(ox.u_shape(20)))

    class Unseeing:
        def __init__(self, policy: Any) -> None:
            self.of_liquidity = policy.of_liquidity

        def act(self, observation: Any) -> NDArray[np.float64]:
            raise AssertionError("observations were built")

    class Seeing:
        def __init__(self, policy: Any) -> None:
            self.act = policy.act

    policies: list[Any] = [ox.rolling(problem), ox.optimum(problem), ox.rolling(problem.replace(max_fraction=0.2))]
    for policy in policies:
        problem = policy.problem
        short, long = (ox.simulate(problem, make(policy), 500, observe_liquidity=seen) for make in (Unseeing, Seeing))
        for name in ("trades", "mid", "fills", "shortfall", "running_risk", "violations", "clipped"):
            assert np.array_equal(getattr(short, name), getattr(long, name)), name
    lasting: Any = ox.optimum(NORMAL.replace(transient=0.002))
    assert lasting.of_liquidity is None  # there its action depends on I too
