"""Figures of *Behaviour cloning and TD3+BC*: what a critic is asked to see, how training went, and what was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, finish, stack_panels

__all__ = [
    "CLONE",
    "Reaction",
    "ScoreRow",
    "gap_by_seed",
    "learned_reactions",
    "reward_scales",
    "seed_traces",
    "where_regret_is",
]

Array = NDArray[np.float64]

CLONE = COLOURS["behaviour cloning"]
"""Colour of behaviour cloning."""

_PAIR = (COLOURS["TD3+BC"], "#9a9730")
"""TD3+BC's colour, for two data sets; the second is that of single seeds, too."""


def reward_scales(panels: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Root mean squares of what is in a critic's target beside what it has to find there, by period.

    Args:
        panels: by title, whose last word in brackets is the unit, a frame by period; columns ``target``, ``price``,
            ``liquidity`` and ``worth``, and ``kept`` where shaping has left part of the noise of liquidity.
    """
    styles = {
        "target": ("reward", NEUTRAL, "solid"),
        "price": ("noise: price and fills", CONTRAST, "solid"),
        "liquidity": ("noise: next liquidity", LIQUIDITY, "solid"),
        "kept": ("noise: next liquidity, after shaping", LIQUIDITY, "dot"),
        "worth": ("worth of the best action", COLOURS["optimum"], "solid"),
    }
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.11, subplot_titles=list(panels))
    shown: set[str] = set()
    for p, frame in enumerate(panels.values()):
        for column in [name for name in styles if name in frame]:
            name, colour, dash = styles[column]
            figure.add_scatter(
                x=frame.index,
                y=[float(f"{value:.4g}") for value in frame[column]],
                name=name,
                legendgroup=name,
                showlegend=name not in shown,
                mode="lines",
                line={"color": colour, "width": 3 if column == "worth" else 2.2, "dash": dash},
                hovertemplate=f"{name}: %{{y:.3g}}<extra>period %{{x}}</extra>",
                row=1,
                col=p + 1,
            )
            shown.add(name)
    figure.update_xaxes(title="period k")
    figure.update_yaxes(type="log", dtick=1, exponentformat="none", tickformat=",")
    figure.update_yaxes(title="dollars", row=1, col=1)
    figure.update_yaxes(title="parts of the cost-to-go", row=1, col=2)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 90})
    phone = stack_panels(figure, len(panels), 860, 0.15)
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 130}
    return finish(
        figure,
        height=440,
        alt="Sizes by period on a logarithmic axis. In dollars all of them fall by two orders of magnitude. In "
        "units of the cost-to-go the worth of the best action is level from period 1 on, and shaping takes the "
        "noise of liquidity from above that of price to below it.",
        phone=phone,
    )


def seed_traces(shipped: pd.DataFrame, live: pd.DataFrame) -> go.Figure:
    """Training curves of a whole run, a line a seed, with a short run's over their beginning.

    Args:
        shipped: by step and seed, the columns ``loss`` and ``q``.
        live: the same, of the run that stopped early.
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=["Loss of the critics", "Mean Q of the logged actions"]
    )
    runs = ((shipped, "shipped run", _PAIR[1], 1.5), (live, "this page's run", LIQUIDITY, 3))
    for col, column in enumerate(("loss", "q")):
        for table, name, colour, width in runs:
            for i, (seed, part) in enumerate(table[column].groupby(level="seed")):
                figure.add_scatter(
                    x=part.index.get_level_values("step"),
                    y=[float(f"{value:.3g}") for value in part],
                    name=name,
                    legendgroup=name,
                    showlegend=col == 0 and i == 0,
                    mode="lines",
                    line={"color": colour, "width": width},
                    hovertemplate=f"seed {seed}, step %{{x}}: %{{y:.3g}}<extra>{name}</extra>",
                    row=1,
                    col=col + 1,
                )
    steps = [20, 100, 300, 1_000, 3_000, 10_000]
    figure.update_xaxes(title="gradient step", type="log", tickvals=steps, ticktext=[f"{step:,}" for step in steps])
    figure.update_yaxes(type="log", dtick=1, row=1, col=1)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 80})
    phone = stack_panels(figure, 2, 760, 0.17)
    phone["legend"] = {"y": 1.07}
    return finish(
        figure,
        height=410,
        alt="Loss and mean Q against gradient steps on a logarithmic axis, eight thin lines of the shipped run over "
        "10,000 steps, and two thick ones of the short run that lie on them for its few hundred steps.",
        phone=phone,
    )


@dataclass(frozen=True)
class ScoreRow:
    """The seeds of one training run."""

    scores: Array
    """gap closed (S,)"""
    mean_action: float
    """gap closed by the policy of their mean action"""
    colour: str


def gap_by_seed(rows: Mapping[str, ScoreRow], references: Mapping[str, float], zoom: tuple[float, float]) -> go.Figure:
    """Gap closed: a dot a seed, a diamond for their mean action, a row a run, and its upper end enlarged beside it.

    Args:
        rows: by label, from top to bottom.
        references: scores by policy, whose colours are those of the report; drawn as vertical lines.
        zoom: ends of the second panel's axis; rows that lie outside are left out there.
    """
    labels = list(rows)
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=["Gap closed", "Its upper end"]
    )
    for i, (label, row) in enumerate(rows.items()):
        height = len(labels) - 1 - i
        # neighbours in score apart
        wiggle = np.array([0.0, 0.2, -0.2, 0.1, -0.1])[np.arange(len(row.scores)) % 5]
        for col in (1, 2):
            if col == 2 and not zoom[0] < row.mean_action < zoom[1]:
                continue
            figure.add_scatter(
                x=np.sort(row.scores).round(5),
                y=height + wiggle,
                mode="markers",
                name="one seed",
                legendgroup="seed",
                showlegend=i == 0 and col == 1,
                marker={"size": 8, "symbol": "circle-open", "color": row.colour, "line": {"width": 2}},
                hovertemplate=f"{label}: %{{x:.4f}}<extra></extra>",
                row=1,
                col=col,
            )
            figure.add_scatter(
                x=[round(row.mean_action, 5)],
                y=[height],
                mode="markers",
                name="their mean action",
                legendgroup="mean",
                showlegend=i == 0 and col == 1,
                marker={"size": 13, "symbol": "diamond", "color": row.colour, "line": {"width": 1.5, "color": "gray"}},
                hovertemplate=f"{label}, mean action: %{{x:.4f}}<extra></extra>",
                row=1,
                col=col,
            )
    lowest = min(float(row.scores.min()) for row in rows.values())
    figure.update_xaxes(range=[min(lowest, 0.0) - 0.15, 1.15], zeroline=False, row=1, col=1)
    figure.update_xaxes(range=list(zoom), zeroline=False, row=1, col=2)
    for name, value in references.items():
        for col in (1, 2):
            if col == 1 or zoom[0] < value < zoom[1]:
                line = {"color": COLOURS.get(name, NEUTRAL), "width": 2, "dash": "dot"}
                figure.add_scatter(
                    x=[value, value],
                    y=[-0.6, len(labels) - 0.4],
                    mode="lines",
                    line=line,
                    name=name,
                    legendgroup=name,
                    showlegend=col == 1,
                    hovertemplate=f"{name}: {value:.3f}<extra></extra>",
                    row=1,
                    col=col,
                )
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=labels[::-1],
        range=[-0.6, len(labels) - 0.4],
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(legend={"y": 1.14}, margin={"t": 90})
    phone = stack_panels(figure, 2, 780, 0.12, shared_y=True)
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 130}
    phone["xaxis"] |= {"tick0": 0, "dtick": 1}
    near = [len(labels) - 1 - i for i, row in enumerate(rows.values()) if zoom[0] < row.mean_action < zoom[1]]
    phone["yaxis"]["ticktext"] = phone["yaxis2"]["ticktext"] = [label.replace(", ", ",<br>") for label in labels[::-1]]
    phone["yaxis2"] |= {"matches": None, "range": [min(near) - 0.6, max(near) + 0.6]}
    return finish(
        figure,
        height=210 + 44 * len(labels),
        alt="Gap closed by single seeds and by their mean action, a row a training run: "
        + "; ".join(
            f"{label} from {row.scores.min():.3f} to {row.scores.max():.3f}, mean action {row.mean_action:.3f}"
            for label, row in rows.items()
        ),
        phone=phone,
    )


def where_regret_is(learned: Mapping[str, Array], tied: Array, clone: Array) -> go.Figure:
    """What is missing to the optimum by period, in percent of the gap: of the learner, and of the clone.

    Args:
        learned: (K,) parts of the gap by period, by data set.
        tied: (K,) of the actor that has a perfect critic and the same constraint.
        clone: (K,) of behaviour cloning's.
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=["TD3+BC", "Behaviour cloning, on another scale"]
    )
    bars = [
        *(
            (f"TD3+BC, {name}", values, colour, 1)
            for (name, values), colour in zip(learned.items(), _PAIR, strict=True)
        ),
        ("cloning", clone, CLONE, 2),
    ]
    for name, values, colour, col in bars:
        figure.add_bar(
            x=np.arange(len(values)),
            y=(100 * values).round(4),
            name=name,
            marker={"color": colour},
            hovertemplate=f"{name}, period %{{x}}: %{{y:.2f}}% of the gap<extra></extra>",
            row=1,
            col=col,
        )
    figure.add_scatter(
        x=np.arange(len(tied)),
        y=(100 * tied).round(4),
        name="perfect critic, same constraint",
        mode="markers",
        marker={"color": CONTRAST, "size": 7},
        hovertemplate="perfect critic, period %{x}: %{y:.2f}% of the gap<extra></extra>",
        row=1,
        col=1,
    )
    figure.update_xaxes(title="period k")
    figure.update_yaxes(title="missing (% of the gap)", row=1, col=1)
    figure.update_layout(barmode="group", bargap=0.15, legend={"y": 1.12}, margin={"t": 90})
    phone = stack_panels(figure, 2, 780, 0.16)
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 130}
    return finish(
        figure,
        height=430,
        alt="Bars by period of what is missing to the optimum, in percent of the gap: for TD3+BC a few tenths of a "
        "percent a period at most, on one log more than on the other; for cloning many percent a period.",
        phone=phone,
    )


@dataclass(frozen=True)
class Reaction:
    """Fractions of one period on levels of liquidity, as multiples of TWAP's fraction."""

    levels: Array
    """(G,)"""
    seeds: Array
    """(S, G)"""
    mean_action: Array
    """(G,)"""
    clone: Array
    """(G,)"""
    optimum: Array
    """(G,)"""


def learned_reactions(reactions: Mapping[int, Reaction]) -> go.Figure:
    """The reaction to liquidity in a few periods, a panel a period: single seeds, their mean, the clone, the optimum.

    Args:
        reactions: by period.
    """
    titles = [f"period {k}" for k in reactions]
    figure = make_subplots(
        rows=1, cols=len(reactions), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=titles
    )
    for p, here in enumerate(reactions.values()):
        lines: Sequence[tuple[str, Array, dict[str, object]]] = [
            ("TD3+BC, one seed", np.array([]), {"color": _PAIR[1], "width": 1.5}),
            ("cloning", here.clone, {"color": CLONE, "width": 2.5, "dash": "dash"}),
            ("optimum", here.optimum, {"color": COLOURS["optimum"], "width": 3}),
            ("TD3+BC, mean action", here.mean_action, {"color": COLOURS["TD3+BC"], "width": 3, "dash": "dot"}),
        ]
        # the seeds are one line with breaks
        gaps = np.full((len(here.seeds), 1), np.nan)
        seeds = np.hstack([here.seeds.round(3), gaps]).ravel()
        across = np.tile(np.append(here.levels.round(3), np.nan), len(here.seeds))
        for name, values, line in lines:
            figure.add_scatter(
                x=here.levels.round(3) if len(values) else [None if np.isnan(v) else float(v) for v in across],
                y=values.round(3) if len(values) else [None if np.isnan(v) else float(v) for v in seeds],
                name=name,
                legendgroup=name,
                showlegend=p == 0,
                mode="lines",
                line=line,
                hovertemplate=f"L = %{{x:.2f}}: %{{y:.2f}} times TWAP<extra>{name}</extra>",
                row=1,
                col=p + 1,
            )
    figure.update_xaxes(title="liquidity L", range=[0.4, 1.7])
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title="fraction (multiples of TWAP's)", row=1, col=1)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 90})
    phone = stack_panels(figure, len(reactions), 1150, 0.1, shared_y=True)
    phone["legend"] = {"y": 1.05}
    phone["margin"] = {"t": 130}
    return finish(
        figure,
        height=440,
        alt="Fractions against liquidity in three periods. The learned curves follow the optimum's, which rises with "
        "liquidity; the clone's is flat.",
        phone=phone,
    )
