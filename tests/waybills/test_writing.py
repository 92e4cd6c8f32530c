"""What one statement writes: the rows of many parcels at once, each with its own texts, its keys in one order."""

from pathlib import Path

from msgspec import structs

from miandan.waybills import queries
from miandan.waybills.model import ParcelAsk, Taken
from tests.conftest import FreshDatabase
from tests.waybills.world import SHOP, open_world, parcel

ODD = ("a,b", '"', "\\", "{}", "'; --", "\x1f", "\x01\x7f", "，", "  ", "𠮷", "NULL", "''", "%s", "$1")
"""Texts that some way of writing arrays or of joining texts would misread."""


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
