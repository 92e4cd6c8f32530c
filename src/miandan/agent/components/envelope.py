"""The protocol with an envelope (cmd, requestID): Cainiao's, and those of Doudian, Pinduoduo and Kuaishou after it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from miandan.agent.components.desk import Desk
from miandan.agent.components.line import Line
from miandan.agent.components.notices import Teller, document_status, number_of, words
from miandan.agent.components.passing import Passed, pass_on
from miandan.agent.components.reading import Task, echoed, read_task, safe_name, task_of
from miandan.agent.components.work import Work
from miandan.kernel.errors import Refusal

_MOST_ASKED: Final = 500
_Answer = Callable[[dict[str, Any], Line], Awaitable[dict[str, Any]]]


class Envelope:
    """One component that speaks it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._component = desk.component
        self._commands: Mapping[str, _Answer] = {
            "getPrinters": self._printers,
            "getPrinterConfig": self._printer_config,
            "setPrinterConfig": self._set_printer_config,
            "printerConfig": self._open_settings,
            "getTaskStatus": self._task_status,
            "getDocumentStatus": self._document_status,
            "getGlobalConfig": self._global_config,
            "setGlobalConfig": self._set_global_config,
            "getAgentInfo": self._agent_info,
        }

    def refused(self, plain: Mapping[str, Any], why: Refusal) -> dict[str, Any]:
        """The answer to anything that is not done."""
        answer = _head(plain) | {"status": "failed", "msg": words(why), "errorCode": number_of(why)}
        task = plain.get("task") if isinstance(plain.get("task"), dict) else plain
        if plain.get("cmd") == "print" and isinstance(task, dict):
            answer |= _task_names(echoed(task.get("taskID", task.get("taskId", ""))))
        return answer

    async def hear(self, plain: dict[str, Any], frame: str, line: Line) -> None:
        """Answer one command. Raises Refusal."""
        if isinstance(given := plain.get("requestID"), list | dict) and echoed(given) != given:  # too large to echo
            raise Refusal("agent.component_task_wrong", where="requestID")
        command = plain.get("cmd")
        if command == "print":
            await self._print(plain, frame, line)
            return
        answer = self._commands.get(command) if isinstance(command, str) else None
        if answer is None:
            raise Refusal("agent.component_command_unknown", cmd=safe_name(command))
        await line.say(_done(plain) | await answer(plain, line))

    # --- printers and settings ----------------------------------------------------------------------------------------

    async def _printers(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        cards = self._desk.printers(line.caller)
        return {
            "defaultPrinter": cards[0].name if cards else "",
            "printers": [
                {
                    "name": card.name,
                    "status": "enable" if card.is_ready else "disable",
                    "type": "thermal",
                    "printerType": "thermal",
                    "supportRfid": False,
                }
                for card in cards
            ],
        }

    async def _printer_config(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        asked = plain.get("printer")
        if isinstance(asked, dict):
            asked = asked.get("name")
        card = self._desk.printer(asked if isinstance(asked, str) else "", line.caller)
        return {"printer": self._desk.printer_settings.shown(card, self._component)}

    async def _set_printer_config(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        given = plain.get("printer")
        if not isinstance(given, dict):
            raise Refusal("agent.component_task_wrong", where="printer")
        name = given.get("name")
        card = self._desk.printer(name if isinstance(name, str) else "", line.caller)
        await self._desk.printer_settings.store(card, given, self._component)
        return {"printer": {"name": card.name}}

    async def _open_settings(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        """The real component opens a window; ours answers like getPrinterConfig and opens nothing."""
        return await self._printer_config(plain, line)

    async def _global_config(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        return {self._component.failure_field: self._desk.printer_settings.tells_failure(self._component)}

    async def _set_global_config(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        field = self._component.failure_field
        self._desk.printer_settings.store_tells_failure(self._component, plain.get(field))
        return {field: plain.get(field)}

    async def _agent_info(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        old = self._component.old_version if line.family == "0.x" else ""
        return {self._component.version_field: old or self._component.version, "agent": "miandan"}

    # --- states -------------------------------------------------------------------------------------------------------

    async def _task_status(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        rows = []
        for given in _several(plain, "taskID"):
            works = self._desk.works.of_task(line.caller.origin, str(given))
            rows.append({"taskID": given, "detailStatus": [document_status(work) for work in works]})
        return {"printStatus": rows}

    async def _document_status(self, plain: dict[str, Any], line: Line) -> dict[str, Any]:
        wanted = [str(one) for one in _several(plain, "documentIDs")]
        works = self._desk.works.of_documents(line.caller.origin, wanted)
        rows = [document_status(work) for work in works]
        return {"detailStatus": rows, "printStatus": rows}

    # --- printing -----------------------------------------------------------------------------------------------------

    async def _print(self, plain: dict[str, Any], frame: str, line: Line) -> None:
        task = read_task(plain, self._component)
        relay = self._desk.relay() if task.is_foreign else None
        if relay is not None:
            line.spawn(pass_on(self._desk, relay, Passed(plain, frame, task), line, self))
        elif task.preview:
            await self._preview(plain, task, line)
        else:
            await self.tell(plain, task, line, self._desk.works.start(self._desk.asked(task, line)))

    def only(self, plain: dict[str, Any], places: Sequence[int]) -> dict[str, Any]:
        """A print request with the documents at these places alone."""
        task = task_of(plain)
        left = {**task, "documents": [task["documents"][place] for place in places]}
        return left if task is plain else plain | {"task": left}

    async def tell(self, plain: dict[str, Any], task: Task, line: Line, works: list[Work]) -> None:
        """The acknowledgement, and everything that follows while the next frame is read."""
        printer = works[0].entry.printer
        teller = Teller(self._component, line.family, task, echoed(plain.get("requestID")), printer)
        for notice in teller.before():
            await line.say(notice)
        await line.say(_accepted(plain, task))

        async def follow() -> None:
            async for notice in teller.notices(works):
                await line.say(notice)

        if task.tells or line.family != "0.x":
            line.spawn(follow())

    async def _preview(self, plain: dict[str, Any], task: Task, line: Line) -> None:
        """0.x: one answer with the address. 1.5: a bare one first, then one with the addresses."""
        printer = self._desk.preview_printer(task, line)
        if line.family == "1.5":
            await line.say(_accepted(plain, task))
        opened = await self._desk.opened(task, line)
        pictures = await self._desk.pictures(opened, line, printer) if task.picture else []
        whole = pictures[0] if pictures else await self._desk.pdf(opened, line, printer)
        said = _accepted(plain, task) | {"previewURL": whole, "previewType": "image" if task.picture else "pdf"}
        if pictures:
            said["previewImage"] = pictures
        if line.family != "0.x":
            said["urls"] = pictures or [whole]
            said["responses"] = [
                {"documentId": one.document_id, "urls": [url]}
                for one, url in zip(task.documents, pictures or [whole] * len(task.documents), strict=False)
            ]
        await line.say(said)


def _head(plain: Mapping[str, Any]) -> dict[str, Any]:
    command = plain.get("cmd")
    return {"cmd": command if isinstance(command, str) else "", "requestID": echoed(plain.get("requestID", ""))}


def _task_names(given: Any) -> dict[str, Any]:
    return {"taskID": given, "taskId": given}


def _done(plain: Mapping[str, Any]) -> dict[str, Any]:
    return _head(plain) | {"status": "success", "msg": "", "errorCode": 0}


def _accepted(plain: Mapping[str, Any], task: Task) -> dict[str, Any]:
    return _done(plain) | _task_names(task.given_id)


def _several(plain: Mapping[str, Any], name: str) -> list[Any]:
    """One id or a list of them. Raises agent.component_task_wrong."""
    given = plain.get(name)
    found = given if isinstance(given, list) else [given]
    if len(found) > _MOST_ASKED or not all(isinstance(one, str | int) and not isinstance(one, bool) for one in found):
        raise Refusal("agent.component_task_wrong", where=name)
    return found
