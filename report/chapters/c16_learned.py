"""Figures of *Learned against exact*: seeds, policies and what is left of the gap."""

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
    SPLIT_SCALE,
    add_slider,
    finish,
    stack_panels,
)

__all__ = ["learned_maps", "learned_scores", "regret_parts", "seed_curves", "seed_profiles", "support_decides"]

Array = NDArray[np.float64]

COLOUR = COLOURS | {"depth follower": LIQUIDITY}
"""Those of the learners and rules of this chapter."""

SCORES = [0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0, -1, -4, -16, -64]
"""Marks of an axis of gaps closed."""

CLOSE = [0.998, 0.997, 0.995, 0.993, 0.99, 0.985, 0.98, 0.97, 0.96, 0.95, 0.94, 0.9, 0.8, 0.5, 0]
"""The marks where all are close to the optimum."""

FEWER = [0.999, 0.99, 0.95, 0.8, 0, -4, -16, -64]
"""The marks that fit a narrow screen."""

SMALLEST = 4e-4
"""What is left open is drawn as this at least."""

BAND = "#d8609f"
"""Where liquidity is, on heat maps."""


def _left(scores: Any) -> Array:
    """What a gap closed leaves open."""
    return np.asarray(np.maximum(1 - np.asarray(scores, dtype=np.float64), SMALLEST), dtype=np.float64)


def _ticks(scores: Sequence[float]) -> dict[str, Any]:
    return {
        "tickvals": [round(1 - score, 4) for score in scores],
        "ticktext": [f"{score:g}".replace("-", "−") for score in scores],
    }


def _score_axis(figure: go.Figure, worst: float, best: float, marks: Sequence[float] = SCORES) -> dict[str, Any]:
    """A logarithmic axis of what is left, labelled by the gap closed, better to the right; returns that of a phone."""
    ticks = [score for score in marks if worst <= score <= best]
    figure.update_xaxes(
        type="log",
        title="gap closed (0: best schedule, 1: exact optimum; logarithmic in what is left)",
        title_standoff=10,
        range=np.log10([_left(worst), _left(best)]).tolist(),
        tickangle=0,
        **_ticks(ticks),
    )
    fewer = [score for score in (FEWER if marks is SCORES else marks[::3]) if worst <= score <= best]
    return {"title": {"text": "gap closed"}, "tickfont": {"size": 10}, **_ticks(fewer)}


def _score_marks(figure: go.Figure, marks: Mapping[str, float]) -> None:
    """Vertical lines of the rules, named above the plot."""
    for name, score in marks.items():
        x = float(_left(score))
        figure.add_vline(x=x, line={"color": COLOUR.get(name, NEUTRAL), "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            text=name,
            x=np.log10(x),
            y=1.0,
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            textangle=-32,
            showarrow=False,
            font={"size": 12},
        )


def learned_scores(seeds: pd.DataFrame, summaries: pd.DataFrame, marks: Mapping[str, float]) -> go.Figure:
    """A dot for every seed's gap closed, by log and algorithm.

    Args:
        seeds: a row a seed: log, algorithm, data (index of the data set), score, and mean_action, True where the row
            is the mean action of a data set's seeds.
        summaries: a row for every log and algorithm: log, algorithm, value (interquartile mean), low and high.
        marks: scores of rules, by name.
    """
    logs = list(dict.fromkeys(summaries["log"]))
    algorithms = list(dict.fromkeys(summaries["algorithm"]))
    place = {log: len(logs) - 1 - i for i, log in enumerate(logs)}
    figure = go.Figure()
    for algorithm in algorithms:
        colour, offset = COLOUR[algorithm], 0.27 * (1 - algorithms.index(algorithm))
        rows = summaries[summaries["algorithm"] == algorithm]
        y = [place[log] + offset for log in rows["log"]]
        ends = [x for low, high in zip(rows["low"], rows["high"], strict=True) for x in (*_left([low, high]), None)]
        figure.add_scatter(
            x=ends,
            y=[value for here in y for value in (here, here, None)],
            mode="lines",
            line={"color": colour, "width": 7},
            opacity=0.35,
            legendgroup=algorithm,
            showlegend=False,
            hoverinfo="skip",
        )
        dots = seeds[seeds["algorithm"] == algorithm]
        for mean_action, part in dots.groupby("mean_action"):
            jitter = 0 if mean_action else 0.09 * (np.arange(len(part)) % 3 - 1)
            shape = "diamond" if mean_action else "circle"
            figure.add_scatter(
                x=_left(part["score"]).round(5),
                y=np.round(np.array([place[log] + offset for log in part["log"]]) + jitter, 3),
                mode="markers",
                marker={
                    "color": colour,
                    "size": 9 if mean_action else 5,
                    "symbol": [shape + ("-open" if data else "") for data in part["data"]],
                    "line": {"width": 2, "color": colour} if mean_action else {"width": 1, "color": colour},
                },
                customdata=part["score"].round(4),
                name=f"{algorithm}, mean action" if mean_action else f"{algorithm}, a seed",
                legendgroup=algorithm,
                hovertemplate=f"{algorithm}{', mean action' if mean_action else ''}: %{{customdata}}<extra></extra>",
            )
        figure.add_scatter(
            x=_left(rows["value"]).round(5),
            y=y,
            mode="markers",
            marker={"symbol": "line-ns", "size": 17, "line": {"width": 3, "color": colour}},
            customdata=rows["value"].round(4),
            legendgroup=algorithm,
            showlegend=False,
            hovertemplate=f"{algorithm}, interquartile mean: %{{customdata}}<extra></extra>",
        )
    _score_marks(figure, marks)
    narrow = _score_axis(figure, min(-20.0, 1.25 * float(seeds["score"].min())), 0.9993)
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=list(place), range=[-0.6, len(logs) - 0.4], zeroline=False
    )
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, margin={"t": 110})
    return finish(
        figure,
        height=620,
        alt="Gap closed by every seed, a row for each log and algorithm. "
        + "; ".join(
            f"{row.log}, {row.algorithm}: interquartile mean {row.value:.3g}" for row in summaries.itertuples()
        ),
        phone={
            "height": 720,
            "margin": {"l": 92, "r": 30, "t": 110},
            "xaxis": narrow,
            "yaxis": {"tickfont": {"size": 11}},
            "legend": {"y": -0.14},
        },
    )


def seed_profiles(scores: Mapping[str, Array], marks: Mapping[str, float]) -> go.Figure:
    """The share of an algorithm's seeds that close at least so much of the gap.

    Args:
        scores: gaps closed (S,) by name; a name may go on after the algorithm's with a comma.
        marks: scores of rules, by name.
    """
    figure = go.Figure()
    worst = min(float(np.min(part)) for part in scores.values())
    for name, part in scores.items():
        ordered = np.sort(part)
        share = 1 - np.arange(len(ordered)) / len(ordered)
        figure.add_scatter(
            x=_left(np.concatenate([[worst - 10], ordered, ordered[-1:]])).round(5),
            y=np.concatenate([[1.0], share, [0.0]]).round(4),
            mode="lines",
            line={
                "color": COLOUR[name.split(",")[0]],
                "width": 2.5,
                "shape": "vh",
                "dash": "dash" if "," in name else "solid",
            },
            name=name,
            hovertemplate=f"{name}: %{{y:.0%}} of the seeds<extra></extra>",
        )
    _score_marks(figure, marks)
    narrow = _score_axis(figure, min(0.93, worst - 0.02), 0.9985, CLOSE)
    figure.update_yaxes(title="share of seeds that close at least this", range=[-0.02, 1.04], tickformat=".0%")
    figure.update_layout(legend={"y": -0.3, "yanchor": "top"}, margin={"t": 110})
    return finish(
        figure,
        height=480,
        alt="For each algorithm the share of its seeds that close at least a given part of the gap, falling from all "
        "to none; vertical lines mark the rules.",
        phone={"height": 560, "xaxis": narrow, "legend": {"y": -0.24}},
    )


def learned_maps(
    levels: Array,
    optimal: Array,
    learned: Mapping[str, Array],
    band: tuple[Array, Array],
    selected: str,
) -> go.Figure:
    """Fraction of the remaining inventory by period and liquidity: learned, the optimum's, and how far apart they are.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) the optimum's fractions.
        learned: by name, (K, G) a policy's; a slider chooses.
        band: between which levels liquidity nearly always is, (K,) each.
        selected: the name that is shown first.
    """
    names, periods = list(learned), np.arange(len(optimal))

    def shown(name: str) -> list[Any]:
        fractions = learned[name]
        return [np.round(fractions.T, 4), np.round(100 * (fractions / optimal - 1).T, 1)]

    figure = make_subplots(
        rows=1,
        cols=3,
        horizontal_spacing=0.09,
        subplot_titles=["chosen on the slider: v/x", "optimum: v/x", "excess over the optimum"],
    )
    first, apart = shown(selected)
    for column, (values, axis, unit) in enumerate(
        ((first, "coloraxis", ""), (np.round(optimal.T, 4), "coloraxis", ""), (apart, "coloraxis2", "%")), 1
    ):
        figure.add_heatmap(
            x=periods,
            y=levels,
            z=values,
            coloraxis=axis,
            hovertemplate=f"period %{{x}}, liquidity %{{y:.2f}}: %{{z}}{unit}<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes(title="period k", row=1, col=column)
    for column in (1, 2, 3):
        for end in band:
            figure.add_scatter(
                x=periods,
                y=end.round(3),
                mode="lines",
                line={"color": BAND, "width": 2},
                showlegend=False,
                hoverinfo="skip",
                row=1,
                col=column,
            )
    figure.update_yaxes(range=[float(levels.min()), float(levels.max())])
    figure.update_yaxes(title="liquidity L", row=1, col=1)
    bar = {"orientation": "h", "yanchor": "top", "y": -0.22, "thickness": 12, "outlinewidth": 0}
    figure.update_layout(
        coloraxis={
            "colorscale": "Cividis",
            "cmin": 0,
            "cmax": 0.3,
            "colorbar": {
                **bar,
                "x": 0.31,
                "len": 0.55,
                "title": {"text": "fraction", "side": "top"},
                "tickvals": [0, 0.1, 0.2, 0.3],
                "ticktext": ["0", "0.1", "0.2", "0.3 or more"],
            },
        },
        coloraxis2={
            "colorscale": SPLIT_SCALE,
            "cmin": -30,
            "cmax": 30,
            "colorbar": {
                **bar,
                "x": 0.865,
                "len": 0.27,
                "title": {"text": "% of the optimum's", "side": "top"},
                "tickvals": [-30, -15, 0, 15, 30],
                "ticktext": ["−30", "−15", "0", "15", "30"],
            },
        },
        margin={"t": 36},
    )
    changes = [{"z": shown(name)} for name in names]
    add_slider(figure, "policy", names, changes, [0, 2], names.index(selected))
    figure.layout.sliders[0].pad.t = 150
    phone: dict[str, Any] = {"height": 1180, "annotations": {}} | SMALL_SLIDER
    for i, suffix in enumerate(("", "2", "3")):
        high = 1 - 0.36 * i
        phone[f"xaxis{suffix}"] = {"domain": [0, 1], "anchor": f"y{suffix}", "title": {"text": "period k"}}
        phone[f"yaxis{suffix}"] = {"domain": [high - 0.26, high], "title": {"text": "liquidity L"}}
        phone["annotations"][i] = {"x": 0.5, "y": high}
    phone["coloraxis"] = {
        "colorbar": {"x": 0.22, "len": 0.42, "y": -0.05, "tickangle": 0, "ticktext": ["0", "0.1", "0.2", "0.3+"]}
    }
    phone["coloraxis2"] = {
        "colorbar": {
            "x": 0.76,
            "len": 0.44,
            "y": -0.05,
            "tickangle": 0,
            "tickvals": [-30, 0, 30],
            "ticktext": ["−30", "0", "30"],
        }
    }
    return finish(
        figure,
        height=600,
        alt="Three heat maps over period and liquidity: the fraction sold by a policy that the slider chooses, that of "
        "the exact optimum, and the difference in percent of the optimum's. Two lines mark where liquidity is in 95% "
        "of the episodes.",
        phone=phone,
    )


def seed_curves(
    levels: Array,
    periods: Sequence[int],
    curves: Mapping[str, Sequence[Sequence[Array]]],
    regressions: Sequence[Sequence[Array]],
    active: int = 0,
) -> go.Figure:
    """How much more than the optimum every seed sells, against liquidity, a panel an algorithm and a colour a log.

    Args:
        levels: (G,) liquidity levels.
        periods: those of the slider.
        curves: by algorithm, for every period and log the excess (S, G) of its seeds in percent of the optimum's.
        regressions: for every period and log the same (G,) of least squares.
        active: index of the period that is shown first.
    """
    figure = make_subplots(
        rows=1, cols=len(curves), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(curves)
    )

    def bundle(rows: Array) -> list[float | None]:
        """Lines in one trace, with gaps between them."""
        return [value for row in rows for value in (*np.round(row, 2).tolist(), None)]

    def parts(name: str, i: int) -> list[Any]:
        each = zip(curves[name][i], regressions[i], strict=True)
        return [line for seeds, least in each for line in (bundle(seeds), np.round(least, 2))]

    logs = range(len(regressions[0]))
    for p, name in enumerate(curves):
        lines = parts(name, active)
        for log in logs:
            colour = (LIQUIDITY, CONTRAST)[log % 2]
            seeds = len(curves[name][active][log])
            figure.add_scatter(
                x=bundle(np.tile(levels, (seeds, 1))),
                y=lines[2 * log],
                mode="lines",
                line={"color": colour, "width": 1.2},
                name=f"seeds, log {log}",
                legendgroup=f"seeds {log}",
                showlegend=p == 0,
                hovertemplate=f"{name}, log {log}, L = %{{x:.2f}}: %{{y:.1f}}%<extra></extra>",
                row=1,
                col=p + 1,
            )
            figure.add_scatter(
                x=np.round(levels, 3),
                y=lines[2 * log + 1],
                mode="lines",
                line={"color": colour, "width": 3, "dash": "dot"},
                name=f"least squares, log {log}",
                legendgroup=f"least squares {log}",
                showlegend=p == 0,
                hovertemplate=f"least squares, log {log}, L = %{{x:.2f}}: %{{y:.1f}}%<extra></extra>",
                row=1,
                col=p + 1,
            )
    changes = [{"y": [line for name in curves for line in parts(name, i)]} for i in range(len(periods))]
    add_slider(figure, "period k", [str(k) for k in periods], changes, list(range(2 * len(logs) * len(curves))), active)
    figure.add_hline(y=0, line={"color": COLOURS["optimum"], "width": 2})
    every = [np.abs(seeds).max() for part in curves.values() for logs_of in part for seeds in logs_of]
    every += [np.abs(least).max() for part in regressions for least in part]
    top = 1.05 * float(np.max(every))
    figure.update_xaxes(title="liquidity L", range=[float(levels.min()), float(levels.max())])
    figure.update_yaxes(range=[-top, top])
    figure.update_yaxes(title="excess over the optimum (%)", row=1, col=1)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 90})
    phone = stack_panels(figure, len(curves), 520 * len(curves) - 140, 0.16, shared_y=True) | SMALL_SLIDER
    phone["legend"] = {"y": 1.05}
    phone["margin"] = {"t": 130}
    return finish(
        figure,
        height=500,
        alt="How much more than the optimum each seed sells in one period, against liquidity, a panel an algorithm. "
        "The lines of one log run together, and the logs differ; dotted lines are least squares on the same logs.",
        phone=phone,
    )


def regret_parts(by_period: Mapping[str, Array], by_level: Mapping[str, Array], middles: Array) -> go.Figure:
    """What mistakes cost, by the period and by the liquidity in which they are made.

    Args:
        by_period: dollars (N - 1,) by policy; a name that ends in ", a seed" is drawn dotted.
        by_level: dollars (B,) by policy and bin of liquidity.
        middles: (B,) of the bins.
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=["By the period", "By the liquidity at the time"]
    )
    for col, parts in enumerate((by_period, by_level), 1):
        for name, values in parts.items():
            base = name.removesuffix(", a seed")
            figure.add_scatter(
                x=np.arange(len(values)) if col == 1 else middles.round(3),
                y=np.round(values, 5),
                mode="lines",
                name=name,
                legendgroup=name,
                showlegend=col == 1,
                line={
                    "color": COLOUR[base],
                    "width": 2 if base != name else 3,
                    "dash": "dot" if base != name else "solid",
                },
                hovertemplate=f"{name}: $%{{y:.3f}}<extra></extra>",
                row=1,
                col=col,
            )
    figure.update_xaxes(title="period k", row=1, col=1)
    figure.update_xaxes(title="liquidity L", row=1, col=2)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title="cost of mistakes ($)", row=1, col=1)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 100})
    phone = stack_panels(figure, 2, 800, 0.16)
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 150}
    phone["yaxis2"] |= {"title": {"text": "cost of mistakes ($)"}}
    return finish(
        figure,
        height=440,
        alt="Expected cost of mistakes in dollars. First panel: by period, for policies that were learned and for "
        "rules. Second: by the level of liquidity at which they are made.",
        phone=phone,
    )


def support_decides(
    seeds: pd.DataFrame, means: pd.DataFrame, behaviours: pd.DataFrame, marks: Mapping[str, float]
) -> go.Figure:
    """J above the optimum against how much of the optimum's behaviour is in the data.

    Args:
        seeds: a row a seed: algorithm, overlap, excess (percent of the optimum's J).
        means: the same for mean actions.
        behaviours: a row for every log: log, overlap, excess of who traded.
        marks: excess of rules, by name.
    """
    figure = go.Figure()
    algorithms = list(dict.fromkeys(seeds["algorithm"]))
    for i, algorithm in enumerate(algorithms):
        shift = 0.018 * (i - (len(algorithms) - 1) / 2)
        for rows, mean_action in ((seeds, False), (means, True)):
            part = rows[rows["algorithm"] == algorithm].sort_values("overlap")
            figure.add_scatter(
                x=(part["overlap"] + shift).round(4),
                y=part["excess"].round(4),
                mode="lines+markers" if mean_action else "markers",
                line={"color": COLOUR[algorithm], "width": 1.5},
                marker={
                    "color": COLOUR[algorithm],
                    "size": 11 if mean_action else 5,
                    "symbol": "diamond" if mean_action else "circle",
                },
                name=f"{algorithm}, mean action" if mean_action else f"{algorithm}, a seed",
                hovertemplate=f"{algorithm}: %{{y:.3g}}% above the optimum<extra></extra>",
            )
    figure.add_scatter(
        x=behaviours["overlap"].round(4),
        y=behaviours["excess"].round(3),
        mode="markers+text",
        text=behaviours["log"],
        textposition=["top right", "top center", "bottom left"][: len(behaviours)],
        marker={"color": NEUTRAL, "size": 13, "symbol": "square-open", "line": {"width": 2}},
        name="who was logged",
        hovertemplate="%{text}: %{y:.3g}% above the optimum<extra></extra>",
    )
    for name, excess in marks.items():
        figure.add_hline(y=excess, line={"color": COLOUR.get(name, NEUTRAL), "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            text=name, x=-0.04, y=np.log10(excess), xanchor="left", yanchor="bottom", showarrow=False, font={"size": 12}
        )
    low = min(float(seeds["excess"].min()), float(means["excess"].min()), *marks.values())
    high = max(float(seeds["excess"].max()), float(behaviours["excess"].max()))
    figure.update_xaxes(title="overlap: share of the optimum's decisions inside the data", range=[-0.06, 1.06])
    figure.update_yaxes(
        type="log",
        title="above the exact optimum (% of J)",
        range=np.log10([0.6 * low, 2.2 * high]).tolist(),
        tickvals=[0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    )
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"})
    return finish(
        figure,
        height=560,
        alt="Cost above the exact optimum on a logarithmic axis against the overlap of the log. With an overlap of "
        "zero all learners are where TWAP is; where everything is covered the learners are far below who was logged.",
        phone={"height": 660, "xaxis": {"title": {"text": "overlap with the optimum"}}, "legend": {"y": -0.17}},
    )
