"""docs/standard-templates.md, made from the templates: `python -m tests.labels.gallery --write`, or without it to look.

The pictures are the golden ones that the tests compare.
"""

import sys
import tomllib
from pathlib import Path

import miandan.carriers
import miandan.labels
from miandan.carriers.catalogue import catalogue
from miandan.labels.standards import NEUTRAL, standard
from miandan.labels.template import Barcode, Field, Table, Template, Text
from tests.docs.raised import ROOT
from tests.labels import leaves

PAGE = ROOT / "docs" / "standard-templates.md"

_GOLDEN = "../tests/labels/golden/standards"
_HEAD = """\
# 标准模板 / Standard templates

每家快递公司、每种在用纸张一张标准模板。平台外观中性，不用任何公司的标志；快递公司自己的字段都在它的位置上。
标准区锁定，商家只在自定义区（图中下方空白处）放自己的内容，写法见[面单纸](labels.md)。没有自己模板的快递公司和纸张
使用 `neutral-…`。

One standard template for every carrier on every paper in use, neutral in look, without anybody's logo; each carrier's
own fields stand in their place. The standard area is locked; a merchant's nodes go into the custom area, the blank
part in the pictures ([how](labels.md)). Carriers and papers without a template of their own take `neutral-...`.

图中的姓名、地址、单号都是虚构的，按 203 dpi 打印机的点绘制。来源与可信度见[快递公司资料](carriers.md)：
`memory` 只凭记忆，`inferred` 为推断，`own` 为我们自己的设计。
Names, addresses and numbers are invented; a picture's dots are those of a 203 dpi printer. Sources and confidence as
in [carriers as dated data](carriers.md): `memory` is recalled only, `inferred` concluded, `own` our own design.

本页由 `python -m tests.labels.gallery --write` 生成，测试会比对。
This page is made by that command; a test compares it with the templates.
"""
_PAPERS = """
## 快递公司、纸张、版式 / Carriers, papers, layouts

第一行是该公司的常用纸张。纸张与自定义区以毫米计（宽 x 高）。最后一列是纸张尺寸的可信度。
The first paper of a carrier is its usual one. Paper and custom area in millimetres (width x height); the last column
is the confidence of the paper's size.

| 模板 / template | 快递公司 / carrier | 纸张 / paper | 版式 / layout | 自定义区 / custom | 来源 / source | 可信度 |
|---|---|---|---|---|---|---|
"""
_FIELDS = """
## 各家的字段 / What a family shows besides

所有标准模板都有：快递公司（中英文）、产品、单号与两处 Code 128、收件人、寄件人、服务、送货上门、代收货款、保价、
签单返还及其单号、母单号与子件序号、内件、备注、已验视、打印时间、序号、示例与补打标记；第二份起另有小的
Data Matrix（单号#份数）。
Every standard template has: carrier in both languages, product, number and two Code 128, recipient, sender, services,
home delivery, cash on delivery, insured value, return receipt with its number, parent number and piece, goods, remark,
the inspection mark, print time, position, marks of sandbox and copy, and from copy 2 on a small Data Matrix
(number#copy).

| 类 / family | 快递公司 / carriers | 另有 / besides |
|---|---|---|
"""
_WORDS = {
    "sort_code": "三段码或路由标签 sort code or route label",
    "bag_centre": "集包地 bag centre",
    "big_mark": "大头笔、寄达 big mark",
    "site": "末端网点、站点 delivering branch",
    "product_mark": "产品标识 product mark",
    "coding_map": "映射码 coding map",
    "print_icons": "图标文字 print icons",
    "origin_code": "原寄地 origin",
    "source_cross": "始发道口号 source cross",
    "source_tabletrolley": "始发笼车号 source trolley",
    "target_cross": "目的道口号 target cross",
    "target_tabletrolley": "目的笼车号 target trolley",
    "road_code": "路区 road",
}

_LAYOUTS = """
版式另有的内容。What a layout shows besides:

| 版式 / layout | 另有 / besides |
|---|---|
"""
_MORE_WORDS = {
    "goods_lines": "商品表 goods table",
    "goods_count": "件数 count of goods",
    "weight_g": "重量 weight",
    "shop": "店铺 shop",
    "order_ids": "订单号 order ids",
    "ordered_at": "下单时间 order time",
    "sheet": "第几张 sheet",
}


def page() -> str:
    """The whole page."""
    return "".join([_HEAD, _PAPERS, *map(_paper, rows()), _FIELDS, *_families(), _LAYOUTS, *_layouts(), *_pictures()])


def rows() -> list[dict[str, str]]:
    """The rows of standards.toml."""
    file = Path(miandan.labels.__file__).parent / "templates" / "standards.toml"
    found: list[dict[str, str]] = tomllib.loads(file.read_text(encoding="utf-8"))["template"]
    return found


def name_of(row: dict[str, str]) -> str:
    """What the template of a row is called."""
    return "-".join(filter(None, (row["carrier"], row["paper"], row.get("variant", ""))))


def one_of_each_kind() -> list[str]:
    """A template of every layout and family; the others differ from these in the paper's length at most."""
    kinds = {(row["layout"], row["family"]): name_of(row) for row in reversed(rows())}
    return sorted(kinds.values())


def fields_of(template: Template) -> set[str]:
    """The fields of the label's data that a template shows."""
    nodes = leaves.leaves(template)
    said = [node for node in nodes if isinstance(node, Text | Barcode)]
    tables = {"goods_lines" for node in nodes if isinstance(node, Table)}
    return tables | {part.path for node in said for part in node.value if isinstance(part, Field)}


def _found(name: str) -> Template:
    template = standard(name)
    if template is None:
        raise KeyError(name)
    return template


def _carrier(code: str) -> str:
    return "通用 any" if code == NEUTRAL else catalogue().get(code).zh


def _paper(row: dict[str, str]) -> str:
    template = _found(name_of(row))
    custom = template.custom
    area = f"{custom.w / 1000:g} x {custom.h / 1000:g}" if custom else ""
    cells = (f"`{name_of(row)}`", _carrier(row["carrier"]), row["paper"], f"`{row['layout']}` {template.title}")
    return f"| {' | '.join((*cells, area, row['source'], row['confidence']))} |\n"


def _families() -> list[str]:
    found: dict[str, tuple[dict[str, None], set[str]]] = {}
    for row in rows():
        carriers, fields = found.setdefault(row["family"], ({}, set()))
        carriers[_carrier(row["carrier"])] = None
        fields |= fields_of(_found(name_of(row)))
    return [
        f"| {family} | {'、'.join(carriers)} | {'；'.join(_WORDS[name] for name in _WORDS if name in fields)} |\n"
        for family, (carriers, fields) in found.items()
    ]


def _layouts() -> list[str]:
    found = {row["layout"]: fields_of(_found(name_of(row))) for row in rows()}
    return [
        f"| `{layout}` | {'；'.join(_MORE_WORDS[name] for name in _MORE_WORDS if name in fields)} |\n"
        for layout, fields in found.items()
    ]


def _pictures() -> list[str]:
    laden = set(one_of_each_kind())
    parts = [
        "\n## 图 / Pictures\n\n左：平常的一件。右：带上所有可能的标记，是沙箱里的第二份。\n"
        "Left: an everyday parcel. Right: with every mark it can carry, as the second copy in the sandbox.\n"
    ]
    for row in rows():
        name = name_of(row)
        shown = [f"![{name}]({_GOLDEN}/{name}.png)"]
        if name in laden:
            shown.append(f"![{name}, laden]({_GOLDEN}/{name}-laden.png)")
        parts.append(f"\n### {name} {_carrier(row['carrier'])}\n\n{' '.join(shown)}\n")
    return parts


def main(arguments: list[str]) -> int:
    """Write the page with --write; else 1 when the file is not up to date."""
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
