"""How good trained agents are: gap closed on fresh episodes, with the noise of seeds and of paths kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import trim_mean

from optexec.evaluation import Estimate, evaluate, lost, mean, worth
from optexec.interval import Interval
from optexec.noise import stream
from optexec.observation import columns
from optexec.optimum import exact_value, optimum
from optexec.policies import LevelTable, Rolling, best_static, exact_objective, objective_error, reference_schedule
from optexec.problem import Problem
from optexec.simulator import Episodes, Policy, simulate

if TYPE_CHECKING:
    from optexec.offline.agents import Agents  # imports torch

__all__ = ["MEAN_ACTION", "Summary", "closed", "difference", "each", "prize_of", "score", "summary", "tabulated"]

Array = NDArray[np.float64]

MEAN_ACTION = "mean action"
"""Row of the policy that takes the mean of its seeds' fractions."""

SEED = 10
"""Of the fresh episodes: no data set has it."""
SCORED = 20_000
"""Fresh episodes that score an agent."""
PAIRED = 5_000
"""Fresh episodes that score an agent beside the optimum, on whose heels it is."""

RESAMPLES = 10_000


def score(agents: Agents, problem: Problem | None = None, episodes: int = SCORED, seed: int = SEED) -> pd.DataFrame:
    """Evaluate every seed's policy, and that of their mean action, on the same fresh episodes.

    Args:
        agents: from `optexec.offline.train` or ``Agents.load``.
        problem: where they act; None for where their data were logged.
        episodes: how many, >= 2.
        seed: of the shocks: none that a data set has.

    Returns:
        The table of `optexec.evaluate`, indexed by training seed and ending with `MEAN_ACTION`; ``diff`` is to the
        optimum. Its intervals are those of the paths; the spread between rows is that of training. Agents that see the
        period and liquidity alone act as their tables (`tabulated`), in a tenth of the time.
    """
    problem = agents.problem if problem is None else problem
    try:
        policies: Mapping[str, Policy] = tabulated(agents, problem)
    except ValueError:  # they see more
        policies = each(agents)
    return evaluate(problem, {"optimum": optimum(problem), **policies}, episodes, seed).iloc[1:]


def closed(
    policies: Mapping[str, Policy],
    problem: Problem,
    episodes: int = PAIRED,
    seed: int = SEED,
    *,
    observe_liquidity: bool = True,
) -> pd.DataFrame:
    """Gap closed by policies in any market: exactly where that can be had, else from their regrets.

    A policy of period and liquidity has an exact J (`optexec.exact_value`) without caps and transient impact. Every
    other one is simulated beside the optimum, which sees liquidity whatever the policies see:

        gap closed = 1 - mean(R_i - R_i*) / (J_static - J*),

    over shocks i, R the regret (`optexec.regret`), and R* that of the optimum where it is clipped: 0 but for transient
    impact. Where only a bound of the optimum is known, costs stand for regrets. The denominator is exact without caps,
    and with caps the best schedule's mean over the same shocks.

    Args:
        policies: by name.
        problem: where they act.
        episodes: of a simulation, >= 2.
        seed: of its shocks.
        observe_liquidity: whether the policies see L and I.

    Returns:
        A table indexed by policy: objective [$], gap_closed and gap_closed_ci (0 where exact), completion, violations
        (infeasible wishes an episode) and clipped (shares of infeasible wishes an episode); the last three are NaN
        where nothing was simulated, and the gap's two where there is none to close, as in `optexec.evaluate`.
    """
    best, static = optimum(problem), reference_schedule(problem)
    seen = observe_liquidity and not problem.order.capped
    exact = {name: _exactly(problem, policy) if seen else None for name, policy in policies.items()}

    def costs(run: Episodes) -> tuple[Array, float]:
        return (run.objective, 0.0) if best.bound else lost(best, run)

    def beyond(run: Episodes) -> Estimate:
        """How much dearer than the optimum."""
        found, error = costs(run)
        return replace(mean(found - base), error=error)

    base = costs(simulate(problem, best, episodes, seed))[0] if None in exact.values() else np.zeros(episodes)
    if problem.order.capped:
        prize = beyond(simulate(problem, static, episodes, seed))
        error = prize.ci
    else:
        prize = Estimate(exact_objective(problem, static) - best.value, np.zeros(episodes))
        error = objective_error(problem, static)
    if not worth(prize.value, best, error):
        prize = replace(prize, value=np.nan)
    rows = {}
    for name, policy in policies.items():
        value = exact[name]
        if value is not None:
            shares = {"completion": np.nan, "violations": np.nan, "clipped": np.nan}
            rows[name] = {
                "objective": value,
                "gap_closed": 1 - (value - best.value) / prize.value,
                "ci": 0 * prize.value,
                **shares,
            }
            continue
        run = simulate(problem, policy, episodes, seed, observe_liquidity=observe_liquidity)
        short = beyond(run)
        part = short / prize
        rows[name] = {
            "objective": best.value + short.value,
            "gap_closed": 1 - part.value,
            "ci": part.ci,
            **{key: float(getattr(run, key).mean()) for key in ("completion", "violations", "clipped")},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename(columns={"ci": "gap_closed_ci"}).rename_axis("policy")


def _exactly(problem: Problem, policy: Policy) -> float | None:
    """The exact J of a policy, None where there is none."""
    try:
        return exact_value(problem, policy)
    except ValueError:
        return None


def each(agents: Agents) -> dict[str, Policy]:
    """The policies of trained agents by name: one a seed, and their mean action last."""
    return {**{f"seed {agent.seeds[0]}": agent for agent in agents}, MEAN_ACTION: agents}


def tabulated(agents: Agents, problem: Problem) -> dict[str, Rolling]:
    """What `each` gives, as tables over the period and the levels of a problem's liquidity: the same, and much faster.

    A table is linear between levels, of which there are those of the exact optimum's grid.

    Raises:
        ValueError: agents that see more than period and liquidity, and so have no such table.
    """
    view, periods = agents.view, problem.order.periods
    if view.config.state == "plain" or view.transient or view.participation is not None:
        raise ValueError("agents must see the period and liquidity alone, got agents that see more")
    levels = problem.chain().shown
    seen = np.ones((periods, len(levels), 6), dtype=np.float32)
    columns(seen).remaining[:] = ((periods - np.arange(periods)) / periods)[:, None]
    columns(seen).liquidity[:] = levels * problem.profile[:, None]
    tables = agents.fractions(seen.reshape(-1, 6)).reshape(len(agents), periods, -1)
    tables = np.concatenate([tables, tables.mean(axis=0, keepdims=True)])
    return {
        name: Rolling(problem, LevelTable(problem, levels, table))
        for name, table in zip(each(agents), tables, strict=True)
    }


def prize_of(problem: Problem) -> float:
    """J_static - J_optimum [$], what adapting is worth; both exact.

    Raises:
        ValueError: caps, or a gap that is nothing beside rounding.
    """
    best, static = optimum(problem), best_static(problem)
    prize = exact_objective(problem, static) - best.value
    if problem.order.capped or not worth(prize, best, objective_error(problem, static)):
        raise ValueError("the gap between the best schedule and the optimum is not known exactly here, or nothing")
    return prize


@dataclass(frozen=True)
class Summary(Interval):
    """An interquartile mean, of the middle half of the seeds' scores, with its 95% interval over seeds."""

    path_ci: float
    """half-width of the 95% interval over paths, the seeds as they are"""
    lowest: float
    """of all seeds"""


def summary(scores: Sequence[Array], path_ci: Sequence[Array] | None = None) -> Summary:
    """Summarise scores by the interquartile mean, which a single lucky or unlucky seed does not move.

    The seeds' interval is a bootstrap over seeds, stratified by data set (Agarwal et al. 2021, Deep reinforcement
    learning at the edge of the statistical precipice). Paths are common to all seeds, so that their errors move
    together: the mean of the seeds' half-widths is the half-width of the mean, at most.

    Args:
        scores: one array of scores a data set.
        path_ci: half-widths to match; None for scores without path noise.

    Raises:
        ValueError: no scores.
    """
    if not scores or not all(len(part) for part in scores):
        raise ValueError("scores must hold at least one score a data set")
    chance = stream(0)
    drawn = [part[chance.integers(len(part), size=(RESAMPLES, len(part)))] for part in map(np.asarray, scores)]
    low, high = np.quantile(trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1), [0.025, 0.975])
    pooled = np.concatenate(scores)
    paths = 0.0 if path_ci is None else float(np.mean(np.concatenate(path_ci)))
    return Summary(float(trim_mean(pooled, 0.25)), float(low), float(high), paths, float(pooled.min()))


def difference(a: Array, b: Array) -> Interval:
    """Interquartile mean of one set of agents' scores less another's, and its 95% interval, both sets resampled."""
    chance = stream(1)
    drawn = [trim_mean(part[chance.integers(len(part), size=(RESAMPLES, len(part)))], 0.25, axis=1) for part in (a, b)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return Interval(float(trim_mean(a, 0.25) - trim_mean(b, 0.25)), float(low), float(high))
