"""JD's protocol: orderType and key, texts for truth, one answer that says of each sheet what became of it."""

import json
from pathlib import Path
from typing import Any

import httpx

from miandan.labels.pictures import read_png
from tests.agent.components.bench import Page, counter, document, number, task


def content(**more: Any) -> dict[str, Any]:
    """One label as plain data of JD's kind."""
    one: dict[str, Any] = {"tempUrl": "https://template.example/1", "printData": document()["contents"][0]["data"]}
    return one | more


async def said(page: Page, order: str, *contents: dict[str, Any], key: Any = None, **more: Any) -> dict[str, Any]:
    parameters = {"printName": more.pop("printer", ""), "contents": list(contents)}
    await page.say(
        {"orderType": order, "key": key or number(), "version": "2", "dataType": "app", "parameters": parameters} | more
    )
    return await page.hear()


async def test_printers_come_as_a_list_and_in_one_text(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        async with desk.page("jd") as page:
            answer = await said(page, "GET_Printers", key=12)
            assert (answer["code"], answer["success"], answer["status"], answer["key"]) == ("6", "true", "500", 12)
            assert answer["content"] == "一号,二号"
            assert answer["detailinfo"]["printers"] == ["一号", "二号"]
            old = await said(page, "GET_Printers", version="1")
            assert (old["content"], "detailinfo" in old) == ("一号,二号", False)
            assert (await said(page, "GET_Version"))["content"]


async def test_a_request_is_answered_when_its_sheets_are_out(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        async with desk.page("jd") as page:
            answer = await said(page, "PRINT", content(), content(), printer="二号")
            assert (answer["code"], answer["success"], answer["status"]) == ("2", "true", "500")
            assert answer["detailinfo"]["total"] == "2-2"
            assert [one["seq"] for one in answer["detailinfo"]["detail"]] == [1, 2]
        assert [path.parent.name for path in desk.papers()] == ["二号", "二号"]


async def test_what_fails_is_named_by_its_place(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        async with desk.page("jd") as page:
            answer = await said(page, "PRINT", content(), content(printData="jd cipher text"), content(printData={}))
            assert (answer["code"], answer["success"], answer["status"]) == ("2", "false", "502")
            assert answer["detailinfo"]["total"] == "1-3"
            assert [one["seq"] for one in answer["detailinfo"]["errors"]] == [2, 3]
            assert "agent.component_foreign" in answer["detailinfo"]["errors"][0]["msg"]
        assert len(desk.papers()) == 1


async def test_a_request_of_the_wrong_form_is_answered_with_503(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        async with desk.page("jd") as page:
            for plain in ({"orderType": "PRINT", "key": "1"}, {"orderType": "no such"}, {}, {"orderType": "PRINT"}):
                await page.say(plain)
                answer = await page.hear()
                assert (answer["success"], answer["status"]) == ("false", "503"), plain
            assert (await said(page, "PRINT"))["status"] == "503"
            assert (await said(page, "PRINT", content(tempUrl=5)))["status"] == "503"


async def test_the_same_key_again_prints_nothing_new(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        one = content()
        async with desk.page("jd") as page:
            for _ in range(3):
                assert (await said(page, "PRINT", one, key="k-1"))["success"] == "true"
        assert len(desk.papers()) == 1


async def test_previews_come_as_data_and_as_an_address(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        async with desk.page("jd") as page:
            one = await said(page, "PRE_View", content())
            assert (one["code"], one["status"]) == ("8", "500")
            picture = read_png(one["detailinfo"]["imgdata"])
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(one["detailinfo"]["imgpath"])).content.startswith(b"\x89PNG")
            several = await said(page, "PRE_View:multi", content(), content())
            assert len(several["detailinfo"]["imgdata"]) == len(several["detailinfo"]["imgpath"]) == 2
            assert picture.width > 500
        assert desk.papers() == []


async def test_the_shape_of_the_reprint_page_is_answered_by_code_200(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        rows = [{"orderNumber": number(), "customizedPrintData": json.dumps(content()["printData"])} for _ in range(2)]
        asked = {
            "operator": "packer",
            "templateCode": "t",
            "printData": rows,
            "appKey": "k",
            "taskID": number(),
            "outputConfig": [{"outputType": "printer", "printerName": "二号"}],
        }
        async with desk.page("jd") as page:
            await page.say(asked)
            answer = await page.hear()
            assert (answer["code"], answer["success"], answer["taskID"]) == (200, True, asked["taskID"])
            await page.say(asked | {"taskID": number(), "printData": [{"orderNumber": "1"}]})
            refused = await page.hear()
            assert (refused["code"], refused["success"]) == (500, False)
        assert [path.parent.name for path in desk.papers()] == ["二号", "二号"]


async def test_jd_and_another_component_share_what_was_printed(tmp_path: Path) -> None:
    async with counter(tmp_path, "jd", "cainiao", answer_seconds=0.3) as desk:
        desk.allow()
        one = document()
        async with desk.page("jd") as page:
            await said(page, "PRINT", content(printData=one["contents"][0]["data"]))
        async with desk.page("cainiao", query="?notices=0.x") as other:
            await other.ask("print", task=task(one))
            assert "agent.component_duplicate" in (await other.until("failed"))[-1]["printStatus"][0]["msg"]
        assert len(desk.papers()) == 1
