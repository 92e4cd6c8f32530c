"""The audit log: who did what and why, in chains of hashes, so that a changed, missing or inserted entry shows.

Entries hold tokens and ids, never a person's data, so shredding a recipient leaves every chain whole. The hash of an
entry is SHA-256 over these eight texts joined by `|`, which PostgreSQL and anybody else can compute again:

    prev as hex | chain as hex of UTF-8 | seq | at as 2026-11-23T08:00:00.000000Z | actor | action | purpose | subject

the last four as hex of UTF-8, subject as PostgreSQL writes the jsonb. The first entry of a chain has seq 1 and a prev
of 32 zero bytes. `audit_head` repeats seq and hash of the last entry, so a cut-off end shows as well. Who can rewrite
a whole chain and its head can hide it: `heads` gives what to note down elsewhere, day by day.
"""

from datetime import datetime
from typing import Final, NamedTuple

from miandan.kernel.clock import now
from miandan.kernel.database import Reads, Transaction

PLATFORM: Final = "platform"
"""The chain of what concerns no single merchant."""

_HASH = """
    sha256(convert_to(concat_ws('|',
        encode(prev, 'hex'), encode(convert_to(chain, 'UTF8'), 'hex'), seq::text,
        to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        encode(convert_to(actor, 'UTF8'), 'hex'), encode(convert_to(action, 'UTF8'), 'hex'),
        encode(convert_to(purpose, 'UTF8'), 'hex'), encode(convert_to(subject::text, 'UTF8'), 'hex')), 'UTF8'))
"""
_NOTHING = "decode(repeat('00', 32), 'hex')"

# The row stays locked until the transaction ends: two writers of one chain wait for each other here.
_ADVANCE_HEAD_FOR_UPDATE = f"""
    INSERT INTO audit_head (chain, seq, hash)
    VALUES ($1, 1, {_NOTHING})
        ON CONFLICT (chain) DO UPDATE SET seq = audit_head.seq + 1
 RETURNING seq, hash
"""
_APPEND = f"""
    WITH entry AS (
        INSERT INTO audit_entry (chain, seq, at, actor, action, purpose, subject, prev, hash)
        SELECT chain, seq, at, actor, action, purpose, subject, prev, {_HASH}
          FROM (SELECT $1::text AS chain, $2::bigint AS seq, $3::timestamptz AS at, $4::text AS actor,
                       $5::text AS action, $6::text AS purpose, $7::jsonb AS subject, $8::bytea AS prev) AS given
     RETURNING hash
    )
    UPDATE audit_head SET hash = entry.hash FROM entry WHERE audit_head.chain = $1
"""
_BREAKS = f"""
    WITH entry AS (
        SELECT chain, seq, hash, prev, {_HASH} AS computed,
               lag(seq, 1, 0::bigint) OVER (PARTITION BY chain ORDER BY seq) AS seq_before,
               lag(hash, 1, {_NOTHING}) OVER (PARTITION BY chain ORDER BY seq) AS hash_before
          FROM audit_entry
    ), tail AS (
        SELECT DISTINCT ON (chain) chain, seq, hash FROM audit_entry ORDER BY chain, seq DESC
    )
    SELECT chain, seq, CASE WHEN hash <> computed THEN 'changed'
                            WHEN seq <> seq_before + 1 THEN 'missing before'
                            ELSE 'not linked' END AS what
      FROM entry
     WHERE hash <> computed OR seq <> seq_before + 1 OR prev <> hash_before
     UNION ALL
    SELECT coalesce(head.chain, tail.chain), coalesce(tail.seq, 0), 'end differs from head'
      FROM audit_head AS head
      FULL JOIN tail ON tail.chain = head.chain
     WHERE (head.seq, head.hash) IS DISTINCT FROM (tail.seq, tail.hash)
     ORDER BY chain, seq
     LIMIT $1
"""
_HEADS = "SELECT chain, seq, hash FROM audit_head ORDER BY chain"


class Break(NamedTuple):
    """Where a chain is not what was written: `changed`, `missing before`, `not linked`, `end differs from head`."""

    chain: str
    seq: int
    what: str


class Head(NamedTuple):
    """The end of a chain."""

    chain: str
    seq: int
    hash: bytes


def merchant_chain(merchant_id: int) -> str:
    """The chain of one merchant's data."""
    return f"merchant:{merchant_id}"


async def append(
    tx: Transaction,
    chain: str,
    *,
    actor: str,
    action: str,
    purpose: str = "",
    subject: object,
    at: datetime | None = None,
) -> int:
    """Write the next entry of `chain` and return its seq; it exists exactly if `tx` commits.

    `subject` becomes jsonb and holds tokens, ids and counts only. The chain stays locked until `tx` ends, so append
    last in a transaction.
    """
    seq, prev = await tx.fetchrow(_ADVANCE_HEAD_FOR_UPDATE, chain)  # type: ignore[misc]  # the upsert always answers
    await tx.execute(_APPEND, chain, seq, at or now(), actor, action, purpose, subject, prev)
    return int(seq)


async def verify(db: Reads, limit: int = 20) -> list[Break]:
    """The first breaks of all chains; an empty list when every chain is whole. Reads every entry."""
    return [Break(*row) for row in await db.fetch(_BREAKS, limit)]


async def heads(db: Reads) -> list[Head]:
    """The ends of all chains, to be noted down where nobody who can write the database can write."""
    return [Head(*row) for row in await db.fetch(_HEADS)]
