"""Retake (换单): a new number on another account, the old one superseded and cancel-requested in the same moment."""

from miandan.accounts.cards import AccountCard
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import live, lives, queries
from miandan.waybills.counter import Counter
from miandan.waybills.desk import Occupied
from miandan.waybills.model import NumberRef, Outcome, Refused, TakeRequest
from miandan.waybills.one_by_one import take_in
from miandan.waybills.prepare import Prepared
from miandan.waybills.superseding import supersede


async def retake_one(counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared) -> Outcome:
    """Replace the live number of a parcel. The old number stays as it is when no new one can be had."""
    [row, *_] = await queries.live_keys(counter.db, request.merchant_id, parcel.ask.keys[:1])
    old = NumberRef(request.merchant_id, row["carrier"], row["number"], row["month"])
    outcome: Outcome
    try:
        if card.supply == "live":
            [outcome] = await live.take_live(counter, request, card, [parcel], replacing=old)
        else:
            async with counter.db.transaction() as tx:
                # The old keys are freed first, so that the new number can have them; both or neither.
                at = now()
                await supersede(tx, old, at)
                taken = await take_in(tx, counter, request, card, parcel, at)
                await queries.name_successor(tx, old, taken.number)
                outcome = taken
    except Occupied:
        return Refused(parcel.ask.keys, Refusal("take.contended", key=parcel.ask.keys[0]))
    except Refusal as refusal:
        return Refused(parcel.ask.keys, refusal)
    await lives.finish_cancelling(counter, old)
    return outcome
