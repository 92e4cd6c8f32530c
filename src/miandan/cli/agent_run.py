"""What `miandan agent run` does: printers, the link to the server, components and the local page, until it ends.

Apart from the other commands: those that only look at a file or ask the running agent load none of this.
"""

import asyncio

from miandan.agent.components import components_of
from miandan.agent.folder import AgentSettings, Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.page.door import open_page
from miandan.agent.printers.opening import open_printers
from miandan.agent.program import Agent
from miandan.cli.session import say, shown, told_to_stop


def run() -> int:
    """Until somebody stops it; the exit code."""
    folder = Folder.from_environment()
    folder.make()
    paired = folder.paired()
    with folder.alone():
        return asyncio.run(_run(folder, paired))


async def _run(folder: Folder, paired: Paired) -> int:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # its words may hold a sheet's
    stop = told_to_stop()
    agent = Agent(folder, open_printers(folder), paired, agent_keys(folder.keys))
    await agent.start()
    say(
        f"打印端已启动：{shown(paired.name)}，{len(agent.benches)} 台打印机。Ctrl+C 停止。/ The print agent is running."
    )
    try:
        port = AgentSettings.from_environment().page_port
        async with components_of(agent, folder) as loopback, open_page(agent, port, loopback) as page_port:
            for listening in loopback.ports:
                say(f"  {listening.zh} / {listening.en}")
            if page_port:
                say(f"  本机页面 local page: miandan agent page（http://127.0.0.1:{page_port}/）")
            await stop.wait()
    finally:
        await agent.stop()
    say("打印端已停止；没打完的面单会再派发。/ Stopped; sheets that were not printed are given out again.")
    return 0
