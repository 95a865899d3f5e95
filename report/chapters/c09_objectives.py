"""Figures of *Three objectives*: rankings, planned and realised risk, and where they reverse."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.evaluation import Estimate
from optexec.figures.style import COLOURS, NEUTRAL, SPLIT_SCALE, add_slider, finish

__all__ = ["planned_risk", "rankings", "reversal"]


SAME = 1e-6
"""Relative difference below which two exact values are one number."""


def _ranks(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Ranks from 1, least first; neighbours that the interval of their difference does not tell apart share one."""
    order = sorted(estimates, key=lambda name: estimates[name].value)
    groups = [order[:1]]
    for previous, name in pairwise(order):
        difference = estimates[name] + estimates[previous] * -1
        if difference.value > max(difference.ci, SAME * abs(estimates[name].value)):
            groups.append([])
        groups[-1].append(name)
    before = np.cumsum([0, *map(len, groups)])
    return {
        name: float(start) + (len(group) + 1) / 2
        for start, group in zip(before, groups, strict=False)
        for name in group
    }


def rankings(panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> go.Figure:
    """Rank of every policy under several objectives, one panel a market.

    Policies share the mean of their ranks where the 95% interval of their paired difference holds 0.

    Args:
        panels: by market and policy, estimates of the objectives by name, all on the same episodes.
    """
    figure = make_subplots(rows=1, cols=len(panels), subplot_titles=list(panels), horizontal_spacing=0.12)
    for column, rows in enumerate(panels.values(), 1):
        table = pd.DataFrame(rows).T
        ranks = table.apply(lambda estimates: pd.Series(_ranks(estimates.to_dict())))
        seen: dict[tuple[float, ...], list[str]] = {}
        for name in table.index:
            seen.setdefault(tuple(ranks.loc[name]), []).append(name)
        for place, names in seen.items():
            figure.add_scatter(
                x=list(table.columns),
                y=list(place),
                mode="lines+markers",
                name=", ".join(names),
                legend="legend" if column == 1 else f"legend{column}",
                line={"color": COLOURS[names[0]], "width": 3},
                marker={"size": 13},
                hovertemplate="%{x}: rank %{y}<extra>" + ", ".join(names) + "</extra>",
                row=1,
                col=column,
            )
        count = len(table)
        figure.update_yaxes(range=[count + 0.5, 0.5], dtick=1, row=1, col=column)
        figure.update_xaxes(range=[-0.25, len(table.columns) - 0.75], row=1, col=column)
    figure.update_yaxes(title="rank (1 is best)", row=1, col=1)
    figure.update_layout(
        margin={"b": 150},
        legend={"x": 0, "y": -0.14, "yanchor": "top", "orientation": "v"},
        legend2={"x": 0.56, "y": -0.14, "yanchor": "top", "orientation": "v"},
    )
    return finish(
        figure,
        height=540,
        alt="Rank of each policy under three objectives, in the constant and in the stochastic market. Lines cross in "
        "both: the schedule that is best by J is not best by the tail mean, and under random liquidity not by J_mv.",
        phone={
            "height": 1000,
            "margin": {"b": 20},
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.68, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0.2, 0.52]},
            "legend": {"y": 0.645},
            "legend2": {"x": 0, "y": 0.165},
            "annotations": {0: {"x": 0.5}, 1: {"x": 0.5, "y": 0.52}},
        },
    )


def planned_risk(families: Mapping[str, pd.DataFrame], marked: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Mean against standard deviation of the shortfall as the risk aversion that a family plans with grows.

    Args:
        families: by policy, a table with index the planned risk aversion and columns mean, std [$].
        marked: by policy, names of points and the planned risk aversion where each stands.
    """
    figure = go.Figure()
    symbols = ["circle", "diamond", "square"]
    for name, table in families.items():  # the lines first, also in the legend
        figure.add_scatter(
            x=np.round(table["std"], 2),
            y=np.round(table["mean"], 2),
            mode="lines+markers",
            name=name,
            line={"color": COLOURS[name], "width": 3},
            marker={"size": 4},
            customdata=np.array(table.index),
            hovertemplate=name + " planned with λ′ = %{customdata:.3g}: std %{x:.1f}, mean %{y:,.0f}<extra></extra>",
        )
    for name, table in families.items():
        for symbol, (label, at) in zip(symbols, marked[name].items(), strict=False):
            figure.add_scatter(
                x=table["std"][table.index == at],
                y=table["mean"][table.index == at],
                mode="markers",
                name=label,
                legendgroup=label,
                showlegend=name == next(iter(families)),
                marker={
                    "symbol": symbol,
                    "size": 9,
                    "color": "rgba(0,0,0,0)",
                    "line": {"color": NEUTRAL, "width": 2},
                },
                hovertemplate=f"{name}, {label}: λ′ = {at:.3g}<extra></extra>",
            )
    figure.update_xaxes(title="standard deviation of the shortfall ($)", rangemode="tozero")
    figure.update_yaxes(title="expected shortfall ($)")
    return finish(
        figure,
        height=480,
        alt="Mean against standard deviation for two families of policies. The curve of schedules bends back: beyond a "
        "small risk aversion, more of it raises both. The adaptive family lies far to its left.",
    )


def reversal(maps: Mapping[float, pd.DataFrame], selected: float, note: tuple[float, float]) -> go.Figure:
    """J_mv of the averse schedule over that of TWAP, by impact over luck and liquidity's volatility.

    Args:
        maps: by kappa T, a table of ratios, with liquidity volatilities as index and impact over luck as columns.
        selected: the kappa T shown first.
        note: where the original note's market lies: (impact over luck, volatility of liquidity).
    """
    keys, first = list(maps), maps[selected]

    def shown(table: pd.DataFrame) -> list[list[float]]:
        values: list[list[float]] = np.round(np.log2(table.to_numpy()), 3).tolist()
        return values

    x, y = first.columns.to_numpy(float), first.index.to_numpy(float)
    ticks = [0.5, 0.7, 1.0, 1.4, 2.0]
    figure = go.Figure(
        go.Heatmap(
            x=x,
            y=y,
            z=shown(first),
            zsmooth="best",
            coloraxis="coloraxis",
            customdata=np.round(first.to_numpy(), 3),
            hoverinfo="skip",
        )
    )
    figure.update_layout(
        coloraxis={
            "colorscale": SPLIT_SCALE,
            "cmin": -1,
            "cmax": 1,
            "colorbar": {
                "title": {"text": "AC / TWAP"},
                "tickvals": np.log2(ticks).tolist(),
                "ticktext": [f"{t:g}" for t in ticks],
                "thickness": 12,
                "outlinewidth": 0,
            },
        }
    )
    figure.add_contour(
        x=x,
        y=y,
        z=shown(first),
        contours={"start": 0, "end": 0, "size": 1, "coloring": "none"},
        line={"color": "#444", "width": 3},
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[note[0]],
        y=[note[1]],
        mode="markers+text",
        text=["the note"],
        textposition="middle right",
        textfont={"color": "#222", "size": 12},
        marker={"size": 12, "color": "#222", "symbol": "x"},
        showlegend=False,
        hovertemplate="impact over luck %{x:.1f}, volatility of liquidity %{y}<extra>the note</extra>",
    )
    decades = [value for value in (0.1, 0.3, 1, 3, 10, 30, 100) if x[0] <= value <= x[-1]]
    figure.update_xaxes(
        type="log", title="impact over luck: mean over standard deviation of TWAP's cost in constant liquidity",
        tickvals=decades, ticktext=[f"{v:g}" for v in decades], range=np.log10([x[0], x[-1]]), showgrid=False,
    )  # fmt: skip
    figure.update_yaxes(title="volatility of liquidity", range=[y[0], y[-1]], showgrid=False)
    changes = [{"z": [shown(maps[k]), shown(maps[k])]} for k in keys]
    add_slider(figure, "urgency κT", [f"{k:g}" for k in keys], changes, [0, 1], keys.index(selected))
    return finish(
        figure,
        height=520,
        alt="A map of the ratio of the averse schedule's J_mv to TWAP's. Where the price's luck is large beside impact "
        "the averse schedule is better; where impact is large and liquidity volatile it is worse.",
        phone={
            "height": 580,
            "margin": {"t": 84},
            "xaxis": {"title": {"text": "impact over luck"}},
            "yaxis": {"title": {"standoff": 4}},
            "coloraxis": {
                "colorbar": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.5, "title": {"side": "top"}}
            },
        },
    )
