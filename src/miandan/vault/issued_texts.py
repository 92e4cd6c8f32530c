"""Plain texts that an app has encrypted, and recipients put together from ciphertext without leaving the vault."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.vault import queries
from miandan.vault.ciphertext import recognise
from miandan.vault.issued import is_ciphertext, issue, knows, read_as, refuse_text, search_index_text, text_of
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.vault.purposes import RecipientField
from miandan.vault.service import Vault
from miandan.vault.shelves import find_cited
from miandan.vault.spelling import split_extension

MOST_TEXTS: Final = 50
"""Texts of one call (reference/doudian.md section 2.4)."""

_COLUMNS: Final = {
    RecipientField.NAME: "name",
    RecipientField.PHONE: "phone",
    RecipientField.ADDRESS: "detail",
    RecipientField.REMARKS: "buyer_remark",
}


@dataclass(frozen=True, slots=True, repr=False)
class PlainText:
    """A text to encrypt for `auth_id` (an order id or an id of the app's own), with a search index or without."""

    auth_id: str
    kind: RecipientField
    text: str
    searchable: bool

    def __repr__(self) -> str:
        return f"PlainText({self.auth_id!r}, {self.kind.value}, ***)"


@dataclass(frozen=True, slots=True, repr=False)
class Receiver:
    """Who receives an order, each of name, phone and detail in plain or as ciphertext issued for `order`.

    What comes out is sealed for `order_ref`. The names of divisions are plain at every door.
    """

    order_ref: str
    order: str
    name: str
    phone: str
    detail: str
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    division_code: str = ""
    buyer_remark: str = ""
    seller_remark: str = ""

    def __repr__(self) -> str:
        return f"Receiver({self.order_ref!r}, ***)"

    @property
    def texts(self) -> dict[RecipientField, str]:
        """What may be ciphertext."""
        return {
            RecipientField.NAME: self.name,
            RecipientField.PHONE: self.phone,
            RecipientField.ADDRESS: self.detail,
        }


async def keys_for_texts(vault: Vault, merchant_id: int, texts: Iterable[str]) -> MerchantKeys:
    """The merchant's keys, read again when a text is under a version that another program has made since."""
    keys = await vault.keys_of(merchant_id)
    return keys if all(knows(keys, text) for text in texts) else await vault.reload(merchant_id)


def refuse_too_many(items: Collection[object]) -> None:
    """Raises Refusal vault.batch for more than `MOST_TEXTS`."""
    if len(items) > MOST_TEXTS:
        raise Refusal("vault.batch", limit=MOST_TEXTS, wanted=len(items))


# --- encrypting -------------------------------------------------------------------------------------------------------


@dataclass(slots=True, repr=False)
class _Person:
    """Texts of one call that belong to one id, each of another kind: they lie in one row."""

    auth_id: str
    texts: dict[RecipientField, str] = field(default_factory=dict)

    def takes(self, plain: PlainText) -> bool:
        return self.auth_id == plain.auth_id and self.texts.get(plain.kind, plain.text) == plain.text

    def sealed(self, keys: MerchantKeys, shop: str) -> Sealed:
        columns = {_COLUMNS[kind]: text for kind, text in self.texts.items()}
        return keys.seal(Recipient(**{"name": "", "phone": ""} | columns), f"{shop}/{self.auth_id}")


async def encrypt_texts(
    db: Database,
    vault: Vault,
    merchant_id: int,
    texts: Sequence[PlainText],
    *,
    app: str,
    shop: str,
    at: datetime | None = None,
) -> list[str | Refusal]:
    """A ciphertext for each text, in order, or why there is none: vault.text, vault.text_long.

    Name, phone and address of one `auth_id` are kept as one recipient, so that who erases the phone erases all three.
    Raises Refusal vault.batch for more than `MOST_TEXTS`.
    """
    refuse_too_many(texts)
    keys = await vault.keys_of(merchant_id)
    people: list[_Person] = []
    owners = [_refusal_of(plain) or _person_for(people, plain) for plain in texts]
    rows = {id(person): person.sealed(keys, shop) for person in people}
    if rows:
        async with db.transaction() as tx:
            kept = [(person.auth_id, rows[id(person)]) for person in people]
            await queries.insert_texts(tx, merchant_id, shop, app, at or now(), kept)
    return [
        owner if isinstance(owner, Refusal) else _issued(keys, rows[id(owner)].token, plain, app, shop)
        for owner, plain in zip(owners, texts, strict=True)
    ]


def _refusal_of(plain: PlainText) -> Refusal | None:
    try:
        refuse_text(plain.kind, plain.text)
        refuse_text(RecipientField.REMARKS, plain.auth_id)
    except Refusal as refusal:
        return refusal
    return Refusal("vault.text") if "\0" in plain.auth_id else None  # no column holds it


def _person_for(people: list[_Person], plain: PlainText) -> _Person:
    """The row that the text goes into: the first of its id that has no other text of this kind, or a new one."""
    person = next((person for person in people if person.takes(plain)), None)
    if person is None:
        person = _Person(plain.auth_id)
        people.append(person)
    person.texts[plain.kind] = plain.text
    return person


def _issued(keys: MerchantKeys, token: UUID, plain: PlainText, app: str, shop: str) -> str:
    index = search_index_text(keys, plain.kind, plain.text) if plain.searchable else ""
    return issue(keys, token, plain.kind, app=app, shop=shop, order=plain.auth_id, index=index)


# --- gathering --------------------------------------------------------------------------------------------------------


async def gather(
    db: Database, vault: Vault, merchant_id: int, receivers: Sequence[Receiver], *, app: str, shop: str
) -> list[Sealed | Refusal]:
    """Each receiver sealed for its `order_ref`, in order, or why it cannot be.

    Ciphertext is opened and sealed anew in here, whether the texts cite one recipient or several; nothing plain comes
    out, so nothing is audited. A phone that is another platform's ciphertext stays as it is. The refusals: what
    `issued.read_as` raises, vault.cipher_old, vault.shredded, vault.damaged, vault.text, vault.text_long. The packed
    search indexes are in the answer: they are not kept yet.
    """
    keys = await keys_for_texts(vault, merchant_id, (text for one in receivers for text in one.texts.values()))
    cited = [_cited(keys, receiver, app, shop) for receiver in receivers]
    tokens = {token for parts in cited if not isinstance(parts, Refusal) for token in parts.values()}
    rows = await find_cited(db, merchant_id, tokens, {f"{shop}/{receiver.order}" for receiver in receivers})
    keys = await vault.keys_for(merchant_id, rows.values())
    return [
        parts if isinstance(parts, Refusal) else _together(keys, receiver, parts, rows, shop)
        for receiver, parts in zip(receivers, cited, strict=True)
    ]


def _cited(keys: MerchantKeys, receiver: Receiver, app: str, shop: str) -> dict[RecipientField, UUID] | Refusal:
    """The recipients that stand in for name, phone and detail; what is plain is not among them."""
    try:
        return {
            kind: read_as(keys, text, kind, app=app, shop=shop, order=receiver.order)
            for kind, text in receiver.texts.items()
            if is_ciphertext(text) and not (kind is RecipientField.PHONE and _is_foreign(text))
        }
    except Refusal as refusal:
        return refusal


def _is_foreign(text: str) -> bool:
    kind = recognise(text)
    return kind is not None and not kind.is_own


def _together(
    keys: MerchantKeys,
    receiver: Receiver,
    cited: Mapping[RecipientField, UUID],
    rows: Mapping[UUID, Sealed],
    shop: str,
) -> Sealed | Refusal:
    bound_to = f"{shop}/{receiver.order}"
    plain = dict(receiver.texts)
    try:
        people = {token: opened(keys, token, rows, bound_to, receiver.order) for token in set(cited.values())}
        plain |= {kind: text_of(people[token], kind) for kind, token in cited.items()}
        for kind, text in plain.items():
            if kind not in cited and not _is_foreign(text):  # nobody can say how long a foreign phone may be
                refuse_text(kind, text)
        return keys.seal(_recipient(receiver, plain), receiver.order_ref)
    except Refusal as refusal:
        return refusal


def opened(keys: MerchantKeys, token: UUID, rows: Mapping[UUID, Sealed], bound_to: str, order: str) -> Recipient:
    """The cited recipient of an order. Raises Refusal vault.cipher_old when no row holds it, and what `open` raises."""
    sealed = rows.get(token)
    if sealed is None:
        raise Refusal("vault.cipher_old", order=order)
    return keys.open(sealed, bound_to)


def _recipient(receiver: Receiver, plain: Mapping[RecipientField, str]) -> Recipient:
    phone, extension = split_extension(plain[RecipientField.PHONE])
    return Recipient(
        plain[RecipientField.NAME],
        phone,
        extension,
        receiver.province,
        receiver.city,
        receiver.district,
        receiver.town,
        plain[RecipientField.ADDRESS],
        receiver.division_code,
        receiver.buyer_remark,
        receiver.seller_remark,
    )
