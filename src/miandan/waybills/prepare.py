"""From a request to rows: every parcel sealed and routed once, before anything waits for the database."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from miandan.kernel.errors import Refusal
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.waybills.model import MOST_PIECES, ParcelAsk, Refused, Route, TakeRequest
from miandan.waybills.writing import NewKey, NewWaybill, Shared, TakeRows, Way

_encoder = msgspec.json.Encoder(order="sorted")


class Prepared(NamedTuple):
    """A parcel that only lacks its number(s)."""

    ask: ParcelAsk
    sealed: Sealed
    search_index: bytes | None
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
    """A number and the lease of its unit; bars and dots say the number unless the carrier wants something else."""

    number: str
    lease_id: UUID
    barcode_text: str | None = None
    qr_text: str | None = None
    units: int = 1


def add_parcel(rows: TakeRows, request: TakeRequest, carrier: str, parcel: Prepared, issued: Sequence[Issued]) -> None:
    """Add the waybills of a parcel, its parent first, and its keys: one per order, and one for each child."""
    ask, sealed, route = parcel.ask, parcel.sealed, parcel.route
    way = rows.way(Way(ask.division_code, route.sort_code, route.big_mark, route.bag_centre, route.version))
    parent = issued[0].number
    for piece, one in enumerate(issued, 1):
        shared = rows.share(
            Shared(
                request.merchant_id,
                carrier,
                request.account_id,
                one.lease_id,
                one.units,
                ask.shop_id,
                len(issued),
                request.ship_from_id,
                ask.product,
                parcel.services,
                request.app,
            )
        )
        child = piece > 1
        rows.waybills.append(
            NewWaybill(
                shared,
                way,
                one.number,
                parent if child else None,
                piece if child else None,
                ask.order_ref,
                parcel.goods,
                one.barcode_text,
                one.qr_text,
                sealed.token,
                sealed.key,
                sealed.body,
                sealed.digest,
                None if child else parcel.search_index,
            )
        )
        if child:
            rows.keys.append(NewKey(shared, f"{ask.keys[0]}|{piece}", one.number, None))
        else:
            rows.keys += [NewKey(shared, key, parent, seat or None) for seat, key in enumerate(ask.keys)]
