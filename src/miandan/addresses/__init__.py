"""Reads what people write: name, phone, province, city, district, town, detail, division code.

Our own parser over a dated division table with rename history. No database, no network.
"""

from functools import lru_cache

from miandan.addresses.cleaning import LONGEST, clean
from miandan.addresses.columns import complete_columns
from miandan.addresses.divisions import PROVINCE, Division, Divisions, division_of, divisions
from miandan.addresses.model import ParsedAddress, ParsedRecipient
from miandan.addresses.reading import read_address
from miandan.addresses.recipients import read_recipient


def parse(text: str) -> ParsedRecipient:
    """A recipient out of pasted text: labelled or not, in any order, with separators or without.

    Never raises and never invents: what the text does not say or imply stays empty, what could not be decided stands
    in `uncertain`. Retired names are returned as their successor, the old name in `uncertain`.
    """
    return read_recipient(text)


def parse_address(text: str) -> ParsedAddress:
    """An address alone, for rows that have name and phone in columns of their own. Never raises."""
    parsed = read_address(divisions(), clean(text[:LONGEST]))
    if len(text) <= LONGEST:
        return parsed
    return ParsedAddress(
        parsed.province,
        parsed.city,
        parsed.district,
        parsed.town,
        parsed.detail + clean(text[LONGEST:]),
        parsed.division_code,
        (*parsed.uncertain, "detail: 文字过长，后面的没有解析"),
    )


@lru_cache(maxsize=4096)
def is_place(name: str) -> bool:
    """Whether this is the name of a province, a city or a county: full, short, retired, or the beginning of a
    province's (内蒙)."""
    if len(name) < 2:
        return False
    table = divisions()
    begins = (one.name.startswith(name) for one in table if one.level == PROVINCE)
    return name in table.names or any(begins) or bool(complete_columns(name, "", "", "", "").division_code)


def complete(province: str, city: str, district: str, town: str, detail: str) -> ParsedAddress:
    """Columns with or without 省, 市, 区 brought to full current names and code.

    What the columns leave out is taken from the detail where it says so. Columns that contradict each other come back
    as written, without a code, with the contradiction in `uncertain`. Never raises.
    """
    return complete_columns(province, city, district, town, detail)


def describe(parsed: ParsedRecipient) -> dict[str, str | list[str]]:
    """The recipient as a JSON object of `miandan address`, fields in the order a reader expects."""
    return {
        "name": parsed.name,
        "phone": parsed.phone,
        "extension": parsed.extension,
        "province": parsed.province,
        "city": parsed.city,
        "district": parsed.district,
        "town": parsed.town,
        "detail": parsed.detail,
        "division_code": parsed.division_code,
        "uncertain": list(parsed.uncertain),
    }


__all__ = [
    "Division",
    "Divisions",
    "ParsedAddress",
    "ParsedRecipient",
    "complete",
    "describe",
    "division_of",
    "divisions",
    "is_place",
    "parse",
    "parse_address",
]
