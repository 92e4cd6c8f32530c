"""The hall (大厅): what all doors of one process share. server/house.py opens it and hands it to them."""

from dataclasses import dataclass
from typing import Final

from miandan.access.calls import CallLog
from miandan.access.doorkeeper import Doorkeeper
from miandan.accounts.account_book import AccountBook
from miandan.kernel.database import Database
from miandan.kernel.wrapping import Wraps
from miandan.outbound.desk import ShipDesk
from miandan.printing.desk import PrintDesk
from miandan.vault.service import Vault
from miandan.waybills.counter import Counter

LARGEST_BODY: Final = 8 * 1024 * 1024
"""Bytes of a call; 50 orders with long remarks are a hundredth of it, 1,000 numbers with all their scans a quarter."""


@dataclass(frozen=True, slots=True)
class Hall:
    """Database and root key, the counter where numbers are taken, the desks for print data and for what goes out, who
    may come in, and the notes of calls.

    `public_url` is where the outside reaches this server, without a slash at its end.
    """

    db: Database
    root: Wraps
    counter: Counter
    printing: PrintDesk
    shipping: ShipDesk
    doorkeeper: Doorkeeper
    accounts: AccountBook
    calls: CallLog
    public_url: str
    sandbox: bool

    @property
    def vault(self) -> Vault:
        return self.counter.vault
