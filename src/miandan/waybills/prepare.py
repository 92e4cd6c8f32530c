"""From a request to rows: every parcel sealed and routed once, before anything waits for the database."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from miandan.kernel.errors import Refusal
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.waybills.model import MOST_PIECES, NumberRef, ParcelAsk, Refused, Route, Taken, TakeRequest
from miandan.waybills.writing import FurtherKey, NewWaybill, Shared, TakeRows, Way

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


class RequestRows:
    """The parcels of one request as rows of a statement.

    What a piece shares with the one before it is not looked up again: most pieces of a request are alike.
    """

    __slots__ = ("_last_kind", "_last_way", "_of_request", "_rows", "_shared", "_way")

    def __init__(self, rows: TakeRows, request: TakeRequest, carrier: str) -> None:
        self._rows = rows
        self._of_request = (request.merchant_id, carrier, request.account_id, request.ship_from_id, request.app)
        self._last_kind: tuple[UUID, int, str, int, str, str] | None = None
        self._last_way: tuple[str, Route] | None = None
        self._shared: int | None = None
        self._way = 0

    def add_parcel(self, parcel: Prepared, issued: Sequence[Issued]) -> None:
        """The waybills of a parcel, its parent first, and its keys: one per order, and one for each child."""
        keys, pieces, parent = parcel.ask.keys, len(issued), issued[0].number
        self._piece(parcel, issued[0], keys[0], None, 1, pieces)
        for seat, key in enumerate(keys[1:], 1):
            self._rows.further_keys.append(FurtherKey(self._shared, key, parent, seat))
        if pieces > 1:
            self.add_children(parcel, parent, issued[1:], 2, pieces)

    def add_children(self, parcel: Prepared, parent: str, issued: Sequence[Issued], first: int, pieces: int) -> None:
        """The waybills and keys of pieces `first` on, of `pieces` in all, below a parent that is there already."""
        for piece, one in enumerate(issued, first):
            self._piece(parcel, one, f"{parcel.ask.keys[0]}|{piece}", parent, piece, pieces)

    def _piece(self, parcel: Prepared, one: Issued, key: str, parent: str | None, piece: int, pieces: int) -> None:
        ask, sealed, route = parcel.ask, parcel.sealed, parcel.route
        kind = (one.lease_id, one.units, ask.shop_id, pieces, ask.product, parcel.services)
        if kind != self._last_kind:
            self._last_kind = kind
            self._shared = self._rows.share(Shared(*(*self._of_request, *kind)))
        if (ask.division_code, route) != self._last_way:
            self._last_way = ask.division_code, route
            self._way = self._rows.way(
                Way(ask.division_code, route.sort_code, route.big_mark, route.bag_centre, route.version)
            )
        self._rows.waybills.append(
            NewWaybill(
                self._shared,
                self._way,
                one.number,
                key,
                parent,
                None if parent is None else piece,
                None if ask.order_ref == key else ask.order_ref,
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
