"""*Normal conditions*: the note's table, everybody's, and how often a small run ranks two policies rightly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec.evaluation import from_to, mean, plus_minus
from optexec.figures.style import COLOURS, NEUTRAL
from optexec.offline import scoring
from report.agents import published
from report.claims import measures
from report.plot import Plot

__all__ = [
    "Copies",
    "Enough",
    "Learned",
    "Ranking",
    "Spread",
    "Turn",
    "all_agents",
    "as_in_the_note",
    "beside_the_note",
    "check_everybody",
    "copies",
    "cost_and_scatter",
    "enough",
    "everybody",
    "learned",
    "over_agents",
    "ranking",
    "ranking_counts",
    "turn",
]

Array = NDArray[np.float64]

PRINTED = {
    "TWAP": (100_250, 1850, -54.19),
    "AC": (100_350, 1290, -77.79),
    "BCQ, TWAP's log": (99_850, 1650, -60.52),
    "TD3+BC, TWAP's log": (99_920, 1680, -59.48),
}
"""The note's rows: mean [$], standard deviation [$], Sharpe ratio."""
STUDIES = {
    "BCQ, TWAP's log": "bcq-twap-data0",
    "TD3+BC, TWAP's log": "td3bc-twap-data0",
    "BCQ": "bcq-mixture-8logs",
    "TD3+BC": "td3bc-mixture-8logs",
}
COPIES = ["BCQ, TWAP's log", "TD3+BC, TWAP's log"]
LEARNED = ["BCQ", "TD3+BC"]
PLACES = {
    "TWAP": (44, -14),
    "VWAP": (44, -14),
    "AC": (0, -30),
    "best static": (0, 44),
    "rolling": (0, -36),
    "optimum": (0, 38),
    "BCQ": (-56, 14),
    "TD3+BC": (54, 12),
}
"""Where the names of policies stand beside their marks in `cost_and_scatter`: pixels right and down."""


@dataclass(frozen=True)
class Copies:
    """Agents that learned from TWAP alone, beside TWAP, and TWAP beside the note's."""

    bcq_below: float
    """mean shortfall of TWAP less that of BCQ [$]"""
    td3bc_above: float
    """mean shortfall of TD3+BC less that of TWAP [$]"""
    scatter: float
    """standard deviation that the note prints for TWAP, over ours"""


def copies(large: pd.DataFrame) -> Copies:
    """What came of agents with TWAP's log, from the table of `optexec.evaluate`."""
    short, std = large["is_mean"], large["is_std"]
    for name in COPIES:  # the first prediction: they are TWAP
        assert abs(short[name] - short["TWAP"]) < 1
        assert abs(std[name] / std["TWAP"] - 1) < 0.01
    assert short["BCQ, TWAP's log"] < short["TWAP"] < short["TD3+BC, TWAP's log"]
    assert large["sharpe"].idxmax() == large["is_std"].idxmax() == "AC"  # "best" by Sharpe: whoever scatters most
    return Copies(
        bcq_below=short["TWAP"] - short["BCQ, TWAP's log"],
        td3bc_above=short["TD3+BC, TWAP's log"] - short["TWAP"],
        scatter=PRINTED["TWAP"][1] / std["TWAP"],
    )


def as_in_the_note(table: pd.DataFrame, problem: ox.Problem, digits: int = 1) -> pd.DataFrame:
    """The note's columns: total cost X S_0 + IS, its standard deviation, its Sharpe ratio and completion."""
    notional = problem.order.shares * problem.market.price
    return pd.DataFrame(
        {
            "mean ($)": _intervals(table, "is_mean", digits, notional),
            "std ($)": _intervals(table, "is_std", digits),
            "Sharpe": _intervals(table, "sharpe", 0),
            "completion": [f"{100 * share:.0f}%" for share in table["completion"]],
        },
        index=table.index,
    )


def beside_the_note(table: pd.DataFrame, problem: ox.Problem) -> pd.DataFrame:
    """The note's columns, ours and as printed."""
    shown = as_in_the_note(table, problem, 0)
    for column, name in enumerate(("mean", "std", "Sharpe")):
        numbers = {policy: f"{row[column]:,}".replace("-", "−") for policy, row in PRINTED.items()}
        shown[f"note: {name}"] = [numbers.get(str(policy), "–") for policy in shown.index]
    return shown


def _intervals(table: pd.DataFrame, column: str, digits: int = 1, above: float = 0.0) -> list[str]:
    """A column of estimates with their 95% half-widths."""
    return [
        plus_minus(value + above, half, digits)
        for value, half in zip(table[column], table[f"{column}_ci"], strict=True)
    ]


def everybody(large: pd.DataFrame, exact: Mapping[str, float], closed: Mapping[str, float]) -> pd.DataFrame:
    """Everybody from the worst to the best by J, on fresh episodes and exactly.

    Args:
        large: the table of `optexec.evaluate`.
        exact: J by policy [$].
        closed: gap closed by policy.
    """
    table = large.loc[_from_the_worst(closed)]
    return pd.DataFrame(
        {
            "E[IS] ($)": _intervals(table, "is_mean"),
            "E[IS] (bps)": _intervals(table, "is_bps", 2),
            "std ($)": _intervals(table, "is_std"),
            "worst 5% ($)": _intervals(table, "cvar95", 0),
            "J_mv ($)": _intervals(table, "objective_mv", 0),
            "J ($)": [f"{exact[str(name)]:,.2f}" for name in table.index],
            "gap closed": [f"{closed[str(name)]:.3f}".replace("-", "−") for name in table.index],
        },
        index=table.index,
    )


def _from_the_worst(closed: Mapping[str, float]) -> list[str]:
    return sorted(closed, key=lambda name: (closed[name], name))


def check_everybody(large: pd.DataFrame, exact: Mapping[str, float], closed: Mapping[str, float]) -> None:
    """What the chapter says of the table of everybody, or it does not build."""
    z = (large["objective"] - pd.Series(exact)) / (large["objective_ci"] / 1.96)
    assert z.abs().max() < 3  # what was simulated is what is exact
    order, short = _from_the_worst(closed), large["is_mean"]
    assert order[-1] == "optimum"
    assert set(order[:4]) == {"TWAP", "AC neutral", *COPIES}
    assert set(order[:4]) == set(short.nsmallest(4).index)  # the cheapest come last
    for name in LEARNED:
        assert short[name] > short["TWAP"]
        assert closed[name] > 0.98
        assert large["is_std"][name] < 0.6 * large["is_std"]["TWAP"]
        assert short[name] < short["AC"]
    assert large["is_std"].idxmin() == "rolling"


@dataclass(frozen=True)
class Learned:
    """The agent of TD3+BC that learned from mixed schedules, beside the schedules [$]."""

    dearer: float
    """mean shortfall above TWAP's"""
    cheaper: float
    """mean shortfall below AC's"""
    std: dict[str, float]
    """standard deviation by policy"""
    half: dict[str, float]
    """its 95% half-width"""


def learned(large: pd.DataFrame) -> Learned:
    """What the agent of TD3+BC pays and how much it scatters, from the table of `optexec.evaluate`."""
    short, rows = large["is_mean"], {"td3bc": "TD3+BC", "twap": "TWAP", "ac": "AC"}
    return Learned(
        dearer=short["TD3+BC"] - short["TWAP"],
        cheaper=short["AC"] - short["TD3+BC"],
        std={key: large["is_std"][name] for key, name in rows.items()},
        half={key: large["is_std_ci"][name] for key, name in rows.items()},
    )


@dataclass(frozen=True)
class Spread:
    """A study's agents, exact: interquartile mean and its interval over them."""

    closed: scoring.Summary
    """gap closed"""
    cost: scoring.Summary
    """mean shortfall [$]"""


def all_agents(problem: ox.Problem) -> dict[str, Spread]:
    """The agents of all four studies in the market that they learned in."""
    neutral = problem.replace(risk_aversion=0.0)
    best = ox.optimum(problem).value
    prize = scoring.prize_of(problem)
    spreads = {}
    for name, study in STUDIES.items():
        agents = measures.agents(study)
        objectives = np.array([ox.exact_value(problem, agent) for agent in agents])
        costs = np.array([ox.exact_value(neutral, agent) for agent in agents])
        closed = (best + prize - objectives) / prize
        spreads[name] = Spread(scoring.summary([closed]), scoring.summary([costs]))
    twap = ox.exact_value(neutral, ox.twap(problem))
    for name in LEARNED:
        found = published.results().loc[STUDIES[name]]
        assert abs(spreads[name].closed.value - found["value"]) < 2e-4  # tables score as the published networks
        assert spreads[name].closed.low > 0.9
        assert spreads[name].cost.low > twap + 200
    assert max(spreads[name].closed.high for name in COPIES) < -10
    return spreads


def over_agents(spreads: Mapping[str, Spread], problem: ox.Problem) -> pd.DataFrame:
    """The studies' interquartile means and intervals."""

    def shown(found: scoring.Summary, digits: int, scale: float = 1.0) -> str:
        return from_to(scale * found.value, scale * found.low, scale * found.high, digits)

    notional = problem.order.shares * problem.market.price
    return pd.DataFrame(
        {
            "gap closed": {name: shown(spread.closed, 3) for name, spread in spreads.items()},
            "E[IS] ($)": {name: shown(spread.cost, 1) for name, spread in spreads.items()},
            "E[IS] (bps)": {name: shown(spread.cost, 2, 1e4 / notional) for name, spread in spreads.items()},
        }
    ).rename_axis("agents")


@dataclass(frozen=True)
class Ranking:
    """How often a small run ranks policies by mean IS as the large run does."""

    policies: list[str]
    """the cheapest first"""
    counts: Array
    """(K, K) as `ranking_counts` draws them"""
    own_pairs: pd.DataFrame
    """the note's own pairs"""
    repetitions: int
    pairs: int
    settled: int
    """pairs that every repetition ranks rightly on shared shocks"""
    apart_settled: int
    """and on separate shocks"""
    coins: int
    """pairs that less than 55% of repetitions rank rightly on separate shocks"""
    everything: int
    """repetitions with the whole order right on shared shocks"""
    nothing: int
    """and on separate shocks"""
    difference: float
    """mean shortfall of AC less TWAP's [$]"""
    wild: int
    """repetitions that rank TWAP before AC on separate shocks where the price scatters as in the note"""
    wild_sigma: float
    """volatility of that price [$ per square root of a period]"""
    wild_error: float
    """standard error of a difference of two means there [$]"""


def ranking(problem: ox.Problem, note: Mapping[str, ox.Policy], costs: Mapping[str, Array], small: int) -> Ranking:
    """Count rightly ranked pairs over repetitions of a small run.

    Args:
        problem: the market.
        note: policies of the note's own pairs.
        costs: shortfalls [$] of a large run by policy, on the same shocks of seed 42.
        small: episodes of a repetition.
    """
    means = {name: sample.reshape(-1, small).mean(axis=1) for name, sample in costs.items()}
    policies = sorted(costs, key=lambda name: costs[name].mean())
    counts = np.zeros((len(policies), len(policies)))
    for (i, a), (j, b) in combinations(enumerate(policies), 2):
        counts[i, j], counts[j, i] = (means[a] < means[b]).sum(), _apart(means[a], means[b])
    calm = ox.presets.reference()  # only the price is random, and a standard deviation in proportion to its volatility
    sigma = calm.market.volatility * PRINTED["TWAP"][1] / ox.twap(calm).variance ** 0.5
    own = [name for name in policies if name in note]
    scattered, episodes = problem.replace(volatility=sigma), len(costs["TWAP"])
    wild = {name: ox.simulate(scattered, note[name], episodes, 42).shortfall for name in own}
    wild = {name: sample.reshape(-1, small).mean(axis=1) for name, sample in wild.items()}
    rows = {}
    for a, b in combinations(own, 2):
        difference = mean(costs[b] - costs[a])
        digits = 3 if difference.ci < 0.01 else 2
        same, apart = (means[a] < means[b]).sum(), _apart(means[a], means[b])
        rows[a, b] = [plus_minus(difference.value, difference.ci, digits), same, apart, _apart(wild[a], wild[b])]
    columns = ["difference ($)", "same shocks", "separate shocks", "separate, note's scatter"]
    upper, lower = (half[np.triu_indices(len(policies), 1)] for half in (counts, counts.T))
    ordered = np.array([means[name] for name in policies])
    separate = np.array([np.roll(means[name], i) for i, name in enumerate(policies)])
    repetitions = ordered.shape[1]
    found = Ranking(
        policies=policies,
        counts=counts,
        own_pairs=pd.DataFrame(rows, index=columns).T.rename_axis(["cheaper", "dearer"]).reset_index("dearer"),
        repetitions=repetitions,
        pairs=len(upper),
        settled=int((upper == repetitions).sum()),
        apart_settled=int((lower == repetitions).sum()),
        coins=int((lower < 0.55 * repetitions).sum()),
        everything=int((np.diff(ordered, axis=0) > 0).all(axis=0).sum()),
        nothing=int((np.diff(separate, axis=0) > 0).all(axis=0).sum()),
        difference=float(costs["AC"].mean() - costs["TWAP"].mean()),
        wild=_apart(wild["TWAP"], wild["AC"]),
        wild_sigma=sigma,
        wild_error=PRINTED["TWAP"][1] * (2 / small) ** 0.5,
    )
    assert (upper >= lower).all()
    assert found.coins >= 3
    assert (means["TWAP"] < means["AC"]).all()
    assert _apart(means["TWAP"], means["AC"]) == 1000 == repetitions
    assert abs(found.wild - 1000 * 6 / 7) < 25  # missed in one of seven
    return found


def _apart(a: Array, b: Array) -> int:
    """Repetitions that rank a below b, each on shocks of its own."""
    return int((a < np.roll(b, 1)).sum())


@dataclass(frozen=True)
class Enough:
    """How many shared episodes rank a pair by mean IS in 95% of repetitions."""

    difference: float
    """mean of the paired difference [$]"""
    std: float
    """its standard deviation [$ an episode]"""
    episodes: int
    share: float
    """repetitions of that length that do [%]"""


def enough(difference: Array) -> Enough:
    """The episodes that a paired difference (n,) [$] needs, checked by counting."""
    episodes = int(np.ceil((1.645 * difference.std() / difference.mean()) ** 2))
    blocks = difference[: len(difference) // episodes * episodes].reshape(-1, episodes).mean(axis=1)
    found = Enough(float(difference.mean()), float(difference.std()), episodes, float(100 * (blocks > 0).mean()))
    assert 92 < found.share < 98
    return found


@dataclass(frozen=True)
class Turn:
    """The risk aversion at which two policies, kept as they are, have the same J."""

    risk_aversion: float
    """[1/$]"""
    times: float
    """how many times less it is than the problem's"""


def turn(problem: ox.Problem, cheap: ox.Policy, safe: ox.Policy) -> Turn:
    """Where J, linear in the lambda of the judgement, turns from one policy to the other."""
    neutral = problem.replace(risk_aversion=0.0)
    (cost, dearer) = (ox.exact_value(neutral, policy) for policy in (cheap, safe))
    risk = (ox.exact_value(problem, cheap) - cost) / problem.risk_aversion
    less = (ox.exact_value(problem, safe) - dearer) / problem.risk_aversion
    found = (dearer - cost) / (risk - less)
    at = problem.replace(risk_aversion=found)
    assert np.isclose(ox.exact_value(at, cheap), ox.exact_value(at, safe), rtol=1e-6)
    return Turn(found, problem.risk_aversion / found)


def _colour(policy: str) -> str:
    """A policy's colour; what stands behind a comma says how it was trained."""
    return COLOURS.get(policy.partition(",")[0], NEUTRAL)


def cost_and_scatter(
    small: pd.DataFrame, large: pd.DataFrame, places: Mapping[str, tuple[float, float]] = PLACES
) -> go.Figure:
    """Mean against standard deviation of IS, from a small run with its intervals and from a large one.

    Args:
        small: table of `optexec.evaluate` of a small run, indexed by policy.
        large: the same of a large one.
        places: where a policy's name stands, pixels right and down from its mark; policies without one are unnamed.
    """
    plot = Plot()
    for policy, row in small.iterrows():
        colour = _colour(str(policy))
        across, up = (
            {"array": [row[f"{of}_ci"]], "color": colour, "thickness": 1, "width": 0} for of in ("is_std", "is_mean")
        )
        hover = f"{policy}, 100 episodes<br>mean $%{{y:,.0f}}, std $%{{x:.0f}}"
        more: dict[str, Any] = {"error_x": across, "error_y": up, "opacity": 0.75, "hover": hover}
        plot.dots([row["is_std"]], [row["is_mean"]], colour, 5, "circle-open", **more)
    # Agents with a log of its own policy lie under that policy's mark.
    for name in sorted(large.index, key=lambda name: "," not in name):
        x, y, symbol = [large.loc[name, "is_std"]], [large.loc[name, "is_mean"]], "diamond" if "," in name else "circle"
        hover = f"{name}, all episodes<br>mean $%{{y:,.1f}}, std $%{{x:.1f}}"
        plot.dots(x, y, _colour(name), 12, symbol, cliponaxis=False, hover=hover)
    arrow = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": NEUTRAL, "standoff": 6}
    for name, (right, down) in places.items():
        plot.note(name, large.loc[name, "is_std"], large.loc[name, "is_mean"], ax=right, ay=down, **arrow)
    plot.x("standard deviation of IS ($)", rangemode="tozero")
    plot.y("mean IS ($)")
    said = (f"{policy} {row['is_mean']:.0f} and {row['is_std']:.0f} dollars" for policy, row in large.iterrows())
    return plot.done(
        f"Mean against standard deviation of the implementation shortfall: {', '.join(said)}. The crosses of a run of "
        "100 episodes are wide.",
        height=480,
    )


def ranking_counts(policies: list[str], counts: NDArray[np.float64], repetitions: int) -> go.Figure:
    """How many repetitions of a small run rank each pair as the large run does.

    Args:
        policies: K names, the cheapest first.
        counts: (K, K): above the diagonal with both policies on the same shocks, below it on separate ones; the
            diagonal is not shown.
        repetitions: what a count is out of.
    """
    shown = np.where(np.eye(len(policies), dtype=bool), np.nan, counts)
    text = [["" if np.isnan(v) else "all" if v == repetitions else f"{v:.0f}" for v in row] for row in shown]
    plot = Plot()
    written: dict[str, Any] = {"text": text, "texttemplate": "%{text}", "textfont": {"size": 11, "color": "#111111"}}
    hover = "%{y} and %{x}: %{z:.0f} of " + f"{repetitions:,}"
    plot.add("heatmap", x=policies, y=policies, z=shown, xgap=2, ygap=2, coloraxis="coloraxis", hover=hover, **written)
    plot.y(autorange="reversed", showgrid=False)
    plot.x(side="top", tickangle=-45, showgrid=False)
    together, apart = counts[np.triu_indices(len(policies), 1)], counts[np.tril_indices(len(policies), -1)]
    return plot.done(
        f"Heat map of pairs of policies: how many of {repetitions:,} repetitions rank them as all episodes do. On "
        f"the same shocks, above the diagonal, from {min(together):.0f} to {max(together):.0f}; on separate ones, "
        f"below it, from {min(apart):.0f} to {max(apart):.0f}.",
        height=560,
        coloraxis={
            "cmin": repetitions / 2,
            "cmax": repetitions,
            "colorscale": [[0.0, "#e8a26b"], [0.5, "#e6e0d0"], [1.0, "#8fbbe6"]],
            "colorbar": {"title": {"text": "repetitions"}, "thickness": 12},
        },
        phone={
            "height": 470,
            "margin": {"l": 4, "r": 4},
            "coloraxis": {"showscale": False},
            "xaxis": {"tickfont": {"size": 9}, "tickangle": -90},
            "yaxis": {"tickfont": {"size": 9}},
        },
    )
