"""Scans as a carrier pushes them and as a shop reads them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from miandan.api.models.fields import Answer, Asked, Number, Problem, Text, Word
from miandan.tracking.model import Action, Scan


class ScanIn(Asked):
    """One thing that a carrier says about a number. `action` in our words, or `code` in the carrier's own."""

    number: Number
    happened_at: Annotated[
        str | float | None,
        Field(
            description="带时区的时间（RFC 3339）；读不懂的只退回这一条 / "
            "a time with its zone; one that cannot be read refuses this scan alone"
        ),
    ] = None
    action: Action | None = None
    code: Word = ""
    sub_code: Word = ""
    text: Text = ""
    site_code: Word = ""
    site_name: Word = ""
    city: Word = ""
    division_code: Word = ""
    next_site: Word = ""
    signer: Word = ""
    courier: Word = ""
    courier_phone: Word = ""
    new_number: Annotated[str, Field(pattern=r"^([0-9A-Za-z-]{4,40})?$")] = ""


class ScansIn(Asked):
    """Scans of the token's own carrier."""

    scans: Annotated[list[ScanIn], Field(min_length=1, max_length=1000)]


class ScanRefused(Answer):
    """A scan that was refused by itself; `place` counts from 0."""

    place: int
    problem: Problem


class ScansKept(Answer):
    """`accepted` are new and committed, `repeated` were known, `unread` of the accepted have a code nobody reads."""

    accepted: int
    repeated: int
    unread: int
    refused: list[ScanRefused]


class ScanOut(Answer):
    """A scan as it is kept, without persons but the courier, whom the buyer is meant to call."""

    action: Action
    happened_at: datetime
    text: str
    site_code: str
    site_name: str
    city: str
    next_site: str
    signer: str
    courier: str
    courier_phone: str
    new_carrier: str
    new_number: str

    @classmethod
    def of(cls, scan: Scan) -> "ScanOut":
        return cls(**{name: getattr(scan, name) for name in cls.model_fields})


class RouteTravelled(Answer):
    """Every scan of a number, oldest first."""

    carrier: str
    number: str
    scans: list[ScanOut]


class ByCarrierIn(Asked):
    """Why the carrier cancels a number."""

    reason: Annotated[Text, Field(min_length=1)]


class EndedByCarrier(Answer):
    """`ended`: it was not cancelled before."""

    number: str
    ended: bool
    state: Literal["cancelled"] = "cancelled"
