"""Log-normal liquidity that is known by its past: golden numbers, a tree over the whole history, no look-ahead."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

import optexec as ox
from optexec.config import describe, parse, restore, text
from optexec.liquidity import Outlook
from optexec.noise import draw
from optexec.optimum import _backwards
from optexec.stress import contestants

Array = NDArray[np.float64]

PERIODS = 26
MIDDLE = (2 * np.arange(PERIODS) + 1) / PERIODS - 1
VOLUME = 1 + 3 * MIDDLE**4
MOVES = 1 + 2 * np.exp(-np.arange(PERIODS) / 2) + 0.5 * np.exp(-np.arange(PERIODS)[::-1] / 2)
DAY: dict[str, Any] = {
    "volume_profile": tuple(VOLUME / VOLUME.mean()),
    "volatility_profile": tuple(MOVES / np.mean(MOVES**2) ** 0.5),
}
LINGERING: dict[str, Any] = {"temporary": 1.5e-6, "transient": 1e-6, "decay": 0.3, "decay_noise": 0.0}
PROCESS = ox.LogOU(speed=0.1, volatility=0.2, noise=0.27)
FLAT = ox.Problem(
    order=ox.Order(shares=1e5, periods=PERIODS),
    market=ox.Market(volatility=0.1, temporary=2e-6, permanent=2e-7, slippage=0.0, liquidity=PROCESS),
    risk_aversion=2.7e-6,
)


def market(start: str | float = "stationary", observe: str = "past", **fields: Any) -> ox.Problem:
    return FLAT.replace(**{"liquidity": dataclasses.replace(PROCESS, start=start, observe=observe), **fields})


# TWAP, Almgren-Chriss, best static, rolling and optimum by an independent program [$]
GOLDEN: list[tuple[ox.Problem, list[float | None]]] = [
    (market(), [4178.86, 3527.64, 3505.24, 3445.605, 3445.303]),
    (market(0.5), [4414.80, 4271.44, 4032.90, 4003.347, 4003.170]),
    (market(2.0), [3923.14, 2789.91, 2684.37, 2674.411, 2674.329]),
    (market(**DAY), [5584.16, 3985.41, 3946.98, 3903.318, 3902.981]),
    (market(risk_aversion=3e-7), [2217.32, 2205.59, 2204.42, 2174.004, 2173.886]),
    (market(**LINGERING), [5408.907, 5085.682, 4849.102, None, 4732.700]),
    (market("running"), [4178.86, 3527.64, 3505.24, None, 3428.548]),
    (market("running", **DAY), [None, None, None, None, 3846.270]),
]


@pytest.mark.parametrize(("problem", "golden"), GOLDEN)
def test_golden_numbers(problem: ox.Problem, golden: list[float | None]) -> None:
    schedules = [ox.twap(problem), ox.almgren_chriss(problem), ox.best_static(problem)]
    found = [ox.exact_objective(problem, schedule) for schedule in schedules]
    found.append(0.0 if problem.market.transient else ox.exact_value(problem, ox.rolling(problem)))
    best = ox.optimum(problem)
    for value, wanted in zip([*found, best.value], golden, strict=True):
        assert wanted is None or value == pytest.approx(wanted, abs=0.0051)
    assert best.grid_error < 1e-6 * best.value
    finest = problem.chain(601)
    *_, first = _backwards(problem, finest, 1.0)
    truth = finest.at_start(first.value[0]) * problem.order.shares**2
    assert abs(best.value - truth) <= best.grid_error + 1e-11 * truth
    if not problem.market.transient:
        assert ox.exact_value(problem, best) == pytest.approx(best.value, rel=1e-8)
        assert ox.exact_value(problem, schedules[1]) == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize(
    ("start", "fields", "rolled", "least"),
    [
        ("stationary", {}, 3311.482, 3308.187),
        (0.5, {}, 3873.765, 3870.071),
        (2.0, {}, 2593.522, 2591.241),
        ("stationary", DAY, 3709.963, 3707.722),
        ("stationary", {"risk_aversion": 3e-7}, 2101.334, 2098.596),
        ("stationary", LINGERING, None, 4548.484),
    ],
)
def test_golden_numbers_of_who_knows_the_bar(
    start: str | float, fields: dict[str, Any], rolled: float | None, least: float
) -> None:
    problem, past = market(start, "current", **fields), market(start, **fields)
    best = ox.optimum(problem)
    assert best.value == pytest.approx(least, abs=0.0006)
    assert best.grid_error < 1e-6 * best.value
    if rolled is not None:
        assert ox.exact_value(problem, ox.rolling(problem)) == pytest.approx(rolled, abs=0.0006)
        assert ox.exact_value(problem, best) == pytest.approx(best.value, rel=1e-9)
    schedule = ox.best_static(problem)
    assert np.array_equal(schedule.trades, ox.best_static(past).trades)
    assert ox.exact_objective(problem, schedule) > ox.optimum(past).value > best.value


@pytest.mark.parametrize(("start", "fraction"), [("stationary", 0.096746), (0.5, 0.071462), (2.0, 0.171616)])
def test_golden_first_trades(start: str | float, fraction: float) -> None:
    """All episodes begin alike, whatever the first bar will be: nobody has seen it."""
    problem = market(start)
    best = ox.optimum(problem)
    traded = ox.simulate(problem, best, 5).trades[:, 0] / problem.order.shares
    assert traded == pytest.approx(np.full(5, fraction), abs=1e-6)
    assert best.fraction(0, float(ox.simulate(problem, best, 1).seen[0, 0])) == pytest.approx(fraction, abs=1e-6)


def tree(problem: ox.Problem, nodes: int = 13) -> float:
    """J of the optimum by a tree over the whole history y_0 .. y_{N-1}: its covariances, no filter and no coefficients.

    The cost-to-go is a parabola in the trade, known from three points; a trade depends on all bars before.
    """
    process: Any = problem.market.liquidity
    order, terms, periods = problem.order, problem.market, problem.order.periods
    centre, variance = process.stationary
    known = process.start == "stationary"
    at_first = centre if known else np.log(process.start) - process.noise**2 / 2
    lag, phi = np.arange(periods), np.exp(-process.speed * order.dt)
    spread = variance * (1 - phi ** (2 * lag)) + (phi ** (2 * lag) * variance if known else 0.0)
    first, second = np.minimum.outer(lag, lag), np.abs(np.subtract.outer(lag, lag))
    root = np.linalg.cholesky(spread[first] * phi**second + process.noise**2 * np.eye(periods))
    z, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights /= weights.sum()

    def depth(k: int) -> Array:
        mean = centre + phi**k * (at_first - centre)
        log = mean + sum(root[k, i] * z.reshape([-1 if i == j else 1 for j in range(k + 1)]) for i in range(k + 1))
        return np.asarray(problem.depth(np.exp(log) * problem.profile[k]))

    depths, decay = [depth(k) for k in range(periods)], np.exp(-terms.decay * order.dt)

    early = process.observe == "past"

    def cost_to_go(k: int, held: Array, impact: Array) -> Array:
        """Expected cost of what is held, by the bars before period k."""

        def after(v: Array) -> Array:
            """That of a trade, by the bars that are known when it is chosen."""
            trade, left, pressure = v[..., None], (held - v)[..., None], impact[..., None]
            now = terms.instantaneous * trade**2 / depths[k] + trade * pressure + terms.permanent * trade * left
            now = now + problem.risk_weights[k] * left**2
            if k < periods - 1:
                pushed = (pressure + terms.transient * trade / depths[k]) * decay
                now = now + cost_to_go(k + 1, np.broadcast_to(left, depths[k].shape), pushed)
            return np.asarray(now @ weights if early else now)

        if k == periods - 1:
            return after(held) if early else after(held) @ weights
        low, middle, high = (after(part * order.shares + 0 * held) for part in (0.0, 0.5, 1.0))
        curve, slope = 2 * (low + high) - 4 * middle, 4 * middle - 3 * low - high
        least = low - slope**2 / (4 * curve)
        return least if early else least @ weights

    return float(cost_to_go(0, np.array(order.shares), np.array(0.0)))


@pytest.mark.parametrize("start", ["stationary", 0.5])
@pytest.mark.parametrize("observe", ["past", "current"])
@pytest.mark.parametrize(
    "fields",
    [{}, LINGERING, {**LINGERING, "depth_exponent": 0.6, "volume_profile": (1.6, 0.6, 0.8, 1.0)}],
    ids=["plain", "lingering", "day"],
)
def test_a_tree_over_the_whole_history_agrees(start: str | float, observe: str, fields: dict[str, Any]) -> None:
    problem = market(start, observe).replace(periods=4, dt=2.0, risk_aversion=1e-5, **fields)
    assert ox.optimum(problem).value == pytest.approx(tree(problem), rel=1e-7)


class Shaken(ox.LogOU):
    """The same, but that the first episode's levels are others from period 9 on."""

    def paths(self, z: Array, dt: float) -> Array:
        levels = super().paths(z, dt)
        levels[9:, 0] *= 3
        return levels


@pytest.mark.parametrize("start", ["stationary", "running"])
@pytest.mark.parametrize("make", [ox.rolling, ox.optimum])
def test_no_trade_looks_ahead(start: str, make: Any) -> None:
    problem = market(start, **DAY)
    shaken = problem.replace(liquidity=Shaken(**dataclasses.asdict(problem.market.liquidity)))  # type: ignore[call-overload]
    policy = make(problem)
    before, after = (ox.simulate(one, policy, 4) for one in (problem, shaken))
    assert (before.liquidity[0, 9:] != after.liquidity[0, 9:]).all()
    assert np.array_equal(before.trades[0, :10], after.trades[0, :10])
    assert (before.trades[0, 10:] != after.trades[0, 10:]).all()
    assert np.array_equal(before.trades[1:], after.trades[1:])


@pytest.mark.parametrize("make", [ox.rolling, ox.optimum])
@pytest.mark.parametrize("fields", [DAY, LINGERING], ids=["day", "lingering"])
def test_who_knows_the_bar_knows_no_later_one(make: Any, fields: dict[str, Any]) -> None:
    problem = market("stationary", "current", **fields)
    shaken = problem.replace(liquidity=Shaken(**dataclasses.asdict(problem.market.liquidity)))  # type: ignore[call-overload]
    policy = make(problem)
    before, after = (ox.simulate(one, policy, 4) for one in (problem, shaken))
    assert np.array_equal(before.trades[0, :9], after.trades[0, :9])
    assert (before.trades[0, 9:] != after.trades[0, 9:]).all()
    assert np.array_equal(before.trades[1:], after.trades[1:])


def test_the_filter_of_its_own_column_is_what_the_process_says() -> None:
    """In an environment, one episode after the other, it does what it does in a simulation; out of order it refuses."""
    problem = market(0.5, "current", **DAY)
    best: Any = ox.optimum(problem)
    run = ox.simulate(problem, best, 1, seed=5)
    assert np.array_equal(run.seen, run.liquidity)
    assert best.fraction(0, run.liquidity[0, 0]) == pytest.approx(run.trades[0, 0] / problem.order.shares, rel=1e-5)
    env = gymnasium.make("optexec/Execution-v0", problem=problem)
    observation, traded = env.reset(seed=5)[0], []
    best.reset(1)
    for _ in range(PERIODS):
        observation, _, _, _, info = env.step(np.atleast_1d(best.act(observation)))
        traded.append(info["trade"])
    assert traded == pytest.approx(run.trades[0], rel=1e-5)
    with pytest.raises(ValueError, match="a filter must see period 26 after period 25, got period"):
        best.act(np.array([0.5, 0.5, 1.0, 0.1, 1.0, 0.0]))


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("start", ["stationary", "running", 0.5])
def test_forecasts_are_calibrated(start: str | float, exponent: float) -> None:
    """E[L] = mean, and L^-b is on average what was forecast, in every period and whatever was forecast."""
    problem = market(start, depth_exponent=exponent, **DAY)
    noise = draw(problem, 200_000, seed=1)
    level, seen = (each / problem.profile[:, None] for each in (noise.liquidity, noise.seen))
    if start != 0.5:
        assert abs(level.mean(axis=1) - 1).max() < 5 * level.std() / 200_000**0.5
    assert abs(level[0].mean() - (0.5 if start == 0.5 else 1)) < 5 * level[0].std() / 200_000**0.5
    for k in (0, 1, 12, 25):
        above = seen[k] > np.median(seen[k])
        for part in (above, ~above):
            ratio = (level[k] / seen[k])[part] ** -exponent if exponent else np.log(level[k] / seen[k])[part]
            if len(ratio):
                assert abs(ratio.mean() - (1 if exponent else 0)) <= 5 * ratio.std() / len(ratio) ** 0.5 + 1e-12


@pytest.mark.parametrize(
    "problem",
    [
        market(),
        market("running", **DAY),
        market(liquidity=ox.Shocks(PROCESS, 0.05, -0.7)),
        market(**LINGERING),
        market(observe="current", **DAY),
        market(observe="current", **LINGERING),
    ],
    ids=["flat", "day", "shocks", "lingering", "bar known", "bar known, lingering"],
)
def test_regrets_are_what_policies_lose(problem: ox.Problem) -> None:
    best, schedule = ox.optimum(problem), ox.almgren_chriss(problem)
    table = ox.evaluate(problem, {"optimum": best, "rolling": ox.rolling(problem), "AC": schedule}, 20_000)
    lost = ox.exact_objective(problem, schedule) - best.value
    assert abs(table.regret["AC"] - lost) < 1.5 * table.regret_ci["AC"]
    assert abs(table.objective["optimum"] - best.value) < 1.5 * table.objective_ci["optimum"]
    if not problem.market.transient:
        found = ox.exact_value(problem, ox.rolling(problem)) - best.value
        assert abs(table.regret["rolling"] - found) < 1.5 * table.regret_ci["rolling"] + 1e-3
        assert table.regret_ci["rolling"] < table.objective_ci["rolling"] / 1000
    parts = ox.regret(problem, schedule, 20_000)
    assert abs(parts.total - lost) < 1.5 * parts.ci
    assert parts.visits.sum(axis=1) == pytest.approx(np.ones(PERIODS))


@pytest.mark.parametrize("transient", [0.0, 1e-6])
@pytest.mark.parametrize("observe", ["past", "current"])
@pytest.mark.parametrize(("volatility", "noise"), [(0.2, 0.54), (0.28, 0.3), (0.31, 0.0), (0.0, 0.7), (0.0, 0.0)])
def test_nothing_is_refused(volatility: float, noise: float, observe: str, transient: float) -> None:
    """At a standard deviation of log L up to .7 and gamma = eta/10, where a high enough level is not convex."""
    process = dataclasses.replace(PROCESS, volatility=volatility, noise=noise, observe=observe)
    problem = market(liquidity=process, temporary=2e-6 - transient / 2, transient=transient)
    best, static = ox.optimum(problem), ox.exact_objective(problem, ox.best_static(problem))
    assert best.value <= static * (1 + 1e-12)
    held_often = transient and observe == "current"  # and then I is left out of account: a jump
    assert best.grid_error < (5e-4 if held_often else 1e-5) * best.value
    assert not best.bound
    rolled = ox.evaluate(problem, {"rolling": ox.rolling(problem)}, 2_000)
    assert rolled.regret["rolling"] >= 0


def test_without_noise_or_movement_it_is_almgren_chriss() -> None:
    problem = market(liquidity=ox.LogOU(mean=0.8, volatility=0.0, noise=0.0, start=0.8), **DAY)
    value = ox.exact_objective(problem, ox.almgren_chriss(problem))
    assert ox.optimum(problem).value == pytest.approx(value, rel=1e-10)


def test_environments_show_the_forecast() -> None:
    problem = market("running", **DAY)
    run = ox.simulate(problem, ox.twap(problem), 2, seed=5)
    assert not np.allclose(run.seen, run.liquidity)
    env = gymnasium.make("optexec/Execution-v0", problem=problem)
    vector = gymnasium.make_vec("optexec/Execution-v0", num_envs=2, problem=problem)
    one, many = env.reset(seed=5)[0], vector.reset(seed=5)[0]
    for k in range(PERIODS):
        assert np.array_equal(one, many[0])
        assert many[:, 4] == pytest.approx(run.seen[:, k], rel=1e-6)
        one, *_ = env.step(np.array([0.1]))
        many, *_ = vector.step(np.full((2, 1), 0.1))
    data = ox.collect(problem, "twap", episodes=2, seed=5)
    assert data.observations[:PERIODS, 4] == pytest.approx(run.seen[0], rel=1e-6)


@pytest.mark.parametrize("process", [PROCESS, ox.LogOU(start=2), ox.Shocks(ox.LogOU(start="running"), 0.1, 0.5)])
def test_it_is_saved_and_configured(process: Any) -> None:
    problem = FLAT.replace(liquidity=process)
    for again in (restore(describe(problem)), parse(text(problem)), copy.deepcopy(problem)):
        assert again == problem
    assert pickle.loads(pickle.dumps(problem)) == problem


def test_stresses_take_it() -> None:
    scenarios = ox.presets.stress(market())
    assert scenarios["liquidity_collapse"].market.liquidity == dataclasses.replace(PROCESS, mean=0.3)
    assert ox.presets.stress(market(2.0))["liquidity_collapse"].market.liquidity.start == 0.3  # type: ignore[attr-defined]
    capped = scenarios["participation_cap"]
    assert "optimum, told" not in contestants(capped, market())
    assert np.isnan(ox.evaluate(capped, {"TWAP": ox.twap(capped)}, 100).regret["TWAP"])
    assert ox.optimum(scenarios["extreme_shocks_90"]).value > ox.optimum(market()).value


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"speed": 0.0}, "speed must be finite and > 0, got 0.0"),
        ({"mean": 0}, "mean must be finite and > 0, got 0"),
        ({"noise": -1}, "noise must be finite and >= 0, got -1"),
        ({"start": "mean"}, 'start must be "stationary", "running" or a level > 0, got \'mean\''),
        ({"start": 0}, "start must be finite and > 0, got 0"),
        ({"observe": "current", "start": "running"}, 'observe must be "past" with start="running", got "current"'),
        ({"observe": "future"}, r"observe must be one of \['past'.*\], got 'future'"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ox.LogOU(**fields)


def test_what_is_not_covered_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"max_participation = None and max_fraction = 1, got 0.1"):
        ox.optimum(market(max_participation=0.1))
    with pytest.raises(ValueError, match=r"filtered needs liquidity whose level can be seen, .* got LogOU"):
        ox.filtered(market(), ox.rolling(market()))
    with pytest.raises(ValueError, match=r'base must be a LogOU with observe="past", got LogOU'):
        ox.Shocks(ox.LogOU(observe="current"))
    with pytest.raises(ValueError, match=r"liquidity must stay below 1e\+100"):
        market(liquidity=ox.LogOU(volatility=30.0))


def test_an_outlook_has_the_distributions_of_its_levels() -> None:
    problem = market("running")
    chain = problem.chain()
    assert isinstance(chain, Outlook)
    seen = draw(problem, 100_000, seed=2).seen
    for k, mass in enumerate(chain.distributions(PERIODS)):
        assert mass.sum() == pytest.approx(1)
        assert mass @ np.log(chain.levels) == pytest.approx(np.log(seen[k]).mean(), abs=5e-3)
        assert mass @ chain.levels**-1 == pytest.approx((1 / seen[k]).mean(), rel=1e-2)
