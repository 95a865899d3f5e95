"""Figures of the first page: schedule, cost and risk of a plan, and the distance of each policy from the optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.almgren_chriss import frontier, lvar_risk_aversion
from optexec.figures.style import COLOURS, NEUTRAL, SMALL_SLIDER, add_slider, clear, digits, finish, live_control
from optexec.policies import Schedule, almgren_chriss, twap
from optexec.problem import Problem

__all__ = ["above_optimum", "risk_slider", "trade_off"]

Z95 = 1.6448536269514722
"""The 95% quantile of the standard normal."""


def trade_off(
    problem: Problem,
    risk_aversions: Sequence[float],
    selected: float | None = None,
    marks: Mapping[str, float] | None = None,
) -> go.Figure:
    """Schedule, distribution of its cost and its point on the frontier, for a range of risk aversions.

    With more than one risk aversion a slider moves all three together; the axes stand still. Everything is of the
    deterministic-liquidity market, where the shortfall of a schedule is normal.

    Args:
        problem: order and market.
        risk_aversions: lambda values [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
        marks: values of lambda to mark on the frontier and, where they are positions, on the slider, by name
            (default: TWAP and the least L-VaR at 95%).
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    wanted = problem.risk_aversion if selected is None else selected
    active = int(np.argmin(np.abs(values - wanted)))
    least = lvar_risk_aversion(problem)
    marks = {"TWAP": 0.0, "95% L-VaR": least} if marks is None else marks
    scale = max(problem.risk_aversion, least, 1e-12)
    steepest = max(4 * scale, float(values.max()))
    even, time = twap(problem), np.arange(problem.order.periods + 1) * problem.order.dt
    plans = [almgren_chriss(problem.replace(risk_aversion=value)) for value in values]
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e3, 91) * scale])
    top = frontier(problem, [steepest]).iloc[0]
    costs = [even.expected_cost - 4 * even.variance**0.5, float(top["expected_cost"] + 4 * top["std"])]
    at = np.linspace(-3.6, 3.6, 37)  # standard deviations from the mean

    def density(plan: Schedule) -> tuple[list[float], list[float]]:
        """Costs, and the percentage of sales per dollar of cost."""
        deviation = plan.variance**0.5
        bell = 100 * np.exp(-(at**2) / 2) / (deviation * np.sqrt(2 * np.pi))
        return digits(plan.expected_cost + at * deviation), digits(bell)

    def state(plan: Schedule) -> dict[str, list[Any]]:
        cost, deviation = plan.expected_cost, plan.variance**0.5
        x, y = density(plan)
        worst = cost + Z95 * deviation
        return {
            "x": [digits(time), digits(time[:-1] + problem.order.dt / 2), digits([deviation]), x, digits([worst])],
            "y": [digits(plan.inventory), digits(plan.trades), digits([cost]), y, [0]],
            "text": ["", "", "", "", [f"95% below ${worst:,.0f}"]],
        }

    figure = make_subplots(
        rows=2,
        cols=2,
        specs=[[{}, {}], [{"colspan": 2}, None]],
        row_heights=[0.62, 0.38],
        vertical_spacing=0.2,
        horizontal_spacing=0.14,
        subplot_titles=["Schedule: shares held, and sold", "Efficient frontier", "What the sale costs: distribution"],
    )
    dotted = {"color": COLOURS["TWAP"], "dash": "dot"}
    figure.add_scatter(
        x=time,
        y=even.inventory,
        text=["TWAP" if k == round(0.6 * len(time)) else "" for k in range(len(time))],
        textposition="top right",
        mode="lines+text",
        line=dotted,
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=digits(curve["std"]),
        y=digits(curve["expected_cost"]),
        line={"color": NEUTRAL},
        hovertemplate="cost $%{y:,.0f}, risk $%{x:.1f}<extra>efficient frontier</extra>",
        row=1,
        col=2,
    )
    x, y = density(even)
    figure.add_scatter(x=x, y=y, line=dotted, hoverinfo="skip", row=2, col=1)
    figure.add_scatter(
        x=[x[18]], y=[y[18]], text=["TWAP"], textposition="top center", mode="text", hoverinfo="skip", row=2, col=1
    )
    blue = COLOURS["AC"]
    moving: list[tuple[dict[str, Any], int, int]] = [
        ({"line": {"color": blue, "width": 3}, "mode": "lines"}, 1, 1),
        ({"type": "bar", "marker": {"color": blue, "opacity": 0.45}}, 1, 1),
        ({"mode": "markers", "marker": {"color": blue, "size": 14}, "cliponaxis": False}, 1, 2),
        ({"line": {"color": blue, "width": 3}, "fill": "tozeroy", "fillcolor": clear(blue, 0.25)}, 2, 1),
        (
            {
                "mode": "markers+text",
                "marker": {"color": blue, "size": 12, "symbol": "triangle-up"},
                "textposition": "top right",
                "cliponaxis": False,
            },
            2,
            1,
        ),
    ]  # fmt: skip
    hovers = [
        "%{y:,.0f} shares held<extra></extra>",
        "%{y:,.1f} shares sold<extra></extra>",
        "cost $%{y:,.0f}, risk $%{x:.1f}<extra>this plan</extra>",
        "$%{x:,.0f}: %{y:.2f}% of sales per dollar<extra></extra>",
        "%{text}<extra></extra>",
    ]
    first = len(figure.data)
    now = state(plans[active])
    for i, (style, row, col) in enumerate(moving):
        trace = {"type": "scatter"} | style | {key: now[key][i] for key in now} | {"hovertemplate": hovers[i]}
        figure.add_trace(trace, row=row, col=col)
    # after the moving point, so that it does not hide them
    positions = ("bottom center", "top center", "top right")
    symbols = ("diamond-open", "square-open", "circle-open")
    for i, (name, value) in enumerate(marks.items()):
        point = frontier(problem, [value])
        figure.add_scatter(
            x=digits(point["std"]),
            y=digits(point["expected_cost"]),
            mode="markers+text",
            text=[name],
            textposition=positions[i % 3],
            marker={"color": NEUTRAL, "size": 10, "symbol": symbols[i % 3], "line": {"width": 2}},
            cliponaxis=False,
            hovertemplate=f"{name}, λ = {value:.3g}: cost $%{{y:,.0f}}, risk $%{{x:.1f}}<extra></extra>",
            row=1,
            col=2,
        )
    figure.update_xaxes(title="time (periods)", range=[0, time[-1]], row=1, col=1)
    figure.update_yaxes(title="shares", range=[0, 1.03 * problem.order.shares], row=1, col=1)
    figure.update_xaxes(title="risk: standard deviation ($)", range=[0, 1.15 * even.variance**0.5], row=1, col=2)
    figure.update_yaxes(title="expected cost ($)", range=costs, row=1, col=2)
    figure.update_xaxes(title="implementation shortfall ($)", range=costs, row=2, col=1)
    highest = 100 / (float(top["std"]) * np.sqrt(2 * np.pi))
    figure.update_yaxes(title="% of sales per $", range=[0, 1.15 * highest], nticks=4, row=2, col=1)
    figure.update_layout(showlegend=False)
    if len(values) > 1:
        names = {value: name for name, value in marks.items()}
        labels = [
            f"{value:.3g}: cost ${plan.expected_cost:,.0f}, risk ${plan.variance**0.5:,.1f}"
            for value, plan in zip(values, plans, strict=True)
        ]
        add_slider(
            figure,
            "risk aversion λ",
            labels,
            [state(plan) for plan in plans],
            list(range(first, first + len(moving))),
            active,
            marks={i: names[value] for i, value in enumerate(values) if value in names},
        )
    return finish(
        figure,
        height=640 if len(values) > 1 else 560,
        alt="Three linked views of a plan. First panel: holdings and trades over time with TWAP's straight "
        "line. Second panel: its point on the efficient frontier of expected cost against standard deviation, "
        "with marks at "
        + ", ".join(marks)
        + ". Third panel: the normal distribution of its cost. A slider of the risk aversion moves all three.",
        phone={
            "height": 700 if len(values) > 1 else 620,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.74, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0.34, 0.6]},
            "yaxis3": {"domain": [0, 0.2]},
            "annotations": {
                0: {"x": 0.5, "y": 1, "font": {"size": 13}},
                1: {"x": 0.5, "y": 0.6, "font": {"size": 13}},
                2: {"x": 0.5, "y": 0.2, "font": {"size": 13}},
            },
            **(SMALL_SLIDER if len(values) > 1 else {}),
        },
    )


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
