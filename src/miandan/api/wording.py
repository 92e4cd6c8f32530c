"""Wrong fields in words. The words are ours: the validator's own may quote what was sent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, Field

MOST_NAMED: Final = 20
"""Wrong fields that one answer lists."""

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
_MISSING: Final = ("缺少这个字段", "this field is missing")
_WORDS: Final = {
    "missing": _MISSING,
    "extra_forbidden": ("没有这个字段", "there is no such field"),
    "string_type": ("应为文本（编号也用文本）", "must be text; ids are text too"),
    "string_too_short": ("至少 {min_length} 个字符", "needs {min_length} or more characters"),
    "string_too_long": ("最多 {max_length} 个字符", "has more than {max_length} characters"),
    "string_pattern_mismatch": ("格式不对", "has the wrong form"),
    "string_unicode": ("不是有效的 Unicode 文本", "is no valid Unicode"),
    "control_character": ("含有不可打印的控制字符", "holds control characters"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "int_from_float": ("应为整数", "must be a whole number"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "too_short": ("至少 {min_length} 项", "needs {min_length} or more items"),
    "too_long": ("最多 {max_length} 项", "has more than {max_length} items"),
    "enum": ("应为 {expected} 之一", "must be one of {expected}"),
    "literal_error": ("应为 {expected} 之一", "must be one of {expected}"),
    "union_tag_invalid": ("应为 {expected_tags} 之一", "must be one of {expected_tags}"),
    "union_tag_not_found": _MISSING,
    "uuid_parsing": ("应为 UUID", "must be a UUID"),
    "uuid_type": ("应为 UUID", "must be a UUID"),
    "list_type": ("应为数组", "must be an array"),
    "dict_type": ("应为对象", "must be an object"),
    "model_type": ("应为对象", "must be an object"),
    "model_attributes_type": ("应为对象", "must be an object"),
    "time_wrong": ("应为带时区的时间，例如 2026-03-01T10:00:00+08:00", "must be a time with its zone (RFC 3339)"),
    "timezone_aware": ("时间要带时区", "the time needs its zone"),
    "nothing_to_change": ("没有要修改的内容", "there is nothing to change"),
}
_OTHER: Final = ("格式不对", "has the wrong form")
_TOLD: Final = ("min_length", "max_length", "ge", "le", "expected", "expected_tags")
"""What of a validator's context is said: limits of ours, never what was sent."""


class FieldProblem(BaseModel):
    """One wrong field."""

    field: str = Field(description="位置 / where, e.g. `body.parcels.0.pieces`")
    zh: str
    en: str


def field_problems(found: Sequence[Mapping[str, Any]], *within: str) -> list[FieldProblem]:
    """The validator's findings, said anew; `within` is what it looked at, where its places do not begin with that."""
    return [_field_problem(one["type"], (*within, *one["loc"]), one.get("ctx", {})) for one in found[:MOST_NAMED]]


def _field_problem(kind: str, place: Sequence[str | int], context: Mapping[str, Any]) -> FieldProblem:
    zh, en = _WORDS.get(kind, _OTHER)
    told = {name: context.get(name, "?") for name in _TOLD}
    return FieldProblem(field=_path(place), zh=zh.format_map(told), en=en.format_map(told))


def _path(place: Sequence[str | int]) -> str:
    """Field names and places; the name of an unknown field only where it looks like one."""
    return ".".join(str(one) if isinstance(one, int) or _FIELD_NAME.fullmatch(one) else "?" for one in place)
