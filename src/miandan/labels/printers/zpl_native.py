"""Labels as ZPL that the printer sets itself, for profiles whose printer has our fonts: 3 kB a sheet instead of 16.

Sizes, line breaks and places are those of every other output; what the printer cannot be trusted to draw the same is
sent as a picture of itself. How a real printer's letters look is the printer's business: the preview shows ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from miandan.kernel.errors import Refusal
from miandan.labels.bindings import Condition
from miandan.labels.choosing import Choice, Compiler
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, ImageSlot, Layer, Slot, TextSlot
from miandan.labels.model import LabelData, LabelWarning, Purpose, WarningKind
from miandan.labels.printers import zpl
from miandan.labels.printers.paper import refuse_too_large
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.zpl_fields import Field, Sheet, SymbolField, TextField, fill, image
from miandan.labels.setting import Note
from miandan.labels.symbols import Encoder


@dataclass(frozen=True, slots=True)
class NativeSheet:
    """One sheet for a raw port, whose it is, and what to look at; `lost` as in `documents.Document`."""

    data: bytes
    label: LabelData
    warnings: tuple[LabelWarning, ...]
    lost: int


def documents(
    labels: Iterable[LabelData],
    profile: Profile,
    choice: Choice = None,
    *,
    purpose: Purpose = Purpose.LABEL,
    copies: int = 1,
) -> Iterator[NativeSheet]:
    """Every sheet of the labels, one by one.

    Raises Refusal `labels.profile_without_fonts`, `labels.sheet_too_large` and those of a wrong template.
    """
    if not profile.has_fonts:
        raise Refusal("labels.profile_without_fonts", profile=profile.name)
    compiler = Compiler(choice, purpose)
    writers: dict[tuple[int, bool], tuple[CompiledTemplate, LayerWriter]] = {}
    page = 0
    for label in labels:
        compiled = compiler.of(label)
        for sheet in compiled.sheets(label):
            key = id(compiled), sheet.sheet == 1
            if key not in writers:
                writers[key] = compiled, LayerWriter(compiled, compiled.layer(sheet), profile)
            yield _sheet(writers[key][1], page, sheet, copies)
            page += 1


def _sheet(writer: "LayerWriter", page: int, label: LabelData, copies: int) -> NativeSheet:
    warnings: list[LabelWarning] = []

    def note(kind: WarningKind, detail: str) -> None:
        warnings.append(LabelWarning(page, label.number, kind, detail))

    data, lost = writer.document(label, note, copies)
    return NativeSheet(data, label, tuple(warnings), lost)


class LayerWriter:
    """Writes the sheets of one layer of one template; what reads nothing from a label is written once."""

    def __init__(self, template: CompiledTemplate, layer: Layer, profile: Profile) -> None:
        self._sheet = Sheet(profile, template.width, template.height)
        refuse_too_large(self._sheet.width, self._sheet.height, profile)
        self._encoder = Encoder()
        self._begin = zpl.begin(self._sheet.width, self._sheet.height, profile) + b"^CI28"
        self._static = self._fields(layer.static)
        self._slots = self._fields(layer.slots)
        self._still: tuple[bytes, bytes, int] | None = None

    def document(self, label: LabelData, note: Note, copies: int) -> tuple[bytes, int]:
        """The sheet, and how many of its fields the profile's offset pushed over the edge.

        Texts come last, so that white ones find their black box below them.
        """
        if self._still is None:
            self._sheet.lost = 0
            self._still = *_printed(self._static, label, note), self._sheet.lost
        boxes, texts, lost = self._still
        self._sheet.lost = lost
        shapes, own_texts = _printed(self._slots, label, note)
        return b"".join([self._begin, boxes, shapes, texts, own_texts, zpl.end(copies)]), self._sheet.lost

    def _fields(self, slots: tuple[Slot, ...]) -> tuple[list[Field], list[Field]]:
        """Those of shapes and those of texts."""
        shapes = [self._field(slot) for slot in slots if not isinstance(slot, TextSlot)]
        return shapes, [self._field(slot) for slot in slots if isinstance(slot, TextSlot)]

    def _field(self, slot: Slot) -> Field:
        field: Field
        match slot:
            case FillSlot():
                field = fill(slot, self._sheet)
            case BarcodeSlot():
                field = SymbolField(slot, self._sheet, self._encoder).field
            case ImageSlot():
                field = image(slot, self._sheet)
            case TextSlot():
                field = TextField(slot, self._sheet).field
        return field if slot.shown is None else _when(slot.shown, field)


def _printed(fields: tuple[list[Field], list[Field]], label: LabelData, note: Note) -> tuple[bytes, bytes]:
    shapes, texts = (b"".join([field(label, note) for field in kind]) for kind in fields)
    return shapes, texts


def _when(shown: Condition, field: Field) -> Field:
    return lambda label, note: field(label, note) if shown(label) else b""
