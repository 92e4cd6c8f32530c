"""What a component works with: the parts of the agent that its connections share, whatever they speak."""

from collections.abc import Sequence
from dataclasses import dataclass

from miandan.agent.components.ledger import State
from miandan.agent.components.line import Line
from miandan.agent.components.model import PrinterCard, Workshop
from miandan.agent.components.opening import Opened, Opener
from miandan.agent.components.origins import Caller
from miandan.agent.components.previews import Previews, pdf_of, pictures_of
from miandan.agent.components.printer_settings import PrinterSettings
from miandan.agent.components.profiles import Component, Options, Settings
from miandan.agent.components.reading import Task
from miandan.agent.components.relay import Relay
from miandan.agent.components.work import Work
from miandan.agent.components.works import Asked, Works
from miandan.kernel.errors import Refusal


@dataclass(frozen=True, slots=True)
class Desk:
    """One component at work."""

    component: Component
    options: Options
    settings: Settings
    workshop: Workshop
    works: Works
    opener: Opener
    previews: Previews
    printer_settings: PrinterSettings

    def printers(self, caller: Caller) -> list[PrinterCard]:
        """Those that a caller may use, the default one first."""
        found = [card for card in self.workshop.printers() if caller.may_use(card.name)]
        return sorted(found, key=lambda card: not card.is_default)

    def printer(self, name: str, caller: Caller) -> PrinterCard:
        """The printer of that name, or the default one.

        Raises agent.component_no_printer, agent.component_printer_unknown, also for one that the caller may not use.
        """
        known = self.printers(caller)
        if not known:
            raise Refusal("agent.component_no_printer")
        for card in known:
            if not name or card.name == name:
                return card
        raise Refusal("agent.component_printer_unknown", known="、".join(card.name for card in known))

    def asked(self, task: Task, line: Line) -> Asked:
        """Raises like `printer`."""
        card = self.printer(task.printer, line.caller)
        return Asked(line.caller, self.component, self.options, task, card.name, self.settings.answer_seconds)

    def relay(self) -> Relay | None:
        """The way to the platform's own component, where one is configured."""
        port = self.options.vendor_port
        return Relay(port, self.component.paths[0]) if port else None

    async def opened(self, task: Task, line: Line) -> list[Opened]:
        """The documents of a preview. Raises what the opener raises."""
        origin = line.caller.origin
        return [await self.opener.open(one, origin, self.component, self.options) for one in task.documents]

    async def pdf(self, opened: Sequence[Opened], line: Line, printer: PrinterCard | None) -> str:
        """The address of a PDF of them all."""
        content = await pdf_of(opened, printer.dpi if printer is not None else 203)
        return self.addresses([content], "pdf", line)[0]

    async def pictures(self, opened: Sequence[Opened], line: Line, printer: PrinterCard | None) -> list[str]:
        """The addresses of a picture of each."""
        return self.addresses(await pictures_of(opened, printer), "png", line)

    def addresses(self, contents: Sequence[bytes], kind: str, line: Line) -> list[str]:
        """Where whoever is on the line finds these files from now on."""
        return [line.home + self.previews.put(one, kind, line.caller.origin) for one in contents]

    def preview_printer(self, task: Task, line: Line) -> PrinterCard | None:
        """Whose dots a preview shows; it needs no printer."""
        known = self.printers(line.caller)
        return next((card for card in known if card.name == task.printer), known[0] if known else None)


def all_printed(works: Sequence[Work]) -> bool:
    return all(work.state is State.PRINTED for work in works)
