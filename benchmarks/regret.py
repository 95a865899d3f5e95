"""Episodes that estimators of what a policy loses need, in the original note's market and under its stress.

    python benchmarks/regret.py [SCENARIO ...] [--episodes 20000]

Three estimators of J - J_optimum on the same episodes: the policy beside the best schedule (J_static - J_optimum is
known), beside the optimum, and its own Bellman gaps (`optexec.regret`). For each the half-width of the 95% interval in
dollars, and the episodes for a half-width of 1% of J_static - J_optimum. A schedule is nearest to the best one, and
what it loses is known exactly (`optexec.exact_objective`). What the optimum's grids may add to the sum of the gaps is
apart, in the last column: more episodes do not lower it.
"""

from __future__ import annotations

import argparse

import optexec as ox
from optexec.evaluation import lost, mean
from optexec.policies import reference_schedule
from report.agents import published

AGENTS = {"TD3+BC": "td3bc", "BCQ": "bcq"}


def policies(problem: ox.Problem, scenario: str) -> dict[str, ox.Policy]:
    """AC, the rolling rule, and the published agents that learned there (the mean of eight logs' actions)."""
    market = "" if scenario == "normal" else f"{scenario}-"
    learned: dict[str, ox.Policy] = {
        label: published.agents(name)
        for label, algorithm in AGENTS.items()
        if (name := f"{algorithm}-{market}mixture-8logs") in published.manifest()
    }
    return {"AC": ox.almgren_chriss(problem), "rolling": ox.rolling(problem), **learned}


def compare(scenario: str, episodes: int) -> None:
    """Print a line for every policy."""
    problem = ox.presets.stochastic() if scenario == "normal" else ox.presets.stress()[scenario]
    best = ox.optimum(problem)
    least = ox.simulate(problem, best, episodes).objective
    static = reference_schedule(problem)
    schedule = ox.simulate(problem, static, episodes)
    gap = lost(best, schedule)[0].mean() if problem.order.capped else ox.exact_objective(problem, static) - best.value
    print(
        f"\n{scenario}: the gap is ${gap:,.2f}; half-widths from {episodes:,} episodes, and episodes for ±1% of the gap"
    )
    print(f"{'':<10}{'beside the best schedule':>28}{'beside the optimum':>28}{'Bellman gaps':>28}{'grids':>12}")
    for name, policy in policies(problem, scenario).items():
        run = ox.simulate(problem, policy, episodes)
        own, grids = lost(best, run)
        cells = []
        for sample in (run.objective - schedule.objective, run.objective - least, own):
            half = mean(sample).ci
            needed = episodes * (half / (0.01 * gap)) ** 2
            cells.append(f"±${half:<9.2g}{needed:>12,.{0 if needed >= 10 else 2}f}")
        print(f"{name:<10}{''.join(f'{cell:>28}' for cell in cells)}{grids:>12.1g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", default=["normal"], metavar="SCENARIO")
    parser.add_argument("--episodes", type=int, default=20_000)
    asked = parser.parse_args()
    for scenario in asked.scenarios:
        compare(scenario, asked.episodes)
