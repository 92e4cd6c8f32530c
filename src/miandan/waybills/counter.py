"""The counter (柜台): everything a process needs to take numbers, opened once and shared by all its callers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from miandan.accounts.cards import AccountCard, card_of
from miandan.accounts.leases import AccountRef
from miandan.branches.routes import RouteTable, current_version, route_table
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Carrier
from miandan.connectors.model import Connector
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.memory import Memory
from miandan.vault.service import Vault
from miandan.waybills.desk import MOST_PARCELS, Desk, open_desk
from miandan.waybills.model import Route

FRESH_SECONDS = 5.0
"""How long an account card or a route table is used before it is read again. A lease is always checked at once."""

MOST_KEPT = 4096
"""Account cards that are kept; the one read longest ago goes first. A card holds its approved addresses' ids."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The route table of a carrier, or none."""

    table: RouteTable | None

    def of(self, division_code: str) -> Route:
        """The longest match; an empty route where there is none, which prints as 未分拣."""
        found = self.table.route(division_code) if self.table is not None else None
        if found is None or self.table is None:
            return Route()
        return Route(found.sort_code, found.big_mark, found.bag_centre, self.table.version)

    def reaches(self, division_code: str) -> bool:
        """Whether the carrier goes there. One without a table is not said to go nowhere."""
        return self.table is None or bool(self.of(division_code).sort_code)


@dataclass(slots=True)
class Counter:
    """What takes share in one process: the desk, the vault, connectors, and what is known of accounts and routes."""

    db: Database
    vault: Vault
    desk: Desk
    connectors: Mapping[str, Connector]
    calling: set[str] = field(default_factory=set)
    """Intents whose live call this process is making now."""
    printing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while labels are printed."""
    _cards: Memory[AccountRef, AccountCard] = field(default_factory=lambda: Memory(MOST_KEPT))
    _routes: Memory[str, Routes] = field(default_factory=lambda: Memory(MOST_KEPT))
    _tables: dict[str, RouteTable] = field(default_factory=dict)

    async def card(self, ref: AccountRef) -> AccountCard:
        """The account, at most some seconds old. Raises account.unknown."""
        return await self._cards.get(ref, self._read_card)

    async def routes(self, carrier: str) -> Routes:
        """The carrier's route table, at most some seconds old."""
        return await self._routes.get(carrier, self._read_routes)

    async def _read_card(self, ref: AccountRef) -> tuple[AccountCard, float]:
        return await card_of(self.db, ref), FRESH_SECONDS

    async def _read_routes(self, carrier: str) -> tuple[Routes, float]:
        version = await current_version(self.db, carrier)
        if version is None:
            return Routes(None), FRESH_SECONDS
        known = self._tables.get(carrier)
        if known is None or known.version != version:
            known = self._tables[carrier] = await route_table(self.db, carrier, version)
        return Routes(known), FRESH_SECONDS

    def carrier(self, code: str) -> Carrier:
        return catalogue().get(code)

    def connector(self, carrier: str) -> Connector:
        """Raises connector.missing when nobody has set one up."""
        if carrier not in self.connectors:
            known = self.carrier(carrier)
            raise Refusal("connector.missing", carrier=carrier, zh=known.zh, en=known.en)
        return self.connectors[carrier]


@asynccontextmanager
async def open_counter(
    db: Database,
    vault: Vault,
    connectors: Mapping[str, Connector] | None = None,
    *,
    lanes: int = 2,
    most_parcels: int = MOST_PARCELS,
) -> AsyncIterator[Counter]:
    """A counter that is open until the block ends; then its leases go back."""
    async with open_desk(db, lanes=lanes, most_parcels=most_parcels) as desk:
        yield Counter(db, vault, desk, connectors or {})
