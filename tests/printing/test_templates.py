"""Lists with codes per shop, addresses that stay, files that never change, and merchants' own templates."""

import base64
from pathlib import Path

import msgspec
import pytest

from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import read_own, read_template
from miandan.labels.model import LabelData
from miandan.labels.pictures import read_png
from miandan.labels.shelf import Shelf
from miandan.labels.template import Box, CustomArea, Field, Literally, Template, Text, When
from miandan.labels.template_addresses import check_template
from miandan.printing import templates
from miandan.printing.model import OwnTemplate, Reader, TemplateCard
from tests.printing.conftest import Printery
from tests.printing.press import APP, HOST, Press


def area(name: str = "shop-a", version: int = 1, text: str = "备注", base: str = "zto-76x130") -> CustomArea:
    box = Box(0, 0, 40_000, 5_000)
    value = (Literally(text), Field("custom.productInfo"))
    return CustomArea(name, version, base, (Text(box, value, 3_000, when=When("custom.gift")),), title="小店自定义区")


def whole(name: str = "design-a", carrier: str = "") -> Template:
    text = Text(Box(1_000, 1_000, 60_000, 8_000), (Field("number"), Field("custom.remark")), 3_000)
    return Template(name, 1, 76_000, 130_000, (text,), title="整张自定义", carrier=carrier)


async def offer(press: Press, folder: Path, template: Template | CustomArea) -> OwnTemplate:
    shelf = Shelf(folder)
    shelf.put(template)
    wanted = f"{template.name}@{template.version}"
    return await templates.offer_template(press.desk.db, shelf, press.merchant_id, wanted)


def path_of(url: str) -> str:
    assert url.startswith(HOST)
    return url.removeprefix(HOST)


async def test_every_standard_template_is_listed_with_file_and_picture(printery: Printery) -> None:
    async with printery.press() as press:
        cards = templates.standard_templates(press.desk, press.reader)
        assert [card.name for card in cards] == list(standards.standard_names())
        assert len({card.code for card in cards}) == len({card.template_id for card in cards}) == len(cards)
        for card in cards:
            served = await templates.template_file(press.desk, path_of(card.url))
            assert read_template(served.content) == standards.standard(card.name)
            assert check_template(card.url, card.carrier, HOST).name == card.name
        picture = await templates.template_file(press.desk, path_of(cards[0].preview_url))
        assert picture.media_type == "image/png"
        assert picture.content[:4] == b"\x89PNG"
        assert read_png(base64.b64encode(picture.content).decode()).width == 608


async def test_parts_are_counted_at_the_tear_lines(printery: Printery) -> None:
    async with printery.press() as press:
        parts = {card.name: card.parts for card in templates.standard_templates(press.desk, press.reader)}
        assert [parts[name] for name in ("zto-76x130", "zto-100x180", "sf-100x210", "jd-100x113")] == [1, 2, 3, 1]


async def test_codes_differ_from_shop_to_shop_and_addresses_do_not(printery: Printery) -> None:
    async with printery.press() as press:
        readers = [Reader(APP, 1, "a"), Reader(APP, 1, "b"), Reader(APP, 2, "a")]
        lists = [templates.standard_templates(press.desk, reader) for reader in readers]
        assert len({cards[0].code for cards in lists}) == 3
        assert len({(cards[0].url, cards[0].template_id) for cards in lists}) == 1
        again = templates.standard_templates(press.desk, Reader("another app", 1, "a"))
        assert again == lists[0]
        assert templates.by_code(lists[0], lists[0][3].code) == lists[0][3]
        assert templates.by_code(lists[0], lists[1][3].code) is None


async def test_an_offered_area_is_listed_with_its_keys_and_its_parent(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press:
        own = await offer(press, tmp_path, area())
        [card] = await templates.custom_templates(press.desk, press.reader)
        parent = standard_card(press, "zto-76x130")
        assert (card.keys, card.title, card.carrier) == (("productInfo", "gift"), "小店自定义区", "zto")
        assert (card.parent_code, card.parent_id) == (parent.code, parent.template_id)
        served = await templates.template_file(press.desk, path_of(card.url))
        assert read_own(served.content, standards.standard) == area()
        assert (served.cache_control, served.etag[0]) == (templates.FOR_EVER, '"')
        assert await templates.custom_templates(press.desk, press.reader, "yto") == []
        assert await templates.designs(press.desk, press.reader) == []
        assert (await templates.template_file(press.desk, path_of(card.preview_url))).content[:4] == b"\x89PNG"
        assert check_template(card.url, "zto", HOST).token == own.token


def standard_card(press: Press, name: str) -> TemplateCard:
    return next(card for card in templates.standard_templates(press.desk, press.reader) if card.name == name)


async def test_an_offered_design_is_listed_apart(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press:
        await offer(press, tmp_path, whole())
        [card] = await templates.designs(press.desk, press.reader)
        assert (card.keys, card.parent_code) == (("remark",), "")
        assert check_template(card.url, "zto", HOST).carrier == "any"
        assert await templates.custom_templates(press.desk, press.reader) == []


async def test_another_merchant_sees_nothing_of_it(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press, printery.press() as neighbour:
        await offer(press, tmp_path, area())
        await offer(press, tmp_path, whole())
        assert await templates.custom_templates(neighbour.desk, neighbour.reader) == []
        assert await templates.designs(neighbour.desk, neighbour.reader) == []


async def test_an_offered_version_never_changes_and_a_new_one_has_an_address_of_its_own(
    printery: Printery, tmp_path: Path
) -> None:
    async with printery.press() as press:
        first = await offer(press, tmp_path / "a", area())
        assert (await offer(press, tmp_path / "a", area())).token == first.token
        with pytest.raises(Refusal, match=r"printing\.template_kept"):
            await offer(press, tmp_path / "b", area(text="别的"))
        second = await offer(press, tmp_path / "a", area(version=2, text="别的"))
        [card] = await templates.custom_templates(press.desk, press.reader)
        assert card.version == 2
        old, new = [
            (await templates.template_file(press.desk, templates.own_address(one).path)).content
            for one in (first, second)
        ]
        assert (old, new) == (first.content, second.content)
        assert old != new


async def test_a_withdrawn_template_is_gone_until_it_is_offered_again(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press:
        own = await offer(press, tmp_path, area())
        path = templates.own_address(own).path
        await templates.withdraw_template(press.desk.db, press.merchant_id, own.name)
        assert await gone(press, path) == "printing.template_gone"
        assert await templates.custom_templates(press.desk, press.reader) == []
        with pytest.raises(Refusal, match=r"printing\.template_gone"):
            await templates.withdraw_template(press.desk.db, press.merchant_id, own.name)
        await offer(press, tmp_path, area())
        assert (await templates.template_file(press.desk, path)).content == own.content


async def gone(press: Press, path: str) -> str:
    with pytest.raises(Refusal) as refused:
        await templates.template_file(press.desk, path)
    return refused.value.code


async def test_an_address_is_right_in_every_part_or_leads_nowhere(printery: Printery, tmp_path: Path) -> None:
    async with printery.press() as press:
        own = await offer(press, tmp_path, area())
        path = templates.own_address(own).path
        for before, after in (
            (own.token, "0" * 32),
            (f"/{press.merchant_id}/", "/1/"),
            ("/zto/own", "/yto/own"),
            ("shop-a", "shop-b"),
            ("@1.", "@2."),
        ):
            assert before in path
            assert await gone(press, path.replace(before, after)) == "printing.template_gone"
        for path in (
            "/templates/zto/zto-76x130@2.json",
            "/templates/yto/zto-76x130@1.json",
            "/templates/zto/no@1.json",
        ):
            assert await gone(press, path) == "printing.template_gone"
        for path in ("/templates/../secret", "/templates/", "", "/templates/zto/zto-76x130@1.xml"):
            assert await gone(press, path) == "labels.template_not_ours"


async def test_what_shows_persons_in_full_or_is_the_platforms_own_is_not_offered(
    printery: Printery, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path)
    full = Text(Box(0, 0, 60_000, 8_000), (Field("recipient_name", mask="none"),), 3_000)
    shelf.put(msgspec.structs.replace(whole("full"), nodes=(full,)))
    async with printery.press() as press:
        for wanted, code in (
            ("full", "labels.template_wrong"),
            ("zto-76x130", "labels.template_locked"),
            ("nobody", "labels.template_unknown"),
        ):
            with pytest.raises(Refusal) as refused:
                await templates.offer_template(press.desk.db, shelf, press.merchant_id, wanted)
            assert refused.value.code == code


def test_the_sample_of_the_pictures_names_nobody() -> None:
    assert isinstance(templates._SAMPLE, LabelData)
    assert "*" in templates._SAMPLE.recipient_name
    assert templates._SAMPLE.sandbox
