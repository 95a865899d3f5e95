"""Figures of the first page: schedule, cost and risk of a plan, and the distance of each policy from the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from optexec.figures.schedules import trade_off
from optexec.figures.style import COLOURS, NEUTRAL, finish
from optexec.problem import Problem
from report.live import live_control

__all__ = ["above_optimum", "risk_slider"]


def above_optimum(
    problem: Problem,
    objectives: Mapping[str, float],
    optimum: float,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> go.Figure:
    """Each policy's J above the exact optimum in percent, a dot a policy on a logarithmic scale; the report's cover.

    Args:
        problem: order and market, for the description.
        objectives: J by policy [$], all above ``optimum``, in the order in which they are shown from the top.
        optimum: V_0 [$].
        intervals: ends of the 95% interval of J [$] of those that are estimated.
    """
    ends = {name: (value, value) for name, value in objectives.items()} | dict(intervals or {})
    excess = {name: 100 * (value / optimum - 1) for name, value in objectives.items()}
    low, high = ({name: 100 * (ends[name][side] / optimum - 1) for name in excess} for side in (0, 1))
    names = list(excess)
    figure = go.Figure()
    figure.add_scatter(
        x=list(excess.values()),
        y=names,
        mode="markers",
        marker={"size": 13, "color": [COLOURS[name] for name in names]},
        error_x={
            "array": [high[name] - excess[name] for name in names],
            "arrayminus": [excess[name] - low[name] for name in names],
            "color": NEUTRAL,
            "thickness": 2,
        },
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{y}: %{x:.2g}%<extra></extra>",
    )
    figure.add_scatter(
        x=[high[name] for name in names],
        y=names,
        mode="text",
        text=[f"   {excess[name]:.2g}%" for name in names],
        textposition="middle right",
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(
        type="log",
        dtick=1,
        title="above the exact optimum (% of J)",
        range=np.log10([min(low.values()) / 2, 3 * max(high.values())]).tolist(),
    )
    figure.update_yaxes(autorange="reversed")
    return finish(
        figure,
        height=300,
        alt=f"J above the exact optimum over {problem.order.periods} periods: "
        + ", ".join(
            f"{name} {excess[name]:.2g}%"
            + (f" ({low[name]:.2g} to {high[name]:.2g})" if high[name] > low[name] else "")
            for name in names
        ),
    )


def risk_slider(problem: Problem, low: float = 1e-3, high: float = 1e1) -> Any:
    """A live ipywidgets control of lambda over `trade_off`, for notebooks with a kernel."""
    return live_control(lambda risk_aversion: trade_off(problem, [risk_aversion]), problem.risk_aversion, low, high)
