"""Figures of *Other markets*: what goes in comes out, finite and described."""

import json
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from report.chapters import c17_markets as markets


def check(figure: go.Figure) -> dict[str, Any]:
    """A figure's JSON, which must be finite, described and laid out for a phone."""
    text = figure.to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert figure.layout.meta["alt"]
    assert figure.layout.meta["phone"]["height"] > 400
    plain: dict[str, Any] = json.loads(text)
    return plain


def test_an_episode_follows_its_slider() -> None:
    ones = np.ones(4)
    trades = {"optimum": 3 * ones, "rolling": 4 * ones, "best static": 5 * ones}
    quiet = markets.Episode(ones, 0.5 * ones, 2 * ones, trades)
    wild = markets.Episode(0.3 * ones, 0.1 * ones, ones, {name: 2 * each for name, each in trades.items()})
    figure = markets.market_episode({"quiet": quiet, "wild": wild}, "wild")
    check(figure)
    change, traces = figure.layout.sliders[0].steps[0].args
    assert figure.layout.sliders[0].active == 1
    assert len(traces) == len(change["y"]) == len(figure.data) == 5
    assert list(figure.data[2].y) == [6.0] * 4
    assert list(change["y"][2]) == [3.0] * 4


def test_scores_are_drawn_by_what_they_leave() -> None:
    rows = [("calm", "TWAP", -9.0, False), ("calm", "BCQ", 0.9, False), ("calm", "BCQ", 1.0, False)]
    rows += [("calm", "BCQ", 0.99, True), ("wild", "BCQ", 0.5, False), ("wild", "TWAP", -3.0, False)]
    scores = pd.DataFrame(rows, columns=["market", "policy", "score", "mean_action"])
    bars = pd.DataFrame([{"market": "calm", "policy": "BCQ", "value": 0.95, "low": 0.9, "high": 1.0}])
    figure = markets.market_scores(scores, bars)
    check(figure)
    shown = [np.asarray(trace.x, dtype=float).tolist() for trace in figure.data]
    assert [10.0] in shown
    assert [pytest.approx(0.1), pytest.approx(markets.FLOOR)] in shown
    assert "interquartile mean 0.95" in figure.layout.meta["alt"]


def test_agents_are_a_mean_and_a_range() -> None:
    x, periods = np.linspace(0, 1, 5), [2, 7]
    agents = {"BCQ": np.stack([np.full((2, 5), value) for value in (1.0, 2.0, 6.0)])}
    visits = {"log": (np.linspace(0, 1, 3), np.array([[0.25, 0.75], [0.5, 0.5]]))}
    figure = markets.seen_and_done(x, periods, {"optimum": np.ones((2, 5))}, agents, visits, axis="L", active=1)
    check(figure)
    assert list(figure.data[0].y) == [1.0] * 5 + [6.0] * 5
    assert list(figure.data[1].y) == [3.0] * 5
    assert list(figure.data[-1].y) == [50.0, 50.0]
    assert list(figure.layout.sliders[0].steps[0].args[0]["y"][-1]) == [25.0, 75.0]


def test_mistakes_are_by_period() -> None:
    costs = {"rolling": np.array([1.0, 2.0]), "average pressure": np.array([0.0, 0.5])}
    figure = markets.market_mistakes(costs, {name: 0.1 * cost for name, cost in costs.items()})
    assert figure.data[0].error_y.array == pytest.approx([0.1, 0.2])
    check(figure)
    assert list(figure.data[0].y) == [1.0, 2.0]
    assert "rolling 3.0" in figure.layout.meta["alt"]
