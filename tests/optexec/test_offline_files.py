"""Files of data, agents and checkpoints with a right digest and wrong contents: one error that names the file.

Damage is found by the digest (``test_offline_data.py``, ``test_offline_training.py``); here somebody wrote it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec._files import read_arrays, write_arrays
from optexec.offline import Agents, train

KINDS = {"data": "optexec transitions", "agents": "optexec agents", "checkpoint": "optexec checkpoint"}
DATA = ox.collect(ox.presets.stochastic().replace(periods=3), "mixture", episodes=4, seed=1)
RUN: dict[str, Any] = {"seeds": [0, 7], "steps": 3, "batch_size": 4, "progress": False}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    paths = {name: folder / f"{name}.npz" for name in KINDS}
    DATA.save(paths["data"])
    train("bc", DATA, **RUN, checkpoint=paths["checkpoint"]).save(paths["agents"])
    return paths


def use(kind: str, path: Path) -> None:
    """Read a file, and do with it what it is for."""
    if kind == "data":
        assert len(ox.Transitions.load(path)) == len(DATA)
    elif kind == "agents":
        fractions = Agents.load(path).act(DATA.observations)
        assert np.isfinite(fractions).all()
    else:
        train("bc", DATA, **RUN, checkpoint=path)


plain = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=3),
    ),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(st.text(max_size=3), inside, max_size=2)),
    max_leaves=4,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in plain data something can be put in place of what is there."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for key, child in value.items() for place in places(child, (*path, key))]
    if isinstance(value, list):
        found += [place for i, child in enumerate(value) for place in places(child, (*path, i))]
    return found


def refuses_or_works(kind: str, path: Path) -> None:
    try:
        use(kind, path)
    except (ValueError, OSError) as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert path.name in str(error), repr(error)  # noqa: PT017


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_descriptions_of_anything(kind: str, files: dict[str, Path], data: st.DataObject) -> None:
    meta, arrays = read_arrays(files[kind], KINDS[kind])
    *way, last = data.draw(st.sampled_from(places(meta)))
    parent: Any = meta
    for step in way:
        parent = parent[step]
    if isinstance(parent, dict) and data.draw(st.booleans()):
        del parent[last]
    else:
        parent[last] = data.draw(plain)
    path = files[kind].with_name(f"changed-{kind}.npz")
    write_arrays(path, {**meta, "kind": KINDS[kind]}, arrays)
    refuses_or_works(kind, path)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "cut": lambda array: array[:-1] if array.ndim else array,
    "flat": np.ravel,
    "deep": lambda array: array[None],
    "empty": lambda array: array[:0] if array.ndim else array,
    "text": lambda array: array.astype(str),
    "complex": lambda array: array.astype(complex),
    "bool": lambda array: array.astype(bool),
    "nan": lambda array: np.full(array.shape, np.nan),
    "huge": lambda array: np.full(array.shape, 1e308),
    "bytes": lambda array: array.astype("S3"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [*CHANGES, "missing", "extra"])
def test_arrays_of_anything(kind: str, change: str, files: dict[str, Path]) -> None:
    meta, arrays = read_arrays(files[kind], KINDS[kind])
    path = files[kind].with_name(f"changed-{kind}.npz")
    for name in arrays:
        changed = dict(arrays)
        if change == "missing":
            del changed[name]
        elif change == "extra":
            changed[f"{name}.x"] = arrays[name]
        else:
            with np.errstate(all="ignore"):
                changed[name] = CHANGES[change](arrays[name])
        write_arrays(path, meta, changed)
        refuses_or_works(kind, path)
