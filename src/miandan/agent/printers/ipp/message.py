"""IPP messages as bytes and back (RFC 8010, section 3): groups of attributes, each with one or more typed values.

Reading never trusts a length: whatever is no message is refused, and nothing else is raised.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from miandan.kernel.errors import Refusal

VERSION: Final = (2, 0)

_HEAD = struct.Struct(">BBHI")
_NO_LANGUAGE = b"en"
_DEEPEST = 8  # collections within each other
_MOST_VALUES = 20_000


class Group(IntEnum):
    """What begins a group of attributes."""

    OPERATION = 0x01
    JOB = 0x02
    PRINTER = 0x04
    UNSUPPORTED = 0x05


_END_OF_ATTRIBUTES: Final = 0x03
_FIRST_VALUE_TAG: Final = 0x10


class Tag(IntEnum):
    """What a value is. Tags below 0x20 stand for no value at all."""

    UNSUPPORTED = 0x10
    UNKNOWN = 0x12
    NO_VALUE = 0x13
    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    OCTETS = 0x30
    DATE_TIME = 0x31
    RESOLUTION = 0x32
    RANGE = 0x33
    BEGIN_COLLECTION = 0x34
    TEXT_WITH_LANGUAGE = 0x35
    NAME_WITH_LANGUAGE = 0x36
    END_COLLECTION = 0x37
    TEXT = 0x41
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    URI_SCHEME = 0x46
    CHARSET = 0x47
    LANGUAGE = 0x48
    MIME_TYPE = 0x49
    MEMBER_NAME = 0x4A


Content = int | bool | str | bytes | tuple[int, ...] | tuple["Attribute", ...] | None
"""By tag: a number, a text, bytes, the parts of a range or a resolution, the members of a collection, or nothing."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value; `tag` is a Tag where we know it."""

    tag: int
    content: Content


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name and its values in their order."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Attributes:
    """One group."""

    group: int
    attributes: tuple[Attribute, ...] = ()

    def all(self, name: str) -> tuple[Content, ...]:
        """The values of an attribute; none where it is not there."""
        return next((tuple(v.content for v in one.values) for one in self.attributes if one.name == name), ())

    def text(self, name: str) -> str:
        """The first value if it is a text, else ""."""
        first = next(iter(self.all(name)), "")
        return first if isinstance(first, str) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(one for one in self.all(name) if isinstance(one, str))

    def number(self, name: str) -> int | None:
        first = next(iter(self.all(name)), None)
        return first if isinstance(first, int) else None


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer; `code` is the operation or the status. What follows the attributes is no part of it."""

    code: int
    request_id: int
    groups: tuple[Attributes, ...] = ()
    version: tuple[int, int] = VERSION

    def of(self, group: Group) -> Iterator[Attributes]:
        return (one for one in self.groups if one.group == group)

    def first(self, group: Group) -> Attributes:
        """The first group of its kind, or an empty one."""
        return next(self.of(group), Attributes(group))


# --- writing


def attribute(name: str, tag: Tag, *contents: Content) -> Attribute:
    """An attribute whose values all are of one kind."""
    return Attribute(name, tuple(Value(tag, one) for one in contents))


def encoded(message: Message) -> bytes:
    """Raises ValueError for what no message can hold: a name or a value of more than 65,535 bytes, none at all."""
    try:
        parts = [_HEAD.pack(*message.version, message.code, message.request_id)]
        for group in message.groups:
            parts.append(bytes([group.group]))
            for one in group.attributes:
                parts.extend(_attribute(one))
    except struct.error as wrong:
        raise ValueError(f"no IPP message: {wrong}") from None
    return b"".join((*parts, bytes([_END_OF_ATTRIBUTES])))


def _attribute(one: Attribute) -> Iterator[bytes]:
    if not one.values:
        raise ValueError(f"attribute {one.name} has no value")
    name = one.name
    for value in one.values:
        yield from _value(name, value)
        name = ""  # further values have none


def _value(name: str, value: Value) -> Iterator[bytes]:
    if value.tag != Tag.BEGIN_COLLECTION:
        yield _field(value.tag, name, _packed(value.tag, value.content))
        return
    yield _field(value.tag, name, b"")
    members = value.content if isinstance(value.content, tuple) else ()
    for member in members:
        if isinstance(member, Attribute):
            yield _field(Tag.MEMBER_NAME, "", member.name.encode())
            for one in member.values:
                yield from _value("", one)
    yield _field(Tag.END_COLLECTION, "", b"")


def _field(tag: int, name: str, data: bytes) -> bytes:
    called = name.encode()
    return struct.pack(">BH", tag, len(called)) + called + struct.pack(">H", len(data)) + data


def _packed(tag: int, content: Content) -> bytes:
    match tag, content:
        case (_, None):
            return b""
        case (Tag.BOOLEAN, bool() | int()):
            return b"\x01" if content else b"\x00"
        case ((Tag.INTEGER | Tag.ENUM), int()):
            return struct.pack(">i", content)
        case (Tag.RANGE, (int(low), int(high))):
            return struct.pack(">ii", low, high)
        case (Tag.RESOLUTION, (int(across), int(along), int(unit))):
            return struct.pack(">iib", across, along, unit)
        case ((Tag.TEXT_WITH_LANGUAGE | Tag.NAME_WITH_LANGUAGE), str()):
            text = content.encode()
            return struct.pack(">H", len(_NO_LANGUAGE)) + _NO_LANGUAGE + struct.pack(">H", len(text)) + text
        case (_, str()) if Tag.TEXT <= tag <= Tag.MIME_TYPE:
            return content.encode()
        case (_, bytes()) if not Tag.TEXT <= tag <= Tag.MIME_TYPE:
            return content
    raise ValueError(f"{content!r} is no value of tag {tag:#04x}")


# --- reading


def decoded(data: bytes) -> Message:
    """The message at the beginning of the bytes. Raises Refusal agent.ipp_unreadable, and nothing else."""
    return decoded_with_rest(data)[0]


def decoded_with_rest(data: bytes) -> tuple[Message, bytes]:
    """The message and what follows it: the document of a Print-Job. Raises Refusal agent.ipp_unreadable."""
    reader = _Reader(data)
    major, minor, code, request_id = _HEAD.unpack(reader.take(_HEAD.size))
    groups: list[Attributes] = []
    tag = reader.byte()
    while tag != _END_OF_ATTRIBUTES:
        if tag >= _FIRST_VALUE_TAG or tag == 0:
            raise reader.wrong("no group")
        attributes, following = _group(reader)
        groups.append(Attributes(_group_of(tag), attributes))
        tag = following
    return Message(code, request_id, tuple(groups), (major, minor)), data[reader.at :]


def _group_of(tag: int) -> int:
    return Group(tag) if tag in set(Group) else tag


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0
    values: int = 0

    def take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) != size:
            raise self.wrong("cut off")
        self.at += size
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def sized(self) -> bytes:
        return self.take(int.from_bytes(self.take(2)))

    def name(self) -> str:
        return self.sized().decode(errors="replace")

    def count(self) -> None:
        self.values += 1
        if self.values > _MOST_VALUES:
            raise self.wrong("too many values")

    def wrong(self, what: str) -> Refusal:
        return Refusal("agent.ipp_unreadable", what=what, at=self.at)


@dataclass(slots=True)
class _Gathered:
    """An attribute whose values are still coming."""

    name: str
    values: list[Value] = field(default_factory=list)

    def done(self) -> Attribute:
        return Attribute(self.name, tuple(self.values))


def _group(reader: _Reader) -> tuple[tuple[Attribute, ...], int]:
    """The attributes up to the next delimiter, and that."""
    found: list[_Gathered] = []
    while (tag := reader.byte()) >= _FIRST_VALUE_TAG:
        name = reader.name()
        if name:
            found.append(_Gathered(name))
        elif not found:
            raise reader.wrong("a value of no attribute")
        found[-1].values.append(_read_value(reader, tag, 0))
    return tuple(one.done() for one in found), tag


def _read_value(reader: _Reader, tag: int, depth: int) -> Value:
    """A value, behind its tag and name."""
    reader.count()
    data = reader.sized()
    if tag == Tag.BEGIN_COLLECTION:
        return Value(Tag.BEGIN_COLLECTION, _members(reader, depth + 1))
    if tag in (Tag.END_COLLECTION, Tag.MEMBER_NAME):
        raise reader.wrong("outside of a collection")
    return Value(Tag(tag) if tag in set(Tag) else tag, _content(reader, tag, data))


def _members(reader: _Reader, depth: int) -> tuple[Attribute, ...]:
    if depth > _DEEPEST:
        raise reader.wrong("nested too deeply")
    found: list[_Gathered] = []
    while (tag := reader.byte()) != Tag.END_COLLECTION:
        if tag < _FIRST_VALUE_TAG:
            raise reader.wrong("an open collection")
        reader.name()  # members have none of their own
        if tag == Tag.MEMBER_NAME:
            found.append(_Gathered(reader.name()))
        elif not found:
            raise reader.wrong("a value of no member")
        else:
            found[-1].values.append(_read_value(reader, tag, depth))
    reader.name()
    reader.name()
    return tuple(one.done() for one in found)


def _content(reader: _Reader, tag: int, data: bytes) -> Content:
    if tag < Tag.INTEGER:
        return None
    if tag in (Tag.INTEGER, Tag.ENUM):
        return _numbers(reader, ">i", data)[0]
    if tag == Tag.BOOLEAN:
        return _numbers(reader, ">b", data)[0] != 0
    if tag == Tag.RANGE:
        return _numbers(reader, ">ii", data)
    if tag == Tag.RESOLUTION:
        return _numbers(reader, ">iib", data)
    if tag in (Tag.TEXT_WITH_LANGUAGE, Tag.NAME_WITH_LANGUAGE):
        inside = _Reader(data)
        inside.sized()
        return inside.name()
    if Tag.TEXT <= tag <= Tag.MIME_TYPE:
        return data.decode(errors="replace")
    return data


def _numbers(reader: _Reader, form: str, data: bytes) -> tuple[int, ...]:
    if len(data) != struct.calcsize(form):
        raise reader.wrong("a number of another size")
    numbers: tuple[int, ...] = struct.unpack(form, data)
    return numbers
