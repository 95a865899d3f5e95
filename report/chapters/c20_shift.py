"""Figures of *Out of distribution*: what it costs to act where one has not learned, and how far from the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, NEUTRAL, SMALL_SLIDER, add_slider, digits, finish, stack_panels

__all__ = ["beyond_the_log", "costs_by_scenario", "far_from_the_log", "same_place"]

Array = NDArray[np.float64]

SMALLEST = 0.002
"""An excess [%] is drawn as this at least."""

TICKS = [0.01, 0.1, 1, 10, 100]

BAND = "rgba(128,128,128,0.22)"
"""Where the log is."""


def _percent_axis(high: float) -> dict[str, Any]:
    """A logarithmic axis of excesses."""
    return {
        "type": "log",
        "range": np.log10([0.7 * SMALLEST, 1.4 * high]).tolist(),
        "tickvals": [SMALLEST, *TICKS],
        "ticktext": [f"≤{SMALLEST:g}", *(f"{tick:g}" for tick in TICKS)],
    }


def _drawn(excess: Any) -> Array:
    return np.asarray(np.maximum(np.asarray(excess, dtype=np.float64), SMALLEST).round(5), dtype=np.float64)


def _offsets(count: int, step: float) -> list[float]:
    return [step * ((count - 1) / 2 - i) for i in range(count)]


def costs_by_scenario(agents: pd.DataFrame, planners: pd.DataFrame) -> go.Figure:
    """J above the scenario's optimum, open where the market before is all that was known, filled where this one is.

    Args:
        agents: a row an agent: scenario, algorithm, there (whether it was trained in the scenario), excess [%].
        planners: a row for every scenario and planner: scenario, planner, untold, told, both excesses [%]; told is NaN
            for the planner whose plan is the same everywhere. The optimum's own told excess is 0 and not drawn.
    """
    scenarios = list(dict.fromkeys(agents["scenario"]))
    place = {scenario: len(scenarios) - 1 - i for i, scenario in enumerate(scenarios)}
    algorithms, rules = list(dict.fromkeys(agents["algorithm"])), list(dict.fromkeys(planners["planner"]))
    lanes = dict(zip([*algorithms, *rules], _offsets(len(algorithms) + len(rules), 0.145), strict=True))
    figure = go.Figure()
    for scenario, row in place.items():
        if row % 2:
            figure.add_hrect(y0=row - 0.5, y1=row + 0.5, fillcolor="gray", opacity=0.08, line_width=0, layer="below")
        middles = agents[agents["scenario"] == scenario].groupby(["algorithm", "there"])["excess"].median()
        for algorithm in algorithms:
            figure.add_scatter(
                x=_drawn([middles[algorithm, True], middles[algorithm, False]]),
                y=[row + lanes[algorithm]] * 2,
                mode="lines",
                line={"color": COLOURS[algorithm], "width": 1.2},
                opacity=0.6,
                showlegend=False,
                hoverinfo="skip",
            )
    for algorithm in algorithms:
        for there, rows in agents[agents["algorithm"] == algorithm].groupby("there"):
            figure.add_scatter(
                x=_drawn(rows["excess"]),
                y=[place[scenario] + lanes[algorithm] for scenario in rows["scenario"]],
                mode="markers",
                marker={
                    "color": COLOURS[algorithm],
                    "size": 6,
                    "symbol": "circle" if there else "circle-open",
                    "line": {"width": 1.3, "color": COLOURS[algorithm]},
                },
                name=algorithm,
                legendgroup=algorithm,
                showlegend=bool(there),
                customdata=rows["excess"].round(4),
                hovertemplate=f"{algorithm}, trained {'there' if there else 'in the normal market'}: "
                "%{customdata}%<extra></extra>",
            )
    for rule in rules:
        rows = planners[planners["planner"] == rule]
        y = [place[scenario] + lanes[rule] for scenario in rows["scenario"]]
        for column, symbol, words in (("untold", "diamond-open", "not told"), ("told", "diamond", "told")):
            shown = ~rows[column].isna() & ((rule != "optimum") | (column == "untold"))
            if not shown.any():
                continue
            figure.add_scatter(
                x=_drawn(rows.loc[shown, column]),
                y=[here for here, keep in zip(y, shown, strict=True) if keep],
                mode="markers",
                marker={
                    "color": COLOURS[rule],
                    "size": 9,
                    "symbol": symbol,
                    "line": {"width": 2, "color": COLOURS[rule]},
                },
                name=rule,
                legendgroup=rule,
                showlegend=column == "untold",
                customdata=rows.loc[shown, column].round(4),
                hovertemplate=f"{rule}, {words}: %{{customdata}}%<extra></extra>",
            )
    for symbol, words in (("circle-open", "knows the normal market"), ("circle", "knows the scenario")):
        marker = {"color": NEUTRAL, "size": 8, "symbol": symbol, "line": {"width": 1.5, "color": NEUTRAL}}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=marker, name=words)
    high = max(float(agents["excess"].max()), float(planners["untold"].max()))
    figure.update_xaxes(title="J above the scenario's own optimum (%)", **_percent_axis(high))
    figure.update_yaxes(
        tickvals=list(place.values()),
        ticktext=list(place),
        range=[-0.55, len(place) - 0.45],
        zeroline=False,
        showgrid=False,
    )
    figure.update_layout(legend={"y": 1.01})
    return finish(
        figure,
        height=900,
        alt="J above the optimum of each scenario on a logarithmic axis. Agents trained in the normal market and "
        "planners who were not told, open marks, lie together; agents trained in the scenario and told planners, "
        "filled marks, lie far to the left of them in the volatility spike, the collapse, the combined scenario and "
        "the impact shift, close to them in the others, and to the right of them where shocks are deepest.",
        phone={
            "height": 1040,
            "margin": {"l": 92, "r": 12, "t": 80},
            "yaxis": {"tickfont": {"size": 10}},
            "xaxis": {
                "title": {"text": "J above the optimum (%)"},
                "range": np.log10([0.45 * SMALLEST, 1.4 * high]).tolist(),
                "tickvals": [SMALLEST, *TICKS],
                # no room for the second
                "ticktext": [f"≤{SMALLEST:g}", "", *(f"{tick:g}" for tick in TICKS[1:])],
            },
        },
    )  # fmt: skip


def same_place(
    agents: pd.DataFrame,
    untold: Mapping[str, float],
    labels: Mapping[str, str],
    narrow: Mapping[str, str] | None = None,
) -> go.Figure:
    """Excess of agents trained in the normal market against that of the normal market's exact optimum.

    Args:
        agents: a row an agent: scenario, algorithm, excess [%].
        untold: excess [%] of the normal market's optimum, by scenario.
        labels: where the name of each scenario stands, as in `textposition`: beside the circles, or above or
            below all marks.
        narrow: the same on a phone; a scenario that is not here has no name there.
    """
    figure = go.Figure()
    top = 1.3 * float(agents["excess"].max())
    figure.add_scatter(
        x=[SMALLEST / 4, 2 * top],
        y=[SMALLEST / 4, 2 * top],
        mode="lines",
        line={"color": NEUTRAL, "width": 1.5, "dash": "dot"},
        name="as much as the exact optimum",
        hoverinfo="skip",
    )
    for algorithm, shift in zip(dict.fromkeys(agents["algorithm"]), (0.96, 1.04, 1.0), strict=False):
        rows = agents[agents["algorithm"] == algorithm]
        figure.add_scatter(
            x=_drawn(rows["scenario"].map(dict(untold))) * shift,
            y=_drawn(rows["excess"]),
            mode="markers",
            marker={
                "color": COLOURS[algorithm],
                "size": 7,
                "symbol": "x-thin" if algorithm == "behaviour cloning" else "circle-open",
                "line": {"width": 1.5, "color": COLOURS[algorithm]},
            },
            name=algorithm,
            customdata=rows["scenario"],
            hovertemplate=f"{algorithm}, %{{customdata}}: %{{y:.3g}}%<extra></extra>",
        )
    circles = agents[agents["algorithm"] != "behaviour cloning"]

    def placed(scenario: str, place: str) -> dict[str, Any]:
        """A name beside the circles of its scenario; in the centre, above or below all marks."""
        vertical, horizontal = place.split()
        marks = agents if horizontal == "center" else circles
        of = marks.loc[marks["scenario"] == scenario, "excess"]
        y = {"top": of.max(), "bottom": of.min(), "middle": of.median()}[vertical]
        return {
            "y": float(np.log10(_drawn(y))),
            "xanchor": {"left": "right", "right": "left", "center": "center"}[horizontal],
            "yanchor": {"top": "bottom", "bottom": "top", "middle": "middle"}[vertical],
            "xshift": {"left": -7, "right": 7, "center": 0}[horizontal],
            "yshift": {"top": 3, "bottom": -3, "middle": 0}[vertical],
        }

    on_phone = {}
    for i, (scenario, place) in enumerate(labels.items()):
        figure.add_annotation(
            x=float(np.log10(max(untold[scenario], SMALLEST))),
            text=scenario,
            showarrow=False,
            font={"size": 11},
            borderpad=0,
            **placed(scenario, place),
        )
        there = (narrow or {}).get(scenario)
        on_phone[i] = placed(scenario, there) if there else {"visible": False}
    # room for names on the right
    figure.update_xaxes(title="the normal market's exact optimum: J above the scenario's (%)", **_percent_axis(6 * top))
    figure.update_yaxes(title="trained in the normal market: J above it (%)", **_percent_axis(top))
    figure.update_layout(legend={"y": 1.02})
    return finish(
        figure,
        height=600,
        alt="What agents trained in the normal market cost above each scenario's optimum, against what the exact "
        "optimum of the normal market costs there, both logarithmic. TD3+BC and BCQ lie along the diagonal; behaviour "
        "cloning lies below it where most is lost, the spike apart, and far above it where little is lost.",
        phone={
            "height": 640,
            "margin": {"t": 96, "r": 10},
            "annotations": on_phone,
            "xaxis": {"title": {"text": "normal market's optimum: excess (%)"}, "tickvals": TICKS,
                      "ticktext": [f"{tick:g}" for tick in TICKS]},
            "yaxis": {"title": {"text": "agents: excess (%)"}},
        },
    )  # fmt: skip


def far_from_the_log(points: pd.DataFrame, labels: Mapping[str, tuple[str, str]]) -> go.Figure:
    """What acting far from the log costs, and how much agents disagree there, against the share of unseen states.

    Args:
        points: a row for every scenario and algorithm: scenario, algorithm, outside [%], and excess [%] and
            disagreement [spreads of the log] with their ends excess_low, excess_high. Two algorithms are drawn half a
            percent to either side of their share.
        labels: where the name of a scenario stands, as in `textposition`, left and right; "" for no name.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.13,
        subplot_titles=["What the agents cost", "How much they disagree"],
    )
    for algorithm, side in zip(dict.fromkeys(points["algorithm"]), (-0.5, 0.5), strict=False):
        rows = points[points["algorithm"] == algorithm]
        for col, column in enumerate(("excess", "disagreement"), 1):
            y = np.maximum(rows[column], SMALLEST) if col == 1 else rows[column]
            figure.add_scatter(
                x=(rows["outside"] + side).round(3),
                y=np.round(y, 5),
                error_y={
                    "type": "data",
                    "array": np.maximum(rows["excess_high"] - y, 0),
                    "arrayminus": np.maximum(y - np.maximum(rows["excess_low"], SMALLEST), 0),
                    "width": 0,
                    "thickness": 1.5,
                }
                if col == 1
                else None,
                mode="markers",
                marker={"color": COLOURS[algorithm], "size": 8},
                name=algorithm,
                legendgroup=algorithm,
                showlegend=col == 1,
                customdata=rows["scenario"],
                hovertemplate=f"{algorithm}, %{{customdata}}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col,
            )
    first = points[points["algorithm"] == points["algorithm"].iloc[0]].set_index("scenario")
    for col, column in enumerate(("excess", "disagreement"), 1):
        for scenario, places in labels.items():
            if not places[col - 1]:
                continue
            y = float(first.loc[scenario, column])
            if col == 1 and "middle" not in places[0]:  # clear of the bars
                bars = points[points["scenario"] == scenario]
                y = float(bars["excess_high"].max() if "top" in places[0] else bars["excess_low"].min())
            figure.add_scatter(
                x=[float(first.loc[scenario, "outside"])],
                y=[max(y, SMALLEST if col == 1 else 0)],
                mode="text",
                text=[f"  {scenario}  "],
                textposition=places[col - 1],
                textfont={"size": 11},
                showlegend=False,
                hoverinfo="skip",
                row=1,
                col=col,
            )
    figure.update_xaxes(title="decisions in unlogged states (%)", range=[-3.5, 63], zeroline=False)
    figure.update_yaxes(
        title="J above the optimum (%)", row=1, col=1, **_percent_axis(3 * float(points["excess_high"].max()))
    )
    figure.update_yaxes(title="between agents (spreads of the log)", rangemode="tozero", row=1, col=2)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 90})
    phone = stack_panels(figure, 2, 900, 0.14)
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 110}
    return finish(
        figure,
        height=480,
        alt="First panel: cost above the optimum against the share of decisions in states that no log holds. The "
        "volatility spike is highest at a share of nearly zero, the collapse and the combined scenario are high at "
        "about half, and regimes are low at a third: no relation. Second panel: how much the eight agents' actions "
        "differ, which rises with the share.",
        phone=phone,
    )


def beyond_the_log(
    levels: Array,
    periods: Sequence[int],
    fractions: Mapping[str, Array],
    distances: Mapping[str, Array],
    logged: Array,
    reach: float,
    active: int,
) -> go.Figure:
    """Fractions of all agents far outside the logged liquidity, and how far each is from its clone.

    Args:
        levels: (G,) liquidity levels.
        periods: those of the slider, (K,).
        fractions: by policy (A, K, G), a row an agent, NaN where there is none; a single row is drawn thick, and one
            line style stands for what follows a comma in the name.
        distances: by algorithm (A, K, G), y minus that of the clone of the same log [spreads of the log].
        logged: (K, 2) least and largest level that any log holds in the period.
        reach: of BCQ's perturbation [spreads of the log].
        active: index of the period shown first.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=["Fraction sold", "Distance from the log's clone"],
    )
    floor, ceiling = 0.004, 1.1
    far = 1.1 * max(float(np.abs(distance).max()) for distance in distances.values())

    def bundle(rows: Array) -> list[float | None]:
        """Lines in one trace, with gaps between them."""
        return [None if value != value else value for row in rows for value in (*digits(row, 3), None)]

    def band(i: int) -> list[float]:
        low, high = logged[i]
        return [float(low) / 1.01, float(low) / 1.01, float(high) * 1.01, float(high) * 1.01]

    def lines(i: int) -> list[list[float | None]]:
        return [bundle(rows[:, i]) for part in (fractions, distances) for rows in part.values()]

    for col, (low, high) in enumerate(((floor, ceiling), (-far, far)), 1):
        figure.add_scatter(
            x=band(active),
            y=[low, high, high, low],
            mode="lines",
            line={"width": 0, "color": BAND},
            fill="toself",
            fillcolor=BAND,
            name="logged",
            showlegend=col == 1,
            hoverinfo="skip",
            row=1,
            col=col,
        )
    dashes: dict[str, str] = {}
    for col, part in enumerate((fractions, distances), 1):
        for name, rows in part.items():
            base, _, of = name.partition(", ")
            dash = dashes.setdefault(of, ("solid", "dash", "dot")[len(dashes) % 3])
            figure.add_scatter(
                x=bundle(np.tile(levels, (len(rows), 1))),
                y=bundle(rows[:, active]),
                mode="lines",
                line={"color": COLOURS[base], "width": 3 if len(rows) == 1 else 1.3, "dash": dash},
                name=name,
                legendgroup=name,
                showlegend=col == 1,
                hovertemplate=f"{name}, L = %{{x:.2f}}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col,
            )
    for end in (-reach, reach):
        figure.add_hline(y=end, line={"color": COLOURS["BCQ"], "width": 1.5, "dash": "dot"}, row=1, col=2)
    changes: list[list[dict[str, Any]]] = [
        [{"x": band(i)}, {"x": band(i)}, *[{"y": line} for line in lines(i)]] for i in range(len(periods))
    ]
    add_slider(
        figure, "period k", [str(k) for k in periods], changes, list(range(2 + len(fractions) + len(distances))), active
    )
    ticks = {"type": "log", "tickvals": [0.02, 0.05, 0.1, 0.3, 1, 3], "title": "liquidity L"}
    figure.update_xaxes(range=np.log10([float(levels.min()), float(levels.max())]).tolist(), **ticks)
    figure.update_yaxes(
        type="log",
        range=np.log10([floor, ceiling]).tolist(),
        tickvals=[0.01, 0.03, 0.1, 0.3, 1],
        title="fraction of what is left",
        row=1,
        col=1,
    )
    figure.update_yaxes(range=[-far, far], title="log-odds, in spreads of the log", row=1, col=2)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 100})
    phone = stack_panels(figure, 2, 980, 0.13) | SMALL_SLIDER
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 140}
    return finish(
        figure,
        height=560,
        alt="First panel: fraction sold against liquidity, a line an agent, far beyond the band of logged levels. "
        "Inside the band the lines of each algorithm run together; below it they fan out. Second panel: distance of "
        "each agent from the clone of its log; BCQ's lines bend back near the dotted bound, TD3+BC's go on.",
        phone=phone,
    )
