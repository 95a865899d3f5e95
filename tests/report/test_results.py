"""Numbers reach a chapter's text under the path by which code knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import pytest

from optexec.evaluation import mean
from report.results import paths, publish


@dataclass(frozen=True)
class Inner:
    share: float
    by_policy: dict[str, float]


@dataclass(frozen=True)
class Outer:
    gap: Any
    inner: Inner
    table: list[float] = field(default_factory=list)
    settled: bool = True


RESULTS = Outer(np.float32(0.5), Inner(0.25, {"AC": 1.0, "best static": 2.0}), [1.0])


def test_every_number_has_the_path_of_its_fields() -> None:
    assert dict(paths({"a": RESULTS, "episodes": np.int64(20), "unit": "$"})) == {
        "a.gap": 0.5,
        "a.inner.share": 0.25,
        "a.inner.by_policy.AC": 1.0,
        "a.inner.by_policy.best static": 2.0,
        "episodes": 20,
        "unit": "$",
    }


def test_an_estimate_has_its_value_and_its_interval() -> None:
    estimate = mean(np.array([1.0, 2.0, 3.0]))
    for result in (estimate, estimate.interval):
        assert dict(paths({"J": result})) == {
            "J.value": 2.0,
            "J.low": 2.0 - estimate.ci,
            "J.high": 2.0 + estimate.ci,
            "J.ci": pytest.approx(estimate.ci),
        }


def test_they_are_glued_as_plain_numbers() -> None:
    with mock.patch("myst_nb.glue") as glue:
        publish(a=RESULTS)
    assert glue.call_args_list[0] == mock.call("a.gap", 0.5, display=False)
    assert type(glue.call_args_list[0].args[1]) is float


def test_a_downloaded_notebook_has_no_text_to_hand_them_to() -> None:
    with mock.patch.dict("sys.modules", {"myst_nb": None}):
        publish(a=RESULTS)


@pytest.mark.parametrize("value", [np.bool_(True), None, [1.0]])
def test_what_no_text_shows_is_passed_over(value: Any) -> None:
    assert list(paths({"x": value})) == []
