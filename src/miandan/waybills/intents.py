"""Statements about live calls. An intent is committed before the call and occupies the parcel's keys until settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from miandan.kernel.database import Database, Reads, Record, Transaction
from miandan.vault.model import Sealed


@dataclass(frozen=True, slots=True)
class Intent:
    """One live call. `ask` is what the waybill needs besides the recipient: keys, goods, sender, pieces, app."""

    merchant_id: int
    intent_id: UUID
    account_id: UUID
    lease_id: UUID
    worker: int
    carrier: str
    state: str
    units: int
    ask: Mapping[str, Any]
    order_ref: str
    recipient_token: UUID
    recipient_key: bytes | None
    recipient: bytes
    recipient_digest: bytes
    asked_at: datetime

    @property
    def sealed(self) -> Sealed:
        return Sealed(self.recipient_token, self.recipient_key, self.recipient, self.recipient_digest, b"")


_COLUMNS = """merchant_id, intent_id, account_id, lease_id, worker, carrier, state, units, ask, order_ref,
              recipient_token, recipient_key, recipient, recipient_digest, asked_at"""

_INSERT = f"""
    INSERT INTO live_intent ({_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""

_OCCUPY = """
    INSERT INTO parcel_key (merchant_id, parcel_key, carrier, number, seat, month)
    SELECT $1, parcel_key, $3, $4, place - 1, $5
      FROM unnest($2::text[]) WITH ORDINALITY AS k (parcel_key, place)
     ORDER BY parcel_key -- as everybody does, so that two parcels with the same orders cannot block each other
"""

_FREE = "DELETE FROM parcel_key WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND ended_at = 'infinity'"

_UNSETTLED = f"""
    SELECT {_COLUMNS}
      FROM live_intent
     WHERE merchant_id = $1 AND intent_id = $2 AND state IN ('open', 'in_doubt')
"""

_IN_DOUBT = f"""
    SELECT {_COLUMNS}
      FROM live_intent
     WHERE merchant_id = $1 AND state = 'in_doubt'
     ORDER BY asked_at
"""

_SETTLE = """
    UPDATE live_intent
       SET state = $3, settled_at = $4, number = $5, error_code = $6, raw = $7
     WHERE merchant_id = $1 AND intent_id = $2
"""

_DOUBT = """
    UPDATE live_intent
       SET state = 'in_doubt', raw = $3, asked_at = greatest(asked_at, $4)
     WHERE merchant_id = $1 AND intent_id = $2 AND state IN ('open', 'in_doubt')
"""

_KEEP_UNUSED = """
    UPDATE live_intent
       SET unused_number = $3
     WHERE merchant_id = $1 AND intent_id = $2 AND number IS DISTINCT FROM $3
"""

_FORGET_UNUSED = "UPDATE live_intent SET unused_number = NULL WHERE merchant_id = $1 AND intent_id = $2"

_UNUSED = "SELECT merchant_id, intent_id, carrier, unused_number FROM live_intent WHERE unused_number IS NOT NULL"

_NUMBER_GIVEN = "SELECT number FROM live_intent WHERE merchant_id = $1 AND intent_id = $2"

_ABANDONED = "SELECT merchant_id, intent_id FROM live_intent WHERE state IN ('open', 'in_doubt') ORDER BY asked_at"


async def insert(tx: Transaction, intent: Intent, keys: Sequence[str], placeholder: str, month: date) -> None:
    """Commit to a call, with `placeholder` for its number. Raises UniqueViolationError when a key is occupied."""
    await tx.execute(_OCCUPY, intent.merchant_id, list(keys), intent.carrier, placeholder, month)
    await tx.execute(
        _INSERT,
        intent.merchant_id,
        intent.intent_id,
        intent.account_id,
        intent.lease_id,
        intent.worker,
        intent.carrier,
        intent.state,
        intent.units,
        dict(intent.ask),
        intent.order_ref,
        intent.recipient_token,
        intent.recipient_key,
        intent.recipient,
        intent.recipient_digest,
        intent.asked_at,
    )


async def unsettled(db: Reads, merchant_id: int, intent_id: UUID) -> Intent | None:
    """The intent while its outcome is not known."""
    return _intent(await db.fetchrow(_UNSETTLED, merchant_id, intent_id))


async def unsettled_for_update(tx: Transaction, merchant_id: int, intent_id: UUID) -> Intent | None:
    """The same, held until the transaction ends."""
    return _intent(await tx.fetchrow(_UNSETTLED + " FOR UPDATE", merchant_id, intent_id))


async def all_unsettled(db: Reads) -> list[tuple[int, UUID]]:
    """Merchant and id of every intent without outcome, oldest first."""
    return [(row["merchant_id"], row["intent_id"]) for row in await db.fetch(_ABANDONED)]


async def in_doubt(db: Reads, merchant_id: int) -> list[Intent]:
    """The merchant's calls that nobody answered, oldest first."""
    return [Intent(**dict(row)) for row in await db.fetch(_IN_DOUBT, merchant_id)]


async def settle(
    tx: Transaction, intent: Intent, state: str, at: datetime, *, number: str | None, error: str | None, raw: str
) -> None:
    """Write down the outcome."""
    await tx.execute(_SETTLE, intent.merchant_id, intent.intent_id, state, at, number, error, raw)


async def doubt(tx: Transaction, intent: Intent, raw: str, asked_at: datetime) -> None:
    """Write down that no answer came to a call that began at `asked_at` or before."""
    await tx.execute(_DOUBT, intent.merchant_id, intent.intent_id, raw, asked_at)


class Unused(NamedTuple):
    """A number that a carrier issued and nobody will use."""

    merchant_id: int
    intent_id: UUID
    carrier: str
    number: str


async def keep_unused(tx: Transaction, intent: Intent, number: str) -> None:
    """Remember that the carrier has to take a number of this call back."""
    await tx.execute(_KEEP_UNUSED, intent.merchant_id, intent.intent_id, number)


async def forget_unused(db: Database, unused: Unused) -> None:
    """Off the record: the carrier has taken the number back, or it is somebody's."""
    await db.execute(_FORGET_UNUSED, unused.merchant_id, unused.intent_id)


async def all_unused(db: Reads) -> list[Unused]:
    """What the carriers have to take back still."""
    return [Unused(*row) for row in await db.fetch(_UNUSED)]


async def number_given(db: Reads, intent: Intent) -> str | None:
    """The number that the call ended with, whoever learnt it; None when it gave none."""
    number: str | None = await db.fetchval(_NUMBER_GIVEN, intent.merchant_id, intent.intent_id)
    return number


async def free_keys(tx: Transaction, intent: Intent, placeholder: str) -> None:
    """Give up the keys that the intent occupied."""
    await tx.execute(_FREE, intent.merchant_id, intent.carrier, placeholder)


def _intent(row: Record | None) -> Intent | None:
    return None if row is None else Intent(**dict(row))
