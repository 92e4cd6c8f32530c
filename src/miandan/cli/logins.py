"""Who sits at the keyboard, as audit log and records keep it: a login, never a person's name."""

import getpass
import re

from miandan.kernel.errors import Refusal

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def login(by: str | None) -> str:
    """The login that was typed. Raises doubts.who where there is none, or a text that is none."""
    if by is None or not _LOGIN.fullmatch(by):
        raise Refusal("doubts.who")
    return by


def login_or_own(by: str | None) -> str:
    """The login that was typed, else the one of the system user. Raises doubts.who."""
    return login(_own() if by is None else by)


def _own() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run as a user without a name
        return None
