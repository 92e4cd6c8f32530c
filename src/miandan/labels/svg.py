"""Labels in, SVG pictures out: vectors for a page on a screen, complete in themselves, bars on the printer's dots.

Text is text, set in the characters of our faces that the sheet needs, which the picture brings along; each line says
how long it is, so that it keeps to its place whatever draws it. One unit is a dot of the printer.
"""

import base64
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from miandan.labels import cleaning, fonts, symbols
from miandan.labels.choosing import Choice, Compiler
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, ImageSlot, Slot, TextSlot
from miandan.labels.model import LabelData, LabelWarning, Purpose, WarningKind
from miandan.labels.pictures import Bits
from miandan.labels.setting import Note, Setter
from miandan.labels.symbols import Encoder, Symbol, dots
from miandan.labels.template import Box

_MILLIMETRE = 1_000  # micrometres
_TURNS = {0: "translate({x} {y})", 90: "translate({r} {y}) rotate(90)", 180: "translate({r} {b}) rotate(180)"}
_TURNS[270] = "translate({x} {b}) rotate(270)"


def render_svg(
    labels: Iterable[LabelData], choice: Choice = None, *, dpi: int = 203, purpose: Purpose = Purpose.LABEL
) -> Iterator[tuple[bytes, tuple[LabelWarning, ...]]]:
    """Each sheet as an SVG file with what to look at. Raises Refusal for a wrong template."""
    compiler = Compiler(choice, purpose)
    page = 0
    for label in labels:
        compiled = compiler.of(label)
        for sheet in compiled.sheets(label):
            drawing = _Drawing(compiled, dpi, page)
            yield drawing.drawn(sheet), tuple(drawing.warnings)
            page += 1


class _Fonts:
    """The faces of one picture: our two and the installed ones that were needed, with the characters of each."""

    def __init__(self) -> None:
        self._faces: list[tuple[str, fonts.Face]] = []
        self._used: list[set[int]] = []

    def family(self, own: str, face: fonts.Face, character: str) -> str:
        """What the face is called in the picture; the character will be in it."""
        key = (own, face)
        if key not in self._faces:
            self._faces.append(key)
            self._used.append(set())
        place = self._faces.index(key)
        self._used[place].add(ord(character))
        return f"m{place}"

    def css(self) -> str:
        """The faces, cut to the characters that were used."""
        rules = []
        for place, ((_, face), used) in enumerate(zip(self._faces, self._used, strict=True)):
            data = base64.b64encode(face.web_subset(used)).decode()
            rules.append(
                f"@font-face{{font-family:m{place};src:url(data:font/ttf;base64,{data})}}.m{place}{{font-family:m{place}}}"
            )
        return "".join(rules)


class _Drawing:
    """One sheet."""

    def __init__(self, compiled: CompiledTemplate, dpi: int, page: int) -> None:
        self._compiled = compiled
        self._dpi = dpi
        self._page = page
        self._fonts = _Fonts()
        self._encoder = Encoder()
        self._number = ""
        self.warnings: list[LabelWarning] = []

    def drawn(self, label: LabelData) -> bytes:
        self._number = label.number
        layer = self._compiled.layer(label)
        slots = [slot for slot in (*layer.static, *layer.slots) if slot.shown is None or slot.shown(label)]
        shapes = "".join([self._shape(slot, label) for slot in slots if not isinstance(slot, TextSlot)])
        texts = "".join([self._text(slot, label) for slot in slots if isinstance(slot, TextSlot)])
        width, height = self._compiled.width, self._compiled.height
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width / _MILLIMETRE:g}mm" '
            f'height="{height / _MILLIMETRE:g}mm" viewBox="0 0 {self._dots(width)} {self._dots(height)}">'
            f"<style>text{{white-space:pre}}{self._fonts.css()}</style>"
            f'<rect width="100%" height="100%" fill="#fff"/><g shape-rendering="crispEdges">{shapes}</g>{texts}</svg>\n'
        ).encode()

    def _note(self, kind: WarningKind, detail: str) -> None:
        self.warnings.append(LabelWarning(self._page, self._number, kind, detail))

    def _dots(self, micrometres: float) -> str:
        return f"{dots(micrometres, self._dpi):.3f}".rstrip("0").rstrip(".")

    def _shape(self, slot: Slot, label: LabelData) -> str:
        match slot:
            case FillSlot():
                return f'<path d="{"".join(map(self._rectangle, slot.boxes))}"/>'
            case ImageSlot():
                return self._image(slot)
            case BarcodeSlot():
                return self._barcode(slot, label, self._note)
            case _:
                return ""

    def _rectangle(self, box: Box) -> str:
        return f"M{self._dots(box.x)} {self._dots(box.y)}h{self._dots(box.w)}v{self._dots(box.h)}h-{self._dots(box.w)}z"

    def _image(self, slot: ImageSlot) -> str:
        box, picture = slot.box, slot.picture
        scale = min(box.w / picture.width, box.h / picture.height)
        x, y = box.x + (box.w - picture.width * scale) / 2, box.y + (box.h - picture.height * scale) / 2
        return (
            f'<path transform="translate({self._dots(x)} {self._dots(y)}) scale({self._dots(scale)})" '
            f'd="{_runs(picture)}"/>'
        )

    def _barcode(self, slot: BarcodeSlot, label: LabelData, note: Note) -> str:
        text = slot.read(label)
        if not text:
            return ""
        try:
            symbol = self._encoder.encode(slot.symbology, text)
        except ValueError:
            symbol = Symbol(0, 0, 1)
        place = symbols.place(slot, symbol.columns, symbol.rows, self._dpi) if symbol.columns else None
        if place is None:
            note(WarningKind.BARCODE_OMITTED, slot.name)
            return ""
        turn = _TURNS[slot.rotate].format(x=place.x, y=place.y, r=place.x + place.w, b=place.y + place.h)
        across = place.w if slot.rotate in (90, 270) else place.h
        down = place.module if symbol.rows > 1 else across
        modules = Bits(symbol.columns, symbol.rows, symbol.bits.to_bytes(symbol.stride * symbol.rows))
        return f'<path transform="{turn} scale({place.module} {down})" d="{_runs(modules)}"/>'

    def _text(self, slot: TextSlot, label: LabelData) -> str:
        setter = Setter(slot)
        done = setter.set(label, self._note)
        if done is None:
            return ""
        step, lines, _, _ = done
        size = slot.ladder.steps[step].size
        drawn = []
        for line, base in zip(lines, slot.baselines(slot.ladder.steps[step], len(lines)), strict=True):
            width = setter.width_of(line) * size / fonts.UNITS
            spare = slot.frame[0] - width
            along = {"left": 0.0, "centre": spare / 2, "right": spare}[slot.align]
            x, y = map(self._dots, slot.on_page(along, base))
            turn = f' transform="rotate({slot.rotate} {x} {y})"' if slot.rotate else ""
            white = ' fill="#fff"' if slot.white else ""
            drawn.append(
                f'<text x="{x}" y="{y}" font-size="{self._dots(size)}" textLength="{self._dots(width)}" '
                f'lengthAdjust="spacingAndGlyphs"{turn}{white}>{self._spans(line, slot)}</text>'
            )
        return "".join(drawn)

    def _spans(self, line: str, slot: TextSlot) -> str:
        """The line in pieces of one face each."""
        own = fonts.BOLD if slot.bold else fonts.REGULAR
        spans: list[tuple[str, str]] = []
        for character in line:
            family, shown = self._character(character, own)
            if spans and spans[-1][0] == family:
                spans[-1] = family, spans[-1][1] + shown
            else:
                spans.append((family, shown))
        return "".join([f'<tspan class="{family}">{escape(text)}</tspan>' for family, text in spans])

    def _character(self, character: str, own: str) -> tuple[str, str]:
        """The face that draws a character, and what is drawn: a box for what nobody has."""
        if character in fonts.plain():
            return self._fonts.family(own, fonts.face(own), character), character
        found = cleaning.drawer(character, own)
        if found is None:
            return self._fonts.family(own, fonts.face(own), cleaning.BOX), cleaning.BOX
        return self._fonts.family(own, found[0], character), character


def _runs(bits: Bits) -> str:
    """The black of a picture as a path, a rectangle for each run of dots."""
    path = []
    for y, row in enumerate(bits.rows()):
        line = f"{row:0{8 * bits.stride}b}"[: bits.width] + "0"
        start = line.find("1")
        while start >= 0:
            end = line.find("0", start)
            path.append(f"M{start} {y}h{end - start}v1h-{end - start}z")
            start = line.find("1", end)
    return "".join(path)
