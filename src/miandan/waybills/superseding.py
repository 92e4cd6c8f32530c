"""A number that a later one replaces: void from that moment, whether its carrier can cancel it or not."""

from datetime import datetime

from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.waybills import queries
from miandan.waybills.model import NumberRef, NumberState, Waybill


async def supersede(tx: Transaction, old: NumberRef, at: datetime) -> None:
    """End the old number's keys and ask for its cancellation, children included; the caller names the successor.

    Raises cancel.picked_up and cancel.shipped, and take.contended when the number is not the live one any more.
    """
    family = await family_for_update(tx, old)
    for waybill in family:
        refuse_if_under_way(waybill)
    if not await queries.end_keys(tx, old, [waybill.ref.number for waybill in family], at):
        raise Refusal("take.contended", key=old.number)
    numbers = [waybill.ref.number for waybill in family if waybill.state is NumberState.ISSUED]
    await queries.set_state(tx, old, numbers, NumberState.CANCEL_REQUESTED, at)


async def family_for_update(tx: Transaction, parent: NumberRef) -> list[Waybill]:
    """A parent and its children, held. Raises waybill.unknown."""
    family = await queries.waybills_for_update(tx, [parent])
    if not family:
        raise Refusal("waybill.unknown", carrier=parent.carrier, number=parent.number)
    if family[0].pieces > 1:
        children = await queries.children(tx, parent)
        family += await queries.waybills_for_update(tx, [queries.sibling(parent, number) for number in children])
    return family


def refuse_if_under_way(waybill: Waybill) -> None:
    """Raises cancel.picked_up after a pick-up scan, cancel.shipped while a ship statement stands."""
    if waybill.first_scan_at is not None:
        raise Refusal("cancel.picked_up", number=waybill.ref.number)
    if waybill.shipped_at is not None:
        raise Refusal("cancel.shipped", number=waybill.ref.number)


def refuse_unless_live(waybill: Waybill) -> None:
    """Raises waybill.not_live for a number that must not be on any parcel."""
    if waybill.superseded_by is not None:
        raise Refusal("waybill.not_live", number=waybill.ref.number, state=f"superseded by {waybill.superseded_by}")
    if waybill.state is not NumberState.ISSUED:
        raise Refusal("waybill.not_live", number=waybill.ref.number, state=waybill.state.value)
