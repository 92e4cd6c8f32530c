"""newCreateOrder: a batch of orders becomes takes, one for each account that its parcels mean."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from miandan.accounts.choosing import Wish
from miandan.accounts.model import Sender
from miandan.carriers.model import Carrier
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.order_ids import orders_meant
from miandan.dialects.doudian.reading import (
    carrier_named,
    is_sealed,
    read_goods,
    read_receiver,
    read_recipient,
    read_sender,
    read_services,
)
from miandan.dialects.doudian.takes import Told, take_on_account, told
from miandan.dialects.doudian.using import using_shop
from miandan.kernel.errors import Refusal
from miandan.orders.recipients import completed
from miandan.vault.issued import is_ciphertext, read_as
from miandan.vault.issued_texts import gather, keys_for_texts
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.vault.purposes import RecipientField
from miandan.waybills.for_orders import OrderParcel, Served

METHOD: Final = "logistics.newCreateOrder"

_NO_WINDOW: Final = ("", "")


class EbillInfo(Struct):
    """One number of an answer; a struct, since a batch has fifty of them."""

    company: str
    hint_msg: str
    order_id: str
    pack_id: str
    track_no: str
    sort_code: str
    package_center_name: str
    short_address_name: str
    sub_waybill_codes: str
    order_channel: str
    shipping_code: str
    package_center_code: str = ""
    short_address_code: str = ""
    extra_resp: str = ""


class _Batch(Struct, frozen=True):
    """What all orders of one call have in common."""

    call: Call
    carrier: Carrier
    merchant_id: int
    shop_id: str
    sender: Sender
    street: str
    channel: str
    meant: Mapping[str, str]
    """The order of ours behind each id; empty for another channel's, whose ids are taken as they are."""

    def order_id(self, written: str) -> str:
        return self.meant.get(written, written)

    def order_ids(self, order: Mapping[str, Any]) -> tuple[str, ...]:
        """The order of a parcel, then those merged with it."""
        if not order.get("combine_orders"):
            return (self.order_id(order["order_id"]),)
        return tuple(dict.fromkeys(map(self.order_id, _written_ids(order))))


async def take_batch(call: Call) -> tuple[list[EbillInfo], list[dict[str, Any]]]:
    """Numbers and failures of a batch, each in the order asked.

    Raises what stands in the way of every order: carrier.unknown, shop.unknown, the account's refusals.
    """
    batch, orders = await _read_batch(call), call.params["order_infos"]
    parcels = await _parcels(batch, orders)
    windows: dict[tuple[str, str], dict[int, OrderParcel]] = {}
    results: dict[int, Served | Refusal] = {}
    for place, one in enumerate(parcels):
        if isinstance(one, Refusal):
            results[place] = one
        else:
            windows.setdefault(_window(orders[place]), {})[place] = one
    for window, wanted in windows.items():
        results |= await _serve(batch, window, wanted, others=len(windows) > 1 or bool(results))
    return await _written(batch, orders, [results[place] for place in range(len(orders))])


async def _read_batch(call: Call) -> _Batch:
    params = call.params
    carrier = carrier_named(params["logistics_code"])
    merchant_id, shop_id = await using_shop(call, params.get("user_id"))
    sender, street = read_sender(params["sender_info"])
    channel, meant = params.get("order_channel", ""), dict[str, str]()
    if not channel:
        written = [one for order in params["order_infos"] for one in _written_ids(order)]
        meant = await orders_meant(call, written, merchant_id, shop_id)
    return _Batch(call, carrier, merchant_id, shop_id, sender, street, channel, meant)


def _window(order: Mapping[str, Any]) -> tuple[str, str]:
    """Branch and monthly account that an order names, both empty for most."""
    net = order.get("net_info")
    return (net.get("net_code", ""), net.get("monthly_account", "")) if net else _NO_WINDOW


async def _serve(
    batch: _Batch, window: tuple[str, str], wanted: Mapping[int, OrderParcel], *, others: bool
) -> Mapping[int, Served | Refusal]:
    """One take. What is wrong with the account is each order's failure where `others` are served, else everybody's."""
    wish = Wish(batch.carrier.code, batch.sender, batch.street, *window)
    try:
        return await take_on_account(batch.call, batch.merchant_id, batch.shop_id, wish, wanted)
    except Refusal as refusal:
        if not others:
            raise
        return dict.fromkeys(wanted, refusal)


async def _parcels(batch: _Batch, orders: Sequence[Mapping[str, Any]]) -> list[OrderParcel | Refusal]:
    """Every order as a parcel, or why it cannot be one. Ciphertext is looked into once for the whole batch."""
    sealed = [order["receiver_info"] for order in orders if is_sealed(order["receiver_info"])]
    if not sealed:
        return [_parcel(batch, order, _plain(batch, order)) for order in orders]
    call = batch.call
    texts = [text for one in sealed for text in _texts(one).values()]
    keys = await keys_for_texts(call.hall.vault, batch.merchant_id, texts)
    gathered = await _gathered(batch, orders) if batch.channel else {}
    return [
        _parcel(
            batch,
            order,
            _plain(batch, order)
            if not is_sealed(order["receiver_info"])
            else gathered[place]
            if batch.channel
            else _cited(batch, order, keys),
        )
        for place, order in enumerate(orders)
    ]


def _plain(batch: _Batch, order: Mapping[str, Any]) -> Recipient | Refusal:
    """An order of ours goes to its own recipient: what the call says is compared only, and may be anything."""
    try:
        if batch.channel:
            return completed(read_recipient(order["receiver_info"], order.get("remark", "")))
        return read_recipient(order["receiver_info"])
    except Refusal as refusal:
        return refusal


async def _gathered(batch: _Batch, orders: Sequence[Mapping[str, Any]]) -> dict[int, Sealed | Refusal]:
    """Receivers of another channel's orders, put together inside the vault from what this app encrypted before."""
    call, wanted, found = batch.call, {}, dict[int, Sealed | Refusal]()
    for place, order in enumerate(orders):
        if is_sealed(order["receiver_info"]):
            order_id = order["order_id"]
            ref = f"{batch.shop_id}/{order_id}"
            try:
                wanted[place] = read_receiver(order["receiver_info"], ref, order_id, order.get("remark", ""))
            except Refusal as refusal:
                found[place] = refusal
    sealed = await gather(
        call.db,
        call.hall.vault,
        batch.merchant_id,
        list(wanted.values()),
        app=call.app.app_key,
        shop=batch.shop_id,
    )
    for place, one in zip(wanted, sealed, strict=True):
        found[place] = one if isinstance(one, Refusal) else _unless_unreceivable(orders[place], one)
    return found


def _unless_unreceivable(order: Mapping[str, Any], sealed: Sealed) -> Sealed | Refusal:
    """What of a receiver is plain must be fit for delivery, as it must without any ciphertext."""
    try:
        completed(read_recipient(order["receiver_info"], order.get("remark", "")))
    except Refusal as refusal:
        return refusal
    return sealed


def _cited(batch: _Batch, order: Mapping[str, Any], keys: MerchantKeys) -> UUID | Refusal:
    """The recipient that an order's ciphertext cites, under whichever spelling of its id it was issued; of merged
    orders it may be any one's."""
    refusal = Refusal("vault.cipher_not_yours", order=order["order_id"])
    texts = {kind: text for kind, text in _texts(order["receiver_info"]).items() if is_ciphertext(text)}
    for order_id in dict.fromkeys((*batch.order_ids(order), *_written_ids(order))):
        try:
            tokens = {
                read_as(keys, text, kind, app=batch.call.app.app_key, shop=batch.shop_id, order=order_id)
                for kind, text in texts.items()
            }
        except Refusal as error:
            refusal = error
            continue
        return tokens.pop() if len(tokens) == 1 else Refusal("vault.cipher_mixed", order=order_id)
    return refusal


def _texts(receiver: Mapping[str, Any]) -> dict[RecipientField, str]:
    """What may be ciphertext of a receiver."""
    contact, address = receiver["contact"], receiver["address"]
    return {
        RecipientField.NAME: contact["name"],
        RecipientField.PHONE: contact.get("mobile") or contact.get("phone", ""),
        RecipientField.ADDRESS: address.get("detail_address", ""),
    }


def _written_ids(order: Mapping[str, Any]) -> tuple[str, ...]:
    return (order["order_id"], *order.get("combine_orders", ()))


def _parcel(
    batch: _Batch, order: Mapping[str, Any], recipient: Recipient | Sealed | UUID | Refusal
) -> OrderParcel | Refusal:
    if isinstance(recipient, Refusal):
        return recipient
    return OrderParcel(
        batch.shop_id,
        batch.order_ids(order),
        order.get("pack_id", ""),
        recipient,
        read_goods(order["items"]),
        order.get("product_type", ""),
        read_services(order.get("service_list", ())),
        order.get("total_pack_count", 1),
        outside=bool(batch.channel),
    )


async def _written(
    batch: _Batch, orders: Sequence[Mapping[str, Any]], results: Sequence[Served | Refusal]
) -> tuple[list[EbillInfo], list[dict[str, Any]]]:
    taken: list[EbillInfo] = []
    failed: list[dict[str, Any]] = []
    for order, result in zip(orders, results, strict=True):
        outcome = await told(batch.call, result)
        if isinstance(outcome, Refusal):
            failed.append(_err_info(batch, order, outcome))
        else:
            taken.append(_ebill_info(batch, order, outcome))
    return taken, failed


def _ebill_info(batch: _Batch, order: Mapping[str, Any], taken: Told) -> EbillInfo:
    return EbillInfo(
        batch.call.params["logistics_code"],
        taken.hint,
        order["order_id"],
        order.get("pack_id", ""),
        taken.number,
        taken.route.sort_code,
        taken.route.bag_centre,
        taken.route.big_mark,
        ",".join(taken.children),
        batch.channel,
        order.get("shipping_code", ""),
    )


def _err_info(batch: _Batch, order: Mapping[str, Any], refusal: Refusal) -> dict[str, Any]:
    """`err_code` is text in this method and a number in waybillApply; both are so in every source."""
    number, said = answers.of_item(refusal, METHOD)
    return {
        "order_id": order["order_id"],
        "pack_id": order.get("pack_id", ""),
        "err_code": str(number),
        "err_msg": said,
        "order_channel": batch.channel,
    }
