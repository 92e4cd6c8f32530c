"""How a task's fate is told (打印通知): the family of component 0.x, that of 1.5, or both; field names by profile.

0.x: one notice when all documents are rendered, one when all have ended. 1.5: a notice for each step of each document,
the 0.x notice of the end, and a last one for the whole. `evidence` says what a printed sheet rests on; `detail` says it
in words. Clients read past fields they do not know.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from miandan.agent.components.ledger import State
from miandan.agent.components.profiles import Component, Family
from miandan.agent.components.reading import Task
from miandan.agent.components.work import Change, Work, steps
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence

EVIDENCE: Final = {
    Evidence.DEVICE: "设备回报 device report",
    Evidence.SPOOLER: "队列回报 spooler report",
    Evidence.SENT_ONLY: "仅发送 sent only",
    Evidence.NONE: "",
}
_STATUS: Final = {
    State.PENDING: "pending",
    State.RENDERED: "pending",
    State.PRINTED: "success",
    State.FAILED: "failed",
    State.DOUBTFUL: "failed",
    State.CANCELED: "canceled",
}
NUMBERS: Final = {"agent.component_no_documents": 11, "agent.component_foreign": 40}
"""Error codes that are seen in answers of the real components; all else is 1."""


def words(why: Refusal) -> str:
    """A refusal in both languages, with its code."""
    return f"{why.zh}{why.next_zh} / {why.en} {why.next_en} [{why.code}]"


def number_of(why: Refusal | None) -> int:
    return 0 if why is None else NUMBERS.get(why.code, 1)


def status_of(work: Work) -> str:
    return _STATUS[work.state]


def message_of(change: Change) -> str:
    return words(change.why) if change.why is not None else ""


def document_status(work: Work) -> dict[str, Any]:
    """A row of getTaskStatus."""
    last = work.last
    return {
        "documentID": work.document_id,
        "status": status_of(work),
        "msg": message_of(last),
        "detail": EVIDENCE[last.evidence],
        "printer": work.entry.printer,
        "evidence": str(last.evidence),
    }


class Teller:
    """Tells one task to one page."""

    def __init__(self, component: Component, family: Family, task: Task, request_id: Any, printer: str) -> None:
        self._component = component
        self._family = family
        self._task = task
        self._request_id = request_id
        self._printer = printer
        self._last: dict[str, dict[str, Any]] = {}

    def before(self) -> list[dict[str, Any]]:
        """What stands before the bare acknowledgement."""
        return [self._task_result("initial", {})] if self._family == "1.5" else []

    async def notices(self, works: Sequence[Work]) -> AsyncIterator[dict[str, Any]]:
        """Everything that is told until the last document has ended, in order."""
        waits = {id(work) for work in works}
        told = False
        async for work, change in steps(works):
            if change.state is not State.PENDING and self._family != "0.x":
                for notice in self._document(work, change):
                    yield notice
            waits.discard(id(work))
            if not waits and not told:
                told = True
                if "render" in self._task.tells and self._family != "1.5" and not _all_failed(works):
                    yield self._print_result("rendered", works)
        for notice in self._ends(works):
            yield notice

    def _ends(self, works: Sequence[Work]) -> list[dict[str, Any]]:
        found = []
        if "print" in self._task.tells or ("render" in self._task.tells and _all_failed(works)):
            found.append(self._print_result(self._status(works), works))
        if self._family != "0.x":
            whole = all(work.state is State.PRINTED for work in works)
            found.append(self._task_result("completeSuccess" if whole else "completeFailed", self._last))
        return found

    def _status(self, works: Sequence[Work]) -> str:
        printed = [work.state is State.PRINTED for work in works]
        return "printed" if all(printed) else self._component.partly if any(printed) else "failed"

    def _print_result(self, status: str, works: Sequence[Work]) -> dict[str, Any]:
        rendered = status == "rendered"
        notice: dict[str, Any] = {
            "cmd": self._component.notice_cmd,
            "printer": self._printer,
            "taskID": self._task.given_id,
            "taskStatus": status,
            "printStatus": [self._row(work, rendered=rendered) for work in works],
            "totalSpendTime": round(1000 * max((work.last.at - work.started for work in works), default=0)),
        }
        if self._component.notice_has_request:
            notice["requestID"] = self._request_id
        failed = [place for place, work in enumerate(works) if work.state.has_ended and work.state is not State.PRINTED]
        if failed:
            notice["firstFailedDocSN"] = self._task.first + failed[0]
            notice["errorCode"] = number_of(works[failed[0]].last.why) or 1
            notice["msg"] = message_of(works[failed[0]].last)
        else:
            notice |= {"errorCode": 0, "msg": ""}
        return notice

    def _row(self, work: Work, *, rendered: bool) -> dict[str, Any]:
        row = document_status(work)
        if rendered and row["status"] == "pending":
            row["status"] = "success"  # of rendering, which this notice is about
        done = work.copies_printed
        return row | {
            "detailString": row["detail"],
            "errorcode": number_of(work.last.why),
            "trackNo": work.document_id,
            "successCount": done,
            "failCount": work.copies - done if work.state.has_ended and work.state is not State.PRINTED else 0,
            "renderingStartTime": 0,
            "renderingSpendTime": round(1000 * (work.opened - work.started)),
        }

    # --- 1.5 ----------------------------------------------------------------------------------------------------------

    def _document(self, work: Work, change: Change) -> list[dict[str, Any]]:
        rendered = change.state is State.RENDERED
        notice = {
            "cmd": "notifyDocResult",
            "taskId": self._task.given_id,
            "documentId": work.document_id,
            "status": "rendered" if rendered else "printed" if change.state is State.PRINTED else "failed",
            "printer": self._printer,
            "code": number_of(change.why),
            "detail": message_of(change) or EVIDENCE[change.evidence],
            "evidence": str(change.evidence),
            "spendTime": {
                "total": round(1000 * (change.at - work.started)),
                "downloading": round(1000 * (work.opened - work.started)),
                "pending": 0,
                "rendering": max(0, round(1000 * (change.at - work.opened))),
            },
        }
        self._last[work.document_id] = notice
        wanted = "render" if rendered else "print"
        return [notice] if wanted in self._task.tells else []

    def _task_result(self, status: str, documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {"cmd": "notifyTaskResult", "taskId": self._task.given_id, "status": status, "docs": documents}


def _all_failed(works: Sequence[Work]) -> bool:
    return all(work.state.has_ended and work.state is not State.PRINTED for work in works)
