"""`miandan agents`: pairing codes, who is paired, and which merchants print at a branch, as the operator sees them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.cli import known, typed
from miandan.cli.installation import open_installation
from miandan.cli.logins import login_or_own
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import Column, Row, write_lines, write_list
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings
from miandan.printing import pairing, printer_queries, printers
from miandan.printing.desk import PrintDesk
from miandan.printing.model import Agent, AgentOwner, AgentState, OwnerKind
from miandan.server.house import open_hall

_STATES = {AgentState.PAIRED.value: "已配对 paired", AgentState.UNPAIRED.value: "已解除 unpaired"}
_AGENTS = (
    Column("agent", "打印端 agent"),
    Column("name", "名称 name"),
    Column("state", "状态 state", _STATES.get),
    Column("online", "在线 online"),
    Column("seen_at", "最后联系 last heard"),
    Column("version", "版本 version"),
    Column("printers", "打印机 printers"),
    Column("merchants", "云打印商家 merchants let in"),
)


async def code(merchant: str | None, branch: str | None, by: str | None) -> int:
    """A pairing code, shown once. Raises what `owner_of` raises, doubts.who."""
    who = login_or_own(by)
    async with open_installation() as session:
        owner = await owner_of(session.db, merchant, branch)
        made = await pairing.make_pairing_code(session.db, owner, who)
        url = session.settings.public_url
    write_lines([f"配对码 code   {made.text}"])
    until = f"{made.until.astimezone(BEIJING):%H:%M}"
    say(f"✓ {_called(owner)}：{until} 前用一次 good once, until then（北京时间 Beijing time）")
    say(f"  在打印的电脑上 on the computer that prints: miandan agent pair {url} {made.text}")
    return 0


async def list_agents(merchant: str | None, branch: str | None, as_json: bool) -> int:
    """The agents of an owner. Raises what `owner_of` raises."""
    async with open_session() as session:
        owner = await owner_of(session.db, merchant, branch)
        found = await printers.agents_of(session.db, owner)
        rows = [await _row(session.db, one) for one in found]
    write_list(_AGENTS, rows, as_json=as_json)
    say(f"  打印端 {len(found)} 个 agents" if found else "✓ 还没有打印端 no agent is paired")
    return 0


async def unpair(agent: str, merchant: str | None, branch: str | None, by: str | None) -> int:
    """Raises what `owner_of` raises, printing.agent_unknown, doubts.who."""
    who = login_or_own(by)
    async with open_desk() as desk:
        owner = await owner_of(desk.db, merchant, branch)
        await pairing.unpair(desk, owner, _agent_id(agent), who)
    say("✓ 已解除：没开始打印的已重新排队，开始了的标为存疑，要有人核对。")
    say("  Unpaired. What it had not begun is queued again; what it had begun is in doubt and wants somebody to look.")
    return 0


async def grant(agent: str, branch: str, merchant: str, by: str | None) -> int:
    """Raises what `owner_of` raises, printing.agent_unknown, printing.agent_unpaired, doubts.who."""
    who = login_or_own(by)
    async with open_installation() as session:
        owner = await owner_of(session.db, None, branch)
        guest = await known.merchant(session.db, merchant)
        await printers.grant_agent(session.db, owner, _agent_id(agent), guest, who)
    say(f"✓ 商家 {guest} 可以在 {_called(owner)} 的这个打印端上打印 the merchant may print there")
    return 0


async def revoke(agent: str, branch: str, merchant: str, by: str | None) -> int:
    """Raises what `owner_of` raises, printing.agent_unknown, doubts.who."""
    who = login_or_own(by)
    async with open_desk() as desk:
        owner = await owner_of(desk.db, None, branch)
        guest = await known.merchant(desk.db, merchant)
        await printers.revoke_agent(desk, owner, _agent_id(agent), guest, who)
    say(f"✓ 商家 {guest} 不再能在这个打印端上打印；排队的等它换打印机 its queue waits until it is moved")
    return 0


async def owner_of(db: Database, merchant: str | None, branch: str | None) -> AgentOwner:
    """The merchant or the branch that was typed. Raises printing.owner_wrong unless it is one of both,
    merchant.unknown, carrier.unknown, and what `find_branch` raises."""
    if (merchant is None) is (branch is None):
        raise Refusal("printing.owner_wrong")
    if merchant is not None:
        return AgentOwner(OwnerKind.MERCHANT, await known.merchant(db, merchant))
    carrier, slash, text = (branch or "").partition("/")
    branch_code = typed.branch_code(text)
    if not slash or not branch_code:  # a head office prints nothing for anybody
        raise Refusal("printing.owner_wrong")
    office = await branches.find_branch(db, catalogue().find(carrier).code, branch_code)
    return AgentOwner(OwnerKind.BRANCH, 0, office.carrier, office.branch_code)


def _agent_id(text: str) -> UUID:
    return typed.own_id(text, Refusal("printing.agent_unknown"))


@asynccontextmanager
async def open_desk() -> AsyncIterator[PrintDesk]:
    """The print desk of the environment. A running server finds by itself what is done here, within seconds."""
    async with open_hall(Settings.from_environment()) as hall:
        yield hall.printing


async def _row(db: Database, agent: Agent) -> Row:
    cards = await printer_queries.printers(db, [agent.agent_id])
    guests = [] if agent.owner_kind is OwnerKind.MERCHANT else await printers.granted_to(db, agent.agent_id)
    heard = agent.seen_at is not None and now() - agent.seen_at < printers.SILENT_AFTER
    return {
        "agent": str(agent.agent_id),
        "name": agent.name,
        "state": agent.state.value,
        "online": heard and agent.state is AgentState.PAIRED,
        "seen_at": agent.seen_at,
        "version": agent.version,
        "printers": "、".join(f"{one.name} {one.state}" for one in cards if one.gone_at is None),
        "merchants": "、".join(map(str, guests)),
    }


def _called(owner: AgentOwner) -> str:
    if owner.kind is OwnerKind.MERCHANT:
        return f"商家 merchant {owner.merchant_id}"
    return f"网点 branch {owner.carrier}/{shown(owner.branch_code)}"
