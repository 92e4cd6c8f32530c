"""The whole agent: journal, link and component, and one printer. As a program it waits to be killed:
`python -m tests.agent.components.whole FOLDER PAPER` says the port of its component."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from miandan.agent.components import components_of
from miandan.agent.components.profiles import settings_of
from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import Loaded, MediaType
from miandan.agent.program import Agent
from miandan.labels.printers.profiles import profile
from tests.agent.components.bench import Counter

SETTINGS: Final[dict[str, Any]] = {
    "components": ["doudian"],
    "component": {"doudian": {"ports": [0], "secure_ports": [], "duplicates": "copy"}},
}


@asynccontextmanager
async def program(home: Folder, out: Path, paired: Paired) -> AsyncIterator[Counter]:
    """With its link to the server, until the block ends."""
    printer = FolderPrinter("一号", profile("zpl-203"), Loaded(76_000, 130_000), out, MediaType.PNG)
    agent = Agent(home, [printer], paired, agent_keys(home.keys))
    await agent.start()
    try:
        async with components_of(agent, home, settings_of(SETTINGS)) as opened:
            desk = Counter(agent, opened, out)
            desk.allow()
            yield desk
    finally:
        await agent.stop()


async def _main() -> None:
    home = Folder(Path(sys.argv[1]))
    async with program(home, Path(sys.argv[2]), home.paired()) as desk:
        sys.stdout.write(f"{desk.port('doudian')}\n")
        sys.stdout.flush()
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(_main())
