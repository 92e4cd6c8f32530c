"""Orders of the sandbox's shop in our own store, as a marketplace puts them there."""

from datetime import datetime
from typing import Any

from miandan.hall import Hall
from miandan.kernel.clock import now
from miandan.orders import intake
from miandan.orders.model import OrderDraft, OrderLine, OrderState
from miandan.vault.model import Recipient
from tests.dialects.doudian.erp import MERCHANT, PLACE, SHOP, new_order_id, receiver


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
