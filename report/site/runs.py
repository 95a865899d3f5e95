"""Every chapter runs once: the build and the tests (``conftest.py``) read the same run.

A run is kept in ``_build/.jupyter_cache``, where myst-nb looks for it by the chapter's code. What else the code depends
on (sources, data, installed versions) is a digest beside it: when that changes, what was kept is dropped. A run that is
not whole, or cannot be read, is none.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

from report.site.state import state

__all__ = ["execute", "is_chapter", "keep", "kept", "one_thread", "prepare", "read", "refresh"]

LIMIT = 600
"""Seconds a cell may take, and a kernel to start."""
KERNEL = Path(__file__).parent / "assets" / "kernel.py"


def is_chapter(path: Path) -> bool:
    """Say whether a file is a text notebook of the report: a page of prose alone has no jupytext header."""
    if path.suffix != ".md":
        return False
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[1 : lines.index("---", 1)] if lines[:1] == ["---"] and "---" in lines[1:] else []
    return any(line.startswith(("jupytext:", "kernelspec:")) for line in header)


def read(path: Path) -> nbformat.NotebookNode:
    """Return a chapter as the notebook that myst-nb makes of it."""
    text = path.read_text(encoding="utf-8")
    reader = create_nb_reader(str(path), MdParserConfig(), NbParserConfig(), text)
    if reader is None:
        raise ValueError(f"{path} is no chapter: it has no jupytext header")
    notebook: nbformat.NotebookNode = reader.read(text)
    return notebook


@contextmanager
def _cache(root: Path) -> Iterator[Any]:
    cache = get_cache(_folder(root))
    try:
        yield cache
    finally:
        cache.db.dispose()


def _folder(root: Path) -> Path:
    return root / "_build" / ".jupyter_cache"


def _stamp(root: Path) -> Path:
    return root / "_build" / ".jupyter_cache.inputs"


def _lock(root: Path) -> FileLock:
    (root / "_build").mkdir(exist_ok=True)
    return FileLock(root / "_build" / ".jupyter_cache.lock")


def refresh(root: Path, current: str) -> bool:
    """Drop what was kept where it is of another state than ``current``, or cannot be read; say whether it was."""
    folder, stamp = _folder(root), _stamp(root)
    with _lock(root):
        fresh = stamp.is_file() and stamp.read_text() == current and _readable(root)
        dropped = folder.exists() and not fresh
        if dropped:
            shutil.rmtree(folder)
        stamp.write_text(current)
    return dropped


def _readable(root: Path) -> bool:
    try:
        with _cache(root) as cache:
            cache.list_cache_records()
    except Exception:
        return False
    return True


def kept(root: Path, path: Path) -> nbformat.NotebookNode | None:
    """Return the kept run of exactly this chapter with exactly these inputs; None where there is none, or not whole."""
    stamp = _stamp(root)
    if not stamp.is_file() or stamp.read_text() != state(root):
        return None
    notebook = read(path)
    try:
        with _cache(root) as cache:
            _, run = cache.merge_match_into_notebook(notebook)
        return run if _is_whole(run) and _code(run) == _code(notebook) else None
    except Exception:  # whatever is wrong with it, the chapter can run again
        return None


def _code(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def _is_whole(run: nbformat.NotebookNode) -> bool:
    """Every cell ran, in order, and none raised."""
    cells = [cell for cell in run.cells if cell.cell_type == "code" and cell.source.strip()]
    in_order = [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    return in_order and not any(output.output_type == "error" for cell in cells for output in cell.outputs)


def keep(root: Path, path: Path, run: nbformat.NotebookNode, seconds: float, began: str) -> None:
    """Keep a chapter's run that began in state ``began``, unless something changed since then, or it is not whole."""
    if not _is_whole(run) or _code(run) != _code(read(path)) or state(root) != began:
        return
    refresh(root, began)
    with _lock(root), _cache(root) as cache:
        # what is left there of a run that was cut off
        shutil.rmtree(_folder(root) / "executed" / cache.create_hashed_notebook(run)[1], ignore_errors=True)
        bundle = CacheBundleIn(run, str(path), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def one_thread() -> None:
    """Let linear algebra in processes started from here keep to one core, where as many run as there are cores."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def prepare() -> None:
    """Settle how kernels start and how they are listened to, for all that this process runs."""
    # Chapters run in the environment that builds them, whatever kernels the user has installed elsewhere.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    # plotly looks where it runs and picks a form of output; from an editor's terminal, say, one with scripts.
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    # Every kernel runs this first: a table that pandas cuts would reach the page, and its CSV, with rows of "...".
    os.environ["PYTHONSTARTUP"] = str(KERNEL)
    one_thread()  # there is a chapter a core
    # nbclient tells the kernel what an Output widget (so: interact) shows, over the socket on which it waits for
    # the cell's reply. On a busy machine one such cell in ten then waits for its timeout (nbclient issue 312).
    # Nothing here needs the kernel to know.
    OutputWidget.sync_state = lambda self: None  # type: ignore[method-assign]
    # Seconds until a kernel must have started, and until what a cell showed must have come. Its own 60 and 4 are too
    # few on a busy machine, where the build would fail, or go on without a figure.
    NotebookClient.startup_timeout = NotebookClient.iopub_timeout = LIMIT  # type: ignore[assignment]


def execute(root: Path, paths: Sequence[Path], say: Callable[[str], None]) -> dict[Path, Exception]:
    """Run chapters, one a core at a time, and keep their runs; return what was raised in which.

    Args:
        root: the repository.
        paths: chapters, those first that take longest.
        say: is told what begins and what has ended.
    """
    began = state(root)

    async def run(path: Path, turns: asyncio.Semaphore) -> None:
        async with turns:
            say(f"{path}: Executing notebook")
            notebook, start = read(path), time.perf_counter()
            place = {"metadata": {"path": str(path.parent)}}
            # without times in the cells' metadata, by which myst-nb would not know them again
            client = NotebookClient(notebook, timeout=LIMIT, resources=place, record_timing=False)
            await client.async_execute()
            seconds = time.perf_counter() - start
            keep(root, path, notebook, seconds, began)
            say(f"{path}: Executed notebook in {seconds:.2f} seconds")

    async def all_of_them() -> list[BaseException | None]:
        turns = asyncio.Semaphore(os.cpu_count() or 1)
        return await asyncio.gather(*(run(path, turns) for path in paths), return_exceptions=True)

    # In the main thread nbclient would take Ctrl-C for the kernel that started last.
    loop = asyncio.new_event_loop()
    task = loop.create_task(all_of_them())
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(loop.run_until_complete, task)
        try:
            raised = future.result()
        except BaseException:
            loop.call_soon_threadsafe(task.cancel)  # which ends the kernels
            raise
    loop.close()
    return {path: error for path, error in zip(paths, raised, strict=True) if isinstance(error, Exception)}
