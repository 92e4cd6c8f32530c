"""Lengths, colours and pictures as the templates of others write them."""

import re

MICROMETRES_PER_PT = 25_400 / 72
_UNITS = {"": 1_000.0, "mm": 1_000.0, "cm": 10_000.0, "pt": MICROMETRES_PER_PT}
_LENGTH = re.compile(r"\s*(-?\d{1,6}(?:\.\d{1,12})?|-?\.\d{1,12})\s*([a-z%]*)\s*", re.IGNORECASE)
_FARTHEST = 2_000_000  # micrometres; no paper is two metres long
_HALF = 128
_NAMED = {"black": "#000000", "white": "#ffffff", "transparent": "#ffffff", "red": "#ff0000", "gray": "#808080"}


def length(text: str, unit: str = "mm") -> int | None:
    """Micrometres of a length, in `unit` where it names none; None when it is no length."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        return None
    scale = _UNITS.get(match[2].lower() or unit)
    if scale is None:
        return None
    micrometres = round(float(match[1]) * scale)
    return micrometres if abs(micrometres) <= _FARTHEST else None


def is_dark(colour: str) -> bool:
    """Whether a colour is burnt: darker than middle grey."""
    colour = _NAMED.get(colour.strip().lower(), colour.strip().lower())
    found = re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", colour)
    if found:
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        levels = [int(digits[place : place + 2], 16) for place in (0, 2, 4)]
    else:
        numbers = re.fullmatch(r"rgba?\((\d{1,3}),\s*(\d{1,3}),\s*(\d{1,3})(?:,\s*([\d.]{1,6}))?\)", colour)
        if numbers is None:
            return True
        if numbers[4] in ("0", "0.0"):
            return False
        levels = [int(numbers[place]) for place in (1, 2, 3)]
    return sum(levels) / 3 < _HALF


def png_of(source: str) -> tuple[str, str]:
    """The PNG in base64 of a data URI, and the reason why it cannot be taken, if so."""
    if not source.strip().startswith("data:"):
        return "", "picture_elsewhere"
    head, _, data = source.strip().partition(",")
    if not head.startswith("data:image/png") or not head.endswith(";base64"):
        return "", "picture_kind"
    return "".join(data.split()), ""
