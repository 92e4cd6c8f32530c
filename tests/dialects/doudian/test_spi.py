"""We ask a developer's server as the platform does, and its public receivers would believe us."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.dialects.doudian import spi
from miandan.dialects.doudian.outgoing import open_sender
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.errors import Refusal
from tests.access.push_ground import APP, SECRET
from tests.dialects.doudian import listener
from tests.dialects.doudian.listener import Asked, Listener, says

AT = datetime(2026, 1, 1, tzinfo=BEIJING)
MD5 = "56db4ca96e24adde9a72864be12c1c71"
HMAC = "8c89c58d2ab9a23c4099e4f9ba49e135302915198644331dc6b8c5fde20c064d"
TEXT = '{"arg_1":"a"}'
PATIENCE = 30
"""Seconds, for what must come."""


def query_of(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(asked.target).query, keep_blank_values=True, strict_parsing=True))


# --- signing ----------------------------------------------------------------------------------------------------------


def test_both_signatures_are_those_of_the_public_vector() -> None:
    usual = spi.signed_query(APP, TEXT, SECRET, AT)
    assert usual == {
        "app_key": APP,
        "timestamp": "2026-01-01 00:00:00",
        "sign_method": "md5",
        "sign": MD5,
        "sign_v2": HMAC,
    }
    other = spi.signed_query(APP, TEXT, SECRET, AT, "hmac-sha256")
    assert (other["sign"], other["sign_v2"]) == (HMAC, MD5)


@pytest.mark.parametrize(("method", "signature"), [("", MD5), ("md5", MD5), ("2", HMAC), ("hmac-sha256", HMAC)])
def test_a_receiver_reads_every_way_of_naming_the_method(method: str, signature: str) -> None:
    query = {"app_key": APP, "timestamp": "2026-01-01 00:00:00", "sign_method": method, "sign": signature}
    assert spi.is_genuine(query, TEXT, ["another", SECRET], AT)
    assert not spi.is_genuine(query | {"sign": signature[:-1] + "g"}, TEXT, [SECRET], AT)
    assert not spi.is_genuine(query, TEXT, ["another"], AT)
    assert not spi.is_genuine(query, TEXT, [], AT)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2026-01-01 00:00:00", AT + timedelta(seconds=601)),
        ("2026-01-01 00:00:00", AT - timedelta(seconds=601)),
        ("1767196800", AT),
        ("", AT),
        ("2026-01-01T00:00:00", AT),
        ("9999-99-99 00:00:00", AT),
    ],
)
def test_a_call_that_is_old_or_undated_is_not_believed(timestamp: str, at: datetime) -> None:
    query = {"app_key": APP, "timestamp": timestamp, "sign": spi.sign(APP, TEXT, timestamp, SECRET)}
    assert not spi.is_genuine(query, TEXT, [SECRET], at)


def test_a_signature_over_the_sorted_or_the_escaped_form_counts() -> None:
    sent = '{ "b": "<&>", "a": {"d": 1.0, "c": "中文"} }'
    sorted_form = '{"a":{"c":"中文","d":1.0},"b":"<&>"}'
    escaped = sorted_form.replace("<&>", "\\u003c\\u0026\\u003e")
    for form in (sent, sorted_form, escaped):
        query = {"app_key": APP, "timestamp": "2026-01-01 00:00:00"}
        query["sign"] = spi.sign(APP, form, query["timestamp"], SECRET)
        assert spi.is_genuine(query, sent, [SECRET], AT)


# without fractions: each language writes those in its own way, and the text as written is signed
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(st.dictionaries(st.text(), NESTED))
def test_whatever_is_asked_is_signed_so_that_a_receiver_believes_it(params: dict[str, Any]) -> None:
    try:
        json.dumps(params, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    text = spi.sorted_json(params)
    assert json.loads(text) == json.loads(json.dumps(params))
    query = spi.signed_query(APP, text, SECRET, AT)
    assert spi.is_genuine(query, text, [SECRET], AT)
    assert spi.is_genuine(query, json.dumps(params), [SECRET], AT)  # a receiver that reads and writes it again
    assert not spi.is_genuine(query, text + " ", ["wrong"], AT)


# --- calling ----------------------------------------------------------------------------------------------------------


async def test_a_developer_is_asked_with_a_signed_post_and_its_data_comes_back() -> None:
    params = {"b": "中文 <&>", "a": 1}
    answer = says(b'{"code":0,"message":"ok","data":{"x":[1]}}')
    async with Listener(answer).listening() as developer, open_sender(PATIENCE) as sender:
        assert await spi.call(sender, f"{developer.url}?token=a%2Bb", APP, SECRET, spi.sorted_json(params)) == {
            "x": [1]
        }
    (asked,) = developer.asked
    query = query_of(asked)
    assert (asked.method, asked.body.decode()) == ("POST", '{"a":1,"b":"中文 <&>"}')
    assert query["token"] == "a+b"
    assert spi.is_genuine(query, asked.body.decode(), [SECRET], now())


async def test_a_get_carries_its_json_in_the_query_whatever_is_in_it() -> None:
    params = {"phone": "$abc$d+e/=$1$$", "text": "a&b=c#d%25 中文"}
    async with Listener(says(b'{"code":"0","data":null}')).listening() as developer, open_sender(PATIENCE) as sender:
        text = spi.sorted_json(params)
        assert await spi.call_by_get(sender, developer.url, APP, SECRET, text, sign_method="hmac-sha256") is None
    (asked,) = developer.asked
    query = query_of(asked)
    assert (asked.method, asked.body) == ("GET", b"")
    assert json.loads(query["param_json"]) == params
    assert query["sign_method"] == "hmac-sha256"
    assert spi.is_genuine(query, query["param_json"], [SECRET], now())


@pytest.mark.parametrize(
    ("answer", "code", "fields"),
    [
        (b'{"code":6005,"message":"13800001234"}', "spi.refused", {"code": 6005}),
        (b'{"code":"10001"}', "spi.refused", {"code": 10001}),
        (b'{"code":true}', "spi.unanswered", {"failure": "garbled", "status": 200}),
        (b'{"data":{}}', "spi.unanswered", {"failure": "garbled", "status": 200}),
        (b'{"code":"zero"}', "spi.unanswered", {"failure": "garbled", "status": 200}),
        (b"no", "spi.unanswered", {"failure": "garbled", "status": 200}),
    ],
)
async def test_a_developer_that_refuses_or_talks_nonsense_is_a_refusal_without_its_words(
    answer: bytes, code: str, fields: dict[str, object]
) -> None:
    async with Listener(says(answer)).listening() as developer, open_sender(PATIENCE) as sender:
        with pytest.raises(Refusal) as refused:
            await spi.call(sender, developer.url, APP, SECRET, "{}")
    assert refused.value.code == code
    assert refused.value.fields.items() >= fields.items()
    assert "13800001234" not in f"{refused.value} {refused.value.fields}"


async def test_a_developer_that_is_away_slow_or_broken_is_named_by_its_host_only() -> None:
    async with (
        Listener().listening() as developer,
        open_sender(0.3) as hasty,
        open_sender(PATIENCE) as sender,
    ):
        for answer, failure, status in (
            (listener.drips, "timed_out", None),
            (listener.hangs_up, "garbled", None),
            (says(b"", "301 Moved", "location: /"), "redirected", 301),
            (says(b"", "503 Busy"), "status", 503),
        ):
            developer.answer = answer
            asked = hasty if failure == "timed_out" else sender
            with pytest.raises(Refusal) as refused:
                await spi.call(asked, f"{developer.url}?token=hidden", APP, SECRET, "{}")
            assert refused.value.fields == {"host": "127.0.0.1", "failure": failure, "status": status or "-"}
    async with Listener().down() as developer, open_sender(PATIENCE) as sender:
        with pytest.raises(Refusal, match=r"spi\.unanswered.*unreachable"):
            await spi.call(sender, developer.url, APP, SECRET, "{}")
