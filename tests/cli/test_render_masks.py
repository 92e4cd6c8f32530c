"""Whatever the format, what is rendered of a plain record is byte for byte what is rendered of the masked one."""

import json
from pathlib import Path

import pytest

from miandan.labels.rendering import Format
from tests.cli.clerk import Clerk
from tests.labels import judges

ROOM = "浙江省杭州市余杭区示例路1号春江花园12号楼"
PLAIN = {
    "number": "73100000000017",
    "recipient_name": "欧阳示例 ",
    "recipient_phone": "13900001111",
    "recipient_address": ROOM + "3单元501室",
    "sender_name": "寄件示例",
    "sender_phone": "0571-88001234",
    "sender_address": "上海市浦东新区示例路9号楼2单元301室",
    "goods_lines": [{"title": "贺卡（欧阳示例收）", "note": "打13900001111"}],
    "remark": "送到" + ROOM + "3单元501室，欧阳示例",
    "services": ["电联 13900001111"],
    "custom": {"to": ROOM + "3单元501室 欧阳示例收"},
}
MASKED = {
    "number": "73100000000017",
    "recipient_name": "欧**",
    "recipient_phone": "1******1111",
    "recipient_address": ROOM + "***",
    "sender_name": "寄**",
    "sender_phone": "0571-******34",
    "sender_address": "上海市浦东新区示例路9号楼***",
    "goods_lines": [{"title": "贺卡（欧**收）", "note": "打***********"}],
    "remark": "送到" + ROOM + "***，欧**",
    "services": ["电联 ***********"],
    "custom": {"to": ROOM + "*** 欧**收"},
}
TEMPLATE = {
    "name": "all",
    "version": 1,
    "width": 76_000,
    "height": 130_000,
    "nodes": [
        {
            "type": "text",
            "box": {"x": 1_000, "y": 1_000 + 12_000 * place, "w": 74_000, "h": 11_000},
            "size": 3_000,
            "lines": 3,
            "value": [{"of": "field", "path": path}],
        }
        for place, path in enumerate(
            ("recipient_name", "recipient_phone", "recipient_address", "sender_address", "goods", "remark", "custom.to")
        )
    ]
    + [
        {
            "type": "table",
            "box": {"x": 1_000, "y": 90_000, "w": 74_000, "h": 30_000},
            "row_height": 6_000,
            "size": 3_000,
            "columns": [
                {"w": 40_000, "value": [{"of": "field", "path": "title"}]},
                {"w": 34_000, "value": [{"of": "field", "path": "note"}]},
            ],
        }
    ],
}


@pytest.fixture
def designer(tmp_path: Path) -> Clerk:
    (tmp_path / "all.json").write_text(json.dumps(TEMPLATE), encoding="utf-8")
    for name, record in (("plain", PLAIN), ("masked", MASKED)):
        (tmp_path / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    return Clerk(tmp_path, {"MIANDAN_DATA": str(tmp_path / "data"), "MIANDAN_DATABASE_URL": ""})


@pytest.mark.parametrize("template", ["all.json", "zto-100x180"])
@pytest.mark.parametrize("to", [one.value for one in Format])
def test_a_plain_record_gives_what_a_masked_one_gives(designer: Clerk, to: str, template: str) -> None:
    made = {}
    for name in ("plain", "masked"):
        out = f"{name}.{to}"
        done = designer.run("render", "--data", f"{name}.json", "--to", to, "--template", template, "--out", out)
        assert done.code == 0, done.err
        made[name] = (designer.folder / out).read_bytes()
    assert made["plain"] == made["masked"]


def test_the_full_label_is_another_one(designer: Clerk) -> None:
    full = ("--purpose", "print_full", "--template", "all.json", "--out", "full.pdf")
    assert designer.run("render", "--data", "plain.json", *full).code == 0
    [page] = judges.texts(designer.folder / "full.pdf")
    for text in ("欧阳示例", "13900001111", "501室", "301室"):
        assert text in page
