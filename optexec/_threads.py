"""Threads for what numpy does without the interpreter's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from optexec._validate import integer

__all__ = ["Crew"]

Item = TypeVar("Item")


class Crew:
    """Threads that share work with the one that waits for it.

    Args:
        threads: how many work, the one that waits among them; None for as many as there are cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.helpers = (_cores() if threads is None else integer("threads", threads, minimum=1)) - 1
        self._pool = ThreadPoolExecutor(self.helpers) if self.helpers else None
        self._dismissed = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self._dismissed = True  # after an error nobody goes on with what is left
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def begin(self, work: Callable[[Item], object], items: Iterable[Item]) -> Callable[[], None]:
        """Let the others begin to work on items, in a context like the caller's.

        Returns:
            A function that takes part until all is done, and raises what went wrong.
        """
        left = deque(items)

        def share() -> None:
            while left and not self._dismissed:
                try:
                    item = left.popleft()
                except IndexError:  # another took the last one
                    return
                work(item)

        helpers = min(self.helpers, len(left) - 1)
        others = [self._pool.submit(copy_context().run, share) for _ in range(helpers)] if self._pool else []

        def finish() -> None:
            share()
            for other in others:
                if not other.cancel():
                    other.result()

        return finish


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
