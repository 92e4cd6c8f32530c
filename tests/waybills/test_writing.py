"""What one statement writes: the rows of many parcels at once, each with its own texts, its keys in one order."""

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from miandan.waybills import queries
from miandan.waybills.model import ParcelAsk, Taken
from tests.conftest import FreshDatabase
from tests.waiting import until_a_lock_is_waited_for
from tests.waybills.world import SHOP, World, open_world, parcel

ODD = ("a,b", '"', "\\", "{}", "'; --", "\x1f", "\x01\x7f", "，", "  ", "𠮷", "NULL", "''", "%s", "$1")
"""Texts that some way of writing arrays or of joining texts would misread."""

_WRITE_DOWN = """
    CREATE TABLE written_down (place serial, written_to text, merchant_id bigint, key text);
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO written_down (written_to, merchant_id, key)
        VALUES (TG_ARGV[0], NEW.merchant_id, to_jsonb(NEW) ->> TG_ARGV[1]);
        RETURN NEW;
    END $$;
    CREATE TRIGGER write_down BEFORE INSERT ON parcel_key
       FOR EACH ROW EXECUTE FUNCTION write_down('parcel_key', 'parcel_key');
    CREATE TRIGGER write_down BEFORE INSERT ON take_answer
       FOR EACH ROW EXECUTE FUNCTION write_down('take_answer', 'idempotency_key');
"""


def packed(order: str, pack_id: str, title: str) -> ParcelAsk:
    """A parcel whose key is its order and `pack_id`."""
    goods = ({"line_id": order, "title": title, "quantity": 1},)
    return structs.replace(parcel(order), keys=(f"{SHOP}/{order}#{pack_id}",), goods=goods)


async def test_texts_of_every_kind_come_back_from_their_own_rows(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    parcels = [packed(str(place), text, f"{text}{place}") for place, text in enumerate(ODD)]
    parcels.append(parcel("a", "b", "c"))
    parcels.append(parcel("d", pieces=3))
    async with fresh_database() as db, open_world(db, tmp_path) as world:
        taken = [one for one in await world.take("yto", *parcels) if isinstance(one, Taken)]
        assert len(taken) == len(parcels)
        waybills = await queries.waybills(db, [one.ref for one in taken])
        assert [one.ref for one in waybills] == [one.ref for one in taken]
        assert [one.order_ref for one in waybills] == [one.order_ref for one in parcels]
        assert [list(one.goods) for one in waybills] == [list(one.goods) for one in parcels]
        rows = await db.fetch("SELECT number, parcel_key, seat FROM parcel_key")
        wanted = {
            (one.number, key, seat)
            for one, asked in zip(taken, parcels, strict=True)
            for seat, key in enumerate(asked.keys)
        }
        wanted |= {(number, f"{SHOP}/d|{piece}", 0) for piece, number in enumerate(taken[-1].children, 2)}
        assert {tuple(row) for row in rows} == wanted


async def test_keys_are_occupied_in_one_order_whoever_asks(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    """Else two takes of the same keys could block each other for good."""
    async with fresh_database() as db, open_world(db, tmp_path) as world:
        await world.take("yto", parcel("é"), parcel("b", "Z"), parcel("a", "c"), parcel("B", pieces=2), parcel("10"))
        as_inserted = [row["parcel_key"] for row in await db.fetch("SELECT parcel_key FROM parcel_key ORDER BY ctid")]
        assert as_inserted == sorted(as_inserted)
        assert len(as_inserted) == 8


@pytest.mark.parametrize("merchants", [(1001, 1002), (1002, 1001)])
async def test_keys_and_answers_of_several_merchants_have_one_order_too(
    fresh_database: FreshDatabase, tmp_path: Path, merchants: tuple[int, int]
) -> None:
    async with fresh_database() as db, open_world(db, tmp_path, lanes=1) as world:
        for merchant_id in merchants:  # who has a lease by then needs none of the database
            await world.take("yto", parcel("0"), merchant_id=merchant_id)
        await db.execute(_WRITE_DOWN)
        async with db.transaction() as tx:
            await tx.execute("LOCK TABLE waybill IN SHARE ROW EXCLUSIVE MODE")
            takes = [asyncio.create_task(world.take("yto", parcel("1")))]
            await until_a_lock_is_waited_for(db)
            for place, merchant_id in enumerate(merchants, 1):
                asked = world.take("yto", parcel("2"), merchant_id=merchant_id, idempotency_key="k")
                takes.append(asyncio.create_task(asked))
                await _until_waiting(world, place)
        await asyncio.gather(*takes)
        rows = await db.fetch("SELECT written_to, merchant_id FROM written_down WHERE key <> 'S10001/1' ORDER BY place")
        for table in ("parcel_key", "take_answer"):  # each take looks after its answer once more, later
            assert [row["merchant_id"] for row in rows if row["written_to"] == table][:2] == [1001, 1002]


async def _until_waiting(world: World, works: int) -> None:
    async with asyncio.timeout(60):
        while len(world.counter.desk._queue) < works:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.01)
