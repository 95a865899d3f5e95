"""Calibration: estimators that recover a known market, laws of impact, and what the errors do to a plan."""

from __future__ import annotations

import contextlib
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.calibration import (
    Almgren2005,
    Calibration,
    Estimated,
    Impact,
    SquareRoot,
    calibrate,
    forecast,
    read_bars,
    synthetic,
)
from optexec.calibration.estimate import SLOWEST

ROOT = Path(__file__).parents[2]
FILE = ROOT / "book" / "data" / "bars.csv"
DEPTH = ox.OrnsteinUhlenbeck(mean=1.0, speed=0.3, volatility=0.2, floor=0.1)
TRUTH = ox.Market(price=40, volatility=0.115, volume=1e5, volume_profile=tuple(ox.u_shape(26)), liquidity=DEPTH)
ORDER = ox.Order(shares=130_000, periods=26)
LAW = Almgren2005(outstanding=5e8)


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    return synthetic(TRUTH, days=20, seed=3)


@pytest.fixture(scope="module")
def found(bars: pd.DataFrame) -> Any:
    return calibrate(bars)


def holds(estimate: Estimated, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


# --- the bar file of the report


def test_the_bar_file_is_what_its_tool_makes() -> None:
    tool = runpy.run_path(str(ROOT / "report" / "tools" / "bars.py"))
    assert FILE.read_text(encoding="utf-8") == tool["text"]()
    assert FILE.stat().st_size < 100_000
    pd.testing.assert_frame_equal(read_bars(FILE), tool["made"]().astype({"volume": np.float64}), check_dtype=False)


def test_synthetic_bars_are_reproducible_and_as_asked(bars: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(bars, synthetic(TRUTH, days=20, seed=3))
    assert not bars.equals(synthetic(TRUTH, days=20, seed=4))
    assert len(bars) == 20 * 26
    assert (bars["timestamp"].dt.day_of_week < 5).all()
    assert str(bars["timestamp"].iloc[25]) == "2026-01-05 16:00:00"


# --- recovery of known parameters


@pytest.mark.parametrize("days", [10, 40])
def test_intervals_cover_the_truth_as_often_as_they_say(days: int) -> None:
    """400 data sets: 95% less or more 3.3 standard deviations of a count, for every kind of estimate."""
    sets = 400
    truth = {"volatility": 0.115, "volume": 1e5, "speed": 0.3, "depth_volatility": 0.2}
    known = Calibration(
        price=40.0,
        profile=tuple(Estimated(value, 0, value, value) for value in ox.u_shape(26)),
        floor=0.1,
        relative=np.ones((days, 26)),
        **{name: Estimated(value, 0, value, value) for name, value in truth.items()},  # type: ignore[arg-type]
    )
    draws = known.resampled(sets, seed=11)
    for name, value in truth.items():
        inside = np.mean([holds(getattr(draw, name), value) for draw in draws])
        assert 0.914 <= inside <= 0.986, name
    inside = np.mean([[holds(*pair) for pair in zip(draw.profile, ox.u_shape(26), strict=True)] for draw in draws])
    assert 0.94 <= inside <= 0.96
    means = {name: np.mean([getattr(draw, name).value for draw in draws]) for name in truth}
    assert means == pytest.approx(truth, rel=0.04)


def test_more_days_bring_the_estimates_to_the_truth() -> None:
    found = calibrate(synthetic(TRUTH, days=1000, seed=5))
    assert found.volatility.value == pytest.approx(0.115, rel=0.02)
    assert found.volume.value == pytest.approx(1e5, rel=0.02)
    assert found.speed.value == pytest.approx(0.3, abs=0.015)
    assert found.depth_volatility.value == pytest.approx(0.2, rel=0.02)
    assert [period.value for period in found.profile] == pytest.approx(ox.u_shape(26), rel=0.03)
    assert np.mean([period.value for period in found.profile]) == pytest.approx(1.0, abs=1e-12)


def test_units_scale(bars: pd.DataFrame, found: Any) -> None:
    """Prices in cents and volumes in lots change the estimates by these factors and nothing else."""
    other = calibrate(bars.assign(price=100 * bars["price"], volume=bars["volume"] / 100))
    assert other.volatility.high == pytest.approx(100 * found.volatility.high)
    assert other.volume.low == pytest.approx(found.volume.low / 100)
    assert (other.speed.value, other.depth_volatility.value) == pytest.approx(
        (found.speed.value, found.depth_volatility.value)
    )


def test_the_autoregression_is_least_squares(bars: pd.DataFrame, found: Any) -> None:
    volume = bars["volume"].to_numpy(np.float64).reshape(20, 26)
    level = volume / volume.mean(axis=0) - 1
    slope = np.linalg.lstsq(level[:, :-1].reshape(-1, 1), level[:, 1:].ravel(), rcond=None)[0][0]
    assert found.speed.value == pytest.approx(1 - slope)
    assert found.relative.mean(axis=0) == pytest.approx(1.0)
    assert found.table().loc["speed", "value"] == found.speed.value
    assert (found.days, found.bars, found.price) == (20, 26, bars["price"].iloc[-1])


def test_a_trend_is_not_taken_for_reversion() -> None:
    """Relative volume that never reverts within a day: the speed stays at its bound instead of turning negative."""
    volume = np.repeat(np.linspace(0.6, 1.4, 20), 5) * 1000
    table = synthetic(ox.Market(price=40, volatility=0.1, liquidity=DEPTH), bars=5, days=20)
    assert calibrate(table.assign(volume=volume)).speed.value == SLOWEST


# --- what is refused


def spoiled(bars: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    table = bars.astype({"volume": np.float64})
    for name, (row, value) in columns.items():
        table[name] = table[name].astype(object)
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"price": (7, -1.0)}, "price must be finite and > 0, got -1.0 in row 7"),
        ({"price": (7, np.nan)}, "price must be finite and > 0, got nan in row 7"),
        ({"price": (7, np.inf)}, "price must be finite"),
        ({"volume": (0, -3)}, "volume must be finite and >= 0, got -3 in row 0"),
        ({"volume": (3, "many")}, "volume must be finite and >= 0, got 'many' in row 3"),
        ({"timestamp": (5, None)}, "timestamp is missing in row 5"),
        ({"timestamp": (5, "yesterday")}, "timestamp must hold dates"),
        ({"timestamp": (5, pd.Timestamp("2026-01-05 09:45"))}, "timestamps must increase, but rows 0, 5"),
        ({"timestamp": (5, pd.Timestamp("2026-01-05 11:01"))}, "at the same times"),
    ],
)
def test_bad_values_are_named(bars: pd.DataFrame, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate(spoiled(bars, **columns))


def test_bad_tables_are_named(bars: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="volume, price missing"):
        calibrate(bars[["timestamp"]])
    with pytest.raises(ValueError, match="no bars"):
        calibrate(bars.iloc[:0])
    with pytest.raises(ValueError, match="at least 5 days of at least 3 bars, got 4 days of 26"):
        calibrate(bars.iloc[: 4 * 26])
    with pytest.raises(ValueError, match="price must change"):
        calibrate(bars.assign(price=40.0))
    with pytest.raises(ValueError, match="volume must differ"):
        calibrate(bars.assign(volume=5.0))
    with pytest.raises(ValueError, match="floor must lie below 95%"):
        calibrate(bars, floor=0.9)
    with pytest.raises(ValueError, match="floor must be finite and > 0 and < 1"):
        calibrate(bars, floor=1.0)
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        calibrate(tmp_path / "none.csv")
    for name, content in {
        "empty.csv": b"",
        "zip.csv": b"PK\x03\x04\xff\xfe\x00" * 20,
        "torn.csv": b'a,b\n"1,2\n3',
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=name):
            calibrate(path)


@pytest.mark.parametrize("factor", [1e-320, 1e-200, 1e160, 1e300])
@pytest.mark.parametrize("column", ["price", "volume"])
def test_extreme_numbers_are_estimated_or_refused(bars: pd.DataFrame, column: str, factor: float) -> None:
    """Never a silent infinity, and no warning."""
    table = bars.assign(**{column: bars[column] * factor})
    with contextlib.suppress(ValueError):
        assert np.isfinite(calibrate(table).table().drop(columns="unit").to_numpy(np.float64)).all()


def test_a_file_and_its_table_say_the_same(bars: pd.DataFrame, found: Any, tmp_path: Path) -> None:
    bars.assign(venue="X").to_csv(tmp_path / "bars.csv", index=False)
    assert calibrate(tmp_path / "bars.csv").table().equals(found.table())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bars": 25}, "volume_profile must have 25"),
        ({"minutes": 60}, "must fit into a day"),
        ({"days": 0}, "days must be an integer >= 1"),
    ],
)
def test_synthetic_refuses(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthetic(TRUTH, **fields)


def test_synthetic_refuses_other_processes_and_worthless_stocks() -> None:
    with pytest.raises(TypeError, match="OrnsteinUhlenbeck"):
        synthetic(ox.Market(liquidity=ox.ConstantLiquidity()))
    with pytest.raises(ValueError, match="volatility must leave the price > 0"):
        synthetic(ox.Market(price=1.0, volatility=1.0))


# --- impact


def test_almgren_2005_is_the_papers_example() -> None:
    """IBM, GROUND_TRUTH: 10% of the day's volume in 0.1, 0.2 and 0.5 days costs I/2 + K = 19.86/2 + K bps."""
    law, V = Almgren2005(outstanding=1728e6), 6.561e6
    for days, K in ((0.1, 22.29), (0.2, 14.71), (0.5, 8.49)):
        order = ox.Order(shares=V / 10, periods=10)
        eta, gamma = law.coefficients(order, V * days / 10, V, 157.0)  # $ stand for basis points
        market = ox.Market(temporary=eta, permanent=gamma, slippage=0.0, liquidity=ox.ConstantLiquidity())
        plan = ox.twap(ox.Problem(order=order, market=market))
        assert gamma * order.shares == pytest.approx(19.86, abs=0.005)
        assert plan.expected_cost / order.shares == pytest.approx(19.86 / 2 + K, abs=0.01)


def test_square_root_law_costs_two_thirds_of_the_move() -> None:
    for stays in (0.0, 2 / 3, 1.0):
        order = ox.Order(shares=4e4, periods=7)
        eta, gamma = SquareRoot(prefactor=0.8, stays=stays).coefficients(order, 1e5, 1e6, 0.5)
        market = ox.Market(temporary=eta, permanent=gamma, slippage=0.0, liquidity=ox.ConstantLiquidity())
        moved = 0.8 * 0.5 * 0.2
        assert ox.twap(ox.Problem(order=order, market=market)).expected_cost == pytest.approx(
            order.shares * moved * 2 / 3
        )
        assert gamma * order.shares == pytest.approx(stays * moved)


@pytest.mark.parametrize(
    ("law", "fields"),
    [
        (Almgren2005, {"outstanding": 0}),
        (Almgren2005, {"outstanding": 1.0, "temporary": -1}),
        (Almgren2005, {"outstanding": 1.0, "permanent_error": float("nan")}),
        (SquareRoot, {"prefactor": 0.0}),
        (SquareRoot, {"stays": 1.1}),
        (SquareRoot, {"error": -0.1}),
    ],
)
def test_laws_are_validated(law: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(fields)[-1]):
        law(**fields)


def test_redrawn_laws_scatter_as_published() -> None:
    noise = np.random.default_rng(1)
    drawn = [LAW.redrawn(noise) for _ in range(4000)]
    assert np.std([law.permanent for law in drawn]) == pytest.approx(0.041, rel=0.05)
    assert np.mean([law.temporary for law in drawn]) == pytest.approx(0.142, rel=0.01)
    assert SquareRoot().redrawn(noise) == SquareRoot()
    assert all(isinstance(law, Impact) for law in (LAW, SquareRoot()))


# --- market and problem


def test_a_problem_of_the_whole_day(found: Any) -> None:
    problem = found.problem(ORDER, LAW, risk_aversion=2e-6, half_spread=0.005)
    market = problem.market
    assert market.volatility == found.volatility.value
    assert market.volume == pytest.approx(found.volume.value)
    assert market.volume_profile == pytest.approx([period.value for period in found.profile])
    assert market.liquidity == ox.OrnsteinUhlenbeck(1.0, found.speed.value, found.depth_volatility.value, 0.1)
    assert (market.price, market.half_spread, market.slippage, problem.risk_aversion) == (found.price, 0.005, 0.0, 2e-6)


def test_a_problem_of_part_of_the_day_in_hours(found: Any) -> None:
    """Bars 6 to 13 with time in hours: the same variance a bar, and the day's slice of the profile."""
    order = ox.Order(shares=1e4, periods=8, dt=0.25)
    market = found.market(order, LAW, first=6)
    problem = ox.Problem(order=order, market=market)
    shape = np.array([period.value for period in found.profile])[6:14]
    assert problem.step_variance == pytest.approx(found.volatility.value**2)
    assert market.volume * problem.profile == pytest.approx(found.volume.value * shape)
    process: Any = market.liquidity
    assert process.speed * 0.25 == pytest.approx(found.speed.value)
    assert process.volatility * 0.5 == pytest.approx(found.depth_volatility.value)
    with pytest.raises(ValueError, match="at most 26"):
        found.market(order, LAW, first=19)
    with pytest.raises(TypeError, match="impact must be a law"):
        found.market(order, "square root")


# --- the forecast


def test_resampling_scatters_as_the_errors_say(found: Any) -> None:
    draws = found.resampled(300, seed=2)
    for name in ("volatility", "volume", "speed", "depth_volatility"):
        spread = np.std([getattr(draw, name).value for draw in draws])
        assert spread == pytest.approx(getattr(found, name).error, rel=0.25), name
    assert found.resampled(2, seed=2)[1].table().equals(draws[1].table())


def test_forecast(found: Any) -> None:
    problem = found.problem(ORDER, LAW, risk_aversion=2e-6)
    others = [draw.problem(ORDER, LAW, risk_aversion=2e-6) for draw in found.resampled(12, seed=4)]
    planners = {"TWAP": ox.twap, "AC": ox.almgren_chriss, "optimum": ox.optimum}
    table: Any = forecast(problem, others, planners)
    neutral = problem.replace(risk_aversion=0.0)
    assert table.loc["AC", "cost"] == pytest.approx(ox.exact_value(neutral, ox.almgren_chriss(problem)))
    assert table.loc["optimum", "objective"] == pytest.approx(ox.optimum(problem).value, rel=1e-4)
    assert (table["cost_low"] < table["cost"]).all()
    assert (table["cost"] < table["cost_high"]).all()
    assert table.loc["TWAP", "regret"] == 0
    assert -1e-6 < table.loc["optimum", "regret"] <= table.loc["optimum", "regret_high"]
    certain: Any = forecast(problem, [problem], {"AC": ox.almgren_chriss}).loc["AC"]
    assert certain["cost_low"] == certain["cost_high"] == pytest.approx(certain["cost"])
    assert certain["regret"] == 0
    with pytest.raises(ValueError, match="at least one"):
        forecast(problem, [], planners)


def test_the_cost_interval_covers_the_true_cost() -> None:
    """50 data sets of a market, 40 draws each: TWAP's true cost is inside in about 95% of them."""
    true = ox.Problem(
        order=ORDER,
        market=ox.Market(
            volatility=0.115, volume=1e5, volume_profile=TRUTH.volume_profile, liquidity=DEPTH, slippage=0.0,
            **dict(zip(("temporary", "permanent"), LAW.coefficients(ORDER, 1e5, 2.6e6, 0.115 * 26**0.5), strict=True)),  # type: ignore[arg-type]
        ),
        risk_aversion=0.0,
    )  # fmt: skip
    actual = cheap_cost(true)
    inside = 0
    for seed in range(50):
        found = calibrate(synthetic(TRUTH, seed=100 + seed))
        costs = [cheap_cost(draw.problem(ORDER, LAW, risk_aversion=0.0)) for draw in found.resampled(40, seed=seed)]
        low, high = np.quantile(costs, [0.025, 0.975])
        inside += bool(low <= actual <= high)
    assert 42 <= inside <= 50


def cheap_cost(problem: ox.Problem) -> float:
    """E[IS] of TWAP in the deterministic-liquidity market: what volatility, volume and profile decide."""
    return ox.twap(problem).expected_cost
