"""What was read some seconds ago, by key: answered from memory while it holds, read once for all who ask at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """At most `most` answers; those read longest ago go first. One per event loop."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._asked: dict[Key, asyncio.Task[Value]] = {}

    def peek(self, key: Key) -> Value | None:
        """The answer where it is there: no waiting. None says nothing, ask `get`."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and self._clock() < kept[0] else None

    async def get(self, key: Key, read: Callable[[Key], Awaitable[tuple[Value, float]]]) -> Value:
        """`read` answers with the seconds that its answer holds; they count from before it was asked.

        Raises what `read` raises; a failure is told to who waits and not kept.
        """
        found = self.peek(key)
        if found is not None:
            return found
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._read(key, read, self._clock()))
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)  # a caller that goes away must not fail the others

    def forget(self, key: Key) -> None:
        """Read it anew the next time; what is being read at this moment counts for those who wait already alone."""
        self._kept.pop(key, None)
        self._asked.pop(key, None)

    def clear(self) -> None:
        """Forget every key."""
        self._kept.clear()
        self._asked.clear()

    async def _read(self, key: Key, read: Callable[[Key], Awaitable[tuple[Value, float]]], asked: float) -> Value:
        answer, seconds = await read(key)
        if self._asked.get(key) is asyncio.current_task():
            self._kept.pop(key, None)  # so that the order is that of reading
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = asked + seconds, answer
        return answer

    def _answered(self, key: Key, done: "asyncio.Task[Value]") -> None:
        if self._asked.get(key) is done:
            del self._asked[key]
        if not done.cancelled():
            done.exception()  # whoever waited has had it; nobody may have
