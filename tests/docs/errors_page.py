"""docs/errors.md, made from every errors.toml: `python -m tests.docs.errors_page --write`, or without it to look.

The page lists what a user can be told, in both languages, so that a message can be looked up without the program.
"""

import sys
import tomllib

from miandan.kernel.errors import Cause, ErrorEntry, Turn, catalogue
from tests.docs.raised import ROOT, SOURCE

PAGE = ROOT / "docs" / "errors.md"

ROOMS = {
    "kernel": "设置、数据库 / Settings and database",
    "access": "应用、令牌、授权 / Apps, tokens, authorisations",
    "carriers": "快递公司 / Carriers",
    "vault": "收件人保险库 / Vault",
    "labels": "面单纸 / Labels",
    "merchants": "商家、店铺 / Merchants and shops",
    "branches": "网点、号池、库存 / Branches, pools, stock",
    "orders": "订单文件 / Orders",
    "connectors": "快递公司接口 / Connectors",
    "accounts": "网点账号、单量、共享 / Accounts, units, shares",
    "waybills": "取号、取消、换单 / Taking, cancelling, retaking",
    "tracking": "轨迹 / Scans",
    "printing": "打印 / Printing",
    "link": "打印端入口 / The agents' door",
    "agent": "打印端 / Print agent",
    "outbound": "发货 / Shipping",
    "api": "原生接口 / Native API",
    "dialects": "其它平台的接口 / Interfaces of other platforms",
    "console": "网页 / Pages",
    "server": "服务 / Server",
    "cli": "命令 / Commands",
}
TURNS = {
    Turn.MERCHANT: "商家 merchant",
    Turn.BRANCH: "网点 branch",
    Turn.CARRIER: "快递公司 carrier",
    Turn.PLATFORM: "平台 platform",
}
CAUSES = {
    Cause.ACCOUNT: "账号",
    Cause.BALANCE: "单量",
    Cause.ADDRESS: "地址",
    Cause.AREA: "区域",
    Cause.ORDER: "订单",
    Cause.CARRIER: "快递公司",
    Cause.THROTTLED: "限流",
    Cause.DATA: "数据",
    Cause.POLICY: "规则",
    Cause.SYSTEM: "系统",
}

_HEAD = """\
# 错误代码 / Error codes

报告和屏幕上的 `[代码]` 在这里都能查到：哪里不对、下一步做什么、该谁处理、能否直接重试。
`{花括号}` 处在实际提示中是具体内容。
“可重试 是”：原样再做一次没有风险，也可能就成功；“否”：先照“下一步”处理，原样重试还是同样的结果。
订单的提示不一定是拒绝：有些只是提醒，照样取号；代码与状态同名的（如 `orders.closed`）说明后台本来就不发货。

Every `[code]` of a report or a screen: what is wrong, what to do next, whose turn it is, whether a retry is safe.
`{Braces}` stand for what the message names. "Retry: yes" means that doing the same again does no harm and may succeed;
"no" that the next step comes first. Some of the `orders.` codes are warnings: the order ships all the same.

This page is made from `src/miandan/*/errors.toml` by `python -m tests.docs.errors_page --write`; a test compares them.
"""
_TABLE = """
| 代码 / code | 中文 | English | 该谁处理 / turn | 类别 / cause | 可重试 / retry |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page. Raises KeyError for a room, turn or cause that has no words above."""
    parts = [_HEAD]
    for room, title in ROOMS.items():
        entries = _entries(room)
        if entries:
            parts += [f"\n## {title}\n", _TABLE, *map(_row, entries)]
    return "".join(parts)


def rooms_with_errors() -> set[str]:
    """The rooms that bring texts of their own."""
    return {file.parent.name for file in SOURCE.glob("*/errors.toml")}


def _entries(room: str) -> list[ErrorEntry]:
    """A room's entries in the order of its file."""
    file = SOURCE / room / "errors.toml"
    if not file.exists():
        return []
    return [catalogue()[row["code"]] for row in tomllib.loads(file.read_text(encoding="utf-8"))["error"]]


def _row(entry: ErrorEntry) -> str:
    cells = (
        f"`{entry.code}`",
        f"{entry.zh}<br>**下一步** {entry.next_zh}",
        f"{entry.en}<br>**Next** {entry.next_en}",
        TURNS[entry.turn],
        f"{CAUSES[entry.cause]} {entry.cause.value}",
        "是 yes" if entry.retry_safe else "否 no",
    )
    return f"| {' | '.join(_plain(cell) for cell in cells)} |\n"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("{{", "{").replace("}}", "}")


def main(arguments: list[str]) -> int:
    """Write the page with --write; else 1 when the file is not up to date."""
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
