"""A merchant with a print desk, an app and an agent (Press, 印刷间): asks for print data and opens it like an agent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.labels.model import LabelData
from miandan.labels.print_data import Opened, open_sealed, unwrap
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState
from miandan.printing import pairing, service
from miandan.printing.bluetooth import bluetooth_commands
from miandan.printing.desk import PrintDesk
from miandan.printing.model import (
    Agent,
    AgentOwner,
    Asked,
    Command,
    CommandAsk,
    OwnerKind,
    PrintData,
    PrinterWish,
    Reader,
    Withheld,
)
from miandan.printing.templates import code_of
from miandan.vault.model import Recipient
from miandan.waybills import label
from miandan.waybills.model import NumberRef, Taken
from tests.waybills.stall import Stall
from tests.waybills.world import SHOP, SOMEBODY, parcel

HOST = "https://waybills.example"
APP = "7000000000000000001"
PLACED = structs.replace(SOMEBODY, phone="19012345678", buyer_remark="放门口，打 19087654321")


@dataclass(slots=True)
class Press:
    """What tests say: `await press.opened(await press.data(taken))`."""

    stall: Stall
    desk: PrintDesk
    private: bytes = field(default_factory=lambda: X25519PrivateKey.generate().private_bytes_raw())

    @property
    def merchant_id(self) -> int:
        return self.stall.merchant_id

    @property
    def reader(self) -> Reader:
        return Reader(APP, self.merchant_id, SHOP)

    @property
    def public(self) -> bytes:
        return X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()

    async def taken(self, order: str, carrier: str = "yto", recipient: Recipient = PLACED, pieces: int = 1) -> Taken:
        return await self.stall.one(carrier, parcel(order, recipient=recipient, pieces=pieces))

    async def kept(self, order: str, recipient: Recipient = PLACED) -> None:
        """The order in our store, as its shop's back office gave it."""
        keys = await self.desk.counter.vault.keys_of(self.merchant_id)
        draft = OrderDraft(order, SHOP, recipient, (OrderLine(order, "杯子"),), rows=(2,))
        await orders.keep(self.desk.db, keys, [draft])

    async def closed(self, order: str, state: OrderState) -> None:
        ref = OrderRef(SHOP, order)
        found = await orders.find_orders(self.desk.db, self.merchant_id, [ref])
        await orders.close_order(self.desk.db, self.merchant_id, ref, found[ref].version, state)

    async def agent(self) -> Agent:
        return await paired(self.desk.db, self.merchant_id, self.public)

    async def unpair(self, agent: Agent) -> None:
        await pairing.unpair(self.desk, AgentOwner(OwnerKind.MERCHANT, self.merchant_id), agent.agent_id, "packer")

    async def ask(
        self, *numbers: Taken | Asked, at: datetime | None = None, reader: Reader | None = None
    ) -> list[PrintData | Withheld]:
        items = [asked(one) if isinstance(one, Taken) else one for one in numbers]
        return await service.print_data_of(self.desk, reader or self.reader, items, at=at)

    async def data(self, one: Taken | Asked, at: datetime | None = None, reader: Reader | None = None) -> PrintData:
        """Print data that must be given."""
        [given] = await self.ask(one, at=at, reader=reader)
        assert isinstance(given, PrintData), given
        return given

    async def withheld(self, one: Taken | Asked) -> str:
        """The code of the refusal."""
        [given] = await self.ask(one)
        assert isinstance(given, Withheld), given
        return given.refusal.code

    async def opened(
        self, given: PrintData, agent: Agent, at: datetime | None = None, reader: Reader | None = None
    ) -> Opened:
        """What an agent does: asks for the key, unwraps it, opens the data."""
        at, agent_id = at or now(), str(agent.agent_id)
        wrapped = await service.shop_key(self.desk, reader or self.reader, agent_id, given.print_data, at)
        key = unwrap(wrapped, agent_id, self.private)
        return open_sealed(given.print_data, given.sign, await service.public_key(self.desk), key, at)

    async def label(self, ref: NumberRef, at: datetime) -> LabelData:
        waybill = await self.stall.waybill(ref)
        [said] = await label.labels_of(self.desk.counter, [waybill], at, actor=APP, sandbox=True)
        return said

    async def copies(self, ref: NumberRef) -> int:
        return (await self.stall.waybill(ref)).copies

    async def commands(
        self, asks: Sequence[CommandAsk], wish: PrinterWish, at: datetime | None = None
    ) -> list[Command | Withheld]:
        return await bluetooth_commands(self.desk, self.reader, asks, wish, at=at)

    def code(self, template: str) -> str:
        """The code of a standard template in this merchant's shop."""
        return code_of(self.reader, template)


async def paired(db: Database, merchant_id: int, sealing: bytes, name: str = "仓库一号机") -> Agent:
    """A merchant's computer, paired by a code with this X25519 key; who calls is asked of nobody here."""
    code = await pairing.make_pairing_code(db, AgentOwner(OwnerKind.MERCHANT, merchant_id), "packer")
    signing = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return await pairing.pair(db, code.text, name, sealing, signing)


def asked(taken: Taken) -> Asked:
    return Asked(taken.ref.carrier, taken.number)


def child(taken: Taken, place: int = 0) -> Asked:
    return Asked(taken.ref.carrier, taken.children[place])
