"""Messages between rows that cannot share a transaction, delivered at least once.

`put` writes the message in the transaction that causes it. `deliver` hands every waiting message to its handler, in
one transaction per message that also marks it done. A handler must be idempotent: after a crash between a foreign
effect and the commit it sees the message again. A message that fails stays, with its failure and a growing delay.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from miandan.kernel.database import Database, Record, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id

_PUT = """
    INSERT INTO outbox (source, id, topic, body)
    VALUES ($1, $2, $3, $4)
"""
_PUT_MANY = """
    INSERT INTO outbox (source, id, topic, body)
    SELECT source, id, $3, body::jsonb
      FROM unnest($1::text[], $2::uuid[], $4::text[]) AS message (source, id, body)
"""
_CLAIM_NEXT = """
    SELECT source, id, topic, body, created_at, attempts
      FROM outbox
     WHERE done_at IS NULL AND due_at <= now() AND topic = ANY($1::text[])
     ORDER BY due_at
     LIMIT 1
       FOR UPDATE SKIP LOCKED
"""
_DONE = """
    UPDATE outbox
       SET done_at = now(), attempts = attempts + 1, failure = NULL
     WHERE source = $1 AND id = $2
"""
# The n-th failure waits 2^n seconds, an hour at most.
_FAILED = """
    UPDATE outbox
       SET attempts = attempts + 1, failure = $3,
           due_at = clock_timestamp() + least(2 ^ least(attempts, 12), 3600) * interval '1 second'
     WHERE source = $1 AND id = $2
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its handler sees it. `id` stays the same over all attempts: use it to recognise a repeat."""

    source: str
    id: UUID
    topic: str
    body: Any


Handler: TypeAlias = Callable[[Transaction, Message], Awaitable[None]]


async def put(tx: Transaction, source: str, topic: str, body: object) -> UUID:
    """Leave a message that exists exactly if `tx` commits. The body holds keys and counts, never a person's data."""
    message_id = new_id()
    await tx.execute(_PUT, source, message_id, topic, body)
    return message_id


async def put_many(tx: Transaction, topic: str, messages: Sequence[tuple[str, object]]) -> None:
    """`put` for many messages of one topic in one statement; each is its source and its body."""
    if messages:
        bodies = [msgspec.json.encode(body).decode() for _, body in messages]
        await tx.execute(_PUT_MANY, [source for source, _ in messages], [new_id() for _ in messages], topic, bodies)


async def deliver(db: Database, handlers: Mapping[str, Handler]) -> int:
    """Hand over everything that is due to the handler of its topic, oldest first; how many were done.

    Several programs may deliver at once: a claimed message is skipped by the others. Topics without a handler wait.
    """
    done = 0
    while True:
        outcome = await _deliver_next(db, handlers)
        if outcome is None:
            return done
        done += outcome


async def _deliver_next(db: Database, handlers: Mapping[str, Handler]) -> int | None:
    """1 when a message was done, 0 when its handler failed, None when nothing is due."""
    async with db.transaction() as tx:
        row = await tx.fetchrow(_CLAIM_NEXT, list(handlers))
        if row is None:
            return None
        return await _hand_over(tx, row, handlers[row["topic"]])


async def _hand_over(tx: Transaction, row: Record, handler: Handler) -> int:
    message = Message(row["source"], row["id"], row["topic"], row["body"])
    try:
        async with tx.transaction():  # a savepoint: a failed handler leaves nothing but its failure
            await handler(tx, message)
    except Exception as error:  # whatever it was, it must not stop the other messages
        failure = error.code if isinstance(error, Refusal) else type(error).__name__
        await tx.execute(_FAILED, message.source, message.id, failure)
        return 0
    await tx.execute(_DONE, message.source, message.id)
    return 1
