"""Answers kept for some seconds: read once for all who ask at once, not kept when they were forgotten meanwhile."""

import asyncio
from dataclasses import dataclass, field

import pytest

from miandan.kernel.memory import Memory


@dataclass(slots=True)
class Source:
    """Counts its readings; each answers its number once `open`."""

    memory: Memory[str, int]
    readings: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    async def read(self, key: str) -> tuple[int, float]:
        self.readings += 1
        reading = self.readings
        await self.open.wait()
        if self.broken:
            raise OSError
        return reading, 5.0

    async def ask(self, key: str = "a") -> int:
        return await self.memory.get(key, self.read)


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


async def test_who_asks_while_it_is_read_waits_for_the_same_reading() -> None:
    source = Source(Memory(10))
    asking = [asyncio.create_task(source.ask()) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    source.open.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 19
    assert source.memory.peek("a") == await source.ask() == 1


async def test_an_answer_holds_for_its_seconds_counted_from_before_it_was_read() -> None:
    clock = Clock()
    source = Source(Memory(10, clock))
    asking = asyncio.create_task(source.ask())
    await asyncio.sleep(0)
    clock.at = 4.0
    source.open.set()
    assert await asking == await source.ask() == 1
    clock.at = 5.0
    assert source.memory.peek("a") is None
    assert await source.ask() == 2


@pytest.mark.parametrize("all_of_it", [False, True])
async def test_what_is_forgotten_while_it_is_read_is_read_anew_and_the_old_answer_not_kept(all_of_it: bool) -> None:
    source = Source(Memory(10))
    before = asyncio.create_task(source.ask())
    await asyncio.sleep(0)
    if all_of_it:
        source.memory.clear()
    else:
        source.memory.forget("a")
    after = asyncio.create_task(source.ask())
    await asyncio.sleep(0)
    source.open.set()
    assert list(await asyncio.gather(before, after)) == [1, 2]
    assert source.memory.peek("a") == 2


async def test_a_failure_is_told_to_who_waits_and_not_kept() -> None:
    source = Source(Memory(10), broken=True)
    source.open.set()
    answers = await asyncio.gather(*(source.ask() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in answers] == [OSError] * 3
    source.broken = False
    assert await source.ask() == 2


async def test_of_too_many_the_one_read_longest_ago_goes() -> None:
    source = Source(Memory(2))
    source.open.set()
    for key in ("a", "b", "c"):
        await source.ask(key)
    assert [source.memory.peek(key) for key in ("a", "b", "c")] == [None, 2, 3]
