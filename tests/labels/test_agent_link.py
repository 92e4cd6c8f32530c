"""The link's words: a sheet opens as what it is only, and what is no frame is refused."""

import base64
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels import agent_link as wire

OWN = X25519PrivateKey.generate()
PUBLIC = OWN.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class About:
    """What a sheet is sealed as."""

    sheet_id: str = "1.aa.1"
    agent_id: str = "agent"
    printer: str = "一号"
    copy: int = 1

    def seal(self, plain: bytes, key: bytes = PUBLIC) -> str:
        return wire.seal_sheet(
            plain, key, sheet_id=self.sheet_id, agent_id=self.agent_id, printer=self.printer, copy=self.copy
        )

    def open(self, sealed: str, key: X25519PrivateKey = OWN) -> bytes:
        return wire.open_sheet(
            sealed,
            key.private_bytes_raw(),
            sheet_id=self.sheet_id,
            agent_id=self.agent_id,
            printer=self.printer,
            copy=self.copy,
        )


def refused(about: About, sealed: str, key: X25519PrivateKey = OWN) -> bool:
    with pytest.raises(Refusal) as found:
        about.open(sealed, key)
    return found.value.code == "labels.sealed_sheet_damaged"


@given(st.binary(max_size=5_000))
def test_what_was_sealed_opens_again_and_shows_nothing_on_its_way(plain: bytes) -> None:
    sealed = About().seal(plain)
    assert About().open(sealed) == plain
    assert len(plain) < 8 or plain not in base64.b64decode(sealed)
    assert About().seal(plain) != sealed


def test_a_sheet_opens_as_no_other_sheet_nor_for_another_agent_printer_copy_or_key() -> None:
    sealed = About().seal(b"plain")
    for other in ({"sheet_id": "1.aa.2"}, {"agent_id": "another"}, {"printer": "二号"}, {"copy": 2}):
        assert refused(replace(About(), **other), sealed)
    assert refused(About(), sealed, X25519PrivateKey.generate())
    assert refused(replace(About(), sheet_id="1.aa.1a", agent_id="gent"), sealed)  # names do not run into each other


def test_whatever_is_changed_opens_nothing() -> None:
    raw = base64.b64decode(About().seal(b"plain"))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert refused(About(), base64.b64encode(changed).decode())
    for text in ("", "!", base64.b64encode(raw[:40]).decode(), "A" * 500_000):
        assert refused(About(), text)


def test_a_key_that_is_none_is_refused() -> None:
    for key in (b"", bytes(31), bytes(32)):
        with pytest.raises(Refusal) as found:
            About().seal(b"plain", key)
        assert found.value.code == "labels.agent_key_wrong"


def test_hello_counts_for_its_own_challenge_and_key_only() -> None:
    own = Ed25519PrivateKey.generate()
    public = own.public_key().public_bytes_raw()
    hello = wire.say_hello(own.private_bytes_raw(), "agent", "aa" * 32)
    assert wire.is_from(hello, public, "aa" * 32)
    assert not wire.is_from(hello, public, "bb" * 32)
    assert not wire.is_from(hello, Ed25519PrivateKey.generate().public_key().public_bytes_raw(), "aa" * 32)
    assert not wire.is_from(wire.Hello("other", hello.nonce, hello.signature), public, "aa" * 32)
    for signature in ("", "zz", "00" * 64):
        assert not wire.is_from(wire.Hello("agent", "aa" * 32, signature), public, "aa" * 32)


def test_messages_travel_in_frames_and_come_out_as_they_were() -> None:
    up = [
        wire.Holding(("1.aa.1",)),
        wire.Printers((wire.PrinterSaid("一号", "folder", "zpl-203", 203, 76_000, 130_000, wire.PrinterState.READY),)),
        wire.Room("一号", 8),
        wire.Begun("1.aa.1", "2026-11-26T09:00:00+00:00"),
        wire.Report("1.aa.1", wire.Outcome.PRINTED, wire.Evidence.DEVICE),
        wire.DataSheet(
            "aa-1of1.00", wire.DataOf("1001", "zto", 1, "t", "app:1"), "YT1", 2, "一号", wire.Outcome.PRINTED
        ),
        wire.Condition("一号", wire.PrinterState.TROUBLE, "paper_out"),
        wire.Leave(),
    ]
    assert wire.read_as_server(wire.frame(up)) == up
    down = [
        wire.Sheet("1.aa.1", "job", 1, "一号", "YT1", 1, "AAAA"),
        wire.Settled("1.aa.1", wire.Outcome.FAILED),
        wire.NotTaken("1.aa.1", "printing.component_sheet_refused", "没有", "no"),
    ]
    assert wire.read_as_agent(wire.frame(down)) == down


def test_a_message_of_an_unknown_kind_is_left_out_and_the_others_are_heard() -> None:
    frame = '[{"t":"of_tomorrow","sheets":[1]},{"t":"room","printer":"一号","sheets":3},{"t":"settled","x":1}]'
    with pytest.raises(ValueError, match="no frame"):  # a kind that is known, and said where it does not belong
        wire.read_as_server(frame)
    assert wire.read_as_server(frame.replace(',{"t":"settled","x":1}', "")) == [wire.Room("一号", 3)]
    assert wire.read_as_agent('[{"t":"of_tomorrow"}]') == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"t":"sheet"}]',
        b"\xff",
        '[{"t":"room","printer":"a","sheets":-1}]',
        "[" * 100_000,
        "x" * 5_000_000,
    ],
)
def test_what_is_no_frame_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="no frame"):
        wire.read_as_server(text)
    with pytest.raises(ValueError, match="no frame"):
        wire.read_as_agent(text)
