"""Takes inside one transaction of their own: listed numbers, and new numbers that replace old ones."""

from collections.abc import Sequence
from datetime import date, datetime

from asyncpg import DeadlockDetectedError, UniqueViolationError

from miandan.accounts import leases
from miandan.accounts.cards import AccountCard
from miandan.branches import service as branches
from miandan.branches.model import DirectoryRow, Source
from miandan.kernel.clock import now
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.waybills.counter import Counter
from miandan.waybills.desk import Occupied, draw_numbers, month_of
from miandan.waybills.model import NumberRef, Outcome, Refused, Taken, TakeRequest
from miandan.waybills.prepare import Issued, Prepared, RequestRows, taken
from miandan.waybills.writing import TakeRows, write


async def take_listed(
    counter: Counter, request: TakeRequest, card: AccountCard, parcels: Sequence[Prepared]
) -> list[Outcome]:
    """Numbers from the carrier's list, parcel by parcel. Raises Occupied when the first key may not be free."""
    outcomes: list[Outcome] = []
    for parcel in parcels:
        try:
            async with counter.db.transaction() as tx:
                outcomes.append(await take_in(tx, counter, request, card, parcel, now()))
        except (UniqueViolationError, DeadlockDetectedError) as error:
            if not outcomes:
                raise Occupied from error
            outcomes.append(Refused(parcel.ask.keys, Refusal("take.contended", key=parcel.ask.keys[0])))
        except Refusal as refusal:
            outcomes.append(Refused(parcel.ask.keys, refusal))
    return outcomes


async def take_in(
    tx: Transaction, counter: Counter, request: TakeRequest, card: AccountCard, parcel: Prepared, at: datetime
) -> Taken:
    """A new number for one parcel within `tx`. Raises units.exhausted, numbers.exhausted, UniqueViolationError."""
    issued = await draw_issued(tx, counter, request, card, parcel.ask.pieces, at, month_of(at))
    return await write_parcel(tx, request, card.carrier, parcel, issued, at)


async def draw_issued(
    tx: Transaction, counter: Counter, request: TakeRequest, card: AccountCard, count: int, at: datetime, month: date
) -> list[Issued]:
    """`count` numbers with their units from segments or the carrier's list. Raises units.exhausted, numbers.exhausted.

    `month` is where their waybills will lie.
    """
    drawn = await leases.draw_exactly(tx, card.ref, count)
    if card.supply == "segment":
        return draw_numbers(counter.carrier(card.carrier), drawn, count)
    listed = await branches.claim_listed(tx, card.carrier, card.branch_code, count)
    if len(listed) < count:
        raise Refusal("numbers.exhausted", carrier=card.carrier, branch=card.branch_code, wanted=count)
    await _note(tx, request.merchant_id, card.carrier, listed, at, month)
    return [Issued(number, drawn[0].lease_id) for number in listed]


async def write_parcel(
    tx: Transaction, request: TakeRequest, carrier: str, parcel: Prepared, issued: Sequence[Issued], at: datetime
) -> Taken:
    """Occupy the keys and write the waybills of one parcel whose numbers are known."""
    numbers = [one.number for one in issued]
    rows = TakeRows()
    RequestRows(rows, request, carrier).add_parcel(parcel, issued)
    await write(tx, at, month_of(at), rows)
    ref = NumberRef(request.merchant_id, carrier, numbers[0], month_of(at))
    return taken(parcel, ref, tuple(numbers[1:]))


async def _note(
    tx: Transaction, merchant_id: int, carrier: str, numbers: Sequence[str], at: datetime, month: date
) -> None:
    rows = [DirectoryRow(carrier, number, merchant_id, month, Source.LIST, at) for number in numbers]
    if await branches.note_numbers(tx, rows):
        raise Refusal("carrier.number_repeated", carrier=carrier)
