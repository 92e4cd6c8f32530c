"""The agent's core as the components see it: its benches, its journal, its pairing.

Offsets that pages set are kept here and lie on top of what the printer's profile says, which other machines may share.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from miandan.agent.bench import Bench, Task
from miandan.agent.components.ledger import State
from miandan.agent.components.model import (
    Canceled,
    Doubtful,
    Failed,
    Notice,
    Pairing,
    Printed,
    PrinterCard,
    Rendered,
    Sheet,
)
from miandan.agent.components.questions import shown_number
from miandan.agent.folder import Paired, read_kept, write_kept
from miandan.agent.journal import RECALLED, Ended, Slip
from miandan.agent.keys import AgentKeys
from miandan.agent.log import Log
from miandan.agent.rendering import Content, drawn
from miandan.kernel.errors import Refusal, catalogue
from miandan.labels.agent_link import Evidence, Outcome
from miandan.labels.whole_file import made_folder

SOURCE: Final = "component"
"""Who gave a sheet, in the journal."""

ONLY: Final = "1of1"
"""How the key of a document's only sheet ends."""


class Core(Protocol):
    """What is used of the agent."""

    paired: Paired | None
    keys: AgentKeys
    log: Log
    benches: dict[str, Bench]
    left_over: list[tuple[Slip, Ended]]

    def put(self, task: Task, is_heard: Callable[[], bool]) -> None: ...


class _Kept(Struct, frozen=True):
    moved: dict[str, tuple[int, int]] = {}  # micrometres to the right and down, by printer


@dataclass(slots=True)
class AgentWorkshop:
    """Prints what components ask for on the benches of one agent."""

    core: Core
    folder: Path

    def start(self) -> None:
        """Apply the offsets that pages have set before. Raises agent.file_damaged."""
        moved = self._moved()
        for name in self.core.benches:
            if name in moved:
                self._apply(name, *moved[name])

    def printers(self) -> Sequence[PrinterCard]:
        return [_card(bench, first=place == 0) for place, bench in enumerate(self.core.benches.values())]

    def pairing(self) -> Pairing | None:
        paired = self.core.paired
        if paired is None or not paired.platform_key:
            return None
        platform_key = bytes.fromhex(paired.platform_key)
        public_url = paired.public_url or paired.server
        return Pairing(paired.server, public_url, paired.agent_id, platform_key, self.core.keys.opening)

    def note(self, event: str, **fields: object) -> None:
        self.core.log.wrong(event, **fields)

    async def move(self, printer: str, right_um: int, down_um: int) -> None:
        made_folder(self.folder)
        write_kept(self._file, _Kept({**self._moved(), printer: (right_um, down_um)}))
        self._apply(printer, right_um, down_um)

    async def submit(self, sheets: Sequence[Sheet]) -> AsyncIterator[Notice]:
        """Each sheet on its printer's bench, in this order; every step as it comes."""
        heard: asyncio.Queue[Notice] = asyncio.Queue()
        left = len(sheets)
        nobody_listens = asyncio.Event()
        try:
            for place, sheet in enumerate(sheets, 1):
                try:
                    self.core.put(self._task(sheet, place, heard), lambda: not nobody_listens.is_set())
                except Refusal as why:
                    heard.put_nowait(Failed(sheet.key, why))
            while left:
                notice = await heard.get()
                left -= not isinstance(notice, Rendered)
                yield notice
        finally:
            nobody_listens.set()

    def left_over(self) -> Iterator[tuple[str, State, Evidence]]:
        """What is true of documents that an earlier run had not ended, as far as the journal or a device knows it.

        A document of several sheets stays in doubt: which of them had come out nobody has written down together. One
        that was tried again ended as it did the last time.
        """
        latest = {slip.sheet_id.partition(".")[0]: (slip, ended) for slip, ended in self.core.left_over}
        for name, (slip, ended) in latest.items():
            key, _, which = name.rpartition("-")
            if slip.source == SOURCE and which == ONLY and ended.outcome is not Outcome.DOUBTFUL:
                state = State.PRINTED if ended.outcome is Outcome.PRINTED else State.FAILED
                yield key, state, ended.evidence

    @property
    def _file(self) -> Path:
        return self.folder / "offsets.json"

    def _moved(self) -> Mapping[str, tuple[int, int]]:
        return (read_kept(self._file, _Kept) or _Kept()).moved

    def _apply(self, printer: str, right_um: int, down_um: int) -> None:
        device = self.core.benches[printer].printer
        device.profile = replace(device.profile, offset_x_um=right_um, offset_y_um=down_um)

    def _task(self, sheet: Sheet, place: int, heard: "asyncio.Queue[Notice]") -> Task:
        slip = Slip(
            f"{sheet.key}.{os.urandom(4).hex()}",
            sheet.printer,
            sheet.label.copy,
            place=place,
            number=sheet.label.number if sheet.data is not None else shown_number(sheet.label.number),
            source=SOURCE,
            data=sheet.data,
        )

        def ended(_slip: Slip, how: Ended) -> None:
            heard.put_nowait(_end(sheet.key, how))

        def rendered(_slip: Slip) -> None:
            heard.put_nowait(Rendered(sheet.key))

        return Task(slip, self._draw(sheet), on_drawn=rendered, on_end=ended)

    def _draw(self, sheet: Sheet) -> Callable[[], bytes]:
        bench = self.core.benches.get(sheet.printer)

        def draw() -> bytes:
            assert bench is not None  # else it was not put
            return drawn(Content(sheet.label, sheet.template), bench.printer.takes, bench.printer.profile).document

        return draw


def _card(bench: Bench, *, first: bool) -> PrinterCard:
    printer = bench.printer
    profile = printer.profile
    return PrinterCard(
        printer.name,
        first,
        bench.condition.state.can_print,
        profile.dpi,
        printer.loaded.width_um,
        printer.loaded.height_um,
        profile.offset_x_um,
        profile.offset_y_um,
    )


def _end(key: str, how: Ended) -> Notice:
    match how.outcome:
        case Outcome.PRINTED:
            return Printed(key, how.evidence)
        case Outcome.DOUBTFUL:
            return Doubtful(key, how.reason)
        case Outcome.GIVEN_BACK if how.reason == RECALLED:
            return Canceled(key)
    return Failed(key, _why(how.reason))


def _why(code: str) -> Refusal:
    """The reason in the catalogue's words, where those need no fields."""
    entry = catalogue().get(code)
    if entry is None or "{" in entry.zh + entry.en:
        return Refusal("agent.component_not_printed", reason_zh=code or "-", reason_en=code or "-")
    return Refusal("agent.component_not_printed", reason_zh=entry.zh, reason_en=entry.en)
