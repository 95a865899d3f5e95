"""Figures of *When parameters are wrong*: regret by parameter and by size of the error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.evaluation import plus_minus
from optexec.figures.style import COLOURS, NEUTRAL, finish, stack_panels

__all__ = ["regret_curves", "regret_valleys", "tornado"]

WRONG = {"½": "#6c8ebf", "2": "#c8775a"}
"""Colours of a parameter believed to be half and twice what it is."""


def tornado(regrets: pd.DataFrame) -> go.Figure:
    """What misestimates by a factor of two cost: bars on either side of zero, with 95% intervals, a panel a policy.

    Args:
        regrets: a row an estimate, with columns policy, parameter, factor (0.5 or 2), regret and ci [$], and right, the
            regret of the same policy with all parameters right [$].
    """
    policies = list(dict.fromkeys(regrets["policy"]))
    largest = regrets.groupby("parameter")["regret"].max().sort_values()
    reach = 1.3 * float(regrets["regret"].max())
    figure = make_subplots(
        rows=1, cols=len(policies), shared_yaxes=True, subplot_titles=policies, horizontal_spacing=0.04
    )
    for p, policy in enumerate(policies):
        here = regrets[regrets["policy"] == policy].set_index("parameter")
        for (label, colour), side in zip(WRONG.items(), (-1, 1), strict=True):
            rows = here[here["factor"] == (0.5 if side < 0 else 2.0)].loc[largest.index]
            figure.add_bar(
                x=(side * rows["regret"]).round(2),
                y=list(rows.index),
                orientation="h",
                name=f"believed {label}×",
                legendgroup=label,
                showlegend=p == 0,
                marker_color=colour,
                text=[
                    f"\N{EN SPACE}{value:,.0f}\N{EN SPACE}" if value >= 9.5 else f"{value:.2g}"
                    for value in rows["regret"]
                ],
                textposition="outside",
                textangle=0,
                cliponaxis=False,
                error_x={"array": rows["ci"].round(2), "color": NEUTRAL, "thickness": 1.5, "width": 3},
                customdata=[plus_minus(value, half, 2) for value, half in zip(rows["regret"], rows["ci"], strict=True)],
                hovertemplate=f"{policy}, %{{y}} believed {label}×: %{{customdata}} $<extra></extra>",
                row=1,
                col=p + 1,
            )
        right = float(here["right"].iloc[0])
        for side in (-1, 1):
            figure.add_vline(
                x=side * right, line={"color": COLOURS[policy], "width": 1.5, "dash": "dot"}, row=1, col=p + 1
            )
    ticks = [-300, -150, 0, 150, 300]
    figure.update_xaxes(
        range=[-reach, reach], tickvals=ticks, ticktext=[f"{abs(tick)}" for tick in ticks], zeroline=True
    )
    figure.update_xaxes(title="J above the optimum ($)", row=1, col=(len(policies) + 1) // 2)
    figure.update_layout(barmode="overlay", bargap=0.35, margin={"t": 70, "l": 110}, legend={"y": 1.12})
    phone = stack_panels(figure, len(policies), 250 * len(policies), 0.1, shared_y=True)
    phone["legend"] = {"y": 1.06}
    for p in range(len(policies)):
        title = "J above the optimum ($)" if p == len(policies) - 1 else ""
        phone[f"xaxis{p + 1 if p else ''}"]["title"] = {"text": title}
    return finish(
        figure,
        height=390,
        alt="Tornado: J above the optimum when one parameter is believed to be half (blue bars) or twice (brown "
        f"bars) what it is, a panel each for {', '.join(policies)}, sorted by size: {', '.join(largest.index[::-1])}.",
        phone=phone,
    )


def regret_curves(curves: pd.DataFrame, level: float) -> go.Figure:
    """J above the optimum against the factor by which a parameter is misjudged, both on log scales.

    Args:
        curves: columns parameter (a panel each), policy, factor and regret [$].
        level: a regret to compare with, that of AC with all parameters right [$].
    """
    parameters = list(dict.fromkeys(curves["parameter"]))
    figure = make_subplots(
        rows=2, cols=2, shared_yaxes=True, subplot_titles=parameters, horizontal_spacing=0.05, vertical_spacing=0.2
    )
    for p, parameter in enumerate(parameters):
        place = {"row": p // 2 + 1, "col": p % 2 + 1}
        panel = curves[curves["parameter"] == parameter]
        for policy in dict.fromkeys(panel["policy"]):
            line = panel[panel["policy"] == policy]
            figure.add_scatter(
                x=line["factor"].round(4),
                y=[float(f"{max(value, 1e-3):.4g}") for value in line["regret"]],
                name=policy,
                legendgroup=policy,
                showlegend=p == 0,
                mode="lines",
                line={"color": COLOURS[policy], "width": 2.5},
                hovertemplate=f"{policy}, believed %{{x:.2f}}×: %{{y:.3g}} $<extra>{parameter}</extra>",
                **place,
            )
        figure.add_hline(y=level, line={"color": COLOURS["AC"], "width": 1.2, "dash": "dot"}, **place)
        figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1}, **place)
    factors = [0.25, 0.5, 1, 2, 4]
    figure.update_xaxes(type="log", tickvals=factors, ticktext=["¼×", "½×", "1×", "2×", "4×"])
    figure.update_xaxes(title="believed / true", row=2)
    figure.update_yaxes(type="log", tickvals=[0.01, 0.1, 1, 10, 100, 1000], tickformat=",", range=[-2, 3.5])
    figure.update_yaxes(title="J above the optimum ($)", col=1)
    figure.update_layout(legend={"y": 1.07}, margin={"t": 64})
    phone = stack_panels(figure, 4, 1300, 0.07)
    for axis in ("yaxis2", "yaxis4"):
        phone[axis]["showticklabels"] = True
    phone["legend"] = {"y": 1.04}
    return finish(
        figure,
        height=620,
        alt="Regret against the factor of misjudgement on log-log axes, one panel each for "
        f"{', '.join(parameters)}. The optimum's regret falls to zero at the true value; AC's has a floor there.",
        phone=phone,
    )


def regret_valleys(
    impacts: Sequence[float], volatilities: Sequence[float], panels: Mapping[str, NDArray[np.float64]]
) -> go.Figure:
    """Maps of J above the optimum with eta (across) and sigma (up) misjudged; a valley where the errors cancel.

    Args:
        impacts: eta, believed over true, ascending (E,).
        volatilities: sigma, believed over true, ascending (S,).
        panels: regret (S, E) [$] by policy.
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, subplot_titles=list(panels), horizontal_spacing=0.05
    )
    contours = [3, 10, 30, 100, 300, 1000]
    for p, (name, regret) in enumerate(panels.items()):
        figure.add_contour(
            x=np.log2(impacts).round(4),
            y=np.log2(volatilities).round(4),
            z=np.log10(np.maximum(regret, 0.1)).round(3),  # below the last colour, or the valley breaks into beads
            customdata=np.round(regret, 2),
            zmin=np.log10(contours[0]),
            zmax=3,
            contours={"start": 0.75, "end": 3, "size": 0.25, "coloring": "heatmap"},
            line={"width": 0.5, "color": "rgba(128,128,128,0.6)"},
            colorscale="Viridis_r",
            showscale=p == len(panels) - 1,
            colorbar={
                "title": {"text": "$ above<br>optimum"},
                "tickvals": np.log10(contours),
                "ticktext": [f"{'≤ ' if value == contours[0] else ''}{value:,.0f}" for value in contours],
                "thickness": 14,
            },
            hovertemplate=f"{name}: %{{customdata:,.1f}} $<extra></extra>",
            row=1,
            col=p + 1,
        )
        reach = float(np.log2(impacts[-1]))
        figure.add_scatter(
            x=[-reach, reach], y=[-reach / 2, reach / 2], mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": "#ff8c69", "dash": "dash", "width": 2}, row=1, col=p + 1,
        )  # fmt: skip
        figure.add_scatter(
            x=[0], y=[0], mode="markers", showlegend=False, hovertemplate="the truth<extra></extra>",
            marker={"symbol": "x", "size": 10, "color": COLOURS["optimum"]}, row=1, col=p + 1,
        )  # fmt: skip
    powers = [-2, -1, 0, 1, 2]
    labels = ["¼×", "½×", "1×", "2×", "4×"]
    figure.update_xaxes(tickvals=powers, ticktext=labels, title="believed η / true η", showgrid=False)
    figure.update_yaxes(tickvals=powers, ticktext=labels, showgrid=False, zeroline=False)
    figure.update_xaxes(range=list(np.log2([impacts[0], impacts[-1]])), zeroline=False)
    figure.update_yaxes(range=list(np.log2([volatilities[0], volatilities[-1]])))
    figure.update_yaxes(title="believed σ / true σ", row=1, col=1)
    phone: dict[str, Any] = {"height": 760, "annotations": {"0": {"x": 0.5, "y": 1}, "1": {"x": 0.5, "y": 0.43}}}
    phone |= {"xaxis": {"domain": [0, 1]}, "yaxis": {"domain": [0.58, 1]}}
    phone |= {"xaxis2": {"domain": [0, 1]}, "yaxis2": {"domain": [0, 0.42], "showticklabels": True}}
    return finish(
        figure,
        height=430,
        alt=f"Maps of regret over the believed impact and the believed volatility for {' and '.join(panels)}: a "
        "valley of low regret runs through the truth along a dashed line, on which impact grows with the variance.",
        phone=phone,
    )
