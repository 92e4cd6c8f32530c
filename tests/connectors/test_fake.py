"""The fake carrier keeps its promises, breaks them only on command, and always knows what it issued."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import NumberKind
from miandan.connectors.fake import MARK, PROFILES, FakeCarrier, Issue, Profile
from miandan.connectors.faults import Fault, FaultPlan
from miandan.connectors.model import CarrierRefused, CarrierSilent
from miandan.connectors.registry import connector_for, sandbox_file
from miandan.kernel.errors import Refusal
from tests.connectors.asks import SECRETS, ask

Open = Callable[..., FakeCarrier]
FOUR = sorted(PROFILES)
SHORT = timedelta(milliseconds=300)


@pytest.fixture
def carrier_of(tmp_path: Path) -> Open:
    def opened(carrier: str = "sf", settle: timedelta = SHORT) -> FakeCarrier:
        known = PROFILES[carrier]
        return FakeCarrier(carrier, tmp_path / "books.sqlite", Profile(known.repeat_safe, known.queryable, settle))

    return opened


def numbers_of(fake: FakeCarrier) -> list[str]:
    return [issue.number for issue in fake.issued()]


def test_all_four_combinations_of_promises_exist() -> None:
    assert {(p.repeat_safe, p.queryable) for p in PROFILES.values()} == {(a, b) for a in (0, 1) for b in (0, 1)}


@pytest.mark.parametrize("carrier", FOUR)
def test_numbers_follow_the_sandbox_rule_and_never_repeat(carrier_of: Open, carrier: str) -> None:
    async def scenario() -> None:
        fake = carrier_of(carrier)
        answers = [await fake.take(ask(f"k{i}", carrier)) for i in range(50)]
        numbers = [answer.numbers[0] for answer in answers]
        rule = catalogue().get(carrier).rule(NumberKind.SANDBOX)
        assert len(set(numbers)) == 50
        assert all(rule.accepts(number) and rule.serial_of(number) is not None for number in numbers)
        assert numbers_of(fake) == numbers

    asyncio.run(scenario())


@pytest.mark.parametrize("carrier", FOUR)
def test_the_same_key_again_gives_the_first_answer_only_where_that_is_promised(carrier_of: Open, carrier: str) -> None:
    async def scenario() -> None:
        fake = carrier_of(carrier)
        first, again = await fake.take(ask("k", carrier)), await fake.take(ask("k", carrier))
        assert (first == again) == fake.repeat_safe
        assert len(fake.issued()) == (1 if fake.repeat_safe else 2)

    asyncio.run(scenario())


@pytest.mark.parametrize("carrier", FOUR)
def test_a_query_finds_what_was_issued_only_where_queries_exist(carrier_of: Open, carrier: str) -> None:
    async def scenario() -> None:
        fake = carrier_of(carrier)
        answer = await fake.take(ask("k", carrier))
        if fake.queryable:
            assert await fake.find("k") == answer
            assert await fake.find("other") is None
        else:
            with pytest.raises(CarrierRefused):
                await fake.find("k")

    asyncio.run(scenario())


def test_children_have_numbers_of_their_own_or_the_suffix_of_their_carrier(carrier_of: Open) -> None:
    async def scenario() -> None:
        sf = carrier_of("sf")
        own = [await sf.take(ask(f"k{i}", parcels=3)) for i in range(3)]
        assert len({number for answer in own for number in answer.numbers}) == 9
        jd = await carrier_of("jd").take(ask("k", "jd", parcels=3))
        mother = jd.numbers[0]
        assert jd.numbers == (mother, f"{mother}-2-3-", f"{mother}-3-3-")
        assert jd.route is not None
        assert jd.route.barcode_text == f"{mother}-1-3-"
        assert all(catalogue().get("jd").accepts(number) for number in jd.numbers)

    asyncio.run(scenario())


def test_more_parcels_than_the_carrier_allows_are_refused(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("deppon")
        with pytest.raises(CarrierRefused):
            await fake.take(ask("k", "deppon", parcels=31))
        assert len((await fake.take(ask("k", "deppon", parcels=30))).numbers) == 30

    asyncio.run(scenario())


def test_an_ask_for_another_carrier_is_a_mistake_of_the_caller(carrier_of: Open) -> None:
    with pytest.raises(ValueError, match="asked for a number of jd"):
        asyncio.run(carrier_of("sf").take(ask("k", "jd")))


@pytest.mark.parametrize("carrier", FOUR)
def test_all_route_data_is_marked_as_an_example(carrier_of: Open, carrier: str) -> None:
    async def scenario() -> None:
        route = (await carrier_of(carrier).take(ask("k", carrier))).route
        assert route is not None
        assert all(MARK in text for text in (route.sort_code, route.big_mark, route.bag_centre, route.qr_text))
        assert route.barcode_text.isascii()

    asyncio.run(scenario())


def test_a_refusal_brings_the_carriers_words_and_issues_nothing(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of()
        fake.plan(FaultPlan(Fault.REFUSE, keys="bad-*", text="月结账号已停用"))
        with pytest.raises(CarrierRefused) as refused:
            await fake.take(ask("bad-1"))
        assert refused.value.raw == "月结账号已停用"
        assert "月结" not in str(refused.value)
        await fake.take(ask("good-1"))
        assert [issue.key for issue in fake.issued()] == ["good-1"]

    asyncio.run(scenario())


def test_a_hanging_call_issues_nothing_and_holds_nobody_else_up(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of()
        fake.plan(FaultPlan(Fault.HANG, keys="slow", seconds=0.2))
        start = time.monotonic()
        slow, quick = await asyncio.gather(fake.take(ask("slow")), fake.take(ask("quick")), return_exceptions=True)
        assert time.monotonic() - start >= 0.2
        assert isinstance(slow, CarrierSilent)
        assert not isinstance(quick, BaseException)
        assert [issue.key for issue in fake.issued()] == ["quick"]

    asyncio.run(scenario())


def test_a_dropped_answer_was_issued_and_can_be_found_or_repeated(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        fake.plan(FaultPlan(Fault.DROP_ANSWER, times=1))
        with pytest.raises(CarrierSilent):
            await fake.take(ask("k"))
        (issue,) = fake.issued()
        found = await fake.find("k")
        assert found is not None
        assert found.numbers == (issue.number,)
        assert await fake.take(ask("k")) == found

    asyncio.run(scenario())


def test_a_late_commit_is_not_found_at_once_but_always_after_the_settle_time(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake, unhurried = carrier_of("jd"), carrier_of("jd", settle=timedelta(hours=1))  # two programs with one book
        fake.plan(FaultPlan(Fault.SETTLE_LATE, times=1))
        asked = time.monotonic()
        with pytest.raises(CarrierSilent):
            await fake.take(ask("k", "jd"))
        assert len(fake.issued()) == 1
        assert await unhurried.find("k") is None
        await asyncio.sleep(fake.settle.total_seconds() - (time.monotonic() - asked))
        found = await fake.find("k")
        assert found is not None
        assert list(found.numbers) == numbers_of(fake)

    asyncio.run(scenario())


def test_the_same_number_can_be_answered_to_two_keys(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of()
        first = await fake.take(ask("one"))
        fake.plan(FaultPlan(Fault.SAME_NUMBER, keys="two"))
        second = await fake.take(ask("two"))
        assert second.numbers == first.numbers
        assert [(i.key, i.number) for i in fake.issued()] == [("one", first.numbers[0]), ("two", first.numbers[0])]

    asyncio.run(scenario())


@pytest.mark.parametrize("carrier", FOUR)
def test_a_number_can_be_answered_that_breaks_its_rule(carrier_of: Open, carrier: str) -> None:
    async def scenario() -> None:
        fake = carrier_of(carrier)
        fake.plan(FaultPlan(Fault.BREAK_RULE, keys="bad*"))
        bad = {(await fake.take(ask(f"bad{i}", carrier))).numbers[0] for i in range(20)}
        assert len(bad) == 20
        assert not any(catalogue().get(carrier).accepts(number) for number in bad)
        assert set(numbers_of(fake)) == bad

    asyncio.run(scenario())


def test_route_data_can_be_left_out_and_faults_can_come_together(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        fake.plan(FaultPlan(Fault.NO_ROUTE), FaultPlan(Fault.DROP_ANSWER, times=1))
        with pytest.raises(CarrierSilent):
            await fake.take(ask("k"))
        found = await fake.find("k")
        assert found is not None
        assert found.route is None

    asyncio.run(scenario())


def test_a_cancelled_number_is_marked_and_cancelling_again_is_harmless(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        mother, child = (await fake.take(ask("k", parcels=2))).numbers
        await fake.cancel(child, "k")
        assert [issue.cancelled for issue in fake.issued()] == [False, True]
        await fake.cancel(mother, "k")
        await fake.cancel(mother, "k")
        assert fake.issued() == [Issue("k", mother, 1, True), Issue("k", child, 2, True)]
        with pytest.raises(CarrierRefused) as refused:
            await fake.take(ask("k"))
        assert refused.value.code == "key_cancelled"

    asyncio.run(scenario())


def test_a_cancel_can_be_refused_or_its_answer_lost(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        (number,) = (await fake.take(ask("k"))).numbers
        fake.plan(FaultPlan(Fault.REFUSE_CANCEL, times=1, text="已揽收"), FaultPlan(Fault.DROP_CANCEL_ANSWER, times=2))
        with pytest.raises(CarrierRefused) as refused:
            await fake.cancel(number, "k")
        assert refused.value.raw == "已揽收"
        assert not fake.issued()[0].cancelled
        with pytest.raises(CarrierSilent):
            await fake.cancel(number, "k")
        assert fake.issued()[0].cancelled
        await fake.cancel(number, "k")

    asyncio.run(scenario())


def test_an_unknown_number_or_a_foreign_key_cannot_be_cancelled(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        (number,) = (await fake.take(ask("k"))).numbers
        for wrong in (("SF0009999999999", "k"), (number, "other")):
            with pytest.raises(CarrierRefused):
                await fake.cancel(*wrong)

    asyncio.run(scenario())


def test_a_query_can_stay_without_answer(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        fake.plan(FaultPlan(Fault.SILENT_QUERY, times=1))
        with pytest.raises(CarrierSilent):
            await fake.find("k")
        assert await fake.find("k") is None

    asyncio.run(scenario())


def test_faults_end_when_they_are_forgotten_and_belong_to_one_carrier(carrier_of: Open) -> None:
    async def scenario() -> None:
        sf, ems = carrier_of("sf"), carrier_of("ems")
        sf.plan(FaultPlan(Fault.REFUSE))
        assert (await ems.take(ask("k", "ems"))).numbers
        sf.behave()
        assert (await sf.take(ask("k"))).numbers

    asyncio.run(scenario())


def test_nothing_of_a_person_is_written_or_shown(carrier_of: Open, tmp_path: Path) -> None:
    fake = carrier_of("sf")
    answer = asyncio.run(fake.take(ask("k")))
    shown = f"{ask('k')!r}{answer!r}{fake.issued()!r}"
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"SF000" in written
    for secret in SECRETS:
        assert secret not in shown
        assert secret.encode() not in written


def test_a_take_costs_less_than_two_milliseconds(carrier_of: Open) -> None:
    async def scenario() -> None:
        fake = carrier_of("sf")
        times = []
        for i in range(200):
            start = time.perf_counter()
            await fake.take(ask(f"k{i}"))
            times.append(time.perf_counter() - start)
        assert min(times) < 0.002  # the least of many: other programs do not count

    asyncio.run(scenario())


def test_the_registry_gives_one_connector_per_carrier_and_file(tmp_path: Path) -> None:
    file = sandbox_file(tmp_path)
    assert connector_for("sf", file) is connector_for("sf", file)
    assert connector_for("jd", file).carrier == "jd"


@pytest.mark.parametrize(("carrier", "inside"), [("sf", False), ("zto", True)])
def test_a_carrier_without_a_connector_is_refused_in_words(tmp_path: Path, carrier: str, inside: bool) -> None:
    with pytest.raises(Refusal) as refused:
        connector_for(carrier, sandbox_file(tmp_path) if inside else None)
    assert refused.value.code == "connector.missing"
    assert carrier in refused.value.zh
    assert carrier in refused.value.en


def test_an_unknown_carrier_is_refused_as_unknown(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        connector_for("nobody", sandbox_file(tmp_path))
    assert refused.value.code == "carrier.unknown"
