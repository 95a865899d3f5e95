"""The look of every figure: one template, one colour a policy, a description, and sliders without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
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
    "add_slider",
    "finish",
    "live_control",
    "stack_panels",
]

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
white and on near-black."""

NEUTRAL = "#8c8c8c"

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
                "currentvalue": {"prefix": f"{name} = "},
                "pad": {"t": 64, "l": 4, "r": 4},
                "ticklen": 0,
                "minorticklen": 0,
                "font": {"color": "rgba(0,0,0,0)"},
            }
        ]
    )


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


CONTRAST = "#b5446e"
"""Depth and what is set against it, in the chapters on liquidity and the environment: no policy has these colours."""


def stack_panels(
    figure: go.Figure, panels: int, height: int, gap: float = 0.09, *, shared_y: bool = False
) -> dict[str, Any]:
    """Layout overrides that put the panels of a figure one above the other; its first annotations are their titles.

    With a shared vertical axis, whose labels stand at the first panel alone, every panel gets its own.
    """
    part = (1 - gap * (panels - 1)) / panels
    phone: dict[str, Any] = {"height": height}
    for i in range(panels):
        top = 1 - i * (part + gap)
        name = "" if i == 0 else str(i + 1)
        phone[f"xaxis{name}"] = {"domain": [0, 1], "anchor": f"y{name}"}
        phone[f"yaxis{name}"] = {"domain": [max(top - part, 0.0), top], "anchor": f"x{name}"}
        if shared_y and i:
            phone[f"yaxis{name}"]["showticklabels"] = True
    titles = min(len(figure.layout.annotations), panels)
    tops = [1 - i * (part + gap) for i in range(titles)]
    phone["annotations"] = {i: {"x": 0.5, "xanchor": "center", "y": top} for i, top in enumerate(tops)}
    return phone


STACKED = {
    "xaxis": {"domain": [0, 1], "anchor": "y"},
    "yaxis": {"domain": [0.6, 1]},
    "xaxis2": {"domain": [0, 1], "anchor": "y2"},
    "yaxis2": {"domain": [0, 0.4]},
}
"""Two panels one above the other, for narrow screens."""


SMALL_SLIDER = {"sliders": {"0": {"currentvalue": {"font": {"size": 12}}}}}
"""A slider whose long label fits a narrow screen."""


def live_control(draw: Any, value: float, low: float, high: float) -> Any:
    """A live ipywidgets control of lambda over a function that draws a figure for one value."""
    import ipywidgets  # only live notebooks need it

    control = ipywidgets.FloatLogSlider(
        value=value, min=np.log10(low), max=np.log10(high), step=0.05, description="λ (1/$)"
    )
    return ipywidgets.interactive(draw, risk_aversion=control)


SPLIT_SCALE = [[0.0, "#2f7fd1"], [0.5, "#b9b9b9"], [1.0, "#d1495b"]]
"""Two-sided colours through grey, for quantities with a neutral middle."""
