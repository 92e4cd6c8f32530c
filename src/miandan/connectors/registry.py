"""Which connector speaks for a carrier. So far the sandbox only; live ones will be registered here."""

from functools import cache
from pathlib import Path

from miandan.carriers.catalogue import catalogue
from miandan.connectors.fake import PROFILES, FakeCarrier
from miandan.connectors.model import Connector
from miandan.kernel.errors import Refusal


def sandbox_file(data: Path) -> Path:
    """Where the fake carriers of a data folder keep their books."""
    return data / "fake-carriers.sqlite"


def connector_for(carrier: str, sandbox: Path | None) -> Connector:
    """The connector of a carrier code; `sandbox` is the fake carriers' file, None outside the sandbox.

    One and the same per carrier and file. Raises connector.missing where nothing speaks for the carrier.
    """
    if sandbox is None or carrier not in PROFILES:
        known = catalogue().get(carrier)
        raise Refusal("connector.missing", carrier=carrier, zh=known.zh, en=known.en)
    return _fake(carrier, sandbox)


def sandbox_connectors(data: Path) -> dict[str, Connector]:
    """The fake carriers of a data folder, by carrier code."""
    return {carrier: _fake(carrier, sandbox_file(data)) for carrier in PROFILES}


@cache
def _fake(carrier: str, file: Path) -> FakeCarrier:
    return FakeCarrier(carrier, file)
