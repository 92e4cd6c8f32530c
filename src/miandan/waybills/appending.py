"""More pieces of a parcel that has its number: new child numbers below the same parent (子母件追加子单)."""

from collections.abc import Callable

from miandan.accounts import leases
from miandan.accounts.cards import AccountCard
from miandan.accounts.leases import AccountRef
from miandan.carriers.model import ChildNumbers
from miandan.kernel.clock import now
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.waybills import lives_queries, queries
from miandan.waybills.counter import Counter
from miandan.waybills.lives import find
from miandan.waybills.model import MOST_PIECES, NumberRef, ParcelAsk, TakeRequest, Waybill
from miandan.waybills.one_by_one import draw_issued
from miandan.waybills.prepare import Prepared, RequestRows, prepare_sealed
from miandan.waybills.superseding import family_for_update, refuse_if_under_way, refuse_unless_live
from miandan.waybills.writing import TakeRows, write


async def append_pieces(
    counter: Counter, merchant_id: int, carrier: str, number: str, more: int, *, app: str
) -> tuple[str, ...]:
    """Give `more` pieces of a live parcel numbers of their own, each with its unit; the new numbers.

    All or nothing. Raises waybill.unknown, waybill.is_child, waybill.not_live, cancel.picked_up, cancel.shipped,
    parcel.pieces, append.not_here (a carrier that numbers the pieces itself), account.*, units.exhausted,
    numbers.exhausted.
    """
    if more < 1:
        raise Refusal("parcel.pieces", pieces=more, most=MOST_PIECES)
    return await _append_within(counter, await find(counter.db, merchant_id, carrier, number), app, lambda had: more)


async def bring_pieces_to(
    counter: Counter, merchant_id: int, carrier: str, number: str, pieces: int, *, app: str
) -> tuple[str, ...]:
    """The same up to `pieces` in all, so that a retry takes no further number; nothing where it has as many or more."""
    ref = await find(counter.db, merchant_id, carrier, number)
    return await _append_within(counter, ref, app, lambda had: pieces - had)


async def _append_within(
    counter: Counter, ref: NumberRef, app: str, more_than: Callable[[int], int]
) -> tuple[str, ...]:
    """`more_than` tells how many come to the pieces that it has, while nobody else adds any."""
    [seen] = await queries.waybills(counter.db, [ref])
    if seen.parent_number is not None:
        raise Refusal("waybill.is_child", number=ref.number, parent=seen.parent_number)
    card = await counter.card(AccountRef(ref.merchant_id, seen.account_id))
    _refuse_impossible(counter, card, seen)
    async with counter.db.transaction() as tx:
        family = await family_for_update(tx, ref)
        await leases.hold_account(tx, card.ref)  # behind the waybills, as whoever holds both
        parent, more = family[0], more_than(family[0].pieces)
        refuse_unless_live(parent)
        if more < 1:
            return ()
        for one in family:
            refuse_if_under_way(one)
        if parent.pieces + more > MOST_PIECES:
            raise Refusal("parcel.pieces", pieces=parent.pieces + more, most=MOST_PIECES)
        return await _append(tx, counter, card, parent, more, app)


def _refuse_impossible(counter: Counter, card: AccountCard, parent: Waybill) -> None:
    obstacle = card.obstacle(parent.ship_from_id)
    if obstacle is not None:
        raise obstacle
    if card.supply == "live" or counter.carrier(card.carrier).terms().child_numbers is ChildNumbers.SUFFIX:
        raise Refusal("append.not_here", carrier=card.carrier, number=parent.ref.number)


async def _append(
    tx: Transaction, counter: Counter, card: AccountCard, parent: Waybill, more: int, app: str
) -> tuple[str, ...]:
    ref, at = parent.ref, now()
    keys = (await queries.keys_of(tx, ref.merchant_id, ref.carrier, [ref.number]))[ref.number]
    request = TakeRequest(ref.merchant_id, parent.account_id, parent.ship_from_id, (), app)
    issued = await draw_issued(tx, counter, request, card, more, at, ref.month)
    rows, pieces = TakeRows(), parent.pieces + more
    like_parent = _as_taken(parent, tuple(keys))
    RequestRows(rows, request, ref.carrier).add_children(like_parent, ref.number, issued, parent.pieces + 1, pieces)
    await write(tx, at, ref.month, rows)
    await lives_queries.set_pieces(tx, ref, pieces)
    return tuple(one.number for one in issued)


def _as_taken(parent: Waybill, keys: tuple[str, ...]) -> Prepared:
    """What was asked when the parent was taken, as its document says it now."""
    ask = ParcelAsk(
        keys,
        parent.order_ref,
        parent.sealed,
        parent.goods,
        parent.division_code,
        parent.shop_id,
        parent.product,
        parent.services,
    )
    return prepare_sealed(ask, parent.sealed, None, parent.route)
