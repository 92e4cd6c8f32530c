"""`miandan supply` and `miandan shares`: who ships for whose shop, and who lends whom units."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from miandan.accounts import overview, shares
from miandan.accounts import service as accounts
from miandan.accounts import supply as relations
from miandan.accounts.model import GrantState, ShareGrant
from miandan.accounts.supply_model import RelationState, SupplyRelation
from miandan.cli import known, typed
from miandan.cli.installation import open_installation
from miandan.cli.logins import login_or_own
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import Column, write_lines, write_list
from miandan.cli.words import GRANT_STATES, RELATION_STATES
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants

_SELLER, _SUPPLIER = "seller", "supplier"
_MOST_NAMED = 20
"""Shops that a message names."""

_RELATIONS = (
    Column("relation", "关系 relation"),
    Column("seller", "卖家 seller"),
    Column("shop_id", "店铺号 shop"),
    Column("supplier", "供货商 supplier"),
    Column("state", "状态 state", RELATION_STATES.get),
    Column("asked_by", "提出方 asked by"),
    Column("stated_by", "登记人 stated by"),
    Column("asked_at", "提出 asked"),
    Column("accepted_by", "确认人 accepted by"),
    Column("evidence", "依据 evidence"),
)
_GRANTS = (
    Column("grant", "共享 grant"),
    Column("owner", "所有者 owner"),
    Column("user", "使用者 user"),
    Column("account", "账号 account"),
    Column("state", "状态 state", GRANT_STATES.get),
    Column("units", "单量 units"),
    Column("used", "已用 used"),
    Column("returned", "已退 returned"),
    Column("heard_at", "用量截至 as of"),
)


async def propose(parties: tuple[str, str, str], asked_by: str, evidence: str, by: str | None) -> int:
    """Put on record that a supplier ships for a seller's shop, and answer the relation's id.

    `parties` are seller, shop ("" for a seller without one only) and supplier. Raises setup.*, doubts.who and what
    `propose` raises; supply.exists only where the one that stands has other evidence.
    """
    seller_id, supplier_id = typed.merchant(parties[0]), typed.merchant(parties[2])
    shop_id = typed.code(parties[1], "店铺号 shop id") if parties[1].strip() else ""
    side = typed.choice(asked_by, (_SELLER, _SUPPLIER), "--asked-by")
    actor = login_or_own(by)
    async with open_installation() as session:
        if not shop_id and (shops := await merchants.shops_of(session.db, seller_id)):
            raise Refusal(
                "setup.shop_needed", merchant=seller_id, shops="、".join(one.shop_id for one in shops[:_MOST_NAMED])
            )
        try:
            relation = await relations.propose(
                session.db,
                seller_id,
                shop_id,
                supplier_id,
                asked_by=seller_id if side == _SELLER else supplier_id,
                evidence=evidence,
                stated_by=actor,
            )
            done = "已登记，等待对方确认 on record, the other side has to accept"
        except Refusal as refusal:
            if refusal.code != "supply.exists":
                raise
            relation = await _standing(session.db, seller_id, shop_id, supplier_id)
            if relation.evidence != evidence.strip():
                raise
            done = "早已登记，没有变化 was on record already"
    write_lines([str(relation.relation_id)])
    say(f"✓ {done}: {_named(relation)}  {RELATION_STATES[relation.state]}")
    if relation.state is RelationState.ASKED:
        say(f"  对方同意后 once the other side agrees:  miandan supply accept {relation.relation_id}")
    return 0


async def _standing(db: Database, seller_id: int, shop_id: str, supplier_id: int) -> SupplyRelation:
    for one in await relations.suppliers_of(db, seller_id):
        if (one.shop_id, one.supplier_id) == (shop_id, supplier_id) and one.state is not RelationState.ENDED:
            return one
    raise Refusal("supply.no_relation", shop=shop_id, state=RelationState.ENDED.value)


async def accept(relation_id: str, by: str | None) -> int:
    """The side that did not ask agrees. Raises doubts.who, supply.unknown, supply.ended."""
    actor = login_or_own(by)
    async with open_installation() as session:
        before = await _relation(session.db, relation_id)
        after = await relations.accept(session.db, before.accepts, before.seller_id, before.relation_id, by=actor)
    done = "早已确认，没有变化 was accepted already" if before.state is after.state else "已确认 accepted"
    say(f"✓ {done}: {_named(after)}")
    return 0


async def end(relation_id: str, by: str | None) -> int:
    """No more orders, no more numbers. Raises doubts.who, supply.unknown."""
    actor = login_or_own(by)
    async with open_installation() as session:
        before = await _relation(session.db, relation_id)
        _, back = await relations.end(session.db, before.seller_id, before.seller_id, before.relation_id, by=actor)
    done = "早已结束，没有变化 had ended already" if before.state is RelationState.ENDED else "已结束 ended"
    say(f"✓ {done}: {_named(before)}；退回卖家的订单 orders back with the seller {len(back)}")
    return 0


async def list_relations(merchant_id: str | None, as_json: bool) -> int:
    """Relations of a merchant on either side, or all. Raises merchant.unknown."""
    async with open_session() as session:
        found = await overview.relations(session.db, await known.merchant_or_all(session.db, merchant_id))
    write_list(_RELATIONS, [_relation_row(one) for one in found], as_json=as_json)
    say(f"  供货关系 {len(found)} 个 supply relations" if found else "✓ 没有供货关系 no supply relation")
    return 0


async def grant(account_id: str, user_id: str, units: int, key: str, senders: Sequence[str]) -> int:
    """Lend units with ship-from addresses (all of the account's where none is named), and answer the grant's id.

    Raises setup.*, account.unknown and what `shares.grant` raises.
    """
    user = typed.merchant(user_id)
    async with open_installation() as session:
        account = await known.account(session.db, account_id)
        entry = typed.entry("share", str(account.account_id), key)
        standing = {one.grant_id for one in await shares.grants_of(session.db, account.merchant_id)}
        approved = await accounts.ship_from_of(session.db, account.merchant_id, account.account_id)
        ship_from = _wanted(senders, account.account_id) or [row.ship_from_id for row in approved]
        try:
            lent, shared = await shares.grant(
                session.db, account.merchant_id, account.account_id, user, units, ship_from=ship_from, grant_id=entry
            )
        except Refusal as refusal:
            raise typed.by_key(refusal, key) from None
    write_lines([str(lent.grant_id)])
    done = "早已共享，没有变化 was lent already" if entry in standing else "已共享 lent"
    say(f"✓ {done}: 商家 merchant {lent.merchant_id} → {lent.user_id} {lent.units:,} 单 units（{shown(key.strip())}）")
    say(f"  使用者的账号 the user's account: {shared.account_id}  {GRANT_STATES[lent.state]}")
    return 0


def _wanted(senders: Sequence[str], account_id: UUID) -> list[UUID]:
    not_approved = Refusal("account.sender_not_approved", account=str(account_id))
    return [typed.own_id(text, not_approved) for text in senders]


async def revoke(grant_id: str) -> int:
    """Ask for the rest of a grant back. Raises share.unknown."""
    unknown = Refusal("share.unknown", grant=shown(grant_id))
    async with open_installation() as session:
        before = await overview.find_grant(session.db, typed.own_id(grant_id, unknown))
        await shares.revoke(session.db, before.merchant_id, before.grant_id)
    done = (
        "已要求收回 revoking" if before.state is GrantState.ACTIVE else "早已要求收回，没有变化 was asked for already"
    )
    say(f"✓ {done}: 商家 merchant {before.merchant_id} → {before.user_id}")
    say("  miandan serve 运行中几秒内生效，否则运行 miandan jobs。/ Felt within seconds of miandan serve, or run jobs.")
    return 0


async def list_grants(merchant_id: str | None, as_json: bool) -> int:
    """Grants of a merchant as owner or user, or all. Raises merchant.unknown."""
    async with open_session() as session:
        found = await overview.grants(session.db, await known.merchant_or_all(session.db, merchant_id))
    write_list(_GRANTS, [_grant_row(one) for one in found], as_json=as_json)
    say(f"  共享 {len(found)} 笔 grants" if found else "✓ 没有共享 nothing is lent")
    return 0


async def _relation(db: Database, relation_id: str) -> SupplyRelation:
    unknown = Refusal("supply.unknown", relation=shown(relation_id))
    return await overview.find_relation(db, typed.own_id(relation_id, unknown))


def _named(one: SupplyRelation) -> str:
    return f"卖家 seller {one.seller_id} 店铺 shop {shown(one.shop_id) or '-'} ← 供货商 supplier {one.supplier_id}"


def _relation_row(one: SupplyRelation) -> dict[str, Any]:
    return {
        "relation": str(one.relation_id),
        "seller": str(one.seller_id),
        "shop_id": one.shop_id,
        "supplier": str(one.supplier_id),
        "state": one.state.value,
        "asked_by": _SELLER if one.asked_by == one.seller_id else _SUPPLIER,
        "stated_by": one.stated_by,
        "asked_at": one.asked_at,
        "accepted_by": one.accepted_by,
        "active_since": one.active_since,
        "ended_by": one.ended_by,
        "ended_at": one.ended_at,
        "evidence": one.evidence,
    }


def _grant_row(one: ShareGrant) -> dict[str, Any]:
    return {
        "grant": str(one.grant_id),
        "owner": str(one.merchant_id),
        "user": str(one.user_id),
        "account": str(one.account_id),
        "state": one.state.value,
        "units": one.units,
        "used": one.used,
        "returned": one.returned,
        "heard_at": one.heard_at,
        "granted_at": one.granted_at,
        "revoked_at": one.revoked_at,
    }
