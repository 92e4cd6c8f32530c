"""What a person decides about a live call that no question can settle, after asking the carrier in his own way.

Until then key and unit stay reserved. Who decided stands in the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from miandan.connectors.model import CarrierAnswer
from miandan.kernel import audit
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.waybills import intents, lives
from miandan.waybills.counter import Counter
from miandan.waybills.intents import Intent
from miandan.waybills.live import replaced_by, settle_refused, write_answer
from miandan.waybills.model import Outcome, Taken


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call without outcome: what to tell the carrier (`intent_id` is the key it was asked with) and since when."""

    intent_id: UUID
    carrier: str
    account_id: UUID
    keys: tuple[str, ...]
    units: int
    asked_at: datetime


async def doubts(db: Reads, merchant_id: int) -> list[Doubt]:
    """The merchant's calls that nobody answered, oldest first."""
    return [
        Doubt(one.intent_id, one.carrier, one.account_id, tuple(one.ask["keys"]), one.units, one.asked_at)
        for one in await intents.in_doubt(db, merchant_id)
    ]


async def say_issued(counter: Counter, merchant_id: int, intent_id: UUID, numbers: Sequence[str], by: str) -> Taken:
    """The carrier did issue these numbers, parent first. `by` names a login.

    Raises intent.not_in_doubt, carrier.number_breaks_rule, carrier.number_repeated, and cancel.* or take.contended
    where a retake's old number cannot make way; then the call is in doubt as before.
    """
    intent = await _doubtful(counter, merchant_id, intent_id)
    carrier = counter.carrier(intent.carrier)
    if len(numbers) != intent.ask["pieces"] or not all(carrier.accepts(number) for number in numbers):
        raise Refusal("carrier.number_breaks_rule", carrier=intent.carrier)
    answer = CarrierAnswer(str(intent_id), tuple(numbers), None, "")
    old = replaced_by(intent)
    async with counter.db.transaction() as tx:
        outcome = await write_answer(tx, counter, intent, answer, old)
        if not isinstance(outcome, Taken):
            raise outcome.refusal
        subject = {"intent": str(intent_id), "carrier": intent.carrier, "numbers": list(numbers)}
        await audit.append(
            tx, audit.merchant_chain(merchant_id), actor=by, action="intent.said_issued", subject=subject
        )
    if old is not None:
        await lives.finish_cancelling(counter, old)
    return outcome


async def say_lost(counter: Counter, merchant_id: int, intent_id: UUID, by: str) -> Outcome:
    """The carrier knows nothing of the call: key and unit are free again. Raises intent.not_in_doubt."""
    intent = await _doubtful(counter, merchant_id, intent_id)
    async with counter.db.transaction() as tx:
        subject = {"intent": str(intent_id), "carrier": intent.carrier}
        await audit.append(tx, audit.merchant_chain(merchant_id), actor=by, action="intent.said_lost", subject=subject)
    return await settle_refused(counter, intent, Refusal("carrier.lost", carrier=intent.carrier), "")


async def _doubtful(counter: Counter, merchant_id: int, intent_id: UUID) -> Intent:
    intent = await intents.unsettled(counter.db, merchant_id, intent_id)
    if intent is None or intent.state != "in_doubt":
        raise Refusal("intent.not_in_doubt", intent=str(intent_id))
    return intent
