"""Figures of *Your own order*: what they draw is what the package computes from bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import optexec as ox
from optexec.calibration import Almgren2005, calibrate, synthetic
from report.chapters.c27_your_order import bar_estimates, cost_sources, own_plan

MARKET = ox.Market(price=40, volatility=0.115, volume=1e5, volume_profile=tuple(ox.u_shape(26)))
ORDER, LAW = ox.Order(shares=130_000, periods=26), Almgren2005(outstanding=5e8)


@pytest.fixture(scope="module")
def found() -> Any:
    return calibrate(synthetic(MARKET, seed=2))


def test_bars_and_their_estimates(found: Any) -> None:
    figure = bar_estimates(found, MARKET)
    profile, truth, cloud, line = figure.data
    assert profile.y == pytest.approx([period.value for period in found.profile], abs=1e-4)
    assert profile.error_y.array == pytest.approx([p.high - p.value for p in found.profile], abs=1e-4)
    assert truth.y == pytest.approx(ox.u_shape(26), abs=1e-4)
    assert len(cloud.x) == 20 * 25
    slope = (line.y[1] - line.y[0]) / (line.x[1] - line.x[0])
    assert slope == pytest.approx(1 - found.speed.value, rel=1e-3)
    assert len(bar_estimates(found).data) == 3


def test_the_slider_shows_plans_and_their_range(found: Any) -> None:
    problem = found.problem(ORDER, LAW, risk_aversion=2e-6)
    others = [draw.problem(ORDER, LAW, risk_aversion=2e-6) for draw in found.resampled(20)]
    values = [5e-7, 2e-6, 8e-6]
    figure = own_plan(problem, others, values)
    slider = figure.layout.sliders[0]
    assert slider.active == 1
    bps = 1e4 / (130_000 * problem.market.price)
    for value, step in zip(values, slider.steps, strict=True):
        plan = ox.almgren_chriss(problem.replace(risk_aversion=value))
        change, traces = step.args
        assert list(traces) == [2, 3, 4, 5, 6, 7]
        low, high, held, cost, across, _ = change["y"]
        assert held == pytest.approx(plan.inventory, abs=0.06)
        assert (np.array(low) <= np.array(held) + 1).all()
        assert (np.array(held) <= np.array(high) + 1).all()
        assert cost == pytest.approx([plan.expected_cost * bps])
        assert change["x"][3] == pytest.approx([plan.variance**0.5 * bps])
        costs = [ox.Schedule(other, plan.trades).expected_cost * bps for other in others]
        assert across == pytest.approx(np.quantile(costs, [0.025, 0.975]), abs=1e-3)
    assert len(figure.to_json()) < 100_000


def test_a_single_plan_needs_no_slider_and_no_band(found: Any) -> None:
    figure = own_plan(found.problem(ORDER, LAW, risk_aversion=2e-6), [], [2e-6])
    assert not figure.layout.sliders
    assert figure.data[3].visible is False


def test_sources_are_drawn_as_given() -> None:
    rows = pd.DataFrame(
        {"label": ["a", "b"], "colour": ["red", "blue"], "value": [1.0, 2.0], "low": [0.5, 1.9], "high": [1.5, 2.2]}
    )
    figure = cost_sources(rows)
    assert list(figure.data[0].x) == [1.0, 2.0]
    assert list(figure.data[2].x) == [1.9, 2.2]
    assert list(figure.layout.yaxis.categoryarray) == ["b", "a"]
    assert "a, 1.0 (0.5 to 1.5) bps" in figure.layout.meta["alt"]
