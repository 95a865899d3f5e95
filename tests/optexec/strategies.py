"""Random valid problems for the property tests."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from hypothesis import strategies as st

import optexec as ox


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


_chance = st.one_of(st.sampled_from([0.0, 1.0]), _number(0.01, 0.99))
"""A probability of events that a sample of hundreds sees if there are any, or its standard error would say nothing."""

liquidities = st.one_of(
    st.builds(ox.ConstantLiquidity, level=_number(0.3, 3)),
    st.builds(
        ox.OrnsteinUhlenbeck,
        mean=_number(0.5, 2),
        speed=_number(0, 1.5),
        volatility=_number(0, 0.4),
        floor=_number(0.05, 0.4),
    ),
    st.builds(
        ox.RegimeSwitching,
        high=_number(1, 2),
        low=_number(0.2, 0.9),
        switch=_chance,
        initial=st.sampled_from(["high", "low"]),
    ),
    st.builds(
        ox.Shocks,
        base=st.one_of(st.builds(ox.ConstantLiquidity), st.builds(ox.OrnsteinUhlenbeck), st.builds(ox.RegimeSwitching)),
        probability=_chance,
        size=_number(-0.9, 0.5),
    ),
)


@st.composite
def problems(draw: st.DrawFn, *, caps: bool = False, transient: bool = True) -> ox.Problem:
    """A convex problem: temporary impact exceeds permanent/2 even at the highest liquidity that occurs in practice."""
    periods = draw(st.integers(1, 12))
    permanent = draw(_number(0, 0.001))
    profile = None
    if draw(st.booleans()):
        weights = np.array(draw(st.lists(_number(0.5, 1.5), min_size=periods, max_size=periods)))
        profile = tuple(weights / weights.mean())
    moves = None
    if draw(st.booleans()):
        weights = np.array(draw(st.lists(_number(0.3, 3), min_size=periods, max_size=periods)))
        moves = tuple(weights / np.mean(weights**2) ** 0.5)
    return ox.Problem(
        order=ox.Order(
            shares=draw(_number(1, 1e5)),
            periods=periods,
            dt=draw(_number(0.1, 1)),
            side=draw(st.sampled_from(["sell", "buy"])),
            max_fraction=draw(_number(0.05, 1)) if caps else 1.0,
            max_participation=draw(st.one_of(st.none(), _number(0.001, 1))) if caps else None,
            violation_penalty=draw(_number(0, 1)) if caps else 0.0,
            leftover_haircut=draw(_number(0, 1)) if caps else 0.0,
        ),
        market=ox.Market(
            price=draw(_number(1, 1000)),
            volatility=draw(_number(0, 0.5)),
            temporary=draw(_number(0.005, 0.05)),
            permanent=permanent,
            transient=draw(st.sampled_from([0.0, 0.002])) if transient else 0.0,
            decay=draw(_number(0, 1)),
            decay_noise=draw(_number(0, 0.1)),
            slippage=draw(_number(0, 0.05)),
            half_spread=draw(_number(0, 0.05)),
            volume_profile=profile,
            volatility_profile=moves,
            depth_exponent=draw(st.sampled_from([1.0, 1.0, 0.5, 0.0])),
            liquidity=draw(liquidities),
        ),
        risk_aversion=draw(_number(0, 10)),
    )


def _power(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of all magnitudes between two powers of ten."""
    return _number(low, high).map(lambda exponent: 10.0**exponent)


@st.composite
def _wide_liquidities(draw: st.DrawFn) -> ox.liquidity.Liquidity:
    level = draw(_power(-3, 3))
    continuous = ox.OrnsteinUhlenbeck(
        mean=level,
        speed=draw(_number(0, 2)),
        volatility=level * draw(st.one_of(st.just(0.0), _power(-4, 1))),
        floor=level * draw(st.one_of(_power(-12, -0.1), _number(0.5, 0.999))),
        initial=draw(st.one_of(st.none(), _number(1, 3).map(lambda factor: factor * level))),
    )
    regimes = ox.RegimeSwitching(high=2 * level, low=level * draw(_power(-6, 0)), switch=draw(_number(0, 1)))
    process: Any = draw(st.sampled_from([ox.ConstantLiquidity(level), continuous, regimes]))
    if draw(st.booleans()):
        process = ox.Shocks(process, probability=draw(_number(0, 1)), size=draw(_number(-0.99, 1)))
    return cast("ox.liquidity.Liquidity", process)


@st.composite
def wide_problems(draw: st.DrawFn) -> ox.Problem:
    """A problem of any magnitude: lambda sigma^2 dt / eta from 1e-12 to 1e30, impact up to the limit, all processes."""
    liquidity, periods = draw(_wide_liquidities()), draw(st.integers(1, 10))
    level, temporary = liquidity.long_run_mean, draw(_power(-9, 3))
    shares, dt, volatility = draw(_power(-3, 9)), draw(_power(-4, 0)), draw(_power(-6, 3))
    profile = None
    if draw(st.booleans()):
        weights = np.array(draw(st.lists(_number(0.1, 3), min_size=periods, max_size=periods)))
        profile = tuple(weights / weights.mean())
    capped = draw(st.booleans())
    participation = draw(st.one_of(st.none(), _power(-2, 0)))
    return ox.Problem(
        order=ox.Order(
            shares=shares,
            periods=periods,
            dt=dt,
            max_fraction=draw(_number(0.01, 1)) if capped else 1.0,
            max_participation=participation if capped else None,
            leftover_haircut=draw(st.sampled_from([0.0, 1.0])) if capped else 0.0,
        ),
        market=ox.Market(
            volatility=volatility,
            temporary=temporary,
            permanent=temporary / level * draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])) * min(1.0, level),
            transient=temporary * draw(st.sampled_from([0.0, 0.0, 1e-3, 0.1])),
            decay=draw(_power(-2, 2)),
            half_spread=draw(st.sampled_from([0.0, 0.01])),
            volume=shares * draw(_power(-2, 2)) / level,
            volume_profile=profile,
            liquidity=liquidity,
        ),
        risk_aversion=draw(st.one_of(st.just(0.0), _power(-12, 30))) * temporary / (volatility**2 * dt),
    )
