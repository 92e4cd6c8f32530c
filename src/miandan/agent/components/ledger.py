"""What was asked for before (打印台账): each document by keyed digests, on disk before it is printed, for seven days;
what is older goes at the next start, and when the file has grown.

Nothing in it can be read back without the key beside it, and nothing of a label is in it at all: a digest of its
content, a digest of its number with the copies that were made, the state. So a restart neither prints a page's task
again nor forgets that it was printed, and what was under way at a kill is doubtful.
"""

import asyncio
import hmac
import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from miandan.agent.folder import written_private
from miandan.agent.journal import append
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence
from miandan.labels.whole_file import made_folder

KEPT_SECONDS: Final = 7 * 86_400
AGAIN_SECONDS: Final = 600
"""How long the same content under another name is taken for the same wish."""

DOUBTFUL: Final = "agent.component_doubtful"
"""The reason of what was under way at a kill."""

MOST_KEPT: Final = 200_000
SPARE_LINES: Final = 20_000
"""The file is written anew when it has so many lines more than there are documents."""

_KEY_BYTES: Final = 32
_NONCE: Final = 12
_DIGEST: Final = 32  # hexadecimal digits


class State(StrEnum):
    """How far a document is."""

    PENDING = "pending"
    RENDERED = "rendered"
    PRINTED = "printed"
    FAILED = "failed"  # nothing reached the paper
    CANCELED = "canceled"
    DOUBTFUL = "doubtful"

    @property
    def has_ended(self) -> bool:
        return self not in (State.PENDING, State.RENDERED)

    @property
    def may_be_on_paper(self) -> bool:
        return self not in (State.FAILED, State.CANCELED)


class Entry(Struct, frozen=True, omit_defaults=True):
    """One document. Names but those of states are digests; `document` is its id, encrypted."""

    key: str
    task: str
    raw: str  # the content as the page said it
    content: str  # the content as it is printed
    state: State
    at: float
    document: str = ""
    place: int = 0  # within its task
    number: str = ""
    copy: int = 0
    evidence: Evidence = Evidence.NONE
    printer: str = ""
    reason: str = ""


class Ledger:
    """The entries of one agent."""

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path = path
        self._secret = secret
        self._lock = asyncio.Lock()
        self._entries: dict[str, Entry] = {}
        self._lines = 0  # of the file
        self._named: dict[str, set[str]] = {}
        """Keys by task, content and number."""

    @classmethod
    def open(cls, folder: Path, known: Iterable[tuple[str, State, Evidence]] = ()) -> "Ledger":
        """Read what an earlier run has left; what it had not ended is in doubt, unless it is `known` what became of it.

        Raises labels.folder_denied, labels.not_writable, labels.disk_full, OSError.
        """
        made_folder(folder)
        ledger = cls(folder / "ledger.jsonl", _secret(folder / "ledger.key"))
        for entry in _read(ledger._path, _oldest()):
            ledger._take(entry)
        for entry in list(ledger._entries.values()):
            if not entry.state.has_ended:
                ledger._take(msgspec.structs.replace(entry, state=State.DOUBTFUL, reason=DOUBTFUL))
        for key, state, evidence in known:
            ledger._learn(key, state, evidence)
        ledger._lines = ledger._rewrite(ledger._entries.values())
        return ledger

    def digest(self, *parts: str | bytes) -> str:
        """A keyed name for something that must not stand there itself; each part behind its length."""
        mac = hmac.new(self._secret, digestmod=sha256)
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            mac.update(len(raw).to_bytes(8) + raw)
        return mac.hexdigest()[:_DIGEST]

    def locked(self, text: str) -> str:
        """A document's id as it may lie on the disk."""
        nonce = os.urandom(_NONCE)
        return (nonce + AESGCM(self._secret).encrypt(nonce, text.encode("utf-8", "replace"), None)).hex()

    def unlocked(self, text: str) -> str:
        try:
            raw = bytes.fromhex(text)
            return AESGCM(self._secret).decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
        except (ValueError, InvalidTag):
            return ""

    def entry(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def of_task(self, task: str) -> list[Entry]:
        """The documents of a task, in the order in which they came."""
        return sorted(self._of(task), key=lambda entry: entry.place)

    def lately(self, content: str, key: str) -> Entry | None:
        """The same content under another name in the last ten minutes, if it may be on paper."""
        oldest = time.time() - AGAIN_SECONDS
        found = [one for one in self._of(content) if one.key != key and one.at > oldest and one.state.may_be_on_paper]
        return max(found, key=lambda entry: entry.at, default=None)

    def next_copy(self, number: str, least: int) -> int:
        """Which copy of a number the next sheet is; `least` is what its label says."""
        made = [one.copy for one in self._of(number) if one.state.may_be_on_paper]
        return max(max(made, default=0) + 1, least)

    def _of(self, name: str) -> list[Entry]:
        return [self._entries[key] for key in self._named.get(name, ())]

    def reserve(self, entry: Entry) -> None:
        """Known from now on in this run; `write` puts it on the disk."""
        self._take(entry)

    async def write(self, *entries: Entry) -> None:
        """On the disk when it returns. Raises OSError."""
        for entry in entries:
            self._take(entry)
        lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        async with self._lock:
            await asyncio.to_thread(self._append, lines)
            self._lines += len(entries)
            if self._lines > len(self._entries) + SPARE_LINES:
                await self._tidy()

    async def _tidy(self) -> None:
        """Forget what is too old, here and on the disk; where that takes nothing, the old file goes on being good."""
        oldest = _oldest()
        for key in [key for key, entry in self._entries.items() if entry.at <= oldest]:
            self._forget(key)
        self._lines = len(self._entries)  # so that a disk that is full is not tried at each write
        with suppress(OSError, Refusal):
            self._lines = await asyncio.to_thread(self._compact, oldest)

    def _compact(self, oldest: float) -> int:
        """By what was written, not by what is only reserved; how many lines are left."""
        latest: dict[str, Entry] = {}
        for entry in _read(self._path, oldest):
            latest.pop(entry.key, None)
            latest[entry.key] = entry
        return self._rewrite([*latest.values()][-MOST_KEPT:])

    def _learn(self, key: str, state: State, evidence: Evidence) -> None:
        """What the agent's journal knows of a document that an earlier run had not ended."""
        entry = self._entries.get(key)
        if entry is not None and entry.state is State.DOUBTFUL and entry.reason == DOUBTFUL:
            self._take(msgspec.structs.replace(entry, state=state, evidence=evidence, reason=""))

    def _append(self, lines: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            append(handle, os.fstat(handle).st_size, lines, sync=True)
        finally:
            os.close(handle)

    def _take(self, entry: Entry) -> None:
        self._forget(entry.key)
        self._entries[entry.key] = entry
        for name in filter(None, (entry.task, entry.content, entry.number)):
            self._named.setdefault(name, set()).add(entry.key)
        while len(self._entries) > MOST_KEPT:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        for name in () if entry is None else filter(None, (entry.task, entry.content, entry.number)):
            keys = self._named.get(name, set())
            keys.discard(key)
            if not keys:
                self._named.pop(name, None)

    def _rewrite(self, entries: Collection[Entry]) -> int:
        with written_private(self._path) as out:
            for entry in entries:
                out.write(msgspec.json.encode(entry) + b"\n")
        return len(entries)


def _oldest() -> float:
    return time.time() - KEPT_SECONDS


def _secret(path: Path) -> bytes:
    """The key, made by the first run."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) == _KEY_BYTES:
        return found
    with written_private(path) as out:
        found = os.urandom(_KEY_BYTES)
        out.write(found)
    return found


def _read(path: Path, oldest: float) -> Iterator[Entry]:
    """Every line that is whole and younger; the last one may have been cut by a kill."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    for line in text.split(b"\n"):
        if line:
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except (msgspec.DecodeError, UnicodeError):
                continue
            if entry.at > oldest:
                yield entry
