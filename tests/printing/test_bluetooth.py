"""Commands for Bluetooth printers: the preview's dots, counted copies, failures that cost only themselves."""

import asyncio
import base64
import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.pictures import Bits
from miandan.labels.printers.paper import turned
from miandan.labels.printers.profile import Language
from miandan.labels.raster import rasterise
from miandan.orders.model import OrderState
from miandan.printing import templates
from miandan.printing.model import MOST_ITEMS, Command, CommandAsk, Direction, Encoding, PrinterWish, Withheld
from miandan.waybills.model import Taken
from tests.printing.conftest import Printery
from tests.printing.press import Press
from tests.printing.test_templates import area, offer, whole

TSPL = PrinterWish(Language.TSPL, Encoding.ORIGIN, "某型号蓝牙机")
CPCL = PrinterWish(Language.CPCL, Encoding.ORIGIN, "某型号蓝牙机")
MOMENT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Labels name the second they were printed at."""

BITMAP = re.compile(rb"BITMAP 0,0,(\d+),(\d+),0,")


async def taken(press: Press, order: str = "1", pieces: int = 1) -> Taken:
    return await press.taken(order, "zto", pieces=pieces)


def ask(press: Press, number: str, template: str = "zto-76x130", **more: str) -> CommandAsk:
    return CommandAsk(number, press.code(template), **more)


async def one(press: Press, asked: CommandAsk, wish: PrinterWish = TSPL) -> Command:
    [command] = await press.commands([asked], wish, at=MOMENT)
    assert isinstance(command, Command), command
    return command


async def code(press: Press, asked: CommandAsk, wish: PrinterWish = TSPL) -> str:
    [answer] = await press.commands([asked], wish, at=MOMENT)
    assert isinstance(answer, Withheld), answer
    return answer.refusal.code


def dots(command: Command) -> Bits:
    """The picture in TSPL commands."""
    data = base64.b64decode(command.commands)
    found = BITMAP.search(data)
    assert found
    stride, height = int(found[1]), int(found[2])
    raw = data[found.end() : found.end() + stride * height]
    return Bits(608, height, raw.translate(bytes(byte ^ 0xFF for byte in range(256))))


def cpcl_dots(data: bytes) -> bytes:
    found = re.search(rb"EG \d+ \d+ 0 0 ([0-9A-F]+)\r\n", data)
    assert found
    return bytes.fromhex(found[1].decode())


async def preview(press: Press, one: Taken) -> Bits:
    """What the label looks like as its latest copy, on any screen."""
    [sheet] = rasterise([await press.label(one.ref, MOMENT)], standards.standard("zto-76x130"))
    return sheet.bits


async def test_the_commands_hold_the_dots_of_the_preview_and_count_a_copy(printery: Printery) -> None:
    async with printery.press() as press:
        parcel = await taken(press)
        first = await one(press, ask(press, parcel.number))
        assert (first.copy, first.order_id, first.carrier) == (1, "1", "zto")
        assert dots(first) == await preview(press, parcel)
        second = await one(press, ask(press, parcel.number))
        assert (second.copy, await press.copies(parcel.ref)) == (2, 2)
        assert dots(second) != dots(first)
        assert dots(second) == await preview(press, parcel)


async def test_prints_at_the_same_moment_count_every_copy(printery: Printery) -> None:
    async with printery.press() as press:
        parcel = await taken(press)
        asked = ask(press, parcel.number)
        found = await asyncio.gather(*(one(press, asked) for _ in range(6)))
        assert sorted(command.copy for command in found) == [1, 2, 3, 4, 5, 6]
        assert await press.copies(parcel.ref) == 6


async def test_every_encoding_carries_the_same_sheet(printery: Printery) -> None:
    async with printery.press() as press:
        asked = ask(press, (await taken(press)).number)
        data = {}
        for encoding in Encoding:
            await press.desk.db.execute("UPDATE waybill SET copies = 0 WHERE merchant_id = $1", press.merchant_id)
            data[encoding] = base64.b64decode((await one(press, asked, replace(CPCL, encoding=encoding))).commands)
        plain, raw = data[Encoding.ORIGIN], gzip.decompress(data[Encoding.GZIP])
        assert plain == data[Encoding.GBK]
        assert plain.decode("gbk").encode("gbk") == plain  # a phone may take them for text
        assert plain.startswith(b"! 0 200 200 ")
        assert cpcl_dots(plain) in raw
        assert len(raw) < len(plain)


async def test_offset_and_direction_move_the_dots(printery: Printery) -> None:
    async with printery.press() as press:
        parcels = [await taken(press, order) for order in ("1", "2", "3")]
        straight, reverse, moved = [
            await one(press, ask(press, parcel.number), wish)
            for parcel, wish in zip(
                parcels,
                (TSPL, replace(TSPL, direction=Direction.REVERSE), replace(TSPL, down_mm=20, right_mm=-1)),
                strict=True,
            )
        ]
        assert dots(straight) == await preview(press, parcels[0])
        assert turned(dots(reverse)) == await preview(press, parcels[1])
        down = 160 * dots(moved).stride
        assert not any(dots(moved).data[:down])
        assert (straight.lost, moved.lost > 0) == (0, True)


def test_turning_twice_changes_nothing_and_once_the_corner() -> None:
    bits = Bits(11, 3, bytes([0b10000000, 0b00000000, 0b01000000, 0, 0, 0b00100000]))
    assert turned(bits) == Bits(11, 3, bytes([0b10000000, 0, 0, 0b01000000, 0, 0b00100000]))
    assert turned(turned(bits)) == bits


async def test_the_custom_area_shows_what_the_program_sends(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press:
        own = await offer(press, tmp_path, area())
        [card] = await templates.custom_templates(press.desk, press.reader)
        parcels = [await taken(press, order) for order in ("1", "2", "3")]
        data = '{"productInfo": "杯子", "gift": "1"}'
        by_code = await one(press, ask(press, parcels[0].number, area_code=card.code, custom=data))
        by_url = await one(press, ask(press, parcels[1].number, area_url=card.url, custom=data))
        bare = await one(press, ask(press, parcels[2].number))
        black = [sum(byte.bit_count() for byte in custom_area(command)) for command in (by_code, by_url, bare)]
        assert black[0] == black[1] > black[2]
        for asked, expected in (
            (ask(press, parcels[0].number, "zto-100x180", area_code=card.code), "printing.area_of_other_template"),
            (ask(press, parcels[0].number, area_code="nobody"), "printing.template_code_unknown"),
            (ask(press, parcels[0].number, area_url="https://elsewhere.example/x"), "labels.template_not_ours"),
            (ask(press, parcels[0].number, area_url=card.url.replace(own.token, "0" * 32)), "printing.template_gone"),
            (ask(press, parcels[0].number, area_code=card.code, custom="{"), "labels.custom_data_wrong"),
        ):
            assert await code(press, asked) == expected
        assert await press.copies(parcels[0].ref) == 1


def custom_area(command: Command) -> bytes:
    """The rows in which the custom area of zto-76x130 stands, without the line below them."""
    bits = dots(command)
    return bits.data[bits.stride * 900 : bits.stride * 970]


async def test_a_merchants_own_design_is_printed_by_its_code(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press:
        await offer(press, tmp_path, whole())
        [card] = await templates.designs(press.desk, press.reader)
        parcel = await taken(press)
        assert dots(await one(press, CommandAsk(parcel.number, card.code))).height == 1039


async def test_one_bad_number_costs_only_itself_and_counts_nothing(printery: Printery) -> None:
    async with printery.press() as press, printery.press() as neighbour:
        await press.kept("9")
        good, other, refunded = [await taken(press, order) for order in ("1", "2", "9")]
        void = await press.taken("4", "yto")
        theirs = await taken(neighbour)
        await press.closed("9", OrderState.REFUNDED)
        await press.stall.cancel(void)
        asks = [
            ask(press, good.number),
            ask(press, theirs.number),
            ask(press, refunded.number),
            ask(press, void.number, "yto-76x130"),
            ask(press, good.number),
            ask(press, other.number, "yto-76x130"),
            CommandAsk(other.number, "nobody"),
            ask(press, other.number, "neutral-76x130"),
            ask(press, "no such number"),
        ]
        answers = await press.commands(asks, TSPL)
        assert [one.refusal.code if isinstance(one, Withheld) else one.copy for one in answers] == [
            1,
            "waybill.unknown",
            "waybill.order_in_the_way",
            "waybill.not_live",
            "printing.named_twice",
            "labels.template_of_other_carrier",
            "printing.template_code_unknown",
            1,
            "waybill.unknown",
        ]
        assert [await press.copies(each.ref) for each in (good, other, refunded, void)] == [1, 1, 0, 0]
        assert await neighbour.copies(theirs.ref) == 0


async def test_a_sheet_that_the_printer_cannot_hold_is_not_counted(printery: Printery, tmp_path: Path) -> None:
    narrow = tmp_path / "printers"
    narrow.mkdir()
    (narrow / "narrow.toml").write_text('base = "tspl-203"\nwidth_um = 80_000\n', encoding="utf-8")
    async with printery.press() as press:
        fits, wide = await taken(press, "1"), await taken(press, "2")
        press.desk.printers = narrow
        wish = replace(TSPL, printer_name="narrow")
        answers = await press.commands([ask(press, wide.number, "zto-100x180"), ask(press, fits.number)], wish)
        assert isinstance(answers[0], Withheld)
        assert answers[0].refusal.code == "labels.sheet_too_large"
        assert isinstance(answers[1], Command)
        assert [await press.copies(each.ref) for each in (fits, wide)] == [1, 0]


async def test_a_child_is_printed_by_its_own_number(printery: Printery) -> None:
    async with printery.press() as press:
        parcel = await taken(press, pieces=2)
        command = await one(press, ask(press, parcel.children[0]))
        assert command.order_id == "1"
        assert await press.copies(parcel.ref) == 0
        assert await press.copies(structs.replace(parcel.ref, number=parcel.children[0])) == 1


async def test_a_printer_of_the_installation_is_used_where_it_speaks_the_language(
    printery: Printery, tmp_path: Path
) -> None:
    (tmp_path / "qr.toml").write_text('base = "tspl-203"\ndarkness = 12\n', encoding="utf-8")
    async with printery.press() as press:
        press.desk.printers = tmp_path
        asked = ask(press, (await taken(press)).number)
        mine = await one(press, asked, replace(TSPL, printer_name="qr"))
        assert b"DENSITY 12\r\n" in base64.b64decode(mine.commands)
        other = await one(press, asked, replace(CPCL, printer_name="qr"))
        assert base64.b64decode(other.commands).startswith(b"! 0 200 200 ")


@pytest.mark.parametrize(
    "wish",
    [replace(TSPL, right_mm=51), replace(TSPL, down_mm=-51), replace(TSPL, language=Language.ZPL)],
    ids=["right", "up", "language"],
)
async def test_settings_that_no_printer_has_are_refused(printery: Printery, wish: PrinterWish) -> None:
    async with printery.press() as press:
        with pytest.raises(Refusal, match=r"printing\.setting_wrong"):
            await press.commands([], wish)


async def test_more_numbers_than_the_limit_are_refused_at_once(printery: Printery) -> None:
    async with printery.press() as press:
        with pytest.raises(Refusal, match=r"printing\.too_many"):
            await press.commands([ask(press, "1")] * (MOST_ITEMS + 1), TSPL)
        assert await press.commands([], TSPL) == []
