"""What an order id may look like where a program sends it: an id of the trade, never a person who slipped into it."""

import re
from typing import Final

from miandan.kernel.errors import Refusal
from miandan.orders.cells import LONGEST_ID, has_forbidden_character
from miandan.orders.model import OrderRef

_ID: Final = re.compile(r"[A-Za-z_.-]*[0-9][0-9A-Za-z_.-]*")
_SHOP: Final = re.compile(rf"[^\s#|/]{{0,{LONGEST_ID}}}")
_MOBILE: Final = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])")
_LETTER: Final = re.compile("[A-Za-z]")


def refuse_odd_id(order_id: str) -> None:
    """Raises `orders.id_invalid` unless it is ASCII letters, digits, - _ and . with a digit among them, LONGEST_ID
    characters at most, and no mobile phone stands among letters.

    `/`, `#` and `|` part the pieces of a parcel key (`records.RESERVED_SIGNS`). Files are read more widely: what a
    person typed there, such as 补发-001, is seen by a person again.
    """
    if order_id.isdigit() and order_id.isascii() and len(order_id) <= LONGEST_ID:
        return  # as most are
    if len(order_id) > LONGEST_ID or not _ID.fullmatch(order_id) or _holds_a_phone(order_id):
        raise Refusal("orders.id_invalid", longest=LONGEST_ID)


def refuse_odd_ref(ref: OrderRef) -> None:
    """The same for an order of a shop, whose own id somebody has registered. Raises `orders.id_invalid`."""
    if not _SHOP.fullmatch(ref.shop_id) or has_forbidden_character(ref.shop_id):
        raise Refusal("orders.id_invalid", longest=LONGEST_ID)
    refuse_odd_id(ref.order_id)


def _holds_a_phone(order_id: str) -> bool:
    return not order_id.isdigit() and _LETTER.search(order_id) is not None and _MOBILE.search(order_id) is not None
