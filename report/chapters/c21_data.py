"""Figures of *What the data must contain*: behaviours, leashes, amounts and parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, NEUTRAL, SMALL_SLIDER, add_slider, clear, finish, stack_panels
from report.chapters.c16_learned import COLOUR

__all__ = ["Reach", "amounts", "by_behaviour", "parts", "quality_and_breadth", "within_reach"]

Array = NDArray[np.float64]

MARKS = [0.9999, 0.999, 0.99, 0.9, 0, -9, -39]
"""Marks of an axis of gaps closed that is logarithmic in what is left."""

FINER = [0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0, -2, -5, -10, -20, -40]
"""The marks of a narrower range."""

SMALLEST = 1e-5
"""What is left open is drawn as this at least."""

NEAR_ZERO = 0.002
"""Differences below this are drawn on a linear scale, those above on a logarithmic one."""

SHAPES = {"TD3+BC": "circle", "BCQ": "square", "behaviour cloning": "diamond", "fitted model": "x"}
"""One marker an algorithm."""

FITTED = "#3f9c95"
COLOUR_OF = COLOUR | {"fitted model": FITTED}


class Reach(NamedTuple):
    """What a log lets a learner do, as multiples of TWAP's fraction by period, (N - 1,) each."""

    low: Array
    """end of the central 95% of the logged actions"""
    high: Array
    """the other end"""
    furthest: Array
    """the fastest trade within BCQ's reach"""
    tied: Array
    """TD3+BC's with a perfect critic, at normal liquidity"""


def _left(scores: Any) -> Array:
    """What gaps closed leave open."""
    return np.asarray(np.maximum(1 - np.asarray(scores, dtype=np.float64), SMALLEST), dtype=np.float64)


def _axis(worst: float, best: float, marks: Sequence[float] = MARKS) -> dict[str, Any]:
    """A logarithmic axis of what is left, labelled by the gap closed, better to the right or top."""
    ticks = [score for score in marks if worst <= score <= best]
    return {
        "type": "log",
        "range": np.log10([_left(worst), _left(best)]).round(4).tolist(),
        "tickvals": [round(1 - score, 6) for score in ticks],
        "ticktext": [f"{score:g}".replace("-", "−") for score in ticks],
        "tickangle": 0,
        "zeroline": False,
    }


def _signed(scores: Any) -> list[str]:
    return [f"{score:.3f}".replace("-", "−") for score in scores]


def _split(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each algorithm, in their order."""
    return [(str(name), part) for name, part in rows.groupby("algorithm", sort=False)]


def _errors(rows: pd.DataFrame) -> dict[str, Any]:
    """Error bars of an axis of what is left."""
    value, low, high = (_left(rows[name]) for name in ("value", "low", "high"))
    return {
        "type": "data",
        "symmetric": False,
        "array": (low - value).clip(min=0).round(6),
        "arrayminus": (value - high).clip(min=0).round(6),
        "thickness": 1.5,
        "width": 3,
    }


def quality_and_breadth(points: pd.DataFrame) -> go.Figure:
    """What learners make of a log, against how good its trader was and against how much it covers.

    Args:
        points: a row a log and algorithm: algorithm, log (a short name), quality (gap closed by the logged trading),
            overlap (share of the optimum's decisions), value, low and high.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        subplot_titles=["how good the trader was", "how much the log covers"],
    )
    worst = min(float(points["low"].min()), float(points["quality"].min())) * 1.25
    span = [worst, 0.0]
    figure.add_scatter(
        x=_left(span),
        y=_left(span),
        mode="lines",
        line={"color": "gray", "dash": "dot"},
        name="as good as the trader",
        hoverinfo="skip",
        row=1,
        col=1,
    )
    for algorithm, rows in _split(points):
        for column, x in ((1, _left(rows["quality"])), (2, 100 * rows["overlap"])):
            figure.add_scatter(
                x=np.round(x, 4),
                y=_left(rows["value"]).round(6),
                error_y=_errors(rows),
                mode="markers",
                marker={"color": COLOUR_OF[algorithm], "symbol": SHAPES[algorithm], "size": 9},
                customdata=np.stack([rows["log"], _signed(rows["value"]), _signed(rows["quality"])], axis=1),
                name=algorithm,
                legendgroup=algorithm,
                showlegend=column == 1,
                hovertemplate=f"{algorithm}, %{{customdata[0]}}: %{{customdata[1]}}, trader %{{customdata[2]}}"
                "<extra></extra>",
                row=1,
                col=column,
            )
    figure.update_yaxes(**_axis(worst, 0.9995))
    figure.update_yaxes(title="gap closed by the learner", row=1, col=1)
    figure.update_xaxes(**_axis(worst, 0.0, [-39, -19, -9, -4, 0]), title="gap closed by the trader", row=1, col=1)
    figure.update_xaxes(title="overlap with the optimum (%)", range=[-4, 104], row=1, col=2)
    figure.update_xaxes(title_standoff=8)
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, margin={"t": 50})
    phone = stack_panels(figure, 2, 860, 0.13, shared_y=True)
    phone["yaxis2"] |= {"title": {"text": "gap closed by the learner"}}
    phone["xaxis"] |= {"title": {"standoff": 6}}
    phone["xaxis2"] |= {"title": {"standoff": 6}}
    phone["legend"] = {"y": -0.1}
    return finish(
        figure,
        height=470,
        alt="Gap closed by learners on eight logs. Against the gap closed by who was logged there is no pattern; "
        "against the overlap of the log BCQ's scores rise from TWAP's to nearly 1. "
        + "; ".join(f"{row.algorithm}, {row.log}: {row.value:.2f}" for row in points.itertuples()),
        phone=phone,
    )


def by_behaviour(learned: pd.DataFrame, predicted: pd.DataFrame, traders: Mapping[str, float]) -> go.Figure:
    """A row a log: who traded, what was learned, and what was predicted without training.

    Args:
        learned: log, algorithm, value, low and high.
        predicted: log, algorithm and value.
        traders: gap closed by the logged trading, by log, in the order of the rows.
    """
    figure = go.Figure()
    place = {log: len(traders) - 1 - i for i, log in enumerate(traders)}
    figure.add_scatter(
        x=_left(list(traders.values())).round(4),
        y=list(place.values()),
        mode="markers",
        marker={"symbol": "line-ns", "size": 22, "line": {"width": 3, "color": NEUTRAL}},
        customdata=_signed(traders.values()),
        name="who was logged",
        hovertemplate="who was logged: %{customdata}<extra></extra>",
    )
    worst = min([*traders.values(), float(learned["low"].min()), float(predicted["value"].min())])
    for i, (algorithm, rows) in enumerate(_split(learned)):
        colour, offset = COLOUR_OF[algorithm], 0.25 * (1 - i)
        figure.add_scatter(
            x=_left(rows["value"]).round(6),
            y=[place[log] + offset for log in rows["log"]],
            error_x=_errors(rows),
            mode="markers",
            marker={"color": colour, "symbol": SHAPES[algorithm], "size": 9},
            customdata=_signed(rows["value"]),
            name=f"{algorithm}, learned",
            hovertemplate=f"{algorithm}, learned: %{{customdata}}<extra></extra>",
        )
        found = predicted[predicted["algorithm"] == algorithm]
        figure.add_scatter(
            x=_left(found["value"]).round(6),
            y=[place[log] + offset for log in found["log"]],
            mode="markers",
            marker={
                "color": colour,
                "symbol": f"{SHAPES[algorithm]}-open",
                "size": 15,
                "line": {"width": 1.5, "color": colour},
            },
            customdata=_signed(found["value"]),
            name=f"{algorithm}, predicted",
            showlegend=False,
            hovertemplate=f"{algorithm}, predicted: %{{customdata}}<extra></extra>",
        )
    open_mark = {"color": NEUTRAL, "symbol": "circle-open", "size": 15, "line": {"width": 1.5, "color": NEUTRAL}}
    figure.add_scatter(x=[None], y=[None], mode="markers", marker=open_mark, name="predicted (open)")
    axis = _axis(1.3 * worst, 0.99995, [0.9999, 0.999, 0.99, 0.9, 0.5, 0, -3, -9, -39])
    figure.update_xaxes(**axis, title="gap closed (0: best schedule, 1: optimum; logarithmic in what is left)")
    figure.update_xaxes(title_standoff=8)
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=list(place), range=[-0.6, len(place) - 0.4], zeroline=False
    )
    figure.update_layout(legend={"y": -0.16, "yanchor": "top"}, margin={"t": 20})
    few = _axis(1.3 * worst, 0.99995, [0.999, 0.99, 0.9, 0, -9])
    return finish(
        figure,
        height=560,
        alt="For each log the gap closed by who was logged, by three learners, and what a calculation without training "
        "predicted for them. "
        + "; ".join(f"{row.algorithm}, {row.log}: {row.value:.2f}" for row in learned.itertuples()),
        phone={
            "height": 660,
            "margin": {"l": 86, "r": 16},
            "xaxis": {**few, "title": {"text": "gap closed"}, "tickfont": {"size": 11}},
            "yaxis": {"tickfont": {"size": 11}},
            "legend": {"y": -0.12},
        },
    )


def within_reach(reaches: Mapping[str, Reach], optimum: tuple[Array, Array, Array], selected: str) -> go.Figure:
    """By period, what was logged, how far a learner may go from it, and what the optimum does; a slider of logs.

    Args:
        reaches: by log.
        optimum: (N - 1,) low, median and high multiples of TWAP's fraction that the optimum takes.
        selected: the log that is shown first.
    """
    names, periods = list(reaches), np.arange(len(optimum[0]))
    around = np.concatenate([periods, periods[::-1]])

    def shown(name: str) -> list[Array]:
        part = reaches[name]
        band = np.concatenate([part.high, part.low[::-1]])
        return [np.round(values, 4) for values in (band, part.furthest, part.tied)]

    first = shown(selected)
    figure = go.Figure()
    figure.add_scatter(
        x=around,
        y=first[0],
        mode="lines",
        fill="toself",
        line={"color": NEUTRAL, "width": 1},
        fillcolor="rgba(140,140,140,0.3)",
        name="logged (central 95%)",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=around,
        y=np.concatenate([optimum[2], optimum[0][::-1]]).round(4),
        mode="lines",
        fill="toself",
        line={"color": COLOURS["optimum"], "width": 0},
        fillcolor=clear(COLOURS["optimum"], 0.25),
        showlegend=False,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=periods,
        y=optimum[1].round(4),
        mode="lines",
        line={"color": COLOURS["optimum"], "width": 2.5},
        name="optimum (median, 95%)",
        hovertemplate="optimum, period %{x}: %{y:.2f}<extra></extra>",
    )
    for values, name, colour, dash in (
        (first[1], "BCQ's furthest", COLOURS["BCQ"], "dash"),
        (first[2], "TD3+BC, tied", COLOURS["TD3+BC"], "solid"),
    ):
        figure.add_scatter(
            x=periods,
            y=values,
            mode="lines",
            line={"color": colour, "width": 2.5, "dash": dash},
            name=name,
            hovertemplate=f"{name}, period %{{x}}: %{{y:.2f}}<extra></extra>",
        )
    add_slider(figure, "log", names, [{"y": shown(name)} for name in names], [0, 3, 4], names.index(selected))
    every = [values for part in reaches.values() for values in part] + list(optimum)
    low, high = min(values.min() for values in every), max(values.max() for values in every)
    figure.update_xaxes(title="period k", title_standoff=6)
    figure.update_yaxes(
        title="fraction sold, as a multiple of TWAP's",
        type="log",
        range=np.log10([max(0.9 * low, 0.1), 1.1 * high]).tolist(),
        tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10, 20],
    )
    return finish(
        figure,
        height=520,
        alt="By period, as multiples of TWAP's fraction: the central 95% of what a log holds, the optimum's actions, "
        "the fastest trade within BCQ's reach and TD3+BC's action with a perfect critic, for the log on the slider. "
        "With little noise the optimum's early trades are out of reach.",
        phone={"height": 560, "yaxis": {"title": {"text": "multiple of TWAP's fraction"}}} | SMALL_SLIDER,
    )


def amounts(episodes: pd.DataFrame, steps: pd.DataFrame, agents: pd.DataFrame) -> go.Figure:
    """Gap closed against logged episodes and against gradient steps.

    Args:
        episodes: algorithm, amount, value, low and high.
        steps: the same.
        agents: a row an agent: panel ("episodes" or "steps"), algorithm, amount and score.
    """
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    ranges = {}
    for column, (panel, table) in enumerate((("episodes", episodes), ("steps", steps)), 1):
        dots = agents[agents["panel"] == panel]
        for i, (algorithm, rows) in enumerate(_split(table)):
            colour, nudge = COLOUR_OF[algorithm], 1.06 ** (i - 0.5)
            here = dots[dots["algorithm"] == algorithm]
            figure.add_scatter(
                x=(here["amount"] * nudge).round(2),
                y=_left(here["score"]).round(7),
                mode="markers",
                marker={"color": colour, "size": 4, "opacity": 0.5},
                cliponaxis=False,
                showlegend=False,
                customdata=_signed(here["score"]),
                hovertemplate=f"{algorithm}, an agent: %{{customdata}}<extra></extra>",
                row=1,
                col=column,
            )
            figure.add_scatter(
                x=(rows["amount"] * nudge).round(2),
                y=_left(rows["value"]).round(7),
                error_y=_errors(rows),
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={"symbol": SHAPES[algorithm], "size": 8},
                name=algorithm,
                legendgroup=algorithm,
                showlegend=column == 1,
                customdata=_signed(rows["value"]),
                hovertemplate=f"{algorithm}: %{{customdata}}<extra></extra>",
                row=1,
                col=column,
            )
        scores = np.concatenate([dots["score"], table["low"], table["high"]])
        ranges[panel] = (float(scores.min()), float(scores.max()))
        marks = FINER if panel == "steps" else [0.9999, 0.999, 0.99, 0.95, 0.9, 0.5, 0]
        low, high = (1 - 1.3 * (1 - ranges[panel][0]), 1 - 0.7 * (1 - ranges[panel][1]))
        figure.update_yaxes(**_axis(low, high, marks), row=1, col=column)
        ticks = sorted(set(table["amount"]))
        figure.update_xaxes(
            type="log",
            tickvals=ticks,
            ticktext=[f"{tick:,}" for tick in ticks],
            title="episodes in the log" if panel == "episodes" else "gradient steps",
            tickangle=0,
            row=1,
            col=column,
        )
    figure.update_yaxes(title="gap closed", row=1, col=1)
    figure.update_xaxes(title_standoff=8)
    figure.update_layout(legend={"y": -0.22, "yanchor": "top"}, margin={"t": 24})
    phone = stack_panels(figure, 2, 830, 0.12)
    del phone["annotations"]  # the axes say what the panels show
    phone["yaxis2"] |= {"title": {"text": "gap closed"}}
    phone["xaxis"] |= {"title": {"standoff": 6}}
    phone["xaxis2"] |= {"title": {"standoff": 6}}
    phone["legend"] = {"y": -0.1}
    return finish(
        figure,
        height=470,
        alt="Gap closed against the number of logged episodes and of gradient steps, with intervals, for two learners "
        "and for a model fitted to the same logs. "
        + "; ".join(f"{row.algorithm}, {row.amount:,} episodes: {row.value:.4f}" for row in episodes.itertuples()),
        phone=phone,
    )


def parts(differences: pd.DataFrame, pairs: pd.DataFrame) -> go.Figure:
    """Paired differences of gap closed to the base, a row a part that was taken away.

    Args:
        differences: part, algorithm, value, low and high, in the order of the rows.
        pairs: a row a pair of agents: part, algorithm and value.
    """
    figure = go.Figure()
    names = list(dict.fromkeys(differences["part"]))
    place = {name: len(names) - 1 - i for i, name in enumerate(names)}

    def drawn(values: Any) -> Array:
        return np.asarray(np.arcsinh(np.asarray(values, dtype=np.float64) / NEAR_ZERO), dtype=np.float64)

    for i, (algorithm, rows) in enumerate(_split(differences)):
        value, low, high = (drawn(rows[name]) for name in ("value", "low", "high"))
        each = pairs[pairs["algorithm"] == algorithm]
        figure.add_scatter(
            x=drawn(each["value"]).round(4),
            y=[place[name] + 0.14 - 0.28 * i for name in each["part"]],
            mode="markers",
            marker={"color": COLOUR_OF[algorithm], "size": 4, "opacity": 0.6},
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=value.round(4),
            y=[place[name] + 0.14 - 0.28 * i for name in rows["part"]],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (high - value).round(4),
                "arrayminus": (value - low).round(4),
                "thickness": 2,
                "width": 4,
            },
            mode="markers",
            marker={"color": COLOUR_OF[algorithm], "symbol": SHAPES[algorithm], "size": 9},
            customdata=[f"{v:+.4f}".replace("-", "−") for v in rows["value"]],
            name=algorithm,
            hovertemplate=f"{algorithm}: %{{customdata}}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": "gray", "width": 1.5, "dash": "dot"})
    every = pd.concat([differences["low"], differences["high"], pairs["value"]])
    ends = [float(every.min()), float(every.max())]
    ticks = [t for t in (-100, -10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10) if 1.3 * ends[0] <= t <= 1.3 * ends[1]]
    low, high = drawn([1.3 * ends[0], 1.3 * ends[1]])
    figure.update_xaxes(
        title=f"change of gap closed (logarithmic beyond ±{NEAR_ZERO:g})",
        tickvals=drawn(ticks).round(4).tolist(),
        ticktext=[f"{t:+g}".replace("-", "−") if t else "0" for t in ticks],
        range=[float(low), float(high)],
        zeroline=False,
        tickangle=0,
    )
    figure.update_yaxes(tickvals=list(place.values()), ticktext=names, range=[-0.6, len(names) - 0.4], zeroline=False)
    figure.update_layout(margin={"t": 46})
    few = [t for t in ticks if t in (-100, -1, -0.01, 0, 0.01, 1)]
    return finish(
        figure,
        height=460,
        alt="What taking one part of the learners away does to the gap closed, with 95% intervals over pairs. "
        + "; ".join(f"{row.part}, {row.algorithm}: {row.value:+.3f}" for row in differences.itertuples()),
        phone={
            "height": 560,
            "margin": {"l": 110, "r": 14},
            "xaxis": {
                "title": {"text": "change of gap closed"},
                "tickvals": drawn(few).round(4).tolist(),
                "ticktext": [f"{t:+g}".replace("-", "−") if t else "0" for t in few],
                "tickfont": {"size": 11},
            },
            "yaxis": {"tickfont": {"size": 11}},
        },
    )
