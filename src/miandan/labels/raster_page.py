"""A sheet of printer dots that is being drawn: a copy of the template's static layer, on which slots leave their ink.

Rows are whole bytes, the first dot the highest bit, 1 is black, as in `pictures.Bits`. A margin of rows above and
below takes what a character's cell reaches beyond the sheet; it is cut off at the end.
"""

import numpy as np
import numpy.typing as npt

from miandan.labels.pictures import Bits
from miandan.labels.symbols import MICROMETRES
from miandan.labels.template import Box

MARGIN = 128  # rows; more than what a character's cell reaches out of its em square

Dots = npt.NDArray[np.uint8]


class Page:
    """One sheet. `dots` are its rows, from `MARGIN` rows above its first one."""

    def __init__(self, width: int, height: int, ink: bytes | None = None) -> None:
        self.width = width
        self.height = height
        self.stride = (width + 7) // 8
        rows = height + 2 * MARGIN
        self.ink = bytearray(rows * self.stride) if ink is None else bytearray(ink)
        self.dots: Dots = np.frombuffer(self.ink, np.uint8).reshape(rows, self.stride)

    def bits(self) -> Bits:
        """The finished sheet."""
        start = MARGIN * self.stride
        return Bits(self.width, self.height, bytes(memoryview(self.ink)[start : start + self.height * self.stride]))


class Patch:
    """Ink that is laid on a page at a fixed place."""

    def __init__(self, x: int, y: int, dots: Dots) -> None:
        """`dots` are bytes of 0 and 1; x and y count from the sheet's corner."""
        rows, columns = dots.shape
        phase = x % 8
        wide = np.zeros((rows, phase + columns), np.uint8)
        wide[:, phase:] = dots
        self._packed = np.packbits(wide, axis=1)
        self._rows = slice(MARGIN + y, MARGIN + y + rows)
        self._columns = slice(x // 8, x // 8 + self._packed.shape[1])

    def lay(self, page: Page) -> None:
        """Blacken its dots."""
        place = page.dots[self._rows, self._columns]
        np.bitwise_or(place, self._packed, place)

    def clear(self, page: Page) -> None:
        """Whiten its dots."""
        place = page.dots[self._rows, self._columns]
        np.bitwise_and(place, ~self._packed, place)


def sheet_dots(micrometres: int, dpi: int) -> int:
    """Dots that a sheet's side covers, the last one perhaps in part."""
    return -(-micrometres * dpi // MICROMETRES)


def snapped(box: Box, dpi: int) -> tuple[int, int, int, int]:
    """The dots that a filled box blackens: x, y, width, height; edges on the nearest dot, one dot at least."""
    left, top, right, bottom = (
        (2 * edge * dpi + MICROMETRES) // (2 * MICROMETRES)
        for edge in (box.x, box.y, box.x + box.w, box.y + box.h)
    )
    return left, top, max(1, right - left), max(1, bottom - top)
