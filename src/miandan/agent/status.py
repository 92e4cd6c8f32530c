"""What can be seen of a running agent: a small file that it keeps writing, and questions that commands put beside it.

Both are files of the data folder, so that nothing has to listen for them. Nobody's name is in them.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from miandan.agent.folder import Folder, empty, read_kept, write_kept
from miandan.agent.printers.model import State
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id

ANSWER_SECONDS: Final = 60.0
"""How long a command waits for the running agent."""

LOOK_SECONDS: Final = 0.25
"""How often the agent looks for questions, and writes down what has changed."""

GO_ON: Final = "go"
"""Asked of a printer that stands still, in the place of a page."""

WENT_ON: Final = "went_on"
STOOD_NOT: Final = "stood_not"

_STALE_SECONDS: Final = 120.0
_QUESTION, _ANSWER = ".ask.json", ".answer.json"


class PrinterStatus(Struct, frozen=True):
    """A printer now. Counts are those since the agent started."""

    name: str
    driver: str
    profile: str
    state: State
    detail: str = ""
    waiting: int = 0
    printed: int = 0
    failed: int = 0
    doubtful: int = 0


class LinkShown(Struct, frozen=True):
    """How it stands with the server."""

    state: str
    since: str
    reason: str = ""
    zh: str = ""
    en: str = ""


class AgentStatus(Struct, frozen=True):
    """What the agent says of itself."""

    pid: int
    started_at: str
    written_at: str
    server: str
    agent_id: str
    name: str
    link: LinkShown
    open_sheets: int
    trouble: str
    printers: list[PrinterStatus]
    errors: list[str]
    trouble_zh: str = ""
    trouble_en: str = ""
    to_check: int = 0
    """Sheets that failed or are in doubt, and nobody has said that they are settled."""


def read_status(folder: Folder) -> AgentStatus:
    """What the running agent wrote last. Raises agent.not_running."""
    found = read_kept(folder.status, AgentStatus) if folder.is_running() else None
    if found is None:
        raise Refusal("agent.not_running")
    return found


class Question(Struct, frozen=True):
    """Print a page of this kind on this printer, or GO_ON."""

    printer: str
    kind: str


class Answer(Struct, frozen=True):
    """How it ended, WENT_ON or STOOD_NOT; `code` and the words are of what stood in the way."""

    outcome: str
    evidence: str = ""
    code: str = ""
    zh: str = ""
    en: str = ""


def ask(folder: Folder, question: Question, seconds: float = ANSWER_SECONDS) -> Answer:
    """Let the running agent do something. Raises agent.no_answer."""
    folder.asks.mkdir(exist_ok=True)
    name = str(new_id())
    asked, answered = folder.asks / f"{name}{_QUESTION}", folder.asks / f"{name}{_ANSWER}"
    write_kept(asked, question)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            answer = read_kept(answered, Answer)
            if answer is not None:
                return answer
            time.sleep(LOOK_SECONDS / 2)
    finally:
        asked.unlink(missing_ok=True)
        answered.unlink(missing_ok=True)
    raise Refusal("agent.no_answer", seconds=round(seconds))


def questions(folder: Folder) -> Iterator[tuple[Path, Question]]:
    """What commands have asked, each with where its answer belongs; a question is read once, an old one never."""
    with suppress(OSError):
        for file in sorted(folder.asks.glob(f"*{_QUESTION}")):
            fresh = time.time() - file.stat().st_mtime < _STALE_SECONDS
            question = None
            with suppress(Refusal):
                question = read_kept(file, Question)
            if question is None and fresh:
                continue  # being written
            file.unlink(missing_ok=True)
            if fresh and question is not None:
                yield file.with_name(file.name.removesuffix(_QUESTION) + _ANSWER), question


def clear_questions(folder: Folder) -> None:
    """What nobody waits for any more."""
    empty(folder.asks)


async def answer_to(path: Path, answering: Awaitable[Answer]) -> None:
    """Put an answer where the command that asked waits for it."""
    answer = await answering
    with suppress(OSError, Refusal):
        write_kept(path, answer)


async def write_status(folder: Folder, status: AgentStatus) -> None:
    """Put it where commands read it. A disk that is full stops nothing, and is what they want to read of most."""
    try:
        await asyncio.to_thread(_replace, folder.status, msgspec.json.encode(status))
    except OSError:
        short = msgspec.structs.replace(status, errors=status.errors[-1:])
        with suppress(OSError):
            await asyncio.to_thread(_overwrite, folder.status, msgspec.json.encode(short))


def _replace(path: Path, content: bytes) -> None:
    """Not brought to the disk: after a power cut nobody wants to know it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _overwrite(path: Path, content: bytes) -> None:
    """In the room that the file has, where the disk gives none."""
    with path.open("r+b", buffering=0) as file:
        file.write(content.ljust(os.fstat(file.fileno()).st_size))
