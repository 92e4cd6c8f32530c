"""A printer that speaks TSPL, after TSC's "TSPL/TSPL2 Programming Language" manual, and takes nothing else.

Lines end in CR LF, parameters stand between commas, text between double quotes. Drawing needs a SIZE and a CLS, and
every PRINT needs a CLS of its own. TEXT, BARCODE and QRCODE are checked and their texts kept, but not drawn.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from tests.labels.interpreters.lines import Lines, words
from tests.labels.interpreters.sheet import Canvas, Sheet, rows

# Each manual value with its unit: nothing is inch, "mm" and "dot" stand behind one blank.
_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)( mm| dot)?\Z")
_MM_PER_INCH = Decimal("25.4")
_BITMAP = re.compile(rb"BITMAP (\d+),(\d+),(\d+),(\d+),(\d+),")
_STATUS_QUERY = re.compile(rb"\x1b!\?")
_ARGUMENT = re.compile(r' ?("(?:\\\["\]|[^"])*"|[^",]+)(?:,|\Z)')

_CODE_PAGES = words(
    "437 737 850 852 855 857 860 861 862 863 864 865 866 869 932 936 949 950 "
    "1250 1251 1252 1253 1254 1255 1256 1257 1258 UTF-8 USA BRI GER FRE DAN ITA SPA SWE SWI "
    "8859-1 8859-2 8859-3 8859-4 8859-5 8859-6 8859-7 8859-8 8859-9 8859-10 8859-15"
)
_COUNTRIES = words("001 002 003 031 032 033 034 036 038 039 041 042 044 045 046 047 048 049 055 061 351 358")
_ON_OFF = words("ON OFF")
_SWITCHES = {"TEAR": _ON_OFF, "PEEL": _ON_OFF, "RIBBON": _ON_OFF, "CUTTER": words("OFF BATCH")}
_SYMBOLOGIES = words(
    "128 128M EAN128 25 25C 39 39C 39S 93 EAN13 EAN13+2 EAN13+5 EAN8 EAN8+2 EAN8+5 CODA POST UPCA UPCA+2 UPCA+5 "
    "UPCE UPCE+2 UPCE+5 CPOST MSI MSIC PLESSEY ITF14 EAN14 11 TELEPEN TELEPENN PLANET CODE49 DPI DPL LOGMARS"
)
_TURNS = words("0 90 180 270")
_ONE_INCH_IN_DOTS = {8: 203, 12: 300, 24: 600}
_MOST_COPIES = 999_999_999
_MOST_DOTS = 99_999


def interpret(data: bytes, dots_per_mm: int = 8) -> list[Sheet]:
    """The sheets that the commands print; 8, 12 and 24 dots to the mm are printers of 203, 300 and 600 dpi."""
    return _Printer(Lines(data), dots_per_mm).run()


class _Printer:
    def __init__(self, lines: Lines, dots_per_mm: int) -> None:
        self._lines = lines
        self._dots_per_mm = dots_per_mm
        self._size: tuple[int, int] | None = None
        self._canvas: Canvas | None = None  # None from PRINT or SIZE until the next CLS
        self._is_drawn = False
        self._origin = (0, 0)
        self._encoding = "cp437"
        self._settings: dict[str, str] = {}
        self._texts: list[str] = []
        self._sheets: list[Sheet] = []

    def run(self) -> list[Sheet]:
        while not self._lines.is_at_end:
            if self._lines.starts_with(_STATUS_QUERY):  # answered at once, and no line of the program
                continue
            if bitmap := self._lines.starts_with(_BITMAP):
                self._bitmap([number.decode() for number in bitmap.groups()])
            else:
                self._command(self._lines.line())
        if self._is_drawn:
            self._lines.wrong("something was drawn that no PRINT prints")
        return self._sheets

    def _command(self, line: bytes) -> None:
        try:
            name, blank, rest = line.decode(self._encoding_of(line)).partition(" ")
        except UnicodeDecodeError:
            self._lines.wrong(f"text that is no {self._encoding_of(line)}")
        handler = _HANDLERS.get(name)
        if handler is None or (blank and not rest):
            self._lines.wrong(f"no command of the manual: {line[:40]!r}")
        handler(self, name, rest)

    def _encoding_of(self, line: bytes) -> str:
        """The fonts TSS24.BF2 and TST24.BF2 bring their own double-byte sets; others obey CODEPAGE."""
        font = line.split(b'"')[1] if line.startswith(b"TEXT ") and line.count(b'"') > 1 else b""
        return {b"TSS": "gb18030", b"TST": "big5", b"K": "euc-kr"}.get(font.rstrip(b"0123456789.BF"), self._encoding)

    def _arguments(self, rest: str, least: int, most: int) -> list[str]:
        """Parameters, texts still in their quotes; the manual's examples show at most one blank behind a comma."""
        found, at = [], 0
        while at < len(rest):
            match = _ARGUMENT.match(rest, at)
            if match is None:
                self._lines.wrong(f"parameters: {rest[at : at + 30]!r}")
            found.append(match[1])
            at = match.end()
        if rest.endswith(",") or not least <= len(found) <= most:
            self._lines.wrong(f"{len(found)} parameters, the manual wants {least} to {most}")
        return found

    def _quoted(self, text: str) -> str:
        if len(text) < 2 or not text.startswith('"'):
            self._lines.wrong(f"a text without quotes: {text!r}")
        return text[1:-1].replace('\\["]', '"')

    def _dots(self, text: str, what: str) -> int:
        return self._lines.whole(text, 0, _MOST_DOTS, what)

    def _choice(self, text: str, allowed: frozenset[str], what: str) -> str:
        if text not in allowed:
            self._lines.wrong(f"{what}: {text!r}")
        return text

    # Lengths

    def _mm(self, text: str, low: str, high: str, what: str) -> Decimal:
        """A length in mm, between bounds in mm."""
        match = _LENGTH.match(text)
        if match is None:
            self._lines.wrong(f"{what}: {text!r} is no length")
        value = Decimal(match[1])
        length = {" mm": value, " dot": value / self._dots_per_mm, None: value * _MM_PER_INCH}[match[2]]
        if not Decimal(low) <= length <= Decimal(high):
            self._lines.wrong(f"{what}: {text} is not between {low} and {high} mm")
        return length

    def _one_unit(self, first: str, second: str) -> None:
        """Both lengths of a command have the same unit; only a zero needs none."""
        units = {text.lstrip("-0123456789.") for text in (first, second) if text.strip("0.")}
        if len(units) > 1:
            self._lines.wrong(f"two units in one command: {first}, {second}")

    def _size_of_label(self) -> tuple[int, int]:
        if self._size is None:
            self._lines.wrong("no SIZE before")
        return self._size

    def _in_dots(self, mm: Decimal) -> int:
        return int((mm * self._dots_per_mm).to_integral_value(ROUND_HALF_UP))

    def size(self, _: str, rest: str) -> None:
        width, height = self._arguments(rest, 2, 2)
        self._one_unit(width, height)
        self._size = (
            self._in_dots(self._mm(width, "1", "300", "width")),
            self._in_dots(self._mm(height, "1", "2540", "height")),
        )
        self._canvas = None
        self._settings["SIZE"] = rest

    def gap(self, name: str, rest: str) -> None:
        """GAP and BLINE: the paper has either, so the later of the two counts."""
        height, extra = self._arguments(rest, 2, 2)
        self._one_unit(height, extra)
        self._mm(height, "2.54" if name == "BLINE" else "0", "25.4", name)
        longest = Decimal(self._size_of_label()[1]) / self._dots_per_mm
        self._mm(extra, "0", str(longest), f"second length of {name}")
        self._settings.pop("BLINE" if name == "GAP" else "GAP", None)
        self._settings[name] = rest

    def offset(self, name: str, rest: str) -> None:
        (length,) = self._arguments(rest, 1, 1)
        self._mm(length, "-25.4", "25.4", name)
        self._settings[name] = rest

    # Settings

    def density(self, name: str, rest: str) -> None:
        self._lines.whole(rest, 0, 15, name)
        self._settings[name] = rest

    def speed(self, name: str, rest: str) -> None:
        self._lines.decimal(rest, 1, 18, name)
        self._settings[name] = rest

    def direction(self, name: str, rest: str) -> None:
        for text in self._arguments(rest, 1, 2):
            self._lines.whole(text, 0, 1, name)
        self._settings[name] = rest

    def reference(self, name: str, rest: str) -> None:
        x, y = (self._dots(text, name) for text in self._arguments(rest, 2, 2))
        self._origin = (x, y)
        self._settings[name] = rest

    def shift(self, name: str, rest: str) -> None:
        most = _ONE_INCH_IN_DOTS[self._dots_per_mm]
        for text in self._arguments(rest, 1, 2):
            self._lines.whole(text, -most, most, name)
        self._settings[name] = rest

    def code_page(self, name: str, rest: str) -> None:
        page = self._choice(rest, _CODE_PAGES, name)
        if page.startswith("8859"):
            self._encoding = f"iso{page}"
        elif page.isdigit():
            self._encoding = f"cp{page}"
        else:
            self._encoding = "utf-8" if page == "UTF-8" else "ascii"
        self._settings[name] = rest

    def country(self, name: str, rest: str) -> None:
        self._settings[name] = self._choice(rest, _COUNTRIES, name)

    def switch(self, name: str, rest: str) -> None:
        what, _, value = rest.partition(" ")
        if what == "CUTTER" and value.isdigit():
            self._lines.whole(value, 0, 65_535, "SET CUTTER")
        else:
            self._choice(value, _SWITCHES.get(what, frozenset()), f"SET {what}")
        self._settings[f"{name} {what}"] = value

    # Drawing

    def cls(self, _: str, rest: str) -> None:
        if rest:
            self._lines.wrong("CLS has no parameters")
        if self._is_drawn:
            self._lines.wrong("something was drawn that no PRINT prints")
        self._canvas = Canvas(*self._size_of_label())

    def _area(self, left: int, top: int, right: int, bottom: int) -> tuple[Canvas, int, int, int, int]:
        """The memory, and a rectangle in it that was counted from the reference point."""
        if self._canvas is None:
            self._lines.wrong("no CLS since SIZE or PRINT")
        x, y = self._origin
        if not self._canvas.holds(left + x, top + y, right + x, bottom + y):
            self._lines.wrong(f"{left},{top} to {right},{bottom} leaves the label")
        self._is_drawn = True
        return self._canvas, left + x, top + y, right + x, bottom + y

    def _bitmap(self, numbers: list[str]) -> None:
        """0 is black. A label's width may be no whole bytes: then the last dots of a row have to be white."""
        x, y, stride, height = (self._dots(text, "BITMAP") for text in numbers[:4])
        mode = self._choice(numbers[4], words("0 1 2"), "mode of BITMAP")
        width = min(8 * stride, self._size_of_label()[0] - self._origin[0] - x)
        if not stride or not height or 8 * stride - width > 7:
            self._lines.wrong("a BITMAP without dots, or wider than the label")
        canvas, left, top, _, _ = self._area(x, y, x + width, y + height)
        paint = {"0": canvas.overwrite, "1": canvas.add, "2": canvas.swap}[mode]
        data = self._lines.binary(stride * height)
        for line, dots in enumerate(rows(bytes(byte ^ 255 for byte in data), stride)):
            if 0 in dots[width:]:
                self._lines.wrong(f"row {line} of the BITMAP has black dots beyond the label")
            paint(left, top + line, dots[:width])

    def bar(self, _: str, rest: str) -> None:
        x, y, width, height = (self._dots(text, "BAR") for text in self._arguments(rest, 4, 4))
        canvas, left, top, right, bottom = self._area(x, y, x + width, y + height)
        canvas.fill(left, top, right, bottom)

    def box(self, _: str, rest: str) -> None:
        """The corners belong to the box."""
        x, y, right, bottom, thickness = (self._dots(text, "BOX") for text in self._arguments(rest, 5, 5))
        canvas, *area = self._area(x, y, right + 1, bottom + 1)
        canvas.frame(area[0], area[1], area[2], area[3], thickness)

    def text(self, name: str, rest: str) -> None:
        *placed, content = self._arguments(rest, 7, 8)
        x, y = (self._dots(text, name) for text in placed[:2])
        self._area(x, y, x, y)
        font = self._quoted(placed[2])
        self._choice(placed[3], _TURNS, "rotation")
        for text in placed[4:6]:  # the scalable font "0" takes points instead
            self._lines.whole(text, 1, 999 if font == "0" else 10, "multiplication")
        if len(placed) == 7:
            self._lines.whole(placed[6], 0, 3, "alignment")
        self._texts.append(self._quoted(content))

    def barcode(self, name: str, rest: str) -> None:
        *placed, content = self._arguments(rest, 9, 10)
        x, y = (self._dots(text, name) for text in placed[:2])
        self._choice(self._quoted(placed[2]), _SYMBOLOGIES, "code type")
        self._area(x, y, x, y + self._dots(placed[3], "height"))
        self._lines.whole(placed[4], 0, 3, "human readable")
        self._choice(placed[5], _TURNS, "rotation")
        for text in placed[6:8]:
            self._lines.whole(text, 1, 40, "width of a bar")
        if len(placed) == 9:
            self._lines.whole(placed[8], 0, 3, "alignment")
        self._texts.append(self._quoted(content))

    def qr_code(self, name: str, rest: str) -> None:
        *placed, content = self._arguments(rest, 7, 9)
        x, y = (self._dots(text, name) for text in placed[:2])
        self._area(x, y, x, y)
        self._choice(placed[2], words("L M Q H"), "error correction")
        self._lines.whole(placed[3], 1, 10, "cell width")
        self._choice(placed[4], words("A M"), "mode")
        self._choice(placed[5], _TURNS, "rotation")
        for text in placed[6:]:
            self._choice(text, words("M1 M2 S0 S1 S2 S3 S4 S5 S6 S7 S8"), "model or mask")
        self._texts.append(self._quoted(content))

    def print_label(self, name: str, rest: str) -> None:
        sets = [self._lines.whole(text, 1, _MOST_COPIES, name) for text in self._arguments(rest, 1, 2)]
        if self._canvas is None:
            self._lines.wrong("PRINT without a CLS of its own")
        copies = sets[0] * sets[-1] if len(sets) == 2 else sets[0]
        self._sheets.append(Sheet(self._canvas.picture(), copies, dict(self._settings), self._texts))
        self._canvas, self._is_drawn, self._texts = None, False, []


_HANDLERS: dict[str, Callable[[_Printer, str, str], None]] = {
    "SIZE": _Printer.size,
    "GAP": _Printer.gap,
    "BLINE": _Printer.gap,
    "OFFSET": _Printer.offset,
    "DENSITY": _Printer.density,
    "SPEED": _Printer.speed,
    "DIRECTION": _Printer.direction,
    "REFERENCE": _Printer.reference,
    "SHIFT": _Printer.shift,
    "CODEPAGE": _Printer.code_page,
    "COUNTRY": _Printer.country,
    "SET": _Printer.switch,
    "CLS": _Printer.cls,
    "BAR": _Printer.bar,
    "BOX": _Printer.box,
    "TEXT": _Printer.text,
    "BARCODE": _Printer.barcode,
    "QRCODE": _Printer.qr_code,
    "PRINT": _Printer.print_label,
}
