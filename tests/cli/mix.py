"""A database with some of everything in it, made by the service's own verbs: what `miandan check` is tested on.

Everybody and everything is invented. The numbers are few, so that each damage has one row to strike.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec import structs

from miandan.accounts import leases, shares
from miandan.accounts import service as accounts
from miandan.accounts.leases import AccountRef
from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.connectors.faults import Fault, FaultPlan
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderLine, OrderRef
from miandan.outbound import service as outbound
from miandan.outbound.desk import ShipDesk
from miandan.outbound.model import LineAsk, NumberChange, PackAsk, ShipInPacks, ShipOrder
from miandan.outbound.model import Parcel as ShippedParcel
from miandan.tracking import applying
from miandan.tracking import service as tracking
from miandan.tracking.model import Action, Scan
from miandan.vault.retention import index_pending, shred
from miandan.waybills import lives
from miandan.waybills import service as waybills
from miandan.waybills.model import Outcome, Refused, Taken, TakeRequest
from tests.cli.print_mix import print_some
from tests.waybills.world import MERCHANT, SHOP, SOMEBODY, World, open_world, parcel

USER = 1002
GONE_WORKER = 4711


async def make_mix(db: Database, folder: Path) -> None:
    """Fill an empty database with takes of every kind and what can happen to them."""
    async with open_world(db, folder) as world:
        await _segments(world)
        await _lives(world)
        await _lists_and_live_calls(world)
        await _grants(world)
        await _orders(world)
        await print_some(world, folder)
    await _stock(db)
    await _open_lease(db, world)


def number_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Taken), outcome.refusal.code
    return outcome.number


async def _segments(world: World) -> None:
    """Single parcels, several orders in one, parent and child, answers kept, a retake between segments."""
    await world.take("zto", parcel("Z1"), parcel("Z2"), parcel("Z3"))
    await world.take("zto", parcel("Z4", "Z5", "Z6"), parcel("Z7", pieces=3), idempotency_key="answer-1")
    await world.take("zto", parcel("F1"), merchant_id=USER)
    await world.take("jt", parcel("R1"))
    await world.take("sto", parcel("R1"), retake=True)
    await world.take("zto", parcel("R2"))
    await world.take("sto", parcel("R2"), retake=True)  # ZTO cancels nothing: the old number stays void


async def _lives(world: World) -> None:
    """One number cancelled, one recycled, one recycled and scanned after all, one updated, shipped and scanned."""
    counter = world.counter
    recycled, scanned = [number_of(one) for one in await world.take("yto", parcel("Y1"), parcel("Y2"))]
    for number in (recycled, scanned):
        await lives.cancel(counter, MERCHANT, "yto", number)
    waited = now() + timedelta(days=catalogue().get("yto").terms().waiting_days, minutes=1)
    await lives.recycle_due(world.db, waited)
    await lives.scanned(world.db, "yto", scanned, now())
    again, cancelled, shipped = [
        number_of(one) for one in await world.take("yto", parcel("Y1"), parcel("Y3", pieces=2), parcel("Y4"))
    ]
    await lives.cancel(counter, MERCHANT, "yto", cancelled)
    await lives.update(counter, MERCHANT, "yto", again, goods=[{"line_id": "Y1", "title": "碟子", "quantity": 2}])
    await lives.update(counter, MERCHANT, "yto", again, recipient=SOMEBODY)
    await _statements(world, shipped)
    said = [Scan("yto", shipped, action, now()) for action in (Action.COLLECTED, Action.SIGNED)]
    await tracking.push(world.db, said)
    await outbox.deliver(world.db, applying.handlers(world.vault))


async def _statements(world: World, number: str) -> None:
    """One order shipped with a number taken here, one in two packs under typed-in numbers, one of them corrected."""
    keys = await world.vault.keys_of(MERCHANT)
    drafts = [OrderDraft(order, SHOP, SOMEBODY, (OrderLine("cup", "杯子", quantity=2),)) for order in ("Y4", "H1")]
    await orders.keep(world.db, keys, drafts)
    desk = ShipDesk(world.db, world.vault)
    said: dict[str, Any] = {"merchant_id": MERCHANT, "shop_id": SHOP, "stated_by": "mix"}
    await outbound.ship_order(desk, ShipOrder(**said, order_id="Y4", parcel=ShippedParcel("yto", number)))
    typed = [ShippedParcel("yto", f"YT9{serial:012d}") for serial in range(3)]
    packs = tuple(PackAsk(one, (LineAsk("cup", 1),)) for one in typed[:2])
    _, second = await outbound.ship_in_packs(desk, ShipInPacks(**said, order_id="H1", packs=packs, request_id="mix"))
    await outbound.change_pack_number(desk, second.pack_id, NumberChange(**said, order_id="H1", parcel=typed[2]))


async def _lists_and_live_calls(world: World) -> None:
    """Listed numbers; live ones known, with suffixed packages, refused, superseding, in doubt."""
    await world.take("zto_intl", parcel("I1"), parcel("I2", pieces=2))
    await world.take("sf", parcel("S1"), parcel("S2", pieces=3), idempotency_key="answer-2")
    await world.take("jd", parcel("J1", pieces=2))
    number_of((await world.take("ems", parcel("S4")))[0])  # a check digit that has to come out right
    await world.take("yto", parcel("R3"))
    await world.take("sf", parcel("R3"), retake=True)
    world.carriers["sf"].plan(FaultPlan(Fault.REFUSE))
    refused = await world.take("sf", parcel("S3"))
    assert isinstance(refused[0], Refused)
    world.carriers["ems"].plan(FaultPlan(Fault.DROP_ANSWER))
    doubtful = await world.take("ems", parcel("E1", "E2"))
    assert isinstance(doubtful[0], Refused)
    await world.take("jt", parcel("E3"))
    await world.take("ems", parcel("E3"), retake=True)


async def _grants(world: World) -> None:
    """One grant in use, one returned, one whose return is still on its way."""
    owned = (await world.account("yunda")).account_id
    sender = await world.sender(await world.account("yunda"))
    for place, _ in enumerate(("in use", "returned", "on its way")):
        grant, shared = await shares.grant(world.db, MERCHANT, owned, USER, 20, ship_from=[sender])
        [row] = await accounts.ship_from_of(world.db, USER, shared.account_id)
        asked = (parcel(f"G{place}"),)
        [taken] = await waybills.take(
            world.counter, TakeRequest(USER, shared.account_id, row.ship_from_id, asked, idempotency_key=f"g{place}")
        )
        number_of(taken)
        if place:
            await shares.revoke(world.db, MERCHANT, grant.grant_id)
        revoking = {shares.REVOKE: shares.HANDLERS[shares.REVOKE]}
        await outbox.deliver(world.db, revoking if place == 2 else shares.HANDLERS)


async def _orders(world: World) -> None:
    """Kept orders, one with a number under the same seal, one whose person is forgotten; all made findable."""
    keys = await world.vault.keys_of(MERCHANT)
    lines = (OrderLine("1", "杯子"),)
    drafts = [OrderDraft(order, SHOP, SOMEBODY, lines) for order in ("O1", "O2", "O3")]
    await orders.keep(world.db, keys, drafts)
    kept = await orders.find_orders(world.db, MERCHANT, [OrderRef(SHOP, order) for order in ("O1", "O3")])
    await world.take("zto", structs.replace(parcel("O1"), recipient=kept[OrderRef(SHOP, "O1")].recipient))
    await index_pending(world.db)
    async with world.db.transaction() as tx:
        await shred(tx, MERCHANT, [kept[OrderRef(SHOP, "O3")].recipient.token])
    await world.take("zto", parcel("O4"))


async def _stock(db: Database) -> None:
    """Units go back: from an account to its branch, from the branch to the carrier."""
    [account] = await accounts.accounts_of(db, MERCHANT, "jt")
    await accounts.reclaim(db, MERCHANT, account.account_id, 100)
    await branches.give_back_stock(db, account.carrier, account.branch_code, 50)
    try:
        await accounts.suspend(db, USER, (await _account(db, USER, "sto")), "示例")
    except Refusal as refusal:
        raise AssertionError(refusal.code) from refusal


async def _open_lease(db: Database, world: World) -> None:
    """A lease that a killed program left open."""
    ref = AccountRef(MERCHANT, await _account(db, MERCHANT, "zto"))
    async with db.transaction() as tx:
        await leases.open_lease(tx, ref, GONE_WORKER, 1, 50)


async def _account(db: Database, merchant_id: int, carrier: str) -> UUID:
    [account] = await accounts.accounts_of(db, merchant_id, carrier)
    return account.account_id
