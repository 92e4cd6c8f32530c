"""Commands, replies, field names and notices of the components that speak with an envelope."""

from pathlib import Path
from typing import Any

import pytest

from tests.agent.components.bench import PAGE, counter, document, dots, number, task

ENVELOPES = ("cainiao", "doudian", "pinduoduo", "kuaishou")


@pytest.mark.parametrize("component", ENVELOPES)
async def test_a_page_lists_printers_prints_and_hears_rendered_and_printed(tmp_path: Path, component: str) -> None:
    options = {component: {"notices": "0.x"}}
    async with counter(tmp_path, component, component=options) as desk:
        desk.allow()
        async with desk.page(component) as page:
            listed = await page.ask("getPrinters")
            assert (listed["status"], listed["defaultPrinter"]) == ("success", "一号")
            assert [one["name"] for one in listed["printers"]] == ["一号", "二号"]
            wanted = task(printer="二号")
            taken = await page.ask("print", "q-7", task=wanted)
            assert (taken["cmd"], taken["requestID"], taken["status"]) == ("print", "q-7", "success")
            assert taken["taskID"] == wanted["taskID"]
            rendered, printed = await page.until("printed")
            names = {"cmd": "PrintResultNotify" if component == "pinduoduo" else "notifyPrintResult"}
            assert rendered | names == rendered
            assert [rendered["taskStatus"], printed["taskStatus"]] == ["rendered", "printed"]
            [row] = printed["printStatus"]
            assert (row["documentID"], row["status"], row["printer"]) == (
                wanted["documents"][0]["documentID"],
                "success",
                "二号",
            )
            assert row["evidence"] == "device"  # a folder knows what lies in it
            assert ("requestID" in printed) is (component != "pinduoduo")
        assert [path.parent.name for path in desk.papers()] == ["二号"]


@pytest.mark.parametrize("given", [0, 7, 2**70, "", "abc", 1.5, None, True, [1, "a"], {"a": [2]}])
async def test_the_request_id_comes_back_with_its_type(tmp_path: Path, given: Any) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        async with desk.page("cainiao") as page:
            for command in ("getPrinters", "getAgentInfo", "no such command"):
                answer = await page.ask(command, given)
                assert answer["requestID"] == given
                assert type(answer["requestID"]) is type(given)
            printed = await page.ask("print", given, task=task())
            assert (printed["requestID"], (await page.until("printed"))[-1]["requestID"]) == (given, given)


async def test_a_task_may_stand_at_the_top_of_the_request(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            assert (await page.ask("print", **task(task_id=12345)))["taskID"] == 12345
            assert (await page.until("printed"))[-1]["taskID"] == 12345
        assert len(desk.papers()) == 1


async def test_component_1_5_tells_in_its_own_order(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        async with desk.page("cainiao", query="?notices=1.5") as page:
            wanted = task(document(), document())
            await page.say({"cmd": "print", "requestID": "9", "version": "1.0", "task": wanted})
            heard = await page.until("completeSuccess")
            commands = [one["cmd"] for one in heard]
            assert commands[:2] == ["notifyTaskResult", "print"]
            assert commands[-2:] == ["notifyPrintResult", "notifyTaskResult"]
            assert commands.count("notifyDocResult") == 4
            assert heard[0]["status"] == "initial"
            for one in wanted["documents"]:
                told = [said for said in heard if said.get("documentId") == one["documentID"]]
                assert [said["status"] for said in told] == ["rendered", "printed"]
                assert heard[-1]["docs"][one["documentID"]] == told[-1]
            assert all(said["code"] == 0 and "total" in said["spendTime"] for said in heard if "spendTime" in said)


async def test_component_0_x_says_nothing_of_1_5(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        async with desk.page("cainiao", query="?notices=0.x") as page:
            assert (await page.ask("getAgentInfo"))["version"] == "0.2.8.3"
            assert (await page.ask("print", task=task()))["cmd"] == "print"
            assert [one["cmd"] for one in await page.until("printed")] == ["notifyPrintResult"] * 2
            assert await page.silent()


@pytest.mark.parametrize(
    ("tells", "heard"),
    [(["render"], ["rendered"]), (["print"], ["printed"]), ([], []), (None, ["rendered", "printed"])],
)
async def test_a_page_hears_of_what_it_asked_to_hear(tmp_path: Path, tells: list[str] | None, heard: list[str]) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            more = {} if tells is None else {"notifyType": tells}
            await page.ask("print", task=task(**more))
            assert [(await page.hear())["taskStatus"] for _ in heard] == heard
            assert await page.silent()
        assert len(desk.papers()) == 1


async def test_what_cannot_be_done_is_answered_and_printing_goes_on(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        async with desk.page("cainiao") as page:
            for command in ("noSuch", "", None, ["print"]):
                answer = await page.ask(command)  # type: ignore[arg-type]  # that is the point
                assert (answer["status"], "agent.component_command_unknown" in answer["msg"]) == ("failed", True)
            empty = await page.ask("print", task={"taskID": "1", "documents": []})
            assert (empty["status"], empty["errorCode"], empty["taskID"]) == ("failed", 11, "1")
            odd = [
                {"taskID": "1", "documents": [{"documentID": "x"}]},
                {"taskID": "1", "documents": "x"},
                {"documents": [document()]},
                {"taskID": {"a": 1}, "documents": [document()]},
                *(
                    {"taskID": "1", "documents": [document(copy=copy)]}
                    for copy in (1000, 1.5, "1.5", "two", True, [2], 0)
                ),
                {"taskID": "1", "documents": [document(documentID="")]},
                {"taskID": "1", "documents": [document()], "printer": "no such printer"},
            ]
            for one in odd:
                assert (await page.ask("print", task=one))["status"] == "failed", one
            large = await page.ask("getPrinters", ["x" * 1_000])
            assert (large["status"], "requestID" in large["msg"]) == ("failed", True)
            assert (await page.ask("print", task=task()))["status"] == "success"
            await page.until("printed")
        assert len(desk.papers()) == 1


async def test_a_task_of_which_a_part_fails_says_which_part(tmp_path: Path) -> None:
    async with counter(tmp_path, "kuaishou", "cainiao") as desk:
        desk.allow()
        wrong = document(contents=[{"data": {"waybillCode": "73199"}, "templateURL": ""}])
        for component, status in (("kuaishou", "partPrinted"), ("cainiao", "failed")):
            async with desk.page(component, query="?notices=0.x") as page:
                wanted = task(document(), wrong, document(), firstDocumentNumber=5)
                await page.ask("print", task=wanted)
                last = (await page.until(status))[-1]
                assert [row["status"] for row in last["printStatus"]] == ["success", "failed", "success"]
                assert last["firstFailedDocSN"] == 6
                assert "recipient_address" in last["printStatus"][1]["msg"]
        assert len(desk.papers()) == 4


async def test_a_task_of_which_all_fails_never_says_rendered(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            await page.ask("print", task=task(document(contents=[{"templateURL": "x"}])))
            [only] = await page.until("failed")
            assert only["errorCode"] == 1
            assert await page.silent()
        assert desk.papers() == []


async def test_kuaishou_takes_ten_documents_and_has_its_path(tmp_path: Path) -> None:
    async with counter(tmp_path, "kuaishou") as desk:
        desk.allow()
        assert desk.url("kuaishou").endswith("/ks/printer")
        async with desk.page("kuaishou") as page:
            refused = await page.ask("print", task=task(*(document() for _ in range(11))))
            assert (refused["status"], refused["cmd"]) == ("failed", "print")
            await page.ask("print", task=task(*(document() for _ in range(10))))
            await page.until("printed")
        assert len(desk.papers()) == 10


async def test_documents_come_out_in_the_order_of_the_task(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            wanted = [document() for _ in range(12)]
            await page.ask("print", task=task(*wanted))
            await page.until("printed")
        assert [path.name.split("-")[1] for path in desk.papers()] == [one["documentID"] for one in wanted]


async def test_states_of_tasks_and_documents_are_told_to_the_page_that_asked_for_them(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        other = "https://other.example"
        desk.allow(origin=other)
        wanted = task(document(), document())
        async with desk.page("doudian") as page:
            await page.ask("print", task=wanted)
            await page.until("printed")
            answer = await page.ask("getTaskStatus", taskID=[wanted["taskID"], "never heard of"])
            known, unknown = answer["printStatus"]
            assert [row["documentID"] for row in known["detailStatus"]] == [
                one["documentID"] for one in wanted["documents"]
            ]
            assert {row["status"] for row in known["detailStatus"]} == {"success"}
            assert unknown == {"taskID": "never heard of", "detailStatus": []}
            documents = await page.ask("getDocumentStatus", documentIDs=[wanted["documents"][1]["documentID"]])
            assert [row["status"] for row in documents["detailStatus"]] == ["success"]
        async with desk.page("doudian", other) as page:
            answer = await page.ask("getTaskStatus", taskID=[wanted["taskID"]])
            assert answer["printStatus"][0]["detailStatus"] == []
            documents = await page.ask("getDocumentStatus", documentIDs=[wanted["documents"][1]["documentID"]])
            assert documents["detailStatus"] == []


@pytest.mark.parametrize(
    ("component", "version", "failure", "logo"),
    [
        ("cainiao", "version", "notifyOnTaskFailure", "needTopLogo"),
        ("pinduoduo", "AppVersion", "TaskFailedNotify", "PrintTopLogo"),
    ],
)
async def test_settings_have_the_names_of_their_platform(
    tmp_path: Path, component: str, version: str, failure: str, logo: str
) -> None:
    async with counter(tmp_path, component) as desk:
        desk.allow()
        async with desk.page(component) as page:
            assert (await page.ask("getAgentInfo"))[version]
            assert (await page.ask("getGlobalConfig"))[failure] is False
            assert (await page.ask("setGlobalConfig", **{failure: True}))["status"] == "success"
            assert (await page.ask("getGlobalConfig"))[failure] is True
            assert (await page.ask("setGlobalConfig", **{failure: "yes"}))["status"] == "failed"
            found = (await page.ask("getPrinterConfig", printer="二号"))["printer"]
            assert (found["name"], found["paperSize"]) == ("二号", {"width": 76, "height": 130})
            await page.ask("setPrinterConfig", printer={"name": "二号", logo: True, "density": 7})
            found = (await page.ask("printerConfig", printer="二号"))["printer"]
            assert (found[logo], found["density"]) == (True, 7)
            assert (await page.ask("getPrinterConfig", printer="三号"))["status"] == "failed"


async def test_an_offset_that_a_page_sets_moves_the_print_and_outlives_a_restart(tmp_path: Path) -> None:
    async def printed() -> bytes:
        async with desk.page("cainiao", query="?notices=0.x") as page:
            one = number()
            await page.ask("print", task=task(document(one, copy=1), task_id=one))
            await page.until("printed")
        return desk.papers()[-1].read_bytes()

    options = {"cainiao": {"duplicates": "copy"}}
    async with counter(tmp_path, "cainiao", component=options) as desk:
        desk.allow()
        await printed()
        async with desk.page("cainiao") as page:
            refused = await page.ask("setPrinterConfig", printer={"name": "一号", "horizontalOffset": 51})
            assert refused["status"] == "failed"
            await page.ask("setPrinterConfig", printer={"name": "一号", "horizontalOffset": 3, "verticalOffset": -1.5})
            found = (await page.ask("getPrinterConfig", printer="一号"))["printer"]
            assert (found["horizontalOffset"], found["verticalOffset"]) == (3, -1.5)
        [bench] = [one for name, one in desk.agent.benches.items() if name == "一号"]
        assert (bench.printer.profile.offset_x_um, bench.printer.profile.offset_y_um) == (3_000, -1_500)
        await printed()
    async with counter(tmp_path, "cainiao", component=options) as desk:
        assert desk.agent.benches["一号"].printer.profile.offset_x_um == 3_000
        async with desk.page("cainiao") as page:
            found = (await page.ask("getPrinterConfig", printer="一号"))["printer"]
            assert found["horizontalOffset"] == 3


async def test_the_print_itself_moves_by_whole_dots(tmp_path: Path) -> None:
    def left_edge(content: bytes) -> int:
        bits = dots(content)
        rows = [bits.data[at : at + bits.stride] for at in range(0, len(bits.data), bits.stride)]
        merged = 0
        for row in rows:
            merged |= int.from_bytes(row)
        return 8 * bits.stride - merged.bit_length()

    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        async with desk.page("cainiao", query="?notices=0.x") as page:
            await page.ask("print", task=task())
            await page.until("printed")
            before = left_edge(desk.papers()[-1].read_bytes())
            await page.ask("setPrinterConfig", printer={"name": "一号", "horizontalOffset": 2})
            await page.ask("print", task=task())
            await page.until("printed")
            assert left_edge(desk.papers()[-1].read_bytes()) - before == 16  # 2 mm at 203 dpi


async def test_a_page_that_leaves_stops_no_sheet(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        wanted = task(*(document() for _ in range(5)))
        async with desk.page("doudian") as page:
            await page.say({"cmd": "print", "requestID": "1", "task": wanted})
            await page.hear()
        async with desk.page("doudian", PAGE) as page:
            await page.ask("print", task=wanted)  # the same again: nothing new, and its fate is told
            assert (await page.until("printed"))[-1]["taskID"] == wanted["taskID"]
        assert len(desk.papers()) == 5
