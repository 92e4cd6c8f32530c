"""`miandan demo`: load the sandbox and show what is in it."""

from miandan.cli.session import open_session, say
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings


async def demo(quiet: bool) -> int:
    """Load the sandbox, or say that it is there. Raises demo.real_data where it would mix with a real installation."""
    from miandan.cli.sandbox import load_sandbox, load_sandbox_apps
    from miandan.vault.root import open_root_key
    from miandan.vault.service import Vault

    _refuse_real_data(Settings.from_environment())
    async with open_session() as session:
        root = open_root_key(session.settings.data, session.settings.passphrase, sandbox=True)
        await Vault.open(session.db, root)
        fresh = await load_sandbox(session.db)
        await load_sandbox_apps(session.db, root)
        if not quiet:
            await _show(session.db, fresh=fresh)
    return 0


def _refuse_real_data(settings: Settings) -> None:
    from miandan.vault.root import KEY_FILE, is_sandbox

    keyed = bool(settings.passphrase) or (settings.data / KEY_FILE).exists()
    if keyed and not is_sandbox(settings):
        raise Refusal("demo.real_data")


async def _show(db: Database, *, fresh: bool) -> None:
    """Who is in the sandbox and what each may take."""
    from rich.cells import set_cell_size

    from miandan.accounts import service as accounts
    from miandan.carriers.catalogue import catalogue
    from miandan.cli.sandbox import apps_of_the_sandbox, merchants_of_the_sandbox

    say("沙箱已就绪（全部为虚构数据）。/ The sandbox is ready; everything in it is invented.")
    if not fresh:
        say("（之前已加载，未作改动。/ It was loaded before; nothing was changed.）")
    for merchant_id, name in merchants_of_the_sandbox():
        say(f"\n商家 merchant {merchant_id} {name}")
        for account in await accounts.accounts_of(db, merchant_id):
            balance = await accounts.balance(db, merchant_id, account.account_id)
            left = f"{balance.available + balance.leased:,} 单" if account.billing == "prepaid" else "月结 monthly"
            carrier = catalogue().get(account.carrier)
            say(f"  {account.carrier:<9}{set_cell_size(carrier.zh, 16)}{carrier.en:<26}{left}")
    say("\n应用 apps（沙箱密钥，人人可知 sandbox secrets, known to everybody）")
    for app in apps_of_the_sandbox():
        say(f"  {app.app_key}  {app.secret}  {set_cell_size(app.name, 16)}{app.subject.name}")
    say("\n接下来 next:  miandan ship examples/orders.csv   （换快递 another carrier: --carrier sf）")
