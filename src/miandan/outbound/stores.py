"""The store (门店) that a parcel leaves from, where the caller names one."""

from collections.abc import Sequence

from miandan.accounts import service as accounts
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.merchants import queries as merchants
from miandan.outbound.model import Statement
from miandan.outbound.numbers import Found


async def refuse_other_store(tx: Transaction, said: Statement, found: Sequence[Found]) -> None:
    """Raises outbound.store_unknown, and outbound.store_mismatch for a number taken for another store's address."""
    if not said.store_id:
        return
    if said.store_id not in {store.store_id for store in await merchants.open_stores(tx, said.merchant_id)}:
        raise Refusal("outbound.store_unknown", store_id=said.store_id)
    for waybill in (one.family[0] for one in found if one.family):
        places = await accounts.ship_from_of(tx, said.merchant_id, waybill.account_id)
        stores = {place.sender.store_id for place in places if place.ship_from_id == waybill.ship_from_id}
        if stores - {"", said.store_id}:
            raise Refusal("outbound.store_mismatch", store_id=said.store_id, number=waybill.ref.number)
