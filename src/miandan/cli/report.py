"""The report of a run: one row per order in a CSV that a spreadsheet opens, and a summary that a clerk understands."""

import csv
from collections import Counter
from pathlib import Path

from miandan.carriers.catalogue import catalogue
from miandan.cli.places import whole_file
from miandan.cli.shipping import Line, Shipment, State
from miandan.kernel.errors import Refusal

HEADER = [
    "订单号 order",
    "行 rows",
    "店铺 shop",
    "包裹 parcel",
    "快递公司 carrier",
    "运单号 number",
    "状态 state",
    "原因 reason",
    "处理办法 remedy",
]
WORDS = {
    State.TAKEN: "已取号 taken",
    State.KNOWN: "已有单号 kept",
    State.SET_ASIDE: "无需发货 not shipped",
    State.REFUSED: "未取号 refused",
}
MOST_REASONS = 6
NEVER_A_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")
HAS_A_NUMBER = frozenset({"parcel.differs", "parcel.account_differs", "parcel.overlaps", "ship.label_to_throw_away"})
"""Reasons of orders that are not printed although they have a number."""


def write_report(shipment: Shipment, path: Path) -> None:
    """Write the report, complete or not at all. Raises report.not_writable."""
    try:
        with whole_file(path) as file:
            rows = csv.writer(file)
            rows.writerow(HEADER)
            rows.writerows([_plain(cell) for cell in _row(line)] for line in shipment.lines)
    except OSError as error:
        raise Refusal("report.not_writable", file=path.name, reason=error.strerror or "?") from None


def _row(line: Line) -> list[str]:
    said = line.reasons or line.warnings
    return [
        line.order_id,
        " ".join(map(str, line.rows)),
        line.shop_id,
        line.key,
        catalogue().get(line.carrier).zh if line.carrier else "",
        _number(line),
        WORDS[line.state],
        "；".join(f"{refusal.zh} {refusal.en}" for refusal in said),
        "；".join(f"{refusal.next_zh} {refusal.next_en}" for refusal in said),
    ]


def _number(line: Line) -> str:
    """The number of this run, or the one that the order has all the same."""
    if line.ref is not None:
        return line.ref.number
    return next((str(one.fields["number"]) for one in line.reasons if one.code in HAS_A_NUMBER), "")


def _plain(cell: str) -> str:
    """A cell that begins like a formula is text all the same: what a stranger typed must not run in a spreadsheet."""
    return f"'{cell}" if cell.startswith(NEVER_A_FORMULA) else cell


def summary(shipment: Shipment, out: Path, report: Path | None, seconds: float) -> list[str]:
    """What happened, in the order in which a clerk asks; `report` is None where none could be written."""
    carrier = catalogue().get(shipment.carrier)
    known = shipment.count(State.KNOWN)
    lines = [
        f"{_verdict(shipment)}  {len(shipment.lines):,} 个订单 orders  {seconds:.1f} 秒 s  {carrier.zh} {carrier.en}",
        f"  新取单号 taken         {shipment.count(State.TAKEN):>6,}",
        f"  沿用旧单号 kept        {known:>6,}{'   面单标为补打 labels marked as copies' if known else ''}",
        f"  无需发货 not shipped   {shipment.count(State.SET_ASIDE):>6,}",
        f"  需要处理 refused       {shipment.count(State.REFUSED):>6,}",
    ]
    if shipment.printed is not None:
        lines.append(f"  面单 labels  {shipment.printed.pages:,} 张 → {out}")
        lines += _label_warnings(shipment)
    if report is not None:
        lines.append(f"  报告 report  每个订单一行 one row per order → {report}")
    return lines + _reasons(shipment)


def _verdict(shipment: Shipment) -> str:
    refused = shipment.count(State.REFUSED)
    if shipment.unprinted is not None:
        return "✗ 面单没有写出 labels not written"
    if shipment.printed is None:
        return "✗ 没有取号 no number taken" if refused else "○ 没有要发货的订单 nothing to ship"
    return f"✓ 完成，{refused:,} 单需处理 done, {refused:,} to look at" if refused else "✓ 全部完成 all done"


def _label_warnings(shipment: Shipment) -> list[str]:
    assert shipment.printed is not None
    kinds = Counter(warning.kind.value for warning in shipment.printed.warnings)
    words = {
        "rare_character": "含字库没有的生僻字（以方框代替）rare characters shown as boxes",
        "emoji": "含表情符号（以方框代替）emoji shown as boxes",
        "control_character": "含不可见字符（已去除）control characters removed",
        "text_shortened": "文字过长已截短 texts shortened",
        "barcode_omitted": "条码无法打印 barcodes left out",
    }
    return [f"    ! {count} 处{words.get(kind, kind)}" for kind, count in kinds.most_common()]


def _reasons(shipment: Shipment) -> list[str]:
    """The commonest reasons, each with one example and the next step."""
    refused = [line for line in shipment.lines if line.state is State.REFUSED and line.reasons]
    lines: list[str] = []
    codes = Counter(line.reasons[0].code for line in refused)
    for code, count in codes.most_common(MOST_REASONS):
        example = next(line for line in refused if line.reasons[0].code == code)
        lines += _reason(example.reasons[0], count, min(example.rows, default=0))
    if len(codes) > MOST_REASONS:
        lines.append("  … 其余见报告 / the rest is in the report")
    return lines


def _reason(refusal: Refusal, count: int, row: int) -> list[str]:
    told = "line" in refusal.fields or not row  # the text names its line itself, or there is none
    place_zh, place_en = ("", "") if told else (f"第 {row} 行：", f"line {row}: ")
    many_zh, many_en = ("例如 ", "e.g. ") if count > 1 else ("", "")
    orders = "orders" if count > 1 else "order"
    return [
        f"  ✗ {count:,} 单  {many_zh}{place_zh}{refusal.zh}{refusal.next_zh}",
        f"    {count:,} {orders}  {many_en}{place_en}{refusal.en} {refusal.next_en} [{refusal.code}]",
    ]
