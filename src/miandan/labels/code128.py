"""Code 128 as integers: a symbol is one number whose bits, first module first, are the bars (ISO/IEC 15417).

Digits go in pairs (set C), the odd one and letters singly (set B), control characters in set A. The result is as
short as the best encoder's for the numbers carriers use.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import getitem
from typing import NamedTuple

# Widths of the six bars and spaces of the values 0 to 105; the stop pattern stands apart.
_WIDTHS = re.findall(
    "[0-9]{6}",
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 ",
)
_STOP = 0b1100011101011
_CODE_C, _CODE_B, _CODE_A = 99, 100, 101
_START = {"A": 103, "B": 104, "C": 105}
_SWITCH = {"A": _CODE_A, "B": _CODE_B, "C": _CODE_C}


def _pattern(widths: str) -> int:
    return int("".join(("1", "0")[place % 2] * int(width) for place, width in enumerate(widths)), 2)


_PATTERNS = tuple(_pattern(widths) for widths in _WIDTHS)
_MODULES, _STOP_MODULES = 11, 13
_LONGEST = 100  # values; a symbol of so many is wider than any label
_PAIRS = {f"{value:02d}": value for value in range(100)}
# Digits read as hexadecimal bytes are one byte a pair; this turns 0x42 into 42.
_OF_DECIMAL = bytes(byte // 16 * 10 + byte % 16 if max(byte // 16, byte % 16) < 10 else 0 for byte in range(256))
# Digits are worth a change to set C from four on at either end, from six on in the middle.
_DIGITS = re.compile(r"^[0-9]{4,}|[0-9]{6,}|[0-9]{4,}$|^[0-9]{2}$")


class Bars(NamedTuple):
    """A linear symbol without its quiet zones: `width` modules, the first one the highest bit, 1 is a bar."""

    bits: int
    width: int


def encode(text: str) -> Bars:
    """The symbol of `text`. Raises ValueError when it is empty, too long for any label or holds anything but ASCII."""
    if not text or not text.isascii():
        raise ValueError("Code 128 holds one or more ASCII characters")
    values: Sequence[int]
    if len(text) % 2 == 0 and text.isdigit():
        values = bytes((_START["C"],)) + bytes.fromhex(text).translate(_OF_DECIMAL)
    else:
        values = _mixed(text)
    length = len(values)
    if length > _LONGEST:
        raise ValueError("Code 128 on a label holds at most 100 values")
    width = _MODULES * length
    total = sum(map(getitem, _places(length), values))
    bits = (total & (1 << width) - 1) << _MODULES | _PATTERNS[(total >> width) % 103]
    return Bars(bits << _STOP_MODULES | _STOP, width + _MODULES + _STOP_MODULES)


@lru_cache(maxsize=16)  # numbers have few lengths
def _places(length: int) -> list[list[int]]:
    """What each value adds to a symbol of so many at each place: its bars, and above all bars its check weight."""
    width = _MODULES * length
    return [
        [
            (place or 1) * value << width | pattern << width - _MODULES * (place + 1)
            for value, pattern in enumerate(_PATTERNS)
        ]
        for place in range(length)
    ]


def _mixed(text: str) -> list[int]:
    """Runs of digits in C; the odd digit of a run stays with the letters, behind it when it begins the text."""
    symbol = _Symbol()
    done = 0
    for run in _DIGITS.finditer(text):
        start, end = run.span()
        if (end - start) % 2:
            start, end = (start, end - 1) if start == 0 else (start + 1, end)
        symbol.single(text[done:start])
        symbol.pairs(text[start:end])
        done = end
    symbol.single(text[done:])
    return symbol.values


class _Symbol:
    """Values so far and the code set they are in."""

    def __init__(self) -> None:
        self.values: list[int] = []
        self._set = ""

    def _into(self, code_set: str) -> None:
        if self._set != code_set:
            self.values.append(_SWITCH[code_set] if self.values else _START[code_set])
            self._set = code_set

    def pairs(self, digits: str) -> None:
        self._into("C")
        self.values += [_PAIRS[digits[i : i + 2]] for i in range(0, len(digits), 2)]

    def single(self, text: str) -> None:
        for character in text:
            code = ord(character)
            if code < 32:
                self._into("A")
                self.values.append(code + 64)
            elif code >= 96 or self._set != "A":
                self._into("B")
                self.values.append(code - 32)
            else:
                self.values.append(code - 32)
