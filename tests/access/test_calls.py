"""Notes of calls on their way into the database: none twice, and none that keeps the others out."""

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
