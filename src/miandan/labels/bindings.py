"""Values and conditions of a template made into functions of a label: paths and a closed list of functions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import lru_cache
from operator import attrgetter
from typing import Any

from miandan.kernel.masks import RULES, mask_detail, mask_name, mask_phone
from miandan.labels.model import PERSONS, GoodsLine, LabelData, Purpose
from miandan.labels.template import Field, Literally, Value, When

Reader = Callable[[Any], str]
"""Text from what is bound: a `LabelData`, in a table a row of it."""

Condition = Callable[[LabelData], bool]

_ALLOWED = {Purpose.LABEL: frozenset({"", "label"}), Purpose.PRINT_FULL: frozenset({"", "label", "screen", "none"})}
"""Masks that a template may ask for: a weaker one than the job's purpose gives would need the plain person."""

_FEN = re.compile(r"-?[0-9]{1,15}")
_INSTANT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d))?)?")
_PARTS = ("YYYY", "MM", "DD", "hh", "mm", "ss")
_CUSTOM = "custom."
_ROW = tuple(field.name for field in fields(GoodsLine))
_SHEET = (*(field.name for field in fields(LabelData) if field.name not in ("goods_lines", "custom")), "copy_code")


class WrongPath(ValueError):
    """A path leads nowhere; `known` are the nearest that exist."""

    def __init__(self, path: str, known: Sequence[str]) -> None:
        super().__init__(path)
        self.path = path
        self.known = known


class MaskOfNobody(ValueError):
    """A mask is asked for where no person stands: the rules are those for names, phones and addresses."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class ForbiddenMask(ValueError):
    """A template asks for more of a person than the purpose of the job allows."""

    def __init__(self, path: str, mask: str, purpose: Purpose) -> None:
        super().__init__(path)
        self.path = path
        self.mask = mask
        self.purpose = purpose


def name_of(value: Value) -> str:
    """How warnings call the value: its paths, never its content."""
    return "+".join(part.path for part in value if isinstance(part, Field))


def changes(value: Value) -> bool:
    """Whether the value depends on the label."""
    return any(isinstance(part, Field) for part in value)


def reader(value: Value, purpose: Purpose, *, of_row: bool = False) -> Reader:
    """What `value` says of a label, or of a goods line. Raises WrongPath and ForbiddenMask."""
    parts = [_part(part, purpose, of_row) for part in value]
    if len(parts) == 1:
        return parts[0]
    return lambda bound: "".join([part(bound) for part in parts])


@lru_cache(maxsize=1024)
def condition(whens: When | tuple[When, ...]) -> Condition:
    """Whether all of the conditions hold. Raises WrongPath.

    The same conditions give the same function, so an output can ask once for all the nodes that share it.
    """
    if isinstance(whens, When):
        return _one_condition(whens)
    first, *others = whens
    if not others:
        return condition(first)
    one, rest = condition(first), condition(tuple(others))
    return lambda label: one(label) and rest(label)


def _part(part: Field | Literally, purpose: Purpose, of_row: bool) -> Reader:
    if isinstance(part, Literally):
        text = part.text
        return lambda bound: text
    if part.mask and (of_row or part.path not in PERSONS):
        raise MaskOfNobody(part.path)
    if part.mask not in _ALLOWED[purpose]:
        raise ForbiddenMask(part.path, part.mask, purpose)
    read = _text_of(part, of_row)
    for change in _functions(part):
        read = _then(read, change)
    if part.default:
        plain, default = read, part.default
        return lambda bound: plain(bound) or default
    return read


def _then(read: Reader, change: Callable[[str], str]) -> Reader:
    return lambda bound: change(read(bound))


def _functions(part: Field) -> list[Callable[[str], str]]:
    found: list[Callable[[str], str]] = []
    if part.mask in RULES:
        found.append(_mask(part.path, part.mask))
    if part.money:
        found.append(yuan)
    if part.date:
        pattern = part.date
        found.append(lambda text: dated(text, pattern))
    if part.slice is not None:
        start, end = part.slice
        found.append(lambda text: text[start:end] if end else text[start:])
    if part.upper:
        found.append(str.upper)
    return found


def _mask(path: str, rule: str) -> Callable[[str], str]:
    if path.endswith("_name"):
        return mask_name
    if path.endswith("_phone"):
        return lambda text: mask_phone(text, rule)
    return mask_detail


def yuan(fen: str) -> str:
    """Fen as yuan: "12345" is "123.45", "0" and what is no number is empty."""
    if not _FEN.fullmatch(fen) or int(fen) == 0:
        return ""
    whole, part = divmod(abs(int(fen)), 100)
    return f"{'-' if fen.startswith('-') else ''}{whole}.{part:02d}"


def dated(text: str, pattern: str) -> str:
    """A date by a pattern of YYYY MM DD hh mm ss; what is no date stays as it is."""
    found = _INSTANT.match(text)
    if found is None:
        return text
    for name, part in zip(_PARTS, found.groups("00"), strict=True):
        pattern = pattern.replace(name, part)
    return pattern


def _text_of(part: Field, of_row: bool) -> Reader:
    path, join = part.path, part.join
    if path.startswith(_CUSTOM) and not of_row:
        key = path.removeprefix(_CUSTOM)
        return lambda label: str(label.custom.get(key, ""))
    get: Callable[[Any], Any] = attrgetter(known(path, of_row=of_row))
    kind = _kind(path, of_row)
    if kind is str:
        return get
    if kind is int:
        return lambda bound: str(get(bound))
    if kind is bool:
        return lambda bound: "1" if get(bound) else ""
    return lambda bound: join.join(get(bound))


def _kind(path: str, of_row: bool) -> object:
    if path == "copy_code":
        return str
    return (GoodsLine if of_row else LabelData).__dataclass_fields__[path].type


def known(path: str, *, of_row: bool = False) -> str:
    """`path` when it names something of a label (or a goods line) that is text. Raises WrongPath."""
    if path.startswith(_CUSTOM) and not of_row and len(path) > len(_CUSTOM):
        return path
    names = _ROW if of_row else _SHEET
    if path not in names:
        raise WrongPath(path, get_close_matches(path, names, 3, 0.5) or names)
    return path


def _one_condition(when: When) -> Condition:
    holds = _holds(when)
    if when.unless:
        return lambda label: not holds(label)
    return holds


def _holds(when: When) -> Condition:
    get = _value_of(when.path)
    if when.at_least is not None:
        at_least = when.at_least
        if not when.path.startswith(_CUSTOM) and when.path != "goods_lines" and _kind(when.path, False) is int:
            return lambda label: bool(get(label) >= at_least)
        return lambda label: _number(get(label)) >= at_least
    if when.equals is not None:
        equals, said = when.equals, _text_of(Field(when.path), of_row=False)
        return lambda label: said(label) == equals
    if when.has is not None:
        has = when.has
        return lambda label: _holds_item(get(label), has)
    return lambda label: bool(get(label))


def _holds_item(value: object, item: str) -> bool:
    """Whether a list holds the item; what is no list is one item by itself."""
    return item in value if isinstance(value, tuple) else item == str(value)


def _value_of(path: str) -> Callable[[LabelData], Any]:
    if path.startswith(_CUSTOM):
        key, below = path.removeprefix(_CUSTOM), f"{path.removeprefix(_CUSTOM)}."
        # What was an object in the data stands there by its parts; a condition asks whether there was one.
        return lambda label: label.custom.get(key, "") or any(name.startswith(below) for name in label.custom)
    return attrgetter(path if path == "goods_lines" else known(path))


def _number(value: object) -> float:
    if isinstance(value, int):
        return value
    try:
        return float(str(value))
    except ValueError:
        return len(value) if isinstance(value, tuple) else float("-inf")
