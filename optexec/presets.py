"""Named problems: the markets that the report is about."""

from __future__ import annotations

from optexec.liquidity import ConstantLiquidity, OrnsteinUhlenbeck, RegimeSwitching, Shocks
from optexec.problem import Market, Order, Problem

__all__ = ["almgren_chriss_2000", "reference", "stochastic", "stress"]


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


def stress() -> dict[str, Problem]:
    """Markets under stress by scenario key, each a change of `stochastic`.

    - liquidity_collapse: L reverts to 0.3 with volatility 0.1 and starts there;
    - volatility_spike: sigma = $0.10; impact_shift: eta = 0.05, gamma = 0.005;
    - liquidity_shocks: each period with probability 0.05 the level falls by 70%;
    - combined: all of these at once;
    - extreme_shocks_80, _90, _95: shocks of that size with probability 0.05 and a floor of 0.01, so that they bite;
    - regimes: `RegimeSwitching`; transient_impact: q = 0.002;
    - participation_cap: at most 0.7% of the volume, 70 shares at L = 1, and a $1 haircut on what is left.
    """
    normal = stochastic()
    collapsed = OrnsteinUhlenbeck(mean=0.3, volatility=0.1, initial=0.3)
    shocked = {
        f"extreme_shocks_{percent}": normal.replace(
            liquidity=Shocks(OrnsteinUhlenbeck(floor=0.01), probability=0.05, size=-percent / 100)
        )
        for percent in (80, 90, 95)
    }
    return {
        "liquidity_collapse": normal.replace(liquidity=collapsed),
        "volatility_spike": normal.replace(volatility=0.10),
        "impact_shift": normal.replace(temporary=0.05, permanent=0.005),
        "liquidity_shocks": normal.replace(liquidity=Shocks(OrnsteinUhlenbeck(), probability=0.05, size=-0.7)),
        "combined": normal.replace(
            volatility=0.10,
            temporary=0.05,
            permanent=0.005,
            liquidity=Shocks(collapsed, probability=0.05, size=-0.7),
        ),
        **shocked,
        "regimes": normal.replace(liquidity=RegimeSwitching()),
        "transient_impact": normal.replace(transient=0.002),
        "participation_cap": normal.replace(max_participation=0.007, leftover_haircut=1.0),
    }
