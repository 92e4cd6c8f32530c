"""Tables of hiprint: columns of fields over a list, which are our goods."""

from typing import Any

from miandan.labels.importers.cainiao_paths import goods_field, is_goods
from miandan.labels.importers.hiprint_options import Options
from miandan.labels.importers.placing import Draft, lines_in
from miandan.labels.template import Box, Column, Field, Literally, Table, Value

_FONT_SIZE_PT = 9.0
_ROW_PT = 18.0
_RULE_UM = 265  # 0.75 pt
_MOST_COLUMNS = 60
_NO_RULE = ("noBorder", "none")
_ALIGN = {"left": "left", "center": "centre", "right": "right"}
_FUNCTIONS = (
    "footerFormatter",
    "rowStyler",
    "rowsColumnsMerge",
    "gridColumnsFooterFormatter",
    "groupFormatter",
    "groupFooterFormatter",
    "groupFieldsFormatter",
)
_CELL_FUNCTIONS = (
    "formatter",
    "formatter2",
    "styler",
    "styler2",
    "stylerHeader",
    "summaryFormatter",
    "renderFormatter",
)


def table(options: Options, box: Box) -> list[Draft]:
    """The goods table of an element, going on on further sheets as the original does."""
    named = options.text("field")
    if named and not is_goods(named):
        options.note("field", "list_as_goods")
    options.formatter()
    for name in _FUNCTIONS:
        options.function(name)
    if options.text("content"):
        options.note("content", "html")
    columns, style = _columns(options), options.style(_FONT_SIZE_PT)
    row = max(options.length("tableBodyRowHeight", _ROW_PT) or 0, style.size)
    node = Table(
        Box(box.x, box.y, box.w, max(box.h, row * 2)),
        _fitted(columns, box.w),
        row,
        style.size,
        lines=min(20, lines_in(row, max(1, style.size))),
        head=_has_head(options, row),
        rules=_RULE_UM if _is_ruled(options) else 0,
        overflow="sheet",
        sheets="all",
    )
    if not columns:
        options.note("columns", "no_columns")
        return []
    return [Draft(node, options.place, "table")]


def _has_head(options: Options, row: int) -> bool:
    height = options.length("tableHeaderRowHeight")
    shown = options.text("tableHeaderRepeat") != "none"
    if shown and height not in (None, row):
        options.note("tableHeaderRowHeight", "head_height")
    return shown


def _is_ruled(options: Options) -> bool:
    cells, outside = (options.text(name) not in _NO_RULE for name in ("tableBodyCellBorder", "tableBorder"))
    if cells != outside:
        options.note("tableBorder", "table_border")
    return cells


def _fitted(columns: list[Column], width: int) -> tuple[Column, ...]:
    """The columns as wide together as the table, those without a width sharing what is left."""
    unnamed = sum(not column.w for column in columns)
    named = sum(column.w for column in columns)
    share = max(0, width - named) // unnamed if unnamed else 0
    scale = width / named if named and (not unnamed or named > width) else 1.0
    return tuple(
        Column(column.value, int(column.w * scale) if column.w else share, column.title, column.align)
        for column in columns
    )


def _columns(options: Options) -> list[Column]:
    rows = [row for row in options.list("columns") if isinstance(row, list)]
    if len(rows) > 1:
        options.note("columns", "heads")
    each = [
        (column, f"{options.place}.columns[{at}][{place}]")
        for at, row in enumerate(rows)
        for place, column in enumerate(row)
        if isinstance(column, dict) and (at == len(rows) - 1 or column.get("field"))
    ]
    found = []
    for plain, place in each[:_MOST_COLUMNS]:
        column = Options(plain, place, "column", options.notes)
        if plain.get("checked") is not False:
            found.append(_column(column))
    return found


def _column(column: Options) -> Column:
    kind = column.text("tableTextType")
    title, named = column.text("title"), column.text("field")
    align = column.text("align") or column.text("halign") or "left"
    for unasked in ("checked", "columnId", "rowspan", "colspan", "tableQRCodeLevel", "tableSummaryTitle"):
        column.drop(unasked)  # the designer's, and what belongs to kinds of cells that are noted
    if kind in ("barcode", "qrcode", "image"):
        column.note("tableTextType", "column_kind")
    for function in _CELL_FUNCTIONS:
        column.function(function)
    width = column.length("width") or 0
    column.rest()
    return Column(_value(column, named, kind), max(0, width), title, _aligned(align))


def _value(column: Options, named: str, kind: str) -> Value:
    if kind == "sequence":
        return (Field("index"),)
    ours = goods_field(named)
    if ours is None:
        column.note("field", "column_unknown", field=named or "—")
        return (Literally(""),)
    return (Field(ours),)


def _aligned(align: str) -> Any:
    return _ALIGN.get(align.lower(), "left")
