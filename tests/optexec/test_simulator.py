"""The one transition: same seed same bits, batches equal single paths, accounting identities."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec import simulator
from optexec.noise import BLOCK, draw
from optexec.simulator import State, cost_parts, step
from tests.optexec.strategies import problems

NORMAL = ox.presets.stochastic()
ARRAYS = [f.name for f in dataclasses.fields(ox.Episodes) if f.name != "problem"]


class Wild:
    """A deterministic function of the observation that wishes anything from -0.2 to 1.2."""

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return 0.5 + 0.7 * np.sin(40 * observation[:, 0] + 7 * observation[:, 4] + 100 * observation[:, 3])


def same(one: ox.Episodes, other: ox.Episodes, rows: slice = slice(None)) -> bool:
    names = [*ARRAYS, "shortfall", "running_risk", "objective", "leftover"]
    return all(np.array_equal(getattr(one, name)[rows], getattr(other, name)) for name in names)


def test_prices_move_with_the_volatility_profile() -> None:
    """The same normals, a multiple a period; what an even day draws is not touched."""
    shape = np.array([3.0, 1.0, 0.5, 0.5]) / (10.5 / 4) ** 0.5
    even = NORMAL.replace(periods=4, permanent=0.0)
    moves = [np.diff(ox.simulate(one, ox.twap(one), 5).mid) for one in (even, even.replace(volatility_profile=shape))]
    assert moves[1] == pytest.approx(moves[0] * shape, rel=1e-9)


def test_impact_is_divided_by_depth() -> None:
    problem = NORMAL.replace(periods=4, slippage=0.0, depth_exponent=0.5)
    run = ox.simulate(problem, ox.twap(problem), 5)
    paid = run.mid[:, :-1] - run.fills
    assert paid == pytest.approx(0.01 * run.trades / run.liquidity**0.5, rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(problem=problems(caps=True), seed=st.integers(0, 2**40), seen=st.booleans())
def test_same_seed_same_bits_and_the_first_n_of_a_longer_run(problem: ox.Problem, seed: int, seen: bool) -> None:
    long = ox.simulate(problem, Wild(), 23, seed, observe_liquidity=seen)
    assert same(long, ox.simulate(problem, Wild(), 23, seed, observe_liquidity=seen))
    assert same(long, ox.simulate(problem, Wild(), 7, seed, observe_liquidity=seen), slice(0, 7))
    assert same(long, ox.simulate(problem, Wild(), 1, seed, first=11, observe_liquidity=seen), slice(11, 12))


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ox.simulate(NORMAL, Wild(), 3_000)
    monkeypatch.setattr(simulator, "CHUNK", 700)
    assert same(whole, ox.simulate(NORMAL, Wild(), 3_000))


def test_different_seeds_blocks_and_channels_differ() -> None:
    shocks = draw(NORMAL, 2 * BLOCK, 1)
    assert not np.array_equal(shocks.price, draw(NORMAL, 2 * BLOCK, 2).price)
    assert not np.array_equal(shocks.price[:, :BLOCK], shocks.price[:, BLOCK:])
    correlation = np.corrcoef([shocks.price.ravel(), shocks.slippage.ravel(), shocks.liquidity.ravel()])
    assert np.abs(correlation - np.eye(3)).max() < 0.03


def test_parameters_change_only_what_depends_on_them() -> None:
    calm, wild = draw(NORMAL, 10), draw(NORMAL.replace(volatility=0.2, transient=0.002), 10)
    assert wild.price == pytest.approx(10 * calm.price, rel=1e-12)
    assert np.array_equal(calm.slippage, wild.slippage)
    assert np.array_equal(calm.liquidity, wild.liquidity)


@settings(deadline=None, max_examples=40)
@given(problem=problems(caps=True), seed=st.integers(0, 1000))
def test_floats_and_arrays_take_the_same_steps(problem: ox.Problem, seed: int) -> None:
    n = 4
    shocks = draw(problem, n, seed)
    wishes = np.random.default_rng(seed).uniform(-0.2, 1.2, (problem.order.periods, n))
    state = State(0, np.full(n, problem.order.shares), np.zeros(n), np.zeros(n))
    singles = [State(0, problem.order.shares, 0.0, 0.0) for _ in range(n)]
    columns = [shocks.episode(i) for i in range(n)]
    for k in range(problem.order.periods):
        before = state
        state, outcome = step(problem, state, wishes[k], shocks[k])
        parts = cost_parts(problem, before, outcome, state, shocks[k])
        for i in range(n):
            start = singles[i]
            singles[i], single = step(problem, start, float(wishes[k, i]), columns[i][k])
            assert single == tuple(float(np.asarray(field)[i]) for field in outcome)
            assert singles[i][1:] == tuple(float(np.asarray(field)[i]) for field in state[1:])
            single_parts = cost_parts(problem, start, single, singles[i], columns[i][k])
            assert single_parts == {name: float(part[i]) for name, part in parts.items()}


@settings(deadline=None, max_examples=60)
@given(problem=problems(caps=True), seed=st.integers(0, 1000))
def test_accounting(problem: ox.Problem, seed: int) -> None:
    run = ox.simulate(problem, Wild(), 5, seed)
    order, market = problem.order, problem.market
    scale = order.shares * market.price
    assert run.inventory.shape == run.mid.shape == (5, order.periods + 1)
    assert run.trades.shape == run.fills.shape == run.liquidity.shape == run.transient.shape == (5, order.periods)
    assert run.trades.sum(axis=1) + run.leftover == pytest.approx(np.full(5, order.shares), rel=1e-12)
    assert (run.inventory >= 0).all()
    assert (run.trades >= 0).all()
    assert (run.trades <= order.max_fraction * run.inventory[:, :-1] * (1 + 1e-12)).all()
    if order.max_participation is not None:
        assert (run.trades <= order.max_participation * market.volume * run.liquidity * (1 + 1e-12)).all()
    sign = 1 if order.side == "sell" else -1
    paid = sign * (run.trades * (market.price - run.fills)).sum(axis=1)
    paid += run.leftover * (sign * (market.price - run.mid[:, -1]) + problem.haircut)
    assert run.shortfall == pytest.approx(paid, abs=1e-9 * scale)
    assert run.completion == pytest.approx(1 - run.leftover / order.shares)
    held = run.inventory[:, 1:] ** 2 @ problem.variance_profile
    risk = problem.risk_aversion * market.volatility**2 * order.dt * held
    assert run.running_risk == pytest.approx(risk, rel=1e-12)
    assert (run.violations <= order.periods - 1).all()


@given(problem=problems(caps=True), seed=st.integers(0, 1000))
def test_a_buy_is_the_mirror_image(problem: ox.Problem, seed: int) -> None:
    policy = ox.rolling(problem)
    sale, buy = (ox.simulate(problem.replace(side=side), policy, 3, seed) for side in ("sell", "buy"))
    price = problem.market.price
    assert sale.mid - price == pytest.approx(price - buy.mid, abs=1e-9 * price)
    assert sale.fills - price == pytest.approx(price - buy.fills, abs=1e-9 * price)
    assert np.array_equal(sale.trades, buy.trades)
    assert buy.shortfall == pytest.approx(sale.shortfall, abs=1e-9 * price * problem.order.shares)


def test_a_seller_cannot_beat_the_arrival_price_in_expectation() -> None:
    """The sign of everything: each policy's expected shortfall is positive, in both markets and on both sides."""
    for problem in (ox.presets.reference(), NORMAL, NORMAL.replace(side="buy"), ox.presets.almgren_chriss_2000()):
        for policy in (ox.twap(problem), ox.almgren_chriss(problem), ox.rolling(problem), Wild()):
            run = ox.simulate(problem, policy, 20_000)
            assert run.shortfall.mean() > 4 * run.shortfall.std() / 20_000**0.5
            assert (run.expected_shortfall > 0).all()


def test_conditional_and_realised_shortfall_have_the_same_mean() -> None:
    problem = NORMAL.replace(transient=0.002, half_spread=0.01, max_fraction=0.3, leftover_haircut=0.1)
    run = ox.simulate(problem, ox.rolling(problem), 100_000)
    difference = run.shortfall - run.expected_shortfall
    assert abs(difference.mean()) < 4 * difference.std() / 100_000**0.5
    assert run.expected_shortfall.std() < run.shortfall.std()


def test_observed_volatility() -> None:
    problem = NORMAL.replace(volatility=0.1, dt=0.25)
    shocks = draw(problem, 3)
    variance = np.full(3, 0.01)
    for k in range(20):
        assert shocks.volatility[k] == pytest.approx(np.sqrt(variance))
        variance = 0.9 * variance + 0.1 * shocks.price[k] ** 2 / 0.25
    assert shocks.volatility[20] == pytest.approx(np.sqrt(variance))


class Recorder:
    """Trades as TWAP does and remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray[Any, Any]] = []
        self.resets: list[int] = []

    def reset(self, n: int) -> None:
        self.resets.append(n)

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.seen.append(observation.copy())
        return 1 / np.rint(20 * observation[:, 1].astype(float))


def test_observation_columns() -> None:
    problem = NORMAL.replace(transient=0.002, volume_profile=tuple(ox.u_shape(20)), side="buy")
    policy = Recorder()
    run = ox.simulate(problem, policy, 4)
    assert policy.resets == [4]
    assert all(seen.dtype == np.float32 and seen.shape == (4, 6) for seen in policy.seen)
    seen = np.array(policy.seen).transpose(2, 1, 0)  # column, episode, period
    expected = [
        run.inventory[:, :-1] / 1000,
        np.broadcast_to(np.arange(20, 0, -1) / 20, (4, 20)),
        run.mid[:, :-1] / 100,
        draw(problem, 4).volatility[:-1].T,
        run.liquidity,
        run.transient,
    ]
    for column, values in zip(seen, expected, strict=True):
        assert column == pytest.approx(values, rel=1e-6)


def test_hidden_liquidity_is_implied_by_the_last_fill() -> None:
    problem = NORMAL.replace(slippage=0.0, volume_profile=tuple(ox.u_shape(20)), half_spread=0.05)
    policy = Recorder()
    run = ox.simulate(problem, policy, 4, observe_liquidity=False)
    seen = np.array(policy.seen).transpose(2, 1, 0)
    profile = ox.u_shape(20)
    level = run.liquidity / profile
    assert seen[4][:, 0] == pytest.approx(np.full(4, profile[0]), rel=1e-6)  # the long-run mean, 1
    assert seen[4][:, 1:] == pytest.approx((level[:, :-1] * profile[1:]), rel=1e-4)
    assert (seen[5] == 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_non_finite_action_is_refused(bad: float) -> None:
    class Bad:
        def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return np.where(np.arange(len(observation)) == 2, bad, 0.1)

    with pytest.raises(ValueError, match=f"action must be finite, got {bad} for episode 2 in period 0"):
        ox.simulate(NORMAL, Bad(), 5)


def test_a_wrongly_shaped_action_is_refused() -> None:
    class Bad:
        def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return np.zeros((len(observation), 1))

    with pytest.raises(ValueError, match=r"action must have shape \(5,\) in period 0, got \(5, 1\)"):
        ox.simulate(NORMAL, Bad(), 5)


def test_a_schedule_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"made for an order with periods = 20, .* has periods = 10"):
        ox.simulate(NORMAL.replace(periods=10), ox.twap(NORMAL), 5)


def test_overflow_is_an_error_not_a_nan() -> None:
    calm = NORMAL.replace(liquidity=ox.OrnsteinUhlenbeck(floor=1e-300), temporary=1e100, permanent=0)
    with pytest.raises(ValueError, match="overflowed"):
        ox.simulate(calm, ox.twap(NORMAL), 100_000)


@pytest.mark.parametrize(("name", "value"), [("episodes", 0), ("episodes", -1), ("seed", -1), ("first", -1)])
def test_bad_budgets(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be an integer"):
        ox.simulate(NORMAL, ox.twap(NORMAL), **{name: value})  # type: ignore[arg-type]


def test_violations_and_completion_under_caps() -> None:
    """A 0.3 cap on the fraction of the remaining inventory leaves TWAP with 0.05 of the order unsold."""
    capped = NORMAL.replace(max_fraction=0.3, leftover_haircut=1.0)
    run = ox.simulate(capped, ox.twap(capped), 3)
    left = 1000.0
    violations = 0
    for remaining in range(20, 0, -1):
        violations += remaining > 1 and 1 / remaining > 0.3
        left *= 1 - min(1 / remaining, 0.3)
    assert run.leftover == pytest.approx(np.full(3, left))
    assert run.completion[0] == pytest.approx(0.95, abs=0.005)
    assert (run.violations == violations).all()  # the replaced wish of the last period is not one
    assert violations == 2
    dearer = ox.simulate(capped.replace(leftover_haircut=2.0), ox.twap(capped), 3)
    assert dearer.shortfall - run.shortfall == pytest.approx(np.full(3, left))


def test_negative_wishes_are_violations_and_rounding_is_not() -> None:
    class Fixed:
        def __init__(self, wish: float) -> None:
            self.wish = wish

        def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return np.full(len(observation), self.wish)

    problem = NORMAL.replace(max_fraction=0.3, periods=3)
    below = ox.simulate(problem, Fixed(-0.1), 2)
    assert (below.violations == 2).all()
    assert below.clipped == pytest.approx(np.full(2, 200.0))
    assert (ox.simulate(problem, Fixed(float(np.float32(0.3))), 2).violations == 0).all()
    assert (ox.simulate(problem, Fixed(0.31), 2).violations == 2).all()


def test_participation_cap() -> None:
    problem = NORMAL.replace(max_participation=0.005, liquidity=ox.ConstantLiquidity(0.5))
    run = ox.simulate(problem, ox.twap(problem), 2)
    assert run.trades == pytest.approx(np.full((2, 20), 25.0))
    assert run.leftover == pytest.approx(np.full(2, 500.0))
    assert (run.violations == 19).all()
