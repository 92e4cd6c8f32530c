"""Turns an order file into rows of text: CSV in any encoding a back office writes, XLSX, JSON lines.

CSV and JSON lines are streamed, so memory grows with the orders and not with the file; XLSX is unpacked whole, which
is why its unpacked size is limited too. Nothing here knows what a column means.
"""

import codecs
import csv
import json
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from miandan.kernel.errors import Refusal

_MB = 1_000_000
_CHUNK = 1 << 20
_HEADER_ROWS = 10
"""Rows among which the header is looked for; some exports begin with a title."""

_END = "\x1e"
"""Stands after the last line: what the CSV reader makes of it shows whether a quote was left open."""

_FEWEST_TEXT_PER_ZERO = 50
"""Bytes of text for each zero byte: with fewer, zero bytes are no slip of an exporter in one cell but a binary file,
or UTF-16, of which every comma and digit has one."""

_OTHER_FORMATS = {
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7z",
    b"\x1f\x8b": "gzip",
    b"SQLite": "SQLite",
    b"\x7fELF": "ELF",
    b"\xd0\xcf\x11\xe0": "XLS",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be; beyond it the clerk is asked to split it."""

    file_bytes: int = 64 * _MB
    unpacked_bytes: int = 256 * _MB
    rows: int = 200_000
    row_characters: int = 8_000


class Row(NamedTuple):
    """One record, from line `line` to line `last` of the file (one and the same row of a workbook)."""

    line: int
    last: int
    cells: Sequence[str]
    absent: Collection[int] = ()
    """Cells that the record does not have at all, by index; only JSON lines can tell that from an empty one."""
    nested: Collection[int] = ()
    """Cells that are a JSON object or array and so no text."""


class BrokenRow(NamedTuple):
    """One record that could not be read at all."""

    line: int
    reason: Refusal


class Sheet(NamedTuple):
    """The first rows of a file, among which the header stands, and all rows from the beginning."""

    top: list[Row]
    rows: Iterator[Row | BrokenRow]


def open_sheet(path: Path, limits: Limits) -> Sheet:
    """The rows of the file at `path`, read on demand.

    Raises `orders.file_missing`, `orders.file_empty`, `orders.file_too_large`, `orders.file_foreign` (not a table at
    all), `orders.encoding_unknown`; and while reading `orders.open_quote` and `orders.too_many_rows`.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise Refusal("orders.file_missing", file=path.name)
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise Refusal("orders.file_missing", file=path.name) from error
    if not start.strip():
        raise Refusal("orders.file_empty", file=path.name)
    if size > limits.file_bytes:
        raise Refusal(
            "orders.file_too_large",
            file=path.name,
            size=-(-size // _MB),
            limit=limits.file_bytes // _MB,
            rows=limits.rows,
        )
    if start.startswith(b"PK\x03\x04"):
        return _opened(lambda: _workbook_rows(path, limits), limits)
    _refuse_other_formats(path, start)
    encoding = _encoding(path, start)
    if _is_json(start, encoding):
        return _opened(lambda: _json_rows(path, encoding), limits)
    return _opened(lambda: _csv_rows(path, encoding, limits), limits)


def _opened(start: Callable[[], Iterator[Row | BrokenRow]], limits: Limits) -> Sheet:
    top = []
    for row in start():
        if isinstance(row, Row):
            top.append(row)
        if len(top) == _HEADER_ROWS:
            break
    return Sheet(top, _limited(start(), limits))


def _limited(rows: Iterable[Row | BrokenRow], limits: Limits) -> Iterator[Row | BrokenRow]:
    for number, row in enumerate(rows):
        if number > limits.rows:
            raise Refusal("orders.too_many_rows", limit=limits.rows)
        yield row


def _refuse_other_formats(path: Path, start: bytes) -> None:
    for signature, name in _OTHER_FORMATS.items():
        if start.startswith(signature):
            raise Refusal("orders.file_foreign", file=path.name, format=name)


def _encoding(path: Path, start: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            candidates: tuple[str, ...] = (name,)
            break
    else:
        candidates = _unmarked(start)
    for candidate in candidates:
        if _decodes(path, candidate):
            return candidate
    raise Refusal("orders.encoding_unknown", file=path.name)


def _unmarked(start: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark has a zero byte in every comma and digit, nearly always on the same side; many zero bytes
    anywhere else mean no text at all."""
    if _may_be_text(start.count(0), len(start)):
        return ("utf-8", "gb18030")
    first, second = start[0::2].count(0), start[1::2].count(0)
    if second > 4 * first:
        return ("utf-16-le",)
    return ("utf-16-be",) if first > 4 * second else ()


def _may_be_text(zeros: int, size: int) -> bool:
    return zeros * _FEWEST_TEXT_PER_ZERO <= size


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    zeros = size = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                zeros, size = zeros + chunk.count(0), size + len(chunk)
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return encoding.startswith("utf-16") or _may_be_text(zeros, size)


def _csv_rows(path: Path, encoding: str, limits: Limits) -> Iterator[Row]:
    # Python's limit of 131,072 characters a cell would stop the whole file; a row too long is refused alone, later.
    csv.field_size_limit(max(csv.field_size_limit(), limits.file_bytes))
    with path.open(encoding=encoding, newline="") as file:
        delimiter = _delimiter(file.readline(20_000) + file.readline(20_000))
        file.seek(0)
        reader = csv.reader(_with_end(file), delimiter=delimiter)
        started = 1
        try:
            for cells in reader:
                if cells and cells[-1].endswith(_END):
                    if cells == [_END]:
                        return
                    raise Refusal("orders.open_quote", line=started)
                if any(cells):
                    yield Row(started, reader.line_num, cells)
                started = reader.line_num + 1
        except csv.Error as error:
            raise Refusal("orders.open_quote", line=started) from error


def _with_end(lines: Iterable[str]) -> Iterator[str]:
    yield from lines
    yield _END


def _delimiter(beginning: str) -> str:
    return max((",", "\t", ";"), key=beginning.count)


def _is_json(start: bytes, encoding: str) -> bool:
    text = codecs.getincrementaldecoder(encoding)().decode(start)
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def _json_rows(path: Path, encoding: str) -> Iterator[Row | BrokenRow]:
    names = _json_names(path, encoding)
    yield Row(0, 0, names)
    for line, record in _json_records(path, encoding):
        if isinstance(record, Refusal):
            yield BrokenRow(line, record)
        else:
            absent = frozenset(index for index, name in enumerate(names) if name not in record)
            nested = frozenset(index for index, name in enumerate(names) if isinstance(record.get(name), dict | list))
            yield Row(line, line, [_json_cell(record.get(name)) for name in names], absent, nested)


def _json_names(path: Path, encoding: str) -> list[str]:
    """Every key of the file in the order of its first appearance: the header that JSON lines do not have."""
    names: dict[str, None] = {}
    for _, record in _json_records(path, encoding):
        if not isinstance(record, Refusal):
            names |= dict.fromkeys(record)
    return list(names)


def _json_records(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, object] | Refusal]]:
    with path.open(encoding=encoding) as file:
        for line, text in enumerate(file, start=1):
            if text.strip():
                yield line, _json_record(text)


def _json_record(text: str) -> dict[str, object] | Refusal:
    try:
        # Numbers stay as written: a float would round an id of 19 digits.
        record = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_object)
    except Refusal as refusal:
        return refusal
    except (ValueError, RecursionError):
        return Refusal("orders.json_broken")
    return record if isinstance(record, dict) else Refusal("orders.json_broken")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of which no key stands twice: Python would keep the last value and lose the other unseen."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise Refusal("orders.json_key_twice")
    return record


def _json_cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _workbook_rows(path: Path, limits: Limits) -> Iterator[Row]:
    import python_calamine  # only a workbook needs it

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            is_workbook = any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile as error:
        raise Refusal("orders.file_foreign", file=path.name, format="ZIP") from error
    if not is_workbook:
        raise Refusal("orders.file_foreign", file=path.name, format="ZIP")
    if unpacked > limits.unpacked_bytes:
        size, limit = -(-unpacked // _MB), limits.unpacked_bytes // _MB
        raise Refusal("orders.file_too_large", file=path.name, size=size, limit=limit, rows=limits.rows)
    try:
        sheet = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        for number, values in enumerate(sheet.iter_rows(), start=1):  # counts from the sheet's first row, empty or not
            cells = [_workbook_cell(value) for value in values]
            if any(cells):
                yield Row(number, number, cells)
    except (python_calamine.CalamineError, IndexError) as error:
        raise Refusal("orders.file_foreign", file=path.name, format="XLSX?") from error


def _workbook_cell(value: object) -> str:
    """As text; a number too long to be exact comes back as 6.93E+18, so that it is seen to be mangled."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        exact = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if exact else (f"{value:.2E}" if abs(value) >= 1e15 else repr(value))
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else f"{value:.2E}"
    if isinstance(value, datetime | date):
        return str(value)
    return "" if value is None else str(value)
