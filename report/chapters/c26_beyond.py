"""*Beyond the model*: two assets, other prices, power-law impact, a published fit, and a plan for two worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.optimize import minimize

import optexec as ox
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL
from report.plot import Moving, Plot, minus

__all__ = [
    "Desk",
    "Hedge",
    "Impact",
    "Pair",
    "Prices",
    "Tails",
    "Worlds",
    "arithmetic",
    "check_end",
    "corners",
    "covariance",
    "desk",
    "geometric",
    "hedged_holdings",
    "hedged_plans",
    "hedges",
    "impact",
    "least",
    "loop",
    "minimised",
    "minimum",
    "pair",
    "part_left",
    "paths",
    "power_curves",
    "power_tails",
    "prices",
    "published_impact",
    "quadratic",
    "recursion",
    "tails",
    "together",
    "two_worlds",
    "worlds",
]

Array = NDArray[np.float64]


def together(X: Array, C: Array, H: Array, risk_aversion: float, N: int, tau: float) -> tuple[Array, Array]:
    """Urgencies (2,) [1/day] and holdings (N+1, 2) [shares] of the joint plan."""
    root = sqrtm(H).real
    inverse = np.linalg.inv(root)
    a, U = np.linalg.eigh(inverse @ C @ inverse)
    kappa = 2 / tau * np.arcsinh(np.sqrt(risk_aversion * a) * tau / 2)
    left = tau * np.arange(N, -1, -1)[:, None]
    z = np.sinh(kappa * left) / np.sinh(kappa * N * tau) * (U.T @ root @ X)
    return kappa, z @ (inverse @ U).T


PAPER = ox.presets.almgren_chriss_2000().replace(half_spread=0.0)
SECOND = PAPER.replace(shares=4e5, side="buy", volatility=0.6, temporary=5e-6, permanent=5e-7)
LAM, DAYS, TAU = PAPER.risk_aversion, 5, 1.0
X = np.array([PAPER.order.shares, -SECOND.order.shares])
SIGMA, ETA, GAMMA = (
    np.array([getattr(each.market, field) for each in (PAPER, SECOND)])
    for field in ("volatility", "temporary", "permanent")
)


def covariance(rho: float) -> Array:
    """Covariance (2, 2) of the price moves of both assets [$^2 per day]."""
    return np.asarray(np.outer(SIGMA, SIGMA) * np.array([[1, rho], [rho, 1]]))


def quadratic(C: Array, eta: Array, gamma: Array, N: int, tau: float) -> Array:
    """Q with E + lambda Var = v' Q v; v stacks the trades of all periods."""
    earlier = np.tril(np.ones((N, N)), -1)
    cost = np.kron(earlier, gamma) + np.kron(np.eye(N), eta / tau)
    return np.asarray(cost + LAM * tau * np.kron(earlier @ earlier.T, C))  # holdings are the trades to come


def minimum(Q: Array, X: Array) -> Array:
    """Trades (N, 2) that minimise v' Q v and add up to X, with a multiplier an asset."""
    n, total = len(Q), np.kron(np.ones((1, len(Q) // 2)), np.eye(2))
    system = np.block([[Q + Q.T, total.T], [total, np.zeros((2, 2))]])
    return np.asarray(np.linalg.solve(system, np.append(np.zeros(n), X))[:n].reshape(-1, 2))


@dataclass(frozen=True)
class Pair:
    """A long and a short position planned together, and alone [$]."""

    table: Any
    """expected cost, standard deviation, their sum, and what is held after two days, by plan"""
    kappa_low: float
    """[1/day]"""
    kappa_high: float
    together: float
    """E + lambda Var"""
    alone: float
    more: float
    """of plans made alone [%]"""
    saved: float
    """by the joint plan [%]"""
    cheaper: float
    """the joint plan's expected cost"""
    riskier: float
    """and its standard deviation"""


def pair(kappa: Array, ways: Mapping[str, Array]) -> Pair:
    """Account for trade lists (N, 2) that are planned alone and together."""
    C, eta, gamma = covariance(0.5), np.diag(ETA), np.diag(GAMMA)
    Q, risk = quadratic(C, eta, gamma, DAYS, TAU), quadratic(C, 0 * eta, 0 * gamma, DAYS, TAU) / LAM
    rows = {}
    for name in ("alone", "together"):
        v = ways[name].ravel()
        total, variance = v @ Q @ v, v @ risk @ v
        rows[name] = [total - LAM * variance, variance**0.5, total, *(X - np.cumsum(ways[name], axis=0))[1]]
    columns = ["E[IS] ($)", "std ($)", "E + λ Var ($)", "asset 1 after day 2", "asset 2 after day 2"]
    table = pd.DataFrame(rows, index=columns).T.rename_axis("planned")
    cost, std, utility = (table[column] for column in columns[:3])
    assert cost["together"] < cost["alone"]
    assert std["together"] > std["alone"]
    assert np.allclose(kappa, [0.231265, 0.623918], atol=5e-7)
    assert abs(utility["together"] - 1_311_254.72) < 0.01
    assert abs(utility["alone"] - 1_329_476.47) < 0.01
    singles = [ox.almgren_chriss(each) for each in (PAPER, SECOND)]
    bills = [plan.expected_cost + LAM * plan.variance for plan in singles]
    cross = 2 * LAM * TAU * 0.5 * SIGMA.prod() * np.prod([plan.inventory[1:] for plan in singles], axis=0).sum()
    assert abs(sum(bills) - cross - utility["alone"]) < 1e-6  # the package's own costs, and a covariance
    full_eta, full_gamma = np.array([[2.5e-6, 8e-7], [8e-7, 5e-6]]), np.array([[2.5e-7, 1e-7], [1e-7, 5e-7]])
    crossed = together(X, C, full_eta - full_gamma * TAU / 2, LAM, DAYS, TAU)[1]
    solved = minimum(quadratic(C, full_eta, full_gamma, DAYS, TAU), X)
    assert np.abs(-np.diff(crossed, axis=0) - solved).max() < 1e-12 * 1e6  # symmetric cross-impact fits the formula
    return Pair(
        table=table.style.format(lambda value: f"{value:,.0f}".replace("-", "−")),
        kappa_low=kappa[0],
        kappa_high=kappa[1],
        together=utility["together"],
        alone=utility["alone"],
        more=100 * (utility["alone"] / utility["together"] - 1),
        saved=100 * (1 - utility["together"] / utility["alone"]),
        cheaper=cost["alone"] - cost["together"],
        riskier=std["together"] - std["alone"],
    )


STEPS, FINE = 40, 0.125
PAIR, HEDGE = "a long and a short", "asset 1, and a liquid hedge"
ORDERS = {PAIR: (X, ETA, GAMMA), HEDGE: (np.array([1e6, 0.0]), ETA * [1, 0.05], GAMMA * [1, 0.05])}
"""Shares, temporary and permanent impact of two orders."""


def hedged_plans() -> dict[float, dict[str, Array]]:
    """Holdings of both orders in forty periods, by correlation."""

    def at(rho: float, order: str) -> Array:
        start, eta, gamma = ORDERS[order]
        return together(start, covariance(rho), np.diag(eta - gamma * FINE / 2), LAM, STEPS, FINE)[1]

    correlations = np.round(np.arange(-9, 10) / 10, 1)
    return {float(rho): {order: at(rho, order) for order in ORDERS} for rho in correlations}


@dataclass(frozen=True)
class Hedge:
    """A liquid second asset beside an order in the first."""

    short: float
    """most shares that are sold short"""
    day: float
    """when"""
    left: float
    """of the order after two days [shares]"""
    saved: float
    """of E + lambda Var [%]"""


@dataclass(frozen=True)
class Hedges:
    """By correlation, and without the second asset."""

    half: Hedge
    """0.5"""
    strong: Hedge
    """0.9"""
    left_alone: float
    """of the order after two days [shares]"""


def hedges(plans: Mapping[float, Mapping[str, Array]]) -> Hedges:
    """What a hedge that nobody ordered does, and that of two positions."""
    start, eta, gamma = ORDERS[HEDGE]
    assert np.isclose(eta[1] / eta[0], 0.1)
    after, plain, found = round(2 / FINE), plans[0.0][HEDGE], {}
    for rho in (0.5, 0.9):
        Q = quadratic(covariance(rho), np.diag(eta), np.diag(gamma), STEPS, FINE)
        best = plans[rho][HEDGE]
        trades, even = -np.diff(best, axis=0), -np.diff(plain, axis=0).ravel()
        assert np.abs(trades - minimum(Q, start)).max() < 1e-11 * 1e6
        assert (best[1:-1, 1] < 0).all()  # a hedge is opened,
        assert (best[1:-1, 0] > plain[1:-1, 0]).all()  # the sale is slower
        low = int(best[:, 1].argmin())
        saved = float(100 * (1 - (trades.ravel() @ Q @ trades.ravel()) / (even @ Q @ even)))
        found[rho] = Hedge(-best[low, 1], FINE * low, best[after, 0], saved)
    both = {rho: np.abs(plans[rho][PAIR][1:-1]) for rho in (-0.5, 0.0, 0.5)}
    assert (both[0.5] > both[0.0]).all()
    assert (both[-0.5] < both[0.0]).all()
    return Hedges(found[0.5], found[0.9], plain[after, 0])


def geometric(x: float, S: float, T: float, lam: float, sigma: float) -> float:
    """Least cost for a geometric price."""
    grown = np.expm1(sigma**2 * T) - sigma**2 * T - sigma**4 * T**2 / 2
    return float(x**2 / T + lam * T * x * S / 2 - lam**2 * S**2 / (8 * sigma**6) * grown)


def arithmetic(x: float, S: float, T: float, lam: float, sigma: float) -> float:
    """Least cost for an arithmetic price."""
    grown = T**3 / 3 + sigma**2 * T**4 / 12
    return x**2 / T + lam * T * x * S / 2 - lam**2 * S**2 / 16 * grown


def recursion(x: float, S: float, T: float, lam: float, sigma: float, n: int) -> float:
    """Least cost with n rates: a x^2 + b x S + c S^2, from the last period backwards."""
    dt = T / n
    a, b, c = 1 / dt, lam * dt / 2, 0.0
    for _ in range(n - 1):
        h, shrink = b / 2 + lam * dt / 4, 1 / (1 + a * dt)
        c = np.exp(sigma**2 * dt) * c - dt * h**2 * shrink
        a, b = a * shrink, b + lam * dt - 2 * dt * a * h * shrink
    return a * x**2 + b * x * S + c * S**2


def paths(
    step: Callable[[Array, Array, float], Array], lam: float, n: int = 200, episodes: int = 20_000
) -> tuple[float, float]:
    """Cost of the rule on simulated prices; step(S, normal, dt) is the price one step on."""
    rng, dt, cost = np.random.default_rng(42), 1 / n, np.zeros(episodes)
    x, S = np.ones(episodes), np.ones(episodes)
    for left in 1 - dt * np.arange(n):
        v = x / left + (lam * left * S / 4 if left > 1.5 * dt else 0)  # the last sells all
        cost = cost + v**2 * dt + lam * S * dt * (x - v * dt / 2)
        x, S = x - v * dt, step(S, rng.standard_normal(episodes), dt)
    return float(cost.mean()), float(1.96 * cost.std(ddof=1) / episodes**0.5)


@dataclass(frozen=True)
class Prices:
    """Costs of the rule under two laws of the price: simulated, their 95% half-widths, exact."""

    geometric: float
    geometric_half: float
    geometric_exact: float
    arithmetic: float
    arithmetic_half: float
    arithmetic_exact: float
    apart: float
    """the exact ones [%]"""
    note_move: float
    """of the note's price within its order [%]"""


def prices(sold: Mapping[str, tuple[tuple[float, float], float]]) -> Prices:
    """What the law of the price changes: simulated cost with half-width, and the exact one, by law."""
    note = ox.presets.stochastic()
    move = note.market.volatility / note.market.price
    assert np.expm1(move**2 * note.order.periods) < 1e-6
    apart = 100 * (sold["arithmetic"][1] / sold["geometric"][1] - 1)
    walk, straight = (sold[name] for name in ("geometric", "arithmetic"))
    move = 100 * move * note.order.periods**0.5
    return Prices(*walk[0], walk[1], *straight[0], straight[1], apart, move)


def part_left(t: Any, k: float) -> Any:
    """x/X of the closed form; t in units of T*."""
    return np.maximum(1 + (1 - k) / (1 + k) * t, 0) ** (-(1 + k) / (1 - k))


def least(k: float) -> float:
    """J of the closed form where T* = X = lambda sigma^2 = 1, so that eta = 1/k."""
    return (1 + k) ** 2 / (k * (1 + 3 * k))


def corners(k: float, n: int) -> Array:
    """Times of the corners, closer together at first, to beyond the end if there is one."""
    last = 400.0 if k < 1 else 1.5 * (k + 1) / (k - 1)
    return np.expm1(np.linspace(0, np.log1p(last), n + 1))


def minimised(k: float, times: Array) -> tuple[float, Array]:
    """Least cost and holdings (n+1,) of trajectories that are linear between times."""
    dt = np.diff(times)

    def cost(v: Array) -> tuple[float, Array]:  # and its derivative
        x = np.append(1, 1 - np.cumsum(v))
        a, b = x[:-1], x[1:]
        by_x = (np.append(dt * (2 * a + b), 0) + np.append(0, dt * (a + 2 * b))) / 3
        value = dt @ ((v / dt) ** (k + 1) / k + (a**2 + a * b + b**2) / 3)
        return value, (k + 1) / k * (v / dt) ** k - np.cumsum(by_x[:0:-1])[::-1]

    rules: dict[str, Any] = {
        "bounds": [(0, None)] * len(dt),
        "options": {"ftol": 1e-15, "maxiter": 2000},
        "constraints": {"type": "eq", "fun": lambda v: v.sum() - 1, "jac": np.ones_like},
    }
    start = -np.diff(np.append(np.exp(-times[:-1]), 0))
    found = minimize(cost, start, jac=True, method="SLSQP", **rules)
    return found.fun, np.append(1, 1 - np.cumsum(found.x))


def power_curves() -> go.Figure:
    """`power_tails` on both sides of linear impact."""
    t = np.linspace(0, 12, 121)
    exponents = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0)
    found = {k: np.stack([corners(k, 40), minimised(k, corners(k, 40))[1]]) for k in exponents}
    return power_tails(t, {k: part_left(t, k) for k in exponents}, found, 0.6)


@dataclass(frozen=True)
class Tails:
    """How an order ends under impact of the 0.6th power."""

    left: float
    """after ten T* [%]"""
    left_linear: float
    """under linear impact [%]"""
    extrapolated: float
    """largest error of the extrapolated minimum over exponents [millionths]"""
    faster: float
    """how much shorter T* is for twice the size [%]"""


def tails() -> Tails:
    """The closed form against the minimiser, which comes down on it like 1/n^2."""
    errors = []
    for k in (0.5, 0.6, 0.9, 1.5, 2.0):
        values = []
        for n in (40, 80):
            times = corners(k, n)
            value, held = minimised(k, times)
            values.append(value)
        above = [value / least(k) - 1 for value in values]
        assert 0 < above[1] < 2e-3
        assert 3.5 < above[0] / above[1] < 4.5
        assert np.abs(held - part_left(times, k)).max() < 3e-3
        errors.append(abs((4 * values[1] - values[0]) / 3 / least(k) - 1))
    assert max(errors) < 1e-5
    assert part_left(1e6, 0.6) > 0
    assert part_left(3.0, 2.0) == 0 < part_left(2.99, 2.0)
    t = np.linspace(0, 12, 121)
    assert np.isclose(least(1.0), 1)
    assert np.allclose(part_left(t, 1 - 1e-7), np.exp(-t), atol=1e-6)  # the linear case
    return Tails(
        left=100 * part_left(10.0, 0.6),
        left_linear=float(100 * np.exp(-10.0)),
        extrapolated=1e6 * max(errors),
        faster=100 * (1 - 2 ** (-0.4 / 1.6)),
    )


def impact(size: float, days: Any, V: float = 6.561e6, outstanding: float = 1.728e9, sigma: float = 157.0) -> Any:
    """Permanent I and temporary K [bps] of size * V sold evenly; sigma in bps a day."""
    permanent = 0.314 * sigma * size * (outstanding / V) ** 0.25
    return permanent, 0.142 * sigma * (size / days) ** 0.6


@dataclass(frozen=True)
class Impact:
    """A tenth of a day's volume of IBM, in 0.1, 0.2 and 0.5 days [bps]."""

    permanent: float
    temporary: dict[str, float]
    """by days, fifth for 0.2"""
    cost: dict[str, float]


def published_impact() -> Impact:
    """The three examples of the paper."""
    days = {"tenth": 0.1, "fifth": 0.2, "half": 0.5}
    permanent, temporary = impact(0.1, np.array(list(days.values())))
    assert np.isclose(permanent, 19.86, atol=0.005)
    assert np.allclose(temporary, [22.29, 14.71, 8.49], atol=0.005)
    K = dict(zip(days, temporary, strict=True))
    return Impact(permanent, K, {name: permanent / 2 + value for name, value in K.items()})


@dataclass(frozen=True)
class Desk:
    """A desk with a linear law in the concave market: how much more it pays."""

    table: Any
    shape: float
    """the best exponential above the best sale [%]"""
    small: float
    """the desk above it, for 1% of V [%]"""
    typical: float
    """10% of V [%]"""
    large: float
    """all of V [%]"""
    fold: float
    """its e-folding time [days]"""
    half_small: float
    """half-life of the best sale of 1% of V [days]"""
    half_large: float
    """of all of V [days]"""
    day_left: float
    """of 10% of V after a day [%]"""


def desk(k: float = 0.6) -> Desk:
    """Orders by size, sold at best, by the best exponential, and by that of a linear law fitted at one size."""
    linear_eta = impact(0.1, 0.5)[1] * 0.5  # bps per (order per day), of an order of 10% of V
    rows = {}
    for size in (0.01, 0.05, 0.1, 0.25, 1.0):
        permanent, eta = impact(size, 1.0)  # eta: K at a rate of one order a day
        risk = 1e-3 * size / 0.1 * 157.0**2  # lambda sigma^2 [bps a day], lambda per bp of this order
        scale = (k * eta / risk) ** (1 / (k + 1))
        best_kappa, kappa = (risk * (k + 1) / (2 * k * eta)) ** (1 / (k + 1)), (risk / (linear_eta * size / 0.1)) ** 0.5
        best_exponential, linear = (
            eta * urgency**k / (k + 1) + risk / (2 * urgency) for urgency in (best_kappa, kappa)
        )
        best = risk * scale * least(k)
        rows[f"{100 * size:g}% of V"] = {
            "T* (days)": scale,
            "half-life (days)": scale * (2 ** ((1 - k) / (1 + k)) - 1) * (1 + k) / (1 - k),
            "left (%)": 100 * part_left(1 / scale, k),
            "I/2 (bps)": permanent / 2,
            "K + λVar (bps)": best,
            "linear (%)": 100 * (linear / best - 1),
            "best exponential": 100 * (best_exponential / best - 1),
        }
    table = pd.DataFrame(rows).T.rename_axis("order")
    shape, dear, half = table["best exponential"], table["linear (%)"], table["half-life (days)"]
    assert np.ptp(shape) < 1e-9
    assert 0.3 < shape.iloc[0] < 0.9
    assert dear.idxmin() == "5% of V"
    assert dear["100% of V"] > 15
    assert np.isclose(kappa, (1e-3 * 157**2 / linear_eta) ** 0.5)  # the same for every size
    grid = np.linspace(0, 60 / kappa, 400_001)
    held = np.exp(-kappa * grid)  # the exponential's bill, by quadrature
    assert np.isclose(np.trapezoid(eta * (kappa * held) ** (k + 1) + risk * held**2, grid), linear, rtol=1e-6)
    shown = table.drop(columns="best exponential")
    return Desk(
        table=shown.style.format("{:.3f}")
        .format("{:.1f}", subset=list(shown.columns[2:5]))
        .format("+{:.1f}", subset=["linear (%)"]),
        shape=shape.iloc[0],
        small=dear["1% of V"],
        typical=dear["10% of V"],
        large=dear["100% of V"],
        fold=1 / (1e-3 * 157**2 / linear_eta) ** 0.5,
        half_small=half["1% of V"],
        half_large=half["100% of V"],
        day_left=table["left (%)"]["10% of V"],
    )


@dataclass(frozen=True)
class Worlds:
    """Regret of one schedule for two values of temporary impact [$]."""

    eta: float
    """to plan for [$/share per share]"""
    worst: float
    """regret in either world"""
    low: float
    """larger regret of who plans for the low value"""
    high: float
    middle: float
    """for the note's value"""


def worlds(
    robust: float, planned_for: Callable[[float], Array], objective: Callable[[Array, float], float]
) -> tuple[Worlds, go.Figure]:
    """Larger regrets, and the figure of both.

    Args:
        robust: temporary impact that the plan of least regret is made for.
        planned_for: the trades (N,) of a plan by its temporary impact.
        objective: J of trades by the true temporary impact [$].
    """
    low, middle, high = 0.005, 0.01, 0.02
    ends = (low, high)
    tried = np.geomspace(*ends, 61)
    best = np.array([objective(planned_for(eta), eta) for eta in ends])
    costs = np.array([[objective(planned_for(eta), world) for world in ends] for eta in tried])
    larger = {
        eta: float(max(objective(planned_for(eta), world) - J for world, J in zip(ends, best, strict=True)))
        for eta in (low, middle, high, robust)
    }
    assert larger[robust] < larger[middle] < larger[high] < larger[low]
    assert (costs[:, 1] > costs[:, 0]).all()  # the dull criterion
    weight = (robust - low) / (high - low)
    mixed = (1 - weight) * costs[:, 0] + weight * costs[:, 1]
    assert abs(tried[int(np.argmin(mixed))] / robust - 1) < 0.03  # the weighted mean is least there
    figure = two_worlds(tried, dict(zip(ends, (costs - best).T, strict=True)), robust, larger[robust])
    return Worlds(robust, larger[robust], larger[low], larger[high], larger[middle]), figure


def check_end() -> None:
    """Where impact is convex the minimiser holds nothing after the end of the closed form."""
    for k in (1.5, 2.0, 3.0):
        end, n = (k + 1) / (k - 1), 120
        times = np.linspace(0, 1.5 * end, n + 1)
        held = minimised(k, times)[1]
        last = times[np.flatnonzero(held > 1e-7)[-1]]
        assert abs(last / end - 1) < 0.06
        assert abs(held[-1]) < 1e-12
        line = np.linspace(0, 1, 11)
        assert np.allclose(part_left(line, 1e6), 1 - line, atol=1e-4)


def _loop_cost(n: int, cross: tuple[float, float]) -> float:
    """E[cost] of the loop, trade by trade through the prices."""
    u, w = np.sqrt([ETA[1] - GAMMA[1] / 2, ETA[0] - GAMMA[0] / 2]) * 1e8
    legs = np.repeat([[u, 0], [0, w], [-u, 0], [0, -w]], n, axis=0) / n
    pushes = np.diag(GAMMA) + np.array([[0, cross[0]], [cross[1], 0]])
    displaced, cost = np.zeros(2), 0.0
    for v in legs:
        cost += v @ (displaced + ETA * v)
        displaced = displaced + pushes @ v
    squares = 2 * ((ETA - GAMMA / 2) * [u**2, w**2]).sum() / n
    assert np.isclose(cost, squares + (cross[1] - cross[0]) * u * w, rtol=1e-9, atol=1e-9 * squares)
    return cost


def loop() -> float:
    """Days from which a loop through two assets earns money where cross-impact is not symmetric; it is played."""
    shortest = float(4 * np.sqrt((ETA - GAMMA / 2).prod()) / 2e-7)
    assert _loop_cost(int(shortest), (2e-7, 0.0)) > 0 > _loop_cost(int(shortest) + 1, (2e-7, 0.0))
    assert _loop_cost(10 * (int(shortest) + 1), (2e-7, 2e-7)) > 0  # symmetric: never
    return shortest


ASSETS = (COLOURS["AC"], CONTRAST)
"""Colours of the first and the second asset."""

FLOOR = 1e-3
"""The least share of an order that a logarithmic axis shows."""


def hedged_holdings(
    time: Array,
    together: Mapping[float, Mapping[str, Array]],
    apart: Mapping[str, Array],
    selected: float,
) -> go.Figure:
    """Holdings of two assets that are planned together, a panel an order; a slider sets their correlation.

    Args:
        time: of the holdings (N+1,) [days].
        together: by correlation, ascending, and order, the holdings (N+1, 2) [shares] of the joint plan.
        apart: by order, the holdings (N+1, 2) [shares] of two plans that ignore each other.
        selected: the correlation that is shown first.
    """
    plot, t = Plot(apart, gap=0.09), time.round(4)
    for panel, order in zip(plot, apart, strict=True):
        for asset, name in enumerate(("asset 1", "asset 2")):
            colour, hover = ASSETS[asset], f"{name}, day %{{x}}: %{{y:,.0f}} thousand"
            alone = np.round(apart[order][:, asset] / 1000, 2)
            joint = Moving(np.round(plans[order][:, asset] / 1000, 2) for plans in together.values())
            panel.line(t, alone, colour, 1.8, "dot", key=f"{name}, alone", hover=hover)
            panel.line(t, joint, colour, key=f"{name}, together", hover=hover)
    plot.slider("correlation ρ", [minus(f"{rho:.1f}") for rho in together], list(together).index(selected))
    every = np.concatenate([x for plans in (*together.values(), apart) for x in plans.values()]) / 1000
    margin = 0.05 * np.ptp(every)
    plot.x("days", [0, float(time[-1])])
    plot.y(span=[float(every.min() - margin), float(every.max() + margin)])
    plot[0].y("shares held (thousands)")
    last = list(apart)[-1]
    least = together[selected][last][:, 1].min() / 1000
    return plot.done(
        f"Holdings of two assets over {time[-1]:g} days, planned together and alone. At a correlation of "
        f"{selected:g} the second asset of the order '{last}' goes from nothing to {least:,.0f} thousand shares "
        "and back.",
        height=500,
        legend={"y": 1.1},
        margin={"t": 80},
        phone=plot.stacked(820, 0.17, legend={"y": 1.07}, yaxis2={"title": {"text": "shares held (thousands)"}}),
    )


def power_tails(time: Array, exact: Mapping[float, Array], found: Mapping[float, Array], selected: float) -> go.Figure:
    """Share of an order that is left under power-law impact, on a linear and a logarithmic axis.

    Args:
        time: in units of the characteristic time (K,).
        exact: by exponent k, ascending, the closed form at these times (K,).
        found: by exponent, times and holdings (2, n) of the numerical minimum.
        selected: the exponent that is shown first.
    """
    plot, t, end = Plot(["linear axis", "logarithmic axis"], gap=0.1), time.round(4), float(time[-1])

    def above(values: Array) -> list[float | None]:
        """What an axis that starts at the floor can show."""
        return [round(float(x), 5) if x >= FLOOR else None for x in values]

    shown = [found[k][:, found[k][0] <= end] for k in exact]
    times, left = Moving(x.round(4) for x, _ in shown), Moving(above(y) for _, y in shown)
    curve, hover = Moving(above(values) for values in exact.values()), "%{x:.2f} T*: %{y:.4f} left"
    for panel in plot:
        panel.line(t, above(np.exp(-time)), NEUTRAL, 1.8, "dash", key="k = 1, exponential", hover=False)
        panel.line(t, curve, COLOURS["AC"], key="closed form", hover=hover)
        panel.dots(times, left, COLOURS["optimum"], key="found by a minimiser", hover=hover)
    plot.slider("exponent k", [f"{k:g}" for k in exact], list(exact).index(selected))
    plot.x("time (units of T*)", [0, end])
    plot[0].y("part of the order left", [0, 1.03])
    plot[1].y(span=[FLOOR, 10**0.05], log=True, ticks={tick: f"{tick:g}" for tick in (1, 0.1, 0.01, 0.001)})
    return plot.done(
        f"Part of an order that is left against time for impact with exponent {selected:g}, closed form and "
        f"numerical minimum on top of each other: {np.interp(5, time, exact[selected]):.3f} after five characteristic "
        "times, where linear impact leaves 0.007. On a logarithmic axis concave impact has a tail that bends up and "
        "convex impact an end.",
        height=460,
        legend={"y": 1.1},
        margin={"t": 80},
        phone=plot.stacked(800, 0.17, legend={"y": 1.07}, yaxis2={"title": {"text": "part of the order left"}}),
    )


def two_worlds(believed: Array, regrets: Mapping[float, Array], robust: float, regret: float) -> go.Figure:
    """Regret in two worlds against the temporary impact that is planned for.

    Args:
        believed: temporary impact that a plan is made for (K,) [$/share per share].
        regrets: by true temporary impact, what each plan costs above the best for it (K,) [$].
        robust: the impact to plan for if the larger regret is to be least.
        regret: that regret [$].
    """
    plot, green = Plot(), COLOURS["best static"]
    for (eta, values), colour in zip(regrets.items(), (LIQUIDITY, CONTRAST), strict=True):
        hover = f"planned for %{{x:.4f}}, true {eta:g}: $%{{y:,.1f}}"
        plot.line(believed.round(6), np.round(values, 2), colour, name=f"true η = {eta:g}", hover=hover)
    hover = "planned for %{x:.4f}: $%{y:,.1f} in either world"
    mark: dict[str, Any] = {"name": "minimax regret", "showlegend": False}
    plot.dots([round(robust, 6)], [round(regret, 2)], green, 12, "diamond", hover=hover, **mark)
    plot.note("minimax regret", float(np.log10(robust)), regret, ax=36, ay=-95, arrowcolor=green)
    ticks = {tick: f"{tick:g}" for tick in (0.005, 0.0075, 0.01, 0.015, 0.02)}
    title = "temporary impact η that is planned for ($/share per share)"
    plot.x(title, [believed[0], believed[-1]], log=True, ticks=ticks)
    plot.y("regret ($)", rangemode="tozero")
    few = {"tickvals": [0.005, 0.01, 0.02], "ticktext": ["0.005", "0.01", "0.02"]}
    return plot.done(
        "Regret against the impact that is planned for, in two worlds. "
        + "; ".join(
            f"if η is {eta:g} it goes from {values[0]:,.0f} to {values[-1]:,.0f} dollars"
            for eta, values in regrets.items()
        )
        + f"; the curves cross at {robust:.4f}, at {regret:,.0f} dollars.",
        height=400,
        phone={"xaxis": {"title": {"text": "η that is planned for"}} | few},
    )
