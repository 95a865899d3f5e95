"""Figures: what a reader's browser gets, and sliders that show what the package computes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import optexec as ox
from optexec import figures

REFERENCE = ox.presets.reference()


def numbers(value: Any) -> Iterator[float]:
    """Every number in a figure's JSON."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def test_every_policy_has_its_own_colour() -> None:
    assert len(set(figures.COLOURS.values())) == len(figures.COLOURS)
    assert {"TWAP", "VWAP", "AC", "best static", "rolling", "optimum", "BCQ", "TD3+BC"} <= figures.COLOURS.keys()


def test_trade_off_slider_shows_the_packages_schedules() -> None:
    values = [0.0, 0.1, 0.5, 2.0]
    figure = figures.trade_off(REFERENCE, values, selected=0.4)
    slider = figure.layout.sliders[0]
    assert slider.active == 2
    for value, step in zip(values, slider.steps, strict=True):
        plan = ox.almgren_chriss(REFERENCE.replace(risk_aversion=value))
        change, traces = step.args
        assert [figure.data[i].name for i in traces] == ["Almgren–Chriss", "trade list", "at this λ"]
        assert change["y"][0] == pytest.approx(plan.inventory)
        assert change["y"][1] == pytest.approx(plan.trades)
        assert change["x"][2] == pytest.approx([plan.variance**0.5])
        assert change["y"][2] == pytest.approx([plan.expected_cost])
        assert f"{plan.expected_cost:,.0f}" in step.label
    assert figure.data[1].y == pytest.approx(ox.almgren_chriss(REFERENCE).inventory)


def test_figures_are_described_small_and_finite() -> None:
    figure = figures.trade_off(REFERENCE, [0.0, *np.geomspace(0.01, 20, 40)])
    text = figure.to_json()
    assert len(text) < 200_000
    assert all(np.isfinite(number) for number in numbers(json.loads(text)))
    assert "frontier" in figure.layout.meta["alt"]
    assert figure.layout.meta["phone"]["xaxis2"]["domain"] == [0, 1]


def test_one_risk_aversion_needs_no_slider() -> None:
    assert not figures.trade_off(REFERENCE, [0.5]).layout.sliders


def test_the_live_control_draws_the_plan_of_its_value() -> None:
    """What a notebook's reader sees after moving the control, without a kernel: the callback itself."""
    control = figures.risk_slider(REFERENCE)
    slider = control.children[0]
    slider.value = 2.0
    control.update()
    figure = control.result
    assert isinstance(figure, go.Figure)
    assert figure.data[1].y == pytest.approx(ox.almgren_chriss(REFERENCE.replace(risk_aversion=slider.value)).inventory)


def test_above_optimum_sorts_and_scales() -> None:
    figure = figures.above_optimum(REFERENCE, {"TWAP": 125.0, "AC": 101.0}, 100.0)
    assert list(figure.data[0].y) == ["AC", "TWAP"]
    assert figure.data[0].x == pytest.approx([1.0, 25.0])
