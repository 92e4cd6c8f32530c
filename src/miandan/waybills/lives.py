"""What happens to a number after it was taken: cancelled, recycled, printed, shipped, scanned, its document updated."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef
from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import CancelRule, Carrier
from miandan.connectors.model import CarrierRefused, CarrierSilent
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.vault.model import Recipient, Sealed
from miandan.vault.reveals import reveal_to_carrier
from miandan.vault.service import keep_index
from miandan.waybills import lives_queries, queries
from miandan.waybills.counter import Counter
from miandan.waybills.model import Carriage, NumberRef, NumberState, OnPaper, Waybill, without_mobiles
from miandan.waybills.superseding import family_for_update, refuse_if_under_way, refuse_unless_live

CALL_SECONDS = 30.0
"""A carrier that has not answered by then is silent (one public carrier list names 30 s; reference/needs.md 2.2)."""
VOID_WAS_SCANNED = "waybill.void_was_scanned"
"""Outbox topic of the alarm."""


async def cancel(counter: Counter, merchant_id: int, carrier: str, number: str) -> NumberState:
    """Cancel a number with its children; the state it is in afterwards. Again for a cancelled number does nothing.

    Its unit comes back after the carrier's waiting days. Raises waybill.unknown, waybill.is_child, cancel.never,
    cancel.picked_up, cancel.shipped, cancel.refused_by_carrier, cancel.in_doubt (cancel again to learn the outcome).
    """
    ref = await find(counter.db, merchant_id, carrier, number)
    async with counter.db.transaction() as tx:
        family = await _whole_family_for_update(tx, ref)
        if family[0].state is NumberState.ISSUED:
            for one in family:
                refuse_if_under_way(one)
            if catalogue().get(carrier).terms().cancel is CancelRule.NEVER:
                raise Refusal("cancel.never", carrier=carrier, number=number)
            numbers = [one.ref.number for one in family if one.state is NumberState.ISSUED]  # a child may be recycled
            await queries.set_state(tx, ref, numbers, NumberState.CANCEL_REQUESTED, now())
    return await finish_cancelling(counter, ref)


async def cancelled_by_carrier(db: Database, carrier: str, number: str) -> bool:
    """The carrier says that it cancelled a number, children included; whether it was not cancelled before.

    Its keys are free and its unit waits, as after `cancel`, also where a merchant cannot cancel. Raises
    cancel.picked_up and cancel.shipped where its own scan or the merchant's statement contradicts, waybill.unknown,
    waybill.is_child.
    """
    async with db.transaction() as tx:
        ref = await _read_from_paper(tx, carrier, number)
        if ref is None:
            raise Refusal("waybill.unknown", carrier=carrier, number=number)
        family = await _whole_family_for_update(tx, ref)
        open_states = NumberState.ISSUED, NumberState.CANCEL_REQUESTED
        numbers = [one.ref.number for one in family if one.state in open_states]
        if numbers:
            for one in family:
                refuse_if_under_way(one)
            await _end(tx, family[0], numbers)
    return bool(numbers)


async def finish_cancelling(counter: Counter, ref: NumberRef) -> NumberState:
    """Bring a cancel-requested number to its end, at the carrier too where the carrier issued it."""
    [waybill] = await queries.waybills(counter.db, [ref])
    if waybill.state is not NumberState.CANCEL_REQUESTED:
        return waybill.state
    if catalogue().get(ref.carrier).terms().cancel is CancelRule.NEVER:  # superseded: void here, idle there
        return NumberState.CANCEL_REQUESTED
    intent_id = await queries.intent_of(counter.db, ref)
    if intent_id is not None:
        refusal = await _cancel_at_carrier(counter, waybill, intent_id)
        if refusal is not None:
            return await _not_cancelled(counter, waybill, refusal)
    try:
        async with counter.db.transaction() as tx:
            family = await family_for_update(tx, ref)
            # Between the request and this moment a scan may have come, or a refusal that another caller was told. A
            # carrier that has agreed knows better.
            if intent_id is None and waybill.superseded_by is None:
                for one in family:
                    refuse_if_under_way(one)
            requested = [NumberState.CANCEL_REQUESTED] + [NumberState.ISSUED] * (intent_id is not None)
            await _end(tx, waybill, [one.ref.number for one in family if one.state in requested])
    except Refusal as refusal:
        return await _not_cancelled(counter, waybill, refusal)
    return NumberState.CANCELLED


async def finish_all_cancelling(counter: Counter) -> int:
    """The job: ask again where a program died or a carrier did not answer; how many cancellations have ended now."""
    carriers = [one.code for one in catalogue() if one.terms().cancel is not CancelRule.NEVER]
    ended = 0
    for ref in await lives_queries.cancel_requested(counter.db, carriers):
        try:
            ended += await finish_cancelling(counter, ref) is not NumberState.CANCEL_REQUESTED
        except Refusal as refusal:  # what the carrier refused is an ordinary number again
            ended += refusal.code != "cancel.in_doubt"
    return ended


async def _end(tx: Transaction, waybill: Waybill, numbers: Sequence[str]) -> None:
    """Cancelled for good: keys are free, units wait."""
    if numbers:
        ref = waybill.ref
        # Whoever takes locks the account before the keys; the other way round the two could block each other.
        await leases.give_back(tx, AccountRef(ref.merchant_id, waybill.account_id), 0, "cancel", ref.number)
        await queries.end_keys(tx, ref, numbers, now())
        await queries.set_state(tx, ref, numbers, NumberState.CANCELLED, now())


async def _whole_family_for_update(tx: Transaction, ref: NumberRef) -> list[Waybill]:
    """A parent with its children, held. Raises waybill.unknown, and waybill.is_child for a child alone."""
    family = await family_for_update(tx, ref)
    if family[0].parent_number is not None:
        raise Refusal("waybill.is_child", number=ref.number, parent=family[0].parent_number)
    return family


async def _cancel_at_carrier(counter: Counter, waybill: Waybill, intent_id: UUID) -> Refusal | None:
    """None when the carrier has cancelled the number."""
    try:
        connector = counter.connector(waybill.ref.carrier)
        async with asyncio.timeout(CALL_SECONDS):
            await connector.cancel(waybill.ref.number, str(intent_id))
    except Refusal as nobody_there:
        return nobody_there
    except CarrierRefused as refused:
        return Refusal("cancel.refused_by_carrier", number=waybill.ref.number, raw=refused.raw)
    except (CarrierSilent, TimeoutError):
        return Refusal("cancel.in_doubt", number=waybill.ref.number)
    return None


async def _not_cancelled(counter: Counter, waybill: Waybill, refusal: Refusal) -> NumberState:
    """A superseded number is void all the same; any other goes back to what it was unless nobody knows.

    Whoever was not answered says so again: another caller may have been refused meanwhile and have put it back.
    """
    if waybill.superseded_by is not None:
        return NumberState.CANCEL_REQUESTED
    before, after = NumberState.CANCEL_REQUESTED, NumberState.ISSUED
    if refusal.code == "cancel.in_doubt":
        before, after = after, before
    async with counter.db.transaction() as tx:
        family = await family_for_update(tx, waybill.ref)
        numbers = [one.ref.number for one in family if one.state is before]
        await queries.set_state(tx, waybill.ref, numbers, after, now())
    raise refusal


async def recycle_due(db: Database, at: datetime | None = None) -> int:
    """The job: units of numbers that were cancelled long enough ago, or never used, go back; how many numbers."""
    at = at or now()
    return sum([await _recycle_of(db, carrier, at) for carrier in catalogue()])


async def _recycle_of(db: Database, carrier: Carrier, at: datetime) -> int:
    terms = carrier.terms()
    waited, idle = at - timedelta(days=terms.waiting_days), at - timedelta(days=terms.idle_days)
    recycled, after = 0, (0, "")
    while True:
        async with db.transaction() as tx:
            due = await lives_queries.due_for_update(tx, carrier.code, waited, idle, after)
            # Accounts are locked in one order by whoever locks several.
            for waybill in sorted(due, key=lambda one: (one.ref.merchant_id, one.account_id)):
                await _recycle(tx, waybill, at)
        recycled += len(due)
        if len(due) < lives_queries.MOST_DUE:
            return recycled
        after = due[-1].ref.merchant_id, due[-1].ref.number


async def _recycle(tx: Transaction, waybill: Waybill, at: datetime) -> None:
    account = AccountRef(waybill.ref.merchant_id, waybill.account_id)
    await leases.give_back(tx, account, waybill.units, "recycle", waybill.ref.number)
    await lives_queries.count_recycled(tx, account, waybill.units)
    await queries.end_keys(tx, waybill.ref, [waybill.ref.number], at)
    await queries.set_state(tx, waybill.ref, [waybill.ref.number], NumberState.RECYCLED, at)


async def scanned(db: Database, carrier: str, number: str, at: datetime) -> bool:
    """Keep the first scan of a number; False for a number that is nobody's here.

    A number that was cancelled or recycled was used after all: its unit is spent again, back or not, and an alarm
    goes out.
    """
    async with db.transaction() as tx:
        ref = await _read_from_paper(tx, carrier, number)
        if ref is not None:
            await keep_carriage(tx, ref, Carriage(at))
    return ref is not None


async def keep_carriage(tx: Transaction, ref: NumberRef, said: Carriage) -> None:
    """`scanned` as a step of somebody else's transaction: keep what scans say, in any order, any number of times."""
    [waybill] = await queries.waybills_for_update(tx, [ref])
    await lives_queries.keep_carriage(tx, ref, said)
    if said.first_scan_at is None or waybill.state not in (NumberState.CANCELLED, NumberState.RECYCLED):
        return
    returned = waybill.units if waybill.state is NumberState.RECYCLED else 0
    await queries.set_state(tx, ref, [ref.number], NumberState.ISSUED, now())
    account = AccountRef(ref.merchant_id, waybill.account_id)
    await leases.give_back(tx, account, -returned, "re_debit", ref.number)
    await lives_queries.count_recycled(tx, account, -returned)
    alarm = {"carrier": ref.carrier, "number": ref.number, "was": waybill.state.value}
    await outbox.put(tx, f"merchant:{ref.merchant_id}", VOID_WAS_SCANNED, alarm)


async def on_paper(tx: Transaction, carrier: str, texts: Sequence[str]) -> dict[str, OnPaper]:
    """Whose waybill each text in a barcode means: a number, or for a package of JD's the number with "-1-N-" behind it.

    Texts that are nobody's here are left out.
    """
    whole = {text: catalogue().get(carrier).whole_number(text) for text in texts}
    owners = await branches.owners(tx, carrier, list(dict.fromkeys((*whole, *whole.values()))))
    owned = {number: owner.merchant_id for number, owner in owners.items()}
    refs = await queries.find_all(tx, carrier, owned) if owned else {}
    found = {}
    for text, number in whole.items():
        ref, owner = refs.get(text) or refs.get(number), owned.get(text) or owned.get(number)
        if owner is not None:
            found[text] = OnPaper(owner if ref is None else ref.merchant_id, ref)
    return found


async def _read_from_paper(tx: Transaction, carrier: str, text: str) -> NumberRef | None:
    """The waybill whose bars say `text`."""
    found = (await on_paper(tx, carrier, [text])).get(text)
    return None if found is None else found.ref


async def state_shipped(db: Database, merchant_id: int, carrier: str, number: str, at: datetime | None) -> None:
    """State that the parcel was shipped at `at`, children included, or withdraw the statement with None.

    Raises waybill.unknown, waybill.is_child, waybill.not_live.
    """
    ref = await find(db, merchant_id, carrier, number)
    async with db.transaction() as tx:
        await state_shipped_within(tx, ref, at)


async def state_shipped_within(tx: Transaction, parent: NumberRef, at: datetime | None) -> None:
    """The same as a step of somebody else's transaction. Raises waybill.unknown, waybill.is_child, waybill.not_live."""
    family = await _whole_family_for_update(tx, parent)
    if at is not None:
        refuse_unless_live(family[0])
    for one in family:
        await lives_queries.set_shipped(tx, one.ref, at)


async def update(
    counter: Counter,
    merchant_id: int,
    carrier: str,
    number: str,
    *,
    recipient: Recipient | Sealed | None = None,
    division_code: str | None = None,
    goods: Sequence[Mapping[str, Any]] | None = None,
    services: Mapping[str, Any] | None = None,
) -> int:
    """Write the next version of the document, children included; its number. What is left out stays.

    A plain recipient brings its division code; with the division the way changes. Raises waybill.unknown,
    waybill.is_child, waybill.not_live, cancel.picked_up, cancel.shipped.
    """
    ref = await find(counter.db, merchant_id, carrier, number)
    keys = await counter.vault.keys_of(merchant_id)
    routes = await counter.routes(carrier)
    if division_code is None and isinstance(recipient, Recipient):
        division_code = recipient.division_code
    async with counter.db.transaction() as tx:
        family = await _whole_family_for_update(tx, ref)
        parent = family[0]
        refuse_unless_live(parent)
        sealed = keys.seal(recipient, parent.order_ref) if isinstance(recipient, Recipient) else recipient
        if sealed is not None and parent.sealed.index:  # a recipient that was replaced must still be found and erased
            await keep_index(tx, merchant_id, [(parent.order_ref, parent.sealed)])
        for old in family:
            refuse_if_under_way(old)
            changed = replace(
                old,
                version=old.version + 1,
                goods=without_mobiles(goods) if goods is not None else old.goods,
                services=services if services is not None else old.services,
                sealed=old.sealed if sealed is None else sealed if old is parent else sealed._replace(index=b""),
            )
            if division_code is not None and division_code != old.division_code:
                changed = replace(changed, division_code=division_code, route=routes.of(division_code))
            await lives_queries.replace_document(tx, changed, now())
    return parent.version + 1


async def waybill_on_paper(db: Database, carrier: str, text: str) -> Waybill:
    """The waybill whose bars say `text`, whoever the merchant is: for the carrier alone. Raises waybill.unknown."""
    async with db.transaction() as tx:
        ref = await _read_from_paper(tx, carrier, text)
    if ref is None:
        raise Refusal("waybill.unknown", carrier=carrier, number=text)
    [waybill] = await queries.waybills(db, [ref])
    return waybill


async def read_for_delivery(
    counter: Counter, carrier: str, number: str, actor: str, reason: str = "", called: str = ""
) -> Recipient:
    """The carrier reads the recipient of its own live number (purpose `deliver`), for a `reason` in its own words.

    `called` is what the carrier's actor calls itself, kept behind `actor`.

    Raises waybill.unknown, vault.*.
    """
    waybill = await waybill_on_paper(counter.db, carrier, number)
    live = waybill.state is NumberState.ISSUED and waybill.superseded_by is None
    return await reveal_to_carrier(
        counter.db,
        counter.vault,
        carrier=carrier,
        actor=actor,
        merchant_id=waybill.ref.merchant_id,
        row=(waybill.order_ref, waybill.sealed),
        number_is_live=live,
        signed_at=waybill.signed_at,
        reason=reason,
        called=called,
    )


async def find(db: Database, merchant_id: int, carrier: str, number: str) -> NumberRef:
    """Where a number lies. Raises waybill.unknown."""
    ref = await queries.find(db, merchant_id, carrier, number)
    if ref is None:
        raise Refusal("waybill.unknown", carrier=carrier, number=number)
    return ref
