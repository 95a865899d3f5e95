"""The README states what the code computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optexec as ox
from optexec.offline import fitted, published
from optexec.offline.protocol import LOGS
from optexec.offline.scoring import closed

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_findings() -> None:
    market = ox.presets.stochastic()
    policies: dict[str, Any] = {"TWAP": ox.twap(market), "AC": ox.almgren_chriss(market), "rolling": ox.rolling(market)}
    table: Any = ox.evaluate(market, policies)
    static, optimum = ox.exact_objective(market, ox.best_static(market)), ox.optimum(market).value
    loss = 100 * (ox.exact_objective(market, policies["AC"]) / static - 1)
    gap, gap_ci = 100 * table.loc["rolling", ["gap_closed", "gap_closed_ci"]]
    (twap, twap_ci), (ac, ac_ci) = (table.loc[name, ["is_std", "is_std_ci"]] for name in ("TWAP", "AC"))
    for statement in (
        f"costs {loss:.2f}% more than the best schedule",
        f"the best schedule {100 * (static / optimum - 1):.1f}% more than the exact optimum",
        f"closes {gap:.1f}% (±{gap_ci:.1f}) of that gap",
        f"is ${ac:.1f} (±{ac_ci:.1f}) against ${twap:.1f} (±{twap_ci:.1f}) for TWAP",
    ):
        assert statement in README


def test_learned_findings() -> None:
    scores, found = {}, published.results()
    for agent in ("td3bc", "bcq"):
        scores[agent] = float(found["value"][f"{agent}-mixture-8logs"])
    assert f"close {100 * scores['td3bc']:.1f}% (TD3+BC) and {100 * scores['bcq']:.1f}% (BCQ) of it" in README


def test_where_learning_wins() -> None:
    market, found = ox.presets.stress()["transient_impact"], published.results()
    td3, bcq = (found["value"][f"{agent}-transient_impact-mixture-8logs"] for agent in ("td3bc", "bcq"))
    unaware = ox.optimum(market.replace(transient=0.0, temporary=market.market.instantaneous))
    fits = {str(seed): fitted(ox.collect(market, "mixture", seed=seed), transient=True) for seed in LOGS}
    gap: Any = closed({"unaware": unaware, **{name: ox.optimum(fit) for name, fit in fits.items()}}, market)[
        "gap_closed"
    ]
    assert f"BCQ closes {100 * bcq:.1f}% and TD3+BC {100 * td3:.1f}%" in README
    assert f"against {100 * gap['unaware']:.1f}%" in README
    assert f"closes at least {100 * gap[list(fits)].min():.1f}%" in README


def test_the_example_runs() -> None:
    code = README.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    problem = names["problem"]
    assert ox.optimum(problem).value < ox.exact_objective(problem, ox.almgren_chriss(problem))
