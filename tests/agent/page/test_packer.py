"""What a packer does at the page: sees how it stands, prints pages, calibrates, answers, settles what went wrong."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from miandan.agent.components.profiles import settings_of
from miandan.agent.components.questions import Question
from miandan.agent.journal import Slip
from miandan.agent.page.admission import kept_of
from miandan.agent.page.sheets import MOST_ENDED, MOST_WAITING
from miandan.agent.printers.model import Condition, MediaType, State
from miandan.labels.agent_link import Evidence, Outcome
from miandan.labels.printers.profiles import profile
from tests.agent.components.bench import PAGE, document, number, task
from tests.agent.page.packer import READY, Machine, Packer, packing, soon

PERSON = ("欧阳测试娘", "19912345678", "文一西路969号")
"""Parts of the person in the print data that the pages of these tests send."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine("一号", tmp_path / "out")


async def test_an_agent_without_a_server_says_how_to_pair(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        text = await packer.text()
        assert "离线 Offline" in text
        assert "miandan agent pair" in text
        assert "没有在等的面单" in text


async def test_a_test_page_comes_out_and_is_told_with_its_evidence(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        pressed = await packer.presses("print", printer="一号", page="test")
        assert (pressed.status_code, pressed.headers["location"]) == (303, "./?said=test")
        assert "测试页已交给打印机" in await packer.text("?said=test")
        await soon(lambda: bool(packer.agent.journal.ended))
        text = await packer.text()
        assert "测试页或校准页 已打印（设备回报）" in text
        assert "已打印 printed 1 设备回报 1" in text
        assert len(machine.paper()) == 1


async def test_paper_out_is_seen_with_what_to_do_and_a_second_press_prints_nothing_more(
    tmp_path: Path, machine: Machine
) -> None:
    async with packing(tmp_path, [machine, Machine("二号", tmp_path / "out2")]) as packer:
        await packer.comes_in()
        machine.is_now = Condition(State.PAPER_OUT, "MEDIA OUT 7")
        assert (await packer.presses("print", printer="一号", page="test")).status_code == 303
        for kind in ("test", "calibration"):
            again = await packer.presses("print", printer="一号", page=kind)
            assert again.status_code == 409
            assert "已有一张测试页或校准页在等" in again.text
        assert (await packer.presses("print", printer="二号", page="test")).status_code == 303
        await soon(lambda: packer.agent.benches["一号"].condition.state is State.PAPER_OUT)
        await soon(lambda: len(packer.agent.journal.open_sheets) == 1)
        text = await packer.text()
        assert "一号：缺纸" in text
        assert "装上纸，合上盖" in text
        assert "MEDIA OUT 7" in text
        assert "待打 1 张" in text
        machine.is_now = READY
        await soon(lambda: len(machine.paper()) == 1)
        await soon(lambda: not packer.agent.journal.open_sheets)
        assert "缺纸" not in await packer.text()


@pytest.mark.parametrize("state", State)
async def test_every_state_of_a_printer_has_its_words_and_its_colour(
    tmp_path: Path, machine: Machine, state: State
) -> None:
    async with packing(tmp_path, [machine]) as packer:
        machine.is_now = Condition(state)
        packer.agent.benches["一号"].note(machine.is_now)
        await packer.comes_in()
        html = (await packer.sees()).text
        assert state.zh in html
        assert ("card printer bad" in html) is not state.can_print
        step = html.partition('class="state"')[2].partition("<dl")[0]
        assert ("<p>" in step) is (state not in (State.READY, State.BUSY))


@pytest.mark.parametrize(("printer", "page"), [("九号", "test"), ("一号", "poster"), ("", ""), ("一号", "")])
async def test_what_is_not_there_is_not_printed(tmp_path: Path, machine: Machine, printer: str, page: str) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        assert (await packer.presses("print", printer=printer, page=page)).status_code == 409
        assert (await packer.sees(f"calibrate?printer={printer}9")).status_code == 409
        assert not packer.agent.journal.open_sheets


async def test_readings_move_the_next_sheet_and_stay_after_a_restart(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        pressed = await packer.presses("print", printer="一号", page="calibration")
        assert pressed.headers["location"].startswith("calibrate?said=calibration&printer=")
        await soon(lambda: len(machine.paper()) == 1)
        before = (machine.files / machine.paper()[0]).read_bytes()
        assert "没读的留空" in await packer.text("calibrate?printer=一号")
        kept = await packer.presses("calibrate", printer="一号", left="11,5", top=" 9.0mm", darkness="", module="2")
        assert kept.status_code == 303
        assert "右 -1.50 mm，下 +1.00 mm" in await packer.text("calibrate?printer=一号")
        assert machine.profile.finest_module == 2
        await packer.presses("print", printer="一号", page="calibration")
        await soon(lambda: len(machine.paper()) == 2)
        assert before not in [(machine.files / one).read_bytes() for one in machine.paper()[1:]]
        assert profile("zpl-203", packer.folder.profiles) == machine.profile


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "没有填读数"),
        ({"left": "abc"}, "读数 abc 不是数字"),
        ({"left": "nan"}, "读数 nan 不是数字"),
        ({"top": "1e999"}, "不是数字"),
        ({"left": "41"}, "0 到 40"),
        ({"top": "-1"}, "0 到 40"),
        ({"module": "9"}, "条码号 1 到 4"),
        ({"module": "²"}, "不是数字"),
        ({"darkness": "8"}, "浓度由打印机自己决定"),
        ({"left": "10", "module": "5"}, "条码号 1 到 4"),
    ],
)
async def test_wrong_readings_change_nothing_and_stay_in_the_form(
    tmp_path: Path, fields: dict[str, str], says: str
) -> None:
    machine = Machine("一号", tmp_path / "out", "escpos-203")
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        before = machine.profile
        answer = await packer.presses("calibrate", printer="一号", **fields)
        assert answer.status_code == 409
        assert says in answer.text
        assert all(f'value="{value}"' in answer.text for name, value in fields.items() if name in ("left", "top"))
        assert machine.profile == before
        assert not list(packer.folder.profiles.glob("*.json"))


async def test_the_same_readings_typed_twice_are_taken_once(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        statuses = [
            (await packer.presses("calibrate", printer="一号", left="11", top="", darkness="", module="")).status_code
            for _ in range(2)
        ]
        assert statuses == [303, 409]
        assert machine.profile.offset_x_um == -1_000


async def test_a_printer_that_a_web_page_moved_is_calibrated_from_where_it_prints(tmp_path: Path) -> None:
    from miandan.agent.components.workshop import AgentWorkshop

    moved, other = Machine("一号", tmp_path / "out"), Machine("二号", tmp_path / "out2")
    settings = settings_of({"components": ["doudian"], "component": {"doudian": {"ports": [0], "secure_ports": []}}})
    async with packing(tmp_path, [moved, other], settings=settings) as packer:
        await AgentWorkshop(packer.agent, packer.folder.path / "components").move("一号", 2_000, 0)
        await packer.comes_in()
        await packer.presses("calibrate", printer="一号", left="11", top="10", darkness="", module="3")
        assert (moved.profile.offset_x_um, moved.profile.offset_y_um) == (1_000, 0)
        assert (other.profile.offset_x_um, other.profile.finest_module) == (0, 3)
        assert moved.profile.finest_module == 3
        await packer.presses("calibrate", printer="二号", left="", top="8", darkness="", module="")
        assert (other.profile.offset_y_um, moved.profile.offset_y_um) == (2_000, 0)
        far = await packer.presses("calibrate", printer="一号", left="39", top="", darkness="", module="")
        assert (far.status_code, moved.profile.offset_x_um) == (409, 1_000)
    again = [Machine("一号", tmp_path / "out"), Machine("二号", tmp_path / "out2")]
    async with packing(tmp_path, again, settings=settings):
        assert again[0].profile.offset_x_um == 1_000


async def test_darkness_is_asked_only_where_its_pages_were_printed(tmp_path: Path) -> None:
    language = Machine("一号", tmp_path / "out")
    language.takes = MediaType.RAW
    async with packing(tmp_path, [language, Machine("二号", tmp_path / "out2")]) as packer:
        await packer.comes_in()
        assert 'name="darkness"' in (await packer.sees("calibrate?printer=一号")).text
        assert 'name="darkness"' not in (await packer.sees("calibrate?printer=二号")).text
        await packer.presses("calibrate", printer="一号", left="", top="", darkness="12", module="")
        assert language.profile.darkness == 12


async def test_what_waits_and_what_went_wrong_is_told_by_number_and_place(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        journal = packer.agent.journal
        for place in range(1, 41):
            journal.got(Slip(f"s{place}", "一号", 1, "job", place, f"YT76543210{place:04}"))
        journal.end(Slip("s1", "一号", 1, "job", 1, "YT765432100001"), Outcome.DOUBTFUL, reason="agent.device_broken")
        bad = Slip("s2", "一号", 3, "job", 2, "YT765432100002")
        journal.end(bad, Outcome.FAILED, reason="labels.template_unknown")
        await packer.comes_in()
        text = await packer.text()
        assert "要处理的 2 张" in text
        assert "第 3 份" in text
        assert "看打印机旁有没有这一张，再到服务器上登记" in text
        assert "待打 40 张" in text
        assert f"还有 {40 - MOST_WAITING} 张" in text
        assert "{" not in text
        assert (await packer.presses("settled", sheet="s1")).status_code == 303
        text = await packer.text()
        assert "要处理的 1 张" in text
        assert "存疑 doubtful" in text  # among the latest it stays


async def test_each_kind_of_evidence_is_counted_apart(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        for place, evidence in enumerate([Evidence.DEVICE, Evidence.SPOOLER, Evidence.SENT_ONLY, Evidence.SENT_ONLY]):
            slip = Slip(str(place), "一号", 1, "job", place, f"YT76543210{place:04}")
            packer.agent.journal.got(slip)
            packer.agent.journal.end(slip, Outcome.PRINTED, evidence)
        await packer.comes_in()
        text = await packer.text()
        assert "已打印 printed 4 设备回报 1，队列回报 1，仅发送 2" in text
        assert text.count("已打印（仅发送）") == 2
    assert MOST_ENDED >= 4


def settings(**more: Any) -> Any:
    return settings_of(
        {"components": ["cainiao"], "component": {"cainiao": {"ports": [0], "secure_ports": []}}, **more}
    )


async def page_of_an_erp(packer: Packer) -> ClientConnection:
    [port] = packer.components.ports
    return await connect(f"ws://127.0.0.1:{port.number}/", additional_headers={"Origin": PAGE}, proxy=None)


async def until(line: ClientConnection, status: str) -> dict[str, Any]:
    while True:
        heard: dict[str, Any] = json.loads(await asyncio.wait_for(line.recv(), 60))
        if heard.get("taskStatus") == status or heard.get("status") == status:
            return heard


async def test_a_site_is_asked_about_allowed_on_one_printer_and_taken_back(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine, Machine("二号", tmp_path / "out2")], settings=settings()) as packer:
        await packer.comes_in()
        line = await page_of_an_erp(packer)
        await line.send(json.dumps({"cmd": "getPrinters", "requestID": "1", "version": "1.0"}))
        await soon(lambda: bool(packer.components.origins.waiting()))
        html = (await packer.sees()).text
        assert "（1）请确认" in html
        assert PAGE in html
        nothing = await packer.presses("origin", origin=PAGE, decision="allow")
        assert (nothing.status_code, packer.components.origins.decision(PAGE)) == (409, None)
        await packer.presses("origin", origin=PAGE, decision="allow", printer="二号")
        answer = json.loads(await asyncio.wait_for(line.recv(), 60))
        assert [one["name"] for one in answer["printers"]] == ["二号"]
        await line.close()
        assert "允许 allowed 二号" in await packer.text()
        await packer.presses("origin", origin=PAGE, decision="forget")
        assert packer.components.origins.decision(PAGE) is None


async def test_all_printers_ticked_are_those_of_tomorrow_too(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine, Machine("二号", tmp_path / "out2")]) as packer:
        await packer.comes_in()
        packer.components.origins.ask(PAGE, "cainiao")
        await packer.presses("origin", origin=PAGE, decision="allow", printer=["一号", "二号"])
        decision = packer.components.origins.decision(PAGE)
        assert decision is not None
        assert (decision.allowed, decision.printers) == (True, ())


@pytest.mark.parametrize("decision", ["allow", "deny"])
async def test_a_site_that_never_asked_is_not_decided_on(tmp_path: Path, machine: Machine, decision: str) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        for origin in ("https://evil.example", "", "null"):
            answer = await packer.presses("origin", origin=origin, decision=decision, printer="一号")
            assert answer.status_code == 409
        assert packer.components.origins.decided() == {}


async def test_the_same_label_again_is_asked_about_and_printed_as_copy_two(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine], settings=settings()) as packer:
        await packer.comes_in()
        packer.components.origins.allow(PAGE)
        line, waybill = await page_of_an_erp(packer), number()
        for answer in ("", "skip", "print"):
            sent = task(document(waybill))
            await line.send(json.dumps({"cmd": "print", "requestID": "1", "version": "1.0", "task": sent}))
            if not answer:
                await until(line, "printed")
                continue
            await soon(lambda: bool(packer.components.questions.open()))
            html = (await packer.sees()).text
            assert waybill in html
            assert "标第 2 份" in html
            assert not [one for one in PERSON if one in html]
            [name] = packer.components.questions.open()
            assert (await packer.presses("answer", question=name, answer="maybe")).status_code == 409
            assert (await packer.presses("answer", question=name, answer=answer)).status_code == 303
            await until(line, "failed" if answer == "skip" else "printed")
            assert (await packer.presses("answer", question=name, answer="print")).status_code == 409
        await line.close()
        assert len(machine.paper()) == 2
        html = (await packer.sees()).text
        assert "第 2 份" in html
        assert not [one for one in PERSON if one in html]


async def test_a_phone_in_the_place_of_a_number_is_not_shown(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        packer.agent.journal.got(Slip("1", "一号", number="19912345678", source="component"))
        now = time.time()
        waiting = asyncio.create_task(
            packer.components.questions.ask(Question("", 2, "一号", PAGE, "cainiao", now, now + 60))
        )
        await soon(lambda: bool(packer.components.questions.open()))
        html = (await packer.sees()).text
        assert "19912345678" not in html
        assert html.count("（没有单号）") == 2
        waiting.cancel()


async def test_a_stopped_agent_leaves_no_open_door(tmp_path: Path, machine: Machine) -> None:
    async with packing(tmp_path, [machine]) as packer:
        await packer.comes_in()
        machine.is_now = Condition(State.LID_OPEN)
        await packer.presses("print", printer="一号", page="test")
        folder, port = packer.folder, packer.port
    assert not kept_of(folder).exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert machine.paper() == []
