"""Nobody presses the page's buttons but who holds a ticket: no foreign site, no foreign name, no other port or user."""

import asyncio
import os
import time
from pathlib import Path

import httpx
import pytest

from miandan.agent.folder import Folder
from miandan.agent.page import http
from miandan.agent.page.admission import new_address, opener, tickets_of
from miandan.agent.page.door import open_page
from miandan.kernel.errors import Refusal
from tests.agent.page.packer import Machine, Packer, packing, soon, words


def pages(packer: Packer) -> int:
    """Pages that were put on the bench."""
    return len(packer.agent.journal.ended) + len(packer.agent.journal.open_sheets)


async def raw(packer: Packer, request: bytes) -> bytes:
    """Bytes as a program that is no browser may send them, and all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", packer.port)
    writer.write(request)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


async def test_a_ticket_opens_the_page_once(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        address = new_address(packer.folder)
        assert (await packer.browser.head(address)).status_code == 403  # a look at it uses nothing up
        first, second = await asyncio.gather(packer.browser.get(address), packer.browser.get(address))
        assert sorted([first.status_code, second.status_code]) == [200, 403]
        let_in, turned_away = sorted([first, second], key=lambda one: one.status_code)
        assert "httponly" in let_in.headers["set-cookie"].lower()
        assert "samesite=strict" in let_in.headers["set-cookie"].lower()
        assert "set-cookie" not in turned_away.headers
        assert "miandan agent page" in words(turned_away.text)


async def test_a_ticket_is_too_old_after_two_minutes_or_a_restart(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        address = new_address(packer.folder)
        [ticket] = tickets_of(packer.folder).iterdir()
        os.utime(ticket, (time.time() - 121,) * 2)
        assert (await packer.browser.get(address)).status_code == 403
        left = new_address(packer.folder)
        await packer.comes_in()
        place, cookie = packer.place, packer.cookie
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        assert (await packer.browser.get(packer.url + "/open/" + left.rpartition("/")[2])).status_code == 403
        packer.place, packer.cookie = place, cookie  # of the run before
        assert (await packer.sees()).status_code == 403


async def test_what_lies_in_the_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        address = new_address(packer.folder)
        file = opener(packer.folder, address)
        assert address in file.read_text(encoding="utf-8")
        everything = [one for one in (packer.folder.path / "page").rglob("*") if one.is_file()]
        assert len(everything) == 3
        assert {one.stat().st_mode & 0o077 for one in everything} == {0}
        ticket = address.rpartition("/")[2]
        assert not [one for one in everything if ticket in one.name]  # a name tells nobody the ticket
    assert not file.exists()


@pytest.mark.parametrize("path", ["", "calibrate?printer=x"])
async def test_without_the_cookie_nothing_is_seen(tmp_path: Path, path: str) -> None:
    async with packing(tmp_path, [Machine("一号秘密台", tmp_path / "out")]) as packer:
        await packer.comes_in()
        good = packer.cookie
        for cookie in ("", "miandan-agent=", "miandan-agent=x", f"{good}x", f"{good}; {good}", good.replace("-", "_")):
            packer.cookie = cookie
            answer = await packer.sees(path)
            assert (answer.status_code, "一号秘密台" in answer.text) == (403, False)
        packer.cookie = good
        for place in ("/", "/x/", packer.place.swapcase(), packer.place[:-1]):
            answer = await packer.browser.get(packer.url + place + path, headers={"cookie": good})
            assert (answer.status_code, "一号秘密台" in answer.text) == (403, False)


async def test_the_cookie_is_bound_to_a_path_that_other_ports_do_not_have(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        answer = await packer.comes_in()
        assert f"path={packer.place}" in answer.headers["set-cookie"].lower().replace(
            packer.place.lower(), packer.place
        )
        assert len(packer.place) >= 24


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "localhost.:{port}", "0.0.0.0:{port}",
     "[::1]:1", "127.1:{port}", "2130706433:{port}", "127.0.0.1:{port}@evil.example", "127.0.0.1:0{port}", ""],
)  # fmt: skip
async def test_a_host_that_is_not_exactly_ours_is_refused_even_with_a_ticket(tmp_path: Path, host: str) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        address = new_address(packer.folder)
        named = host.format(port=packer.port)
        answer = await packer.browser.get(address, headers={"host": named})
        assert answer.status_code == 421
        assert "set-cookie" not in answer.headers
        assert (await packer.browser.get(address)).status_code == 200  # it was not used up


async def test_localhost_and_both_loopback_addresses_are_ours(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        for host in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]"):
            address = new_address(packer.folder)
            answer = await packer.browser.get(address, headers={"host": f"{host}:{packer.port}"})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://erp.example", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost:{port}",
     "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil.example"],
)  # fmt: skip
async def test_a_form_of_another_site_presses_nothing_even_with_cookie_and_seal(tmp_path: Path, origin: str) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        await packer.comes_in()
        fields: dict[str, str | list[str]] = {"printer": "一号", "page": "test", "seal": await packer.seal()}
        answer = await packer.sends("print", fields, origin=origin.format(port=packer.port))
        assert answer.status_code == 403
        assert pages(packer) == 0
        assert (await packer.sends("print", fields)).status_code == 303
        assert pages(packer) == 1


async def test_a_form_without_our_seal_presses_nothing(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        await packer.comes_in()
        seal = await packer.seal()
        for wrong in ("", "0" * 64, seal[:-1], seal.upper(), "封"):
            for path in ("print", "origin", "answer", "calibrate", "settled"):
                fields: dict[str, str | list[str]] = {"printer": "一号", "page": "test", "left": "9", "seal": wrong}
                assert (await packer.sends(path, fields)).status_code == 403
        twice: dict[str, str | list[str]] = {"printer": "一号", "page": "test", "seal": [seal, seal]}
        assert (await packer.sends("print", twice)).status_code == 403
        assert pages(packer) == 0


async def test_a_link_cannot_press_a_button(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        await packer.comes_in()
        seal = await packer.seal()
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = await packer.browser.request(
                method,
                f"{packer.url}{packer.place}print?printer=一号&page=test&seal={seal}",
                headers={"cookie": packer.cookie, "origin": packer.url},
            )
            assert answer.status_code in (404, 405)
            assert "access-control-allow-origin" not in answer.headers
        json = await packer.browser.post(
            f"{packer.url}{packer.place}print",
            json={"printer": "一号", "page": "test", "seal": seal},
            headers={"cookie": packer.cookie, "origin": packer.url},
        )
        assert json.status_code == 403
        assert pages(packer) == 0


async def test_pages_run_nothing_of_others_and_are_not_kept(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        let_in = await packer.comes_in()
        for answer in (
            let_in,
            await packer.sees(),
            await packer.sees("calibrate?printer=一号"),
            await packer.sees("x"),
        ):
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-frame-options"] == "DENY"
            assert not [one for one in answer.headers if one.startswith("access-control")]
            assert "src=" not in answer.text.replace("default-src", "")


async def test_names_and_words_of_others_are_text(tmp_path: Path) -> None:
    from miandan.agent.journal import Slip
    from miandan.agent.printers.model import Condition, State
    from miandan.labels.agent_link import Outcome

    evil = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'"
    machine = Machine(evil, tmp_path / "out")
    async with packing(tmp_path, [machine, Machine("二号", tmp_path / "out2")]) as packer:
        machine.is_now = Condition(State.ERROR, evil)
        packer.agent.benches[evil].note(machine.is_now)
        slip = Slip("1", evil, 2, evil, 1, evil)
        packer.agent.journal.got(slip)
        packer.agent.journal.end(slip, Outcome.DOUBTFUL, reason=evil)
        packer.agent.link.zh = packer.agent.link.en = evil
        packer.components.origins.ask("https://erp.example", evil)
        packer.components.origins.allow("https://other.example", (evil,))
        await packer.comes_in()
        for path in ("", "calibrate?" + str(httpx.QueryParams({"printer": evil})), f"?said={evil}"):
            html = (await packer.sees(path)).text
            assert "<script>alert" not in html
            assert "<img" not in html
            assert html.count("<script>") <= 1
        assert "<script>alert" not in (await packer.presses("print", printer=evil + "x", page=evil)).text
        typed = await packer.presses("calibrate", printer=evil, left='"><b>1', top="", darkness="", module="")
        assert (typed.status_code, '"><b>1' in typed.text) == (409, False)


async def test_what_is_no_request_is_answered_or_dropped_and_the_page_goes_on(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        host = f"Host: 127.0.0.1:{packer.port}\r\n".encode()
        assert (await raw(packer, b"\x16\x03\x01\x02\x00\x01")).startswith(b"HTTP/1.1 400 ")
        assert (await raw(packer, b"GET / HTTP/1.1\r\n" + host + host + b"\r\n")).startswith(b"HTTP/1.1 421 ")
        assert (await raw(packer, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 421 ")
        assert (await raw(packer, b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n")).startswith(
            b"HTTP/1.1 400"
        )
        assert (await raw(packer, b"GET //evil.example/ HTTP/1.1\r\n" + host + b"\r\n")).startswith(b"HTTP/1.1 400")
        upgrade = b"GET / HTTP/1.1\r\n" + host + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        assert b"101" not in (await raw(packer, upgrade)).splitlines()[0]
        for large in (b"GET /" + b"x" * 20_000, b"GET / HTTP/1.1\r\n" + host + b"X: " + b"x" * 20_000):
            assert (await raw(packer, large)).startswith(b"HTTP/1.1 413 ")
        long = b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999\r\n\r\n" + b"x" * 20_000
        assert (await raw(packer, long)).startswith(b"HTTP/1.1 413 ")
        chunked = b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
        assert (await raw(packer, chunked)).startswith(b"HTTP/1.1 400 ")
        two = b"GET / HTTP/1.1\r\n" + host + b"\r\n" + b"GET /open/x HTTP/1.1\r\n" + host + b"\r\n"
        assert (await raw(packer, two)).count(b"HTTP/1.1 ") == 1
        await packer.comes_in()
        for query in ("?said=%ff", "calibrate?printer=%ff", "?" + "&".join("a" * 100), "calibrate"):
            assert (await packer.sees(query)).status_code in (200, 409)


async def test_programs_that_say_nothing_keep_nobody_out_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.5)
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        silent = [await asyncio.open_connection("127.0.0.1", packer.port) for _ in range(http.MOST_OPEN + 5)]

        async def comes_in() -> bool:
            try:
                await packer.comes_in()
            except httpx.TransportError:
                return False
            return True

        await soon(comes_in)
        for _, writer in silent:
            writer.close()


async def test_an_error_that_nobody_foresaw_is_in_the_log_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("钱孙李")

    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        await packer.comes_in()
        monkeypatch.setattr("miandan.agent.page.door.shown", broken)
        answer = await packer.sees()
        assert (answer.status_code, "钱孙李" in answer.text) == (500, False)
        assert packer.agent.log.errors[-1].endswith(" page.failed error=KeyError")


async def test_a_port_that_is_taken_stops_no_printing(tmp_path: Path) -> None:
    async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
        async with open_page(packer.agent, packer.port, packer.components) as port:
            assert port == 0
        assert "agent.page_port_taken" in packer.agent.log.errors[-1]
        assert (await packer.agent.print_page("一号", "test")).outcome == "printed"


async def test_without_a_running_agent_there_is_no_address(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.make()
    with pytest.raises(Refusal, match=r"agent\.not_running"):
        new_address(folder)
    with folder.alone(), pytest.raises(Refusal, match=r"agent\.page_closed"):
        new_address(folder)
