"""The figure of *Claims*: what was found as a multiple of what was claimed."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from optexec.figures.style import CAUSES, CONTRAST, LIQUIDITY, NEUTRAL, finish

__all__ = ["claimed_sizes"]

VERDICTS = {"holds": LIQUIDITY, "with a condition": CAUSES["permanent"], "does not hold": CONTRAST}
SYMBOLS = {"holds": "circle", "with a condition": "diamond", "does not hold": "x"}


def claimed_sizes(effects: pd.DataFrame, low: float = -3.0, high: float = 3.0) -> go.Figure:
    """Effects over claimed sizes with their intervals, a row a claim: 0 is nothing, 1 what was claimed.

    Args:
        effects: a row an effect: claim (text of its row), market, verdict, own (whether the claim speaks of this
            market), value, low, high, all three over the claimed size.
        low: left end of what is shown; what is beyond it is drawn there.
        high: right end.
    """
    rows = list(dict.fromkeys(effects["claim"]))[::-1]
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    for verdict, colour in VERDICTS.items():
        for own in (True, False):
            part = effects[(effects["verdict"] == verdict) & (effects["own"] == own)]
            if part.empty:
                continue
            value = part["value"].clip(low, high)
            top, bottom = (part["high"].clip(low, high) - value), (value - part["low"].clip(low, high))
            figure.add_scatter(
                x=value,
                y=part["claim"],
                error_x={"array": top, "arrayminus": bottom, "color": colour, "thickness": 1.5, "width": 3},
                mode="markers",
                cliponaxis=False,
                name=verdict if own else f"{verdict}: elsewhere",
                marker={
                    "color": colour,
                    "symbol": SYMBOLS[verdict] + ("" if own else "-open"),
                    "size": 11 if own else 8,
                },
                customdata=part[["market", "value"]],
                hovertemplate="%{y}<br>%{customdata[0]}: %{customdata[1]:.3g} times the claim<extra></extra>",
            )
    figure.update_xaxes(title="effect found / effect claimed", range=[low - 0.15, high + 0.15])
    figure.update_yaxes(categoryorder="array", categoryarray=rows)
    named = "; ".join(
        f"{claim}: {part['value'].min():.2g} to {part['value'].max():.2g}"
        for claim, part in effects[effects["own"]].groupby("claim", sort=False)
    )
    return finish(
        figure,
        height=110 + 34 * len(rows),
        alt=f"Effects found as multiples of what was claimed, by claim, with 95% intervals. {named}.",
        phone={"height": 150 + 38 * len(rows), "yaxis": {"tickfont": {"size": 10}}},
    )
