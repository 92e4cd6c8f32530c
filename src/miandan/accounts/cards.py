"""What a worker has to know of an account before it takes numbers: read in one statement, kept for some seconds."""

from dataclasses import dataclass
from uuid import UUID

from miandan.accounts.leases import AccountRef
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal


@dataclass(frozen=True, slots=True)
class AccountCard:
    """An account as a take sees it. `owner_id` is the lender where the account is shared to this merchant."""

    ref: AccountRef
    carrier: str
    branch_code: str
    settlement_code: str
    supply: str
    state: str
    carrier_reads: bool
    full_label: bool
    senders: frozenset[UUID]

    def obstacle(self, ship_from_id: UUID) -> Refusal | None:
        """account.not_active, account.sender_not_approved or account.carrier_cannot_read; None when it may take."""
        if self.state != "active":
            return Refusal("account.not_active", account=str(self.ref.account_id), state=self.state)
        if ship_from_id not in self.senders:
            return Refusal("account.sender_not_approved", account=str(self.ref.account_id))
        if not (self.carrier_reads or self.full_label):
            return Refusal("account.carrier_cannot_read", carrier=self.carrier, account=str(self.ref.account_id))
        return None


_CARD = """
    SELECT a.carrier, a.branch_code, a.settlement_code, a.supply, a.state, a.carrier_reads,
           a.full_label_by IS NOT NULL AS full_label,
           ARRAY(SELECT s.ship_from_id FROM ship_from s
                  WHERE s.merchant_id = a.merchant_id AND s.account_id = a.account_id
                    AND s.withdrawn_at IS NULL) AS senders
      FROM account a
     WHERE a.merchant_id = $1 AND a.account_id = $2
"""


async def card_of(db: Database, ref: AccountRef) -> AccountCard:
    """The account's card as it stands now. Raises account.unknown."""
    row = await db.fetchrow(_CARD, ref.merchant_id, ref.account_id)
    if row is None:
        raise Refusal("account.unknown", account=str(ref.account_id))
    return AccountCard(ref=ref, **dict(row) | {"senders": frozenset(row["senders"])})
