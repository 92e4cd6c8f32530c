"""Orders of the sandbox's shop in our own store, as a marketplace puts them there."""

from datetime import datetime
from typing import Any

from miandan.hall import Hall
from miandan.kernel.clock import now
from miandan.orders import intake
from miandan.orders.model import OrderDraft, OrderLine, OrderState
from miandan.vault.model import Recipient
from tests.dialects.doudian.erp import MERCHANT, PLACE, SHOP, Erp, new_order_id, order, receiver


def recipient(**what: Any) -> Recipient:
    """Whom `erp.receiver` names, as our store has it; the same words may replace parts of it."""
    given = receiver(**what)
    address, contact = given["address"], given["contact"]
    return Recipient(
        contact["name"],
        contact["mobile"],
        province=address["province_name"],
        city=address["city_name"],
        district=address["district_name"],
        town=address["street_name"],
        detail=address["detail_address"],
    )


async def put_order(
    hall: Hall,
    *lines: OrderLine,
    order_id: str | None = None,
    state: OrderState = OrderState.TO_SHIP,
    paid_at: datetime | None = None,
    merchant_id: int = MERCHANT,
    shop_id: str = SHOP,
    name: str = "示例收件人",
    mobile: str = "19900000000",
    detail: str = PLACE,
) -> str:
    """A paid order of one line, two cups, unless the test says otherwise; its id."""
    order_id = order_id or new_order_id()
    draft = OrderDraft(
        order_id,
        shop_id,
        recipient(name=name, mobile=mobile, detail=detail),
        lines or (OrderLine(f"{order_id}1", "保温杯", "500ml", quantity=2, paid_fen=5980),),
        state,
        paid_at=paid_at or now(),
        created_at=paid_at or now(),
    )
    await intake.put_order(hall.db, await hall.vault.keys_of(merchant_id), draft, 1)
    return order_id


async def number_for(erp: Erp, *order_ids: str, carrier: str = "yuantong", **what: Any) -> str:
    """A number taken for orders of ours."""
    asked = {**order(order_ids[0]), "combine_orders": list(order_ids[1:]), "receiver_info": receiver(**what)}
    return await erp.number(asked, carrier=carrier, order_channel="")


def add(order_id: str, number: str, **more: Any) -> dict[str, Any]:
    """The business JSON of logisticsAdd."""
    return {"order_id": order_id, "logistics_code": number, "company_code": "yuantong"} | more


async def ship(erp: Erp, order_id: str, number: str, carrier: str = "zhongtong") -> None:
    """State that the order went out whole under this number."""
    await erp.ok("order.logisticsAdd", add(order_id, number, company_code=carrier))


async def shipped_number(erp: Erp, carrier: str = "zhongtong", **what: Any) -> str:
    """A number taken for a new order of ours and stated as shipped."""
    order_id = await put_order(erp.running.hall, **what)
    number = await number_for(erp, order_id, carrier=carrier, **what)
    await ship(erp, order_id, number, carrier)
    return number
