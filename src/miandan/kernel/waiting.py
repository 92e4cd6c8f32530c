"""Waiting for whatever comes first."""

import asyncio


async def first_of(*events: asyncio.Event, seconds: float) -> None:
    """Until one of the events is set, `seconds` at most."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
