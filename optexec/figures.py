"""Plotly figures of the report, from data: one template, one colour a policy, axes with units.

Every function returns a `plotly.graph_objects.Figure` with transparent backgrounds; the built book recolours text and
grid for light and dark (`optexec.book`). ``layout.meta`` may hold ``alt``, the description read to those who cannot see
the figure, and ``phone``, layout overrides for narrow screens. Sliders carry their data in their steps, so that they
work in the published page without a kernel; what they show comes from the same functions as the live notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from optexec.almgren_chriss import frontier
from optexec.policies import almgren_chriss, twap
from optexec.problem import Problem

__all__ = ["COLOURS", "risk_slider", "trade_off"]

COLOURS = {
    "TWAP": "#8c8c8c",
    "VWAP": "#b07aa1",
    "AC": "#2f7fd1",
    "AC neutral": "#76b7e8",
    "best static": "#2a9d6f",
    "rolling": "#e08a1e",
    "optimum": "#d1495b",
    "BCQ": "#7b5cc4",
    "TD3+BC": "#c2a200",
}
"""One colour a policy, the same in every figure; told apart under the common colour-vision deficiencies and readable on
white and on near-black. The learners' colours wait for their chapters."""

NEUTRAL = "#8c8c8c"
ACCENT = COLOURS["AC"]

_TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
            "size": 13,
            "color": "#555",
        },
        "colorway": list(COLOURS.values()),
        "margin": {"l": 60, "r": 16, "t": 36, "b": 50},
        "hovermode": "closest",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left"},
        "xaxis": {
            "gridcolor": "rgba(128,128,128,0.25)",
            "zerolinecolor": "rgba(128,128,128,0.45)",
            "automargin": True,
        },
        "yaxis": {
            "gridcolor": "rgba(128,128,128,0.25)",
            "zerolinecolor": "rgba(128,128,128,0.45)",
            "automargin": True,
        },
    }
)
pio.templates["optexec"] = _TEMPLATE


def finish(figure: go.Figure, *, height: int, alt: str, phone: dict[str, Any] | None = None) -> go.Figure:
    """Put the template, the height [px], the description and the narrow-screen layout on a figure."""
    meta: dict[str, Any] = {"alt": alt}
    if phone is not None:
        meta["phone"] = phone
    figure.update_layout(template="optexec", height=height, meta=meta)
    return figure


def add_slider(
    figure: go.Figure,
    name: str,
    labels: Sequence[str],
    changes: Sequence[dict[str, list[Any]]],
    traces: list[int],
    active: int,
) -> None:
    """A slider whose step i restyles ``traces`` with ``changes[i]``; no kernel and no frames needed."""
    steps = [
        {"label": label, "method": "restyle", "args": [change, traces]}
        for label, change in zip(labels, changes, strict=True)
    ]
    figure.update_layout(
        sliders=[
            {
                "active": active,
                "steps": steps,
                "currentvalue": {"prefix": f"{name} = ", "font": {"size": 15}},
                "pad": {"t": 46},
                "ticklen": 0,
                "minorticklen": 0,
                "font": {"color": "rgba(0,0,0,0)"},
            }
        ]
    )


def trade_off(problem: Problem, risk_aversions: Sequence[float], selected: float | None = None) -> go.Figure:
    """Schedule and frontier for a range of risk aversions, linked by a slider when there is more than one.

    Args:
        problem: order and market; planned in its deterministic-liquidity market.
        risk_aversions: lambda values [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    wanted = problem.risk_aversion if selected is None else selected
    active = int(np.argmin(np.abs(values - wanted)))
    plans = [almgren_chriss(problem.replace(risk_aversion=value)) for value in values]
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e4, 161) * max(problem.risk_aversion, 1e-12)])
    points = frontier(problem, values)
    time = np.arange(problem.order.periods + 1) * problem.order.dt
    even = twap(problem)

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    plan = plans[active]
    figure.add_scatter(x=time, y=even.inventory, name="TWAP", line={"color": COLOURS["TWAP"], "dash": "dot"})
    figure.add_scatter(x=time, y=plan.inventory, name="Almgren–Chriss", line={"color": COLOURS["AC"], "width": 3})
    figure.add_bar(
        x=time[:-1] + problem.order.dt / 2,
        y=plan.trades,
        name="trade list",
        marker_color=COLOURS["AC"],
        opacity=0.3,
    )
    figure.add_scatter(
        x=curve["std"],
        y=curve["expected_cost"],
        name="efficient frontier",
        row=1,
        col=2,
        line={"color": NEUTRAL},
    )
    figure.add_scatter(
        x=points["std"].iloc[[active]],
        y=points["expected_cost"].iloc[[active]],
        name="at this λ",
        mode="markers",
        marker={"color": COLOURS["AC"], "size": 13},
        row=1,
        col=2,
    )
    shares, top = problem.order.shares, float(points["expected_cost"].max())
    figure.update_xaxes(title="time (periods)", range=[0, time[-1]], row=1, col=1)
    figure.update_yaxes(title="inventory and trades (shares)", range=[0, 1.03 * shares], row=1, col=1)
    figure.update_xaxes(
        title="standard deviation of cost ($)", range=[0, 1.08 * float(curve["std"].max())], row=1, col=2
    )
    low = float(curve["expected_cost"].min())
    figure.update_yaxes(
        title="expected cost ($)", range=[low - 0.1 * (top - low), top + 0.1 * (top - low)], row=1, col=2
    )
    if len(values) > 1:
        changes = [
            {
                "x": [time, time[:-1] + problem.order.dt / 2, [points["std"].iloc[i]]],
                "y": [plans[i].inventory, plans[i].trades, [points["expected_cost"].iloc[i]]],
            }
            for i in range(len(values))
        ]
        add_slider(figure, "risk aversion λ", [f"{value:.3g}" for value in values], changes, [1, 2, 4], active)
    return finish(
        figure,
        height=470,
        alt="Left: holdings over time under TWAP and Almgren-Chriss. Right: the efficient frontier of expected cost "
        "against standard deviation, with a point that moves along it as the risk aversion changes.",
        phone={
            "height": 760,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def risk_slider(problem: Problem, low: float = 1e-3, high: float = 1e2) -> Any:
    """A live ipywidgets control of lambda over `trade_off`, for notebooks with a kernel."""
    import ipywidgets  # only live notebooks need it

    control = ipywidgets.FloatLogSlider(
        value=problem.risk_aversion, min=np.log10(low), max=np.log10(high), step=0.05, description="λ (1/$)"
    )
    return ipywidgets.interactive(lambda risk_aversion: trade_off(problem, [risk_aversion]), risk_aversion=control)
