"""Reads an order file: rows become sub-orders, sub-orders become orders, and what is unsafe is refused with its line.

Pure: no database. Every order of the file ends in exactly one of `orders`, `set_aside` and `refused` of the result.
"""

from dataclasses import replace
from pathlib import Path

from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.orders import layouts, recipients
from miandan.orders.files import BrokenRow, Limits, Sheet, open_sheet
from miandan.orders.layouts import Columns
from miandan.orders.model import OrderDraft, OrderLine, OrderState, ReadResult, RefusedRow, SetAside
from miandan.orders.records import Record, at, order_id, record_of, shown_id, understand
from miandan.vault.model import Recipient

_DEFAULT_LIMITS = Limits()
_REMARK_SEPARATOR = "；"

_MOST_TELLING_FIRST = (
    OrderState.REFUNDING,
    OrderState.REFUNDED,
    OrderState.SHIPPED,
    OrderState.AWAITING_PAYMENT,
    OrderState.CANCELLED,
    OrderState.CLOSED,
)
"""Which state an order shows when its lines differ and none of them ships: the one that a clerk may have to act on."""


def read_orders(path: Path, shop: str | None = None, limits: Limits = _DEFAULT_LIMITS) -> ReadResult:
    """Everything that the file at `path` says about orders; `shop` is taken where the file names no shop itself.

    Raises a Refusal when the file as a whole cannot be read: `orders.file_missing`, `file_empty`, `file_too_large`,
    `file_foreign`, `encoding_unknown`, `columns_missing`, `columns_unknown`, `open_quote`, `too_many_rows`. Bad rows
    do not stop the others.
    """
    sheet = open_sheet(path, limits)
    columns, header_line = _header(sheet, path)
    result = ReadResult(columns.layout.name)
    groups: dict[tuple[str | None, str], list[Record]] = {}
    for row in sheet.rows:
        if isinstance(row, BrokenRow):
            result.refused.append(RefusedRow("", (row.line,), (at(row.line, row.reason),)))
        elif row.line > header_line:
            _sort_in(record_of(row, columns), shop, limits, groups, result)
    for (shop_id, order), records in groups.items():
        _finish(shop_id, order, records, result)
    if not (result.orders or result.set_aside or result.refused):
        raise Refusal("orders.file_empty", file=path.name)
    return result


def _header(sheet: Sheet, path: Path) -> tuple[Columns, int]:
    if not sheet.top:
        raise Refusal("orders.file_empty", file=path.name)
    for row in sheet.top:
        columns = layouts.recognise(row.cells)
        if columns is not None:
            return columns, row.line
    closest = max(sheet.top, key=lambda row: layouts.nearness(row.cells))
    raise layouts.unknown_layout(closest.cells)


def _sort_in(
    record: Record,
    shop: str | None,
    limits: Limits,
    groups: dict[tuple[str | None, str], list[Record]],
    result: ReadResult,
) -> None:
    """Put the row beside the others of its order; one whose order cannot be known is refused alone."""
    try:
        key = (record.cell("shop_id").strip() or shop, order_id(record))
    except Refusal as reason:
        result.refused.append(RefusedRow(shown_id(record), record.span, (at(record.line, reason),)))
        return
    understand(record, limits.row_characters)
    groups.setdefault(key, []).append(record)


def _finish(shop_id: str | None, order: str, records: list[Record], result: ReadResult) -> None:
    """One order of its rows. A bad row refuses the whole order: half of it must not leave unnoticed."""
    rows = tuple(line for record in records for line in record.span)
    problems = tuple(problem for record in records for problem in record.problems)
    if problems:
        result.refused.append(RefusedRow(order, rows, problems))
        return
    shipping = [record for record in records if record.state is OrderState.TO_SHIP]
    if not shipping:
        result.set_aside.append(_set_aside(shop_id, order, records, rows))
        return
    try:
        result.orders.append(_draft(shop_id, order, shipping, rows, left_out=len(records) - len(shipping)))
    except Refusal as reason:
        refusal = reason if "line" in reason.fields else at(shipping[0].line, reason)
        result.refused.append(RefusedRow(order, rows, (refusal,)))


def _set_aside(shop_id: str | None, order: str, records: list[Record], rows: tuple[int, ...]) -> SetAside:
    states = {record.state for record in records}
    state = next(state for state in _MOST_TELLING_FIRST if state in states)
    line = next(record.line for record in records if record.state is state)
    return SetAside(order, shop_id, state, Refusal(f"orders.{state.value}", line=line), rows)


def _draft(shop_id: str | None, order: str, records: list[Record], rows: tuple[int, ...], left_out: int) -> OrderDraft:
    reading = _one_recipient(records)
    lines, warnings = _lines(order, records)
    warnings += [warning for record in records for warning in record.warnings]
    if left_out:
        warnings.append(Refusal("orders.lines_left_out", line=records[0].line, count=left_out))
    paid = [record.paid_at for record in records if record.paid_at is not None]
    return OrderDraft(
        order_id=order,
        shop_id=shop_id,
        recipient=_with_remarks(reading.recipient, records),
        lines=lines,
        state=OrderState.TO_SHIP if reading.held is None else OrderState.HELD,
        held_reason=reading.held,
        paid_at=min(paid, default=None),
        rows=rows,
        warnings=(*reading.warnings, *warnings),
    )


def _one_recipient(records: list[Record]) -> recipients.Reading:
    """The recipient of all rows. Raises `orders.recipient_differs` with both lines when they are not one person."""
    first = records[0]
    reading = recipients.read(first)
    for record in records[1:]:
        if recipients.raw(record) == recipients.raw(first):
            continue
        try:
            other = recipients.read(record)
        except Refusal as reason:
            raise at(record.line, reason) from reason
        if other.recipient != reading.recipient:
            raise Refusal("orders.recipient_differs", line=first.line, other_line=record.line)
    return reading


def _lines(order: str, records: list[Record]) -> tuple[tuple[OrderLine, ...], list[Refusal]]:
    """The goods of all rows. The same sub-order twice counts once; with other contents it refuses the order."""
    lines: dict[str, tuple[int, OrderLine]] = {}
    seen: dict[tuple[str, ...], int] = {}
    warnings = []
    for number, record in enumerate(records, start=1):
        goods = record.goods
        if goods is None:
            continue
        if not goods.line_id:
            earlier = seen.setdefault(tuple(record.cells), record.line)
            if earlier != record.line:
                warnings.append(Refusal("orders.row_twice", line=record.line, other_line=earlier))
        key = goods.line_id or f"{order}-{number}"
        if key not in lines:
            lines[key] = (record.line, goods if goods.line_id else replace(goods, line_id=key))
        elif lines[key][1] == goods:
            warnings.append(Refusal("orders.line_repeated", line=record.line, other_line=lines[key][0]))
        else:
            raise Refusal("orders.line_differs", line=lines[key][0], other_line=record.line)
    return tuple(line for _, line in lines.values()), warnings


def _with_remarks(recipient: Recipient, records: list[Record]) -> Recipient:
    buyer, seller = _remarks("buyer_remark", records), _remarks("seller_remark", records)
    return structs.replace(recipient, buyer_remark=buyer, seller_remark=seller) if buyer or seller else recipient


def _remarks(field: str, records: list[Record]) -> str:
    """Every different remark once, in the order of the rows."""
    texts = (record.cell(field).strip() for record in records)
    return _REMARK_SEPARATOR.join(dict.fromkeys(text for text in texts if text))
