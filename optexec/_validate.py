"""Checks of single values, shared by every constructor: an error names the field, its value and what is allowed.

And what all objects say of themselves, and keep through a copy.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

__all__ = ["brief", "choice", "integer", "real", "remade", "store"]


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


LONG = 120
"""Characters of a sequence that `brief` still shows."""


def brief(instance: Any, longest: int = 300) -> str:
    """The ``repr`` of a dataclass: its fields, but of arrays the shape alone, and of what is long only what it is.

    Args:
        instance: of a dataclass.
        longest: characters of a part that is shown whole.
    """

    def shown(value: Any) -> str:
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            return f"<{value.dtype} {tuple(value.shape)}>"
        if isinstance(value, Mapping):
            value = list(value)
        said = repr(value)
        if isinstance(value, tuple | list):
            return said if len(said) <= LONG else f"<{type(value).__name__} of {len(value):,}>"
        return said if len(said) <= longest else f"{type(value).__name__}(...)"

    names = [field.name for field in dataclasses.fields(instance) if field.repr]
    return f"{type(instance).__name__}({', '.join(f'{name}={shown(getattr(instance, name))}' for name in names)})"


def remade(instance: object, state: Mapping[str, Any]) -> None:
    """The ``__setstate__`` of a class whose arrays are all read-only: a copy's, and a pickle's, are too."""
    store(instance, **state)
    for value in state.values():
        if hasattr(value, "setflags"):
            value.setflags(write=False)
