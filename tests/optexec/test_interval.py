from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optexec.interval import Interval

numbers = st.floats(-1e6, 1e6)
widths = st.floats(0, 1e3)


@given(numbers, widths)
def test_an_interval_around_a_value_has_it_in_the_middle(value: float, half: float) -> None:
    found = Interval.around(value, half)
    assert found.low <= value <= found.high
    assert found.ci == pytest.approx(half, abs=1e-9)
    mirrored = -found
    assert mirrored.high == -found.low
    assert -mirrored == found


def test_what_is_exact_has_no_width() -> None:
    assert Interval.exact(3.0) == Interval(3.0, 3.0, 3.0)
    assert Interval.exact(3.0).ci == 0
    assert Interval.exact(3.0).shown(2) == "3.00"


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval.around(12.34, 0.5), "12.3 ± 0.5"),
        (Interval.around(12.34, 0.004), "12.340 ± 0.004"),
        (Interval(3.1, 2.8, 3.9), "3.1 (2.8 to 3.9)"),
        (Interval(3.14, 3.13, 3.14), "3.14 (3.13 to 3.14)"),
    ],
)
def test_as_text(interval: Interval, text: str) -> None:
    assert interval.shown() == text
