"""From a request to rows: every parcel sealed and routed once, before anything waits for the database."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from miandan.kernel.errors import Refusal
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.waybills.model import MOST_PIECES, NumberRef, ParcelAsk, Refused, Route, Taken, TakeRequest
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
    """Seal the recipient where it still is plain; an order's is sealed already, its index kept or still with it."""
    if isinstance(parcel.recipient, Recipient):
        sealed = keys.seal(parcel.recipient, parcel.order_ref)
        return prepare_sealed(parcel, sealed, sealed.index, route)
    locked = parcel.recipient
    index = locked.index if locked.index and locked.key is not None else None  # who was shredded is not to be found
    return prepare_sealed(parcel, locked, index, route)


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


def taken(parcel: Prepared, ref: NumberRef, children: tuple[str, ...]) -> Taken:
    """A parcel with the number that it has just been given."""
    return Taken(parcel.ask.keys, ref, children, sorted=bool(parcel.route.sort_code), route=parcel.route)


class Issued(NamedTuple):
    """A number and the lease of its unit; bars and dots say the number unless the carrier wants something else."""

    number: str
    lease_id: UUID
    barcode_text: str | None = None
    qr_text: str | None = None
    units: int = 1


def add_parcel(rows: TakeRows, request: TakeRequest, carrier: str, parcel: Prepared, issued: Sequence[Issued]) -> None:
    """Add the waybills of a parcel, its parent first, and its keys: one per order, and one for each child."""
    parent, *children = issued
    shared = _add_piece(rows, request, carrier, parcel, parent, None, 1, len(issued))
    rows.keys += [NewKey(shared, key, parent.number, seat or None) for seat, key in enumerate(parcel.ask.keys)]
    add_children(rows, request, carrier, parcel, parent.number, children, 2, len(issued))


def add_children(
    rows: TakeRows,
    request: TakeRequest,
    carrier: str,
    parcel: Prepared,
    parent: str,
    issued: Sequence[Issued],
    first: int,
    pieces: int,
) -> None:
    """Add the waybills and keys of pieces `first` on, of `pieces` in all, below a parent that is there already."""
    for piece, one in enumerate(issued, first):
        shared = _add_piece(rows, request, carrier, parcel, one, parent, piece, pieces)
        rows.keys.append(NewKey(shared, f"{parcel.ask.keys[0]}|{piece}", one.number, None))


def _add_piece(
    rows: TakeRows,
    request: TakeRequest,
    carrier: str,
    parcel: Prepared,
    one: Issued,
    parent: str | None,
    piece: int,
    pieces: int,
) -> int:
    """One waybill; the place of what it shares with others."""
    ask, sealed, route = parcel.ask, parcel.sealed, parcel.route
    way = rows.way(Way(ask.division_code, route.sort_code, route.big_mark, route.bag_centre, route.version))
    shared = rows.share(
        Shared(
            request.merchant_id,
            carrier,
            request.account_id,
            one.lease_id,
            one.units,
            ask.shop_id,
            pieces,
            request.ship_from_id,
            ask.product,
            parcel.services,
            request.app,
        )
    )
    rows.waybills.append(
        NewWaybill(
            shared,
            way,
            one.number,
            parent,
            None if parent is None else piece,
            ask.order_ref,
            parcel.goods,
            one.barcode_text,
            one.qr_text,
            sealed.token,
            sealed.key,
            sealed.body,
            sealed.digest,
            None if parent is not None else parcel.search_index,
        )
    )
    return shared
