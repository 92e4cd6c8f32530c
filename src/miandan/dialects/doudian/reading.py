"""Pieces of a call as the house's nouns: carriers, senders, receivers, goods, services."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

from miandan.accounts.model import Sender
from miandan.addresses import division_of
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Carrier
from miandan.dialects.doudian.calls import Call
from miandan.kernel.errors import Refusal
from miandan.printing.model import Reader
from miandan.vault.issued import is_ciphertext
from miandan.vault.issued_texts import Receiver
from miandan.vault.model import Recipient
from miandan.vault.spelling import split_extension

NAMESPACE: Final = "doudian"
"""Of carriers' codes in this protocol."""

_OWN_COMPANIES: Final = 900_000
"""Numbers of carriers for which the platform has none begin here."""

SHORTEST_CIPHERTEXT: Final = 8
"""Characters; what is left of one that was cut shorter could be anything."""

LONGEST_DIVISION: Final = 40
"""Characters of a name of a province, city or county, twice as long as any: longer texts are not kept in memory."""

_MONEY: Final = re.compile(r"\d{1,12}")


@lru_cache(maxsize=256)
def carrier_named(code: str) -> Carrier:
    """The carrier behind a code of the platform, a name, or a code of ours. Raises carrier.unknown."""
    try:
        return catalogue().find(code, NAMESPACE)
    except Refusal:
        return catalogue().find(code)


@lru_cache(maxsize=256)
def carrier_code(carrier: str) -> str:
    """What the platform calls our carrier; our own code where it has no name there."""
    try:
        return catalogue().get(carrier).code_in(NAMESPACE).code
    except Refusal:
        return carrier


def company_id(carrier: Carrier) -> int:
    """The platform's number for a carrier; for one that has none there a number of ours from 900000 up, which its code
    makes the same for ever."""
    try:
        known = carrier.code_in(NAMESPACE).id
    except Refusal:
        known = ""
    return int(known) if known else _OWN_COMPANIES + crc32(carrier.code.encode()) % 99_999


def carrier_of(given: Mapping[str, Any]) -> Carrier:
    """The carrier that a ship call names: by code, by the older `company`, or by its number (`company_id`) alone.

    Raises doudian.field_missing, carrier.unknown.
    """
    if named := given.get("company_code") or given.get("company"):
        return carrier_named(named)
    number = str(given.get("logistics_id", "")).strip()
    if number in ("", "0"):
        raise Refusal("doudian.field_missing", field="company_code")
    ours = (carrier for carrier in catalogue() if str(company_id(carrier)) == number)
    return next(ours, None) or carrier_named(number)


def read_sender(given: Mapping[str, Any]) -> tuple[Sender, str]:
    """Sender and street of a call. The street may stand in an approved address or not; the account book tries both."""
    address, contact = given["address"], given["contact"]
    sender = Sender(
        contact["name"],
        contact.get("mobile") or contact.get("phone", ""),
        address["province_name"],
        address["city_name"],
        address["district_name"],
        address["detail_address"],
    )
    return sender, address.get("street_name", "")


def division(province: str, city: str, district: str) -> str:
    """Division code of three names, "" where they name no place."""
    if max(len(province), len(city), len(district)) > LONGEST_DIVISION:
        return ""
    return _division(province, city, district)


@lru_cache(maxsize=8192)
def _division(province: str, city: str, district: str) -> str:
    return division_of(province, city, district)


def division_code(address: Mapping[str, Any]) -> str:
    """The county's code of an address block; names count, its own code only where they say nothing."""
    named = division(address["province_name"], address["city_name"], address["district_name"])
    return named or str(address.get("district_code", ""))


def phone_of(contact: Mapping[str, Any]) -> str:
    """Mobile or landline. Raises doudian.field_missing where neither is given."""
    phone: str = contact.get("mobile") or contact.get("phone", "")
    if not phone:
        raise Refusal("doudian.field_missing", field="receiver_info.contact.mobile")
    return phone


def is_sealed(given: Mapping[str, Any]) -> bool:
    """Whether any personal part of a receiver arrives as ciphertext."""
    contact, address = given["contact"], given["address"]
    phone = contact.get("mobile") or contact.get("phone", "")  # the one that `phone_of` reads
    for text in (contact["name"], phone, address.get("detail_address", "")):
        if len(text) >= SHORTEST_CIPHERTEXT and is_ciphertext(text):
            return True
    return False


def read_recipient(given: Mapping[str, Any], remark: str = "") -> Recipient:
    """A receiver in plain. Raises doudian.field_missing without a phone."""
    address, contact = given["address"], given["contact"]
    phone, extension = split_extension(phone_of(contact))
    return Recipient(
        contact["name"],
        phone,
        extension,
        address["province_name"],
        address["city_name"],
        address["district_name"],
        address.get("street_name", ""),
        address.get("detail_address", ""),
        division_code(address),
        "",
        remark,
    )


def read_receiver(given: Mapping[str, Any], order_ref: str, order_id: str, remark: str = "") -> Receiver:
    """A receiver of whom some parts are ciphertext issued for the order. Raises doudian.field_missing."""
    address, contact = given["address"], given["contact"]
    return Receiver(
        order_ref,
        order_id,
        contact["name"],
        phone_of(contact),
        address.get("detail_address", ""),
        address["province_name"],
        address["city_name"],
        address["district_name"],
        address.get("street_name", ""),
        division_code(address),
        "",
        remark,
    )


def read_goods(items: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Goods as a waybill keeps them."""
    return tuple(map(_line, items))


def _line(item: Mapping[str, Any]) -> dict[str, Any]:
    title, spec = item["item_name"], item.get("item_specs", "")
    return {"line_id": "", "title": title, "spec": spec, "quantity": item["item_count"]}


def read_services(given: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Services with what they state; a whole number is fen."""
    if not given:
        return {}
    return {one["service_code"]: _stated(one.get("service_value", "")) for one in given if one.get("service_code")}


def _stated(value: str) -> str | int | bool:
    if not value:
        return True
    return int(value) if _MONEY.fullmatch(value) else value


def reader_of(call: Call) -> Reader:
    """Whose print component will open what this call is given."""
    return Reader(call.app.app_key, call.merchant_id, call.shop_id)
