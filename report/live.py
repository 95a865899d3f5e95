"""Controls of live notebooks: a figure that follows a slider, drawn by the kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go

__all__ = ["live_control", "live_controls"]


def live_controls(draw: Callable[..., go.Figure], **controls: Any) -> Any:
    """Controls of a figure's arguments with the figure below them, for notebooks with a kernel.

    Args:
        draw: the figure; called again when a control is let go.
        controls: by argument, a widget or what ipywidgets makes one of, such as (low, high, step).
    """
    import ipywidgets  # only live notebooks need it

    shown = ipywidgets.interactive(draw, {"auto_display": True}, **controls)
    for control in shown.kwargs_widgets:
        control.continuous_update = False
    return shown


def live_control(draw: Callable[[float], go.Figure], value: float, low: float = 1e-3, high: float = 10.0) -> Any:
    """A control of the risk aversion with the figure below it, for notebooks with a kernel.

    Args:
        draw: the figure for one ``risk_aversion`` [1/$]; called again when the control is let go.
        value: the lambda shown first [1/$].
        low: the smallest [1/$]; the scale is logarithmic.
        high: the largest [1/$].
    """
    import ipywidgets

    control = ipywidgets.FloatLogSlider(
        value=value,
        min=np.log10(low),
        max=np.log10(high),
        step=0.05,
        description="risk aversion λ (1/$)",
        style={"description_width": "initial"},
        layout={"width": "min(32rem, 100%)"},
    )
    return live_controls(draw, risk_aversion=control)
