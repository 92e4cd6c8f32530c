"""Scan to print, scan to check, packed, weighed: verdicts, words, repeats."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.orders.model import HELD_BY_HAND, HELD_FOR_REVIEW, OrderState
from miandan.orders.shippable import obstacle
from miandan.orders.standing import OrderEvent
from miandan.printing import job_views, sheets_life, station_queries, stations, stopping
from miandan.printing.model import Asked
from miandan.printing.rules import spoken
from miandan.printing.stations import Light, Source, read_scan
from miandan.vault.service import Vault
from miandan.waybills import label
from tests.printing.conftest import Printery
from tests.printing.floor import PACKER, Floor, codes, numbers
from tests.printing.press import asked


async def check(floor: Floor, text: str) -> str:
    verdict = await stations.scan_to_check(floor.desk, floor.merchant_id, text)
    assert verdict.say
    assert (verdict.light is Light.GO) == (verdict.code == "ok")
    return verdict.code


async def test_a_scanned_number_is_printed_at_once_and_only_once(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("scan")

        async def scan(text: str) -> dict[str, str]:
            return codes(await stations.scan_to_print(floor.desk, floor.merchant_id, text, machine.printer, PACKER))

        assert await scan(f" {taken.number}\r") == {}
        assert await scan(taken.number) == {taken.number: "printing.sheet_waiting"}
        sheets = await floor.lease(machine)
        assert numbers(sheets) == [taken.number]
        await floor.prints(machine, *sheets)
        assert await scan(taken.number.lower()) == {taken.number: "printing.printed_before"}


async def test_the_text_of_the_bars_leads_to_the_number(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, parent = await floor.machine(), await floor.taken("bars", pieces=2, carrier="jd")
        waybill = await floor.press.stall.waybill(parent.ref)
        made = await stations.scan_to_print(
            floor.desk, floor.merchant_id, waybill.barcode_text, machine.printer, PACKER
        )
        assert made.job is not None
        assert waybill.barcode_text != parent.number or made.job.sheets == 2
        sheets = await floor.lease(machine)
        assert sheets[0].number == parent.number
        await floor.prints(machine, *sheets)
        assert await check(floor, waybill.barcode_text) == "ok"


@pytest.mark.parametrize(
    "text", ["", "   ", "#2", "123#", "123#x", "123#0", "123#零", "1\x002", "9" * 300, "1#1234567"]
)
def test_a_scan_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_scan(text)
    assert refused.value.code == "printing.scan_unreadable"


@pytest.mark.parametrize(
    ("text", "number", "copy"),
    [
        ("ＹＴ１２３４＃２", "YT1234", 2),
        ("１２３#１", "123", 1),
        ("　ＪＤ００１－１－２　\r", "JD001-1-2", None),
        ("YT1234", "YT1234", None),
    ],
)
def test_signs_of_an_input_method_are_the_keys_that_were_hit(text: str, number: str, copy: int | None) -> None:
    assert read_scan(text) == (number, copy)


def test_a_scan_that_grows_when_it_is_read_is_refused() -> None:
    with pytest.raises(Refusal):
        read_scan("\ufdfa" * 100)


async def test_nobody_learns_whether_a_number_is_somebody_elses(printery: Printery) -> None:
    async with printery.floor() as floor, printery.floor() as other:
        theirs = await other.taken("theirs")
        assert await check(floor, theirs.number) == await check(floor, "YT404") == "printing.scan_not_ours"
        with pytest.raises(Refusal):
            await stations.weigh(floor.desk, floor.merchant_id, theirs.number, 500, PACKER)


async def test_a_number_is_ok_once_its_label_came_out(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("ok")
        assert await check(floor, taken.number) == "printing.scan_not_printed"
        await floor.job(machine, taken)
        assert await check(floor, taken.number) == "printing.scan_not_printed"
        [sheet] = await floor.lease(machine)
        await floor.prints(machine, sheet)
        assert await check(floor, taken.number) == await check(floor, f"{taken.number}#1") == "ok"


async def test_a_label_of_a_file_counts_as_a_label(printery: Printery) -> None:
    async with printery.floor() as floor:
        taken = await floor.taken("file")
        await label.print_pdf(
            floor.desk.counter, [taken.ref], printery.folder / "two.pdf", now(), actor=PACKER, sandbox=True
        )
        assert await check(floor, taken.number) == "ok"


async def test_only_the_last_copy_is_valid(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("copies")
        await floor.printed(machine, taken)
        await floor.again(machine, taken)
        assert await check(floor, taken.number) == "ok", "copy 2 is not paper yet"
        [second] = await floor.lease(machine)
        await floor.prints(machine, second)
        verdict = await stations.scan_to_check(floor.desk, floor.merchant_id, taken.number)
        assert (verdict.light, verdict.code, verdict.copy) == (Light.ASK, "printing.scan_small_code", 2)
        assert await check(floor, f"{taken.number}#1") == "printing.scan_old_copy"
        assert await check(floor, f"{taken.number}#2") == "ok"
        assert await check(floor, f"{taken.number}#3") == "printing.scan_no_such_copy"


async def test_a_copy_that_failed_makes_the_one_before_it_valid_again(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("failed")
        await floor.printed(machine, taken)
        await floor.again(machine, taken)
        [second] = await floor.lease(machine)
        await floor.begun(machine, second)
        await floor.report(machine, second, Outcome.FAILED, reason="paper_out")
        assert await check(floor, taken.number) == "ok"


async def test_the_only_label_passes_by_its_number_once_its_reprint_is_known_to_have_failed(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("only-label")
        await floor.printed(machine, taken)
        await floor.again(machine, taken)
        [second] = await floor.lease(machine)
        await floor.begun(machine, second)
        await floor.report(machine, second, Outcome.DOUBTFUL, reason="agent.stopped_while_printing")
        verdict = await stations.scan_to_check(floor.desk, floor.merchant_id, taken.number)
        assert (verdict.light, verdict.code) == (Light.ASK, "printing.scan_small_code_open")
        assert await check(floor, f"{taken.number}#1") == "printing.scan_copy_open"
        sheet = await floor.sheet_of(taken)
        await sheets_life.settle_doubt(floor.desk, floor.merchant_id, sheet.sheet_id, Outcome.FAILED, PACKER)
        verdict = await stations.packed(floor.desk, floor.merchant_id, taken.number, PACKER)
        assert (verdict.light, verdict.say, verdict.copy) == (Light.GO, spoken("unmarked"), 1)
        assert await stations.unpack(floor.desk, floor.merchant_id, taken.number)
        assert await check(floor, f"{taken.number}#2") == "printing.scan_failed_copy"


async def test_a_doubtful_label_in_hand_is_let_through_with_a_word(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("hm")
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await floor.report(machine, sheet, Outcome.DOUBTFUL, reason="agent.stopped_while_printing")
        verdict = await stations.scan_to_check(floor.desk, floor.merchant_id, taken.number)
        assert (verdict.light, verdict.say) == (Light.GO, spoken("doubtful"))


async def test_a_void_number_and_a_refunded_order_stop_the_parcel(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, void, refunded = await floor.machine(), await floor.taken("void"), await floor.ordered("refund")
        await floor.printed(machine, void, refunded)
        await floor.press.stall.cancel(void)
        assert await check(floor, void.number) == "printing.scan_void"
        await floor.hears("refund", OrderEvent.REFUNDED)
        verdict = await stations.scan_to_check(floor.desk, floor.merchant_id, refunded.number)
        assert (verdict.code, verdict.say) == ("printing.scan_stopped", "已退款，拦下")
        assert verdict.refusal is not None
        assert "已退款" in verdict.refusal.zh
        assert "orders." not in verdict.refusal.zh + verdict.refusal.en
        assert await stations.stopped(floor.db, floor.merchant_id) == [], "the scan waits for no message"


def test_every_reason_to_stop_a_parcel_has_words_in_both_languages() -> None:
    for state in OrderState:
        for held in (None, HELD_BY_HAND, HELD_FOR_REVIEW):
            refusal = obstacle("S-1", state, held)
            if refusal is not None:
                words = stations._words(refusal.code, "YT1", "S-1")
                assert "." not in words["zh"], words
                assert not words["en"].startswith("orders."), words
    assert "S-1" in stations._words(stopping.RECIPIENT_CHANGED, "YT1", "S-1")["zh"]


async def test_a_parcel_is_packed_once(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("pack")
        await floor.printed(machine, taken)
        both = await asyncio.gather(
            *(stations.packed(floor.desk, floor.merchant_id, taken.number, f"packer-{n}") for n in range(4))
        )
        assert sorted(one.code for one in both) == ["ok", *["printing.scan_packed"] * 3]
        mark = await station_queries.packed(floor.db, taken.ref)
        assert mark is not None
        assert mark.copy == 1
        assert await check(floor, taken.number) == "printing.scan_packed"
        with pytest.raises(Refusal) as refused:
            await stations.unpack(floor.desk, floor.merchant_id, taken.number, "another shop")
        assert refused.value.code == "printing.scan_not_ours"
        assert await stations.unpack(floor.desk, floor.merchant_id, f"{taken.number}#1")
        assert not await stations.unpack(floor.desk, floor.merchant_id, taken.number)
        assert await check(floor, taken.number) == "ok"
        assert (await floor.press.stall.waybill(taken.ref)).shipped_at is None


async def test_a_station_that_says_packed_again_after_a_lost_answer_is_not_alarmed(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("again")
        await floor.printed(machine, taken)
        start = now()

        async def pack(seconds: int, by: str = PACKER, text: str = taken.number) -> tuple[Light, str, str]:
            at = start + timedelta(seconds=seconds)
            verdict = await stations.packed(floor.desk, floor.merchant_id, text, by, at)
            return verdict.light, verdict.code, verdict.say

        go, stop = (Light.GO, "ok", "已打包"), (Light.STOP, "printing.scan_packed", "已经打包过")
        assert await pack(0) == (Light.GO, "ok", "通过")
        assert await pack(60) == await pack(120) == go
        assert await pack(60, "another station") == stop
        assert await pack(121) == stop, "the first mark counts"
        assert await pack(60, text=f"{taken.number}#2") == stop
        await floor.press.stall.cancel(taken)
        assert (await pack(60))[1] == "printing.scan_void"


async def test_packing_and_a_refund_at_once_leave_a_stop_or_no_mark(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        for turn in range(5):
            order = f"pack-clash{turn}"
            taken = await floor.ordered(order)
            await floor.printed(machine, taken)
            verdict, _ = await asyncio.gather(
                stations.packed(floor.desk, floor.merchant_id, taken.number, PACKER),
                floor.hears(order, OrderEvent.REFUND_OPENED),
            )
            await floor.events()
            stopped = {one.number for one in await stations.stopped(floor.db, floor.merchant_id)}
            assert taken.number in stopped
            assert verdict.code in ("ok", "printing.scan_stopped")
            assert await check(floor, taken.number) == "printing.scan_stopped", "packed or not"


async def test_as_many_as_there_are_connections_scan_at_once_before_the_merchants_keys_were_read(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), [await floor.ordered(f"cold-{n}") for n in range(16)]
        await floor.printed(machine, *many)
        cold = replace(floor.desk.counter, vault=await Vault.open(floor.db, floor.desk.root))
        desk = replace(floor.desk, counter=cold)
        async with asyncio.timeout(30):
            packed = await asyncio.gather(
                *(stations.packed(desk, floor.merchant_id, one.number, PACKER) for one in many)
            )
        assert {one.code for one in packed} == {"ok"}


async def test_a_weight_counts_until_the_next_one(printery: Printery) -> None:
    async with printery.floor() as floor:
        taken = await floor.taken("weigh")

        async def weigh(grams: int, source: Source = Source.WEDGE) -> int:
            return (await stations.weigh(floor.desk, floor.merchant_id, taken.number, grams, PACKER, source)).turn

        assert [await weigh(500), await weigh(500), await weigh(520, Source.TYPED), await weigh(500)] == [1, 1, 2, 3]
        last = await station_queries.last_weight(floor.db, taken.ref)
        assert last is not None
        assert (last.grams, last.source) == (500, "wedge")
        assert len({await one for one in map(weigh, (600, 600))}) == 1
        together = await asyncio.gather(*(weigh(700) for _ in range(4)))
        assert set(together) == {5}
        for grams in (0, -1, 4, 70_001, 10**12, True):
            with pytest.raises(Refusal) as refused:
                await weigh(grams)
            assert refused.value.code == "printing.weight_implausible"


async def test_the_story_of_a_number_says_whether_its_label_came_out(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("417")

        async def came_out() -> bool | None:
            return (await job_views.story_of(floor.db, floor.merchant_id, asked(taken))).came_out

        assert await came_out() is False
        await floor.job(machine, taken)
        assert await came_out() is False
        [sheet] = await floor.lease(machine)
        assert await came_out() is None
        await floor.report(machine, sheet, Outcome.DOUBTFUL, reason="x")
        assert await came_out() is None
        await floor.report(machine, sheet, Outcome.PRINTED, "device")
        story = await job_views.story_of(floor.db, floor.merchant_id, asked(taken))
        assert (story.came_out, story.copies, story.last_copy) == (True, 1, 1)
        assert story.sheets[0].steps[-1].by == f"agent:{machine.agent.agent_id}"
        with pytest.raises(Refusal):
            await job_views.story_of(floor.db, floor.merchant_id, Asked("yto", "YT404"))


async def test_lists_show_jobs_from_the_newest_on_and_what_is_in_doubt(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(3, "list")
        made = [await floor.job(machine, one) for one in many]
        cards = await job_views.job_cards(floor.db, floor.merchant_id, most=2)
        assert [one.job.job_id for one in cards] == [made[2].job_id, made[1].job_id]
        last = cards[-1].job
        rest = await job_views.job_cards(floor.db, floor.merchant_id, before=(last.made_at, last.job_id))
        assert [one.job.job_id for one in rest] == [made[0].job_id]
        sheets = await floor.lease(machine)
        for sheet in sheets[:2]:
            await floor.report(machine, sheet, Outcome.DOUBTFUL, reason="x")
        await floor.prints(machine, sheets[2])
        doubtful = await job_views.sheets_to_check(floor.db, floor.merchant_id)
        assert set(numbers(doubtful)) == {many[0].number, many[1].number}
