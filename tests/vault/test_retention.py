"""What is shredded stays shredded: by age, by token, by request of the person."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from miandan.kernel import audit
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.vault import persons
from miandan.vault.model import Sealed
from miandan.vault.persons import Erased, erase_person
from miandan.vault.retention import apply_retention, index_pending, shred
from miandan.vault.service import Vault, keep_index
from miandan.vault.shelves import RetentionAction, RetentionRule, Shelf, retention_rules, shelves
from tests.conftest import FreshDatabase
from tests.vault.people import (
    MERCHANT,
    OTHER_SHELF,
    SHELF,
    SHELVES,
    index_tokens,
    make_shelves,
    put,
    someone,
    stored,
    vault_of,
)

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RULE = RetentionRule("test_shelf", "taken_at", 90, RetentionAction.SHRED, date(2026, 1, 1), "a test")
OTHER_RULE = replace(RULE, table="test_other_shelf", days=30)


async def filled(db: Database, count: int, days_old: int = 100, merchant_id: int = MERCHANT) -> list[Sealed]:
    keys = await (await vault_of(db)).keys_of(merchant_id)
    people = []
    for number in range(count):
        sealed = keys.seal(someone(), f"order-{days_old}-{number}")
        await put(db, f"order-{days_old}-{number}", sealed, merchant_id=merchant_id, at=AT - timedelta(days=days_old))
        people.append(sealed)
    await index_pending(db, all_shelves=SHELVES)
    return people


async def apply(db: Database, *rules: RetentionRule, batch: int = 1_000) -> list[tuple[str, int, int]]:
    done = await apply_retention(db, AT, rules=rules, all_shelves=SHELVES, batch=batch)
    return [(one.table, one.rows, one.index_rows) for one in done]


async def can_open(db: Database, vault: Vault, order_ref: str, shelf: Shelf = SHELF) -> bool:
    keys = await vault.keys_of(MERCHANT)
    sealed = await stored(db, order_ref, shelf=shelf)
    if sealed.key is not None:
        return keys.open(sealed, order_ref) == someone()
    with pytest.raises(Refusal, match=r"vault\.shredded"):
        keys.open(sealed, order_ref)
    return False


async def test_what_is_older_than_its_rule_is_shredded_and_the_rest_stays(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        old = await filled(db, 3, days_old=91)
        await filled(db, 2, days_old=89)
        assert await apply(db, RULE) == [("test_shelf", 3, 9)]
        assert await apply(db, RULE) == [("test_shelf", 0, 0)]
        assert [await can_open(db, vault, f"order-91-{n}") for n in range(3)] == [False] * 3
        assert [await can_open(db, vault, f"order-89-{n}") for n in range(2)] == [True] * 2
        assert not await index_tokens(db) & {sealed.token for sealed in old}
        shredded = await stored(db, "order-91-0")
        assert (shredded.key, shredded.body) == (None, old[0].body)
        assert shredded.digest != old[0].digest
        assert len(shredded.digest) == 16
        (entry,) = await db.fetch("SELECT chain, action, subject FROM audit_entry")
        assert (entry["chain"], entry["action"]) == (audit.PLATFORM, "recipient.shredded")
        assert (entry["subject"]["rows"], entry["subject"]["index_rows"]) == (3, 9)


async def test_a_job_that_was_stopped_goes_on_where_it_was(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fresh_database() as db:
        await make_shelves(db)
        await filled(db, 7)
        appended = audit.append
        calls = 0

        async def stop_at_the_third(*args: object, **kwargs: object) -> int:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise ConnectionError
            return await appended(*args, **kwargs)  # type: ignore[arg-type]  # handed on as it came

        monkeypatch.setattr(audit, "append", stop_at_the_third)
        with pytest.raises(ConnectionError):
            await apply(db, RULE, batch=2)
        monkeypatch.undo()
        assert await db.fetchval("SELECT count(*) FROM test_shelf WHERE recipient_key IS NULL") == 4
        assert len(await index_tokens(db)) == 3
        assert await apply(db, RULE, batch=2) == [("test_shelf", 3, 9)]
        assert await index_tokens(db) == set()


async def test_a_recipient_that_another_row_still_holds_keeps_its_indexes(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        (sealed,) = await filled(db, 1, days_old=40)
        await put(db, "order-40-0", sealed, shelf=OTHER_SHELF, at=AT - timedelta(days=40))
        assert await apply(db, OTHER_RULE) == [("test_other_shelf", 1, 0)]
        assert not await can_open(db, vault, "order-40-0", OTHER_SHELF)
        assert await can_open(db, vault, "order-40-0")
        assert await index_tokens(db) == {sealed.token}
        assert await apply(db, replace(RULE, days=39)) == [("test_shelf", 1, 3)]
        assert await index_tokens(db) == set()


async def test_a_younger_row_with_the_same_recipient_stays_on_the_same_shelf(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await make_shelves(db)
        (sealed,) = await filled(db, 1)
        await put(db, "retaken", sealed._replace(index=b""), at=AT)
        await db.execute("UPDATE test_shelf SET recipient_index = NULL")
        assert await apply(db, RULE) == [("test_shelf", 1, 0)]
        assert (await stored(db, "retaken")).key == sealed.key
        assert await index_tokens(db) == {sealed.token}


async def test_indexes_that_still_wait_in_a_shredded_row_are_gone_too(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await make_shelves(db)
        sealed = (await (await vault_of(db)).keys_of(MERCHANT)).seal(someone(), "order-1")
        await put(db, "order-1", sealed, at=AT - timedelta(days=100))
        await apply(db, RULE)
        assert await index_pending(db, all_shelves=SHELVES) == 0
        assert await index_tokens(db) == set()


async def test_rules_of_other_times_other_tables_and_other_actions(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await make_shelves(db)
        await filled(db, 2)
        assert (
            await apply(
                db,
                replace(RULE, valid_until=date(2026, 11, 22)),
                replace(RULE, valid_from=date(2026, 11, 24)),
                replace(RULE, table="test_absent_shelf"),
                replace(RULE, action=RetentionAction.KEEP),
            )
            == []
        )
        assert await apply(db, replace(RULE, action=RetentionAction.DELETE), batch=1) == [("test_shelf", 2, 0)]
        assert await db.fetchval("SELECT count(*) FROM test_shelf") == 0


async def test_shredding_by_token_reaches_every_shelf_and_the_index(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        first, second = await filled(db, 2)
        await put(db, "order-100-0", first, shelf=OTHER_SHELF)
        async with db.transaction() as tx:
            assert await shred(tx, MERCHANT + 1, [first.token], all_shelves=SHELVES) == 0
            assert await shred(tx, MERCHANT, [first.token], all_shelves=SHELVES) == 2
        assert not await can_open(db, vault, "order-100-0")
        assert not await can_open(db, vault, "order-100-0", OTHER_SHELF)
        assert await can_open(db, vault, "order-100-1")
        assert await index_tokens(db) == {second.token}


async def test_a_person_is_erased_at_every_merchant_and_nobody_else_is(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        mine, theirs = await vault.keys_of(1), await vault.keys_of(2)
        erased = {"a": mine.seal(someone(), "a"), "b": mine.seal(someone("同一人", "+86 139 1234 5678"), "b")}
        kept = mine.seal(someone("旁人", "13912345679"), "c")
        for order, sealed in erased.items():
            await put(db, order, sealed, merchant_id=1)
        await put(db, "a", erased["a"], merchant_id=1, shelf=OTHER_SHELF)
        await put(db, "c", kept, merchant_id=1)
        await put(db, "d", theirs.seal(someone(), "d"), merchant_id=2)

        assert await erase_person(db, vault, "139-1234-5678", actor="operator-1", all_shelves=SHELVES) == Erased(
            2, 3, 4
        )
        assert await erase_person(db, vault, "139-1234-5678", actor="operator-1", all_shelves=SHELVES) == Erased(
            0, 0, 0
        )
        rows = await db.fetch("SELECT merchant_id, order_ref FROM test_shelf WHERE recipient_key IS NOT NULL")
        assert [tuple(row) for row in rows] == [(1, "c")]
        assert await index_tokens(db) == {kept.token}
        entries = await db.fetch("SELECT chain, actor, action, purpose, subject FROM audit_entry ORDER BY chain")
        assert [tuple(entry)[:4] for entry in entries] == [
            (f"merchant:{merchant}", "operator-1", "recipient.erased", "erase_check") for merchant in (1, 2)
        ]
        assert entries[0]["subject"]["tokens"] == sorted(str(sealed.token) for sealed in erased.values())
        assert await audit.verify(db) == []


async def test_of_a_shared_virtual_number_only_the_extension_is_erased(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        keys = await vault.keys_of(MERCHANT)
        for extension in ("1001", "1002"):
            await put(db, extension, keys.seal(someone(phone="18412345678", extension=extension), extension))
        gone = await erase_person(db, vault, "18412345678", actor="o", extension="1002", all_shelves=SHELVES)
        assert gone == Erased(1, 1, 1)
        assert (await stored(db, "1001")).key is not None


async def test_however_many_share_a_number_everybody_who_is_meant_is_erased(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persons, "_CANDIDATES", 2)
    async with fresh_database() as db:
        vault = await vault_of(db)
        await make_shelves(db)
        keys = await vault.keys_of(MERCHANT)
        for number in range(5):
            sealed = keys.seal(someone(phone="18412345678", extension=f"100{number}"), f"{number}")
            await put(db, f"{number}", sealed)
        gone = await erase_person(db, vault, "18412345678", actor="o", extension="1004", all_shelves=SHELVES)
        assert gone == Erased(1, 1, 1)
        assert (await stored(db, "4")).key is None
        assert await erase_person(db, vault, "18412345678", actor="o", all_shelves=SHELVES) == Erased(1, 4, 4)


async def test_the_shelves_and_rules_fit_the_tables_of_this_program(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        rows = await db.fetch("SELECT table_name, column_name FROM information_schema.columns")
        columns: dict[str, set[str]] = {}
        for table, column in rows:
            columns.setdefault(table, set()).add(column)
        fixed = {"merchant_id", "recipient_token", "recipient_key", "recipient"}
        for shelf in shelves():
            named = {*fixed, *shelf.bound_to, *shelf.digests, *filter(None, [shelf.index])}
            assert named <= columns[shelf.table], shelf.table
        for rule in retention_rules():
            assert rule.clock in columns[rule.table], rule.table
            assert "confidence:" in rule.source
        sealed = {table for table, names in columns.items() if {"recipient_token", "recipient_key"} <= names}
        parents = {str(row[0]) for row in await db.fetch("SELECT inhrelid::regclass FROM pg_inherits")}
        assert {shelf.table for shelf in shelves()} == sealed - parents
        shredded = {rule.table for rule in retention_rules() if rule.action is RetentionAction.SHRED}
        assert shredded == {shelf.table for shelf in shelves()}
        acting = [rule for rule in retention_rules() if rule.action is not RetentionAction.KEEP]
        assert [one.rows for one in await apply_retention(db, AT)] == [0] * len(acting)


def test_a_name_that_is_no_name_never_reaches_a_statement() -> None:
    with pytest.raises(ValueError, match="no name"):
        Shelf("waybill; DROP TABLE waybill", ("order_ref",))
    with pytest.raises(ValueError, match="no name"):
        replace(RULE, clock="taken_at < now() OR taken_at")


async def test_keeping_the_index_of_nobody_does_nothing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, db.transaction() as tx:
        await keep_index(tx, MERCHANT, [])
