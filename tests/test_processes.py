"""How tests are shared out among processes: what is dear is made once, and no page is open beside a chapter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TESTS = """
import time

import pytest


@pytest.fixture(scope="module", params=PARAMS)
def shared(request):
    with open("made", "a") as file:
        file.write(f"{request.param}\\n")


def note(kind):
    start = time.time()
    time.sleep(0.2)
    with open("times", "a") as file:
        file.write(f"{kind} {start} {time.time()}\\n")


def test_first(shared):
    note(KIND)


def test_second(shared):
    note(KIND)


def test_third(shared):
    note(KIND)
"""

CHAPTER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
---

# A chapter

```{code-cell} python
import time

start = time.time()
time.sleep(2)
with open("../times", "a") as file:
    file.write(f"chapter {start} {time.time()}\\n")
```
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chapters, four pages in the browser and a module of the package, on two processes."""
    root = tmp_path_factory.mktemp("repository")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    for folder in ("book", "tests"):
        (root / folder).mkdir()
    for number in range(3):
        (root / "book" / f"{number}.md").write_text(CHAPTER)
    module = TESTS.replace("PARAMS", '["module"]').replace("KIND", '"module"')
    (root / "tests" / "test_module.py").write_text(module)
    pages = TESTS.replace("PARAMS", '["one", "two", "three", "four"]').replace("KIND", '"page"')
    (root / "tests" / "test_book.py").write_text(pages + "\n\npytestmark = pytest.mark.browser\n")
    program = str(Path(sys.executable).with_name("pytest"))
    command = [program, "--nbmake", "-n2", "-q"]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert "18 passed" in done.stdout, done.stdout
    return root


def test_what_tests_share_is_made_once(ran: Path) -> None:
    """A page is opened by one process, and the fixture of a module is made by one."""
    assert sorted((ran / "made").read_text().split()) == ["four", "module", "one", "three", "two"]


def test_no_page_is_open_beside_a_chapter(ran: Path) -> None:
    rows = [line.split() for line in (ran / "times").read_text().splitlines()]
    spans = {kind: [(float(a), float(b)) for what, a, b in rows if what == kind] for kind in ("chapter", "page")}
    # a chapter's run may be read from the one beside it, which has the same code
    assert len(spans["chapter"]) >= 1
    assert len(spans["page"]) == 12
    assert not [1 for start, end in spans["chapter"] for first, last in spans["page"] if first < end and start < last]
