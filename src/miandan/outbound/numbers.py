"""May this number go out with these orders? What was taken here is held, any other is noted before the answer."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from miandan.branches import service as branches
from miandan.branches.model import DirectoryRow, Source, Whose
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Carrier, today
from miandan.carriers.numbers import LOOSE_SHAPE, NumberKind
from miandan.kernel.clock import trade_day
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.orders import queries as orders
from miandan.orders.model import OrderRef, OrderState, TradeOrder
from miandan.orders.shippable import obstacle, standings
from miandan.outbound import companies, queries
from miandan.outbound.model import Parcel, Shipment
from miandan.outbound.policy import NumberPolicy, StatedNumber
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Sealed
from miandan.waybills import queries as waybills
from miandan.waybills.model import NumberRef, NumberState, Waybill
from miandan.waybills.obstacles import goes_elsewhere
from miandan.waybills.superseding import family_for_update


@dataclass(frozen=True, slots=True)
class Found:
    """A number as it is known here: its waybill with parent and children, held; none where it was taken elsewhere."""

    parcel: Parcel
    family: tuple[Waybill, ...] = field(default=())

    @property
    def numbers(self) -> list[str]:
        """Every number of the parcel: parent and children go out together."""
        return [one.ref.number for one in self.family] or [self.parcel.number]

    @property
    def parent(self) -> NumberRef | None:
        return self.family[0].ref if self.family else None


def read_parcel(said: Parcel, order_id: str) -> Parcel:
    """The parcel in our spelling. Raises carrier.unknown, outbound.number_malformed."""
    carrier = catalogue().get(said.carrier)
    number = unicodedata.normalize("NFKC", said.number).strip().upper()
    if LOOSE_SHAPE.fullmatch(number) is None:
        raise Refusal("outbound.number_malformed", order_id=order_id, carrier=carrier.code)
    return Parcel(carrier.code, number)


def says(parcel: Parcel, shipment: Shipment) -> bool:
    """Whether a statement names this number already; the code of a first package leads to its number."""
    whole = catalogue().get(parcel.carrier).whole_number(parcel.number)
    return shipment.carrier == parcel.carrier and shipment.number in (parcel.number, whole)


async def find_for_update(tx: Transaction, merchant_id: int, parcels: Iterable[Parcel]) -> dict[Parcel, Found]:
    """The merchant's waybills of these numbers, held in one order so that two statements never block each other."""
    found = {}
    for parcel in sorted(set(parcels), key=lambda one: (one.carrier, one.number)):
        found[parcel] = await _find_for_update(tx, merchant_id, parcel)
    return found


async def _find_for_update(tx: Transaction, merchant_id: int, parcel: Parcel) -> Found:
    whole = catalogue().get(parcel.carrier).whole_number(parcel.number)
    for number in dict.fromkeys((parcel.number, whole)):
        ref = await waybills.find(tx, merchant_id, parcel.carrier, number)
        if ref is not None:
            [waybill] = await waybills.waybills(tx, [ref])
            parent = ref if waybill.parent_number is None else waybills.sibling(ref, waybill.parent_number)
            return Found(Parcel(parcel.carrier, number), tuple(await family_for_update(tx, parent)))
    return Found(Parcel(parcel.carrier, whole))


async def admit(
    tx: Transaction,
    keys: MerchantKeys,
    policy: NumberPolicy,
    found: Found,
    shipped: Sequence[TradeOrder],
    at: datetime,
) -> None:
    """Let a number go out with these orders of one shop, which are held. One that was taken elsewhere is noted.

    Raises outbound.number_void, other_order_in_the_way, recipient_changed, number_of_another_receiver,
    scanned_before_payment, carrier_unsupported, number_malformed, carrier_mismatch, number_of_another_merchant,
    number_not_issued, number_used, and what the policy says.
    """
    if found.family:
        await _refuse_taken_here(tx, keys, found, shipped)
    else:
        await companies.refuse_unsupported(tx, keys.merchant_id, found.parcel.carrier)
        _refuse_shape(found.parcel, shipped[0].ref.order_id)
    asked = StatedNumber(
        keys.merchant_id,
        shipped[0].ref.shop_id,
        tuple(order.ref.order_id for order in shipped),
        found.parcel.carrier,
        found.parcel.number,
        bool(found.family),
    )
    refusal = await policy(tx, asked)
    if refusal is not None:
        raise refusal
    if not found.family:
        await _note(tx, keys.merchant_id, found.parcel, at)
        await _refuse_other_receivers(tx, keys, found.parcel, shipped)


async def _refuse_taken_here(tx: Transaction, keys: MerchantKeys, found: Found, shipped: Sequence[TradeOrder]) -> None:
    """A live number goes out with the orders it was taken for, or with others of the same recipient: whoever merges
    orders takes one number for one of them (reference/doudian.md, newCreateOrder)."""
    waybill, number = found.family[0], found.parcel.number
    if waybill.superseded_by is not None or waybill.state is not NumberState.ISSUED:
        state = "superseded" if waybill.superseded_by is not None else waybill.state.value
        raise Refusal("outbound.number_void", number=number, state=state)
    taken_for = set(await waybills.orders_of(tx, waybill.ref))
    for order in shipped:
        _refuse_another_recipient(keys, waybill, order, is_taken_for=order.ref in taken_for)
        _refuse_scanned_before(found, order)
    await _refuse_others_in_the_way(tx, keys.merchant_id, number, taken_for - {order.ref for order in shipped})


def _refuse_another_recipient(keys: MerchantKeys, waybill: Waybill, order: TradeOrder, *, is_taken_for: bool) -> None:
    order_id, number = order.ref.order_id, waybill.ref.number
    if is_taken_for and goes_elsewhere(keys, waybill, order):
        raise Refusal("outbound.recipient_changed", order_id=order_id, number=number)
    if not is_taken_for and not _same_recipient(
        keys, (waybill.order_ref, waybill.sealed), (order.ref.bound_to, order.recipient)
    ):
        raise Refusal("outbound.number_of_another_receiver", order_id=order_id, number=number)


def _refuse_scanned_before(found: Found, order: TradeOrder) -> None:
    scans = [one.first_scan_at for one in found.family if one.first_scan_at is not None]
    if scans and order.paid_at is not None and min(scans) < order.paid_at:
        raise Refusal("outbound.scanned_before_payment", order_id=order.ref.order_id, number=found.parcel.number)


async def _refuse_others_in_the_way(tx: Transaction, merchant_id: int, number: str, others: Iterable[OrderRef]) -> None:
    """The parcel holds the goods of every order that its number was taken for, so each of them has to be free to ship.

    A look that holds nothing: what is heard of another order at this very moment may be answered after it.
    """
    known = await standings(tx, merchant_id, sorted(others))
    for order in known.values():
        reason = obstacle(order.ref.order_id, order.state, order.held_reason)
        if reason is not None and order.state is not OrderState.SHIPPED:
            raise Refusal(
                "outbound.other_order_in_the_way", number=number, order_id=order.ref.order_id, reason=reason.code
            )


def _same_recipient(keys: MerchantKeys, one: tuple[str, Sealed], other: tuple[str, Sealed]) -> bool:
    """Whether two sealed recipients are one person at one place. Digests of different key versions differ, so only
    what is opened in the vault counts as another; who was shredded cannot be opened."""
    (_, first), (_, second) = one, other
    if first.digest == second.digest:
        return True
    return first.key is not None and second.key is not None and keys.same(one, other)


def _refuse_shape(parcel: Parcel, order_id: str) -> None:
    """Raises outbound.carrier_mismatch where other carriers number so and this one does not, else
    outbound.number_malformed where this one does not. Neither repeats the text: a phone may have slipped in."""
    carrier = catalogue().get(parcel.carrier)
    if _could_number(carrier, parcel.number):
        return
    others = catalogue().recognise(parcel.number)
    if not others:
        raise Refusal("outbound.number_malformed", order_id=order_id, carrier=carrier.code)
    raise Refusal(
        "outbound.carrier_mismatch",
        order_id=order_id,
        carrier=carrier.code,
        likely_zh="、".join(f"{one.zh}（{one.code}）" for one in others),
        likely_en=", ".join(f"{one.en} ({one.code})" for one in others),
    )


def _could_number(carrier: Carrier, number: str) -> bool:
    """Older shapes count too; nothing is known of some carriers, and then anything shaped like a number may be one."""
    rules = [rule for rule in carrier.rules if rule.holds_on(today())]
    known = any(rule.kind is NumberKind.STANDARD for rule in rules)
    return not known or any(rule.tolerates(number) for rule in rules)


async def _note(tx: Transaction, merchant_id: int, parcel: Parcel, at: datetime) -> None:
    """Write down whose a typed-in number is, and hold that row: nobody else can state it at the same moment.

    Raises outbound.number_of_another_merchant, and outbound.number_not_issued for one that lies in a pool of ours.
    """
    month = trade_day(at).replace(day=1)
    row = DirectoryRow(parcel.carrier, parcel.number, merchant_id, month, Source.HAND, at)
    if not await branches.note_numbers(tx, [row]):
        return
    owner = await branches.whose_for_update(tx, parcel.carrier, parcel.number)
    if owner is not None and owner.merchant_id != merchant_id:
        raise Refusal("outbound.number_of_another_merchant", carrier=parcel.carrier, number=parcel.number)
    if owner is None or not _noted(owner):
        raise Refusal("outbound.number_not_issued", carrier=parcel.carrier, number=parcel.number)


def _noted(owner: Whose) -> bool:
    """Whether the directory itself knows the number; one of a slice that has no waybill was never taken."""
    return owner.month is not None


async def _refuse_other_receivers(
    tx: Transaction, keys: MerchantKeys, parcel: Parcel, shipped: Sequence[TradeOrder]
) -> None:
    """One parcel has one recipient, also where no waybill of ours says which. Raises outbound.number_used."""
    ours = {order.ref for order in shipped}
    standing = await queries.of_numbers(tx, keys.merchant_id, parcel.carrier, [parcel.number])
    others = await orders.find(tx, keys.merchant_id, sorted({one.ref for one in standing} - ours))
    first = shipped[0]
    for order in (*shipped[1:], *others):
        if not _same_recipient(keys, (first.ref.bound_to, first.recipient), (order.ref.bound_to, order.recipient)):
            raise Refusal(
                "outbound.number_used", order_id=first.ref.order_id, number=parcel.number, other=order.ref.order_id
            )
