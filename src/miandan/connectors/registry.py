"""Which connector speaks for a carrier. So far the sandbox only; live ones will be registered here."""

from collections.abc import Iterator, Mapping
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


def sandbox_connectors(data: Path) -> Mapping[str, Connector]:
    """The fake carriers of a data folder, by carrier code; a carrier opens its books when it is first needed."""
    return _Sandbox(sandbox_file(data))


class _Sandbox(Mapping[str, Connector]):
    def __init__(self, file: Path) -> None:
        self._file = file

    def __getitem__(self, carrier: str) -> Connector:
        if carrier not in PROFILES:
            raise KeyError(carrier)
        return _fake(carrier, self._file)

    def __contains__(self, carrier: object) -> bool:
        return carrier in PROFILES

    def __iter__(self) -> Iterator[str]:
        return iter(PROFILES)

    def __len__(self) -> int:
        return len(PROFILES)


@cache
def _fake(carrier: str, file: Path) -> FakeCarrier:
    return FakeCarrier(carrier, file)
