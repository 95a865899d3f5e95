"""What a desk does without learning: assume the form of the market and estimate its parameters from the same log."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from optexec.liquidity import OrnsteinUhlenbeck
from optexec.offline.data import Transitions
from optexec.problem import Problem

__all__ = ["fitted"]

FLOOR = 0.005
"""Part of the order below which what is left no longer lowers the assumed noise of a period's cost."""


def fitted(data: Transitions) -> Problem:
    """The market that least squares sees in a log of realised rewards, if impact is linear and does not linger.

    A period's expected cost is then linear in three unknowns, with v the trade and x' what is left after it,

        -E[r] = eta v^2 / L + gamma v x' + lambda sigma^2 dt x'^2,

    none of them negative, weighted by 1/x' because the noise of the price grows with what is held; observed liquidity
    is an autoregression of order one, as of Ornstein-Uhlenbeck liquidity away from its floor. Whether that is the form
    of the market that the log came from is not asked. The order's own charges (haircut, penalty) are taken off first.

    Args:
        data: a log in which liquidity was observed.

    Returns:
        The log's problem with estimates in place of temporary, permanent and transient impact, volatility and
        liquidity; what else the order and market say is kept.

    Raises:
        ValueError: hidden liquidity, no risk aversion, or estimates that no market has: the message says which.
    """
    if not data.observe_liquidity:
        raise ValueError("data must show liquidity, got a log with observe_liquidity=False")
    order = data.problem.order
    held, liquidity = (data.observations[:, i].astype(np.float64) for i in (0, 4))
    traded, left = (order.shares * held * part for part in (data.fractions, 1 - data.fractions))
    # what the order itself charges is known and no impact: a haircut on what is left, a penalty on what was clipped
    wished = np.where(data.terminated, 0.0, order.shares * held * data.wishes - traded)
    charged = order.violation_penalty * wished + np.where(data.terminated, order.leftover_haircut * left, 0.0)
    weight = 1 / np.maximum(left, FLOOR * order.shares)
    terms = np.stack([traded**2 / liquidity, traded * left, left**2], axis=1)
    weighted = terms * weight[:, None]
    size = np.linalg.norm(weighted, axis=0)
    found = nnls(weighted / size, -(data.realised + charged) * weight)[0] / size
    temporary, permanent, risk = (float(value) for value in found)
    going, after = ~data.terminated, data.next_observations[:, 4].astype(np.float64)
    kept, constant = np.polyfit(liquidity[going], after[going], 1)
    noise = float(np.std(after[going] - kept * liquidity[going] - constant))
    if data.problem.risk_aversion == 0:
        raise ValueError("risk_aversion must be > 0: without running risk a log's rewards tell no volatility")
    dt = order.dt
    return data.problem.replace(
        temporary=temporary,
        permanent=permanent,
        transient=0.0,
        volatility=(risk / (data.problem.risk_aversion * dt)) ** 0.5,
        liquidity=OrnsteinUhlenbeck(
            mean=float(constant / (1 - kept)), speed=float((1 - kept) / dt), volatility=noise / dt**0.5
        ),
    )
