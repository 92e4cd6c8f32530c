"""What every command that works on data opens, and how a command runs to its exit code."""

import asyncio
import logging
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from miandan.kernel.database import Database, open_database
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained
from miandan.kernel.settings import Settings
from miandan.vault.root import is_sandbox

NOTHING_DONE = 1
SOME_REFUSED = 2
INTERRUPTED = 130

_LONGEST_LINE = 2_000  # characters; what we say ourselves is shorter
_LONGEST_WORD = 80
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, and those that change the direction of what follows."""
_SPACE, _DELETE = 0x20, 0x7F
_PICTURES = 0x2400  # ␀, and those of the other control characters after it
_PICTURE_OF_DELETE = "␡"


@dataclass(frozen=True, slots=True)
class Session:
    """An open database with what the environment says of it."""

    settings: Settings
    db: Database
    sandbox: bool


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """The database of the environment. A data folder that `miandan demo` made stays a sandbox."""
    settings = Settings.from_environment()
    sandbox = is_sandbox(settings)
    async with open_database(settings) as db:
        yield Session(settings, db, sandbox)


def run(
    command: Callable[[], Coroutine[Any, Any, int]],
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run a command to its exit code. A failure becomes words, an interruption a promise that can be kept."""
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            code = runner.run(_quietly(command))
    except Exception as error:
        complain(explained(error))
        code = NOTHING_DONE
    except KeyboardInterrupt:
        say("已中断。再次运行同样的命令会接着做，不会重复取号。/ Interrupted. Run it again to finish the rest.")
        code = INTERRUPTED
    sys.exit(code)


async def _quietly(command: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Whatever fails beside the command itself, asyncio and asyncpg would print with its words; see failures.py."""
    logging.getLogger("asyncpg").addHandler(logging.NullHandler())
    logging.getLogger("asyncpg").propagate = False
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    return await command()


def told_to_stop() -> asyncio.Event:
    """Set by Ctrl+C or SIGTERM, for what runs until then."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl+C ends the loop itself
            loop.add_signal_handler(one, stop.set)
    return stop


def say(line: str) -> None:
    """A line for the person at the keyboard; standard output stays for results. Nobody may be listening: the job
    goes on all the same."""
    text = line.lstrip("\n")
    space = "\n" * (len(line) - len(text))
    with suppress(OSError, ValueError, AttributeError):  # closed, full, or no stream at all
        sys.stderr.write(f"{space}{shown(text, _LONGEST_LINE)}\n")
        sys.stderr.flush()


def shown(text: str, longest: int = _LONGEST_WORD) -> str:
    """A text of data or of a file as a terminal may have it: nothing in it moves, colours or turns what stands around,
    and it comes to an end."""
    return UNSEEN.sub(_seen, text if len(text) <= longest else f"{text[:longest]}…")


def _seen(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < _SPACE:
        return chr(_PICTURES + code)
    return _PICTURE_OF_DELETE if code == _DELETE else "\ufffd"


def complain(refusal: Refusal) -> None:
    """What is wrong and what to do, in both languages."""
    say(f"✗ {refusal.zh}{refusal.next_zh}")
    say(f"  {refusal.en} {refusal.next_en} [{refusal.code}]")
