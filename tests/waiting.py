"""Waits for the thing itself where a test needs two transactions to meet."""

import asyncio

from miandan.kernel.database import Reads

_PATIENCE_SECONDS = 30.0
_WAITS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


async def until_a_lock_is_waited_for(db: Reads) -> None:
    """Until some transaction of this database waits for another one."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await db.fetchval(_WAITS):  # noqa: ASYNC110  it has to be asked
            await asyncio.sleep(0.005)
