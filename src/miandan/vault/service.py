"""The vault of one database: merchants' keys, made on first use and kept in memory, and what needs no purpose.

Sealing, masking and searching are free. Reading a plain recipient is not: see `reveals` and `decrypts`.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from miandan.kernel.clock import now
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.wrapping import Wraps
from miandan.vault import queries
from miandan.vault.keys import KEY_BYTES, MerchantKeys, unpack_index
from miandan.vault.masks import mask
from miandan.vault.model import Recipient, Sealed
from miandan.vault.queries import IndexRow, WrappedKey

SEAL: Final = "seal"
INDEX: Final = "index"
_PROOF: Final = b"miandan vault root"
_KEPT: Final = 10_000  # merchants whose keys stay in memory, about 3 kB each


class Vault:
    """Made by `Vault.open`. Safe for concurrent use in one event loop."""

    def __init__(self, db: Database, root: Wraps) -> None:
        self._db = db
        self._root = root
        self._keys: dict[int, MerchantKeys] = {}

    def __repr__(self) -> str:
        return "Vault(***)"

    @classmethod
    async def open(cls, db: Database, root: Wraps) -> "Vault":
        """Open the vault of `db`. Raises Refusal vault.root_differs when another root key has sealed it."""
        known = await queries.root_proofs(db)
        if root.version not in known:
            if known:  # a newer root key must still know the older ones
                _prove(root, known)
            async with db.transaction() as tx:
                await queries.insert_root(tx, root.version, root.wrap(_PROOF, _PROOF), now())
            known = await queries.root_proofs(db)
        _prove(root, known)
        return cls(db, root)

    async def keys_of(self, merchant_id: int) -> MerchantKeys:
        """The merchant's keys; the first call for a merchant makes them, whoever else does so at the same time."""
        keys = self._keys.get(merchant_id)
        return keys if keys is not None else await self.reload(merchant_id)

    async def keys_for(self, merchant_id: int, rows: Iterable[Sealed]) -> MerchantKeys:
        """The merchant's keys, read again when a row is under a version that another program has made since."""
        keys = await self.keys_of(merchant_id)
        return keys if all(keys.knows(sealed) for sealed in rows) else await self.reload(merchant_id)

    async def reload(self, merchant_id: int) -> MerchantKeys:
        """Read the merchant's keys from the database, making the first version where there is none."""
        found = await queries.wrapped_keys(self._db, merchant_id)
        missing = {SEAL, INDEX} - {key.purpose for key in found}
        if missing:
            async with self._db.transaction() as tx:
                for purpose in sorted(missing):
                    await queries.insert_key(tx, merchant_id, self._new_key(merchant_id, purpose, 1), now())
            found = await queries.wrapped_keys(self._db, merchant_id)  # the rows that won
        secrets_of = {purpose: self._unwrapped(merchant_id, found, purpose) for purpose in (SEAL, INDEX)}
        keys = MerchantKeys(merchant_id, secrets_of[SEAL], secrets_of[INDEX])
        while len(self._keys) >= _KEPT:
            del self._keys[next(iter(self._keys))]
        self._keys[merchant_id] = keys
        return keys

    async def rotate(self, merchant_id: int, purpose: str, at: datetime | None = None) -> MerchantKeys:
        """Add the next version of the merchant's `seal` or `index` key. Rows under older versions stay readable.

        After an index rotation new digests differ from old ones until the rows are sealed anew.
        """
        await self.keys_of(merchant_id)
        found = await queries.wrapped_keys(self._db, merchant_id)
        version = 1 + max(key.version for key in found if key.purpose == purpose)
        async with self._db.transaction() as tx:
            await queries.insert_key(tx, merchant_id, self._new_key(merchant_id, purpose, version), at or now())
        return await self.reload(merchant_id)

    def _new_key(self, merchant_id: int, purpose: str, version: int) -> WrappedKey:
        secret = secrets.token_bytes(KEY_BYTES)
        wrapped = self._root.wrap(secret, _context(merchant_id, purpose, version))
        return WrappedKey(purpose, version, wrapped, self._root.version)

    def _unwrapped(self, merchant_id: int, found: Sequence[WrappedKey], purpose: str) -> dict[int, bytes]:
        return {
            key.version: self._root.unwrap(key.wrapped, _context(merchant_id, purpose, key.version), key.root_version)
            for key in found
            if key.purpose == purpose
        }


def masked(keys: MerchantKeys, sealed: Sealed, bound_to: str, rule: str) -> Recipient:
    """What the rule shows of a sealed recipient; free of budget and audit. Raises what `MerchantKeys.open` raises."""
    return mask(keys.open(sealed, bound_to), rule)


async def keep_index(tx: Transaction, merchant_id: int, rows: Sequence[tuple[str, Sealed]]) -> None:
    """Make recipients findable: write the packed indexes of (bound_to, sealed) rows into `vault_index`."""
    await queries.insert_index(tx, index_rows(merchant_id, rows))


def index_rows(merchant_id: int, rows: Iterable[tuple[str, Sealed]]) -> list[IndexRow]:
    """The rows of `vault_index` that belong to sealed recipients."""
    return [
        IndexRow(merchant_id, entry, sealed.token, bound_to)
        for bound_to, sealed in rows
        for entry in unpack_index(sealed.index)
    ]


def _prove(root: Wraps, known: dict[int, bytes]) -> None:
    for version, proof in known.items():
        if root.unwrap(proof, _PROOF, version) != _PROOF:
            raise Refusal("vault.root_differs", version=version)


def _context(merchant_id: int, purpose: str, version: int) -> bytes:
    return f"merchant key|{merchant_id}|{purpose}|{version}".encode()
