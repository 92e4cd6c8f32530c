"""A certificate for wss on this machine alone: an authority of its own per installation, good for loopback names only.

The authority may vouch for localhost, 127.0.0.1 and ::1 and for nothing else (name constraints, critical); the leaf
lives 300 days and is made anew thirty days before its end. Keys lie in the agent's folder, 0600, and are sent nowhere.
"""

import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from miandan.agent.folder import written_private
from miandan.kernel.clock import now
from miandan.labels.locked import locked
from miandan.labels.whole_file import made_folder

AUTHORITY_DAYS: Final = 3650
LEAF_DAYS: Final = 300
_RENEW_DAYS: Final = 30
_CLOCK_OFF = timedelta(hours=1)
_NAMES: Final = (
    x509.DNSName("localhost"),
    x509.IPAddress(IPv4Address("127.0.0.1")),
    x509.IPAddress(IPv6Address("::1")),
)
_PERMITTED: Final = (
    x509.DNSName("localhost"),
    x509.IPAddress(IPv4Network("127.0.0.1/32")),
    x509.IPAddress(IPv6Network("::1/128")),
)
_Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of one installation."""

    folder: Path

    @property
    def authority(self) -> Path:
        """What a browser has to trust, PEM."""
        return self.folder / "miandan-loopback-ca.crt"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def leaf(self) -> Path:
        """Certificate and key of the ports, PEM."""
        return self.folder / "loopback.pem"

    def ready(self, at: datetime | None = None) -> None:
        """Make what is missing or runs out. Raises labels.folder_denied, labels.not_writable, OSError."""
        at = at or now()
        made_folder(self.folder)
        with locked(self.folder / ".lock"):
            authority = _read(self.authority, self.authority_key)
            if authority is None or authority[0].not_valid_after_utc < at + timedelta(days=LEAF_DAYS):
                authority = _made_authority(at)
                _write(self.authority_key, _key_text(authority[1]))
                _write(self.authority, authority[0].public_bytes(serialization.Encoding.PEM))
                self.leaf.unlink(missing_ok=True)
            leaf = _read(self.leaf, self.leaf)
            if leaf is None or leaf[0].not_valid_after_utc < at + timedelta(days=_RENEW_DAYS):
                certificate, key = _made_leaf(authority, at)
                _write(self.leaf, certificate.public_bytes(serialization.Encoding.PEM) + _key_text(key))

    def context(self) -> ssl.SSLContext:
        """For the server's side of a port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load(context)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Give a context the leaf as it is now; connections from now on see it. Raises like `ready`."""
        self.ready()
        context.load_cert_chain(self.leaf)

    def remove(self) -> None:
        """Destroy authority, leaf and keys; the next start makes others."""
        for file in (self.authority, self.authority_key, self.leaf):
            file.unlink(missing_ok=True)

    def serial(self) -> str:
        """Of the authority, as Windows finds it in its store; empty where there is none."""
        try:
            return f"{x509.load_pem_x509_certificate(self.authority.read_bytes()).serial_number:x}"
        except (OSError, ValueError):
            return ""

    def fingerprint(self) -> str:
        """SHA-256 of the authority, as the dialogues of systems show it. Raises OSError."""
        certificate = x509.load_pem_x509_certificate(self.authority.read_bytes())
        return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _made_authority(at: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"miandan loopback {os.urandom(4).hex()}")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # signs certificates only
    builder = (
        _begun(name, name, key, at, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(list(_PERMITTED), None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def _made_leaf(authority: _Pair, at: datetime) -> _Pair:
    issuer, issuer_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        _begun(name, issuer.subject, key, at, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName(list(_NAMES)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256()), key


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _CLOCK_OFF)
        .not_valid_after(at + timedelta(days=days))
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(certificate: Path, key: Path) -> _Pair | None:
    """None for what is missing, damaged or not of one pair: it is made anew."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        secret = serialization.load_pem_private_key(_key_part(key.read_bytes()), None)
    except (OSError, ValueError):
        return None
    if not isinstance(secret, ec.EllipticCurvePrivateKey) or secret.public_key() != found.public_key():
        return None
    return found, secret


def _key_part(text: bytes) -> bytes:
    begin = text.find(b"-----BEGIN PRIVATE KEY")
    return text[begin:] if begin >= 0 else text


def _write(path: Path, content: bytes) -> None:
    with written_private(path) as out:
        out.write(content)
