"""The filter of hidden liquidity against what is known exactly, and against the truth that it does not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import optexec as ox
from optexec import simulator
from optexec.policies import Belief, Filtered
from tests.optexec.strategies import problems

NORMAL = ox.presets.stochastic()
Array = NDArray[np.float64]


class Diary:
    """A policy that keeps the observations it was shown and the number of episodes it was told of."""

    def __init__(self, policy: ox.Policy) -> None:
        self.policy = policy
        self.shown: list[Array] = []
        self.told: list[int] = []

    def reset(self, n: int) -> None:
        self.told.append(n)
        self.shown = []

    def act(self, observation: NDArray[np.floating[Any]]) -> Array:
        self.shown.append(np.array(observation, dtype=np.float64))
        return self.policy.act(observation)


class Beliefs(Filtered):
    """A filter that keeps all its beliefs."""

    def reset(self, n: int) -> None:
        super().reset(n)
        self.kept: list[Belief] = []

    def act(self, observation: NDArray[np.floating[Any]]) -> Array:
        fractions = super().act(observation)
        assert self.belief is not None
        self.kept.append(self.belief)
        return fractions


def beliefs(problem: ox.Problem, policy: ox.Policy, episodes: int = 4000) -> tuple[ox.Episodes, Array, Array, Array]:
    """Episodes traded blind, and the filter's m, P and I (n, N) before each trade."""
    made = ox.filtered(problem, policy)
    diary = Beliefs(problem, policy, made.levels, made.mean, made.variance, made.start)
    run = ox.simulate(problem, diary, episodes, seed=3, observe_liquidity=False)
    level, variance, transient, *_ = (np.transpose(each) for each in zip(*diary.kept, strict=True))
    return run, level, variance, transient


def test_without_slippage_it_predicts_from_the_last_level() -> None:
    process = NORMAL.market.liquidity
    assert isinstance(process, ox.OrnsteinUhlenbeck)
    run, level, variance, _ = beliefs(NORMAL.replace(slippage=0.0), ox.rolling(NORMAL))
    last = run.liquidity[:, :-1]
    inside = last > 0.8  # where the floor is more than 4 standard deviations away
    expected = process.mean + (1 - process.speed) * (last - process.mean)
    assert np.allclose(level[:, 0], 1.0)
    assert np.allclose(variance[:, 0], 0.0)
    assert np.allclose(level[:, 1:][inside], expected[inside], rtol=1e-4)
    assert np.allclose(variance[:, 1:][inside], process.volatility**2, rtol=2e-3)


@pytest.mark.parametrize("slippage", [0.0, 0.03, 0.1])
def test_beliefs_are_calibrated(slippage: float) -> None:
    """Errors have mean 0 and the variance that the filter states, and are smaller than those without a filter."""
    run, level, variance, _ = beliefs(NORMAL.replace(slippage=slippage), ox.almgren_chriss(NORMAL))
    for k in range(1, 15):  # later trades are too small to tell anything
        error = run.liquidity[:, k] - level[:, k]
        assert abs(error.mean()) < 0.03  # an eighth of the level's standard deviation
        assert np.mean(error**2) == pytest.approx(variance[:, k].mean(), rel=0.1)
        if k > 1:  # L_0 is known to all
            assert np.mean(error**2) < np.var(run.liquidity[:, k])


def test_the_update_is_that_of_kalman() -> None:
    """Scalar update and prediction, by hand: h v = 1, s = 0.1, m = 1, P = 0.04, and a fill that implies Y = 0.8."""
    problem = NORMAL.replace(slippage=0.1)
    trader = ox.filtered(problem, ox.rolling(problem))
    prior = Belief(*(np.array([value]) for value in (1.0, 0.04, 0.0, 1000.0, 1.0)))
    after = trader.updated(prior, np.array([[0.9, 0.9, 1.0, 0.02, 0.8, 0.0]]), 2)
    gain = 0.04 / (0.04 + 0.08**2)
    assert after.level[0] == pytest.approx(1 - 0.2 * gain)
    assert after.variance[0] == pytest.approx(0.04 * (1 - gain))
    ahead = trader.predicted(after)
    assert ahead.level[0] == pytest.approx(1 - 0.1 * gain, rel=1e-4)
    assert ahead.variance[0] == pytest.approx(0.25 * 0.04 * (1 - gain) + 0.04, rel=2e-3)


def test_a_fill_that_tells_nothing_is_skipped() -> None:
    """No trade, or a fill at the mid or better (the implied level stays): the belief is only predicted."""
    trader = ox.filtered(NORMAL, ox.rolling(NORMAL))
    prior = Belief(*(np.array([value]) for value in (1.3, 0.02, 0.0, 1000.0, 0.9)))
    for held, implied in ((1.0, 0.5), (0.9, 0.9)):
        after = trader.updated(prior, np.array([[held, 0.9, 1.0, 0.02, implied, 0.0]]), 2)
        assert (after.level[0], after.variance[0]) == (1.3, 0.02)


def test_a_level_that_repeats_is_news_without_slippage() -> None:
    """Two regimes imply the same level again and again; without slippage that is certainty."""
    problem = NORMAL.replace(slippage=0.0, liquidity=ox.RegimeSwitching(switch=0.1))
    run, level, variance, _ = beliefs(problem, ox.rolling(problem))
    assert np.allclose(level[:, 1:], np.where(run.liquidity[:, :-1] > 1, 1.4, 0.6), atol=1e-4)
    assert np.allclose(variance[:, 1:], 0.09, atol=1e-3)


def test_transient_impact_is_tracked() -> None:
    problem = NORMAL.replace(transient=0.002, slippage=0.0, decay_noise=0.0)
    run, _, _, transient = beliefs(problem, ox.rolling(problem))
    assert np.allclose(transient, run.transient, rtol=1e-3)
    noisy, _, _, transient = beliefs(problem.replace(slippage=0.01, decay_noise=0.02), ox.rolling(problem))
    assert np.abs(transient - noisy.transient).mean() < 0.05 * noisy.transient.mean()


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_profile_and_side(side: str) -> None:
    """The profile is known to the trader, so what is filtered is the process alone, on either side."""
    profile = tuple(ox.u_shape(20))
    problem = NORMAL.replace(slippage=0.0, volume_profile=profile, side=side)
    run, level, _, _ = beliefs(problem, ox.rolling(problem))
    last = run.liquidity[:, :-1] / np.array(profile[:-1])
    inside = last > 0.8
    assert np.allclose(level[:, 1:][inside], (0.5 + 0.5 * last)[inside], rtol=1e-4)


def test_in_constant_liquidity_there_is_nothing_to_filter() -> None:
    problem = ox.presets.reference().replace(slippage=0.3)
    seen = ox.simulate(problem, ox.optimum(problem), 50)
    blind = ox.simulate(problem, ox.filtered(problem, ox.optimum(problem)), 50, observe_liquidity=False)
    assert np.array_equal(seen.trades, blind.trades)


def test_it_shows_the_harmonic_mean() -> None:
    """m - P/m is 1/E[1/L] to second order, here for a spread of a fifth of the level."""
    diary = Diary(ox.rolling(NORMAL))
    trader = ox.filtered(NORMAL, diary)
    ox.simulate(NORMAL, trader, 10, observe_liquidity=False)
    assert trader.belief is not None
    m, variance = trader.belief.level, trader.belief.variance
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    inverse = (1 / (m[:, None] + np.sqrt(variance)[:, None] * nodes)) @ weights / weights.sum()
    assert np.allclose(diary.shown[-1][:, 4], m - variance / m)
    assert np.allclose(diary.shown[-1][:, 4], 1 / inverse, rtol=0.02)


def test_it_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "CHUNK", 4096)
    diary = Diary(ox.rolling(NORMAL))
    trader = ox.filtered(NORMAL, diary)
    first = ox.simulate(NORMAL, trader, 5000, observe_liquidity=False)  # two chunks
    again = ox.simulate(NORMAL, trader, 5000, observe_liquidity=False)
    assert np.array_equal(first.trades, again.trades)
    assert diary.told == [4096, 904] * 2
    alone = ox.simulate(NORMAL, trader, 10, first=4500, observe_liquidity=False)
    assert np.array_equal(first.trades[4500:4510], alone.trades)
    trader.reset(3)
    with pytest.raises(ValueError, match="from period 0 on, got period 10 first"):
        trader.act(np.array([[0.5, 0.5, 1.0, 0.02, 1.0, 0.0]]))


def test_it_is_worth_having() -> None:
    """Blind, on the same shocks: the filter beats the schedule, and the schedule beats the raw implied level."""
    problem = NORMAL.replace(slippage=0.1)
    rules: dict[str, ox.Policy] = {"AC": ox.almgren_chriss(problem), "raw": ox.rolling(problem)}
    rules["filtered"] = ox.filtered(problem, ox.rolling(problem))
    table = ox.evaluate(problem, rules, 10_000, observe_liquidity=False)
    diff, ci = table["diff"], table["diff_ci"]
    assert diff["filtered"] + ci["filtered"] < 0
    assert diff["raw"] - ci["raw"] > 0


@settings(deadline=None)
@given(problem=problems(caps=True), seed=st.integers(0, 1000))
def test_any_process_and_any_order(problem: ox.Problem, seed: int) -> None:
    problem = problem.replace(depth_exponent=1.0)
    run, level, variance, transient = beliefs(problem, ox.rolling(problem), episodes=20)
    assert np.isfinite(run.shortfall).all()
    assert (level > 0).all()
    assert (variance >= 0).all()
    assert (transient >= 0).all()
