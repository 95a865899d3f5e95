"""The figure of *Advice*: what it draws is what it was given, and what is next to nothing stands at the floor."""

from __future__ import annotations

import pytest

from report.chapters.c25_advice import Advice, Excess, Situation, stakes


def test_both_marks_of_a_situation() -> None:
    calm = Situation("calm", "AC", Excess(0.1, 0.1, 0.1), "TWAP", Excess(20.0, 19.0, 22.0), "01-problem")
    storm = Situation("storm", "rolling", Excess(1e-6, 0.0, 2e-3), "AC", Excess(150.0, 150.0, 150.0), "01-problem")
    figure = stakes(Advice((calm, storm), {}, 0.0, 0.0, 0.0, 0.0, "", ""))
    recommended, tempting = figure.data[-2:]
    assert recommended.x == pytest.approx([0.1, 1e-4])
    assert recommended.error_x.array == pytest.approx([0.0, 2e-3 - 1e-4])
    assert tempting.x == pytest.approx([20.0, 150.0])
    assert tempting.error_x.arrayminus == pytest.approx([1.0, 0.0])
    assert [list(line.x) for line in figure.data[:2]] == [[0.1, 20.0], [1e-4, 150.0]]
    assert list(figure.layout.yaxis.categoryarray) == ["storm", "calm"]
    assert "storm: rolling 1e-06%, AC 1.5e+02%" in figure.layout.meta["alt"]


def test_an_excess_is_said_with_the_figures_that_it_has() -> None:
    assert str(Excess(24.74, 24.72, 24.76)) == "25%"  # an interval within its rounding is none
    assert str(Excess(0.6123, 0.55, 0.7)) == "0.61% (0.55 to 0.70)"
    assert str(Excess(-1e-9, -1e-3, 2e-5)) == "0%"
