"""Figures of *What the data must contain*: axes of what is left, sliders, and differences on two scales."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from report.chapters import c21_data as figures

LOGS = ["TWAP", "mixture"]
POINTS = pd.DataFrame(
    {
        "algorithm": ["TD3+BC", "TD3+BC", "behaviour cloning", "behaviour cloning"],
        "log": LOGS * 2,
        "quality": [-16.4, -15.0] * 2,
        "overlap": [0.0, 1.0] * 2,
        "value": [-16.4, 0.99, -16.4, -1.0],
        "low": [-17.0, 0.98, -17.0, -1.2],
        "high": [-16.0, 0.995, -16.0, -0.9],
    }
)


def test_quality_and_breadth_share_scores() -> None:
    figure = figures.quality_and_breadth(POINTS)
    by_quality, by_overlap = (trace for trace in figure.data if trace.name == "TD3+BC")
    assert by_quality.y == pytest.approx([17.4, 0.01])
    assert list(by_quality.y) == list(by_overlap.y)
    assert by_quality.x == pytest.approx([17.4, 16.0])
    assert by_overlap.x == pytest.approx([0.0, 100.0])
    assert by_quality.error_y.array == pytest.approx([0.6, 0.01])
    assert by_quality.error_y.arrayminus == pytest.approx([0.4, 0.005])


def test_rows_hold_learned_and_foretold() -> None:
    figure = figures.by_behaviour(POINTS, POINTS, {"TWAP": -16.4, "mixture": -15.0})
    places = {trace.name: list(trace.y) for trace in figure.data}
    assert places["TD3+BC, learned"] == places["TD3+BC, predicted"]
    assert list(figure.layout.yaxis.ticktext) == LOGS
    left, right = figure.layout.xaxis.range  # of a logarithmic axis: better to the right
    assert left > right


def test_slider_shows_each_logs_reach() -> None:
    wide, narrow = (figures.Reach(*(np.full(19, s) for s in (1 / w, w, 2 * w, 1.5))) for w in (2.0, 1.1))
    optimum = (np.full(19, 1.0), np.full(19, 1.2), np.full(19, 1.4))
    figure = figures.within_reach({"narrow": narrow, "wide": wide}, optimum, "wide")
    slider = figure.layout.sliders[0]
    assert slider.active == 1
    for step, reach in zip(slider.steps, (narrow, wide), strict=True):
        change, traces = step.args
        assert [figure.data[i].name for i in traces] == ["logged (central 95%)", "BCQ's furthest", "TD3+BC, tied"]
        assert change["y"][1] == pytest.approx(reach.furthest)
    assert figure.data[3].y == pytest.approx(wide.furthest)


def test_amounts_and_parts_are_described_and_finite() -> None:
    table = pd.DataFrame(
        {"algorithm": ["BCQ"] * 2, "amount": [100, 1000], "value": [0.9, 0.99], "low": [0.8, 0.98], "high": [0.95, 1.0]}
    )
    agents = pd.DataFrame(
        {"panel": ["episodes", "steps"], "algorithm": ["BCQ"] * 2, "amount": [100, 1000], "score": [0.9, 0.99]}
    )
    drawn = figures.amounts(table, table, agents)
    assert "0.9900" in drawn.layout.meta["alt"]
    differences = pd.DataFrame(
        {
            "part": ["a", "b"],
            "algorithm": ["BCQ"] * 2,
            "value": [-10.0, 0.001],
            "low": [-11.0, 0.0],
            "high": [-9, 0.002],
        }
    )
    parts = figures.parts(differences, differences)
    assert np.sinh(parts.data[1].x[1]) * figures.NEAR_ZERO == pytest.approx(0.001, rel=1e-3)
    for figure in (drawn, parts):
        assert "NaN" not in figure.to_json()
        assert json.loads(figure.to_json())["layout"]["meta"]["phone"]
