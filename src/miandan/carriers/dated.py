"""Every row of knowledge says since when it holds, where it was learnt and how sure that is."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Confidence(StrEnum):
    """How a fact is known. Nothing here was confirmed by a carrier."""

    SEEN = "seen"  # stands in a public source
    VERIFIED = "verified"  # seen, and computed again by us
    INFERRED = "inferred"  # concluded from seen facts, or our own choice
    MEMORY = "memory"  # recalled, no source found: a hypothesis


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """`valid_from` and `valid_until` are Beijing days, both included; no end means until further notice.

    2020-01-01 as a start means: as far back as these tables speak.
    """

    valid_from: date
    source: str
    confidence: Confidence
    valid_until: date | None = None
    note: str = ""

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
