"""A number that is not known exactly: its value with a 95% interval, and how the two are written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

__all__ = ["Interval", "from_to", "plus_minus"]


@dataclass(frozen=True)
class Interval:
    """A number with its 95% interval; what is known exactly has one without width.

    Attributes:
        value: the estimate.
        low: lower end of the interval.
        high: its upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, half: float) -> Self:
        """The interval that reaches as far, ``half`` >= 0, to either side."""
        return cls(value, value - half, value + half)

    @classmethod
    def exact(cls, value: float) -> Self:
        """What is known exactly."""
        return cls(value, value, value)

    @property
    def ci(self) -> float:
        """Half the width."""
        return (self.high - self.low) / 2

    def __neg__(self) -> Interval:
        return Interval(-self.value, -self.high, -self.low)

    def shown(self, digits: int = 1, sign: str = "-") -> str:
        """As text: "3.1 ± 0.2" where the ends are equally far, else "3.1 (2.8 to 3.5)"; see `plus_minus`, `from_to`."""
        above, below = self.high - self.value, self.value - self.low
        if math.isclose(above, below, rel_tol=1e-6, abs_tol=1e-12 * abs(self.value)):
            return plus_minus(self.value, self.ci, digits, sign)
        return from_to(self.value, self.low, self.high, digits, sign)


def plus_minus(value: float, half: float, digits: int = 1, sign: str = "-") -> str:
    """An estimate and the half-width of its interval as text, with the decimals that the half-width supports.

    Args:
        value: the estimate.
        half: half-width >= 0 of its interval; it is left out where two decimals more than wanted would not show it.
        digits: decimals that are wanted. There are more if the half-width would be rounded to nothing, and fewer if it
            would show more than two digits.
        sign: "+" for one in front of what is not negative.
    """
    if half < 0.5 * 10.0 ** -(digits + 2):
        return f"{value:{sign},.{digits}f}"
    first = -math.floor(math.log10(half))  # the decimal of the half-width's first digit
    decimals = max(0, min(max(digits, first), first + 1))
    return f"{value:{sign},.{decimals}f} ± {half:,.{decimals}f}"


def from_to(value: float, low: float, high: float, digits: int = 1, sign: str = "-") -> str:
    """An estimate and its interval as text, with the decimals that tell the ends apart; see `plus_minus`."""
    for decimals in range(digits, digits + 3):
        shown = [f"{number:{sign},.{decimals}f}" for number in (value, low, high)]
        if shown[1] != shown[2]:
            return "{} ({} to {})".format(*shown)
    return f"{value:{sign},.{digits}f}"
