"""Figures of *When liquidity is hidden*: what is known of the level, and what knowing is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, LIQUIDITY, NEUTRAL, clear, finish, stack_panels

__all__ = ["hidden_level", "information_curves"]


def hidden_level(
    truth: NDArray[np.float64],
    implied: NDArray[np.float64],
    level: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> go.Figure:
    """One episode's liquidity as it is, as the last fill implied it, and as a filter believes it to be.

    Args:
        truth: L_k (N,).
        implied: the level that the last fill before period k implied (N,).
        level: the filter's mean before the trade of period k (N,).
        deviation: its standard deviation (N,).
    """
    k = np.arange(len(truth))
    band = 1.96 * deviation
    figure = go.Figure()
    figure.add_scatter(
        x=np.concatenate([k, k[::-1]]),
        y=np.concatenate([level + band, (level - band)[::-1]]).round(3),
        fill="toself",
        fillcolor=clear(COLOURS["rolling"], 0.18),
        line={"width": 0},
        name="filter, 95% band",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=k,
        y=implied.round(3),
        name="implied by the last fill",
        mode="lines+markers",
        line={"color": NEUTRAL, "width": 1.5, "dash": "dot"},
        marker={"size": 6},
    )
    figure.add_scatter(
        x=k, y=truth.round(3), name="true", mode="lines+markers", line={"color": LIQUIDITY, "width": 2.5}
    )
    figure.add_scatter(
        x=k, y=level.round(3), name="filtered", mode="lines", line={"color": COLOURS["rolling"], "width": 2.5}
    )
    figure.update_xaxes(title="time (periods)")
    figure.update_yaxes(title="liquidity level L", rangemode="tozero")
    return finish(
        figure,
        height=420,
        alt="One episode of liquidity: the true level, the level implied by the last fill, which lags it by a period, "
        "and the filter's estimate between that and the mean, with a band around it.",
        phone={"height": 460, "margin": {"t": 90}},
    )


def information_curves(
    panels: Mapping[str, tuple[str, pd.DataFrame]], span: tuple[float, float], ticks: Mapping[str, Any]
) -> go.Figure:
    """What each degree of information is worth, against a parameter.

    Args:
        panels: by axis title of y, the axis title of x and a frame indexed by the parameter, with a column a line and
            ``<line>_ci`` (95% half-width) for the estimated ones.
        span: ends of the first panel's y-axis.
        ticks: tickvals and ticktext of the logarithmic x-axes.
    """
    styles = {
        "see it": (LIQUIDITY, "solid"),
        "bound, one period late": ("rgba(128,128,128,0.5)", "solid"),
        "optimum, filtered": (COLOURS["optimum"], "solid"),
        "rolling, filtered": (COLOURS["rolling"], "solid"),
        "optimum, last fill": (COLOURS["optimum"], "dot"),
        "rolling, last fill": (COLOURS["rolling"], "dot"),
        "assume constant": (COLOURS["AC"], "solid"),
    }
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.12)
    shown: set[str] = set()
    for p, (title, (across, frame)) in enumerate(panels.items()):
        for name in [name for name in styles if name in frame.columns]:
            colour, dash = styles[name]
            spread = {}
            if f"{name}_ci" in frame:
                spread = {"error_y": {"array": frame[f"{name}_ci"].round(4), "thickness": 1.2, "width": 3}}
            figure.add_scatter(
                x=frame.index,
                y=frame[name].round(4),
                name=name,
                legendgroup=name,
                showlegend=name not in shown,
                mode="lines+markers" if spread else "lines",
                marker={"size": 6},
                line={"color": colour, "dash": dash, "width": 7 if name.startswith("bound") else 2.2},
                hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
                **spread,
                row=1,
                col=p + 1,
            )
            shown.add(name)
        figure.update_xaxes(title=across, type="log", **ticks, row=1, col=p + 1)
        figure.update_yaxes(title=title, row=1, col=p + 1)
    first = next(iter(panels.values()))[1]
    figure.update_yaxes(range=list(span), row=1, col=1)
    figure.update_layout(legend={"y": 1.05}, margin={"t": 80})
    phone: dict[str, Any] = {"height": 520, "legend": {"y": 1.03}}
    if len(panels) > 1:
        phone = stack_panels(figure, len(panels), 860, 0.14)
        phone["legend"] = {"y": 1.03}
    return finish(
        figure,
        height=470,
        alt=f"{' and '.join(panels)} by degree of information, against {first.index.name}.",
        phone=phone,
    )
