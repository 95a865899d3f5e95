"""Figures of *Almgren-Chriss derived*: holdings by risk aversion, and what urgency costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.almgren_chriss import e_folding_time, half_life, urgency
from optexec.figures.style import (
    CAUSES,
    COLOURS,
    CONTRAST,
    LIQUIDITY,
    NEUTRAL,
    SMALL_SLIDER,
    STACKED,
    add_slider,
    finish,
    live_control,
)
from optexec.policies import almgren_chriss, twap
from optexec.problem import Problem

__all__ = ["cost_of_urgency", "holdings", "holdings_control"]


def holdings(
    problem: Problem,
    risk_aversions: Sequence[float],
    selected: float | None = None,
    family: Sequence[float] = (0.05, 5.0),
    unit: str = "periods",
) -> go.Figure:
    """Holdings of the best schedule with half-life and e-folding time, on a linear and a logarithmic axis.

    Args:
        problem: order and market with a flat day; planned in its deterministic-liquidity market.
        risk_aversions: lambda values > 0 [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
        family: values of lambda whose schedules stay in view for comparison.
        unit: what the problem's time is measured in.
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    active = int(np.argmin(np.abs(values - (problem.risk_aversion if selected is None else selected))))
    shares, periods = problem.order.shares, problem.order.periods
    time = np.arange(periods + 1) * problem.order.dt
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    figure.add_scatter(
        x=time, y=twap(problem).inventory, name="TWAP (λ = 0)", line={"color": COLOURS["TWAP"], "dash": "dot"}
    )
    for value in family:
        held = almgren_chriss(problem.replace(risk_aversion=value)).inventory
        label = np.full(periods + 1, "", dtype=object)
        if value == min(family) and value < values[active]:  # close to TWAP's line: from beyond that, with a stroke
            tip = int(np.argmin(np.abs(held - 0.45 * shares)))
            figure.add_annotation(
                text=f"λ = {value:g}",
                x=time[tip],
                y=float(held[tip]),
                ax=0.7 * time[-1],
                ay=0.68 * shares,
                axref="x",
                ayref="y",
                arrowhead=0,
                arrowwidth=1,
            )
        else:
            label[int(np.argmin(np.abs(held - 0.3 * shares)))] = f"λ = {value:g}"
        figure.add_scatter(
            x=time,
            y=held.round(3),
            text=label,
            mode="lines+text",
            textposition="bottom left" if value > values[active] else "top right",
            showlegend=False,
            hoverinfo="skip",
            line={"color": NEUTRAL, "width": 1},
        )
    first = len(figure.data)

    def state(value: float) -> dict[str, list[Any]]:
        at = problem.replace(risk_aversion=value)
        held = almgren_chriss(at).inventory
        half, fold = half_life(at), e_folding_time(at)
        at_half, at_fold = (float(np.interp(t, time, held)) for t in (half, fold))
        decay = np.exp(-urgency(at) * time)
        return {
            "x": [time, [half, half], [fold, fold], time[:-1], time, [half], [fold]],
            "y": [
                held.round(3),
                [at_half, 0],
                [at_fold, 0],
                (100 * held[:-1] / shares).round(4),
                (100 * decay).round(4),
                [50],
                [100 * np.exp(-1)],
            ],
        }

    now = state(float(values[active]))
    half_style = {"color": CONTRAST, "size": 10, "symbol": "diamond"}
    fold_style = {"color": LIQUIDITY, "size": 10, "symbol": "square"}
    styles: list[dict[str, Any]] = [
        {"name": "Almgren–Chriss", "line": {"color": COLOURS["AC"], "width": 3}, "mode": "lines"},
        {"name": "half-life ln 2/κ", "mode": "lines+markers", "line": {"dash": "dash", "width": 2}},
        {"name": "e-folding time 1/κ", "mode": "lines+markers", "line": {"dash": "dash", "width": 2}},
        {"line": {"color": COLOURS["AC"], "width": 3}, "mode": "lines", "showlegend": False},
        {"name": "100 exp(−κt)", "line": {"color": NEUTRAL, "dash": "dash"}, "mode": "lines"},
        {"mode": "markers", "showlegend": False},
        {"mode": "markers", "showlegend": False},
    ]
    for i, marker in ((1, half_style), (2, fold_style), (5, half_style), (6, fold_style)):
        styles[i]["marker"] = marker
        if "line" in styles[i]:  # a drop line, with its mark at the upper end alone
            styles[i]["marker"] = {**marker, "size": [10, 0], "opacity": 1}
            styles[i]["line"]["color"] = marker["color"]
    for i, style in enumerate(styles):
        figure.add_scatter(x=now["x"][i], y=now["y"][i], row=1, col=1 if i < 3 else 2, **style)
    figure.update_xaxes(title=f"time ({unit})", range=[0, time[-1]])
    figure.update_yaxes(title="inventory (shares)", range=[0, 1.03 * shares], row=1, col=1)
    figure.update_yaxes(
        title="left of the order (%, log scale)",
        type="log",
        range=[-0.5, 2.05],
        tickvals=[1, 5, 10, 50, 100],
        row=1,
        col=2,
    )
    if len(values) > 1:
        labels = []
        for value in values:
            at = problem.replace(risk_aversion=float(value))
            labels.append(f"{value:.3g}  (half-life {half_life(at):.1f} {unit})")
        changes = [state(float(value)) for value in values]
        add_slider(figure, "risk aversion λ", labels, changes, list(range(first, first + 7)), active)
    return finish(
        figure,
        height=500,
        alt="Holdings over time under the Almgren-Chriss schedule for a risk aversion set by the slider, on a linear "
        "axis with the half-life and the e-folding time marked, and on a logarithmic axis, where the schedule is a "
        "straight line until the end of the order is near.",
        phone={"height": 800, **STACKED, **(SMALL_SLIDER if len(values) > 1 else {})},
    )


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
