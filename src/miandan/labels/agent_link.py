"""What server and print agent say to each other (打印端连接), and how a sheet is sealed on its way.

One WebSocket, text frames; a frame is a JSON array of messages, each an object whose field `t` says which one it is, so
that what waits goes out together. The agent opens the link and the server speaks first:

    server  Challenge(nonce)                          agent  Hello: signed with the agent's Ed25519 key
    server  Welcome, or Refused and the end           agent  Holding, Printers, Room for each printer

`Room` adds: so many sheets more may be sent for this printer than were allowed so far on this link. A sheet is known by
its id as long as it lives. `Settled` names the outcome that the server has committed, so that the answer to an earlier
report of a sheet that came again is not taken for one to the latest.

`sealed` is base64 of "MDS1" | ephemeral X25519 key, 32 bytes | AES-256-GCM of the sheet's JSON. Key and nonce come from
HKDF-SHA256 over the exchange with the agent's X25519 key; sheet, agent, printer and copy are part of it and of the
associated data, so that no sheet opens as another one, for another agent, on another printer or as another copy.
"""

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar, get_args

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta, Struct

from miandan.kernel.errors import Refusal

MOST_FRAME: Final = 4_000_000
"""Bytes of a frame, for either side."""

NONCE_BYTES: Final = 32
"""Of a challenge; as hex on the link."""

_MARK: Final = b"MDS1"
_KEY_BYTES: Final = 32
_NONCE: Final = 12
_TAG: Final = 16
_SEALED: Final = b"MDS1 sheet\0"
_HELLO: Final = b"MDS1 hello\0"
_MOST_SEALED: Final = 400_000  # characters

LONGEST_NAME: Final = 200
"""Characters of a word of this link."""

Short = Annotated[str, Meta(max_length=LONGEST_NAME)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Number = Annotated[int, Meta(ge=0, le=10**9)]


class Outcome(StrEnum):
    """How a sheet ended at the agent."""

    PRINTED = "printed"
    FAILED = "failed"  # nothing of it reached the paper
    DOUBTFUL = "doubtful"  # it broke between the first and the last byte, or the device reported an error
    GIVEN_BACK = "given_back"  # not begun: the server may give it to somebody else


class Evidence(StrEnum):
    """What a printed sheet's word rests on."""

    DEVICE = "device"  # 设备回报
    SPOOLER = "spooler"  # 队列回报
    SENT_ONLY = "sent_only"  # 仅发送
    NONE = ""  # nothing was printed


class PrinterState(StrEnum):
    """What the agent knows of a printer now."""

    READY = "ready"
    BUSY = "busy"
    TROUBLE = "trouble"  # reachable, and wants a person: paper, lid, head; `detail` says which
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # it can be sent to, and tells nothing


class _Message(Struct, frozen=True, tag_field="t"):
    pass


# --- server to agent --------------------------------------------------------------------------------------------------


class Challenge(_Message, frozen=True, tag="challenge"):
    """The first word of a link; each has a nonce of its own."""

    nonce: Short


class Welcome(_Message, frozen=True, tag="welcome"):
    """The agent is who it says it is. `server_time` is ISO 8601 with its zone."""

    server_time: Short
    name: Short = ""  # that the merchant gave this agent


class Sheet(_Message, frozen=True, tag="sheet"):
    """One sheet for one printer. `place` counts from 1 within its job; `number` is the waybill's."""

    sheet_id: Name
    job_id: Short
    place: Number
    printer: Name
    number: Short
    copy: Number
    sealed: str = ""


class Stop(_Message, frozen=True, tag="stop"):
    """Do not begin this sheet any more; it is given back, unless it has begun."""

    sheet_id: Name


class Settled(_Message, frozen=True, tag="settled"):
    """This outcome of the sheet is committed; the agent may forget it."""

    sheet_id: Name
    outcome: Outcome


class NotTaken(_Message, frozen=True, tag="not_taken"):
    """This DataSheet will never be counted, and why; the agent may forget it."""

    sheet_id: Name
    code: Short
    zh: str
    en: str


class Ping(_Message, frozen=True, tag="ping"):
    """Is this link alive? Asked when the same agent calls over another one: two that answer are two copies of it."""


class Test(_Message, frozen=True, tag="test"):
    """Print a page on a printer that no job knows of: `test` or `calibration`."""

    __test__ = False  # not one of pytest's

    printer: Name
    kind: Short = "test"


class Refused(_Message, frozen=True, tag="refused"):
    """Why the server ends the link."""

    code: Short
    zh: str
    en: str


# --- agent to server --------------------------------------------------------------------------------------------------


class Hello(_Message, frozen=True, tag="hello"):
    """Who calls. `signature` is hex of Ed25519 over the nonce and the agent's id; see `say_hello`."""

    agent_id: Short
    nonce: Short
    signature: Short
    version: Short = ""


class Holding(_Message, frozen=True, tag="holding"):
    """The sheets in the agent's journal, said once after Welcome. What the server has leased to this agent and is not
    among them never arrived."""

    sheets: tuple[Name, ...] = ()


class PrinterSaid(Struct, frozen=True):
    """A printer as its agent describes it. Sizes are micrometres, 0 where it has none."""

    name: Name
    driver: Short = ""
    profile: Short = ""
    dpi: Number = 0
    width_um: Number = 0
    height_um: Number = 0
    state: PrinterState = PrinterState.UNKNOWN
    detail: Short = ""


class Pong(_Message, frozen=True, tag="pong"):
    """It is."""


class Printers(_Message, frozen=True, tag="printers"):
    """All printers of the agent; those that are not named are there no more."""

    printers: tuple[PrinterSaid, ...]


class Room(_Message, frozen=True, tag="room"):
    """So many sheets more may be sent for this printer."""

    printer: Name
    sheets: Number


class Begun(_Message, frozen=True, tag="begun"):
    """The first byte is about to leave; `at` is ISO 8601 with its zone."""

    sheet_id: Name
    at: Short = ""


class Report(_Message, frozen=True, tag="report"):
    """How a sheet ended. `reason` is a code, such as of a refusal, never a person's data."""

    sheet_id: Name
    outcome: Outcome
    evidence: Evidence = Evidence.NONE
    reason: Short = ""
    at: Short = ""


class DataOf(Struct, frozen=True):
    """The print data of the platform behind a sheet, as they say it themselves. `task` is the page's, under a name of
    the agent's own; `by` is the app and the page that gave them."""

    merchant: Short
    carrier: Short
    document: Number
    task: Name
    by: Short


class DataSheet(_Message, frozen=True, tag="data_sheet"):
    """How a sheet ended that a print component of this agent had from print data. `sheet_id` is made by the agent,
    `copy` is what the label says. Settled or NotTaken is the answer."""

    sheet_id: Name
    data: DataOf
    number: Short
    copy: Number
    printer: Short
    outcome: Outcome
    evidence: Evidence = Evidence.NONE
    reason: Short = ""
    at: Short = ""


class Condition(_Message, frozen=True, tag="condition"):
    """What a printer says of itself now."""

    printer: Name
    state: PrinterState
    detail: Short = ""


class Leave(_Message, frozen=True, tag="leave"):
    """The agent ends its pairing; the server answers Refused and the end."""


ToAgent = Challenge | Welcome | Sheet | Stop | Settled | NotTaken | Ping | Test | Refused
ToServer = Hello | Holding | Pong | Printers | Room | Begun | Report | DataSheet | Condition | Leave

_for_agent = msgspec.json.Decoder(list[ToAgent])
_for_server = msgspec.json.Decoder(list[ToServer])
_any = msgspec.json.Decoder(list[dict[str, Any]])
_TAGS: Final = frozenset(str(one.__struct_config__.tag) for one in (*get_args(ToAgent), *get_args(ToServer)))
_encoder = msgspec.json.Encoder()


def frame(messages: "list[Any]") -> str:
    """The messages as they travel."""
    return _encoder.encode(messages).decode()


def read_as_agent(text: str | bytes) -> list[ToAgent]:
    """What a server's frame says, without messages of kinds that a newer one may know. Raises ValueError for anything
    else."""
    return _read(_for_agent, text)


def read_as_server(text: str | bytes) -> list[ToServer]:
    """What an agent's frame says, in the same way."""
    return _read(_for_server, text)


M = TypeVar("M")


def _read(decoder: "msgspec.json.Decoder[list[M]]", text: str | bytes) -> list[M]:
    if len(text) > MOST_FRAME:
        raise ValueError("no frame of this link: too long")
    try:
        try:
            return decoder.decode(text)
        except msgspec.ValidationError:
            known = [one for one in _any.decode(text) if not _is_new(one)]
            return decoder.decode(_encoder.encode(known))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError("no frame of this link") from None


def _is_new(message: dict[str, Any]) -> bool:
    kind = message.get("t")
    return isinstance(kind, str) and kind not in _TAGS


# --- who calls --------------------------------------------------------------------------------------------------------


def say_hello(private_key: bytes, agent_id: str, nonce: str, version: str = "") -> Hello:
    """The answer to a challenge, by the agent's Ed25519 key."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    return Hello(agent_id, nonce, key.sign(_hello(agent_id, nonce)).hex(), version)


def is_from(hello: Hello, signing_key: bytes, nonce: str) -> bool:
    """Whether the holder of this Ed25519 key has answered this challenge, and no earlier one."""
    try:
        public = Ed25519PublicKey.from_public_bytes(signing_key)
        public.verify(bytes.fromhex(hello.signature), _hello(hello.agent_id, nonce))
    except (InvalidSignature, ValueError):
        return False
    return hello.nonce == nonce


def _hello(agent_id: str, nonce: str) -> bytes:
    return _HELLO + nonce.encode() + b"\0" + agent_id.encode()


# --- sealed sheets ----------------------------------------------------------------------------------------------------


def seal_sheet(plain: bytes, agent_key: bytes, *, sheet_id: str, agent_id: str, printer: str, copy: int) -> str:
    """A sheet that only the agent with the private half of this X25519 key can open, and only as what it is.

    Raises Refusal labels.agent_key_wrong when that is no such key.
    """
    once = X25519PrivateKey.generate()
    ephemeral = once.public_key().public_bytes_raw()
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(agent_key))
    except ValueError:  # of another length, or a point that makes every secret the same
        raise Refusal("labels.agent_key_wrong") from None
    about = _about(sheet_id, agent_id, printer, copy)
    secret, nonce = _derived(shared, ephemeral, agent_key, about)
    return base64.b64encode(_MARK + ephemeral + AESGCM(secret).encrypt(nonce, plain, about)).decode()


def open_sheet(sealed: str, private_key: bytes, *, sheet_id: str, agent_id: str, printer: str, copy: int) -> bytes:
    """What the server sealed. Raises Refusal labels.sealed_sheet_damaged for any other text, key, sheet, agent,
    printer or copy."""
    try:
        raw = base64.b64decode(sealed, validate=True) if len(sealed) <= _MOST_SEALED else b""
        start = len(_MARK) + _KEY_BYTES
        if not raw.startswith(_MARK) or len(raw) < start + _TAG:
            raise ValueError("of another format, or cut short")
        private = X25519PrivateKey.from_private_bytes(private_key)
        ephemeral = raw[len(_MARK) : start]
        shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        about = _about(sheet_id, agent_id, printer, copy)
        secret, nonce = _derived(shared, ephemeral, private.public_key().public_bytes_raw(), about)
        return AESGCM(secret).decrypt(nonce, raw[start:], about)
    except (InvalidTag, ValueError, binascii.Error):
        raise Refusal("labels.sealed_sheet_damaged") from None


def _about(sheet_id: str, agent_id: str, printer: str, copy: int) -> bytes:
    """Each name behind its length, so that no two sheets are about the same."""
    parts = [part.encode() for part in (sheet_id, agent_id, printer, str(copy))]
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def _derived(shared: bytes, ephemeral: bytes, agent_key: bytes, about: bytes) -> tuple[bytes, bytes]:
    hkdf = HKDF(SHA256(), _KEY_BYTES + _NONCE, salt=None, info=_SEALED + ephemeral + agent_key + about)
    both = hkdf.derive(shared)
    return both[:_KEY_BYTES], both[_KEY_BYTES:]
