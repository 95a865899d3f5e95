"""Figures of *Stress tests*: the cost of not knowing beside the cost of the event, tails and failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.costs import dearer, stressed_line, told_key
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, add_slider, finish, stack_panels
from optexec.stress import TOLD

__all__ = ["failure_by_severity", "first_trades", "severity_tails", "waiting_for_recovery"]


def _drop_axis(figure: go.Figure, drops: Sequence[float], **where: Any) -> None:
    """An axis of shock sizes on which every halving of the liquidity left is one step, as `_drop_place` has it."""
    labels = [f"−{100 * drop:.0f}%" if drop else "none" for drop in drops]
    figure.update_xaxes(title="size of a liquidity shock", tickvals=_drop_place(drops), ticktext=labels, **where)


def _drop_place(drops: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(np.round(-np.log2(1 - np.asarray(drops, dtype=np.float64)), 4), dtype=np.float64)


def waiting_for_recovery(
    level: NDArray[np.float64],
    forecasts: Mapping[int, NDArray[np.float64]],
    holdings: Mapping[str, NDArray[np.float64]],
) -> go.Figure:
    """What a rule expects of liquidity against what comes, and what it then holds.

    Args:
        level: mean liquidity of each period (N,).
        forecasts: by the period k in which they are made, expected levels of periods k, k + 1, ... of the rule.
        holdings: mean inventory (N + 1,) by policy.
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.13, subplot_titles=["What it expects, what comes", "What it holds"]
    )
    figure.add_scatter(
        x=np.arange(len(level)), y=np.round(level, 4), name="mean liquidity", line={"color": LIQUIDITY, "width": 3}
    )
    for i, (start, values) in enumerate(forecasts.items()):
        figure.add_scatter(
            x=np.arange(start, start + len(values)),
            y=np.round(values, 4),
            name="forecast of the normal market's model",
            legendgroup="forecast",
            showlegend=i == 0,
            mode="lines",
            line={"color": CONTRAST, "width": 1.5, "dash": "dot"},
        )
    for policy, held in holdings.items():
        _, line = stressed_line(policy)
        figure.add_scatter(x=np.arange(len(held)), y=np.round(held, 1), name=policy, line=line, row=1, col=2)
    figure.update_xaxes(title="period k", row=1, col=1)
    figure.update_xaxes(title="time (periods)", row=1, col=2)
    figure.update_yaxes(title="liquidity L", range=[0, 1.08], row=1, col=1)
    figure.update_yaxes(title="mean inventory (shares)", rangemode="tozero", row=1, col=2)
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"})
    phone = stack_panels(figure, 2, 820, 0.17)
    phone["legend"] = {"y": -0.1, "yanchor": "top"}
    return finish(
        figure,
        height=470,
        alt="First panel: liquidity stays at its collapsed level while every forecast of the normal market's "
        "model rises to one. Second panel: rules that believe it hold several times as many shares towards the "
        "end as when told.",
        phone=phone,
    )


def severity_tails(samples: Mapping[float, Mapping[str, Any]], selected: float) -> go.Figure:
    """The distribution of the shortfall by policy, with a slider over the size of liquidity shocks; axes fixed.

    Args:
        samples: by relative drop of liquidity, IS (n,) [$] by policy.
        selected: the drop shown first.
    """
    drops = list(samples)
    active = drops.index(selected)
    figure, changes = dearer({f"{drop}": samples[drop] for drop in drops}, active)

    curves = len(changes[0]["x"])
    marked = [name for name in ("rolling", "AC") if name in samples[drops[0]]]
    for drop, change in zip(drops, changes, strict=True):
        worst = [round(float(np.quantile(np.asarray(samples[drop][name]), 0.99))) for name in marked]
        change["x"] += [[value] for value in worst]
        change["text"] = [""] * curves + [[f"{name} ${value:,}"] for name, value in zip(marked, worst, strict=True)]
    for i, name in enumerate(marked):
        figure.add_scatter(
            x=changes[active]["x"][curves + i],
            y=[1.0],
            text=changes[active]["text"][curves + i],
            mode="markers+text",
            texttemplate="$%{x:,}",  # the colour says whose
            textposition="middle left" if name == "rolling" else "top right",
            marker={"color": COLOURS[name], "size": 11},
            showlegend=False,
            hovertemplate="one episode in 100 costs more than that of %{text}<extra></extra>",
        )
    labels = [f"−{100 * drop:g}% of liquidity" if drop else "none" for drop in drops]
    moving = [*range(curves), *range(len(figure.data) - len(marked), len(figure.data))]
    add_slider(figure, "size of a shock", labels, changes, moving, active)
    everything = [value for change in changes for curve in change["x"] for value in curve]
    figure.update_xaxes(
        type="log",
        range=np.log10([0.78 * min(everything), 1.05 * max(everything)]),  # room for an amount on the left
        tickvals=[1000, 1500, 2000, 3000, 5000, 10_000, 20_000],
    )
    return finish(
        figure,
        height=540,
        alt="Share of episodes whose shortfall is above an amount, on logarithmic scales, by policy. As the shocks "
        "become more severe the tails of the schedules run off to the right, and the rules that react hardly move.",
        phone={
            "height": 580,
            "xaxis": {"tickvals": [1000, 2000, 5000, 10_000]},
            **SMALL_SLIDER,
        },
    )


def first_trades(table: pd.DataFrame) -> go.Figure:
    """The first trade of each rule against the size of the shocks that it was told of.

    Args:
        table: indexed by relative drop, a column a policy [shares]; columns that do not end in `TOLD` are drawn thin.
    """
    figure = go.Figure()
    for policy in table.columns:
        _, line = stressed_line(policy)
        if not policy.endswith(TOLD):
            line |= {"width": 1.5, "dash": "dot"}
        figure.add_scatter(
            x=_drop_place(list(table.index)),
            y=table[policy].round(2),
            name=policy if policy.endswith(TOLD) else f"{policy}, normal market",
            mode="lines+markers" if policy.endswith(TOLD) else "lines",
            line=line,
            hovertemplate=f"{policy}: %{{y:.0f}} shares<extra></extra>",
        )
    _drop_axis(figure, list(table.index))
    figure.update_yaxes(title="first trade (shares)", rangemode="tozero")
    return finish(
        figure,
        height=380,
        alt="First trade against the size of the shocks: the optimum's hardly moves when it is told, the rolling "
        "rule's rises steeply with severity.",
        phone={"legend": {"font": {"size": 11}}, "xaxis": {"tickangle": -45}, "height": 420},
    )


def failure_by_severity(free: pd.DataFrame, capped: pd.DataFrame) -> go.Figure:
    """Both halves of the criterion of failure against the size of liquidity shocks.

    Args:
        free: of `optexec.stress.severity` without a participation cap; its cost ratio is shown.
        capped: of the same with a cap; its share of unfinished episodes is shown.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.13,
        subplot_titles=["Cost, without a cap", "Unfinished episodes, with the cap"],
    )
    for col, (table, key, scale, least) in enumerate(
        [(free, "cost_ratio", 1.0, 0.0), (capped, "unfinished", 100.0, 0.1)], start=1
    ):
        for policy in dict.fromkeys(table["policy"]):
            rows = table[table["policy"] == policy]
            base, line = stressed_line(policy)
            value, half = scale * rows[key].to_numpy(), scale * rows[f"{key}_ci"].to_numpy()
            value = np.maximum(value, least)
            figure.add_scatter(
                x=_drop_place(rows["drop"].to_numpy()),
                y=np.round(value, 4),
                error_y={
                    "array": np.round(half, 4),
                    "arrayminus": np.round(np.minimum(half, 0.9 * value), 4),
                    "thickness": 1,
                    "width": 3,
                },
                name=base,
                legendgroup=base,
                showlegend=col == 1 and policy == base,
                mode="lines+markers",
                marker={"size": 6},
                line=line,
                hovertemplate=f"{policy}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col,
            )
        _drop_axis(figure, sorted(set(table["drop"])), row=1, col=col)
        threshold = 2.0 if col == 1 else 5.0
        figure.add_hline(y=threshold, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"}, row=1, col=col)
    told_key(figure)
    figure.update_yaxes(title="mean IS over the normal market's", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(
        title="episodes below 99% completion (%)",
        type="log",
        range=np.log10([0.09, 100]),
        tickvals=[0.1, 0.3, 1, 2, 5, 10, 20, 50, 100],
        row=1,
        col=2,
    )
    figure.update_xaxes(tickangle=-45)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 84})
    phone = stack_panels(figure, 2, 900, 0.16)
    phone["legend"] = {"y": 1.04}
    return finish(
        figure,
        height=500,
        alt="First panel: without a cap the mean cost of schedules reaches twice its normal value only beyond "
        "shocks of 97%, and that of the rules that react stays flat. Second panel: under the cap TWAP and VWAP "
        "are above 5% unfinished even without shocks, most others rise above it near 80%, and the rolling rule "
        "that was told does not.",
        phone=phone,
    )
