"""From a file of orders to labels: read, keep, take, print. Nothing here talks to a terminal; `ship.py` does."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import msgspec

from miandan.accounts import service as accounts
from miandan.accounts.model import Account
from miandan.cli.choosing import Owner, Wish, at_home, which_account, whose
from miandan.cli.session import Session
from miandan.cli.templates import shelf
from miandan.connectors.registry import sandbox_connectors
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained
from miandan.labels.checking import checked
from miandan.labels.choosing import Choice
from miandan.labels.model import RenderReport
from miandan.labels.standards import NEUTRAL
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderRef, OrderState, ReadResult, TradeOrder
from miandan.orders.rows import ref_of
from miandan.orders.shippable import obstacle
from miandan.vault.root import open_root_key
from miandan.vault.service import Vault
from miandan.waybills import live, lives
from miandan.waybills.counter import Counter, open_counter
from miandan.waybills.label import NOT_NOW, print_pdf, void_among
from miandan.waybills.model import NumberRef, Outcome, ParcelAsk, Refused, Taken, TakeRequest, parcel_key
from miandan.waybills.same_key import live_numbers
from miandan.waybills.service import take

PARCELS_PER_TAKE = 50
TAKES_AT_ONCE = 4
PRINT_ATTEMPTS = 5
"""How often numbers are looked at again when some become void while labels are made."""
NO_SENDER = UUID(int=0)
"""Stands for the sender where none is approved: what has its number is printed, the rest is refused."""


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

    def refuse(self, reason: Refusal) -> None:
        """It has no number that may be printed, and why."""
        self.state, self.ref, self.reasons = State.REFUSED, None, (reason,)


@dataclass(slots=True)
class Shipment:
    """What a run did. `unprinted` says why there are numbers and no labels."""

    carrier: str
    lines: list[Line] = field(default_factory=list)
    printed: RenderReport | None = None
    unprinted: Refusal | None = None

    def count(self, *states: State) -> int:
        return sum(line.state in states for line in self.lines)


STATE_WORDS = {
    OrderState.AWAITING_PAYMENT: {"zh": "待付款", "en": "awaiting payment"},
    OrderState.CLOSED: {"zh": "已关闭", "en": "closed"},
    OrderState.CANCELLED: {"zh": "已取消", "en": "cancelled"},
    OrderState.REFUNDING: {"zh": "退款中", "en": "being refunded"},
    OrderState.REFUNDED: {"zh": "已退款", "en": "refunded"},
    OrderState.SHIPPED: {"zh": "已发货", "en": "shipped"},
}

Progress = Callable[[str, int, int], None]
"""Told the phase (take, print), how many are done and how many there are."""


async def ship(session: Session, read: ReadResult, wish: Wish, out: Path, progress: Progress) -> Shipment:
    """Give every order of the file a number and print the labels.

    Raises ship.* and what the verbs raise before the first number is taken; after that every failure is in the lines.
    """
    owner = await whose(session, wish)
    account = await which_account(session, owner.merchant_id, wish)
    template = _template(wish, account.carrier)
    read = await at_home(session, read, owner)
    root = open_root_key(session.settings.data, session.settings.passphrase, sandbox=session.sandbox)
    vault = await Vault.open(session.db, root)
    connectors = sandbox_connectors(session.settings.data) if session.sandbox else {}
    shipment = Shipment(account.carrier, _unshipped(read))
    drafts = _of_this_merchant(read.orders, owner, shipment)
    async with open_counter(session.db, vault, connectors) as counter:
        await live.settle_all(counter)
        await orders.keep(session.db, await vault.keys_of(owner.merchant_id), drafts)
        await orders.set_aside(session.db, owner.merchant_id, read.set_aside)
        await _name_numbers(counter, owner.merchant_id, shipment)
        await _take_all(counter, account, drafts, wish, shipment, progress)
        shipment.lines.sort(key=lambda line: line.rows)
        await _print(counter, shipment, template, out, progress, sandbox=session.sandbox)
    return shipment


def _template(wish: Wish, carrier: str) -> Choice:
    """The template that was named, looked at before the first number is taken.

    Raises labels.template_unknown, labels.template_wrong and labels.template_of_another for another carrier's.
    """
    if wish.template is None:
        return None
    found = shelf().find(wish.template)
    checked(found)
    if found.carrier not in ("", NEUTRAL, carrier):
        raise Refusal("labels.template_of_another", name=wish.template, owner=found.carrier, carrier=carrier)
    return found


def _unshipped(read: ReadResult) -> list[Line]:
    """Lines of what takes no number, by the file's own word."""
    aside = [
        Line(one.order_id, one.rows, State.SET_ASIDE, one.shop_id or "", reasons=(one.reason,))
        for one in read.set_aside
    ]
    return aside + [Line(one.order_id, one.rows, State.REFUSED, reasons=one.reasons) for one in read.refused]


async def _name_numbers(counter: Counter, merchant_id: int, shipment: Shipment) -> None:
    """An order that will not ship may have its label already: the clerk has to know which one to throw away."""
    lines = {parcel_key(one.shop_id, one.order_id): one for one in shipment.lines if one.state is State.SET_ASIDE}
    for key, taken in (await live_numbers(counter.db, merchant_id, list(lines))).items():
        lines[key].key, lines[key].carrier = key, taken.carrier
        lines[key].reasons += (Refusal("ship.label_to_throw_away", number=taken.number),)


def _of_this_merchant(drafts: Sequence[OrderDraft], owner: Owner, shipment: Shipment) -> list[OrderDraft]:
    own = []
    for draft in drafts:
        if draft.shop_id and draft.shop_id not in owner.shops:
            reason = Refusal("ship.foreign_shop", shop=draft.shop_id, merchant=str(owner.merchant_id))
            shipment.lines.append(Line(draft.order_id, draft.rows, State.REFUSED, draft.shop_id, reasons=(reason,)))
        else:
            own.append(draft)
    return own


async def _take_all(
    counter: Counter,
    account: Account,
    drafts: Sequence[OrderDraft],
    wish: Wish,
    shipment: Shipment,
    progress: Progress,
) -> None:
    """Numbers for everything that is to ship, some takes at a time, so that the desk can join them."""
    senders = await accounts.ship_from_of(counter.db, account.merchant_id, account.account_id)
    sender = senders[0].ship_from_id if senders else NO_SENDER
    kept = await orders.find_orders(counter.db, account.merchant_id, [ref_of(draft) for draft in drafts])
    ready = _ready(drafts, kept, shipment)
    batches = [ready[start : start + PARCELS_PER_TAKE] for start in range(0, len(ready), PARCELS_PER_TAKE)]
    gate = asyncio.Semaphore(TAKES_AT_ONCE)
    done = 0
    progress("take", 0, len(ready))

    async def one(batch: Sequence[tuple[Line, TradeOrder]]) -> None:
        nonlocal done
        async with gate:
            parcels = tuple(_parcel(order) for _, order in batch)
            request = TakeRequest(account.merchant_id, account.account_id, sender, parcels, "cli", retake=wish.retake)
            for (line, order), outcome in zip(batch, await _outcomes(counter, request), strict=True):
                _write_down(line, await _updated(counter, account, order, outcome) if wish.update else outcome)
        done += len(batch)
        progress("take", done, len(ready))

    await asyncio.gather(*(one(batch) for batch in batches))


async def _outcomes(counter: Counter, request: TakeRequest) -> Sequence[Outcome]:
    """What fails for a whole batch is a refusal of each of its parcels: other batches may have their numbers by now."""
    try:
        return await take(counter, request)
    except Exception as error:
        refusal = explained(error)
        return [Refused(parcel.keys, refusal) for parcel in request.parcels]


async def _updated(counter: Counter, account: Account, order: TradeOrder, outcome: Outcome) -> Outcome:
    """Where only the contents have changed: the same number, its document written anew."""
    if isinstance(outcome, Taken) or outcome.refusal.code != "parcel.differs":
        return outcome
    where = account.merchant_id, account.carrier, str(outcome.refusal.fields["number"])
    parcel = _parcel(order)
    try:
        await lives.update(
            counter, *where, recipient=order.recipient, division_code=order.division_code, goods=parcel.goods
        )
        return Taken(parcel.keys, await lives.find(counter.db, *where), known=True)
    except Exception as error:
        return Refused(parcel.keys, explained(error))


def _ready(
    drafts: Sequence[OrderDraft], kept: dict[OrderRef, TradeOrder], shipment: Shipment
) -> list[tuple[Line, TradeOrder]]:
    """What may take a number; what is held or finished gets its line here."""
    ready = []
    for draft in drafts:
        order = kept[ref_of(draft)]
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
        elif order.state is OrderState.HELD and (held := obstacle(order.ref.order_id, order.state, order.held_reason)):
            line.reasons = (held,)
        else:
            line.reasons = (Refusal("ship.finished_before", order_id=draft.order_id, **STATE_WORDS[order.state]),)
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


def _write_down(line: Line, outcome: Outcome) -> None:
    line.key = outcome.keys[0]
    if isinstance(outcome, Refused):
        line.reasons = (outcome.refusal,)
        return
    line.state = State.KNOWN if outcome.known else State.TAKEN
    line.ref = outcome.ref
    if not outcome.sorted:
        line.warnings += (Refusal("route.unsorted", number=outcome.number),)


async def _print(
    counter: Counter, shipment: Shipment, template: Choice, out: Path, progress: Progress, *, sandbox: bool
) -> None:
    """The labels of all numbers in the order of the file; a failure leaves numbers to print the next time.

    A number that another program cancelled or replaced since, or whose order must not ship any more, is refused in its
    own line and stops no other.
    """
    progress("print", 0, shipment.count(State.TAKEN, State.KNOWN))
    for _ in range(PRINT_ATTEMPTS):
        lines = {line.ref: line for line in shipment.lines if line.ref is not None}
        for number in await void_among(counter, list(lines)):
            lines.pop(number.ref).refuse(number.reason)
        if not lines:
            return
        try:
            shipment.printed = await print_pdf(
                counter, list(lines), out, now(), actor="cli", sandbox=sandbox, template=template
            )
            shipment.unprinted = None
            break
        except Exception as error:
            shipment.unprinted = explained(error)
            if shipment.unprinted.code not in NOT_NOW:
                break
    progress("print", len(lines), len(lines))
