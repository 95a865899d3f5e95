"""What a chapter measured, handed to its text: a number stands in the text under the path by which code knows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from optexec.evaluation import Estimate
from optexec.interval import Interval

__all__ = ["paths", "publish"]


def publish(**results: Any) -> None:
    """Glue every named number and text of a chapter's results, so that ``{glue:text}`path:format``` finds it.

    ``publish(adapting=Adapting(gap=25.4))`` makes the path ``adapting.gap``. In a notebook that was downloaded, whose
    text has its numbers, nothing is there to hand them to and nothing happens.

    Args:
        results: by name, frozen dataclasses, mappings, numbers or texts; what is none of these is passed over.
    """
    try:
        from myst_nb import glue
    except ModuleNotFoundError:
        return
    for path, value in paths(results):
        glue(path, value, display=False)


def paths(results: Any, above: str = "") -> Iterator[tuple[str, float | int | str]]:
    """Every number and text of nested results with its path: names of fields and keys, joined by dots.

    An estimate is its interval; that has a ``ci`` beside its fields.
    """
    if isinstance(results, Estimate):
        results = results.interval
    if is_dataclass(results) and not isinstance(results, type):
        inside: Mapping[Any, Any] = {field.name: getattr(results, field.name) for field in fields(results)}
        if isinstance(results, Interval):
            inside = {**inside, "ci": results.ci}
    elif isinstance(results, Mapping):
        inside = results
    else:
        if isinstance(results, (bool, np.bool_)):
            return
        if isinstance(results, (int, np.integer)):
            yield above, int(results)
        elif isinstance(results, (float, np.floating)):
            yield above, float(results)
        elif isinstance(results, str):
            yield above, results
        return
    for name, value in inside.items():
        yield from paths(value, f"{above}.{name}" if above else str(name))
