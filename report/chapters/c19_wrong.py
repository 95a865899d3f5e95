"""*When the model is wrong*: how far off a plan may be before a learner is ahead."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.optimize import brentq, nnls

import optexec as ox
from optexec import offline
from optexec.evaluation import from_to, mean
from optexec.figures.style import COLOURS, LIQUIDITY, SMALL_SLIDER, clear
from optexec.observation import columns
from optexec.offline import scoring
from report.agents import published
from report.agents.protocol import EPISODES, LOGS, PAIRED, SCORING, TRANSIENTS, market, trader
from report.chapters import c12_hidden
from report.plot import Moving, Plot, gap_axis, minus, places, whiskers

__all__ = [
    "Board",
    "Dark",
    "Errors",
    "Fitted",
    "Form",
    "Joint",
    "Learners",
    "Misled",
    "Rule",
    "believed",
    "blind_scores",
    "board",
    "board_table",
    "dark",
    "error_curves",
    "errors",
    "fit_table",
    "fitted",
    "form",
    "form_curves",
    "form_table",
    "implied",
    "joint",
    "learners",
    "misled",
    "planned",
    "rule",
    "turn_table",
    "turning_bars",
    "turning_table",
]

Array = NDArray[np.float64]
Band = dict[str, float]
"""A ``value`` and the ends ``low`` and ``high`` of its 95% interval, which need not be symmetric."""

FITTED = LIQUIDITY
"""Colour of a model fitted to the log with the right form."""

MISFIT = "#6b7f8f"
"""Colour of a model fitted to the log with a wrong form."""

KINDS = {
    "plan": COLOURS["optimum"],
    "rule": COLOURS["rolling"],
    "fit": FITTED,
    "TD3+BC": COLOURS["TD3+BC"],
    "BCQ": COLOURS["BCQ"],
    "none": COLOURS["AC"],
}
"""Colours of those who trade blind."""

NEAR, FAR = 2e-4, 65.0
"""Ends of an axis of what is left of the gap."""

MARKS = (0.999, 0.99, 0.95, 0.8, 0, -4, -16, -64)
"""Gaps closed that are marked on such an axis."""

FACTORS = {0.25: "¼", 0.5: "½", 0.8: "0.8", 1.0: "1", 1.25: "1.25", 2.0: "2", 4.0: "4"}
"""Marks of an axis of factors."""

FEW_FACTORS = {"tickvals": [0.25, 0.5, 1, 2, 4], "ticktext": ["¼", "½", "1", "2", "4"]}
"""Those that fit a narrow screen."""

TRUTH = market("normal")
PROCESS: ox.OrnsteinUhlenbeck = TRUTH.market.liquidity  # type: ignore[assignment]
PLANNERS: dict[str, Callable[[ox.Problem], ox.Policy]] = {"optimum": ox.optimum, "rolling": ox.rolling}
ETA, SIGMA, MEAN = "temporary impact, η", "price volatility, σ", "liquidity, mean"
GAMMA, SPEED, VOLATILITY = "permanent impact, γ", "liquidity, speed", "liquidity, volatility"
PARAMETERS = {
    ETA: "temporary",
    GAMMA: "permanent",
    SIGMA: "volatility",
    MEAN: "liquidity.mean",
    SPEED: "liquidity.speed",
    VOLATILITY: "liquidity.volatility",
}
"""Where a market has them."""
KEYS = {ETA: "eta", GAMMA: "gamma", SIGMA: "sigma", MEAN: "mean", SPEED: "speed", VOLATILITY: "volatility"}
SHARP, BLUNT = (ETA, SIGMA, MEAN), (GAMMA, SPEED, VOLATILITY)
"""Parameters that decide the race, and those that hardly matter."""


def band(row: Any) -> Band:
    """Value and ends of what has them: a row of a frame, a mapping."""
    return {end: float(row[end]) for end in ("value", "low", "high")}


def sure(value: float) -> Band:
    """What is known exactly."""
    return {"value": value, "low": value, "high": value}


def about(value: float, ci: float) -> Band:
    """A value with the half-width of its interval."""
    return {"value": value, "low": value - ci, "high": value + ci}


def widened(found: Any, ci: float) -> Band:
    """An interval over logs or seeds, widened by the half-width of that of the paths: independent errors."""
    value, low, high = found["value"], found["low"], found["high"]
    return {"value": value, "low": value - np.hypot(value - low, ci), "high": value + np.hypot(high - value, ci)}


def duel(plan: Any, learner: Any) -> Any:
    """Lead of a plan over a learner, its interval from those of both: independent errors, in quadrature."""
    d = plan["value"] - learner["value"]
    return {
        "value": d,
        "low": d - np.hypot(plan["value"] - plan["low"], learner["high"] - learner["value"]),
        "high": d + np.hypot(plan["high"] - plan["value"], learner["value"] - learner["low"]),
    }


@lru_cache
def scale() -> tuple[float, float]:
    """J of the best schedule of the true market [$], and how much lower the optimum's is."""
    static = ox.exact_objective(TRUTH, ox.best_static(TRUTH))
    return static, static - ox.optimum(TRUTH).value


def closed(policy: ox.Policy) -> float:
    """Gap closed in the true market, without Monte Carlo."""
    static, prize = scale()
    return (static - ox.exact_value(TRUTH, policy)) / prize


def believed(errors: Mapping[str, float]) -> ox.Problem:
    """The problem of a desk that misjudges parameters by these factors; L_0 is seen."""
    own: dict[str, Any] = {}
    of_liquidity: dict[str, Any] = {"initial": PROCESS.start}
    for name, factor in errors.items():
        part, _, field = PARAMETERS[name].rpartition(".")
        changed, owner = (of_liquidity, PROCESS) if part else (own, TRUTH.market)
        changed[field] = factor * getattr(owner, field)
    return TRUTH.replace(liquidity=dataclasses.replace(PROCESS, **of_liquidity), **own)


def planned(planner: str, errors: Mapping[str, float]) -> float:
    """Gap closed by a plan for the market that a desk believes in."""
    return closed(PLANNERS[planner](believed(errors)))


def agents_of(study: str) -> Array:
    """Every agent's gap closed, agent i from log i."""
    return np.array(published.manifest()[study]["scores"]["gap_closed"])


@dataclass(frozen=True)
class Learners:
    """The learners of the default market: gap closed, and what they cost."""

    td3: Band
    bcq: Band
    prize: float
    """what lies between the best schedule and the optimum [$]"""
    left: float
    """what TD3+BC leaves of it [$]"""
    steps: int
    episodes: int
    """of a log"""


def learners() -> Learners:
    """The published scores of agents that have a log each."""
    td3: Any = published.results().loc["td3bc-mixture-8logs"]
    bcq: Any = published.results().loc["bcq-mixture-8logs"]
    assert td3["value"] > bcq["value"]
    assert td3["path_ci"] == 0  # exact
    assert tuple(td3["data"]) == tuple(LOGS) == tuple(td3["seeds"])
    assert td3["episodes"] == EPISODES
    prize = scale()[1]
    return Learners(band(td3), band(bcq), prize, prize * (1 - td3["value"]), td3["steps"], EPISODES)


def logs(problem: ox.Problem, study: str | None, **sight: bool) -> dict[int, ox.Transitions]:
    """The log of every agent, those that a published study learned from if one is named."""
    made = {i: ox.collect(problem, trader(problem, "mixture"), EPISODES, i, **sight) for i in LOGS}
    if study is not None:
        assert [log.digest for log in made.values()] == published.manifest()[study]["origin"]["data"]
    return made


@lru_cache
def normal_logs() -> dict[int, ox.Transitions]:
    """The logs of the default market."""
    return logs(TRUTH, "td3bc-mixture-8logs")


@lru_cache
def normal_fits() -> dict[int, ox.Problem]:
    """What least squares makes of them."""
    return {i: offline.fitted(log) for i, log in normal_logs().items()}


def estimates() -> dict[str, Array]:
    """By parameter, the factors by which estimates from single logs are off."""

    def field_of(given: ox.Problem, path: str) -> float:
        owner: Any = given.market
        for part in path.split("."):
            owner = getattr(owner, part)
        return float(owner)

    fits = normal_fits().values()
    return {
        name: np.array([field_of(fit, path) for fit in fits]) / field_of(TRUTH, path)
        for name, path in PARAMETERS.items()
    }


@dataclass(frozen=True)
class Errors:
    """One parameter misjudged."""

    curves: dict[str, pd.DataFrame]
    """gap closed by parameter: a frame by factor with a column a planner"""
    bars: pd.DataFrame
    """between which factors a plan is ahead, by parameter, planner and end of the learner's interval"""
    leads: pd.DataFrame
    """of the optimum with parameters believed half or twice [$]"""
    optimum: dict[str, dict[str, Band]]
    """factors between which it is ahead, by parameter: lower and upper; low and high as of the learner's interval"""
    rolling: dict[str, dict[str, Band]]
    rolling_right: float
    """gap closed by the rolling rule with every parameter right"""
    no_gamma: float
    """gap closed by the optimum that leaves permanent impact out"""
    half_eta: float
    """the learner's lead where impact is believed half [$]"""
    twice_sigma: float
    """the learner's lead where volatility is believed twice [$]"""

    def bar(self, name: str, planner: str = "optimum", end: str = "value") -> Any:
        """Where a plan with this parameter wrong is ahead of the learner, at an end of the learner's interval."""
        bars = self.bars
        row = (bars["parameter"] == name) & (bars["planner"] == planner) & (bars["end"] == end)
        return bars[row].iloc[0]


def _turning(curve: pd.Series[float], name: str, planner: str, level: float) -> dict[str, Any]:
    """Between which factors a plan closes more than a level; open where it still does at the end of what was tried."""
    ahead, top = curve.to_numpy() > level, int(curve.to_numpy().argmax())
    found: dict[str, Any] = {"lower": np.nan, "upper": np.nan, "open_lower": False, "open_upper": False}

    def apart(u: float) -> float:  # nearly linear in u, unlike the gap itself
        return float(np.sqrt(1 - level) - np.sqrt(max(1 - planned(planner, {name: float(np.exp(u))}), 0.0)))

    for side, step in (("lower", -1), ("upper", 1)) if ahead[top] else ():
        i = top
        while 0 <= i + step < len(curve) and ahead[i + step]:
            i += step
        end = not 0 <= i + step < len(curve)
        tried = curve.index.to_numpy()
        factor = tried[i] if end else np.exp(brentq(apart, np.log(tried[i]), np.log(tried[i + step]), xtol=5e-4))
        found |= {side: factor, f"open_{side}": end}
    return found


def errors(found: Learners) -> Errors:
    """Gap closed by plans with one wrong parameter, and where they draw level with TD3+BC."""
    t, td3, curves = np.linspace(-1, 1, 31), found.td3, {}
    factors = np.sort([*4 ** (t * np.abs(t)), 0.5, 2.0])  # dense around 1
    factors[np.argmin(np.abs(factors - 1))] = 1.0
    for name in PARAMETERS:
        tried = factors[factors <= 2] if name == SPEED else factors  # beyond 2, 1 - speed dt is negative
        curves[name] = pd.DataFrame({by: [planned(by, {name: f}) for f in tried] for by in PLANNERS}, index=tried)
    bars = pd.DataFrame(
        {"parameter": name, "planner": by, "end": end} | _turning(curves[name][by], name, by, td3[end])
        for name in PARAMETERS
        for by in PLANNERS
        for end in ("value", "low", "high")
    )
    leads = pd.DataFrame(
        {f: [found.prize * (curves[name]["optimum"][f] - td3["value"]) for name in PARAMETERS] for f in (0.5, 2.0)},
        index=list(PARAMETERS),
    )

    def turns(planner: str) -> dict[str, dict[str, Band]]:
        rows = bars[bars["planner"] == planner].set_index(["parameter", "end"])
        return {
            key: {side: band(rows[side].loc[name].to_dict()) for side in ("lower", "upper")}
            for name, key in KEYS.items()
        }

    result = Errors(
        curves=curves,
        bars=bars,
        leads=leads,
        optimum=turns("optimum"),
        rolling=turns("rolling"),
        rolling_right=closed(ox.rolling(TRUTH)),
        no_gamma=planned("optimum", {GAMMA: 1e-9}),
        half_eta=-leads[0.5][ETA],
        twice_sigma=-leads[2.0][SIGMA],
    )
    for name in SHARP:  # even where the learner is as low as its interval goes
        row = result.bar(name, end="low")
        assert 0.92 < row.lower < 1 < row.upper < 1.08
    for name in BLUNT:  # even where it is as high
        row = result.bar(name, end="high")
        assert row.lower < 0.75
        assert row.upper > 1.33
    assert td3["low"] < result.rolling_right < td3["value"]  # behind, not surely
    assert curves[ETA]["rolling"].max() > td3["high"]
    assert curves[VOLATILITY]["rolling"].max() > td3["high"]
    assert result.bar(VOLATILITY).open_lower
    assert result.bar(ETA, "rolling").lower > 1
    assert td3["low"] < result.no_gamma < td3["high"]
    assert result.half_eta > 50
    assert result.twice_sigma > 200
    return result


def turning_table(found: Errors) -> pd.DataFrame:
    """A row a parameter: where the optimum's lead begins and ends, and what it is at half and twice."""

    def end_of(name: str, side: str) -> str:
        def shown(end: str) -> str:
            row = found.bar(name, end=end)
            beyond = ("below " if side == "lower" else "above ") if row[f"open_{side}"] else ""
            return f"{beyond}{row[side]:.2f}"

        near, far = shown("high"), shown("low")
        if near == far:
            return far
        return f"{shown('value')} ({far} to {near})" if side == "lower" else f"{shown('value')} ({near} to {far})"

    rows = {
        name: {
            "ahead from": end_of(name, "lower"),
            "to": end_of(name, "upper"),
            "lead at ½ ($)": f"{found.leads[0.5][name]:+,.2f}",
            "lead at 2 ($)": f"{found.leads[2.0][name]:+,.2f}",
        }
        for name in PARAMETERS
    }
    return pd.DataFrame(rows).T.rename_axis("believed / true").replace("-", "−", regex=True)


@dataclass(frozen=True)
class Joint:
    """All parameters misjudged at once, independently."""

    level: Band
    """standard deviation at which the plan draws level with the learner, in every parameter [%]"""
    rest: Band
    """where volatility is known [%]"""
    sharp: float
    """the three sharp parameters' part of the curvature [%]"""
    drawn: float
    """mean gap closed by plans with six wrong parameters at that level"""
    eta: float
    """curvature of impact: second derivative of what is left open by its log"""


def joint(found: Learners, bends: Mapping[str, float], draws: int = 40) -> Joint:
    """The level from the curvatures of what is left open by log factors, and plans drawn at it."""
    td3 = found.td3

    def level(parameters: Iterable[str]) -> Band:
        total = sum(bends[name] for name in parameters)
        ends = {"value": "value", "low": "high", "high": "low"}  # the better the learner, the smaller the error
        return {end: 100 * float(np.sqrt(2 * (1 - td3[of]) / total)) for end, of in ends.items()}

    every = level(PARAMETERS)
    off = every["value"] / 100 * np.random.default_rng(10).standard_normal((draws, len(PARAMETERS)))
    drawn = [planned("optimum", dict(zip(PARAMETERS, np.exp(row), strict=True))) for row in off]
    sharp = sum(bends[name] for name in SHARP) / sum(bends.values())
    assert abs(np.mean(drawn) - td3["value"]) < 3 * np.std(drawn) / np.sqrt(len(drawn))
    assert sharp > 0.98
    rest = level(name for name in PARAMETERS if name != SIGMA)
    return Joint(every, rest, 100 * sharp, float(np.mean(drawn)), bends[ETA])


@dataclass(frozen=True)
class Fitted:
    """Models fitted to the learners' own logs."""

    estimates: dict[str, Array]
    """by parameter, the factors by which estimates from single logs are off"""
    scores: dict[str, scoring.Summary]
    """gap closed over logs"""
    leads: dict[str, scoring.Summary]
    """of the fitted optimum, log by log"""
    dollars: float
    """its lead over TD3+BC an order"""
    eta: float
    """standard deviation of the estimates over logs [%]"""
    sigma: float
    mean: float


FIT_LABELS = {"optimum": "fitted, optimum", "rolling": "fitted, rolling", "td3": "TD3+BC", "bcq": "BCQ"}


def fitted(found: Learners, wrong: Errors) -> Fitted:
    """Plan with what least squares makes of the learners' logs."""
    entries = {by: np.array([closed(make(fit)) for fit in normal_fits().values()]) for by, make in PLANNERS.items()}
    entries |= {"td3": agents_of("td3bc-mixture-8logs"), "bcq": agents_of("bcq-mixture-8logs")}
    scores = {name: scoring.summary([values]) for name, values in entries.items()}
    leads = {name: scoring.summary([entries["optimum"] - entries[name]]) for name in entries if name != "optimum"}
    off = estimates()
    assert all(over.low > 0 for over in leads.values())
    assert scores["optimum"].lowest > max(found.td3["value"], found.bcq["value"])
    for name in SHARP:  # estimates lie inside the bars
        row = wrong.bar(name, end="high")
        assert row.lower < off[name].min()
        assert off[name].max() < row.upper
    assert (entries["optimum"] > entries["td3"]).all()
    rolling, td3 = scores["rolling"], found.td3["value"]
    assert rolling.low < td3 < rolling.high or abs(rolling.value - td3) < 0.01
    spread = [100 * float(off[name].std(ddof=1)) for name in SHARP]
    return Fitted(off, scores, leads, found.prize * leads["td3"].value, *spread)


def fit_table(found: Fitted) -> pd.DataFrame:
    """A row a contestant."""
    rows, prize = {}, scale()[1]
    for name, s in found.scores.items():
        over = found.leads.get(name)
        rows[FIT_LABELS[name]] = {
            "IQM (95%)": f"{s.value:.4f} ({s.low:.4f} to {s.high:.4f})",
            "lowest": f"{s.lowest:.4f}",
            "fitted optimum's lead": "–" if over is None else f"{over.value:.4f} ({over.low:.4f} to {over.high:.4f})",
            "lead ($)": "–" if over is None else f"{prize * over.value:.2f}",
        }
    return pd.DataFrame(rows).T.rename_axis("from one log")


STUDIED = {0.0: "normal", 0.002: "transient_impact"} | {q: f"transient_{q}" for q in TRANSIENTS}
"""Markets where learners were trained, by transient impact q [$/share per share]."""
SCORED = sorted([*STUDIED, 0.0001, 0.0002, 0.00035])
SCENARIO = 0.002
IGNORED, FORGOTTEN, ROLLING = "optimum, q ignored", "optimum, q forgotten", "rolling"
RIGHT, WRONG = "fitted, right form", "fitted, wrong form"
WRONG_ROLLING, KNOWN = f"{WRONG}, rolling", f"{WRONG}, risk known"
SHORT = {"TD3+BC": "td3", "BCQ": "bcq", IGNORED: "ignored", ROLLING: "rolling", WRONG: "misfit", KNOWN: "known"}
"""Names of results, by label."""


@dataclass(frozen=True)
class Form:
    """Impact lingers, and plans do not know it."""

    lines: dict[str, pd.DataFrame]
    """gap closed by label: a frame by q with value, low and high"""
    turns: dict[str, Band]
    """the q at which a plan falls behind TD3+BC, and between which the two are not told apart; NaN for never"""
    prizes: dict[float, float]
    """what the optimum saves, by q [$]"""
    at: dict[str, Band]
    """gap closed in the stress scenario"""
    percent: float
    """its q [% of eta]"""
    turn: Band
    """where the optimum that ignores q falls behind TD3+BC [0.001 $/share per share]"""
    turn_percent: float
    """[% of eta]"""
    turn_bcq: float
    """where it falls behind BCQ [0.001 $/share per share]"""
    dollars: float
    """BCQ's lead over it in the scenario"""
    dollars_most: float
    """TD3+BC's at the largest q"""
    misfit_worst: float
    """gap closed by the fit of the wrong form, on its worst log"""
    misfit_best: float
    eta: float
    """its median estimate of impact"""
    sigma_least: float
    """its least estimate of volatility"""
    sigma_most: float
    right_worst: float
    """the least that the fit of the right form closes, on any log at any q"""
    right_lead: Band
    """its lead over BCQ in the scenario"""
    right_dollars: float


def _ignoring(true: ox.Problem) -> ox.Problem:
    """The market without lingering impact in which a single isolated trade pays the same."""
    return true.replace(transient=0.0, temporary=true.market.temporary + true.market.transient / 2)


def _regressors(log: ox.Transitions) -> tuple[Array, Array, Array, Array, Array]:
    """Traded and left shares, liquidity, transient impact and the weights of a regression of costs."""
    seen, shares = columns(log.observations.astype(float)), log.problem.order.shares
    traded, left = (shares * seen.inventory * part for part in (log.fractions, 1 - log.fractions))
    return traded, left, seen.liquidity, seen.transient, 1 / np.maximum(left, 0.005 * shares)


def _certain(log: ox.Transitions) -> ox.Problem:
    """The wrong form again, by a desk that knows what risk costs and estimates impact alone."""
    v, left, L, _, weight = _regressors(log)
    terms = np.stack([v**2 / L, v * left], axis=1) * weight[:, None]
    eta, gamma = nnls(terms, -(log.realised + log.problem.risk_weight * left**2) * weight)[0]
    volatility = log.problem.market.volatility
    return offline.fitted(log).replace(temporary=eta, permanent=gamma, volatility=volatility)


def _suspicion(log: ox.Transitions) -> float:
    """t-value of v I as a fourth term of the regression."""
    v, left, L, impact, weight = _regressors(log)
    terms = np.stack([v**2 / L, v * left, left**2, v * impact], axis=1) * weight[:, None]
    size = np.linalg.norm(terms, axis=0)
    scaled, y = terms / size, -log.realised * weight
    found = np.linalg.lstsq(scaled, y, rcond=None)[0]
    noise = np.sum((y - scaled @ found) ** 2) / (len(y) - 4)
    return float(found[3] / np.sqrt(noise * np.linalg.inv(scaled.T @ scaled)[3, 3]))


def _fits_of(q: float) -> Iterator[tuple[int, ox.Transitions, ox.Problem]]:
    """Every log of the market with transient impact q, and the fit of the wrong form."""
    if q == 0:
        yield from ((i, normal_logs()[i], fit) for i, fit in normal_fits().items())
        return
    study = "bcq-transient_impact-mixture-8logs" if q == SCENARIO else None
    yield from ((i, log, offline.fitted(log)) for i, log in logs(TRUTH.replace(transient=q), study).items())


def _fitted_at(q: float, made: Mapping[int, tuple[ox.Transitions, ox.Problem]]) -> dict[str, pd.DataFrame]:
    """Scores of models fitted to the logs of a market, by kind: a row a log."""
    policies: dict[str, ox.Policy] = {}
    for i, (log, wrong) in made.items():
        policies[f"{WRONG} {i}"] = ox.optimum(wrong)
        if q in STUDIED:
            policies[f"{WRONG_ROLLING} {i}"] = ox.rolling(wrong)
            policies[f"{KNOWN} {i}"] = ox.optimum(_certain(log))
            right = wrong if q == 0 else offline.fitted(log, transient=True)
            policies[f"{RIGHT} {i}"] = ox.optimum(right)
    scored = scoring.closed(policies, TRUTH.replace(transient=q), 1_000)
    return dict(tuple(scored.groupby(scored.index.str.rsplit(n=1).str[0])))


def _over_logs(frame: pd.DataFrame) -> Band:
    """IQM over logs, its interval widened by that of the paths."""
    found = scoring.summary([frame["gap_closed"].to_numpy()], [frame["gap_closed_ci"].to_numpy()])
    return widened(vars(found), found.path_ci)


def _over_seeds(algorithm: str, q: float) -> Band:
    """The same of published agents."""
    parts = (algorithm, STUDIED[q].removeprefix("normal"), "mixture-8logs")
    row: Any = published.results().loc["-".join(part for part in parts if part)]
    return widened(row, row["path_ci"])


def _crossing(q: Array, lead: Array) -> float:
    """The q at which a lead is lost, by linear interpolation; 0 where there is none, NaN where it lasts."""
    lost = np.flatnonzero(np.asarray(lead) <= 0)
    if not len(lost):
        return float("nan")
    j = lost[0]
    return 0.0 if j == 0 else float(q[j - 1] + (q[j] - q[j - 1]) * lead[j - 1] / (lead[j - 1] - lead[j]))


def _turn(plan: pd.DataFrame, learner: pd.DataFrame) -> Band:
    """At which q a plan falls behind a learner, and the interval in which the two are not told apart."""
    at = plan.index.to_numpy()
    there = {end: np.interp(at, learner.index, learner[end]) for end in ("value", "low", "high")}
    lead = duel(plan, there)
    return {end: _crossing(at, lead[end].to_numpy()) for end in ("value", "low", "high")}


def form(wrong: Errors) -> Form:
    """Score plans that do not know of lingering impact, fitted models and learners, by transient impact."""
    plans, models, prizes, made = {}, {}, {}, {}
    for q in SCORED:
        true = TRUTH.replace(transient=q)
        contestants = {
            IGNORED: ox.optimum(_ignoring(true)),
            FORGOTTEN: ox.optimum(true.replace(transient=0.0)),
            ROLLING: ox.rolling(true),
        }
        plans[q], prizes[q] = scoring.closed(contestants, true, PAIRED), scoring.prize_of(true)
        made[q] = {i: (log, fit) for i, log, fit in _fits_of(q)}
        models[q] = _fitted_at(q, made[q])
    bands = {
        RIGHT: {q: _over_logs(models[q][RIGHT]) for q in STUDIED},
        "TD3+BC": {q: _over_seeds("td3bc", q) for q in STUDIED},
        "BCQ": {q: _over_seeds("bcq", q) for q in (0.0, SCENARIO)},
    }
    for name in (IGNORED, ROLLING, FORGOTTEN):
        rows = {q: plans[q][["gap_closed", "gap_closed_ci"]].loc[name] for q in SCORED}
        bands[name] = {q: about(*row) for q, row in rows.items()}
    bands[WRONG] = {q: _over_logs(models[q][WRONG]) for q in SCORED}
    for name in (WRONG_ROLLING, KNOWN):
        bands[name] = {q: _over_logs(models[q][name]) for q in STUDIED}
    lines = {name: pd.DataFrame(line).T.sort_index() for name, line in bands.items()}
    turns = {name: _turn(lines[name], lines["TD3+BC"]) for name in (IGNORED, FORGOTTEN, ROLLING, WRONG, RIGHT)}
    at = {name: bands[name][SCENARIO] for name in bands}
    misfits, eta = models[SCENARIO][WRONG]["gap_closed"], TRUTH.market.temporary
    markets = [fit.market for _, fit in made[SCENARIO].values()]
    lead = duel(at[RIGHT], at["BCQ"])
    most = max(STUDIED)
    found = Form(
        lines=lines,
        turns=turns,
        prizes=prizes,
        at={short: at[name] for name, short in SHORT.items()},
        percent=100 * SCENARIO / eta,
        turn={end: 1000 * turn for end, turn in turns[IGNORED].items()},
        turn_percent=100 * turns[IGNORED]["value"] / eta,
        turn_bcq=1000 * _turn(lines[IGNORED], lines["BCQ"])["value"],
        dollars=prizes[SCENARIO] * (at["BCQ"]["value"] - at[IGNORED]["value"]),
        dollars_most=-prizes[most] * duel(bands[IGNORED][most], bands["TD3+BC"][most])["value"],
        misfit_worst=misfits.min(),
        misfit_best=misfits.max(),
        eta=float(np.median([market.temporary for market in markets])),
        sigma_least=min(market.volatility for market in markets),
        sigma_most=max(market.volatility for market in markets),
        right_worst=min(models[q][RIGHT]["gap_closed"].min() for q in STUDIED),
        right_lead=lead,
        right_dollars=prizes[SCENARIO] * lead["value"],
    )
    assert min(_suspicion(log) for log, _ in made[SCENARIO].values()) > 1_000
    assert misfits.max() < at["TD3+BC"]["low"]  # its best log
    assert abs(bands[ROLLING][0.0]["value"] - wrong.rolling_right) < 1e-9
    _check_form(found, bands, at)
    return found


def _check_form(found: Form, bands: Mapping[str, Mapping[float, Band]], at: Mapping[str, Band]) -> None:
    """What the chapter says of lingering impact, or it does not build."""
    assert (found.lines[RIGHT]["low"] > 0.99).all()  # at every q
    for q in STUDIED:  # and ahead of the learners wherever they were trained
        for name in ("TD3+BC", "BCQ"):
            assert q not in bands[name] or duel(bands[RIGHT][q], bands[name][q])["low"] > 0
    for name in (IGNORED, ROLLING, FORGOTTEN):  # plans with the wrong form: surely behind
        for q in (0.001, 0.002, 0.004):
            assert duel(bands[name][q], bands["TD3+BC"][q])["high"] < 0
    assert duel(at["BCQ"], at["TD3+BC"])["low"] > 0
    for q in STUDIED:  # the package's rolling rule is the one that ignores q and has eta + q/2
        true = TRUTH.replace(transient=q)
        rules = (ox.rolling(_ignoring(true)), ox.rolling(true))
        a, b = (ox.simulate(true, rule, 20, 1).trades for rule in rules)
        assert np.allclose(a, b, atol=1e-6)
    assert found.turn_bcq < found.turn["value"] < 1
    assert found.turns[ROLLING]["value"] == 0
    assert np.isnan(found.turns[RIGHT]["value"])
    assert duel(at[IGNORED], at[KNOWN])["low"] > 0
    doubt = duel(at[IGNORED], at[WRONG])
    assert doubt["low"] < 0 < doubt["high"]
    assert at[KNOWN]["high"] < at["TD3+BC"]["low"]


def form_table(found: Form) -> pd.DataFrame:
    """A row a contestant, a column a q."""
    order = (RIGHT, "BCQ", "TD3+BC", IGNORED, ROLLING, FORGOTTEN, WRONG, WRONG_ROLLING, KNOWN)

    def cell(name: str, q: float) -> str:
        if q not in found.lines[name].index:
            return "–"
        row = band(found.lines[name].loc[q])
        digits = 4 if row["low"] > 0.99 else 3 if q < 0.001 else 2
        return from_to(row["value"], row["low"], row["high"], digits)

    table = {f"q = {q:g}": {name: cell(name, q) for name in order} for q in sorted(STUDIED)}
    return pd.DataFrame(table).rename_axis("policy").replace("-", "−", regex=True)


def turn_table(found: Form) -> pd.DataFrame:
    """A row a plan or fitted model."""

    def shown(q: float) -> str:
        percent = 100 * q / TRUTH.market.temporary
        return "never" if np.isnan(q) else "at 0" if q == 0 else f"{1000 * q:.2f} ({percent:.0f}%)"

    names = {"value": "turns at q (10⁻³)", "low": "not told apart from", "high": "to"}
    rows = {name: {names[end]: shown(turn[end]) for end in names} for name, turn in found.turns.items()}
    return pd.DataFrame(rows).T.rename_axis("plan or model")


def implied(log: ox.Transitions) -> ox.Problem:
    """The market in a log without sight: each fill tells the level that it met."""
    met = columns(log.next_observations).liquidity.astype(float).reshape(log.episodes, -1)
    part = columns(log.observations).inventory * log.fractions
    sold = log.problem.order.shares * part.reshape(met.shape)
    good = (sold[:, :-1] >= 30) & (sold[:, 1:] >= 30)  # shares: small trades measure badly
    now, then = met[:, :-1][good], met[:, 1:][good]
    phi, constant = np.polyfit(now, then, 1)
    spread = float(np.std(then - phi * now - constant))
    process = ox.OrnsteinUhlenbeck(mean=constant / (1 - phi), speed=1 - phi, volatility=spread, initial=1.0)
    seen, after = log.observations.copy(), log.next_observations.copy()  # with the levels put where they were met
    columns(seen).liquidity[:] = met.ravel()
    columns(after).liquidity[:-1] = met.ravel()[1:]
    sighted = dataclasses.replace(log, observations=seen, next_observations=after, observe_liquidity=True)
    return offline.fitted(sighted).replace(liquidity=process)


OFF = {MEAN: (0.5, 0.9, 1.1, 2.0), SPEED: (0.25, 0.5, 1.5, 2.0), VOLATILITY: (0.25, 0.5, 1.5, 2.0)}
"""Factors by which filters are off."""
FILTERED, BLIND_FIT = "optimum, filtered", "fitted, filtered"
DARK = {
    "TD3+BC": "td3",
    "BCQ": "bcq",
    "optimum, naive": "naive",
    "rolling, naive": "naive_rolling",
    FILTERED: "filtered",
    BLIND_FIT: "fitted",
    "filtered, volatility ×½": "half_volatility",
}
"""Names of results, by label."""


@dataclass(frozen=True)
class Dark:
    """Nobody sees liquidity: gap closed on the scale on which 1 is the optimum that sees."""

    scores: pd.DataFrame
    """value, low, high and kind by label"""
    at: dict[str, Band]
    bound: float
    """for anybody who knows the level one period late"""
    luck: float
    """half-width of the interval of the paths, common to all"""
    lead: Band
    """of the filtered optimum over the better learner"""
    dollars: float
    """an order"""
    mean_td3: float
    """TD3+BC's mean action"""
    turns: dict[str, dict[str, float]]
    """factors between which the filtered optimum is ahead, by parameter"""


def _in_the_dark(errors: Mapping[str, float]) -> ox.Policy:
    """The optimum behind a filter, both with wrong parameters."""
    guess = believed(errors)
    return ox.filtered(guess, ox.optimum(guess))


def _blind_policies() -> dict[str, ox.Policy]:
    """Everybody who trades without sight."""
    policies: dict[str, ox.Policy] = {
        "Almgren–Chriss": ox.almgren_chriss(TRUTH),
        FILTERED: _in_the_dark({}),
        "rolling, filtered": ox.filtered(TRUTH, ox.rolling(TRUTH)),
    }
    policies |= {f"{name}, naive": make(TRUTH) for name, make in PLANNERS.items()}
    policies |= {f"{name} ×{f:g}": _in_the_dark({name: f}) for name, tried in OFF.items() for f in tried}
    for i, log in logs(TRUTH, "td3bc-hidden-mixture-8logs", observe_liquidity=False).items():
        guess = implied(log)
        policies[f"fitted {i}"] = ox.filtered(guess, ox.optimum(guess))
    agents = published.agents("td3bc-hidden-mixture-8logs")
    return policies | {f"TD3+BC {i}": agent for i, agent in zip(LOGS, agents, strict=True)}


def _dark_turns(score: Mapping[str, float], name: str, target: float) -> dict[str, float]:
    """Between which factors the filtered optimum is ahead; its loss goes about with a small log factor's square."""
    right, ends = score[FILTERED], {}
    below, above = [f for f in OFF[name] if f < 1][::-1], [f for f in OFF[name] if f > 1]
    for side, tried in (("lower", below), ("upper", above)):
        lost = np.sqrt([max(right - score[f"{name} ×{f:g}"], 0.0) for f in tried])
        u = np.interp(np.sqrt(right - target), [0.0, *lost], [0.0, *np.abs(np.log(tried))], right=np.inf)
        ends[side] = float(np.exp(np.sign(np.log(tried[0])) * u))
    return ends


def dark() -> Dark:
    """Score naive plans, filters and learners on the shocks of the published scores."""
    static, prize = scale()
    best = ox.simulate(TRUTH, ox.optimum(TRUTH), PAIRED, SCORING.episodes).objective
    cost = {
        name: ox.simulate(TRUTH, policy, PAIRED, SCORING.episodes, observe_liquidity=False).objective
        for name, policy in _blind_policies().items()
    }
    score = {name: 1 - mean(J - best).value / prize for name, J in cost.items()}
    many = {name: [f"{name} {i}" for i in LOGS] for name in ("fitted", "TD3+BC")}
    published_scores = agents_of("td3bc-hidden-mixture-8logs")
    assert np.allclose([score[name] for name in many["TD3+BC"]], published_scores, atol=1e-3)

    def apart(names: Sequence[str]) -> float:
        """Half-width of the difference to the filtered optimum, on the same paths."""
        return mean(np.mean([cost[name] for name in names], axis=0) - cost[FILTERED]).ci / prize

    def over_logs(values: Array, names: Sequence[str]) -> Band:
        return widened(vars(scoring.summary([values])), apart(names))

    single = {
        "Almgren–Chriss": "none",
        "rolling, naive": "rule",
        "optimum, naive": "plan",
        "rolling, filtered": "rule",
        FILTERED: "plan",
    }
    rows: dict[str, Any] = {name: {**about(score[name], apart([name])), "kind": kind} for name, kind in single.items()}
    for name in OFF:
        for f, words in ((0.5, "½"), (2.0, "2")):
            off = f"{name} ×{f:g}"
            label = f"filtered, {name.split(', ')[1]} ×{words}"
            rows[label] = {**about(score[off], apart([off])), "kind": "plan"}
    fits = np.array([score[name] for name in many["fitted"]])
    rows[BLIND_FIT] = {**over_logs(fits, many["fitted"]), "kind": "fit"}
    for algorithm, name in (("td3bc", "TD3+BC"), ("bcq", "BCQ")):  # BCQ, slow to act, is given TD3+BC's noise of paths
        values = agents_of(f"{algorithm}-hidden-mixture-8logs")
        rows[name] = {**over_logs(values, many["TD3+BC"]), "kind": name}
    scores = pd.DataFrame(rows).T.sort_values("value")
    scores[["value", "low", "high"]] = scores[["value", "low", "high"]].astype(float)
    better = max(("TD3+BC", "BCQ"), key=lambda name: float(rows[name]["value"]))
    lead = duel(rows[FILTERED], rows[better])
    found = Dark(
        scores=scores,
        at={short: band(rows[name]) for name, short in DARK.items()},
        bound=(static - c12_hidden.bound(TRUTH)) / prize,
        luck=mean(cost[FILTERED] - best).ci / prize,
        lead=lead,
        dollars=prize * lead["value"],
        mean_td3=_mean_action("td3bc"),
        turns={KEYS[name]: _dark_turns(score, name, rows[better]["value"]) for name in OFF},
    )
    for name in ("TD3+BC", "BCQ"):
        assert duel(rows[FILTERED], rows[name])["low"] > 0
        assert duel(rows[BLIND_FIT], rows[name])["low"] > 0
        for naive in ("optimum, naive", "rolling, naive"):
            assert duel(rows[naive], rows[name])["high"] < 0
    for wrong in ("filtered, mean ×2", "filtered, mean ×½", "filtered, volatility ×2", "filtered, speed ×2"):
        assert duel(rows[wrong], rows[better])["high"] < 0
    assert rows[FILTERED]["value"] < found.bound + found.luck
    assert duel(rows["filtered, volatility ×½"], rows[better])["low"] > 0
    assert rows["TD3+BC"]["high"] < found.mean_td3 < rows[FILTERED]["value"]
    assert rows[FILTERED]["value"] - found.mean_td3 < 0.01
    return found


def _mean_action(algorithm: str) -> float:
    """Gap closed without sight by the mean of eight agents' actions."""
    row: Any = published.results().loc[f"{algorithm}-hidden-mixture-8logs"]
    return float(row["mean_action"])


@dataclass(frozen=True)
class Board:
    """Every contest of the chapter."""

    rows: pd.DataFrame
    """situation, plan, learner, who is ahead, the plan's lead with its interval in gap closed and in dollars, turns"""
    least: float
    """what a learner loses where it does, an order [$]"""
    most: float
    bad_least: float
    """what a model loses where impact or the mean of liquidity is off by two, or impact lingers unseen [$]"""
    bad_most: float


def _contests(wrong: Errors, all_wrong: Joint, fit: Fitted, lingering: Form, blind: Dark) -> Iterator[dict[str, Any]]:
    """The rows of the board."""
    at_zero = {name: lingering.lines[name].loc[0.0] for name in ("TD3+BC", "BCQ")}
    lingers = {name: lingering.lines[name].loc[SCENARIO] for name in ("TD3+BC", "BCQ")}
    unseen = {name: blind.scores.loc[name] for name in ("TD3+BC", "BCQ")}

    def row(
        situation: str, plan: str, score: Any, learned: Mapping[str, Any], q: float = 0.0, turns: str = "–"
    ) -> dict[str, Any]:
        """Who is ahead of whom, by how much, and where the order turns."""
        learner = max(learned, key=lambda name: float(learned[name]["value"]))
        d, money = duel(score, learned[learner]), lingering.prizes[q]
        ahead = plan if d["low"] > 0 else learner if d["high"] < 0 else "not told apart"
        dollars = {"usd": money * d["value"], "usd_low": money * d["low"], "usd_high": money * d["high"]}
        who = {"situation": situation, "plan": plan, "learner": learner, "ahead": ahead}
        return {**who, **d, **dollars, "turns": turns}

    right = "all parameters right"
    yield row(right, "optimum", sure(1.0), at_zero, turns=f"{all_wrong.level['value']:.1f}% each")
    yield row(right, "rolling", sure(wrong.rolling_right), at_zero)
    yield row("fitted to the same log", "fitted optimum", vars(fit.scores["optimum"]), at_zero)
    for name, words, f in (
        (ETA, "η", 0.5),
        (ETA, "η", 2.0),
        (SIGMA, "σ", 2.0),
        (MEAN, "mean of L", 2.0),
        (GAMMA, "γ", 2.0),
        (SPEED, "speed of L", 0.5),
        (VOLATILITY, "volatility of L", 2.0),
    ):
        bar, score = wrong.bar(name), wrong.curves[name]["optimum"][f]
        ends = f"×{bar.upper:.2f}" if bar.open_lower else f"×{bar.lower:.2f}, ×{bar.upper:.2f}"
        yield row(f"{words} believed {'½' if f < 1 else '2×'}", "optimum", sure(score), at_zero, turns=ends)
    for name in (IGNORED, ROLLING, WRONG, RIGHT):
        at = lingering.turns[name]["value"]
        turn = "never" if np.isnan(at) else f"{1000 * at:.2f}·10⁻³" if at else "at 0"
        there = lingering.lines[name].loc[SCENARIO]
        yield row(f"impact lingers, q = {SCENARIO:g}", name, there, lingers, SCENARIO, turn)
    factors = {}
    for name in OFF:
        low, high = blind.turns[KEYS[name]].values()
        for twice in ("½", "2"):
            label = f"filtered, {name.split(', ')[1]} ×{twice}"
            factors[label] = f"×{low:.2f}, ×{high:.2f}" if low > 0 else f"×{high:.2f}"
    filters = ("filtered, mean ×2", "filtered, volatility ×2", "filtered, speed ×½")
    for name in ("optimum, naive", FILTERED, BLIND_FIT, *filters):
        yield row("liquidity hidden", name, blind.scores.loc[name], unseen, turns=factors.get(name, "–"))


def board(wrong: Errors, all_wrong: Joint, fit: Fitted, lingering: Form, blind: Dark) -> Board:
    """A plan or fitted model against the better learner, in every situation."""
    rows = pd.DataFrame(_contests(wrong, all_wrong, fit, lingering, blind))
    model_ahead = rows[(rows["low"] > 0) & ~rows["situation"].str.contains("believed")]
    by_two = rows["situation"].isin(["η believed ½", "η believed 2×", "mean of L believed 2×"])
    unseen = rows["plan"].isin([IGNORED, ROLLING, WRONG]) & rows["situation"].str.contains("lingers")
    matters = rows[by_two | unseen]
    assert (matters["high"] < 0).all()
    ahead: Any = rows.set_index(["situation", "plan"])["ahead"]
    assert ahead["all parameters right", "optimum"] == "optimum"
    assert ahead["all parameters right", "rolling"] == "not told apart"
    assert ahead["fitted to the same log", "fitted optimum"] == "fitted optimum" == ahead.iloc[2]
    for situation in ("η believed ½", "η believed 2×", "σ believed 2×", "mean of L believed 2×"):
        assert ahead[situation, "optimum"] == "TD3+BC"
    lingers = ahead["impact lingers, q = 0.002"]
    assert lingers[RIGHT] == RIGHT
    assert (lingers.drop(RIGHT) == "BCQ").all()
    assert (ahead["liquidity hidden"][[FILTERED, BLIND_FIT]] == [FILTERED, BLIND_FIT]).all()
    ends = (model_ahead["usd"].min(), model_ahead["usd"].max(), -matters["usd"].max(), -matters["usd"].min())
    return Board(rows, *ends)


def board_table(found: Board) -> pd.DataFrame:
    """The board in words."""

    def signed(value: float, digits: int) -> str:
        """A signed number, zero without a sign."""
        text = f"{value:+.{digits}f}"
        return (text if float(text) else text[1:]).replace("-", "−")

    shown = found.rows[["situation", "plan", "ahead"]].assign(
        **{
            "plan's lead": [
                f"{signed(row.value, 3)} ({signed(row.low, 3)} to {signed(row.high, 3)})"  # type: ignore[arg-type]
                for row in found.rows.itertuples()
            ],
            "lead ($)": [signed(dollars, 2) for dollars in found.rows["usd"]],
            "turns at": found.rows["turns"],
        }
    )
    return shown.set_index("situation")


@dataclass(frozen=True)
class Rule:
    """What a learner must close to be ahead of an optimum whose impact is off."""

    predicted: float
    """from the curvature"""
    over: float
    """gap closed where impact is believed too large"""
    under: float
    """and too small"""


def rule(found: Joint, factor: float) -> Rule:
    """The quadratic's answer beside the exact ones."""
    predicted = 1 - 0.5 * found.eta * np.log(factor) ** 2
    over, under = (planned("optimum", {ETA: f}) for f in (factor, 1 / factor))
    assert under < predicted < over
    assert max(abs(end - predicted) for end in (over, under)) < 0.02
    assert min(agents_of(f"{name}-mixture-8logs").min() for name in ("td3bc", "bcq")) > max(over, under)
    return Rule(float(predicted), over, under)


@dataclass(frozen=True)
class Misled:
    """A desk that computes its rewards with a wrong volatility."""

    planned: float
    """gap closed by the optimum planned with it"""
    estimate: float
    """of volatility by least squares on the first log with the wrong rewards, in parts of the true one"""
    closed: float
    """by the optimum of that fit"""


def misled(factor: float) -> Misled:
    """Least squares on rewards with a wrong volatility."""
    log = normal_logs()[0]
    left = TRUTH.order.shares * columns(log.observations).inventory.astype(float) * (1 - log.fractions)
    rewards = log.realised - (factor**2 - 1) * TRUTH.risk_weight * left**2
    fit = offline.fitted(dataclasses.replace(log, realised=rewards))
    estimate = fit.market.volatility / TRUTH.market.volatility
    found = Misled(planned("optimum", {SIGMA: factor}), estimate, closed(ox.optimum(fit)))
    assert abs(estimate - factor) < 0.02
    assert abs(found.planned - found.closed) < 0.15
    return found


def _left(scores: Any) -> Array:
    """What a gap closed leaves open, inside the axis."""
    return np.clip(1 - np.asarray(scores, dtype=np.float64), NEAR, FAR)


def _score_axis(worst: float) -> dict[str, Any]:
    """An axis of the gap closed with some room at both ends."""
    return gap_axis(1 - 1.15 * (1 - worst), 1 - 0.8 * NEAR, [mark for mark in MARKS if mark >= worst])


def _factor_axis(plot: Plot) -> None:
    """An axis of the factors by which a parameter is misjudged."""
    reach = 4**1.06
    plot.x("believed / true", [1 / reach, reach], log=True, ticks=FACTORS)


def turning_bars(bars: pd.DataFrame, estimates: Mapping[str, Array]) -> go.Figure:
    """For each parameter, between which factors of error a plan is ahead of the learner.

    Args:
        bars: a row for every parameter, planner ("optimum", "rolling") and end ("low", "value", "high", of the
            learner's interval that the plan is compared with): lower and upper factor, NaN where the plan is nowhere
            ahead, and open_lower and open_upper, whether the bar goes on beyond what was tried.
        estimates: by parameter, the factors by which estimates from single logs were off.
    """
    plot, place = Plot(), places(bars["parameter"])
    for i, (planner, own) in enumerate(bars.groupby("planner", sort=False)):
        colour, lane = COLOURS[str(planner)], 0.2 - 0.4 * i
        for end, width, opacity in (("low", 6, 0.35), ("value", 13, 0.45), ("high", 13, 0.9)):
            rows = own[own["end"] == end].dropna(subset=["lower"])
            y = [place[parameter] + lane for parameter in rows["parameter"]]
            entry: dict[str, Any] = {"key": str(planner), "showlegend": end == "high"}
            plot.spans(rows["lower"].round(4), rows["upper"].round(4), y, clear(colour, opacity), width, **entry)
        furthest = own.groupby("parameter")["upper"].max()
        for row in own[own["end"] == "value"].to_dict("records"):
            parameter, words = row["parameter"], _range(row)
            right = np.nanmax([furthest[parameter], 1.0])
            hover = f"{planner}, {parameter}: {words}"
            look: dict[str, Any] = {"textfont": {"size": 11, "color": colour}, "cliponaxis": False, "hover": hover}
            plot.words([round(right * 1.06, 4)], [place[parameter] + lane], [words], "middle right", **look)
    for parameter, factors in estimates.items():
        x, y = np.round(factors, 4), [place[parameter] - 0.43] * len(factors)
        hover = f"{parameter}, estimated: %{{x:.3f}}×"
        plot.dots(x, y, FITTED, 5, "diamond", key="estimates, a log each", hover=hover)
    plot.vline(1, width=1, dash=None, layer="below")
    _factor_axis(plot)
    lines = [name.replace(", ", ",<br>") for name in place]
    plot.rows(place, span=[-0.65, len(place) - 0.5], ticktext=lines, showgrid=False)
    first = bars[(bars["planner"] == bars["planner"].iloc[0]) & (bars["end"] == "value")]
    return plot.done(
        "For each parameter the range of misjudgement within which a plan is ahead of the learner. "
        + "; ".join(
            f"{row.parameter}: "
            + ("nowhere" if np.isnan(row.lower) else f"from {row.lower:.2f} to {row.upper:.2f} times the truth")
            for row in first.itertuples()
        ),
        height=480,
        margin={"t": 60},
        phone={
            "height": 560,
            "margin": {"l": 70, "r": 36, "t": 84},
            "yaxis": {"tickfont": {"size": 11}},
            "xaxis": FEW_FACTORS,
        },
    )


def _range(row: Mapping[Any, Any]) -> str:
    """Between which factors a plan is ahead, in words."""
    if np.isnan(row["lower"]):
        return "nowhere"
    lower = "¼" if row["open_lower"] else f"{row['lower']:.2f}"
    return f"{lower} to {row['upper']:.2f}" + (" and beyond" if row["open_upper"] else "")


def error_curves(curves: Mapping[str, pd.DataFrame], learner: tuple[float, float, float], selected: str) -> go.Figure:
    """Gap closed by plans against the factor by which one parameter is misjudged; a slider chooses the parameter.

    Args:
        curves: by parameter, a frame indexed by the factor with a column a planner.
        learner: gap closed by TD3+BC, and both ends of its interval.
        selected: the parameter that is shown first.
    """
    value, low, high = learner
    said, ends = f"{value:.3f} ({low:.3f} to {high:.3f})", np.array([0.25, 4.0])
    plot, colour = Plot(), COLOURS["TD3+BC"]
    middle, lower, upper = (np.repeat(_left(score), 2).round(5) for score in learner)
    plot.band(ends, lower, upper, clear(colour, 0.3))
    plot.line(ends, middle, colour, 2, "dash", name="TD3+BC, 95%", hover=f"TD3+BC: {said}")
    for planner in curves[selected].columns:
        x = Moving(np.round(frame.index.to_numpy(dtype=np.float64), 4) for frame in curves.values())
        y = Moving(_left(frame[planner]).round(5) for frame in curves.values())
        words = Moving([minus(f"{score:.3f}") for score in frame[planner]] for frame in curves.values())
        hover = f"{planner}, believed %{{x:.2f}}×: %{{customdata}}"
        plot.line(x, y, COLOURS[planner], customdata=words, name=planner, hover=hover)
    plot.slider("misjudged", curves, list(curves).index(selected))
    worst = min(float(frame.min().min()) for frame in curves.values())
    plot.hline(1.0, width=1)
    _factor_axis(plot)
    plot.y("gap closed (1: optimum)", **_score_axis(max(worst, -60.0)))
    return plot.done(
        "Gap closed by the rolling rule and the optimum against the factor by which one parameter is misjudged, "
        f"beside the learner's {said}. A slider chooses among {', '.join(curves)}.",
        height=500,
        phone={"height": 520, "xaxis": FEW_FACTORS, **SMALL_SLIDER},
    )


LINES = {
    "fitted, right form": (FITTED, "solid"),
    "TD3+BC": (COLOURS["TD3+BC"], "solid"),
    "BCQ": (COLOURS["BCQ"], "solid"),
    "optimum, q ignored": (COLOURS["optimum"], "solid"),
    "rolling": (COLOURS["rolling"], "solid"),
    "fitted, wrong form": (MISFIT, "dash"),
}
"""Colour and dash of those who meet transient impact."""


def form_curves(lines: Mapping[str, pd.DataFrame], floor: float = -0.3) -> go.Figure:
    """Gap closed against transient impact q, by who knew of it.

    Args:
        lines: by name (keys of `LINES`), a frame indexed by q [$/share per share] with value, low and high.
        floor: what is lower is drawn here.
    """
    plot = Plot()
    for name, frame in lines.items():
        colour, dash = LINES[name]
        q = (1000 * frame.index.to_numpy(dtype=np.float64)).round(4)
        value, low, high = (
            np.maximum(frame[end].to_numpy(dtype=np.float64), floor) for end in ("value", "low", "high")
        )
        words = [f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})" for row in frame.itertuples()]
        entry: dict[str, Any] = {"key": name, "customdata": [minus(said) for said in words]}
        entry["hover"] = f"{name}, q = %{{x}}·10⁻³: %{{customdata}}"
        if len(q) > 2:
            plot.band(q, low.round(4), high.round(4), clear(colour, 0.2), key=name, showlegend=False)
            plot.line(q, value.round(4), colour, dash=dash, marks=6, **entry)
        else:
            error = whiskers(value, low, high, colour, decimals=4)
            plot.dots(q, value.round(4), colour, 10, "diamond", error_y=error, **entry)
    plot.hline(0.0, width=1)
    plot.x("transient impact q (10⁻³ $/share per share)")
    plot.y("gap closed (1: optimum)", [floor, 1.04])
    return plot.done(
        "Gap closed against transient impact. "
        + "; ".join(f"{name} ends at {frame['value'].iloc[-1]:.2f}" for name, frame in lines.items()),
        height=480,
        margin={"t": 60},
        legend={"traceorder": "normal"},
        phone={"height": 560, "margin": {"t": 110}, "xaxis": {"title": {"text": "q (10⁻³ $/share per share)"}}},
    )


def blind_scores(rows: pd.DataFrame, bound: float, floor: float = -0.12) -> go.Figure:
    """Gap closed by those who do not see liquidity.

    Args:
        rows: indexed by name, best last: value, low, high, and kind (key of `KINDS`).
        bound: what the best policy closes that is told the last level.
        floor: what is lower is drawn here, with its number.
    """
    plot = Plot()
    for name, row in rows.iterrows():
        colour, value, low, high = KINDS[row["kind"]], float(row["value"]), float(row["low"]), float(row["high"])
        hover = minus(f"{name}: {value:.3f} ({low:.3f} to {high:.3f})")
        if value < floor:
            look: dict[str, Any] = {"text": [minus(f"{value:.2f}")], "textfont": {"color": colour, "size": 12}}
            plot.dots([floor], [name], colour, 10, "triangle-left", at="middle right", hover=hover, **look)
        else:
            error = whiskers([value], [low], [high], colour, 2, decimals=4)
            plot.dots([round(value, 4)], [name], colour, 10, error_x=error, hover=hover)
    plot.vline(bound, dash="dash")
    plot.note("bound", bound, 1.0, yref="paper", xanchor="center", yanchor="bottom", font={"size": 12})
    plot.vline(0, width=1, dash=None)
    plot.x("gap closed (1: the optimum that sees)", [floor - 0.02, bound + 0.03])
    plot.y(type="category", categoryorder="array", categoryarray=list(rows.index), showgrid=False)
    return plot.done(
        "Gap closed without sight of liquidity: "
        + "; ".join(f"{name} {row['value']:.2f}" for name, row in rows[::-1].iterrows())
        + f"; the bound is {bound:.2f}.",
        height=90 + 30 * len(rows),
        phone={
            "margin": {"l": 120, "r": 12},
            "yaxis": {"tickfont": {"size": 11}},
            "xaxis": {"title": {"text": "gap closed"}},
        },
    )
