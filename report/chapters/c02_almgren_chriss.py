"""Figures of *Almgren-Chriss derived*: holdings by risk aversion, and what urgency costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from optexec.figures.schedules import holdings
from optexec.figures.style import (
    CAUSES,
    COLOURS,
    CONTRAST,
    finish,
)
from optexec.problem import Problem
from report.live import live_control

__all__ = ["cost_of_urgency", "holdings_control"]


def holdings_control(problem: Problem, low: float = 1e-3, high: float = 1e2) -> Any:
    """A live ipywidgets control of lambda over `holdings`, for notebooks with a kernel."""
    return live_control(lambda risk_aversion: holdings(problem, [risk_aversion]), problem.risk_aversion, low, high)


def cost_of_urgency(
    kappas: Sequence[float], expected: Sequence[float], risk: Sequence[float], best: float, unit: str = "period"
) -> go.Figure:
    """Expected cost, lambda times variance and their sum for sinh schedules of any urgency, and the best one.

    Args:
        kappas: urgencies [1/time], ascending.
        expected: E[IS] of the schedule of each urgency [$].
        risk: lambda Var[IS] of the same [$].
        best: the urgency that the first-order condition asks for [1/time].
        unit: the unit of time.
    """
    costs, risks = np.asarray(expected), np.asarray(risk)
    total = costs + risks
    lowest = float(np.interp(best, kappas, total))
    figure = go.Figure()
    for name, y, colour, dash in (
        ("E[IS]", costs, CAUSES["temporary"], "dash"),
        ("λ Var[IS]", risks, CAUSES["timing"], "dot"),
        ("their sum", total, COLOURS["AC"], "solid"),
    ):
        figure.add_scatter(
            x=kappas, y=np.round(y, 3), name=name, line={"color": colour, "dash": dash, "width": 2.5}, mode="lines"
        )
    figure.add_scatter(
        x=[best, best],
        y=[lowest, 0],
        name="κ of the difference equation",
        mode="lines+markers",
        line={"color": CONTRAST, "dash": "dash", "width": 2},
        marker={"color": CONTRAST, "size": [11, 0], "opacity": 1},
    )
    figure.update_xaxes(title=f"urgency κ (1/{unit})", range=[0, float(np.max(kappas))])
    figure.update_yaxes(title="cost ($)", range=[0, 1.05 * float(total.max())])
    return finish(
        figure,
        height=400,
        alt="Expected cost rises and the cost of risk falls with the urgency of the schedule; their sum is lowest at "
        "the urgency that the difference equation gives.",
    )
