"""A template made ready for many sheets: a static layer that never changes, and the list of slots that do.

This list is what every output draws from; it knows lengths, sizes to try and where values come from, and no output
format. Lengths are micrometres from the page's top left corner.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from miandan.labels.bindings import Condition, Reader, changes, condition, name_of, reader
from miandan.labels.fitting import Ladder, Step
from miandan.labels.model import LabelData, Purpose
from miandan.labels.pictures import Bits, read_png
from miandan.labels.template import (
    Barcode,
    Box,
    Group,
    Image,
    Line,
    Literally,
    Node,
    Rect,
    Sheets,
    Table,
    Template,
    Text,
    When,
    Whens,
)

PITCH = 1.18  # distance of two lines, in font sizes
ASCENT = 0.88  # of an ideograph above the line it stands on, in font sizes
_CELL_PAD = 400  # micrometres kept free on each side within a table's cell


@dataclass(frozen=True, slots=True)
class TextSlot:
    """Text with the sizes to try and whose value it is (for warnings).

    Lines are set in a frame as wide and high as the box, or as high and wide where the text is turned.
    """

    name: str
    box: Box
    read: Reader
    shown: Condition | None
    ladder: Ladder
    bold: bool
    white: bool
    align: str
    valign: str
    rotate: int

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height that the lines have, before they are turned into the box."""
        return (self.box.h, self.box.w) if self.rotate in (90, 270) else (self.box.w, self.box.h)

    def on_page(self, along: float, down: float) -> tuple[float, float]:
        """The place on the page of a point that lies so far along a line and so far down the frame."""
        box = self.box
        return {
            0: (box.x + along, box.y + down),
            90: (box.x + box.w - down, box.y + along),
            180: (box.x + box.w - along, box.y + box.h - down),
            270: (box.x + down, box.y + box.h - along),
        }[self.rotate]

    def baselines(self, step: Step, lines: int) -> list[float]:
        """Where `lines` lines stand, from the top of the frame."""
        pitch = step.size * PITCH
        spare = self.frame[1] - (step.size + pitch * (lines - 1))
        top = {"top": 0.0, "middle": spare / 2, "bottom": spare}[self.valign]
        return [top + step.size * ASCENT + pitch * line for line in range(lines)]


@dataclass(frozen=True, slots=True)
class FillSlot:
    """Black boxes: a filled one, the four sides of a frame, or the dashes of a rule."""

    boxes: tuple[Box, ...]
    shown: Condition | None


@dataclass(frozen=True, slots=True)
class BarcodeSlot:
    """A symbol to be set in the middle of its box on whole dots, a module being up to `module` micrometres wide."""

    name: str
    box: Box
    symbology: str
    read: Reader
    shown: Condition | None
    module: int
    rotate: int


@dataclass(frozen=True, slots=True)
class ImageSlot:
    """A picture that stands in the template, drawn in the middle of its box."""

    box: Box
    picture: Bits
    shown: Condition | None


Slot = TextSlot | FillSlot | BarcodeSlot | ImageSlot


@dataclass(frozen=True, slots=True)
class Layer:
    """What one kind of sheet shows: `static` slots read nothing from the label."""

    static: tuple[Slot, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """What stays and what changes, on the first sheet of a label and on those that continue its goods.

    `rows` and `further_rows` are the goods that the continued table holds on either; 0 where nothing continues.
    """

    width: int
    height: int
    first: Layer
    further: Layer
    rows: int = 0
    further_rows: int = 0
    continued: Condition | None = None  # whether the continued table is shown at all

    def sheets(self, label: LabelData) -> Sequence[LabelData]:
        """The label as the data of its sheets: one, and more where its goods continue."""
        left = len(label.goods_lines) - self.rows
        if not self.further_rows or left <= 0 or (self.continued is not None and not self.continued(label)):
            return (label,)
        count = 1 + -(-left // self.further_rows)
        starts = [0, *range(self.rows, len(label.goods_lines), self.further_rows)]
        return [
            replace(label, goods_lines=label.goods_lines[start:], sheet=sheet, sheets=count)
            for sheet, start in enumerate(starts, 1)
        ]

    def layer(self, label: LabelData) -> Layer:
        """What the sheet shows."""
        return self.first if label.sheet == 1 else self.further


@lru_cache(maxsize=64)
def compile_template(template: Template, purpose: Purpose = Purpose.LABEL) -> CompiledTemplate:
    """Raises WrongPath or ForbiddenMask (bindings) and ValueError for a picture that cannot be read;
    `checking.checked` raises a Refusal with the place of each instead."""
    builder = _Builder(purpose)
    for node in template.nodes:
        builder.add(node, _Around())
    first, further = (Layer(tuple(found.static), tuple(found.slots)) for found in (builder.first, builder.further))
    rows, further_rows = builder.rows, builder.further_rows
    return CompiledTemplate(template.width, template.height, first, further, rows, further_rows, builder.continued)


@dataclass(frozen=True, slots=True)
class _Around:
    """What the groups around a node add to it."""

    x: int = 0
    y: int = 0
    when: tuple[When, ...] = ()
    sheets: Sheets | None = None

    def placed(self, box: Box) -> Box:
        return Box(self.x + box.x, self.y + box.y, box.w, box.h)

    def within(self, group: Group) -> "_Around":
        return _Around(
            self.x + group.box.x, self.y + group.box.y, self.when + _each(group.when), self.sheets or group.sheets
        )


def _each(whens: Whens | None) -> tuple[When, ...]:
    if whens is None:
        return ()
    return whens if isinstance(whens, tuple) else (whens,)


class _Slots:
    def __init__(self) -> None:
        self.static: list[Slot] = []
        self.slots: list[Slot] = []


class _Builder:
    """Collects the slots of either kind of sheet."""

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose
        self.first = _Slots()
        self.further = _Slots()
        self.rows = self.further_rows = 0
        self.continued: Condition | None = None

    def add(self, node: Node, around: _Around) -> None:
        if isinstance(node, Group):
            for inner in node.nodes:
                self.add(inner, around.within(node))
            return
        whens = around.when + _each(node.when)
        shown = condition(whens) if whens else None
        sheets = around.sheets or node.sheets
        box = around.placed(node.box)
        if isinstance(node, Table):
            self._note_rows(node, sheets, shown)
        for slot, still in self._slots(node, box, shown):
            for kinds, found in ((("first", "all"), self.first), (("further", "all"), self.further)):
                if sheets in kinds:
                    (found.static if still and shown is None else found.slots).append(slot)

    def _note_rows(self, table: Table, sheets: Sheets, shown: Condition | None) -> None:
        if table.overflow == "sheet" and sheets != "further":
            self.rows, self.continued = table_rows(table), shown
        if sheets != "first":
            self.further_rows = table_rows(table)

    def _slots(self, node: Node, box: Box, shown: Condition | None) -> list[tuple[Slot, bool]]:
        """The slots of a node, each with whether it reads nothing from the label."""
        match node:
            case Text():
                return self._text(node, box, shown)
            case Barcode():
                read = reader(node.value, self._purpose)
                name = name_of(node.value)
                return [(BarcodeSlot(name, box, node.symbology, read, shown, node.module, node.rotate), False)]
            case Rect():
                return [(FillSlot(_frame(box, node.stroke) if node.stroke else (box,), shown), True)]
            case Line():
                return [(FillSlot(_dashes(box, node.dash) if node.dash else (box,), shown), True)]
            case Image():
                return [(ImageSlot(box, read_png(node.png), shown), True)]
            case Table():
                return self._table(node, box, shown)
            case _:
                raise TypeError(type(node).__name__)

    def _text(self, node: Text, box: Box, shown: Condition | None) -> list[tuple[Slot, bool]]:
        read, still = reader(node.value, self._purpose), not changes(node.value)
        text = _text_slot(node, name_of(node.value), inset(box, node.pad), read, shown)
        if not node.inverse:
            return [(text, still)]
        filled = shown if still else _and_said(shown, read)
        return [(FillSlot((box,), filled), still), (text, still)]

    def _table(self, table: Table, box: Box, shown: Condition | None) -> list[tuple[Slot, bool]]:
        return _Rows(table, box, shown, self._purpose).slots()


def _text_slot(node: Text | Table, name: str, box: Box, read: Reader, shown: Condition | None) -> TextSlot:
    rotate = node.rotate if isinstance(node, Text) else 0
    w, h = (box.h, box.w) if rotate in (90, 270) else (box.w, box.h)
    ladder = Ladder(w, h, node.size, node.min_size, node.lines, PITCH)
    if isinstance(node, Text):
        return TextSlot(name, box, read, shown, ladder, node.bold, node.inverse, node.align, node.valign, rotate)
    return TextSlot(name, box, read, shown, ladder, False, False, "left", "middle", 0)


def inset(box: Box, pad: int) -> Box:
    """The box without its padding."""
    return Box(box.x + pad, box.y + pad, max(0, box.w - 2 * pad), max(0, box.h - 2 * pad))


def _and_said(shown: Condition | None, read: Reader) -> Condition:
    if shown is None:
        return lambda label: bool(read(label))
    return lambda label: shown(label) and bool(read(label))


def _frame(box: Box, stroke: int) -> tuple[Box, ...]:
    return (
        Box(box.x, box.y, box.w, stroke),
        Box(box.x, box.y + box.h - stroke, box.w, stroke),
        Box(box.x, box.y + stroke, stroke, box.h - 2 * stroke),
        Box(box.x + box.w - stroke, box.y + stroke, stroke, box.h - 2 * stroke),
    )


def _dashes(box: Box, dash: int) -> tuple[Box, ...]:
    if box.w >= box.h:
        return tuple(Box(box.x + start, box.y, min(dash, box.w - start), box.h) for start in range(0, box.w, 2 * dash))
    return tuple(Box(box.x, box.y + start, box.w, min(dash, box.h - start)) for start in range(0, box.h, 2 * dash))


def table_rows(table: Table) -> int:
    """Rows of goods that the table holds."""
    return max(0, table.box.h // table.row_height - (1 if table.head else 0))


class _Rows:
    """The cells of one table as slots: a text for each cell, rules around the rows that are there."""

    def __init__(self, table: Table, box: Box, shown: Condition | None, purpose: Purpose) -> None:
        self._table = table
        self._box = box
        self._shown = shown
        self._purpose = purpose
        self._rows = table_rows(table)
        self._readers = [reader(column.value, purpose, of_row=True) for column in table.columns]
        self._top = box.y + (table.row_height if table.head else 0)

    def slots(self) -> list[tuple[Slot, bool]]:
        found: list[tuple[Slot, bool]] = []
        if self._table.head:
            found += [(slot, True) for slot in self._head()]
        for row in range(self._rows):
            found += [(slot, False) for slot in self._row(row)]
        if self._table.overflow == "count" and self._rows:
            found.append((self._count(), False))
        return found

    def _head(self) -> list[Slot]:
        texts: list[Slot] = []
        for column, box in zip(self._table.columns, self._cells(self._box.y), strict=True):
            slot = _text_slot(self._table, "", box, reader((Literally(column.title),), self._purpose), self._shown)
            texts.append(replace(slot, align=column.align, bold=True))
        return texts + self._ruled(self._box.y, self._shown)

    def _row(self, row: int) -> list[Slot]:
        top = self._top + row * self._table.row_height
        last = row == self._rows - 1 and self._table.overflow == "count"
        most = self._rows if last else None
        texts: list[Slot] = []
        for column, box, read in zip(self._table.columns, self._cells(top), self._readers, strict=True):
            slot = _text_slot(self._table, f"goods.{name_of(column.value)}", box, _cell(read, row, most), self._shown)
            texts.append(replace(slot, align=column.align))
        return texts + self._ruled(top, _and_there(self._shown, row))

    def _count(self) -> Slot:
        """The last row where there are more goods than rows."""
        rows = self._rows
        top = self._top + (rows - 1) * self._table.row_height
        box = inset(Box(self._box.x, top, self._box.w, self._table.row_height), _CELL_PAD)

        def more(label: LabelData) -> str:
            return f"…等 {label.goods_count} 件" if len(label.goods_lines) > rows else ""

        return _text_slot(self._table, "goods", box, more, self._shown)

    def _cells(self, top: int) -> list[Box]:
        cells, x = [], self._box.x
        for column in self._table.columns:
            cell = Box(x, top, column.w, self._table.row_height)
            cells.append(Box(cell.x + _CELL_PAD, cell.y, max(0, cell.w - 2 * _CELL_PAD), cell.h))
            x += column.w
        return cells

    def _ruled(self, top: int, shown: Condition | None) -> list[Slot]:
        rules = self._table.rules
        if not rules:
            return []
        height, width = self._table.row_height, self._box.w
        lines = [Box(self._box.x, top + height - rules, width, rules)]
        if top == self._box.y:  # every other row stands under the line of the one above
            lines.append(Box(self._box.x, top, width, rules))
        x = self._box.x
        for column in self._table.columns:
            lines.append(Box(x, top, rules, height))
            x += column.w
        lines.append(Box(min(x, self._box.x + width) - rules, top, rules, height))
        return [FillSlot(tuple(lines), shown)]


def _cell(read: Reader, row: int, most: int | None) -> Reader:
    """The text of a cell; empty where there is no such row, or where the row says how many more there are."""

    def text(label: LabelData) -> str:
        lines = label.goods_lines
        if row >= len(lines) or (most is not None and len(lines) > most):
            return ""
        return read(lines[row])

    return text


def _and_there(shown: Condition | None, row: int) -> Condition:
    if shown is None:
        return lambda label: row < len(label.goods_lines)
    return lambda label: row < len(label.goods_lines) and shown(label)
