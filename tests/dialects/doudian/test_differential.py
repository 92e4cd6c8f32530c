"""The same batch through the dialect, the native verb and the command: same numbers, same states, same refusals."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from miandan.access import service as access
from miandan.access.model import AppKind, Registration, shop
from miandan.access.scopes import scopes_for
from miandan.accounts import service as accounts
from miandan.accounts.model import Sender
from miandan.cli.sandbox import _plan, open_account
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from miandan.orders import intake
from miandan.orders.model import OrderRef
from miandan.orders.standing import OrderEvent
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.differential import (
    CARRIER,
    Batch,
    Door,
    Got,
    Place,
    Wanted,
    command,
    dialect,
    draft,
    native,
    only,
)
from tests.dialects.doudian.erp import MERCHANT, SHOP, Erp, new_order_id

DOORS: dict[str, Door] = {"dialect": dialect, "native": native, "command": command}
TAKEN = ("one", "other", "merged", "second pack", "outside")
REFUSED = {"in review": "orders.held_for_review", "refund": "orders.refund_open", "nobody's": "orders.unknown"}

_ROWS = """
    SELECT order_ref, number, number_state, units, version, pieces, product, services, division_code, sort_code,
           big_mark, bag_centre, barcode_text = number AS bare, parent_number, goods->0->>'title' AS title
      FROM waybill
     WHERE merchant_id = $1 AND number = ANY($2)
"""


async def batch_of(place: Place) -> Batch:
    """Orders put by the marketplace, one that is not ours, and three that may not be shipped."""
    ids = [new_order_id() for _ in range(8)]
    one, other, first, second, outside, review, refund, nobody = ids
    for order_id in (one, other, first, second, review, refund):
        await intake.put_order(place.hall.db, await _keys(place), draft(place.shop_id, order_id), 1)
    for order_id, event in ((review, OrderEvent.HELD), (refund, OrderEvent.REFUND_OPENED)):
        await intake.hear(place.hall.db, await _keys(place), OrderRef(place.shop_id, order_id), event, 2)
    return {
        "one": Wanted((one,)),
        "other": Wanted((other,)),
        "merged": Wanted((first, second)),
        "second pack": Wanted((one,), pack_id="2"),
        "outside": Wanted((outside,), outside=True),
        "in review": Wanted((review,)),
        "refund": Wanted((refund,)),
        "nobody's": Wanted((nobody,), in_store=False),
    }


async def _keys(place: Place) -> Any:
    return await place.hall.vault.keys_of(place.merchant_id)


async def spent(place: Place) -> int:
    [account] = await accounts.accounts_of(place.hall.db, place.merchant_id, CARRIER)
    balance = await accounts.balance(place.hall.db, place.merchant_id, account.account_id)
    assert balance.adds_up
    return balance.allocated


@asynccontextmanager
async def here(ground: Ground, folder: Path) -> AsyncIterator[Place]:
    """The sandbox's own shop."""
    async with ground.erp() as erp:
        yield Place(MERCHANT, SHOP, erp, ground.settings, folder)


@asynccontextmanager
async def elsewhere(place: Place) -> AsyncIterator[Place]:
    """A merchant nobody has used, with a shop, an account and an ERP of its own."""
    hall, shop_id = place.hall, f"S{new_order_id()}"
    plan = _plan()
    merchant = await merchants.register_merchant(hall.db, "差分示例有限公司", "enterprise")
    merchant_id = int(merchant.merchant_id)
    await merchants.open_shop(hall.db, merchant_id, shop_id, "差分示例店", Platform("doudian"), "flagship")
    [offer] = [one for one in plan["offer"] if one["carrier"] == CARRIER]
    await open_account(hall.db, merchant_id, offer | {"units": 100}, Sender(**plan["sender"]))
    form = Registration("差分", AppKind.SELF_USE, scopes_for("shop"), (shop(merchant_id, shop_id),))
    app, secret = await access.register_app(hall.db, hall.root, form)
    async with Erp.at(place.erp.running, app_key=app.app_key, secret=secret) as erp:
        await erp.log_in(shop_id=shop_id)
        yield replace(place, merchant_id=merchant_id, shop_id=shop_id, erp=erp)


@pytest.mark.parametrize("names", list(permutations(DOORS)), ids=" then ".join)
async def test_a_number_taken_at_one_door_is_the_number_at_every_other(
    ground: Ground, tmp_path: Path, names: tuple[str, ...]
) -> None:
    async with here(ground, tmp_path) as place:
        batch, before = await batch_of(place), await spent(place)
        numbers: dict[str, str] = {}
        for name in names:
            got = await DOORS[name](place, batch)
            for label, one in only(got, TAKEN).items():
                assert one.number, (name, label, one)
                assert one.known is (label in numbers), (name, label)
                assert numbers.setdefault(label, one.number) == one.number, (name, label)
            for label in REFUSED.keys() & got.keys():
                assert got[label] == refused(name, label), name
        assert len(set(numbers.values())) == len(TAKEN)
        assert await spent(place) == before + len(TAKEN)


def refused(name: str, label: str) -> Got:
    """Of an order that is not to be shipped the command has words of its own."""
    return Got(refused="ship.finished_before" if (name, label) == ("command", "refund") else REFUSED[label])


async def test_without_leave_to_update_the_command_names_the_number_whose_goods_another_door_wrote_otherwise(
    ground: Ground, tmp_path: Path
) -> None:
    async with here(ground, tmp_path) as place:
        batch = only(await batch_of(place), ("one",))
        number = (await dialect(place, batch))["one"].number
        assert await command(place, batch, update=False) == {"one": Got(refused="parcel.differs")}
        assert (await command(place, batch))["one"] == Got(number, known=True)
        assert (await dialect(place, batch))["one"] == Got(number, known=True)


async def test_merchants_who_ask_at_different_doors_are_served_alike(ground: Ground, tmp_path: Path) -> None:
    async with here(ground, tmp_path) as first:
        outcomes: dict[str, dict[str, bool]] = {}
        papers: dict[str, dict[str, dict[str, Any]]] = {}
        for name, door in DOORS.items():
            async with elsewhere(first) as place:
                batch = await batch_of(place)
                got = await door(place, batch)
                again = await door(place, batch)
                outcomes[name] = {label: bool(one.number) for label, one in got.items()}
                assert {label: one.number for label, one in got.items()} == {
                    label: one.number for label, one in again.items()
                }
                assert await spent(place) == sum(outcomes[name].values())
                papers[name] = await documents(place, batch, got)
        assert outcomes["dialect"] == outcomes["native"]
        assert papers["dialect"] == papers["native"]
        in_file = ("one", "other", "in review", "refund")
        assert outcomes["command"] == only(outcomes["native"], in_file)
        assert papers["command"] == only(papers["native"], in_file)


async def documents(place: Place, batch: Batch, got: Mapping[str, Got]) -> dict[str, dict[str, Any]]:
    """The waybill of each parcel as it lies in the database, without whose and which it is."""
    labels = {one.number: label for label, one in got.items() if one.number}
    rows = await place.hall.db.fetch(_ROWS, place.merchant_id, list(labels))
    found = {}
    for row in rows:
        label = labels[row["number"]]
        assert row["order_ref"] == f"{place.shop_id}/{batch[label].order_ids[0]}"
        found[label] = {name: value for name, value in row.items() if name not in ("order_ref", "number")}
    assert found.keys() == set(labels.values())
    return found
