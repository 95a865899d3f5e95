"""Figures of *The environment*: an episode's observations and rewards, noise, and caps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, finish, stack_panels
from optexec.observation import columns

__all__ = ["REWARD_PARTS", "capped_inventory", "episode_story", "reward_noise"]

REWARD_PARTS = {
    "temporary": "#14707d",
    "transient": "#52a0ab",
    "spread": "#a08c33",
    "permanent": "#d0805a",
    "running risk": CONTRAST,
    "slippage": "#8f79b8",
    "timing": NEUTRAL,
    "leftover": "#5b6f95",
    "penalty": "#8a5a33",
}
"""Colours of the parts of a reward; greys and violets are noise with conditional mean zero."""


def episode_story(observations: NDArray[np.float64], rewards: pd.DataFrame) -> go.Figure:
    """One episode: what the policy saw, and what it was paid for.

    Args:
        observations: (N + 1, 6), from the reset to the last step.
        rewards: parts of the reward [$] by period, in columns named as in `REWARD_PARTS`; they sum to the reward.
    """
    periods = len(rewards)
    time = np.arange(periods + 1)
    figure = make_subplots(
        rows=2,
        cols=3,
        specs=[[{}, {}, {}], [{"colspan": 3}, None, None]],
        row_heights=[0.4, 0.6],
        vertical_spacing=0.19,
        horizontal_spacing=0.1,
        subplot_titles=["Inventory and time", "Liquidity", "Price", "Reward by period"],
    )
    seen = columns(observations)
    lines = [
        (1, seen.inventory, "x/X", LIQUIDITY, "solid"),
        (1, seen.remaining, "(N − k)/N", NEUTRAL, "dot"),
        (2, seen.liquidity, "L", LIQUIDITY, "solid"),
    ]
    for column, values, name, colour, dash in lines:
        figure.add_scatter(
            x=time,
            y=np.round(values, 4),
            name=name,
            showlegend=False,
            line={"color": colour, "width": 2.5, "dash": dash, "shape": "hv" if column == 2 else "linear"},
            row=1,
            col=column,
        )
    figure.add_scatter(
        x=time,
        y=np.round(1e4 * (seen.price.astype(np.float64) - 1), 2),
        name="S/S₀ − 1",
        showlegend=False,
        line={"color": LIQUIDITY, "width": 2.5},
        row=1,
        col=3,
    )
    for name in rewards.columns:
        figure.add_bar(
            x=time[:-1],
            y=np.round(rewards[name].to_numpy(), 3),
            name=name,
            marker_color=REWARD_PARTS.get(name, NEUTRAL),
            row=2,
            col=1,
        )
    figure.add_scatter(
        x=time[:-1],
        y=np.round(rewards.sum(axis=1).to_numpy(), 3),
        name="reward",
        mode="markers",
        marker={"color": "#4f86c6", "symbol": "diamond-open", "size": 9, "line": {"width": 2}},
        row=2,
        col=1,
    )
    figure.update_xaxes(range=[0, periods], row=1)
    figure.update_xaxes(title="period k", row=1)
    figure.update_yaxes(title="fraction (dotted: time)", range=[0, 1.03], row=1, col=1)
    figure.update_yaxes(title="L", rangemode="tozero", row=1, col=2)
    figure.update_yaxes(title="S − S₀ (bps of S₀)", row=1, col=3)
    figure.update_xaxes(title="period k", range=[-0.6, periods - 0.4], row=2, col=1)
    figure.update_yaxes(title="reward ($)", row=2, col=1)
    figure.update_layout(barmode="relative", legend={"y": -0.13, "yanchor": "top"})
    phone = stack_panels(figure, 4, 1240, 0.1)
    phone["legend"] = {"y": -0.07, "yanchor": "top"}
    return finish(
        figure,
        height=640,
        alt="Three panels: inventory, liquidity and price through one episode, as the policy observes them. "
        "Fourth panel: the reward of every period as stacked parts; temporary impact, permanent impact and "
        "running risk are paid for certain, slippage and timing go either way.",
        phone=phone,
    )


def reward_noise(
    spread: Mapping[str, NDArray[np.float64]], totals: Mapping[str, NDArray[np.float64]], bins: int = 60
) -> go.Figure:
    """How noisy two forms of the reward are: by period with liquidity known, and over the episode.

    Args:
        spread: by reward, standard deviation of r_k given what is observed and done in period k (N,) [$].
        totals: by reward, sums over the episode (n,) [$].
        bins: of the histograms.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.13,
        subplot_titles=["One reward, state and action given", "Sum over an episode"],
    )
    edges = np.histogram_bin_edges(np.concatenate(list(totals.values())), bins)
    for name, colour in zip(spread, (NEUTRAL, LIQUIDITY), strict=True):
        figure.add_scatter(
            x=np.arange(len(spread[name])),
            y=np.round(spread[name], 3),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
        )
        density = np.histogram(totals[name], edges, density=True)[0]
        figure.add_scatter(
            x=np.round((edges[1:] + edges[:-1]) / 2, 1),
            y=np.round(1000 * density, 3),
            name=name,
            showlegend=False,
            line={"color": colour, "width": 2.5, "shape": "hvh"},
            row=1,
            col=2,
        )
    figure.update_xaxes(title="period k", row=1, col=1)
    figure.update_yaxes(title="standard deviation ($)", rangemode="tozero", row=1, col=1)
    low, high = np.quantile(np.concatenate(list(totals.values())), [0.001, 0.999])
    figure.update_xaxes(title="sum of rewards ($)", range=[low, high + 0.06 * (high - low)], row=1, col=2)
    figure.update_yaxes(title="density (per 1,000 $)", rangemode="tozero", row=1, col=2)
    figure.update_layout(legend={"y": 1.1})
    phone = stack_panels(figure, 2, 780, 0.16)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=420,
        alt="First panel: given state and action the realised reward is noisy and the expected one is not. "
        "Second panel: summed over an episode the two have the same mean, and the expected reward's distribution "
        "is only somewhat narrower.",
        phone=phone,
    )


def capped_inventory(inventories: Mapping[str, NDArray[np.float64]], first: int = 0) -> go.Figure:
    """Holdings with and without a limit on each period's trade.

    Args:
        inventories: holdings (N + 1,) by policy and, after a comma, its cap; the first one is drawn as the reference.
        first: the period from which on they are shown.
    """
    figure = go.Figure()
    for i, (name, held) in enumerate(inventories.items()):
        figure.add_scatter(
            x=np.arange(first, len(held)),
            y=np.round(held[first:], 3),
            name=name,
            mode="lines+markers",
            marker={"size": 7},
            line={"color": COLOURS.get(name.split(",")[0], NEUTRAL), "width": 2.5, "dash": "solid" if i else "dot"},
        )
    figure.update_xaxes(title="time (periods)")
    figure.update_yaxes(title="inventory (shares)", rangemode="tozero")
    return finish(
        figure,
        height=380,
        alt="Holdings over time: without a cap they reach zero, with one they do not.",
        phone={"height": 420, "legend": {"orientation": "v"}},
    )
