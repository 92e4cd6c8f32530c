"""Statements that lock one order, whether it has arrived or only been heard of, and write what was learnt of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from miandan.kernel.database import Transaction
from miandan.kernel.ids import new_id
from miandan.orders.model import OrderRef, OrderState
from miandan.orders.standing import Standing, before_any_word
from miandan.vault.model import Sealed

_NOBODY = b"\x01" + bytes(6)
"""Stands for a recipient that has not been said: a sealed body without parts, and no key that would open it."""

_FOR_UPDATE = """
    SELECT state, held_reason, version, arrived, source_version, standing, recipient_token, recipient_key IS NOT NULL AS
           opens, recipient_digest, remark_digest
      FROM trade_order
     WHERE merchant_id = $1 AND shop_id = $2 AND order_id = $3
       FOR UPDATE
"""

_ANNOUNCE = """
    INSERT INTO trade_order (merchant_id, shop_id, order_id, state, imported_at, changed_at, created_at, version, lines,
                             warnings, content_hash, division_code, recipient_token, recipient, recipient_digest,
                             remark_digest, arrived, source_version, standing)
    VALUES ($1, $2, $3, 'to_ship', $4, $4, $4, 0, '[]', '[]', '', '', $5, $6, uuid_send($5), '', false, $7, $8)
        ON CONFLICT DO NOTHING
"""

_ANNOUNCED_FOR_UPDATE = """
    SELECT shop_id, order_id
      FROM trade_order
      JOIN unnest($2::text[], $3::text[]) AS wanted (shop_id, order_id) USING (shop_id, order_id)
     WHERE merchant_id = $1 AND NOT arrived
     ORDER BY shop_id, order_id
       FOR UPDATE OF trade_order
"""

# What is not given stays. An order that only was heard of has version 0 until it arrives.
_WRITE = """
    UPDATE trade_order
       SET state = $4, held_reason = $5, source_version = $6, standing = $7, arrived = $8, changed_at = $9,
           version = version + $8::boolean::integer,
           paid_at = coalesce($10, paid_at), created_at = coalesce($11, created_at),
           lines = coalesce($12::text::jsonb, lines), warnings = coalesce($13::text::jsonb, warnings),
           content_hash = coalesce($14, content_hash),
           division_code = coalesce($15, division_code), recipient_token = coalesce($16, recipient_token),
           replaced_token = CASE WHEN $16 IS NULL THEN replaced_token ELSE recipient_token END,
           recipient_key = CASE WHEN $16 IS NULL THEN recipient_key ELSE $17 END,
           recipient = coalesce($18, recipient), recipient_digest = coalesce($19, recipient_digest),
           remark_digest = coalesce($20, remark_digest)
     WHERE merchant_id = $1 AND shop_id = $2 AND order_id = $3
 RETURNING version
"""


class KeptOrder(NamedTuple):
    """What stands in an order's row, held until the transaction ends. `opens`: its recipient can be opened."""

    state: OrderState
    held_reason: str | None
    version: int
    arrived: bool
    source_version: int | None
    standing: Standing
    token: UUID
    opens: bool
    digest: bytes
    remark_digest: bytes

    def newest(self, version: int) -> int:
        """The highest version that was spoken at, this one included."""
        return version if self.source_version is None else max(version, self.source_version)


class Contents(NamedTuple):
    """What an order holds besides its recipient; `lines` and `warnings` are JSON text."""

    lines: str
    warnings: str
    content_hash: bytes
    paid_at: datetime | None
    created_at: datetime | None


class Brought(NamedTuple):
    """A recipient that takes the place of the kept one."""

    sealed: Sealed
    division_code: str
    remark_digest: bytes


class Learnt(NamedTuple):
    """What is written of an order; None stays as it is."""

    state: OrderState
    held_reason: str | None
    source_version: int | None
    standing: Standing | None
    arrived: bool
    paid_at: datetime | None = None
    contents: Contents | None = None
    recipient: Brought | None = None


async def order_for_update(tx: Transaction, merchant_id: int, ref: OrderRef) -> KeptOrder | None:
    """The order as it is, held until the transaction ends; None where nothing was heard of it."""
    row = await tx.fetchrow(_FOR_UPDATE, merchant_id, *ref)
    if row is None:
        return None
    state, held_reason, version, arrived, source_version, said, *recipient = row
    standing = (
        before_any_word(OrderState(state), held_reason)
        if said is None
        else msgspec.convert(said, Standing, strict=False)
    )
    return KeptOrder(OrderState(state), held_reason, version, arrived, source_version, standing, *recipient)


async def announced_for_update(
    tx: Transaction, merchant_id: int, ref: OrderRef, version: int, at: datetime
) -> KeptOrder:
    """The same; an order that nobody has heard of becomes one that has not arrived."""
    while (kept := await order_for_update(tx, merchant_id, ref)) is None:
        token = new_id()
        await tx.execute(_ANNOUNCE, merchant_id, *ref, at, token, _NOBODY, version, msgspec.to_builtins(Standing()))
    return kept


async def not_arrived_for_update(tx: Transaction, merchant_id: int, refs: Sequence[OrderRef]) -> list[OrderRef]:
    """Those of the orders that were only heard of, held until the transaction ends."""
    shops, orders = [ref.shop_id for ref in refs], [ref.order_id for ref in refs]
    return [OrderRef(*row) for row in await tx.fetch(_ANNOUNCED_FOR_UPDATE, merchant_id, shops, orders)]


async def write(tx: Transaction, merchant_id: int, ref: OrderRef, learnt: Learnt, at: datetime) -> int:
    """Write down what was learnt; the order's version now."""
    contents = learnt.contents or Contents(None, None, None, None, None)  # type: ignore[arg-type]  # None stays
    sealed, division_code, remark_digest = learnt.recipient or (None, None, None)
    version: int = await tx.fetchval(
        _WRITE,
        merchant_id,
        *ref,
        learnt.state.value,
        learnt.held_reason,
        learnt.source_version,
        None if learnt.standing is None else msgspec.to_builtins(learnt.standing),
        learnt.arrived,
        at,
        learnt.paid_at or contents.paid_at,
        contents.created_at,
        contents.lines,
        contents.warnings,
        contents.content_hash,
        division_code,
        *((sealed.token, sealed.key, sealed.body, sealed.digest) if sealed is not None else (None,) * 4),
        remark_digest,
    )
    return version
