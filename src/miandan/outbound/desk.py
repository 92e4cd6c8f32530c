"""What every ship statement needs: the database, the vault, and what the house allows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.outbound.policy import NumberPolicy, any_number
from miandan.vault.keys import MerchantKeys
from miandan.vault.service import Vault

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ShipDesk:
    """One per program; `policy` is where governance says no."""

    db: Database
    vault: Vault
    policy: NumberPolicy = any_number

    async def state(self, merchant_id: int, step: Callable[[Transaction, MerchantKeys], Awaitable[Answer]]) -> Answer:
        """One statement in a transaction of its own, under the merchant's keys.

        The keys are read before it begins: a transaction that waits for a second connection could wait for ever. Once
        more from the start where another program has made a newer key since.
        """
        keys = await self.vault.keys_of(merchant_id)
        try:
            return await self._within(keys, step)
        except Refusal as refusal:
            if refusal.code != "vault.key_unknown":
                raise
        return await self._within(await self.vault.reload(merchant_id), step)

    async def _within(
        self, keys: MerchantKeys, step: Callable[[Transaction, MerchantKeys], Awaitable[Answer]]
    ) -> Answer:
        async with self.db.transaction() as tx:
            return await step(tx, keys)
