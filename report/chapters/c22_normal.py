"""Figures of *Normal conditions*: where every policy lies, and how often a small run ranks two of them rightly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from optexec.figures.style import COLOURS, NEUTRAL, finish

__all__ = ["cost_and_scatter", "ranking_counts"]


def _colour(policy: str) -> str:
    """A policy's colour; what stands behind a comma says how it was trained."""
    return COLOURS.get(policy.partition(",")[0], NEUTRAL)


def cost_and_scatter(small: pd.DataFrame, large: pd.DataFrame, places: dict[str, tuple[float, float]]) -> go.Figure:
    """Mean against standard deviation of IS, from a small run with its intervals and from a large one.

    Args:
        small: table of `optexec.evaluate` of a small run, indexed by policy.
        large: the same of a large one.
        places: where a policy's name stands, pixels right and down from its mark; policies without one are unnamed.
    """
    figure = go.Figure()
    for policy, row in small.iterrows():
        figure.add_scatter(
            x=[row["is_std"]],
            y=[row["is_mean"]],
            error_x={"array": [row["is_std_ci"]], "color": _colour(str(policy)), "thickness": 1, "width": 0},
            error_y={"array": [row["is_mean_ci"]], "color": _colour(str(policy)), "thickness": 1, "width": 0},
            mode="markers",
            marker={"color": _colour(str(policy)), "size": 5, "symbol": "circle-open"},
            opacity=0.75,
            showlegend=False,
            hovertemplate=f"{policy}, 100 episodes<br>mean $%{{y:,.0f}}, std $%{{x:.0f}}<extra></extra>",
        )
    # Agents with a log of its own policy lie under that policy's mark.
    for policy, row in large.loc[sorted(large.index, key=lambda name: "," not in name)].iterrows():
        figure.add_scatter(
            x=[row["is_std"]],
            y=[row["is_mean"]],
            mode="markers",
            marker={"color": _colour(str(policy)), "size": 12, "symbol": "diamond" if "," in str(policy) else "circle"},
            showlegend=False,
            cliponaxis=False,
            hovertemplate=f"{policy}, all episodes<br>mean $%{{y:,.1f}}, std $%{{x:.1f}}<extra></extra>",
        )
    for policy, (right, down) in places.items():
        figure.add_annotation(
            text=policy,
            x=large.loc[policy, "is_std"],
            y=large.loc[policy, "is_mean"],
            ax=right,
            ay=down,
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=NEUTRAL,
            standoff=6,
        )
    figure.update_xaxes(title="standard deviation of IS ($)", rangemode="tozero")
    figure.update_yaxes(title="mean IS ($)")
    return finish(
        figure,
        height=480,
        alt="Mean against standard deviation of the implementation shortfall: "
        + ", ".join(
            f"{policy} {row['is_mean']:.0f} and {row['is_std']:.0f} dollars" for policy, row in large.iterrows()
        )
        + ". The crosses of a run of 100 episodes are wide.",
    )


def ranking_counts(policies: list[str], counts: NDArray[np.float64], repetitions: int) -> go.Figure:
    """How many repetitions of a small run rank each pair as the large run does.

    Args:
        policies: K names, the cheapest first.
        counts: (K, K): above the diagonal with both policies on the same shocks, below it on separate ones; the
            diagonal is not shown.
        repetitions: what a count is out of.
    """
    shown = np.where(np.eye(len(policies), dtype=bool), np.nan, counts)
    text = [["" if np.isnan(v) else "all" if v == repetitions else f"{v:.0f}" for v in row] for row in shown]
    figure = go.Figure(
        go.Heatmap(
            x=policies,
            y=policies,
            z=shown,
            text=text,
            texttemplate="%{text}",
            textfont={"size": 11, "color": "#111111"},
            coloraxis="coloraxis",
            xgap=2,
            ygap=2,
            hovertemplate="%{y} and %{x}: %{z:.0f} of " + f"{repetitions:,}<extra></extra>",
        )
    )
    figure.update_layout(
        coloraxis={
            "cmin": repetitions / 2,
            "cmax": repetitions,
            "colorscale": [[0.0, "#e8a26b"], [0.5, "#e6e0d0"], [1.0, "#8fbbe6"]],
            "colorbar": {"title": {"text": "repetitions"}, "thickness": 12},
        }
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(side="top", tickangle=-45, showgrid=False)
    together, apart = counts[np.triu_indices(len(policies), 1)], counts[np.tril_indices(len(policies), -1)]
    return finish(
        figure,
        height=560,
        alt=f"Heat map of pairs of policies: how many of {repetitions:,} repetitions rank them as all episodes do. On "
        f"the same shocks, above the diagonal, from {min(together):.0f} to {max(together):.0f}; on separate ones, "
        f"below it, from {min(apart):.0f} to {max(apart):.0f}.",
        phone={
            "height": 470,
            "margin": {"l": 4, "r": 4},
            "coloraxis": {"showscale": False},
            "xaxis": {"tickfont": {"size": 9}, "tickangle": -90},
            "yaxis": {"tickfont": {"size": 9}},
        },
    )
