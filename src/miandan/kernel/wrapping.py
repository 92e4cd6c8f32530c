"""What every room that keeps a secret needs of the root key: two verbs. The key itself lives in the vault."""

from typing import Protocol


class Wraps(Protocol):
    """Locks secrets away under a key of its own; `context` must be the same both times (`vault.root` has one)."""

    @property
    def version(self) -> int:
        """Of the key that `wrap` uses; whoever keeps the result keeps this beside it."""
        ...

    def wrap(self, plain: bytes, context: bytes) -> bytes:
        """The secret, unreadable without the key and without `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes, version: int) -> bytes:
        """The secret again. Raises a Refusal when another key or another context wrapped it."""
        ...
