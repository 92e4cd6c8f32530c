"""MDP1: one label sealed for the print component of a shop, and the shop's key wrapped for one print agent.

A design of our own, since nothing public says how the platforms do it (docs/printing-data.md). Print data is base64 of

    "MDP1" | length of the header, 2 bytes | header, JSON | AES-256-GCM of the body under the shop's print key

with everything before the ciphertext as associated data, so that no field of the header can be changed or come from
another sheet. The body is the label as `records.py` reads it, masked already. `sign` is Ed25519 of the platform over
all of it. The print key travels as "MDK1" text: X25519 with a fresh key, HKDF-SHA256, AES-256-GCM, bound to the agent,
the app and the shop. Whatever is wrong with any of it is a Refusal; nothing here touches a network or a database.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta, Struct

from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import hide_person
from miandan.labels.model import LabelData, Purpose
from miandan.labels.records import BadRecord, label_of, record_of

KEY_BYTES: Final = 32
MOST_BYTES: Final = 200_000
"""Of print data before base64. A label has some 2 kB."""

_DATA, _KEY = b"MDP1", b"MDK1"
_LENGTH_BYTES: Final = 2
_MOST_HEADER: Final = 1_000  # bytes
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_SIGNED: Final = b"MDP1 sign\0"
_WRAPPED: Final = b"MDK1 wrap\0"
_MOST_CUSTOM: Final = 50_000  # characters
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999

Second = Annotated[int, Meta(ge=0, le=_LAST_SECOND)]


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What print data says in the clear. Only what `open_sealed` answers is proven."""

    key: str  # of the shop's print keys
    app: str  # that asked for it
    merchant: str  # whose waybill it is
    shop: str  # whose key it is, "" for a merchant without a shop
    carrier: str
    number: str
    document: Annotated[int, Meta(ge=1, le=2**31)]  # version of the waybill's document
    sealed: Second
    until: Second
    nonce: str

    @property
    def good_until(self) -> datetime:
        """Until when it may be printed."""
        return datetime.fromtimestamp(self.until, UTC)


class _KeyHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a wrapped key is for, and which one it is."""

    key: str
    app: str
    shop: str
    agent: str
    ephemeral: str  # public half of the key of this one wrapping


class _Body(Struct, frozen=True, forbid_unknown_fields=True):
    label: dict[str, Any]
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShopKey:
    """A print key of a shop as one app may use it."""

    key_id: str
    app: str
    shop: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class About:
    """Which waybill a label is of, and how long its print data may be printed."""

    merchant: str
    document: int
    sealed_at: datetime
    good_until: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A label as it may be printed. `children` are the other numbers of a parent's parcel, each with print data of
    its own."""

    header: Header
    label: LabelData
    children: tuple[str, ...]


# --- print data -------------------------------------------------------------------------------------------------------


def seal(label: LabelData, about: About, key: ShopKey, children: Sequence[str] = ()) -> str:
    """Print data of one label, which is masked as it is to be printed.

    Raises Refusal labels.print_data_too_long.
    """
    nonce = os.urandom(_NONCE_BYTES)
    header = Header(
        key=key.key_id,
        app=key.app,
        merchant=about.merchant,
        shop=key.shop,
        carrier=label.carrier,
        number=label.number,
        document=about.document,
        sealed=int(about.sealed_at.timestamp()),
        until=int(about.good_until.timestamp()),
        nonce=nonce.hex(),
    )
    head = _head(_DATA, header)
    body = msgspec.json.encode(_Body(record_of(label), tuple(children)))
    if len(head) + len(body) + _TAG_BYTES > MOST_BYTES:
        raise Refusal("labels.print_data_too_long", limit=MOST_BYTES)
    return _text(head + AESGCM(key.secret).encrypt(nonce, body, head))


def sign(print_data: str, platform: Ed25519PrivateKey) -> str:
    """The platform's word that it has sealed this."""
    return _text(platform.sign(_SIGNED + _bytes(print_data)))


def verify(print_data: str, signature: str, platform_key: bytes) -> None:
    """Raises Refusal labels.print_data_unsigned when the platform of this public key has not sealed it."""
    try:
        public = Ed25519PublicKey.from_public_bytes(platform_key)
        public.verify(_bytes(signature), _SIGNED + _bytes(print_data))
    except (InvalidSignature, ValueError):
        raise Refusal("labels.print_data_unsigned") from None


def header_of(print_data: str) -> Header:
    """What print data says of itself, unproven: to find its key. Raises Refusal labels.print_data_damaged."""
    header, _, _ = _taken_apart(print_data)
    return header


def open_sealed(print_data: str, signature: str, platform_key: bytes, key: ShopKey, at: datetime) -> Opened:
    """The label of print data that this platform has sealed for this key, while it may be printed.

    Raises Refusal labels.print_data_unsigned, labels.print_data_damaged, labels.print_data_wrong_key for that of
    another app, shop or key, labels.print_data_expired.
    """
    header, head, locked = _taken_apart(print_data)
    verify(print_data, signature, platform_key)
    if (header.key, header.app, header.shop) != (key.key_id, key.app, key.shop):
        raise Refusal("labels.print_data_wrong_key")
    try:
        body = _decoded(AESGCM(key.secret).decrypt(_nonce(header), locked, head), _Body)
        label = label_of(body.label, purpose=Purpose.PRINT_FULL)
    except (InvalidTag, ValueError):
        raise Refusal("labels.print_data_damaged") from None
    if isinstance(label, BadRecord) or (label.carrier, label.number) != (header.carrier, header.number):
        raise Refusal("labels.print_data_damaged")
    good_until = header.good_until.astimezone(BEIJING)
    if at > good_until:
        raise Refusal("labels.print_data_expired", number=header.number, until=good_until.isoformat())
    return Opened(header, label, body.children)


def with_custom(label: LabelData, data: object) -> LabelData:
    """The label with what the shop's program gives for the custom area: a JSON object, or its text.

    Phones in it become stars like in every text of a label. Raises Refusal labels.custom_data_wrong.
    """
    plain = _custom(data) if isinstance(data, str) else data
    found = label_of({"number": label.number, "custom": plain}, purpose=Purpose.PRINT_FULL)
    if not isinstance(plain, dict) or isinstance(found, BadRecord):
        raise Refusal("labels.custom_data_wrong")
    name, phone = label.recipient_name, label.recipient_phone
    return replace(label, custom={key: hide_person(text, name, phone) for key, text in found.custom.items()})


def _custom(text: str) -> object:
    """Raises Refusal labels.custom_data_wrong."""
    try:
        return msgspec.json.decode(text) if len(text) <= _MOST_CUSTOM else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refusal("labels.custom_data_wrong") from None


# --- keys for agents --------------------------------------------------------------------------------------------------


def wrap_for_agent(key: ShopKey, agent_id: str, public_key: bytes) -> str:
    """The key as text that only the agent with the private half of `public_key` can open.

    Raises Refusal labels.agent_key_wrong when that is no X25519 key.
    """
    once = X25519PrivateKey.generate()
    ephemeral = once.public_key().public_bytes_raw()
    header = _KeyHeader(key.key_id, key.app, key.shop, agent_id, ephemeral.hex())
    head = _head(_KEY, header)
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:  # of another length, or a point that makes every secret the same
        raise Refusal("labels.agent_key_wrong") from None
    secret, nonce = _derived(shared, head, public_key)
    return _text(head + AESGCM(secret).encrypt(nonce, key.secret, head))


def unwrap(wrapped: str, agent_id: str, private_key: bytes) -> ShopKey:
    """The shop's key in the hands of its agent. Raises Refusal labels.shop_key_damaged for any other text, key or
    agent."""
    try:
        header, head, locked = _parted(wrapped, _KEY, _KeyHeader)
        private = X25519PrivateKey.from_private_bytes(private_key)
        shared = private.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(header.ephemeral)))
        secret, nonce = _derived(shared, head, private.public_key().public_bytes_raw())
        opened = AESGCM(secret).decrypt(nonce, locked, head)
    except (InvalidTag, ValueError):
        raise Refusal("labels.shop_key_damaged") from None
    if header.agent != agent_id or len(opened) != KEY_BYTES:
        raise Refusal("labels.shop_key_damaged")
    return ShopKey(header.key, header.app, header.shop, opened)


def _derived(shared: bytes, head: bytes, public_key: bytes) -> tuple[bytes, bytes]:
    """Key and nonce of one wrapping, bound to all that its head says and to the agent's key."""
    hkdf = HKDF(SHA256(), KEY_BYTES + _NONCE_BYTES, salt=None, info=_WRAPPED + public_key + head)
    both = hkdf.derive(shared)
    return both[:KEY_BYTES], both[KEY_BYTES:]


# --- bytes ------------------------------------------------------------------------------------------------------------

H = TypeVar("H", bound=Struct)


def _head(mark: bytes, header: Struct) -> bytes:
    """What stands before a ciphertext and is proven with it. Raises Refusal labels.print_data_too_long."""
    plain = msgspec.json.encode(header)
    if len(plain) > _MOST_HEADER:
        raise Refusal("labels.print_data_too_long", limit=_MOST_HEADER)
    return mark + len(plain).to_bytes(_LENGTH_BYTES) + plain


def _taken_apart(print_data: str) -> tuple[Header, bytes, bytes]:
    try:
        return _parted(print_data, _DATA, Header)
    except ValueError:
        raise Refusal("labels.print_data_damaged") from None


def _parted(text: str, mark: bytes, kind: type[H]) -> tuple[H, bytes, bytes]:
    """Header, everything before the ciphertext, ciphertext. Raises ValueError."""
    raw = _bytes(text)
    start = len(mark) + _LENGTH_BYTES
    end = start + int.from_bytes(raw[len(mark) : start])
    if not raw.startswith(mark) or end - start > _MOST_HEADER or len(raw) < end + _TAG_BYTES:
        raise ValueError("of another format, or cut short")
    return _decoded(raw[start:end], kind), raw[:end], raw[end:]


def _decoded(plain: bytes, kind: type[H]) -> H:
    """Raises ValueError."""
    try:
        return msgspec.json.decode(plain, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("no JSON of this kind") from None


def _nonce(header: Header) -> bytes:
    nonce = bytes.fromhex(header.nonce)
    if len(nonce) != _NONCE_BYTES:
        raise ValueError("a nonce of another length")
    return nonce


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """What a text of at most MOST_BYTES says, which has one way only to be written. Raises ValueError."""
    if len(text) > MOST_BYTES * 4 // 3 + 4:
        raise ValueError("too long")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if _text(data) != text:
        raise ValueError("base64 with loose ends")
    return data
