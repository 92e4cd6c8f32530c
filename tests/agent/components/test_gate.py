"""Who comes in: exact Host, consent to an Origin, a token for programs; and frames of any kind get an answer."""

import asyncio
import json
import socket
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from miandan.agent.components import gate
from miandan.agent.components.origins import MOST_WAITING, is_origin
from miandan.agent.components.reading import MOST_FRAME
from tests.agent.components.bench import PAGE, Counter, counter, document, task

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\n{hosts}Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


async def status(desk: Counter, component: str, *hosts: str, path: str = "/", more: str = "") -> int:
    """What a handshake is answered with."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port(component))
    named = "".join(f"Host: {host}\r\n" for host in hosts)
    writer.write(HANDSHAKE.format(path=path, hosts=named, more=more).encode())
    line = await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    return int(line.split()[1])


ORIGIN = f"Origin: {PAGE}\r\n"


async def test_only_the_names_of_this_machine_with_its_port_are_a_host(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        port = desk.port("doudian")
        for host in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST"):
            assert await status(desk, "doudian", f"{host}:{port}", more=ORIGIN) == 101
        rebound = [
            "evil.example",
            f"evil.example:{port}",
            f"localhost.evil.example:{port}",
            f"127.0.0.1.evil.example:{port}",
            f"127.0.0.1:{port + 1}",
            "localhost",
            f"localhost.:{port}",
            f"127.1:{port}",
            f"0.0.0.0:{port}",
            f"[::ffff:127.0.0.1]:{port}",
            "",
        ]
        for host in rebound:
            assert await status(desk, "doudian", host, more=ORIGIN) in (400, 403), host
        assert await status(desk, "doudian", more=ORIGIN) in (400, 403)
        assert await status(desk, "doudian", f"localhost:{port}", "evil.example", more=ORIGIN) in (400, 403)


async def test_a_component_has_its_own_paths_only(tmp_path: Path) -> None:
    async with counter(tmp_path, "kuaishou", "jd", "cainiao") as desk:
        desk.allow()
        wanted = {"kuaishou": ["/ks/printer"], "jd": ["/", "/view"], "cainiao": ["/"]}
        for component, paths in wanted.items():
            host = f"localhost:{desk.port(component)}"
            for path in ("/", "/ks/printer", "/view", "/etc/passwd", "/preview/x.pdf"):
                assert (await status(desk, component, host, path=path, more=ORIGIN) == 101) is (path in paths)


async def test_an_unknown_page_waits_is_told_so_and_prints_once_it_is_allowed(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=0.3) as desk, desk.page("doudian") as page:
        refused = await page.ask("getPrinters", 5)
        assert (refused["cmd"], refused["requestID"], refused["status"]) == ("getPrinters", 5, "failed")
        assert "agent.component_origin_waiting" in refused["msg"]
        assert "printers" not in refused
        assert list(desk.components.origins.waiting()) == [PAGE]
        refused = await page.ask("print", task=task())
        assert (refused["status"], desk.papers()) == ("failed", [])
        desk.allow()
        assert desk.components.origins.waiting() == {}
        await page.ask("print", task=task())
        await page.until("printed")
        assert len(desk.papers()) == 1


async def test_a_request_goes_on_when_the_user_consents_while_it_waits(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=600) as desk, desk.page("doudian") as page:
        await page.say({"cmd": "getPrinters", "requestID": 1})
        assert await page.silent(0.3)
        desk.allow()
        assert (await page.hear())["status"] == "success"


async def test_a_denied_page_is_turned_away_at_the_door_and_within(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=600) as desk:
        async with desk.page("doudian") as page:
            await page.say({"cmd": "print", "requestID": 1, "task": task()})
            desk.components.origins.deny(PAGE)
            refused = await page.hear()
            assert (refused["status"], "agent.component_origin_denied" in refused["msg"]) == ("failed", True)
        with pytest.raises(InvalidStatus) as turned_away:
            async with desk.page("doudian"):
                pass
        assert turned_away.value.response.status_code == 403
        assert desk.papers() == []


async def test_consent_taken_back_ends_at_the_next_request(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=0.1) as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            assert (await page.ask("getPrinters"))["status"] == "success"
            desk.components.origins.forget(PAGE)
            assert (await page.ask("getPrinters"))["status"] == "failed"


async def test_consent_is_to_an_exact_origin(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=0.1) as desk:
        desk.allow()
        for other in (
            f"{PAGE}:8443",
            "http://erp.example",
            "https://erp.example.evil.example",
            "https://sub.erp.example",
        ):
            async with desk.page("doudian", other) as page:
                assert (await page.ask("getPrinters"))["status"] == "failed"
        port = desk.port("doudian")
        for other in (
            "null",
            "",
            "https://ERP.example/",
            "https://erp.example/x",
            "https://a@erp.example",
            "erp.example",
        ):
            assert await status(desk, "doudian", f"localhost:{port}", more=f"Origin: {other}\r\n") == 403, other
        assert await status(desk, "doudian", f"localhost:{port}", more=ORIGIN + ORIGIN) == 403


async def test_pages_that_wait_are_bounded(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", consent_seconds=0.05) as desk:
        host = f"localhost:{desk.port('doudian')}"
        answers = [
            await status(desk, "doudian", host, more=f"Origin: https://page{one}.example\r\n")
            for one in range(MOST_WAITING + 3)
        ]
        assert answers == [101] * MOST_WAITING + [403] * 3
        assert len(desk.components.origins.waiting()) == MOST_WAITING


async def test_a_page_sees_and_uses_the_printers_it_was_given(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", "jd") as desk:
        desk.allow("二号")
        async with desk.page("cainiao") as page:
            listed = await page.ask("getPrinters")
            assert ([one["name"] for one in listed["printers"]], listed["defaultPrinter"]) == (["二号"], "二号")
            assert (await page.ask("getPrinterConfig", printer="一号"))["status"] == "failed"
            refused = await page.ask("setPrinterConfig", printer={"name": "一号", "horizontalOffset": 1})
            assert refused["status"] == "failed"
            assert (await page.ask("print", task=task(printer="一号")))["status"] == "failed"
            await page.ask("print", task=task())
            await page.until("printed")
        assert [path.parent.name for path in desk.papers()] == ["二号"]


async def test_a_program_needs_the_token_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian", "cainiao", component={"cainiao": {"programs": "allow"}}) as desk:
        for query in ("", "?token=", "?token=wrong", f"?token={desk.token[:-1]}"):
            with pytest.raises(InvalidStatus) as turned_away:
                async with desk.page("doudian", None, query):
                    pass
            assert turned_away.value.response.status_code == 403
        async with desk.page("doudian", None, f"?token={desk.token}") as program:
            assert (await program.ask("getPrinters"))["status"] == "success"
        bearer = {"Authorization": f"Bearer {desk.token}"}
        async with connect(desk.url("doudian"), additional_headers=bearer, proxy=None):
            pass
        async with desk.page("cainiao", None) as program:
            assert (await program.ask("getPrinters"))["status"] == "success"
        desk.components.origins.deny(PAGE)
        with pytest.raises(InvalidStatus):  # a page does not become a program by knowing the token
            async with desk.page("doudian", PAGE, f"?token={desk.token}"):
                pass
        assert (desk.folder / "components" / "token").stat().st_mode & 0o777 == 0o600


async def test_nothing_listens_anywhere_else_than_on_loopback(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        hosts = {one.getsockname()[0] for server in desk.components._servers for one in server.sockets}
        assert hosts <= {"127.0.0.1", "::1"}


async def test_nothing_listens_until_it_is_switched_on(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        assert desk.components.ports == ()
        assert not (desk.folder / "components").exists()


async def test_a_port_of_the_genuine_component_is_named_and_the_others_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as genuine:
        held = genuine.getsockname()[1]
        async with counter(tmp_path, "cainiao", "doudian", component={"cainiao": {"ports": [held]}}) as desk:
            taken, ours = desk.components.ports
            assert (taken.taken, ours.taken) == (True, False)
            assert str(held) in taken.zh
            assert "菜鸟" in taken.zh
            assert str(held) in taken.en
            desk.allow()
            async with desk.page("doudian") as page:
                assert (await page.ask("getPrinters"))["status"] == "success"


async def test_a_frame_that_is_too_large_closes_the_connection_and_no_other(tmp_path: Path) -> None:
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as other:
            reader, writer = await asyncio.open_connection("127.0.0.1", desk.port("doudian"))
            host = f"Host: localhost:{desk.port('doudian')}\r\n"
            writer.write(HANDSHAKE.format(path="/", hosts=host, more=ORIGIN).encode())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x81\xff" + (MOST_FRAME + 1).to_bytes(8) + b"mask")
            closing = await asyncio.wait_for(reader.readexactly(4), 60)
            assert (closing[0], int.from_bytes(closing[2:])) == (0x88, 1009)
            writer.close()
            assert (await other.ask("getPrinters"))["status"] == "success"


async def test_a_port_takes_so_many_connections_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miandan.agent.components.serving.MOST_CONNECTIONS", 2)
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        address = f"ws://127.0.0.1:{desk.port('doudian')}/"
        headers = {"Origin": PAGE}
        async with connect(address, additional_headers=headers, proxy=None) as first:
            async with connect(address, additional_headers=headers, proxy=None):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(address, additional_headers=headers, proxy=None)
                assert refused.value.response.status_code == 503
            await first.send("still here")
            assert await asyncio.wait_for(first.recv(), 60)


async def test_a_page_in_a_hurry_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_PER_SECOND", 0.0)  # a slow machine would be in no hurry
    async with counter(tmp_path, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            for one in range(2_400):
                await page.say({"cmd": "getAgentInfo", "requestID": one})
            answers = [await page.hear() for _ in range(2_400)]
        statuses = [one["status"] for one in answers]
        assert statuses[:2_000] == ["success"] * 2_000
        assert "agent.component_too_fast" in answers[statuses.index("failed")]["msg"]


@pytest.mark.parametrize("text", ["https://erp.example", "http://127.0.0.1:8080", "http://[::1]:80", "file://"])
def test_origins_of_browsers_are_known(text: str) -> None:
    assert is_origin(text)


@given(st.text(alphabet=string.printable, max_size=60).filter(lambda text: "://" not in text))
def test_nothing_without_a_scheme_is_an_origin(text: str) -> None:
    assert not is_origin(text)


# --- frames of any kind -----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_NAMES = """
    cmd requestID task taskID taskId documents documentID contents data encryptedData signature params copy templateURL
    addData config customData printer preview previewType notifyType orderType key version parameters printName
    printData customTempUrl tempUrl horizontalOffset name printMask
"""
_COMMANDS = """
    print getPrinters getPrinterConfig setPrinterConfig printerConfig getTaskStatus getDocumentStatus getGlobalConfig
    setGlobalConfig getAgentInfo PRINT GET_Printers GET_Version PRE_View PRE_View:multi
"""
NAMES, COMMANDS = (st.sampled_from(words.split()) for words in (_NAMES, _COMMANDS))
SHAPED = st.recursive(
    JSON, lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, max_size=3), max_size=6), max_leaves=16
)
REQUEST = st.builds(
    lambda command, more: {"cmd": command, "orderType": command, "requestID": 1, "key": "k", **more},
    COMMANDS,
    st.dictionaries(NAMES.filter(lambda name: name not in ("cmd", "orderType")), SHAPED, max_size=8),
)


class _Loop:
    """One agent for all frames of a run."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._open = counter(folder, "cainiao", "jd", consent_seconds=0.1)
        self.desk = self.loop.run_until_complete(self._open.__aenter__())
        self.desk.allow()

    def close(self) -> None:
        self.loop.run_until_complete(self._open.__aexit__(None, None, None))
        self.loop.close()

    def answers(self, component: str, frame: str | bytes) -> bool:
        """Whether something is heard, and the connection still serves; a clean close is an answer too."""

        async def said() -> bool:
            async with self.desk.page(component) as page:
                try:
                    await page.line.send(frame)
                    heard = await page.hear()
                    assert isinstance(heard, dict)
                except ConnectionClosed:
                    return page.line.close_code in (1003, 1007, 1009)
                last = {"cmd": "getPrinters", "orderType": "GET_Printers", "requestID": "end", "key": "end"}
                await page.say(last)
                while "end" not in (heard.get("requestID"), heard.get("key")):
                    heard = await page.hear()
                return True

        return self.loop.run_until_complete(said())


@pytest.fixture(scope="module")
def one_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Loop]:
    agent = _Loop(tmp_path_factory.mktemp("frames"))
    yield agent
    agent.close()


@pytest.fixture
def anything(one_agent: _Loop) -> Callable[[str, Any], bool]:
    return one_agent.answers


@pytest.fixture
def wrong(one_agent: _Loop) -> Callable[[], list[str]]:
    """What the agent's log holds of requests that broke something here."""
    return lambda: [line for line in one_agent.desk.agent.log.errors if " component." in line]


RUN = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("component", ["cainiao", "jd"])
def test_any_json_gets_an_answer(
    component: str, anything: Callable[[str, Any], bool], wrong: Callable[[], list[str]]
) -> None:
    @RUN
    @given(JSON | SHAPED | REQUEST)
    def check(value: Any) -> None:
        assert anything(component, json.dumps(value))
        assert wrong() == []

    check()


@pytest.mark.parametrize("component", ["cainiao", "jd"])
def test_any_bytes_get_an_answer_or_a_clean_close(component: str, anything: Callable[[str, Any], bool]) -> None:
    @RUN
    @given(st.binary(max_size=200) | st.text(max_size=200))
    def check(value: Any) -> None:
        assert anything(component, value)

    check()


def test_deep_and_odd_frames_get_an_answer(anything: Callable[[str, Any], bool]) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    odd = [
        deep,
        '{"cmd":"print","task":' + deep + "}",
        '{"cmd":"print","requestID":"\\ud800"}',
        '{"cmd":"print","requestID":1e400}',
        '{"cmd":"print","requestID":' + "9" * 5_000 + "}",
        json.dumps({"cmd": "print", "task": task(document(contents=[{"data": json.loads("[" * 90 + "]" * 90)}]))}),
        "\x00",
        "",
    ]
    for component in ("cainiao", "jd"):
        for frame in odd:
            assert anything(component, frame)
