"""What pages need of the web: a form as it was sent, an answer with the headers that keep it to itself, one cookie."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from miandan.kernel.asgi import Receive, Scope, Send
from miandan.kernel.errors import Refusal

LARGEST_FORM: Final = 32_768
"""Bytes; a state of the longest kind that is allowed, escaped twice, fits."""

_MOST_FIELDS: Final = 64
_FORM: Final = b"application/x-www-form-urlencoded"
_METHOD_NOT_ALLOWED: Final = 405
_COOKIE_BYTES: Final = 32
_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
SELF: Final = "'self'"


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed and ticked. A field that stands twice where one is meant counts as missing."""

    fields: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """ "" where it is missing."""
        values = self.fields.get(name, ())
        return values[0] if len(values) == 1 else ""

    def all(self, name: str) -> tuple[str, ...]:
        return self.fields.get(name, ())


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, or with `location` the way to go on. `sends_to`: where its forms may lead (sources of a CSP)."""

    status: int
    body: str = ""
    style: str = ""
    location: str = ""
    sends_to: tuple[str, ...] = (SELF,)
    cookie: str = ""
    retry_after: int | None = None


async def read_form(scope: Scope, receive: Receive) -> Form | None:
    """None where the browser left. Raises console.form_unreadable."""
    if dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower() != _FORM:
        raise Refusal("console.form_unreadable")
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > LARGEST_FORM:
            raise Refusal("console.form_unreadable")
        if not message.get("more_body"):
            break
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:  # too many fields, or bytes that are no text
        raise Refusal("console.form_unreadable") from None
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value)
    return Form(fields)


async def send_page(send: Send, answer: Answer, *, with_body: bool = True) -> None:
    """Nothing of an answer is stored, framed, sniffed, or told to where it leads."""
    body = answer.body.encode() if with_body else b""
    headers = [
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"x-robots-tag", b"noindex"),
        (b"content-security-policy", _policy(answer).encode("ascii")),
        (b"content-length", str(len(answer.body.encode())).encode()),
    ]
    if answer.body:
        headers.append((b"content-type", b"text/html; charset=utf-8"))
    if answer.location:
        headers.append((b"location", answer.location.encode("ascii")))
    if answer.status == _METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"GET, HEAD, POST"))
    if answer.cookie:
        headers.append((b"set-cookie", answer.cookie.encode("ascii")))
    if answer.retry_after is not None:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _policy(answer: Answer) -> str:
    """No script at all, no style but the page's own, no picture but the empty icon."""
    digest = base64.b64encode(hashlib.sha256(answer.style.encode()).digest()).decode()
    style = f"'sha256-{digest}'" if answer.style else "'none'"
    return (
        f"default-src 'none'; style-src {style}; img-src data:; form-action {' '.join(answer.sends_to)}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


@dataclass(frozen=True, slots=True)
class BrowserCookie:
    """A random value that a browser keeps while it is open; forms are signed with it, so that none but this browser's
    can be sent. Behind HTTPS its name says that no other host can have set it."""

    secure: bool

    @property
    def name(self) -> str:
        return "__Host-miandan" if self.secure else "miandan"

    def read(self, scope: Scope) -> str:
        """ "" where the browser has none."""
        header = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
        found = [
            value for name, _, value in (one.strip().partition("=") for one in header.split(";")) if name == self.name
        ]
        return found[0] if len(found) == 1 and _COOKIE.fullmatch(found[0]) else ""

    def fresh(self) -> str:
        return secrets.token_urlsafe(_COOKIE_BYTES)

    def header(self, value: str) -> str:
        return f"{self.name}={value}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self.secure else ''}"
