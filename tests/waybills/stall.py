"""A merchant of one test (Stall, 摊位): opens accounts as it needs them, takes numbers, counts its units."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from miandan.accounts import applications
from miandan.accounts import service as accounts
from miandan.accounts.model import Account, Balance, Sender
from miandan.branches import service as branches
from miandan.branches.model import Branch
from miandan.carriers.numbers import NumberKind
from miandan.connectors.fake import Issue
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from miandan.waybills import lives, queries
from miandan.waybills import service as waybills
from miandan.waybills.model import NumberRef, Outcome, ParcelAsk, Refused, Taken, TakeRequest, Waybill
from tests.waybills.world import World, parcel

OFFICES = {"zto": "57100", "yto": "571001", "yunda": "310001", "sto": "310101", "jt": "5710003", "zto_intl": "57199"}
"""Branch of each carrier in the sandbox; the others have a head office only."""

SENDER = Sender("示例发货仓", "0571-00000000", "浙江省", "杭州市", "余杭区", "示例路 100 号 1 号仓", "330110")
UNITS = 1000
"""What a prepaid account is opened with."""


@dataclass(slots=True)
class Stall:
    """One merchant; `take` opens the account on first use."""

    world: World
    merchant_id: int
    accounts: dict[str, Account] = field(default_factory=dict)

    async def account(self, carrier: str, *, units: int = UNITS, reads: bool = True) -> Account:
        """The merchant's account with a carrier of the sandbox, opened now where there is none."""
        if carrier not in self.accounts:
            self.accounts[carrier] = await self.opens(carrier, OFFICES.get(carrier, ""), units=units, reads=reads)
        return self.accounts[carrier]

    async def opens(
        self, carrier: str, office: str, *, units: int = UNITS, reads: bool = True, brand: str = ""
    ) -> Account:
        db = self.world.db
        settlement = "SANDBOX" if self.world.counter.carrier(carrier).terms().settlement == "settlement" else ""
        application = await applications.apply(
            db, self.merchant_id, carrier, ship_from=[SENDER], branch_code=office, settlement_code=settlement,
            brand=brand,
        )  # fmt: skip
        account = await applications.approve(db, self.merchant_id, application.application_id, carrier_reads=reads)
        if units and account.billing == "prepaid":
            account = await accounts.recharge(db, self.merchant_id, account.account_id, units)
        return account

    async def sender(self, account: Account) -> UUID:
        [row, *_] = await accounts.ship_from_of(self.world.db, account.merchant_id, account.account_id)
        return row.ship_from_id

    async def request(self, account: Account, parcels: Sequence[ParcelAsk], **more: object) -> TakeRequest:
        sender = await self.sender(account)
        return TakeRequest(account.merchant_id, account.account_id, sender, tuple(parcels), **more)  # type: ignore[arg-type]

    async def take(self, carrier: str, *parcels: ParcelAsk, **more: object) -> list[Outcome]:
        request = await self.request(await self.account(carrier), parcels, **more)
        return await waybills.take(self.world.counter, request)

    async def one(self, carrier: str, ask: ParcelAsk | str, **more: object) -> Taken:
        """Take one parcel that must get its number."""
        [outcome] = await self.take(carrier, parcel(ask) if isinstance(ask, str) else ask, **more)
        assert isinstance(outcome, Taken), outcome
        return outcome

    async def refusal(self, carrier: str, ask: ParcelAsk | str, **more: object) -> Refusal:
        """Take one parcel that must be refused."""
        [outcome] = await self.take(carrier, parcel(ask) if isinstance(ask, str) else ask, **more)
        assert isinstance(outcome, Refused), outcome
        assert outcome.refusal.zh, "every refusal has its words"
        return outcome.refusal

    async def cancel(self, taken: Taken) -> str:
        return await lives.cancel(self.world.counter, self.merchant_id, taken.ref.carrier, taken.number)

    async def waybill(self, ref: NumberRef) -> Waybill:
        [waybill] = await queries.waybills(self.world.db, [ref])
        return waybill

    async def balance(self, carrier: str) -> Balance:
        """Where the units are; they must add up whenever anybody looks."""
        account = await self.account(carrier)
        balance = await accounts.balance(self.world.db, account.merchant_id, account.account_id)
        assert balance.adds_up, balance
        return balance

    async def used(self, carrier: str) -> int:
        """Units of live numbers and of calls whose outcome is not known."""
        return (await self.balance(carrier)).allocated

    async def live_numbers(self) -> dict[str, str]:
        """The number that occupies each key now."""
        rows = await self.world.db.fetch(
            "SELECT parcel_key, number FROM parcel_key WHERE merchant_id = $1 AND ended_at = 'infinity'",
            self.merchant_id,
        )
        return {row["parcel_key"]: row["number"] for row in rows}

    async def at_carrier(self, carrier: str) -> list[Issue]:
        """What the carrier's own books say it issued to this merchant."""
        rows = await self.world.db.fetch(
            "SELECT intent_id::text FROM live_intent WHERE merchant_id = $1", self.merchant_id
        )
        ours = {row["intent_id"] for row in rows}
        return [issue for issue in self.world.carriers[carrier].issued() if issue.key in ours]

    async def count(self, sql: str, *more: object) -> int:
        """A count about this merchant, who is $1."""
        return int(await self.world.db.fetchval(sql, self.merchant_id, *more))


async def open_stall(world: World) -> Stall:
    merchant = await merchants.register_merchant(world.db, "示例摊主", "enterprise")
    return Stall(world, merchant.merchant_id)


async def open_office(world: World, carrier: str, code: str, *, serials: tuple[int, int], stock: int = 0) -> None:
    """A further branch with a segment of its own."""
    await branches.open_branch(world.db, Branch(carrier, code, "示例小网点", now()))
    await branches.load_segment(world.db, carrier, code, *serials, NumberKind.SANDBOX)
    if stock:
        await branches.receive_stock(world.db, carrier, code, stock)


def numbers(outcomes: Sequence[Outcome]) -> list[str]:
    """The numbers that were given, refusals left out."""
    return [outcome.number for outcome in outcomes if isinstance(outcome, Taken)]


def codes(outcomes: Sequence[Outcome]) -> list[str]:
    """Per parcel the code of its refusal, "" where it got a number."""
    return [outcome.refusal.code if isinstance(outcome, Refused) else "" for outcome in outcomes]
