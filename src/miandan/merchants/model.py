"""Who ships: merchants as legal subjects, the shops they run (many or none), the stores their parcels leave from."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from miandan.kernel.errors import Refusal

MerchantId = NewType("MerchantId", int)

_LARGEST_ID = 2**63 - 1
_YEAR_2020_MS = 1_577_836_800_000


def new_merchant_id() -> MerchantId:
    """A positive 63-bit number: 42 bits of milliseconds, then 21 random bits. Good until the year 2109."""
    random = int.from_bytes(os.urandom(3), "big") >> 3
    return MerchantId((time.time_ns() // 1_000_000) << 21 | random)


def new_entry_id() -> int:
    """An id below a merchant (an address, a store): 41 bits of milliseconds since 2020, then 12 random bits.

    Small enough for clients that keep numbers as doubles (below 2^53), so two may meet: whoever writes one asks again.
    """
    random = int.from_bytes(os.urandom(2), "big") >> 4
    return (time.time_ns() // 1_000_000 - _YEAR_2020_MS) << 12 | random


def read_entry_id(text: str) -> int | None:
    """Such an id as a door was given it; None for what is none."""
    digits = text if text.isascii() and text.isdigit() and len(text) <= 19 else "0"
    return int(digits) if 0 < int(digits) <= _LARGEST_ID else None


def read_merchant_id(text: str) -> MerchantId:
    """The id that a door was given as a string. Raises merchant.id_malformed."""
    digits = text if text.isascii() and text.isdigit() and len(text) <= 19 else "0"
    if not 0 < int(digits) <= _LARGEST_ID:
        raise Refusal("merchant.id_malformed")
    return MerchantId(int(digits))


class Platform(StrEnum):
    """Where a shop sells; OWN is the operator's own marketplace."""

    DOUDIAN = "doudian"
    TAOBAO = "taobao"
    PDD = "pdd"
    JD = "jd"
    OWN = "own"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Merchant:
    """A legal subject. `applicant` is a code of shop_types.toml."""

    merchant_id: MerchantId
    name: str
    applicant: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Shop:
    """What a merchant runs on a platform. Its id is the platform's own and unique below its merchant only."""

    merchant_id: MerchantId
    shop_id: str
    name: str
    platform: Platform
    shop_type: str
    opened_at: datetime
    closed_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the ground as waybills write it, with its division code where it is known."""

    province: str
    city: str
    district: str
    detail: str
    division_code: str = ""


class StoreState(StrEnum):
    """How far a store is on a platform. A store written down here is open; checking papers is the platform's affair."""

    BINDING = "binding"
    BOUND = "bound"
    CHECKING_PAPERS = "checking_papers"
    CHECKING_ACCOUNT = "checking_account"
    OPEN = "open"


class SuspendedBy(StrEnum):
    MERCHANT = "merchant"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Store:
    """A place that parcels leave from (门店), and what a platform shows of it.

    `store_code` is the merchant's own number for it, `contact` its public phone, `hours` maps weekdays "1" to "7" to
    opening hours as they were given, `shop_id` is the shop that it belongs to ("" for none).
    """

    merchant_id: MerchantId
    store_id: str
    name: str
    place: Place
    opened_at: datetime
    closed_at: datetime | None = None
    shop_id: str = ""
    store_code: str = ""
    contact: str = field(default="", repr=False)
    hours: Mapping[str, Any] = field(default_factory=dict)
    longitude: str = ""
    latitude: str = ""
    state: StoreState = StoreState.OPEN
    suspended_by: SuspendedBy | None = None
    updated_at: datetime | None = None
