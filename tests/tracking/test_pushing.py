"""Scans enter the inbox once, whoever pushes them how often and in which order; each bad one is refused by itself."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from miandan.kernel.clock import BEIJING, now
from miandan.kernel.database import Database
from miandan.tracking import months, service
from miandan.tracking.model import CLOCKS_DIFFER, MOST_AGE, Action, Pushed, Scan
from miandan.vault.retention import apply_retention
from miandan.vault.shelves import retention_rules
from tests.conftest import FreshDatabase
from tests.tracking.travel import at, nobodys, scan
from tests.waybills.conftest import Heart

JOURNEY = (Action.COLLECTED, Action.DEPARTED, Action.ARRIVED, Action.OUT_FOR_DELIVERY, Action.SIGNED)


def journey(number: str) -> list[Scan]:
    return [scan(number, action, hour) for hour, action in enumerate(JOURNEY)]


async def waiting(db: Database, number: str) -> list[bool]:
    """Messages about a number: whether each says that the parcel moved."""
    rows = await db.fetch(
        """
        SELECT body -> 'moved' AS moved
          FROM outbox
         WHERE topic = $1 AND body ->> 'number' = $2
         ORDER BY created_at, id
        """,
        service.SCANNED,
        number,
    )
    return [row["moved"] for row in rows]


async def test_a_repeat_changes_nothing_and_is_counted_as_one(road: Heart) -> None:
    async with road.world() as world:
        number = nobodys()
        assert await service.push(world.db, [*journey(number), journey(number)[0]]) == Pushed(5, 1)
        assert await service.push(world.db, journey(number)) == Pushed(0, 5)
        assert [one.action for one in await service.route_of(world.db, "yto", number)] == list(JOURNEY)
        assert await waiting(world.db, number) == [True], "a repeat tells nobody anything"


async def test_an_empty_push_is_no_error(road: Heart) -> None:
    async with road.world() as world:
        assert await service.push(world.db, []) == Pushed()


async def test_only_action_second_and_site_tell_scans_apart(road: Heart) -> None:
    async with road.world() as world:
        one = scan(nobodys(), text="到达杭州")
        same = [
            replace(one, text="抵达杭州", raw_code="X"),
            replace(one, happened_at=one.happened_at.astimezone(BEIJING)),
        ]
        same.append(replace(one, happened_at=one.happened_at + timedelta(milliseconds=400)))
        other = [
            replace(one, action=Action.DEPARTED),
            replace(one, site_code="571002"),
            replace(one, happened_at=at(0.001)),
        ]
        assert await service.push(world.db, [one, *same, *other]) == Pushed(4, 3)


async def test_codes_that_nobody_reads_are_kept_apart_and_counted(road: Heart) -> None:
    async with road.world() as world:
        number, strange = nobodys(), f"Q{nobodys()}"
        unread = [scan(number, Action.OTHER, raw_code=code, namespace="doudian") for code in (strange, f"{strange}2")]
        pushed = await service.push(world.db, unread)
        assert (pushed.accepted, pushed.unread) == (2, 2)
        listed = {one.code: one.times for one in await service.unread_codes(world.db, limit=10_000)}
        assert (listed[strange], listed[f"{strange}2"]) == (1, 1)


@pytest.mark.parametrize("order", [(4, 3, 2, 1, 0), (2, 0, 4, 1, 3)], ids=str)
async def test_late_scans_take_their_place(road: Heart, order: tuple[int, ...]) -> None:
    async with road.world() as world:
        number = nobodys()
        for place in order:
            await service.push(world.db, [journey(number)[place]])
        route = await service.route_of(world.db, "yto", number)
        assert [one.action for one in route] == list(JOURNEY)
        assert route[-1].action is Action.SIGNED
        assert await service.route_of(world.db, "yto", nobodys()) == []


async def test_scans_of_one_second_stand_in_the_order_of_the_trade(road: Heart) -> None:
    async with road.world() as world:
        number = nobodys()
        moments = [scan(number, action, 1) for action in (Action.SIGNED, Action.COLLECTED, Action.ARRIVED)]
        for one in moments:
            await service.push(world.db, [one])
        route = await service.route_of(world.db, "yto", number)
        assert [one.action for one in route] == [Action.COLLECTED, Action.ARRIVED, Action.SIGNED]
        row = await world.db.fetchrow("SELECT last_action FROM scanned_number WHERE number = $1", number)
        assert row is not None
        assert row["last_action"] == "signed"


async def test_what_is_read_back_is_what_was_said(road: Heart) -> None:
    async with road.world() as world:
        said = Scan(
            carrier="yto",
            number=nobodys(),
            action=Action.FORWARDED,
            happened_at=at(3),
            text="转寄",
            site_code="571001",
            site_name="杭州余杭",
            city="杭州市",
            division_code="330110",
            next_site="上海中心",
            signer="前台",
            courier="张三",
            courier_phone="13911112222",
            new_carrier="sto",
            new_number="777000111222333",
            namespace="yto",
            raw_code="A",
            raw_sub_code="B",
        )
        await service.push(world.db, [said])
        assert await service.route_of(world.db, "yto", said.number.lower()) == [replace(said, courier="张*")]


async def test_the_same_scans_pushed_by_many_at_once_are_kept_once(road: Heart) -> None:
    async with road.world() as world:
        numbers = [nobodys() for _ in range(20)]
        batch = [one for number in numbers for one in journey(number)]
        turned = [batch[place % 3 :: 3] + batch[::-1] for place in range(8)]
        pushed = await asyncio.gather(*(service.push(world.db, one) for one in turned))
        assert sum(one.accepted for one in pushed) == len(batch)
        assert sum(one.accepted + one.repeated for one in pushed) == sum(map(len, turned))
        counts = await world.db.fetch("SELECT scans FROM scanned_number WHERE number = ANY($1)", numbers)
        assert [row["scans"] for row in counts] == [5] * len(numbers)
        first = await world.db.fetch("SELECT first_scan_at FROM scanned_number WHERE number = ANY($1)", numbers)
        assert {row["first_scan_at"] for row in first} == {at(0)}


async def test_each_bad_scan_is_refused_by_itself_and_the_rest_is_kept(road: Heart) -> None:
    async with road.world() as world:
        number, moment = nobodys(), now()
        scans = [
            scan(number, moment=moment - MOST_AGE - timedelta(minutes=1)),
            scan(number, moment=moment + CLOCKS_DIFFER + timedelta(minutes=1)),
            scan(number, moment=moment + CLOCKS_DIFFER - timedelta(minutes=1)),
            scan("张三 13800001234"),
            scan(""),
            scan("X" * 40),
            scan(number, carrier="no_such_carrier"),
            scan(f" {number.lower()} ", moment=moment - MOST_AGE + timedelta(minutes=1)),
            scan(number, moment=datetime.min.replace(tzinfo=UTC)),
            scan(number, moment=datetime.max.replace(tzinfo=BEIJING)),
        ]
        pushed = await service.push(world.db, scans)
        assert (pushed.accepted, pushed.repeated) == (2, 0)
        assert [(one.place, one.refusal.code) for one in pushed.refused] == [
            (0, "scan.too_old"),
            (1, "scan.in_future"),
            (3, "scan.no_number"),
            (4, "scan.no_number"),
            (5, "scan.no_number"),
            (6, "carrier.unknown"),
            (8, "scan.too_old"),
            (9, "scan.in_future"),
        ]
        assert all(one.refusal.zh and "13800001234" not in str(one.refusal) for one in pushed.refused)


def test_a_time_without_a_zone_is_a_mistake_of_the_door() -> None:
    with pytest.raises(ValueError, match="zone"):
        Scan("yto", "YT0000000000001", Action.ARRIVED, datetime(2026, 11, 1))


async def test_odd_characters_and_endless_texts_are_kept_as_far_as_can_be(road: Heart) -> None:
    async with road.world() as world:
        number = nobodys()
        odd = scan(
            number,
            text="已\0到\ud800达" + "长" * 5000,
            site_name="\0" * 300 + "站" * 300,
            city="'; DROP TABLE scan; --",
        )
        assert (await service.push(world.db, [odd])).accepted == 1
        [kept] = await service.route_of(world.db, "yto", number)
        assert (kept.text[:4], len(kept.text), len(kept.site_name)) == ("已到?达", 1000, 0)
        assert kept.city == odd.city


async def test_a_route_goes_over_the_end_of_a_month(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        midnight = datetime(2026, 11, 1, tzinfo=BEIJING)
        seconds = [midnight - timedelta(seconds=1), midnight, midnight + timedelta(days=31)]
        scans = [scan("YT9000000000001", moment=moment) for moment in seconds]
        assert (await service.push(db, scans, at=datetime(2026, 12, 5, tzinfo=UTC))).accepted == 3
        rows = await db.fetch("SELECT tableoid::regclass::text AS month FROM scan ORDER BY happened_at")
        assert [row["month"] for row in rows] == ["scan_2026_10", "scan_2026_11", "scan_2026_12"]
        assert [one.happened_at for one in await service.route_of(db, "yto", "YT9000000000001")] == seconds


async def test_months_are_made_once_by_whoever_comes_first(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=6) as db:
        await asyncio.gather(*(service.push(db, [scan(nobodys(), hour=hour)]) for hour in range(6)))
        assert await db.fetchval("SELECT count(*) FROM scan") == 6
        await months.prepare(db)
        assert await db.fetchval("SELECT count(*) FROM pg_inherits WHERE inhparent = 'scan'::regclass") >= 6


async def test_old_scans_go_and_no_others(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        kept_days = next(rule.days for rule in retention_rules() if rule.table == "scan")
        assert timedelta(days=kept_days) > MOST_AGE, "a repeat of a deleted scan must not look new"
        first = datetime(2026, 3, 10, tzinfo=UTC)
        for place in range(8):  # rows of several months that lie at the same place of their partitions
            moment = first + timedelta(days=30 * place)
            await service.push(db, [scan(f"YT900000000010{place}", moment=moment)], at=moment + timedelta(hours=1))
        later = first + timedelta(days=kept_days + 31)
        assert await months.drop_past(db, later) >= 1
        assert await db.fetchval("SELECT to_regclass('scan_2026_03')") is None
        await apply_retention(db, later)
        assert await db.fetchval("SELECT count(*) FROM scan") == 6
        assert await db.fetchval("SELECT min(happened_at) FROM scan") == first + timedelta(days=60)
        assert await db.fetchval("SELECT count(*) FROM scanned_number") == 8, "what is kept of a number stays longer"


async def test_a_thousand_scans_are_two_statements(road: Heart) -> None:
    async with road.world() as world, world.db.all_or_nothing() as db, db.connection() as connection:
        await service.push(db, [scan(nobodys())])  # a new connection asks for types first
        before = await db.fetchval("SELECT count(*) FROM scan")
        numbers = [nobodys() for _ in range(200)]
        batch = [one for number in numbers for one in journey(number)]
        sent: list[str] = []
        with connection.query_logger(lambda said: sent.append(said.query)):  # type: ignore[attr-defined]  # asyncpg's
            assert (await service.push(db, batch)).accepted == 1000
            await asyncio.sleep(0)  # what was said last is told in the next turn of the loop
        assert len([sql for sql in sent if "SAVEPOINT" not in sql]) == 2, sent
        assert await db.fetchval("SELECT count(*) FROM scan") == before + 1000
