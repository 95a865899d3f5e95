"""Library and report are built in layers: imports point only down, and importing the library stays light."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From top to bottom. A module may import from layers below its own, and from its own.
LAYERS = {
    "optexec": (
        {"__main__"},
        {"cli"},
        {"figures", "sweep"},
        {"stress", "offline"},
        {"calibration"},
        {"evaluation", "training_env"},
        {"env", "optimum"},
        {"policies"},
        {"simulator"},
        {"noise", "observation"},
        {"almgren_chriss"},
        {"presets", "config"},
        {"problem"},
        {"liquidity"},
        {"interval", "_plan", "_validate", "_files", "_version", "_streams", "_threads"},
    ),
    "report": (
        {"tools"},
        {"chapters"},
        {"claims"},
        {"agents"},
        {"live", "plot", "results"},
        {"site"},  # shows the report, and knows nothing of what it is about
    ),
}
FRONT = "__init__"
"""The front door of a package imports what it offers, and nothing behind it does."""


def imported(path: Path) -> set[tuple[str, str]]:
    """The modules of this repository that a file imports, anywhere in it, functions included: package and module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            # Both "from optexec import problem" and "from optexec.problem import Problem".
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    found = set()
    for name in names:
        package, _, rest = name.partition(".")
        if package in LAYERS:
            known = set().union(*LAYERS[package])
            found.add((package, rest.split(".")[0] if rest.split(".")[0] in known else FRONT))
    return found


def files(package: str) -> list[Path]:
    """The modules of a package."""
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(
    "path", [*files("optexec"), *files("report")], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_imports_point_down(path: Path) -> None:
    package, module = path.relative_to(ROOT).parts[:2]
    module = module.removesuffix(".py")  # files of a subpackage count as one module
    if module == FRONT:
        return
    depth = {name: number for number, layer in enumerate(LAYERS[package]) for name in layer}
    assert module in depth, f"{package}/{module} has no layer: add it to LAYERS where it belongs"
    inside = {other for home, other in imported(path) if home == package} - {module}
    up = {other for other in inside if other == FRONT or depth[other] < depth[module]}
    assert not up, f"{module} may not import {sorted(up)}, which stand above it"


@pytest.mark.parametrize("path", files("optexec"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_knows_nothing_of_the_report(path: Path) -> None:
    assert not [other for home, other in imported(path) if home == "report"]


def test_the_site_knows_nothing_of_what_it_shows() -> None:
    for path in files("report/site"):
        assert not [home for home, _ in imported(path) if home == "optexec"], path


def test_the_check_sees_an_import(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("import optexec.env\ndef f():\n    from optexec import policies\n    from report.claims import x\n")
    assert imported(file) == {("optexec", "env"), ("optexec", "policies"), ("report", "claims")}


def test_importing_the_package_is_light() -> None:
    heavy = ("torch", "sympy", "plotly")
    for name in heavy:
        assert importlib.util.find_spec(name), f"{name} must be installed for this test to mean anything"
    code = f"import sys, optexec; print(*sorted(set(sys.modules) & {set(heavy)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
