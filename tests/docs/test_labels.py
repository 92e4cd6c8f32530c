"""docs/labels.md names everything that a template and a record may say, and its examples work."""

import json
import re
from dataclasses import fields
from typing import get_args

import msgspec
import pytest

from miandan.labels import template
from miandan.labels.checking import problems
from miandan.labels.model import GoodsLine, LabelData, WarningKind
from miandan.labels.records import read_records
from miandan.labels.rendering import Format
from miandan.labels.standards import standard
from tests.docs.pages import read, rows
from tests.docs.raised import ROOT

PAGE = read(ROOT / "docs" / "labels.md")
NAMED = set(re.findall(r"`([^`\n]+)`", PAGE))
OF_EVERY_NODE = {"box", "when", "sheets", "nodes", "name"}


def test_every_field_of_a_record_is_explained() -> None:
    assert [field.name for field in fields(LabelData) if field.name not in NAMED] == []
    assert [field.name for field in fields(GoodsLine) if field.name not in NAMED] == []


@pytest.mark.parametrize("node", get_args(template.Node), ids=lambda node: node.__name__)
def test_every_node_is_explained_with_its_fields(node: type[msgspec.Struct]) -> None:
    [row] = [row for row in rows(PAGE) if row[0] == f"`{node.__struct_config__.tag}`"]
    own = {field.name for field in msgspec.structs.fields(node)} - OF_EVERY_NODE
    assert [name for name in sorted(own) if f"`{name}`" not in row[1]] == []
    assert OF_EVERY_NODE - {"nodes", "name"} <= NAMED


def test_every_function_of_a_value_and_every_condition_is_explained() -> None:
    for struct in (template.Field, template.When):
        assert [field.name for field in msgspec.structs.fields(struct) if field.name not in NAMED] == []
    assert set(get_args(template.Symbology)) <= NAMED


def test_every_warning_and_every_format_is_explained() -> None:
    assert [kind.value for kind in WarningKind if not any(row[0] == f"`{kind.value}`" for row in rows(PAGE))] == []
    assert [one.value for one in Format if one.value not in NAMED] == []


def test_the_templates_that_are_shown_can_be_used() -> None:
    shown = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(shown) == 2
    assert [problems(text, standard) for text in shown] == [[], []]


def test_the_example_data_are_records() -> None:
    path = ROOT / "examples" / "labels.jsonl"
    with path.open("rb") as file:
        assert [one for one in read_records(file) if not isinstance(one, LabelData)] == []
    assert {json.loads(line)["carrier"] for line in path.read_text(encoding="utf-8").splitlines()} == {
        "zto",
        "sf",
        "jd",
    }
