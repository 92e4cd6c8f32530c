"""What going out (发货) does to an order, as steps of the transaction that states it.

An order of which nothing is left is `shipped`; one of which some pieces are out stays `to_ship` (partly shipped,
部分发货: `shipped_pieces` above 0). Where a marketplace speaks for the order too, its refunds and holds are still
written down beside the statement, and count again once that is withdrawn.
"""

from collections.abc import Sequence
from datetime import datetime

from miandan.kernel.database import Transaction
from miandan.orders import queries, shipping_queries, standing_queries
from miandan.orders.hands import put_on
from miandan.orders.model import OrderRef, OrderState, TradeOrder


async def orders_for_update(tx: Transaction, merchant_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, TradeOrder]:
    """The kept orders among `refs`, held until the transaction ends and read after that."""
    await shipping_queries.hold_for_update(tx, merchant_id, refs)
    return {order.ref: order for order in await queries.find(tx, merchant_id, refs)}


async def mark_shipped(tx: Transaction, merchant_id: int, ref: OrderRef, pieces: int, at: datetime) -> None:
    """Nothing is left of a held order; `pieces` are out."""
    await _move(tx, merchant_id, ref, OrderState.SHIPPED, at)
    await shipping_queries.count_pieces(tx, merchant_id, ref, pieces, at, is_change=False)


async def count_shipped(tx: Transaction, merchant_id: int, ref: OrderRef, pieces: int, at: datetime) -> None:
    """Some pieces of a held order are out; its state stays what it is."""
    await shipping_queries.count_pieces(tx, merchant_id, ref, pieces, at, is_change=True)


async def take_back(tx: Transaction, merchant_id: int, order: TradeOrder, pieces: int, at: datetime) -> None:
    """Only `pieces` are out of a held order after all: a shipped one is to be shipped again, unless its marketplace
    says otherwise; what was cancelled or refunded meanwhile stays so."""
    is_shipped = order.state is OrderState.SHIPPED
    if is_shipped:
        await _move(tx, merchant_id, order.ref, None, at)
    await shipping_queries.count_pieces(tx, merchant_id, order.ref, pieces, at, is_change=not is_shipped)


async def _move(tx: Transaction, merchant_id: int, ref: OrderRef, hand: OrderState | None, at: datetime) -> None:
    kept = await standing_queries.order_for_update(tx, merchant_id, ref)
    if kept is not None:
        await standing_queries.write(tx, merchant_id, ref, put_on(kept, hand), at)
