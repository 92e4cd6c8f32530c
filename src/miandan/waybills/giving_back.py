"""Numbers that a carrier issued in vain: it is asked to take them back, at once and then by the job."""

import asyncio

from miandan.branches import service as branches
from miandan.connectors.model import CarrierRefused, CarrierSilent, Connector
from miandan.waybills import intents
from miandan.waybills.counter import Counter
from miandan.waybills.intents import Unused
from miandan.waybills.lives import CALL_SECONDS


async def give_up_unused(counter: Counter) -> int:
    """The job: have the carriers take back what was issued in vain; how many numbers they took."""
    given_up = 0
    for unused in await intents.all_unused(counter.db):
        if unused.carrier in counter.connectors:
            given_up += await give_up(counter, counter.connector(unused.carrier), unused)
    return given_up


async def give_up(counter: Counter, connector: Connector, unused: Unused) -> bool:
    """Whether the carrier took the number back; what it did not take stays on record.

    A number that is somebody's here is not given back: the carrier has answered it for another parcel too, and would
    cancel that.
    """
    if await branches.whose(counter.db, unused.carrier, unused.number) is not None:
        await intents.forget_unused(counter.db, unused)
        return False
    try:
        async with asyncio.timeout(CALL_SECONDS):
            await connector.cancel(unused.number, str(unused.intent_id))
    except (CarrierRefused, CarrierSilent, TimeoutError):
        return False
    await intents.forget_unused(counter.db, unused)
    return True
