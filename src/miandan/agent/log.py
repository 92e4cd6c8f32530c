"""The agent's log: events with fields, a line each, in files that rotate. No event has a person in it.

A line is `2026-11-26T09:00:00.000Z sheet.printed printer=仓库一号 sheet=... evidence=device ms=312`.
"""

import logging
import logging.handlers
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from miandan.kernel.errors import Refusal

MOST_BYTES: Final = 1_000_000
FILES: Final = 5
LAST_ERRORS: Final = 20

_LONGEST = 200


class Log:
    """Writes events; what goes wrong is also kept for whoever looks at the agent now."""

    def __init__(self, path: Path | None) -> None:
        """`path` None keeps nothing on disk."""
        self.errors: deque[str] = deque(maxlen=LAST_ERRORS)
        self._handler: logging.Handler | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handler = _Quiet(path, maxBytes=MOST_BYTES, backupCount=FILES - 1, encoding="utf-8")

    def event(self, name: str, **fields: object) -> None:
        """What happened. Fields are ids, codes, names of printers, numbers of waybills."""
        self._write(_line(name, fields))

    def wrong(self, name: str, **fields: object) -> None:
        """What went wrong."""
        line = _line(name, fields)
        self.errors.append(line)
        self._write(line)

    def refused(self, name: str, refusal: Refusal, **fields: object) -> None:
        """What was refused, with its words."""
        self.wrong(name, code=refusal.code, **fields, zh=refusal.zh)

    def close(self) -> None:
        if self._handler is not None:
            self._handler.close()

    def _write(self, line: str) -> None:
        if self._handler is not None:
            self._handler.handle(logging.LogRecord("agent", logging.INFO, "", 0, line, None, None))


class _Quiet(logging.handlers.RotatingFileHandler):
    """A log that cannot be written stops nothing and prints nothing."""

    def handleError(self, record: logging.LogRecord) -> None:
        return


def _line(name: str, fields: dict[str, object]) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return " ".join([at, name, *(f"{key}={_word(value)}" for key, value in fields.items() if value not in ("", None))])


def _word(value: object) -> str:
    text = str(value)[:_LONGEST]
    plain = "".join(one if one.isprintable() else "?" for one in text)
    return f'"{plain}"' if " " in plain else plain


def last_lines(path: Path, count: int) -> Iterator[str]:
    """The newest lines of the log, oldest of them first; older files are read where the newest does not reach."""
    found: list[str] = []
    for file in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, FILES))):
        with suppress(OSError):
            found = [*file.read_text(encoding="utf-8", errors="replace").splitlines(), *found]
        if len(found) >= count:
            break
    yield from found[-count:]
