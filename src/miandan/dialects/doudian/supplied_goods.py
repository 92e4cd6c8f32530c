"""waybillReturn: what a supplier says went out, as a ship statement about the seller's order.

The protocol counts pieces of an order, our statements name sub-orders: pieces fill them in their order.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from miandan.accounts.supply_model import DistributedOrder, Distribution
from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.reading import carrier_named
from miandan.kernel.errors import Refusal
from miandan.outbound import service as outbound
from miandan.outbound.model import LineAsk, PackAsk, Parcel, ShipInPacks, Shipment, ShipOrder
from miandan.outbound.numbers import read_parcel, says


async def state_whole(call: Call, found: Distribution) -> Shipment:
    """All that is left of the order in one parcel. Raises doudian.field_missing, outbound.*, carrier.unknown."""
    params = call.params
    for field in ("track_no", "company_code"):
        if not params.get(field):
            raise Refusal("doudian.field_missing", field=field)
    return await outbound.ship_order(
        call.hall.shipping,
        ShipOrder(
            merchant_id=found.seller_id,
            shop_id=found.ref.shop_id,
            stated_by=call.app.app_key,
            reject_refund=params.get("is_refund_reject", False),
            order_id=found.ref.order_id,
            parcel=Parcel(carrier_named(params["company_code"]).code, params["track_no"]),
        ),
    )


async def state_packs(call: Call, order: DistributedOrder, packs: Sequence[Mapping[str, Any]]) -> list[Shipment]:
    """One statement per pack, in the order asked. Said again, what stands is answered.

    Raises outbound.*, carrier.unknown.
    """
    found = order.distribution
    history = await outbound.history_of(call.db, found.seller_id, found.ref)
    standing = [one for one in history if one.withdrawn_at is None]
    parcels = [
        read_parcel(Parcel(carrier_named(pack["company_code"]).code, pack["track_no"]), found.ref.order_id)
        for pack in packs
    ]
    known = _known(parcels, packs, standing)
    if known is not None:
        return known
    left = _left(order, standing)
    asked = [
        PackAsk(parcel, _lines(left, pack["ship_num"], order)) for parcel, pack in zip(parcels, packs, strict=True)
    ]
    ask = ShipInPacks(
        merchant_id=found.seller_id,
        shop_id=found.ref.shop_id,
        stated_by=call.app.app_key,
        reject_refund=call.params.get("is_refund_reject", False),
        order_id=found.ref.order_id,
        packs=tuple(asked),
        request_id=_request_id(found, packs, len(history) - len(standing)),
    )
    return list(await outbound.ship_in_packs(call.hall.shipping, ask))


def _known(
    parcels: Sequence[Parcel], packs: Sequence[Mapping[str, Any]], standing: Sequence[Shipment]
) -> list[Shipment] | None:
    """The statement that stands for each pack, None where a pack has none of its own."""
    rest, known = list(standing), []
    for parcel, pack in zip(parcels, packs, strict=True):
        one = next((one for one in rest if says(parcel, one) and one.pieces == pack["ship_num"]), None)
        if one is None:
            return None
        rest.remove(one)
        known.append(one)
    return known


def _left(order: DistributedOrder, standing: Sequence[Shipment]) -> dict[str, int]:
    """Pieces by sub-order that no statement names yet."""
    left: dict[str, int] = {}
    for line in order.lines:
        left[line.line_id] = left.get(line.line_id, 0) + line.quantity
    for shipment in standing:
        for shipped in shipment.lines:
            left[shipped.line_id] = left.get(shipped.line_id, 0) - shipped.quantity
    return left


def _lines(left: dict[str, int], pieces: int, order: DistributedOrder) -> tuple[LineAsk, ...]:
    """`pieces` out of `left`, which shrinks by them; what is too much stands in the last line, where it is refused."""
    lines: dict[str, int] = {}
    for line_id, rest in left.items():
        piece = min(max(rest, 0), pieces)
        if piece > 0:
            lines[line_id] = piece
            left[line_id] -= piece
            pieces -= piece
    if pieces or not lines:
        last = order.lines[-1].line_id if order.lines else ""
        lines[last] = lines.get(last, 0) + pieces
    return tuple(LineAsk(line_id, quantity) for line_id, quantity in lines.items())


def _request_id(found: Distribution, packs: Sequence[Mapping[str, Any]], withdrawn: int) -> str:
    """The same call at the same moment is one request; after a withdrawal it is another one."""
    said = repr([(pack["company_code"], pack["track_no"], pack["ship_num"]) for pack in packs])
    return f"iop/{found.distr_order_id}/{withdrawn}/{hashlib.blake2b(said.encode(), digest_size=16).hexdigest()}"
