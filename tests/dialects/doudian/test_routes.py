"""Routes over real HTTP: who may see one, when, and what its nodes say."""

from datetime import timedelta

from miandan.accounts.model import Sender
from miandan.branches import service as branches
from miandan.cli.sandbox import open_account
from miandan.kernel.clock import now
from miandan.tracking import applying
from miandan.tracking import service as tracking
from miandan.tracking.model import Action, Scan
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import SENDER, Erp
from tests.dialects.doudian.orders import number_for, put_order, ship, shipped_number
from tests.dialects.doudian.partners import deliver, sister_shop, strangers
from tests.dialects.doudian.shapes import misfits

DETAIL, PACKAGE = "logistics.trackNoRouteDetail", "logistics.queryPackageRoute"
COLLECTED = now().replace(microsecond=0) - timedelta(hours=8)
PAID = COLLECTED - timedelta(days=1)

ZTO = {"carrier": "zto", "office": "57100", "units": 100}


def sender_words() -> tuple[str, ...]:
    """The sandbox's sender as an application names it."""
    address, contact = SENDER["address"], SENDER["contact"]
    places = ("province_name", "city_name", "district_name", "detail_address")
    return contact["name"], contact["mobile"], *(address[one] for one in places)


def asked(number: str) -> dict[str, str]:
    return {"logistics_code": "zhongtong", "track_no": number}


async def scan(erp: Erp, number: str, action: Action = Action.COLLECTED, hour: float = 0, text: str = "已揽收") -> None:
    at = COLLECTED + timedelta(hours=hour)
    await tracking.push(erp.running.hall.db, [Scan("zto", number, action, at, text, site_name="余杭示例网点")])
    await deliver(erp.running.hall)


async def test_a_route_stands_under_both_names_oldest_first_with_times_as_text(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await shipped_number(erp)
        await scan(erp, number, Action.SIGNED, 6, "【余杭】签收人：王小明，电话 19900001234")
        await scan(erp, number)
        data = await erp.ok(DETAIL, asked(f" {number.lower()} "))
        assert data["track_info"] == {"track_no": number, "express": "zhongtong"}
        assert data["route__node_list"] == data["route_node_list"]
        first, last = data["route_node_list"]
        assert first == {
            "content": "已揽收",
            "timestamp": str(int(COLLECTED.timestamp())),
            "state": "1",
            "state_description": "已揽收",
            "site_name": "余杭示例网点",
        }
        assert (last["state"], last["state_description"]) == ("51", "已签收")
        assert "王小明" not in last["content"]
        assert "19900001234" not in last["content"]
        del data["route_node_list"]
        assert misfits(DETAIL, data) == []


async def test_the_go_sdks_method_says_the_same_and_never_looks_at_persons(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await shipped_number(erp)
        await scan(erp, number)
        given = {"express": "zhongtong", "track_no": number, "receiver": {"name": "谁也不是", "mobile": "19900000001"}}
        data = await erp.ok(PACKAGE, given)
        assert misfits(PACKAGE, data) == []
        [node] = data["track_routes"]
        assert (node["state"], node["state_time"]) == ("1", int(COLLECTED.timestamp()))


async def test_a_shipped_number_without_scans_has_an_empty_route(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await shipped_number(erp)
        data = await erp.ok(DETAIL, asked(number))
        assert data["route__node_list"] == []


async def test_a_number_that_was_not_stated_as_shipped_shows_no_route(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall, paid_at=PAID)
        number = await number_for(erp, order_id, carrier="zhongtong")
        await scan(erp, number)
        assert await erp.refused(DETAIL, asked(number)) == "isv.business-failed:10015"
        await ship(erp, order_id, number)
        assert len((await erp.ok(DETAIL, asked(number)))["route__node_list"]) == 1


async def test_nobodys_number_and_somebody_elses_are_answered_exactly_alike(ground: Ground) -> None:
    async with ground.erp() as erp, strangers(erp) as pair:
        theirs = await shipped_number(erp)
        await scan(erp, theirs)
        nobodys = theirs[:-4] + "0000"
        await scan(erp, nobodys)  # the inbox keeps it, but nobody may read it by this
        answers = []
        for number in (theirs, nobodys):
            envelope = await pair.seller.call(DETAIL, asked(number))
            assert envelope["code"] == 50002
            answers.append({k: str(v).replace(number, "#") for k, v in envelope.items() if k != "log_id"})
        assert answers[0] == answers[1]
        assert answers[0]["sub_code"] == "isv.business-failed:4007"


async def test_another_shop_of_the_same_merchant_is_somebody_else_too(ground: Ground) -> None:
    async with ground.erp() as erp, sister_shop(erp.running) as sister:
        number = await shipped_number(erp)
        assert await sister.refused(DETAIL, asked(number)) == "isv.business-failed:4007"


async def test_what_was_scanned_before_the_take_is_part_of_the_route_afterwards(ground: Ground) -> None:
    async with ground.erp() as erp, strangers(erp) as pair:  # numbers of a merchant that no other test takes for
        db = erp.running.hall.db
        await open_account(db, pair.seller_id, ZTO, Sender(*sender_words()))
        before = await pair.seller.number()
        coming = [f"{before[:-6]}{int(before[-6:]) + step:06d}" for step in range(1, 2000)]
        async with db.transaction() as tx:
            held = await branches.owners(tx, "zto", coming)
        coming = [one for one in coming if one in held and held[one].merchant_id == pair.seller_id]
        early = [Scan("zto", one, Action.COLLECTED, COLLECTED, "早到的一站", site_name="早站") for one in coming]
        await tracking.push(db, early)
        assert await pair.seller.refused(DETAIL, asked(coming[0])) == "isv.business-failed:4007"
        order_id = await pair.order(paid_at=PAID)
        number = await number_for(pair.seller, order_id, carrier="zhongtong")
        assert number in coming
        await ship(pair.seller, order_id, number)
        [node] = (await pair.seller.ok(DETAIL, asked(number)))["route__node_list"]
        assert (node["content"], node["site_name"]) == ("已揽收", ""), "nobody knew the recipient when it was said"
        await applying.apply_waiting(db, pair.hall.vault)
        [node] = (await pair.seller.ok(DETAIL, asked(number)))["route__node_list"]
        assert node["content"] == "早到的一站"


async def test_a_carrier_that_does_not_exist_is_named_as_a_wrong_parameter(ground: Ground) -> None:
    async with ground.erp() as erp:
        envelope = await erp.call(DETAIL, {"logistics_code": "nobody-express", "track_no": "1"})
        assert (envelope["code"], envelope["sub_code"]) == (40004, "isv.parameter-invalid:10901")


async def test_characters_that_no_database_stores_are_left_out_of_what_is_asked(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await shipped_number(erp)
        assert (await erp.ok(DETAIL, asked(f"{number}\0")))["track_info"]["track_no"] == number
        assert await erp.refused(DETAIL, asked("\0")) == "isv.missing-parameter:400"
