"""Every chapter is a test: ``pytest --nbmake`` runs each MyST notebook of ``book/`` from its first cell.

nbmake collects only ``*.ipynb`` files, and this repository commits none. The classes below are nbmake's
own, except that they read a chapter as the build does. A chapter runs in ``book/``, in a fresh kernel of
the Python that runs pytest, unless a build or an earlier test kept a run of exactly this chapter with exactly these
inputs (``report/site/runs.py``): then that run is the one that is tested. ``requirements.txt`` pins nbmake, because the
function that is replaced is not part of its public interface.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import pytest
from filelock import ReadWriteLock
from jupyter_client.kernelspec import KernelSpecManager
from nbmake.nb_result import NotebookResult
from nbmake.nb_run import NotebookRun
from nbmake.pytest_items import NotebookFailedException, NotebookFile, NotebookItem
from xdist.scheduler import LoadScopeScheduling

from report.site import runs
from report.site.state import state

# Prefer the kernel of this environment over one of the same name that the user has installed elsewhere.
os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
ROOT = Path(__file__).parent
BOOK = ROOT / "book"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # xdist's workers come by here too, and must not start workers of their own.
    if hasattr(config, "workerinput"):
        return
    # A run of everything uses the machine's cores (-n 0 turns that off); a few tests start faster without.
    if config.getoption("nbmake", default=False) and config.getoption("numprocesses", default=0) is None:
        config.option.numprocesses = min(4, os.cpu_count() or 1)
        runs.one_thread()  # which processes started from here inherit
    config.option.loadscopereorder = False  # the order is pytest_collection_modifyitems'


class Scheduler(LoadScopeScheduling):
    """All tests of a module go to one process, which keeps what they share; tests of a page, to one that keeps it open.

    (xdist's own groups have no effect from pytest 9.1 on: it writes them where pytest no longer looks.)
    """

    PAGES = ("tests/site/test_book.py", "tests/site/test_print.py", "tests/site/test_reach.py")

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0]
        page = re.search(r"\[([\w-]+)\]$", nodeid)
        return page[1] if page and module in self.PAGES else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    """Distribute tests as above, however many processes there are."""
    return Scheduler(config, log)


# after the plugins that put tests into an order of their own
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Chapters come first, then the browser, then the tests of the package."""
    items.sort(key=lambda item: 0 if isinstance(item, ChapterItem) else 1 if item.get_closest_marker("browser") else 2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let no test in the browser run while a chapter does: it would wait for a page that has no core to itself.

    Chapters run beside chapters and pages beside pages: each kind has a lock, and holds it as a reader.
    """
    cache = getattr(item.config, "cache", None)
    if cache is None:  # without pytest's cache there is no place where all processes meet
        return (yield)
    folder = cache.mkdir("optexec")
    chapters, pages = ReadWriteLock(folder / "chapters"), ReadWriteLock(folder / "pages")
    if isinstance(item, ChapterItem):
        with chapters.read_lock():
            with pages.write_lock():
                pass  # those that are open are closed, and no other is opened
            return (yield)
    if item.get_closest_marker("browser"):
        with chapters.write_lock():
            pages.acquire_read()
        try:
            return (yield)
        finally:
            pages.release()
    return (yield)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not parent.config.getoption("nbmake", default=False) or BOOK not in file_path.parents:
        return None
    if not runs.is_chapter(file_path):
        return None
    chapter: pytest.Collector = ChapterFile.from_parent(parent, path=file_path)
    return chapter


class ChapterFile(NotebookFile):
    """A chapter, as a file with one test in it."""

    def collect(self) -> Any:
        """Yield the one test."""
        yield ChapterItem.from_parent(self, filename=str(self.path))


class ChapterItem(NotebookItem):
    """A chapter, as a test that fails where a cell raises."""

    def runtest(self) -> None:
        """Run the chapter's cells in order, if no run of it is kept, and keep the run."""
        check_kernel()
        path = Path(self.filename)
        if runs.kept(ROOT, path) is not None:
            return
        began, start = state(ROOT), time.perf_counter()
        # all of it as it was afterwards: other tests run kernels of their own in this process
        with (
            mock.patch("nbmake.nb_run.nbformat.read", read_chapter),
            mock.patch("nbclient.output_widget.OutputWidget.sync_state"),
            mock.patch("nbclient.client.NotebookClient.startup_timeout"),
            mock.patch("nbclient.client.NotebookClient.iopub_timeout"),
            mock.patch.dict(os.environ),
        ):
            runs.prepare()
            result = NotebookRun(path, runs.LIMIT).execute()
        if result.error is not None:
            raise NotebookFailedException(result)
        for cell in result.nb.cells:
            cell.metadata.pop("execution", None)  # nbmake's own note of times
        runs.keep(ROOT, path, result.nb, time.perf_counter() - start, began)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say which cell failed, in front of nbmake's account of it."""
        shown = super().repr_failure(excinfo, style)
        if isinstance(excinfo.value, NotebookFailedException):
            result: NotebookResult = excinfo.value.args[0]
            if result.error is not None:
                index = result.error.failing_cell_index
                code = [i for i, cell in enumerate(result.nb.cells) if cell.cell_type == "code"]
                number = code.index(index) + 1 if index in code else "?"
                where = f"{Path(self.filename).name}: code cell {number} of {len(code)} failed"
                shown.term = f"{where}\n{shown.term}"
                shown.reprcrash.message = f"{where}: {shown.reprcrash.message}"
        return shown


def read_chapter(path: str, as_version: int) -> nbformat.NotebookNode:
    """Stand in for nbformat.read: the same notebook from its text form."""
    return runs.read(Path(path))


def check_kernel() -> None:
    """Fail where ``python3`` would start another Python, instead of testing the wrong packages."""
    argv = KernelSpecManager().get_kernel_spec("python3").argv
    # jupyter_client starts a bare "python" as sys.executable.
    if Path(argv[0]).name == argv[0] or Path(argv[0]) == Path(sys.executable):
        return
    pytest.fail(f"the kernel python3 starts {argv[0]}, not {sys.executable}: install ipykernel here", pytrace=False)
