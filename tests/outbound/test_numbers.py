"""Which numbers may go out with which orders."""

import asyncio
from dataclasses import replace

import pytest
from msgspec import structs

from miandan.branches import service as branches
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderState
from miandan.outbound.desk import ShipDesk
from miandan.outbound.model import Parcel
from miandan.outbound.policy import StatedNumber
from miandan.vault.retention import shred
from miandan.vault.root import FileRootKey
from miandan.vault.service import Vault
from miandan.waybills import lives
from tests.outbound.conftest import Harbour
from tests.outbound.dock import SOMEBODY_ELSE, Dock, of, refuses, typed
from tests.waybills.stall import open_stall
from tests.waybills.world import SOMEBODY, parcel


async def another_merchant(dock: Dock) -> Dock:
    return replace(dock, stall=await open_stall(dock.stall.world))


async def test_a_typed_in_number_is_noted_as_this_merchants_before_the_answer(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        number = typed()
        shipment = await dock.ship("1", number)
        assert not shipment.taken_here
        owner = await branches.whose(dock.desk.db, "yto", number.number)
        assert owner is not None
        assert owner.merchant_id == dock.merchant_id
        source = "SELECT source FROM number_directory WHERE carrier = 'yto' AND number = $1"
        assert await dock.desk.db.fetchval(source, number.number) == "hand"


async def test_a_number_of_another_merchant_is_refused(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        other = await another_merchant(dock)
        taken, number = await other.taken("1"), typed()
        await other.keep("2")
        await other.ship("2", number)
        await dock.keep("1")
        for theirs in (of(taken), number):
            with refuses("number_of_another_merchant"):
                await dock.ship("1", theirs)
        assert await dock.state("1") == ("to_ship", 0)


async def test_a_number_that_nobody_was_given_is_refused(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.taken("1")
        sandbox = dock.stall.world.counter.carrier("yto").rules[1]
        unlisted = await dock.desk.db.fetchval("SELECT number FROM pool_list_number WHERE taken_at IS NULL LIMIT 1")
        for said in (Parcel("yto", sandbox.format(1_999_999)), Parcel("zto_intl", unlisted)):
            with refuses("number_not_issued"):
                await dock.ship("1", said)


async def test_a_number_goes_out_with_other_orders_of_the_same_recipient(harbour: Harbour) -> None:
    """Whoever merges orders takes the number for one of them."""
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        await dock.keep("2")
        await dock.ship("1", of(taken))
        await dock.ship("2", of(taken))
        await dock.withdraw("1")
        assert await dock.is_shipped(taken), "order 2 still names it"
        await dock.withdraw("2")
        assert not await dock.is_shipped(taken)


async def test_a_number_of_another_receiver_is_refused(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        await dock.keep("2", recipient=SOMEBODY_ELSE)
        with refuses("number_of_another_receiver"):
            await dock.ship("2", of(taken))


async def test_a_typed_in_number_serves_one_receiver_only(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        await dock.keep("2")
        await dock.keep("3", recipient=SOMEBODY_ELSE)
        number = typed()
        await dock.ship("1", number)
        await dock.ship("2", number)
        with refuses("number_used"):
            await dock.ship("3", number)
        for order in "12":
            await dock.withdraw(order)
        await dock.ship("3", number)


async def test_an_address_changed_after_the_take_stops_the_parcel_until_the_waybill_says_so(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        await dock.keep("1", recipient=SOMEBODY_ELSE)
        with refuses("recipient_changed"):
            await dock.ship("1", of(taken))
        counter = dock.stall.world.counter
        await lives.update(counter, dock.merchant_id, "yto", taken.number, recipient=SOMEBODY_ELSE)
        await dock.ship("1", of(taken))


async def test_a_parcel_does_not_go_out_while_another_order_in_it_must_not(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1", "2")
        await dock.keep("2", state=OrderState.REFUNDING)
        with refuses("other_order_in_the_way"):
            await dock.ship("1", of(taken))
        await dock.keep("2")
        await dock.ship("2", of(taken))
        await dock.ship("1", of(taken))


async def test_a_new_index_key_makes_nobody_another_person(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        await dock.desk.vault.rotate(dock.merchant_id, "index")
        await dock.keep("2")
        await dock.ship("2", of(taken))


async def test_keys_that_another_program_has_renewed_are_read_again(harbour: Harbour) -> None:
    async with harbour.dock() as dock, harbour.dock() as other:
        taken = await dock.taken("1")
        await dock.keep("2")
        same_merchant = replace(other, stall=replace(other.stall, merchant_id=dock.merchant_id))
        for purpose in ("seal", "index"):
            await other.desk.vault.rotate(dock.merchant_id, purpose)
        await same_merchant.keep("2", recipient=structs.replace(SOMEBODY, phone="19000000009"))
        with refuses("number_of_another_receiver"):
            await dock.ship("2", of(taken))


async def test_more_statements_than_connections_wait_for_their_turn(harbour: Harbour) -> None:
    """Each of a merchant whose keys nobody has read yet."""
    async with harbour.dock() as dock:
        merchants = [await another_merchant(dock) for _ in range(24)]
        for one in merchants:
            await one.keep("1")
        async with asyncio.timeout(60):
            vault = await Vault.open(dock.desk.db, FileRootKey.open(harbour.folder / "root.key", "for tests only"))
            desk = ShipDesk(dock.desk.db, vault)
            await asyncio.gather(*(replace(one, desk=desk).ship("1", typed()) for one in merchants))


async def test_a_shredded_recipient_stands_in_nobodys_way(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        async with dock.desk.db.transaction() as tx:
            await shred(tx, dock.merchant_id, [(await dock.order("1")).recipient.token])
        await dock.ship("1", of(taken))


async def test_void_numbers_do_not_go_out(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        cancelled, superseded = await dock.taken("1"), await dock.taken("2")
        await dock.stall.cancel(cancelled)
        new = await dock.stall.one("jt", parcel("2"), retake=True)
        for order, void in (("1", cancelled), ("2", superseded)):
            with refuses("number_void"):
                await dock.ship(order, of(void))
        await dock.ship("2", of(new))


@pytest.mark.parametrize(
    ("carrier", "number", "code"),
    [
        ("yto", "JT0012345678901", "carrier_mismatch"),
        ("jt", "YT9000000000001", "carrier_mismatch"),
        ("yto", "YT90000000000012", "number_malformed"),
        ("yto", "", "number_malformed"),
        ("yto", "测试甲", "number_malformed"),
        ("yto", "'; DROP TABLE shipment; --", "number_malformed"),
        ("yto", "9" * 500, "number_malformed"),
        ("ems", "EA473124828CN", "number_malformed"),  # its check digit is 9
        ("fengwang", "FW1234567890", "carrier_unsupported"),
    ],
)
async def test_numbers_that_cannot_be_the_carriers_are_refused(
    harbour: Harbour, carrier: str, number: str, code: str
) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        with refuses(code) as refused:
            await dock.ship("1", Parcel(carrier, number))
        assert not number or number not in refused.value.zh + refused.value.en


async def test_a_carrier_that_nobody_knows_is_refused(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        with pytest.raises(Refusal, match=r"carrier\.unknown"):
            await dock.ship("1", Parcel("nobody", "YT9000000000001"))


async def test_full_width_and_small_letters_are_read_as_the_carrier_writes_them(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        shipment = await dock.ship("1", Parcel("jt", " ｊｔ００１２３４５６７８９０１ "))
        assert shipment.number == "JT0012345678901"


async def test_the_code_of_a_first_package_leads_to_its_number(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        taken = await dock.number(parcel("1", pieces=2), "jd")
        shipment = await dock.ship("1", Parcel("jd", f"{taken.number}-1-2-"))
        assert shipment.number == taken.number
        assert await dock.is_shipped(taken)
        assert await dock.ship("1", Parcel("jd", f"{taken.number}-1-2-")) == shipment


async def test_a_policy_can_forbid_a_shop_numbers_from_elsewhere(harbour: Harbour) -> None:
    asked = []

    async def own_numbers_only(_: Reads, stated: StatedNumber) -> Refusal | None:
        asked.append((stated.order_ids, stated.taken_here))
        return None if stated.taken_here else Refusal("outbound.order_held", order_id="1", reason="policy")

    async with harbour.dock() as dock:
        taken, number = await dock.taken("1"), typed()
        strict = replace(dock, desk=ShipDesk(dock.desk.db, dock.desk.vault, own_numbers_only))
        with refuses("order_held"):
            await strict.ship("1", number)
        assert await branches.whose(dock.desk.db, "yto", number.number) is None, "what is refused is not noted"
        await strict.ship("1", of(taken))
        assert asked == [(("1",), False), (("1",), True)]


async def test_no_message_and_no_statement_names_the_recipient(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        await dock.ship("1", of(taken))
        rows = await dock.desk.db.fetch("SELECT body::text AS body FROM outbox")
        rows += await dock.desk.db.fetch("SELECT row(shipment.*)::text AS body FROM shipment")
        assert not [row for row in rows if SOMEBODY.name in row["body"] or SOMEBODY.phone in row["body"]]
