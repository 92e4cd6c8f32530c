"""A sheet of printer dots that is being drawn: a copy of the template's static layer, on which slots leave their ink.

Rows are whole bytes, the first dot the highest bit, 1 is black, as in `pictures.Bits`.
"""

from io import BytesIO

import numpy as np
import numpy.typing as npt

from miandan.labels.pictures import Bits
from miandan.labels.symbols import MICROMETRES
from miandan.labels.template import Box

Dots = npt.NDArray[np.uint8]


class Page:
    """One sheet of `width` x `height` dots, white or with the `ink` of another one."""

    def __init__(self, width: int, height: int, ink: bytes | None = None) -> None:
        self.width = width
        self.height = height
        self.stride = (width + 7) // 8
        """Bytes of a row."""
        self._file = BytesIO(bytes(self.stride * height) if ink is None else ink)
        self.ink = self._file.getbuffer()  # a copy of `ink`
        self.dots: Dots = np.frombuffer(self.ink, np.uint8).reshape(height, self.stride)
        """The same as rows."""

    def bits(self) -> Bits:
        """The finished sheet; nothing can be drawn on it any more."""
        del self.dots
        self.ink.release()
        return Bits(self.width, self.height, self._file.getvalue())  # the very bytes that were drawn on


def bytes_under(x: int, y: int, width: int, height: int) -> tuple[slice, slice]:
    """Rows and bytes of a page that hold the dots of a rectangle."""
    return slice(y, y + height), slice(x // 8, (x + width + 7) // 8)


class Patch:
    """Ink that is laid on a page at a fixed place."""

    def __init__(self, x: int, y: int, dots: Dots) -> None:
        """`dots` are bytes of 0 and 1; x and y count from the sheet's corner."""
        rows, columns = dots.shape
        wide = np.zeros((rows, x % 8 + columns), np.uint8)
        wide[:, x % 8 :] = dots
        self._packed = np.packbits(wide, axis=1)
        self.place = bytes_under(x, y, columns, rows)

    def copy(self, page: Page) -> None:
        """Lay it where all bytes that it touches are white."""
        page.dots[self.place] = self._packed

    def lay(self, page: Page) -> None:
        """Blacken its dots."""
        place = page.dots[self.place]
        np.bitwise_or(place, self._packed, place)

    def clear(self, page: Page) -> None:
        """Whiten its dots."""
        place = page.dots[self.place]
        np.bitwise_and(place, ~self._packed, place)


def sheet_dots(micrometres: int, dpi: int) -> int:
    """Dots that a sheet's side covers, the last one perhaps in part."""
    return -(-micrometres * dpi // MICROMETRES)


def snapped(box: Box, dpi: int) -> tuple[int, int, int, int]:
    """The dots that a filled box blackens: x, y, width, height; edges on the nearest dot, one dot at least."""
    left, top, right, bottom = (
        (2 * edge * dpi + MICROMETRES) // (2 * MICROMETRES) for edge in (box.x, box.y, box.x + box.w, box.y + box.h)
    )
    return left, top, max(1, right - left), max(1, bottom - top)
