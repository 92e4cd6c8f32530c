"""The template model: what a label looks like, as JSON beside the code. Lengths are integer micrometres.

A template is a page and its nodes, drawn in order. Values are paths into `LabelData` and literal texts; there is no
scripting. The origin is the page's top left corner.
"""

from functools import cache
from importlib import resources
from typing import Annotated, Literal

import msgspec

from miandan.kernel.errors import Refusal

Length = Annotated[int, msgspec.Meta(ge=0, le=500_000, description="micrometres")]


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="of", tag="field"):
    """A field of `LabelData`; `default` stands in for an empty one, `join` between the items of a list."""

    path: str
    default: str = ""
    join: str = "  "


class Literally(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="of", tag="text"):
    """Text that stands in the template."""

    text: str


Value = tuple[Field | Literally, ...]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The node is drawn only if the field is set or, given `at_least`, not smaller than that."""

    path: str
    at_least: int | None = None


class Box(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place on the page; nothing that is drawn for a node leaves its box."""

    x: Length
    y: Length
    w: Length
    h: Length


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="text"):
    """Text that shrinks from `size` to `min_size`, wraps on up to `lines` lines, then ends in an ellipsis."""

    box: Box
    value: Value
    size: Length
    min_size: Length = 0  # 0: does not shrink
    lines: int = 1
    bold: bool = False
    white: bool = False
    align: Literal["left", "centre", "right"] = "left"
    valign: Literal["top", "middle"] = "middle"
    when: When | None = None


class Rect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="rect"):
    """A filled box, or a frame of `stroke` drawn inside the box."""

    box: Box
    stroke: Length = 0  # 0: filled
    when: When | None = None


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="line"):
    """A horizontal or vertical rule: a thin box, dashed along its longer side if `dash` is given."""

    box: Box
    dash: Length = 0
    when: When | None = None


class Barcode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="barcode"):
    """A symbol in the middle of its box, quiet zone inside, a module being up to `max_module` whole printer dots."""

    box: Box
    symbology: Literal["code128", "qr"]
    value: Value
    max_module: int
    rotate: Literal[0, 90] = 0
    when: When | None = None


Node = Text | Rect | Line | Barcode


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label's paper and what is on it."""

    name: str
    version: int
    width: Length
    height: Length
    nodes: tuple[Node, ...]


def read_template(text: str | bytes) -> Template:
    """The template written in `text`. Raises Refusal `labels.template_wrong` with the place and what was expected."""
    try:
        return msgspec.json.decode(text, type=Template)
    except msgspec.DecodeError as wrong:
        raise Refusal("labels.template_wrong", wrong=str(wrong)) from wrong


@cache
def standard_template() -> Template:
    """The platform's own one-part label, 76 x 130 mm, for every carrier."""
    return read_template(resources.files(__package__).joinpath("templates/standard-76x130.json").read_bytes())
