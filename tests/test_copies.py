"""What is read-only stays so through pickle, copies, replacement and worker processes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest

import optexec as ox

PROBLEM = ox.presets.stochastic().replace(volume_profile=tuple(ox.u_shape(20)), max_participation=0.01)


def read_only(thing: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays that a problem or a schedule promises to be read-only."""
    if isinstance(thing, ox.Problem):
        return {"profile": thing.profile}
    arrays = {name: getattr(thing, name) for name in ("trades", "inventory", "fractions", "excess", "open_loop")}
    return arrays | {"problem.profile": thing.problem.profile}


def same(thing: Any) -> Any:
    return thing


def pickled(protocol: int) -> Callable[[Any], Any]:
    return lambda thing: pickle.loads(pickle.dumps(thing, protocol))


COPIES: dict[str, Callable[[Any], Any]] = {
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "replace": dataclasses.replace,
    "a worker and back": lambda thing: joblib.Parallel(2, backend="loky")([joblib.delayed(same)(thing)])[0],
}


@pytest.mark.parametrize("touched", [True, False], ids=["used before", "fresh"])
@pytest.mark.parametrize("how", COPIES.values(), ids=COPIES)
def test_read_only_stays_read_only(how: Callable[[Any], Any], touched: bool) -> None:
    for thing in (PROBLEM.replace(), ox.twap(PROBLEM), ox.best_static(PROBLEM)):
        before = {name: array.copy() for name, array in read_only(thing).items()} if touched else None
        made = how(thing)
        for name, array in read_only(made).items():
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 7.0
            if before is not None:
                assert np.array_equal(array, before[name])
        if isinstance(made, ox.Problem):
            assert made == thing
            assert hash(made) == hash(thing)


def inside(schedule: ox.Schedule) -> list[bool]:
    """Which of a schedule's arrays a worker may write to."""
    return [array.flags.writeable for array in read_only(schedule).values()]


def test_read_only_inside_a_worker() -> None:
    schedule = ox.twap(PROBLEM)
    read_only(schedule)
    assert joblib.Parallel(2, backend="loky")([joblib.delayed(inside)(schedule)]) == [[False] * 6]


def test_policies_that_remember_go_to_workers() -> None:
    """A filter's belief stays at home; what it is made of goes."""
    trader = ox.filtered(PROBLEM, ox.rolling(PROBLEM))
    run = ox.simulate(PROBLEM, trader, 5, observe_liquidity=False)
    for copied in (pickle.loads(pickle.dumps(trader)), copy.deepcopy(trader)):
        assert copied.belief is None
        assert np.array_equal(ox.simulate(PROBLEM, copied, 5, observe_liquidity=False).trades, run.trades)
