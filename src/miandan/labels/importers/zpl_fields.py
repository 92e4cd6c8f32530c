"""One ZPL field after the other as nodes: text, barcode, box or picture at its origin.

`^FO` names the upper left corner of a field, `^FT` the left end of its base line. Where a field ends is not written
down in ZPL: text and barcodes whose content is not known go on to the edge of the label.
"""

import base64
import math
import re
from dataclasses import dataclass, field
from dataclasses import replace as altered

from msgspec.structs import replace

from miandan.labels.compiled import ASCENT, PITCH
from miandan.labels.importers.imported import Notes
from miandan.labels.importers.placing import Draft
from miandan.labels.importers.zpl_commands import Command
from miandan.labels.importers.zpl_graphics import NoPicture, picture
from miandan.labels.importers.zpl_symbols import QR_BELOW, QUIET, SYMBOLS, Code, code_of
from miandan.labels.pictures import Bits, write_png
from miandan.labels.symbols import MICROMETRES
from miandan.labels.template import Barcode, Box, Field, Image, Line, Literally, Rect, Text, Turn, Value

__all__ = ["SYMBOLS", "TURNS", "Drawing", "FieldFormat"]

TURNS: dict[str, Turn] = {"N": 0, "R": 90, "I": 180, "B": 270}
Origin = tuple[str, int, int, int]
"""^FO or ^FT, x, y, and which side of the field that is (1: the right one)."""

_OPEN = 1_000_000  # dots to the edge of any label
_BITMAPS = {"A": 9, "B": 11, "C": 18, "D": 18, "E": 28, "F": 26, "G": 60, "H": 21}
"""Heights in dots of the fonts that are pictures."""

_SCALABLE = 15  # dots of a scalable font without a height
_THICKEST_LINE = 5_000  # micrometres
_ALIGN = {"L": "left", "C": "centre", "R": "right", "J": "left"}


@dataclass(slots=True)
class FieldFormat:
    """What was said of a field so far, and what holds for those behind it."""

    default_font: tuple[str, int, int] = ("A", 0, 0)
    default_turn: Turn = 0
    module: int = 2  # dots
    bar_height: int = 10
    charset: int | None = None
    origin: Origin | None = None
    place: str = ""
    font: str = ""
    font_place: str = ""
    turn: Turn | None = None
    height: int = 0
    width: int = 0
    block: Command | None = None
    data: bytes | None = None
    data_place: str = ""
    number: int | None = None
    escape: bytes = b""
    reverse: bool = False
    symbol: Command | None = None
    shape: Command | None = None

    @property
    def says(self) -> bool:
        """Whether there is something to draw."""
        return self.data is not None or self.number is not None or self.shape is not None or self.symbol is not None

    def next(self) -> "FieldFormat":
        """For the field behind this one."""
        return FieldFormat(self.default_font, self.default_turn, self.module, self.bar_height, self.charset)


@dataclass(slots=True)
class _Span:
    """A box in dots; `x1` or `y1` may be open."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass
class Drawing:
    """Collects the nodes of a label of so many dots an inch."""

    dpi: int
    notes: Notes
    drafts: list[Draft] = field(default_factory=list)

    def micrometres(self, dots: float) -> int:
        """A length, a hair longer rather than shorter."""
        return math.ceil(dots * MICROMETRES / self.dpi)

    def field(self, what: FieldFormat, origin: Origin) -> None:
        """Draws one field."""
        if what.shape is not None:
            self._shape(what, what.shape, origin)
        elif what.data is None and what.number is None:
            self.notes.add(what.place, what.symbol.name if what.symbol else "^FS", "no_content")
        elif what.symbol is not None:
            self._symbol(what, what.symbol, origin)
        else:
            self._text(what, origin)

    def is_open(self, draft: Draft) -> tuple[bool, bool]:
        """Whether a node goes on to the right or the lower edge."""
        half = self.micrometres(_OPEN) // 2
        return draft.node.box.w > half, draft.node.box.h > half

    def limited(self, draft: Draft, width: int, height: int) -> Draft:
        """What goes on to the edge of the label, as far as that."""
        box, (open_x, open_y) = draft.node.box, self.is_open(draft)
        w = width - box.x if open_x else box.w
        h = height - box.y if open_y else box.h
        return altered(draft, node=replace(draft.node, box=Box(box.x, box.y, w, h)))

    def _box(self, span: _Span) -> Box:
        """The box of whole dots; a hair larger, so that all of its dots lie within it."""
        per_dot = MICROMETRES / self.dpi
        x, y = math.floor(span.x0 * per_dot), math.floor(span.y0 * per_dot)
        return Box(x, y, math.ceil(span.x1 * per_dot) - x, math.ceil(span.y1 * per_dot) - y)

    # --- text ---------------------------------------------------------------------------------------------------------

    def _text(self, what: FieldFormat, origin: Origin) -> None:
        value = self._value(what)
        if not value:
            self.notes.add(what.data_place or what.place, "^FD", "no_content")
            return
        size = self._font(what)
        turn = what.default_turn if what.turn is None else what.turn
        block, lines, align = self._block(what)
        high = size * (1 + PITCH * (lines - 1))
        span, own = _spanned(origin, turn, block, high, size)
        node = Text(
            self._box(span),
            value,
            self.micrometres(size),
            lines=lines,
            align=_ALIGN[align or own],  # type: ignore[arg-type]  # one of three
            valign="top",
            rotate=turn,
        )
        self.drafts.append(Draft(self._reversed(node) if what.reverse else node, what.place, "^FD"))

    def _font(self, what: FieldFormat) -> int:
        """Dots of the character's height."""
        font = what.font or what.default_font[0]
        height = what.height or what.default_font[1] or _BITMAPS.get(font, _SCALABLE)
        width = what.width or (0 if what.font else what.default_font[2])
        place = what.font_place or what.place
        self.notes.first(f"^A{font}", place, "printer_font", font=font)
        if width and width != height and font not in _BITMAPS:
            self.notes.first("^A w", place, "character_width")
        return max(1, min(height, 2_000))

    def _block(self, what: FieldFormat) -> tuple[int, int, str]:
        """Width in dots (0: none), lines and alignment of ^FB."""
        if what.block is None or what.block.number(0, 0) <= 0:
            return 0, 1, ""
        align = what.block.word(3, "L").upper()
        if align == "J":
            self.notes.add(str(what.block.place), "^FB", "justified")
        if what.block.number(2, 0) or what.block.number(4, 0):
            self.notes.add(str(what.block.place), "^FB", "block_spacing")
        return what.block.number(0, 0), max(1, min(200, what.block.number(1, 1))), align if align in _ALIGN else "L"

    def _reversed(self, text: Text) -> Text:
        """White on black where a black box lies under the text; on white, reversing draws nothing else."""
        box = text.box
        x, y = box.x + 1, box.y + min(box.h, text.size) // 2
        for draft in reversed(self.drafts):
            under = draft.node
            if not isinstance(under, Rect | Line) or (isinstance(under, Rect) and under.stroke):
                continue
            black = under.box
            if black.x <= x < black.x + black.w and black.y <= y < black.y + black.h:
                left, top = max(box.x, black.x), max(box.y, black.y)
                right, bottom = min(box.x + box.w, black.x + black.w), min(box.y + box.h, black.y + black.h)
                return replace(text, box=Box(left, top, right - left, bottom - top), inverse=True)
        return text

    def _value(self, what: FieldFormat) -> Value:
        """The field's text, or the number under which it is filled in, with the text as what it is otherwise."""
        text = self._words(what)
        if what.block is not None and r"\&" in text:
            self.notes.add(what.data_place, "^FD", "line_break")
            text = text.replace(r"\&", " ")
        if what.number is not None:
            return (Field(f"custom.fn{what.number}", default=text),)
        return (Literally(text),) if text.strip() else ()

    def _words(self, what: FieldFormat) -> str:
        """The letters of ^FD; what is valid UTF-8 is taken for that whatever ^CI says."""
        data = what.data or b""
        if what.escape:
            pattern = re.escape(what.escape) + rb"([0-9A-Fa-f]{2})"
            data = re.sub(pattern, lambda match: bytes([int(match[1], 16)]), data)
        named = _encoding(what.charset)
        for encoding in (named,) if named.startswith("utf-16") else ("utf-8", named):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if encoding == "gb18030":
                self.notes.add(what.data_place, "^FD", "charset", charset="GB 18030")
            return text
        self.notes.add(what.data_place, "^FD", "charset", charset="Latin-1")
        return data.decode("latin-1")

    # --- barcodes -----------------------------------------------------------------------------------------------------

    def _symbol(self, what: FieldFormat, command: Command, origin: Origin) -> None:
        turn = TURNS.get(command.word(0)[:1].upper(), what.default_turn)
        code = code_of(command, self._words(what), what.module, what.bar_height, self.notes)
        value: Value = (Literally(code.text),)
        if what.number is not None:
            value = (Field(f"custom.fn{what.number}", default=code.text),)
        elif not code.text:
            self.notes.add(what.data_place or what.place, command.name, "no_content")
            return
        if not code.columns:
            self.notes.add(what.place, command.name, "centred")
        if code.symbology == "code39":
            self.notes.add(what.place, command.name, "wide_bars")
        bars = _bars(origin, turn, code)
        module = self.micrometres(code.module)
        room = _with_quiet(bars, turn, code)
        node = Barcode(self._box(room), code.symbology, value, module, turn)
        self.drafts.append(Draft(node, what.place, command.name))
        if code.with_text and turn in (90, 180, 270):
            self.notes.add(what.place, command.name, "hri_turned")
        elif code.with_text:
            self._below(what, code, room, value)

    def _below(self, what: FieldFormat, code: Code, room: _Span, value: Value) -> None:
        """What the bars say, in a small font below or above them."""
        high = 9 * code.module
        top = room.y0 - high - code.module if code.text_above else room.y1 + code.module
        span = _Span(room.x0, top, room.x1, top + high)
        node = Text(self._box(span), value, self.micrometres(high), align="centre")
        self.drafts.append(Draft(node, what.place, "^BC"))

    # --- boxes and pictures -------------------------------------------------------------------------------------------

    def _shape(self, what: FieldFormat, command: Command, origin: Origin) -> None:
        if what.reverse:
            self.notes.add(what.place, command.name, "reversed_box")
        if command.name == "^GF":
            self._picture(what, command, origin)
        else:
            self._frame(what, command, origin)

    def _frame(self, what: FieldFormat, command: Command, origin: Origin) -> None:
        """^GB: width, height, thickness, colour, rounding."""
        thick = max(1, command.number(2, 1))
        width, height = max(thick, command.number(0, thick)), max(thick, command.number(1, thick))
        if command.word(3, "B").upper() == "W":
            self.notes.add(str(command.place), "^GB", "white_box")
            return
        if command.number(4, 0):
            self.notes.add(str(command.place), "^GB", "round")
        kind, x, y, _ = origin
        top = y - height if kind == "^FT" else y
        box = self._box(_Span(x, top, x + width, top + height))
        solid = 2 * thick >= min(width, height)
        node: Rect | Line = Rect(box, 0 if solid else self.micrometres(thick))
        if solid and min(box.w, box.h) <= _THICKEST_LINE:
            node = Line(box)
        self.drafts.append(Draft(node, what.place or str(command.place), "^GB"))

    def _picture(self, what: FieldFormat, command: Command, origin: Origin) -> None:
        parts = command.data.split(b",", 4)
        try:
            kind = parts[0].decode("latin-1").strip().upper()[:1] or "A"
            total, row = (int(part) if part.strip().isdigit() and len(part) < 9 else 0 for part in parts[2:4])
            bits = _trimmed(picture(kind, total, row, parts[4]))
        except NoPicture as wrong:
            self.notes.add(str(command.place), "^GF", str(wrong), kind=command.word(0))
            return
        except (ValueError, IndexError):
            self.notes.add(str(command.place), "^GF", "graphic_faulty")
            return
        if not bits.width or not bits.height:
            self.notes.add(str(command.place), "^GF", "no_content")
            return
        kind, x, y, _ = origin
        top = y - bits.height if kind == "^FT" else y
        box = self._box(_Span(x, top, x + bits.width, top + bits.height))
        png = base64.b64encode(write_png(bits)).decode("ascii")
        self.drafts.append(Draft(Image(box, png), what.place or str(command.place), "^GF"))


def _encoding(charset: int | None) -> str:
    """What ^CI names; where it names nothing, or a code page of East Asia, what Chinese clones of printers take."""
    encodings = {28: "utf-8", 29: "utf-16-be", 30: "utf-16-le", 27: "cp1252"}
    if charset is None or (charset >= 14 and charset not in encodings):
        return "gb18030"
    return encodings.get(charset, "cp850")


def _spanned(origin: Origin, turn: Turn, block: int, high: float, size: int) -> tuple[_Span, str]:
    """Where a text stands, and the end at which it is held when no block aligns it."""
    kind, x, y, side = origin
    below = (1 - ASCENT) * size
    wide = block or _OPEN
    if kind == "^FO":
        if turn in (90, 270):
            return _Span(x, y, x + high, y + wide), "L" if turn == 90 else "R"
        if side == 1 and turn == 0:
            return _Span(max(0, x - wide), y, x, y + high), "R"
        return _Span(x, y, x + wide, y + high), "L" if turn == 0 else "R"
    if turn == 90:
        return _Span(x - below, y, x - below + high, y + wide), "L"
    if turn == 180:
        return _Span(max(0, x - wide), y - below, x, y - below + high), "L"
    if turn == 270:
        return _Span(x + below - high, max(0, y - wide), x + below, y), "L"
    if side == 1:
        return _Span(max(0, x - wide), y + below - high, x, y + below), "R"
    return _Span(x, y + below - high, x + wide, y + below), "L"


def _bars(origin: Origin, turn: Turn, code: Code) -> _Span:
    """Where the symbol itself stands."""
    kind, x, y, _ = origin
    long = float(code.columns * code.module) if code.columns else float(_OPEN)
    across = float(code.height)
    w, h = (across, long) if turn in (90, 270) else (long, across)
    if kind == "^FO":
        y += QR_BELOW if code.symbology == "qr" else 0
        return _Span(x, y, x + w, y + h)
    if turn == 0:
        return _Span(x, y - h, x + w, y)
    if turn == 90:
        return _Span(x, y, x + w, y + h)
    if turn == 180:
        return _Span(max(0.0, x - w), y, x, y + h)
    return _Span(x - w, max(0.0, y - h), x, y)


def _with_quiet(bars: _Span, turn: Turn, code: Code) -> _Span:
    """The symbol with the white that the engine keeps around it, so that it comes to stand where it is."""
    quiet = QUIET[code.symbology] * code.module
    along = quiet if code.is_square or turn in (0, 180) else 0
    down = quiet if code.is_square or turn in (90, 270) else 0
    found = _Span(bars.x0 - along, bars.y0 - down, bars.x1 + along, bars.y1 + down)
    if not code.columns:  # in the middle of what room there is
        found.x0, found.y0 = max(0.0, found.x0), max(0.0, found.y0)
    return found


def _trimmed(bits: Bits) -> Bits:
    """The picture without white at its right and lower edges."""
    rows = list(bits.rows())
    while rows and not rows[-1]:
        rows.pop()
    every = 0
    for row in rows:
        every |= row
    if not every:
        return Bits(0, 0, b"")
    spare = (every & -every).bit_length() - 1  # white dots at the end of each row
    width = 8 * bits.stride - spare
    stride = (width + 7) // 8
    cut = 8 * (bits.stride - stride)
    return Bits(width, len(rows), b"".join((row >> cut).to_bytes(stride) for row in rows))
