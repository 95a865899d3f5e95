"""*BCQ*: what an unconstrained critic believes, where a constrained learner stays, and what it learns."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import dedent
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

import optexec as ox
from optexec import offline
from optexec.figures.style import (
    COLOURS,
    CONTRAST,
    LIQUIDITY,
    NEUTRAL,
    SMALL_SLIDER,
    along,
    clear,
    digits,
)
from optexec.liquidity import cached_chain
from optexec.observation import Columns, Observation, columns, period_of, stacked
from optexec.offline import scoring
from optexec.offline.agents import Agents
from optexec.offline.bcq import BCQ, BCQConfig
from optexec.offline.data import Transitions
from optexec.offline.learner import value
from optexec.offline.networks import ACTIVATIONS, perceptron
from report.agents import published
from report.agents.protocol import EPISODES, SCORING, STEPS, TUNING
from report.chapters.c14_td3_bc import Log
from report.plot import Moving, Panel, Plot, bundle, places, whiskers

__all__ = [
    "Acting",
    "Beliefs",
    "Clip",
    "Costs",
    "Critics",
    "Fits",
    "Greedy",
    "Latent",
    "Logs",
    "Look",
    "Poor",
    "Reach",
    "Results",
    "Silence",
    "Sweep",
    "acting",
    "acting_table",
    "belief_table",
    "beliefs",
    "choices",
    "clip",
    "clouds",
    "costs",
    "critic_curves",
    "critics",
    "extrapolated_costs",
    "fits",
    "fitted",
    "latent",
    "look",
    "perturbation_reach",
    "poor",
    "poor_table",
    "reach",
    "reach_sweep",
    "result_table",
    "results",
    "scores_figure",
    "seed_scores",
    "settings",
    "silence",
    "silence_table",
    "support_clouds",
    "sweep",
    "training_start",
    "update",
]

Array = NDArray[np.float64]
Rows = NDArray[Any]
Styled = Any
"""A table with its format: pandas' ``Styler``, whose type pandas keeps to itself."""


def _logged(panel: Panel, band: tuple[float, float]) -> None:
    """Where the actions of a log lie, grey; a line if all are one."""
    low, high = band
    if high - low > 1e-6:
        panel.figure.add_vrect(x0=low, x1=high, **BAND, **panel.where)
    else:
        panel.vline(low, "gray", 2, None, exclude_empty_subplots=False)


RATES = {0.25: "¼", 0.5: "½", 1: "1", 2: "2", 4: "4", 8: "8", 16: "16"}
"""Ticks of an axis of multiples of TWAP's fraction."""

BAND: dict[str, Any] = {"fillcolor": "gray", "opacity": 0.16, "line_width": 0, "exclude_empty_subplots": False}
"""A shaded range of x, also where nothing is drawn yet."""


BEHAVIOURS = {"mixture": "mixture", "noisy TWAP": "twap-noise", "TWAP": "twap"}
"""Names of the logs' traders by the labels of the chapter."""
VARIED = ("mixture", "noisy TWAP")
"""Logs in which different things were done."""
FIRST, SECOND = "mixture, data set 0", "mixture, data set 1"
STUDIES = {
    FIRST: "bcq-mixture-data0",
    SECOND: "bcq-mixture-data1",
    "noisy TWAP": "bcq-twap-noise-data0",
    "TWAP": "bcq-twap-data0",
}
"""Published studies of the chapter, by label."""
OF_LOG = {"mixture": FIRST, "noisy TWAP": "noisy TWAP", "TWAP": "TWAP"}
"""The study of each log."""
BELIEVED, TRUE = "promised J ($)", "true J ($)"
AT = 5
"""The period in which fits and critics are drawn."""


@dataclass(frozen=True, eq=False)
class Logs:
    """The logs of the chapter, and the market that they are of."""

    logs: dict[str, Log]

    @classmethod
    def collect(cls, problem: ox.Problem) -> Logs:
        """Data set 0 of every trader."""
        return cls({name: Log(problem, logged(problem, name, 0)) for name in BEHAVIOURS})

    def __getitem__(self, name: str) -> Transitions:
        return self.logs[name].data

    @property
    def market(self) -> Log:
        """The market's optimum, best schedule and gap."""
        return self.logs["mixture"]

    @property
    def problem(self) -> ox.Problem:
        """Order and market."""
        return self.market.problem

    @cached_property
    def twap(self) -> float:
        """J of TWAP [$]."""
        return ox.exact_objective(self.problem, ox.twap(self.problem))

    def score(self, objective: Any) -> Any:
        """Gap closed at J [$], one or many."""
        return (self.market.static - objective) / self.market.gap

    def truth(self) -> tuple[float, float, float]:
        """A, q2 and the best fraction in the period that is drawn, at normal liquidity."""
        best = self.market.best
        surfaces = (best.coefficients.A, best.coefficients.q2, best.coefficients.of_inventory)
        A, q2, right = (float(np.interp(1.0, best.levels, surface[AT])) for surface in surfaces)
        return A, q2, right


def logged(problem: ox.Problem, name: str, seed: int) -> Transitions:
    """The log of a trader."""
    return ox.collect(problem, BEHAVIOURS[name], EPISODES, seed)


@dataclass(frozen=True)
class Costs:
    """J of three policies [$]."""

    block: float
    """selling everything in the first period"""
    twap: float
    best: float


def costs(logs: Logs) -> Costs:
    """What a sale costs at most, evenly, and at least."""
    order = logs.problem.order
    block = ox.Schedule(logs.problem, order.shares * np.eye(order.periods)[0])
    return Costs(ox.exact_objective(logs.problem, block), logs.twap, logs.market.best.value)


def basis(level: ArrayLike) -> Array:
    """(1, l, l^2) of l = log L (..., 3)."""
    l = np.log(level)
    return np.stack([np.ones_like(l), l, l**2], axis=-1)


def powers(u: ArrayLike, degree: int) -> Array:
    """(1, u, ..., u^d) of multiples u of TWAP's fraction (..., d + 1)."""
    found: Array = np.asarray(u)[..., None] ** np.arange(degree + 1)
    return found


def curves(theta: Array, level: ArrayLike, u: ArrayLike) -> Array:
    """Fitted costs per squared share (n, g) of actions u (g,) at liquidities (n,)."""
    found: Array = basis(level) @ theta @ powers(u, theta.shape[1] - 1).T
    return found


def fitted(log: Transitions, degree: int, allowed: Sequence[Array]) -> dict[int, Array]:
    """Coefficients by period, costs regressed backwards; minima are over multiples ``allowed[k]`` of TWAP's."""
    N, episodes = log.problem.order.periods, log.episodes

    def rows(column: Rows) -> Array:
        return np.asarray(column, dtype=float).reshape(episodes, N)

    seen = columns(log.observations)
    x, level = rows(seen.inventory) * log.problem.order.shares, rows(seen.liquidity)
    u, to_go = rows(log.fractions) * (N - np.arange(N)), rows(-log.realised)
    theta: dict[int, Array] = {}
    for k in range(N - 1, -1, -1):
        F: Array = basis(level[:, k])[:, :, None] * powers(u[:, k], degree if k < N - 1 else 0)[:, None]
        y = to_go[:, k] / np.maximum(x[:, k], 1e-9)  # noise per squared share goes with 1/x
        solved: Any = np.linalg.lstsq(F.reshape(episodes, -1) * x[:, [k]], y, rcond=1e-10)[0]
        theta[k] = solved.reshape(3, -1)
        if k:
            to_go[:, k - 1] += curves(theta[k], level[:, k], allowed[k]).min(axis=1) * x[:, k] ** 2
    return theta


@dataclass(frozen=True, eq=False)
class Greedy:
    """The cheapest allowed action by a fit."""

    theta: Mapping[int, Array]
    allowed: Sequence[Array]

    def act(self, observation: Observation) -> Array:
        """The fractions (n,)."""
        N = len(self.allowed)
        period, fractions = period_of(observation, N), np.ones(len(observation))
        for k in np.unique(period[period < N - 1]):
            here, u = period == k, self.allowed[k]
            fit = curves(self.theta[k], columns(observation[here]).liquidity.astype(float), u)
            fractions[here] = u[fit.argmin(axis=1)] / (N - k)
        return fractions


def choices(log: Transitions, level: float | None = None) -> list[Array]:
    """Multiples of TWAP's fraction to choose from, by period: all, or the central part of the log's."""
    N, found = log.problem.order.periods, []
    for k in range(N - 1):
        ends = np.array([0, N - k])
        if level is not None:
            ends = np.quantile(log.fractions[log.period == k], [(1 - level) / 2, (1 + level) / 2]) * (N - k)
        found.append(np.linspace(ends[0], ends[1], 81))
    return [*found, np.array([1.0])]


@dataclass(frozen=True)
class Beliefs:
    """What fits promise and what their policies cost."""

    table: pd.DataFrame
    """by log and powers, among all fractions and among the logged ones"""
    wild: float
    """J of the mixture's fit with four powers among all fractions [$]"""
    wild_times: float
    """in J of TWAP"""
    tame: float
    """J of it among logged fractions [$]"""
    two: float
    """gap closed among logged fractions with two powers"""
    four: float
    """with four"""


def beliefs(logs: Logs) -> Beliefs:
    """Fit two and four powers to two logs, and act on the fits."""
    shares, rows = logs.problem.order.shares, {}
    for name in VARIED:
        for degree in (2, 4):
            row: dict[tuple[str, str], float] = {}
            for scope, level in (("all", None), ("logged", 0.95)):
                allowed = choices(logs[name], level)
                theta = fitted(logs[name], degree, allowed)
                row[scope, BELIEVED] = shares**2 * curves(theta[0], np.ones(1), allowed[0]).min()
                row[scope, TRUE] = ox.exact_value(logs.problem, Greedy(theta, allowed))
            rows[name, degree] = row
    table = pd.DataFrame(rows).T
    wild: Any = table["all"]
    tame: Any = table["logged"]
    astronomic = wild.drop(("mixture", 2))
    assert (astronomic[BELIEVED] < -1e6).all()
    assert (astronomic[TRUE] > 4 * logs.twap).all()
    assert (tame[TRUE] < logs.twap).all()
    assert (abs(tame[BELIEVED] / tame[TRUE] - 1) < 0.02).all()
    assert (logs.score(tame.loc["mixture", TRUE]) > 0.9).all()  # better than every schedule
    assert logs.score(wild.loc[("mixture", 2), TRUE]) > 0.9  # the right form extrapolates
    assert (logs.score(tame.loc["noisy TWAP", TRUE]) < 0).all()
    cost = wild.loc[("mixture", 4), TRUE]
    return Beliefs(
        table=table,
        wild=cost,
        wild_times=cost / logs.twap,
        tame=tame.loc[("mixture", 4), TRUE],
        two=logs.score(tame.loc[("mixture", 2), TRUE]),
        four=logs.score(tame.loc[("mixture", 4), TRUE]),
    )


def belief_table(found: Beliefs) -> Styled:
    """A row a fit."""

    def dollars(objective: Any) -> str:
        big = abs(objective) >= 1e6
        return f"$-10^{{{np.log10(abs(objective)):.0f}}}$" if big else f"{objective:,.0f}"

    flat = found.table.set_axis([f"{log}, {degree} powers" for log, degree in found.table.index])
    return flat.rename_axis("fit").style.format(dollars)


@dataclass(frozen=True)
class Fits:
    """Fits to six logs each, in one state."""

    rates: Array
    """actions as multiples of TWAP's fraction (g,)"""
    truth: Array
    """cost above the least [%] (g,)"""
    curves: dict[str, dict[str, list[Array]]]
    """the same by log and fit"""
    bands: dict[str, tuple[float, float]]
    """where the central 95% of a log's actions lie"""
    first: float
    """gap closed from the first log of the mixture, with two powers and the logged actions"""
    second: float
    low: float
    """the least from six logs"""
    high: float
    concave: int
    """periods in which the parabola of noisy TWAP's log opens downwards at some level"""


def fits(logs: Logs) -> Fits:
    """Fit two and four powers to six logs of each trader, and score the mixture's."""
    problem, N = logs.problem, logs.problem.order.periods
    rates, (A, q2, right) = np.linspace(0, 15, 61), logs.truth()
    truth = 100 * q2 * (rates / (N - AT) - right) ** 2 / A
    panels: dict[str, dict[str, list[Array]]] = {}
    bands: dict[str, tuple[float, float]] = {}
    scores: list[float] = []
    for name in VARIED:
        six = [logs[name], *(logged(problem, name, seed) for seed in range(1, 6))]
        allowed = [choices(log, 0.95) for log in six]
        pairs = list(zip(six, allowed, strict=True))
        found = {degree: [fitted(log, degree, ends) for log, ends in pairs] for degree in (2, 4)}
        panels[name] = {
            f"{degree} powers": [100 * (curves(fit[AT], np.ones(1), rates)[0] / A - 1) for fit in of_six]
            for degree, of_six in found.items()
        }
        if name == "mixture":
            policies = (Greedy(fit, ends) for fit, ends in zip(found[2], allowed, strict=True))
            scores = [logs.score(ox.exact_value(problem, policy)) for policy in policies]
        bands[name] = tuple(allowed[0][AT][[0, -1]])
    for name, (low, high) in bands.items():
        four, inside = np.array(panels[name]["4 powers"]), (rates > low) & (rates < high)
        spread_in, spread_out = four[:, inside].std(axis=0).mean(), four[:, rates > 1.5 * high].std(axis=0).mean()
        assert spread_out > 10 * spread_in
    two = np.array(panels["mixture"]["2 powers"])
    assert abs(two[:, rates < 8] - truth[rates < 8]).mean() < 8  # the right form, far beyond the log
    assert min(scores) > 0.96
    assert abs(scores[0] - scores[1]) < 0.001
    grid, noisy = np.linspace(0.4, 1.6, 25), logs["noisy TWAP"]
    bend = fitted(noisy, 2, choices(noisy, 0.95))
    concave = sum((basis(grid) @ bend[k][:, 2]).min() < 0 for k in range(N - 1))
    assert concave > 0
    return Fits(rates, truth, panels, bands, scores[0], scores[1], min(scores), max(scores), int(concave))


_UPDATE = inspect.getsource(BCQ.update)


def update(first: str, last: str) -> str:
    """The package's update from the line that begins with ``first`` to that before ``last``, in Markdown."""
    lines = _UPDATE[_UPDATE.index(8 * " " + first) : _UPDATE.index(8 * " " + last)]
    return f"```python\n{dedent(lines).rstrip()}\n```"


@dataclass(frozen=True)
class Settings:
    """Data sets on which the settings were chosen."""

    first: int
    last: int


def settings() -> Settings:
    """That the settings are what the chapter says."""
    tuned, paper = BCQConfig.tuned(), BCQConfig.paper()
    assert not {*TUNING.data, *TUNING.training, TUNING.episodes} & {*SCORING.data, *SCORING.training, SCORING.episodes}
    assert (tuned.divergence, tuned.latent, tuned.clip, tuned.pessimism, tuned.choices) == (0.5, 2, 0.5, 0.75, 8)
    assert (tuned.critic, paper.critic) == ("quadratic", "free")
    assert (paper.divergence, paper.latent, paper.clip, paper.pessimism) == (0.5, 2, 0.5, 0.75)
    assert paper.reach == 0.05
    return Settings(TUNING.data[0], TUNING.data[1])


@dataclass(frozen=True)
class Look:
    """What agents consider in states (n,), and what they choose; y for S seeds."""

    sampled: Array
    """(S, n, choices)"""
    moved: Array
    """(S, n, choices), by the perturbation"""
    chosen: Array
    """(S, n)"""


def look(agents: Agents, observations: Observation) -> Look:
    """Samples, candidates and choices at observations (n, 6)."""
    states = agents.states(observations)
    with torch.inference_mode():
        candidates = BCQ.candidates(_config(agents), agents.networks, states)
        period = period_of(observations, agents.view.periods)
        chosen = agents.view.encode(agents.fractions(observations), period)
    sampled, moved = (part.numpy().astype(float) for part in candidates)
    return Look(sampled, moved, chosen)


def _config(agents: Agents) -> BCQConfig:
    assert isinstance(agents.config, BCQConfig)
    return agents.config


@dataclass(frozen=True)
class Silence:
    """What the autoencoders say."""

    table: pd.DataFrame
    """by log: s.d. and variance of the logged y, s.d. of the samples in a state, phi, squared error of decoding"""
    phi: dict[str, float]
    """bound of the perturbation by log [units of y]"""
    error: float
    """squared error of decoding, of the mixture"""
    variance: float
    """of the mixture's y in a period"""
    samples: float
    """s.d. of the mixture's samples in that of its log [%]"""
    odds: float
    """factor of the odds that phi allows"""
    reach: float
    """phi in s.d. of the log"""


def silence(logs: Logs, shipped: Mapping[str, Agents], looks: Mapping[str, Look]) -> Silence:
    """Compare the samples' spread with the log's."""
    N, rows, tuned = logs.problem.order.periods, {}, BCQConfig.tuned()
    for name, agents in shipped.items():
        spread, phi = agents.view.spread(logs[name]), float(agents.networks["reach"][0][0])
        error = float(agents.trace["distance"].loc[STEPS].mean()) * N / (N - 1)  # the forced period counts 0
        rows[name] = [spread, spread**2, looks[name].sampled.std(axis=-1).mean(), phi, error]
    table = pd.DataFrame(rows, index=["log's s.d.", "log's variance", "samples' s.d.", "φ", "decoding error"]).T
    noisy, v = table.loc[list(VARIED)], tuned.divergence / (2 * tuned.latent)
    assert v == 0.125
    assert (table["log's variance"] < v).all()
    assert np.ptp(logs["TWAP"].fractions.reshape(-1, N), axis=0).max() < 1e-9  # no spread
    assert (noisy["samples' s.d."] < 0.1 * noisy["log's s.d."]).all()
    assert np.allclose(noisy["decoding error"], noisy["log's variance"], rtol=0.25)
    spread, variance, samples, phi, error = (float(number) for number in table.loc["mixture"].to_numpy())
    return Silence(
        table=table,
        phi={name: float(bound) for name, bound in zip(table.index, table["φ"], strict=True)},
        error=error,
        variance=variance,
        samples=100 * samples / spread,
        odds=float(np.exp(2.5 * phi)),
        reach=tuned.reach,
    )


def silence_table(found: Silence) -> Styled:
    """A row a log."""
    table = found.table.copy()
    table.loc["TWAP", ["log's s.d.", "log's variance"]] = 0  # the view's unit is 0.001 there
    return table.rename_axis("log").style.format("{:.3f}").format("{:.4f}", subset=["samples' s.d."])


@dataclass(frozen=True)
class Reach:
    """How far two bounds of the perturbation go [s.d. of the log's actions], and what of the optimum lies within."""

    bounds: dict[str, dict[str, pd.DataFrame]]
    """by bound and log: reach and share within, by period"""
    raw: float
    """the published bound as a fraction of the inventory"""
    raw_first: float
    """on the mixture in the first period"""
    raw_last: float
    raw_within: float
    """the optimum's decisions within it [%]"""
    noisy_first: float
    """the published bound on noisy TWAP"""
    noisy_last: float
    noisy_factor: float
    """of the two"""
    own_within: float
    """the optimum's decisions within the tuned bound on the mixture [%]"""
    own_noisy: float
    """and on noisy TWAP [%]"""
    own_early: float
    """of the first five periods there [%]"""


def _within(log: Transitions, y: Array, wanted: Array, period: NDArray[np.int64], phi: float) -> pd.DataFrame:
    """By period: phi in s.d. of the logged y, and how much of what is wanted it reaches."""
    free = range(log.problem.order.periods - 1)
    parts = [y[log.period == k] for k in free]
    mean, deviation = (np.array([part.mean() for part in parts]), np.array([part.std() for part in parts]))
    close = abs(wanted - mean[period]) <= phi
    share = [close[period == k].mean() for k in free]
    return pd.DataFrame({"reach": phi / deviation, "within": share}).rename_axis("period")


def reach(
    logs: Logs, shipped: Mapping[str, Agents], found: Silence, seen: Observation, published_bound: float
) -> Reach:
    """The published bound on raw fractions, as y = 2a - 1, and the tuned one on log-odds, where the optimum goes."""
    period, wish = period_of(seen, logs.problem.order.periods), logs.market.best.act(seen)
    raw, own = {}, {}
    for name in VARIED:
        log, view = logs[name], shipped[name].view
        y, wanted = view.encode(log.fractions, log.period), view.encode(wish, period)
        raw[name] = _within(log, log.fractions, wish, period, published_bound / 2)
        own[name] = _within(log, y, wanted, period, found.phi[name])
    mixed, noisy = raw["mixture"], raw["noisy TWAP"]
    reached = Reach(
        bounds={f"φ = {published_bound:g}, raw fractions": raw, "tuned φ, log-odds": own},
        raw=published_bound / 2,
        raw_first=mixed["reach"].iloc[0],
        raw_last=mixed["reach"].iloc[-1],
        raw_within=100 * mixed["within"].mean(),
        noisy_first=noisy["reach"].iloc[0],
        noisy_last=noisy["reach"].iloc[-1],
        noisy_factor=noisy["reach"].iloc[0] / noisy["reach"].iloc[-1],
        own_within=100 * own["mixture"]["within"].mean(),
        own_noisy=100 * own["noisy TWAP"]["within"].mean(),
        own_early=100 * own["noisy TWAP"]["within"].iloc[:5].mean(),
    )
    assert reached.raw_within < 75
    assert mixed["reach"].max() < 0.5
    assert reached.own_within > 99
    assert reached.noisy_factor > 5
    assert noisy["within"].mean() < 0.3
    assert own["mixture"]["reach"].between(1, 2.5).all()
    assert reached.own_early < 30 < reached.own_noisy
    return reached


def clouds(logs: Logs, shipped: Mapping[str, Agents], found: Silence, seen: Observation) -> go.Figure:
    """`support_clouds` of the agents of two logs, in four periods."""
    N, best = logs.problem.order.periods, logs.market.best
    periods, levels = [1, 5, 10, 15], np.linspace(0.4, 1.6, 25)
    panels: dict[str, list[dict[str, Array]]] = {}
    for name in VARIED:
        log, agents, panels[name] = logs[name], shipped[name], []
        for k in periods:
            grid = np.tile(seen[period_of(seen, N) == k][:1], (len(levels), 1))
            columns(grid).liquidity[:] = levels
            looked, phi, here = look(agents, grid), found.phi[name], np.flatnonzero(log.period == k)[:200]
            middle = looked.sampled[0].mean(axis=-1)

            def multiple(y: Array, k: int = k, agents: Agents = agents) -> Array:
                return (N - k) * agents.view.decode(np.clip(y, -1, 1), np.full(len(levels), k))

            panels[name].append(
                {
                    "level": columns(log.observations[here]).liquidity.astype(float),
                    "action": (N - k) * log.fractions[here],
                    "sampled": multiple(middle),
                    "low": multiple(middle - phi),
                    "high": multiple(middle + phi),
                    "chosen": np.array([multiple(y) for y in looked.chosen]),
                    "optimum": (N - k) * best.fraction(k, levels),
                }
            )
    return support_clouds(panels, levels, periods)


@dataclass(frozen=True)
class Acting:
    """How far from the log agents act in the optimum's states."""

    table: pd.DataFrame
    deviation: float
    """mean distance from the mixture's mean [s.d.]"""
    furthest: float
    """99% of the moves on the mixture are below it [phi]"""
    at_bound: float
    """moves at the bound on noisy TWAP [%]"""
    early: float
    """in the first four periods [%]"""
    outside: float
    """choices beyond the central 95% of noisy TWAP's log [%]"""
    twap_at_bound: float
    """moves at the bound on TWAP's log [%]"""
    quickest: float
    """how far an agent of TWAP's log is from TWAP's rate at most [%]"""


@dataclass(frozen=True)
class _Distances:
    """Of the chosen actions: distance from the log's mean in s.d., whether outside its central 95%, moves in phi."""

    deviation: Array
    outside: NDArray[np.bool_]
    move: Array

    def at_bound(self, where: Any = slice(None)) -> float:
        """Share of the moves of some states that are at the bound."""
        return float((self.move[:, where] > 0.95).mean())


def _distances(log: Log, agents: Agents, looked: Look, period: NDArray[np.int64], phi: float) -> _Distances:
    y, chosen = log.rows(agents.view.encode(log.data.fractions, log.data.period)), looked.chosen
    deviation, quantile = np.empty_like(chosen), np.empty_like(chosen)
    for k in range(log.periods - 1):
        here, ranked = period == k, np.sort(y[:, k])
        deviation[:, here] = (chosen[:, here] - ranked.mean()) / max(ranked.std(), 0.001)
        quantile[:, here] = np.searchsorted(ranked, chosen[:, here]) / log.data.episodes
    return _Distances(deviation, abs(quantile - 0.5) > 0.475, abs(looked.moved - looked.sampled) / phi)


def acting(
    logs: Logs, shipped: Mapping[str, Agents], found: Silence, looks: Mapping[str, Look], seen: Observation
) -> Acting:
    """Measure what the agents choose at observations ``seen`` against their logs."""
    period = period_of(seen, logs.problem.order.periods)
    far = {
        name: _distances(logs.logs[name], agents, looks[name], period, found.phi[name])
        for name, agents in shipped.items()
    }

    def percent(share: float) -> str:
        return "0" if share == 0 else f"{100 * share:.1f}"

    rows = {}
    for name in VARIED:
        by_seed = far[name].outside.mean(axis=1)
        ends = f" ({percent(by_seed.min())} to {percent(by_seed.max())})" if by_seed.max() > by_seed.min() else ""
        rows[name] = {
            "distance (s.d.)": f"{abs(far[name].deviation).mean():.2f}",
            "outside (%)": percent(by_seed.mean()) + ends,
            "mean move (φ)": f"{far[name].move.mean():.2f}",
            "at the bound (%)": percent(far[name].at_bound()),
        }
    mixed, noisy = far["mixture"], far["noisy TWAP"]
    quickest = abs(shipped["TWAP"].fractions(seen) * (logs.problem.order.periods - period) - 1).max()
    assert not mixed.outside.any()
    assert abs(mixed.deviation).max() < 3.5
    assert mixed.at_bound() == 0
    assert noisy.at_bound() > 0.3
    assert noisy.at_bound(period < 4) > 0.5
    assert quickest < 0.02  # on TWAP's log the agents are TWAP
    return Acting(
        table=pd.DataFrame(rows).T,
        deviation=abs(mixed.deviation).mean(),
        furthest=float(np.quantile(mixed.move, 0.99)),
        at_bound=100 * noisy.at_bound(),
        early=100 * noisy.at_bound(period < 4),
        outside=100 * noisy.outside.mean(),
        twap_at_bound=100 * far["TWAP"].at_bound(),
        quickest=100 * quickest,
    )


def acting_table(found: Acting) -> pd.DataFrame:
    """A row a log."""
    return found.table.rename_axis("log")


@dataclass(frozen=True)
class Results:
    """What the agents score, exactly."""

    objectives: dict[str, Array]
    """J of the seeds by study (S,) [$]"""
    of_mean: pd.Series[float]
    """J of the mean action by study [$]"""
    middle: pd.DataFrame
    """gap closed from the mixture: interquartile mean, interval, lowest seed and mean action, by learner and log"""
    iqm: float
    """BCQ's interquartile mean over both logs of the mixture"""
    low: float
    high: float
    lowest: float
    between: float
    """interquartile mean on the first log less that on the second"""
    first_mean: float
    """the mean action from the first log"""
    second_mean: float
    rolling: float


def _scored(logs: Logs, study: str) -> tuple[Array, float]:
    """J of every seed and of the mean action, without Monte Carlo."""
    policies = scoring.tabulated(published.agents(study), logs.problem).values()
    *seeds, mean = (ox.exact_value(logs.problem, policy) for policy in policies)
    return np.array(seeds), mean


def results(logs: Logs, found: Fits) -> Results:
    """Score the published agents, and TD3+BC's beside those of the mixture."""
    scored = {label: _scored(logs, study) for label, study in STUDIES.items()}
    rows = {}
    for label in (FIRST, SECOND):
        others = {"BCQ": scored[label], "TD3+BC": _scored(logs, STUDIES[label].replace("bcq", "td3bc"))}
        for learner, (seeds, mean) in others.items():
            rows[label, learner] = {**vars(scoring.summary([logs.score(seeds)])), "mean action": logs.score(mean)}
    middle: Any = pd.DataFrame(rows).T
    scores = {label: logs.score(scored[label][0]) for label in (FIRST, SECOND)}
    both = scoring.summary(list(scores.values()))
    means = [middle.loc[(label, "BCQ"), "mean action"] for label in scores]
    between = middle.loc[(FIRST, "BCQ"), "value"] - middle.loc[(SECOND, "BCQ"), "value"]
    one = ox.exact_value(logs.problem, published.agents(STUDIES[FIRST])[0])
    assert np.isclose(one, scored[FIRST][0][0], rtol=1e-6)  # nothing is lost by tables
    for label, closed in scores.items():
        entry = published.manifest()[STUDIES[label]]["scores"]
        assert (abs(closed - entry["gap_closed"]) < 0.002 + 2 * np.array(entry["gap_closed_ci"])).all()
    assert both.value > 0.97
    assert both.lowest > 0.95
    assert min(means) > 0.97
    assert abs(both.value - np.mean([found.first, found.second])) < 0.02
    assert between > both.high - both.low
    return Results(
        objectives={label: seeds for label, (seeds, _) in scored.items()},
        of_mean=pd.Series({label: mean for label, (_, mean) in scored.items()}),
        middle=middle,
        iqm=both.value,
        low=both.low,
        high=both.high,
        lowest=both.lowest,
        between=between,
        first_mean=means[0],
        second_mean=means[1],
        rolling=logs.score(ox.exact_value(logs.problem, ox.rolling(logs.problem))),
    )


def scores_figure(logs: Logs, found: Results) -> go.Figure:
    """`seed_scores` of the agents of the mixture."""
    scores, middles, means = {}, {}, {}
    for label in (FIRST, SECOND):
        row: Any = found.middle.loc[(label, "BCQ")]
        scores[label], means[label] = logs.score(found.objectives[label]), row["mean action"]
        middles[label] = (row["value"], row["low"], row["high"])
    return seed_scores(scores, middles, means, found.rolling)


def result_table(found: Results) -> Styled:
    """A row a log and learner."""
    table = found.middle.set_axis([f"{label.removeprefix('mixture, ')}: {name}" for label, name in found.middle.index])
    interval = [f"{low:.3f} to {high:.3f}" for low, high in zip(table["low"], table["high"], strict=True)]
    names = {"value": "gap closed", "interval": "95% over seeds", "lowest": "lowest seed", "mean action": "mean action"}
    shown = table.assign(interval=interval)[list(names)].rename(columns=names)
    return shown.rename_axis("log and learner").style.format(precision=3)


@dataclass(frozen=True)
class Poor:
    """BCQ by log."""

    table: pd.DataFrame
    noisy_low: float
    """J of the best agent of noisy TWAP's log [$]"""
    noisy_high: float
    noisy_part: float
    """how far the mean action is from TWAP to the optimum there [%]"""
    noisy_overlap: float
    """of noisy TWAP's log with the optimum's decisions [%]"""
    twap_worst: float
    """how far the worst agent of TWAP's log is from TWAP [%]"""


def poor(logs: Logs, found: Results) -> Poor:
    """J of the agents by log, beside TWAP's."""
    rows = {}
    for name, label in OF_LOG.items():
        seeds, mean = found.objectives[label], found.of_mean[label]
        ends = [seeds.min(), seeds.max(), mean, 100 * (seeds.max() / logs.twap - 1)]
        rows[name] = [offline.overlap(logs[name]), logs.twap, *ends]
    table = pd.DataFrame(rows, index=["overlap", "TWAP", "lowest", "highest", "mean action", "to TWAP (%)"]).T
    noisy: Any = table.loc["noisy TWAP"]
    worst = table["to TWAP (%)"]
    assert (worst < 5).all()  # nobody blows up
    assert abs(worst["TWAP"]) < 0.5
    assert logs.market.static < noisy["lowest"]
    assert noisy["highest"] < logs.twap
    return Poor(
        table=table,
        noisy_low=noisy["lowest"],
        noisy_high=noisy["highest"],
        noisy_part=100 * (logs.twap - noisy["mean action"]) / (logs.twap - logs.market.best.value),
        noisy_overlap=100 * noisy["overlap"],
        twap_worst=abs(worst["TWAP"]),
    )


def poor_table(found: Poor) -> Styled:
    """A row a log."""
    shown = found.table.rename_axis("log").style.format("{:,.1f}")
    return shown.format("{:.3f}", subset=["overlap"]).format("{:+.2f}", subset=["to TWAP (%)"])


@dataclass(frozen=True)
class Critics:
    """What the critics say of an action in one state, from TWAP's [% of the behaviour's cost to go]."""

    rates: Array
    """actions as multiples of TWAP's fraction (g,)"""
    curves: dict[str, Array]
    """by log (S, g)"""
    truths: dict[str, Array]
    bands: dict[str, tuple[float, float]]
    """where the central 95% of a log's actions lie"""
    error: float
    """mean error of the mixture's, up to four times TWAP's rate"""
    error_twap: float
    """of TWAP's log's"""
    convex: int
    """how many of TWAP's log have the sign of the curvature wrong"""


def _critic(agents: Agents, k: int, u: Array) -> Array:
    """Q of every seed (S, g) at normal liquidity, less that of TWAP's action."""
    N = agents.view.periods
    seen = stacked(Columns(0.5, (N - k) / N, 1, 0.02, 1, 0), len(u))
    encoded = agents.view.encode(u / (N - k), np.full(len(u), k))
    y = torch.tensor(encoded, dtype=torch.float32)[None, :, None].expand(len(agents), -1, 1)
    with torch.inference_mode():
        q = value(agents.config, agents.networks["critic"], agents.states(seen), y).numpy()[..., 0]
    found: Array = 100 * (q - q[:, [np.flatnonzero(u == 1)[0]]])
    return found


def critics(logs: Logs, shipped: Mapping[str, Agents], looks: Mapping[str, Look], found: Acting) -> Critics:
    """The critics' curves with the truth, and how far off they are."""
    N, shares, rates = logs.problem.order.periods, logs.problem.order.shares, np.linspace(0.1, 6, 60)
    _, q2, right = logs.truth()
    panels, truths, bands, error = {}, {}, {}, {}
    for name, agents in shipped.items():
        log = logs[name]
        held = np.asarray(columns(log.observations).inventory * shares, dtype=float).reshape(-1, N)
        to_go = -log.realised.reshape(-1, N)[:, AT:].sum() / (held[:, AT] ** 2).sum()  # per squared share: Q's unit
        panels[name] = _critic(agents, AT, rates)
        apart = (rates / (N - AT) - right) ** 2 - (1 / (N - AT) - right) ** 2
        truths[name] = -100 * q2 * apart / to_go
        low, high = np.quantile(log.fractions[log.period == AT] * (N - AT), [0.025, 0.975])
        bands[name] = (low, high)
        error[name] = abs(panels[name] - truths[name])[:, rates < 4].mean()
    bent = {name: np.sign(np.diff(drawn, 2, axis=1).mean(axis=1)) for name, drawn in panels.items()}
    convex = (bent["TWAP"] > 0).sum()
    up = (looks["TWAP"].moved > looks["TWAP"].sampled).mean(axis=(1, 2))  # how often a seed would rather be faster
    assert error["mixture"] < 1
    assert error["TWAP"] > 10 * error["mixture"]
    assert (bent["mixture"] < 0).all()
    assert 0 < convex < 8
    assert found.twap_at_bound > 90
    assert up.min() < 0.5
    assert up.max() > 0.9
    return Critics(rates, panels, truths, bands, error["mixture"], error["TWAP"], int(convex))


@dataclass(frozen=True)
class Sweep:
    """What the trained critics would do within other bounds [$ above the optimum]."""

    bounds: Array
    """phi (R,) [units of y]"""
    above: dict[str, Array]
    """by log (R, S)"""
    lines: dict[str, float]
    """TWAP and the best schedule"""
    free: float
    """the mixture's agents at phi = 1, the worst"""
    tight: float
    """at 0.1 on average"""
    noisy_own: float
    """noisy TWAP's with their own bound, on average"""
    noisy_wide: float
    """at 0.6"""
    noisy_closed: float
    """gap closed there"""
    noisy_free: float
    """at 1, the worst"""
    twap_worse: int
    """agents of TWAP's log that are worse than TWAP at phi = 1"""
    twap_worst: float
    """the worst of them"""


def _reached(agents: Agents, k: int, levels: Array, phis: Array) -> Array:
    """Best fractions by the first critic within each phi of the sample, (len(phis), S, g), in period k."""
    N = agents.view.periods
    states = agents.states(stacked(Columns(0.5, (N - k) / N, 1, 0.02, levels, 0), len(levels)))
    with torch.inference_mode():
        middle = BCQ.candidates(_config(agents), agents.networks, states)[0].mean(dim=-1).numpy()
        form = perceptron(agents.networks["critic"], states, ACTIVATIONS[agents.config.activation])
    _, slope, bend = form.numpy().astype(float).transpose(2, 0, 1)
    bounds = np.clip(middle + np.multiply.outer([-1, 1], phis)[..., None, None], -1, 1)
    low, high = (N - k) * agents.view.decode(bounds, np.full(len(levels), k)) - 1
    options = np.stack([low, np.clip(-slope / (2 * bend), low, high), high])
    best = (slope * options + bend * options**2).argmax(axis=0)
    fractions: Array = (1 + np.take_along_axis(options, best[None], axis=0)[0]) / (N - k)
    return fractions


def _swept(logs: Logs, agents: Agents, phis: Array) -> Array:
    """J less the optimum's (len(phis), S): what `exact_value` does, for all bounds and seeds at once."""
    problem, N = logs.problem, logs.problem.order.periods
    chain = cached_chain(problem.market.liquidity, problem.order.dt, N, 201)
    h, r, gamma = problem.market.instantaneous / chain.levels, problem.risk_weight, problem.market.permanent
    cost = np.broadcast_to(h, (len(phis), len(agents), len(h)))
    for k in range(N - 2, -1, -1):
        ahead, f = cost @ chain.matrix.T, _reached(agents, k, chain.levels, phis)
        cost = r + ahead + (gamma - 2 * r - 2 * ahead) * f + (h - gamma + r + ahead) * f**2
    above: Array = cost[..., chain.start] * problem.order.shares**2 - logs.market.best.value
    return above


PHIS = np.array([0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def sweep(logs: Logs, shipped: Mapping[str, Agents], found: Silence, scored: Results) -> Sweep:
    """Let the trained critics choose within any bound."""
    best, above = logs.market.best.value, {name: _swept(logs, agents, PHIS) for name, agents in shipped.items()}

    def at(name: str, phi: float) -> Array:
        row: Array = above[name][np.flatnonzero(phi == PHIS)[0]]
        return row

    for name, label in OF_LOG.items():
        own = best + _swept(logs, shipped[name], np.array([found.phi[name]]))[0]
        assert np.allclose(own, scored.objectives[label], rtol=4e-3)  # at its own bound nearly the agent itself
    twap, wide = logs.twap - best, at("noisy TWAP", 0.6).mean()
    assert at("mixture", 1.0).max() < 2
    assert at("mixture", 0.1).min() > 5
    assert wide < 0.4 * at("noisy TWAP", 0.35).mean()
    assert (at("TWAP", 1.0) > twap).sum() >= 4
    assert at("TWAP", 1.0).max() > 2 * twap
    assert at("TWAP", 0.05).min() < twap < at("TWAP", 0.05).max()  # a lottery from the start
    return Sweep(
        bounds=PHIS,
        above=above,
        lines={"TWAP": twap, "best schedule": logs.market.static - best},
        free=at("mixture", 1.0).max(),
        tight=at("mixture", 0.1).mean(),
        noisy_own=scored.objectives["noisy TWAP"].mean() - best,
        noisy_wide=wide,
        noisy_closed=logs.score(best + wide),
        noisy_free=at("noisy TWAP", 1.0).max(),
        twap_worse=int((at("TWAP", 1.0) > twap).sum()),
        twap_worst=at("TWAP", 1.0).max(),
    )


@dataclass(frozen=True)
class Clip:
    """Biases of a target in units of the critics' error."""

    minimum: float
    """how much the smaller critic is too low"""
    soft: float
    """how much the soft clip is"""
    soft_of_four: float
    """the soft clip's bias after a maximum over four actions"""
    minimum_of_four: float


def clip() -> Clip:
    """The soft clip and the minimum, for one action and for the best of four."""
    errors = np.random.default_rng(0).standard_normal((2, 200_000, 4))
    soft = 0.75 * errors.min(axis=0) + 0.25 * errors.max(axis=0)
    assert np.isclose(errors[..., 0].min(axis=0).mean(), -1 / np.sqrt(np.pi), atol=0.01)
    assert np.isclose(soft[:, 0].mean(), -0.5 / np.sqrt(np.pi), atol=0.01)
    four, hard = soft.max(axis=1).mean(), errors.min(axis=0).max(axis=1).mean()
    assert four > hard > 0
    return Clip(1 / np.sqrt(np.pi), 0.5 / np.sqrt(np.pi), four, hard)


@dataclass(frozen=True)
class Latent:
    """When the mixture's autoencoder would speak."""

    weight: float
    """the largest w at which it does"""
    slope: float
    """the decoder's c at w = 0.1"""
    deviation: float
    """s.d. of the samples then"""
    part: float
    """of the log's [%]"""


def _slope(variance: float, v: float) -> float:
    """The decoder's slope at the minimum of the loss, for one latent."""

    def loss(p: Array) -> float:
        b, c, log_s2 = p
        fit = variance * (1 - b * c) ** 2 + c**2 * np.exp(log_s2)
        return float(fit + v * (b**2 * variance + np.exp(log_s2) - 1 - log_s2))

    return abs(float(minimize(loss, [1.0, 0.3, -1.0], tol=1e-12).x[1]))


def latent(found: Silence) -> Latent:
    """Minimise the loss numerically, with the published weight and a smaller one."""
    variance, small = found.variance, _slope(found.variance, 0.025)
    assert _slope(variance, 0.125) < 0.02
    assert np.isclose(small, np.sqrt(variance - 0.025), rtol=1e-3)
    clipped = np.clip(np.random.default_rng(0).standard_normal(200_000), -0.5, 0.5).std()
    weight = 2 * BCQConfig.tuned().latent * variance
    return Latent(weight, small, clipped * small, 100 * clipped * small / np.sqrt(variance))


def critic_curves(
    panels: Mapping[str, Array],
    rates: Array,
    truth: Mapping[str, Array],
    bands: Mapping[str, tuple[float, float]],
    shown: tuple[float, float],
) -> go.Figure:
    """What the critics of all seeds say of an action in one state, with the truth: a panel a log.

    Args:
        panels: by behaviour, a curve a seed (S, g), relative to TWAP's action [% of the cost to go].
        rates: (g,) actions as multiples of TWAP's fraction.
        truth: by behaviour, the true curve (g,) in the same unit.
        bands: by behaviour, where the central 95% of the log's actions lie.
        shown: ends of the y-axis [%].
    """
    plot, x = Plot(panels, gap=0.03, shared_y=True), along(rates)
    at = "%{y:.1f}% at %{x:.1f} times TWAP"
    for panel, (behaviour, curves) in zip(plot, panels.items(), strict=True):
        _logged(panel, bands[behaviour])
        true = truth[behaviour].round(2)
        panel.line(x, true, COLOURS["optimum"], 5, opacity=0.6, name="truth", hover=f"truth: {at}")
        for i, curve in enumerate(curves):
            y, words = np.clip(curve, 4 * shown[0], 4 * shown[1]).round(2), "critics, a line a seed"
            panel.line(x, y, COLOURS["BCQ"], 1.4, name=words, key="critics", hover=f"seed {i}: {at}")
    plot.x("multiples of TWAP's fraction", [0, rates[-1]])
    plot.y(span=shown)
    plot[0].y("value relative to TWAP's action (%)")
    return plot.done(
        "Value of an action against the action, a panel a log, eight critics each. The mixture's eight lie on the "
        "true parabola; those of TWAP's log fan out from the one logged action, some up and some down.",
        height=430,
        legend={"y": 1.1},
        margin={"t": 80},
        phone=plot.stacked(1100, 0.1, legend={"y": 1.04}),
    )


def extrapolated_costs(
    panels: Mapping[str, Mapping[str, Sequence[Array]]],
    rates: Array,
    truth: Array,
    bands: Mapping[str, tuple[float, float]],
    shown: tuple[float, float],
) -> go.Figure:
    """Fitted cost of an action in one state, from several logs each, with the true one.

    Args:
        panels: by behaviour and by name of the fit, a curve (g,) a log [% above the least].
        rates: (g,) actions as multiples of TWAP's fraction.
        truth: (g,) the true cost [% above the least].
        bands: by behaviour, where the central 95% of the log's actions lie.
        shown: ends of the y-axis [%].
    """
    plot, x = Plot(panels, gap=0.04, shared_y=True), along(rates)
    at = "%{y:.0f}% at %{x:.1f} times TWAP"
    for panel, (behaviour, fits) in zip(plot, panels.items(), strict=True):
        _logged(panel, bands[behaviour])
        panel.line(x, truth.round(1), "gray", 6, opacity=0.55, name="true cost", hover=f"true: {at}")
        for (name, curves), colour in zip(fits.items(), (LIQUIDITY, CONTRAST), strict=True):
            for curve in curves:  # far outside nothing is seen, and the file stays small
                y = np.clip(curve, shown[0] - 400, shown[1] + 400).round(1)
                panel.line(x, y, colour, 1.3, key=name, hover=f"{name}: {at}")
    plot.x("action (multiples of TWAP's fraction)", [0, rates[-1]])
    plot.y(span=shown)
    plot[0].y("cost to go above the least (%)")
    return plot.done(
        "Cost of an action against the action, a panel a behaviour, several logs each. Within the band of logged "
        "actions all fits follow the true parabola; beyond it the more flexible ones go anywhere, many of them down.",
        height=440,
        legend={"y": 1.1},
        margin={"t": 80},
        phone=plot.stacked(800, 0.16, legend={"y": 1.06}),
    )


def perturbation_reach(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> go.Figure:
    """How far a perturbation bound goes, by period, and how much of what the optimum does lies within it.

    Args:
        tables: by name of the bound and by behaviour, a frame by period with ``reach`` (in standard deviations of the
            logged actions) and ``within`` (share of the optimum's decisions).
    """
    plot = Plot(["Reach in s.d. of the log's actions", "Share of the optimum within reach"], gap=0.12)
    for (bound, frames), colour in zip(tables.items(), (NEUTRAL, COLOURS["BCQ"]), strict=True):
        for (behaviour, frame), dash in zip(frames.items(), ("solid", "dot"), strict=True):
            name = f"{bound}, {behaviour}"
            for panel, column in zip(plot, ("reach", "within"), strict=True):
                hover = f"{name}, period %{{x}}: %{{y:.2f}}"
                panel.line(frame.index, frame[column].round(3), colour, dash=dash, key=name, hover=hover)
    plot.x("period k")
    plot[0].y("standard deviations", rangemode="tozero")
    plot[1].y("share", [-0.03, 1.05])
    return plot.done(
        "First panel: the published bound in standard deviations of the logged actions falls by period on "
        "noisy TWAP and is small throughout on the mixture; the relative one stays about level. Second panel: "
        "the share of the optimum's decisions within reach of the log's mean action.",
        height=420,
        legend={"y": 1.12},
        margin={"t": 90},
        phone=plot.stacked(800, 0.17, legend={"y": 1.07}),
    )


def reach_sweep(
    sweeps: Mapping[str, Array], reaches: Array, own: Mapping[str, float], levels: Mapping[str, float]
) -> go.Figure:
    """J above the optimum against the perturbation's bound, a line a seed.

    Args:
        sweeps: by behaviour, J less the optimum's (R, S) [$].
        reaches: (R,) the bound phi, in units of y.
        own: by behaviour, the bound that the agents were trained with.
        levels: lines for reference, TWAP's and the best schedule's: by name, J less the optimum's [$].
    """
    plot = Plot()
    colours = {"mixture": COLOURS["BCQ"], "noisy TWAP": LIQUIDITY, "TWAP": CONTRAST}
    for behaviour, excess in sweeps.items():
        colour, name = colours[behaviour], f"{behaviour}, a line a seed"
        for i, curve in enumerate(excess.T):
            hover = f"{behaviour}, seed {i}, φ = %{{x:.2f}}: $%{{y:,.1f}}"
            plot.line(reaches, curve.round(3), colour, 1.5, opacity=0.9, name=name, key=behaviour, hover=hover)
        at = float(np.exp(np.interp(own[behaviour], reaches, np.log(excess).mean(axis=1))))
        hover, last = f"{behaviour}: φ = %{{x:.3f}} in training", behaviour == "TWAP"
        mark: dict[str, Any] = {"name": "φ in training", "legendgroup": "own", "showlegend": last}
        plot.dots([own[behaviour]], [at], colour, 11, "diamond", hover=hover, **mark)
    for (name, level), (x, anchor) in zip(levels.items(), ((0.55, "center"), (0.055, "left")), strict=True):
        plot.hline(level, "gray")  # named where no line passes
        plot.note(name, x, np.log10(level), xanchor=anchor, yanchor="bottom", font={"size": 12})
    plot.x("φ when acting (units of y)")
    plot.y("J above the optimum ($)", type="log", ticks=[0.1, 1, 10, 100, 1000, 10000], tickformat=",")
    return plot.done(
        "J above the optimum against the bound. The mixture's agents fall to well under a dollar and stay there; "
        "noisy TWAP's fall further than their own bound lets them; those of TWAP's log part, some up and some down.",
        height=450,
        phone={
            "height": 480,
            "legend": {"y": 1.04},
            "annotations": {i: {"text": name.replace(" ", "<br>")} for i, name in enumerate(levels)},
        },
    )


def training_start(shipped: pd.DataFrame, live: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Training curves of shipped agents with the beginning of the same runs, made again.

    Args:
        shipped: a trace by step and seed.
        live: the same for a few of the seeds and the first steps.
        titles: panel title by column of the trace.
    """
    plot = Plot(titles.values(), gap=0.09)
    for panel, column in zip(plot, titles, strict=True):
        curves = shipped[column].unstack("seed")  # noqa: PD010 (a pivot of an index)
        shown = np.r_[0 : min(30, len(curves)), 30 : len(curves) : 2]  # late steps stand close together
        for seed, y in curves.take(shown).items():
            name, hover = "shipped, a line a seed", f"seed {seed}, step %{{x:,}}: %{{y:.3g}}"
            panel.line(y.index, digits(y, 4), COLOURS["BCQ"], 1, opacity=0.9, name=name, key="shipped", hover=hover)
        again = live[column].unstack("seed")  # noqa: PD010 (a pivot of an index)
        for seed, y in again.items():
            look: dict[str, Any] = {"edge": 2, "name": "trained in this chapter", "key": "live"}
            hover = f"seed {seed}, here, step %{{x:,}}: %{{y:.3g}}"
            panel.dots(y.index, digits(y, 4), COLOURS["rolling"], 8, "circle-open", hover=hover, **look)
    plot.x("step", type="log", ticks={step: f"{step:,}" for step in (100, 1_000, 10_000)})
    return plot.done(
        "Training curves of eight agents over ten thousand steps, with the first steps of two of them made again: "
        "the marks lie on the lines.",
        height=400,
        legend={"y": 1.12},
        margin={"t": 80},
        phone=plot.stacked(1050, 0.12, legend={"y": 1.05}),
    )


def support_clouds(
    panels: Mapping[str, Sequence[Mapping[str, Array]]], levels: Array, periods: Sequence[int]
) -> go.Figure:
    """Where a learner acts, over the actions in its log: a panel a log, a slider over periods.

    Args:
        panels: by behaviour, for every period the logged pairs ``level`` (n,) and ``action`` (n,), and along
            ``levels`` one agent's mean sample ``sampled`` (g,), the bounds ``low`` and ``high`` (g,) of what it may
            consider, every seed's ``chosen`` (S, g), and the ``optimum`` (g,); actions as multiples of TWAP's fraction.
        levels: (g,) liquidity.
        periods: the periods k of the slider.
    """
    plot, x, blue = Plot(panels, gap=0.03, shared_y=True), levels.round(3), COLOURS["BCQ"]

    def short(values: Array) -> list[float]:
        return digits(values.round(3), 3)

    for panel, parts in zip(plot, panels.values(), strict=True):
        level, action = (Moving(part[name].round(2).tolist() for part in parts) for name in ("level", "action"))
        panel.dots(level, action, NEUTRAL, 4, alpha=0.5, key="logged", hover=False)
        low, high = (Moving(short(part[name]) for part in parts) for name in ("low", "high"))
        panel.band(x, low, high, clear(blue, 0.15), key="allowed")
        sampled = Moving(short(part["sampled"]) for part in parts)
        panel.line(x, sampled, blue, 2, "dot", key="sampled", hover=False)
        chosen = Moving(short(np.array(bundle(part["chosen"]), float)) for part in parts)
        across = np.tile(np.append(levels, np.nan).round(3), len(parts[0]["chosen"]))
        panel.line(across, chosen, blue, 1.4, key="chosen, a line a seed", hover=False)
        optimum = Moving(short(part["optimum"]) for part in parts)
        panel.line(x, optimum, COLOURS["optimum"], 3, key="optimum", hover=False)
    plot.slider("period k", periods, 0, frames=True)
    plot.x("liquidity L", [levels[0], levels[-1]])
    plot.y(log=True, span=[0.2, 16], ticks=RATES)
    plot[0].y("fraction (multiples of TWAP's)")
    return plot.done(
        "Liquidity and action of one period over the log, a panel a log. The learner may act within a band around "
        "the log's mean action; its choices rise with liquidity, like the optimum's, until they meet the band's edge.",
        height=520,
        legend={"y": 1.09},
        margin={"t": 80},
        phone=plot.stacked(900, 0.13, legend={"y": 1.06}, **SMALL_SLIDER),
    )


def seed_scores(
    scores: Mapping[str, Array],
    middle: Mapping[str, tuple[float, float, float]],
    mean_action: Mapping[str, float],
    rolling: float,
) -> go.Figure:
    """Gap closed by every seed, with the interquartile mean and the policy of the mean action.

    Args:
        scores: by row, gap closed (S,).
        middle: by row, interquartile mean and the ends of its interval.
        mean_action: by row, gap closed by the mean of the seeds' actions.
        rolling: gap closed by the rolling rule.
    """
    plot, at = Plot(), places(scores)
    for row, height in reversed(at.items()):
        nudge = 0.09 * (np.arange(len(scores[row])) - (len(scores[row]) - 1) / 2)
        x, y, hover = np.sort(scores[row]).round(4), height + 0.35 * nudge, f"{row}: %{{x:.3f}}"
        plot.dots(x, y, COLOURS["BCQ"], 8, alpha=0.9, name="a seed", key="seed", hover=f"{hover}<extra>a seed</extra>")
        value, low, high = middle[row]
        error = whiskers([value], [low], [high], NEUTRAL, 2, 5)
        words = f"{row}: {value:.3f} ({low:.3f} to {high:.3f})<extra>interquartile mean</extra>"
        name = "interquartile mean, 95%"
        plot.strokes([value], [height + 0.3], NEUTRAL, 10, error_x=error, name=name, key="iqm", hover=words)
        mean, name, hover = [mean_action[row]], "mean action", f"{hover}<extra>mean action</extra>"
        plot.dots(mean, [height], COLOURS["BCQ"], 11, "diamond-open", edge=2, name=name, key="mean", hover=hover)
    for end, colour, name in ((1.0, COLOURS["optimum"], "optimum"), (rolling, COLOURS["rolling"], "rolling rule")):
        plot.vline(end, colour)
        plot.note(name, end, 0, yref="paper", yanchor="bottom", xanchor="right", font={"color": colour})
    plot.x("gap closed (0: best schedule, 1: optimum)")
    plot.rows(at, span=[-0.6, len(at) - 0.3], showgrid=False)
    return plot.done(
        "Gap closed by eight seeds a row, their interquartile mean with its interval, and the mean action, all of "
        "them near the rolling rule's.",
        height=130 + 85 * len(at),
        phone={"legend": {"y": 1.04}, "margin": {"l": 20}, "xaxis": {"title": {"text": "gap closed"}}},
    )
