"""Named problems: the markets that the report is about."""

from __future__ import annotations

from optexec.liquidity import ConstantLiquidity, OrnsteinUhlenbeck
from optexec.problem import Market, Order, Problem

__all__ = ["almgren_chriss_2000", "reference", "stochastic"]


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
