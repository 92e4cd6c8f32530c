"""Print data, print keys, agents, templates as a print component meets them, commands for a printer. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from miandan.kernel.errors import Refusal
from miandan.labels.printers.profile import Language
from miandan.orders.model import OrderRef
from miandan.waybills.model import Waybill

MOST_ITEMS = 200
"""Numbers of one call; Doudian's limit for fetchBluetoothCmd (reference/doudian.md 2.2)."""

MOST_OFFSET_MM = 50


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose print component opens the data: an app that works for a shop; `shop_id` is "" for a merchant without."""

    app: str
    merchant_id: int
    shop_id: str = ""


class Asked(NamedTuple):
    """A number whose label is wanted."""

    carrier: str
    number: str


@dataclass(frozen=True, slots=True)
class PrintData:
    """One label for the print component, with what proves that it is ours. `order_id` is the parcel's first order."""

    carrier: str
    number: str
    order_id: str
    print_data: str
    sign: str
    good_until: datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """A number whose label is not given, and why. `carrier` and `order_id` are "" where they are not known."""

    carrier: str
    number: str
    order_id: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Sheet:
    """A waybill whose label is wanted, the orders of its parcel, and of a parent the numbers of its children."""

    waybill: Waybill
    orders: tuple[OrderRef, ...] = ()
    children: tuple[str, ...] = ()

    @property
    def asked(self) -> Asked:
        return Asked(self.waybill.ref.carrier, self.waybill.ref.number)

    @property
    def order_id(self) -> str:
        return self.orders[0].order_id if self.orders else ""


@dataclass(frozen=True, slots=True)
class PrintKey:
    """A print key of a shop. `wrapped` is None once it was destroyed."""

    merchant_id: int
    shop_id: str
    key_id: int
    wrapped: bytes | None = field(repr=False)
    root_version: int
    made_at: datetime
    good_until: datetime
    readable_until: datetime

    def opens_at(self, at: datetime) -> bool:
        """Whether what it has sealed may still be opened, whether the job has been here or not."""
        return self.wrapped is not None and at < self.readable_until


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What the platform signs with."""

    key_id: int
    public_key: bytes
    wrapped: bytes = field(repr=False)
    root_version: int
    made_at: datetime


class AgentState(StrEnum):
    """Whether keys are released to an agent."""

    PAIRED = "paired"
    UNPAIRED = "unpaired"


class OwnerKind(StrEnum):
    """Whose computer an agent runs on."""

    MERCHANT = "merchant"
    BRANCH = "branch"  # prints for the merchants that it lets in


@dataclass(frozen=True, slots=True)
class AgentOwner:
    """A merchant, or a branch of a carrier: `merchant_id` is 0 for a branch, the two texts are "" for a merchant."""

    kind: OwnerKind
    merchant_id: int = 0
    carrier: str = ""
    branch_code: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """A program beside printers. `public_key` (X25519) seals for it, `signing_key` (Ed25519) says who calls; 32 bytes
    each. `link` is the one that it opened last: no other is given sheets."""

    merchant_id: int
    agent_id: UUID
    name: str
    public_key: bytes
    signing_key: bytes
    state: AgentState
    paired_at: datetime
    unpaired_at: datetime | None = None
    owner_kind: OwnerKind = OwnerKind.MERCHANT
    carrier: str = ""
    branch_code: str = ""
    version: str = ""
    seen_at: datetime | None = None
    link: UUID | None = None

    @property
    def owner(self) -> AgentOwner:
        return AgentOwner(self.owner_kind, self.merchant_id, self.carrier, self.branch_code)


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A merchant's own template that print components may fetch. `base` is the standard template of a custom area,
    "" for a whole template; `carrier` is "" for any."""

    merchant_id: int
    name: str
    version: int
    token: str
    base: str
    carrier: str
    title: str
    content: bytes = field(repr=False)
    offered_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateCard:
    """A template as lists show it. `code` differs from shop to shop, name, id and addresses do not."""

    name: str
    version: int
    template_id: int
    code: str
    title: str
    carrier: str
    parts: int
    url: str
    preview_url: str
    keys: tuple[str, ...] = ()
    parent_id: int = 0
    parent_code: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """A file for the print component, with what a cache may do with it."""

    content: bytes
    media_type: str
    etag: str
    cache_control: str


class Direction(StrEnum):
    """Which edge of the label comes out of the printer first."""

    NORMAL = "normal"
    REVERSE = "reverse"


class Encoding(StrEnum):
    """How commands travel, before base64."""

    ORIGIN = "origin"
    GBK = "gbk"
    GZIP = "gzip_byte"

    @property
    def is_text(self) -> bool:
        """Whether the receiver may take the commands for text."""
        return self is not Encoding.GZIP


@dataclass(frozen=True, slots=True)
class CommandAsk:
    """One sheet for a Bluetooth printer: its number, its template by code, and what stands in the custom area, by code
    or address, with its data as a JSON object."""

    number: str
    template_code: str
    area_code: str = ""
    area_url: str = ""
    custom: str = ""


@dataclass(frozen=True, slots=True)
class PrinterWish:
    """The printer as the caller describes it. Offsets are millimetres, right and down."""

    language: Language
    encoding: Encoding
    printer_name: str = ""
    right_mm: int = 0
    down_mm: int = 0
    direction: Direction = Direction.NORMAL


@dataclass(frozen=True, slots=True)
class Command:
    """The sheets of one number as the printer takes them, encoded. `lost` counts black dots that the offset pushed off
    the paper."""

    carrier: str
    number: str
    order_id: str
    commands: str
    copy: int
    lost: int = 0
