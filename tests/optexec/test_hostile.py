"""Hostile values at every door: an error that names the field, or an object whose numbers are all finite."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec import stress
from report import claims

NORMAL = ox.presets.stochastic()

hostile = st.one_of(
    st.sampled_from(
        [
            *(math.nan, math.inf, -math.inf, -1, -0.0, 0, 1e308, -1e308, 5e-324, 10**400, np.float32("nan"), 1j),
            *(True, None, "1", "", b"1", [], {}, (), [1.0], object(), print, np.array([1.0, 2.0])),
        ]
    ),
    st.floats(),
    st.integers(),
    st.text(max_size=5),
)

CONSTRUCTORS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    kind.__name__: (kind, [field.name for field in dataclasses.fields(kind)])
    for kind in (ox.Order, ox.Market, ox.ConstantLiquidity, ox.OrnsteinUhlenbeck, ox.RegimeSwitching)
} | {
    "Shocks": (
        lambda **values: ox.Shocks(**{"base": ox.OrnsteinUhlenbeck(), **values}),
        ["base", "probability", "size"],
    ),
    "Problem": (ox.Problem, ["order", "market", "risk_aversion"]),
}


def outcome(attempt: Callable[[], Any]) -> tuple[Any, str]:
    """What an attempt gives, and the message of the error that it is allowed to end with."""
    try:
        return attempt(), ""
    except (TypeError, ValueError) as error:
        return None, str(error) or "an error without a word"


def described(error: str, field: str) -> bool:
    """Whether a message says which field it is about; a bound on two fields may name the other one."""
    return not error or field.replace("_", " ") in error.replace("_", " ") or " must " in error


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow, on the way to a ValueError
@pytest.mark.parametrize("name", CONSTRUCTORS)
@given(data=st.data())
@settings(max_examples=60)
def test_constructors(name: str, data: st.DataObject) -> None:
    build, fields = CONSTRUCTORS[name]
    field, value = data.draw(st.sampled_from(fields)), data.draw(hostile)
    if isinstance(value, int) and field == "periods" and value > 1_000:
        return  # that is only long
    made, error = outcome(lambda: build(**{field: value}))
    assert described(error, field), f"{name}.{field} = {value!r}: {error}"
    if error:
        return
    for one in dataclasses.fields(made):
        assert not isinstance(kept := getattr(made, one.name), float) or math.isfinite(kept) or kept == math.inf
    run, error = outcome(lambda: played(made))
    if error:
        return  # refused where its consequence shows
    for result in (run.shortfall, run.inventory, run.fills, run.liquidity, run.running_risk):
        assert np.isfinite(result).all(), f"{name}.{field} = {value!r}"


def played(made: Any) -> ox.Episodes:
    """A run in a market with what was made."""
    problem = made if isinstance(made, ox.Problem) else NORMAL.replace(**changes(made))
    return ox.simulate(problem, ox.twap(problem), episodes=2, seed=1)


def changes(made: Any) -> dict[str, Any]:
    """A part of a problem as arguments of `Problem.replace`."""
    if isinstance(made, ox.Order | ox.Market):
        return {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    return {"liquidity": made}


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "simulate episodes": lambda value: ox.simulate(NORMAL, ox.twap(NORMAL), episodes=value),
    "simulate seed": lambda value: ox.simulate(NORMAL, ox.twap(NORMAL), episodes=2, seed=value),
    "simulate first": lambda value: ox.simulate(NORMAL, ox.twap(NORMAL), episodes=2, first=value),
    "evaluate episodes": lambda value: ox.evaluate(NORMAL, {"TWAP": ox.twap(NORMAL)}, episodes=value),
    "collect behaviour": lambda value: ox.collect(NORMAL, value, episodes=2),
    "collect episodes": lambda value: ox.collect(NORMAL, "twap", episodes=value),
    "frontier": lambda value: ox.frontier(NORMAL, [value]),
    "u_shape": ox.u_shape,
    "simulate policy": lambda value: ox.simulate(NORMAL, value, episodes=2),
    "evaluate policy": lambda value: ox.evaluate(NORMAL, {"x": value}, episodes=2),
    "evaluate policies": lambda value: ox.evaluate(NORMAL, value, episodes=2),
    "filtered policy": lambda value: ox.filtered(NORMAL, value),
    "exact value": lambda value: ox.exact_value(NORMAL, value),
    "exact objective": lambda value: ox.exact_objective(NORMAL, value),
    "fraction period": lambda value: ox.optimum(NORMAL).fraction(value, 1.0),
    "fraction level": lambda value: ox.optimum(NORMAL).fraction(3, value),
    "act of a schedule": ox.twap(NORMAL).act,
    "act of the rolling rule": ox.rolling(NORMAL).act,
    "act on one number": lambda value: ox.optimum(NORMAL).act([1, 1, 1, 0.02, value, 0]),  # type: ignore[arg-type]
    "train device": lambda value: ox.offline.train(
        "bc", ox.collect(NORMAL, "twap", episodes=2), [0], 1, device=value, progress=False
    ),
    "train seeds": lambda value: ox.offline.train(
        "bc", ox.collect(NORMAL, "twap", episodes=2), value, 1, progress=False
    ),
    "Schedule trades": lambda value: ox.Schedule(NORMAL, value),
    "replace": lambda value: NORMAL.replace(temporary=value, permanent=value),
    "scenario": stress.scenario,
    "claim": lambda value: claims.result(value, episodes=2),
    "train algorithm": lambda value: ox.offline.train(value, ox.collect(NORMAL, "twap", episodes=2), steps=1),
    "reward": lambda value: gymnasium.make("optexec/Execution-v0", problem=NORMAL, reward=value),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
@given(value=hostile)
@settings(max_examples=40)
def test_functions(name: str, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1_000:
        return  # that is only long
    if isinstance(value, list | dict | np.ndarray) and name == "claim":
        return  # a cache asks for what can be hashed, before any check
    _, error = outcome(lambda: FUNCTIONS[name](value))
    assert error != "an error without a word"


class Bad:
    """A policy that answers with one value."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def act(self, observation: Any) -> Any:
        return self.answer if np.ndim(self.answer) else np.full(len(observation), self.answer)


@given(answer=st.one_of(st.floats(), st.sampled_from([None, "x", 1j, [0.1], [[0.1, 0.2]], np.zeros((2, 2))])))
def test_whatever_a_policy_answers(answer: Any) -> None:
    """A finite wish is clipped and counted; anything else is refused by name."""
    run, error = outcome(lambda: ox.simulate(NORMAL, Bad(answer), episodes=2))
    if error:
        assert "act" in error
        return
    assert np.isfinite(run.shortfall).all()
    assert (run.completion == 1).all()
    if not -1e-5 <= float(np.max(answer)) <= 1 + 1e-5:  # less is rounding, and no violation
        assert (run.violations > 0).all()
