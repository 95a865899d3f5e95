"""What a claim is, and the one rule by which all of them are judged: from effects and their 95% intervals alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from optexec._validate import choice, integer
from optexec.interval import Interval
from report.claims.kept import kept

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
    "claim",
    "result",
    "verdict",
]

EPISODES = 20_000
"""Of each simulation, with common random numbers for what is compared."""

HOLDS, PARTLY, NOT = "holds", "with a condition", "does not hold"
"""What `verdict` can say."""


@dataclass(frozen=True)
class Effect(Interval):
    """One effect in one market, in the claim's unit, beside what was claimed of it.

    Attributes:
        market: where it was measured, and of whom, in words that fit after "only".
        claimed: range of effects that the claim allows, an end infinite where the claim is "at least".
        sign: the claimed sign, -1 or 1, or 0 where the claim is that there is no effect beyond the range.
    """

    market: str
    claimed: tuple[float, float]
    sign: int = 0

    @classmethod
    def of(cls, market: str, size: Interval, claimed: tuple[float, float], sign: int = 0) -> Effect:
        """An effect of a size."""
        return cls(size.value, size.low, size.high, market, claimed, sign)

    @property
    def sign_holds(self) -> bool:
        """Whether a sign was claimed and the interval has it."""
        return self.sign != 0 and min(self.sign * self.low, self.sign * self.high) > 0

    @property
    def holds(self) -> bool:
        """Whether the interval bears the claim out.

        With a sign: the whole interval has it, and contains a claimed size or exceeds it. Without: the whole interval
        is within the claimed range, for "no effect" is shown by a narrow interval and not by a wide one.
        """
        least, most = self.claimed
        if self.sign == 0:
            return least <= self.low and self.high <= most
        return self.sign_holds and self.low <= most and self.high >= least


def verdict(tests: Sequence[Effect], elsewhere: Sequence[Effect] = ()) -> tuple[str, str]:
    """Decide on a claim from intervals alone.

    Args:
        tests: in every market that the claim speaks of, at least one.
        elsewhere: in other markets, or of other agents, which the claim might have meant.

    Returns:
        `HOLDS` if every test holds; else `PARTLY` if some test holds, here or elsewhere,
        or has the claimed sign at least; else `NOT`. And the condition in words, empty
        unless the verdict is `PARTLY`.

    Raises:
        ValueError: no tests, or an interval that does not hold its value.
    """
    if not tests:
        raise ValueError("tests must hold at least one test, got none")
    for test in (*tests, *elsewhere):
        if not test.low <= test.value <= test.high:
            got = f"{test.low:g} to {test.high:g}"
            raise ValueError(f"the interval of {test.market} must hold {test.value:g}, got {got}")
    if all(test.holds for test in tests):
        return HOLDS, ""
    if where := [test.market for test in (*tests, *elsewhere) if test.holds]:
        return PARTLY, f"only {'; '.join(where)}"
    if where := [test.market for test in tests if test.sign_holds]:
        everywhere = len(where) == len(tests)
        return PARTLY, "the sign alone" + ("" if everywhere else f", in {'; '.join(where)}")
    return NOT, ""


@dataclass(frozen=True)
class Measured:
    """What the measuring of a claim gives: tests in the markets that it speaks of, and elsewhere."""

    tests: tuple[Effect, ...]
    elsewhere: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim of the original note.

    Attributes:
        key: its name, and the label of its section in the chapter.
        words: the note's own.
        how: the test in a sentence, with the size that counts as the claim's where the note gives none.
        unit: of effects.
        measure: makes the tests from a number of episodes.
    """

    key: str
    words: str
    how: str
    unit: str
    measure: Callable[[int], Measured]


CLAIMS: dict[str, Claim] = {}
"""All claims by key, in the order of the note."""


def claim(words: str, how: str, unit: str) -> Callable[[Callable[[int], Measured]], Callable[[int], Measured]]:
    """Enter a measuring function into `CLAIMS`; its name is the key."""

    def entered(measure: Callable[[int], Measured]) -> Callable[[int], Measured]:
        key = measure.__name__.replace("_", "-")
        CLAIMS[key] = Claim(key, words, how, unit, measure)
        return measure

    return entered


@dataclass(frozen=True)
class Result:
    """A claim with its tests and the verdict on it."""

    claim: Claim
    tests: tuple[Effect, ...]
    elsewhere: tuple[Effect, ...]
    verdict: str
    condition: str


@lru_cache(maxsize=256)
def result(key: str, episodes: int = EPISODES) -> Result:
    """Measure a claim and decide on it.

    Args:
        key: of `CLAIMS`.
        episodes: of each simulation, >= 2; the same shocks for whatever is compared.

    Raises:
        ValueError: an unknown key, or fewer than two episodes.
    """
    one = CLAIMS[choice("claim", key, tuple(CLAIMS))]
    integer("episodes", episodes, minimum=2)
    # what the chapter, the first page and the README's test ask for is kept
    found = kept(key, lambda: one.measure(episodes)) if episodes == EPISODES else one.measure(episodes)
    return Result(one, found.tests, found.elsewhere, *verdict(found.tests, found.elsewhere))
