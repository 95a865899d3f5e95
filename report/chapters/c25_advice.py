"""The figure of *Advice*: what the recommended policy costs in each situation, and what the tempting one does."""

from __future__ import annotations

import textwrap

import pandas as pd
import plotly.graph_objects as go

from optexec.figures.style import CONTRAST, LIQUIDITY, NEUTRAL, finish

__all__ = ["stakes"]


def stakes(rows: pd.DataFrame, floor: float = 1e-4) -> go.Figure:
    """J above the optimum in percent on a logarithmic axis, two marks a situation joined by a line.

    Args:
        rows: a row a situation, first at the top: situation, do, instead (names), do_excess, instead_excess [% of J*],
            and the ends of their 95% intervals, do_low, do_high, instead_low, instead_high.
        floor: an excess is drawn as this at least.
    """
    rows = rows.assign(label=["<br>".join(textwrap.wrap(words, 26)) for words in rows["situation"]])
    names = list(rows["label"])[::-1]
    figure = go.Figure()
    for row in rows.itertuples():
        figure.add_scatter(
            x=[max(float(row.do_excess), floor), max(float(row.instead_excess), floor)],  # type: ignore[arg-type]
            y=[row.label] * 2,
            mode="lines",
            line={"color": NEUTRAL, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    for kind, colour, symbol in (("do", LIQUIDITY, "circle"), ("instead", CONTRAST, "diamond-open")):
        value, low, high = (rows[f"{kind}_{end}"].clip(lower=floor) for end in ("excess", "low", "high"))
        figure.add_scatter(
            x=value,
            y=rows["label"],
            mode="markers",
            name={"do": "recommended", "instead": "tempting"}[kind],
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2}},
            error_x={"array": high - value, "arrayminus": value - low, "color": colour, "thickness": 1.5, "width": 3},
            customdata=rows[[kind]],
            hovertemplate="%{y}<br>%{customdata[0]}: %{x:.3g}% above the optimum<extra></extra>",
        )
    figure.update_xaxes(
        type="log",
        title="above the optimum (% of J*)",
        tickvals=[floor, 1e-3, 1e-2, 0.1, 1, 10, 100],
        ticktext=[f"≤{floor:g}", "0.001", "0.01", "0.1", "1", "10", "100"],
    )
    figure.update_yaxes(categoryorder="array", categoryarray=names)
    return finish(
        figure,
        height=120 + 36 * len(names),
        alt="J above the exact optimum, recommended policy against tempting one: "
        + "; ".join(
            f"{row.situation}: {row.do} {row.do_excess:.2g}%, {row.instead} {row.instead_excess:.2g}%"
            for row in rows.itertuples()
        )
        + ".",
        phone={
            "height": 160 + 40 * len(names),
            "xaxis": {"tickvals": [1e-3, 0.1, 10], "ticktext": ["0.001", "0.1", "10"]},
            "yaxis": {"tickfont": {"size": 10}},
        },
    )
