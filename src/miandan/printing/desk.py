"""The print desk (打印台): what a process needs to make print data, and the keys behind it, made on first use.

Both keys lie wrapped by the root key. A shop's key seals for some days; what it sealed opens for some days more
(rules.toml); then its bytes are destroyed, and print data that somebody kept says nothing any more.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.wrapping import Wraps
from miandan.labels.print_data import KEY_BYTES
from miandan.printing import queries
from miandan.printing.bells import Bells
from miandan.printing.model import PrintKey, SigningKey
from miandan.printing.rules import life_on
from miandan.waybills.counter import Counter

_SIGNING = b"print signing key"


@dataclass(slots=True)
class PrintDesk:
    """Opened once and shared by all callers of a process. `public_url` is the address that print components know the
    platform by; `printers` is the folder of the installation's own printer profiles; `bells` ring for agents whose link
    ends in this process."""

    counter: Counter
    root: Wraps
    public_url: str
    sandbox: bool = False
    printers: Path | None = None
    bells: Bells = field(default_factory=Bells)
    _signer: Ed25519PrivateKey | None = field(default=None, repr=False)

    @property
    def db(self) -> Database:
        return self.counter.db

    async def signer(self) -> Ed25519PrivateKey:
        """The platform's signing key, made by whoever asks first."""
        if self._signer is None:
            row = await queries.signing_key(self.db)
            if row is None:
                fresh = self._new_signing_key()
                async with self.db.transaction() as tx:
                    await queries.insert_signing_key(tx, fresh)
                row = await queries.signing_key(self.db) or fresh
            secret = self.root.unwrap(row.wrapped, _SIGNING, row.root_version)
            self._signer = Ed25519PrivateKey.from_private_bytes(secret)
        return self._signer

    async def sealing_key(self, merchant_id: int, shop_id: str, at: datetime) -> PrintKey:
        """The key that seals for a shop now; its next one when the last one has served."""
        newest = await queries.newest_key(self.db, merchant_id, shop_id)
        if newest is not None and at < newest.good_until and newest.wrapped is not None:
            return newest
        fresh = self._new_key(merchant_id, shop_id, 1 if newest is None else newest.key_id + 1, at)
        async with self.db.transaction() as tx:
            await queries.insert_key(tx, fresh)
        return await queries.print_key(self.db, merchant_id, shop_id, fresh.key_id) or fresh  # the row that won

    def secret_of(self, key: PrintKey) -> bytes:
        """A shop's key in plain. Raises ValueError for one that was destroyed."""
        if key.wrapped is None:
            raise ValueError(f"print key {key.key_id} was destroyed")
        return self.root.unwrap(key.wrapped, _context(key.merchant_id, key.shop_id, key.key_id), key.root_version)

    def _new_key(self, merchant_id: int, shop_id: str, key_id: int, at: datetime) -> PrintKey:
        life = life_on(trade_day(at))
        wrapped = self.root.wrap(secrets.token_bytes(KEY_BYTES), _context(merchant_id, shop_id, key_id))
        good_until = at + life.key_seals
        return PrintKey(
            merchant_id, shop_id, key_id, wrapped, self.root.version, at, good_until, good_until + life.print_data
        )

    def _new_signing_key(self) -> SigningKey:
        fresh = Ed25519PrivateKey.generate()
        wrapped = self.root.wrap(fresh.private_bytes_raw(), _SIGNING)
        return SigningKey(1, fresh.public_key().public_bytes_raw(), wrapped, self.root.version, now())


def _context(merchant_id: int, shop_id: str, key_id: int) -> bytes:
    return f"print key|{merchant_id}|{shop_id}|{key_id}".encode()
