"""What a call asks, gathered from wherever its client put it: query, form, raw body, multipart.

Content-Type is not believed (an official client sends "Content-Type: application/json" as the value of that header):
the body is read for what it is. Business JSON may stand in several places at once; the one that was signed counts.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct, structs
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, parse_options_header

from miandan.dialects.doudian.signing import EMPTY, Signed
from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal

TOLERANCE: Final = timedelta(seconds=300)
"""How far a timestamp may be off either way (comment in a public client; reference/doudian.md section 1)."""

MOST_FIELDS: Final = 200
"""Of a query or a form; the protocol knows about a dozen."""

_COMMON: Final = frozenset(("app_key", "method", "timestamp", "v", "sign", "sign_method", "access_token", "param_json"))
_SECONDS: Final = re.compile(r"\d{9,11}")
_MILLISECONDS: Final = re.compile(r"\d{13}")
_DATE: Final = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T+](\d{1,2}):(\d{2}):(\d{2})")


class Asked(Struct, frozen=True):
    """The common parameters of a call, empty where they are missing, every text that may be its business JSON, and
    whatever else stood beside them, which nobody has signed."""

    app_key: str
    method: str
    timestamp: str
    version: str
    sign: str
    sign_method: str
    access_token: str
    texts: tuple[str, ...]
    beside: Mapping[str, str]

    @property
    def signed(self) -> Signed:
        return Signed(self.app_key, self.method, self.timestamp, self.version)


def read_call(query: bytes, content_type: str, body: bytes) -> Asked:
    """Gather a call. Raises doudian.body_unreadable for bytes that are no text, doudian.too_many_fields."""
    given = _pairs(query)
    form: Mapping[str, str] = {}
    raw = ""
    if "multipart/form-data" in content_type.lower() and b"\r\n" in body:
        form = _multipart(content_type, body)
    elif body.strip():
        raw = _text(body)
        if not raw.lstrip().startswith(("{", "[")):
            form, raw = _pairs(body), ""
    texts = [text for text in (given.get("param_json"), form.get("param_json"), raw) if text]
    return _asked({**form, **{name: value for name, value in given.items() if value}}, texts)


def _asked(given: Mapping[str, str], texts: list[str]) -> Asked:
    return Asked(
        app_key=given.get("app_key", ""),
        method=given.get("method", ""),
        timestamp=given.get("timestamp", ""),
        version=given.get("v", ""),
        sign=given.get("sign", ""),
        sign_method=given.get("sign_method", "").lower(),
        access_token=given.get("access_token", ""),
        texts=tuple(dict.fromkeys(texts)) or (EMPTY, ""),
        beside={name: value for name, value in given.items() if name not in _COMMON},
    )


def with_method(asked: Asked, method: str) -> Asked:
    """The same call under the method that its path names, for clients that leave the parameter out."""
    return structs.replace(asked, method=method)


def _pairs(text: bytes) -> dict[str, str]:
    try:
        if b"%" in text or b"+" in text or text.count(b"&") >= MOST_FIELDS:
            pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
        else:  # nothing in it is written otherwise than it is meant
            parts = [part.partition("=") for part in text.decode().split("&") if part]
            pairs = [(name, value) for name, _, value in parts]
    except UnicodeDecodeError:
        raise Refusal("doudian.body_unreadable") from None
    except ValueError:
        raise Refusal("doudian.too_many_fields", limit=MOST_FIELDS) from None
    return dict(reversed(pairs))  # of a name that stands twice the first counts


def _text(body: bytes) -> str:
    try:
        return body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refusal("doudian.body_unreadable") from None


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart body; files in it are left alone, and never written to disk."""
    _, options = parse_options_header(content_type)
    found: dict[str, str] = {}

    def keep(field: Field) -> None:
        if field.field_name is not None and len(found) <= MOST_FIELDS:
            found.setdefault(_text(field.field_name), _text(field.value or b""))

    try:
        parser = FormParser(
            "multipart/form-data",
            keep,
            lambda _file: None,
            boundary=options.get(b"boundary"),
            config={"MAX_MEMORY_FILE_SIZE": len(body)},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Refusal("doudian.body_unreadable") from None
    if len(found) > MOST_FIELDS:
        raise Refusal("doudian.too_many_fields", limit=MOST_FIELDS)
    return found


def check_time(timestamp: str, now: datetime) -> None:
    """Raises doudian.timestamp_format, and doudian.timestamp_off when it is further from `now` than is allowed."""
    at = read_time(timestamp)
    if abs(now - at) > TOLERANCE:
        raise Refusal("doudian.timestamp_off", seconds=int((at - now).total_seconds()), limit=TOLERANCE.seconds)


def read_time(timestamp: str) -> datetime:
    """Seconds since 1970, or a date and time of day in Beijing with - or / in it. Raises doudian.timestamp_format."""
    try:
        if _SECONDS.fullmatch(timestamp):
            return datetime.fromtimestamp(int(timestamp), UTC)
        if _MILLISECONDS.fullmatch(timestamp):
            return datetime.fromtimestamp(int(timestamp) / 1000, UTC)
        if found := _DATE.fullmatch(timestamp):
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=BEIJING)
    except (ValueError, OverflowError, OSError):
        pass
    raise Refusal("doudian.timestamp_format")
