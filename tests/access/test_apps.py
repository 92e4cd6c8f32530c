"""The register of apps: what may be written on the form, two secrets and no gap between them, nothing in plain."""

import asyncio
from dataclasses import replace

import pytest

from miandan.access import service, tokens
from miandan.access.model import (
    AppKind,
    AppState,
    Registration,
    Scope,
    Subject,
    SubjectKind,
    carrier,
    read_scopes,
    shop,
)
from miandan.kernel import audit
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from tests.access.vendors import (
    NOON,
    SCOPES,
    SHOP,
    URL,
    ZTO,
    Root,
    let_in,
    one_tool,
    own_app,
    own_form,
    refused,
    tool,
    tool_form,
)
from tests.conftest import FreshDatabase
from tests.vault.planted import planted_in_database, planted_in_text


async def test_a_registered_app_has_a_key_of_nineteen_digits_and_proves_itself_by_its_secret(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        root = Root()
        app, secret = await service.register_app(db, root, tool_form(calls_per_second=7), at=NOON)
        assert len(app.app_key) == 19
        assert 10**18 <= int(app.app_key) < 7 * 10**18
        assert app.calls_per_second == 7
        assert app.redirect_urls == (URL,)
        assert await service.find_app(db, app.app_key) == app
        assert await service.apps(db) == [app]
        assert len(secret) == 64
        assert await service.authenticate(db, root, app.app_key, secret) == app
        for wrong in ("", secret[:-1], secret.upper() + "x", "密钥", "\ud800"):
            await refused("access.secret_wrong", service.authenticate(db, root, app.app_key, wrong))
        await refused("access.app_unknown", service.authenticate(db, root, "1" * 19, secret))


async def test_a_rotation_leaves_no_moment_without_a_good_secret(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app, old = await service.register_app(db, root, tool_form())
        await refused(
            "access.secret_last",
            service.retire_secret(db, app.app_key, (await service.secret_marks(db, app.app_key))[0].secret_id),
        )
        mark, new = await service.add_secret(db, root, app.app_key)
        live = await service.secrets_of(db, root, app.app_key)
        assert [one.text for one in live] == [new, old]
        assert live[0].secret_id == mark.secret_id
        for secret in (old, new):
            await service.authenticate(db, root, app.app_key, secret)
        await refused("access.secrets_full", service.add_secret(db, root, app.app_key))
        await service.retire_secret(db, app.app_key, live[1].secret_id)
        await service.retire_secret(db, app.app_key, live[1].secret_id)
        await refused("access.secret_wrong", service.authenticate(db, root, app.app_key, old))
        await service.authenticate(db, root, app.app_key, new)
        await refused("access.secret_unknown", service.retire_secret(db, app.app_key, new_id()))
        assert await db.fetchval("SELECT count(*) FROM app_secret WHERE wrapped IS NOT NULL") == 1


async def test_of_two_secrets_retired_at_once_one_stays(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database, pool_size=4) as (db, root, app):
        await service.add_secret(db, root, app.app_key)
        both = await service.secrets_of(db, root, app.app_key)
        outcomes = await asyncio.gather(
            *(service.retire_secret(db, app.app_key, one.secret_id) for one in both), return_exceptions=True
        )
        (loser,) = (one for one in outcomes if one is not None)
        assert isinstance(loser, Refusal)
        assert loser.code == "access.secret_last"
        assert len(await service.secrets_of(db, root, app.app_key)) == 1


async def test_of_many_secrets_added_at_once_one_is(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database, pool_size=4) as (db, root, app):
        outcomes = await asyncio.gather(
            *(service.add_secret(db, root, app.app_key) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(one, tuple) for one in outcomes) == 1
        assert {one.code for one in outcomes if isinstance(one, Refusal)} == {"access.secrets_full"}
        assert len(await service.secrets_of(db, root, app.app_key)) == 2


async def test_a_secret_wrapped_by_another_root_key_or_moved_to_another_app_does_not_open(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        root = Root()
        one, other = await tool(db, root), await tool(db, root)
        await refused("vault.root_differs", service.secrets_of(db, Root(b"x"), one.app_key))
        await db.execute(
            "UPDATE app_secret SET wrapped = (SELECT wrapped FROM app_secret WHERE app_key = $1) WHERE app_key = $2",
            one.app_key,
            other.app_key,
        )
        await refused("vault.root_differs", service.secrets_of(db, root, other.app_key))


async def test_no_secret_code_or_token_lies_in_any_table_or_shows_in_a_repr(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app, first = await service.register_app(db, root, tool_form())
        _, second = await service.add_secret(db, root, app.app_key)
        code = await tokens.authorise(db, app.app_key, SHOP, SCOPES, URL)
        used = await tokens.authorise(db, app.app_key, SHOP, SCOPES, URL)
        pair = await tokens.exchange_code(db, root, app.app_key, used)
        words = {
            "first secret": first,
            "second secret": second,
            "code": code,
            "used code": used,
            "access token": pair.access_token,
            "refresh token": pair.refresh_token,
        }
        assert await planted_in_database(db, words) == []
        live = await service.secrets_of(db, root, app.app_key)
        assert planted_in_text(f"{pair!r} {live!r} {live[0]}", words) == []
        await db.execute("UPDATE app SET state_reason = $1", f"?{pair.access_token}")
        assert [one.word for one in await planted_in_database(db, words)] == ["access token"]  # the search does find


async def test_a_forbidden_app_is_refused_everywhere_and_goes_on_where_it_was_when_it_is_allowed(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        root = Root()
        app, secret = await service.register_app(db, root, tool_form(), at=NOON)
        pair = await let_in(db, root, app)
        code = await tokens.authorise(db, app.app_key, SHOP, SCOPES, at=NOON)
        forbidden = await service.forbid(db, app.app_key, "投诉核实中", at=NOON)
        assert (forbidden.state, forbidden.state_reason) == (AppState.FORBIDDEN, "投诉核实中")
        for act in (
            service.authenticate(db, root, app.app_key, secret),
            tokens.authorise(db, app.app_key, SHOP, SCOPES, at=NOON),
            tokens.exchange_code(db, root, app.app_key, code, at=NOON),
            tokens.refresh(db, root, app.app_key, pair.refresh_token, at=NOON),
            tokens.who(db, pair.access_token, at=NOON),
        ):
            await refused("access.app_forbidden", act)
        allowed = await service.allow(db, app.app_key, at=NOON)
        assert allowed == replace(app, state_at=NOON)
        assert (await tokens.who(db, pair.access_token, at=NOON)).app_key == app.app_key
        assert await tokens.exchange_code(db, root, app.app_key, code, at=NOON) == pair
        await refused("access.app_unknown", service.forbid(db, "2" * 19))


async def test_what_happens_to_an_app_stands_in_the_audit_log_and_what_a_shop_grants_in_its_merchants(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        await let_in(db, root, app)
        await service.add_secret(db, root, app.app_key, by="clerk-1")
        await service.forbid(db, app.app_key, by="clerk-1")
        await service.forbid(db, app.app_key, by="clerk-2")  # no change, no entry
        await service.allow(db, app.app_key, by="clerk-1")
        (granted,) = await tokens.authorisations_of_app(db, app.app_key)
        await tokens.revoke(db, app.app_key, granted.authorisation_id, by="clerk-3")
        await own_app(db, root)
        entries = await db.fetch("SELECT chain, actor, action FROM audit_entry ORDER BY chain, seq")
        assert [tuple(entry) for entry in entries] == [
            ("merchant:1001", "S10001", "app.code_issued"),
            ("merchant:1001", "S10001", "app.authorised"),
            ("merchant:1001", app.app_key, "tokens.issued"),
            ("merchant:1001", "clerk-3", "app.revoked"),
            ("platform", "operator", "app.registered"),
            ("platform", "clerk-1", "secret.added"),
            ("platform", "clerk-1", "app.forbidden"),
            ("platform", "clerk-1", "app.allowed"),
            ("platform", "operator", "app.registered"),
        ]
        assert await audit.verify(db) == []


async def test_a_sandbox_app_is_loaded_once_and_under_a_sandbox_key_only(fresh_database: FreshDatabase) -> None:
    key = "7000000000000000001"
    async with fresh_database() as db:
        root = Root()
        assert await service.register_sandbox_app(db, root, own_form(), key, "example-secret-0001")
        assert not await service.register_sandbox_app(db, root, own_form(), key, "another")
        (secret,) = await service.secrets_of(db, root, key)
        assert secret.text == "example-secret-0001"
        for wrong in ("1000000000000000001", "70000000000000000010", "700000000000000000１", ""):
            await refused(
                "access.sandbox_key", service.register_sandbox_app(db, root, own_form(), wrong, "example-secret")
            )
        await refused("access.sandbox_key", service.register_sandbox_app(db, root, own_form(), key, ""))


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (tool_form(" "), "access.name_bad"),
        (tool_form("名" * 101), "access.name_bad"),
        (tool_form("a\nb"), "access.name_bad"),
        (tool_form(scopes=frozenset()), "access.scopes_empty"),
        (tool_form(own=(SHOP,)), "access.subject_not_for_tool"),
        (Registration("自家", AppKind.SELF_USE, SCOPES), "access.subject_missing"),
        (own_form(ZTO), "access.scope_not_for_subject"),
        (own_form(SHOP, scopes=frozenset({Scope.CARRIER})), "access.scope_not_for_subject"),
        (tool_form(calls_per_second=0), "access.limit_bad"),
        (tool_form(calls_per_second=100_001), "access.limit_bad"),
        (tool_form(redirect_urls=("http://erp.example/",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("https://erp.example/#x",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("https://user@erp.example/",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("javascript:alert(1)",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("https://[",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("https://:word@erp.example/",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("https://面单..example/",)), "access.redirect_bad"),
        (tool_form(redirect_urls=(f"https://{'面' * 64}.example/",)), "access.redirect_bad"),
        (tool_form(redirect_urls=("https://erp.example/\r\nx",)), "access.redirect_bad"),
    ],
)
def test_a_form_that_is_wrong_is_refused(form: Registration, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        form.check()
    assert refusal.value.code == code
    assert refusal.value.next_zh


def test_a_code_may_be_sent_to_the_vendors_own_machine() -> None:
    tool_form(redirect_urls=("http://127.0.0.1:8000/back", "http://localhost/", "https://erp.example/a?b=c")).check()


def test_scopes_are_read_by_their_words() -> None:
    assert read_scopes(["orders", "ship"]) == {Scope.ORDERS, Scope.SHIP}
    with pytest.raises(Refusal) as refusal:
        read_scopes(["orders", "everything"])
    assert refusal.value.code == "access.scope_unknown"


def test_a_subject_is_a_shop_or_a_carrier_and_never_both() -> None:
    assert (shop(7, "S1").name, shop(7).name, carrier("zto").name) == ("S1", "7", "zto")
    for wrong in (
        {"kind": SubjectKind.SHOP},
        {"kind": SubjectKind.SHOP, "merchant_id": 1, "carrier": "zto"},
        {"kind": SubjectKind.CARRIER},
        {"kind": SubjectKind.CARRIER, "carrier": "zto", "merchant_id": 1},
        {"kind": SubjectKind.CARRIER, "carrier": "zto", "shop_id": "S1"},
    ):
        with pytest.raises(ValueError, match="not a subject"):
            Subject(**wrong)
