"""IPP messages: bytes that RFC 8010 prints, what we write read back, and garbage refused."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.agent.printers.ipp.message import (
    Attribute,
    Attributes,
    Content,
    Group,
    Message,
    Tag,
    Value,
    attribute,
    decoded,
    decoded_with_rest,
    encoded,
)
from miandan.kernel.errors import Refusal


def field(tag: int, name: bytes, value: bytes) -> bytes:
    return struct.pack(">BH", tag, len(name)) + name + struct.pack(">H", len(value)) + value


# RFC 8010, appendix A.1: a Print-Job request, written here by hand from the table.
PRINT_JOB = (
    b"\x01\x01\x00\x02\x00\x00\x00\x01\x01"
    + field(0x47, b"attributes-charset", b"utf-8")
    + field(0x48, b"attributes-natural-language", b"en-us")
    + field(0x45, b"printer-uri", b"ipp://printer.example.com/ipp/print/pinetree")
    + field(0x42, b"job-name", b"foobar")
    + field(0x22, b"ipp-attribute-fidelity", b"\x01")
    + b"\x02"
    + field(0x21, b"copies", b"\x00\x00\x00\x14")
    + field(0x44, b"sides", b"two-sided-long-edge")
    + b"\x03"
)


def test_the_request_of_the_standard_is_read() -> None:
    message, rest = decoded_with_rest(PRINT_JOB + b"%!PDF...")
    assert (message.version, message.code, message.request_id) == ((1, 1), 2, 1)
    operation, job = message.groups
    assert operation.text("printer-uri") == "ipp://printer.example.com/ipp/print/pinetree"
    assert operation.all("ipp-attribute-fidelity") == (True,)
    assert job.number("copies") == 20
    assert job.texts("sides") == ("two-sided-long-edge",)
    assert rest == b"%!PDF..."


def test_the_request_of_the_standard_is_written() -> None:
    operation = Attributes(
        Group.OPERATION,
        (
            attribute("attributes-charset", Tag.CHARSET, "utf-8"),
            attribute("attributes-natural-language", Tag.LANGUAGE, "en-us"),
            attribute("printer-uri", Tag.URI, "ipp://printer.example.com/ipp/print/pinetree"),
            attribute("job-name", Tag.NAME, "foobar"),
            attribute("ipp-attribute-fidelity", Tag.BOOLEAN, True),
        ),
    )
    job = Attributes(
        Group.JOB,
        (attribute("copies", Tag.INTEGER, 20), attribute("sides", Tag.KEYWORD, "two-sided-long-edge")),
    )
    assert encoded(Message(2, 1, (operation, job), (1, 1))) == PRINT_JOB


def test_several_values_and_a_collection() -> None:
    """RFC 8010, appendix A.4 and section 3.1.6: further values have no name, members have theirs in a value."""
    data = (
        b"\x02\x00\x00\x00\x00\x00\x00\x07\x04"
        + field(0x44, b"printer-state-reasons", b"media-empty-error")
        + field(0x44, b"", b"cover-open")
        + field(0x34, b"media-col", b"")
        + field(0x4A, b"", b"media-size")
        + field(0x34, b"", b"")
        + field(0x4A, b"", b"x-dimension")
        + field(0x21, b"", b"\x00\x00\x1d\xb0")
        + field(0x37, b"", b"")
        + field(0x4A, b"", b"media-color")
        + field(0x44, b"", b"white")
        + field(0x37, b"", b"")
        + field(0x13, b"time-at-processing", b"")
        + b"\x03"
    )
    message = decoded(data)
    printer = message.first(Group.PRINTER)
    assert printer.texts("printer-state-reasons") == ("media-empty-error", "cover-open")
    (media,) = printer.all("media-col")
    size, color = media if isinstance(media, tuple) else ()
    assert isinstance(size, Attribute)
    assert isinstance(color, Attribute)
    assert size.values[0].content == (Attribute("x-dimension", (Value(Tag.INTEGER, 7600),)),)
    assert color.values == (Value(Tag.KEYWORD, "white"),)
    assert printer.number("time-at-processing") is None
    assert encoded(message) == data


@pytest.mark.parametrize("size", range(len(PRINT_JOB)))
def test_a_message_that_is_cut_off_anywhere_is_refused(size: int) -> None:
    with pytest.raises(Refusal) as refusal:
        decoded(PRINT_JOB[:size])
    assert refusal.value.code == "agent.ipp_unreadable"


@pytest.mark.parametrize(
    "body",
    [
        field(0x21, b"a", b"\0\0\0\1"),  # a value before any group
        b"\x01" + field(0x21, b"", b"\0\0\0\1"),  # a value of no attribute
        b"\x01" + field(0x21, b"a", b"\1"),  # a number of one byte
        b"\x01" + field(0x22, b"a", b""),
        b"\x01" + field(0x37, b"a", b""),  # the end of no collection
        b"\x01" + field(0x34, b"a", b"") + field(0x21, b"", b"\0\0\0\1"),  # a member without a name
        b"\x01" + field(0x34, b"a", b""),  # a collection without an end
        b"\x01" + (field(0x34, b"a", b"") + field(0x4A, b"", b"m")) * 20_000,  # nested without end
        b"\x01" + field(0x42, b"a", b"x") * 30_000,
        b"\x00",
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        decoded(b"\x02\x00\x00\x00\x00\x00\x00\x01" + body + b"\x03")
    assert refusal.value.code == "agent.ipp_unreadable"


def test_what_no_message_holds_is_not_written() -> None:
    for wrong in (
        Attribute("a", ()),
        attribute("a", Tag.INTEGER, "text"),
        attribute("a", Tag.INTEGER, 2**31),
        attribute("a", Tag.NAME, "x" * 70_000),
    ):
        with pytest.raises(ValueError, match=r"value|message"):
            encoded(Message(2, 1, (Attributes(Group.JOB, (wrong,)),)))


def code_of(data: bytes) -> str:
    """Why it is refused, "" where it is read."""
    try:
        decoded(data)
    except Refusal as refusal:
        return refusal.code
    return ""


HEAD = b"\x02\x00\x00\x00\x00\x00\x00\x01"


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda rest: HEAD + b"\x01" + rest)))
def test_garbage_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    assert code_of(data) in ("", "agent.ipp_unreadable")


@settings(max_examples=300)
@given(st.data())
def test_a_good_message_with_a_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(PRINT_JOB) - 1))
    changed = bytearray(PRINT_JOB)
    changed[place] = data.draw(st.integers(0, 255))
    assert code_of(bytes(changed)) in ("", "agent.ipp_unreadable")


_NAMES = st.text("abcdefghij-", min_size=1, max_size=20)
_INTEGERS = st.integers(-(2**31), 2**31 - 1)


def _simple() -> st.SearchStrategy[Value]:
    texts = st.sampled_from([Tag.TEXT, Tag.NAME, Tag.KEYWORD, Tag.URI, Tag.MIME_TYPE, Tag.NAME_WITH_LANGUAGE])
    kinds: list[st.SearchStrategy[Value]] = [
        st.builds(Value, st.sampled_from([Tag.INTEGER, Tag.ENUM]), _INTEGERS),
        st.builds(Value, st.just(Tag.BOOLEAN), st.booleans()),
        st.builds(Value, texts, st.text(max_size=40)),
        st.builds(Value, st.just(Tag.OCTETS), st.binary(max_size=40)),
        st.builds(Value, st.just(Tag.RANGE), st.tuples(_INTEGERS, _INTEGERS)),
        st.builds(Value, st.just(Tag.RESOLUTION), st.tuples(_INTEGERS, _INTEGERS, st.integers(3, 4))),
        st.builds(Value, st.just(Tag.NO_VALUE), st.none()),
    ]
    return st.one_of(*kinds)


def _collection(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    def of(members: list[Attribute]) -> Value:
        content: Content = tuple(members)
        return Value(Tag.BEGIN_COLLECTION, content)

    return st.lists(_attributes(inner), max_size=3).map(of)


def _attributes(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Attribute]:
    return st.builds(Attribute, _NAMES, st.lists(values, min_size=1, max_size=3).map(tuple))


_VALUES = st.recursive(_simple(), _collection, max_leaves=6)
_MESSAGES = st.builds(
    Message,
    st.integers(0, 0xFFFF),
    st.integers(0, 2**31 - 1),
    st.lists(
        st.builds(Attributes, st.sampled_from(Group), st.lists(_attributes(_VALUES), max_size=4).map(tuple)), max_size=3
    ).map(tuple),
)


@settings(max_examples=200)
@given(_MESSAGES, st.binary(max_size=20))
def test_what_is_written_is_read_back(message: Message, document: bytes) -> None:
    assert decoded_with_rest(encoded(message) + document) == (message, document)
