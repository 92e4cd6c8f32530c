"""The gateway: an ASGI application that takes calls in every way clients send them and answers 200 with an envelope.

In this order: what is asked, which app, in time, signed, whose token, may it, which fields; then the method. Whatever
goes wrong is an answer of the protocol with a `log_id`, under which the call can be looked up (`miandan calls`).
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from miandan.access.calls import CallNote, new_log_id
from miandan.access.model import App, Caller
from miandan.access.turnstile import address_of
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.asking import Asked, read_call, with_method
from miandan.dialects.doudian.calls import Call, Method, find_method, noted_name
from miandan.dialects.doudian.fields import requests
from miandan.dialects.doudian.proving import prove
from miandan.dialects.doudian.signing import EMPTY, MD5, METHODS, between
from miandan.hall import LARGEST_BODY, Hall
from miandan.kernel.asgi import Receive, Scope, Send
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained, told_outside

LONGEST_SHOWN: Final = 20_000
"""Characters of the business JSON that the sandbox shows as signed."""

_METHODS: Final = ("GET", "POST")
"""The protocol knows no others; a proxy that repeats a HEAD must not take a number."""

NO_OLD_CODES: Final = b"x-open-no-old-err-code"
"""Header by which the official SDKs ask for the new codes alone (seen; the effect is inferred from its name)."""

_JSON: Final = (b"content-type", b"application/json; charset=utf-8")


@dataclass(slots=True)
class _Progress:
    """How far a call has come, for its note."""

    log_id: str
    address: str
    method: str = ""
    asked: Asked | None = None
    app: App | None = None
    who: Caller | None = None


class Gateway:
    """The whole interface under one prefix, such as /doudian; "" where it has a port of its own."""

    def __init__(self, hall: Hall, prefix: str = "") -> None:
        self._hall = hall
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call. Only a client that left gets no answer."""
        started = time.perf_counter()
        if scope["method"] not in _METHODS:
            await _send(send, b"", 405)
            return
        peer = scope["client"][0] if scope.get("client") else ""
        progress = _Progress(new_log_id(), address_of(peer, scope["headers"]))
        headers = dict(scope["headers"])
        old_codes = headers.get(NO_OLD_CODES) != b"1"
        code = answers.OK
        sub_code = ""
        try:
            body = await _body(receive)
            if body is None:
                return
            progress.method = scope["path"].removeprefix(self._prefix).strip("/").replace("/", ".")
            data = await self._answer(progress, scope["query_string"], headers, body)
            answer = answers.done(data, progress.log_id, old_codes=old_codes)
        except Exception as error:
            refusal = told_outside(explained(error), progress.log_id)
            known = answers.code_of(refusal, progress.method)
            code, sub_code = known.code, known.whole_sub_code
            answer = answers.refused(
                refusal, progress.method, progress.log_id, old_codes=old_codes, data=self._shown(refusal, progress)
            )
        self._note(progress, code, sub_code, started)
        await _send(send, answer)

    async def _answer(self, progress: _Progress, query: bytes, headers: dict[bytes, bytes], body: bytes) -> Any:
        asked = read_call(query, headers.get(b"content-type", b"").decode("latin-1"), body)
        asked = progress.asked = _with_path_method(asked, progress.method)
        _check_complete(asked)
        app, text = await prove(self._hall.doorkeeper, asked, progress.address, now())
        progress.app = app
        method = find_method(asked.method)
        progress.method = method.name
        progress.who = await self._who(method, asked, app)
        params = requests()[method.name].read(text or EMPTY)
        return await method.handler(Call(self._hall, app, progress.who, params, progress.log_id, asked.beside))

    async def _who(self, method: Method, asked: Asked, app: App) -> Caller | None:
        """Whoever the token speaks for. Raises doudian.token_missing and what the doorkeeper raises."""
        if not method.scopes:
            return None
        if not asked.access_token:
            raise Refusal("doudian.token_missing")
        who = await self._hall.doorkeeper.caller(asked.access_token)
        who.must_be_of(app.app_key)
        scope = method.scopes.get(who.subject.kind)
        if scope is None:
            raise Refusal("doudian.subject_wrong", method=method.name, wanted=" / ".join(method.scopes))
        who.must_have(scope)
        return who

    def _shown(self, refusal: Refusal, progress: _Progress) -> dict[str, Any] | None:
        """In the sandbox a wrong signature is answered with what was signed here; the secret is left out."""
        if refusal.code != "doudian.signature_wrong" or not self._hall.sandbox or progress.asked is None:
            return None
        asked = progress.asked
        return {
            "signed_string": [f"<secret>{between(asked.signed, text[:LONGEST_SHOWN])}<secret>" for text in asked.texts],
            "sign_method": asked.sign_method or MD5,
        }

    def _note(self, progress: _Progress, code: int, sub_code: str, started: float) -> None:
        app_key = progress.app.app_key if progress.app is not None else ""
        subject = progress.who.subject.name if progress.who is not None else ""
        method = noted_name(progress.method)
        milliseconds = round((time.perf_counter() - started) * 1000)
        self._hall.calls.note(
            CallNote(progress.log_id, now(), "doudian", app_key, method, subject, code, sub_code, milliseconds)
        )


def _with_path_method(asked: Asked, path_method: str) -> Asked:
    """Raises doudian.method_differs where path and parameter name different methods; letter case does not count."""
    if not asked.method:
        return with_method(asked, path_method)
    if asked.method.lower() != path_method.lower():
        raise Refusal("doudian.method_differs", path=path_method[:80])
    return asked


def _check_complete(asked: Asked) -> None:
    missing = [
        name
        for name, value in (
            ("app_key", asked.app_key),
            ("method", asked.method),
            ("timestamp", asked.timestamp),
            ("v", asked.version),
        )
        if not value
    ]
    if missing:
        raise Refusal("doudian.common_missing", fields=", ".join(missing))
    if not asked.sign:
        raise Refusal("doudian.signature_missing")
    if asked.version != "2":
        raise Refusal("doudian.version_wrong")
    if asked.sign_method and asked.sign_method not in METHODS:
        raise Refusal("doudian.sign_method_unknown")


async def _body(receive: Receive) -> bytes | None:
    """None where the client left. Raises doudian.body_too_large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            raise Refusal("doudian.body_too_large", limit=LARGEST_BODY)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else parts[0]


async def _send(send: Send, answer: bytes, status: int = 200) -> None:
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length]})
    await send({"type": "http.response.body", "body": answer})
