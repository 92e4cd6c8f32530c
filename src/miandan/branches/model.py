"""Carrier offices and what they hand out: numbers, units (stock) and route data. All of it is keyed by carrier."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

HEAD_OFFICE = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """An office of a carrier (网点). The head office has the code ''. The phone is the office's public number."""

    carrier: str
    branch_code: str
    name: str
    opened_at: datetime
    province: str = ""
    city: str = ""
    district: str = ""
    address: str = ""
    phone: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Serials `first` to `last` of a number rule's kind (号段), given to a branch; `next` is the first unclaimed."""

    carrier: str
    segment_id: UUID
    branch_code: str
    kind: str
    first: int
    last: int
    next: int
    loaded_at: datetime

    @property
    def left(self) -> int:
        return self.last - self.next + 1


@dataclass(frozen=True, slots=True)
class Slice:
    """Serials `first` to `last` inclusive, claimed from a segment for one account, for good."""

    carrier: str
    kind: str
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


class Source(StrEnum):
    """Where a number comes from that is in no slice."""

    LIVE = "live"
    LIST = "list"
    CHILD = "child"
    RETURN = "return"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """Whose a number is: its merchant and the month in which its waybill stands (first day of the month)."""

    carrier: str
    number: str
    merchant_id: int
    month: date
    source: Source
    noted_at: datetime
    intent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Whose:
    """A number's merchant; `month` is None for numbers of a slice, whose waybill tells its month itself."""

    merchant_id: int
    month: date | None
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """Units a branch may still sell: received from the carrier, less given back, less sold to accounts."""

    carrier: str
    branch_code: str
    received: int
    returned: int
    sold: int

    @property
    def left(self) -> int:
        return self.received - self.returned - self.sold


@dataclass(frozen=True, slots=True)
class Sale:
    """One entry of an office's stock, with the account on its other side where there is one."""

    carrier: str
    branch_code: str
    units: int
    entry_id: UUID
    at: datetime
    merchant_id: int | None = None
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PoolLevel:
    """What a branch's pool of one kind still holds."""

    kind: str
    loaded: int
    left: int
