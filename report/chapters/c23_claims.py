"""*Claims*: every verdict in words and numbers, what bounds the effects, and what was found over what was claimed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import optexec as ox
from optexec.figures.style import CAUSES, CONTRAST, LIQUIDITY
from optexec.interval import Interval
from report import claims
from report.agents import published
from report.claims import EPISODES, HOLDS, NOT, PARTLY, Effect
from report.claims.measures import change_of_cost, exactly
from report.plot import Plot, whiskers

__all__ = [
    "Bounds",
    "Few",
    "Found",
    "Tally",
    "Vwap",
    "bounds",
    "claimed_sizes",
    "effects",
    "few",
    "found_and_claimed",
    "show",
    "tally",
    "verdicts",
    "vwap",
]

NAMES = {
    "ac-random": "AC fails under random liquidity",
    "rl-reacts": "agents react to liquidity",
    "averse-dearer": "risk aversion costs 0.1%",
    "averse-std": "risk aversion: std −30%",
    "rl-mean": "RL: mean cost −0.3%",
    "bcq-td3": "BCQ cheaper than TD3+BC",
    "collapse": "collapse: RL −1.3%",
    "spike-variance": "spike: variance −30%",
    "impact-shift": "impact shift: RL −2%",
    "all-fail": "all fail beyond 80%",
    "rl-elsewhere": "RL poor elsewhere",
    "ac-change": "AC cannot adapt",
}
"""Claims that come with a size, as `claimed_sizes` names them."""

Results = Mapping[str, claims.Result]
"""Claims with their verdicts, by key."""


def _digits(x: float) -> str:
    """Three figures, a true minus sign, no more than three decimals."""
    size = abs(x)
    digits = 0 if size >= 99.5 else 1 if size >= 9.95 else 2 if size >= 0.0995 else 3
    return f"{x:,.{digits}f}".replace("-", "−") if size >= 0.0005 else "0"


def _shown(effect: Effect, unit: str) -> str:
    """An effect and its 95% interval, if it has one that these digits show."""
    value, low, high = (_digits(x) for x in (effect.value, effect.low, effect.high))
    text = value.replace("−", "−$") if unit == "$" and effect.value < 0 else f"${value}" if unit == "$" else value
    text += "%" if unit.startswith("%") else ""
    return text if low == high else f"{text} ({low} to {high})"


def _less(effect: Effect, unit: str) -> str:
    """How much less something is, from an effect that is negative."""
    return _shown(dataclasses.replace(effect, value=-effect.value, low=-effect.high, high=-effect.low), unit)


def _claimed(effect: Effect, unit: str) -> str:
    """The claimed range in words."""
    percent = "%" if unit.startswith("%") else ""
    least, most = (f"{x:.{3 if abs(x) > 1 else 2}g}{percent}".replace("-", "−") for x in effect.claimed)
    if effect.sign == 0:
        return f"within {most}" if effect.claimed[0] == -effect.claimed[1] else f"at most {most}"
    size, beyond = (least, "above") if effect.sign > 0 else (most, "below")
    return f"{beyond} 0" if size.startswith("0") and float(size.rstrip("%")) == 0 else f"{size} or {beyond}"


def show(one: claims.Result) -> pd.DataFrame:
    """A claim's tests as a table: those that decide, then what was measured elsewhere."""
    unit, rows = one.claim.unit, []
    for effect in (*one.tests, *one.elsewhere):
        verdict = "yes" if effect.holds else "sign alone" if effect.sign_holds else "no"
        where = effect.market if effect in one.tests else f"elsewhere: {effect.market}"
        rows.append([where, _shown(effect, unit), _claimed(effect, unit), verdict])
    columns = ["where", f"effect (95%){', ' + unit if ' of ' in unit else ''}", "claimed", "bears it out"]
    return pd.DataFrame(rows, columns=columns).set_index("where")


def verdicts(found: Results) -> pd.DataFrame:
    """Every claim with its test, the effect (of several the least and the most) and the verdict."""

    def summed(one: claims.Result) -> str:
        unit, tests = one.claim.unit, sorted(one.tests, key=lambda effect: effect.value)
        if len(tests) == 1:
            return _shown(tests[0], unit)
        ends = [
            _shown(Effect.of("", Interval.exact(effect.value), effect.claimed), unit)
            for effect in (tests[0], tests[-1])
        ]
        return " to ".join(dict.fromkeys(ends))

    return pd.DataFrame(
        [
            {
                "claim": f"[{one.claim.words}](#tab-claim-{key})",
                "test": one.claim.how,
                "effect": summed(one),
                "verdict": f"{one.verdict}: {one.condition}" if one.condition else one.verdict,
            }
            for key, one in found.items()
        ]
    ).set_index("claim")


@dataclass(frozen=True)
class Tally:
    """How many claims there are, and how many of each verdict."""

    claims: int
    held: int
    partly: int
    failed: int
    effects: int
    estimated: int
    """effects with an interval"""
    missing: float
    """of those intervals, expected to miss by chance"""


def tally(found: Results) -> Tally:
    """Count verdicts and effects."""
    counts = {kind: sum(one.verdict == kind for one in found.values()) for kind in (HOLDS, PARTLY, NOT)}
    measured = [effect for one in found.values() for effect in (*one.tests, *one.elsewhere)]
    estimated = sum(effect.low < effect.high for effect in measured)
    return Tally(
        claims=len(found),
        held=counts[HOLDS],
        partly=counts[PARTLY],
        failed=counts[NOT],
        effects=len(measured),
        estimated=estimated,
        missing=0.05 * estimated,
    )


@dataclass(frozen=True)
class Found:
    """A claim's verdict and its effects in words, in the order of `show`."""

    verdict: str
    effect: dict[str, str]
    """by their number, from 0"""


def effects(found: Results) -> dict[str, Found]:
    """Verdicts and effects of all claims in words, by key."""
    return {
        key: Found(
            one.verdict,
            {str(i): _shown(effect, one.claim.unit) for i, effect in enumerate((*one.tests, *one.elsewhere))},
        )
        for key, one in found.items()
    }


def found_and_claimed(found: Results) -> go.Figure:
    """`claimed_sizes` of all claims that come with a size."""
    rows = []
    for key, one in found.items():
        for effect in (*one.tests, *one.elsewhere):
            size = effect.claimed[0] if effect.sign > 0 else effect.claimed[1]
            if effect.sign == 0 or size == 0 or not math.isfinite(size):
                continue
            low, high = sorted((effect.low / size, effect.high / size))
            rows.append(
                {
                    "claim": NAMES[key],
                    "market": effect.market,
                    "verdict": one.verdict,
                    "own": effect in one.tests,
                    "value": effect.value / size,
                    "low": low,
                    "high": high,
                }
            )
    return claimed_sizes(pd.DataFrame(rows))


@dataclass(frozen=True)
class Bounds:
    """What no policy can beat, and what else the sections say beside their tables, in words."""

    mean: str
    """largest cut of mean total cost below TWAP in the normal market [%]"""
    collapse: str
    """below AC in the collapse"""
    shift: str
    """below AC under the impact shift"""
    objective: str
    """J of the optimum against AC's in the normal market [%]"""
    paper: str
    """J of TD3+BC with the published settings on TWAP's log [$]"""
    better: str
    """how much better agents are under the deepest shocks that were never there"""
    tail: str
    """how much lower AC's tail is where the price is wild"""
    predicted: str
    """the verdict on all five predictions"""


def bounds(found: Results) -> Bounds:
    """Bounds from exact optima, and what the chapter says of its verdicts, or it does not build."""
    problem, scenarios = ox.presets.stochastic(), ox.presets.stress()
    twap, ac = ox.twap(problem), ox.almgren_chriss(problem)
    mean = _most(problem, twap)
    collapse, shift = (_most(scenarios[name], ac) for name in ("liquidity_collapse", "impact_shift"))
    assert mean > -0.3
    assert collapse > -1.3
    assert shift > -2.0
    paper = published.manifest()["td3bc-twap-paper-data0"]["scores"]["objective"]
    assert min(paper) > 1.5 * ox.exact_objective(problem, twap)
    elsewhere = {effect.market: effect for effect in found["rl-elsewhere"].tests}
    assert sum(effect.holds for effect in elsewhere.values()) == 4
    assert len(elsewhere) == 11
    assert elsewhere["shocks of 95%"].high < 0
    tail = found["shock-tail"].elsewhere[1]
    assert tail.high < 0
    predictions = ("averse-std", "rl-random", "constraints", "all-fail", "rl-bounded")
    (predicted,) = {found[key].verdict for key in predictions}
    assert predicted == PARTLY
    _check(found, twap, ac)
    return Bounds(
        mean=f"{_digits(-mean)}%",
        collapse=f"{_digits(-collapse)}%",
        shift=f"{_digits(-shift)}%",
        objective=f"{_digits(100 * (ox.optimum(problem).value / ox.exact_objective(problem, ac) - 1))}%",
        paper=f"${min(paper):,.0f} to ${max(paper):,.0f}",
        better=_less(elsewhere["shocks of 95%"], "%"),
        tail=_less(tail, "$"),
        predicted=predicted,
    )


def _most(market: ox.Problem, base: ox.Schedule) -> float:
    """The largest cut of mean total cost against a schedule that any policy can make, in percent."""
    neutral = market.replace(risk_aversion=0.0)
    cost = ox.exact_objective(neutral, base)
    return 100 * (ox.optimum(neutral).value - cost) / (100_000 + cost)


def _check(found: Results, twap: ox.Policy, ac: ox.Policy) -> None:
    """What the chapter says of conditions and of claims that fail."""
    assert [key for key, one in found.items() if one.verdict == NOT] == ["rl-mean", "bcq-td3"]
    dearer = found["bcq-td3"].tests[0]
    assert max(-dearer.low, dearer.high) < 0.001
    assert found["averse-std"].tests[0].low > 0
    assert found["averse-std"].elsewhere[0].holds
    for key in ("rl-reacts", "rl-random"):  # nothing from TWAP's log, all of it from a mixed one
        assert not any(effect.holds for effect in found[key].tests)
        assert all(effect.holds for effect in found[key].elsewhere)
    scenarios = ox.presets.stress()
    for key, scenario in {"collapse": "liquidity_collapse", "impact-shift": "impact_shift"}.items():
        for effect in found[key].tests:  # the sign is TWAP's
            assert abs(effect.value - change_of_cost(scenarios[scenario], twap, ac)) < 0.01 < -effect.value
        assert not any(effect.holds for effect in (*found[key].tests, *found[key].elsewhere))
    within = {effect.market.partition(", ")[2] for effect in found["constraints"].tests if effect.holds}
    assert within == {"the market of the log"}


@dataclass(frozen=True)
class Few:
    """One effect from few episodes and from many, in words."""

    claimed: float
    """[%]"""
    episodes: int
    wide: str
    narrow: str


def few(episodes: int = 2_000, claimed: float = 48.0) -> Few:
    """A claim of so much less variance in the spike that holds with few episodes and not with many."""
    wide, narrow = (claims.result("spike-variance", n).tests[1] for n in (episodes, 10 * EPISODES))
    bold = [dataclasses.replace(effect, claimed=(-np.inf, -claimed)) for effect in (wide, narrow)]
    assert [claims.verdict([effect])[0] for effect in bold] == [HOLDS, PARTLY]
    return Few(claimed, episodes, _shown(wide, "%"), _shown(narrow, "%"))


@dataclass(frozen=True)
class Vwap:
    """VWAP against TWAP in words, exactly."""

    objective: str
    """J in the normal market"""
    profile: str
    """mean shortfall in a market with VWAP's own profile"""
    verdict: str


def vwap() -> Vwap:
    """Judge that VWAP is better than TWAP, by J and by mean shortfall."""
    problem = ox.presets.stochastic()
    profiled = problem.replace(volume_profile=ox.u_shape(problem.order.periods), risk_aversion=0.0)
    tests = []
    for name, market in (("J", problem), ("mean shortfall, profile", profiled)):
        change = ox.exact_objective(market, ox.vwap(market)) / ox.exact_objective(market, ox.twap(market)) - 1
        tests.append(exactly(name, 100 * change, (-np.inf, 0.0), -1))
    verdict = claims.verdict(tests)[0]
    assert verdict == HOLDS
    return Vwap(_shown(tests[0], "%"), _shown(tests[1], "%"), verdict)


VERDICTS = {"holds": LIQUIDITY, "with a condition": CAUSES["permanent"], "does not hold": CONTRAST}
SYMBOLS = {"holds": "circle", "with a condition": "diamond", "does not hold": "x"}


SHOWN = 3.0
"""An effect of more claimed sizes, to either side, is drawn at the end of the axis."""


def claimed_sizes(effects: pd.DataFrame) -> go.Figure:
    """Effects over claimed sizes with their intervals, a row a claim: 0 is nothing, 1 what was claimed.

    Args:
        effects: a row an effect: claim (text of its row), market, verdict, own (whether the claim speaks of this
            market), value, low, high, all three over the claimed size.
    """
    plot, rows = Plot(), list(dict.fromkeys(effects["claim"]))[::-1]
    plot.vline(0, width=1, dash=None)
    plot.vline(1, width=1)
    for (verdict, colour), own in product(VERDICTS.items(), (True, False)):
        part = effects[(effects["verdict"] == verdict) & (effects["own"] == own)]
        if part.empty:
            continue
        size, symbol, name = (11, "", verdict) if own else (8, "-open", f"{verdict}: elsewhere")
        value, least, most = (part[column].clip(-SHOWN, SHOWN) for column in ("value", "low", "high"))
        more: dict[str, Any] = {"error_x": whiskers(value, least, most, colour, 1.5, 3), "cliponaxis": False}
        more |= {"name": name, "customdata": part[["market", "value"]]}
        more["hover"] = "%{y}<br>%{customdata[0]}: %{customdata[1]:.3g} times the claim"
        plot.dots(value, part["claim"], colour, size, SYMBOLS[verdict] + symbol, **more)
    plot.x("effect found / effect claimed", [-SHOWN - 0.15, SHOWN + 0.15])
    plot.y(categoryorder="array", categoryarray=rows)
    named = "; ".join(
        f"{claim}: {part['value'].min():.2g} to {part['value'].max():.2g}"
        for claim, part in effects[effects["own"]].groupby("claim", sort=False)
    )
    return plot.done(
        f"Effects found as multiples of what was claimed, by claim, with 95% intervals. {named}.",
        height=110 + 34 * len(rows),
        phone={"height": 150 + 38 * len(rows), "yaxis": {"tickfont": {"size": 10}}},
    )
