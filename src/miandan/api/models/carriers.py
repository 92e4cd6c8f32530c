"""Carriers, accounts, templates, applications: what a caller looks up before it takes a number, and what a carrier
decides."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from miandan.accounts.model import AccountState, Application, ApplicationState, Billing, Sender, Supply
from miandan.accounts.netsites import NetSite
from miandan.api.models.fields import Answer, Asked, Flag, Text
from miandan.carriers.model import Carrier, CarrierModel
from miandan.carriers.offers import products_of, services_of
from miandan.kernel.masks import mask_name, mask_phone
from miandan.printing.model import TemplateCard


class OfferOut(Answer):
    """A product or a value-added service."""

    code: str
    zh: str
    en: str


class CarrierOut(Answer):
    """A carrier with what it sells."""

    code: str
    zh: str
    en: str
    model: CarrierModel
    takes_new_accounts: bool
    products: list[OfferOut]
    services: list[OfferOut]

    @classmethod
    def of(cls, carrier: Carrier) -> "CarrierOut":
        return cls(
            code=carrier.code,
            zh=carrier.zh,
            en=carrier.en,
            model=carrier.model,
            takes_new_accounts=carrier.takes_new_accounts(),
            products=[OfferOut(code=one.code, zh=one.zh, en=one.en) for one in products_of(carrier.code)],
            services=[OfferOut(code=one.code, zh=one.zh, en=one.en) for one in services_of(carrier.code)],
        )


class CarrierList(Answer):
    """Every carrier of this installation."""

    carriers: list[CarrierOut]


class ShipFromOut(Answer):
    """An approved address to send from."""

    ship_from_id: str
    province: str
    city: str
    district: str
    detail: str
    division_code: str
    store_id: str


class AccountOut(Answer):
    """An account at a branch. `left`: units that takes may still use, null where nothing limits them."""

    account_id: str
    carrier: str
    branch_code: str
    branch_name: str
    settlement_code: str
    state: AccountState
    billing: Billing
    supply: Supply
    shared: bool
    left: int | None
    allocated: int
    waiting: int = Field(description="已取消、等待退回的单量 / cancelled, their units not back yet")
    recycled: int
    ship_from: list[ShipFromOut]

    @classmethod
    def of(cls, site: NetSite) -> "AccountOut":
        account, balance = site.account, site.balance
        same = ("carrier", "branch_code", "settlement_code", "state", "billing", "supply", "shared")
        return cls(
            account_id=str(account.account_id),
            branch_name=site.branch_name,
            left=site.left,
            allocated=balance.allocated,
            waiting=balance.waiting,
            recycled=balance.recycled,
            ship_from=[
                ShipFromOut(ship_from_id=str(row.ship_from_id), **_place(row.sender), store_id=row.sender.store_id)
                for row in site.senders
            ],
            **{name: getattr(account, name) for name in same},
        )


class AccountList(Answer):
    """The merchant's accounts, own and lent to it."""

    accounts: list[AccountOut]


class TemplateOut(Answer):
    """A label template. `url` is its JSON, `preview_url` a picture with sample data."""

    name: str
    title: str
    carrier: str
    version: int
    own: bool
    url: str
    preview_url: str
    keys: list[str] = Field(description="自定义区要的数据 / data that its custom area asks for")

    @classmethod
    def of(cls, card: TemplateCard, *, own: bool) -> "TemplateOut":
        same = ("name", "title", "carrier", "version", "url", "preview_url")
        return cls(own=own, keys=list(card.keys), **{name: getattr(card, name) for name in same})


class TemplateList(Answer):
    """The platform's templates, then the merchant's own."""

    templates: list[TemplateOut]


class SenderOut(Answer):
    """An address applied for; its person is masked."""

    contact: str
    phone: str
    province: str
    city: str
    district: str
    detail: str
    division_code: str


class ApplicationOut(Answer):
    """A merchant's wish for an account with this carrier."""

    application_id: str
    branch_code: str
    settlement_code: str
    billing: Billing
    state: ApplicationState
    reason: str
    applied_at: datetime
    decided_at: datetime | None
    ship_from: list[SenderOut]

    @classmethod
    def of(cls, application: Application) -> "ApplicationOut":
        same = ("branch_code", "settlement_code", "billing", "state", "reason", "applied_at", "decided_at")
        return cls(
            application_id=str(application.application_id),
            ship_from=[
                SenderOut(contact=mask_name(one.contact), phone=mask_phone(one.phone, "screen"), **_place(one))
                for one in application.ship_from
            ],
            **{name: getattr(application, name) for name in same},
        )


class ApplicationList(Answer):
    """What the carrier has to decide, oldest first."""

    applications: list[ApplicationOut]


class ApproveIn(Asked):
    """The terms of the new account."""

    carrier_reads: Annotated[
        Flag,
        Field(
            description="快递员能否按单号查看收件人；不能则面单要打全 / "
            "whether the carrier reads masked recipients by number"
        ),
    ]
    unit_limit: Annotated[
        int | None, Field(strict=True, ge=1, le=10**9, description="月结账号的上限 / for monthly accounts")
    ] = None


class Approved(Answer):
    """The account that was opened, or that was there before."""

    application_id: str
    account_id: str
    state: AccountState


class RejectIn(Asked):
    """Why the carrier declines; the merchant is shown it."""

    reason: Text = ""


def _place(sender: Sender) -> dict[str, str]:
    names = ("province", "city", "district", "detail", "division_code")
    return {name: getattr(sender, name) for name in names}
