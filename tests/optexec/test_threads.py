"""Threads change how long a simulation takes and nothing else: same bits, errors and interrupts that arrive."""

from __future__ import annotations

import threading
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

import optexec as ox
from optexec import simulator
from optexec._threads import Crew
from optexec.noise import BLOCK
from tests.optexec.test_simulator import NORMAL, Wild, same

EVERYTHING = NORMAL.replace(transient=0.002, half_spread=0.01, max_participation=0.02, side="buy", leftover_haircut=0.1)
FEW = NORMAL.replace(liquidity=ox.Shocks(ox.RegimeSwitching(), 0.1), slippage=0.0)


@pytest.mark.parametrize("problem", [NORMAL, EVERYTHING, FEW], ids=["normal", "everything", "few"])
@pytest.mark.parametrize("make", [ox.twap, ox.rolling, lambda problem: Wild()], ids=["twap", "rolling", "wild"])
def test_threads_and_chunks_change_nothing(problem: ox.Problem, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = make(problem)
    alone = ox.simulate(problem, policy, 7_000, 3, first=500, threads=1)
    for threads in (2, 3, 7, None):
        assert same(alone, ox.simulate(problem, policy, 7_000, 3, first=500, threads=threads))
    for chunk in (700, 2 * BLOCK, 100_000):
        monkeypatch.setattr(simulator, "CHUNK", chunk)
        assert same(alone, ox.simulate(problem, policy, 7_000, 3, first=500, threads=3))


def test_a_policy_that_remembers_acts_in_the_callers_thread_and_is_the_same_for_any_number() -> None:
    class Remembering:
        def reset(self, n: int) -> None:
            self.last = np.zeros(n)

        def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            assert threading.current_thread() is threading.main_thread()
            self.last = 0.5 * self.last + 0.1 * observation[:, 4]
            return self.last

    alone = ox.simulate(NORMAL, Remembering(), 12_000, threads=1)
    for threads in (2, 7):
        assert same(alone, ox.simulate(NORMAL, Remembering(), 12_000, threads=threads))
    rule = ox.filtered(NORMAL, ox.rolling(NORMAL))
    alone, together = (ox.simulate(NORMAL, rule, 9_000, observe_liquidity=False, threads=threads) for threads in (1, 3))
    assert same(alone, together)


def test_a_policy_that_draws_as_it_acts_is_asked_in_batches_of_one_size() -> None:
    """Or its numbers, which follow the order in which it is asked, would change with how noise is drawn."""

    class Drawing:
        def __init__(self) -> None:
            self.stream, self.batches = np.random.default_rng(1), list[int]()

        def reset(self, n: int) -> None:
            self.batches.append(n)

        def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return self.stream.uniform(0, 0.2, len(observation))

    policies = [Drawing(), Drawing()]
    alone, together = (ox.simulate(NORMAL, one, 12_000, threads=t) for one, t in zip(policies, (1, 3), strict=True))
    assert same(alone, together)
    assert [one.batches for one in policies] == [[5_120, 5_120, 1_760]] * 2
    wishes = np.random.default_rng(1).uniform(0, 0.2, (20, 5_120))[:19].T
    sold = alone.trades[:5_120, :19] / alone.inventory[:5_120, :19]
    assert sold == pytest.approx(wishes, rel=1e-12)


def test_a_table_is_the_same_for_any_number_of_threads() -> None:
    policies: dict[str, ox.Policy] = {"TWAP": ox.twap(NORMAL), "rolling": ox.rolling(NORMAL), "wild": Wild()}
    alone, together = (ox.evaluate(NORMAL, policies, 12_000, threads=threads) for threads in (1, 3))
    assert alone.equals(together)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads_are_refused(threads: int) -> None:
    for run in (ox.simulate, ox.evaluate):
        policy: Any = ox.twap(NORMAL) if run is ox.simulate else {"TWAP": ox.twap(NORMAL)}
        with pytest.raises(ValueError, match="threads must be an integer >= 1"):
            run(NORMAL, policy, 10, threads=threads)


class Stops:
    """Acts for a while and then raises."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.asked = error, 0

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.asked += 1
        if self.asked > 30:  # in the second chunk
            raise self.error
        return np.full(len(observation), 0.1)


@pytest.mark.parametrize("error", [RuntimeError("no more"), KeyboardInterrupt("by the user")])
def test_what_a_policy_raises_arrives_and_no_thread_stays(error: BaseException) -> None:
    before = threading.active_count()
    with pytest.raises(type(error), match=str(error)):
        ox.simulate(NORMAL, Stops(error), 40_000, threads=3)
    assert threading.active_count() == before


def test_an_error_in_another_thread_arrives_with_its_message() -> None:
    caller, seen = threading.get_ident(), threading.Event()

    def work(item: int) -> None:
        if threading.get_ident() != caller:
            seen.set()
            raise ValueError(f"item {item} is bad")
        seen.wait()

    with pytest.raises(ValueError, match="item 0 is bad"), Crew(2) as crew:
        crew.begin(work, range(5))()


def test_after_an_error_nobody_goes_on() -> None:
    done = []

    def work(item: int) -> None:
        done.append(item)
        time.sleep(0.001)

    def run() -> None:
        with Crew(2) as crew:
            crew.begin(work, range(100_000))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(done) < 100_000


def test_all_is_done_once_and_in_the_context_of_the_caller() -> None:
    done: list[tuple[int, str]] = []
    with np.errstate(over="raise"), Crew(4) as crew:
        finish = crew.begin(lambda item: done.append((item, np.geterr()["over"])), range(1_000))
        finish()
    assert sorted(done) == [(item, "raise") for item in range(1_000)]


def test_memory_grows_by_a_block_a_thread() -> None:
    def peak(threads: int) -> int:
        tracemalloc.start()
        ox.simulate(NORMAL, ox.twap(NORMAL), 20_000, threads=threads)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(8)  # what is imported and cached
    block = 8 * 20 * BLOCK
    assert peak(8) < peak(1) + 8 * 1.5 * block
