"""Draws label PDFs with pycairo and Pango; a baseline of bench/pdf.py, run by bench/pango.py on the system's Python.

Stands alone: it knows nothing of the package. Each line of its input is a question in JSON, each line of its output the
answer: page and static commands, then a label's commands each, then `run` for the rate of a file of all labels, kept in
memory, or written to the path that is named.
"""

import io
import json
import sys
import time
from typing import Any

import cairo
import gi
import zxingcpp

gi.require_version("Pango", "1.0")
gi.require_version("PangoCairo", "1.0")
from gi.repository import Pango, PangoCairo  # noqa: E402  # wants its version said first

FAMILY = "Noto Sans SC"
Commands = list[dict[str, Any]]


class Drawer:
    """Draws commands; fonts of one size and weight are described once, and one layout is set for every text."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._layout = PangoCairo.create_layout(context)
        # Or else every advance is rounded to whole points and lines become too long.
        self._layout.get_context().set_round_glyph_positions(False)
        self._fonts: dict[tuple[float, bool], Any] = {}

    def draw(self, commands: Commands) -> None:
        for command in commands:
            {"Text": self._text, "Fill": self._fill, "Bars": self._bars}[command["kind"]](command)

    def _text(self, text: dict[str, Any]) -> None:
        context, layout = self._context, self._layout
        layout.set_font_description(self._font(text["size"], text["bold"]))
        layout.set_text(text["text"], -1)
        context.move_to(text["x"], text["y"])
        if text["white"]:
            context.set_source_rgb(1, 1, 1)
        PangoCairo.show_layout_line(context, layout.get_line_readonly(0))
        if text["white"]:
            context.set_source_rgb(0, 0, 0)

    def _font(self, size: float, bold: bool) -> Any:
        known = self._fonts.get((size, bold))
        if known is None:
            known = self._fonts[size, bold] = Pango.FontDescription()
            known.set_family(FAMILY)
            known.set_weight(Pango.Weight.BOLD if bold else Pango.Weight.NORMAL)
            known.set_absolute_size(size * Pango.SCALE)
        return known

    def _fill(self, box: dict[str, Any]) -> None:
        self._context.rectangle(box["x"], box["y"], box["w"], box["h"])
        self._context.fill()

    def _bars(self, bars: dict[str, Any]) -> None:
        square = bars["symbology"] == "qr"
        if square:  # of the correction level that we print
            symbol = zxingcpp.create_barcode(bars["text"], zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        else:
            symbol = zxingcpp.create_barcode(bars["text"], zxingcpp.BarcodeFormat.Code128)
        image: Any = zxingcpp.write_barcode_to_image(symbol, scale=1, add_quiet_zones=False)
        rows, columns = image.shape
        pixels = bytes(image)
        context, module = self._context, bars["module"]
        height = module if square else bars["height"]
        for row in range(rows if square else 1):
            for start, end in dark_runs(pixels[row * columns : (row + 1) * columns]):
                along, length = start * module, (end - start) * module
                if bars["turned"]:
                    context.rectangle(bars["x"], bars["y"] + along, height, length)
                else:
                    context.rectangle(bars["x"] + along, bars["y"] + row * height, length, height)
        context.fill()


def dark_runs(row: bytes) -> list[tuple[int, int]]:
    """Beginnings and ends of the dark modules of a row."""
    runs = []
    start = row.find(0)
    while start >= 0:
        end = row.find(255, start)
        end = len(row) if end < 0 else end
        runs.append((start, end))
        start = row.find(0, end)
    return runs


def pdf(page: list[float], static: Commands, labels: list[Commands]) -> bytes:
    """One file, a page per label; what is the same on every page is recorded once and painted on each."""
    out = io.BytesIO()
    width, height = page
    surface = cairo.PDFSurface(out, width, height)
    recorded = cairo.RecordingSurface(cairo.CONTENT_COLOR_ALPHA, cairo.Rectangle(0, 0, width, height))
    Drawer(cairo.Context(recorded)).draw(static)
    context = cairo.Context(surface)
    drawer = Drawer(context)
    for label in labels:
        context.set_source_surface(recorded)
        context.paint()
        context.set_source_rgb(0, 0, 0)
        drawer.draw(label)
        context.show_page()
    surface.finish()
    return out.getvalue()


def main() -> None:
    page: list[float] = []
    static: Commands = []
    labels: list[Commands] = []
    for line in sys.stdin:
        question = json.loads(line)
        answer = "ok"
        if "page" in question:
            page, static = question["page"], question["static"]
            answer = (
                f"pycairo {cairo.version} (cairo {cairo.cairo_version_string()}) with Pango {Pango.version_string()}"
            )
        elif "label" in question:
            labels.append(question["label"])
        else:
            started = time.process_time()
            written = pdf(page, static, labels)
            answer = str(len(labels) / (time.process_time() - started))
            if question["run"]:
                with open(question["run"], "wb") as file:  # noqa: PTH123  # nothing but the standard library here
                    file.write(written)
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
