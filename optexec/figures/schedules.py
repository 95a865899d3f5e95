"""Schedules, what they cost and what they risk: of one problem, over a range of risk aversions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.almgren_chriss import e_folding_time, expected_cost, frontier, half_life, lvar_risk_aversion, urgency
from optexec.figures.style import (
    COLOURS,
    CONTRAST,
    LIQUIDITY,
    NEUTRAL,
    SMALL_SLIDER,
    STACKED,
    add_moving,
    clear,
    digits,
    finish,
    nearest,
)
from optexec.policies import Schedule, almgren_chriss, twap
from optexec.problem import Problem

__all__ = [
    "frontier_tangent",
    "holdings",
    "trade_off",
]


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
    values = [float(value) for value in risk_aversions]
    active = nearest(values, problem.risk_aversion if selected is None else selected)
    shares, periods = problem.order.shares, problem.order.periods
    time, blue = np.arange(periods + 1) * problem.order.dt, COLOURS["AC"]
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    dotted = {"color": COLOURS["TWAP"], "dash": "dot"}
    figure.add_scatter(x=time, y=twap(problem).inventory, name="TWAP (λ = 0)", line=dotted)
    for value in family:
        held = almgren_chriss(problem.replace(risk_aversion=value)).inventory
        label = np.full(periods + 1, "", dtype=object)
        if value == min(family) and value < values[active]:  # close to TWAP's line: from beyond that, with a stroke
            tip = int(np.argmin(np.abs(held - 0.45 * shares)))
            stroke = {"ax": 0.7 * time[-1], "ay": 0.68 * shares, "axref": "x", "ayref": "y"}
            here = {"x": time[tip], "y": float(held[tip])}
            figure.add_annotation(text=f"λ = {value:g}", arrowhead=0, arrowwidth=1, **here, **stroke)
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

    def state(value: float) -> dict[str, list[Any]]:
        at = problem.replace(risk_aversion=value)
        held, half, fold = almgren_chriss(at).inventory, half_life(at), e_folding_time(at)
        at_half, at_fold = (float(np.interp(t, time, held)) for t in (half, fold))
        left, decay = (100 * held[:-1] / shares).round(4), (100 * np.exp(-urgency(at) * time)).round(4)
        points = [50], [100 * np.exp(-1)]
        return {
            "x": [time, [half, half], [fold, fold], time[:-1], time, [half], [fold]],
            "y": [held.round(3), [at_half, 0], [at_fold, 0], left, decay, *points],
        }

    def drop(name: str, marker: dict[str, Any]) -> dict[str, Any]:
        """A drop line, with its mark at the upper end alone."""
        line = {"dash": "dash", "width": 2, "color": marker["color"]}
        marker = {**marker, "size": [10, 0], "opacity": 1}
        return {"name": name, "mode": "lines+markers", "line": line, "marker": marker, **first}

    first, second = {"row": 1, "col": 1}, {"row": 1, "col": 2}
    half_mark = {"color": CONTRAST, "size": 10, "symbol": "diamond"}
    fold_mark = {"color": LIQUIDITY, "size": 10, "symbol": "square"}
    plan = {"line": {"color": blue, "width": 3}, "mode": "lines"}
    dashed = {"color": NEUTRAL, "dash": "dash"}
    traces = [
        {"name": "Almgren–Chriss", **plan, **first},
        drop("half-life ln 2/κ", half_mark),
        drop("e-folding time 1/κ", fold_mark),
        {**plan, "showlegend": False, **second},
        {"name": "100 exp(−κt)", "line": dashed, "mode": "lines", **second},
        *({"mode": "markers", "showlegend": False, "marker": marker, **second} for marker in (half_mark, fold_mark)),
    ]
    lives = [half_life(problem.replace(risk_aversion=value)) for value in values]
    labels = [f"{value:.3g}  (half-life {life:.1f} {unit})" for value, life in zip(values, lives, strict=True)]
    add_moving(figure, traces, [state(value) for value in values], "risk aversion λ", labels, active)
    figure.update_xaxes(title=f"time ({unit})", range=[0, time[-1]])
    figure.update_yaxes(title="inventory (shares)", range=[0, 1.03 * shares], row=1, col=1)
    log = {"type": "log", "range": [-0.5, 2.05], "tickvals": [1, 5, 10, 50, 100]}
    figure.update_yaxes(title="left of the order (%, log scale)", **log, row=1, col=2)
    return finish(
        figure,
        height=500,
        alt="Holdings over time under the Almgren-Chriss schedule for a risk aversion set by the slider, on a linear "
        "axis with the half-life and the e-folding time marked, and on a logarithmic axis, where the schedule is a "
        "straight line until the end of the order is near.",
        phone={"height": 800, **STACKED, **SMALL_SLIDER},
    )


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
    values = [float(value) for value in risk_aversions]
    active = nearest(values, problem.risk_aversion if selected is None else selected)
    least = lvar_risk_aversion(problem)
    marks = {"TWAP": 0.0, "95% L-VaR": least} if marks is None else marks
    scale = max(problem.risk_aversion, least, 1e-12)
    even, time = twap(problem), np.arange(problem.order.periods + 1) * problem.order.dt
    plans = [almgren_chriss(problem.replace(risk_aversion=value)) for value in values]
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e3, 91) * scale])
    top = frontier(problem, [max(4 * scale, *values)]).iloc[0]
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
    schedule, plane, distribution = ({"row": row, "col": col} for row, col in ((1, 1), (1, 2), (2, 1)))
    still = {"line": {"color": COLOURS["TWAP"], "dash": "dot"}, "hoverinfo": "skip"}
    text = ["TWAP" if k == round(0.6 * len(time)) else "" for k in range(len(time))]
    named = {"text": text, "textposition": "top right", "mode": "lines+text"}
    figure.add_scatter(x=time, y=even.inventory, **named, **still, **schedule)
    hover = "cost $%{y:,.0f}, risk $%{x:.1f}<extra>efficient frontier</extra>"
    x, y, grey = digits(curve["std"]), digits(curve["expected_cost"]), {"color": NEUTRAL}
    figure.add_scatter(x=x, y=y, line=grey, hovertemplate=hover, **plane)
    x, y = density(even)
    figure.add_scatter(x=x, y=y, **still, **distribution)
    named = {"text": ["TWAP"], "textposition": "top center", "mode": "text", "hoverinfo": "skip"}
    figure.add_scatter(x=[x[18]], y=[y[18]], **named, **distribution)
    blue = COLOURS["AC"]
    line, area = {"color": blue, "width": 3}, {"fill": "tozeroy", "fillcolor": clear(blue, 0.25)}
    triangle = {"marker": {"color": blue, "size": 12, "symbol": "triangle-up"}, "textposition": "top right"}
    looks: list[dict[str, Any]] = [
        {"line": line, "mode": "lines", **schedule},
        {"type": "bar", "marker": {"color": blue, "opacity": 0.45}, **schedule},
        {"mode": "markers", "marker": {"color": blue, "size": 14}, "cliponaxis": False, **plane},
        {"line": line, **area, **distribution},
        {"mode": "markers+text", **triangle, "cliponaxis": False, **distribution},
    ]
    hovers = [
        "%{y:,.0f} shares held<extra></extra>",
        "%{y:,.1f} shares sold<extra></extra>",
        "cost $%{y:,.0f}, risk $%{x:.1f}<extra>this plan</extra>",
        "$%{x:,.0f}: %{y:.2f}% of sales per dollar<extra></extra>",
        "%{text}<extra></extra>",
    ]
    moving = [{**look, "hovertemplate": hover} for look, hover in zip(looks, hovers, strict=True)]
    names = {value: name for name, value in marks.items()}
    labels = [
        f"{value:.3g}: cost ${plan.expected_cost:,.0f}, risk ${plan.variance**0.5:,.1f}"
        for value, plan in zip(values, plans, strict=True)
    ]
    below = {i: names[value] for i, value in enumerate(values) if value in names}
    add_moving(figure, moving, [state(plan) for plan in plans], "risk aversion λ", labels, active, marks=below)
    # after the moving point, so that it does not hide them
    for (name, value), place, symbol in zip(
        marks.items(),
        cycle(("bottom center", "top center", "top right")),
        cycle(("diamond-open", "square-open", "circle-open")),
    ):
        there = frontier(problem, [value])
        figure.add_scatter(
            x=digits(there["std"]),
            y=digits(there["expected_cost"]),
            mode="markers+text",
            text=[name],
            textposition=place,
            marker={"color": NEUTRAL, "size": 10, "symbol": symbol, "line": {"width": 2}},
            cliponaxis=False,
            hovertemplate=f"{name}, λ = {value:.3g}: cost $%{{y:,.0f}}, risk $%{{x:.1f}}<extra></extra>",
            **plane,
        )
    figure.update_xaxes(title="time (periods)", range=[0, time[-1]], **schedule)
    figure.update_yaxes(title="shares", range=[0, 1.03 * problem.order.shares], **schedule)
    figure.update_xaxes(title="risk: standard deviation ($)", range=[0, 1.15 * even.variance**0.5], **plane)
    figure.update_yaxes(title="expected cost ($)", range=costs, **plane)
    figure.update_xaxes(title="implementation shortfall ($)", range=costs, **distribution)
    highest = 1.15 * 100 / (float(top["std"]) * np.sqrt(2 * np.pi))
    figure.update_yaxes(title="% of sales per $", range=[0, highest], nticks=4, **distribution)
    figure.update_layout(showlegend=False)
    more = len(values) > 1
    return finish(
        figure,
        height=640 if more else 560,
        alt="Three linked views of a plan. First panel: holdings and trades over time with TWAP's straight "
        "line. Second panel: its point on the efficient frontier of expected cost against standard deviation, "
        "with marks at "
        + ", ".join(marks)
        + ". Third panel: the normal distribution of its cost. A slider of the risk aversion moves all three.",
        phone={
            "height": 700 if more else 620,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.74, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0.34, 0.6]},
            "yaxis3": {"domain": [0, 0.2]},
            "annotations": {i: {"x": 0.5, "y": y, "font": {"size": 13}} for i, y in enumerate((1, 0.6, 0.2))},
            **SMALL_SLIDER,
        },
    )


def frontier_tangent(
    problem: Problem, risk_aversions: Sequence[float], selected: float | None = None, unit: str = "periods"
) -> go.Figure:
    """Schedule, and expected cost against variance with the line of slope -lambda that touches the frontier.

    Args:
        problem: order and market; planned in its deterministic-liquidity market.
        risk_aversions: lambda values > 0 [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
        unit: what the problem's time is measured in.
    """
    values = [float(value) for value in risk_aversions]
    active = nearest(values, problem.risk_aversion if selected is None else selected)
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e3, 121) * max(problem.risk_aversion, 1e-12)])
    even, time = twap(problem), np.arange(problem.order.periods + 1) * problem.order.dt
    right = 1.08 * even.variance
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.14)
    first, second = {"row": 1, "col": 1}, {"row": 1, "col": 2}

    def state(value: float) -> dict[str, list[Any]]:
        plan = almgren_chriss(problem.replace(risk_aversion=value))
        cost, var = plan.expected_cost, plan.variance
        meets = cost + value * var
        across = (time, time[:-1] + problem.order.dt / 2, [0, right], [var], [0])
        up = (plan.inventory, plan.trades, [meets, meets - value * right], [cost], [meets])
        return {"x": [digits(part) for part in across], "y": [digits(part) for part in up]}

    grey, blue, red = COLOURS["TWAP"], COLOURS["AC"], CONTRAST
    figure.add_scatter(x=time, y=even.inventory, name="TWAP", line={"color": grey, "dash": "dot"})
    line, variances = {"color": NEUTRAL, "width": 2.5}, curve["std"].to_numpy() ** 2
    figure.add_scatter(x=variances, y=curve["expected_cost"], name="efficient frontier", line=line, **second)
    figure.add_scatter(
        x=[even.variance],
        y=[even.expected_cost],
        mode="markers+text",
        text=["TWAP"],
        textposition="top center",
        marker={"color": grey, "size": 11, "symbol": "diamond"},
        showlegend=False,
        **second,
    )
    tangent = {"color": red, "dash": "dash", "width": 1.5}
    bars = {"type": "bar", "marker": {"color": blue}, "opacity": 0.3, "showlegend": False}
    point = {"mode": "markers", "cliponaxis": False, **second}
    moving: list[dict[str, Any]] = [
        {"name": "Almgren–Chriss", "line": {"color": blue, "width": 3}, **first},
        {"name": "trade list", **bars, **first},
        {"name": "slope −λ", "mode": "lines", "line": tangent, **second},
        {"name": "the schedule", "marker": {"color": blue, "size": 12}, "showlegend": False, **point},
        {"name": "J", "marker": {"color": red, "size": 11, "symbol": "square"}, **point},
    ]
    states = [state(value) for value in values]
    labels = [f"{value:.3g}: J = ${each['y'][4][0]:,.0f}" for value, each in zip(values, states, strict=True)]
    add_moving(figure, moving, states, "risk aversion λ", labels, active)
    # The axes depend on the problem alone, so that they stand still while lambda moves.
    top = even.expected_cost + 0.32 * (at_once(problem) - even.expected_cost)
    figure.update_xaxes(title=f"time ({unit})", range=[0, time[-1]], **first)
    figure.update_yaxes(title="inventory and trades (shares)", range=[0, 1.03 * problem.order.shares], **first)
    figure.update_xaxes(title="variance of cost ($²)", range=[0, right], **second)
    figure.update_yaxes(title="expected cost ($)", range=[0, top], **second)
    return finish(
        figure,
        height=500,
        alt="First panel: holdings and trades of the Almgren-Chriss schedule for the risk aversion set by the slider. "
        "Second panel: expected cost against variance, a falling convex curve, and the line of slope minus lambda that "
        "touches it at that schedule.",
        phone={"height": 740, **STACKED, **SMALL_SLIDER},
    )


def at_once(problem: Problem) -> float:
    """E[IS] of selling everything in the first period [$], in the deterministic-liquidity market."""
    return expected_cost(problem, problem.order.shares * np.eye(problem.order.periods)[0])
