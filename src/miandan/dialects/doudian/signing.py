"""How a call is signed: over the text of its business JSON as it was sent.

plain = secret, then app_key, method, param_json, timestamp and v each behind its name, then the secret again; the
signature is HMAC-SHA256 keyed with the secret, or MD5. Public clients write the same JSON in different ways (\\u
escapes, HTML escapes, unsorted keys) and were all served, so the text as sent counts first. Some sign the canonical
form and send another: the canonical and the HTML-escaped form are second tries.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

HMAC_SHA256: Final = "hmac-sha256"
MD5: Final = "md5"
METHODS: Final = (HMAC_SHA256, MD5)
EMPTY: Final = "{}"
"""What is signed where no business JSON was sent."""

LONGEST_FORM: Final = 128 * 1024
"""Characters of business JSON that are brought into another form; fifty orders are a third of it."""

_DEEPEST: Final = 100
"""Levels of JSON that have a canonical form; nobody's business JSON is deeper than a dozen."""
_HTML: Final = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})
_SEPARATORS: Final = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})
"""Go and PHP both escape the two line separators of JavaScript, whatever else they leave alone."""


class Signed(NamedTuple):
    """What a signature is made over, beside the secret and the business JSON."""

    app_key: str
    method: str
    timestamp: str
    version: str


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as it was written: 1.0 and 1 and 1e0 are not the same text."""

    text: str


def between(signed: Signed, param_json: str) -> str:
    """The string that is signed, without the secret around it."""
    return (
        f"app_key{signed.app_key}method{signed.method}param_json{param_json}"
        f"timestamp{signed.timestamp}v{signed.version}"
    )


def sign(signed: Signed, param_json: str, secret: str, sign_method: str = HMAC_SHA256) -> str:
    """The signature in lower-case hexadecimal. A text that no UTF-8 can hold is signed with ? in its place."""
    plain = f"{secret}{between(signed, param_json)}{secret}".encode(errors="replace")
    if sign_method == MD5:
        return hashlib.md5(plain, usedforsecurity=False).hexdigest()
    return hmac.digest(secret.encode(), plain, "sha256").hex()


def signed_as_sent(
    signed: Signed, texts: Sequence[str], signature: str, secrets: Sequence[str], sign_method: str
) -> str | None:
    """The first of `texts` that the signature fits under one of the secrets; None when none does."""
    return _fitting(signed, ((text, text) for text in texts), signature, secrets, sign_method)


def signed_in_another_form(
    signed: Signed, texts: Sequence[str], signature: str, secrets: Sequence[str], sign_method: str
) -> str | None:
    """The first of `texts`, as it was sent, whose canonical or HTML-escaped form the signature fits.

    Texts above `LONGEST_FORM` are not tried: whoever has no secret could keep a server busy with them.
    """
    short = [text for text in texts if len(text) <= LONGEST_FORM]
    return _fitting(signed, _other_forms(short), signature, secrets, sign_method)


def _fitting(
    signed: Signed, forms: Iterable[tuple[str, str]], signature: str, secrets: Sequence[str], sign_method: str
) -> str | None:
    wanted = signature.encode(errors="replace")
    for form, text in forms:
        for secret in secrets:
            if hmac.compare_digest(sign(signed, form, secret, sign_method).encode(), wanted):
                return text
    return None


def _other_forms(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each text in its other forms; beside each the text that was sent."""
    for text in texts:
        same = canonical(text)
        for form in (same, same and html_escaped(same), html_escaped(text)):
            if form is not None and form != text:
                yield form, text


def html_escaped(text: str) -> str:
    """&, < and > as the escapes that some JSON writers put in their place."""
    return text.translate(_HTML)


def canonical(text: str) -> str | None:
    """The JSON with sorted keys at every depth, without blanks or escapes that are not needed, its numbers as written.

    None for what is not JSON, or deeper than anybody's.
    """
    try:
        value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
        return _written(value, 0)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _written(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, dict):
        inside = (f"{_quoted(key)}:{_written(value[key], depth + 1)}" for key in sorted(value, key=_by_bytes))
        return f"{{{','.join(inside)}}}"
    if isinstance(value, list):
        return f"[{','.join(_written(item, depth + 1) for item in value)}]"
    if isinstance(value, _Number):
        return value.text
    return _quoted(value) if isinstance(value, str) else {None: "null", True: "true", False: "false"}[value]


def _by_bytes(key: str) -> bytes:
    return key.encode(errors="surrogatepass")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_SEPARATORS)
