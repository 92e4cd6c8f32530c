"""Consent words: shown once, good once, dead after a few wrong tries, their tickets bound to one app's page."""

import asyncio
from datetime import timedelta
from itertools import takewhile

import pytest

from miandan.access import consents, service, tokens
from miandan.access.consents import Proof
from miandan.access.model import Scope
from miandan.access.turnstile import Turnstile, line_of
from miandan.kernel import audit
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from tests.access.vendors import (
    DAY,
    MINUTE,
    NO_SHOP,
    NOON,
    OTHER_SHOP,
    SCOPES,
    SECOND,
    SHOP,
    URL,
    ZTO,
    Root,
    own_app,
    refused,
    tool,
)
from tests.conftest import FreshDatabase

WRONG = "ZZZZ-ZZZZ-ZZZZ"


async def word(db: Database, subject: object = SHOP) -> str:
    return (await consents.make_word(db, subject, at=NOON))[0]  # type: ignore[arg-type]


async def prove(db: Database, key: str, typed: str) -> Proof | Refusal:
    try:
        return await consents.prove(db, key, typed, at=NOON)
    except Refusal as refusal:
        return refusal


def spoilt(text: str) -> str:
    """A word that begins like this one."""
    return f"{text[:4]}-{WRONG}"


async def test_a_word_leads_to_a_ticket_the_ticket_to_a_code_and_the_code_to_tokens(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        root = Root()
        for subject, scopes in ((SHOP, SCOPES), (NO_SHOP, SCOPES), (ZTO, frozenset({Scope.CARRIER}))):
            app = await tool(db, root, scopes=scopes)
            proof = await consents.prove(db, app.app_key, await word(db, subject), at=NOON)
            assert proof.subject == subject
            assert proof.ticket not in repr(proof)
            code = await consents.agree(db, app.app_key, proof.ticket, scopes, URL, at=NOON)
            pair = await tokens.exchange_code(db, root, app.app_key, code, at=NOON)
            assert (pair.subject, pair.scopes) == (subject, scopes)


async def test_a_word_may_be_typed_as_people_type(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app = await tool(db, Root())
        text = await word(db)
        assert [len(group) for group in text.split("-")] == [4, 4, 4, 4]
        sloppy = text.lower().replace("-", " ").replace("0", "o").replace("1", "l")
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in text)
        for typed in (text, sloppy, f"  {text}\n", text.replace("-", "——"), wide):
            assert (await consents.prove(db, app.app_key, typed, at=NOON)).subject == SHOP


async def test_of_words_made_at_once_one_counts(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=6) as db:
        app = await tool(db, Root())
        words = await asyncio.gather(*(word(db) for _ in range(6)))
        proofs = [await prove(db, app.app_key, text) for text in words]
        assert len([proof for proof in proofs if isinstance(proof, Proof)]) == 1


async def test_neither_word_nor_ticket_lies_in_the_database(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app = await tool(db, Root())
        text = await word(db)
        proof = await consents.prove(db, app.app_key, text, at=NOON)
        await prove(db, app.app_key, spoilt(text))
        await consents.agree(db, app.app_key, proof.ticket, SCOPES, at=NOON)
        for table in ("consent_word", "audit_entry", "app_code", "outbox"):
            lying = await db.fetchval(f"SELECT string_agg(t::text, '') FROM {table} t") or ""
            secret = text.replace("-", "")[4:]
            assert text not in lying
            assert secret not in lying
            assert proof.ticket.partition(".")[2] not in lying


async def test_five_wrong_tries_kill_a_word_and_the_right_one_comes_too_late(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app = await tool(db, Root())
        text, other = await word(db), await word(db, OTHER_SHOP)
        for _ in range(4):
            await refused("consent.word_wrong", consents.prove(db, app.app_key, spoilt(text), at=NOON))
        assert isinstance(await prove(db, app.app_key, text), Proof)
        await refused("consent.word_wrong", consents.prove(db, app.app_key, spoilt(text), at=NOON))
        await refused("consent.word_dead", consents.prove(db, app.app_key, text, at=NOON))
        await refused("consent.word_wrong", consents.prove(db, app.app_key, spoilt(text), at=NOON))
        assert isinstance(await prove(db, app.app_key, other), Proof)
        written = await db.fetch("SELECT subject FROM audit_entry WHERE action = 'consent.word_wrong' ORDER BY seq")
        assert [row["subject"]["tries"] for row in written] == [1, 2, 3, 4, 5]
        assert [row["subject"]["dead"] for row in written] == [False] * 4 + [True]
        assert await audit.verify(db) == []


async def test_no_crowd_guesses_more_than_five_times(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        app = await tool(db, Root())
        text = await word(db)
        outcomes = await asyncio.gather(*(prove(db, app.app_key, spoilt(text)) for _ in range(24)))
        assert {one.code for one in outcomes if isinstance(one, Refusal)} == {"consent.word_wrong"}
        assert await db.fetchval("SELECT wrong_tries FROM consent_word") == 5
        await refused("consent.word_dead", consents.prove(db, app.app_key, text, at=NOON))


async def test_a_stranger_learns_nothing_of_a_word_that_begins_alike(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app = await tool(db, Root())
        text = await word(db)
        begins = await prove(db, app.app_key, spoilt(text))
        beside = await prove(db, app.app_key, ("0" if text[0] != "0" else "1") + text[1:])
        nonsense = await prove(db, app.app_key, "授权口令 \x00 " + "x" * 10_000)
        assert isinstance(begins, Refusal)
        assert isinstance(beside, Refusal)
        assert isinstance(nonsense, Refusal)
        assert (begins.code, begins.fields) == (beside.code, beside.fields) == (nonsense.code, nonsense.fields)


async def test_of_many_that_agree_at_once_one_wins(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        app = await tool(db, Root())
        proof = await consents.prove(db, app.app_key, await word(db), at=NOON)

        async def agree() -> str:
            try:
                return await consents.agree(db, app.app_key, proof.ticket, SCOPES, URL, at=NOON)
            except Refusal as refusal:
                return refusal.code

        outcomes = await asyncio.gather(*(agree() for _ in range(16)))
        assert sum(one.startswith("mdc_") for one in outcomes) == 1
        assert {one for one in outcomes if not one.startswith("mdc_")} == {"consent.word_used"}
        assert await db.fetchval("SELECT count(*) FROM app_code") == 1
        assert await audit.verify(db) == []


async def test_a_refused_agreement_spends_nothing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app = await tool(db, Root())
        proof = await consents.prove(db, app.app_key, await word(db), at=NOON)
        beyond = SCOPES | {Scope.REVEAL}
        await refused("consent.nothing_ticked", consents.agree(db, app.app_key, proof.ticket, (), URL, at=NOON))
        await refused("access.scope_beyond_app", consents.agree(db, app.app_key, proof.ticket, beyond, URL, at=NOON))
        elsewhere = "https://thief.example/"
        act = consents.agree(db, app.app_key, proof.ticket, SCOPES, elsewhere, at=NOON)
        await refused("access.redirect_unknown", act)
        await service.forbid(db, app.app_key, at=NOON)
        await refused("access.app_forbidden", consents.agree(db, app.app_key, proof.ticket, SCOPES, URL, at=NOON))
        await service.allow(db, app.app_key, at=NOON)
        assert await consents.agree(db, app.app_key, proof.ticket, SCOPES, URL, at=NOON)
        await refused("consent.word_used", consents.agree(db, app.app_key, proof.ticket, SCOPES, URL, at=NOON))


async def test_a_ticket_is_for_one_app_one_page_and_ten_minutes(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app, other = await tool(db, Root()), await tool(db, Root(), name="另一个 ERP")
        text = await word(db)
        old = await consents.prove(db, app.app_key, text, at=NOON)
        await refused("consent.ticket_over", consents.agree(db, other.app_key, old.ticket, SCOPES, at=NOON))
        new = await consents.prove(db, app.app_key, text, at=NOON)
        await refused("consent.ticket_over", consents.agree(db, app.app_key, old.ticket, SCOPES, at=NOON))
        late = NOON + 10 * MINUTE
        await refused("consent.ticket_over", consents.agree(db, app.app_key, new.ticket, SCOPES, at=late))
        for forged in ("", ".", text, f"{text[:4]}.", f"{text[:4]}.{'A' * 43}", "\x00" * 40):
            await refused("consent.ticket_over", consents.agree(db, app.app_key, forged, SCOPES, at=NOON))
        assert (await consents.proven(db, app.app_key, new.ticket, at=late - SECOND)) == new
        assert await consents.agree(db, app.app_key, new.ticket, SCOPES, at=late - SECOND)


async def test_a_word_lives_a_day_and_a_new_one_takes_its_place(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        app = await tool(db, Root())
        text = await word(db)
        late = await consents.prove(db, app.app_key, text, at=NOON + DAY - MINUTE)
        assert late.until == NOON + DAY
        await refused("consent.word_expired", consents.prove(db, app.app_key, text, at=NOON + DAY))
        await refused("consent.word_expired", consents.agree(db, app.app_key, late.ticket, SCOPES, at=NOON + DAY))
        first = await word(db)
        page = await consents.prove(db, app.app_key, first, at=NOON)
        second = await word(db)
        await refused("consent.word_replaced", consents.prove(db, app.app_key, first, at=NOON))
        await refused("consent.word_replaced", consents.agree(db, app.app_key, page.ticket, SCOPES, at=NOON))
        assert isinstance(await prove(db, app.app_key, second), Proof)


async def test_only_a_tool_that_wants_what_the_subject_has_is_let_in(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        own = await own_app(db, Root())
        gateway = await tool(db, Root(), scopes=frozenset({Scope.CARRIER}))
        text = await word(db)
        await refused("consent.app_not_tool", consents.prove(db, own.app_key, text, at=NOON))
        await refused("access.app_unknown", consents.prove(db, "123", text, at=NOON))
        await refused("consent.nothing_to_grant", consents.prove(db, gateway.app_key, text, at=NOON))
        assert isinstance(await prove(db, (await tool(db, Root())).app_key, text), Proof)


async def test_where_a_code_goes_is_registered_to_the_letter(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        second = f"{URL}/second"
        app, bare = await tool(db, Root(), redirect_urls=(URL, second)), await tool(db, Root(), redirect_urls=())
        assert (await consents.asking(db, app.app_key)).redirect_url == URL
        assert (await consents.asking(db, app.app_key, second)).redirect_url == second
        assert (await consents.asking(db, bare.app_key)).redirect_url == ""
        for near in (f"{URL}/", f"{URL}?x=1", URL.upper(), f"{URL}#", f"{URL}.thief.example", f"{URL}%2f", f" {URL}"):
            await refused("access.redirect_unknown", consents.asking(db, app.app_key, near))
        await refused("access.redirect_unknown", consents.asking(db, bare.app_key, URL))


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def passes(gate: Turnstile, address: str, app: str) -> bool:
    try:
        gate.admit_try(address, app, NOON)
    except Refusal as refusal:
        return refusal.code != "consent.throttled"
    return True


def tries(gate: Turnstile, address: str, app: str = "1") -> int:
    """How many pass in a row."""
    return sum(1 for _ in takewhile(lambda _: passes(gate, address, app), range(1000)))


def test_an_address_types_twenty_words_then_one_every_half_minute() -> None:
    clock = Clock()
    gate = Turnstile(clock)
    assert tries(gate, "192.0.2.1") == 20
    assert tries(gate, "192.0.2.2", app="2") == 20
    clock.seconds += 30
    assert tries(gate, "192.0.2.1") == 1
    clock.seconds += timedelta(hours=1).total_seconds()
    assert tries(gate, "192.0.2.1") == 20


def test_many_addresses_together_type_a_hundred_words_for_one_app() -> None:
    gate = Turnstile(Clock())
    assert sum(tries(gate, f"192.0.2.{i}") for i in range(50)) == 100
    assert tries(gate, "198.51.100.1", app="2") == 20


def test_a_line_with_many_ipv6_addresses_counts_as_one() -> None:
    gate = Turnstile(Clock())
    assert tries(gate, "2001:db8::1") == 20
    assert tries(gate, "2001:db8::ffff:2") == 0
    assert tries(gate, "2001:db8:0:1::1") == 20
    assert tries(gate, "::ffff:192.0.2.9", app="2") == 20
    assert tries(gate, "192.0.2.9", app="2") == 0


def test_what_a_proxy_says_in_the_place_of_an_address_is_not_kept_whole() -> None:
    assert len(line_of("x" * 60_000)) <= 64
    assert line_of("unknown") == "unknown"


def test_pages_are_counted_apart_from_words() -> None:
    gate = Turnstile(Clock())
    for _ in range(300):
        gate.admit_view("192.0.2.1", NOON)
    with pytest.raises(Refusal, match=r"^consent\.throttled") as refusal:
        gate.admit_view("192.0.2.1", NOON)
    assert refusal.value.fields == {"seconds": 2}
    assert tries(gate, "192.0.2.1") == 20
