"""Who receives a parcel, in plain and sealed. A plain recipient never shows itself in a repr, a log or an exception."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct


class Recipient(Struct, frozen=True):
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
    """A recipient under lock, as it lies in a row: without `key` (the wrapped data key) nobody can read `body`.

    `token` names the recipient everywhere outside the vault, `digest` finds recipients that are the same person at
    the same place (16 bytes, keyed), `index` holds the packed search indexes until they stand in `vault_index`.
    """

    token: UUID
    key: bytes | None
    body: bytes
    digest: bytes
    index: bytes  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a recipient


class IndexKind(StrEnum):
    """What a clerk may search a recipient by."""

    PHONE = "phone"
    TAIL = "tail"
    NAME = "name"


class IndexEntry(NamedTuple):
    """One search index of one recipient, under the index key of `version`."""

    kind: IndexKind
    version: int
    value: bytes


class Found(NamedTuple):
    """A recipient that a search led to: its token and what the envelope is bound to."""

    token: UUID
    bound_to: str
