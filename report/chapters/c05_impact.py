"""Figures of *Impact*: what passes and what stays, resilience, and round trips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.almgren_chriss import decay_moments
from optexec.figures.style import CAUSES, COLOURS, CONTRAST, NEUTRAL, add_slider, finish, stack_panels
from optexec.policies import Schedule, best_static, twap
from optexec.problem import Problem

__all__ = ["blind_spot", "block_response", "plan_comparison", "resilience_slider", "round_trips"]


def block_response(
    problem: Problem, block: float, transient: Sequence[tuple[str, NDArray[np.float64]]], paths: int = 8
) -> go.Figure:
    """How the price effect of one block evolves: its three parts, and the noise of the part that decays.

    Args:
        problem: a market with transient impact.
        block: shares sold in period 0, with nothing after it.
        transient: up to two (label, I_k (n, N)) pairs, the simulated transient impact at the start of each period
            [$/share]; each gets a fan.
        paths: how many simulated paths to show in each fan.
    """
    market, dt = problem.market, problem.order.dt
    level = market.liquidity.long_run_mean
    first = transient[0][1]
    time = np.arange(first.shape[1]) * dt
    push = market.transient * block / level
    decaying = np.concatenate([[push], push * decay_moments(problem)[0] ** np.arange(1, len(time))])
    lasting = np.full(len(time), market.permanent * block)
    at_once = (market.temporary + market.transient / 2) * block / level
    columns = 1 + len(transient)
    figure = make_subplots(rows=1, cols=columns, horizontal_spacing=0.13)
    figure.add_scatter(
        x=time,
        y=np.round(-lasting, 5),
        name="permanent",
        line={"color": CAUSES["permanent"], "width": 2},
        fill="tozeroy",
        fillcolor="rgba(208,128,90,0.28)",
    )
    figure.add_scatter(
        x=time,
        y=np.round(-lasting - decaying, 5),
        name="transient, expected",
        line={"color": CAUSES["transient"], "width": 2},
        fill="tonexty",
        fillcolor="rgba(63,156,149,0.30)",
    )
    figure.add_scatter(
        x=[0, 0],
        y=[0, -round(at_once, 5)],
        name="the block's own fill",
        mode="lines+markers",
        marker={"size": [0, 12], "symbol": "diamond", "color": CONTRAST, "opacity": 1},
        line={"color": CONTRAST, "width": 2, "dash": "dot"},
        cliponaxis=False,
    )
    figure.update_xaxes(title="periods after the block", range=[-0.02 * time[-1], time[-1]], row=1, col=1)
    figure.update_yaxes(title="displacement ($ per share)", row=1, col=1)
    top = max(float(np.quantile(values / push, 0.975, axis=0).max()) for _, values in transient)
    for column, (label, values) in enumerate(transient, start=2):
        scaled = values / push
        scaled = np.column_stack([np.ones(len(scaled)), scaled[:, 1:]])
        low, high = np.quantile(scaled, [0.025, 0.975], axis=0)
        shown = {"row": 1, "col": column, "showlegend": column == 2, "hoverinfo": "skip"}
        figure.add_scatter(
            x=np.concatenate([time, time[::-1]]),
            y=np.round(np.concatenate([high, low[::-1]]), 4),
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor="rgba(63,156,149,0.22)",
            name="95% of paths",
            **shown,
        )
        for path in scaled[:paths]:
            line = {"color": CAUSES["transient"], "width": 1}
            figure.add_scatter(
                x=time,
                y=np.round(path, 4),
                mode="lines",
                line=line,
                opacity=0.45,
                row=1,
                col=column,
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=time, y=np.round(scaled.mean(axis=0), 4), name="mean", line={"color": NEUTRAL, "width": 3}, **shown
        )
        figure.add_annotation(
            text=label,
            x=0.97,
            y=0.97,
            xref="x domain" if column == 1 else f"x{column} domain",
            yref=f"y{column} domain",
            xanchor="right",
            yanchor="top",
            showarrow=False,
            font={"size": 14},
        )
        figure.update_xaxes(title="periods after the block", range=[0, time[-1]], row=1, col=column)
        figure.update_yaxes(range=[0, 1.05 * max(1.0, top)], row=1, col=column)
    figure.update_yaxes(title="share of the push that is left", row=1, col=2)
    phone = stack_panels(figure, columns, 310 * columns, 0.1) | {"legend": {"y": 1.02}}
    del phone["annotations"]  # which are no titles here, but stand in the panels
    return finish(
        figure,
        height=420,
        alt="The price after one block: temporary impact hits only the block's own fill, permanent impact stays, and "
        "transient impact decays towards zero, along random paths whose spread grows with the noise of the decay.",
        phone=phone,
    )


def resilience_slider(problem: Problem, rates: Sequence[float], selected: float) -> go.Figure:
    """Obizhaeva and Wang's schedule against TWAP, for a range of resilience rates.

    Args:
        problem: an order in a market whose only impact is transient; its own decay rate is not used.
        rates: the slider's positions, rho = delta [1/time], ascending.
        selected: the rate shown first; the nearest position is taken.
    """
    values = np.asarray(rates, dtype=np.float64)
    active = int(np.argmin(np.abs(values - selected)))
    periods = np.arange(problem.order.periods)
    even = twap(problem)
    level = problem.market.liquidity.long_run_mean

    def path(at: Problem, plan: Schedule) -> NDArray[np.float64]:
        """Displacement of the book before and after each trade, as the points of a saw-tooth line."""
        points, impact = [], 0.0
        for trade in plan.trades:
            after = impact + at.market.transient * trade / level
            points += [impact, after]
            impact = after * float(np.exp(-at.market.decay * at.order.dt))
        return np.round(points, 4)

    saw = np.repeat(periods, 2)
    changes: list[dict[str, list[Any]]] = []
    for value in values:
        at = problem.replace(decay=float(value))
        plan = best_static(at)
        costs = [best.expected_cost for best in (plan, Schedule(at, even.trades))]
        changes.append(
            {
                "y": [np.round(plan.trades, 2), path(at, plan), path(at, even)],
                "name": [
                    f"cheapest trades: cost ${costs[0]:,.0f}",
                    "book after cheapest trades",
                    f"TWAP: cost ${costs[1]:,.0f}",
                ],
            }
        )
    shown = changes[active]
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    best = COLOURS["best static"]
    figure.add_bar(x=periods, y=shown["y"][0], name=shown["name"][0], marker_color=best)
    figure.add_scatter(
        x=saw, y=shown["y"][1], name=shown["name"][1], line={"color": best, "width": 2}, showlegend=False, row=1, col=2
    )
    figure.add_scatter(
        x=saw, y=shown["y"][2], name=shown["name"][2], line={"color": COLOURS["TWAP"], "width": 1.5}, row=1, col=2
    )
    shares = problem.order.shares
    figure.add_scatter(
        x=periods[[0, -1]],
        y=[shares / len(periods)] * 2,
        line={"color": COLOURS["TWAP"], "dash": "dot"},
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.update_xaxes(title="period k", row=1, col=1, range=[-0.7, len(periods) - 0.3])
    figure.update_yaxes(title="trade v<sub>k</sub> (shares)", range=[0, 0.52 * shares], row=1, col=1)
    figure.update_xaxes(title="period k", row=1, col=2, range=[-0.7, len(periods) - 0.3])
    top = problem.market.transient * shares / level
    figure.update_yaxes(title="transient impact I ($ per share)", range=[0, 1.03 * top], row=1, col=2)
    add_slider(figure, "resilience ρ (per period)", [f"{value:.3g}" for value in values], changes, [0, 1, 2], active)
    return finish(
        figure,
        height=480,
        alt="First panel: the optimal trade list in a market with transient impact only, two large blocks at the ends "
        "and small equal trades between. Second panel: the transient impact that it and TWAP build up. "
        "The slider sets the resilience.",
        phone={
            "height": 780,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def round_trips(trips: Mapping[str, tuple[NDArray[np.float64], float]]) -> go.Figure:
    """Round trips and what they cost.

    Args:
        trips: for each label the signed trades (N,) [shares, sales positive] and their expected cost [$].
    """
    figure = make_subplots(
        rows=1,
        cols=len(trips),
        horizontal_spacing=0.1,
        shared_yaxes=True,
        subplot_titles=[f"{label}: costs ${cost:,.0f}" for label, (_, cost) in trips.items()],
    )
    for column, (trades, _) in enumerate(trips.values(), start=1):
        colours = [CAUSES["transient"] if v > 0 else CAUSES["permanent"] for v in trades]
        figure.add_bar(
            x=np.arange(len(trades)), y=np.round(trades, 2), marker_color=colours, showlegend=False, row=1, col=column
        )
        figure.update_xaxes(title="period k", row=1, col=column)
    figure.update_yaxes(title="sold (+), bought (−), shares", row=1, col=1)
    return finish(
        figure,
        height=340,
        alt="Signed trade lists of round trips by period with their expected costs, all of them positive: "
        + "; ".join(trips)
        + ".",
        phone=stack_panels(figure, len(trips), 260 * len(trips), 0.2, shared_y=True),
    )


def blind_spot(decays: NDArray[np.float64], losses: Mapping[str, NDArray[np.float64]]) -> go.Figure:
    """What ignoring the decay of impact costs, against the decay rate.

    Args:
        decays: delta (m,) [1/time], ascending.
        losses: by label, excess J over the best schedule (m,) [%].
    """
    figure = go.Figure()
    colours = [CAUSES[cause] for cause in ("transient", "permanent", "leftover")]
    for (name, loss), colour in zip(losses.items(), colours, strict=False):
        figure.add_scatter(
            x=np.round(decays, 6),
            y=np.round(loss, 4),
            name=name,
            line={"color": colour, "width": 2.5},
            hovertemplate="δ = %{x:.3g}: %{y:.2f}%<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="decay rate δ (per period)", type="log", dtick=1)
    figure.update_yaxes(title="excess of J over the best (%)", rangemode="tozero")
    return finish(
        figure,
        height=360,
        alt="Loss from planning without decay against the decay rate on a logarithmic scale: near zero at both ends, "
        "with a peak where the life of a push is about a third of the horizon.",
    )


def plan_comparison(schedules: Mapping[str, Schedule]) -> go.Figure:
    """Trade lists of several schedules, by the names of `COLOURS` [shares]."""
    figure = go.Figure()
    for name, schedule in schedules.items():
        figure.add_scatter(
            x=np.arange(len(schedule.trades)),
            y=np.round(schedule.trades, 2),
            name=name,
            mode="lines+markers",
            line={"color": COLOURS[name], "width": 2.5, "dash": "dot" if name == "TWAP" else "solid"},
            hovertemplate="period %{x}: %{y:.1f} shares<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="period k")
    figure.update_yaxes(title="trade v<sub>k</sub> (shares)", rangemode="tozero")
    names = " and ".join(schedules)
    return finish(figure, height=380, alt=f"Shares sold in each period under {names}.")
