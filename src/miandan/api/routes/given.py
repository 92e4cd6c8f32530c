"""What routes share of a request: the call that was let in, names in paths, the Idempotency-Key, cursors."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query
from pydantic import AfterValidator

from miandan.api.models.fields import CARRIER_CODE, NUMBER, printable
from miandan.api.security import Call, call_of
from miandan.kernel.errors import Refusal
from miandan.tracking.service import spelled
from miandan.waybills import lives, queries
from miandan.waybills.model import NumberRef, Waybill

PREFIX: Final = "/api/v1"
SCREEN: Final = "screen"
"""The mask rule of what is shown."""

LetIn = Annotated[Call, Depends(call_of)]
OrderId = Annotated[str, Path(min_length=1, max_length=64), AfterValidator(printable)]
CarrierPath = Annotated[str, Path(pattern=CARRIER_CODE)]
NumberPath = Annotated[str, Path(pattern=NUMBER)]
CursorText = Annotated[str, Query(max_length=1000, description="上一页的 next / `next` of the last page")]
KEY_TEXT: Final = r"^[\x21-\x7e]{1,200}$"
"""What an Idempotency-Key may look like: visible ASCII, best a UUID."""

_KEY_WORDS: Final = (
    "每个新请求换一个；重试时不变，得到第一次的结果 / "
    "a new one for every new request; the same for a retry, which is then answered as the first one was"
)
IdempotencyKey = Annotated[str | None, Header(pattern=KEY_TEXT, description=_KEY_WORDS)]
NeededKey = Annotated[str, Header(alias="Idempotency-Key", pattern=KEY_TEXT, description=_KEY_WORDS)]


def own_key(call: Call, key: str) -> str:
    """The key as it is kept: two apps, or two shops of one merchant, never meet under one key."""
    whole = f"{len(call.app)} {len(call.shop_id)} {call.app}{call.shop_id}{key}"
    return hashlib.blake2b(whole.encode(), digest_size=24).hexdigest()


@contextmanager
def kept_key(call: Call, key: str | None, verb: str = "") -> Iterator[str]:
    """The key as it is kept, "" where there is none; a refusal that names it names what the caller sent. Verbs whose
    answers lie in one table are told apart by `verb`."""
    kept = "" if key is None else own_key(call, f"{verb} {key}" if verb else key)
    try:
        yield kept
    except Refusal as refusal:
        named = {name: key for name, value in refusal.fields.items() if kept and value == kept}
        if not named:
            raise
        raise Refusal(refusal.code, **refusal.fields | named) from None


async def number_of(call: Call, carrier: str, number: str) -> NumberRef:
    """A number of the caller's shop. Raises waybill.unknown for anybody else's too, and carrier.unknown."""
    return (await waybill_of(call, carrier, number)).ref


async def waybill_of(call: Call, carrier: str, number: str) -> Waybill:
    """The waybill of a number of the caller's shop. Raises as `number_of`."""
    ref = await lives.find(call.hall.db, call.merchant_id, carrier, spelled(carrier, number))
    [waybill] = await queries.waybills(call.hall.db, [ref])
    if waybill.shop_id != call.shop_id:
        raise Refusal("waybill.unknown", carrier=carrier, number=ref.number)
    return waybill
