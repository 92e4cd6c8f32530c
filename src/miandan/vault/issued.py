"""Ciphertext that we hand to apps, in the shapes that clients of the Doudian platform know, and its search index.

A text holds nobody's data: it cites a sealed recipient by token and names one of its fields, locked for one app, shop
and order. Who shreds the recipient has made every text about it void. Shapes (reference/doudian.md section 3):

    $index$body$1$$ a phone     #index#body#1## a name or an address     ~index~body~1~~ any other text
    body = base64(nonce 12, token and field 17, tag 16) * base64(MD\\1, format 1, key version 2, checksum 3)

79 characters, or 87 with an index. Lock and checksum cover the index and the marks. The checksum needs no key: it
tells a text that was spoilt on its way from a whole one in the wrong hands, and tells nobody anything else.
"""

import re
from binascii import a2b_base64, b2a_base64
from os import urandom
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID
from zlib import crc32

from asyncpg.pgproto.pgproto import UUID as DriverUuid
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from miandan.kernel.errors import Refusal
from miandan.vault.ciphertext import OWN_KEY_BLOCK, recognise
from miandan.vault.keys import NONCE_BYTES, MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.vault.purposes import RecipientField
from miandan.vault.spelling import spelled_phone, spelled_text

LONGEST_PHONE: Final = 40
LONGEST_TEXT: Final = 1_000
"""Characters of a plain phone with its extension, and of any other text, that apps may hand in."""

_SHAPE = re.compile(
    r"(?P<mark>[$#~])(?P<index>(?:[A-Za-z0-9+/]{8})?)(?P=mark)"
    r"([A-Za-z0-9+/]{60})\*(TUQB[A-Za-z0-9+/]{4})(?P<sum>[A-Za-z0-9+/]{4})(?P=mark)1(?P=mark){2}"
)
_BEGINS = re.compile(r"([$#~])[A-Za-z0-9+/= ]*\1[A-Za-z0-9+/= ]{6,}\*?[A-Za-z0-9+/= ]*[$#~1]*")
_ANY_MARK: Final = ("$", "#", "~")
_OWN: Final = "*TUQB"  # before the base64 of OWN_KEY_BLOCK
_LENGTHS: Final = (79, 87)
_HEAD = Struct(">3sBH")
_FORMAT: Final = 1
_TOKEN_BYTES: Final = 16
_MARKS: Final = {
    RecipientField.PHONE: "$",
    RecipientField.NAME: "#",
    RecipientField.ADDRESS: "#",
    RecipientField.REMARKS: "~",
}
_CODES: Final = {
    RecipientField.ADDRESS: b"\1",
    RecipientField.NAME: b"\2",
    RecipientField.PHONE: b"\3",
    RecipientField.REMARKS: b"\4",
}
_FIELDS: Final = {code[0]: field for field, code in _CODES.items()}


class Cited(NamedTuple):
    """What a text leads to: one field of the sealed recipient with this token."""

    token: UUID
    field: RecipientField


class OrderTexts(NamedTuple):
    """The ciphertexts of one order's recipient; `address` is the detail without the names of divisions."""

    name: str
    phone: str
    address: str


# --- writing ----------------------------------------------------------------------------------------------------------


def issue(
    keys: MerchantKeys, token: UUID, field: RecipientField, *, app: str, shop: str, order: str, index: str = ""
) -> str:
    """A text that cites one field; another one each time, all of them valid. `index`: `search_index_text` or none.

    Raises Refusal vault.text for an app, shop or order that no UTF-8 can hold.
    """
    return _written(_key(keys, keys.version, app, shop, order), keys.version, token, field, index)


def issue_for_order(keys: MerchantKeys, token: UUID, *, app: str, shop: str, order: str) -> OrderTexts:
    """Name, phone and address of an order's recipient, without an index: nothing is opened for it."""
    key, version = _key(keys, keys.version, app, shop, order), keys.version
    return OrderTexts(
        _written(key, version, token, RecipientField.NAME, ""),
        _written(key, version, token, RecipientField.PHONE, ""),
        _written(key, version, token, RecipientField.ADDRESS, ""),
    )


def issue_searchable(
    keys: MerchantKeys, sealed: Sealed, bound_to: str, *, app: str, shop: str, order: str
) -> OrderTexts:
    """The same with search indexes, for which the recipient is opened in here. An empty field has no index.

    Raises what `MerchantKeys.open` raises.
    """
    plain = keys.open(sealed, bound_to)
    key, version = _key(keys, keys.version, app, shop, order), keys.version
    name, phone, address = (
        _written(key, version, sealed.token, field, _index_of(keys, field, text_of(plain, field)))
        for field in (RecipientField.NAME, RecipientField.PHONE, RecipientField.ADDRESS)
    )
    return OrderTexts(name, phone, address)


def _written(key: AESGCM | None, version: int, token: UUID, field: RecipientField, index: str) -> str:
    assert key is not None  # the newest version is always there
    mark = _MARKS[field]
    nonce = urandom(NONCE_BYTES)
    locked = key.encrypt(nonce, token.bytes + _CODES[field], (mark + index).encode())
    body = f"{_base64(nonce + locked)}*{_base64(_HEAD.pack(OWN_KEY_BLOCK, _FORMAT, version))}"
    text = f"{mark}{index}{mark}{body}"
    return f"{text}{_checksum(text)}{mark}1{mark}{mark}"


# --- reading ----------------------------------------------------------------------------------------------------------


def read(keys: MerchantKeys, text: str, *, app: str, shop: str, order: str) -> Cited:
    """What the text cites, for exactly the app, shop and order that it was issued for.

    Raises Refusal vault.cipher_malformed (cut, longer, no ciphertext), vault.cipher_foreign (another platform's),
    vault.cipher_damaged (a character differs), vault.cipher_not_yours (whole, but of another app, shop, order or
    merchant, or forged: which of them, nobody can tell).
    """
    match = _SHAPE.fullmatch(text) or _SHAPE.fullmatch(text.replace(" ", "+"))  # a client that sent + unescaped
    if match is None:
        raise _no_text_of_ours(text)
    mark, index, body, head, checksum = match.groups()
    if checksum != _checksum(match.string[: match.start("sum")]):
        raise Refusal("vault.cipher_damaged", length=len(text))
    _, form, version = _HEAD.unpack(a2b_base64(head))
    key = _key(keys, version, app, shop, order) if form == _FORMAT else None
    if key is None:
        raise Refusal("vault.cipher_not_yours", order=order)
    payload = a2b_base64(body)
    try:
        plain = key.decrypt(payload[:NONCE_BYTES], payload[NONCE_BYTES:], (mark + index).encode())
    except InvalidTag:
        raise Refusal("vault.cipher_not_yours", order=order) from None
    return Cited(DriverUuid(plain[:_TOKEN_BYTES]), _FIELDS[plain[_TOKEN_BYTES]])


def read_recipient(keys: MerchantKeys, texts: OrderTexts, *, app: str, shop: str, order: str) -> UUID:
    """The one recipient that all three texts cite, each in its place: all that a take needs to know.

    Raises what `read` raises, vault.cipher_field for a text in the wrong place, vault.cipher_mixed when they cite
    different recipients (which `gather` would put together).
    """
    tokens = {
        read_as(keys, text, field, app=app, shop=shop, order=order)
        for text, field in zip(texts, (RecipientField.NAME, RecipientField.PHONE, RecipientField.ADDRESS), strict=True)
    }
    if len(tokens) > 1:
        raise Refusal("vault.cipher_mixed", order=order)
    return tokens.pop()


def read_as(keys: MerchantKeys, text: str, field: RecipientField, *, app: str, shop: str, order: str) -> UUID:
    """The recipient that the text cites. Raises what `read` raises, vault.cipher_field when it cites another field."""
    cited = read(keys, text, app=app, shop=shop, order=order)
    if cited.field is not field:
        raise Refusal("vault.cipher_field", wanted=field.value, found=cited.field.value)
    return cited.token


def is_ciphertext(text: str) -> bool:
    """Whether this is no text that a person wrote: also ciphertext of ours or of this shape that was cut anywhere."""
    if text.startswith(_ANY_MARK) and _BEGINS.fullmatch(text) is not None:
        return True
    return _OWN in text or recognise(text) is not None


def knows(keys: MerchantKeys, text: str) -> bool:
    """False when the text is under a version of the key that is not among these: another program may have made it."""
    match = _SHAPE.fullmatch(text)
    return match is None or keys.text_key(_HEAD.unpack(a2b_base64(match[4]))[2], b"") is not None


def _no_text_of_ours(text: str) -> Refusal:
    kind = recognise(text)
    if kind is None or kind.is_own or _OWN in text:
        least, most = _LENGTHS
        return Refusal("vault.cipher_malformed", length=len(text), least=least, most=most)
    return Refusal("vault.cipher_foreign")


# --- search indexes ---------------------------------------------------------------------------------------------------


def search_index_text(keys: MerchantKeys, kind: RecipientField, text: str) -> str:
    """What searchable ciphertext of this text carries between its first two marks: eight characters of base64.

    The same for every spelling of the text, every app and every order of the merchant, until its index key is
    rotated. Raises Refusal vault.text_long, vault.text.
    """
    return search_index_texts(keys, kind, text)[0]


def search_index_texts(keys: MerchantKeys, kind: RecipientField, text: str) -> list[str]:
    """The same under every index key, newest first: texts that were issued before a rotation carry an older one."""
    refuse_text(kind, text)
    return [_base64(value) for value in keys.text_indexes(_spelled(kind, text))]


def refuse_text(kind: RecipientField, text: str) -> None:
    """Raises Refusal vault.text_long, and vault.text for what no UTF-8 can hold."""
    limit = LONGEST_PHONE if kind is RecipientField.PHONE else LONGEST_TEXT
    if len(text) > limit:
        raise Refusal("vault.text_long", field=kind.value, limit=limit)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate; the error itself would carry the text
        raise Refusal("vault.text") from None


def text_of(recipient: Recipient, field: RecipientField) -> str:
    """The text that ciphertext of this field stands for; a virtual number is written main-extension."""
    if field is RecipientField.NAME:
        return recipient.name
    if field is RecipientField.PHONE:
        return f"{recipient.phone}-{recipient.extension}" if recipient.extension else recipient.phone
    return recipient.detail if field is RecipientField.ADDRESS else recipient.buyer_remark


def _index_of(keys: MerchantKeys, field: RecipientField, text: str) -> str:
    return _base64(keys.text_indexes(_spelled(field, text))[0]) if text else ""


def _spelled(kind: RecipientField, text: str) -> str:
    return f"{kind.value}|{spelled_phone(text) if kind is RecipientField.PHONE else spelled_text(text)}"


# --- bytes ------------------------------------------------------------------------------------------------------------


def _key(keys: MerchantKeys, version: int, app: str, shop: str, order: str) -> AESGCM | None:
    """The key for one app, shop and order, their lengths before them so that no two triples read alike."""
    try:
        context = f"{len(app)} {len(shop)} {app}{shop}{order}".encode()
    except UnicodeEncodeError:
        raise Refusal("vault.text") from None
    return keys.text_key(version, context)


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def _checksum(text: str) -> str:
    return _base64(crc32(text.encode()).to_bytes(4, "big")[1:])
