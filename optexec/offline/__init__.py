"""Learning from logged data: data sets, the view that learners have of them, BCQ, TD3+BC and behaviour cloning.

``collect`` and `Transitions` need numpy alone; `train` and `Agents` import torch, when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from optexec.offline.data import BEHAVIOURS, Behaviour, Transitions, collect, coverage, overlap
from optexec.offline.fitting import fitted
from optexec.offline.names import LEARNERS

if TYPE_CHECKING:
    from optexec.offline.agents import ALGORITHMS, Agents
    from optexec.offline.bc import BCConfig
    from optexec.offline.bcq import BCQConfig
    from optexec.offline.td3_bc import TD3BCConfig
    from optexec.offline.training import train

__all__ = [
    "ALGORITHMS",
    "BEHAVIOURS",
    "LEARNERS",
    "Agents",
    "BCConfig",
    "BCQConfig",
    "Behaviour",
    "TD3BCConfig",
    "Transitions",
    "collect",
    "coverage",
    "fitted",
    "overlap",
    "train",
]

_LATER = {
    "ALGORITHMS": "agents",
    "Agents": "agents",
    "BCConfig": "bc",
    "BCQConfig": "bcq",
    "TD3BCConfig": "td3_bc",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"optexec.offline.{_LATER[name]}"), name)
