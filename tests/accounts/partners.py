"""A seller, a supplier and what is between them: a relation, a lent account, orders of the seller's shop."""

import os
from dataclasses import dataclass

from miandan.accounts import supply, supply_queries
from miandan.accounts.supply_model import SupplyRelation, not_active
from miandan.kernel.database import Database
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderLine, OrderRef
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient

SHOP = "S88"
BUYER = Recipient("魏小满", "19000004411", "", "浙江省", "杭州市", "西湖区", "", "虚构路 7 号 301 室", "330106")


@dataclass(frozen=True, slots=True)
class Partners:
    """A seller with one shop, and a supplier."""

    db: Database
    seller: int
    supplier: int

    async def relation(self, shop_id: str = SHOP, *, active: bool = True) -> SupplyRelation:
        asked = await supply.propose(
            self.db,
            self.seller,
            shop_id,
            self.supplier,
            asked_by=self.seller,
            evidence="HT-2025-001",
            stated_by="clerk-1",
        )
        if not active:
            return asked
        return await supply.accept(self.db, self.supplier, self.seller, asked.relation_id, by="clerk-2")

    async def active_relation(self) -> SupplyRelation:
        """Raises what a take for the shop hears while there is none."""
        relation = await supply_queries.last_relation(self.db, self.seller, SHOP, self.supplier)
        if (refusal := not_active(relation, SHOP)) is not None:
            raise refusal
        assert relation is not None
        return relation

    async def orders(self, *order_ids: str) -> list[OrderRef]:
        """Orders of the seller's shop that are to be shipped."""
        keys = MerchantKeys(self.seller, {1: os.urandom(32)}, {1: os.urandom(32)})
        drafts = [
            OrderDraft(one, SHOP, BUYER, (OrderLine("1", "垫子", "粉", "DZ", 2, 1999),), rows=(2,)) for one in order_ids
        ]
        await orders.keep(self.db, keys, drafts)
        return [OrderRef(SHOP, one) for one in order_ids]


async def new_partners(db: Database, seller: int | None = None) -> Partners:
    """With `seller` an existing merchant sells; else it is a new one with the shop."""
    if seller is None:
        seller = (await merchants.register_merchant(db, "示例卖家", "enterprise")).merchant_id
        await merchants.open_shop(db, seller, SHOP, "示例店", Platform.DOUDIAN, "enterprise")
    supplier = await merchants.register_merchant(db, "示例代发厂", "enterprise")
    return Partners(db, seller, supplier.merchant_id)
