"""Numbers for orders: the one verb behind the native API, the dialects and commands that take for orders.

An order that we keep must be free to ship and goes to its own sealed recipient, never to what the caller typed. An
order of another channel (`outside`) is taken as the caller says it and costs no look at our orders.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from miandan.kernel.errors import Refusal
from miandan.orders.ids import refuse_odd_id
from miandan.orders.model import OrderRef, TradeOrder
from miandan.orders.service import find_orders
from miandan.orders.shippable import obstacle
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.waybills import lives, queries
from miandan.waybills.counter import Counter
from miandan.waybills.model import NumberRef, Outcome, ParcelAsk, TakeRequest, parcel_key, without_mobiles
from miandan.waybills.service import take

_NO_RECIPIENT = Recipient("", "")
"""Of a parcel that takes no number anyway."""


class OrderParcel(Struct, frozen=True):
    """One parcel of one order, or of several orders that go to one recipient.

    `pack_id` tells several parcels of one order apart. `recipient` is what the caller says: plain, as the token of our
    own ciphertext that its door has proven to belong to this shop's order, or nothing; for an order of ours it is only
    compared. `outside` orders need a plain or sealed one (sealed for `order_ref`, its division beside it). `goods` is
    None for the order's own.
    """

    shop_id: str
    order_ids: tuple[str, ...]
    pack_id: str = ""
    recipient: Recipient | Sealed | UUID | None = None
    goods: tuple[Mapping[str, Any], ...] | None = None
    product: str = ""
    services: Mapping[str, Any] = {}
    pieces: int = 1
    outside: bool = False
    division_code: str = ""

    @property
    def refs(self) -> tuple[OrderRef, ...]:
        return tuple(OrderRef(self.shop_id, order_id) for order_id in self.order_ids)

    @property
    def order_ref(self) -> str:
        """What the recipient of the parcel is sealed for: its first order."""
        return f"{self.shop_id}/{self.order_ids[0]}" if self.order_ids else ""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple([parcel_key(self.shop_id, order_id, self.pack_id) for order_id in self.order_ids])


class OrdersTake(Struct, frozen=True):
    """Parcels of one merchant for one account and sender; the rest as in `TakeRequest`."""

    merchant_id: int
    account_id: UUID
    ship_from_id: UUID
    parcels: tuple[OrderParcel, ...]
    app: str = "api"
    idempotency_key: str | None = None
    retake: bool = False
    accept_differences: bool = False


class Hint(Struct, frozen=True):
    """What the caller should know beside the outcome. `recipient_replaced`: the parcel goes to the order's recipient,
    who is not the one that the caller named."""

    recipient_replaced: bool = False


NO_HINT = Hint()


class Served(Struct, frozen=True):
    """What became of one parcel."""

    outcome: Outcome
    hint: Hint = NO_HINT


async def take_for_orders(counter: Counter, asked: OrdersTake) -> list[Served]:
    """Give every parcel its number; one answer per parcel, in the order asked.

    Refused per parcel besides what `service.take` refuses: orders.unknown, why an order may not ship
    (`orders.shippable`), parcel.recipients_differ, parcel.recipient_missing, and outside
    orders.id_invalid. Raises what `service.take` raises.
    """
    ours = list({ref for parcel in asked.parcels if not parcel.outside for ref in parcel.refs})
    known = await find_orders(counter.db, asked.merchant_id, ours) if ours else {}
    keys = await _keys(counter, asked.merchant_id, known.values()) if known else None
    asks, hints = [], []
    for parcel in asked.parcels:
        ask, hint = _outside(parcel) if parcel.outside else _of_ours(parcel, known, keys)
        asks.append(ask)
        hints.append(hint)
    request = TakeRequest(
        asked.merchant_id,
        asked.account_id,
        asked.ship_from_id,
        tuple(asks),
        asked.app,
        asked.idempotency_key,
        asked.retake,
        asked.accept_differences,
        await _said(counter, asked) if asked.idempotency_key is not None else b"",
    )
    return [Served(outcome, hint) for outcome, hint in zip(await take(counter, request), hints, strict=True)]


async def readdress(counter: Counter, ref: NumberRef) -> int:
    """Write the recipient that its order has now into a number's document, children included; the document's version.

    What `waybill.recipient_changed` asks for. Raises orders.unknown, parcel.recipients_differ, why the order may not
    ship, and what `lives.update` raises.
    """
    refs = await queries.orders_of(counter.db, ref)
    known = await find_orders(counter.db, ref.merchant_id, refs)
    if not refs or any(order not in known for order in refs):
        raise Refusal("orders.unknown", order_id=refs[0].order_id if refs else "")
    orders = [known[order] for order in refs]
    refusal = _reason(orders, await _keys(counter, ref.merchant_id, orders))
    if refusal is not None:
        raise refusal
    first = orders[0]
    return await lives.update(
        counter,
        ref.merchant_id,
        ref.carrier,
        ref.number,
        recipient=first.recipient,
        division_code=first.division_code,
    )


async def _keys(counter: Counter, merchant_id: int, orders: Iterable[TradeOrder]) -> MerchantKeys:
    return await counter.vault.keys_for(merchant_id, [order.recipient for order in orders])


def _outside(parcel: OrderParcel) -> tuple[ParcelAsk, Hint]:
    try:
        for order_id in parcel.order_ids:
            refuse_odd_id(order_id)
    except Refusal as refusal:
        return _barred(parcel, refusal), NO_HINT
    recipient = parcel.recipient
    if not isinstance(recipient, Recipient | Sealed):
        order_id = parcel.order_ids[0] if parcel.order_ids else ""
        return _barred(parcel, Refusal("parcel.recipient_missing", order_id=order_id)), NO_HINT
    division_code = recipient.division_code if isinstance(recipient, Recipient) else parcel.division_code
    return _ask(parcel, parcel.order_ref, recipient, parcel.goods or (), division_code), NO_HINT


def _of_ours(
    parcel: OrderParcel, known: Mapping[OrderRef, TradeOrder], keys: MerchantKeys | None
) -> tuple[ParcelAsk, Hint]:
    missing = [ref for ref in parcel.refs if ref not in known]
    if missing or keys is None:
        return _barred(parcel, Refusal("orders.unknown", order_id=missing[0].order_id if missing else "")), NO_HINT
    orders = [known[ref] for ref in parcel.refs]
    first = orders[0]
    refusal = _reason(orders, keys)
    if refusal is not None:
        return _barred(parcel, refusal), NO_HINT
    goods = parcel.goods
    if goods is None:
        goods = tuple(msgspec.to_builtins(line) for order in orders for line in order.lines)
    ask = _ask(parcel, first.ref.bound_to, first.recipient, goods, first.division_code)
    return ask, Hint(recipient_replaced=_is_another(parcel.recipient, first, keys))


def _reason(orders: Sequence[TradeOrder], keys: MerchantKeys) -> Refusal | None:
    """Why these orders take no number together, None where they may."""
    for order in orders:
        refusal = obstacle(order.ref.order_id, order.state, order.held_reason)
        if refusal is not None:
            return refusal
        if order.recipient.key is None:
            return Refusal("parcel.recipient_missing", order_id=order.ref.order_id)
    first = orders[0]
    for other in orders[1:]:
        if not keys.same((first.ref.bound_to, first.recipient), (other.ref.bound_to, other.recipient)):
            return Refusal("parcel.recipients_differ", order_id=first.ref.order_id, other=other.ref.order_id)
    return None


def _is_another(said: Recipient | Sealed | UUID | None, order: TradeOrder, keys: MerchantKeys) -> bool:
    """Whether the caller named somebody else, told by digests; in plain only inside the vault, where these differ."""
    if said is None:
        return False
    if isinstance(said, UUID):
        return said != order.recipient.token
    if isinstance(said, Sealed):
        return said.digest != order.recipient.digest
    if keys.digest(said) == order.recipient.digest:
        return False
    place = order.ref.bound_to
    return not keys.same((place, keys.seal(said, place)), (place, order.recipient))


def _ask(
    parcel: OrderParcel,
    order_ref: str,
    recipient: Recipient | Sealed,
    goods: tuple[Mapping[str, Any], ...],
    division_code: str,
) -> ParcelAsk:
    return ParcelAsk(
        parcel.keys,
        order_ref,
        recipient,
        without_mobiles(goods),
        division_code,
        parcel.shop_id,
        parcel.product,
        parcel.services,
        parcel.pieces,
    )


def _barred(parcel: OrderParcel, refusal: Refusal) -> ParcelAsk:
    return ParcelAsk(
        parcel.keys, parcel.order_ref, _NO_RECIPIENT, (), shop_id=parcel.shop_id, pieces=parcel.pieces, barred=refusal
    )


async def _said(counter: Counter, asked: OrdersTake) -> bytes:
    """A digest of what the caller asked: a retry is one that says the same, whatever became of the orders meanwhile."""
    keys = await counter.vault.keys_of(asked.merchant_id)
    parcels = [
        [
            parcel.keys,
            _named(parcel.recipient, keys),
            parcel.goods,
            parcel.product,
            parcel.services,
            parcel.pieces,
            parcel.outside,
        ]
        for parcel in asked.parcels
    ]
    return hashlib.blake2b(msgspec.json.encode(parcels, order="sorted"), digest_size=16).digest()


def _named(said: Recipient | Sealed | UUID | None, keys: MerchantKeys) -> bytes | UUID | None:
    if isinstance(said, Recipient):
        return keys.digest(said)
    return said.digest if isinstance(said, Sealed) else said
