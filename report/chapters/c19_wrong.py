"""Figures of *When the model is wrong*: how far off a plan may be before a learner is ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from optexec.figures.style import COLOURS, LIQUIDITY, NEUTRAL, SMALL_SLIDER, add_slider, clear, finish

__all__ = ["blind_scores", "error_curves", "form_curves", "turning_bars"]

Array = NDArray[np.float64]

FITTED = LIQUIDITY
"""Colour of a model fitted to the log with the right form."""

MISFIT = "#6b7f8f"
"""Colour of a model fitted to the log with a wrong form."""

KINDS = {
    "plan": COLOURS["optimum"],
    "rule": COLOURS["rolling"],
    "fit": FITTED,
    "TD3+BC": COLOURS["TD3+BC"],
    "BCQ": COLOURS["BCQ"],
    "none": COLOURS["AC"],
}
"""Colours of those who trade blind."""

NEAR, FAR = 2e-4, 65.0
"""Ends of an axis of what is left of the gap."""

MARKS = (0.999, 0.99, 0.95, 0.8, 0, -4, -16, -64)
"""Gaps closed that are marked on such an axis."""

FACTORS = {0.25: "¼", 0.5: "½", 0.8: "0.8", 1.0: "1", 1.25: "1.25", 2.0: "2", 4.0: "4"}
"""Marks of an axis of factors."""


def _left(scores: Any) -> Array:
    """What a gap closed leaves open, inside the axis."""
    return np.clip(1 - np.asarray(scores, dtype=np.float64), NEAR, FAR)


def _score_axis(worst: float) -> dict[str, Any]:
    """A logarithmic axis of what is left, labelled by the gap closed, better further up."""
    marks = [mark for mark in MARKS if mark >= worst]
    return {
        "type": "log",
        "range": [float(np.log10(1.15 * (1 - worst))), float(np.log10(0.8 * NEAR))],
        "tickvals": [round(1 - mark, 4) for mark in marks],
        "ticktext": [f"{mark:g}".replace("-", "−") for mark in marks],
    }


def _factor_axis(figure: go.Figure, marks: Sequence[float], title: str) -> None:
    reach = 1.06 * np.log10(4)
    figure.update_xaxes(
        type="log",
        range=[-reach, reach],
        tickvals=list(marks),
        ticktext=[FACTORS[mark] for mark in marks],
        title=title,
    )


def turning_bars(bars: pd.DataFrame, estimates: Mapping[str, Array]) -> go.Figure:
    """For each parameter, between which factors of error a plan is ahead of the learner.

    Args:
        bars: a row for every parameter, planner ("optimum", "rolling") and end ("low", "value", "high", of the
            learner's interval that the plan is compared with): lower and upper factor, NaN where the plan is nowhere
            ahead, and open_lower and open_upper, whether the bar goes on beyond what was tried.
        estimates: by parameter, the factors by which estimates from single logs were off.
    """
    parameters, planners = list(dict.fromkeys(bars["parameter"])), list(dict.fromkeys(bars["planner"]))
    place = {parameter: len(parameters) - 1 - i for i, parameter in enumerate(parameters)}
    offset = {planner: 0.2 - 0.4 * i for i, planner in enumerate(planners)}
    figure = go.Figure()
    for planner in planners:
        colour = COLOURS[planner]
        for end, width, opacity in (("low", 6, 0.35), ("value", 13, 0.45), ("high", 13, 0.9)):
            rows = bars[(bars["planner"] == planner) & (bars["end"] == end)].dropna(subset=["lower"])
            x: list[float | None] = []
            y: list[float | None] = []
            for row in rows.itertuples():
                x += [round(row.lower, 4), round(row.upper, 4), None]
                y += [place[row.parameter] + offset[planner]] * 2 + [None]
            figure.add_scatter(
                x=x,
                y=y,
                mode="lines",
                line={"color": clear(colour, opacity), "width": width},
                name=planner,
                legendgroup=planner,
                showlegend=end == "high",
                hoverinfo="skip",
            )
        rows = bars[(bars["planner"] == planner) & (bars["end"] == "value")]
        for row in rows.itertuples():
            there = place[row.parameter] + offset[planner]
            none = bool(np.isnan(row.lower))
            lower = "¼" if row.open_lower else f"{row.lower:.2f}"
            upper = f"{row.upper:.2f}"
            text = "nowhere" if none else f"{lower} to {upper}"
            text += " and beyond" if row.open_upper and not none else ""
            ends = bars[(bars["planner"] == planner) & (bars["parameter"] == row.parameter)]["upper"]
            right = float(np.nanmax(np.append(ends, 1.0)))
            figure.add_scatter(
                x=[round(right * 1.06, 4)],
                y=[there],
                mode="text",
                text=[text],
                textposition="middle right",
                textfont={"size": 11, "color": colour},
                cliponaxis=False,
                showlegend=False,
                hovertemplate=f"{planner}, {row.parameter}: {text}<extra></extra>",
            )
    for i, (parameter, factors) in enumerate(estimates.items()):
        figure.add_scatter(
            x=np.round(factors, 4),
            y=[place[parameter] - 0.43] * len(factors),
            mode="markers",
            marker={"color": FITTED, "size": 5, "symbol": "diamond"},
            name="estimates, a log each",
            legendgroup="estimates",
            showlegend=i == 0,
            hovertemplate=f"{parameter}, estimated: %{{x:.3f}}×<extra></extra>",
        )
    figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1}, layer="below")
    _factor_axis(figure, [0.25, 0.5, 0.8, 1, 1.25, 2, 4], "believed / true")
    figure.update_yaxes(
        tickvals=list(place.values()),
        ticktext=[name.replace(", ", ",<br>") for name in place],
        range=[-0.65, len(parameters) - 0.5],
        zeroline=False,
        showgrid=False,
    )
    figure.update_layout(margin={"t": 60})
    return finish(
        figure,
        height=480,
        alt="For each parameter the range of misjudgement within which a plan is ahead of the learner. "
        + "; ".join(
            f"{row.parameter}: "
            + ("nowhere" if np.isnan(row.lower) else f"from {row.lower:.2f} to {row.upper:.2f} times the truth")
            for row in bars[(bars["planner"] == planners[0]) & (bars["end"] == "value")].itertuples()
        ),
        phone={
            "height": 560,
            "margin": {"l": 70, "r": 36, "t": 84},
            "yaxis": {"tickfont": {"size": 11}},
            "xaxis": {"tickvals": [0.25, 0.5, 1, 2, 4], "ticktext": ["¼", "½", "1", "2", "4"]},
        },
    )


def error_curves(
    curves: Mapping[str, pd.DataFrame], learner: tuple[float, float, float], selected: str, name: str = "TD3+BC"
) -> go.Figure:
    """Gap closed by plans against the factor by which one parameter is misjudged; a slider chooses the parameter.

    Args:
        curves: by parameter, a frame indexed by the factor with a column a planner.
        learner: gap closed, and both ends of its interval.
        selected: the parameter that is shown first.
        name: of the learner.
    """
    value, low, high = learner
    parameters, planners = list(curves), list(next(iter(curves.values())).columns)
    ends = [0.25, 4.0]
    figure = go.Figure()
    colour = COLOURS[name]
    figure.add_scatter(
        x=[*ends, *ends[::-1]],
        y=np.repeat(_left([low, high]), 2).round(5),
        fill="toself",
        fillcolor=clear(colour, 0.3),
        mode="lines",
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=ends,
        y=_left([value, value]).round(5),
        mode="lines",
        line={"color": colour, "width": 2, "dash": "dash"},
        name=f"{name}, 95%",
        hovertemplate=f"{name}: {value:.3f} ({low:.3f} to {high:.3f})<extra></extra>",
    )

    def shown(frame: pd.DataFrame, planner: str) -> tuple[Any, Any, Any]:
        return (
            np.round(frame.index.to_numpy(dtype=np.float64), 4),
            _left(frame[planner]).round(5),
            [f"{score:.3f}".replace("-", "−") for score in frame[planner]],
        )

    for planner in planners:
        x, y, words = shown(curves[selected], planner)
        figure.add_scatter(
            x=x,
            y=y,
            customdata=words,
            mode="lines",
            line={"color": COLOURS[planner], "width": 2.5},
            name=planner,
            hovertemplate=f"{planner}, believed %{{x:.2f}}×: %{{customdata}}<extra></extra>",
        )
    changes = []
    for parameter in parameters:
        parts = [shown(curves[parameter], planner) for planner in planners]
        keys = ("x", "y", "customdata")
        changes.append({key: [part[i] for part in parts] for i, key in enumerate(keys)})
    add_slider(figure, "misjudged", parameters, changes, list(range(2, 2 + len(planners))), parameters.index(selected))
    worst = min(float(frame.min().min()) for frame in curves.values())
    figure.add_hline(y=1.0, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    _factor_axis(figure, [0.25, 0.5, 0.8, 1, 1.25, 2, 4], "believed / true")
    figure.update_yaxes(title="gap closed (1: optimum)", **_score_axis(max(worst, -60.0)))
    return finish(
        figure,
        height=500,
        alt="Gap closed by the rolling rule and the optimum against the factor by which one parameter is misjudged, "
        f"beside the learner's {value:.3f} ({low:.3f} to {high:.3f}). A slider chooses among "
        f"{', '.join(parameters)}.",
        phone={
            "height": 520,
            "xaxis": {"tickvals": [0.25, 0.5, 1, 2, 4], "ticktext": ["¼", "½", "1", "2", "4"]},
            **SMALL_SLIDER,
        },
    )


LINES = {
    "fitted, right form": (FITTED, "solid"),
    "fitted, wrong form": (MISFIT, "dash"),
    "optimum, q ignored": (COLOURS["optimum"], "solid"),
    "rolling": (COLOURS["rolling"], "solid"),
    "TD3+BC": (COLOURS["TD3+BC"], "solid"),
    "BCQ": (COLOURS["BCQ"], "solid"),
}
"""Colour and dash of those who meet transient impact."""


def form_curves(lines: Mapping[str, pd.DataFrame], floor: float = -0.3) -> go.Figure:
    """Gap closed against transient impact q, by who knew of it.

    Args:
        lines: by name (keys of `LINES`), a frame indexed by q [$/share per share] with value, low and high.
        floor: what is lower is drawn here.
    """
    figure = go.Figure()
    for name, frame in lines.items():
        colour, dash = LINES[name]
        q = 1000 * frame.index.to_numpy(dtype=np.float64)
        low, high, value = (
            np.maximum(frame[key].to_numpy(dtype=np.float64), floor) for key in ("low", "high", "value")
        )
        if len(q) > 2:
            figure.add_scatter(
                x=np.concatenate([q, q[::-1]]).round(4),
                y=np.concatenate([low, high[::-1]]).round(4),
                fill="toself",
                fillcolor=clear(colour, 0.2),
                mode="lines",
                line={"width": 0},
                legendgroup=name,
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=q.round(4),
            y=value.round(4),
            customdata=[
                f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})".replace("-", "−") for row in frame.itertuples()
            ],
            error_y=None
            if len(q) > 2
            else {"array": (high - value).round(4), "arrayminus": (value - low).round(4), "color": colour},
            mode="lines+markers" if len(q) > 2 else "markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"size": 6 if len(q) > 2 else 10, "symbol": "circle" if len(q) > 2 else "diamond"},
            name=name,
            legendgroup=name,
            hovertemplate=f"{name}, q = %{{x}}·10⁻³: %{{customdata}}<extra></extra>",
        )
    figure.add_hline(y=0.0, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="transient impact q (10⁻³ $/share per share)")
    figure.update_yaxes(title="gap closed (1: optimum)", range=[floor, 1.04])
    figure.update_layout(margin={"t": 60}, legend={"traceorder": "normal"})
    return finish(
        figure,
        height=480,
        alt="Gap closed against transient impact. "
        + "; ".join(f"{name} ends at {frame['value'].iloc[-1]:.2f}" for name, frame in lines.items()),
        phone={"height": 560, "margin": {"t": 110}, "xaxis": {"title": {"text": "q (10⁻³ $/share per share)"}}},
    )


def blind_scores(rows: pd.DataFrame, bound: float, floor: float = -0.12) -> go.Figure:
    """Gap closed by those who do not see liquidity.

    Args:
        rows: indexed by name, best last: value, low, high, and kind (key of `KINDS`).
        bound: what the best policy closes that is told the last level.
        floor: what is lower is drawn here, with its number.
    """
    figure = go.Figure()
    for name, row in rows.iterrows():
        colour, below = KINDS[row["kind"]], row["value"] < floor
        value = max(float(row["value"]), floor)
        figure.add_scatter(
            x=[round(value, 4)],
            y=[name],
            error_x=None
            if below
            else {
                "array": [round(float(row["high"]) - value, 4)],
                "arrayminus": [round(value - float(row["low"]), 4)],
                "color": colour,
                "thickness": 2,
            },
            mode="markers+text" if below else "markers",
            text=[f"{row['value']:.2f}".replace("-", "−")] if below else None,
            textposition="middle right",
            textfont={"color": colour, "size": 12},
            marker={"color": colour, "size": 10, "symbol": "triangle-left" if below else "circle"},
            showlegend=False,
            hovertemplate=f"{name}: {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})<extra></extra>".replace(
                "-", "−"
            ),
        )
    figure.add_vline(x=bound, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        text="bound",
        x=bound,
        y=1.0,
        yref="paper",
        xanchor="center",
        yanchor="bottom",
        showarrow=False,
        font={"size": 12},
    )
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_xaxes(title="gap closed (1: the optimum that sees)", range=[floor - 0.02, bound + 0.03])
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=list(rows.index), showgrid=False)
    return finish(
        figure,
        height=90 + 30 * len(rows),
        alt="Gap closed without sight of liquidity: "
        + "; ".join(f"{name} {row['value']:.2f}" for name, row in rows[::-1].iterrows())
        + f"; the bound is {bound:.2f}.",
        phone={
            "margin": {"l": 120, "r": 12},
            "yaxis": {"tickfont": {"size": 11}},
            "xaxis": {"title": {"text": "gap closed"}},
        },
    )
