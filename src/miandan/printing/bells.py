"""Bells (铃): whoever waits for sheets of an agent hears at once that this process has queued some.

A bell is a hint and nothing else: another process rings none, so whoever listens looks by itself from time to time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Bells:
    """One bell for each agent that somebody listens for."""

    def __init__(self) -> None:
        self._listening: dict[UUID, list[asyncio.Event]] = {}

    def ring(self, *agents: UUID) -> None:
        """There may be something to lease or to stop. After the commit, or nobody finds it."""
        for agent_id in agents:
            for event in self._listening.get(agent_id, ()):
                event.set()

    @contextmanager
    def listen(self, agent_id: UUID) -> Iterator[asyncio.Event]:
        """Set by every ring; whoever waits clears it before it looks."""
        event = asyncio.Event()
        self._listening.setdefault(agent_id, []).append(event)
        try:
            yield event
        finally:
            rest = self._listening[agent_id]
            rest.remove(event)
            if not rest:
                del self._listening[agent_id]
