"""QR codes by linearity: with version, level and mask fixed, a symbol is the XOR of one integer per two data bytes.

The integers are learnt from zxing-cpp at first need, place by place, and kept; a symbol then costs
some microseconds instead of an encoding (reference/performance.md, "PDF"). Level M, byte mode, UTF-8, mask 2.
"""

import sys
from bisect import bisect_left
from functools import cache, reduce
from operator import getitem, xor
from typing import Any, NamedTuple

import zxingcpp

# Bytes that versions 1 to 10 hold at level M (ISO/IEC 18004, table 7); larger ones cannot be printed on a label.
CAPACITY = (14, 26, 42, 62, 84, 106, 122, 152, 180, 213)
# Every mask is valid for every content; zxing-cpp's choice among eight costs five times the symbol.
_MASK = 2
_KEPT = 512  # effects of two bytes at one place: digits have a hundred, and each takes a fifth of a kilobyte and more
_DARK = bytes(ord("1") if level < 128 else ord("0") for level in range(256))


class Square(NamedTuple):
    """A symbol without its quiet zone: `size` rows of `stride` bytes, first module the highest bit, 1 is dark."""

    bits: int
    size: int

    @property
    def stride(self) -> int:
        return (self.size + 7) // 8


class _Version:
    """What one version has learnt: the empty symbol per length and the effect of each two bytes at their place."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.size = 17 + 4 * version
        self._capacity = CAPACITY[version - 1]
        self._empty: dict[int, int] = {}
        self._pairs: list[_Pair] = []

    def symbol(self, content: bytes) -> int:
        length = len(content)
        if length not in self._empty:
            self._learn(length)
        pairs = memoryview(content if length % 2 == 0 else content + b"\0").cast("H")
        return reduce(xor, map(getitem, self._pairs, pairs), self._empty[length])

    def _learn(self, length: int) -> None:
        blank = self._drawn([0] * self._capacity)
        for place in range(2 * len(self._pairs), length, 2):
            ends = (place, place + 1) if sys.byteorder == "little" else (place + 1, place)
            self._pairs.append(_Pair([effect for end in ends for effect in self._effects(end, blank)]))
        self._empty[length] = self._drawn([0] * length)

    def _effects(self, place: int, blank: int) -> list[int]:
        """What each bit of the byte at that place changes; nothing where the version has no such byte."""
        if place >= self._capacity:
            return [0] * 8

        def effect(byte: int) -> int:
            content = [0] * self._capacity
            content[place] = byte
            return self._drawn(content) ^ blank

        low = [effect(1 << bit) for bit in range(7)]
        # zxing-cpp would announce another character set for a lone 0x80, so the top bit is found by difference.
        return [*low, effect(0xC0) ^ low[6]]

    def _drawn(self, content: list[int]) -> int:
        barcode = zxingcpp.create_barcode(
            bytes(content).decode("latin-1"),
            zxingcpp.BarcodeFormat.QRCode,
            ec_level="M",
            version=self.version,
            data_mask=_MASK,
        )
        image: Any = zxingcpp.write_barcode_to_image(barcode, scale=1, add_quiet_zones=False)
        modules = bytes(image).translate(_DARK)
        pad = b"0" * (-self.size % 8)
        rows = (modules[start : start + self.size] for start in range(0, len(modules), self.size))
        return int(b"".join(row + pad for row in rows), 2)


class _Pair(dict[int, int]):
    """Effect of each two bytes at one place, made from those of their sixteen bits when first asked for."""

    def __init__(self, of_bits: list[int]) -> None:
        super().__init__()
        self._of_bits = of_bits

    def __missing__(self, pair: int) -> int:
        if len(self) == _KEPT:
            self.clear()
        effect = 0
        for bit in range(16):
            if pair >> bit & 1:
                effect ^= self._of_bits[bit]
        self[pair] = effect
        return effect


@cache
def _version(version: int) -> _Version:
    return _Version(version)


def version_for(length: int) -> int:
    """Smallest version that holds `length` bytes. Raises ValueError beyond version 10."""
    version = bisect_left(CAPACITY, length) + 1
    if version > len(CAPACITY):
        raise ValueError("a QR code on a label holds at most 213 bytes")
    return version


def encode(text: str) -> Square:
    """The symbol of `text`. Raises ValueError when it is empty or longer than 213 bytes in UTF-8."""
    content = text.encode("utf-8", "replace")
    if not content:
        raise ValueError("a QR code holds one or more bytes")
    version = _version(version_for(len(content)))
    return Square(version.symbol(content), version.size)
