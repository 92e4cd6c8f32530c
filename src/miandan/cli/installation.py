"""What a command opens that writes down merchants, branches or units: an installation that knows its own key.

Outside the sandbox nothing is set up before there is a root key under a passphrase, so that invented and real data
never meet, and a wrong data folder shows at the first command and not at the first parcel.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from miandan.cli.session import Session, open_session
from miandan.vault.root import KEY_FILE, open_root_key


@asynccontextmanager
async def open_installation() -> AsyncIterator[Session]:
    """The session, with a passphrase given and a root key made where there was none yet.

    Raises vault.passphrase_missing, vault.passphrase_short, and what `Vault.open` raises for a key of another database.
    """
    async with open_session() as session:
        if not session.sandbox:
            await _prove_key(session)
        yield session


async def _prove_key(session: Session) -> None:
    settings = session.settings
    if settings.passphrase and (settings.data / KEY_FILE).exists():
        return  # whoever seals or opens something proves it; a tenth of a second
    from miandan.vault.service import Vault

    await Vault.open(session.db, open_root_key(settings.data, settings.passphrase))
