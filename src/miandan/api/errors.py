"""Every failure in one shape (RFC 9457): what is wrong, whose turn it is, what to do, whether a retry is safe.

Nothing that a caller sent is repeated, since it may be a person: a wrong field is named, its value is not.
"""

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from miandan.api.wording import FieldProblem
from miandan.kernel.errors import Cause, Refusal, Turn

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_PAGE: Final = "/api/v1/errors"

_BY_CAUSE: Final = {
    Cause.ACCOUNT: 409,
    Cause.BALANCE: 409,
    Cause.ADDRESS: 422,
    Cause.AREA: 422,
    Cause.ORDER: 409,
    Cause.CARRIER: 409,
    Cause.THROTTLED: 429,
    Cause.DATA: 422,
    Cause.POLICY: 403,
    Cause.SYSTEM: 503,
}

_NOT_LET_IN: Final = (
    "api.token_missing",
    "access.app_unknown",
    "access.secret_wrong",
    "access.token_unknown",
    "access.token_expired",
    "access.token_revoked",
    "access.code_unknown",
    "access.code_used",
    "access.code_expired",
    "access.refresh_unknown",
    "access.refresh_expired",
    "access.refresh_replaced",
)
_NOT_THERE: Final = (
    "api.path_unknown",
    "access.call_unknown",
    "account.unknown",
    "application.unknown",
    "carrier.unknown",
    "orders.unknown",
    "outbound.order_unknown",
    "outbound.pack_unknown",
    "printing.agent_unknown",
    "printing.job_unknown",
    "printing.printer_unknown",
    "printing.scan_not_ours",
    "printing.sheet_unknown",
    "printing.template_gone",
    "waybill.unknown",
)
_BY_CODE: Final = {
    **dict.fromkeys(_NOT_LET_IN, 401),
    **dict.fromkeys(_NOT_THERE, 404),
    "api.method_wrong": 405,
    "api.body_unreadable": 400,
    "api.body_too_large": 413,
    "api.media_type_wrong": 415,
    "application.decided": 409,
    "vault.shredded": 409,
    "failure.at_the_server": 500,
    "failure.unforeseen": 500,
}
"""What the cause alone does not tell."""

_SECONDS = re.compile(r"\d+(?:\.\d+)?")


class Problem(BaseModel):
    """Why something was not done, in Chinese and English, with the next step."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    type: str = Field(description="该代码的说明页 / the page that explains the code")
    title: str = Field(description="HTTP 状态的名称 / the name of the HTTP status")
    status: int = Field(description="HTTP 状态码 / the HTTP status")
    code: str = Field(description="稳定的错误代码 / the stable code", examples=["units.exhausted"])
    cause: Cause = Field(description="哪一类问题 / what kind of thing stands in the way")
    turn: Turn = Field(description="该谁处理 / who has to act next")
    retry_safe: bool = Field(description="原样重试是否安全且可能成功 / whether the same again is safe and may succeed")
    zh: str = Field(description="哪里不对")
    next_zh: str = Field(description="下一步")
    en: str = Field(description="what is wrong")
    next_en: str = Field(description="the next step")
    errors: list[FieldProblem] = Field(default=[], description="逐个字段的问题 / field by field")
    log_id: str = Field(
        default="", description="投诉时附上，可用 GET /calls/{log_id} 查 / what to quote in a complaint"
    )


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal: by its code where the cause does not tell enough."""
    return _BY_CODE.get(refusal.code) or _BY_CAUSE[refusal.entry.cause]


def problem_of(refusal: Refusal, log_id: str = "", errors: Sequence[FieldProblem] = ()) -> Problem:
    """A refusal in the one shape; also for a parcel or a scan of a batch, where nothing else fails."""
    status, entry = status_of(refusal), refusal.entry
    return Problem(
        type=f"{ERRORS_PAGE}#{refusal.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=refusal.code,
        cause=entry.cause,
        turn=entry.turn,
        retry_safe=entry.retry_safe,
        zh=refusal.zh,
        next_zh=refusal.next_zh,
        en=refusal.en,
        next_en=refusal.next_en,
        errors=list(errors),
        log_id=log_id,
    )


def headers_of(refusal: Refusal) -> dict[str, str]:
    """What the status wants beside the body: when to come back, how to prove who one is."""
    status = status_of(refusal)
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) and refusal.entry.retry_safe:
        return {"Retry-After": str(_seconds(refusal.fields))}
    return {}


def _seconds(fields: Mapping[str, object]) -> int:
    told = _SECONDS.fullmatch(str(fields.get("seconds", "")))
    return max(1, math.ceil(float(told[0]))) if told else 1


def encoded(problem: Problem) -> bytes:
    """The body of the answer."""
    plain: dict[str, Any] = problem.model_dump(mode="json")
    return msgspec.json.encode(plain)
