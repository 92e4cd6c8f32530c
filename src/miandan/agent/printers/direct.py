"""Printers that take bytes on a line of their own: a TCP port, a USB device, a serial one. What they share is the talk.

Ask whether it can print, send the sheet, ask until it says that the sheet is out. A printer that does not answer is
left in peace for a while; its sheets are then known to be sent, no more.
"""

import asyncio
from abc import abstractmethod
from dataclasses import dataclass
from typing import Final

from miandan.agent.printers.model import (
    BROKEN,
    NOT_READY,
    STALLED,
    UNREACHABLE,
    Broke,
    Condition,
    DeviceRefused,
    Driver,
    Loaded,
    MediaType,
    Outcome,
    Printer,
    SheetRef,
    State,
)
from miandan.agent.printers.status import Proof, Said, tongue
from miandan.agent.printers.talk import Channel, Gone, Stuck, Talk
from miandan.labels.agent_link import Evidence
from miandan.labels.printers.profile import Profile

_LONGEST_PEACE: Final = 3600.0
"""Seconds for which a printer that never answers is not asked, at most."""

_SHORT_PEACE: Final = 5.0
"""The same for one that fell silent in the middle of a talk."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a printer is waited for."""

    connect: float = 5.0
    stalled: float = 60.0  # taking no byte, or in trouble with a sheet inside
    answer: float = 2.0
    printing: float = 30.0  # from the last byte to the word that it is out
    unseen: float = 1.0  # ready, and never seen printing
    fresh: float = 1.0  # what it said so lately is not asked again
    peace: float = 60.0  # not asked again, at first
    asks_after: float = 0.0  # from the start on; infinity for a printer that is never to be asked
    rest: float = 0.05  # between two questions


USUAL: Final = Patience()


class DirectPrinter(Printer):
    """The talk; how a line is opened is each driver's part."""

    def __init__(
        self,
        name: str,
        driver: Driver,
        profile: Profile,
        loaded: Loaded,
        patience: Patience = USUAL,
    ) -> None:
        super().__init__(name, driver, MediaType.RAW, profile, loaded)
        self._tongue = tongue(profile.language)
        self._patience = patience
        self._peace = patience.peace
        self._asked_again_at = self._patience.asks_after
        self._seen = Condition(State.UNKNOWN)
        self._seen_at = float("-inf")

    @abstractmethod
    async def _opened(self) -> Channel:
        """A fresh line. Raises Gone with what the system says."""

    # a sheet

    async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
        try:
            channel = await self._opened()
        except Gone as gone:
            self._offline(gone)
            raise self.nothing_sent(UNREACHABLE, gone.reason) from gone
        try:
            return await self._printed_over(channel, document)
        except (Broke, DeviceRefused):
            self._ask_soon()
            raise
        finally:
            channel.drop()

    async def _printed_over(self, channel: Channel, document: bytes) -> Outcome:
        self._refuse_unless_ready(channel.port_status())
        talk = self._talk(channel)
        answers = await self._answers(talk)
        try:
            await talk.send(document, fenced=answers)
        except Gone as gone:
            if not gone.sent:
                raise self.nothing_sent(UNREACHABLE, gone.reason) from gone
            raise self._broke_at(gone) from gone
        try:
            outcome = await self._heard_of(talk) if answers else Outcome(Evidence.SENT_ONLY, "tells nothing")
            if outcome.evidence is not Evidence.DEVICE:
                await channel.finish(self._patience.stalled)
        except Gone as gone:
            raise self._broke_at(gone) from gone
        after = channel.port_status()
        if after is not None and not after.state.can_print and outcome.evidence is not Evidence.DEVICE:
            raise self.refused(after.state)
        return outcome

    def _broke_at(self, gone: Gone) -> Broke:
        return self.broke(STALLED if isinstance(gone, Stuck) else BROKEN, gone.reason)

    def _talk(self, channel: Channel) -> Talk:
        return Talk(channel, self._tongue, self._patience.answer, self._patience.stalled)

    async def _answers(self, talk: Talk) -> bool:
        """Whether it answers. Raises NothingSent where it says that it cannot print, or the line is gone."""
        if asyncio.get_running_loop().time() < self._asked_again_at:
            return False
        try:
            said = await self._asked(talk)
        except Gone as gone:
            raise self.nothing_sent(UNREACHABLE, gone.reason) from gone
        self._refuse_unless_ready(said)
        return said is not None

    def _refuse_unless_ready(self, said: Said | None) -> None:
        if said is not None and not said.state.can_print:
            self._note(said.state, said.detail)
            raise self.nothing_sent(NOT_READY, said.state)

    async def _heard_of(self, talk: Talk) -> Outcome:
        """Ask until the sheet is out, as far as the printer says so. Raises DeviceRefused, Gone."""
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        seen_busy = False
        while True:
            said = await self._asked(talk)
            if said is None:
                self._peace = self._patience.peace
                self._asked_again_at = loop.time() + min(_SHORT_PEACE, self._peace)
                return Outcome(Evidence.SENT_ONLY, "stopped answering")
            waited = loop.time() - sent_at
            if not said.state.can_print:
                if not self._tongue.keeps_sheets or waited > self._patience.stalled:
                    raise self.refused(said.state)
            elif said.state is State.READY and talk.is_past_the_sheet:
                if seen_busy or self._tongue.proof is not Proof.BUSY_THEN_READY:
                    return Outcome(Evidence.DEVICE, self._tongue.proof.value)
                if waited > self._patience.unseen:
                    return Outcome(Evidence.SENT_ONLY, "ready, never seen printing")
            elif waited > self._patience.printing:
                return Outcome(Evidence.SENT_ONLY, "still printing")
            seen_busy = seen_busy or said.state is State.BUSY
            await asyncio.sleep(self._patience.rest)

    async def _asked(self, talk: Talk) -> Said | None:
        """What it says; None where it does not answer, and then it is left in peace. Raises Gone."""
        said = await talk.ask()
        if said is None:
            self._asked_again_at = asyncio.get_running_loop().time() + self._peace
            self._peace = min(2 * self._peace, _LONGEST_PEACE)
            self._note(State.UNKNOWN)
            return None
        self._peace = self._patience.peace
        self._note(said.state, said.detail)
        return said

    def _ask_soon(self) -> None:
        """What was known of it is known no more, also that it does not answer."""
        self._asked_again_at = self._patience.asks_after
        self._peace = self._patience.peace
        self._seen_at = float("-inf")

    def _offline(self, gone: Gone) -> Condition:
        self._ask_soon()
        return self._note(State.OFFLINE, gone.reason)

    def _note(self, state: State, detail: str = "") -> Condition:
        self._seen, self._seen_at = Condition(state, detail), asyncio.get_running_loop().time()
        return self._seen

    # how it is

    async def condition(self) -> Condition:
        """While a sheet is with it, what it said last, since most devices hold one line at a time."""
        if self.is_printing or asyncio.get_running_loop().time() - self._seen_at < self._patience.fresh:
            return self._seen
        async with self._turn:
            try:
                channel = await self._opened()
            except Gone as gone:
                return self._offline(gone)
            try:
                return await self._found(channel)
            except Gone as gone:
                return self._offline(gone)
            finally:
                channel.drop()

    async def _found(self, channel: Channel) -> Condition:
        port = channel.port_status()
        if port is not None and not port.state.can_print:
            return self._note(port.state, port.detail)
        said = None
        if asyncio.get_running_loop().time() >= self._asked_again_at:
            talk = self._talk(channel)
            said = await self._asked(talk)
            if said is not None and said.state in (State.PAUSED, State.ERROR):
                said = await talk.ask_why() or said
        said = said or port
        return self._note(State.UNKNOWN) if said is None else self._note(said.state, said.detail)
