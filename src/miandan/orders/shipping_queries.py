"""Statements about orders that go out: held while somebody states it, with the pieces that are out."""

from collections.abc import Sequence
from datetime import datetime

from miandan.kernel.database import Transaction
from miandan.orders.model import OrderRef

# In one order everywhere, so that two statements about the same orders wait for each other instead of deadlocking.
_HOLD_FOR_UPDATE = """
    SELECT trade_order.shop_id, trade_order.order_id
      FROM trade_order
      JOIN unnest($2::text[], $3::text[]) AS wanted (shop_id, order_id) USING (shop_id, order_id)
     WHERE merchant_id = $1
     ORDER BY trade_order.shop_id, trade_order.order_id
       FOR UPDATE OF trade_order
"""

_COUNT_PIECES = """
    UPDATE trade_order
       SET shipped_pieces = $4, version = version + $5::boolean::integer, changed_at = $6
     WHERE merchant_id = $1 AND shop_id = $2 AND order_id = $3
"""


async def hold_for_update(tx: Transaction, merchant_id: int, refs: Sequence[OrderRef]) -> None:
    """Hold these orders until the transaction ends."""
    await tx.fetch(_HOLD_FOR_UPDATE, merchant_id, [ref.shop_id for ref in refs], [ref.order_id for ref in refs])


async def count_pieces(
    tx: Transaction, merchant_id: int, ref: OrderRef, pieces: int, at: datetime, *, is_change: bool
) -> None:
    """Write down how many pieces of the order are out; `is_change` where nothing else has raised its version yet."""
    await tx.execute(_COUNT_PIECES, merchant_id, *ref, pieces, is_change, at)
