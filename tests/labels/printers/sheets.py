"""What the tests of the printers print: pictures of noise, and a label with every kind of node, turned every way."""

import base64
import random

from miandan.labels.pictures import Bits, write_png
from miandan.labels.template import (
    Barcode,
    Box,
    Column,
    Field,
    Image,
    Line,
    Literally,
    Node,
    Rect,
    Table,
    Template,
    Text,
    Turn,
)
from tests.labels.interpreters.sheet import grey
from tests.labels.judges import Picture


def noise(width: int, height: int, seed: int = 1) -> Bits:
    """Dots at random, so that one that is lost, turned or doubled shows; never white in the corners."""
    luck = random.Random(seed)
    pad = -width % 8
    rows = [luck.getrandbits(width) for _ in range(height)]
    edges = 1 | 1 << (width - 1)
    rows[0] |= edges
    rows[-1] |= edges
    return Bits(width, height, b"".join([(row << pad).to_bytes((width + 7) // 8) for row in rows]))


def shown(bits: Bits) -> Picture:
    """The picture as the judges give theirs."""
    starts = range(0, len(bits.data), bits.stride)
    rows = [grey(bits.data[start : start + bits.stride])[: bits.width] for start in starts]
    return Picture(bits.width, bits.height, b"".join(rows))


def on_white(bits: Bits, width: int, height: int) -> Picture:
    """The picture in the top left corner of a larger paper."""
    picture = shown(bits)
    rows = [picture.row(y).ljust(width, b"\xff") for y in range(bits.height)]
    return Picture(width, height, b"".join(rows).ljust(width * height, b"\xff"))


def value(*parts: str) -> tuple[Field | Literally, ...]:
    """Fields by their paths; what begins with = stands there as it is."""
    return tuple(Literally(part[1:]) if part.startswith("=") else Field(part) for part in parts)


def _turned(rotate: Turn, x: int, y: int) -> list[Node]:
    w, h = (6_000, 30_000) if rotate in (90, 270) else (30_000, 6_000)
    return [
        Text(Box(x, y, w, h), value("recipient_name"), 3_000, min_size=2_000, lines=2, rotate=rotate),
    ]


_LOGO = Bits(
    16, 8, bytes([0xFF, 0xFF, 0x81, 0x81, 0xBD, 0xBD, 0xA5, 0xA5, 0xA5, 0xA5, 0xBD, 0xBD, 0x81, 0x81, 0xFF, 0xFF])
)

EVERYTHING = Template(
    name="everything",
    version=1,
    width=76_000,
    height=130_000,
    nodes=(
        Rect(Box(1_000, 1_000, 74_000, 128_000), stroke=375),
        Line(Box(1_000, 20_000, 74_000, 250), dash=1_000),
        Text(Box(2_000, 2_000, 30_000, 7_000), value("carrier_zh"), 5_000, min_size=2_500, bold=True),
        Text(Box(34_000, 2_000, 30_000, 7_000), value("product"), 4_000, min_size=2_000, inverse=True, align="centre"),
        Text(Box(2_000, 10_000, 60_000, 9_000), value("recipient_address"), 3_000, min_size=2_000, lines=3),
        Text(Box(64_000, 10_000, 10_000, 9_000), value("sort_code"), 2_500, min_size=1_800, lines=3, align="right"),
        Barcode(Box(2_000, 21_000, 72_000, 12_000), "code128", value("barcode_text"), 375),
        Barcode(Box(2_000, 34_000, 12_000, 60_000), "code128", value("barcode_text"), 250, rotate=90),
        Barcode(Box(62_000, 34_000, 12_000, 60_000), "code128", value("barcode_text"), 250, rotate=270),
        Barcode(Box(15_000, 34_000, 24_000, 24_000), "qr", value("qr_text"), 625),
        Barcode(Box(40_000, 34_000, 20_000, 24_000), "qr", value("qr_text"), 375, rotate=180),
        Barcode(Box(15_000, 59_000, 45_000, 9_000), "pdf417", value("number"), 250),
        Barcode(Box(15_000, 69_000, 12_000, 12_000), "datamatrix", value("number"), 500),
        *_turned(0, 28_000, 69_000),
        *_turned(180, 28_000, 76_000),
        *_turned(90, 15_000, 83_000),
        *_turned(270, 55_000, 83_000),
        Text(Box(22_000, 84_000, 32_000, 10_000), value("=品名 ", "goods", "= 备注 ", "remark"), 2_500, lines=3),
        Image(Box(2_000, 96_000, 12_000, 6_000), base64.b64encode(write_png(_LOGO)).decode()),
        Table(
            Box(2_000, 114_000, 72_000, 14_000),
            (Column(value("title"), 50_000, title="商品"), Column(value("quantity"), 20_000, title="数量")),
            row_height=3_500,
            size=2_300,
            head=True,
            rules=125,
        ),
    ),
)
"""A label that nobody would print: text, bars, boxes, a picture and a table in all four directions."""
