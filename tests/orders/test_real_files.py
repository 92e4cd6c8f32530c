"""The two real exports: every order ends in exactly one place, quickly."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from miandan.orders.model import OrderState, ReadResult
from miandan.orders.reading import read_orders
from tests.pace import least_seconds

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DOUDIAN, PASTED = DATA / "orders-doudian-2000.csv", DATA / "orders-pasted-500.csv"

pytestmark = pytest.mark.skipif(not DOUDIAN.is_file(), reason="the shared order files are not beside the project")


def ids(result: ReadResult) -> list[str]:
    places = (result.orders, result.set_aside, result.refused)
    return [entry.order_id for place in places for entry in place]


@pytest.mark.parametrize(("path", "encoding"), [(DOUDIAN, "utf-8-sig"), (PASTED, "gb18030")])
def test_every_order_ends_in_exactly_one_place(path: Path, encoding: str) -> None:
    with path.open(encoding=encoding, newline="") as file:
        expected = {record[0] for record in list(csv.reader(file))[1:]}
    assert Counter(ids(read_orders(path))) == Counter(dict.fromkeys(expected, 1))


def test_the_doudian_file_holds_what_it_is_said_to_hold() -> None:
    result = read_orders(DOUDIAN, "shop-1")
    assert (len(result.orders), len(result.set_aside), len(result.refused)) == (1988, 8, 4)
    assert {aside.state for aside in result.set_aside} == {OrderState.CLOSED}
    assert {refused.refusal.code for refused in result.refused} == {"orders.recipient_missing"}
    ciphertext = [o for o in result.orders if any(w.code == "orders.ciphertext_phone" for w in o.warnings)]
    assert len(ciphertext) == 5
    assert {len(order.recipient.phone) for order in ciphertext} == {70}
    assert sum(len(order.rows) for order in result.orders) + sum(len(a.rows) for a in result.set_aside) == 2949 - 4
    assert all(order.shop_id == "shop-1" and order.lines and order.recipient.province for order in result.orders)


def test_the_pasted_file_holds_what_it_is_said_to_hold() -> None:
    result = read_orders(PASTED)
    assert {aside.state for aside in result.set_aside} == {OrderState.REFUNDING}
    assert len(result.set_aside) == 25
    assert not result.refused
    assert all(len(order.recipient.phone) == 11 and order.recipient.name for order in result.orders)


def test_two_thousand_orders_are_read_in_a_fraction_of_a_second() -> None:
    assert least_seconds(lambda: read_orders(DOUDIAN)) < 1.0  # 0.16 s on an idle machine
