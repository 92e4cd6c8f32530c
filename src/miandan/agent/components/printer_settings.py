"""What pages read and set of a printer: offsets are real, the other fields are kept and given back as they were set.

Offsets are millimetres to the right and down. A field that is not known is left out of what is kept.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from miandan.agent.components.model import PrinterCard, Workshop
from miandan.agent.components.profiles import Component
from miandan.agent.folder import read_kept, write_kept
from miandan.kernel.errors import Refusal
from miandan.labels.whole_file import made_folder

MOST_OFFSET_MM: Final = 50
_MM: Final = 1_000
_FLAGS: Final = ("needMiddleLogo", "forceNoPageMargins", "autoPageSize", "autoOrientation")
_NUMBERS: Final = ("orientation", "scale", "speed", "density")
_LARGEST: Final = 10_000


class _Kept(Struct, frozen=True):
    printers: dict[str, dict[str, bool | int | float]] = {}  # by component and printer
    on_failure: dict[str, bool] = {}  # by component


class PrinterSettings:
    """What was set by pages of one agent."""

    def __init__(self, workshop: Workshop, folder: Path) -> None:
        self._workshop = workshop
        self._file = folder / "printer_settings.json"

    def shown(self, card: PrinterCard, component: Component) -> dict[str, Any]:
        """The object `printer` as the component writes it."""
        width, height = card.width_um / _MM, card.height_um / _MM
        return {
            "name": card.name,
            component.top_logo: False,
            component.bottom_logo: False,
            "needMiddleLogo": False,
            "horizontalOffset": _short(card.offset_x_um / _MM),
            "verticalOffset": _short(card.offset_y_um / _MM),
            "forceNoPageMargins": True,
            "autoPageSize": False,
            "orientation": 0,
            "autoOrientation": False,
            "paperSize": {"width": _short(width), "height": _short(height)},
            "scale": 100,
            "dpi": card.dpi,
            **self._kept().printers.get(_name(component, card.name), {}),
        }

    async def store(self, card: PrinterCard, given: Mapping[str, Any], component: Component) -> None:
        """Raises agent.component_setting_wrong, and what moving the printer's prints raises."""
        offsets = [_offset(given, name, um) for name, um in _offsets(card)]
        kept: dict[str, bool | int | float] = {}
        for name in (*_FLAGS, component.top_logo, component.bottom_logo):
            if isinstance(given.get(name), bool):
                kept[name] = given[name]
        for name in _NUMBERS:
            value = given.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
                kept[name] = value
        if offsets != [card.offset_x_um, card.offset_y_um]:
            await self._workshop.move(card.name, *offsets)
        now = self._kept()
        name = _name(component, card.name)
        self._write(_Kept(now.printers | {name: now.printers.get(name, {}) | kept}, now.on_failure))

    def tells_failure(self, component: Component) -> bool:
        return self._kept().on_failure.get(component.name, False)

    def store_tells_failure(self, component: Component, value: Any) -> None:
        """Raises agent.component_setting_wrong."""
        if not isinstance(value, bool):
            raise Refusal("agent.component_setting_wrong", setting=component.failure_field, wanted="true, false")
        now = self._kept()
        self._write(_Kept(now.printers, now.on_failure | {component.name: value}))

    def _kept(self) -> _Kept:
        return read_kept(self._file, _Kept) or _Kept()

    def _write(self, kept: _Kept) -> None:
        made_folder(self._file.parent)
        write_kept(self._file, kept)


def _name(component: Component, printer: str) -> str:
    return f"{component.name} {printer}"


def _offsets(card: PrinterCard) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("horizontalOffset", card.offset_x_um), ("verticalOffset", card.offset_y_um)


def _offset(given: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = given.get(name)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = ""
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_OFFSET_MM:
        wanted = f"-{MOST_OFFSET_MM} … {MOST_OFFSET_MM} mm"
        raise Refusal("agent.component_setting_wrong", setting=name, wanted=wanted)
    return round(value * _MM)


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 3)
