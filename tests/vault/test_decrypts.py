"""An app reads a few texts within its budget: each item for itself, each text paid once an hour, each on record."""

import asyncio
from datetime import timedelta

import pytest

from miandan.kernel import audit
from miandan.kernel.clock import trade_day
from miandan.kernel.errors import Refusal
from miandan.vault.decrypts import Asked, decrypt_budget_on, decrypt_budgets, sensitive
from miandan.vault.issued import issue
from miandan.vault.purposes import RecipientField
from miandan.vault.retention import apply_retention, shred
from miandan.vault.reveals import set_reveal_limit
from miandan.vault.service import SEAL
from tests.conftest import FreshDatabase
from tests.vault.people import MERCHANT, someone, vault_of
from tests.vault.planted import planted_in_database, planted_in_text, planted_words
from tests.vault.texts import APP, AT, ORDER, SHOP, WHERE, ask, put_order, put_orders, words

SENDER = someone(buyer_remark="")


async def test_texts_are_shown_in_order_paid_for_and_written_down_without_any_of_the_person(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = (await put_orders(db, vault, {ORDER: someone(extension="7576")}))[ORDER]
        shown = await ask(db, vault, [Asked(ORDER, text) for text in texts])
        assert words(shown) == [someone().name, "13912345678-7576", someone().detail]
        assert planted_in_text(repr(shown), planted_words(someone())) == []
        (entry,) = await db.fetch("SELECT chain, actor, action, purpose, subject FROM audit_entry")
        assert tuple(entry)[:4] == ("merchant:42", "clerk-7", "recipient.revealed", "after_sale")
        subject = entry["subject"]
        assert (subject["app"], subject["shop"], subject["account"]) == (APP, SHOP, "sub_account:sub-3")
        assert subject["fields"] == ["name", "phone", "address"]
        assert len(set(subject["tokens"])) == 1
        assert await db.fetchval("SELECT used FROM reveal_budget WHERE app = $1", APP) == 3
        assert await planted_in_database(db, planted_words(someone())) == []
        assert await audit.verify(db) == []


async def test_an_item_that_fails_costs_nothing_and_stops_no_other(
    fresh_database: FreshDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = await put_orders(db, vault, {ORDER: SENDER, "2": someone(name="张伟"), "3": SENDER})
        keys = await vault.keys_of(MERCHANT)
        nobody = issue(keys, keys.seal(SENDER, "x").token, RecipientField.NAME, **WHERE)
        async with db.transaction() as tx:
            token = await tx.fetchval("SELECT recipient_token FROM trade_order WHERE order_id = '3'")
            await shred(tx, MERCHANT, [token])
        items = [
            Asked(ORDER, texts["2"].name),
            Asked(ORDER, texts[ORDER].name),
            Asked(ORDER, texts[ORDER].name[:64]),
            Asked("3", texts["3"].name),
            Asked(ORDER, nobody),
            Asked(ORDER, texts[ORDER].address),
            Asked(ORDER, "$$" + "9lyOi7lnuURcoFSK1mJa8YXKblnxmv8QUpAWGU8vz/WQ7nAz" * 2 + "*CAYSJCiANVdB$1$$"),
            Asked("2", texts["2"].name),
        ]
        shown = await ask(db, vault, items, purpose="contact")
        assert words(shown) == [
            "vault.cipher_not_yours",
            "欧阳建国",
            "vault.cipher_malformed",
            "vault.shredded",
            "vault.cipher_old",
            "vault.fields",
            "vault.cipher_foreign",
            "张伟",
        ]
        assert await db.fetchval("SELECT used FROM reveal_budget") == 2
        (subject,) = [row["subject"] for row in await db.fetch("SELECT subject FROM audit_entry")]
        assert len(subject["tokens"]) == 2
        refusals = " ".join(f"{one} {one.zh} {one.next_zh}" for one in shown if isinstance(one, Refusal))
        assert planted_in_text(caplog.text + refusals + repr(shown), planted_words(SENDER)) == []


async def test_when_nothing_can_be_read_nothing_is_written(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = (await put_orders(db, vault, {ORDER: SENDER}))[ORDER]
        items = [Asked(ORDER, texts.phone)]
        for other in ({"app": "7000000000000000002"}, {"shop": "4463799"}, {"merchant_id": 43}):
            assert words(await ask(db, vault, items, **other)) == ["vault.cipher_not_yours"]
        assert words(await ask(db, vault, [Asked(ORDER + "A", texts.phone)])) == ["vault.cipher_not_yours"]
        with pytest.raises(Refusal, match=r"vault\.purpose"):
            await ask(db, vault, items, purpose="curiosity")
        assert await ask(db, vault, []) == []
        assert await db.fetch("SELECT 1 FROM reveal_budget") == []
        assert await audit.heads(db) == []


async def test_fifty_items_are_answered_and_fifty_one_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = await put_orders(db, vault, {str(n): someone(extension=str(n)) for n in range(51)})
        items = [Asked(order, text.phone) for order, text in texts.items()]
        assert words(await ask(db, vault, items[:50])) == [f"13912345678-{n}" for n in range(50)]
        with pytest.raises(Refusal) as refusal:
            await ask(db, vault, items)
        assert refusal.value.fields == {"limit": 50, "wanted": 51}
        with pytest.raises(Refusal, match=r"vault\.batch"):
            await sensitive(db, vault, items, app=APP, merchant_id=MERCHANT, shop=SHOP)


async def test_the_budget_is_used_to_the_last_text_and_not_beyond(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = await put_orders(db, vault, {str(n): someone(extension=str(n)) for n in range(5)})
        items = [Asked(order, text.phone) for order, text in texts.items()]
        await set_reveal_limit(db, APP, 4, AT)
        assert words(await ask(db, vault, items[:3])) == [f"13912345678-{n}" for n in range(3)]
        shown = await ask(db, vault, items[3:])
        assert words(shown) == ["13912345678-3", "vault.budget"]
        refusal = shown[1]
        assert isinstance(refusal, Refusal)
        assert refusal.fields == {"limit": 4, "left": 1, "wanted": 2}
        assert words(await ask(db, vault, [items[4], items[0]])) == ["vault.budget", "13912345678-0"]
        assert await db.fetchval("SELECT used FROM reveal_budget") == 4
        await set_reveal_limit(db, APP, 5, AT)  # the operator raises it
        assert words(await ask(db, vault, items[4:])) == ["13912345678-4"]
        assert await db.fetchval("SELECT used FROM reveal_budget") == 5


async def test_without_a_limit_of_the_operator_the_budget_grows_with_the_orders(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = await put_orders(db, vault, {str(n): SENDER for n in range(12)})
        items = [Asked(order, text.phone) for order, text in texts.items()]
        await ask(db, vault, items[:1])
        rule = decrypt_budget_on(trade_day(AT))
        await db.execute("UPDATE reveal_budget SET used = $1", rule.base)
        assert words(await ask(db, vault, items[1:2])) == ["vault.budget"]
        answers = await ask(db, vault, items[1:], orders=50)
        assert words(answers) == ["13912345678"] * 10 + ["vault.budget"]
        assert isinstance(answers[-1], Refusal)
        assert answers[-1].fields == {"limit": rule.base + 10, "left": 10, "wanted": 11}
        tomorrow = await ask(db, vault, items[11:], minutes=24 * 60)
        assert words(tomorrow) == ["13912345678"]


async def test_the_same_text_counts_once_an_hour_however_it_was_issued(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        keys = await vault.keys_of(MERCHANT)
        sealed = await put_order(db, keys, SENDER)
        items = [Asked(ORDER, issue(keys, sealed.token, RecipientField.PHONE, **WHERE)) for _ in range(4)]
        used = "SELECT used FROM reveal_budget WHERE app = $1"
        assert words(await ask(db, vault, items[:3])) == ["13912345678"] * 3
        assert await db.fetchval(used, APP) == 1
        await ask(db, vault, items, minutes=59.9)
        assert await db.fetchval(used, APP) == 1
        await ask(db, vault, items, minutes=60)  # an hour after it was paid, not after it was last read
        assert await db.fetchval(used, APP) == 2
        await ask(db, vault, [Asked(ORDER, issue(keys, sealed.token, RecipientField.NAME, **WHERE))], minutes=60)
        assert await db.fetchval(used, APP) == 3
        theirs = issue(keys, sealed.token, RecipientField.PHONE, **WHERE | {"app": "7000000000000000002"})
        await ask(db, vault, [Asked(ORDER, theirs)], app="7000000000000000002", minutes=60)
        assert await db.fetchval(used, "7000000000000000002") == 1
        assert len(await db.fetch("SELECT 1 FROM audit_entry")) == 5  # what was free is on record as well


async def test_of_two_who_want_the_last_text_one_gets_it(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        vault = await vault_of(db)
        texts = await put_orders(db, vault, {str(n): SENDER for n in range(8)})
        await set_reveal_limit(db, APP, 3, AT)
        asks = [ask(db, vault, [Asked(order, text.phone)]) for order, text in texts.items()]
        answers = sorted(words(one)[0] for one in await asyncio.gather(*asks))
        assert answers == ["13912345678"] * 3 + ["vault.budget"] * 5
        assert await db.fetchval("SELECT used FROM reveal_budget") == 3
        assert len(await db.fetch("SELECT 1 FROM audit_entry")) == 3


async def test_who_asks_for_one_text_many_times_at_once_pays_once(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        vault = await vault_of(db)
        texts = (await put_orders(db, vault, {ORDER: SENDER}))[ORDER]
        await set_reveal_limit(db, APP, 1, AT)
        answers = await asyncio.gather(*(ask(db, vault, [Asked(ORDER, texts.phone)]) for _ in range(8)))
        assert [words(one) for one in answers] == [["13912345678"]] * 8
        assert await db.fetchval("SELECT used FROM reveal_budget") == 1


async def test_a_purpose_without_budget_is_written_down_and_costs_nothing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = (await put_orders(db, vault, {ORDER: SENDER}))[ORDER]
        await set_reveal_limit(db, APP, 0, AT)
        assert words(await ask(db, vault, [Asked(ORDER, texts.phone)], purpose="deliver")) == ["13912345678"]
        assert await db.fetchval("SELECT used FROM reveal_budget") == 0
        assert len(await audit.heads(db)) == 1


async def test_what_another_program_issued_under_a_newer_key_is_read(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        mine, other = await vault_of(db), await vault_of(db)
        await mine.keys_of(MERCHANT)
        await other.rotate(MERCHANT, SEAL)
        texts = (await put_orders(db, other, {ORDER: SENDER}))[ORDER]
        assert words(await ask(db, mine, [Asked(ORDER, text) for text in texts[:2]])) == ["欧阳建国", "13912345678"]


async def test_after_an_address_change_the_old_text_is_out_of_date_and_the_new_one_reads(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        old = (await put_orders(db, vault, {ORDER: SENDER}))[ORDER]
        new = (await put_orders(db, vault, {ORDER: someone(name="张伟")}))[ORDER]
        assert words(await ask(db, vault, [Asked(ORDER, old.name), Asked(ORDER, new.name)])) == [
            "vault.cipher_old",
            "张伟",
        ]


async def test_masks_are_free_unlimited_and_leave_no_entry(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = (await put_orders(db, vault, {ORDER: someone(extension="7576")}))[ORDER]
        await set_reveal_limit(db, APP, 0, AT)
        items = [*(Asked(ORDER, text) for text in texts), Asked("2", texts.name), Asked(ORDER, texts.name[:64])]
        shown = await sensitive(db, vault, items, app=APP, merchant_id=MERCHANT, shop=SHOP)
        assert words(shown) == [
            "欧**",
            "139****5678-****",
            "虚构路1037号示例花园3幢***",
            "vault.cipher_not_yours",
            "vault.cipher_malformed",
        ]
        assert planted_in_text(" ".join(words(shown)), planted_words(someone())) == []
        assert await audit.heads(db) == []
        assert await db.fetchval("SELECT used FROM reveal_budget") == 0


async def test_the_retention_job_forgets_what_was_paid_for(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = (await put_orders(db, vault, {ORDER: SENDER}))[ORDER]
        await ask(db, vault, [Asked(ORDER, texts.phone)])
        await apply_retention(db, AT + timedelta(hours=23))
        assert len(await db.fetch("SELECT 1 FROM decrypted_text")) == 1
        await apply_retention(db, AT + timedelta(hours=25))
        assert await db.fetch("SELECT 1 FROM decrypted_text") == []


def test_budgets_are_dated_sourced_and_in_order() -> None:
    days = [rule.valid_from for rule in decrypt_budgets()]
    assert days == sorted(set(days))
    for rule in decrypt_budgets():
        assert decrypt_budget_on(rule.valid_from) is rule
        assert "confidence:" in rule.source
        assert (rule.limit(0), rule.limit(99), rule.limit(1_000)) == (
            rule.base,
            rule.base + 99 * rule.per_hundred_orders // 100,
            rule.base + 10 * rule.per_hundred_orders,
        )
    first = decrypt_budgets()[0]
    assert decrypt_budget_on(first.valid_from - timedelta(days=1)) is first
