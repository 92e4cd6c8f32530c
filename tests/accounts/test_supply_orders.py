"""Distributed orders: one supplier each, taken back only while no number stands, nobody's data shown."""

import asyncio
from dataclasses import asdict
from datetime import timedelta

import pytest

from miandan.accounts import supply, supply_orders
from miandan.accounts.supply_model import Distribution, DistributionState, StandingNumber, new_distr_order_id
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from miandan.orders import service as orders
from miandan.orders.model import OrderRef, OrderState
from miandan.waybills.model import parcel_key
from tests.accounts.partners import BUYER, SHOP, Partners, new_partners
from tests.conftest import FreshDatabase

_NUMBER = """
    INSERT INTO parcel_key (merchant_id, parcel_key, carrier, number, seat, month)
    VALUES ($1, $2, 'jt', $3, 0, '2025-05-01')
"""
_END_KEY = "UPDATE parcel_key SET ended_at = now() WHERE merchant_id = $1 AND number = $2"


async def number_stands(both: Partners, ref: OrderRef, number: str, pack: str = "") -> None:
    await both.db.execute(_NUMBER, both.seller, parcel_key(ref.shop_id, ref.order_id, pack), number)


async def given(both: Partners, ref: OrderRef) -> Distribution:
    (answer,) = await supply_orders.distribute(both.db, both.seller, [ref], both.supplier)
    assert isinstance(answer, Distribution), answer
    return answer


def codes(answers: tuple[Distribution | Refusal, ...]) -> list[str]:
    return [answer.code if isinstance(answer, Refusal) else "" for answer in answers]


async def second_supplier(both: Partners) -> Partners:
    other = await new_partners(both.db, seller=both.seller)
    await other.relation()
    return other


async def test_each_order_gets_an_id_of_digits_that_stays(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        refs = await both.orders("A1", "A2")
        first = await supply_orders.distribute(db, both.seller, refs, both.supplier)
        ids = [one.distr_order_id for one in first if isinstance(one, Distribution)]
        assert len(set(ids)) == 2
        assert all(one.isdigit() and len(one) == 24 for one in ids)
        assert await supply_orders.distribute(db, both.seller, refs, both.supplier) == first
        found = await supply_orders.distributed(db, both.supplier, ids)
        assert [one.ref for one in found.values() if isinstance(one, Distribution)] == refs


async def test_what_cannot_be_distributed_says_why_and_stops_no_other_order(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        good, closed, numbered = await both.orders("A1", "A2", "A3")
        await orders.close_order(db, both.seller, closed, 1, OrderState.CLOSED)
        await number_stands(both, numbered, "JT1")
        answers = await supply_orders.distribute(
            db,
            both.seller,
            [OrderRef(SHOP, "nobody"), closed, numbered, OrderRef("", "A1"), good, good],
            both.supplier,
        )
        assert codes(answers) == [
            "orders.unknown",
            "supply.order_not_to_ship",
            "supply.number_stands",
            "supply.no_relation",
            "",
            "",
        ]
        assert answers[4] == answers[5]


async def test_without_an_accepted_relation_nothing_is_distributed(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        refs = await both.orders("A1")
        assert codes(await supply_orders.distribute(db, both.seller, refs, both.supplier)) == ["supply.no_relation"]
        relation = await both.relation(active=False)
        assert codes(await supply_orders.distribute(db, both.seller, refs, both.supplier)) == ["supply.no_relation"]
        await supply.accept(db, both.supplier, both.seller, relation.relation_id, by="x")
        assert codes(await supply_orders.distribute(db, both.seller, refs, both.supplier)) == [""]


async def test_two_distributes_of_one_order_at_once_reach_one_supplier(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        both = await new_partners(db)
        await both.relation()
        other = await second_supplier(both)
        refs = await both.orders(*(f"A{i}" for i in range(10)))
        suppliers = [both.supplier, other.supplier] * 3
        answers = await asyncio.gather(
            *(
                supply_orders.distribute(db, both.seller, refs if i % 3 else refs[::-1], supplier)
                for i, supplier in enumerate(suppliers)
            )
        )
        page = await supply_orders.orders_given(db, both.seller)
        assert page.total == 10
        owner = {row.distribution.ref: row.distribution for row in page.rows}
        for i, (supplier, answer) in enumerate(zip(suppliers, answers, strict=True)):
            for ref, one in zip(refs if i % 3 else refs[::-1], answer, strict=True):
                expected = owner[ref] if owner[ref].supplier_id == supplier else "supply.distributed_elsewhere"
                assert (one.code if isinstance(one, Refusal) else one) == expected


async def test_a_cancelled_order_may_go_to_another_supplier_under_a_new_id(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        other = await second_supplier(both)
        (ref,) = await both.orders("A1")
        first = await given(both, ref)
        (cancelled,) = await supply_orders.cancel_distribution(db, both.seller, [first.distr_order_id])
        assert isinstance(cancelled, Distribution)
        assert cancelled.state is DistributionState.CANCELLED
        again = await supply_orders.cancel_distribution(db, both.seller, [first.distr_order_id])
        assert again == (cancelled,)
        second = await given(other, ref)
        assert second.distr_order_id != first.distr_order_id
        old = (await supply_orders.distributed(db, both.supplier, [first.distr_order_id]))[first.distr_order_id]
        assert isinstance(old, Refusal)
        assert old.code == "supply.distribution_cancelled"


@pytest.mark.parametrize("pack", ["", "2"])
async def test_while_a_number_stands_the_order_is_not_taken_back(fresh_database: FreshDatabase, pack: str) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        (ref,) = await both.orders("A1")
        one = (await given(both, ref)).distr_order_id
        async with supply_orders.taking(db, both.supplier, [(one, pack)]):
            await number_stands(both, ref, "JT1", pack)
        refused = await supply_orders.cancel_distribution(db, both.seller, [one])
        assert codes(refused) == ["supply.number_stands"]
        seen = await supply_orders.find_distributed(db, both.supplier, one)
        assert seen.numbers == (StandingNumber(pack, "jt", "JT1"),)
        await db.execute(_END_KEY, both.seller, "JT1")
        assert codes(await supply_orders.cancel_distribution(db, both.seller, [one])) == [""]


async def test_an_order_is_not_taken_back_while_its_number_is_being_taken(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        (ref,) = await both.orders("A1")
        one = (await given(both, ref)).distr_order_id
        async with (
            supply_orders.taking(db, both.supplier, [(one, "")]) as claimed,
            supply_orders.taking(db, both.supplier, [(one, "")]),  # a retry of the same call
        ):
            assert isinstance(claimed[one], Distribution)
            refused = await supply_orders.cancel_distribution(db, both.seller, [one])
            assert codes(refused) == ["supply.being_taken"]
        with pytest.raises(RuntimeError):
            async with supply_orders.taking(db, both.supplier, [(one, "")]):
                raise RuntimeError("the take failed")
        assert codes(await supply_orders.cancel_distribution(db, both.seller, [one])) == [""]
        async with supply_orders.taking(db, both.supplier, [(one, "")]) as late:
            answer = late[one]
            assert isinstance(answer, Refusal)
            assert answer.code == "supply.distribution_cancelled"


async def test_the_claim_of_a_program_that_died_runs_out(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        (ref,) = await both.orders("A1")
        one = (await given(both, ref)).distr_order_id
        dead = supply_orders.taking(db, both.supplier, [(one, "")])
        await dead.__aenter__()
        assert codes(await supply_orders.cancel_distribution(db, both.seller, [one])) == ["supply.being_taken"]
        left = await db.fetchval("SELECT until - clock_timestamp() FROM distribution_claim")
        assert timedelta(0) < left <= timedelta(seconds=supply_orders.CLAIM_SECONDS)
        await db.execute("UPDATE distribution_claim SET until = until - $1::interval", left)  # so much later
        assert codes(await supply_orders.cancel_distribution(db, both.seller, [one])) == [""]
        await dead.__aexit__(None, None, None)


async def test_of_a_cancel_and_a_take_at_once_exactly_one_wins(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        both = await new_partners(db)
        await both.relation()
        refs = await both.orders(*(f"A{i}" for i in range(30)))
        ids = [(await given(both, ref)).distr_order_id for ref in refs]

        async def take(one: str, ref: OrderRef) -> bool:
            async with supply_orders.taking(db, both.supplier, [(one, "")]) as claimed:
                if isinstance(claimed[one], Refusal):
                    return False
                await number_stands(both, ref, f"JT{ref.order_id}")
                return True

        async def cancel(one: str) -> bool:
            return codes(await supply_orders.cancel_distribution(db, both.seller, [one])) == [""]

        pairs = await asyncio.gather(
            *(
                asyncio.gather(*((take(one, ref), cancel(one)) if i % 2 else (take(one, ref), cancel(one))[::-1]))
                for i, (one, ref) in enumerate(zip(ids, refs, strict=True))
            )
        )
        assert all(taken != cancelled for taken, cancelled in pairs), pairs


async def test_only_the_supplier_it_was_given_to_may_take_for_an_order(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        other = await second_supplier(both)
        (ref,) = await both.orders("A1")
        one = (await given(both, ref)).distr_order_id
        made_up = new_distr_order_id()
        async with supply_orders.taking(db, other.supplier, [(one, ""), (made_up, "")]) as claimed:
            assert codes(tuple(claimed.values())) == ["supply.distribution_unknown"] * 2
        with pytest.raises(Refusal, match=r"supply\.distribution_unknown"):
            await supply_orders.find_distributed(db, other.supplier, one)
        stranger = (await merchants.register_merchant(db, "路人", "enterprise")).merchant_id
        refused = await supply_orders.cancel_distribution(db, stranger, [one])
        assert codes(refused) == ["supply.distribution_unknown"]
        assert codes(await supply_orders.cancel_distribution(db, both.supplier, [one])) == [
            "supply.distribution_unknown"
        ]


async def test_when_a_relation_ends_what_has_no_number_goes_back(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        relation = await both.relation()
        plain, numbered, claimed = await both.orders("A1", "A2", "A3")
        ids = [(await given(both, ref)).distr_order_id for ref in (plain, numbered, claimed)]
        await number_stands(both, numbered, "JT2")
        async with supply_orders.taking(db, both.supplier, [(ids[2], "")]):
            _, back = await supply.end(db, both.seller, both.seller, relation.relation_id, by="x")
        assert back == (ids[0],)
        page = await supply_orders.orders_received(db, both.supplier, state=DistributionState.DISTRIBUTED)
        assert {row.distribution.distr_order_id for row in page.rows} == set(ids[1:])


async def test_ending_a_relation_while_orders_are_distributed_leaves_none_behind(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database(pool_size=8) as db:
        both = await new_partners(db)
        relation = await both.relation()
        refs = await both.orders(*(f"A{i}" for i in range(12)))
        await asyncio.gather(
            *(supply_orders.distribute(db, both.seller, [ref], both.supplier) for ref in refs[:6]),
            supply.end(db, both.supplier, both.seller, relation.relation_id, by="x"),
            *(supply_orders.distribute(db, both.seller, [ref], both.supplier) for ref in refs[6:]),
        )
        page = await supply_orders.orders_given(db, both.seller, state=DistributionState.DISTRIBUTED)
        assert page.rows == ()


async def test_both_sides_list_page_by_page_and_nobody_sees_who_receives(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        refs = await both.orders(*(f"A{i}" for i in range(7)))
        start = now()
        for ref in refs:
            await given(both, ref)
        pages = [await supply_orders.orders_received(db, both.supplier, limit=3, offset=at) for at in (0, 3, 6)]
        assert [page.total for page in pages] == [7, 7, 7]
        assert sorted(row.distribution.ref for page in pages for row in page.rows) == refs
        assert pages[0].rows == (await supply_orders.orders_given(db, both.seller, limit=3)).rows
        assert (await supply_orders.orders_received(db, both.supplier, before=start)).total == 0
        assert (await supply_orders.orders_received(db, both.supplier, seller_id=both.supplier)).total == 0
        assert (await supply_orders.orders_received(db, both.seller)).total == 0
        row = pages[0].rows[0]
        assert (row.order_state, row.lines[0].title, row.lines[0].quantity) == (OrderState.TO_SHIP, "垫子", 2)
        text = str(asdict(row)) + repr(pages)
        assert not [word for word in (BUYER.name, BUYER.phone, BUYER.detail) if word in text]
        assert "recipient" not in text


async def test_the_order_of_ids_is_the_order_of_time() -> None:
    made = []
    for _ in range(5):
        made.append(new_distr_order_id())
        await asyncio.sleep(0.002)
    assert made == sorted(made)


async def exists(db: Database, table: str) -> int:
    return int(await db.fetchval(f"SELECT count(*) FROM {table}"))


async def test_nothing_is_left_of_a_take_that_ended(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        await both.relation()
        (ref,) = await both.orders("A1")
        one = (await given(both, ref)).distr_order_id
        async with supply_orders.taking(db, both.supplier, [(one, "p1"), (one, "p1"), (one, "")]):
            assert await exists(db, "distribution_claim") == 1
        assert await exists(db, "distribution_claim") == 0
        assert (await supply_orders.find_distributed(db, both.seller, one)).distribution.packs == ("", "p1")
