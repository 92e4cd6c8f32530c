"""Brings nodes onto the page: what an original draws beyond its paper, or too small to print, is moved, clipped or left
out, each with a note. What comes out passes `checking.problems`."""

import base64
import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as altered

from msgspec.structs import replace

from miandan.kernel.errors import Refusal
from miandan.labels.compiled import PITCH, table_rows
from miandan.labels.importers.imported import MOST_NODES, Notes
from miandan.labels.pictures import read_png
from miandan.labels.template import Barcode, Box, Column, Group, Image, Line, Node, Rect, Table, Text

AS_LARGE_AS_FITS = 3_000
"""Micrometres of a barcode's module where the original stretches the symbol to its box."""

_LEAST_MODULE = 60
_SLACK = 60  # micrometres over the edge that are nobody's intention
_LONGEST_PICTURE = 1_000_000  # characters of base64
_MOST_DOTS = 1_500_000  # of all pictures; a label of 100 x 180 mm at 203 dpi has 1,150,000
_SMALLEST, _LARGEST = 1_000, 100_000  # micrometres of a font size
_THICKEST_LINE = 5_000
_LEAST_DASH = 200
_NARROWEST_COLUMN = 2_000
_LOWEST_ROW = 1_500


@dataclass(frozen=True, slots=True)
class Draft:
    """A node as the original has it, and where it stood there. Its box counts from the corner of what is around it and
    may leave that; `within` are the nodes of a group. Text that `grows` was never cut by its box."""

    node: Node
    place: str
    what: str
    within: tuple["Draft", ...] = ()
    grows: bool = False

    def moved(self, x: int, y: int) -> "Draft":
        """The same, so much further right and down."""
        box = self.node.box
        return altered(self, node=replace(self.node, box=Box(box.x + x, box.y + y, box.w, box.h)))


def lines_in(height: int, size: int) -> int:
    """Lines of text that fit into a height, one at least."""
    return max(1, min(200, 1 + int((height - size) / (size * PITCH))))


def across(box: Box) -> Box:
    """The box after a quarter turn about its middle."""
    shift = int((box.w - box.h) / 2)  # towards 0, so that a second turn gives the first box again
    return Box(box.x + shift, box.y - shift, box.h, box.w)


def settle(drafts: Iterable[Draft], width: int, height: int, notes: Notes) -> tuple[Node, ...]:
    """The nodes of a page or area of that size. Raises Refusal labels.import_too_complex."""
    settled = _Settler(notes)
    return settled.all(settled.one_continues(tuple(drafts)), width, height)


class _Settler:
    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._count = 0
        self._continued = False
        self._dots = 0  # of the pictures so far

    def one_continues(self, drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
        """Only one table of a template can go on on further sheets: the first that does."""
        return tuple(self._continuing(draft) for draft in drafts)

    def _continuing(self, draft: Draft) -> Draft:
        node = draft.node
        if isinstance(node, Group):
            return altered(draft, within=self.one_continues(draft.within))
        if not isinstance(node, Table) or node.overflow == "count":
            return draft
        if not self._continued:
            self._continued = True
            return draft
        self._notes.add(draft.place, draft.what, "second_table")
        return altered(draft, node=replace(node, overflow="count", sheets="first"))

    def all(self, drafts: Iterable[Draft], width: int, height: int) -> tuple[Node, ...]:
        """The nodes that find room, in their order."""
        found = []
        for draft in drafts:
            self._count += 1
            if self._count > MOST_NODES:
                raise Refusal("labels.import_too_complex", most=MOST_NODES)
            node = self._group(draft, width, height) if draft.within else self._leaf(draft, width, height)
            if node is not None:
                found.append(node)
        return tuple(found)

    def _group(self, draft: Draft, width: int, height: int) -> Node | None:
        group = draft.node
        box = self._clipped(draft, group.box, width, height)
        if box is None or not isinstance(group, Group):
            return None
        within = (one.moved(group.box.x - box.x, group.box.y - box.y) for one in draft.within)
        nodes = self.all(within, box.w, box.h)
        return replace(group, box=box, nodes=nodes) if nodes else None

    def _leaf(self, draft: Draft, width: int, height: int) -> Node | None:
        match draft.node:
            case Text() as text:
                return self._text(draft, text, width, height)
            case Barcode() | Image() as symbol:
                if isinstance(symbol, Image) and not self._printable(symbol.png):
                    self._notes.add(draft.place, draft.what, "picture_faulty")
                    return None
                box = self._shifted(draft, symbol.box, width, height)
                return None if box is None else self._symbol(draft, symbol, box)
            case Table() as table:
                return self._table(draft, table, width, height)
            case Rect() | Line() as drawn:
                box = self._clipped(draft, drawn.box, width, height)
                return None if box is None else _drawn(drawn, box)
            case _:
                return None

    def _clipped(self, draft: Draft, box: Box, width: int, height: int) -> Box | None:
        """The part of the box that lies on the page."""
        if box.w <= 0 or box.h <= 0:
            self._notes.add(draft.place, draft.what, "no_area")
            return None
        left, top = max(0, box.x), max(0, box.y)
        right, bottom = min(width, box.x + box.w), min(height, box.y + box.h)
        if right - left <= 0 or bottom - top <= 0:
            self._notes.add(draft.place, draft.what, "outside")
            return None
        lost = max(left - box.x, top - box.y, box.x + box.w - right, box.y + box.h - bottom)
        if lost > _SLACK:
            self._notes.add(draft.place, draft.what, "clipped", lost=_mm(lost))
        return Box(left, top, right - left, bottom - top)

    def _shifted(self, draft: Draft, box: Box, width: int, height: int) -> Box | None:
        """The box moved onto the page, for what must not lose a part; clipped when it is larger than the page."""
        if box.w <= 0 or box.h <= 0 or box.x >= width or box.y >= height or box.x + box.w <= 0 or box.y + box.h <= 0:
            return self._clipped(draft, box, width, height)
        x, y = max(0, min(box.x, width - box.w)), max(0, min(box.y, height - box.h))
        moved = max(abs(x - box.x), abs(y - box.y))
        if moved > _SLACK:
            self._notes.add(draft.place, draft.what, "moved", far=_mm(moved))
        return self._clipped(draft, Box(x, y, box.w, box.h), width, height)

    def _symbol(self, draft: Draft, symbol: Barcode | Image, box: Box) -> Node:
        if isinstance(symbol, Image):
            return replace(symbol, box=box)
        module = min(max(symbol.module, _LEAST_MODULE), AS_LARGE_AS_FITS)
        if module != symbol.module:
            self._notes.add(draft.place, draft.what, "module_changed", was=_mm(symbol.module), now=_mm(module))
        return replace(symbol, box=box, module=module)

    def _printable(self, png: str) -> bool:
        """Whether a PNG in base64 can be read; pictures of more dots than two labels are not looked at."""
        try:
            if len(png) > _LONGEST_PICTURE:
                return False
            width, height = struct.unpack(">II", base64.b64decode(png, validate=True)[16:24])
            self._dots += width * height
            return self._dots <= _MOST_DOTS and bool(read_png(png))
        except (binascii.Error, struct.error, ValueError):
            return False

    def _text(self, draft: Draft, text: Text, width: int, height: int) -> Text | None:
        size = min(max(text.size, _SMALLEST), _LARGEST)
        box, upright = text.box, text.rotate in (0, 180)
        if draft.grows and upright and 0 < box.h < size:
            box = Box(box.x, box.y, box.w, max(box.h, min(size, height - box.y)))
        clipped = self._clipped(draft, box, width, height)
        if clipped is None:
            return None
        frame = min(clipped.w, clipped.h) - 2 * text.pad
        if frame < _SMALLEST:
            self._notes.add(draft.place, draft.what, "no_room")
            return None
        if min(size, frame) != text.size:
            self._notes.add(draft.place, draft.what, "size_changed", was=_mm(text.size), now=_mm(min(size, frame)))
        return replace(text, box=clipped, size=min(size, frame), min_size=min(text.min_size, size, frame))

    def _table(self, draft: Draft, table: Table, width: int, height: int) -> Table | None:
        box = self._clipped(draft, table.box, width, height)
        if box is None:
            return None
        row = min(max(table.row_height, table.size, _LOWEST_ROW), _LARGEST, max(box.h, _LOWEST_ROW))
        size = max(_SMALLEST, min(table.size, row))
        if size != table.size:
            self._notes.add(draft.place, draft.what, "size_changed", was=_mm(table.size), now=_mm(size))
        table = replace(table, box=box, row_height=row, size=size, min_size=min(table.min_size, size))
        if table.head and table_rows(table) < 1:
            self._notes.add(draft.place, draft.what, "no_head")
            table = replace(table, head=False)
        columns = _columns(table, box.w)
        if table_rows(table) < 1 or not columns:
            self._notes.add(draft.place, draft.what, "no_room")
            return None
        if len(columns) < len(table.columns):
            self._notes.add(draft.place, draft.what, "columns_lost", count=len(table.columns) - len(columns))
        return replace(table, columns=columns)


def _drawn(node: Rect | Line, box: Box) -> Rect | Line:
    """A box of black, a frame or a rule, none thicker than it can be drawn."""
    if isinstance(node, Rect):
        stroke = node.stroke if 2 * node.stroke < min(box.w, box.h) else 0
        return replace(node, box=box, stroke=stroke)
    if min(box.w, box.h) > _THICKEST_LINE:
        return Rect(box, 0, node.when, node.sheets)
    return replace(node, box=box, dash=max(node.dash, _LEAST_DASH) if node.dash else 0)


def _columns(table: Table, width: int) -> tuple[Column, ...]:
    """Columns none of which is too narrow for a character, together not wider than the table."""
    columns = table.columns[: width // _NARROWEST_COLUMN]
    widths = [max(_NARROWEST_COLUMN, column.w) for column in columns]
    spare = sum(widths) - width
    if spare > 0:
        loose = sum(one - _NARROWEST_COLUMN for one in widths)
        widths = [one - -(-(one - _NARROWEST_COLUMN) * spare // max(1, loose)) for one in widths]
    return tuple(replace(column, w=w) for column, w in zip(columns, widths, strict=True))


def _mm(length: int) -> str:
    return f"{length / 1000:.2f}"
