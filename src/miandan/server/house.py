"""Opening the hall: database, root key, vault, counter, in their order, and closing them again."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from miandan.access.calls import CallLog
from miandan.access.doorkeeper import Doorkeeper
from miandan.accounts.account_book import AccountBook
from miandan.connectors.registry import sandbox_connectors
from miandan.hall import Hall
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.outbound.desk import ShipDesk
from miandan.printing.desk import PrintDesk
from miandan.vault.root import is_sandbox, open_root_key
from miandan.vault.service import Vault
from miandan.waybills.counter import open_counter

_log = logging.getLogger("miandan")


@asynccontextmanager
async def open_hall(settings: Settings) -> AsyncIterator[Hall]:
    """Open everything; leases and connections go back at the end. Raises Refusal database.*, vault.*."""
    sandbox = is_sandbox(settings)
    async with open_database(settings) as db:
        root = open_root_key(settings.data, settings.passphrase, sandbox=sandbox)
        vault = await Vault.open(db, root)
        connectors = sandbox_connectors(settings.data) if sandbox else {}
        async with open_counter(db, vault, connectors) as counter:
            calls = CallLog(db)
            try:
                yield Hall(
                    db,
                    root,
                    counter,
                    PrintDesk(counter, root, settings.public_url, sandbox, settings.data / "printers"),
                    ShipDesk(db, vault),
                    Doorkeeper(db, root),
                    AccountBook(db),
                    calls,
                    settings.public_url,
                    sandbox,
                )
            finally:
                await _write_last_notes(calls)


async def _write_last_notes(calls: CallLog) -> None:
    """A database that is gone by now keeps nothing else from closing."""
    try:
        await calls.flush()
    except Exception as error:
        _log.warning("calls.not_written calls=%d kind=%s", calls.waiting, type(error).__name__)
