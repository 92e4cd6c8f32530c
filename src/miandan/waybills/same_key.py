"""Same key again: what a parcel is answered whose key is occupied already.

The old number where nothing differs; the old number with the fields that differ named where the caller accepts that;
a refusal otherwise. An order that sits in another parcel is never moved silently.
"""

from collections.abc import Sequence

from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.waybills import queries
from miandan.waybills.model import NumberRef, Outcome, Refused, Taken, TakeRequest, Waybill
from miandan.waybills.prepare import Prepared

INTENT = "intent:"
"""Begins the number of a key whose live call is under way; the id of the intent follows."""


async def resolve(db: Database, request: TakeRequest, parcels: Sequence[Prepared]) -> list[Outcome | None]:
    """Each parcel's outcome where its key is occupied, None where it is free."""
    keys = [key for parcel in parcels for key in parcel.ask.keys]
    async with db.transaction() as tx:
        rows = await queries.live_keys(tx, request.merchant_id, keys)
        occupied = {row["parcel_key"]: row for row in rows}
        refs = {
            NumberRef(request.merchant_id, row["carrier"], row["number"], row["month"])
            for row in rows
            if not row["number"].startswith(INTENT)
        }
        waybills = {waybill.ref: waybill for waybill in await queries.waybills(tx, list(refs))}
        all_keys = {ref: await queries.keys_of(tx, ref.merchant_id, ref.carrier, [ref.number]) for ref in refs}
        children = {ref: await queries.children(tx, ref) for ref in refs if waybills[ref].pieces > 1}
    outcomes: list[Outcome | None] = []
    for parcel in parcels:
        mine = [occupied[key] for key in parcel.ask.keys if key in occupied]
        if not mine:
            outcomes.append(None)
        elif any(row["number"].startswith(INTENT) for row in mine):
            outcomes.append(Refused(parcel.ask.keys, Refusal("take.in_doubt", key=parcel.ask.keys[0])))
        else:
            ref = NumberRef(request.merchant_id, mine[0]["carrier"], mine[0]["number"], mine[0]["month"])
            same = set(all_keys[ref].get(ref.number, ())) == set(parcel.ask.keys)
            outcomes.append(_answer(request, parcel, waybills[ref], tuple(children.get(ref, ())), same))
    return outcomes


def _answer(
    request: TakeRequest, parcel: Prepared, waybill: Waybill, children: tuple[str, ...], same_orders: bool
) -> Outcome:
    keys, number = parcel.ask.keys, waybill.ref.number
    if not same_orders:
        return Refused(keys, Refusal("parcel.overlaps", key=keys[0], number=number))
    if waybill.account_id != request.account_id:
        return Refused(keys, Refusal("parcel.account_differs", key=keys[0], number=number, carrier=waybill.ref.carrier))
    differs = differing(parcel, waybill)
    if differs and not request.accept_differences:
        return Refused(keys, Refusal("parcel.differs", key=keys[0], number=number, fields=", ".join(differs)))
    return Taken(keys, waybill.ref, children, known=True, differs=differs, sorted=bool(waybill.route.sort_code))


def differing(parcel: Prepared, waybill: Waybill) -> tuple[str, ...]:
    """The parts of the parcel that are not what the waybill says."""
    same_goods, same_services = parcel.says(waybill.goods, waybill.services)
    compared = {
        "recipient": parcel.sealed.digest != waybill.sealed.digest,
        "goods": not same_goods,
        "services": not same_services,
        "pieces": parcel.ask.pieces != waybill.pieces,
    }
    return tuple(name for name, differs in compared.items() if differs)
