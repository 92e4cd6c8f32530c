"""An order goes out: in one parcel, in several, or with others in one."""

from datetime import timedelta

import pytest
from msgspec import structs

from miandan.accounts import service as accounts
from miandan.branches import service as branches
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from miandan.merchants.model import Place
from miandan.orders.model import HELD_BY_HAND, HELD_FOR_REVIEW, OrderLine, OrderState
from miandan.outbound.model import LineAsk, Parcel
from miandan.outbound.stating import ORDER_SHIPPED
from miandan.waybills import lives, queries
from miandan.waybills import service as waybills
from miandan.waybills.model import Taken
from tests.outbound.conftest import Harbour
from tests.outbound.dock import SOMEBODY_ELSE, of, refuses, typed
from tests.waybills.stall import SENDER
from tests.waybills.world import parcel

CUP, PLATE = OrderLine("cup", "杯子", quantity=3), OrderLine("plate", "盘子", quantity=1)


async def test_an_order_goes_out_with_the_number_that_was_taken_for_it(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        shipment = await dock.ship("1", of(taken))
        assert (shipment.number, shipment.taken_here, shipment.pieces) == (taken.number, True, 2)
        assert await dock.state("1") == ("shipped", 2)
        assert (await dock.stall.waybill(taken.ref)).shipped_at == shipment.shipped_at
        assert await dock.standing("1") == (shipment,)
        [message] = await dock.messages(ORDER_SHIPPED)
        assert (message["order_id"], message["pack_ids"], message["whole"]) == ("1", [shipment.pack_id], True)


async def test_pack_ids_can_be_carried_by_others_clients(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        shipment = await dock.ship("1", of(await dock.taken("1")))
        assert 0 < len(shipment.pack_id) <= 15
        assert shipment.pack_id.isascii()
        assert shipment.pack_id.isalnum()


async def test_the_same_statement_twice_is_a_success_and_is_told_once(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        first = await dock.ship("1", of(taken))
        assert await dock.ship("1", Parcel("yto", f" {taken.number.lower()} ")) == first
        assert len(await dock.messages(ORDER_SHIPPED)) == 1
        with refuses("already_shipped"):
            await dock.ship("1", typed())


async def test_an_order_of_several_pieces_goes_out_under_parent_and_children(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP, PLATE)
        taken = await dock.number(parcel("1", pieces=3))
        child = taken.children[0]
        await dock.in_packs("1", (of(taken), {"cup": None}), (Parcel("yto", child), {"plate": None}))
        family = [taken.ref, *(queries.sibling(taken.ref, one) for one in taken.children)]
        assert all([(await dock.stall.waybill(ref)).shipped_at is not None for ref in family])
        await dock.withdraw("1")
        assert not any([(await dock.stall.waybill(ref)).shipped_at is not None for ref in family])


async def test_one_order_goes_out_in_many_packs(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP, PLATE)
        first, second = await dock.in_packs("1", (typed(), {"cup": 2}), (typed("jt"), {"cup": 1, "plate": None}))
        assert [(line.line_id, line.quantity, line.ordered) for line in second.lines] == [
            ("cup", 1, 3),
            ("plate", 1, 1),
        ]
        assert first.pack_id != second.pack_id
        assert await dock.state("1") == ("shipped", 4)


async def test_what_is_left_goes_out_later(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP, PLATE)
        await dock.in_packs("1", (typed(), {"cup": 2}))
        assert await dock.state("1") == ("to_ship", 2)
        with refuses("quantity_above_left"):
            await dock.in_packs("1", (typed(), {"cup": 2}), request="r2")
        rest = await dock.ship("1", typed())
        assert {line.line_id: line.quantity for line in rest.lines} == {"cup": 1, "plate": 1}
        assert await dock.state("1") == ("shipped", 4)
        assert [one["whole"] for one in await dock.messages(ORDER_SHIPPED)] == [False, True]


async def test_of_many_packs_all_go_out_or_none(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP, PLATE)
        good = typed()
        with refuses("number_malformed"):
            await dock.in_packs("1", (good, {"cup": None}), (Parcel("yto", "YT123456"), {"plate": None}))
        assert await dock.state("1") == ("to_ship", 0)
        assert await dock.standing("1") == ()
        assert await dock.messages(ORDER_SHIPPED) == []
        assert await branches.whose(dock.desk.db, "yto", good.number) is None
        await dock.in_packs("1", (good, {"cup": None}), (typed(), {"plate": None}))  # the request_id is free again


@pytest.mark.parametrize(
    ("packs", "code"),
    [
        ([], "nothing_stated"),
        ([{}], "nothing_stated"),
        ([{"cup": 1}, {}], "order_without_lines"),
        ([{"spoon": 1}], "line_unknown"),
        ([{"cup": 0}], "quantity_not_positive"),
        ([{"cup": -1}], "quantity_not_positive"),
        ([{"cup": 4}], "quantity_above_left"),
        ([{"cup": 2}, {"cup": 2}], "quantity_above_left"),
        ([{"cup": None}, {"cup": None}], "quantity_above_left"),
        ([{"cup": 1}] * 101, "too_many"),
    ],
)
async def test_packs_that_say_nonsense_are_refused(
    harbour: Harbour, packs: list[dict[str, int | None]], code: str
) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        with refuses(code):
            await dock.in_packs("1", *((typed(), lines) for lines in packs))
        assert await dock.standing("1") == ()


async def test_one_number_on_two_packs_is_refused(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        number = typed()
        with refuses("number_twice"):
            await dock.in_packs("1", (number, {"cup": 1}), (Parcel("yto", number.number.lower()), {"cup": 1}))


async def test_many_orders_go_out_in_one_pack(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1", "2", "3")
        shipments = await dock.together("123", of(taken))
        assert [one.order_id for one in shipments] == ["1", "2", "3"]
        assert len({one.pack_id for one in shipments}) == 1
        assert [await dock.state(order) for order in "123"] == [("shipped", 2)] * 3
        assert {message["order_id"] for message in await dock.messages(ORDER_SHIPPED)} == {"1", "2", "3"}


async def test_of_many_orders_only_the_named_lines_go_out(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        await dock.keep("2", CUP, PLATE)
        with refuses("line_unknown"):
            await dock.together("12", typed(), LineAsk("cup", 1))
        with refuses("order_without_lines"):
            await dock.together("12", typed(), LineAsk("plate", 1))
        await dock.together("12", typed(), LineAsk("cup", 1, "1"), LineAsk("plate", 1))
        assert [await dock.state(order) for order in "12"] == [("to_ship", 1), ("to_ship", 1)]


async def test_orders_of_two_receivers_do_not_share_a_pack(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        await dock.keep("2", recipient=SOMEBODY_ELSE)
        with refuses("number_used"):
            await dock.together("12", typed())


async def test_a_request_id_brings_the_same_packs_and_refuses_another_content(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        number, other = typed(), typed()
        first = await dock.in_packs("1", (number, {"cup": 1}), request="again")
        assert await dock.in_packs("1", (number, {"cup": 1}), request="again") == first
        with refuses("request_reused"):
            await dock.in_packs("1", (number, {"cup": 2}), request="again")
        with refuses("request_reused"):
            await dock.together("1", number, request="again")
        await dock.change("1", other, first[0].pack_id)
        [repeated] = await dock.in_packs("1", (number, {"cup": 1}), request="again")
        assert (repeated.pack_id, repeated.number) == (first[0].pack_id, number.number)
        assert await dock.state("1") == ("to_ship", 1)


@pytest.mark.parametrize("request_id", ["", "x" * 129, "a\nb"])
async def test_a_request_id_that_cannot_be_kept_is_refused(harbour: Harbour, request_id: str) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        with refuses("request_id_malformed"):
            await dock.together("1", typed(), request=request_id)


@pytest.mark.parametrize(
    ("state", "held", "code"),
    [
        (OrderState.AWAITING_PAYMENT, None, "order_unpaid"),
        (OrderState.CANCELLED, None, "order_cancelled"),
        (OrderState.CLOSED, None, "order_finished"),
        (OrderState.REFUNDED, None, "order_refunded"),
        (OrderState.REFUNDING, None, "refund_open"),
        (OrderState.SHIPPED, None, "already_shipped"),
        (OrderState.HELD, HELD_BY_HAND, "order_held"),
        (OrderState.HELD, HELD_FOR_REVIEW, "order_in_review"),
    ],
)
async def test_an_order_that_must_not_go_out_is_refused(
    harbour: Harbour, state: OrderState, held: str | None, code: str
) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", state=state, held=Refusal(held) if held else None)
        with refuses(code):
            await dock.ship("1", typed())
        assert await dock.standing("1") == ()


async def test_an_open_refund_can_be_refused_by_shipping(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP, state=OrderState.REFUNDING)
        await dock.in_packs("1", (typed(), {"cup": 1}), reject_refund=True)
        assert await dock.state("1") == ("refunding", 1)
        await dock.ship("1", typed(), reject_refund=True)
        assert await dock.state("1") == ("shipped", 3)
        assert [one["refund_rejected"] for one in await dock.messages(ORDER_SHIPPED)] == [True, True]


async def test_an_order_of_another_shop_is_refused_like_one_that_is_not_there(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", shop_id="S2")
        with refuses("order_unknown"):
            await dock.ship("1", typed())
        with refuses("order_unknown"):
            await dock.ship("nowhere", typed())


async def test_the_store_that_is_named_has_to_be_open_and_that_of_the_number(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        for store in ("W1", "W2"):
            await merchants.open_store(
                dock.desk.db, dock.merchant_id, store, store, Place("浙江省", "杭州市", "", "1 号")
            )
        account = await dock.stall.account("yto")
        sender = structs.replace(SENDER, store_id="W1", detail="示例路 1 号门店")
        place = await accounts.approve_ship_from(dock.desk.db, dock.merchant_id, account.account_id, sender)
        request = structs.replace(await dock.stall.request(account, [parcel("1")]), ship_from_id=place.ship_from_id)
        [taken] = await waybills.take(dock.stall.world.counter, request)
        assert isinstance(taken, Taken)
        with refuses("store_unknown"):
            await dock.ship("1", of(taken), store_id="nowhere")
        with refuses("store_mismatch"):
            await dock.ship("1", of(taken), store_id="W2")
        await dock.ship("1", of(taken), store_id="W1")


async def test_a_parcel_scanned_before_the_payment_is_not_of_this_order(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", paid_at=now())
        taken = await dock.number(parcel("1"))
        await lives.scanned(dock.desk.db, "yto", taken.number, now() - timedelta(days=1))
        with refuses("scanned_before_payment"):
            await dock.ship("1", of(taken))
