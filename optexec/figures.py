"""Plotly figures of the report, from data: one template, one colour a policy, axes with units.

Every function returns a `plotly.graph_objects.Figure` with transparent backgrounds; the built book recolours text and
grid for light and dark (`optexec.book`). ``layout.meta`` may hold ``alt``, the description read to those who cannot see
the figure, and ``phone``, layout overrides for narrow screens. Sliders carry their data in their steps, so that they
work in the published page without a kernel; what they show comes from the same functions as the live notebook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.almgren_chriss import decay_moments, e_folding_time, expected_cost, frontier, half_life, urgency
from optexec.liquidity import OrnsteinUhlenbeck, cached_chain
from optexec.policies import Schedule, almgren_chriss, best_static, twap
from optexec.problem import Problem
from optexec.simulator import Episodes
from optexec.stress import TOLD

__all__ = [
    "COLOURS",
    "REWARD_PARTS",
    "above_optimum",
    "autocorrelation",
    "below_frontier",
    "blind_spot",
    "block_response",
    "capped_inventory",
    "cost_of_urgency",
    "episode_story",
    "excess_objective",
    "failure_by_severity",
    "first_trades",
    "frontier_control",
    "frontier_tangent",
    "haste",
    "hidden_level",
    "holdings",
    "holdings_control",
    "information_curves",
    "jensen",
    "liquidity_fans",
    "paired_forest",
    "plan_comparison",
    "planned_risk",
    "policy_maps",
    "rankings",
    "regret_curves",
    "regret_valleys",
    "resilience_slider",
    "reversal",
    "reward_noise",
    "risk_slider",
    "round_trips",
    "sampled_frontier",
    "scenario_tails",
    "score_scatter",
    "severity_tails",
    "shock_response",
    "shortfall_anatomy",
    "shortfall_densities",
    "stress_split",
    "tornado",
    "trade_off",
    "two_clocks",
    "two_frontiers",
    "value_at_risk_tangent",
    "value_of_adapting",
    "variance_parts",
    "waiting_for_recovery",
]

COLOURS = {
    "TWAP": "#8c8c8c",
    "VWAP": "#b07aa1",
    "AC": "#2f7fd1",
    "AC neutral": "#76b7e8",
    "best static": "#2a9d6f",
    "rolling": "#e08a1e",
    "optimum": "#d1495b",
    "BCQ": "#7b5cc4",
    "TD3+BC": "#c2a200",
}
"""One colour a policy, the same in every figure; told apart under the common colour-vision deficiencies and readable on
white and on near-black. The learners' colours wait for their chapters."""

NEUTRAL = "#8c8c8c"
ACCENT = COLOURS["AC"]

_TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
            "size": 13,
            "color": "#555",
        },
        "colorway": list(COLOURS.values()),
        "margin": {"l": 60, "r": 24, "t": 36, "b": 50},
        "hovermode": "closest",
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "xanchor": "left"},
        "xaxis": {
            "gridcolor": "rgba(128,128,128,0.25)",
            "zerolinecolor": "rgba(128,128,128,0.45)",
            "automargin": True,
        },
        "yaxis": {
            "gridcolor": "rgba(128,128,128,0.25)",
            "zerolinecolor": "rgba(128,128,128,0.45)",
            "automargin": True,
        },
    }
)
pio.templates["optexec"] = _TEMPLATE


def finish(figure: go.Figure, *, height: int, alt: str, phone: dict[str, Any] | None = None) -> go.Figure:
    """Put the template, the height [px], the description and the narrow-screen layout on a figure."""
    meta: dict[str, Any] = {"alt": alt}
    if phone is not None:
        meta["phone"] = phone
    figure.update_layout(template="optexec", height=height, meta=meta)
    return figure


def add_slider(
    figure: go.Figure,
    name: str,
    labels: Sequence[str],
    changes: Sequence[dict[str, list[Any]]],
    traces: list[int],
    active: int,
) -> None:
    """A slider whose step i restyles ``traces`` with ``changes[i]``; no kernel and no frames needed."""
    steps = [
        {"label": label, "method": "restyle", "args": [change, traces]}
        for label, change in zip(labels, changes, strict=True)
    ]
    figure.update_layout(
        sliders=[
            {
                "active": active,
                "steps": steps,
                "currentvalue": {"prefix": f"{name} = ", "font": {"size": 15}},
                "pad": {"t": 64, "l": 4, "r": 4},
                "ticklen": 0,
                "minorticklen": 0,
                "font": {"color": "rgba(0,0,0,0)"},
            }
        ]
    )


def trade_off(problem: Problem, risk_aversions: Sequence[float], selected: float | None = None) -> go.Figure:
    """Schedule and frontier for a range of risk aversions, linked by a slider when there is more than one.

    Args:
        problem: order and market; planned in its deterministic-liquidity market.
        risk_aversions: lambda values [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    wanted = problem.risk_aversion if selected is None else selected
    active = int(np.argmin(np.abs(values - wanted)))
    plans = [almgren_chriss(problem.replace(risk_aversion=value)) for value in values]
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e4, 161) * max(problem.risk_aversion, 1e-12)])
    points = frontier(problem, values)
    time = np.arange(problem.order.periods + 1) * problem.order.dt
    even = twap(problem)

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    plan = plans[active]
    figure.add_scatter(x=time, y=even.inventory, name="TWAP", line={"color": COLOURS["TWAP"], "dash": "dot"})
    figure.add_scatter(x=time, y=plan.inventory, name="Almgren–Chriss", line={"color": COLOURS["AC"], "width": 3})
    figure.add_bar(
        x=time[:-1] + problem.order.dt / 2,
        y=plan.trades,
        name="trade list",
        marker_color=COLOURS["AC"],
        opacity=0.3,
    )
    figure.add_scatter(
        x=curve["std"],
        y=curve["expected_cost"],
        name="efficient frontier",
        row=1,
        col=2,
        line={"color": NEUTRAL},
    )
    figure.add_scatter(
        x=points["std"].iloc[[active]],
        y=points["expected_cost"].iloc[[active]],
        name="at this λ",
        mode="markers",
        marker={"color": COLOURS["AC"], "size": 13},
        row=1,
        col=2,
    )
    within = curve["risk_aversion"] <= 50 * max(problem.risk_aversion, 1e-12)
    shares, top = problem.order.shares, float(curve["expected_cost"][within].max())  # axes do not follow the slider
    figure.update_xaxes(title="time (periods)", range=[0, time[-1]], row=1, col=1)
    figure.update_yaxes(title="inventory and trades (shares)", range=[0, 1.03 * shares], row=1, col=1)
    figure.update_xaxes(
        title="standard deviation of cost ($)", range=[0, 1.08 * float(curve["std"].max())], row=1, col=2
    )
    low = float(curve["expected_cost"].min())
    figure.update_yaxes(
        title="expected cost ($)", range=[low - 0.1 * (top - low), top + 0.1 * (top - low)], row=1, col=2
    )
    if len(values) > 1:
        changes = [
            {
                "x": [time, time[:-1] + problem.order.dt / 2, [points["std"].iloc[i]]],
                "y": [plans[i].inventory, plans[i].trades, [points["expected_cost"].iloc[i]]],
            }
            for i in range(len(values))
        ]
        labels = [
            f"{value:.3g}: cost ${cost:,.0f}, risk ${risk:,.0f}"
            for value, cost, risk in zip(values, points["expected_cost"], points["std"], strict=True)
        ]
        add_slider(figure, "risk aversion λ", labels, changes, [1, 2, 4], active)
    return finish(
        figure,
        height=470,
        alt="Left: holdings over time under TWAP and Almgren-Chriss. Right: the efficient frontier of expected cost "
        "against standard deviation, with a point that moves along it as the risk aversion changes.",
        phone={
            "height": 760,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def above_optimum(problem: Problem, objectives: Mapping[str, float], optimum: float) -> go.Figure:
    """Each policy's J above the exact optimum in percent, on a logarithmic scale; the cover of the report.

    Args:
        problem: order and market, for the description.
        objectives: J by policy [$], all above ``optimum``.
        optimum: V_0 [$].
    """
    names = sorted(objectives, key=lambda name: objectives[name])
    excess = [100 * (objectives[name] / optimum - 1) for name in names]
    figure = go.Figure()
    figure.add_scatter(
        x=excess,
        y=names,
        mode="markers+text",
        text=[f"  {value:.2g}%" for value in excess],
        textposition="middle right",
        marker={"size": 15, "color": [COLOURS[name] for name in names]},
        cliponaxis=False,
        showlegend=False,
    )
    for name, value in zip(names, excess, strict=True):
        figure.add_scatter(
            x=[min(excess) / 3, value], y=[name, name], mode="lines", line={"color": COLOURS[name], "width": 3},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.update_xaxes(
        type="log",
        dtick=1,
        title="above the exact optimum (% of J)",
        range=np.log10([min(excess) / 3, max(excess) * 3]),
    )
    return finish(
        figure,
        height=300,
        alt=f"J above the exact optimum over {problem.order.periods} periods: "
        + ", ".join(f"{name} {value:.2g}%" for name, value in zip(names, excess, strict=True)),
    )


def risk_slider(problem: Problem, low: float = 1e-3, high: float = 1e2) -> Any:
    """A live ipywidgets control of lambda over `trade_off`, for notebooks with a kernel."""
    import ipywidgets  # only live notebooks need it

    control = ipywidgets.FloatLogSlider(
        value=problem.risk_aversion, min=np.log10(low), max=np.log10(high), step=0.05, description="λ (1/$)"
    )
    return ipywidgets.interactive(lambda risk_aversion: trade_off(problem, [risk_aversion]), risk_aversion=control)


# --- chapter: 01 problem

CAUSES = {
    "spread": "#3f9c95",
    "temporary": "#3f9c95",
    "transient": "#3f9c95",
    "slippage": "#3f9c95",
    "permanent": "#d0805a",
    "timing": "#d0805a",
    "leftover": "#8f79b8",
}
"""Colours of the parts of a shortfall: fill against mid, mid against arrival price, and the haircut."""


def shortfall_anatomy(episodes: Episodes, parts: Mapping[str, float], episode: int = 0) -> go.Figure:
    """One sale's shortfall twice: as the area between arrival price and fills, and as a sum of its causes.

    Args:
        episodes: simulated programs of a sale.
        parts: the parts of that episode's shortfall by cause [$]: the environment's ``info``, summed over periods.
        episode: which episode.
    """
    problem = episodes.problem
    arrival, haircut = problem.market.price, problem.order.leftover_haircut
    trades = np.append(episodes.trades[episode], episodes.leftover[episode])
    mid = episodes.mid[episode]
    fills = np.append(episodes.fills[episode], mid[-1] - haircut)
    sold = np.concatenate([[0.0], np.cumsum(trades)])
    periods = [f"period {k}" for k in range(problem.order.periods)]

    def steps(low: int, high: int, values: NDArray[np.float64]) -> dict[str, Any]:
        return {
            "x": np.round(np.repeat(sold[low : high + 1], 2)[1:-1], 1),
            "y": np.round(np.repeat(values[low:high], 2), 4),
        }

    figure = make_subplots(rows=1, cols=2, column_widths=[0.56, 0.44], horizontal_spacing=0.19)
    count = len(trades)
    arrival_line = {"x": [0, sold[-1]], "y": [arrival, arrival]}
    figure.add_scatter(**arrival_line, mode="lines", name="arrival price S₀", line={"color": NEUTRAL, "width": 2})
    figure.add_scatter(
        **steps(0, count, mid),
        mode="lines",
        name="mid price S<sub>k</sub>",
        line={"color": CAUSES["timing"], "width": 2},
        fill="tonexty",
        fillcolor="rgba(208,128,90,0.28)",
        hoverinfo="skip",
    )
    figure.add_scatter(
        **steps(0, count - 1, fills),
        mode="lines",
        name="fill price P<sub>k</sub>",
        line={"color": CAUSES["temporary"], "width": 2},
        fill="none",
        hoverinfo="skip",
    )
    # The area between two step lines, as one closed outline: fills forward, mid back.
    forward, back = steps(0, count - 1, fills), steps(0, count - 1, mid)
    figure.add_scatter(
        x=np.concatenate([forward["x"], back["x"][::-1]]),
        y=np.concatenate([forward["y"], back["y"][::-1]]),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor="rgba(63,156,149,0.30)",
        hoverinfo="skip",
        showlegend=False,
    )
    if trades[-1] > 0:
        forward, back = steps(count - 1, count, fills), steps(count - 1, count, mid)
        figure.add_scatter(
            x=np.concatenate([forward["x"], back["x"][::-1]]),
            y=np.concatenate([forward["y"], back["y"][::-1]]),
            mode="lines",
            line={"width": 1, "color": CAUSES["leftover"]},
            fill="toself",
            fillcolor="rgba(143,121,184,0.45)",
            name="left over",
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=np.round((sold[:-2] + sold[1:-1]) / 2, 1),
        y=np.round(fills[:-1], 4),
        mode="markers",
        marker={"color": CAUSES["temporary"], "size": 6},
        text=periods,
        customdata=np.round(np.column_stack([trades[:-1], mid[:-1]]), 3),
        hovertemplate="%{text}<br>%{customdata[0]:.1f} shares at $%{y:.3f}<br>mid $%{customdata[1]:.3f}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title="shares sold, one step a period", range=[0, sold[-1]], row=1, col=1)
    figure.update_yaxes(title="price ($ per share)", row=1, col=1)

    names = [name for name in CAUSES if name in parts]
    values = np.array([parts[name] for name in names], dtype=np.float64)
    starts = np.concatenate([[0.0], np.cumsum(values)])
    figure.add_bar(
        y=[*names, "shortfall"],
        x=np.round(np.append(values, starts[-1]), 2),
        base=np.round(np.append(starts[:-1], 0.0), 2),
        orientation="h",
        marker_color=[*(CAUSES[name] for name in names), NEUTRAL],
        text=[f"${value:,.0f}".replace("$-", "−$") for value in (*values, starts[-1])],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
        showlegend=False,
        row=1,
        col=2,
    )
    top = float(max(starts.max(), 0.0))
    figure.update_xaxes(title="cost ($)", range=[min(0.0, float(starts.min())), 1.2 * top], row=1, col=2)
    figure.update_yaxes(autorange="reversed", row=1, col=2)
    return finish(
        figure,
        height=440,
        alt="Left: arrival price, mid price and fills against shares sold; the area between the arrival price and "
        "the fills is the shortfall. Right: the same shortfall as a running sum of its parts by cause.",
        phone={
            "height": 800,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.56, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def score_scatter(shortfall: NDArray[np.float64], score: NDArray[np.float64]) -> go.Figure:
    """A score that is to be minimised against the implementation shortfall of the same programs [$].

    Args:
        shortfall: IS (n,) [$].
        score: another cost of the same n programs [$].
    """
    figure = go.Figure()
    figure.add_scatter(
        x=np.round(shortfall, 2),
        y=np.round(score, 2),
        mode="markers",
        marker={"color": NEUTRAL, "size": 6, "opacity": 0.5},
        showlegend=False,
        hovertemplate="shortfall $%{x:,.0f}<br>score $%{y:,.0f}<extra></extra>",
    )
    for index, name, colour, position in (
        (int(np.argmin(shortfall)), "best sale", COLOURS["best static"], "top right"),
        (int(np.argmin(score)), "lowest C", COLOURS["optimum"], "bottom left"),
    ):
        figure.add_scatter(
            x=np.round(shortfall[[index]], 2),
            y=np.round(score[[index]], 2),
            mode="markers+text",
            marker={"color": colour, "size": 13},
            text=[name],
            textposition=position,
            textfont={"color": colour, "size": 14},
            showlegend=False,
            hovertemplate=name + ": shortfall $%{x:,.0f}, score $%{y:,.0f}<extra></extra>",
        )
    room = 0.14 * np.array([-1, 1]) * np.ptp(score) + [score.min(), score.max()]
    figure.update_xaxes(title="implementation shortfall ($)", tickformat=",.0f")
    figure.update_yaxes(title="the original note's C ($)", tickformat=",.0f", range=np.round(room, 1).tolist())
    return finish(
        figure,
        height=360,
        alt="Scatter of the original note's cost C against implementation shortfall: C falls as the shortfall "
        "rises, so the sale with the smallest C is the worst one.",
    )


# --- chapter: 05 impact


def block_response(
    problem: Problem, block: float, transient: Sequence[tuple[str, NDArray[np.float64]]], paths: int = 8
) -> go.Figure:
    """How the price effect of one block evolves: its three parts, and the noise of the part that decays.

    Args:
        problem: a market with transient impact.
        block: shares sold in period 0, with nothing after it.
        transient: up to two (label, I_k (n, N)) pairs, the simulated transient impact at the start of each period
            [$/share]; each gets a fan.
        paths: how many simulated paths to show in each fan.
    """
    market, dt = problem.market, problem.order.dt
    level = market.liquidity.long_run_mean
    first = transient[0][1]
    time = np.arange(first.shape[1]) * dt
    push = market.transient * block / level
    decaying = np.concatenate([[push], push * decay_moments(problem)[0] ** np.arange(1, len(time))])
    lasting = np.full(len(time), market.permanent * block)
    at_once = (market.temporary + market.transient / 2) * block / level
    columns = 1 + len(transient)
    figure = make_subplots(rows=1, cols=columns, horizontal_spacing=0.13)
    figure.add_scatter(
        x=time,
        y=np.round(-lasting, 5),
        name="permanent",
        line={"color": CAUSES["permanent"], "width": 2},
        fill="tozeroy",
        fillcolor="rgba(208,128,90,0.28)",
    )
    figure.add_scatter(
        x=time,
        y=np.round(-lasting - decaying, 5),
        name="transient, expected",
        line={"color": CAUSES["transient"], "width": 2},
        fill="tonexty",
        fillcolor="rgba(63,156,149,0.30)",
    )
    figure.add_scatter(
        x=[0, 0],
        y=[0, -round(at_once, 5)],
        name="the block's own fill",
        mode="lines+markers",
        marker={"size": [0, 12], "symbol": "diamond", "color": COLOURS["optimum"], "opacity": 1},
        line={"color": COLOURS["optimum"], "width": 2, "dash": "dot"},
        cliponaxis=False,
    )
    figure.update_xaxes(title="periods after the block", range=[-0.02 * time[-1], time[-1]], row=1, col=1)
    figure.update_yaxes(title="displacement ($ per share)", row=1, col=1)
    top = max(float(np.quantile(values / push, 0.975, axis=0).max()) for _, values in transient)
    for column, (label, values) in enumerate(transient, start=2):
        scaled = values / push
        scaled = np.column_stack([np.ones(len(scaled)), scaled[:, 1:]])
        low, high = np.quantile(scaled, [0.025, 0.975], axis=0)
        shown = {"row": 1, "col": column, "showlegend": column == 2, "hoverinfo": "skip"}
        figure.add_scatter(
            x=np.concatenate([time, time[::-1]]),
            y=np.round(np.concatenate([high, low[::-1]]), 4),
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor="rgba(63,156,149,0.22)",
            name="95% of paths",
            **shown,
        )
        for path in scaled[:paths]:
            line = {"color": CAUSES["transient"], "width": 1}
            figure.add_scatter(
                x=time,
                y=np.round(path, 4),
                mode="lines",
                line=line,
                opacity=0.45,
                row=1,
                col=column,
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=time, y=np.round(scaled.mean(axis=0), 4), name="mean", line={"color": NEUTRAL, "width": 3}, **shown
        )
        figure.add_annotation(
            text=label,
            x=0.97,
            y=0.97,
            xref="x domain" if column == 1 else f"x{column} domain",
            yref=f"y{column} domain",
            xanchor="right",
            yanchor="top",
            showarrow=False,
            font={"size": 14},
        )
        figure.update_xaxes(title="periods after the block", range=[0, time[-1]], row=1, col=column)
        figure.update_yaxes(range=[0, 1.05 * max(1.0, top)], row=1, col=column)
    figure.update_yaxes(title="share of the push that is left", row=1, col=2)
    edges = np.linspace(1, 0, columns + 1)
    phone: dict[str, Any] = {"height": 330 * columns, "legend": {"y": 1.02}}
    for column in range(columns):
        suffix = "" if column == 0 else str(column + 1)
        phone[f"xaxis{suffix}"] = {"domain": [0, 1], "anchor": f"y{suffix}"}
        phone[f"yaxis{suffix}"] = {"domain": [float(edges[column + 1]) + 0.08, float(edges[column]) - 0.01]}
    return finish(
        figure,
        height=420,
        alt="The price after one block: temporary impact hits only the block's own fill, permanent impact stays, and "
        "transient impact decays towards zero, along random paths whose spread grows with the noise of the decay.",
        phone=phone,
    )


def resilience_slider(problem: Problem, rates: Sequence[float], selected: float) -> go.Figure:
    """Obizhaeva and Wang's schedule against TWAP, for a range of resilience rates.

    Args:
        problem: an order in a market whose only impact is transient; its own decay rate is not used.
        rates: the slider's positions, rho = delta [1/time], ascending.
        selected: the rate shown first; the nearest position is taken.
    """
    values = np.asarray(rates, dtype=np.float64)
    active = int(np.argmin(np.abs(values - selected)))
    periods = np.arange(problem.order.periods)
    even = twap(problem)
    level = problem.market.liquidity.long_run_mean

    def path(at: Problem, plan: Schedule) -> NDArray[np.float64]:
        """Displacement of the book before and after each trade, as the points of a saw-tooth line."""
        points, impact = [], 0.0
        for trade in plan.trades:
            after = impact + at.market.transient * trade / level
            points += [impact, after]
            impact = after * float(np.exp(-at.market.decay * at.order.dt))
        return np.round(points, 4)

    saw = np.repeat(periods, 2)
    changes: list[dict[str, list[Any]]] = []
    for value in values:
        at = problem.replace(decay=float(value))
        plan = best_static(at)
        costs = [best.expected_cost for best in (plan, Schedule(at, even.trades))]
        changes.append(
            {
                "y": [np.round(plan.trades, 2), path(at, plan), path(at, even)],
                "name": [
                    f"optimal trades: cost ${costs[0]:,.0f}",
                    "book after optimal trades",
                    f"TWAP: cost ${costs[1]:,.0f}",
                ],
            }
        )
    shown = changes[active]
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    best = COLOURS["best static"]
    figure.add_bar(x=periods, y=shown["y"][0], name=shown["name"][0], marker_color=best)
    figure.add_scatter(
        x=saw, y=shown["y"][1], name=shown["name"][1], line={"color": best, "width": 2}, showlegend=False, row=1, col=2
    )
    figure.add_scatter(
        x=saw, y=shown["y"][2], name=shown["name"][2], line={"color": COLOURS["TWAP"], "width": 1.5}, row=1, col=2
    )
    shares = problem.order.shares
    figure.add_scatter(
        x=periods[[0, -1]],
        y=[shares / len(periods)] * 2,
        line={"color": COLOURS["TWAP"], "dash": "dot"},
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.update_xaxes(title="period k", row=1, col=1, range=[-0.7, len(periods) - 0.3])
    figure.update_yaxes(title="trade v<sub>k</sub> (shares)", range=[0, 0.52 * shares], row=1, col=1)
    figure.update_xaxes(title="period k", row=1, col=2, range=[-0.7, len(periods) - 0.3])
    top = problem.market.transient * shares / level
    figure.update_yaxes(title="transient impact I ($ per share)", range=[0, 1.03 * top], row=1, col=2)
    add_slider(figure, "resilience ρ (per period)", [f"{value:.3g}" for value in values], changes, [0, 1, 2], active)
    return finish(
        figure,
        height=480,
        alt="Left: the optimal trade list in a market with transient impact only, two large blocks at the ends and "
        "small equal trades between. Right: the transient impact that it and TWAP build up. "
        "The slider sets the resilience.",
        phone={
            "height": 780,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42]},
        },
    )


def round_trips(trips: Mapping[str, tuple[NDArray[np.float64], float]]) -> go.Figure:
    """Round trips and what they cost.

    Args:
        trips: for each label the signed trades (N,) [shares, sales positive] and their expected cost [$].
    """
    figure = make_subplots(
        rows=1,
        cols=len(trips),
        horizontal_spacing=0.1,
        shared_yaxes=True,
        subplot_titles=[f"{label}: costs ${cost:,.0f}" for label, (_, cost) in trips.items()],
    )
    for column, (trades, _) in enumerate(trips.values(), start=1):
        colours = [CAUSES["transient"] if v > 0 else CAUSES["permanent"] for v in trades]
        figure.add_bar(
            x=np.arange(len(trades)), y=np.round(trades, 2), marker_color=colours, showlegend=False, row=1, col=column
        )
        figure.update_xaxes(title="period k", row=1, col=column)
    figure.update_yaxes(title="sold (+), bought (−), shares", row=1, col=1)
    phone: dict[str, Any] = {"height": 300 * len(trips), "annotations": {}}
    edges = np.linspace(1, 0, len(trips) + 1)
    for index in range(len(trips)):
        suffix = "" if index == 0 else str(index + 1)
        top = float(edges[index]) - 0.06
        phone[f"xaxis{suffix}"] = {"domain": [0, 1], "anchor": f"y{suffix}"}
        phone[f"yaxis{suffix}"] = {"domain": [float(edges[index + 1]) + 0.1, top], "showticklabels": True}
        phone["annotations"][index] = {"x": 0.5, "y": top}
    return finish(
        figure,
        height=340,
        alt="Signed trade lists of round trips by period with their expected costs, all of them positive: "
        + "; ".join(trips)
        + ".",
        phone=phone,
    )


def blind_spot(decays: NDArray[np.float64], losses: Mapping[str, NDArray[np.float64]]) -> go.Figure:
    """What ignoring the decay of impact costs, against the decay rate.

    Args:
        decays: delta (m,) [1/time], ascending.
        losses: by label, excess J over the best schedule (m,) [%].
    """
    figure = go.Figure()
    colours = [CAUSES[cause] for cause in ("transient", "permanent", "leftover")]
    for (name, loss), colour in zip(losses.items(), colours, strict=False):
        figure.add_scatter(
            x=np.round(decays, 6),
            y=np.round(loss, 4),
            name=name,
            line={"color": colour, "width": 2.5},
            hovertemplate="δ = %{x:.3g}: %{y:.2f}%<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="decay rate δ (per period)", type="log", dtick=1)
    figure.update_yaxes(title="excess of J over the best (%)", rangemode="tozero")
    return finish(
        figure,
        height=360,
        alt="Loss from planning without decay against the decay rate on a logarithmic scale: near zero at both ends, "
        "with a peak where the life of a push is about half the horizon.",
    )


def plan_comparison(schedules: Mapping[str, Schedule]) -> go.Figure:
    """Trade lists of several schedules, by the names of `COLOURS` [shares]."""
    figure = go.Figure()
    for name, schedule in schedules.items():
        figure.add_scatter(
            x=np.arange(len(schedule.trades)),
            y=np.round(schedule.trades, 2),
            name=name,
            mode="lines+markers",
            line={"color": COLOURS[name], "width": 2.5, "dash": "dot" if name == "TWAP" else "solid"},
            hovertemplate="period %{x}: %{y:.1f} shares<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="period k")
    figure.update_yaxes(title="trade v<sub>k</sub> (shares)", rangemode="tozero")
    names = " and ".join(schedules)
    return finish(figure, height=380, alt=f"Shares sold in each period under {names}.")


# --- chapter: 07 benchmarks
VARIANCE_PARTS = {"price": CAUSES["timing"], "slippage": CAUSES["slippage"], "liquidity": "#5b6f95"}
"""Colours of the parts of Var[IS]: price risk is what `CAUSES` calls timing."""


def paired_forest(differences: pd.DataFrame, base: str) -> go.Figure:
    """Paired differences to a base policy with 95% intervals: a panel a statistic, a row a policy, a mark a budget.

    Args:
        differences: one row an estimate, with columns statistic (the panel's title), policy, episodes, difference and
            ci (95% half-width), both in $.
        base: the policy that the differences are taken to.
    """
    panels = list(dict.fromkeys(differences["statistic"]))
    policies = list(dict.fromkeys(differences["policy"]))
    budgets = sorted(set(differences["episodes"]))
    table = differences.set_index(["statistic", "policy", "episodes"])[["difference", "ci"]]
    estimates = dict(zip(table.index, table.to_numpy(dtype=np.float64).tolist(), strict=True))
    rows = (len(panels) + 1) // 2
    figure = make_subplots(
        rows=rows,
        cols=2,
        subplot_titles=[panel.replace("J_mv", "J<sub>mv</sub>") for panel in panels],
        horizontal_spacing=0.06,
        vertical_spacing=0.3 / rows,
    )
    for b, budget in enumerate(budgets):
        last = b == len(budgets) - 1
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=f"{budget:,} episodes",
            marker={"color": NEUTRAL, "size": 9 if last else 8, "symbol": "circle" if last else "circle-open"},
        )
        for p, panel in enumerate(panels):
            for i, policy in enumerate(policies):
                value, half = estimates[panel, policy, budget]
                figure.add_scatter(
                    x=[round(value, 4)],
                    y=[len(policies) - 1 - i + (0.17 if not last else -0.1)],
                    error_x={"array": [round(half, 4)], "thickness": 3 if last else 1.5, "width": 0 if last else 4},
                    mode="markers+text" if last else "markers",
                    text=[(f"{value:+,.1f}" if abs(value) < 10 else f"{value:+,.0f}").replace("-", "−") + " "],
                    textposition="middle left" if value < 0 else "middle right",
                    textfont={"size": 11},
                    marker={
                        "color": COLOURS.get(policy, NEUTRAL),
                        "size": 9 if last else 8,
                        "symbol": "circle" if last else "circle-open",
                    },
                    hovertemplate=f"{policy} − {base}: {value:+,.2f} ± {half:,.2f} $<extra>{budget:,} episodes</extra>",
                    cliponaxis=False,
                    showlegend=False,
                    row=p // 2 + 1,
                    col=p % 2 + 1,
                )
    figure.add_vline(x=0, line={"color": COLOURS.get(base, NEUTRAL), "width": 1.5, "dash": "dot"})
    ticks = {"tickvals": [*range(len(policies))], "ticktext": policies[::-1]}
    figure.update_yaxes(range=[-0.75, len(policies) - 0.45], zeroline=False, showgrid=False, **ticks)
    figure.update_yaxes(showticklabels=False, col=2)
    figure.update_xaxes(zeroline=False, title={"text": f"difference to {base} ($)", "standoff": 6})
    for p, panel in enumerate(panels):  # room for the values
        here = table.loc[panel]
        low = min(0.0, float((here["difference"] - here["ci"]).min()))
        high = max(0.0, float((here["difference"] + here["ci"]).max()))
        edge = 0.16 * (high - low)
        figure.update_xaxes(range=[low - edge, high + edge], row=p // 2 + 1, col=p % 2 + 1)
    figure.update_layout(legend={"y": 1.09}, margin={"t": 64})
    phone: dict[str, Any] = {"height": 330 * len(panels), "annotations": {}, "legend": {"y": 1.03}}
    share = 1 / len(panels)
    for p in range(len(panels)):
        top, number = 1 - p * share, "" if p == 0 else str(p + 1)
        phone[f"xaxis{number}"] = {"domain": [0, 1], "anchor": f"y{number}"}
        phone[f"yaxis{number}"] = {"domain": [top - 0.72 * share, top], "showticklabels": True}
        phone["annotations"][str(p)] = {"x": 0.5, "y": top}
    return finish(
        figure,
        height=330 * rows,
        alt=f"Paired differences to {base} with 95% intervals, by policy: {'; '.join(panels)}. Each is shown for "
        f"{' and for '.join(f'{budget:,}' for budget in budgets)} episodes.",
        phone=phone,
    )


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
        colour = COLOURS.get(name, NEUTRAL)
        figure.add_scatter(
            x=np.round(grid, 1),
            y=np.round(1000 * density, 3),
            name=name,
            legendgroup=name,
            line={"color": colour, "width": 2.5, "dash": "dot" if name == "optimum" else "solid"},
            hovertemplate=f"{name}<extra></extra>",
        )
        mean = float(sample.mean())
        figure.add_scatter(
            x=[round(mean, 1)],
            y=[round(1000 * float(np.interp(mean, grid, density)), 3)],
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


def variance_parts(parts: pd.DataFrame, name: str, selected: float) -> go.Figure:
    """Var[IS] by cause, stacked, a bar a policy, with a slider over a market parameter.

    Args:
        parts: columns setting (the slider's value), policy, and price, slippage, liquidity [$^2].
        name: what the slider is called.
        selected: the setting shown first.
    """
    settings = sorted(set(parts["setting"]))
    policies = list(dict.fromkeys(parts["policy"]))
    tables = [parts[parts["setting"] == value].set_index("policy").loc[policies] for value in settings]
    active = int(np.argmin(np.abs(np.asarray(settings) - selected)))

    def shown(table: pd.DataFrame) -> dict[str, list[Any]]:
        columns = [table[part].round(1).tolist() for part in VARIANCE_PARTS]
        total = table[list(VARIANCE_PARTS)].sum(axis=1)
        label = [f"sd {value**0.5:,.0f} $" for value in total]
        return {"y": [*columns, total.round(1).tolist()], "text": ["", "", "", label]}

    first = shown(tables[active])
    figure = go.Figure()
    for part, heights in zip(VARIANCE_PARTS, first["y"], strict=False):
        figure.add_bar(
            x=policies,
            y=heights,
            name=part,
            marker_color=VARIANCE_PARTS[part],
            hovertemplate=f"{part}: %{{y:,.0f}} $²<extra>%{{x}}</extra>",
        )
    figure.add_scatter(
        x=policies, y=first["y"][3], text=first["text"][3], mode="text", textposition="top center", showlegend=False
    )
    figure.data[3].hoverinfo = "skip"
    top = max(float(table[list(VARIANCE_PARTS)].sum(axis=1).max()) for table in tables)
    figure.update_layout(barmode="stack", bargap=0.35, margin={"t": 44})
    figure.update_yaxes(title="Var[IS] ($²)", range=[0, 1.1 * top])
    changes = [shown(table) for table in tables]
    add_slider(figure, name, [f"{value:.2f}" for value in settings], changes, [0, 1, 2, 3], active)
    return finish(
        figure,
        height=480,
        alt="Variance of the shortfall by policy, stacked by cause: price, slippage and liquidity. As liquidity "
        "becomes more volatile the liquidity part grows from nothing, most of all for the front-loaded schedules.",
        phone={"xaxis": {"tickangle": -35, "tickfont": {"size": 11}}, "height": 520},
    )


def excess_objective(panels: Mapping[str, pd.DataFrame]) -> go.Figure:
    """(J - J_optimum) / J_optimum by policy on a log scale, a panel a market parameter.

    Args:
        panels: by axis title, a frame indexed by the parameter with a column a policy [fraction of J_optimum], and
            "<policy>_ci" (95% half-width) for those that are estimated.
    """
    figure = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, horizontal_spacing=0.05)
    for p, (title, frame) in enumerate(panels.items()):
        for policy in [name for name in frame.columns if not name.endswith("_ci")]:
            values = 100 * frame[policy].to_numpy()
            spread = {}
            if f"{policy}_ci" in frame:
                half = 100 * frame[f"{policy}_ci"].to_numpy()
                spread = {
                    "error_y": {
                        "array": [float(f"{value:.3g}") for value in half],
                        "arrayminus": [float(f"{value:.3g}") for value in np.minimum(half, 0.95 * values)],
                        "thickness": 1.5,
                        "width": 4,
                    }
                }
            figure.add_scatter(
                x=frame.index,
                y=[float(f"{value:.4g}") for value in values],
                name=policy,
                legendgroup=policy,
                showlegend=p == 0,
                mode="lines+markers",
                line={
                    "color": COLOURS.get(policy, NEUTRAL),
                    "width": 2.5,
                    "dash": "dot" if policy == "best static" else "solid",
                },
                marker={"size": 7},
                hovertemplate=f"{policy}: %{{y:.3g}}%<extra></extra>",
                **spread,
                row=1,
                col=p + 1,
            )
        wide = frame.index.max() / frame.index.min() > 30
        figure.update_xaxes(title=title, type="log" if wide else "linear", row=1, col=p + 1)
        if wide:
            figure.update_xaxes(tickvals=list(frame.index), row=1, col=p + 1)
    figure.update_yaxes(type="log", dtick=1, tickformat="~r", ticksuffix="%")
    figure.update_yaxes(title="excess of J over the optimum", row=1, col=1)
    return finish(
        figure,
        height=430,
        alt="Excess of J over its lower bound, in per cent on a logarithmic scale, for AC, the best static schedule "
        f"and the rolling rule, against {' and against '.join(panels)}. AC and the best static schedule lie on top of "
        "each other, one to two orders of magnitude above the rolling rule.",
        phone={
            "height": 720,
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.58, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0, 0.42], "showticklabels": True, "title": {"text": "excess of J over the optimum"}},
        },
    )


# --- chapter: 04 liquidity

LIQUIDITY = "#1b8a9a"
CONTRAST = "#b5446e"
"""Depth and what is set against it, in the chapters on liquidity and the environment: no policy has these colours."""


def _stacked(figure: go.Figure, panels: int, height: int, gap: float = 0.09) -> dict[str, Any]:
    """Layout overrides that put the panels of a figure one above the other; its first annotations are their titles."""
    part = (1 - gap * (panels - 1)) / panels
    phone: dict[str, Any] = {"height": height}
    for i in range(panels):
        top = 1 - i * (part + gap)
        name = "" if i == 0 else str(i + 1)
        phone[f"xaxis{name}"] = {"domain": [0, 1], "anchor": f"y{name}"}
        phone[f"yaxis{name}"] = {"domain": [max(top - part, 0.0), top], "anchor": f"x{name}"}
    titles = min(len(figure.layout.annotations), panels)
    tops = [1 - i * (part + gap) for i in range(titles)]
    phone["annotations"] = {i: {"x": 0.5, "xanchor": "center", "y": top} for i, top in enumerate(tops)}
    return phone


def liquidity_fans(panels: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], shown: int = 3) -> go.Figure:
    """Fan charts of liquidity on common axes: quantile bands, the exact mean and a few sample paths of each market.

    Args:
        panels: two or four markets by title, each with levels (n, N) of n episodes and their exact mean (N,).
        shown: how many sample paths, the first ones.
    """
    rows = (len(panels) + 1) // 2
    figure = make_subplots(
        rows=rows, cols=2, subplot_titles=list(panels), horizontal_spacing=0.09, vertical_spacing=0.17
    )
    highest = 0.0
    for i, (levels, average) in enumerate(panels.values()):
        place = {"row": i // 2 + 1, "col": i % 2 + 1}
        time = np.arange(levels.shape[1] + 1)
        bands = [np.quantile(levels, (1 - width) / 2 + np.array([0, width]), axis=0) for width in (0.9, 0.5)]
        highest = max(highest, float(bands[0].max()), float(levels[:shown].max()))

        def held(values: NDArray[np.float64]) -> NDArray[np.float64]:
            """A level holds for its whole period: the last value once more, where the last period ends."""
            return np.round(np.append(values, values[-1]), 3)

        for (low, high), name, colour in zip(
            bands, ("90% of episodes", "50%"), ("rgba(27,138,154,0.20)", "rgba(27,138,154,0.34)"), strict=True
        ):
            edge = {"x": time, "line": {"width": 0, "shape": "hv"}, "mode": "lines", "hoverinfo": "skip"}
            figure.add_scatter(y=held(low), showlegend=False, **edge, **place)
            figure.add_scatter(
                y=held(high), name=name, fill="tonexty", fillcolor=colour, showlegend=i == 0, **edge, **place
            )
        for j, path in enumerate(levels[:shown]):
            figure.add_scatter(
                x=time,
                y=held(path),
                name="single episodes",
                mode="lines",
                line={"color": NEUTRAL, "width": 1.4, "shape": "hv", "dash": ("solid", "dot", "dash")[j % 3]},
                showlegend=i == 0 and j == 0,
                **place,
            )
        figure.add_scatter(
            x=time,
            y=held(average),
            name="exact mean",
            mode="lines",
            line={"color": LIQUIDITY, "width": 3, "shape": "hv"},
            showlegend=i == 0,
            **place,
        )
    figure.update_xaxes(range=[0, levels.shape[1]])
    figure.update_xaxes(title="time (periods)", row=rows)
    figure.update_yaxes(range=[0, 1.05 * highest])
    figure.update_yaxes(title="liquidity L", col=1)
    figure.update_layout(legend={"y": 1.07})
    phone = _stacked(figure, len(panels), 300 * len(panels), 0.07)
    phone["legend"] = {"y": 1.03}
    for i in range(2, len(panels)):  # only the lowest panel names the axis there
        phone[f"xaxis{i}"]["title"] = {"text": ""}
    return finish(
        figure,
        height=300 * rows,
        alt="Fan charts of liquidity over twenty periods for " + ", ".join(panels) + ", on the same axes.",
        phone=phone,
    )


def autocorrelation(
    theory: Mapping[str, NDArray[np.float64]],
    estimates: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    colours: Sequence[str] = (LIQUIDITY, CONTRAST),
) -> go.Figure:
    """Autocorrelations of liquidity: theory as lines, Monte Carlo with 95% intervals as points.

    Args:
        theory: by process, autocorrelations at lags 0, 1, ... .
        estimates: by process, Monte Carlo values at the same lags and the half-widths of their intervals.
        colours: one a process.
    """
    figure = go.Figure()
    for (name, line), colour in zip(theory.items(), colours, strict=False):
        value, width = estimates[name]
        lags = np.arange(len(line))
        figure.add_scatter(x=lags, y=line, name=f"{name}, theory", mode="lines", line={"color": colour, "width": 2})
        figure.add_scatter(
            x=lags,
            y=value,
            error_y={"array": width, "color": colour},
            name="simulated",
            mode="markers",
            marker={"color": colour, "size": 7},
        )
    figure.add_hline(y=0.5, line={"color": NEUTRAL, "dash": "dot", "width": 1.5})
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=0.5, yanchor="bottom", text="half of it forgotten", showarrow=False
    )
    figure.update_xaxes(title="lag (periods)", dtick=1)
    figure.update_yaxes(title="autocorrelation of L", range=[-0.06, 1.05])
    return finish(
        figure,
        height=380,
        alt="Autocorrelation of liquidity against the lag: points from simulation lie on the two theoretical curves.",
        phone={"height": 420},
    )


def shock_response(
    responses: Mapping[str, NDArray[np.float64]], colours: Sequence[str] = (NEUTRAL, LIQUIDITY, CONTRAST)
) -> go.Figure:
    """Expected liquidity after a shock as a fraction of what it would have been without.

    Args:
        responses: by market, ratios (K,) in the period of the shock and those after.
        colours: one a market.
    """
    figure = go.Figure()
    for (name, ratio), colour in zip(responses.items(), colours, strict=False):
        figure.add_scatter(
            x=np.arange(len(ratio)),
            y=np.round(100 * ratio, 3),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
        )
    figure.update_xaxes(title="periods since the shock")
    figure.update_yaxes(title="expected liquidity (% of unshocked)", range=[0, 105])
    return finish(
        figure,
        height=380,
        alt="Expected liquidity after a shock, relative to no shock: three markets that recover at different speeds.",
        phone={"height": 440, "legend": {"orientation": "v"}},
    )


def jensen(processes: Sequence[OrnsteinUhlenbeck], dt: float, periods: int, active: int = 0) -> go.Figure:
    """Why a market of varying depth is dearer than its mean: 1/L is convex. One slider over the volatility.

    Args:
        processes: Ornstein-Uhlenbeck processes that differ in volatility alone, ascending; the slider's positions.
        dt: length of a period [time].
        periods: N; the distribution shown is that of the last period.
        active: the position shown first.
    """
    top = 2.2
    axis = np.linspace(0.02, top, 110)
    changes = []
    for process in processes:
        chain = cached_chain(process, dt, periods)
        weight = np.zeros(len(chain.levels))
        weight[chain.start] = 1.0
        inverse, before = [1 / process.start], weight
        for _ in range(periods - 1):
            before, weight = weight, weight @ chain.matrix
            inverse.append(float(weight @ (1 / chain.levels)))
        centre = chain.levels + process.speed * dt * (process.mean - chain.levels)
        deviation = process.volatility * dt**0.5
        density = before @ (np.exp(-(((axis - centre[:, None]) / deviation) ** 2) / 2)) / deviation
        density = np.where(axis >= process.floor, density, 0.0)
        average = float(weight @ chain.levels)
        changes.append(
            {
                "x": [axis, [average, average], np.arange(periods)],
                "y": [
                    np.round(1.6 * density / density.max(), 3),
                    np.round([1 / average, inverse[-1]], 4),
                    np.round(inverse, 4),
                ],
            }
        )
    first = changes[active]
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.13, subplot_titles=["What a share costs at depth L", "What a planner pays"]
    )
    figure.add_scatter(
        x=axis,
        y=first["y"][0],
        name="how often (not to scale)",
        fill="tozeroy",
        line={"color": LIQUIDITY, "width": 1},
        fillcolor="rgba(27,138,154,0.25)",
        hoverinfo="skip",
    )
    figure.add_scatter(x=axis[10:], y=np.round(1 / axis[10:], 3), name="1/L", line={"color": NEUTRAL, "width": 2.5})
    figure.add_scatter(
        x=first["x"][1],
        y=first["y"][1],
        name="from 1/E[L] up to E[1/L]",
        mode="lines+markers",
        line={"color": CONTRAST, "width": 3},
        marker={"size": 9, "symbol": ["circle-open", "circle"]},
    )
    figure.add_scatter(
        x=first["x"][2],
        y=first["y"][2],
        name="E[1/L] by period",
        mode="lines+markers",
        line={"color": CONTRAST, "width": 2},
        showlegend=False,
        row=1,
        col=2,
    )
    figure.add_scatter(
        x=[0, periods - 1],
        y=[1 / processes[0].mean] * 2,
        name="1/mean",
        mode="lines",
        line={"color": NEUTRAL, "dash": "dot"},
        showlegend=False,
        row=1,
        col=2,
    )
    ceiling = max(max(change["y"][2]) for change in changes)
    figure.update_xaxes(title="liquidity L", range=[0, top], row=1, col=1)
    figure.update_yaxes(title="cost of a share, relative to L = 1", range=[0, 2.5], row=1, col=1)
    figure.update_xaxes(title="period k", row=1, col=2)
    figure.update_yaxes(title="E[1/L], relative to L = 1", range=[0.97, 1.02 * ceiling], row=1, col=2)
    labels = [f"{process.volatility:.2f}" for process in processes]
    add_slider(figure, "volatility of liquidity", labels, changes, [0, 2, 3], active)
    figure.update_layout(legend={"y": 1.1})
    phone = _stacked(figure, 2, 860, 0.16)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=500,
        alt="Left: the convex curve 1/L over the distribution of L, with the mean of 1/L above 1 over the mean of L. "
        "Right: the mean of 1/L rises over the first periods and stays above one; a slider sets the volatility.",
        phone=phone,
    )


def two_clocks(
    profile: NDArray[np.float64],
    schedules: Mapping[str, NDArray[np.float64]],
    excess: Mapping[str, Sequence[float]],
    clocks: Sequence[str],
) -> go.Figure:
    """Trade lists under a volume profile, and what each costs above the best one, by the clock that risk runs on.

    Args:
        profile: (N,) volume profile with mean 1.
        schedules: trades (N,) by name.
        excess: by the same names, $ above the optimum, one value a clock.
        clocks: names of the clocks.
    """
    palette = (COLOURS["AC"], CONTRAST)
    figure = make_subplots(
        rows=1,
        cols=2,
        column_widths=[0.56, 0.44],
        horizontal_spacing=0.14,
        subplot_titles=["Trade lists", "Cost above the optimum"],
    )
    time = np.arange(len(profile)) + 0.5
    scale = np.concatenate(list(schedules.values())).sum() / len(schedules) / len(profile)
    figure.add_bar(
        x=time,
        y=np.round(scale * profile, 2),
        name="volume-weighted (VWAP)",
        marker_color=COLOURS["VWAP"],
        opacity=0.35,
    )
    for (name, trades), colour in zip(schedules.items(), palette, strict=False):
        figure.add_scatter(x=time, y=np.round(trades, 2), name=name, line={"color": colour, "width": 2.5})
        figure.add_bar(
            x=list(clocks),
            y=np.round(excess[name], 3),
            name=name,
            marker_color=colour,
            showlegend=False,
            text=[f"{max(value, 0.0):.2f}" for value in excess[name]],
            textposition="outside",
            cliponaxis=False,
            row=1,
            col=2,
        )
    highest = max(max(values) for values in excess.values())
    figure.update_xaxes(title="time (periods)", range=[0, len(profile)], row=1, col=1)
    figure.update_yaxes(title="trade (shares a period)", rangemode="tozero", row=1, col=1)
    figure.update_xaxes(title="variance accrues in", row=1, col=2)
    figure.update_yaxes(title="J above the optimum ($)", range=[0, 1.2 * highest], row=1, col=2)
    figure.update_layout(barmode="group", legend={"y": 1.1})
    phone = _stacked(figure, 2, 820, 0.16)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=430,
        alt="Left: two front-loaded trade lists under a U-shaped volume profile, nearly the same. Right: each is the "
        "cheaper one on the clock it was made for.",
        phone=phone,
    )


# --- chapter: 02 almgren-chriss

_STACKED = {
    "xaxis": {"domain": [0, 1], "anchor": "y"},
    "yaxis": {"domain": [0.6, 1]},
    "xaxis2": {"domain": [0, 1], "anchor": "y2"},
    "yaxis2": {"domain": [0, 0.4]},
}
"""Two panels one above the other, for narrow screens."""

_SMALL_SLIDER = {"sliders": {"0": {"currentvalue": {"font": {"size": 12}}}}}
"""A slider whose long label fits a narrow screen."""


def _live(draw: Any, value: float, low: float, high: float) -> Any:
    """A live ipywidgets control of lambda over a function that draws a figure for one value."""
    import ipywidgets  # only live notebooks need it

    control = ipywidgets.FloatLogSlider(
        value=value, min=np.log10(low), max=np.log10(high), step=0.05, description="λ (1/$)"
    )
    return ipywidgets.interactive(draw, risk_aversion=control)


def holdings(
    problem: Problem,
    risk_aversions: Sequence[float],
    selected: float | None = None,
    family: Sequence[float] = (0.05, 5.0),
    unit: str = "periods",
) -> go.Figure:
    """Optimal holdings with half-life and e-folding time, on a linear and a logarithmic axis.

    Args:
        problem: order and market with a flat day; planned in its deterministic-liquidity market.
        risk_aversions: lambda values > 0 [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
        family: values of lambda whose schedules stay in view for comparison.
        unit: what the problem's time is measured in.
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    active = int(np.argmin(np.abs(values - (problem.risk_aversion if selected is None else selected))))
    shares, periods = problem.order.shares, problem.order.periods
    time = np.arange(periods + 1) * problem.order.dt
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    figure.add_scatter(
        x=time, y=twap(problem).inventory, name="TWAP (λ = 0)", line={"color": COLOURS["TWAP"], "dash": "dot"}
    )
    for value in family:
        held = almgren_chriss(problem.replace(risk_aversion=value)).inventory
        label = np.full(periods + 1, "", dtype=object)
        label[int(np.argmin(np.abs(held - 0.3 * shares)))] = f"λ = {value:g}"
        figure.add_scatter(
            x=time,
            y=held.round(3),
            text=label,
            mode="lines+text",
            textposition="bottom left",
            showlegend=False,
            hoverinfo="skip",
            line={"color": NEUTRAL, "width": 1},
        )
    first = len(figure.data)

    def state(value: float) -> dict[str, list[Any]]:
        at = problem.replace(risk_aversion=value)
        held = almgren_chriss(at).inventory
        half, fold = half_life(at), e_folding_time(at)
        at_half, at_fold = (float(np.interp(t, time, held)) for t in (half, fold))
        decay = np.exp(-urgency(at) * time)
        return {
            "x": [time, [half, half], [fold, fold], time[:-1], time, [half], [fold]],
            "y": [
                held.round(3),
                [at_half, 0],
                [at_fold, 0],
                (100 * held[:-1] / shares).round(4),
                (100 * decay).round(4),
                [50],
                [100 * np.exp(-1)],
            ],
        }

    now = state(float(values[active]))
    half_style = {"color": COLOURS["optimum"], "size": 10, "symbol": "diamond"}
    fold_style = {"color": COLOURS["rolling"], "size": 10, "symbol": "square"}
    styles: list[dict[str, Any]] = [
        {"name": "Almgren–Chriss", "line": {"color": COLOURS["AC"], "width": 3}, "mode": "lines"},
        {"name": "half-life ln 2/κ", "mode": "lines+markers", "line": {"dash": "dash", "width": 1}},
        {"name": "e-folding time 1/κ", "mode": "lines+markers", "line": {"dash": "dash", "width": 1}},
        {"line": {"color": COLOURS["AC"], "width": 3}, "mode": "lines", "showlegend": False},
        {"name": "100 exp(−κt)", "line": {"color": NEUTRAL, "dash": "dash"}, "mode": "lines"},
        {"mode": "markers", "showlegend": False},
        {"mode": "markers", "showlegend": False},
    ]
    for i, marker in ((1, half_style), (2, fold_style), (5, half_style), (6, fold_style)):
        styles[i]["marker"] = marker
        if "line" in styles[i]:  # a drop line, with its mark at the upper end alone
            styles[i]["marker"] = {**marker, "size": [10, 0], "opacity": 1}
            styles[i]["line"]["color"] = marker["color"]
    for i, style in enumerate(styles):
        figure.add_scatter(x=now["x"][i], y=now["y"][i], row=1, col=1 if i < 3 else 2, **style)
    figure.update_xaxes(title=f"time ({unit})", range=[0, time[-1]])
    figure.update_yaxes(title="inventory (shares)", range=[0, 1.03 * shares], row=1, col=1)
    figure.update_yaxes(
        title="left of the order (%, log scale)",
        type="log",
        range=[-0.5, 2.05],
        tickvals=[1, 5, 10, 50, 100],
        row=1,
        col=2,
    )
    if len(values) > 1:
        labels = []
        for value in values:
            at = problem.replace(risk_aversion=float(value))
            labels.append(f"{value:.3g}  (half-life {half_life(at):.1f} {unit})")
        changes = [state(float(value)) for value in values]
        add_slider(figure, "risk aversion λ", labels, changes, list(range(first, first + 7)), active)
    return finish(
        figure,
        height=500,
        alt="Holdings over time under the Almgren-Chriss schedule for a risk aversion set by the slider, on a linear "
        "axis with the half-life and the e-folding time marked, and on a logarithmic axis, where the schedule is a "
        "straight line until the end of the order is near.",
        phone={"height": 800, **_STACKED, **(_SMALL_SLIDER if len(values) > 1 else {})},
    )


def holdings_control(problem: Problem, low: float = 1e-3, high: float = 1e2) -> Any:
    """A live ipywidgets control of lambda over `holdings`, for notebooks with a kernel."""
    return _live(lambda risk_aversion: holdings(problem, [risk_aversion]), problem.risk_aversion, low, high)


def cost_of_urgency(
    kappas: Sequence[float], expected: Sequence[float], risk: Sequence[float], best: float, unit: str = "period"
) -> go.Figure:
    """Expected cost, lambda times variance and their sum for sinh schedules of any urgency, and the best one.

    Args:
        kappas: urgencies [1/time], ascending.
        expected: E[IS] of the schedule of each urgency [$].
        risk: lambda Var[IS] of the same [$].
        best: the urgency that the first-order condition asks for [1/time].
        unit: the unit of time.
    """
    costs, risks = np.asarray(expected), np.asarray(risk)
    total = costs + risks
    lowest = float(np.interp(best, kappas, total))
    figure = go.Figure()
    for name, y, colour, dash in (
        ("E[IS]", costs, COLOURS["rolling"], "dash"),
        ("λ Var[IS]", risks, COLOURS["best static"], "dot"),
        ("their sum", total, COLOURS["AC"], "solid"),
    ):
        figure.add_scatter(
            x=kappas, y=np.round(y, 3), name=name, line={"color": colour, "dash": dash, "width": 2.5}, mode="lines"
        )
    figure.add_scatter(
        x=[best, best],
        y=[lowest, 0],
        name="κ of the difference equation",
        mode="lines+markers",
        line={"color": COLOURS["optimum"], "dash": "dash", "width": 1},
        marker={"color": COLOURS["optimum"], "size": [11, 0], "opacity": 1},
    )
    figure.update_xaxes(title=f"urgency κ (1/{unit})", range=[0, float(np.max(kappas))])
    figure.update_yaxes(title="$", range=[0, 1.05 * float(total.max())])
    return finish(
        figure,
        height=400,
        alt="Expected cost rises and the cost of risk falls with the urgency of the schedule; their sum is lowest at "
        "the urgency that the difference equation gives.",
    )


# --- chapter: 03 frontier


def frontier_tangent(
    problem: Problem, risk_aversions: Sequence[float], selected: float | None = None, unit: str = "periods"
) -> go.Figure:
    """Schedule, and expected cost against variance with the line of slope -lambda that touches the frontier.

    Args:
        problem: order and market; planned in its deterministic-liquidity market.
        risk_aversions: lambda values > 0 [1/$], ascending; the slider's positions.
        selected: the value shown first; the nearest position is taken (default: the problem's own).
        unit: what the problem's time is measured in.
    """
    values = np.asarray(risk_aversions, dtype=np.float64)
    chosen = problem.risk_aversion if selected is None else selected
    active = int(np.argmin(np.abs(values - chosen)))
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e3, 121) * max(problem.risk_aversion, 1e-12)])
    even, time = twap(problem), np.arange(problem.order.periods + 1) * problem.order.dt
    right = 1.08 * even.variance
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.14)

    def state(value: float) -> dict[str, list[Any]]:
        plan = almgren_chriss(problem.replace(risk_aversion=value))
        cost, var = plan.expected_cost, plan.variance
        meets = cost + value * var
        return {
            "x": [time, time[:-1] + problem.order.dt / 2, [0, right], [var], [0]],
            "y": [plan.inventory.round(3), plan.trades.round(3), [meets, meets - value * right], [cost], [meets]],
        }

    figure.add_scatter(x=time, y=even.inventory, name="TWAP", line={"color": COLOURS["TWAP"], "dash": "dot"})
    figure.add_scatter(
        x=curve["std"].to_numpy() ** 2,
        y=curve["expected_cost"],
        name="efficient frontier",
        line={"color": NEUTRAL, "width": 2.5},
        row=1,
        col=2,
    )
    figure.add_scatter(
        x=[even.variance],
        y=[even.expected_cost],
        mode="markers+text",
        text=["TWAP"],
        textposition="bottom center",
        marker={"color": COLOURS["TWAP"], "size": 11, "symbol": "diamond"},
        showlegend=False,
        row=1,
        col=2,
    )
    now = state(float(values[active]))
    blue, red = COLOURS["AC"], COLOURS["optimum"]
    figure.add_scatter(
        x=now["x"][0], y=now["y"][0], name="Almgren–Chriss", line={"color": blue, "width": 3}, row=1, col=1
    )
    figure.add_bar(x=now["x"][1], y=now["y"][1], name="trade list", marker_color=blue, opacity=0.3, row=1, col=1)
    tangent = {"color": red, "dash": "dash", "width": 1.5}
    figure.add_scatter(x=now["x"][2], y=now["y"][2], name="slope −λ", mode="lines", line=tangent, row=1, col=2)
    for i, name, marker in (
        (3, "the schedule", {"color": blue, "size": 12}),
        (4, "J, where the line meets the axis", {"color": red, "size": 11, "symbol": "square"}),
    ):
        figure.add_scatter(
            x=now["x"][i], y=now["y"][i], name=name, mode="markers", marker=marker, cliponaxis=False, row=1, col=2
        )
    # The axes depend on the problem alone, so that they stand still while lambda moves.
    top = even.expected_cost + 0.32 * (_at_once(problem) - even.expected_cost)
    figure.update_xaxes(title=f"time ({unit})", range=[0, time[-1]], row=1, col=1)
    figure.update_yaxes(title="inventory and trades (shares)", range=[0, 1.03 * problem.order.shares], row=1, col=1)
    figure.update_xaxes(title="variance of cost ($²)", range=[0, right], row=1, col=2)
    figure.update_yaxes(title="expected cost ($)", range=[0, top], row=1, col=2)
    if len(values) > 1:
        labels = [f"{value:.3g}" for value in values]
        changes = [state(float(value)) for value in values]
        add_slider(figure, "risk aversion λ", labels, changes, [3, 4, 5, 6, 7], active)
    return finish(
        figure,
        height=500,
        alt="Left: holdings and trades of the Almgren-Chriss schedule for the risk aversion set by the slider. Right: "
        "expected cost against variance, a falling convex curve, and the line of slope minus lambda that touches it "
        "at that schedule.",
        phone={"height": 840, **_STACKED},
    )


def _at_once(problem: Problem) -> float:
    """E[IS] of selling everything in the first period [$], in the deterministic-liquidity market."""
    return expected_cost(problem, problem.order.shares * np.eye(problem.order.periods)[0])


def frontier_control(problem: Problem, low: float = 1e-3, high: float = 1e1) -> Any:
    """A live ipywidgets control of lambda over `frontier_tangent`, for notebooks with a kernel."""
    return _live(lambda risk_aversion: frontier_tangent(problem, [risk_aversion]), problem.risk_aversion, low, high)


def sampled_frontier(
    problem: Problem, sampled: pd.DataFrame, others: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> go.Figure:
    """The frontier with simulated schedules on it and inefficient ones above it, and the errors of the former.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        sampled: a row per lambda: risk_aversion [1/$], expected_cost and std (closed form) and mean, mean_ci,
            std_sample, std_sample_ci (simulated, with 95% half-widths), all [$].
        others: (standard deviations, expected costs) [$] of schedules off the frontier, by name.
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e6, 161) * max(problem.risk_aversion, 1e-12)])
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.15, column_widths=[0.58, 0.42])
    figure.add_scatter(
        x=curve["std"].round(4), y=curve["expected_cost"].round(3), name="efficient frontier", line={"color": NEUTRAL}
    )
    symbols = ("circle-open", "diamond", "triangle-up", "star", "cross", "x")
    hues = (NEUTRAL, COLOURS["VWAP"], COLOURS["best static"], COLOURS["rolling"], COLOURS["optimum"])
    for i, (name, (deviations, costs)) in enumerate(others.items()):
        many = len(deviations) > 1
        figure.add_scatter(
            x=np.round(deviations, 3),
            y=np.round(costs, 2),
            name=name,
            mode="markers",
            marker={"color": hues[i % 5], "size": 5 if many else 10, "symbol": symbols[i % 6], "opacity": 0.8},
        )
    bar = {"color": COLOURS["AC"], "thickness": 1.5, "width": 4}
    figure.add_scatter(
        x=sampled["std_sample"],
        y=sampled["mean"],
        error_x={"array": sampled["std_sample_ci"], **bar},
        error_y={"array": sampled["mean_ci"], **bar},
        name="simulated",
        mode="markers",
        marker={"color": COLOURS["AC"], "size": 8},
    )
    even, once = twap(problem), _at_once(problem)
    figure.add_scatter(
        x=[even.variance**0.5, 0],
        y=[even.expected_cost, once],
        mode="markers+text",
        text=["TWAP", "sell now"],
        textposition=["bottom right", "middle right"],
        marker={"color": COLOURS["TWAP"], "size": 10, "symbol": "diamond"},
        cliponaxis=False,
        showlegend=False,
    )
    place = np.arange(len(sampled))
    for name, y, ci, colour, symbol, shift in (
        (
            "error of the mean",
            sampled["mean"] - sampled["expected_cost"],
            sampled["mean_ci"],
            COLOURS["AC"],
            "circle",
            -0.12,
        ),
        (
            "error of the st. dev.",
            sampled["std_sample"] - sampled["std"],
            sampled["std_sample_ci"],
            COLOURS["rolling"],
            "square",
            0.12,
        ),
    ):
        figure.add_scatter(
            x=place + shift,
            y=y,
            error_y={"array": ci, "color": colour, "thickness": 1.5, "width": 4},
            name=name,
            mode="markers",
            marker={"color": colour, "size": 7, "symbol": symbol},
            row=1,
            col=2,
        )
    figure.update_xaxes(title="standard deviation of cost ($)", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="expected cost ($)", range=[0, 1.06 * once], row=1, col=1)
    figure.update_xaxes(
        title="risk aversion λ (1/$)",
        tickvals=place,
        ticktext=[f"{value:g}" for value in sampled["risk_aversion"]],
        range=[-0.5, len(sampled) - 0.5],
        row=1,
        col=2,
    )
    figure.update_yaxes(title="simulated less closed form ($)", row=1, col=2)
    return finish(
        figure,
        height=470,
        alt="Left: the efficient frontier from TWAP to selling at once, simulated schedules on it, and inefficient "
        "schedules above it. Right: simulated mean and standard deviation less their closed forms, with 95% "
        "intervals, around zero.",
        phone={"height": 860, **_STACKED},
    )


def value_at_risk_tangent(problem: Problem, points: pd.DataFrame, selected: float) -> go.Figure:
    """Expected cost against standard deviation, and the line of slope -z that touches it at the least value at risk.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        points: a row per slider position: confidence, z, risk_aversion [1/$], expected_cost, std, lvar [$].
        selected: the confidence shown first; the nearest position is taken.
    """
    active = int(np.argmin(np.abs(points["confidence"].to_numpy() - selected)))
    curve = frontier(problem, [0.0, *np.geomspace(1e-3, 1e4, 141) * max(problem.risk_aversion, 1e-12)])
    even, once = twap(problem), _at_once(problem)
    right = 1.12 * even.variance**0.5

    def state(i: int) -> dict[str, list[Any]]:
        row = points.iloc[i]
        line = [row["lvar"], row["lvar"] - row["z"] * right]
        return {"x": [[0, right], [row["std"]], [0]], "y": [line, [row["expected_cost"]], [row["lvar"]]]}

    figure = go.Figure()
    figure.add_scatter(
        x=curve["std"], y=curve["expected_cost"], name="efficient frontier", line={"color": NEUTRAL, "width": 2.5}
    )
    figure.add_scatter(
        x=[even.variance**0.5, 0],
        y=[even.expected_cost, once],
        mode="markers+text",
        text=["TWAP", "sell now"],
        textposition=["bottom center", "middle right"],
        marker={"color": COLOURS["TWAP"], "size": 10, "symbol": "diamond"},
        cliponaxis=False,
        showlegend=False,
    )
    now = state(active)
    red = COLOURS["optimum"]
    styles: list[dict[str, Any]] = [
        {"name": "slope −z", "mode": "lines", "line": {"color": red, "dash": "dash", "width": 1.5}},
        {"name": "least L-VaR schedule", "mode": "markers", "marker": {"color": COLOURS["AC"], "size": 13}},
        {"name": "L-VaR", "mode": "markers", "marker": {"color": red, "size": 12, "symbol": "square"}},
    ]
    for i, style in enumerate(styles):
        figure.add_scatter(x=now["x"][i], y=now["y"][i], cliponaxis=i == 0, **style)
    figure.update_xaxes(title="standard deviation of cost ($)", range=[0, right])
    figure.update_yaxes(title="expected cost ($)", range=[0, 1.06 * once])
    if len(points) > 1:
        labels = [
            f"{100 * row['confidence']:.4g}%  (z = {row['z']:.2f}, λ = {row['risk_aversion']:.2g})".replace("e-0", "e-")
            for _, row in points.iterrows()
        ]
        add_slider(figure, "confidence p", labels, [state(i) for i in range(len(points))], [2, 3, 4], active)
    return finish(
        figure,
        height=500,
        alt="The efficient frontier in standard deviation and expected cost, with the line of slope minus z that "
        "touches it; the line meets the vertical axis at the least value at risk, and turns as the confidence changes.",
        phone={"height": 500, **(_SMALL_SLIDER if len(points) > 1 else {})},
    )


def two_frontiers(problems: Mapping[str, Problem], marked: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Frontiers of different markets on common axes, in basis points of each order's notional.

    Args:
        problems: problem by name.
        marked: for each name, risk aversion by label of the schedules to mark on its curve.
    """
    figure = go.Figure()
    lines = ({"color": COLOURS["AC"], "width": 3}, {"color": NEUTRAL, "width": 3})
    symbols = ("circle", "square", "diamond", "x")
    scales = [1e4 / (problem.order.shares * problem.market.price) for problem in problems.values()]
    for i, (name, problem) in enumerate(problems.items()):
        base = max(problem.risk_aversion, 1e-12)
        curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e6, 141) * base])
        x, y = (scales[i] * curve["std"]).round(4), (scales[i] * curve["expected_cost"]).round(4)
        figure.add_scatter(x=x, y=y, name=name, line=lines[i % 2])
    for i, (name, problem) in enumerate(problems.items()):
        bps = scales[i]
        for j, (label, value) in enumerate(marked[name].items()):
            at = frontier(problem, [value])
            figure.add_scatter(
                x=bps * at["std"],
                y=bps * at["expected_cost"],
                name=label,
                legendgroup=label,
                showlegend=i == 0,
                mode="markers",
                cliponaxis=False,
                marker={"color": lines[i % 2]["color"], "size": 11, "symbol": symbols[j % 4]},
            )
    figure.update_xaxes(title="standard deviation of cost (bp of notional)", rangemode="tozero")
    figure.update_yaxes(title="expected cost (bp of notional)", rangemode="tozero")
    return finish(
        figure,
        height=430,
        alt="The two frontiers in basis points on the same axes: the original note's is a nearly vertical line at the "
        "left, the 2000 paper's a broad curve.",
    )


def below_frontier(problem: Problem, points: pd.DataFrame) -> go.Figure:
    """Simulated mean and standard deviation of price-dependent rules beside the frontier of schedules.

    Args:
        problem: order and market; the curve is that of its deterministic-liquidity market.
        points: a row per strength of the response: response, mean, mean_ci, std, std_ci [$].
    """
    curve = frontier(problem, [0.0, *np.geomspace(1e-4, 1e2, 121) * max(problem.risk_aversion, 1e-12)])
    figure = go.Figure()
    figure.add_scatter(
        x=curve["std"].round(4),
        y=curve["expected_cost"].round(3),
        name="frontier of schedules",
        line={"color": NEUTRAL},
    )
    bar = {"color": COLOURS["optimum"], "thickness": 1.5, "width": 4}
    figure.add_scatter(
        x=points["std"],
        y=points["mean"],
        error_x={"array": points["std_ci"], **bar},
        error_y={"array": points["mean_ci"], **bar},
        text=[f"β = {value:g}" for value in points["response"]],
        textposition=["bottom center" if i % 2 else "top center" for i in range(len(points))],
        name="rules that respond to the price",
        mode="lines+markers+text",
        line={"color": COLOURS["optimum"], "width": 1, "dash": "dot"},
        marker={"color": COLOURS["optimum"], "size": 8},
    )
    highest = float(points["mean"].max())
    figure.update_xaxes(title="standard deviation of cost ($)", rangemode="tozero")
    figure.update_yaxes(title="expected cost ($)", range=[0, 3.2 * highest])
    return finish(
        figure,
        height=420,
        alt="The efficient frontier of schedules, and points far to the left of it and below it reached by rules that "
        "sell faster after the price has risen.",
    )


# --- chapter: 06 environment

REWARD_PARTS = {
    "temporary": "#1b8a9a",
    "transient": "#6fb6bf",
    "spread": "#b9a34a",
    "permanent": "#d0805a",
    "running risk": "#b5446e",
    "slippage": "#8f79b8",
    "timing": "#9a9a9a",
    "leftover": "#5b6f95",
    "penalty": "#7a4f2b",
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
    seen = [
        (1, 0, "x/X", LIQUIDITY, "solid"),
        (1, 1, "(N − k)/N", NEUTRAL, "dot"),
        (2, 4, "L", LIQUIDITY, "solid"),
    ]
    for column, index, name, colour, dash in seen:
        figure.add_scatter(
            x=time,
            y=np.round(observations[:, index], 4),
            name=name,
            showlegend=False,
            line={"color": colour, "width": 2.5, "dash": dash, "shape": "hv" if index == 4 else "linear"},
            row=1,
            col=column,
        )
    figure.add_scatter(
        x=time,
        y=np.round(1e4 * (observations[:, 2].astype(np.float64) - 1), 2),
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
    phone = _stacked(figure, 4, 1240, 0.1)
    phone["legend"] = {"y": -0.07, "yanchor": "top"}
    return finish(
        figure,
        height=640,
        alt="Above: inventory, liquidity and price through one episode, as the policy observes them. Below: the reward "
        "of every period as stacked parts; temporary impact, permanent impact and running risk are paid for certain, "
        "slippage and timing go either way.",
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
    phone = _stacked(figure, 2, 780, 0.16)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=420,
        alt="Left: given state and action the realised reward is noisy and the expected one is not. Right: summed over "
        "an episode the two have the same mean, and the expected reward's distribution is only somewhat narrower.",
        phone=phone,
    )


def capped_inventory(inventories: Mapping[str, NDArray[np.float64]], first: int = 0) -> go.Figure:
    """Holdings with and without a limit on each period's trade.

    Args:
        inventories: holdings (N + 1,) by name; the first one is drawn as the reference.
        first: the period from which on they are shown.
    """
    figure = go.Figure()
    colours = (NEUTRAL, CONTRAST, LIQUIDITY, COLOURS["AC"])
    for i, (name, held) in enumerate(inventories.items()):
        figure.add_scatter(
            x=np.arange(first, len(held)),
            y=np.round(held[first:], 3),
            name=name,
            mode="lines+markers",
            marker={"size": 7},
            line={"color": colours[i % 4], "width": 2.5, "dash": "solid" if i else "dot"},
        )
    figure.update_xaxes(title="time (periods)")
    figure.update_yaxes(title="inventory (shares)", rangemode="tozero")
    return finish(
        figure,
        height=380,
        alt="Holdings over time: without a cap they reach zero, with one they do not.",
        phone={"height": 420, "legend": {"orientation": "v"}},
    )


# --- chapter: 08 optimum

SPLIT_SCALE = [[0.0, "#2f7fd1"], [0.5, "#b9b9b9"], [1.0, "#d1495b"]]
"""Two-sided colours through grey, for quantities with a neutral middle."""


def policy_maps(levels: NDArray[np.float64], optimal: NDArray[np.float64], fixed: NDArray[np.float64]) -> go.Figure:
    """Fractions of the remaining inventory by period and liquidity: the optimum's, a schedule's, and their ratio.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) fractions of the adaptive policy for periods 0 .. K-1.
        fixed: (K,) the schedule's fractions.
    """
    periods = np.arange(len(fixed))
    same = np.repeat(fixed[:, None], len(levels), axis=1)
    figure = make_subplots(
        rows=1,
        cols=3,
        horizontal_spacing=0.09,
        subplot_titles=["optimum: fraction v/x", "Almgren–Chriss: fraction v/x", "ratio of the two"],
    )
    for column, (values, axis) in enumerate(
        ((optimal, "coloraxis"), (same, "coloraxis"), (optimal / same, "coloraxis2")), 1
    ):
        figure.add_heatmap(
            x=periods,
            y=levels,
            z=np.round(values.T, 4),
            coloraxis=axis,
            hovertemplate="period %{x}, liquidity %{y:.2f}: %{z:.3f}<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes(title="period k", row=1, col=column)
    figure.add_contour(
        x=periods,
        y=levels,
        z=np.round((optimal / same).T, 4),
        contours={"start": 1, "end": 1, "size": 1, "coloring": "none"},
        line={"color": "#555", "width": 2},
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
        row=1,
        col=3,
    )
    figure.update_yaxes(title="liquidity L", row=1, col=1)
    bar = {"orientation": "h", "yanchor": "top", "y": -0.2, "thickness": 12, "outlinewidth": 0}
    figure.update_layout(
        coloraxis={
            "colorscale": "Cividis",
            "cmin": 0,
            "cmax": 0.3,  # the last periods, above it, are not where the two differ
            "colorbar": {
                **bar,
                "x": 0.31,
                "len": 0.55,
                "title": {"text": "fraction", "side": "bottom"},
                "tickvals": [0, 0.1, 0.2, 0.3],
                "ticktext": ["0", "0.1", "0.2", "0.3 or more"],
            },
        },
        coloraxis2={
            "colorscale": SPLIT_SCALE,
            "cmin": 0,
            "cmax": 2,
            "colorbar": {**bar, "x": 0.865, "len": 0.27, "title": {"text": "ratio", "side": "bottom"}},
        },
    )
    phone: dict[str, Any] = {"height": 1010, "annotations": {}, "coloraxis": {}, "coloraxis2": {}}
    for i, suffix in enumerate(("", "2", "3")):
        high = 1 - 0.36 * i
        phone[f"xaxis{suffix}"] = {"domain": [0, 1], "anchor": f"y{suffix}", "title": {"text": "period k"}}
        phone[f"yaxis{suffix}"] = {"domain": [high - 0.26, high], "title": {"text": "liquidity L"}}
        phone["annotations"][i] = {"x": 0.5, "y": high}
    phone["coloraxis"]["colorbar"] = {"x": 0.24, "len": 0.5, "y": -0.07}
    phone["coloraxis2"]["colorbar"] = {"x": 0.78, "len": 0.46, "y": -0.07}
    return finish(
        figure,
        height=430,
        alt="Three heat maps over period and liquidity. The optimum's fraction rises with liquidity in every period; "
        "Almgren-Chriss's depends on the period alone; their ratio crosses one near a liquidity of one.",
        phone=phone,
    )


def haste(levels: NDArray[np.float64], optimal: NDArray[np.float64], other: NDArray[np.float64]) -> go.Figure:
    """How much more than the optimum another rule sells, in percent, against liquidity and for a few periods.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) the optimum's fractions for periods 0 .. K-1.
        other: (K, G) the other rule's.
    """
    last = len(optimal) - 1
    shown = [0, last // 2, round(0.8 * last), last - 1, last]
    figure = go.Figure()
    for k, shade in zip(shown, ("#8c4a00", "#b86a0c", "#e08a1e", "#f0b060", NEUTRAL), strict=True):
        figure.add_scatter(
            x=np.round(levels, 4),
            y=np.round(100 * (other[k] / optimal[k] - 1), 4),
            mode="lines",
            name=f"period {k}",
            line={"color": shade, "width": 3, **({"dash": "dot"} if k == last else {})},
        )
    figure.update_xaxes(title="liquidity L")
    figure.update_yaxes(title="sold beyond the optimum (%)", rangemode="tozero")
    return finish(
        figure,
        height=400,
        alt="The rolling rule sells two to three percent more than the optimum early in the program, most where "
        "liquidity is low, and exactly as much in the last period with a choice.",
    )


def value_of_adapting(maps: Mapping[float, pd.DataFrame], selected: float) -> go.Figure:
    """What adapting is worth, in percent, by liquidity's spread and half-life; a slider over the urgency.

    Args:
        maps: by kappa T, a table of percentages with spreads as index and half-lives over T as columns.
        selected: the kappa T shown first.
    """
    keys = list(maps)
    first = maps[selected]

    def shown(table: pd.DataFrame) -> dict[str, Any]:
        values = table.to_numpy()
        text = [["<0.01" if z < 0.01 else f"{z:.2f}" if z < 1 else f"{z:.1f}" for z in row] for row in values]
        return {"z": np.round(values, 5).tolist(), "text": text}

    top = max(float(table.to_numpy().max()) for table in maps.values())
    figure = go.Figure(
        go.Heatmap(
            x=[f"{value:g}" for value in first.columns],
            y=[f"{value:g}" for value in first.index],
            **shown(first),
            texttemplate="%{text}",
            colorscale="Cividis",
            zmin=0,
            zmax=top,
            hovertemplate="spread %{y}, half-life %{x} T: %{text}%<extra></extra>",
            colorbar={"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(title="half-life of liquidity (parts of the horizon T)", type="category", showgrid=False)
    figure.update_yaxes(title="spread: standard deviation of log L", type="category", showgrid=False)
    changes = [{key: [value] for key, value in shown(maps[k]).items()} for k in keys]
    add_slider(figure, "urgency κT", [f"{k:g}" for k in keys], changes, [0], keys.index(selected))
    return finish(
        figure,
        height=520,
        alt="A heat map of the percentage of J that adapting saves: it grows with the spread of liquidity and falls "
        "with its half-life, to nearly nothing when liquidity moves more slowly than the program.",
        phone={"height": 520, "xaxis": {"title": {"text": "half-life of liquidity / T"}}},
    )


# --- chapter: 09 objectives


def rankings(panels: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Rank of every policy under several objectives, one panel a market; equal values share the mean of their ranks.

    Args:
        panels: by market, a table of values to be small, with a row a policy and a column an objective.
    """
    figure = make_subplots(rows=1, cols=len(panels), subplot_titles=list(panels), horizontal_spacing=0.12)
    for column, table in enumerate(panels.values(), 1):
        ranks = table.round(1).rank(method="average")
        seen: dict[tuple[float, ...], list[str]] = {}
        for name in table.index:
            seen.setdefault(tuple(ranks.loc[name]), []).append(name)
        for place, names in seen.items():
            figure.add_scatter(
                x=list(table.columns),
                y=list(place),
                mode="lines+markers",
                name=", ".join(names),
                legend="legend" if column == 1 else f"legend{column}",
                line={"color": COLOURS[names[0]], "width": 3},
                marker={"size": 13},
                hovertemplate="%{x}: rank %{y}<extra>" + ", ".join(names) + "</extra>",
                row=1,
                col=column,
            )
        count = len(table)
        figure.update_yaxes(range=[count + 0.5, 0.5], dtick=1, row=1, col=column)
        figure.update_xaxes(range=[-0.25, len(table.columns) - 0.75], row=1, col=column)
    figure.update_yaxes(title="rank (1 is best)", row=1, col=1)
    figure.update_layout(
        margin={"b": 150},
        legend={"x": 0, "y": -0.14, "yanchor": "top", "orientation": "v"},
        legend2={"x": 0.56, "y": -0.14, "yanchor": "top", "orientation": "v"},
    )
    return finish(
        figure,
        height=540,
        alt="Rank of each policy under three objectives, in the constant and in the stochastic market. Lines cross in "
        "both: the schedule that is best by J is not best by the tail mean, and under random liquidity not by J_mv.",
        phone={
            "height": 1000,
            "margin": {"b": 20},
            "xaxis": {"domain": [0, 1], "anchor": "y"},
            "yaxis": {"domain": [0.68, 1]},
            "xaxis2": {"domain": [0, 1], "anchor": "y2"},
            "yaxis2": {"domain": [0.2, 0.52]},
            "legend": {"y": 0.645},
            "legend2": {"x": 0, "y": 0.165},
            "annotations": {0: {"x": 0.5}, 1: {"x": 0.5, "y": 0.52}},
        },
    )


def planned_risk(families: Mapping[str, pd.DataFrame], marked: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Mean against standard deviation of the shortfall as the risk aversion that a family plans with grows.

    Args:
        families: by policy, a table with index the planned risk aversion and columns mean, std [$].
        marked: by policy, names of points and the planned risk aversion where each stands.
    """
    figure = go.Figure()
    symbols = ["circle", "diamond", "square"]
    for name, table in families.items():
        figure.add_scatter(
            x=np.round(table["std"], 2),
            y=np.round(table["mean"], 2),
            mode="lines+markers",
            name=name,
            line={"color": COLOURS[name], "width": 3},
            marker={"size": 4},
            customdata=np.array(table.index),
            hovertemplate=name + " planned with λ′ = %{customdata:.3g}: std %{x:.1f}, mean %{y:,.0f}<extra></extra>",
        )
        for symbol, (label, at) in zip(symbols, marked[name].items(), strict=False):
            figure.add_scatter(
                x=[table.loc[at, "std"]],
                y=[table.loc[at, "mean"]],
                mode="markers",
                name=label,
                legendgroup=label,
                showlegend=name == next(iter(families)),
                marker={
                    "symbol": symbol,
                    "size": 14,
                    "color": "rgba(0,0,0,0)",
                    "line": {"color": NEUTRAL, "width": 2.5},
                },
                hovertemplate=f"{name}, {label}: λ′ = {at:.3g}<extra></extra>",
            )
    figure.update_xaxes(title="standard deviation of the shortfall ($)", rangemode="tozero")
    figure.update_yaxes(title="expected shortfall ($)")
    return finish(
        figure,
        height=480,
        alt="Mean against standard deviation for two families of policies. The curve of schedules bends back: beyond a "
        "small risk aversion, more of it raises both. The adaptive family lies far to its left.",
    )


def reversal(maps: Mapping[float, pd.DataFrame], selected: float, note: tuple[float, float]) -> go.Figure:
    """J_mv of the averse schedule over that of TWAP, by impact over luck and liquidity's volatility.

    Args:
        maps: by kappa T, a table of ratios, with liquidity volatilities as index and impact over luck as columns.
        selected: the kappa T shown first.
        note: where the original note's market lies: (impact over luck, volatility of liquidity).
    """
    keys, first = list(maps), maps[selected]

    def shown(table: pd.DataFrame) -> list[list[float]]:
        values: list[list[float]] = np.round(np.log2(table.to_numpy()), 3).tolist()
        return values

    x, y = first.columns.to_numpy(float), first.index.to_numpy(float)
    ticks = [0.5, 0.7, 1.0, 1.4, 2.0]
    figure = go.Figure(
        go.Heatmap(
            x=x,
            y=y,
            z=shown(first),
            zsmooth="best",
            zmin=-1,
            zmax=1,
            colorscale=SPLIT_SCALE,
            customdata=np.round(first.to_numpy(), 3),
            hoverinfo="skip",
            colorbar={
                "title": {"text": "AC / TWAP"},
                "tickvals": np.log2(ticks),
                "ticktext": [f"{t:g}" for t in ticks],
                "thickness": 12,
                "outlinewidth": 0,
            },
        )
    )
    figure.add_contour(
        x=x,
        y=y,
        z=shown(first),
        contours={"start": 0, "end": 0, "size": 1, "coloring": "none"},
        line={"color": "#444", "width": 3},
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[note[0]],
        y=[note[1]],
        mode="markers+text",
        text=["the note"],
        textposition="bottom center",
        textfont={"color": "#222"},
        marker={"size": 12, "color": "#222", "symbol": "x"},
        showlegend=False,
        hovertemplate="impact over luck %{x:.1f}, volatility of liquidity %{y}<extra>the note</extra>",
    )
    decades = [value for value in (0.1, 0.3, 1, 3, 10, 30, 100) if x[0] <= value <= x[-1]]
    figure.update_xaxes(
        type="log", title="impact over luck: mean over standard deviation of TWAP's cost in constant liquidity",
        tickvals=decades, ticktext=[f"{v:g}" for v in decades], range=np.log10([x[0], x[-1]]), showgrid=False,
    )  # fmt: skip
    figure.update_yaxes(title="volatility of liquidity", range=[y[0], y[-1]], showgrid=False)
    changes = [{"z": [shown(maps[k]), shown(maps[k])]} for k in keys]
    add_slider(figure, "urgency κT", [f"{k:g}" for k in keys], changes, [0, 1], keys.index(selected))
    return finish(
        figure,
        height=520,
        alt="A map of the ratio of the averse schedule's J_mv to TWAP's. Where the price's luck is large beside impact "
        "the averse schedule is better; where impact is large and liquidity volatile it is worse.",
        phone={"height": 540, "xaxis": {"title": {"text": "impact over luck"}}},
    )


# --- chapter: 10 stress


def _stressed_line(policy: str) -> tuple[str, dict[str, Any]]:
    """The legend group of a policy's name and its line: dashed where it was told of the stress."""
    base = policy.removesuffix(TOLD)
    return base, {"color": COLOURS.get(base, NEUTRAL), "width": 2.5, "dash": "dash" if policy != base else "solid"}


def _told_key(figure: go.Figure) -> None:
    """A legend entry that explains the dashes."""
    line = {"color": NEUTRAL, "width": 2.5, "dash": "dash"}
    figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name="dashed: told of the stress")


def _drop_axis(figure: go.Figure, drops: Sequence[float], **where: Any) -> None:
    """An axis of shock sizes on which every halving of the liquidity left is one step, as `_drop_place` has it."""
    labels = [f"−{100 * drop:.0f}%" if drop else "none" for drop in drops]
    figure.update_xaxes(title="size of a liquidity shock", tickvals=_drop_place(drops), ticktext=labels, **where)


def _drop_place(drops: Sequence[float]) -> NDArray[np.float64]:
    place: NDArray[np.float64] = np.round(-np.log2(1 - np.asarray(drops, dtype=np.float64)), 4)
    return place


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
        colour = COLOURS.get(policy, NEUTRAL)
        blind = bool(rows["told"].isna().all())
        gaps = [value for pair in zip(told, planned, [None] * len(told), strict=True) for value in pair]
        figure.add_scatter(
            x=planned,
            y=y,
            mode="markers",
            name=policy,
            legendgroup=policy,
            marker={
                "color": colour,
                "size": 8,
                "symbol": "diamond" if blind else "circle-open",
                "line": {"width": 2, "color": colour},
            },
            customdata=scenarios,
            hovertemplate=f"{policy}, planned for the normal market<br>%{{customdata}}: %{{x:.2f}}<extra></extra>",
        )
        if blind:
            continue
        figure.add_scatter(
            x=gaps,
            y=[value for here in y for value in (here, here, None)],
            mode="lines",
            legendgroup=policy,
            showlegend=False,
            hoverinfo="skip",
            line={"color": colour, "width": 2},
        )
        figure.add_scatter(
            x=told,
            y=y,
            mode="markers",
            legendgroup=policy,
            showlegend=False,
            marker={"color": colour, "size": 9},
            customdata=scenarios,
            hovertemplate=f"{policy}, told<br>%{{customdata}}: %{{x:.2f}}<extra></extra>",
        )
    figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    low, high = np.nanmin(costs[["planned", "told"]]), np.nanmax(costs[["planned", "told"]])
    figure.update_xaxes(
        type="log",
        title="J in multiples of the optimum's in the normal market",
        range=np.log10([0.93 * min(low, 1.0), 1.15 * high]),
        tickvals=[1, 1.5, 2, 3, 5, 10, 20, 30],
    )
    figure.update_yaxes(
        tickvals=list(range(len(scenarios))),
        ticktext=[name.replace("_", " ") for name in scenarios[::-1]],
        range=[-0.6, len(scenarios) - 0.4],
        zeroline=False,
    )
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


def waiting_for_recovery(
    level: NDArray[np.float64],
    forecasts: Mapping[int, NDArray[np.float64]],
    holdings: Mapping[str, NDArray[np.float64]],
) -> go.Figure:
    """What a rule expects of liquidity against what comes, and what it then holds.

    Args:
        level: mean liquidity of each period (N,).
        forecasts: by the period k in which they are made, expected levels of periods k, k + 1, ... of the rule.
        holdings: mean inventory (N + 1,) by policy.
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.13, subplot_titles=["What it expects, what comes", "What it holds"]
    )
    figure.add_scatter(
        x=np.arange(len(level)), y=np.round(level, 4), name="mean liquidity", line={"color": LIQUIDITY, "width": 3}
    )
    for i, (start, values) in enumerate(forecasts.items()):
        figure.add_scatter(
            x=np.arange(start, start + len(values)),
            y=np.round(values, 4),
            name="forecast of the normal market's model",
            legendgroup="forecast",
            showlegend=i == 0,
            mode="lines",
            line={"color": CONTRAST, "width": 1.5, "dash": "dot"},
        )
    for policy, held in holdings.items():
        _, line = _stressed_line(policy)
        figure.add_scatter(x=np.arange(len(held)), y=np.round(held, 1), name=policy, line=line, row=1, col=2)
    figure.update_xaxes(title="period k", row=1, col=1)
    figure.update_xaxes(title="time (periods)", row=1, col=2)
    figure.update_yaxes(title="liquidity L", range=[0, 1.08], row=1, col=1)
    figure.update_yaxes(title="mean inventory (shares)", rangemode="tozero", row=1, col=2)
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"})
    phone = _stacked(figure, 2, 820, 0.17)
    phone["legend"] = {"y": -0.1, "yanchor": "top"}
    return finish(
        figure,
        height=470,
        alt="Left: liquidity stays at its collapsed level while every forecast of the normal market's model rises to "
        "one. Right: rules that believe it hold several times as many shares towards the end as when told.",
        phone=phone,
    )


_DEARER = np.concatenate([np.linspace(0.995, 0.06, 20), np.geomspace(0.05, 0.002, 14)])
"""Shares of episodes at which the curves of `_dearer` are drawn."""


def _dearer(samples: Mapping[str, Mapping[str, Any]], active: int) -> tuple[go.Figure, list[dict[str, list[Any]]]]:
    """Curves of how many episodes cost more than a given amount, at one setting, and the data of all settings."""
    settings = list(samples)
    changes = [
        {"x": [np.round(np.quantile(np.asarray(sample), 1 - _DEARER)).tolist() for sample in samples[key].values()]}
        for key in settings
    ]
    figure = go.Figure()
    for policy, x in zip(samples[settings[active]], changes[active]["x"], strict=True):
        base, line = _stressed_line(policy)
        figure.add_scatter(
            x=x,
            y=np.round(100 * _DEARER, 3),
            mode="lines",
            name=base,
            legendgroup=base,
            showlegend=policy == base,
            line=line,
            hovertemplate=f"{policy}: %{{y:.1f}}% above %{{x:,.0f}} $<extra></extra>",
        )
    _told_key(figure)
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

    Args:
        samples: by scenario, IS (n,) [$] by policy; the same policies in the same order everywhere.
        selected: the scenario shown first.
    """
    names = list(samples)
    active = names.index(selected)
    figure, changes = _dearer(samples, active)
    windows = []
    for change in changes:  # every scenario has its own scale
        low, high = (pick(value for curve in change["x"] for value in curve) for pick in (min, max))
        windows.append([low - 0.03 * (high - low), high + 0.03 * (high - low)])
    traces = list(range(len(changes[0]["x"])))
    labels = [name.replace("_", " ") for name in names]
    add_slider(figure, "scenario", labels, changes, traces, active)
    slider = figure.layout.sliders[0]
    slider.currentvalue.prefix = "scenario: "
    for step, change, window in zip(slider.steps, changes, windows, strict=True):
        step.method, step.args = "update", [change, {"xaxis.range": window}, traces]
    figure.update_xaxes(range=windows[active])
    return finish(
        figure,
        height=540,
        alt="Share of episodes whose shortfall is above an amount, on a logarithmic scale, by policy; the slider "
        "chooses the scenario. Under liquidity shocks the curves of AC and the best static schedule reach far to the "
        "right, TWAP's less, and those of the rules that react are the steepest.",
        phone={"height": 580},
    )


def severity_tails(samples: Mapping[float, Mapping[str, Any]], selected: float) -> go.Figure:
    """The distribution of the shortfall by policy, with a slider over the size of liquidity shocks; axes fixed.

    Args:
        samples: by relative drop of liquidity, IS (n,) [$] by policy.
        selected: the drop shown first.
    """
    drops = list(samples)
    active = drops.index(selected)
    figure, changes = _dearer({f"{drop}": samples[drop] for drop in drops}, active)

    def label(drop: float) -> str:
        ends = {name: np.quantile(np.asarray(samples[drop][name]), 0.99) for name in ("AC", "rolling")}
        worst = ", ".join(f"{name} ${value:,.0f}" for name, value in ends.items())
        return f"{f'−{100 * drop:.0f}%' if drop else 'none'}; 1 in 100 above {worst}"

    add_slider(figure, "shock", [label(drop) for drop in drops], changes, list(range(len(changes[0]["x"]))), active)
    figure.layout.sliders[0].currentvalue.prefix = "shock: "
    everything = [value for change in changes for curve in change["x"] for value in curve]
    figure.update_xaxes(
        type="log",
        range=np.log10([0.97 * min(everything), 1.05 * max(everything)]),
        tickvals=[1000, 1500, 2000, 3000, 5000, 10_000, 20_000],
    )
    return finish(
        figure,
        height=540,
        alt="Share of episodes whose shortfall is above an amount, on logarithmic scales, by policy. As the shocks "
        "become more severe the tails of the schedules run off to the right, and the rules that react hardly move.",
        phone={"height": 580, "xaxis": {"tickvals": [1000, 2000, 5000, 10_000]}, **_SMALL_SLIDER},
    )


def first_trades(table: pd.DataFrame) -> go.Figure:
    """The first trade of each rule against the size of the shocks that it was told of.

    Args:
        table: indexed by relative drop, a column a policy [shares]; columns that do not end in `TOLD` are drawn thin.
    """
    figure = go.Figure()
    for policy in table.columns:
        _, line = _stressed_line(policy)
        if not policy.endswith(TOLD):
            line |= {"width": 1.5, "dash": "dot"}
        figure.add_scatter(
            x=_drop_place(list(table.index)),
            y=table[policy].round(2),
            name=policy if policy.endswith(TOLD) else f"{policy}, normal market",
            mode="lines+markers" if policy.endswith(TOLD) else "lines",
            line=line,
            hovertemplate=f"{policy}: %{{y:.0f}} shares<extra></extra>",
        )
    _drop_axis(figure, list(table.index))
    figure.update_yaxes(title="first trade (shares)", rangemode="tozero")
    return finish(
        figure,
        height=380,
        alt="First trade against the size of the shocks: the optimum's hardly moves when it is told, the rolling "
        "rule's rises steeply with severity.",
        phone={"legend": {"font": {"size": 11}}, "xaxis": {"tickangle": -45}, "height": 420},
    )


def failure_by_severity(free: pd.DataFrame, capped: pd.DataFrame) -> go.Figure:
    """Both halves of the criterion of failure against the size of liquidity shocks.

    Args:
        free: of `optexec.stress.severity` without a participation cap; its cost ratio is shown.
        capped: of the same with a cap; its share of unfinished episodes is shown.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.13,
        subplot_titles=["Cost, without a cap", "Unfinished episodes, with the cap"],
    )
    for col, (table, key, scale, least) in enumerate(
        [(free, "cost_ratio", 1.0, 0.0), (capped, "unfinished", 100.0, 0.1)], start=1
    ):
        for policy in dict.fromkeys(table["policy"]):
            rows = table[table["policy"] == policy]
            base, line = _stressed_line(policy)
            value, half = scale * rows[key].to_numpy(), scale * rows[f"{key}_ci"].to_numpy()
            value = np.maximum(value, least)
            figure.add_scatter(
                x=_drop_place(rows["drop"].to_numpy()),
                y=np.round(value, 4),
                error_y={
                    "array": np.round(half, 4),
                    "arrayminus": np.round(np.minimum(half, 0.9 * value), 4),
                    "thickness": 1,
                    "width": 3,
                },
                name=base,
                legendgroup=base,
                showlegend=col == 1 and policy == base,
                mode="lines+markers",
                marker={"size": 6},
                line=line,
                hovertemplate=f"{policy}: %{{y:.3g}}<extra></extra>",
                row=1,
                col=col,
            )
        _drop_axis(figure, sorted(set(table["drop"])), row=1, col=col)
        threshold = 2.0 if col == 1 else 5.0
        figure.add_hline(y=threshold, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"}, row=1, col=col)
    _told_key(figure)
    figure.update_yaxes(title="mean IS over the normal market's", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(
        title="episodes below 99% completion (%)",
        type="log",
        range=np.log10([0.09, 100]),
        tickvals=[0.1, 0.3, 1, 2, 5, 10, 20, 50, 100],
        row=1,
        col=2,
    )
    figure.update_xaxes(tickangle=-45)
    figure.update_layout(legend={"y": 1.1}, margin={"t": 84})
    phone = _stacked(figure, 2, 900, 0.16)
    phone["legend"] = {"y": 1.04}
    return finish(
        figure,
        height=500,
        alt="Left: without a cap the mean cost of schedules reaches twice its normal value only beyond shocks of 97%, "
        "and that of the rules that react stays flat. Right: under the cap TWAP and VWAP are above 5% unfinished "
        "even without shocks, most others rise above it near 80%, and the rolling rule that was told stays below.",
        phone=phone,
    )


# --- chapter: 11 parameters

WRONG = {"½": "#6c8ebf", "2": "#c8775a"}
"""Colours of a parameter believed to be half and twice what it is."""


def tornado(regrets: pd.DataFrame) -> go.Figure:
    """What misestimates by a factor of two cost: halves to the left, doubles to the right, a panel a policy.

    Args:
        regrets: a row an estimate, with columns policy, parameter, factor (0.5 or 2), regret and ci [$], and right, the
            regret of the same policy with all parameters right [$].
    """
    policies = list(dict.fromkeys(regrets["policy"]))
    largest = regrets.groupby("parameter")["regret"].max().sort_values()
    reach = 1.3 * float(regrets["regret"].max())
    figure = make_subplots(
        rows=1, cols=len(policies), shared_yaxes=True, subplot_titles=policies, horizontal_spacing=0.04
    )
    for p, policy in enumerate(policies):
        here = regrets[regrets["policy"] == policy].set_index("parameter")
        for (label, colour), side in zip(WRONG.items(), (-1, 1), strict=True):
            rows = here[here["factor"] == (0.5 if side < 0 else 2.0)].loc[largest.index]
            figure.add_bar(
                x=(side * rows["regret"]).round(2),
                y=list(rows.index),
                orientation="h",
                name=f"believed {label}×",
                legendgroup=label,
                showlegend=p == 0,
                marker_color=colour,
                text=[f"{value:,.0f}" if value >= 9.5 else f"{value:.1f}" for value in rows["regret"]],
                textposition="outside",
                textangle=0,
                cliponaxis=False,
                customdata=np.column_stack([rows["regret"], rows["ci"]]).round(2),
                hovertemplate=f"{policy}, %{{y}} believed {label}×: "
                "%{customdata[0]:,.2f} ± %{customdata[1]:,.2f} $<extra></extra>",
                error_x={"array": rows["ci"].round(2), "thickness": 1.5, "width": 3, "color": NEUTRAL},
                row=1,
                col=p + 1,
            )
        right = float(here["right"].iloc[0])
        for side in (-1, 1):
            figure.add_vline(
                x=side * right, line={"color": COLOURS[policy], "width": 1.5, "dash": "dot"}, row=1, col=p + 1
            )
    ticks = [-300, -150, 0, 150, 300]
    figure.update_xaxes(
        range=[-reach, reach], tickvals=ticks, ticktext=[f"{abs(tick)}" for tick in ticks], zeroline=True
    )
    figure.update_xaxes(title="J above the optimum ($)", row=1, col=(len(policies) + 1) // 2)
    figure.update_layout(barmode="overlay", bargap=0.35, margin={"t": 70, "l": 110}, legend={"y": 1.12})
    phone: dict[str, Any] = {"height": 250 * len(policies) + 60, "annotations": {}, "legend": {"y": 1.06}}
    for p in range(len(policies)):
        top, number = 1 - p / len(policies), "" if p == 0 else str(p + 1)
        phone[f"xaxis{number}"] = {"domain": [0, 1], "anchor": f"y{number}"}
        phone[f"yaxis{number}"] = {"domain": [top - 0.7 / len(policies), top], "showticklabels": True}
        phone["annotations"][str(p)] = {"x": 0.5, "y": top}
        title = "J above the optimum ($)" if p == len(policies) - 1 else ""
        phone[f"xaxis{number}"]["title"] = {"text": title}
    return finish(
        figure,
        height=390,
        alt="Tornado: J above the optimum when one parameter is believed to be half (to the left) or twice (to the "
        f"right) what it is, for {', '.join(policies)}, sorted by size: {', '.join(largest.index[::-1])}.",
        phone=phone,
    )


def regret_curves(curves: pd.DataFrame, level: float) -> go.Figure:
    """J above the optimum against the factor by which a parameter is misjudged, both on log scales.

    Args:
        curves: columns parameter (a panel each), policy, factor and regret [$].
        level: a regret to compare with, that of AC with all parameters right [$].
    """
    parameters = list(dict.fromkeys(curves["parameter"]))
    figure = make_subplots(
        rows=2, cols=2, shared_yaxes=True, subplot_titles=parameters, horizontal_spacing=0.05, vertical_spacing=0.2
    )
    for p, parameter in enumerate(parameters):
        place = {"row": p // 2 + 1, "col": p % 2 + 1}
        panel = curves[curves["parameter"] == parameter]
        for policy in dict.fromkeys(panel["policy"]):
            line = panel[panel["policy"] == policy]
            figure.add_scatter(
                x=line["factor"].round(4),
                y=[float(f"{max(value, 1e-3):.4g}") for value in line["regret"]],
                name=policy,
                legendgroup=policy,
                showlegend=p == 0,
                mode="lines",
                line={"color": COLOURS[policy], "width": 2.5},
                hovertemplate=f"{policy}, believed %{{x:.2f}}×: %{{y:.3g}} $<extra>{parameter}</extra>",
                **place,
            )
        figure.add_hline(y=level, line={"color": COLOURS["AC"], "width": 1.2, "dash": "dot"}, **place)
        figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1}, **place)
    factors = [0.25, 0.5, 1, 2, 4]
    figure.update_xaxes(type="log", tickvals=factors, ticktext=["¼×", "½×", "1×", "2×", "4×"])
    figure.update_xaxes(title="believed / true", row=2)
    figure.update_yaxes(type="log", tickvals=[0.01, 0.1, 1, 10, 100, 1000], range=[-2, 3.5])
    figure.update_yaxes(title="J above the optimum ($)", col=1)
    figure.update_layout(legend={"y": 1.07}, margin={"t": 64})
    phone = _stacked(figure, 4, 1300, 0.07)
    for axis in ("yaxis2", "yaxis4"):
        phone[axis]["showticklabels"] = True
    phone["legend"] = {"y": 1.04}
    return finish(
        figure,
        height=620,
        alt="Regret against the factor of misjudgement on log-log axes, one panel each for "
        f"{', '.join(parameters)}. The optimum's regret falls to zero at the true value; AC's has a floor there.",
        phone=phone,
    )


def regret_valleys(
    impacts: Sequence[float], volatilities: Sequence[float], panels: Mapping[str, NDArray[np.float64]]
) -> go.Figure:
    """Maps of J above the optimum with eta (across) and sigma (up) misjudged; a valley where the errors cancel.

    Args:
        impacts: eta, believed over true, ascending (E,).
        volatilities: sigma, believed over true, ascending (S,).
        panels: regret (S, E) [$] by policy.
    """
    figure = make_subplots(
        rows=1, cols=len(panels), shared_yaxes=True, subplot_titles=list(panels), horizontal_spacing=0.05
    )
    contours = [3, 10, 30, 100, 300, 1000]
    for p, (name, regret) in enumerate(panels.items()):
        figure.add_contour(
            x=np.log2(impacts).round(4),
            y=np.log2(volatilities).round(4),
            z=np.log10(np.maximum(regret, contours[0])).round(3),
            customdata=np.round(regret, 2),
            zmin=np.log10(contours[0]),
            zmax=3,
            contours={"start": 0.75, "end": 3, "size": 0.25, "coloring": "heatmap"},
            line={"width": 0.5, "color": "rgba(128,128,128,0.6)"},
            colorscale="Viridis_r",
            showscale=p == len(panels) - 1,
            colorbar={
                "title": {"text": "$ above<br>optimum"},
                "tickvals": np.log10(contours),
                "ticktext": [f"{'≤ ' if value == contours[0] else ''}{value:,.0f}" for value in contours],
                "thickness": 14,
            },
            hovertemplate=f"{name}: %{{customdata:,.1f}} $<extra></extra>",
            row=1,
            col=p + 1,
        )
        reach = float(np.log2(impacts[-1]))
        figure.add_scatter(
            x=[-reach, reach], y=[-reach / 2, reach / 2], mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": "#ff8c69", "dash": "dash", "width": 2}, row=1, col=p + 1,
        )  # fmt: skip
        figure.add_scatter(
            x=[0], y=[0], mode="markers", showlegend=False, hovertemplate="the truth<extra></extra>",
            marker={"symbol": "x", "size": 10, "color": "#d1495b"}, row=1, col=p + 1,
        )  # fmt: skip
    powers = [-2, -1, 0, 1, 2]
    labels = ["¼×", "½×", "1×", "2×", "4×"]
    figure.update_xaxes(tickvals=powers, ticktext=labels, title="believed η / true η", showgrid=False)
    figure.update_yaxes(tickvals=powers, ticktext=labels, showgrid=False, zeroline=False)
    figure.update_xaxes(range=list(np.log2([impacts[0], impacts[-1]])), zeroline=False)
    figure.update_yaxes(range=list(np.log2([volatilities[0], volatilities[-1]])))
    figure.update_yaxes(title="believed σ / true σ", row=1, col=1)
    phone: dict[str, Any] = {"height": 760, "annotations": {"0": {"x": 0.5, "y": 1}, "1": {"x": 0.5, "y": 0.43}}}
    phone |= {"xaxis": {"domain": [0, 1]}, "yaxis": {"domain": [0.58, 1]}}
    phone |= {"xaxis2": {"domain": [0, 1]}, "yaxis2": {"domain": [0, 0.42], "showticklabels": True}}
    return finish(
        figure,
        height=430,
        alt=f"Maps of regret over the believed impact and the believed volatility for {' and '.join(panels)}: a "
        "valley of low regret runs through the truth along a dashed line, on which impact grows with the variance.",
        phone=phone,
    )


# --- chapter: 12 hidden


def hidden_level(
    truth: NDArray[np.float64],
    implied: NDArray[np.float64],
    level: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> go.Figure:
    """One episode's liquidity as it is, as the last fill implied it, and as a filter believes it to be.

    Args:
        truth: L_k (N,).
        implied: the level that the last fill before period k implied (N,).
        level: the filter's mean before the trade of period k (N,).
        deviation: its standard deviation (N,).
    """
    k = np.arange(len(truth))
    band = 1.96 * deviation
    figure = go.Figure()
    figure.add_scatter(
        x=np.concatenate([k, k[::-1]]),
        y=np.concatenate([level + band, (level - band)[::-1]]).round(3),
        fill="toself",
        fillcolor="rgba(224,138,30,0.18)",
        line={"width": 0},
        name="filter, 95% band",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=k,
        y=implied.round(3),
        name="implied by the last fill",
        mode="lines+markers",
        line={"color": NEUTRAL, "width": 1.5, "dash": "dot"},
        marker={"size": 6},
    )
    figure.add_scatter(
        x=k, y=truth.round(3), name="true", mode="lines+markers", line={"color": LIQUIDITY, "width": 2.5}
    )
    figure.add_scatter(
        x=k, y=level.round(3), name="filtered", mode="lines", line={"color": COLOURS["rolling"], "width": 2.5}
    )
    figure.update_xaxes(title="time (periods)")
    figure.update_yaxes(title="liquidity level L", rangemode="tozero")
    return finish(
        figure,
        height=420,
        alt="One episode of liquidity: the true level, the level implied by the last fill, which lags it by a period, "
        "and the filter's estimate between that and the mean, with a band around it.",
        phone={"height": 460, "margin": {"t": 90}},
    )


def information_curves(
    panels: Mapping[str, tuple[str, pd.DataFrame]], span: tuple[float, float], ticks: Mapping[str, Any]
) -> go.Figure:
    """What each degree of information is worth, against a parameter.

    Args:
        panels: by axis title of y, the axis title of x and a frame indexed by the parameter, with a column a line and
            ``<line>_ci`` (95% half-width) for the estimated ones.
        span: ends of the first panel's y-axis.
        ticks: tickvals and ticktext of the logarithmic x-axes.
    """
    styles = {
        "see it": (LIQUIDITY, "solid"),
        "bound, one period late": ("rgba(128,128,128,0.5)", "solid"),
        "optimum, filtered": (COLOURS["optimum"], "solid"),
        "rolling, filtered": (COLOURS["rolling"], "solid"),
        "optimum, last fill": (COLOURS["optimum"], "dot"),
        "rolling, last fill": (COLOURS["rolling"], "dot"),
        "assume constant": (COLOURS["AC"], "solid"),
    }
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.12)
    shown: set[str] = set()
    for p, (title, (across, frame)) in enumerate(panels.items()):
        for name in [name for name in styles if name in frame.columns]:
            colour, dash = styles[name]
            spread = {}
            if f"{name}_ci" in frame:
                spread = {"error_y": {"array": frame[f"{name}_ci"].round(4), "thickness": 1.2, "width": 3}}
            figure.add_scatter(
                x=frame.index,
                y=frame[name].round(4),
                name=name,
                legendgroup=name,
                showlegend=name not in shown,
                mode="lines+markers" if spread else "lines",
                marker={"size": 6},
                line={"color": colour, "dash": dash, "width": 7 if name.startswith("bound") else 2.2},
                hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
                **spread,
                row=1,
                col=p + 1,
            )
            shown.add(name)
        figure.update_xaxes(title=across, type="log", **ticks, row=1, col=p + 1)
        figure.update_yaxes(title=title, row=1, col=p + 1)
    first = next(iter(panels.values()))[1]
    figure.update_yaxes(range=list(span), row=1, col=1)
    figure.update_layout(legend={"y": 1.05}, margin={"t": 80})
    phone: dict[str, Any] = {"height": 520, "legend": {"y": 1.03}}
    if len(panels) > 1:
        phone = _stacked(figure, len(panels), 860, 0.14)
        phone["legend"] = {"y": 1.03}
    return finish(
        figure,
        height=470,
        alt=f"{' and '.join(panels)} by degree of information, against {first.index.name}.",
        phone=phone,
    )
