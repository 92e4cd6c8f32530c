"""What a door says when something fails: what is wrong and what to do, never a traceback.

An exception's own words stay out of it: a database error can quote the row that it was about, with a person in it.
"""

import logging
import sys
import traceback
from pathlib import Path

from miandan.kernel.errors import Refusal

DEEPEST_PLACES = 3

_log = logging.getLogger("miandan")


def explained(error: Exception) -> Refusal:
    """The refusal that says it best: the error itself, its kind, or for what nobody foresaw its type and place."""
    if isinstance(error, Refusal):
        return error
    if refusal := _of_the_database(error):
        return refusal
    if type(error).__module__ == "sqlite3":
        return Refusal("failure.file_trouble", file="fake-carriers.sqlite", reason=type(error).__name__)
    if isinstance(error, OSError):
        file = Path(str(error.filename)).name if error.filename else "?"
        return Refusal("failure.file_trouble", file=file, reason=error.strerror or type(error).__name__)
    return Refusal("failure.unforeseen", kind=type(error).__name__, places=_places(error))


def told_outside(refusal: Refusal, log_id: str) -> Refusal:
    """The refusal as a caller over the network hears it: of what nobody foresaw only the log id, under which this
    server's log has kind and place."""
    if refusal.code != "failure.unforeseen":
        return refusal
    _log.error("unforeseen log_id=%s kind=%s at=%s", log_id, refusal.fields["kind"], refusal.fields["places"])
    return Refusal("failure.at_the_server", log_id=log_id)


def _of_the_database(error: Exception) -> Refusal | None:
    asyncpg = sys.modules.get("asyncpg")  # where it was never imported there was no database
    if asyncpg is None:
        return None
    if isinstance(error, OSError) and any("asyncpg" in Path(one.filename).parts for one in _frames(error)):
        return Refusal("failure.database_lost", kind=type(error).__name__)  # its socket is gone, not a file
    if isinstance(error, asyncpg.DiskFullError):
        return Refusal("failure.database_full")
    lost = (
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        ConnectionError,
        TimeoutError,
    )
    return Refusal("failure.database_lost", kind=type(error).__name__) if isinstance(error, lost) else None


def _places(error: Exception) -> str:
    """Where it happened, innermost last: file, line and function, no values."""
    frames = _frames(error)
    ours = [frame for frame in frames if "miandan" in Path(frame.filename).parts] or frames
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in ours[-DEEPEST_PLACES:])


def _frames(error: Exception) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))
