"""Reading a command stream of lines that end in CR LF, with binary graphics between them, and saying where it fails."""

import re
from typing import NoReturn

from tests.labels.interpreters.sheet import WrongCommand

_WHOLE = re.compile(r"-?(0|[1-9]\d*)\Z")
_DECIMAL = re.compile(r"-?\d+(\.\d+)?\Z")


def words(text: str) -> frozenset[str]:
    """The words that a parameter may be."""
    return frozenset(text.split())


class Lines:
    """A position in the stream; `offset` is where the command that is being read begins."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.offset = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def wrong(self, reason: str) -> NoReturn:
        raise WrongCommand(self.offset, reason)

    def starts_with(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """A match right here that is then taken, or None."""
        self.offset = self._at
        found = pattern.match(self._data, self._at)
        if found:
            self._at = found.end()
        return found

    def line(self) -> bytes:
        """Up to the next CR LF, which is taken with it. A CR or LF alone ends no line in these languages."""
        self.offset = self._at
        end = self._data.find(b"\r\n", self._at)
        if end < 0:
            self.wrong("a line without CR LF at its end")
        line = self._data[self._at : end]
        if b"\r" in line or b"\n" in line:
            self.wrong("CR or LF alone")
        self._at = end + 2
        return line

    def binary(self, length: int) -> bytes:
        """Exactly so many bytes, whatever they are, and the CR LF after them."""
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            self.wrong(f"{length} bytes of graphics announced, {len(found)} left")
        if self._data[self._at + length : self._at + length + 2] != b"\r\n":
            self.wrong(f"no CR LF after {length} bytes of graphics")
        self._at += length + 2
        return found

    def whole(self, text: str, low: int, high: int, what: str) -> int:
        """A whole number between bounds, written without leading zeros or signs of plus."""
        if not _WHOLE.match(text):
            self.wrong(f"{what}: {text!r} is no whole number")
        if not low <= int(text) <= high:
            self.wrong(f"{what}: {text} is not between {low} and {high}")
        return int(text)

    def decimal(self, text: str, low: float, high: float, what: str) -> float:
        if not _DECIMAL.match(text):
            self.wrong(f"{what}: {text!r} is no number")
        if not low <= float(text) <= high:
            self.wrong(f"{what}: {text} is not between {low} and {high}")
        return float(text)
