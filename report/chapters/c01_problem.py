"""*The problem*: what two sales cost, what signs and units decide, and a shortfall taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec.calibration import Almgren2005
from optexec.evaluation import plus_minus
from optexec.figures.style import CAUSES, CONTRAST, LIQUIDITY, NEUTRAL, clear
from optexec.simulator import Episodes
from report.plot import Plot

__all__ = [
    "Clock",
    "Days",
    "Law",
    "Path",
    "Prediction",
    "Reading",
    "Sale",
    "Signs",
    "Units",
    "check_objectives",
    "clock",
    "days",
    "law",
    "objectives_table",
    "parameters_table",
    "path_taken",
    "prediction",
    "score_scatter",
    "shortfall_anatomy",
    "signs",
    "signs_table",
    "units",
    "units_table",
]

Array = NDArray[np.float64]

NOTE_STD = 1850.0
"""The standard deviation of TWAP in the original note's results [$]."""


def parameters_table(problem: ox.Problem) -> pd.DataFrame:
    """Every parameter with its symbol, value and unit."""
    order, market = problem.order, problem.market
    rows = [
        ("order size", "$X$", order.shares, "shares"),
        ("periods", "$N$", order.periods, "count"),
        ("length of a period", r"$\Delta t$", order.dt, "time (here: periods)"),
        ("arrival price", "$S_0$", market.price, "$/share"),
        ("volatility", r"$\sigma$", market.volatility, "$/share per √time"),
        ("temporary impact", r"$\eta$", market.temporary, "$/share per share in a period"),
        ("permanent impact", r"$\gamma$", market.permanent, "$/share per share"),
        ("transient impact", "$q$", market.transient, "$/share per share"),
        ("decay of transient impact", r"$\delta$", market.decay, "1/time"),
        ("noise of the decay", r"$\nu$", market.decay_noise, "1/√time"),
        ("slippage", "$s$", market.slippage, "$/share"),
        ("half-spread", "$c$", market.half_spread, "$/share"),
        ("haircut on what is left over", r"$\chi$", order.leftover_haircut, "$/share"),
        ("cap on the fraction of what is left", "$f$", order.max_fraction, "–"),
        ("cap on participation", "$p$", order.max_participation, "–"),
        ("market volume of a period", "$V$", market.volume, "shares"),
        ("risk aversion", r"$\lambda$", problem.risk_aversion, "1/$"),
    ]
    shown = [(what, symbol, "none" if value is None else f"{value:g}", unit) for what, symbol, value, unit in rows]
    return pd.DataFrame(shown, columns=["parameter", "symbol", "value", "unit"]).set_index("parameter")


@dataclass(frozen=True)
class Sale:
    """What a schedule's shortfall is made of, in closed form."""

    cost: float
    """expected [$]"""
    bps: float
    """the same, of the order's value at arrival [bps]"""
    std: float
    """what the price's own movement adds [$]"""


@dataclass(frozen=True)
class Prediction:
    """The three guesses."""

    even: Sale
    at_once: Sale
    impact_over_luck: float
    """expected cost of the even sale over its standard deviation"""


def notional(problem: ox.Problem) -> float:
    """The order's value at arrival [$]."""
    return problem.order.shares * problem.market.price


def prediction(even: ox.Schedule, at_once: ox.Schedule) -> Prediction:
    """What it costs to sell evenly and at once."""
    sales = {
        name: Sale(plan.expected_cost, 1e4 * plan.expected_cost / notional(plan.problem), plan.variance**0.5)
        for name, plan in {"even": even, "at_once": at_once}.items()
    }
    found = Prediction(**sales, impact_over_luck=sales["even"].cost / sales["even"].std)
    assert found.impact_over_luck > 10  # impact outweighs luck by far
    return found


@dataclass(frozen=True)
class Law:
    """The even sale by the law of 2005, its periods taken for one day."""

    of_volume: float
    """the order as a part of the day's volume [%]"""
    temporary: float
    """bps"""
    permanent: float
    """bps"""
    times_temporary: float
    """the note's cost over the temporary part, to the hundred"""
    times_both: float
    """the note's cost over both parts, to the hundred"""


def law(even: ox.Schedule, problem: ox.Problem) -> Law:
    """How much more impact the note's market has than US stocks had.

    Args:
        even: the even sale in the reference market.
        problem: its order, in a market with a volume.
    """
    order, market = problem.order, problem.market
    volume = order.periods * market.volume
    volatility = market.volatility * order.periods**0.5  # [$/sqrt(day)]
    turned = Almgren2005(outstanding=250 * order.periods * market.volume)  # a share changes hands once a year
    eta, gamma = turned.coefficients(order, market.volume, volume, volatility)
    temporary = (eta - gamma / 2) * (order.shares / order.periods) / market.price
    permanent = gamma * order.shares / 2 / market.price
    cost = even.expected_cost / notional(problem)
    assert np.isclose(temporary, 0.142 * volatility / market.price * (order.shares / volume) ** 0.6)
    assert cost > 1000 * (temporary + permanent)
    return Law(
        of_volume=100 * order.shares / volume,
        temporary=1e4 * temporary,
        permanent=1e4 * permanent,
        times_temporary=round(cost / temporary, -2),
        times_both=round(cost / (temporary + permanent), -2),
    )


@dataclass(frozen=True)
class Signs:
    """One schedule, three paths of the price."""

    outcomes: pd.DataFrame
    """a row a path: proceeds, shortfall and the original note's C [$]"""
    still_note_cost: float
    """C where the price stays [$]"""
    still_total: float
    """total cost there, X S_0 + IS [$]"""


def signs(outcomes: Mapping[str, Mapping[str, float]], even: ox.Schedule) -> Signs:
    """What the note's C says of the paths, against what the seller lost on them."""
    table, still = pd.DataFrame(outcomes).T, outcomes["price stays"]
    assert np.isclose(still["shortfall ($)"], even.expected_cost)
    assert table["note's C ($)"].idxmin() == table["shortfall ($)"].idxmax() == "price falls by $1"
    return Signs(table, still["note's C ($)"], notional(even.problem) + still["shortfall ($)"])


def signs_table(found: Signs) -> pd.DataFrame:
    """The paths in whole dollars."""
    return found.outcomes.map("{:,.0f}".format).rename_axis("path")


@dataclass(frozen=True)
class Reading:
    """The note's market with its volatility read one way."""

    urgency: float
    """in continuous time [1/period]"""
    urgency_horizon: float
    """that times the horizon"""
    exact_urgency: float
    """1/period"""
    sold_first: float
    """what the Almgren–Chriss schedule sells in the first period [%]"""
    twap_std: float
    """the standard deviation of TWAP's shortfall [$]"""


@dataclass(frozen=True)
class Units:
    """Both readings."""

    cents: Reading
    percent: Reading
    needed: float
    """the volatility that would give the note's standard deviation of TWAP [$/share per √period]"""


def reading(problem: ox.Problem) -> Reading:
    """What the volatility of a problem decides."""
    market = problem.market
    urgency = float(np.sqrt(problem.risk_aversion * market.volatility**2 / market.temporary))
    return Reading(
        urgency=urgency,
        urgency_horizon=problem.order.periods * urgency,
        exact_urgency=ox.urgency(problem),
        sold_first=100 * ox.almgren_chriss(problem).fractions[0],
        twap_std=ox.twap(problem).variance ** 0.5,
    )


def units(cents: ox.Problem, percent: ox.Problem) -> Units:
    """The market with sigma in dollars, and with sigma in percent of the price."""
    two_cents, two_percent = reading(cents), reading(percent)
    assert np.isclose(two_cents.urgency, 0.1414, atol=5e-5)
    assert np.isclose(two_cents.urgency_horizon, 2.83, atol=5e-3)
    assert two_percent.sold_first > 99
    assert two_cents.twap_std < NOTE_STD / 10
    assert two_percent.twap_std > 2 * NOTE_STD
    return Units(two_cents, two_percent, cents.market.volatility * NOTE_STD / two_cents.twap_std)


def units_table(found: Units) -> pd.DataFrame:
    """Both readings, a row each."""
    columns = {
        "urgency": r"$\sqrt{\lambda\sigma^2/\eta}$",
        "urgency_horizon": r"$\kappa T$",
        "exact_urgency": "exact urgency",
        "sold_first": "sold in period 0 (%)",
        "twap_std": "std of TWAP ($)",
    }
    rows = pd.DataFrame([found.cents, found.percent], index=["$0.02 per √period", "2% of $100"])
    return rows.map("{:,.4g}".format).rename(columns=columns).rename_axis("volatility")


def check_objectives(results: pd.DataFrame) -> None:
    """J ranks the Almgren–Chriss schedule above TWAP, J_mv below, and the optimum leads by both; all is settled."""

    def settled(criterion: str, better: str, worse: str) -> bool:
        value, half = results[criterion], results[criterion + "_ci"]
        return bool(value[better] + half[better] < value[worse] - half[worse])

    assert settled("objective", "optimum", "AC")
    assert settled("objective", "AC", "TWAP")
    assert settled("objective_mv", "optimum", "TWAP")
    assert settled("objective_mv", "TWAP", "AC")


def objectives_table(results: pd.DataFrame) -> pd.DataFrame:
    """Cost, risk and both objectives with their 95% half-widths."""
    columns = {
        "is_mean": ("mean IS ($)", 1),
        "is_bps": ("mean IS (bps)", 2),
        "is_std": ("std IS ($)", 1),
        "objective": ("J ($)", 1),
        "objective_mv": ("J_mv ($)", 1),
    }
    return pd.DataFrame(
        {
            label: [plus_minus(*pair, digits) for pair in zip(results[name], results[name + "_ci"], strict=True)]
            for name, (label, digits) in columns.items()
        },
        index=results.index,
    )


@dataclass(frozen=True)
class Path:
    """The sale that is taken apart."""

    shortfall: float
    """$"""
    bps: float
    left: float
    """what is left over for the haircut [shares]"""
    luck: float
    """the size of the timing part [$]"""
    impact: float
    """temporary, transient and permanent [$]"""


def path_taken(episodes: Episodes, parts: Mapping[str, float]) -> Path:
    """One sale by cause.

    Args:
        episodes: one simulated programme.
        parts: the parts of its shortfall by cause [$].
    """
    shortfall, left = float(episodes.shortfall[0]), float(episodes.leftover[0])
    assert left > 0
    assert all(parts.values())  # every cause can be seen
    return Path(
        shortfall=shortfall,
        bps=1e4 * shortfall / notional(episodes.problem),
        left=left,
        luck=abs(parts["timing"]),
        impact=parts["temporary"] + parts["transient"] + parts["permanent"],
    )


@dataclass(frozen=True)
class Clock:
    """What taking more time can save."""

    floor: float
    """the cost of TWAP in ever more periods [$]"""
    last: float
    """the number of periods from which on the cost cannot be halved any more"""


def clock(reference: ox.Problem) -> Clock:
    """The cost of TWAP by number of periods."""
    market, shares = reference.market, reference.order.shares
    found = Clock(market.permanent * shares**2 / 2, 2 * market.temporary / market.permanent - 1)

    def cost(periods: int) -> float:
        return ox.twap(reference.replace(periods=periods)).expected_cost

    for periods in (1, 5, 20, 200, 2000):
        above = (market.temporary - market.permanent / 2) * shares**2 / periods
        assert np.isclose(cost(periods), found.floor + above)
    assert cost(18) / 2 > found.floor > cost(20) / 2
    return found


@dataclass(frozen=True)
class Days:
    """How long it takes to tell two desks apart at two standard errors [days]."""

    reference: float
    stochastic: float
    without_timing: float
    """in the stochastic market, with the timing part subtracted"""


def days(reference: ox.Problem, stochastic: ox.Problem, saving: float) -> Days:
    """The days until a saving of so many dollars an order shows in the shortfalls of TWAP."""

    def without_timing(runs: Episodes) -> Array:
        own_moves = -np.diff(runs.mid, axis=1) - runs.problem.market.permanent * runs.trades
        clean: Array = runs.shortfall - (runs.inventory[:, 1:] * own_moves).sum(axis=1)
        return clean

    even = ox.twap(reference)
    still = ox.simulate(reference, even, episodes=300, seed=42)
    noisy = ox.simulate(stochastic, ox.twap(stochastic), episodes=20_000, seed=7)
    found = Days(
        reference=8 * even.variance / saving**2,
        stochastic=8 * noisy.shortfall.var(ddof=1) / saving**2,
        without_timing=8 * without_timing(noisy).var(ddof=1) / saving**2,
    )
    assert without_timing(still).std() < 1e-6
    assert 1 < found.without_timing < found.stochastic
    return found


def shortfall_anatomy(episodes: Episodes, parts: Mapping[str, float]) -> go.Figure:
    """One sale's shortfall twice: as the area between arrival price and fills, and as a sum of its causes.

    Args:
        episodes: simulated programmes of a sale, of which the first is drawn.
        parts: the parts of its shortfall by cause [$]: the environment's ``info``, summed over periods.
    """
    problem = episodes.problem
    arrival, haircut = problem.market.price, problem.haircut
    trades = np.append(episodes.trades[0], episodes.leftover[0])
    mid = episodes.mid[0]
    fills = np.append(episodes.fills[0], mid[-1] - haircut)
    sold = np.concatenate([[0.0], np.cumsum(trades)])

    def steps(low: int, high: int, values: Array) -> tuple[NDArray[Any], NDArray[Any]]:
        """A value from one step of the sale to the next, as the points of a line."""
        return np.round(np.repeat(sold[low : high + 1], 2)[1:-1], 1), np.round(np.repeat(values[low:high], 2), 4)

    plot, last = Plot(2, gap=0.19, column_widths=[0.56, 0.44]), len(trades) - 1
    prices, causes = plot
    prices.line([0, sold[-1]], [arrival, arrival], NEUTRAL, 2, name="arrival price S₀")
    below = {"fill": "tonexty", "fillcolor": clear(CAUSES["timing"], 0.28)}
    name = "mid price S<sub>k</sub>"
    prices.line(*steps(0, last + 1, mid), CAUSES["timing"], 2, name=name, hover=False, **below)
    x, y = steps(0, last, fills)
    prices.line(x, y, CAUSES["temporary"], 2, name="fill price P<sub>k</sub>", hover=False)
    prices.band(x, y, steps(0, last, mid)[1], clear(CAUSES["temporary"], 0.3))
    if trades[-1] > 0:
        x, y = steps(last, last + 1, fills)
        edge, fill = {"width": 1, "color": CAUSES["leftover"]}, clear(CAUSES["leftover"], 0.45)
        prices.band(x, y, steps(last, last + 1, mid)[1], fill, line=edge, name="left over")
    prices.dots(
        np.round((sold[:-2] + sold[1:-1]) / 2, 1),
        np.round(fills[:-1], 4),
        CAUSES["temporary"],
        text=[f"period {k}" for k in range(problem.order.periods)],
        customdata=np.round(np.column_stack([trades[:-1], mid[:-1]]), 3),
        hover="%{text}<br>%{customdata[0]:.1f} shares at $%{y:.3f}<br>mid $%{customdata[1]:.3f}",
    )
    prices.x("shares sold, one step a period", [0, sold[-1]])
    prices.y("price ($ per share)")

    names = [name for name in CAUSES if name in parts]
    values = np.array([parts[name] for name in names], dtype=np.float64)
    starts = np.concatenate([[0.0], np.cumsum(values)])
    causes.bars(
        np.round(np.append(values, starts[-1]), 2),
        [*names, "shortfall"],
        [*(CAUSES[name] for name in names), NEUTRAL],
        base=np.round(np.append(starts[:-1], 0.0), 2),
        orientation="h",
        text=[f"${value:,.0f}".replace("$-", "−$") for value in (*values, starts[-1])],
        textposition="outside",
        cliponaxis=False,
        hover="%{y}: %{text}",
    )
    ends = [min(0.0, float(starts.min())), 1.2 * float(max(starts.max(), 0.0))]
    causes.x("cost ($)", ends, tickformat=",.0f")
    causes.y(autorange="reversed")
    return plot.done(
        "First panel: arrival price, mid price and fills against shares sold; the area between the arrival price "
        "and the fills is the shortfall. Second panel: the same shortfall as a running sum of its parts by cause.",
        height=440,
        phone=plot.stacked(800, 0.16, yaxis={"domain": [0.56, 1]}),
    )


def score_scatter(shortfall: Array, score: Array) -> go.Figure:
    """A score that is to be minimised against the implementation shortfall of the same programmes [$].

    Args:
        shortfall: IS (n,) [$].
        score: another cost of the same n programmes [$].
    """
    plot, x, y = Plot(), np.round(shortfall, 2), np.round(score, 2)
    plot.dots(x, y, NEUTRAL, alpha=0.5, hover="shortfall $%{x:,.0f}<br>score $%{y:,.0f}")
    for index, name, colour, at in (
        (int(np.argmin(shortfall)), "best sale", LIQUIDITY, "top right"),
        (int(np.argmin(score)), "lowest C", CONTRAST, "bottom left"),
    ):
        hover, font = name + ": shortfall $%{x:,.0f}, score $%{y:,.0f}", {"size": 14}
        plot.dots(x[[index]], y[[index]], colour, 13, text=[name], at=at, textfont=font, hover=hover)
    room = 0.14 * np.array([-1, 1]) * np.ptp(score) + [score.min(), score.max()]
    plot.x("implementation shortfall ($)", tickformat=",.0f")
    plot.y("the original note's C ($)", np.round(room, 1).tolist(), tickformat=",.0f")
    return plot.done(
        "Scatter of the original note's cost C against implementation shortfall: C falls as the shortfall "
        "rises, so the sale with the smallest C is the worst one.",
        height=360,
    )
