"""Claims are measured once: for their chapter, the first page and the README's test.

What was measured is kept in ``_build`` for exactly the state of the repository (``report/site/state.py``) that this
process started from; in any other state it is measured anew.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from report.site.state import state

__all__ = ["kept"]

Value = TypeVar("Value")

ROOT = Path(__file__).parents[2]
# As the code was when it was imported: what is edited later did not measure.
STATE = state(ROOT) if (ROOT / "constraints.txt").is_file() else ""


def kept(name: str, measure: Callable[[], Value], root: Path = ROOT, now: str = STATE) -> Value:
    """Return what was measured under a name in the state ``now``, or measure it and keep it."""
    if not now:  # installed without the repository
        return measure()
    folder = root / "_build" / ".claims" / now
    try:
        value: Value = pickle.loads((folder / name).read_bytes())
    except Exception:  # none, or not readable
        value = measure()
    else:
        return value
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    with TemporaryDirectory(dir=folder) as beside:  # whole or not at all
        file = Path(beside) / name
        file.write_bytes(pickle.dumps(value))
        file.replace(folder / name)
    return value
