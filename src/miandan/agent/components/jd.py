"""JD's protocol (京东打印组件): orderType and key instead of cmd and requestID, one answer for a whole request, texts
"true" and "false". What is not in public material is marked as our own reading in docs/agent-protocols.md.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from miandan.agent.components.desk import Desk, all_printed
from miandan.agent.components.ledger import State
from miandan.agent.components.line import Line
from miandan.agent.components.notices import EVIDENCE, message_of, words
from miandan.agent.components.passing import Passed, pass_on
from miandan.agent.components.previews import pictures_of
from miandan.agent.components.reading import (
    Content,
    Document,
    Task,
    custom_area,
    echoed,
    name_of,
    refuse_too_many,
    safe_name,
    said,
    text_of,
)
from miandan.agent.components.work import Work, steps
from miandan.kernel.errors import Refusal

OK: Final = "500"
BAD_DATA: Final = "502"
BAD_FORMAT: Final = "503"
_CODES: Final = {"PRINT": "2", "GET_Printers": "6", "PRE_View": "8", "PRE_View:multi": "8"}
_OTHER_CODE: Final = "0"
_FORMAT: Final = (
    "agent.component_frame_wrong",
    "agent.component_task_wrong",
    "agent.component_no_documents",
    "agent.component_command_unknown",
)


class Jd:
    """One component that speaks it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def refused(self, plain: Mapping[str, Any], why: Refusal) -> dict[str, Any]:
        """The answer to anything that is not done."""
        if "orderType" not in plain and "printData" in plain:
            return {"code": 500, "success": False, "message": words(why), "taskID": echoed(plain.get("taskID"))}
        status = BAD_FORMAT if why.code in _FORMAT else BAD_DATA
        return _answer(plain, status, words(why), {"errors": [{"seq": 0, "msg": words(why)}]})

    async def hear(self, plain: dict[str, Any], frame: str, line: Line) -> None:
        """Answer one request. Raises Refusal."""
        wanted = plain.get("orderType")
        if wanted is None and "printData" in plain:
            line.spawn(self._reprint(plain, line))
            return
        if wanted == "GET_Printers":
            await line.say(self._printers(plain, line))
        elif wanted == "GET_Version":
            version = self._desk.component.version
            await line.say(_answer(plain, OK, "", {"version": version}) | {"content": version})
        elif wanted == "PRINT":
            await self._print(plain, frame, line)
        elif wanted in ("PRE_View", "PRE_View:multi"):
            line.spawn(self._preview(plain, line))
        else:
            raise Refusal("agent.component_command_unknown", cmd=safe_name(wanted))

    def _printers(self, plain: Mapping[str, Any], line: Line) -> dict[str, Any]:
        names = [card.name for card in self._desk.printers(line.caller)]
        return _answer(plain, OK, "", {"printers": names}) | {"content": ",".join(names)}

    async def _print(self, plain: dict[str, Any], frame: str, line: Line) -> None:
        task = _task(plain, self._desk)
        relay = self._desk.relay() if task.is_foreign else None
        if relay is not None:
            line.spawn(pass_on(self._desk, relay, Passed(plain, frame, task), line, self))
            return
        await self.tell(plain, task, line, self._desk.works.start(self._desk.asked(task, line)))

    def only(self, plain: dict[str, Any], places: Sequence[int]) -> dict[str, Any]:
        """A request with the contents at these places alone."""
        given = plain["parameters"]
        return plain | {"parameters": given | {"contents": [given["contents"][place] for place in places]}}

    async def tell(self, plain: dict[str, Any], task: Task, line: Line, works: list[Work]) -> None:
        """The one answer, when all of it has ended."""

        async def follow() -> None:
            async for _ in steps(works):
                pass
            await line.say(_outcome(plain, works))

        line.spawn(follow())

    async def _preview(self, plain: dict[str, Any], line: Line) -> None:
        try:
            task = _task(plain, self._desk)
            opened = await self._desk.opened(task, line)
            pictures = await pictures_of(opened, self._desk.preview_printer(task, line))
        except Refusal as why:
            await line.say(self.refused(plain, why))
            return
        contents = [base64.b64encode(one).decode() for one in pictures]
        paths = self._desk.addresses(pictures, "png", line)
        several = plain.get("orderType") == "PRE_View:multi"
        shown = {"imgdata": contents if several else contents[0], "imgpath": paths if several else paths[0]}
        await line.say(_answer(plain, OK, "", {"total": f"{len(paths)}-{len(paths)}", **shown}))

    async def _reprint(self, plain: dict[str, Any], line: Line) -> None:
        """The shape of JD's own reprint page, answered by code 200."""
        try:
            task = _reprint_task(plain, self._desk)
            works = self._desk.works.start(self._desk.asked(task, line))
            async for _ in steps(works):
                pass
        except Refusal as why:
            await line.say(self.refused(plain, why))
            return
        whole = all_printed(works)
        messages = [message_of(work.last) for work in works if work.state is not State.PRINTED]
        await line.say(
            {
                "code": 200 if whole else 500,
                "success": whole,
                "message": "；".join(messages),
                "taskID": echoed(plain.get("taskID")),
            }
        )


def _answer(plain: Mapping[str, Any], status: str, message: str, detail: dict[str, Any]) -> dict[str, Any]:
    """Version 1 has no details; what they say of an error stands in the message there too."""
    answer: dict[str, Any] = {
        "code": _CODES.get(str(plain.get("orderType")), _OTHER_CODE),
        "success": "true" if status == OK else "false",
        "message": message,
        "status": status,
        "key": echoed(plain.get("key", "")),
        "content": "",
    }
    return answer if str(plain.get("version", "2")) == "1" else answer | {"detailinfo": detail}


def _outcome(plain: Mapping[str, Any], works: list[Work]) -> dict[str, Any]:
    done = [work for work in works if work.state is State.PRINTED]
    detail = [
        {"seq": place, "msg": EVIDENCE[work.last.evidence], "evidence": str(work.last.evidence)}
        for place, work in enumerate(works, 1)
        if work.state is State.PRINTED
    ]
    errors = [
        {"seq": place, "msg": message_of(work.last)}
        for place, work in enumerate(works, 1)
        if work.state is not State.PRINTED
    ]
    details = {"total": f"{len(done)}-{len(works)}", "detail": detail, "errors": errors}
    return _answer(plain, BAD_DATA if errors else OK, "；".join(str(one["msg"]) for one in errors), details)


# --- reading ----------------------------------------------------------------------------------------------------------


def _task(plain: Mapping[str, Any], desk: Desk) -> Task:
    """A request's contents as a task named by its key. Raises agent.component_task_wrong,
    agent.component_no_documents, agent.component_too_many_documents."""
    given = plain.get("parameters")
    if not isinstance(given, dict):
        raise Refusal("agent.component_task_wrong", where="parameters")
    contents = given.get("contents")
    if not contents:
        raise Refusal("agent.component_no_documents")
    if not isinstance(contents, list) or not all(isinstance(one, dict) for one in contents):
        raise Refusal("agent.component_task_wrong", where="parameters.contents")
    refuse_too_many(contents, desk.component)
    printer = given.get("printName", given.get("printerName", ""))
    documents = tuple(_document(one, place) for place, one in enumerate(contents, 1))
    key = echoed(plain.get("key", ""))
    return Task(name_of(key, "key"), key, documents, printer if isinstance(printer, str) else "")


def _document(one: dict[str, Any], place: int) -> Document:
    """`printData` is one sealed text of ours or of JD's, or plain data; it is named by its place in the request."""
    where = f"parameters.contents[{place - 1}]"
    data = one.get("printData")
    sealed = isinstance(data, str) and not data.lstrip().startswith("{")
    first = Content(
        encrypted=data if isinstance(data, str) and sealed else "",
        signature=text_of(one, "signature", where),
        params=text_of(one, "params", where),
        template_url=text_of(one, "tempUrl", where),
        data=None if sealed else data,
        add=one["addData"] if isinstance(one.get("addData"), dict) else {},
    )
    return Document(str(place), (first, *custom_area(one, where)), 1, said([one]))


def _reprint_task(plain: Mapping[str, Any], desk: Desk) -> Task:
    rows = plain.get("printData")
    if not isinstance(rows, list) or not rows or not all(isinstance(one, dict) for one in rows):
        raise Refusal("agent.component_task_wrong", where="printData")
    refuse_too_many(rows, desk.component)
    outputs = plain.get("outputConfig")
    first = outputs[0] if isinstance(outputs, list) and outputs and isinstance(outputs[0], dict) else {}
    documents = tuple(
        Document(str(place), (Content(data=one.get("customizedPrintData")),), 1, said([one]))
        for place, one in enumerate(rows, 1)
    )
    task_id = echoed(plain.get("taskID", "")) or f"reprint-{time.time_ns()}"
    printer = first.get("printerName", "")
    return Task(name_of(task_id, "taskID"), task_id, documents, printer if isinstance(printer, str) else "")
