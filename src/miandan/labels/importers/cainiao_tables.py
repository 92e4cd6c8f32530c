"""Tables of the Cainiao language: a loop around a row becomes our goods table, anything else cells in their places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered

from msgspec.structs import replace

from miandan.labels.importers.cainiao_conditions import as_whens
from miandan.labels.importers.cainiao_contents import branch_whens, said
from miandan.labels.importers.cainiao_expressions import Item, NotSimple
from miandan.labels.importers.cainiao_leaves import BORDER_PT, Room, box_in, text_style
from miandan.labels.importers.cainiao_markup import Chars, Element
from miandan.labels.importers.cainiao_paths import goods_field
from miandan.labels.importers.cainiao_scripts import Alias, Branching, Looping, Output, Part, structured
from miandan.labels.importers.cainiao_styles import Wishes
from miandan.labels.importers.cainiao_values import Scope, list_of, merged, path_of
from miandan.labels.importers.imported import Notes
from miandan.labels.importers.placing import Draft, lines_in
from miandan.labels.template import Box, Column, Field, Line, Literally, Table, Text, Value, When

Inside = Callable[[Element, Room], list[Draft]]
"""Reads what stands in a cell."""

_ROW_UM = 5_000  # height of a row that names none
_MOST_ROWS, _MOST_COLUMNS = 300, 60


@dataclass(slots=True)
class _Row:
    element: Element
    whens: tuple[When, ...]


@dataclass(slots=True)
class _Cell:
    element: Element
    whens: tuple[When, ...]
    row: int
    column: int
    rows: int
    columns: int
    width: int | None
    height: int | None


@dataclass(slots=True)
class _Rows:
    """The rows of a table before, in and behind its loop."""

    before: list[_Row] = field(default_factory=list)
    loop: Looping | None = None
    inside: list[Element] = field(default_factory=list)
    behind: list[_Row] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)


def table(element: Element, room: Room, notes: Notes, splits: bool, inside: Inside) -> list[Draft]:
    """The nodes of a table; on a page that `splits` its goods go on on further sheets."""
    wishes = Wishes(element, notes)
    box = box_in(room, wishes)
    border, inner = wishes.points("borderWidth", BORDER_PT), wishes.points("cellBorderWidth", BORDER_PT)
    wishes.whole("zIndex", 0)
    wishes.rest()
    reading = _Reading(element, room, notes, box, inside)
    rows = reading.rows(structured(element.children, notes), room.scope)
    if rows.loop is None:
        return reading.placed(rows.before, border, inner)
    return reading.goods(rows, border, inner, "sheet" if splits else "count")


class _Reading:
    def __init__(self, element: Element, room: Room, notes: Notes, box: Box, inside: Inside) -> None:
        self._element = element
        self._room = room
        self._notes = notes
        self._box = box
        self._inside = inside

    # --- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, parts: Sequence[Part], scope: Scope) -> _Rows:
        """The rows before, in and behind the loop."""
        found = _Rows(scope=scope)
        for part in parts:
            self._row(part, (), found)
        if len(found.before) + len(found.behind) > _MOST_ROWS:
            self._notes.add(self._element.place, "<table>", "rows_lost", count=_MOST_ROWS)
            del found.before[_MOST_ROWS:]
        return found

    def _row(self, part: Part, whens: tuple[When, ...], found: _Rows) -> None:
        match part:
            case Element("tr") as row:
                (found.before if found.loop is None else found.behind).append(_Row(row, whens))
            case Element("thead" | "tbody"):
                for inner in structured(part.children, self._notes):
                    self._row(inner, whens, found)
            case Element():
                self._notes.add(part.place, f"<{part.tag}>", "element")
            case Looping():
                self._loop(part, found)
            case Branching(branches):
                self._notes.add(branches[0].place, branches[0].code, "row_condition")
                for under, branch in branch_whens(branches, found.scope, self._notes)[0]:
                    for inner in branch.body:
                        self._row(inner, whens + under, found)
            case Alias():
                found.scope = self._named(found.scope, part)
            case Output():
                self._notes.add(part.place, part.code, "emits_markup")
            case Chars(text) if text.strip():
                self._notes.add(part.place, text, "loose_text")

    def _loop(self, loop: Looping, found: _Rows) -> None:
        if found.loop is not None:
            self._notes.add(loop.place, loop.code, "loop")
            return
        try:
            path, known = list_of(loop.over, found.scope)
        except NotSimple:
            self._notes.add(loop.place, loop.code, "loop")
            return
        if not known:
            self._notes.add(loop.place, path, "list_as_goods")
        found.loop = loop
        found.scope = found.scope.in_loop(path, loop.index, loop.item)
        for part in loop.body:
            match part:
                case Element("tr"):
                    found.inside.append(part)
                case Alias(name, Item(_, index)) if index == loop.index:
                    found.scope = altered(found.scope, item=name)
                case Alias():
                    found.scope = self._named(found.scope, part)
                case Chars(text) if not text.strip():
                    pass
                case _:
                    self._notes.add(loop.place, loop.code, "in_loop")

    def _named(self, scope: Scope, alias: Alias) -> Scope:
        try:
            return scope.naming(alias.name, path_of(alias.expression, scope))
        except NotSimple:
            self._notes.add(alias.place, alias.code, "script")
            return scope

    # --- goods --------------------------------------------------------------------------------------------------------

    def goods(self, rows: _Rows, border: int, inner: int, overflow: str) -> list[Draft]:
        """The loop's row as a table of ours, below what stands over it."""
        for row in rows.behind:
            self._notes.add(row.element.place, "<tr>", "rows_behind")
        for extra in rows.inside[1:]:
            self._notes.add(extra.place, "<tr>", "second_row")
        if not rows.inside:
            return self.placed(rows.before, border, inner)
        cells = _cells_of(rows.inside[0])
        head = self._head(rows.before, len(cells))
        above = [] if head is not None else self.placed(rows.before, border, inner)
        top = 0 if head is not None else sum(self._heights(self._grid(rows.before)))
        if (border > 0) != (inner > 0):
            self._notes.add(self._element.place, "style borderWidth", "table_border")
        node = self._table(cells, head, rows, top)
        node = replace(node, rules=max(0, min(inner, 2_000)), when=as_whens(self._room.whens))
        if overflow == "sheet":
            node = replace(node, overflow="sheet", sheets="all")
        return [*above, Draft(node, self._element.place, "<table>")]

    def _table(self, cells: list[Element], head: list[str] | None, rows: _Rows, top: int) -> Table:
        styles = [self._style(cell) for cell in cells]
        size = styles[0].size if styles else 1_000
        for cell, style in zip(cells, styles, strict=True):
            if style.size != size or style.bold or style.inverse:
                self._notes.add(cell.place, "<td>", "cell_style")
        widths = self._widths([*rows.before, _Row(rows.inside[0], ())], len(cells))
        columns = tuple(
            Column(self._column(cell, rows.scope), w, head[place] if head else "", style.align)
            for place, (cell, w, style) in enumerate(zip(cells, widths, styles, strict=True))
        )
        row_height = next((one for one in map(self._height, cells) if one), None) or max(_ROW_UM, round(size * 1.4))
        if head is not None and {self._height(cell) for cell in _cells_of(rows.before[0].element)} - {None, row_height}:
            self._notes.add(rows.before[0].element.place, "<tr>", "head_height")
        height = self._box.h if self._room.cuts else max(self._box.h, self._room.below - self._box.y)
        if height > self._box.h:
            self._notes.add(self._element.place, "<table>", "grows")
        box = Box(self._box.x, self._box.y + top, max(self._box.w, sum(widths)), height - top)
        lines = min(20, lines_in(row_height, max(1, size)))
        return Table(box, columns, row_height, size, lines=lines, head=head is not None)

    def _head(self, rows: list[_Row], columns: int) -> list[str] | None:
        """Titles, where there is one row above that has a text for each column."""
        if len(rows) != 1 or rows[0].whens:
            return None
        cells = _cells_of(rows[0].element)
        if len(cells) != columns or any(_span(cell, "colspan") > 1 for cell in cells):
            return None
        titles = []
        for cell in cells:
            ways = said(structured(_text_in(cell).children, self._notes), self._room.scope, self._notes, cell.place)
            value = ways[0][1] if ways else ()
            if len(ways) > 1 or any(isinstance(part, Field) for part in value):
                return None
            titles.append("".join(part.text for part in value if isinstance(part, Literally)))
        return titles

    def _column(self, cell: Element, scope: Scope) -> Value:
        ways = said(structured(_text_in(cell).children, self._notes), scope, self._notes, cell.place)
        if len(ways) > 1 or (ways and ways[0][0]):
            self._notes.add(cell.place, "<td>", "cell_condition")
        value = ways[0][1] if ways else ()
        kept = tuple(part for part in value if isinstance(part, Literally) or _is_of_row(part))
        if len(kept) < len(value):
            self._notes.add(cell.place, "<td>", "not_of_row")
        return merged(kept) or (Literally(""),)

    def _style(self, cell: Element) -> Text:
        text = _text_in(cell)
        if text is cell:
            return text_style(Wishes(Element("text", {}, cell.place), self._notes), self._notes)
        wishes = Wishes(text, self._notes)
        style = text_style(wishes, self._notes)
        wishes.whole("zIndex", 0)
        wishes.rest()
        return style

    def _height(self, cell: Element) -> int | None:
        return Wishes(cell, self._notes).measure("height")

    # --- cells in their places ----------------------------------------------------------------------------------------

    def placed(self, rows: list[_Row], border: int, inner: int) -> list[Draft]:
        """What stands in the cells, each in its place, and the rules around them."""
        cells = self._grid(rows)
        if not cells:
            return []
        columns = max(cell.column + cell.columns for cell in cells)
        widths, heights = self._widths(rows, columns), self._heights(cells)
        lefts = [sum(widths[:place]) for place in range(columns + 1)]
        tops = [sum(heights[:place]) for place in range(len(heights) + 1)]
        drafts, edges = [], _Edges(lefts[-1], tops[-1])
        for cell in cells:
            box = Box(
                self._box.x + lefts[cell.column],
                self._box.y + tops[cell.row],
                lefts[cell.column + cell.columns] - lefts[cell.column],
                tops[cell.row + cell.rows] - tops[cell.row],
            )
            room = altered(self._room.under(cell.whens), width=box.w, height=box.h, below=box.h, cuts=False)
            drafts += [draft.moved(box.x, box.y) for draft in self._inside(cell.element, room)]
            edges.add(box.x - self._box.x, box.y - self._box.y, box.w, box.h)
        whens = as_whens(self._room.whens)
        rules = [Line(box, 0, whens) for box in edges.lines(border, inner)]
        return drafts + [Draft(rule, self._element.place, "<table>").moved(self._box.x, self._box.y) for rule in rules]

    def _grid(self, rows: list[_Row]) -> list[_Cell]:
        """Each cell with its row and column, those taken by longer cells above left out."""
        taken: set[tuple[int, int]] = set()
        found = []
        for at, row in enumerate(rows):
            column = 0
            for cell in _cells_of(row.element):
                while (at, column) in taken:
                    column += 1
                if column >= _MOST_COLUMNS:
                    self._notes.add(cell.place, "<td>", "columns_lost", count=1)
                    break
                high = min(_span(cell, "rowspan"), len(rows) - at)
                wide = min(_span(cell, "colspan"), _MOST_COLUMNS - column)
                taken |= {(at + down, column + across) for down in range(high) for across in range(wide)}
                wishes = Wishes(cell, self._notes)
                measures = wishes.measure("width"), wishes.measure("height")
                found.append(_Cell(cell, row.whens, at, column, high, wide, *measures))
                column += wide
        return found

    def _widths(self, rows: list[_Row], columns: int) -> list[int]:
        """Of the cells that name one and lie in one column; what is left is shared among the other columns."""
        widths: dict[int, int] = {}
        for cell in self._grid(rows):
            if cell.columns == 1 and cell.width and cell.column < columns:
                widths.setdefault(cell.column, cell.width)
        unnamed = columns - len(widths)
        share = max(0, self._box.w - sum(widths.values())) // unnamed if unnamed else 0
        return [widths.get(column, share) for column in range(columns)]

    def _heights(self, cells: list[_Cell]) -> list[int]:
        count = max((cell.row + cell.rows for cell in cells), default=0)
        heights: dict[int, int] = {}
        for cell in cells:
            if cell.rows == 1 and cell.height:
                heights[cell.row] = max(heights.get(cell.row, 0), cell.height)
        return [heights.get(row, _ROW_UM) for row in range(count)]


def _is_of_row(part: Field) -> bool:
    return goods_field(part.path) == part.path


def _cells_of(row: Element) -> list[Element]:
    return [child for child in row.children if isinstance(child, Element) and child.tag in ("td", "th")]


def _span(cell: Element, name: str) -> int:
    text = "".join(piece for piece in cell.attributes.get(name, ()) if isinstance(piece, str)).strip()
    return max(1, min(_MOST_ROWS, int(text))) if text.isdecimal() and len(text) < 5 else 1


def _text_in(cell: Element) -> Element:
    """The text element of a cell, wherever it lies; the cell itself when it has none."""
    waiting = [cell]
    while waiting:
        element = waiting.pop()
        if element.tag == "text":
            return element
        waiting += [child for child in reversed(element.children) if isinstance(child, Element)]
    return cell


class _Edges:
    """The rules around cells, each drawn once."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._across: dict[int, list[tuple[int, int]]] = {}  # by y: from and to
        self._down: dict[int, list[tuple[int, int]]] = {}

    def add(self, x: int, y: int, w: int, h: int) -> None:
        for at in (y, y + h):
            self._across.setdefault(at, []).append((x, x + w))
        for at in (x, x + w):
            self._down.setdefault(at, []).append((y, y + h))

    def lines(self, border: int, inner: int) -> list[Box]:
        width, height = self._size
        found = []
        for y, spans in sorted(self._across.items()):
            top, thick = _stroke(y, height, border, inner)
            found += [Box(start, top, end - start, thick) for start, end in _merged(spans) if thick > 0]
        for x, spans in sorted(self._down.items()):
            left, thick = _stroke(x, width, border, inner)
            found += [Box(left, start, thick, end - start) for start, end in _merged(spans) if thick > 0]
        return found


def _stroke(at: int, size: int, border: int, inner: int) -> tuple[int, int]:
    """Where a rule begins and how thick it is: the outer ones lie within the table."""
    if at == 0:
        return 0, border
    if at == size:
        return size - border, border
    return at - inner // 2, inner


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
