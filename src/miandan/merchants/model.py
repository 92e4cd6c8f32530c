"""Who ships: merchants as legal subjects, the shops they run (many or none), the stores their parcels leave from."""

import os
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from miandan.kernel.errors import Refusal

MerchantId = NewType("MerchantId", int)

_LARGEST_ID = 2**63 - 1


def new_merchant_id() -> MerchantId:
    """A positive 63-bit number: 42 bits of milliseconds, then 21 random bits. Good until the year 2109."""
    random = int.from_bytes(os.urandom(3), "big") >> 3
    return MerchantId((time.time_ns() // 1_000_000) << 21 | random)


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


@dataclass(frozen=True, slots=True)
class Store:
    """A place that parcels leave from (门店)."""

    merchant_id: MerchantId
    store_id: str
    name: str
    place: Place
    opened_at: datetime
    closed_at: datetime | None = None
