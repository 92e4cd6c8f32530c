"""Many callers at once over real HTTP: one order has one number and costs one unit, by whatever door."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from miandan.access import service as access
from miandan.access.model import AppKind, Registration, shop
from miandan.access.scopes import scopes_for
from miandan.accounts import service as accounts
from miandan.accounts.choosing import Wish
from miandan.accounts.model import Sender
from miandan.hall import Hall
from miandan.kernel.database import Database
from miandan.server.house import open_hall
from miandan.waybills.for_orders import OrderParcel, OrdersTake, take_for_orders
from miandan.waybills.model import Taken
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SENDER, SHOP, Erp, new_order_id, order, take
from tests.dialects.doudian.orders import recipient
from tests.sandboxes import check_kept

CARRIER, CODE = "yto", "yuantong"
AT_ONCE = 32
TAKE = "logistics.newCreateOrder"

_WAYBILLS = "SELECT order_ref, number, number_state FROM waybill WHERE merchant_id = $1 AND order_ref = ANY($2)"
_LAST_MINUTES = "UPDATE app_tokens SET access_until = now() + interval '10 minutes' WHERE app_key = $1"


async def together(jobs: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Everything at once, as many as a busy print tool keeps open."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Coroutine[Any, Any, Any]) -> Any:
        async with gate:
            return await job

    return await asyncio.gather(*map(one, jobs))


async def waybills_of(db: Database, order_ids: list[str]) -> list[tuple[str, str, str]]:
    """Order, number and state of every number that these orders ever had."""
    rows = await db.fetch(_WAYBILLS, MERCHANT, [f"{SHOP}/{order_id}" for order_id in order_ids])
    return [(row["order_ref"].partition("/")[2], row["number"], row["number_state"]) for row in rows]


async def spent(db: Database) -> int:
    """Units of the merchant with the carrier that stand for a number, live or cancelled."""
    [account] = [one for one in await accounts.accounts_of(db, MERCHANT) if one.carrier == CARRIER]
    balance = await accounts.balance(db, MERCHANT, account.account_id)
    assert balance.adds_up
    return balance.allocated + balance.waiting


async def _one_order_asked_for(ground: Ground, times: int) -> None:
    async with ground.erp() as erp:
        db, order_id = erp.running.hall.db, new_order_id()
        before = await spent(db)
        asked = take(order(order_id), carrier=CODE)
        answers = await together([erp.ok(TAKE, asked) for _ in range(times)])
        assert len({answer["ebill_infos"][0]["track_no"] for answer in answers}) == 1
        assert not any(answer["err_infos"] for answer in answers)
        assert len(await waybills_of(db, [order_id])) == 1
        assert await spent(db) == before + 1


async def test_a_thousand_retries_of_one_order_at_once_give_one_number_and_cost_one_unit(ground: Ground) -> None:
    await _one_order_asked_for(ground, 1_000)


@pytest.mark.prove
async def test_ten_thousand_retries_of_one_order_at_once_give_one_number_and_cost_one_unit(ground: Ground) -> None:
    await _one_order_asked_for(ground, 10_000)


Door = Callable[[str], Awaitable[str]]
"""Takes the number of an order."""


@dataclass(frozen=True, slots=True)
class Street:
    """One house with its doors, and a second house of the same database beside it."""

    erp: Erp
    beside: httpx.AsyncClient
    neighbour: Hall

    @property
    def doors(self) -> list[Door]:
        return [self.by_body, self.by_query, self.by_form_alone, self.by_multipart, self.by_neighbour]

    def _asked(self, order_id: str) -> tuple[dict[str, str], str]:
        text = json.dumps(take(order(order_id), carrier=CODE))
        return self.erp.common(TAKE, text), text

    async def by_body(self, order_id: str) -> str:
        return await self.erp.number(order(order_id), carrier=CODE)

    async def by_query(self, order_id: str) -> str:
        common, text = self._asked(order_id)
        return _number(
            await self.erp.http.get("/doudian/logistics/newCreateOrder", params=common | {"param_json": text})
        )

    async def by_form_alone(self, order_id: str) -> str:
        common, text = self._asked(order_id)
        return _number(await self.beside.post("/logistics/newCreateOrder", data=common | {"param_json": text}))

    async def by_multipart(self, order_id: str) -> str:
        common, text = self._asked(order_id)
        parts = {"param_json": (None, text)}
        return _number(await self.erp.http.post("/doudian/logistics/newCreateOrder", params=common, files=parts))

    async def by_neighbour(self, order_id: str) -> str:
        """The native service in another program's hall, with a lease of its own."""
        address = SENDER["address"]
        sender = Sender(
            "示例发货仓",
            "0571-00000000",
            address["province_name"],
            address["city_name"],
            address["district_name"],
            address["detail_address"],
        )
        wish = Wish(CARRIER, sender, "", "", "")
        chosen = await self.neighbour.accounts.account_for(MERCHANT, MERCHANT, SHOP, wish)
        parcel = OrderParcel(SHOP, (order_id,), "", recipient(), (), outside=True)
        where = chosen.account.account_id, chosen.ship_from.ship_from_id
        asked = OrdersTake(MERCHANT, *where, (parcel,), accept_differences=True)
        [served] = await take_for_orders(self.neighbour.counter, asked)
        assert isinstance(served.outcome, Taken), served.outcome
        return served.outcome.number

    async def cancel(self, order_id: str) -> None:
        """Cancel whatever number the order has by now; it may be cancelled already."""
        number = await self.by_body(order_id)
        data = await self.erp.ok("logistics.cancelOrder", {"logistics_code": CODE, "track_no": number})
        assert data["cancel_result"]["success"] is True


def _number(answer: httpx.Response) -> str:
    envelope = answer.json()
    assert envelope["code"] == 10000, envelope
    return str(envelope["data"]["ebill_infos"][0]["track_no"])


@asynccontextmanager
async def street(ground: Ground) -> AsyncIterator[Street]:
    async with (
        ground.erp() as erp,
        httpx.AsyncClient(base_url=erp.running.alone, timeout=60, trust_env=False) as beside,
        open_hall(ground.settings) as neighbour,
    ):
        yield Street(erp, beside, neighbour)


async def test_two_hundred_orders_at_five_doors_among_cancels_have_one_live_number_each(ground: Ground) -> None:
    luck = random.Random(4)
    async with street(ground) as doors:
        db = doors.erp.running.hall.db
        orders = [new_order_id() for _ in range(200)]
        cancelled = set(luck.sample(orders, 60))
        before = await spent(db)
        told: list[tuple[str, str]] = []

        async def ask(door: Door, order_id: str) -> None:
            told.append((order_id, await door(order_id)))

        jobs = [ask(door, order_id) for order_id in orders for door in doors.doors]
        jobs += [doors.cancel(order_id) for order_id in cancelled]
        luck.shuffle(jobs)
        await together(jobs)

        made = await waybills_of(db, orders)
        owner = {number: order_id for order_id, number, _ in made}
        assert len(owner) == len(made), "no number was given twice"
        assert all(owner[number] == order_id for order_id, number in told)
        live = Counter(order_id for order_id, _, state in made if state == "issued")
        ever = Counter(order_id for order_id, _, _ in made)
        assert max(live.values()) == 1
        assert all((live[one], ever[one]) == (1, 1) for one in orders if one not in cancelled)
        assert all(live[one] == ever[one] - 1 and ever[one] in (1, 2) for one in cancelled)
        assert await spent(db) == before + len(made)
        await check_kept(ground.settings)


async def test_a_token_that_is_refreshed_by_many_at_once_never_stops_working(ground: Ground) -> None:
    async with ground.serving() as running:
        form = Registration(
            "刷新", AppKind.SELF_USE, scopes_for("shop"), (shop(MERCHANT, SHOP),), calls_per_second=10_000
        )
        app, secret = await access.register_app(running.hall.db, running.hall.root, form)
        async with Erp.at(running, app_key=app.app_key, secret=secret) as erp:
            old = await erp.ok("token.create", {"code": "", "grant_type": "authorization_self"})
            await running.hall.db.execute(_LAST_MINUTES, app.app_key)
            erp.token = old["access_token"]
            refresh = {"refresh_token": old["refresh_token"], "grant_type": "refresh_token"}
            pairs: list[dict[str, Any]] = []

            async def renew() -> None:
                envelope = await erp.call("token.refresh", refresh)
                if envelope["code"] == 10000:
                    pairs.append(envelope["data"])
                else:
                    assert envelope["sub_code"] == "isv.business-failed:31012", envelope

            async def work() -> None:
                await erp.ok("logistics.listShopNetsite", {"logistics_code": CODE})

            jobs = [renew() if place % 5 == 0 else work() for place in range(500)]
            await together(jobs)
            [(new_access, new_refresh)] = {(pair["access_token"], pair["refresh_token"]) for pair in pairs}
            assert new_access != old["access_token"]
            await work()
            erp.token = new_access
            await work()
            again = await erp.ok("token.refresh", refresh | {"refresh_token": new_refresh})
            assert again["access_token"] == new_access
