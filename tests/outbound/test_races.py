"""Statements at one moment: whoever comes first is heard, nobody is heard twice, nothing is left half."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable

import pytest

from miandan.kernel.errors import Refusal
from miandan.orders import intake
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState
from miandan.orders.standing import OrderEvent
from miandan.outbound.stating import ORDER_SHIPPED
from miandan.waybills.model import NumberState
from tests.outbound.conftest import Harbour
from tests.outbound.dock import SOMEBODY_ELSE, Dock, of, typed
from tests.outbound.test_numbers import another_merchant
from tests.waybills.world import SHOP, SOMEBODY

ROUNDS = range(6)
CUP = OrderLine("cup", "杯子", quantity=3)


async def codes(verbs: Iterable[Awaitable[object]]) -> Counter[str]:
    """How the verbs ended, all started at once; "" for a success. Anything but a refusal is a failure of the test."""
    ended = await asyncio.gather(*verbs, return_exceptions=True)
    wrong = [one for one in ended if isinstance(one, BaseException) and not isinstance(one, Refusal)]
    assert not wrong, wrong
    return Counter(one.code if isinstance(one, Refusal) else "" for one in ended)


async def test_of_two_numbers_for_one_order_one_goes_out(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        for order in map(str, ROUNDS):
            await dock.keep(order)
            ended = await codes(dock.ship(order, typed()) for _ in range(4))
            assert ended == {"": 1, "outbound.already_shipped": 3}
            assert len(await dock.standing(order)) == 1


async def test_the_same_statement_many_times_at_once_is_one_statement(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        shipments = await asyncio.gather(*(dock.ship("1", of(taken)) for _ in range(8)))
        assert len({one.shipment_id for one in shipments}) == 1
        assert len(await dock.messages(ORDER_SHIPPED)) == 1


async def test_a_request_id_many_times_at_once_brings_the_same_packs(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        first, second = typed(), typed()
        answers = await asyncio.gather(
            *(dock.in_packs("1", (first, {"cup": 1}), (second, {"cup": 1}), request="once") for _ in range(8))
        )
        assert len({tuple(one.pack_id for one in answer) for answer in answers}) == 1
        assert await dock.state("1") == ("to_ship", 2)


async def test_packs_at_once_never_ship_more_than_was_ordered(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        ended = await codes(dock.in_packs("1", (typed(), {"cup": 2}), request=f"r{one}") for one in range(5))
        assert ended == {"": 1, "outbound.quantity_above_left": 4}


@pytest.mark.parametrize("carrier", ["yto", "sf"], ids=["segment", "live"])
async def test_a_number_is_shipped_or_cancelled_and_never_both(harbour: Harbour, carrier: str) -> None:
    async with harbour.dock() as dock:
        for order in map(str, ROUNDS):
            taken = await dock.taken(order, carrier=carrier)
            ended = await codes([dock.ship(order, of(taken)), dock.stall.cancel(taken)])
            waybill = await dock.stall.waybill(taken.ref)
            if ended == {"": 1, "cancel.shipped": 1}:
                assert (waybill.state, waybill.shipped_at is not None) == (NumberState.ISSUED, True)
            else:
                assert ended == {"": 1, "outbound.number_void": 1}
                assert (waybill.state, waybill.shipped_at) == (NumberState.CANCELLED, None)
                assert await dock.state(order) == ("to_ship", 0)


async def test_a_refund_comes_before_the_statement_or_after_it(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        keys = await dock.desk.vault.keys_of(dock.merchant_id)
        for order in map(str, ROUNDS):
            await intake.put_order(dock.desk.db, keys, OrderDraft(order, SHOP, SOMEBODY, (CUP,)), 1)
            ref = OrderRef(SHOP, order)
            ended = await codes(
                [
                    dock.ship(order, typed()),
                    intake.hear(dock.desk.db, keys, ref, OrderEvent.REFUND_OPENED, 2),
                ]
            )
            if ended == {"": 2}:
                assert await dock.state(order) == ("shipped", 3)
                await dock.withdraw(order)
            else:
                assert ended == {"": 1, "outbound.refund_open": 1}
            assert (await dock.order(order)).state is OrderState.REFUNDING, "the refund is never lost"


async def test_of_two_merchants_with_one_typed_in_number_one_has_it(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        other = await another_merchant(dock)
        for order in map(str, ROUNDS):
            number = typed()
            for one in (dock, other):
                await one.keep(order)
            ended = await codes(one.ship(order, number) for one in (dock, other))
            assert ended == {"": 1, "outbound.number_of_another_merchant": 1}


async def test_of_two_receivers_with_one_typed_in_number_one_has_it(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        for first in range(0, 8, 2):
            orders, number = (str(first), str(first + 1)), typed()
            await dock.keep(orders[0])
            await dock.keep(orders[1], recipient=SOMEBODY_ELSE)
            if first % 4:  # noted before: then the directory's own uniqueness does not help
                await dock.ship(orders[0], number)
                await dock.withdraw(orders[0])
            ended = await codes(dock.ship(order, number) for order in orders)
            assert ended == {"": 1, "outbound.number_used": 1}


async def test_shared_packs_corrected_from_every_side_block_nobody(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        one, two = await dock.taken("1", "2"), await dock.taken("3", "4")
        await dock.together("12", of(one), request="a")
        await dock.together("34", of(two), request="b")
        for _ in range(3):
            swaps = [dock.change(order, of(number)) for order, number in zip("1234", (two, two, one, one), strict=True)]
            backs = [dock.change(order, of(number)) for order, number in zip("1234", (one, one, two, two), strict=True)]
            assert await codes([*swaps, *backs]) == {"": 8}
        assert await standing_agrees(dock, one.number, two.number)


async def test_numbers_swapped_between_orders_block_nobody(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        pairs = [(await dock.taken(f"{place}-a"), await dock.taken(f"{place}-b")) for place in range(4)]
        for place, (one, two) in enumerate(pairs):
            await dock.ship(f"{place}-a", of(one))
            await dock.ship(f"{place}-b", of(two))
        for _ in range(4):
            pairs = [(two, one) for one, two in pairs]
            swaps = [dock.change(f"{place}-a", of(one)) for place, (one, _) in enumerate(pairs)]
            swaps += [dock.change(f"{place}-b", of(two)) for place, (_, two) in enumerate(pairs)]
            assert await codes(swaps) == {"": 8}


async def standing_agrees(dock: Dock, *numbers: str) -> bool:
    """Whether both orders of each pack name one number, and exactly the named numbers are stated."""
    named = {order: (await dock.standing(order))[0].number for order in "1234"}
    assert named["1"] == named["2"]
    assert named["3"] == named["4"]
    stated = "SELECT array_agg(number ORDER BY number) FROM waybill WHERE merchant_id = $1 AND shipped_at IS NOT NULL"
    return sorted(set(named.values())) == list(await dock.desk.db.fetchval(stated, dock.merchant_id))


async def test_a_statement_and_its_withdrawal_at_once_leave_nothing_half(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        for order in map(str, ROUNDS):
            taken = await dock.taken(order)
            await dock.ship(order, of(taken))
            await codes([dock.withdraw(order), dock.change(order, typed()), dock.ship(order, of(taken))])
            stated = [one.number for one in await dock.standing(order)]
            assert await dock.is_shipped(taken) == (taken.number in stated)
            assert await dock.state(order) == (("shipped", 2) if stated else ("to_ship", 0))
