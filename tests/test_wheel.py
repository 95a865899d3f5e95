"""The wheel of the library holds the library and nothing else; a release says what it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from tools.wheel import faults

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left here."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("optexec", "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_it_is_the_library_and_nothing_else(wheel: Path) -> None:
    assert faults(wheel) == []
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "optexec/py.typed" in names
    assert {name.split("/")[-1] for name in names} & {"published.py", "manifest.json", "extension.py"} == set()


def test_a_tag_is_its_version(wheel: Path) -> None:
    version = wheel.name.split("-")[1]
    assert faults(wheel, f"v{version}") == []
    assert faults(wheel, "v9.9") == [f"the tag must be v{version}, the version of pyproject.toml, got v9.9"]


def test_a_stranger_is_named(wheel: Path, tmp_path: Path) -> None:
    other = tmp_path / wheel.name
    shutil.copy(wheel, other)
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("report/agents/x.npz", b"")
    assert faults(other) == ["report/agents/x.npz is not the library's"]


def test_what_the_release_runs_is_here() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["release"]["steps"] if "run" in step]
    assert any("tools/wheel.py" in command for command in commands)
    assert any(command == ".ci/run" for command in commands)
    assert (ROOT / "tools" / "wheel.py").is_file()


def test_versions_agree() -> None:
    """Library, report and citation are released together."""
    library, report = (
        tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["project"]["version"]
        for name in ("pyproject.toml", "report/pyproject.toml")
    )
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    assert library == report == str(citation)


def test_contributing_is_a_page_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    for name in ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:|#|\S*`)([^)\s]+)\)", (ROOT / name).read_text(encoding="utf-8")):
            if "writing.md" not in name:  # which shows what a chapter may link
                assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"
