"""Where failures of all kinds become the one shape: refusals, wrong fields, unknown paths, what nobody foresaw."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from miandan.api.errors import MEDIA_TYPE, encoded, headers_of, problem_of, status_of
from miandan.api.security import note_of
from miandan.api.wording import FieldProblem, field_problems
from miandan.hall import LARGEST_BODY
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained, told_outside

FIELDS_WRONG = "api.fields_wrong"
_UNREADABLE: Final = "json_invalid"


class FieldsWrong(Refusal):
    """Fields of a request that cannot be read, each with its words."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(FIELDS_WRONG, count=len(problems), fields=", ".join(one.field for one in problems))
        self.problems = problems


def speak_of_failures(app: FastAPI) -> None:
    """Let every failure of a route be answered in the one shape."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _of_http)


def answer_of(request: Request, refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    """The answer, noted for the log."""
    note = note_of(request)
    note.code = refusal.code
    problems = refusal.problems if isinstance(refusal, FieldsWrong) else ()
    body = encoded(problem_of(refusal, note.log_id, problems))
    return Response(body, status_of(refusal), {**headers_of(refusal), **(headers or {})}, MEDIA_TYPE)


def answer_of_unforeseen(request: Request, error: Exception) -> Response:
    """That it failed and under which log id; kind and place go to the server's log, its words nowhere: they may quote a
    row with a person in it."""
    return answer_of(request, told_outside(explained(error), note_of(request).log_id))


async def _refused(request: Request, error: Any) -> Response:
    return answer_of(request, error)


async def _unreadable(request: Request, error: Any) -> Response:
    found = error.errors()
    if any(one["type"] == _UNREADABLE for one in found):
        return answer_of(request, Refusal("api.body_unreadable"))
    return answer_of(request, FieldsWrong(field_problems(found)))


async def _of_http(request: Request, error: Any) -> Response:
    """What the framework refuses by itself; its own words may quote the request."""
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            refusal = Refusal("api.path_unknown")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            refusal = Refusal("api.method_wrong")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            refusal = Refusal("api.body_too_large", limit=LARGEST_BODY)
        case _:
            refusal = Refusal("api.body_unreadable")
    return answer_of(request, refusal, dict(error.headers or {}))
