"""Checks of single values, shared by every constructor: an error names the field, its value and what is allowed."""

from __future__ import annotations

import math
import numbers
from typing import Any

__all__ = ["choice", "integer", "real", "store"]


def real(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
) -> float:
    """Return ``value`` as a finite float inside the stated bounds.

    ``above`` and ``below`` are strict bounds, ``minimum`` and ``maximum`` are not.

    Raises:
        TypeError: not a real number (strings and booleans are not numbers).
        ValueError: not finite, or outside the bounds.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r} ({type(value).__name__})")
    bounds = {">": above, ">=": minimum, "<=": maximum, "<": below}
    allowed = " and ".join(f"{sign} {bound:g}" for sign, bound in bounds.items() if bound is not None)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    inside = (
        math.isfinite(number)
        and (above is None or number > above)
        and (minimum is None or number >= minimum)
        and (maximum is None or number <= maximum)
        and (below is None or number < below)
    )
    if not inside:
        raise ValueError(f"{name} must be finite{' and ' + allowed if allowed else ''}, got {value!r}")
    return number


def integer(name: str, value: Any, *, minimum: int, maximum: int | None = None) -> int:
    """Return ``value`` as an int from ``minimum`` to ``maximum``.

    Raises:
        TypeError: not an integer (``20.0`` and ``True`` are not).
        ValueError: outside the bounds.
    """
    allowed = f">= {minimum}" if maximum is None else f">= {minimum} and <= {maximum:,}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer {allowed}, got {value!r} ({type(value).__name__})")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")
    return number


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``allowed``.

    Raises:
        TypeError: not a string.
        ValueError: a string that is not in ``allowed``.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {list(allowed)}, got {value!r} ({type(value).__name__})")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}")
    return value


def store(instance: object, **values: object) -> None:
    """Set converted fields on a frozen dataclass, for use in its ``__post_init__`` alone."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
