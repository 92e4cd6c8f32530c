"""A template made ready for many sheets: a static layer that never changes, and the list of slots that do.

This list is what every output draws from; it knows lengths, sizes to try and where values come from, and no output
format. Lengths are micrometres from the page's top left corner.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from miandan.kernel.errors import Refusal
from miandan.labels.fitting import Ladder, Step
from miandan.labels.model import LabelData
from miandan.labels.template import Barcode, Box, Field, Line, Node, Rect, Template, Text, Value, When

Reader = Callable[[LabelData], str]
Condition = Callable[[LabelData], bool]

PITCH = 1.18  # distance of two lines, in font sizes
ASCENT = 0.88  # of an ideograph above the line it stands on, in font sizes


@dataclass(frozen=True, slots=True)
class TextSlot:
    """Text that changes, with the sizes to try and whose value it is (for warnings)."""

    name: str
    box: Box
    read: Reader
    shown: Condition | None
    ladder: Ladder
    bold: bool
    white: bool
    align: str
    valign: str

    def baselines(self, step: Step, lines: int) -> list[float]:
        """Where `lines` lines stand, from the top of the page."""
        pitch = step.size * PITCH
        spare = self.box.h - (step.size + pitch * (lines - 1))
        top = self.box.y + (spare / 2 if self.valign == "middle" else 0)
        return [top + step.size * ASCENT + pitch * line for line in range(lines)]


@dataclass(frozen=True, slots=True)
class FillSlot:
    """Black boxes: a filled one, the four sides of a frame, or the dashes of a rule."""

    boxes: tuple[Box, ...]
    shown: Condition | None


@dataclass(frozen=True, slots=True)
class BarcodeSlot:
    """A symbol to be set in the middle of its box on whole dots."""

    name: str
    box: Box
    symbology: str
    read: Reader
    shown: Condition | None
    max_module: int
    rotate: int


Slot = TextSlot | FillSlot | BarcodeSlot


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """What stays and what changes; `static` slots read nothing from the label."""

    width: int
    height: int
    static: tuple[Slot, ...]
    slots: tuple[Slot, ...]


@lru_cache(maxsize=32)
def compile_template(template: Template) -> CompiledTemplate:
    """Raises Refusal `labels.template_wrong` when a path names no field of `LabelData`."""
    static: list[Slot] = []
    slots: list[Slot] = []
    for node in template.nodes:
        (slots if _changes(node) else static).append(_slot(node))
    return CompiledTemplate(template.width, template.height, tuple(static), tuple(slots))


def _changes(node: Node) -> bool:
    if node.when is not None or isinstance(node, Barcode):
        return True
    return isinstance(node, Text) and any(isinstance(part, Field) for part in node.value)


def _slot(node: Node) -> Slot:
    shown = None if node.when is None else _condition(node.when)
    match node:
        case Text():
            sizes = Ladder(node.box.w, node.box.h, node.size, node.min_size, node.lines, PITCH)
            name, read = _name(node.value), _reader(node.value)
            return TextSlot(name, node.box, read, shown, sizes, node.bold, node.white, node.align, node.valign)
        case Barcode():
            return BarcodeSlot(
                _name(node.value), node.box, node.symbology, _reader(node.value), shown, node.max_module, node.rotate
            )
        case Rect():
            return FillSlot(_frame(node.box, node.stroke) if node.stroke else (node.box,), shown)
        case Line():
            return FillSlot(_dashes(node.box, node.dash) if node.dash else (node.box,), shown)


def _frame(box: Box, stroke: int) -> tuple[Box, ...]:
    return (
        Box(box.x, box.y, box.w, stroke),
        Box(box.x, box.y + box.h - stroke, box.w, stroke),
        Box(box.x, box.y + stroke, stroke, box.h - 2 * stroke),
        Box(box.x + box.w - stroke, box.y + stroke, stroke, box.h - 2 * stroke),
    )


def _dashes(box: Box, dash: int) -> tuple[Box, ...]:
    if box.w >= box.h:
        return tuple(Box(box.x + start, box.y, min(dash, box.w - start), box.h) for start in range(0, box.w, 2 * dash))
    return tuple(Box(box.x, box.y + start, box.w, min(dash, box.h - start)) for start in range(0, box.h, 2 * dash))


def _name(value: Value) -> str:
    return "+".join(part.path for part in value if isinstance(part, Field))


def _known(path: str) -> str:
    if path not in LabelData.__dataclass_fields__:
        raise Refusal("labels.template_wrong", wrong=f"a label has no field `{path}`")
    return path


def _reader(value: Value) -> Reader:
    parts = [_part(part) for part in value]
    if len(parts) == 1:
        return parts[0]
    return lambda label: "".join([part(label) for part in parts])


def _part(part: object) -> Reader:
    if not isinstance(part, Field):
        text = getattr(part, "text", "")
        return lambda label: text
    get, default, join = attrgetter(_known(part.path)), part.default, part.join
    kind = LabelData.__dataclass_fields__[part.path].type
    if kind is str or kind == "str":
        if default:
            return lambda label: get(label) or default
        return get
    if kind is int:
        return lambda label: str(get(label))
    return lambda label: join.join(get(label)) or default


def _condition(when: When) -> Condition:
    get = attrgetter(_known(when.path))
    if when.at_least is None:
        return lambda label: bool(get(label))
    at_least = when.at_least
    return lambda label: get(label) >= at_least
