"""Figures of *The exact optimum*: policy maps and the value of adapting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import NEUTRAL, SPLIT_SCALE, add_slider, finish

__all__ = ["haste", "policy_maps", "value_of_adapting"]


def policy_maps(levels: NDArray[np.float64], optimal: NDArray[np.float64], fixed: NDArray[np.float64]) -> go.Figure:
    """Fractions of the remaining inventory by period and liquidity: the optimum's, a schedule's, and their ratio.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) fractions of the adaptive policy for periods 0 .. K-1.
        fixed: (K,) the schedule's fractions.
    """
    periods = np.arange(len(fixed))
    same = np.repeat(fixed[:, None], len(levels), axis=1)
    figure = make_subplots(
        rows=1,
        cols=3,
        horizontal_spacing=0.09,
        subplot_titles=["optimum: fraction v/x", "Almgren–Chriss: fraction v/x", "ratio of the two"],
    )
    for column, (values, axis) in enumerate(
        ((optimal, "coloraxis"), (same, "coloraxis"), (optimal / same, "coloraxis2")), 1
    ):
        figure.add_heatmap(
            x=periods,
            y=levels,
            z=np.round(values.T, 4),
            coloraxis=axis,
            hovertemplate="period %{x}, liquidity %{y:.2f}: %{z:.3f}<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes(title="period k", row=1, col=column)
    figure.add_contour(
        x=periods,
        y=levels,
        z=np.round((optimal / same).T, 4),
        contours={"start": 1, "end": 1, "size": 1, "coloring": "none"},
        line={"color": "#555", "width": 2},
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
        row=1,
        col=3,
    )
    figure.update_yaxes(title="liquidity L", row=1, col=1)
    bar = {"orientation": "h", "yanchor": "top", "y": -0.2, "thickness": 12, "outlinewidth": 0}
    figure.update_layout(
        coloraxis={
            "colorscale": "Cividis",
            "cmin": 0,
            "cmax": 0.3,  # the last periods, above it, are not where the two differ
            "colorbar": {
                **bar,
                "x": 0.31,
                "len": 0.55,
                "title": {"text": "fraction", "side": "bottom"},
                "tickvals": [0, 0.1, 0.2, 0.3],
                "ticktext": ["0", "0.1", "0.2", "0.3 or more"],
            },
        },
        coloraxis2={
            "colorscale": SPLIT_SCALE,
            "cmin": 0,
            "cmax": 2,
            "colorbar": {**bar, "x": 0.865, "len": 0.27, "title": {"text": "ratio", "side": "bottom"}},
        },
    )
    phone: dict[str, Any] = {"height": 1010, "annotations": {}, "coloraxis": {}, "coloraxis2": {}}
    for i, suffix in enumerate(("", "2", "3")):
        high = 1 - 0.36 * i
        phone[f"xaxis{suffix}"] = {"domain": [0, 1], "anchor": f"y{suffix}", "title": {"text": "period k"}}
        phone[f"yaxis{suffix}"] = {"domain": [high - 0.26, high], "title": {"text": "liquidity L"}}
        phone["annotations"][i] = {"x": 0.5, "y": high}
    phone["coloraxis"]["colorbar"] = {"x": 0.24, "len": 0.5, "y": -0.07}
    phone["coloraxis2"]["colorbar"] = {"x": 0.78, "len": 0.46, "y": -0.07}
    return finish(
        figure,
        height=430,
        alt="Three heat maps over period and liquidity. The optimum's fraction rises with liquidity in every period; "
        "Almgren-Chriss's depends on the period alone; their ratio crosses one near a liquidity of one.",
        phone=phone,
    )


def haste(levels: NDArray[np.float64], optimal: NDArray[np.float64], other: NDArray[np.float64]) -> go.Figure:
    """How much more than the optimum another rule sells, in percent, against liquidity and for a few periods.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) the optimum's fractions for periods 0 .. K-1.
        other: (K, G) the other rule's.
    """
    last = len(optimal) - 1
    shown = [0, last // 2, round(0.8 * last), last - 1, last]
    figure = go.Figure()
    for k, shade in zip(shown, ("#8c4a00", "#b86a0c", "#e08a1e", "#f0b060", NEUTRAL), strict=True):
        figure.add_scatter(
            x=np.round(levels, 4),
            y=np.round(100 * (other[k] / optimal[k] - 1), 4),
            mode="lines",
            name=f"period {k}",
            line={"color": shade, "width": 3, **({"dash": "dot"} if k == last else {})},
        )
    figure.update_xaxes(title="liquidity L")
    figure.update_yaxes(title="sold beyond the optimum (%)", rangemode="tozero")
    return finish(
        figure,
        height=400,
        alt="The rolling rule sells two to three percent more than the optimum early in the program, most where "
        "liquidity is low, and exactly as much in the last period with a choice.",
    )


def value_of_adapting(maps: Mapping[float, pd.DataFrame], selected: float) -> go.Figure:
    """What adapting is worth, in percent, by liquidity's spread and half-life; a slider over the urgency.

    Args:
        maps: by kappa T, a table of percentages with spreads as index and half-lives over T as columns.
        selected: the kappa T shown first.
    """
    keys = list(maps)
    first = maps[selected]

    def shown(table: pd.DataFrame) -> dict[str, Any]:
        values = table.to_numpy()
        text = [["<0.01" if z < 0.01 else f"{z:.2f}" if z < 1 else f"{z:.1f}" for z in row] for row in values]
        return {"z": np.round(values, 5).tolist(), "text": text}

    top = max(float(table.to_numpy().max()) for table in maps.values())
    figure = go.Figure(
        go.Heatmap(
            x=[f"{value:g}" for value in first.columns],
            y=[f"{value:g}" for value in first.index],
            **shown(first),
            texttemplate="%{text}",
            colorscale="Cividis",
            zmin=0,
            zmax=top,
            hovertemplate="spread %{y}, half-life %{x} T: %{text}%<extra></extra>",
            colorbar={"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(title="half-life of liquidity (parts of the horizon T)", type="category", showgrid=False)
    figure.update_yaxes(title="spread: standard deviation of log L", type="category", showgrid=False)
    changes = [{key: [value] for key, value in shown(maps[k]).items()} for k in keys]
    add_slider(figure, "urgency κT", [f"{k:g}" for k in keys], changes, [0], keys.index(selected))
    return finish(
        figure,
        height=520,
        alt="A heat map of the percentage of J that adapting saves: it grows with the spread of liquidity and falls "
        "with its half-life, to nearly nothing when liquidity moves more slowly than the program.",
        phone={"height": 520, "xaxis": {"title": {"text": "half-life of liquidity / T"}}},
    )
