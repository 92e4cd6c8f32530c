"""Print data of the platform: an ERP takes a number on the real server, and its page has it printed on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.labels.shelf import Shelf
from miandan.labels.template import Box, CustomArea, Field, Text
from miandan.printing import service, templates
from tests.agent.components.bench import Counter, Page, counter, task
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, Erp
from tests.printing.press import paired

SENDER = {
    "senderInfo": {
        "address": {"provinceName": "江苏省", "cityName": "南京市", "detailAddress": "鼓楼路 99 号"},
        "contact": {"name": "另一发货人", "mobile": "13912345678"},
    }
}


@dataclass(frozen=True, slots=True)
class Shop:
    """An ERP with a number, and the agent at its bench."""

    erp: Erp
    desk: Counter
    number: str
    info: dict[str, Any]
    template: str

    def document(self, **more: Any) -> dict[str, Any]:
        params = urlencode(self.erp.common("logistics.getShopKey", "{}") | {"param_json": "{}"})
        content = {
            "params": params,
            "encryptedData": self.info["print_data"],
            "signature": self.info["sign"],
            "templateURL": self.template,
        }
        areas = more.pop("areas", [])
        return {"documentID": self.number, "contents": [content | more, *areas]}

    async def fails(self, page: Page, **more: Any) -> str:
        """Why a document is not printed."""
        await page.ask("print", task=task(self.document(**more)))
        last = (await page.until("failed"))[-1]
        return str(last["printStatus"][0]["msg"])


@asynccontextmanager
async def shop(platform: Ground, folder: Path, **settings: Any) -> AsyncIterator[Shop]:
    async with platform.erp() as erp:
        hall = erp.running.hall
        number = await erp.number(carrier="yuantong")
        asked = {"waybill_applies": [{"logistics_code": "yuantong", "track_no": number}]}
        [info] = (await erp.ok("logistics.waybillApply", asked))["waybill_infos"]
        listed = (await erp.ok("logistics.templateList"))["template_data"]
        [ours] = [one for one in listed if one["logistics_code"] == "yuantong"]
        home = Folder(folder / "agent")
        home.make()
        agent = await paired(hall.db, MERCHANT, agent_keys(home.keys).public_opening, "打包台")
        platform_key = (await service.public_key(hall.printing)).hex()
        ours_now = Paired(erp.running.url, str(agent.agent_id), "打包台", hall.public_url, platform_key)
        async with counter(folder, "doudian", "jd", paired=ours_now, **settings) as desk:
            desk.allow()
            yield Shop(erp, desk, number, info, ours["template_infos"][0]["template_url"])


async def test_a_page_of_an_erp_prints_what_the_platform_has_sealed(platform: Ground, tmp_path: Path) -> None:
    async with shop(platform, tmp_path) as erp, erp.desk.page("doudian") as page:
        wanted = task(erp.document())
        assert (await page.ask("print", "1", task=wanted))["status"] == "success"
        assert [one["taskStatus"] for one in await page.until("printed")] == ["rendered", "printed"]
        [paper] = erp.desk.papers()
        assert erp.number in paper.name


async def test_freshly_sealed_print_data_of_the_same_number_is_still_the_same_label(
    platform: Ground, tmp_path: Path
) -> None:
    async with shop(platform, tmp_path, answer_seconds=0.3) as erp, erp.desk.page("doudian") as page:
        await page.ask("print", task=task(erp.document(), task_id="t"))
        await page.until("printed")
        asked = {"waybill_applies": [{"logistics_code": "yuantong", "track_no": erp.number}]}
        [fresh] = (await erp.erp.ok("logistics.waybillApply", asked))["waybill_infos"]
        assert fresh["print_data"] != erp.info["print_data"]
        again = {"encryptedData": fresh["print_data"], "signature": fresh["sign"]}
        await page.ask("print", task=task(erp.document(**again), task_id="t"))
        await page.until("printed")
        assert "agent.component_duplicate" in await erp.fails(page, **again)
        assert len(erp.desk.papers()) == 1


async def test_a_page_may_put_sender_custom_data_and_masks_over_a_label(platform: Ground, tmp_path: Path) -> None:
    options = {"doudian": {"duplicates": "copy"}}
    async with shop(platform, tmp_path, component=options) as erp, erp.desk.page("doudian") as page:
        over: list[dict[str, Any]] = [
            {},
            {"addData": SENDER},
            {"config": {"packageNumber": "1/3", "printMask": "0x40"}},
            {"areas": [{"data": {"productInfo": "杯子"}}]},
        ]
        for one in over:
            await page.ask("print", task=task(erp.document(**one)))
            await page.until("printed")
        assert len({path.read_bytes() for path in erp.desk.papers()}) == len(over)
        for file in (erp.desk.folder).rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert not any(text.encode() in content for text in ("另一发货人", "13912345678", "鼓楼路", "示**"))


async def test_whatever_was_touched_or_is_not_ours_is_refused(platform: Ground, tmp_path: Path) -> None:
    async with shop(platform, tmp_path) as erp, erp.desk.page("doudian") as page:
        sealed, params = str(erp.info["print_data"]), erp.document()["contents"][0]["params"]
        elsewhere = erp.template.replace(erp.erp.running.hall.public_url, "https://evil.example")
        cases = {
            "labels.print_data_unsigned": {"signature": "AAAA"},
            "agent.component_foreign": {"encryptedData": "AES:" + sealed},
            "labels.print_data_unsigned ": {"encryptedData": sealed[:-8] + "AAAAAAA="},
            "labels.template_not_ours": {"templateURL": elsewhere},
            "labels.template_of_other_carrier": {"templateURL": erp.template.replace("/yto/", "/zto/")},
            "agent.component_params_missing": {"params": ""},
            "agent.component_params_wrong": {"params": params + "&deviceInfo=another"},
            "labels.custom_data_wrong": {"areas": [{"data": "no object"}]},
        }
        for code, touched in cases.items():
            assert code.strip() in await erp.fails(page, **touched), code
        assert erp.desk.papers() == []


async def test_a_key_is_asked_for_with_the_query_of_the_page_and_by_each_page_for_itself(
    platform: Ground, tmp_path: Path
) -> None:
    async with shop(platform, tmp_path) as erp:
        async with erp.desk.page("doudian") as page:
            await page.ask("print", task=task(erp.document()))
            await page.until("printed")
        other = "https://other.example"
        erp.desk.allow(origin=other)
        async with erp.desk.page("doudian", other) as page:
            [content] = erp.document()["contents"]
            for params in ("method=logistics.getShopKey&v=2", content["params"].replace("sign=", "sign=0")):
                assert "agent.component_key_refused" in await erp.fails(page, params=params)


async def test_an_agent_that_is_not_paired_opens_nothing(platform: Ground, tmp_path: Path) -> None:
    async with shop(platform, tmp_path) as erp, erp.desk.page("doudian") as page:
        erp.desk.agent.paired = None
        assert "agent.component_not_paired" in await erp.fails(page)
        assert erp.desk.papers() == []


async def test_an_agent_of_another_merchant_is_given_no_key(platform: Ground, tmp_path: Path) -> None:
    async with shop(platform, tmp_path) as erp, erp.desk.page("doudian") as page:
        hall = erp.erp.running.hall
        stranger = await paired(hall.db, 1002, erp.desk.agent.keys.public_opening, "别人的")
        before = erp.desk.agent.paired
        assert before is not None
        erp.desk.agent.paired = Paired(
            before.server, str(stranger.agent_id), "", before.public_url, before.platform_key
        )
        assert "printing.agent_unknown" in await erp.fails(page)


async def test_a_server_that_is_gone_prints_nothing_and_the_same_may_be_tried_again(
    platform: Ground, tmp_path: Path
) -> None:
    async with shop(platform, tmp_path) as erp, erp.desk.page("doudian") as page:
        paired = erp.desk.agent.paired
        assert paired is not None
        erp.desk.agent.paired = Paired(
            "http://127.0.0.1:1", paired.agent_id, "", paired.public_url, paired.platform_key
        )
        wanted = task(erp.document())
        await page.ask("print", task=wanted)
        last = (await page.until("failed"))[-1]
        assert "agent.component_server_silent" in last["printStatus"][0]["msg"]
        erp.desk.agent.paired = paired
        await page.ask("print", task=wanted)
        await page.until("printed")
        assert len(erp.desk.papers()) == 1


async def test_jd_pages_print_the_same_print_data(platform: Ground, tmp_path: Path) -> None:
    async with shop(platform, tmp_path) as erp, erp.desk.page("jd") as page:
        [content] = erp.document()["contents"]
        one = {
            "printData": content["encryptedData"],
            "signature": content["signature"],
            "params": content["params"],
            "tempUrl": content["templateURL"],
        }
        await page.say({"orderType": "PRINT", "key": "k", "version": "2", "parameters": {"contents": [one]}})
        answer = await page.hear()
        assert (answer["success"], answer["detailinfo"]["total"]) == ("true", "1-1")


async def test_a_custom_area_of_the_merchant_is_fetched_from_us_and_drawn(platform: Ground, tmp_path: Path) -> None:
    own = CustomArea(
        "shop-area", 1, "yto-76x130", (Text(Box(0, 0, 30_000, 5_000), (Field("custom.productInfo"),), 3_000),)
    )
    other = CustomArea("other-area", 1, "zto-76x130", own.nodes)
    options = {"doudian": {"duplicates": "copy"}}
    async with shop(platform, tmp_path, component=options) as erp, erp.desk.page("doudian") as page:
        hall = erp.erp.running.hall
        shelf = Shelf(tmp_path / "templates")
        urls = []
        for area in (own, other):
            shelf.put(area)
            offered = await templates.offer_template(hall.db, shelf, MERCHANT, area.name)
            urls.append(hall.public_url + templates.own_address(offered).path)
        plain = erp.template.rpartition("/")[0] + "/yto-76x130@1.json"
        bare: dict[str, Any] = {"templateURL": plain}
        drawn = {"templateURL": plain, "areas": [{"data": {"productInfo": "杯子一个"}, "templateURL": urls[0]}]}
        for one in (bare, drawn):
            await page.ask("print", task=task(erp.document(**one)))
            await page.until("printed")
        first, second = erp.desk.papers()
        assert first.read_bytes() != second.read_bytes()
        wrong = {"templateURL": plain, "areas": [{"data": {}, "templateURL": urls[1]}]}
        assert "labels.template_of_other_carrier" in await erp.fails(page, **wrong)
        whole = {"templateURL": plain, "areas": [{"data": {}, "templateURL": plain}]}
        assert "agent.component_area_wrong" in await erp.fails(page, **whole)
        gone = {"templateURL": plain.replace("@1", "@9")}
        assert "agent.component_template_missing" in await erp.fails(page, **gone)
