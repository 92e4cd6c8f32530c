"""What each method takes and gives, as the tables in `fields/` say; reading the business JSON of a call by them.

Reading is lenient where clients differ and strict where a wrong value would ship a parcel wrongly: a null is an absent
field, so is an empty list where none is needed, a number may be written as text and a text as a number, unknown fields
are left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, Required, TypedDict

import msgspec
from msgspec import Meta

from miandan.kernel.errors import Refusal

LONGEST_TEXT: Final = 20_000
"""Characters of a field without a limit of its own; the longest that clients send is a page of remarks."""

_INTEGERS: Final = {"Int16": 2**15 - 1, "Int32": 2**31 - 1, "Int64": 2**63 - 1}
_STRICT: Final[Mapping[str, Any]] = {"Bool": bool, "Number": float, "Map": dict[str, Any], "Any": Any}
_WHOLE: Final = re.compile(r"[+-]?\d{1,19}(\.0+)?")
_TRUE: Final = (True, 1, "true", "True", "1")
_FALSE: Final = (False, 0, "false", "False", "0", "")


@dataclass(frozen=True, slots=True)
class Limit:
    """Least and most items, characters or value; the characters allowed, or the words that there are."""

    least: int
    most: int
    pattern: re.Pattern[str] | None = None
    words: tuple[str, ...] = ()
    said: str = ""


@dataclass(slots=True)
class Field:
    """One field of a method: its place below its parent, its type, what stands below it.

    What a call asks of it again and again is kept: whether it is a list, which fields below it are required.
    """

    path: str
    kind: str
    required: bool
    limit: Limit | None = None
    below: "dict[str, Field]" = field(default_factory=dict)
    is_list: bool = field(init=False)
    required_below: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_list = self.kind.startswith("List<")

    @property
    def item_kind(self) -> str:
        """Type of a list's items; of any other field its own."""
        return self.kind[5:-1] if self.is_list else self.kind

    def put(self, name: str, one: "Field") -> None:
        """Place a field below this one."""
        self.below[name] = one
        if one.required:
            self.required_below.append(name)


class Table:
    """The fields of one method."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.root = Field("", "Struct", True)
        self._strict: msgspec.json.Decoder[dict[str, Any]] | None = None

    def read(self, text: str) -> dict[str, Any]:
        """The business JSON by this table.

        Most clients write every field as the table has it and are read at once; the rest are read field by field, and
        so is what is wrong, to name it. Raises doudian.json_malformed, doudian.field_missing, doudian.field_type,
        doudian.field_limit; each names the field and shows nothing of its value.
        """
        if "\\u0000" in text:  # left out where text is read; no database stores it
            return self._read_leniently(text)
        if self._strict is None:
            self._strict = msgspec.json.Decoder(_strict_type(self.root, self.method))
        try:
            return self._strict.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return self._read_leniently(text)

    def _read_leniently(self, text: str) -> dict[str, Any]:
        try:
            given = msgspec.json.decode(text)
            if isinstance(given, dict):
                return _struct(self.root, given)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            pass
        raise Refusal("doudian.json_malformed")

    def __iter__(self) -> Iterator[Field]:
        """Every field, parents before what is below them."""
        waiting = list(self.root.below.values())
        while waiting:
            one = waiting.pop(0)
            yield one
            waiting = list(one.below.values()) + waiting


def _strict_type(table: Field, name: str) -> Any:
    """The type of what is written exactly as the table says: nothing null, nothing of another type."""
    if table.item_kind == "Struct":
        fields = {key: _needed(one, _strict_type(one, f"{name}.{key}")) for key, one in table.below.items()}
        item: Any = _dictionary(name, fields)
    else:
        item = _strict_item(table)
    if not table.is_list:
        return item
    limit = table.limit
    many: Any = list.__class_getitem__(item)
    return many if limit is None else Annotated[many, Meta(min_length=limit.least, max_length=limit.most)]


def _dictionary(name: str, fields: dict[str, Any]) -> Any:
    return TypedDict(name, fields, total=False)  # type: ignore[operator]  # made from data, once per method


def _needed(one: Field, kind: Any) -> Any:
    return Required[kind] if one.required else kind


def _strict_item(table: Field) -> Any:
    kind, limit = table.item_kind, None if table.is_list else table.limit
    if kind == "String" and limit is not None and limit.words:
        return Literal[limit.words]
    if kind == "String":
        least = max(limit.least if limit else 0, int(table.required and not table.is_list))
        pattern = f"^{limit.pattern.pattern}" if limit and limit.pattern else None
        most = limit.most if limit else LONGEST_TEXT
        return Annotated[str, Meta(min_length=least, max_length=most, pattern=pattern)]
    if kind in _INTEGERS:
        largest = _INTEGERS[kind]
        bounds = (limit.least, limit.most) if limit else (-largest - 1, largest)
        return Annotated[int, Meta(ge=bounds[0], le=bounds[1])]
    return _STRICT[kind]


def _struct(table: Field, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong_type(table)
    found: dict[str, Any] = {}
    below = table.below
    for name, value in given.items():
        one = below.get(name)
        if one is not None and value is not None:
            found[name] = _value(one, value)
    for name in table.required_below:
        if name not in found or found[name] == "":
            raise Refusal("doudian.field_missing", field=below[name].path)
    return found


def _value(table: Field, given: Any) -> Any:
    if table.is_list:
        return _items(table, given)
    read = _READERS[table.kind]
    value = read(table, given)
    if table.limit is not None and value != "":
        _check(table, value)
    return value


def _items(table: Field, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise _wrong_type(table)
    limit = table.limit
    there = [item for item in given if item is not None]
    if not there and not table.required:
        return []  # clients that cannot leave a list out send it empty
    if limit is not None and not limit.least <= len(there) <= len(given) <= limit.most:
        raise Refusal("doudian.field_limit", field=table.path, limit=limit.said)
    read = _READERS[table.item_kind]
    return [read(table, item) for item in there]


def _text(table: Field, given: Any) -> str:
    if type(given) is str:
        text = given
    elif isinstance(given, bool) or not isinstance(given, int | float):
        raise _wrong_type(table)
    else:
        text = repr(given)
    text = text.replace("\0", "")
    if len(text) > LONGEST_TEXT:
        raise Refusal("doudian.field_limit", field=table.path, limit=f"<= {LONGEST_TEXT}")
    return text


def _whole(table: Field, given: Any) -> int:
    if type(given) is str and _WHOLE.fullmatch(given.strip()):
        given = int(given.strip().partition(".")[0])
    elif isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise _wrong_type(table)
    most = _INTEGERS[table.item_kind]
    if not -most - 1 <= given <= most:
        raise Refusal("doudian.field_limit", field=table.path, limit=f"<= {most}")
    return given


def _truth(table: Field, given: Any) -> bool:
    if isinstance(given, bool | int | str):
        if given in _TRUE:
            return True
        if given in _FALSE:
            return False
    raise _wrong_type(table)


def _number(table: Field, given: Any) -> float:
    try:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise ValueError
        return float(given)
    except (ValueError, OverflowError):
        raise _wrong_type(table) from None


def _any(_table: Field, given: Any) -> Any:
    """As it is: whoever reads it sets aside what is wrong, where one wrong item must not lose the others."""
    return given


def _map(table: Field, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong_type(table)
    return {name.replace("\0", ""): _storable(value) for name, value in given.items()}


def _storable(value: Any) -> Any:
    """As it is, without the character that no database stores."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {name.replace("\0", ""): _storable(one) for name, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value


_READERS = {
    "String": _text,
    "Int16": _whole,
    "Int32": _whole,
    "Int64": _whole,
    "Bool": _truth,
    "Number": _number,
    "Map": _map,
    "Any": _any,
    "Struct": _struct,
}


def _check(table: Field, value: Any) -> None:
    limit = table.limit
    assert limit is not None
    if limit.words:
        fits = value in limit.words
    elif isinstance(value, str):
        fits = limit.least <= len(value) <= limit.most and (limit.pattern is None or bool(limit.pattern.match(value)))
    else:
        fits = limit.least <= value <= limit.most
    if not fits:
        raise Refusal("doudian.field_limit", field=table.path, limit=limit.said)


def _wrong_type(table: Field) -> Refusal:
    return Refusal("doudian.field_type", field=table.path, kind=table.kind)


@cache
def requests() -> Mapping[str, Table]:
    """The table of every method, by its name."""
    tables: dict[str, Table] = {}
    for method, *rest in _rows("requests.tsv"):
        table = tables.setdefault(method, Table(method))
        if rest:
            path, kind, need, *limit = rest
            made = Field(path, kind, need == "Y", _limit(limit[0]) if limit else None)
            *above, name = path.split(".")
            _parent(table.root, above).put(name, made)
    return tables


def _parent(root: Field, path: list[str]) -> Field:
    found = root
    for name in path:
        found = found.below[name]
    return found


def _limit(said: str) -> Limit:
    if said.startswith("= "):
        return Limit(0, 0, words=tuple(said[2:].split()), said=" / ".join(said[2:].split()))
    numbers, _, characters = said.partition(" ")
    least, _, most = numbers.partition("..")
    return Limit(int(least), int(most), re.compile(f"{characters}*\\Z") if characters else None, said=said)


@cache
def responses() -> Mapping[str, Mapping[str, str]]:
    """Type of every field of each method's answer, by its path below `data`."""
    tables: dict[str, dict[str, str]] = {}
    for method, *rest in _rows("responses.tsv"):
        table = tables.setdefault(method, {})
        if rest:
            table[rest[0]] = rest[1]
    return tables


def _rows(name: str) -> Iterator[list[str]]:
    text = resources.files("miandan.dialects.doudian").joinpath("fields", name).read_text(encoding="utf-8")
    return (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
