"""*Stochastic liquidity*: simulations against their theory, what moving depth costs, and the clock of risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.special import ndtr

import optexec as ox
from optexec.evaluation import mean, standard_deviation
from optexec.figures.style import COLOURS, CONTRAST, LIQUIDITY, NEUTRAL, clear
from optexec.liquidity import Liquidity, OrnsteinUhlenbeck, RegimeSwitching, cached_chain
from optexec.policies import expected_inverse_liquidity
from report.plot import Moving, Plot

__all__ = [
    "EPISODES",
    "SEED",
    "Against",
    "Clocks",
    "DepthRisk",
    "Floor",
    "Inverse",
    "Memory",
    "OneClock",
    "Price",
    "Prices",
    "against",
    "against_table",
    "autocorrelation",
    "clocks",
    "depth_risk",
    "depth_table",
    "fans",
    "floor",
    "floor_table",
    "forward",
    "in_volume_time",
    "inverse",
    "jensen",
    "liquidity_fans",
    "lucky_periods",
    "memory",
    "moments",
    "objective",
    "on_both_clocks",
    "prices",
    "prices_table",
    "recoveries",
    "shock_response",
    "stationary",
    "steps_table",
    "two_clocks",
]

Array = NDArray[np.float64]

SEED = 42
EPISODES = 20_000


def forward(process: Liquidity, periods: int, dt: float = 1.0) -> tuple[Array, Array]:
    """Levels (G,) and the distribution of L_k on them for k = 0, 1, ..., one a row."""
    chain = cached_chain(process, dt, periods)
    return chain.levels, np.array(list(chain.distributions(periods)))


def stationary(process: Liquidity) -> tuple[Array, Array]:
    """Levels (G,), and the distribution on them that one more step leaves as it is."""
    chain = cached_chain(process, 1.0, 400)
    return chain.levels, np.linalg.matrix_power(chain.matrix, 64)[chain.start]


@dataclass(frozen=True)
class Against:
    """A simulated mean and what theory says of it."""

    theory: float
    value: float
    ci: float
    """half-width of the 95% interval"""

    @property
    def distance(self) -> float:
        """Simulation less theory in standard errors."""
        return 1.96 * (self.value - self.theory) / self.ci

    @property
    def agrees(self) -> bool:
        """Whether the two are within four standard errors."""
        return abs(self.distance) < 4


def against(theory: float, sample: Array) -> Against:
    """The mean of independent numbers (n,) against its theory."""
    estimate = mean(sample)
    return Against(theory, estimate.value, estimate.ci)


def against_table(checks: Mapping[str, Against]) -> pd.DataFrame:
    """Theory and simulation, a row a statistic."""
    rows = [
        [f"{one.theory:.4f}", f"{one.value:.4f}", f"{one.ci:.4f}", f"{one.distance:+.1f}"] for one in checks.values()
    ]
    columns = ["theory", "simulated", "±", "distance (s.e.)"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(checks, name="market: statistic"))


def depth_table(problem: ox.Problem, trade: float, depths: Sequence[float]) -> pd.DataFrame:
    """What one trade [shares] costs at several depths."""
    impact, depth = problem.market.temporary, np.array(depths)
    return pd.DataFrame(
        {
            "impact ($/share)": [f"{value:.2f}" for value in impact * trade / depth],
            "impact cost ($)": [f"{value:.2f}" for value in impact * trade**2 / depth],
            "against L = 1 ($)": [f"{value:+.2f}" for value in impact * trade**2 * (1 / depth - 1)],
        },
        index=pd.Index([f"{level:g}" for level in depth], name="liquidity L"),
    )


def fans(markets: Mapping[str, ox.Problem]) -> dict[str, tuple[Array, Array]]:
    """By market: simulated levels (n, N), and their exact mean (N,), within four standard errors in every period."""
    found = {}
    for name, market in markets.items():
        sample = ox.simulate(market, ox.twap(market), EPISODES, SEED).liquidity
        levels, rows = forward(market.market.liquidity, market.order.periods)
        exact = rows @ levels * market.profile
        error = sample.std(axis=0, ddof=1)[1:] / EPISODES**0.5
        assert (np.abs(sample.mean(axis=0) - exact)[1:] < 4 * error).all()
        assert (sample > 0).all()
        found[name] = (sample, exact)
    return found


def free_variance(process: OrnsteinUhlenbeck) -> float:
    """The stationary variance of the autoregression, without a floor, in periods of length one."""
    return process.volatility**2 / (1 - (1 - process.speed) ** 2)


def moments(ou: OrnsteinUhlenbeck, regimes: RegimeSwitching, wandering: Array, switching: Array) -> dict[str, Against]:
    """Stationary moments and autocorrelations, by market and statistic.

    Args:
        ou: a process of a floor that is out of reach.
        regimes: a chain of two regimes.
        wandering: levels (K, n) of the one long after its start.
        switching: and of the other, started from its stationary distribution.
    """
    phi, variance, stay = 1 - ou.speed, free_variance(ou), 1 - 2 * regimes.switch
    half = (regimes.high - regimes.low) / 2
    from_ou, from_regimes = wandering - ou.mean, switching - regimes.long_run_mean
    found = {
        "Ornstein–Uhlenbeck: mean": against(ou.mean, wandering[0]),
        "Ornstein–Uhlenbeck: variance": against(variance, from_ou[0] ** 2),
        **{
            f"Ornstein–Uhlenbeck: autocorrelation, lag {j}": against(phi**j, from_ou[0] * from_ou[j] / variance)
            for j in (1, 2, 5)
        },
        "regimes: share of time in the high one": against(0.5, (switching[0] == regimes.high) * 1.0),
        **{
            f"regimes: autocorrelation, lag {j}": against(stay**j, from_regimes[0] * from_regimes[j] / half**2)
            for j in (1, 2, 5)
        },
    }
    assert all(one.agrees for one in found.values()), found
    return found


@dataclass(frozen=True)
class Memory:
    """How long depth remembers."""

    theory: dict[str, Array]
    """autocorrelations by market at lags 0, 1, ..."""
    estimates: dict[str, tuple[Array, Array]]
    """the simulated ones, and the half-widths of their 95% intervals"""
    ou_half_life: float
    """periods"""
    regime_half_life: float
    """periods"""
    left: float
    """what the regimes remember of their start after 60 periods"""


def memory(ou: OrnsteinUhlenbeck, regimes: RegimeSwitching, wandering: Array, switching: Array) -> Memory:
    """Autocorrelations up to lag 12 of the levels that `moments` takes."""
    phi, stay, lags = 1 - ou.speed, 1 - 2 * regimes.switch, np.arange(13)

    def simulated(deviation: Array, variance: float) -> tuple[Array, Array]:
        estimates = [mean(deviation[0] * deviation[j] / variance) for j in lags]
        return np.array([one.value for one in estimates]), np.array([one.ci for one in estimates])

    theory = {"Ornstein–Uhlenbeck": phi**lags, "regimes": stay**lags}
    estimates = {
        "Ornstein–Uhlenbeck": simulated(wandering - ou.mean, free_variance(ou)),
        "regimes": simulated(switching - regimes.long_run_mean, ((regimes.high - regimes.low) / 2) ** 2),
    }
    for name, (value, width) in estimates.items():
        exact = width < 1e-12  # lag 0 of the regimes: both deviations are equal, so there is no sampling error
        assert np.allclose(value[exact], theory[name][exact])
        assert (np.abs(value - theory[name])[~exact] < 4 / 1.96 * width[~exact]).all()
    return Memory(
        theory={name: line.astype(np.float64) for name, line in theory.items()},
        estimates=estimates,
        ou_half_life=-np.log(2) / np.log(phi),
        regime_half_life=-np.log(2) / np.log(stay),
        left=stay**60,
    )


@dataclass(frozen=True)
class Floor:
    """What the floor changes, in the standard market and in the collapse."""

    checks: dict[str, Against]
    """by market and statistic: the operator's stationary distribution against a cross-section"""
    without: dict[str, float]
    """the autoregression's formula, of those that have one"""
    far: float
    """from the mean down to the floor in the standard market [stationary standard deviations]"""
    near: float
    """the same in the collapse"""
    binds: float
    """how often it binds in the standard market [% of periods]"""
    binds_collapse: float
    """% of periods"""
    binds_orders: float
    """how many times it binds in ten thousand orders of the standard market"""
    variance_lost: float
    """what it takes off the variance in the collapse [%]"""
    refused: float
    """how far simulation is below the formula without a floor there [s.e.]"""


def floor(
    standard: OrnsteinUhlenbeck, collapse: OrnsteinUhlenbeck, z: Array, binding: Callable[[OrnsteinUhlenbeck], float]
) -> Floor:
    """How often the floor binds, and what that does to mean and variance.

    Args:
        standard: a process that is far above its floor.
        collapse: one that is near.
        z: normals (1, K, n) of more than 60 steps.
        binding: the stationary probability that the floor binds.
    """
    checks: dict[str, Against] = {}
    without: dict[str, float] = {}
    for name, process in {"standard": standard, "collapse": collapse}.items():
        paths = process.paths(z, 1.0)[60:]
        levels, weight = stationary(process)
        centre = float(weight @ levels)
        often = 100 * (paths == process.floor).mean(axis=0)
        checks[f"{name}: how often it binds (%)"] = against(100 * binding(process), often)
        checks[f"{name}: mean"] = against(centre, paths[0])
        checks[f"{name}: variance"] = against(float(weight @ (levels - centre) ** 2), (paths[0] - centre) ** 2)
        without |= {f"{name}: mean": process.mean, f"{name}: variance": free_variance(process)}
    assert all(one.agrees for one in checks.values()), checks
    sample = collapse.paths(z, 1.0)[60]
    unfloored = against(free_variance(collapse), (sample - collapse.mean) ** 2)
    assert unfloored.distance < -4  # the autoregression's moments are refused there
    assert against(collapse.mean, sample).distance > 4
    far, near = ((process.mean - process.floor) / free_variance(process) ** 0.5 for process in (standard, collapse))
    return Floor(
        checks=checks,
        without=without,
        far=far,
        near=near,
        binds=100 * binding(standard),
        binds_collapse=100 * binding(collapse),
        binds_orders=10_000 * 20 * binding(standard),
        variance_lost=100 * (1 - checks["collapse: variance"].theory / free_variance(collapse)),
        refused=-unfloored.distance,
    )


def floor_table(found: Floor) -> pd.DataFrame:
    """Theory and simulation with the floor, and the formula without."""
    shown = against_table(found.checks)
    shown["no floor"] = [f"{found.without[name]:.4f}" if name in found.without else "–" for name in found.checks]
    return shown


def recoveries(ou: OrnsteinUhlenbeck, slow: OrnsteinUhlenbeck, periods: int = 16) -> dict[str, Array]:
    """Expected depth after a shock that halves it, relative to the mean, by base."""

    def response(process: OrnsteinUhlenbeck) -> Array:
        levels, rows = forward(replace(process, initial=0.5 * process.mean), periods)
        relative: Array = rows @ levels / process.mean
        return relative

    matrix = ox.Shocks(ox.ConstantLiquidity()).chain(1.0, 20).matrix
    assert np.allclose(matrix[0], matrix[1])  # after a shock the next level is distributed as ever
    found = {
        "constant base": np.append(0.5, np.ones(periods - 1)),
        "Ornstein–Uhlenbeck, speed 0.5": response(ou),
        "Ornstein–Uhlenbeck, speed 0.1": response(slow),
    }
    formula = 1 - 0.5 * (1 - ou.speed) ** np.arange(periods)
    assert np.allclose(found["Ornstein–Uhlenbeck, speed 0.5"], formula, atol=2e-3)
    return found


def probability_below(process: OrnsteinUhlenbeck, k: int, level: Array) -> Array:
    """P(L_k <= level), at or above the floor: k - 1 steps by the operator, the last by the normal law."""
    levels, rows = forward(process, k)
    centre = levels + process.speed * (process.mean - levels)
    below: Array = rows[-1] @ ndtr((level - centre[:, None]) / process.volatility)
    return below


def steps_table(problem: ox.Problem, processes: Mapping[str, OrnsteinUhlenbeck]) -> pd.DataFrame:
    """How far the operator's distributions of the level after k periods are from the simulated ones."""
    rows = []
    for name, process in processes.items():
        sample = ox.simulate(problem.replace(liquidity=process), ox.twap(problem), EPISODES, SEED).liquidity
        at = process.mean * np.linspace(0.4, 1.6, 9)
        for k in (1, 2, 5, 19):
            exact = probability_below(process, k, at)
            seen = (sample[:, [k]] <= at).mean(axis=0)
            error = np.sqrt(exact * (1 - exact) / EPISODES) + 0.5 / EPISODES
            distance = np.abs(seen - exact) / error
            assert (distance < 4).all()
            rows.append((f"{name}, k = {k}", f"{distance.max():.1f}", f"{np.abs(seen - exact).max():.4f}"))
    columns = ["market", "largest distance (s.e.)", "largest difference"]
    return pd.DataFrame(rows, columns=columns).set_index("market")


@dataclass(frozen=True)
class Inverse:
    """E[1/L] in the stationary standard market."""

    exact: float
    second_order: float
    """1 + Var L"""


def inverse(problem: ox.Problem, standard: OrnsteinUhlenbeck, others: Sequence[Liquidity]) -> Inverse:
    """E[1/L], after every period's has been held against simulation and Jensen's inequality, in three markets."""
    small, large = (
        expected_inverse_liquidity(problem.replace(liquidity=replace(standard, volatility=volatility)))[-1] - 1
        for volatility in (0.05, 0.1)
    )
    assert 3.8 < large / small < 4.4  # the gap grows about as the square of the volatility
    for process in (standard, *others):
        market = problem.replace(liquidity=process)
        expected = expected_inverse_liquidity(market)
        levels, rows = forward(process, 20)
        sample = 1 / ox.simulate(market, ox.twap(market), EPISODES, SEED).liquidity
        assert np.isclose(expected[0], sample[0, 0])
        assert (expected[1:] > 1 / (rows @ levels)[1:]).all()
        assert all(against(expected[k], sample[:, k]).agrees for k in range(1, 20))
    levels, weight = stationary(standard)
    found = Inverse(exact=float(weight @ (1 / levels)), second_order=1 + free_variance(standard))
    assert found.second_order < found.exact < 1.1
    return found


@dataclass(frozen=True)
class Price:
    """What TWAP costs in a market, exactly."""

    depth: float
    """average of E[L] over the order's periods"""
    inverse: float
    """average of E[1/L]"""
    objective: float
    """J [$]"""
    convexity: float
    """what J would lose if the depth of every period were its expectation [$]"""


@dataclass(frozen=True)
class Prices:
    """What TWAP costs where depth moves."""

    markets: dict[str, Price]
    impact_up: float
    """how much higher the impact cost is in the standard market than at constant depth [%]"""
    up: float
    """what that adds to J [$]"""
    up_percent: float
    """% of J at constant depth"""
    standard: float
    """J in the standard market [$]"""
    simulated: Against
    """the same by simulation [$]"""
    shocks_up: float
    """what rare shocks add [$]"""
    lucky_depth: float
    """how much more depth than 1 an order meets that starts in the liquid regime [%]"""
    lucky_impact: float
    """and how much more impact it pays [%]"""
    collapse: float
    """the product of both averages in the collapse"""


def prices(problem: ox.Problem, processes: Mapping[str, Liquidity]) -> Prices:
    """TWAP's objective in markets with all kinds of depth.

    Args:
        problem: the order in the standard market.
        processes: constant depth, the standard process, that with shocks, regimes from either, and the collapse.
    """
    impact, markets = problem.market.temporary, {}
    for name, process in processes.items():
        market = problem.replace(liquidity=process)
        levels, distributions = forward(process, problem.order.periods)
        average, expected, plan = distributions @ levels, expected_inverse_liquidity(market), ox.twap(market)
        convexity = impact * plan.trades**2 @ (expected - 1 / average)
        cost = ox.exact_objective(market, plan)
        markets[name] = Price(float(average.mean()), float(expected.mean()), cost, float(convexity))
    still, standard, collapse = (markets[name] for name in ("constant", "Ornstein–Uhlenbeck", "collapse"))
    shocks, lucky = markets["Ornstein–Uhlenbeck with shocks"], markets["regimes, from high"]
    up, even = standard.objective - still.objective, impact * problem.order.shares**2 / problem.order.periods
    assert np.isclose(up, even * (standard.inverse - 1))  # J moves through E[1/L] alone
    assert up > 0
    assert lucky.inverse > 1
    assert lucky.depth > 1
    simulated = against(standard.objective, ox.simulate(problem, ox.twap(problem), EPISODES, SEED).objective)
    assert simulated.agrees
    return Prices(
        markets=markets,
        impact_up=100 * (standard.inverse - 1),
        up=up,
        up_percent=100 * (standard.objective / still.objective - 1),
        standard=standard.objective,
        simulated=simulated,
        shocks_up=shocks.objective - standard.objective,
        lucky_depth=100 * (lucky.depth - 1),
        lucky_impact=100 * (lucky.inverse - 1),
        collapse=collapse.inverse * collapse.depth,
    )


def prices_table(found: Prices) -> pd.DataFrame:
    """TWAP's objective by market."""
    columns = {
        "depth": ("average E[L]", 3),
        "inverse": ("average E[1/L]", 3),
        "objective": ("J of TWAP ($)", 2),
        "convexity": ("of which convexity ($)", 2),
    }
    shown = {
        label: [f"{getattr(market, name):,.{digits}f}" for market in found.markets.values()]
        for name, (label, digits) in columns.items()
    }
    return pd.DataFrame(shown, index=pd.Index(found.markets, name="market"))


def objective(problem: ox.Problem, schedule: ox.Schedule, clock: Array) -> float:
    """J of a schedule at constant liquidity where the variance of the price in period k is sigma^2 dt clock_k [$]."""
    trades, held, market = schedule.trades, schedule.inventory[1:], problem.market
    each = market.temporary / problem.profile - market.permanent / 2
    impact = market.permanent / 2 * trades.sum() ** 2 + np.sum(each * trades**2)
    return float(impact + problem.risk_weight * np.sum(clock * held**2))


def in_volume_time(problem: ox.Problem) -> ox.Schedule:
    """Almgren-Chriss on the clock of volume: x = X sinh(kappa (N - Theta) dt) / sinh(kappa N dt)."""
    order = problem.order
    left = order.periods - np.concatenate([[0.0], np.cumsum(problem.profile)])
    rate = ox.urgency(problem) * order.dt
    held = np.sinh(rate * left) if rate else left
    return ox.Schedule(problem, -np.diff(order.shares * held / held[0]))


def _best(problem: ox.Problem, clock: Array) -> ox.Schedule:
    """The schedule with the lowest objective on a clock, from the quadratic form."""
    periods, market = problem.order.periods, problem.market
    later = np.triu(np.ones((periods, periods)), 1)
    form = np.diag(market.temporary / problem.profile - market.permanent / 2)
    form += problem.risk_weight * later.T @ (clock[:, None] * later)
    trades = np.linalg.solve(form, np.ones(periods))
    return ox.Schedule(problem, problem.order.shares * trades / trades.sum())


def _above(problem: ox.Problem, schedule: ox.Schedule, clock: Array) -> float:
    """What a schedule costs above the best one on a clock [$]."""
    return objective(problem, schedule, clock) - objective(problem, _best(problem, clock), clock)


@dataclass(frozen=True)
class OneClock:
    """A schedule and what it costs above the best one [$], by the clock that risk runs on."""

    plan: ox.Schedule
    calendar: float
    volume: float


def on_both_clocks(problem: ox.Problem) -> dict[str, OneClock]:
    """Almgren-Chriss in calendar time and in volume time, each on both clocks."""
    even = np.ones(problem.order.periods)
    plans = {"AC in calendar time": ox.almgren_chriss(problem), "AC in volume time": in_volume_time(problem)}
    return {
        name: OneClock(plan, _above(problem, plan, even), _above(problem, plan, problem.profile))
        for name, plan in plans.items()
    }


@dataclass(frozen=True)
class Clocks:
    """What the wrong clock costs, and what other neglects do, above the best schedule on the calendar clock."""

    wrong: float
    """the volume-time schedule on the calendar clock [$]"""
    wrong_percent: float
    """% of the lowest J"""
    other_wrong: float
    """the calendar-time schedule on the volume clock [$]"""
    right: float
    """the volume-time schedule on the volume clock [$]"""
    fine: float
    """the same in 400 shorter periods [$]"""
    unaware: float
    """the flat-day schedule [$]"""
    unaware_percent: float
    """% of the lowest J"""
    weighted: float
    """VWAP [$]"""
    weighted_percent: float
    """% of the lowest J"""


def clocks(shaped: ox.Problem, both: Mapping[str, OneClock]) -> Clocks:
    """Schedules on two clocks.

    Args:
        shaped: a day of 20 periods with a profile and constant liquidity.
        both: what `on_both_clocks` finds for it.
    """
    even = np.ones(shaped.order.periods)
    calendar, volume = both["AC in calendar time"], both["AC in volume time"]
    assert np.isclose(objective(shaped, volume.plan, even), ox.exact_objective(shaped, volume.plan))
    assert np.allclose(calendar.plan.trades, _best(shaped, even).trades)
    assert np.allclose(calendar.plan.trades, ox.best_static(shaped).trades)
    assert calendar.calendar + 1 < volume.calendar  # the ranking reverses
    assert volume.volume + 1 < calendar.volume

    flat = ox.almgren_chriss(shaped.replace(volume_profile=None))
    unaware, weighted = (_above(shaped, plan, even) for plan in (flat, ox.vwap(shaped)))
    assert volume.calendar < unaware < weighted < _above(shaped, ox.twap(shaped), even)

    impact = 20 * shaped.market.temporary  # the same by rate of trading
    fine = shaped.replace(periods=400, dt=0.05, temporary=impact, volume_profile=ox.u_shape(400))
    fine_right = _above(fine, in_volume_time(fine), fine.profile)
    assert 0 < fine_right < volume.volume / 100
    lowest = ox.exact_objective(shaped, calendar.plan)
    return Clocks(
        wrong=volume.calendar,
        wrong_percent=100 * volume.calendar / lowest,
        other_wrong=calendar.volume,
        right=volume.volume,
        fine=fine_right,
        unaware=unaware,
        unaware_percent=100 * unaware / lowest,
        weighted=weighted,
        weighted_percent=100 * weighted / lowest,
    )


def lucky_periods(problem: ox.Problem, regimes: RegimeSwitching) -> int:
    """For how many periods TWAP, from the liquid regime, pays no more impact than at constant depth 1."""
    stay = 1 - 2 * regimes.switch

    def inverses(periods: int) -> Array:
        return np.asarray(4 / 3 - 2 / 3 * stay ** np.arange(periods), dtype=np.float64)

    expected = expected_inverse_liquidity(problem.replace(liquidity=regimes))
    assert np.allclose(expected, inverses(problem.order.periods))
    found = max(periods for periods in range(1, 200) if inverses(periods).mean() <= 1)
    assert inverses(found).mean() <= 1 < inverses(found + 1).mean()
    return found


@dataclass(frozen=True)
class DepthRisk:
    """Standard deviations of TWAP's shortfall [$]."""

    depth: float
    """from the path of depth"""
    simulated: float
    simulated_ci: float
    alone: float
    """from depth, were its periods independent"""
    price: float
    """from the mid price"""


def depth_risk(problem: ox.Problem) -> DepthRisk:
    """How much of TWAP's risk depth brings, exactly: with E[1/(L_j L_k)] by conditioning on the earlier level."""
    periods, even = problem.order.periods, ox.twap(problem)
    chain = cached_chain(problem.market.liquidity, problem.order.dt, periods)
    _, rows = forward(problem.market.liquidity, periods, problem.order.dt)
    level = 1 / chain.levels
    ahead = [level]
    for _ in range(periods - 1):
        ahead.append(chain.matrix @ ahead[-1])
    product = np.array(
        [[rows[min(j, k)] @ (level * ahead[abs(k - j)]) for k in range(periods)] for j in range(periods)]
    )
    average = rows @ level
    covariance = product - np.outer(average, average)
    scale = problem.market.temporary * even.trades[0] ** 2
    spread = standard_deviation(ox.simulate(problem, even, EPISODES, SEED).expected_shortfall)
    held = even.inventory[1:]
    found = DepthRisk(
        depth=scale * covariance.sum() ** 0.5,
        simulated=spread.value,
        simulated_ci=spread.ci,
        alone=scale * np.trace(covariance) ** 0.5,
        price=float(problem.step_variance * held @ held) ** 0.5,
    )
    assert abs(found.simulated - found.depth) < 4 / 1.96 * found.simulated_ci
    assert found.alone < found.price < found.depth
    return found


def liquidity_fans(panels: Mapping[str, tuple[Array, Array]]) -> go.Figure:
    """Fan charts of liquidity on common axes: quantile bands, the exact mean and a few sample paths of each market.

    Args:
        panels: two or four markets by title, each with levels (n, N) of n episodes and their exact mean (N,).
    """
    rows = (len(panels) + 1) // 2
    plot, highest = Plot(panels, rows=rows, columns=2, gap=0.09, vertical_spacing=0.17), 0.0

    def held(values: Array) -> Array:
        """A level holds for its whole period: the last value once more, where the last period ends."""
        return np.round(np.append(values, values[-1]), 3)

    for panel, (levels, average) in zip(plot, panels.values(), strict=True):
        time = np.arange(levels.shape[1] + 1)
        for width, name, alpha in ((0.9, "90% of episodes", 0.2), (0.5, "50%", 0.34)):
            low, high = np.quantile(levels, (1 - width) / 2 + np.array([0, width]), axis=0)
            highest = max(highest, float(high.max()))
            area = {"fill": "tonexty", "fillcolor": clear(LIQUIDITY, alpha)}
            panel.line(time, held(low), None, 0, shape="hv", hover=False)
            panel.line(time, held(high), None, 0, shape="hv", name=name, hover=False, **area)
        for path, dash in zip(levels, ("solid", "dot", "dash"), strict=False):
            highest = max(highest, float(path.max()))
            panel.line(time, held(path), NEUTRAL, 1.4, dash, shape="hv", name="single episodes")
        panel.line(time, held(average), LIQUIDITY, 3, shape="hv", name="exact mean")
    plot.x(span=[0, levels.shape[1]])
    plot.x("time (periods)", row=rows)
    plot.y(span=[0, 1.05 * highest])
    plot.y("liquidity L", col=1)
    phone = plot.stacked(300 * len(panels), 0.07, legend={"y": 1.03})
    for i in range(2, len(panels)):  # only the lowest panel names the axis there
        phone[f"xaxis{i}"]["title"] = {"text": ""}
    return plot.done(
        "Fan charts of liquidity over twenty periods for " + ", ".join(panels) + ", on the same axes.",
        height=300 * rows,
        legend={"y": 1.07},
        phone=phone,
    )


def autocorrelation(theory: Mapping[str, Array], estimates: Mapping[str, tuple[Array, Array]]) -> go.Figure:
    """Autocorrelations of liquidity: theory as lines, Monte Carlo with 95% intervals as points.

    Args:
        theory: by process, autocorrelations at lags 0, 1, ... .
        estimates: by process, Monte Carlo values at the same lags and the half-widths of their intervals.
    """
    plot = Plot()
    for (name, line), colour in zip(theory.items(), (LIQUIDITY, CONTRAST), strict=False):
        lags, (value, width) = np.arange(len(line)), estimates[name]
        plot.line(lags, line, colour, 2, name=f"{name}, theory")
        error = {"array": width, "color": colour}
        plot.dots(lags, value, colour, 7, error_y=error, name="simulated", showlegend=True)
    plot.hline(0.5)
    plot.note("half of it forgotten", 1, 0.5, xref="paper", xanchor="right", yanchor="bottom")
    plot.x("lag (periods)", dtick=1)
    plot.y("autocorrelation of L", [-0.06, 1.05])
    return plot.done(
        "Autocorrelation of liquidity against the lag: points from simulation lie on the two theoretical curves.",
        height=380,
        phone={"height": 420},
    )


def shock_response(responses: Mapping[str, Array]) -> go.Figure:
    """Expected liquidity after a shock as a fraction of what it would have been without.

    Args:
        responses: by market, ratios (K,) in the period of the shock and those after.
    """
    plot = Plot()
    for (name, ratio), colour in zip(responses.items(), (NEUTRAL, LIQUIDITY, CONTRAST), strict=False):
        plot.line(np.arange(len(ratio)), np.round(100 * ratio, 3), colour, marks=6, name=name)
    plot.x("periods since the shock")
    plot.y("expected liquidity (% of unshocked)", [0, 105])
    return plot.done(
        "Expected liquidity after a shock, relative to no shock: three markets that recover at different speeds.",
        height=380,
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
    densities, dear, means = Moving(), Moving(), []
    for process in processes:
        levels, distributions = forward(process, periods, dt)
        centre = levels + process.speed * dt * (process.mean - levels)
        deviation = process.volatility * dt**0.5
        density = distributions[-2] @ (np.exp(-(((axis - centre[:, None]) / deviation) ** 2) / 2)) / deviation
        density = np.where(axis >= process.floor, density, 0.0)
        densities.append(np.round(1.6 * density / density.max(), 3))
        dear.append(np.round(distributions @ (1 / levels), 4))
        means.append(float(distributions[-1] @ levels))
    plot = Plot(["What a share costs at depth L", "What a planner pays"], gap=0.13)
    share, planner = plot
    area = {"fill": "tozeroy", "fillcolor": clear(LIQUIDITY, 0.25)}
    share.line(axis, densities, LIQUIDITY, 1, name="how often (not to scale)", hover=False, **area)
    share.line(axis[10:], np.round(1 / axis[10:], 3), NEUTRAL, name="1/L")
    share.line(
        Moving([mean, mean] for mean in means),
        Moving(np.round([1 / mean, cost[-1]], 4) for mean, cost in zip(means, dear, strict=True)),
        CONTRAST,
        3,
        marks=9,
        symbol=["circle-open", "circle"],
        name="from 1/E[L] up to E[1/L]",
    )
    planner.line(np.arange(periods), dear, CONTRAST, 2, marks=6, name="E[1/L] by period", showlegend=False)
    even = [1 / processes[0].mean] * 2
    planner.line([0, periods - 1], even, NEUTRAL, 2, "dot", name="1/mean", showlegend=False)
    share.x("liquidity L", [0, top])
    share.y("cost of a share, relative to L = 1", [0, 2.5])
    planner.x("period k", [-0.04 * periods, 1.04 * periods - 1])
    planner.y("E[1/L], relative to L = 1", [0.97, 1.02 * max(map(max, dear))])
    plot.slider("volatility of liquidity ω", [f"{process.volatility:.2f}" for process in processes], active)
    return plot.done(
        "First panel: the convex curve 1/L over the distribution of L, with the mean of 1/L above 1 over the mean "
        "of L. Second panel: the mean of 1/L rises over the first periods and stays above one; a slider sets the "
        "volatility.",
        height=500,
        legend={"y": 1.1},
        phone=plot.stacked(860, 0.16, legend={"y": 1.05}),
    )


def two_clocks(profile: Array, both: Mapping[str, OneClock]) -> go.Figure:
    """Trade lists under a volume profile, and what each costs above the best one, by the clock that risk runs on.

    Args:
        profile: (N,) volume profile with mean 1.
        both: schedules with their costs on both clocks, by name.
    """
    plot = Plot(["Trade lists", "Cost above the optimum"], gap=0.14, column_widths=[0.56, 0.44])
    lists, costs = plot
    time = np.arange(len(profile)) + 0.5
    scale = np.concatenate([one.plan.trades for one in both.values()]).sum() / len(both) / len(profile)
    volume = np.round(scale * profile, 2)
    lists.bars(time, volume, COLOURS["VWAP"], name="volume-weighted (VWAP)", opacity=0.35)
    for (name, one), colour in zip(both.items(), (COLOURS["AC"], CONTRAST), strict=False):
        lists.line(time, np.round(one.plan.trades, 2), colour, name=name)
        excess = [one.calendar, one.volume]
        costs.bars(
            ["calendar time", "volume time"],
            np.round(excess, 3),
            colour,
            name=name,
            text=[f"{max(value, 0.0):.2f}" for value in excess],
            textposition="outside",
            cliponaxis=False,
        )
    lists.x("time (periods)", [0, len(profile)])
    lists.y("trade (shares a period)", rangemode="tozero")
    costs.x("variance accrues in")
    costs.y("J above the optimum ($)", [0, 1.2 * max(max(one.calendar, one.volume) for one in both.values())])
    return plot.done(
        "First panel: two front-loaded trade lists under a U-shaped volume profile, nearly the same. Second "
        "panel: each is the cheaper one on the clock it was made for.",
        height=430,
        barmode="group",
        legend={"y": 1.1},
        phone=plot.stacked(820, 0.16, legend={"y": 1.05}),
    )
