"""The look of every figure: one template, one colour a policy, a description, and sliders without a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

__all__ = [
    "CAUSES",
    "COLOURS",
    "CONTRAST",
    "LIQUIDITY",
    "NEUTRAL",
    "SMALL_SLIDER",
    "SPLIT_SCALE",
    "STACKED",
    "add_moving",
    "add_slider",
    "along",
    "clear",
    "digits",
    "finish",
    "nearest",
]

COLOURS = {
    "TWAP": "#93938f",
    "VWAP": "#9a76a0",
    "AC": "#2b93f0",
    "best static": "#257758",
    "rolling": "#c88618",
    "optimum": "#e01f60",
    "BCQ": "#554de8",
    "TD3+BC": "#716e04",
    "behaviour cloning": "#5e647e",
}
"""One colour a policy, the same in every figure. AC without risk aversion is TWAP.

``tests/report/test_figures_style.py`` holds them to a contrast of 3 on white and on near-black, and to a distance under
the three kinds of colour blindness.
"""

NEUTRAL = "#93938f"


def clear(colour: str, opacity: float) -> str:
    """A hexadecimal colour with an opacity, for bands and areas."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def digits(values: Any, significant: int = 5) -> list[float]:
    """Numbers (n,) as text needs them in a page: to a few significant digits, finer than a screen shows."""
    return [float(f"{value:.{significant}g}") for value in np.asarray(values, dtype=np.float64)]


def nearest(values: Any, wanted: float) -> int:
    """The position of the value that is closest to a wanted one."""
    return int(np.argmin(np.abs(np.asarray(values, dtype=np.float64) - wanted)))


def along(x: Any) -> dict[str, Any]:
    """The horizontal data of a trace: start and step where they are evenly spaced, which weighs nothing."""
    values = np.asarray(x, dtype=np.float64)
    step = float(values[-1] - values[0]) / max(len(values) - 1, 1)
    if np.allclose(values, values[0] + step * np.arange(len(values)), rtol=0, atol=1e-6 * abs(step)):
        return {"x0": float(values[0]), "dx": round(step, 9)}
    return {"x": values}


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
        "margin": {"l": 60, "r": 24, "t": 36, "b": 50},
        "hovermode": "closest",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left"},
        "xaxis": {
            "title": {"standoff": 8},
            "gridcolor": "rgba(128,128,128,0.25)",
            "zerolinecolor": "rgba(128,128,128,0.45)",
            "separatethousands": True,
            "automargin": True,
        },
        "yaxis": {
            "title": {"standoff": 8},
            "gridcolor": "rgba(128,128,128,0.25)",
            "zerolinecolor": "rgba(128,128,128,0.45)",
            "separatethousands": True,
            "automargin": True,
        },
    }
)
pio.templates["optexec"] = _TEMPLATE


def finish(figure: go.Figure, *, height: int, alt: str, phone: dict[str, Any] | None = None) -> go.Figure:
    """Put the template, the height [px], the description and the narrow-screen layout on a figure.

    What that says of sliders is left out where there is none. Numbers of the traces are kept in single precision, which
    is finer than a screen and half the weight.
    """
    for trace in figure.data:
        for key in ("x", "y", "z", "customdata"):
            values = getattr(trace, key, None)
            if isinstance(values, np.ndarray) and values.dtype == np.float64:
                trace[key] = values.astype(np.float32)
    meta: dict[str, Any] = {"alt": alt}
    if phone is not None:
        meta["phone"] = phone if figure.layout.sliders else {key: phone[key] for key in phone if key != "sliders"}
    figure.update_layout(template="optexec", height=height, meta=meta)
    return figure


def add_slider(
    figure: go.Figure,
    name: str,
    labels: Sequence[str],
    changes: Sequence[dict[str, list[Any]]] | Sequence[list[dict[str, Any]]],
    traces: list[int],
    active: int,
    *,
    marks: Mapping[int, str] | None = None,
    place: tuple[float, float] = (0.0, 1.0),
    below: int = 64,
) -> None:
    """A slider whose step i changes ``traces`` by ``changes[i]``; no kernel needed.

    Args:
        figure: a slider is put beside those that it has.
        name: what it sets, with its symbol.
        labels: the value of each step.
        changes: what a step changes: by attribute a list with an entry a trace, or, where traces change in different
            attributes, a list with a dictionary of attributes a trace (of scatter traces).
        traces: their indices.
        active: the step shown first.
        marks: names of steps, written below the rail.
        place: left and right end, as parts of the width.
        below: how far under the axes it stands [px].
    """
    steps: list[dict[str, Any]] = []
    for i, (label, change) in enumerate(zip(labels, changes, strict=True)):
        if isinstance(change, dict):
            steps.append({"label": label, "method": "restyle", "args": [change, traces]})
            continue
        frame = f"{name} {i}"
        figure.frames = [*figure.frames, go.Frame(name=frame, data=change, traces=traces)]
        now = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
        steps.append({"label": label, "method": "animate", "args": [[frame], now]})
    slider = {
        "active": active,
        "steps": steps,
        "currentvalue": {"prefix": f"{name} = "},
        "pad": {"t": below, "l": 4, "r": 4},
        "ticklen": 0,
        "minorticklen": 0,
        "font": {"color": "rgba(0,0,0,0)"},
        "x": place[0],
        "len": place[1] - place[0],
    }
    figure.update_layout(sliders=[*figure.layout.sliders, slider])
    for step, text in (marks or {}).items():
        along = step / (len(steps) - 1)
        # plotly's rail starts 14 px inside the slider, and runs 104 px below the axes
        figure.add_annotation(
            x=place[0] + along * (place[1] - place[0]),
            y=0,
            xref="paper",
            yref="paper",
            xshift=14 - 28 * along,
            yshift=-108,
            text=f"▴<br>{text}",
            xanchor="center",
            yanchor="top",
            showarrow=False,
            font={"size": 12},
        )


def add_moving(
    figure: go.Figure,
    traces: Sequence[dict[str, Any]],
    states: Sequence[dict[str, list[Any]]],
    name: str,
    labels: Sequence[str],
    active: int,
    **slider: Any,
) -> None:
    """Traces and the slider that moves them all, if it has more than one step.

    Args:
        figure: they come after the traces that it has.
        traces: each with its look, and ``row`` and ``col`` where there are panels.
        states: by step and attribute, a list with an entry a trace.
        name: what the slider sets, with its symbol.
        labels: the value of each step.
        active: the step shown first.
        slider: more of `add_slider`.
    """
    first = len(figure.data)
    for i, trace in enumerate(traces):
        place = {side: trace[side] for side in ("row", "col") if side in trace}
        look = {key: value for key, value in trace.items() if key not in place}
        now = {key: values[i] for key, values in states[active].items()}
        figure.add_trace({"type": "scatter"} | now | look, **place)
    if len(states) > 1:
        add_slider(figure, name, labels, states, list(range(first, len(figure.data))), active, **slider)


CAUSES = {
    "spread": "#3f9c95",
    "temporary": "#3f9c95",
    "transient": "#3f9c95",
    "slippage": "#3f9c95",
    "permanent": "#d0805a",
    "timing": "#d0805a",
    "leftover": "#8f79b8",
}
"""Colours of the parts of a shortfall: fill against mid, mid against arrival price, and the haircut."""


LIQUIDITY = "#1b8a9a"


CONTRAST = "#a04878"
"""Depth and what is set against it, in the chapters on liquidity and the environment: no policy has these colours."""


STACKED: dict[str, Any] = {
    "xaxis": {"domain": [0, 1], "anchor": "y"},
    "yaxis": {"domain": [0.6, 1]},
    "xaxis2": {"domain": [0, 1], "anchor": "y2"},
    "yaxis2": {"domain": [0, 0.4]},
}
"""Two panels one above the other, for narrow screens."""


SMALL_SLIDER: dict[str, Any] = {"sliders": {"0": {"currentvalue": {"font": {"size": 12}}}}}
"""A slider whose long label fits a narrow screen."""


SPLIT_SCALE = [[0.0, COLOURS["AC"]], [0.5, "#b9b9b9"], [1.0, COLOURS["optimum"]]]
"""Two-sided colours through grey, for quantities with a neutral middle."""
