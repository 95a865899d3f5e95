"""Figures of *Beyond the model*: hedging across assets, power-law impact, and a plan for two worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, add_slider, finish, stack_panels

__all__ = ["hedged_holdings", "power_tails", "two_worlds"]

Array = NDArray[np.float64]

ASSETS = (COLOURS["AC"], CONTRAST)
"""Colours of the first and the second asset."""

FLOOR = 1e-3
"""The least share of an order that a logarithmic axis shows."""


def hedged_holdings(
    time: Array,
    together: Mapping[float, Mapping[str, Array]],
    apart: Mapping[str, Array],
    selected: float,
    names: Sequence[str] = ("asset 1", "asset 2"),
) -> go.Figure:
    """Holdings of two assets that are planned together, a panel an order; a slider sets their correlation.

    Args:
        time: of the holdings (N+1,) [days].
        together: by correlation, ascending, and order, the holdings (N+1, 2) [shares] of the joint plan.
        apart: by order, the holdings (N+1, 2) [shares] of two plans that ignore each other.
        selected: the correlation that is shown first.
        names: of the assets.
    """
    correlations, orders = list(together), list(apart)
    figure = make_subplots(rows=1, cols=len(orders), horizontal_spacing=0.09, subplot_titles=orders)
    moving: list[int] = []
    for col, order in enumerate(orders, 1):
        for asset, name in enumerate(names):
            for joint in (False, True):
                if joint:
                    moving.append(len(figure.data))
                x = together[selected][order] if joint else apart[order]
                figure.add_scatter(
                    x=time.round(4),
                    y=np.round(x[:, asset] / 1000, 2),
                    mode="lines",
                    line={"color": ASSETS[asset], "width": 2.5 if joint else 1.8, "dash": "solid" if joint else "dot"},
                    name=f"{name}, {'together' if joint else 'alone'}",
                    legendgroup=f"{name} {joint}",
                    showlegend=col == 1,
                    hovertemplate=f"{name}, day %{{x}}: %{{y:,.0f}} thousand<extra></extra>",
                    row=1,
                    col=col,
                )
    changes = [
        {"y": [np.round(together[rho][order][:, asset] / 1000, 2) for order in orders for asset in range(len(names))]}
        for rho in correlations
    ]
    labels = [f"{rho:.1f}".replace("-", "−") for rho in correlations]
    add_slider(figure, "correlation ρ", labels, changes, moving, correlations.index(selected))
    every = np.concatenate([x for plans in (*together.values(), apart) for x in plans.values()]) / 1000
    margin = 0.05 * np.ptp(every)
    figure.update_xaxes(title="days", range=[0, float(time[-1])])
    figure.update_yaxes(range=[float(every.min() - margin), float(every.max() + margin)])
    figure.update_yaxes(title="shares held (thousands)", row=1, col=1)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 80})
    phone = stack_panels(figure, len(orders), 820, 0.17)
    phone["legend"] = {"y": 1.07}
    phone["yaxis2"] |= {"title": {"text": "shares held (thousands)"}}
    least = together[selected][orders[-1]][:, 1].min() / 1000
    return finish(
        figure,
        height=500,
        alt=f"Holdings of two assets over {time[-1]:g} days, planned together and alone. At a correlation of "
        f"{selected:g} the second asset of the order '{orders[-1]}' goes from nothing to {least:,.0f} thousand shares "
        "and back.",
        phone=phone,
    )


def power_tails(time: Array, exact: Mapping[float, Array], found: Mapping[float, Array], selected: float) -> go.Figure:
    """Share of an order that is left under power-law impact, on a linear and a logarithmic axis.

    Args:
        time: in units of the characteristic time (K,).
        exact: by exponent k, ascending, the closed form at these times (K,).
        found: by exponent, times and holdings (2, n) of the numerical minimum.
        selected: the exponent that is shown first.
    """
    exponents, end = list(exact), float(time[-1])
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1, subplot_titles=["linear axis", "logarithmic axis"])

    def above(values: Array) -> list[float | None]:
        """What an axis that starts at the floor can show."""
        return [round(float(x), 5) if x >= FLOOR else None for x in values]

    def dots(k: float) -> tuple[Array, list[float | None]]:
        times, left = found[k]
        inside = times <= end
        return times[inside].round(4), above(left[inside])

    for col in (1, 2):
        figure.add_scatter(
            x=time.round(4),
            y=above(np.exp(-time)),
            mode="lines",
            line={"color": NEUTRAL, "width": 1.8, "dash": "dash"},
            name="k = 1, exponential",
            legendgroup="linear",
            showlegend=col == 1,
            hoverinfo="skip",
            row=1,
            col=col,
        )
        figure.add_scatter(
            x=time.round(4),
            y=above(exact[selected]),
            mode="lines",
            line={"color": COLOURS["AC"], "width": 2.5},
            name="closed form",
            legendgroup="exact",
            showlegend=col == 1,
            hovertemplate="%{x:.2f} T*: %{y:.4f} left<extra></extra>",
            row=1,
            col=col,
        )
        x, y = dots(selected)
        figure.add_scatter(
            x=x,
            y=y,
            mode="markers",
            marker={"color": COLOURS["optimum"], "size": 6},
            name="found by a minimiser",
            legendgroup="found",
            showlegend=col == 1,
            hovertemplate="%{x:.2f} T*: %{y:.4f} left<extra></extra>",
            row=1,
            col=col,
        )
    changes: list[dict[str, list[Any]]] = []
    for k in exponents:
        x, y = dots(k)
        changes.append({"x": [time.round(4), x] * 2, "y": [above(exact[k]), y] * 2})
    labels = [f"{k:g}" for k in exponents]
    add_slider(figure, "exponent k", labels, changes, [1, 2, 4, 5], exponents.index(selected))
    figure.update_xaxes(title="time (units of T*)", range=[0, end])
    figure.update_yaxes(title="part of the order left", range=[0, 1.03], row=1, col=1)
    ticks = {"tickvals": [1, 0.1, 0.01, 0.001], "ticktext": ["1", "0.1", "0.01", "0.001"]}
    figure.update_yaxes(type="log", range=[float(np.log10(FLOOR)), 0.05], **ticks, row=1, col=2)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 80})
    phone = stack_panels(figure, 2, 800, 0.17)
    phone["legend"] = {"y": 1.07}
    phone["yaxis2"] |= {"title": {"text": "part of the order left"}}
    return finish(
        figure,
        height=460,
        alt=f"Part of an order that is left against time for impact with exponent {selected:g}, closed form and "
        f"numerical minimum on top of each other: {np.interp(5, time, exact[selected]):.3f} after five characteristic "
        "times, where linear impact leaves 0.007. On a logarithmic axis concave impact has a tail that bends up and "
        "convex impact an end.",
        phone=phone,
    )


def two_worlds(believed: Array, regrets: Mapping[float, Array], robust: float, regret: float) -> go.Figure:
    """Regret in two worlds against the temporary impact that is planned for.

    Args:
        believed: temporary impact that a plan is made for (K,) [$/share per share].
        regrets: by true temporary impact, what each plan costs above the best for it (K,) [$].
        robust: the impact to plan for if the larger regret is to be least.
        regret: that regret [$].
    """
    figure = go.Figure()
    for (eta, values), colour in zip(regrets.items(), (LIQUIDITY, CONTRAST), strict=True):
        figure.add_scatter(
            x=believed.round(6),
            y=np.round(values, 2),
            mode="lines",
            line={"color": colour, "width": 2.5},
            name=f"true η = {eta:g}",
            hovertemplate=f"planned for %{{x:.4f}}, true {eta:g}: $%{{y:,.1f}}<extra></extra>",
        )
    figure.add_scatter(
        x=[round(robust, 6)],
        y=[round(regret, 2)],
        mode="markers",
        marker={"color": COLOURS["best static"], "size": 12, "symbol": "diamond"},
        name="minimax regret",
        showlegend=False,
        hovertemplate="planned for %{x:.4f}: $%{y:,.1f} in either world<extra></extra>",
    )
    figure.add_annotation(
        text="minimax regret",
        x=float(np.log10(robust)),
        y=regret,
        ay=-95,
        ax=36,
        arrowcolor=COLOURS["best static"],
        font={"size": 13},
    )
    ends = [float(believed[0]), float(believed[-1])]
    figure.update_xaxes(
        type="log",
        title="temporary impact η that is planned for ($/share per share)",
        range=[float(np.log10(end)) for end in ends],
        tickvals=[0.005, 0.0075, 0.01, 0.015, 0.02],
        ticktext=["0.005", "0.0075", "0.01", "0.015", "0.02"],
    )
    figure.update_yaxes(title="regret ($)", rangemode="tozero")
    return finish(
        figure,
        height=400,
        alt="Regret against the impact that is planned for, in two worlds. "
        + "; ".join(
            f"if η is {eta:g} it goes from {values[0]:,.0f} to {values[-1]:,.0f} dollars"
            for eta, values in regrets.items()
        )
        + f"; the curves cross at {robust:.4f}, at {regret:,.0f} dollars.",
        phone={
            "xaxis": {
                "title": {"text": "η that is planned for"},
                "tickvals": [0.005, 0.01, 0.02],
                "ticktext": ["0.005", "0.01", "0.02"],
            }
        },
    )
