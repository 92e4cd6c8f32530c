"""What stands in the OpenAPI document stands in docs/api.md, and the pages need nothing from elsewhere."""

import asyncio
import re
import shutil
import subprocess
from typing import Any

import pytest

from miandan.api import app
from miandan.api.openapi import PROBLEMS, document
from tests.api.conftest import Ground
from tests.docs.pages import fenced, read, rows
from tests.docs.raised import ROOT

PAGE = ROOT / "docs" / "api.md"
SCHEMAS = "#/components/schemas/"


async def _described(ground: Ground) -> dict[str, Any]:
    async with ground.shop() as developer:
        found: dict[str, Any] = await developer.ok("GET", "/openapi.json")
        return found


async def test_the_document_is_made_once_for_all_who_ask_first(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    making: list[str] = []

    def counted(*args: Any) -> dict[str, Any]:
        making.append("once")
        return document(*args)

    monkeypatch.setattr(app, "document", counted)
    async with ground.shop() as developer:
        found = await asyncio.gather(*(developer.ok("GET", "/openapi.json") for _ in range(6)))
    assert making == ["once"]
    assert all(one == found[0] for one in found)


async def test_every_operation_stands_in_the_page_with_its_scope(ground: Ground) -> None:
    told = {row[0].strip("`"): row[1] for row in rows(read(PAGE)) if row[0].startswith("`") and "/api/v1/" in row[0]}
    described = await _described(ground)
    offered = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            scopes = operation["security"][0]["bearer"] if "security" in operation else None
            words = "–" if scopes is None else "".join(scopes) or "任何 any"
            offered[f"{method.upper()} {path}"] = words
    assert told == offered


async def test_every_failure_of_an_operation_is_described_here_and_there(ground: Ground) -> None:
    told = {row[0] for row in rows(read(PAGE)) if row[0].isdigit()}
    assert told == {str(status) for status in (*PROBLEMS, 405)}
    described = await _described(ground)
    for path, operations in described["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                assert "X-Log-Id" in answer["headers"], path
                if not status.startswith("2"):
                    [kind] = answer["content"]
                    assert kind == "application/problem+json", (path, status)
                    assert answer["content"][kind]["schema"] == {"$ref": f"{SCHEMAS}Problem"}
            assert operation["summary"]
            assert operation["description"]


async def test_every_schema_that_is_referred_to_is_there_and_refuses_unknown_fields(ground: Ground) -> None:
    described = await _described(ground)
    schemas = described["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", str(described))) <= schemas.keys()
    asked = {name for name in schemas if name.endswith("In")} | {"OrderPut", "Paid", "RefundClosed"}
    assert [name for name in asked if schemas[name].get("additionalProperties") is not False] == []
    assert not any(name.startswith("HTTPValidation") for name in schemas)


@pytest.mark.parametrize("page", ["docs", "errors"])
async def test_the_pages_need_nothing_from_elsewhere(ground: Ground, page: str) -> None:
    async with ground.shop() as developer:
        answer = await developer.http.get(f"/{page}")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)
        assert "<script" not in answer.text
        assert ("orders.refund_open" if page == "errors" else "/api/v1/waybills") in answer.text


async def test_the_commands_of_the_page_work_against_the_sandbox(ground: Ground) -> None:
    """The page's own shell lines, from the token to the scans, with its address put in place of the usual one."""
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("the commands need curl and jq")
    async with ground.serving() as running:
        lines = [line for line in fenced(read(PAGE)) if not line.startswith("miandan ")]
        start = next(place for place, line in enumerate(lines) if line.startswith("API="))
        end = next(place for place, line in enumerate(lines) if line.endswith("/scans") and line.startswith("call"))
        script = "\n".join(lines[start : end + 1]).replace("http://127.0.0.1:8080", running.url)
        folder = ground.settings.data
        done = await _run(script.replace("-o label.pdf", f"-o {folder}/label.pdf"))
        assert done.returncode == 0, done.stderr
        assert '"action":"collected"' in done.stdout
        assert (folder / "label.pdf").read_bytes().startswith(b"%PDF")


async def _run(script: str) -> subprocess.CompletedProcess[str]:
    process = await asyncio.create_subprocess_exec(
        "bash", "-eu", "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    return subprocess.CompletedProcess(script, process.returncode or 0, out.decode(), err.decode())
