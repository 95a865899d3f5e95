"""The market that least squares sees: the truth where its form is right, and something else where it is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import optexec as ox
from optexec.offline import fitted

PROBLEM = ox.presets.stochastic()


@pytest.mark.parametrize("behaviour", ["mixture", "twap"])
def test_a_market_of_the_right_form_is_found(behaviour: str) -> None:
    estimates = [fitted(ox.collect(PROBLEM, behaviour, 2000, seed)).market for seed in range(6)]

    def check(name: str, found: list[float], truth: float) -> None:
        error = float(np.std(found, ddof=1)) / len(found) ** 0.5
        assert abs(np.mean(found) - truth) < 4 * error + 0.002 * truth, name

    for name in ("temporary", "permanent", "volatility"):
        check(name, [getattr(market, name) for market in estimates], getattr(PROBLEM.market, name))
    process = PROBLEM.market.liquidity
    assert isinstance(process, ox.OrnsteinUhlenbeck)
    for name in ("mean", "speed", "volatility"):
        check(name, [getattr(market.liquidity, name) for market in estimates], getattr(process, name))


def test_the_length_of_a_period_is_accounted_for() -> None:
    problem = PROBLEM.replace(dt=0.5, volatility=0.03, liquidity=ox.OrnsteinUhlenbeck(speed=0.8, volatility=0.3))
    market = fitted(ox.collect(problem, "mixture", 4000, 3)).market
    assert market.volatility == pytest.approx(0.03, rel=0.1)
    assert isinstance(market.liquidity, ox.OrnsteinUhlenbeck)
    assert market.liquidity.speed == pytest.approx(0.8, rel=0.1)
    assert market.liquidity.volatility == pytest.approx(0.3, rel=0.05)


def test_the_orders_own_charges_are_no_impact() -> None:
    capped = ox.presets.stress()["participation_cap"].replace(max_fraction=0.25, violation_penalty=3.0)
    free = capped.replace(violation_penalty=0.0)
    charged, plain = (fitted(ox.collect(problem, "mixture", 300, 3)).market for problem in (capped, free))
    assert charged.temporary == pytest.approx(plain.temporary, rel=1e-6)
    assert charged.permanent == pytest.approx(plain.permanent, rel=1e-6)
    assert charged.volatility == pytest.approx(plain.volatility, rel=1e-6)


def test_what_the_form_leaves_out_goes_into_its_estimates() -> None:
    problem = PROBLEM.replace(transient=0.002)
    market = fitted(ox.collect(problem, "mixture", 2000, 3)).market
    assert market.transient == 0
    assert market.permanent == 0  # least squares would have it negative: early trades make later ones dearer
    assert market.temporary > problem.market.instantaneous


def test_transient_impact_is_found_where_it_is_looked_for() -> None:
    problem = PROBLEM.replace(transient=0.002, dt=0.5, decay=0.3, decay_noise=0.1)
    market = fitted(ox.collect(problem, "mixture", 4000, 3), transient=True).market
    assert market.transient == pytest.approx(0.002, rel=0.01)
    assert market.decay == pytest.approx(0.3, rel=0.01)
    assert market.decay_noise == pytest.approx(0.1, rel=0.02)
    assert market.temporary == pytest.approx(0.01, rel=0.02)
    assert market.permanent == pytest.approx(0.001, rel=0.15)
    plain = ox.collect(PROBLEM, "mixture", 50)
    with pytest.raises(ValueError, match="shows no transient impact"):
        fitted(plain, transient=True)


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(ValueError, match="data must show liquidity"):
        fitted(ox.collect(PROBLEM, "mixture", 5, observe_liquidity=False))
    log = ox.collect(PROBLEM, "mixture", 5)
    seen, after = log.observations.copy(), log.next_observations.copy()
    seen[:, 4] = after[:, 4] = 2.0 ** np.arange(100) * 1e-9
    after[:-1, 4] = seen[1:, 4]
    with pytest.raises(ValueError, match="does not revert to a mean"):
        fitted(dataclasses.replace(log, observations=seen, next_observations=after))
    with pytest.raises(ValueError, match="tell no volatility"):
        fitted(ox.collect(PROBLEM.replace(risk_aversion=0.0), "mixture", 5))
