"""Figures of the chapter on constraints: drawn from data, finite, and what their sliders show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from report.chapters import c18_constraints as constraints


def drawn(figure: go.Figure) -> str:
    """The figure's JSON, which no browser must refuse."""
    text = str(figure.to_json())
    assert "NaN" not in text
    assert "Infinity" not in text
    assert len(text) < 200_000
    assert figure.layout.meta["alt"]
    assert figure.layout.height
    return text


def test_binding_periods_has_a_panel_a_cap() -> None:
    half = np.linspace(1, 0, 19)
    figure = constraints.binding_periods({"a cap": {"TWAP": half, "optimum": half}, "another": {"TWAP": half}})
    drawn(figure)
    assert [line.xaxis for line in figure.data] == ["x", "x", "x2"]
    assert figure.data[0].y[0] == 100


def test_capped_scores_keep_what_is_too_good_for_a_logarithm() -> None:
    rows = [("a", "TWAP", 300.0), ("a", "TD3+BC", 0.5), ("a", "TD3+BC", -0.001), ("b", "TWAP", 10.0)]
    dots = pd.DataFrame(rows, columns=["cap", "policy", "excess"])
    bars = pd.DataFrame([{"cap": "a", "policy": "TD3+BC", "value": 0.2, "low": -0.001, "high": 0.5}])
    figure = constraints.capped_scores(dots, bars, {"a": 7.5, "b": 27.0})
    drawn(figure)
    points = next(trace for trace in figure.data if trace.mode == "markers" and len(trace.x) == 2)
    assert min(points.x) == constraints.CENT
    assert points.customdata[1][0] == pytest.approx(-0.001)


def test_capped_policies_slider_restyles_every_line() -> None:
    levels, periods = np.linspace(0.5, 1.5, 5), []
    for k in range(3):
        line = levels + k
        periods.append({"cap": line, "agents": np.stack([line, line]), "optimum": line})
    figure = constraints.capped_policies(levels, {"a": periods, "b": periods}, active=1)
    drawn(figure)
    change, traces = figure.layout.sliders[0].steps[2].args
    assert list(traces) == list(range(len(figure.data)))
    assert change["y"][0][:5] == pytest.approx(levels + 2)
    assert figure.data[1].y[:5] == pytest.approx(levels + 1)


def test_penalty_sweep_and_kink_are_drawn() -> None:
    agents = pd.DataFrame(
        {"algorithm": "TD3+BC", "penalty": [0.0, 0.1, 0.1], "excess": [9.0, 2, 3], "clipped": [9.0, 1, 0]}
    )
    drawn(constraints.penalty_sweep(agents, agents.iloc[:2], {"TD3+BC, told the cap": 0.5}, 7.5))
    wishes = np.linspace(40.0, 100.0, 7)
    costs = {"0": (wishes, wishes), "1": (wishes, -wishes)}
    figure = constraints.rounded_kink(wishes, costs, 70.0, 0, 120.0)
    drawn(figure)
    assert figure.data[2].x == (40.0,)
    assert figure.layout.sliders[0].steps[1].args[0]["x"][2] == [100.0]
