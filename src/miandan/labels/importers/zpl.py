"""Labels in ZPL II, as far as they are fields, boxes, barcodes and pictures in their places.

`^FN` fields become custom.fn<number>. Lengths are dots of the printer's resolution. Commands that set up the printer
belong to its profile and are listed, as is everything that is not understood. Source: the ZPL II programming guide.
"""

from collections.abc import Callable, Iterable

from miandan.kernel.errors import Refusal
from miandan.labels.importers.imported import Imported, Notes
from miandan.labels.importers.placing import Draft, settle
from miandan.labels.importers.reading import broken
from miandan.labels.importers.zpl_commands import Command, commands
from miandan.labels.importers.zpl_fields import SYMBOLS, TURNS, Drawing, FieldFormat
from miandan.labels.symbols import MICROMETRES
from miandan.labels.template import Template

_PRINTER = (
    {"^PR", "^PQ", "^MD", "^MM", "^MN", "^MT", "^MU", "^MC", "^MF", "^ML", "^MP", "^PM", "^PP", "^PF", "^JM", "^JU"}
    | {"^JZ", "^LT", "^TO", "^XB", "^SS", "^SZ", "^ST", "^KL", "^KN", "^KD", "^HH", "~SD", "~TA", "~JS", "~JA", "~JC"}
    | {"~JR", "~JD", "~JE", "~PS", "~PP", "~HS", "~HI", "~WC", "^RS", "^SL", "^ID"}
)
"""Speed, darkness, media, copies, status and the signs of the language itself."""

_DPI = (203, 300)
_WIDEST_203 = 864  # dots of the widest usual printer of 203 dpi, with a margin
_PAPERS_MM = ((60, 40), (76, 130), (100, 100), (100, 150), (100, 180), (100, 203))
_LARGEST_MM = (300, 500)


def import_zpl(data: bytes, name: str, dpi: int | None) -> Imported:
    """The first label of a file. `dpi` is 203 or 300; None guesses by the width.

    Raises Refusal labels.import_broken, labels.import_paper and labels.import_too_complex.
    """
    notes = Notes()
    found = list(commands(data))
    if not any(command.name == "^XA" for command in found):
        broken("0", "没有 ^XA", "there is no ^XA")
    if dpi is not None and dpi not in _DPI:
        broken("0", f"分辨率应为 203 或 300，不是 {dpi}", f"the resolution must be 203 or 300, not {dpi}")
    label = _Label(found, dpi, notes)
    drafts = label.drafts()
    width, height = label.paper(drafts)
    nodes = settle((label.limited(draft, width, height) for draft in drafts), width, height, notes)
    return Imported(Template(name, 1, width, height, nodes), notes.all())


class _Label:
    """The state of a printer while it reads, and what it has drawn."""

    def __init__(self, found: list[Command], dpi: int | None, notes: Notes) -> None:
        self._commands = found
        self._labels = _labels(found)
        self._notes = notes
        self._width = self._last("^PW")
        self._height = self._last("^LL")
        self.dpi = dpi or self._guessed_dpi()
        self._format = FieldFormat()
        self._drawing = Drawing(self.dpi, notes)
        self._home = 0, 0

    def _last(self, name: str) -> int | None:
        numbers = [command.number(0, 0) for command in self._commands if command.name == name]
        return numbers[-1] if numbers and numbers[-1] > 0 else None

    def _guessed_dpi(self) -> int:
        dpi = 300 if (self._width or 0) > _WIDEST_203 else 203
        place = next((str(command.place) for command in self._commands if command.name == "^PW"), "0")
        self._notes.add(place, "dpi", "dpi_guessed", dpi=dpi)
        return dpi

    def drafts(self) -> list[Draft]:
        """What the first label that draws something draws; settings before it hold for it too."""
        main = next((at for at, label in enumerate(self._labels) if _draws(label)), -1)
        for at, label in enumerate(self._labels):
            if at <= main or main < 0:
                self._read(label)
            else:
                self._passed_over(label)
        return self._drawing.drafts

    def _read(self, label: list[Command]) -> None:
        for command in label:
            read = _READERS.get(command.name)
            if read is not None:
                read(self, command)
            elif command.name in SYMBOLS:
                self._format.symbol = command
            elif command.name in _PRINTER:
                self._note(command, "printer_setting")
            else:
                self._note(command, "command")
        self._field(label[-1])

    def _passed_over(self, label: list[Command]) -> None:
        """A label behind the first: another one, or data for the stored format."""
        recalled = next((command for command in label if command.name == "^XF"), None)
        if recalled is not None:
            self._note(recalled, "recalled")
        elif _draws(label):
            self._note(label[0], "second_label")

    def _note(self, command: Command, reason: str, **fields: object) -> None:
        self._notes.add(str(command.place), command.name, reason, **fields)

    # --- paper --------------------------------------------------------------------------------------------------------

    def paper(self, drafts: Iterable[Draft]) -> tuple[int, int]:
        """Width and height in micrometres: as ^PW and ^LL say, else a usual paper that holds what is drawn."""
        sides = [side * MICROMETRES // self.dpi if side else None for side in (self._width, self._height)]
        if None in sides:
            reach = [max((self._reach(draft)[axis] for draft in drafts), default=0) for axis in (0, 1)]
            sides = [guess if side is None else side for side, guess in zip(sides, _paper(sides, reach), strict=True)]
            width, height = (f"{(side or 0) / 1000:g}" for side in sides)
            self._notes.add("0", "^PW ^LL", "paper_guessed", width=width, height=height)
        width_um, height_um = sides[0] or 0, sides[1] or 0
        if not (10_000 <= width_um <= 300_000 and 10_000 <= height_um <= 500_000):
            raise Refusal("labels.import_paper", width=f"{width_um / 1000:g}", height=f"{height_um / 1000:g}")
        return width_um, height_um

    def _reach(self, draft: Draft) -> tuple[int, int]:
        """How far right and down a node surely reaches; what goes on to the edge counts by its beginning."""
        box = draft.node.box
        open_x, open_y = self._drawing.is_open(draft)
        return box.x + (0 if open_x else box.w), box.y + (0 if open_y else box.h)

    def limited(self, draft: Draft, width: int, height: int) -> Draft:
        """What goes on to the edge of the label, as far as that."""
        return self._drawing.limited(draft, width, height)

    # --- commands -----------------------------------------------------------------------------------------------------

    def _field(self, command: Command) -> None:
        """^FS, or the end of the label: what was said of the field is drawn."""
        if self._format.says:
            origin = self._format.origin or ("^FO", *self._home, 0)
            self._format.place = self._format.place or str(command.place)
            self._drawing.field(self._format, origin)
        self._format = self._format.next()

    def _origin(self, command: Command) -> None:
        x, y = command.number(0, 0) + self._home[0], command.number(1, 0) + self._home[1]
        self._format.origin = command.name, x, y, command.number(2, 0)
        self._format.place = str(command.place)

    def _label_home(self, command: Command) -> None:
        self._home = command.number(0, 0), command.number(1, 0)

    def _shift(self, command: Command) -> None:
        """^LS moves everything to the left."""
        self._home = self._home[0] - command.number(0, 0), self._home[1]

    def _font(self, command: Command) -> None:
        word = command.word(0)
        turn = word[1:2].upper() if len(word) > 1 else command.word(1)[:1].upper() if not word else ""
        self._format.font = word[:1].upper() or self._format.default_font[0]
        if turn in TURNS:
            self._format.turn = TURNS[turn]
        self._format.height = command.number(1, self._format.default_font[1])
        self._format.width = command.number(2, 0)
        self._format.font_place = str(command.place)

    def _named_font(self, command: Command) -> None:
        """^A@o,h,w,d:f.x"""
        self._format.font = command.word(3, "@").rpartition(":")[2] or "@"
        if command.word(0)[:1].upper() in TURNS:
            self._format.turn = TURNS[command.word(0)[:1].upper()]
        self._format.height = command.number(1, self._format.default_font[1])
        self._format.width = command.number(2, 0)
        self._format.font_place = str(command.place)

    def _default_font(self, command: Command) -> None:
        font, height, _ = self._format.default_font
        height = command.number(1, height)
        self._format.default_font = command.word(0, font)[:1].upper(), height, command.number(2, 0)

    def _default_turn(self, command: Command) -> None:
        self._format.default_turn = TURNS.get(command.word(0)[:1].upper(), 0)

    def _bars(self, command: Command) -> None:
        """^BY: width of a module, ratio, height."""
        self._format.module = max(1, min(10, command.number(0, self._format.module)))
        self._format.bar_height = command.number(2, self._format.bar_height)

    def _block(self, command: Command) -> None:
        """^FB: width, lines, space between them, alignment, indent."""
        self._format.block = command

    def _data(self, command: Command) -> None:
        self._format.data = command.data
        self._format.data_place = str(command.place)

    def _serial(self, command: Command) -> None:
        """^SN: first value, step, leading zeros."""
        self._note(command, "serial")
        self._format.data = command.word(0).encode("latin-1")

    def _hex(self, command: Command) -> None:
        self._format.escape = command.data[:1] or b"_"

    def _number(self, command: Command) -> None:
        self._format.number = command.number(0, 0)

    def _reverse(self, command: Command) -> None:
        self._format.reverse = True

    def _charset(self, command: Command) -> None:
        self._format.charset = command.number(0, 0)

    def _shape(self, command: Command) -> None:
        self._format.shape = command

    def _stored(self, command: Command) -> None:
        self._note(command, "stored_graphic")

    def _recall(self, command: Command) -> None:
        """^XF: a stored format is filled that is not in this file."""
        self._note(command, "recalled")

    def _comment(self, command: Command) -> None:
        return

    def _inverted(self, command: Command) -> None:
        if command.word(0).upper().startswith("I"):
            self._note(command, "printer_setting")


_Read = Callable[[_Label, Command], None]

_READERS: dict[str, _Read] = {
    "^FS": _Label._field,
    "^FO": _Label._origin,
    "^FT": _Label._origin,
    "^LH": _Label._label_home,
    "^LS": _Label._shift,
    "^A": _Label._font,
    "^A@": _Label._named_font,
    "^CF": _Label._default_font,
    "^FW": _Label._default_turn,
    "^BY": _Label._bars,
    "^FB": _Label._block,
    "^FD": _Label._data,
    "^FV": _Label._data,
    "^SN": _Label._serial,
    "^FH": _Label._hex,
    "^FN": _Label._number,
    "^FR": _Label._reverse,
    "^CI": _Label._charset,
    "^GB": _Label._shape,
    "^GF": _Label._shape,
    "^XG": _Label._stored,
    "^IM": _Label._stored,
    "^IL": _Label._stored,
    "~DG": _Label._stored,
    "~DY": _Label._stored,
    "^XF": _Label._recall,
    "^FX": _Label._comment,
    "^XA": _Label._comment,
    "^XZ": _Label._comment,
    "^PW": _Label._comment,  # read before
    "^LL": _Label._comment,
    "^DF": _Label._comment,  # a format is a label with ^FN
    "^PO": _Label._inverted,
    "^CC": _Label._comment,  # already heeded
    "^CT": _Label._comment,
    "^CD": _Label._comment,
    "~CC": _Label._comment,
    "~CT": _Label._comment,
    "~CD": _Label._comment,
}


_DRAWING = frozenset({"^FO", "^FT", "^FD", "^FV", "^FN", "^GB", "^GF"})


def _labels(found: list[Command]) -> list[list[Command]]:
    """The commands by label; what stands between two labels belongs to the one before."""
    labels: list[list[Command]] = [[]]
    for command in found:
        if command.name == "^XA" and labels[-1]:
            labels.append([])
        labels[-1].append(command)
    return [label for label in labels if label]


def _draws(label: list[Command]) -> bool:
    names = {command.name for command in label}
    return bool(names & _DRAWING) and "^XF" not in names


def _paper(sides: list[int | None], reach: list[int]) -> tuple[int, int]:
    """The smallest usual paper for what is known of its sides and what has to find room on it."""
    for millimetres in _PAPERS_MM:
        paper = millimetres[0] * 1_000, millimetres[1] * 1_000
        fits = all(side is None or abs(side - one) < 2_000 for side, one in zip(sides, paper, strict=True))
        if fits and reach[0] <= paper[0] and reach[1] <= paper[1]:
            return paper
    most = [1_000 * one for one in _LARGEST_MM]
    guessed = [min(most[axis], max(10_000, -(-reach[axis] // 1_000) * 1_000)) for axis in (0, 1)]
    return guessed[0], guessed[1]
