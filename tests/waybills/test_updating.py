"""Content changes only by update: a new version, the old document kept; and who may read the recipient."""

from datetime import timedelta

import pytest
from msgspec import structs

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderDraft, OrderLine
from miandan.orders.service import keep
from miandan.orders.standing import OrderEvent
from miandan.vault.model import IndexKind
from miandan.vault.persons import erase_person, search
from miandan.waybills import lives
from miandan.waybills.for_orders import OrderParcel
from miandan.waybills.model import NumberRef, Taken
from tests.waybills.conftest import Heart
from tests.waybills.order_stall import OrderStall
from tests.waybills.stall import Stall
from tests.waybills.world import SHOP, SOMEBODY, parcel

MOVED = structs.replace(
    SOMEBODY,
    name="测试乙",
    phone="19000000002",
    province="江苏省",
    city="南京市",
    district="玄武区",
    town="",
    detail="试验巷 3 号",
    division_code="320102",
)


async def update(stall: Stall, taken: Taken, **changes: object) -> int:
    return await lives.update(
        stall.world.counter,
        stall.merchant_id,
        taken.ref.carrier,
        taken.number,
        **changes,  # type: ignore[arg-type]
    )


async def reads(stall: Stall, ref: NumberRef) -> str:
    return (await lives.read_for_delivery(stall.world.counter, ref.carrier, ref.number, "courier-1")).name


async def test_an_update_writes_a_version_and_keeps_the_old_document(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        before = await stall.waybill(taken.ref)
        assert await update(stall, taken, recipient=MOVED) == 2
        assert await update(stall, taken, goods=[{"line_id": "1", "title": "盘子", "quantity": 2}]) == 3
        after = await stall.waybill(taken.ref)
        assert (after.version, after.ref) == (3, before.ref)
        kept = await stall.world.db.fetch(
            "SELECT * FROM waybill_version WHERE merchant_id = $1 AND number = $2 ORDER BY version",
            stall.merchant_id,
            taken.number,
        )
        assert [row["version"] for row in kept] == [1, 2]
        assert (kept[0]["recipient"], kept[0]["sort_code"]) == (before.sealed.body, before.route.sort_code)
        assert kept[1]["recipient"] == after.sealed.body, "goods changed, the recipient did not"
        assert kept[1]["goods"] == list(before.goods)
        assert await reads(stall, taken.ref) == MOVED.name


async def test_a_new_place_means_a_new_way(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        before = (await stall.waybill(taken.ref)).route
        await update(stall, taken, recipient=MOVED)
        after = (await stall.waybill(taken.ref)).route
        assert before.sort_code.startswith("3301")
        assert after.sort_code.startswith("3201")
        await update(stall, taken, recipient=structs.replace(MOVED, division_code=""))
        assert (await stall.waybill(taken.ref)).route.sort_code == "", "better unsorted than sorted to the old place"


async def test_after_an_update_the_changed_order_is_the_known_one(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        changed = structs.replace(parcel("1", recipient=MOVED), services={"insured": 100})
        assert (await stall.refusal("yto", changed)).fields["fields"] == "recipient, services"
        await update(stall, taken, recipient=MOVED, services={"insured": 100})
        assert (await stall.one("yto", changed)).differs == ()
        assert (await stall.refusal("yto", "1")).code == "parcel.differs"


async def test_all_pieces_get_the_new_document(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1", pieces=3))
        assert await update(stall, taken, recipient=MOVED) == 2
        for number in (taken.number, *taken.children):
            waybill = await stall.waybill(structs.replace(taken.ref, number=number))
            assert (waybill.version, waybill.division_code) == (2, MOVED.division_code)
            assert await reads(stall, waybill.ref) == MOVED.name


@pytest.mark.parametrize("state", ["cancelled", "superseded", "scanned", "shipped"])
async def test_what_is_under_way_or_over_is_not_changed(heart: Heart, state: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        if state == "cancelled":
            await stall.cancel(taken)
        elif state == "superseded":
            await stall.one("sto", "1", retake=True)
        elif state == "scanned":
            await lives.scanned(stall.world.db, "yto", taken.number, now())
        else:
            await lives.state_shipped(stall.world.db, stall.merchant_id, "yto", taken.number, now())
        with pytest.raises(Refusal, match=r"waybill\.not_live|cancel\.picked_up|cancel\.shipped"):
            await update(stall, taken, recipient=MOVED)
        assert (await stall.waybill(taken.ref)).version == 1


async def test_a_replaced_recipient_is_still_found_and_erased(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = structs.replace(SOMEBODY, phone="19000070001")
        taken = await stall.one("yto", parcel("1", recipient=old))
        await update(stall, taken, recipient=MOVED)
        db, vault = stall.world.db, stall.world.vault
        assert await search(db, vault, stall.merchant_id, IndexKind.PHONE, old.phone)
        await erase_person(db, vault, old.phone, actor="clerk-1")
        left = await stall.count(
            "SELECT count(*) FROM waybill_version WHERE merchant_id = $1 AND recipient_key IS NOT NULL"
        )
        assert left == 0
        assert await reads(stall, taken.ref) == MOVED.name


@pytest.mark.parametrize("way", ["event", "file"])
async def test_a_recipient_that_only_the_waybill_still_has_is_found_and_erased(heart: Heart, way: str) -> None:
    """The order goes to somebody else by now; its number was taken before."""
    async with heart.stall() as stall:
        db, vault, orders = stall.world.db, stall.world.vault, OrderStall(stall)
        keys = await vault.keys_of(stall.merchant_id)
        old = structs.replace(SOMEBODY, phone="19000070003")
        if way == "event":
            await orders.put("1", recipient=old)
        else:
            await keep(db, keys, [OrderDraft("1", SHOP, old, (OrderLine("1-1", "杯子"),))])
        taken = await orders.taken(OrderParcel(SHOP, ("1",), pack_id="p1"))
        if way == "event":
            await orders.tell("1", OrderEvent.ADDRESS_CHANGED, MOVED)
        else:
            await keep(db, keys, [OrderDraft("1", SHOP, MOVED, (OrderLine("1-1", "杯子"),))])
        assert await search(db, vault, stall.merchant_id, IndexKind.PHONE, MOVED.phone)
        assert await search(db, vault, stall.merchant_id, IndexKind.PHONE, old.phone)
        await erase_person(db, vault, old.phone, actor="clerk-1")
        assert (await stall.waybill(taken.ref)).sealed.key is None
        assert (await orders.order("1")).recipient.key is not None


async def test_the_recipient_of_a_refused_call_is_found_and_erased(heart: Heart) -> None:
    async with heart.stall() as stall:
        somebody = structs.replace(SOMEBODY, phone="19000070002")
        await stall.take("deppon", parcel("1", recipient=somebody, pieces=31))
        await erase_person(stall.world.db, stall.world.vault, somebody.phone, actor="clerk-1")
        left = await stall.count(
            "SELECT count(*) FROM live_intent WHERE merchant_id = $1 AND recipient_key IS NOT NULL"
        )
        assert left == 0


@pytest.mark.parametrize("carrier", ["yto", "sf"])
async def test_the_carrier_reads_its_live_number_on_record(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, "1")
        assert await reads(stall, taken.ref) == SOMEBODY.name
        entry = await stall.world.db.fetchrow(
            "SELECT actor, subject FROM audit_entry WHERE chain = $1 AND purpose = 'deliver'",
            f"merchant:{stall.merchant_id}",
        )
        assert entry is not None
        assert entry["actor"] == "courier-1"
        assert entry["subject"]["tokens"] == [str((await stall.waybill(taken.ref)).sealed.token)]


@pytest.mark.parametrize("state", ["cancelled", "superseded", "recycled"])
async def test_the_carrier_does_not_read_a_number_that_is_void(heart: Heart, state: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        if state == "superseded":
            await stall.one("sto", "1", retake=True)
        else:
            await stall.cancel(taken)
        if state == "recycled":
            await lives.recycle_due(stall.world.db, now() + timedelta(days=16))
        with pytest.raises(Refusal, match=r"vault\.number_not_live"):
            await reads(stall, taken.ref)


async def test_another_carrier_and_an_unknown_number_read_nothing(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        for ref in (structs.replace(taken.ref, carrier="sto"), structs.replace(taken.ref, number="YT0009999999998")):
            with pytest.raises(Refusal, match=r"waybill\.unknown"):
                await reads(stall, ref)
