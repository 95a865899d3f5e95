"""Figures of *Stochastic liquidity*: fan charts, memory, shocks, convexity and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, add_slider, finish, stack_panels
from optexec.liquidity import OrnsteinUhlenbeck, cached_chain

__all__ = ["autocorrelation", "jensen", "liquidity_fans", "shock_response", "two_clocks"]


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
    phone = stack_panels(figure, len(panels), 300 * len(panels), 0.07)
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
    figure.update_xaxes(title="period k", range=[-0.04 * periods, 1.04 * periods - 1], row=1, col=2)
    figure.update_yaxes(title="E[1/L], relative to L = 1", range=[0.97, 1.02 * ceiling], row=1, col=2)
    labels = [f"{process.volatility:.2f}" for process in processes]
    add_slider(figure, "volatility of liquidity ω", labels, changes, [0, 2, 3], active)
    figure.update_layout(legend={"y": 1.1})
    phone = stack_panels(figure, 2, 860, 0.16)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=500,
        alt="First panel: the convex curve 1/L over the distribution of L, with the mean of 1/L above 1 over the mean "
        "of L. Second panel: the mean of 1/L rises over the first periods and stays above one; a slider sets the "
        "volatility.",
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
    phone = stack_panels(figure, 2, 820, 0.16)
    phone["legend"] = {"y": 1.05}
    return finish(
        figure,
        height=430,
        alt="First panel: two front-loaded trade lists under a U-shaped volume profile, nearly the same. Second "
        "panel: each is the cheaper one on the clock it was made for.",
        phone=phone,
    )
