"""Figures of *Your own order*: what bars say, the plan that they make, and where the forecast's interval comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.almgren_chriss import expected_cost, frontier, trade_list, variance
from optexec.calibration import Calibration
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, STACKED, add_slider, finish
from optexec.problem import Market, Problem

__all__ = ["bar_estimates", "cost_sources", "own_plan"]


def bar_estimates(found: Calibration, truth: Market | None = None) -> go.Figure:
    """Volume profile with intervals, and relative volume of a bar against that of the bar before.

    Args:
        found: the estimates.
        truth: the simulated market, where there is one: its profile is drawn too.
    """
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    bars = np.arange(1, found.bars + 1)
    values = np.array([[period.value, period.low, period.high] for period in found.profile]).T
    figure.add_scatter(
        x=bars,
        y=values[0].round(4),
        mode="markers",
        name="estimate, 95% interval",
        marker={"color": LIQUIDITY, "size": 7},
        error_y={
            "array": (values[2] - values[0]).round(4),
            "arrayminus": (values[0] - values[1]).round(4),
            "color": LIQUIDITY,
            "thickness": 1.2,
            "width": 2,
        },
    )
    if truth is not None:
        shape = np.ones(found.bars) if truth.volume_profile is None else np.array(truth.volume_profile)
        figure.add_scatter(x=bars, y=shape.round(4), mode="lines", name="truth", line={"color": CONTRAST, "width": 2})
    before, after = found.relative[:, :-1].ravel(), found.relative[:, 1:].ravel()
    figure.add_scatter(
        x=before.round(3),
        y=after.round(3),
        mode="markers",
        marker={"color": LIQUIDITY, "size": 4, "opacity": 0.45},
        showlegend=False,
        hoverinfo="skip",
        row=1,
        col=2,
    )
    ends = np.array([before.min(), before.max()])
    figure.add_scatter(
        x=ends.round(3),
        y=(1 + (1 - found.speed.value) * (ends - 1)).round(4),
        mode="lines",
        name="1 + (1 − θ)(L − 1)",
        line={"color": CONTRAST, "width": 2, "dash": "dash"},
        row=1,
        col=2,
    )
    figure.update_xaxes(title="bar of the day", row=1, col=1)
    figure.update_yaxes(title="volume profile", rangemode="tozero", row=1, col=1)
    figure.update_xaxes(title="relative volume L of a bar", row=1, col=2)
    figure.update_yaxes(title="L of the next bar", row=1, col=2)
    return finish(
        figure,
        height=420,
        alt=f"First panel: estimated volume profile of {found.bars} bars with 95% intervals, from "
        f"{values[0].max():.2f} at its highest to {values[0].min():.2f} at its lowest. Second panel: relative "
        "volume of a bar against that of the one before, a cloud around a line of slope "
        f"{1 - found.speed.value:.2f}.",
        phone={"height": 760, **STACKED},
    )


def own_plan(
    problem: Problem,
    alternatives: Sequence[Problem],
    risk_aversions: Sequence[float],
    selected: float | None = None,
) -> go.Figure:
    """The Almgren-Chriss plan for every risk aversion, with what the estimates' errors make of it.

    First panel, holdings: the plan, and the band that holds 95% of the plans that the alternatives lead to. Second,
    expected cost against standard deviation in the deterministic-liquidity market, in basis points of the order's
    value: the frontier, and the plan with the range of its cost and deviation over the alternatives.

    Args:
        problem: made of the estimates.
        alternatives: made of draws of them; none leaves bands and ranges out.
        risk_aversions: lambda values > 0 [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    active = int(np.argmin(np.abs(values - (problem.risk_aversion if selected is None else selected))))
    bps = 1e4 / (problem.order.shares * problem.market.price)
    time = np.arange(problem.order.periods + 1)
    curve = frontier(problem, [0.0, *np.geomspace(values[0] / 10, values[-1] * 10, 81)])
    even = problem.order.shares * np.linspace(1, 0, problem.order.periods + 1)

    def state(value: float) -> dict[str, list[Any]]:
        at = problem.replace(risk_aversion=value)
        trades = trade_list(at)
        worlds = [other.replace(risk_aversion=value) for other in alternatives] or [at]
        plans = np.array([_held(world) for world in worlds])
        cost = np.array([expected_cost(world, trades) for world in [at, *worlds]]) * bps
        deviation = np.array([variance(world, trades) ** 0.5 for world in [at, *worlds]]) * bps
        low, high = np.quantile(plans, [0.025, 0.975], axis=0)
        across, along = np.quantile(cost[1:], [0.025, 0.975]), np.quantile(deviation[1:], [0.025, 0.975])
        rounded = [low.round(1), high.round(1), _held(at).round(1), [cost[0]], across.round(4), [cost[0]] * 2]
        return {
            "x": [time, time, time, [deviation[0]], [deviation[0]] * 2, along.round(4)],
            "y": rounded,
        }

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.14)
    figure.add_scatter(x=time, y=even, name="TWAP", line={"color": COLOURS["TWAP"], "dash": "dot"})
    figure.add_scatter(
        x=(curve["std"] * bps).round(4),
        y=(curve["expected_cost"] * bps).round(4),
        name="frontier",
        line={"color": NEUTRAL, "width": 2},
        row=1,
        col=2,
    )
    now, blue = state(float(values[active])), COLOURS["AC"]
    edge = {"color": blue, "width": 0}
    figure.add_scatter(x=time, y=now["y"][0], mode="lines", line=edge, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=time,
        y=now["y"][1],
        mode="lines",
        line=edge,
        fill="tonexty",
        fillcolor="rgba(47,127,209,0.3)",
        name="95% of plans",
        hoverinfo="skip",
        visible=bool(alternatives),
    )
    figure.add_scatter(x=time, y=now["y"][2], name="plan", line={"color": blue, "width": 2.5})
    figure.add_scatter(
        x=now["x"][3],
        y=now["y"][3],
        mode="markers",
        name="its cost",
        marker={"color": blue, "size": 10},
        row=1,
        col=2,
    )
    for i in (4, 5):
        figure.add_scatter(
            x=now["x"][i],
            y=now["y"][i],
            mode="lines",
            line={"color": blue, "width": 2},
            name="95% of markets",
            showlegend=i == 4 and bool(alternatives),
            hoverinfo="skip",
            row=1,
            col=2,
        )
    figure.update_xaxes(title="bars since the start", range=[0, time[-1]], row=1, col=1)
    figure.update_yaxes(title="shares held", range=[0, 1.03 * problem.order.shares], row=1, col=1)
    top, right = _room(problem, values, bps)
    figure.update_xaxes(title="standard deviation of cost (bps)", range=[0, right], row=1, col=2)
    figure.update_yaxes(title="expected cost (bps)", range=[0, top], row=1, col=2)
    figure.update_layout(legend={"traceorder": "normal"})
    if len(values) > 1:
        labels = [f"{1e6 * value:.2g} per million dollars" for value in values]
        add_slider(figure, "risk aversion λ", labels, [state(float(v)) for v in values], [2, 3, 4, 5, 6, 7], active)
    return finish(
        figure,
        height=500,
        alt="First panel: shares held by the Almgren-Chriss plan of the risk aversion set by the slider, in a "
        "narrow band of the plans that other draws of the estimates lead to. Second panel: expected cost against "
        "standard deviation in basis points, a falling curve; at the selected risk aversion the plan costs "
        f"{now['y'][3][0]:.1f} basis points, from {now['y'][4][0]:.1f} to {now['y'][4][1]:.1f} over the draws.",
        phone={"height": 860, **STACKED, **SMALL_SLIDER},
    )


def _held(problem: Problem) -> NDArray[np.float64]:
    """Holdings of the Almgren-Chriss plan (N+1,) [shares]."""
    trades = trade_list(problem)
    held = problem.order.shares - np.append(0.0, np.cumsum(trades))
    held[-1] = 0.0
    return np.asarray(held, dtype=np.float64)


def _room(problem: Problem, values: NDArray[np.float64], bps: float) -> tuple[float, float]:
    """Ends of the cost and deviation axes [bps], which stand still while lambda moves."""
    hasty, even = problem.replace(risk_aversion=float(values[-1])), problem.replace(risk_aversion=0.0)
    top = expected_cost(hasty, trade_list(hasty)) * bps
    return 1.25 * top, 1.15 * variance(even, trade_list(even)) ** 0.5 * bps


def cost_sources(rows: pd.DataFrame) -> go.Figure:
    """Intervals of an expected cost by what is uncertain.

    Args:
        rows: a row an interval, first at the top: label, colour, value, low, high [bps].
    """
    figure = go.Figure()
    figure.add_scatter(
        x=rows["value"],
        y=rows["label"],
        mode="markers",
        marker={"color": rows["colour"], "size": 11},
        showlegend=False,
        hovertemplate="%{y}: %{x:.2f} bps<extra></extra>",
    )
    for row in rows.itertuples():
        figure.add_scatter(
            x=[row.low, row.high],
            y=[row.label] * 2,
            mode="lines",
            line={"color": row.colour, "width": 3},
            showlegend=False,
            hovertemplate="%{y}: %{x:.2f} bps<extra></extra>",
        )
    end = 1.05 * float(rows["high"].max())
    figure.update_xaxes(title="expected cost of the plan (bps)", range=[0, end])
    figure.update_yaxes(categoryorder="array", categoryarray=list(rows["label"])[::-1])
    return finish(
        figure,
        height=130 + 44 * len(rows),
        alt="Expected cost with 95% intervals: "
        + "; ".join(f"{row.label}, {row.value:.1f} ({row.low:.1f} to {row.high:.1f}) bps" for row in rows.itertuples())
        + ".",
        phone={"yaxis": {"tickfont": {"size": 10}}},
    )
