"""wss on loopback: an authority of this installation, good for loopback names alone, that a strict client accepts."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from websockets.asyncio.client import connect

from miandan.agent.components.certificates import AUTHORITY_DAYS, LEAF_DAYS, Certificates
from tests.agent.components.bench import PAGE, counter

AT = datetime(2026, 11, 27, tzinfo=UTC)


def leaf_of(one: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(one.leaf.read_bytes())


async def test_a_client_that_trusts_only_our_authority_speaks_wss_with_us(tmp_path: Path) -> None:
    options = {"doudian": {"ports": [0], "secure_ports": [0]}}
    async with counter(tmp_path, "doudian", component=options) as desk:
        desk.allow()
        trust = ssl.create_default_context(cafile=str(desk.components.certificates.authority))
        [port] = [one for one in desk.components.ports if one.secure]
        for host in ("localhost", "127.0.0.1", "[::1]"):
            url = f"wss://{host}:{port.number}/"
            async with connect(url, ssl=trust, additional_headers={"Origin": PAGE}, proxy=None) as line:
                await line.send(json.dumps({"cmd": "getPrinters", "requestID": 1}))
                assert json.loads(await line.recv())["status"] == "success"
        stranger = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(f"wss://localhost:{port.number}/", ssl=stranger, proxy=None)


def test_the_authority_vouches_for_loopback_alone(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    ours.ready(AT)
    authority = x509.load_pem_x509_certificate(ours.authority.read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert {str(one.value) for one in constraints.value.permitted_subtrees or ()} == {
        "localhost",
        "127.0.0.1/32",
        "::1/128",
    }
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    names = leaf_of(ours).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(one.value) for one in names} == {"localhost", "127.0.0.1", "::1"}


def test_a_leaf_lives_less_than_a_year_and_is_made_anew_before_its_end(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    ours.ready(AT)
    first, authority = leaf_of(ours), ours.authority.read_bytes()
    assert first.not_valid_after_utc - first.not_valid_before_utc < timedelta(days=365)
    ours.ready(AT + timedelta(days=LEAF_DAYS - 31))
    assert leaf_of(ours) == first
    ours.ready(AT + timedelta(days=LEAF_DAYS - 29))
    assert leaf_of(ours) != first
    assert ours.authority.read_bytes() == authority
    ours.ready(AT + timedelta(days=AUTHORITY_DAYS - LEAF_DAYS + 1))
    assert ours.authority.read_bytes() != authority


def test_keys_are_of_this_user_alone_and_of_this_installation_alone(tmp_path: Path) -> None:
    one, other = Certificates(tmp_path / "a"), Certificates(tmp_path / "b")
    for ours in (one, other):
        ours.ready(AT)
        assert ours.authority_key.stat().st_mode & 0o777 == 0o600
        assert ours.leaf.stat().st_mode & 0o777 == 0o600
    assert one.fingerprint() != other.fingerprint()
    assert one.authority_key.read_bytes() != other.authority_key.read_bytes()


def test_what_is_damaged_is_made_anew_and_what_is_removed_is_gone(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    ours.ready(AT)
    ours.leaf.write_bytes(b"no certificate")
    ours.ready(AT)
    assert leaf_of(ours)
    ours.remove()
    assert not [one for one in tmp_path.iterdir() if one.name != ".lock"]
