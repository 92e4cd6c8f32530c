"""What the tests of this room stand on: one carrier with a branch in stock, merchants with accounts, takes by hand.

`take`, `cancel` and `recycle` write the rows that the waybill room writes, and no more than the balance reads.
"""

from dataclasses import dataclass
from uuid import UUID

from miandan.accounts import applications, leases, service
from miandan.accounts.leases import AccountRef, Lease
from miandan.accounts.model import Account, Billing, Sender, Supply
from miandan.branches import service as branches
from miandan.branches.model import Branch, Stock
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.ids import new_id
from miandan.merchants import service as merchants

CARRIER = "jt"
SENDER = Sender("示例发货人", "057100000001", "浙江省", "杭州市", "余杭区", "示例路 1 号", "330110")
OTHER_SENDER = Sender("示例发货人", "057100000001", "江苏省", "南京市", "江宁区", "示例路 2 号", "320115")

_OPEN_FOR_EVERY_MONTH = "CREATE TABLE IF NOT EXISTS waybill_any PARTITION OF waybill DEFAULT"

_TAKE = """
    WITH drawn AS (
        UPDATE lease SET next = next + $4
         WHERE merchant_id = $1 AND lease_id = $2 AND closed_at IS NULL AND last - next + 1 >= $4
     RETURNING merchant_id, account_id, lease_id, carrier
    )
    INSERT INTO waybill (merchant_id, month, carrier, number, account_id, lease_id, taken_at, taken_by, units, shop_id,
                         order_ref, ship_from_id, product, goods, services, division_code, sort_code, big_mark,
                         bag_centre, barcode_text, qr_text, recipient_token, recipient, recipient_digest)
    SELECT merchant_id, '2025-05-01', carrier, $3, account_id, lease_id, now(), 'test', $4, '', '', lease_id, '', '[]',
           '[]', '', '', '', '', '', '', lease_id, '', ''
      FROM drawn
 RETURNING number
"""

_CANCEL = """
    UPDATE waybill SET number_state = 'cancelled'
     WHERE merchant_id = $1 AND number = $2 AND number_state = 'issued'
 RETURNING number
"""

_RECYCLE = """
    WITH back AS (
        UPDATE waybill SET number_state = 'recycled'
         WHERE merchant_id = $1 AND number = $2 AND number_state = 'cancelled'
     RETURNING merchant_id, account_id, units
    )
    UPDATE account SET recycled = recycled + back.units
      FROM back
     WHERE account.merchant_id = back.merchant_id AND account.account_id = back.account_id
 RETURNING back.account_id, back.units
"""


@dataclass(frozen=True, slots=True)
class Town:
    """A branch of the carrier and whoever trades with it."""

    db: Database
    branch_code: str

    async def account(
        self,
        *,
        billing: Billing = Billing.PREPAID,
        supply: Supply = Supply.LIVE,
        units: int = 0,
        limit: int | None = None,
    ) -> Account:
        """A new merchant's account, recharged with `units`."""
        merchant = await merchants.register_merchant(self.db, "示例商家", "enterprise")
        application = await applications.apply(
            self.db, merchant.merchant_id, CARRIER, branch_code=self.branch_code, billing=billing, ship_from=[SENDER]
        )
        account = await applications.approve(
            self.db,
            merchant.merchant_id,
            application.application_id,
            carrier_reads=True,
            supply=supply,
            unit_limit=limit,
        )
        if units:
            await branches.receive_stock(self.db, CARRIER, self.branch_code, units)
            account = await service.recharge(self.db, merchant.merchant_id, account.account_id, units)
        return account

    async def stock(self) -> Stock:
        return await branches.stock_of(self.db, CARRIER, self.branch_code)


async def new_town(db: Database, branch_code: str = "57101", stock: int = 0) -> Town:
    await branches.open_branch(db, Branch(CARRIER, branch_code, "示例网点", now()))
    if stock:
        await branches.receive_stock(db, CARRIER, branch_code, stock)
    await db.execute(_OPEN_FOR_EVERY_MONTH)
    return Town(db, branch_code)


async def lease(db: Database, account: Account, units: int) -> Lease:
    async with db.transaction() as tx:
        return await leases.open_lease(tx, AccountRef(account.merchant_id, account.account_id), 7, units, units)


async def take(db: Database, held: Lease, units: int = 1) -> str | None:
    """A number's text, or None where the lease is closed or too small."""
    number: str | None = await db.fetchval(_TAKE, held.merchant_id, held.lease_id, new_id().hex, units)
    return number


async def cancel(db: Database, merchant_id: int, number: str) -> bool:
    return await db.fetchval(_CANCEL, merchant_id, number) is not None


async def recycle(db: Database, merchant_id: int, number: str) -> UUID | None:
    """The account that has its units back."""
    async with db.transaction() as tx:
        row = await tx.fetchrow(_RECYCLE, merchant_id, number)
        if row is None:
            return None
        account = AccountRef(merchant_id, row["account_id"])
        await leases.give_back(tx, account, row["units"], "recycle", number)
        return account.account_id
