"""Every statement about trade orders. Rows that an import wrote are counted from RETURNING."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from miandan.kernel.database import Reads, Record, Transaction
from miandan.orders.model import OrderLine, OrderRef, OrderState, TradeOrder
from miandan.vault.model import Sealed


class OrderRow(NamedTuple):
    """One order on its way into the table, in the order of its columns; `lines` and `warnings` are JSON text."""

    shop_id: str
    order_id: str
    state: str
    held_reason: str | None
    paid_at: datetime | None
    lines: str
    warnings: str
    content_hash: bytes
    division_code: str
    recipient_token: UUID
    recipient_key: bytes | None
    recipient: bytes
    recipient_digest: bytes
    remark_digest: bytes
    created_at: datetime | None


class Written(NamedTuple):
    """A row that an import wrote: version 1 is new; `token` is the seal in it now, `replaced_token` before."""

    ref: OrderRef
    version: int
    token: UUID
    replaced_token: UUID | None


# A closed, cancelled, refunded or shipped order stays what it is, and a hold by hand stands until it is released: an
# export made earlier must not undo what was learnt later. The old seal stays while it is the same recipient with the
# same remarks, so that tokens live as long as they can. Of an order whose marketplace speaks for it (source_version) a
# file changes nothing.
_KEEP = """
    INSERT INTO trade_order AS kept (
           merchant_id, shop_id, order_id, state, held_reason, paid_at, imported_at, changed_at, lines, warnings,
           content_hash, division_code, recipient_token, recipient_key, recipient, recipient_digest, remark_digest,
           created_at)
    SELECT $1, shop_id, order_id, state, held_reason, paid_at, $2, $2, lines::jsonb, warnings::jsonb,
           content_hash, division_code, token, key, body, digest, remark_digest, coalesce(created_at, paid_at, $2)
      FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::text[],
                  $10::bytea[], $11::text[], $12::uuid[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[],
                  $17::timestamptz[])
           AS given (shop_id, order_id, state, held_reason, paid_at, lines, warnings, content_hash, division_code,
                     token, key, body, digest, remark_digest, created_at)
     ORDER BY shop_id, order_id
        ON CONFLICT (merchant_id, shop_id, order_id) DO UPDATE
       SET state = CASE WHEN kept.state IN ('closed', 'cancelled', 'refunded', 'shipped')
                          OR kept.held_reason = 'orders.held_by_hand' THEN kept.state ELSE excluded.state END,
           held_reason = CASE WHEN kept.state IN ('closed', 'cancelled', 'refunded', 'shipped')
                          OR kept.held_reason = 'orders.held_by_hand' THEN kept.held_reason
                          ELSE excluded.held_reason END,
           paid_at = excluded.paid_at, changed_at = excluded.changed_at, version = kept.version + 1,
           lines = excluded.lines, warnings = excluded.warnings, content_hash = excluded.content_hash,
           division_code = excluded.division_code, recipient_digest = excluded.recipient_digest,
           remark_digest = excluded.remark_digest, replaced_token = kept.recipient_token,
           (recipient_token, recipient_key, recipient) = (
               SELECT pick.token, pick.key, pick.body
                 FROM (VALUES (kept.recipient_token, kept.recipient_key, kept.recipient, true),
                              (excluded.recipient_token, excluded.recipient_key, excluded.recipient, false))
                      AS pick (token, key, body, is_old)
                WHERE pick.is_old = (kept.recipient_key IS NOT NULL
                                     AND kept.recipient_digest = excluded.recipient_digest
                                     AND kept.remark_digest = excluded.remark_digest))
     WHERE kept.source_version IS NULL
       AND (kept.content_hash <> excluded.content_hash OR kept.recipient_digest <> excluded.recipient_digest
         OR kept.remark_digest <> excluded.remark_digest)
 RETURNING shop_id, order_id, version, recipient_token, replaced_token
"""

COLUMNS = """shop_id, order_id, state, held_reason, version, lines, division_code, recipient_token, recipient_key,
           recipient, recipient_digest, paid_at, imported_at, created_at, changed_at, source_version, shipped_pieces"""
"""What `read_order` reads."""

_STANDING = f"""
    SELECT {COLUMNS}
      FROM trade_order
      JOIN unnest($2::text[], $3::text[]) AS wanted (shop_id, order_id) USING (shop_id, order_id)
     WHERE merchant_id = $1
"""

_FIND = _STANDING + " AND arrived"

# In one order, as everybody locks orders who locks several.
_STANDING_FOR_SHARE = _STANDING + " ORDER BY shop_id, order_id FOR SHARE OF trade_order"

_SET_ASIDE = """
    UPDATE trade_order
       SET state = given.state, held_reason = NULL, version = version + 1, changed_at = $2
      FROM unnest($3::text[], $4::text[], $5::text[]) AS given (shop_id, order_id, state)
     WHERE merchant_id = $1 AND trade_order.shop_id = given.shop_id AND trade_order.order_id = given.order_id
       AND trade_order.state <> given.state AND trade_order.source_version IS NULL
       AND trade_order.state NOT IN ('closed', 'cancelled', 'refunded', 'shipped')
 RETURNING trade_order.shop_id, trade_order.order_id
"""


# From an order to its numbers and calls, from each to its row, whatever the planner thinks (OFFSET 0). A parcel key is
# the order's own or, for a pack of it, goes on with "#" (waybills.model.parcel_key); a child's ("|") and a retake's
# stand beside one of these. While a carrier is being asked, the key names the call.
_ON_WAYBILLS = """
    SELECT DISTINCT asked.token
      FROM unnest($2::text[], $3::uuid[]) AS asked (own, token)
     CROSS JOIN LATERAL (
           SELECT carrier, number, month
             FROM parcel_key
            WHERE merchant_id = $1 AND parcel_key = asked.own
            UNION ALL
           SELECT carrier, number, month
             FROM parcel_key
            WHERE merchant_id = $1 AND parcel_key >= asked.own || '#' AND parcel_key < asked.own || '$'
              AND starts_with(parcel_key, asked.own || '#')
           OFFSET 0) k
     CROSS JOIN LATERAL (
           SELECT recipient_token
             FROM waybill
            WHERE merchant_id = $1 AND carrier = k.carrier AND number = k.number AND month = k.month
              AND recipient_key IS NOT NULL
            UNION ALL
           SELECT recipient_token
             FROM waybill_version
            WHERE merchant_id = $1 AND carrier = k.carrier AND number = k.number AND recipient_key IS NOT NULL
            UNION ALL
           SELECT recipient_token
             FROM live_intent
            WHERE merchant_id = $1 AND recipient_key IS NOT NULL
              AND intent_id = CASE WHEN starts_with(k.number, 'intent:') THEN substr(k.number, 8)::uuid END
           OFFSET 0) held
     WHERE held.recipient_token = asked.token
"""


async def keep(tx: Transaction, merchant_id: int, rows: Sequence[OrderRow], at: datetime) -> list[Written]:
    """Insert new orders and update changed ones in one statement; unchanged ones do not come back."""
    columns: list[list[object]] = [list(column) for column in zip(*rows, strict=True)]
    written = await tx.fetch(_KEEP, merchant_id, at, *columns)
    return [
        Written(
            OrderRef(row["shop_id"], row["order_id"]), row["version"], row["recipient_token"], row["replaced_token"]
        )
        for row in written
    ]


async def find(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> list[TradeOrder]:
    """The orders among `refs` that have arrived."""
    return await _orders(db, _FIND, merchant_id, refs)


async def standing(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> list[TradeOrder]:
    """The same, those included that have not arrived: of them only state and recipient mean something."""
    return await _orders(db, _STANDING, merchant_id, refs)


async def standing_for_share(tx: Transaction, merchant_id: int, refs: Sequence[OrderRef]) -> list[TradeOrder]:
    """The same; nothing changes about them until the transaction ends, but others may look too."""
    return await _orders(tx, _STANDING_FOR_SHARE, merchant_id, refs)


async def _orders(db: Reads, sql: str, merchant_id: int, refs: Sequence[OrderRef]) -> list[TradeOrder]:
    if not refs:
        return []
    rows = await db.fetch(sql, merchant_id, [ref.shop_id for ref in refs], [ref.order_id for ref in refs])
    return [read_order(row) for row in rows]


async def set_aside(
    tx: Transaction, merchant_id: int, states: Sequence[tuple[OrderRef, OrderState]], at: datetime
) -> list[OrderRef]:
    """Move known orders to what the back office says; those that are finished stay, and those whose marketplace speaks
    for them."""
    rows = await tx.fetch(
        _SET_ASIDE,
        merchant_id,
        at,
        [ref.shop_id for ref, _ in states],
        [ref.order_id for ref, _ in states],
        [state.value for _, state in states],
    )
    return [OrderRef(row["shop_id"], row["order_id"]) for row in rows]


async def on_waybills(tx: Transaction, merchant_id: int, recipients: Mapping[str, UUID]) -> set[UUID]:
    """Those of the recipients (tokens, by what they were sealed for) that a number taken for their order still has."""
    rows = await tx.fetch(_ON_WAYBILLS, merchant_id, list(recipients), list(recipients.values()))
    return {row["token"] for row in rows}


def read_order(row: Record) -> TradeOrder:
    """A row of `trade_order` as the noun."""
    return TradeOrder(
        ref=OrderRef(row["shop_id"], row["order_id"]),
        state=OrderState(row["state"]),
        held_reason=row["held_reason"],
        version=row["version"],
        lines=tuple(msgspec.convert(row["lines"], list[OrderLine])),
        division_code=row["division_code"],
        recipient=Sealed(
            row["recipient_token"],
            row["recipient_key"],
            row["recipient"],
            row["recipient_digest"],
            b"",
        ),
        paid_at=row["paid_at"],
        imported_at=row["imported_at"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        source_version=row["source_version"],
        shipped_pieces=row["shipped_pieces"],
    )
