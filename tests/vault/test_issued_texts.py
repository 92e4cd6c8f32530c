"""Texts that an app brings along: encrypted into rows that can be found and shredded, gathered without being shown."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.cli.check import check
from miandan.kernel import audit
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.vault.decrypts import Asked
from miandan.vault.issued import read, search_index_text
from miandan.vault.issued_texts import MOST_TEXTS, PlainText, Receiver, _Person, _person_for, encrypt_texts, gather
from miandan.vault.model import IndexKind, Recipient, Sealed
from miandan.vault.persons import erase_person, search
from miandan.vault.purposes import RecipientField
from miandan.vault.retention import apply_retention, index_pending
from miandan.vault.service import Vault
from tests.conftest import FreshDatabase
from tests.vault.people import MERCHANT, someone, vault_of
from tests.vault.planted import planted_in_database, planted_in_text, planted_words
from tests.vault.texts import APP, AT, ORDER, SHOP, WHERE, ask, put_orders, words

NAME, PHONE, ADDRESS = RecipientField.NAME, RecipientField.PHONE, RecipientField.ADDRESS
HER = {NAME: "欧阳建国", PHONE: "13912345678", ADDRESS: someone().detail}
PLACE = {"province": "浙江省", "city": "杭州市", "district": "滨江区", "town": "长河街道", "division_code": "330108"}


def plain(text: str, kind: RecipientField = NAME, auth_id: str = ORDER, searchable: bool = False) -> PlainText:
    return PlainText(auth_id, kind, text, searchable)


async def encrypted(db: Database, vault: Vault, texts: list[PlainText]) -> list[str]:
    answers = await encrypt_texts(db, vault, MERCHANT, texts, app=APP, shop=SHOP, at=AT)
    return [answer if isinstance(answer, str) else answer.code for answer in answers]


async def test_what_was_encrypted_is_decrypted_again_and_lies_nowhere_in_plain(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        brought = [plain(text, kind) for kind, text in HER.items()]
        assert planted_in_text(repr(brought), planted_words(someone())) == []
        texts = await encrypted(db, vault, [*brought, plain("张伟 👩‍👩‍👧 Ł\x00\u202e", auth_id="own-1")])
        assert [text[0] for text in texts] == ["#", "$", "#", "#"]
        items = [Asked(ORDER if n < 3 else "own-1", text) for n, text in enumerate(texts)]
        assert words(await ask(db, vault, items)) == [*HER.values(), "张伟 👩‍👩‍👧 Ł\x00\u202e"]
        await index_pending(db)
        assert await planted_in_database(db, planted_words(someone())) == []


async def test_texts_of_one_id_in_one_call_are_one_recipient_and_no_two_people_are_mixed(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        brought = [plain(text, kind) for kind, text in HER.items()]
        brought += [plain("张伟"), plain("张伟", auth_id="2"), plain("13800001111", PHONE), plain("欧阳建国")]
        texts = await encrypted(db, vault, brought)
        keys = await vault.keys_of(MERCHANT)
        orders = [one.auth_id for one in brought]
        where = {"app": APP, "shop": SHOP}
        tokens = [read(keys, text, order=order, **where).token for text, order in zip(texts, orders, strict=True)]
        assert len({tokens[0], tokens[1], tokens[2], tokens[6]}) == 1
        assert tokens[3] == tokens[5]
        assert len(set(tokens)) == 3
        assert await db.fetchval("SELECT count(*) FROM issued_text") == 3


async def test_an_index_is_there_where_it_was_asked_for(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        with_index, without = await encrypted(
            db, vault, [plain("13912345678", PHONE, searchable=True), plain("13912345678", PHONE)]
        )
        index = search_index_text(await vault.keys_of(MERCHANT), PHONE, "+86 139 1234 5678")
        assert with_index.split("$")[1] == index
        assert without.startswith("$$")


async def test_a_text_that_cannot_be_kept_is_refused_alone_and_more_than_fifty_all_together(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = [
            plain("欧阳\ud800"),
            plain("1" * 41, PHONE),
            plain("王芳", auth_id="\ud800"),
            plain("王芳", auth_id="a\0b"),
            plain("王芳"),
            plain("路" * 1_001, ADDRESS),
            plain("路" * 1_000, ADDRESS),
            plain(""),
        ]
        answers = await encrypted(db, vault, texts)
        refused = ["vault.text", "vault.text_long", "vault.text", "vault.text"]
        assert answers[:4] == refused
        assert answers[5] == "vault.text_long"
        shown = await ask(db, vault, [Asked(ORDER, answers[n]) for n in (4, 6, 7)])
        assert words(shown) == ["王芳", "路" * 1_000, ""]
        many = [plain("王芳", auth_id=str(n)) for n in range(MOST_TEXTS + 1)]
        assert len(await encrypted(db, vault, many[:-1])) == MOST_TEXTS
        with pytest.raises(Refusal, match=r"vault\.batch"):
            await encrypted(db, vault, many)
        assert await encrypted(db, vault, []) == []


async def test_texts_are_found_by_search_and_shredded_with_the_person(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        texts = await encrypted(db, vault, [plain(text, kind) for kind, text in HER.items()])
        (other,) = await encrypted(db, vault, [plain("13800001111", PHONE, "2")])
        await index_pending(db)
        (found,) = await search(db, vault, MERCHANT, IndexKind.PHONE, "13912345678")
        assert found.bound_to == f"{SHOP}/{ORDER}"
        assert (await erase_person(db, vault, "13912345678", actor="desk")).rows == 1
        items = [*(Asked(ORDER, text) for text in texts), Asked("2", other)]
        assert words(await ask(db, vault, items)) == ["vault.shredded"] * 3 + ["13800001111"]


async def test_old_texts_are_shredded_by_the_retention_job(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        (text,) = await encrypted(db, vault, [plain("13912345678", PHONE)])
        await db.execute("UPDATE issued_text SET made_at = made_at - interval '121 days'")
        await apply_retention(db, AT)
        assert words(await ask(db, vault, [Asked(ORDER, text)])) == ["vault.shredded"]
        assert await db.fetchval("SELECT recipient_index FROM issued_text") is None


@given(
    st.lists(
        st.builds(
            PlainText,
            st.sampled_from(["1", "2"]),
            st.sampled_from(list(RecipientField)),
            st.sampled_from("abc"),
            st.just(False),
        ),
        max_size=30,
    )
)
def test_every_text_finds_a_row_that_holds_it_whatever_came_before(texts: list[PlainText]) -> None:
    people: list[_Person] = []
    owners = [_person_for(people, one) for one in texts]
    for owner, one in zip(owners, texts, strict=True):
        assert (owner.auth_id, owner.texts[one.kind]) == (one.auth_id, one.text)


# --- gathering


def receiver(name: str, phone: str, detail: str, order: str = ORDER) -> Receiver:
    return Receiver(f"{SHOP}/{order}#p2", order, name, phone, detail, **PLACE)


async def gathered(db: Database, vault: Vault, *receivers: Receiver) -> list[Sealed | Refusal]:
    return await gather(db, vault, MERCHANT, receivers, app=APP, shop=SHOP)


async def test_ciphertexts_of_rows_of_an_order_and_plain_texts_become_one_sealed_recipient(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        keys = await vault.keys_of(MERCHANT)
        name, phone = await encrypted(db, vault, [plain("欧阳建国"), plain("18400000965-7576", PHONE, searchable=True)])
        (detail,) = await encrypted(db, vault, [plain(HER[ADDRESS], ADDRESS)])
        order = (await put_orders(db, vault, {ORDER: someone(extension="12")}))[ORDER]
        answers = await gathered(
            db,
            vault,
            receiver(name, phone, detail),
            receiver(order.name, order.phone, detail),
            receiver("张伟", "139 1234 5678", "虚构路 2 号", "3"),
        )
        people = [keys.open(one, f"{SHOP}/{order}#p2") for one, order in zip(answers, (ORDER, ORDER, "3"), strict=True)]  # type: ignore[arg-type]
        her = Recipient("欧阳建国", "18400000965", "7576", detail=HER[ADDRESS], **PLACE)
        assert people[0] == her
        assert (people[1].phone, people[1].extension) == ("13912345678", "12")
        assert people[2].phone == "139 1234 5678"
        assert isinstance(answers[0], Sealed)
        assert answers[0].digest == keys.digest(her)
        assert answers[0].index
        assert await audit.heads(db) == []
        assert planted_in_text(repr(receiver("欧阳建国", "13912345678", "")), planted_words(someone())) == []


async def test_a_receiver_that_cannot_be_put_together_tells_why_and_stops_no_other(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        name, phone, detail = await encrypted(db, vault, [plain(text, kind) for kind, text in HER.items()])
        foreign = "$$" + "9lyOi7lnuURcoFSK1mJa8YXKblnxmv8QUpAWGU8vz/WQ7nAz" * 2 + "*CAYSJCiANVdB$1$$"
        answers = await gathered(
            db,
            vault,
            receiver(name[:64], phone, detail),
            receiver(name, phone[:64], detail),
            receiver(name, phone, detail, "2"),
            receiver(phone, name, detail),
            receiver(foreign.replace("$", "#"), phone, detail),
            receiver(name, foreign, detail),
            receiver("王\ud800", phone, detail),
            receiver(name, phone, "路" * 1_001),
        )
        assert [one.code if isinstance(one, Refusal) else "sealed" for one in answers] == [
            "vault.cipher_malformed",
            "vault.cipher_malformed",
            "vault.cipher_not_yours",
            "vault.cipher_field",
            "vault.cipher_foreign",
            "sealed",
            "vault.text",
            "vault.text_long",
        ]
        kept = answers[5]
        assert isinstance(kept, Sealed)
        assert (await vault.keys_of(MERCHANT)).open(kept, f"{SHOP}/{ORDER}#p2").phone == foreign
        await erase_person(db, vault, "13912345678", actor="desk")
        (gone,) = await gathered(db, vault, receiver(name, phone, detail))
        assert isinstance(gone, Refusal)
        assert gone.code == "vault.shredded"


async def test_texts_encrypted_at_once_all_stand(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        vault = await vault_of(db)
        calls = [encrypted(db, vault, [plain(f"王{n}"), plain("13912345678", PHONE)]) for n in range(8)]
        names = [texts[0] for texts in await asyncio.gather(*calls)]
        shown = await ask(db, vault, [Asked(ORDER, name) for name in names])
        assert words(shown) == [f"王{n}" for n in range(8)]
        assert WHERE["order"] == ORDER


async def test_a_check_of_the_database_knows_the_rows(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        vault = await vault_of(db)
        await encrypted(db, vault, [plain(text, kind) for kind, text in HER.items()])
        await encrypted(db, vault, [plain("13800001111", PHONE, "2")])
        assert (await check(db)).broken == ()
        await index_pending(db)
        assert (await check(db)).broken == ()
        await erase_person(db, vault, "13912345678", actor="desk")
        assert (await check(db)).broken == ()
        await db.execute("UPDATE issued_text SET recipient_key = NULL")
        assert (await check(db)).broken == ("index_leads_to_recipient",)
