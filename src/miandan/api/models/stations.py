"""The stations of the packing table: what is scanned and weighed, and what the scan is answered."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from miandan.api.errors import problem_of
from miandan.api.models.fields import Answer, Asked, Problem, Word
from miandan.api.models.printing import AtPrinter
from miandan.printing.station_queries import PackStop, Weight
from miandan.printing.stations import Light, Source, Verdict


class ScanIn(Asked):
    """What a scanner has read: a number, the text of its bars, or `number#copy` of the small code."""

    text: Annotated[Word, Field(min_length=1)]


class ScanToPrintIn(AtPrinter, ScanIn):
    """A scanned number whose label comes out of this printer."""


class WeighIn(ScanIn):
    """A parcel on the scale."""

    grams: Annotated[int, Field(strict=True, ge=0, le=10**9)]
    source: Annotated[Source, Field(description="typed 手输，wedge 电子秤 / typed, or by a scale")] = Source.TYPED


class VerdictOut(Answer):
    """The answer to a scan: the lamp, what is said aloud (Chinese), and the problem behind anything but `go`. `copy` is
    the one that counts now."""

    light: Light
    say: str
    carrier: str | None
    number: str | None
    copy_number: int = Field(alias="copy")
    problem: Problem | None

    @classmethod
    def of(cls, verdict: Verdict) -> "VerdictOut":
        asked = verdict.asked
        told: dict[str, Any] = {"copy": verdict.copy}
        return cls(
            light=verdict.light,
            say=verdict.say,
            carrier=None if asked is None else asked.carrier,
            number=None if asked is None else asked.number,
            problem=None if verdict.refusal is None else problem_of(verdict.refusal),
            **told,
        )


class UnpackedOut(Answer):
    """Whether the parcel was packed before."""

    was_packed: bool


class StoppedOut(Answer):
    """A parcel that must not go out, and the code of what stands in the way of its order."""

    carrier: str
    number: str
    order_id: str
    reason: str
    raised_at: datetime
    raised_by: str

    @classmethod
    def of(cls, stop: PackStop) -> "StoppedOut":
        return cls(**{name: getattr(stop, name) for name in cls.model_fields})


class StoppedList(Answer):
    """Parcels that are stopped at the packing table."""

    parcels: list[StoppedOut]


class WeightOut(Answer):
    """The weight that counts now; `turn` counts the weights of the parcel from 1."""

    grams: int
    source: Source
    turn: int
    weighed_at: datetime
    weighed_by: str

    @classmethod
    def of(cls, weight: Weight) -> "WeightOut":
        return cls(**{name: getattr(weight, name) for name in cls.model_fields})
