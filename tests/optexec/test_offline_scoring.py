"""Gap closed in any market: exact where it can be, else paired with the optimum, and the same either way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optexec as ox
from optexec.offline.scoring import closed
from optexec.policies import reference_schedule
from optexec.simulator import Policy
from report.agents import published

NORMAL = ox.presets.stochastic()


class Remembering:
    """The rolling rule, as a policy whose fraction also moves with inventory, by nothing that matters."""

    def __init__(self, rule: Policy) -> None:
        self.rule = rule

    def act(self, observation: Any) -> Any:
        return np.asarray(self.rule.act(observation) * (1 - 1e-5 * observation[:, 0]))


def test_exact_and_simulated_scores_agree() -> None:
    rule = ox.rolling(NORMAL)
    table: Any = closed({"exact": rule, "simulated": Remembering(rule)}, NORMAL, 20_000, 3)
    assert table.loc["exact", "gap_closed_ci"] == 0
    assert np.isnan(table.loc["exact", "completion"])
    ci = table.loc["simulated", "gap_closed_ci"]
    assert 0 < ci < 0.005
    assert abs(table["gap_closed"]["exact"] - table["gap_closed"]["simulated"]) < 1.6 * ci
    assert table.loc["simulated", "completion"] == 1


@pytest.mark.parametrize("name", ["transient_impact", "participation_cap", "regimes"])
def test_best_static_scores_nothing_and_the_optimum_all(name: str) -> None:
    problem = ox.presets.stress()[name]
    table: Any = closed({"static": reference_schedule(problem), "optimum": ox.optimum(problem)}, problem, 4_000, 3)
    gap, ci = table["gap_closed"], table["gap_closed_ci"]
    assert abs(gap["static"]) <= 2 * ci["static"] + 1e-9
    assert gap["optimum"] == pytest.approx(1, abs=1e-6)
    assert table["objective"]["optimum"] == pytest.approx(ox.optimum(problem).value, rel=1e-9)


def test_scores_agree_with_evaluate_under_a_cap() -> None:
    problem = ox.presets.stress()["participation_cap"]
    policies: dict[str, Policy] = {"TWAP": ox.twap(problem), "rolling": ox.rolling(problem)}
    found: Any = closed(policies, problem, 4_000, 3)
    table: Any = ox.evaluate(problem, policies, 4_000, 3)
    for name in policies:
        assert found["violations"][name] == table["violations"][name]
        assert found["completion"][name] == table["completion"][name]
        assert abs(found["objective"][name] - table["objective"][name]) < 2 * table["objective_ci"][name]


def test_hidden_liquidity_costs_what_the_optimum_sees() -> None:
    policies: dict[str, Policy] = {"rolling": ox.rolling(NORMAL)}
    blind: Any = closed(policies, NORMAL, 4_000, 3, observe_liquidity=False)["gap_closed"].iloc[0]
    seen: Any = closed(policies, NORMAL, 4_000, 3)["gap_closed"].iloc[0]
    assert blind < 0.5 < seen


def test_published_results_are_a_table() -> None:
    table: Any = published.results(market="normal", config="paper")
    assert list(table.index) == ["td3bc-mixture-paper-data0", "td3bc-twap-paper-data0"]
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert table["dearest"].iloc[1] > table["dearest"].iloc[0]
    with pytest.raises(ValueError, match="field must be one of"):
        published.results(weather="fine")
