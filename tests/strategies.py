"""Random valid problems for the property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import optexec as ox


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


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
        switch=_number(0, 1),
        initial=st.sampled_from(["high", "low"]),
    ),
    st.builds(
        ox.Shocks,
        base=st.one_of(st.builds(ox.ConstantLiquidity), st.builds(ox.OrnsteinUhlenbeck), st.builds(ox.RegimeSwitching)),
        probability=_number(0, 1),
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
            liquidity=draw(liquidities),
        ),
        risk_aversion=draw(_number(0, 10)),
    )
