"""Why a recipient may be read: the purposes of `purposes.toml`, dated, each with the fields that it allows."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources

from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.vault.model import Recipient


class RecipientField(StrEnum):
    """The parts of a recipient that are asked for apart."""

    NAME = "name"
    PHONE = "phone"
    ADDRESS = "address"
    REMARKS = "remarks"


_COLUMNS = {
    RecipientField.NAME: ("name",),
    RecipientField.PHONE: ("phone", "extension"),
    RecipientField.ADDRESS: ("province", "city", "district", "town", "detail", "division_code"),
    RecipientField.REMARKS: ("buyer_remark", "seller_remark"),
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose; `days_after_signing` is None where signing sets no end."""

    code: str
    zh: str
    en: str
    fields: frozenset[RecipientField]
    budgeted: bool
    valid_from: date
    source: str
    valid_until: date | None = None
    days_after_signing: int | None = None

    def allowed(self, wanted: Collection[str]) -> frozenset[RecipientField]:
        """The wanted fields. Raises Refusal vault.fields when the purpose does not need one of them."""
        known = {field.value for field in self.fields}
        beyond = sorted(set(wanted) - known)
        if beyond:
            raise Refusal("vault.fields", purpose=self.code, fields=", ".join(beyond))
        return frozenset(RecipientField(field) for field in wanted)


@cache
def purposes() -> tuple[Purpose, ...]:
    """Every row, current or not."""
    text = resources.files("miandan.vault").joinpath("purposes.toml").read_text(encoding="utf-8")
    return tuple(
        Purpose(**row | {"fields": frozenset(RecipientField(field) for field in row["fields"])})
        for row in tomllib.loads(text)["purpose"]
    )


def purpose_on(code: str, day: date) -> Purpose:
    """The purpose as it stands on a Beijing day. Raises Refusal vault.purpose when there is none."""
    for purpose in purposes():
        ended = purpose.valid_until is not None and day > purpose.valid_until
        if purpose.code == code and purpose.valid_from <= day and not ended:
            return purpose
    raise Refusal("vault.purpose", purpose=code)


def only(recipient: Recipient, fields: Collection[RecipientField]) -> Recipient:
    """The recipient with everything emptied that is not in `fields`."""
    hidden = {column: "" for field, columns in _COLUMNS.items() if field not in fields for column in columns}
    return structs.replace(recipient, **hidden)
