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


def test_frozen() -> None:
    problem = ox.Problem()
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.risk_aversion = 1.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        problem.profile[0] = 2.0
