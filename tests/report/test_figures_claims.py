"""The figure of *Claims*: what it draws is what it was given, and what is out of range stands at the edge."""

from __future__ import annotations

import pandas as pd
import pytest

from report.chapters.c23_claims import VERDICTS, claimed_sizes


def test_effects_stand_where_they_were_found() -> None:
    rows = [
        ("a", "here", "holds", True, 1.4, 1.2, 1.6),
        ("b", "here", "with a condition", True, -0.8, -0.9, -0.7),
        ("b", "there", "with a condition", False, 1.05, 1.0, 1.1),
        ("b", "beyond", "with a condition", False, 38.0, 2.0, 40.0),
    ]
    names = ["claim", "market", "verdict", "own", "value", "low", "high"]
    figure = claimed_sizes(pd.DataFrame(rows, columns=names))
    traces = {trace.name: trace for trace in figure.data}
    assert set(traces) == {"holds", "with a condition", "with a condition: elsewhere"}
    assert traces["holds"].error_x.array == pytest.approx([0.2])
    assert traces["with a condition"].marker.color == VERDICTS["with a condition"]
    assert traces["with a condition: elsewhere"].x == pytest.approx([1.05, 3.0])
    assert traces["with a condition: elsewhere"].error_x.arrayminus == pytest.approx([0.05, 1.0])
    assert list(figure.layout.yaxis.categoryarray) == ["b", "a"]
    assert "b: -0.8 to -0.8" in figure.layout.meta["alt"]
