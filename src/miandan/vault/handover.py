"""A hand-over file that only one branch can open: X25519 with a key pair made for this file, HKDF, AES-256-GCM."""

from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from miandan.kernel.errors import Refusal

_MAGIC: Final = b"MDHO\x01"
_PUBLIC_BYTES: Final = 32
_KEY_BYTES: Final = 32
_NONCE: Final = bytes(12)  # the key seals this one file and no other


class BranchKeys(NamedTuple):
    """Raw X25519 keys, 32 bytes each. The branch keeps `private`; `public` is what it hands out."""

    private: bytes
    public: bytes

    def __repr__(self) -> str:
        return "BranchKeys(***)"


def new_branch_keys() -> BranchKeys:
    private = X25519PrivateKey.generate()
    return BranchKeys(private.private_bytes_raw(), private.public_key().public_bytes_raw())


def seal_for_branch(public_key: bytes, payload: bytes) -> bytes:
    """A file that only the holder of the private key reads. Raises Refusal vault.branch_key for no X25519 key."""
    try:
        receiver = X25519PublicKey.from_public_bytes(public_key)
        sender = X25519PrivateKey.generate()
        shared = sender.exchange(receiver)
    except ValueError:
        raise Refusal("vault.branch_key") from None
    head = _MAGIC + sender.public_key().public_bytes_raw()
    return head + AESGCM(_file_key(shared, head, public_key)).encrypt(_NONCE, payload, head)


def open_as_branch(private_key: bytes, file: bytes) -> bytes:
    """The payload. Raises Refusal vault.handover when the file is for another branch, damaged, or no such file."""
    end = len(_MAGIC) + _PUBLIC_BYTES
    head, body = file[:end], file[end:]
    try:
        receiver = X25519PrivateKey.from_private_bytes(private_key)
        if not head.startswith(_MAGIC):
            raise Refusal("vault.handover")
        shared = receiver.exchange(X25519PublicKey.from_public_bytes(head[len(_MAGIC) :]))
        public = receiver.public_key().public_bytes_raw()
        return AESGCM(_file_key(shared, head, public)).decrypt(_NONCE, body, head)
    except (InvalidTag, ValueError):
        raise Refusal("vault.handover") from None


def _file_key(shared: bytes, head: bytes, public_key: bytes) -> bytes:
    info = b"miandan hand-over 1" + head + public_key
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(shared)
