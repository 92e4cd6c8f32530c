"""Others at the door beside the sandbox's shop: a seller whom it supplies, and carriers' gateways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from miandan.access import service as access
from miandan.access.model import AppKind, Registration, Subject
from miandan.access.model import carrier as carrier_subject
from miandan.access.model import shop as shop_subject
from miandan.access.scopes import scopes_for
from miandan.accounts import service as accounts
from miandan.accounts import shares, supply
from miandan.accounts.model import Account, Balance
from miandan.accounts.supply_model import SupplyRelation
from miandan.hall import Hall
from miandan.kernel import outbox
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from miandan.orders.model import OrderLine
from miandan.server.jobs import handlers
from tests.dialects.doudian.erp import MERCHANT, SENDER, Erp
from tests.dialects.doudian.orders import put_order
from tests.served import Served

CARRIER_APP = {"app_key": "7000000000000000002", "secret": "example-secret-0002"}
_shops = count(1)


async def deliver(hall: Hall) -> None:
    """Hand over what waits between rooms; the running server does the same, so some of it may be done already."""
    while await hall.db.fetchval("SELECT count(*) FROM outbox WHERE done_at IS NULL AND topic LIKE 'tracking.%'"):
        await outbox.deliver(hall.db, handlers(hall, lambda _alarm: None))


@asynccontextmanager
async def zto(running: Served) -> AsyncIterator[Erp]:
    """ZTO's gateway of the sandbox, logged in."""
    async with Erp.at(running, **CARRIER_APP) as gateway:
        await gateway.log_in(auth_subject_type="WuLiuShang")
        yield gateway


@asynccontextmanager
async def app_of(running: Served, subject: Subject, name: str) -> AsyncIterator[Erp]:
    """A self-use app of a shop or carrier, logged in."""
    form = Registration(name, AppKind.SELF_USE, scopes_for(subject.kind), (subject,), calls_per_second=10_000)
    app, secret = await access.register_app(running.hall.db, running.hall.root, form)
    async with Erp.at(running, app_key=app.app_key, secret=secret) as erp:
        await erp.log_in(**({"auth_subject_type": "WuLiuShang"} if subject.carrier else {}))
        yield erp


def other_carrier(running: Served, code: str) -> Any:
    """A gateway of another carrier, logged in."""
    return app_of(running, carrier_subject(code), f"示例 {code} 网关")


@asynccontextmanager
async def sister_shop(running: Served) -> AsyncIterator[Erp]:
    """The software of another shop of the sandbox's merchant."""
    shop_id = f"S92{next(_shops):05d}"
    await merchants.open_shop(running.hall.db, MERCHANT, shop_id, "示例二店", Platform.DOUDIAN, "flagship")
    async with app_of(running, shop_subject(MERCHANT, shop_id), "示例二店软件") as erp:
        yield erp


@dataclass(slots=True)
class Pair:
    """The sandbox's shop as supplier, a new merchant as seller; `grant` lends the supplier's YTO account."""

    supplier: Erp
    seller: Erp
    seller_id: int
    shop: str
    relation: SupplyRelation | None = None
    grant: UUID | None = None
    account: Account | None = None

    @property
    def hall(self) -> Hall:
        return self.supplier.running.hall

    async def relate(self) -> None:
        """The supplier asks, the seller accepts."""
        db = self.hall.db
        asked = await supply.propose(
            db, self.seller_id, self.shop, MERCHANT, asked_by=MERCHANT, evidence="HT-2026-001", stated_by="clerk-1"
        )
        self.relation = await supply.accept(db, self.seller_id, self.seller_id, asked.relation_id, by="clerk-2")
        self.hall.accounts.forget()

    async def lend(self, units: int = 50) -> None:
        db = self.hall.db
        [owned] = [one for one in await accounts.accounts_of(db, MERCHANT, "yto") if not one.shared]
        here = [row.ship_from_id for row in await accounts.ship_from_of(db, MERCHANT, owned.account_id)]
        share, self.account = await shares.grant(db, MERCHANT, owned.account_id, self.seller_id, units, ship_from=here)
        self.grant = share.grant_id
        self.hall.accounts.forget()

    async def end(self) -> None:
        assert self.relation is not None
        await supply.end(self.hall.db, MERCHANT, self.seller_id, self.relation.relation_id, by="clerk-1")
        self.hall.accounts.forget()

    async def revoke(self) -> None:
        assert self.grant is not None
        await shares.revoke(self.hall.db, MERCHANT, self.grant)
        self.hall.accounts.forget()

    async def order(self, *lines: OrderLine, **more: Any) -> str:
        """A paid order of the seller's shop in our store."""
        return await put_order(self.hall, *lines, merchant_id=self.seller_id, shop_id=self.shop, **more)

    async def given(self, *order_ids: str) -> list[str]:
        """The seller's app gives these orders to the supplier; their new ids."""
        asked = {"supplier_id": str(MERCHANT), "order_ids": list(order_ids)}
        data = await self.seller.ok("iop.sellerDistribute", asked)
        assert not data["err_infos"], data
        return [one["distr_order_id"] for one in data["distr_order_list"]]

    async def new(self) -> str:
        """A fresh order, given away."""
        [distr_order_id] = await self.given(await self.order())
        return distr_order_id

    def asks(self, *distr_order_ids: str, user_id: str = "", **more: Any) -> dict[str, Any]:
        """The business JSON of iop.waybillGet."""
        infos = [
            {
                "distr_order_id": one,
                "items": [{"item_name": "保温杯", "item_specs": "500ml", "item_count": 2}],
            }
            | more
            for one in distr_order_ids
        ]
        trade = {"user_id": user_id or self.shop, "company_code": "yuantong", "order_infos": infos}
        return {"sender": camel_sender(), "trade_order_list": [trade]}

    async def take(self, *distr_order_ids: str, **more: Any) -> dict[str, Any]:
        data: dict[str, Any] = await self.supplier.ok("iop.waybillGet", self.asks(*distr_order_ids, **more))
        return data

    async def number(self, distr_order_id: str, **more: Any) -> str:
        data = await self.take(distr_order_id, **more)
        assert not data["err_infos"], data
        return str(data["ebill_infos"][0]["track_no"])

    async def balance(self) -> Balance:
        """Of the lent account, at the seller."""
        assert self.account is not None
        return await accounts.balance(self.hall.db, self.seller_id, self.account.account_id)


def camel_sender() -> dict[str, Any]:
    """The sandbox's sender as this method writes it."""
    address = SENDER["address"]
    return {
        "contact": SENDER["contact"],
        "address": {
            "countryCode": "CHN",
            "provinceName": address["province_name"],
            "cityName": address["city_name"],
            "districtName": address["district_name"],
            "detailAddress": address["detail_address"],
        },
    }


@asynccontextmanager
async def strangers(supplier: Erp) -> AsyncIterator[Pair]:
    """Supplier and seller with nothing between them yet."""
    db = supplier.running.hall.db
    seller = await merchants.register_merchant(db, "示例卖家", "enterprise")
    shop = f"S91{next(_shops):05d}"
    await merchants.open_shop(db, seller.merchant_id, shop, "示例卖家店", Platform.DOUDIAN, "enterprise")
    async with app_of(supplier.running, shop_subject(seller.merchant_id, shop), "示例卖家软件") as erp:
        yield Pair(supplier, erp, seller.merchant_id, shop)


@asynccontextmanager
async def seller_without_shop(supplier: Erp) -> AsyncIterator[Pair]:
    """A merchant that has no shop, related to the supplier; it lends nothing."""
    seller = await merchants.register_merchant(supplier.running.hall.db, "示例无店卖家", "enterprise")
    async with app_of(supplier.running, shop_subject(seller.merchant_id), "示例无店软件") as erp:
        pair = Pair(supplier, erp, seller.merchant_id, "")
        await pair.relate()
        yield pair


@asynccontextmanager
async def partners(ground: Any) -> AsyncIterator[Pair]:
    """A relation and a lent account stand between them."""
    async with ground.erp() as supplier, strangers(supplier) as pair:
        await pair.relate()
        await pair.lend()
        yield pair
