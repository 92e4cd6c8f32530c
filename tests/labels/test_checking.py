"""A wrong template is told where it is wrong and what was expected, all of it at once, in both languages."""

import copy
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import checked, problems, read_template
from miandan.labels.model import Purpose
from miandan.labels.template import CustomArea, Template, json_schema, with_custom_area, written
from tests.docs.raised import ROOT

BOX = {"x": 1000, "y": 1000, "w": 30000, "h": 8000}
FIELD = {"of": "field", "path": "goods"}
TEXT = {"type": "text", "box": BOX, "size": 3000, "value": [FIELD]}
TABLE = {
    "type": "table",
    "box": {"x": 1000, "y": 1000, "w": 60000, "h": 40000},
    "columns": [{"value": [{"of": "field", "path": "title"}], "w": 40000}],
    "row_height": 5000,
    "size": 3000,
}
CHINESE = re.compile("[一-鿿]")


def page(*nodes: dict[str, Any], **head: Any) -> str:
    whole = {"name": "mine", "version": 1, "width": 76000, "height": 130000, "nodes": list(nodes)} | head
    return json.dumps(whole)


def nested(depth: int) -> dict[str, Any]:
    group: dict[str, Any] = {"type": "group", "box": BOX, "nodes": []}
    for _ in range(depth):
        group = {"type": "group", "box": BOX, "nodes": [group]}
    return group


def told(text: str, purpose: Purpose = Purpose.LABEL) -> list[tuple[str, str]]:
    found = problems(text, standards.standard, purpose)
    assert all(CHINESE.search(problem.zh) for problem in found)
    return [(problem.place, problem.en) for problem in found]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("{", "$", "line 1 column 2"),
        ("[]", "$", "an object"),
        ("\udcff", "$", "no valid JSON"),
        (page(name="Mein Etikett"), "$.name", "small letters"),
        (page(version=0), "$.version", ">= 1"),
        (page(width=900_000), "$.width", "<= 300000"),
        (page(colour="red"), "$", "`colour`"),
        (page({"type": "circle", "box": BOX}), "$.nodes[0].type", "expected one of text, rect"),
        (page({"box": BOX}), "$.nodes[0]", "`type` is missing"),
        (page(TEXT | {"when": []}), "$.nodes[0].when", "at least 1 items"),
        (page(TEXT | {"when": {"path": "copy", "at_least": 1, "equals": "1"}}), "$.nodes[0].when", "only one of"),
        (
            page(TEXT | {"value": [FIELD | {"mask": "label"}]}),
            "$.nodes[0].value[0].mask",
            "names, phones and addresses",
        ),
        (page(TEXT | {"value": [FIELD | {"slice": [1]}]}), "$.nodes[0].value[0].slice", "must have 2 items"),
        (page(version=10**9), "$.version", "<= 999999999"),
        (page(title="\ud800"), "$", "UTF-8"),
        (page(*[TEXT] * 2_001), "$.nodes", "more than 2000"),
        (page({"type": "group", "box": BOX, "nodes": [{}]} | {"nodes": [nested(30)]}), "$.nodes", "deeper than 20"),
        (page(*[TABLE | {"row_height": 1500}] * 80), "$.nodes[76].columns", "2000 cells"),
        (page(TEXT | {"align": "center"}), "$.nodes[0].align", "left, centre, right"),
        (page(TEXT | {"rotate": 45}), "$.nodes[0].rotate", "0, 90, 180, 270"),
        (page(TEXT | {"size": "3mm"}), "$.nodes[0].size", "expected int, got str"),
        (page(TEXT | {"box": BOX | {"w": -1}}), "$.nodes[0].box.w", ">= 0"),
        (page(TEXT | {"value": []}), "$.nodes[0].value", "must not be empty"),
        (page(TEXT | {"value": [FIELD | {"path": "recipent_name"}]}), "$.nodes[0].value[0].path", "recipient_name"),
        (page(TEXT | {"when": {"path": "nobody"}}), "$.nodes[0].when.path", "no field nobody"),
        (page(TEXT | {"when": [{"path": "goods"}, {"path": "no"}]}), "$.nodes[0].when[1].path", "no field no"),
        (page(TEXT | {"box": BOX | {"w": 76000}}), "$.nodes[0].box", "x+w = 77000, at most 76000"),
        (page(TEXT | {"box": BOX | {"h": 0}}), "$.nodes[0].box", "above 0"),
        (page(TEXT | {"min_size": 4000}), "$.nodes[0].min_size", "not be above size"),
        (page(TEXT | {"box": BOX | {"h": 2000}}), "$.nodes[0].box", "no room for one character"),
        (page({"type": "line", "box": BOX}), "$.nodes[0].box", "use a rect"),
        (page({"type": "line", "box": BOX | {"h": 300}, "dash": 1}), "$.nodes[0].dash", "at least 250"),
        (page({"type": "rect", "box": BOX, "stroke": 4001}), "$.nodes[0].stroke", "at most 4000"),
        (page({"type": "image", "box": BOX, "png": "xyz"}), "$.nodes[0].png", "not base64"),
        (page({"type": "image", "box": BOX, "png": "R0lGODlh"}), "$.nodes[0].png", "not a PNG"),
        (page(TABLE | {"columns": []}), "$.nodes[0].columns", "at least one column"),
        (page(TABLE | {"row_height": 50000}), "$.nodes[0].row_height", "no room for one row"),
        (page(TABLE | {"overflow": "sheet"}), "$.nodes[0]", "no table on the further sheets"),
        (page(TABLE | {"sheets": "all"}), "$.nodes[0].overflow", "on further sheets"),
        (page(custom=BOX | {"x": 60000}), "$.custom", "x+w = 90000"),
    ],
)
def test_each_way_to_be_wrong_has_a_place_and_what_was_expected(text: str, place: str, words: str) -> None:
    found = told(text)
    assert place in [where for where, _ in found]
    assert any(words in en for where, en in found if where == place), found


def test_a_column_is_told_of_by_its_own_paths() -> None:
    wrong = TABLE | {"columns": [{"value": [{"of": "field", "path": "number"}], "w": 70000}]}
    found = dict(told(page(wrong)))
    assert "title, spec, code" in found["$.nodes[0].columns[0].value[0].path"]
    assert "70000 wide" in found["$.nodes[0].columns"]


def test_one_problem_does_not_hide_another() -> None:
    group = {"type": "group", "box": BOX, "nodes": [TEXT | {"size": "x"}, {"type": "ring"}]}
    places = [place for place, _ in told(page({"type": "oval"}, TEXT | {"lines": 0}, group))]
    assert places == ["$.nodes[0].type", "$.nodes[1].lines", "$.nodes[2].nodes[0].size", "$.nodes[2].nodes[1].type"]


def test_a_refusal_names_the_first_problem_and_counts_the_others() -> None:
    with pytest.raises(Refusal) as refused:
        read_template(page({"type": "oval"}, {"type": "ring"}))
    assert "$.nodes[0].type" in refused.value.zh
    assert "另有 1 处" in refused.value.zh
    assert "1 more" in refused.value.en


@pytest.mark.parametrize("mask", ["screen", "none"])
def test_a_template_cannot_ask_for_more_of_a_person_than_the_purpose_allows(mask: str) -> None:
    text = page(TEXT | {"value": [{"of": "field", "path": "recipient_phone", "mask": mask}]})
    assert told(text) == [
        ("$.nodes[0].value[0].mask", f"the purpose label does not allow recipient_phone to be shown as {mask}")
    ]
    assert told(text, Purpose.PRINT_FULL) == []
    with pytest.raises(Refusal) as refused:
        checked(msgspec.json.decode(text, type=Template))
    assert refused.value.code == "labels.template_wrong"


def test_nodes_of_a_custom_area_keep_to_it() -> None:
    base = next(name for name in standards.standard_names() if _standard(name).custom is not None)
    room = _standard(base).custom
    assert room is not None
    node = TEXT | {"size": 2000, "box": {"x": 0, "y": 0, "w": room.w, "h": room.h}}
    area = {"name": "mine", "version": 1, "base": base, "nodes": [node]}
    assert told(json.dumps(area)) == []
    whole = read_template(json.dumps(area), standards.standard)
    assert (whole.name, whole.width) == ("mine", _standard(base).width)
    wide = copy.deepcopy(area)
    wide["nodes"] = [node | {"box": {"x": 1, "y": 0, "w": room.w, "h": room.h}}]
    assert [place for place, _ in told(json.dumps(wide))] == ["$.nodes[0].box"]
    assert told(json.dumps(area | {"base": "nobody-76x130"})) == [
        ("$.base", "there is no standard template nobody-76x130")
    ]


def _standard(name: str) -> Template:
    found = standards.standard(name)
    assert found is not None
    return found


def test_a_template_written_and_read_again_is_the_same() -> None:
    for name in standards.standard_names():
        template = _standard(name)
        assert msgspec.json.decode(written(template), type=Template) == template


def test_a_file_of_notepad_is_read() -> None:
    text = page(TEXT).encode("utf-8-sig")
    assert problems(text) == []
    assert read_template(text).name == "mine"


def test_a_custom_area_stands_in_the_standard_unchanged() -> None:
    standard = msgspec.structs.replace(_standard("neutral-76x130"), custom=None)
    with pytest.raises(ValueError, match="no custom area"):
        with_custom_area(standard, CustomArea("mine", 1, standard.name, ()))


def test_the_published_schema_is_that_of_the_model() -> None:
    published = (ROOT / "docs" / "label-template.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == json_schema(), "write it anew: miandan templates schema"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 200_000) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*BOX, *TEXT, "path"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*TABLE, *TEXT, "png", "when", "rotate", "nodes"]), JSON))
@settings(deadline=None, max_examples=150)
def test_nothing_that_stands_in_a_file_makes_the_check_fail(changes: dict[str, Any]) -> None:
    for node in (TEXT, TABLE):
        text = page(node | changes)
        if not problems(text, standards.standard):
            template = read_template(text, standards.standard)
            assert checked(template).first.slots is not None
            assert read_template(written(template), standards.standard) == template
