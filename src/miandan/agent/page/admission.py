"""Who may use the page: whoever can read the agent's folder. `miandan agent page` leaves a ticket there, good once.

Opening the ticket's address gives the browser a cookie that lives as long as the agent runs. Cookies know no ports: any
program of this machine that a browser visits would be sent one. So ours is bound to a path that is made anew at each
start, and only those who know the path and hold the cookie come in.
"""

import hmac
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from msgspec import Struct

from miandan.agent.folder import Folder, empty, read_kept, write_kept, written_private
from miandan.agent.page.http import Request
from miandan.kernel.errors import Refusal
from miandan.labels.whole_file import made_folder

OPEN: Final = "/open/"
"""What the address of a ticket begins with."""

COOKIE: Final = "miandan-agent"
TICKET_SECONDS: Final = 120
"""How long a ticket can be used."""

_PATH_BYTES: Final = 16
_SECRET_BYTES: Final = 32


class Kept(Struct, frozen=True):
    """Where the page of the running agent listens."""

    port: int


@dataclass(frozen=True, slots=True)
class Admission:
    """The keys of one run. `place` is the path of everything behind the door, with a slash at both ends."""

    tickets: Path
    place: str = field(default_factory=lambda: f"/{secrets.token_urlsafe(_PATH_BYTES)}/")
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(_SECRET_BYTES), repr=False)

    def admits(self, request: Request) -> bool:
        """Whether it comes from a browser that was let in. The path itself is no secret, the cookie is."""
        given = request.cookie(COOKIE)
        return request.path.startswith(self.place) and hmac.compare_digest(given.encode(), self._secret.encode())

    def cookie(self) -> str:
        """The header that lets a browser in."""
        return f"{COOKIE}={self._secret}; Path={self.place}; HttpOnly; SameSite=Strict"

    @property
    def seal(self) -> str:
        """What each of our forms carries, and no other."""
        return hmac.new(self._secret.encode(), b"form", sha256).hexdigest()

    def is_ours(self, request: Request, seal: str) -> bool:
        """Whether a form was sent from a page of ours: by what the browser says, and by what only our pages know."""
        said_by_browser = request.header("origin") == f"http://{request.header('host')}"
        return said_by_browser and hmac.compare_digest(seal.encode(), self.seal.encode())

    def redeem(self, ticket: str) -> bool:
        """Use a ticket up; False for one that is none, too old, or used."""
        file = self.tickets / _name(ticket)
        try:
            age = time.time() - file.stat().st_mtime
            file.unlink()
        except OSError:
            return False
        return age < TICKET_SECONDS

    def forget_tickets(self) -> None:
        """Those of an earlier run."""
        empty(self.tickets)


def _name(ticket: str) -> str:
    """Of a ticket's file: whoever sees the name cannot use the ticket."""
    return sha256(ticket.encode()).hexdigest()


def tickets_of(folder: Folder) -> Path:
    return folder.path / "page" / "tickets"


def kept_of(folder: Folder) -> Path:
    return folder.path / "page" / "page.json"


def opener_of(folder: Folder) -> Path:
    """A file that leads a browser to the page: an address on a command line could be read by every user."""
    return folder.path / "page" / "open.html"


def keep_port(folder: Folder, port: int) -> None:
    """Say where the page listens. Raises labels.not_writable, labels.folder_denied."""
    made_folder(tickets_of(folder))
    write_kept(kept_of(folder), Kept(port))


def forget_port(folder: Folder) -> None:
    for file in (kept_of(folder), opener_of(folder)):
        with suppress(OSError):
            file.unlink(missing_ok=True)


def new_address(folder: Folder) -> str:
    """An address that opens the page once, within two minutes. Raises agent.not_running, agent.page_closed and what
    writing a file raises."""
    if not folder.is_running():
        raise Refusal("agent.not_running")
    kept = read_kept(kept_of(folder), Kept)
    if kept is None:
        raise Refusal("agent.page_closed")
    ticket = secrets.token_urlsafe(_SECRET_BYTES)
    made_folder(tickets_of(folder))
    (tickets_of(folder) / _name(ticket)).touch(0o600)
    return f"http://127.0.0.1:{kept.port}{OPEN}{ticket}"


def opener(folder: Folder, address: str) -> Path:
    """A file for this user alone that leads on to the address. Raises labels.not_writable."""
    path = opener_of(folder)
    with written_private(path) as out:
        out.write(
            f'<!DOCTYPE html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0;url={escape(address)}">'
            f'<title>打印端</title><a href="{escape(address)}">打开打印端页面 Open the page</a>\n'.encode()
        )
    return path
