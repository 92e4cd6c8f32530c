"""Templates of everything that our model and Cainiao's language both have words for, for round trips (hypothesis)."""

import base64
from typing import Any, Literal

from hypothesis import strategies as st

from miandan.labels.importers.placing import AS_LARGE_AS_FITS, lines_in
from miandan.labels.pictures import Bits, write_png
from miandan.labels.template import (
    Barcode,
    Box,
    Column,
    Field,
    Group,
    Image,
    Line,
    Literally,
    Node,
    Rect,
    Symbology,
    Table,
    Template,
    Text,
    Turn,
    Value,
    When,
    Whens,
)

PNG = base64.b64encode(write_png(Bits(8, 8, bytes([255, 129, 129, 129, 129, 129, 129, 255])))).decode()
"""A frame of eight by eight dots."""

ALIGNS: st.SearchStrategy[Literal["left", "centre", "right"]] = st.sampled_from(["left", "centre", "right"])
TURNS: st.SearchStrategy[Turn] = st.sampled_from([0, 90, 180, 270])
KINDS: st.SearchStrategy[Symbology] = st.sampled_from(
    ["code128", "qr", "code39", "itf", "ean13", "pdf417", "datamatrix"]
)

TEXTS = (
    "number", "sort_code", "big_mark", "bag_centre", "product", "recipient_name", "recipient_phone",
    "recipient_address", "sender_name", "sender_phone", "sender_address", "goods", "remark", "shop", "site",
    "printed_at", "position", "parent_number", "road_code", "copy_code", "custom.gift", "custom.a.b", "custom.remark",
    "custom.备注", "custom.list.0.name", "custom.two words", "custom.recipient.name", "custom.custom.x",
)  # fmt: skip
NUMBERS = ("copy", "pieces", "cod_fen", "insured_fen", "weight_g", "goods_count", "sheet")
LISTS = ("services", "order_ids", "service_codes")
ROW = ("title", "spec", "code", "quantity", "note", "index")

# What XML holds and the engine prints as it stands; line breaks become blanks on either side.
_LETTERS = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\ufffe\uffff")
_ODD = st.sampled_from(["]]>", "<%", "%>", r"<\%", "a<b & c'\"", " "])
_TEXT = st.one_of(st.text(_LETTERS, min_size=1, max_size=12), _ODD)


def _length(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, max(least, most))


@st.composite
def boxes(draw: st.DrawFn, width: int, height: int, least: int = 1_500) -> Box:
    w, h = draw(_length(least, width)), draw(_length(least, height))
    return Box(draw(st.integers(0, width - w)), draw(st.integers(0, height - h)), w, h)


@st.composite
def fields(draw: st.DrawFn, paths: tuple[str, ...]) -> Field:
    path = draw(st.sampled_from(paths))
    asked: dict[str, Any] = {}
    if draw(st.booleans()):
        asked["default"] = draw(st.text(min_size=1, max_size=8))
    if path in LISTS:
        asked["join"] = draw(st.text(max_size=3))
    if path in ("cod_fen", "insured_fen"):
        asked["money"] = draw(st.booleans())
    if draw(st.booleans()):
        start = draw(st.integers(-4, 6))
        asked["slice"] = (start, draw(st.sampled_from([0, start + 3 if start + 3 else 1])))
    asked["upper"] = draw(st.booleans())
    return Field(path, **asked)


@st.composite
def values(draw: st.DrawFn, paths: tuple[str, ...]) -> Value:
    """Texts and fields in turn; a field once, since pieces of one address are put together again."""
    chosen = draw(st.lists(fields(paths), max_size=3, unique_by=lambda one: one.path))
    found: list[Field | Literally] = []
    for one in chosen:
        if draw(st.booleans()):
            found.append(Literally(draw(_TEXT)))
        found.append(one)
    if not found or draw(st.booleans()):
        found.append(Literally(draw(_TEXT)))
    return tuple(found)


@st.composite
def conditions(draw: st.DrawFn) -> When:
    kind = draw(st.sampled_from(["set", "equals", "at_least", "has", "goods"]))
    unless = draw(st.booleans())
    if kind == "goods":
        return When("goods_lines", unless=unless)
    if kind == "at_least":
        path = draw(st.sampled_from((*NUMBERS, *LISTS, "custom.x")))
        return When(path, at_least=draw(st.integers(2, 99)), unless=unless)
    path = draw(st.sampled_from((*TEXTS, *LISTS) if kind == "has" else (*TEXTS, *LISTS, *NUMBERS)))
    word = draw(st.text(min_size=1, max_size=8))
    if kind == "equals":
        return When(path, equals=word, unless=unless)
    return When(path, has=word, unless=unless) if kind == "has" else When(path, unless=unless)


@st.composite
def whens(draw: st.DrawFn) -> Whens | None:
    several = draw(st.lists(conditions(), max_size=2, unique=True))
    if len(several) < 2:
        return several[0] if several else None
    return tuple(several)


@st.composite
def texts(draw: st.DrawFn, width: int, height: int) -> Text:
    rotate = draw(TURNS)
    box = draw(boxes(width, height))
    size = draw(_length(1_000, min(box.w, box.h)))
    return Text(
        box,
        draw(values((*TEXTS, *NUMBERS, *LISTS))),
        size,
        lines=lines_in(box.w if rotate in (90, 270) else box.h, size),
        bold=draw(st.booleans()),
        inverse=draw(st.booleans()),
        align=draw(ALIGNS),
        valign=draw(st.sampled_from(["top", "middle", "bottom"])),
        rotate=rotate,
        when=draw(whens()),
    )


@st.composite
def barcodes(draw: st.DrawFn, width: int, height: int) -> Barcode:
    paths = (*TEXTS, "barcode_text", "qr_text", *LISTS)
    turn = draw(TURNS)
    box = draw(boxes(width, height))
    return Barcode(box, draw(KINDS), draw(values(paths)), AS_LARGE_AS_FITS, turn, draw(whens()))


@st.composite
def drawn(draw: st.DrawFn, width: int, height: int) -> Node:
    kind = draw(st.sampled_from(["frame", "black", "line", "picture"]))
    if kind == "line":
        x, y = draw(st.integers(0, 1_000)), draw(st.integers(0, 1_000))
        thick = draw(_length(10, min(5_000, width - 1_000, height - 1_000)))
        down = Box(x, y, thick, draw(_length(10, height - 1_000)))
        across = Box(x, y, draw(_length(10, width - 1_000)), thick)
        return Line(draw(st.sampled_from([down, across])), draw(st.sampled_from([0, 400, 1_000])), draw(whens()))
    box = draw(boxes(width, height))
    if kind == "picture":
        return Image(box, PNG, draw(whens()))
    stroke = draw(_length(1, (min(box.w, box.h) - 1) // 2)) if kind == "frame" else 0
    return Rect(box, stroke, draw(whens()))


@st.composite
def tables(draw: st.DrawFn, width: int, height: int) -> Table:
    box = draw(boxes(width, height, 9_000))
    head = draw(st.booleans())
    row = draw(_length(1_500, min(box.h // 2, 100_000)))
    size = draw(_length(1_000, row))
    columns: list[Column] = []
    for _ in range(draw(st.integers(1, box.w // 3_000))):
        spare = box.w - sum(column.w for column in columns)
        if spare < 2_000:
            break
        title = draw(st.one_of(st.just(""), _TEXT)) if head else ""
        align = draw(ALIGNS)
        columns.append(Column(draw(values(ROW)), draw(_length(2_000, spare)), title, align))
    continues = draw(st.booleans())
    return Table(
        box,
        tuple(columns),
        row,
        size,
        lines=min(20, lines_in(row, size)),
        head=head,
        rules=draw(st.integers(0, 2_000)),
        overflow="sheet" if continues else "count",
        when=draw(whens()),
        sheets="all" if continues else "first",
    )


@st.composite
def groups(draw: st.DrawFn, width: int, height: int) -> Group:
    box = draw(boxes(width, height, 5_000))
    inner = st.one_of(texts(box.w, box.h), barcodes(box.w, box.h), drawn(box.w, box.h))
    name = draw(st.from_regex(r"[a-d]{1,3}", fullmatch=True))
    return Group(box, tuple(draw(st.lists(inner, min_size=1, max_size=3))), name, draw(whens()))


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """A page of such nodes; all of its tables go on on further sheets, or none does, and only one can."""
    width, height = draw(st.sampled_from([(76_000, 130_000), (100_000, 180_000), (60_123, 40_007)]))
    plain = st.one_of(texts(width, height), barcodes(width, height), drawn(width, height))
    nodes: list[Node] = draw(st.lists(plain, max_size=5))
    blocks: list[Group] = draw(st.lists(groups(width, height), max_size=2, unique_by=lambda one: one.name))
    nodes += blocks
    nodes += draw(st.lists(tables(width, height), max_size=1))
    return Template("round-trip", 1, width, height, tuple(draw(st.permutations(nodes))))
