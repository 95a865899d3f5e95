"""What a policy does, by period and liquidity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.almgren_chriss import half_life
from optexec.figures.style import SMALL_SLIDER, SPLIT_SCALE, add_slider, digits, finish, nearest
from optexec.optimum import optimum
from optexec.policies import almgren_chriss
from optexec.problem import Problem

_BAR = {"orientation": "h", "yanchor": "top", "y": -0.22, "thickness": 12, "outlinewidth": 0}


FRACTIONS: dict[str, Any] = {
    "colorscale": "Cividis",
    "cmin": 0,
    "cmax": 0.3,  # the last periods, above it, are not where the two differ
    "colorbar": {
        **_BAR,
        "x": 0.31,
        "len": 0.55,
        "title": {"text": "fraction", "side": "top"},
        "tickvals": [0, 0.1, 0.2, 0.3],
        "ticktext": ["0", "0.1", "0.2", "0.3 or more"],
    },
}


RATIO_BAR: dict[str, Any] = {**_BAR, "x": 0.865, "len": 0.27}


def stacked_maps(step: float, part: float) -> dict[str, Any]:
    """The layout of a phone for three maps, one above the other, each ``part`` of the height and a ``step`` lower."""
    phone: dict[str, Any] = {"annotations": {}}
    for i, suffix in enumerate(("", "2", "3")):
        high = 1 - step * i
        phone[f"xaxis{suffix}"] = {"domain": [0, 1], "anchor": f"y{suffix}", "title": {"text": "period k"}}
        phone[f"yaxis{suffix}"] = {"domain": [high - part, high], "title": {"text": "liquidity L"}}
        phone["annotations"][i] = {"x": 0.5, "y": high}
    return phone


__all__ = [
    "FRACTIONS",
    "RATIO_BAR",
    "policy_maps",
    "stacked_maps",
]


def policy_maps(
    problem: Problem, levels: NDArray[np.float64], risk_aversions: Sequence[float], selected: float | None = None
) -> go.Figure:
    """Fractions of the remaining inventory by period and liquidity: the optimum's, Almgren-Chriss's, and their ratio.

    Args:
        problem: order and market, without transient impact and with two periods at least.
        levels: (G,) liquidity levels, evenly spaced.
        risk_aversions: lambda values [1/$], ascending; the positions of a slider if there is more than one.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
    """
    values = [float(value) for value in risk_aversions]
    active = nearest(values, problem.risk_aversion if selected is None else selected)
    periods = np.arange(problem.order.periods - 1)  # in the last one everything goes
    ends = [float(levels[0]), float(levels[-1])]

    def state(value: float) -> list[list[list[float]]]:
        """Rows over liquidity of the three maps; the schedule's is one row, since it knows no levels."""
        at = problem.replace(risk_aversion=value)
        best, plan = optimum(at), almgren_chriss(at).fractions[:-1]
        fractions = np.array([best.fraction(int(k), levels) for k in periods])
        return [[digits(row, 3) for row in rows] for rows in (fractions.T, [plan], (fractions / plan[:, None]).T)]

    states = [state(value) for value in values]
    titles = ["optimum: fraction v/x", "AC: fraction v/x", "ratio of the two"]
    figure = make_subplots(rows=1, cols=3, horizontal_spacing=0.09, subplot_titles=titles)
    figure.update_annotations(yshift=6)  # clear of the highest tick's label
    hover = "period %{x}, liquidity %{y:.2f}: %{z}<extra></extra>"
    even = "period %{x}: %{z}<extra></extra>"
    best, plan, ratio = states[active]
    shared = {"x": periods, "coloraxis": "coloraxis", "row": 1}
    figure.add_heatmap(y=levels, z=best, hovertemplate=hover, col=1, **shared)
    figure.add_heatmap(y=ends, z=plan, hovertemplate=even, col=2, **shared)
    line = {
        "contours": {"start": 1, "end": 1, "size": 1, "coloring": "heatmap"},
        "line": {"color": "#444", "width": 2.5},
    }
    figure.add_contour(y=levels, z=ratio, hovertemplate=hover, col=3, **line, **shared | {"coloraxis": "coloraxis2"})
    figure.update_xaxes(title="period k", range=[-0.5, len(periods) - 0.5])
    figure.update_yaxes(range=ends)
    figure.update_yaxes(title="liquidity L", row=1, col=1)
    bar = {**RATIO_BAR, "title": {"text": "ratio", "side": "top"}}
    colours = {"colorscale": SPLIT_SCALE, "cmin": 0, "cmax": 2, "colorbar": bar}
    figure.update_layout(coloraxis=FRACTIONS, coloraxis2=colours)
    moves = len(values) > 1
    if moves:
        lives = [half_life(problem.replace(risk_aversion=value)) for value in values]
        labels = [
            f"{value:g} ({f'half-life {life:.1f} periods' if value else 'TWAP'})"
            for value, life in zip(values, lives, strict=True)
        ]
        changes = [{"z": maps} for maps in states]
        add_slider(figure, "risk aversion λ", labels, changes, [0, 1, 2], active, below=140)  # the keys of the colours
    flat = {"y": -0.1, "tickangle": 0}
    return finish(
        figure,
        height=540 if moves else 430,
        alt="Three heat maps over period and liquidity. The optimum's fraction rises with liquidity in every period; "
        "Almgren-Chriss's depends on the period alone; their ratio crosses one near a liquidity of one, or above it "
        "where little risk is minded.",
        phone={
            "height": 930 if moves else 780,
            **stacked_maps(0.37, 0.25),
            "coloraxis": {"colorbar": {**flat, "x": 0.22, "len": 0.42, "ticktext": ["0", "0.1", "0.2", "0.3+"]}},
            "coloraxis2": {"colorbar": {**flat, "x": 0.78, "len": 0.46}},
            **SMALL_SLIDER,
        },
    )
