"""The package is built in layers: imports point only down, and importing it stays light."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "optexec"

# From top to bottom. A module may import from layers below its own, and from its own.
LAYERS = (
    {"__main__"},
    {"cli", "figures"},
    {"claims", "sweep"},
    {"stress", "offline"},
    {"calibration"},
    {"evaluation", "training_env"},
    {"env", "optimum"},
    {"policies"},
    {"simulator"},
    {"almgren_chriss"},
    {"presets", "config"},
    {"problem"},
    {"liquidity"},
    {"_plan", "_validate", "_files", "_version", "_streams"},
)
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
# The front door imports what it offers; the extension that builds the report stands alone, with what it does to texts.
OUTSIDE = {"__init__", "book", "book_meta", "book_notebook", "book_text"}


def module_of(path: Path) -> str:
    """The first part of a module's name inside the package: files of a subpackage count as one module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, anywhere in it, functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            # Both "from optexec import problem" and "from optexec.problem import Problem".
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {name.split(".")[1] if "." in name else "__init__" for name in names if name.split(".")[0] == "optexec"}
    return {name if name in DEPTH or name in OUTSIDE else "__init__" for name in inside}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    module = module_of(path)
    if module == "__init__":
        return
    others = imported(path) - {module}
    if module.startswith("book"):
        assert others <= {"book_text", "book_notebook"}, (
            "the report's build must not depend on what the report is about"
        )
        return
    assert module in DEPTH, f"optexec/{module} has no layer: add it to LAYERS where it belongs"
    up = {name for name in others if name in OUTSIDE or DEPTH[name] < DEPTH[module]}
    assert not up, f"{module} may not import {sorted(up)}, which stand above it"


def test_the_check_sees_an_import(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("import optexec.env\ndef f():\n    from optexec import policies\n    import numpy\n")
    assert imported(file) == {"env", "policies"}


def test_importing_the_package_is_light() -> None:
    heavy = ("torch", "sympy", "plotly")
    for name in heavy:
        assert importlib.util.find_spec(name), f"{name} must be installed for this test to mean anything"
    code = f"import sys, optexec; print(*sorted(set(sys.modules) & {set(heavy)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
