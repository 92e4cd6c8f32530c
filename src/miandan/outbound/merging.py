"""Which orders may share a parcel (合单): waiting to ship, of one shop, to one person at one place."""

from collections.abc import Sequence

from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.orders import queries as orders
from miandan.orders.model import OrderRef, OrderState, TradeOrder
from miandan.vault.keys import MerchantKeys

FEWEST, MOST = 2, 100
"""Orders of one question (reference/doudian.md, order.merge)."""


async def mergeable(
    db: Reads, keys: MerchantKeys, merchant_id: int, refs: Sequence[OrderRef]
) -> list[tuple[OrderRef, ...]]:
    """Groups of two orders or more that may share a parcel, in the order asked; each order stands in one at most.

    Digests only say who may be the same; the vault confirms it in plain. Orders that are unknown, partly shipped or not
    to be shipped are in no group. Raises outbound.merge_count.
    """
    wanted = list(dict.fromkeys(refs))
    if not FEWEST <= len(wanted) <= MOST:
        raise Refusal("outbound.merge_count", count=len(wanted), fewest=FEWEST, most=MOST)
    found = {order.ref: order for order in await orders.find(db, merchant_id, wanted)}
    groups: list[list[TradeOrder]] = []
    for order in (found[ref] for ref in wanted if ref in found):
        if order.state is not OrderState.TO_SHIP or order.shipped_pieces or order.recipient.key is None:
            continue
        home = next((group for group in groups if _fit(keys, group[0], order)), None)
        if home is None:
            groups.append([order])
        else:
            home.append(order)
    return [tuple(order.ref for order in group) for group in groups if len(group) > 1]


def _fit(keys: MerchantKeys, one: TradeOrder, other: TradeOrder) -> bool:
    alike = one.ref.shop_id == other.ref.shop_id and one.recipient.digest == other.recipient.digest
    return alike and keys.same((one.ref.bound_to, one.recipient), (other.ref.bound_to, other.recipient))
