"""*Learned against exact*: every learner, every log and every rule on one scale, and where each loses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq

import optexec as ox
from optexec import offline
from optexec.evaluation import Estimate, from_to, mean, plus_minus, standard_deviation, tail_mean
from optexec.figures.maps import FRACTIONS, RATIO_BAR, stacked_maps
from optexec.figures.style import (
    COLOURS,
    CONTRAST,
    LIQUIDITY,
    NEUTRAL,
    SMALL_SLIDER,
    SPLIT_SCALE,
)
from optexec.interval import Interval
from optexec.liquidity import cached_chain
from optexec.observation import COLUMNS, Columns
from optexec.offline import ALGORITHMS, scoring
from optexec.policies import LevelTable, Rolling
from report.agents import published
from report.agents.protocol import BATCH, EPISODES, ONE_LOG, SCORED, SCORING, SHARED, STEPS, TUNING, Seeds
from report.plot import Moving, Plot, bundle, gap_axis, jitter, left, places

__all__ = [
    "Ambiguity",
    "Estimated",
    "LeastSquares",
    "Losses",
    "Luck",
    "Maps",
    "Protocol",
    "Results",
    "Risk",
    "SeedCount",
    "Support",
    "WrongImpact",
    "ambiguity",
    "check_simulations",
    "estimated",
    "estimates_table",
    "learned_maps",
    "learned_scores",
    "least_squares",
    "losses",
    "luck",
    "maps",
    "maps_figure",
    "mistakes_figure",
    "profiles_figure",
    "protocol",
    "regress",
    "regressions",
    "regret_parts",
    "results",
    "results_table",
    "risk",
    "risk_table",
    "scores_figure",
    "seed_count",
    "seed_curves",
    "seed_curves_figure",
    "seed_profiles",
    "seeds_table",
    "support",
    "support_decides",
    "support_figure",
    "wrong_impact",
]

Array = NDArray[np.float64]
Tables = Mapping[str, Sequence[Rolling]]
"""By study: the policies of its seeds and, last, that of their mean action."""
Scores = Mapping[str, Array]
"""By study: the exact gaps closed by these."""

KEYS = {
    "TD3+BC": "td3bc",
    "BCQ": "bcq",
    "behaviour cloning": "bc",
    "depth follower": "follower",
    "rolling": "rolling",
    "best static": "static",
    "optimum": "optimum",
}
"""What the text calls a policy that tables and figures call by its full name."""
CRITICS = ("td3bc", "bcq")
"""The algorithms that learn from rewards."""
LABELS = {algorithm: ALGORITHMS[algorithm].label for algorithm in CRITICS}

EDGES = np.arange(0.3, 1.75, 0.1)
"""Of the bins of liquidity in which mistakes are counted."""
CUTS = (1, 5, 10, 15)
"""Periods in which seeds are compared."""
MIDDLE = np.linspace(0.55, 1.45, 31)
"""Levels at which they are."""
FITTED_LOGS = 20
"""Logs for least squares."""
PATHS = 50_000
"""Episodes that compare costs and risk."""
STEP = 0.05
"""A small difference in gap closed."""


def keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the short names of policies."""
    return {KEYS[name]: value for name, value in values.items()}


def tuned() -> dict[str, Any]:
    """The studies with tuned settings, by name."""
    return {study.name: study for study in ONE_LOG if study.config == "tuned"}


def simulated(name: str, key: str = "gap_closed") -> Array:
    """The manifest's scores of all seeds of a study and, last, of their mean action."""
    entry = published.manifest()[name]
    return np.append(entry["scores"][key], entry["mean_action"][key])


def gap_closed(policies: Mapping[str, ox.Policy]) -> Array:
    """What policies of period and liquidity close of the gap, exactly."""
    return scoring.closed(policies, ox.presets.stochastic())["gap_closed"].to_numpy()


@dataclass(frozen=True)
class Protocol:
    """What is common to all published results."""

    steps: int
    batch: int
    episodes: int
    """logged ones"""
    scored: int
    """fresh ones"""
    score_seed: int


def protocol() -> Protocol:
    """How the published agents were trained and scored."""
    manifest, studies = published.manifest(), tuned()
    for name, study in studies.items():
        config = manifest[name]["config"]
        assert config["view"]["state"] == "homogeneous", name
        assert study.algorithm == "bc" or config["critic"] == "quadratic", name
    for seeds in (TUNING, SCORING):
        for part in (seeds.data, seeds.training):
            assert part == tuple(range(part[0], part[-1] + 1))
    chosen, final = ({*seeds.data, *seeds.training, seeds.episodes} for seeds in (TUNING, SCORING))
    assert not chosen & final
    return Protocol(STEPS, BATCH, EPISODES, SCORED, SCORING.episodes)


def seeds_table() -> pd.DataFrame:
    """Seeds that chose settings, and seeds that scored."""

    def row(seeds: Seeds) -> dict[str, str]:
        data, training = (f"{part[0]} to {part[-1]}" for part in (seeds.data, seeds.training))
        return {"of the logs": data, "of the training": training, "of the scoring episodes": str(seeds.episodes)}

    return pd.DataFrame({"choosing settings": row(TUNING), "scoring": row(SCORING)}).T.rename_axis("seeds")


LOGS = {
    ("mixture", "realised", "tuned"): "mixture",
    ("mixture", "expected", "tuned"): "mixture, expected",
    ("mixture", "realised", "paper"): "mixture, paper",
    ("twap-noise", "realised", "tuned"): "noisy TWAP",
    ("twap", "realised", "tuned"): "TWAP",
    ("twap", "realised", "paper"): "TWAP, paper",
}
"""What tables call a log and the settings, in their order."""


def groups() -> dict[tuple[str, str], list[str]]:
    """Studies that a row of the table summarises, by log and algorithm."""
    found: dict[tuple[str, str], list[str]] = {}
    for study in ONE_LOG:
        key = LOGS[study.behaviour, study.variant or "realised", study.config], ALGORITHMS[study.algorithm].label
        found.setdefault(key, []).append(study.name)
    return {key: found[key] for log in LOGS.values() for key in found if key[0] == log}


def summaries() -> dict[tuple[str, str], scoring.Summary]:
    """The interquartile mean over seeds of every group, by log and algorithm."""
    manifest = published.manifest()

    def scores(names: Sequence[str], what: str) -> list[Array]:
        return [np.array(manifest[name]["scores"][what]) for name in names]

    return {
        key: scoring.summary(scores(names, "gap_closed"), scores(names, "gap_closed_ci"))
        for key, names in groups().items()
    }


def on_mixture(exact: Scores, algorithm: str) -> Array:
    """(logs, seeds): the exact gaps closed by agents of the two logs of the mixture."""
    return np.array([exact[f"{algorithm}-mixture-data{log}"][:-1] for log in SHARED])


@dataclass(frozen=True)
class Results:
    """Gap closed by everything that was published (0: best schedule, 1: optimum)."""

    prize: float
    """what there is to close [$]"""
    mixture: dict[str, scoring.Summary]
    """by algorithm"""
    noisy: dict[str, scoring.Summary]
    """from noisy TWAP's log"""
    paper: dict[str, scoring.Summary]
    """by log: TD3+BC with published settings on raw numbers"""
    mean_action: dict[str, dict[str, float]]
    """by algorithm and log of the mixture"""
    above_rolling: dict[str, int]
    """by algorithm: how many seeds are above the rolling rule"""
    seeds: int
    """an algorithm has"""
    worst: float
    """seed of TD3+BC and BCQ"""
    follower: float
    rolling: float
    informed: float
    """mean of the seeds of TD3+BC on log 0 with model-informed rewards"""
    realised: float
    """and with realised ones"""


def results(exact: Scores, rules: Mapping[str, float]) -> Results:
    """What was published, beside the rules."""
    found, problem = summaries(), ox.presets.stochastic()
    by_log = {
        log: keyed({name: value for (where, name), value in found.items() if where == log}) for log in LOGS.values()
    }
    pooled = {algorithm: on_mixture(exact, algorithm) for algorithm in CRITICS}
    above = {algorithm: int((scores > rules["rolling"]).sum()) for algorithm, scores in pooled.items()}
    shown = Results(
        prize=scoring.prize_of(problem),
        mixture=by_log["mixture"],
        noisy=by_log["noisy TWAP"],
        paper={"mixture": by_log["mixture, paper"]["td3bc"], "twap": by_log["TWAP, paper"]["td3bc"]},
        mean_action={
            algorithm: {f"log{log}": exact[f"{algorithm}-mixture-data{log}"][-1] for log in SHARED}
            for algorithm in ALGORITHMS
        },
        above_rolling=above,
        seeds=pooled["td3bc"].size,
        worst=min(by_log["mixture"][algorithm].lowest for algorithm in CRITICS),
        follower=rules["depth follower"],
        rolling=rules["rolling"],
        informed=exact["td3bc-mixture-expected-data0"][:-1].mean(),
        realised=exact["td3bc-mixture-data0"][:-1].mean(),
    )
    assert abs(rules["best static"]) < 1e-6
    assert 0.9 < shown.follower < shown.rolling < 1
    assert shown.mixture["td3bc"].value >= 0.88
    assert shown.mixture["bcq"].value >= 0.85
    assert min(shown.mean_action["td3bc"].values()) >= 0.93
    assert min(shown.mean_action["bcq"].values()) >= 0.92
    assert shown.worst >= 0.5
    assert shown.mixture["bc"].value < 0  # cloning is worse than the best schedule
    assert min(scores.min() for scores in pooled.values()) > shown.follower
    twap = ox.exact_objective(problem, ox.twap(problem))
    for name, study in tuned().items():  # poor logs do no harm: no seed is worse than TWAP by 5% of J
        assert study.behaviour == "mixture" or dearest(name) < 1.05 * twap, name
    return shown


def dearest(name: str) -> float:
    """J of the worst seed of a study [$]."""
    return float(max(published.manifest()[name]["scores"]["objective"]))


def check_simulations(exact: Scores) -> None:
    """Published scores agree with what is exact, and two studies' are simulated again from their networks."""
    for name, scores in exact.items():
        assert (np.abs(simulated(name) - scores) < 2 * simulated(name, "gap_closed_ci")).all(), name
    for name in ("td3bc-mixture-data0", "bc-mixture-data0"):
        again = scoring.score(published.agents(name), episodes=SCORED, seed=SCORING.episodes)
        apart = np.abs(again["gap_closed"] - simulated(name))  # which was paired with the optimum: the wider interval
        assert (apart < 2 * simulated(name, "gap_closed_ci")).all(), name


def results_table(exact: Scores, rules: Mapping[str, float]) -> pd.DataFrame:
    """Gap closed by learners on every log, and by rules."""
    rows = {}
    found = summaries()
    for (log, label), names in groups().items():
        s = found[log, label]
        digits = 3 if s.value > 0 else 2
        means = [exact.get(name, simulated(name))[-1] for name in names]
        known = names[0] in exact
        rows[f"{label.removeprefix('behaviour ')}: {log}"] = [
            from_to(s.value, s.low, s.high, digits),
            f"{s.path_ci:.{digits + (digits == 3)}f}",
            f"{scoring.summary([exact[name][:-1] for name in names]).value:.{digits}f}" if known else "–",
            f"{s.lowest:.{digits}f}",
            ", ".join(f"{value:.{digits}f}" for value in means),
        ]
    for name, score in rules.items():
        rows[name] = ["–", "–", f"{abs(score):.3f}", "–", "–"]
    columns = ["IQM (95%)", "paths ±", "exact", "lowest", "mean action"]
    return pd.DataFrame(rows, index=columns).T.rename_axis("policy: log").replace("-", "−", regex=True)


def scores_figure(exact: Scores, rules: Mapping[str, float]) -> go.Figure:
    """`learned_scores` of all that was published."""
    dots = [
        {
            "log": log,
            "algorithm": label,
            "data": published.study(name).data[0],
            "score": value,
            "mean_action": i == len(values) - 1,
        }
        for (log, label), names in groups().items()
        for name in names
        for values in [exact.get(name, simulated(name))]
        for i, value in enumerate(values)
    ]
    bars = [
        {"log": log, "algorithm": label, "value": s.value, "low": s.low, "high": s.high}
        for (log, label), s in summaries().items()
    ]
    return learned_scores(pd.DataFrame(dots), pd.DataFrame(bars), {**rules, "best static": 0.0})


def profiles_figure(exact: Scores, rules: Mapping[str, float]) -> go.Figure:
    """`seed_profiles` of the mixture."""
    profiles = {label: on_mixture(exact, algorithm).ravel() for algorithm, label in LABELS.items()}
    profiles["TD3+BC, expected rewards"] = exact["td3bc-mixture-expected-data0"][:-1]
    return seed_profiles(profiles, {name: rules[name] for name in ("depth follower", "rolling")})


@dataclass(frozen=True)
class Luck:
    """Three kinds of luck, in gap closed; by algorithm where there are several."""

    path_half: float
    """mean half-width of TD3+BC's simulated scores"""
    path_shift: dict[str, float]
    """by log: how far they are from the exact ones, on average"""
    path_sd: float
    """and their standard deviation over the seeds of a log"""
    seed_sd: dict[str, float]
    """standard deviation over the seeds of a log"""
    between: dict[str, float]
    """difference of the two logs' means"""
    ratio: dict[str, float]
    """the latter over the former"""


def luck(exact: Scores, rules: Mapping[str, float]) -> Luck:
    """The luck of episodes, of training seeds and of logs, apart."""
    names = [f"td3bc-mixture-data{log}" for log in SHARED]
    errors = np.array([simulated(name)[:-1] - exact[name][:-1] for name in names])  # (logs, seeds)
    half = np.concatenate([simulated(name, "gap_closed_ci")[:-1] for name in names])
    seeds = {algorithm: on_mixture(exact, algorithm) for algorithm in CRITICS}
    within = {algorithm: float(np.sqrt(scores.var(axis=1, ddof=1).mean())) for algorithm, scores in seeds.items()}
    between = {algorithm: float(np.ptp(scores.mean(axis=1))) for algorithm, scores in seeds.items()}
    found = Luck(
        path_half=half.mean(),
        path_shift={f"log{log}": errors[i].mean() for i, log in enumerate(SHARED)},
        path_sd=errors.std(axis=1).mean(),
        seed_sd=within,
        between=between,
        ratio={algorithm: between[algorithm] / within[algorithm] for algorithm in CRITICS},
    )
    assert min(found.ratio.values()) > 2  # the log matters more than the seed
    assert seeds["td3bc"][0].min() > rules["rolling"] > seeds["td3bc"][1].max()
    assert errors.std(axis=1).max() < found.path_half / 1.96  # paths' error is largely common to a log's seeds
    return found


def observations(problem: ox.Problem, levels: Array, periods: int, held: Any = None) -> Array:
    """(periods, G, 6): what a policy sees in each of the first periods at each of some levels of liquidity.

    Args:
        problem: order and market.
        levels: (G,) of liquidity.
        periods: how many.
        held: (periods, 1) parts of the order that are held; as by TWAP if not given.
    """
    left = 1 - np.arange(periods)[:, None] / problem.order.periods
    seen = Columns(left if held is None else held, left, 1.0, problem.market.volatility, levels, 0.0)
    return np.stack(np.broadcast_arrays(*seen), axis=-1)


def asked(policy: ox.Policy, levels: Array, periods: int) -> Array:
    """(periods, G): the fractions of a policy over period and liquidity."""
    return np.stack([policy.act(seen) for seen in observations(ox.presets.stochastic(), levels, periods)])


@dataclass(frozen=True)
class Maps:
    """Policies over period and liquidity, and how far they are from the optimum's [%]; by policy."""

    levels: Array
    band: tuple[Array, Array]
    """between which levels liquidity is in 95% of the episodes, by period"""
    optimal: Array
    fractions: dict[str, Array]
    """by full name"""
    off: dict[str, float]
    """mean distance from the optimum's fraction inside the band"""
    outside: float
    """TD3+BC's beyond it"""
    slope: dict[str, float]
    """by how much the fraction of period 5 rises with one percent more liquidity"""


def slope(levels: Array, table: Array, k: int = 5) -> float:
    """Percent by which the fraction rises when liquidity rises by one percent, between L = 0.75 and 1.25."""
    thin, deep = (np.interp(level, levels, table[k]) for level in (0.75, 1.25))
    return float(np.log(deep / thin) / np.log(1.25 / 0.75))


def maps(policies: Mapping[str, ox.Policy]) -> Maps:
    """What policies do over period and liquidity, the last period left out."""
    problem = ox.presets.stochastic()
    free, grid = problem.order.periods - 1, np.linspace(0.4, 1.6, 49)
    paths = ox.simulate(problem, ox.twap(problem), SCORED, SCORING.episodes).liquidity
    low, high = np.quantile(paths[:, :free], [0.025, 0.975], axis=0)
    optimal = asked(ox.optimum(problem), grid, free)
    tables = {name: asked(policy, grid, free) for name, policy in policies.items()}
    inside = (grid >= low[:, None]) & (grid <= high[:, None])  # where the market is
    inside[0] = False  # period 0 has a single level
    apart = {name: 100 * np.abs(table / optimal - 1) for name, table in tables.items()}
    found = Maps(
        levels=grid,
        band=(low, high),
        optimal=optimal,
        fractions=tables,
        off=keyed({name: float(values[inside].mean()) for name, values in apart.items()}),
        outside=apart["TD3+BC"][~inside][len(grid) :].mean(),
        slope=keyed({name: slope(grid, table) for name, table in {**tables, "optimum": optimal}.items()}),
    )
    assert max(found.off["td3bc"], found.off["bcq"]) < found.off["follower"] < found.off["bc"]
    assert abs(found.slope["bc"]) < 0.3
    assert found.slope["td3bc"] > 0.6
    return found


def maps_figure(found: Maps) -> go.Figure:
    """`learned_maps`, TD3+BC's first."""
    return learned_maps(found.levels, found.optimal, found.fractions, found.band, "TD3+BC")


def acting(table: Array) -> Rolling:
    """The policy of a table (N, G) of fractions over period and the optimum's levels."""
    problem = ox.presets.stochastic()
    return Rolling(problem, LevelTable(problem, ox.optimum(problem).levels, table))


def fractions(policies: Sequence[Rolling]) -> Array:
    """(S, N, G): the tables of policies."""
    return np.array([policy.table.values for policy in policies])  # noqa: PD011 (no table of pandas)


def basis(level: Array) -> Array:
    """(..., 3): 1, l and l^2 with l = log L."""
    return np.stack([np.ones_like(level), np.log(level), np.log(level) ** 2], axis=-1)


def regress(
    log: ox.Transitions, among: Callable[[int, float, float], Array]
) -> Iterator[tuple[int, Array, Array, Array]]:
    """Fitted Q iteration by least squares, backwards: period by period the least of a parabola in the action.

    Actions are multiples of TWAP's fraction.

    Args:
        log: realised rewards, observed liquidity.
        among: the candidates (m,) from the period and the ends of the central 95% of the logged actions.

    Yields:
        The period; these ends (2,); what is chosen at the optimum's levels (G,), and in the logged states (n,).
    """
    problem, n = log.problem, log.problem.order.periods
    levels = ox.optimum(problem).levels

    def rows(column: Any) -> Array:
        return np.asarray(column, dtype=float).reshape(log.episodes, n)

    x, level = (rows(log.observations[:, COLUMNS.index(name)]) for name in ("x/X", "L"))
    x = problem.order.shares * x
    u, to_go = rows(log.fractions) * (n - np.arange(n)), -rows(log.realised)
    for k in reversed(range(n)):
        powers = np.arange(3 if k < n - 1 else 1)
        terms = (basis(level[:, k])[:, :, None] * (u[:, k, None] ** powers)[:, None]).reshape(log.episodes, -1)
        held = np.maximum(x[:, k], 1e-9)  # the noise of a cost per squared share goes with 1/x
        theta = np.linalg.lstsq(terms * held[:, None], to_go[:, k] / held, rcond=1e-10)[0].reshape(3, -1)
        ends = np.quantile(u[:, k], [0.025, 0.975])
        candidates = among(k, *ends) if k < n - 1 else np.ones(1)
        choices = (candidates[:, None] ** powers).T
        cost = basis(level[:, k]) @ theta @ choices
        yield k, ends, candidates[(basis(levels) @ theta @ choices).argmin(axis=1)], candidates[cost.argmin(axis=1)]
        if k:
            to_go[:, k - 1] += x[:, k] ** 2 * cost.min(axis=1)


def least_squares(log: ox.Transitions) -> Rolling:
    """The policy of the quadratic Q that least squares finds in a log, among the central 95% of its actions."""
    n = log.problem.order.periods
    found = regress(log, lambda _, low, high: np.linspace(low, high, 201))
    table = {k: chosen / (n - k) for k, _, chosen, _ in found}
    return acting(np.array([table[k] for k in range(n)]))


@dataclass(frozen=True)
class LeastSquares:
    """Gap closed by least squares on logs that differ in their seed alone."""

    log0: float
    log1: float
    mean: float
    """over all logs"""
    low: float
    high: float
    sd: float
    logs: int
    policies: tuple[Rolling, ...]


def regressions(found: Results) -> LeastSquares:
    """What fitted Q iteration by least squares makes of twenty logs of the mixture."""
    problem = ox.presets.stochastic()
    policies = tuple(least_squares(ox.collect(problem, "mixture", EPISODES, seed)) for seed in range(FITTED_LOGS))
    scores = gap_closed({str(seed): policy for seed, policy in enumerate(policies)})
    assert scores.min() > 0.95
    assert 0 < found.mixture["td3bc"].value - scores[: len(SHARED)].mean() < 0.015
    return LeastSquares(
        scores[0], scores[1], scores.mean(), scores.min(), scores.max(), scores.std(ddof=1), len(scores), policies
    )


def seed_curves_figure(learned: Tables, least: LeastSquares) -> go.Figure:
    """`seed_curves` of both algorithms on both logs, beside least squares."""
    best = ox.optimum(ox.presets.stochastic())

    def excess(tables: Array, k: int) -> Array:
        """Percent of the optimum's fraction that policies sell more, in period k."""
        sold = np.array([np.interp(MIDDLE, best.levels, table[k]) for table in tables])
        return np.asarray(100 * (sold / best.fraction(k, MIDDLE) - 1))

    curves = {
        label: [[excess(fractions(learned[f"{algorithm}-mixture-data{log}"][:-1]), k) for log in SHARED] for k in CUTS]
        for algorithm, label in LABELS.items()
    }
    regressed = [list(excess(fractions([least.policies[log] for log in SHARED]), k)) for k in CUTS]
    return seed_curves(MIDDLE, CUTS, curves, regressed, active=1)


@dataclass(frozen=True)
class Losses:
    """What mistakes cost [$]; by policy."""

    total: dict[str, float]
    early: dict[str, float]
    """share of the first five periods [%]"""
    parts: dict[str, Array]
    """(periods, levels), by full name; also the average of single seeds"""


def losses(policies: Mapping[str, ox.Policy], learned: Tables, mistakes: Callable[[Array], Array]) -> Losses:
    """What policies lose by period and level, and single seeds of log 0 on average.

    Args:
        policies: by full name.
        learned: by study.
        mistakes: the cost (N - 1, G) [$] of a table (N, G) of fractions.
    """
    problem = ox.presets.stochastic()
    best = ox.optimum(problem)
    chain = cached_chain(problem.market.liquidity, problem.order.dt, problem.order.periods)
    assert np.array_equal(chain.levels, best.levels)
    parts = {name: mistakes(asked(policy, best.levels, problem.order.periods)) for name, policy in policies.items()}
    for name, policy in policies.items():  # the identity holds
        short = ox.exact_value(problem, policy) - best.value
        assert np.isclose(parts[name].sum(), short, rtol=0.01, atol=2 * best.grid_error), name
    found = Losses(
        total=keyed({name: float(part.sum()) for name, part in parts.items()}),
        early=keyed({name: float(100 * part[:5].sum() / part.sum()) for name, part in parts.items()}),
        parts=parts
        | {
            f"{label}, a seed": np.mean(
                [mistakes(table) for table in fractions(learned[f"{algorithm}-mixture-data0"][:-1])], axis=0
            )
            for algorithm, label in LABELS.items()
        },
    )
    assert parts["rolling"].sum(axis=1).argmax() == 0
    assert parts["depth follower"].sum(axis=1).argmax() == problem.order.periods - 2
    assert max(found.total["td3bc"], found.total["bcq"]) < 0.5 * found.total["follower"]
    return found


def mistakes_figure(found: Losses) -> go.Figure:
    """`regret_parts`, the clone left out."""
    levels = ox.optimum(ox.presets.stochastic()).levels
    names = ["TD3+BC", "BCQ", "depth follower", "rolling", *(f"{label}, a seed" for label in LABELS.values())]
    parts = {name: found.parts[name] for name in names}
    bins = {name: np.histogram(levels, EDGES, weights=part.sum(axis=0))[0] for name, part in parts.items()}
    by_period = {name: part.sum(axis=1) for name, part in parts.items()}
    return regret_parts(by_period, bins, (EDGES[1:] + EDGES[:-1]) / 2)


@dataclass(frozen=True)
class Ambiguity:
    """One agent or eight."""

    average: float
    """what an average seed of TD3+BC on log 0 loses [$]"""
    mean_action: float
    """what the mean of their actions loses [$]"""
    disagreement: float
    """of the seeds [$]"""
    better: dict[str, int]
    """by algorithm: of how many seeds the mean action of their log is better"""
    both_logs: dict[str, float]
    """by algorithm: gap closed by the mean action of all agents on both logs"""


def ambiguity(
    splits: Mapping[str, tuple[float, float, float]], learned: Tables, exact: Scores, rules: Mapping[str, float]
) -> Ambiguity:
    """What the mean of actions repairs.

    Args:
        splits: by study, an average seed's loss, the mean action's and the seeds' disagreement [$].
        learned: by study.
        exact: by study.
        rules: the gap closed by the rolling rule among them.
    """
    for name, (average, of_mean, disagreement) in splits.items():  # the seeds' weights nearly agree
        assert abs(average - of_mean - disagreement) < 0.15 * average, name
        assert of_mean < average, name
        assert exact[name][-1] > np.median(exact[name][:-1]), name
    both = {}
    for algorithm in CRITICS:
        of_logs = fractions([learned[f"{algorithm}-mixture-data{log}"][-1] for log in SHARED])
        both[algorithm] = acting(of_logs.mean(axis=0))
    scores = {algorithm: [exact[f"{algorithm}-mixture-data{log}"] for log in SHARED] for algorithm in CRITICS}
    found = Ambiguity(
        *splits["td3bc-mixture-data0"],
        better={
            algorithm: int(sum((part[:-1] < part[-1]).sum() for part in parts)) for algorithm, parts in scores.items()
        },
        both_logs=dict(zip(CRITICS, gap_closed(both), strict=True)),
    )
    assert found.both_logs["td3bc"] > rules["rolling"]
    assert scores["td3bc"][0][-1] > rules["rolling"] > scores["td3bc"][1][-1]
    return found


@dataclass(frozen=True)
class Support:
    """What logs cover, and how close learners come [% of J above the optimum]."""

    overlap: dict[str, float]
    """by log: share of the optimum's decisions that it holds [%]"""
    desk: float
    """who was logged, in the mixture"""
    static: float
    """the best schedule"""
    mean_action: dict[str, dict[str, float]]
    """by log (mixture, noise, twap) and algorithm"""
    worst_twap: float
    """J of the worst seed from TWAP's log above that of TWAP [%]"""
    points: pd.DataFrame
    """agents: algorithm, behaviour, overlap, excess, mean_action"""
    traders: pd.DataFrame
    """log, overlap, excess of who traded"""
    rules: dict[str, float]
    """excess of rules, by full name"""


def support(
    overlap: Mapping[str, float], traded: Mapping[str, float], exact: Scores, rules: Mapping[str, float]
) -> Support:
    """Excess over the optimum against what the three logs of seed 0 cover.

    Args:
        overlap: by behaviour, as a share.
        traded: J of who was logged by behaviour [$].
        exact: by study.
        rules: gap closed, by full name.
    """
    problem = ox.presets.stochastic()
    least, prize = ox.optimum(problem).value, scoring.prize_of(problem)

    def percent(score: float) -> float:
        """J above the optimum in percent, from the gap closed."""
        return 100 * (1 - score) * prize / least

    points = pd.DataFrame(
        {
            "algorithm": ALGORITHMS[study.algorithm].label,
            "behaviour": study.behaviour,
            "overlap": overlap[study.behaviour],
            "excess": percent(score),
            "mean_action": i == len(exact[name]) - 1,
        }
        for name, study in tuned().items()
        if study.data == (0,) and not study.variant
        for i, score in enumerate(exact[name])
    )
    excess = [100 * (objective / least - 1) for objective in traded.values()]
    means = points[points["mean_action"]].set_index(["behaviour", "algorithm"])["excess"]
    worst = max(dearest(name) for name in tuned() if "-twap-data" in name)
    algorithms = points["algorithm"].unique()
    logs = {"twap": "twap", "noise": "twap-noise", "mixture": "mixture"}
    found = Support(
        overlap={log: 100 * overlap[name] for log, name in logs.items()},
        desk=excess[2],
        static=percent(0.0),
        mean_action={log: keyed({label: means[name, label] for label in algorithms}) for log, name in logs.items()},
        worst_twap=100 * (worst / ox.exact_objective(problem, ox.twap(problem)) - 1),
        points=points,
        traders=pd.DataFrame({"log": ["TWAP", "noisy TWAP", "mixture"], "overlap": overlap.values(), "excess": excess}),
        rules={name: percent(score) for name, score in ({**rules, "best static": 0.0}).items()},
    )
    for algorithm in CRITICS:
        twap, noise, mixture = (found.mean_action[log][algorithm] for log in logs)
        assert twap >= noise >= mixture
        assert mixture < 0.01 * found.desk  # a hundredth of what the desk itself lost
    return found


def support_figure(found: Support) -> go.Figure:
    """`support_decides` of seeds and mean actions."""
    means = found.points["mean_action"]
    return support_decides(found.points[~means], found.points[means], found.traders, found.rules)


@dataclass(frozen=True)
class Estimated:
    """Gap closed by the optimum of a market that was estimated from a log."""

    low: float
    """the least of all logs"""
    twap: float
    """the least of TWAP's"""
    table: pd.DataFrame


def estimated(exact: Scores) -> Estimated:
    """Parameters by least squares from the three kinds of log, and what planning with them closes."""
    problem = ox.presets.stochastic()
    fits = {"truth": problem}
    for behaviour, words in {"mixture": "mixture", "twap-noise": "noisy TWAP", "twap": "TWAP"}.items():
        for seed in SHARED:
            fits[f"{words}, log {seed}"] = offline.fitted(ox.collect(problem, behaviour, EPISODES, seed))
    rows = {}
    for name, guess in fits.items():
        market, process = guess.market, guess.market.liquidity
        assert isinstance(process, ox.OrnsteinUhlenbeck)
        rows[name] = [market.temporary, market.permanent, market.volatility, process.mean, process.speed]
        rows[name] += [process.volatility, *gap_closed({"rolling": ox.rolling(guess), "optimum": ox.optimum(guess)})]
    columns = ["η", "γ", "σ", "mean L", "speed", "vol. L", "rolling", "optimum"]
    table = pd.DataFrame(rows, index=columns).T.rename_axis("parameters from")
    planned = table["optimum"].drop("truth")
    for name in ("temporary", "permanent", "volatility"):
        near, true = (getattr(fits[log].market, name) for log in ("mixture, log 0", "truth"))
        assert np.isclose(near, true, rtol=0.05), name
    assert planned.min() > 0.99
    assert planned.min() > max(on_mixture(exact, algorithm).max() for algorithm in CRITICS)
    assert np.isclose(table["optimum"]["truth"], 1.0, atol=1e-4)
    return Estimated(planned.min(), planned[["TWAP, log 0", "TWAP, log 1"]].min(), table)


def estimates_table(found: Estimated) -> Any:
    """Parameters and gaps closed, a row a log."""
    shown = found.table.style.format("{:.4f}").format("{:.5f}", subset=["η", "γ", "σ"])
    return shown.format("{:.3f}", subset=["mean L", "speed", "vol. L"])


STATISTICS: dict[str, tuple[str, int, Callable[[Array], Estimate]]] = {
    "E[IS] ($)": ("shortfall", 2, mean),
    "s.d. of IS ($)": ("shortfall", 2, standard_deviation),
    "worst 5% ($)": ("shortfall", 2, tail_mean),
    "J ($)": ("objective", 3, mean),
}
"""By column: of what, with how many decimals, how."""
MEAN, DEVIATION, TAIL, OBJECTIVE = STATISTICS


@dataclass(frozen=True)
class Risk:
    """Money and risk on common episodes [$]; differences to the optimum, by policy."""

    objective: dict[str, Interval]
    deviation: dict[str, Interval]
    """standard deviation of the shortfall"""
    tail: dict[str, Interval]
    """mean of the worst 5%"""
    optimum_deviation: float
    optimum_tail: float
    value: float
    """J of the optimum, exact"""
    prize_bps: float
    """what there is to gain over the best schedule, in basis points of the order"""
    step: float
    """a small difference in gap closed"""
    step_worth: float
    """that in dollars"""
    step_bps: float
    step_share: float
    """and in percent of J"""
    estimates: dict[tuple[str, str], Estimate]
    """by policy's full name and statistic"""

    def against(self, name: str, what: str) -> Estimate:
        """A policy's statistic less the optimum's."""
        return self.estimates[name, what] + self.estimates["optimum", what] * -1


def risk(policies: Mapping[str, ox.Policy]) -> Risk:
    """Cost and risk of policies, the optimum among them, on the same episodes."""
    problem = ox.presets.stochastic()
    best, prize = ox.optimum(problem), scoring.prize_of(problem)
    estimates: dict[tuple[str, str], Estimate] = {}
    for name, policy in policies.items():
        run = ox.simulate(problem, policy, PATHS, SCORING.episodes)
        estimates |= {(name, what): how(getattr(run, of)) for what, (of, _, how) in STATISTICS.items()}
        del run  # two runs at once would be a gigabyte

    def differences(what: str) -> dict[str, Interval]:
        return keyed(
            {
                name: apart.interval
                for name in policies
                for apart in [estimates[name, what] + estimates["optimum", what] * -1]
            }
        )

    points = 1e4 / (problem.order.shares * problem.market.price)
    found = Risk(
        objective=differences(OBJECTIVE),
        deviation=differences(DEVIATION),
        tail=differences(TAIL),
        optimum_deviation=estimates["optimum", DEVIATION].value,
        optimum_tail=estimates["optimum", TAIL].value,
        value=best.value,
        prize_bps=prize * points,
        step=STEP,
        step_worth=STEP * prize,
        step_bps=STEP * prize * points,
        step_share=100 * STEP * prize / best.value,
        estimates=estimates,
    )
    for label, policy in ((label, policies[label]) for label in LABELS.values()):
        simulated, exact = found.objective[KEYS[label]], ox.exact_value(problem, policy) - best.value
        assert abs(simulated.value - exact) < 1.6 * simulated.ci + 2 * best.grid_error
        assert abs(found.deviation[KEYS[label]].value) < 0.05 * found.optimum_deviation
    steadiest = found.deviation["follower"]
    assert steadiest.value + steadiest.ci < 0
    assert found.deviation["static"].value > 0
    return found


def risk_table(found: Risk) -> pd.DataFrame:
    """Differences to the optimum with intervals, and the optimum's own numbers in the last row."""
    names = [name for name in dict.fromkeys(name for name, _ in found.estimates) if name != "optimum"]
    rows = {}
    for name in names:
        apart = {what: found.against(name, what) for what in STATISTICS}
        rows[name] = {
            what: plus_minus(apart[what].value, apart[what].ci, digits, "+")
            for what, (_, digits, _) in STATISTICS.items()
        }
    own = {what: found.estimates["optimum", what] for what in STATISTICS}
    rows["optimum"] = {what: plus_minus(estimate.value, estimate.ci) for what, estimate in own.items()}
    return pd.DataFrame(rows).T.rename_axis("policy").replace("-", "−", regex=True)


@dataclass(frozen=True)
class SeedCount:
    """Gap closed by the mean action of m of eight seeds of TD3+BC on log 0; keys are m."""

    closed: dict[int, float]
    """averaged over all choices of m seeds"""
    formula: dict[int, float]
    gained: float
    """share of eight seeds' gain that two have [%]"""


def seed_count(
    policies: Sequence[Rolling], split: tuple[float, float, float], mistakes: Callable[[Array], Array]
) -> SeedCount:
    """How many seeds are worth averaging, see `losses` and `ambiguity` for the arguments."""
    prize = scoring.prize_of(ox.presets.stochastic())
    tables = fractions(policies[:-1])
    n, (_, common, disagreement) = len(tables), split
    closed = {
        m: 1 - np.mean([mistakes(tables[list(some)].mean(axis=0)).sum() for some in combinations(range(n), m)]) / prize
        for m in (1, 2, 4, 8)
    }
    formula = {m: 1 - (common + disagreement * (n - m) / m / (n - 1)) / prize for m in closed}
    assert max(abs(closed[m] - formula[m]) for m in closed) < 0.1 * (1 - closed[1])
    gained = (closed[2] - closed[1]) / (closed[8] - closed[1])
    assert abs(gained - 4 / 7) < 0.1
    return SeedCount(closed, formula, 100 * gained)


@dataclass(frozen=True)
class WrongImpact:
    """Factors of a wrong impact between which planning beats the mean action of TD3+BC on log 0."""

    low: float
    high: float


def wrong_impact(exact: Scores) -> WrongImpact:
    """How wrong the impact that one plans with may be."""
    problem = ox.presets.stochastic()

    def lead(log_factor: float) -> float:
        """Gap closed by the plan for a wrong impact, above the learner's."""
        wrong = problem.replace(temporary=problem.market.temporary * np.exp(log_factor))
        return float(gap_closed({"plan": ox.optimum(wrong)})[0] - exact["td3bc-mixture-data0"][-1])

    low, high = (float(np.exp(brentq(lead, 0.0, end, xtol=1e-3))) for end in (-0.9, 0.9))
    assert low < 1 < high
    return WrongImpact(low, high)


COLOUR = COLOURS | {"depth follower": LIQUIDITY}
"""Those of the learners and rules of this chapter."""

SCORES = [0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0, -1, -4, -16, -64]
"""Marks of an axis of gaps closed."""

CLOSE = [0.998, 0.997, 0.995, 0.993, 0.99, 0.985, 0.98, 0.97, 0.96, 0.95, 0.94, 0.9, 0.8, 0.5, 0]
"""The marks where all are close to the optimum."""

FEWER = [0.999, 0.99, 0.95, 0.8, 0, -4, -16, -64]
"""The marks that fit a narrow screen."""

SMALLEST = 4e-4
"""What is left open is drawn as this at least."""

BAND = "#d8609f"
"""Where liquidity is, on heat maps."""


def _left(scores: Any) -> Array:
    """Where gaps closed stand on the axis."""
    return np.asarray(left(scores, SMALLEST), dtype=np.float64)


def _score_axis(
    plot: Plot, worst: float, best: float, marks: Sequence[float], fewer: Sequence[float]
) -> dict[str, Any]:
    """The axis of the gap closed, with its marks; returns that of a phone, with fewer."""
    title = "gap closed (0: best schedule, 1: exact optimum; logarithmic in what is left)"
    plot.x(title, title_standoff=10, tickangle=0, **gap_axis(worst, best, marks))
    return {"title": {"text": "gap closed"}, "tickfont": {"size": 10}, **gap_axis(worst, best, fewer)}


def _score_marks(plot: Plot, marks: Mapping[str, float]) -> None:
    """Vertical lines of the rules, named above the plot."""
    for name, score in marks.items():
        x, above = float(_left(score)), {"yref": "paper", "xanchor": "left", "yanchor": "bottom", "textangle": -32}
        plot.vline(x, COLOUR.get(name, NEUTRAL))
        plot.note(name, np.log10(x), 1.0, font={"size": 12}, **above)


def learned_scores(seeds: pd.DataFrame, summaries: pd.DataFrame, marks: Mapping[str, float]) -> go.Figure:
    """A dot for every seed's gap closed, by log and algorithm.

    Args:
        seeds: a row a seed: log, algorithm, data (index of the data set), score, and mean_action, True where the row
            is the mean action of a data set's seeds.
        summaries: a row for every log and algorithm: log, algorithm, value (interquartile mean), low and high.
        marks: scores of rules, by name.
    """
    plot, at = Plot(), places(summaries["log"])
    for i, algorithm in enumerate(dict.fromkeys(summaries["algorithm"])):
        colour, lane = COLOUR[algorithm], 0.27 * (1 - i)
        rows = summaries[summaries["algorithm"] == algorithm]
        y = [at[log] + lane for log in rows["log"]]
        group = {"legendgroup": algorithm, "showlegend": False}
        plot.spans(_left(rows["low"]), _left(rows["high"]), y, colour, 7, opacity=0.35, **group)
        for mean_action, part in seeds[seeds["algorithm"] == algorithm].groupby("mean_action"):
            shape, size, edge, words = ("diamond", 9, 2, ", mean action") if mean_action else ("circle", 5, 1, "")
            shift = 0 if mean_action else jitter(len(part), 0.09)
            plot.dots(
                _left(part["score"]).round(5),
                np.round(np.array([at[log] + lane for log in part["log"]]) + shift, 3),
                colour,
                size,
                [shape + ("-open" if data else "") for data in part["data"]],
                edge=edge,
                customdata=part["score"].round(4),
                name=f"{algorithm}{words or ', a seed'}",
                key=algorithm,
                hover=f"{algorithm}{words}: %{{customdata}}",
            )
        hover, value = f"{algorithm}, interquartile mean: %{{customdata}}", rows["value"]
        plot.strokes(_left(value).round(5), y, colour, 17, customdata=value.round(4), hover=hover, **group)
    _score_marks(plot, marks)
    narrow = _score_axis(plot, min(-20.0, 1.25 * float(seeds["score"].min())), 0.9993, SCORES, FEWER)
    plot.rows(at)
    return plot.done(
        "Gap closed by every seed, a row for each log and algorithm. "
        + "; ".join(
            f"{row.log}, {row.algorithm}: interquartile mean {row.value:.3g}" for row in summaries.itertuples()
        ),
        height=620,
        legend={"y": -0.2, "yanchor": "top"},
        margin={"t": 110},
        phone={
            "height": 720,
            "margin": {"l": 92, "r": 30, "t": 110},
            "xaxis": narrow,
            "yaxis": {"tickfont": {"size": 11}},
            "legend": {"y": -0.14},
        },
    )


def seed_profiles(scores: Mapping[str, Array], marks: Mapping[str, float]) -> go.Figure:
    """The share of an algorithm's seeds that close at least so much of the gap.

    Args:
        scores: gaps closed (S,) by name; a name may go on after the algorithm's with a comma.
        marks: scores of rules, by name.
    """
    plot = Plot()
    worst = min(float(np.min(part)) for part in scores.values())
    for name, part in scores.items():
        ordered = np.sort(part)
        share = 1 - np.arange(len(ordered)) / len(ordered)
        x = _left(np.concatenate([[worst - 10], ordered, ordered[-1:]])).round(5)
        y = np.concatenate([[1.0], share, [0.0]]).round(4)
        colour, dash, hover = COLOUR[name.split(",")[0]], "dash" if "," in name else None, "%{y:.0%} of the seeds"
        plot.line(x, y, colour, dash=dash, shape="vh", name=name, hover=f"{name}: {hover}")
    _score_marks(plot, marks)
    narrow = _score_axis(plot, min(0.93, worst - 0.02), 0.9985, CLOSE, CLOSE[::3])
    plot.y("share of seeds that close at least this", [-0.02, 1.04], tickformat=".0%")
    return plot.done(
        "For each algorithm the share of its seeds that close at least a given part of the gap, falling from all "
        "to none; vertical lines mark the rules.",
        height=480,
        legend={"y": -0.3, "yanchor": "top"},
        margin={"t": 110},
        phone={"height": 560, "xaxis": narrow, "legend": {"y": -0.24}},
    )


def learned_maps(
    levels: Array,
    optimal: Array,
    learned: Mapping[str, Array],
    band: tuple[Array, Array],
    selected: str,
) -> go.Figure:
    """Fraction of the remaining inventory by period and liquidity: learned, the optimum's, and how far apart they are.

    Args:
        levels: (G,) liquidity levels.
        optimal: (K, G) the optimum's fractions.
        learned: by name, (K, G) a policy's; a slider chooses.
        band: between which levels liquidity nearly always is, (K,) each.
        selected: the name that is shown first.
    """
    names, periods = list(learned), np.arange(len(optimal))
    plot = Plot(["chosen on the slider: v/x", "optimum: v/x", "excess over the optimum"], gap=0.09)
    chosen = Moving(np.round(fractions.T, 4) for fractions in learned.values())
    apart = Moving(np.round(100 * (fractions / optimal - 1).T, 1) for fractions in learned.values())
    maps = ((chosen, "coloraxis", ""), (np.round(optimal.T, 4), "coloraxis", ""), (apart, "coloraxis2", "%"))
    for panel, (values, colours, unit) in zip(plot, maps, strict=True):
        hover = f"period %{{x}}, liquidity %{{y:.2f}}: %{{z}}{unit}"
        panel.add("heatmap", x=periods, y=levels, z=values, coloraxis=colours, hover=hover)
    for panel, end in product(plot, band):
        panel.line(periods, end.round(3), BAND, 2, hover=False)
    plot.x("period k")
    plot.y(span=[float(levels.min()), float(levels.max())])
    plot[0].y("liquidity L")
    plot.slider("policy", names, names.index(selected), below=150)
    bar = {**RATIO_BAR, "title": {"text": "% of the optimum's", "side": "top"}}
    bar |= {"tickvals": [-30, -15, 0, 15, 30], "ticktext": ["−30", "−15", "0", "15", "30"]}
    flat = {"y": -0.05, "tickangle": 0}
    fewer = {"x": 0.76, "len": 0.44, "tickvals": [-30, 0, 30], "ticktext": ["−30", "0", "30"]}
    return plot.done(
        "Three heat maps over period and liquidity: the fraction sold by a policy that the slider chooses, that of "
        "the exact optimum, and the difference in percent of the optimum's. Two lines mark where liquidity is in 95% "
        "of the episodes.",
        height=600,
        coloraxis=FRACTIONS,
        coloraxis2={"colorscale": SPLIT_SCALE, "cmin": -30, "cmax": 30, "colorbar": bar},
        margin={"t": 36},
        phone={
            "height": 1180,
            **stacked_maps(0.36, 0.26),
            "coloraxis": {"colorbar": {**flat, "x": 0.22, "len": 0.42, "ticktext": ["0", "0.1", "0.2", "0.3+"]}},
            "coloraxis2": {"colorbar": {**flat, **fewer}},
            **SMALL_SLIDER,
        },
    )


def seed_curves(
    levels: Array,
    periods: Sequence[int],
    curves: Mapping[str, Sequence[Sequence[Array]]],
    regressions: Sequence[Sequence[Array]],
    active: int = 0,
) -> go.Figure:
    """How much more than the optimum every seed sells, against liquidity, a panel an algorithm and a colour a log.

    Args:
        levels: (G,) liquidity levels.
        periods: those of the slider.
        curves: by algorithm, for every period and log the excess (S, G) of its seeds in percent of the optimum's.
        regressions: for every period and log the same (G,) of least squares.
        active: index of the period that is shown first.
    """
    plot = Plot(curves, gap=0.03, shared_y=True)
    for panel, (algorithm, of_logs) in zip(plot, curves.items(), strict=True):
        for log, seeds in enumerate(of_logs[active]):
            colour, hover = (LIQUIDITY, CONTRAST)[log % 2], f"log {log}, L = %{{x:.2f}}: %{{y:.1f}}%"
            x = bundle(np.tile(levels.round(2), (len(seeds), 1)))
            y = Moving(bundle(np.round(each[log], 2)) for each in of_logs)
            name, key = f"seeds, log {log}", f"seeds {log}"
            panel.line(x, y, colour, 1.2, name=name, key=key, hover=f"{algorithm}, {hover}")
            y = Moving(np.round(each[log], 2) for each in regressions)
            name, key = f"least squares, log {log}", f"least squares {log}"
            panel.line(np.round(levels, 3), y, colour, 3, "dot", name=name, key=key, hover=f"least squares, {hover}")
    plot.slider("period k", periods, active)
    plot.hline(0, COLOURS["optimum"], 2, None)
    every = [np.abs(seeds).max() for part in curves.values() for logs_of in part for seeds in logs_of]
    every += [np.abs(least).max() for part in regressions for least in part]
    top = 1.05 * float(np.max(every))
    plot.x("liquidity L", [float(levels.min()), float(levels.max())])
    plot.y(span=[-top, top])
    plot[0].y("excess over the optimum (%)")
    return plot.done(
        "How much more than the optimum each seed sells in one period, against liquidity, a panel an algorithm. "
        "The lines of one log run together, and the logs differ; dotted lines are least squares on the same logs.",
        height=500,
        legend={"y": 1.1},
        margin={"t": 90},
        phone=plot.stacked(520 * len(plot) - 140, 0.16, legend={"y": 1.05}, margin={"t": 130}, **SMALL_SLIDER),
    )


def regret_parts(by_period: Mapping[str, Array], by_level: Mapping[str, Array], middles: Array) -> go.Figure:
    """What mistakes cost, by the period and by the liquidity in which they are made.

    Args:
        by_period: dollars (N - 1,) by policy; a name that ends in ", a seed" is drawn dotted.
        by_level: dollars (B,) by policy and bin of liquidity.
        middles: (B,) of the bins.
    """
    plot, periods = (
        Plot(["By the period", "By the liquidity at the time"], gap=0.12),
        len(next(iter(by_period.values()))),
    )
    for panel, parts, x in zip(plot, (by_period, by_level), (np.arange(periods), middles.round(3)), strict=True):
        for name, values in parts.items():
            base = name.removesuffix(", a seed")
            width, dash = (3, "solid") if base == name else (2, "dot")
            panel.line(x, np.round(values, 5), COLOUR[base], width, dash, key=name, hover=f"{name}: $%{{y:.3f}}")
    plot[0].x("period k")
    plot[1].x("liquidity L")
    plot.y(rangemode="tozero")
    plot[0].y("cost of mistakes ($)")
    again = {"title": {"text": "cost of mistakes ($)"}}
    return plot.done(
        "Expected cost of mistakes in dollars. First panel: by period, for policies that were learned and for "
        "rules. Second: by the level of liquidity at which they are made.",
        height=440,
        legend={"y": 1.12},
        margin={"t": 100},
        phone=plot.stacked(800, 0.16, legend={"y": 1.06}, margin={"t": 150}, yaxis2=again),
    )


def support_decides(
    seeds: pd.DataFrame, means: pd.DataFrame, behaviours: pd.DataFrame, marks: Mapping[str, float]
) -> go.Figure:
    """J above the optimum against how much of the optimum's behaviour is in the data.

    Args:
        seeds: a row a seed: algorithm, overlap, excess (percent of the optimum's J).
        means: the same for mean actions.
        behaviours: a row for every log: log, overlap, excess of who traded.
        marks: excess of rules, by name.
    """
    plot = Plot()
    algorithms = list(dict.fromkeys(seeds["algorithm"]))
    for i, algorithm in enumerate(algorithms):
        colour, shift = COLOUR[algorithm], 0.018 * (i - (len(algorithms) - 1) / 2)
        for rows, mean_action in ((seeds, False), (means, True)):
            part = rows[rows["algorithm"] == algorithm].sort_values("overlap")
            x, y = (part["overlap"] + shift).round(4), part["excess"].round(4)
            hover = f"{algorithm}: %{{y:.3g}}% above the optimum"
            if mean_action:
                plot.line(x, y, colour, 1.5, marks=11, symbol="diamond", name=f"{algorithm}, mean action", hover=hover)
            else:
                plot.dots(x, y, colour, 5, name=f"{algorithm}, a seed", hover=hover)
    plot.dots(
        behaviours["overlap"].round(4),
        behaviours["excess"].round(3),
        NEUTRAL,
        13,
        "square-open",
        edge=2,
        text=behaviours["log"],
        at=["top right", "top center", "bottom left"][: len(behaviours)],
        name="who was logged",
        hover="%{text}: %{y:.3g}% above the optimum",
    )
    for name, excess in marks.items():
        plot.hline(excess, COLOUR.get(name, NEUTRAL))
        plot.note(name, -0.04, np.log10(excess), xanchor="left", yanchor="bottom", font={"size": 12})
    low = min(float(seeds["excess"].min()), float(means["excess"].min()), *marks.values())
    high = max(float(seeds["excess"].max()), float(behaviours["excess"].max()))
    plot.x("overlap: share of the optimum's decisions inside the data", [-0.06, 1.06])
    ticks = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]
    plot.y("above the exact optimum (% of J)", [0.6 * low, 2.2 * high], log=True, ticks=ticks)
    return plot.done(
        "Cost above the exact optimum on a logarithmic axis against the overlap of the log. With an overlap of "
        "zero all learners are where TWAP is; where everything is covered the learners are far below who was logged.",
        height=560,
        legend={"y": -0.2, "yanchor": "top"},
        phone={"height": 660, "xaxis": {"title": {"text": "overlap with the optimum"}}, "legend": {"y": -0.17}},
    )
