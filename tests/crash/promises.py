"""What `miandan check` says about a whole era, besides our own judges."""

import asyncio
import time

from miandan.cli.check import check
from miandan.kernel.database import open_database
from tests.crash.era import Era

RECOVERY_SECONDS = 60.0


async def wrong_with_check(era: Era) -> list[str]:
    """The promises that `miandan check` finds broken."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            async with open_database(era.settings, pool_size=1) as db:
                report = await check(db)
            break
        except Exception:  # the server is still recovering from its kill
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
    return [f"check: {verdict}" for verdict in report.promises if verdict.name in report.broken]
