"""Figures of *The efficient frontier*: tangents, sampled points, value at risk, and what lies above the curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.almgren_chriss import frontier
from optexec.figures.schedules import at_once, frontier_tangent
from optexec.figures.style import (
    CAUSES,
    COLOURS,
    CONTRAST,
    LIQUIDITY,
    NEUTRAL,
    SMALL_SLIDER,
    STACKED,
    add_slider,
    digits,
    finish,
)
from optexec.policies import twap
from optexec.problem import Problem
from report.live import live_control

__all__ = ["below_frontier", "frontier_control", "sampled_frontier", "two_frontiers", "value_at_risk_tangent"]


def frontier_control(problem: Problem, low: float = 1e-3, high: float = 1e1) -> Any:
    """A live ipywidgets control of lambda over `frontier_tangent`, for notebooks with a kernel."""
    return live_control(
        lambda risk_aversion: frontier_tangent(problem, [risk_aversion]), problem.risk_aversion, low, high
    )


def sampled_frontier(
    problem: Problem, sampled: pd.DataFrame, others: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> go.Figure:
    """The frontier with simulated schedules on it and inefficient ones above it, and the errors of the former.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        sampled: a row per lambda: risk_aversion [1/$], expected_cost and std (closed form) and mean, mean_ci,
            std_sample, std_sample_ci (simulated, with 95% half-widths), all [$].
        others: (standard deviations, expected costs) [$] of schedules off the frontier, by name.
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e6, 161) * max(problem.risk_aversion, 1e-12)])
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.15, column_widths=[0.58, 0.42])
    figure.add_scatter(
        x=curve["std"].round(4), y=curve["expected_cost"].round(3), name="efficient frontier", line={"color": NEUTRAL}
    )
    symbols = ("circle-open", "diamond", "triangle-up", "star", "cross", "x")
    hues = (NEUTRAL, COLOURS["VWAP"], LIQUIDITY, CAUSES["timing"], CONTRAST)
    for i, (name, (deviations, costs)) in enumerate(others.items()):
        many = len(deviations) > 1
        figure.add_scatter(
            x=np.round(deviations, 3),
            y=np.round(costs, 2),
            name=name,
            mode="markers",
            marker={"color": hues[i % 5], "size": 5 if many else 10, "symbol": symbols[i % 6], "opacity": 0.8},
        )
    bar = {"color": COLOURS["AC"], "thickness": 1.5, "width": 4}
    figure.add_scatter(
        x=sampled["std_sample"],
        y=sampled["mean"],
        error_x={"array": sampled["std_sample_ci"], **bar},
        error_y={"array": sampled["mean_ci"], **bar},
        name="simulated",
        mode="markers",
        marker={"color": COLOURS["AC"], "size": 8},
    )
    even, once = twap(problem), at_once(problem)
    right = 1.08 * max(even.variance**0.5, *(max(deviations) for deviations, _ in others.values()))
    figure.add_scatter(
        x=[even.variance**0.5, 0],
        y=[even.expected_cost, once],
        mode="markers+text",
        text=["TWAP", "sell now"],
        textposition=["bottom right", "top right"],
        marker={"color": COLOURS["TWAP"], "size": 10, "symbol": "diamond"},
        cliponaxis=False,
        showlegend=False,
    )
    place = np.arange(len(sampled))
    for name, y, ci, colour, symbol, shift in (
        (
            "error of the mean",
            sampled["mean"] - sampled["expected_cost"],
            sampled["mean_ci"],
            COLOURS["AC"],
            "circle",
            -0.12,
        ),
        (
            "error of the st. dev.",
            sampled["std_sample"] - sampled["std"],
            sampled["std_sample_ci"],
            CAUSES["timing"],
            "square",
            0.12,
        ),
    ):
        figure.add_scatter(
            x=place + shift,
            y=y,
            error_y={"array": ci, "color": colour, "thickness": 1.5, "width": 4},
            name=name,
            mode="markers",
            marker={"color": colour, "size": 7, "symbol": symbol},
            row=1,
            col=2,
        )
    figure.update_xaxes(title="standard deviation of cost ($)", range=[-0.04 * right, right], row=1, col=1)
    figure.update_yaxes(title="expected cost ($)", range=[0, 1.12 * once], row=1, col=1)
    figure.update_xaxes(
        title="risk aversion λ (1/$)",
        tickvals=place,
        ticktext=[f"{value:g}" for value in sampled["risk_aversion"]],
        range=[-0.5, len(sampled) - 0.5],
        row=1,
        col=2,
    )
    figure.update_yaxes(title="simulated less closed form ($)", row=1, col=2)
    return finish(
        figure,
        height=470,
        alt="First panel: the efficient frontier from TWAP to selling at once, simulated schedules on it, and "
        "inefficient schedules above it. Second panel: simulated mean and standard deviation less their closed forms, "
        "with 95% intervals, around zero.",
        phone={"height": 860, **STACKED},
    )


def value_at_risk_tangent(problem: Problem, points: pd.DataFrame, selected: float) -> go.Figure:
    """Expected cost against standard deviation, and the line of slope -z that touches it at the least value at risk.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        points: a row per slider position: confidence, z, risk_aversion [1/$], expected_cost, std, lvar [$].
        selected: the confidence shown first; the nearest position is taken.
    """
    active = int(np.argmin(np.abs(points["confidence"].to_numpy() - selected)))
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e4, 141) * max(problem.risk_aversion, 1e-12)])
    even, once = twap(problem), at_once(problem)
    right = 1.12 * even.variance**0.5

    def state(i: int) -> dict[str, list[Any]]:
        row = points.iloc[i]
        line = [row["lvar"], row["lvar"] - row["z"] * right]
        ends, point = digits([0, right]), [digits([row[key]]) for key in ("std", "expected_cost", "lvar")]
        return {"x": [ends, point[0], [0]], "y": [digits(line), point[1], point[2]]}

    figure = go.Figure()
    figure.add_scatter(
        x=curve["std"], y=curve["expected_cost"], name="efficient frontier", line={"color": NEUTRAL, "width": 2.5}
    )
    figure.add_scatter(
        x=[even.variance**0.5, 0],
        y=[even.expected_cost, once],
        mode="markers+text",
        text=["TWAP", "sell now"],
        textposition=["top center", "top right"],
        marker={"color": COLOURS["TWAP"], "size": 10, "symbol": "diamond"},
        cliponaxis=False,
        showlegend=False,
    )
    now = state(active)
    red = CONTRAST
    styles: list[dict[str, Any]] = [
        {"name": "slope −z", "mode": "lines", "line": {"color": red, "dash": "dash", "width": 1.5}},
        {"name": "least L-VaR schedule", "mode": "markers", "marker": {"color": COLOURS["AC"], "size": 13}},
        {"name": "L-VaR", "mode": "markers", "marker": {"color": red, "size": 12, "symbol": "square"}},
    ]
    for i, style in enumerate(styles):
        figure.add_scatter(x=now["x"][i], y=now["y"][i], cliponaxis=i == 0, **style)
    figure.update_xaxes(title="standard deviation of cost ($)", range=[-0.03 * right, right])
    figure.update_yaxes(title="expected cost ($)", range=[0, 1.12 * once])
    if len(points) > 1:
        small = float(points["risk_aversion"].max()) < 1e-3
        values = [f"{1e6 * v:.2g} × 10⁻⁶" if small else f"{v:.2g}" for v in points["risk_aversion"]]
        labels = [
            f"{100 * row['confidence']:.4g}%  (z = {row['z']:.2f}, λ = {value})"
            for value, (_, row) in zip(values, points.iterrows(), strict=True)
        ]
        add_slider(figure, "confidence p", labels, [state(i) for i in range(len(points))], [2, 3, 4], active)
    return finish(
        figure,
        height=500,
        alt="The efficient frontier in standard deviation and expected cost, with the line of slope minus z that "
        "touches it; the line meets the vertical axis at the least value at risk, and turns as the confidence changes.",
        phone={"height": 500, **(SMALL_SLIDER if len(points) > 1 else {})},
    )


def two_frontiers(problems: Mapping[str, Problem], marked: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Frontiers of different markets on common axes, in basis points of each order's notional.

    Args:
        problems: problem by name.
        marked: for each name, risk aversion by label of the schedules to mark on its curve.
    """
    figure = go.Figure()
    lines = ({"color": COLOURS["AC"], "width": 3}, {"color": NEUTRAL, "width": 3})
    symbols = ("circle-open", "square", "diamond", "x")
    scales = [1e4 / (problem.order.shares * problem.market.price) for problem in problems.values()]
    for i, (name, problem) in enumerate(problems.items()):
        base = max(problem.risk_aversion, 1e-12)
        curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e6, 141) * base])
        x, y = (scales[i] * curve["std"]).round(4), (scales[i] * curve["expected_cost"]).round(4)
        figure.add_scatter(x=x, y=y, name=name, line=lines[i % 2])
    for i, (name, problem) in enumerate(problems.items()):
        bps = scales[i]
        for j, (label, value) in enumerate(marked[name].items()):
            at = frontier(problem, [value])
            figure.add_scatter(
                x=bps * at["std"],
                y=bps * at["expected_cost"],
                name=label,
                legendgroup=label,
                showlegend=i == 0,
                mode="markers",
                cliponaxis=False,
                marker={"color": lines[i % 2]["color"], "size": 11 if j else 15, "symbol": symbols[j % 4]},
            )
    right = max(scale * twap(problem).variance ** 0.5 for scale, problem in zip(scales, problems.values(), strict=True))
    figure.update_xaxes(title="standard deviation of cost (bps of notional)", range=[-0.03 * right, 1.06 * right])
    figure.update_yaxes(title="expected cost (bps of notional)", rangemode="tozero")
    return finish(
        figure,
        height=430,
        alt="The two frontiers in basis points on the same axes: the original note's is a nearly vertical line at the "
        "left, the 2000 paper's a broad curve.",
    )


def below_frontier(problem: Problem, points: pd.DataFrame) -> go.Figure:
    """Simulated mean and standard deviation of price-dependent rules beside the frontier of schedules.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        points: a row per strength of the response: response, mean, mean_ci, std, std_ci [$].
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e2, 121) * max(problem.risk_aversion, 1e-12)])
    figure = go.Figure()
    figure.add_scatter(
        x=curve["std"].round(4),
        y=curve["expected_cost"].round(3),
        name="frontier of schedules",
        line={"color": NEUTRAL},
    )
    bar, last = {"color": CONTRAST, "thickness": 1.5, "width": 4}, len(points) - 1
    figure.add_scatter(
        x=points["std"],
        y=points["mean"],
        error_x={"array": points["std_ci"], **bar},
        error_y={"array": points["mean_ci"], **bar},
        text=[f"β = {value:g}" for value in points["response"]],
        textposition=[
            "middle left" if i == last else "bottom center" if i % 2 else "top right" for i in range(last + 1)
        ],
        name="rules that respond to the price",
        mode="lines+markers+text",
        line={"color": CONTRAST, "width": 1, "dash": "dot"},
        marker={"color": CONTRAST, "size": 8},
    )
    highest = float(points["mean"].max())
    figure.update_xaxes(title="standard deviation of cost ($)", rangemode="tozero")
    figure.update_yaxes(title="expected cost ($)", range=[0, 3.2 * highest])
    return finish(
        figure,
        height=420,
        alt="The efficient frontier of schedules, and points far to the left of it and below it reached by rules that "
        "sell faster after the price has risen.",
    )
