"""The README states what the code computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optexec as ox
from report import claims

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_finding_is_what_the_claims_give() -> None:
    text = " ".join(README.split())
    for line in claims.finding():
        assert line in text


def test_the_example_runs() -> None:
    code = README.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    problem = names["problem"]
    assert ox.optimum(problem).value < ox.exact_objective(problem, ox.almgren_chriss(problem))
