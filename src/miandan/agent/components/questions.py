"""Print again? (重复打印确认): what a page wants a second time within ten minutes is asked of the user, not guessed.

Shared with the command line and the local page through one file, like the origins. A question names the waybill number,
the page and the printer, never a person.
"""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from miandan.agent.folder import read_kept, write_kept
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.labels.locked import locked
from miandan.labels.whole_file import made_folder

Answer = Literal["", "print", "skip"]

MOST_OPEN: Final = 500
_LOOK_SECONDS: Final = 0.2
_NUMBER = re.compile(r"[A-Za-z0-9-]{6,40}", re.ASCII)
_MOBILE = re.compile(r"1\d{10}", re.ASCII)


class Question(Struct, frozen=True):
    """May this label be printed once more, as that copy?"""

    number: str  # of the waybill; empty where the page's text looks like none
    copy: int
    printer: str
    origin: str
    component: str
    at: float
    until: float
    answer: Answer = ""


class _Kept(Struct, frozen=True):
    questions: dict[str, Question] = {}


def shown_number(text: str) -> str:
    """A number as it may be written down: a page may have put a phone where a number belongs."""
    return text if _NUMBER.fullmatch(text) and not _MOBILE.fullmatch(text) else ""


class Questions:
    """The open questions of one agent."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "questions.json"
        self._lock = folder / "questions.lock"
        self._seen: tuple[int, int, int] | None = None
        self._kept = _Kept()

    def open(self) -> dict[str, Question]:
        """Those that nobody has answered and somebody waits for, oldest first."""
        return {name: one for name, one in self._now().questions.items() if not one.answer and one.until > time.time()}

    def answer(self, name: str, answer: Literal["print", "skip"]) -> None:
        """Raises agent.component_question_gone."""
        if name not in self.open():
            raise Refusal("agent.component_question_gone")
        self._change(lambda kept: kept | {name: replace(kept[name], answer=answer)})

    async def ask(self, question: Question) -> Answer:
        """Put a question and wait for its answer until its time is over; "" is none."""
        name = str(new_id())
        if len(self.open()) >= MOST_OPEN:
            return ""
        self._change(lambda kept: kept | {name: question})
        try:
            while time.time() < question.until:
                found = self._now().questions.get(name)
                if found is None or found.answer:
                    return "" if found is None else found.answer
                await asyncio.sleep(_LOOK_SECONDS)
            return ""
        finally:
            self._change(lambda kept: {key: one for key, one in kept.items() if key != name})

    def _change(self, change: Callable[[dict[str, Question]], dict[str, Question]]) -> None:
        made_folder(self._file.parent)
        with locked(self._lock):
            now = {key: one for key, one in self._now().questions.items() if one.until > time.time()}
            write_kept(self._file, _Kept(change(now)))
            self._now()

    def _now(self) -> _Kept:
        try:
            stat = self._file.stat()
        except OSError:
            return _Kept()
        seen = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if seen != self._seen:
            self._kept, self._seen = read_kept(self._file, _Kept) or _Kept(), seen
        return self._kept
