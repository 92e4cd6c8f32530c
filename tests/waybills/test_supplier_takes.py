"""A supplier takes numbers for a seller's shop: on the account it lent, for the orders that it was given."""

import asyncio
from dataclasses import dataclass

import pytest

from miandan.accounts import shares, supply, supply_orders
from miandan.accounts.account_book import account_for, lent_account
from miandan.accounts.choosing import Wish
from miandan.accounts.supply_model import Distribution, StandingNumber, SupplyRelation
from miandan.carriers.catalogue import catalogue
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderLine, OrderRef
from miandan.waybills import service as waybills
from miandan.waybills.model import Outcome, ParcelAsk, Taken, TakeRequest, parcel_key
from tests.waybills.conftest import Heart
from tests.waybills.stall import SENDER, Stall, open_stall
from tests.waybills.world import SHOP, SOMEBODY


@dataclass(slots=True)
class Deal:
    """A supplier with an account lent to a seller, and the relation between them."""

    supplier: Stall
    seller: Stall
    relation: SupplyRelation
    carrier: str

    async def given(self, *order_ids: str) -> list[str]:
        """Orders of the seller, distributed; their ids."""
        keys = await self.seller.world.vault.keys_of(self.seller.merchant_id)
        line = (OrderLine("1", "杯子"),)
        await orders.keep(
            self.seller.world.db, keys, [OrderDraft(one, SHOP, SOMEBODY, line, rows=(2,)) for one in order_ids]
        )
        refs = [OrderRef(SHOP, one) for one in order_ids]
        given = await supply_orders.distribute(
            self.seller.world.db, self.seller.merchant_id, refs, self.supplier.merchant_id
        )
        return [one.distr_order_id for one in given if isinstance(one, Distribution)]

    async def take(self, distr_order_id: str, pack: str = "") -> Outcome | Refusal:
        """What iop.waybillGet does for one order."""
        db, carrier = self.supplier.world.db, catalogue().find(self.carrier).code
        async with supply_orders.taking(db, self.supplier.merchant_id, [(distr_order_id, pack)]) as claimed:
            one = claimed[distr_order_id]
            if isinstance(one, Refusal):
                return one
            chosen = await account_for(
                db, self.supplier.merchant_id, one.seller_id, one.ref.shop_id, Wish(carrier, SENDER)
            )
            ask = ParcelAsk((parcel_key(*one.ref, pack),), one.ref.bound_to, SOMEBODY, (), shop_id=one.ref.shop_id)
            request = TakeRequest(
                one.seller_id, chosen.account.account_id, chosen.ship_from.ship_from_id, (ask,), app="supplier-app"
            )
            [outcome] = await waybills.take(self.supplier.world.counter, request)
            return outcome

    async def cancel_distribution(self, distr_order_id: str) -> str:
        [answer] = await supply_orders.cancel_distribution(
            self.seller.world.db, self.seller.merchant_id, [distr_order_id]
        )
        return answer.code if isinstance(answer, Refusal) else "cancelled"


async def strike(supplier: Stall, carrier: str = "yto", units: int = 200) -> Deal:
    db = supplier.world.db
    seller = await open_stall(supplier.world)
    await merchants.open_shop(db, seller.merchant_id, SHOP, "示例店", Platform.DOUDIAN, "enterprise")
    account = await supplier.account(carrier)
    _, shared = await shares.grant(
        db,
        supplier.merchant_id,
        account.account_id,
        seller.merchant_id,
        units,
        ship_from=[await supplier.sender(account)],
    )
    seller.accounts[carrier] = shared
    asked = await supply.propose(
        db,
        seller.merchant_id,
        SHOP,
        supplier.merchant_id,
        asked_by=seller.merchant_id,
        evidence="HT-1",
        stated_by="x",
    )
    relation = await supply.accept(db, supplier.merchant_id, seller.merchant_id, asked.relation_id, by="y")
    return Deal(supplier, seller, relation, carrier)


@pytest.mark.parametrize("carrier", ["yto", "sf"], ids=["segment", "live"])
async def test_the_number_lies_with_the_seller_and_names_the_supplier_by_its_account(
    heart: Heart, carrier: str
) -> None:
    async with heart.stall() as supplier:
        deal = await strike(supplier, carrier)
        [one] = await deal.given("1")
        taken = await deal.take(one)
        assert isinstance(taken, Taken)
        assert await deal.seller.live_numbers() == {f"{SHOP}/1": taken.number}
        assert await supplier.live_numbers() == {}
        waybill = await deal.seller.waybill(taken.ref)
        assert waybill.shop_id == SHOP
        account = await lent_account(
            supplier.world.db, supplier.merchant_id, deal.seller.merchant_id, waybill.account_id
        )
        assert account.owner_id == supplier.merchant_id
        app = await supplier.world.db.fetchval("SELECT taken_by FROM waybill WHERE number = $1", taken.number)
        assert app == "supplier-app"
        seen = await supply_orders.find_distributed(supplier.world.db, supplier.merchant_id, one)
        assert seen.numbers == (StandingNumber("", waybill.ref.carrier, taken.number),)
        again = await deal.take(one)
        assert isinstance(again, Taken)
        assert again.number == taken.number
        assert await deal.cancel_distribution(one) == "supply.number_stands"


async def test_a_second_parcel_alone_keeps_its_order_from_being_taken_back(heart: Heart) -> None:
    async with heart.stall() as supplier:
        deal = await strike(supplier)
        [one] = await deal.given("1")
        first, second = await deal.take(one), await deal.take(one, "p2")
        assert isinstance(first, Taken)
        assert isinstance(second, Taken)
        assert first.number != second.number
        await deal.seller.cancel(first)
        assert await deal.cancel_distribution(one) == "supply.number_stands"
        await deal.seller.cancel(second)
        assert await deal.cancel_distribution(one) == "cancelled"


async def test_of_a_cancelled_distribution_and_a_take_at_once_exactly_one_happens(heart: Heart) -> None:
    async with heart.stall() as supplier:
        deal = await strike(supplier)
        ids = await deal.given(*map(str, range(40)))
        async with asyncio.TaskGroup() as group:
            takes = {one: group.create_task(deal.take(one)) for one in ids}
            cancels = {one: group.create_task(deal.cancel_distribution(one)) for one in reversed(ids)}
        numbers = await deal.seller.live_numbers()
        for number, one in enumerate(ids):
            taken, cancelled = takes[one].result(), cancels[one].result() == "cancelled"
            assert isinstance(taken, Taken) is not cancelled
            assert (f"{SHOP}/{number}" in numbers) is not cancelled


async def test_after_the_relation_has_ended_nothing_more_is_taken_but_a_number_can_be_cancelled(heart: Heart) -> None:
    async with heart.stall() as supplier:
        deal = await strike(supplier)
        numbered, plain = await deal.given("1", "2")
        taken = await deal.take(numbered)
        assert isinstance(taken, Taken)
        db = supplier.world.db
        _, back = await supply.end(
            db, deal.seller.merchant_id, deal.seller.merchant_id, deal.relation.relation_id, by="x"
        )
        assert back == (plain,)
        refused = await deal.take(plain)
        assert isinstance(refused, Refusal)
        assert refused.code == "supply.distribution_cancelled"
        with pytest.raises(Refusal, match=r"supply\.no_relation"):
            await deal.take(numbered, "p2")
        waybill = await deal.seller.waybill(taken.ref)
        await lent_account(db, supplier.merchant_id, deal.seller.merchant_id, waybill.account_id)
        assert await deal.seller.cancel(taken) == "cancelled"
