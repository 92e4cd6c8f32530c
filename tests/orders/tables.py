"""Words for building small order files of every kind."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from miandan.orders.model import ReadResult
from miandan.orders.reading import read_orders

DOUDIAN = [
    *(
        "主订单编号",
        "子订单编号",
        "选购商品",
        "商品规格",
        "商品数量",
        "商家编码",
        "订单应付金额",
        "收件人",
        "收件人手机号",
    ),
    *("省", "市", "区", "街道", "详细地址", "买家留言", "商家备注", "支付完成时间", "订单状态"),
]
DEFAULTS = {
    "主订单编号": "6930000000000000001A",
    "子订单编号": "6930000000000000001",
    "选购商品": "儿童瑜伽垫",
    "商品规格": "10mm/粉色",
    "商品数量": "1",
    "商家编码": "YJD-10P",
    "订单应付金额": "19.90",
    "收件人": "魏小满",
    "收件人手机号": "19000001234",
    "省": "浙江省",
    "市": "杭州市",
    "区": "西湖区",
    "详细地址": "虚构路 7 号 2 幢 301 室",
    "支付完成时间": "2024/03/10 11:07:45",
    "订单状态": "待发货",
}


def row(**changes: str) -> dict[str, str]:
    """One row of the Doudian layout, sound but for `changes`."""
    return DEFAULTS | changes


def order_row(number: int, **changes: str) -> dict[str, str]:
    """A row of an order of its own."""
    order_id = f"69300000000{number:08d}"
    return row(主订单编号=f"{order_id}A", 子订单编号=order_id) | changes


def csv_text(rows: Sequence[Mapping[str, str]], header: Sequence[str] = DOUDIAN, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows([[record.get(name, "") for name in header] for record in rows])
    return out.getvalue()


def read_rows(folder: Path, *rows: Mapping[str, str], header: Sequence[str] = DOUDIAN) -> ReadResult:
    """What the reader makes of a CSV file with these rows."""
    return read_text(folder, csv_text(rows, header))


def read_text(folder: Path, text: str, encoding: str = "utf-8-sig", name: str = "orders.csv") -> ReadResult:
    return read_bytes(folder, text.encode(encoding), name)


def read_bytes(folder: Path, content: bytes, name: str = "orders.csv") -> ReadResult:
    path = folder / name
    path.write_bytes(content)
    return read_orders(path, "shop-1")


def json_lines(*records: Mapping[str, object]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def workbook(rows: Sequence[Sequence[str | float]]) -> bytes:
    """A minimal XLSX file; text as inline strings, numbers as numbers."""
    lines = "".join(
        f'<row r="{number}">{"".join(_cell(value) for value in values)}</row>' for number, values in enumerate(rows, 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}">'
        '<sheets><sheet name="订单" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"


def codes(result: ReadResult) -> list[str]:
    """The code of every refusal, in order."""
    return [refused.refusal.code for refused in result.refused]
