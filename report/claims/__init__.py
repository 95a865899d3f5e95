"""The original note's claims, each tested where the truth is known, with one rule of verdict for all."""

from report.claims import note  # enters the claims
from report.claims.finding import finding
from report.claims.verdicts import (
    CLAIMS,
    EPISODES,
    HOLDS,
    NOT,
    PARTLY,
    Claim,
    Effect,
    Measured,
    Result,
    result,
    verdict,
)

__all__ = [
    "CLAIMS",
    "EPISODES",
    "HOLDS",
    "NOT",
    "PARTLY",
    "Claim",
    "Effect",
    "Measured",
    "Result",
    "finding",
    "note",
    "result",
    "verdict",
]
