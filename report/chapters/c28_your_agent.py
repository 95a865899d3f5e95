"""Figures of *Your own agent*: what a hand-made rule's one number does, and how an online learner comes near it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from optexec.figures.style import COLOURS, CONTRAST, NEUTRAL, finish

__all__ = ["learning_curve", "strength_curve"]


def learning_curve(
    steps: Sequence[int], objectives: ArrayLike, half_widths: ArrayLike, references: Mapping[str, float]
) -> go.Figure:
    """J of an agent in training against environment steps, and the J of policies that need none.

    Args:
        steps: environment steps so far; none if nothing was trained.
        objectives: J at these steps [$].
        half_widths: of their 95% intervals [$].
        references: J by policy [$], drawn as lines.
    """
    values, halves = np.asarray(objectives, dtype=np.float64), np.asarray(half_widths, dtype=np.float64)
    end = max(steps) if len(steps) else 1
    figure = go.Figure()
    for name, level in references.items():
        figure.add_scatter(
            x=[0, end],
            y=[level] * 2,
            mode="lines",
            name=name,
            line={"color": COLOURS.get(name, NEUTRAL), "dash": "dash", "width": 1.8},
        )
    figure.add_scatter(
        x=list(steps),
        y=values.round(3),
        mode="lines+markers",
        name="PPO",
        line={"color": CONTRAST, "width": 2.5},
        error_y={"array": halves.round(3), "color": CONTRAST, "thickness": 1.2, "width": 3},
    )
    figure.update_xaxes(title="environment steps")
    figure.update_yaxes(title="J ($)")
    said = f"from {values[0]:,.0f} to {values[-1]:,.0f} dollars" if len(values) else "not trained in this build"
    return finish(
        figure,
        height=400,
        alt=f"J of PPO against environment steps, {said}; dashed lines: "
        + ", ".join(f"{name} {level:,.0f}" for name, level in references.items())
        + ".",
    )


def strength_curve(strengths: ArrayLike, objectives: ArrayLike, references: Mapping[str, float]) -> go.Figure:
    """J of a rule against the power of liquidity in it, above the exact optimum.

    Args:
        strengths: the rule's parameter.
        objectives: J [$] of the rule.
        references: J by policy [$], drawn as lines.
    """
    x, y = np.asarray(strengths, dtype=np.float64), np.asarray(objectives, dtype=np.float64)
    figure = go.Figure()
    for name, level in references.items():
        figure.add_scatter(
            x=[x.min(), x.max()],
            y=[level] * 2,
            mode="lines",
            name=name,
            line={"color": COLOURS.get(name, NEUTRAL), "dash": "dash", "width": 1.8},
        )
    figure.add_scatter(x=x, y=y.round(4), mode="lines", name="the rule", line={"color": CONTRAST, "width": 3})
    figure.update_xaxes(title="strength s")
    figure.update_yaxes(title="J ($)")
    best = int(np.argmin(y))
    return finish(
        figure,
        height=380,
        alt=f"J of the rule against its strength, a valley with its lowest point, {y[best]:,.1f} dollars, at "
        f"{x[best]:.2g}; dashed lines: "
        + ", ".join(f"{name} {level:,.1f}" for name, level in references.items())
        + ".",
    )
