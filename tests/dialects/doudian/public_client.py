"""Run by test_public_client in a process of its own: what a user of the PyPI client writes, and nothing of ours."""

import json
import sys
from typing import Any

from doudian import AppType, DouDian

asked = json.loads(sys.argv[1])
client = DouDian(asked["key"], asked["secret"], app_type=AppType.TOOL)
client._gate_way = asked["url"]
if not client.init_token(asked["code"]):
    sys.exit("no token")
steps: list[tuple[str, Any]] = []


def call(path: str, params: dict[str, Any]) -> Any:
    """One call of the client, kept for the test to look at."""
    answer = client.request(path, params)
    if not answer:
        sys.exit(f"no answer to {path}")
    steps.append((path.rpartition("/")[2], answer))
    return answer["data"]


sites = call("/logistics/listShopNetsite", {"logistics_code": "yuantong"})
address = sites["netsites"][0]["sender_address"][0]
sender = {"address": {"country_code": "CHN", **address}, "contact": {"name": "示例发货仓", "phone": "0571-00000000"}}
call("/logistics/templateList", {})
receiver = {
    "address": {
        "country_code": "CHN",
        "province_name": "浙江省",
        "city_name": "杭州市",
        "district_name": "余杭区",
        "street_name": "仓前街道",
        "detail_address": "文一西路 969 号",
    },
    "contact": {"name": "示例", "mobile": "19900000000"},
}
order = {
    "order_id": asked["order"],
    "receiver_info": receiver,
    "items": [{"item_name": "杯子 <&>", "item_count": 1}],
}
take = {"sender_info": sender, "logistics_code": "yuantong", "order_infos": [order]}
number = call("/logistics/newCreateOrder", take)["ebill_infos"][0]["track_no"]
which = {"logistics_code": "yuantong", "track_no": number}
call("/logistics/waybillApply", {"waybill_applies": [which]})
call("/logistics/cancelOrder", which)
number = call("/logistics/newCreateOrder", take)["ebill_infos"][0]["track_no"]
call("/order/logisticsAdd", {"order_id": asked["order"], "logistics_code": number, "company_code": "yuantong"})
call("/logistics/trackNoRouteDetail", which | {"track_no": number})
json.dump(steps, sys.stdout)
