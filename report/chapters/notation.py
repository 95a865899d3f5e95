"""*Notation*: the defaults and what follows from them, and that the tables list every field that there is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import optexec as ox

__all__ = ["Defaults", "Derived", "check", "defaults", "derived"]

ORDER = "shares periods dt side max_fraction max_participation violation_penalty leftover_haircut"
MARKET = (
    "price volatility temporary permanent transient decay decay_noise slippage half_spread volume volume_profile "
    "volatility_profile depth_exponent"
)
PROCESS = "mean speed volatility floor initial"
EPISODES = (
    "inventory trades mid fills liquidity transient shortfall running_risk expected_shortfall leftover violations"
)
LEARNERS = {"view", "tau", "alpha", "latent", "reach"}
VIEW = {"action", "scaled", "shaped"}


def _shown(value: Any) -> str:
    """A default as it is read: numbers without trailing zeros, None as a dash."""
    if value is None:
        return "–"
    return f"{value:,g}" if isinstance(value, int | float) else str(value)


def _fields(part: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(part)}


@dataclass(frozen=True)
class Defaults:
    """The defaults as they are read, by field."""

    order: dict[str, str]
    market: dict[str, str]
    process: dict[str, str]
    risk_aversion: str


def defaults() -> Defaults:
    """The defaults of the package, all of which the tables describe: a new one has to be described there too."""
    problem = ox.Problem()
    order, market = problem.order, problem.market
    process: Any = market.liquidity
    assert _fields(order) == set(ORDER.split())
    assert _fields(market) == {*MARKET.split(), "liquidity"}
    assert _fields(process) == set(PROCESS.split())
    assert market.volume_profile is market.volatility_profile is None
    assert process.start == process.mean
    parts = [
        {name: _shown(getattr(part, name)) for name in names.split()}
        for part, names in ((order, ORDER), (market, MARKET), (process, PROCESS))
    ]
    return Defaults(
        order=parts[0],
        market=parts[1] | {"liquidity": type(process).__name__, "volume_profile": "flat", "volatility_profile": "flat"},
        process=parts[2] | {"initial": f"mean, {_shown(process.start)}"},
        risk_aversion=_shown(problem.risk_aversion),
    )


@dataclass(frozen=True)
class Derived:
    """What follows from the defaults alone, in the units of the table."""

    kappa: float
    folding: float
    half_life: float
    kappa_horizon: float
    tilde: float
    horizon: float
    phi: float
    step_variance: float
    risk_weight: float
    instantaneous: float
    notional: float


def derived() -> Derived:
    """Derived quantities of the default market."""
    problem = ox.Problem()
    order, market = problem.order, problem.market
    process: Any = market.liquidity
    kappa = ox.urgency(problem)
    return Derived(
        kappa=kappa,
        folding=ox.e_folding_time(problem),
        half_life=ox.half_life(problem),
        kappa_horizon=kappa * order.periods * order.dt,
        tilde=market.temporary - market.permanent / 2,
        horizon=order.periods * order.dt,
        phi=1 - process.speed * order.dt,
        step_variance=problem.step_variance,
        risk_weight=problem.risk_weight,
        instantaneous=market.instantaneous,
        notional=order.shares * market.price,
    )


def check() -> None:
    """What the page says of names and of objectives, or it does not build."""
    problem = ox.Problem()
    episodes = ox.simulate(problem, ox.twap(problem), episodes=3)
    for name in EPISODES.split():
        assert len(getattr(episodes, name)) == 3, name
    assert _fields(ox.offline.TD3BCConfig) | _fields(ox.offline.BCQConfig) >= LEARNERS
    assert _fields(type(ox.offline.TD3BCConfig.tuned().view)) >= VIEW
    calm = ox.presets.reference()
    plan = ox.almgren_chriss(calm)
    static = plan.expected_cost + calm.risk_aversion * plan.variance
    assert abs(ox.exact_objective(calm, plan) / static - 1) < 1e-12  # static = J in constant liquidity, no slippage
    row: Any = ox.evaluate(calm, {"AC": plan}, episodes=20_000, seed=42).loc["AC"]
    assert abs(row["objective_mv"] - static) < 1.5 * row["objective_mv_ci"]  # = J_mv, within 3 standard errors
    row = ox.evaluate(problem, {"AC": ox.almgren_chriss(problem)}, episodes=20_000, seed=42).loc["AC"]
    assert row["objective_mv"] - row["objective_mv_ci"] > row["objective"] + row["objective_ci"]  # they part
