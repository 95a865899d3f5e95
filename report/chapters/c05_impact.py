"""*Impact*: what lingers of a push, what round trips cost, resilience, and what planning without decay costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

import optexec as ox
from optexec.almgren_chriss import decay_moments
from optexec.evaluation import mean, plus_minus
from optexec.figures.style import CAUSES, COLOURS, CONTRAST, NEUTRAL, clear, nearest
from optexec.policies import Schedule, best_static, twap
from optexec.problem import Problem
from report.chapters.c26_beyond import impact
from report.plot import Moving, Plot

__all__ = [
    "Blind",
    "Ends",
    "Noise",
    "Scale",
    "Spot",
    "Trips",
    "Wild",
    "blind",
    "blind_spot",
    "block_response",
    "blocks",
    "check_plans",
    "decay_factors",
    "decay_table",
    "direct",
    "ends",
    "noise",
    "obizhaeva_wang",
    "plan_comparison",
    "refusal",
    "resilience_slider",
    "round_trips",
    "scale",
    "spot",
    "threshold",
    "trips",
    "wild",
]

Array = NDArray[np.float64]


def decay_factors(run: ox.Episodes) -> Array:
    """The factors D_k of a run, from its transient impact before and after each period."""
    pushed = run.transient + run.problem.market.transient * run.trades / run.liquidity
    return np.asarray((run.transient[:, 1:] / pushed[:, :-1]).ravel())


def decay_table(runs: Iterable[ox.Episodes]) -> pd.DataFrame:
    """Moments of D with their 95% half-widths, and theory."""
    rows = {}
    for run in runs:
        factors = decay_factors(run)
        assert factors.size == 200_000
        for name, power, theory in zip(("E[D]", "E[D²]"), (1, 2), decay_moments(run.problem), strict=True):
            found = mean(factors**power)
            assert abs(found.value - theory) < 1.5 * found.ci  # within three standard errors
            key = f"ν = {run.problem.market.decay_noise:g}: {name}"
            rows[key] = [plus_minus(found.value, found.ci, 5), f"{theory:.5f}"]
    return pd.DataFrame(rows, index=["simulated", "theory"]).T.rename_axis("moment")


@dataclass(frozen=True)
class Noise:
    """Standard deviation of TWAP's cost [$]."""

    price: float
    """from the price alone"""
    decay: float
    """from the noise of the decay"""
    both: float
    much: float
    """from much more of that noise"""
    without: float
    """and TWAP's expected cost without transient impact [$]"""
    cost: float
    """with it"""


def noise(reference: ox.Problem) -> Noise:
    """What the noise of the decay adds to the risk of TWAP."""
    even = ox.twap(reference)
    price, much = (ox.twap(reference.replace(decay_noise=nu)).variance for nu in (0.0, 0.15))
    assert 0.01 * price < even.variance - price < 0.1 * price
    assert price < much - price
    return Noise(
        price=price**0.5,
        decay=(even.variance - price) ** 0.5,
        both=even.variance**0.5,
        much=(much - price) ** 0.5,
        without=ox.twap(ox.presets.reference()).expected_cost,
        cost=even.expected_cost,
    )


@dataclass(frozen=True)
class Trips:
    """Costs of round trips: the extremes [$/share^2], and those of random ones of sum of squares 500^2 [$]."""

    low: float
    high: float
    random_low: float
    random_high: float


def trips(
    reference: ox.Problem, basis: Array, form: Array, random_costs: Array
) -> tuple[Trips, dict[str, tuple[Array, float]]]:
    """The cheapest and the dearest round trip of one size, beside random ones.

    Args:
        reference: the market.
        basis: orthonormal, of the lists that sum to zero (N, N-1).
        form: M with E[IS] = v' M v (N, N).
        random_costs: of random trips of that size [$].
    """
    costs, directions = np.linalg.eigh(basis.T @ form @ basis)

    def scaled(direction: Array) -> tuple[Array, float]:
        trades = 500 * basis @ direction
        trades *= np.sign(trades[0])
        return trades, float(trades @ form @ trades)

    market, d = reference.market, decay_moments(reference)[0]
    assert costs[0] >= market.temporary - market.permanent / 2 + market.transient / 2 * (1 - d) / (1 + d)
    cheapest, dearest = scaled(directions[:, 0]), scaled(directions[:, -1])
    assert (np.diff(np.sign(cheapest[0])) != 0).all()
    assert (np.diff(np.sign(dearest[0])) != 0).sum() == 1
    found = Trips(costs[0], costs[-1], random_costs.min(), random_costs.max())
    assert cheapest[1] < found.random_low
    assert found.random_high < dearest[1]
    return found, {"Cheapest": cheapest, "Dearest": dearest}


def refusal(build: Callable[[], object]) -> str:
    """The message of the ValueError that building something raises."""
    try:
        build()
    except ValueError as error:
        return str(error)
    raise AssertionError("was not refused")


def obizhaeva_wang(problem: ox.Problem) -> tuple[Array, float]:
    """Trades and cost of Obizhaeva and Wang, for N + 1 = order.periods trades."""
    order, market = problem.order, problem.market
    a, N = np.exp(-market.decay * order.dt), order.periods - 1
    ends = order.shares / (2 + (N - 1) * (1 - a))
    trades = np.full(N + 1, ends * (1 - a))
    trades[[0, -1]] = ends
    return trades, market.transient * order.shares * ends * (1 + a) / 2


@dataclass(frozen=True)
class Ends:
    """The cheapest sale into a book that recovers slowly."""

    first: float
    """and last block [shares]"""
    between: float
    """each trade [shares]"""
    saved: float
    """against even trades [%]"""


def ends(book: ox.Problem) -> Ends:
    """Blocks at both ends at a decay of 0.1; they are nearly all if the book hardly recovers, and vanish if it does."""
    slow = book.replace(decay=0.1)
    trades, cost = obizhaeva_wang(slow)
    even = ox.Schedule(slow, np.full(21, 1000 / 21)).expected_cost
    assert trades[0] > 5 * trades[1]
    lumps, flat = (obizhaeva_wang(book.replace(decay=rate))[0] for rate in (0.001, 5.0))
    assert lumps[0] > 0.49 * 1000
    assert np.ptp(flat) < 0.01 * flat[0]
    return Ends(trades[0], trades[1], 100 * (1 - cost / even))


def blocks(book: ox.Problem) -> pd.DataFrame:
    """The same order in ever more trades, and its continuous limit."""
    T, rho, rows = 20.0, 0.1, {}
    columns = ["first block (shares)", "rate between (shares per unit of time)", "cost ($)"]
    for n in (5, 20, 100, 1000):
        trades, cost = obizhaeva_wang(book.replace(periods=n + 1, dt=T / n, decay=rho))
        rows[f"{n + 1}"] = trades[0], trades[1] * n / T, cost
    limit = 1000 / (rho * T + 2)
    rows["continuous"] = limit, rho * limit, 0.002 * 1000 * limit
    found = pd.DataFrame(rows, index=columns).T.rename_axis("trades")
    error = (found / found.loc["continuous"] - 1).abs()
    assert (error.loc["1001"] < 0.15 * error.loc["101"]).all()  # the error falls like 1/N
    return found.round(2)


def check_plans(aware: ox.Schedule, blinkered: ox.Schedule) -> None:
    """What knowing of the decay changes in a plan."""
    assert aware.trades[0] > blinkered.trades[0]
    assert aware.trades[-1] > blinkered.trades[-1]
    assert aware.trades[-1] > aware.trades.min()
    assert (np.diff(blinkered.trades) < 0).all()


@dataclass(frozen=True)
class Blind:
    """What planning without decay costs, exactly."""

    table: pd.DataFrame
    dollars: float
    """at q = 0.002 [$]"""
    share: float
    """[% of the best J]"""
    worst: float
    """at q = 0.02 [%]"""
    ou: dict[str, float]
    """J under random liquidity: twap, ac, static, optimum [$]"""
    ou_dollars: float
    """what it costs there [$]"""
    ou_adapting: float
    """what adapting is worth there [$]"""


def blind(ou: ox.Problem) -> Blind:
    """J of three schedules by the size of transient impact, and of all in a market with random liquidity."""
    rows = {}
    for q in (0.0, 0.002, 0.005, 0.01, 0.02):
        at = ox.presets.reference().replace(transient=q)
        J = [ox.exact_objective(at, plan) for plan in (ox.twap(at), ox.almgren_chriss(at), ox.best_static(at))]
        rows[f"{q:g}"] = [*J, 100 * (J[1] / J[2] - 1)]
    names = ["TWAP ($)", "AC ($)", "best static ($)", "AC above best (%)"]
    table = pd.DataFrame(rows, index=names).T
    excess = table["AC above best (%)"]
    assert abs(excess["0"]) < 1e-9
    assert excess.is_monotonic_increasing
    plans = {"twap": ox.twap(ou), "ac": ox.almgren_chriss(ou), "static": ox.best_static(ou)}
    random = {name: ox.exact_objective(ou, plan) for name, plan in plans.items()}
    random["optimum"] = ox.optimum(ou).value
    assert random["optimum"] < random["static"] < random["ac"] < random["twap"]
    return Blind(
        table=(table.rename_axis("q").round(2) + 0.0).map("{:,.2f}".format),
        dollars=table["AC ($)"]["0.002"] - table["best static ($)"]["0.002"],
        share=excess["0.002"],
        worst=excess["0.02"],
        ou=random,
        ou_dollars=random["ac"] - random["static"],
        ou_adapting=random["static"] - random["optimum"],
    )


@dataclass(frozen=True)
class Spot:
    """Where planning without decay costs most, at q = 0.002."""

    decay: float
    """[1/time]"""
    life: float
    """its inverse [time]"""
    loss: float
    """[% of the best J]"""


def spot() -> tuple[Spot, go.Figure]:
    """The loss by decay rate, and its figure."""

    def loss(q: float, decay: float) -> float:
        at = ox.presets.reference().replace(transient=q, decay=decay, decay_noise=0.0)
        return 100 * (ox.exact_objective(at, ox.almgren_chriss(at)) / ox.exact_objective(at, ox.best_static(at)) - 1)

    decays = np.geomspace(0.001, 10, 41)
    losses = {f"q = {q:g}": np.array([loss(q, decay) for decay in decays]) for q in (0.002, 0.005, 0.02)}
    for curve in losses.values():
        assert 0.25 < 1 / decays[curve.argmax()] / 20 < 0.45  # about a third of the order
        assert max(curve[0], curve[-1]) < 0.12 * curve.max()
    small = losses["q = 0.002"]
    worst = float(decays[small.argmax()])
    return Spot(worst, 1 / worst, float(small.max())), blind_spot(decays, losses)


def direct() -> pd.DataFrame:
    """Impact of orders in IBM by the estimates of 2005 [bps]."""
    names = ["permanent I (bps)", "temporary K (bps)", "cost I/2 + K (bps)"]
    rows = {}
    for size in (0.01, 0.1, 0.25):
        for days in (0.1, 0.2, 0.5):
            permanent, temporary = impact(size, days)
            rows[f"{100 * size:g}% of V in {days} days"] = permanent, temporary, permanent / 2 + temporary
    table = pd.DataFrame(rows, index=names).T.rename_axis("order")
    ten = table[table.index.str.startswith("10%")]
    assert np.allclose(ten[names[0]], 19.86, atol=0.005)
    assert np.allclose(ten[names[1]], [22.29, 14.71, 8.49], atol=0.005)
    return table


@dataclass(frozen=True)
class Scale:
    """Cost beside the volatility of the price over the sale: the note's order and IBM's [bps]."""

    note: float
    note_volatility: float
    note_ratio: float
    ibm: float
    ibm_volatility: float
    ibm_ratio: float


def scale(table: pd.DataFrame) -> Scale:
    """The note's magnitudes against the estimate, from the table of `direct`."""
    plain = ox.presets.reference()
    note = 1e4 * ox.twap(plain).expected_cost / (plain.order.shares * plain.market.price)
    volatility = 1e4 * plain.market.volatility * 20**0.5 / plain.market.price
    ibm, moves = table["cost I/2 + K (bps)"]["10% of V in 0.1 days"], 157 * 0.1**0.5
    assert note / volatility > 10 * ibm / moves
    return Scale(note, volatility, note / volatility, ibm, moves, ibm / moves)


@dataclass(frozen=True)
class Wild:
    """Noise of the decay from which moments of a push do not decay."""

    mean: float
    square: float


def wild(waiting: ox.Problem) -> Wild:
    """Where E[D] and E[D^2] are 1; beyond the first, a push grows on average and dies on nearly every path."""
    reference = ox.presets.reference().replace(transient=0.002)
    found = Wild((2 * 0.1) ** 0.5, 0.1**0.5)
    assert np.isclose(decay_moments(reference.replace(decay_noise=found.mean))[0], 1)
    assert np.isclose(decay_moments(reference.replace(decay_noise=found.square))[1], 1)
    long = waiting.replace(periods=401, decay_noise=1.2 * found.mean)
    run = ox.simulate(long, ox.Schedule(long, np.append(500.0, np.zeros(400))), episodes=1000, seed=42)
    assert decay_moments(long)[0] > 1
    assert np.median(run.transient[:, -1]) < 1e-9
    return found


def threshold(book: ox.Problem) -> float:
    """Temporary impact below which a round trip through a thin period and a deep one earns money."""
    thin = book.replace(periods=2, decay=0.1, volume_profile=[0.2, 1.8])
    m, d = 1 / 0.2 + 1 / 1.8, np.exp(-0.1)
    found = float(0.002 * d / 0.2 / m - 0.001)

    def cost(eta: float, u: float = 100.0) -> float:
        return float(u**2 * ((eta + 0.001) * m - 0.002 * d / 0.2))

    assert cost(0.0) < 0 < cost(0.01)
    assert cost(0.99 * found) < 0 < cost(1.01 * found)
    assert "not convex" in refusal(lambda: ox.best_static(thin.replace(temporary=0.99 * found)))
    assert found < 0.01 / 10
    ox.best_static(thin.replace(temporary=0.01))
    return found


def block_response(problem: Problem, block: float, transient: Sequence[tuple[str, NDArray[np.float64]]]) -> go.Figure:
    """How the price effect of one block evolves: its three parts, and the noise of the part that decays.

    Args:
        problem: a market with transient impact.
        block: shares sold in period 0, with nothing after it.
        transient: up to two (label, I_k (n, N)) pairs, the simulated transient impact at the start of each period
            [$/share]; each gets a fan.
    """
    market, dt = problem.market, problem.order.dt
    level = market.liquidity.long_run_mean
    time = np.arange(transient[0][1].shape[1]) * dt
    push = market.transient * block / level
    decaying = np.concatenate([[push], push * decay_moments(problem)[0] ** np.arange(1, len(time))])
    lasting = np.full(len(time), market.permanent * block)
    at_once = (market.temporary + market.transient / 2) * block / level
    plot, green = Plot(1 + len(transient), gap=0.13), CAUSES["transient"]
    price = plot[0]
    for name, y, cause, fill, alpha in (
        ("permanent", -lasting, "permanent", "tozeroy", 0.28),
        ("transient, expected", -lasting - decaying, "transient", "tonexty", 0.3),
    ):
        area = {"fill": fill, "fillcolor": clear(CAUSES[cause], alpha)}
        price.line(time, np.round(y, 5), CAUSES[cause], 2, name=name, **area)
    name, own = "the block's own fill", [0, -round(at_once, 5)]
    price.line([0, 0], own, CONTRAST, 2, "dot", marks=[0, 12], symbol="diamond", name=name, cliponaxis=False)
    price.x("periods after the block", [-0.02 * time[-1], time[-1]])
    price.y("displacement ($ per share)")
    top = max(float(np.quantile(values / push, 0.975, axis=0).max()) for _, values in transient)
    for panel, (label, values) in zip(plot.panels[1:], transient, strict=True):
        scaled = np.column_stack([np.ones(len(values)), (values / push)[:, 1:]])
        low, high = np.quantile(scaled, [0.025, 0.975], axis=0).round(4)
        panel.band(time, high, low, clear(green, 0.22), name="95% of paths")
        for path in scaled[:8]:
            panel.line(time, np.round(path, 4), green, 1, opacity=0.45, hover=False)
        panel.line(time, np.round(scaled.mean(axis=0), 4), NEUTRAL, 3, name="mean", hover=False)
        corner = {"xref": "x domain", "yref": "y domain", "xanchor": "right", "yanchor": "top"}
        panel.note(label, 0.97, 0.97, font={"size": 14}, **corner)
        panel.x("periods after the block", [0, time[-1]])
        panel.y(span=[0, 1.05 * max(1.0, top)])
    plot[1].y("share of the push that is left")
    return plot.done(
        "The price after one block: temporary impact hits only the block's own fill, permanent impact stays, and "
        "transient impact decays towards zero, along random paths whose spread grows with the noise of the decay.",
        height=420,
        phone=plot.stacked(310 * len(plot), 0.1, legend={"y": 1.02}),
    )


def resilience_slider(problem: Problem, rates: Sequence[float], selected: float) -> go.Figure:
    """Obizhaeva and Wang's schedule against TWAP, for a range of resilience rates.

    Args:
        problem: an order in a market whose only impact is transient; its own decay rate is not used.
        rates: the slider's positions, rho = delta [1/time], ascending.
        selected: the rate shown first; the nearest position is taken.
    """
    periods, shares = np.arange(problem.order.periods), problem.order.shares
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

    worlds = [problem.replace(decay=float(value)) for value in rates]
    plans = [best_static(at) for at in worlds]
    costs = [Schedule(at, even.trades).expected_cost for at in worlds]
    plot, saw = Plot(2, gap=0.13), np.repeat(periods, 2)
    trades, book = plot
    best, grey = COLOURS["best static"], COLOURS["TWAP"]
    name = Moving(f"cheapest trades: cost ${plan.expected_cost:,.0f}" for plan in plans)
    trades.bars(periods, Moving(np.round(plan.trades, 2) for plan in plans), best, name=name)
    sold = Moving(path(at, plan) for at, plan in zip(worlds, plans, strict=True))
    book.line(saw, sold, best, 2, name="book after cheapest trades", showlegend=False)
    name = Moving(f"TWAP: cost ${cost:,.0f}" for cost in costs)
    book.line(saw, Moving(path(at, even) for at in worlds), grey, 1.5, name=name)
    trades.line(periods[[0, -1]], [shares / len(periods)] * 2, grey, 2, "dot", hover=False)
    plot.x("period k", [-0.7, len(periods) - 0.3])
    trades.y("trade v<sub>k</sub> (shares)", [0, 0.52 * shares])
    book.y("transient impact I ($ per share)", [0, 1.03 * problem.market.transient * shares / level])
    plot.slider("resilience ρ (per period)", [f"{value:.3g}" for value in rates], nearest(rates, selected))
    return plot.done(
        "First panel: the optimal trade list in a market with transient impact only, two large blocks at the ends "
        "and small equal trades between. Second panel: the transient impact that it and TWAP build up. "
        "The slider sets the resilience.",
        height=480,
        phone=plot.stacked(780, 0.16),
    )


def round_trips(trips: Mapping[str, tuple[NDArray[np.float64], float]]) -> go.Figure:
    """Round trips and what they cost.

    Args:
        trips: for each label the signed trades (N,) [shares, sales positive] and their expected cost [$].
    """
    plot = Plot([f"{label}: costs ${cost:,.0f}" for label, (_, cost) in trips.items()], gap=0.1, shared_y=True)
    for panel, (trades, _) in zip(plot, trips.values(), strict=True):
        colours = [CAUSES["transient"] if v > 0 else CAUSES["permanent"] for v in trades]
        panel.bars(np.arange(len(trades)), np.round(trades, 2), colours)
    plot.x("period k")
    plot[0].y("sold (+), bought (−), shares")
    return plot.done(
        "Signed trade lists of round trips by period with their expected costs, all of them positive: "
        + "; ".join(trips)
        + ".",
        height=340,
        phone=plot.stacked(260 * len(trips), 0.2),
    )


def blind_spot(decays: NDArray[np.float64], losses: Mapping[str, NDArray[np.float64]]) -> go.Figure:
    """What ignoring the decay of impact costs, against the decay rate.

    Args:
        decays: delta (m,) [1/time], ascending.
        losses: by label, excess J over the best schedule (m,) [%].
    """
    plot = Plot()
    for (name, loss), cause in zip(losses.items(), ("transient", "permanent", "leftover"), strict=False):
        hover = "δ = %{x:.3g}: %{y:.2f}%<extra>" + name + "</extra>"
        plot.line(np.round(decays, 6), np.round(loss, 4), CAUSES[cause], name=name, hover=hover)
    plot.x("decay rate δ (per period)", log=True, dtick=1)
    plot.y("excess of J over the best (%)", rangemode="tozero")
    return plot.done(
        "Loss from planning without decay against the decay rate on a logarithmic scale: near zero at both ends, "
        "with a peak where the life of a push is about a third of the horizon.",
        height=360,
    )


def plan_comparison(schedules: Mapping[str, Schedule]) -> go.Figure:
    """Trade lists of several schedules, by the names of `COLOURS` [shares]."""
    plot = Plot()
    for name, schedule in schedules.items():
        x, y, dash = np.arange(len(schedule.trades)), np.round(schedule.trades, 2), "dot" if name == "TWAP" else None
        hover = "period %{x}: %{y:.1f} shares<extra>" + name + "</extra>"
        plot.line(x, y, COLOURS[name], dash=dash, marks=6, name=name, hover=hover)
    plot.x("period k")
    plot.y("trade v<sub>k</sub> (shares)", rangemode="tozero")
    return plot.done(f"Shares sold in each period under {' and '.join(schedules)}.", height=380)
