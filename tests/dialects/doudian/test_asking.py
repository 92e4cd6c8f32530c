"""Gathering a call: every way in which clients send it, and odd bytes."""

import tempfile
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.dialects.doudian.asking import MOST_FIELDS, TOLERANCE, check_time, read_call, read_time
from miandan.kernel.errors import Refusal

COMMON = {"app_key": "7", "method": "order.merge", "timestamp": "1700000000", "v": "2", "sign": "ab"}
JSON = '{"a":"+ &%#$=中","b":[1]}'
FORM = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="x-y"'


def _multipart(fields: dict[str, str]) -> bytes:
    parts = [
        f'--x-y\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    return ("".join(parts) + "--x-y--\r\n").encode()


@pytest.mark.parametrize(
    ("query", "content_type", "body"),
    [
        (urlencode(COMMON | {"param_json": JSON}), "", b""),
        (urlencode(COMMON), "application/json;charset=utf-8", JSON.encode()),
        (urlencode(COMMON), "Content-Type: application/json", JSON.encode()),  # what the official Go SDK sends
        (urlencode(COMMON), FORM, JSON.encode()),  # and what lazy clients send
        (urlencode(COMMON), FORM, urlencode({"param_json": JSON}).encode()),
        ("", FORM, urlencode(COMMON | {"param_json": JSON}).encode()),
        ("", "text/plain", urlencode(COMMON | {"param_json": JSON}).encode()),
        (urlencode(COMMON), MULTIPART, _multipart({"param_json": JSON})),
        ("", MULTIPART, _multipart(COMMON | {"param_json": JSON})),
    ],
)
def test_parameters_are_found_wherever_clients_put_them(query: str, content_type: str, body: bytes) -> None:
    asked = read_call(query.encode(), content_type, body)
    assert (asked.app_key, asked.method, asked.timestamp, asked.version, asked.sign) == tuple(COMMON.values())
    assert asked.texts == (JSON,)


def test_every_business_json_of_a_call_may_be_the_signed_one() -> None:
    query = urlencode(COMMON | {"param_json": '{"q":1}'}).encode()
    assert read_call(query, "", b'{"b":1}').texts == ('{"q":1}', '{"b":1}')


def test_without_business_json_the_empty_object_is_signed() -> None:
    assert read_call(urlencode(COMMON).encode(), "", b"").texts == ("{}", "")


def test_the_query_counts_before_the_form_and_an_empty_parameter_is_none() -> None:
    asked = read_call(b"app_key=1&v=", FORM, b"app_key=2&v=2&method=a.b")
    assert (asked.app_key, asked.version, asked.method) == ("1", "2", "a.b")


def test_a_file_in_a_multipart_body_is_left_alone() -> None:
    body = (
        b'--x-y\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n\xff\x00\r\n'
        b'--x-y\r\nContent-Disposition: form-data; name="param_json"\r\n\r\n{}\r\n--x-y--\r\n'
    )
    assert read_call(b"", MULTIPART, body).texts == ("{}",)


def test_a_large_file_in_a_multipart_body_does_not_reach_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("written to disk")

    for maker in ("TemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, maker, refuse)
    body = (
        b'--x-y\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n' + b"x" * 2**22 + b"\r\n"
        b'--x-y\r\nContent-Disposition: form-data; name="param_json"\r\n\r\n{}\r\n--x-y--\r\n'
    )
    assert read_call(b"", MULTIPART, body).texts == ("{}",)


@pytest.mark.parametrize(
    ("query", "content_type", "body"),
    [
        (b"", "", b"\xff\xfe{}"),
        (b"a=%ff", "", b""),
        (b"", MULTIPART, b"\r\n--no boundary here"),
        (b"", "multipart/form-data", b"--x\r\n\r\n"),
        (b"", MULTIPART, _multipart({"a": "b"}).replace(b"b\r\n", b"\xff\r\n")),
    ],
)
def test_bytes_that_are_no_text_are_refused(query: bytes, content_type: str, body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_call(query, content_type, body)
    assert refused.value.code == "doudian.body_unreadable"


@pytest.mark.parametrize("content_type", [FORM, MULTIPART])
def test_a_flood_of_fields_is_refused(content_type: str) -> None:
    fields = {f"f{place}": "x" for place in range(MOST_FIELDS + 5)}
    body = _multipart(fields) if content_type == MULTIPART else urlencode(fields).encode()
    with pytest.raises(Refusal) as refused:
        read_call(b"", content_type, body)
    assert refused.value.code == "doudian.too_many_fields"


@given(st.binary(max_size=200), st.sampled_from(["", FORM, MULTIPART, "multipart/form-data"]), st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(query: bytes, content_type: str, body: bytes) -> None:
    code = None
    try:
        texts = read_call(query, content_type, body).texts
    except Refusal as refusal:
        texts, code = (), refusal.code
    assert texts or code in ("doudian.body_unreadable", "doudian.too_many_fields")


AT = datetime(2026, 11, 26, 9, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["1795685405", "1795685405000", "2026-11-26 17:30:05", "2026/11/26 17:30:05", "2026-11-26T17:30:05"]
)
def test_a_timestamp_is_seconds_or_a_date_in_beijing(text: str) -> None:
    assert read_time(text) == AT


@pytest.mark.parametrize("text", ["", "x", "12", "2026-13-01 00:00:00", "2026-11-26", "9" * 40, "2026-11-26 25:00:00"])
def test_anything_else_is_no_timestamp(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_time(text)
    assert refused.value.code == "doudian.timestamp_format"


@pytest.mark.parametrize("direction", [1, -1])
def test_a_timestamp_may_be_off_by_five_minutes_and_not_by_more(direction: int) -> None:
    check_time("1795685405", AT + TOLERANCE * direction)
    with pytest.raises(Refusal) as refused:
        check_time("1795685405", AT + (TOLERANCE + timedelta(seconds=1)) * direction)
    assert refused.value.code == "doudian.timestamp_off"
