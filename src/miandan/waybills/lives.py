"""What happens to a number after it was taken: cancelled, recycled, printed, shipped, scanned, its document updated."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef
from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import CancelRule
from miandan.connectors.model import CarrierRefused, CarrierSilent
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.vault.model import Recipient, Sealed
from miandan.vault.reveals import reveal_to_carrier
from miandan.waybills import lives_queries, queries
from miandan.waybills.counter import Counter
from miandan.waybills.model import NumberRef, NumberState, Waybill
from miandan.waybills.superseding import family_for_update, refuse_if_under_way

CALL_SECONDS = 30.0
RECYCLED_WAS_SCANNED = "waybill.recycled_was_scanned"
"""Outbox topic of the alarm."""


async def cancel(counter: Counter, merchant_id: int, carrier: str, number: str) -> NumberState:
    """Cancel a number with its children; the state it is in afterwards. Again for a cancelled number does nothing.

    Its unit comes back after the carrier's waiting days. Raises waybill.unknown, waybill.is_child, cancel.never,
    cancel.picked_up, cancel.shipped, cancel.refused_by_carrier, cancel.in_doubt (cancel again to learn the outcome).
    """
    ref = await find(counter.db, merchant_id, carrier, number)
    async with counter.db.transaction() as tx:
        family = await family_for_update(tx, ref)
        waybill = family[0]
        if waybill.parent_number is not None:
            raise Refusal("waybill.is_child", number=number, parent=waybill.parent_number)
        if waybill.state is NumberState.ISSUED:
            refuse_if_under_way(waybill)
            if catalogue().get(carrier).terms().cancel is CancelRule.NEVER:
                raise Refusal("cancel.never", carrier=carrier, number=number)
            numbers = [one.ref.number for one in family]
            await queries.set_state(tx, ref, numbers, NumberState.CANCEL_REQUESTED, now())
    return await finish_cancelling(counter, ref)


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
    async with counter.db.transaction() as tx:
        family = await family_for_update(tx, ref)
        numbers = [one.ref.number for one in family if one.state is NumberState.CANCEL_REQUESTED]
        if numbers:
            await queries.end_keys(tx, ref, numbers, now())
            await queries.set_state(tx, ref, numbers, NumberState.CANCELLED, now())
            account = AccountRef(ref.merchant_id, waybill.account_id)
            await leases.give_back(tx, account, 0, "cancel", ref.number)
    return NumberState.CANCELLED


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
    """A superseded number is void all the same; any other goes back to what it was unless nobody knows."""
    if waybill.superseded_by is not None:
        return NumberState.CANCEL_REQUESTED
    if refusal.code != "cancel.in_doubt":
        async with counter.db.transaction() as tx:
            family = await family_for_update(tx, waybill.ref)
            numbers = [one.ref.number for one in family if one.state is NumberState.CANCEL_REQUESTED]
            await queries.set_state(tx, waybill.ref, numbers, NumberState.ISSUED, now())
    raise refusal


async def recycle_due(db: Database, at: datetime | None = None) -> int:
    """The job: units of numbers that were cancelled long enough ago, or never used, go back; how many numbers."""
    at = at or now()
    recycled = 0
    for carrier in catalogue():
        terms = carrier.terms()
        while True:
            async with db.transaction() as tx:
                due = await lives_queries.due_for_update(tx, carrier.code, at, terms.waiting_days, terms.idle_days)
                for waybill in due:
                    await _recycle(tx, waybill, at)
            recycled += len(due)
            if len(due) < lives_queries.MOST_DUE:
                break
    return recycled


async def _recycle(tx: Transaction, waybill: Waybill, at: datetime) -> None:
    await queries.end_keys(tx, waybill.ref, [waybill.ref.number], at)
    await queries.set_state(tx, waybill.ref, [waybill.ref.number], NumberState.RECYCLED, at)
    account = AccountRef(waybill.ref.merchant_id, waybill.account_id)
    await leases.give_back(tx, account, waybill.units, "recycle", waybill.ref.number)
    await lives_queries.count_recycled(tx, account, waybill.units)


async def scanned(db: Database, carrier: str, number: str, at: datetime) -> bool:
    """Keep the first scan of a number; False for a number that is nobody's here.

    A number whose unit went back was used after all: it is debited again and an alarm goes out.
    """
    owner = await branches.whose(db, carrier, number)
    if owner is None:
        return False
    async with db.transaction() as tx:
        ref = await queries.find(tx, owner.merchant_id, carrier, number)
        if ref is None:
            return False
        [waybill] = await queries.waybills_for_update(tx, [ref])
        await lives_queries.keep_first_scan(tx, ref, at)
        if waybill.state is NumberState.RECYCLED:
            await queries.set_state(tx, ref, [number], NumberState.ISSUED, now())
            account = AccountRef(ref.merchant_id, waybill.account_id)
            await leases.give_back(tx, account, -waybill.units, "re_debit", number)
            await lives_queries.count_recycled(tx, account, -waybill.units)
            await outbox.put(
                tx, f"merchant:{ref.merchant_id}", RECYCLED_WAS_SCANNED, {"carrier": carrier, "number": number}
            )
    return True


async def state_shipped(db: Database, merchant_id: int, carrier: str, number: str, at: datetime | None) -> None:
    """State that the parcel was shipped at `at`, or withdraw the statement with None. Raises waybill.not_live."""
    ref = await find(db, merchant_id, carrier, number)
    async with db.transaction() as tx:
        [waybill] = await queries.waybills_for_update(tx, [ref])
        if at is not None and (waybill.state is not NumberState.ISSUED or waybill.superseded_by):
            raise Refusal("waybill.not_live", number=number, state=waybill.state.value)
        await lives_queries.set_shipped(tx, ref, at)


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
    """Write the next version of the document; its number. What is left out stays. Raises waybill.not_live, cancel.*."""
    ref = await find(counter.db, merchant_id, carrier, number)
    keys = await counter.vault.keys_of(merchant_id)
    routes = await counter.routes(carrier)
    async with counter.db.transaction() as tx:
        [old] = await queries.waybills_for_update(tx, [ref])
        if old.state is not NumberState.ISSUED or old.superseded_by:
            raise Refusal("waybill.not_live", number=number, state=old.state.value)
        refuse_if_under_way(old)
        changed = replace(
            old,
            version=old.version + 1,
            goods=tuple(goods) if goods is not None else old.goods,
            services=services if services is not None else old.services,
            sealed=keys.seal(recipient, old.order_ref) if isinstance(recipient, Recipient) else recipient or old.sealed,
            division_code=division_code if division_code is not None else old.division_code,
        )
        if division_code is not None and division_code != old.division_code:
            changed = replace(changed, route=routes.of(division_code))
        await lives_queries.replace_document(tx, changed, now())
    return changed.version


async def read_for_delivery(counter: Counter, carrier: str, number: str, actor: str) -> Recipient:
    """The carrier reads the recipient of its own live number (purpose `deliver`). Raises waybill.unknown, vault.*."""
    owner = await branches.whose(counter.db, carrier, number)
    if owner is None:
        raise Refusal("waybill.unknown", carrier=carrier, number=number)
    ref = await find(counter.db, owner.merchant_id, carrier, number)
    [waybill] = await queries.waybills(counter.db, [ref])
    live = waybill.state is NumberState.ISSUED and waybill.superseded_by is None
    return await reveal_to_carrier(
        counter.db,
        counter.vault,
        carrier=carrier,
        actor=actor,
        merchant_id=ref.merchant_id,
        row=(waybill.order_ref, waybill.sealed),
        number_is_live=live,
        signed_at=None,
    )


async def find(db: Database, merchant_id: int, carrier: str, number: str) -> NumberRef:
    """Where a number lies. Raises waybill.unknown."""
    ref = await queries.find(db, merchant_id, carrier, number)
    if ref is None:
        raise Refusal("waybill.unknown", carrier=carrier, number=number)
    return ref
