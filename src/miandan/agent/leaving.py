"""Ending a pairing (解除配对) from the agent's side: everything is told first, then the server gives nothing more."""

import asyncio
from dataclasses import replace
from typing import Final

from websockets.exceptions import WebSocketException

from miandan.agent.data_sheets import told_as
from miandan.agent.folder import Folder, Paired
from miandan.agent.journal import SERVER, after_a_kill, open_journal
from miandan.agent.keys import agent_keys
from miandan.agent.link import connected, greet
from miandan.agent.orders import report
from miandan.labels.agent_link import (
    DataSheet,
    Holding,
    Leave,
    NotTaken,
    Refused,
    Report,
    Settled,
    frame,
    read_as_agent,
)

SECONDS: Final = 15.0
UNPAIRED: Final = "printing.agent_unpaired"
_AT_ONCE: Final = 1_000  # sheets of a frame


async def leave(folder: Folder, paired: Paired) -> bool:
    """Whether the server knows that this agent is gone; False when it was not reached, then it has to be told there.

    The agent must not run. Raises agent.file_damaged, agent.journal_unusable.
    """
    keys, (reports, data_sheets) = agent_keys(folder.keys), await _reports(folder)
    try:
        async with asyncio.timeout(SECONDS), connected(paired) as socket:
            refused = await greet(socket, paired, keys, "")
            if refused is not None:
                return refused.code in (UNPAIRED, "printing.agent_unknown")
            holding = Holding(tuple(report.sheet_id for report in reports))
            await socket.send(frame([holding, *reports]))
            for start in range(0, len(data_sheets), _AT_ONCE):
                await socket.send(frame(data_sheets[start : start + _AT_ONCE]))
            told: list[Report | DataSheet] = [*reports, *data_sheets]
            waiting = {one.sheet_id: one.outcome for one in told}
            left = False
            while True:
                if not waiting and not left:
                    await socket.send(frame([Leave()]))
                    left = True
                for message in read_as_agent(await socket.recv()):
                    if isinstance(message, Settled) and waiting.get(message.sheet_id) is message.outcome:
                        del waiting[message.sheet_id]
                    elif isinstance(message, NotTaken):
                        waiting.pop(message.sheet_id, None)
                    elif isinstance(message, Refused):
                        return message.code == UNPAIRED
    except (OSError, TimeoutError, WebSocketException, ValueError):
        return False


async def _reports(folder: Folder) -> tuple[list[Report], list[DataSheet]]:
    """What is true of the sheets that are open in the journal: the server's, and those of its print data."""
    journal = open_journal(folder.journal)
    open_now = [replace(entry, ended=after_a_kill(entry)) for entry in journal.open_sheets]
    await journal.close()
    reports = [
        report(entry.slip, entry.ended) for entry in open_now if entry.slip.source == SERVER and entry.ended is not None
    ]
    return reports, [told for entry in open_now if (told := told_as(entry)) is not None]
