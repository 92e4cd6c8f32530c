"""Whose orders these are and from which account they take: what was typed, or what is the only choice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from miandan.accounts import service as accounts
from miandan.accounts.model import Account, AccountState
from miandan.carriers.catalogue import catalogue
from miandan.cli.session import Session
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from miandan.merchants.model import Shop
from miandan.orders.model import ReadResult

MOST_SHOWN = 10
NO_SHOP = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. `retake` and `update` allow a number to be replaced, and its document to be written anew."""

    carrier: str | None = None
    account_id: UUID | None = None
    shop_id: str | None = None
    merchant_id: int | None = None
    retake: bool = False
    update: bool = False
    template: str | None = None  # of the labels; None: the carrier's standard one


@dataclass(frozen=True, slots=True)
class Owner:
    """The merchant of a file, its shops, and the one that orders without a shop belong to (None: not clear)."""

    merchant_id: int
    shops: frozenset[str]
    home: str | None


async def whose(session: Session, wish: Wish) -> Owner:
    """The merchant that was named, itself or by a shop, or the only one. Raises ship.choose_shop, ship.no_merchant."""
    if wish.merchant_id is not None:
        merchant_id = int((await merchants.find_merchant(session.db, wish.merchant_id)).merchant_id)
    elif wish.shop_id is not None:
        merchant_id = int(await merchants.merchant_of_shop(session.db, wish.shop_id))
    else:
        merchant_id = await _only_merchant(session)
    shops = frozenset(shop.shop_id for shop in await merchants.shops_of(session.db, merchant_id))
    if wish.shop_id is not None and wish.shop_id not in shops:
        raise Refusal("ship.foreign_shop", shop=wish.shop_id, merchant=str(merchant_id))
    return Owner(merchant_id, shops, wish.shop_id or (min(shops, default=NO_SHOP) if len(shops) < 2 else None))


async def _only_merchant(session: Session) -> int:
    shops = await merchants.all_open_shops(session.db)
    if not shops:
        raise Refusal("ship.no_merchant")
    if len({shop.merchant_id for shop in shops}) > 1:
        raise _unclear(shops)
    return int(shops[0].merchant_id)


async def at_home(session: Session, read: ReadResult, owner: Owner) -> ReadResult:
    """Orders that name no shop belong to the merchant's only one, so that naming it later makes no second number.

    Raises ship.choose_shop where there are several.
    """
    if all(one.shop_id for one in read.orders) and all(one.shop_id for one in read.set_aside):
        return read
    home = owner.home
    if home is None:
        raise _unclear(await merchants.shops_of(session.db, owner.merchant_id))
    return replace(
        read,
        orders=[one if one.shop_id else replace(one, shop_id=home) for one in read.orders],
        set_aside=[one if one.shop_id else replace(one, shop_id=home) for one in read.set_aside],
    )


def _unclear(shops: Sequence[Shop]) -> Refusal:
    return Refusal("ship.choose_shop", shops="、".join(f"{shop.shop_id} {shop.name}" for shop in shops[:MOST_SHOWN]))


async def which_account(session: Session, merchant_id: int, wish: Wish) -> Account:
    """The account that was named, the only one of the carrier that was named, in the sandbox the first one.

    One that is not active is answered too where there is no other: its numbers can still be printed. Raises
    carrier.unknown, carrier.retired, account.unknown, ship.no_account, ship.choose_carrier, ship.choose_account.
    """
    carrier = catalogue().find(wish.carrier) if wish.carrier else None
    own = await accounts.accounts_of(session.db, merchant_id, carrier.code if carrier else None)
    if wish.account_id is not None:
        own = tuple(one for one in own if one.account_id == wish.account_id)
        if not own:
            raise Refusal("account.unknown", account=str(wish.account_id))
    if not own and carrier:
        carrier.must_take_new_accounts()
        raise Refusal("ship.no_account", zh=carrier.zh, en=carrier.en)
    if not own:
        raise Refusal("ship.no_account", zh="任何快递公司", en="any carrier")
    fitting = [one for one in own if one.state is AccountState.ACTIVE] or list(own)
    if len(fitting) > 1 and carrier:
        raise Refusal("ship.choose_account", zh=carrier.zh, accounts=_listed(map(_account_words, fitting)))
    if len(fitting) > 1 and not session.sandbox:
        raise Refusal("ship.choose_carrier", carriers=_listed(sorted({_carrier_words(one) for one in fitting})))
    return fitting[0]


def _listed(words: Iterable[str]) -> str:
    return "、".join(list(words)[:MOST_SHOWN])


def _carrier_words(account: Account) -> str:
    return f"{account.carrier} {catalogue().get(account.carrier).zh}"


def _account_words(account: Account) -> str:
    return f"{account.account_id}（{account.branch_code or account.settlement_code}）"
