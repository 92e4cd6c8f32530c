"""One row of an order file, understood: whose order it is, its state, its goods, and what is wrong with it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from miandan.kernel.errors import Refusal
from miandan.orders import cells, layouts
from miandan.orders.files import Row
from miandan.orders.layouts import Columns
from miandan.orders.model import OrderLine, OrderState
from miandan.vault import ciphertext

_LONGEST_TITLE = 300
"""Characters of a title or specification that are kept; a label shows some dozens."""


@dataclass(slots=True)
class Record:
    """A row by field names, with all that was learnt from it. `problems` refuse its order, `warnings` do not."""

    columns: Columns
    line: int
    last: int
    cells: list[str]
    states_quantity: bool = True
    """False where the record has no quantity at all, not even an empty one; then it is one piece."""
    nested: Collection[int] = ()
    state: OrderState = OrderState.TO_SHIP
    goods: OrderLine | None = None
    paid_at: datetime | None = None
    problems: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)

    def cell(self, field: str) -> str:
        """What stands in the field's column; empty where the row or the layout has none."""
        index = self.columns.index.get(field)
        return self.cells[index] if index is not None and index < len(self.cells) else ""

    @property
    def span(self) -> tuple[int, ...]:
        """Every line of the file that the row covers, so that a quote left open names the rows it swallowed."""
        return tuple(range(self.line, self.last + 1))


def at(line: int, reason: Refusal) -> Refusal:
    """The same refusal with the line it stands in."""
    return Refusal(reason.code, **{**reason.fields, "line": line})


def record_of(row: Row, columns: Columns) -> Record:
    states_quantity = "quantity" in columns.layout.required or any(i not in row.absent for i in columns.quantities)
    return Record(columns, row.line, row.last, list(row.cells), states_quantity, row.nested)


RESERVED_SIGNS = frozenset("#|/")
"""Signs that part the pieces of a parcel key; no platform writes them in an order id."""


def order_id(record: Record) -> str:
    """The order of a row. Raises what `cells.identifier` raises, `orders.id_unreadable` for one without a digit, and
    `orders.order_id_missing`, `cell_not_text`, `control_character`, `id_reserved_sign`."""
    column = record.columns.title("order_id")
    if record.columns.index["order_id"] in record.nested:
        raise Refusal("orders.cell_not_text", column=column)
    found = cells.identifier(record.cell("order_id"), column)
    if not found:
        raise Refusal("orders.order_id_missing", column=column)
    if not any(character.isdigit() for character in found):  # a name that slipped into the column, for one
        raise Refusal("orders.id_unreadable", column=column)
    if cells.has_forbidden_character(found) or cells.has_lost_character(found):
        raise Refusal("orders.control_character", column=column)
    if not RESERVED_SIGNS.isdisjoint(found):
        raise Refusal("orders.id_reserved_sign", column=column, signs=" ".join(sorted(RESERVED_SIGNS)))
    return found


def shown_id(record: Record) -> str:
    """The id cell as far as a report can show it: printable ASCII, never a name that slipped into the column."""
    text = record.cell("order_id").strip(" \t'’‘`")
    return text if text.isascii() and text.isprintable() and len(text) <= cells.LONGEST_ID else ""


def understand(record: Record, row_characters: int) -> None:
    """Read state and goods of one row; whatever is wrong is put among its problems."""
    problem = _shape_problem(record, row_characters)
    if problem is not None:
        record.problems.append(at(record.line, problem))
        return
    try:
        record.state = _state(record)
        if record.state is OrderState.TO_SHIP:
            record.goods = _goods(record)
    except Refusal as reason:
        record.problems.append(at(record.line, reason))


def _shape_problem(record: Record, row_characters: int) -> Refusal | None:
    joined = "".join(record.cells)
    if len(joined) > row_characters:
        # Our own ciphertext may be of any length.
        length = sum(len(cell) for cell in record.cells if not ciphertext.recognise(cell))
        if length > row_characters:
            return Refusal("orders.row_too_long", length=length, limit=row_characters)
    if record.last > record.line and any(_holds_rows(cell, record.columns.width) for cell in record.cells):
        return Refusal("orders.rows_swallowed", last=record.last)
    if any(cell.strip() for cell in record.cells[record.columns.width :]):
        return Refusal("orders.columns_shifted", expected=record.columns.width, found=len(record.cells))
    for field_name, index in record.columns.index.items() if record.nested else ():
        if index in record.nested:
            return Refusal("orders.cell_not_text", column=record.columns.title(field_name))
    if cells.has_forbidden_character(joined):
        return Refusal("orders.control_character", column=_where(record, cells.has_forbidden_character))
    if cells.has_lost_character(joined):
        return Refusal("orders.characters_lost", column=_where(record, cells.has_lost_character))
    return None


def _holds_rows(cell: str, width: int) -> bool:
    """Whether a stray quote made one cell of whole rows: then it has a line break and as many delimiters as a row."""
    return "\n" in cell and max(map(cell.count, ",;\t")) >= width - 1


def _where(record: Record, is_bad: Callable[[str], bool]) -> str:
    for field_name in record.columns.index:
        if is_bad(record.cell(field_name)):
            return record.columns.title(field_name)
    return "?"


def _state(record: Record) -> OrderState:
    """The refund column wins over the order's own state, unless it says that nothing is being refunded."""
    after_sale = record.cell("after_sale").strip()
    if after_sale:
        state = layouts.state_of("after_sale", after_sale)
        if state is None:
            raise Refusal("orders.status_unknown", column=record.columns.title("after_sale"))
        if state is not OrderState.TO_SHIP:
            return state
    status = record.cell("status").strip()
    if not status and "status" not in record.columns.layout.required:
        return OrderState.TO_SHIP
    state = layouts.state_of("status", status)
    if state is None:
        raise Refusal("orders.status_unknown", column=record.columns.title("status"))
    return state


def _goods(record: Record) -> OrderLine:
    title = record.columns.title
    line_id = cells.identifier(record.cell("line_id"), title("line_id"))
    quantity = cells.count(record.cell("quantity"), title("quantity")) if record.states_quantity else 1
    paid = record.cell("paid").strip()
    paid_fen = cells.fen(paid)
    if paid and paid_fen is None:
        record.warnings.append(Refusal("orders.amount_unreadable", line=record.line, column=title("paid")))
    paid_at = record.cell("paid_at").strip()
    record.paid_at = cells.moment(paid_at)
    if paid_at and record.paid_at is None:
        record.warnings.append(Refusal("orders.time_unreadable", line=record.line, column=title("paid_at")))
    return OrderLine(
        line_id,
        _short(record.cell("title")),
        _short(record.cell("spec")),
        _short(record.cell("sku")),
        quantity,
        paid_fen,
    )


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_TITLE]
