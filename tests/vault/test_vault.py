"""The vault over a real database: one set of keys per merchant whoever asks first, search, planted people."""

import asyncio
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.vault.model import Found, IndexKind
from miandan.vault.persons import search
from miandan.vault.retention import index_pending
from miandan.vault.service import INDEX, SEAL, Vault, keep_index, masked
from tests.conftest import FreshDatabase
from tests.vault.people import (
    MERCHANT,
    SHELVES,
    index_tokens,
    make_shelves,
    put,
    root_in_memory,
    someone,
    vault_of,
)
from tests.vault.planted import (
    planted_in_database,
    planted_in_dump,
    planted_in_folder,
    planted_in_text,
    planted_words,
)


async def test_programs_that_ask_together_get_the_same_keys(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        vaults = [await vault_of(db) for _ in range(8)]
        keys = await asyncio.gather(*(vault.keys_of(MERCHANT) for vault in vaults))
        sealed = keys[0].seal(someone(), "order-1")
        assert [key.open(sealed, "order-1") for key in keys] == [someone()] * 8
        assert await db.fetchval("SELECT count(*) FROM vault_key") == 2
        assert await vaults[0].keys_of(MERCHANT) is keys[0]


async def test_each_merchant_has_keys_of_its_own(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        mine, theirs = await vault.keys_of(1), await vault.keys_of(2)
        assert mine.digest(someone()) != theirs.digest(someone())
        with pytest.raises(Refusal, match=r"vault\.damaged"):
            theirs.open(mine.seal(someone(), "order-1"), "order-1")


async def test_a_database_sealed_under_another_root_key_is_refused_at_once(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await vault_of(db)
        for stranger in (root_in_memory(b"x"), root_in_memory(b"x", version=2)):
            with pytest.raises(Refusal, match=r"vault\.root_differs"):
                await Vault.open(db, stranger)
        await vault_of(db)


async def test_a_key_row_moved_to_another_merchant_is_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await (await vault_of(db)).keys_of(1)
        await db.execute("UPDATE vault_key SET merchant_id = 2")
        with pytest.raises(Refusal, match=r"vault\.root_differs"):
            await (await vault_of(db)).keys_of(2)


async def test_after_a_rotation_another_program_reads_both_versions(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        mine, other = await vault_of(db), await vault_of(db)
        old = (await mine.keys_of(MERCHANT)).seal(someone(), "order-1")
        await other.keys_of(MERCHANT)
        rotated = await mine.rotate(MERCHANT, SEAL)
        new = rotated.seal(someone(), "order-2")
        assert not (await other.keys_of(MERCHANT)).knows(new)
        keys = await other.keys_for(MERCHANT, [old, new])
        assert keys.open(old, "order-1") == keys.open(new, "order-2") == someone()


async def test_a_search_finds_who_is_meant_and_nobody_else(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        keys = await vault.keys_of(MERCHANT)
        people = {"order-1": someone(), "order-2": someone(name="张伟"), "order-3": someone(phone="13800005678")}
        sealed = {order: keys.seal(person, order) for order, person in people.items()}
        for order, envelope in sealed.items():
            await put(db, order, envelope)
        assert await search(db, vault, MERCHANT, IndexKind.PHONE, "13912345678", all_shelves=SHELVES) == []
        assert await index_pending(db, all_shelves=SHELVES) == 3
        assert await index_pending(db, all_shelves=SHELVES) == 0

        async def orders(kind: IndexKind, text: str, merchant_id: int = MERCHANT) -> list[str]:
            found = await search(db, vault, merchant_id, kind, text, all_shelves=SHELVES)
            assert all(isinstance(one, Found) for one in found)
            return sorted(one.bound_to for one in found)

        assert await orders(IndexKind.PHONE, "+86 139-1234-5678") == ["order-1", "order-2"]
        assert await orders(IndexKind.TAIL, "5678") == ["order-1", "order-2", "order-3"]
        assert await orders(IndexKind.NAME, "张 伟") == ["order-2"]
        assert await orders(IndexKind.PHONE, "13912345679") == []
        assert await orders(IndexKind.PHONE, "13912345678", merchant_id=43) == []
        await vault.rotate(MERCHANT, INDEX)
        assert await orders(IndexKind.PHONE, "13912345678") == ["order-1", "order-2"]


@pytest.mark.parametrize(
    ("kind", "somebody_else"),
    [(IndexKind.NAME, "李娜"), (IndexKind.PHONE, "13800001111"), (IndexKind.TAIL, "1111")],
)
async def test_false_matches_of_a_truncated_index_are_sorted_out(
    fresh_database: FreshDatabase, kind: IndexKind, somebody_else: str
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        keys = await vault.keys_of(MERCHANT)
        await put(db, "order-1", keys.seal(someone(), "order-1"))
        await index_pending(db, all_shelves=SHELVES)
        collision = keys.search_index(kind, somebody_else)
        await db.execute("UPDATE vault_index SET value = $1 WHERE kind = $2", collision, kind.value)
        assert await search(db, vault, MERCHANT, kind, somebody_else, all_shelves=SHELVES) == []


async def test_indexes_kept_at_once_and_indexes_kept_later_are_the_same(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        sealed = (await vault.keys_of(MERCHANT)).seal(someone(), "order-1")
        await put(db, "order-1", sealed)
        async with db.transaction() as tx:
            await keep_index(tx, MERCHANT, [("order-1", sealed)])
        before = await db.fetch("SELECT * FROM vault_index ORDER BY kind")
        assert len(before) == 3
        await index_pending(db, all_shelves=SHELVES)
        assert await db.fetch("SELECT * FROM vault_index ORDER BY kind") == before
        assert await db.fetchval("SELECT recipient_index FROM test_shelf") is None
        assert await index_tokens(db) == {sealed.token}


async def test_a_masked_read_shows_what_the_rule_shows(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        keys = await (await vault_of(db)).keys_of(MERCHANT)
        sealed = keys.seal(someone(), "order-1")
        label, screen = (masked(keys, sealed, "order-1", rule) for rule in ("label", "screen"))
        assert (label.name, label.phone, label.detail) == ("欧**", "1******5678", "虚构路1037号示例花园3幢***")
        assert screen.phone == "139****5678"
        assert label.buyer_remark == "到了打 ***********"


# --- planted people


async def test_a_sealed_recipient_is_found_nowhere_and_a_leaked_one_everywhere(
    fresh_database: FreshDatabase, database_url: str
) -> None:
    words = planted_words(someone())
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        sealed = (await vault.keys_of(MERCHANT)).seal(someone(), "order-1")
        await put(db, "order-1", sealed)
        await index_pending(db, all_shelves=SHELVES)
        assert await planted_in_database(db, words) == []
        await db.execute("CREATE TABLE leak (a text, b bytea, c jsonb, d text[])")
        await db.execute(
            "INSERT INTO leak VALUES ($1, $2, $3, $4)",
            "致 欧阳建国",
            "13912345678".encode("utf-16-le"),
            {"to": {"detail": someone().detail}},
            ["x", "到了打 139 1234 5678"],
        )
        found = await planted_in_database(db, words)
        assert found == [
            ("public.leak.a", "name"),
            ("public.leak.b", "phone"),
            ("public.leak.c", "detail"),
            ("public.leak.d", "buyer_remark"),
        ]
        try:
            assert planted_in_dump(database_url, words) != []
            await db.execute("DROP TABLE leak")
            assert planted_in_dump(database_url, words) == []
        except FileNotFoundError:
            pytest.skip("no pg_dump on this machine")


def test_planted_people_are_found_in_files_however_they_are_written(tmp_path: Path) -> None:
    words = {"phone": "13912345678", "name": "欧阳建国"}
    (tmp_path / "clean.log").write_text("waybill.taken carrier=zto count=10")
    assert planted_in_folder(tmp_path, words) == []
    leaks = {
        "hex": b"13912345678".hex(),
        "base64": "eHgxMzkxMjM0NTY3ODk=",  # xx13912345678 9
        "url": "%E6%AC%A7%E9%98%B3%E5%BB%BA%E5%9B%BD",
        "json": "\\u6b27\\u9633\\u5efa\\u56fd",
    }
    for name, text in leaks.items():
        assert len(planted_in_text(text, words)) == 1, name
    (tmp_path / "gb.csv").write_bytes("收件人,欧阳建国".encode("gb18030"))
    (tmp_path / "split.bin").write_bytes(b"x" * ((1 << 20) - 5) + b"13912345678")
    assert planted_in_folder(tmp_path, words) == [("gb.csv", "name"), ("split.bin", "phone")]
