"""Same key again: what a parcel is answered whose key is occupied already.

The old number where nothing differs; the old number with the fields that differ named where the caller accepts that;
a refusal otherwise. An order that sits in another parcel is never moved silently.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from miandan.kernel.database import Database, Reads, Record
from miandan.kernel.errors import Refusal
from miandan.waybills import queries
from miandan.waybills.model import NumberRef, NumberState, Outcome, Refused, Taken, TakeRequest, Waybill
from miandan.waybills.prepare import Prepared

INTENT = "intent:"
"""Begins the number of a key whose live call is under way; the id of the intent follows."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Who occupies the keys that were asked for: numbers with their orders and children, or a live call."""

    occupied: Mapping[str, Record]
    waybills: Mapping[NumberRef, Waybill]
    orders: Mapping[NumberRef, Collection[str]]
    children: Mapping[NumberRef, Sequence[str]]

    @property
    def whole(self) -> bool:
        """False when a number lost its keys while we looked: it was cancelled or replaced, so look again."""
        return all(self.orders.get(ref) for ref in self.waybills)


async def resolve(db: Database, request: TakeRequest, parcels: Sequence[Prepared]) -> list[Outcome | None]:
    """Each parcel's outcome where its key is occupied, None where it is free."""
    keys = [key for parcel in parcels for key in parcel.ask.keys]
    while not (seen := await _look(db, request.merchant_id, keys)).whole:
        pass
    return [_outcome(request, parcel, seen) for parcel in parcels]


async def _look(db: Database, merchant_id: int, keys: Sequence[str]) -> _Seen:
    async with db.transaction() as tx:
        rows = await queries.live_keys(tx, merchant_id, keys)
        refs = {_ref(merchant_id, row) for row in rows if not row["number"].startswith(INTENT)}
        waybills = {waybill.ref: waybill for waybill in await queries.waybills(tx, list(refs))}
        orders: dict[NumberRef, Collection[str]] = {}
        for carrier in {ref.carrier for ref in refs}:
            here = {ref.number: ref for ref in refs if ref.carrier == carrier}
            found = await queries.keys_of(tx, merchant_id, carrier, list(here))
            orders |= {here[number]: own for number, own in found.items()}
        children = {ref: await queries.children(tx, ref) for ref in refs if waybills[ref].pieces > 1}
    return _Seen({row["parcel_key"]: row for row in rows}, waybills, orders, children)


def _outcome(request: TakeRequest, parcel: Prepared, seen: _Seen) -> Outcome | None:
    keys = parcel.ask.keys
    mine = [seen.occupied[key] for key in keys if key in seen.occupied]
    if not mine:
        return None
    if any(row["number"].startswith(INTENT) for row in mine):
        return Refused(keys, Refusal("take.in_doubt", key=keys[0]))
    ref = _ref(request.merchant_id, mine[0])
    same_orders = set(seen.orders[ref]) == set(keys)
    return _answer(request, parcel, seen.waybills[ref], tuple(seen.children.get(ref, ())), same_orders)


def _ref(merchant_id: int, row: Record) -> NumberRef:
    return NumberRef(merchant_id, row["carrier"], row["number"], row["month"])


def _answer(
    request: TakeRequest, parcel: Prepared, waybill: Waybill, children: tuple[str, ...], same_orders: bool
) -> Outcome:
    keys, number = parcel.ask.keys, waybill.ref.number
    if waybill.state is NumberState.CANCEL_REQUESTED:  # nobody may use it until the outcome is known
        return Refused(keys, Refusal("cancel.in_doubt", number=number, carrier=waybill.ref.carrier))
    if not same_orders:
        return Refused(keys, Refusal("parcel.overlaps", key=keys[0], number=number))
    if waybill.account_id != request.account_id:
        return Refused(keys, Refusal("parcel.account_differs", key=keys[0], number=number, carrier=waybill.ref.carrier))
    differs = differing(parcel, waybill)
    if differs and not request.accept_differences:
        return Refused(keys, Refusal("parcel.differs", key=keys[0], number=number, fields=", ".join(differs)))
    route = waybill.route
    return Taken(keys, waybill.ref, children, True, differs, bool(route.sort_code), route)


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


async def live_numbers(db: Reads, merchant_id: int, keys: Sequence[str]) -> dict[str, NumberRef]:
    """The live numbers of these parcel keys; a key without one, or with a call under way, is left out."""
    rows = await queries.live_keys(db, merchant_id, keys)
    return {row["parcel_key"]: _ref(merchant_id, row) for row in rows if not row["number"].startswith(INTENT)}
