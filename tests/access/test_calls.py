"""Notes of calls on their way into the database: none twice, and none that keeps the others out."""

import asyncio

from miandan.access.calls import CallLog, CallNote, latest_calls, new_log_id
from miandan.kernel.clock import now
from tests.conftest import FreshDatabase


def note(log_id: str) -> CallNote:
    return CallNote(log_id, now(), "api", "7000000000000000001", "GET /api/v1/orders", "S10001", 200, "", 3)


async def test_notes_that_were_written_before_do_not_keep_new_ones_out(fresh_database: FreshDatabase) -> None:
    first, second = note(new_log_id()), note(new_log_id())
    async with fresh_database() as db:
        log = CallLog(db)
        log.note(first)
        await log.flush()
        log.note(first)  # as after a connection that broke between the commit and its answer
        log.note(second)
        await log.flush()
        kept = await latest_calls(db, first.app_key)
    assert {one.log_id for one in kept} == {first.log_id, second.log_id}
    assert len(kept) == 2


async def test_notes_whose_writing_is_given_up_are_written_the_next_time(fresh_database: FreshDatabase) -> None:
    one = note(new_log_id())
    async with fresh_database(pool_size=1) as db:
        log = CallLog(db)
        log.note(one)
        async with db.connection():  # there is no other, so the writing waits
            writing = asyncio.create_task(log.flush())
            await asyncio.sleep(0)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        assert await log.flush() == 1
        assert [kept.log_id for kept in await latest_calls(db, one.app_key)] == [one.log_id]
