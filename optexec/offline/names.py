"""The learners that there are, by name: without torch, which their code needs."""

from __future__ import annotations

__all__ = ["LEARNERS"]

LEARNERS = {"td3bc": "TD3+BC", "bcq": "BCQ", "bc": "behaviour cloning"}
"""What each learner is called in tables and figures, in their order."""
