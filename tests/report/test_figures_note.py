"""Figures of *What the original numbers measured*: regions of samples, and counts by volatility."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from report.chapters import c24_note as note

PRINTED = pd.DataFrame({"mean": [100_250.0, 100_350.0], "std": [1850.0, 1290.0]}, index=["TWAP", "AC"])


def laws() -> dict[str, pd.DataFrame]:
    columns = pd.MultiIndex.from_product([["TWAP", "AC"], ["mean", "std"]])
    return {
        account: pd.DataFrame(
            [[100_000.0 + shift, 50.0, 100_200.0, 34.0], [100_000.0 + shift, 1700.0, 100_200.0, 1160.0]],
            index=["0.02", "0.69"],
            columns=columns,
        )
        for account, shift in {"note's C": 25.0, "total cost": 975.0}.items()
    }


def inside(x: float, y: float, outline: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether a point is in a convex outline on axes that are linear and logarithmic."""
    across, up = outline[0], np.log(outline[1])
    turns = np.diff(across) * (np.log(y) - up[:-1]) - np.diff(up) * (x - across[:-1])
    return bool((turns >= 0).all())


def test_the_region_holds_95_percent_of_samples() -> None:
    samples = np.random.default_rng(0).normal(500.0, 40.0, (4000, 100))
    outline = note.region(500.0, 40.0, 100, points=361)
    hits = [inside(m, s, outline) for m, s in zip(samples.mean(axis=1), samples.std(axis=1, ddof=1), strict=True)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_the_slider_moves_the_regions_and_not_the_printed_rows() -> None:
    figure = note.mean_std_plane(PRINTED, laws(), "total cost")
    slider = figure.layout.sliders[0]
    assert slider.active == 1
    assert [step.label for step in slider.steps] == ["note's C", "total cost"]
    for step, shift in zip(slider.steps, (25.0, 975.0), strict=True):
        change, traces = step.args
        assert [figure.data[i].name.split(",")[0] for i in traces] == ["TWAP", "AC"]
        for x, y, (mean, stds) in zip(
            change["x"], change["y"], ((100_000 + shift, (50, 1700)), (100_200, (34, 1160))), strict=True
        ):
            across, up = np.array(x, dtype=float), np.array(y, dtype=float)
            breaks = np.flatnonzero(np.isnan(across))
            assert len(breaks) == 2
            for part, std in zip((slice(0, breaks[0]), slice(breaks[0] + 1, breaks[1])), stds, strict=True):
                assert across[part].mean() == pytest.approx(mean, abs=0.03 * std)
                assert (across[part].max() - across[part].min()) / 2 == pytest.approx(
                    note.REGION**0.5 * std / 10, rel=0.02
                )
                assert np.sqrt(up[part].max() * up[part].min()) == pytest.approx(std, rel=0.01)
    assert [tuple(trace.x) for trace in figure.data[2:]] == [(100_250.0,), (100_350.0,)]
    assert [tuple(trace.y) for trace in figure.data[2:]] == [(1850.0,), (1290.0,)]


def test_the_plane_says_its_numbers_and_labels_its_volatilities() -> None:
    figure = note.mean_std_plane(PRINTED, laws(), "note's C")
    assert "TWAP 100,250 and 1,850" in figure.layout.meta["alt"]
    assert "σ = 0.69 dollars: TWAP 100,025 and 1,700" in figure.layout.meta["alt"]
    assert [mark.text for mark in figure.layout.annotations] == ["σ = $0.02", "σ = $0.69"]
    assert 10 ** figure.layout.annotations[1].y == pytest.approx(1700)
    assert figure.layout.meta["phone"]["annotations"][1]["text"] == "$0.69"


def test_counts_are_drawn_as_they_are_and_marks_stay_a_line_apart_on_a_phone() -> None:
    sigma = np.array([0.02, 0.5, 0.7, 2.0])
    counts = pd.DataFrame({"note's C": [1, 8, 16, 8], "total cost": [1, 3, 12, 5]}, index=sigma)
    named = {"two cents": 0.02, "London": 0.69, "New York": 0.72, "a period": 2.0}
    figure = note.figures_by_volatility(counts, named, 16)
    assert [trace.name for trace in figure.data] == ["note's C", "total cost"]
    for trace, column in zip(figure.data, counts, strict=True):
        assert list(trace.y) == list(counts[column])
        assert trace.x == pytest.approx(sigma)
    marks = figure.layout.annotations
    assert [mark.text for mark in marks] == list(named)
    assert [10**mark.x for mark in marks] == pytest.approx(list(named.values()))
    shifts = [figure.layout.meta["phone"]["annotations"][i]["xshift"] for i in range(len(named))]
    width = 300 / np.log10(100)
    places = [np.log10(value) * width + shift for value, shift in zip(named.values(), shifts, strict=True)]
    assert min(np.diff(places)) >= 12 - 0.2
    assert shifts[0] == shifts[1] == shifts[3] == 0
    assert "note's C has at most 16, first at 0.70 dollars" in figure.layout.meta["alt"]
