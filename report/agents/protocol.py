"""The protocol of the published results: which seeds, how much data and training, and the list of all studies.

Settings were chosen on `TUNING` alone. `SCORING` was used once, for what is published. No seed is in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from optexec._validate import choice
from optexec.offline.data import Behaviour, behaviour, mixture
from optexec.offline.names import LEARNERS
from optexec.offline.scoring import PAIRED, SCORED, SEED
from optexec.policies import almgren_chriss, twap
from optexec.presets import stochastic, stress
from optexec.problem import Problem

__all__ = [
    "ABLATIONS",
    "BATCH",
    "CAPPED",
    "ELSEWHERE",
    "EPISODES",
    "LEVELS",
    "LOGS",
    "MARKETS",
    "ONE_LOG",
    "PAIRED",
    "PENALTIES",
    "SCORED",
    "SCORING",
    "SHARED",
    "STEPS",
    "STUDIES",
    "TRANSIENTS",
    "TUNING",
    "VARIANTS",
    "Seeds",
    "Study",
    "changes",
    "market",
    "trader",
]


@dataclass(frozen=True)
class Seeds:
    """Everything random of a set of experiments."""

    data: tuple[int, ...]
    """of the data sets"""
    training: tuple[int, ...]
    """of the agents"""
    episodes: int
    """of the fresh episodes that score them"""


TUNING = Seeds(data=tuple(range(900, 908)), training=tuple(range(100, 108)), episodes=990)
SCORING = Seeds(data=tuple(range(8)), training=tuple(range(8)), episodes=SEED)

EPISODES = 1_000
"""Logged episodes a data set."""
STEPS = 10_000
"""Gradient steps; the last step's running average is scored, never the best of several."""
BATCH = 256
"""Transitions a step and seed."""
SHARED = SCORING.data[:2]
"""Logs of chapters 13 to 16, where all agents of a study learn from one, so that their spread is that of training."""
LOGS = SCORING.data
"""A log a seed: agent i has training seed i and log i, so that the spread of its study holds the luck of both."""
FEW = LOGS[:4]
"""For the studies that would take too long with eight."""

MARKETS = ("normal", "liquidity_shocks", "transient_impact", "regimes")
"""Where learners are compared without caps."""
CAPPED = ("participation_cap", "max_fraction")
"""Where a cap binds."""
ELSEWHERE = (
    "liquidity_collapse",
    "volatility_spike",
    "impact_shift",
    "combined",
    "extreme_shocks_80",
    "extreme_shocks_90",
    "extreme_shocks_95",
)
"""The stress scenarios that are not among the others."""
TRANSIENTS = (0.0005, 0.001, 0.004)
"""Transient impact q [$/share per share], besides the 0.002 of the scenario."""
PENALTIES = (0.0, 0.01, 0.1, 1.0, 10.0)
"""Cost of a clipped share in the reward [$/share]."""
LEVELS = (0.1, 0.2, 0.8)
"""Standard deviations of the log of a behaviour's noise, besides the 0.4 of the named ones."""
ABLATIONS = ("expected", "rate", "fraction", "free", "unscaled", "unshaped", "relu", "clipped", "level")
"""Variants that take one part of the learners away, or put another in its place."""

CRITICS = ("td3bc", "bcq")
"""Learners that have a critic."""

VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "expected": {"reward": "expected"},
    "rate": {"action": "rate"},
    "fraction": {"action": "fraction"},
    "free": {"critic": "free"},
    "unscaled": {"scaled": False, "shaped": False},
    "unshaped": {"shaped": False},
    "relu": {"activation": "relu"},
    "clipped": {"beyond": 1.0},
    "level": {"weight": 0.0},
    "wish": {"trade": "wish", "critic": "free"},  # what is asked beyond a cap changes nothing: no parabola
}
"""Settings that differ from the tuned ones, by name."""


def market(name: str) -> Problem:
    """A market of the studies.

    "normal"; a stress scenario; "max_fraction" (the original note's 0.3, and $1 a share on what it leaves);
    "transient_Q", transient impact Q; or "penalty_P", the participation cap with a violation penalty of P.

    Raises:
        ValueError: there is none of that name.
    """
    normal, (kind, _, number) = stochastic(), name.rpartition("_")
    if name == "max_fraction":
        return normal.replace(max_fraction=0.3, leftover_haircut=1.0)
    if kind == "transient" and number in map(str, TRANSIENTS):
        return normal.replace(transient=float(number))
    if kind == "penalty" and number in map(str, PENALTIES):
        return stress()["participation_cap"].replace(violation_penalty=float(number))
    known = {"normal": normal, **stress()}
    return known[choice("market", name, tuple(known))]


def trader(problem: Problem, name: str) -> Behaviour:
    """A behaviour of the studies.

    One of `optexec.offline.BEHAVIOURS`; "twap-noise-S", with noise S in place of 0.4; "ac-noise", the Almgren-Chriss
    schedule with a noise of 0.4; or "broad", the mixture with lambda times 1/8 to 8 and a noise of 0.6.
    """
    if name == "broad":
        return mixture(problem, "broad", (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0), 0.6)
    if name == "ac-noise":
        return Behaviour(name, {"AC": almgren_chriss(problem)}, 0.4)
    kind, _, level = name.rpartition("-")
    if kind == "twap-noise" and level in map(str, LEVELS):
        return Behaviour(name, {"TWAP": twap(problem)}, float(level))
    return behaviour(problem, name)


def changes(study: Study) -> dict[str, Any]:
    """Settings of a study that differ from those of its config: its variant's, and those its market asks for.

    The latter are one, chosen on `TUNING`: at five times the volatility the best first trade is beyond the usual range
    of actions.
    """
    asked = {"odds": 4.5} if study.market == "volatility_spike" else {}
    return asked | VARIANTS[study.variant]


@dataclass(frozen=True, kw_only=True)
class Study:
    """One training run of the published tables."""

    algorithm: str
    behaviour: str = "mixture"
    market: str = "normal"
    hidden: bool = False
    """whether the log and the agents see no liquidity"""
    variant: str = ""
    """key of `VARIANTS`"""
    config: str = "tuned"
    data: tuple[int, ...] = LOGS
    """of the logs: one for all agents, or one each"""
    seeds: tuple[int, ...] = SCORING.training
    episodes: int = EPISODES
    steps: int = STEPS
    shipped: bool = False
    """whether its agents come with the package, or its scores alone"""
    transfers: tuple[str, ...] = ()
    """markets in which its agents are scored besides their own"""

    @property
    def name(self) -> str:
        """Name of its file: what differs from the usual is in it."""
        marks = [self.algorithm, "" if self.market == "normal" else self.market, "hidden" if self.hidden else ""]
        marks += [self.behaviour, "" if self.config == "tuned" else self.config, self.variant]
        marks += ["" if self.episodes == EPISODES else f"{self.episodes}episodes"]
        marks += ["" if self.steps == STEPS else f"{self.steps}steps"]
        marks += [f"data{self.data[0]}" if len(self.data) == 1 else f"{len(self.data)}logs"]
        return "-".join(mark for mark in marks if mark)

    def describe(self) -> dict[str, Any]:
        """Plain data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def _one_log() -> Iterator[Study]:
    """Agents that differ in their training seed alone."""
    for data in SHARED:
        for name in LEARNERS:
            yield Study(algorithm=name, data=(data,), shipped=True)
    for log in ("twap", "twap-noise"):
        for name in LEARNERS:
            yield Study(algorithm=name, behaviour=log, data=(0,), shipped=True)
    yield Study(algorithm="td3bc", variant="expected", data=(0,), shipped=True)
    for log in ("mixture", "twap"):
        few = SCORING.training[:3]
        yield Study(algorithm="td3bc", behaviour=log, config="paper", data=(0,), seeds=few, shipped=True)


def _few(algorithm: str, **fields: Any) -> Study:
    return Study(algorithm=algorithm, data=FEW, seeds=SCORING.training[: len(FEW)], **fields)


def _sweep(algorithm: str, **fields: Any) -> Study:
    """A study of a sweep: BCQ, which takes three times as long, has half the agents."""
    return _few(algorithm, **fields) if algorithm == "bcq" else Study(algorithm=algorithm, **fields)


def _markets() -> Iterator[Study]:
    for name in MARKETS:
        for learner in LEARNERS:
            yield Study(
                algorithm=learner, market=name, shipped=True, transfers=tuple(stress()) if name == "normal" else ()
            )


def _constraints() -> Iterator[Study]:
    for name in CAPPED:
        yield from (Study(algorithm=learner, market=name, shipped=True) for learner in LEARNERS)
    for learner in CRITICS:
        for penalty in PENALTIES:
            yield _sweep(learner, market=f"penalty_{penalty}", variant="wish")
        yield _sweep(learner, market="participation_cap", variant="free")  # the fined learners' critic, told the cap


def _blind() -> Iterator[Study]:
    yield from (Study(algorithm=learner, hidden=True, shipped=True) for learner in LEARNERS)
    yield from (Study(algorithm="td3bc", market=f"transient_{transient}") for transient in TRANSIENTS)


def _elsewhere() -> Iterator[Study]:
    for name in ELSEWHERE:
        yield from (_few(learner, market=name, shipped=True) for learner in CRITICS)


def _data() -> Iterator[Study]:
    for learner in LEARNERS:
        for behaviour_name in ("twap", "twap-noise", *(f"twap-noise-{level}" for level in LEVELS), "ac-noise", "broad"):
            yield _sweep(learner, behaviour=behaviour_name)
    for learner in CRITICS:
        yield from (_sweep(learner, episodes=episodes) for episodes in (100, 300, 3_000))
        yield from (_sweep(learner, steps=steps) for steps in (300, 1_000, 3_000))


def _ablations() -> Iterator[Study]:
    for learner in CRITICS:
        yield from (_sweep(learner, variant=name) for name in ABLATIONS)


ONE_LOG = tuple(_one_log())
"""Chapters 13 to 16."""
STUDIES = (*ONE_LOG, *_markets(), *_constraints(), *_blind(), *_elsewhere(), *_data(), *_ablations())
"""Every published run; those after `ONE_LOG`, of chapters 17 to 21, have a log an agent."""
