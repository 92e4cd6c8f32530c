"""The root key: it wraps the merchants' keys and nothing else. Without it the database is noise.

By default it lies in a file of the data folder, locked by a passphrase (`MIANDAN_PASSPHRASE`). A KMS or a transit
engine takes the same place by offering the same two verbs. There is no default passphrase outside the sandbox.
"""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

KEY_FILE: Final = "vault-root.key"
SANDBOX_PASSPHRASE_FILE: Final = "SANDBOX-passphrase.txt"
SHORTEST_PASSPHRASE: Final = 12  # characters

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
_SCRYPT_COST: Final = 1 << 15  # with r = 8: 32 MB and about a tenth of a second per guess
_SANDBOX_COST: Final = 1 << 10  # its passphrase is random, nobody can guess it
_HIGHEST_COST: Final = 1 << 20
_BLOCK_SIZE: Final = 8
_FORMAT: Final = "miandan root key 1"
_OWNER_ONLY: Final = 0o600


class FileRootKey:
    """Root keys in a file, every version locked by one passphrase. The newest wraps."""

    __slots__ = ("_keys", "version")

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._keys = {version: AESGCM(key) for version, key in keys.items()}
        self.version = max(keys)

    def __repr__(self) -> str:
        return f"FileRootKey(version={self.version})"

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: int = _SCRYPT_COST) -> "FileRootKey":
        """Make a new key file, readable by its owner only, and open it.

        A file that is there already is left alone and opened instead, so that two programs may start at once.
        Raises Refusal vault.passphrase_short, or what `open` raises.
        """
        _check_length(passphrase)
        salt = secrets.token_bytes(_SALT_BYTES)
        key = secrets.token_bytes(_KEY_BYTES)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        lock = AESGCM(_derive(passphrase, salt, cost))
        content = {
            "format": _FORMAT,
            "scrypt": {"n": cost, "r": _BLOCK_SIZE, "p": 1, "salt": _text(salt)},
            "keys": {"1": _text(nonce + lock.encrypt(nonce, key, _context(1)))},
        }
        _write_new(path, json.dumps(content, indent=1))
        return cls.open(path, passphrase)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> "FileRootKey":
        """Raises Refusal vault.root_missing, vault.root_damaged or vault.passphrase_wrong."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Refusal("vault.root_missing", file=path.name) from None
        except (OSError, ValueError):
            raise Refusal("vault.root_damaged", file=path.name) from None
        try:
            return cls(_unlock(content, passphrase))
        except InvalidTag:
            raise Refusal("vault.passphrase_wrong", file=path.name) from None
        except (KeyError, TypeError, AttributeError, ValueError):
            raise Refusal("vault.root_damaged", file=path.name) from None

    def wrap(self, plain: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._keys[self.version].encrypt(nonce, plain, context)

    def unwrap(self, wrapped: bytes, context: bytes, version: int) -> bytes:
        try:
            return self._keys[version].decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
        except (KeyError, InvalidTag, ValueError):
            raise Refusal("vault.root_differs", version=version) from None


def open_root_key(folder: Path, passphrase: str | None, *, sandbox: bool = False) -> FileRootKey:
    """The root key of a data folder, made on first use.

    A given passphrase always counts. Without one the sandbox makes up its own and keeps it beside the key, marked as
    such; a real installation is refused. Raises Refusal vault.passphrase_missing and what `FileRootKey` raises.
    """
    path = folder / KEY_FILE
    if passphrase:
        return FileRootKey.open(path, passphrase) if path.exists() else FileRootKey.create(path, passphrase)
    if sandbox:
        return FileRootKey.create(path, _sandbox_passphrase(folder), cost=_SANDBOX_COST)
    raise Refusal("vault.passphrase_missing", file=KEY_FILE)


def is_sandbox(settings: Settings) -> bool:
    """Whether the data folder holds invented data only; one that `miandan demo` made stays a sandbox.

    Raises database.folder_denied.
    """
    try:
        return settings.sandbox or (not settings.passphrase and (settings.data / SANDBOX_PASSPHRASE_FILE).exists())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Refusal("database.folder_denied", folder=str(settings.data), reason=reason) from error


def _sandbox_passphrase(folder: Path) -> str:
    path = folder / SANDBOX_PASSPHRASE_FILE
    if not path.exists() and (folder / KEY_FILE).exists():  # a real key; the sandbox has no say over it
        raise Refusal("vault.passphrase_missing", file=KEY_FILE)
    _write_new(
        path,
        "# SANDBOX ONLY: this passphrase lies beside the key it protects, so it protects nothing.\n"
        "# 仅供沙箱：口令与密钥放在一起，不起任何保护作用。\n" + secrets.token_urlsafe(24) + "\n",
    )
    return path.read_text(encoding="utf-8").splitlines()[-1]


def _unlock(content: dict[str, Any], passphrase: str) -> dict[int, bytes]:
    if content["format"] != _FORMAT:
        raise ValueError("a key file of another format")
    settings = content["scrypt"]
    lock = AESGCM(_derive(passphrase, _bytes(settings["salt"]), settings["n"], settings["r"], settings["p"]))
    keys = {}
    for version, text in content["keys"].items():
        locked = _bytes(text)
        keys[int(version)] = lock.decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], _context(int(version)))
    return keys


def _derive(passphrase: str, salt: bytes, cost: int, block_size: int = _BLOCK_SIZE, lanes: int = 1) -> bytes:
    if cost > _HIGHEST_COST:  # a changed file must not make us use all memory
        raise ValueError("scrypt cost out of range")
    return Scrypt(salt=salt, length=_KEY_BYTES, n=cost, r=block_size, p=lanes).derive(passphrase.encode())


def _check_length(passphrase: str) -> None:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Refusal("vault.passphrase_short", least=SHORTEST_PASSPHRASE)


def _write_new(path: Path, text: str) -> None:
    """Write a file nobody else may read, whole or not at all; an existing one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _put_in_place(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)  # unlike a rename it refuses to replace what is there
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            draft.rename(path)


def _context(version: int) -> bytes:
    return f"{_FORMAT}|{version}".encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
