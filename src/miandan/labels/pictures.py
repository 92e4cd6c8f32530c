"""Pictures of one bit a dot: read from PNG files, drawn by every output."""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from miandan.labels.deflate import packed_dots

_MOST_DOTS = 3_000_000  # a label of 100 x 210 mm at 300 dpi has as many
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DARK = 128
_WHITE_IS_ONE = bytes(byte ^ 0xFF for byte in range(256))


@dataclass(frozen=True, slots=True)
class Bits:
    """Rows of whole bytes, the first dot the highest bit; 1 is black."""

    width: int
    height: int
    data: bytes

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return (self.width + 7) // 8

    def rows(self) -> Iterator[int]:
        """Each row as a number of `stride` bytes."""
        for start in range(0, len(self.data), self.stride):
            yield int.from_bytes(self.data[start : start + self.stride])

    def scaled(self, width: int, height: int) -> "Bits":
        """The picture with another number of dots, nearest dot taken."""
        if (width, height) == (self.width, self.height):
            return self
        lines = [f"{row:0{8 * self.stride}b}"[: self.width] for row in self.rows()]
        across = [x * self.width // width for x in range(width)]
        pad = "0" * (-width % 8)
        wide = [int("".join([line[x] for x in across]) + pad, 2).to_bytes((width + 7) // 8) for line in lines]
        return Bits(width, height, b"".join([wide[y * self.height // height] for y in range(height)]))


@lru_cache(maxsize=32)
def read_png(text: str) -> Bits:
    """The picture of a PNG file in base64. Raises ValueError with what is wrong, in English."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if not data.startswith(_SIGNATURE):
        raise ValueError("not a PNG file")
    try:
        return _decoded(data)
    except (zlib.error, struct.error, IndexError, KeyError):
        raise ValueError("a damaged PNG file") from None


def write_png(bits: Bits) -> bytes:
    """A PNG file of the picture in black and white."""
    stride = bits.stride
    rows = bits.data.translate(_WHITE_IS_ONE)
    lines = b"\0" + b"\0".join([rows[start : start + stride] for start in range(0, len(rows), stride)])
    header = struct.pack(">IIBBBBB", bits.width, bits.height, 1, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed_dots(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _decoded(data: bytes) -> Bits:
    parts: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        parts[kind] = parts.get(kind, b"") + body
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    if interlaced or depth not in (1, 2, 4, 8):
        raise ValueError("an interlaced PNG file, or one of 16 bits a channel; save it as a plain 8-bit one")
    if not 0 < width * height <= _MOST_DOTS:
        raise ValueError(f"a picture of {width} x {height} dots; at most {_MOST_DOTS:,} are printed")
    channels = _CHANNELS[colour]
    stride = (width * depth * channels + 7) // 8
    raw = zlib.decompressobj().decompress(parts[b"IDAT"], (stride + 1) * height)
    if len(raw) < (stride + 1) * height:
        raise ValueError("a damaged PNG file")
    rows = _unfiltered(raw, stride, height, max(1, depth * channels // 8))
    return Bits(width, height, _burnt(rows, width, depth, colour, parts))


def _unfiltered(raw: bytes, stride: int, height: int, step: int) -> bytes:
    """The rows without their filters (PNG specification, section 9)."""
    rows, above = [], bytes(stride)
    for start in range(0, len(raw), stride + 1):
        above = _FILTERS[raw[start]](raw[start + 1 : start + 1 + stride], above, step)
        rows.append(above)
    return b"".join(rows[:height])


def _sub(line: bytes, above: bytes, step: int) -> bytes:
    done = bytearray(line)
    for place in range(step, len(done)):
        done[place] = (done[place] + done[place - step]) & 0xFF
    return bytes(done)


def _up(line: bytes, above: bytes, step: int) -> bytes:
    return bytes([(one + other) & 0xFF for one, other in zip(line, above, strict=True)])


def _average(line: bytes, above: bytes, step: int) -> bytes:
    done = bytearray(step) + line  # a pixel of nothing stands before the first
    for place, up in enumerate(above, step):
        done[place] = (done[place] + ((done[place - step] + up) >> 1)) & 0xFF
    return bytes(done[step:])


def _paeth(line: bytes, above: bytes, step: int) -> bytes:
    done, before = bytearray(step) + line, bytes(step) + above
    for place in range(step, len(done)):
        left, up, corner = done[place - step], before[place], before[place - step]
        to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        guess = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
        done[place] = (done[place] + guess) & 0xFF
    return bytes(done[step:])


_FILTERS = {0: lambda line, above, step: line, 1: _sub, 2: _up, 3: _average, 4: _paeth}


def _burnt(rows: bytes, width: int, depth: int, colour: int, parts: dict[bytes, bytes]) -> bytes:
    """Rows of bits: what is darker than middle grey on white paper is black."""
    import numpy as np  # templates without pictures are read without it

    lines: Any = np.frombuffer(rows, np.uint8).reshape(-1, (width * depth * _CHANNELS[colour] + 7) // 8)
    if depth < 8:
        bits = np.unpackbits(lines, axis=1).reshape(len(lines), -1, depth)
        lines = np.packbits(bits, axis=2).reshape(len(lines), -1) >> (8 - depth)
    samples = lines[:, : width * _CHANNELS[colour]].reshape(len(lines), width, _CHANNELS[colour]).astype(np.uint32)
    if colour == 3:
        palette = np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3).astype(np.uint32)
        clear = np.full(len(palette), 255, np.uint32)
        given = np.frombuffer(parts.get(b"tRNS", b"")[: len(palette)], np.uint8)
        clear[: len(given)] = given
        grey, alpha = palette[samples[..., 0]].mean(axis=2), clear[samples[..., 0]]
    elif colour in (4, 6):
        grey, alpha = samples[..., :-1].mean(axis=2), samples[..., -1]
    else:
        grey, alpha = samples.mean(axis=2) * 255 / ((1 << depth) - 1), np.full(1, 255, np.uint32)
    level = (grey * alpha + 255 * (255 - alpha)) / 255
    return np.packbits(level < _DARK, axis=1).tobytes()
