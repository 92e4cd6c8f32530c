"""Every statement about share grants. The owner's rows and the user's are never written in one statement."""

from datetime import datetime
from uuid import UUID

from miandan.accounts.model import GrantState, ShareGrant, UnitEntry
from miandan.kernel.database import Reads, Record, Transaction

_INSERT = """
    INSERT INTO share_grant (merchant_id, grant_id, account_id, user_id, units, state, granted_at)
    VALUES ($1, $2, $3, $4, $5, 'active', $6)
"""

_GRANT = """
    SELECT merchant_id, grant_id, account_id, user_id, units, returned, used, heard_at, state, granted_at, revoked_at
      FROM share_grant
"""
_GRANT_FOR_UPDATE = _GRANT + "WHERE merchant_id = $1 AND grant_id = $2 FOR UPDATE"
_GRANTS = _GRANT + "WHERE merchant_id = $1 ORDER BY granted_at, grant_id"

_GRANT_ANYWHERE = _GRANT + "WHERE grant_id = $1"
_ALL_GRANTS = _GRANT + "WHERE $1::bigint IS NULL OR merchant_id = $1 OR user_id = $1 ORDER BY granted_at, grant_id"

_START_REVOKING = "UPDATE share_grant SET state = 'revoking' WHERE merchant_id = $1 AND grant_id = $2"

_HEAR_OF_USE = """
    UPDATE share_grant
       SET used = $3, heard_at = $4
     WHERE merchant_id = $1 AND grant_id = $2 AND (heard_at IS NULL OR heard_at < $4)
"""

_HEAR_OF_RETURN = """
    UPDATE share_grant
       SET returned = returned + $3, state = 'revoked', revoked_at = coalesce(revoked_at, $4)
     WHERE merchant_id = $1 AND grant_id = $2
"""

# The message's id is the entry's, so a message that comes twice is booked once.
_BOOK_RETURN = """
    INSERT INTO unit_entry (merchant_id, entry_id, account_id, kind, units, subject, at)
    VALUES ($1, $2, $3, 'grant_return', $4, $5, $6)
        ON CONFLICT DO NOTHING
 RETURNING entry_id
"""

_ADD_AVAILABLE = "UPDATE account SET available = available + $3 WHERE merchant_id = $1 AND account_id = $2"

_SHARED_ACCOUNT = "SELECT account_id FROM account WHERE merchant_id = $1 AND grant_id = $2"

# Spent by the user: what came, less what went back, less what nobody has taken yet.
_USED = """
    SELECT received - reclaimed - available
           - (SELECT coalesce(sum(l.last - l.next + 1), 0)
                FROM lease l
               WHERE l.merchant_id = $1 AND l.account_id = $2 AND l.closed_at IS NULL)::bigint
      FROM account
     WHERE merchant_id = $1 AND account_id = $2
"""

_OPEN_SHARED_ACCOUNTS = """
    SELECT merchant_id, account_id FROM account WHERE grant_id IS NOT NULL AND state <> 'closed'
"""

_CLOSED_WITH_UNITS = """
    SELECT merchant_id, account_id FROM account WHERE grant_id IS NOT NULL AND state = 'closed' AND available <> 0
"""


async def insert_grant(tx: Transaction, grant: ShareGrant) -> None:
    await tx.execute(
        _INSERT, grant.merchant_id, grant.grant_id, grant.account_id, grant.user_id, grant.units, grant.granted_at
    )


async def grant_for_update(tx: Transaction, owner_id: int, grant_id: UUID) -> ShareGrant | None:
    row = await tx.fetchrow(_GRANT_FOR_UPDATE, owner_id, grant_id)
    return None if row is None else _grant(row)


async def grants(db: Reads, owner_id: int) -> list[ShareGrant]:
    return [_grant(row) for row in await db.fetch(_GRANTS, owner_id)]


async def grant_anywhere(db: Reads, grant_id: UUID) -> ShareGrant | None:
    """Whoever the owner is; for an operator, who types the grant only."""
    row = await db.fetchrow(_GRANT_ANYWHERE, grant_id)
    return None if row is None else _grant(row)


async def all_grants(db: Reads, merchant_id: int | None) -> list[ShareGrant]:
    """Those of a merchant as owner or user; None stands for every merchant."""
    return [_grant(row) for row in await db.fetch(_ALL_GRANTS, merchant_id)]


async def start_revoking(tx: Transaction, owner_id: int, grant_id: UUID) -> None:
    await tx.execute(_START_REVOKING, owner_id, grant_id)


async def hear_of_use(tx: Transaction, owner_id: int, grant_id: UUID, used: int, at: datetime) -> None:
    """Older news than what was heard before changes nothing."""
    await tx.execute(_HEAR_OF_USE, owner_id, grant_id, used, at)


async def hear_of_return(tx: Transaction, owner_id: int, grant_id: UUID, units: int, at: datetime) -> None:
    await tx.execute(_HEAR_OF_RETURN, owner_id, grant_id, units, at)


async def book_return(tx: Transaction, owner_id: int, account_id: UUID, entry: UnitEntry) -> bool:
    """False where this return was booked before."""
    fresh = await tx.fetchval(_BOOK_RETURN, owner_id, entry.entry_id, account_id, entry.units, entry.subject, entry.at)
    if fresh is None:
        return False
    await tx.execute(_ADD_AVAILABLE, owner_id, account_id, entry.units)
    return True


async def shared_account(db: Reads, user_id: int, grant_id: UUID) -> UUID | None:
    """The using merchant's account of a grant."""
    found: UUID | None = await db.fetchval(_SHARED_ACCOUNT, user_id, grant_id)
    return found


async def used(tx: Transaction, merchant_id: int, account_id: UUID) -> int:
    return int(await tx.fetchval(_USED, merchant_id, account_id))


async def open_shared_accounts(db: Reads) -> list[tuple[int, UUID]]:
    return [(row["merchant_id"], row["account_id"]) for row in await db.fetch(_OPEN_SHARED_ACCOUNTS)]


async def closed_with_units(db: Reads) -> list[tuple[int, UUID]]:
    return [(row["merchant_id"], row["account_id"]) for row in await db.fetch(_CLOSED_WITH_UNITS)]


def _grant(row: Record) -> ShareGrant:
    return ShareGrant(**dict(row) | {"state": GrantState(row["state"])})
