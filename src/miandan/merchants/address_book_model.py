"""A merchant's address book: business contacts that parcels leave from and come back to. Never logged."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from miandan.merchants.model import Place


class LinkType(StrEnum):
    """How a contact is reached: by `phone` (a mobile), or by `fixed_phone` (a landline, a 400 number)."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    BUSINESS_LINE = "business_line"


class Sorting(StrEnum):
    """By the time an address was written down, or by its last change."""

    OLDEST_FIRST = "oldest_first"
    NEWEST_FIRST = "newest_first"
    CHANGED_FIRST = "changed_first"
    CHANGED_LAST = "changed_last"


@dataclass(frozen=True, slots=True, repr=False)
class AddressDraft:
    """An address to be written down. `division_code` of the place is that of its lowest known level (nine digits for
    a town); with names left empty they are read from the code."""

    contact: str
    place: Place
    town: str = ""
    link_type: LinkType = LinkType.MOBILE
    phone: str = ""
    fixed_phone: str = ""
    remark: str = ""
    shop_id: str = ""
    store_id: str = ""

    def __repr__(self) -> str:
        return "AddressDraft(***)"


@dataclass(frozen=True, slots=True, repr=False)
class BusinessAddress:
    """An entry of the book. `returns_here` and `ships_here` are its shop's defaults for what comes back and leaves."""

    merchant_id: int
    address_id: int
    shop_id: str
    store_id: str
    link_type: LinkType
    contact: str
    phone: str
    fixed_phone: str
    place: Place
    town: str
    remark: str
    returns_here: bool
    ships_here: bool
    created_at: datetime
    updated_at: datetime

    def __repr__(self) -> str:
        return f"BusinessAddress({self.address_id}, ***)"


@dataclass(frozen=True, slots=True)
class AddressPage:
    """Rows of `total`."""

    rows: tuple[BusinessAddress, ...]
    total: int
