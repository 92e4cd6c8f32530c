"""Tokens from consent to revocation: lifetimes by the clock, races, and what a client that lost an answer meets."""

import asyncio
from datetime import datetime, timedelta

import pytest

from miandan.access import service, token_queries, tokens
from miandan.access.model import Scope, SubjectKind, Tokens, read_grant_type
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from tests.access.vendors import (
    DAY,
    HOUR,
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
    let_in,
    one_tool,
    own_app,
    own_form,
    refused,
    tool,
)
from tests.conftest import FreshDatabase


def texts(pair: Tokens) -> tuple[str, str]:
    return pair.access_token, pair.refresh_token


async def good(db: Database, access_token: str, at: datetime) -> bool:
    """Whether the token is let in at that moment."""
    (outcome,) = await asyncio.gather(tokens.who(db, access_token, at=at), return_exceptions=True)
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, Refusal)
        assert outcome.code == "access.token_expired"
        return False
    return True


async def test_a_shop_agrees_and_the_token_says_for_whom_and_for_what(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        pair = await let_in(db, root, app)
        assert (pair.subject, pair.scopes, pair.app_key) == (SHOP, SCOPES, app.app_key)
        assert pair.expires_in(NOON) == 7 * 24 * 3600
        assert pair.expires_in(NOON + 8 * DAY) == 0
        assert pair.refresh_until == NOON + 14 * DAY
        caller = await tokens.who(db, pair.access_token, at=NOON)
        assert (caller.app_key, caller.subject, caller.scopes) == (app.app_key, SHOP, SCOPES)
        assert caller.expires_at == NOON + 7 * DAY
        caller.must_be_of(app.app_key)
        caller.must_have(Scope.PRINT)
        with pytest.raises(Refusal, match="token_of_another_app"):
            caller.must_be_of("1" * 19)
        with pytest.raises(Refusal, match="scope_missing"):
            caller.must_have(Scope.REVEAL)
        for wrong in ("", pair.refresh_token, pair.access_token + "x", "\ud800"):
            await refused("access.token_unknown", tokens.who(db, wrong, at=NOON))


async def test_a_code_is_good_for_ten_minutes_once_and_for_its_app_only(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app, other = await tool(db, root), await tool(db, root)
        code = await tokens.authorise(db, app.app_key, SHOP, SCOPES, URL, at=NOON)
        late = NOON + 10 * MINUTE
        await refused("access.code_unknown", tokens.exchange_code(db, root, other.app_key, code, at=NOON))
        await refused("access.code_expired", tokens.exchange_code(db, root, app.app_key, code, at=late))
        await tokens.exchange_code(db, root, app.app_key, code, at=late - SECOND)
        await refused("access.code_used", tokens.exchange_code(db, root, app.app_key, code, at=late - SECOND))
        await refused("access.code_unknown", tokens.exchange_code(db, root, app.app_key, "", at=NOON))


async def test_of_two_exchanges_of_one_code_one_wins(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database, pool_size=8) as (db, root, app):
        code = await tokens.authorise(db, app.app_key, SHOP, SCOPES, at=NOON)
        outcomes = await asyncio.gather(
            *(tokens.exchange_code(db, root, app.app_key, code, at=NOON) for _ in range(8)), return_exceptions=True
        )
        assert sum(isinstance(one, Tokens) for one in outcomes) == 1
        assert {one.code for one in outcomes if isinstance(one, Refusal)} == {"access.code_used"}
        assert await db.fetchval("SELECT count(*) FROM app_tokens") == 1


async def test_two_codes_of_one_shop_exchanged_at_once_give_one_pair(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database, pool_size=8) as (db, root, app):
        codes = [await tokens.authorise(db, app.app_key, SHOP, SCOPES, at=NOON) for _ in range(6)]
        pairs = await asyncio.gather(*(tokens.exchange_code(db, root, app.app_key, code, at=NOON) for code in codes))
        assert len({texts(pair) for pair in pairs}) == 1
        assert len(await tokens.authorisations_of_app(db, app.app_key)) == 1


async def test_authorising_again_changes_the_scopes_of_the_tokens_that_are_there(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        before = await let_in(db, root, app)
        code = await tokens.authorise(db, app.app_key, SHOP, {Scope.ORDERS}, at=NOON + DAY)
        after = await tokens.exchange_code(db, root, app.app_key, code, at=NOON + DAY)
        assert texts(after) == texts(before)
        assert after.access_until == NOON + 7 * DAY
        assert (await tokens.who(db, before.access_token, at=NOON + DAY)).scopes == {Scope.ORDERS}


async def test_a_shop_cannot_grant_more_than_the_app_is_registered_for(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        key = app.app_key
        await refused("access.scope_beyond_app", tokens.authorise(db, key, SHOP, {Scope.REVEAL}, URL))
        await refused("access.scopes_empty", tokens.authorise(db, key, SHOP, set(), URL))
        await refused("access.scope_not_for_subject", tokens.authorise(db, key, ZTO, SCOPES, URL))
        await refused("access.redirect_unknown", tokens.authorise(db, key, SHOP, SCOPES, URL + "/x"))
        await refused("access.app_unknown", tokens.authorise(db, "3" * 19, SHOP, SCOPES))
        own = await own_app(db, root)
        await refused("access.grant_type_wrong", tokens.authorise(db, own.app_key, SHOP, SCOPES))
        await refused("access.grant_type_wrong", tokens.self_authorise(db, root, key))
        await refused("access.grant_type_wrong", tokens.authorise_own(db, key, SHOP))


async def test_a_refresh_more_than_an_hour_before_the_end_answers_the_same_pair_unchanged(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        pair = await let_in(db, root, app)
        for moment in (NOON, NOON + DAY, NOON + 7 * DAY - HOUR - SECOND):
            assert await tokens.refresh(db, root, app.app_key, pair.refresh_token, at=moment) == pair


async def test_a_refresh_in_the_last_hour_gives_a_new_pair_and_the_old_one_lives_one_more_hour(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        old = await let_in(db, root, app)
        moment = NOON + 7 * DAY - 10 * MINUTE
        new = await tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment)
        assert set(texts(new)).isdisjoint(texts(old))
        assert (new.access_until, new.refresh_until) == (moment + 7 * DAY, moment + 14 * DAY)
        assert await good(db, old.access_token, moment + HOUR - SECOND)
        assert not await good(db, old.access_token, moment + HOUR)
        assert await good(db, new.access_token, moment + 7 * DAY - SECOND)


async def test_the_hour_before_the_end_begins_on_the_second(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        old = await let_in(db, root, app)
        new = await tokens.refresh(db, root, app.app_key, old.refresh_token, at=NOON + 7 * DAY - HOUR)
        assert texts(new) != texts(old)


async def test_a_refresh_after_the_end_gives_a_new_pair_and_the_old_one_stays_dead(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        old = await let_in(db, root, app)
        moment = NOON + 14 * DAY - SECOND
        new = await tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment)
        assert not await good(db, old.access_token, moment)
        assert await good(db, new.access_token, moment)


async def test_a_refresh_token_ends_after_fourteen_days(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        pair = await let_in(db, root, app)
        late = tokens.refresh(db, root, app.app_key, pair.refresh_token, at=NOON + 14 * DAY)
        await refused("access.refresh_expired", late)


async def test_a_refresh_whose_answer_was_lost_answers_the_new_pair_again_for_an_hour(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        old = await let_in(db, root, app)
        moment = NOON + 9 * DAY
        new = await tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment)
        again = await tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment + HOUR - SECOND)
        assert again == new
        late = tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment + HOUR)
        await refused("access.refresh_replaced", late)
        assert await tokens.refresh(db, root, app.app_key, new.refresh_token, at=moment + HOUR) == new


async def test_another_apps_or_an_invented_refresh_token_is_unknown(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app, other = await tool(db, root), await tool(db, root)
        pair = await let_in(db, root, app)
        for key, text in ((other.app_key, pair.refresh_token), (app.app_key, pair.access_token), (app.app_key, "")):
            await refused("access.refresh_unknown", tokens.refresh(db, root, key, text, at=NOON))


@pytest.mark.parametrize("age", [7 * DAY - MINUTE, 8 * DAY], ids=["in the last hour", "after the end"])
async def test_of_many_refreshes_at_once_one_makes_the_new_pair_and_the_others_get_it_or_are_told(
    fresh_database: FreshDatabase, age: timedelta
) -> None:
    async with one_tool(fresh_database, pool_size=8) as (db, root, app):
        old = await let_in(db, root, app)
        outcomes = await asyncio.gather(
            *(tokens.refresh(db, root, app.app_key, old.refresh_token, at=NOON + age) for _ in range(16)),
            return_exceptions=True,
        )
        pairs = {texts(one) for one in outcomes if isinstance(one, Tokens)}
        assert len(pairs) == 1
        assert texts(old) not in pairs
        assert {one.code for one in outcomes if isinstance(one, Refusal)} <= {"access.refresh_under_way"}
        assert sum(isinstance(one, Tokens | Refusal) for one in outcomes) == 16
        assert await db.fetchval("SELECT count(*) FROM app_tokens") == 2


async def test_a_refresh_while_another_is_under_way_is_told_so_at_once(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database, pool_size=4) as (db, root, app):
        old = await let_in(db, root, app)
        moment = NOON + 8 * DAY
        async with db.transaction() as tx:  # the other one, in the middle of its work
            assert await token_queries.free_authorisation_for_update(tx, app.app_key, old.authorisation_id)
            told = await refused(
                "access.refresh_under_way", tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment)
            )
            assert told.entry.retry_safe
        assert await tokens.refresh(db, root, app.app_key, old.refresh_token, at=moment)


async def test_a_self_use_app_gets_tokens_for_its_own_shop_without_a_code_and_the_same_again(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database(pool_size=8) as db:
        root = Root()
        app = await own_app(db, root)
        pairs = await asyncio.gather(*(tokens.self_authorise(db, root, app.app_key, at=NOON) for _ in range(8)))
        assert len({texts(pair) for pair in pairs}) == 1
        assert pairs[0].subject == SHOP
        last_hour = await tokens.self_authorise(db, root, app.app_key, at=NOON + 7 * DAY - MINUTE)
        assert texts(last_hour) != texts(pairs[0])
        assert await good(db, pairs[0].access_token, NOON + 7 * DAY)
        much_later = await tokens.self_authorise(db, root, app.app_key, at=NOON + 60 * DAY)
        assert much_later.access_until == NOON + 67 * DAY


async def test_a_self_use_app_names_which_of_its_subjects_it_means(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app = await own_app(db, root, SHOP, OTHER_SHOP, NO_SHOP)
        key = app.app_key
        await refused("access.subject_ambiguous", tokens.self_authorise(db, root, key, at=NOON))
        for subject in (SHOP, OTHER_SHOP, NO_SHOP):
            pair = await tokens.self_authorise(db, root, key, SubjectKind.SHOP, subject.name, at=NOON)
            assert pair.subject == subject
        await refused("access.no_authorization", tokens.self_authorise(db, root, key, SubjectKind.SHOP, "S9", at=NOON))
        await refused("access.no_authorization", tokens.self_authorise(db, root, key, SubjectKind.CARRIER, at=NOON))


async def test_a_carriers_app_acts_for_the_carrier(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        form = own_form(ZTO, scopes=frozenset({Scope.CARRIER}))
        app, _ = await service.register_app(db, root, form, at=NOON)
        pair = await tokens.self_authorise(db, root, app.app_key, SubjectKind.CARRIER, "zto", at=NOON)
        assert (await tokens.who(db, pair.access_token, at=NOON)).subject == ZTO


async def test_revoking_ends_tokens_refreshes_and_codes_that_were_not_used_yet(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        key = app.app_key
        pair = await let_in(db, root, app)
        bystander = await let_in(db, root, app, OTHER_SHOP)
        unused = await tokens.authorise(db, key, SHOP, SCOPES, at=NOON)
        revoked = await tokens.revoke(db, key, pair.authorisation_id, by="clerk-1", at=NOON)
        assert (revoked.revoked_at, revoked.revoked_by) == (NOON, "clerk-1")
        assert await tokens.revoke(db, key, pair.authorisation_id, by="clerk-2", at=NOON + DAY) == revoked
        await refused("access.token_revoked", tokens.who(db, pair.access_token, at=NOON))
        for moment in (NOON, NOON + 8 * DAY):
            again = tokens.refresh(db, root, key, pair.refresh_token, at=moment)
            await refused("access.token_revoked", again)
        await refused("access.code_unknown", tokens.exchange_code(db, root, key, unused, at=NOON))
        assert await good(db, bystander.access_token, NOON)
        await refused("access.authorisation_unknown", tokens.revoke(db, key, new_id()))
        assert await db.fetchval("SELECT count(*) FROM app_tokens WHERE wrapped IS NOT NULL") == 1


async def test_a_revocation_that_comes_twice_leaves_a_consent_given_since_alone(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        before = await let_in(db, root, app)
        revoked = await tokens.revoke(db, app.app_key, before.authorisation_id, at=NOON)
        code = await tokens.authorise(db, app.app_key, SHOP, SCOPES, at=NOON + MINUTE)
        late = await tokens.revoke(db, app.app_key, before.authorisation_id, at=NOON + 2 * MINUTE)
        assert late.revoked_at == revoked.revoked_at
        pair = await tokens.exchange_code(db, root, app.app_key, code, at=NOON + 3 * MINUTE)
        assert await good(db, pair.access_token, NOON + 3 * MINUTE)


async def test_a_shop_that_lets_the_app_in_again_gives_new_tokens_and_the_old_stay_dead(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        before = await let_in(db, root, app)
        await tokens.revoke(db, app.app_key, before.authorisation_id, at=NOON)
        after = await let_in(db, root, app)
        assert set(texts(after)).isdisjoint(texts(before))
        await refused("access.token_revoked", tokens.who(db, before.access_token, at=NOON))
        known = await tokens.authorisations_of_app(db, app.app_key)
        assert [one.revoked_at is None for one in known] == [False, True]
        assert [one.until for one in known] == [NOON + 14 * DAY, NOON + 14 * DAY]


async def test_a_revoked_self_use_app_gets_nothing_until_it_is_let_in_again(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app = await own_app(db, root)
        pair = await tokens.self_authorise(db, root, app.app_key, at=NOON)
        await tokens.revoke(db, app.app_key, pair.authorisation_id, at=NOON)
        await refused("access.no_authorization", tokens.self_authorise(db, root, app.app_key, at=NOON))
        again = await tokens.authorise_own(db, app.app_key, SHOP, {Scope.PRINT}, at=NOON)
        assert (await tokens.self_authorise(db, root, app.app_key, at=NOON)).scopes == {Scope.PRINT}
        assert again.until is None


async def test_exchanges_refreshes_and_revocations_at_once_end_without_a_deadlock(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database, pool_size=8) as (db, root, app):
        pair = await let_in(db, root, app)
        moment = NOON + 7 * DAY - MINUTE
        for _ in range(6):
            codes = [await tokens.authorise(db, app.app_key, SHOP, SCOPES, at=moment) for _ in range(4)]
            standing = (await tokens.authorisations_of_app(db, app.app_key))[-1].authorisation_id
            outcomes = await asyncio.gather(
                *(tokens.exchange_code(db, root, app.app_key, code, at=moment) for code in codes),
                *(tokens.refresh(db, root, app.app_key, pair.refresh_token, at=moment) for _ in range(3)),
                tokens.revoke(db, app.app_key, standing, at=moment),
                return_exceptions=True,
            )
            assert [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, Refusal)] == []
        standing_rows = await db.fetchval("SELECT count(*) FROM app_authorisation WHERE revoked_at IS NULL")
        assert standing_rows <= 1


async def test_a_shop_sees_every_app_that_it_has_let_in(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        one, other = await tool(db, root), await own_app(db, root)
        await let_in(db, root, one, at=NOON + DAY)
        await let_in(db, root, one, OTHER_SHOP)
        found = await tokens.authorisations_of_subject(db, SHOP)
        assert [grant.app_key for grant in found] == [other.app_key, one.app_key]
        assert await tokens.authorisations_of_subject(db, NO_SHOP) == []
        await refused("access.app_unknown", tokens.authorisations_of_app(db, "4" * 19))


def test_grant_types_are_those_of_the_protocol() -> None:
    assert [read_grant_type(text).value for text in ("authorization_self", "refresh_token")] == [
        "authorization_self",
        "refresh_token",
    ]
    with pytest.raises(Refusal, match="grant_type_wrong"):
        read_grant_type("password")
