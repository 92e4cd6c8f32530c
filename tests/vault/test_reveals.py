"""Nobody reads a plain recipient without a purpose, a budget and an entry in the log."""

from datetime import UTC, date, datetime, timedelta

import pytest

from miandan.kernel import audit
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.vault.model import Recipient, Sealed
from miandan.vault.purposes import RecipientField, purpose_on, purposes
from miandan.vault.reveals import reveal, reveal_to_carrier, set_reveal_limit
from miandan.vault.service import SEAL, Vault
from tests.conftest import FreshDatabase
from tests.vault.people import MERCHANT, someone, vault_of
from tests.vault.planted import planted_in_database, planted_words

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def sealed_people(vault: Vault, count: int) -> list[tuple[str, Sealed]]:
    keys = await vault.keys_of(MERCHANT)
    return [(f"order-{n}", keys.seal(someone(extension=str(n)), f"order-{n}")) for n in range(count)]


async def contact(db: Database, vault: Vault, rows: list[tuple[str, Sealed]], at: datetime = AT) -> list[Recipient]:
    return await reveal(
        db, vault, purpose="contact", actor="clerk-7", app="erp-1", merchant_id=MERCHANT, rows=rows,
        fields=["name", "phone"], at=at,
    )  # fmt: skip


async def test_a_reveal_shows_the_fields_asked_for_in_order_and_is_written_down(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        rows = await sealed_people(vault, 3)
        shown = await contact(db, vault, rows)
        assert shown == [Recipient("欧阳建国", "13912345678", str(n)) for n in range(3)]
        (entry,) = await db.fetch("SELECT * FROM audit_entry")
        assert (entry["chain"], entry["actor"], entry["purpose"]) == ("merchant:42", "clerk-7", "contact")
        tokens = [str(sealed.token) for _, sealed in rows]
        assert entry["subject"] == {"app": "erp-1", "fields": ["name", "phone"], "tokens": tokens}
        assert await planted_in_database(db, planted_words(someone())) == []
        assert await audit.verify(db) == []


@pytest.mark.parametrize(
    ("purpose", "fields", "code"),
    [
        ("curiosity", ["name"], "vault.purpose"),
        ("contact", ["address"], "vault.fields"),
        ("route", ["x"], "vault.fields"),
    ],
)
async def test_what_no_purpose_covers_is_refused_and_leaves_no_entry(
    fresh_database: FreshDatabase, purpose: str, fields: list[str], code: str
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        rows = await sealed_people(vault, 1)
        with pytest.raises(Refusal) as refusal:
            await reveal(db, vault, purpose=purpose, actor="a", merchant_id=MERCHANT, rows=rows, fields=fields, at=AT)
        assert refusal.value.code == code
        assert await audit.heads(db) == []


async def test_a_budget_is_drawn_on_per_recipient_and_never_exceeded(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        rows = await sealed_people(vault, 4)
        await contact(db, vault, rows)  # without a limit everything is counted only
        await set_reveal_limit(db, "erp-1", 10, AT)
        await contact(db, vault, rows)
        with pytest.raises(Refusal) as refusal:
            await contact(db, vault, rows)
        assert refusal.value.fields == {"limit": 10, "left": 2, "wanted": 4}
        await contact(db, vault, rows[:2])
        assert await db.fetchval("SELECT used FROM reveal_budget") == 10
        with pytest.raises(Refusal, match=r"vault\.budget"):
            await contact(db, vault, rows[:1])
        assert [head.seq for head in await audit.heads(db)] == [3]
        tomorrow = AT + timedelta(days=1)
        await contact(db, vault, rows, tomorrow)  # the limit of the day before goes on, the count does not
        rows_of_budget = await db.fetch("SELECT day, used, daily_limit FROM reveal_budget ORDER BY day")
        assert [tuple(row) for row in rows_of_budget] == [(date(2026, 11, 23), 10, 10), (date(2026, 11, 24), 4, 10)]


async def test_a_shredded_recipient_is_refused_and_nothing_of_the_batch_is_shown(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        rows = await sealed_people(vault, 2)
        rows[1] = (rows[1][0], rows[1][1]._replace(key=None))
        with pytest.raises(Refusal, match=r"vault\.shredded"):
            await contact(db, vault, rows)
        assert await audit.heads(db) == []


async def test_a_reveal_of_nobody_leaves_no_trace(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        assert await contact(db, await vault_of(db), []) == []
        assert await audit.heads(db) == []


async def test_a_recipient_sealed_by_another_program_under_a_newer_key_is_revealed(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        mine, other = await vault_of(db), await vault_of(db)
        await mine.keys_of(MERCHANT)
        sealed = (await other.rotate(MERCHANT, SEAL)).seal(someone(), "order-1")
        (shown,) = await contact(db, mine, [("order-1", sealed)])
        assert shown.name == someone().name
        lost = sealed._replace(key=b"\x00\x09" + (sealed.key or b"")[2:])
        with pytest.raises(Refusal, match=r"vault\.key_unknown"):
            await contact(db, mine, [("order-1", lost)])


async def carrier_reads(
    db: Database, vault: Vault, row: tuple[str, Sealed], *, live: bool = True, signed_at: datetime | None = None
) -> Recipient:
    return await reveal_to_carrier(
        db, vault, carrier="zto", actor="courier-1", merchant_id=MERCHANT, row=row, number_is_live=live,
        signed_at=signed_at, at=AT,
    )  # fmt: skip


async def test_the_carrier_of_a_live_number_reads_whom_to_deliver_to(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        (row,) = await sealed_people(vault, 1)
        for signed_at in (None, AT - timedelta(days=6)):
            shown = await carrier_reads(db, vault, row, signed_at=signed_at)
            assert shown == someone(extension="0", buyer_remark="")
        entries = await db.fetch("SELECT purpose, actor, subject FROM audit_entry")
        assert [(purpose, actor, subject["app"]) for purpose, actor, subject in entries] == [
            ("deliver", "courier-1", "carrier:zto")
        ] * 2
        with pytest.raises(Refusal, match=r"vault\.too_late"):
            await carrier_reads(db, vault, row, signed_at=AT - timedelta(days=8))
        with pytest.raises(Refusal, match=r"vault\.number_not_live"):
            await carrier_reads(db, vault, row, live=False)


def test_purposes_are_dated_sourced_and_named_once() -> None:
    today = date(2026, 11, 23)
    assert len({purpose.code for purpose in purposes()}) == len(purposes())
    for purpose in purposes():
        assert purpose_on(purpose.code, today) is purpose
        assert purpose.zh
        assert purpose.en
        assert "confidence:" in purpose.source
        assert purpose.fields
    with pytest.raises(Refusal, match=r"vault\.purpose"):
        purpose_on("deliver", date(2020, 1, 1))
    assert RecipientField.REMARKS not in purpose_on("deliver", today).fields
