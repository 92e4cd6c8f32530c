"""Which carriers a shop may ship with (可用快递公司). The door says each in the code of its own namespace."""

from collections.abc import Sequence

from miandan.accounts import service as accounts
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Carrier, today
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.orders import queries as orders
from miandan.orders.model import OrderRef
from miandan.outbound.model import Offered


async def companies_of(db: Reads, merchant_id: int) -> tuple[Carrier, ...]:
    """Carriers that still take customers, and those with which the merchant has an account."""
    held = {account.carrier for account in await accounts.accounts_of(db, merchant_id)}
    return tuple(
        carrier
        for carrier in catalogue()
        if carrier.holds_on(today()) and (carrier.takes_new_accounts() or carrier.code in held)
    )


async def offered_to(db: Reads, merchant_id: int, shop_id: str, order_ids: Sequence[str]) -> Offered:
    """The shop's carriers, which each of its orders may use: no order brings carriers of its own, since a number always
    lies on an account of its merchant."""
    refs = [OrderRef(shop_id, order_id) for order_id in dict.fromkeys(order_ids)]
    known = {order.ref for order in await orders.find(db, merchant_id, refs)}
    failed = {
        ref.order_id: Refusal("outbound.order_unknown", order_id=ref.order_id) for ref in refs if ref not in known
    }
    asked = tuple(ref.order_id for ref in refs if ref in known)
    return Offered(await companies_of(db, merchant_id), asked, failed)


async def refuse_unsupported(db: Reads, merchant_id: int, carrier: str) -> None:
    """Raises outbound.carrier_unsupported for a carrier that no parcel of the merchant can be given to."""
    if carrier not in {one.code for one in await companies_of(db, merchant_id)}:
        found = catalogue().get(carrier)
        raise Refusal("outbound.carrier_unsupported", carrier=carrier, zh=found.zh, en=found.en)
