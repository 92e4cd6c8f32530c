"""What is asked of a carrier's own interface and what it answers, the same for every carrier. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from miandan.vault.model import Recipient


@dataclass(frozen=True, slots=True, repr=False)
class Sender:
    """An approved ship-from address with its contact; a person may stand behind it, so it never shows itself."""

    contact: str
    phone: str
    province: str
    city: str
    district: str
    detail: str

    def __repr__(self) -> str:
        return "Sender(***)"


@dataclass(frozen=True, slots=True)
class NumberAsk:
    """One shipment that wants its number from the carrier.

    `key` is ours, new for every intent and the same in every repetition of it; it holds nothing of a person.
    `parcels` counts the mother. `services` maps a service's code to its parameter.
    """

    key: str
    carrier: str
    settlement_code: str
    product: str
    recipient: Recipient
    sender: Sender
    parcels: int = 1
    weight_grams: int | None = None
    services: Mapping[str, Any] = field(default_factory=dict)
    branch_code: str = ""


@dataclass(frozen=True, slots=True)
class RouteData:
    """What the carrier wants on the label. `barcode_text` is the mother's; a child's bars say the child's number."""

    sort_code: str
    big_mark: str
    bag_centre: str
    barcode_text: str
    qr_text: str


@dataclass(frozen=True, slots=True)
class CarrierAnswer:
    """The numbers of a shipment, mother first, one per parcel; `raw` is what the carrier said, without a person."""

    key: str
    numbers: tuple[str, ...]
    route: RouteData | None
    raw: str


class CarrierRefused(Exception):
    """The carrier said no, so nothing was issued. Its own words may quote an address: they stand in `raw` only."""

    def __init__(self, code: str, raw: str) -> None:
        super().__init__(code)
        self.code = code
        self.raw = raw


class CarrierSilent(Exception):
    """No answer came: the outcome is in doubt. Whether to repeat, to query or to wait depends on the connector."""


class Connector(Protocol):
    """One carrier's interface and what may be relied on.

    `repeat_safe`: the same key again returns the first answer. `queryable`: `find` knows our keys; its None counts
    only when it was asked at least `settle` after the last call for that key began. Neither: a person decides.
    """

    @property
    def carrier(self) -> str: ...

    @property
    def repeat_safe(self) -> bool: ...

    @property
    def queryable(self) -> bool: ...

    @property
    def settle(self) -> timedelta: ...

    async def take(self, ask: NumberAsk) -> CarrierAnswer:
        """Raises CarrierRefused, or CarrierSilent when nobody knows what happened."""
        ...

    async def find(self, key: str) -> CarrierAnswer | None:
        """What was issued for a key, cancelled or not. Raises CarrierRefused where queries do not exist."""
        ...

    async def cancel(self, number: str, key: str) -> None:
        """Give a number back; again for a cancelled one does nothing. Raises CarrierRefused or CarrierSilent."""
        ...
