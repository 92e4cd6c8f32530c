"""What is asked of the heart and what it answers: parcels, waybills, refusals. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_mobiles
from miandan.orders.model import OrderRef
from miandan.vault.model import Recipient, Sealed

MOST_PIECES = 99
"""Pieces of one parcel; Deppon and Doudian allow fewer per call, nobody more."""


class NumberState(StrEnum):
    """The life of a number. Whether a later number superseded it stands beside this."""

    ISSUED = "issued"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    RECYCLED = "recycled"


def parcel_key(shop_id: str, order_id: str, pack_id: str = "") -> str:
    """The key that an order occupies; `pack_id` tells several parcels of one order apart."""
    return f"{shop_id}/{order_id}#{pack_id}" if pack_id else f"{shop_id}/{order_id}"


def order_of_key(key: str) -> OrderRef:
    """The order that occupies a parcel key, a child's key included."""
    shop_id, _, rest = key.partition("/")
    return OrderRef(shop_id, rest.partition("#")[0].partition("|")[0])


def without_mobiles(goods: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Goods as a waybill keeps them: a mobile that a person typed into a title or specification becomes stars."""
    return tuple(map(_without_mobiles, goods))


def _without_mobiles(line: Mapping[str, Any]) -> Mapping[str, Any]:
    title, spec = line.get("title", ""), line.get("spec", "")
    shown = mask_mobiles(title), mask_mobiles(spec)
    return line if shown == (title, spec) else {**line, "title": shown[0], "spec": shown[1]}


class ParcelAsk(Struct, frozen=True):
    """One parcel that wants a number.

    `keys` are the parcel keys of every order in it, the first one's order being the one for whom `recipient` is
    sealed under `order_ref`. `pieces` above 1 asks for child numbers. `barred` says why it takes no number now; one
    that was answered under the same Idempotency-Key is answered still.
    """

    keys: tuple[str, ...]
    order_ref: str
    recipient: Recipient | Sealed
    goods: tuple[Mapping[str, Any], ...]
    division_code: str = ""
    shop_id: str = ""
    product: str = ""
    services: Mapping[str, Any] = {}
    pieces: int = 1
    barred: Refusal | None = None


class TakeRequest(Struct, frozen=True):
    """Parcels of one merchant for one account, all sent from one approved address.

    `retake` replaces a number taken on another account. `accept_differences` answers the old number although
    recipient, goods or services have changed, with the fields named; without it that parcel is refused. `said` is what
    the caller itself asked, where that is not what the parcels hold: a retry has to say the same, whatever has become
    of its orders.
    """

    merchant_id: int
    account_id: UUID
    ship_from_id: UUID
    parcels: tuple[ParcelAsk, ...]
    app: str = "cli"
    idempotency_key: str | None = None
    retake: bool = False
    accept_differences: bool = False
    said: bytes = b""


class NumberRef(Struct, frozen=True):
    """Which waybill, for a statement."""

    merchant_id: int
    carrier: str
    number: str
    month: date


class Route(Struct, frozen=True):
    """What the sorting line reads; empty `sort_code` prints as 未分拣."""

    sort_code: str = ""
    big_mark: str = ""
    bag_centre: str = ""
    version: int | None = None


class Taken(Struct, frozen=True):
    """A parcel with its live number. `known` says that it had the number before; `differs` names what has changed.

    `route` is None where only the number is remembered, of an answer under an Idempotency-Key.
    """

    keys: tuple[str, ...]
    ref: NumberRef
    children: tuple[str, ...] = ()
    known: bool = False
    differs: tuple[str, ...] = ()
    sorted: bool = True
    route: Route | None = None

    @property
    def number(self) -> str:
        return self.ref.number


class Refused(Struct, frozen=True):
    """A parcel without a number, and why."""

    keys: tuple[str, ...]
    refusal: Refusal


Outcome = Taken | Refused


@dataclass(frozen=True, slots=True)
class Waybill:
    """One number with its lives and the current version of its document."""

    ref: NumberRef
    account_id: UUID
    state: NumberState
    superseded_by: str | None
    copies: int
    shipped_at: datetime | None
    first_scan_at: datetime | None
    taken_at: datetime
    taken_by: str
    units: int
    version: int
    shop_id: str
    order_ref: str
    parent_number: str | None
    piece: int
    pieces: int
    ship_from_id: UUID
    product: str
    goods: tuple[Mapping[str, Any], ...]
    services: Mapping[str, Any]
    division_code: str
    route: Route
    barcode_text: str
    qr_text: str
    sealed: Sealed
    signed_at: datetime | None = None
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Carriage:
    """What scans say: the first one that shows the parcel in the carrier's hands, signature, return. Never undone."""

    first_scan_at: datetime | None
    signed_at: datetime | None = None
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OnPaper:
    """Whom a text in a barcode belongs to; no `ref` while that merchant has not taken the number."""

    merchant_id: int
    ref: NumberRef | None
