"""SPI: the platform asks a developer's server and reads its answer. We are the side that asks.

plain = secret, then app_key, param_json and timestamp each behind its name, then the secret again: no method and no v.
`sign` is MD5 unless sign_method is hmac-sha256, `sign_v2` carries the other one (reference/doudian.md 2.8). The answer
is {code (0 is ok), message, data}. No flow of ours asks a developer by itself, since no public source says what the
platform asks; `miandan apps ask` lets an operator ask.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from miandan.access.push_model import Failure
from miandan.access.pushes import LONGEST_URL
from miandan.dialects.doudian.outgoing import Reply, Sender, Unanswered
from miandan.dialects.doudian.signing import HMAC_SHA256, MD5, canonical, html_escaped
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.errors import Refusal

TOLERANCE: Final = timedelta(seconds=600)
"""How old a call may be, as a public receiver has it."""

_OLD_HMAC: Final = "2"
"""What an old PHP client writes for hmac-sha256."""

_TIME: Final = "%Y-%m-%d %H:%M:%S"


def sign(app_key: str, param_json: str, timestamp: str, secret: str, sign_method: str = MD5) -> str:
    """The signature in lower-case hexadecimal."""
    plain = f"{secret}app_key{app_key}param_json{param_json}timestamp{timestamp}{secret}".encode(errors="replace")
    if sign_method in (HMAC_SHA256, _OLD_HMAC):
        return hmac.digest(secret.encode(), plain, "sha256").hex()
    return hashlib.md5(plain, usedforsecurity=False).hexdigest()


def signed_query(app_key: str, param_json: str, secret: str, at: datetime, sign_method: str = MD5) -> dict[str, str]:
    """What stands in the query of a call, apart from the business JSON."""
    timestamp = at.astimezone(BEIJING).strftime(_TIME)
    other = MD5 if sign_method == HMAC_SHA256 else HMAC_SHA256
    return {
        "app_key": app_key,
        "timestamp": timestamp,
        "sign_method": sign_method,
        "sign": sign(app_key, param_json, timestamp, secret, sign_method),
        "sign_v2": sign(app_key, param_json, timestamp, secret, other),
    }


def is_genuine(query: Mapping[str, str], param_json: str, secrets: Sequence[str], at: datetime) -> bool:
    """The receiver's check: whether somebody with one of the secrets made this call, not longer ago than TOLERANCE.

    Tried over the JSON as it came, over its key-sorted form, and over that with HTML escapes, as the official client
    does; `sign_v2` counts as well as `sign`.
    """
    if not _is_fresh(query.get("timestamp", ""), at):
        return False
    method = query.get("sign_method", "")
    other = MD5 if method in (HMAC_SHA256, _OLD_HMAC) else HMAC_SHA256
    given = [(query.get("sign", ""), method), (query.get("sign_v2", ""), other)]
    return any(
        hmac.compare_digest(
            sign(query.get("app_key", ""), text, query["timestamp"], secret, how).encode(),
            signature.encode(errors="replace"),
        )
        for text in _forms(param_json)
        for secret in secrets
        for signature, how in given
    )


async def call(sender: Sender, url: str, app_key: str, secret: str, param_json: str, *, sign_method: str = MD5) -> Any:
    """The `data` of a developer's answer to a POST with `param_json` as its raw body; `sorted_json` writes it.

    Raises spi.unanswered (not reached, not HTTP 200, no answer that can be read), spi.refused (a code other than 0)
    and push.url_malformed. Nothing of the developer's text is in these: it could hold anything.
    """
    query = signed_query(app_key, param_json, secret, now(), sign_method)
    headers = {"content-type": "application/json"}
    return await _answered(sender, "POST", _with(url, query), param_json.encode(), headers)


async def call_by_get(
    sender: Sender, url: str, app_key: str, secret: str, param_json: str, *, sign_method: str = MD5
) -> Any:
    """The same with `param_json` in the query."""
    query = signed_query(app_key, param_json, secret, now(), sign_method)
    return await _answered(sender, "GET", _with(url, query | {"param_json": param_json}), b"", {})


def sorted_json(params: object) -> str:
    """The text that is signed and sent: keys sorted at every depth, no blanks, nothing escaped without need. Raises
    ValueError for what is deeper than anybody's."""
    text = canonical(msgspec.json.encode(params).decode())
    if text is None:
        raise ValueError("business JSON of more levels than anybody's")
    return text


async def _answered(sender: Sender, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Any:
    try:
        return _data(await sender.send(method, url, body, headers))
    except Unanswered as error:
        raise _refusal(error, url) from None


def _refusal(error: Unanswered, url: str) -> Refusal:
    host = urlsplit(url).hostname or "?"
    return Refusal("spi.unanswered", host=host, failure=error.failure, status=error.status or "-")


def _data(reply: Reply) -> Any:
    try:
        answer: Any = msgspec.json.decode(reply.content)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Unanswered(Failure.GARBLED, 200) from None
    if not isinstance(answer, dict) or isinstance(answer.get("code"), bool) or _number(answer.get("code")) is None:
        raise Unanswered(Failure.GARBLED, 200)
    if (code := _number(answer["code"])) != 0:
        raise Refusal("spi.refused", code=code)
    return answer.get("data")


def _number(code: object) -> int | None:
    """A code that came as a number or as its text."""
    if isinstance(code, int):
        return code
    return int(code) if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 10 else None


def _with(url: str, query: Mapping[str, str]) -> str:
    """The developer's URL with our parameters behind its own. Raises push.url_malformed, also for one too long."""
    try:
        return str(httpx.URL(url).copy_merge_params(dict(query)))
    except (httpx.InvalidURL, UnicodeError):
        raise Refusal("push.url_malformed", longest=LONGEST_URL) from None


def _forms(param_json: str) -> list[str]:
    same = canonical(param_json)
    return [param_json, *([same, html_escaped(same)] if same is not None else [])]


def _is_fresh(timestamp: str, at: datetime) -> bool:
    try:
        signed_at = datetime.strptime(timestamp, _TIME).replace(tzinfo=BEIJING)
    except ValueError:
        return False
    return abs(at - signed_at) <= TOLERANCE
