"""Which pages may print (页面授权): decided by the user once per origin, on first use, and kept.

The agent and the command line share one file: the agent writes down who waits, whoever decides writes the answer, and
the agent sees it within a fifth of a second.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import Struct

from miandan.agent.components.shared_file import SharedFile
from miandan.kernel.errors import Refusal

PROGRAM: Final = ""
"""The origin of callers that are no browsers; what lets them in is a token or a setting."""

MOST_WAITING: Final = 20
WAITS_SECONDS: Final = 600
"""How long a question for consent stands before it is forgotten."""

GIVES_WAY_SECONDS: Final = 30
"""How long it stands at least where too many wait: then the oldest makes room for a new one."""

_LOOK_SECONDS: Final = 0.2
_MOST_KEPT: Final = 500
_ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]{1,30}://(?:[a-z0-9._-]{1,200}|\[[0-9a-f:]{2,45}\])(?::[1-9]\d{0,4})?|file://", re.ASCII
)


def is_origin(text: str) -> bool:
    """Whether a text is an origin as browsers write it: scheme, host, port. "null" is none, since any page can have
    it."""
    return bool(_ORIGIN.fullmatch(text))


class Decision(Struct, frozen=True):
    """What the user said of an origin. No `printers` are all printers."""

    allowed: bool
    printers: tuple[str, ...] = ()
    at: float = 0.0


class Waiting(Struct, frozen=True):
    """An origin that nobody has decided on, and the component it came to first."""

    component: str
    at: float


class _Kept(Struct, frozen=True):
    decided: dict[str, Decision] = {}
    waiting: dict[str, Waiting] = {}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is at the door. `printers` bounds what it may use; none are all."""

    origin: str
    printers: tuple[str, ...] = ()

    def may_use(self, printer: str) -> bool:
        return not self.printers or printer in self.printers


class Origins:
    """The decisions of one agent."""

    def __init__(self, folder: Path) -> None:
        self._file = SharedFile(folder / "origins.json", _Kept)

    def decided(self) -> dict[str, Decision]:
        """All decisions by origin."""
        return dict(sorted(self._file.now().decided.items()))

    def waiting(self) -> dict[str, Waiting]:
        """The origins that wait for one."""
        return _still(self._file.now().waiting)

    def decision(self, origin: str) -> Decision | None:
        return self._file.now().decided.get(origin)

    def ask(self, origin: str, component: str) -> bool:
        """Let an origin wait for a decision; False when too many do already, and all of them came just now."""
        waiting = self.waiting()
        if origin in waiting or self.decision(origin) is not None:
            return True
        if len(waiting) >= MOST_WAITING and min(one.at for one in waiting.values()) > time.time() - GIVES_WAY_SECONDS:
            return False

        def changed(kept: _Kept) -> _Kept:
            if origin in kept.decided:  # in this moment
                return kept
            newest = sorted(_still(kept.waiting).items(), key=lambda one: one[1].at)[-(MOST_WAITING - 1) :]
            return _Kept(kept.decided, dict(newest) | {origin: Waiting(component, time.time())})

        self._file.change(changed)
        return True

    def allow(self, origin: str, printers: tuple[str, ...] = ()) -> None:
        """Raises agent.component_origin_wrong."""
        self._decide(origin, Decision(True, printers, time.time()))

    def deny(self, origin: str) -> None:
        """Raises agent.component_origin_wrong."""
        self._decide(origin, Decision(False, (), time.time()))

    def forget(self, origin: str) -> None:
        """As if it had never come: it is asked about again."""
        self._file.change(
            lambda kept: _Kept(
                {name: one for name, one in kept.decided.items() if name != origin},
                {name: one for name, one in kept.waiting.items() if name != origin},
            )
        )

    async def answer(self, origin: str, within: float) -> Decision | None:
        """The decision on an origin, waited for at most so many seconds."""
        end = time.monotonic() + within
        while True:
            found = self.decision(origin)
            if found is not None or time.monotonic() > end:
                return found
            await asyncio.sleep(_LOOK_SECONDS)  # another program writes the answer

    def _decide(self, origin: str, decision: Decision) -> None:
        if not is_origin(origin):
            raise Refusal("agent.component_origin_wrong")

        def changed(kept: _Kept) -> _Kept:
            waiting = {name: one for name, one in kept.waiting.items() if name != origin}
            decided = dict(list(kept.decided.items())[-_MOST_KEPT:]) | {origin: decision}
            return _Kept(decided, waiting)

        self._file.change(changed)


def _still(waiting: dict[str, Waiting]) -> dict[str, Waiting]:
    """Without the questions that were forgotten."""
    oldest = time.time() - WAITS_SECONDS
    return {origin: one for origin, one in waiting.items() if one.at > oldest}
