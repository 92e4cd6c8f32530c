"""A task that only the platform's own component can decrypt on its way there and back: the same ledger, the same
questions, the other component's own words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from miandan.agent.components.desk import Desk
from miandan.agent.components.ledger import State
from miandan.agent.components.line import Line
from miandan.agent.components.reading import Task
from miandan.agent.components.relay import LAST_SECONDS, LONGEST_SECONDS, Relay, have_ended, note
from miandan.agent.components.work import Work
from miandan.agent.components.works import Asked, Fresh
from miandan.kernel.errors import Refusal


@dataclass(frozen=True, slots=True)
class Passed:
    """A request as it came."""

    plain: dict[str, Any] = field(repr=False)
    frame: str = field(repr=False)
    task: Task


class Speech(Protocol):
    """What passing on needs of a protocol."""

    def refused(self, plain: dict[str, Any], why: Refusal) -> dict[str, Any]: ...

    async def tell(self, plain: dict[str, Any], task: Task, line: Line, works: list[Work]) -> None: ...

    def only(self, plain: dict[str, Any], places: Sequence[int]) -> dict[str, Any]:
        """A print request with the documents at these places alone."""


async def pass_on(desk: Desk, relay: Relay, passed: Passed, line: Line, speech: Speech) -> None:
    """Pass a task or a preview on and its answers back; what is known already is answered from here."""
    try:
        if passed.task.preview:
            async for said in relay.talk(passed.frame, line.caller.origin):
                await line.pass_on(said)
            return
        await _task(desk, relay, passed, line, speech)
    except Refusal as why:
        await line.say(speech.refused(passed.plain, why))


async def _task(desk: Desk, relay: Relay, passed: Passed, line: Line, speech: Speech) -> None:
    task = passed.task
    if line.caller.printers and task.printer not in line.caller.printers:
        raise Refusal("agent.component_printer_unknown", known="、".join(line.caller.printers))
    asked = Asked(
        line.caller, desk.component, desk.options, task, task.printer, answer_seconds=desk.settings.answer_seconds
    )
    works, fresh = desk.works.admit(asked)
    if not fresh:
        await speech.tell(passed.plain, task, line, works)
        return
    new = [one.work for one in fresh]
    await desk.works.take_foreign(asked, fresh)
    broke_off = False
    try:
        frame = _frame(passed, fresh, speech)
        said_by_it = relay.talk(frame, line.caller.origin, lambda: LAST_SECONDS if have_ended(new) else LONGEST_SECONDS)
        async for said in said_by_it:
            if note(said, new):
                desk.works.end_foreign(new)
            await line.pass_on(said)  # behind the note: whoever hears that it has failed may send it again at once
        broke_off = not have_ended(new)
    except Refusal as why:
        for work in new:
            work.tell(State.FAILED, why=why)
        raise
    finally:
        desk.works.end_foreign(new)
    if broke_off:  # the page is not left to wait for a word that does not come
        await speech.tell(passed.plain, task, line, works)


def _frame(passed: Passed, fresh: Sequence[Fresh], speech: Speech) -> str:
    """The request as it came, without the documents that were printed before."""
    if len(fresh) == len(passed.task.documents):
        return passed.frame
    wanted = {one.document.document_id for one in fresh}
    places = [place for place, one in enumerate(passed.task.documents) if one.document_id in wanted]
    return json.dumps(speech.only(passed.plain, places), ensure_ascii=False)
