"""Tables: golden values within their intervals, paired differences, and intervals that cover."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec._streams import KEPT, Covariance, Tail
from optexec.evaluation import CHUNK, COLUMNS, Estimate, from_to, mean, plus_minus, standard_deviation, tail_mean, worth
from optexec.offline.scoring import closed
from optexec.policies import objective_error, reference_schedule

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
    assert gap["optimum"] == pytest.approx(1, abs=1e-9)
    assert gap["rolling"] == pytest.approx(0.98782, abs=2e-5)
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


@pytest.mark.parametrize(
    "caps",
    [{}, {"max_participation": 0.005}, {"max_participation": 0.05}, {"max_fraction": 0.9}, {"max_fraction": 0.1}],
    ids=str,
)
def test_no_gap_closed_by_noise(caps: dict[str, float]) -> None:
    """Constant liquidity leaves nothing to adapt to: a division by zero, or AC and optimum at "0.500 +- 0.022"."""
    problem = ox.presets.reference().replace(**caps)
    policies = {"TWAP": ox.twap(problem), "AC": ox.almgren_chriss(problem), "optimum": ox.optimum(problem)}
    table: Any = ox.evaluate(problem, policies, episodes=100)
    scored: Any = closed(policies, problem, 100)
    for column in ("gap_closed", "gap_closed_ci"):
        assert np.isnan(table[column]).all()
        assert np.isnan(scored[column]).all()
    assert np.isfinite(table["objective"]).all()


def test_no_gap_closed_within_the_noise_of_the_gap() -> None:
    problem = ox.presets.stochastic().replace(max_participation=0.005)
    few: Any = ox.evaluate(problem, {"optimum": ox.optimum(problem)}, episodes=10)
    assert np.isnan(few.loc["optimum", "gap_closed"])


def test_no_gap_closed_within_the_error_of_the_grids() -> None:
    problem = ox.presets.stochastic()
    best = ox.optimum(problem)
    assert worth(1.0, best, 0.5)
    assert not worth(1.0, best, 1.0)
    assert not worth(1.0, replace(best, grid_error=1.0), 0.0)
    assert not worth(1e-6 * best.value, best, 0.0)


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
    policies = {"cheapest schedule": reference_schedule(problem), "optimum": ox.optimum(problem)}
    table: Any = ox.evaluate(problem, policies, episodes=20_000)
    assert table.loc["cheapest schedule", "gap_closed"] == 0
    assert abs(table.loc["optimum", "gap_closed"] - 1) < 2 * table.loc["optimum", "gap_closed_ci"]
    bound: Any = ox.evaluate(problem.replace(transient=0.002), policies, episodes=100)
    assert np.isnan(bound["gap_closed"]).all()


@pytest.mark.parametrize("market", ["normal", "participation_cap"])
def test_chunks_give_what_whole_samples_give(market: str) -> None:
    problem = NORMAL if market == "normal" else ox.presets.stress()[market]
    n = 100_000
    policies: dict[str, ox.Policy] = {"TWAP": ox.twap(problem), "rolling": ox.rolling(problem)}
    runs = {name: ox.simulate(problem, policy, n, 5) for name, policy in policies.items()}
    run, base = runs["rolling"], runs["TWAP"]
    static = ox.simulate(problem, reference_schedule(problem), n, 5)
    average, deviation = mean(run.shortfall), standard_deviation(run.shortfall)
    total = Estimate(average.value + 100_000, average.influence)
    best = ox.optimum(problem)
    exact = ox.exact_objective(problem, ox.best_static(problem)) - best.value
    share = 1 if problem.order.capped else 1 / 3

    def lost(run: ox.Episodes) -> Estimate:
        fine, coarse = np.zeros((2, n))
        for k in range(problem.order.periods):
            made = run.inventory[:, k], run.transient[:, k], run.trades[:, k]
            fine += best.gaps(k, run.liquidity[:, k])(*made)
            coarse += best.coarse.gaps(k, run.liquidity[:, k])(*made)
        return replace(mean(fine), error=share * float((coarse - fine)[:CHUNK].mean()))

    regret, gap = lost(run), lost(static)
    if problem.order.capped:
        regret, gap = replace(regret, error=abs(regret.error)), replace(gap, error=abs(gap.error))
        missed = regret / gap
    else:  # the best schedule's regret is known, and so is by how much this one's goes with it
        slope = float(regret.influence @ gap.influence / (gap.influence @ gap.influence))
        grids = abs(regret.error - slope * gap.error)
        unknown = objective_error(problem, ox.best_static(problem))
        apart = replace(gap, value=gap.value - exact, error=0.0)
        regret = replace(regret + apart * -slope, error=grids + slope * unknown)
        ratio = regret.value / exact
        missed = replace(regret * (1 / exact), error=(grids + abs(slope - ratio) * unknown) / exact)
    whole = {
        "is_mean": average,
        "is_bps": average * 0.1,
        "is_std": deviation,
        "objective": mean(run.objective),
        "objective_mv": average + deviation.squared() * 0.5,
        "cvar95": tail_mean(run.shortfall),
        "sharpe": total / deviation * -1,
        "completion": mean(run.completion),
        "violations": mean(run.violations),
        "regret": regret,
        "gap_closed": replace(missed, value=1 - missed.value),
        "diff": mean(run.objective - base.objective),
    }
    seen: list[int] = []
    row: Any = ox.evaluate(problem, policies, n, 5, progress=seen.append).loc["rolling"]
    assert set(whole) == set(COLUMNS)
    for column, estimate in whole.items():
        assert row[column] == pytest.approx(estimate.value, rel=1e-11, abs=1e-13), column
        assert row[f"{column}_ci"] == pytest.approx(estimate.ci, rel=1e-9, abs=1e-13), column
    assert seen == sorted(set(seen))
    assert seen[-1] == n


@pytest.mark.parametrize("shape", ["normal", "heavy", "atoms", "constant"])
def test_the_tail_of_a_long_sample(shape: str) -> None:
    rng = np.random.default_rng(3)
    n = 3 * KEPT + 17
    sample = {
        "normal": rng.normal(-1e5, 2.0, n),
        "heavy": 5 + rng.pareto(3.5, n),
        "atoms": rng.integers(0, 50, n).astype(np.float64),
        "constant": np.full(n, 7.0),
    }[shape]
    tail, whole = Tail(0.95), tail_mean(sample)
    for part in np.array_split(sample, 91):
        tail.add(part)
    value, deviation = tail.mean_and_deviation()
    # a sample's own quantile lies between two order statistics, so its CVaR is that of no threshold to the last digit
    assert value == pytest.approx(whole.value, rel=1e-7 if shape != "atoms" else 1e-12)
    assert 1.96 * deviation / n**0.5 == pytest.approx(whole.ci, rel=1e-3)
    kept = Tail(0.95)
    for part in np.array_split(sample[:KEPT], 91):
        kept.add(part)
    assert kept.mean_and_deviation()[0] == tail_mean(sample[:KEPT]).value


def test_covariances_of_chunks_do_not_cancel() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(1e9, 1.0, (3, 10_001)) + rng.normal(size=10_001)
    stream = Covariance(3)
    for part in np.array_split(rows, 40, axis=1):
        stream.add(part)
    assert stream.products / 10_000 == pytest.approx(np.cov(rows), rel=1e-6)
    assert stream.mean == pytest.approx(rows.mean(axis=1), rel=1e-15)
    assert stream.deviation(np.array([1.0, -1.0, 0.0])) == pytest.approx(np.std(rows[0] - rows[1], ddof=1), rel=1e-6)
    assert np.isnan(Covariance(1).deviation(np.ones(1)))


MEMORY = """
import resource, sys
import optexec as ox
problem = ox.presets.stochastic().replace(periods=3)
policies = {"TWAP": ox.twap(problem), "rolling": ox.rolling(problem)}
ox.evaluate(problem, policies, 20_000)
table = ox.evaluate(problem, policies, int(sys.argv[1]))
lost = ox.regret(problem, policies["rolling"], int(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 ** (2 if sys.platform == "darwin" else 1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_memory_does_not_grow_with_the_episodes() -> None:
    """A million episodes kept would be 64 MB and more a policy."""
    peaks = []
    for n in ("100000", "1000000"):
        done = subprocess.run([sys.executable, "-c", MEMORY, n], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 16


@pytest.mark.parametrize(
    ("value", "half", "digits", "text"),
    [
        (1005.53, 0.46, 1, "1,005.5 ± 0.5"),
        (-0.314, 0.042, 1, "-0.31 ± 0.04"),  # more, or it were ± 0.0
        (99.99, 0.0031, 2, "99.990 ± 0.003"),
        (3716.4, 28.7, 1, "3,716 ± 29"),  # fewer: the half-width has no more than two
        (441.71, 1.13, 2, "441.7 ± 1.1"),
        (0.0, 0.96, 0, "0.0 ± 1.0"),
        (5.0, 9.96, 1, "5.0 ± 10.0"),
        (2210.0, 0.0, 1, "2,210.0"),  # known
        (2210.0, 1e-12, 1, "2,210.0"),
        (12.5, 1e-5, 2, "12.50"),  # every digit that is shown is sure
    ],
)
def test_a_half_width_has_digits(value: float, half: float, digits: int, text: str) -> None:
    assert plus_minus(value, half, digits) == text


@given(
    value=st.floats(-1e6, 1e6), half=st.floats(1e-6, 1e6), digits=st.integers(0, 4), sign=st.sampled_from(["-", "+"])
)
def test_no_half_width_is_rounded_to_nothing(value: float, half: float, digits: int, sign: str) -> None:
    shown, _, width = plus_minus(value, half, digits, sign).replace(",", "").partition(" ± ")
    assert abs(float(shown) - value) <= 0.51 * 10.0 ** -len(shown.partition(".")[2])
    if width:
        assert float(width) > 0
        assert len(shown.partition(".")[2]) == len(width.partition(".")[2])
    else:
        assert half < 0.01 * 10.0**-digits


def test_the_ends_of_an_interval_differ() -> None:
    assert from_to(0.98, 0.97, 0.99, 2) == "0.98 (0.97 to 0.99)"
    assert from_to(1.07, 1.0688, 1.0712, 2) == "1.070 (1.069 to 1.071)"
    assert from_to(-16.36, -16.36, -16.36, 2) == "-16.36"
    assert from_to(1.0, 0.5, 1.5, 1, "+") == "+1.0 (+0.5 to +1.5)"
