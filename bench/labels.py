"""The labels that the label benchmarks draw, and what a baseline is given of them: finished drawing commands.

A baseline gets our compiled template and our line breaks and sizes, worked out outside its clock, so it pays for
drawing only; barcodes it gets as texts to encode.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from miandan.labels import symbols
from miandan.labels.checking import checked
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, Slot, TextSlot
from miandan.labels.model import LabelData
from miandan.labels.pdf.units import DPI, POINTS
from miandan.labels.setting import Setter
from miandan.labels.standards import NEUTRAL, standard_for
from miandan.labels.template import Template


@cache
def template() -> Template:
    """The neutral label of 76 x 130 mm."""
    return standard_for(NEUTRAL, "76x130")


@cache
def compiled() -> CompiledTemplate:
    return checked(template())


def stream(count: int) -> Iterator[LabelData]:
    """Different labels; 1,000 of them hold about 3,700 different characters, as a day of real ones does."""
    rng = random.Random(20_261)
    common = [chr(code) for code in range(0x4E00, 0x4E00 + 3_700)]

    def words(length: int) -> str:
        return "".join(rng.choices(common, k=length))

    for index in range(count):
        number = f"7312{rng.randrange(10**10):010d}"
        yield LabelData(
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
            position=f"{index % 1_000 + 1}/1000",
        )


@cache
def labels(count: int) -> tuple[LabelData, ...]:
    """`stream`, all at once."""
    return tuple(stream(count))


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text that begins at x on a line at y; points from the page's top left corner."""

    x: float
    y: float
    size: float
    bold: bool
    white: bool
    text: str


@dataclass(frozen=True, slots=True)
class Fill:
    """A black box."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A barcode to encode: where its top left corner stands, the side of a module and, of a linear one, its height;
    turned by a quarter where `turned`."""

    symbology: str
    x: float
    y: float
    module: float
    height: float
    turned: bool
    text: str


Command = Text | Fill | Bars


@cache
def static() -> tuple[Command, ...]:
    """What stands on every page."""
    return tuple(_commands(compiled().first.static, labels(1)[0]))


@cache
def drawings(count: int) -> tuple[tuple[Command, ...], ...]:
    """What each of so many labels adds to it."""
    return tuple(tuple(_commands(compiled().first.slots, label)) for label in labels(count))


def _commands(slots: Iterable[Slot], label: LabelData) -> Iterator[Command]:
    for slot in slots:
        if slot.shown is not None and not slot.shown(label):
            continue
        match slot:
            case FillSlot():
                for box in slot.boxes:
                    yield Fill(box.x * POINTS, box.y * POINTS, box.w * POINTS, box.h * POINTS)
            case TextSlot():
                yield from _texts(slot, label)
            case BarcodeSlot():
                yield _bars(slot, label)
            case _:
                raise TypeError(type(slot).__name__)


def _texts(slot: TextSlot, label: LabelData) -> Iterator[Text]:
    setter = Setter(slot)
    done = setter.set(label, lambda kind, detail: None)
    if done is None:
        return
    number, lines, _, _ = done
    step = slot.ladder.steps[number]
    share = {"left": 0.0, "centre": 0.5, "right": 1.0}[slot.align]
    for line, base in zip(lines, slot.baselines(step, len(lines)), strict=True):
        spare = slot.frame[0] - setter.width_of(line) * step.size / 1_000
        x, y = slot.on_page(share * spare, base)
        yield Text(x * POINTS, y * POINTS, step.size * POINTS, slot.bold, slot.white, line)


def _bars(slot: BarcodeSlot, label: LabelData) -> Bars:
    text = slot.read(label)
    symbol = symbols.Encoder().encode(slot.symbology, text)
    place = symbols.place(slot, symbol.columns, symbol.rows, DPI)
    assert place is not None
    dot = 72 / DPI
    height = (place.w if slot.rotate else place.h) * dot
    return Bars(slot.symbology, place.x * dot, place.y * dot, place.module * dot, height, bool(slot.rotate), text)
