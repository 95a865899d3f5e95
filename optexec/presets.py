"""The problems that the report is about, in the original note's market and in others."""

from __future__ import annotations

from dataclasses import replace

from optexec.liquidity import ConstantLiquidity, LogOU, OrnsteinUhlenbeck, RegimeSwitching, Shocks
from optexec.problem import Market, Order, Problem

__all__ = ["almgren_chriss_2000", "reference", "stochastic", "stress"]

Base = ConstantLiquidity | OrnsteinUhlenbeck | RegimeSwitching | LogOU


def reference() -> Problem:
    """The original note's parameters in the Almgren-Chriss world: constant liquidity and no slippage.

    1000 shares over 20 periods, eta = 0.01, gamma = 0.001, sigma = $0.02 per sqrt(period), lambda = 0.5.
    """
    return Problem(market=Market(slippage=0.0, liquidity=ConstantLiquidity()))


def stochastic() -> Problem:
    """The original note's market: Ornstein-Uhlenbeck liquidity and $0.01 of slippage. The defaults throughout."""
    return Problem(market=Market(liquidity=OrnsteinUhlenbeck()))


def almgren_chriss_2000() -> Problem:
    """The example of Almgren & Chriss (2000), section 3.4: a million shares at $50 in five days.

    The paper's eta = 2.5e-6 ($/share)/(share/day) is `Market.temporary` at one-day periods; its fixed cost epsilon
    = $0.0625 is ``half_spread``; lambda = 1e-6 / $.
    """
    return Problem(
        order=Order(shares=1e6, periods=5, dt=1.0),
        market=Market(
            price=50.0,
            volatility=0.95,
            temporary=2.5e-6,
            permanent=2.5e-7,
            slippage=0.0,
            half_spread=0.0625,
            volume=5e6,
            liquidity=ConstantLiquidity(),
        ),
        risk_aversion=1e-6,
    )


def stress(normal: Problem | None = None) -> dict[str, Problem]:
    """Markets under stress by scenario key, each a change of the normal one.

    Args:
        normal: the market before the stress; None for `stochastic`, of which the numbers below are.

    Returns:
        The problems by key.

        - liquidity_collapse: L reverts to 0.3 of its mean with half its volatility (0.1) and starts there (the
          volatility of `LogOU` is that of the logarithm, and stays);
        - volatility_spike: sigma x 5 ($0.10); impact_shift: eta and gamma x 5 (0.05, 0.005);
        - liquidity_shocks: each period with probability 0.05 the level falls by 70%;
        - combined: all of these at once;
        - extreme_shocks_80, _90, _95: shocks of that size with probability 0.05, and a floor low enough (0.01) that
          they bite;
        - regimes: `RegimeSwitching` about the mean level; transient_impact: q = eta / 5 (0.002);
        - participation_cap: at most 7% of the order a period at L = 1 (70 of 1,000 shares), and a haircut of 1% of the
          price ($1) on what is left.

    Raises:
        ValueError: a liquidity process of your own.
    """
    normal = stochastic() if normal is None else normal
    market, level = normal.market, normal.market.liquidity.long_run_mean
    base = market.liquidity.base if isinstance(market.liquidity, Shocks) else market.liquidity
    if isinstance(base, OrnsteinUhlenbeck):
        low, start = min(base.floor, 0.1 * level), 0.3 * level
        collapsed: Base = replace(base, mean=start, volatility=base.volatility / 2, floor=low, initial=start)
        deep: Base = replace(base, floor=min(base.floor, 0.01 * level))
    elif isinstance(base, RegimeSwitching):
        collapsed, deep = replace(base, high=0.3 * base.high, low=0.3 * base.low), base
    elif isinstance(base, LogOU):
        level_start = base.start if isinstance(base.start, str) else 0.3 * level
        collapsed, deep = replace(base, mean=0.3 * level, start=level_start), base
    elif isinstance(base, ConstantLiquidity):
        collapsed, deep = ConstantLiquidity(0.3 * base.level), base
    else:
        raise ValueError(f"liquidity must be a process of optexec to be put under stress, got {base!r}")
    shocked = {
        f"extreme_shocks_{percent}": normal.replace(liquidity=Shocks(deep, probability=0.05, size=-percent / 100))
        for percent in (80, 90, 95)
    }
    spike, shift = (
        {"volatility": 5 * market.volatility},
        {
            "temporary": 5 * market.temporary,
            "permanent": 5 * market.permanent,
        },
    )
    return {
        "liquidity_collapse": normal.replace(liquidity=collapsed),
        "volatility_spike": normal.replace(**spike),
        "impact_shift": normal.replace(**shift),
        "liquidity_shocks": normal.replace(liquidity=Shocks(base, probability=0.05, size=-0.7)),
        "combined": normal.replace(**spike, **shift, liquidity=Shocks(collapsed, probability=0.05, size=-0.7)),
        **shocked,
        "regimes": normal.replace(liquidity=RegimeSwitching(high=1.5 * level, low=0.5 * level)),
        "transient_impact": normal.replace(transient=market.temporary / 5),
        "participation_cap": normal.replace(
            max_participation=min(1.0, 0.07 * normal.order.shares / market.volume), leftover_haircut=market.price / 100
        ),
    }
