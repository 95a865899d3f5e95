"""Figures of *The exact optimum*: policy maps and the value of adapting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, NEUTRAL, STACKED, add_slider, digits, finish

__all__ = ["haste", "speed_and_spread", "value_of_adapting"]


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
    shades = ("#8a5b00", "#9b6706", "#b3790f", COLOURS["rolling"], NEUTRAL)
    for k, shade, dash in zip(shown, shades, ("solid", "dash", "dashdot", "longdash", "dot"), strict=True):
        figure.add_scatter(
            x=np.round(levels, 4),
            y=np.round(100 * (other[k] / optimal[k] - 1), 4),
            mode="lines",
            name=f"period {k}",
            line={"color": shade, "width": 3, "dash": dash},
        )
    figure.update_xaxes(title="liquidity L")
    figure.update_yaxes(title="sold beyond the optimum (%)", rangemode="tozero")
    return finish(
        figure,
        height=400,
        alt="The rolling rule sells two to three percent more than the optimum early in the programme, most where "
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
            coloraxis="coloraxis",
            hovertemplate="spread %{y}, half-life %{x} T: %{text}%<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    figure.update_layout(
        coloraxis={
            "colorscale": [[0.0, "#00224e"], [0.5, "#575d6d"], [1.0, "#8c6f12"]],  # white is read on all of it
            "cmin": 0,
            "cmax": top,
            "colorbar": {"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
        }
    )
    figure.update_xaxes(title="half-life of liquidity (parts of the horizon T)", type="category", showgrid=False)
    figure.update_yaxes(title="spread: standard deviation of log L", type="category", showgrid=False)
    changes = [{key: [value] for key, value in shown(maps[k]).items()} for k in keys]
    add_slider(figure, "urgency κT", [f"{k:g}" for k in keys], changes, [0], keys.index(selected))
    return finish(
        figure,
        height=520,
        alt="A heat map of the percentage of J that adapting saves: it grows with the spread of liquidity and falls "
        "with its half-life, to nearly nothing when liquidity moves more slowly than the programme.",
        phone={
            "height": 560,
            "margin": {"t": 64},
            "xaxis": {"title": {"text": "half-life of liquidity / T"}},
            "yaxis": {"title": {"text": "standard deviation of log L"}},
            "coloraxis": {
                "colorbar": {
                    "orientation": "h",
                    "y": 1.02,
                    "yanchor": "bottom",
                    "x": 0.5,
                    "title": {"text": ""},
                    "ticksuffix": "%",
                },
            },
        },
    )


def speed_and_spread(gains: pd.DataFrame, selected: tuple[float, float], name: str = "") -> go.Figure:
    """What adapting is worth against the speed of liquidity and against its spread, with a slider for each.

    A slider moves the dot of its own panel along its axis, and the curve of the other panel: both dots are one market.

    Args:
        gains: the worth in percent of the best schedule's J, with spreads, the standard deviation of L, as index and
            speeds of mean reversion [1/time] in a period of length 1 as columns, both ascending.
        selected: the speed and the spread shown first.
        name: what to call their market; it stays marked.
    """
    speeds, spreads = ([float(value) for value in axis] for axis in (gains.columns, gains.index))
    table, first = gains.to_numpy(), (speeds.index(selected[0]), spreads.index(selected[1]))
    colour, axes = COLOURS["optimum"], (speeds, spreads)

    def curve(panel: int, chosen: int) -> dict[str, Any]:
        """The line of the speed's panel (0) at a spread, or of the spread's (1) at a speed."""
        values = table[chosen] if panel == 0 else table[:, chosen]
        text = [f"{value:.3f}%" if value < 0.0995 else f"{value:.2f}%" for value in values]
        return {"y": digits(values, 4), "text": text}

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.08, shared_yaxes=True)
    for panel, x in enumerate(axes):
        style = {
            "mode": "lines+markers+text",
            "line": {"color": colour, "width": 3},
            "marker": {"color": colour, "size": 14},
            "textposition": "top left",
            "textfont": {"size": 14},
            "selectedpoints": [first[panel]],
            "unselected": {"marker": {"opacity": 0}, "textfont": {"color": "rgba(0,0,0,0)"}},
            "hovertemplate": "%{text}<extra></extra>",
        }
        figure.add_scatter(x=x, **curve(panel, first[1 - panel]), **style, cliponaxis=False, row=1, col=panel + 1)
    for panel, x in enumerate(axes):
        if name:
            figure.add_scatter(
                x=[x[first[panel]]],
                y=digits([table[first[1], first[0]]], 4),
                text=[name],
                textposition="bottom right",
                mode="markers+text",
                marker={"color": NEUTRAL, "symbol": "diamond-open", "size": 20, "line": {"width": 2}},
                hoverinfo="skip",
                row=1,
                col=panel + 1,
            )
    top, ends = 1.12 * float(table.max()), np.log10([speeds[0], speeds[-1]])
    ticks = [value for value in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if speeds[0] <= value <= speeds[-1]]
    log = {"type": "log", "range": [ends[0] - 0.08, ends[1] + 0.3], "tickvals": ticks}
    figure.update_xaxes(title="speed of liquidity θ (per period)", **log, row=1, col=1)
    figure.update_xaxes(title="spread of liquidity sd(L)", range=[0, 1.08 * spreads[-1]], row=1, col=2)
    figure.update_yaxes(range=[-0.02 * top, top])
    figure.update_yaxes(title="adapting is worth (% of J)", row=1, col=1)
    half_lives = [np.log(2) / -np.log1p(-speed) for speed in speeds]
    labels = (
        [f"{speed:g} (half-life {half:.1f} periods)" for speed, half in zip(speeds, half_lives, strict=True)],
        [f"{spread:.3g}" for spread in spreads],
    )
    for panel, title in enumerate(("speed θ", "spread sd(L)")):
        place = (0.0, 0.46) if panel == 0 else (0.54, 1.0)
        changes = [[{"selectedpoints": [i]}, curve(1 - panel, i)] for i in range(len(axes[panel]))]
        add_slider(figure, title, labels[panel], changes, [panel, 1 - panel], first[panel], place=place)
    figure.update_layout(showlegend=False)
    return finish(
        figure,
        height=430,
        alt="What adapting saves, in percent of J. First panel: against the speed of liquidity at the spread of "
        "one slider. Second panel: against the spread at the speed of the other. It rises with both, and with "
        "the spread like its square.",
        phone={
            "height": 800,
            **STACKED,
            "yaxis2": {"domain": [0, 0.4], "showticklabels": True, "title": {"text": "adapting is worth (% of J)"}},
            "sliders": {"0": {"len": 1}, "1": {"x": 0, "len": 1, "pad": {"t": 134}}},
        },
    )
