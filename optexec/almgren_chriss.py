"""Closed forms of Almgren & Chriss (2000), with the discrete correction eta - gamma/2.

All of them plan in the *deterministic-liquidity market*: L_k is the volume profile times the process's long-run mean,
so that a trade costs h_k = (eta + q/2)/L_k per share per share in its own period.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from optexec._validate import real
from optexec.problem import Problem

__all__ = [
    "e_folding_time",
    "expected_cost",
    "frontier",
    "half_life",
    "holdings",
    "lvar_risk_aversion",
    "planned_impact",
    "trade_list",
    "trajectory",
    "urgency",
    "variance",
]

Array = NDArray[np.float64]


def planned_impact(problem: Problem) -> Array:
    """h_k = (eta + q/2) / D_k (N,) [$/share per share], the depth of L_k = profile_k times the long-run mean."""
    return problem.market.instantaneous / problem.depth(problem.profile * problem.market.liquidity.long_run_mean)


def urgency(problem: Problem) -> float:
    """Kappa >= 0 [1/time], the rate at which the Almgren-Chriss trajectory decays.

    2 (cosh(kappa dt) - 1) = lambda sigma^2 dt / (h - gamma/2), h = (eta + q/2)/long-run mean; for dt -> 0 with eta
    scaled as 1/dt this is sqrt(lambda sigma^2 / eta) per unit of time. The day's profiles are left out of it. Almgren &
    Chriss (2000), section 2.2.

    Raises:
        ValueError: h <= gamma/2 at the long-run mean level, where no such rate exists.

    Examples:
        >>> import optexec as ox
        >>> round(ox.urgency(ox.presets.reference()), 4)
        0.145
    """
    h = problem.market.instantaneous / problem.depth(problem.market.liquidity.long_run_mean)
    corrected = h - problem.market.permanent / 2
    if corrected <= 0:
        raise ValueError(
            "(temporary + transient/2)/long-run mean liquidity must be > permanent/2, got "
            f"{h:g} and {problem.market.permanent / 2:g}"
        )
    return float(2 * np.arcsinh(np.sqrt(problem.risk_weight / corrected) / 2) / problem.order.dt)


def e_folding_time(problem: Problem) -> float:
    """1/kappa [time]: holdings fall by a factor e; infinite at lambda = 0. The 2000 paper calls this the half-life."""
    kappa = urgency(problem)
    return 1 / kappa if kappa > 0 else float("inf")


def half_life(problem: Problem) -> float:
    """Ln 2 / kappa [time]: holdings halve (for a horizon that is long against it); infinite at lambda = 0.

    Examples:
        >>> import optexec as ox
        >>> round(ox.half_life(ox.presets.reference()), 2)  # periods
        4.78
    """
    return float(np.log(2)) * e_folding_time(problem)


def trajectory(problem: Problem) -> Array:
    """Holdings x_k (N+1,) [shares] of the best schedule in the deterministic-liquidity market.

    On a flat day x_k = X sinh(kappa (N-k) dt) / sinh(kappa N dt); with a profile of volume or volatility the minimiser
    of sum_k (h_k - gamma/2) v_k^2 + lambda sigma^2 s_k^2 dt x_{k+1}^2, by a symmetric tridiagonal solve. Decay is
    ignored (q acts through h alone). Almgren & Chriss (2000), section 2.2.

    Raises:
        ValueError: the quadratic form is not positive definite.
    """
    order = problem.order
    corrected = planned_impact(problem) - problem.market.permanent / 2
    if _flat(problem) and corrected[0] > 0:
        left = np.arange(order.periods, -1, -1, dtype=np.float64)
        rate = urgency(problem) * order.dt
        if rate == 0:
            return order.shares * (left / order.periods)
        # sinh(a)/sinh(b) = exp(a - b) (1 - exp(-2a))/(1 - exp(-2b)), which does not overflow
        scale = np.expm1(-2 * rate * left) / np.expm1(-2 * rate * order.periods)
        holdings: Array = order.shares * (np.exp(rate * (left - order.periods)) * scale)
        return holdings

    inner = order.periods - 1
    if inner == 0:
        return np.array([order.shares, 0.0])
    bands = np.zeros((2, inner))  # upper banded form of the matrix that acts on x_1 .. x_{N-1}
    bands[1] = corrected[:-1] + corrected[1:] + problem.risk_weights[:-1]
    bands[0, 1:] = -corrected[1:-1]
    right = np.zeros(inner)
    right[0] = corrected[0] * order.shares
    try:
        inside = scipy.linalg.cho_solve_banded((scipy.linalg.cholesky_banded(bands), False), right)
    except np.linalg.LinAlgError:
        raise ValueError(
            "the Almgren-Chriss cost is not convex: (temporary + transient/2)/L_k - permanent/2 is as low as "
            f"{corrected.min():g} in the planned market, where it must be > 0 unless risk makes up for it"
        ) from None
    return np.concatenate([[order.shares], inside, [0.0]])


def trade_list(problem: Problem) -> Array:
    """Trades v_k (N,) [shares] of the best schedule, the steps of `trajectory`: X/N where kappa = 0 on a flat day."""
    holdings = trajectory(problem)
    if _flat(problem) and problem.risk_weight == 0:
        return np.full(problem.order.periods, problem.order.shares / problem.order.periods)
    return -np.diff(holdings)


def _flat(problem: Problem) -> bool:
    """Whether all periods of the day are alike."""
    return problem.market.volume_profile is None and problem.market.volatility_profile is None


def holdings(problem: Problem, trades: Array) -> Array:
    """x_k (N+1,) [shares] of a trade list, down to what it leaves; exactly 0 where that is rounding."""
    left = problem.order.shares - float(np.sum(trades))
    end = left if abs(left) > 1e-9 * problem.order.shares else 0.0
    return np.append(np.cumsum(trades[::-1])[::-1] + end, end)


def expected_cost(problem: Problem, trades: Array) -> float:
    """E[IS] of a trade list in the deterministic-liquidity market, caps not applied to it [$].

    gamma X^2 / 2 + sum_k (h_k - gamma/2) v_k^2 + half_spread X + sum_k v_k E[I_k], with
    E[I_{k+1}] = (E[I_k] + q v_k / L_k) E[D]. Almgren & Chriss (2000), eq. (5), plus transient impact. Where the list
    leaves x_N, gamma (X^2 - x_N^2) / 2, half_spread on what is sold and the haircut on what is not.
    """
    market = problem.market
    total, left = float(np.sum(trades)), float(holdings(problem, trades)[-1])
    cost = market.permanent / 2 * total**2 + market.half_spread * total
    cost += left * (market.permanent * total + problem.haircut)
    cost += float(np.sum((planned_impact(problem) - market.permanent / 2) * trades**2))
    return cost + _transient_moments(problem, trades)[0]


def variance(problem: Problem, trades: Array) -> float:
    """Var[IS] of a trade list in the deterministic-liquidity market, caps not applied to it [$^2].

    sigma^2 dt sum_k s_k^2 x_{k+1}^2 + slippage^2 sum_k v_k^2, plus the variance that the noise of the decay gives to
    sum_k v_k I_k. Almgren & Chriss (2000), eq. (6), whose sum it is without slippage and transient impact.
    """
    held = holdings(problem, trades)[1:]
    price_risk = problem.step_variance * float(np.sum(problem.variance_profile * held**2))
    fill_risk = problem.market.slippage**2 * float(np.sum(trades**2))
    return price_risk + fill_risk + _transient_moments(problem, trades)[1]


def decay_moments(problem: Problem) -> tuple[float, float]:
    """E[D] and E[D^2] of the log-normal decay factor D = exp(-delta dt + nu sqrt(dt) z); no noise where q = 0."""
    market, dt = problem.market, problem.order.dt
    rate, noise = market.decay * dt, market.decay_noise**2 * dt if market.transient else 0.0
    return float(np.exp(-rate + noise / 2)), float(np.exp(-2 * rate + 2 * noise))


def _transient_moments(problem: Problem, trades: Array) -> tuple[float, float]:
    """Mean and variance of W = sum_k v_k I_k, by backward recursion in I.

    The rest of the sum has conditional mean m1 I + m0 and second moment s2 I^2 + s1 I + s0.
    """
    if problem.market.transient == 0:
        return 0.0, 0.0
    d1, d2 = decay_moments(problem)
    pushes = problem.market.transient * trades / problem.depth(problem.profile * problem.market.liquidity.long_run_mean)
    m1 = m0 = s2 = s1 = s0 = 0.0
    for v, push in zip(trades[::-1], pushes[::-1], strict=True):
        m1_next, m0_next, s2_next, s1_next = m1 * d1, m0, s2 * d2, s1 * d1  # in terms of y = I + push
        s0 += s2_next * push**2 + s1_next * push
        s2, s1 = (
            v**2 + 2 * v * m1_next + s2_next,
            2 * v * (m1_next * push + m0_next) + 2 * s2_next * push + s1_next,
        )
        m1, m0 = v + m1_next, m1_next * push + m0_next
    return float(m0), float(max(s0 - m0**2, 0.0))


def frontier(problem: Problem, risk_aversions: Iterable[float]) -> pd.DataFrame:
    """The efficient frontier: the schedules of least E + lambda Var for a range of risk aversions.

    Args:
        problem: order and market; its own risk aversion is not used.
        risk_aversions: values of lambda >= 0 [1/$].

    Returns:
        A row per value with columns risk_aversion [1/$], expected_cost [$], std [$] (both in the
        deterministic-liquidity market), kappa [1/time] and half_life = ln 2 / kappa [time].

    Examples:
        >>> import optexec as ox
        >>> ox.frontier(ox.presets.reference(), [0.0, 0.5])[["expected_cost", "std"]].round(1)
           expected_cost   std
        0          975.0  49.7
        1         1216.0  33.9
    """
    rows = []
    for risk_aversion in risk_aversions:
        at = problem.replace(risk_aversion=risk_aversion)
        trades = trade_list(at)
        rows.append(
            {
                "risk_aversion": at.risk_aversion,
                "expected_cost": expected_cost(at, trades),
                "std": variance(at, trades) ** 0.5,
                "kappa": urgency(at),
                "half_life": half_life(at),
            }
        )
    return pd.DataFrame(rows, columns=["risk_aversion", "expected_cost", "std", "kappa", "half_life"])


def lvar_risk_aversion(problem: Problem, confidence: float = 0.95) -> float:
    """The lambda [1/$] whose schedule has the least liquidity-adjusted value at risk.

    L-VaR = E[IS] + z sqrt(Var[IS]) [$], z the standard normal's quantile at ``confidence``, in the
    deterministic-liquidity market; found by a search over lambda along the frontier, which is convex. Where that asks
    for selling at once (lambda infinite) the end of the search is returned, whose schedule all but does.
    Almgren & Chriss (2000), section 3.2.

    Args:
        problem: order and market; its own risk aversion is not used.
        confidence: the probability that the cost stays below the L-VaR, in (0.5, 1).
    """
    z = float(scipy.special.ndtri(real("confidence", confidence, above=0.5, below=1.0)))

    def lvar(log_risk_aversion: float) -> float:
        trades = trade_list(problem.replace(risk_aversion=float(np.exp(log_risk_aversion))))
        return float(expected_cost(problem, trades) + z * variance(problem, trades) ** 0.5)

    if problem.step_variance == 0:
        return 0.0  # no price risk to trade for
    corrected = float(planned_impact(problem).max()) - problem.market.permanent / 2
    middle = np.log(corrected / (problem.step_variance * problem.order.periods**2))  # where kappa T is about 1
    bounds = (middle - 12, middle + 12)
    found = scipy.optimize.minimize_scalar(lvar, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))
