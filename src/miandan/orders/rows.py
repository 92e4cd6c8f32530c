"""From a draft to the row that keeps it: goods as JSON, hashes that tell a change, nobody's data in plain."""

import hashlib
from dataclasses import replace

import msgspec

from miandan.kernel.masks import mask_mobiles
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, Seals
from miandan.orders.queries import OrderRow
from miandan.orders.standing_queries import Contents
from miandan.vault.model import Recipient, Sealed

_CONTENT_HASH_BYTES = 16


def ref_of(draft: OrderDraft) -> OrderRef:
    """The order that a draft is of."""
    return OrderRef(draft.shop_id or "", draft.order_id)


def row_of(ref: OrderRef, draft: OrderDraft, sealed: Sealed, keys: Seals) -> OrderRow:
    """The draft as the table keeps it, its recipient sealed already."""
    contents = contents_of(draft)
    return OrderRow(
        shop_id=ref.shop_id,
        order_id=ref.order_id,
        state=draft.state.value,
        held_reason=_reason(draft),
        paid_at=contents.paid_at,
        lines=contents.lines,
        warnings=contents.warnings,
        content_hash=contents.content_hash,
        division_code=draft.recipient.division_code,
        recipient_token=sealed.token,
        recipient_key=sealed.key,
        recipient=sealed.body,
        recipient_digest=sealed.digest,
        remark_digest=remark_digest(draft.recipient, keys),
        created_at=contents.created_at,
    )


def contents_of(draft: OrderDraft) -> Contents:
    """What the draft says besides its recipient and its state."""
    draft = replace(draft, lines=tuple(map(_without_mobiles, draft.lines)))
    return Contents(
        lines=_json(draft.lines),
        warnings=_json([{"code": warning.code, **warning.fields} for warning in draft.warnings]),
        content_hash=_content_hash(draft),
        paid_at=draft.paid_at,
        created_at=draft.created_at,
    )


def _without_mobiles(line: OrderLine) -> OrderLine:
    """What a person typed into the name of an article is seen by everybody who sees the goods."""
    title, spec = mask_mobiles(line.title), mask_mobiles(line.spec)
    return line if (title, spec) == (line.title, line.spec) else replace(line, title=title, spec=spec)


def _reason(draft: OrderDraft) -> str | None:
    return draft.held_reason.code if draft.held_reason is not None else None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _content_hash(draft: OrderDraft) -> bytes:
    """Over what an import says besides the recipient: goods, state and payment time, nobody's data."""
    content = msgspec.json.encode((draft.lines, draft.state.value, _reason(draft), draft.paid_at))
    return hashlib.blake2b(content, digest_size=_CONTENT_HASH_BYTES).digest()


def remark_digest(recipient: Recipient, keys: Seals) -> bytes:
    """Under the merchant's key, as remarks often hold phones; the merge digest itself leaves remarks out."""
    if not (recipient.buyer_remark or recipient.seller_remark):
        return b""
    return keys.digest(Recipient(name=recipient.buyer_remark, phone="", detail=recipient.seller_remark))
