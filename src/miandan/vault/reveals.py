"""The way to a plain recipient: with a purpose, within the budget, written down first; for apps see `decrypts`."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from miandan.kernel import audit
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_remark
from miandan.vault import queries
from miandan.vault.model import Recipient, Sealed
from miandan.vault.purposes import Purpose, RecipientField, only, purpose_on
from miandan.vault.service import Vault
from miandan.vault.veils import veiled

DELIVER = "deliver"
_DELIVERY_FIELDS = (RecipientField.NAME, RecipientField.PHONE, RecipientField.ADDRESS)


async def reveal(
    db: Database,
    vault: Vault,
    *,
    purpose: str,
    actor: str,
    merchant_id: int,
    rows: Sequence[tuple[str, Sealed]],
    fields: Collection[str],
    app: str | None = None,
    reason: str = "",
    called: str = "",
    at: datetime | None = None,
) -> list[Recipient]:
    """The plain `fields` of the (bound_to, sealed) rows, in their order; other fields are empty.

    `reason` and `called` (what the actor calls itself) are somebody else's words; they are kept beside the purpose and
    behind the actor, without the recipients and without phones. The audit entry and the budget of `app` (the actor
    where none is named) are committed before the recipients are handed out. All or nothing. Raises Refusal
    vault.purpose, vault.fields, vault.budget, vault.shredded, vault.damaged or vault.key_unknown.
    """
    moment = at or now()
    why = purpose_on(purpose, trade_day(moment))
    app = app or actor
    wanted = why.allowed(fields)
    if not rows:
        return []
    keys = await vault.keys_for(merchant_id, (sealed for _, sealed in rows))
    opened = [keys.open(sealed, bound_to) for bound_to, sealed in rows]
    for recipient in opened if reason or called else ():
        reason, called = veiled(recipient, [mask_remark(reason), mask_remark(called)])
    actor = f"{actor}/{called}" if called else actor
    await _write_down(db, why, actor, app, merchant_id, rows, wanted, reason, moment)
    return [only(recipient, wanted) for recipient in opened]


async def reveal_to_carrier(
    db: Database,
    vault: Vault,
    *,
    carrier: str,
    actor: str,
    merchant_id: int,
    row: tuple[str, Sealed],
    number_is_live: bool,
    signed_at: datetime | None,
    reason: str = "",
    called: str = "",
    at: datetime | None = None,
) -> Recipient:
    """The recipient of a number, for the carrier that carries it; the caller has found the row by that number.

    Raises Refusal vault.number_not_live, vault.too_late (some days after signing, data of the purpose `deliver`),
    and what `reveal` raises.
    """
    moment = at or now()
    if not number_is_live:
        raise Refusal("vault.number_not_live", carrier=carrier)
    days = purpose_on(DELIVER, trade_day(moment)).days_after_signing
    if signed_at is not None and days is not None and moment > signed_at + timedelta(days=days):
        raise Refusal("vault.too_late", days=days)
    (recipient,) = await reveal(
        db,
        vault,
        purpose=DELIVER,
        actor=actor,
        merchant_id=merchant_id,
        rows=[row],
        fields=_DELIVERY_FIELDS,
        app=f"carrier:{carrier}",
        reason=reason,
        called=called,
        at=moment,
    )
    return recipient


async def set_reveal_limit(db: Database, app: str, limit: int | None, at: datetime | None = None) -> None:
    """From today on `app` may reveal `limit` recipients a day; None lifts the limit."""
    async with db.transaction() as tx:
        await queries.set_limit(tx, app, trade_day(at or now()), limit)


async def reveal_limit(db: Database, app: str, at: datetime | None = None) -> int | None:
    """The limit that was set for `app`, None where it has none of its own."""
    return await queries.limit_on(db, app, trade_day(at or now()))


async def _write_down(
    db: Database,
    why: Purpose,
    actor: str,
    app: str,
    merchant_id: int,
    rows: Sequence[tuple[str, Sealed]],
    fields: Collection[RecipientField],
    reason: str,
    at: datetime,
) -> None:
    subject = {
        "app": app,
        "tokens": [str(sealed.token) for _, sealed in rows],
        "fields": sorted(field.value for field in fields),
    }
    if reason:
        subject["reason"] = reason
    async with db.transaction() as tx:
        if why.budgeted:
            used, limit = await queries.spend_for_update(tx, app, trade_day(at), len(rows))
            if limit is not None and used > limit:
                left = limit - (used - len(rows))
                raise Refusal("vault.budget", limit=limit, left=max(left, 0), wanted=len(rows))
        chain = audit.merchant_chain(merchant_id)
        await audit.append(
            tx, chain, actor=actor, action="recipient.revealed", purpose=why.code, subject=subject, at=at
        )
