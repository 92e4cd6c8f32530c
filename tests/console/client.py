"""Run by test_authorise in a process of its own: the PyPI client trades a code for a token, and nothing of ours."""

import json
import sys

from doudian import AppType, DouDian

asked = json.loads(sys.argv[1])
client = DouDian(asked["key"], asked["secret"], app_type=AppType.TOOL)
client._gate_way = asked["url"]
if not client.init_token(asked["code"]):
    sys.exit("no token")
answer = client.request("/logistics/listShopNetsite", {"logistics_code": "yuantong"})
json.dump(answer, sys.stdout)
