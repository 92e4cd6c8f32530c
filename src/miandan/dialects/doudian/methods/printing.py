"""Print data, the key for a print component, commands for Bluetooth printers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from miandan.access.model import Scope
from miandan.accounts import service as accounts
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

_Ask = TypeVar("_Ask")
_Given = TypeVar("_Given")
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

    async def give(some: Sequence[Asked], owner: int | None) -> list[PrintData | Withheld]:
        return await service.print_data_of(desk, reader, some, merchant_id=owner)

    given = iter(await _also_for_others(call, items, lambda one: [one], give))
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
    asks: Sequence[_Ask],
    numbers_of: Callable[[_Ask], Sequence[Asked]],
    give: Callable[[Sequence[_Ask], int | None], Awaitable[list[_Given]]],
) -> list[_Given]:
    """What the caller's own shop has, and of the rest what was taken on accounts that the caller lent (代打).

    `numbers_of` says which numbers an ask can mean: of several carriers where it names none.
    """
    results = await give(asks, None)
    missing = [
        (place, asked)
        for place, one in enumerate(results)
        if isinstance(one, Withheld) and one.refusal.code == "waybill.unknown"
        for asked in numbers_of(asks[place])
    ]
    if not missing:
        return results
    owners: dict[int, int] = {}
    for index, owner in (await lending_merchants(call, [asked for _, asked in missing])).items():
        owners.setdefault(missing[index][0], owner)
    for owner in set(owners.values()):
        here = [place for place, found in owners.items() if found == owner]
        for place, one in zip(here, await give([asks[place] for place in here], owner), strict=True):
            results[place] = one
    return results


def _err_info(one: Withheld, name: str) -> dict[str, Any]:
    number, said = answers.of_item(one.refusal, name)
    return {"track_no": one.number, "err_code": number, "err_msg": said}


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
    carriers = {one.carrier for one in await accounts.accounts_of(call.db, call.merchant_id)}

    async def give(some: Sequence[CommandAsk], owner: int | None) -> list[Command | Withheld]:
        return await bluetooth.bluetooth_commands(call.hall.printing, reader_of(call), some, wish, merchant_id=owner)

    def numbers_of(ask: CommandAsk) -> list[Asked]:
        return [Asked(carrier, ask.number) for carrier in sorted(carriers)]

    results = await _also_for_others(call, asks, numbers_of, give)
    return {
        "waybill_infos": [
            {"track_no": one.number, "print_data": one.commands} for one in results if isinstance(one, Command)
        ],
        "err_infos": [_err_info(one, BLUETOOTH) for one in results if isinstance(one, Withheld)],
    }
