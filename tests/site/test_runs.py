"""A chapter's run is kept for the build and the tests, and never taken for a run of anything else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

from report.site import runs, state

ROOT = Path(__file__).parents[2]

CHAPTER = (
    "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
    "kernelspec:\n  name: python3\n---\n# A page\n\nProse.\n\n```{code-cell} python\nfrom pathlib import Path\n\n"
    'with open("../ran", "a") as file:\n    file.write("x")\n```\n\n```{code-cell} python\nprint(2 + 2)\n```\n'
)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTER_PREFER_ENV_PATH", "PLOTLY_RENDERER", "PYTHONSTARTUP", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")


class Repository:
    """One with a chapter, and something of everything that chapters depend on."""

    FILES = (
        "optexec/model.py",
        "optexec/offline/learner.py",
        "report/results.py",
        "report/chapters/c01.py",
        "report/claims/note.py",
        "report/agents/shipped/agent.npz",
        "report/site/assets/kernel.py",
        "book/data/bars.csv",
        "requirements.txt",
        "constraints.txt",
    )

    def __init__(self, root: Path) -> None:
        self.root = root
        self.chapter = root / "book" / "01.md"
        for name in self.FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("numpy==1.0\n" if name.endswith("txt") else "")
        self.chapter.write_text(CHAPTER)

    def execute(self) -> dict[Path, Exception]:
        return runs.execute(self.root, [self.chapter], lambda _: None)

    def kept(self) -> nbformat.NotebookNode | None:
        return runs.kept(self.root, self.chapter)

    def notebook(self) -> Path:
        (found,) = (self.root / "_build" / ".jupyter_cache" / "executed").glob("*/base.ipynb")
        return found

    def count(self) -> int:
        return len((self.root / "ran").read_text())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("repository"))
    assert repository.kept() is None
    assert repository.execute() == {}
    return repository


@pytest.fixture
def repository(ran: Repository, tmp_path: Path) -> Repository:
    """A copy to spoil."""
    shutil.copytree(ran.root, tmp_path / "copy")
    copy = Repository.__new__(Repository)
    copy.root, copy.chapter = tmp_path / "copy", tmp_path / "copy" / "book" / "01.md"
    return copy


def test_a_run_is_found_again(ran: Repository) -> None:
    run = ran.kept()
    assert run is not None
    assert [cell.outputs[0].text for cell in run.cells if cell.cell_type == "code" and cell.outputs] == ["4\n"]
    assert ran.count() == 1


def test_a_run_outlives_an_edit_of_the_prose(repository: Repository) -> None:
    repository.chapter.write_text(CHAPTER.replace("Prose", "Other prose"))
    assert repository.kept() is not None


@pytest.mark.parametrize("name", [*Repository.FILES, "optexec/new.py", "report/chapters/new.py"])
def test_no_run_outlives_what_it_depends_on(repository: Repository, name: str) -> None:
    file = repository.root / name
    before = file.read_bytes() if file.exists() else None
    file.write_text("changed")
    assert repository.kept() is None
    if before is not None:
        file.write_bytes(before)
        assert repository.kept() is not None
        file.unlink()
        assert repository.kept() is None


def test_no_run_outlives_its_code(repository: Repository) -> None:
    repository.chapter.write_text(CHAPTER.replace("2 + 2", "2 + 3"))
    assert repository.kept() is None


def test_no_run_outlives_an_installed_version(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "version", lambda name: "another")
    assert repository.kept() is None


def test_no_run_outlives_its_python(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version", "another")
    assert repository.kept() is None


def spoiled(change: Callable[[nbformat.NotebookNode], None]) -> Callable[[Repository], None]:
    def spoil(repository: Repository) -> None:
        run = nbformat.read(repository.notebook(), as_version=4)  # type: ignore[no-untyped-call]
        change(run)
        nbformat.write(run, repository.notebook())  # type: ignore[no-untyped-call]

    return spoil


@spoiled
def raised(run: nbformat.NotebookNode) -> None:
    run.cells[1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]  # type: ignore[no-untyped-call]


@spoiled
def not_finished(run: nbformat.NotebookNode) -> None:
    run.cells[1].execution_count = None


@spoiled
def of_other_code(run: nbformat.NotebookNode) -> None:
    run.cells[1].source = "print(5)"


@spoiled
def short_of_a_cell(run: nbformat.NotebookNode) -> None:
    del run.cells[1]


def cut_off(repository: Repository) -> None:
    text = repository.notebook().read_text()
    repository.notebook().write_text(text[: len(text) // 2])


def without_its_notebook(repository: Repository) -> None:
    repository.notebook().unlink()


def in_a_broken_database(repository: Repository) -> None:
    (repository.root / "_build" / ".jupyter_cache" / "global.db").write_bytes(b"no database" * 100)


def without_its_stamp(repository: Repository) -> None:
    (repository.root / "_build" / ".jupyter_cache.inputs").unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(spoil, id=name)
        for name, spoil in {
            "raised": raised,
            "not finished": not_finished,
            "of other code": of_other_code,
            "short of a cell": short_of_a_cell,
            "cut off": cut_off,
            "without its notebook": without_its_notebook,
            "in a broken database": in_a_broken_database,
            "without its stamp": without_its_stamp,
        }.items()
    ],
)
def test_a_spoiled_run_is_none_and_another_takes_its_place(
    repository: Repository, spoil: Callable[[Repository], None]
) -> None:
    spoil(repository)
    assert repository.kept() is None
    assert repository.execute() == {}
    assert repository.kept() is not None
    assert repository.count() == 2


def test_a_chapter_that_raises_leaves_no_run_and_the_others_theirs(repository: Repository) -> None:
    wrong = repository.chapter.with_name("02.md")
    wrong.write_text(CHAPTER.replace("print(2 + 2)", "assert 2 + 2 == 5"))
    repository.chapter.write_text(CHAPTER.replace("2 + 2", "2 + 3"))
    found = runs.execute(repository.root, [wrong, repository.chapter], lambda _: None)
    assert list(found) == [wrong]
    assert "assert 2 + 2 == 5" in str(found[wrong])
    assert runs.kept(repository.root, wrong) is None
    assert repository.kept() is not None


def test_a_run_during_which_something_changed_is_not_kept(repository: Repository) -> None:
    repository.chapter.write_text(CHAPTER.replace("print(2 + 2)", 'Path("../optexec/model.py").write_text("new")'))
    assert repository.execute() == {}
    assert repository.kept() is None


def test_a_chapter_that_is_tested_leaves_the_process_as_it_was(
    repository: Repository, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other tests run kernels of their own in it, with other settings."""
    conftest = pytestconfig.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    assert conftest is not None
    monkeypatch.setattr(conftest, "ROOT", repository.root)
    repository.chapter.write_text(CHAPTER.replace("2 + 2", "2 + 3"))
    before = dict(vars(NotebookClient)), dict(vars(OutputWidget)), dict(os.environ)
    conftest.ChapterItem.runtest(mock.Mock(filename=str(repository.chapter)))
    assert repository.kept() is not None
    assert (dict(vars(NotebookClient)), dict(vars(OutputWidget)), dict(os.environ)) == before


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def endless(repository: Repository) -> Iterator[subprocess.Popen[str]]:
    """A process that runs two chapters, which say that they run and then do not end."""
    cell = 'import os\nimport time\n\nPath(f"../pid-{os.getpid()}").touch()\ntime.sleep(3600)'
    chapters = [repository.chapter, repository.chapter.with_name("02.md")]
    for chapter in chapters:
        chapter.write_text(CHAPTER.replace("print(2 + 2)", cell))
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom report.site import runs\nos.cpu_count = lambda: 2\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it may be ignored
        "root, *chapters = map(Path, sys.argv[1:])\nruns.execute(root, chapters, print)"
    )
    command = [sys.executable, "-c", code, str(repository.root), *map(str, chapters)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
def test_chapters_run_beside_each_other_and_an_interrupt_ends_them(
    repository: Repository, endless: subprocess.Popen[str]
) -> None:
    while len(found := list(repository.root.glob("pid-*"))) < 2:
        assert endless.poll() is None
        time.sleep(0.1)
    endless.send_signal(signal.SIGINT)
    _, said = endless.communicate()
    assert "KeyboardInterrupt" in said
    pids = [int(path.name.removeprefix("pid-")) for path in found]
    while any(map(alive, pids)):
        time.sleep(0.1)
