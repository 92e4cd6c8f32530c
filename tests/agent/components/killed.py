"""An agent to be killed: `python -m tests.agent.components.killed FOLDER TASK-AS-JSON` prints a task and lives on."""

import asyncio
import json
import sys
from pathlib import Path

from tests.agent.components.bench import counter


async def main() -> None:
    """Until somebody kills it."""
    folder, task = Path(sys.argv[1]), json.loads(sys.argv[2])
    async with counter(folder, "doudian") as desk:
        desk.allow()
        async with desk.page("doudian") as page:
            await page.ask("print", task=task)
            sys.stdout.write("taken\n")
            sys.stdout.flush()
            await asyncio.sleep(600)


asyncio.run(main())
