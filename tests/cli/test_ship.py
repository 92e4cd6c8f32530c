"""`miandan ship` as a clerk uses it: a file of orders in, numbers, labels and a report out; exit codes 0, 1 and 2."""

import os
from collections import Counter
from pathlib import Path

import pytest

from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import NumberKind
from miandan.kernel.masks import mask_detail, mask_name, mask_phone
from miandan.orders.model import goods_summary
from miandan.orders.reading import read_orders
from tests.cli.clerk import Clerk, states
from tests.labels import judges
from tests.orders.tables import order_row, row

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/orders.csv"
SHARED = ROOT / "../shared/data"
TAKING = [carrier for carrier in catalogue().carriers if carrier.takes_new_accounts()]


@pytest.mark.parametrize("carrier", [one.code for one in TAKING])
def test_every_carrier_ships_the_example_orders(clerk: Clerk, carrier: str) -> None:
    done = clerk.ship("--carrier", carrier, orders=EXAMPLE)
    assert done.code == 2, done.err
    report = clerk.report()
    counted = Counter(states(report))
    assert counted == {"taken": 33, "shipped": 2, "refused": 5}
    known = catalogue().get(carrier)
    numbers = list(clerk.numbers().values())
    assert len(set(numbers)) == 33
    if known.rules:
        assert all(known.rule(NumberKind.SANDBOX).accepts(number) for number in numbers)
    assert {one.carrier for one in report if one.number} == {known.zh}
    sheets = clerk.sheets()
    assert len(sheets) == 33
    assert all(number in sheet and known.zh in sheet for number, sheet in zip(numbers, sheets, strict=True))
    assert "未分拣" not in "".join(sheets)


@pytest.mark.parametrize(("name", "orders"), [("orders-doudian-2000.csv", 2000), ("orders-pasted-500.csv", 500)])
def test_a_real_export_goes_through_and_every_order_is_in_the_report_exactly_once(
    clerk: Clerk, name: str, orders: int
) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{name} is not beside the project")
    done = clerk.ship(orders=SHARED / name)
    assert done.code in (0, 2), done.err
    report = clerk.report()
    read = read_orders(SHARED / name)
    expected = [one.order_id for one in read.orders]
    expected += [one.order_id for one in read.set_aside] + [one.order_id for one in read.refused]
    assert len(expected) == orders
    assert Counter(one.order for one in report) == Counter(expected)
    lines = [[int(line) for line in one.rows.split()] for one in report]
    every = sorted(line for rows in lines for line in rows)
    assert len(every) == len(set(every)), "a line of the file stands in two rows of the report"
    assert len(set(clerk.numbers().values())) == clerk.pages() == len(read.orders)


def test_a_label_says_what_the_order_says_with_the_recipient_masked(clerk: Clerk) -> None:
    clerk.ship(orders=EXAMPLE)
    numbers = clerk.numbers()
    sheets = dict(zip(numbers, clerk.sheets(), strict=True))
    for draft in read_orders(EXAMPLE).orders:
        if draft.order_id not in numbers:
            continue
        sheet, to = sheets[draft.order_id], draft.recipient
        for text in (
            numbers[draft.order_id],
            mask_name(to.name),
            to.province + to.city + to.district,
            mask_detail(to.detail),
            goods_summary(draft.lines).partition("…")[0],
        ):
            plain = "".join(text.split())
            assert all(part in sheet for part in _printable(plain)), draft.order_id
        assert to.phone not in sheet
        if to.phone.isdigit():
            assert mask_phone(to.phone) in sheet


def _printable(text: str) -> list[str]:
    """Parts between characters that a label shows as a box, and short enough to stand on one line."""
    parts = "".join(character if ord(character) < 0x10000 else "\0" for character in text).split("\0")
    return [part[:8] for part in parts if part]


def test_every_barcode_is_read_back_as_its_number(clerk: Clerk) -> None:
    clerk.orders(*(order_row(number) for number in range(1, 4)))
    clerk.ship("--carrier", "jt")
    read = [judges.zxing(page) for page in judges.pictures(clerk.folder / "labels.pdf")]
    assert [{text for _, text in page} for page in read] == [{number} for number in clerk.numbers().values()]
    assert all(len(page) == 3 for page in read), "two Code 128 and one QR on each label"


def test_the_exit_code_says_whether_a_person_has_to_look(clerk: Clerk) -> None:
    clerk.orders(order_row(1), order_row(2))
    assert clerk.ship().code == 0
    clerk.orders(order_row(1), order_row(3, 商品数量="0"))
    assert clerk.ship().code == 2
    clerk.orders(order_row(3, 商品数量="0"))
    assert clerk.ship().code == 1
    assert states(clerk.report()) == ["refused"]
    clerk.orders(order_row(4, 订单状态="已关闭"))
    done = clerk.ship()
    assert (done.code, states(clerk.report())) == (1, ["shipped"])
    assert "nothing to ship" in done.err


def test_a_merchant_without_a_shop_ships_by_its_own_number(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    assert clerk.ship("--merchant", "1002").code == 0
    [line] = clerk.report()
    assert (line.shop, line.parcel) == ("", f"/{line.order}")


def test_naming_the_only_shop_later_takes_no_second_number(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    clerk.ship()
    first = clerk.numbers()
    clerk.ship("--shop", "S10001")
    assert clerk.numbers() == first
    clerk.ship("--merchant", "1001")
    assert clerk.numbers() == first


def test_another_carrier_needs_retake_and_then_replaces_the_number(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    clerk.ship("--carrier", "zto")
    [old] = clerk.numbers().values()
    done = clerk.ship("--carrier", "sf")
    assert (done.code, states(clerk.report())) == (1, ["refused"])
    assert "parcel.account_differs" in done.err
    assert "retake" in clerk.report()[0].remedy
    assert clerk.ship("--carrier", "sf", "--retake").code == 0
    [new] = clerk.numbers().values()
    assert new != old
    assert old not in "".join(clerk.sheets())


def test_a_changed_order_is_refused_until_update_writes_its_label_anew(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    clerk.ship()
    number = clerk.numbers()
    clerk.orders(order_row(1, 商品数量="2", 省="江苏省", 市="苏州市", 区="吴中区"))
    done = clerk.ship()
    assert (done.code, states(clerk.report())) == (1, ["refused"])
    assert "parcel.differs" in done.err
    assert clerk.ship("--update").code == 0
    assert clerk.numbers() == number
    [sheet] = clerk.sheets()
    assert "江苏省苏州市吴中区" in sheet
    assert "x2" in sheet


def test_the_report_keeps_what_a_stranger_typed_from_running_in_a_spreadsheet(clerk: Clerk) -> None:
    clerk.orders(order_row(1), row(主订单编号='=HYPERLINK("x")', 子订单编号="9", 商品数量="0"))
    clerk.ship()
    assert [line.order for line in clerk.report() if line.order.startswith("=")] == []


def test_a_device_is_written_and_not_replaced(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    done = clerk.ship("--out", "/dev/null", "--report", "/dev/stdout")
    assert done.code == 0, done.err
    assert f"{order_row(1)['主订单编号']},2,S10001" in done.out
    assert not Path("/dev/null").is_file()
    assert not Path("/dev/stdout").resolve().is_file()


def test_labels_and_report_may_go_into_a_pipe(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    process = clerk.start("ship", "orders.csv", "--out", "/dev/stdout")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith(b"%PDF-1.7")
    assert out.rstrip().endswith(b"%%EOF")


def test_labels_behind_a_link_are_written_where_the_link_leads(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    (clerk.folder / "printer").mkdir()
    (clerk.folder / "labels.pdf").symlink_to("printer/today.pdf")
    assert clerk.ship().code == 0
    assert (clerk.folder / "labels.pdf").is_symlink()
    assert (clerk.folder / "printer/today.pdf").stat().st_size > 1000
    assert clerk.files() == ["labels.pdf", "orders.csv", "printer", "report.csv"]


def test_progress_goes_to_the_terminal_and_a_line_per_phase_elsewhere(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    assert "taking numbers  1" in clerk.ship().err
    master, terminal = os.openpty()
    shown = clerk.but(TERM="xterm").start("ship", "orders.csv", screen=terminal)
    os.close(terminal)
    text = b""
    while chunk := _read(master):
        text += chunk
    assert shown.wait(60) == 0
    assert "取号 taking numbers".encode() in text
    assert b"1/1" in text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal says that everybody has left
        return b""


def test_labels_are_printed_on_the_template_that_was_named(clerk: Clerk) -> None:
    clerk.orders(order_row(1))
    assert clerk.ship("--template", "zto-100x180").code == 0
    [page] = clerk.sheets()
    assert "收件人存联" in page


@pytest.mark.parametrize(
    ("template", "code"), [("sf-76x130", "labels.template_of_another"), ("nobody", "labels.template_unknown")]
)
def test_a_template_that_does_not_do_costs_no_number(clerk: Clerk, template: str, code: str) -> None:
    clerk.orders(order_row(1))
    done = clerk.ship("--template", template)
    assert (done.code, done.error_code) == (1, code)
    assert clerk.ship().code == 0
    assert [one.state.split()[-1] for one in clerk.report()] == ["taken"]
