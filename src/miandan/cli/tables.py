"""Lists on standard output: aligned columns for people, JSON for programs."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from miandan.cli.session import UNSEEN, shown
from miandan.cli.streams import put
from miandan.kernel.clock import BEIJING

Row = Mapping[str, object]

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its key in the rows and in JSON, its head, and what its codes are called for people."""

    key: str
    head: str
    words: Callable[[str], str | None] | None = None


def write_list(columns: Sequence[Column], rows: Sequence[Row], *, as_json: bool) -> None:
    """A table with a head, or a JSON array with everything the rows hold. An empty table is no line at all."""
    if as_json:
        write_json(rows)
    elif rows:
        write_lines(table(columns, rows))


def write_json(value: object) -> None:
    """Ids as texts, times in UTC. What would move or turn the text on a terminal is escaped; JSON reads it alike."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=_plain)
    write_lines(UNSEEN.sub(_escaped, line) for line in text.split("\n"))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def write_lines(lines: Iterable[str]) -> None:
    put("".join(f"{line}\n" for line in lines))


def table(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Lines with a head. Numbers stand to the right; a Chinese character is two cells wide."""
    from rich.cells import cell_len

    cells = [[column.head for column in columns]]
    cells += [[_said(column, row.get(column.key)) for column in columns] for row in rows]
    widths = [max(cell_len(line[place]) for line in cells) for place in range(len(columns))]
    right = [any(_is_number(row.get(column.key)) for row in rows) for column in columns]
    lines = []
    for line in cells:
        padded = []
        for text, width, to_right in zip(line, widths, right, strict=True):
            space = " " * (width - cell_len(text))
            padded.append(space + text if to_right else text + space)
        lines.append(_GAP.join(padded).rstrip())
    return lines


def facts(columns: Sequence[Column], row: Row) -> list[str]:
    """One row, a line for each column, the values below each other."""
    from rich.cells import cell_len, set_cell_size

    width = max(cell_len(column.head) for column in columns) + len(_GAP)
    return [set_cell_size(column.head, width) + _said(column, row.get(column.key)) for column in columns]


def minute(at: datetime) -> str:
    """Beijing time, as people read it."""
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M}"


def second(at: datetime) -> str:
    """The same to the second."""
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def _said(column: Column, value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "是 yes" if value else "否 no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return minute(value)
    return (column.words(str(value)) if column.words else None) or shown(str(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
