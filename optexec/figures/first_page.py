"""Figures of the first page: the trade-off of cost and risk, and the distance of each policy from the optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.almgren_chriss import frontier
from optexec.figures.style import COLOURS, NEUTRAL, add_slider, finish
from optexec.policies import almgren_chriss, twap
from optexec.problem import Problem

__all__ = ["above_optimum", "risk_slider", "trade_off"]


def trade_off(problem: Problem, risk_aversions: Sequence[float], selected: float | None = None) -> go.Figure:
    """Schedule and frontier for a range of risk aversions, linked by a slider when there is more than one.

    Args:
        problem: order and market; planned in its deterministic-liquidity market.
        risk_aversions: lambda values [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    wanted = problem.risk_aversion if selected is None else selected
    active = int(np.argmin(np.abs(values - wanted)))
    plans = [almgren_chriss(problem.replace(risk_aversion=value)) for value in values]
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e4, 161) * max(problem.risk_aversion, 1e-12)])
    points = frontier(problem, values)
    time = np.arange(problem.order.periods + 1) * problem.order.dt
    even = twap(problem)

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    plan = plans[active]
    figure.add_scatter(x=time, y=even.inventory, name="TWAP", line={"color": COLOURS["TWAP"], "dash": "dot"})
    figure.add_scatter(x=time, y=plan.inventory, name="Almgren–Chriss", line={"color": COLOURS["AC"], "width": 3})
    figure.add_bar(
        x=time[:-1] + problem.order.dt / 2,
        y=plan.trades,
        name="trade list",
        marker_color=COLOURS["AC"],
        opacity=0.3,
    )
    figure.add_scatter(
        x=curve["std"],
        y=curve["expected_cost"],
        name="efficient frontier",
        row=1,
        col=2,
        line={"color": NEUTRAL},
    )
    figure.add_scatter(
        x=points["std"].iloc[[active]],
        y=points["expected_cost"].iloc[[active]],
        name="at this λ",
        mode="markers",
        marker={"color": COLOURS["AC"], "size": 13},
        row=1,
        col=2,
    )
    within = curve["risk_aversion"] <= 50 * max(problem.risk_aversion, 1e-12)
    shares, top = problem.order.shares, float(curve["expected_cost"][within].max())  # axes do not follow the slider
    figure.update_xaxes(title="time (periods)", range=[0, time[-1]], row=1, col=1)
    figure.update_yaxes(title="inventory and trades (shares)", range=[0, 1.03 * shares], row=1, col=1)
    figure.update_xaxes(
        title="standard deviation of cost ($)", range=[0, 1.08 * float(curve["std"].max())], row=1, col=2
    )
    low = float(curve["expected_cost"].min())
    figure.update_yaxes(
        title="expected cost ($)", range=[low - 0.1 * (top - low), top + 0.1 * (top - low)], row=1, col=2
    )
    if len(values) > 1:
        changes = [
            {
                "x": [time, time[:-1] + problem.order.dt / 2, [points["std"].iloc[i]]],
                "y": [plans[i].inventory, plans[i].trades, [points["expected_cost"].iloc[i]]],
            }
            for i in range(len(values))
        ]
        labels = [
            f"{value:.3g}: cost ${cost:,.0f}, risk ${risk:,.0f}"
            for value, cost, risk in zip(values, points["expected_cost"], points["std"], strict=True)
        ]
        add_slider(figure, "risk aversion λ", labels, changes, [1, 2, 4], active)
    return finish(
        figure,
        height=470,
        alt="Left: holdings over time under TWAP and Almgren-Chriss. Right: the efficient frontier of expected cost "
        "against standard deviation, with a point that moves along it as the risk aversion changes.",
        phone={
            "height": 760,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def above_optimum(problem: Problem, objectives: Mapping[str, float], optimum: float) -> go.Figure:
    """Each policy's J above the exact optimum in percent, on a logarithmic scale; the cover of the report.

    Args:
        problem: order and market, for the description.
        objectives: J by policy [$], all above ``optimum``.
        optimum: V_0 [$].
    """
    names = sorted(objectives, key=lambda name: objectives[name])
    excess = [100 * (objectives[name] / optimum - 1) for name in names]
    figure = go.Figure()
    figure.add_scatter(
        x=excess,
        y=names,
        mode="markers+text",
        text=[f"  {value:.2g}%" for value in excess],
        textposition="middle right",
        marker={"size": 15, "color": [COLOURS[name] for name in names]},
        cliponaxis=False,
        showlegend=False,
    )
    for name, value in zip(names, excess, strict=True):
        figure.add_scatter(
            x=[min(excess) / 3, value], y=[name, name], mode="lines", line={"color": COLOURS[name], "width": 3},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.update_xaxes(
        type="log",
        dtick=1,
        title="above the exact optimum (% of J)",
        range=np.log10([min(excess) / 3, max(excess) * 3]),
    )
    return finish(
        figure,
        height=300,
        alt=f"J above the exact optimum over {problem.order.periods} periods: "
        + ", ".join(f"{name} {value:.2g}%" for name, value in zip(names, excess, strict=True)),
    )


def risk_slider(problem: Problem, low: float = 1e-3, high: float = 1e2) -> Any:
    """A live ipywidgets control of lambda over `trade_off`, for notebooks with a kernel."""
    import ipywidgets  # only live notebooks need it

    control = ipywidgets.FloatLogSlider(
        value=problem.risk_aversion, min=np.log10(low), max=np.log10(high), step=0.05, description="λ (1/$)"
    )
    return ipywidgets.interactive(lambda risk_aversion: trade_off(problem, [risk_aversion]), risk_aversion=control)
