"""Figures of *The problem*: a shortfall taken apart, and what the original note's cost ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import CAUSES, CONTRAST, LIQUIDITY, NEUTRAL, finish
from optexec.simulator import Episodes

__all__ = ["score_scatter", "shortfall_anatomy"]


def shortfall_anatomy(episodes: Episodes, parts: Mapping[str, float], episode: int = 0) -> go.Figure:
    """One sale's shortfall twice: as the area between arrival price and fills, and as a sum of its causes.

    Args:
        episodes: simulated programmes of a sale.
        parts: the parts of that episode's shortfall by cause [$]: the environment's ``info``, summed over periods.
        episode: which episode.
    """
    problem = episodes.problem
    arrival, haircut = problem.market.price, problem.haircut
    trades = np.append(episodes.trades[episode], episodes.leftover[episode])
    mid = episodes.mid[episode]
    fills = np.append(episodes.fills[episode], mid[-1] - haircut)
    sold = np.concatenate([[0.0], np.cumsum(trades)])
    periods = [f"period {k}" for k in range(problem.order.periods)]

    def steps(low: int, high: int, values: NDArray[np.float64]) -> dict[str, Any]:
        return {
            "x": np.round(np.repeat(sold[low : high + 1], 2)[1:-1], 1),
            "y": np.round(np.repeat(values[low:high], 2), 4),
        }

    figure = make_subplots(rows=1, cols=2, column_widths=[0.56, 0.44], horizontal_spacing=0.19)
    count = len(trades)
    arrival_line = {"x": [0, sold[-1]], "y": [arrival, arrival]}
    figure.add_scatter(**arrival_line, mode="lines", name="arrival price S₀", line={"color": NEUTRAL, "width": 2})
    figure.add_scatter(
        **steps(0, count, mid),
        mode="lines",
        name="mid price S<sub>k</sub>",
        line={"color": CAUSES["timing"], "width": 2},
        fill="tonexty",
        fillcolor="rgba(208,128,90,0.28)",
        hoverinfo="skip",
    )
    figure.add_scatter(
        **steps(0, count - 1, fills),
        mode="lines",
        name="fill price P<sub>k</sub>",
        line={"color": CAUSES["temporary"], "width": 2},
        fill="none",
        hoverinfo="skip",
    )
    # The area between two step lines, as one closed outline: fills forward, mid back.
    forward, back = steps(0, count - 1, fills), steps(0, count - 1, mid)
    figure.add_scatter(
        x=np.concatenate([forward["x"], back["x"][::-1]]),
        y=np.concatenate([forward["y"], back["y"][::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor="rgba(63,156,149,0.30)",
        hoverinfo="skip",
        showlegend=False,
    )
    if trades[-1] > 0:
        forward, back = steps(count - 1, count, fills), steps(count - 1, count, mid)
        figure.add_scatter(
            x=np.concatenate([forward["x"], back["x"][::-1]]),
            y=np.concatenate([forward["y"], back["y"][::-1]]),
            mode="lines",
            line={"width": 1, "color": CAUSES["leftover"]},
            fill="toself",
            fillcolor="rgba(143,121,184,0.45)",
            name="left over",
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=np.round((sold[:-2] + sold[1:-1]) / 2, 1),
        y=np.round(fills[:-1], 4),
        mode="markers",
        marker={"color": CAUSES["temporary"], "size": 6},
        text=periods,
        customdata=np.round(np.column_stack([trades[:-1], mid[:-1]]), 3),
        hovertemplate="%{text}<br>%{customdata[0]:.1f} shares at $%{y:.3f}<br>mid $%{customdata[1]:.3f}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title="shares sold, one step a period", range=[0, sold[-1]], row=1, col=1)
    figure.update_yaxes(title="price ($ per share)", row=1, col=1)

    names = [name for name in CAUSES if name in parts]
    values = np.array([parts[name] for name in names], dtype=np.float64)
    starts = np.concatenate([[0.0], np.cumsum(values)])
    figure.add_bar(
        y=[*names, "shortfall"],
        x=np.round(np.append(values, starts[-1]), 2),
        base=np.round(np.append(starts[:-1], 0.0), 2),
        orientation="h",
        marker_color=[*(CAUSES[name] for name in names), NEUTRAL],
        text=[f"${value:,.0f}".replace("$-", "−$") for value in (*values, starts[-1])],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
        showlegend=False,
        row=1,
        col=2,
    )
    top = float(max(starts.max(), 0.0))
    figure.update_xaxes(
        title="cost ($)", tickformat=",.0f", range=[min(0.0, float(starts.min())), 1.2 * top], row=1, col=2
    )
    figure.update_yaxes(autorange="reversed", row=1, col=2)
    return finish(
        figure,
        height=440,
        alt="First panel: arrival price, mid price and fills against shares sold; the area between the arrival price "
        "and the fills is the shortfall. Second panel: the same shortfall as a running sum of its parts by cause.",
        phone={
            "height": 800,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.56, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def score_scatter(shortfall: NDArray[np.float64], score: NDArray[np.float64]) -> go.Figure:
    """A score that is to be minimised against the implementation shortfall of the same programmes [$].

    Args:
        shortfall: IS (n,) [$].
        score: another cost of the same n programmes [$].
    """
    figure = go.Figure()
    figure.add_scatter(
        x=np.round(shortfall, 2),
        y=np.round(score, 2),
        mode="markers",
        marker={"color": NEUTRAL, "size": 6, "opacity": 0.5},
        showlegend=False,
        hovertemplate="shortfall $%{x:,.0f}<br>score $%{y:,.0f}<extra></extra>",
    )
    for index, name, colour, position in (
        (int(np.argmin(shortfall)), "best sale", LIQUIDITY, "top right"),
        (int(np.argmin(score)), "lowest C", CONTRAST, "bottom left"),
    ):
        figure.add_scatter(
            x=np.round(shortfall[[index]], 2),
            y=np.round(score[[index]], 2),
            mode="markers+text",
            marker={"color": colour, "size": 13},
            text=[name],
            textposition=position,
            textfont={"size": 14},
            showlegend=False,
            hovertemplate=name + ": shortfall $%{x:,.0f}, score $%{y:,.0f}<extra></extra>",
        )
    room = 0.14 * np.array([-1, 1]) * np.ptp(score) + [score.min(), score.max()]
    figure.update_xaxes(title="implementation shortfall ($)", tickformat=",.0f")
    figure.update_yaxes(title="the original note's C ($)", tickformat=",.0f", range=np.round(room, 1).tolist())
    return finish(
        figure,
        height=360,
        alt="Scatter of the original note's cost C against implementation shortfall: C falls as the shortfall "
        "rises, so the sale with the smallest C is the worst one.",
    )
