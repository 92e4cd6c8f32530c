"""Printers as their agents describe them, and who may print on which: a merchant on its own agents, and by cloud
printing (云打印) on those of a branch that lets it in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.labels.agent_link import PrinterSaid, PrinterState
from miandan.printing import printer_queries
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import PrinterRef
from miandan.printing.model import Agent, AgentOwner, AgentState, OwnerKind
from miandan.printing.printer_queries import PrinterCard

SILENT_AFTER: Final = timedelta(seconds=45)
"""An agent that was not heard for so long is shown as offline; whoever hears agents says so more often (`saw`)."""


@dataclass(frozen=True, slots=True)
class Bench:
    """An agent that may print for a merchant, with its printers. `is_cloud`: it belongs to a branch."""

    agent: Agent
    printers: tuple[PrinterCard, ...]
    is_online: bool

    @property
    def is_cloud(self) -> bool:
        return self.agent.owner_kind is OwnerKind.BRANCH


async def agent_by_id(db: Reads, agent_id: UUID) -> Agent:
    """Raises printing.agent_unknown, printing.agent_unpaired."""
    found = await printer_queries.agent(db, agent_id)
    if found is None:
        raise Refusal("printing.agent_unknown")
    if found.state is not AgentState.PAIRED:
        raise Refusal("printing.agent_unpaired", agent=str(agent_id))
    return found


async def agents_of(db: Reads, owner: AgentOwner) -> list[Agent]:
    """All agents of a merchant or a branch, unpaired ones too, oldest first."""
    return await printer_queries.agents_of(db, owner)


async def saw(db: Reads, agent: Agent, version: str = "", at: datetime | None = None) -> None:
    """An agent was heard; once in some seconds is enough."""
    await printer_queries.saw(db, agent.agent_id, at or now(), version)


async def open_link(db: Reads, agent: Agent) -> Agent:
    """The agent with a link of its own: an earlier one, wherever it ends, is given nothing any more."""
    link = new_id()
    await printer_queries.open_link(db, agent.agent_id, link)
    return replace(agent, link=link)


async def hold_link(tx: Transaction, agent: Agent) -> None:
    """Have the agent stay paired and linked as it is until `tx` ends. Raises printing.agent_unpaired,
    printing.link_replaced when it has opened another link."""
    found = await printer_queries.agent_for_share(tx, agent.agent_id)
    if found is None or found.state is not AgentState.PAIRED:
        raise Refusal("printing.agent_unpaired", agent=str(agent.agent_id))
    if found.link != agent.link:
        raise Refusal("printing.link_replaced", agent=str(agent.agent_id))


async def say_printers(db: Database, agent: Agent, said: Sequence[PrinterSaid], at: datetime | None = None) -> None:
    """Write down the agent's printers as it names them all; of two with one name the later counts."""
    by_name = {one.name: one for one in said}
    async with db.transaction() as tx:
        await printer_queries.say_printers(tx, agent, list(by_name.values()), at or now())


async def say_condition(
    db: Reads, agent: Agent, printer: str, state: PrinterState, detail: str = "", at: datetime | None = None
) -> None:
    """What a printer says of itself now; one that was never named is left out."""
    await printer_queries.set_condition(db, agent, printer, state.value, detail, at or now())


async def benches_for(db: Reads, merchant_id: int, at: datetime | None = None) -> list[Bench]:
    """Where a merchant may print: its own agents first, then those of branches; printers that are gone are left out."""
    at = at or now()
    agents = await printer_queries.agents_for(db, merchant_id)
    cards = await printer_queries.printers(db, [one.agent_id for one in agents])
    return [
        Bench(
            agent,
            tuple(card for card in cards if card.agent_id == agent.agent_id and card.gone_at is None),
            agent.seen_at is not None and at - agent.seen_at < SILENT_AFTER,
        )
        for agent in agents
    ]


async def refuse_unless_printable(db: Reads, merchant_id: int, printer: PrinterRef) -> None:
    """Raises printing.agent_unknown, also for an agent that may not print for this merchant, printing.agent_unpaired,
    printing.printer_unknown."""
    if not await printer_queries.may_print(db, merchant_id, printer.agent_id):
        raise Refusal("printing.agent_unknown")
    await agent_by_id(db, printer.agent_id)
    cards = await printer_queries.printers(db, [printer.agent_id])
    if not any(card.name == printer.name and card.gone_at is None for card in cards):
        raise Refusal("printing.printer_unknown", printer=printer.name[:100])


# --- cloud printing ---------------------------------------------------------------------------------------------------


async def grant_agent(
    db: Database, owner: AgentOwner, agent_id: UUID, merchant_id: int, by: str, at: datetime | None = None
) -> None:
    """A branch lets a merchant print on one of its agents. Again changes nothing.

    Raises printing.agent_unknown where the branch has no such agent, printing.agent_unpaired.
    """
    async with db.transaction() as tx:
        found = await printer_queries.agent_for_share(tx, agent_id)
        if found is None or found.owner != owner or owner.kind is not OwnerKind.BRANCH:
            raise Refusal("printing.agent_unknown")
        if found.state is not AgentState.PAIRED:
            raise Refusal("printing.agent_unpaired", agent=str(agent_id))
        await printer_queries.grant(tx, merchant_id, agent_id, by, at or now())


async def revoke_agent(
    desk: PrintDesk, owner: AgentOwner, agent_id: UUID, merchant_id: int, by: str, at: datetime | None = None
) -> None:
    """Let a merchant print there no more: its queued sheets stay queued until it moves them. Again changes nothing.

    Raises printing.agent_unknown where the branch has no such agent.
    """
    async with desk.db.transaction() as tx:
        found = await printer_queries.agent(tx, agent_id)
        if found is None or found.owner != owner:
            raise Refusal("printing.agent_unknown")
        await printer_queries.revoke(tx, merchant_id, agent_id, by, at or now())


async def granted_to(db: Reads, agent_id: UUID) -> list[int]:
    """The merchants that may print on a branch's agent."""
    return await printer_queries.granted_to(db, agent_id)
