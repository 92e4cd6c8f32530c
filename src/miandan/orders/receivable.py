"""Whether somebody could receive a parcel at all: the one rule for recipients that programs send, at every door."""

import re
import unicodedata
from operator import attrgetter, gt
from typing import Final

from miandan.kernel.errors import Refusal
from miandan.vault import ciphertext
from miandan.vault.model import Recipient

LONGEST: Final = {
    "name": 100,
    "phone": 40,
    "extension": 20,
    "province": 50,
    "city": 50,
    "district": 50,
    "town": 50,
    "detail": 500,
    "buyer_remark": 1_000,
    "seller_remark": 1_000,
}
"""Characters of each field in plain; ciphertext is as long as its maker wants."""

FEWEST_DIGITS, MOST_DIGITS = 5, 20
"""Of a phone without its extension: the shortest service numbers, and the longest numbers from abroad."""

_NAMES: Final = {
    "name": "姓名 name",
    "phone": "电话 phone",
    "extension": "分机 extension",
    "province": "省 province",
    "city": "市 city",
    "district": "区县 district",
    "town": "街道 town",
    "detail": "详细地址 detail",
    "buyer_remark": "买家备注 buyer_remark",
    "seller_remark": "卖家备注 seller_remark",
}
_LEAST: Final = ("姓名", "电话", "详细地址")
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)
"""Control characters, and those that change the direction of what follows."""

_PHONE: Final = re.compile(
    r"(?P<main>\+?[0-9()_./ \u2010-\u2015\u2212-]+)"
    r"(?:(?:转|轉|分机号?|ext\.?|[,;:#x-]) *[0-9]{1,8}#?|\[[0-9]{1,8}\])?",
    re.IGNORECASE,
)
_texts = attrgetter(*LONGEST)
_LIMITS: Final = tuple(LONGEST.values())
_REMARKS: Final = 8  # place of the remarks, which may have lines


def refuse_unreceivable(recipient: Recipient) -> None:
    """Raises for a recipient whom no courier finds: `orders.recipient_incomplete` (blank counts as missing),
    `orders.recipient_masked`, `orders.recipient_long`, `orders.recipient_unprintable`, `orders.recipient_phone`.

    Ciphertext of ours or another platform's is as good as what it stands for. Costs a few microseconds.
    """
    r = recipient
    there = r.name.strip(), r.phone.strip(), r.detail.strip() or r.town.strip()
    if not all(there):
        missing = [field for field, text in zip(_LEAST, there, strict=True) if not text]
        raise Refusal("orders.recipient_incomplete", missing="、".join(missing))
    texts = _texts(r)
    together = "".join(texts[:_REMARKS])
    if "*" in together and (_is_masked(r.name, "*") or _is_masked(r.phone, "*") or _is_masked(r.detail, "**")):
        raise Refusal("orders.recipient_masked")
    if any(map(gt, map(len, texts), _LIMITS)):
        _refuse_long(r)
    if not together.isprintable():
        _refuse_unprintable(r)
    if not (is_phone(r.phone) or ciphertext.recognise(r.phone)):
        raise Refusal("orders.recipient_phone", fewest=FEWEST_DIGITS, most=MOST_DIGITS)


def is_phone(text: str) -> bool:
    """Whether the text has as many digits as a phone, with nothing but the usual separators and an extension."""
    if text.isascii() and text.isdigit():
        return FEWEST_DIGITS <= len(text) <= MOST_DIGITS
    match = _PHONE.fullmatch(unicodedata.normalize("NFKC", text).strip()) if len(text) <= LONGEST["phone"] else None
    return match is not None and FEWEST_DIGITS <= sum(map(str.isdigit, match["main"])) <= MOST_DIGITS


def _is_masked(text: str, mark: str) -> bool:
    return mark in text and not ciphertext.recognise(text)


def _refuse_long(r: Recipient) -> None:
    for field, limit in LONGEST.items():
        text = getattr(r, field)
        if len(text) > limit and not ciphertext.recognise(text):
            raise Refusal("orders.recipient_long", field=_NAMES[field], limit=limit)


def _refuse_unprintable(r: Recipient) -> None:
    """Joined marks, rare characters and the wide blank are no `isprintable` either, and are fine."""
    for field in list(LONGEST)[:_REMARKS]:
        if _UNPRINTABLE.search(getattr(r, field)):
            raise Refusal("orders.recipient_unprintable", field=_NAMES[field])
