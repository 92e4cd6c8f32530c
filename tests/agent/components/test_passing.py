"""What only a platform's own component can open is passed on to it and told of by it, or refused in both languages."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from miandan.agent.components.ledger import Ledger
from tests.agent.components.bench import PAGE, counter, document, number, task
from tests.agent.components.vendor import vendor

SEALED = {"encryptedData": "AES:QUJDREVG", "signature": "MD:abc", "templateURL": "http://cloudprint.cainiao.com/t/1"}


def sealed(waybill: str | None = None) -> dict[str, Any]:
    waybill = waybill or number()
    return {"documentID": waybill, "contents": [SEALED | {"encryptedData": f"AES:{waybill}"}]}


async def test_without_a_way_to_pass_it_on_it_is_refused_in_both_languages(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", "doudian") as desk:
        desk.allow()
        async with desk.page("cainiao", query="?notices=0.x") as page:
            await page.ask("print", task=task(sealed()))
            last = (await page.until("failed"))[-1]
            assert last["errorCode"] == 40
            assert "菜鸟打印组件" in last["printStatus"][0]["msg"]
            assert "genuine Cainiao" in last["printStatus"][0]["msg"]
        assert desk.papers() == []


async def test_a_task_is_passed_on_as_it_came_and_its_notices_come_back(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options) as desk:
            desk.allow()
            wanted = task(sealed(), sealed(), printer="their printer")
            async with desk.page("cainiao") as page:
                assert (await page.ask("print", 3, task=wanted))["vendor"] is True
                heard = await page.until("printed")
                assert all(one["vendor"] for one in heard)
                rows = (await page.ask("getTaskStatus", taskID=[wanted["taskID"]]))["printStatus"][0]["detailStatus"]
                assert [(row["status"], row["evidence"]) for row in rows] == [("success", "sent_only")] * 2
            [frame] = genuine.heard
            assert json.loads(frame) == {"cmd": "print", "requestID": 3, "version": "1.0", "task": wanted}
            assert genuine.origins == [PAGE]
            assert desk.papers() == []


async def test_the_same_is_passed_on_once(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options, answer_seconds=0.3) as desk:
            desk.allow()
            one = sealed()
            wanted = task(one)
            async with desk.page("cainiao", query="?notices=0.x") as page:
                for _ in range(2):
                    await page.ask("print", task=wanted)
                    await page.until("printed")
                refused = await page.ask("print", task=task(one))
                assert (refused["status"], "agent.component_duplicate" in refused["msg"]) == ("failed", True)
                other = wanted | {"documents": [sealed() | {"documentID": one["documentID"]}]}
                refused = await page.ask("print", task=other)
                assert (refused["status"], "agent.component_same_name" in refused["msg"]) == ("failed", True)
                more = sealed()
                await page.ask("print", task=wanted | {"documents": [one, more]})
                await page.until("printed")
            assert len(genuine.heard) == 2
            assert [doc["documentID"] for doc in json.loads(genuine.heard[1])["task"]["documents"]] == [
                more["documentID"]
            ]


async def test_a_component_that_breaks_off_leaves_a_doubt_and_one_that_is_not_there_leaves_none(tmp_path: Path) -> None:
    async with vendor("gone") as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}, "doudian": {"vendor_port": 1}}
        async with counter(tmp_path, "cainiao", "doudian", component=options) as desk:
            desk.allow()
            wanted = task(sealed())
            async with desk.page("cainiao") as page:
                await page.ask("print", task=wanted)
                last = (await page.until("completeFailed"))[-1]
                assert "agent.component_doubtful" in last["docs"][wanted["documents"][0]["documentID"]]["detail"]
                rows = (await page.ask("getTaskStatus", taskID=wanted["taskID"]))["printStatus"][0]["detailStatus"]
                assert "agent.component_doubtful" in rows[0]["msg"]
            async with desk.page("doudian") as page:
                refused = await page.ask("print", task=task(sealed()))
                assert "agent.component_vendor_silent" in refused["msg"]


async def test_a_page_hears_of_a_component_that_says_no_word(tmp_path: Path) -> None:
    async with vendor("mute") as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}, "jd": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", "jd", component=options) as desk:
            desk.allow()
            async with desk.page("cainiao", query="?notices=0.x") as page:
                assert (await page.ask("print", 5, task=task(sealed())))["requestID"] == 5
                assert "agent.component_doubtful" in (await page.until("failed"))[-1]["msg"]
            async with desk.page("jd") as page:
                contents = [{"printData": "cipher"}]
                await page.say({"orderType": "PRINT", "key": "k", "version": "2", "parameters": {"contents": contents}})
                answer = await page.hear()
                assert (answer["success"], "agent.component_doubtful" in answer["message"]) == ("false", True)


async def test_what_is_told_of_the_whole_task_comes_back_too(tmp_path: Path) -> None:
    async with vendor("each") as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options) as desk:
            desk.allow()
            async with desk.page("cainiao", query="?notices=1.5") as page:
                await page.ask("print", task=task(sealed(), sealed()))
                heard = await page.until("completeSuccess")
                told = ["notifyDocResult", "notifyDocResult", "notifyPrintResult", "notifyTaskResult"]
                assert [one["cmd"] for one in heard] == told


async def test_other_content_under_the_same_names_does_not_hide_what_was_passed_on(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options, answer_seconds=0.3) as desk:
            desk.allow()
            one = sealed()
            wanted = task(one)
            async with desk.page("cainiao", query="?notices=0.x") as page:
                await page.ask("print", task=wanted)
                await page.until("printed")
                other = wanted | {"documents": [sealed() | {"documentID": one["documentID"]}]}
                assert "agent.component_same_name" in (await page.ask("print", task=other))["msg"]
                assert "agent.component_duplicate" in (await page.ask("print", task=task(one)))["msg"]
            assert len(genuine.heard) == 1


async def test_what_fails_there_may_be_sent_again(tmp_path: Path) -> None:
    async with vendor("failed") as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options) as desk:
            desk.allow()
            wanted = task(sealed())
            async with desk.page("cainiao") as page:
                for _ in range(2):
                    await page.ask("print", task=wanted)
                    await page.until("failed")
            assert len(genuine.heard) == 2


async def test_a_task_with_both_kinds_prints_ours_and_refuses_theirs(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options) as desk:
            desk.allow()
            async with desk.page("cainiao", query="?notices=0.x") as page:
                await page.ask("print", task=task(document(), sealed()))
                last = (await page.until("failed"))[-1]
                assert [row["status"] for row in last["printStatus"]] == ["success", "failed"]
            assert (len(desk.papers()), genuine.heard) == (1, [])


async def test_what_cannot_be_written_down_is_not_passed_on_and_may_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_ledger: Ledger, _lines: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with vendor() as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options) as desk:
            desk.allow()
            wanted = task(sealed())
            async with desk.page("cainiao", query="?notices=0.x") as page:
                with monkeypatch.context() as patched:
                    patched.setattr(Ledger, "_append", full)
                    refused = await page.ask("print", task=wanted)
                    assert (refused["status"], "agent.component_failed" in refused["msg"]) == ("failed", True)
                    assert genuine.heard == []
                await page.ask("print", task=wanted)
                await page.until("printed")
            assert len(genuine.heard) == 1


async def test_what_cannot_be_asked_about_is_refused_and_may_be_sent_again(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"cainiao": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "cainiao", component=options, answer_seconds=0.3) as desk:
            desk.allow()
            one = sealed()
            again = task(one)
            async with desk.page("cainiao", query="?notices=0.x") as page:
                await page.ask("print", task=task(one))
                await page.until("printed")
                in_the_way = desk.folder / "components" / "questions.lock"
                in_the_way.mkdir()
                assert "labels.not_writable" in (await page.ask("print", task=again))["msg"]
                in_the_way.rmdir()
                assert "agent.component_duplicate" in (await page.ask("print", task=again))["msg"]
            assert len(genuine.heard) == 1


async def test_jd_is_passed_on_too(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"jd": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "jd", component=options) as desk:
            desk.allow()
            asked = {
                "orderType": "PRINT",
                "key": "k",
                "version": "2",
                "parameters": {"contents": [{"printData": "cipher"}]},
            }
            async with desk.page("jd") as page:
                for _ in range(2):
                    await page.say(asked)
                    assert (await page.hear())["success"] == "true"
            assert len(genuine.heard) == 1


async def test_a_jd_request_that_has_grown_is_passed_on_without_what_was_printed(tmp_path: Path) -> None:
    async with vendor() as genuine:
        options = {"jd": {"vendor_port": genuine.port}}
        async with counter(tmp_path, "jd", component=options) as desk:
            desk.allow()
            contents = [{"printData": "cipher one"}, {"printData": "cipher two"}]
            async with desk.page("jd") as page:
                for many in (1, 2):
                    asked = {
                        "orderType": "PRINT",
                        "key": "k",
                        "version": "2",
                        "parameters": {"contents": contents[:many]},
                    }
                    await page.say(asked)
                    assert (await page.hear())["success"] == "true"
            assert [json.loads(one)["parameters"]["contents"] for one in genuine.heard] == [contents[:1], contents[1:]]
