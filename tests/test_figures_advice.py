"""The figure of *Advice*: what it draws is what it was given, and what is next to nothing stands at the floor."""

from __future__ import annotations

import pandas as pd
import pytest

from report.chapters.c25_advice import stakes


def test_both_marks_of_a_situation() -> None:
    rows = pd.DataFrame(
        {
            "situation": ["calm", "storm"],
            "do": ["AC", "rolling"],
            "instead": ["TWAP", "AC"],
            "do_excess": [0.1, 1e-6],
            "do_low": [0.1, 0.0],
            "do_high": [0.1, 2e-3],
            "instead_excess": [20.0, 150.0],
            "instead_low": [19.0, 150.0],
            "instead_high": [22.0, 150.0],
        }
    )
    figure = stakes(rows)
    recommended, tempting = figure.data[-2:]
    assert recommended.x == pytest.approx([0.1, 1e-4])
    assert recommended.error_x.array == pytest.approx([0.0, 2e-3 - 1e-4])
    assert tempting.x == pytest.approx([20.0, 150.0])
    assert tempting.error_x.arrayminus == pytest.approx([1.0, 0.0])
    assert [list(line.x) for line in figure.data[:2]] == [[0.1, 20.0], [1e-4, 150.0]]
    assert list(figure.layout.yaxis.categoryarray) == ["storm", "calm"]
    assert "storm: rolling 1e-06%, AC 1.5e+02%" in figure.layout.meta["alt"]
