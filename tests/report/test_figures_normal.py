"""Figures of *Normal conditions*: what they draw is what they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from optexec.figures import COLOURS
from report.chapters import c22_normal as normal


def table(ci: float) -> pd.DataFrame:
    rows = {"TWAP": (1000.0, 70.0), "BCQ, TWAP's log": (1001.0, 71.0), "optimum": (1200.0, 38.0)}
    frame = pd.DataFrame(rows, index=["is_mean", "is_std"]).T
    return frame.assign(is_mean_ci=ci, is_std_ci=ci / 2)


def test_the_plane_shows_both_runs() -> None:
    figure = normal.cost_and_scatter(table(14.0), table(0.5), {"TWAP": (0, -30)})
    small, large = figure.data[:3], figure.data[3:]
    assert [trace.error_y.array[0] for trace in small] == [14.0] * 3
    assert [trace.error_x.array[0] for trace in small] == [7.0] * 3
    assert [(trace.x[0], trace.y[0]) for trace in large] == [(71.0, 1001.0), (70.0, 1000.0), (38.0, 1200.0)]
    (name,) = figure.layout.annotations
    assert (name.text, name.x, name.y, name.ax, name.ay) == ("TWAP", 70.0, 1000.0, 0, -30)
    assert [trace.marker.color for trace in large] == [COLOURS["BCQ"], COLOURS["TWAP"], COLOURS["optimum"]]
    assert "optimum 1200 and 38 dollars" in figure.layout.meta["alt"]


def test_counts_are_shown_off_the_diagonal() -> None:
    counts = np.array([[0.0, 990, 1000], [510, 0, 1000], [730, 640, 0]])
    figure = normal.ranking_counts(["a", "b", "c"], counts, 1000)
    (heat,) = figure.data
    assert list(heat.text[0]) == ["", "990", "all"]
    assert heat.z[2][:2] == pytest.approx([730, 640])
    assert np.isnan(heat.z[1][1])
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (500, 1000)
    assert "from 990 to 1000; on separate ones, below it, from 510 to 730" in figure.layout.meta["alt"]
