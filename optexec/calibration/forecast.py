"""What the errors of estimates do to a plan and to the forecast of its cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from optexec.optimum import exact_value
from optexec.problem import Problem
from optexec.simulator import Policy

__all__ = ["forecast"]


def forecast(
    problem: Problem, alternatives: Sequence[Problem], planners: Mapping[str, Callable[[Problem], Policy]]
) -> pd.DataFrame:
    """What plans made from estimates will cost, and what the error of the estimates makes of it.

    Every plan is made for ``problem`` and priced in each of the ``alternatives``, the markets that the data allow;
    there it is also made anew, which says what knowing the market better would be worth. Costs are exact
    (`optexec.exact_value`).

    Args:
        problem: made of the estimates.
        alternatives: made of draws of them, such as those of `Calibration.resampled`.
        planners: how each policy is made from the problem that it believes in, by name.

    Returns:
        A DataFrame by policy with ``cost``, E[IS] in ``problem`` [$], and its 2.5% and 97.5% quantiles over the
        alternatives in ``cost_low`` and ``cost_high``; ``objective`` (J) with its two likewise; ``regret``, the mean
        over the alternatives of J of the plan over J of the plan made anew, less 1, and ``regret_high``, its 97.5%
        quantile.

    Raises:
        ValueError: no alternatives, or a problem or policy that `optexec.exact_value` refuses.
    """
    if not alternatives:
        raise ValueError("alternatives must hold at least one problem, got none")
    rows = {}
    for name, make in planners.items():
        plan = make(problem)
        cost, objective = _bill(problem, plan)
        bills = np.array([_bill(other, plan) for other in alternatives])
        anew = np.array([exact_value(other, make(other)) for other in alternatives])
        regret = bills[:, 1] / anew - 1
        (cost_low, objective_low), (cost_high, objective_high) = np.quantile(bills, [0.025, 0.975], axis=0)
        rows[name] = {
            "cost": cost,
            "cost_low": cost_low,
            "cost_high": cost_high,
            "objective": objective,
            "objective_low": objective_low,
            "objective_high": objective_high,
            "regret": regret.mean(),
            "regret_high": np.quantile(regret, 0.975),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def _bill(problem: Problem, policy: Policy) -> tuple[float, float]:
    """E[IS] and J of a policy [$]."""
    return exact_value(problem.replace(risk_aversion=0.0), policy), exact_value(problem, policy)
