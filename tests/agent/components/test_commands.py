"""What an operator decides at the command line reaches the agent that runs."""

import asyncio
import json
from pathlib import Path

import pytest

from miandan.cli import agent_pages as pages
from miandan.kernel.errors import Refusal
from tests.agent.components.bench import PAGE, counter, document, task


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIANDAN_AGENT", str(tmp_path / "agent"))


async def test_a_page_that_waits_is_listed_and_allowed_for_one_printer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with counter(tmp_path, "cainiao", consent_seconds=600) as desk, desk.page("cainiao") as page:
        await page.say({"cmd": "getPrinters", "requestID": 1})
        pages.listed(as_json=True)
        [row] = json.loads(capsys.readouterr().out)
        assert (row["origin"], row["state"], row["component"]) == (PAGE, "等待 waiting", "菜鸟打印组件")
        pages.allow(PAGE, ("二号",))
        assert [one["name"] for one in (await page.hear())["printers"]] == ["二号"]
        pages.deny(PAGE)
        assert (await page.ask("getPrinters"))["status"] == "failed"
        pages.forget(PAGE)
        capsys.readouterr()
        pages.listed(as_json=True)
        assert json.loads(capsys.readouterr().out) == []


async def test_a_question_is_listed_and_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with counter(tmp_path, "doudian") as desk, desk.page("doudian", None, f"?token={desk.token}") as program:
        one = document()
        await program.ask("print", task=task(one))
        await program.until("printed")
        await program.ask("print", task=task(one))
        async with asyncio.timeout(60):
            while not desk.components.questions.open():  # noqa: ASYNC110  the file is read by several programs
                await asyncio.sleep(0.01)
        pages.again(None, None, as_json=True)
        [row] = json.loads(capsys.readouterr().out)
        assert (row["number"], row["copy"], row["printer"], row["origin"]) == (one["documentID"], 2, "一号", "")
        pages.again(row["question"], "print", as_json=False)
        await program.until("printed")
        assert len(desk.papers()) == 2
        with pytest.raises(Refusal, match="component_question_gone"):
            pages.again(row["question"], "print", as_json=False)


def test_the_token_is_printed_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    pages.token()
    first = capsys.readouterr().out
    pages.token()
    assert capsys.readouterr().out == first
    assert len(first.strip()) >= 32


def test_the_certificate_comes_with_the_ways_to_trust_it_and_to_take_that_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages.trust()
    said = capsys.readouterr().out
    for system in ("Windows", "macOS", "Linux, Chrome", "Linux, system"):
        assert said.count(system) == 2
    assert "SHA-256" in said
    tls = tmp_path / "agent" / "components" / "tls"
    assert sorted(one.suffix for one in tls.iterdir() if one.suffix) == [".crt", ".key", ".pem"]
    pages.untrust()
    assert not [one for one in tls.iterdir() if one.suffix]


def test_what_is_no_origin_is_refused() -> None:
    with pytest.raises(Refusal, match="component_origin_wrong"):
        pages.allow("erp.example", ())
