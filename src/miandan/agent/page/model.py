"""What the page shows of the agent and asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from miandan.agent.components.origins import Origins
from miandan.agent.components.questions import Questions, shown_number
from miandan.agent.journal import SERVER, Entry
from miandan.agent.link import LinkState
from miandan.agent.pages import page
from miandan.agent.printers.model import Condition, Driver, MediaType
from miandan.agent.program import PAGES, Agent
from miandan.agent.status import LinkShown
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence, Outcome

MOST_PAGES: Final = 1
"""Test and calibration pages that may wait for one printer: whoever presses again gets no second one."""


class Port(Protocol):
    """A port of a print component, `taken` where another program holds it; in words."""

    @property
    def taken(self) -> bool: ...

    @property
    def zh(self) -> str: ...

    @property
    def en(self) -> str: ...


class Components(Protocol):
    """What the page needs of the print components; they may all be switched off."""

    @property
    def origins(self) -> Origins: ...

    @property
    def questions(self) -> Questions: ...

    @property
    def ports(self) -> Sequence[Port]: ...


class Lamp(StrEnum):
    """How it stands, in three colours: sheets to be looked at share the amber of trouble."""

    GOOD = "good"  # connected
    CHECK = "check"  # sheets that failed or are in doubt want a person
    TROUBLE = "trouble"  # a printer, or the disk, wants a person
    OFFLINE = "offline"  # no server


@dataclass(frozen=True, slots=True)
class PrinterShown:
    """One printer now. Counts are those since the agent started; `evenly` says how many prints rest on what."""

    name: str
    driver: Driver
    profile: str
    language: str
    dpi: int
    width_um: int
    height_um: int
    condition: Condition
    waiting: int
    failed: int
    doubtful: int
    evenly: Sequence[tuple[Evidence, int]]
    stands_still: bool = False

    @property
    def printed(self) -> int:
        return sum(count for _, count in self.evenly)

    @property
    def in_trouble(self) -> bool:
        return not self.condition.state.can_print


@dataclass(frozen=True, slots=True)
class Shown:
    """The agent now. `ended` begins with the newest; `wrong` is what did not come out or may not have."""

    name: str
    server: str
    link: LinkShown
    trouble: Refusal | None
    printers: Sequence[PrinterShown]
    waiting: Sequence[Entry]
    ended: Sequence[Entry]
    wrong: Sequence[Entry]

    @property
    def lamp(self) -> Lamp:
        if self.link.state != LinkState.CONNECTED:
            return Lamp.OFFLINE
        if self.trouble is not None or any(one.in_trouble for one in self.printers):
            return Lamp.TROUBLE
        return Lamp.CHECK if self.wrong else Lamp.GOOD

    @property
    def doubtful(self) -> int:
        """Sheets in doubt that want a person."""
        return sum(one.ended is not None and one.ended.outcome is Outcome.DOUBTFUL for one in self.wrong)


def shown(agent: Agent) -> Shown:
    """What can be seen of it now."""
    status = agent.status()
    return Shown(
        name=status.name,
        server=status.server,
        link=status.link,
        trouble=agent.journal.trouble,
        printers=[_printer(agent, name) for name in agent.benches],
        waiting=[_without_person(one) for one in agent.journal.open_sheets],
        ended=[_without_person(one) for one in reversed(agent.journal.ended)],
        wrong=[_without_person(one) for one in agent.to_check()],
    )


def _printer(agent: Agent, name: str) -> PrinterShown:
    bench = agent.benches[name]
    printer, counts, tally = bench.printer, bench.counts, agent.journal.printed
    return PrinterShown(
        name=name,
        driver=printer.driver,
        profile=printer.profile.name,
        language=printer.profile.language.value.upper() if printer.takes is MediaType.RAW else printer.takes.name,
        dpi=printer.profile.dpi,
        width_um=printer.loaded.width_um,
        height_um=printer.loaded.height_um,
        condition=bench.condition,
        waiting=bench.waiting,
        failed=counts.failed,
        doubtful=counts.doubtful,
        evenly=[(one, tally[name, one]) for one in Evidence if tally[name, one]],
        stands_still=bench.stands_still,
    )


def _without_person(entry: Entry) -> Entry:
    """A page of an ERP may have put a phone where a number belongs."""
    if entry.slip.source == SERVER:
        return entry
    return replace(entry, slip=replace(entry.slip, number=shown_number(entry.slip.number)))


def refuse_pages(agent: Agent, printer: str, kind: str) -> None:
    """Whether one more page may be put on a bench. Raises agent.printer_unknown, agent.page_unknown,
    agent.page_waits."""
    page(kind, agent.bench(printer).printer)
    waiting = [one for one in agent.journal.open_sheets if one.slip.printer == printer and one.slip.source == PAGES]
    if len(waiting) >= MOST_PAGES:
        raise Refusal("agent.page_waits", printer=printer)
