"""Previews: PDF and pictures over loopback HTTP, masked, under an address that nobody guesses and that ends."""

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from miandan.agent.components.previews import Previews
from tests.agent.components.bench import PAGE, Counter, counter, document, dots, task


async def fetched(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(url, headers=headers)


async def previewed(desk: Counter, query: str = "", **more: Any) -> dict[str, Any]:
    async with desk.page("cainiao", query=query) as page:
        return await page.ask("print", task=task(*more.pop("documents", ()), preview=True, **more))


async def test_a_pdf_preview_has_a_page_for_each_document_and_prints_nothing(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        answer = await previewed(desk, "?notices=0.x", documents=[document(), document()])
        assert (answer["cmd"], answer["status"], "responses" in answer) == ("print", "success", False)
        assert answer["previewURL"].startswith(f"http://localhost:{desk.port('cainiao')}/preview/")
        file = await fetched(answer["previewURL"])
        assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
        assert file.headers["cache-control"] == "no-store"
        assert file.headers["access-control-allow-origin"] == PAGE
        assert file.content.startswith(b"%PDF")
        assert file.content.count(b"/Type/Page/") + file.content.count(b"/Type /Page ") <= 2
        assert desk.papers() == []


async def test_a_picture_preview_shows_the_dots_that_the_paper_gets(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        one = document()
        answer = await previewed(desk, "?notices=0.x", documents=[one, document()], previewType="image")
        assert len(answer["previewImage"]) == 2
        shown = (await fetched(answer["previewImage"][0])).content
        async with desk.page("cainiao", query="?notices=0.x") as page:
            await page.ask("print", task=task(one))
            await page.until("printed")
        [paper] = desk.papers()
        assert dots(shown) == dots(paper.read_bytes())


async def test_component_1_5_answers_twice_and_names_the_documents(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        one = document()
        async with desk.page("cainiao", query="?notices=1.5") as page:
            bare = await page.ask("print", 1, task=task(one, preview=True, previewType="image"))
            assert (bare["requestID"], "previewURL" in bare) == (1, False)
            second = await page.hear()
            assert (second["cmd"], second["requestID"]) == ("print", 1)
            assert second["responses"] == [{"documentId": one["documentID"], "urls": second["urls"]}]


async def test_a_full_label_is_masked_in_its_preview(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", component={"cainiao": {"plain": "full"}}) as desk:
        desk.allow()
        one = document()
        full = await previewed(desk, "?notices=0.x", documents=[one], previewType="image")
        async with desk.page("cainiao", query="?notices=0.x") as page:
            await page.ask("print", task=task(one))
            await page.until("printed")
        [paper] = desk.papers()
        shown = (await fetched(full["previewURL"])).content
        assert dots(shown) != dots(paper.read_bytes())


async def test_a_preview_is_gone_after_its_time_and_for_other_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        url = (await previewed(desk, "?notices=0.x"))["previewURL"]
        assert (await fetched(url, host="evil.example")).status_code == 403
        assert (await fetched(url.replace(".pdf", "x.pdf"))).status_code == 404
        assert (await fetched(url)).status_code == 200
        later = SimpleNamespace(monotonic=lambda: 1e12)  # for previews alone: the event loop goes by the real clock
        monkeypatch.setattr("miandan.agent.components.previews.time", later)
        assert (await fetched(url)).status_code == 404


async def test_a_preview_of_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk:
        desk.allow()
        answer = await previewed(
            desk, documents=[document(contents=[{"encryptedData": "AES:xxxx", "signature": "MD:"}])]
        )
        assert (answer["status"], answer["errorCode"]) == ("failed", 40)


def test_previews_are_bounded() -> None:
    previews = Previews()
    first = previews.put(bytes(40_000_000), "pdf", PAGE)
    second = previews.put(bytes(40_000_000), "pdf", PAGE)
    assert previews.find(first) is None
    assert previews.find(second) is not None
    assert len(base64.urlsafe_b64decode(first.removeprefix("/preview/").removesuffix(".pdf"))) == 24
