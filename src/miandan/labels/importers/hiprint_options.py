"""The options of one hiprint element or panel: each is taken once, and what nobody took is noted."""

import re
from typing import Any, Literal

from miandan.labels.importers.imported import Notes
from miandan.labels.importers.measures import MICROMETRES_PER_PT, is_dark
from miandan.labels.template import Box, Text

_FARTHEST_PT = 5_000
_FUNCTION = re.compile(r"\s*(async\s+)?(function\b|\(?[\w\s,]*\)?\s*=>)")
_ALIGN: dict[str, Literal["left", "centre", "right"]] = {"left": "left", "center": "centre", "right": "right"}
_VALIGN: dict[str, Literal["top", "middle", "bottom"]] = {
    "": "top",
    "top": "top",
    "middle": "middle",
    "bottom": "bottom",
    "center": "middle",
}
_DESIGN = (
    {"testData", "coordinateSync", "widthHeightSync", "right", "bottom", "vCenter", "hCenter", "draggable", "editable"}
    | {"fixed", "axis", "fields", "qid", "field", "title", "hideTitle", "format", "dataType", "textContentWrap"}
    | {"printElements", "panelPaperRule", "panelPageRule", "panelLayoutOptions"}
)
"""What only the designer needs, or what another option made idle."""

_PLAIN = frozenset({"", "normal", "none", "default", "0", "false", "undefined", "null"})


class Options:
    """`place` is the JSON path of the options, `kind` what they belong to."""

    def __init__(self, plain: dict[str, Any], place: str, kind: str, notes: Notes) -> None:
        self._plain = dict(plain)
        self._all = plain
        self.notes = notes
        self.place = place
        self.kind = kind

    def note(self, what: str, reason: str, **fields: object) -> None:
        """A note about an option, or about the element where it has no such option."""
        self.notes.add(f"{self.place}.{what}" if what in self._all else self.place, what, reason, **fields)

    def raw(self, name: str) -> Any:
        """An option as it stands, taken or not."""
        return self._all.get(name)

    def drop(self, name: str) -> None:
        """Takes an option that says nothing about what is printed."""
        self._plain.pop(name, None)

    def text(self, name: str) -> str:
        """A text; numbers are written out, anything else is empty."""
        value = self._plain.pop(name, "")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value)

    def number(self, name: str) -> float | None:
        """A number, also one written as text; None, with a note, for anything else."""
        value = self._plain.pop(name, None)
        if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,7}(\.\d{1,12})?\s*(pt|px|mm)?\s*", value):
            value = float(re.sub(r"[^\d.-]", "", value))
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e7:
            if value not in (None, ""):
                self.note(name, "not_understood", value=f"{value}"[:40])
            return None
        return float(value)

    def length(self, name: str, default: float | None = None) -> int | None:
        """Points as micrometres."""
        points = self.number(name)
        points = default if points is None else points
        return None if points is None or abs(points) > _FARTHEST_PT else round(points * MICROMETRES_PER_PT)

    def flag(self, name: str) -> bool:
        """Whether an option is on."""
        return self._plain.pop(name, False) in (True, "true", 1)

    def list(self, name: str) -> list[Any]:
        """A list; empty for anything else."""
        value = self._plain.pop(name, None)
        return value if isinstance(value, list) else []

    def formatter(self) -> None:
        """Notes functions, which would change what is shown."""
        for name in ("formatter", "styler"):
            self.function(name)

    def function(self, name: str) -> None:
        """Notes a function, which is never run."""
        value = self._plain.pop(name, None)
        if value not in (None, "", False):
            self.note(name, "function")

    def colour(self, name: str) -> None:
        """A colour that is drawn black; a light one is noted."""
        value = self.text(name)
        if value and not is_dark(value):
            self.note(name, "colour")

    def is_filled(self) -> bool:
        """Whether the background is burnt."""
        value = self.text("backgroundColor")
        if value and not is_dark(value) and value.lower() not in ("#fff", "#ffffff", "white", "transparent"):
            self.note("backgroundColor", "colour")
        return bool(value) and is_dark(value)

    def style(self, size_pt: float) -> Text:
        """A text without place and value, styled as the options ask."""
        family = self.text("fontFamily")
        if family:
            self.notes.first(f"fontFamily:{family}", self.place, "font", family=family)
        weight = self.text("fontWeight").lower()
        align, valign = self.text("textAlign").lower() or "left", self.text("textContentVerticalAlign").lower()
        if align == "justify":
            self.note("textAlign", "justified")
        elif align not in _ALIGN:
            self.note("textAlign", "not_understood", value=align)
        ink = self.text("color")
        inverse = self.is_filled() and bool(ink) and not is_dark(ink)
        if ink and not is_dark(ink) and not inverse:
            self.note("color", "colour")
        return Text(
            Box(0, 0, 0, 0),
            (),
            self.length("fontSize", size_pt) or round(size_pt * MICROMETRES_PER_PT),
            bold=weight in ("bold", "bolder") or (weight.isdecimal() and int(weight[:6]) >= 600),
            inverse=inverse,
            align=_ALIGN.get(align, "left"),
            valign=_VALIGN.get(valign, "top"),
        )

    def padded(self, box: Box) -> Box:
        """The box without the padding of its content."""
        left, top, right, bottom = (
            max(0, self.length(f"contentPadding{side}") or 0) for side in ("Left", "Top", "Right", "Bottom")
        )
        return Box(box.x + left, box.y + top, box.w - left - right, box.h - top - bottom)

    def rest(self) -> None:
        """Notes what was asked for and not taken."""
        for name, value in self._plain.items():
            if name in _DESIGN or value is None or str(value).lower() in _PLAIN or value in ({}, []):
                continue
            if name in ("showInPage", "unShowInPage"):
                self.note(name, "shown_on_some_pages")
            elif isinstance(value, str) and _FUNCTION.match(value):
                self.note(name, "function")
            else:
                self.note(name, "option")
        self._plain = {}
