"""Print data, the key for a print component, commands for Bluetooth printers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from miandan.access.model import Scope
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.reading import carrier_named, reader_of
from miandan.dialects.doudian.using import lending_merchants
from miandan.kernel.errors import Refusal
from miandan.labels.printers.profile import Language
from miandan.printing import bluetooth, service
from miandan.printing.model import (
    Asked,
    Command,
    CommandAsk,
    Direction,
    Encoding,
    PrintData,
    PrinterWish,
    Withheld,
)

APPLY: Final = "logistics.waybillApply"
BLUETOOTH: Final = "logistics.fetchBluetoothCmd"

_LANGUAGES: Final = {"TSPL": Language.TSPL, "CPCL": Language.CPCL}


@method(APPLY, Scope.PRINT)
async def waybill_apply(call: Call) -> dict[str, Any]:
    """Sealed print data and its signature for each number; err_code is a number here."""
    asked: list[Asked | Withheld] = []
    for one in call.params["waybill_applies"]:
        try:
            asked.append(Asked(carrier_named(one["logistics_code"]).code, one["track_no"].strip()))
        except Refusal as refusal:
            asked.append(Withheld("", one["track_no"], "", refusal))
    items = [one for one in asked if isinstance(one, Asked)]
    desk, reader = call.hall.printing, reader_of(call)
    given = iter(
        await _also_for_others(
            call, items, lambda some, owner: service.print_data_of(desk, reader, some, merchant_id=owner)
        )
    )
    results = [next(given) if isinstance(one, Asked) else one for one in asked]
    return {
        "waybill_infos": [
            {"order_id": one.order_id, "track_no": one.number, "print_data": one.print_data, "sign": one.sign}
            for one in results
            if isinstance(one, PrintData)
        ],
        "err_infos": [
            _err_info(one, APPLY) | {"order_id": one.order_id} for one in results if isinstance(one, Withheld)
        ],
    }


async def _also_for_others(
    call: Call,
    items: Sequence[Asked],
    give: Callable[[Sequence[Asked], int | None], Awaitable[list[PrintData | Withheld]]],
) -> list[PrintData | Withheld]:
    """What the caller's own shop has, and of the rest what was taken on accounts that the caller lent (代打)."""
    results = await give(items, None)
    missing = [one for one in results if isinstance(one, Withheld) and one.refusal.code == "waybill.unknown"]
    if not missing:
        return results
    places: dict[int, list[int]] = {}
    for place, owner in (await lending_merchants(call, items)).items():
        if results[place] in missing:
            places.setdefault(owner, []).append(place)
    for owner, here in places.items():
        for place, one in zip(here, await give([items[place] for place in here], owner), strict=True):
            results[place] = one
    return results


def _err_info(one: Withheld, name: str) -> dict[str, Any]:
    code = answers.code_of(one.refusal, name)
    return {"track_no": one.number, "err_code": code.number or code.code, "err_msg": answers.words(one.refusal)}


@method("logistics.getShopKey", Scope.PRINT)
async def get_shop_key(call: Call) -> dict[str, Any]:
    """The shop's print key, wrapped for a paired agent.

    Print components call this with a query that an ERP has signed beforehand, so what only the component knows (its
    deviceInfo, the print data at hand) may stand beside what is signed: nobody but the named agent can use the answer.
    """
    agent = call.params.get("deviceInfo") or call.beside.get("deviceInfo", "")
    cipher_text = call.params.get("cipher_text") or call.beside.get("cipher_text", "")
    key = await service.shop_key(call.hall.printing, reader_of(call), agent, cipher_text)
    return {"key": key}


@method(BLUETOOTH, Scope.PRINT)
async def fetch_bluetooth_cmd(call: Call) -> dict[str, Any]:
    """Ready commands of the printer's language; a copy of each sheet is counted."""
    config = call.params.get("remote_print_config", {})
    wish = PrinterWish(
        _LANGUAGES[call.params["cmd_type"]],
        Encoding(call.params["cmd_encode"]),
        config.get("printer_name", ""),
        config.get("horizontal_offset", 0),
        config.get("vertical_offset", 0),
        Direction(config.get("print_direction", "normal")),
    )
    asks = [
        CommandAsk(
            one["track_no"].strip(),
            one["std_template_code"],
            one.get("cus_template_code", ""),
            one.get("cus_template_url", ""),
            one.get("cus_print_data", ""),
        )
        for one in call.params["waybill_applies"]
    ]
    results = await bluetooth.bluetooth_commands(call.hall.printing, reader_of(call), asks, wish)
    return {
        "waybill_infos": [
            {"track_no": one.number, "print_data": one.commands} for one in results if isinstance(one, Command)
        ],
        "err_infos": [_err_info(one, BLUETOOTH) for one in results if isinstance(one, Withheld)],
    }
