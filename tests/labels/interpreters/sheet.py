"""What comes out of a printer: sheets with a picture on each, and the dots that commands put on them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.labels.judges import Picture

BLACK, WHITE = 0, 255
_GREY = [bytes(BLACK if byte >> bit & 1 else WHITE for bit in range(7, -1, -1)) for byte in range(256)]


class WrongCommand(Exception):
    """Bytes that the manual does not allow at this place."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"at byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sheet:
    """One label as the printer holds it in memory when it is told to print, before the mechanics turn or move it.

    `settings` are those in force, by command name, with the parameters as they were sent.
    """

    picture: Picture
    copies: int
    settings: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


def grey(row: bytes) -> bytes:
    """Eight grey pixels for every byte; a 1 is black, the highest bit the leftmost dot."""
    return b"".join(map(_GREY.__getitem__, row))


def rows(data: bytes, stride: int) -> Iterator[bytes]:
    """The dots of a graphic, row by row, as grey pixels."""
    return (grey(data[start : start + stride]) for start in range(0, len(data), stride))


class Canvas:
    """A label's memory: white at first; nothing black may be put outside."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._lines = [bytearray(b"\xff" * width) for _ in range(height)]

    @property
    def height(self) -> int:
        return len(self._lines)

    def picture(self) -> Picture:
        return Picture(self.width, self.height, b"".join(self._lines))

    def holds(self, left: int, top: int, right: int, bottom: int) -> bool:
        return 0 <= left <= right <= self.width and 0 <= top <= bottom <= self.height

    def overwrite(self, x: int, y: int, line: bytes) -> None:
        self._lines[y][x : x + len(line)] = line

    def add(self, x: int, y: int, line: bytes) -> None:
        """Black where either is black."""
        old = self._lines[y][x : x + len(line)]
        self._lines[y][x : x + len(line)] = bytes(map(min, old, line))

    def swap(self, x: int, y: int, line: bytes) -> None:
        """Black where exactly one of the two is black."""
        old = self._lines[y][x : x + len(line)]
        self._lines[y][x : x + len(line)] = bytes(WHITE ^ a ^ b for a, b in zip(old, line, strict=True))

    def fill(self, left: int, top: int, right: int, bottom: int) -> None:
        """Black from `left` and `top` up to, but without, `right` and `bottom`."""
        for y in range(top, bottom):
            self.overwrite(left, y, bytes(right - left))

    def invert(self, left: int, top: int, right: int, bottom: int) -> None:
        for y in range(top, bottom):
            self.swap(left, y, bytes(right - left))

    def frame(self, left: int, top: int, right: int, bottom: int, thickness: int) -> None:
        """The four sides of a box, drawn inwards."""
        thickness = min(thickness, right - left, bottom - top)
        self.fill(left, top, right, top + thickness)
        self.fill(left, bottom - thickness, right, bottom)
        self.fill(left, top, left + thickness, bottom)
        self.fill(right - thickness, top, right, bottom)
