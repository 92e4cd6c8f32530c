"""Statements that say whose many numbers are, for callers who read parcels rather than take numbers."""

from collections.abc import Sequence

from miandan.branches.model import Whose
from miandan.kernel.database import Transaction

_IN_DIRECTORY = """
    SELECT number, merchant_id, month FROM number_directory WHERE carrier = $1 AND number = ANY($2::text[])
"""

_IN_SLICES = """
    SELECT asked.number, nearest.merchant_id, nearest.account_id
      FROM unnest($3::text[], $4::bigint[]) AS asked (number, serial),
           LATERAL (SELECT merchant_id, account_id, last
                      FROM pool_slice
                     WHERE carrier = $1 AND kind = $2 AND first <= asked.serial
                     ORDER BY first DESC
                     LIMIT 1) AS nearest
     WHERE nearest.last >= asked.serial
"""


async def in_directory(tx: Transaction, carrier: str, numbers: Sequence[str]) -> dict[str, Whose]:
    """Whose the numbers are that stand in the directory."""
    rows = await tx.fetch(_IN_DIRECTORY, carrier, numbers)
    return {row["number"]: Whose(row["merchant_id"], row["month"]) for row in rows}


async def in_slices(tx: Transaction, carrier: str, kind: str, serials: dict[str, int]) -> dict[str, Whose]:
    """Whose the numbers (with their serials) are that lie in a slice."""
    rows = await tx.fetch(_IN_SLICES, carrier, kind, list(serials), list(serials.values()))
    return {row["number"]: Whose(row["merchant_id"], None, row["account_id"]) for row in rows}
