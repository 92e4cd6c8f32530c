"""1-bit rasters and ZPL against skia-python: the same template, strings, line breaks, sizes and fonts, 203 dpi.

Barcode encoding is in the clock on both sides, text fitting on ours only: the baseline gets finished drawing commands
(bench/labels.py) and writes the dots of zxing-cpp's symbols straight into its pixels, so it pays for drawing only. From
one label to the next both sides keep glyphs, each as it likes, and the part of the template that never changes; nothing
else. The clock counts processor time, as other programs may share the core. Two baselines: antialiased text cut at
middle grey, and skia's own text without grey.
"""

import os
import subprocess
import sys
import time
import zlib
from binascii import b2a_base64, crc_hqx
from collections.abc import Iterable
from functools import cache, partial
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import skia
import zxingcpp

from bench.labels import Bars, Command, Fill, Text, compiled, drawings, labels, static, stream, template
from bench.pairs import alternate
from miandan.labels import fonts
from miandan.labels.model import LabelData
from miandan.labels.pictures import write_png
from miandan.labels.printers import profiles, zpl
from miandan.labels.raster import rasterise
from miandan.labels.symbols import MICROMETRES

DPI = 203
DOTS = DPI / 72  # per point
OURS = 1_000  # labels in a round
ROUNDS = 7
STREAMED = (10_000, 100_000)  # labels whose memory is compared
MOST_GROWTH_MB = 32
MOST_PREVIEW_MS = 5.0
MOST_BYTES = 1.1
PROFILE = "zpl-203"


class Skia:
    """The baseline: one grey surface, the static layer copied, everything else drawn for each label."""

    def __init__(self, edging: Any) -> None:
        self._edging = edging
        self._paints = {False: skia.Paint(Color=skia.ColorBLACK), True: skia.Paint(Color=skia.ColorWHITE)}
        for paint in self._paints.values():
            paint.setAntiAlias(edging != skia.Font.Edging.kAlias)
        self._fonts: dict[tuple[bool, float], Any] = {}
        columns, rows = (-(-side * DPI // MICROMETRES) for side in (compiled().width, compiled().height))
        self._pixels = np.full((rows, columns), 255, np.uint8)
        info = skia.ImageInfo.Make(columns, rows, skia.kGray_8_ColorType, skia.kOpaque_AlphaType)
        self._surface = skia.Surface.MakeRasterDirect(info, self._pixels, columns)
        self._canvas = self._surface.getCanvas()
        self._draw(static())
        self._static = self._pixels.copy()

    def sheet(self, commands: Iterable[Command]) -> bytes:
        """A label's dots, eight to a byte."""
        self._pixels[:] = self._static
        self._draw(commands)
        return np.packbits(self._pixels < 128, axis=1).tobytes()

    def _draw(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Text(x, y, size, bold, white, text):
                    self._canvas.drawString(
                        text, x * DOTS, y * DOTS, self._font(bold, size * DOTS), self._paints[white]
                    )
                case Fill(x, y, w, h):
                    rect = skia.Rect.MakeXYWH(x * DOTS, y * DOTS, w * DOTS, h * DOTS)
                    self._canvas.drawRect(rect, self._paints[False])
                case Bars():
                    self._bars(command)

    def _font(self, bold: bool, size: float) -> Any:
        found = self._fonts.get((bold, size))
        if found is None:
            found = self._fonts[bold, size] = skia.Font(_typeface(fonts.BOLD if bold else fonts.REGULAR), size)
            found.setEdging(self._edging)
        return found

    def _bars(self, bars: Bars) -> None:
        square = bars.symbology == "qr"
        kind = zxingcpp.BarcodeFormat.QRCode if square else zxingcpp.BarcodeFormat.Code128
        barcode = zxingcpp.create_barcode(bars.text, kind)
        image: Any = np.asarray(zxingcpp.write_barcode_to_image(barcode, scale=1, add_quiet_zones=False))
        module, high = round(bars.module * DOTS), round(bars.height * DOTS)
        dots = image.repeat(module, 0).repeat(module, 1) if square else image[:1].repeat(module, 1).repeat(high, 0)
        dots = dots.T if bars.turned else dots
        x, y = round(bars.x * DOTS), round(bars.y * DOTS)
        self._pixels[y : y + dots.shape[0], x : x + dots.shape[1]] = dots


@cache
def _typeface(name: str) -> Any:
    with resources.as_file(resources.files("miandan.labels").joinpath("font_files", name)) as path:
        return skia.Typeface.MakeFromFile(str(path))


@cache
def _skia(mode: str) -> Skia:
    return Skia(getattr(skia.Font.Edging, mode))


def ours() -> float:
    """Rasters per second."""
    batch = labels(OURS)
    started = time.process_time()
    for _ in rasterise(batch, template(), dpi=DPI):
        pass
    return OURS / (time.process_time() - started)


def theirs(mode: str) -> float:
    """Rasters per second of skia."""
    batch, drawn_by = drawings(OURS), _skia(mode)
    started = time.process_time()
    for commands in batch:
        drawn_by.sheet(commands)
    return OURS / (time.process_time() - started)


def our_zpl() -> float:
    """ZPL documents per second, deflated, with base64 and check."""
    batch, profile = labels(OURS), profiles.profile(PROFILE)
    started = time.process_time()
    for sheet in rasterise(batch, template(), dpi=DPI):
        zpl.document(sheet.bits, profile)
    return OURS / (time.process_time() - started)


def their_zpl(mode: str) -> float:
    """The same graphic from skia's raster, by zlib at level 1."""
    batch, drawn_by = drawings(OURS), _skia(mode)
    started = time.process_time()
    for commands in batch:
        _z64(drawn_by.sheet(commands))
    return OURS / (time.process_time() - started)


def _z64(dots: bytes) -> bytes:
    packed = b2a_base64(zlib.compress(dots, 1), newline=False)
    return b":Z64:%b:%04X" % (packed, crc_hqx(packed, 0))


def share_of_bytes(mode: str) -> float:
    """Our bytes per byte of theirs, over the first labels."""
    profile = profiles.profile(PROFILE)
    mine = sum(len(zpl.document(sheet.bits, profile)) for sheet in rasterise(labels(OURS)[:100], template(), dpi=DPI))
    return mine / sum(len(_z64(_skia(mode).sheet(commands))) for commands in drawings(OURS)[:100])


def preview_ms() -> float:
    """Milliseconds of one warm label as PNG."""

    def one(label: LabelData) -> float:
        started = time.perf_counter()
        for sheet in rasterise([label], template(), dpi=DPI):
            write_png(sheet.bits)
        return 1_000 * (time.perf_counter() - started)

    return median([one(label) for label in labels(OURS)[:200]])


def resident_mb(count: int) -> float:
    """Peak memory of a fresh process that streams so many different labels as ZPL into a file."""
    said = subprocess.run(
        [sys.executable, "-m", "bench.raster", str(count)], capture_output=True, text=True, check=True
    )
    return float(said.stdout)


def stream_zpl(count: int) -> None:
    """What that process does; its answer is megabytes."""
    import resource  # not on Windows

    profile = profiles.profile(PROFILE)
    with Path(os.devnull).open("wb") as out:
        for sheet in rasterise(stream(count), template(), dpi=DPI):
            out.write(zpl.document(sheet.bits, profile))
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024:.1f}\n")


def main() -> None:
    """Print every comparison."""
    for name, mode, target in (("antialiased, cut at middle grey", "kAntiAlias", 8), ("mono", "kAlias", 6)):
        compared = alternate(f"1-bit raster against skia-python {name}", ours, partial(theirs, mode), ROUNDS)
        _say(compared.line(target, "labels"))
    # The mono raster is the faster of the two.
    compared = alternate("ZPL Z64 against skia-python mono, zlib 1", our_zpl, partial(their_zpl, "kAlias"), ROUNDS)
    _say(compared.line(7, "labels"))
    _say_most("bytes of that ZPL, of those of the baseline", share_of_bytes("kAlias"), MOST_BYTES, "")
    _say_most("preview of one warm label as PNG", preview_ms(), MOST_PREVIEW_MS, " ms")
    few, many = (resident_mb(count) for count in STREAMED)
    _say(f"peak memory: {few:.0f} MB for {STREAMED[0]:,} labels streamed as ZPL, {many:.0f} MB for {STREAMED[1]:,}")
    _say_most("growth of memory", many - few, MOST_GROWTH_MB, " MB")


def _say_most(what: str, value: float, most: float, unit: str) -> None:
    _say(f"{what}: {value:.2f}{unit}, at most {most:g}{unit}: {'ok' if value <= most else 'MISSED'}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    stream_zpl(int(sys.argv[1])) if len(sys.argv) > 1 else main()
