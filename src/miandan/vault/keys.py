"""The keys of one merchant: they seal, open and index its recipients. The hot path of a take runs through `seal`.

A recipient is sealed under a fresh data key, its four parts apart, each bound to merchant, row and part; the data
key is wrapped by the merchant's key. Because a data key seals once and never again, the nonce of a part can be its
number. Search indexes and the merge digest are keyed BLAKE2b (RFC 7693), cut short where they only help a search.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from struct import Struct
from struct import error as StructError
from time import time_ns
from typing import Final
from uuid import UUID

import msgspec
from asyncpg.pgproto.pgproto import UUID as DriverUuid
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from miandan.kernel.errors import Refusal
from miandan.vault.model import IndexEntry, IndexKind, Recipient, Sealed
from miandan.vault.spelling import TAIL_DIGITS, spelled_phone, spelled_recipient, spelled_text

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
DIGEST_BYTES: Final = 16
# Expected false matches of a search are rows / 2^bits: 0.002 in ten million rows for a phone. Tails and names are
# cut shorter, because what a truncated index cannot tell apart, a thief of the index cannot either.
INDEX_BYTES: Final = {IndexKind.PHONE: 4, IndexKind.TAIL: 3, IndexKind.NAME: 3}
# Who holds ciphertext compares its index without ever opening it, so this one is longer: among a million texts of a
# merchant about 0.002 pairs look alike without being so.
TEXT_INDEX_BYTES: Final = 6

_FORMAT: Final = 1
_HEAD = Struct(">BHHH")  # format, lengths of the first three sealed parts; the fourth takes the rest
_VERSION = Struct(">H")
_MERCHANT_BYTES: Final = 8  # a bigint; of fixed length, so that no merchant and row read like another pair
_NOISE_BYTES: Final = KEY_BYTES + NONCE_BYTES + 10  # of the data key, of the nonce that wraps it, of the token
_VERSION_MASK: Final = ~(0xF << 76 | 0x3 << 62)
_VERSION_BITS: Final = 0x7 << 76 | 0x2 << 62
_PART_BYTES: Final = 0xFFFF
# What each part is bound to besides merchant and row. The name says whether remarks follow, so none can be cut off.
_NAME, _NAME_BEFORE_REMARKS, _PHONE, _PLACE, _REMARKS = b"n", b"m", b"p", b"a", b"r"
_NONCES: Final = tuple(number.to_bytes(NONCE_BYTES, "big") for number in range(4))
_PHONE_CODE, _TAIL_CODE, _NAME_CODE = b"\1", b"\2", b"\3"
_KINDS: Final = {1: IndexKind.PHONE, 2: IndexKind.TAIL, 3: IndexKind.NAME}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str]).decode


class IndexKey:
    """One version of a merchant's index key. Not for sealing: it only answers "the same or not"."""

    __slots__ = ("_digest", "_name", "_phone", "_stamp", "_tail", "_text", "version")

    def __init__(self, version: int, secret: bytes) -> None:
        self.version = version
        self._stamp = _VERSION.pack(version)
        self._digest = hashlib.blake2b(key=secret, digest_size=DIGEST_BYTES, person=b"digest")
        self._phone, self._tail, self._name = (
            hashlib.blake2b(key=secret, digest_size=size, person=kind.encode()) for kind, size in INDEX_BYTES.items()
        )
        # apart from what `vault_index` holds, so that an app that may ask for indexes learns nothing of its rows
        self._text = hashlib.blake2b(key=secret, digest_size=TEXT_INDEX_BYTES, person=b"issued index")

    def digest(self, recipient: Recipient) -> bytes:
        return _keyed(self._digest, spelled_recipient(recipient, spelled_phone(recipient.phone)))

    def of(self, kind: IndexKind, text: str) -> bytes:
        """The index of a search text; what is stored and what is searched for take the same way."""
        if kind is IndexKind.NAME:
            return _keyed(self._name, spelled_text(text))
        phone = spelled_phone(text)
        if kind is IndexKind.TAIL:
            return _keyed(self._tail, phone[-TAIL_DIGITS:])
        return _keyed(self._phone, phone)

    def of_text(self, spelled: str) -> bytes:
        """The index that issued ciphertext carries; `spelled` begins with what kind of text it is."""
        return _keyed(self._text, spelled)

    def digest_and_pack(self, recipient: Recipient) -> tuple[bytes, bytes]:
        """The merge digest, and all search indexes in some 15 bytes: version, then kind and index in turn."""
        phone = spelled_phone(recipient.phone)
        packed = self._stamp
        if recipient.name:
            packed += _NAME_CODE + _keyed(self._name, spelled_text(recipient.name))
        if phone:
            packed += _PHONE_CODE + _keyed(self._phone, phone)
            if phone.isdigit():  # a ciphertext has no tail that anybody would know
                packed += _TAIL_CODE + _keyed(self._tail, phone[-TAIL_DIGITS:])
        return _keyed(self._digest, spelled_recipient(recipient, phone)), packed


def _keyed(base: "hashlib.blake2b", text: str) -> bytes:
    hasher = base.copy()
    hasher.update(text.encode())
    return hasher.digest()


def _token(noise: bytes) -> UUID:
    """`kernel.ids.new_id` with randomness at hand, as the driver's UUID: a tenth of the time of the standard one."""
    value = (time_ns() // 1_000_000) << 80 | int.from_bytes(noise, "big")
    token: UUID = DriverUuid((value & _VERSION_MASK | _VERSION_BITS).to_bytes(16, "big"))
    return token


def unpack_index(packed: bytes) -> list[IndexEntry]:
    """The search indexes of a packed column. Raises Refusal vault.damaged when it is none."""
    try:
        (version,) = _VERSION.unpack_from(packed)
        entries, at = [], _VERSION.size
        while at < len(packed):
            kind = _KINDS[packed[at]]
            end = at + 1 + INDEX_BYTES[kind]
            entries.append(IndexEntry(kind, version, packed[at + 1 : end]))
            at = end
    except (StructError, KeyError):
        raise Refusal("vault.damaged") from None
    return entries


class MerchantKeys:
    """All versions of one merchant's keys; new recipients are sealed under the newest, every version can be opened."""

    __slots__ = ("_aad", "_index", "_indexes", "_newest", "_sealers", "_stamp", "_texts", "merchant_id", "version")

    def __init__(self, merchant_id: int, seal: Mapping[int, bytes], index: Mapping[int, bytes]) -> None:
        self.merchant_id = merchant_id
        self._aad = merchant_id.to_bytes(_MERCHANT_BYTES, "big")
        self._sealers = {version: AESGCM(secret) for version, secret in seal.items()}
        self._texts = {
            version: hashlib.blake2b(key=secret, digest_size=KEY_BYTES, person=b"issued text")
            for version, secret in seal.items()
        }
        self.version = max(seal)
        self._newest = self._sealers[self.version]
        self._stamp = _VERSION.pack(self.version)
        self._indexes = [IndexKey(version, index[version]) for version in sorted(index, reverse=True)]
        self._index = self._indexes[0]

    def __repr__(self) -> str:
        return f"MerchantKeys({self.merchant_id})"

    def seal(self, recipient: Recipient, bound_to: str) -> Sealed:
        """Lock a recipient to the row that keeps it; `bound_to` is that row's id within the merchant.

        Raises Refusal vault.text for text that no UTF-8 can hold, vault.too_long for a part of more than 64 kB.
        """
        r = recipient
        noise = os.urandom(_NOISE_BYTES)
        token = _token(noise[44:])
        data_key, nonce = noise[:32], noise[32:44]
        encrypt = AESGCM(data_key).encrypt
        n0, n1, n2, n3 = _NONCES
        try:
            row = self._aad + bound_to.encode()
            address = (r.province, r.city, r.district, r.town, r.detail, r.division_code)
            phone = encrypt(n1, _encode((r.phone, r.extension)), row + _PHONE)
            place = encrypt(n2, _encode(address), row + _PLACE)
            remarks, name_label = b"", _NAME
            if r.buyer_remark or r.seller_remark:
                name_label = _NAME_BEFORE_REMARKS
                remarks = encrypt(n3, _encode((r.buyer_remark, r.seller_remark)), row + _REMARKS)
            name = encrypt(n0, _encode((r.name,)), row + name_label)
            head = _HEAD.pack(_FORMAT, len(name), len(phone), len(place))
            digest, packed = self._index.digest_and_pack(r)
        except UnicodeEncodeError:  # a lone surrogate; the error itself would carry the text
            raise Refusal("vault.text") from None
        except StructError:
            raise Refusal("vault.too_long", limit=_PART_BYTES) from None
        key = self._stamp + nonce + self._newest.encrypt(nonce, data_key, self._aad + token.bytes)
        return Sealed(token, key, head + name + phone + place + remarks, digest, packed)

    def open(self, sealed: Sealed, bound_to: str) -> Recipient:
        """The plain recipient. For the vault's own files: outside, `reveal` and `masked` are the doors.

        Raises Refusal vault.shredded, vault.key_unknown, or vault.damaged when anything was changed or swapped.
        """
        decrypt = AESGCM(self._data_key(sealed)).decrypt
        row = self._aad + bound_to.encode()
        opened = []
        try:
            for nonce, (label, part) in zip(_NONCES, _parts(sealed.body), strict=False):
                opened.append(_decode(decrypt(nonce, part, row + label)))
        except (InvalidTag, StructError, ValueError):
            raise Refusal("vault.damaged") from None
        return _recipient(*opened)

    def digest(self, recipient: Recipient) -> bytes:
        """The merge digest: equal for the same name, phone and address, under this merchant's newest index key."""
        return self._indexes[0].digest(recipient)

    def same(self, one: tuple[str, Sealed], other: tuple[str, Sealed]) -> bool:
        """Whether two sealed recipients are one person at one place, confirmed in plain and not by digest alone."""
        first, second = (self.open(sealed, bound_to) for bound_to, sealed in (one, other))
        spelled = [spelled_recipient(plain, spelled_phone(plain.phone)) for plain in (first, second)]
        return spelled[0] == spelled[1]

    def knows(self, sealed: Sealed) -> bool:
        """False when the recipient is under a version of the key that is not among these."""
        return sealed.key is None or int.from_bytes(sealed.key[: _VERSION.size], "big") in self._sealers

    def search_index(self, kind: IndexKind, text: str) -> bytes:
        """The truncated index under the newest index key."""
        return self._indexes[0].of(kind, text)

    def search_indexes(self, kind: IndexKind, text: str) -> list[IndexEntry]:
        """What to look for under every index key that rows may still carry, newest first."""
        return [IndexEntry(kind, key.version, key.of(kind, text)) for key in self._indexes]

    def text_indexes(self, spelled: str) -> list[bytes]:
        """The index of issued ciphertext under every index key, newest first."""
        return [key.of_text(spelled) for key in self._indexes]

    def text_key(self, version: int, context: bytes) -> AESGCM | None:
        """The key of ciphertext that is issued for one context; None for a version that is not among these.

        Derived anew for each order, so that random nonces never run short under one key.
        """
        base = self._texts.get(version)
        if base is None:
            return None
        hasher = base.copy()
        hasher.update(context)
        return AESGCM(hasher.digest())

    def _data_key(self, sealed: Sealed) -> bytes:
        if sealed.key is None:
            raise Refusal("vault.shredded", token=sealed.token)
        try:
            (version,) = _VERSION.unpack_from(sealed.key)
        except StructError:
            raise Refusal("vault.damaged") from None
        sealer = self._sealers.get(version)
        if sealer is None:
            raise Refusal("vault.key_unknown", version=version)
        start = _VERSION.size
        nonce, wrapped = sealed.key[start : start + NONCE_BYTES], sealed.key[start + NONCE_BYTES :]
        try:
            return sealer.decrypt(nonce, wrapped, self._aad + sealed.token.bytes)
        except (InvalidTag, ValueError):
            raise Refusal("vault.damaged") from None


def _parts(body: bytes) -> list[tuple[bytes, bytes]]:
    """The sealed parts with their labels. Raises StructError or ValueError when the body is no body."""
    form, name, phone, place = _HEAD.unpack_from(body)
    if form != _FORMAT:
        raise ValueError("a body of another format")
    start = _HEAD.size
    phone_at, place_at, remarks_at = start + name, start + name + phone, start + name + phone + place
    parts = [
        (_NAME, body[start:phone_at]),
        (_PHONE, body[phone_at:place_at]),
        (_PLACE, body[place_at:remarks_at]),
    ]
    if remarks_at < len(body):
        parts[0] = (_NAME_BEFORE_REMARKS, parts[0][1])
        parts.append((_REMARKS, body[remarks_at:]))
    return parts


def _recipient(name: list[str], phone: list[str], place: list[str], remarks: Sequence[str] = ("", "")) -> Recipient:
    number, extension = phone
    province, city, district, town, detail, division_code = place
    buyer, seller = remarks
    return Recipient(name[0], number, extension, province, city, district, town, detail, division_code, buyer, seller)
