"""What one take writes, and the statement that writes it in one round trip.

Encoding arrays is what a take costs most in this process, so a value that many rows share travels once, a column that
is empty in every row not at all, and texts that are never empty as one text: the driver asks of each value of an array
whether it is an array itself.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from miandan.kernel.database import Reads, Transaction


class Shared(NamedTuple):
    """What the waybills of one take, lease and kind of parcel have in common: first what is the take's, from `lease_id`
    on the parcel's. `services` is JSON."""

    merchant_id: int
    carrier: str
    account_id: UUID
    ship_from_id: UUID
    taken_by: str
    lease_id: UUID
    units: int
    shop_id: str
    pieces: int
    product: str
    services: str


class Way(NamedTuple):
    """What the waybills to one place have in common."""

    division_code: str
    sort_code: str
    big_mark: str
    bag_centre: str
    route_version: int | None


class NewWaybill(NamedTuple):
    """One row to be, and the parcel key that it occupies with seat 0. `shared` and `way` count from 1; `goods` is JSON.
    None means 1 in `shared` and `piece`, the key in `order_ref`, the number in the texts for bars and dots. Number, key
    and goods are never empty: a rule forms the number, `parcel_key` writes a slash, JSON has brackets."""

    shared: int | None
    way: int
    number: str
    parcel_key: str
    parent_number: str | None
    piece: int | None
    order_ref: str | None
    goods: str
    barcode_text: str | None
    qr_text: str | None
    recipient_token: UUID
    recipient_key: bytes | None
    recipient: bytes
    recipient_digest: bytes
    recipient_index: bytes | None


class FurtherKey(NamedTuple):
    """One more parcel key that a number occupies: that of another order in the parcel. None in `shared` means 1."""

    shared: int | None
    parcel_key: str
    number: str
    seat: int


class KeptAnswer(NamedTuple):
    """What a request with an Idempotency-Key is answered for ever after; `numbers` is JSON."""

    merchant_id: int
    idempotency_key: str
    fingerprint: bytes
    numbers: str


class Draw(NamedTuple):
    """`spent` serials of a lease, which must still be at `next`."""

    merchant_id: int
    lease_id: UUID
    next: int
    spent: int


Row = Shared | Way | NewWaybill | FurtherKey | KeptAnswer | Draw

_BETWEEN = secrets.token_hex(8)
"""What stands between texts that travel as one. Nobody outside this process can guess it, so none of them holds it."""

_TEXTS = "texts"
_TYPES: dict[type[Row], tuple[str, ...]] = {
    Shared: ("bigint", "text", "uuid", "uuid", "text", "uuid", "smallint", "text", "smallint", "text", "text"),
    Way: ("text", "text", "text", "text", "integer"),
    NewWaybill: (
        *("integer", "integer", _TEXTS, _TEXTS, "text", "smallint", "text", _TEXTS, "text", "text"),
        *("uuid", "bytea", "bytea", "bytea", "bytea"),
    ),
    FurtherKey: ("integer", "text", "text", "smallint"),
    KeptAnswer: ("bigint", "text", "bytea", "text"),
    Draw: ("bigint", "uuid", "bigint", "integer"),
}
"""Types of the arrays, or `_TEXTS`. JSON travels as text: a JSON array inside an array parameter would be one more
dimension."""


class TakeRows:
    """Everything that one take writes besides its leases."""

    __slots__ = ("_shared", "_ways", "answers", "further_keys", "waybills")

    def __init__(self) -> None:
        self._shared: dict[Shared, int] = {}
        self._ways: dict[Way, int] = {}
        self.waybills: list[NewWaybill] = []
        self.further_keys: list[FurtherKey] = []
        self.answers: list[KeptAnswer] = []

    def share(self, shared: Shared) -> int | None:
        """The place of what rows have in common, counted from 1; None for the first."""
        place = self._shared.setdefault(shared, len(self._shared) + 1)
        return place if place > 1 else None

    def way(self, way: Way) -> int:
        """The place of a way, counted from 1."""
        return self._ways.setdefault(way, len(self._ways) + 1)

    def arrays(self) -> list[Sequence[Any]]:
        """One parameter per column, in the order of the statement."""
        return [
            *columns(Shared, list(self._shared)),
            *columns(Way, list(self._ways)),
            *columns(NewWaybill, self.waybills),
            *columns(FurtherKey, self.further_keys),
            *columns(KeptAnswer, self.answers),
        ]


def columns(row: type[Row], rows: Sequence[Row]) -> list[Sequence[Any]]:
    """Rows turned into one array per column, or one text; a column of nothing but None is empty, which unnest fills up
    again."""
    if not rows:
        return ["" if kind is _TEXTS else () for kind in _TYPES[row]]
    return [
        _BETWEEN.join(column) if kind is _TEXTS else () if column.count(None) == len(column) else column
        for kind, column in zip(_TYPES[row], zip(*rows, strict=True), strict=True)
    ]


def _unnest(alias: str, row: type[Row], first: int, *fields: str) -> str:
    """The arrays from parameter `first` on as rows, with their place; of some fields or of all."""
    arrays = {
        field: f"string_to_array(${place}, {_SEPARATOR})" if kind is _TEXTS else f"${place}::{kind}[]"
        for place, (field, kind) in enumerate(zip(row._fields, _TYPES[row], strict=True), first)
    }
    fields = fields or row._fields
    taken = ", ".join(arrays[field] for field in fields)
    return f"unnest({taken}) WITH ORDINALITY AS {alias} ({', '.join(fields)}, place)"


_AT, _MONTH, _SEPARATOR, _FIRST = "$1", "$2", "$3", 4
_WAYS = _FIRST + len(Shared._fields)
_WAYBILLS = _WAYS + len(Way._fields)
_KEYS = _WAYBILLS + len(NewWaybill._fields)
_ANSWERS = _KEYS + len(FurtherKey._fields)
_DRAWS = _ANSWERS + len(KeptAnswer._fields)
_DRAW_COUNT = f"${_DRAWS + len(Draw._fields)}"

# Keys and answers are inserted in one order everywhere, so that two takes of the same ones cannot block each other for
# good. (Both are unique within a merchant.)
_WRITE_ROWS = f"""
    shared AS (
        SELECT * FROM {_unnest("s", Shared, _FIRST)}
    ), keyed AS (
        INSERT INTO parcel_key (merchant_id, parcel_key, carrier, number, seat, month)
        SELECT s.merchant_id, k.parcel_key, s.carrier, k.number, k.seat, {_MONTH}
          FROM (SELECT shared, parcel_key, number, 0 AS seat
                  FROM {_unnest("own", NewWaybill, _WAYBILLS, "shared", "number", "parcel_key")}
                 UNION ALL
                SELECT shared, parcel_key, number, seat
                  FROM {_unnest("further", FurtherKey, _KEYS)}) AS k
          JOIN shared s ON s.place = coalesce(k.shared, 1)
         ORDER BY k.parcel_key COLLATE "C", s.merchant_id
    ), answered AS (
        INSERT INTO take_answer (merchant_id, idempotency_key, fingerprint, numbers, answered_at)
        SELECT merchant_id, idempotency_key, fingerprint, numbers::jsonb, {_AT}
          FROM {_unnest("a", KeptAnswer, _ANSWERS)}
         ORDER BY idempotency_key COLLATE "C", merchant_id
    ), written AS (
        INSERT INTO waybill (merchant_id, carrier, account_id, lease_id, units, shop_id, pieces, ship_from_id, product,
                             services, taken_by, division_code, sort_code, big_mark, bag_centre, route_version,
                             number, parent_number, piece, order_ref, goods, barcode_text, qr_text,
                             recipient_token, recipient_key, recipient, recipient_digest, recipient_index,
                             taken_at, month)
        SELECT s.merchant_id, s.carrier, s.account_id, s.lease_id, s.units, s.shop_id, s.pieces, s.ship_from_id,
               s.product, s.services::jsonb, s.taken_by,
               v.division_code, v.sort_code, v.big_mark, v.bag_centre, v.route_version,
               w.number, w.parent_number, coalesce(w.piece, 1), coalesce(w.order_ref, w.parcel_key), w.goods::jsonb,
               coalesce(w.barcode_text, w.number), coalesce(w.qr_text, w.number),
               w.recipient_token, w.recipient_key, w.recipient, w.recipient_digest, w.recipient_index,
               {_AT}, {_MONTH}
          FROM {_unnest("w", NewWaybill, _WAYBILLS)}
          JOIN shared s ON s.place = coalesce(w.shared, 1)
          JOIN {_unnest("v", Way, _WAYS)} ON v.place = w.way
     RETURNING 1
    )"""

_WRITE = f"WITH {_WRITE_ROWS} SELECT count(*) FROM written"

# A lease that is no longer where its worker left it (closed by a suspension, say) makes the division fail, which rolls
# everything back.
_DRAW_AND_WRITE = f"""
    WITH drawn AS (
        UPDATE lease
           SET next = lease.next + d.spent
          FROM {_unnest("d", Draw, _DRAWS)}
         WHERE lease.merchant_id = d.merchant_id AND lease.lease_id = d.lease_id AND lease.closed_at IS NULL
           AND lease.next = d.next AND lease.last >= d.next + d.spent - 1
     RETURNING 1
    ), {_WRITE_ROWS}
    SELECT (SELECT count(*) FROM written) / (CASE WHEN (SELECT count(*) FROM drawn) = {_DRAW_COUNT} THEN 1 ELSE 0 END)
"""


async def draw_and_write(connection: Reads, at: datetime, month: date, rows: TakeRows, draws: Sequence[Draw]) -> int:
    """Waybills written. Raises asyncpg's UniqueViolationError when a key is occupied, DivisionByZeroError when a
    lease is not where `draws` says; then nothing is written."""
    arrays = [*rows.arrays(), *columns(Draw, draws)]
    return int(await connection.fetchval(_DRAW_AND_WRITE, at, month, _BETWEEN, *arrays, len(draws)))


async def write(tx: Transaction, at: datetime, month: date, rows: TakeRows) -> int:
    """Waybills written, for serials whose lease `tx` has drawn already."""
    return int(await tx.fetchval(_WRITE, at, month, _BETWEEN, *rows.arrays()))
