"""Figures of *Offline data*: where logged actions lie, beside what the optimum would do, and how much they weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import (
    COLOURS,
    CONTRAST,
    NEUTRAL,
    SMALL_SLIDER,
    add_slider,
    clear,
    finish,
    stack_panels,
)

__all__ = ["action_clouds", "action_coverage", "effective_sizes", "noise_levels"]

Array = NDArray[np.float64]
RATES = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
TICKS = {"type": "log", "tickvals": RATES, "ticktext": ["¼", "½", "1", "2", "4", "8"]}


def action_coverage(tables: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Bands of the data's and of the optimum's actions by period, a panel a behaviour.

    Args:
        tables: by behaviour, what `optexec.offline.coverage` returns.
    """
    figure = make_subplots(rows=1, cols=len(tables), shared_yaxes=True, horizontal_spacing=0.03)
    titles = []
    for p, (name, table) in enumerate(tables.items()):
        k = table.index.to_numpy()
        rate = table.mul(len(table) + 1 - k, axis=0)  # in units of TWAP's 1/(N - k)
        parts = (
            ("data", "", clear(NEUTRAL, 0.3), NEUTRAL),
            ("optimum", "optimum_", clear(COLOURS["optimum"], 0.30), COLOURS["optimum"]),
        )
        for who, prefix, fill, colour in parts:
            low, high = (rate[f"{prefix}{end}"].to_numpy() for end in ("low", "high"))
            figure.add_scatter(
                x=np.concatenate([k, k[::-1]]),
                y=np.concatenate([high, low[::-1]]).round(3),
                fill="toself",
                fillcolor=fill,
                mode="lines",
                line={"width": 1, "color": colour},
                name=f"{who}, central 95%",
                legendgroup=who,
                showlegend=p == 0,
                hoverinfo="skip",
                row=1,
                col=p + 1,
            )
            figure.add_scatter(
                x=k,
                y=rate[f"{prefix}median"].to_numpy().round(3),
                mode="lines",
                line={"width": 2.5, "color": colour, "dash": "solid" if prefix else "dot"},
                name=f"{who}, median",
                legendgroup=who,
                showlegend=p == 0,
                hovertemplate=f"{who}: %{{y:.2f}} times TWAP<extra></extra>",
                row=1,
                col=p + 1,
            )
        titles.append(f"{name}: overlap {table['inside'].mean():.3f}")
    for p, title in enumerate(titles):
        axis = figure.layout[f"xaxis{p + 1 if p else ''}"]
        figure.add_annotation(
            text=title,
            x=sum(axis.domain) / 2,
            y=1.0,
            xref="paper",
            yref="paper",
            xanchor="center",
            yanchor="bottom",
            showarrow=False,
        )
    figure.update_xaxes(title="period k", range=[-0.4, len(table) - 0.6])
    figure.update_yaxes(range=[np.log10(0.3), np.log10(9)], **TICKS)
    figure.update_yaxes(title="executed fraction (multiples of TWAP's)", row=1, col=1)
    figure.update_layout(legend={"y": 1.09}, margin={"t": 90})
    phone = stack_panels(figure, len(tables), 1150, 0.09, shared_y=True)
    phone["legend"] = {"y": 1.04}
    phone["margin"] = {"t": 120}
    return finish(
        figure,
        height=450,
        alt="Bands of executed fractions by period, in multiples of TWAP's, a panel a behaviour. "
        + "; ".join(titles)
        + ". The optimum starts at nearly three times TWAP's rate and comes down to it.",
        phone=phone,
    )


def action_clouds(
    clouds: Mapping[str, Sequence[tuple[Array, Array]]],
    periods: Sequence[int],
    curve: Sequence[tuple[Array, Array]],
    active: int = 0,
) -> go.Figure:
    """Logged (liquidity, action) pairs of one period with the optimum's action, a panel a behaviour.

    Args:
        clouds: by behaviour, for every period liquidity (n,) and fraction as a multiple of TWAP's (n,).
        periods: the periods k of the slider.
        curve: for every period liquidity (g,) and the optimum's multiples (g,).
        active: index of the period that is shown first.
    """
    figure = make_subplots(
        rows=1, cols=len(clouds), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(clouds)
    )
    for p, parts in enumerate(clouds.values()):
        level, rate = parts[active]
        figure.add_scatter(
            x=level.round(2),
            y=rate.round(2),
            mode="markers",
            marker={"size": 4, "color": NEUTRAL, "opacity": 0.7},
            name="logged",
            showlegend=p == 0,
            hoverinfo="skip",
            row=1,
            col=p + 1,
        )
        figure.add_scatter(
            x=curve[active][0].round(2),
            y=curve[active][1].round(3),
            mode="lines",
            line={"width": 3, "color": COLOURS["optimum"]},
            name="optimum",
            showlegend=p == 0,
            hovertemplate="L = %{x}: %{y:.2f} times TWAP<extra>optimum</extra>",
            row=1,
            col=p + 1,
        )
    changes = []
    for i in range(len(periods)):
        x, y = [], []
        for parts in clouds.values():
            x += [parts[i][0].round(2), curve[i][0].round(2)]
            y += [parts[i][1].round(2), curve[i][1].round(3)]
        changes.append({"x": x, "y": y})
    add_slider(figure, "period k", [str(k) for k in periods], changes, list(range(2 * len(clouds))), active)
    figure.update_xaxes(title="liquidity L", range=[0.3, 1.75])
    figure.update_yaxes(range=[np.log10(0.2), np.log10(12)], **TICKS)
    figure.update_yaxes(title="executed fraction (multiples of TWAP's)", row=1, col=1)
    figure.update_layout(legend={"y": 1.09}, margin={"t": 80})
    phone = stack_panels(figure, len(clouds), 1250, 0.09, shared_y=True) | SMALL_SLIDER
    phone["legend"] = {"y": 1.04}
    return finish(
        figure,
        height=500,
        alt="Logged liquidity and action of one period, a panel a behaviour, with the optimum's action, which rises "
        "with liquidity. Noisy TWAP lies below it, the mixture around all of it, and the hurried desk across it.",
        phone=phone,
    )


def noise_levels(tables: Mapping[str, pd.DataFrame], chosen: float) -> go.Figure:
    """What more noise covers and what it costs, against its level.

    Args:
        tables: by behaviour, a frame by noise level with the columns ``overlap`` and ``top``, the share of the squares
            that is in the largest hundredth.
        chosen: the level that the named behaviours have.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.12,
        subplot_titles=["Overlap with the optimum", "Weight of the largest 1%"],
    )
    for (name, table), colour in zip(tables.items(), (NEUTRAL, CONTRAST), strict=True):
        for col, column in enumerate(("overlap", "top")):
            figure.add_scatter(
                x=table.index,
                y=table[column].round(4),
                name=name,
                legendgroup=name,
                showlegend=col == 0,
                mode="lines+markers",
                marker={"size": 7},
                line={"color": colour, "width": 2.5},
                hovertemplate=f"{name}, s = %{{x}}: %{{y:.2f}}<extra></extra>",
                row=1,
                col=col + 1,
            )
    figure.add_vline(x=chosen, line={"color": "gray", "dash": "dot", "width": 1.5})
    figure.update_xaxes(title="noise level s")
    figure.update_yaxes(range=[-0.03, 1.05])
    figure.update_yaxes(title="share of decisions", row=1, col=1)
    figure.update_yaxes(title="share of squared deviations", row=1, col=2)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 80})
    phone = stack_panels(figure, 2, 760, 0.17)
    phone["legend"] = {"y": 1.07}
    return finish(
        figure,
        height=410,
        alt="First panel: overlap against noise; the mixture's is near one from little noise on, TWAP's rises slowly. "
        "Second panel: the share of the squared deviations of rewards that is in the largest hundredth; it rises "
        "towards one.",
        phone=phone,
    )


def effective_sizes(decisions: Mapping[str, Array], histories: Mapping[str, Array], episodes: int) -> go.Figure:
    """How many of the logged episodes count for a policy near the optimum.

    Args:
        decisions: by behaviour, the effective number of single decisions by period (N - 1,).
        histories: by behaviour, that of histories of 1, 2, ... periods (N - 1,).
        episodes: n, how many there are.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        subplot_titles=["Single decisions", "Histories from the start"],
    )
    for col, (sizes, title) in enumerate(((decisions, "period k"), (histories, "periods in the history"))):
        for (name, values), colour in zip(sizes.items(), (NEUTRAL, CONTRAST), strict=True):
            figure.add_scatter(
                x=np.arange(len(values)) + col,
                y=np.round(values, 2),
                name=name,
                legendgroup=name,
                showlegend=col == 0,
                mode="lines+markers",
                marker={"size": 6},
                line={"color": colour, "width": 2.5},
                hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col + 1,
            )
        figure.update_xaxes(title=title, row=1, col=col + 1)
    figure.update_yaxes(type="log", range=[-0.1, np.log10(1.3 * episodes)], dtick=1, tickformat=",")
    figure.update_yaxes(title=f"effective number, of {episodes:,}", row=1, col=1)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 80})
    phone = stack_panels(figure, 2, 760, 0.17, shared_y=True)
    phone["legend"] = {"y": 1.07}
    return finish(
        figure,
        height=410,
        alt="Effective numbers on a logarithmic axis. First panel: single decisions, hundreds in every period "
        "for the mixture and a dozen at the start for noisy TWAP. Second panel: whole histories, which fall to "
        "about one for both.",
        phone=phone,
    )
