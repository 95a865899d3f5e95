"""What a fresh machine meets: versions held for the whole tree, and copies of the repository that know no links."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def pins(name: str) -> dict[str, str]:
    """The exact versions that a file of requirements names; where it names several for one package, none is right."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if re.match(r"\w", line)]
    found: dict[str, str] = {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in wanted}
    assert len(found) == len(wanted), f"{name} names a package twice"
    return found


def tree() -> dict[str, str]:
    """Everything that requirements.txt brings in here, as it is installed."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    # the library and the report are "-e ." and "-e ./report" there
    waiting = [(name, "") for name in (*pins("requirements.txt"), "optexec", "optexec-report")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        package = distribution(name)
        found[name] = Version(package.version).public  # torch's local build is the release it is built from
        for each in map(Requirement, package.requires or ()):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(each.name), option) for option in ("", *each.extras)]
    return {name: version for name, version in found.items() if name not in ("optexec", "optexec-report")}


def test_constraints_name_the_versions_of_the_requirements() -> None:
    assert "-c constraints.txt" in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    constraints = pins("constraints.txt")
    wanted = pins("requirements.txt")
    assert {name: constraints.get(name) for name in wanted} == wanted, "run: python tools/lock.py"


def test_constraints_hold_all_that_is_installed() -> None:
    constraints, installed = pins("constraints.txt"), tree()
    assert {"soupsieve", "click", "sphinx"} <= installed.keys()  # what nobody asks for by name
    assert {name: constraints.get(name) for name in installed} == installed, (
        "run: python tools/lock.py, and python -m pip install -r requirements.txt"
    )


@pytest.fixture(scope="module", params=["clone without links", "unpacked zip"])
def copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it arrives on Windows: a clone as Git for Windows makes one, or a zip."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("needs git")
    folder = tmp_path_factory.mktemp("a folder with spaces, é")
    place = folder / "optexec"

    def run(*command: str) -> None:
        subprocess.run([git, *command], cwd=ROOT, check=True, capture_output=True)

    run("init", "--bare", f"{folder}/git")
    # what is here now, committed or not, and not what git ignores
    here = [f"--git-dir={folder}/git", f"--work-tree={ROOT}"]
    run(*here, "add", "--all")
    run(*here, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "commit", "-m", "all")
    if request.param == "unpacked zip":
        run(*here, "archive", "--format=zip", f"--output={folder}/optexec.zip", "HEAD")
        with zipfile.ZipFile(folder / "optexec.zip") as archive:
            archive.extractall(place)
    else:
        run("clone", "-c", "core.symlinks=false", "-c", "core.autocrlf=true", f"{folder}/git", str(place))
    return place


def test_a_copy_without_links_is_whole(copy: Path) -> None:
    """Byte for byte, or digests and tests of texts would differ; and no two names that some systems take for one."""
    files = [path for path in copy.rglob("*") if path.is_file() and ".git" not in path.relative_to(copy).parts]
    names = [path.relative_to(copy).as_posix() for path in files]
    assert {"_toc.yml", "book/_toc.yml", "book/_static/custom.css"} <= set(names)
    changed = [name for name, path in zip(names, files, strict=True) if path.read_bytes() != (ROOT / name).read_bytes()]
    assert changed == []
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if re.search(r'[<>:"\\|?*]|[ .](/|$)', name)]


def test_the_report_builds_from_a_copy_without_links(copy: Path) -> None:
    """All its pages, in their order; what stands on them is left out here."""
    for page in (copy / "book").glob("*.md"):
        page.write_text(f"# {page.stem}\n", encoding="utf-8")
    program = str(Path(sys.executable).with_name("jupyter-book"))
    # with its own package, wherever the one of this environment is
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run([program, "build", "book"], cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    index = (copy / "_build" / "html" / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'class="reference internal" href="([\w-]+)\.html"', index.split("</nav>")[0])
    assert links == pages
    assert all((copy / "_build" / "html" / f"{page}.html").is_file() for page in pages)
