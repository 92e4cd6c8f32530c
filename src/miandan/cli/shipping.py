"""From a file of orders to labels: read, keep, take, print. Nothing here talks to a terminal; `ship.py` does."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import msgspec

from miandan.accounts import service as accounts
from miandan.accounts.model import Account, AccountState
from miandan.carriers.catalogue import catalogue
from miandan.cli.session import Session
from miandan.connectors.registry import sandbox_connectors
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.model import RenderReport
from miandan.merchants import service as merchants
from miandan.merchants.model import Shop
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderRef, OrderState, ReadResult, TradeOrder
from miandan.vault.root import open_root_key
from miandan.vault.service import Vault
from miandan.waybills import live
from miandan.waybills.counter import Counter, open_counter
from miandan.waybills.label import print_pdf
from miandan.waybills.model import NumberRef, ParcelAsk, Refused, Taken, TakeRequest, parcel_key
from miandan.waybills.service import take

PARCELS_PER_TAKE = 50
TAKES_AT_ONCE = 4


class State(StrEnum):
    """What became of an order."""

    TAKEN = "taken"
    KNOWN = "known"
    SET_ASIDE = "set_aside"
    REFUSED = "refused"


@dataclass(slots=True)
class Line:
    """One order of the report. `reasons` explain a refusal, `warnings` do not stop an order."""

    order_id: str
    rows: tuple[int, ...]
    state: State
    shop_id: str = ""
    key: str = ""
    carrier: str = ""
    ref: NumberRef | None = None
    reasons: tuple[Refusal, ...] = ()
    warnings: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class Shipment:
    """What a run did."""

    carrier: str
    lines: list[Line] = field(default_factory=list)
    printed: RenderReport | None = None

    def count(self, *states: State) -> int:
        return sum(line.state in states for line in self.lines)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed."""

    carrier: str | None
    account_id: UUID | None
    shop_id: str | None
    merchant_id: int | None
    retake: bool


Progress = Callable[[str, int, int], None]
"""Told the phase (take, print), how many are done and how many there are."""


async def ship(session: Session, read: ReadResult, wish: Wish, out: Path, progress: Progress) -> Shipment:
    """Give every order of the file a number and print the labels. Raises ship.* and what the verbs raise."""
    merchant_id, shop_id, shops = await _merchant(session, wish)
    read = _in_shop(read, shop_id)
    account = await _account(session, merchant_id, wish)
    root = open_root_key(session.settings.data, session.settings.passphrase, sandbox=session.sandbox)
    vault = await Vault.open(session.db, root)
    connectors = sandbox_connectors(session.settings.data) if session.sandbox else {}
    async with open_counter(session.db, vault, connectors) as counter:
        await live.settle_all(counter)
        shipment = Shipment(account.carrier, _unshipped(read))
        drafts = _of_this_merchant(read.orders, merchant_id, shops, shipment)
        await orders.keep(session.db, await vault.keys_of(merchant_id), drafts)
        await orders.set_aside(session.db, merchant_id, read.set_aside)
        await _take_all(counter, account, drafts, wish.retake, shipment, progress)
        refs = [line.ref for line in shipment.lines if line.ref is not None]
        if refs:
            progress("print", 0, len(refs))
            shipment.printed = await print_pdf(counter, refs, out, now(), actor="cli", sandbox=session.sandbox)
            progress("print", len(refs), len(refs))
    shipment.lines.sort(key=lambda line: line.rows)
    return shipment


async def _merchant(session: Session, wish: Wish) -> tuple[int, str, set[str]]:
    """Whose orders these are, the shop of those that name none, and the shops that they may name.

    An order is one and the same only within its shop, so the shop is never left open where there are any: shipping a
    file with --shop and without it must find the same numbers.
    """
    if wish.merchant_id is not None:
        merchant_id = int((await merchants.find_merchant(session.db, wish.merchant_id)).merchant_id)
    elif wish.shop_id is not None:
        merchant_id = int(await merchants.merchant_of_shop(session.db, wish.shop_id))
    else:
        every = await merchants.all_open_shops(session.db)
        if len(every) != 1:
            raise _choose_shop(every)
        merchant_id = int(every[0].merchant_id)
    shops = await merchants.shops_of(session.db, merchant_id)
    own = {shop.shop_id for shop in shops}
    if wish.shop_id is not None:
        if wish.shop_id not in own:
            raise Refusal("ship.foreign_shop", shop=wish.shop_id, merchant=str(merchant_id))
        return merchant_id, wish.shop_id, own
    if len(shops) > 1:
        raise _choose_shop(shops)
    return merchant_id, shops[0].shop_id if shops else "", own


def _choose_shop(shops: Sequence[Shop]) -> Refusal:
    known = "、".join(f"{shop.shop_id} {shop.name}" for shop in shops[:10])
    return Refusal("ship.choose_shop", shops=known or "—")


def _in_shop(read: ReadResult, shop_id: str) -> ReadResult:
    """The same orders, those without a shop put into this one."""
    return replace(
        read,
        orders=[replace(draft, shop_id=draft.shop_id or shop_id) for draft in read.orders],
        set_aside=[replace(aside, shop_id=aside.shop_id or shop_id) for aside in read.set_aside],
    )


async def _account(session: Session, merchant_id: int, wish: Wish) -> Account:
    """The account to take from: the one named, the only one, the sandbox's first."""
    active = [one for one in await accounts.accounts_of(session.db, merchant_id) if one.state is AccountState.ACTIVE]
    code = catalogue().find(wish.carrier).code if wish.carrier else None
    fitting = [one for one in active if code in (None, one.carrier) and wish.account_id in (None, one.account_id)]
    if not fitting:
        raise Refusal("ship.no_account", carrier=catalogue().get(code).zh if code else "")
    if len(fitting) > 1 and not (session.sandbox and code is None):
        raise Refusal("ship.choose_carrier", carriers="、".join(f"{one.carrier} {one.account_id}" for one in fitting))
    return fitting[0]


def _unshipped(read: ReadResult) -> list[Line]:
    """Lines of what takes no number, by the file's own word."""
    aside = [
        Line(one.order_id, one.rows, State.SET_ASIDE, one.shop_id or "", reasons=(one.reason,))
        for one in read.set_aside
    ]
    return aside + [Line(one.order_id, one.rows, State.REFUSED, reasons=one.reasons) for one in read.refused]


def _of_this_merchant(
    drafts: Sequence[OrderDraft], merchant_id: int, shops: set[str], shipment: Shipment
) -> list[OrderDraft]:
    own = []
    for draft in drafts:
        if draft.shop_id and draft.shop_id not in shops:
            reason = Refusal("ship.foreign_shop", shop=draft.shop_id, merchant=str(merchant_id))
            shipment.lines.append(Line(draft.order_id, draft.rows, State.REFUSED, draft.shop_id, reasons=(reason,)))
        else:
            own.append(draft)
    return own


async def _take_all(
    counter: Counter,
    account: Account,
    drafts: Sequence[OrderDraft],
    retake: bool,
    shipment: Shipment,
    progress: Progress,
) -> None:
    """Numbers for everything that is to ship, some takes at a time, so that the desk can join them."""
    senders = await accounts.ship_from_of(counter.db, account.merchant_id, account.account_id)
    if not senders:
        raise Refusal("ship.no_sender", account=str(account.account_id))
    kept = await orders.find_orders(counter.db, account.merchant_id, [_ref(draft) for draft in drafts])
    ready = _ready(drafts, kept, shipment)
    batches = [ready[start : start + PARCELS_PER_TAKE] for start in range(0, len(ready), PARCELS_PER_TAKE)]
    gate = asyncio.Semaphore(TAKES_AT_ONCE)
    done = 0
    progress("take", 0, len(ready))

    async def one(batch: Sequence[tuple[Line, TradeOrder]]) -> None:
        nonlocal done
        async with gate:
            parcels = tuple(_parcel(order) for _, order in batch)
            request = TakeRequest(
                account.merchant_id, account.account_id, senders[0].ship_from_id, parcels, "cli", retake=retake
            )
            for (line, _), outcome in zip(batch, await take(counter, request), strict=True):
                _write_down(line, outcome)
        done += len(batch)
        progress("take", done, len(ready))

    await asyncio.gather(*(one(batch) for batch in batches))


def _ready(
    drafts: Sequence[OrderDraft], kept: dict[OrderRef, TradeOrder], shipment: Shipment
) -> list[tuple[Line, TradeOrder]]:
    """What may take a number; what is held or finished gets its line here."""
    ready = []
    for draft in drafts:
        order = kept[_ref(draft)]
        line = Line(
            draft.order_id,
            draft.rows,
            State.REFUSED,
            order.ref.shop_id,
            carrier=shipment.carrier,
            warnings=draft.warnings,
        )
        shipment.lines.append(line)
        if order.state is OrderState.TO_SHIP:
            ready.append((line, order))
        elif draft.held_reason is not None:
            line.reasons = (draft.held_reason,)
        else:
            state = order.held_reason or order.state.value
            line.reasons = (Refusal("ship.finished_before", order_id=draft.order_id, state=state),)
    return ready


def _parcel(order: TradeOrder) -> ParcelAsk:
    return ParcelAsk(
        keys=(parcel_key(order.ref.shop_id, order.ref.order_id),),
        order_ref=order.ref.bound_to,
        recipient=order.recipient,
        goods=tuple(msgspec.to_builtins(line) for line in order.lines),
        division_code=order.division_code,
        shop_id=order.ref.shop_id,
    )


def _write_down(line: Line, outcome: Taken | Refused) -> None:
    line.key = outcome.keys[0]
    if isinstance(outcome, Refused):
        line.reasons = (outcome.refusal,)
        return
    line.state = State.KNOWN if outcome.known else State.TAKEN
    line.ref = outcome.ref
    if not outcome.sorted:
        line.warnings += (Refusal("route.unsorted", number=outcome.number),)


def _ref(draft: OrderDraft) -> OrderRef:
    return OrderRef(draft.shop_id or "", draft.order_id)
