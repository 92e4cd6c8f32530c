"""Ciphertext: reading it within the budget, looking at masks, writing it for plain texts, and search indexes.

Every item stands for itself: a failure rides in its err_no beside code 10000, and custom_err says 300008 (some failed)
or 300003 (all). Only a decryption of which nothing came out is refused as a whole, since a client that tests code
alone would take empty texts for an answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from miandan.access.model import Scope, SubjectKind
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.order_ids import without_a
from miandan.dialects.doudian.using import authorisations
from miandan.kernel.errors import Refusal
from miandan.orders.ids import refuse_odd_id
from miandan.orders.listing import count_received
from miandan.vault.decrypts import Asked, Asker, Shown, decrypt, sensitive
from miandan.vault.issued import search_index_text
from miandan.vault.issued_texts import PlainText, encrypt_texts
from miandan.vault.purposes import RecipientField

PURPOSE: Final = "after_sale"
"""What a shop's software decrypts for; it covers name, phone and address, and draws on the budget."""

_NOT_YOURS: Final = "vault.cipher_not_yours"

SOME_FAILED: Final = 300_008
ALL_FAILED: Final = 300_003

_TYPES: Final = {1: RecipientField.ADDRESS, 2: RecipientField.NAME, 3: RecipientField.PHONE}
_NUMBERS: Final = {field: number for number, field in _TYPES.items()}


@method("order.batchDecrypt", Scope.REVEAL)
async def batch_decrypt(call: Call) -> dict[str, Any]:
    """Texts in plain, at most 50, each written down and counted once an hour.

    Raises vault.budget when the budget alone stands in the way of all of them, doudian.nothing_decrypted when no text
    came out for other reasons.
    """
    items = call.params["cipher_infos"]
    account_id, account_type = call.params.get("account_id", ""), call.params.get("account_type", "")

    async def orders_since(since: datetime) -> int:
        return await count_received(call.db, await shops_of(call), since)

    async def opened(asked: Sequence[Asked]) -> list[Shown | Refusal]:
        return await decrypt(
            call.db,
            call.hall.vault,
            asked,
            asker=Asker(call.app.app_key, f"app:{call.app.app_key}", account_id[:64], account_type[:64]),
            merchant_id=call.merchant_id,
            shop=call.shop_id,
            purpose=PURPOSE,
            orders_since=orders_since,
        )

    results = await _under_either_id(items, opened)
    refusals = [result for result in results if isinstance(result, Refusal)]
    if len(refusals) == len(results):
        raise _why_nothing(refusals)
    infos = [
        _info(item, result, "order.batchDecrypt") | _kind(result) for item, result in zip(items, results, strict=True)
    ]
    return {"decrypt_infos": infos, "custom_err": _custom_err(results)}


@method("order.batchSensitive", Scope.ORDERS)
async def batch_sensitive(call: Call) -> dict[str, Any]:
    """Masks of at most 50 texts; free of budget and log."""
    items = call.params["cipher_infos"]

    async def masked(asked: Sequence[Asked]) -> list[Shown | Refusal]:
        return await sensitive(
            call.db,
            call.hall.vault,
            asked,
            app=call.app.app_key,
            merchant_id=call.merchant_id,
            shop=call.shop_id,
        )

    results = await _under_either_id(items, masked)
    infos = [_info(item, result, "order.batchSensitive") for item, result in zip(items, results, strict=True)]
    return {"decrypt_infos": infos, "custom_err": _custom_err(results)}


@method("order.batchEncrypt", Scope.ORDERS)
async def batch_encrypt(call: Call) -> dict[str, Any]:
    """Ciphertext of plain texts for an order id or an id of the app's own; the plain text is not sent back."""
    items = call.params["batch_encrypt_list"]
    odd = {place: refusal for place, item in enumerate(items) if (refusal := _odd_id(item["auth_id"])) is not None}
    texts = [
        PlainText(item["auth_id"], _TYPES[item["sensitive_type"]], item["plain_text"], item["is_support_index"])
        for place, item in enumerate(items)
        if place not in odd
    ]
    written = iter(
        await encrypt_texts(call.db, call.hall.vault, call.merchant_id, texts, app=call.app.app_key, shop=call.shop_id)
    )
    results = [odd[place] if place in odd else next(written) for place in range(len(items))]
    infos = [
        {"auth_id": item["auth_id"], "cipher_text": result if isinstance(result, str) else "", "decrypt_text": ""}
        | _error(result, "order.batchEncrypt")
        for item, result in zip(items, results, strict=True)
    ]
    return {"encrypt_infos": infos, "custom_err": _custom_err(results)}


@method("order.BatchSearchIndex", Scope.ORDERS)
async def batch_search_index(call: Call) -> dict[str, Any]:
    """What searchable ciphertext of each text carries between its first two marks. `plain` is what the caller sent.

    Raises vault.text_long, vault.text.
    """
    index = await _indexing(call)
    rows = [
        {"plain": item["plain_text"], "search_index": index(item["encrypt_type"], item["plain_text"])}
        for item in call.params["plain_text_list"]
    ]
    return {"plain_to_encrypt_index_list": rows, "custom_err": _custom_err(rows)}


@method("order.getSearchIndex", Scope.ORDERS)
async def get_search_index(call: Call) -> dict[str, Any]:
    """The older form, for one text. Raises vault.text_long, vault.text."""
    index = await _indexing(call)
    return {"encrypt_index_text": index(call.params["sensitive_type"], call.params["plain_text"])}


async def _indexing(call: Call) -> Callable[[int, str], str]:
    keys = await call.hall.vault.keys_of(call.merchant_id)

    def index(kind: int, text: str) -> str:
        return search_index_text(keys, _TYPES[kind], text)

    return index


async def shops_of(call: Call) -> set[tuple[int, str]]:
    """Every shop that lets the app in: its budget grows with the orders of all of them."""
    return {
        (one.subject.merchant_id, one.subject.shop_id)
        for one in await authorisations(call)
        if one.subject.kind is SubjectKind.SHOP
    }


async def _under_either_id(
    items: Sequence[Mapping[str, Any]], show: Callable[[Sequence[Asked]], Awaitable[list[Shown | Refusal]]]
) -> list[Shown | Refusal]:
    """Each text under the id as it is written, and where that is not its own, under the id without an A."""
    results = await show([Asked(item["auth_id"], item["cipher_text"]) for item in items])
    again = {
        place: Asked(bare, item["cipher_text"])
        for place, (item, result) in enumerate(zip(items, results, strict=True))
        if isinstance(result, Refusal) and result.code == _NOT_YOURS and (bare := without_a(item["auth_id"]))
    }
    if again:
        for place, result in zip(again, await show(list(again.values())), strict=True):
            results[place] = result
    return results


def _odd_id(auth_id: str) -> Refusal | None:
    try:
        refuse_odd_id(auth_id)
    except Refusal as refusal:
        return refusal
    return None


def _why_nothing(refusals: Sequence[Refusal]) -> Refusal:
    codes = sorted({refusal.code for refusal in refusals})
    if codes == ["vault.budget"]:
        return refusals[0]
    first = refusals[0]
    return Refusal("doudian.nothing_decrypted", count=len(refusals), codes=", ".join(codes), zh=first.zh, en=first.en)


def _info(item: Mapping[str, Any], result: Shown | Refusal, method_name: str) -> dict[str, Any]:
    return {
        "auth_id": item["auth_id"],
        "cipher_text": item["cipher_text"],
        "decrypt_text": result.text if isinstance(result, Shown) else "",
    } | _error(result, method_name)


def _kind(result: Shown | Refusal) -> dict[str, Any]:
    """A virtual number is one with an extension; how long it lives is not known here."""
    shown = result if isinstance(result, Shown) else None
    extension = shown.extension if shown is not None else ""
    return {
        "data_type": _NUMBERS.get(shown.field, 0) if shown is not None else 0,
        "is_virtual_tel": bool(extension),
        "expire_time": 0,
        "phone_no_a": shown.text.removesuffix(f"-{extension}") if shown is not None and extension else "",
        "phone_no_b": extension,
    }


def _error(result: object, method_name: str) -> dict[str, Any]:
    if not isinstance(result, Refusal):
        return {"err_no": 0, "err_msg": ""}
    number, said = answers.of_item(result, method_name)
    return {"err_no": number, "err_msg": said}


def _custom_err(results: Sequence[object]) -> dict[str, Any]:
    failed = sum(isinstance(result, Refusal) for result in results)
    if not failed:
        return {"err_code": 0, "err_msg": ""}
    if failed < len(results):
        return {"err_code": SOME_FAILED, "err_msg": f"{failed} 条失败，见各条 err_no {failed} items failed: see err_no"}
    return {"err_code": ALL_FAILED, "err_msg": "全部失败，见各条 err_no all items failed: see err_no"}
