"""Cursors: where the next page of a list begins. Locked for one caller and one list, so none can be made up or bent."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from miandan.kernel.errors import Refusal
from miandan.kernel.wrapping import Wraps

Position = TypeVar("Position")

_VERSION_BYTES: Final = 4


def cursor_to(root: Wraps, about: Sequence[str], position: object) -> str:
    """A text that leads back to `position` in a list; `about` tells lists apart: whose, its filters, its order."""
    locked = root.wrap(msgspec.json.encode(position), _context(about))
    return urlsafe_b64encode(root.version.to_bytes(_VERSION_BYTES, "big") + locked).rstrip(b"=").decode()


def read_cursor(root: Wraps, about: Sequence[str], text: str, position: type[Position]) -> Position:
    """The position again. Raises api.cursor_wrong for a text that was not given out for exactly this list."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        version, locked = int.from_bytes(data[:_VERSION_BYTES], "big"), data[_VERSION_BYTES:]
        return msgspec.json.decode(root.unwrap(locked, _context(about), version), type=position)
    except (binascii.Error, ValueError, Refusal, msgspec.MsgspecError):
        raise Refusal("api.cursor_wrong") from None


def _context(about: Sequence[str]) -> bytes:
    return b"api cursor|" + msgspec.json.encode(list(about))
