"""A small world to take numbers in: the sandbox's merchants and accounts on a fresh database, a vault, a counter."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from miandan.accounts import service as accounts
from miandan.accounts.model import Account, Balance
from miandan.carriers.catalogue import catalogue
from miandan.cli.sandbox import load_sandbox
from miandan.connectors.fake import PROFILES, FakeCarrier
from miandan.kernel.database import Database
from miandan.vault.model import Recipient
from miandan.vault.root import FileRootKey
from miandan.vault.service import Vault
from miandan.waybills import service as waybills
from miandan.waybills.counter import Counter, open_counter
from miandan.waybills.model import Outcome, ParcelAsk, TakeRequest, parcel_key

MERCHANT = 1001
SHOP = "S10001"
SOMEBODY = Recipient(
    "测试甲", "19000000001", "", "浙江省", "杭州市", "余杭区", "仓前街道", "测试路 1 号 2 幢 301 室", "330110"
)


def parcel(order: str, *more: str, recipient: Recipient = SOMEBODY, pieces: int = 1, title: str = "杯子") -> ParcelAsk:
    """A parcel of one order, or of several."""
    keys = tuple(parcel_key(SHOP, one) for one in (order, *more))
    goods = ({"line_id": order, "title": title, "quantity": 1},)
    return ParcelAsk(keys, f"{SHOP}/{order}", recipient, goods, recipient.division_code, SHOP, pieces=pieces)


@dataclass(slots=True)
class World:
    """What tests say: `await world.take("zto", parcel("1"))`."""

    db: Database
    vault: Vault
    counter: Counter
    carriers: Mapping[str, FakeCarrier]

    async def account(self, carrier: str, merchant_id: int = MERCHANT) -> Account:
        [account] = await accounts.accounts_of(self.db, merchant_id, catalogue().find(carrier).code)
        return account

    async def request(
        self, carrier: str, *parcels: ParcelAsk, merchant_id: int = MERCHANT, **more: object
    ) -> TakeRequest:
        account = await self.account(carrier, merchant_id)
        sender = await self.sender(account)
        return TakeRequest(merchant_id, account.account_id, sender, parcels, **more)  # type: ignore[arg-type]

    async def sender(self, account: Account) -> UUID:
        [row] = await accounts.ship_from_of(self.db, account.merchant_id, account.account_id)
        return row.ship_from_id

    async def take(self, carrier: str, *parcels: ParcelAsk, **more: object) -> list[Outcome]:
        return await waybills.take(self.counter, await self.request(carrier, *parcels, **more))  # type: ignore[arg-type]

    async def balance(self, carrier: str, merchant_id: int = MERCHANT) -> Balance:
        return await accounts.balance(self.db, merchant_id, (await self.account(carrier, merchant_id)).account_id)


@asynccontextmanager
async def open_world(db: Database, folder: Path, *, lanes: int = 2) -> AsyncIterator[World]:
    """The sandbox loaded into `db`, fake carriers in `folder`."""
    await load_sandbox(db)
    async with reopen_world(db, folder, lanes=lanes) as world:
        yield world


@asynccontextmanager
async def reopen_world(db: Database, folder: Path, *, lanes: int = 2) -> AsyncIterator[World]:
    """Another program on the same database."""
    key = folder / "root.key"
    root = (
        FileRootKey.open(key, "for tests only") if key.exists() else FileRootKey.create(key, "for tests only", cost=2)
    )
    vault = await Vault.open(db, root)
    carriers = {code: FakeCarrier(code, folder / "fakes.sqlite") for code in PROFILES}
    async with open_counter(db, vault, carriers, lanes=lanes) as counter:
        yield World(db, vault, counter, carriers)
