"""Regret: what a policy loses is the sum of its Bellman gaps, whatever it is, and where it loses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec.evaluation import lost
from optexec.observation import period_of
from optexec.optimum import CappedOptimum, Optimum
from optexec.simulator import Policy
from tests.optexec.strategies import problems

NORMAL = ox.presets.stochastic()
PAIRED = 20_000


class Wild:
    """Remembers what it did, watches the price, wishes too much and too little, and draws lots."""

    def __init__(self, problem: ox.Problem, seed: int) -> None:
        self.problem, self.rng = problem, np.random.default_rng(seed)
        self.base = self.rng.uniform(-0.2, 1.2, problem.order.periods)
        self.before = np.zeros(0)

    def reset(self, n: int) -> None:
        self.before = np.zeros(n)

    def act(self, observation: Any) -> Any:
        k = period_of(observation, self.problem.order.periods)
        seen = np.asarray(observation, dtype=np.float64)
        wish = self.base[k] * np.minimum(seen[:, 4], 2) + 0.3 * self.before + 5 * (seen[:, 2] - 1)
        self.before = wish + self.rng.normal(0, 0.1, len(wish))
        return self.before


def made(kind: str, problem: ox.Problem, seed: int) -> Policy:
    if kind == "wild":
        return Wild(problem, seed)
    if kind == "filtered":
        assume(problem.market.depth_exponent == 1)
        return ox.filtered(problem, ox.rolling(problem))
    makers: dict[str, Any] = {"twap": ox.twap, "static": ox.best_static, "rolling": ox.rolling}
    policy: Policy = makers[kind](problem)
    return policy


def held(problem: ox.Problem, policy: Policy, seed: int, episodes: int, *, observe_liquidity: bool = True) -> None:
    """J - V_0 is the mean of the regrets: hold it by the martingale that is left."""
    solution = ox.optimum(problem)
    assert not solution.bound
    run = ox.simulate(problem, policy, episodes, seed=seed, observe_liquidity=observe_liquidity)
    regret, error = lost(solution, run)
    assert (regret >= 0).all() if isinstance(solution, Optimum) else regret.mean() >= -error - 1e-9 * solution.value
    noise = run.objective - regret - solution.value
    slack = solution.grid_error + error + 3e-5 * abs(solution.value)
    assert abs(noise.mean()) <= 5 * noise.std() / episodes**0.5 + slack


KINDS = st.sampled_from(["wild", "filtered", "twap", "static", "rolling"])


@settings(deadline=None, max_examples=40)
@given(problem=problems(), kind=KINDS, seed=st.integers(0, 1000), sees=st.booleans())
def test_what_a_policy_loses_is_the_sum_of_its_gaps(problem: ox.Problem, kind: str, seed: int, sees: bool) -> None:
    assume(not ox.optimum(problem).bound)
    held(problem, made(kind, problem, seed), seed, 2_000, observe_liquidity=sees)


@settings(deadline=None, max_examples=15)
@given(problem=problems(caps=True, transient=False), kind=KINDS, seed=st.integers(0, 1000))
def test_under_caps_too(problem: ox.Problem, kind: str, seed: int) -> None:
    try:
        assume(not ox.optimum(problem).bound)
    except ValueError:  # grids that cannot resolve it
        assume(False)
    held(problem, made(kind, problem, seed), seed, 2_000)


@pytest.mark.parametrize("kind", ["wild", "twap"])
def test_a_cost_to_go_that_is_not_convex(kind: str) -> None:
    """What cannot be sold costs less than what must be: from where the last trade is capped, shares are cheaper."""
    problem = ox.presets.reference().replace(
        shares=30_000.0, periods=3, max_fraction=0.25, max_participation=1.0, leftover_haircut=1.0, temporary=0.03,
        permanent=0.0, risk_aversion=0.0, volume_profile=(1.2, 1.2, 0.6),
    )  # fmt: skip
    policy, solution = made(kind, problem, 3), ox.optimum(problem)
    run = ox.simulate(problem, policy, 200, seed=3)
    regret, error = lost(solution, run)
    assert regret.mean() > 0.1 * solution.value
    assert regret.mean() == pytest.approx(run.objective.mean() - solution.value, rel=1e-3, abs=error)


@pytest.mark.parametrize("cap", [0.08, 0.12, 0.5])
@pytest.mark.parametrize("permanent", [0.0, 0.001, 0.0035])
def test_a_bound_of_max_fraction_costs_to_first_order(cap: float, permanent: float) -> None:
    """Under max_fraction alone V stays A x^2, and what is lost by trading less than it allows has a linear part."""
    problem = NORMAL.replace(max_fraction=cap, half_spread=0.02, leftover_haircut=0.02, permanent=permanent)
    solution = ox.optimum(problem)
    assert isinstance(solution, Optimum)
    assert solution.coefficients.of_inventory[0].max() == cap or cap == 0.5
    for kind in ("twap", "rolling", "wild"):
        held(problem, made(kind, problem, 3), 5, 20_000)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"transient": 0.002, "half_spread": 0.02},
        {"liquidity": ox.RegimeSwitching(), "side": "buy"},
        {"max_participation": 0.006, "leftover_haircut": 1.0},
        {"max_participation": 0.01, "max_fraction": 0.15, "half_spread": 0.02, "leftover_haircut": 0.3},
        {"max_fraction": 0.2, "leftover_haircut": 1.0},
        {"max_participation": 0.006, "liquidity": ox.Shocks(ox.RegimeSwitching(), 0.1, -0.3)},
    ],
    ids=str,
)
def test_it_is_what_pairing_with_the_optimum_finds(changes: dict[str, Any]) -> None:
    """Beside the optimum on the same shocks, for plans, an adaptive rule and one that sees less."""
    problem = NORMAL.replace(**changes)
    solution = ox.optimum(problem)
    base = ox.simulate(problem, solution, PAIRED, seed=7)
    own, _ = lost(solution, base)
    assert own.mean() < 1e-3 if not problem.market.transient else 0.1
    for policy, sees in ((ox.twap(problem), True), (ox.rolling(problem), True), (ox.rolling(problem), False)):
        run = ox.simulate(problem, policy, PAIRED, seed=7, observe_liquidity=sees)
        regret, error = lost(solution, run)
        difference = regret - own - (run.objective - base.objective)
        assert abs(difference.mean()) < 4.5 * difference.std() / PAIRED**0.5 + error


def test_schedules_and_rules_of_the_level_have_an_exact_one() -> None:
    for problem in (NORMAL, NORMAL.replace(liquidity=ox.Shocks(ox.OrnsteinUhlenbeck(), 0.05, -0.5), half_spread=0.01)):
        value = ox.optimum(problem).value
        for plan in (ox.twap(problem), ox.almgren_chriss(problem), ox.best_static(problem)):
            found = ox.regret(problem, plan, 20_000, seed=3)
            assert abs(found.total - (ox.exact_objective(problem, plan) - value)) < 1.6 * found.ci
        found = ox.regret(problem, ox.rolling(problem), 20_000, seed=3)
        assert abs(found.total - (ox.exact_value(problem, ox.rolling(problem)) - value)) < 1.6 * found.ci
        assert found.ci < 0.02 * found.total


def test_the_notes_market_takes_a_thousandth_of_the_episodes() -> None:
    """Half-widths at 20,000 episodes of the rolling rule's regret: ±0.018 paired with the optimum."""
    policies = {"optimum": ox.optimum(NORMAL), "rolling": ox.rolling(NORMAL)}
    table: Any = ox.evaluate(NORMAL, policies, 20_000)
    row = table.loc["rolling"]
    assert 0.016 < row["diff_ci"] < 0.020
    assert row["regret_ci"] < 0.0005
    assert abs(row["regret"] - row["diff"]) < row["diff_ci"]
    gap = ox.exact_objective(NORMAL, ox.best_static(NORMAL)) - ox.optimum(NORMAL).value
    assert row["gap_closed"] == pytest.approx(1 - row["regret"] / gap, rel=1e-12)
    assert row["regret_ci"] / gap <= row["gap_closed_ci"] < 2 * row["regret_ci"] / gap  # J_static has a grid's error


@pytest.mark.parametrize(
    ("policy", "market"), [(ox.rolling, "normal"), (ox.almgren_chriss, "normal"), (ox.twap, "regimes")], ids=range(3)
)
def test_intervals_cover_the_exact_regret(policy: Any, market: str) -> None:
    problem = NORMAL if market == "normal" else ox.presets.stress()[market]
    rule, solution = policy(problem), ox.optimum(problem)
    exact = ox.exact_value(problem, rule) - solution.value
    found = [lost(solution, ox.simulate(problem, rule, 20_000, seed=seed)) for seed in range(15)]
    regret = np.concatenate([regret for regret, _ in found]).reshape(-1, 1_000)
    half = 1.96 * regret.std(axis=1, ddof=1) / 1_000**0.5 + max(error for _, error in found)
    covered = abs(regret.mean(axis=1) - exact) <= half
    assert len(covered) == 300
    assert 0.915 < covered.mean() < 0.985


@pytest.mark.parametrize("name", ["normal", "regimes", "liquidity_collapse", "participation_cap"])
def test_the_optimum_closes_the_whole_gap(name: str) -> None:
    problem = NORMAL if name == "normal" else ox.presets.stress()[name]
    for episodes in (300, 3_000):
        table: Any = ox.evaluate(problem, {"optimum": ox.optimum(problem)}, episodes)
        assert table.loc["optimum", "gap_closed"] == pytest.approx(1, abs=1e-5)
        assert -1e-9 < table.loc["optimum", "regret"] < 1e-4
        assert table.loc["optimum", "regret_ci"] < 1e-3


def test_grids_are_in_the_interval_under_a_cap() -> None:
    """What a rule loses by coarser grids is in the interval, however many episodes make chance small."""
    problem = NORMAL.replace(max_participation=0.006, leftover_haircut=5.0)
    solution, run = ox.optimum(problem), ox.simulate(problem, ox.rolling(problem), PAIRED)
    assert isinstance(solution, CappedOptimum)
    regret, error = lost(solution, run)
    coarse, _ = lost(solution.coarse, run)
    assert 0.001 < error == pytest.approx(abs((regret - coarse).mean()))
    table: Any = ox.evaluate(problem, {"rolling": ox.rolling(problem)}, PAIRED)
    assert table.loc["rolling", "regret_ci"] > 1.95 * regret.std() / PAIRED**0.5 + 0.8 * error


def test_where_a_policy_loses() -> None:
    found = ox.regret(NORMAL, ox.rolling(NORMAL), 12_000, seed=5)
    table: Any = ox.evaluate(NORMAL, {"rolling": ox.rolling(NORMAL)}, 12_000, seed=5)
    row = table.loc["rolling"]  # which the best schedule's episodes make sharper
    assert found.total == pytest.approx(row["regret"], abs=row["regret_ci"])
    assert found.ci == pytest.approx(row["regret_ci"], rel=0.1)
    assert found.by_level.sum(axis=1) == pytest.approx(found.by_period, rel=1e-12)
    assert found.by_period.sum() == pytest.approx(found.total, rel=1e-12)
    assert found.by_period[-1] == found.by_period_ci[-1] == 0  # the last trade is forced
    assert (found.by_level >= 0).all()
    assert found.visits.sum(axis=1) == pytest.approx(np.ones(20))
    assert found.edges[0] == 0
    assert found.edges[-1] == np.inf
    assert found.visits[0].max() == 1  # it starts at its mean
    later = found.visits[5:].mean(axis=0)
    assert len(later) == 10
    assert later.min() > 0.06
    assert later.max() < 0.16
    rows = found.table()
    assert list(rows.columns) == ["period", "level_from", "level_to", "visits", "regret"]
    assert len(rows) == 200
    assert rows["regret"].sum() == pytest.approx(found.total)
    assert rows.groupby("period")["regret"].sum().to_numpy() == pytest.approx(found.by_period)


def test_intervals_by_period_and_bins_by_hand() -> None:
    problem = ox.presets.stress()["regimes"].replace(volume_profile=(1.5,) * 10 + (0.5,) * 10)
    rule = ox.rolling(problem)
    found = ox.regret(problem, rule, 4_000, seed=2)
    assert found.edges.tolist() == [0, 1, np.inf]
    run, solution = ox.simulate(problem, rule, 4_000, seed=2), ox.optimum(problem)
    for k in (0, 7, 15):
        gaps = solution.gaps(k, run.liquidity[:, k])(run.inventory[:, k], run.transient[:, k], run.trades[:, k])
        low = run.liquidity[:, k] / problem.profile[k] < 1
        assert found.by_level[k] == pytest.approx([gaps[low].sum() / 4_000, gaps[~low].sum() / 4_000])
        assert found.visits[k] == pytest.approx([low.mean(), 1 - low.mean()])
        assert found.by_period_ci[k] == pytest.approx(1.96 * gaps.std(ddof=1) / 4_000**0.5, rel=1e-4, abs=1e-12)
    few = ox.regret(NORMAL, ox.twap(NORMAL), 100, bins=3)
    assert few.by_level.shape == (20, 3)
    one = ox.regret(ox.presets.reference(), ox.twap(ox.presets.reference()), 2)
    assert one.by_level.shape == (20, 1)


def test_less_sight_loses_and_says_where() -> None:
    seen = ox.regret(NORMAL, ox.rolling(NORMAL), 4_000)
    blind = ox.regret(NORMAL, ox.rolling(NORMAL), 4_000, observe_liquidity=False)
    assert blind.total - blind.ci > 10 * seen.total


BOUNDS = {
    "caps and transient impact": NORMAL.replace(transient=0.002, max_participation=0.01),
    "a shocked high regime looks like a low one": NORMAL.replace(
        liquidity=ox.Shocks(ox.RegimeSwitching(high=1.0, low=0.5), probability=0.2, size=-0.5)
    ),
    "so it does under a cap": NORMAL.replace(
        liquidity=ox.Shocks(ox.RegimeSwitching(high=1.5, low=0.5), probability=0.2, size=-2 / 3), max_participation=0.01
    ),
}


@pytest.mark.parametrize("problem", BOUNDS.values(), ids=BOUNDS)
def test_no_regret_against_a_bound(problem: ox.Problem) -> None:
    assert ox.optimum(problem).bound
    with pytest.raises(ValueError, match="regret needs the optimum, and of this problem's only a bound is known"):
        ox.regret(problem, ox.twap(problem), 100)
    table: Any = ox.evaluate(problem, {"TWAP": ox.twap(problem)}, 100)
    for column in ("regret", "regret_ci", "gap_closed", "gap_closed_ci"):
        assert np.isnan(table.loc["TWAP", column])
    assert np.isfinite(table.loc["TWAP", "objective"])


def test_states_that_share_a_level_and_a_future_are_no_matter() -> None:
    calm = ox.Shocks(ox.ConstantLiquidity(), probability=0.3, size=0.0)
    assert not ox.optimum(NORMAL.replace(liquidity=calm)).bound
    assert not ox.optimum(NORMAL.replace(liquidity=calm, max_participation=0.01)).bound


def test_regret_has_no_need_of_a_gap() -> None:
    """Nothing to adapt to leaves no gap to divide by, and a plan that is not the best loses all the same."""
    calm = ox.presets.reference()
    table: Any = ox.evaluate(calm, {"TWAP": ox.twap(calm), "AC": ox.almgren_chriss(calm)}, 100)
    assert np.isnan(table["gap_closed"]).all()
    assert table.loc["TWAP", "regret"] == pytest.approx(2210.0 - 1790.43, abs=0.01)
    assert table.loc["AC", "regret"] == pytest.approx(0, abs=1e-8)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="policy must be a policy"):
        ox.regret(NORMAL, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="episodes must be an integer >= 2, got 1"):
        ox.regret(NORMAL, ox.twap(NORMAL), 1)
    with pytest.raises(ValueError, match="bins must be an integer >= 1, got 0"):
        ox.regret(NORMAL, ox.twap(NORMAL), 100, bins=0)
    with pytest.raises(ValueError, match="was made for an order"):
        ox.regret(NORMAL, ox.twap(NORMAL.replace(periods=5)), 100)


@pytest.mark.parametrize("market", ["normal", "transient_impact"])
def test_the_best_schedule_makes_other_regrets_sharper(market: str) -> None:
    """It closes nothing, exactly, and what a policy loses as it does is not left to chance."""
    problem = NORMAL if market == "normal" else ox.presets.stress()[market]
    policies = {name: getattr(ox, name)(problem) for name in ("best_static", "almgren_chriss", "rolling")}
    table: Any = ox.evaluate(problem, policies, 4_000, seed=3)
    alone = {name: ox.regret(problem, policy, 4_000, seed=3) for name, policy in policies.items()}
    assert table.loc["best_static", "gap_closed"] == pytest.approx(0, abs=1e-12)
    assert table.loc["best_static", "gap_closed_ci"] == pytest.approx(0, abs=1e-9)
    assert table.loc["almgren_chriss", "regret_ci"] < 0.4 * alone["almgren_chriss"].ci
    assert table.loc["rolling", "regret_ci"] < 1.1 * alone["rolling"].ci
    exact = ox.exact_objective(problem, policies["almgren_chriss"]) - ox.optimum(problem).value
    assert abs(table.loc["almgren_chriss", "regret"] - exact) < 1.5 * table.loc["almgren_chriss", "regret_ci"]
    gap = ox.exact_objective(problem, policies["best_static"]) - ox.optimum(problem).value
    for _, row in table.iterrows():
        assert row["gap_closed"] == pytest.approx(1 - row["regret"] / gap, abs=1e-9)


@pytest.mark.parametrize("episodes", [2, 99, 100])
def test_few_episodes_have_wide_intervals(episodes: int) -> None:
    """Two points lie on a line: a control variate would leave no chance."""
    table: Any = ox.evaluate(NORMAL, {"TWAP": ox.twap(NORMAL)}, episodes)
    assert table.loc["TWAP", "regret_ci"] > 0.01
