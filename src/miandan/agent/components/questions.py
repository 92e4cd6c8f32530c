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

from miandan.agent.components.shared_file import SharedFile
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id

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
        self._file = SharedFile(folder / "questions.json", _Kept)

    def open(self) -> dict[str, Question]:
        """Those that nobody has answered and somebody waits for, oldest first."""
        return _open(self._file.now().questions)

    def answer(self, name: str, answer: Literal["print", "skip"]) -> None:
        """The first answer counts. Raises agent.component_question_gone."""

        def answered(kept: dict[str, Question]) -> dict[str, Question]:
            if name not in _open(kept):
                raise Refusal("agent.component_question_gone")
            return kept | {name: replace(kept[name], answer=answer)}

        self._change(answered)

    async def ask(self, question: Question) -> Answer:
        """Put a question and wait for its answer until its time is over; "" is none."""
        name = str(new_id())
        if len(self.open()) >= MOST_OPEN:
            return ""
        self._change(lambda kept: kept | {name: question})
        try:
            while time.time() < question.until:
                found = self._file.now().questions.get(name)
                if found is None or found.answer:
                    return "" if found is None else found.answer
                await asyncio.sleep(_LOOK_SECONDS)
            return ""
        finally:
            self._change(lambda kept: {key: one for key, one in kept.items() if key != name})

    def _change(self, change: Callable[[dict[str, Question]], dict[str, Question]]) -> None:
        def changed(kept: _Kept) -> _Kept:
            return _Kept(change({key: one for key, one in kept.questions.items() if one.until > time.time()}))

        self._file.change(changed)


def _open(questions: dict[str, Question]) -> dict[str, Question]:
    return {name: one for name, one in questions.items() if not one.answer and one.until > time.time()}
