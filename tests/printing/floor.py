"""A packing floor (车间): a merchant's press with agents that have printers, so that tests say what a packer says."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from miandan.kernel import outbox
from miandan.labels.agent_link import Outcome, PrinterSaid, PrinterState, open_sheet
from miandan.orders import intake
from miandan.orders.model import OrderDraft, OrderLine, OrderRef
from miandan.orders.standing import OrderEvent
from miandan.printing import job_views, jobs, leasing, pairing, printers, reprints, sheets_life, stopping
from miandan.printing.job_model import (
    JobAsk,
    JobMade,
    Leased,
    PrinterRef,
    PrintJob,
    PrintSheet,
    SheetState,
    Word,
    read_tag,
)
from miandan.printing.model import Agent, AgentOwner, Asked, OwnerKind
from miandan.printing.reprints import ReprintAsk
from miandan.vault.model import Recipient
from miandan.waybills.model import Taken
from tests.printing.press import PLACED, Press, asked
from tests.waybills.world import SHOP, parcel

PACKER = "packer"
LABELLER, SECOND = "标签机 1", "标签机 2"
READY = tuple(
    PrinterSaid(name, "folder", "zpl-203", 203, 76_000, 130_000, PrinterState.READY) for name in (LABELLER, SECOND)
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer with a paired agent and its private keys."""

    agent: Agent
    private: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @property
    def printer(self) -> PrinterRef:
        return PrinterRef(self.agent.agent_id, LABELLER)

    @property
    def second(self) -> PrinterRef:
        return PrinterRef(self.agent.agent_id, SECOND)

    def opened(self, sheet: Leased) -> dict[str, Any]:
        """What the agent finds in a sealed sheet."""
        plain = open_sheet(
            sheet.sealed,
            self.private,
            sheet_id=sheet.sheet_id,
            agent_id=str(self.agent.agent_id),
            printer=sheet.printer,
            copy=sheet.copy,
        )
        said: dict[str, Any] = json.loads(plain)
        return said


@dataclass(slots=True)
class Floor:
    """What tests say: `job = await floor.job(machine, taken)`, `[sheet] = await floor.lease(machine)`."""

    press: Press

    @property
    def desk(self) -> Any:
        return self.press.desk

    @property
    def db(self) -> Any:
        return self.press.desk.db

    @property
    def merchant_id(self) -> int:
        return self.press.merchant_id

    @property
    def owner(self) -> AgentOwner:
        return AgentOwner(OwnerKind.MERCHANT, self.merchant_id)

    async def machine(self, name: str = "一号机", owner: AgentOwner | None = None) -> Machine:
        """Paired by a code, with two printers."""
        code = await pairing.make_pairing_code(self.db, owner or self.owner, PACKER)
        private, signing = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        agent = await pairing.pair(
            self.db,
            code.text,
            name,
            private.public_key().public_bytes_raw(),
            signing.public_key().public_bytes_raw(),
        )
        await printers.say_printers(self.db, agent, READY)
        return Machine(agent, private.private_bytes_raw(), signing.private_bytes_raw())

    async def taken(self, order: str, recipient: Recipient = PLACED, pieces: int = 1, carrier: str = "yto") -> Taken:
        """A number for an order that nobody's back office told us of."""
        return await self.press.taken(order, carrier, recipient, pieces)

    async def ordered(self, order: str) -> Taken:
        """An order that its marketplace put, with its number."""
        order = order_id(order)
        draft = OrderDraft(order, SHOP, PLACED, (OrderLine(order, "杯子"),))
        await intake.put_order(self.db, await self._keys(), draft, 1)
        await self.events()
        return await self.press.taken(order)

    async def many(self, count: int, prefix: str = "many") -> list[Taken]:
        outcomes = await self.press.stall.take("yto", *(parcel(f"{prefix}-{n}") for n in range(count)))
        return [one for one in outcomes if isinstance(one, Taken)]

    async def hears(self, order: str, event: OrderEvent, version: int = 2, recipient: Recipient | None = None) -> None:
        """The marketplace tells of an order; nothing is delivered yet."""
        ref = OrderRef(SHOP, order_id(order))
        await intake.hear(self.db, await self._keys(), ref, event, version, recipient=recipient)

    async def events(self) -> int:
        """Deliver what the marketplaces told."""
        return await outbox.deliver(self.db, {intake.ORDER_EVENT: stopping.stop_sheets})

    async def _keys(self) -> Any:
        return await self.desk.counter.vault.keys_of(self.merchant_id)

    def ask(self, machine: Machine, *numbers: Taken | Asked, printer: PrinterRef | None = None, **more: Any) -> JobAsk:
        named = [asked(one) if isinstance(one, Taken) else one for one in numbers]
        return JobAsk(self.merchant_id, printer or machine.printer, named, PACKER, **more)

    async def make(self, machine: Machine, *numbers: Taken | Asked, **more: Any) -> JobMade:
        return await jobs.create_job(self.desk, self.ask(machine, *numbers, **more))

    async def job(self, machine: Machine, *numbers: Taken | Asked, **more: Any) -> PrintJob:
        """A job of which nothing is turned away."""
        made = await self.make(machine, *numbers, **more)
        assert made.job is not None
        assert not made.turned, [str(one.refusal) for one in made.turned]
        return made.job

    async def again(
        self,
        machine: Machine,
        *numbers: Taken | Asked,
        reason: str = "damaged",
        words: str = "",
        at: datetime | None = None,
    ) -> JobMade:
        return await reprints.reprint(self.desk, self.ask(machine, *numbers), ReprintAsk(reason, words), at)

    async def lease(self, machine: Machine, room: int = 50, printer: str = LABELLER) -> list[Leased]:
        return await leasing.lease_next(self.desk, machine.agent, printer, room)

    async def begun(self, machine: Machine, sheet: Leased) -> None:
        await sheets_life.begun(self.desk, machine.agent, read_tag(sheet.sheet_id))

    async def report(
        self, machine: Machine, sheet: Leased, outcome: Outcome, evidence: str = "", reason: str = ""
    ) -> Outcome:
        if outcome is Outcome.PRINTED and not evidence:
            evidence = "device"
        word = Word(outcome, evidence, reason)
        return await sheets_life.report(self.desk, machine.agent, read_tag(sheet.sheet_id), word)

    async def prints(self, machine: Machine, *sheets: Leased, evidence: str = "device") -> None:
        """The whole life of sheets at their agent."""
        for sheet in sheets:
            await self.begun(machine, sheet)
            await self.report(machine, sheet, Outcome.PRINTED, evidence)

    async def printed(self, machine: Machine, *numbers: Taken) -> list[Leased]:
        """Labels that came out, from the job on."""
        await self.job(machine, *numbers)
        sheets = await self.lease(machine)
        await self.prints(machine, *sheets)
        return sheets

    async def sheets(self, job: PrintJob) -> list[PrintSheet]:
        return await job_views.sheets_of_job(self.db, self.merchant_id, job.job_id)

    async def states(self, job: PrintJob) -> list[SheetState]:
        return [sheet.state for sheet in await self.sheets(job)]

    async def sheet_of(self, taken: Taken) -> PrintSheet:
        """The latest sheet of a number."""
        story = await job_views.story_of(self.db, self.merchant_id, asked(taken))
        return story.sheets[-1].sheet

    async def copies(self, taken: Taken) -> int:
        return await self.press.copies(taken.ref)


async def held_up(db: Any, tx: Any) -> None:
    """Wait until somebody waits for what a transaction holds."""
    pid, waiting = await tx.fetchval("SELECT pg_backend_pid()"), 0
    async with asyncio.timeout(30):
        while not waiting:
            await asyncio.sleep(0.01)
            waiting = await db.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))", pid
            )


def order_id(name: str) -> str:
    """What a test calls an order, as a marketplace's id: with a digit in it."""
    return name if any(sign.isdigit() for sign in name) else f"{name}-1"


def ids(sheets: Sequence[PrintSheet]) -> list[UUID]:
    return [sheet.sheet_id for sheet in sheets]


def codes(made: JobMade) -> dict[str, str]:
    """Why each number was turned away."""
    return {one.asked.number: one.refusal.code for one in made.turned}


def numbers(sheets: Sequence[Leased] | Sequence[PrintSheet]) -> list[str]:
    return [sheet.number for sheet in sheets]


__all__ = ["Floor", "Machine", "datetime"]
