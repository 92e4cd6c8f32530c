"""Ending a pairing (解除配对) from the agent's side: everything is told first, then the server gives nothing more."""

import asyncio
from typing import Final

from websockets.exceptions import WebSocketException

from miandan.agent.folder import Folder, Paired
from miandan.agent.journal import SERVER, after_a_kill, open_journal
from miandan.agent.keys import agent_keys
from miandan.agent.link import connected, greet
from miandan.agent.orders import report
from miandan.labels.agent_link import Holding, Leave, Refused, Report, Settled, frame, read_as_agent

SECONDS: Final = 15.0
UNPAIRED: Final = "printing.agent_unpaired"


async def leave(folder: Folder, paired: Paired) -> bool:
    """Whether the server knows that this agent is gone; False when it was not reached, then it has to be told there.

    The agent must not run. Raises agent.file_damaged, agent.journal_unusable.
    """
    keys, reports = agent_keys(folder.keys), await _reports(folder)
    try:
        async with asyncio.timeout(SECONDS), connected(paired) as socket:
            refused = await greet(socket, paired, keys, "")
            if refused is not None:
                return refused.code in (UNPAIRED, "printing.agent_unknown")
            holding = Holding(tuple(report.sheet_id for report in reports))
            await socket.send(frame([holding, *reports]))
            waiting = {(report.sheet_id, report.outcome) for report in reports}
            left = False
            while True:
                if not waiting and not left:
                    await socket.send(frame([Leave()]))
                    left = True
                for message in read_as_agent(await socket.recv()):
                    if isinstance(message, Settled):
                        waiting.discard((message.sheet_id, message.outcome))
                    elif isinstance(message, Refused):
                        return message.code == UNPAIRED
    except (OSError, TimeoutError, WebSocketException, ValueError):
        return False


async def _reports(folder: Folder) -> list[Report]:
    """What is true of the server's sheets that are open in the journal."""
    journal = open_journal(folder.journal)
    open_now = [entry for entry in journal.open_sheets if entry.slip.source == SERVER]
    await journal.close()
    return [report(entry.slip, after_a_kill(entry)) for entry in open_now]
