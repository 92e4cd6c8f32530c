"""Numbers that the carrier issues itself: intent, call, settlement.

The intent is committed before the call, so whatever dies in between, the next one who asks for the parcel finds it
and learns the outcome from the carrier: by asking again where the carrier is repeat-safe, by query where it can be
queried ("not found" counts only after its settle time), by a person otherwise. Until then the unit stays reserved.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from asyncpg import DeadlockDetectedError, UniqueViolationError

from miandan.accounts import leases
from miandan.accounts.cards import AccountCard
from miandan.accounts.leases import AccountRef
from miandan.branches import service as branches
from miandan.branches.model import DirectoryRow, Source
from miandan.carriers.model import Carrier
from miandan.connectors.model import CarrierAnswer, CarrierRefused, CarrierSilent, Connector, NumberAsk
from miandan.kernel.clock import now
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.vault.service import keep_index
from miandan.waybills import intents, lives, queries
from miandan.waybills.asking import as_parcel, as_request, ask_of, number_ask, without_person
from miandan.waybills.counter import Counter
from miandan.waybills.desk import Occupied, month_of
from miandan.waybills.giving_back import give_up
from miandan.waybills.intents import Intent, Unused
from miandan.waybills.lives import CALL_SECONDS
from miandan.waybills.model import NumberRef, Outcome, Refused, Route, Taken, TakeRequest
from miandan.waybills.one_by_one import write_parcel
from miandan.waybills.prepare import Issued, Prepared
from miandan.waybills.same_key import INTENT
from miandan.waybills.superseding import supersede

CALLS_AT_ONCE = 8
SOON = timedelta(seconds=10)
"""Settle times up to this are waited for by whoever asks for the parcel again."""
REPEATS = 2
"""How often a repeat-safe carrier is asked again at once."""
RETAKE = "|retake"
"""Ends the keys of a retake's intent: the old number keeps its keys until the new one is known."""


REPEATED = "carrier.number_repeated"


class Progress(StrEnum):
    """What settling a key has come to; the empty one is falsy and means that nothing can be done now."""

    NONE = ""
    SETTLED = "settled"
    ELSEWHERE = "elsewhere"
    """Another worker, or another caller here, is making the call."""
    SETTLING = "settling"
    """The carrier does not know the call yet; soon that will mean that it never will."""


async def take_live(
    counter: Counter,
    request: TakeRequest,
    card: AccountCard,
    parcels: Sequence[Prepared],
    replacing: NumberRef | None = None,
) -> list[Outcome]:
    """Ask the carrier for every parcel. Raises Occupied when the first key may not be free."""
    connector = counter.connector(card.carrier)
    gate = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(parcel: Prepared) -> Outcome:
        async with gate:
            return await _take_one(counter, connector, request, card, parcel, replacing)

    results = await asyncio.gather(*(one(parcel) for parcel in parcels), return_exceptions=True)
    outcomes: list[Outcome] = []
    for parcel, result in zip(parcels, results, strict=True):
        if isinstance(result, Occupied) and len(parcels) > 1:
            outcomes.append(Refused(parcel.ask.keys, Refusal("take.contended", key=parcel.ask.keys[0])))
        elif isinstance(result, BaseException):
            raise result
        else:
            outcomes.append(result)
    return outcomes


async def settle_key(counter: Counter, merchant_id: int, keys: Sequence[str]) -> Progress:
    """Learn the outcome of the intent that occupies one of these keys, if it can be learnt now."""
    rows = await queries.live_keys(counter.db, merchant_id, keys)
    for row in rows:
        if row["number"].startswith(INTENT):
            return await settle_intent(counter, merchant_id, UUID(row["number"].removeprefix(INTENT)))
    return Progress.SETTLED


async def settle_retake(counter: Counter, merchant_id: int, keys: Sequence[str]) -> Progress:
    """The same for an earlier retake of the parcel with these keys; SETTLED where there is none."""
    return await settle_key(counter, merchant_id, [key + RETAKE for key in keys])


async def settle_cancellation(counter: Counter, merchant_id: int, doubt: Refusal) -> Progress:
    """Learn whether the number that a cancel.in_doubt names is cancelled now."""
    carrier, number = str(doubt.fields["carrier"]), str(doubt.fields["number"])
    try:
        await lives.finish_cancelling(counter, await lives.find(counter.db, merchant_id, carrier, number))
    except Refusal as refusal:
        return Progress.NONE if refusal.code == doubt.code else Progress.SETTLED
    return Progress.SETTLED


async def settle_intent(counter: Counter, merchant_id: int, intent_id: UUID) -> Progress:
    """Learn the outcome of one intent, unless somebody alive is making its call."""
    if str(intent_id) in counter.calling:
        return Progress.ELSEWHERE
    intent = await intents.unsettled(counter.db, merchant_id, intent_id)
    if intent is None:
        return Progress.SETTLED
    foreign = intent.state == "open" and intent.worker != counter.desk.worker
    if foreign and await leases.is_alive(counter.db, intent.worker):
        return Progress.ELSEWHERE
    counter.calling.add(str(intent_id))
    began = now()
    try:
        connector = counter.connector(intent.carrier)
        outcome = await _ask_again(counter, connector, intent)
    finally:
        counter.calling.discard(str(intent_id))
    if outcome is not None:
        return Progress.SETTLED
    intent = await intents.unsettled(counter.db, merchant_id, intent_id)  # its call may be dated later by now
    if intent is None:
        return Progress.SETTLED
    young = began - intent.asked_at <= connector.settle <= SOON  # when it was asked, however long the answer took
    return Progress.SETTLING if connector.queryable and young else Progress.NONE


async def settle_all(counter: Counter) -> int:
    """Learn what can be learnt of every unsettled intent whose carrier has a connector here; how many were settled."""
    settled = 0
    for merchant_id, intent_id in await intents.all_unsettled(counter.db):
        try:
            settled += await settle_intent(counter, merchant_id, intent_id) is Progress.SETTLED
        except Refusal:
            continue
    return settled


async def _take_one(
    counter: Counter,
    connector: Connector,
    request: TakeRequest,
    card: AccountCard,
    parcel: Prepared,
    replacing: NumberRef | None,
) -> Outcome:
    try:
        intent = await _commit_to_ask(counter, request, card, parcel, replacing)
    except (UniqueViolationError, DeadlockDetectedError) as error:
        raise Occupied from error
    except Refusal as refusal:
        return Refused(parcel.ask.keys, refusal)
    counter.calling.add(str(intent.intent_id))
    try:
        return await _first_call(counter, connector, intent) or _doubtful(intent, parcel.ask.keys)
    finally:
        counter.calling.discard(str(intent.intent_id))


async def _commit_to_ask(
    counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared, replacing: NumberRef | None
) -> Intent:
    carrier = counter.carrier(card.carrier)
    units = 1 + (parcel.ask.pieces - 1) * carrier.terms().child_number_cost
    at, intent_id, merchant_id = now(), new_id(), request.merchant_id
    suffix = RETAKE if replacing else ""
    keys = [key + suffix for key in parcel.ask.keys]
    async with counter.db.transaction() as tx:
        drawn = await leases.draw_exactly(tx, card.ref, units)
        intent = Intent(
            merchant_id=merchant_id,
            intent_id=intent_id,
            account_id=request.account_id,
            lease_id=drawn[0].lease_id,
            worker=counter.desk.worker,
            carrier=card.carrier,
            state="open",
            units=units,
            ask=ask_of(request, card, parcel, replacing),
            order_ref=parcel.ask.order_ref,
            recipient_token=parcel.sealed.token,
            recipient_key=parcel.sealed.key,
            recipient=parcel.sealed.body,
            recipient_digest=parcel.sealed.digest,
            asked_at=at,
        )
        if parcel.search_index is not None:  # found and erased like any other, whatever becomes of the call
            await keep_index(tx, merchant_id, [(parcel.ask.order_ref, parcel.sealed)])
        await intents.insert(tx, intent, keys, f"{INTENT}{intent_id}", month_of(at))
    return intent


async def _first_call(counter: Counter, connector: Connector, intent: Intent) -> Outcome | None:
    try:
        ask = await number_ask(counter, intent)
    except Refusal as refusal:  # the vault does not open the recipient, so nobody was asked
        return await settle_refused(counter, intent, refusal, "")
    return await _call(counter, connector, intent, ask)


async def _call(
    counter: Counter, connector: Connector, intent: Intent, ask: NumberAsk, unanswered: datetime | None = None
) -> Outcome | None:
    """Make the call, again where that is safe; None while the outcome is in doubt.

    `unanswered` is when an earlier call for this key began that nobody answered. That one may still be under way, so
    until the settle time has passed a refusal of its repetition proves nothing.
    """
    raw = ""
    for _ in range(1 + REPEATS if connector.repeat_safe else 1):
        called_at = now()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                answer = await connector.take(ask)
            return await _settle_answered(counter, connector, intent, answer)
        except CarrierRefused as refused:
            raw = without_person(refused.raw, ask.recipient)
            if unanswered is None or now() - unanswered >= connector.settle:
                return await settle_refused(counter, intent, Refusal("carrier.refused", raw=raw), raw)
        except (CarrierSilent, TimeoutError) as silence:
            raw, unanswered = str(silence), called_at
    async with counter.db.transaction() as tx:
        await intents.doubt(tx, intent, raw, unanswered or called_at)
    return await _query(counter, connector, intent, unanswered or called_at)


async def _ask_again(counter: Counter, connector: Connector, intent: Intent) -> Outcome | None:
    # An intent waits for locks before its call, and whoever made it died at an unknown moment: while it is open the
    # call may have begun just now. From the first doubt on the row says when at the latest.
    unanswered = now() if intent.state == "open" else intent.asked_at
    if connector.repeat_safe and (ask := await _same_ask(counter, intent)) is not None:
        return await _call(counter, connector, intent, ask, unanswered)
    if intent.state == "open":
        async with counter.db.transaction() as tx:
            await intents.doubt(tx, intent, "", unanswered)
    return await _query(counter, connector, intent, unanswered)


async def _same_ask(counter: Counter, intent: Intent) -> NumberAsk | None:
    """None where the recipient was erased since: then only a query or a person can tell."""
    try:
        return await number_ask(counter, intent)
    except Refusal:
        return None


async def _query(counter: Counter, connector: Connector, intent: Intent, called_at: datetime) -> Outcome | None:
    """Ask what became of the call; "not found" is believed when the settle time had passed before the question."""
    if not connector.queryable:
        return None
    settled = now() - called_at >= connector.settle
    try:
        async with asyncio.timeout(CALL_SECONDS):
            answer = await connector.find(str(intent.intent_id))
    except (CarrierRefused, CarrierSilent, TimeoutError):
        return None
    if answer is not None:
        return await _settle_answered(counter, connector, intent, answer)
    if not settled:
        return None
    return await settle_refused(counter, intent, Refusal("carrier.lost", carrier=intent.carrier), "not found")


async def _settle_answered(counter: Counter, connector: Connector, intent: Intent, answer: CarrierAnswer) -> Outcome:
    """Write the numbers down, unless they cannot be: then the carrier hears that we do not use them."""
    carrier = counter.carrier(intent.carrier)
    wanted = int(intent.ask["pieces"])
    if len(answer.numbers) != wanted or not all(carrier.accepts(number) for number in answer.numbers):
        refusal = Refusal("carrier.number_breaks_rule", carrier=intent.carrier)
        return await _settle_unused(counter, connector, intent, refusal, answer)
    old = replaced_by(intent)
    try:
        async with counter.db.transaction() as tx:
            outcome = await write_answer(tx, counter, intent, answer, old)
    except Refusal as refusal:
        if refusal.code == REPEATED:  # such a number lives, for somebody else
            return await settle_refused(counter, intent, refusal, answer.raw)
        return await _settle_unused(counter, connector, intent, refusal, answer)
    if isinstance(outcome, Refused) and await intents.number_given(counter.db, intent) != answer.numbers[0]:
        return await _settle_unused(counter, connector, intent, outcome.refusal, answer)  # settled without this number
    if old is not None and isinstance(outcome, Taken):
        await lives.finish_cancelling(counter, old)
    return outcome


def replaced_by(intent: Intent) -> NumberRef | None:
    """The number whose place the new one takes, where the call is a retake."""
    if intent.ask["replacing"] is None:
        return None
    carrier, number, taken_in = intent.ask["replacing"]
    return NumberRef(intent.merchant_id, carrier, number, date.fromisoformat(taken_in))


async def write_answer(
    tx: Transaction, counter: Counter, intent: Intent, answer: CarrierAnswer, old: NumberRef | None
) -> Outcome:
    """The waybills of an answer, and the intent known; refused where somebody else has learnt the outcome.

    Raises carrier.number_repeated, and what `supersede` raises where `old` cannot make way.
    """
    held = await intents.unsettled_for_update(tx, intent.merchant_id, intent.intent_id)
    keys = tuple(intent.ask["keys"])
    if held is None:  # somebody else has learnt the outcome; the caller looks again
        return Refused(keys, Refusal("take.contended", key=keys[0]))
    at = now()
    month = month_of(at)
    rows = [
        DirectoryRow(intent.carrier, number, intent.merchant_id, month, source, at, intent.intent_id)
        for number, source in zip(answer.numbers, [Source.LIVE, *[Source.CHILD] * len(answer.numbers)], strict=False)
    ]
    if await branches.note_numbers(tx, rows):
        raise Refusal(REPEATED, carrier=intent.carrier)
    await intents.free_keys(tx, intent, f"{INTENT}{intent.intent_id}")
    if old is not None:
        await supersede(tx, old, at)
        await queries.name_successor(tx, old, answer.numbers[0])
    route = _route(answer)
    parcel = as_parcel(intent, route)
    issued = [
        Issued(
            number,
            intent.lease_id,
            _barcode_text(counter.carrier(intent.carrier), answer) if place == 0 else None,
            answer.route.qr_text if answer.route else None,
            _units_of(intent, place),
        )
        for place, number in enumerate(answer.numbers)
    ]
    taken = await write_parcel(tx, as_request(intent), intent.carrier, parcel, issued, at)
    await intents.settle(tx, intent, "known", at, number=taken.number, error=None, raw=answer.raw)
    return taken


def _barcode_text(carrier: Carrier, answer: CarrierAnswer) -> str:
    """What the parent's bars say; by the carrier's rule where it left its route data out."""
    return answer.route.barcode_text if answer.route else carrier.barcode_text(answer.numbers[0], len(answer.numbers))


def _units_of(intent: Intent, place: int) -> int:
    """The unit of the parent, or a child's share of the rest."""
    if place == 0:
        return 1
    return (intent.units - 1) // (int(intent.ask["pieces"]) - 1)


def _route(answer: CarrierAnswer) -> Route:
    if answer.route is None:
        return Route()
    return Route(answer.route.sort_code, answer.route.big_mark, answer.route.bag_centre)


async def settle_refused(
    counter: Counter, intent: Intent, refusal: Refusal, raw: str, unused: str | None = None
) -> Outcome:
    """The carrier gave no number: keys and unit are free again."""
    keys = tuple(intent.ask["keys"])
    async with counter.db.transaction() as tx:
        if await intents.unsettled_for_update(tx, intent.merchant_id, intent.intent_id) is not None:
            account = AccountRef(intent.merchant_id, intent.account_id)
            await leases.give_back(tx, account, intent.units, "refused", str(intent.intent_id))
            await intents.free_keys(tx, intent, f"{INTENT}{intent.intent_id}")
            await intents.settle(tx, intent, "refused", now(), number=None, error=refusal.code, raw=raw)
        if unused is not None:
            await intents.keep_unused(tx, intent, unused)
    return Refused(keys, refusal)


async def _settle_unused(
    counter: Counter, connector: Connector, intent: Intent, refusal: Refusal, answer: CarrierAnswer
) -> Outcome:
    """The answer came in vain: nobody will use its numbers, and the carrier is to take them back, now or by the job."""
    number = answer.numbers[0] if answer.numbers else None
    outcome = await settle_refused(counter, intent, refusal, answer.raw, unused=number)
    if number is not None:
        await give_up(counter, connector, Unused(intent.merchant_id, intent.intent_id, intent.carrier, number))
    return outcome


def _doubtful(intent: Intent, keys: tuple[str, ...]) -> Refused:
    return Refused(keys, Refusal("take.in_doubt", key=keys[0]))
