"""1-bit rasters and ZPL against skia-python: the same template, strings, line breaks, sizes and fonts, 203 dpi.

Barcode encoding and text fitting are in the clock on both sides; nothing is kept from one label to the next but glyphs,
which both sides keep as they like, and the part of the template that never changes. The clock counts processor time, as
other programs may share the core. The baseline gets our compiled template, our line breaks and the dots of zxing-cpp's
symbols written straight into its pixels, so it pays for drawing only. Two baselines: antialiased text cut at middle
grey, and skia's own text without grey.
"""

import os
import subprocess
import sys
import time
import zlib
from binascii import b2a_base64, crc_hqx
from functools import cache, partial
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import skia
import zxingcpp

from bench.pairs import alternate
from bench.labels import labels
from miandan.labels import fonts, symbols
from miandan.labels.checking import checked
from miandan.labels.compiled import BarcodeSlot, FillSlot, Slot, TextSlot
from miandan.labels.fitting import fit
from miandan.labels.model import LabelData
from miandan.labels.pictures import write_png
from miandan.labels.printers import profiles, zpl
from miandan.labels.raster import rasterise
from miandan.labels.standards import standard_for

DPI = 203
OURS = 1_000  # labels in a round
ROUNDS = 5
STREAMED = (10_000, 100_000)  # labels whose memory is compared
MOST_GROWTH_MB = 32
MOST_PREVIEW_MS = 5.0
MOST_BYTES = 1.1

TEMPLATE = checked(standard_for("neutral", "76x130"))
PROFILE = profiles.profile("zpl-203")
SCALE = DPI / 25_400  # dots per micrometre


class Skia:
    """The baseline: one grey surface, the static layer copied, everything else drawn for each label."""

    def __init__(self, edging: Any) -> None:
        self._edging = edging
        self._paints = {white: skia.Paint(Color=skia.ColorWHITE if white else skia.ColorBLACK) for white in (0, 1)}
        for paint in self._paints.values():
            paint.setAntiAlias(edging != skia.Font.Edging.kAlias)
        self._solid = skia.Paint(Color=skia.ColorBLACK)
        self._fonts: dict[tuple[bool, float], Any] = {}
        width, height = (symbols.dots(side, DPI) for side in (TEMPLATE.width, TEMPLATE.height))
        self._pixels = np.full((-int(-height // 1), -int(-width // 1)), 255, np.uint8)
        rows, columns = self._pixels.shape
        info = skia.ImageInfo.Make(columns, rows, skia.kGray_8_ColorType, skia.kOpaque_AlphaType)
        self._canvas = skia.Surface.MakeRasterDirect(info, self._pixels, columns).getCanvas()
        for slot in TEMPLATE.first.static:
            self._draw(slot, labels(OURS)[0])
        self._static = self._pixels.copy()

    def sheet(self, label: LabelData) -> bytes:
        """The label's dots, eight to a byte."""
        self._pixels[:] = self._static
        for slot in TEMPLATE.first.slots:
            self._draw(slot, label)
        return np.packbits(self._pixels < 128, axis=1).tobytes()

    def _draw(self, slot: Slot, label: LabelData) -> None:
        if slot.shown is not None and not slot.shown(label):
            return
        match slot:
            case FillSlot():
                for box in slot.boxes:
                    rect = skia.Rect.MakeXYWH(box.x * SCALE, box.y * SCALE, box.w * SCALE, box.h * SCALE)
                    self._canvas.drawRect(rect, self._solid)
            case TextSlot() if text := slot.read(label):
                self._text(slot, text)
            case BarcodeSlot() if text := slot.read(label):
                self._barcode(slot, text)

    def _text(self, slot: TextSlot, text: str) -> None:
        advance = fonts.face(_face(slot.bold)).advance
        fitted = fit(text, slot.ladder, advance)
        step = slot.ladder.steps[fitted.step]
        font, paint = self._font(slot.bold, step.size * SCALE), self._paints[slot.white]
        share = {"left": 0.0, "centre": 0.5, "right": 1.0}[slot.align]
        for line, base in zip(fitted.lines, slot.baselines(step, len(fitted.lines)), strict=True):
            width = sum(map(advance.__getitem__, line)) * step.size / fonts.UNITS if share else 0
            x, y = slot.on_page(share * (slot.box.w - width), base)
            self._canvas.drawString(line, x * SCALE, y * SCALE, font, paint)

    def _font(self, bold: bool, size: float) -> Any:
        found = self._fonts.get((bold, size))
        if found is None:
            found = self._fonts[bold, size] = skia.Font(_typeface(_face(bold)), size)
            found.setEdging(self._edging)
        return found

    def _barcode(self, slot: BarcodeSlot, text: str) -> None:
        kind = zxingcpp.BarcodeFormat.QRCode if slot.symbology == "qr" else zxingcpp.BarcodeFormat.Code128
        barcode = zxingcpp.create_barcode(text, kind)
        image: Any = np.asarray(zxingcpp.write_barcode_to_image(barcode, scale=1, add_quiet_zones=False))
        modules = image if slot.symbology == "qr" else image[:1]
        place = symbols.place(slot, modules.shape[1], modules.shape[0], DPI)
        if place is None:
            return
        modules = modules.T if slot.rotate else modules
        rows, columns = modules.shape
        drawn = modules.repeat(place.h // rows, 0).repeat(place.w // columns, 1)
        self._pixels[place.y : place.y + place.h, place.x : place.x + place.w] = drawn


def _face(bold: bool) -> str:
    return fonts.BOLD if bold else fonts.REGULAR


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
    for _ in rasterise(batch, standard_for("neutral", "76x130"), dpi=DPI):
        pass
    return OURS / (time.process_time() - started)


def theirs(mode: str) -> float:
    """Rasters per second of skia."""
    batch, drawn_by = labels(OURS), _skia(mode)
    started = time.process_time()
    for label in batch:
        drawn_by.sheet(label)
    return OURS / (time.process_time() - started)


def our_zpl() -> float:
    """ZPL documents per second, deflated, with base64 and check."""
    batch = labels(OURS)
    started = time.process_time()
    for sheet in rasterise(batch, standard_for("neutral", "76x130"), dpi=DPI):
        zpl.document(sheet.bits, PROFILE)
    return OURS / (time.process_time() - started)


def their_zpl(mode: str) -> float:
    """The same from skia's raster, by zlib at level 1."""
    batch, drawn_by = labels(OURS), _skia(mode)
    started = time.process_time()
    for label in batch:
        _z64(drawn_by.sheet(label))
    return OURS / (time.process_time() - started)


def _z64(dots: bytes) -> bytes:
    packed = b2a_base64(zlib.compress(dots, 1), newline=False)
    return b":Z64:%b:%04X" % (packed, crc_hqx(packed, 0))


def sizes(mode: str) -> float:
    """Our bytes per theirs."""
    batch = labels(OURS)[:100]
    ours = sum(len(zpl.document(sheet.bits, PROFILE)) for sheet in rasterise(batch, standard_for("neutral", "76x130")))
    return ours / sum(len(_z64(_skia(mode).sheet(label))) for label in batch)


def preview_ms() -> float:
    """Milliseconds of one warm label as PNG."""
    template = standard_for("neutral", "76x130")

    def one(label: LabelData) -> float:
        started = time.perf_counter()
        for sheet in rasterise([label], template, dpi=DPI):
            write_png(sheet.bits)
        return 1_000 * (time.perf_counter() - started)

    return median([one(label) for label in labels(OURS)[:200]])


def resident_mb(count: int) -> float:
    """Peak memory of a fresh process that streams so many labels as ZPL into a file."""
    said = subprocess.run(
        [sys.executable, "-m", "bench.raster", str(count)], capture_output=True, text=True, check=True
    )
    return float(said.stdout)


def stream(count: int) -> None:
    """What that process does."""
    import resource

    batch = labels(OURS)
    run = (batch[index % OURS] for index in range(count))
    with Path(os.devnull).open("wb") as out:
        for sheet in rasterise(run, standard_for("neutral", "76x130"), dpi=DPI):
            out.write(zpl.document(sheet.bits, PROFILE))
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}\n")


def main() -> None:
    """Print every comparison."""
    for name, mode, target in (("antialiased, cut at grey", "kAntiAlias", 8), ("mono", "kAlias", 6)):
        compared = alternate(f"1-bit raster against skia-python {name}", ours, partial(theirs, mode), ROUNDS)
        _say(compared.line(target, "labels"))
    compared = alternate("ZPL Z64 against skia-python mono, zlib 1", our_zpl, partial(their_zpl, "kAlias"), ROUNDS)
    _say(compared.line(7, "labels"))
    _say_most("ZPL bytes, of those of skia's rasters", sizes("kAlias"), MOST_BYTES, "")
    _say_most("preview of one warm label as PNG", preview_ms(), MOST_PREVIEW_MS, " ms")
    few, many = (resident_mb(count) for count in STREAMED)
    _say(f"memory: {few:.0f} MB after {STREAMED[0]:,} labels streamed as ZPL, {many:.0f} MB after {STREAMED[1]:,}")
    _say_most("memory grown by", many - few, MOST_GROWTH_MB, " MB")


def _say_most(what: str, value: float, most: float, unit: str) -> None:
    _say(f"{what}: {value:.2f}{unit}, at most {most:g}{unit}: {'ok' if value <= most else 'MISSED'}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    stream(int(sys.argv[1])) if len(sys.argv) > 1 else main()
