"""The template model: what a label looks like, as JSON. Lengths are integer micrometres from the top left corner.

A template is a page and its nodes, drawn in order. Values are paths into `LabelData` with a closed list of functions,
and literal texts; there is no scripting. `json_schema()` is the published schema, `checking.py` the readable errors.
"""

import json
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Length = Annotated[int, Meta(ge=0, le=500_000, description="micrometres")]
Size = Annotated[int, Meta(ge=1_000, le=100_000, description="font size in micrometres")]
Turn = Literal[0, 90, 180, 270]
"""Clockwise; text that is turned by 90 is read from the top down."""

Sheets = Literal["first", "further", "all"]
"""On which sheets of one label a node stands: goods that find no room may continue on further sheets."""


class Field(Struct, frozen=True, forbid_unknown_fields=True, tag_field="of", tag="field"):
    """A field of the label's data, through functions in this order: join, mask, money, date, slice, upper, default."""

    path: str
    join: str = "  "  # between the items of a list
    mask: Literal["", "label", "screen", "none"] = ""  # of a person: "" as the data have it, see records.masked
    money: bool = False  # fen to yuan: 12345 is 123.45
    date: str = ""  # ISO instant to text by YYYY MM DD hh mm ss, such as "MM-DD hh:mm"
    slice: tuple[int, int] | None = None  # characters from (counted from 0) to (not included); negative from the end
    upper: bool = False
    default: str = ""  # stands in for an empty value


class Literally(Struct, frozen=True, forbid_unknown_fields=True, tag_field="of", tag="text"):
    """Text that stands in the template."""

    text: str


Value = tuple[Field | Literally, ...]


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """The node is drawn only if the field is set, or not smaller than, equal to or holding what is given."""

    path: str
    at_least: int | None = None
    equals: str | None = None
    has: str | None = None  # an item of a list
    unless: bool = False  # the other way round


Whens = When | Annotated[tuple[When, ...], Meta(min_length=1, max_length=20)]
"""One condition, or several of which all must hold."""


class Box(Struct, frozen=True, forbid_unknown_fields=True):
    """A place on the page or in its group; nothing that is drawn for a node leaves its box."""

    x: Length
    y: Length
    w: Length
    h: Length


class Text(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="text"):
    """Text that shrinks from `size` to `min_size`, wraps on up to `lines` lines, then ends in an ellipsis."""

    box: Box
    value: Value
    size: Size
    min_size: Annotated[int, Meta(ge=0, le=100_000)] = 0  # 0: does not shrink
    lines: Annotated[int, Meta(ge=1, le=200)] = 1
    bold: bool = False
    inverse: bool = False  # white on a box that is filled black
    pad: Length = 0  # kept free on each side within the box
    align: Literal["left", "centre", "right"] = "left"
    valign: Literal["top", "middle", "bottom"] = "middle"
    rotate: Turn = 0
    when: Whens | None = None
    sheets: Sheets = "first"


class Rect(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="rect"):
    """A filled box, or a frame of `stroke` drawn inside the box."""

    box: Box
    stroke: Length = 0  # 0: filled
    when: Whens | None = None
    sheets: Sheets = "first"


class Line(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="line"):
    """A horizontal or vertical rule: a thin box, dashed along its longer side if `dash` is given."""

    box: Box
    dash: Length = 0
    when: Whens | None = None
    sheets: Sheets = "first"


Symbology = Literal["code128", "qr", "code39", "itf", "ean13", "pdf417", "datamatrix"]


class Barcode(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="barcode"):
    """A symbol in the middle of its box, quiet zone inside; a module is as many whole printer dots as fit in `module`
    and in the box."""

    box: Box
    symbology: Symbology
    value: Value
    module: Annotated[int, Meta(ge=60, le=3_000, description="largest width of a module in micrometres")]
    rotate: Turn = 0
    when: Whens | None = None
    sheets: Sheets = "first"


class Image(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="image"):
    """A picture in black and white, drawn as large as its box allows without distortion."""

    box: Box
    png: Annotated[str, Meta(description="a PNG file in base64; what is darker than middle grey is burnt")]
    when: Whens | None = None
    sheets: Sheets = "first"


class Column(Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table; paths in `value` are those of a row: title, spec, code, quantity, note, index."""

    value: Value
    w: Length
    title: str = ""
    align: Literal["left", "centre", "right"] = "left"


class Table(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="table"):
    """The goods, a row each. Where not all find room a last row says how many pieces there are altogether ("…等 n 件"),
    or they go on a further sheet, which shows the nodes that say so."""

    box: Box
    columns: tuple[Column, ...]
    row_height: Annotated[int, Meta(ge=1_500, le=100_000)]
    size: Size
    min_size: Annotated[int, Meta(ge=0, le=100_000)] = 0
    lines: Annotated[int, Meta(ge=1, le=20)] = 1
    head: bool = False  # a first row with the titles
    rules: Length = 0  # thickness of the lines around the cells; 0: none
    overflow: Literal["count", "sheet"] = "count"
    when: Whens | None = None
    sheets: Sheets = "first"


class Group(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="group"):
    """Nodes placed from the corner of the group's box, which they may not leave: a panel, an area, a block."""

    box: Box
    nodes: "tuple[Node, ...]"
    name: str = ""
    when: Whens | None = None
    sheets: Sheets | None = None  # given: stands in for that of every node within


Node = Text | Rect | Line | Barcode | Image | Table | Group


Version = Annotated[int, Meta(ge=1, le=999_999_999)]


class Paper(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the size of a standard template is known from; see the carriers' data for the sources."""

    source: str
    confidence: Literal["seen", "inferred", "memory", "own"]


class Template(Struct, frozen=True, forbid_unknown_fields=True):
    """A label's paper and what is on it.

    `custom` is the area of a standard template that is the merchant's own; everything else of it is locked.
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,79}$", description="small letters, digits, . _ -")]
    version: Version
    width: Annotated[int, Meta(ge=10_000, le=300_000, description="micrometres")]
    height: Annotated[int, Meta(ge=10_000, le=500_000, description="micrometres")]
    nodes: tuple[Node, ...]
    title: str = ""
    carrier: str = ""
    custom: Box | None = None
    paper: Paper | None = None


class CustomArea(Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant puts into the custom area of a standard template `base`; boxes from the area's corner."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,79}$")]
    version: Version
    base: str
    nodes: tuple[Node, ...]
    title: str = ""


def with_custom_area(standard: Template, area: CustomArea) -> Template:
    """The standard template with the merchant's nodes in its custom area, under the area's name.

    Raises ValueError when the template has no such area; `checking.py` says so in words before.
    """
    if standard.custom is None:
        raise ValueError(f"{standard.name} has no custom area")
    own = Group(standard.custom, area.nodes, "custom")
    return msgspec.structs.replace(
        standard, name=area.name, version=area.version, title=area.title, nodes=(*standard.nodes, own)
    )


def written(template: Template | CustomArea) -> bytes:
    """The template as a JSON file, a line for each node, without what is at its default."""
    plain = _without_defaults(template, msgspec.to_builtins(template))
    nodes = plain.pop("nodes")
    head = [f"  {_line(name)}: {_line(value)},\n" for name, value in plain.items()]
    body = ",\n".join(f"    {_line(node)}" for node in nodes)
    return f'{{\n{"".join(head)}  "nodes": [\n{body}\n  ]\n}}\n'.encode()


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _without_defaults(node: object, plain: Any) -> Any:
    if isinstance(node, tuple):
        return [_without_defaults(one, its) for one, its in zip(node, plain, strict=True)]
    if not isinstance(node, Struct):
        return plain
    tag = {node.__struct_config__.tag_field: node.__struct_config__.tag} if node.__struct_config__.tag else {}
    kept = {
        one.name: _without_defaults(getattr(node, one.name), plain[one.encode_name])
        for one in msgspec.structs.fields(node)
        if one.default is msgspec.NODEFAULT or getattr(node, one.name) != one.default
    }
    return tag | kept


def json_schema() -> dict[str, Any]:
    """The published JSON schema of a template file: a whole template or a custom area."""
    whole_or_area, parts = msgspec.json.schema_components((Template, CustomArea), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "miandan label template 面单模板",
        "anyOf": list(whole_or_area),
        "$defs": parts,
    }
