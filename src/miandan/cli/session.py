"""What every command that works on data opens: settings, database, vault, counter; and how a refusal is shown."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from miandan.kernel.database import Database, open_database
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

NOTHING_DONE = 1
SOME_REFUSED = 2
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Session:
    """An open database with what the environment says of it."""

    settings: Settings
    db: Database
    sandbox: bool


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """The database of the environment. A data folder that `miandan demo` made stays a sandbox."""
    from miandan.vault.root import SANDBOX_PASSPHRASE_FILE

    settings = Settings.from_environment()
    sandbox = settings.sandbox or (not settings.passphrase and (settings.data / SANDBOX_PASSPHRASE_FILE).exists())
    async with open_database(settings) as db:
        yield Session(settings, db, sandbox)


def run(command: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Run a command to its exit code. A refusal becomes words, an interruption a promise that can be kept."""
    try:
        code = asyncio.run(command())
    except Refusal as refusal:
        complain(refusal)
        code = NOTHING_DONE
    except KeyboardInterrupt:
        say("已中断。再次运行同样的命令会接着做，不会重复取号。/ Interrupted. Run it again to finish the rest.")
        code = INTERRUPTED
    sys.exit(code)


def say(line: str) -> None:
    """A line for the person at the keyboard; standard output stays for results."""
    sys.stderr.write(line + "\n")


def complain(refusal: Refusal) -> None:
    """What is wrong and what to do, in both languages."""
    say(f"✗ {refusal.zh}{refusal.next_zh}")
    say(f"  {refusal.en} {refusal.next_en} [{refusal.code}]")
