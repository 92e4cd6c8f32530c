"""Bad input: each kind is answered in two languages with what to do, at once where it can be, and nothing is lost."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from miandan.orders.reading import read_orders
from tests.cli.clerk import Clerk, Done, clerk_of, finish, states
from tests.cli.test_again import asked, assert_every_promise_holds, numbers_in_the_books, stopped_while_taking
from tests.orders.tables import csv_text, order_row

GOOD = [order_row(1), order_row(2)]


@pytest.fixture
def clerk_without_database(tmp_path: Path) -> Clerk:
    """What is wrong with a file is said before a database is needed."""
    return Clerk(tmp_path, {"MIANDAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})


@pytest.fixture(scope="module")
def clerk_for_wishes(shared_sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    """One for all wishes, since none of them leaves a trace."""
    return clerk_of(shared_sandbox_url, tmp_path_factory.mktemp("wishes"))


def assert_refused(done: Done, code: str) -> None:
    """Nothing done, the code, a Chinese line with a remedy and an English one beside it."""
    assert (done.code, done.error_code) == (1, code), done.err
    assert any("\u4e00" <= character <= "\u9fff" for character in done.zh)
    assert done.zh.count("。") >= 2, "what is wrong, and what to do"


FILES = {
    "empty": (b"", "orders.file_empty"),
    "blank": (b"\r\n \r\n\r\n", "orders.file_empty"),
    "header alone": (csv_text([]).encode(), "orders.file_empty"),
    "wrong columns": ("编号,备注\n1,2\n".encode(), "orders.columns_unknown"),
    "columns missing": ("主订单编号,子订单编号,选购商品,商品数量\n1,2,3,4\n".encode(), "orders.columns_missing"),
    "random bytes": (bytes(range(256)) * 400, "orders.encoding_unknown"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(2000), "orders.file_foreign"),
    "a zip": (b"PK\x03\x04" + bytes(2000), "orders.file_foreign"),
    "a program": (b"\x7fELF" + bytes(range(256)) * 40, "orders.file_foreign"),
}


@pytest.mark.parametrize(("content", "code"), FILES.values(), ids=list(FILES))
def test_a_file_that_holds_no_orders(clerk_without_database: Clerk, content: bytes, code: str) -> None:
    clerk = clerk_without_database
    (clerk.folder / "orders.csv").write_bytes(content)
    assert_refused(clerk.ship(), code)
    assert clerk.files() == ["orders.csv"]


def seconds_of_children() -> float:
    """Of a processor: what else the machine does counts for nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("full", [False, True], ids=["sparse", "of orders"])
def test_a_file_of_200_megabytes_is_answered_at_once(clerk_without_database: Clerk, full: bool) -> None:
    clerk = clerk_without_database
    path = clerk.orders(*GOOD)
    if full:
        rows = path.read_bytes().splitlines(keepends=True)[1] * 5_000
        with path.open("ab") as file:
            while file.tell() < 200_000_000:
                file.write(rows)
    else:
        os.truncate(path, 200_000_000)
    before = seconds_of_children()
    assert_refused(clerk.ship(), "orders.file_too_large")
    assert seconds_of_children() - before < 3
    path.unlink()


def test_a_file_that_is_not_there_and_a_folder(clerk_without_database: Clerk) -> None:
    clerk = clerk_without_database
    assert_refused(clerk.ship(orders="nowhere.csv"), "orders.file_missing")
    assert_refused(clerk.ship(orders="."), "orders.file_missing")


BAD_ROWS = {
    "a row of 10,000 characters": (order_row(3, 买家留言="很" * 10_000), "orders.row_too_long"),
    "a negative count": (order_row(3, 商品数量="-2"), "orders.count_invalid"),
    "a count of nothing": (order_row(3, 商品数量="0"), "orders.count_invalid"),
    "a mangled id": (order_row(3, 主订单编号="6.93E+18"), "orders.mangled"),
    "no phone": (order_row(3, 收件人手机号=""), "orders.recipient_missing"),
    "a phone of three digits": (order_row(3, 收件人手机号="190"), "orders.phone_invalid"),
    "an address without a city": (order_row(3, 省="", 市="", 区="", 详细地址="家里"), "orders.address_incomplete"),
    "a control character": (order_row(3, 详细地址="某路\x07 1 号"), "orders.control_character"),
}


def test_each_bad_row_is_reported_with_its_line_and_stops_no_other(clerk: Clerk) -> None:
    bad = [row | {"主订单编号": f"{row['主订单编号']}-{place}"} for place, (row, _) in enumerate(BAD_ROWS.values())]
    bad[list(BAD_ROWS).index("a mangled id")] = BAD_ROWS["a mangled id"][0]
    path = clerk.orders(GOOD[0], *bad, GOOD[1])
    done = clerk.ship()
    assert done.code == 2, done.err
    first, *refused, last = clerk.report()
    assert states([first, *refused, last]) == ["taken"] + ["refused"] * len(bad) + ["taken"]
    for line, (row, (_, code)) in enumerate(zip(refused, BAD_ROWS.values(), strict=True), 3):
        assert (row.rows, row.number) == (str(line), "")
        assert f"第 {line} 行" in row.reason
        assert f"ine {line}" in row.reason
        assert row.remedy
        [known] = [one for one in read_orders(path).refused if one.rows == (line,)]
        assert known.reasons[0].code == code
    assert clerk.pages() == 2


def test_one_order_id_with_two_recipients_is_refused_whole(clerk: Clerk) -> None:
    clerk.orders(GOOD[0], order_row(2), order_row(2, 子订单编号="x2", 收件人="魏小寒"))
    assert clerk.ship().code == 2
    report = clerk.report()
    assert (states(report), report[1].rows) == (["taken", "refused"], "3 4")
    assert numbers_in_the_books(clerk) == 1


def test_a_phone_of_70_ciphertext_characters_ships_with_a_word_in_its_place(clerk: Clerk) -> None:
    sealed = "AAGx" + "b7Q9+/kZ" * 8 + "w="
    assert len(sealed) == 70
    clerk.orders(GOOD[0], order_row(2, 收件人手机号=sealed))
    done = clerk.ship()
    assert done.code == 0, done.err
    plain, marked = clerk.sheets()
    assert "密文" not in plain
    assert "密文" in marked
    assert sealed[:12] not in marked
    assert "密文" in clerk.report()[1].reason


WISHES = {
    "a retired carrier": (("--carrier", "丰网"), "carrier.retired"),
    "a retired carrier by code": (("--carrier", "fengwang"), "carrier.retired"),
    "an unknown carrier": (("--carrier", "鸿雁传书"), "carrier.unknown"),
    "an unknown shop": (("--shop", "S999"), "shop.unknown"),
    "somebody else's shop": (("--shop", "S10001", "--merchant", "1002"), "ship.foreign_shop"),
    "an unknown merchant": (("--merchant", "7"), "merchant.unknown"),
    "an unknown account": (("--account", "0190a000-0000-7000-8000-000000000000"), "account.unknown"),
    "an account that is none": (("--account", "zto-1"), "account.unknown"),
    "labels into a folder that is not there": (("--out", "nowhere/labels.pdf"), "ship.place_unusable"),
    "labels as a folder": (("--out", "."), "ship.place_unusable"),
    "a report where nothing can be written": (("--report", "/proc/report.csv"), "ship.place_unusable"),
    "labels over the orders": (("--out", "orders.csv"), "ship.places_same"),
    "a report over the orders": (("--report", "./orders.csv"), "ship.places_same"),
    "labels and report in one": (("--out", "x", "--report", "x"), "ship.places_same"),
}


@pytest.mark.parametrize(("wish", "code"), WISHES.values(), ids=list(WISHES))
def test_a_wish_that_cannot_be_met_takes_no_number(clerk_for_wishes: Clerk, wish: tuple[str, ...], code: str) -> None:
    clerk = clerk_for_wishes
    orders = clerk.orders(*GOOD).read_bytes()
    assert_refused(clerk.ship(*wish), code)
    assert numbers_in_the_books(clerk) == 0
    assert (clerk.folder / "orders.csv").read_bytes() == orders
    assert clerk.files() == ["orders.csv"]


@pytest.mark.parametrize(
    ("obstacle", "code"),
    [
        ("UPDATE account SET state = 'suspended' WHERE carrier = 'zto' RETURNING 1", "account.not_active"),
        ("UPDATE account SET state = 'dormant' WHERE carrier = 'zto' RETURNING 1", "account.not_active"),
        ("UPDATE ship_from SET withdrawn_at = now() RETURNING 1", "account.sender_not_approved"),
        ("UPDATE account SET carrier_reads = false RETURNING 1", "account.carrier_cannot_read"),
    ],
    ids=["suspended", "dormant", "sender withdrawn", "carrier cannot read"],
)
def test_an_account_that_may_not_take_refuses_every_order_with_the_reason(
    clerk: Clerk, obstacle: str, code: str
) -> None:
    clerk.orders(*GOOD)
    asked(clerk, obstacle)
    done = clerk.ship("--carrier", "zto")
    assert done.code == 1
    assert f"[{code}]" in done.err
    assert states(clerk.report()) == ["refused", "refused"]
    assert numbers_in_the_books(clerk) == 0
    assert_every_promise_holds(clerk)


def small_files(limit: int) -> Callable[[], None]:
    """The largest file that the program may write: a full disk for everything beyond it."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return limited


def test_a_full_disk_under_the_labels_leaves_the_old_labels_and_a_report_with_every_number(clerk: Clerk) -> None:
    clerk.orders(*(order_row(number) for number in range(1, 81)))
    (clerk.folder / "labels.pdf").write_bytes(b"of yesterday")
    done = clerk.run("ship", "orders.csv", preexec=small_files(30_000))
    assert (done.code, done.error_code) == (1, "labels.disk_full"), done.err
    assert "labels.pdf" in done.zh
    assert ".part" not in done.err
    assert (clerk.folder / "labels.pdf").read_bytes() == b"of yesterday"
    numbers = clerk.numbers()
    assert len(numbers) == 80
    assert clerk.ship().code == 0
    assert clerk.numbers() == numbers
    assert "补打" not in "".join(clerk.sheets()), "a label that never existed is no copy"
    assert clerk.files() == ["labels.pdf", "orders.csv", "report.csv"]


def test_a_full_disk_under_the_report_leaves_the_labels_and_says_so(clerk: Clerk) -> None:
    clerk.orders(*(order_row(number, 收件人手机号="") for number in range(2, 300)), order_row(1))
    done = clerk.run("ship", "orders.csv", preexec=small_files(40_000))
    assert (done.code, done.error_code) == (2, "report.not_writable"), done.err
    assert clerk.pages() == 1
    assert clerk.files() == ["labels.pdf", "orders.csv"]


def test_the_passphrase_missing_wrong_and_too_short(clerk: Clerk, tmp_path: Path) -> None:
    clerk.orders(*GOOD)
    outside = clerk.but(MIANDAN_SANDBOX="0", MIANDAN_DATA=str(tmp_path / "real"))
    right = outside.but(MIANDAN_PASSPHRASE="示例口令示例口令示例口令")
    wrong = outside.but(MIANDAN_PASSPHRASE="示例口令示例口令示例口误")
    assert_refused(outside.ship("--carrier", "zto"), "vault.passphrase_missing")
    assert_refused(outside.but(MIANDAN_PASSPHRASE="short").ship("--carrier", "zto"), "vault.passphrase_short")
    assert numbers_in_the_books(clerk) == 0
    assert right.ship("--carrier", "zto").code == 0
    assert_refused(wrong.ship("--carrier", "zto"), "vault.passphrase_wrong")
    assert_refused(right.run("demo"), "demo.real_data")
    assert_refused(outside.run("demo"), "demo.real_data")


def test_a_database_that_cannot_be_reached(clerk: Clerk) -> None:
    clerk.orders(*GOOD)
    secret = "postgresql://me:verysecret@127.0.0.1:1/x"
    done = clerk.but(MIANDAN_DATABASE_URL=secret).ship()
    assert_refused(done, "database.unreachable")
    assert "verysecret" not in done.err
    assert_refused(clerk.but(MIANDAN_DATABASE_URL="postgresql://[::1/x").ship(), "database.bad_url")
    gone = clerk.environment["MIANDAN_DATABASE_URL"].replace("/clerk_", "/no_clerk_")
    assert_refused(clerk.but(MIANDAN_DATABASE_URL=gone).ship(), "database.missing")
    assert_refused(clerk.but(MIANDAN_POOL="many").ship(), "settings.bad_value")


def test_a_data_folder_that_cannot_be_used(clerk: Clerk) -> None:
    clerk.orders(*GOOD)
    (clerk.folder / "file").write_text("no folder")
    for place in (clerk.folder / "file" / "below", Path("/proc/miandan")):
        embedded = clerk.but(MIANDAN_DATABASE_URL="", MIANDAN_DATA=str(place), MIANDAN_SANDBOX="0")
        assert_refused(embedded.ship(), "database.folder_denied")
        assert_refused(embedded.run("demo"), "database.folder_denied")


def test_a_database_that_goes_away_in_the_middle_is_said_in_words_and_the_next_run_finishes(clerk: Clerk) -> None:
    clerk.orders(*(order_row(number) for number in range(1, 601)))
    with stopped_while_taking(clerk) as process:
        asked(
            clerk,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'miandan'",
        )
    done = finish(process)
    assert done.code in (0, 1, 2)
    assert "unforeseen" not in done.err, done.err
    assert clerk.ship().code == 0
    assert len(set(clerk.numbers().values())) == numbers_in_the_books(clerk) == 600
    assert_every_promise_holds(clerk)
