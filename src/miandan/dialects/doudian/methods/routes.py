"""Where a parcel is (轨迹): only of numbers that this shop took here and stated as shipped."""

from collections.abc import Sequence
from typing import Any

from miandan.access.model import Scope
from miandan.carriers.model import Carrier
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.reading import NAMESPACE, carrier_code, carrier_named
from miandan.dialects.doudian.using import waybill_of
from miandan.dialects.doudian.writing import seconds
from miandan.tracking import service as tracking
from miandan.tracking.model import Scan
from miandan.tracking.statuses import state_of


@method("logistics.trackNoRouteDetail", Scope.TRACK)
async def track_no_route_detail(call: Call) -> dict[str, Any]:
    """The nodes, oldest first, under both names: one official client reads two underscores, another one."""
    carrier = carrier_named(call.params["logistics_code"])
    number, scans = await _route(call, carrier, call.params["track_no"])
    nodes = [
        {
            "content": scan.text,
            "timestamp": str(seconds(scan.happened_at)),
            "state": state.code,
            "state_description": state.zh,
            "site_name": scan.site_name,
        }
        for scan in scans
        for state in (state_of(NAMESPACE, scan.action),)
    ]
    return {
        "route__node_list": nodes,
        "route_node_list": nodes,
        "track_info": {"track_no": number, "express": carrier_code(carrier.code)},
    }


@method("logistics.queryPackageRoute", Scope.TRACK)
async def query_package_route(call: Call) -> dict[str, Any]:
    """The same in the words of the Go SDK, which alone knows this method. Who sends and receives is not looked at."""
    carrier = carrier_named(call.params["express"])
    number, scans = await _route(call, carrier, call.params["track_no"])
    return {
        "track_no": number,
        "express": carrier_code(carrier.code),
        "track_routes": [
            {
                "content": scan.text,
                "state": state_of(NAMESPACE, scan.action).code,
                "state_time": seconds(scan.happened_at),
                "opcode": scan.raw_code,
            }
            for scan in scans
        ],
    }


async def _route(call: Call, carrier: Carrier, track_no: str) -> tuple[str, Sequence[Scan]]:
    """Raises waybill.unknown, in the same words for nobody's number and for somebody else's, and scan.not_shipped."""
    text = tracking.spelled(carrier.code, track_no)
    waybill = await waybill_of(call, call.merchant_id, call.shop_id, carrier, text)
    number = waybill.ref.number
    return number, await tracking.route_of_merchant(call.db, call.merchant_id, carrier.code, number)
