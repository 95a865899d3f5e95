"""Figures of *Benchmarks*: paired differences, distributions of cost, and where its variance comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from optexec.evaluation import plus_minus
from optexec.figures.style import CAUSES, COLOURS, NEUTRAL, add_slider, finish, stack_panels

__all__ = ["excess_objective", "paired_forest", "variance_parts"]

VARIANCE_PARTS = {"price": CAUSES["timing"], "slippage": CAUSES["slippage"], "liquidity": "#5b6f95"}
"""Colours of the parts of Var[IS]: price risk is what `CAUSES` calls timing."""


def paired_forest(differences: pd.DataFrame, base: str) -> go.Figure:
    """Paired differences to a base policy with 95% intervals: a panel a statistic, a row a policy, a mark a budget.

    Args:
        differences: one row an estimate, with columns statistic (the panel's title), policy, episodes, difference and
            ci (95% half-width), both in $.
        base: the policy that the differences are taken to.
    """
    panels = list(dict.fromkeys(differences["statistic"]))
    policies = list(dict.fromkeys(differences["policy"]))
    budgets = sorted(set(differences["episodes"]))
    table = differences.set_index(["statistic", "policy", "episodes"])[["difference", "ci"]]
    estimates = dict(zip(table.index, table.to_numpy(dtype=np.float64).tolist(), strict=True))
    rows = (len(panels) + 1) // 2
    figure = make_subplots(
        rows=rows,
        cols=2,
        subplot_titles=[panel.replace("J_mv", "J<sub>mv</sub>") for panel in panels],
        horizontal_spacing=0.06,
        vertical_spacing=0.3 / rows,
    )
    for b, budget in enumerate(budgets):
        last = b == len(budgets) - 1
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=f"{budget:,} episodes",
            marker={"color": NEUTRAL, "size": 9 if last else 8, "symbol": "circle" if last else "circle-open"},
        )
        for p, panel in enumerate(panels):
            for i, policy in enumerate(policies):
                value, half = estimates[panel, policy, budget]
                figure.add_scatter(
                    x=[round(value, 4)],
                    y=[len(policies) - 1 - i + (0.17 if not last else -0.1)],
                    error_x={"array": [round(half, 4)], "thickness": 3 if last else 1.5, "width": 0 if last else 4},
                    mode="markers+text" if last else "markers",
                    text=[(f"{value:+,.1f}" if abs(value) < 10 else f"{value:+,.0f}").replace("-", "−") + " "],
                    textposition="middle left" if value < 0 else "middle right",
                    textfont={"size": 11},
                    marker={
                        "color": COLOURS.get(policy, NEUTRAL),
                        "size": 9 if last else 8,
                        "symbol": "circle" if last else "circle-open",
                    },
                    hovertemplate=f"{policy} − {base}: {value:+,.2f} ± {half:,.2f} $<extra>{budget:,} episodes</extra>",
                    cliponaxis=False,
                    showlegend=False,
                    row=p // 2 + 1,
                    col=p % 2 + 1,
                )
    figure.add_vline(x=0, line={"color": COLOURS.get(base, NEUTRAL), "width": 1.5, "dash": "dot"})
    ticks = {"tickvals": [*range(len(policies))], "ticktext": policies[::-1]}
    figure.update_yaxes(range=[-0.75, len(policies) - 0.45], zeroline=False, showgrid=False, **ticks)
    figure.update_yaxes(showticklabels=False, col=2)
    figure.update_xaxes(zeroline=False, title={"text": f"difference to {base} ($)", "standoff": 6})
    for p, panel in enumerate(panels):  # room for the values
        here = table.loc[panel]
        low = min(0.0, float((here["difference"] - here["ci"]).min()))
        high = max(0.0, float((here["difference"] + here["ci"]).max()))
        edge = 0.24 * (high - low)
        figure.update_xaxes(range=[low - edge, high + edge], row=p // 2 + 1, col=p % 2 + 1)
    figure.update_layout(legend={"y": 1.09}, margin={"t": 64})
    phone = stack_panels(figure, len(panels), 330 * len(panels), 0.075, shared_y=True)
    phone["legend"] = {"y": 1.03}
    return finish(
        figure,
        height=330 * rows,
        alt=f"Paired differences to {base} with 95% intervals, by policy: {'; '.join(panels)}. Each is shown for "
        f"{' and for '.join(f'{budget:,}' for budget in budgets)} episodes.",
        phone=phone,
    )


def variance_parts(parts: pd.DataFrame, name: str, selected: float) -> go.Figure:
    """Var[IS] by cause, stacked, a bar a policy, with a slider over a market parameter.

    Args:
        parts: columns setting (the slider's value), policy, price, slippage, liquidity [$^2], and ci, the 95%
            half-width of the standard deviation [$].
        name: what the slider is called.
        selected: the setting shown first.
    """
    settings = sorted(set(parts["setting"]))
    policies = list(dict.fromkeys(parts["policy"]))
    tables = [parts[parts["setting"] == value].set_index("policy").loc[policies] for value in settings]
    active = int(np.argmin(np.abs(np.asarray(settings) - selected)))

    def shown(table: pd.DataFrame) -> dict[str, list[Any]]:
        columns = [table[part].round(1).tolist() for part in VARIANCE_PARTS]
        total = table[list(VARIANCE_PARTS)].sum(axis=1)
        spreads = zip(total**0.5, table["ci"], strict=True)
        label = [f"{plus_minus(value, half, 0)} $" for value, half in spreads]
        return {"y": [*columns, total.round(1).tolist()], "text": ["", "", "", label]}

    first = shown(tables[active])
    figure = go.Figure()
    for part, heights in zip(VARIANCE_PARTS, first["y"], strict=False):
        figure.add_bar(
            x=policies,
            y=heights,
            name=part,
            marker_color=VARIANCE_PARTS[part],
            hovertemplate=f"{part}: %{{y:,.0f}} $²<extra>%{{x}}</extra>",
        )
    figure.add_scatter(
        x=policies, y=first["y"][3], text=first["text"][3], mode="text", textposition="top center", showlegend=False
    )
    figure.data[3].hoverinfo = "skip"
    top = max(float(table[list(VARIANCE_PARTS)].sum(axis=1).max()) for table in tables)
    figure.update_layout(barmode="stack", bargap=0.35, margin={"t": 44})
    figure.update_yaxes(title="Var[IS] ($²)", range=[0, 1.1 * top])
    changes = [shown(table) for table in tables]
    add_slider(figure, name, [f"{value:.2f}" for value in settings], changes, [0, 1, 2, 3], active)
    return finish(
        figure,
        height=480,
        alt="Variance of the shortfall by policy, stacked by cause: price, slippage and liquidity. As liquidity "
        "becomes more volatile the liquidity part grows from nothing, most of all for the front-loaded schedules.",
        phone={"xaxis": {"tickangle": -35, "tickfont": {"size": 11}}, "height": 520},
    )


def excess_objective(panels: Mapping[str, pd.DataFrame]) -> go.Figure:
    """(J - J_optimum) / J_optimum by policy on a log scale, a panel a market parameter.

    Args:
        panels: by axis title, a frame indexed by the parameter with a column a policy [fraction of J_optimum], and
            "<policy>_ci" (95% half-width) for those that are estimated.
    """
    figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.05)
    for p, (title, frame) in enumerate(panels.items()):
        for policy in [name for name in frame.columns if not name.endswith("_ci")]:
            values = 100 * frame[policy].to_numpy()
            spread = {}
            if f"{policy}_ci" in frame:
                half = 100 * frame[f"{policy}_ci"].to_numpy()
                spread = {
                    "error_y": {
                        "array": [float(f"{value:.3g}") for value in half],
                        "arrayminus": [float(f"{value:.3g}") for value in np.minimum(half, 0.95 * values)],
                        "thickness": 1.5,
                        "width": 4,
                    }
                }
            figure.add_scatter(
                x=frame.index,
                y=[float(f"{value:.4g}") for value in values],
                name=policy,
                legendgroup=policy,
                showlegend=p == 0,
                mode="lines+markers",
                line={
                    "color": COLOURS.get(policy, NEUTRAL),
                    "width": 2.5,
                    "dash": "dot" if policy == "best static" else "solid",
                },
                marker={"size": 7},
                hovertemplate=f"{policy}: %{{y:.3g}}%<extra></extra>",
                **spread,
                row=1,
                col=p + 1,
            )
        wide = frame.index.max() / frame.index.min() > 30
        figure.update_xaxes(title=title, type="log" if wide else "linear", row=1, col=p + 1)
        if wide:
            figure.update_xaxes(tickvals=list(frame.index), row=1, col=p + 1)
    figure.update_yaxes(type="log", dtick=1, tickformat="~r", ticksuffix="%")
    figure.update_yaxes(title="excess of J over the optimum", row=1, col=1)
    return finish(
        figure,
        height=430,
        alt="Excess of J over that of the optimum, in per cent on a logarithmic scale, for AC, the best static "
        f"schedule and the rolling rule, against {' and against '.join(panels)}. AC and the best static schedule "
        "lie on top of each other, one to two orders of magnitude above the rolling rule.",
        phone={
            "height": 720,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42], "showticklabels": True, "title": {"text": "excess of J over the optimum"}},
        },
    )
