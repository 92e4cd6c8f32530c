"""The regression set of pasted recipients: every style a buyer or a clerk pastes, with all parts stated by hand."""

from pathlib import Path

import pytest

from miandan import addresses

_FIELDS = ("name", "phone", "extension", "province", "city", "district", "town", "detail")


def _cases() -> list[tuple[str, tuple[str, ...]]]:
    lines = (Path(__file__).parent / "pasted.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return [(row[0].replace("\\n", "\n").replace("\\t", "\t"), tuple(row[1:])) for row in rows]


@pytest.mark.parametrize(("text", "parts"), _cases())
def test_every_part_of_a_pasted_recipient_is_found(text: str, parts: tuple[str, ...]) -> None:
    parsed = addresses.parse(text)
    assert tuple(getattr(parsed, field) for field in _FIELDS) == parts


def test_the_regression_set_covers_at_least_150_texts_each_of_them_once() -> None:
    texts = [text for text, _ in _cases()]
    assert len(texts) >= 150
    assert len(set(texts)) == len(texts)


def test_a_recipient_never_shows_itself_in_a_repr() -> None:
    assert repr(addresses.parse("张三 13900001111 浙江省杭州市西湖区文三路1号")) == "ParsedRecipient(***)"


def test_the_description_has_the_fields_of_the_command_in_order() -> None:
    described = addresses.describe(addresses.parse("张三 13900001111转8831 杭州市江干区九堡镇老街5号"))
    assert described == {
        "name": "张三",
        "phone": "13900001111",
        "extension": "8831",
        "province": "浙江省",
        "city": "杭州市",
        "district": "上城区",
        "town": "九堡街道",
        "detail": "老街5号",
        "division_code": "330102",
        "uncertain": ["district: 江干区(2021-04-09)现为上城区"],
    }
    assert list(described)[:3] == ["name", "phone", "extension"]
