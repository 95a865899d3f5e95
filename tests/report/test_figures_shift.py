"""Figures of *Out of distribution*: they draw what they are given, floor what is next to nothing, and slide."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from report.chapters import c20_shift as shift


def agents() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"scenario": s, "algorithm": a, "there": there, "excess": (0.1 if there else 10.0) * (1 + i)}
            for s in ("spike", "cap")
            for a in ("TD3+BC", "BCQ")
            for there in (False, True)
            for i in range(3)
        ]
    )


def test_costs_are_floored_and_the_told_optimum_is_the_reference() -> None:
    planners = pd.DataFrame(
        {
            "scenario": ["spike", "cap"] * 3,
            "planner": ["rolling"] * 2 + ["optimum"] * 2 + ["TWAP"] * 2,
            "untold": [100.0, 0.0, 90.0, 0.0, 300.0, 20.0],
            "told": [0.1, 0.1, 0.0, 0.0, np.nan, np.nan],
        }
    )
    figure = shift.costs_by_scenario(agents(), planners)
    json.loads(figure.to_json())
    by_name = [(trace.name, trace.marker.symbol) for trace in figure.data if trace.mode == "markers"]
    assert ("optimum", "diamond-open") in by_name
    assert ("optimum", "diamond") not in by_name
    assert ("TWAP", "diamond") not in by_name
    optimum = next(trace for trace in figure.data if trace.name == "optimum")
    assert list(optimum.x) == pytest.approx([90.0, shift.SMALLEST])


def test_agents_stand_beside_the_planner_of_their_scenario() -> None:
    figure = shift.same_place(agents(), {"spike": 9.0, "cap": 1e-5}, {"spike": "top left", "cap": "bottom right"})
    bcq = next(trace for trace in figure.data if trace.name == "BCQ")
    assert set(np.round(bcq.x.astype(float), 4)) == {round(9 * 1.04, 4), round(shift.SMALLEST * 1.04, 4)}
    assert figure.layout.xaxis.range[0] == figure.layout.yaxis.range[0]


def test_distance_has_a_panel_for_cost_and_one_for_disagreement() -> None:
    points = pd.DataFrame(
        {
            "scenario": ["spike", "cap"],
            "algorithm": "TD3+BC",
            "outside": [0.2, 50.0],
            "excess": [100.0, 0.01],
            "excess_low": [90.0, 0.005],
            "excess_high": [120.0, 0.05],
            "disagreement": [0.02, 0.3],
        }
    )
    figure = shift.far_from_the_log(points, {"spike": ("middle right", ""), "cap": ("middle left", "top left")})
    texts = [trace.text[0].strip() for trace in figure.data if trace.mode == "text"]
    assert texts == ["spike", "cap", "cap"]
    assert list(figure.data[1].y) == [0.02, 0.3]


def test_the_slider_moves_lines_and_band() -> None:
    levels, shape = np.geomspace(0.02, 3, 5), (2, 3, 5)
    fractions = {"TD3+BC": np.arange(30.0).reshape(shape) / 100 + 0.01, "optimum, shocks": np.full((1, 3, 5), 0.1)}
    fractions["optimum, shocks"][:, :, 0] = np.nan
    distances = {"TD3+BC": np.arange(30.0).reshape(shape)}
    logged = np.array([[1.0, 1.0], [0.3, 1.5], [0.2, 1.8]])
    figure = shift.beyond_the_log(levels, [0, 1, 5], fractions, distances, logged, 1.75, active=1)
    frames = {frame.name: frame for frame in figure.frames}
    for i, step in enumerate(figure.layout.sliders[0].steps):
        frame = frames[step.args[0][0]]
        assert list(frame.traces) == [0, 1, 2, 3, 4]
        assert frame.data[0].x[0] == frame.data[1].x[0] == pytest.approx(logged[i, 0] / 1.01)
        assert frame.data[4].y[:5] == pytest.approx(distances["TD3+BC"][0, i])
        assert frame.data[3].y[0] is None
    assert list(figure.data[2].y[:5]) == pytest.approx(fractions["TD3+BC"][0, 1])
