"""Figures of *Other markets*: what changes between markets, what is learned in them, and where mistakes are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import CONTRAST, LIQUIDITY, NEUTRAL, SMALL_SLIDER, add_slider, clear, finish, stack_panels
from report.chapters.c16_learned import COLOUR as LEARNED

__all__ = ["Episode", "market_episode", "market_mistakes", "market_scores", "seen_and_done"]

Array = NDArray[np.float64]

COLOUR = LEARNED | {"fitted model": CONTRAST, "fitted, right form": LIQUIDITY, "average pressure": LIQUIDITY}
"""Those of the policies of this chapter."""

FLOOR = 1e-4
"""What is left of the gap is drawn as this at least."""

MARKS = {0.9999: 1e-4, 0.999: 1e-3, 0.99: 1e-2, 0.9: 1e-1, 0.0: 1.0, -9.0: 10.0}
"""Gaps closed that the axis names, and what they leave."""


class Episode(NamedTuple):
    """One episode in one market."""

    liquidity: Array
    """L_k (N,)"""
    low: Array
    """(N,) below which L_k is in 2.5% of the episodes"""
    high: Array
    """(N,) above which it is in 2.5%"""
    trades: Mapping[str, Array]
    """(N,) shares by policy"""


def market_episode(episodes: Mapping[str, Episode], selected: str) -> go.Figure:
    """Liquidity and trades of one episode, on the same random numbers in every market of a slider.

    Args:
        episodes: by market; all have the same policies.
        selected: the market that is shown first.
    """
    names, first = list(episodes), episodes[selected]
    k = np.arange(len(first.liquidity))

    def lines(episode: Episode) -> list[list[float]]:
        band = np.concatenate([episode.low, episode.high[::-1]])
        return [np.round(part, 3).tolist() for part in (band, episode.liquidity, *episode.trades.values())]

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12, subplot_titles=["Liquidity", "Trades"])
    shown = lines(first)
    figure.add_scatter(
        x=np.concatenate([k, k[::-1]]),
        y=shown[0],
        fill="toself",
        fillcolor="rgba(27,138,154,0.18)",
        line={"width": 0},
        name="95% of the episodes",
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=k, y=shown[1], mode="lines", line={"color": LIQUIDITY, "width": 2.5}, name="this episode", row=1, col=1
    )
    for y, policy in zip(shown[2:], first.trades, strict=True):
        figure.add_scatter(
            x=k,
            y=y,
            mode="lines+markers",
            line={"color": COLOUR[policy], "width": 2, "dash": "dot" if policy == "best static" else "solid"},
            marker={"size": 5},
            name=policy,
            hovertemplate=f"{policy}, period %{{x}}: %{{y:.0f}} shares<extra></extra>",
            row=1,
            col=2,
        )
    changes = [{"y": lines(episodes[name])} for name in names]
    add_slider(figure, "market", names, changes, list(range(len(shown))), names.index(selected))
    deepest = max(float(max(one.high.max(), one.liquidity.max())) for one in episodes.values())
    largest = max(float(trades.max()) for one in episodes.values() for trades in one.trades.values())
    figure.update_xaxes(title="period k")
    figure.update_yaxes(title="liquidity L", range=[0, 1.05 * deepest], row=1, col=1)
    figure.update_yaxes(title="shares sold", range=[-0.02 * largest, 1.05 * largest], row=1, col=2)
    figure.update_layout(legend={"y": 1.12}, margin={"t": 90})
    phone = stack_panels(figure, 2, 800, 0.16) | SMALL_SLIDER
    phone["legend"] = {"y": 1.06}
    phone["margin"] = {"t": 130}
    return finish(
        figure,
        height=460,
        alt="Liquidity of one episode with the band that holds 95% of all, and the shares that the optimum, the "
        "rolling rule and the best schedule sell in it. A slider chooses among the markets "
        f"{', '.join(names)}.",
        phone=phone,
    )


def market_scores(scores: pd.DataFrame, summaries: pd.DataFrame) -> go.Figure:
    """Gap closed, a panel a market and a row a policy, on an axis that is logarithmic in what is left.

    Args:
        scores: a row a dot: market, policy, score, and mean_action, True for the mean of several agents' actions.
        summaries: a row for every market and policy with several dots: market, policy, value, low and high.
    """
    markets, policies = list(dict.fromkeys(scores["market"])), list(dict.fromkeys(scores["policy"]))
    place = {policy: len(policies) - 1 - i for i, policy in enumerate(policies)}
    figure = make_subplots(
        rows=2,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=0.16,
        subplot_titles=markets,
    )

    def left(score: Any) -> Array:
        return np.asarray(np.maximum(1 - np.asarray(score, dtype=np.float64), FLOOR).round(6), dtype=np.float64)

    for i, market in enumerate(markets):
        where = {"row": i // 2 + 1, "col": i % 2 + 1}
        for policy in policies:
            colour = COLOUR[policy]
            here = scores[(scores["market"] == market) & (scores["policy"] == policy)]
            bar = summaries[(summaries["market"] == market) & (summaries["policy"] == policy)]
            for row in bar.itertuples():
                figure.add_scatter(
                    x=left([row.low, row.high]),
                    y=[place[policy]] * 2,
                    mode="lines",
                    line={"color": colour, "width": 9},
                    opacity=0.3,
                    showlegend=False,
                    hoverinfo="skip",
                    **where,
                )
                figure.add_scatter(
                    x=left([row.value]),
                    y=[place[policy]],
                    mode="markers",
                    marker={"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": colour}},
                    showlegend=False,
                    customdata=[round(float(row.value), 4)],
                    hovertemplate=f"{policy}, interquartile mean: %{{customdata}}<extra></extra>",
                    **where,
                )
            for mean_action, part in here.groupby("mean_action"):
                jitter = 0.0 if mean_action or len(part) == 1 else 0.16 * (np.arange(len(part)) % 3 - 1)
                words = ", mean action" if mean_action else ""
                figure.add_scatter(
                    x=left(part["score"]),
                    y=np.round(place[policy] + jitter + np.zeros(len(part)), 3),
                    mode="markers",
                    marker={
                        "color": colour,
                        "size": 10 if mean_action or len(part) == 1 else 5,
                        "symbol": "diamond-open" if mean_action else "circle" if len(part) > 1 else "square",
                        "line": {"width": 2 if mean_action else 0, "color": colour},
                    },
                    showlegend=False,
                    customdata=part["score"].round(4),
                    hovertemplate=f"{policy}{words}: %{{customdata}}<extra></extra>",
                    **where,
                )
        figure.add_vline(x=1.0, line={"color": COLOUR["best static"], "width": 1.5, "dash": "dot"}, **where)
    figure.update_xaxes(
        type="log",
        range=[1.5, np.log10(0.7 * FLOOR)],
        tickvals=list(MARKS.values()),
        ticktext=[f"{score:g}".replace("-", "−") for score in MARKS],
        tickangle=0,
    )
    figure.update_xaxes(title="gap closed", row=2)
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=list(place), range=[-0.6, len(policies) - 0.4], zeroline=False
    )
    phone = stack_panels(figure, len(markets), 1240, 0.065, shared_y=True)
    for i in range(len(markets)):
        axis = "" if i == 0 else str(i + 1)
        phone[f"xaxis{axis}"] |= {"tickfont": {"size": 10}, "showticklabels": True}
        phone[f"yaxis{axis}"] |= {"tickfont": {"size": 11}}
        phone[f"xaxis{axis}"]["title"] = {"text": "gap closed" if i == len(markets) - 1 else ""}
    return finish(
        figure,
        height=640,
        alt="Gap closed, a panel a market and a row a policy. "
        + "; ".join(
            f"{row.market}, {row.policy}: interquartile mean {row.value:.3g}" for row in summaries.itertuples()
        ),
        phone=phone,
    )


class Reach(NamedTuple):
    """What the agents of one algorithm do in some periods at some states."""

    middle: Array
    """(K, G) their mean"""
    low: Array
    """(K, G) the lowest"""
    high: Array
    """(K, G) the highest"""


def seen_and_done(
    x: Array,
    periods: Sequence[int],
    rules: Mapping[str, Array],
    agents: Mapping[str, Array],
    visits: Mapping[str, tuple[Array, Array]],
    *,
    axis: str,
    active: int = 0,
) -> go.Figure:
    """Speed of selling against one number that a policy sees, and below how often that number is seen.

    Args:
        x: (G,) values of the number.
        periods: (K,) those of the slider.
        rules: by policy, (K, G) the fraction as a multiple of TWAP's.
        agents: by algorithm, the same (S, K, G) of its agents; drawn as their mean and range.
        visits: by name of who trades, edges of bins (B + 1,) and shares of the episodes (K, B).
        axis: title of the horizontal axis.
        active: index of the period that is shown first.
    """
    reach = {name: Reach(each.mean(axis=0), each.min(axis=0), each.max(axis=0)) for name, each in agents.items()}

    def shown(i: int) -> list[list[float]]:
        bands = [np.concatenate([one.low[i], one.high[i][::-1]]) for one in reach.values()]
        curves = [one.middle[i] for one in reach.values()] + [each[i] for each in rules.values()]
        rounded = [np.round(part, 3).tolist() for part in bands + curves]
        return rounded + [np.round(100 * share[i], 2).tolist() for _, share in visits.values()]

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    first = iter(shown(active))
    for name in reach:
        figure.add_scatter(
            x=np.concatenate([x, x[::-1]]).round(4),
            y=next(first),
            fill="toself",
            fillcolor=clear(COLOUR[name], 0.2),
            line={"width": 0},
            name=name,
            legendgroup=name,
            showlegend=False,
            hoverinfo="skip",
            row=1,
            col=1,
        )
    for name in (*reach, *rules):
        figure.add_scatter(
            x=x.round(4),
            y=next(first),
            mode="lines",
            line={"color": COLOUR[name], "width": 2.5, "dash": "solid" if name in reach else "dash"},
            name=name,
            legendgroup=name,
            hovertemplate=f"{name} at %{{x:.2f}}: %{{y:.2f}} times TWAP's fraction<extra></extra>",
            row=1,
            col=1,
        )
    for name, (edges, _) in visits.items():
        colour = COLOUR.get(name, NEUTRAL)
        figure.add_bar(
            x=((edges[1:] + edges[:-1]) / 2).round(4),
            y=next(first),
            width=float(edges[1] - edges[0]),
            marker={"color": colour, "opacity": 0.5, "line": {"width": 0}},
            name="seen in the log" if name == "log" else f"seen by the {name}",
            hovertemplate="%{x:.2f}: %{y:.1f}% of the episodes<extra></extra>",
            row=2,
            col=1,
        )
    add_slider(
        figure,
        "period k",
        [str(k) for k in periods],
        [{"y": shown(i)} for i in range(len(periods))],
        list(range(len(figure.data))),
        active,
    )
    ends = [one.high.max() for one in reach.values()] + [each.max() for each in rules.values()]
    figure.update_yaxes(title="times TWAP's fraction", range=[0, 1.05 * float(np.max(ends))], row=1, col=1)
    tallest = 100 * max(float(share.max()) for _, share in visits.values())
    figure.update_yaxes(title="episodes (%)", range=[0, 1.05 * tallest], row=2, col=1)
    figure.update_xaxes(range=[float(x.min()), float(x.max())])
    figure.update_xaxes(title=axis, row=2, col=1)
    figure.update_layout(barmode="overlay", legend={"y": 1.02}, margin={"t": 70})
    return finish(
        figure,
        height=580,
        alt=f"First panel: the fraction sold in one period as a multiple of TWAP's, against {axis}, for "
        f"{', '.join((*reach, *rules))}; a band spans the agents of an algorithm. Second panel: how often each "
        "value is seen. A slider chooses the period.",
        phone={"height": 660, "margin": {"t": 130}, "legend": {"y": 1.03}, "xaxis2": {"title": {"font": {"size": 11}}}}
        | SMALL_SLIDER,
    )


def market_mistakes(by_period: Mapping[str, Array], intervals: Mapping[str, Array]) -> go.Figure:
    """What a policy's departures from the optimum cost, by the period in which they are made.

    Args:
        by_period: dollars (N - 1,) by policy.
        intervals: half-widths (N - 1,) of their 95% intervals [$].
    """
    figure = go.Figure()
    for name, cost in by_period.items():
        figure.add_scatter(
            x=np.arange(len(cost)),
            y=np.round(cost, 4),
            error_y={"array": np.round(intervals[name], 4), "thickness": 1.5, "width": 3},
            mode="lines+markers",
            line={"color": COLOUR[name], "width": 2.5, "dash": "dash" if name == "average pressure" else "solid"},
            marker={"size": 5},
            name=name,
            hovertemplate=f"{name}, period %{{x}}: $%{{y:.2f}}<extra></extra>",
        )
    figure.update_xaxes(title="period k")
    figure.update_yaxes(title="cost of mistakes ($)", rangemode="tozero")
    return finish(
        figure,
        height=420,
        alt="Expected cost of departures from the optimum in dollars, by period, under transient impact. In all, "
        + ", ".join(f"{name} {cost.sum():.1f}" for name, cost in by_period.items())
        + ".",
        phone={"height": 480, "margin": {"t": 80}},
    )
