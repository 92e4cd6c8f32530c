"""Taking numbers. One parcel gets one live number, whatever is retried, raced, killed or timed out.

The fast path tries to write at once and looks only when a key turns out to be occupied; see desk.py for how takes of
many callers become one statement, live.py for carriers that issue by themselves, lives.py for what happens later.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import structs

from miandan.accounts.cards import AccountCard
from miandan.accounts.leases import AccountRef
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import live, one_by_one, queries, retaking
from miandan.waybills.counter import Counter
from miandan.waybills.desk import Occupied, Work, with_numbers
from miandan.waybills.model import NumberRef, Outcome, Refused, Taken, TakeRequest
from miandan.waybills.prepare import Prepared, prepare, refuse_impossible
from miandan.waybills.same_key import resolve
from miandan.waybills.writing import KeptAnswer

ATTEMPTS = 8
"""How often a take looks and tries again when others take the same keys at the same moment."""

LOOK_AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 20.0
"""How long a take waits for another caller's live call on the same key."""


async def take(counter: Counter, request: TakeRequest) -> list[Outcome]:
    """Give every parcel of the request its number; one outcome per parcel, in the order asked.

    A parcel that has a live number keeps it (`Taken.known`). What cannot be served is `Refused`, the rest goes on: when
    units run out the first parcels have theirs. A parcel with a number under the same Idempotency-Key gets that number
    for ever, even after a cancel. Raises Refusal where no parcel could be served: account.*, carrier.*,
    take.idempotency_reused, take.database_lost.
    """
    await counter.desk.present()
    card = await counter.card(AccountRef(request.merchant_id, request.account_id))
    outcomes: dict[int, Outcome] = dict(refuse_impossible(request.parcels))
    places = [place for place in range(len(request.parcels)) if place not in outcomes]
    prepared = dict(zip(places, await _prepare(counter, request, card, places), strict=True))
    answer = _answer_to_keep(request, list(prepared.values()))
    if answer is not None:
        outcomes |= await _kept(counter, request, answer)
    outcomes = _barred(request, places) | outcomes
    asked = [place for place in places if place not in outcomes]
    wanted = [prepared[place] for place in asked]
    if asked and (obstacle := card.obstacle(request.ship_from_id)):
        served = await _known_only(counter, request, card, wanted, obstacle)
    else:
        served = await _serve(counter, request, card, wanted, answer if len(asked) == len(request.parcels) else None)
    outcomes |= zip(asked, served, strict=True)
    in_order = [outcomes[place] for place in range(len(request.parcels))]
    if answer is not None and asked:
        await _keep(counter, answer, in_order)
    return in_order


def _barred(request: TakeRequest, places: Sequence[int]) -> dict[int, Outcome]:
    """Parcels that take no number now, by their order's own refusal."""
    asks = {place: request.parcels[place] for place in places}
    return {place: Refused(ask.keys, ask.barred) for place, ask in asks.items() if ask.barred is not None}


async def _prepare(counter: Counter, request: TakeRequest, card: AccountCard, places: Sequence[int]) -> list[Prepared]:
    keys = await counter.vault.keys_of(request.merchant_id)
    routes = await counter.routes(card.carrier)
    return [
        prepare(parcel, keys, routes.of(parcel.division_code))
        for parcel in (request.parcels[place] for place in places)
    ]


async def _serve(
    counter: Counter, request: TakeRequest, card: AccountCard, parcels: Sequence[Prepared], answer: KeptAnswer | None
) -> list[Outcome]:
    """Try, look, and try again with what is still free. Where numbers lie ready the first try comes before a look."""
    outcomes: dict[int, Outcome] = {}
    for attempt in range(ATTEMPTS):
        blind = not attempt and card.supply == "segment"
        if not blind:
            outcomes |= await _known(counter, request, card, parcels, outcomes)
        free = [place for place in range(len(parcels)) if place not in outcomes]
        if not free:
            break
        asked = [parcels[place] for place in free]
        try:
            issued = await _issue(counter, request, card, asked, None if attempt else answer, alone=attempt > 0)
        except Occupied:
            await counter.desk.present()
            continue
        served = dict(zip(free, issued, strict=True))
        outcomes |= {place: one for place, one in served.items() if isinstance(one, Taken)}
        if blind and len(outcomes) < len(parcels):  # an order that has its number needs no unit and no active account
            outcomes |= await _known(counter, request, card, parcels, outcomes)
        outcomes = {place: one for place, one in served.items() if not _contended(one)} | outcomes
        if len(outcomes) == len(parcels):
            break
    return [
        outcomes.get(place) or Refused(parcel.ask.keys, Refusal("take.contended", key=parcel.ask.keys[0]))
        for place, parcel in enumerate(parcels)
    ]


def _contended(outcome: Outcome) -> bool:
    """Whether somebody else was taking the parcel at that moment: the next look may find what became of it."""
    return isinstance(outcome, Refused) and outcome.refusal.code == "take.contended"


async def _known_only(
    counter: Counter, request: TakeRequest, card: AccountCard, parcels: Sequence[Prepared], obstacle: Refusal
) -> list[Outcome]:
    """Numbers taken before the account ended are answered still. Raises `obstacle` where there is none."""
    found = await _look(counter, structs.replace(request, retake=False), card, parcels)
    if not any(isinstance(one, Taken) for one in found):
        raise obstacle
    return [one or Refused(parcel.ask.keys, obstacle) for one, parcel in zip(found, parcels, strict=True)]


async def _known(
    counter: Counter,
    request: TakeRequest,
    card: AccountCard,
    parcels: Sequence[Prepared],
    served: Mapping[int, Outcome],
) -> dict[int, Outcome]:
    """What is known of the parcels that are not served yet, by place."""
    places = [place for place in range(len(parcels)) if place not in served]
    found = await _look(counter, request, card, [parcels[place] for place in places])
    return {place: outcome for place, outcome in zip(places, found, strict=True) if outcome is not None}


async def _look(
    counter: Counter, request: TakeRequest, card: AccountCard, parcels: Sequence[Prepared]
) -> list[Outcome | None]:
    """What is known of the parcels; waits for other callers' live calls, settles what is in doubt, retakes if asked."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        found = await resolve(counter.db, request, parcels)
        moved = [await _settle(counter, request.merchant_id, one) for one in found if isinstance(one, Refused)]
        if not any(moved) or asyncio.get_running_loop().time() > deadline:
            break
        if live.Progress.SETTLED not in moved:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    if request.retake:
        for place, one in enumerate(found):
            if isinstance(one, Refused) and one.refusal.code == "parcel.account_differs":
                found[place] = await retaking.retake_one(counter, request, card, parcels[place])
    return found


async def _settle(counter: Counter, merchant_id: int, one: Refused) -> live.Progress:
    """Learn the outcome of the call or the cancellation that stands in a parcel's way, if that is what does."""
    if one.refusal.code == "take.in_doubt":
        return await live.settle_key(counter, merchant_id, one.keys)
    if one.refusal.code == "cancel.in_doubt":
        return await live.settle_cancellation(counter, merchant_id, one.refusal)
    return live.Progress.NONE


async def _issue(
    counter: Counter,
    request: TakeRequest,
    card: AccountCard,
    parcels: Sequence[Prepared],
    answer: KeptAnswer | None,
    *,
    alone: bool,
) -> list[Outcome]:
    """New numbers from wherever the account has them. Raises Occupied when a key may not be free."""
    if card.supply == "segment":
        work = Work(request, card.ref, counter.carrier(card.carrier), parcels, alone, answer)
        return await counter.desk.number(work)
    if card.supply == "list":
        return await one_by_one.take_listed(counter, request, card, parcels)
    return await live.take_live(counter, request, card, parcels)


def _answer_to_keep(request: TakeRequest, parcels: Sequence[Prepared]) -> KeptAnswer | None:
    if request.idempotency_key is None:
        return None
    said = request.said or [
        [parcel.ask.keys, parcel.sealed.digest, parcel.goods, parcel.services, parcel.ask.pieces] for parcel in parcels
    ]
    fingerprint = hashlib.blake2b(msgspec.json.encode([str(request.account_id), said]), digest_size=16).digest()
    return KeptAnswer(request.merchant_id, request.idempotency_key, fingerprint, "[]")


async def _kept(counter: Counter, request: TakeRequest, answer: KeptAnswer) -> dict[int, Outcome]:
    """What was answered under this key before, by place. Raises take.idempotency_reused when it was something else."""
    kept = await queries.kept_answer(counter.db, answer.merchant_id, answer.idempotency_key)
    if kept is None:
        return {}
    fingerprint, numbers = kept
    if fingerprint != answer.fingerprint:
        raise Refusal("take.idempotency_reused", key=answer.idempotency_key)
    return {
        place: _kept_taken(request, request.parcels[place].keys, entry)
        for place, entry in enumerate(numbers)
        if entry is not None
    }


def _kept_taken(request: TakeRequest, keys: tuple[str, ...], entry: Any) -> Taken:
    carrier, number, month, children, is_sorted = entry
    ref = NumberRef(request.merchant_id, carrier, number, date.fromisoformat(month))
    return Taken(keys, ref, tuple(children), known=True, sorted=is_sorted)


async def _keep(counter: Counter, answer: KeptAnswer, outcomes: Sequence[Outcome]) -> None:
    """Keep what is not kept yet; a number that stands under the key already stays."""
    if any(isinstance(outcome, Taken) for outcome in outcomes):
        async with counter.db.transaction() as tx:
            await queries.keep_answer(tx, with_numbers(answer, outcomes), now())
