"""Suppliers (代发): merchants that ship for the shops of others, and the orders that were given to them.

A relation is one supplier for one shop, said by the one side and accepted by the other. Without it nobody takes a
number for somebody else's shop; with it on record a parcel of another's shop is not without a source (无货源).
"""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderLine, OrderRef, OrderState


class RelationState(StrEnum):
    ASKED = "asked"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SupplyRelation:
    """That a supplier ships for a seller's shop. `shop_id` is "" for a seller without a shop.

    `stated_by`, `accepted_by` and `ended_by` name logins or apps. `evidence` is what the sides point at: a contract
    number, a reference; never a person's data.
    """

    merchant_id: int
    relation_id: UUID
    shop_id: str
    supplier_id: int
    state: RelationState
    asked_by: int
    evidence: str
    stated_by: str
    asked_at: datetime
    accepted_by: str = ""
    active_since: datetime | None = None
    ended_by: str = ""
    ended_at: datetime | None = None

    @property
    def seller_id(self) -> int:
        return self.merchant_id

    @property
    def accepts(self) -> int:
        """The merchant whose word is still missing while it is asked."""
        return self.supplier_id if self.asked_by == self.merchant_id else self.merchant_id

    def concerns(self, merchant_id: int) -> bool:
        return merchant_id in (self.merchant_id, self.supplier_id)


def not_active(relation: SupplyRelation | None, shop_id: str) -> Refusal | None:
    """supply.no_relation with the state it is in, None where the supplier may ship for the shop."""
    if relation is not None and relation.state is RelationState.ACTIVE:
        return None
    return Refusal("supply.no_relation", shop=shop_id, state="none" if relation is None else relation.state.value)


class DistributionState(StrEnum):
    """Whether a number stands is no state of its own: `numbers` says it, read from the parcel keys."""

    DISTRIBUTED = "distributed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Distribution:
    """An order given to a supplier; the parcels it asked numbers for are `packs`, the first of them ""."""

    seller_id: int
    distr_order_id: str
    ref: OrderRef
    supplier_id: int
    state: DistributionState
    packs: tuple[str, ...]
    distributed_at: datetime
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StandingNumber:
    """A live number of a distributed order. While a live call is under way `number` is no number of the carrier."""

    pack_id: str
    carrier: str
    number: str


@dataclass(frozen=True, slots=True)
class DistributedOrder:
    """What either side sees of a distributed order: goods and states. Who receives it is no part of this."""

    distribution: Distribution
    order_state: OrderState
    lines: tuple[OrderLine, ...]
    paid_at: datetime | None
    numbers: tuple[StandingNumber, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `offset` and on of `total`."""

    rows: tuple[DistributedOrder, ...]
    total: int


def new_distr_order_id() -> str:
    """24 digits, in the order of time: 13 of milliseconds, 11 random ones. Unique without asking the other sellers."""
    return f"{time.time_ns() // 1_000_000:013d}{secrets.randbelow(10**11):011d}"
