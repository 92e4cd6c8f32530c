"""What a carrier calls: applications answered, scans pushed, its own numbers read, collections and cancellations."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from miandan.access.model import Scope, SubjectKind
from miandan.accounts import carrier_decisions
from miandan.accounts.service import find_account
from miandan.dialects.doudian.calls import Call, Handler, method
from miandan.dialects.doudian.delivery import camel, nobodys_package, our_package, whole_waybill
from miandan.dialects.doudian.reading import carrier_named
from miandan.dialects.doudian.receivers import SCREEN
from miandan.dialects.doudian.scans import read_traces, refuse_if_something_was_lost
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_remark
from miandan.tracking import service as tracking
from miandan.vault.model import Recipient
from miandan.vault.service import masked
from miandan.waybills import lives, queries
from miandan.waybills.model import Waybill

_LONGEST_WORD: Final = 40
_LONGEST_REASON: Final = 200
_MILLISECONDS_FROM: Final = 10**11
"""A time above this counts milliseconds: as seconds it would lie beyond the year 5000."""
_LAST_SECOND: Final = 4_000_000_000
_DONE: Final = {"result": True, "return_code": "0", "message": "success"}


def _of_carrier(name: str) -> Callable[[Handler], Handler]:
    return method(name, Scope.CARRIER, SubjectKind.CARRIER)


def _must_be_own(call: Call, company: str) -> None:
    """A carrier speaks for itself alone; whoever leaves its code out means itself. Raises doudian.carrier_not_yours."""
    if company and carrier_named(company).code != call.carrier:
        raise Refusal("doudian.carrier_not_yours", carrier=call.carrier)


@_of_carrier("logistics.netsiteApplyCallback")
async def netsite_apply_callback(call: Call) -> dict[str, Any]:
    """An application (book_id) approved or rejected. A carrier that calls us reads recipients by number.

    What `action` means is not public; an application can only be decided, so it is not looked at.
    """
    params = call.params
    _must_be_own(call, params.get("company", ""))
    application_id = _application_id(params["book_id"])
    if params["result"]:
        await carrier_decisions.approve(call.db, call.carrier, application_id, carrier_reads=True)
        call.hall.accounts.forget()
    else:
        await carrier_decisions.reject(call.db, call.carrier, application_id, params.get("remark", ""))
    return {}


def _application_id(book_id: str) -> UUID:
    try:
        return UUID(book_id)
    except ValueError:
        raise Refusal("application.unknown", application=book_id[:_LONGEST_WORD]) from None


@_of_carrier("logistics.trackPush")
async def track_push(call: Call) -> dict[str, Any]:
    """Scans; the answer comes after their commit. Those that can never be kept are named beside code 10001."""
    _must_be_own(call, call.params["company"])
    traces = read_traces(call.carrier, call.params["trace_msgs"])
    refuse_if_something_was_lost(traces, await tracking.push(call.db, traces.scans))
    return {}


@_of_carrier("logistics.ebillInfoGet")
async def ebill_info_get(call: Call) -> dict[str, Any]:
    """A live waybill in plain, for delivery; who asked for what reason is written down first.

    The person that asks (user_id, ip_address) is the carrier's own affair and is not kept.
    """
    params = call.params
    _must_be_own(call, params.get("company", ""))
    number = tracking.spelled(call.carrier, params["waybill_code"])
    waybill = await lives.waybill_on_paper(call.db, call.carrier, number)
    called = f"{_name(params['system_source'])}/{params['user_type']}/{_name(params.get('net_code', ''))}"
    reason = _word(params["query_reason"], _LONGEST_REASON)
    to = await lives.read_for_delivery(call.hall.counter, call.carrier, number, call.app.app_key, reason, called)
    sender = await queries.sender(call.db, waybill.ref.merchant_id, waybill.ship_from_id)
    account = await find_account(call.db, waybill.ref.merchant_id, waybill.account_id)
    return whole_waybill(waybill, sender, to, account)


def _word(text: str, longest: int) -> str:
    """What may stand in the audit log: printable, short, without a phone. The vault takes the recipient out."""
    return mask_remark("".join(filter(str.isprintable, text)))[:longest]


def _name(text: str) -> str:
    """The same for what a system or branch is called: letters, digits and what joins them."""
    return _word("".join(one for one in text if one.isalnum() or one in "-_. "), _LONGEST_WORD)


@_of_carrier("logistics.waybillOrderInfoQuery")
async def waybill_order_info_query(call: Call) -> dict[str, Any]:
    """Whether a number is ours, with masks; snake_case."""
    params = call.params
    return await _package(call, params.get("waybill_code", ""), params.get("express_company", ""))


@_of_carrier("logistics.isByteDancePackage")
async def is_byte_dance_package(call: Call) -> dict[str, Any]:
    """The same in camelCase."""
    return camel(await _package(call, call.params["waybillCode"], call.params["expressCompany"]))


async def _package(call: Call, text: str, company: str) -> dict[str, Any]:
    _must_be_own(call, company)
    try:
        waybill = await lives.waybill_on_paper(call.db, call.carrier, tracking.spelled(call.carrier, text))
    except Refusal as refusal:
        if refusal.code != "waybill.unknown":
            raise
        return nobodys_package()
    sender = await queries.sender(call.db, waybill.ref.merchant_id, waybill.ship_from_id)
    account = await find_account(call.db, waybill.ref.merchant_id, waybill.account_id)
    return our_package(sender, await _masked(call, waybill), full_label=account.full_label_by is not None)


async def _masked(call: Call, waybill: Waybill) -> Recipient:
    """Nobody where the recipient has been shredded."""
    if waybill.sealed.key is None:
        return Recipient("", "")
    keys = await call.hall.vault.keys_for(waybill.ref.merchant_id, [waybill.sealed])
    return masked(keys, waybill.sealed, waybill.order_ref, SCREEN)


@_of_carrier("logistics.collectInfoCallback")
async def collect_info_callback(call: Call) -> dict[str, Any]:
    """A courier or branch will come for a parcel; said again it changes nothing."""
    params, who = call.params, call.params["collect_info"]
    pushed = await tracking.accept_collection(
        call.db,
        call.carrier,
        params["waybill_code"],
        _moment(params["operate_time"]),
        site_code=who.get("net_code", ""),
        site_name=who.get("net_name", ""),
        courier=who.get("courier_name", ""),
        courier_phone=who.get("courier_tel", ""),
    )
    for one in pushed.refused:
        raise one.refusal
    return dict(_DONE)


def _moment(number: int) -> datetime:
    """Seconds or milliseconds. Raises doudian.field_limit."""
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    if not 0 < seconds < _LAST_SECOND:
        raise Refusal("doudian.field_limit", field="operate_time", limit=f"1..{_LAST_SECOND}")
    return datetime.fromtimestamp(seconds, UTC)


@_of_carrier("logistics.cancelOperateOrder")
async def cancel_operate_order(call: Call) -> dict[str, Any]:
    """The carrier has cancelled a number; said again it is cancelled still. What `status` says is not public."""
    params = call.params
    await tracking.cancelled_by_carrier(call.db, call.carrier, params["waybill_code"], params["reason"])
    return dict(_DONE)
