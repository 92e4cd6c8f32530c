"""Whatever a file holds, reading it ends in a result that accounts for every order once, or in a Refusal."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.orders.model import ReadResult
from miandan.orders.reading import read_orders
from tests.orders.tables import DEFAULTS, DOUDIAN, csv_text, json_lines

CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ODD_ROWS = st.lists(st.dictionaries(st.sampled_from(DOUDIAN), CELL, max_size=4), min_size=1, max_size=8)


def read(content: bytes) -> ReadResult | Refusal:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders"
        path.write_bytes(content)
        try:
            return read_orders(path)
        except Refusal as refusal:
            return refusal


def check(result: ReadResult) -> None:
    kept = [order.order_id for order in result.orders] + [aside.order_id for aside in result.set_aside]
    assert max(Counter(kept).values(), default=0) <= 1
    for refused in result.refused:
        assert refused.rows
        assert all(reason.zh and reason.next_zh and reason.en and reason.next_en for reason in refused.reasons)
    for order in result.orders:
        recipient = order.recipient
        assert order.lines
        assert recipient.name
        assert recipient.phone
        assert recipient.detail or recipient.town or recipient.district
        assert all(warning.zh and warning.en for warning in order.warnings)


@given(st.binary(max_size=400))
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf{")
@example(b'{"a": ' + b"[" * 5_000)
@example(b"PK\x03\x04")
def test_any_bytes_end_in_a_refusal(content: bytes) -> None:
    refusal = read(content)
    assert isinstance(refusal, Refusal)
    assert refusal.zh + refusal.next_zh + refusal.en + refusal.next_en


@settings(max_examples=150, deadline=None)
@given(ODD_ROWS)
def test_odd_cells_never_lose_or_double_an_order(changes: list[dict[str, str]]) -> None:
    rows = [DEFAULTS | {"主订单编号": f"A{number}", "子订单编号": ""} | odd for number, odd in enumerate(changes)]
    result = read(json_lines(*rows).encode())
    assert isinstance(result, ReadResult)
    check(result)
    lines = Counter(
        line for place in (result.orders, result.set_aside, result.refused) for entry in place for line in entry.rows
    )
    assert lines == Counter(range(1, len(rows) + 1))


@settings(max_examples=100, deadline=None)
@given(ODD_ROWS, st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_odd_csv_files_are_read_or_refused(changes: list[dict[str, str]], encoding: str) -> None:
    rows = [DEFAULTS | {"主订单编号": f"A{number}", "子订单编号": ""} | odd for number, odd in enumerate(changes)]
    result = read(csv_text(rows).encode(encoding, errors="replace"))
    if isinstance(result, ReadResult):
        check(result)
