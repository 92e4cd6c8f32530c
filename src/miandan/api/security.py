"""Who calls and what for: bearer tokens, one scope per operation, limits, and a note of every call.

What an operation needs is written beside its route (`needs`), so the OpenAPI document says exactly what is checked,
and it is checked before a byte of the body is read.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from miandan.access.model import Caller, Scope, SubjectKind
from miandan.api.openapi import problem_answers
from miandan.hall import Hall
from miandan.kernel.errors import Refusal

BEARER: Final = "bearer"
"""Name of the security scheme in the document."""

_SUBJECT: Final = "x-subject"
_SCHEME: Final = "bearer "
_SUBJECT_WORDS: Final = {SubjectKind.SHOP: ("店铺", "a shop"), SubjectKind.CARRIER: ("快递公司", "a carrier")}


@dataclass(slots=True)
class Note:
    """What is known of a call so far; written down when it ends."""

    log_id: str
    app_key: str = ""
    subject: str = ""
    status: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in."""

    hall: Hall
    who: Caller

    @property
    def app(self) -> str:
        return self.who.app_key

    @property
    def actor(self) -> str:
        """Who did it, as the audit log, statements and sheets keep it."""
        return f"app:{self.app}"

    @property
    def merchant_id(self) -> int:
        return self.who.subject.merchant_id

    @property
    def shop_id(self) -> str:
        """ "" for a merchant without shops."""
        return self.who.subject.shop_id

    @property
    def carrier(self) -> str:
        """Of a carrier's token."""
        return self.who.subject.carrier


def needs(scope: Scope | None, subject: SubjectKind | None = SubjectKind.SHOP) -> dict[str, Any]:
    """Arguments of a route: the scope its token must have and whom it must speak for; None leaves either open."""
    extra: dict[str, Any] = {"security": [{BEARER: [] if scope is None else [scope.value]}]}
    if subject is not None:
        extra[_SUBJECT] = subject.value
    return {"openapi_extra": extra, "responses": problem_answers()}


class Guarded(APIRoute):
    """A route that lets nobody in whom `needs` keeps out, and takes JSON bodies only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, behind the door."""
        answer = super().get_route_handler()
        extra = self.openapi_extra or {}
        wants_json = self.body_field is not None

        async def guarded(request: Request) -> Response:
            if "security" in extra:
                request.state.call = await _let_in(request, extra)
            if wants_json:
                must_be(request, "application/json")
            return await answer(request)

        return guarded


def hall_of(request: Request) -> Hall:
    """What the doors share."""
    hall: Hall = request.app.state.hall
    return hall


def call_of(request: Request) -> Call:
    """The call that was let in; a dependency of every guarded route."""
    call: Call = request.state.call
    return call


def note_of(request: Request) -> Note:
    """The note of this call."""
    note: Note = request.scope["miandan.note"]
    return note


async def _let_in(request: Request, extra: dict[str, Any]) -> Call:
    """Raises api.token_missing, api.subject_wrong, access.token_unknown, access.token_expired, access.token_revoked,
    access.app_forbidden, access.throttled, access.scope_missing."""
    keeper, token, note = hall_of(request).doorkeeper, _token(request), note_of(request)
    caller = keeper.peek_caller(token) or await keeper.caller(token)
    note.app_key, note.subject = caller.app_key, caller.subject.name
    if keeper.peek_app(caller.app_key) is None:
        await keeper.app(caller.app_key)
    keeper.admit(caller.app_key)
    wanted = extra.get(_SUBJECT)
    if wanted is not None and caller.subject.kind != wanted:
        zh, en = _SUBJECT_WORDS[SubjectKind(wanted)]
        raise Refusal("api.subject_wrong", wanted_zh=zh, wanted_en=en)
    for scope in extra["security"][0][BEARER]:
        caller.must_have(Scope(scope))
    return Call(hall_of(request), caller)


def _token(request: Request) -> str:
    given = request.headers.get("authorization", "")
    if given[: len(_SCHEME)].lower() != _SCHEME or not given[len(_SCHEME) :].strip():
        raise Refusal("api.token_missing")
    return given[len(_SCHEME) :].strip()


def must_be(request: Request, *wanted: str) -> str:
    """The type of the body. Raises api.media_type_wrong; a request without a body has none."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    if given not in wanted and not is_empty:
        raise Refusal("api.media_type_wrong", wanted=" / ".join(wanted))
    return given
