"""Who receives a parcel, in plain and sealed. A plain recipient never shows itself in a repr, a log or an exception."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True, repr=False)
class Recipient:
    """A plain recipient with the remarks that came with the order, since remarks often hold phones."""

    name: str
    phone: str
    extension: str = ""
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    detail: str = ""
    division_code: str = ""
    buyer_remark: str = ""
    seller_remark: str = ""

    def __repr__(self) -> str:
        return "Recipient(***)"


class Sealed(NamedTuple):
    """A recipient under lock, as it lies in a row: without `key` (the wrapped data key) nobody can read `body`."""

    token: UUID
    key: bytes | None
    body: bytes
    digest: bytes
    index: bytes
