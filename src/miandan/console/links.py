"""The link by which an app sends a shop here, and the way back to the app."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from miandan.kernel.errors import Refusal

LONGEST_STATE: Final = 2_000
"""Characters as they stand in a URL."""

_APP_KEY: Final = re.compile(r"[0-9]{1,19}")
_KEPT_IN_QUERY: Final = "!$'()*+,;=:@/?-._~%"
_KEPT_IN_URL: Final = "!$&'()*+,;=:@/?-._~%[]"
_NAMES: Final = ("service_id", "redirect_url", "state")


@dataclass(frozen=True, slots=True)
class Link:
    """`state` is as it stood in the URL, still escaped, so that it goes back as it came in whatever encoding it is;
    None where there was none. `redirect_url` is "" where the app left the choice to us."""

    app_key: str
    redirect_url: str
    state: str | None

    def __post_init__(self) -> None:
        """Raises console.link_bad."""
        if not _APP_KEY.fullmatch(self.app_key):
            raise Refusal("console.link_bad")
        if self.state is not None and (len(self.state) > LONGEST_STATE or self.state != _query_text(self.state)):
            raise Refusal("console.link_bad")


def read_link(query: bytes) -> Link:
    """Of `?service_id=...&state=...`, perhaps with redirect_url. Raises console.link_bad."""
    given: dict[str, str] = {}
    for piece in query.split(b"&"):
        name, _, value = piece.decode("latin-1").partition("=")
        if name in _NAMES:
            if name in given:
                raise Refusal("console.link_bad")
            given[name] = value
    state = given.get("state")
    plain = {name: unquote_plus(given.get(name, ""), errors="replace") for name in ("service_id", "redirect_url")}
    return Link(plain["service_id"], plain["redirect_url"], None if state is None else _query_text(state))


def way_back(redirect_url: str, code: str, state: str | None) -> str:
    """The app's own URL with the code and its state, in ASCII."""
    parts = urlsplit(redirect_url)
    added = f"code={quote(code, safe='')}" + ("" if state is None else f"&state={state}")
    query = f"{quote(parts.query, safe=_KEPT_IN_URL)}&{added}" if parts.query else added
    return urlunsplit((parts.scheme, _ascii_host(parts.netloc), quote(parts.path, safe=_KEPT_IN_URL), query, ""))


def place_of(redirect_url: str) -> str:
    """Scheme and host, for people to read: a name of other letters shows as it is registered, not as it looks."""
    parts = urlsplit(redirect_url)
    return f"{parts.scheme}://{_ascii_host(parts.netloc)}"


def way_here(link: Link) -> str:
    """The query that starts again."""
    redirect = f"&redirect_url={quote(link.redirect_url, safe='')}" if link.redirect_url else ""
    state = "" if link.state is None else f"&state={link.state}"
    return f"?service_id={link.app_key}{redirect}{state}"


def _query_text(text: str) -> str:
    """As it may stand in a query: what is escaped stays as it was, what should have been is escaped now."""
    return quote(text, safe=_KEPT_IN_QUERY, encoding="latin-1", errors="replace")


def _ascii_host(netloc: str) -> str:
    try:
        return netloc.encode("ascii").decode()
    except UnicodeEncodeError:
        return netloc.encode("idna").decode()
