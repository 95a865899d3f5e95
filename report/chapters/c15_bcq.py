"""Figures of *BCQ*: what an unconstrained critic believes, and where a constrained learner stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import (
    COLOURS,
    CONTRAST,
    LIQUIDITY,
    NEUTRAL,
    SMALL_SLIDER,
    add_slider,
    along,
    clear,
    digits,
    finish,
    stack_panels,
)

__all__ = [
    "critic_curves",
    "extrapolated_costs",
    "perturbation_reach",
    "reach_sweep",
    "seed_scores",
    "support_clouds",
    "training_start",
]

Array = NDArray[np.float64]

RATES = [0.25, 0.5, 1, 2, 4, 8, 16]
"""Ticks of an axis of multiples of TWAP's fraction."""

BAND: dict[str, Any] = {"fillcolor": "gray", "opacity": 0.16, "line_width": 0, "exclude_empty_subplots": False}
"""A shaded range of x, also where nothing is drawn yet."""

TICKS = {"type": "log", "tickvals": RATES, "ticktext": ["¼", "½", "1", "2", "4", "8", "16"]}


def critic_curves(
    panels: Mapping[str, Array],
    rates: Array,
    truth: Mapping[str, Array],
    bands: Mapping[str, tuple[float, float]],
    shown: tuple[float, float],
) -> go.Figure:
    """What the critics of all seeds say of an action in one state, with the truth: a panel a log.

    Args:
        panels: by behaviour, a curve a seed (S, g), relative to TWAP's action [% of the cost to go].
        rates: (g,) actions as multiples of TWAP's fraction.
        truth: by behaviour, the true curve (g,) in the same unit.
        bands: by behaviour, where the central 95% of the log's actions lie.
        shown: ends of the y-axis [%].
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(panels)
    )
    for p, (behaviour, curves) in enumerate(panels.items(), 1):
        low, high = bands[behaviour]
        if high - low > 1e-6:
            figure.add_vrect(x0=low, x1=high, **BAND, row=1, col=p)
        else:
            figure.add_vline(x=low, line={"color": "gray", "width": 2}, exclude_empty_subplots=False, row=1, col=p)
        figure.add_scatter(
            **along(rates),
            y=truth[behaviour].round(2),
            mode="lines",
            line={"color": COLOURS["optimum"], "width": 5},
            opacity=0.6,
            name="truth",
            showlegend=p == 1,
            hovertemplate="truth: %{y:.1f}% at %{x:.1f} times TWAP<extra></extra>",
            row=1,
            col=p,
        )
        for i, curve in enumerate(curves):
            figure.add_scatter(
                **along(rates),
                y=np.clip(curve, 4 * shown[0], 4 * shown[1]).round(2),
                mode="lines",
                line={"color": COLOURS["BCQ"], "width": 1.4},
                name="critics, a line a seed",
                legendgroup="critics",
                showlegend=p == 1 and i == 0,
                hovertemplate=f"seed {i}: %{{y:.1f}}% at %{{x:.1f}} times TWAP<extra></extra>",
                row=1,
                col=p,
            )
        figure.update_xaxes(title="multiples of TWAP's fraction", range=[0, rates[-1]], row=1, col=p)
    figure.update_yaxes(range=list(shown))
    figure.update_yaxes(title="value relative to TWAP's action (%)", row=1, col=1)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 80})
    phone = stack_panels(figure, len(panels), 1100, 0.1, shared_y=True)
    phone["legend"] = {"y": 1.04}
    return finish(
        figure,
        height=430,
        alt="Value of an action against the action, a panel a log, eight critics each. The mixture's eight lie on the "
        "true parabola; those of TWAP's log fan out from the one logged action, some up and some down.",
        phone=phone,
    )


def extrapolated_costs(
    panels: Mapping[str, Mapping[str, Sequence[Array]]],
    rates: Array,
    truth: Array,
    bands: Mapping[str, tuple[float, float]],
    shown: tuple[float, float],
) -> go.Figure:
    """Fitted cost of an action in one state, from several logs each, with the true one.

    Args:
        panels: by behaviour and by name of the fit, a curve (g,) a log [% above the least].
        rates: (g,) actions as multiples of TWAP's fraction.
        truth: (g,) the true cost [% above the least].
        bands: by behaviour, where the central 95% of the log's actions lie.
        shown: ends of the y-axis [%].
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(panels)
    )
    for p, (behaviour, fits) in enumerate(panels.items(), 1):
        low, high = bands[behaviour]
        figure.add_vrect(x0=low, x1=high, **BAND, row=1, col=p)
        figure.add_scatter(
            **along(rates),
            y=truth.round(1),
            mode="lines",
            line={"color": "gray", "width": 6},
            opacity=0.55,
            name="true cost",
            showlegend=p == 1,
            hovertemplate="true: %{y:.0f}% at %{x:.1f} times TWAP<extra></extra>",
            row=1,
            col=p,
        )
        for (name, curves), colour in zip(fits.items(), (LIQUIDITY, CONTRAST), strict=True):
            for i, curve in enumerate(curves):
                figure.add_scatter(
                    **along(rates),
                    # far outside nothing is seen, and the file stays small
                    y=np.clip(curve, shown[0] - 400, shown[1] + 400).round(1),
                    mode="lines",
                    line={"color": colour, "width": 1.3},
                    name=name,
                    legendgroup=name,
                    showlegend=p == 1 and i == 0,
                    hovertemplate=f"{name}: %{{y:.0f}}% at %{{x:.1f}} times TWAP<extra></extra>",
                    row=1,
                    col=p,
                )
        figure.update_xaxes(title="action (multiples of TWAP's fraction)", range=[0, rates[-1]], row=1, col=p)
    figure.update_yaxes(range=list(shown))
    figure.update_yaxes(title="cost to go above the least (%)", row=1, col=1)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 80})
    phone = stack_panels(figure, len(panels), 800, 0.16, shared_y=True)
    phone["legend"] = {"y": 1.06}
    return finish(
        figure,
        height=440,
        alt="Cost of an action against the action, a panel a behaviour, several logs each. Within the band of logged "
        "actions all fits follow the true parabola; beyond it the more flexible ones go anywhere, many of them down.",
        phone=phone,
    )


def perturbation_reach(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> go.Figure:
    """How far a perturbation bound goes, by period, and how much of what the optimum does lies within it.

    Args:
        tables: by name of the bound and by behaviour, a frame by period with ``reach`` (in standard deviations of the
            logged actions) and ``within`` (share of the optimum's decisions).
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=["Reach in s.d. of the log's actions", "Share of the optimum within reach"],
    )
    for (bound, frames), colour in zip(tables.items(), (NEUTRAL, COLOURS["BCQ"]), strict=True):
        for (behaviour, frame), dash in zip(frames.items(), ("solid", "dot"), strict=True):
            name = f"{bound}, {behaviour}"
            for col, column in enumerate(("reach", "within"), 1):
                figure.add_scatter(
                    x=frame.index,
                    y=frame[column].round(3),
                    name=name,
                    legendgroup=name,
                    showlegend=col == 1,
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": 2.5},
                    hovertemplate=f"{name}, period %{{x}}: %{{y:.2f}}<extra></extra>",
                    row=1,
                    col=col,
                )
    figure.update_xaxes(title="period k")
    figure.update_yaxes(title="standard deviations", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="share", range=[-0.03, 1.05], row=1, col=2)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 90})
    phone = stack_panels(figure, 2, 800, 0.17)
    phone["legend"] = {"y": 1.07}
    return finish(
        figure,
        height=420,
        alt="First panel: the published bound in standard deviations of the logged actions falls by period on "
        "noisy TWAP and is small throughout on the mixture; the relative one stays about level. Second panel: "
        "the share of the optimum's decisions within reach of the log's mean action.",
        phone=phone,
    )


def reach_sweep(
    sweeps: Mapping[str, Array], reaches: Array, own: Mapping[str, float], levels: Mapping[str, float]
) -> go.Figure:
    """J above the optimum against the perturbation's bound, a line a seed.

    Args:
        sweeps: by behaviour, J less the optimum's (R, S) [$].
        reaches: (R,) the bound phi, in units of y.
        own: by behaviour, the bound that the agents were trained with.
        levels: lines for reference, TWAP's and the best schedule's: by name, J less the optimum's [$].
    """
    figure = go.Figure()
    colours = {"mixture": COLOURS["BCQ"], "noisy TWAP": LIQUIDITY, "TWAP": CONTRAST}
    for behaviour, excess in sweeps.items():
        for i, curve in enumerate(excess.T):
            figure.add_scatter(
                x=reaches,
                y=curve.round(3),
                mode="lines",
                line={"color": colours[behaviour], "width": 1.5},
                opacity=0.9,
                name=f"{behaviour}, a line a seed",
                legendgroup=behaviour,
                showlegend=i == 0,
                hovertemplate=f"{behaviour}, seed {i}, φ = %{{x:.2f}}: $%{{y:,.1f}}<extra></extra>",
            )
        at = float(np.exp(np.interp(own[behaviour], reaches, np.log(excess).mean(axis=1))))
        figure.add_scatter(
            x=[own[behaviour]],
            y=[at],
            mode="markers",
            marker={"size": 11, "color": colours[behaviour], "symbol": "diamond"},
            name="φ in training",
            legendgroup="own",
            showlegend=behaviour == "TWAP",
            hovertemplate=f"{behaviour}: φ = %{{x:.3f}} in training<extra></extra>",
        )
    for (name, level), (x, anchor) in zip(levels.items(), ((0.55, "center"), (0.055, "left")), strict=True):
        figure.add_hline(y=level, line={"color": "gray", "dash": "dot", "width": 1.5})
        figure.add_annotation(  # where no line passes
            x=x, xanchor=anchor, y=np.log10(level), yanchor="bottom", text=name, font={"size": 12}, showarrow=False
        )
    figure.update_xaxes(title="φ when acting (units of y)")
    figure.update_yaxes(
        title="J above the optimum ($)", type="log", tickvals=[0.1, 1, 10, 100, 1000, 10000], tickformat=","
    )
    return finish(
        figure,
        height=450,
        alt="J above the optimum against the bound. The mixture's agents fall to well under a dollar and stay there; "
        "noisy TWAP's fall further than their own bound lets them; those of TWAP's log part, some up and some down.",
        phone={
            "height": 480,
            "legend": {"y": 1.04},
            "annotations": {i: {"text": name.replace(" ", "<br>")} for i, name in enumerate(levels)},
        },
    )


def training_start(shipped: pd.DataFrame, live: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Training curves of shipped agents with the beginning of the same runs, made again.

    Args:
        shipped: a trace by step and seed.
        live: the same for a few of the seeds and the first steps.
        titles: panel title by column of the trace.
    """
    figure = make_subplots(rows=1, cols=len(titles), horizontal_spacing=0.09, subplot_titles=list(titles.values()))
    steps = [100, 1_000, 10_000]
    for col, column in enumerate(titles, 1):
        curves = shipped[column].unstack("seed")  # noqa: PD010 (a pivot of an index)
        shown = np.r_[0 : min(30, len(curves)), 30 : len(curves) : 2]  # late steps stand close together
        curves = curves.take(shown)
        for i, seed in enumerate(curves.columns):
            figure.add_scatter(
                x=curves.index,
                y=np.array(digits(curves[seed], 4)),
                mode="lines",
                line={"color": COLOURS["BCQ"], "width": 1},
                opacity=0.9,
                name="shipped, a line a seed",
                legendgroup="shipped",
                showlegend=col == 1 and i == 0,
                hovertemplate=f"seed {seed}, step %{{x:,}}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col,
            )
        again = live[column].unstack("seed")  # noqa: PD010 (a pivot of an index)
        for i, seed in enumerate(again.columns):
            figure.add_scatter(
                x=again.index,
                y=np.array(digits(again[seed], 4)),
                mode="markers",
                marker={"color": COLOURS["rolling"], "size": 8, "symbol": "circle-open", "line": {"width": 2}},
                name="trained in this chapter",
                legendgroup="live",
                showlegend=col == 1 and i == 0,
                hovertemplate=f"seed {seed}, here, step %{{x:,}}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col,
            )
        figure.update_xaxes(
            title="step", type="log", tickvals=steps, ticktext=[f"{step:,}" for step in steps], row=1, col=col
        )
    figure.update_layout(legend={"y": 1.12}, margin={"t": 80})
    phone = stack_panels(figure, len(titles), 1050, 0.12)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=400,
        alt="Training curves of eight agents over ten thousand steps, with the first steps of two of them made again: "
        "the marks lie on the lines.",
        phone=phone,
    )


def support_clouds(
    panels: Mapping[str, Sequence[Mapping[str, Array]]], levels: Array, periods: Sequence[int], active: int = 0
) -> go.Figure:
    """Where a learner acts, over the actions in its log: a panel a log, a slider over periods.

    Args:
        panels: by behaviour, for every period the logged pairs ``level`` (n,) and ``action`` (n,), and along
            ``levels`` one agent's mean sample ``sampled`` (g,), the bounds ``low`` and ``high`` (g,) of what it may
            consider, every seed's ``chosen`` (S, g), and the ``optimum`` (g,); actions as multiples of TWAP's fraction.
        levels: (g,) liquidity.
        periods: the periods k of the slider.
        active: index of the period that is shown first.
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(panels)
    )
    around = np.concatenate([levels, levels[::-1]]).round(3)

    def curves(part: Mapping[str, Array]) -> list[tuple[Array, Array]]:
        """The traces' x and y, in their order."""
        breaks = np.append(levels, np.nan).round(3)
        lines = np.concatenate([[*curve, np.nan] for curve in part["chosen"]])
        return [
            (part["level"].round(2), part["action"].round(2)),
            (around, np.concatenate([part["low"], part["high"][::-1]]).round(3)),
            (levels.round(3), part["sampled"].round(3)),
            (np.tile(breaks, len(part["chosen"])), lines.round(3)),
            (levels.round(3), part["optimum"].round(3)),
        ]

    styles: list[dict[str, Any]] = [
        {"mode": "markers", "marker": {"size": 4, "color": NEUTRAL, "opacity": 0.5}, "name": "logged"},
        {
            "mode": "lines",
            "fill": "toself",
            "fillcolor": clear(COLOURS["BCQ"], 0.15),
            "line": {"width": 0},
            "name": "allowed",
        },
        {"mode": "lines", "line": {"color": COLOURS["BCQ"], "dash": "dot", "width": 2}, "name": "sampled"},
        {"mode": "lines", "line": {"color": COLOURS["BCQ"], "width": 1.4}, "name": "chosen, a line a seed"},
        {"mode": "lines", "line": {"color": COLOURS["optimum"], "width": 3}, "name": "optimum"},
    ]
    for p, parts in enumerate(panels.values(), 1):
        for (x, y), style in zip(curves(parts[active]), styles, strict=True):
            figure.add_scatter(
                x=x, y=y, **style, legendgroup=style["name"], showlegend=p == 1, hoverinfo="skip", row=1, col=p
            )
    changes = [
        [
            {"x": x.tolist(), "y": y.tolist()} if j == 0 else {"y": digits(y, 3)}  # the log's pairs, then lines
            for parts in panels.values()
            for j, (x, y) in enumerate(curves(parts[i]))
        ]
        for i in range(len(periods))
    ]
    add_slider(figure, "period k", [str(k) for k in periods], changes, list(range(len(styles) * len(panels))), active)
    figure.update_xaxes(title="liquidity L", range=[levels[0], levels[-1]])
    figure.update_yaxes(range=[np.log10(0.2), np.log10(16)], **TICKS)
    figure.update_yaxes(title="fraction (multiples of TWAP's)", row=1, col=1)
    figure.update_layout(legend={"y": 1.09}, margin={"t": 80})
    phone = stack_panels(figure, len(panels), 900, 0.13, shared_y=True) | SMALL_SLIDER
    phone["legend"] = {"y": 1.06}
    return finish(
        figure,
        height=520,
        alt="Liquidity and action of one period over the log, a panel a log. The learner may act within a band around "
        "the log's mean action; its choices rise with liquidity, like the optimum's, until they meet the band's edge.",
        phone=phone,
    )


def seed_scores(
    scores: Mapping[str, Array],
    middle: Mapping[str, tuple[float, float, float]],
    mean_action: Mapping[str, float],
    rolling: float,
) -> go.Figure:
    """Gap closed by every seed, with the interquartile mean and the policy of the mean action.

    Args:
        scores: by row, gap closed (S,).
        middle: by row, interquartile mean and the ends of its interval.
        mean_action: by row, gap closed by the mean of the seeds' actions.
        rolling: gap closed by the rolling rule.
    """
    rows = list(scores)[::-1]
    figure = go.Figure()
    for i, row in enumerate(rows):
        nudge = 0.09 * (np.arange(len(scores[row])) - (len(scores[row]) - 1) / 2)
        figure.add_scatter(
            x=np.sort(scores[row]).round(4),
            y=i + 0.35 * nudge,
            mode="markers",
            marker={"color": COLOURS["BCQ"], "size": 8, "opacity": 0.9},
            name="a seed",
            legendgroup="seed",
            showlegend=i == 0,
            hovertemplate=f"{row}: %{{x:.3f}}<extra>a seed</extra>",
        )
        value, low, high = middle[row]
        figure.add_scatter(
            x=[value],
            y=[i + 0.3],
            mode="markers",
            marker={"size": 10, "symbol": "line-ns", "line": {"width": 3, "color": NEUTRAL}},
            error_x={
                "array": [high - value],
                "arrayminus": [value - low],
                "symmetric": False,
                "thickness": 2,
                "width": 5,
                "color": NEUTRAL,
            },
            name="interquartile mean, 95%",
            legendgroup="iqm",
            showlegend=i == 0,
            hovertemplate=f"{row}: {value:.3f} ({low:.3f} to {high:.3f})<extra>interquartile mean</extra>",
        )
        figure.add_scatter(
            x=[mean_action[row]],
            y=[i],
            mode="markers",
            marker={"color": COLOURS["BCQ"], "size": 11, "symbol": "diamond-open", "line": {"width": 2}},
            name="mean action",
            legendgroup="mean",
            showlegend=i == 0,
            hovertemplate=f"{row}: %{{x:.3f}}<extra>mean action</extra>",
        )
    for x, colour, name in ((1.0, COLOURS["optimum"], "optimum"), (rolling, COLOURS["rolling"], "rolling rule")):
        figure.add_vline(x=x, line={"color": colour, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=x,
            y=0,
            yref="paper",
            yanchor="bottom",
            xanchor="right",
            text=name,
            font={"color": colour},
            showarrow=False,
        )
    figure.update_xaxes(title="gap closed (0: best schedule, 1: optimum)")
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=rows, range=[-0.6, len(rows) - 0.3])
    figure.update_yaxes(showgrid=False, zeroline=False)
    return finish(
        figure,
        height=130 + 85 * len(rows),
        alt="Gap closed by eight seeds a row, their interquartile mean with its interval, and the mean action, all of "
        "them near the rolling rule's.",
        phone={"legend": {"y": 1.04}, "margin": {"l": 20}, "xaxis": {"title": {"text": "gap closed"}}},
    )
