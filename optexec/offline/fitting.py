"""What a desk does without learning: assume the form of the market and estimate its parameters from the same log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from optexec.liquidity import OrnsteinUhlenbeck
from optexec.observation import columns
from optexec.offline.data import Transitions
from optexec.problem import Problem

__all__ = ["fitted"]

Array = NDArray[np.float64]

FLOOR = 0.005
"""Part of the order below which what is left no longer lowers the assumed noise of a period's cost."""


def fitted(data: Transitions, *, transient: bool = False) -> Problem:
    """The market that least squares sees in a log of realised rewards, if impact is linear.

    A period's expected cost is then linear in three unknowns, with v the trade, x' what is left after it and I the
    transient impact that it meets,

        -E[r] = v I + (eta + q/2) v^2 / L + gamma v x' + lambda sigma^2 dt x'^2,

    none of them negative, weighted by 1/x' because the noise of the price grows with what is held. With ``transient``,
    the observed I' = D (I + q v / L) gives q and the moments of D; without, I and q are taken for 0, whatever the log
    shows. Observed liquidity is an autoregression of order one, as of Ornstein-Uhlenbeck liquidity away from its floor.
    Whether all that is the form of the market that the log came from is not asked. The order's own charges (haircut,
    penalty) are taken off first.

    Args:
        data: a log in which liquidity was observed.
        transient: whether impact may linger.

    Returns:
        The log's problem with estimates in place of impact, decay, volatility and liquidity; what else the order and
        market say is kept.

    Raises:
        ValueError: hidden liquidity, no risk aversion, or estimates that no market has: the message says which.
    """
    if not data.observe_liquidity:
        raise ValueError("data must show liquidity, got a log with observe_liquidity=False")
    if data.problem.risk_aversion == 0:
        raise ValueError("risk_aversion must be > 0: without running risk a log's rewards tell no volatility")
    order = data.problem.order
    held, _, _, _, liquidity, impact = columns(data.observations.astype(np.float64))
    traded, left = (order.shares * held * part for part in (data.fractions, 1 - data.fractions))
    pushed, decay, noise = 0.0, data.problem.market.decay, data.problem.market.decay_noise
    if transient:
        pushed, decay, noise = _transient(data, traded, liquidity, impact)
    # what the order itself charges is known and no impact: a haircut on what is left, a penalty on what was clipped
    wished = np.where(data.terminated, 0.0, order.shares * held * data.wishes - traded)
    charged = order.violation_penalty * wished + np.where(data.terminated, data.problem.haircut * left, 0.0)
    paid = -data.realised - charged - (traded * impact if transient else 0.0)
    weight = 1 / np.maximum(left, FLOOR * order.shares)
    weighted = np.stack([traded**2 / liquidity, traded * left, left**2], axis=1) * weight[:, None]
    size = np.linalg.norm(weighted, axis=0)
    instantaneous, permanent, risk = (float(value) for value in nnls(weighted / size, paid * weight)[0] / size)
    return data.problem.replace(
        temporary=instantaneous - pushed / 2,
        permanent=permanent,
        transient=pushed,
        decay=decay,
        decay_noise=noise,
        volatility=(risk / (data.problem.risk_aversion * order.dt)) ** 0.5,
        leftover_haircut=data.problem.haircut,
        liquidity=_process(data, liquidity),
    )


def _transient(data: Transitions, traded: Array, liquidity: Array, impact: Array) -> tuple[float, float, float]:
    """Estimates of q [$/share per share], delta [1/time] and nu [1/sqrt(time)] from I' = D (I + q v / L)."""
    after = columns(data.next_observations).transient.astype(np.float64)
    some = ~data.terminated & (traded > 0) & (after > 0)
    terms = np.stack([impact, traded / liquidity], axis=1)[some]
    if not len(terms):
        raise ValueError("transient must be False for a log that shows no transient impact")
    kept, pushed = (float(value) for value in np.linalg.lstsq(terms, after[some], rcond=None)[0])
    noise = float(np.std(np.log(after[some] / (terms @ [1, pushed / kept]))))
    dt = data.problem.order.dt
    return pushed / kept, (noise**2 / 2 - float(np.log(kept))) / dt, noise / dt**0.5


def _process(data: Transitions, liquidity: Array) -> OrnsteinUhlenbeck:
    """The mean-reverting process of observed liquidity."""
    going, dt = ~data.terminated, data.problem.order.dt
    now, after = liquidity[going], columns(data.next_observations[going]).liquidity.astype(np.float64)
    kept, constant = (float(value) for value in np.polyfit(now, after, 1))
    if not kept < 1:
        raise ValueError(f"liquidity does not revert to a mean in this log: its autoregression has slope {kept:g}")
    noise = float(np.std(after - kept * now - constant))
    return OrnsteinUhlenbeck(mean=constant / (1 - kept), speed=(1 - kept) / dt, volatility=noise / dt**0.5)
