"""Whom a call is for: the caller's own shop, or another shop that it supplies (user_id, 代发)."""

from collections.abc import Sequence
from typing import Final

from miandan.access.model import Authorisation, Scope, shop
from miandan.access.tokens import authorisations_of_app
from miandan.accounts.account_book import lent_account
from miandan.branches import service as branches
from miandan.carriers.model import Carrier
from miandan.dialects.doudian.calls import Call
from miandan.kernel.errors import Refusal
from miandan.merchants.service import merchant_of_shop
from miandan.printing.model import Asked
from miandan.waybills import lives, queries
from miandan.waybills.model import NumberRef, NumberState, Waybill

UNKNOWN_USER: Final = ("", "-1", "0")
"""What callers send where no other shop is meant."""


async def authorisations(call: Call) -> list[Authorisation]:
    """Who lets the app in now."""
    return [one for one in await authorisations_of_app(call.db, call.app.app_key) if one.revoked_at is None]


async def using_shop(call: Call, user_id: str | None) -> tuple[int, str]:
    """Merchant and shop that a number is for. Another shop of the caller's own merchant has to let the app in as well.

    Raises shop.unknown, shop.ambiguous, doudian.shop_differs.
    """
    if user_id is None or user_id in UNKNOWN_USER or user_id == call.shop_id:
        return call.merchant_id, call.shop_id
    merchant_id = await merchant_of_shop(call.db, user_id)
    if merchant_id == call.merchant_id:
        sister = shop(merchant_id, user_id)
        if not any(one.subject == sister and Scope.WAYBILLS in one.scopes for one in await authorisations(call)):
            raise Refusal("doudian.shop_differs", field="user_id")
    return merchant_id, user_id


async def number_of(call: Call, carrier: Carrier, track_no: str, user_id: str | None) -> NumberRef:
    """A number of the caller's shop, or one that this app took for another shop on an account that the caller lent.

    Raises waybill.unknown also for a number of somebody else: whose it is is nobody's business. Raises
    supply.nothing_lent and what `using_shop` raises.
    """
    merchant_id, shop_id = await using_shop(call, user_id)
    waybill = await waybill_of(call, merchant_id, shop_id, carrier, track_no)
    if merchant_id != call.merchant_id:
        await must_have_taken(call, waybill)
    return waybill.ref


async def must_have_taken(call: Call, waybill: Waybill) -> None:
    """What the user of a lent account took itself is not the lender's. Raises supply.nothing_lent, waybill.unknown."""
    await lent_account(call.db, call.merchant_id, waybill.ref.merchant_id, waybill.account_id)
    if waybill.taken_by != call.app.app_key:
        raise Refusal("waybill.unknown", carrier=waybill.ref.carrier, number=waybill.ref.number)


async def cancel(call: Call, ref: NumberRef) -> bool:
    """Whether the number is cancelled now; cancelled again it is cancelled still."""
    state = await lives.cancel(call.hall.counter, ref.merchant_id, ref.carrier, ref.number)
    return state in (NumberState.CANCELLED, NumberState.RECYCLED)


async def waybill_of(call: Call, merchant_id: int, shop_id: str, carrier: Carrier, track_no: str) -> Waybill:
    """A waybill of one shop. Raises waybill.unknown."""
    ref = await lives.find(call.db, merchant_id, carrier.code, track_no.strip())
    [waybill] = await queries.waybills(call.db, [ref])
    if waybill.shop_id != shop_id:
        raise Refusal("waybill.unknown", carrier=carrier.code, number=track_no[:40])
    return waybill


async def lending_merchants(call: Call, asked: Sequence[Asked]) -> dict[int, int]:
    """By place of a number: whose parcel it is, where this app took it on an account that the caller lent."""
    found: dict[int, int] = {}
    for carrier in {one.carrier for one in asked}:
        numbers = [one.number for one in asked if one.carrier == carrier]
        async with call.db.transaction() as tx:
            owners = await branches.owners(tx, carrier, numbers)
        for place, one in enumerate(asked):
            owner = owners.get(one.number) if one.carrier == carrier else None
            if (
                owner is not None
                and owner.merchant_id != call.merchant_id
                and await _lent(call, owner.merchant_id, one)
            ):
                found[place] = owner.merchant_id
    return found


async def _lent(call: Call, merchant_id: int, asked: Asked) -> bool:
    try:
        ref = await lives.find(call.db, merchant_id, asked.carrier, asked.number)
        [waybill] = await queries.waybills(call.db, [ref])
        await must_have_taken(call, waybill)
    except Refusal:
        return False
    return True
