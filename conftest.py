"""Every chapter is a test: ``pytest --nbmake`` runs each MyST notebook of ``book/`` from its first cell.

nbmake collects only ``*.ipynb`` files, and this repository commits none. The classes below are nbmake's
own, except that they read a chapter through jupytext. A chapter runs in ``book/``, in a fresh kernel of
the Python that runs pytest, and nothing is written. ``requirements.txt`` pins nbmake, because the
function that is replaced is not part of its public interface.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any
from unittest import mock

import jupytext
import nbformat
import pytest
from filelock import ReadWriteLock
from jupyter_client.kernelspec import KernelSpecManager
from nbmake.nb_result import NotebookResult
from nbmake.pytest_items import NotebookFailedException, NotebookFile, NotebookItem

# Prefer the kernel of this environment over one of the same name that the user has installed elsewhere.
os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
BOOK = Path(__file__).parent / "book"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # xdist's workers come by here too, and must not start workers of their own.
    if hasattr(config, "workerinput"):
        return
    # A run of everything uses the machine's cores (-n 0 turns that off); a few tests start faster without.
    if config.getoption("nbmake", default=False) and config.getoption("numprocesses", default=0) is None:
        config.option.numprocesses = min(4, os.cpu_count() or 1)
        config.option.dist = "loadgroup"
        config.option.loadscopereorder = False


# after the plugins that put tests into an order of their own
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Chapters come first, on all cores; then the browser on one core beside the tests of the package on the others."""
    items.sort(key=lambda item: 0 if isinstance(item, ChapterItem) else 1 if item.get_closest_marker("browser") else 2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let no test in the browser run while a chapter does: it would wait for a page that has no core to itself."""
    cache = getattr(item.config, "cache", None)
    if cache is None:  # without pytest's cache there is no place where all processes meet
        return (yield)
    lock = ReadWriteLock(cache.mkdir("optexec") / "cores")
    if isinstance(item, ChapterItem):
        with lock.read_lock():
            return (yield)
    if item.get_closest_marker("browser"):
        with lock.write_lock():
            return (yield)
    return (yield)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not parent.config.getoption("nbmake", default=False) or not is_chapter(file_path):
        return None
    chapter: pytest.Collector = ChapterFile.from_parent(parent, path=file_path)
    return chapter


def is_chapter(path: Path) -> bool:
    """Say whether a file is a text notebook of the report: a page of prose alone has no jupytext header."""
    if path.suffix != ".md" or BOOK not in path.parents:
        return False
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[1 : lines.index("---", 1)] if lines[:1] == ["---"] and "---" in lines[1:] else []
    return any(line.startswith(("jupytext:", "kernelspec:")) for line in header)


class ChapterFile(NotebookFile):
    """A chapter, as a file with one test in it."""

    def collect(self) -> Any:
        """Yield the one test."""
        yield ChapterItem.from_parent(self, filename=str(self.path))


class ChapterItem(NotebookItem):
    """A chapter, as a test that fails where a cell raises."""

    def runtest(self) -> None:
        """Run the chapter's cells in order."""
        check_kernel()
        with (
            mock.patch("nbmake.nb_run.nbformat.read", read_chapter),
            # report/site/extension.py says why: a cell with ipywidgets.interact could wait for its timeout, a kernel
            # start too late, and what a cell shows be lost.
            mock.patch("nbclient.output_widget.OutputWidget.sync_state", return_value=None),
            mock.patch("nbclient.client.NotebookClient.startup_timeout", 600),
            mock.patch("nbclient.client.NotebookClient.iopub_timeout", 600),
        ):
            super().runtest()

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
    notebook: nbformat.NotebookNode = jupytext.read(path, as_version=as_version)
    return notebook


def check_kernel() -> None:
    """Fail where ``python3`` would start another Python, instead of testing the wrong packages."""
    argv = KernelSpecManager().get_kernel_spec("python3").argv
    # jupyter_client starts a bare "python" as sys.executable.
    if Path(argv[0]).name == argv[0] or Path(argv[0]) == Path(sys.executable):
        return
    pytest.fail(f"the kernel python3 starts {argv[0]}, not {sys.executable}: install ipykernel here", pytrace=False)
