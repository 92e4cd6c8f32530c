"""Few calls begin in one turn of the loop, all of them in the end, those of one moment in their order."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any

from miandan.kernel.asgi import Door, Message, Receive, Scope, Send
from miandan.server.turns import BEGUN_AT_ONCE, Turns

CALLS = 4 * BEGUN_AT_ONCE + 1


class Calls:
    """Calls by number, and which of them have begun in which turn of the loop."""

    def __init__(self, door: Door | None = None) -> None:
        self._turns = Turns(self._begin)
        self._door = door
        self._turn = 0
        self.begun: list[int] = []
        self.turns: list[int] = []
        self._count()

    def call(self, number: int, kind: str = "http") -> Coroutine[Any, Any, None]:
        return self._turns({"type": kind, "number": number}, _receive, _send)

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.append(scope["number"])
        self.turns.append(self._turn)
        if self._door is not None:
            await self._door(scope, receive, send)

    def _count(self) -> None:
        self._turn += 1
        asyncio.get_running_loop().call_soon(self._count)


async def everyone(calls: Iterable[Awaitable[None]]) -> None:
    """To their end, or the test fails."""
    async with asyncio.timeout(60):
        await asyncio.gather(*calls, return_exceptions=True)


async def _receive() -> Message:
    return {}


async def _send(message: Message) -> None: ...


async def test_calls_of_one_moment_begin_in_turns_in_the_order_they_came() -> None:
    calls = Calls()
    await everyone(map(calls.call, range(CALLS)))
    assert calls.begun == list(range(CALLS))
    assert [calls.turns.count(turn) for turn in sorted(set(calls.turns))] == [*[BEGUN_AT_ONCE] * 4, 1]
    await calls.call(CALLS)
    assert calls.begun[-1] == CALLS


async def test_who_leaves_while_waiting_takes_nobodys_place() -> None:
    calls = Calls()
    tasks = [asyncio.create_task(calls.call(number)) for number in range(CALLS)]
    await asyncio.sleep(0)
    left = range(BEGUN_AT_ONCE, 3 * BEGUN_AT_ONCE)
    for number in left:
        tasks[number].cancel()
    await everyone(tasks)
    assert calls.begun == [number for number in range(CALLS) if number not in left]


async def test_a_call_that_waits_keeps_no_other_from_beginning() -> None:
    everybody = asyncio.Event()

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if len(calls.begun) == CALLS:
            everybody.set()
        await everybody.wait()

    calls = Calls(door)
    await everyone(map(calls.call, range(CALLS)))


async def test_a_web_socket_waits_for_no_turn() -> None:
    calls = Calls()
    await everyone([*map(calls.call, range(CALLS)), calls.call(CALLS, "websocket")])
    assert calls.begun.index(CALLS) == BEGUN_AT_ONCE
    assert len(calls.begun) == CALLS + 1
