"""Statements about what happens to a waybill after it was taken."""

from collections.abc import Sequence
from datetime import datetime

from miandan.accounts.leases import AccountRef
from miandan.kernel.database import Reads, Transaction
from miandan.waybills.model import Carriage, NumberRef, Waybill
from miandan.waybills.queries import read_waybill

MOST_DUE = 500
"""Numbers recycled in one transaction."""

# A cancelled number waits without a scan; an issued one that nobody shipped or scanned is idle, printed or not. What
# was superseded and could not be cancelled is idle too once nobody has scanned it. A scan of one piece speaks for all.
# Each call goes on where the last one ended, so that a month is walked through once.
_DUE_FOR_UPDATE = """
    SELECT *
      FROM waybill w
     WHERE carrier = $1 AND first_scan_at IS NULL AND merchant_id >= $5 AND (merchant_id, number) > ($5, $6)
       AND (number_state = 'cancelled' AND state_at < $2
         OR number_state IN ('issued', 'cancel_requested') AND taken_at < $3 AND shipped_at IS NULL)
       AND (pieces = 1
         OR NOT EXISTS (SELECT
                          FROM waybill s
                         WHERE s.merchant_id = w.merchant_id AND s.carrier = w.carrier AND s.month = w.month
                           AND (s.number = w.parent_number OR s.parent_number = coalesce(w.parent_number, w.number))
                           AND s.first_scan_at IS NOT NULL))
     ORDER BY merchant_id, number
     LIMIT $4
       FOR UPDATE SKIP LOCKED
"""

_CANCEL_REQUESTED = """
    SELECT merchant_id, carrier, number, month
      FROM waybill
     WHERE carrier = ANY($1) AND number_state = 'cancel_requested' AND parent_number IS NULL
     ORDER BY state_at
"""

_COUNT_RECYCLED = """
    UPDATE account SET recycled = recycled + $3 WHERE merchant_id = $1 AND account_id = $2
"""

_KEEP_CARRIAGE = """
    UPDATE waybill
       SET first_scan_at = least(first_scan_at, $5), signed_at = least(signed_at, $6),
           returned_at = least(returned_at, $7)
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND month = $4
"""

_SET_SHIPPED = """
    UPDATE waybill
       SET shipped_at = $5
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND month = $4
"""

_SET_PIECES = """
    UPDATE waybill
       SET pieces = $5
     WHERE merchant_id = $1 AND carrier = $2 AND month = $4 AND (number = $3 OR parent_number = $3)
"""

# Rows are locked in one order, so that two programs that print the same numbers cannot block each other for good.
_COUNT_COPIES = """
    WITH printed AS (
        SELECT w.merchant_id, w.carrier, w.number, w.month
          FROM unnest($2::text[], $3::text[], $4::date[]) AS asked (carrier, number, month)
          JOIN waybill w ON w.merchant_id = $1 AND w.carrier = asked.carrier
                        AND w.number = asked.number AND w.month = asked.month
         ORDER BY w.carrier, w.number
           FOR UPDATE OF w
    )
    UPDATE waybill w
       SET copies = w.copies + 1
      FROM printed p
     WHERE w.merchant_id = p.merchant_id AND w.carrier = p.carrier AND w.number = p.number AND w.month = p.month
 RETURNING w.number
"""

_KEEP_VERSION = """
    INSERT INTO waybill_version (merchant_id, carrier, number, version, replaced_at, order_ref, goods, services,
                                 division_code, sort_code, big_mark, bag_centre, route_version,
                                 recipient_token, recipient_key, recipient, recipient_digest)
    SELECT merchant_id, carrier, number, version, $5, order_ref, goods, services,
           division_code, sort_code, big_mark, bag_centre, route_version,
           recipient_token, recipient_key, recipient, recipient_digest
      FROM waybill
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND month = $4
"""

_REPLACE = """
    UPDATE waybill
       SET version = $5, goods = $6, services = $7, division_code = $8, sort_code = $9, big_mark = $10,
           bag_centre = $11, route_version = $12, recipient_token = $13, recipient_key = $14, recipient = $15,
           recipient_digest = $16, recipient_index = $17
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND month = $4
"""


async def due_for_update(
    tx: Transaction, carrier: str, waited: datetime, idle: datetime, after: tuple[int, str]
) -> list[Waybill]:
    """Waybills of a carrier whose unit goes back: cancelled before `waited`, or taken before `idle` and never used.

    At most MOST_DUE, in the order of merchant and number, from behind `after` on.
    """
    rows = await tx.fetch(_DUE_FOR_UPDATE, carrier, waited, idle, MOST_DUE, *after)
    return [read_waybill(row) for row in rows]


async def cancel_requested(db: Reads, carriers: Sequence[str]) -> list[NumberRef]:
    """Numbers of these carriers whose cancellation has not ended, oldest first; parents only."""
    return [NumberRef(**dict(row)) for row in await db.fetch(_CANCEL_REQUESTED, list(carriers))]


async def count_recycled(tx: Transaction, account: AccountRef, units: int) -> None:
    """Move the account's running total."""
    await tx.execute(_COUNT_RECYCLED, account.merchant_id, account.account_id, units)


async def keep_carriage(tx: Transaction, ref: NumberRef, said: Carriage) -> None:
    """Note what scans say unless something earlier is known; scans come in any order."""
    where = ref.merchant_id, ref.carrier, ref.number, ref.month
    await tx.execute(_KEEP_CARRIAGE, *where, said.first_scan_at, said.signed_at, said.returned_at)


async def set_shipped(tx: Transaction, ref: NumberRef, at: datetime | None) -> None:
    """Make or withdraw the merchant's statement."""
    await tx.execute(_SET_SHIPPED, ref.merchant_id, ref.carrier, ref.number, ref.month, at)


async def set_pieces(tx: Transaction, parent: NumberRef, pieces: int) -> None:
    """Every sheet of the parcel says how many there are."""
    await tx.execute(_SET_PIECES, parent.merchant_id, parent.carrier, parent.number, parent.month, pieces)


async def count_copies(tx: Transaction, refs: Sequence[NumberRef]) -> int:
    """One more copy of each label of one merchant; how many waybills there were. They are held until `tx` ends."""
    if not refs:
        return 0
    arrays = [ref.carrier for ref in refs], [ref.number for ref in refs], [ref.month for ref in refs]
    return len(await tx.fetch(_COUNT_COPIES, refs[0].merchant_id, *arrays))


async def replace_document(tx: Transaction, changed: Waybill, at: datetime) -> None:
    """Keep the current version for good and write the changed one in its place."""
    ref, route, sealed = changed.ref, changed.route, changed.sealed
    where = ref.merchant_id, ref.carrier, ref.number, ref.month
    await tx.execute(_KEEP_VERSION, *where, at)
    await tx.execute(
        _REPLACE,
        *where,
        changed.version,
        [dict(line) for line in changed.goods],
        dict(changed.services),
        changed.division_code,
        route.sort_code,
        route.big_mark,
        route.bag_centre,
        route.version,
        sealed.token,
        sealed.key,
        sealed.body,
        sealed.digest,
        sealed.index or None,
    )
