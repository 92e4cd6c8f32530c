"""Every statement about agents with a link, their printers, whom they print for, and pairing codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from miandan.kernel.database import Reads, Record, Transaction
from miandan.labels.agent_link import PrinterSaid
from miandan.printing.model import Agent, AgentOwner, AgentState, OwnerKind

_AGENT_COLUMNS = (
    "merchant_id, agent_id, name, public_key, signing_key, state, paired_at, unpaired_at, owner_kind, carrier, "
    "branch_code, version, seen_at, link"
)

_AGENT = f"SELECT {_AGENT_COLUMNS} FROM print_agent WHERE agent_id = $1"
_AGENTS_OF = f"""
    SELECT {_AGENT_COLUMNS}
      FROM print_agent
     WHERE owner_kind = $1 AND merchant_id = $2 AND carrier = $3 AND branch_code = $4
     ORDER BY paired_at, agent_id
"""
_AGENTS_FOR = f"""
    SELECT {_AGENT_COLUMNS}
      FROM print_agent a
     WHERE a.state = 'paired'
       AND (a.merchant_id = $1
            OR EXISTS (SELECT
                         FROM print_grant g
                        WHERE g.merchant_id = $1 AND g.agent_id = a.agent_id AND g.revoked_at IS NULL))
     ORDER BY a.merchant_id DESC, a.paired_at, a.agent_id
"""
_INSERT_AGENT = """
    INSERT INTO print_agent (merchant_id, agent_id, name, public_key, state, paired_at, signing_key, owner_kind,
                             carrier, branch_code)
    VALUES ($1, $2, $3, $4, 'paired', $5, $6, $7, $8, $9)
"""
_UNPAIR = """
    UPDATE print_agent SET state = 'unpaired', unpaired_at = $2 WHERE agent_id = $1 AND state = 'paired'
 RETURNING agent_id
"""
_SAW = """
    UPDATE print_agent
       SET seen_at = $2, version = CASE WHEN $3 = '' THEN version ELSE $3 END
     WHERE agent_id = $1 AND (seen_at IS NULL OR seen_at < $2)
"""
_OPEN_LINK = "UPDATE print_agent SET link = $2 WHERE agent_id = $1"
_AGENTS_OF_JOBS = "SELECT DISTINCT agent_id FROM print_job WHERE merchant_id = $1 AND job_id = ANY($2)"

_SAY_PRINTERS = """
    INSERT INTO print_printer (merchant_id, agent_id, name, driver, profile, dpi, width_um, height_um, state, detail,
                               seen_at)
    SELECT $1, $2, name, driver, profile, dpi, width_um, height_um, state, detail, $3
      FROM unnest($4::text[], $5::text[], $6::text[], $7::int[], $8::int[], $9::int[], $10::text[], $11::text[])
           AS said (name, driver, profile, dpi, width_um, height_um, state, detail)
     ORDER BY name
        ON CONFLICT (merchant_id, agent_id, name) DO UPDATE
       SET driver = EXCLUDED.driver, profile = EXCLUDED.profile, dpi = EXCLUDED.dpi, width_um = EXCLUDED.width_um,
           height_um = EXCLUDED.height_um, state = EXCLUDED.state, detail = EXCLUDED.detail,
           seen_at = EXCLUDED.seen_at, gone_at = NULL
"""
_GONE = """
    UPDATE print_printer
       SET gone_at = $3
     WHERE merchant_id = $1 AND agent_id = $2 AND gone_at IS NULL AND NOT (name = ANY($4))
"""
_CONDITION = """
    UPDATE print_printer
       SET state = $4, detail = $5, seen_at = $6
     WHERE merchant_id = $1 AND agent_id = $2 AND name = $3
"""
_PRINTERS = """
    SELECT agent_id, name, driver, profile, dpi, width_um, height_um, state, detail, seen_at, gone_at
      FROM print_printer
     WHERE agent_id = ANY($1)
     ORDER BY agent_id, name
"""

_GRANT = """
    INSERT INTO print_grant (merchant_id, agent_id, granted_at, granted_by)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT (merchant_id, agent_id) DO UPDATE
       SET granted_at = $3, granted_by = $4, revoked_at = NULL, revoked_by = ''
     WHERE print_grant.revoked_at IS NOT NULL
"""
_REVOKE = """
    UPDATE print_grant SET revoked_at = $3, revoked_by = $4
     WHERE merchant_id = $1 AND agent_id = $2 AND revoked_at IS NULL
 RETURNING agent_id
"""
_MAY_PRINT = """
    SELECT EXISTS (SELECT FROM print_agent WHERE agent_id = $2 AND merchant_id = $1)
        OR EXISTS (SELECT FROM print_grant WHERE agent_id = $2 AND merchant_id = $1 AND revoked_at IS NULL)
"""
_GRANTED_TO = "SELECT merchant_id FROM print_grant WHERE agent_id = $1 AND revoked_at IS NULL ORDER BY merchant_id"

_INSERT_CODE = """
    INSERT INTO print_pairing (selector, code_hash, owner_kind, merchant_id, carrier, branch_code, made_at, made_by,
                               expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (selector) DO UPDATE
       SET code_hash = $2, owner_kind = $3, merchant_id = $4, carrier = $5, branch_code = $6, made_at = $7,
           made_by = $8, expires_at = $9, wrong_tries = 0, used_at = NULL, agent_id = NULL
     WHERE print_pairing.expires_at < $7
 RETURNING selector
"""
_CODE_FOR_UPDATE = """
    SELECT selector, code_hash, owner_kind, merchant_id, carrier, branch_code, made_by, expires_at, wrong_tries, used_at
      FROM print_pairing
     WHERE selector = $1
       FOR UPDATE
"""
_COUNT_WRONG_TRY = "UPDATE print_pairing SET wrong_tries = wrong_tries + 1 WHERE selector = $1"
_SPEND_CODE = "UPDATE print_pairing SET used_at = $2, agent_id = $3 WHERE selector = $1"


@dataclass(frozen=True, slots=True)
class PrinterCard:
    """A printer as its agent described it last; sizes in micrometres, 0 where it has none. `gone_at`: since when the
    agent names it no more."""

    agent_id: UUID
    name: str
    driver: str
    profile: str
    dpi: int
    width_um: int
    height_um: int
    state: str
    detail: str
    seen_at: datetime
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class PairingRow:
    """A pairing code as it lies."""

    selector: str
    code_hash: bytes
    owner: AgentOwner
    made_by: str
    expires_at: datetime
    wrong_tries: int
    used_at: datetime | None


async def agent(db: Reads, agent_id: UUID) -> Agent | None:
    """An agent, paired or not."""
    row = await db.fetchrow(_AGENT, agent_id)
    return None if row is None else _agent(row)


async def agent_for_share(tx: Transaction, agent_id: UUID) -> Agent | None:
    """The same; nobody unpairs it and it opens no link until the transaction ends."""
    row = await tx.fetchrow(_AGENT + " FOR SHARE", agent_id)
    return None if row is None else _agent(row)


async def agents_of(db: Reads, owner: AgentOwner) -> list[Agent]:
    """The agents of a merchant or a branch, unpaired ones too."""
    rows = await db.fetch(_AGENTS_OF, owner.kind.value, owner.merchant_id, owner.carrier, owner.branch_code)
    return [_agent(row) for row in rows]


async def agents_for(db: Reads, merchant_id: int) -> list[Agent]:
    """The paired agents that may print for a merchant, its own first."""
    return [_agent(row) for row in await db.fetch(_AGENTS_FOR, merchant_id)]


async def insert_agent(tx: Transaction, new: Agent) -> None:
    """Write an agent that has just paired."""
    await tx.execute(
        _INSERT_AGENT,
        new.merchant_id,
        new.agent_id,
        new.name,
        new.public_key,
        new.paired_at,
        new.signing_key,
        new.owner_kind.value,
        new.carrier,
        new.branch_code,
    )


async def unpair(tx: Transaction, agent_id: UUID, at: datetime) -> bool:
    """Whether it was paired."""
    return await tx.fetchval(_UNPAIR, agent_id, at) is not None


async def saw(db: Reads, agent_id: UUID, at: datetime, version: str) -> None:
    """When an agent was heard last; "" leaves the version as it is."""
    await db.fetch(_SAW, agent_id, at, version)


async def open_link(db: Reads, agent_id: UUID, link: UUID) -> None:
    """The link that an agent is given sheets over from now on; once those that are given out now are written."""
    await db.fetch(_OPEN_LINK, agent_id, link)


async def agents_of_jobs(db: Reads, merchant_id: int, jobs: Sequence[UUID]) -> list[UUID]:
    """The agents that print these jobs now."""
    return [row["agent_id"] for row in await db.fetch(_AGENTS_OF_JOBS, merchant_id, list(set(jobs)))]


async def say_printers(tx: Transaction, of: Agent, said: Sequence[PrinterSaid], at: datetime) -> None:
    """Write an agent's printers as it names them; those that it does not name are gone."""
    columns = [
        [one.name for one in said],
        [one.driver for one in said],
        [one.profile for one in said],
        [one.dpi for one in said],
        [one.width_um for one in said],
        [one.height_um for one in said],
        [one.state.value for one in said],
        [one.detail for one in said],
    ]
    await tx.execute(_SAY_PRINTERS, of.merchant_id, of.agent_id, at, *columns)
    await tx.execute(_GONE, of.merchant_id, of.agent_id, at, columns[0])


async def set_condition(db: Reads, of: Agent, printer: str, state: str, detail: str, at: datetime) -> None:
    """What a printer says of itself now."""
    await db.fetch(_CONDITION, of.merchant_id, of.agent_id, printer, state, detail, at)


async def printers(db: Reads, agents: Sequence[UUID]) -> list[PrinterCard]:
    """All printers that these agents have ever named."""
    return [PrinterCard(**dict(row)) for row in await db.fetch(_PRINTERS, list(agents))]


async def grant(tx: Transaction, merchant_id: int, agent_id: UUID, by: str, at: datetime) -> None:
    """Let an agent print for a merchant; again changes nothing."""
    await tx.execute(_GRANT, merchant_id, agent_id, at, by)


async def revoke(tx: Transaction, merchant_id: int, agent_id: UUID, by: str, at: datetime) -> bool:
    """Whether it was granted."""
    return await tx.fetchval(_REVOKE, merchant_id, agent_id, at, by) is not None


async def may_print(db: Reads, merchant_id: int, agent_id: UUID) -> bool:
    """Whether an agent is the merchant's own, or was granted to it."""
    return bool(await db.fetchval(_MAY_PRINT, merchant_id, agent_id))


async def granted_to(db: Reads, agent_id: UUID) -> list[int]:
    """The merchants that a branch lets print on an agent."""
    return [row["merchant_id"] for row in await db.fetch(_GRANTED_TO, agent_id)]


async def insert_code(tx: Transaction, row: PairingRow, made_at: datetime) -> bool:
    """Whether the selector was free, or that of a code that has run out."""
    owner = row.owner
    inserted = await tx.fetchval(
        _INSERT_CODE,
        row.selector,
        row.code_hash,
        owner.kind.value,
        owner.merchant_id,
        owner.carrier,
        owner.branch_code,
        made_at,
        row.made_by,
        row.expires_at,
    )
    return inserted is not None


async def code_for_update(tx: Transaction, selector: str) -> PairingRow | None:
    """A pairing code, held."""
    row = await tx.fetchrow(_CODE_FOR_UPDATE, selector)
    if row is None:
        return None
    owner = AgentOwner(OwnerKind(row["owner_kind"]), row["merchant_id"], row["carrier"], row["branch_code"])
    return PairingRow(
        row["selector"],
        row["code_hash"],
        owner,
        row["made_by"],
        row["expires_at"],
        row["wrong_tries"],
        row["used_at"],
    )


async def count_wrong_try(tx: Transaction, selector: str) -> None:
    """One more."""
    await tx.execute(_COUNT_WRONG_TRY, selector)


async def spend_code(tx: Transaction, selector: str, agent_id: UUID, at: datetime) -> None:
    """Used, and by whom."""
    await tx.execute(_SPEND_CODE, selector, at, agent_id)


def _agent(row: Record) -> Agent:
    values = dict(row)
    return Agent(**values | {"state": AgentState(values["state"]), "owner_kind": OwnerKind(values["owner_kind"])})
