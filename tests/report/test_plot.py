"""The grammar of figures: what is drawn where, what a legend holds, what a slider moves, and a phone's layout."""

from __future__ import annotations

import numpy as np
import pytest

from optexec.figures.style import along
from report.plot import Moving, Plot, bundle, gap_axis, jitter, left, minus, places, whiskers


def test_panels_stand_in_rows_and_marks_in_their_panels() -> None:
    plot = Plot(["a", "b", "c"], rows=2, gap=0.1)
    for i, panel in enumerate(plot):
        panel.dots([0.0], [i], "#123456", name="dots")
        panel.x(f"axis {i}")
    figure = plot.done("Three dots.", height=300)
    assert [trace.xaxis for trace in figure.data] == ["x", "x2", "x3"]
    assert [figure.layout[axis].title.text for axis in ("xaxis", "xaxis2", "xaxis3")] == ["axis 0", "axis 1", "axis 2"]
    assert figure.layout.yaxis.domain == figure.layout.yaxis2.domain
    assert [note.text for note in figure.layout.annotations] == ["a", "b", "c"]
    assert (figure.layout.height, figure.layout.meta["alt"]) == (300, "Three dots.")


def test_a_name_has_one_entry_in_the_legend_and_a_key_holds_marks_together() -> None:
    plot = Plot(2)
    for panel in plot:
        panel.line([0, 1], [0, 1], "#123456", key="group", name="line")
        panel.dots([0], [0], "#123456", name="alone")
        panel.dots([0], [0], "#123456")
    data = plot.figure.data
    assert [trace.showlegend for trace in data] == [None, None, False, False, False, False]
    assert [trace.legendgroup for trace in data] == ["group", None, None] * 2
    plot[0].line([0, 1], [0, 1], "#123456", name="line", showlegend=True)
    assert plot.figure.data[-1].showlegend


def test_the_pointer_shows_what_is_asked_for() -> None:
    plot = Plot()
    for hover in ("y", "y<extra>more</extra>", False, None):
        plot.dots([0], [0], "#123456", hover=hover)
    assert [trace.hovertemplate for trace in plot.figure.data] == [
        "y<extra></extra>",
        "y<extra>more</extra>",
        None,
        None,
    ]
    assert [trace.hoverinfo for trace in plot.figure.data] == [None, None, "skip", None]


def test_a_slider_moves_what_is_moving_and_shows_its_active_step() -> None:
    plot = Plot(2)
    plot[0].line([0, 1], [5, 5], "#123456")
    plot[0].line([0, 1], Moving([[0, 0], [1, 1], [2, 2]]), "#123456")
    plot[1].dots(Moving([[0], [1], [2]]), [7], "#123456", text=Moving("abc"), at="top right")
    plot.slider("step", range(3), 1)
    figure = plot.done("Moves.", height=300)
    (slider,) = figure.layout.sliders
    assert (slider.active, [step.label for step in slider.steps]) == (1, ["0", "1", "2"])
    assert (figure.data[1].y, figure.data[2].x, figure.data[2].text) == ((1, 1), (1,), "b")
    for i, step in enumerate(slider.steps):
        change, traces = step.args
        assert list(traces) == [1, 2]
        assert [list(y) for y in change["y"]] == [[i, i], [7]]  # what stands still is said where others move
        assert [list(x) for x in change["x"]] == [[0, 1], [i]]
        assert change["text"] == ["", "abc"[i]]


def test_a_slider_of_frames_says_only_what_changes() -> None:
    plot = Plot()
    plot.line([0, 1], Moving([[0, 0], [1, 1]]), "#123456")
    plot.dots(Moving([[0], [1]]), [7], "#123456")
    plot.slider("step", "ab", 0, frames=True)
    assert [frame.name for frame in plot.figure.frames] == ["step 0", "step 1"]
    line, dot = plot.figure.frames[1].data
    assert (line.x, line.y, dot.x, dot.y) == (None, (1, 1), (1,), None)


def test_a_band_moves_with_both_its_edges() -> None:
    plot, x = Plot(), np.array([0.0, 1.0])
    plot.band(x, Moving([x, x + 1]), Moving([x + 2, x + 3]), "gray")
    plot.slider("step", "ab", 1)
    assert list(plot.figure.data[0].x) == [0, 1, 1, 0]
    assert list(plot.figure.data[0].y) == [1, 2, 4, 3]


def test_a_logarithmic_axis_is_told_in_its_own_numbers() -> None:
    plot = Plot()
    plot.x("x", [0.1, 100], log=True, ticks={1: "one", 10: "ten"})
    axis = plot.figure.layout.xaxis
    assert (axis.type, axis.range) == ("log", (-1, 2))
    assert (axis.tickvals, axis.ticktext) == ((1, 10), ("one", "ten"))


def test_rows_are_named_from_the_top() -> None:
    plot, rows = Plot(), places(["first", "second", "first"])
    plot.rows(rows)
    assert rows == {"first": 1, "second": 0}
    axis = plot.figure.layout.yaxis
    assert dict(zip(axis.ticktext, axis.tickvals, strict=True)) == rows
    assert axis.range == (-0.6, 1.6)


def test_whiskers_reach_from_the_value_to_both_ends() -> None:
    error = whiskers([1.0, 2.0], [0.5, 1.0], [1.25, 4.0], "#123456")
    assert error["array"] == pytest.approx([0.25, 2.0])
    assert error["arrayminus"] == pytest.approx([0.5, 1.0])
    assert error.keys() == {"array", "arrayminus", "color"}


def test_lines_of_a_bundle_have_gaps_between_them() -> None:
    assert bundle(np.array([[1.0, np.nan], [2.0, 3.0]])) == [1.0, None, None, 2.0, 3.0, None]


def test_on_a_phone_panels_stand_one_above_the_other() -> None:
    plot = Plot(["a", "b"], shared_y=True)
    phone = plot.stacked(700, 0.2, legend={"y": 1.1}, yaxis2={"title": {"text": "again"}})
    assert (phone["height"], phone["legend"]) == (700, {"y": 1.1})
    assert (phone["yaxis"]["domain"], phone["yaxis2"]["domain"]) == (pytest.approx([0.6, 1]), pytest.approx([0, 0.4]))
    assert phone["yaxis2"]["showticklabels"]
    assert phone["yaxis2"]["title"] == {"text": "again"}
    assert phone["annotations"].keys() == {0, 1}
    assert "annotations" not in Plot(2).stacked(700)


def test_spans_are_one_trace_with_gaps_and_strokes_stand_upright() -> None:
    plot = Plot()
    plot.spans([0.0, 1.0], [2.0, 3.0], [5.0, 4.0], "#123456", 7)
    plot.strokes([1.0], [5.0], "#123456", 17)
    spans, strokes = plot.figure.data
    assert spans.x == (0.0, 2.0, None, 1.0, 3.0, None)
    assert spans.y == (5.0, 5.0, None, 4.0, 4.0, None)
    assert (strokes.marker.symbol, strokes.marker.line.color) == ("line-ns", "#123456")


def test_evenly_spaced_data_weigh_nothing() -> None:
    plot = Plot()
    plot.line(along([0.0, 0.5, 1.0]), [1, 2, 3], "#123456")
    assert (plot.figure.data[0].x, plot.figure.data[0].x0, plot.figure.data[0].dx) == (None, 0.0, 0.5)


def test_the_gap_closed_has_the_better_to_the_right() -> None:
    axis = gap_axis(-9, 0.999, [0.9999, 0.99, 0, -9, -99])
    assert axis["type"] == "log"
    assert axis["range"] == pytest.approx([1, -3])
    assert dict(zip(axis["tickvals"], axis["ticktext"], strict=True)) == {0.01: "0.99", 1: "0", 10: "−9"}
    assert left([0.0, 0.9, 1.0], 1e-3) == pytest.approx([1.0, 0.1, 1e-3])


def test_neighbouring_seeds_are_kept_apart() -> None:
    assert jitter(4, 0.1) == pytest.approx([-0.1, 0.0, 0.1, -0.1])


def test_a_minus_sign_is_true() -> None:
    assert minus("-0.5") == "\N{MINUS SIGN}0.5"
