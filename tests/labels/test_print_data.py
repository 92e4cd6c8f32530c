"""Print data opens for its own app, shop, key and agent, unchanged and in time, and for nothing else."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels.model import GoodsLine, LabelData
from miandan.labels.print_data import (
    MOST_BYTES,
    About,
    Opened,
    ShopKey,
    header_of,
    open_sealed,
    seal,
    sign,
    unwrap,
    verify,
    with_custom,
    wrap_for_agent,
)
from miandan.labels.raster import render_png
from miandan.labels.template_addresses import TemplateAddress, check_template, template_address
from tests.labels.sheets import ORDINARY

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = ShopKey("3", "7000000000000000001", "S10001", bytes(range(32)))
ABOUT = About("1001", 2, NOW, NOW + timedelta(days=7))
LABEL = replace(
    ORDINARY,
    carrier="zto",
    goods_lines=(GoodsLine("杯子", "白", "C-1", 2, index=1), GoodsLine("盘子", index=2)),
    goods_count=3,
    order_ids=("6920118273645091827",),
    cod_fen=12_345,
    custom={"batch": "7", "buyer.note": "放前台"},
    copy=2,
)
PLATFORM = Ed25519PrivateKey.generate()
PLATFORM_KEY = PLATFORM.public_key().public_bytes_raw()
AGENT = X25519PrivateKey.generate()
AGENT_KEY = AGENT.public_key().public_bytes_raw()
AGENT_ID = "0198f3a2-0000-7000-8000-000000000001"
HOST = "https://waybills.example"
ZERO_POINT = bytes(32)
"""A public key that makes every shared secret zero."""


def opened(data: str, key: ShopKey = KEY, at: datetime = NOW, *, signed: str = "") -> Opened:
    return open_sealed(data, signed or sign(data, PLATFORM), PLATFORM_KEY, key, at)


def code(attempt: Callable[..., object], *args: object, **more: object) -> str:
    """Of the refusal that a call is answered with."""
    with pytest.raises(Refusal) as refused:
        attempt(*args, **more)
    return refused.value.code


def reheaded(data: str, **changes: Any) -> str:
    """Print data with other words in its header, everything else as it was."""
    raw = base64.b64decode(data)
    end = 6 + int.from_bytes(raw[4:6])
    head = json.dumps(json.loads(raw[6:end]) | changes, separators=(",", ":")).encode()
    return base64.b64encode(raw[:4] + len(head).to_bytes(2) + head + raw[end:]).decode()


def test_what_was_sealed_comes_out_as_it_was() -> None:
    found = opened(seal(LABEL, ABOUT, KEY, ["73123456789029"]))
    assert found.label == LABEL
    assert found.children == ("73123456789029",)
    assert (found.header.merchant, found.header.document, found.header.good_until) == ("1001", 2, ABOUT.good_until)


def test_what_is_opened_draws_the_same_picture() -> None:
    found = opened(seal(LABEL, ABOUT, KEY))
    assert list(render_png([found.label])) == list(render_png([LABEL]))


def test_a_label_of_nothing_but_a_number_survives() -> None:
    bare = LabelData("73123456789012", carrier="zto")
    assert opened(seal(bare, ABOUT, KEY)).label == bare


def test_nothing_of_the_label_can_be_read_in_the_text() -> None:
    raw = base64.b64decode(seal(LABEL, ABOUT, KEY))
    for text in (LABEL.recipient_name, LABEL.recipient_address, LABEL.goods, LABEL.sort_code):
        assert text.encode() not in raw


def test_the_same_label_is_sealed_differently_each_time() -> None:
    assert seal(LABEL, ABOUT, KEY) != seal(LABEL, ABOUT, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "4"},
        {"app": "7000000000000000002"},
        {"merchant": "1002"},
        {"shop": "S10002"},
        {"carrier": "yto"},
        {"number": "73123456789029"},
        {"document": 3},
        {"sealed": 1_700_000_000},
        {"until": 4_000_000_000},
        {"nonce": "00" * 12},
        {"nonce": "00"},
        {"nonce": "no hex"},
        {"until": -1},
        {"until": 10**30},
        {"until": "soon"},
        {"further": "field"},
        {"app": None},
        {"app": "a" * 5_000},
    ],
    ids=str,
)
def test_no_word_of_the_header_can_be_changed_even_by_who_can_sign(change: dict[str, Any]) -> None:
    data = reheaded(seal(LABEL, ABOUT, KEY), **change)
    key = replace(KEY, key_id=change.get("key", KEY.key_id), app=change.get("app") or KEY.app)
    key = replace(key, shop=change.get("shop", KEY.shop))
    assert code(opened, data, key) == "labels.print_data_damaged"


def test_the_same_header_written_otherwise_is_another_one() -> None:
    data = seal(LABEL, ABOUT, KEY)
    assert reheaded(data) == data
    raw = base64.b64decode(data)
    end = 6 + int.from_bytes(raw[4:6])
    spaced = raw[6:end].replace(b":", b": ", 1)
    other = base64.b64encode(raw[:4] + len(spaced).to_bytes(2) + spaced + raw[end:]).decode()
    assert code(opened, other) == "labels.print_data_damaged"


@pytest.mark.parametrize(
    "key",
    [replace(KEY, app="7000000000000000002"), replace(KEY, shop="S10002"), replace(KEY, key_id="4")],
    ids=["app", "shop", "key"],
)
def test_a_key_of_another_app_shop_or_time_opens_nothing(key: ShopKey) -> None:
    assert code(opened, seal(LABEL, ABOUT, KEY), key) == "labels.print_data_wrong_key"


def test_a_key_of_the_same_name_and_other_bytes_opens_nothing() -> None:
    other = replace(KEY, secret=bytes(32))
    assert code(opened, seal(LABEL, ABOUT, KEY), other) == "labels.print_data_damaged"


def test_the_body_of_another_sheet_does_not_fit() -> None:
    one, other = seal(LABEL, ABOUT, KEY), seal(replace(LABEL, number="73123456789029"), ABOUT, KEY)
    raw, foreign = base64.b64decode(one), base64.b64decode(other)
    end = 6 + int.from_bytes(raw[4:6])
    mixed = base64.b64encode(raw[:end] + foreign[6 + int.from_bytes(foreign[4:6]) :]).decode()
    assert code(opened, mixed) == "labels.print_data_damaged"


def test_every_cut_and_every_changed_byte_is_noticed() -> None:
    raw = base64.b64decode(seal(LABEL, ABOUT, KEY))
    for place in range(0, len(raw), 7):
        assert code(opened, base64.b64encode(raw[:place]).decode()) == "labels.print_data_damaged"
        changed = bytearray(raw)
        changed[place] ^= 1
        assert code(opened, base64.b64encode(changed).decode()) in {
            "labels.print_data_damaged",
            "labels.print_data_wrong_key",
        }


def test_only_the_platform_signs() -> None:
    data = seal(LABEL, ABOUT, KEY)
    verify(data, sign(data, PLATFORM), PLATFORM_KEY)
    stranger = Ed25519PrivateKey.generate()
    other = seal(LABEL, ABOUT, KEY)
    for signature in (sign(data, stranger), sign(other, PLATFORM), "", "not base64!", "密文", "AAAA"):
        assert code(verify, data, signature, PLATFORM_KEY) == "labels.print_data_unsigned"
        assert code(opened, data, signed=signature or "-") == "labels.print_data_unsigned"
    assert code(verify, data, sign(data, PLATFORM), b"short") == "labels.print_data_unsigned"


def test_it_may_be_printed_until_its_last_second_and_not_after() -> None:
    data = seal(LABEL, ABOUT, KEY)
    assert opened(data, at=ABOUT.good_until).label == LABEL
    assert code(opened, data, at=ABOUT.good_until + timedelta(seconds=1)) == "labels.print_data_expired"


def test_a_label_that_says_too_much_is_refused_before_it_is_sealed() -> None:
    endless = replace(LABEL, remark="长" * (MOST_BYTES // 3))
    assert code(seal, endless, ABOUT, KEY) == "labels.print_data_too_long"
    assert code(seal, LABEL, ABOUT, replace(KEY, app="a" * 2_000)) == "labels.print_data_too_long"


def test_a_key_reaches_its_agent_and_nobody_else() -> None:
    wrapped = wrap_for_agent(KEY, AGENT_ID, AGENT_KEY)
    assert unwrap(wrapped, AGENT_ID, AGENT.private_bytes_raw()) == KEY
    assert base64.b64encode(KEY.secret[:6]).decode() not in wrapped
    stranger = X25519PrivateKey.generate().private_bytes_raw()
    for agent, private in ((AGENT_ID, stranger), ("another", AGENT.private_bytes_raw()), (AGENT_ID, b"short")):
        assert code(unwrap, wrapped, agent, private) == "labels.shop_key_damaged"


@pytest.mark.parametrize(
    "change",
    [{"key": "4"}, {"app": "x"}, {"shop": "x"}, {"agent": "another"}, {"ephemeral": ZERO_POINT.hex()}],
    ids=str,
)
def test_no_word_about_a_wrapped_key_can_be_changed(change: dict[str, str]) -> None:
    wrapped = reheaded(wrap_for_agent(KEY, AGENT_ID, AGENT_KEY), **change)
    agent = change.get("agent", AGENT_ID)
    assert code(unwrap, wrapped, agent, AGENT.private_bytes_raw()) == "labels.shop_key_damaged"


@pytest.mark.parametrize("public", [b"", b"short", ZERO_POINT, bytes(33)])
def test_a_public_key_that_is_none_gets_no_key(public: bytes) -> None:
    assert code(wrap_for_agent, KEY, AGENT_ID, public) == "labels.agent_key_wrong"


def test_print_data_and_wrapped_keys_are_never_taken_for_each_other() -> None:
    data, wrapped = seal(LABEL, ABOUT, KEY), wrap_for_agent(KEY, AGENT_ID, AGENT_KEY)
    assert code(opened, wrapped) == "labels.print_data_damaged"
    assert code(unwrap, data, AGENT_ID, AGENT.private_bytes_raw()) == "labels.shop_key_damaged"


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.b64encode(raw).decode())), st.text(max_size=20))
def test_whatever_is_handed_in_is_answered_with_a_refusal(text: str, signature: str) -> None:
    for attempt, args in (
        (open_sealed, (text, signature, PLATFORM_KEY, KEY, NOW)),
        (header_of, (text,)),
        (unwrap, (text, AGENT_ID, AGENT.private_bytes_raw())),
        (verify, (text, signature, PLATFORM_KEY)),
        (template_address, (text,)),
        (check_template, (text, "zto", HOST)),
    ):
        assert code(attempt, *args).startswith("labels.")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 2_000))
def test_headers_of_any_bytes_and_length_are_answered_with_a_refusal(head: bytes, length: int) -> None:
    data = base64.b64encode(b"MDP1" + length.to_bytes(2) + head).decode()
    assert code(opened, data) == "labels.print_data_damaged"


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_LABELS = st.builds(
    LabelData,
    number=st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True),
    barcode_text=_TEXTS,
    carrier=st.sampled_from(["", "zto", "sf"]),
    recipient_name=_TEXTS,
    recipient_address=_TEXTS,
    goods=_TEXTS,
    remark=_TEXTS,
    services=st.lists(_TEXTS, max_size=3).map(tuple),
    order_ids=st.lists(_TEXTS, max_size=3).map(tuple),
    cod_fen=st.integers(0, 10**9),
    copy=st.integers(1, 99),
    sandbox=st.booleans(),
    position=_TEXTS,
    custom=st.dictionaries(_TEXTS, _TEXTS, max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(_LABELS)
def test_any_label_survives(label: LabelData) -> None:
    assert opened(seal(label, ABOUT, KEY)).label == label


def test_data_of_the_custom_area_are_put_on_the_label_without_phones() -> None:
    label = with_custom(LABEL, '{"productInfo": "杯子 x2", "buyer": {"note": "打 13900001111"}, "count": 3}')
    assert label.custom == {"productInfo": "杯子 x2", "buyer.note": "打 ***********", "count": "3"}
    assert with_custom(LABEL, {"a": 1}).custom == {"a": "1"}
    assert replace(label, custom=LABEL.custom) == LABEL


@pytest.mark.parametrize("data", ["", "[]", "{", "1", "null", '{"a":' * 3_000, f'{{"a": "{"x" * 60_000}"}}', [1], None])
def test_other_data_for_the_custom_area_are_refused(data: object) -> None:
    assert code(with_custom, LABEL, data) == "labels.custom_data_wrong"


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/templates/zto/zto-76x130@1.json", TemplateAddress("zto", "zto-76x130", 1)),
        (f"/templates/any/own/1001/{'0a' * 16}/a@12.json", TemplateAddress("any", "a", 12, 1001, "0a" * 16)),
        ("/templates/sf/sf-100x150@1.png", TemplateAddress("sf", "sf-100x150", 1, kind="png")),
    ],
)
def test_a_path_names_a_template_and_the_other_way_round(path: str, address: TemplateAddress) -> None:
    assert template_address(path) == address
    assert address.path == path


def test_a_template_of_the_carrier_or_of_any_may_be_fetched() -> None:
    assert check_template(f"{HOST}/templates/zto/zto-76x130@1.json", "zto", HOST).name == "zto-76x130"
    assert check_template(f"{HOST}/templates/any/neutral-76x130@1.json", "zto", f"{HOST}/").carrier == "any"


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/templates/zto/zto-76x130@1.json",
        "http://waybills.example/templates/zto/zto-76x130@1.json",
        "https://waybills.example@elsewhere.example/templates/zto/zto-76x130@1.json",
        "https://waybills.example.elsewhere.example/templates/zto/zto-76x130@1.json",
        "https://waybills.example:444/templates/zto/zto-76x130@1.json",
        f"{HOST}/other/zto/zto-76x130@1.json",
        f"{HOST}/templates/zto/../../secret@1.json",
        f"{HOST}/templates/zto/zto-76x130@1.json?next=https://elsewhere.example",
        f"{HOST}/templates/zto/zto-76x130@1.json#x",
        f"{HOST}/templates/zto/zto-76x130@1.png",
        f"{HOST}/templates/zto/zto-76x130@１.json",
        f"{HOST}/templates/zto/zto-76x130.json",
        f"{HOST}/templates/zto/zto-76x130@1.json\n",
        "file:///etc/passwd",
        "",
    ],
)
def test_nothing_else_is_fetched(url: str) -> None:
    assert code(check_template, url, "zto", HOST) == "labels.template_not_ours"
    assert code(check_template, url, "zto", "") == "labels.template_not_ours"


def test_a_template_of_another_carrier_is_refused() -> None:
    url = f"{HOST}/templates/yto/yto-76x130@1.json"
    assert code(check_template, url, "zto", HOST) == "labels.template_of_other_carrier"
