"""Every kind of file that a back office writes is read alike; what is no order table is refused as a whole."""

import io
import zipfile
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.orders.files import Limits
from miandan.orders.reading import read_orders
from tests.orders.tables import (
    DOUDIAN,
    codes,
    csv_text,
    json_lines,
    order_row,
    read_bytes,
    read_rows,
    read_text,
    row,
    workbook,
)

ROWS = [order_row(1, 买家留言="要发票🙏\n谢谢", 收件人="孔𬒈"), order_row(2, 商品规格='5" 屏, 黑')]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_csv_reads_alike_in_every_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    expected = read_rows(tmp_path, *ROWS)
    result = read_text(tmp_path, csv_text(ROWS, delimiter=delimiter), encoding)
    assert len(result.orders) == 2
    assert result == expected
    assert result.orders[0].recipient == expected.orders[0].recipient
    assert result.orders[0].rows == (2, 3)


def test_xlsx_and_json_lines_read_like_csv(tmp_path: Path) -> None:
    expected = [order.lines for order in read_rows(tmp_path, *ROWS).orders]
    cells = [[record.get(name, "") for name in DOUDIAN] for record in ROWS]
    from_workbook = read_bytes(tmp_path, workbook([DOUDIAN, *cells]), "orders.xlsx")
    from_json = read_text(tmp_path, json_lines(*ROWS), "utf-8", "orders.jsonl")
    assert [order.lines for order in from_workbook.orders] == expected
    assert [order.lines for order in from_json.orders] == expected
    assert [order.rows for order in from_workbook.orders] == [(2,), (3,)]
    assert [order.rows for order in from_json.orders] == [(1,), (2,)]


def test_lines_of_a_workbook_are_its_row_numbers_whatever_stands_above(tmp_path: Path) -> None:
    cells = [[record.get(name, "") for name in DOUDIAN] for record in ROWS]
    content = workbook([[], ["2024年3月"], [], DOUDIAN, cells[0], [], cells[1]])
    assert [order.rows for order in read_bytes(tmp_path, content, "orders.xlsx").orders] == [(5,), (7,)]


def test_numbers_of_json_lines_keep_every_digit(tmp_path: Path) -> None:
    record = {**row(), "主订单编号": 6930000000297283448, "商品数量": 2, "收件人手机号": 19000001234}
    order = read_text(tmp_path, json_lines(record), "utf-8").orders[0]
    assert (order.order_id, order.quantity, order.recipient.phone) == ("6930000000297283448", 2, "19000001234")


def test_a_broken_json_line_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    text = json_lines(order_row(1)) + '{"主订单编号": \n[1, 2]\n\n' + json_lines(order_row(2))
    result = read_text(tmp_path, text, "utf-8")
    assert codes(result) == ["orders.json_broken"] * 2
    assert [refused.rows for refused in result.refused] == [(2,), (3,)]
    assert len(result.orders) == 2


def test_a_title_above_the_header_does_not_hide_it(tmp_path: Path) -> None:
    result = read_text(tmp_path, "2024年3月订单,,\n\n" + csv_text(ROWS))
    assert [order.rows[0] for order in result.orders] == [4, 6]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "orders.file_empty"),
        (b"\n \r\n", "orders.file_empty"),
        (b"\xef\xbb\xbf", "orders.file_empty"),
        (csv_text([]).encode(), "orders.file_empty"),
        (b"%PDF-1.7 ...", "orders.file_foreign"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "orders.file_foreign"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200), "orders.file_foreign"),
        (b"PK\x03\x04 no zip at all", "orders.file_foreign"),
        (bytes(range(256)) * 40, "orders.encoding_unknown"),
        ("主订单编号,收件人".encode() + b"\xff\xff\xff\n", "orders.encoding_unknown"),
        ("名称,价格\n垫子,3\n".encode(), "orders.columns_unknown"),
        (b"just a line of text", "orders.columns_unknown"),
    ],
)
def test_a_file_that_is_no_order_table_is_refused_as_a_whole(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_bytes(tmp_path, content)
    assert caught.value.code == code
    assert caught.value.zh
    assert caught.value.next_en


def test_a_header_that_lacks_columns_names_them_and_the_layout_that_is_closest(tmp_path: Path) -> None:
    header = [name for name in DOUDIAN if name not in ("收件人手机号", "详细地址")]
    with pytest.raises(Refusal) as caught:
        read_rows(tmp_path, row(), header=header)
    assert caught.value.code == "orders.columns_missing"
    assert caught.value.fields["layout"] == "抖店"
    assert caught.value.fields["missing"] == "收件人手机号、详细地址"


@pytest.mark.parametrize("name", ["orders.csv", "folder"])
def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refusal, match=r"orders\.file_missing"):
        read_orders(tmp_path / name)


def test_a_file_of_200_megabytes_is_refused_at_once_with_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    with path.open("wb") as file:
        file.write(csv_text([row()]).encode())
        file.truncate(200_000_000)
    with pytest.raises(Refusal) as caught:
        read_orders(path)
    assert caught.value.code == "orders.file_too_large"
    assert (caught.value.fields["size"], caught.value.fields["limit"]) == (200, 64)


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = io.BytesIO(workbook([DOUDIAN]))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/bomb.xml", "w") as entry:
        for _ in range(20):
            entry.write(bytes(1_000_000))
    path = tmp_path / "orders.xlsx"
    path.write_bytes(bomb.getvalue())
    with pytest.raises(Refusal, match=r"orders\.file_too_large"):
        read_orders(path, limits=Limits(unpacked_bytes=10_000_000))


def test_too_many_rows_are_refused_with_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order_row(number) for number in range(1, 31)]), encoding="utf-8")
    with pytest.raises(Refusal, match=r"orders\.too_many_rows"):
        read_orders(path, limits=Limits(rows=20))
    assert len(read_orders(path, limits=Limits(rows=30)).orders) == 30


def test_a_quote_that_is_never_closed_is_refused_with_the_line_where_it_opens(tmp_path: Path) -> None:
    lines = csv_text([order_row(number) for number in range(1, 5)]).splitlines()
    lines[2] = lines[2].replace("虚构路", '"虚构路', 1).replace(',"', ',"', 1)
    with pytest.raises(Refusal) as caught:
        read_text(tmp_path, "\n".join(lines))
    assert (caught.value.code, caught.value.fields["line"]) == ("orders.open_quote", 3)


def test_a_quote_left_open_for_some_rows_names_every_line_that_it_swallowed(tmp_path: Path) -> None:
    lines = csv_text([order_row(number) for number in range(1, 7)]).splitlines()
    lines[2] = lines[2].replace("虚构路", '"虚构路', 1)
    lines[4] = lines[4].replace("虚构路", '"虚构路', 1)
    result = read_text(tmp_path, "\n".join(lines))
    assert codes(result) == ["orders.rows_swallowed"]
    assert result.refused[0].rows == (3, 4, 5)
    assert [order.rows for order in result.orders] == [(2,), (6,), (7,)]


def test_an_encrypted_or_broken_workbook_is_refused(tmp_path: Path) -> None:
    whole = workbook([DOUDIAN, [row().get(name, "") for name in DOUDIAN]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w") as broken:
        for entry in source.infolist():
            text = source.read(entry)
            broken.writestr(entry.filename, text[: len(text) // 2] if "sheet1" in entry.filename else text)
    for content in (whole[: len(whole) // 2], out.getvalue()):
        with pytest.raises(Refusal, match=r"orders\.(file_foreign|file_empty)"):
            read_bytes(tmp_path, content, "orders.xlsx")
