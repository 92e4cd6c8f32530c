"""Ciphertext is told by its shape, and nothing that a person writes is taken for it."""

import base64
import os
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.vault.ciphertext import OWN_KEY_BLOCK, Ciphertext, CiphertextKind, find, recognise


def marked(mark: str, payload: bytes, key_block: bytes, index: str = "") -> str:
    body = base64.b64encode(payload).decode() + "*" + base64.b64encode(key_block).decode()
    return f"{mark}{index}{mark}{body}{mark}1{mark}{mark if mark != '~' else ''}"


@pytest.mark.parametrize("index", ["", "4RbvHQ1x/A=="])
@pytest.mark.parametrize("mark", ["$", "#", "~"])
def test_the_marked_shape_of_doudian_is_recognised(mark: str, index: str) -> None:
    kind = recognise(marked(mark, os.urandom(81), b"\x08\x06" + os.urandom(72), index))
    assert kind == Ciphertext(CiphertextKind.MARKED, marks_phone=mark == "$")


@pytest.mark.parametrize("size", [16, 79, 400, 4000])
def test_our_own_is_told_apart_whatever_its_length(size: int) -> None:
    kind = recognise(marked("$", os.urandom(size), OWN_KEY_BLOCK + os.urandom(20)))
    assert kind is not None
    assert kind.is_own
    assert kind.marks_phone


def test_a_phone_of_seventy_characters_is_jds() -> None:
    text = "7h2jR+x/" + base64.b64encode(random.Random(4).randbytes(46)).decode()[:61] + "="
    assert len(text) == 70
    assert recognise(text) == Ciphertext(CiphertextKind.JD_PHONE, marks_phone=True)


def test_nearly_all_long_random_base64_and_all_hexadecimal_is_opaque() -> None:
    noise = random.Random(9)
    texts = [base64.b64encode(noise.randbytes(noise.randint(24, 120))).decode() for _ in range(2_000)]
    unseen = [text for text in texts if recognise(text) is None]
    assert len(unseen) <= 4
    assert all(recognise(noise.randbytes(20).hex()) is not None for _ in range(200))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "欧阳娜娜",
        "19000001234",
        "+86 190-0000-1234",
        "0571-88881234-802",
        "18400000965-7576",
        "19000001234,19000001235,19000001236,19000001237",
        "浙江省杭州市西湖区文一西路 969 号 $3 栋#2-1102$",
        "#12-3456-7890-2211-3344-5566#",
        "Building No.9, Zhongguancun Software Park, Haidian",
        "WolfeschlegelsteinhausenbergerdorffWelche",
        "ShanghaiPudongZhangjiangRoad200Room302Building5",
        "liu.xiaoming.2024.hangzhou@example-mail.example.com",
        "https://example.com/orders/2024/03/10/list?page=2",
        "690000000029728344812345678901234567890",
        "------------------------------------------",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$",
    ],
)
def test_what_a_person_writes_is_no_ciphertext(text: str) -> None:
    assert recognise(text) is None
    assert find(text) == []


@given(st.text(alphabet=st.characters(categories=["Lo"]), min_size=1, max_size=80), st.integers(0, 9_999))
def test_no_text_with_a_chinese_character_is_ciphertext(text: str, number: int) -> None:
    assert recognise(f"{text}{number}") is None


@given(st.from_regex(re.compile(r"(\+86)?[01][0-9]{6,14}(-[0-9]{1,6})?"), fullmatch=True))
def test_no_phone_is_ciphertext(text: str) -> None:
    assert recognise(text) is None


def test_ciphertext_is_found_between_the_words_of_a_pasted_recipient() -> None:
    phone = marked("$", os.urandom(81), os.urandom(74))
    name = marked("#", os.urandom(79), os.urandom(74))
    found = find(f"收件人：{name}\n电话：{phone},浙江省杭州市西湖区虚构路1号")
    assert [(piece, kind.marks_phone) for piece, kind in found] == [(name, False), (phone, True)]
