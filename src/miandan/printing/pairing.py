"""Pairing (配对): a code typed into an agent once, within minutes, makes it this merchant's or this branch's.

A code looks like `7K3M-Q2RD`. Its first letters find the row, where wrong tries are counted; the rest lies there as
SHA-256 only. Whoever tries letters at random uses up the few tries of each code that happens to be waiting.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.kernel.letters import LETTERS, as_written, new_letters
from miandan.labels.print_data import ShopKey, wrap_for_agent
from miandan.printing import printer_queries, sheets_life
from miandan.printing.desk import PrintDesk
from miandan.printing.model import Agent, AgentOwner, AgentState, OwnerKind
from miandan.printing.printer_queries import PairingRow
from miandan.printing.rules import pairing_on

_WHOLE: Final = 8  # letters of a code
_SELECTOR: Final = 3  # letters that find its row; the other five are 25 random bits
_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class PairingCode:
    """A code to be typed into the agent, until a moment."""

    text: str = field(repr=False)
    until: datetime


async def make_pairing_code(db: Database, owner: AgentOwner, by: str, at: datetime | None = None) -> PairingCode:
    """A fresh code for one computer of a merchant or a branch. Who may ask is the caller's to know.

    Raises printing.owner_wrong.
    """
    _refuse_odd_owner(owner)
    at = at or now()
    until = at + pairing_on(trade_day(at)).life
    while True:
        letters = new_letters(_WHOLE)
        row = PairingRow(letters[:_SELECTOR], _hash(letters), owner, by, until, 0, None)
        async with db.transaction() as tx:
            if await printer_queries.insert_code(tx, row, at):
                return PairingCode(f"{letters[:4]}-{letters[4:]}", until)


async def pair(
    db: Database, code: str, name: str, sealing_key: bytes, signing_key: bytes, at: datetime | None = None
) -> Agent:
    """Pair a computer by its code: its X25519 and Ed25519 public keys are its own from now on.

    Raises printing.pairing_code_wrong for a code that is unknown, mistyped, run out, used, or tried too often: which
    of these is not told. Raises labels.agent_key_wrong, printing.agent_name_wrong.
    """
    at, name = at or now(), name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Refusal("printing.agent_name_wrong", longest=_LONGEST_NAME)
    _refuse_odd_keys(sealing_key, signing_key)
    letters = "".join(letter for letter in as_written(code) if letter in LETTERS)
    async with db.transaction() as tx:
        paired = await _paired(tx, letters, name, sealing_key, signing_key, at) if len(letters) == _WHOLE else None
    if paired is None:  # raised only here: a wrong try is committed
        raise Refusal("printing.pairing_code_wrong")
    return paired


async def _paired(
    tx: Transaction, letters: str, name: str, sealing_key: bytes, signing_key: bytes, at: datetime
) -> Agent | None:
    row = await printer_queries.code_for_update(tx, letters[:_SELECTOR])
    tries = pairing_on(trade_day(at)).tries
    if row is None or row.used_at is not None or at >= row.expires_at or row.wrong_tries >= tries:
        return None
    if not hmac.compare_digest(row.code_hash, _hash(letters)):
        await printer_queries.count_wrong_try(tx, row.selector)
        return None
    owner = row.owner
    made = Agent(
        merchant_id=owner.merchant_id,
        agent_id=new_id(),
        name=name,
        public_key=sealing_key,
        signing_key=signing_key,
        state=AgentState.PAIRED,
        paired_at=at,
        owner_kind=owner.kind,
        carrier=owner.carrier,
        branch_code=owner.branch_code,
    )
    await printer_queries.insert_agent(tx, made)
    await printer_queries.spend_code(tx, row.selector, made.agent_id, at)
    return made


async def unpair(desk: PrintDesk, owner: AgentOwner, agent_id: UUID, by: str, at: datetime | None = None) -> None:
    """Give an agent nothing any more. What it had and had not begun is queued again as the next copy, what it had begun
    is in doubt. Raises printing.agent_unknown where the owner has no such paired agent."""
    at = at or now()
    async with desk.db.transaction() as tx:
        found = await printer_queries.agent(tx, agent_id)
        if found is None or found.owner != owner or not await printer_queries.unpair(tx, agent_id, at):
            raise Refusal("printing.agent_unknown")
        await sheets_life.release_agent(tx, agent_id, by, at)
    desk.bells.ring(agent_id)


def _hash(letters: str) -> bytes:
    return hashlib.sha256(letters.encode()).digest()


def _refuse_odd_owner(owner: AgentOwner) -> None:
    of_merchant = owner.merchant_id > 0 and not owner.carrier and not owner.branch_code
    of_branch = owner.merchant_id == 0 and owner.carrier and owner.branch_code
    if not (of_merchant if owner.kind is OwnerKind.MERCHANT else of_branch):
        raise Refusal("printing.owner_wrong")


def _refuse_odd_keys(sealing_key: bytes, signing_key: bytes) -> None:
    """Raises labels.agent_key_wrong."""
    wrap_for_agent(ShopKey("0", "", "", bytes(32)), "0", sealing_key)  # refuses what is no X25519 key
    try:
        Ed25519PublicKey.from_public_bytes(signing_key)
    except ValueError:
        raise Refusal("labels.agent_key_wrong") from None
