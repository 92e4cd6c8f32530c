"""What one cell may hold: ids, counts, money, times, phones. What a spreadsheet mangled is refused, never guessed."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal

LONGEST_ID = 64
"""Characters of an order or line id."""

MOST_PIECES = 9_999
"""Pieces of one line; more is taken for a shifted column."""

_EXACT_DIGITS = 15
"""Decimal digits that a spreadsheet's number keeps exactly; later ones become zeros."""

_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_FORMULA = re.compile(r'="([^"]*)"')
_FRACTION = re.compile(r"\d+\.\d+")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
_BLANK = re.compile(r"\s")
_COUNT = re.compile(r"[+-]?[0-9]{1,12}(?:\.0{1,6})?")
_MONEY = re.compile(r"[¥￥]?\s*(-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|-?[0-9]+(?:\.[0-9]+)?)\s*元?")
_TIME = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?")

_MOBILE = re.compile(r"(?:(?:\+|00)?86[- ]?)?(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})")
_EXTENSION = re.compile(r"(.+?)(?:\s*[-_转,，#;；]\s*|\s*(?:ext\.?|分机)\s*:?\s*)(\d{1,6})", re.IGNORECASE)
_LANDLINE = re.compile(r"(?:\(?0\d{2,3}\)?[- ]?)[2-9]\d{6,7}|[48]00[- ]?\d{3}[- ]?\d{4}|[48]00[- ]?\d{4}[- ]?\d{3}")
_ABROAD = re.compile(r"(?:\+|00)(?:85[23]|886)[- ]?\d{8,10}")


def has_forbidden_character(text: str) -> bool:
    """Control characters other than tab and line break, which no back office writes and no printer prints."""
    return _FORBIDDEN.search(text) is not None


def has_lost_character(text: str) -> bool:
    """Whether some earlier program replaced what it could not read by U+FFFD."""
    return "\ufffd" in text


def visible(text: str) -> str:
    """Without the invisible direction marks that phones and names carry when pasted from chat or contacts."""
    return _INVISIBLE.sub("", text).strip() if not text.isascii() else text.strip()


def identifier(text: str, column: str) -> str:
    """An order or line id as it stands, free of the exporter's own `="..."` and trailing tab.

    Raises `orders.quoted_cell` for a leading apostrophe or tab, `orders.mangled` for what a spreadsheet made of a
    long number, `orders.id_unreadable` for blanks inside or more than LONGEST_ID characters.
    """
    _refuse_quoted(text, column)
    text = visible(text)
    if formula := _FORMULA.fullmatch(text):
        text = formula[1]
    if is_mangled(text):
        raise Refusal("orders.mangled", column=column)
    if len(text) > LONGEST_ID or _BLANK.search(text):
        raise Refusal("orders.id_unreadable", column=column)
    return text


def is_mangled(text: str) -> bool:
    """Whether a spreadsheet turned a long number into 6.93E+18, 123.0 or zeros from the 16th digit on."""
    if text.isdigit():
        return len(text) > _EXACT_DIGITS + 1 and not text[_EXACT_DIGITS:].strip("0")
    return bool(_SCIENTIFIC.fullmatch(text) or _FRACTION.fullmatch(text))


def phone(text: str, column: str) -> tuple[str, str]:
    """Number and extension, free of +86, blanks and dashes; ("", "") for an empty cell.

    Mobile phones, virtual numbers with extension (`18400913965-7576`), landlines with area code, 400 and 800
    numbers, Hong Kong, Macao and Taiwan with their country code. Raises `orders.quoted_cell`, `orders.mangled`,
    `orders.masked` or `orders.phone_invalid`.
    """
    _refuse_quoted(text, column)
    text = visible(text)
    if formula := _FORMULA.fullmatch(text):
        text = formula[1]
    if not text:
        return "", ""
    if _SCIENTIFIC.fullmatch(text) or _FRACTION.fullmatch(text):
        raise Refusal("orders.mangled", column=column)
    if "*" in text:
        raise Refusal("orders.masked", column=column)
    plain = _plain_phone(text)
    if plain:
        return plain, ""
    parts = _EXTENSION.fullmatch(text)
    if parts and (plain := _plain_phone(parts[1].strip())):
        return plain, parts[2]
    raise Refusal("orders.phone_invalid", column=column)


def _plain_phone(text: str) -> str:
    if mobile := _MOBILE.fullmatch(text):
        return "".join(mobile.groups())
    if _LANDLINE.fullmatch(text):
        return re.sub(r"[ ()]", "", text)
    if _ABROAD.fullmatch(text):
        return re.sub(r"[- ]", "", text)
    return ""


def count(text: str, column: str) -> int:
    """Pieces of a line. Raises `orders.count_invalid` for anything but a whole number of 1 to MOST_PIECES."""
    text = text.strip()
    pieces = int(text.partition(".")[0]) if _COUNT.fullmatch(text) else 0
    if not 1 <= pieces <= MOST_PIECES:
        raise Refusal("orders.count_invalid", column=column, most=MOST_PIECES)
    return pieces


def fen(text: str) -> int | None:
    """Money in fen from yuan as written (154.36, ¥1,200); None where it is not readable."""
    match = _MONEY.fullmatch(text.strip())
    if not match:
        return None
    try:
        return int((Decimal(match[1].replace(",", "")) * 100).to_integral_value())
    except InvalidOperation:
        return None


def moment(text: str) -> datetime | None:
    """A time as back offices write it, taken as Beijing time, in UTC; None where it is not readable."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=BEIJING).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _refuse_quoted(text: str, column: str) -> None:
    if text.lstrip(" ").startswith(("'", "\t", "’", "‘", "`")):
        raise Refusal("orders.quoted_cell", column=column)
