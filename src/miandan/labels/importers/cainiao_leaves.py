"""Texts, barcodes, pictures, lines and boxes of the Cainiao language: what fills a layout."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as altered
from typing import Literal

from msgspec.structs import replace

from miandan.labels.importers.cainiao_conditions import as_whens
from miandan.labels.importers.cainiao_contents import Said, said
from miandan.labels.importers.cainiao_markup import Chars, Element, Script
from miandan.labels.importers.cainiao_scripts import structured
from miandan.labels.importers.cainiao_styles import Wishes
from miandan.labels.importers.cainiao_values import Scope
from miandan.labels.importers.imported import Notes
from miandan.labels.importers.measures import is_dark, png_of
from miandan.labels.importers.placing import AS_LARGE_AS_FITS, Draft, across, lines_in
from miandan.labels.template import Barcode, Box, Field, Image, Line, Literally, Rect, Symbology, Text, Turn, When

FONT_SIZE_PT = 8.0
"""Of text that names none."""

BORDER_PT = 1.0
DASHES = {"dashed": 1_000, "dotted": 400}
"""Micrometres of a dash; the original's are not published."""

SYMBOLOGIES: dict[str, Symbology] = {
    "qrcode": "qr",
    "qr": "qr",
    "code128": "code128",
    "code128a": "code128",
    "code128b": "code128",
    "code128c": "code128",
    "128": "code128",
    "code39": "code39",
    "itf": "itf",
    "itf14": "itf",
    "c25inter": "itf",
    "ean13": "ean13",
    "pdf417": "pdf417",
    "datamatrix": "datamatrix",
}
_SQUARE = frozenset({"qr", "datamatrix"})
_ALIGN: dict[str, Literal["left", "centre", "right"]] = {"left": "left", "center": "centre", "right": "right"}
_VALIGN: dict[str, Literal["top", "middle", "bottom"]] = {"top": "top", "middle": "middle", "bottom": "bottom"}
_UPRIGHT = 1.3  # width of a column of text written downward, in font sizes
_HRI_SHARE = 4  # a barcode's own text takes a fourth of its height at most


@dataclass(frozen=True, slots=True)
class Room:
    """What an element stands in: its size, the conditions around it, and whether it cuts what leaves it."""

    width: int
    height: int
    scope: Scope
    below: int  # micrometres from its top to the end of the page
    whens: tuple[When, ...] = ()
    cuts: bool = False

    def under(self, whens: tuple[When, ...]) -> "Room":
        """The same room under further conditions."""
        return altered(self, whens=self.whens + whens)


def box_in(room: Room, wishes: Wishes) -> Box:
    """The whole room, or the place that the element gives itself."""
    left, top = wishes.measure("left") or 0, wishes.measure("top") or 0
    width, height = wishes.measure("width"), wishes.measure("height")
    return Box(
        left, top, room.width - left if width is None else width, room.height - top if height is None else height
    )


LEAVES = frozenset({"text", "barcode", "image", "line", "rect", "round", "circle"})


def leaf(element: Element, room: Room, notes: Notes) -> tuple[int, list[Draft]]:
    """The nodes of an element of `LEAVES`, and how far in front they lie (zIndex)."""
    wishes = Wishes(element, notes, scripted=("value", "src"))
    drafts = _READERS[element.tag](element, wishes, room, notes)
    layer = wishes.whole("zIndex", 0)
    wishes.rest()
    return layer, drafts


def said_by(element: Element, room: Room, notes: Notes) -> Said:
    """The values of an element's content."""
    return said(structured(element.children, notes), room.scope, notes, element.place)


def text_style(wishes: Wishes, notes: Notes) -> Text:
    """A text without place and value, styled as is wished."""
    family = wishes.style("fontFamily")
    if family:
        notes.first(f"fontFamily:{family}", wishes.place, "font", family=family)
    weight = wishes.style("fontWeight", "normal").lower()
    bold = weight in ("bold", "bolder") or (weight.isdigit() and int(weight) >= 600)
    inverse = _inverse(wishes)
    align, valign = wishes.style("align", "left").lower(), wishes.style("valign", "top").lower()
    for value, known, name in ((align, _ALIGN, "align"), (valign, _VALIGN, "valign")):
        if value not in known:
            wishes.note("not_understood", name, value=value)
    return Text(
        Box(0, 0, 0, 0),
        (),
        wishes.points("fontSize", FONT_SIZE_PT),
        bold=bold,
        inverse=inverse,
        align=_ALIGN.get(align, "left"),
        valign=_VALIGN.get(valign, "top"),
    )


def _inverse(wishes: Wishes) -> bool:
    ink, paper = wishes.style("fontColor", "#000"), wishes.style("backgroundColor", "#fff")
    if is_dark(paper):
        if is_dark(ink):
            wishes.note("colour", f"style backgroundColor:{paper}")
        return not is_dark(ink)
    if not is_dark(ink):
        wishes.note("colour", f"style fontColor:{ink}")
    if paper.lower() not in ("#fff", "#ffffff", "white", "transparent", ""):
        wishes.note("colour", f"style backgroundColor:{paper}")
    return False


def turned(wishes: Wishes, box: Box) -> tuple[Turn, Box]:
    """Quarter turns about the middle of the box."""
    degrees = wishes.whole("rotation", 0) % 360
    turns: dict[int, Turn] = {0: 0, 90: 90, 180: 180, 270: 270}
    if degrees not in turns:
        wishes.note("rotation", f"style rotation:{degrees}")
        return 0, box
    return turns[degrees], across(box) if degrees in (90, 270) else box


def _text(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    style, upright = text_style(wishes, notes), wishes.style("orientation", "horizontal").lower() != "vertical"
    rotate, box = turned(wishes, box_in(room, wishes))
    if not upright:
        wishes.note("written_down", "style orientation:vertical")
        box = _column(box, style)
    frame = box.w if rotate in (90, 270) else box.h
    style = replace(style, box=box, rotate=rotate, lines=lines_in(frame, max(1, style.size)))
    return [
        Draft(
            replace(style, value=value, when=as_whens(room.whens + whens)),
            element.place,
            "<text>",
            grows=not room.cuts,
        )
        for whens, value in said_by(element, room, notes)
    ]


def _column(box: Box, style: Text) -> Box:
    """Room for one character beside the next, so that each stands on a line of its own."""
    width = min(box.w, round(style.size * _UPRIGHT))
    spare = box.w - width
    return Box(box.x + {"left": 0, "centre": spare // 2, "right": spare}[style.align], box.y, width, box.h)


def page_index(element: Element, room: Room, notes: Notes) -> Draft:
    """`format` with currentPageNumber and totalPageNumber: which sheet of how many."""
    wishes = Wishes(element, notes)
    words = wishes.attribute("format") or "currentPageNumber/totalPageNumber"
    parts = [part for part in re.split("(currentPageNumber|totalPageNumber)", words) if part]
    paths = {"currentPageNumber": "sheet", "totalPageNumber": "sheets"}
    value = tuple(Field(paths[part]) if part in paths else Literally(part) for part in parts)
    style, box = text_style(wishes, notes), box_in(room, wishes)
    wishes.whole("zIndex", 0)
    wishes.rest()
    node = replace(style, box=box, value=value, lines=lines_in(box.h, max(1, style.size)), when=as_whens(room.whens))
    return Draft(node, element.place, "<pageIndex>", grows=True)


def _barcode(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    kind = wishes.attribute("type", "code128").lower()
    wishes.attribute("ratioMode")  # our symbols keep their proportions and fill their box as far as whole dots allow
    with_text = wishes.style("hideText", "true").lower() == "false"
    symbology = SYMBOLOGIES.get(kind)
    if symbology is None:
        wishes.note("symbology", f'type="{kind}"')
        wishes.style("rotation")
        return []
    rotate, box = turned(wishes, box_in(room, wishes))
    inside = altered(room, scope=altered(room.scope, use="barcode"))
    pieces = element.attributes.get("value")
    if pieces is not None:
        children = [Chars(one, True, element.place) if isinstance(one, str) else one for one in pieces]
        element = Element(element.tag, {}, element.place, [*children])
    drafts = []
    for whens, value in said_by(element, inside, notes):
        node = Barcode(box, symbology, value, AS_LARGE_AS_FITS, rotate, as_whens(room.whens + whens))
        draft = Draft(node, element.place, "<barcode>")
        drafts += _with_text(draft, node) if with_text and symbology not in _SQUARE else [draft]
    return drafts


def _with_text(draft: Draft, code: Barcode) -> list[Draft]:
    """The symbol with what it says below it, as far as it is not turned."""
    box = code.box
    size = min(round(FONT_SIZE_PT * 25_400 / 72), box.h // _HRI_SHARE)
    if code.rotate or size < 1_000:
        return [draft]
    bars, below = Box(box.x, box.y, box.w, box.h - size), Box(box.x, box.y + box.h - size, box.w, size)
    text = Text(below, code.value, size, align="centre", valign="middle", when=code.when)
    return [altered(draft, node=replace(code, box=bars)), altered(draft, node=text)]


def _image(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    wishes.attribute("allowFailure")
    box = box_in(room, wishes)
    source = element.attributes.get("src", ())
    if any(isinstance(piece, Script) for piece in source):
        wishes.note("picture_scripted", "src")
        return []
    png, wrong = png_of("".join(piece for piece in source if isinstance(piece, str)))
    if wrong:
        wishes.note(wrong, "src")
        return []
    return [Draft(Image(box, png, as_whens(room.whens)), element.place, "<image>")]


def _line(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    start_x, start_y = wishes.measure("startX") or 0, wishes.measure("startY") or 0
    end_x, end_y = wishes.measure("endX"), wishes.measure("endY")
    thick = max(1, wishes.points("lineWidth", BORDER_PT))
    kind = wishes.style("lineType", "solid").lower()
    if kind not in ("solid", *DASHES):
        wishes.note("not_understood", "lineType", value=kind)
    colour = wishes.style("lineColor", "#000")
    if not is_dark(colour):
        wishes.note("colour", f"style lineColor:{colour}")
    if end_x is None and end_y is None:
        end_x, end_y = (room.width, start_y) if room.width >= room.height else (start_x, room.height)
    left, right = sorted((start_x, start_x if end_x is None else end_x))
    top, bottom = sorted((start_y, start_y if end_y is None else end_y))
    if right - left and bottom - top:
        wishes.note("diagonal", "line")
        return []
    box = Box(left, top, thick, bottom - top) if bottom - top else Box(left, top, right - left, thick)
    node = Line(box, DASHES.get(kind, 0), as_whens(room.whens))
    return [Draft(node, element.place, "<line>")]


def _rect(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    box = box_in(room, wishes)
    border = wishes.points("borderWidth", BORDER_PT)
    paper = wishes.style("fillColor") or wishes.style("backgroundColor") or "#fff"
    quarter = wishes.whole("rotation", 0) % 90
    if quarter:
        wishes.note("rotation", f"style rotation:{quarter}")
    whens = as_whens(room.whens)
    if is_dark(paper):
        return [Draft(Rect(box, 0, whens), element.place, f"<{element.tag}>")]
    if paper.lower() not in ("#fff", "#ffffff", "white", "transparent"):
        wishes.note("colour", f"style fillColor:{paper}")
    if border <= 0:
        wishes.note("no_border", "rect")
        return []
    return [Draft(Rect(box, border, whens), element.place, f"<{element.tag}>")]


def _round(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    wishes.note("round")
    for name in ("radius", "rx", "ry"):
        wishes.attribute(name)
    return _rect(element, wishes, room, notes)


def _circle(element: Element, wishes: Wishes, room: Room, notes: Notes) -> list[Draft]:
    notes.add(element.place, "<circle>", "circle")
    return []


_READERS: dict[str, Callable[[Element, Wishes, Room, Notes], list[Draft]]] = {
    "text": _text,
    "barcode": _barcode,
    "image": _image,
    "line": _line,
    "rect": _rect,
    "round": _round,
    "circle": _circle,
}
