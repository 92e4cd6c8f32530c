"""What only a platform's own component can decrypt is passed on to it (转交官方组件), as it came, on this machine only.

Its answers go back as they are; what they say of the fate of a document is noted, so that the same is not passed on
twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from miandan.agent.components.ledger import State
from miandan.agent.components.work import Work
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence

LONGEST_SECONDS: Final = 900
LAST_SECONDS: Final = 2.0
"""How long the other side is heard once every document has ended: some protocols tell of the whole task after that."""

_OPEN_SECONDS: Final = 3.0
_MOST_FRAME: Final = 16_000_000
_ENDS: Final = {"printed": State.PRINTED, "failed": State.FAILED, "success": State.PRINTED, "canceled": State.CANCELED}


@dataclass(frozen=True, slots=True)
class Relay:
    """The way to one component. `port` is another one than ours."""

    port: int
    path: str = "/"

    async def talk(
        self, frame: str, origin: str, patience: Callable[[], float] = lambda: LONGEST_SECONDS
    ) -> AsyncIterator[str]:
        """Say one thing and hear what follows, until the other side ends or is silent for so many seconds.

        Raises agent.component_vendor_silent.
        """
        url = f"ws://127.0.0.1:{self.port}{self.path}"
        try:
            connection = await connect(
                url,
                open_timeout=_OPEN_SECONDS,
                max_size=_MOST_FRAME,
                ping_interval=None,
                compression=None,
                proxy=None,
                additional_headers={"Origin": origin} if origin else None,
            )
        except (OSError, InvalidHandshake, TimeoutError, EOFError):
            raise Refusal("agent.component_vendor_silent", port=self.port) from None
        async with connection:
            with suppress(ConnectionClosed):  # it may have got it; what it had said before is heard
                await connection.send(frame)
            while True:
                try:
                    said = await asyncio.wait_for(connection.recv(), patience())
                except (TimeoutError, ConnectionClosed):
                    return
                yield said if isinstance(said, str) else said.decode("utf-8", "replace")


def note(frame: str, works: Sequence[Work]) -> bool:
    """Write down what a frame of the other component says of these documents; True when all of them have ended.

    What it printed is "sent only" for us: it is its word, and we have seen no paper.
    """
    try:
        plain = json.loads(frame)
    except (ValueError, RecursionError):
        return False
    if not isinstance(plain, dict):
        return False
    if plain.get("cmd") == "print" and plain.get("status") == "failed":
        _all(works, State.FAILED)
    elif "taskStatus" in plain and plain["taskStatus"] != "rendered":
        _of_task(plain, works)
    elif plain.get("cmd") == "notifyTaskResult" and str(plain.get("status", "")).startswith("complete"):
        _all(works, State.PRINTED if plain["status"] == "completeSuccess" else State.FAILED)
    elif plain.get("cmd") == "notifyDocResult" and plain.get("status") in _ENDS:
        _one(works, str(plain.get("documentId")), _ENDS[plain["status"]])
    elif "orderType" not in plain and plain.get("code") == "2":  # JD's one answer
        _all(works, State.PRINTED if str(plain.get("success")).lower() == "true" else State.FAILED)
    return have_ended(works)


def have_ended(works: Sequence[Work]) -> bool:
    return all(work.last.state.has_ended for work in works)


def _of_task(plain: dict[str, Any], works: Sequence[Work]) -> None:
    rows = plain.get("printStatus")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("status") in _ENDS:
            _one(works, str(row.get("documentID", row.get("documentId"))), _ENDS[row["status"]])
    state = _ENDS.get(str(plain["taskStatus"]))
    if state is not None:
        _all(works, state)


def _one(works: Sequence[Work], document_id: str, state: State) -> None:
    _all([work for work in works if work.document_id == document_id], state)


def _all(works: Sequence[Work], state: State) -> None:
    for work in works:
        if state is State.PRINTED:
            work.tell(state, Evidence.SENT_ONLY)
        else:
            work.tell(state, why=Refusal("agent.component_vendor_failed"))
