"""The agent's own keys, made once on this machine and never leaving it: X25519 opens sheets, Ed25519 says who calls."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from miandan.agent.folder import read_kept, write_kept
from miandan.kernel.errors import Refusal


@dataclass(frozen=True, slots=True)
class AgentKeys:
    """The private halves, 32 bytes each."""

    opening: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @property
    def public_opening(self) -> bytes:
        """X25519: sheets and print keys are sealed for it."""
        return X25519PrivateKey.from_private_bytes(self.opening).public_key().public_bytes_raw()

    @property
    def public_signing(self) -> bytes:
        """Ed25519: Hello is verified with it."""
        return Ed25519PrivateKey.from_private_bytes(self.signing).public_key().public_bytes_raw()


class _Kept(Struct, frozen=True, forbid_unknown_fields=True):
    opening: str
    signing: str


def agent_keys(path: Path) -> AgentKeys:
    """The keys of the file, made by whoever asks first. Raises agent.file_damaged, labels.not_writable."""
    kept = read_kept(path, _Kept)
    if kept is None:
        fresh = AgentKeys(
            X25519PrivateKey.generate().private_bytes_raw(), Ed25519PrivateKey.generate().private_bytes_raw()
        )
        write_kept(path, _Kept(fresh.opening.hex(), fresh.signing.hex()))
        return fresh
    try:
        keys = AgentKeys(bytes.fromhex(kept.opening), bytes.fromhex(kept.signing))
        _ = keys.public_opening, keys.public_signing
    except ValueError:
        raise Refusal("agent.file_damaged", file=path.name, reason="32 bytes") from None
    return keys
