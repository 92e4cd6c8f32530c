"""Orders and their events pushed by a marketplace into a real PostgreSQL: late, twice, crosswise and at once."""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec import structs

from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.orders import intake, service
from miandan.orders.model import HELD_BY_HAND, HELD_FOR_REVIEW, OrderRef, OrderState, TradeOrder
from miandan.orders.standing import Hearing, OrderEvent
from miandan.vault import queries as vault_queries
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import IndexKind
from tests.conftest import FreshDatabase
from tests.orders.histories import REF, WEI, Said, draft, histories, living_at, tell, told_twice

MERCHANT = 7
KEYS = MerchantKeys(MERCHANT, {1: os.urandom(32)}, {1: os.urandom(32)})
E = OrderEvent
TO_SHIP, HELD, REFUNDING = OrderState.TO_SHIP, OrderState.HELD, OrderState.REFUNDING


async def order(db: Database, ref: OrderRef = REF) -> TradeOrder | None:
    return (await service.find_orders(db, MERCHANT, [ref])).get(ref)


async def seen(db: Database, ref: OrderRef) -> tuple[object, ...]:
    """All that matters of an order: where it stands, what is in it, and who receives it unless it came as over."""
    found = await db.fetchrow(
        "SELECT arrived, state, held_reason, source_version, standing, lines FROM trade_order"
        " WHERE merchant_id = $1 AND shop_id = $2 AND order_id = $3",
        MERCHANT,
        *ref,
    )
    assert found
    arrived, state, held_reason, version, standing, lines = found
    if not arrived or standing["contents"]["what"] == "cancelled":
        return arrived, state, held_reason, version, lines
    kept = await order(db, ref)
    assert kept
    return arrived, state, held_reason, version, standing, lines, KEYS.open(kept.recipient, ref.bound_to).detail


async def told(db: Database, ref: OrderRef, messages: Sequence[Said]) -> tuple[object, ...]:
    for said in messages:
        await tell(db, KEYS, said, ref)
    return await seen(db, ref)


async def messages(db: Database) -> list[tuple[str, int]]:
    rows = await db.fetch("SELECT body FROM outbox WHERE topic = $1 ORDER BY created_at, id", intake.ORDER_EVENT)
    return [(row["body"]["kind"], row["body"]["version"]) for row in rows]


async def test_every_history_ends_the_same_whatever_order_it_arrives_in(fresh_database: FreshDatabase) -> None:
    """Thirty random histories, each in order, shuffled with repeats, and all at once on several connections."""
    lives: list[list[Said]] = []

    @given(histories(longest=6))
    @settings(max_examples=30, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    def collect(history: list[Said]) -> None:
        lives.append(history)

    collect()
    dice = random.Random(4)  # shuffles, no secrets
    async with fresh_database(pool_size=6) as db:
        for number, history in enumerate(lives):
            straight, mixed, at_once = (OrderRef("shop-1", f"{way}{number}") for way in "ABC")
            wanted = await told(db, straight, history)
            shuffled = told_twice(history, [dice.randrange(9), dice.randrange(9)])
            dice.shuffle(shuffled)
            assert await told(db, mixed, shuffled) == wanted
            await asyncio.gather(*(tell(db, KEYS, said, at_once) for said in shuffled))
            assert await seen(db, at_once) == wanted


async def test_all_orders_of_arrival_of_a_held_moved_and_refunded_order_agree(fresh_database: FreshDatabase) -> None:
    history = [Said(1), Said(2, E.HELD), Said(3, E.ADDRESS_CHANGED), Said(4, E.RELEASED), Said(5, E.REFUND_OPENED)]
    async with fresh_database() as db:
        ends = {
            str(await told(db, OrderRef("shop-1", f"P{number}"), arrival))
            for number, arrival in enumerate(permutations(history))
        }
        assert len(ends) == 1
        found = await order(db, OrderRef("shop-1", "P77"))
    assert found is not None
    assert found.state is REFUNDING
    assert KEYS.open(found.recipient, "shop-1/P77").detail == living_at(3).detail


async def test_an_event_that_came_first_counts_when_the_order_comes(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        early = await tell(db, KEYS, Said(5, E.REFUND_OPENED))
        assert (early.hearing, early.arrived, early.version) == (Hearing.APPLIED, False, 0)
        assert await order(db) is None
        arrived = await tell(db, KEYS, Said(3))
        assert (arrived.hearing, arrived.state, arrived.version) == (Hearing.APPLIED, REFUNDING, 1)
        back = await tell(db, KEYS, Said(6, E.REFUND_WITHDRAWN))
        assert (back.state, back.version) == (TO_SHIP, 2)
        assert await messages(db) == [("refund_opened", 5), ("put", 3), ("refund_withdrawn", 6)]


async def test_repeats_and_latecomers_change_nothing_and_send_nothing(fresh_database: FreshDatabase) -> None:
    history = [Said(1), Said(2, E.HELD), Said(3, E.ADDRESS_CHANGED), Said(4)]
    async with fresh_database() as db:
        for said in history:
            await tell(db, KEYS, said)
        before, sent = await order(db), await messages(db)
        heard = [(await tell(db, KEYS, said)).hearing for said in history]
        assert heard == [Hearing.LATE, Hearing.REPEATED, Hearing.LATE, Hearing.REPEATED]
        assert await order(db) == before
        assert await messages(db) == sent


async def test_an_address_change_seals_anew_is_found_and_replaces_the_old_one_in_searches(
    fresh_database: FreshDatabase,
) -> None:
    async def found(phone: str) -> int:
        entries = KEYS.search_indexes(IndexKind.PHONE, phone)
        return len(await vault_queries.find(db, MERCHANT, entries, 10))

    async with fresh_database() as db:
        await intake.put_order(db, KEYS, draft(), 1)
        before = await order(db)
        moved = structs.replace(WEI, phone="19000005522", buyer_remark="放门卫")
        heard = await intake.hear(db, KEYS, REF, E.ADDRESS_CHANGED, 2, recipient=moved)
        after = await order(db)
        assert before
        assert after
        assert heard.state is TO_SHIP
        assert after.recipient.token != before.recipient.token
        assert KEYS.open(after.recipient, REF.bound_to) == moved
        assert (await found("19000004411"), await found("19000005522")) == (0, 1)
        await intake.hear(db, KEYS, REF, E.ADDRESS_CHANGED, 3, recipient=moved)
        same = await order(db)
        assert same
        assert same.recipient.token == after.recipient.token


async def test_ciphertext_of_another_platform_holds_the_order_until_its_address_is_readable(
    fresh_database: FreshDatabase,
) -> None:
    foreign = structs.replace(
        WEI, name="$1SdeXa+2RLzKqoNyHtGDtcXxwLJKMeuQvFhpO5yNo1c=$lqCEUYX5iXh9ZvYBAOfUT4CvOQ8Uvr$1$$"
    )
    async with fresh_database() as db:
        held = await intake.put_order(db, KEYS, replace(draft(), recipient=foreign), 1)
        assert (held.state, held.held_reason) == (HELD, "orders.ciphertext_held")
        readable = await intake.hear(db, KEYS, REF, E.ADDRESS_CHANGED, 2, recipient=WEI)
        assert readable.state is TO_SHIP


async def test_a_hold_of_the_review_is_not_released_by_hand_and_one_by_hand_not_by_the_review(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await tell(db, KEYS, Said(1))
        held = await tell(db, KEYS, Said(2, E.HELD))
        assert (held.state, held.held_reason) == (HELD, HELD_FOR_REVIEW)
        with pytest.raises(Refusal, match=r"orders\.not_releasable"):
            await service.release_order(db, MERCHANT, REF, held.version)
        both = await service.hold_order(db, MERCHANT, REF, held.version)
        released = await tell(db, KEYS, Said(3, E.RELEASED))
        assert (released.state, released.held_reason) == (HELD, HELD_BY_HAND)
        await service.release_order(db, MERCHANT, REF, both + 1)
        freed = await order(db)
        assert freed
        assert freed.state is TO_SHIP


async def test_a_refund_of_an_order_held_by_hand_gives_the_hold_back_when_it_is_withdrawn(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])  # from a file
        await service.hold_order(db, MERCHANT, REF, 1)
        assert (await tell(db, KEYS, Said(1, E.REFUND_OPENED))).state is REFUNDING
        back = await tell(db, KEYS, Said(2, E.REFUND_WITHDRAWN))
        assert (back.state, back.held_reason) == (HELD, HELD_BY_HAND)


async def test_an_older_export_undoes_nothing_that_the_marketplace_said(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await tell(db, KEYS, Said(1))
        await tell(db, KEYS, Said(2, E.ADDRESS_CHANGED))
        await tell(db, KEYS, Said(3, E.REFUND_OPENED))
        before = await order(db)
        kept = await service.keep(db, KEYS, [draft(house=99, quantity=99)])
        assert kept.unchanged == (REF,)
        assert await order(db) == before


async def test_a_file_that_brings_an_order_heard_of_before_finds_the_refund_open(fresh_database: FreshDatabase) -> None:
    other = OrderRef("shop-1", "A2")
    async with fresh_database() as db:
        await tell(db, KEYS, Said(4, E.REFUND_OPENED))
        kept = await service.keep(db, KEYS, [draft(), draft(ref=other)])
        assert set(kept.new) == {REF, other}
        found = await service.find_orders(db, MERCHANT, [REF, other])
        assert [found[ref].state for ref in (REF, other)] == [REFUNDING, TO_SHIP]
        assert (await tell(db, KEYS, Said(5, E.REFUND_WITHDRAWN))).state is TO_SHIP


async def test_a_file_and_an_event_at_the_same_moment_agree(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=4) as db:
        for number in range(25):
            ref = OrderRef("shop-1", f"R{number}")
            await asyncio.gather(
                service.keep(db, KEYS, [draft(ref=ref)]),
                tell(db, KEYS, Said(1, E.REFUND_OPENED), ref),
            )
            found = await order(db, ref)
            assert found
            assert found.state is REFUNDING


async def test_two_events_at_the_same_moment_are_both_heard_once(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        await tell(db, KEYS, Said(1))
        both = [Said(2, E.HELD), Said(3, E.REFUND_OPENED)]
        answers = await asyncio.gather(*(tell(db, KEYS, said) for said in both * 4))
        assert sorted(answer.hearing.value for answer in answers) == ["applied"] * 2 + ["repeated"] * 6
        assert len(await messages(db)) == 3
        found = await order(db)
        assert found
        assert (found.state, found.version) == (REFUNDING, 3)


async def test_nobody_is_kept_of_an_order_that_comes_cancelled(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        heard = await intake.put_order(db, KEYS, draft(state=OrderState.CANCELLED), 1)
        found = await order(db)
        assert found
        assert found.recipient.key is None
        assert heard.state is OrderState.CANCELLED
        assert await db.fetchval("SELECT count(*) FROM vault_index") == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order_id": ""}, "orders.id_invalid"),
        ({"order_id": "A/1"}, "orders.id_invalid"),
        ({"order_id": "A 1"}, "orders.id_invalid"),
        ({"order_id": "郑泄密"}, "orders.id_invalid"),
        ({"order_id": "zheng-13822223333"}, "orders.id_invalid"),
        ({"shop_id": "x" * 65}, "orders.id_invalid"),
        ({"lines": ()}, "orders.lines_invalid"),
        ({"lines": (replace(draft().lines[0], quantity=0),)}, "orders.lines_invalid"),
        ({"lines": (replace(draft().lines[0], title="\x00"),)}, "orders.lines_unprintable"),
        ({"recipient": structs.replace(WEI, phone="")}, "orders.recipient_incomplete"),
        ({"recipient": structs.replace(WEI, name="魏*")}, "orders.recipient_masked"),
        ({"recipient": structs.replace(WEI, phone="abc")}, "orders.recipient_phone"),
        ({"recipient": structs.replace(WEI, province="火星省")}, "orders.province_unknown"),
        (
            {"recipient": structs.replace(WEI, province="", city="", district="", detail="7 号", division_code="")},
            "orders.recipient_incomplete",
        ),
    ],
)
async def test_an_order_that_cannot_be_shipped_is_refused_in_words_without_a_person(
    fresh_database: FreshDatabase, change: dict[str, object], code: str
) -> None:
    async with fresh_database(pool_size=1) as db:
        with pytest.raises(Refusal) as refused:
            await intake.put_order(db, KEYS, replace(draft(), **change), 1)  # type: ignore[arg-type]
    assert refused.value.code == code
    words = refused.value.zh + refused.value.next_zh + str(refused.value)
    assert not any(private in words for private in ("魏", "19000004411", "虚构路"))


@pytest.mark.parametrize("version", [-1, 2**63, True])
async def test_a_version_that_is_none_is_refused(fresh_database: FreshDatabase, version: int) -> None:
    async with fresh_database(pool_size=1) as db:
        with pytest.raises(Refusal, match=r"orders\.version_invalid"):
            await intake.hear(db, KEYS, REF, E.PAID, version)


async def test_an_address_change_without_an_address_is_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=1) as db:
        with pytest.raises(Refusal, match=r"orders\.recipient_missing_in_change"):
            await intake.hear(db, KEYS, REF, E.ADDRESS_CHANGED, 1)


async def test_a_recipient_without_a_division_gets_its_own(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await intake.put_order(db, KEYS, replace(draft(), recipient=structs.replace(WEI, division_code="")), 1)
        found = await order(db)
        assert found
        assert found.division_code == "330106"


async def test_messages_and_columns_hold_nobody(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await tell(db, KEYS, Said(2, E.ADDRESS_CHANGED))
        await tell(db, KEYS, Said(1))
        rows = [*await db.fetch("SELECT * FROM trade_order"), *await db.fetch("SELECT * FROM outbox")]
    raw = "\n".join(v.decode(errors="ignore") if isinstance(v, bytes) else str(v) for r in rows for v in r.values())
    assert not any(private in raw for private in ("魏小满", "19000004411", "虚构路"))
