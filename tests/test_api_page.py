"""The API page names everything public, each once, and nothing that is not there."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

import optexec as ox
from optexec import calibration, offline
from optexec.offline.view import ViewConfig

PAGE = (Path(__file__).parents[1] / "book" / "api.md").read_text(encoding="utf-8")


def listed() -> list[tuple[str, str, str]]:
    """Kind, full name and hand-written signature of every directive, in the page's order."""
    module, found = "", []
    for kind, argument in re.findall(r"^\.\. (currentmodule|auto\w+):: (.+)$", PAGE, re.MULTILINE):
        if kind == "currentmodule":
            module = argument
            continue
        name, bracket, signature = argument.partition("(")
        found.append((kind, name if name.startswith("optexec.") else f"{module}.{name}", bracket + signature))
    return found


NAMES = [name for _, name, _ in listed()]


def resolved(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", ox.__all__)
def test_every_public_name_is_on_the_page(name: str) -> None:
    assert [entry for entry in NAMES if entry == f"optexec.{name}" or entry.endswith(f".{name}")], name


@pytest.mark.parametrize("module", [offline, calibration], ids=lambda module: module.__name__)
def test_the_modules_public_names_are_too(module: Any) -> None:
    internal = {"ALGORITHMS", "BEHAVIOURS", "LEARNERS"}  # plain data, described where they are used
    missing = [name for name in module.__all__ if not any(entry.endswith(f".{name}") for entry in NAMES)]
    assert set(missing) <= internal


def test_no_name_stands_twice() -> None:
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize(("kind", "name", "signature"), listed(), ids=NAMES)
def test_what_is_listed_is_there_and_documented(kind: str, name: str, signature: str) -> None:
    thing: Any = importlib.import_module(name) if kind == "automodule" else resolved(name)
    assert thing.__doc__
    if getattr(thing, "_is_protocol", False):
        assert signature == "()"  # there is nothing to call
    elif signature:  # written by hand, where a default is made afresh for each instance
        call: Any = ast.parse(f"f{signature}".replace("*, ", ""), mode="eval").body
        names = vars(ox) | {"ViewConfig": ViewConfig}
        shown = {keyword.arg: eval(ast.unparse(keyword.value), names.copy()) for keyword in call.keywords}
        made = thing()
        assert shown == {field.name: getattr(made, field.name) for field in dataclasses.fields(thing)}


@pytest.mark.parametrize("members", re.findall(r"^\.\. auto\w+:: ([\w.]+).*\n   :members: (.+)$", PAGE, re.MULTILINE))
def test_listed_members_exist(members: tuple[str, str]) -> None:
    name, wanted = members
    full = next(entry for entry in NAMES if entry == name or entry.endswith(f".{name}"))
    thing = importlib.import_module(full) if full in {"optexec.presets", "optexec.stress"} else resolved(full)
    for member in wanted.split(", "):
        assert getattr(thing, member).__doc__, f"{full}.{member}"
