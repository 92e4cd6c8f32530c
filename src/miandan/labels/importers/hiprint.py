"""Templates of hiprint and vue-plugin-hiprint: JSON with panels of elements placed in points.

Names of elements and options as the project's own documents and samples give them. Functions that stand in options as
text are never run; they are listed.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from miandan.kernel.errors import Refusal
from miandan.labels.importers.cainiao_paths import ours_of
from miandan.labels.importers.hiprint_options import Options
from miandan.labels.importers.hiprint_tables import table
from miandan.labels.importers.imported import MOST_NODES, Imported, Notes
from miandan.labels.importers.measures import png_of
from miandan.labels.importers.placing import AS_LARGE_AS_FITS, Draft, across, lines_in, settle
from miandan.labels.importers.reading import broken, decoded
from miandan.labels.template import (
    Barcode,
    Box,
    Field,
    Image,
    Line,
    Literally,
    Rect,
    Symbology,
    Table,
    Template,
    Text,
    Turn,
    Value,
)

_FONT_SIZE_PT = 9.0
_RULE_PT = 0.75
_SMALLEST_MM, _WIDEST_MM, _LONGEST_MM = 10, 300, 500
_DASHES = {"dashed": 1_000, "dotted": 400}  # micrometres
_HRI_SHARE = 4
_SYMBOLOGIES: dict[str, Symbology] = {
    "code128": "code128",
    "code128a": "code128",
    "code128b": "code128",
    "code128c": "code128",
    "code39": "code39",
    "itf": "itf",
    "itf14": "itf",
    "interleaved2of5": "itf",
    "ean13": "ean13",
    "qrcode": "qr",
    "datamatrix": "datamatrix",
    "pdf417": "pdf417",
}
_SEPARATOR = "："  # between an element's title and its data


def import_hiprint(data: bytes, name: str) -> Imported:
    """The first panel as a template.

    Raises Refusal labels.import_broken, labels.import_paper and labels.import_too_complex.
    """
    notes = Notes()
    panels = _panels(_parsed(data))
    for place in range(1, len(panels)):
        notes.add(f"$.panels[{place}]", "panel", "panel")
    return _Panel(panels[0], notes).imported(name)


def _parsed(data: bytes) -> Any:
    try:
        plain = json.loads(decoded(data))
        if isinstance(plain, str):  # JSON kept as a text in JSON
            plain = json.loads(plain)
    except json.JSONDecodeError as error:
        broken(f"{error.lineno}:{error.colno}", "不是有效的 JSON", "no valid JSON")
    except (ValueError, RecursionError):
        broken("1:1", "不是有效的 JSON", "no valid JSON")
    return plain


def _panels(plain: Any) -> list[dict[str, Any]]:
    found = plain.get("panels") if isinstance(plain, dict) else plain
    if not isinstance(found, list) or not found or not all(isinstance(panel, dict) for panel in found):
        broken("$.panels", "缺少面板", "there are no panels")
    return found


class _Panel:
    def __init__(self, panel: dict[str, Any], notes: Notes) -> None:
        self._notes = notes
        self._options = Options(panel, "$.panels[0]", "panel", notes)
        self._width = self._side("width", _WIDEST_MM)
        self._height = self._side("height", _LONGEST_MM)

    def _side(self, name: str, most: int) -> int:
        millimetres = self._options.number(name)
        if millimetres is None or not _SMALLEST_MM <= millimetres <= most:
            sides = {key: f"{self._options.raw(key)}"[:20] for key in ("width", "height")}
            raise Refusal("labels.import_paper", **{name: f"{millimetres}"} | sides)
        return round(millimetres * 1_000)

    def imported(self, name: str) -> Imported:
        """The panel as a template."""
        elements = self._options.list("printElements")
        if len(elements) > MOST_NODES:
            raise Refusal("labels.import_too_complex", most=MOST_NODES)
        header, footer = self._options.length("paperHeader") or 0, self._options.length("paperFooter")
        layered: list[tuple[int, Draft]] = []
        for place, element in enumerate(elements):
            layer, drafts = self._element(element, f"$.panels[0].printElements[{place}]")
            layered += [(layer, draft) for draft in drafts]
        layered += [(0, draft) for draft in self._paper_number()]
        drafts = [draft for _, draft in sorted(layered, key=lambda one: one[0])]
        if any(isinstance(draft.node, Table) for draft in drafts):
            drafts = [_repeated(draft, header, self._height if footer is None else footer) for draft in drafts]
        self._panel_options()
        nodes = settle(drafts, self._width, self._height, self._notes)
        return Imported(Template(name, 1, self._width, self._height, nodes), self._notes.all())

    def _panel_options(self) -> None:
        for design in ("index", "name", "paperType", "paperList", "scale", "paperNumberContinue"):
            self._options.drop(design)
        if self._options.number("orient") == 2:
            self._options.note("orient", "option")
        family = self._options.text("fontFamily")
        if family:
            self._notes.first(f"fontFamily:{family}", "$.panels[0]", "font", family=family)
        self._options.rest()

    def _element(self, element: Any, place: str) -> tuple[int, list[Draft]]:
        if not isinstance(element, dict):
            self._notes.add(place, "element", "element")
            return 0, []
        kind, title = _kind(element)
        read = _READERS.get(kind)
        plain = element.get("options")
        options = Options(plain if isinstance(plain, dict) else {}, f"{place}.options", kind, self._notes)
        if options.raw("showInPage") == "none":
            self._notes.add(place, kind, "hidden")
            return 0, []
        if read is None:
            reason = {"html": "html", "oval": "circle"}.get(kind, "element")
            self._notes.add(place, kind or "element", reason)
            return 0, []
        layer = int(options.number("zIndex") or 0)
        drafts = read(options, title)
        options.rest()
        return layer, drafts

    def _paper_number(self) -> list[Draft]:
        """Which sheet of how many, unless the panel hides it."""
        disabled = self._options.flag("paperNumberDisabled")
        left, top = self._options.length("paperNumberLeft"), self._options.length("paperNumberTop")
        words = self._options.text("paperNumberFormat") or "${paperNo}-${paperCount}"
        if disabled or left is None or top is None:
            return []
        paths = {"${paperNo}": "sheet", "${paperCount}": "sheets"}
        parts = [part for part in re.split(r"(\$\{paperNo\}|\$\{paperCount\})", words) if part]
        value = tuple(Field(paths[part]) if part in paths else Literally(part) for part in parts)
        size = round(_FONT_SIZE_PT * 25_400 / 72)
        box = Box(left, top, min(self._width - left, len(words) * size), size * 2)
        node = Text(box, value, size, valign="top", sheets="all")
        return [Draft(node, "$.panels[0].paperNumberFormat", "paperNumber", grows=True)]


def _kind(element: dict[str, Any]) -> tuple[str, str]:
    """What an element is, and the title it has where its options give none."""
    of = element.get("printElementType")
    of = of if isinstance(of, dict) else {}
    kind = of.get("type") or str(of.get("tid") or element.get("tid") or "").rpartition(".")[2]
    title = of.get("title")
    return str(kind), title if isinstance(title, str) else ""


def _repeated(draft: Draft, header: int, footer: int) -> Draft:
    """What stands above the header's line or below the footer's is on every sheet."""
    box = draft.node.box
    if isinstance(draft.node, Table) or header <= box.y < footer:
        return draft
    return Draft(replace(draft.node, sheets="all"), draft.place, draft.what, draft.within, draft.grows)


def _box(options: Options, width: float, height: float) -> tuple[Box, Turn]:
    """Place and quarter turn, which is about the middle; sizes in points where the options give none."""
    left, top = options.length("left") or 0, options.length("top") or 0
    box = Box(left, top, options.length("width", width) or 0, options.length("height", height) or 0)
    degrees = options.number("transform") or 0
    turns: Mapping[float, Turn] = {0: 0, 90: 90, 180: 180, 270: 270}
    turn = turns.get(degrees % 360)
    if turn is None:
        options.note("transform", "rotation")
        turn = 0
    return (across(box) if turn in (90, 270) else box), turn


def _text(options: Options, title: str) -> list[Draft]:
    kind = options.text("textType") or "text"
    if kind in ("barcode", "qrcode"):
        return _code(options, title, kind)
    return _set(options, title)


def _set(options: Options, title: str) -> list[Draft]:
    """Text and its borders."""
    box, turn = _box(options, 120, 9.75)
    value = _value(options, title)
    style = options.style(_FONT_SIZE_PT)
    rules = _borders(options, box) if not turn else []
    inner = options.padded(box) if not turn else box
    if not value:
        options.note("title", "no_content")
        return rules
    frame = inner.w if turn in (90, 270) else inner.h
    lines = lines_in(frame, max(1, style.size))
    if options.text("textContentWrap") in ("nowrap", "clip", "ellipsis"):
        lines = 1
    node = replace(style, box=inner, value=value, rotate=turn, lines=lines)
    return [Draft(node, options.place, options.kind, grows=True), *rules]


def _long_text(options: Options, title: str) -> list[Draft]:
    options.note(options.kind, "long_text")
    return _set(options, title)


def _value(options: Options, title: str, *, of_code: bool = False) -> Value:
    """The element's title and its data: "title：data", or one of them."""
    field = options.text("field")
    words = options.text("title") or title
    hidden = options.flag("hideTitle") or of_code
    pattern = options.text("format") if options.text("dataType") == "datetime" else ""
    options.formatter()
    if not field:
        return (Literally(words),) if words else ()
    meaning = ours_of(field, "barcode" if of_code else "text")
    bound = Field(meaning.path, money=meaning.money, date=_date(pattern))
    return (bound,) if hidden or not words else (Literally(words + _SEPARATOR), bound)


def _date(pattern: str) -> str:
    """A pattern of Java's letters in ours."""
    for theirs, ours in (("yyyy", "YYYY"), ("dd", "DD"), ("HH", "hh")):
        pattern = pattern.replace(theirs, ours)
    return pattern


def _borders(options: Options, box: Box) -> list[Draft]:
    """The sides of a text that have a rule."""
    thick = options.length("borderWidth", _RULE_PT) or 0
    drafts = []
    for side, rule in (
        ("borderLeft", Box(box.x, box.y, thick, box.h)),
        ("borderTop", Box(box.x, box.y, box.w, thick)),
        ("borderRight", Box(box.x + box.w - thick, box.y, thick, box.h)),
        ("borderBottom", Box(box.x, box.y + box.h - thick, box.w, thick)),
    ):
        kind = options.text(side)
        if kind and kind not in ("none", "noBorder"):
            drafts.append(Draft(Line(rule, _DASHES.get(kind, 0)), f"{options.place}.{side}", side))
    options.colour("borderColor")
    return drafts


def _code(options: Options, title: str, kind: str) -> list[Draft]:
    """A barcode, with what it says below it unless its title is hidden."""
    box, turn = _box(options, 120, 30)
    named = options.text("barcodeMode") or options.text("barcodeType") or options.text("qrcodeType") or kind
    symbology: Symbology | None = "qr" if kind == "qrcode" else _SYMBOLOGIES.get(named.lower().replace("-", ""))
    if named == "barcode":
        symbology = "code128"
    with_text = not options.flag("hideTitle") and kind == "barcode" and not turn
    value = _value(options, title, of_code=True)
    options.style(_FONT_SIZE_PT)
    for unasked in ("qrCodeLevel", "barWidth", "barAutoWidth", "barTextMode", "barColor"):
        options.drop(unasked)  # width and error correction are the engine's
    if symbology is None:
        options.note(named, "symbology")
        return []
    if not value:
        options.note("field", "no_content")
        return []
    size = min(round(_FONT_SIZE_PT * 25_400 / 72), box.h // _HRI_SHARE)
    if not with_text or size < 1_000:
        return [Draft(Barcode(box, symbology, value, AS_LARGE_AS_FITS, turn), options.place, kind)]
    bars, below = Box(box.x, box.y, box.w, box.h - size), Box(box.x, box.y + box.h - size, box.w, size)
    return [
        Draft(Barcode(bars, symbology, value, AS_LARGE_AS_FITS), options.place, kind),
        Draft(Text(below, value, size, align="centre"), options.place, kind),
    ]


def _image(options: Options, _title: str) -> list[Draft]:
    box, turn = _box(options, 90, 90)
    source, field = options.text("src"), options.text("field")
    for unasked in ("fit", "borderRadius", "title", "hideTitle"):
        options.drop(unasked)
    options.formatter()
    if turn:
        options.note("transform", "rotation")
    if field:
        options.note("field", "picture_scripted")
        return []
    png, wrong = png_of(source)
    if wrong:
        options.note("src", wrong)
        return []
    return [Draft(Image(box, png), options.place, "image")]


def _hline(options: Options, _title: str) -> list[Draft]:
    return _rule(options, lambda box, thick: Box(box.x, box.y, box.w, thick), 90, 9)


def _vline(options: Options, _title: str) -> list[Draft]:
    return _rule(options, lambda box, thick: Box(box.x, box.y, thick, box.h), 9, 90)


def _rule(options: Options, of: Callable[[Box, int], Box], width: float, height: float) -> list[Draft]:
    box, turn = _box(options, width, height)
    thick = max(1, options.length("borderWidth", _RULE_PT) or 0)
    kind = options.text("borderStyle") or "solid"
    options.colour("borderColor")
    if turn in (90, 270):
        options.note("transform", "rotation")
    return [Draft(Line(of(box, thick), _DASHES.get(kind, 0)), options.place, options.kind)]


def _rect(options: Options, _title: str) -> list[Draft]:
    box, _ = _box(options, 90, 90)
    thick = options.length("borderWidth", _RULE_PT) or 0
    if (options.text("borderStyle") or "solid") != "solid":
        options.note("borderStyle", "dashed_frame")
    options.colour("borderColor")
    filled = options.is_filled()
    if not filled and thick <= 0:
        options.note("borderWidth", "no_border")
        return []
    return [Draft(Rect(box, 0 if filled else thick), options.place, "rect")]


def _table(options: Options, _title: str) -> list[Draft]:
    box, turn = _box(options, 550, 36)
    if turn:
        options.note("transform", "rotation")
    return table(options, box)


_READERS: dict[str, Callable[[Options, str], list[Draft]]] = {
    "text": _text,
    "longText": _long_text,
    "barcode": lambda options, title: _code(options, title, "barcode"),
    "qrcode": lambda options, title: _code(options, title, "qrcode"),
    "image": _image,
    "hline": _hline,
    "vline": _vline,
    "rect": _rect,
    "table": _table,
    "tableCustom": _table,
}
