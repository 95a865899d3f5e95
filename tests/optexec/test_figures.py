"""Figures: what a reader's browser gets, and sliders that show what the package computes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import optexec as ox
from optexec import figures
from optexec.evaluation import mean
from report.chapters import c08_optimum, c09_objectives, c10_stress, index

REFERENCE = ox.presets.reference()


def numbers(value: Any) -> Iterator[float]:
    """Every number in a figure's JSON."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def test_trade_off_slider_moves_schedule_distribution_and_point() -> None:
    values = [0.0, 0.1, 0.5, 2.0]
    figure = figures.trade_off(REFERENCE, values, selected=0.4)
    slider = figure.layout.sliders[0]
    assert slider.active == 2
    for value, step in zip(values, slider.steps, strict=True):
        plan = ox.almgren_chriss(REFERENCE.replace(risk_aversion=value))
        cost, risk = plan.expected_cost, plan.variance**0.5
        change, traces = step.args
        assert [figure.data[i].type for i in traces] == ["scatter", "bar", "scatter", "scatter", "scatter"]
        held, sold, point, bell, worst = range(5)
        assert change["y"][held] == pytest.approx(plan.inventory, rel=1e-4)
        assert change["y"][sold] == pytest.approx(plan.trades, rel=1e-4)
        assert (change["x"][point], change["y"][point]) == ([pytest.approx(risk, 1e-4)], [pytest.approx(cost, 1e-4)])
        density = 100 * scipy.stats.norm(cost, risk).pdf(change["x"][bell])  # per cent of sales per dollar
        assert change["y"][bell] == pytest.approx(density, abs=5e-3)
        assert change["x"][worst] == [pytest.approx(scipy.stats.norm(cost, risk).ppf(0.95), rel=1e-4)]
        assert f"{cost:,.0f}" in step.label
    for i, moving in enumerate(slider.steps[2].args[1]):  # what is drawn first is what the slider stands at
        assert figure.data[moving].y == pytest.approx(slider.steps[2].args[0]["y"][i])


def test_the_distribution_is_what_simulation_gives() -> None:
    plan = ox.almgren_chriss(REFERENCE)
    sample = ox.simulate(REFERENCE, plan, 20_000, 42).shortfall
    change, _ = figures.trade_off(REFERENCE, [0.1, 0.5]).layout.sliders[0].steps[1].args
    below = (sample < change["x"][4][0]).mean()
    assert abs(below - 0.95) < 4 * (0.95 * 0.05 / 20_000) ** 0.5
    assert scipy.stats.kstest(sample, "norm", (plan.expected_cost, plan.variance**0.5)).pvalue > 1e-3


def test_trade_off_marks_stand_on_frontier_and_slider() -> None:
    least = ox.lvar_risk_aversion(REFERENCE)
    marks = {"TWAP": 0.0, "95% L-VaR": least, "original note": 0.5}
    figure = figures.trade_off(REFERENCE, [0.0, least, 0.1, 0.5], 0.5, marks)
    on_frontier = {trace.text[0]: (trace.x[0], trace.y[0]) for trace in figure.data[-3:]}
    for name, value in marks.items():
        row = ox.frontier(REFERENCE, [value]).iloc[0]
        assert on_frontier[name] == pytest.approx((row["std"], row["expected_cost"]), rel=1e-4)
    below = {note.text.removeprefix("▴<br>"): note.x for note in figure.layout.annotations[3:]}
    assert below == {"TWAP": 0.0, "95% L-VaR": pytest.approx(1 / 3), "original note": 1.0}


def test_figures_are_described_small_and_finite() -> None:
    figure = figures.trade_off(REFERENCE, [0.0, *np.geomspace(0.01, 20, 40)])
    text = figure.to_json()
    assert len(text) < 80_000
    assert all(np.isfinite(number) for number in numbers(json.loads(text)))
    assert "frontier" in figure.layout.meta["alt"]
    assert figure.layout.meta["phone"]["xaxis2"]["domain"] == [0, 1]


def test_one_risk_aversion_needs_no_slider() -> None:
    assert not figures.trade_off(REFERENCE, [0.5]).layout.sliders


def test_above_optimum_keeps_the_order_and_draws_intervals() -> None:
    figure = index.above_optimum(REFERENCE, {"TWAP": 125.0, "BCQ": 102.0}, 100.0, {"BCQ": (101.0, 104.0)})
    dots = figure.data[0]
    assert list(dots.y) == ["TWAP", "BCQ"]
    assert dots.x == pytest.approx([25.0, 2.0])
    assert dots.error_x.array == pytest.approx([0.0, 2.0])
    assert dots.error_x.arrayminus == pytest.approx([0.0, 1.0])
    assert not [trace for trace in figure.data if "lines" in trace.mode]  # a length on a logarithmic axis says nothing
    assert "BCQ 2% (1 to 4)" in figure.layout.meta["alt"]


def test_policy_maps_follow_their_slider() -> None:
    problem, levels = ox.presets.stochastic(), np.linspace(0.5, 1.5, 5)
    figure = figures.policy_maps(problem, levels, [0.0, 0.5, 2.0])
    slider = figure.layout.sliders[0]
    assert slider.active == 1
    for value, step in zip([0.0, 0.5, 2.0], slider.steps, strict=True):
        at = problem.replace(risk_aversion=value)
        best, plan = ox.optimum(at), ox.almgren_chriss(at).fractions
        adaptive, fixed, ratio = (np.array(z) for z in step.args[0]["z"])
        for k in (0, 18):
            assert adaptive[:, k] == pytest.approx(best.fraction(k, levels), rel=6e-3)
            assert fixed[:, k] == pytest.approx(plan[[k]], rel=6e-3)
            assert ratio[:, k] == pytest.approx(best.fraction(k, levels) / plan[k], rel=6e-3)
    assert not figures.policy_maps(problem, levels, [0.5]).layout.sliders


def test_speed_and_spread_are_two_sliders_over_one_table() -> None:
    gains = pd.DataFrame([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]], index=[0.1, 0.3], columns=[0.05, 0.5, 0.9])
    figure = c08_optimum.speed_and_spread(gains, (0.5, 0.3), "here")
    by_speed, by_spread = figure.layout.sliders
    assert (by_speed.active, by_spread.active) == (1, 1)
    assert list(figure.data[0].y) == [1.0, 2.0, 3.0]
    assert list(figure.data[1].y) == [0.2, 2.0]
    frames = {frame.name: frame for frame in figure.frames}
    for slider, own, other in ((by_speed, 0, 1), (by_spread, 1, 0)):
        for i, step in enumerate(slider.steps):
            assert step.method == "animate"
            frame = frames[step.args[0][0]]
            assert list(frame.traces) == [own, other]
            assert list(frame.data[0].selectedpoints) == [i]
            assert list(frame.data[1].y) == list(gains.iloc[:, i] if own == 0 else gains.iloc[i])
            assert len(frame.data[1].text) == len(frame.data[1].y)
    assert figure.data[2].y[0] == figure.data[3].y[0] == 2.0  # the market that stays marked
    assert by_speed.steps[1].label == "0.5 (half-life 1.0 periods)"


def test_severity_marks_what_one_episode_in_a_hundred_exceeds() -> None:
    random = np.random.default_rng(1)
    samples = {
        drop: {name: random.gamma(9, 100 + 500 * drop, 2000) for name in ("AC", "rolling")} for drop in (0.0, 0.9)
    }
    figure = c10_stress.severity_tails(samples, selected=0.9)
    slider = figure.layout.sliders[0]
    assert slider.active == 1
    for drop, step in zip(samples, slider.steps, strict=True):
        change, traces = step.args
        assert [figure.data[i].name for i in traces[:2]] == ["AC", "rolling"]
        worst = {text[0].split()[0]: x[0] for text, x in zip(change["text"][2:], change["x"][2:], strict=True)}
        for name, sample in samples[drop].items():
            assert worst[name] == pytest.approx(np.quantile(sample, 0.99), abs=0.5)
            shares = np.asarray(figure.data[0].y) / 100
            curve = change["x"][["AC", "rolling"].index(name)]
            assert [(sample > x).mean() for x in curve] == pytest.approx(shares, abs=0.01)
    low, high = 10 ** np.array(figure.layout.xaxis.range)
    assert all(low < x < high for step in slider.steps for curve in step.args[0]["x"] for x in curve)  # axes fixed


def test_rankings_share_what_is_not_settled() -> None:
    """VWAP is below TWAP in every episode and not told apart from AC, whatever their averages say."""
    noise = np.random.default_rng(0).normal(size=1000)
    luck = np.random.default_rng(1).normal(size=1000)
    costs = {"TWAP": 10 + noise, "VWAP": 9 + noise, "AC": 9 + noise + 0.1 * (luck - luck.mean()) + 0.001}
    figure = c09_objectives.rankings({"market": {name: {"J": mean(cost)} for name, cost in costs.items()}})
    places = {name: trace.y[0] for trace in figure.data for name in trace.name.split(", ")}
    assert places == {"TWAP": 3.0, "VWAP": 1.5, "AC": 1.5}
