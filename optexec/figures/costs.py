"""What policies cost: distributions in one market, and stressed markets side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from optexec.figures.style import COLOURS, NEUTRAL, add_slider, digits, finish
from optexec.stress import TOLD

__all__ = [
    "scenario_tails",
    "shortfall_densities",
    "stress_split",
]


def shortfall_densities(samples: Mapping[str, Any], coverage: float = 0.998) -> go.Figure:
    """Densities of the shortfall by policy, with a dot at each mean.

    Args:
        samples: IS (n,) [$] by policy.
        coverage: the horizontal axis holds at least this part of every sample.
    """
    sorted_samples = {name: np.sort(np.asarray(sample, dtype=np.float64)) for name, sample in samples.items()}
    tail = (1 - coverage) / 2
    low = min(float(np.quantile(sample, tail)) for sample in sorted_samples.values())
    high = max(float(np.quantile(sample, 1 - tail)) for sample in sorted_samples.values())
    grid = np.linspace(low, high, 241)
    figure = go.Figure()
    for name, sample in sorted_samples.items():
        width = 1.4 * float(sample.std()) * len(sample) ** -0.2
        edges = np.linspace(low - 4 * width, high + 4 * width, 1601)
        counts = np.histogram(sample, edges)[0] / (len(sample) * (edges[1] - edges[0]))
        centres = (edges[1:] + edges[:-1]) / 2
        reach = int(np.ceil(4 * width / (edges[1] - edges[0])))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * (edges[1] - edges[0]) / width) ** 2)
        density = np.interp(grid, centres, np.convolve(counts, kernel / kernel.sum(), mode="same"))
        colour, mean = COLOURS.get(name, NEUTRAL), float(sample.mean())
        line = {"color": colour, "width": 2.5, "dash": "dot" if name == "optimum" else "solid"}
        x, y, hover = np.round(grid, 1), digits(1000 * density, 4), f"{name}<extra></extra>"
        figure.add_scatter(x=x, y=y, name=name, legendgroup=name, line=line, hovertemplate=hover)
        figure.add_scatter(
            x=[round(mean, 1)],
            y=digits([1000 * np.interp(mean, grid, density)], 4),
            mode="markers",
            legendgroup=name,
            showlegend=False,
            marker={"color": colour, "size": 9},
            hovertemplate=f"{name}: mean {mean:,.0f} $, standard deviation {sample.std():,.0f} $<extra></extra>",
        )
    figure.update_xaxes(title="implementation shortfall of an episode ($)", range=[low, high])
    figure.update_yaxes(title="density (per 1,000 $)", rangemode="tozero")
    return finish(
        figure,
        height=420,
        alt="Densities of the implementation shortfall by policy, each with a dot at its mean: the narrow ones of the "
        "adaptive policies between those of TWAP and of the front-loaded schedules, which are wide and have long "
        "right tails.",
    )


def stressed_line(policy: str) -> tuple[str, str, str]:
    """The legend group of a policy's name, its colour, and the style of its line: dashed where it was told."""
    base = policy.removesuffix(TOLD)
    return base, COLOURS.get(base, NEUTRAL), "dash" if policy != base else "solid"


def told_key(figure: go.Figure) -> None:
    """A legend entry that explains the dashes."""
    line = {"color": NEUTRAL, "width": 2.5, "dash": "dash"}
    figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name="dashed: told of the stress")


def stress_split(costs: pd.DataFrame) -> go.Figure:
    """J of every policy in every scenario, planned for the normal market and told, on one logarithmic axis.

    Args:
        costs: a row per scenario and policy: scenario, policy, planned, told (both J over the normal optimum's); told
            is NaN for policies whose plan is the same everywhere.
    """
    scenarios = list(dict.fromkeys(costs["scenario"]))
    policies = list(dict.fromkeys(costs["policy"]))
    figure = go.Figure()
    for i, policy in enumerate(policies):
        rows = costs[costs["policy"] == policy].set_index("scenario").loc[scenarios]
        y = [len(scenarios) - 1 - s + 0.15 * ((len(policies) - 1) / 2 - i) for s in range(len(scenarios))]
        planned, told = rows["planned"].round(4).tolist(), rows["told"].round(4).tolist()
        colour, blind = COLOURS.get(policy, NEUTRAL), bool(rows["told"].isna().all())
        symbol, hover = "diamond" if blind else "circle-open", "<br>%{customdata}: %{x:.2f}<extra></extra>"
        figure.add_scatter(
            x=planned,
            y=y,
            mode="markers",
            name=policy,
            legendgroup=policy,
            marker={"color": colour, "size": 8, "symbol": symbol, "line": {"width": 2, "color": colour}},
            customdata=scenarios,
            hovertemplate=f"{policy}, planned for the normal market{hover}",
        )
        if blind:
            continue
        of_policy = {"legendgroup": policy, "showlegend": False}
        x = [value for pair in zip(told, planned, [None] * len(told), strict=True) for value in pair]
        there = [value for here in y for value in (here, here, None)]
        line = {"color": colour, "width": 2}
        figure.add_scatter(x=x, y=there, mode="lines", line=line, hoverinfo="skip", **of_policy)
        hover, marker = f"{policy}, told{hover}", {"color": colour, "size": 9}
        figure.add_scatter(
            x=told, y=y, mode="markers", marker=marker, customdata=scenarios, hovertemplate=hover, **of_policy
        )
    figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    low, high = np.nanmin(costs[["planned", "told"]]), np.nanmax(costs[["planned", "told"]])
    figure.update_xaxes(
        type="log",
        title="J in multiples of the optimum's in the normal market",
        range=np.log10([0.93 * min(low, 1.0), 1.15 * high]),
        tickvals=[1, 1.5, 2, 3, 5, 10, 20, 30],
    )
    ticks = {"tickvals": [*range(len(scenarios))], "ticktext": [name.replace("_", " ") for name in scenarios[::-1]]}
    figure.update_yaxes(**ticks, range=[-0.6, len(scenarios) - 0.4], zeroline=False)
    return finish(
        figure,
        height=680,
        alt="For every scenario and policy the objective when planned for the normal market, an open mark, joined to "
        "the objective when told, a filled one. The joining lines are longest in the volatility spike, the liquidity "
        "collapse and the combined scenario.",
        phone={
            "height": 820,
            "margin": {"l": 96, "r": 12},
            "xaxis": {"title": {"text": "J / J of the normal optimum"}, "tickvals": [1, 2, 3, 5, 10, 20, 30]},
            "yaxis": {"tickfont": {"size": 10}},
        },
    )


_DEARER = np.concatenate([np.linspace(0.995, 0.06, 20), np.geomspace(0.05, 0.002, 14)])
"""Shares of episodes at which the curves of `dearer` are drawn."""


def dearer(
    samples: Mapping[str, Mapping[str, Any]], active: int, decimals: int = 0
) -> tuple[go.Figure, list[dict[str, list[Any]]]]:
    """Curves of how many episodes cost more than a given amount, at one setting, and the data of all settings."""
    settings = list(samples)
    changes = [
        {
            "x": [
                np.quantile(np.asarray(sample), 1 - _DEARER).round(decimals).tolist()
                for sample in samples[key].values()
            ]
        }
        for key in settings
    ]
    figure = go.Figure()
    for policy, x in zip(samples[settings[active]], changes[active]["x"], strict=True):
        base, colour, dash = stressed_line(policy)
        figure.add_scatter(
            x=x,
            y=np.round(100 * _DEARER, 3),
            mode="lines",
            name=base,
            legendgroup=base,
            showlegend=policy == base,
            line={"color": colour, "width": 2.5, "dash": dash},
            hovertemplate=f"{policy}: %{{y:.1f}}% above %{{x:,.0f}} $<extra></extra>",
        )
    told_key(figure)
    figure.update_xaxes(title="implementation shortfall of an episode ($)", tickformat=",d")
    figure.update_yaxes(
        title="episodes that cost more (%)",
        type="log",
        range=np.log10([0.18, 110]),
        tickvals=[100, 50, 20, 10, 5, 2, 1, 0.5, 0.2],
    )
    return figure, changes


def scenario_tails(samples: Mapping[str, Mapping[str, Any]], selected: str) -> go.Figure:
    """The shortfall's distribution by policy, as the share of episodes dearer than an amount; a slider of scenarios.

    The amount is in multiples of TWAP's mean of the scenario, so that one axis serves them all; the slider names it.

    Args:
        samples: by scenario, IS (n,) [$] by policy; the same policies in the same order everywhere, TWAP among them.
        selected: the scenario shown first.
    """
    names = list(samples)
    active = names.index(selected)
    unit = {name: abs(float(np.mean(samples[name]["TWAP"]))) for name in names}
    relative = {name: {who: np.asarray(sample) / unit[name] for who, sample in samples[name].items()} for name in names}
    figure, changes = dearer(relative, active, decimals=3)
    labels = [f"{name.replace('_', ' ')} (TWAP: ${unit[name]:,.0f})" for name in names]
    add_slider(figure, "scenario", labels, changes, list(range(len(changes[0]["x"]))), active)
    figure.layout.sliders[0].currentvalue.prefix = "scenario: "
    everything = [value for change in changes for curve in change["x"] for value in curve]
    low, high = min(everything), max(everything)
    figure.update_xaxes(title="implementation shortfall of an episode (multiples of TWAP's mean)", tickformat="~g")
    if low > 0:
        ticks = [0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10]
        figure.update_xaxes(type="log", range=np.log10([0.97 * low, 1.03 * high]), tickvals=ticks)
    else:  # noise larger than the cost
        figure.update_xaxes(range=[low, high])
    figure.update_traces(hovertemplate="%{fullData.name}: %{y:.1f}% above %{x:.2f}<extra></extra>")
    return finish(
        figure,
        height=540,
        alt="Share of episodes whose shortfall is above an amount, on logarithmic scales, by policy; the slider "
        "chooses the scenario. Under liquidity shocks the curves of AC and the best static schedule reach far to the "
        "right, TWAP's less, and those of the rules that react are the steepest.",
        phone={"height": 580, "xaxis": {"title": {"text": "shortfall (multiples of TWAP's mean)"}}},
    )
