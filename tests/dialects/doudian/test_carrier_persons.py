"""What carriers say of persons: scans and reads at both doors, every answer and every table looked through."""

import json
import unicodedata
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from miandan.hall import Hall
from tests.api.conftest import CARRIER_APP as API_CARRIER
from tests.api.conftest import SHOP_APP
from tests.api.developer import Developer, client
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import order, receiver
from tests.dialects.doudian.orders import shipped_number
from tests.dialects.doudian.partners import deliver, zto
from tests.dialects.doudian.test_carrier import AT, PUSH, READ, SOON, push, reading, reveals_of, scans_of, trace


@pytest.mark.parametrize("wrong", [..., None, "", "昨天", True, {"a": 1}, ["x"], 1e300, -5, "٣" * 14, "9" * 5000])
async def test_a_trace_whose_time_cannot_be_read_loses_no_other(ground: Ground, wrong: Any) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        number = f"ZTT{uuid4().int % 10**10:010d}"
        bad = {key: value for key, value in trace(at=wrong).items() if value is not ...}
        envelope = await gateway.call(PUSH, push(number, bad, trace()))
        assert (envelope["code"], len(await scans_of(gateway, number))) == (10001, 1)
        assert "trace_msgs[0].traces[0] doudian.field_type" in envelope["sub_msg"]
        envelope = await gateway.call(PUSH, push(number, bad))
        assert (envelope["code"], "[doudian.field_type]" in envelope["sub_msg"]) == (40004, True)


async def test_neither_door_nor_any_table_names_the_recipient_that_a_carrier_names(ground: Ground) -> None:
    """Pushed at both doors, read at both doors, every table looked through."""
    who = {"name": "郑泄密", "mobile": "13822223333", "detail": "机密路 9 号 3 幢 501 室"}
    texts = (
        "快递员已联系收件人13822223333，约定明天派送",
        "小哥致电收件人 13822223333 无人接听",
        "派件员王五联系客户（13822223333）未接",
        "收件人郑泄密拒收",
        "已放至郑泄密家门口",
        "客户郑泄密 要求改派至 机密路9号",
        "门口留条：泄密，机密路 9 号",
    )
    named = {"site_name": "机密路9号郑泄密 13822223333", "city": "郑泄密"}
    async with ground.erp() as erp, zto(erp.running) as gateway:
        hall, number = erp.running.hall, await shipped_number(erp, **who)
        fields = named | {"operator_name": "郑泄密", "operator_phone": "13822223333", "signer_name": "郑泄密"}
        at = [f"{SOON + timedelta(minutes=place):%Y-%m-%d %H:%M:%S}" for place in range(len(texts))]
        traces = [trace("郑泄密", one, content=text, **fields) for one, text in zip(at, texts, strict=True)]
        await gateway.ok(PUSH, push(number, *traces))
        fields = named | {"courier": "郑泄密", "courier_phone": "13822223333", "signer": "郑泄密", "code": "郑泄密"}
        async with client(erp.running) as http:
            carrier = await Developer(http, erp.running).log_in(*API_CARRIER, carrier="zto")
            scans = [
                {"number": number, "happened_at": (AT - timedelta(minutes=place)).isoformat(), "text": text} | fields
                for place, text in enumerate(texts, 1)
            ]
            assert (await carrier.ok("POST", "/scans", {"scans": scans}))["accepted"] == len(texts)
            shop = await Developer(http, erp.running).log_in(*SHOP_APP)
            ways = {"logistics_code": "zhongtong", "track_no": number}, {"express": "zhongtong", "track_no": number}
            for _ in range(2):  # before and after the recipient was hidden
                answers = [
                    await erp.ok("logistics.trackNoRouteDetail", ways[0]),
                    await erp.ok("logistics.queryPackageRoute", ways[1]),
                    await shop.ok("GET", f"/waybills/zto/{number}/scans"),
                ]
                assert len(answers[2]["scans"]) == 2 * len(texts)
                assert hidden_in(json.dumps(answers, ensure_ascii=False)) == []
                await deliver(hall)
        assert "拒收" in str(answers[0])
        await gateway.ok(
            READ, reading(number, system_source="郑泄密 138/2222/3333", net_code="机密路9号", query_reason="x")
        )
        assert hidden_in(await dumped(hall)) == []


def hidden_in(text: str) -> list[str]:
    return [word for word in ("郑泄密", "泄密", "13822223333", "机密路") if word in text.replace(" ", "")]


async def dumped(hall: Hall) -> str:
    """Every row of every table as text."""
    tables = await hall.db.fetch(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname = 'public'"
    )
    return "\n".join([row[0] for (name,) in tables for row in await hall.db.fetch(f"SELECT t::text FROM {name} t")])


@pytest.mark.parametrize(
    "source",
    ["派件系统 13822223333 郑泄密" * 9, "\u202e<b>郑·泄密</b>\n", "１３８２２２２３３３３", "机密路 9 号 3 幢"],
)
async def test_what_a_carriers_system_calls_itself_names_nobody_in_the_audit_log(ground: Ground, source: str) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        who = receiver("郑泄密", "13822223333", "机密路 9 号 3 幢 501 室")
        number = await erp.number(order(receiver_info=who))
        await gateway.ok(READ, reading(number, system_source=source))
        actor = (await reveals_of(erp.running.hall))[0][0]
        assert hidden_in(unicodedata.normalize("NFKC", actor)) == []
        assert actor.startswith(f"{gateway.app_key}/")
        assert len(actor) < 120
        assert not set("<>\n\u202e") & set(actor)
