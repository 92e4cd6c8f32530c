"""From a taken number to the agent: sealed for one shop, withheld when the order says so, dead after a week."""

import asyncio
import time
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs

from miandan.accounts import service as accounts
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.print_data import header_of, unwrap
from miandan.labels.raster import render_png
from miandan.orders import service as orders
from miandan.orders.model import OrderRef, OrderState
from miandan.printing import service
from miandan.printing.model import MOST_ITEMS, Asked, PrintData, Reader, Withheld
from miandan.printing.rules import life_on
from miandan.vault.retention import shred
from miandan.waybills import counter as counters
from miandan.waybills import lives
from tests.printing.conftest import Printery
from tests.printing.press import APP, PLACED, Press, asked, child, paired
from tests.waybills.stall import SENDER
from tests.waybills.world import SHOP, parcel

LIFE = life_on(now().date())
DAY = timedelta(days=1)
NOBODYS = Asked("yto", "YT0009999999997")


async def refusal(press: Press, agent_id: str, text: str = "", **more: object) -> str:
    reader = more.pop("reader", press.reader)
    with pytest.raises(Refusal) as refused:
        await service.shop_key(press.desk, reader, agent_id, text, **more)  # type: ignore[arg-type]
    return refused.value.code


async def key_rows(press: Press) -> int:
    return await press.stall.count("SELECT count(*) FROM print_key WHERE merchant_id = $1")


# --- the whole way ----------------------------------------------------------------------------------------------------


async def test_a_taken_number_reaches_the_paper_of_a_paired_agent(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent, at = await press.taken("1"), await press.agent(), now()
        given = await press.data(taken, at)
        found = await press.opened(given, agent)
        assert (given.order_id, given.number) == ("1", taken.number)
        assert found.label == await press.label(taken.ref, at)
        assert next(render_png([found.label]))
        assert (found.header.app, found.header.shop, found.header.document) == (APP, SHOP, 1)


async def test_nobody_is_in_the_clear_and_nobody_is_revealed(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        found = (await press.opened(await press.data(taken), agent)).label
        for hidden in (PLACED.name, PLACED.phone, "19087654321", "301室", SENDER.contact):
            assert hidden not in str(found)
        assert await press.stall.count("SELECT count(*) FROM reveal_budget WHERE app = $1::bigint::text") == 0


async def test_print_data_counts_no_copy_and_says_which_one_it_would_be(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        assert [(await press.opened(await press.data(taken), agent)).label.copy for _ in range(2)] == [1, 1]
        assert await press.copies(taken.ref) == 0
        await press.desk.db.execute("UPDATE waybill SET copies = 2 WHERE merchant_id = $1", press.merchant_id)
        assert (await press.opened(await press.data(taken), agent)).label.copy == 3


async def test_a_parent_names_its_children_and_each_has_print_data_of_its_own(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1", pieces=3), await press.agent()
        given = await press.ask(taken, child(taken))
        parent, second = [await press.opened(one, agent) for one in given if isinstance(one, PrintData)]
        assert parent.children == taken.children
        assert second.children == ()
        assert (second.label.piece, second.label.pieces, second.label.parent_number) == (2, 3, taken.number)
        assert second.label.order_ids == ("1",)


async def test_the_full_label_goes_out_only_where_it_was_chosen(
    printery: Printery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "FRESH_SECONDS", -1.0)
    async with printery.press() as press:
        account = await press.stall.account("yto")
        await accounts.choose_full_label(press.desk.db, press.merchant_id, account.account_id, "clerk-1")
        full, masked, agent = await press.taken("1"), await press.taken("2", "sto"), await press.agent()
        given = await press.ask(full, masked)
        shown = [(await press.opened(one, agent)).label.recipient_name for one in given if isinstance(one, PrintData)]
        assert (shown[0], shown[1][0], shown[1][1]) == (PLACED.name, "测", "*")
        revealed = "SELECT count(*) FROM audit_entry WHERE chain = 'merchant:' || $1::bigint AND purpose = 'print_full'"
        assert await press.stall.count(revealed) == 1


async def test_an_updated_document_gives_another_version(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        before = await press.data(taken)
        await lives.update(
            press.desk.counter,
            press.merchant_id,
            "yto",
            taken.number,
            recipient=structs.replace(PLACED, phone="19055555500"),
        )
        found = await press.opened(await press.data(taken), agent)
        assert (header_of(before.print_data).document, found.header.document) == (1, 2)
        assert found.label.recipient_phone.endswith("5500")


# --- what is withheld -------------------------------------------------------------------------------------------------


async def test_answers_come_in_the_order_asked_and_one_bad_number_costs_only_itself(printery: Printery) -> None:
    async with printery.press() as press:
        one, void, other = await press.taken("1"), await press.taken("2"), await press.taken("3", "sto")
        await press.stall.cancel(void)
        given = await press.ask(other, void, NOBODYS, one, other)
        assert [one.number for one in given] == [
            other.number,
            void.number,
            NOBODYS.number,
            one.number,
            other.number,
        ]
        assert [one.refusal.code if isinstance(one, Withheld) else "" for one in given] == [
            "",
            "waybill.not_live",
            "waybill.unknown",
            "",
            "",
        ]


async def test_another_merchants_number_is_as_unknown_as_nobodys(printery: Printery) -> None:
    async with printery.press() as press, printery.press() as neighbour:
        theirs = await neighbour.taken("1")
        [answer] = await press.ask(theirs)
        [nobodys] = await press.ask(NOBODYS)
        assert isinstance(answer, Withheld)
        assert isinstance(nobodys, Withheld)
        assert answer.refusal.code == nobodys.refusal.code == "waybill.unknown"
        assert await press.withheld(Asked("zto", (await press.taken("1")).number)) == "waybill.unknown"


async def test_a_superseded_number_is_withheld(printery: Printery) -> None:
    async with printery.press() as press:
        old = await press.taken("1")
        await press.stall.one("sto", parcel("1", recipient=PLACED), retake=True)
        assert await press.withheld(old) == "waybill.not_live"


@pytest.mark.parametrize("state", [OrderState.REFUNDED, OrderState.CANCELLED, OrderState.CLOSED])
async def test_an_order_that_ended_between_take_and_print_is_withheld(printery: Printery, state: OrderState) -> None:
    async with printery.press() as press:
        await press.kept("1")
        taken = await press.taken("1", pieces=2)
        await press.data(taken)
        await press.closed("1", state)
        assert await press.withheld(taken) == "waybill.order_in_the_way"
        assert await press.withheld(child(taken)) == "waybill.order_in_the_way"


async def test_a_held_order_is_withheld_until_it_is_released(printery: Printery) -> None:
    async with printery.press() as press:
        await press.kept("1")
        taken, ref = await press.taken("1"), OrderRef(SHOP, "1")
        version = await orders.hold_order(press.desk.db, press.merchant_id, ref, 1)
        assert await press.withheld(taken) == "waybill.order_in_the_way"
        await orders.release_order(press.desk.db, press.merchant_id, ref, version)
        await press.data(taken)


async def test_any_order_of_a_merged_parcel_stops_its_label(printery: Printery) -> None:
    async with printery.press() as press:
        await press.kept("1")
        await press.kept("2")
        taken = await press.stall.one("yto", parcel("1", "2", recipient=PLACED, pieces=2))
        assert (await press.data(taken)).order_id == "1"
        await press.closed("2", OrderState.REFUNDED)
        assert await press.withheld(taken) == "waybill.order_in_the_way"
        assert await press.withheld(child(taken)) == "waybill.order_in_the_way"


async def test_a_label_with_the_old_address_is_withheld_until_the_waybill_is_updated(printery: Printery) -> None:
    moved = structs.replace(PLACED, detail="新路 2 号 1 幢 101 室")
    async with printery.press() as press:
        await press.kept("1")
        taken = await press.taken("1")
        await press.data(taken)
        await press.kept("1", moved)
        assert await press.withheld(taken) == "waybill.recipient_changed"
        await lives.update(press.desk.counter, press.merchant_id, "yto", taken.number, recipient=moved)
        await press.data(taken)


async def test_a_new_index_key_moves_nobody(printery: Printery) -> None:
    async with printery.press() as press:
        await press.kept("1")
        await press.desk.counter.vault.rotate(press.merchant_id, "index")
        [given] = await press.ask(await press.taken("1"))
        assert isinstance(given, PrintData)


async def test_a_shredded_recipient_costs_only_its_own_label(printery: Printery) -> None:
    async with printery.press() as press:
        gone, there = await press.taken("1"), await press.taken("2")
        token = (await press.stall.waybill(gone.ref)).sealed.token
        async with press.desk.db.transaction() as tx:
            await shred(tx, press.merchant_id, [token])
        refused, given = await press.ask(gone, there)
        assert isinstance(refused, Withheld)
        assert refused.refusal.code == "vault.shredded"
        assert isinstance(given, PrintData)


async def test_a_damaged_recipient_costs_only_its_own_label(printery: Printery) -> None:
    async with printery.press() as press:
        broken, there = await press.taken("1"), await press.taken("2")
        body = (await press.stall.waybill(broken.ref)).sealed.body
        await put_recipient(press, broken.number, b"\0")
        refused, given = await press.ask(broken, there)
        await put_recipient(press, broken.number, body)
        assert isinstance(refused, Withheld)
        assert refused.refusal.code == "vault.damaged"
        assert isinstance(given, PrintData)


async def put_recipient(press: Press, number: str, body: bytes) -> None:
    sql = "UPDATE waybill SET recipient = $3 WHERE merchant_id = $1 AND number = $2"
    await press.desk.db.execute(sql, press.merchant_id, number, body)


async def test_too_many_numbers_are_refused_at_once(printery: Printery) -> None:
    async with printery.press() as press:
        with pytest.raises(Refusal, match=r"printing\.too_many"):
            await press.ask(*[NOBODYS] * (MOST_ITEMS + 1))
        assert len(await press.ask(*[NOBODYS] * MOST_ITEMS)) == MOST_ITEMS
        assert await press.ask() == []


async def test_a_supplier_prints_for_another_shop_under_its_own_key(printery: Printery) -> None:
    async with printery.press() as seller, printery.press() as supplier:
        taken, agent = await seller.taken("1"), await supplier.agent()
        [given] = await service.print_data_of(
            supplier.desk, supplier.reader, [asked(taken)], merchant_id=seller.merchant_id
        )
        assert isinstance(given, PrintData)
        found = await supplier.opened(given, agent)
        assert found.header.merchant == str(seller.merchant_id)
        assert await key_rows(seller) == 0


# --- who gets the key -------------------------------------------------------------------------------------------------


async def test_the_key_is_released_to_a_paired_agent_only_and_that_is_on_record(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        text, agent_id = (await press.data(taken)).print_data, str(agent.agent_id)
        assert await refusal(press, "0198f3a2-0000-7000-8000-000000000009", text) == "printing.agent_unknown"
        assert await refusal(press, "", text) == "printing.agent_unknown"
        assert await refusal(press, "密" * 5_000, text) == "printing.agent_unknown"
        wrapped = await service.shop_key(press.desk, press.reader, agent_id, text)
        assert unwrap(wrapped, agent_id, press.private).secret not in wrapped.encode()
        await press.unpair(agent)
        assert await refusal(press, agent_id, text) == "printing.agent_unpaired"
        with pytest.raises(Refusal, match=r"printing\.agent_unknown"):
            await press.unpair(agent)
        released = "SELECT count(*) FROM audit_entry WHERE chain = 'merchant:' || $1::bigint AND action = $2"
        assert await press.stall.count(released, service.KEY_RELEASED) == 1


async def test_an_agent_that_is_paired_again_gets_keys_for_its_new_key(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        await press.unpair(agent)
        fresh = Press(press.stall, press.desk)
        again = await fresh.agent()
        given = await press.data(taken)
        await fresh.opened(given, again)
        with pytest.raises(Refusal, match=r"labels\.shop_key_damaged"):
            await press.opened(given, again)


async def test_the_agent_of_another_merchant_gets_nothing(printery: Printery) -> None:
    async with printery.press() as press, printery.press() as neighbour:
        taken, theirs = await press.taken("1"), await neighbour.agent()
        text = (await press.data(taken)).print_data
        assert await refusal(press, str(theirs.agent_id), text) == "printing.agent_unknown"
        assert await refusal(neighbour, str(theirs.agent_id), text) == "labels.print_data_wrong_key"


async def test_a_key_under_another_app_or_shop_is_refused(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        given = await press.data(taken)
        for other in (replace(press.reader, app="7000000000000000002"), replace(press.reader, shop_id="S2")):
            in_their_shop = structs.replace(
                parcel(f"of {other.app} {other.shop_id}", recipient=PLACED), shop_id=other.shop_id
            )
            await press.data(await press.stall.one("yto", in_their_shop), reader=other)
            code = await refusal(press, str(agent.agent_id), given.print_data, reader=other)
            assert code == "labels.print_data_wrong_key"
            wrapped = await service.shop_key(press.desk, other, str(agent.agent_id))
            key = unwrap(wrapped, str(agent.agent_id), press.private)
            assert (key.app, key.shop) == (other.app, other.shop_id)
            assert header_of(given.print_data).app == APP


async def test_without_print_data_the_newest_key_is_given(printery: Printery) -> None:
    async with printery.press() as press:
        agent = await press.agent()
        assert await refusal(press, str(agent.agent_id)) == "printing.no_key"
        given = await press.data(await press.taken("1"))
        wrapped = await service.shop_key(press.desk, press.reader, str(agent.agent_id))
        assert unwrap(wrapped, str(agent.agent_id), press.private).key_id == header_of(given.print_data).key


@pytest.mark.parametrize("text", ["?", "TURQMQ==", "密文", "A" * 300_000])
async def test_a_text_that_is_no_print_data_gets_no_key(printery: Printery, text: str) -> None:
    async with printery.press() as press:
        agent = await press.agent()
        assert await refusal(press, str(agent.agent_id), text) == "labels.print_data_damaged"


async def test_an_agents_public_key_must_be_one(printery: Printery) -> None:
    async with printery.press() as press:
        for bad in (b"", bytes(32), bytes(31)):
            with pytest.raises(Refusal, match=r"labels\.agent_key_wrong"):
                await paired(press.desk.db, press.merchant_id, bad)


# --- lives ------------------------------------------------------------------------------------------------------------


async def test_an_old_print_data_is_printed_again_within_its_life_and_refused_after_it(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent, at = await press.taken("1"), await press.agent(), now()
        given = await press.data(taken, at)
        for days in (0, 1, LIFE.print_data_days - 1):
            assert (await press.opened(given, agent, at + days * DAY)).label.number == taken.number
        late = at + LIFE.print_data + timedelta(seconds=2)
        assert await refusal(press, str(agent.agent_id), given.print_data, at=late) == "printing.print_data_too_old"
        fresh = await press.data(taken, late)
        assert (await press.opened(fresh, agent, late)).label.number == taken.number


async def test_what_the_last_second_of_a_key_has_sealed_lives_as_long_as_everything_else(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent, at = await press.taken("1"), await press.agent(), now()
        first = await press.data(taken, at)
        last = at + LIFE.key_seals - timedelta(seconds=1)
        given, next_one = await press.data(taken, last), await press.data(taken, at + LIFE.key_seals)
        keys = [header_of(one.print_data).key for one in (first, given, next_one)]
        assert keys == ["1", "1", "2"]
        assert given.good_until == last + LIFE.print_data
        await press.opened(given, agent, given.good_until - timedelta(seconds=1))


async def test_a_destroyed_key_is_gone_and_the_next_one_is_new(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent, at = await press.taken("1"), await press.agent(), now() - 30 * DAY
        given = await press.data(taken, at)
        assert await wrapped_keys(press) == 1
        assert await service.destroy_old_keys(press.desk.db, at + LIFE.key_seals + LIFE.print_data) >= 1
        assert await wrapped_keys(press) == 0
        assert await refusal(press, str(agent.agent_id), given.print_data, at=at) == "printing.print_data_too_old"
        assert await refusal(press, str(agent.agent_id)) == "printing.print_data_too_old"
        fresh = await press.data(taken)
        assert header_of(fresh.print_data).key == "2"
        await press.opened(fresh, agent)


async def wrapped_keys(press: Press) -> int:
    return await press.stall.count("SELECT count(*) FROM print_key WHERE merchant_id = $1 AND wrapped IS NOT NULL")


async def test_the_first_use_by_many_at_once_makes_one_key(printery: Printery) -> None:
    async with printery.press() as press:
        taken, agent = await press.taken("1"), await press.agent()
        given = await asyncio.gather(*(press.data(taken) for _ in range(16)))
        assert await key_rows(press) == 1
        assert {header_of(one.print_data).key for one in given} == {"1"}
        for one in given:
            await press.opened(one, agent)
        assert await press.desk.db.fetchval("SELECT count(*) FROM print_signing_key") == 1


async def test_another_program_verifies_what_this_one_has_signed(printery: Printery) -> None:
    async with printery.press() as press, printery.press() as other:
        taken, agent = await press.taken("1"), await press.agent()
        given = await press.data(taken)
        elsewhere = Press(press.stall, other.desk, press.private)
        assert (await elsewhere.opened(given, agent)).label.number == taken.number


async def test_a_root_key_of_another_installation_opens_no_print_key(printery: Printery) -> None:
    async with printery.press() as press:
        await press.data(await press.taken("1"))
        key = await press.desk.sealing_key(press.merchant_id, SHOP, now())
        with pytest.raises(Refusal, match=r"vault\.root_differs"):
            press.desk.secret_of(replace(key, shop_id="S2"))


async def test_a_merchant_without_a_shop_has_a_key_too(printery: Printery) -> None:
    async with printery.press() as press:
        agent = await press.agent()
        taken = await press.stall.one("yto", structs.replace(parcel("1", recipient=PLACED), shop_id=""))
        reader = Reader(APP, press.merchant_id)
        given = await press.data(taken, reader=reader)
        assert (await press.opened(given, agent, reader=reader)).header.shop == ""


async def test_a_hundred_labels_take_a_fixed_number_of_statements(
    printery: Printery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "FRESH_SECONDS", 3600.0)  # what was read once is not read again between the counts
    async with printery.press() as press:
        outcomes = await press.stall.take("yto", *(parcel(str(place), recipient=PLACED) for place in range(100)))
        numbers = [asked(one) for one in outcomes]  # type: ignore[arg-type]
        await press.ask(*numbers[:2])
        few, many = [await statements(press, numbers[:count], monkeypatch) for count in (2, 100)]
        assert 5 < few == many, (few, many)
        took = []
        for _ in range(3):
            began = time.thread_time()
            given = await press.ask(*numbers)
            took.append(time.thread_time() - began)
            assert all(isinstance(one, PrintData) for one in given)
        assert min(took) < 0.25, took  # processor time: other programs do not count; a twentieth of it when idle


_ASKING = ContextVar("asking", default=False)
"""What runs beside the question, such as the desk that tidies up now and then, does not count."""


async def statements(press: Press, numbers: list[Asked], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many statements such a batch sends."""
    sent: list[str] = []
    connection = type(await _driver(press))

    def counted(name: str) -> None:
        plain = getattr(connection, name)

        async def spy(self: object, sql: str, *args: object, **more: object) -> object:
            if _ASKING.get():
                sent.append(sql)
            return await plain(self, sql, *args, **more)

        monkeypatch.setattr(connection, name, spy)

    with monkeypatch.context():
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            counted(name)
        token = _ASKING.set(True)
        await press.ask(*numbers)
        _ASKING.reset(token)
    monkeypatch.undo()
    return len(sent)


async def _driver(press: Press) -> object:
    async with press.desk.db.connection() as connection:
        return connection._con  # type: ignore[attr-defined]  # the pool hands out a proxy


def test_lives_are_dated() -> None:
    early = life_on(datetime(2001, 1, 1).date())
    assert early.print_data_days > 0
    assert early.key_seals_days > 0
    assert early.source
