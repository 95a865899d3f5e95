"""Figures of *When the model is wrong*: what they draw is what they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from report.chapters import c19_wrong as wrong


def bars() -> pd.DataFrame:
    rows = [
        {"parameter": "η", "planner": "optimum", "lower": 0.9, "upper": 1.2, "open_lower": False, "open_upper": False},
        {"parameter": "η", "planner": "rolling", "lower": np.nan, "upper": np.nan},
        {"parameter": "γ", "planner": "optimum", "lower": 0.25, "upper": 2.0, "open_lower": True, "open_upper": True},
        {"parameter": "γ", "planner": "rolling", "lower": 0.5, "upper": 0.9, "open_lower": False, "open_upper": False},
    ]
    frame = pd.DataFrame([row | {"end": end} for row in rows for end in ("low", "value", "high")])
    return frame.assign(**{key: frame[key].fillna(False).astype(bool) for key in ("open_lower", "open_upper")})


def test_bars_reach_from_one_turning_factor_to_the_other() -> None:
    figure = wrong.turning_bars(bars(), {"η": np.array([0.99, 1.01])})
    full = [trace for trace in figure.data if trace.showlegend and trace.mode == "lines"]
    assert [trace.name for trace in full] == ["optimum", "rolling"]
    assert full[0].x == (0.9, 1.2, None, 0.25, 2.0, None)
    assert full[1].x == (0.5, 0.9, None)
    words = [trace.text[0] for trace in figure.data if trace.mode == "text"]
    assert words == ["0.90 to 1.20", "¼ to 2.00 and beyond", "nowhere", "0.50 to 0.90"]
    assert "η: from 0.90 to 1.20" in figure.layout.meta["alt"]


def test_the_slider_shows_every_parameters_curves() -> None:
    factors = [0.25, 1.0, 4.0]
    curves = {
        name: pd.DataFrame({"optimum": [-1.0 * i, 1.0, 0.5], "rolling": [-2.0, 0.98, 0.4]}, index=factors)
        for i, name in enumerate(("η", "γ"))
    }
    figure = wrong.error_curves(curves, (0.99, 0.98, 0.995), "γ")
    slider = figure.layout.sliders[0]
    assert slider.active == 1
    assert [step.label for step in slider.steps] == ["η", "γ"]
    for name, step in zip(curves, slider.steps, strict=True):
        change, traces = step.args
        assert [figure.data[i].name for i in traces] == ["optimum", "rolling"]
        for planner, y in zip(("optimum", "rolling"), change["y"], strict=True):
            assert y == pytest.approx(np.maximum(1 - curves[name][planner].to_numpy(), wrong.NEAR), rel=1e-2)


def test_scores_below_the_floor_are_drawn_at_it() -> None:
    line = pd.DataFrame(
        {"value": [1.0, 0.8, -3.0], "low": [0.9, 0.7, -9.0], "high": [1.0, 0.9, 0.1]}, index=[0, 1e-3, 2e-3]
    )
    figure = wrong.form_curves({"fitted, wrong form": line, "BCQ": line.iloc[[0, 2]]}, floor=-0.3)
    assert figure.data[1].y == pytest.approx((1.0, 0.8, -0.3))
    rows = pd.DataFrame(
        {"value": [-2.0, 0.1], "low": [-3.0, 0.0], "high": [-1.0, 0.2], "kind": ["none", "plan"]}, index=["a", "b"]
    )
    figure = wrong.blind_scores(rows, 0.2, floor=-1.0)
    assert figure.data[0].x == (-1.0,)
    assert figure.data[0].marker.symbol == "triangle-left"
    assert figure.data[0].text == ("−2.00",)
    assert figure.data[1].error_x.array == pytest.approx((0.1,))
