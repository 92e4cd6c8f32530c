"""Signatures: the published formula, the forms that count, and nothing else."""

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.dialects.doudian.signing import (
    HMAC_SHA256,
    LONGEST_FORM,
    MD5,
    Signed,
    canonical,
    html_escaped,
    sign,
    signed_as_sent,
    signed_in_another_form,
)

SECRET = "example-secret-0001"
KEY = "7000000000000000001"
APPLY = '{"waybill_applies":[{"logistics_code":"yuantong","note":"中文/<a>&","track_no":"YT0000000000001"}]}'

# Computed with the platform's own Go and PHP code for an invented key (reference/doudian.md section 1).
VECTORS = [
    (
        "logistics.newCreateOrder",
        '{"logistics_code":"yuantong"}',
        "38ded75ba7eaec2041ef4fe01c921c23f2ea275e57051e0408974e10797705ef",
        "4be8bd7b00f726c1e4385061fa568bc4",
    ),
    (
        "logistics.waybillApply",
        APPLY,
        "92a3ff7a8390dadacdb28135fd120ef0949533b081a2cee23c6d121a26cae999",
        "e8e6a7cc4b2d6645aacd9df76e55264e",
    ),
]

numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda below: st.lists(below, max_size=5) | st.dictionaries(st.text(), below, max_size=5),
    max_leaves=25,
)
objects = st.dictionaries(st.text(), values, max_size=6)


def signed_text(signed: Signed, texts: list[str], signature: str, secrets: list[str], sign_method: str) -> str | None:
    """As the gateway looks: as sent, then in other forms."""
    found = signed_as_sent(signed, texts, signature, secrets, sign_method)
    return found or signed_in_another_form(signed, texts, signature, secrets, sign_method)


def _signed(method: str = "logistics.newCreateOrder") -> Signed:
    return Signed(KEY, method, "1700000000", "2")


@pytest.mark.parametrize(("method", "text", "hmac_sha256", "md5"), VECTORS)
def test_the_formula_gives_what_the_official_sdks_give(method: str, text: str, hmac_sha256: str, md5: str) -> None:
    assert sign(_signed(method), text, SECRET) == hmac_sha256
    assert sign(_signed(method), text, SECRET, MD5) == md5


def test_the_canonical_form_is_that_of_the_official_sdks() -> None:
    unsorted = (
        '{ "waybill_applies" : [ {"track_no":"YT0000000000001", "note":"\\u4e2d\\u6587/<a>&",'
        ' "logistics_code":"yuantong"} ] }'
    )
    assert canonical(unsorted) == APPLY


@pytest.mark.parametrize("number", ["1.0", "1", "1e0", "-0", "0.10", "123456789012345678901234567890", "1E+2"])
def test_a_number_keeps_the_form_in_which_it_was_written(number: str) -> None:
    assert canonical(f'{{"n": {number}}}') == f'{{"n":{number}}}'


@pytest.mark.parametrize("broken", ["", "{", "nul", '{"a":NaN}', '{"a":Infinity}', "[" * 100_000, '{"a":1}}'])
def test_what_is_not_json_has_no_canonical_form(broken: str) -> None:
    assert canonical(broken) is None


@given(objects)
@settings(max_examples=300)
def test_any_client_that_signs_what_it_sends_is_understood(value: dict[str, Any]) -> None:
    for text in (
        json.dumps(value),
        json.dumps(value, ensure_ascii=False),
        json.dumps(value, indent=2),
        html_escaped(json.dumps(value, ensure_ascii=False)),
    ):
        for method in (HMAC_SHA256, MD5):
            signature = sign(_signed(), text, SECRET, method)
            assert signed_as_sent(_signed(), [text], signature, [SECRET], method) == text


@given(objects)
@settings(max_examples=300)
def test_whoever_signs_the_canonical_form_may_send_another(value: dict[str, Any]) -> None:
    form = canonical(json.dumps(value))
    assert form is not None
    for signed in (form, html_escaped(form)):
        signature = sign(_signed(), signed, SECRET)
        sent = json.dumps(value, indent=1)
        assert signed_text(_signed(), [sent], signature, [SECRET], HMAC_SHA256) == sent


@given(objects)
@settings(max_examples=200)
def test_the_canonical_form_says_the_same_and_is_its_own_canonical_form(value: dict[str, Any]) -> None:
    form = canonical(json.dumps(value))
    assert form is not None
    assert canonical(form) == form
    assert json.loads(form) == json.loads(json.dumps(value))


@given(objects, st.text(string.hexdigits, min_size=1, max_size=64))
@settings(max_examples=100)
def test_another_secret_another_text_or_a_made_up_signature_never_fits(value: dict[str, Any], made_up: str) -> None:
    text = json.dumps(value)
    right = sign(_signed(), text, SECRET)
    assert signed_text(_signed(), [text], right, ["another-secret"], HMAC_SHA256) is None
    assert signed_text(_signed(), ['{"other":1}'], right, [SECRET], HMAC_SHA256) is None
    assert signed_text(_signed("order.merge"), [text], right, [SECRET], HMAC_SHA256) is None
    if made_up != right:
        assert signed_text(_signed(), [text], made_up, [SECRET], HMAC_SHA256) is None


def test_a_signature_made_with_either_of_two_live_secrets_fits() -> None:
    signature = sign(_signed(), "{}", "older")
    assert signed_text(_signed(), ["{}"], signature, ["newer", "older"], HMAC_SHA256) == "{}"


def test_of_several_texts_the_signed_one_counts() -> None:
    signature = sign(_signed(), '{"a":2}', SECRET)
    assert signed_text(_signed(), ['{"a":1}', '{"a":2}'], signature, [SECRET], HMAC_SHA256) == '{"a":2}'


@pytest.mark.parametrize("odd", ["\ud800", "签名", ""])
def test_a_signature_that_is_no_text_is_only_wrong(odd: str) -> None:
    assert signed_text(_signed(), ["{}"], odd, [SECRET], HMAC_SHA256) is None


def test_a_text_too_long_for_other_forms_counts_as_it_was_sent_alone() -> None:
    text = json.dumps({"b": "x" * LONGEST_FORM, "a": 1})
    form = canonical(text)
    assert form is not None
    assert signed_text(_signed(), [text], sign(_signed(), text, SECRET), [SECRET], HMAC_SHA256) == text
    assert signed_text(_signed(), [text], sign(_signed(), form, SECRET), [SECRET], HMAC_SHA256) is None
