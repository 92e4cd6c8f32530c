"""Label PDFs against reportlab: the same template, strings, line breaks and fonts, each file complete in memory.

Barcode encoding, text fitting and font subsetting are in the clock on both sides; nothing is kept from one label to
the next. The clock counts processor time, as other programs may share the core. The baseline gets our compiled
template and our line breaks, so it pays for drawing only. Two baselines: zxing-cpp's symbols drawn as one path, and
reportlab's own barcodes.
"""

import io
import random
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from importlib import resources
from typing import Any

import zxingcpp
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode import code128, qr
from reportlab.graphics.shapes import Drawing
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from bench.pairs import alternate
from miandan.labels import fonts
from miandan.labels.compiled import BarcodeSlot, FillSlot, Slot, TextSlot, compile_template
from miandan.labels.fitting import fit
from miandan.labels.model import LabelData
from miandan.labels.pdf import render_pdf
from miandan.labels.pdf_units import DOT, POINTS
from miandan.labels.template import standard_template

OURS = 1_000  # labels in one file
FILES = 5  # of ours in a round, so that both sides run for about a second
DRAWN = 250  # labels of the first baseline in a round; rates are compared
OWN = 60  # of the second
ROUNDS = 5

TEMPLATE = compile_template(standard_template())
Barcode = Callable[[Canvas, BarcodeSlot, str], None]


@cache
def labels(count: int) -> tuple[LabelData, ...]:
    """Different labels; 1,000 of them hold about 3,700 different characters, as a day of real ones does."""
    rng = random.Random(20_261)
    common = [chr(code) for code in range(0x4E00, 0x4E00 + 3_700)]

    def words(length: int) -> str:
        return "".join(rng.choices(common, k=length))

    def label(index: int) -> LabelData:
        number = f"7312{rng.randrange(10**10):010d}"
        return LabelData(
            carrier_zh="中通快递",
            carrier_en="ZTO Express",
            product="标准快递",
            number=number,
            barcode_text=number,
            qr_text=f"https://waybill.example/q/{number}?c=zto",
            sort_code=f"{rng.randrange(1000):03d}-A{rng.randrange(100):02d}-{rng.randrange(1000):03d}",
            big_mark=words(6),
            bag_centre=words(6),
            recipient_name=f"{words(1)}*",
            recipient_phone=f"138******{rng.randrange(100):02d}",
            recipient_address=f"{words(32)}{rng.randrange(99)}号楼***",
            sender_name=words(7),
            sender_phone="0571-8888****",
            sender_address=f"{words(24)}{rng.randrange(999)}号",
            goods=f"{words(14)} x{rng.randrange(1, 9)}；{words(9)} x1",
            remark=words(16),
            services=("保价 500元",),
            printed_at=f"2026-11-11 08:{index // 60 % 60:02d}:{index % 60:02d}",
            position=f"{index + 1}/{count}",
        )

    return tuple(label(index) for index in range(count))


def ours() -> float:
    """Labels per second of our writer."""
    batch = labels(OURS)
    started = time.process_time()
    for _ in range(FILES):
        render_pdf(batch, io.BytesIO())
    return FILES * OURS / (time.process_time() - started)


def theirs(count: int, barcode: Barcode) -> float:
    """Labels per second of reportlab, barcodes drawn by `barcode`."""
    batch = labels(OURS)[:count]
    started = time.process_time()
    canvas = Canvas(
        io.BytesIO(), pagesize=(TEMPLATE.width * POINTS, TEMPLATE.height * POINTS), pageCompression=1, invariant=1
    )
    canvas.beginForm("static")
    for slot in TEMPLATE.static:
        _draw(canvas, slot, batch[0], barcode)
    canvas.endForm()
    for label in batch:
        canvas.doForm("static")
        for slot in TEMPLATE.slots:
            _draw(canvas, slot, label, barcode)
        canvas.showPage()
    canvas.save()
    return count / (time.process_time() - started)


def _draw(canvas: Canvas, slot: Slot, label: LabelData, barcode: Barcode) -> None:
    if slot.shown is not None and not slot.shown(label):
        return
    match slot:
        case FillSlot():
            for box in slot.boxes:
                bottom = (TEMPLATE.height - box.y - box.h) * POINTS
                canvas.rect(box.x * POINTS, bottom, box.w * POINTS, box.h * POINTS, stroke=0, fill=1)
        case TextSlot():
            _draw_text(canvas, slot, slot.read(label))
        case BarcodeSlot():
            barcode(canvas, slot, slot.read(label))


def _draw_text(canvas: Canvas, slot: TextSlot, text: str) -> None:
    fitted = fit(text, slot.ladder, fonts.face(fonts.BOLD if slot.bold else fonts.REGULAR).advance)
    step = slot.ladder.steps[fitted.step]
    canvas.setFont("bold" if slot.bold else "regular", step.size * POINTS)
    canvas.setFillGray(1 if slot.white else 0)
    left, middle, right = (slot.box.x + slot.box.w * share for share in (0, 0.5, 1))
    for line, base in zip(fitted.lines, slot.baselines(step, len(fitted.lines)), strict=True):
        y = (TEMPLATE.height - base) * POINTS
        if slot.align == "centre":
            canvas.drawCentredString(middle * POINTS, y, line)
        elif slot.align == "right":
            canvas.drawRightString(right * POINTS, y, line)
        else:
            canvas.drawString(left * POINTS, y, line)
    canvas.setFillGray(0)


def _zxing_path(canvas: Canvas, slot: BarcodeSlot, text: str) -> None:
    square = slot.symbology == "qr"
    kind = zxingcpp.BarcodeFormat.QRCode if square else zxingcpp.BarcodeFormat.Code128
    image: Any = zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, kind), scale=1, add_quiet_zones=False)
    rows, columns = image.shape
    pixels = bytes(image)
    canvas.saveState()
    _place(canvas, slot)
    side = slot.max_module * DOT
    height = side if square else slot.box.w * POINTS if slot.rotate else slot.box.h * POINTS
    path = canvas.beginPath()
    for row in range(rows if square else 1):
        for start, end in _dark_runs(pixels[row * columns : (row + 1) * columns]):
            path.rect(start * side, -(row + 1) * height, (end - start) * side, height)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def _place(canvas: Canvas, slot: BarcodeSlot) -> None:
    canvas.translate(slot.box.x * POINTS, (TEMPLATE.height - slot.box.y) * POINTS)
    if slot.rotate:
        canvas.rotate(-90)


def _dark_runs(row: bytes) -> list[tuple[int, int]]:
    runs = []
    start = row.find(0)
    while start >= 0:
        end = row.find(255, start)
        end = len(row) if end < 0 else end
        runs.append((start, end))
        start = row.find(0, end)
    return runs


def _reportlab_own(canvas: Canvas, slot: BarcodeSlot, text: str) -> None:
    canvas.saveState()
    _place(canvas, slot)
    if slot.symbology == "qr":
        side = slot.box.w * POINTS
        drawing = Drawing(side, side)
        drawing.add(qr.QrCodeWidget(text, barLevel="M", barWidth=side, barHeight=side))
        renderPDF.draw(drawing, canvas, 0, -side)
    else:
        height = (slot.box.w if slot.rotate else slot.box.h) * POINTS
        symbol = code128.Code128(text, barWidth=slot.max_module * DOT, barHeight=height, quiet=False)
        symbol.drawOn(canvas, 0, -height)
    canvas.restoreState()


def main() -> None:
    """Print both comparisons."""
    for name, file in (("regular", fonts.REGULAR), ("bold", fonts.BOLD)):
        with resources.as_file(resources.files("miandan.labels").joinpath("font_files", file)) as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))
    baselines: tuple[tuple[str, int, Barcode, float], ...] = (
        ("reportlab with zxing-cpp's symbols as one path", DRAWN, _zxing_path, 25),
        ("reportlab with its own barcodes", OWN, _reportlab_own, 80),
    )
    for name, count, barcode, target in baselines:
        compared = alternate(f"label PDF against {name}", ours, partial(theirs, count, barcode), ROUNDS)
        sys.stdout.write(compared.line(target, "labels") + "\n")


if __name__ == "__main__":
    main()
