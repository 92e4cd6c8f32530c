"""Makes a recipient of a row's cells, by the rules for ciphertext, masks and missing parts (DESIGN section 6)."""

import re
from dataclasses import dataclass
from typing import Protocol

from msgspec import structs

from miandan import addresses
from miandan.addresses.model import ParsedAddress, ParsedRecipient
from miandan.kernel.errors import Refusal
from miandan.orders import cells
from miandan.orders.layouts import Columns
from miandan.orders.receivable import refuse_unreceivable
from miandan.orders.standing import CIPHERTEXT_HELD
from miandan.vault import ciphertext
from miandan.vault.model import Recipient

_FIELDS = ("name", "phone", "phone_2", "province", "city", "district", "town", "detail", "pasted")
_FIELD_NAMES = {
    "name": "姓名",
    "phone": "电话",
    "extension": "分机",
    "province": "省",
    "city": "市",
    "district": "区县",
    "town": "街道",
    "detail": "详细地址",
}
_FROM_TABLE = re.compile("现为|现属|也可能属于")
_DIVISIONS = ("province", "city", "district", "town")


class Cells(Protocol):
    """A row by field names; an absent column reads as an empty cell."""

    columns: Columns
    line: int

    def cell(self, field: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A recipient, the reason to hold the order if there is one, and what the clerk should look at."""

    recipient: Recipient
    held: Refusal | None = None
    warnings: tuple[Refusal, ...] = ()


def raw(row: Cells) -> tuple[str, ...]:
    """The cells that say who receives; equal tuples are equal recipients without any parsing."""
    return tuple(cells.visible(row.cell(field)) for field in _FIELDS)


def read(row: Cells) -> Reading:
    """The recipient of one row.

    Raises `orders.recipient_missing`, `orders.masked`, `orders.phone_invalid`, `orders.mangled` or
    `orders.quoted_cell`, each naming the column.
    """
    if row.columns.layout.recipient == "pasted":
        return _read_pasted(row)
    return _read_columns(row)


def reason_to_hold(recipient: Recipient) -> str | None:
    """The code of the reason why nothing can be shipped to a recipient: ciphertext of another platform in its name or
    address."""
    for text in (recipient.name, *_divisions(recipient), recipient.detail):
        kind = ciphertext.recognise(text)
        if kind is not None and not kind.is_own:
            return CIPHERTEXT_HELD
    return None


def completed(recipient: Recipient) -> Recipient:
    """A recipient as a program sends it, with its division code where the address can be read.

    Raises `orders.province_unknown` for a province that is no place, `orders.recipient_incomplete` without one, and
    what `refuse_unreceivable` raises.
    """
    refuse_unreceivable(recipient)
    province = recipient.province.strip()
    if province and not (addresses.is_place(province) or ciphertext.recognise(province)):
        raise Refusal("orders.province_unknown")
    if (recipient.division_code and province) or ciphertext.recognise(recipient.detail):
        return recipient
    parsed = addresses.complete(*_divisions(recipient), recipient.detail)
    if not (parsed.province or parsed.city):
        raise Refusal("orders.recipient_incomplete", missing="省、市")
    levels = {field: getattr(parsed, field) for field in (*_DIVISIONS, "detail")}
    levels["division_code"] = recipient.division_code or parsed.division_code
    return structs.replace(recipient, **levels)


def _divisions(recipient: Recipient) -> tuple[str, str, str, str]:
    return recipient.province, recipient.city, recipient.district, recipient.town


def _read_columns(row: Cells) -> Reading:
    name, detail = cells.visible(row.cell("name")), cells.visible(row.cell("detail"))
    _refuse_masked(name, detail, row)
    phone, extension, warnings = _phone(row)
    for value, field in ((name, "name"), (phone, "phone"), (detail, "detail")):
        if not value:
            raise Refusal("orders.recipient_missing", column=row.columns.title(field))
    held = _held(row, ("name", *_DIVISIONS, "detail"))
    if ciphertext.recognise(detail):
        divisions = {field: cells.visible(row.cell(field)) for field in _DIVISIONS}
        return Reading(Recipient(name, phone, extension, detail=detail, **divisions), held, warnings)
    parsed = _parse_address(row, detail)
    _refuse_unrouted(parsed, row.columns.title("detail"))
    warnings += _doubts(parsed, row.line, row.columns.title("detail"))
    return Reading(_with_address(parsed, name, phone, extension), held, warnings)


def _parse_address(row: Cells, detail: str) -> ParsedAddress:
    if row.columns.layout.recipient == "address":
        return addresses.parse_address(detail)
    province, city, district, town = (cells.visible(row.cell(field)) for field in _DIVISIONS)
    return addresses.complete(province, city, district, town, detail)


def _phone(row: Cells) -> tuple[str, str, tuple[Refusal, ...]]:
    field = "phone" if row.cell("phone").strip() or not row.cell("phone_2").strip() else "phone_2"
    text, column = row.cell(field), row.columns.title(field)
    kind = ciphertext.recognise(text)
    if kind is None:
        return *cells.phone(text, column), ()
    warnings = () if kind.is_own else (Refusal("orders.ciphertext_phone", line=row.line, column=column),)
    return text.strip(), "", warnings


def _held(row: Cells, fields: tuple[str, ...]) -> Refusal | None:
    for field in fields:
        kind = ciphertext.recognise(row.cell(field))
        if kind is not None and not kind.is_own:
            return Refusal("orders.ciphertext_held", line=row.line, column=row.columns.title(field))
    return None


def _read_pasted(row: Cells) -> Reading:
    text, column = cells.visible(row.cell("pasted")), row.columns.title("pasted")
    if not text:
        raise Refusal("orders.recipient_missing", column=column)
    found = ciphertext.find(text)
    rest = text
    for piece, _ in found:
        rest = rest.replace(piece, " ")
    if "**" in rest:
        raise Refusal("orders.masked", column=column)
    parsed = addresses.parse(rest)
    name, phone, detail, is_foreign_elsewhere = _place(parsed, found)
    if not (name and phone and (detail or parsed.town or parsed.district)):
        raise Refusal("orders.recipient_missing", column=column)
    if not found:
        _refuse_unrouted(parsed, column)
    recipient = structs.replace(_with_address(parsed, name, phone, parsed.extension), detail=detail)
    if is_foreign_elsewhere:
        return Reading(recipient, Refusal("orders.ciphertext_held", line=row.line, column=column))
    warnings = _doubts(parsed, row.line, column)
    if any(not kind.is_own for _, kind in found):
        warnings += (Refusal("orders.ciphertext_phone", line=row.line, column=column),)
    return Reading(recipient, None, warnings)


def _place(parsed: ParsedRecipient, found: list[tuple[str, ciphertext.Ciphertext]]) -> tuple[str, str, str, bool]:
    """Name, phone and detail with each piece of ciphertext where it belongs; the last tells of a foreign piece that
    is not the phone."""
    name, phone, detail, is_foreign_elsewhere = parsed.name, parsed.phone, parsed.detail, False
    for piece, kind in found:
        unmarked_phone = len(found) == 1 and bool(name and (detail or parsed.town or parsed.district))
        if not phone and (kind.marks_phone or unmarked_phone):
            phone = piece
            continue
        is_foreign_elsewhere |= not kind.is_own
        if name:
            detail = f"{detail}{piece}" if detail else piece
        else:
            name = piece
    return name, phone, detail, is_foreign_elsewhere


def _with_address(parsed: ParsedAddress | ParsedRecipient, name: str, phone: str, extension: str) -> Recipient:
    return Recipient(
        name,
        phone,
        extension,
        province=parsed.province,
        city=parsed.city,
        district=parsed.district,
        town=parsed.town,
        detail=parsed.detail,
        division_code=parsed.division_code,
    )


def _refuse_masked(name: str, detail: str, row: Cells) -> None:
    if "*" in name and not ciphertext.recognise(name):
        raise Refusal("orders.masked", column=row.columns.title("name"))
    if "**" in detail and not ciphertext.recognise(detail):
        raise Refusal("orders.masked", column=row.columns.title("detail"))


def _refuse_unrouted(parsed: ParsedAddress | ParsedRecipient, column: str) -> None:
    if not (parsed.province or parsed.city):
        raise Refusal("orders.address_incomplete", column=column)


def _doubts(parsed: ParsedAddress | ParsedRecipient, line: int, column: str) -> tuple[Refusal, ...]:
    """Warnings that name what the parser was not sure of, and an address that ends with the district."""
    unsure = dict.fromkeys(map(_shown, parsed.uncertain))
    warnings = (
        [Refusal("orders.address_uncertain", line=line, column=column, unsure="；".join(unsure))] if unsure else []
    )
    if not (parsed.detail or parsed.town):
        warnings.append(Refusal("orders.address_thin", line=line, column=column))
    return tuple(warnings)


def _shown(doubt: str) -> str:
    """A doubt as far as it may lie in a table: names from the division table, never words that a person wrote."""
    field, _, what = doubt.partition(":")
    named = _FIELD_NAMES.get(field, field)
    return f"{named} {what.strip()}" if _FROM_TABLE.search(what) else named
