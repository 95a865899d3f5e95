"""Figures of *Constraints*: when caps bind, what the capped policies cost, and what a penalty teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, add_slider, finish, stack_panels

__all__ = ["binding_periods", "capped_policies", "capped_scores", "penalty_sweep", "rounded_kink"]

Array = NDArray[np.float64]

COLOUR = COLOURS | {
    "cloning": COLOURS["behaviour cloning"],
    "uncapped optimum": LIQUIDITY,
    "estimated optimum": CONTRAST,
    "cap": NEUTRAL,
}
"""Those of the learners and rules of this chapter."""

DASH = {"TWAP": "dot", "rolling": "dash", "TD3+BC": "solid", "optimum": "solid"}

CENT = 0.003
"""Dollars that a logarithmic axis shows as its least."""


def binding_periods(shares: Mapping[str, Mapping[str, Array]]) -> go.Figure:
    """In which periods a cap binds, a panel a cap.

    Args:
        shares: by cap and policy, the share of decisions (K,) at the cap or beyond it.
    """
    figure = make_subplots(
        rows=1, cols=len(shares), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=list(shares)
    )
    for col, curves in enumerate(shares.values(), 1):
        for name, values in curves.items():
            figure.add_scatter(
                x=np.arange(len(values)),
                y=np.round(100 * values, 2),
                mode="lines+markers",
                line={"color": COLOUR[name], "width": 2.5, "dash": DASH[name]},
                marker={"size": 5},
                name=name,
                legendgroup=name,
                showlegend=col == 1,
                hovertemplate=f"{name}, period %{{x}}: %{{y:.0f}}%<extra></extra>",
                row=1,
                col=col,
            )
    figure.update_xaxes(title="period k", range=[-0.6, 18.6])
    figure.update_yaxes(range=[-3, 104])
    figure.update_yaxes(title="decisions at the cap (%)", row=1, col=1)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 90})
    phone = stack_panels(figure, len(shares), 780, 0.16, shared_y=True)
    phone["legend"] = {"y": 1.07}
    phone["yaxis2"] |= {"title": {"text": "decisions at the cap (%)"}}
    return finish(
        figure,
        height=430,
        alt="Share of decisions at the cap by period. The cap on participation binds at the start and hardly after "
        "half of the programme, but for TWAP, which meets it now and then throughout; the cap on the fraction hardly "
        "binds before the last five periods.",
        phone=phone,
    )


def capped_scores(dots: pd.DataFrame, bars: pd.DataFrame, prizes: Mapping[str, float]) -> go.Figure:
    """J above the constrained optimum, a panel a cap and a row a policy, on a logarithmic axis.

    Args:
        dots: a row a policy or agent: cap, policy, excess [$].
        bars: a row for every cap and learner: cap, policy, value, low and high of the excess [$].
        prizes: by cap, that of the best static schedule [$].
    """
    order = list(dict.fromkeys(dots["policy"]))
    place = {name: len(order) - 1 - i for i, name in enumerate(order)}
    figure = make_subplots(
        rows=1, cols=len(prizes), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(prizes)
    )
    for col, cap in enumerate(prizes, 1):
        for bar in bars[bars["cap"] == cap].itertuples():
            figure.add_scatter(
                x=[max(float(str(end)), CENT) for end in (bar.low, bar.high)],
                y=[place[str(bar.policy)]] * 2,
                mode="lines",
                line={"color": COLOUR[str(bar.policy)], "width": 9},
                opacity=0.35,
                hoverinfo="skip",
                row=1,
                col=col,
            )
        here = dots[dots["cap"] == cap]
        for name in order:
            excess = here.loc[here["policy"] == name, "excess"].to_numpy(dtype=np.float64)
            many = len(excess) > 1
            figure.add_scatter(
                x=np.maximum(excess, CENT).round(5),
                y=place[name] + (0.1 * (np.arange(len(excess)) % 3 - 1) if many else np.zeros(1)),
                mode="markers",
                marker={"color": COLOUR[name], "size": 6 if many else 11, "symbol": "circle" if many else "diamond"},
                customdata=np.stack([excess, 1 - excess / prizes[cap]], axis=1).round(4),
                hovertemplate=f"{name}: $%{{customdata[0]:,.3f}}, gap closed %{{customdata[1]:.3f}}<extra></extra>",
                row=1,
                col=col,
            )
        for bar in bars[bars["cap"] == cap].itertuples():
            figure.add_scatter(
                x=[round(max(float(str(bar.value)), CENT), 5)],
                y=[place[str(bar.policy)]],
                mode="markers",
                marker={"symbol": "line-ns", "size": 17, "line": {"width": 3, "color": COLOUR[str(bar.policy)]}},
                hoverinfo="skip",
                row=1,
                col=col,
            )
        line = {"color": COLOURS["best static"], "width": 1.5, "dash": "dot"}
        figure.add_vline(x=prizes[cap], line=line, row=1, col=col)
    ticks = {"tickvals": [0.01, 0.1, 1, 10, 100], "ticktext": ["0.01", "0.1", "1", "10", "100"]}
    high = 1.8 * float(dots["excess"].max())
    figure.update_xaxes(type="log", title="above the optimum ($)", range=np.log10([0.7 * CENT, high]).tolist(), **ticks)
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=list(place), range=[-0.6, len(order) - 0.4], zeroline=False
    )
    figure.update_layout(showlegend=False, margin={"t": 60})
    phone = stack_panels(figure, len(prizes), 860, 0.13, shared_y=True)
    phone["margin"] = {"l": 126, "r": 14, "t": 50}
    for axis in ("yaxis", "yaxis2"):
        phone[axis] |= {"tickfont": {"size": 11}}
    return finish(
        figure,
        height=470,
        alt="J above the constrained optimum in dollars, logarithmic, a row a policy and a panel a cap. "
        + "; ".join(f"{row.cap}, {row.policy}: {row.value:.2g} dollars" for row in bars.itertuples()),
        phone=phone,
    )


def capped_policies(levels: Array, panels: Mapping[str, Sequence[Mapping[str, Array]]], active: int = 0) -> go.Figure:
    """Fraction sold, as a multiple of TWAP's, against liquidity, with the cap as a line; a slider sets the period.

    Args:
        levels: (G,) liquidity levels.
        panels: by cap, for every period the curves (G,) by policy, with "cap" among them, and "agents", (S, G), where
            single agents are shown.
        active: the period that is shown first.
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(panels)
    )

    def lines(periods: Sequence[Mapping[str, Array]], k: int) -> list[list[float | None]]:
        found: list[list[float | None]] = []
        for name, values in periods[k].items():
            rows = values if name == "agents" else values[None]
            found.append([number for row in rows for number in (*np.round(row, 3).tolist(), None)])
        return found

    dashes = {"cap": "dot", "rolling": "dash"}
    for col, periods in enumerate(panels.values(), 1):
        for (name, values), y in zip(periods[active].items(), lines(periods, active), strict=True):
            agents = name == "agents"
            copies = len(values) if agents else 1
            figure.add_scatter(
                x=[number for _ in range(copies) for number in (*np.round(levels, 3).tolist(), None)],
                y=y,
                mode="lines",
                line={
                    "color": COLOUR["TD3+BC" if agents else name],
                    "width": 0.8 if agents else 4 if name == "optimum" else 2.5,
                    "dash": dashes.get(name, "solid"),
                },
                name={"agents": "TD3+BC, an agent", "rolling": "rolling, before the clip"}.get(name, name),
                legendgroup=name,
                showlegend=col == 1,
                hovertemplate=f"{name}, L = %{{x:.2f}}: %{{y:.2f}} times TWAP's<extra></extra>",
                row=1,
                col=col,
            )
    count = len(next(iter(panels.values())))
    changes = [{"y": [y for periods in panels.values() for y in lines(periods, k)]} for k in range(count)]
    add_slider(figure, "period k", [str(k) for k in range(count)], changes, list(range(len(changes[0]["y"]))), active)
    figure.update_xaxes(title="liquidity L", range=[float(levels.min()), float(levels.max())])
    figure.update_yaxes(range=[0, 3.2])
    figure.update_yaxes(title="fraction sold (multiples of TWAP's)", row=1, col=1)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 100})
    phone = stack_panels(figure, len(panels), 900, 0.14, shared_y=True) | SMALL_SLIDER
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 150}
    phone["yaxis2"] |= {"title": {"text": "fraction (multiples of TWAP's)"}}
    phone["yaxis"] |= {"title": {"text": "fraction (multiples of TWAP's)"}}
    return finish(
        figure,
        height=530,
        alt="Fraction of the remaining inventory that is sold, as a multiple of TWAP's, against liquidity. Where the "
        "optimum runs into the cap, a dotted line, the learned policies follow it along the cap; elsewhere they follow "
        "its slope.",
        phone=phone,
    )


def penalty_sweep(agents: pd.DataFrame, middles: pd.DataFrame, marks: Mapping[str, float], best: float) -> go.Figure:
    """J above the constrained optimum, and shares of infeasible wishes, against the penalty.

    Args:
        agents: a row an agent: algorithm, penalty, excess [$], clipped [shares an episode].
        middles: a row a study: algorithm, penalty, excess (of the interquartile mean), clipped (mean).
        marks: excess of others for reference, by name [$].
        best: excess of the best static schedule [$].
    """
    penalties = sorted(middles["penalty"].unique())
    place = {penalty: i for i, penalty in enumerate(penalties)}
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=["J above the optimum", "Shares clipped an episode"],
    )
    for i, algorithm in enumerate(dict.fromkeys(middles["algorithm"])):
        rows, middle = (part[part["algorithm"] == algorithm] for part in (agents, middles))
        colour, shift = COLOUR[algorithm], 0.12 * (2 * i - 1)
        for col, column in enumerate(("excess", "clipped"), 1):
            for part, mean in ((rows, False), (middle, True)):
                figure.add_scatter(
                    x=[place[penalty] + shift for penalty in part["penalty"]],
                    y=np.maximum(part[column].to_numpy(dtype=np.float64), CENT).round(4),
                    mode="lines+markers" if mean else "markers",
                    line={"color": colour, "width": 2.5},
                    marker={"color": colour, "size": 10 if mean else 5, "symbol": "diamond" if mean else "circle"},
                    opacity=1.0 if mean else 0.6,
                    name=f"{algorithm}, {'all' if mean else 'an'} agent{'s' if mean else ''}",
                    legendgroup=f"{algorithm} {mean}",
                    showlegend=col == 1,
                    customdata=[[f"{penalty:g}"] for penalty in part["penalty"]],
                    hovertemplate=f"{algorithm}, penalty $%{{customdata[0]}}: "
                    + ("$%{y:,.2f}" if col == 1 else "%{y:,.1f} shares")
                    + "<extra></extra>",
                    row=1,
                    col=col,
                )
    for name, excess in {**marks, "best static": best}.items():
        line = {"color": COLOUR[name.split(",")[0]], "width": 1.5, "dash": "dot"}
        figure.add_hline(y=excess, line=line, row=1, col=1)
        figure.add_annotation(
            text=name,
            x=len(penalties) - 0.55,
            xanchor="right",
            y=np.log10(excess),
            yanchor="top" if excess == min(marks.values()) else "bottom",
            showarrow=False,
            font={"size": 11},
            row=1,
            col=1,
        )
    figure.update_xaxes(
        title="penalty ($ a clipped share)",
        tickvals=list(place.values()),
        ticktext=[f"{penalty:g}" for penalty in penalties],
        range=[-0.5, len(penalties) - 0.5],
        zeroline=False,
    )
    high = 1.6 * max(float(agents["excess"].max()), best)
    low = 0.5 * min(float(agents["excess"].min()), *marks.values())
    ticks = [0.001, 0.01, 0.1, 1, 10, 100, 1000]
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{tick:,g}" for tick in ticks])
    figure.update_yaxes(title="dollars", range=np.log10([low, high]).tolist(), row=1, col=1)
    figure.update_yaxes(title="shares", row=1, col=2)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 110})
    phone = stack_panels(figure, 2, 880, 0.16)
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 150}
    return finish(
        figure,
        height=480,
        alt="First panel: J above the constrained optimum, logarithmic, against the penalty for a clipped share. "
        "Second: shares of infeasible wishes an episode, which fall as the penalty grows. Dotted lines: the best "
        "static schedule, and learners that know the cap.",
        phone=phone,
    )


def rounded_kink(
    wishes: Array, costs: Mapping[str, tuple[Array, Array]], cap: float, active: int, top: float
) -> go.Figure:
    """The cost of a wish under a penalty, as it is and as a critic that rounds its kink sees it; a slider chooses.

    Args:
        wishes: (G,) wishes [shares].
        costs: by penalty, the cost and its rounded version (G,) above the least cost [$].
        cap: on the wish [shares].
        active: index of the penalty that is shown first.
        top: end of the vertical axis [$].
    """

    def shown(name: str) -> tuple[list[Any], list[Any]]:
        true, rounded = costs[name]
        at = int(np.argmin(rounded))
        return [wishes] * 2 + [[wishes[at]]], [np.round(true, 3), np.round(rounded, 3), [round(float(rounded[at]), 3)]]

    names = list(costs)
    x, y = shown(names[active])
    figure = go.Figure()
    figure.add_scatter(x=x[0], y=y[0], mode="lines", line={"color": LIQUIDITY, "width": 3}, name="cost")
    figure.add_scatter(
        x=x[1], y=y[1], mode="lines", line={"color": CONTRAST, "width": 2.5, "dash": "dash"}, name="rounded"
    )
    figure.add_scatter(
        x=x[2],
        y=y[2],
        mode="markers",
        marker={"size": 13, "symbol": "diamond", "color": CONTRAST},
        name="least of the rounded cost",
    )
    figure.update_traces(hovertemplate="%{x:.0f} shares: $%{y:.2f}<extra></extra>")
    changes = []
    for name in names:
        x, y = shown(name)
        changes.append({"x": x, "y": y})
    add_slider(figure, "penalty in $ a share", names, changes, [0, 1, 2], active)
    figure.add_vline(x=cap, line={"color": "gray", "width": 1.5, "dash": "dot"})
    figure.add_annotation(text="cap", x=cap, y=0.97 * top, xanchor="left", showarrow=False)
    figure.update_xaxes(title="wish in the first period (shares)", range=[float(wishes.min()), float(wishes.max())])
    figure.update_yaxes(title="above the least cost ($)", range=[-0.04 * top, top])
    return finish(
        figure,
        height=470,
        alt="Cost of the first wish. Up to the cap it falls; beyond it is flat without a penalty and rises with one. "
        "A rounded version has its least beyond the cap for a small penalty and below it for a large one.",
        phone={"height": 520} | SMALL_SLIDER,
    )
