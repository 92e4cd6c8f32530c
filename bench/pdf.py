"""Label PDFs against reportlab and against pycairo with Pango: the same template, strings, line breaks and fonts.

Each file is complete in memory. Barcode encoding, text fitting and font subsetting are in the clock; nothing is kept
from one label to the next. The clock counts processor time, as other programs may share the core. The baselines are
given finished drawing commands (bench/labels.py), so they pay for drawing and for encoding barcodes only. Printed
besides: one warm label, and the memory that ten times as many labels take.
"""

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

import zxingcpp
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode import code128, qr
from reportlab.graphics.shapes import Drawing
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from bench import pango
from bench.labels import Bars, Command, Fill, Text, compiled, drawings, labels, static, stream, template
from bench.pairs import alternate
from miandan.labels import fonts
from miandan.labels.pdf import render_pdf, write_pdf
from miandan.labels.pdf.units import POINTS

COUNT = 1_000  # labels in one file
FILES = 5  # of ours in a round, so that the clock sees about half a second
OWN = 60  # labels of the slowest baseline in a round; rates are compared
ONES = 20  # files of one label in a round
ROUNDS = 5
MOST_MS = 3.0  # for one warm label
STREAMED = (10_000, 100_000)  # labels whose memory is compared
MOST_GROWTH_MB = 32

Barcode = Callable[[Canvas, Bars], None]
HEIGHT = compiled().height * POINTS
PAGE = (compiled().width * POINTS, HEIGHT)


def ours() -> float:
    """Labels per second of our writer."""
    batch = labels(COUNT)
    started = time.process_time()
    for _ in range(FILES):
        render_pdf(batch, io.BytesIO(), template())
    return FILES * COUNT / (time.process_time() - started)


def ours_one_by_one() -> float:
    """The same, each label a file of its own."""
    batch = labels(COUNT)[:ONES]
    started = time.process_time()
    for label in batch:
        render_pdf((label,), io.BytesIO(), template())
    return len(batch) / (time.process_time() - started)


def reportlabs(count: int, barcode: Barcode) -> float:
    """Labels per second of reportlab, barcodes drawn by `barcode`."""
    batch = drawings(COUNT)[:count]
    started = time.process_time()
    reportlab_file(batch, barcode)
    return count / (time.process_time() - started)


def reportlabs_one_by_one() -> float:
    """The same with zxing-cpp's symbols, each label a file of its own."""
    batch = drawings(COUNT)[:ONES]
    started = time.process_time()
    for drawing in batch:
        reportlab_file((drawing,), zxing_path)
    return len(batch) / (time.process_time() - started)


def reportlab_file(batch: tuple[tuple[Command, ...], ...], barcode: Barcode) -> bytes:
    """A PDF of the drawings."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=PAGE, pageCompression=1, invariant=1)
    canvas.beginForm("static")
    _draw(canvas, static(), barcode)
    canvas.endForm()
    for drawing in batch:
        canvas.doForm("static")
        _draw(canvas, drawing, barcode)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, commands: tuple[Command, ...], barcode: Barcode) -> None:
    for command in commands:
        match command:
            case Text(x, y, size, bold, white, text):
                canvas.setFont("bold" if bold else "regular", size)
                canvas.setFillGray(1 if white else 0)
                canvas.drawString(x, HEIGHT - y, text)
                canvas.setFillGray(0)
            case Fill(x, y, w, h):
                canvas.rect(x, HEIGHT - y - h, w, h, stroke=0, fill=1)
            case Bars():
                canvas.saveState()
                canvas.translate(command.x, HEIGHT - command.y)
                barcode(canvas, command)
                canvas.restoreState()


def zxing_path(canvas: Canvas, bars: Bars) -> None:
    """The symbol that zxing-cpp makes, every run of dark modules a rectangle of one path."""
    square = bars.symbology == "qr"
    if square:  # of the correction level that we print
        symbol = zxingcpp.create_barcode(bars.text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    else:
        symbol = zxingcpp.create_barcode(bars.text, zxingcpp.BarcodeFormat.Code128)
    image: Any = zxingcpp.write_barcode_to_image(symbol, scale=1, add_quiet_zones=False)
    rows, columns = image.shape
    pixels = bytes(image)
    height = bars.module if square else bars.height
    if bars.turned:
        canvas.translate(height, 0)
        canvas.rotate(-90)
    path = canvas.beginPath()
    for row in range(rows if square else 1):
        line = pixels[row * columns : (row + 1) * columns]
        for start, end in _dark_runs(line):
            path.rect(start * bars.module, -(row + 1) * height, (end - start) * bars.module, height)
    canvas.drawPath(path, stroke=0, fill=1)


def _dark_runs(row: bytes) -> list[tuple[int, int]]:
    runs = []
    start = row.find(0)
    while start >= 0:
        end = row.find(255, start)
        end = len(row) if end < 0 else end
        runs.append((start, end))
        start = row.find(0, end)
    return runs


def reportlabs_barcode(canvas: Canvas, bars: Bars) -> None:
    """reportlab's own symbol."""
    if bars.turned:
        canvas.translate(bars.height, 0)
        canvas.rotate(-90)
    if bars.symbology == "qr":
        side = 33 * bars.module
        drawing = Drawing(side, side)
        drawing.add(qr.QrCodeWidget(bars.text, barLevel="M", barWidth=side, barHeight=side, barBorder=0))
        renderPDF.draw(drawing, canvas, 0, -side)
    else:
        symbol = code128.Code128(bars.text, barWidth=bars.module, barHeight=bars.height, quiet=False)
        symbol.drawOn(canvas, 0, -bars.height)


def grown(count: int) -> float:
    """Most megabytes that a fresh process held while it wrote `count` labels into a file. Linux only."""
    command = [sys.executable, "-m", "bench.pdf", str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def stream_to_file(count: int) -> None:
    """Write `count` labels into a file and print the most megabytes that this process ever held."""
    with tempfile.TemporaryDirectory() as folder:
        write_pdf(stream(count), Path(folder, "labels.pdf"), template())
    status = Path("/proc/self/status").read_text()
    sys.stdout.write(f"{int(status.partition('VmHWM:')[2].split()[0]) / 1024:.1f}\n")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _compare_batches() -> None:
    against = "label PDF against"
    compared = alternate(f"{against} reportlab with zxing-cpp's symbols as one path", ours, _zxing_batch, ROUNDS)
    _say(compared.line(40, "labels"))
    own = partial(reportlabs, OWN, reportlabs_barcode)
    _say(alternate(f"{against} reportlab with its own barcodes", ours, own, ROUNDS).line(80, "labels"))
    with tempfile.TemporaryDirectory() as folder:
        if missing := pango.missing():
            _say(f"NOT MEASURED: {against} pycairo with Pango, because {missing}")
            return
        with pango.Pango(Path(folder), PAGE, static(), drawings(COUNT)) as theirs:
            name = f"{against} {theirs.versions} with zxing-cpp's symbols as one path"
            _say(alternate(name, ours, theirs.rate, ROUNDS).line(30, "labels"))


def _zxing_batch() -> float:
    return reportlabs(COUNT, zxing_path)


def _compare_one() -> None:
    compared = alternate("one warm label as a file", ours_one_by_one, reportlabs_one_by_one, ROUNDS)
    mine, theirs = (1_000 / median(rates) for rates in (compared.candidate, compared.baseline))
    verdict = "ok" if mine < MOST_MS else "MISSED"
    _say(
        f"{compared.name}: {mine:.2f} ms against reportlab's {theirs:.2f} ms, ratio {median(compared.ratios):.1f}, "
        f"target below {MOST_MS:g} ms: {verdict}"
    )


def _compare_memory() -> None:
    if not Path("/proc/self/status").is_file():
        _say("NOT MEASURED: memory, because this system does not tell it in /proc")
        return
    few, many = (grown(count) for count in STREAMED)
    verdict = "ok" if many - few < MOST_GROWTH_MB else "MISSED"
    _say(
        f"memory of {STREAMED[1]:,} labels streamed to a file: {many:.0f} MB, {many - few:.1f} MB above that of "
        f"{STREAMED[0]:,}, target below {MOST_GROWTH_MB} MB: {verdict}"
    )


def main() -> None:
    """Print all comparisons."""
    for name, file in (("regular", fonts.REGULAR), ("bold", fonts.BOLD)):
        with resources.as_file(resources.files("miandan.labels").joinpath("font_files", file)) as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))
    _compare_batches()
    _compare_one()
    _compare_memory()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stream_to_file(int(sys.argv[1]))
    else:
        main()
