"""The exact optimum: known cases, its own Monte Carlo, and no policy below it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import optexec as ox
from optexec.almgren_chriss import decay_moments
from optexec.liquidity import Chain, extrapolated
from optexec.observation import period_of
from optexec.optimum import CappedOptimum, Optimum, _backwards
from optexec.policies import exact_objective, objective_error
from tests.optexec.strategies import problems, wide_problems

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
    capped = {"max_fraction": 0.12, "periods": 6, "half_spread": 0.02, "leftover_haircut": 0.02}
    problem = ox.presets.reference().replace(permanent=permanent, **capped)
    h, r, value = 0.01, problem.risk_weight, 0.0
    fractions = np.linspace(0, 0.12, 120_001)
    for k in range(5, -1, -1):
        cost = h * fractions**2 + permanent * fractions * (1 - fractions) + (1 - fractions) ** 2 * (r + value)
        value = cost[-1] if k == 5 else cost.min()
    solution = ox.optimum(problem)
    assert solution.value == pytest.approx(value * 1e6 + 20, rel=1e-9)
    assert isinstance(solution, Optimum)
    assert not solution.bound
    assert ox.simulate(problem, solution, 2).objective == pytest.approx(np.full(2, solution.value), rel=1e-9)


def test_a_cap_that_never_binds_changes_nothing() -> None:
    free = ox.optimum(NORMAL)
    capped = ox.optimum(NORMAL.replace(max_participation=1.0))
    assert isinstance(capped, CappedOptimum)
    assert abs(capped.value - free.value) <= capped.grid_error + free.grid_error
    assert capped.grid_error < 1e-4 * capped.value
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


@pytest.mark.parametrize("floor", [1e-6, 1e-8, 1e-10, 1e-12, 1e-50, 1e-300])
def test_exact_costs_that_the_grid_cannot_resolve_are_refused(floor: float) -> None:
    """With floors from 1e-8 down they were wrong, by a factor of 2.6 and then negative."""
    problem = NORMAL.replace(liquidity=ox.OrnsteinUhlenbeck(floor=floor))
    plan = ox.twap(problem)
    for cost in (exact_objective, ox.exact_value):
        with pytest.raises(ValueError, match=r"a grid of \d+ liquidity levels from .* cannot resolve Ornstein.*floor"):
            cost(problem, plan)
    solution = ox.optimum(problem)  # it need not trade at the floor
    assert 1798 < solution.value <= 10_000
    assert solution.grid_error < 0.01 * solution.value


@pytest.mark.parametrize("floor", [1e-4, 1e-8, 1e-300])
def test_one_step_to_a_distant_floor_keeps_its_digits(floor: float) -> None:
    """E[1/L'] given L = 1 against a quadrature: differences of tails had lost it."""
    for process in (ox.OrnsteinUhlenbeck(floor=floor), ox.Shocks(ox.OrnsteinUhlenbeck(floor=floor), 0.3, -0.7)):
        chain = process.chain(1.0, 20)
        expected = 0.0
        for share, scale in ((1.0, 1.0),) if isinstance(process, ox.OrnsteinUhlenbeck) else ((0.7, 1.0), (0.3, 0.3)):
            spread = 0.2 * scale
            inside = quad(lambda t, a=scale, b=spread: norm.pdf(np.exp(t), a, b), np.log(floor), 1.2, limit=1_000)[0]
            expected += share * (norm.cdf((floor - scale) / spread) / floor + inside)
        assert (chain.matrix @ (1 / chain.levels))[chain.start] == pytest.approx(expected, rel=2e-2)
        assert chain.matrix.min() > -1e-9


@pytest.mark.parametrize(
    "process",
    [
        ox.OrnsteinUhlenbeck(volatility=0.002, speed=0.0),
        ox.OrnsteinUhlenbeck(volatility=0.01, initial=2.5),
        ox.OrnsteinUhlenbeck(floor=0.99),
        ox.OrnsteinUhlenbeck(speed=1.9, volatility=0.5, floor=0.3),
        ox.Shocks(ox.OrnsteinUhlenbeck(speed=0.1), 0.3, 0.5),
        ox.Shocks(ox.OrnsteinUhlenbeck(floor=0.5), 0.5, -0.9),
    ],
    ids=str,
)
def test_grid_errors_cover_the_truth(process: Any) -> None:
    def first_value(problem: ox.Problem, chain: Chain) -> float:
        *_, first = _backwards(problem, chain, 1.0)
        return float(1e6 * first.value[0, chain.start])

    def expectation(chain: Chain) -> float:
        value = 1 / chain.levels
        for _ in range(19):
            value = chain.matrix @ value
        return float(value[chain.start])

    fine, coarse = (expectation(process.chain(1.0, 20, points)) for points in (1601, 801))
    truth = fine + (fine - coarse) / 3
    for transient in (0.0, 0.001):
        problem = NORMAL.replace(liquidity=process, transient=transient, permanent=0.0)
        value, error = extrapolated(expectation, process, 1.0, 20)
        assert abs(value - truth) <= error + abs(fine - coarse) / 3
        solution = ox.optimum(problem)
        high, low = (first_value(problem, process.chain(1.0, 20, points)) for points in (1601, 801))
        assert abs(solution.value - high - (high - low) / 3) <= solution.grid_error + abs(high - low) / 3


@pytest.mark.parametrize("ratio", [1e-12, 1e-6, 1.0, 1e6, 1e10, 1e14, 1e18, 1e24, 1e30])
@pytest.mark.parametrize("limit", [0.0, 0.5, 1 - 1e-6])
@pytest.mark.parametrize("transient", [0.0, 0.002])
def test_no_risk_cancels_the_value(ratio: float, limit: float, transient: float) -> None:
    """lambda sigma^2 dt / eta from 1e-12 to 1e30, gamma from 0 to the limit: a value was 0 from 1e18 on."""
    calm = ox.presets.reference().replace(transient=transient, permanent=0.0)
    problem = calm.replace(permanent=2 * limit * 0.01, risk_aversion=ratio * 0.01 / calm.step_variance)
    solution, best = ox.optimum(problem), exact_objective(problem, ox.best_static(problem))
    tolerance = 1e-9 if transient == 0 else 1e-4  # with transient impact the optimum may also buy
    assert solution.value == pytest.approx(best, rel=tolerance, abs=2 * solution.grid_error)
    assert solution.value <= best * (1 + 1e-12) + solution.grid_error
    assert solution.grid_error <= 1e-9 * solution.value
    if not transient:
        assert ox.exact_value(problem, solution) == pytest.approx(solution.value, rel=1e-9)


def test_nothing_cancels_unreported() -> None:
    """Transient impact that never decays is permanent: temporary impact is all that keeps the cost convex."""
    calm = ox.presets.reference().replace(permanent=0.0, risk_aversion=0.0, transient=1.0, decay=0.0, decay_noise=0.0)
    for temporary in (1e-3, 1e-6, 1e-9, 1e-12):
        problem = calm.replace(temporary=temporary)
        truth = (0.5 + temporary / 20) * 1e6  # q X^2 / 2 whatever the schedule, and eta X^2 / N
        solution = ox.optimum(problem)
        error = abs(solution.value - truth)
        assert error <= solution.grid_error + 1e-9 * truth


@settings(deadline=None, max_examples=60)
@given(problem=wide_problems(), seed=st.integers(0, 1000))
def test_no_policy_is_below_the_optimum_of_any_valid_problem(problem: ox.Problem, seed: int) -> None:
    """Values and costs are positive numbers; what cannot be had is refused with a reason."""
    refused = ""
    try:
        solution = ox.optimum(problem)
        plans = [ox.twap(problem), ox.vwap(problem), ox.almgren_chriss(problem), ox.best_static(problem)]
        costs = [(exact_objective(problem, plan), objective_error(problem, plan)) for plan in plans]
        rivals: list[ox.Policy] = [*plans, ox.rolling(problem), _Fractions(problem, seed)]
    except ValueError as error:
        refused = str(error)
    if refused:
        assert " must " in refused or "convex" in refused or "lost to rounding" in refused
        return
    assert solution.bound or solution.value > 0
    assert 0 <= solution.grid_error <= 0.01 * abs(solution.value) * 1.01 < np.inf
    if solution.bound:
        assert problem.market.transient
    if solution.bound and problem.order.capped:
        return  # a lower bound for those who sell everything: `Optimum.bound`
    if problem.order.capped:
        # Pairs, since a sample may hold none of the rare states in which liquidity is scarce.
        # (They see levels as float32.)
        own = ox.simulate(problem, solution, 2_000, seed).objective
        noise = 6 * own.std() / len(own) ** 0.5
        assert solution.value <= own.mean() * (1 + 1e-3) + noise + solution.grid_error
        for rival in rivals:
            paid = ox.simulate(problem, rival, 2_000, seed).objective
            more = paid - own
            assert 0 < paid.mean() < np.inf
            assert more.mean() >= -(6 * more.std() / len(more) ** 0.5 + solution.grid_error + 1e-7 * own.mean())
        return
    if not problem.market.transient:
        costs += [(ox.exact_value(problem, rival), solution.grid_error) for rival in rivals]
    for cost, uncertain in costs:
        assert 0 < cost < np.inf
        assert solution.value <= cost * (1 + 1e-9) + solution.grid_error + uncertain


def test_an_order_that_is_cheaper_left_over_waits_until_it_must_trade() -> None:
    """By hand: selling costs 2 v + 0.1 y a share, what is left 1 and its risk; only the last period has no choice."""
    problem = ox.Problem(
        order=ox.Order(shares=100.0, periods=3, dt=1.0, max_fraction=0.0625, leftover_haircut=1.0),
        market=ox.Market(
            price=100.0,
            volatility=1.0,
            temporary=1.0,
            permanent=0.1,
            transient=0.0,
            volume=100.0,
            liquidity=ox.ConstantLiquidity(1.0),
        ),
        risk_aversion=0.01,
    )
    left = 100 - 6.25
    cost = 6.25**2 + 0.1 * 6.25 * left + 0.01 * (2 * 100**2 + left**2) + left
    solution = ox.optimum(problem)
    assert solution.value == pytest.approx(cost, abs=1e-9 * cost + solution.grid_error)
    assert ox.simulate(problem, solution, 2, seed=0).trades[0].tolist() == [0, 0, 6.25]


def test_where_it_would_pay_to_buy_the_value_is_a_bound_and_no_gap_is_measured_from_it() -> None:
    """Impact at liquidity 0.01 is 200 times that at 2, and the price it leaves lasts into the next period."""
    moves = ox.RegimeSwitching(high=2.0, low=0.01, switch=1.0)
    problem = ox.Problem(
        order=ox.Order(shares=1.0, periods=7, dt=0.1),
        market=ox.Market(
            price=100.0,
            volatility=1.0,
            temporary=1.0,
            permanent=0.0,
            transient=0.1,
            decay=1.0,
            liquidity=moves,
            volume=1.0,
        ),
        risk_aversion=0.0,
    )
    solution = ox.optimum(problem)
    assert solution.value < 0
    assert solution.bound
    table = ox.evaluate(problem, {"AC": ox.almgren_chriss(problem), "optimum": solution}, episodes=200, seed=1)
    assert np.isnan(table["gap_closed"]).all()
    assert (table["objective"] > 0).all()


def test_no_curvature_in_the_last_period_is_no_matter() -> None:
    """eta + q/2 = gamma at lambda = 0: there q2 is 0, and nothing is chosen. A warning of numpy's is an error here."""
    problem = ox.presets.reference().replace(
        temporary=0.0005, transient=0.001, permanent=0.001, decay=0.05, decay_noise=0.0, risk_aversion=0.0
    )
    solution, best = ox.optimum(problem), ox.best_static(problem)
    assert solution.value == pytest.approx(exact_objective(problem, best), rel=1e-4)
    assert solution.grid_error < 1e-9 * solution.value


def test_states_that_share_a_level() -> None:
    """A shock of size 0: the calm state and its copy have one level, and interpolation between them no width."""
    calm = ox.ConstantLiquidity(2.0)
    problem = ox.presets.stochastic().replace(liquidity=calm, transient=0.0, max_participation=0.1)
    shaken = problem.replace(liquidity=ox.Shocks(calm, probability=0.5, size=0.0))
    plain, twice = (ox.simulate(p, ox.optimum(p), 50, seed=0).objective for p in (problem, shaken))
    assert twice == pytest.approx(plain, rel=1e-12)


class _Fractions:
    """Random fractions, by period."""

    def __init__(self, problem: ox.Problem, seed: int) -> None:
        self.problem, self.fractions = problem, np.random.default_rng(seed).random(problem.order.periods)

    def act(self, observation: Any) -> Any:
        return self.fractions[period_of(observation, self.problem.order.periods)]


FAULT = ox.Problem(
    order=ox.Order(shares=120_000, periods=63, max_participation=0.08),
    market=ox.Market(
        price=37,
        volatility=0.084,
        temporary=1.2e-5,
        permanent=3.2e-7,
        half_spread=0.01,
        volume=25_000,
        liquidity=ox.OrnsteinUhlenbeck(speed=0.33, volatility=0.3),
    ),
    risk_aversion=1e-7,
)


@pytest.mark.parametrize(
    "problem",
    [
        FAULT,
        FAULT.replace(risk_aversion=0.0),
        FAULT.replace(max_participation=None, max_fraction=0.02),
        FAULT.replace(max_fraction=0.05, side="buy"),
        NORMAL.replace(max_participation=0.004, risk_aversion=0.0),
        NORMAL.replace(max_fraction=0.05, risk_aversion=0.0),
        NORMAL.replace(max_fraction=0.3, risk_aversion=0.0, liquidity=ox.RegimeSwitching()),
        NORMAL.replace(max_participation=0.006, liquidity=ox.Shocks(ox.OrnsteinUhlenbeck(), 0.05, -0.8)),
        ox.presets.reference().replace(max_participation=0.003, risk_aversion=0.0, permanent=0.015),
    ],
    ids=range(9),
)
def test_not_trading_never_pays_by_default(problem: ox.Problem) -> None:
    """A cap with a haircut of 0 had the optimum sell 12% of the order; it sells what TWAP and AC can, or more."""
    assert problem.order.leftover_haircut == 0 < problem.haircut
    solution = ox.optimum(problem)
    best = ox.simulate(problem, solution, 2_000)
    assert solution.value > 0
    for plan in (ox.twap(problem), ox.almgren_chriss(problem)):
        other = ox.simulate(problem, plan, 2_000)
        assert best.completion.mean() >= other.completion.mean() - 2e-3
        assert best.objective.mean() <= other.objective.mean() + solution.grid_error + 1e-8 * solution.value


@pytest.mark.parametrize("transient", [0.0, 0.002])
def test_the_default_haircut_is_the_dearest_sale(transient: float) -> None:
    """Selling a share more in any period where liquidity is not exceptionally low costs less than leaving it."""
    problem = NORMAL.replace(max_participation=0.004, max_fraction=0.5, transient=transient, half_spread=0.01)
    assert problem.haircut >= 0.01 + 2 * problem.market.instantaneous * 40 + 0.001 * 1000
    assert problem.replace(leftover_haircut=0.3).haircut == 0.3
    assert problem.replace(max_fraction=1.0, max_participation=None).haircut == 0
    run = ox.simulate(problem, ox.twap(problem), 500)
    x, v, L = run.leftover, run.trades, run.liquidity
    decay = decay_moments(problem)[0]
    for k in range(20):
        later = sum(v[:, j] * decay ** (j - k) for j in range(k + 1, 20))
        marginal = 0.01 + 2 * problem.market.instantaneous * v[:, k] / L[:, k] + 0.001 * (x - v[:, k])
        marginal = marginal + run.transient[:, k] + transient / L[:, k] * later
        assert (marginal[L[:, k] > 0.3] <= problem.haircut).all()


def test_long_orders_are_held_or_refused_at_once() -> None:
    longest = NORMAL.replace(periods=100_000, dt=1e-4, transient=0.002)
    with pytest.raises(ValueError, match=r"100,000 periods needs a table of 1.9 GB.*periods must be at most 55,"):
        ox.optimum(longest)
    with pytest.raises(ValueError, match=r"under caps of 100,000 periods needs a table of"):
        ox.optimum(longest.replace(transient=0.0, max_participation=0.5))
    long = NORMAL.replace(periods=1_000, dt=0.02, temporary=0.5)
    assert ox.exact_value(long, ox.optimum(long)) == pytest.approx(ox.optimum(long).value, rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(problem=problems(transient=False))
def test_the_exact_value_of_known_policies(problem: ox.Problem) -> None:
    solution = ox.optimum(problem)
    for schedule in (ox.twap(problem), ox.best_static(problem)):
        assert ox.exact_value(problem, schedule) == pytest.approx(ox.exact_objective(problem, schedule), rel=1e-5)
    if solution.binding(200) == 0:
        assert ox.exact_value(problem, solution) == pytest.approx(solution.value, rel=1e-4)


def test_the_exact_value_of_a_schedule_is_that_of_its_actions() -> None:
    """It is read from the fractions that a schedule carries, to the bit as if it had been asked for every level."""

    class Asked:
        def __init__(self, schedule: ox.Schedule) -> None:
            self.act = schedule.act

    for schedule in (ox.twap(NORMAL), ox.almgren_chriss(NORMAL)):
        assert ox.exact_value(NORMAL, schedule) == ox.exact_value(NORMAL, Asked(schedule))


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
