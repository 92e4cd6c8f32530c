"""How accounts, shares, supply relations and their codes are called, Chinese first."""

from collections.abc import Mapping
from typing import Final

from miandan.accounts.model import Account, AccountState, Application, ApplicationState, Billing, GrantState, Supply
from miandan.accounts.supply_model import RelationState
from miandan.carriers.catalogue import catalogue
from miandan.cli.session import shown
from miandan.merchants.shop_types import shop_types

BILLINGS: Final[Mapping[str, str]] = {Billing.PREPAID: "预付 prepaid", Billing.MONTHLY: "月结 monthly"}
ACCOUNT_STATES: Final[Mapping[str, str]] = {
    AccountState.ACTIVE: "可用 active",
    AccountState.SUSPENDED: "已暂停 suspended",
    AccountState.DORMANT: "已休眠 dormant",
    AccountState.CLOSED: "已收回 closed",
}
SUPPLIES: Final[Mapping[str, str]] = {
    Supply.SEGMENT: "号段 segment",
    Supply.LIVE: "实时 live",
    Supply.LIST: "清单 list",
}
APPLICATION_STATES: Final[Mapping[str, str]] = {
    ApplicationState.APPLIED: "待审核 applied",
    ApplicationState.APPROVED: "已开通 approved",
    ApplicationState.REJECTED: "已驳回 rejected",
}
GRANT_STATES: Final[Mapping[str, str]] = {
    GrantState.ACTIVE: "有效 active",
    GrantState.REVOKING: "收回中 revoking",
    GrantState.REVOKED: "已收回 revoked",
}
RELATION_STATES: Final[Mapping[str, str]] = {
    RelationState.ASKED: "待确认 asked",
    RelationState.ACTIVE: "有效 active",
    RelationState.ENDED: "已结束 ended",
}


def office(one: Account | Application) -> str:
    """Where an account is held or asked for: at a branch, or by a settlement code at the carrier."""
    return one.branch_code or one.settlement_code


def named(one: Account | Application) -> str:
    return f"商家 merchant {one.merchant_id} {catalogue().get(one.carrier).zh} {shown(office(one))}"


def office_row(one: Account | Application) -> dict[str, object]:
    """What lists of accounts and of applications have in common."""
    return {
        "merchant_id": str(one.merchant_id),
        "carrier": one.carrier,
        "office": office(one),
        "branch": one.branch_code,
        "settlement": one.settlement_code,
        "brand": one.brand,
        "billing": one.billing.value,
    }


def carrier_words(code: str) -> str:
    """Code and Chinese name of one of our carriers."""
    return f"{code} {catalogue().get(code).zh}"


def applicant_words(code: str) -> str | None:
    known = shop_types().applicant(code)
    return None if known is None else f"{known.zh} {code}"


def shop_type_words(code: str) -> str | None:
    """The name of a type that is or was open."""
    return next((f"{one.zh} {code}" for one in shop_types().types if one.code == code), None)
