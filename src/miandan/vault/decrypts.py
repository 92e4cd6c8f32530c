"""What apps do with ciphertext: decrypt some of it, within a budget that grows with their orders, or look at masks.

Every item stands for itself: one that fails tells why, costs nothing and stops no other. A text is one field of one
recipient, however often it was issued; decrypted again within the hour it is free for the app.
"""

import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple

from miandan.kernel import audit
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.vault import queries
from miandan.vault.issued import Cited, read, text_of
from miandan.vault.issued_texts import keys_for_texts, opened, refuse_too_many
from miandan.vault.masks import mask
from miandan.vault.model import Recipient
from miandan.vault.purposes import Purpose, RecipientField, purpose_on
from miandan.vault.service import Vault
from miandan.vault.shelves import find_cited

OrdersSince = Callable[[datetime], Awaitable[int]]
"""How many orders the app's shops have received since a moment; asked when a budget has to be worked out."""


class Asked(NamedTuple):
    """A ciphertext and the id that it was issued for: the order's, or one of the app's own."""

    auth_id: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """One text in plain or masked; `extension` is that of a virtual number, which `text` ends with."""

    field: RecipientField
    text: str
    extension: str = ""

    def __repr__(self) -> str:
        return f"Shown({self.field.value}, ***)"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who decrypts, for the log: the app, the actor, and the account within the app that the app names."""

    app: str
    actor: str
    account_id: str = ""
    account_type: str = ""


@dataclass(frozen=True, slots=True)
class DecryptBudget:
    """A row of `decrypt_budget.toml`."""

    base: int
    per_hundred_orders: int
    days: int
    free_minutes: int
    valid_from: date
    source: str

    def limit(self, orders: int) -> int:
        """Texts a day for an app whose shops received so many orders in the last `days` days."""
        return self.base + orders * self.per_hundred_orders // 100


@cache
def decrypt_budgets() -> tuple[DecryptBudget, ...]:
    """Every row, current or not."""
    text = resources.files("miandan.vault").joinpath("decrypt_budget.toml").read_text(encoding="utf-8")
    return tuple(DecryptBudget(**row) for row in tomllib.loads(text)["budget"])


def decrypt_budget_on(day: date) -> DecryptBudget:
    """The budget as it stands on a Beijing day: the last row that has begun, on days before all of them the first."""
    begun = [row for row in decrypt_budgets() if row.valid_from <= day]
    return begun[-1] if begun else decrypt_budgets()[0]


async def decrypt(
    db: Database,
    vault: Vault,
    items: Sequence[Asked],
    *,
    asker: Asker,
    merchant_id: int,
    shop: str,
    purpose: str,
    orders_since: OrdersSince,
    at: datetime | None = None,
) -> list[Shown | Refusal]:
    """The text of each item, in order, or why it is not shown.

    The audit entry and the budget are committed before anything is handed out. When the budget runs short the first
    items get what is left. Refusals of items: what `issued.read` raises, vault.fields (the purpose does not need it),
    vault.cipher_old, vault.shredded, vault.damaged, vault.key_unknown, vault.budget. Raises Refusal vault.purpose,
    and vault.batch for more than 50 items.
    """
    moment = at or now()
    why = purpose_on(purpose, trade_day(moment))
    found = await _found(db, vault, items, asker.app, merchant_id, shop, why)
    wanted = list(dict.fromkeys(one.cited for one in found if isinstance(one, _Found)))
    if not wanted:
        return [one for one in found if isinstance(one, Refusal)]
    rule = decrypt_budget_on(trade_day(moment))
    by_volume = rule.limit(await orders_since(moment - timedelta(days=rule.days))) if why.budgeted else 0
    async with db.transaction() as tx:
        refused = await _charge(tx, asker.app, merchant_id, wanted, rule, by_volume, moment) if why.budgeted else {}
        shown = [cited for cited in wanted if cited not in refused]
        if shown:
            await _write_down(tx, why, asker, merchant_id, shop, shown, moment)
    return [one if isinstance(one, Refusal) else refused.get(one.cited) or _shown(one) for one in found]


async def sensitive(
    db: Database,
    vault: Vault,
    items: Sequence[Asked],
    *,
    app: str,
    merchant_id: int,
    shop: str,
    rule: str = "screen",
) -> list[Shown | Refusal]:
    """What the mask rule shows of each item, free of budget and audit; refusals as `decrypt` has them."""
    found = await _found(db, vault, items, app, merchant_id, shop, None)
    return [
        one if isinstance(one, Refusal) else _shown(one._replace(recipient=mask(one.recipient, rule))) for one in found
    ]


# --- finding ----------------------------------------------------------------------------------------------------------


class _Found(NamedTuple):
    cited: Cited
    recipient: Recipient


async def _found(
    db: Database,
    vault: Vault,
    items: Sequence[Asked],
    app: str,
    merchant_id: int,
    shop: str,
    why: Purpose | None,
) -> list[_Found | Refusal]:
    refuse_too_many(items)
    keys = await keys_for_texts(vault, merchant_id, (item.text for item in items))
    cited: list[Cited | Refusal] = []
    for item in items:
        try:
            one = read(keys, item.text, app=app, shop=shop, order=item.auth_id)
            if why is not None:
                why.allowed([one.field.value])
            cited.append(one)
        except Refusal as refusal:
            cited.append(refusal)
    tokens = {one.token for one in cited if isinstance(one, Cited)}
    rows = await find_cited(db, merchant_id, tokens, {f"{shop}/{item.auth_id}" for item in items}) if tokens else {}
    keys = await vault.keys_for(merchant_id, rows.values())
    found: list[_Found | Refusal] = []
    for item, one_cited in zip(items, cited, strict=True):
        if isinstance(one_cited, Refusal):
            found.append(one_cited)
            continue
        try:
            bound_to = f"{shop}/{item.auth_id}"
            found.append(_Found(one_cited, opened(keys, one_cited.token, rows, bound_to, item.auth_id)))
        except Refusal as refusal:
            found.append(refusal)
    return found


def _shown(found: _Found) -> Shown:
    field, recipient = found.cited.field, found.recipient
    return Shown(field, text_of(recipient, field), recipient.extension if field is RecipientField.PHONE else "")


# --- paying -----------------------------------------------------------------------------------------------------------


async def _charge(
    tx: Transaction,
    app: str,
    merchant_id: int,
    wanted: Sequence[Cited],
    rule: DecryptBudget,
    by_volume: int,
    at: datetime,
) -> Mapping[Cited, Refusal]:
    """Draw on the app's budget for what it has not decrypted within the hour; what is refused for want of it."""
    used, set_limit = await queries.spend_for_update(tx, app, trade_day(at), 0)  # the lock of the app's day
    limit = by_volume if set_limit is None else set_limit
    since = at - timedelta(minutes=rule.free_minutes)
    recent = await queries.decrypted_since(tx, merchant_id, app, {cited.token for cited in wanted}, since)
    fresh = [cited for cited in wanted if (cited.token, cited.field.value) not in recent]
    left = max(0, limit - used)
    paid = fresh[:left]
    if paid:
        await queries.spend_for_update(tx, app, trade_day(at), len(paid))
        await queries.keep_decrypted(tx, merchant_id, app, at, [(cited.token, cited.field.value) for cited in paid])
    refusal = Refusal("vault.budget", limit=limit, left=left, wanted=len(fresh))
    return dict.fromkeys(fresh[left:], refusal)


async def _write_down(
    tx: Transaction,
    why: Purpose,
    asker: Asker,
    merchant_id: int,
    shop: str,
    shown: Sequence[Cited],
    at: datetime,
) -> None:
    subject = {
        "app": asker.app,
        "shop": shop,
        "account": f"{asker.account_type}:{asker.account_id}" if asker.account_id else "",
        "tokens": [str(cited.token) for cited in shown],
        "fields": [cited.field.value for cited in shown],
    }
    chain = audit.merchant_chain(merchant_id)
    await audit.append(
        tx, chain, actor=asker.actor, action="recipient.revealed", purpose=why.code, subject=subject, at=at
    )
