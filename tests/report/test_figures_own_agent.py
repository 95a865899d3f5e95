"""Figures of *Your own agent*: they draw what they are given, also where nothing was trained."""

from __future__ import annotations

import pytest

from report.chapters.c28_your_agent import learning_curve, strength_curve


def test_learning_curve() -> None:
    figure = learning_curve([100, 200], [2000.0, 1900.0], [5.0, 4.0], {"TWAP": 2240.0, "optimum": 1798.0})
    assert [trace.name for trace in figure.data] == ["TWAP", "optimum", "PPO"]
    assert figure.data[2].y == pytest.approx([2000.0, 1900.0])
    assert figure.data[2].error_y.array == pytest.approx([5.0, 4.0])
    assert "from 2,000 to 1,900 dollars" in figure.layout.meta["alt"]


def test_learning_curve_of_nothing() -> None:
    figure = learning_curve([], [], [], {"TWAP": 2240.0})
    assert len(figure.data[1].x) == 0
    assert "not trained in this build" in figure.layout.meta["alt"]


def test_strength_curve() -> None:
    figure = strength_curve([0.0, 0.5, 1.0], [1824.0, 1802.0, 1805.0], {"optimum": 1798.6})
    assert figure.data[0].y == (1798.6, 1798.6)
    assert figure.data[1].y == pytest.approx([1824.0, 1802.0, 1805.0])
    assert "1,802.0 dollars, at 0.5" in figure.layout.meta["alt"]
