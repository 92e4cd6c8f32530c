"""The sandbox: two merchants, three branches, an account with every carrier that takes new ones, all invented.

It goes through the same verbs as real merchants and branches, so it proves them as it loads. Loading it again
changes nothing.
"""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from miandan.access import service as access
from miandan.access.model import AppKind, Registration, Subject
from miandan.access.model import carrier as carrier_subject
from miandan.access.model import shop as shop_subject
from miandan.access.scopes import scopes_for
from miandan.accounts import applications
from miandan.accounts import service as accounts
from miandan.accounts.model import Account, Sender
from miandan.addresses import divisions
from miandan.branches import routes
from miandan.branches import service as branches
from miandan.branches.model import HEAD_OFFICE, Branch
from miandan.branches.routes import RouteRow
from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import NumberKind
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.wrapping import Wraps
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform

FIRST_SERIAL = 1000


async def load_sandbox(db: Database) -> bool:
    """Load everything, or nothing where it was there already (then False) or something fails on the way."""
    try:
        async with db.all_or_nothing() as whole:
            await _load(whole, _plan())
    except Refusal as refusal:
        if refusal.code == "merchant.exists":
            return False
        raise
    return True


async def _load(db: Database, plan: dict[str, Any]) -> None:
    for merchant in plan["merchant"]:
        await merchants.register_merchant(db, merchant["name"], merchant["applicant"], merchant["id"])
        for shop in merchant.get("shop", ()):
            platform = Platform(shop["platform"])
            await merchants.open_shop(db, merchant["id"], shop["id"], shop["name"], platform, shop["type"])
    for office in plan["office"]:
        for carrier, code in office.pop("codes").items():
            await branches.open_branch(db, Branch(carrier, code, opened_at=now(), **office))
    for offer in plan["offer"]:
        await _supply(db, offer)
        for merchant in plan["merchant"]:
            await open_account(db, merchant["id"], offer, Sender(**plan["sender"]))


async def _supply(db: Database, offer: dict[str, Any]) -> None:
    """Numbers, units and a route table for what an office offers."""
    carrier, office = offer["carrier"], offer["office"]
    if office == HEAD_OFFICE:
        await branches.open_branch(
            db, Branch(carrier, HEAD_OFFICE, f"{catalogue().get(carrier).zh} 总部（示例）", now())
        )
    rule = catalogue().get(carrier).rule(NumberKind.SANDBOX)
    if "segment" in offer:
        last = FIRST_SERIAL + offer["segment"] - 1
        await branches.load_segment(db, carrier, office, FIRST_SERIAL, last, NumberKind.SANDBOX)
    if "listed" in offer:
        numbers = [rule.format(FIRST_SERIAL + place) for place in range(offer["listed"])]
        await branches.load_list(db, carrier, office, numbers)
    if "segment" in offer or "listed" in offer:  # a live answer brings its own route data
        await routes.load_route_table(db, carrier, route_rows(), sandbox=True)
    if "stock" in offer:
        await branches.receive_stock(db, carrier, office, offer["stock"])


async def open_account(db: Database, merchant_id: int, offer: dict[str, Any], sender: Sender) -> Account:
    """Apply, be approved and, where units are sold, be recharged."""
    application = await applications.apply(
        db,
        merchant_id,
        offer["carrier"],
        ship_from=[sender],
        branch_code=offer["office"],
        settlement_code=offer.get("settlement", ""),
    )
    account = await applications.approve(db, merchant_id, application.application_id, carrier_reads=True)
    if offer.get("units"):
        account = await accounts.recharge(db, merchant_id, account.account_id, offer["units"])
    return account


def route_rows() -> list[RouteRow]:
    """A made-up way to every city and county: what a carrier's own table looks like, and nothing it says is true."""
    rows = []
    for division in divisions():
        if len(division.path) > 1 and not division.zone:
            city = division.path[1]
            prefix = division.code.removesuffix("00")
            sort_code = f"{division.code[:4]}-{division.code[4:]} 000"
            rows.append(RouteRow(prefix, sort_code, f"{city.short or city.name}", f"{city.short or city.name}集"))
    return rows


@dataclass(frozen=True, slots=True)
class SandboxApp:
    """An app that everybody may be; its secret is none."""

    app_key: str
    secret: str
    name: str
    subject: Subject
    calls_per_second: int


def apps_of_the_sandbox() -> list[SandboxApp]:
    """An ERP of the shop, with every scope, and a carrier's gateway."""
    return [
        SandboxApp(row["key"], row["secret"], row["name"], _subject(row), row["calls_per_second"])
        for row in _plan()["app"]
    ]


def _subject(row: dict[str, Any]) -> Subject:
    if "carrier" in row:
        return carrier_subject(row["carrier"])
    return shop_subject(row["shop"]["merchant"], row["shop"]["id"])


async def load_sandbox_apps(db: Database, root: Wraps) -> None:
    """Register the apps of the sandbox; those that are there already stay as they are."""
    for one in apps_of_the_sandbox():
        scopes = scopes_for(one.subject.kind)
        form = Registration(one.name, AppKind.SELF_USE, scopes, (one.subject,), calls_per_second=one.calls_per_second)
        await access.register_sandbox_app(db, root, form, one.app_key, one.secret)


def merchants_of_the_sandbox() -> list[tuple[int, str]]:
    """Ids and names."""
    return [(merchant["id"], merchant["name"]) for merchant in _plan()["merchant"]]


def _plan() -> dict[str, Any]:
    return tomllib.loads((resources.files("miandan.cli") / "sandbox.toml").read_text(encoding="utf-8"))
