"""Ship-from addresses as an operator gives them: one typed, or a TOML file, which stays out of the shell's memory.

[[sender]]
contact = "示例发货仓"
phone = "0571-00000000"
address = "浙江省杭州市余杭区仓前街道示例路100号1号仓"     # or province, city, district, detail
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miandan.accounts.model import Sender
from miandan.addresses import ParsedAddress, complete, divisions, parse_address
from miandan.addresses.divisions import CITY, PROVINCE
from miandan.cli import typed
from miandan.cli.session import shown
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import CIPHERTEXT_MARK, mask_phone

LONGEST = 200
FEWEST_DIGITS = 7

_LEVELS = ("province", "city", "district", "detail")
_RENAMED = "现为"
_FIELDS = ("contact", "phone", "address", *_LEVELS)


@dataclass(frozen=True, slots=True, repr=False)
class Typed:
    """What was typed about senders: a file, or a contact with phone and address."""

    file: Path | None
    contact: str | None
    phone: str | None
    address: str | None

    def __repr__(self) -> str:
        return "Typed(***)"


def read_senders(given: Typed) -> tuple[Sender, ...]:
    """At least one sender, its place by full current names with the division code.

    Raises setup.sender_which, setup.sender_field, setup.sender_place, setup.file_unreadable.
    """
    single = {"contact": given.contact, "phone": given.phone, "address": given.address}
    one = {key: value for key, value in single.items() if value is not None}
    if (given.file is None) is (not one):
        raise Refusal("setup.sender_which")
    rows = [one] if given.file is None else _rows(given.file)
    return tuple(dict.fromkeys(_sender(row, place) for place, row in enumerate(rows, start=1)))


def _rows(file: Path) -> list[Mapping[str, object]]:
    try:
        table = tomllib.loads(typed.text_of(file))
    except tomllib.TOMLDecodeError:
        raise Refusal("setup.file_unreadable", file=file, reason="TOML ?") from None  # its text may quote the line
    rows = table.pop("sender", [])
    found = [rows] if isinstance(rows, dict) else rows
    if table or not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        raise Refusal("setup.file_unreadable", file=file, reason="[[sender]] ?")
    return found


def _sender(row: Mapping[str, object], place: int) -> Sender:
    for key, value in row.items():
        if key not in _FIELDS:  # a misspelt name must not drop a field in silence
            raise Refusal("setup.sender_field", row=place, field=shown(key), known="、".join(_FIELDS))
        if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST:
            raise Refusal("setup.sender_field", row=place, field=key, known=f"1-{LONGEST} 字")
    texts = {key: str(value).strip() for key, value in row.items()}
    missing = [key for key in ("contact", "phone") if key not in texts]
    if missing:
        raise Refusal("setup.sender_field", row=place, field=missing[0], known="contact、phone")
    if not _can_be_called(texts["phone"]):
        raise Refusal("setup.sender_field", row=place, field="phone", known="0571-00000000")
    return Sender(texts["contact"], texts["phone"], *_place(texts, place))


def _can_be_called(phone: str) -> bool:
    digits = sum(character.isdigit() for character in phone)
    return digits >= FEWEST_DIGITS and mask_phone(phone) != CIPHERTEXT_MARK


def _place(texts: Mapping[str, str], row: int) -> tuple[str, str, str, str, str]:
    """Province, city, district, detail and division code. Raises setup.sender_place."""
    by_levels = [key for key in _LEVELS if key in texts]
    if ("address" in texts) is bool(by_levels):
        raise Refusal("setup.sender_place", row=row)
    if "address" in texts:
        found = parse_address(texts["address"])
        detail = found.town + found.detail
    else:
        province, city, district, detail = (texts.get(key, "") for key in _LEVELS)
        found = complete(province, city, district, "", detail)
    if not detail or not _is_sure(found):
        raise Refusal("setup.sender_place", row=row)
    return found.province, found.city, found.district, detail, found.division_code


def _is_sure(found: ParsedAddress) -> bool:
    """Down to the county, without a doubt but a name that has changed since."""
    division = divisions().by_code(found.division_code)
    if division is None or division.level == PROVINCE or (division.level == CITY and division.counties):
        return False
    levels = tuple(f"{level}:" for level in _LEVELS[:3])
    return all(_RENAMED in doubt for doubt in found.uncertain if doubt.startswith(levels))
