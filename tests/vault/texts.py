"""An app with a shop and its orders, as far as the vault sees them: what tests of ciphertext begin with."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderDraft, OrderRef
from miandan.orders.service import find_orders, keep
from miandan.vault.decrypts import Asked, Asker, Shown, decrypt
from miandan.vault.issued import OrderTexts, issue_for_order
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.vault.service import Vault
from tests.vault.people import MERCHANT

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
APP, SHOP, ORDER = "7000000000000000001", "4463798", "6920000000000012345"
WHERE = {"app": APP, "shop": SHOP, "order": ORDER}


async def put_order(db: Database, keys: MerchantKeys, person: Recipient, order: str = ORDER) -> Sealed:
    """An order of the shop as it is kept; put again with another recipient it is changed."""
    await keep(db, keys, [OrderDraft(order, SHOP, person, ())])
    ref = OrderRef(SHOP, order)
    return (await find_orders(db, keys.merchant_id, [ref]))[ref].recipient


async def put_orders(db: Database, vault: Vault, people: Mapping[str, Recipient]) -> dict[str, OrderTexts]:
    """Orders, and the ciphertexts that the app gets of each."""
    keys = await vault.keys_of(MERCHANT)
    texts = {}
    for order, person in people.items():
        sealed = await put_order(db, keys, person, order)
        texts[order] = issue_for_order(keys, sealed.token, app=APP, shop=SHOP, order=order)
    return texts


async def ask(
    db: Database,
    vault: Vault,
    items: list[Asked],
    *,
    app: str = APP,
    shop: str = SHOP,
    merchant_id: int = MERCHANT,
    purpose: str = "after_sale",
    orders: int = 0,
    minutes: float = 0,
) -> list[Shown | Refusal]:
    """A decryption by a clerk of the app, `minutes` after the first."""

    async def orders_since(since: datetime) -> int:
        return orders

    return await decrypt(
        db,
        vault,
        items,
        asker=Asker(app, "clerk-7", "sub-3", "sub_account"),
        merchant_id=merchant_id,
        shop=shop,
        purpose=purpose,
        orders_since=orders_since,
        at=AT + timedelta(minutes=minutes),
    )


def words(answers: list[Shown | Refusal]) -> list[str]:
    """Texts, and codes of what was refused."""
    return [one.code if isinstance(one, Refusal) else one.text for one in answers]
