"""A real Chromium that a test leads by hand over its debugging pipe; Chinese is drawn with the font of our labels."""

import asyncio
import base64
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FONTS: Final = Path(__file__).parents[2] / "src" / "miandan" / "labels" / "font_files"
_LONGEST_MESSAGE: Final = 2**26
_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_FONT_LIST: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"""


class LeftError(Exception):
    """A page was asked that was being left."""


@dataclass(slots=True)
class Tab:
    """One tab. What the page complains about, such as a rule of its CSP that was broken, gathers in `complaints`."""

    reader: asyncio.StreamReader
    writer: int
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    _number: int = 0

    async def tell(self, method: str, **params: object) -> dict[str, Any]:
        """A command of the DevTools protocol and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            heard = json.loads((await asyncio.wait_for(self.reader.readuntil(b"\0"), 60))[:-1])
            if heard.get("method") == "Log.entryAdded":
                self.complaints.append(heard["params"]["entry"]["text"])
            if heard.get("id") == self._number:
                if "navigated or closed" in str(heard.get("error")):
                    raise LeftError
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result

    async def see(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = await self.tell("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def size(self, width: int, height: int) -> None:
        await self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 500 else 1,
            mobile=width < 500,
        )

    async def go(self, url: str, arrived: str) -> None:
        """Open an address and wait until an expression holds there."""
        await self.tell("Page.navigate", url=url)
        await self.until(arrived)

    async def until(self, expression: str) -> None:
        for _ in range(1200):
            with suppress(LeftError):
                if await self.see(f"document.readyState === 'complete' && Boolean({expression})"):
                    return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never: {expression} at {await self.see('location.href')}: {self.complaints}")

    async def picture(self) -> bytes:
        """The whole page as PNG, however long."""
        shot = await self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Tab]:
    """A browser with an empty profile below `folder`, until the block ends."""
    assert PROGRAM is not None
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONT_LIST.format(fonts=FONTS, cache=folder / "font-cache"), encoding="utf-8")
    from_us, to_browser = os.pipe()
    to_us, from_browser = os.pipe()
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        f'exec "$@" 3<&{from_us} 4>&{from_browser}',
        "browser",
        PROGRAM,
        *_FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(from_us, from_browser),
        env=os.environ | {"FONTCONFIG_FILE": str(fonts)},
        start_new_session=True,
    )
    os.close(from_us)
    os.close(from_browser)
    reader = asyncio.StreamReader(limit=_LONGEST_MESSAGE)
    pipe = os.fdopen(to_us, "rb", 0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        yield await _new_tab(Tab(reader, to_browser))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        transport.close()
        os.close(to_browser)


async def _new_tab(tab: Tab) -> Tab:
    target = await tab.tell("Target.createTarget", url="about:blank")
    attached = await tab.tell("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    tab.session = attached["sessionId"]
    for domain in ("Page", "Runtime", "Log"):
        await tab.tell(f"{domain}.enable")
    return tab
