"""The layers of one PDF file: a template's static part stands in it once, whatever number of sheets shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from miandan.labels.compiled import CompiledTemplate
from miandan.labels.model import LabelData
from miandan.labels.pdf.file import PdfFile
from miandan.labels.pdf.fonts import put_fonts
from miandan.labels.pdf.page import Ink, LayerWriter
from miandan.labels.pdf.units import NoteFor


@dataclass(frozen=True, slots=True, eq=False)
class PutLayer:
    """A layer that sheets of the file show: its writer, and the object of its static part."""

    writer: LayerWriter
    number: int
    compiled: CompiledTemplate  # alive, so that no other template gets its id


class Layers:
    """The layers that a file has so far, by template and by whether it is a label's first sheet."""

    def __init__(self, pdf: PdfFile, ink: Ink, ink_for: Callable[[CompiledTemplate], Ink] | None = None) -> None:
        self._pdf = pdf
        self._ink = ink
        self._ink_for = ink_for
        self._layers: dict[tuple[int, bool], PutLayer] = {}

    def of(self, compiled: CompiledTemplate, label: LabelData) -> PutLayer:
        """The layer that a sheet shows."""
        key = id(compiled), label.sheet == 1
        return self._layers.get(key) or self._new(key, compiled, label)

    @property
    def first_box(self) -> bytes | None:
        """The paper of the first sheet; None before there is one."""
        return next((layer.writer.box for layer in self._layers.values()), None)

    def put(self, last: LabelData, note: NoteFor) -> bytes:
        """Write what all pages share, when no page comes any more. The resources that they name."""
        statics = [(one.writer, one.number, one.writer.static(last, note)) for one in self._layers.values()]
        fonts = b"/Font<<%b>>" % put_fonts(self._pdf, (self._ink.regular, self._ink.bold), self._ink.drawn)
        for writer, number, content in statics:
            self._pdf.put(
                number,
                b"<</Type/XObject/Subtype/Form/BBox[%b]/Resources<<%b>>/Length %d>>\nstream\n%b\nendstream"
                % (writer.box, fonts, len(content), content),
            )
        forms = b"".join(b"/%b %d 0 R" % (writer.resource.encode(), number) for writer, number, _ in statics)
        return fonts + b"/XObject<<%b>>" % forms

    def _new(self, key: tuple[int, bool], compiled: CompiledTemplate, label: LabelData) -> PutLayer:
        ink = self._ink if self._ink_for is None else self._ink_for(compiled)
        writer = LayerWriter(compiled, compiled.layer(label), ink, f"S{len(self._layers)}")
        found = self._layers[key] = PutLayer(writer, self._pdf.reserve(), compiled)
        return found
