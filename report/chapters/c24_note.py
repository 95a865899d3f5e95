"""Figures of *What the original numbers measured*: a printed table against what its readings would print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, add_slider, finish

__all__ = ["figures_by_volatility", "mean_std_plane"]

Array = NDArray[np.float64]

REGION = float(-2 * np.log(0.05))
"""95% quantile of the chi-squared distribution with two degrees of freedom."""

LINES = {
    "note's C": (CONTRAST, "solid"),
    "gross proceeds": (LIQUIDITY, "solid"),
    "total cost": ("#4f8a3c", "dash"),
    "net proceeds": ("#a6762f", "dash"),
    "shortfall": (NEUTRAL, "dot"),
}
"""Colour and dash of an account."""


def region(expected: float, deviation: float, episodes: int, points: int = 49) -> tuple[Array, Array]:
    """Outline (points,) of the 95% region of a normal sample's mean and standard deviation, both in $.

    The two are independent; ln(std) has standard error 1/sqrt(2 (n - 1)), so that on a logarithmic axis it is an
    ellipse.
    """
    angle = np.linspace(0, 2 * np.pi, points)
    reach = REGION**0.5
    x = expected + reach * deviation / episodes**0.5 * np.cos(angle)
    y = deviation * np.exp(reach / (2 * (episodes - 1)) ** 0.5 * np.sin(angle))
    return x, y


def mean_std_plane(
    printed: pd.DataFrame, laws: Mapping[str, pd.DataFrame], selected: str, episodes: int = 100
) -> go.Figure:
    """Means and standard deviations that were printed, and where readings would print them; a slider over accounts.

    Args:
        printed: indexed by policy, mean and std [$].
        laws: by account, a frame indexed by the volatility in words, without its unit [$ per sqrt(period)], with a row
            for each reading of it: mean and std [$] of one episode, as columns (policy, "mean") and (policy, "std") for
            the policies "TWAP" and "AC".
        selected: the account that is shown first.
        episodes: n of the printed table.
    """
    accounts, labels = list(laws), list(laws[selected].index)

    def outlines(account: str, policy: str) -> tuple[list[float | None], list[float | None]]:
        x: list[float | None] = []
        y: list[float | None] = []
        for label in labels:
            law = laws[account].loc[label, policy]
            across, up = region(float(law["mean"]), float(law["std"]), episodes)
            x += [*across.round(1).tolist(), None]
            y += [*np.round(up, 2).tolist(), None]
        return x, y

    figure = go.Figure()
    for policy in ("TWAP", "AC"):
        x, y = outlines(selected, policy)
        red, green, blue = (int(COLOURS[policy][i : i + 2], 16) for i in (1, 3, 5))
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": COLOURS[policy], "width": 2},
            fill="toself",
            fillcolor=f"rgba({red},{green},{blue},0.16)",
            name=f"{policy}, 95% of runs of {episodes}",
            hoverinfo="skip",
        )
    for name, row in printed.iterrows():
        figure.add_scatter(
            x=[row["mean"]],
            y=[row["std"]],
            mode="markers",
            marker={
                "color": COLOURS[str(name)],
                "size": 11,
                "symbol": "diamond",
                "line": {"color": "rgba(255,255,255,0.85)", "width": 1},
            },
            name=f"{name}, printed",
            hovertemplate=f"{name}, printed: mean {row['mean']:,.0f}, std {row['std']:,.0f}<extra></extra>",
        )
    figure.add_vline(x=100_000, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    for label in labels:
        figure.add_annotation(
            text=f"σ = ${label}",
            x=1.01,
            xref="paper",
            xanchor="left",
            y=float(np.log10(laws[selected].loc[label, ("TWAP", "std")])),
            yanchor="middle",
            showarrow=False,
            font={"size": 11, "color": NEUTRAL},
        )
    changes = []
    for account in accounts:
        parts = [outlines(account, policy) for policy in ("TWAP", "AC")]
        changes.append({"x": [part[0] for part in parts], "y": [part[1] for part in parts]})
    add_slider(figure, "counted", accounts, changes, [0, 1], accounts.index(selected))
    figure.update_xaxes(title="mean ($)", range=[97_600, 102_400], tickformat=",.0f")
    lowest = min(float(law.xs("std", axis=1, level=1).to_numpy().min()) for law in laws.values())
    highest = max(float(law.xs("std", axis=1, level=1).to_numpy().max()) for law in laws.values())
    figure.update_yaxes(
        title="standard deviation ($)",
        type="log",
        range=[float(np.log10(0.7 * lowest)), float(np.log10(1.5 * highest))],
        tickvals=[30, 100, 300, 1000, 3000],
        ticktext=["30", "100", "300", "1,000", "3,000"],
    )
    figure.update_layout(margin={"t": 64, "r": 72})
    first = laws[selected]
    return finish(
        figure,
        height=560,
        alt=f"Mean against standard deviation of the four printed rows and of TWAP and AC under readings of the "
        f"volatility, counted as {selected}. "
        + "; ".join(
            f"σ = {label} dollars: "
            f"TWAP {first.loc[label, ('TWAP', 'mean')]:,.0f} and {first.loc[label, ('TWAP', 'std')]:,.0f}, "
            f"AC {first.loc[label, ('AC', 'mean')]:,.0f} and {first.loc[label, ('AC', 'std')]:,.0f}"
            for label in labels
        )
        + ". Printed: "
        + "; ".join(f"{policy} {row['mean']:,.0f} and {row['std']:,.0f}" for policy, row in printed.iterrows())
        + f". A slider chooses among {', '.join(accounts)}.",
        phone={
            "height": 620,
            "margin": {"t": 130, "r": 52, "l": 54},
            "xaxis": {"tickvals": [98_000, 100_000, 102_000], "title": {"text": "mean ($)"}},
            "annotations": {i: {"text": f"${label}"} for i, label in enumerate(labels)},
            **SMALL_SLIDER,
        },
    )


def figures_by_volatility(counts: pd.DataFrame, named: Mapping[str, float], total: int) -> go.Figure:
    """How many of the printed figures a reading produces, against the volatility of the price.

    Args:
        counts: indexed by sigma [$ per sqrt(period)], a column an account (keys of `LINES`).
        named: sigma by the words that it is a reading of, ascending.
        total: how many figures there are.
    """
    sigma = counts.index.to_numpy(dtype=np.float64)
    figure = go.Figure()
    for words, value in named.items():
        figure.add_vline(x=value, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
        figure.add_annotation(
            text=words,
            x=float(np.log10(value)),
            y=1.01,
            yref="paper",
            xanchor="center",
            yanchor="bottom",
            textangle=-90,
            showarrow=False,
            font={"size": 11},
        )
    for account in counts.columns:
        colour, dash = LINES[account]
        figure.add_scatter(
            x=sigma.round(5),
            y=counts[account].to_numpy(),
            mode="lines",
            line={"color": colour, "width": 2.5, "dash": dash, "shape": "hvh"},
            name=account,
            hovertemplate=f"{account}, σ = $%{{x:.3f}}: %{{y}} of {total}<extra></extra>",
        )
    figure.update_xaxes(
        type="log",
        title="volatility of the price ($ per √period)",
        range=[float(np.log10(sigma[0])), float(np.log10(sigma[-1]))],
        tickvals=[0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
        ticktext=["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"],
    )
    figure.update_yaxes(title=f"printed figures produced, of {total}", range=[0, total + 0.6], dtick=4)
    figure.update_layout(margin={"t": 160, "b": 110}, legend={"y": -0.24, "yanchor": "top"})
    peaks = {
        account: (int(counts[account].max()), sigma[int(counts[account].to_numpy().argmax())])
        for account in counts.columns
    }
    width = 300 / float(np.log10(sigma[-1] / sigma[0]))  # pixels a decade of the plot on a phone
    there, shifts = -np.inf, []
    for value in named.values():
        here = float(np.log10(value)) * width
        there = max(here, there + 12)  # a line of text apart
        shifts.append(round(there - here, 1))
    phone: dict[str, Any] = {
        "height": 590,
        "margin": {"t": 164, "b": 150, "l": 50, "r": 12},
        "xaxis": {"tickvals": [0.02, 0.1, 0.5, 2], "ticktext": ["0.02", "0.1", "0.5", "2"]},
        "annotations": {i: {"font": {"size": 10}, "xshift": shift} for i, shift in enumerate(shifts)},
        "legend": {"y": -0.2},
    }
    return finish(
        figure,
        height=570,
        alt=f"Number of the {total} printed figures that are produced, against the volatility of the price: "
        + "; ".join(f"{account} has at most {most}, first at {at:.2f} dollars" for account, (most, at) in peaks.items())
        + ". Marked: "
        + "; ".join(f"{words} at {value:.2f}" for words, value in named.items())
        + ".",
        phone=phone,
    )
