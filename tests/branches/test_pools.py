"""Number pools: segments that never overlap, lists that load whole or not at all, slices, the directory."""

import asyncio
from datetime import date
from uuid import UUID

import pytest

from miandan.branches import service
from miandan.branches.model import HEAD_OFFICE, Branch, DirectoryRow, Slice, Source
from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import NumberKind
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from tests.conftest import FreshDatabase
from tests.waiting import until_a_lock_is_waited_for

JT = catalogue().get("jt").rule()
ANN, BOB = 1001, 1002


async def jt_with_two_branches(db: Database) -> None:
    for code in (HEAD_OFFICE, "57101", "57102"):
        await service.open_branch(db, Branch("jt", code, f"示例网点{code}", now()))


async def claim(db: Database, wanted: int, merchant: int = ANN, branch: str = "57101") -> Slice | None:
    async with db.transaction() as tx:
        return await service.claim_slice(tx, "jt", branch, "standard", merchant, new_id(), wanted)


def noted(number: str, merchant: int, source: Source = Source.LIVE, intent: UUID | None = None) -> DirectoryRow:
    return DirectoryRow("jt", number, merchant, date(2025, 5, 1), source, now(), intent)


async def test_a_segment_that_overlaps_another_is_refused_and_the_branch_in_the_way_is_named(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 1000, 1999)
        with pytest.raises(Refusal) as refused:
            await service.load_segment(db, "jt", "57102", 1999, 2999)
        assert refused.value.code == "segment.overlaps"
        assert refused.value.fields["branch"] == "57101"
        assert refused.value.fields["other_first"] == JT.format(1000)
        assert refused.value.fields["other_last"] == JT.format(1999)
        await service.load_segment(db, "jt", "57102", 2000, 2999)
        assert [(level.kind, level.left) for level in await service.pool_levels(db, "jt", "57102")] == [
            ("standard", 1000)
        ]


async def test_of_two_overlapping_segments_loaded_at_once_exactly_one_is_loaded(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        await jt_with_two_branches(db)
        for turn in range(10):
            first = turn * 1000
            loads = [service.load_segment(db, "jt", f"5710{1 + n % 2}", first + n, first + 500 + n) for n in range(6)]
            outcomes = await asyncio.gather(*loads, return_exceptions=True)
            codes = [one.code if isinstance(one, Refusal) else "loaded" for one in outcomes]
            assert sorted(codes) == ["loaded"] + ["segment.overlaps"] * 5


async def test_a_segment_has_to_fit_the_number_rule(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        for first, last in ((0, JT.capacity), (10, 9), (-1, 5)):
            with pytest.raises(Refusal, match=r"segment\.outside_rule"):
                await service.load_segment(db, "jt", "57101", first, last)
        with pytest.raises(Refusal, match=r"branch\.unknown"):
            await service.load_segment(db, "jt", "99999", 1, 5)


async def test_a_closed_branch_gets_no_segment(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.close_branch(db, "jt", "57102")
        with pytest.raises(Refusal, match=r"branch\.closed"):
            await service.load_segment(db, "jt", "57102", 1, 5)
        assert [one.branch_code for one in await service.branches_of(db, "jt")] == ["", "57101"]


async def test_child_numbers_without_a_rule_of_their_own_share_the_standard_pool(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 1, 100, NumberKind.CHILD)
        with pytest.raises(Refusal, match=r"segment\.overlaps"):
            await service.load_segment(db, "jt", "57101", 100, 200)


async def test_slices_come_from_the_branch_first_then_from_the_head_office_and_end_with_the_segment(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", HEAD_OFFICE, 1, 100)
        await service.load_segment(db, "jt", "57101", 5001, 5010)
        await service.load_segment(db, "jt", "57102", 7001, 7010)
        claimed = [await claim(db, 6) for _ in range(4)]
        assert [(one.first, one.last) for one in claimed if one] == [(5001, 5006), (5007, 5010), (1, 6), (7, 12)]
        assert await claim(db, 200) == Slice("jt", "standard", 13, 100)
        assert await claim(db, 1) is None


async def test_slices_claimed_at_once_never_overlap_and_use_the_pool_up(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 0, 99)
        await service.load_segment(db, "jt", HEAD_OFFICE, 100, 199)
        claimed = await asyncio.gather(*(claim(db, 7, merchant) for merchant in range(1, 41)))
        serials = [serial for one in claimed if one for serial in range(one.first, one.last + 1)]
        assert sorted(serials) == list(range(200))


async def test_a_claim_waits_for_the_last_segment_instead_of_saying_that_nothing_is_left(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 0, 99)
        async with db.transaction() as tx:
            await service.claim_slice(tx, "jt", "57101", "standard", ANN, new_id(), 10)
            waiting = asyncio.create_task(claim(db, 10, BOB))
            await until_a_lock_is_waited_for(db)
            assert not waiting.done()
        assert await waiting == Slice("jt", "standard", 10, 19)


async def test_a_number_leads_to_its_merchant_through_a_slice_or_the_directory(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 0, 99)
        await claim(db, 10, ANN)
        await claim(db, 10, BOB)
        async with db.transaction() as tx:
            assert await service.note_numbers(tx, [noted(JT.format(5000), BOB)]) == ()
        found = [await service.whose(db, "jt", JT.format(serial)) for serial in (0, 9, 10, 19, 20, 5000)]
        assert [one and one.merchant_id for one in found] == [ANN, ANN, BOB, BOB, None, BOB]
        assert [one and one.month for one in found] == [None, None, None, None, None, date(2025, 5, 1)]
        assert await service.whose(db, "jt", "not a number") is None


async def test_a_list_is_loaded_whole_or_not_at_all(fresh_database: FreshDatabase) -> None:
    numbers = [JT.format(serial) for serial in range(10)]
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        for bad, code, count in (
            ([*numbers, "1234"], "list.number_breaks_rule", 1),
            ([*numbers, numbers[0], numbers[1]], "list.number_twice", 2),
        ):
            with pytest.raises(Refusal) as refused:
                await service.load_list(db, "jt", "57101", bad)
            assert (refused.value.code, refused.value.fields["count"]) == (code, count)
        assert await service.pool_levels(db, "jt", "57101") == ()
        assert await service.load_list(db, "jt", "57101", numbers) == 10
        with pytest.raises(Refusal) as refused:
            await service.load_list(db, "jt", "57102", [JT.format(serial) for serial in range(8, 20)])
        assert refused.value.fields["count"] == 2
        with pytest.raises(Refusal, match=r"list\.empty"):
            await service.load_list(db, "jt", "57101", [])


async def test_a_number_is_never_in_a_segment_and_in_a_list_or_the_directory_too(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 0, 99)
        with pytest.raises(Refusal, match=r"list\.number_twice"):
            await service.load_list(db, "jt", "57101", [JT.format(99), JT.format(100)])
        await service.load_list(db, "jt", "57101", [JT.format(150)])
        async with db.transaction() as tx:
            assert await service.note_numbers(tx, [noted(JT.format(250), ANN)]) == ()
        for first, last in ((100, 150), (200, 250), (250, 300)):
            with pytest.raises(Refusal, match=r"segment\.number_known"):
                await service.load_segment(db, "jt", "57101", first, last)
        await service.load_segment(db, "jt", "57101", 251, 300)


async def test_a_carrier_without_a_rule_still_has_lists(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.open_branch(db, Branch("zto_intl", HEAD_OFFICE, "示例总部", now()))
        with pytest.raises(Refusal, match=r"carrier\.no_rule"):
            await service.load_segment(db, "zto_intl", HEAD_OFFICE, 1, 10)
        assert await service.load_list(db, "zto_intl", HEAD_OFFICE, ["ZI0000001CN", "ZI0000002CN"]) == 2


async def test_listed_numbers_are_claimed_once_each_even_at_once(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        await jt_with_two_branches(db)
        await service.load_list(db, "jt", "57101", [JT.format(serial) for serial in range(30)])
        await service.load_list(db, "jt", HEAD_OFFICE, [JT.format(serial) for serial in range(30, 60)])

        async def take_four() -> list[str]:
            async with db.transaction() as tx:
                return await service.claim_listed(tx, "jt", "57101", 4)

        taken = [number for batch in await asyncio.gather(*(take_four() for _ in range(16))) for number in batch]
        assert len(taken) == len(set(taken)) == 60


async def test_conflicts_are_reported_and_the_other_rows_are_noted(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await jt_with_two_branches(db)
        await service.load_segment(db, "jt", "57101", 0, 99)
        await service.load_list(db, "jt", "57101", [JT.format(500)])
        first, again = noted(JT.format(1000), ANN), noted(JT.format(1000), BOB)
        pooled, listed = noted(JT.format(50), BOB), noted(JT.format(500), BOB, Source.HAND)
        fresh, twice = noted(JT.format(1001), BOB), noted(JT.format(1001), BOB)
        async with db.transaction() as tx:
            assert await service.note_numbers(tx, [first]) == ()
            conflicts = await service.note_numbers(tx, [again, pooled, listed, fresh, twice])
        assert conflicts == (again, pooled, listed, twice)
        whose = await service.whose(db, "jt", JT.format(1000))
        assert whose is not None
        assert whose.merchant_id == ANN
        async with db.transaction() as tx:
            assert await service.note_numbers(tx, [noted(JT.format(500), ANN, Source.LIST)]) == ()
