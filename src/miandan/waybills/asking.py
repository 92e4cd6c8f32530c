"""What an intent remembers of a take, and the question it becomes for the carrier."""

from typing import Any
from uuid import UUID

from miandan.accounts.cards import AccountCard
from miandan.connectors.model import NumberAsk
from miandan.vault.model import Recipient
from miandan.vault.reveals import reveal
from miandan.waybills import queries
from miandan.waybills.counter import Counter
from miandan.waybills.intents import Intent
from miandan.waybills.model import NumberRef, ParcelAsk, Route, TakeRequest
from miandan.waybills.prepare import Prepared, prepare_sealed

PURPOSE = "live_call"
"""Why a recipient is opened here: the carrier's own API takes nothing but plain recipients (reference/carriers.md)."""
QUOTED = "***"
REVEALED = ("name", "phone", "address")


def ask_of(request: TakeRequest, card: AccountCard, parcel: Prepared, replacing: NumberRef | None) -> dict[str, Any]:
    """Everything but the recipient, as JSON."""
    return {
        "keys": list(parcel.ask.keys),
        "goods": [dict(line) for line in parcel.ask.goods],
        "services": dict(parcel.ask.services),
        "pieces": parcel.ask.pieces,
        "product": parcel.ask.product,
        "shop_id": parcel.ask.shop_id,
        "division_code": parcel.ask.division_code,
        "ship_from_id": str(request.ship_from_id),
        "settlement_code": card.settlement_code,
        "app": request.app,
        "replacing": [replacing.carrier, replacing.number, replacing.month.isoformat()] if replacing else None,
    }


def as_request(intent: Intent) -> TakeRequest:
    """The request that the intent came from, as far as a waybill row needs it."""
    ask = intent.ask
    return TakeRequest(intent.merchant_id, intent.account_id, UUID(ask["ship_from_id"]), (), ask["app"])


def as_parcel(intent: Intent, route: Route) -> Prepared:
    """The parcel that the intent came from."""
    ask = intent.ask
    parcel = ParcelAsk(
        keys=tuple(ask["keys"]),
        order_ref=intent.order_ref,
        recipient=intent.sealed,
        goods=tuple(ask["goods"]),
        division_code=ask["division_code"],
        shop_id=ask["shop_id"],
        product=ask["product"],
        services=ask["services"],
        pieces=ask["pieces"],
    )
    return prepare_sealed(parcel, intent.sealed, None, route)


async def number_ask(counter: Counter, intent: Intent) -> NumberAsk:
    """The question for the carrier, its recipient opened for this purpose only and on record."""
    [recipient] = await reveal(
        counter.db,
        counter.vault,
        purpose=PURPOSE,
        actor=intent.ask["app"],
        merchant_id=intent.merchant_id,
        rows=[(intent.order_ref, intent.sealed)],
        fields=REVEALED,
    )
    sender = await queries.sender(counter.db, intent.merchant_id, UUID(intent.ask["ship_from_id"]))
    return NumberAsk(
        key=str(intent.intent_id),
        carrier=intent.carrier,
        settlement_code=intent.ask["settlement_code"],
        product=intent.ask["product"],
        parcels=intent.ask["pieces"],
        recipient=recipient,
        sender=sender,
        services=intent.ask["services"],
    )


def without_person(raw: str, recipient: Recipient) -> str:
    """A carrier's own words without the recipient that they may quote, so that they can be kept and shown."""
    place = (recipient.province, recipient.city, recipient.district, recipient.town, recipient.detail)
    parts = {recipient.name, recipient.phone, recipient.detail, recipient.buyer_remark, recipient.seller_remark}
    for quoted in ("".join(place), *sorted(filter(None, parts), key=len, reverse=True)):
        raw = raw.replace(quoted, QUOTED) if quoted else raw
    return raw
