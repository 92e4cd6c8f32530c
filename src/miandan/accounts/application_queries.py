"""Every statement about applications. `for_update` holds its row until the transaction ends."""

from datetime import datetime
from uuid import UUID

import msgspec

from miandan.accounts.model import Application, ApplicationState, Billing, Sender
from miandan.kernel.database import Reads, Record, Transaction

_INSERT_APPLICATION = """
    INSERT INTO application (merchant_id, application_id, carrier, branch_code, settlement_code, brand, billing,
                             ship_from, state, applied_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (merchant_id, carrier, branch_code, settlement_code, brand) WHERE state = 'applied' DO NOTHING
 RETURNING application_id
"""

_APPLICATION = """
    SELECT merchant_id, application_id, carrier, branch_code, settlement_code, brand, billing, ship_from, state,
           applied_at, reason, decided_at, account_id
      FROM application
"""
_APPLICATION_FOR_UPDATE = _APPLICATION + "WHERE merchant_id = $1 AND application_id = $2 FOR UPDATE"
_APPLICATION_BY_ID = _APPLICATION + "WHERE application_id = $1"
_APPLICATIONS = _APPLICATION + "WHERE merchant_id = $1 ORDER BY applied_at"
_ALL_APPLICATIONS = (
    _APPLICATION + "WHERE ($1::bigint IS NULL OR merchant_id = $1) AND ($2::text IS NULL OR carrier = $2)"
    " ORDER BY applied_at, application_id"
)
_UNDECIDED = (
    _APPLICATION + "WHERE state = 'applied' AND carrier = $1 AND branch_code = $2 AND applied_at <= $3"
    " ORDER BY applied_at"
)
_UNDECIDED_OF = _APPLICATION + "WHERE state = 'applied' AND carrier = $1 ORDER BY applied_at LIMIT $2"
_UNDECIDED_ANYWHERE = _APPLICATION + "WHERE state = 'applied' AND applied_at <= $1 ORDER BY applied_at"

_DECIDE = """
    UPDATE application
       SET state = $3, reason = $4, decided_at = $5, account_id = $6
     WHERE merchant_id = $1 AND application_id = $2
"""


async def insert(tx: Transaction, application: Application) -> bool:
    """False where one for the same account is undecided."""
    inserted = await tx.fetchval(
        _INSERT_APPLICATION,
        application.merchant_id,
        application.application_id,
        application.carrier,
        application.branch_code,
        application.settlement_code,
        application.brand,
        application.billing,
        msgspec.to_builtins(application.ship_from),
        application.state,
        application.applied_at,
    )
    return inserted is not None


async def for_update(tx: Transaction, merchant_id: int, application_id: UUID) -> Application | None:
    row = await tx.fetchrow(_APPLICATION_FOR_UPDATE, merchant_id, application_id)
    return None if row is None else _application(row)


async def by_id(db: Reads, application_id: UUID) -> Application | None:
    """Whoever the merchant is; for a carrier, whose answer names nothing else."""
    row = await db.fetchrow(_APPLICATION_BY_ID, application_id)
    return None if row is None else _application(row)


async def of_merchant(db: Reads, merchant_id: int) -> list[Application]:
    return [_application(row) for row in await db.fetch(_APPLICATIONS, merchant_id)]


async def of_all(db: Reads, merchant_id: int | None, carrier: str | None) -> list[Application]:
    """Decided or not; None stands for every merchant, every carrier."""
    return [_application(row) for row in await db.fetch(_ALL_APPLICATIONS, merchant_id, carrier)]


async def undecided_at(db: Reads, carrier: str, branch_code: str, until: datetime) -> list[Application]:
    """What a branch has to decide, oldest first."""
    return [_application(row) for row in await db.fetch(_UNDECIDED, carrier, branch_code, until)]


async def undecided_of(db: Reads, carrier: str, limit: int) -> list[Application]:
    """What a carrier's branches have to decide, oldest first."""
    return [_application(row) for row in await db.fetch(_UNDECIDED_OF, carrier, limit)]


async def undecided_anywhere(db: Reads, until: datetime) -> list[Application]:
    return [_application(row) for row in await db.fetch(_UNDECIDED_ANYWHERE, until)]


async def decide(
    tx: Transaction, application: Application, state: ApplicationState, reason: str, at: datetime,
    account_id: UUID | None = None,
) -> None:  # fmt: skip
    await tx.execute(_DECIDE, application.merchant_id, application.application_id, state, reason, at, account_id)


def _application(row: Record) -> Application:
    senders = tuple(Sender(**sender) for sender in row["ship_from"])
    enums = {"billing": Billing(row["billing"]), "state": ApplicationState(row["state"]), "ship_from": senders}
    return Application(**dict(row) | enums)
