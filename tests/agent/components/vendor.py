"""The platform's own component as far as a relay sees it: takes what only it can open, and tells of it in its way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve


@dataclass(slots=True)
class Vendor:
    """`ends` is how its tasks end: printed, failed, "gone" for a connection that breaks in the middle, "mute" for one
    that breaks before any word, "each" for what is told of each document first and of the whole task last."""

    port: int = 0
    ends: str = "printed"
    heard: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)

    async def serve(self, line: ServerConnection) -> None:
        assert line.request is not None
        self.origins.append(line.request.headers.get("Origin", ""))
        async for frame in line:
            assert isinstance(frame, str)
            self.heard.append(frame)
            plain = json.loads(frame)
            if self.ends == "mute":
                await line.close()
                return
            if "orderType" in plain:
                await self._say(line, {"code": "2", "success": "true", "status": "500", "key": plain["key"]})
                continue
            await self._task(line, plain, plain.get("task") or plain)

    async def _task(self, line: ServerConnection, plain: dict[str, Any], task: dict[str, Any]) -> None:
        await self._say(
            line, {"cmd": "print", "requestID": plain["requestID"], "taskID": task["taskID"], "vendor": True}
        )
        if self.ends == "gone":
            await line.close()
            return
        if self.ends == "each":
            await self._each(line, task)
            return
        for status in ("rendered", self.ends):
            await asyncio.sleep(0.01)
            state = "failed" if status == "failed" else "success"
            rows = [{"documentID": one["documentID"], "status": state} for one in task["documents"]]
            notice = {"cmd": "notifyPrintResult", "taskID": task["taskID"], "taskStatus": status, "printStatus": rows}
            await self._say(line, notice | {"vendor": True})

    async def _each(self, line: ServerConnection, task: dict[str, Any]) -> None:
        """As component 1.5 does."""
        about = {"taskId": task["taskID"], "taskID": task["taskID"], "vendor": True}
        for one in task["documents"]:
            notice = {"cmd": "notifyDocResult", "documentId": one["documentID"], "status": "printed", "code": 0}
            await self._say(line, notice | about)
        await asyncio.sleep(0.05)
        await self._say(line, {"cmd": "notifyPrintResult", "taskStatus": "printed", "printStatus": []} | about)
        await self._say(line, {"cmd": "notifyTaskResult", "status": "completeSuccess", "docs": {}} | about)

    async def _say(self, line: ServerConnection, message: dict[str, Any]) -> None:
        await line.send(json.dumps(message))


@asynccontextmanager
async def vendor(ends: str = "printed") -> AsyncIterator[Vendor]:
    """One that listens until the block ends."""
    found = Vendor(ends=ends)
    async with serve(found.serve, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found
