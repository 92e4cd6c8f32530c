"""From numbers to labels: which waybills may be printed now, why others may not, and what each label says.

A batch is read with a fixed number of statements; one bad number costs only itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.printing import queries
from miandan.printing.desk import PrintDesk
from miandan.printing.model import MOST_ITEMS, Asked, Reader, Sheet, Withheld
from miandan.waybills.label import labels_of
from miandan.waybills.model import NumberRef, Waybill, order_of_key
from miandan.waybills.obstacles import obstacles
from miandan.waybills.queries import sibling
from miandan.waybills.superseding import refuse_unless_live

Found = dict[Asked, Sheet | Withheld]


def refuse_too_many(items: Sequence[object]) -> None:
    """Raises Refusal printing.too_many."""
    if len(items) > MOST_ITEMS:
        raise Refusal("printing.too_many", limit=MOST_ITEMS, given=len(items))


def of_shop(reader: Reader, merchant_id: int, waybills: Iterable[Waybill]) -> list[Waybill]:
    """Those that the reader may know of: its own shop's, or what the caller has found it may print for another."""
    if merchant_id != reader.merchant_id:
        return list(waybills)
    return [one for one in waybills if one.shop_id == reader.shop_id]


async def sheets_of(desk: PrintDesk, merchant_id: int, waybills: Iterable[Waybill]) -> Found:
    """The merchant's waybills that may be printed; those that may not are withheld: waybill.not_live,
    waybill.order_in_the_way, waybill.recipient_changed, vault.shredded."""
    known = {Asked(one.ref.carrier, one.ref.number): one for one in waybills}
    parents = [asked for asked, one in known.items() if one.pieces > 1 and one.parent_number is None]
    keys = await queries.keys_of(desk.db, merchant_id, (Asked(*_parcel(one)) for one in known.values()))
    children = await queries.children_of(desk.db, merchant_id, parents) if parents else {}
    stopped = await _stopped(desk, family(known.values()))
    found: Found = {}
    for asked, one in known.items():
        orders = tuple(map(order_of_key, keys.get(Asked(*_parcel(one)), ())))
        sheet = Sheet(one, orders, tuple(children.get(asked, ())))
        refusal = void(one) or in_the_way(one, stopped)
        found[asked] = sheet if refusal is None else Withheld(*asked, sheet.order_id, refusal)
    return found


def void(waybill: Waybill) -> Refusal | None:
    """Why a waybill must not be on any parcel, or says nobody's name any more."""
    try:
        refuse_unless_live(waybill)
    except Refusal as refusal:
        return refusal
    return Refusal("vault.shredded", token=waybill.sealed.token) if waybill.sealed.key is None else None


def family(waybills: Iterable[Waybill]) -> list[NumberRef]:
    """The numbers with the parents of those that are children: all orders of a parcel stand behind its parent only."""
    refs = dict[NumberRef, None]()
    for one in waybills:
        refs[one.ref] = None
        if one.parent_number is not None:
            refs[sibling(one.ref, one.parent_number)] = None
    return list(refs)


def in_the_way(waybill: Waybill, stopped: Mapping[NumberRef, Refusal]) -> Refusal | None:
    """What the orders of a waybill's parcel say against printing it."""
    parent = None if waybill.parent_number is None else stopped.get(sibling(waybill.ref, waybill.parent_number))
    return stopped.get(waybill.ref) or parent


async def _stopped(desk: PrintDesk, refs: Sequence[NumberRef]) -> dict[NumberRef, Refusal]:
    try:
        return await obstacles(desk.counter, refs)
    except Refusal as refusal:  # a recipient that cannot be opened costs only its own label
        if len(refs) == 1:
            return {refs[0]: refusal}
        each = [await _stopped(desk, [ref]) for ref in refs]
        return {ref: why for one in each for ref, why in one.items()}


def _parcel(waybill: Waybill) -> tuple[str, str]:
    """Carrier and number that occupy the parcel's keys: a child's are its parent's."""
    return waybill.ref.carrier, waybill.parent_number or waybill.ref.number


def unknown(asked: Asked) -> Withheld:
    """A number that is not this merchant's; whether it is somebody else's is not told."""
    return Withheld(*asked, "", Refusal("waybill.unknown", carrier=asked.carrier, number=asked.number))


async def labels(
    desk: PrintDesk, sheets: Sequence[Sheet], at: datetime, actor: str
) -> tuple[dict[Asked, LabelData], dict[Asked, Refusal]]:
    """What each label of one merchant says, and why one says nothing: its recipient cannot be opened."""
    if not sheets:
        return {}, {}
    try:
        said = await _said(desk, sheets, at, actor)
        return {sheet.asked: label for sheet, label in zip(sheets, said, strict=True)}, {}
    except Refusal:
        return await _one_by_one(desk, sheets, at, actor)


async def _one_by_one(
    desk: PrintDesk, sheets: Sequence[Sheet], at: datetime, actor: str
) -> tuple[dict[Asked, LabelData], dict[Asked, Refusal]]:
    found, refused = {}, {}
    for sheet in sheets:
        try:
            [found[sheet.asked]] = await _said(desk, [sheet], at, actor)
        except Refusal as refusal:
            refused[sheet.asked] = refusal
    return found, refused


async def _said(desk: PrintDesk, sheets: Sequence[Sheet], at: datetime, actor: str) -> list[LabelData]:
    waybills = [sheet.waybill for sheet in sheets]
    return await labels_of(desk.counter, waybills, at, actor=actor, sandbox=desk.sandbox)
