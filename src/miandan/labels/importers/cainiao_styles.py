"""Attributes and style strings of the Cainiao language: lengths, font sizes, colours, and what is left unread."""

import re
from collections.abc import Container, Mapping

from miandan.labels.importers.cainiao_markup import Element, Script
from miandan.labels.importers.imported import Notes
from miandan.labels.importers.measures import MICROMETRES_PER_PT, length

_HIDDEN = "\0"  # stands for a script within a style

_PLAIN: Mapping[str, frozenset[str]] = {
    "opacity": frozenset({"1", "1.0"}),
    "alpha": frozenset({"1", "1.0"}),
    "letterspacing": frozenset({"0", "", "normal"}),
    "lineheight": frozenset({"", "normal"}),
    "direction": frozenset({"ltr", ""}),
    "fontitalic": frozenset({"false", ""}),
    "fontunderline": frozenset({"false", ""}),
    "margin": frozenset({"0", ""}),
    "padding": frozenset({"0", ""}),
    "borderstyle": frozenset({"solid", ""}),
    "cellborderstyle": frozenset({"solid", ""}),
    "overflow": frozenset({"visible", "hidden", ""}),
    "rotation": frozenset({"0", ""}),
    "linecolor": frozenset({""}),
}
"""Values that ask for what is drawn anyway."""


class Wishes:
    """What one element asks for, attribute by attribute; `rest` notes what nobody took.

    `inherited` are the attributes of the layout that it copies; those of `scripted` may be scripts and are read
    elsewhere.
    """

    def __init__(
        self, element: Element, notes: Notes, inherited: Mapping[str, str] | None = None, scripted: Container[str] = ()
    ) -> None:
        self.place = element.place
        self.tag = element.tag
        self._notes = notes
        self._attributes = dict(inherited or {})
        style = ""
        for name, pieces in element.attributes.items():
            prefix, _, plain = name.rpartition(":")
            if name == "xmlns" or prefix in ("xmlns", "xsi", "editor", "xml") or plain in scripted:
                continue
            text = "".join(_HIDDEN if isinstance(piece, Script) else piece for piece in pieces)
            if plain == "style":
                style = text
            elif _HIDDEN in text:
                self.note("scripted", f"@{plain}")
            else:
                self._attributes[plain] = text
        self._style = dict(self._entries(style))

    def _entries(self, style: str) -> list[tuple[str, str]]:
        found = []
        for entry in style.split(";"):
            key, _, value = entry.partition(":")
            if _HIDDEN in entry:
                self.note("scripted", f"style {key.replace(_HIDDEN, '<%…%>')}")
            elif key.strip():
                found.append((key.strip().lower(), value.strip()))
        return found

    def note(self, reason: str, what: str = "", **fields: object) -> None:
        """A note about this element."""
        self._notes.add(self.place, f"<{self.tag}> {what}".strip(), reason, **fields)

    @property
    def attributes(self) -> dict[str, str]:
        """What was not yet taken, for a copy of the element."""
        return dict(self._attributes)

    def attribute(self, name: str, default: str = "") -> str:
        """An attribute, taken."""
        return self._attributes.pop(name, default).strip()

    def style(self, name: str, default: str = "") -> str:
        """An entry of the style, taken."""
        return self._style.pop(name.lower(), default)

    def measure(self, name: str) -> int | None:
        """An attribute that is a length; None, with a note where it is none."""
        text = self._attributes.pop(name, "").strip()
        return self._measured(text, name, "mm")

    def points(self, name: str, default: float) -> int:
        """A style that is a length in points, as micrometres."""
        found = self._measured(self.style(name), name, "pt")
        return round(default * MICROMETRES_PER_PT) if found is None else found

    def whole(self, name: str, default: int) -> int:
        """A style or attribute that is a whole number."""
        text = self._style.pop(name.lower(), "") or self._attributes.pop(name, "")
        found = re.fullmatch(r"\s*(-?\d{1,6})(?:\.0*)?\s*", text)
        if found is None and text.strip():
            self.note("not_understood", name, value=text)
        return int(found[1]) if found else default

    def _measured(self, text: str, name: str, unit: str) -> int | None:
        if not text:
            return None
        found = length(text, unit)
        if found is None:
            self.note("not_understood", name, value=text)
        return found

    def rest(self) -> None:
        """Notes what was asked for and not taken, unless it is what happens anyway."""
        for key, value in self._style.items():
            if value.lower() not in _PLAIN.get(key, ()):
                self.note("style", f"style {key}:{value}")
        for key, value in self._attributes.items():
            self.note("attribute", f'{key}="{value}"')
        self._style, self._attributes = {}, {}
