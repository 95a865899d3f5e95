"""The report's finding in three lines: the first page shows them, and a test holds the README to them."""

from __future__ import annotations

from typing import Any

from optexec.offline import scoring
from optexec.offline.data import collect
from optexec.offline.fitting import fitted
from optexec.optimum import exact_value, optimum
from optexec.policies import best_static, exact_objective, rolling
from optexec.presets import stochastic
from optexec.presets import stress as scenarios
from report.agents import published
from report.agents.protocol import LOGS
from report.claims.verdicts import CLAIMS, EPISODES, HOLDS, NOT, PARTLY, result

__all__ = ["finding"]


def finding(episodes: int = EPISODES) -> list[str]:
    """The report's finding in three lines, as the first page and the README state it."""
    results = {key: result(key, episodes) for key in CLAIMS}
    held, partly, failed = (sum(r.verdict == kind for r in results.values()) for kind in (HOLDS, PARTLY, NOT))
    market, lingering, found = stochastic(), scenarios()["transient_impact"], published.results()
    static, best = exact_objective(market, best_static(market)), optimum(market).value
    rule = 100 * (static - exact_value(market, rolling(market))) / (static - best)

    def closed(study: str) -> str:
        row: Any = found.loc[study]
        return f"{100 * row['value']:.1f}% ({100 * row['low']:.1f} to {100 * row['high']:.1f})"

    unaware = optimum(lingering.replace(transient=0.0, temporary=lingering.market.instantaneous))
    fits = {str(seed): optimum(fitted(collect(lingering, "mixture", seed=seed), transient=True)) for seed in LOGS}
    gaps: Any = scoring.closed({"unaware": unaware, **fits}, lingering)["gap_closed"]
    failing = "; ".join(f"“{CLAIMS[key].words}”" for key, found in results.items() if found.verdict == NOT)
    return [
        f"Of {len(CLAIMS)} claims of the original note, {held} hold, {partly} hold with a condition and {failed} do "
        f"not ({failing}).",
        f"In its market adapting to liquidity is worth {100 * (static / best - 1):.1f}% of the objective. Of that gap "
        f"agents that learned from 1,000 logged episodes of mixed schedules close {closed('td3bc-mixture-8logs')} with "
        f"TD3+BC and {closed('bcq-mixture-8logs')} with BCQ, a rule that knows the model {rule:.1f}%, and agents that "
        "learned from a log of TWAP alone, as in the note, nothing.",
        "Learning wins against a wrong model and loses to a right one: where impact lingers BCQ closes "
        f"{closed('bcq-transient_impact-mixture-8logs')} of the gap, the optimum of a model that ignores it "
        f"{100 * gaps['unaware']:.1f}%, and the optimum of a model of the right form, fitted to the same logs, at "
        f"least {100 * gaps[list(fits)].min():.1f}%.",
    ]
