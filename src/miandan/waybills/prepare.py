"""From a request to rows: every parcel sealed and routed once, before anything waits for the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import msgspec

from miandan.kernel.errors import Refusal
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.waybills.model import MOST_PIECES, ParcelAsk, Refused, Route, TakeRequest
from miandan.waybills.queries import NewKey, NewWaybill

_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parcel that only lacks its number(s)."""

    ask: ParcelAsk
    sealed: Sealed
    index: bytes | None
    route: Route
    goods: str
    services: str

    def says(self, goods: object, services: object) -> tuple[bool, bool]:
        """Whether goods and services, as read from a row, are this parcel's."""
        return _json(goods) == self.goods, _json(services) == self.services


def prepare(parcel: ParcelAsk, keys: MerchantKeys, route: Route) -> Prepared:
    """Seal the recipient where it still is plain; an order's recipient is sealed already and its index kept."""
    if isinstance(parcel.recipient, Recipient):
        sealed = keys.seal(parcel.recipient, parcel.order_ref)
        return prepare_sealed(parcel, sealed, sealed.index, route)
    return prepare_sealed(parcel, parcel.recipient, None, route)


def prepare_sealed(parcel: ParcelAsk, sealed: Sealed, index: bytes | None, route: Route) -> Prepared:
    """The same for a recipient under lock; `index` where its search indexes are not kept yet."""
    return Prepared(parcel, sealed, index, route, _json(parcel.goods), _json(parcel.services))


def _json(value: object) -> str:
    return _encoder.encode(value).decode()


def refuse_impossible(parcels: Sequence[ParcelAsk]) -> dict[int, Refused]:
    """Parcels that no take can serve: without key, with an odd count of pieces, with a key of an earlier parcel."""
    refused: dict[int, Refused] = {}
    seen: set[str] = set()
    for place, parcel in enumerate(parcels):
        if not parcel.keys or not 1 <= parcel.pieces <= MOST_PIECES:
            refused[place] = Refused(parcel.keys, Refusal("parcel.pieces", pieces=parcel.pieces, most=MOST_PIECES))
        elif len(set(parcel.keys)) < len(parcel.keys) or not seen.isdisjoint(parcel.keys):
            refused[place] = Refused(parcel.keys, Refusal("parcel.key_twice", key=parcel.keys[0]))
        else:
            seen.update(parcel.keys)
    return refused


class Issued(NamedTuple):
    """A number with what the paper shows for it, and the lease its unit came from."""

    number: str
    lease_id: UUID
    barcode_text: str
    qr_text: str
    units: int = 1


def waybill_rows(request: TakeRequest, carrier: str, parcel: Prepared, issued: Sequence[Issued]) -> list[NewWaybill]:
    """The rows of a parcel, its parent first."""
    ask, sealed, route = parcel.ask, parcel.sealed, parcel.route
    parent = issued[0].number if len(issued) > 1 else None
    return [
        NewWaybill(
            request.merchant_id,
            carrier,
            one.number,
            request.account_id,
            one.lease_id,
            one.units,
            ask.shop_id,
            ask.order_ref,
            parent if piece > 1 else None,
            piece,
            len(issued),
            request.ship_from_id,
            ask.product,
            parcel.goods,
            parcel.services,
            ask.division_code,
            route.sort_code,
            route.big_mark,
            route.bag_centre,
            one.barcode_text,
            one.qr_text,
            route.version,
            sealed.token,
            sealed.key,
            sealed.body,
            sealed.digest,
            parcel.index if piece == 1 else None,
            request.app,
        )
        for piece, one in enumerate(issued, 1)
    ]


def key_rows(merchant_id: int, carrier: str, keys: Sequence[str], numbers: Sequence[str]) -> list[NewKey]:
    """The keys of a parcel under its parent number, and one key of its own for each child."""
    own = [NewKey(merchant_id, key, carrier, numbers[0], seat) for seat, key in enumerate(keys)]
    return own + [
        NewKey(merchant_id, f"{keys[0]}|{piece}", carrier, number, 0) for piece, number in enumerate(numbers[1:], 2)
    ]
