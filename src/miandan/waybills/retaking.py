"""Retake (换单): a new number on another account, the old one superseded and cancel-requested in the same moment."""

import asyncio

from asyncpg import DeadlockDetectedError, UniqueViolationError

from miandan.accounts import leases
from miandan.accounts.cards import AccountCard
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import live, lives, queries
from miandan.waybills.counter import Counter
from miandan.waybills.desk import Occupied
from miandan.waybills.live import Progress
from miandan.waybills.model import NumberRef, Outcome, Refused, TakeRequest
from miandan.waybills.one_by_one import take_in
from miandan.waybills.prepare import Prepared
from miandan.waybills.same_key import resolve
from miandan.waybills.superseding import family_for_update, refuse_if_under_way, supersede

PATIENCE_SECONDS = 20.0
"""How long a retake waits for another one of the same parcel."""

PAUSE_SECONDS = 0.05


async def retake_one(counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared) -> Outcome | None:
    """Replace the live number of a parcel. The old number stays as it is when no new one can be had.

    Retakes of one parcel at the same moment agree on one new number: whoever comes late looks again. None when the
    parcel has no number any more.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        progress = await live.settle_retake(counter, request.merchant_id, parcel.ask.keys)
        [known] = await resolve(counter.db, request, [parcel])
        if not isinstance(known, Refused) or known.refusal.code != "parcel.account_differs":
            return known
        outcome = _refused(parcel, "take.in_doubt" if progress is Progress.NONE else "take.contended")
        if progress is Progress.SETTLED:
            outcome = await _replace(counter, request, card, parcel, str(known.refusal.fields["number"]))
        late = asyncio.get_running_loop().time() > deadline
        if not isinstance(outcome, Refused) or outcome.refusal.code != "take.contended" or late:
            return outcome
        await asyncio.sleep(PAUSE_SECONDS)


async def _replace(counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared, number: str) -> Outcome:
    """One attempt to put a new number in the place of `number`."""
    rows = await queries.live_keys(counter.db, request.merchant_id, parcel.ask.keys[:1])
    if not rows or rows[0]["number"] != number:
        return _refused(parcel, "take.contended")
    old = NumberRef(request.merchant_id, rows[0]["carrier"], number, rows[0]["month"])
    try:
        if card.supply == "live":
            return await _replace_by_call(counter, request, card, parcel, old)
        return await _replace_at_once(counter, request, card, parcel, old)
    except (Occupied, UniqueViolationError, DeadlockDetectedError):
        return _refused(parcel, "take.contended")
    except Refusal as refusal:
        return Refused(parcel.ask.keys, refusal)


async def _replace_by_call(
    counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared, old: NumberRef
) -> Outcome:
    """The carrier is not asked in vain for a parcel that is under way; a scan during the call is found when it ends."""
    async with counter.db.transaction() as tx:
        for waybill in await family_for_update(tx, old):
            refuse_if_under_way(waybill)
    [outcome] = await live.take_live(counter, request, card, [parcel], replacing=old)
    return outcome


async def _replace_at_once(
    counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared, old: NumberRef
) -> Outcome:
    """The old keys are freed first, so that the new number can have them; both or neither."""
    async with counter.db.transaction() as tx:
        at = now()
        await family_for_update(tx, old)
        await leases.hold_account(tx, card.ref)  # before the keys, as every take does
        await supersede(tx, old, at)
        taken = await take_in(tx, counter, request, card, parcel, at)
        await queries.name_successor(tx, old, taken.number)
    await lives.finish_cancelling(counter, old)
    return taken


def _refused(parcel: Prepared, code: str) -> Outcome:
    return Refused(parcel.ask.keys, Refusal(code, key=parcel.ask.keys[0]))
