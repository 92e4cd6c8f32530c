"""Who may open a link: the key that was paired, now, and only one copy of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from miandan.agent.folder import Folder
from miandan.agent.keys import agent_keys
from miandan.labels import agent_link as wire
from miandan.link import talk
from miandan.printing.pairing import unpair
from tests.link.depot import BY, Depots, connected, folder_printer, until, working


class Caller:
    """A client that says what a test wants."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._heard: list[Any] = []

    async def hear(self) -> Any:
        while not self._heard:
            self._heard = list(wire.read_as_agent(await asyncio.wait_for(self._socket.recv(), 60)))
        return self._heard.pop(0)

    async def say(self, *messages: Any) -> None:
        await self._socket.send(wire.frame(list(messages)))

    async def say_text(self, text: str | bytes) -> None:
        await self._socket.send(text)

    async def nonce(self) -> str:
        challenge = await self.hear()
        assert isinstance(challenge, wire.Challenge)
        return challenge.nonce

    async def refusal(self) -> str:
        refused = await self.hear()
        assert isinstance(refused, wire.Refused), refused
        assert refused.zh
        return refused.code

    async def close_code(self) -> int:
        try:
            while True:
                await asyncio.wait_for(self._socket.recv(), 60)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    async with connect(url.replace("http", "ws", 1) + "/agent/link", proxy=None) as socket:
        yield Caller(socket)


async def test_a_foreign_key_cannot_say_hello(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path)
        foreign = Ed25519PrivateKey.generate().private_bytes_raw()
        async with calling(depot.running.url) as caller:
            await caller.say(wire.say_hello(foreign, paired.agent_id, await caller.nonce()))
            assert await caller.refusal() == "link.hello_wrong"
            assert await caller.close_code() == 4403


async def test_a_hello_that_was_overheard_opens_no_other_link(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path)
        signing = agent_keys(Folder(tmp_path).keys).signing
        async with calling(depot.running.url) as caller:
            hello = wire.say_hello(signing, paired.agent_id, await caller.nonce())
            await caller.say(hello)
            assert isinstance(await caller.hear(), wire.Welcome)
        async with calling(depot.running.url) as thief:
            nonce = await thief.nonce()
            assert nonce != hello.nonce
            await thief.say(hello)
            assert await thief.refusal() == "link.hello_wrong"
        async with calling(depot.running.url) as thief:
            forged = wire.Hello(hello.agent_id, await thief.nonce(), hello.signature)
            await thief.say(forged)
            assert await thief.refusal() == "link.hello_wrong"


async def test_an_unknown_agent_and_one_without_an_id_are_refused(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        signing = agent_keys(tmp_path / "keys.json").signing
        for agent_id in ("01a21914-d020-76bf-9966-075b83c9ee5c", "x"):
            async with calling(depot.running.url) as caller:
                await caller.say(wire.say_hello(signing, agent_id, await caller.nonce()))
                assert await caller.refusal() == "printing.agent_unknown"


async def test_what_is_no_frame_ends_the_link(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path)
        signing = agent_keys(Folder(tmp_path).keys).signing
        for text in (
            "{}",
            "[",
            '[{"no":"kind"}]',
            b"\xff",
            '[{"t":"hello","agent_id":"a","nonce":"b","signature":"c"}]',
        ):
            async with calling(depot.running.url) as caller:
                await caller.say(wire.say_hello(signing, paired.agent_id, await caller.nonce()))
                assert isinstance(await caller.hear(), wire.Welcome)
                await caller.say_text(text)
                assert await caller.close_code() == 1003
        async with calling(depot.running.url) as caller:
            await caller.nonce()
            await caller.say(wire.Room("一号", 5))  # before it has said who it is
            assert await caller.refusal() == "link.hello_wrong"


async def test_a_message_of_a_kind_that_only_a_newer_agent_knows_is_left_out(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path)
        signing = agent_keys(Folder(tmp_path).keys).signing
        async with calling(depot.running.url) as caller:
            await caller.say(wire.say_hello(signing, paired.agent_id, await caller.nonce()))
            assert isinstance(await caller.hear(), wire.Welcome)
            await caller.say_text('[{"t":"of_tomorrow","x":[1]},{"t":"report","sheet_id":"1.aa","outcome":"failed"}]')
            assert await caller.hear() == wire.Settled("1.aa", wire.Outcome.FAILED)


async def test_an_agent_that_is_unpaired_loses_its_link_at_once(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent, depot.db)
            await unpair(depot.running.hall.printing, depot.owner, UUID(paired.agent_id), BY)
            await until(lambda: agent.link.state == "refused")
            assert agent.link.reason == "printing.agent_unpaired"
            assert agent.link.zh


async def test_a_copy_of_an_agent_is_refused_while_the_first_one_answers(
    depots: Depots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "PING_SECONDS", 60.0)  # it does answer, however slow the machine is
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        signing = agent_keys(Folder(tmp_path / "agent").keys).signing
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent, depot.db)
            async with calling(depot.running.url) as copy:
                await copy.say(wire.say_hello(signing, paired.agent_id, await copy.nonce()))
                assert await copy.refusal() == "link.agent_elsewhere"
            assert agent.link.connects == 1
            await depot.job(await depot.numbers(1), paired.agent_id)
            await depot.all_in("printed")


async def test_a_link_that_answers_no_more_gives_way_to_the_next_one(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        signing = agent_keys(Folder(tmp_path / "agent").keys).signing
        async with calling(depot.running.url) as dead:
            await dead.say(wire.say_hello(signing, paired.agent_id, await dead.nonce()))
            assert isinstance(await dead.hear(), wire.Welcome)
            async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
                await connected(agent, depot.db)
                await depot.job(await depot.numbers(1), paired.agent_id)
                await depot.all_in("printed")
