"""Figures of *Beyond the model*: what they draw is what they were given."""

from __future__ import annotations

import numpy as np
import pytest

from report.chapters import c26_beyond as beyond

TIME = np.array([0.0, 1.0, 2.0])


def plans(scale: float) -> dict[str, np.ndarray]:
    return {
        "pair": np.array([[1000.0, -400.0], [600.0 * scale, -300.0], [0.0, 0.0]]),
        "hedge": np.array([[1000.0, 0.0], [500.0, -200.0 * scale], [0.0, 0.0]]),
    }


def test_the_slider_moves_the_joint_plans_and_leaves_the_others() -> None:
    together = {rho: plans(1 + rho) for rho in (-0.5, 0.0, 0.5)}
    figure = beyond.hedged_holdings(TIME, together, plans(0.9), 0.5)
    slider = figure.layout.sliders[0]
    assert slider.active == 2
    assert [step.label for step in slider.steps] == ["−0.5", "0.0", "0.5"]
    for rho, step in zip(together, slider.steps, strict=True):
        change, traces = step.args
        assert [figure.data[i].name for i in traces] == ["asset 1, together", "asset 2, together"] * 2
        expected = [together[rho][order][:, asset] / 1000 for order in ("pair", "hedge") for asset in (0, 1)]
        assert np.stack(change["y"]) == pytest.approx(np.stack(expected), abs=0.005)
    shown = [trace.y for trace in figure.data if trace.name == "asset 1, together"]
    assert shown[0] == pytest.approx(together[0.5]["pair"][:, 0] / 1000)
    alone = [trace for trace in figure.data if trace.name == "asset 2, alone"]
    assert alone[1].y == pytest.approx(plans(0.9)["hedge"][:, 1] / 1000)
    low, high = figure.layout.yaxis.range  # fixed, whatever the slider says
    assert low < -0.4
    assert high > 1.0


def test_an_order_that_has_ended_leaves_the_logarithmic_axis() -> None:
    time = np.linspace(0, 4, 9)
    exact = {0.5: (1 + time / 3) ** -3, 2.0: np.maximum(1 - time / 3, 0) ** 3}
    found = {k: np.stack([time, x]) for k, x in exact.items()}
    found[2.0] = np.array([[0.0, 1.0, 9.0], [1.0, 0.3, 0.0]])
    figure = beyond.power_tails(time, exact, found, 0.5)
    assert figure.data[1].y == pytest.approx(exact[0.5], abs=1e-5)
    change, traces = figure.layout.sliders[0].steps[1].args
    assert [figure.data[i].name for i in traces] == ["closed form", "found by a minimiser"] * 2
    assert change["y"][0] == [pytest.approx(x, abs=1e-5) if x >= beyond.FLOOR else None for x in exact[2.0]]
    assert change["y"][1] == [1.0, 0.3]  # what lies beyond the axis is not sent
    assert list(change["x"][1]) == [0.0, 1.0]


def test_both_worlds_are_drawn_and_the_crossing_is_marked() -> None:
    believed = np.array([0.005, 0.01, 0.02])
    regrets = {0.005: np.array([0.0, 60.0, 200.0]), 0.02: np.array([480.0, 90.0, 0.0])}
    figure = beyond.two_worlds(believed, regrets, 0.011, 70.0)
    assert [trace.name for trace in figure.data] == ["true η = 0.005", "true η = 0.02", "minimax regret"]
    assert figure.data[1].y == pytest.approx((480.0, 90.0, 0.0))
    assert (figure.data[2].x[0], figure.data[2].y[0]) == (0.011, 70.0)
    assert "if η is 0.02 it goes from 480 to 0 dollars" in figure.layout.meta["alt"]
    ticks = figure.layout.meta["phone"]["xaxis"]
    assert [float(text) for text in ticks["ticktext"]] == ticks["tickvals"]
    with pytest.raises(ValueError, match="shorter"):  # two worlds, two colours
        beyond.two_worlds(believed, {0.005: believed, 0.01: believed, 0.02: believed}, 0.011, 70.0)
