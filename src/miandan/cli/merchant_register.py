"""`miandan merchants` and `miandan shops`: who ships here, written down once and seen again."""

from collections.abc import Sequence
from typing import Any

from miandan.access import tokens
from miandan.access.model import shop as shop_subject
from miandan.accounts import overview
from miandan.accounts import service as accounts
from miandan.accounts.model import Account, Balance
from miandan.cli import known, typed
from miandan.cli.installation import open_installation
from miandan.cli.logins import login_or_own
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import Column, facts, table, write_json, write_lines, write_list
from miandan.cli.words import ACCOUNT_STATES, BILLINGS, applicant_words, carrier_words, office, shop_type_words
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from miandan.merchants.model import Merchant, Platform, Shop
from miandan.merchants.shop_types import shop_types

_MERCHANTS = (
    Column("merchant_id", "商家号 merchant"),
    Column("applicant", "主体 applicant", applicant_words),
    Column("created_at", "登记 registered"),
    Column("name", "名称 name"),
)
_SHOPS = (
    Column("merchant_id", "商家号 merchant"),
    Column("shop_id", "店铺号 shop"),
    Column("platform", "平台 platform"),
    Column("shop_type", "类型 type", shop_type_words),
    Column("opened_at", "开店 opened"),
    Column("name", "名称 name"),
)
_ACCOUNTS = (
    Column("account", "账号 account"),
    Column("carrier", "快递 carrier", carrier_words),
    Column("office", "网点/月结 office"),
    Column("billing", "结算 billing", BILLINGS.get),
    Column("state", "状态 state", ACCOUNT_STATES.get),
    Column("available", "可用 available"),
    Column("leased", "租约 leased"),
    Column("granted", "共享 granted"),
    Column("allocated", "占用 allocated"),
    Column("waiting", "待回收 waiting"),
)


async def add(text: str, applicant: str, merchant_id: str | None) -> int:
    """Register a merchant and answer its id; one that is there already is answered too.

    Raises setup.name_missing, merchant.id_malformed, merchant.applicant_unknown, merchant.exists.
    """
    name = typed.name(text, "商家名称 merchant's name")
    async with open_installation() as session:
        if merchant_id is None:
            merchant, fresh = await merchants.register_once(session.db, name, applicant)
        else:
            merchant, fresh = await _add_with_id(session.db, name, applicant, typed.merchant(merchant_id))
    write_lines([str(merchant.merchant_id)])
    done = "已登记 registered" if fresh else "早已登记，没有变化 was registered already"
    say(f"✓ {done}: {merchant.merchant_id} {shown(merchant.name)}")
    return 0


async def _add_with_id(db: Database, name: str, applicant: str, merchant_id: int) -> tuple[Merchant, bool]:
    try:
        return await merchants.register_merchant(db, name, applicant, merchant_id), True
    except Refusal as refusal:
        if refusal.code != "merchant.exists":
            raise
        there = await merchants.find_merchant(db, merchant_id)
        if (there.name, there.applicant) != (name, applicant):
            raise
        return there, False


async def list_merchants(as_json: bool) -> int:
    """Every merchant, the oldest first."""
    async with open_session() as session:
        found = await merchants.all_merchants(session.db)
    write_list(_MERCHANTS, [_merchant(one) for one in found], as_json=as_json)
    say(f"  商家 {len(found)} 个 merchants" if found else "✓ 还没有商家 no merchant is registered")
    return 0


async def show(merchant_id: str, as_json: bool) -> int:
    """A merchant with its shops, its accounts and where their units are. Raises merchant.unknown."""
    async with open_session() as session:
        merchant = await merchants.find_merchant(session.db, typed.merchant(merchant_id))
        shops = [_shop(one) for one in await merchants.shops_of(session.db, merchant.merchant_id)]
        held = [
            _account(one, await accounts.balance(session.db, one.merchant_id, one.account_id))
            for one in await overview.accounts(session.db, merchant.merchant_id)
        ]
    if as_json:
        write_json(_merchant(merchant) | {"shops": shops, "accounts": held})
        return 0
    write_lines(facts(_MERCHANTS, _merchant(merchant)))
    _write_part(_SHOPS[1:], shops, "店铺 shops")
    _write_part(_ACCOUNTS, held, "账号 accounts")
    return 0


def _write_part(columns: Sequence[Column], rows: Sequence[dict[str, Any]], what: str) -> None:
    write_lines(["", *table(columns, rows)] if rows else ["", f"{what}: 没有 none"])


async def add_shop(shop_id: str, merchant_id: str, text: str, platform: str, shop_type: str) -> int:
    """Open a shop. Raises setup.id_malformed, setup.name_missing, setup.choice and what `merchants.open_shop` raises;
    shop.exists only where the open one is not the same."""
    owner, name = typed.merchant(merchant_id), typed.name(text, "店铺名称 shop's name")
    number = typed.code(shop_id, "店铺号 shop id")
    where = Platform(typed.choice(platform, list(Platform), "--platform"))
    async with open_installation() as session:
        others = await _others_with(session.db, owner, number)
        done = "已重新开店 opened again" if await _was_there(session.db, owner, number) else "已登记 opened"
        try:
            shop = await merchants.open_shop(session.db, owner, number, name, where, shop_type)
        except Refusal as refusal:
            if refusal.code == "shop.type_not_open":
                _say_open_types()
            if refusal.code != "shop.exists":
                raise
            shop = await merchants.find_shop(session.db, owner, number)
            done = "早已登记，没有变化 was open already"
            if (shop.name, shop.platform, shop.shop_type) != (name, where, shop_type):
                raise
    say(f"✓ {done}: {shown(shop.shop_id)} {shown(shop.name)}  商家 merchant {owner}")
    if others:
        say(f"! 同一店铺号还属于商家 {'、'.join(others)}；以后要同时写 --merchant，写错了请关闭。")
        say("  The same shop id belongs to another merchant too: name the merchant with it, or close the wrong one.")
    return 0


async def _was_there(db: Database, owner: int, shop_id: str) -> bool:
    try:
        await merchants.find_shop(db, owner, shop_id)
    except Refusal:
        return False
    return True


async def _others_with(db: Database, owner: int, shop_id: str) -> list[str]:
    shops = await merchants.all_open_shops(db)
    return [str(one.merchant_id) for one in shops if one.shop_id == shop_id and one.merchant_id != owner]


def _say_open_types() -> None:
    types = shop_types().open_on(trade_day(now()))
    say(f"  现在开放 open now: {'、'.join(f'{one.code} {one.zh}' for one in types)}")


async def close_shop(shop_id: str, merchant_id: str, by: str | None) -> int:
    """Close a shop and show every app the door that acted for it. Raises doubts.who, shop.unknown."""
    owner, actor, number = typed.merchant(merchant_id), login_or_own(by), typed.code(shop_id, "店铺号 shop id")
    async with open_installation() as session, session.db.all_or_nothing() as db:
        shop = await merchants.find_shop(db, owner, number)
        if shop.open:
            await merchants.close_shop(db, owner, number)
        standing = [
            one
            for one in await tokens.authorisations_of_subject(db, shop_subject(owner, number))
            if one.revoked_at is None
        ]
        for one in standing:
            await tokens.revoke(db, one.app_key, one.authorisation_id, by=actor)
    done = "已关闭 closed" if shop.open else "早已关闭 was closed already"
    say(f"✓ {done}: {shown(shop.shop_id)} {shown(shop.name)}；撤销授权 {len(standing)} 个 authorisations revoked")
    say("  已取的单号不受影响。/ Numbers that were taken stay as they are.")
    return 0


async def list_shops(merchant_id: str | None, as_json: bool) -> int:
    """Open shops, of one merchant or of all. Raises merchant.unknown."""
    async with open_session() as session:
        if merchant_id is None:
            found = await merchants.all_open_shops(session.db)
        else:
            found = await merchants.shops_of(session.db, await known.merchant(session.db, merchant_id))
    write_list(_SHOPS, [_shop(one) for one in found], as_json=as_json)
    say(f"  营业店铺 {len(found)} 个 open shops" if found else "✓ 没有营业的店铺 no shop is open")
    return 0


def _merchant(one: Merchant) -> dict[str, Any]:
    return {
        "merchant_id": str(one.merchant_id),
        "name": one.name,
        "applicant": one.applicant,
        "created_at": one.created_at,
    }


def _shop(one: Shop) -> dict[str, Any]:
    return {
        "merchant_id": str(one.merchant_id),
        "shop_id": one.shop_id,
        "name": one.name,
        "platform": one.platform.value,
        "shop_type": one.shop_type,
        "opened_at": one.opened_at,
    }


def _account(one: Account, units: Balance) -> dict[str, Any]:
    return {
        "account": str(one.account_id),
        "carrier": one.carrier,
        "office": office(one),
        "billing": one.billing.value,
        "state": one.state.value,
        "available": units.available,
        "leased": units.leased,
        "granted": units.granted,
        "allocated": units.allocated,
        "waiting": units.waiting,
        "received": units.received,
        "reclaimed": units.reclaimed,
        "recycled": units.recycled,
    }
