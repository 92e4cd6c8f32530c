"""Pictures of ZPL's ^GF as ours: hexadecimal digits with their run lengths, base64, and base64 of zlib."""

import base64
import binascii
import re
import zlib

from miandan.labels.pictures import Bits

_MOST_BYTES = 400_000  # of a picture; a label of 100 x 180 mm at 300 dpi has 314,000
_COUNTS = {chr(ord("G") + step): step + 1 for step in range(19)} | {
    chr(ord("g") + step): 20 * (step + 1) for step in range(20)
}
"""What a letter repeats the next digit: G to Y are 1 to 19, g to z are 20 to 400."""

_DIGITS = frozenset("0123456789ABCDEFabcdef")


class NoPicture(ValueError):
    """Why a graphic is none: the key of the note."""


def picture(kind: str, total: int, row: int, data: bytes) -> Bits:
    """The picture of ^GF: `kind` A or B, `total` bytes, `row` bytes a row. Raises NoPicture."""
    if row < 1 or total < row or total > _MOST_BYTES or row > 2_000:
        raise NoPicture("graphic_faulty")
    if kind == "B":
        packed = data
    elif kind != "A":
        raise NoPicture("graphic_kind")
    elif data.lstrip().startswith((b":Z64:", b":B64:")):
        packed = _base64(data.strip(), total)
    else:
        packed = _digits(data.decode("latin-1"), row, total)
    rows = total // row
    return Bits(8 * row, rows, packed[: rows * row].ljust(rows * row, b"\0"))


def _base64(data: bytes, total: int) -> bytes:
    """:Z64:data:crc or :B64:data:crc; the check sum is not asked for, as clones of the printers do not either."""
    kind, _, rest = data[1:].partition(b":")
    try:
        packed = base64.b64decode(re.sub(rb"\s", b"", rest.partition(b":")[0]), validate=True)
        return zlib.decompressobj().decompress(packed, total) if kind == b"Z64" else packed
    except (binascii.Error, ValueError, zlib.error):
        raise NoPicture("graphic_faulty") from None


def _digits(text: str, row: int, total: int) -> bytes:
    """Hexadecimal digits with run lengths; `,` fills a row with white, `!` with black, `:` repeats the row above."""
    rows: list[str] = []
    line, count, wide = "", 0, 2 * row
    for sign in text:
        if len(rows) * row >= total:
            break
        if sign in _COUNTS:
            count += _COUNTS[sign]
        elif sign in _DIGITS:
            line += sign * min(max(1, count), 2 * total)
            count = 0
        elif sign in ",!":
            line += ("0" if sign == "," else "F") * (wide - len(line))
        elif sign == ":" and not line:
            rows.append(rows[-1] if rows else "0" * wide)
        full = len(line) - len(line) % wide
        rows += [line[place : place + wide] for place in range(0, full, wide)]
        line = line[full:]
    if line:
        rows.append(line.ljust(wide, "0"))
    return bytes.fromhex("".join(rows))
