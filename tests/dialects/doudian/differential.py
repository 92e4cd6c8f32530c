"""Three doors to the same service, for tests that compare them: the dialect over HTTP, the native verb, the command."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from miandan.accounts.choosing import Wish as AccountWish
from miandan.accounts.model import Sender
from miandan.cli.choosing import Wish
from miandan.cli.session import Session
from miandan.cli.shipping import Line, State, ship
from miandan.hall import Hall
from miandan.kernel.settings import Settings
from miandan.orders.model import OrderDraft, OrderLine, ReadResult
from miandan.orders.recipients import completed
from miandan.vault.model import Recipient
from miandan.waybills.for_orders import OrderParcel, OrdersTake, take_for_orders
from miandan.waybills.model import Refused, Taken
from tests.dialects.doudian.erp import SENDER, Erp, order, take
from tests.dialects.doudian.orders import recipient

CARRIER, CODE = "yto", "yuantong"
GOODS = ({"line_id": "", "title": "保温杯", "spec": "500ml", "quantity": 2},)
Value = TypeVar("Value")
_RECEIVER = completed(recipient())
"""The receiver with the code of the place that the names mean, which routes follow."""

_CODE = re.compile(r"\[([a-z_.]+)\]$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One parcel of the batch as every door can say it."""

    order_ids: tuple[str, ...]
    outside: bool = False
    pack_id: str = ""
    in_store: bool = True

    @property
    def fits_a_file(self) -> bool:
        """Whether an order file can ask for it without bringing an order that was not ours before."""
        return len(self.order_ids) == 1 and self.in_store and not self.outside and not self.pack_id


@dataclass(frozen=True, slots=True)
class Got:
    """What a door said: a number, or why there is none."""

    number: str = ""
    refused: str = ""
    known: bool = False


Batch = Mapping[str, Wanted]
Door = Callable[["Place", Batch], Awaitable[dict[str, Got]]]


@dataclass(frozen=True, slots=True)
class Place:
    """A merchant's shop, its ERP at the door, and the house behind the door."""

    merchant_id: int
    shop_id: str
    erp: Erp
    settings: Settings
    folder: Path

    @property
    def hall(self) -> Hall:
        return self.erp.running.hall


async def dialect(place: Place, batch: Batch) -> dict[str, Got]:
    """newCreateOrder: one call for orders of other channels, one for those of our own."""
    got: dict[str, Got] = {}
    for channel in ("", "1"):
        asked = {label: one for label, one in batch.items() if one.outside == bool(channel)}
        orders = [_order_info(one) for one in asked.values()]
        if orders:
            data = await place.erp.ok("logistics.newCreateOrder", take(*orders, carrier=CODE, order_channel=channel))
            got |= _answered(asked, data)
    return got


def _order_info(one: Wanted) -> dict[str, Any]:
    merged = {"combine_orders": list(one.order_ids[1:])} if one.order_ids[1:] else {}
    return order(one.order_ids[0], pack_id=one.pack_id or None) | merged


def _answered(asked: Batch, data: Mapping[str, Any]) -> dict[str, Got]:
    labels = {(one.order_ids[0], one.pack_id): label for label, one in asked.items()}
    got = {}
    for info in data["ebill_infos"]:
        known = "had this number before" in info["hint_msg"]
        got[labels[info["order_id"], info["pack_id"]]] = Got(info["track_no"], known=known)
    for info in data["err_infos"]:
        found = _CODE.search(info["err_msg"])
        assert found, info
        got[labels[info["order_id"], info["pack_id"]]] = Got(refused=found[1])
    return got


async def native(place: Place, batch: Batch) -> dict[str, Got]:
    """`take_for_orders`, told the same goods and recipients."""
    address = SENDER["address"]
    names = address["province_name"], address["city_name"], address["district_name"], address["detail_address"]
    wish = AccountWish(CARRIER, Sender("示例发货仓", "0571-00000000", *names))
    chosen = await place.hall.accounts.account_for(place.merchant_id, place.merchant_id, place.shop_id, wish)
    parcels = tuple(
        OrderParcel(place.shop_id, one.order_ids, one.pack_id, _RECEIVER, GOODS, outside=one.outside)
        for one in batch.values()
    )
    where = chosen.account.account_id, chosen.ship_from.ship_from_id
    served = await take_for_orders(
        place.hall.counter, OrdersTake(place.merchant_id, *where, parcels, accept_differences=True)
    )
    return {label: _outcome(one.outcome) for label, one in zip(batch, served, strict=True)}


def _outcome(outcome: Taken | Refused) -> Got:
    if isinstance(outcome, Refused):
        return Got(refused=outcome.refusal.code)
    return Got(outcome.number, known=outcome.known)


async def command(place: Place, batch: Batch, *, update: bool = True) -> dict[str, Got]:
    """What `miandan ship` does with a file of these orders; whatever no file can say is left out."""
    asked = {label: one for label, one in batch.items() if one.fits_a_file}
    drafts = [draft(place.shop_id, one.order_ids[0], rows=(row,)) for row, one in enumerate(asked.values(), start=2)]
    session = Session(place.settings, place.hall.db, sandbox=True)
    wish = Wish(CARRIER, shop_id=place.shop_id, update=update)
    done = await ship(session, ReadResult("generic", drafts), wish, place.folder / "labels.pdf", lambda *_: None)
    labels = {one.order_ids[0]: label for label, one in asked.items()}
    return {labels[line.order_id]: _line(line) for line in done.lines}


def _line(line: Line) -> Got:
    if line.ref is None:
        return Got(refused=line.reasons[0].code)
    return Got(line.ref.number, known=line.state is State.KNOWN)


def draft(shop_id: str, order_id: str, rows: tuple[int, ...] = (), to: Recipient | None = None) -> OrderDraft:
    """The order as every door has it."""
    lines = (OrderLine(f"{order_id}1", "保温杯", "500ml", quantity=2, paid_fen=5980),)
    return replace(OrderDraft(order_id, shop_id, to or recipient(), lines), rows=rows)


def only(whole: Mapping[str, Value], labels: Iterable[str]) -> dict[str, Value]:
    """The part of a batch or an answer that has these labels."""
    return {label: whole[label] for label in labels if label in whole}
