"""The public client `doudian` 0.6 from PyPI, unmodified, goes the whole way: token to track."""

import asyncio
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from miandan.access import service as access
from miandan.access import tokens
from miandan.access.model import AppKind, Registration, shop
from miandan.access.scopes import scopes_for
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SHOP
from tests.dialects.doudian.orders import put_order

PROGRAM = Path(__file__).with_name("public_client.py")


async def test_the_public_client_ships_a_parcel_from_token_to_track(ground: Ground) -> None:
    assert version("doudian") == "0.6"
    async with ground.serving() as running:
        db, root = running.hall.db, running.hall.root
        form = Registration("公开客户端", AppKind.TOOL, scopes_for("shop"))
        app, secret = await access.register_app(db, root, form)
        code = await tokens.authorise(db, app.app_key, shop(MERCHANT, SHOP), app.scopes)
        order_id = await put_order(running.hall)
        asked = {"url": f"{running.url}/doudian", "key": app.app_key, "secret": secret, "code": code, "order": order_id}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, str(PROGRAM), json.dumps(asked)],
            capture_output=True,
            text=True,
            timeout=120,
            env={"TZ": "Asia/Shanghai", "PATH": "", "PYTHONIOENCODING": "utf-8"},  # it writes local time as Beijing's
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    steps = json.loads(done.stdout)
    assert [(name, answer["code"]) for name, answer in steps] == [
        ("listShopNetsite", 10000),
        ("templateList", 10000),
        ("newCreateOrder", 10000),
        ("waybillApply", 10000),
        ("cancelOrder", 10000),
        ("newCreateOrder", 10000),
        ("logisticsAdd", 10000),
        ("trackNoRouteDetail", 10000),
    ]
    answers = dict(steps)
    assert answers["waybillApply"]["data"]["waybill_infos"][0]["print_data"]
    assert answers["cancelOrder"]["data"]["cancel_result"]["success"] is True
    assert answers["trackNoRouteDetail"]["data"]["track_info"]["express"] == "yuantong"
