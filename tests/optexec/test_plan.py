"""The least-cost trade list, linear in N, against dense algebra and general solvers at small N."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import optexec as ox
from optexec._plan import Costs, least, total
from optexec.almgren_chriss import decay_moments
from optexec.policies import Rolling, expected_inverse_liquidity, reference_schedule
from tests.optexec.strategies import problems

Array = NDArray[np.float64]
NORMAL = ox.presets.stochastic()


def dense_form(problem: ox.Problem) -> Array:
    """M (N, N) with J = v' M v + half_spread X for every trade list v that sums to X, written out."""
    market, periods = problem.market, problem.order.periods
    inverse, d = expected_inverse_liquidity(problem), decay_moments(problem)[0]
    later = np.triu(np.ones((periods, periods)), 1)  # later[k] @ v = x_{k+1}
    form = market.permanent / 2 + later.T @ (problem.risk_weights[:, None] * later)
    form[np.diag_indices(periods)] += market.instantaneous * inverse - market.permanent / 2
    lag = np.subtract.outer(np.arange(periods), np.arange(periods))
    memory = np.where(lag > 0, market.transient * inverse * d ** np.maximum(lag, 0), 0.0)
    return np.asarray(form + (memory + memory.T) / 2)


@given(problem=problems(), seed=st.integers(0, 1000))
def test_the_objective_is_the_quadratic_form(problem: ox.Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    v = problem.order.shares * rng.dirichlet(np.ones(problem.order.periods))
    expected = v @ dense_form(problem) @ v + problem.market.half_spread * problem.order.shares
    assert ox.exact_objective(problem, ox.Schedule(problem, v)) == pytest.approx(expected, rel=1e-12)


@given(problem=problems())
def test_the_best_schedule_solves_the_dense_equations(problem: ox.Problem) -> None:
    """Where no bound binds: M v is the same in all periods, and v sums to X."""
    trades = ox.best_static(problem).trades
    assume((trades > 1e-9 * problem.order.shares).all())
    form, n = dense_form(problem), problem.order.periods
    system = np.block([[form, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    solved = np.linalg.solve(system, np.append(np.zeros(n), problem.order.shares))[:n]
    assert trades == pytest.approx(solved, rel=1e-8, abs=1e-10 * problem.order.shares)


@st.composite
def costs(draw: st.DrawFn) -> tuple[Costs, float, Array | None]:
    """Costs of 2 to 7 periods with lingering impact and uneven liquidity, so that bounds bind; and caps."""
    periods = draw(st.integers(2, 7))
    number = st.floats(0.3, 3.0)
    inverse = np.array(draw(st.lists(number, min_size=periods, max_size=periods)))
    q, gamma = draw(st.sampled_from([0.0, 0.5, 1.5])), draw(st.floats(0, 0.2))
    made = Costs(
        impact=(1.0 + q / 2) * inverse,
        push=q * inverse,
        decay=draw(st.floats(0.2, 1.0)),
        permanent=gamma,
        risk=draw(st.sampled_from([0.0, 0.1, 2.0, 100.0]))
        * np.linspace(*draw(st.sampled_from([(1, 1), (2, 0.5)])), periods),
        leftover=draw(st.sampled_from([-0.01, 0.0, 0.3, 5.0, 50.0])),
    )
    fraction = draw(st.sampled_from([1.0, 0.7, 0.35, 0.2]))
    most = draw(st.lists(st.floats(0.02, 1.2), min_size=periods, max_size=periods))
    return made, fraction, draw(st.sampled_from([None, np.array(most)]))


def with_last(free: Array, fraction: float, most: Array | None) -> tuple[Array, Array]:
    """The list that begins with ``free`` (N - 1,) and sells all that the caps allow in the end; its inventory."""
    left = 1.0 - free.sum()
    trades = np.append(free, min(fraction * left, np.inf if most is None else most[-1]))
    return trades, np.append(1.0, 1.0 - np.cumsum(trades))


@settings(deadline=None, max_examples=150)
@given(given_costs=costs(), seed=st.integers(0, 1000))
def test_no_feasible_list_is_cheaper(given_costs: tuple[Costs, float, Array | None], seed: int) -> None:
    """Against SLSQP from several starts, whose objective has the forced last trade."""
    made, fraction, most = given_costs
    try:
        trades = least(made, 1.0, fraction, most)
    except ValueError:
        assume(False)
    n = len(trades)
    limit = np.full(n, np.inf) if most is None else most
    held = np.append(1.0, 1.0 - np.cumsum(trades))
    assert (trades >= 0).all()
    assert (trades <= np.minimum(fraction * held[:-1], limit) + 1e-12).all()
    assert trades[-1] == pytest.approx(min(fraction * held[-2], limit[-1]), abs=1e-12)
    found = total(made, trades, held)

    def objective(free: Array) -> float:
        return total(made, *with_last(free, fraction, most))

    def room(free: Array) -> Array:
        return np.asarray(fraction * (1.0 - np.append(0.0, np.cumsum(free)))[:-1] - free)

    rng = np.random.default_rng(seed)
    for start in (np.zeros(n - 1), trades[:-1], rng.dirichlet(np.ones(n))[:-1]):
        rival: Any = scipy.optimize.minimize(  # type: ignore[call-overload]
            objective, start, method="SLSQP", bounds=[(0.0, float(cap)) for cap in np.minimum(limit[:-1], 1.0)],
            constraints=[{"type": "ineq", "fun": room}], options={"ftol": 1e-12, "maxiter": 300},
        )  # fmt: skip
        if (room(rival.x) >= -1e-9).all() and (rival.x >= -1e-9).all():
            assert found <= rival.fun + 1e-7 * abs(rival.fun) + 1e-9


@settings(deadline=None, max_examples=100)
@given(given_costs=costs())
def test_among_lists_that_sell_everything_a_general_solver_agrees(
    given_costs: tuple[Costs, float, Array | None],
) -> None:
    made = given_costs[0]
    try:
        trades = least(made, 1.0)
    except ValueError:
        assume(False)
    n = len(trades)
    solved: Any = scipy.optimize.minimize(  # type: ignore[call-overload]
        lambda v: total(made, v, np.append(1.0, 1.0 - np.cumsum(v))), np.full(n, 1 / n), method="SLSQP",
        bounds=[(0.0, None)] * n, constraints=[{"type": "eq", "fun": lambda v: v.sum() - 1}],
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    assert trades.sum() == pytest.approx(1, abs=1e-14)
    assert total(made, trades, np.append(1.0, 1.0 - np.cumsum(trades))) <= solved.fun * (1 + 1e-9)


CAPS: list[dict[str, Any]] = [
    {"max_participation": 0.007, "leftover_haircut": 1.0},
    {"max_participation": 0.004, "leftover_haircut": 1.0},
    {"max_fraction": 0.12, "leftover_haircut": 1.0},
    {"max_fraction": 0.2, "max_participation": 0.01, "leftover_haircut": 0.5, "half_spread": 0.01},
    {
        "max_participation": 0.007,
        "leftover_haircut": 1.0,
        "transient": 0.002,
        "decay_noise": 0.0,
        "volume_profile": tuple(ox.u_shape(20)),
    },
]


@pytest.mark.parametrize("caps", CAPS, ids=str)
def test_the_best_schedule_keeps_the_caps(caps: dict[str, Any]) -> None:
    problem = NORMAL.replace(**caps)
    plan, free = ox.best_static(problem), ox.best_static(problem.replace(max_fraction=1.0, max_participation=None))
    assert (plan.excess == 0).all()
    assert free.excess.shape == (20,)
    for schedule in (ox.almgren_chriss(problem), ox.Schedule(problem, free.trades)):
        assert (schedule.excess > 0).any()  # and says so
    assert ox.exact_objective(problem, plan) > ox.exact_objective(problem, ox.Schedule(problem, free.trades))
    constant = problem.replace(liquidity=ox.ConstantLiquidity())  # there the plan is what happens
    calm = ox.best_static(constant)
    run = ox.simulate(constant, calm, 2)
    assert run.trades[0] == pytest.approx(calm.trades, abs=1e-9)
    assert run.leftover[0] == pytest.approx(calm.inventory[-1], abs=1e-9)
    assert (run.violations == 0).all()
    assert run.objective == pytest.approx(np.full(2, ox.exact_objective(constant, calm)), rel=1e-12)
    if not constant.market.transient:
        assert ox.optimum(constant).value == pytest.approx(ox.exact_objective(constant, calm), rel=1e-4)


def test_what_a_capped_schedule_leaves_is_priced() -> None:
    """E[IS] and Var[IS] of a schedule that does not finish, against simulation under constant liquidity."""
    problem = NORMAL.replace(
        max_participation=0.003, leftover_haircut=0.7, half_spread=0.02, liquidity=ox.ConstantLiquidity(),
        transient=0.002, decay_noise=0.4, volatility=0.1, slippage=0.05,
    )  # fmt: skip
    plan = ox.best_static(problem)
    assert plan.inventory[-1] == pytest.approx(1000 - plan.trades.sum())
    assert plan.inventory[-1] > 300
    sample = ox.simulate(problem, plan, 100_000, seed=5).shortfall
    assert abs(sample.mean() - plan.expected_cost) < 4 * sample.std() / len(sample) ** 0.5
    squares = (sample - plan.expected_cost) ** 2
    assert abs(squares.mean() - plan.variance) < 4 * squares.std() / len(squares) ** 0.5


def test_a_fraction_cap_s_exact_objective_is_what_happens() -> None:
    problem = NORMAL.replace(max_fraction=0.15, leftover_haircut=1.0, transient=0.002)
    plan = ox.best_static(problem)
    run = ox.simulate(problem, plan, 20_000, seed=2)
    assert run.violations.max() == 0
    error = run.objective.std() / len(run.objective) ** 0.5
    assert abs(run.objective.mean() - ox.exact_objective(problem, plan)) < 4 * error


def test_definitions_stay_and_say_that_they_exceed_the_caps() -> None:
    problem = NORMAL.replace(max_participation=0.004)
    assert ox.twap(problem).excess == pytest.approx(np.full(20, 10.0))
    assert ox.vwap(problem).excess[0] > ox.vwap(problem).excess[10]
    assert (ox.twap(NORMAL).excess == 0).all()
    with pytest.raises(ValueError, match=r"trades must sum to at most order.shares = 1000"):
        ox.Schedule(problem, np.full(20, 51.0))
    with pytest.raises(ValueError, match=r"trades must sum to order.shares = 1000"):
        ox.Schedule(NORMAL, np.full(20, 49.0))


def test_long_orders_hold() -> None:
    """A hundred thousand periods: the dense form asked for 74 GiB."""
    n = 100_000
    long = NORMAL.replace(
        periods=n, dt=20 / n, temporary=0.01 * n / 20, transient=0.002, liquidity=ox.ConstantLiquidity(), shares=1e6
    )
    plan = ox.almgren_chriss(long)
    assert ox.exact_objective(long, plan) == pytest.approx(
        plan.expected_cost + long.risk_weight * float((plan.inventory[1:] ** 2).sum()), rel=1e-9
    )
    assert plan.variance > 0
    best = ox.best_static(long)
    assert ox.exact_objective(long, best) <= ox.exact_objective(long, plan) * (1 + 1e-12)
    n = 2_000
    tight = long.replace(
        periods=n, dt=20 / n, max_participation=1.0, volume=600.0, leftover_haircut=1.0, risk_aversion=5.0
    )
    assert (ox.best_static(tight).excess == 0).all()


def test_rolling_is_its_own_recursion_period_by_period() -> None:
    """Against the plain double loop, on days short and long against what liquidity remembers."""
    for problem in (
        NORMAL,
        NORMAL.replace(periods=150),
        NORMAL.replace(periods=61, volume_profile=tuple(ox.u_shape(61)), liquidity=ox.RegimeSwitching(switch=0.3)),
        NORMAL.replace(periods=61, volume_profile=tuple(ox.u_shape(61)), liquidity=ox.OrnsteinUhlenbeck(speed=1.9)),
        NORMAL.replace(periods=33, liquidity=ox.RegimeSwitching(switch=1.0)),
        NORMAL.replace(periods=1),
    ):
        rule, n = ox.rolling(problem), problem.order.periods
        assert isinstance(rule, Rolling)
        chain = problem.market.liquidity.chain(problem.order.dt, n)
        ahead = [1 / chain.levels]
        for _ in range(n - 1):
            ahead.append(chain.matrix @ ahead[-1])
        impact, r, gamma = problem.market.instantaneous * np.array(ahead), problem.risk_weight, problem.market.permanent
        expected = np.ones((n, len(chain.levels)))
        for k in range(n - 1):
            value = impact[n - 1 - k] / problem.profile[-1]
            for j in range(n - 2, k - 1, -1):
                curvature = impact[j - k] / problem.profile[j] - gamma + r + value
                slope = gamma - 2 * r - 2 * value
                expected[k] = -slope / (2 * curvature)
                value = r + value - slope**2 / (4 * curvature)
        assert np.allclose(rule.table.values, expected, rtol=0, atol=1e-13)


def test_rolling_refuses_what_it_cannot_hold() -> None:
    n = 100_000
    slow = NORMAL.replace(periods=n, dt=20 / n, temporary=0.01 * n / 20)
    with pytest.raises(ValueError, match=r"order.periods must be <= 13,\d\d\d"):
        ox.rolling(slow)
    quick = NORMAL.replace(periods=5_000)  # forgets within a hundred periods: no limit of that kind
    rule = ox.rolling(quick)
    assert isinstance(rule, Rolling)
    assert rule.table.values.shape[0] == 5_000


def test_long_expectations_are_those_of_the_distribution_step_by_step() -> None:
    problem = NORMAL.replace(periods=600, dt=0.05, liquidity=ox.RegimeSwitching(switch=0.01))
    chain = problem.market.liquidity.chain(0.05, 600)
    weights, expected = np.eye(2)[chain.start], []
    for _ in range(600):
        expected.append(weights @ (1 / chain.levels))
        weights = weights @ chain.matrix
    assert np.allclose(expected_inverse_liquidity(problem), expected, rtol=1e-13, atol=0)


def test_gaps_are_measured_from_the_schedule_that_is_cheapest_as_executed() -> None:
    """A plan that keeps a cap at mean liquidity loses to one that is clipped; the baseline is the better one."""
    problem = ox.presets.stress()["participation_cap"]
    plan, reference = ox.best_static(problem), reference_schedule(problem)
    wish = ox.best_static(problem.replace(max_participation=None))
    assert np.array_equal(reference.trades, wish.trades)
    assert (reference.excess > 0).any()
    table: Any = ox.evaluate(problem, {"plan": plan, "reference": reference}, 4_000)
    assert table.loc["plan", "gap_closed"] + table.loc["plan", "gap_closed_ci"] < 0
    assert table.loc["reference", "gap_closed"] == pytest.approx(0, abs=1e-9)
    assert table.loc["plan", "violations"] < table.loc["reference", "violations"]
    for other in (problem.replace(liquidity=ox.ConstantLiquidity()), NORMAL.replace(max_fraction=0.2), NORMAL):
        assert np.array_equal(reference_schedule(other).trades, ox.best_static(other).trades)
