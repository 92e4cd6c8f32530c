"""Supply relations: asked by one side, accepted by the other, ended by either, and on record for good."""

import asyncio

import pytest

from miandan.accounts import supply
from miandan.accounts.supply_model import RelationState
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.merchants import service as merchants
from tests.accounts.partners import SHOP, new_partners
from tests.conftest import FreshDatabase


async def test_a_relation_is_active_once_the_other_side_has_accepted(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        asked = await both.relation(active=False)
        assert (asked.state, asked.accepts) == (RelationState.ASKED, both.supplier)
        with pytest.raises(Refusal, match=r"supply\.no_relation"):
            await both.active_relation()
        with pytest.raises(Refusal, match=r"supply\.not_yours_to_accept"):
            await supply.accept(db, both.seller, both.seller, asked.relation_id, by="clerk-1")
        active = await supply.accept(db, both.supplier, both.seller, asked.relation_id, by="clerk-2")
        assert (active.state, active.stated_by, active.accepted_by) == (RelationState.ACTIVE, "clerk-1", "clerk-2")
        assert await supply.accept(db, both.supplier, both.seller, asked.relation_id, by="clerk-3") == active
        assert await both.active_relation() == active
        assert await supply.suppliers_of(db, both.seller) == (active,)
        assert await supply.sellers_of(db, both.supplier) == (active,)


async def test_the_supplier_may_ask_and_then_the_seller_accepts(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        asked = await supply.propose(
            db, both.seller, SHOP, both.supplier, asked_by=both.supplier, evidence="HT-1", stated_by="app-1"
        )
        with pytest.raises(Refusal, match=r"supply\.not_yours_to_accept"):
            await supply.accept(db, both.supplier, both.seller, asked.relation_id, by="app-1")
        active = await supply.accept(db, both.seller, both.seller, asked.relation_id, by="clerk-1")
        assert active.state is RelationState.ACTIVE


async def test_an_ended_relation_stays_on_record_and_may_be_asked_anew(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        first = await both.relation()
        ended, back = await supply.end(db, both.supplier, both.seller, first.relation_id, by="clerk-2")
        assert (ended.state, ended.ended_by, back) == (RelationState.ENDED, "clerk-2", ())
        assert (await supply.end(db, both.seller, both.seller, first.relation_id, by="clerk-1"))[0] == ended
        with pytest.raises(Refusal, match=r"supply\.ended"):
            await supply.accept(db, both.supplier, both.seller, first.relation_id, by="clerk-2")
        with pytest.raises(Refusal, match=r"supply\.no_relation.*ended"):
            await both.active_relation()
        second = await both.relation()
        assert [one.relation_id for one in await supply.suppliers_of(db, both.seller)] == [
            first.relation_id,
            second.relation_id,
        ]
        assert await both.active_relation() == second


async def test_nobody_else_learns_of_a_relation_or_changes_it(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        relation = await both.relation(active=False)
        stranger = (await merchants.register_merchant(db, "路人", "enterprise")).merchant_id
        for verb in (supply.accept, supply.end):
            with pytest.raises(Refusal, match=r"supply\.unknown"):
                await verb(db, stranger, both.seller, relation.relation_id, by="x")
            with pytest.raises(Refusal, match=r"supply\.unknown"):
                await verb(db, both.supplier, both.seller, new_id(), by="x")
        assert await supply.sellers_of(db, stranger) == ()
        with pytest.raises(Refusal, match=r"supply\.not_a_party"):
            await supply.propose(
                db, both.seller, SHOP, both.supplier, asked_by=stranger, evidence="HT-1", stated_by="x"
            )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"evidence": "  "}, "supply.evidence_missing"),
        ({"evidence": "x" * 501}, "supply.evidence_missing"),
        ({"shop_id": "S99"}, "shop.unknown"),
        ({"supplier_id": 5}, "merchant.unknown"),
    ],
)
async def test_a_relation_needs_evidence_and_parties_that_exist(
    fresh_database: FreshDatabase, changes: dict[str, object], code: str
) -> None:
    async with fresh_database() as db:
        both = await new_partners(db)
        asked: dict[str, object] = {"shop_id": SHOP, "supplier_id": both.supplier, "evidence": "x"} | changes
        with pytest.raises(Refusal) as refused:
            await supply.propose(db, both.seller, asked_by=both.seller, stated_by="x", **asked)  # type: ignore[arg-type]
        assert refused.value.code == code
        with pytest.raises(Refusal, match=r"supply\.same_merchant"):
            await supply.propose(db, both.seller, SHOP, both.seller, asked_by=both.seller, evidence="x", stated_by="x")


async def test_both_sides_asking_at_once_make_one_relation(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        both = await new_partners(db)

        async def ask(by: int) -> str:
            try:
                await supply.propose(db, both.seller, SHOP, both.supplier, asked_by=by, evidence="HT-1", stated_by="x")
            except Refusal as refusal:
                return refusal.code
            return ""

        answers = await asyncio.gather(*(ask(by) for by in (both.seller, both.supplier) * 4))
        assert sorted(answers) == [""] + ["supply.exists"] * 7
        assert len(await supply.suppliers_of(db, both.seller)) == 1
