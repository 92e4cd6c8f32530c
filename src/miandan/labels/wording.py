"""A validator's findings in the words of both languages: where something is wrong and what was expected."""

import re
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from miandan.labels import template as model

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>.+)`)?$", re.DOTALL)
_TYPES = {
    "int": "整数",
    "str": "文本",
    "object": "对象 {…}",
    "array": "数组 […]",
    "bool": "true 或 false",
    "float": "小数",
}


def worded(wrong: msgspec.ValidationError, place: str = "$") -> tuple[str, str, str]:
    """What a validator found, below `place`: where, and the words for it in both languages."""
    found = _AT.match(str(wrong))
    what, at = (found["what"], found["place"] or "$") if found else (str(wrong), "$")
    where = place + at.removeprefix("$")
    return where, *_in_words(what, where)


def _in_words(what: str, where: str) -> tuple[str, str]:
    """A validator's sentence in both languages."""
    if found := re.match(r"Object missing required field `(.+)`", what):
        return f"缺少字段 {found[1]}", f"the field `{found[1]}` is missing"
    if found := re.match(r"Object contains unknown field `(.+)`", what):
        return f"没有名为 {found[1]} 的字段", f"there is no field `{found[1]}`"
    if re.match(r"Invalid (enum )?value", what):
        allowed = "、".join(_allowed(where.rpartition(".")[2]))
        value = what.removeprefix("Invalid enum value").removeprefix("Invalid value").strip()
        return (
            f"不能是 {value}，应为 {allowed} 之一",
            f"cannot be {value}; expected one of {allowed.replace('、', ', ')}",
        )
    if found := re.match(r"Expected `(.+?)`, got `(.+)`", what):
        kinds = [" 或 ".join(_TYPES.get(one, one) for one in side.split(" | ")) for side in found.groups()]
        return f"应为{kinds[0]}，实际是{kinds[1]}", f"expected {found[1]}, got {found[2]}"
    if found := re.match(r"Expected `array` of length (>=|<=)? ?(\d+)", what):
        few, many = {">=": ("不少于 ", "at least "), "<=": ("不多于 ", "at most ")}.get(found[1], ("", ""))
        return f"应有{few}{found[2]} 项", f"must have {many}{found[2]} items"
    if found := re.match(r"Expected `(.+?)` (>=|<=|>|<) (\S+)", what):
        sign = {">=": "不小于", "<=": "不大于", ">": "大于", "<": "小于"}[found[2]]
        return f"应{sign} {found[3]}", f"must be {found[2]} {found[3]}"
    if "matching regex" in what:
        return "只能用小写字母、数字、点、下划线和短横线", "may hold small letters, digits, dots, _ and - only"
    return f"格式不对（{what}）", what


def _allowed(name: str) -> list[str]:
    """What a field whose values are listed may be."""
    structs = [one for one in vars(model).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    tags = [(one.__struct_config__.tag_field, one.__struct_config__.tag) for one in structs]
    values = [str(tag) for field, tag in tags if field == name]
    for struct in structs:
        hint = get_type_hints(struct).get(name)
        for part in (hint, *get_args(hint)):
            if get_origin(part) is Literal:
                values += [str(value) or '""' for value in get_args(part) if str(value) not in values]
    return list(dict.fromkeys(values))
