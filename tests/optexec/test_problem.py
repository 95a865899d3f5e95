"""Constructors: defaults, conversion, and errors that name field, value and what is allowed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.config import describe, restore


def test_defaults_are_the_contract() -> None:
    problem = ox.Problem()
    assert problem.order == ox.Order(
        shares=1000,
        periods=20,
        dt=1.0,
        side="sell",
        max_fraction=1.0,
        max_participation=None,
        violation_penalty=0.0,
        leftover_haircut=0.0,
    )
    assert problem.market == ox.Market(
        price=100.0,
        volatility=0.02,
        temporary=0.01,
        permanent=0.001,
        transient=0.0,
        decay=0.1,
        decay_noise=0.02,
        slippage=0.01,
        half_spread=0.0,
        volume=10_000.0,
        volume_profile=None,
        liquidity=ox.OrnsteinUhlenbeck(),
    )
    assert problem.risk_aversion == 0.5
    assert ox.presets.stochastic() == problem
    assert ox.presets.reference().market.liquidity == ox.ConstantLiquidity()


def test_arguments_are_keywords() -> None:
    kinds: list[Any] = [ox.Order, ox.Market, ox.Problem]
    for kind in kinds:
        with pytest.raises(TypeError, match="positional"):
            kind(1.0)


BAD_ORDERS: list[tuple[str, Any, type[Exception]]] = [
    ("shares", -1, ValueError),
    ("shares", 0, ValueError),
    ("shares", math.nan, ValueError),
    ("shares", math.inf, ValueError),
    ("shares", "1000", TypeError),
    ("shares", True, TypeError),
    ("shares", None, TypeError),
    ("periods", 0, ValueError),
    ("periods", -3, ValueError),
    ("periods", 100_001, ValueError),
    ("periods", 20.0, TypeError),
    ("periods", "20", TypeError),
    ("dt", 0, ValueError),
    ("side", "short", ValueError),
    ("side", 1, TypeError),
    ("max_fraction", 0, ValueError),
    ("max_fraction", 1.1, ValueError),
    ("max_participation", 0, ValueError),
    ("max_participation", "10%", TypeError),
    ("violation_penalty", -1, ValueError),
    ("leftover_haircut", math.nan, ValueError),
]


@pytest.mark.parametrize(("field", "value", "error"), BAD_ORDERS)
def test_bad_order(field: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=field) as caught:
        ox.Order(**{field: value})  # type: ignore[arg-type]
    assert repr(value) in str(caught.value)


BAD_MARKETS: list[tuple[str, Any, type[Exception]]] = [
    ("price", 0, ValueError),
    ("volatility", -0.1, ValueError),
    ("volatility", "2%", TypeError),
    ("permanent", -0.001, ValueError),
    ("transient", math.inf, ValueError),
    ("decay", math.nan, ValueError),
    ("slippage", -1, ValueError),
    ("volume", 0, ValueError),
    ("volume_profile", [1.0, -1.0, 3.0], ValueError),
    ("volume_profile", [1.0, 2.0], ValueError),
    ("volume_profile", [], ValueError),
    ("volume_profile", "flat", TypeError),
    ("volume_profile", [1.0, "1"], TypeError),
    ("volatility_profile", [1.0, 2.0], ValueError),
    ("volatility_profile", [1.0, -1.0], ValueError),
    ("depth_exponent", -0.1, ValueError),
    ("depth_exponent", "1", TypeError),
    ("liquidity", 1.0, TypeError),
    ("liquidity", ox.OrnsteinUhlenbeck, TypeError),
]


@pytest.mark.parametrize(("field", "value", "error"), BAD_MARKETS)
def test_bad_market(field: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=field):
        ox.Market(**{field: value})  # type: ignore[arg-type]


def test_concave_cost_is_refused() -> None:
    with pytest.raises(ValueError, match=r"temporary \+ transient/2 must be > permanent/2") as caught:
        ox.Market(temporary=0.001, permanent=0.002)
    assert "0.001" in str(caught.value)
    assert "0.002" in str(caught.value)
    assert ox.Market(temporary=0.0, transient=0.002, permanent=0.001).instantaneous == 0.001


def test_profile_must_fit_the_order() -> None:
    profile = (0.5, 1.5)
    with pytest.raises(ValueError, match=r"volume_profile must have one value a period: order.periods is 20, got 2"):
        ox.Problem(market=ox.Market(volume_profile=profile))
    assert ox.Problem(order=ox.Order(periods=2), market=ox.Market(volume_profile=profile)).profile.tolist() == [
        0.5,
        1.5,
    ]


def test_the_days_profiles_and_depth() -> None:
    """Squares of the volatility profile have mean 1; depth is a power of liquidity, the profile included."""
    shape = (0.6, 1.28**0.5, 0.6, 2**0.5)
    market = ox.Market(volatility_profile=shape, depth_exponent=0.5)
    problem = ox.Problem(order=ox.Order(periods=4), market=market)
    assert problem.variance_profile == pytest.approx([0.36, 1.28, 0.36, 2.0])
    assert problem.risk_weights == pytest.approx(0.5 * 0.02**2 * problem.variance_profile)
    assert problem.depth(4.0) == 2.0
    with pytest.raises(
        ValueError, match=r"volatility_profile must have one value a period: order.periods is 20, got 4"
    ):
        ox.Problem(market=market)
    with pytest.raises(ValueError, match=r"volatility_profile must have squares with mean 1, got mean 4.0"):
        ox.Market(volatility_profile=[2.0, 2.0])


def test_problem_parts_are_checked() -> None:
    with pytest.raises(TypeError, match=r"order must be an optexec.Order"):
        ox.Problem(order="sell 1000")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="risk_aversion must be finite and >= 0, got -1"):
        ox.Problem(risk_aversion=-1)


def test_numpy_numbers_and_arrays_are_welcome() -> None:
    order = ox.Order(shares=np.float32(500), periods=np.int64(2))  # type: ignore[arg-type]
    assert type(order.shares) is float
    market = ox.Market(volume_profile=np.array([0.5, 1.5]))  # type: ignore[arg-type]
    assert market.volume_profile == (0.5, 1.5)
    assert hash(ox.Problem(order=order, market=market)) == hash(ox.Problem(order=order, market=market))


@given(
    name=st.sampled_from([f.name for kind in (ox.Order, ox.Market) for f in dataclasses.fields(kind)]),
    value=st.one_of(
        st.floats(), st.text(max_size=3), st.none(), st.binary(max_size=2), st.lists(st.floats(), max_size=3)
    ),
)
def test_any_value_is_taken_or_refused_by_name(name: str, value: object) -> None:
    try:
        problem = ox.Problem().replace(**{name: value})
    except (TypeError, ValueError) as error:
        named = name.split("_")[0] in str(error)
    else:
        named = hash(problem) == hash(problem.replace())
    assert named


def test_replace_finds_fields_by_name() -> None:
    problem = ox.Problem().replace(volatility=0.1, risk_aversion=1.0, shares=10)
    assert (problem.market.volatility, problem.risk_aversion, problem.order.shares) == (0.1, 1.0, 10.0)
    assert problem.market.temporary == ox.Market().temporary
    whole = problem.replace(market=ox.Market(price=5.0), volatility=0.3)
    assert (whole.market.price, whole.market.volatility) == (5.0, 0.3)
    with pytest.raises(TypeError, match="unknown field 'sigma'; allowed: shares, periods"):
        problem.replace(sigma=0.1)


OU = ox.OrnsteinUhlenbeck


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shares": 1e160}, r"shares.* must be at most 1e\+150 .*shares 1e\+160"),
        ({"shares": 1e80, "temporary": 1.0}, r"shares\^2 \(temporary \+ transient\) / liquidity must be at most"),
        ({"price": 1e300}, r"shares price must be at most 1e\+150"),
        ({"slippage": 1e200}, "shares slippage must be at most"),
        ({"permanent": 1e300, "temporary": 1e300}, "shares.2 .* must be at most"),
        ({"risk_aversion": 1e160}, r"shares\^2 periods dt volatility\^2 risk_aversion must be at most"),
        ({"volume": 1e300}, "volume must be at most"),
        ({"leftover_haircut": 1e200}, "shares leftover_haircut must be at most"),
        ({"violation_penalty": 1e200}, "shares violation_penalty must be at most"),
        ({"shares": 1e-160}, r"shares.* must be at least 1e-150"),
        ({"transient": 0.001, "decay": 0.0, "decay_noise": 100.0}, "decay of transient impact.* must be at most"),
        ({"dt": 1e9}, r"speed dt must be <= 2 .*speed 0.5 .*dt 1000000000.0: shorten the period or lower the speed"),
        ({"liquidity": OU(speed=2.1)}, "speed dt must be <= 2"),
        ({"liquidity": ox.Shocks(OU(speed=2.1))}, "speed dt must be <= 2"),
        ({"liquidity": OU(volatility=1e300)}, r"liquidity must stay below 1e\+100"),
        ({"liquidity": ox.Shocks(OU(speed=0.0), 0.9, 1e10)}, "liquidity must stay below"),
        ({"liquidity": ox.Shocks(ox.ConstantLiquidity(1e90), 0.1, 1e20)}, "liquidity must stay below"),
    ],
    ids=str,
)
def test_what_cannot_be_represented_is_refused_where_it_enters(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ox.Problem().replace(**fields)


@pytest.mark.parametrize(
    "liquidity", [OU(speed=2.0), ox.Shocks(OU(speed=2.0), 0.1, 0.5), OU(speed=0.0, volatility=5.0)], ids=str
)
def test_liquidity_at_the_limit_is_a_number(liquidity: Any) -> None:
    problem = ox.Problem().replace(liquidity=liquidity, periods=200)
    chain = liquidity.chain(1.0, 200)
    assert np.isfinite(chain.levels).all()
    assert np.isfinite(chain.matrix).all()
    assert np.isfinite(ox.simulate(problem, ox.twap(problem), 50).objective).all()


def test_a_long_period_without_mean_reversion_is_a_number() -> None:
    problem = ox.presets.reference().replace(dt=1e9)
    assert ox.optimum(problem).value == pytest.approx(10_000, rel=1e-3)  # risk is all: it sells at once


def test_a_haircut_in_force_leaves_the_field_as_given() -> None:
    problem = ox.Problem().replace(max_participation=0.01)
    assert problem.order.leftover_haircut == 0
    assert restore(describe(problem)) == problem
    assert problem.haircut == pytest.approx(2 * 0.01 * 100 + 0.001 * 1000)  # 2 eta p V + gamma X


def test_frozen() -> None:
    problem = ox.Problem()
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.risk_aversion = 1.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        problem.profile[0] = 2.0
