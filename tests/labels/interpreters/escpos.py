"""A printer that speaks ESC/POS, after Epson's reference and what Chinese label printers add, and takes nothing else.

Raster bands append below one another, and a feed between two bands leaves white paper. A sheet ends with FF, GS FF, a
cut, or the data. Text is accepted in Chinese mode only (FS & to FS .), kept and not drawn: anywhere else a printable
byte is a byte too many of some other command.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn

from tests.labels.interpreters.sheet import Sheet, WrongCommand, rows
from tests.labels.judges import Picture

_FULL_HEAD_DOTS = 832  # 104 mm, the widest common head
_DEFAULT_LINE_DOTS = 30  # 3.75 mm, ESC 2
_MOST_ROWS = 2303  # Epson TM-T88III: yH is 0 to 8
_RASTER_MODES = {0: (1, 1), 1: (2, 1), 2: (1, 2), 3: (2, 2), 48: (1, 1), 49: (2, 1), 50: (1, 2), 51: (2, 2)}
_PLAIN_CUTS, _FEEDING_CUTS = (0, 1, 48, 49), (65, 66, 97, 98, 103, 104)
_PLACES = {0: "left", 1: "centre", 2: "right", 48: "left", 49: "centre", 50: "right"}


def interpret(data: bytes, head_dots: int = _FULL_HEAD_DOTS) -> list[Sheet]:
    """The sheets that come out of a printer with so many dots across; who wants copies sends the data again."""
    return _Printer(data, head_dots).run()


class _Printer:
    def __init__(self, data: bytes, head_dots: int) -> None:
        self._data = data
        self._at = 0
        self._start = 0  # where the command that is being read begins
        self._head_dots = head_dots
        self._sheets: list[Sheet] = []
        self._texts: list[str] = []
        self._bands: list[tuple[int, bytes]] = []  # left edge and grey pixels of each printed row
        self._feed = 0  # white rows that show only when something is printed below them
        self._initialise()

    def _initialise(self) -> None:
        """ESC @: settings go back to what they are at power-on; the paper stays where it is."""
        self._settings: dict[str, str] = {}
        self._margin = 0
        self._area: int | None = None
        self._line_dots = _DEFAULT_LINE_DOTS
        self._place = "left"
        self._is_chinese = False

    def run(self) -> list[Sheet]:
        while self._at < len(self._data):
            self._start = self._at
            first = self._data[self._at]
            if self._is_chinese and (first >= 0x20 or first == 0x0A):
                self._text()
                continue
            for length in (3, 2, 1):
                handler = _HANDLERS.get(self._data[self._at : self._at + length])
                if handler:
                    self._at += length
                    handler(self)
                    break
            else:
                self._wrong(f"no command: {self._data[self._at : self._at + 8]!r}")
        if self._bands or self._texts:
            self._end_sheet("end of data")
        return self._sheets

    def _wrong(self, reason: str) -> NoReturn:
        raise WrongCommand(self._start, reason)

    def _take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            self._wrong(f"{count} bytes wanted, {len(found)} left")
        self._at += count
        return found

    def _byte(self, what: str, allowed: Iterable[int] = range(256)) -> int:
        (value,) = self._take(1)
        if value not in allowed:
            self._wrong(f"{what}: {value}")
        return value

    def _word(self) -> int:
        low, high = self._take(2)
        return low + 256 * high

    # Settings

    def initialise(self) -> None:
        self._initialise()

    def line_spacing(self) -> None:
        self._line_dots = self._byte("ESC 3")
        self._settings["ESC 3"] = str(self._line_dots)

    def default_line_spacing(self) -> None:
        self._line_dots = _DEFAULT_LINE_DOTS
        self._settings.pop("ESC 3", None)

    def justify(self) -> None:
        self._place = _PLACES[self._byte("ESC a", _PLACES)]
        self._settings["ESC a"] = self._place

    def left_margin(self) -> None:
        self._margin = self._word()
        self._settings["GS L"] = str(self._margin)

    def area_width(self) -> None:
        self._area = self._word()
        if not 0 < self._area <= self._head_dots:
            self._wrong(f"GS W: {self._area} dots")
        self._settings["GS W"] = str(self._area)

    def density_of_dc2(self) -> None:
        """DC2 # n of small Chinese heads: lower five bits 50 % + 5 % each, upper three the break of 250 µs each."""
        self._settings["DC2 #"] = str(self._byte("DC2 #"))

    def control_method(self) -> None:
        """GS ( K: 48 mode, 49 density (250 to 255 are -6 to -1), 50 speed, 97 parts of the head."""
        if self._word() != 2:
            self._wrong("GS ( K has two bytes of parameters")
        function = self._byte("function of GS ( K", (48, 49, 50, 97))
        allowed = {
            48: [0, 1, 2, 3, 4, 48, 49, 50, 51, 52],
            49: [*range(9), *range(250, 256)],
            50: [*range(14), *range(48, 58)],
            97: [*range(5), *range(48, 53), 128],
        }
        self._settings[f"GS ( K {function}"] = str(self._byte("GS ( K", allowed[function]))

    def user_setup(self) -> None:
        """GS ( E: 1 opens user setup, 2 closes it, 5 sets values, of which number 5 is the density."""
        length = self._word()
        if length < 1:
            self._wrong("GS ( E without a function")
        function, *values = self._take(length)
        if function in (1, 2):
            if bytes(values) != {1: b"IN", 2: b"OUT"}[function]:
                self._wrong(f"GS ( E {function}: {bytes(values)!r}")
        elif function == 5 and values and len(values) % 3 == 0:
            for number, low, high in zip(values[::3], values[1::3], values[2::3], strict=True):
                self._settings[f"GS ( E {number}"] = str(self._customised(number, low + 256 * high))
        else:
            self._wrong(f"GS ( E {function} with {len(values)} bytes")

    def _customised(self, number: int, value: int) -> int:
        signed = value - 65_536 if value > 32_767 else value
        if number != 5 or not -6 <= signed <= 8:  # other numbers set paper width, speed and the power supply
            self._wrong(f"GS ( E 5 sets {number} to {signed}")
        return signed

    def test_print(self) -> None:
        """GS ( A prints a page of its own, which no label wants; it is kept as a setting to be noticed."""
        if self._word() != 2:
            self._wrong("GS ( A has two bytes of parameters")
        paper = self._byte("paper of GS ( A", (0, 1, 2, 48, 49, 50))
        self._settings["GS ( A"] = f"{paper} {self._byte('pattern of GS ( A', (1, 2, 3, 49, 50, 51, 64))}"

    # Text

    def chinese_on(self) -> None:
        self._is_chinese = True

    def chinese_off(self) -> None:
        self._is_chinese = False

    def _text(self) -> None:
        """A line of text up to its LF; GB 18030, which is ASCII where it is not Chinese."""
        end = self._at
        while end < len(self._data) and self._data[end] >= 0x20:
            end += 1
        if self._data[end : end + 1] != b"\n":
            self._wrong("text that no LF prints")
        line, self._at = self._data[self._at : end], end + 1
        try:
            self._texts += [line.decode("gb18030")] if line else []
        except UnicodeDecodeError:
            self._wrong("text that is no GB 18030")
        self._feed += self._line_dots

    # Paper

    def line_feed(self) -> None:
        self._feed += self._line_dots

    def feed_dots(self) -> None:
        self._feed += self._byte("ESC J")

    def feed_lines(self) -> None:
        self._feed += self._byte("ESC d") * self._line_dots

    def form_feed(self) -> None:
        self._end_sheet("FF")

    def feed_to_mark(self) -> None:
        self._end_sheet("GS FF")

    def cut(self) -> None:
        """A cut right behind a sheet belongs to it."""
        how = self._byte("GS V", (*_PLAIN_CUTS, *_FEEDING_CUTS))
        value = f"{how} {self._byte('feed of GS V')}" if how in _FEEDING_CUTS else str(how)
        if self._bands or self._texts or not self._sheets:
            self._end_sheet("GS V")
        self._sheets[-1].settings["GS V"] = value

    # Pictures

    def raster(self) -> None:
        """GS v 0; 1 is black. What would stand outside the printing area is an error, where Epson cuts it off."""
        across, down = _RASTER_MODES[self._byte("mode of GS v 0", _RASTER_MODES)]
        stride, height = self._word(), self._word()
        if not stride or not 0 < height <= _MOST_ROWS:
            self._wrong(f"GS v 0 of {stride} bytes by {height} rows")
        width = 8 * stride * across
        area = self._area if self._area is not None else self._head_dots - self._margin
        if width > area or self._margin + area > self._head_dots:
            self._wrong(f"GS v 0 of {width} dots in an area of {area} at {self._margin}")
        left = self._margin + {"left": 0, "centre": (area - width) // 2, "right": area - width}[self._place]
        self._bands += [(0, b"")] * self._feed
        self._feed = 0
        for line in rows(self._take(stride * height), stride):
            wide = line if across == 1 else bytes(dot for dot in line for _ in range(across))
            self._bands += [(left, wide)] * down

    def _end_sheet(self, how: str) -> None:
        """A declared area is the picture's width; without one it is as wide as its widest row."""
        width = max((left + len(dots) for left, dots in self._bands), default=0)
        if self._area is not None and self._bands:
            width = max(width, self._margin + self._area)
        lines = ((b"\xff" * left + dots).ljust(width, b"\xff") for left, dots in self._bands)
        picture = Picture(width, len(self._bands), b"".join(lines))
        self._sheets.append(Sheet(picture, 1, self._settings | {"end": how}, self._texts))
        self._bands, self._texts, self._feed = [], [], 0


_HANDLERS: dict[bytes, Callable[[_Printer], None]] = {
    b"\x1b@": _Printer.initialise,
    b"\x1b3": _Printer.line_spacing,
    b"\x1b2": _Printer.default_line_spacing,
    b"\x1ba": _Printer.justify,
    b"\x1bJ": _Printer.feed_dots,
    b"\x1bd": _Printer.feed_lines,
    b"\n": _Printer.line_feed,
    b"\x0c": _Printer.form_feed,
    b"\x1d\x0c": _Printer.feed_to_mark,
    b"\x1dV": _Printer.cut,
    b"\x1dL": _Printer.left_margin,
    b"\x1dW": _Printer.area_width,
    b"\x1d(A": _Printer.test_print,
    b"\x1d(K": _Printer.control_method,
    b"\x1d(E": _Printer.user_setup,
    b"\x12#": _Printer.density_of_dc2,
    b"\x1c&": _Printer.chinese_on,
    b"\x1c.": _Printer.chinese_off,
    b"\x1dv0": _Printer.raster,
}
