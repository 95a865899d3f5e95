"""The claims of the original note: the rule that judges them, and what it is given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.offline import scoring
from report import claims
from report.agents import published
from report.claims import HOLDS, NOT, PARTLY, Effect, measures, verdict
from report.claims.kept import kept

EVERYWHERE = (-math.inf, math.inf)
AT_LEAST = (30.0, math.inf)


def effect(
    low: float, high: float, claimed: tuple[float, float] = AT_LEAST, sign: int = 1, name: str = "here"
) -> Effect:
    return Effect((low + high) / 2, low, high, name, claimed, sign)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (31, 40, (HOLDS, "")),  # exceeds
        (20, 40, (HOLDS, "")),  # contains
        (10, 20, (PARTLY, "the sign alone")),
        (-1, 40, (NOT, "")),  # no sign, whatever else it contains
        (-40, -31, (NOT, "")),
    ],
)
def test_a_claim_of_a_size(low: float, high: float, expected: tuple[str, str]) -> None:
    assert verdict([effect(low, high)]) == expected
    mirrored = Effect(-(low + high) / 2, -high, -low, "here", (-math.inf, -30.0), -1)
    assert verdict([mirrored]) == expected


def test_no_effect_is_shown_by_a_narrow_interval_not_by_a_wide_one() -> None:
    assert verdict([effect(-0.5, 0.5, (-1, 1), 0)])[0] == HOLDS
    assert verdict([effect(-5, 5, (-1, 1), 0)])[0] == NOT


def test_a_claim_holds_where_it_holds() -> None:
    good, small, bad = effect(31, 32, name="a"), effect(1, 2, name="b"), effect(-2, -1, name="c")
    assert verdict([good, good]) == (HOLDS, "")
    assert verdict([good, bad]) == (PARTLY, "only a")
    assert verdict([bad], [good]) == (PARTLY, "only a")
    assert verdict([good], [bad]) == (HOLDS, "")  # elsewhere is not what was claimed
    assert verdict([small, bad]) == (PARTLY, "the sign alone, in b")
    assert verdict([bad], [small]) == (NOT, "")  # elsewhere, and not even the size


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one test"):
        verdict([])
    for value in (2.0, math.nan):
        with pytest.raises(ValueError, match="interval of here must hold"):
            verdict([Effect(value, 0.0, 1.0, "here", EVERYWHERE)])
    with pytest.raises(ValueError, match="claim must be one of"):
        claims.result("nonsense")
    with pytest.raises(ValueError, match="episodes"):
        claims.result("averse-std", episodes=1)


def test_a_claim_is_measured_once_in_a_state_and_again_in_another(tmp_path: Path) -> None:
    measured: list[int] = []

    def measure() -> int:
        measured.append(len(measured))
        return measured[-1]

    assert [kept("one", measure, tmp_path, "a"), kept("one", measure, tmp_path, "a")] == [0, 0]
    (tmp_path / "_build" / ".claims" / "a" / "one").write_bytes(b"cut off")
    assert [kept("one", measure, tmp_path, "a"), kept("one", measure, tmp_path, "a")] == [1, 1]
    assert kept("another", measure, tmp_path, "a") == 2
    assert kept("one", measure, tmp_path, "b") == 3
    assert kept("one", measure, tmp_path, "a") == 4  # of two states one is kept
    assert [kept("one", measure, tmp_path, ""), kept("one", measure, tmp_path, "")] == [5, 6]  # no repository


INTERVALS = st.tuples(st.floats(-100, 100), st.floats(0, 50)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(INTERVALS, st.floats(0.1, 60), st.sampled_from([-1, 1]))
def test_a_verdict_needs_the_sign_and_is_the_same_in_the_mirror(
    interval: tuple[float, float], size: float, sign: int
) -> None:
    low, high = interval
    claimed = (size, math.inf) if sign > 0 else (-math.inf, -size)
    found, _ = verdict([effect(low, high, claimed, sign)])
    if found != NOT:
        assert min(sign * low, sign * high) > 0
    if found == HOLDS:
        assert max(sign * low, sign * high) >= size
    mirrored = effect(-high, -low, (-claimed[1], -claimed[0]), -sign)
    assert verdict([mirrored])[0] == found


@given(INTERVALS, st.floats(0, 30))
def test_a_larger_effect_is_judged_no_worse(interval: tuple[float, float], more: float) -> None:
    rank = [NOT, PARTLY, HOLDS]
    low, high = interval
    smaller, larger = (verdict([effect(low + d, high + d)])[0] for d in (0.0, more))
    assert rank.index(larger) >= rank.index(smaller)


def test_every_claim_says_what_it_is_and_how_it_is_tested() -> None:
    assert len(claims.CLAIMS) > 20
    assert len({one.words for one in claims.CLAIMS.values()}) == len(claims.CLAIMS)
    for key, one in claims.CLAIMS.items():
        assert one.key == key
        assert len(one.how) > 30


@pytest.mark.parametrize("key", ["twap-neutral", "ac-optimal", "ac-regimes", "ac-parameters", "averse-dearer"])
def test_what_is_exact_has_no_interval(key: str) -> None:
    found = claims.result(key, episodes=2)
    assert found.verdict == HOLDS
    assert all(one.low == one.value == one.high for one in found.tests)


def test_the_deviation_is_that_of_the_evaluation() -> None:
    problem = ox.presets.stochastic()
    table: Any = ox.evaluate(problem, {"TWAP": ox.twap(problem), "AC": ox.almgren_chriss(problem)}, 5_000, 42)
    change = 100 * (table.loc["AC", "is_std"] / table.loc["TWAP", "is_std"] - 1)
    (found,) = claims.result("averse-std", 5_000).tests
    assert found.value == pytest.approx(change, rel=1e-9)
    assert found.low < change < found.high


def test_the_mean_cost_of_an_agent_is_that_of_its_simulation() -> None:
    problem = ox.presets.stochastic()
    agent, even = measures.agents("td3bc-mixture-8logs")[0], ox.twap(problem)
    costs = [ox.simulate(problem, policy, 20_000, 7).shortfall for policy in (agent, even)]
    difference = costs[0] - costs[1]
    simulated = 100 * difference.mean() / (100_000 + costs[1].mean())
    error = 100 * difference.std() / 20_000**0.5 / 100_000
    assert measures.change_of_cost(problem, agent, even) == pytest.approx(simulated, abs=3 * error)


def test_tables_act_as_their_networks() -> None:
    problem = ox.presets.stress()["liquidity_collapse"]
    trained = published.agents("bcq-mixture-8logs")
    tables = scoring.tabulated(trained, problem)
    assert list(tables) == list(scoring.each(trained))
    seen = np.ones((400, 6), dtype=np.float32)
    seen[:, 1] = np.repeat((20 - np.arange(20)) / 20, 20)
    seen[:, 4] = np.tile(np.linspace(0.15, 0.6, 20), 20)
    assert tables["seed 2"].act(seen) == pytest.approx(trained[2].act(seen), abs=1e-3)
    assert tables[scoring.MEAN_ACTION].act(seen) == pytest.approx(trained.act(seen), abs=1e-3)
    for unfit in ("td3bc-twap-paper-data0", "td3bc-transient_impact-mixture-8logs"):
        with pytest.raises(ValueError, match="period and liquidity alone"):
            scoring.tabulated(published.agents(unfit), problem)


def test_a_difference_of_agents_has_its_interval() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.1, 0.2, 0.3])
    found = scoring.difference(a, b)
    assert found.value == pytest.approx(2.5 - 0.15)
    assert found.low < found.value < found.high
    assert scoring.difference(b, a).value == pytest.approx(-found.value)
