"""The field tables, and reading by them: generated cases over every method, for what is missing, wrong or too much."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from miandan.dialects.doudian.fields import Field, Table, requests, responses
from miandan.kernel.errors import Refusal

METHODS = sorted(requests())
_SAMPLES: Mapping[str, Any] = {
    "String": "x", "Int16": 1, "Int32": 1, "Int64": 1, "Bool": True, "Number": 1.5, "Map": {"k": "v"}, "Any": "x",
}  # fmt: skip
_WRONG: Mapping[str, list[Any]] = {
    "String": [{}, [], True],
    "Int16": ["x", {}, [], 1.5, True, 2**15],
    "Int32": ["x", {}, [], 1.5, True, 2**31],
    "Int64": ["x", {}, [], 1.5, True, 2**63],
    "Bool": ["perhaps", {}, [], 2],
    "Number": ["x", {}, []],
    "Map": ["x", [], 1],
    "Struct": ["x", [], 1],
    "Any": [],
}


def sample(table: Table) -> dict[str, Any]:
    """A call with every field of the table."""
    return {name: _whole(one) for name, one in table.root.below.items()}


def _whole(one: Field) -> Any:
    kind = one.kind[5:-1] if one.is_list else one.kind
    value: Any = {name: _whole(below) for name, below in one.below.items()} if kind == "Struct" else _SAMPLES[kind]
    if one.limit and not one.is_list:
        value = one.limit.words[0] if one.limit.words else _of_limit(value, one.limit.least)
    if one.is_list:
        return [value] * (max(one.limit.least, 1) if one.limit else 1)
    return value


def _of_limit(value: Any, size: int) -> Any:
    return "x" * max(size, 1) if isinstance(value, str) else size


def with_value(call: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The call with one field changed wherever it stands; `...` takes it out."""
    copy: dict[str, Any] = json.loads(json.dumps(call))
    holders: list[Any] = [copy]
    *above, name = path.split(".")
    for step in above:
        below = [holder[step] for holder in holders]
        holders = [item for one in below for item in (one if isinstance(one, list) else [one])]
    for holder in holders:
        if value is ...:
            del holder[name]
        else:
            holder[name] = value
    return copy


def _refusal(table: Table, call: Any) -> Refusal | None:
    try:
        table.read(json.dumps(call))
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize("name", METHODS)
def test_a_whole_call_is_read_field_by_field(name: str) -> None:
    table = requests()[name]
    assert table.read(json.dumps(sample(table))) == sample(table)


@pytest.mark.parametrize("name", METHODS)
def test_every_required_field_that_is_missing_null_or_empty_is_named(name: str) -> None:
    table = requests()[name]
    for one in table:
        if one.required:
            gone: list[Any] = [..., None, *([""] if one.kind == "String" else [])]
            for value in gone:
                refusal = _refusal(table, with_value(sample(table), one.path, value))
                assert refusal is not None
                assert (refusal.code, refusal.fields["field"]) == ("doudian.field_missing", one.path)


@pytest.mark.parametrize("name", METHODS)
def test_every_field_that_is_not_required_may_be_missing_or_null(name: str) -> None:
    table = requests()[name]
    for one in table:
        if not one.required:
            for value in (..., None):
                assert _refusal(table, with_value(sample(table), one.path, value)) is None, one.path


@pytest.mark.parametrize("name", METHODS)
def test_every_wrong_type_is_named_and_its_value_is_not_shown(name: str) -> None:
    table = requests()[name]
    for one in table:
        for wrong in _wrong_values(one):
            refusal = _refusal(table, with_value(sample(table), one.path, wrong))
            assert refusal is not None, (one.path, wrong)
            assert refusal.code in ("doudian.field_type", "doudian.field_limit")
            assert refusal.fields["field"] == one.path


def _wrong_values(one: Field) -> Iterator[Any]:
    if not one.is_list:
        yield from _WRONG[one.kind]
        return
    yield from ("x", {}, 1)
    count = max(one.limit.least, 1) if one.limit else 1
    yield from ([wrong] * count for wrong in _WRONG[one.kind[5:-1]])


@pytest.mark.parametrize("name", METHODS)
def test_every_limit_is_kept_to_the_last_and_broken_by_one(name: str) -> None:
    table = requests()[name]
    for one in table:
        if one.limit is None:
            continue
        call = sample(table)
        for value, fits in _at_the_limit(one):
            refusal = _refusal(table, with_value(call, one.path, value))
            assert (refusal is None) is fits, (one.path, str(value)[:40], refusal)
            if refusal is not None:
                assert (refusal.code, refusal.fields["field"]) == ("doudian.field_limit", one.path)


def _at_the_limit(one: Field) -> Iterator[tuple[Any, bool]]:
    limit = one.limit
    assert limit is not None
    if limit.words:
        yield from ((word, True) for word in limit.words)
        yield "no such word", False
        return
    if one.is_list:
        [item] = {json.dumps(item) for item in _whole(one)}
        least = max(limit.least, 1)
        for count, fits in ((least, True), (limit.most, True), (limit.most + 1, False), (least - 1, not one.required)):
            yield [json.loads(item)] * count, fits
        return
    of_text = one.kind == "String"
    yield ("x" * limit.most if of_text else limit.most), True
    yield ("x" * (limit.most + 1) if of_text else limit.most + 1), False
    if not of_text:
        yield limit.least - 1, False
    if limit.pattern is not None:
        yield "中", False


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        ("total_weight", 1.5, "1.5"), ("total_weight", 200, "200"), ("pay_amount", "12", 12), ("pay_amount", 3.0, 3),
        ("pay_amount", "7.00", 7), ("is_sign_back", "1", 1), ("remark", 0, "0"),
    ],
)  # fmt: skip
def test_numbers_and_texts_are_taken_for_each_other(kind: str, given: Any, read: Any) -> None:
    table = requests()["logistics.newCreateOrder"]
    found = table.read(json.dumps(with_value(sample(table), f"order_infos.{kind}", given)))
    assert found["order_infos"][0][kind] == read


@pytest.mark.parametrize("name", METHODS)
def test_nulls_are_no_items_of_a_list(name: str) -> None:
    table = requests()[name]
    for one in table:
        if not one.is_list or one.limit is None:
            continue
        refusal = _refusal(table, with_value(sample(table), one.path, [None] * max(one.limit.least, 1)))
        if one.required:
            assert refusal is not None, one.path
            assert (refusal.code, refusal.fields["field"]) == ("doudian.field_limit", one.path)
        else:
            assert refusal is None, one.path


def test_what_no_database_stores_is_left_out_of_a_map_too() -> None:
    table = requests()["shop.editStore"]
    given = with_value(sample(table), "open_time.day_map", {"1\0": ["9-12\0", {"a\0": 1}], "2": "9\0-18"})
    read = table.read(json.dumps(given))
    assert read["open_time"]["day_map"] == {"1": ["9-12", {"a": 1}], "2": "9-18"}


def test_unknown_fields_are_left_out() -> None:
    table = requests()["logistics.cancelOrder"]
    assert table.read('{"logistics_code":"zto","track_no":"1","more":{"a":1}}') == {
        "logistics_code": "zto",
        "track_no": "1",
    }


@pytest.mark.parametrize("text", ["", "[]", "1", '"x"', "{", "null", "[" * 5000, '{"a":NaN}', "\ud800"])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        requests()["logistics.cancelOrder"].read(text)
    assert refused.value.code == "doudian.json_malformed"


def test_every_method_has_a_table_of_its_answer() -> None:
    assert requests().keys() == responses().keys()
