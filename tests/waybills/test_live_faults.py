"""Carriers that issue by themselves, and everything they do wrong: no number is lost, none is taken twice.

Profiles: sf is repeat-safe and can be queried, jd can only be queried, deppon is only repeat-safe, ems is neither.
"""

import asyncio
from datetime import timedelta

import pytest
from msgspec import structs

from miandan.connectors.faults import Fault, FaultPlan
from miandan.connectors.model import CarrierAnswer
from miandan.waybills import giving_back, intents, live
from miandan.waybills.model import Taken
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, codes, numbers
from tests.waybills.world import SOMEBODY, parcel

PROFILES = ("sf", "jd", "deppon", "ems")
EVERY_PROFILE = pytest.mark.parametrize("carrier", PROFILES)


def goes_wrong(stall: Stall, carrier: str, *faults: Fault, times: int | None = 1, seconds: float = 30.0) -> None:
    stall.world.carriers[carrier].plan(*(FaultPlan(fault, times=times, seconds=seconds) for fault in faults))


def settles_never(stall: Stall, carrier: str) -> None:
    """Its settle time does not pass, however slow the machine is."""
    stall.world.carriers[carrier].settle = timedelta(hours=1)


def has_settled(stall: Stall, carrier: str) -> None:
    """It has passed by now."""
    stall.world.carriers[carrier].settle = timedelta(0)


async def books(stall: Stall, carrier: str) -> list[str]:
    """Numbers that the carrier believes to be in use."""
    return [issue.number for issue in await stall.at_carrier(carrier) if not issue.cancelled]


@EVERY_PROFILE
async def test_every_parcel_gets_the_number_that_stands_in_the_carriers_books(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        outcomes = await stall.take(carrier, *(parcel(f"{i}") for i in range(10)))
        assert sorted(numbers(outcomes)) == sorted(await books(stall, carrier))
        assert await stall.used(carrier) == 10
        waybill = await stall.waybill(outcomes[0].ref)  # type: ignore[union-attr]
        assert "示例" in waybill.route.sort_code
        assert waybill.qr_text.endswith(waybill.ref.number)


async def test_a_question_whose_answer_comes_late_is_asked_once_more(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began before the settle time had passed, so its "not found" says nothing; the next one's does."""
    async with heart.stall() as stall:
        carrier = stall.world.carriers["jd"]
        promised = carrier.settle
        settles_never(stall, "jd")
        goes_wrong(stall, "jd", Fault.HANG, seconds=0.0)
        assert (await stall.refusal("jd", "1")).code == "take.in_doubt"
        carrier.settle = promised
        find = carrier.find

        async def slow(key: str) -> CarrierAnswer | None:
            await asyncio.sleep(carrier.settle.total_seconds())
            return await find(key)

        monkeypatch.setattr(carrier, "find", slow)
        taken = await stall.one("jd", "1")
        assert await books(stall, "jd") == [taken.number]


@EVERY_PROFILE
async def test_a_refusal_says_what_the_carrier_said_and_costs_nothing(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        words = f"【示例】{SOMEBODY.name} {SOMEBODY.phone} {SOMEBODY.detail} 超出派送范围"
        stall.world.carriers[carrier].plan(FaultPlan(Fault.REFUSE, times=1, text=words))
        refusal = await stall.refusal(carrier, "1")
        assert refusal.code == "carrier.refused"
        assert "超出派送范围" in refusal.zh
        kept = await stall.world.db.fetchval("SELECT raw FROM live_intent WHERE merchant_id = $1", stall.merchant_id)
        for part in (SOMEBODY.name, SOMEBODY.phone, SOMEBODY.detail):
            assert part not in refusal.zh + kept, "a carrier's words may quote the recipient"
        assert (await stall.used(carrier), await stall.live_numbers()) == (0, {})
        taken = await stall.one(carrier, "1")
        assert await books(stall, carrier) == [taken.number]


async def test_one_refused_parcel_does_not_stop_the_others(heart: Heart) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, "sf", Fault.REFUSE)
        outcomes = await stall.take("sf", parcel("1"), parcel("2"), parcel("3"))
        assert sorted(codes(outcomes)) == ["", "", "carrier.refused"]
        assert codes(await stall.take("sf", parcel("1"), parcel("2"), parcel("3"))) == [""] * 3
        assert len(await books(stall, "sf")) == 3


@pytest.mark.parametrize("carrier", ["sf", "jd", "deppon"])
async def test_a_lost_answer_is_found_out_at_once(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, carrier, Fault.DROP_ANSWER)
        taken = await stall.one(carrier, "1")
        assert await books(stall, carrier) == [taken.number]
        assert (await stall.one(carrier, "1")).known
        assert await stall.used(carrier) == 1


async def test_without_repeat_or_query_a_lost_answer_stays_in_doubt_and_keeps_unit_and_key(heart: Heart) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, "ems", Fault.DROP_ANSWER)
        for _ in range(3):
            refusal = await stall.refusal("ems", "1")
            assert (refusal.code, refusal.entry.turn) == ("take.in_doubt", "carrier")
        assert len(await books(stall, "ems")) == 1, "the carrier is not asked again"
        assert await stall.used("ems") == 1
        [occupied] = (await stall.live_numbers()).values()
        assert occupied.startswith("intent:")
        assert (await stall.refusal("yto", "1", retake=True)).code == "take.in_doubt"
        await live.settle_all(stall.world.counter)
        assert (await stall.refusal("ems", parcel("1", "2"))).code == "take.in_doubt"
        assert codes(await stall.take("ems", parcel("3"))) == [""]


@pytest.mark.parametrize("carrier", ["jd", "sf"])
async def test_not_found_does_not_count_before_the_settle_time(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        settles_never(stall, carrier)
        goes_wrong(stall, carrier, Fault.SETTLE_LATE)
        if carrier == "sf":
            goes_wrong(stall, carrier, Fault.DROP_ANSWER, times=3)
        assert (await stall.refusal(carrier, "1")).code == "take.in_doubt"
        assert await stall.used(carrier) == 1
        has_settled(stall, carrier)
        taken = await stall.one(carrier, "1")
        assert await books(stall, carrier) == [taken.number]
        assert await stall.used(carrier) == 1


async def test_after_the_settle_time_not_found_frees_the_unit_and_the_order_is_asked_anew(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CALL_SECONDS", 0.1)
    async with heart.stall() as stall:
        settles_never(stall, "jd")
        goes_wrong(stall, "jd", Fault.HANG)
        assert (await stall.refusal("jd", "1")).code == "take.in_doubt"
        assert await stall.used("jd") == 1
        has_settled(stall, "jd")
        taken = await stall.one("jd", "1")
        assert await books(stall, "jd") == [taken.number]
        states = await stall.world.db.fetch(
            "SELECT state, error_code FROM live_intent WHERE merchant_id = $1 ORDER BY asked_at", stall.merchant_id
        )
        assert [tuple(row) for row in states] == [("refused", "carrier.lost"), ("known", None)]
        assert await stall.used("jd") == 1


@EVERY_PROFILE
async def test_a_carrier_that_hangs_holds_nobody_for_ever(
    heart: Heart, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CALL_SECONDS", 0.05)
    async with heart.stall() as stall:
        settles_never(stall, carrier)
        goes_wrong(stall, carrier, Fault.HANG, times=None, seconds=600.0)
        async with asyncio.timeout(60):
            assert (await stall.refusal(carrier, "1")).code == "take.in_doubt"
        assert await stall.used(carrier) == 1
        stall.world.carriers[carrier].behave()
        if carrier == "deppon":  # repeat-safe: asking again is all it takes
            taken = await stall.one(carrier, "1")
            assert await books(stall, carrier) == [taken.number]
            assert await stall.used(carrier) == 1


async def test_a_refused_repetition_proves_nothing_while_the_first_call_may_be_under_way(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CALL_SECONDS", 0.05)
    async with heart.stall() as stall:
        settles_never(stall, "deppon")
        goes_wrong(stall, "deppon", Fault.HANG)
        goes_wrong(stall, "deppon", Fault.REFUSE, times=4)
        assert (await stall.refusal("deppon", "1")).code == "take.in_doubt"
        assert await stall.used("deppon") == 1
        has_settled(stall, "deppon")
        await live.settle_all(stall.world.counter)
        assert (await stall.used("deppon"), await stall.live_numbers()) == (0, {})


@pytest.mark.parametrize("carrier", ["jd", "sf"])
async def test_a_query_without_answer_leaves_the_doubt(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, carrier, Fault.DROP_ANSWER, times=3)
        goes_wrong(stall, carrier, Fault.SILENT_QUERY)
        assert (await stall.refusal(carrier, "1")).code == "take.in_doubt"
        taken = await stall.one(carrier, "1")
        assert await books(stall, carrier) == [taken.number]


@EVERY_PROFILE
async def test_a_number_that_somebody_else_has_is_not_used(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        first = await stall.one(carrier, "1")
        goes_wrong(stall, carrier, Fault.SAME_NUMBER)
        assert (await stall.refusal(carrier, "2")).code == "carrier.number_repeated"
        second = await stall.one(carrier, "2")
        assert second.number != first.number
        assert (await stall.one(carrier, "1")).number == first.number
        assert await stall.used(carrier) == 2
        assert first.number in await books(stall, carrier), "it lives: giving it up would cancel somebody's parcel"


async def test_a_number_that_somebody_else_has_is_not_given_up_by_who_learns_of_it_second(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two settle one call at once; the first finds the number to be somebody else's, and the second comes in vain."""
    async with heart.stall() as stall:
        carrier, counter = stall.world.carriers["jd"], stall.world.counter
        goes_wrong(stall, "jd", Fault.DROP_ANSWER, Fault.SILENT_QUERY)
        assert (await stall.refusal("jd", "1")).code == "take.in_doubt"
        goes_wrong(stall, "jd", Fault.SAME_NUMBER)
        second = await stall.one("jd", "2")
        assert await books(stall, "jd") == [second.number] * 2
        [intent] = await intents.in_doubt(stall.world.db, stall.merchant_id)
        find = carrier.find

        async def overtaken(key: str) -> CarrierAnswer | None:
            answer = await find(key)
            monkeypatch.setattr(carrier, "find", find)
            counter.calling.discard(key)
            assert await live.settle_intent(counter, stall.merchant_id, intent.intent_id) is live.Progress.SETTLED
            return answer

        monkeypatch.setattr(carrier, "find", overtaken)
        assert await live.settle_intent(counter, stall.merchant_id, intent.intent_id) is live.Progress.SETTLED
        assert await books(stall, "jd") == [second.number] * 2
        assert await giving_back.give_up_unused(counter) == 0
        assert await books(stall, "jd") == [second.number] * 2
        assert (await stall.one("jd", "1")).number != second.number


@EVERY_PROFILE
async def test_a_number_that_breaks_its_rule_is_not_used_and_given_up(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, carrier, Fault.BREAK_RULE)
        assert (await stall.refusal(carrier, "1")).code == "carrier.number_breaks_rule"
        assert (await stall.used(carrier), await books(stall, carrier)) == (0, [])
        taken = await stall.one(carrier, "1")
        assert await books(stall, carrier) == [taken.number]


@EVERY_PROFILE
async def test_without_route_data_the_number_is_used_and_said_to_be_unsorted(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, carrier, Fault.NO_ROUTE)
        taken = await stall.one(carrier, parcel("1", pieces=2))
        assert not taken.sorted
        waybill = await stall.waybill(taken.ref)
        assert waybill.route.sort_code == ""
        carrier_knows = stall.world.counter.carrier(carrier)
        assert waybill.barcode_text == carrier_knows.barcode_text(taken.number, 2)
        assert not (await stall.one(carrier, parcel("1", pieces=2))).sorted


async def test_a_recipient_that_the_vault_no_longer_opens_is_refused_before_anybody_is_asked(heart: Heart) -> None:
    async with heart.stall() as stall:
        keys = await stall.world.vault.keys_of(stall.merchant_id)
        shredded = keys.seal(SOMEBODY, "S10001/1")._replace(key=None)
        outcomes = await stall.take("sf", structs.replace(parcel("1"), recipient=shredded), parcel("2"))
        assert codes(outcomes) == ["vault.shredded", ""]
        assert await stall.used("sf") == 1
        assert len(await stall.at_carrier("sf")) == 1
        assert codes(await stall.take("sf", parcel("1"))) == [""]


async def test_each_call_opens_its_recipient_on_record(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.take("sf", parcel("1"), parcel("2"), app="erp-7")
        opened = await stall.count(
            "SELECT count(*) FROM audit_entry WHERE chain = 'merchant:' || $1::bigint AND purpose = 'live_call' "
            "AND actor = 'erp-7'"
        )
        assert opened == 2


async def test_a_caller_who_walks_away_loses_nothing(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    async with heart.stall() as stall:
        await stall.account("sf")
        answer = stall.world.carriers["sf"].take
        answered = asyncio.Event()

        async def slow(ask: object) -> object:
            result = await answer(ask)  # type: ignore[arg-type]
            answered.set()
            await asyncio.sleep(30)
            return result

        monkeypatch.setattr(stall.world.carriers["sf"], "take", slow)
        leaving = asyncio.create_task(stall.take("sf", parcel("1")))
        await answered.wait()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        monkeypatch.undo()
        assert await stall.used("sf") == 1
        taken = await stall.one("sf", "1")
        assert await books(stall, "sf") == [taken.number]
        assert await stall.used("sf") == 1


async def test_callers_of_one_order_wait_for_one_call(heart: Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    async with heart.stall() as stall:
        await stall.account("ems")
        answer = stall.world.carriers["ems"].take

        async def slow(ask: object) -> object:
            await asyncio.sleep(0.1)
            return await answer(ask)  # type: ignore[arg-type]

        monkeypatch.setattr(stall.world.carriers["ems"], "take", slow)
        answers = await asyncio.gather(*(stall.take("ems", parcel("1")) for _ in range(6)))
        given = {one.number for [one] in answers if isinstance(one, Taken)}
        assert codes([one for [one] in answers]) == [""] * 6
        assert await books(stall, "ems") == list(given)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_goes_wrong_retries_end_with_one_number_per_parcel(heart: Heart, seed: int) -> None:
    carrier = PROFILES[seed]
    async with heart.stall() as stall:
        harmless = (Fault.REFUSE, Fault.BREAK_RULE, Fault.NO_ROUTE)
        doubtful = () if carrier == "ems" else (Fault.DROP_ANSWER, Fault.SILENT_QUERY)
        fake = stall.world.carriers[carrier]
        fake.plan(*(FaultPlan(fault, chance=0.25, seed=seed) for fault in harmless + doubtful))
        asked = [parcel(f"{i}") for i in range(12)]
        for _ in range(30):
            if not any(codes(await stall.take(carrier, *asked))):
                break
        fake.behave()
        outcomes = await stall.take(carrier, *asked)
        assert codes(outcomes) == [""] * 12
        assert sorted(await books(stall, carrier)) == sorted(numbers(outcomes))
        assert await stall.used(carrier) == 12


async def test_a_number_in_vain_that_the_carrier_will_not_take_back_is_offered_again(heart: Heart) -> None:
    async with heart.stall() as stall:
        goes_wrong(stall, "sf", Fault.BREAK_RULE, Fault.REFUSE_CANCEL)
        assert (await stall.refusal("sf", "1")).code == "carrier.number_breaks_rule"
        assert [issue.cancelled for issue in await stall.at_carrier("sf")] == [False]
        assert await giving_back.give_up_unused(stall.world.counter) >= 1
        assert [issue.cancelled for issue in await stall.at_carrier("sf")] == [True]
        assert await giving_back.give_up_unused(stall.world.counter) == 0
        assert await stall.used("sf") == 0
