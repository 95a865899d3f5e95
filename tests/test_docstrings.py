"""The examples in docstrings are true, and the names that people start with have one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import optexec as ox

# Figures have none, and cli prints.
APART = ("optexec.figures", "optexec.cli", "optexec.__main__")


def documented() -> list[str]:
    """Modules of the package that may hold examples."""
    names = [module.name for module in pkgutil.walk_packages(ox.__path__, "optexec.")]
    return [name for name in names if not name.startswith(APART)]


@pytest.mark.parametrize("name", documented())
def test_examples_are_true(name: str) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert failed == 0, f"{failed} of {tried} examples of {name} fail: python -m doctest says which"


STARTED_WITH = (
    "ExecutionEnv",
    "OrnsteinUhlenbeck",
    "Problem",
    "almgren_chriss",
    "best_static",
    "collect",
    "evaluate",
    "exact_objective",
    "exact_value",
    "frontier",
    "half_life",
    "optimum",
    "rolling",
    "simulate",
    "twap",
    "u_shape",
    "urgency",
)


@pytest.mark.parametrize("name", STARTED_WITH)
def test_has_an_example(name: str) -> None:
    assert ">>>" in (inspect.getdoc(getattr(ox, name)) or "")
