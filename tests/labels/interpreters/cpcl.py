"""A printer that speaks CPCL, after Zebra's "CPCL Programming Manual", and takes nothing else.

A label session is a `!` line, commands, and PRINT; lines end in CR LF and one blank stands between parameters. Drawing
needs a PAGE-WIDTH. TEXT and BARCODE are checked and their texts kept, but not drawn.
"""

import re
from collections.abc import Callable

from tests.labels.interpreters.lines import Lines, words
from tests.labels.interpreters.sheet import Canvas, Sheet, rows

_GRAPHIC = re.compile(rb"(CG|COMPRESSED-GRAPHICS|EG|EXPANDED-GRAPHICS) (\d+) (\d+) (\d+) (\d+) ")
_RESOLUTIONS = (200, 300)  # what the manual calls the head of 203 dpi is 200
_MOST_COPIES = 1024
_MOST_DOTS = 65_535
# Name of the command, least and most of every number behind it, how many of them have to be there.
_NUMBERS: dict[str, tuple[list[tuple[int, int]], int]] = {
    "CONTRAST": ([(0, 3)], 1),
    "TONE": ([(-99, 200)], 1),
    "SPEED": ([(0, 5)], 1),
    "GAP-SENSE": ([(0, 255)], 0),
    "BAR-SENSE": ([(0, 255)], 0),
    "SETFF": ([(0, 20_000), (5, 50)], 2),
    "PREFEED": ([(0, _MOST_DOTS)], 1),
    "POSTFEED": ([(0, _MOST_DOTS)], 1),
    "FORM": ([], 0),
}
_COUNTRIES = words(
    "USA UK GERMANY FRANCE SWEDEN SPAIN NORWAY ITALY CP850 CP874 LATIN9 CHINA BIG5 KOREA JAPAN-S THAI VIETNAM"
)
_ENCODINGS = {"ASCII": "ascii", "UTF-8": "utf-8", "GB18030": "gb18030", "BIG5": "big5", "SHIFT-JIS": "shift-jis"}
_SYMBOLOGIES = words(
    "128 UCCEAN128 39 39C F39 F39C 93 CODABAR CODABAR16 I2OF5 I2OF5C I2OF5G UPCA UPCA2 UPCA5 UPCE UPCE2 UPCE5 "
    "EAN13 EAN132 EAN135 EAN8 EAN82 EAN85 MSI MSI10 MSI1010 MSI1110 POSTNET FIM"
)
_MOST_OF_RATIO = 30  # 0 to 4 and 20 to 30 name a ratio


def interpret(data: bytes) -> list[Sheet]:
    """The sheets that the sessions print."""
    return _Printer(Lines(data)).run()


class _Printer:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._sheets: list[Sheet] = []

    def run(self) -> list[Sheet]:
        while not self._lines.is_at_end:
            sheet = _Session(self._lines, self._lines.line()).run()
            if sheet:
                self._sheets.append(sheet)
        return self._sheets


class _Session:
    """From the `!` line to PRINT, or to END, which ends a session without printing."""

    def __init__(self, lines: Lines, header: bytes) -> None:
        self._lines = lines
        start, *numbers = header.decode("latin-1").split(" ")
        if start != "!" or len(numbers) != 5:
            lines.wrong(f"no beginning of a session: {header[:40]!r}")
        bounds = [(0, _MOST_DOTS), (1, 600), (1, 600), (1, _MOST_DOTS), (1, _MOST_COPIES)]
        names = ("offset", "resolution", "resolution", "height", "quantity")
        values = [
            lines.whole(text, low, high, name) for text, (low, high), name in zip(numbers, bounds, names, strict=True)
        ]
        self._offset, across, down, self._height, self._copies = values
        if across != down or across not in _RESOLUTIONS:
            lines.wrong(f"resolution {across} x {down}")
        self._canvas: Canvas | None = None
        self._encoding = "ascii"
        self._settings = {"!": header.decode("latin-1").removeprefix("! ")}
        self._texts: list[str] = []

    def run(self) -> Sheet | None:
        while True:
            if self._lines.is_at_end:
                self._lines.wrong("a session without PRINT at its end")
            if graphic := self._lines.starts_with(_GRAPHIC):
                self._graphic(graphic)
                continue
            line = self._lines.line()
            if line == b"PRINT":
                return self._sheet()
            if line == b"END":
                if self._canvas is not None:
                    self._lines.wrong("END throws a label away")
                return None
            self._command(line)

    def _sheet(self) -> Sheet:
        if self._canvas is None:
            self._lines.wrong("PRINT without a PAGE-WIDTH: nobody knows how wide the label is")
        return Sheet(self._canvas.picture(), self._copies, self._settings, self._texts)

    def _command(self, line: bytes) -> None:
        try:
            name, blank, rest = line.decode(self._encoding).partition(" ")
        except UnicodeDecodeError:
            self._lines.wrong(f"text that is no {self._encoding}")
        if blank and not rest:
            self._lines.wrong(f"nothing behind the blank of {name}")
        if name in _NUMBERS:
            bounds, least = _NUMBERS[name]
            self._numbers(name, rest.split(" ") if rest else [], bounds, least)
            self._settings[name] = rest
            return
        handler = _HANDLERS.get(name)
        if handler is None:
            self._lines.wrong(f"no command of the manual: {line[:40]!r}")
        handler(self, name, rest)

    def _numbers(self, name: str, texts: list[str], bounds: list[tuple[int, int]], least: int) -> list[int]:
        if not least <= len(texts) <= len(bounds):
            self._lines.wrong(f"{name} with {len(texts)} parameters, the manual wants {least} to {len(bounds)}")
        return [self._lines.whole(text, low, high, name) for text, (low, high) in zip(texts, bounds, strict=False)]

    def _places(self, name: str, texts: list[str], count: int) -> list[int]:
        return self._numbers(name, texts, [(0, _MOST_DOTS)] * count, count)

    # Settings

    def page_width(self, name: str, rest: str) -> None:
        if self._canvas is not None:
            self._lines.wrong("a second PAGE-WIDTH")
        (width,) = self._numbers(name, rest.split(" "), [(1, _MOST_DOTS)], 1)
        self._canvas = Canvas(width, self._height)
        self._settings["PAGE-WIDTH"] = rest

    def country(self, name: str, rest: str) -> None:
        if rest not in _COUNTRIES:
            self._lines.wrong(f"{name}: {rest!r}")
        self._encoding = {"CHINA": "gb18030", "BIG5": "big5", "KOREA": "euc-kr", "JAPAN-S": "shift-jis"}.get(
            rest, "latin-1"
        )
        self._settings[name] = rest

    def encoding(self, name: str, rest: str) -> None:
        if rest not in _ENCODINGS:
            self._lines.wrong(f"{name}: {rest!r}")
        self._encoding = _ENCODINGS[rest]
        self._settings[name] = rest

    def justify(self, name: str, rest: str) -> None:
        self._numbers(name, rest.split(" ") if rest else [], [(0, _MOST_DOTS)], 0)
        self._settings["justification"] = name

    # Drawing

    def _area(self, left: int, top: int, right: int, bottom: int) -> tuple[Canvas, int, int, int, int]:
        """The memory, and a rectangle in it, moved by the offset of the session."""
        if self._canvas is None:
            self._lines.wrong("no PAGE-WIDTH before")
        left, right = left + self._offset, right + self._offset
        if not self._canvas.holds(left, top, right, bottom):
            self._lines.wrong(f"{left},{top} to {right},{bottom} leaves the label")
        return self._canvas, left, top, right, bottom

    def _graphic(self, found: re.Match[bytes]) -> None:
        """1 is black. A label's width may be no whole bytes: then the last dots of a row have to be white."""
        name, *texts = (group.decode() for group in found.groups())
        stride, height, x, y = self._places(name, texts, 4)
        if self._settings.get("justification", "LEFT") != "LEFT":
            self._lines.wrong("the manual does not say where a graphic stands that is not at the left")
        if self._canvas is None:
            self._lines.wrong("no PAGE-WIDTH before")
        width = min(8 * stride, self._canvas.width - self._offset - x)
        if not stride or not height or 8 * stride - width > 7:
            self._lines.wrong("a graphic without dots, or wider than the label")
        canvas, left, top, _, _ = self._area(x, y, x + width, y + height)
        data = self._lines.binary(stride * height) if name.startswith("C") else self._hexadecimal(stride * height)
        for line, dots in enumerate(rows(data, stride)):
            if 0 in dots[width:]:
                self._lines.wrong(f"row {line} of the graphic has black dots beyond the label")
            canvas.add(left, top + line, dots[:width])

    def _hexadecimal(self, length: int) -> bytes:
        """The manual's example breaks the digits into several lines."""
        digits = b""
        while len(digits) < 2 * length:
            line = self._lines.line()
            if not re.fullmatch(rb"(?:[0-9A-F]{2})+", line):
                self._lines.wrong(f"no hexadecimal digits: {line[:40]!r}")
            digits += line
        if len(digits) > 2 * length:
            self._lines.wrong(f"{len(digits) // 2} bytes of graphics, {length} announced")
        return bytes.fromhex(digits.decode())

    def line(self, name: str, rest: str) -> None:
        """LINE and INVERSE-LINE, upright or level; both ends belong to it, the width goes down or to the right."""
        x, y, end_x, end_y, width = self._places(name, rest.split(" "), 5)
        if x != end_x and y != end_y:
            self._lines.wrong("this judge draws no slanting lines")
        level = y == end_y
        x, end_x, y, end_y = min(x, end_x), max(x, end_x), min(y, end_y), max(y, end_y)
        right, bottom = (end_x + 1, y + width) if level else (x + width, end_y + 1)
        canvas, *area = self._area(x, y, right, bottom)
        paint = canvas.invert if name in ("IL", "INVERSE-LINE") else canvas.fill
        paint(area[0], area[1], area[2], area[3])

    def box(self, name: str, rest: str) -> None:
        """The corners belong to the box."""
        x, y, right, bottom, thickness = self._places(name, rest.split(" "), 5)
        canvas, *area = self._area(x, y, right + 1, bottom + 1)
        canvas.frame(area[0], area[1], area[2], area[3], thickness)

    def text(self, name: str, rest: str) -> None:
        font, size, *places = rest.split(" ", 4)
        if len(places) != 3 or not places[2]:
            self._lines.wrong(f"{name} {rest[:40]}: font, size, x, y and a text are wanted")
        self._numbers(name, [font, size], [(0, 255), (0, 99)], 2)
        x, y = self._places(name, places[:2], 2)
        self._area(x, y, x, y)
        self._texts.append(places[2])

    def barcode(self, name: str, rest: str) -> None:
        if rest.startswith("QR "):
            self._qr_code(name, rest)
            return
        kind, *places = rest.split(" ", 6)
        if kind not in _SYMBOLOGIES or len(places) != 6 or not places[5]:
            self._lines.wrong(f"{name} {rest[:40]}: type, width, ratio, height, x, y and data are wanted")
        self._numbers(name, places[:2], [(1, 99), (0, _MOST_OF_RATIO)], 2)
        height, x, y = self._places(name, places[2:5], 3)
        self._area(x, y, x, y + height)
        self._texts.append(places[5])

    def _qr_code(self, name: str, rest: str) -> None:
        """BARCODE QR x y [M n] [U n], lines of data, ENDQR."""
        found = re.fullmatch(r"QR (\d+) (\d+)(?: M ([12]))?(?: U (\d+))?", rest)
        if found is None:
            self._lines.wrong(f"{name} {rest[:40]}")
        x, y = self._places(name, [found[1], found[2]], 2)
        self._lines.whole(found[4] or "6", 1, 32, "unit of the QR code")
        self._area(x, y, x, y)
        data = []
        while (line := self._lines.line()) != b"ENDQR":
            data.append(line.decode(self._encoding, "replace"))
        self._texts.append("".join(data))


_HANDLERS: dict[str, Callable[[_Session, str, str], None]] = {
    "PAGE-WIDTH": _Session.page_width,
    "PW": _Session.page_width,
    "COUNTRY": _Session.country,
    "ENCODING": _Session.encoding,
    "LEFT": _Session.justify,
    "CENTER": _Session.justify,
    "RIGHT": _Session.justify,
    "LINE": _Session.line,
    "L": _Session.line,
    "INVERSE-LINE": _Session.line,
    "IL": _Session.line,
    "BOX": _Session.box,
    "TEXT": _Session.text,
    "T": _Session.text,
    "BARCODE": _Session.barcode,
    "B": _Session.barcode,
}
