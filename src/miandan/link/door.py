"""Where agents come in: POST /agent/pair with a code, and the WebSocket /agent/link with a key."""

import asyncio
from contextlib import suppress
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from miandan.kernel.asgi import Door, Receive, Scope, Send
from miandan.kernel.errors import Cause, Refusal
from miandan.kernel.failures import explained
from miandan.labels import agent_link as wire
from miandan.link.talk import Talk, greeted
from miandan.link.web import Gone, Socket, answer, body_of
from miandan.printing import pairing
from miandan.printing.desk import PrintDesk
from miandan.printing.model import Agent
from miandan.printing.service import public_key

PAIR: Final = "/agent/pair"
LINK: Final = "/agent/link"

UNWANTED: Final = 4403
"""Close code: the server has said why before."""

BROKEN: Final = 1011
_REPLACED: Final = 4409
_MALFORMED: Final = 1003
_BAD, _NOT_FOUND, _NOT_ALLOWED, _FAILED = 400, 404, 405, 500


class _Pair(Struct, frozen=True):
    """What an agent says to be paired; keys are hex of 32 bytes."""

    code: Annotated[str, Meta(max_length=100)]
    name: Annotated[str, Meta(max_length=200)]
    public_key: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    signing_key: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class AgentDoor:
    """The door, and the links that are open in this process: one for each agent."""

    def __init__(self, desk: PrintDesk) -> None:
        self._desk = desk
        self._open: dict[UUID, tuple[Talk, asyncio.Task[None]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application under /agent."""
        if scope["type"] == "websocket":
            socket = Socket(receive, send)
            if scope["path"] != LINK:
                await socket.close(1008)
                return
            with suppress(Gone):
                await self._link(socket)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def test(self, agent_id: UUID, printer: str, kind: str = "test") -> bool:
        """Print a page on a printer of an agent whose link ends here; False where it does not."""
        found = self._open.get(agent_id)
        if found is None:
            return False
        with suppress(Gone):
            await found[0].say(wire.Test(printer, kind))
            return True
        return False

    # --- pairing

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != PAIR:
            await answer(send, _NOT_FOUND, _words(Refusal("link.nothing_here")))
            return
        if scope["method"] != "POST":
            await answer(send, _NOT_ALLOWED, _words(Refusal("link.nothing_here")))
            return
        body = await body_of(receive)
        try:
            paired = await self._pair(body or b"")
            key = (await public_key(self._desk)).hex()
        except Exception as failed:  # told in words, whatever it is
            refusal = explained(failed)
            await answer(send, _FAILED if refusal.entry.cause is Cause.SYSTEM else _BAD, _words(refusal))
            return
        told = {"agent_id": str(paired.agent_id), "name": paired.name}
        await answer(send, 200, told | {"public_url": self._desk.public_url, "platform_key": key})

    async def _pair(self, body: bytes) -> Agent:
        try:
            asked = msgspec.json.decode(body, type=_Pair)
        except (msgspec.DecodeError, UnicodeError):
            raise Refusal("link.pairing_malformed") from None
        keys = bytes.fromhex(asked.public_key), bytes.fromhex(asked.signing_key)
        return await pairing.pair(self._desk.db, asked.code, asked.name, *keys)

    # --- links

    async def _link(self, socket: Socket) -> None:
        """A link from its opening to its end. Raises Gone."""
        await socket.accept()
        try:
            agent = await greeted(socket, self._desk)
            talk = Talk(socket, self._desk, agent)
            await self._alone(talk)
        except Gone:
            raise
        except ValueError:
            await socket.close(_MALFORMED)
        except Exception as failed:
            refusal = explained(failed)
            if refusal.entry.cause is Cause.SYSTEM:
                await socket.close(BROKEN)  # the agent comes again soon
                return
            await socket.say(wire.frame([wire.Refused(refusal.code, refusal.zh, refusal.en)]))
            await socket.close(UNWANTED)

    async def _alone(self, talk: Talk) -> None:
        """Run a link once no other of its agent is open here: a dead one is ended, a live one is another copy of the
        agent. Raises link.agent_elsewhere."""
        agent_id = talk.agent.agent_id
        while (before := self._open.get(agent_id)) is not None:
            other, running = before
            if await other.is_alive():
                raise Refusal("link.agent_elsewhere")
            running.cancel()
            await asyncio.wait({running})
            if self._open.get(agent_id) is before:
                del self._open[agent_id]
        running = asyncio.create_task(talk.run())
        self._open[agent_id] = mine = talk, running
        try:
            await running
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise Gone from None  # a newer link took this one's place
        finally:
            running.cancel()
            if self._open.get(agent_id) is mine:
                del self._open[agent_id]


def agent_door(desk: PrintDesk) -> Door:
    """The door of one process."""
    return AgentDoor(desk)


def _words(refusal: Refusal) -> dict[str, str]:
    return {"code": refusal.code, "zh": refusal.zh + refusal.next_zh, "en": f"{refusal.en} {refusal.next_en}"}
