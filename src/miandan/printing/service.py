"""Verbs of print data: labels sealed for an app's print component, the shop's key for a paired agent.

Nothing here is paper yet, so no copy is counted: the label says the copy that it would be now, one more than were
counted, and whoever prints it more than once counts on and says so on the sheet.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from miandan.kernel import audit
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.labels.print_data import About, ShopKey, header_of, seal, sign, wrap_for_agent
from miandan.printing import printer_queries, queries
from miandan.printing.desk import PrintDesk
from miandan.printing.model import Agent, AgentState, Asked, PrintData, PrintKey, Reader, Sheet, Withheld
from miandan.printing.rules import life_on
from miandan.printing.sheets import labels, of_shop, refuse_too_many, sheets_of, unknown

KEY_RELEASED = "print_key.released"
"""Action of the audit log: a shop's print key was wrapped for an agent."""


async def print_data_of(
    desk: PrintDesk,
    reader: Reader,
    items: Sequence[Asked],
    *,
    merchant_id: int | None = None,
    at: datetime | None = None,
) -> list[PrintData | Withheld]:
    """Print data of each number in the order asked, sealed under the key of the reader's shop, or why there is none.

    `merchant_id` is whose waybills they are, where a supplier prints for another shop (the caller has checked that it
    may). No copy is counted. Withheld: waybill.unknown, also for another merchant's number, waybill.not_live,
    waybill.order_in_the_way, waybill.recipient_changed, vault.shredded, labels.print_data_too_long. Raises
    printing.too_many.
    """
    refuse_too_many(items)
    at, owner = at or now(), reader.merchant_id if merchant_id is None else merchant_id
    waybills = await queries.waybills_of(desk.db, owner, items)
    found = await sheets_of(desk, owner, of_shop(reader, owner, waybills.values()))
    sheets = [
        replace(one, waybill=replace(one.waybill, copies=one.waybill.copies + 1))
        for one in found.values()
        if isinstance(one, Sheet)
    ]
    if not sheets:
        return [_withheld(found.get(asked), asked) for asked in items]
    said, refused = await labels(desk, sheets, at, reader.app)
    sealer = await _sealer(desk, reader, at)
    given: dict[Asked, PrintData | Withheld] = {
        sheet.asked: sealer.sealed(sheet, said[sheet.asked])
        if sheet.asked in said
        else Withheld(*sheet.asked, sheet.order_id, refused[sheet.asked])
        for sheet in sheets
    }
    return [given[asked] if asked in given else _withheld(found.get(asked), asked) for asked in items]


def _withheld(found: Sheet | Withheld | None, asked: Asked) -> Withheld:
    return found if isinstance(found, Withheld) else unknown(asked)


class _Sealer:
    """Seals the labels of one batch."""

    def __init__(self, key: ShopKey, signer: Ed25519PrivateKey, at: datetime, good_until: datetime) -> None:
        self._key = key
        self._signer = signer
        self._at = at
        self._good_until = good_until

    def sealed(self, sheet: Sheet, label: LabelData) -> PrintData | Withheld:
        waybill = sheet.waybill
        about = About(str(waybill.ref.merchant_id), waybill.version, self._at, self._good_until)
        try:
            data = seal(label, about, self._key, sheet.children)
        except Refusal as refusal:
            return Withheld(*sheet.asked, sheet.order_id, refusal)
        return PrintData(*sheet.asked, sheet.order_id, data, sign(data, self._signer), self._good_until)


async def _sealer(desk: PrintDesk, reader: Reader, at: datetime) -> _Sealer:
    key = await desk.sealing_key(reader.merchant_id, reader.shop_id, at)
    good_until = min(at + life_on(trade_day(at)).print_data, key.readable_until)
    return _Sealer(_shop_key(desk, reader, key), await desk.signer(), at, good_until)


def _shop_key(desk: PrintDesk, reader: Reader, key: PrintKey) -> ShopKey:
    return ShopKey(str(key.key_id), reader.app, key.shop_id, desk.secret_of(key))


async def shop_key(
    desk: PrintDesk, reader: Reader, agent_id: str, cipher_text: str = "", at: datetime | None = None
) -> str:
    """The key that opens print data, wrapped for a paired agent of the reader's merchant; recorded in the audit log.

    `cipher_text` is the print data to be opened; without it the shop's newest key is given. Raises
    printing.agent_unknown, also for an agent of another merchant, printing.agent_unpaired, printing.no_key,
    printing.print_data_too_old, labels.print_data_damaged, labels.print_data_wrong_key.
    """
    at = at or now()
    agent = await _paired_agent(desk.db, reader.merchant_id, agent_id)
    key = await (_key_of(desk, reader, cipher_text, at) if cipher_text else _newest(desk, reader))
    if not key.opens_at(at):
        raise Refusal("printing.print_data_too_old")
    wrapped = wrap_for_agent(_shop_key(desk, reader, key), str(agent.agent_id), agent.public_key)
    subject = {"agent": str(agent.agent_id), "app": reader.app, "shop": key.shop_id, "key": str(key.key_id)}
    async with desk.db.transaction() as tx:
        chain = audit.merchant_chain(reader.merchant_id)
        await audit.append(
            tx, chain, actor=f"app:{reader.app}", action=KEY_RELEASED, purpose="print", subject=subject, at=at
        )
    return wrapped


async def _newest(desk: PrintDesk, reader: Reader) -> PrintKey:
    key = await queries.newest_key(desk.db, reader.merchant_id, reader.shop_id)
    if key is None:
        raise Refusal("printing.no_key")
    return key


async def _key_of(desk: PrintDesk, reader: Reader, cipher_text: str, at: datetime) -> PrintKey:
    """The key that print data names. What it says is not proven yet: a lie leads to a key that does not open it."""
    header = header_of(cipher_text)
    if (header.app, header.shop) != (reader.app, reader.shop_id):
        raise Refusal("labels.print_data_wrong_key")
    if at > header.good_until:
        raise Refusal("printing.print_data_too_old")
    key_id = int(header.key) if header.key.isascii() and header.key.isdigit() and len(header.key) < 10 else 0
    key = await queries.print_key(desk.db, reader.merchant_id, reader.shop_id, key_id)
    if key is None:
        raise Refusal("labels.print_data_wrong_key")
    return key


async def _paired_agent(db: Database, merchant_id: int, agent_id: str) -> Agent:
    """Raises printing.agent_unknown, also for an agent of another merchant, printing.agent_unpaired."""
    agent = await printer_queries.agent(db, _agent_id(agent_id))
    if agent is None or agent.merchant_id != merchant_id:
        raise Refusal("printing.agent_unknown")
    if agent.state is not AgentState.PAIRED:
        raise Refusal("printing.agent_unpaired", agent=agent_id)
    return agent


def _agent_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("printing.agent_unknown") from None


async def public_key(desk: PrintDesk) -> bytes:
    """The public half of what the platform signs with: Ed25519, 32 bytes. An agent keeps it from its pairing."""
    return (await desk.signer()).public_key().public_bytes_raw()


async def destroy_old_keys(db: Database, at: datetime | None = None) -> int:
    """The job: destroy the keys that nothing may be opened with any more; how many."""
    async with db.transaction() as tx:
        return await queries.destroy_keys(tx, at or now())
