"""*Advice*: what the recommended policy costs in twelve situations, and what the tempting one does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import optexec as ox
from optexec.figures.style import CONTRAST, LIQUIDITY, NEUTRAL
from optexec.interval import Interval
from optexec.offline import fitted, scoring
from report.agents import published
from report.agents.protocol import LOGS
from report.chapters.c10_stress import believing
from report.plot import Plot, whiskers

__all__ = [
    "Advice",
    "Excess",
    "Insurance",
    "OwnOrder",
    "Situation",
    "insurance",
    "measure",
    "own_order",
    "stakes",
    "table",
]

HARDLY = "liquidity hardly moves within the order"
MOVES = "it moves, you see it, and know the market"
FORM = "you know the form, not the numbers, and have a log"
TWAP_LOG = "the log is of TWAP alone"
SUSPECTED = "impact lingers, and you suspect it"
LINGERS = "impact lingers, and you suspect nothing"
BLIND = "you do not see liquidity"
CAP = "a cap on participation binds"
JUMPED = "volatility has jumped"
FOR_GOOD = "liquidity may fall for good"
SHOCKS = "rare shocks empty the book for a while"
MEAN = "only the mean counts"


@dataclass(frozen=True)
class Excess(Interval):
    """J of a policy above the optimum of its situation [% of that]."""

    def __str__(self) -> str:
        """Two or three figures of the value, never more than four decimals, and the interval with as many decimals."""
        value, low, high = (max(number, 0.0) for number in (self.value, self.low, self.high))
        steps = ((9.95, 0), (0.995, 1), (0.0995, 2), (0.00095, 3), (-np.inf, 4))
        decimals = next(decimals for least, decimals in steps if value >= least)
        shown = [f"{x:.{decimals}f}" if round(x, decimals) else "0" for x in (value, low, high)]
        return f"{shown[0]}%" if shown[1] == shown[2] else f"{shown[0]}% ({shown[1]} to {shown[2]})"


@dataclass(frozen=True)
class Situation:
    """A line of the table."""

    what: str
    do: str
    good: Excess
    instead: str
    bad: Excess
    where: str
    """the chapter that makes its number"""


@dataclass(frozen=True)
class Advice:
    """The table, and what its text says of it [% of J*]."""

    situations: tuple[Situation, ...]
    lost: dict[str, float]
    """by mistake: what the tempting policy costs"""
    patient: float
    """what belief in slow recovery costs in the collapse"""
    premium: float
    """and in normal conditions"""
    fitted: float
    learned: float
    lingering: str
    """what BCQ pays where impact lingers"""
    filtered: str
    """what a filter of one's own fills pays"""


def exact(problem: ox.Problem, policy: ox.Policy) -> Excess:
    """The excess of a policy of period and liquidity alone."""
    value = 100 * (ox.exact_value(problem, policy) / ox.optimum(problem).value - 1)
    return Excess.exact(value)


def beside(problem: ox.Problem, policy: ox.Policy, **how: Any) -> Excess:
    """The excess of any policy, estimated beside the optimum on common random numbers."""
    row = scoring.closed({"policy": policy}, problem, **how).iloc[0]
    value = 100 * (row["objective"] / ox.optimum(problem).value - 1)
    half = value * row["gap_closed_ci"] / (1 - row["gap_closed"])
    return Excess.around(value, half)


def over_logs(values: Sequence[float]) -> Excess:
    """The interquartile mean over logs."""
    found = scoring.summary([np.array(values)])
    return Excess(found.value, found.low, found.high)


def learned(study: str, problem: ox.Problem) -> Excess:
    """The excess of published agents, a log each."""
    scores = published.manifest()[study]["scores"]["objective"]
    return over_logs([100 * (score / ox.optimum(problem).value - 1) for score in scores])


def fit(problem: ox.Problem, behaviour: str, **form: Any) -> Excess:
    """The excess of the optimum of the market that least squares sees in a log, a log each."""
    models = [fitted(ox.collect(problem, behaviour, seed=seed), **form) for seed in LOGS]
    scored = scoring.closed({str(i): ox.optimum(model) for i, model in enumerate(models)}, problem)
    return over_logs((100 * (scored["objective"] / ox.optimum(problem).value - 1)).tolist())


def hardly_moving(normal: ox.Problem) -> ox.Problem:
    """Liquidity with a half-life of sixteen periods, as spread as the normal market's."""
    process: Any = normal.market.liquidity
    kept = 0.5 ** (1 / 16)
    spread = process.volatility / (1 - (1 - process.speed) ** 2) ** 0.5
    return normal.replace(liquidity=ox.OrnsteinUhlenbeck(speed=1 - kept, volatility=spread * (1 - kept**2) ** 0.5))


def _situations() -> Iterator[Situation]:
    normal, scenario = ox.presets.stochastic(), ox.presets.stress()
    slow, neutral = hardly_moving(normal), normal.replace(risk_aversion=0.0)
    lingering, capped = scenario["transient_impact"], scenario["participation_cap"]
    collapse, spike, shocks = (
        scenario[name] for name in ("liquidity_collapse", "volatility_spike", "extreme_shocks_90")
    )
    ignoring = ox.optimum(lingering.replace(transient=0.0, temporary=lingering.market.instantaneous))
    schedule, estimate = "the Almgren–Chriss schedule", "fit the model, plan its optimum"

    good, bad = exact(slow, ox.almgren_chriss(slow)), exact(slow, ox.twap(slow))
    yield Situation(HARDLY, schedule, good, "TWAP", bad, "07-benchmarks")
    good, bad = exact(normal, ox.rolling(normal)), exact(normal, ox.best_static(normal))
    yield Situation(MOVES, "re-solve every period (rolling)", good, "the best fixed schedule", bad, "08-optimum")
    good, bad = fit(normal, "mixture"), learned("bcq-mixture-8logs", normal)
    yield Situation(FORM, estimate, good, "train a policy (BCQ)", bad, "16-learned")
    good, bad = fit(normal, "twap"), learned("td3bc-twap-8logs", normal)
    yield Situation(TWAP_LOG, estimate, good, "train a policy (TD3+BC)", bad, "21-data")
    without = beside(lingering, ignoring)
    good = fit(lingering, "mixture", transient=True)
    yield Situation(SUSPECTED, "fit with the term for it", good, "plan without it", without, "19-wrong")
    good = learned("bcq-transient_impact-mixture-8logs", lingering)
    yield Situation(LINGERS, "train a policy (BCQ)", good, "plan without it", without, "17-markets")
    good = beside(normal, ox.filtered(normal, ox.rolling(normal)), observe_liquidity=False)
    bad = beside(normal, ox.rolling(normal), observe_liquidity=False)
    yield Situation(BLIND, "filter your own fills", good, "take the last fill for it", bad, "12-hidden")
    good, bad = beside(capped, ox.rolling(capped)), beside(capped, ox.twap(capped))
    yield Situation(
        CAP, "re-solve, and let the cap clip", good, "TWAP, which leaves shares over", bad, "18-constraints"
    )
    good, bad = exact(spike, ox.almgren_chriss(spike)), exact(spike, ox.optimum(normal))
    yield Situation(JUMPED, "plan again, with anything", good, "keep the old optimum", bad, "10-stress")
    good, bad = exact(collapse, believing(0.05)), exact(collapse, ox.rolling(normal))
    yield Situation(FOR_GOOD, "believe in slow recovery", good, "believe in yesterday's", bad, "10-stress")
    good, bad = exact(shocks, ox.rolling(normal)), exact(shocks, ox.almgren_chriss(normal))
    yield Situation(SHOCKS, "wait them out (rolling)", good, schedule, bad, "10-stress")
    good, bad = exact(neutral, ox.rolling(neutral)), exact(neutral, ox.twap(neutral))
    yield Situation(MEAN, "re-solve with λ = 0", good, "TWAP", bad, "04-liquidity")


def measure() -> Advice:
    """What to do in each situation, and what it costs to do the next best thing."""
    situations = tuple(_situations())
    at = {situation.what: situation for situation in situations}
    mistakes = {"volatility": JUMPED, "collapse": FOR_GOOD, "twap": TWAP_LOG, "schedule": MOVES, "linger": LINGERS}
    return Advice(
        situations=situations,
        lost={mistake: at[what].bad.value for mistake, what in mistakes.items()},
        patient=at[FOR_GOOD].good.value,
        premium=exact(ox.presets.stochastic(), believing(0.05)).value,
        fitted=at[FORM].good.value,
        learned=at[FORM].bad.value,
        lingering=str(at[LINGERS].good),
        filtered=str(at[BLIND].good),
    )


def check(advice: Advice) -> None:
    """What the chapter says, or it does not build."""
    at = {situation.what: situation for situation in advice.situations}
    assert all(line.good.high < line.bad.low for line in advice.situations)  # every line of the table is settled
    tempting = sorted(advice.situations, key=lambda line: line.bad.value)
    assert {line.what for line in tempting[-2:]} == {JUMPED, FOR_GOOD}
    assert min(at[JUMPED].bad.value, at[FOR_GOOD].bad.value) > 30 * at[MOVES].bad.value
    assert at[MOVES].bad.value > 30 * at[MOVES].good.value
    assert advice.premium < 0.5
    assert advice.patient < 5
    assert sorted(advice.lost, key=lambda mistake: -advice.lost[mistake]) == list(advice.lost)


def table(advice: Advice) -> pd.DataFrame:
    """What to do and what not, with costs and chapters."""
    lines = [
        {
            "if": line.what,
            "do": f"{line.do}: {line.good}",
            "rather than": f"{line.instead}: {line.bad}",
            "see": f"{{doc}}`{line.where}`",
        }
        for line in advice.situations
    ]
    return pd.DataFrame(lines).set_index("if")


@dataclass(frozen=True)
class OwnOrder:
    """The exercise's order [% of J*]."""

    react: float
    """what not reacting costs"""
    half: float
    """what planning with half the volatility does"""
    twice: float


def own_order() -> OwnOrder:
    """What reacting and the right volatility are worth in an order of 5,000 shares."""
    own = ox.Problem(
        order=ox.Order(shares=5_000, periods=40),
        market=ox.Market(temporary=0.002, permanent=0.0002, volatility=0.05),
        risk_aversion=0.01,
    )
    half, twice = (exact(own, ox.optimum(own.replace(volatility=factor * 0.05))).value for factor in (0.5, 2.0))
    found = OwnOrder(exact(own, ox.best_static(own)).value, half, twice)
    assert min(found.half, found.twice) > 3 * found.react
    return found


@dataclass(frozen=True)
class Insurance:
    """The believed speed of recovery whose larger excess is least."""

    speed: float
    """a period"""
    worst: float
    """its larger excess [% of J*]"""


def insurance() -> Insurance:
    """The larger excess of rolling rules that believe in slow recovery, in normal conditions and in the collapse."""
    normal, collapse = ox.presets.stochastic(), ox.presets.stress()["liquidity_collapse"]
    speeds = [0.2, 0.1, 0.05, 0.02, 0.01, 0.005]
    dear = [exact(collapse, believing(speed)).value for speed in speeds]
    worst = [max(exact(normal, believing(speed)).value, bad) for speed, bad in zip(speeds, dear, strict=True)]
    found = Insurance(*min(zip(speeds, worst, strict=True), key=lambda pair: pair[1]))
    assert found.worst < 1.5
    assert speeds[-1] < found.speed < 0.05
    assert worst[-1] == dear[-1] > found.worst  # it is the collapse that becomes dearer again
    return found


FLOOR = 1e-4
"""An excess is drawn as this at least [%]."""


def stakes(advice: Advice) -> go.Figure:
    """J above the optimum in percent on a logarithmic axis, two marks a situation joined by a line.

    Args:
        advice: its situations, the first at the top.
    """
    lines = advice.situations
    plot, labels = Plot(), ["<br>".join(textwrap.wrap(line.what, 26)) for line in lines]
    for label, line in zip(labels, lines, strict=True):
        ends = [max(line.good.value, FLOOR), max(line.bad.value, FLOOR)]
        plot.line(ends, [label] * 2, NEUTRAL, 1.5, hover=False)
    recommended = ("recommended", [(line.do, line.good) for line in lines], LIQUIDITY, "circle")
    tempting = ("tempting", [(line.instead, line.bad) for line in lines], CONTRAST, "diamond-open")
    for name, marks, colour, symbol in (recommended, tempting):
        value, low, high = np.maximum([[excess.value, excess.low, excess.high] for _, excess in marks], FLOOR).T
        error = whiskers(value, low, high, colour, 1.5, 3)
        more: dict[str, Any] = {"customdata": [[what] for what, _ in marks], "marker_line": {"width": 2}}
        hover = "%{y}<br>%{customdata[0]}: %{x:.3g}% above the optimum"
        plot.dots(value, labels, colour, 11, symbol, error_x=error, name=name, hover=hover, **more)
    ticks = {FLOOR: f"≤{FLOOR:g}"} | {tick: f"{tick:g}" for tick in (1e-3, 1e-2, 0.1, 1, 10, 100)}
    plot.x("above the optimum (% of J*)", log=True, ticks=ticks)
    plot.y(categoryorder="array", categoryarray=labels[::-1])
    said = (f"{a.what}: {a.do} {a.good.value:.2g}%, {a.instead} {a.bad.value:.2g}%" for a in lines)
    return plot.done(
        f"J above the exact optimum, recommended policy against tempting one: {'; '.join(said)}.",
        height=120 + 36 * len(lines),
        phone={
            "height": 160 + 40 * len(lines),
            "xaxis": {"tickvals": [1e-3, 0.1, 10], "ticktext": ["0.001", "0.1", "10"]},
            "yaxis": {"tickfont": {"size": 10}},
        },
    )
