"""Tables: golden values within their intervals, paired differences, and intervals that cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optexec as ox
from optexec.evaluation import COLUMNS, mean, standard_deviation, tail_mean

NORMAL = ox.presets.stochastic()


def contestants(problem: ox.Problem) -> dict[str, ox.Policy]:
    return {
        "TWAP": ox.twap(problem),
        "AC": ox.almgren_chriss(problem),
        "best static": ox.best_static(problem),
        "rolling": ox.rolling(problem),
        "optimum": ox.optimum(problem),
    }


def test_columns_and_golden_numbers() -> None:
    table: Any = ox.evaluate(NORMAL, contestants(NORMAL), episodes=100_000)
    assert list(table.columns) == [name for column in COLUMNS for name in (column, f"{column}_ci")]
    assert table.index.name == "policy"
    golden = {"TWAP": 2240.61, "AC": 1824.52, "best static": 1824.06, "optimum": 1798.63}
    for policy, value in golden.items():
        assert abs(table.loc[policy, "objective"] - value) < 2 * table.loc[policy, "objective_ci"]
    gap = table["gap_closed"]
    assert gap["best static"] == 0
    assert abs(gap["optimum"] - 1) < 2 * table.loc["optimum", "gap_closed_ci"]
    assert gap["rolling"] == pytest.approx(0.988, abs=0.01)
    assert gap["TWAP"] == pytest.approx(-16.4, abs=0.1)
    assert table.loc["TWAP", ["diff", "diff_ci"]].tolist() == [0, 0]
    assert table["completion"].tolist() == [1.0] * 5
    assert table["is_bps"].to_numpy() == pytest.approx(table["is_mean"].to_numpy() / 10)
    assert (table["diff_ci"].iloc[3] < table["objective_ci"].iloc[[0, 3]].sum()).all()


def test_it_is_simulate_on_the_same_shocks() -> None:
    policy = ox.rolling(NORMAL)
    table: Any = ox.evaluate(NORMAL, {"TWAP": ox.twap(NORMAL), "rolling": policy}, episodes=500, seed=3)
    run, base = ox.simulate(NORMAL, policy, 500, 3), ox.simulate(NORMAL, ox.twap(NORMAL), 500, 3)
    row = table.loc["rolling"]
    assert row["is_mean"] == pytest.approx(run.shortfall.mean())
    assert row["is_mean_ci"] == pytest.approx(1.96 * run.shortfall.std(ddof=1) / 500**0.5, rel=1e-4)
    assert row["is_std"] == pytest.approx(run.shortfall.std(ddof=1))
    assert row["objective"] == pytest.approx(run.objective.mean())
    assert row["objective_mv"] == pytest.approx(run.shortfall.mean() + 0.5 * run.shortfall.var(ddof=1))
    assert row["diff"] == pytest.approx((run.objective - base.objective).mean())
    total = 100_000 + run.shortfall
    assert row["sharpe"] == pytest.approx(-total.mean() / total.std(ddof=1))
    assert row["cvar95"] == pytest.approx(np.sort(run.shortfall)[-25:].mean(), rel=1e-3)


def test_gap_is_not_defined_without_a_gap() -> None:
    calm = ox.presets.reference()
    table: Any = ox.evaluate(calm, {"TWAP": ox.twap(calm)}, episodes=100)
    assert np.isnan(table.loc["TWAP", "gap_closed"])
    assert np.isnan(table.loc["TWAP", "gap_closed_ci"])


def test_no_variance_no_sharpe() -> None:
    still = ox.presets.reference().replace(volatility=0.0)
    table: Any = ox.evaluate(still, {"TWAP": ox.twap(still)}, episodes=100)
    assert np.isnan(table.loc["TWAP", "sharpe"])
    assert table.loc["TWAP", "is_std_ci"] == 0


@pytest.mark.parametrize(
    ("statistic", "truth"),
    [(mean, 1.0), (standard_deviation, 2.0), (tail_mean, 1.0 + 2.0 * 2.0627128)],
    ids=["mean", "std", "cvar"],
)
def test_intervals_cover(statistic: Any, truth: float) -> None:
    """95% intervals of normal samples hold the truth in 93 to 97 of 100 experiments."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2_000):
        estimate = statistic(rng.normal(1.0, 2.0, 2_000))
        covered += abs(estimate.value - truth) <= estimate.ci
    assert 0.93 < covered / 2_000 < 0.97


def test_ratio_and_square_intervals() -> None:
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(500):
        sample = rng.normal(5.0, 1.0, 400)
        ratio = mean(sample) / standard_deviation(sample)
        ratios.append((ratio.value, ratio.ci, standard_deviation(sample).squared().ci))
    values, half_widths, squares = np.array(ratios).T
    assert half_widths.mean() == pytest.approx(1.96 * values.std(), rel=0.1)
    assert squares.mean() == pytest.approx(1.96 * (2 / 400) ** 0.5, rel=0.1)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="policies must name at least one policy"):
        ox.evaluate(NORMAL, {})
    with pytest.raises(ValueError, match="episodes must be an integer >= 2, got 1"):
        ox.evaluate(NORMAL, {"TWAP": ox.twap(NORMAL)}, episodes=1)


def test_gap_under_a_cap_is_measured_against_the_capped_optimum() -> None:
    problem = NORMAL.replace(max_participation=0.006, leftover_haircut=5.0)
    policies = {"best static": ox.best_static(problem), "optimum": ox.optimum(problem)}
    table: Any = ox.evaluate(problem, policies, episodes=20_000)
    assert table.loc["best static", "gap_closed"] == 0
    assert abs(table.loc["optimum", "gap_closed"] - 1) < 2 * table.loc["optimum", "gap_closed_ci"]
    bound: Any = ox.evaluate(problem.replace(transient=0.002), policies, episodes=100)
    assert np.isnan(bound["gap_closed"]).all()
