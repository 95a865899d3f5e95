"""Liquidity processes: positivity, stationary moments, and the conditional expectation operator."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import optexec as ox
from optexec.liquidity import Chain, extrapolated
from optexec.noise import draw, stream
from tests.optexec.strategies import liquidities

PROCESSES = [
    ox.ConstantLiquidity(0.7),
    ox.OrnsteinUhlenbeck(),
    ox.OrnsteinUhlenbeck(mean=0.3, volatility=0.1, initial=0.6),
    ox.RegimeSwitching(initial="low", switch=0.2),
    ox.Shocks(ox.ConstantLiquidity(), probability=0.1),
    ox.Shocks(ox.OrnsteinUhlenbeck(), probability=0.05, size=-0.7),
    ox.Shocks(ox.OrnsteinUhlenbeck(), probability=0.05, size=0.5),
    ox.Shocks(ox.RegimeSwitching(), probability=0.1),
]


def paths(process: Any, episodes: int = 100_000, seed: int = 1, periods: int = 20) -> np.ndarray[Any, Any]:
    problem = ox.Problem(order=ox.Order(periods=periods), market=ox.Market(liquidity=process))
    return draw(problem, episodes, seed).liquidity


def mean_and_error(sample: np.ndarray[Any, Any]) -> tuple[float, float]:
    return float(sample.mean()), float(sample.std() / len(sample) ** 0.5)


@given(process=liquidities, seed=st.integers(0, 2**32))
def test_levels_are_positive_and_start_where_told(process: Any, seed: int) -> None:
    levels = paths(process, 5, seed, 6)
    assert (levels > 0).all()
    chain = process.chain(1.0, 6)
    assert levels[0] == pytest.approx(chain.levels[chain.start], rel=1e-14)


@given(process=liquidities)
def test_operator_is_a_conditional_expectation(process: Any) -> None:
    chain = process.chain(1.0, 6, 51)
    assert np.allclose(chain.matrix.sum(axis=1), 1, atol=1e-12)
    assert chain.matrix.min() > -1e-6  # rounding, over the width of a cell where liquidity hardly moves


@pytest.mark.parametrize("process", PROCESSES, ids=str)
@pytest.mark.parametrize("function", [np.log, np.reciprocal], ids=["log", "inverse"])
def test_operator_agrees_with_simulation(process: Any, function: Any) -> None:
    """E f(L_k) by powers of the operator, against the mean over paths."""
    levels = paths(process)
    for k in (1, 7, 19):

        def expectation(chain: Chain, k: int = k) -> float:
            value = function(chain.levels)
            for _ in range(k):
                value = chain.matrix @ value
            return float(value[chain.start])

        exact, error = extrapolated(expectation, process, 1.0, 20)
        sampled, deviation = mean_and_error(function(levels[k]))
        assert abs(exact - sampled) <= 4 * deviation + error + 1e-12


def test_operator_integrates_through_the_floor() -> None:
    """One step, against adaptive quadrature of the clipped normal."""
    process = ox.OrnsteinUhlenbeck(mean=0.3, volatility=0.2)
    chain = process.chain(1.0, 20, 1601)
    start = 400
    level = float(chain.levels[start])
    centre = level + 0.5 * (0.3 - level)
    expected = (
        np.exp(-process.floor) * norm.cdf((process.floor - centre) / 0.2)
        + quad(lambda y: np.exp(-y) * norm.pdf(y, centre, 0.2), process.floor, 3, epsabs=1e-12)[0]
    )
    assert (chain.matrix @ np.exp(-chain.levels))[start] == pytest.approx(expected, rel=1e-6)


def test_ornstein_uhlenbeck_moments() -> None:
    process = ox.OrnsteinUhlenbeck(floor=1e-6)  # a floor out of reach
    levels = paths(process)
    drift, late = 1 - process.speed, levels[19]
    variance = process.volatility**2 * (1 - drift**38) / (1 - drift**2)
    mean, error = mean_and_error(late)
    assert abs(mean - 1) < 4 * error
    spread, error = mean_and_error((late - 1) ** 2)
    assert abs(spread - variance) < 4 * error
    lagged, error = mean_and_error((late - 1) * (levels[16] - 1))
    assert abs(lagged - variance * drift**3) < 4 * error


def test_regime_moments() -> None:
    process = ox.RegimeSwitching(switch=0.05)
    levels = paths(process)
    for k in (1, 5, 19):
        mean, error = mean_and_error(levels[k])
        assert abs(mean - (1 + 0.5 * 0.9**k)) < 4 * error
    assert set(np.unique(levels)) == {0.5, 1.5}
    assert (levels[0] == 1.5).all()


def test_regime_switching_never_and_always() -> None:
    assert (paths(ox.RegimeSwitching(switch=0.0), 50) == 1.5).all()
    always = paths(ox.RegimeSwitching(switch=1.0, initial="low"), 50)
    assert (always[0::2] == 0.5).all()
    assert (always[1::2] == 1.5).all()


def test_shock_lasts_one_period_over_a_memoryless_base_and_reverts_over_a_mean_reverting_one() -> None:
    constant = paths(ox.Shocks(ox.ConstantLiquidity(), probability=0.1, size=-0.5), 20_000)
    hit = constant == 0.5
    share, error = mean_and_error(hit[1:].ravel().astype(float))
    assert abs(share - 0.1) < 4 * error
    again, error = mean_and_error(hit[2:][hit[1:-1]].astype(float))
    assert abs(again - 0.1) < 4 * error

    still = ox.Shocks(ox.OrnsteinUhlenbeck(volatility=0.0), probability=0.02, size=-0.8)
    levels = paths(still, 5_000)
    first = (levels[1] == 1 - 0.8) & (levels[2] > levels[1])
    assert first.any()
    assert levels[2][first] == pytest.approx(0.2 + 0.5 * (1 - 0.2))


def test_shocks_respect_the_floor() -> None:
    process = ox.Shocks(ox.OrnsteinUhlenbeck(floor=0.3), probability=0.5, size=-0.95)
    levels = paths(process, 1_000)
    assert levels.min() == 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ox.ConstantLiquidity(0), "level must be finite and > 0, got 0"),
        (lambda: ox.OrnsteinUhlenbeck(mean=0.1), "mean must be finite and > 0.1, got 0.1"),
        (lambda: ox.OrnsteinUhlenbeck(floor=0), "floor must be finite and > 0, got 0"),
        (lambda: ox.OrnsteinUhlenbeck(initial=0.05), "initial must be finite and >= 0.1, got 0.05"),
        (lambda: ox.OrnsteinUhlenbeck(speed=float("nan")), "speed must be finite and >= 0, got nan"),
        (lambda: ox.RegimeSwitching(high=0.4), "high must be finite and > 0.5, got 0.4"),
        (lambda: ox.RegimeSwitching(switch=1.5), "switch must be finite and >= 0 and <= 1, got 1.5"),
        (lambda: ox.RegimeSwitching(initial="middle"), r"initial must be one of \['high', 'low'\], got 'middle'"),
        (lambda: ox.Shocks(ox.ConstantLiquidity(), size=-1), "size must be finite and > -1, got -1"),
        (lambda: ox.Shocks(ox.ConstantLiquidity(), probability=2), "probability must be finite"),
    ],
)
def test_bad_processes(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_shocks_refuse_other_bases() -> None:
    with pytest.raises(TypeError, match="base must be a ConstantLiquidity"):
        ox.Shocks(ox.Shocks(ox.ConstantLiquidity()))  # type: ignore[arg-type]


def test_no_initial_level_means_the_mean_also_after_a_change() -> None:
    process = ox.OrnsteinUhlenbeck()
    assert process.initial is None
    assert dataclasses.replace(process, mean=0.5).start == 0.5


@pytest.mark.parametrize("base", [ox.RegimeSwitching(), ox.ConstantLiquidity(), ox.OrnsteinUhlenbeck()])
@pytest.mark.parametrize("size", [-0.7, 0.4])
def test_levels_of_a_chain_ascend(base: Any, size: float) -> None:
    """And are the same process as without order: the mean goes the same way."""
    process = ox.Shocks(base=base, probability=0.1, size=size)
    chain = process.chain(1.0, 20)
    assert (np.diff(chain.levels) >= 0).all()
    assert chain.matrix.sum(axis=1) == pytest.approx(np.ones(len(chain.levels)))
    drawn = process.paths(stream(0).standard_normal((process.noises, 6, 40_000)), 1.0)
    means = [distribution @ chain.levels for distribution in chain.distributions(6)]
    assert means[0] == pytest.approx(base.start if hasattr(base, "start") else drawn[0].mean())
    assert drawn.mean(axis=1) == pytest.approx(means, abs=5 * drawn.std() / 200)


def test_a_chain_puts_itself_in_order() -> None:
    matrix = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.0, 0.4, 0.6]])
    chain = Chain(np.array([2.0, 0.5, 1.0]), matrix, 0)
    assert chain.levels.tolist() == [0.5, 1.0, 2.0]
    assert chain.start == 2
    assert chain.matrix[2].tolist() == [0.1, 0.0, 0.9]
    assert chain.matrix[0].tolist() == [0.5, 0.3, 0.2]
