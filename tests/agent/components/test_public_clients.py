"""Public print clients, unmodified: npm ec-print 1.0.1 for every platform it knows, PyPI cainiao 0.2.0."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cainiao.clients import CloudPrintClient
from cainiao.cloudprint import CloudPrint

from tests.agent.components.bench import PAGE, counter, document, task

FOLDER = Path(__file__).parents[1] / "node"
INSTALLED = (FOLDER / "node_modules" / "ec-print").is_dir() and shutil.which("node") is not None
needs_node = pytest.mark.skipif(not INSTALLED, reason="npm has not installed ec-print")

ENVELOPES = {"Cainiao": "cainiao", "Doudian": "doudian", "Pinduoduo": "pinduoduo", "Kuaishou": "kuaishou"}


async def ec_print(provider: str, url: str, *calls: Any, notices: int = 0, origin: str = PAGE) -> dict[str, Any]:
    """What ec-print's own methods answer, and the notices that its listener heard."""
    wanted = {"provider": provider, "url": url, "origin": origin, "calls": calls, "notices": notices}
    node = await asyncio.create_subprocess_exec(
        "node",
        "ec-print.cjs",
        json.dumps(wanted),
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await asyncio.wait_for(node.communicate(), 90)
    assert node.returncode == 0, wrong.decode()
    found: dict[str, Any] = json.loads(said)
    return found


@needs_node
@pytest.mark.parametrize(("provider", "component"), ENVELOPES.items())
async def test_ec_print_prints_previews_and_asks_on_every_platform(
    tmp_path: Path, provider: str, component: str
) -> None:
    async with counter(tmp_path, component) as desk:
        desk.allow()
        wanted = task(document(), document(), printer="二号")
        calls = [
            ["getPrinters"],
            ["print", wanted],
            ["printPreview", task(document())],
            ["getPrinterConfig", "二号"],
            ["setPrinterConfig", {"name": "二号", "horizontalOffset": 1}],
            ["getGlobalConfig"],
            ["setGlobalConfig", {"notifyOnTaskFailure": True, "TaskFailedNotify": True}],
            ["getAgentInfo"],
        ]
        found = await ec_print(provider, desk.url(component), *calls, notices=1)
        printers, taken, preview, config, stored, before, after, agent = found["answers"]
        assert [one["name"] for one in printers["printers"]] == ["一号", "二号"]
        assert (taken["cmd"], taken["taskID"], taken["status"]) == ("print", wanted["taskID"], "success")
        assert preview["previewURL"].startswith("http://")
        assert config["printer"]["name"] == "二号"
        assert [one["status"] for one in (stored, before, after, agent)] == ["success"] * 4
        assert [one["taskStatus"] for one in found["notices"]] == ["rendered", "printed"]
        assert {row["status"] for row in found["notices"][-1]["printStatus"]} == {"success"}
        status = await ec_print(provider, desk.url(component), ["getTaskStatus", [wanted["taskID"]]])
        rows = status["answers"][0]["printStatus"][0]["detailStatus"]
        assert [row["documentID"] for row in rows] == [one["documentID"] for one in wanted["documents"]]
        assert [path.parent.name for path in desk.papers()] == ["二号"] * 2


@needs_node
@pytest.mark.parametrize("family", ["0.x", "1.5", "both"])
async def test_ec_print_hears_every_family_of_notices(tmp_path: Path, family: str) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        url = f"{desk.url('cainiao')}?notices={family}"
        wanted = task(document())
        found = await ec_print("Cainiao", url, ["print", wanted], notices=1)
        assert (found["answers"][0]["cmd"], found["answers"][0]["success"]) == ("print", True)
        assert found["notices"][-1]["taskStatus"] == "printed"


@needs_node
async def test_ec_print_speaks_jd(tmp_path: Path) -> None:
    """Its JD provider reads `task.parameters` of what it was given, and takes any text for true in `success`."""
    async with counter(tmp_path, "jd") as desk:
        desk.allow()
        data = document()["contents"][0]["data"]
        parameters = {"printName": "二号", "contents": [{"printData": data, "tempUrl": "https://template.example"}]}
        calls = [
            ["getPrinters"],
            ["print", {"task": {"parameters": parameters}}],
            ["printPreview", {"task": {"parameters": parameters}}],
        ]
        found = await ec_print("Jingdong", desk.url("jd"), *calls)
        printers, printed, preview = found["answers"]
        assert printers["printers"] == [{"name": "一号"}, {"name": "二号"}]
        assert (printed["cmd"], printed["status"], printed["detailinfo"]["total"]) == ("print", "500", "1-1")
        assert (preview["cmd"], preview["status"]) == ("PRE_View", "500")
        assert len(desk.papers()) == 1


@needs_node
async def test_ec_prints_meituan_speaks_the_same_envelope_though_we_have_no_such_component(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        found = await ec_print("Meituan", desk.url("doudian"), ["getPrinters"], ["print", task(document())], notices=1)
        assert [one["status"] for one in found["answers"]] == ["success", "success"]
        assert len(desk.papers()) == 1


@needs_node
async def test_ec_print_from_a_page_without_consent_is_refused(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=0.2) as desk:
        found = await ec_print(
            "Doudian", desk.url("doudian"), ["print", task(document())], origin="https://evil.example"
        )
        assert found["answers"][0]["status"] == "failed"
        assert desk.papers() == []


@needs_node
async def test_ec_print_on_node_is_a_program_and_needs_the_token(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        with_token = f"{desk.url('doudian')}?token={desk.token}"
        found = await ec_print("Doudian", with_token, ["getPrinters"], origin="")
        assert found["answers"][0]["status"] == "success"
        without = await ec_print("Doudian", desk.url("doudian"), ["getPrinters"], origin="")
        assert without["answers"][0]["errorCode"] == 1000  # its own "connect error"


@pytest.mark.parametrize("family", ["0.x", "both"])
async def test_pypi_cainiao_lists_printers_and_prints(tmp_path: Path, family: str) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        url = f"{desk.url('cainiao')}?token={desk.token}&notices={family}"
        client = CloudPrintClient(ws_url=url)
        async with client as line:
            printing = CloudPrint(ws=line)
            printers = await printing.get_printers()
            assert [one["name"] for one in printers["printers"]] == ["一号", "二号"]
            wanted = task(document())
            taken = await printing.print(task=wanted)
            assert (taken["cmd"], taken["status"], taken["taskID"]) == ("print", "success", wanted["taskID"])
            notice: dict[str, Any] = {}
            while notice.get("taskStatus") != "printed":
                notice = json.loads((await line.receive()).data)
            assert notice["printStatus"][0]["status"] == "success"
            preview_of = task(document(), preview=True)
            preview: dict[str, Any] = await printing.print(task=preview_of)
            while preview.get("cmd") != "print":
                preview = json.loads((await line.receive()).data)
            assert preview["previewURL"]
        assert len(desk.papers()) == 1
