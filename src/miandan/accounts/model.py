"""Accounts at a branch: applications for them, the units they hold, who may send from where, what they share.

received - reclaimed = available + leased + granted + allocated + waiting, for every account at every moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from miandan.kernel.errors import Refusal


class Billing(StrEnum):
    """Prepaid accounts hold units bought from a branch; monthly ones only count, down to a limit where one is set."""

    PREPAID = "prepaid"
    MONTHLY = "monthly"


class Supply(StrEnum):
    """Where an account's numbers come from."""

    SEGMENT = "segment"
    LIVE = "live"
    LIST = "list"


class ApplicationState(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    REJECTED = "rejected"


class AccountState(StrEnum):
    """Only active accounts give numbers. Closed is the end of a shared account whose grant was revoked."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DORMANT = "dormant"
    CLOSED = "closed"


class GrantState(StrEnum):
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKED = "revoked"


class Sender(Struct, frozen=True):
    """Who stands on the label as the sender and where. A person's data, so it never shows itself."""

    contact: str
    phone: str
    province: str
    city: str
    district: str
    detail: str
    division_code: str = ""
    store_id: str = ""

    @property
    def place(self) -> tuple[str, ...]:
        """What is compared: the address without the blanks that people add."""
        return tuple("".join(part.split()) for part in (self.province, self.city, self.district, self.detail))

    def __repr__(self) -> str:
        return "Sender(***)"


@dataclass(frozen=True, slots=True)
class ShipFrom:
    """An approved sender of an account. Never changed, only withdrawn, since waybills refer to it."""

    merchant_id: int
    ship_from_id: UUID
    account_id: UUID
    sender: Sender
    approved_at: datetime
    withdrawn_at: datetime | None = None


def approved_among(approved: Iterable[ShipFrom], sender: Sender, account_id: UUID) -> ShipFrom:
    """The approved address that a free-standing sender means: same place, same person where there are several.

    Raises account.sender_not_approved.
    """
    here = [row for row in approved if row.withdrawn_at is None and row.sender.place == sender.place]
    if not here:
        raise Refusal("account.sender_not_approved", account=str(account_id))
    same = (row for row in here if (row.sender.contact, row.sender.phone) == (sender.contact, sender.phone))
    return next(same, here[0])


@dataclass(frozen=True, slots=True)
class Application:
    """A merchant's wish to ship with a branch (branch code) or a carrier directly (settlement code)."""

    merchant_id: int
    application_id: UUID
    carrier: str
    branch_code: str
    settlement_code: str
    brand: str
    billing: Billing
    ship_from: tuple[Sender, ...]
    state: ApplicationState
    applied_at: datetime
    reason: str = ""
    decided_at: datetime | None = None
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant's account at a branch. Units are counts of numbers; `available` is what no lease or grant holds.

    `owner_id` and `grant_id` are set where the account is shared to this merchant by another.
    """

    merchant_id: int
    account_id: UUID
    carrier: str
    branch_code: str
    settlement_code: str
    brand: str
    billing: Billing
    supply: Supply
    state: AccountState
    state_at: datetime
    state_reason: str
    carrier_reads: bool
    full_label_by: str | None
    full_label_at: datetime | None
    owner_id: int | None
    grant_id: UUID | None
    unit_limit: int | None
    received: int
    reclaimed: int
    available: int
    recycled: int
    opened_at: datetime

    @property
    def shared(self) -> bool:
        return self.grant_id is not None

    @property
    def spendable(self) -> int | None:
        """Units that a lease or a grant may still take; None where nothing limits them."""
        if self.billing is Billing.PREPAID:
            return max(self.available, 0)
        return None if self.unit_limit is None else max(self.unit_limit + self.available, 0)


@dataclass(frozen=True, slots=True)
class Balance:
    """Where an account's units are, computed from the rows that hold them; `recycled` is a running total."""

    received: int
    reclaimed: int
    available: int
    leased: int
    granted: int
    allocated: int
    waiting: int
    recycled: int

    @property
    def adds_up(self) -> bool:
        held = self.available + self.leased + self.granted + self.allocated + self.waiting
        return self.received - self.reclaimed == held


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """One change of `available`, signed by its effect on it. A recharge has the id of its entry in the stock."""

    entry_id: UUID
    kind: str
    units: int
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ShareGrant:
    """The owner's side of a share: units lent to a user. `used` is what was last heard, at `heard_at`."""

    merchant_id: int
    grant_id: UUID
    account_id: UUID
    user_id: int
    units: int
    returned: int
    used: int
    heard_at: datetime | None
    state: GrantState
    granted_at: datetime
    revoked_at: datetime | None
