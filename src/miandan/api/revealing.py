"""Recipients in plain for an app: fields become texts that are decrypted as any ciphertext, under the same budget."""

from collections import defaultdict
from datetime import datetime

from miandan.api.errors import problem_of
from miandan.api.models.orders import Revealed, RevealIn
from miandan.api.security import Call
from miandan.kernel.clock import now, trade_day
from miandan.kernel.errors import Refusal
from miandan.orders.listing import Wanted, count_orders
from miandan.orders.model import OrderRef
from miandan.orders.service import find_orders
from miandan.vault.decrypts import Asked, Asker, Shown, decrypt
from miandan.vault.issued import issue
from miandan.vault.purposes import RecipientField, purpose_on


async def reveal_fields(call: Call, asked: RevealIn) -> list[Revealed]:
    """Each order's fields, or why not. Raises vault.purpose, also for a purpose that is no app's, and vault.batch."""
    if not purpose_on(asked.purpose, trade_day(now())).budgeted:  # those of carriers and jobs draw on no budget
        raise Refusal("vault.purpose", purpose=asked.purpose)
    order_ids = list(dict.fromkeys(asked.order_ids))
    fields = [RecipientField(name) for name in dict.fromkeys(asked.fields)]
    texts = await _texts(call, order_ids, fields)
    results = await decrypt(
        call.hall.db,
        call.hall.vault,
        list(texts.values()),
        asker=Asker(call.app, call.actor),
        merchant_id=call.merchant_id,
        shop=call.shop_id,
        purpose=asked.purpose,
        orders_since=lambda since: _orders_since(call, since),
    )
    found = dict(zip(texts, results, strict=True))
    return [
        _told(order_id, [found[order_id, one] for one in fields if (order_id, one) in found]) for order_id in order_ids
    ]


async def _texts(
    call: Call, order_ids: list[str], fields: list[RecipientField]
) -> dict[tuple[str, RecipientField], Asked]:
    """Ciphertext of each field of each order that is kept here."""
    known = await find_orders(call.hall.db, call.merchant_id, [OrderRef(call.shop_id, one) for one in order_ids])
    keys = await call.hall.vault.keys_for(call.merchant_id, [order.recipient for order in known.values()])
    return {
        (ref.order_id, field): Asked(
            ref.order_id,
            issue(keys, order.recipient.token, field, app=call.app, shop=call.shop_id, order=ref.order_id),
        )
        for ref, order in known.items()
        for field in fields
    }


async def _orders_since(call: Call, since: datetime) -> int:
    return await count_orders(call.hall.db, call.merchant_id, call.shop_id, Wanted(since=since))


def _told(order_id: str, results: list[Shown | Refusal]) -> Revealed:
    if not results:
        return Revealed(order_id=order_id, problem=problem_of(Refusal("orders.unknown", order_id=order_id)))
    refused = [one for one in results if isinstance(one, Refusal)]
    shown: dict[str, str] = defaultdict(str)
    for one in results:
        if isinstance(one, Shown):
            shown[one.field.value] = one.text
            if one.extension:
                shown["extension"] = one.extension
    return Revealed(order_id=order_id, problem=problem_of(refused[0]) if refused else None, **shown)
